//! `maint crontab generate`: the jobs in the form of a scheduler, printed and not installed.

use crate::cron::table::Edit;
use crate::engine::Query;
use crate::world::World;
use anyhow::Result;
use clap::Args;
use serde::Serialize;
use std::fmt;

/// Prints the lines that `crontab add` would install
#[derive(Args, Clone, Debug)]
pub struct Generate {}

/// The text for a scheduler.
#[derive(Debug, Serialize)]
pub struct Generated {
    content: String,
}

impl Query for Generate {
    type Answer = Generated;

    fn ask(&self, world: &World) -> Result<Generated> {
        let site = world.config.site_name().to_owned();
        let edit = Edit { site, jobs: None, lines: world.crontab_lines()? };
        let block = edit.apply(b"").map_err(anyhow::Error::msg)?;
        Ok(Generated { content: String::from_utf8_lossy(&block).into_owned() })
    }
}

impl fmt::Display for Generated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.content)
    }
}
