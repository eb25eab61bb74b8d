//! `maint crontab add [JOB…]`: the scheduled jobs of maint.toml get their lines in the crontab.

use super::{Change, Install, LOCK, PATIENCE, lines_in};
use crate::cron::table::Edit;
use crate::engine::Job;
use crate::engine::installed;
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
        let site = world.config.site_name().to_owned();
        self.jobs.iter().try_for_each(|job| refuse_unscheduled(world, job))?;
        let (jobs, lines) = world.crontab_lines_for(&world.config, &self.jobs, None)?;
        let table = world.crontab()?.list()?;
        world.refuse_namesake(&table)?;
        let is_empty = lines.is_empty();
        // What stands there under a name that the site had before would run a second time.
        let former = world.former_names(&table).into_iter();
        let mut edits: Vec<Edit> = former.map(|site| Edit { site, jobs: None, lines: Vec::new() }).collect();
        edits.push(Edit { site: site.clone(), jobs, lines });
        let change = Change::Lines(edits);
        let mut plan = change.clone().plan(&table, &site)?;
        if plan.actions.is_empty() && installed::hashes(world)? != lines_in(&table, &site) {
            plan.actions.push(Install::remembering(&site, change));
        }
        if is_empty {
            plan.notes.push("no job of maint.toml has a schedule".to_owned());
        }
        Ok(plan)
    }
}

/// A job without a schedule cannot have a line.
pub(super) fn refuse_unscheduled(world: &World, job: &str) -> Result<()> {
    if world.config.jobs.get(job).is_some_and(|entry| entry.schedule.is_some()) {
        return Ok(());
    }
    Err(Problem::usage(format!(
        "job `{}` has no schedule, so it cannot have a line in the crontab; give it one in maint.toml",
        crate::text::escape(job)
    )))
}
