//! The last row that a run writes to the audit log: what it came to.

use super::desk::Desk;
use super::{estimate, write};
use crate::engine::apply::Permit;
use crate::engine::report::Outcome;
use crate::world::World;
use anyhow::Result;
use serde::Serialize;
use std::fmt;
use std::sync::Arc;

/// Writes the summary of the run to the audit log.
#[derive(Debug, Serialize)]
#[serde(tag = "action", rename = "write-summary")]
pub struct WriteSummary {
    #[serde(skip)]
    pub(super) desk: Arc<Desk>,
    /// Sheets of the run.
    #[serde(rename = "sheets")]
    pub(super) planned: usize,
}

impl fmt::Display for WriteSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WriteSummary { desk: _, planned: _ } = self;
        write!(f, "write the summary of the run to the audit log")
    }
}

impl WriteSummary {
    pub(super) fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        let WriteSummary { desk, planned } = self;
        let tally = desk.tally();
        if tally.through() == 0 {
            return Ok(Outcome::Skipped("no sheet was refreshed".into()));
        }
        let took = (world.clock.reading() - world.clock.now()).to_std().unwrap_or_default();
        let database = desk.target.original();
        write::record_run(world, database, tally.updated, *planned, tally.failed, took, permit)?;
        estimate::remember(world, desk, &tally, permit)?;
        Ok(Outcome::DONE)
    }
}
