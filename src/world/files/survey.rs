//! Looks for what is old below a folder. Memory is proportional to what is old, not to what stays.

use super::folder::{Find, Folder, Kind, Target, identity_of, is_locked, look_at, look_at_entry, modified};
use super::gather::{Harvest, Open, locked};
use super::holders::{Holders, Identity};
use super::listing;
use super::walk::{Visitor, walk};
use crate::error::plain_errno;
use crate::text;
use globset::GlobSet;
use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Statx, StatxAttributes};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

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

struct Search<'a> {
    wanted: &'a Wanted,
    skip_open: bool,
    must_stop: &'a (dyn Fn() -> bool + Sync),
    holders: OnceLock<Holders>,
    harvest: Harvest,
    left: Mutex<Vec<String>>,
    unreadable: Mutex<Vec<String>>,
    seen_files: AtomicU64,
    seen_bytes: AtomicU64,
}

impl Survey {
    /// Looks at everything below `target`; cut short when `must_stop` says so.
    pub(crate) fn of(
        target: &Arc<Target>,
        wanted: &Wanted,
        must_stop: &(dyn Fn() -> bool + Sync),
    ) -> anyhow::Result<Survey> {
        let search = Search {
            wanted,
            skip_open: target.rules.skip_open,
            must_stop,
            holders: OnceLock::new(),
            harvest: Harvest::default(),
            left: Mutex::default(),
            unreadable: Mutex::default(),
            seen_files: AtomicU64::new(0),
            seen_bytes: AtomicU64::new(0),
        };
        walk(&search, &Arc::new(Open::new(Folder::root(target), None)))?;
        Ok(search.finish())
    }
}

impl Visitor for Search<'_> {
    type Stop = Arc<Open>;

    fn folder<'s>(&self, open: &'s Arc<Open>) -> &'s Arc<Folder> {
        &open.folder
    }

    fn look(&self, fd: &OwnedFd, open: &Arc<Open>) -> Vec<Arc<Open>> {
        let further = match self.enter(fd, open) {
            Ok(itself) => {
                let folders = self.scan(fd, open, &itself);
                self.further(open, folders)
            }
            Err(why) => {
                if let Some(errno) = why {
                    self.fail(&open.folder.path(), errno);
                }
                locked(&open.gathered).keeps = true;
                Vec::new()
            }
        };
        self.harvest.finish_one(open);
        further
    }

    fn miss(&self, open: &Arc<Open>, why: Option<Errno>) {
        match why {
            // It has vanished meanwhile, or became something else; or the walk ends.
            None | Some(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => {}
            Some(Errno::XDEV) => self.leave(&open.folder.path(), "another file system is mounted there"),
            Some(errno) => self.fail(&open.folder.path(), errno),
        }
        locked(&open.gathered).keeps = true;
        self.harvest.finish_one(open);
    }

    fn must_end(&self) -> bool {
        (self.must_stop)()
    }
}

impl Search<'_> {
    /// Looks at the folder itself; `Err(None)` when it is rightly left alone.
    fn enter(&self, fd: &OwnedFd, open: &Open) -> Result<Statx, Option<Errno>> {
        let itself = look_at(fd).map_err(Some)?;
        open.folder.saw(&itself);
        if open.parent.is_some() && self.wanted.others.contains(&identity_of(&itself)) {
            return Err(None);
        }
        if is_locked(fd) {
            self.leave(&open.folder.path(), "another process has locked it");
            return Err(None);
        }
        if self.wanted.spared.contains(&identity_of(&itself)) {
            self.leave(&open.folder.path(), "maint keeps its state there");
            return Err(None);
        }
        Ok(itself)
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
        let found = match look_at_entry(fd, name) {
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

    /// The folders in one that are searched too; their parent waits for them.
    fn further(&self, open: &Arc<Open>, folders: Vec<CString>) -> Vec<Arc<Open>> {
        let mut further = Vec::with_capacity(folders.len());
        for name in folders {
            let folder = open.folder.child(name);
            if self.wanted.exclude.is_match(folder.relative_path()) {
                locked(&open.gathered).keeps = true;
            } else {
                locked(&open.gathered).pending += 1;
                further.push(Arc::new(Open::new(folder, Some(Arc::clone(open)))));
            }
        }
        further
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
