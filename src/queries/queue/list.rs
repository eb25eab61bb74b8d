//! `maint queue list`: the jobs of a queue by their state, and its workers.

use crate::engine::Query;
use crate::text;
use crate::world::World;
use crate::world::redis::Worker;
use crate::world::rq::{Counts, Job, State};
use anyhow::Result;
use chrono::{DateTime, Timelike as _, Utc};
use clap::Args;
use serde::Serialize;
use serde_json::Value as Json;
use std::fmt;
use std::time::Duration;

/// The longest description in the table.
const LONGEST: usize = 80;
/// The longest name of a worker beside a job; RQ makes names of 32 characters.
const LONGEST_NAME: usize = 16;

/// Shows the jobs of the queue and its workers
#[derive(Args, Clone, Debug)]
pub struct List {
    /// The queue [default: the `queue` of [redis] in maint.toml]
    #[arg(long, value_name = "NAME")]
    pub queue: Option<String>,
    /// At most so many jobs of each state: the newest of those that have ended, else those whose turn is next
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub limit: u32,
}

/// The queue. The first keys are those of the original, and in its order.
#[derive(Debug, Serialize)]
pub struct Listing {
    queued: Vec<Item>,
    started: Vec<Item>,
    finished: Vec<Item>,
    failed: Vec<Item>,
    /// Of the four lists above, as the original counts.
    total: usize,
    scheduled: Vec<Item>,
    deferred: Vec<Item>,
    counts: Counts,
    /// Ids among those looked at that lead to no job.
    ghosts: u64,
    workers: Vec<Row>,
    queue: String,
    is_suspended: bool,
}

/// A job. Again the original's keys come first.
#[derive(Debug, Serialize)]
struct Item {
    job_id: String,
    status: String,
    created_at: Option<String>,
    started_at: Option<String>,
    ended_at: Option<String>,
    result: Option<String>,
    exc_info: Option<String>,
    meta: Json,
    description: Option<String>,
    worker_name: Option<String>,
    /// Since it was put into the queue, else since it was made.
    age_seconds: Option<f64>,
    /// How long it took, or has been running.
    duration_seconds: Option<f64>,
    /// Its place in the queue, from 1 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<usize>,
    /// When it will be put into the queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduled_for: Option<String>,
    /// For how long its worker should have told of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    stale_seconds: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    state: String,
    current_job: Option<String>,
    uptime_seconds: Option<u64>,
}

impl Query for List {
    type Answer = Listing;

    fn ask(&self, world: &World) -> Result<Listing> {
        let queue = world.queue_name(self.queue.as_deref())?;
        let mut redis = world.redis()?;
        let counts = redis.queue(&queue)?;
        let mut ghosts = 0;
        let mut list = |state: State| -> Result<Vec<Item>> {
            let (jobs, gone) = redis.jobs(&queue, state, self.limit)?;
            ghosts += gone;
            let items = jobs.into_iter().enumerate();
            Ok(items.map(|(index, job)| Item::of(job, state, index, world.clock.now())).collect())
        };
        let (queued, started) = (list(State::Queued)?, list(State::Started)?);
        let (finished, failed) = (list(State::Finished)?, list(State::Failed)?);
        let (scheduled, deferred) = (list(State::Scheduled)?, list(State::Deferred)?);
        let total = queued.len() + started.len() + finished.len() + failed.len();
        let workers = redis.workers(&queue)?.into_iter().map(Row::of).collect();
        let is_suspended = redis.is_suspended()?;
        Ok(Listing {
            queued,
            started,
            finished,
            failed,
            total,
            scheduled,
            deferred,
            counts,
            ghosts,
            workers,
            queue,
            is_suspended,
        })
    }
}

impl Item {
    fn of(job: Job, state: State, index: usize, now: DateTime<Utc>) -> Item {
        let since = |begin: Option<DateTime<Utc>>, end: DateTime<Utc>| {
            begin.and_then(|begin| end.signed_duration_since(begin).to_std().ok())
        };
        let end = if state == State::Started { Some(now) } else { job.ended };
        let took = end.and_then(|end| since(job.started, end));
        let due = score_time(job.score);
        Item {
            job_id: String::from_utf8_lossy(&job.id).into_owned(),
            status: job.status,
            created_at: job.created.map(iso),
            started_at: job.started.map(iso),
            ended_at: job.ended.map(iso),
            result: job.result,
            exc_info: job.exc_info,
            meta: job.meta,
            description: job.description,
            worker_name: job.worker,
            age_seconds: since(job.enqueued.or(job.created), now).map(|age| age.as_secs_f64()),
            duration_seconds: took.map(|took| took.as_secs_f64()),
            position: (state == State::Queued).then_some(index + 1),
            scheduled_for: due.filter(|_| state == State::Scheduled).map(iso),
            stale_seconds: since(due.filter(|_| state == State::Started), now).map(|late| late.as_secs()),
        }
    }

    /// Why it failed, in a line: the last of a traceback.
    fn reason(&self) -> Option<&str> {
        self.exc_info.as_deref().and_then(|trace| trace.lines().rfind(|line| !line.trim().is_empty()))
    }

    fn row(&self, state: State) -> [String; 6] {
        let length = |seconds: f64| text::duration(Duration::from_secs_f64(seconds));
        let took = match self.stale_seconds {
            Some(late) => format!("no heartbeat for {}", text::duration(Duration::from_secs(late))),
            None => self.duration_seconds.map_or_else(|| "-".to_owned(), length),
        };
        let what = self.description.as_deref().unwrap_or("-");
        let what = match (self.reason(), state, &self.scheduled_for) {
            (Some(reason), State::Failed, _) => format!("{what}: {reason}"),
            (_, State::Scheduled, Some(time)) => format!("{what}, due {time} UTC"),
            _ => what.to_owned(),
        };
        [
            if self.status.is_empty() { state.word().to_owned() } else { self.status.clone() },
            self.job_id.clone(),
            self.age_seconds.map_or_else(|| "-".to_owned(), length),
            took,
            text::cut(self.worker_name.as_deref().unwrap_or("-"), LONGEST_NAME),
            what,
        ]
        .map(|cell| text::cut(&text::escape(&cell), LONGEST))
    }
}

/// A score that is a time: seconds since 1970.
fn score_time(score: f64) -> Option<DateTime<Utc>> {
    let is_time = score.is_finite() && score > 0.0;
    #[expect(clippy::cast_possible_truncation, reason = "whole seconds, in a range that chrono checks")]
    is_time.then(|| DateTime::from_timestamp(score as i64, 0)).flatten()
}

/// As Python's `isoformat` writes a time without a zone.
fn iso(time: DateTime<Utc>) -> String {
    let has_fraction = time.nanosecond() >= 1_000;
    time.format(if has_fraction { "%Y-%m-%dT%H:%M:%S%.6f" } else { "%Y-%m-%dT%H:%M:%S" }).to_string()
}

impl Row {
    fn of(worker: Worker) -> Row {
        Row {
            name: worker.name,
            state: worker.state,
            current_job: worker.current_job,
            uptime_seconds: worker.uptime.map(|uptime| uptime.as_secs()),
        }
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let states = State::ALL.iter().map(|state| (self.counts.of(*state), state.word()));
        let counts: Vec<String> = states
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{} {word}", text::thousands(count)))
            .collect();
        let counts = if counts.is_empty() { "empty".to_owned() } else { counts.join(", ") };
        writeln!(f, "{}: {counts}", text::escape(&self.queue))?;
        if self.is_suspended {
            writeln!(f, "the workers are suspended: none begins another job (`rq resume` lets them go on)")?;
        }
        if self.ghosts > 0 {
            writeln!(f, "{} lead to no job any more", text::plural(usize_of(self.ghosts), "id"))?;
        }
        self.write_jobs(f)?;
        self.write_workers(f)
    }
}

impl Listing {
    fn write_jobs(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lists = [
            (State::Started, &self.started),
            (State::Queued, &self.queued),
            (State::Scheduled, &self.scheduled),
            (State::Deferred, &self.deferred),
            (State::Finished, &self.finished),
            (State::Failed, &self.failed),
        ];
        if lists.iter().all(|(_, items)| items.is_empty()) {
            return Ok(());
        }
        let mut table = text::Table::new(&["STATE", "JOB", "AGE", "TOOK", "WORKER", "WHAT"]);
        for (state, items) in lists {
            for item in items {
                table.row(&item.row(state));
            }
        }
        write!(f, "\n{table}")
    }

    fn write_workers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.workers.is_empty() {
            return writeln!(f, "\nno worker serves it");
        }
        let mut table = text::Table::new(&["WORKER", "STATE", "JOB", "UP"]);
        for Row { name, state, current_job, uptime_seconds } in &self.workers {
            let up =
                uptime_seconds.map_or_else(|| "-".to_owned(), |up| text::duration(Duration::from_secs(up)));
            let cells = [name, state, current_job.as_deref().unwrap_or("-"), &up];
            table.row(&cells.map(|cell| text::cut(&text::escape(cell), LONGEST)));
        }
        write!(f, "\n{table}")
    }
}

fn usize_of(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    fn job(status: &str) -> Job {
        Job {
            id: b"a\n\xff".to_vec(),
            status: status.to_owned(),
            created: Some(time("2026-11-20T15:00:00Z")),
            enqueued: None,
            started: Some(time("2026-11-20T15:01:00.5Z")),
            ended: Some(time("2026-11-20T15:01:02Z")),
            worker: Some("w".repeat(32)),
            description: Some("tasks.send(1)".to_owned()),
            meta: Json::Null,
            result: None,
            exc_info: Some("Traceback\n  File\nRuntimeError: no\n".to_owned()),
            score: 1_795_186_946.0,
        }
    }

    const NOW: &str = "2026-11-20T15:07:26Z";

    #[test]
    fn times_are_written_as_python_writes_them() {
        assert_eq!(iso(time("2026-11-20T10:00:00Z")), "2026-11-20T10:00:00");
        assert_eq!(iso(time("2026-11-20T15:05:23.584923Z")), "2026-11-20T15:05:23.584923");
        assert_eq!(iso(time("2026-11-20T15:05:23.5Z")), "2026-11-20T15:05:23.500000");
    }

    #[test]
    fn a_row_is_short_and_tells_what_went_wrong() {
        let row = Item::of(job("failed"), State::Failed, 0, time(NOW)).row(State::Failed);
        let expected = [
            "failed",
            "a\\n\u{fffd}",
            "7 min 26 s",
            "1 s",
            "wwwwwwwwwwwwwww…",
            "tasks.send(1): RuntimeError: no",
        ];
        assert_eq!(row, expected);
    }

    #[test]
    fn a_running_job_without_a_heartbeat_is_shown_as_such() {
        let item = Item::of(job("started"), State::Started, 0, time(NOW));
        assert_eq!(item.stale_seconds, Some(300));
        assert_eq!(item.row(State::Started)[3], "no heartbeat for 5 min");
        assert_eq!((item.position, item.scheduled_for), (None, None));
    }

    #[test]
    fn only_what_waits_has_a_place_and_only_what_is_scheduled_a_time() {
        let queued = Item::of(job("queued"), State::Queued, 2, time(NOW));
        assert_eq!((queued.position, queued.stale_seconds, queued.scheduled_for), (Some(3), None, None));
        let scheduled = Item::of(job("scheduled"), State::Scheduled, 0, time(NOW));
        assert_eq!(scheduled.scheduled_for.as_deref(), Some("2026-11-20T15:02:26"));
        let endless = Item::of(Job { score: f64::INFINITY, ..job("started") }, State::Started, 0, time(NOW));
        assert_eq!(endless.stale_seconds, None);
    }
}
