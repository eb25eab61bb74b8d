//! Folders for what strangers have written: private, locked while they are in use, and gone afterwards whatever was
//! made in them. What a killed run has left behind is told by its name and by its lock, which is free.

use super::emptying::{empty_by, is_gone, names, open_to_empty, remove};
use super::folder::{Rules, Target, open_beneath};
use super::removal::Removal;
use super::room::{self, Full};
use super::{FOLDER, Files, NoTarget, real_path};
use crate::engine::apply::Permit;
use crate::error::plain_errno;
use crate::text;
use crate::world::command::family;
use anyhow::{Context as _, Result, anyhow};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FlockOperation, Mode};
use rustix::fs::{flock, fstat, mkdirat, openat, statat, unlinkat};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const PREFIX: &str = ".maint-";
/// Where the tools that work in it have their home.
const HOME: &str = "home";
const PRIVATE: Mode = Mode::RWXU;

/// A folder that is removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Scratch {
    clones: Arc<Target>,
    name: CString,
    path: PathBuf,
    /// The folder that it is in, as it is called in the configuration.
    shown: String,
    /// Locked, so that no other run takes it for a leftover.
    fd: OwnedFd,
}

impl Scratch {
    fn begin(clones: &Arc<Target>, shown: &Path) -> Result<Scratch, Errno> {
        loop {
            let name = random_name()?;
            mkdirat(&clones.fd, &name, PRIVATE)?;
            let fd = match openat(&clones.fd, &name, FOLDER, Mode::empty()) {
                Err(Errno::NOENT) => continue,
                other => other?,
            };
            match flock(&fd, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) if is_at(&clones.fd, &name, &fd) => {
                    let path = clones.shown.join(&*name.to_string_lossy());
                    return Ok(Scratch {
                        clones: Arc::clone(clones),
                        name,
                        path,
                        shown: text::path(shown).into(),
                        fd,
                    });
                }
                // Before it was locked, another run has taken it for a leftover.
                Ok(()) | Err(Errno::WOULDBLOCK) => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    /// The home of the tools that work in it, which exists.
    pub(crate) fn home(&self) -> PathBuf {
        self.path.join(HOME)
    }

    /// Where a folder in it would be.
    pub(crate) fn place(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Makes a folder in it.
    pub(crate) fn folder(&self, name: &str, _permit: &Permit) -> Result<PathBuf> {
        let path = self.path.join(name);
        let made = mkdirat(&self.fd, name, PRIVATE);
        made.map_err(|errno| {
            anyhow!("cannot make the folder {}: {}", text::path(&path), plain_errno(errno))
        })?;
        Ok(path)
    }

    /// Set when its disk is all but full: "only 1.2 MB are free in temp/repos".
    pub(crate) fn shortage(&self) -> Option<String> {
        self.room(Full::Already)
    }

    fn room(&self, full: Full) -> Option<String> {
        room::shortage(&self.fd, full).map(|what| format!("{what} in {}", self.shown))
    }

    /// Set when what has failed there may have failed for want of room, in the same words.
    pub(crate) fn tightness(&self) -> Option<String> {
        self.room(Full::Perhaps)
    }

    /// Removes it where it was made, and where a tool has put it.
    fn remove(&self) -> Result<(), Errno> {
        let clones = &self.clones.fd;
        if !is_at(clones, &self.name, &self.fd) {
            self.remove_moved()?;
        }
        take_away(clones, &self.name)
    }

    /// What a tool has moved is emptied wherever it is, and removed when it still is inside `clones`.
    fn remove_moved(&self) -> Result<(), Errno> {
        empty_by(&self.fd)?;
        let clones = &self.clones.fd;
        let [base, now] = [clones, &self.fd].map(|fd| real_path(fd, Path::new("")));
        let (Ok(inside), Some(name)) = (now.strip_prefix(&base), now.file_name()) else { return Ok(()) };
        let parent = Path::new(".").join(inside.parent().unwrap_or(inside));
        let name = CString::new(name.as_bytes()).unwrap_or_default();
        match open_beneath(clones, &*parent) {
            Ok(parent) if is_at(&parent, &name, &self.fd) => unlinkat(&parent, &name, AtFlags::REMOVEDIR),
            _ => Ok(()),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(errno) = self.remove() {
            let (path, why) = (text::path(&self.path), plain_errno(errno));
            log::warn!("cannot remove {path}: {why}; the next run tries it again");
        }
    }
}

impl Files {
    /// Makes a private folder inside `clones`, which is made as well when it is missing.
    pub(crate) fn scratch(&self, root: &Path, clones: &Path, permit: &Permit) -> Result<Scratch> {
        let target = match self.clones(root, clones) {
            Err(NoTarget::Missing) => {
                self.make_folder(&root.join(clones), permit)?;
                self.clones(root, clones)
            }
            other => other,
        };
        let target = target.map_err(|problem| refused(problem, clones))?;
        let scratch = Scratch::begin(&target, clones).map_err(|errno| {
            anyhow!("cannot make a folder in {}: {}", text::path(&target.shown), plain_errno(errno))
        })?;
        scratch.folder(HOME, permit)?;
        Ok(scratch)
    }

    /// The names of the folders that killed runs have left in `clones`.
    pub(crate) fn leftovers(&self, root: &Path, clones: &Path) -> Result<Vec<String>> {
        let target = match self.clones(root, clones) {
            Err(NoTarget::Missing) => return Ok(Vec::new()),
            other => other.map_err(|problem| refused(problem, clones))?,
        };
        let is_leftover = |name: &CString| {
            // What cannot be opened is looked at again when it is to be removed; what is no folder has been put there by
            // what ran in one.
            let may_be = |errno| matches!(errno, Errno::ACCESS | Errno::NOTDIR | Errno::LOOP);
            let opened = openat(&target.fd, name, FOLDER, Mode::empty());
            opened.map_or_else(may_be, |fd| !super::folder::is_locked(&fd))
        };
        let names = names(&target.fd, is_own_name)
            .with_context(|| format!("cannot look into {}", text::path(&target.shown)))?;
        let mut names: Vec<String> =
            names.into_iter().filter(is_leftover).filter_map(|name| name.into_string().ok()).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Removes such a folder, and ends whatever still works in it.
    pub(crate) fn remove_leftover(
        &self,
        root: &Path,
        clones: &Path,
        name: &str,
        _permit: &Permit,
    ) -> Result<Removal> {
        let target = match self.clones(root, clones) {
            Err(NoTarget::Missing) => return Ok(Removal::Vanished),
            other => other.map_err(|problem| refused(problem, clones))?,
        };
        let name = CString::new(name)?;
        let fd = match open_to_empty(&target.fd, &name) {
            Ok(fd) => fd,
            Err(Errno::NOTDIR | Errno::LOOP) => return Ok(removal(take_away(&target.fd, &name))),
            Err(errno) => return Ok(errno.into()),
        };
        if let Err(errno) = flock(&fd, FlockOperation::NonBlockingLockExclusive) {
            return Ok(errno.into());
        }
        let home = target.shown.join(&*name.to_string_lossy()).join(HOME);
        family::end_orphans(&home, &real_path(&fd, &home));
        Ok(removal(take_away(&target.fd, &name)))
    }

    fn clones(&self, root: &Path, path: &Path) -> Result<Arc<Target>, NoTarget> {
        let rules = Rules { skip_open: false, now: 0 };
        if path.is_absolute() && !path.starts_with(root) {
            return self.target_anywhere(path, rules);
        }
        self.target_inside(root, path, rules)
    }
}

/// Removes an entry of any kind.
fn take_away(parent: &OwnedFd, name: &CStr) -> Result<(), Errno> {
    match is_gone(parent, name) {
        Ok(true) => Ok(()),
        // A folder that is open to nobody is opened.
        _ => remove(parent, name),
    }
}

fn removal(removed: Result<(), Errno>) -> Removal {
    removed.map_or_else(Removal::from, |()| Removal::Removed)
}

fn refused(problem: NoTarget, clones: &Path) -> anyhow::Error {
    match problem {
        NoTarget::Refused(error) => error.context("`clones` of [ascl-refresh]"),
        NoTarget::Missing => anyhow!("{} is gone", text::path(clones)),
    }
}

fn random_name() -> Result<CString, Errno> {
    let mut random = [0; 8];
    rustix::rand::getrandom(&mut random[..], rustix::rand::GetRandomFlags::empty())?;
    CString::new(format!("{PREFIX}{:016x}", u64::from_ne_bytes(random))).map_err(|_| Errno::INVAL)
}

fn is_own_name(name: &CStr) -> bool {
    let digits = name.to_bytes().strip_prefix(PREFIX.as_bytes());
    digits.is_some_and(|digits| digits.len() == 16 && digits.iter().all(u8::is_ascii_hexdigit))
}

/// True when the open folder still is the one of this name.
fn is_at(parent: &OwnedFd, name: &CStr, fd: &OwnedFd) -> bool {
    match (statat(parent, name, AtFlags::SYMLINK_NOFOLLOW), fstat(fd)) {
        (Ok(named), Ok(open)) => (named.st_dev, named.st_ino) == (open.st_dev, open.st_ino),
        _ => false,
    }
}
