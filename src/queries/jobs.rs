//! `maint jobs`: what can be run, when it runs next, and how it went last.

use super::next_run;
use crate::cron::schedule::Schedule;
use crate::engine::{Query, history, pause};
use crate::text;
use crate::world::World;
use anyhow::Result;
use clap::Args;
use serde::Serialize;
use std::fmt;

/// Lists the jobs: schedule, next run with its time zone, last result
#[derive(Args, Clone, Debug)]
pub struct Jobs {}

/// One line for each job.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Table(Vec<Row>);

#[derive(Debug, Serialize)]
struct Row {
    job: String,
    hash: String,
    schedule: Option<String>,
    runs: String,
    description: String,
    next: Option<String>,
    paused: Option<String>,
    last: Option<history::Run>,
    #[serde(skip)]
    last_shown: String,
    #[serde(skip)]
    next_shown: String,
}

impl Query for Jobs {
    type Answer = Table;

    fn ask(&self, world: &World) -> Result<Table> {
        world.site_file()?;
        let latest = history::latest(world)?;
        let rows = world.config.jobs.iter().map(|(name, entry)| {
            let last = latest.iter().find(|run| run.job == *name).cloned();
            let paused = pause::in_force(world, name).map(|paused| paused.describe(&world.clock));
            let (next, next_shown) = next_run(world, entry, paused.is_some());
            let last_shown = last.as_ref().map_or_else(
                || "never ran".to_owned(),
                |run| format!("{}, {}", run.status, world.clock.show(run.started)),
            );
            Row {
                job: name.clone(),
                hash: entry.hash(world.config.site_name(), name),
                schedule: entry.schedule.as_ref().map(|schedule| Schedule::text(schedule).to_owned()),
                runs: entry.line().to_owned(),
                description: entry.description.clone(),
                next: next.map(|next| next.to_rfc3339()),
                paused,
                last,
                last_shown,
                next_shown,
            }
        });
        Ok(Table(rows.collect()))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return writeln!(f, "no jobs yet: add a section [jobs.NAME] to maint.toml");
        }
        let mut table = text::Table::new(&["JOB", "SCHEDULE", "NEXT RUN", "LAST RUN", "HASH"]);
        for row in &self.0 {
            let schedule = row.schedule.as_deref().unwrap_or("-");
            table.row(&[&row.job, schedule, &row.next_shown, &row.last_shown, &row.hash[..8]]);
        }
        write!(f, "{table}")?;
        for row in &self.0 {
            if let Some(paused) = &row.paused {
                writeln!(f, "{}: {paused}", row.job)?;
            }
        }
        Ok(())
    }
}
