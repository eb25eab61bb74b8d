//! What one run has learnt of the addresses that it asks: which are given up, and which have asked for a pause.

use super::Address;
use super::tries::Failure;
use crate::text;
use crate::world::World;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const LONGEST: Duration = Duration::from_secs(86_400);

/// So many failures in a row are no chance.
const MOST_MISSES: u32 = 3;

/// By address, or by machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked(Arc<Mutex<BTreeMap<String, Learnt>>>);

#[derive(Clone, Debug, Default)]
struct Learnt {
    /// Failures in a row.
    misses: u32,
    /// Why it is not asked again.
    given_up: Option<String>,
    /// It is not asked before this time.
    next: Option<Instant>,
}

impl Asked {
    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Learnt>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody asks this address, or this machine, again in this run.
    pub(in crate::world) fn give_up(&self, key: &str, why: &str) {
        self.known().entry(key.to_owned()).or_default().given_up = Some(why.to_owned());
    }

    /// Whoever fails like that several times in a row is given up.
    pub(in crate::world) fn miss(&self, key: &str, why: &str) {
        let mut all = self.known();
        let learnt = all.entry(key.to_owned()).or_default();
        learnt.misses += 1;
        if learnt.misses >= MOST_MISSES {
            learnt.given_up = Some(why.to_owned());
        }
    }

    /// It is there.
    pub(in crate::world) fn hit(&self, key: &str) {
        self.known().entry(key.to_owned()).or_default().misses = 0;
    }

    /// Why it is not asked again.
    pub(in crate::world) fn given_up(&self, key: &str) -> Option<String> {
        self.known().get(key)?.given_up.clone()
    }

    /// The next request to this address waits so long.
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    pub(in crate::world) fn pause(&self, address: &Address, wait: Option<Duration>) {
        // Nobody waits for longer than a day, whatever a server says.
        let next = wait.map(|wait| Instant::now() + wait.min(LONGEST));
        self.known().entry(address.whole().to_owned()).or_default().next = next;
    }

    /// Waits as long as the address has asked for; fails when it is given up.
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    pub(super) fn await_turn(&self, world: &World, address: &Address) -> Result<(), Failure> {
        let keys = [address.whole(), &address.machine()];
        let known: Vec<Learnt> = {
            let all = self.known();
            keys.iter().filter_map(|key| all.get(*key).cloned()).collect()
        };
        let failure = |why: String| Failure::passing(why, None);
        let mut wait = Duration::ZERO;
        for Learnt { given_up, next, misses: _ } in known {
            if let Some(why) = given_up {
                return Err(failure(why));
            }
            wait =
                wait.max(next.map(|next| next.saturating_duration_since(Instant::now())).unwrap_or_default());
        }
        if wait > world.config.http.longest_wait.duration() {
            let wait = text::duration(wait);
            return Err(failure(format!("it asks to wait {wait}, longer than `longest_wait` of [http]")));
        }
        if world.stop.wait(wait) { Ok(()) } else { Err(failure("the run was ended".to_owned())) }
    }
}
