//! Addresses that have tried wrong keys, and may not try further ones for a while.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// So many wrong keys are forgiven.
const MOST_WRONG: u8 = 10;
/// Within this time; and as long nobody is heard afterwards.
const PERIOD: Duration = Duration::from_secs(15 * 60);
/// So many addresses are remembered.
const MOST_ADDRESSES: usize = 4_096;

/// Wrong keys by address.
#[derive(Debug, Default)]
pub(super) struct Lockout {
    tries: Mutex<HashMap<Option<IpAddr>, Tries>>,
}

#[derive(Debug, Clone, Copy)]
struct Tries {
    wrong: u8,
    /// When the first wrong key came, or the last that was one too many.
    since: Instant,
}

impl Tries {
    fn are_forgotten(&self, now: Instant) -> bool {
        now >= self.since + PERIOD
    }

    fn locked_for(&self, now: Instant) -> Option<Duration> {
        (self.wrong >= MOST_WRONG && !self.are_forgotten(now)).then(|| self.since + PERIOD - now)
    }
}

impl Lockout {
    /// How long this address is not heard.
    pub(super) fn locked_for(&self, address: Option<IpAddr>, now: Instant) -> Option<Duration> {
        let tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        tries.get(&block(address))?.locked_for(now)
    }

    /// Remembers a wrong key; true when it is the one after which the address is no longer heard.
    pub(super) fn wrong(&self, address: Option<IpAddr>, now: Instant) -> bool {
        let mut all = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        let address = block(address);
        if all.len() >= MOST_ADDRESSES && !all.contains_key(&address) {
            make_room(&mut all, now);
        }
        let tries = all.entry(address).or_insert(Tries { wrong: 0, since: now });
        if tries.are_forgotten(now) {
            *tries = Tries { wrong: 0, since: now };
        }
        tries.wrong = tries.wrong.saturating_add(1);
        if tries.wrong == MOST_WRONG {
            tries.since = now;
        }
        tries.wrong == MOST_WRONG
    }
}

/// Whoever has one IPv6 address has the 2^64 beside it.
fn block(address: Option<IpAddr>) -> Option<IpAddr> {
    match address?.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() >> 64 << 64;
            Some(IpAddr::V6(Ipv6Addr::from_bits(network)))
        }
        address @ IpAddr::V4(_) => Some(address),
    }
}

/// Forgets what is over, else the oldest of those who are still heard, else the oldest.
fn make_room(all: &mut HashMap<Option<IpAddr>, Tries>, now: Instant) {
    all.retain(|_, tries| !tries.are_forgotten(now));
    if all.len() >= MOST_ADDRESSES {
        let oldest = all.iter().min_by_key(|(_, tries)| (tries.locked_for(now).is_some(), tries.since));
        if let Some(address) = oldest.map(|(address, _)| *address) {
            all.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    #[test]
    fn after_ten_wrong_keys_an_address_is_not_heard_for_fifteen_minutes() {
        let (lockout, start) = (Lockout::default(), Instant::now());
        let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
        for number in 1..10 {
            assert!(!lockout.wrong(one, start + Duration::from_secs(number)));
        }
        let last = start + Duration::from_secs(600);
        assert_eq!(lockout.locked_for(one, last), None);
        assert!(lockout.wrong(one, last));
        assert_eq!(lockout.locked_for(one, last), Some(PERIOD));
        assert_eq!(lockout.locked_for(address("::ffff:192.0.2.1"), last), Some(PERIOD));
        assert_eq!(lockout.locked_for(other, last), None);
        assert_eq!(
            lockout.locked_for(one, last + PERIOD - Duration::from_secs(1)),
            Some(Duration::from_secs(1))
        );
        assert_eq!(lockout.locked_for(one, last + PERIOD), None);
        assert!(!lockout.wrong(one, last + PERIOD), "the count begins anew");
    }

    #[test]
    fn nine_wrong_keys_are_forgotten_after_fifteen_minutes() {
        let (lockout, start) = (Lockout::default(), Instant::now());
        for _ in 0..9 {
            lockout.wrong(None, start);
        }
        assert!(!lockout.wrong(None, start + PERIOD));
        assert_eq!(lockout.locked_for(None, start + PERIOD), None);
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let (lockout, now) = (Lockout::default(), Instant::now());
        for number in 1..=10 {
            lockout.wrong(address(&format!("2001:db8::{number:x}")), now);
        }
        assert!(lockout.locked_for(address("2001:db8::ffff:1:2:3"), now).is_some());
        assert!(lockout.locked_for(address("2001:db8:0:1::1"), now).is_none());
    }

    #[test]
    fn whoever_changes_addresses_neither_fills_the_memory_nor_frees_the_locked() {
        let (lockout, now) = (Lockout::default(), Instant::now());
        let locked = address("192.0.2.1");
        for _ in 0..10 {
            lockout.wrong(locked, now);
        }
        for number in 0..u32::try_from(MOST_ADDRESSES).unwrap() + 200 {
            lockout
                .wrong(Some(IpAddr::from(number.to_be_bytes())), now + Duration::from_millis(number.into()));
        }
        assert!(lockout.tries.lock().unwrap().len() <= MOST_ADDRESSES);
        assert!(lockout.locked_for(locked, now + Duration::from_secs(5)).is_some());
    }
}
