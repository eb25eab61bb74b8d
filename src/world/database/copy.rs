//! A copy of a database that is gone when it is dropped.

use super::address::Address;
use super::{Database, sqlite};
use crate::engine::apply::Permit;
use crate::error::Problem;
use crate::world::World;
use crate::world::files::Temporary;
use anyhow::Result;

/// A copy of a database.
#[derive(Debug)]
pub(crate) struct Copied {
    database: Database,
    /// Removes the file.
    _file: Temporary,
}

impl Copied {
    /// The copy as a database.
    pub(crate) fn database(&self) -> &Database {
        &self.database
    }
}

impl Database {
    /// Copies it as it is at one instant, into the state folder; whoever writes to it meanwhile is not kept away.
    pub(crate) fn copy(&self, world: &World, permit: &Permit) -> Result<Copied> {
        let Address::Sqlite(original) = &self.address else {
            return Err(Problem::usage(format!(
                "the database {} is PostgreSQL, of which no copy can be made here; simulate on a copy of your own",
                self.name
            )));
        };
        let file = world.files.temporary(world.state.folder(), permit)?;
        sqlite::copy(&self.name, original, file.path(), self.patience, &world.stop)?;
        let database = Database {
            name: format!("{} (copy)", self.name),
            address: Address::Sqlite(file.path().to_owned()),
            patience: self.patience,
        };
        Ok(Copied { database, _file: file })
    }
}
