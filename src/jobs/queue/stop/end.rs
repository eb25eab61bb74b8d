//! Ends one running job: its worker is told, until it has confirmed.

use crate::engine::apply::Permit;
use crate::engine::report::Outcome;
use crate::text;
use crate::world::World;
use crate::world::redis::Redis;
use crate::world::rq::{Found, Running};
use anyhow::Result;
use chrono::{DateTime, Utc};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How often it is looked whether a job has ended, and how often its worker is told: one that is only about to begin
/// the job does not listen to it.
const LOOK: Duration = Duration::from_millis(20);
const TELL: Duration = Duration::from_millis(250);
/// A worker that is alive may take so long from one job to the next.
const BETWEEN: Duration = Duration::from_secs(2);
/// A worker that does not listen so often in a row never will.
const DEAF: u32 = 3;
/// The longest description that is shown.
const LONGEST: usize = 80;

/// What became of a running job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// RQ lists it as stopped.
    Stopped,
    /// It came to its end before it was stopped: its status then.
    Ended(String),
    /// RQ lists it as running, and no worker runs it: why.
    Abandoned(String),
    /// It runs on, as far as is known: why.
    NotStopped(Cow<'static, str>),
}

/// Ends a job. What became of it is known to each of its copies.
#[derive(Clone, Debug)]
pub struct End {
    job: Running,
    wait: Duration,
    done: Arc<OnceLock<(Fate, Duration)>>,
}

/// What is known of the telling.
#[derive(Default)]
struct Told {
    last: Option<DateTime<Utc>>,
    was_heard: bool,
    unheard: u32,
}

impl End {
    pub(super) fn of(job: Running, wait: Duration) -> End {
        End { job, wait, done: Arc::default() }
    }

    pub(super) fn fate(&self) -> Option<&Fate> {
        self.done.get().map(|(fate, _)| fate)
    }

    /// True when this job is known not to have stopped.
    pub(super) fn was_in_vain_for(&self, id: &[u8]) -> bool {
        self.job.id == id && matches!(self.fate(), Some(Fate::NotStopped(_)) | None)
    }

    pub(super) fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        let begun = world.clock.reading();
        let fate = self.pursue(&mut world.redis()?, world, permit)?;
        let took = (world.clock.reading() - begun).to_std().unwrap_or_default();
        let (fate, took) = self.done.get_or_init(|| (fate, took));
        Ok(match fate {
            Fate::Stopped => Outcome::Done(format!("stopped after {}", text::duration(*took)).into()),
            Fate::Ended(status) => Outcome::Done(format!("it had ended by itself: {status}").into()),
            Fate::Abandoned(why) => {
                Outcome::Skipped(format!("abandoned: {why}; RQ will list it as failed").into())
            }
            Fate::NotStopped(why) => Outcome::Failed(format!("not stopped: {why}").into()),
        })
    }

    fn pursue(&self, redis: &mut Redis, world: &World, permit: &Permit) -> Result<Fate> {
        let begun = world.clock.reading();
        let mut told = Told::default();
        loop {
            let found = redis.look_at(&self.job)?;
            let waited = (world.clock.reading() - begun).to_std().unwrap_or_default();
            if let Some(fate) = self.judge(&found, waited).or_else(|| self.give_up(&told, waited)) {
                return Ok(fate);
            }
            self.tell(&mut told, redis, world, permit)?;
            if !world.stop.wait(LOOK) {
                return Ok(Fate::NotStopped("the run was ended before it had stopped".into()));
            }
        }
    }

    /// What has become of the job; none while it runs, or may be about to begin or to end.
    fn judge(&self, found: &Found, waited: Duration) -> Option<Fate> {
        if found.is_run {
            return None;
        }
        match found.status.as_deref() {
            Some("stopped") => Some(Fate::Stopped),
            Some("started" | "queued") if found.has_worker && waited < BETWEEN => None,
            // The worker was killed, and the process of the job was not.
            Some("started") if !found.has_worker && found.is_heard => None,
            Some("started") => Some(Fate::Abandoned(self.why_abandoned(found))),
            Some(status) => Some(Fate::Ended(text::cut(status, LONGEST))),
            None => Some(Fate::Ended("it is gone".to_owned())),
        }
    }

    fn why_abandoned(&self, found: &Found) -> String {
        match &self.job.worker {
            Some(worker) if found.has_worker => format!("its worker {} does not run it", shown(worker)),
            Some(worker) => format!("its worker {} has gone", shown(worker)),
            None => "no worker is known to run it".to_owned(),
        }
    }

    fn give_up(&self, told: &Told, waited: Duration) -> Option<Fate> {
        let worker = self.job.worker.as_deref().map(shown).unwrap_or_default();
        let why = match (told.unheard >= DEAF, told.was_heard) {
            (true, true) => format!("its worker {worker} does not listen any more, and has not confirmed"),
            (true, false) => {
                format!("its worker {worker} does not listen; look whether that process is alive")
            }
            _ if waited >= self.wait => {
                let waited = text::duration(waited);
                format!("it still runs after {waited}; end the processes of its worker {worker}")
            }
            _ => return None,
        };
        Some(Fate::NotStopped(why.into()))
    }

    fn tell(&self, told: &mut Told, redis: &mut Redis, world: &World, permit: &Permit) -> Result<()> {
        let now = world.clock.reading();
        let is_due = told.last.is_none_or(|last| (now - last).to_std().unwrap_or_default() >= TELL);
        let Some(worker) = self.job.worker.as_deref().filter(|_| is_due) else { return Ok(()) };
        let is_heard = redis.tell_to_stop(&self.job, worker, permit)? > 0;
        told.last = Some(now);
        told.was_heard |= is_heard;
        told.unheard = if is_heard { 0 } else { told.unheard + 1 };
        Ok(())
    }
}

fn shown(text: &str) -> String {
    text::cut(&text::escape(text), LONGEST)
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Running { id, worker, description, age, .. } = &self.job;
        write!(f, "end {}", text::cut(&text::escape_bytes(id), LONGEST))?;
        let description = description.as_deref().map(shown);
        let age = age.map(|age| format!("for {}", text::duration(age)));
        let worker = worker.as_deref().map(|worker| format!("by {}", shown(worker)));
        let parts: Vec<String> = description.into_iter().chain(age).chain(worker).collect();
        if parts.is_empty() { Ok(()) } else { write!(f, " ({})", parts.join(", ")) }
    }
}

impl Serialize for End {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Running { id, worker, description, age, .. } = &self.job;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("action", "end-job")?;
        map.serialize_entry("job_id", &String::from_utf8_lossy(id))?;
        map.serialize_entry("description", description)?;
        map.serialize_entry("worker_name", worker)?;
        map.serialize_entry("running_seconds", &age.map(|age| age.as_secs()))?;
        if let Some((fate, took)) = self.done.get() {
            let word = match fate {
                Fate::Stopped => "stopped",
                Fate::Ended(_) => "ended-by-itself",
                Fate::Abandoned(_) => "abandoned",
                Fate::NotStopped(_) => "not-stopped",
            };
            map.serialize_entry("fate", word)?;
            map.serialize_entry("took_seconds", &took.as_secs_f64())?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(worker: Option<&str>) -> End {
        let worker = worker.map(str::to_owned);
        let job = Running { id: b"a".to_vec(), worker, description: None, age: None, is_run: true };
        End::of(job, Duration::from_secs(10))
    }

    fn found(status: &str, is_run: bool, has_worker: bool) -> Found {
        let status = (!status.is_empty()).then(|| status.to_owned());
        Found { status, is_run, has_worker, is_heard: false }
    }

    #[test]
    fn a_job_is_judged_by_its_status_and_by_what_its_worker_says() {
        let (soon, late) = (Duration::ZERO, Duration::from_secs(3));
        let end = end(Some("w"));
        // Whatever its status says: one that was only marked as canceled runs on.
        assert_eq!(end.judge(&found("canceled", true, true), late), None);
        assert_eq!(end.judge(&found("stopped", true, true), late), None);
        assert_eq!(end.judge(&found("stopped", false, true), soon), Some(Fate::Stopped));
        assert_eq!(end.judge(&found("finished", false, true), soon), Some(Fate::Ended("finished".into())));
        assert!(matches!(end.judge(&found("", false, true), soon), Some(Fate::Ended(_))));
        // It begins, or has just ended.
        assert_eq!(end.judge(&found("queued", false, true), soon), None);
        assert_eq!(end.judge(&found("started", false, true), soon), None);
        assert!(matches!(end.judge(&found("started", false, true), late), Some(Fate::Abandoned(_))));
        assert!(matches!(end.judge(&found("started", false, false), soon), Some(Fate::Abandoned(_))));
        let left_behind = Found { is_heard: true, ..found("started", false, false) };
        assert_eq!(end.judge(&left_behind, late), None);
    }

    #[test]
    fn a_worker_that_does_not_listen_is_not_waited_for() {
        let end = end(Some("w"));
        let told = |unheard, was_heard| Told { last: None, was_heard, unheard };
        assert_eq!(end.give_up(&told(2, false), Duration::ZERO), None);
        assert!(matches!(end.give_up(&told(3, false), Duration::ZERO), Some(Fate::NotStopped(_))));
        assert!(matches!(end.give_up(&told(0, true), Duration::from_secs(10)), Some(Fate::NotStopped(_))));
    }
}
