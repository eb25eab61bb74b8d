//! Whether a file has been replaced or changed since it was last looked at.

use super::{Identity, folder};
use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
use std::path::Path;

/// What differs when a file has been replaced or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    identity: Identity,
    size: u64,
    changed: (i64, u32),
}

/// The version of the file at `path`, symlinks followed; none where there is none.
pub(crate) fn version_at(path: &Path) -> Option<Version> {
    let found = statx(CWD, path, AtFlags::empty(), StatxFlags::BASIC_STATS).ok()?;
    let changed = (found.stx_ctime.tv_sec, found.stx_ctime.tv_nsec);
    Some(Version { identity: folder::identity_of(&found), size: found.stx_size, changed })
}
