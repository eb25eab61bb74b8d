//! The records of backups: read once, kept small, and sorted as the files of the storage are.

use crate::config::tables;
use crate::world::database::{Session, Table};
use anyhow::{Context as _, Result};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;

/// Every record that names a file.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// The paths, one after the other: a string for each would take twice the memory.
    text: String,
    sorted: Vec<Record>,
    /// The backups that are still running, by name: their file may be there before its path is recorded.
    pub(super) unfinished: HashMap<String, i64>,
}

/// One record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) id: i64,
    pub(super) state: State,
    stored: Span,
    relative: Span,
    /// Where the last part of the relative path begins.
    name: u32,
}

/// What the status of a record means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Its file should be there.
    Completed,
    /// It was marked.
    Missing,
    /// Running, pending or failed: whether there is a file says nothing.
    Other,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    length: u32,
}

/// The columns that are read.
fn columns(session: &mut Session<'_>) -> Result<(Table, [String; 4])> {
    let backups = session.table(&tables::BACKUPS)?;
    let columns = backups.columns(["id", "file_path", "status", "backup_name"])?;
    Ok((backups, columns))
}

/// Refuses a table that cannot be read and written.
pub(super) fn check(session: &mut Session<'_>) -> Result<()> {
    columns(session)?.0.columns(tables::OF_A_NEW_BACKUP).map(drop)
}

/// Hands the path of every record that names a file to `each`.
pub(super) fn paths(session: &mut Session<'_>, mut each: impl FnMut(&str)) -> Result<()> {
    let (backups, [_, path, ..]) = columns(session)?;
    let sql = format!("SELECT {path} FROM {} WHERE {path} <> ''", backups.name());
    session.rows(&sql, &[], |row| {
        each(row.text(0)?);
        Ok(())
    })
}

impl Records {
    /// Reads them; `bases` say what their paths are relative to.
    pub(super) fn read(session: &mut Session<'_>, bases: &Bases) -> Result<Records> {
        let mut records = Records::default();
        let (backups, [id, path, status, name]) = columns(session)?;
        let sql = format!(
            "SELECT {id}, {path}, {status}, CASE WHEN {status} IN ('running', 'pending') THEN {name} END
             FROM {} WHERE {path} <> '' OR {status} IN ('running', 'pending')",
            backups.name()
        );
        session.rows(&sql, &[], |row| {
            let id = row.integer(0)?;
            if let Some(name) = row.optional_text(3)? {
                records.unfinished.insert(name.to_owned(), id);
            }
            let state = match row.text(2)? {
                "completed" => State::Completed,
                "file_missing" => State::Missing,
                _ => State::Other,
            };
            records.add(id, row.text(1)?, state, bases)
        })?;
        let Records { text, sorted, .. } = &mut records;
        sorted.sort_unstable_by(|a, b| key(text, a).cmp(&key(text, b)).then(a.id.cmp(&b.id)));
        Ok(records)
    }

    fn add(&mut self, id: i64, stored: &str, state: State, bases: &Bases) -> Result<()> {
        if stored.is_empty() {
            return Ok(());
        }
        let start = self.text.len();
        self.text.push_str(stored);
        let clean = clean(stored);
        let relative = bases.relative(&clean);
        let relative_start = if matches!(clean, Cow::Borrowed(_)) {
            start + stored.len() - relative.len()
        } else {
            self.text.push_str(relative);
            self.text.len() - relative.len()
        };
        let span = |start: usize, text: &str| -> Result<Span> {
            let large = "the paths of the records are larger than 4 GB";
            Ok(Span {
                start: u32::try_from(start).context(large)?,
                length: u32::try_from(text.len()).context(large)?,
            })
        };
        let relative_span = span(relative_start, relative)?;
        let name = relative.rfind('/').map_or(0, |slash| slash + 1);
        let name = u32::try_from(name).unwrap_or(relative_span.length);
        self.sorted.push(Record { id, state, stored: span(start, stored)?, relative: relative_span, name });
        Ok(())
    }

    /// The records in the order of their relative paths: the folder, then the name, then the id.
    pub(super) fn sorted(&self) -> &[Record] {
        &self.sorted
    }

    /// The path as it stands in the record.
    pub(super) fn stored(&self, record: &Record) -> &str {
        slice(&self.text, record.stored)
    }

    /// The path relative to the base; absolute when it is not below it.
    pub(super) fn relative(&self, record: &Record) -> &str {
        slice(&self.text, record.relative)
    }

    /// Where a record stands beside the file `name` in `folder`.
    pub(super) fn compare(&self, record: &Record, folder: &[u8], name: &[u8]) -> Ordering {
        key(&self.text, record).cmp(&(folder, name))
    }
}

fn slice(text: &str, Span { start, length }: Span) -> &str {
    let start = start as usize;
    text.get(start..start + length as usize).unwrap_or_default()
}

/// The folder and the name.
fn key<'t>(text: &'t str, record: &Record) -> (&'t [u8], &'t [u8]) {
    let (folder, name) = slice(text, record.relative).as_bytes().split_at(record.name as usize);
    (folder.strip_suffix(b"/").unwrap_or(folder), name)
}

/// A path without empty parts and `.`; `..` stays, as it may lead through a symlink.
pub(super) fn clean(path: &str) -> Cow<'_, str> {
    let (root, rest) = path.strip_prefix('/').map_or(("", path), |rest| ("/", rest));
    let is_idle = |part: &&str| part.is_empty() || *part == ".";
    if !rest.split('/').any(|part| is_idle(&part)) {
        return Cow::Borrowed(path);
    }
    let parts: Vec<&str> = rest.split('/').filter(|part| !is_idle(part)).collect();
    Cow::Owned(format!("{root}{}", parts.join("/")))
}

/// The ways in which a record may write the folder that paths are relative to.
#[derive(Debug, Default)]
pub(super) struct Bases {
    /// Absolute, as the site is named here.
    pub(super) here: Vec<String>,
    /// "/backups/storage/": from the site's root to its files.
    pub(super) storage: String,
    /// How much of it is the base: "/backups/".
    pub(super) base: usize,
}

impl Bases {
    /// A clean path relative to the base; as it is when it leads elsewhere. A site in a container, or that has
    /// moved, has records that begin with another root: what counts is the way from the root to the storage.
    pub(super) fn relative<'p>(&self, path: &'p str) -> &'p str {
        let below = |base: &String| path.strip_prefix(base.as_str())?.strip_prefix('/');
        let elsewhere = || {
            let is_absolute = path.starts_with('/') && self.storage.len() > 1;
            let place = is_absolute.then(|| path.rfind(&self.storage))??;
            path.get(place + self.base..)
        };
        self.here.iter().find_map(below).or_else(elsewhere).unwrap_or(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_compared_relative_to_the_base_and_without_idle_parts() {
        let here = vec!["/srv/site/backups".to_owned(), "/srv/current/backups".to_owned()];
        let bases = Bases { here, storage: "/backups/storage/".to_owned(), base: "/backups/".len() };
        let relative = |path: &str| bases.relative(&clean(path)).to_owned();
        for (stored, expected) in [
            ("storage/a.zip", "storage/a.zip"),
            ("./storage//a.zip", "storage/a.zip"),
            ("/srv/site/backups/storage/a.zip", "storage/a.zip"),
            ("//srv/current/./backups/storage/a.zip", "storage/a.zip"),
            ("/srv/site/backups2/a.zip", "/srv/site/backups2/a.zip"),
            ("/var/elsewhere/x.zip", "/var/elsewhere/x.zip"),
            ("/app/backups/storage/a/b.zip", "storage/a/b.zip"),
            ("/app/backups/other/a.zip", "/app/backups/other/a.zip"),
            ("old/backups/storage/a.zip", "old/backups/storage/a.zip"),
            ("../x.zip", "../x.zip"),
        ] {
            assert_eq!(relative(stored), expected, "{stored}");
        }
    }

    #[test]
    fn records_are_sorted_by_folder_then_name_then_id() {
        let mut records = Records::default();
        for (id, path) in [(4, "s/a-b/x"), (3, "s/a/x"), (2, "s/b"), (9, "/x"), (1, "s/a/x"), (5, "top")] {
            records.add(id, path, State::Completed, &Bases::default()).unwrap();
        }
        let Records { text, sorted, .. } = &mut records;
        sorted.sort_unstable_by(|a, b| key(text, a).cmp(&key(text, b)).then(a.id.cmp(&b.id)));
        assert_eq!(sorted.iter().map(|record| record.id).collect::<Vec<_>>(), [5, 9, 2, 1, 3, 4]);
    }
}
