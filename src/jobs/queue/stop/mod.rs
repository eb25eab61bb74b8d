//! `maint queue stop`: the emergency stop. What waits is removed, what runs is ended, and both are looked at until
//! they are.
//!
//! The workers are held back meanwhile, so that none of them begins what comes in while the others are ended.

mod end;
mod hold;
mod settle;

use super::clear::{Empty, note_of_dependents};
use crate::config::units::Length;
use crate::engine::apply::Permit;
use crate::engine::plan::Plan;
use crate::engine::report::{Outcome, Steps};
use crate::engine::{Action, Job, Question};
use crate::text;
use crate::world::World;
use crate::world::rq::{Counts, Emptied};
use anyhow::Result;
use clap::Args;
use end::{End, Fate};
use hold::{Hold, Release};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use settle::Settle;
use std::fmt;
use std::time::Duration;

/// Jobs that are ended at the same time.
const MOST_AT_ONCE: usize = 64;

/// Removes what waits and ends what runs
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stop {
    /// The queue [default: the `queue` of [redis] in maint.toml]
    #[arg(long, value_name = "NAME")]
    pub queue: Option<String>,
    /// How long it is waited for a running job to end [default: 10s]
    #[arg(long, value_name = "LENGTH", value_parser = length)]
    pub wait: Option<Length>,
    /// Hold the workers of every queue back for so long afterwards (`rq resume` ends that)
    #[arg(long, value_name = "LENGTH", value_parser = length)]
    pub hold: Option<Length>,
    /// Ask nothing
    #[arg(long)]
    pub force: bool,
}

fn length(text: &str) -> Result<Length, String> {
    Length::try_from(text.to_owned())
}

impl Job for Stop {
    const NAME: &'static str = "queue-stop";
    /// Its own: it must not wait for a clean-up.
    const LOCK: &'static str = "queue-stop";
    const IS_TOLD: bool = true;
    type Action = Halt;

    fn check(&self, world: &World) -> Result<()> {
        world.queue_name(self.queue.as_deref()).map(drop)
    }

    fn ready(&self, world: &World) -> Result<()> {
        world.redis()?.queue(&world.queue_name(self.queue.as_deref())?).map(drop)
    }

    fn workers(&self, _world: &World, actions: usize) -> usize {
        actions.clamp(1, MOST_AT_ONCE)
    }

    fn plan(&self, world: &World) -> Result<Plan<Halt>> {
        let queue = world.queue_name(self.queue.as_deref())?;
        let mut redis = world.redis()?;
        let counts = redis.queue(&queue)?;
        let running = redis.running(&queue)?;
        let mut plan = Plan { notes: notes(&queue, &counts), ..Plan::default() };
        let is_quiet = counts.queued == 0 && counts.taken == 0 && running.is_empty();
        if is_quiet {
            plan.notes.push(format!("nothing waits and nothing runs in {}", text::escape(&queue)));
        }
        if is_quiet && self.hold.is_none() {
            return Ok(plan);
        }
        let wait = self.wait.map_or(Duration::from_secs(10), Length::duration);
        let mark = format!("maint {}", world.clock.new_id()?);
        let after = self.hold.map(Length::duration).filter(|hold| !hold.is_zero());
        plan.actions.push(Halt::Hold(Hold::of(&mark, wait)));
        if counts.queued > 0 {
            plan.notes.extend(note_of_dependents(&counts));
            plan.actions.push(Halt::Empty(Empty::of(&mut redis, &queue, counts.queued)?));
        }
        let ends: Vec<End> = running.into_iter().map(|job| End::of(job, wait)).collect();
        plan.actions.extend(ends.iter().cloned().map(Halt::End));
        if !is_quiet {
            plan.actions.push(Halt::Settle(Settle::of(&queue, ends, wait)));
        }
        plan.actions.push(Halt::Release(Release::of(&mark, after)));
        Ok(plan)
    }

    fn question(&self, plan: &Plan<Halt>) -> Option<Question> {
        if self.force {
            return None;
        }
        let ends = plan.actions.iter().filter(|action| matches!(action, Halt::End(_))).count();
        let end = (ends > 0).then(|| format!("end {}", text::plural(ends, "running job")));
        let remove = plan.actions.iter().find_map(|action| match action {
            Halt::Empty(empty) => Some(format!("remove {}", empty.what())),
            _ => None,
        });
        let what: Vec<String> = remove.into_iter().chain(end).collect();
        let what = if what.is_empty() { "hold the workers back".to_owned() } else { what.join(" and ") };
        Some(Question { text: format!("{}?", text::sentence(&what)), options: "--force" })
    }

    fn sum_up(&self, steps: &Steps<Halt>) -> Option<String> {
        let sums = Sums::of(steps);
        let parts = [
            (sums.stopped, "stopped"),
            (sums.ended, "ended by themselves"),
            (sums.not_stopped, "not stopped"),
            (sums.emptied.removed(), "removed"),
        ];
        let parts = parts.iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> =
            parts.map(|(count, words)| format!("{} {words}", text::thousands(*count))).collect();
        Some(parts.join(", ")).filter(|sum| !sum.is_empty())
    }

    fn totals(&self, steps: &Steps<Halt>) -> Vec<(&'static str, Value)> {
        let sums = Sums::of(steps);
        vec![
            ("cancelled_jobs", sums.stopped.into()),
            ("emptied_queue", sums.emptied.removed().into()),
            ("total_stopped", (sums.stopped + sums.emptied.removed()).into()),
            ("ended_by_themselves", sums.ended.into()),
            ("abandoned", sums.abandoned.into()),
            ("not_stopped", sums.not_stopped.into()),
            ("ghosts_removed", sums.emptied.ghosts.into()),
            ("dependents_removed", sums.emptied.dependents.into()),
        ]
    }
}

/// What the stop leaves to come.
fn notes(queue: &str, counts: &Counts) -> Vec<String> {
    let many = usize::try_from(counts.scheduled).unwrap_or(usize::MAX);
    let jobs = text::plural(many, "scheduled job");
    let queue = text::escape(queue);
    let scheduled = (many > 0)
        .then(|| format!("{jobs} will be put into {queue} at their time; this stops what is there now"));
    scheduled.into_iter().collect()
}

/// What became of the jobs.
#[derive(Default)]
struct Sums {
    stopped: u64,
    ended: u64,
    abandoned: u64,
    not_stopped: u64,
    emptied: Emptied,
}

impl Sums {
    fn of(steps: &Steps<Halt>) -> Sums {
        let mut sums = Sums::default();
        for step in steps.iter() {
            match step.action {
                Halt::Empty(empty) => sums.emptied += empty.done(),
                Halt::End(end) => match end.fate() {
                    Some(Fate::Stopped) => sums.stopped += 1,
                    Some(Fate::Ended(_)) => sums.ended += 1,
                    Some(Fate::Abandoned(_)) => sums.abandoned += 1,
                    Some(Fate::NotStopped(_)) => sums.not_stopped += 1,
                    None => {}
                },
                Halt::Settle(settle) => {
                    let settled = settle.done();
                    sums.stopped += settled.stopped;
                    sums.not_stopped += settled.not_stopped;
                    sums.emptied += settled.emptied;
                }
                Halt::Hold(_) | Halt::Release(_) => {}
            }
        }
        sums
    }
}

/// One step of the stop.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Halt {
    /// Keeps the workers from beginning more.
    Hold(Hold),
    /// Removes what waits.
    Empty(Empty),
    /// Ends a running job.
    End(End),
    /// Ends and removes what has come meanwhile, and looks until nothing is left.
    Settle(Settle),
    /// Lets the workers go on.
    Release(Release),
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Halt::Hold(hold) => hold.fmt(f),
            Halt::Empty(empty) => empty.fmt(f),
            Halt::End(end) => end.fmt(f),
            Halt::Settle(settle) => settle.fmt(f),
            Halt::Release(release) => release.fmt(f),
        }
    }
}

impl Action for Halt {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        match self {
            Halt::Hold(hold) => hold.apply(world, permit),
            Halt::Empty(empty) => empty.apply(world, permit),
            Halt::End(end) => end.apply(world, permit),
            Halt::Settle(settle) => settle.apply(world, permit),
            Halt::Release(release) => release.apply(world, permit),
        }
    }

    fn is_barrier(&self) -> bool {
        !matches!(self, Halt::End(_))
    }

    fn is_owed(&self) -> bool {
        matches!(self, Halt::Release(_))
    }
}
