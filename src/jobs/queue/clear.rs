//! `maint queue clear`: removes every job that waits in a queue.

use crate::engine::apply::Permit;
use crate::engine::plan::Plan;
use crate::engine::report::{Outcome, Steps};
use crate::engine::{Action, Job, Question};
use crate::error::one_line;
use crate::text;
use crate::world::World;
use crate::world::redis::Redis;
use crate::world::rq::{Counts, Emptied, State};
use anyhow::Result;
use clap::Args;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use std::fmt;
use std::sync::OnceLock;

/// Removes every job that waits
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Clear {
    /// The queue [default: the `queue` of [redis] in maint.toml]
    #[arg(long, value_name = "NAME")]
    pub queue: Option<String>,
    /// Ask nothing
    #[arg(long)]
    pub force: bool,
}

impl Job for Clear {
    const NAME: &'static str = "queue-clear";
    const LOCK: &'static str = "queue";
    type Action = Empty;

    fn check(&self, world: &World) -> Result<()> {
        world.queue_name(self.queue.as_deref()).map(drop)
    }

    fn ready(&self, world: &World) -> Result<()> {
        world.redis()?.queue(&world.queue_name(self.queue.as_deref())?).map(drop)
    }

    fn plan(&self, world: &World) -> Result<Plan<Empty>> {
        let queue = world.queue_name(self.queue.as_deref())?;
        let mut redis = world.redis()?;
        let counts = redis.queue(&queue)?;
        let mut plan = Plan::default();
        if counts.queued == 0 {
            plan.notes.push(format!("nothing waits in {}", text::escape(&queue)));
        } else {
            plan.notes.extend(note_of_dependents(&counts));
            plan.actions.push(Empty::of(&mut redis, &queue, counts.queued)?);
        }
        Ok(plan)
    }

    fn question(&self, plan: &Plan<Empty>) -> Option<Question> {
        if self.force {
            return None;
        }
        let what = plan.actions.first().map(Empty::what).unwrap_or_default();
        Some(Question { text: format!("Remove {what}?"), options: "--force" })
    }

    fn totals(&self, steps: &Steps<Empty>) -> Vec<(&'static str, Value)> {
        let all = steps.iter().map(|step| step.action.done()).fold(Emptied::default(), |mut all, one| {
            all += one;
            all
        });
        vec![
            ("jobs_removed", all.removed().into()),
            ("ghosts_removed", all.ghosts.into()),
            ("dependents_removed", all.dependents.into()),
        ]
    }
}

/// What goes with what waits.
pub(super) fn note_of_dependents(counts: &Counts) -> Option<String> {
    let jobs = match counts.deferred {
        0 => return None,
        1 => "1 job is deferred".to_owned(),
        many => format!("{} jobs are deferred", text::thousands(many)),
    };
    Some(format!("{jobs}: what waits for a removed job is removed with it"))
}

/// Removes so many jobs from a queue as waited there when it was looked at.
#[derive(Debug)]
pub struct Empty {
    queue: String,
    jobs: u64,
    /// Those that are next, of very many not all.
    ids: Vec<String>,
    done: OnceLock<Emptied>,
}

impl Empty {
    pub(super) fn of(redis: &mut Redis, queue: &str, jobs: u64) -> Result<Empty> {
        let ids = redis.names(queue, State::Queued)?;
        Ok(Empty { queue: queue.to_owned(), jobs, ids, done: OnceLock::new() })
    }

    /// "5 jobs that wait in linkedin-bot".
    pub(super) fn what(&self) -> String {
        let jobs = text::plural(usize::try_from(self.jobs).unwrap_or(usize::MAX), "job");
        let waits = if self.jobs == 1 { "waits" } else { "wait" };
        format!("{jobs} that {waits} in {}", text::escape(&self.queue))
    }

    /// What has been removed so far.
    pub(super) fn done(&self) -> Emptied {
        self.done.get().copied().unwrap_or_default()
    }

    fn empty(&self, redis: &mut Redis, world: &World, permit: &Permit, so_far: &mut Emptied) -> Result<()> {
        while so_far.taken < self.jobs && world.stop.reason().is_none() {
            let some = redis.empty(&self.queue, self.jobs - so_far.taken, permit)?;
            *so_far += some;
            if some.taken == 0 || so_far.left == 0 {
                break;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Empty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "remove {}", self.what())
    }
}

impl Serialize for Empty {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("action", "empty-queue")?;
        map.serialize_entry("queue", &self.queue)?;
        map.serialize_entry("jobs", &self.jobs)?;
        map.serialize_entry("job_ids", &self.ids)?;
        if let Some(done) = self.done.get() {
            map.serialize_entry("removed", &done.removed())?;
            map.serialize_entry("ghosts", &done.ghosts)?;
            map.serialize_entry("stale", &done.stale)?;
            map.serialize_entry("dependents", &done.dependents)?;
        }
        map.end()
    }
}

impl Action for Empty {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        let mut redis = world.redis()?;
        let mut so_far = Emptied::default();
        let ended = self.empty(&mut redis, world, permit, &mut so_far);
        let done = *self.done.get_or_init(|| so_far);
        let words = words(&done);
        if let Err(error) = ended {
            return Ok(Outcome::Failed(format!("{words}, then: {}", one_line(&error)).into()));
        }
        if done.left > 0 && done.taken < self.jobs {
            return Ok(Outcome::Skipped(format!("ended early: {words}, {} left", done.left).into()));
        }
        let newer = if done.left > 0 { format!(", {} came meanwhile", done.left) } else { String::new() };
        Ok(Outcome::Done(format!("{words}{newer}").into()))
    }
}

/// "5 removed, of them 1 whose job was gone already, and 2 that waited for them".
pub(super) fn words(done: &Emptied) -> String {
    let mut words = format!("{} removed", text::thousands(done.removed()));
    for (count, what) in [
        (done.ghosts, ", of them # whose job was gone already"),
        (done.dependents, ", and # that waited for them"),
        (done.stale, ", # kept (no longer waiting)"),
    ] {
        if count > 0 {
            words.push_str(&what.replace('#', &text::thousands(count)));
        }
    }
    words
}
