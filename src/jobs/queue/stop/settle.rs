//! Looks until nothing of a queue waits or runs: ends and removes what has come meanwhile.

use super::end::End;
use crate::engine::apply::Permit;
use crate::engine::report::Outcome;
use crate::text;
use crate::world::World;
use crate::world::redis::Redis;
use crate::world::rq::{Emptied, Running};
use anyhow::Result;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

/// Between two looks. A job that a worker takes is seen nowhere for a moment: nothing must be there twice in a row.
const LOOK: Duration = Duration::from_millis(150);
/// When nothing has run for so long, all is stopped: a worker that has taken a job would have begun it, and what still
/// comes in comes after the stop.
const STILL: Duration = Duration::from_secs(2);

/// What has come meanwhile.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Settled {
    pub(super) stopped: u64,
    pub(super) not_stopped: u64,
    #[serde(skip)]
    pub(super) emptied: Emptied,
    /// More and more is put in.
    goes_on: bool,
}

/// Looks until nothing is left.
#[derive(Debug, Serialize)]
#[serde(tag = "action", rename = "settle")]
pub struct Settle {
    queue: String,
    /// Those that were ended one by one; what could not be ended is not waited for once more.
    #[serde(skip)]
    ends: Vec<End>,
    #[serde(skip)]
    wait: Duration,
    #[serde(flatten, serialize_with = "settled")]
    done: OnceLock<Settled>,
}

fn settled<S: serde::Serializer>(done: &OnceLock<Settled>, serializer: S) -> Result<S::Ok, S::Error> {
    done.get().serialize(serializer)
}

impl Settle {
    pub(super) fn of(queue: &str, ends: Vec<End>, wait: Duration) -> Settle {
        Settle { queue: queue.to_owned(), ends, wait, done: OnceLock::new() }
    }

    pub(super) fn done(&self) -> Settled {
        self.done.get().copied().unwrap_or_default()
    }

    pub(super) fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        let mut settled = Settled::default();
        let result = self.settle(&mut world.redis()?, world, permit, &mut settled);
        self.done.get_or_init(|| settled);
        let what = |count: u64, words: &str| (count > 0).then(|| format!("{count} {words}"));
        let more = what(settled.stopped, "more stopped").into_iter();
        let more = more.chain(what(settled.emptied.removed(), "more removed"));
        let goes_on = settled.goes_on.then(|| "more is put in all the time: stop what does that".to_owned());
        let more = more.chain(goes_on).collect::<Vec<_>>().join(", ");
        Ok(match result? {
            None => Outcome::Done(more.into()),
            Some(why) if more.is_empty() => Outcome::Failed(why.into()),
            Some(why) => Outcome::Failed(format!("{why} ({more})").into()),
        })
    }

    /// None when nothing runs any more, else what does.
    fn settle(
        &self,
        redis: &mut Redis,
        world: &World,
        permit: &Permit,
        settled: &mut Settled,
    ) -> Result<Option<String>> {
        let begun = world.clock.reading();
        let (mut told, mut quiet_looks, mut last_run) = (Vec::new(), 0, begun);
        loop {
            let counts = redis.counts(&self.queue)?;
            if counts.queued > 0 {
                settled.emptied += redis.empty(&self.queue, counts.queued, permit)?;
            }
            let running = self.running(redis)?;
            settled.stopped += stopped(redis, &mut told, &running)?;
            tell(redis, &running, &mut told, permit)?;
            let now = world.clock.reading();
            if !running.is_empty() {
                last_run = now;
            }
            let is_late =
                |since: DateTime<Utc>, limit: Duration| (now - since).to_std().unwrap_or_default() >= limit;
            let is_still = running.is_empty() && is_late(last_run, STILL);
            let is_quiet = running.is_empty() && counts.queued == 0 && (counts.taken == 0 || is_still);
            quiet_looks = if is_quiet { quiet_looks + 1 } else { 0 };
            if quiet_looks == 2 || is_still {
                settled.goes_on = !is_quiet;
                return Ok(None);
            }
            let is_over = is_late(begun, self.wait) && !running.is_empty();
            if is_over || !world.stop.wait(LOOK) {
                settled.not_stopped = running.len() as u64;
                let jobs = text::plural(running.len(), "job");
                return Ok(Some(format!("{jobs} that came meanwhile may run on")));
            }
        }
    }

    /// What workers say they run of the queue, without what could not be ended before.
    fn running(&self, redis: &mut Redis) -> Result<Vec<Running>> {
        let mut running = redis.running(&self.queue)?;
        running.retain(|job| job.is_run && !self.ends.iter().any(|end| end.was_in_vain_for(&job.id)));
        Ok(running)
    }
}

/// Tells the workers to end what they run; who was told is remembered.
fn tell(redis: &mut Redis, running: &[Running], told: &mut Vec<Running>, permit: &Permit) -> Result<()> {
    for job in running {
        if let Some(worker) = &job.worker {
            redis.tell_to_stop(job, worker, permit)?;
        }
        if !told.iter().any(|known| known.id == job.id) {
            told.push(job.clone());
        }
    }
    Ok(())
}

/// How many of those that were told have stopped; they need not be looked at any more.
fn stopped(redis: &mut Redis, told: &mut Vec<Running>, running: &[Running]) -> Result<u64> {
    let mut stopped = 0;
    for job in std::mem::take(told) {
        if running.iter().any(|it| it.id == job.id) {
            told.push(job);
        } else if redis.look_at(&job)?.status.as_deref() == Some("stopped") {
            stopped += 1;
        }
    }
    Ok(stopped)
}

impl fmt::Display for Settle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "see that nothing of {} runs or waits any more", text::escape(&self.queue))
    }
}
