//! `maint cancel RUN`: a run that goes on is asked to end.

use crate::engine::apply::Permit;
use crate::engine::plan::Plan;
use crate::engine::report::Outcome;
use crate::engine::{Action, Job, history};
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::process::Identity;
use anyhow::Result;
use clap::Args;
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// A run ends its programs within 5 seconds, and is itself ended after 8 when a step of it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Ends a run that goes on, as Ctrl-C would
#[derive(Args, Clone, Debug)]
pub struct Cancel {
    /// The run, as `maint locks` and `maint history` name it; a beginning or an end of it is enough
    pub run: String,
}

impl Job for Cancel {
    const NAME: &'static str = "cancel";
    const PATIENCE: Duration = PATIENCE;
    const ANSWERS: bool = true;
    type Action = EndRun;

    fn plan(&self, world: &World) -> Result<Plan<EndRun>> {
        let shown = text::escape(&self.run);
        let is_meant = |run: &str| run.starts_with(&self.run) || run.ends_with(&self.run);
        let running = history::running(world)?.into_iter().map(|(_, run)| run);
        let mut meant = running.filter(|run| !self.run.is_empty() && is_meant(&run.run));
        match (meant.next(), meant.next()) {
            (Some(run), None) => {
                let process = run.process();
                Ok(vec![EndRun { job: run.job, run: run.run, process }].into())
            }
            (Some(one), Some(other)) => {
                let (one, other) = (one.run, other.run);
                Err(Problem::usage(format!("{shown} could be {one} or {other}; give more of it")))
            }
            (None, _) => {
                Err(Problem::usage(format!("no run {shown} goes on here; `maint locks` lists those that do")))
            }
        }
    }
}

/// Asks the process of a run to end, and waits until it has.
#[derive(Debug, Serialize)]
#[serde(tag = "action", rename = "end-run")]
pub struct EndRun {
    job: String,
    run: String,
    #[serde(skip)]
    process: Identity,
}

impl fmt::Display for EndRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "end the run {} of {}", self.run, text::escape(&self.job))
    }
}

impl Action for EndRun {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        let EndRun { process, job: _, run } = self;
        if !process.ask_to_end(permit)? {
            return Ok(Outcome::Skipped("it has ended by itself".into()));
        }
        let step = Duration::from_millis(50);
        let mut waited = Duration::ZERO;
        while process.is_alive() {
            if waited >= PATIENCE {
                return Ok(Outcome::Failed("it was asked to end, and goes on".into()));
            }
            if !world.stop.wait(step) {
                return Ok(Outcome::Skipped("it was asked to end; whether it did was not waited for".into()));
            }
            waited += step;
        }
        let end = history::run(world, run)?.map(|(run, _)| run.status).unwrap_or_default();
        Ok(Outcome::Done(end.into()))
    }
}
