//! Folders reached by descriptor: a target, the folders below it, and what was seen in them.
//!
//! No path is resolved twice. A folder is opened beneath its target without following a symlink or
//! entering another mount, and what is opened must be the inode that was looked at.

use super::holders::Identity;
use crate::text;
use rustix::fd::OwnedFd;
use rustix::fs::{
    AtFlags, FileType, FlockOperation, Mode, OFlags, ResolveFlags, Statx, StatxFlags, flock, statx,
};
use rustix::io::Errno;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Longest relative path given to the kernel at once; deeper folders are opened in several steps.
const LONGEST_STEP: usize = 3_000;

/// What holds for everything below a target, so that no find has to carry it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// What a process holds open stays.
    pub(crate) skip_open: bool,
    /// When it is looked at, in seconds since 1970: what ages are counted from.
    pub(crate) now: i64,
}

/// The folder that a survey starts from.
#[derive(Debug)]
pub(crate) struct Target {
    pub(super) fd: OwnedFd,
    pub(super) shown: PathBuf,
    pub(super) rules: Rules,
}

/// A folder below a target (or the target itself, without a parent).
#[derive(Debug)]
pub(crate) struct Folder {
    target: Arc<Target>,
    parent: Option<Arc<Folder>>,
    name: CString,
    /// Known once the folder has been opened: a directory entry may name another inode (overlayfs).
    identity: OnceLock<Identity>,
    /// The names of the entries that were found, each with its final NUL: one allocation for all of them.
    names: OnceLock<Box<[u8]>>,
}

/// The chain of parents may be thousands long: it is taken apart in a loop, not by recursion.
impl Drop for Folder {
    fn drop(&mut self) {
        let mut next = self.parent.take();
        while let Some(mut folder) = next.and_then(Arc::into_inner) {
            next = folder.parent.take();
        }
    }
}

/// What kind of thing a [`Find`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A regular file.
    File,
    /// A symbolic link, which is never followed.
    Link,
    /// A folder.
    Folder,
}

/// Something old: where it is, and what was seen when it was looked at.
#[derive(Clone, Debug)]
pub(crate) struct Find {
    /// The folder it is in; a folder stands for itself.
    folder: Arc<Folder>,
    /// Where its name begins among the folder's [`Folder::names`]; unused for a folder.
    name_start: u32,
    pub(super) kind: Kind,
    /// Bytes of a file or link; 0 for a folder.
    pub(crate) size: u64,
    /// Nanoseconds since 1970 of the last change of the content.
    pub(super) modified: i64,
    pub(super) inode: u64,
}

impl Find {
    /// A file or link in `folder`, whose name is or will be among its names.
    pub(super) fn entry(folder: &Arc<Folder>, name_start: usize, kind: Kind, found: &Statx) -> Find {
        let (folder, size) = (Arc::clone(folder), found.stx_size);
        // Beyond 4 GiB of names the name is not found again, and the file stays.
        let name_start = u32::try_from(name_start).unwrap_or(u32::MAX);
        Find { folder, name_start, kind, size, modified: modified(found), inode: found.stx_ino }
    }

    /// The folder itself.
    pub(super) fn folder(folder: &Arc<Folder>, modified: i64) -> Find {
        let inode = folder.identity.get().map_or(0, |identity| identity.2);
        Find { folder: Arc::clone(folder), name_start: 0, kind: Kind::Folder, size: 0, modified, inode }
    }

    /// The folder it is in, and its name there.
    pub(super) fn place(&self) -> (&Arc<Folder>, &CStr) {
        match (self.kind, &self.folder.parent) {
            (Kind::Folder, Some(parent)) => (parent, &self.folder.name),
            _ => (&self.folder, self.folder.name_at(self.name_start as usize)),
        }
    }

    /// The path as the target was named, escaped for printing.
    pub(crate) fn shown_path(&self) -> String {
        let (folder, name) = self.place();
        let mut names = vec![name];
        names.extend(folder.chain());
        let mut shown = text::path(&folder.target.shown).into_owned();
        for name in names.iter().rev() {
            shown.push('/');
            shown.push_str(&text::escape_bytes(name.to_bytes()));
        }
        shown
    }

    /// True for a folder.
    pub(crate) fn is_folder(&self) -> bool {
        self.kind == Kind::Folder
    }

    /// The name of a file in its folder.
    pub(crate) fn name(&self) -> &[u8] {
        self.place().1.to_bytes()
    }

    /// True when it was last changed before this: nanoseconds since 1970.
    pub(crate) fn is_older(&self, before: i64) -> bool {
        self.modified < before
    }

    /// Time from the last change to the survey.
    pub(crate) fn age(&self) -> Duration {
        let changed = self.modified.div_euclid(1_000_000_000);
        Duration::from_secs(u64::try_from(self.rules().now.saturating_sub(changed)).unwrap_or(0))
    }

    pub(super) fn rules(&self) -> Rules {
        self.folder.target.rules
    }
}

impl Target {
    /// Which folder it is, whatever the path that led there.
    pub(crate) fn identity(&self) -> Option<Identity> {
        look_at(&self.fd).ok().map(|found| identity_of(&found))
    }
}

impl Folder {
    pub(super) fn root(target: &Arc<Target>) -> Folder {
        Folder::new(Arc::clone(target), None, CString::default())
    }

    pub(super) fn child(self: &Arc<Self>, name: CString) -> Folder {
        Folder::new(Arc::clone(&self.target), Some(Arc::clone(self)), name)
    }

    fn new(target: Arc<Target>, parent: Option<Arc<Folder>>, name: CString) -> Folder {
        Folder { target, parent, name, identity: OnceLock::new(), names: OnceLock::new() }
    }

    pub(super) fn name(&self) -> &CStr {
        &self.name
    }

    /// Keeps the names of what was found; the finds point into them.
    pub(super) fn keep_names(&self, names: Vec<u8>) {
        self.names.get_or_init(|| names.into_boxed_slice());
    }

    /// Sorts finds of this folder by their names.
    pub(super) fn sort_by_name(&self, finds: &mut [Find]) {
        let names = self.names.get().map_or(&[][..], |names| names);
        // No two names are equal and each ends with a NUL, so the bytes behind it are never compared.
        let from = |find: &Find| names.get(find.name_start as usize..);
        finds.sort_unstable_by(|a, b| from(a).cmp(&from(b)));
    }

    pub(super) fn name_at(&self, start: usize) -> &CStr {
        let names = self.names.get().and_then(|names| names.get(start..));
        names.and_then(|names| CStr::from_bytes_until_nul(names).ok()).unwrap_or_default()
    }

    /// The names that are kept, each with where it begins.
    pub(super) fn names(&self) -> impl Iterator<Item = (usize, &CStr)> {
        let names = self.names.get().map_or(&[][..], |names| names);
        let mut start = 0;
        std::iter::from_fn(move || {
            let name = CStr::from_bytes_until_nul(names.get(start..)?).ok()?;
            let here = start;
            start += name.count_bytes() + 1;
            Some((here, name))
        })
    }

    /// Remembers which inode the folder was when it was first opened.
    pub(super) fn saw(&self, found: &Statx) {
        self.identity.get_or_init(|| identity_of(found));
    }

    /// Path of an entry, relative to the target.
    pub(super) fn relative(&self, name: &CStr) -> PathBuf {
        let mut names = vec![name.to_bytes()];
        names.extend(self.chain().map(CStr::to_bytes));
        names.reverse();
        OsString::from_vec(names.join(&b'/')).into()
    }

    /// Path of an entry, as the target was named.
    pub(super) fn path_of(&self, name: &CStr) -> PathBuf {
        self.target.shown.join(self.relative(name))
    }

    /// The folder's own path, as the target was named.
    pub(super) fn path(&self) -> PathBuf {
        match &self.parent {
            Some(parent) => parent.path_of(&self.name),
            None => self.target.shown.clone(),
        }
    }

    /// The folder's own path, relative to the target; empty for the target.
    pub(super) fn relative_path(&self) -> PathBuf {
        self.parent.as_ref().map_or_else(PathBuf::new, |parent| parent.relative(&self.name))
    }

    /// The names from this folder up to, but without, the target.
    fn chain(&self) -> impl Iterator<Item = &CStr> {
        let mut next = Some(self);
        std::iter::from_fn(move || {
            let folder = next?;
            next = folder.parent.as_deref();
            next.map(|_| folder.name.as_c_str())
        })
    }

    /// Opens the folder from its target.
    pub(super) fn open(&self) -> Result<OwnedFd, Errno> {
        let mut names: Vec<&CStr> = self.chain().collect();
        names.reverse();
        let mut current = open_beneath(&self.target.fd, c".")?;
        let mut names = names.into_iter().peekable();
        while names.peek().is_some() {
            let mut step = Vec::new();
            while let Some(name) = names.next_if(|name| step.len() + name.count_bytes() < LONGEST_STEP) {
                step.extend_from_slice(name.to_bytes());
                step.push(b'/');
            }
            current = open_beneath(&current, OsStr::from_bytes(&step))?;
        }
        Ok(current)
    }

    /// Opens the folder to change it: `Errno::STALE` when it is another one than was seen, `Errno::WOULDBLOCK`
    /// when another process has locked it meanwhile.
    pub(super) fn open_to_change(&self) -> Result<OwnedFd, Errno> {
        let fd = self.open()?;
        if self.identity.get() != Some(&identity_of(&look_at(&fd)?)) {
            return Err(Errno::STALE);
        }
        flock(&fd, FlockOperation::NonBlockingLockShared)?;
        Ok(fd)
    }
}

/// True when another process has locked the folder (flock), which is how a program asks cleaners to leave it
/// alone, with all that is below it (tmpfiles.d(5)).
pub(super) fn is_locked(fd: &OwnedFd) -> bool {
    let answer = flock(fd, FlockOperation::NonBlockingLockShared);
    if answer.is_ok() {
        // Held only to ask: nobody else shall find the folder locked by us.
        let _ = flock(fd, FlockOperation::NonBlockingUnlock);
    }
    answer == Err(Errno::WOULDBLOCK)
}

/// Opens a folder below `parent`: no symlink, no way up, no other mount.
pub(super) fn open_beneath(parent: &OwnedFd, path: impl rustix::path::Arg + Copy) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // Reading a folder would change its access time; only its owner may ask for this not to happen.
    match rustix::fs::openat2(parent, path, flags | OFlags::NOATIME, Mode::empty(), resolve) {
        Err(Errno::PERM) => rustix::fs::openat2(parent, path, flags, Mode::empty(), resolve),
        other => other,
    }
}

/// The attributes of an open file.
pub(super) fn look_at(fd: impl rustix::fd::AsFd) -> Result<Statx, Errno> {
    statx(fd, c"", AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC, StatxFlags::BASIC_STATS)
}

/// The attributes of an entry of an open folder; of a symlink itself.
pub(super) fn look_at_entry(folder: &OwnedFd, name: &CStr) -> Result<Statx, Errno> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT | AtFlags::STATX_DONT_SYNC;
    statx(folder, name, flags, StatxFlags::BASIC_STATS)
}

/// True for a regular file.
pub(super) fn is_file(found: &Statx) -> bool {
    FileType::from_raw_mode(found.stx_mode.into()) == FileType::RegularFile
}

/// Device and inode.
pub(super) fn identity_of(found: &Statx) -> Identity {
    (found.stx_dev_major, found.stx_dev_minor, found.stx_ino)
}

/// Nanoseconds since 1970 of the last change of the content.
pub(super) fn modified(found: &Statx) -> i64 {
    found.stx_mtime.tv_sec.saturating_mul(1_000_000_000).saturating_add(i64::from(found.stx_mtime.tv_nsec))
}
