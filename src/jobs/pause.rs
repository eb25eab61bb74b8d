//! `maint pause JOB --until T --reason R`: cron's runs of the job are skipped until then.

use crate::engine::apply::Permit;
use crate::engine::pause::{Paused, in_force};
use crate::engine::plan::Plan;
use crate::engine::report::{self, Outcome};
use crate::engine::{Action, Job};
use crate::error::Problem;
use crate::world::World;
use anyhow::Result;
use chrono::{DateTime, Utc};
use clap::Args;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Skips the runs of a job until a given time
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pause {
    /// The job's name or a prefix of its hash
    pub job: String,
    /// Until when: a length (2h, 3d), a day (2026-12-24), or a time (2026-12-24T18:00); without it until `resume`
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Why, for whoever wonders
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
}

impl Job for Pause {
    const NAME: &'static str = "pause";
    type Action = WritePause;

    fn check(&self, world: &World) -> Result<()> {
        self.end(world).map(drop)
    }

    fn plan(&self, world: &World) -> Result<Plan<WritePause>> {
        let until = self.end(world)?;
        let is_same = |paused: &Paused| paused.until == until && paused.reason == self.reason;
        if in_force(world, &self.job).is_some_and(|paused| is_same(&paused)) {
            return Ok(Plan::default());
        }
        let paused = Paused { until, reason: self.reason.clone(), since: world.clock.now() };
        let shown = paused.describe(&world.clock);
        Ok(vec![WritePause { job: self.job.clone(), paused, shown }].into())
    }
}

impl Pause {
    fn end(&self, world: &World) -> Result<Option<DateTime<Utc>>> {
        let Some(text) = &self.until else { return Ok(None) };
        let end = world.clock.parse(text).ok_or_else(|| {
            let text = crate::text::escape(text);
            Problem::usage(format!(
                "--until `{text}`: write a length (2h), a day (2026-12-24) or a time (2026-12-24T18:00)"
            ))
        })?;
        if end <= world.clock.now() {
            return Err(Problem::usage(format!("--until {} is in the past", world.clock.show(end))));
        }
        Ok(Some(end))
    }
}

/// Writes the pause file.
#[derive(Debug, Serialize)]
#[serde(tag = "action", rename = "pause")]
pub struct WritePause {
    job: String,
    #[serde(flatten)]
    paused: Paused,
    #[serde(skip)]
    shown: String,
}

impl fmt::Display for WritePause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pause {}: {}", self.job, self.shown)
    }
}

impl Action for WritePause {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        let WritePause { job, paused, shown: _ } = self;
        let path = world.state.pause(job);
        if let Some(folder) = path.parent() {
            world.state.make(folder, permit)?;
        }
        world.files.write(&path, serde_json::to_string(paused)?.as_bytes(), 0o600, permit)?;
        Ok(Outcome::Done(format!("since {}", report::time(paused.since)).into()))
    }
}
