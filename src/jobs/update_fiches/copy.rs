//! A simulation's own database: a copy that is gone when the run ends.

use super::desk::Desk;
use crate::engine::apply::Permit;
use crate::engine::report::Outcome;
use crate::error::one_line;
use crate::world::World;
use anyhow::Result;
use serde::Serialize;
use std::fmt;
use std::sync::Arc;

/// Makes the copy, before anything is written to it.
#[derive(Debug, Serialize)]
#[serde(tag = "action", rename = "copy-database")]
pub struct CopyDatabase {
    #[serde(skip)]
    pub(super) desk: Arc<Desk>,
    pub(super) database: String,
}

impl fmt::Display for CopyDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CopyDatabase { desk: _, database } = self;
        write!(f, "copy the database {database} for the simulation")
    }
}

impl CopyDatabase {
    pub(super) fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        let CopyDatabase { desk, database: _ } = self;
        match desk.target.original().copy(world, permit) {
            Ok(copy) => desk.target.replace(copy),
            Err(error) => {
                desk.brake.pull(&one_line(&error));
                return Err(error);
            }
        }
        Ok(Outcome::DONE)
    }
}
