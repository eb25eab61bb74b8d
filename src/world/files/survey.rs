//! Looks for what is old below a folder, by descriptors, without recursion on depth.
//!
//! One task per folder on a small pool. Memory is proportional to what is old, not to what stays, and
//! open descriptors are bounded: a task reopens its folder from the target when too many are open.

use super::folder::{Find, Folder, Kind, Target, identity_of, is_locked, look_at, modified, open_beneath};
use super::gather::{Harvest, Open, locked};
use super::holders::{Holders, Identity};
use super::listing;
use crate::error::plain_errno;
use crate::text;
use globset::GlobSet;
use rayon::Scope;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FileType, Statx, StatxAttributes, StatxFlags, statx};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// Threads that look: waiting for the disk dominates (docs/performance.md).
const THREADS: usize = 8;
/// How often a folder is tried again while all descriptors are in use, a millisecond apart.
const PATIENCE: u32 = 10_000;

/// What counts as old, and what is left alone whatever its age.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// Only what was last changed before this goes: nanoseconds since 1970.
    pub(crate) before: i64,
    /// When set, only paths that match go.
    pub(crate) include: Option<GlobSet>,
    /// Paths that match stay, folders with all that is in them.
    pub(crate) exclude: GlobSet,
    /// Folders that are never entered: maint's own state.
    pub(crate) spared: Vec<Identity>,
    /// Folders that have rules of their own, and are surveyed for themselves.
    pub(crate) others: Vec<Identity>,
    /// Only regular files go: no folder, and no link.
    pub(crate) only_files: bool,
}

/// What was found below one target.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// What is old, folder by folder in order of their paths.
    pub(crate) old: Vec<Old>,
    /// What stays although it is old or unknown, and why.
    pub(crate) left: Vec<String>,
    /// What could not be looked at, and why.
    pub(crate) unreadable: Vec<String>,
    /// Files and links seen.
    pub(crate) seen_files: u64,
    /// Their size together.
    pub(crate) seen_bytes: u64,
}

/// Something that may go as a whole.
#[derive(Debug)]
pub(crate) enum Old {
    /// A file or link in a folder that stays.
    File(Find),
    /// A folder in which everything is old: its content, then itself.
    Tree(Vec<Find>),
}

/// What the scan of one folder has found so far.
#[derive(Default)]
struct Scan {
    folders: Vec<CString>,
    files: Vec<Find>,
    /// The names of `files`, each with its final NUL.
    names: Vec<u8>,
    keeps: bool,
    special: u64,
    seen_files: u64,
    seen_bytes: u64,
}

/// A descriptor shared by the tasks of a folder's subfolders.
struct Shared<'a> {
    fd: OwnedFd,
    open: &'a AtomicUsize,
}

impl Drop for Shared<'_> {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Relaxed);
    }
}

struct Walk<'a> {
    wanted: &'a Wanted,
    skip_open: bool,
    must_stop: &'a (dyn Fn() -> bool + Sync),
    holders: OnceLock<Holders>,
    harvest: Harvest,
    left: Mutex<Vec<String>>,
    unreadable: Mutex<Vec<String>>,
    seen_files: AtomicU64,
    seen_bytes: AtomicU64,
    shared: AtomicUsize,
    shared_limit: usize,
}

impl Survey {
    /// Looks at everything below `target`; cut short when `must_stop` says so.
    pub(crate) fn of(
        target: &Arc<Target>,
        wanted: &Wanted,
        must_stop: &(dyn Fn() -> bool + Sync),
    ) -> anyhow::Result<Survey> {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(1 << 20);
        let walk = Walk {
            wanted,
            skip_open: target.rules.skip_open,
            must_stop,
            holders: OnceLock::new(),
            harvest: Harvest::default(),
            left: Mutex::default(),
            unreadable: Mutex::default(),
            seen_files: AtomicU64::new(0),
            seen_bytes: AtomicU64::new(0),
            shared: AtomicUsize::new(0),
            shared_limit: usize::try_from(limit / 4).unwrap_or(usize::MAX).min(1_024),
        };
        walk.everything(&Arc::new(Open::new(Folder::root(target), None)))?;
        Ok(walk.finish())
    }
}

/// A folder that waits to be looked at, and the descriptor of its parent while few are open.
type Task<'s> = (Arc<Open>, Option<Arc<Shared<'s>>>);

impl<'a> Walk<'a> {
    fn everything(&self, root: &Arc<Open>) -> anyhow::Result<()> {
        let mut first = Vec::new();
        self.visit(root, None, &mut |task| first.push(task));
        // Threads are worth their start only when there is more than one folder.
        if !first.is_empty() {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(THREADS).build()?;
            pool.scope(|scope| first.into_iter().for_each(|task| self.start(scope, task)));
        }
        Ok(())
    }

    /// Lets some thread look at a folder and at all below it.
    fn start<'s>(&'s self, scope: &Scope<'s>, (open, parent): Task<'s>)
    where
        'a: 's,
    {
        scope.spawn(move |scope| self.visit(&open, parent, &mut |task| self.start(scope, task)));
    }

    /// Looks at one folder, and hands each folder in it to `later`.
    fn visit<'s>(
        &'s self,
        open: &Arc<Open>,
        parent: Option<Arc<Shared<'s>>>,
        later: &mut dyn FnMut(Task<'s>),
    ) {
        match self.enter(open, parent.as_deref()) {
            Ok((fd, itself)) => {
                drop(parent);
                let folders = self.scan(&fd, open, &itself);
                self.descend(open, fd, folders, later);
            }
            Err(Some(why)) => {
                let line = format!("{}: {why}", text::path(&open.folder.path()));
                locked(&self.unreadable).push(line);
                locked(&open.gathered).keeps = true;
            }
            Err(None) => locked(&open.gathered).keeps = true,
        }
        self.harvest.finish_one(open);
    }

    /// Opens a folder; `Err(None)` when it is rightly left alone or has vanished meanwhile.
    fn enter(&self, open: &Open, parent: Option<&Shared<'_>>) -> Result<(OwnedFd, Statx), Option<String>> {
        if (self.must_stop)() {
            return Err(None);
        }
        let mut tries = 0;
        let fd = loop {
            let result = match parent {
                Some(parent) => open_beneath(&parent.fd, open.folder.name()),
                None => open.folder.open(),
            };
            match result {
                Ok(fd) => break fd,
                Err(Errno::MFILE | Errno::NFILE) if tries < PATIENCE => {
                    tries += 1;
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => return Err(None),
                Err(Errno::XDEV) => {
                    self.leave(&open.folder.path(), "another file system is mounted there");
                    return Err(None);
                }
                Err(errno) => return Err(Some(plain_errno(errno))),
            }
        };
        let itself = look_at(&fd).map_err(|errno| Some(plain_errno(errno)))?;
        open.folder.saw(&itself);
        if open.parent.is_some() && self.wanted.others.contains(&identity_of(&itself)) {
            return Err(None);
        }
        if is_locked(&fd) {
            self.leave(&open.folder.path(), "another process has locked it");
            return Err(None);
        }
        if self.wanted.spared.contains(&identity_of(&itself)) {
            self.leave(&open.folder.path(), "maint keeps its state there");
            return Err(None);
        }
        Ok((fd, itself))
    }

    /// Reads the entries of a folder, judges its files, and returns its subfolders.
    fn scan(&self, fd: &OwnedFd, open: &Arc<Open>, itself: &Statx) -> Vec<CString> {
        let mut scan = Scan::default();
        let listed = listing::list(fd, |name, file_type| match file_type {
            FileType::Directory => scan.folders.push(name.to_owned()),
            FileType::RegularFile | FileType::Symlink | FileType::Unknown => {
                self.judge(fd, name, open, &mut scan);
            }
            _ => scan.special += 1,
        });
        if let Err(errno) = listed {
            self.fail(&open.folder.path(), errno);
            scan.keeps = true;
        }
        if scan.special > 0 {
            let why =
                format!("holds sockets, devices or pipes ({}), which stay", text::thousands(scan.special));
            self.leave(&open.folder.path(), &why);
            scan.keeps = true;
        }
        self.seen_files.fetch_add(scan.seen_files, Relaxed);
        self.seen_bytes.fetch_add(scan.seen_bytes, Relaxed);
        open.folder.keep_names(scan.names);
        scan.files.shrink_to_fit();
        let mut gathered = locked(&open.gathered);
        gathered.modified = modified(itself);
        let is_candidate = open.parent.is_some() && !self.wanted.only_files;
        gathered.may_go = is_candidate && self.folder_may_go(&open.folder, itself);
        gathered.keeps = scan.keeps;
        gathered.files = scan.files;
        scan.folders
    }

    fn folder_may_go(&self, folder: &Arc<Folder>, itself: &Statx) -> bool {
        modified(itself) < self.wanted.before
            && self.is_included(&folder.relative_path())
            && self.is_free(&folder.path(), identity_of(itself))
    }

    fn judge(&self, fd: &OwnedFd, name: &CStr, open: &Arc<Open>, scan: &mut Scan) {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT | AtFlags::STATX_DONT_SYNC;
        let found = match statx(fd, name, flags, StatxFlags::BASIC_STATS) {
            Ok(found) => found,
            // Somebody else was faster.
            Err(Errno::NOENT) => return,
            Err(errno) => {
                self.fail(&open.folder.path_of(name), errno);
                scan.keeps = true;
                return;
            }
        };
        let kind = match FileType::from_raw_mode(found.stx_mode.into()) {
            FileType::RegularFile => Kind::File,
            FileType::Symlink => Kind::Link,
            FileType::Directory => return scan.folders.push(name.to_owned()),
            _ => return scan.special += 1,
        };
        scan.seen_files += 1;
        scan.seen_bytes += found.stx_size;
        let is_candidate = kind == Kind::File || !self.wanted.only_files;
        if is_candidate && self.file_may_go(&open.folder, name, &found) {
            scan.files.push(Find::entry(&open.folder, scan.names.len(), kind, &found));
            scan.names.extend_from_slice(name.to_bytes_with_nul());
        } else {
            scan.keeps = true;
        }
    }

    fn file_may_go(&self, folder: &Folder, name: &CStr, found: &Statx) -> bool {
        if modified(found) >= self.wanted.before {
            return false;
        }
        let is_plain = self.wanted.include.is_none() && self.wanted.exclude.is_empty();
        if !is_plain {
            let relative = folder.relative(name);
            if self.wanted.exclude.is_match(&relative) || !self.is_included(&relative) {
                return false;
            }
        }
        if found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT) {
            self.leave(&folder.path_of(name), "another file is mounted there");
            return false;
        }
        !self.skip_open || self.is_free_file(folder, name, identity_of(found))
    }

    fn is_included(&self, relative: &PathBuf) -> bool {
        self.wanted.include.as_ref().is_none_or(|globs| globs.is_match(relative))
    }

    fn is_free_file(&self, folder: &Folder, name: &CStr, identity: Identity) -> bool {
        match self.holders.get_or_init(Holders::scan).holder(identity) {
            Some(holder) => {
                self.leave(&folder.path_of(name), &format!("held open by {holder}"));
                false
            }
            None => true,
        }
    }

    fn is_free(&self, path: &PathBuf, identity: Identity) -> bool {
        if !self.skip_open {
            return true;
        }
        match self.holders.get_or_init(Holders::scan).holder(identity) {
            Some(holder) => {
                self.leave(path, &format!("in use by {holder}"));
                false
            }
            None => true,
        }
    }

    fn fail(&self, path: &PathBuf, errno: Errno) {
        locked(&self.unreadable).push(format!("{}: {}", text::path(path), plain_errno(errno)));
    }

    fn leave(&self, path: &PathBuf, why: &str) {
        locked(&self.left).push(format!("{}: {why}", text::path(path)));
    }

    /// Makes a task of each subfolder; they share this folder's descriptor while few are open.
    fn descend<'s>(
        &'s self,
        open: &Arc<Open>,
        fd: OwnedFd,
        folders: Vec<CString>,
        later: &mut dyn FnMut(Task<'s>),
    ) {
        if folders.is_empty() {
            return;
        }
        let shared = (self.shared.fetch_add(1, Relaxed) < self.shared_limit)
            .then(|| Arc::new(Shared { fd, open: &self.shared }));
        if shared.is_none() {
            self.shared.fetch_sub(1, Relaxed);
        }
        for name in folders {
            let folder = open.folder.child(name);
            if self.wanted.exclude.is_match(folder.relative_path()) {
                locked(&open.gathered).keeps = true;
                continue;
            }
            locked(&open.gathered).pending += 1;
            let child = Arc::new(Open::new(folder, Some(Arc::clone(open))));
            later((child, shared.clone()));
        }
    }

    fn finish(self) -> Survey {
        let mut survey = Survey {
            left: self.left.into_inner().unwrap_or_else(PoisonError::into_inner),
            unreadable: self.unreadable.into_inner().unwrap_or_else(PoisonError::into_inner),
            seen_files: self.seen_files.into_inner(),
            seen_bytes: self.seen_bytes.into_inner(),
            old: self.harvest.into_old(),
        };
        survey.left.sort_unstable();
        survey.unreadable.sort_unstable();
        survey
    }
}
