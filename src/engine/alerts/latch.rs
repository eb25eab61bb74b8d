//! When a failure is worth an alert: once, until the job has recovered, and not too often.

use chrono::{DateTime, Duration, Utc};

/// How one job has fared, as far as alerts are concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Latch {
    /// Failures in a row.
    pub(super) failures: u32,
    /// The start of the first of them.
    pub(super) since: Option<DateTime<Utc>>,
    /// This series of failures was told.
    pub(super) is_told: bool,
    /// When the latest failure was told, of this series or of one before.
    pub(super) told: Option<DateTime<Utc>>,
}

impl Latch {
    /// A run has failed; true when that is to be told.
    pub(super) fn fail(
        &mut self,
        started: DateTime<Utc>,
        now: DateTime<Utc>,
        (tolerate, period): (u32, Duration),
    ) -> bool {
        self.failures = self.failures.saturating_add(1);
        self.since.get_or_insert(started);
        // A clock that was set back must not silence a job for long.
        let is_soon = self.told.is_some_and(|told| now - told < period && told <= now);
        let is_worth_it = !self.is_told && !is_soon && self.failures > tolerate;
        if is_worth_it {
            self.is_told = true;
            self.told = Some(now);
        }
        is_worth_it
    }

    /// A run has ended well. The series of failures that this ends, when it had been told.
    pub(super) fn succeed(&mut self) -> Option<Latch> {
        let before = *self;
        *self = Latch { told: before.told, ..Latch::default() };
        before.is_told.then_some(before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_186_946 + 60 * minute, 0).unwrap()
    }

    /// What is told of runs one minute apart: F failure, R recovery, `.` nothing. `x` fails, `o` ends well.
    fn told(runs: &str, tolerate: u32, period: i64) -> String {
        let mut latch = Latch::default();
        let tell = |(minute, run): (usize, char)| {
            let now = at(i64::try_from(minute).unwrap());
            match run {
                'x' if latch.fail(now, now, (tolerate, Duration::minutes(period))) => 'F',
                'o' if latch.succeed().is_some() => 'R',
                _ => '.',
            }
        };
        runs.chars().enumerate().map(tell).collect()
    }

    #[test]
    fn a_failure_is_told_once_and_so_is_its_end() {
        assert_eq!(told("oxxxoxo", 0, 0), ".F..RFR");
    }

    #[test]
    fn so_many_failures_in_a_row_are_tolerated_and_their_end_is_not_told() {
        assert_eq!(told("xxoxxxo", 2, 0), ".....FR");
    }

    #[test]
    fn a_failure_within_the_period_is_told_by_the_first_failing_run_after_it() {
        assert_eq!(told("xoxxxxxo", 0, 5), "FR...F.R");
    }

    proptest! {
        #[test]
        fn alerts_take_turns_and_keep_the_period(runs in "[xo]{0,60}", tolerate in 0_u32..4, period in 0_i64..9) {
            let told = told(&runs, tolerate, period);
            let events: String = told.chars().filter(|c| *c != '.').collect();
            prop_assert!(!events.contains("FF") && !events.contains("RR") && !events.starts_with('R'));
            let failures: Vec<usize> = told.match_indices('F').map(|(at, _)| at).collect();
            prop_assert!(failures.windows(2).all(|pair| i64::try_from(pair[1] - pair[0]).unwrap() >= period));
        }
    }
}
