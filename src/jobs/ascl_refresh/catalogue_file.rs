//! The file of a catalogue: read, replaced whole, and told of context files one after the other.

use super::catalogue::Catalogue;
use crate::config::repository::RepositoryName;
use crate::engine::Action;
use crate::engine::apply::Permit;
use crate::engine::report::Outcome;
use crate::text;
use crate::world::World;
use anyhow::{Context as _, Result};
use serde::Serialize;
use serde::ser::SerializeMap as _;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A hundred libraries are twenty kilobytes.
const LARGEST: u64 = 16 << 20;
/// Everybody may read what a web site shows.
const MODE: u32 = 0o644;

/// The file of one catalogue, which several steps change one after the other.
#[derive(Debug)]
pub(super) struct CatalogueFile {
    /// As it is named in `maint.toml`.
    shown: PathBuf,
    /// Where it really is: what replaces it must not take the place of a symlink.
    path: PathBuf,
    turn: Mutex<Turn>,
}

/// Held by whoever changes the file.
#[derive(Debug, Default)]
struct Turn {
    /// What was there when the run began is kept beside it; or nothing was.
    is_kept: bool,
}

impl CatalogueFile {
    /// The one at this path, relative to `site.root`.
    pub(super) fn at(world: &World, path: PathBuf) -> CatalogueFile {
        let real = world.files.real(&world.root.join(&path));
        CatalogueFile { shown: path, path: real, turn: Mutex::default() }
    }

    /// Its name in messages.
    pub(super) fn shown(&self) -> &Path {
        &self.shown
    }

    /// What is in the file; `None` without one.
    pub(super) fn bytes(&self, world: &World) -> Result<Option<Vec<u8>>> {
        if world.files.exists(&self.path) {
            world.files.read(&self.path, LARGEST).map(Some)
        } else {
            Ok(None)
        }
    }

    /// The catalogue as it is on the disk now.
    fn catalogue(&self, world: &World) -> Result<Catalogue> {
        let bytes = self.bytes(world)?.unwrap_or_default();
        Catalogue::parse(&bytes).with_context(|| self.is_useless())
    }

    /// True when the library is in the catalogue as it is on the disk now.
    pub(super) fn has(&self, world: &World, library: &RepositoryName) -> Result<bool> {
        Ok(self.catalogue(world)?.libraries().contains_key(&library.key()))
    }

    /// Writes down that the library has this context file.
    pub(super) fn mark(
        &self,
        world: &World,
        library: &RepositoryName,
        file: &str,
        permit: &Permit,
    ) -> Result<()> {
        let mut turn = self.turn();
        let bytes = self.bytes(world)?.unwrap_or_default();
        let old = Catalogue::parse(&bytes).with_context(|| self.is_useless())?;
        let new =
            old.marked(library, file).with_context(|| format!("{library} is no longer in the catalogue"))?;
        if new == old {
            return Ok(());
        }
        self.replace(world, &mut turn, (Some(&bytes), &new), permit)
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a catalogue in the place of what is there. What was there when the run began is kept beside it.
    fn replace(
        &self,
        world: &World,
        turn: &mut Turn,
        (old, new): (Option<&[u8]>, &Catalogue),
        permit: &Permit,
    ) -> Result<()> {
        match (old, self.path.parent()) {
            (Some(old), _) if !turn.is_kept => world.files.keep_beside(&self.path, ".bak", old, permit)?,
            (None, Some(folder)) => world.files.make_folder(folder, permit)?,
            _ => {}
        }
        turn.is_kept = true;
        let now = world.clock.now().with_timezone(&world.clock.zone()).naive_local();
        world.files.write(&self.path, &new.content(now)?, MODE, permit)
    }

    fn is_useless(&self) -> String {
        format!("{} cannot be used", text::path(&self.shown))
    }
}

/// Puts a new catalogue in the place of the old one, which is kept beside it.
#[derive(Debug)]
pub struct WriteCatalogue {
    pub(super) file: Arc<CatalogueFile>,
    pub(super) catalogue: Catalogue,
    /// What was in the file when it was looked at.
    pub(super) seen: Option<Vec<u8>>,
    /// Libraries that were not in it, and that are not in it any more.
    pub(super) new: usize,
    pub(super) removed: usize,
}

impl fmt::Display for WriteCatalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WriteCatalogue { file, catalogue, seen: _, new, removed } = self;
        let count = text::plural(catalogue.count(), "library");
        write!(f, "write {} ({count}, {new} new, {removed} removed)", text::path(&file.shown))
    }
}

impl Serialize for WriteCatalogue {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let WriteCatalogue { file, catalogue, seen: _, new, removed } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("action", "write-catalogue")?;
        map.serialize_entry("path", &text::path(&file.shown))?;
        map.serialize_entry("libraries", &catalogue.count())?;
        map.serialize_entry("new", new)?;
        map.serialize_entry("removed", removed)?;
        map.end()
    }
}

impl Action for WriteCatalogue {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        let WriteCatalogue { file, catalogue, seen, new: _, removed: _ } = self;
        let mut turn = file.turn();
        if file.bytes(world)? != *seen {
            return Ok(Outcome::Skipped("changed since it was looked at".into()));
        }
        file.replace(world, &mut turn, (seen.as_deref(), catalogue), permit)?;
        Ok(Outcome::DONE)
    }
}
