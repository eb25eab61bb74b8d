//! Configuration files put back: each whole, with its mode, owner and time, and either all of them or none.

use super::configs::name_of;
use crate::engine::apply::Permit;
use crate::error::{Problem, one_line};
use crate::text;
use crate::world::World;
use crate::world::files::{Likeness, Presence};
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// A configuration is a page of text, and all of them together are no more than this.
const LARGEST: u64 = 256 << 20;

/// What a file was before, when there was one.
type Old = Option<(Vec<u8>, Likeness)>;

/// A file of a backup, and where it belongs.
#[derive(Debug)]
pub(crate) struct ConfigFile {
    path: PathBuf,
    content: Vec<u8>,
    likeness: Likeness,
}

impl ConfigFile {
    /// True when that is there already.
    pub(crate) fn is_there(&self, world: &World) -> bool {
        let now = world.files.likeness(&self.path);
        let is_like = now.is_some_and(|now| now.is_as_far_as_possible(&self.likeness));
        is_like && world.files.read(&self.path, LARGEST).is_ok_and(|content| content == self.content)
    }
}

/// Reads the files of a backup; with `to` they belong below that folder, else where `configs` of `[backup]` has them.
pub(crate) fn config_files(
    world: &World,
    to: Option<&Path>,
    content: &mut dyn Read,
) -> Result<Vec<ConfigFile>> {
    let places: BTreeMap<PathBuf, PathBuf> = world
        .config
        .backup
        .configs
        .iter()
        .filter_map(|path| Some((name_of(path).ok()?, path.clone())))
        .collect();
    let mut archive = tar::Archive::new(content);
    let (mut files, mut size) = (Vec::new(), 0);
    for entry in archive.entries().context("the backup is no archive")? {
        let mut entry = entry.context("the backup is no archive")?;
        let name = entry.path()?.into_owned();
        let shown = text::path(&name).into_owned();
        let is_plain = name.components().all(|part| matches!(part, Component::Normal(_)));
        ensure!(
            is_plain && entry.header().entry_type().is_file(),
            "the backup holds {shown}, which is no plain file; nothing was touched"
        );
        size += entry.size();
        ensure!(size <= LARGEST, "the backup holds more than {} of configuration", text::size(LARGEST));
        let path = match (to, places.get(&name)) {
            (Some(to), _) => to.join(&name),
            (None, Some(place)) => world.files.real(&world.root.join(place)),
            (None, None) => {
                return Err(Problem::usage(format!(
                    "the backup holds {shown}, which `configs` of [backup] does not name any more: add it, or restore beside with --to"
                )));
            }
        };
        let header = entry.header();
        let likeness = Likeness {
            mode: header.mode()? & 0o7777,
            owner: (u32::try_from(header.uid()?)?, u32::try_from(header.gid()?)?),
            seconds: i64::try_from(header.mtime()?)?,
            nanoseconds: 0,
        };
        let mut content = Vec::new();
        entry
            .read_to_end(&mut content)
            .with_context(|| format!("the backup breaks off in {}", text::path(&name)))?;
        files.push(ConfigFile { path, content, likeness });
    }
    Ok(files)
}

/// Puts them there; those that are there already stay as they are. What fails half-way is undone. How many were written.
pub(crate) fn put_back(world: &World, files: &[ConfigFile], permit: &Permit) -> Result<usize> {
    let mut undo: Vec<(&Path, Old)> = Vec::new();
    for file in files.iter().filter(|file| !file.is_there(world)) {
        let written = keep(world, &file.path).and_then(|old| {
            undo.push((&file.path, old));
            anyhow::ensure!(world.stop.reason().is_none(), "the run was ended");
            world.files.write_as(&file.path, &file.content, &file.likeness, permit)
        });
        if let Err(error) = written {
            let failures: Vec<String> =
                undo.into_iter().rev().filter_map(|one| undone(world, one, permit)).collect();
            let words = if failures.is_empty() {
                "all files are as they were".to_owned()
            } else {
                failures.join("; ")
            };
            return Err(anyhow!("{}; {words}", one_line(&error)));
        }
    }
    Ok(undo.len())
}

/// What is there now.
fn keep(world: &World, path: &Path) -> Result<Old> {
    match world.files.presence(path) {
        Presence::Missing => Ok(None),
        Presence::There => {
            let likeness = world.files.likeness(path).context("it went meanwhile")?;
            Ok(Some((world.files.read(path, LARGEST)?, likeness)))
        }
        Presence::SomethingElse => bail!("{} is no file; move it away", text::path(path)),
        Presence::Unknown(why) => bail!("cannot look at {}: {why}", text::path(path)),
    }
}

fn undone(world: &World, (path, old): (&Path, Old), permit: &Permit) -> Option<String> {
    let undone = match old {
        Some((content, likeness)) => world.files.write_as(path, &content, &likeness, permit),
        None if world.files.exists(path) => world.files.remove_file(path, permit),
        None => Ok(()),
    };
    undone.err().map(|error| format!("{} is the restored one: {}", text::path(path), one_line(&error)))
}
