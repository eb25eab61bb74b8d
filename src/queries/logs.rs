//! `maint logs JOB [RUN]`: the log of a run.

use super::history::name_of;
use crate::engine::{Query, history};
use crate::error::Problem;
use crate::text;
use crate::world::World;
use anyhow::Result;
use clap::Args;
use serde::Serialize;
use std::fmt;

/// A log is bounded by `log_limit`; one that is larger than this is not ours.
const LARGEST: u64 = 4 << 30;

/// Prints the log of a run, the latest one by default
#[derive(Args, Clone, Debug)]
pub struct Logs {
    /// The job: its name, a prefix of its hash, or a subcommand
    pub job: String,
    /// The run, as `maint history` names it; a beginning or an end of it is enough
    pub run: Option<String>,
}

/// A log.
#[derive(Debug, Serialize)]
pub struct Log {
    job: String,
    run: String,
    file: String,
    lines: Vec<String>,
}

impl Query for Logs {
    type Answer = Log;

    fn ask(&self, world: &World) -> Result<Log> {
        let job = name_of(world, &self.job)?;
        let runs = history::runs(world, Some(&job), u32::MAX)?;
        let is_wanted = |run: &str| {
            self.run.as_ref().is_none_or(|wanted| run.starts_with(wanted) || run.ends_with(wanted))
        };
        let with_log = runs.iter().filter(|run| world.files.exists(&world.state.log(&job, &run.run)));
        let Some(run) = with_log.map(|run| &run.run).find(|run| is_wanted(run)) else {
            return Err(Problem::usage(format!(
                "{job} has no such run with a log; `maint history {job}` lists its runs"
            )));
        };
        let file = world.state.log(&job, run);
        let content = world.files.read_text(&file, LARGEST)?;
        let lines = content.lines().map(str::to_owned).collect();
        Ok(Log { job, run: run.clone(), file: text::path(&file).into_owned(), lines })
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
