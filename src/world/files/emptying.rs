//! Takes a folder away with all that is in it, whatever strangers have made there: closed folders, folders deeper than a
//! path may be long, links that lead out.

use super::FOLDER;
use super::folder::look_at;
use rustix::fd::{AsRawFd as _, OwnedFd};
use rustix::fs::{AtFlags, Dir, Mode, OFlags, ResolveFlags};
use rustix::fs::{chmod, fchmod, openat, openat2, renameat, unlinkat};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

/// What a folder needs to be emptied.
const OPEN: Mode = Mode::RWXU;
/// Names that are taken at once.
const MOST_AT_ONCE: usize = 10_000;
/// Rounds in which nothing more could be removed, before it is given up.
const PATIENCE: usize = 5;

/// Removes a folder with all that is in it.
pub(super) fn remove(parent: &OwnedFd, name: &CStr) -> Result<(), Errno> {
    empty(&open_to_empty(parent, name)?)?;
    unlinkat(parent, name, AtFlags::REMOVEDIR)
}

/// The same for a folder that is known by its path, whose parent is ours.
pub(crate) fn remove_tree(path: &Path) -> Result<(), Errno> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Err(Errno::INVAL) };
    let parent = rustix::fs::open(parent, FOLDER, Mode::empty())?;
    remove(&parent, &CString::new(name.as_bytes()).map_err(|_| Errno::INVAL)?)
}

/// Removes all that is in an open folder, wherever it is.
pub(super) fn empty_by(folder: &OwnedFd) -> Result<(), Errno> {
    fchmod(folder, OPEN)?;
    empty(folder)
}

/// Removes all that is in a folder, however deep, with two open descriptors: what is in the folders in it is moved
/// up until there are no folders in folders.
fn empty(top: &OwnedFd) -> Result<(), Errno> {
    let mut moved = 0;
    let mut tries = 0;
    loop {
        let mut last = Ok(());
        let mut is_better = false;
        let names = names(top, |_| true)?;
        if names.is_empty() {
            return Ok(());
        }
        for name in names {
            match dissolve(top, &name, &mut moved) {
                Ok(()) => is_better = true,
                Err(errno) => last = Err(errno),
            }
        }
        if !is_better {
            // Something may still be writing there.
            tries += 1;
            if tries > PATIENCE {
                return last;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Removes an entry; of a folder, the folders in it move up.
fn dissolve(top: &OwnedFd, name: &CStr, moved: &mut u64) -> Result<(), Errno> {
    if is_gone(top, name)? {
        return Ok(());
    }
    let folder = open_to_empty(top, name)?;
    loop {
        let names = names(&folder, |_| true)?;
        if names.is_empty() {
            return unlinkat(top, name, AtFlags::REMOVEDIR);
        }
        for inner in names {
            if !is_gone(&folder, &inner)? {
                // A folder that nobody may change cannot be moved either.
                open_to_empty(&folder, &inner)?;
                move_up(&folder, &inner, top, moved)?;
            }
        }
    }
}

fn move_up(folder: &OwnedFd, name: &CStr, top: &OwnedFd, moved: &mut u64) -> Result<(), Errno> {
    loop {
        *moved += 1;
        match renameat(folder, name, top, format!("moved-{moved}")) {
            Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR) => {}
            other => return other,
        }
    }
}

/// Removes an entry; false for a folder with something in it.
pub(super) fn is_gone(folder: &OwnedFd, name: &CStr) -> Result<bool, Errno> {
    let removed = match unlinkat(folder, name, AtFlags::empty()) {
        Err(Errno::ISDIR) => unlinkat(folder, name, AtFlags::REMOVEDIR),
        other => other,
    };
    match removed {
        Ok(()) | Err(Errno::NOENT) => Ok(true),
        Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Opens a folder to change it, which its mode may forbid: no symlink, no way up, no other mount.
pub(super) fn open_to_empty(parent: &OwnedFd, name: &CStr) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let found = openat2(parent, name, flags, Mode::empty(), resolve)?;
    let mode = Mode::from_raw_mode(look_at(&found)?.stx_mode.into());
    if !mode.contains(OPEN) {
        chmod(format!("/proc/self/fd/{}", found.as_raw_fd()), OPEN)?;
    }
    openat(&found, c".", FOLDER, Mode::empty())
}

/// Names in a folder, not too many at once.
pub(super) fn names(folder: &OwnedFd, is_wanted: impl Fn(&CStr) -> bool) -> Result<Vec<CString>, Errno> {
    let entries = Dir::read_from(folder)?.filter_map(Result::ok).map(|entry| entry.file_name().to_owned());
    let is_wanted = |name: &CString| !matches!(name.to_bytes(), b"." | b"..") && is_wanted(name);
    Ok(entries.filter(is_wanted).take(MOST_AT_ONCE).collect())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests prepare the world themselves")]
mod tests {
    use super::*;
    use rustix::fs::mkdirat;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use tempfile::TempDir;

    fn opened(path: &Path) -> OwnedFd {
        rustix::fs::open(path, FOLDER, Mode::empty()).unwrap()
    }

    #[test]
    fn a_folder_is_emptied_whatever_is_in_it_and_nothing_outside_is_touched() {
        let around = TempDir::new().unwrap();
        let (top, outside) = (around.path().join("top"), around.path().join("outside"));
        fs::create_dir_all(top.join("a/b/c/d")).unwrap();
        fs::create_dir_all(&outside).unwrap();
        fs::write(outside.join("kept"), "kept").unwrap();
        fs::write(top.join("a/b/file"), "x").unwrap();
        // What could be in the way of what is moved up.
        fs::write(top.join("moved-1"), "").unwrap();
        fs::create_dir_all(top.join("moved-2/full")).unwrap();
        std::os::unix::fs::symlink(&outside, top.join("a/b/link")).unwrap();
        std::os::unix::fs::symlink(&outside, top.join("link")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, top.join("a/pipe"), rustix::fs::FileType::Fifo, Mode::RWXU, 0)
            .unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(top.join("a/socket")).unwrap();
        for closed in ["a/b/c/d", "a/b/c", "a/b"] {
            fs::set_permissions(top.join(closed), fs::Permissions::from_mode(0o0)).unwrap();
        }
        empty(&opened(&top)).unwrap();
        assert_eq!(fs::read_dir(&top).unwrap().count(), 0);
        assert_eq!(fs::read_to_string(outside.join("kept")).unwrap(), "kept");
    }

    #[test]
    fn a_folder_that_is_deeper_than_a_path_may_be_long_is_removed_with_few_descriptors() {
        let around = TempDir::new().unwrap();
        let mut folder = opened(around.path());
        for _ in 0..3_000 {
            mkdirat(&folder, "deeper", OPEN).unwrap();
            folder = openat(&folder, "deeper", FOLDER, Mode::empty()).unwrap();
        }
        empty(&opened(around.path())).unwrap();
        assert_eq!(fs::read_dir(around.path()).unwrap().count(), 0);
    }
}
