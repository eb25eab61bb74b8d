//! What a run that was killed has cloned.

use crate::engine::Action;
use crate::engine::apply::Permit;
use crate::engine::report::Outcome;
use crate::text;
use crate::world::World;
use anyhow::Result;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// Removes what a killed run has cloned.
#[derive(Debug)]
pub struct RemoveClone {
    name: String,
    path: PathBuf,
}

impl RemoveClone {
    /// One for each folder that killed runs have left.
    pub(super) fn all(world: &World) -> Result<Vec<RemoveClone>> {
        let clones = &world.config.ascl_refresh.clones;
        let names = world.files.leftovers(&world.root, clones)?;
        Ok(names.into_iter().map(|name| RemoveClone { path: clones.join(&name), name }).collect())
    }
}

impl fmt::Display for RemoveClone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "remove {} (left by a run that was killed)", text::path(&self.path))
    }
}

impl Serialize for RemoveClone {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(tag = "action", rename = "remove-clone")]
        struct Shown<'a> {
            path: &'a str,
        }
        Shown { path: &text::path(&self.path) }.serialize(serializer)
    }
}

impl Action for RemoveClone {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        let clones = &world.config.ascl_refresh.clones;
        world.files.remove_leftover(&world.root, clones, &self.name, permit).map(Outcome::from)
    }
}
