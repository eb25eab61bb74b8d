//! What a run may still spend: the worst case of each request is set aside before it is sent.

use crate::money::Usd;
use crate::world::stop::Stop;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often a wait looks whether the run must end.
const STEP: Duration = Duration::from_millis(50);

/// What a run may still spend.
#[derive(Debug)]
pub(super) struct Budget {
    limit: Option<Usd>,
    purse: Mutex<Purse>,
    /// Something that was set aside is free again.
    freed: Condvar,
}

#[derive(Clone, Copy, Debug, Default)]
struct Purse {
    spent: Usd,
    set_aside: Usd,
}

impl Budget {
    pub(super) fn of(limit: Option<Usd>) -> Budget {
        Budget { limit, purse: Mutex::default(), freed: Condvar::new() }
    }

    fn purse(&self) -> MutexGuard<'_, Purse> {
        self.purse.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets aside what a request can cost at most. While others are under way, which will cost less than was set aside
    /// for them, it waits. The error says that the limit would be passed.
    pub(super) fn set_aside(&self, most: Usd, stop: &Stop) -> Result<(), String> {
        let mut purse = self.purse();
        let Some(limit) = self.limit else {
            purse.set_aside += most;
            return Ok(());
        };
        while purse.spent + purse.set_aside + most > limit && stop.reason().is_none() {
            if purse.set_aside.is_zero() {
                return Err(format!(
                    "the limit of {limit} would be passed: {} is spent, and one more answer can cost {most}; \
                     the next run goes on, or raise --max-cost",
                    purse.spent
                ));
            }
            purse = self.freed.wait_timeout(purse, STEP).unwrap_or_else(PoisonError::into_inner).0;
        }
        purse.set_aside += most;
        Ok(())
    }

    /// An answer was lost, and may have cost all that was set aside for it; as much stays set aside for another try. The
    /// error says that there is no money for one.
    pub(super) fn lose(&self, most: Usd) -> Result<(), String> {
        let mut purse = self.purse();
        purse.spent += most;
        match self.limit {
            Some(limit) if purse.spent + purse.set_aside > limit => Err(format!(
                "the answer was lost on its way, and another try could pass the limit of {limit}; \
                 the next run goes on, or raise --max-cost"
            )),
            _ => Ok(()),
        }
    }

    /// The request has cost so much instead.
    pub(super) fn settle(&self, most: Usd, cost: Usd) {
        let mut purse = self.purse();
        purse.set_aside = purse.set_aside.without(most);
        purse.spent += cost;
        self.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(dollars: f64) -> Usd {
        Usd::try_from(dollars).unwrap()
    }

    #[test]
    fn the_limit_is_never_passed_and_what_was_not_needed_is_there_for_others() {
        let (budget, stop) = (Budget::of(Some(usd(0.10))), Stop::default());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    while budget.set_aside(usd(0.03), &stop).is_ok() {
                        let purse = *budget.purse();
                        assert!(purse.spent + purse.set_aside <= usd(0.10), "{purse:?}");
                        budget.settle(usd(0.03), usd(0.01));
                    }
                });
            }
        });
        // Seven times a cent leaves room for the worst case once more; eight times does not.
        assert_eq!(budget.purse().spent, usd(0.08));
    }

    #[test]
    fn an_answer_that_was_lost_counts_as_the_dearest_one() {
        let (budget, stop) = (Budget::of(Some(usd(0.10))), Stop::default());
        budget.set_aside(usd(0.04), &stop).unwrap();
        budget.lose(usd(0.04)).unwrap();
        assert!(budget.lose(usd(0.04)).is_err(), "a third one would make it twelve");
        budget.settle(usd(0.04), Usd::ZERO);
        let Purse { spent, set_aside } = *budget.purse();
        assert_eq!((spent, set_aside), (usd(0.08), Usd::ZERO));
    }

    #[test]
    fn without_a_limit_everything_may_be_spent() {
        assert!(Budget::of(None).set_aside(usd(1_000.0), &Stop::default()).is_ok());
    }
}
