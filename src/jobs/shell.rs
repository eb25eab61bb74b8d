//! A job of `maint.toml` that is a line for /bin/sh.

use crate::engine::apply::Permit;
use crate::engine::plan::Plan;
use crate::engine::report::Outcome;
use crate::engine::{Action, Job};
use crate::logging;
use crate::text;
use crate::world::World;
use crate::world::command;
use anyhow::Result;
use serde::Serialize;
use std::fmt;

/// A line for /bin/sh, run in `site.root`.
#[derive(Clone, Debug)]
pub struct Shell {
    /// The line.
    pub line: String,
    /// Secret variables it may see.
    pub pass_env: Vec<String>,
}

impl Job for Shell {
    const NAME: &'static str = "shell";
    /// Waiting for the program is bounded: it is ended at the time limit (world/command).
    const CAN_HANG: bool = false;
    type Action = RunShell;

    fn plan(&self, _world: &World) -> Result<Plan<RunShell>> {
        let Shell { line, pass_env } = self.clone();
        Ok(vec![RunShell { line, pass_env }].into())
    }
}

/// Runs the line.
#[derive(Debug, Serialize)]
#[serde(tag = "action", rename = "run-shell")]
pub struct RunShell {
    line: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pass_env: Vec<String>,
}

impl fmt::Display for RunShell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RunShell { line, pass_env } = self;
        write!(f, "run `{}`", text::escape(line))?;
        if pass_env.is_empty() { Ok(()) } else { write!(f, " with {}", pass_env.join(", ")) }
    }
}

impl Action for RunShell {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        let RunShell { line, pass_env } = self;
        let mut output = |line: &str| log::info!(target: logging::OUTPUT, "{line}");
        let hidden = world.secrets().variables();
        let program = command::Program { line, folder: &world.root, hidden, shown: pass_env };
        let ended = command::shell(&program, &world.stop, &mut output, permit)?;
        if ended.left_running {
            log::warn!("a process that the line started is still running and was left alone");
        }
        Ok(match (ended.is_success(), ended.stopped) {
            (true, _) => Outcome::DONE,
            (false, Some(_)) => Outcome::Failed("ended before it was finished".into()),
            (false, None) => Outcome::Failed(ended.describe().into()),
        })
    }
}
