//! `maint resume JOB`: ends a pause.

use crate::engine::apply::Permit;
use crate::engine::pause::in_force;
use crate::engine::plan::Plan;
use crate::engine::report::Outcome;
use crate::engine::{Action, Job};
use crate::world::World;
use anyhow::Result;
use clap::Args;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Ends the pause of a job
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Resume {
    /// The job's name or a prefix of its hash
    pub job: String,
}

impl Job for Resume {
    const NAME: &'static str = "resume";
    /// A pause and its end must not cross.
    const LOCK: &'static str = "pause";
    type Action = RemovePause;

    fn plan(&self, world: &World) -> Result<Plan<RemovePause>> {
        if in_force(world, &self.job).is_none() {
            let notes = vec![format!("{} is not paused", self.job)];
            return Ok(Plan { notes, ..Plan::default() });
        }
        Ok(vec![RemovePause { job: self.job.clone() }].into())
    }
}

/// Removes the pause file.
#[derive(Debug, Serialize)]
#[serde(tag = "action", rename = "resume")]
pub struct RemovePause {
    job: String,
}

impl fmt::Display for RemovePause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RemovePause { job } = self;
        write!(f, "resume {job}")
    }
}

impl Action for RemovePause {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        let RemovePause { job } = self;
        world.files.remove_file(&world.state.pause(job), permit)?;
        Ok(Outcome::DONE)
    }
}
