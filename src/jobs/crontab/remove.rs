//! `maint crontab remove [JOB…]`: the lines of a site leave the crontab, and nothing else does.

use super::{Change, Install, LOCK, PATIENCE};
use crate::config::check_name;
use crate::cron::entry::ALL_DUE;
use crate::cron::table::{self, Edit, Table};
use crate::engine::Job;
use crate::engine::plan::Plan;
use crate::error::Problem;
use crate::text;
use crate::world::World;
use anyhow::Result;
use clap::Args;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Removes the lines of this site, and nothing else
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Remove {
    /// Only these jobs; the lines of all others stay as they are
    #[arg(value_name = "JOB")]
    pub jobs: Vec<String>,
    /// The site, when its maint.toml is gone
    #[arg(long, value_name = "NAME")]
    pub site: Option<String>,
}

impl Job for Remove {
    const NAME: &'static str = "crontab-remove";
    const LOCK: &'static str = LOCK;
    const PATIENCE: Duration = PATIENCE;
    const ANSWERS: bool = true;
    type Action = Install;

    fn plan(&self, world: &World) -> Result<Plan<Install>> {
        let table = world.crontab()?.list()?;
        let site = self.site(world, &table)?;
        if world.config.file.is_some() && self.site.is_none() {
            world.refuse_namesake(&table)?;
        }
        for job in &self.jobs {
            refuse_unknown(world, &Table::parse(&table, &site), job)?;
        }
        let stays = |job: &str| job != ALL_DUE && !self.jobs.iter().any(|name| name == job);
        // With the last job goes the line that makes up for missed runs.
        let is_last = !Table::parse(&table, &site).own().any(|own| stays(own.job));
        let jobs = Some(self.jobs.clone()).filter(|jobs| !jobs.is_empty() && !is_last);
        let mut plan =
            Change::Lines(vec![Edit { site: site.clone(), jobs, lines: Vec::new() }]).plan(&table, &site)?;
        for install in &mut plan.actions {
            install.spares_namesakes = self.site.is_none();
        }
        let sites = table::sites(&table);
        if self.site.is_some() && !sites.contains(&site) {
            let sites = if sites.is_empty() { "none".to_owned() } else { sites.join(", ") };
            plan.notes.push(format!("sites with lines in the crontab: {}", text::escape(&sites)));
        }
        Ok(plan)
    }
}

impl Remove {
    /// `--site`, else that of maint.toml, else the only one in the crontab.
    fn site(&self, world: &World, table: &[u8]) -> Result<String> {
        if let Some(site) = &self.site {
            check_name(site).map_err(|why| Problem::usage(format!("--site {why}")))?;
            return Ok(site.clone());
        }
        if world.config.file.is_some() {
            return Ok(world.config.site_name().to_owned());
        }
        let sites = table::sites(table);
        match &sites[..] {
            [one] => Ok(one.clone()),
            [] => Err(Problem::usage(
                "there is no maint.toml here or above, and no line of maint in the crontab",
            )),
            _ => Err(Problem::usage(format!(
                "there is no maint.toml here or above, and the crontab has lines of several sites; add --site NAME \
                 with one of {}",
                text::escape(&sites.join(", "))
            ))),
        }
    }
}

/// A name that is neither installed nor configured is a mistake of typing.
fn refuse_unknown(world: &World, table: &Table<'_>, job: &str) -> Result<()> {
    let installed: Vec<&str> = table.own().map(|own| own.job).collect();
    if installed.contains(&job) || world.config.jobs.contains_key(job) {
        return Ok(());
    }
    let known = installed.into_iter().chain(world.config.jobs.keys().map(String::as_str));
    let hint = match text::nearest(job, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`maint crontab show` lists the jobs".to_owned(),
    };
    Err(Problem::usage(format!("there is no job `{}`; {hint}", text::escape(job))))
}
