//! The database that answers are written to: the site's own, or a copy for a simulation.

use super::write;
use crate::engine::apply::Permit;
use crate::error::one_line;
use crate::world::World;
use crate::world::database::{Copied, Database};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// The database that answers are written to.
#[derive(Debug)]
pub(super) struct Target {
    original: Database,
    /// Set for a simulation; filled when the copy is made.
    copy: Option<OnceLock<Copied>>,
    /// Whether it takes a change.
    opened: OnceLock<Result<(), String>>,
    pen: Mutex<()>,
    notebook: Mutex<()>,
}

impl Target {
    pub(super) fn of(original: Database, is_simulation: bool) -> Target {
        let copy = is_simulation.then(OnceLock::new);
        Target { original, copy, opened: OnceLock::new(), pen: Mutex::default(), notebook: Mutex::default() }
    }

    pub(super) fn is_simulation(&self) -> bool {
        self.copy.is_some()
    }

    /// The site's own database.
    pub(super) fn original(&self) -> &Database {
        &self.original
    }

    /// From now on answers are written to this copy.
    pub(super) fn replace(&self, copied: Copied) {
        self.copy.as_ref().map(|copy| copy.set(copied));
    }

    /// What is written to; the error says why there is nothing.
    pub(super) fn database(&self) -> Result<&Database, String> {
        match &self.copy {
            None => Ok(&self.original),
            Some(copy) => {
                copy.get().map(Copied::database).ok_or_else(|| "there is no copy to write to".to_owned())
            }
        }
    }

    /// Before anything is paid for: can its answer be written?
    pub(super) fn open(&self, world: &World, permit: &Permit) -> Result<(), String> {
        let open = || write::rehearse(world, self.database()?, permit).map_err(|error| one_line(&error));
        self.opened.get_or_init(open).clone()
    }

    /// Held by whoever writes: SQLite lets several wait for each other longer than they need.
    pub(super) fn pen(&self) -> MutexGuard<'_, ()> {
        self.pen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same for the memory of runs, which nobody may wait for because the site's database is locked.
    pub(super) fn notebook(&self) -> MutexGuard<'_, ()> {
        self.notebook.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
