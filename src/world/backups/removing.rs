//! How a backup goes: under another name first, so that half of one is never listed; and what killed runs have left.

use super::{Backup, Backups};
use crate::engine::apply::Permit;
use crate::error::plain_errno;
use crate::text;
use crate::world::files;
use anyhow::{Context as _, Result, anyhow};
use rustix::fs::{CWD, FlockOperation, Mode, OFlags, RenameFlags, flock, fsync, open, renameat_with};
use rustix::io::Errno;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

/// What the names begin with of backups that are being made…
pub(super) const PARTIAL: &str = ".partial-";
/// …and of those that are being removed.
const REMOVED: &str = ".removed-";
const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Backups {
    /// Makes the folder when it is missing, and removes what killed runs have left in it.
    pub(super) fn prepare(&self, _permit: &Permit) -> Result<()> {
        let shown = text::path(&self.folder);
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder);
        made.with_context(|| format!("cannot make the folder of the backups {shown}"))?;
        #[expect(clippy::disallowed_methods, reason = "this is World")]
        let entries = std::fs::read_dir(&self.folder);
        for entry in entries.with_context(|| format!("cannot read {shown}"))?.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if (name.starts_with(PARTIAL) || name.starts_with(REMOVED)) && is_left(&entry.path()) {
                // What cannot be removed now is tried again by the next run.
                let _ = remove_folder(&entry.path());
            }
        }
        Ok(())
    }

    /// Removes one.
    pub(crate) fn remove(&self, backup: &Backup, _permit: &Permit) -> Result<()> {
        let removed = self.folder.join(format!("{REMOVED}{}", backup.id));
        let remove = || -> Result<(), Errno> {
            renameat_with(CWD, &backup.folder, CWD, &removed, RenameFlags::NOREPLACE)?;
            fsync(&open(&self.folder, FOLDER, Mode::empty())?)?;
            remove_folder(&removed)
        };
        remove()
            .map_err(|errno| anyhow!("cannot remove {}: {}", text::path(&backup.folder), plain_errno(errno)))
    }
}

/// Nobody is at work in it.
fn is_left(path: &Path) -> bool {
    let lock = || {
        let fd = open(path, FOLDER, Mode::empty())?;
        flock(&fd, FlockOperation::NonBlockingLockExclusive)
    };
    lock().is_ok()
}

/// Removes a folder with what is in it.
pub(super) fn remove_folder(path: &Path) -> Result<(), Errno> {
    files::remove_tree(path)
}
