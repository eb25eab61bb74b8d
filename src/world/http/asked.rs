//! What one run has learnt of the addresses that it asks: which are given up, and which have asked for a pause.

use super::{Address, Failure};
use crate::text;
use crate::world::World;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const LONGEST: Duration = Duration::from_secs(86_400);

/// By address, or by machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked(Arc<Mutex<BTreeMap<String, Known>>>);

#[derive(Clone, Debug, Default)]
struct Known {
    /// Why it is not asked again.
    given_up: Option<String>,
    /// It is not asked before this time.
    next: Option<Instant>,
}

impl Asked {
    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn give_up(&self, key: &str, why: &str) {
        self.known().entry(key.to_owned()).or_default().given_up = Some(why.to_owned());
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
        let known: Vec<Known> = {
            let all = self.known();
            keys.iter().filter_map(|key| all.get(*key).cloned()).collect()
        };
        let failure = |why: String| Failure::passing(why, None);
        let mut wait = Duration::ZERO;
        for Known { given_up, next } in known {
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
