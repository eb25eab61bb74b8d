//! Backups: a folder for each, with the content, a manifest, and a checksum for every byte of both.
//!
//! A backup is made under a name that nothing lists, read back, synced, and only then given its own name.

mod age;
mod configs;
mod content;
mod making;
mod manifest;
pub(crate) mod record;
mod removing;
mod replacing;
pub(crate) mod restic;
pub(crate) mod retention;
mod subject;

pub(crate) use manifest::Manifest;
pub(crate) use replacing::{config_files, put_back};
pub(crate) use subject::Subject;

use crate::error::{Problem, one_line};
use crate::text;
use crate::world::World;
use crate::world::files::Files;
use anyhow::{Context as _, Result, bail};
use chrono::{DateTime, Utc};
use clap::ValueEnum;
use manifest::{MANIFEST, SUMS, is_id, is_of, time_of};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

/// A manifest names a few files.
const LARGEST_MANIFEST: u64 = 1 << 20;

/// What a backup is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A database
    Db,
    /// A volume of Docker
    Volume,
    /// Configuration files
    Configs,
}

impl Kind {
    /// The word in ids and reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Kind::Db => "db",
            Kind::Volume => "volume",
            Kind::Configs => "configs",
        }
    }
}

/// The folder of the backups.
#[derive(Clone, Debug)]
pub(crate) struct Backups {
    pub(in crate::world) folder: PathBuf,
}

/// A backup that is complete.
#[derive(Clone, Debug)]
pub(crate) struct Backup {
    /// Such as "db-app-20261122T021000Z".
    pub(crate) id: String,
    pub(crate) made: DateTime<Utc>,
    pub(crate) manifest: Manifest,
    pub(crate) folder: PathBuf,
    /// What is to be said of how it was made just now.
    pub(crate) remark: Option<String>,
}

impl Backup {
    /// What is reported of one that was made.
    pub(crate) fn tidings(&self) -> String {
        let (id, size) = (text::escape(&self.id), text::size(self.manifest.size_bytes));
        let remark = self.remark.as_ref().map(|remark| format!("; {remark}")).unwrap_or_default();
        format!("as {id}, {size}{remark}")
    }
}

/// What has the name of a backup and cannot be read as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Damaged {
    pub(crate) id: String,
    pub(crate) why: String,
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", text::escape(&self.id), self.why)
    }
}

/// Backups of the same thing, made for the same reason: they are kept and forgotten together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Series {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) reason: Option<String>,
}

impl Backup {
    pub(crate) fn series(&self) -> Series {
        let Manifest { kind, name, reason, .. } = &self.manifest;
        Series { kind: *kind, name: name.clone(), reason: reason.clone() }
    }
}

impl World {
    /// Where `[backup] dir` is.
    pub(crate) fn backups(&self) -> Backups {
        Backups { folder: self.root.join(&self.config.backup.dir) }
    }
}

impl Backups {
    /// All of them, newest first; and what is wrong with those that cannot be read as one.
    pub(crate) fn list(&self) -> Result<(Vec<Backup>, Vec<Damaged>)> {
        #[expect(clippy::disallowed_methods, reason = "this is World")]
        let mut names = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok((Vec::new(), Vec::new()));
            }
            Err(error) => {
                let shown = text::path(&self.folder);
                return Err(error).with_context(|| format!("cannot read the folder of the backups {shown}"));
            }
            Ok(entries) => entries
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .filter(|name| is_id(name))
                .collect::<Vec<String>>(),
        };
        names.sort_unstable();
        let (mut backups, mut odd) = (Vec::new(), Vec::new());
        for id in names {
            match self.open(&id) {
                Ok(backup) => backups.push(backup),
                Err(error) => odd.push(Damaged { why: one_line(&error), id }),
            }
        }
        backups.sort_by(|one, other| other.order().cmp(&one.order()));
        Ok((backups, odd))
    }

    fn open(&self, id: &str) -> Result<Backup> {
        let folder = self.folder.join(id);
        let file = folder.join(MANIFEST);
        let bytes = Files::default()
            .read(&file, LARGEST_MANIFEST)
            .map_err(|error| error.context("its manifest cannot be read"))?;
        let manifest = Manifest::parse(&bytes, id)?;
        Ok(Backup { id: id.to_owned(), made: manifest.made, manifest, folder, remark: None })
    }

    /// The one with this id, or the latest of this kind and name that was made because it was time for one.
    pub(crate) fn find(&self, kind: Kind, name: Option<&str>, from: &str) -> Result<Backup> {
        if from != "latest" {
            return self.with_id(from).and_then(|backup| of_kind(backup, kind, name));
        }
        let (backups, damaged) = self.list()?;
        let is_fitting = |backup: &Backup| {
            let manifest = &backup.manifest;
            manifest.kind == kind
                && name.is_none_or(|name| manifest.name == name)
                && manifest.reason.is_none()
        };
        let fitting: Vec<Backup> = backups.into_iter().filter(is_fitting).collect();
        let names: BTreeSet<&str> = fitting.iter().map(|backup| &*backup.manifest.name).collect();
        if names.len() > 1 {
            let names = names.into_iter().map(text::escape).collect::<Vec<_>>().join(", ");
            return Err(Problem::usage(format!("there are backups of {names}: say of which")));
        }
        let latest = fitting.into_iter().max_by_key(|backup| backup.manifest.sequence);
        // An older one in its place would be a surprise.
        let since = latest.as_ref().map(|latest| time_of(&latest.id).unwrap_or_default());
        let is_in_its_place = |damaged: &&Damaged| {
            let is_named = name.is_none_or(|name| is_of(&damaged.id, kind, name));
            is_named
                && damaged.id.starts_with(kind.word())
                && time_of(&damaged.id).unwrap_or_default() > since.unwrap_or_default()
        };
        if let Some(Damaged { id, why }) = damaged.iter().find(is_in_its_place) {
            bail!("the latest backup, {id}, is damaged ({why}); name another with --from");
        }
        latest.ok_or_else(|| {
            let of = name.map(|name| format!(" of {}", text::escape(name))).unwrap_or_default();
            Problem::usage(format!(
                "there is no backup{of} ({}); `maint backup list` shows them",
                kind.word()
            ))
        })
    }

    /// The one with this id.
    pub(crate) fn with_id(&self, id: &str) -> Result<Backup> {
        let shown = text::escape(id);
        if !is_id(id) || !Files::default().is_folder(&self.folder.join(id)) {
            return Err(Problem::usage(format!(
                "there is no backup `{shown}`; `maint backup list` shows them"
            )));
        }
        self.open(id).with_context(|| format!("the backup {shown} cannot be used"))
    }
}

fn of_kind(backup: Backup, kind: Kind, name: Option<&str>) -> Result<Backup> {
    let Manifest { kind: is, name: called, .. } = &backup.manifest;
    let is_other = name.is_some_and(|name| name != called);
    if *is != kind || is_other {
        let (id, is, called) = (text::escape(&backup.id), is.word(), text::escape(called));
        return Err(Problem::usage(format!(
            "{id} is a backup of {called} ({is}), not of what was asked for"
        )));
    }
    Ok(backup)
}

impl Backup {
    /// The SHA-256 of its content as it lies there, as its checksums tell it.
    pub(crate) fn sha256(&self) -> Option<String> {
        let sums = Files::default().read_text(&self.folder.join(SUMS), LARGEST_MANIFEST).ok()?;
        sums.split_once("  ").map(|(sum, _)| text::escape(sum).into_owned())
    }

    /// Within a series the clock does not matter.
    fn order(&self) -> (DateTime<Utc>, u64, &str) {
        (self.made, self.manifest.sequence, &self.id)
    }
}
