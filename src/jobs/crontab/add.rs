//! `maint crontab add [JOB…]`: the scheduled jobs of maint.toml get their lines in the crontab.

use super::{Change, Install, LOCK, PATIENCE};
use crate::cron::entry::{ALL_DUE, Line};
use crate::cron::table::Edit;
use crate::engine::Job;
use crate::engine::plan::Plan;
use crate::error::Problem;
use crate::world::World;
use anyhow::Result;
use clap::Args;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Installs or updates the lines of the scheduled jobs
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Add {
    /// Only these jobs; the lines of all others stay as they are
    #[arg(value_name = "JOB")]
    pub jobs: Vec<String>,
}

impl Job for Add {
    const NAME: &'static str = "crontab-add";
    const LOCK: &'static str = LOCK;
    const PATIENCE: Duration = PATIENCE;
    const ANSWERS: bool = true;
    type Action = Install;

    fn plan(&self, world: &World) -> Result<Plan<Install>> {
        let site = world.config.site_name();
        self.jobs.iter().try_for_each(|job| refuse_unscheduled(world, job))?;
        let mut lines = world.crontab_lines()?;
        let mut jobs = Some(self.jobs.clone()).filter(|jobs| !jobs.is_empty());
        // The line that makes up for missed runs comes with the first job that wants it.
        let is_made_up_for = |job: &String| world.config.is_made_up_for(&world.config.jobs[job]);
        if let Some(jobs) = jobs.as_mut().filter(|jobs| jobs.iter().any(is_made_up_for)) {
            jobs.push(ALL_DUE.to_owned());
        }
        if let Some(jobs) = &jobs {
            lines.retain(|line: &Line| jobs.contains(&line.job));
        }
        let table = world.crontab()?.list()?;
        world.refuse_namesake(&table)?;
        let is_empty = lines.is_empty();
        let mut plan = Change::Lines(Edit { site: site.to_owned(), jobs, lines }).plan(&table, site)?;
        if is_empty {
            plan.notes.push("no job of maint.toml has a schedule".to_owned());
        }
        Ok(plan)
    }
}

/// A job without a schedule cannot have a line.
fn refuse_unscheduled(world: &World, job: &str) -> Result<()> {
    if world.config.jobs.get(job).is_some_and(|entry| entry.schedule.is_some()) {
        return Ok(());
    }
    Err(Problem::usage(format!(
        "job `{}` has no schedule, so it cannot have a line in the crontab; give it one in maint.toml",
        crate::text::escape(job)
    )))
}
