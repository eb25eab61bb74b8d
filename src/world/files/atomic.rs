//! Writes a file so that a reader, a kill or a power cut finds the old content or the new, never half.

use super::Likeness;
use crate::engine::apply::Permit;
use crate::text;
use anyhow::{Context as _, Result};
use rustix::fs::OFlags;
use std::fs::{File, Permissions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use tempfile::NamedTempFile;

/// The names of files that are not complete yet.
const PREFIX: &str = ".maint-";
const SUFFIX: &str = ".new";
const JOURNAL: &str = "-journal";
/// How often a file that somebody took away at once is made again.
const TRIES: u32 = 10;
const ROOT: u32 = 0;

/// Temporary file beside it, write, sync, rename, sync the folder.
pub(super) fn write(path: &Path, content: &[u8], mode: u32, permit: &Permit) -> Result<()> {
    write_like(path, content, (path, mode), permit)
}

/// The same with the mode and owner of another file; or with `mode`, when that is not there.
pub(super) fn write_like(
    path: &Path,
    content: &[u8],
    (model, mode): (&Path, u32),
    _permit: &Permit,
) -> Result<()> {
    let write = || -> io::Result<()> {
        let mut unfinished = Unfinished::beside(path)?;
        unfinished.file().write_all(content)?;
        unfinished.replace(path, (model, mode))
    };
    write().with_context(|| format!("cannot write {}", text::path(path)))
}

/// A file that is still to take its place; dropped, it leaves nothing behind.
#[derive(Debug)]
pub(super) struct Unfinished(NamedTempFile);

impl Unfinished {
    /// A new file in the folder of `path`. It is locked while it is written, so that what a kill has left there can be told
    /// from what another run writes just now; what is left is removed.
    pub(super) fn beside(path: &Path) -> io::Result<Unfinished> {
        let folder = folder_of(path);
        remove_leftovers(folder);
        for _ in 1..TRIES {
            if let Some(file) = begin(folder)? {
                return Ok(file);
            }
        }
        Err(io::Error::other("another program removes what is written there"))
    }

    /// Where it is until it takes its place.
    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn file(&mut self) -> &mut File {
        self.0.as_file_mut()
    }

    pub(super) fn copy_of_file(&self) -> io::Result<File> {
        self.0.as_file().try_clone()
    }

    /// Puts it in the place of `path`, as a file that was like this one.
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    pub(super) fn replace_as(self, path: &Path, likeness: &Likeness) -> io::Result<()> {
        let file = self.0.as_file();
        let (uid, gid) = likeness.owner;
        // Only root may give a file away.
        let _ = std::os::unix::fs::fchown(file, Some(uid), Some(gid));
        file.set_permissions(Permissions::from_mode(likeness.mode))?;
        let time = rustix::fs::Timespec { tv_sec: likeness.seconds, tv_nsec: likeness.nanoseconds.into() };
        rustix::fs::futimens(file, &rustix::fs::Timestamps { last_access: time, last_modification: time })?;
        file.sync_all()?;
        self.0.persist(path).map_err(|error| error.error)?;
        File::open(folder_of(path))?.sync_all()
    }

    /// Puts it in the place of `path`, with the mode and owner of `model`; or with `mode`, when that is not there.
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    pub(super) fn replace(self, path: &Path, (model, mode): (&Path, u32)) -> io::Result<()> {
        let file = self.0.as_file();
        let old = std::fs::metadata(model).ok();
        let mode = old.as_ref().map_or(mode, |found| found.permissions().mode() & 0o7777);
        if let Some(old) = &old {
            // Only root may give a file away; for everybody else the owner is the same anyway, or cannot be kept.
            let _ = std::os::unix::fs::fchown(file, Some(old.uid()), Some(old.gid()));
        }
        file.set_permissions(Permissions::from_mode(mode))?;
        file.sync_all()?;
        self.0.persist(path).map_err(|error| error.error)?;
        File::open(folder_of(path))?.sync_all()
    }
}

pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// `None` when another run took it for a leftover before it was locked.
fn begin(folder: &Path) -> io::Result<Option<Unfinished>> {
    let file = tempfile::Builder::new().prefix(PREFIX).suffix(SUFFIX).tempfile_in(folder);
    let file = file.map_err(without_path)?;
    // On a file system without locks nothing is taken for a leftover either.
    if let Err(TryLockError::WouldBlock) = file.as_file().try_lock() {
        return Ok(None);
    }
    let is_there = file.as_file().metadata()?.nlink() > 0;
    Ok(is_there.then_some(Unfinished(file)))
}

/// The error itself: the random name that it was to have tells nobody anything.
fn without_path(error: io::Error) -> io::Error {
    match error.to_string().split_once(" at path ") {
        Some((words, _)) => io::Error::new(error.kind(), words),
        None => error,
    }
}

/// Removes what killed runs have left in a folder: our own files that nobody writes any more. Whatever fails here is no
/// reason not to write.
#[expect(clippy::disallowed_methods, reason = "this is World")]
fn remove_leftovers(folder: &Path) {
    let own = rustix::process::geteuid().as_raw();
    let nofollow = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if let Some(owner) = name.strip_prefix(PREFIX).and_then(|name| name.strip_suffix(JOURNAL)) {
            let owner = folder.join(format!("{PREFIX}{owner}"));
            if owner.symlink_metadata().is_err() {
                remove_journal_of(&owner);
            }
            continue;
        }
        if !name.starts_with(PREFIX) || !name.ends_with(SUFFIX) {
            continue;
        }
        let mut options = std::fs::OpenOptions::new();
        let flags = i32::try_from(nofollow.bits()).unwrap_or(0);
        let Ok(file) = options.read(true).custom_flags(flags).open(entry.path()) else { continue };
        // What root was about to put in the place of another user's file is that user's already.
        let is_ours =
            file.metadata().is_ok_and(|found| found.is_file() && (found.uid() == own || own == ROOT));
        if is_ours && file.try_lock().is_ok() {
            let _ = std::fs::remove_file(entry.path());
            remove_journal_of(&entry.path());
        }
    }
}

/// SQLite keeps a journal beside a database that it writes, and leaves it there when it fails.
#[expect(clippy::disallowed_methods, reason = "this is World")]
pub(super) fn remove_journal_of(path: &Path) {
    let mut journal = path.as_os_str().to_owned();
    journal.push(JOURNAL);
    let _ = std::fs::remove_file(journal);
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests prepare the world themselves")]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_the_same_each_time_whatever_the_name_was_to_be() {
        let error = Unfinished::beside(Path::new("/dev/null/x")).err().unwrap();
        assert_eq!(crate::error::plain(&error.to_string()), "Not a directory");
    }

    #[test]
    fn what_a_kill_has_left_goes_with_its_journal_and_what_is_being_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let busy = Unfinished::beside(&path).unwrap();
        let busy_journal = format!("{}-journal", busy.path().display());
        let leave = |name: &str| std::fs::write(folder.path().join(name), "x").unwrap();
        std::fs::write(&busy_journal, "x").unwrap();
        for name in
            [".maint-a.new", ".maint-a.new-journal", ".maint-b.new-journal", "app.db-journal", ".maint-c"]
        {
            leave(name);
        }
        drop(Unfinished::beside(&path).unwrap());
        let mut left: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        left.sort();
        let mut expected = [busy.path().to_owned(), busy_journal.into()].to_vec();
        expected.extend([".maint-c", "app.db-journal"].map(|name| folder.path().join(name)));
        expected.sort();
        assert_eq!(left, expected);
    }
}
