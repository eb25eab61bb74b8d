//! Who is connected: so many, and when it is full the one who has kept the server waiting longest makes room.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// So many connections at once.
const MOST: usize = 512;
/// So many from one address of another machine.
const MOST_OF_ONE: usize = 64;
/// The turn of whoever is being answered.
const BUSY: u64 = 0;

/// Everybody who is connected.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    guests: Mutex<Vec<Arc<Guest>>>,
    /// How often somebody began to wait.
    turns: AtomicU64,
    has_left: Notify,
}

/// A connection, as the others see it.
#[derive(Debug)]
struct Guest {
    address: Option<IpAddr>,
    /// Since which turn the server waits for this guest.
    since: AtomicU64,
    /// It has to go at once.
    cut: Notify,
    /// It has to go when it has been answered.
    farewell: Notify,
    /// It fetches something that goes on.
    is_following: AtomicBool,
}

/// A place in the crowd; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    guest: Arc<Guest>,
    crowd: Arc<Crowd>,
}

impl Crowd {
    fn guests(&self) -> MutexGuard<'_, Vec<Arc<Guest>>> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_turn(&self) -> u64 {
        self.turns.fetch_add(1, Relaxed) + 1
    }

    /// A place for a connection from this address; nothing when all are taken by guests who are being answered.
    pub(super) fn join(self: &Arc<Self>, address: Option<IpAddr>) -> Option<Place> {
        let mut guests = self.guests();
        let is_neighbour = |guest: &Guest| address.is_some() && guest.address == address;
        let neighbours = guests.iter().filter(|guest| is_neighbour(guest)).count();
        if neighbours >= MOST_OF_ONE {
            cut_longest(&mut guests, is_neighbour)?;
        }
        if guests.len() >= MOST {
            cut_longest(&mut guests, |_| true)?;
        }
        let guest = Arc::new(Guest {
            address,
            since: self.next_turn().into(),
            cut: Notify::new(),
            farewell: Notify::new(),
            is_following: false.into(),
        });
        guests.push(Arc::clone(&guest));
        Some(Place { guest, crowd: Arc::clone(self) })
    }

    /// Frees what a connection takes of the system.
    pub(super) fn send_one_away(&self) {
        cut_longest(&mut self.guests(), |_| true);
    }

    /// Asks everybody to go: at once who only follows something, the others when they have been answered.
    pub(super) fn say_farewell(&self) {
        for guest in self.guests().iter() {
            let leaves_at_once = guest.is_following.load(Relaxed);
            if leaves_at_once { guest.cut.notify_one() } else { guest.farewell.notify_one() }
        }
    }

    /// Waits until everybody has gone.
    pub(super) async fn is_empty(&self) {
        loop {
            let left = self.has_left.notified();
            if self.guests().is_empty() {
                return;
            }
            left.await;
        }
    }
}

/// Ends the connection that has kept the server waiting longest; whoever follows something goes after all others.
fn cut_longest(guests: &mut Vec<Arc<Guest>>, is_meant: impl Fn(&Guest) -> bool) -> Option<()> {
    let meant = guests.iter().enumerate().filter(|(_, guest)| is_meant(guest));
    let turns =
        meant.map(|(index, guest)| (guest.is_following.load(Relaxed), guest.since.load(Relaxed), index));
    let (.., longest) = turns.filter(|(_, since, _)| *since != BUSY).min()?;
    guests.swap_remove(longest).cut.notify_one();
    Some(())
}

impl Place {
    /// A request has come; the server is at work.
    pub(super) fn is_busy(&self) {
        self.guest.is_following.store(false, Relaxed);
        self.guest.since.store(BUSY, Relaxed);
    }

    /// The answer is given; what follows is the guest's turn.
    pub(super) fn is_answered(&self) {
        self.guest.since.store(self.crowd.next_turn(), Relaxed);
    }

    /// The answer is something to be followed, which ends when the guest goes.
    pub(super) fn follows(&self) {
        self.guest.is_following.store(true, Relaxed);
        self.is_answered();
    }

    /// Comes when this guest has to go at once.
    pub(super) async fn is_cut(&self) {
        self.guest.cut.notified().await;
    }

    /// Comes when this guest has to go when it has been answered.
    pub(super) async fn is_dismissed(&self) {
        self.guest.farewell.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.crowd.guests().retain(|guest| !Arc::ptr_eq(guest, &self.guest));
        self.crowd.has_left.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> Option<IpAddr> {
        format!("192.0.2.{last}").parse().ok()
    }

    /// True when this guest was told to go.
    fn was_cut(place: &Place) -> bool {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let soon = std::time::Duration::from_millis(1);
        runtime.block_on(async { tokio::time::timeout(soon, place.is_cut()).await.is_ok() })
    }

    #[test]
    fn of_one_address_the_guest_who_waits_longest_makes_room() {
        let crowd = Arc::new(Crowd::default());
        let places: Vec<Place> = (0..MOST_OF_ONE).map(|_| crowd.join(address(1)).unwrap()).collect();
        let other = crowd.join(address(2)).unwrap();
        places[0].is_busy();
        places[1].is_busy();
        places[1].is_answered();
        let newcomer = crowd.join(address(1)).unwrap();
        let cut: Vec<bool> = places.iter().map(was_cut).collect();
        assert_eq!(cut.iter().filter(|is_cut| **is_cut).count(), 1);
        assert!(cut[2], "the third waits longest: the first is busy, the second began to wait anew");
        assert!(!was_cut(&other) && !was_cut(&newcomer));
    }

    #[test]
    fn whoever_follows_a_run_makes_room_after_all_who_wait() {
        let crowd = Arc::new(Crowd::default());
        let places: Vec<Place> = (0..MOST_OF_ONE).map(|_| crowd.join(address(1)).unwrap()).collect();
        places[0].follows();
        places[2..].iter().for_each(Place::is_busy);
        let second = crowd.join(address(1)).unwrap();
        assert!(was_cut(&places[1]) && !was_cut(&places[0]));
        second.is_busy();
        let _third = crowd.join(address(1)).unwrap();
        assert!(was_cut(&places[0]));
    }

    #[test]
    fn nobody_is_taken_in_while_all_are_being_answered() {
        let crowd = Arc::new(Crowd::default());
        let mut places: Vec<Place> = (0..MOST).map(|_| crowd.join(None).unwrap()).collect();
        places.iter().for_each(Place::is_busy);
        assert!(crowd.join(None).is_none());
        places.pop();
        assert!(crowd.join(None).is_some());
    }

    #[test]
    fn a_guest_who_was_cut_frees_no_second_place() {
        let crowd = Arc::new(Crowd::default());
        let places: Vec<Place> = (0..MOST).map(|_| crowd.join(None).unwrap()).collect();
        let newcomer = crowd.join(None).unwrap();
        assert_eq!(crowd.guests().len(), MOST);
        drop(places);
        assert_eq!(crowd.guests().len(), 1);
        drop(newcomer);
        assert!(crowd.guests().is_empty());
    }
}
