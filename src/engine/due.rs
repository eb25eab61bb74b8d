//! When a job should have run and did not.

use super::{history, installed, pause};
use crate::cron::schedule::Schedule;
use crate::world::World;
use anyhow::Result;
use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use std::collections::BTreeMap;

/// How long after its time a run may begin: a loaded machine is not an overdue job.
pub const GRACE: Duration = Duration::minutes(5);
/// Missed runs are counted up to here: a job of every minute may have been away for a year.
const MOST_COUNTED: usize = 1_000;

/// Runs that should have been and were not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Overdue {
    /// The time of the first of them, in the zone that cron fires in.
    pub since: DateTime<Tz>,
    /// How many; at most a thousand are counted.
    pub missed: usize,
}

impl Overdue {
    /// What `schedule` asked for after `baseline`, the start of the latest run, and more than [`GRACE`] before
    /// `now`.
    #[must_use]
    pub fn since(schedule: &Schedule, baseline: DateTime<Utc>, now: &DateTime<Tz>) -> Option<Overdue> {
        let limit = *now - GRACE;
        let next = |after: &DateTime<Tz>| schedule.next_after(after).filter(|time| *time < limit);
        let since = next(&baseline.with_timezone(&now.timezone()))?;
        let missed = std::iter::successors(Some(since), next).take(MOST_COUNTED).count();
        Some(Overdue { since, missed })
    }
}

/// The jobs that are overdue, with one look at the history for all.
///
/// A job is measured from the start of its latest run (one that was skipped has also begun), or from the time when
/// it got its present line in the crontab, if that was later; without either nothing is known to be missing. A job
/// that is paused or runs now is not overdue, nor is one without a line in a crontab where others have theirs.
pub fn overdue(world: &World) -> Result<BTreeMap<String, Overdue>> {
    let starts = history::latest_starts(world)?;
    let installed = installed::since(world)?;
    let running = history::running(world)?;
    let now = world.firing_now();
    let overdue = world.config.jobs.iter().filter_map(|(name, entry)| {
        // A line that was changed since has not missed what the one before it was for.
        let line = installed.get(name);
        let baseline =
            starts.get(name).max(line).copied().filter(|_| line.is_some() || installed.is_empty())?;
        let overdue = Overdue::since(entry.schedule.as_ref()?, baseline, &now)?;
        let is_excused =
            running.iter().any(|(_, run)| run.job == *name) || pause::in_force(world, name).is_some();
        (!is_excused).then(|| (name.clone(), overdue))
    });
    Ok(overdue.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::Europe::Paris;

    fn since(schedule: &str, baseline: &str, now: &str) -> Option<(String, usize)> {
        let time = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().with_timezone(&Paris);
        let schedule = Schedule::parse(schedule).unwrap();
        let overdue = Overdue::since(&schedule, time(baseline).to_utc(), &time(now))?;
        Some((overdue.since.to_rfc3339(), overdue.missed))
    }

    #[test]
    fn a_run_may_begin_five_minutes_late_and_is_overdue_after_that() {
        let late = |now| since("0 2 * * *", "2026-11-19T02:00:01+01:00", now);
        assert_eq!(late("2026-11-20T02:05:00+01:00"), None);
        assert_eq!(late("2026-11-20T02:05:01+01:00"), Some(("2026-11-20T02:00:00+01:00".to_owned(), 1)));
    }

    #[test]
    fn every_missed_run_is_counted_from_the_first_on_but_not_for_ever() {
        let daily = since("0 2 * * *", "2026-11-10T02:00:00+01:00", "2026-11-20T12:00:00+01:00");
        assert_eq!(daily, Some(("2026-11-11T02:00:00+01:00".to_owned(), 10)));
        let minutely = since("* * * * *", "2025-11-10T02:00:00+01:00", "2026-11-20T12:00:00+01:00");
        assert_eq!(minutely, Some(("2025-11-10T02:01:00+01:00".to_owned(), 1_000)));
    }

    #[test]
    fn a_job_at_boot_is_never_overdue() {
        assert_eq!(since("@reboot", "2025-11-10T02:00:00+01:00", "2026-11-20T12:00:00+01:00"), None);
    }
}
