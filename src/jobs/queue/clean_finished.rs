//! `maint queue clean-finished`: removes jobs that have ended, with all that RQ leaves of them.

use crate::engine::apply::Permit;
use crate::engine::plan::Plan;
use crate::engine::report::{Outcome, Steps};
use crate::engine::{Action, Job, Question};
use crate::error::one_line;
use crate::text;
use crate::world::World;
use crate::world::redis::Redis;
use crate::world::rq::{Cleaned, Counts, Registry, State};
use anyhow::Result;
use clap::Args;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use std::fmt;
use std::sync::OnceLock;

/// Removes jobs that have finished, failed or been canceled, with their results
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CleanFinished {
    /// The queue [default: the `queue` of [redis] in maint.toml]
    #[arg(long, value_name = "NAME")]
    pub queue: Option<String>,
    /// Ask nothing
    #[arg(long)]
    pub force: bool,
}

impl Job for CleanFinished {
    const NAME: &'static str = "queue-clean-finished";
    const LOCK: &'static str = "queue";
    type Action = Clean;

    fn check(&self, world: &World) -> Result<()> {
        world.queue_name(self.queue.as_deref()).map(drop)
    }

    fn ready(&self, world: &World) -> Result<()> {
        world.redis()?.queue(&world.queue_name(self.queue.as_deref())?).map(drop)
    }

    fn plan(&self, world: &World) -> Result<Plan<Clean>> {
        let queue = world.queue_name(self.queue.as_deref())?;
        let mut redis = world.redis()?;
        let counts = redis.queue(&queue)?;
        let mut plan = Plan::default();
        for registry in Registry::ALL {
            let jobs = counts.of(registry.state);
            if jobs > 0 {
                let ids = redis.names(&queue, registry.state)?;
                plan.actions.push(Clean { ids, ..Clean::of(&queue, What::Jobs(registry), jobs) });
            }
        }
        plan.notes.extend(note_of_waiting(&mut redis, &queue, &counts)?);
        let many: u64 = plan.actions.iter().filter_map(|action| action.many).sum();
        let orphans = match many {
            0..COUNTED => Some(redis.orphans(|| world.stop.reason().is_none())?),
            _ => None,
        };
        if orphans != Some(0) {
            plan.actions.push(Clean { many: orphans, ..Clean::of(&queue, What::Orphans, 0) });
        }
        Ok(plan)
    }

    fn question(&self, plan: &Plan<Clean>) -> Option<Question> {
        let steps: Vec<String> = plan.actions.iter().map(ToString::to_string).collect();
        let text = format!("{}?", text::sentence(&steps.join(", then ")));
        (!self.force).then_some(Question { text, options: "--force" })
    }

    fn totals(&self, steps: &Steps<Clean>) -> Vec<(&'static str, Value)> {
        let (mut finished, mut failed, mut canceled, mut results, mut ghosts) = (0, 0, 0, 0, 0);
        for action in steps.iter().map(|step| step.action) {
            let done = action.done();
            match action.what {
                What::Jobs(Registry { state: State::Finished, .. }) => finished += done.removed,
                What::Jobs(Registry { state: State::Failed, .. }) => failed += done.removed,
                What::Jobs(_) => canceled += done.removed,
                What::Orphans => {}
            }
            results += done.results;
            ghosts += done.ghosts;
        }
        vec![
            ("finished_removed", finished.into()),
            ("failed_removed", failed.into()),
            ("canceled_removed", canceled.into()),
            ("total_removed", (finished + failed + canceled).into()),
            ("results_removed", results.into()),
            ("ghosts_removed", ghosts.into()),
        ]
    }
}

/// With so many jobs to remove the results whose job is gone are not counted before: looking through all keys takes as
/// long as half the work.
const COUNTED: u64 = 1_000;

/// Jobs that have not finished and for which others wait: these wait for ever then.
fn note_of_waiting(redis: &mut Redis, queue: &str, counts: &Counts) -> Result<Option<String>> {
    if counts.deferred == 0 {
        return Ok(None);
    }
    let awaited = redis.awaited(queue, State::Failed)? + redis.awaited(queue, State::Canceled)?;
    let jobs = text::plural(usize::try_from(awaited).unwrap_or(usize::MAX), "failed or canceled job");
    Ok((awaited > 0).then(|| {
        format!("{jobs} may have others waiting, which stay among the deferred: nothing will start them")
    }))
}

#[derive(Clone, Copy, Debug)]
enum What {
    Jobs(Registry),
    /// Results whose job is gone, of whichever queue.
    Orphans,
}

/// Removes so many jobs that have ended in one way as there were when it was looked.
#[derive(Debug)]
pub struct Clean {
    queue: String,
    what: What,
    /// None when they were not counted.
    many: Option<u64>,
    /// The newest, of very many not all.
    ids: Vec<String>,
    done: OnceLock<Cleaned>,
}

impl Clean {
    fn of(queue: &str, what: What, many: u64) -> Clean {
        let (queue, ids) = (queue.to_owned(), Vec::new());
        Clean { queue, what, many: Some(many), ids, done: OnceLock::new() }
    }

    fn done(&self) -> Cleaned {
        self.done.get().copied().unwrap_or_default()
    }

    fn clean(&self, redis: &mut Redis, world: &World, permit: &Permit, so_far: &mut Cleaned) -> Result<()> {
        let goes_on = || world.stop.reason().is_none();
        let What::Jobs(registry) = self.what else {
            return redis.remove_orphans(&mut so_far.results, goes_on, permit);
        };
        let many = self.many.unwrap_or_default();
        while so_far.taken() < many && goes_on() {
            let some = redis.clean(&self.queue, registry, many - so_far.taken(), permit)?;
            *so_far += some;
            if some.taken() == 0 {
                break;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Clean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let many = |noun: &str| {
            let many = self.many.map(|many| usize::try_from(many).unwrap_or(usize::MAX));
            many.map_or_else(|| format!("all {noun}s"), |many| text::plural(many, noun))
        };
        match self.what {
            What::Jobs(registry) => {
                let jobs = many(&format!("{} job", registry.state.word()));
                write!(f, "remove {jobs} of {}", text::escape(&self.queue))
            }
            What::Orphans if self.many == Some(1) => f.write_str("remove the results of 1 job that is gone"),
            What::Orphans => write!(f, "remove the results of {} that are gone", many("job")),
        }
    }
}

impl Serialize for Clean {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.what {
            What::Jobs(registry) => {
                map.serialize_entry("action", "remove-jobs")?;
                map.serialize_entry("queue", &self.queue)?;
                map.serialize_entry("state", registry.state.word())?;
                map.serialize_entry("jobs", &self.many)?;
                map.serialize_entry("job_ids", &self.ids)?;
            }
            What::Orphans => {
                map.serialize_entry("action", "remove-results")?;
                map.serialize_entry("jobs", &self.many)?;
            }
        }
        if let Some(done) = self.done.get() {
            map.serialize_entry("removed", &done.removed)?;
            map.serialize_entry("ghosts", &done.ghosts)?;
            map.serialize_entry("stale", &done.stale)?;
            map.serialize_entry("results", &done.results)?;
            map.serialize_entry("waiting", &done.waiting)?;
        }
        map.end()
    }
}

impl Action for Clean {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        let mut redis = world.redis()?;
        let mut so_far = Cleaned::default();
        let ended = self.clean(&mut redis, world, permit, &mut so_far);
        let done = *self.done.get_or_init(|| so_far);
        let words = self.words(&done);
        Ok(match ended {
            Err(error) => Outcome::Failed(format!("{words}, then: {}", one_line(&error)).into()),
            Ok(()) if world.stop.reason().is_some() && done.left > 0 => {
                Outcome::Skipped(format!("ended early: {words}, {} left", text::thousands(done.left)).into())
            }
            Ok(()) => Outcome::Done(words.into()),
        })
    }
}

impl Clean {
    fn words(&self, done: &Cleaned) -> String {
        let results = |words: &str| format!("{} {words}", text::thousands(done.results));
        if matches!(self.what, What::Orphans) {
            return results("removed");
        }
        let mut words = format!("{} removed", text::thousands(done.removed));
        for (count, what) in [
            (done.ghosts, ", # whose job was gone already"),
            (done.stale, ", # kept (in another state by now)"),
            (done.waiting, ", # still wait for them"),
        ] {
            if count > 0 {
                words.push_str(&what.replace('#', &text::thousands(count)));
            }
        }
        words
    }
}
