//! Takes away what a survey found: each thing is looked at again, and only the same old thing goes.

use super::folder::{Find, Folder, Kind, modified};
use super::lease::{self, Lease};
use crate::engine::apply::Permit;
use crate::error::plain_errno;
use rustix::fd::{AsFd as _, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Statx, StatxFlags, openat, statx, unlinkat};
use rustix::io::Errno;
use std::cell::RefCell;
use std::ffi::CStr;
use std::sync::Arc;

/// What became of one find.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Removal {
    /// It is gone.
    Removed,
    /// Somebody else was faster: it was gone already.
    Vanished,
    /// It stays, because it is no longer what was looked at.
    Changed,
    /// It stays, because a process holds it open or has locked its folder.
    InUse,
    /// It stays, because something new is in the folder.
    NotEmpty,
    /// It could not be removed, for this reason.
    Failed(String),
}

thread_local! {
    /// The folder this thread removed from last: the next find is most often in the same one.
    static LAST: RefCell<Option<(Arc<Folder>, OwnedFd)>> = const { RefCell::new(None) };
}

/// Removes one find, if it still is what was seen.
pub(super) fn remove(find: &Find, _permit: &Permit) -> Removal {
    let answer = LAST.with_borrow_mut(|last| {
        let (folder, name) = find.place();
        let is_same = last.as_ref().is_some_and(|(last, _)| Arc::ptr_eq(last, folder));
        if !is_same {
            *last = None;
            *last = Some((Arc::clone(folder), folder.open_to_change()?));
        }
        match last {
            Some((_, fd)) => remove_in(fd, name, find),
            None => Err(Errno::BADF),
        }
    });
    answer.unwrap_or_else(Removal::from)
}

impl From<Errno> for Removal {
    fn from(errno: Errno) -> Removal {
        match errno {
            Errno::NOENT => Removal::Vanished,
            Errno::WOULDBLOCK => Removal::InUse,
            Errno::STALE | Errno::LOOP | Errno::NOTDIR | Errno::XDEV => Removal::Changed,
            Errno::NOTEMPTY | Errno::EXIST => Removal::NotEmpty,
            Errno::BUSY => Removal::Failed("something is mounted there".to_owned()),
            errno => Removal::Failed(plain_errno(errno)),
        }
    }
}

fn remove_in(folder: &OwnedFd, name: &CStr, find: &Find) -> Result<Removal, Errno> {
    match find.kind {
        Kind::Folder => remove_folder(folder, name, find),
        Kind::File if find.rules().skip_open => remove_unless_open(folder, name, find),
        Kind::File | Kind::Link => {
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            let now = statx(folder, name, flags, StatxFlags::BASIC_STATS)?;
            unlink_if_same(folder, name, find, &now)
        }
    }
}

/// `rmdir` refuses a folder that is not empty, so that nothing new in it can be lost.
fn remove_folder(parent: &OwnedFd, name: &CStr, find: &Find) -> Result<Removal, Errno> {
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    let now = statx(parent, name, flags, StatxFlags::BASIC_STATS)?;
    if now.stx_ino != find.inode || FileType::from_raw_mode(now.stx_mode.into()) != FileType::Directory {
        return Ok(Removal::Changed);
    }
    unlinkat(parent, name, AtFlags::REMOVEDIR)?;
    Ok(Removal::Removed)
}

/// Holds a lease while the file is unlinked, so that nobody else has it open at that moment.
fn remove_unless_open(folder: &OwnedFd, name: &CStr, find: &Find) -> Result<Removal, Errno> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = match openat(folder, name, flags, Mode::empty()) {
        Ok(file) => file,
        // Not ours to read: the survey's look at /proc has to do.
        Err(Errno::PERM | Errno::ACCESS) => {
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            let now = statx(folder, name, flags, StatxFlags::BASIC_STATS)?;
            return unlink_if_same(folder, name, find, &now);
        }
        // Another program's lease is being given up: it has the file open.
        Err(Errno::WOULDBLOCK) => return Ok(Removal::InUse),
        Err(Errno::NXIO) => return Ok(Removal::Changed),
        Err(errno) => return Err(errno),
    };
    if lease::take(file.as_fd()) == Lease::HeldOpen {
        return Ok(Removal::InUse);
    }
    let now = statx(&file, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
    unlink_if_same(folder, name, find, &now)
}

pub(super) fn unlink_if_same(
    folder: &OwnedFd,
    name: &CStr,
    find: &Find,
    now: &Statx,
) -> Result<Removal, Errno> {
    if !is_same(find, now) {
        return Ok(Removal::Changed);
    }
    unlinkat(folder, name, AtFlags::empty())?;
    Ok(Removal::Removed)
}

/// True when a file or link still is what was seen.
pub(super) fn is_same(find: &Find, now: &Statx) -> bool {
    let kind = match FileType::from_raw_mode(now.stx_mode.into()) {
        FileType::RegularFile => Some(Kind::File),
        FileType::Symlink => Some(Kind::Link),
        _ => None,
    };
    let seen = (find.inode, find.size, find.modified, Some(find.kind));
    (now.stx_ino, now.stx_size, modified(now), kind) == seen
}
