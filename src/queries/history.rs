//! `maint history [JOB]`: what ran, and how it went.

use super::find_job;
use crate::engine::Query;
use crate::engine::history::{self, Run};
use crate::text;
use crate::world::World;
use anyhow::Result;
use clap::Args;
use serde::Serialize;
use std::fmt::{self, Write as _};

/// Shows past runs, newest first
#[derive(Args, Clone, Debug)]
pub struct History {
    /// Only this job: its name, a prefix of its hash, or a subcommand
    pub job: Option<String>,
    /// At most this many runs
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: u32,
}

/// The runs.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Runs {
    runs: Vec<Run>,
    #[serde(skip)]
    started: Vec<String>,
}

impl Query for History {
    type Answer = Runs;

    fn ask(&self, world: &World) -> Result<Runs> {
        let name = self.job.as_deref().map(|job| name_of(world, job)).transpose()?;
        let runs = history::runs(world, name.as_deref(), self.limit)?;
        let started = runs.iter().map(|run| world.clock.show(run.started)).collect();
        Ok(Runs { runs, started })
    }
}

/// The name under which runs are kept: a job's, or whatever has run before (a subcommand, a removed job).
pub(super) fn name_of(world: &World, wanted: &str) -> Result<String> {
    match find_job(world, wanted) {
        Ok((name, _)) => Ok(name.to_owned()),
        Err(_) if !history::runs(world, Some(wanted), 1)?.is_empty() => Ok(wanted.to_owned()),
        Err(error) => Err(error),
    }
}

impl fmt::Display for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.runs.is_empty() {
            return writeln!(f, "nothing has run yet");
        }
        let mut table = text::Table::new(&["RUN", "STARTED", "TOOK", "RESULT", "SUMMARY"]);
        for (run, started) in self.runs.iter().zip(&self.started) {
            let took = run.took().map_or_else(|| "-".to_owned(), text::duration);
            let mut summary = if run.summary.is_empty() {
                format!("{}: {}", run.job, run.line)
            } else {
                run.summary.clone()
            };
            if let Some(by) = &run.by {
                let _ = write!(summary, " (asked for by {by})");
            }
            table.row(&[&run.run, started, &took, &run.result(), &*text::escape(&summary)]);
        }
        write!(f, "{table}")
    }
}
