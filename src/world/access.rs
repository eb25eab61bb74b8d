//! What this user may do with a path, and how much room is left: questions that change nothing.

use rustix::fs::{Access, FileType};
use std::path::Path;

/// True when this user may read the file, or list the folder.
#[must_use]
pub fn may_read(path: &Path) -> bool {
    rustix::fs::access(path, Access::READ_OK).is_ok()
}

/// True when this user may make and remove entries of the folder.
#[must_use]
pub fn may_change_folder(path: &Path) -> bool {
    path.is_dir() && rustix::fs::access(path, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

/// True for a program that this user may run.
#[must_use]
pub fn may_run(path: &Path) -> bool {
    let is_file = |mode| FileType::from_raw_mode(mode) == FileType::RegularFile;
    rustix::fs::stat(path).is_ok_and(|found| is_file(found.st_mode))
        && rustix::fs::access(path, Access::EXEC_OK).is_ok()
}

/// True when users may read the file who are neither its owner nor in its group.
#[must_use]
pub fn is_open_to_others(path: &Path) -> bool {
    rustix::fs::stat(path).is_ok_and(|found| found.st_mode & 0o004 != 0)
}

/// The path itself, or the nearest folder above it that exists.
#[must_use]
pub fn nearest_existing(path: &Path) -> &Path {
    path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"))
}

/// Bytes that this user may still write to the file system of an existing path.
#[must_use]
pub fn free_bytes(path: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(path).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}
