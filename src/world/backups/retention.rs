//! Which backups of a series are kept: the newest, and the newest of each day, week, month and year, as restic counts them:
//! a period without a backup does not use up the count. Pure.

use crate::config::backup::BackupSection;
use chrono::{DateTime, Datelike as _};
use chrono_tz::Tz;

/// How many of each are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) last: u32,
    pub(crate) daily: u32,
    pub(crate) weekly: u32,
    pub(crate) monthly: u32,
    pub(crate) yearly: u32,
}

impl Policy {
    /// As `[backup]` says; the newest is kept whatever it says.
    pub(crate) fn of(section: &BackupSection) -> Policy {
        Policy {
            last: section.keep_last.max(1),
            daily: section.keep_daily,
            weekly: section.keep_weekly,
            monthly: section.keep_monthly,
            yearly: section.keep_yearly,
        }
    }

    /// Why each of these backups is kept, newest first: "last", "daily", …; one that is not kept has no reason.
    pub(crate) fn reasons(&self, times: &[DateTime<Tz>]) -> Vec<Vec<&'static str>> {
        type Period = fn(&DateTime<Tz>) -> (i32, u32);
        let rules: [(&'static str, u32, Period); 4] = [
            ("daily", self.daily, |time| (time.year(), time.ordinal())),
            ("weekly", self.weekly, |time| (time.iso_week().year(), time.iso_week().week())),
            ("monthly", self.monthly, |time| (time.year(), time.month())),
            ("yearly", self.yearly, |time| (time.year(), 0)),
        ];
        let mut reasons: Vec<Vec<&str>> = vec![Vec::new(); times.len()];
        for kept in reasons.iter_mut().take(self.last as usize) {
            kept.push("last");
        }
        for (word, count, period) in rules {
            let mut left = count;
            let mut before = None;
            for (time, kept) in times.iter().zip(&mut reasons) {
                let period = period(time);
                if left > 0 && before != Some(period) {
                    kept.push(word);
                    left -= 1;
                }
                before = Some(period);
            }
        }
        reasons
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Duration, TimeZone as _};
    use proptest::prelude::*;

    fn at(day: i64, hour: i64) -> DateTime<Tz> {
        let begin = chrono_tz::Europe::Paris.with_ymd_and_hms(2026, 11, 22, 2, 10, 0).unwrap();
        begin - Duration::days(day) + Duration::hours(hour)
    }

    const NONE: Policy = Policy { last: 1, daily: 0, weekly: 0, monthly: 0, yearly: 0 };

    #[test]
    fn the_newest_of_each_period_is_kept_and_empty_periods_do_not_count() {
        let times = [at(0, 3), at(0, 0), at(1, 0), at(5, 0), at(6, 0), at(40, 0)];
        let kept = Policy { daily: 3, monthly: 2, ..NONE }.reasons(&times);
        let expected: [&[&str]; 6] =
            [&["last", "daily", "monthly"], &[], &["daily"], &["daily"], &[], &["monthly"]];
        assert_eq!(kept, expected);
    }

    #[test]
    fn a_week_begins_on_monday_and_a_day_at_midnight_of_the_site() {
        // 2026-11-22 is a Sunday; 23:30 in Paris is the day before in no other zone.
        let times = [at(0, 0), at(6, 0), at(7, 0), at(7, -3)];
        let kept = Policy { weekly: 2, daily: 4, ..NONE }.reasons(&times);
        let expected: [&[&str]; 4] =
            [&["last", "daily", "weekly"], &["daily"], &["daily", "weekly"], &["daily"]];
        assert_eq!(kept, expected);
    }

    proptest! {
        #[test]
        fn the_newest_is_always_kept_and_never_more_than_was_asked_for(
            hours in proptest::collection::vec(0_i64..20_000, 1..60),
            last in 1_u32..3, daily in 0_u32..9, weekly in 0_u32..5, monthly in 0_u32..5, yearly in 0_u32..3,
        ) {
            let mut times: Vec<_> = hours.iter().map(|hour| at(0, -hour)).collect();
            times.sort_by(|one, other| other.cmp(one));
            let kept = Policy { last, daily, weekly, monthly, yearly }.reasons(&times);
            prop_assert!(kept[0].contains(&"last"));
            for (word, most) in [("last", last), ("daily", daily), ("weekly", weekly), ("monthly", monthly), ("yearly", yearly)] {
                let count = kept.iter().filter(|kept| kept.contains(&word)).count();
                prop_assert!(count <= most as usize);
            }
            // Keeping again what was kept keeps all of it.
            let left: Vec<_> = times.iter().zip(&kept).filter(|(_, kept)| !kept.is_empty()).map(|(time, _)| *time).collect();
            let again = Policy { last, daily, weekly, monthly, yearly }.reasons(&left);
            prop_assert!(again.iter().all(|kept| !kept.is_empty()));
        }
    }
}
