//! Files and folders: everything that reads, writes or removes one.

mod atomic;
mod checksum;
mod compression;
mod emptying;
mod exchange;
mod folder;
mod forbidden;
mod gather;
mod holders;
mod inventory;
mod lease;
mod listing;
mod removal;
mod room;
mod scratch;
mod shortening;
mod survey;
pub(crate) mod version;
mod walk;

pub(crate) use checksum::Checksum;
pub(crate) use compression::{Compression, UNFINISHED};
pub(crate) use emptying::remove_tree;
pub(crate) use exchange::{Exchange, Kept};
pub(crate) use folder::{Find, Rules, Target};
pub(crate) use holders::{Identity, holder_of_lock, reader_of_log};
pub(crate) use inventory::{Drawer, Inventory};
pub(crate) use removal::Removal;
pub(crate) use room::free_bytes;
pub(crate) use scratch::Scratch;
pub(crate) use shortening::{KnownWriters, Log, Look, Pattern, Search, Shortened, Shortening, Way};
pub(crate) use survey::{Old, Survey, Wanted};

use super::stop::Stop;
use crate::engine::apply::Permit;
use crate::error::{Problem, plain_errno};
use crate::text;
use anyhow::{Context as _, Result};
use atomic::Unfinished;
use chrono::{DateTime, Utc};
use folder::look_at;
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// The file system, as far as `maint` may see and touch it.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// The site's own folder, which is never cleaned as a whole.
    pub(super) site_root: Option<PathBuf>,
    /// maint's own folder, which is never cleaned or entered.
    pub(super) state: Option<PathBuf>,
}

/// Why a folder cannot be cleaned.
#[derive(Debug)]
pub(crate) enum NoTarget {
    /// There is no such folder.
    Missing,
    /// The wrong kind of thing, or a place that must not be touched.
    Refused(anyhow::Error),
}

/// Whether a file is there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// It is.
    There,
    /// Something else is. (Docker makes a folder where a file to be mounted is missing.)
    SomethingElse,
    /// It certainly is not.
    Missing,
    /// It cannot be known, for this reason.
    Unknown(String),
}

/// A file that is removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Temporary(Unfinished);

impl Temporary {
    /// The same open file, to write to it and to read it back.
    pub(super) fn copy_of_file(&self) -> std::io::Result<File> {
        self.0.copy_of_file()
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Opens it anew, to read from its beginning.
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    pub(crate) fn open(&self) -> std::io::Result<File> {
        File::open(self.path())
    }
}

/// What a file has besides its name and its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Likeness {
    pub(crate) mode: u32,
    pub(crate) owner: (u32, u32),
    /// When it was changed, in seconds since 1970.
    pub(crate) seconds: i64,
    /// And what of the next second had passed, where that is known.
    pub(crate) nanoseconds: u32,
}

impl Likeness {
    /// True when it is like another, but for what only root could make so.
    pub(crate) fn is_as_far_as_possible(&self, wanted: &Likeness) -> bool {
        let may_give_away = rustix::process::geteuid().is_root();
        let is_alike = (self.mode, self.seconds) == (wanted.mode, wanted.seconds);
        is_alike && (self.owner == wanted.owner || !may_give_away)
    }
}

impl Temporary {
    /// Opens it to be written.
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    pub(crate) fn create(&self) -> std::io::Result<File> {
        std::fs::OpenOptions::new().write(true).open(self.path())
    }
}

#[expect(clippy::unused_self, reason = "what the world can do is asked of the world")]
impl Files {
    /// Reads a text of at most `limit` bytes; the error names the file.
    pub fn read_text(&self, path: &Path, limit: u64) -> Result<String> {
        String::from_utf8(self.read(path, limit)?).map_err(|error| {
            let shown = text::path(path);
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = valid.split(|byte| *byte == b'\n').count();
            anyhow::anyhow!("{shown}:{line}: is not UTF-8 text; save it as UTF-8")
        })
    }

    /// Reads at most `limit` bytes; the error names the file.
    pub fn read(&self, path: &Path, limit: u64) -> Result<Vec<u8>> {
        let shown = text::path(path).into_owned();
        let bytes = read_at_most(path, limit).with_context(|| format!("cannot read {shown}"))?;
        if bytes.len() as u64 > limit {
            anyhow::bail!("{shown} is larger than {}", text::size(limit));
        }
        Ok(bytes)
    }

    /// True when `path` is a file of at most `limit` bytes with `words` in it.
    #[must_use]
    pub fn contains(&self, path: &Path, words: &[u8], limit: u64) -> bool {
        self.read(path, limit).is_ok_and(|bytes| bytes.windows(words.len()).any(|window| window == words))
    }

    /// True when something is at `path`, even a dangling symlink.
    #[must_use]
    pub fn exists(&self, path: &Path) -> bool {
        rustix::fs::lstat(path).is_ok()
    }

    /// True when a regular file is at `path`, symlinks followed.
    #[must_use]
    pub fn is_file(&self, path: &Path) -> bool {
        std::fs::metadata(path).is_ok_and(|found| found.is_file())
    }

    /// When a file was last changed.
    #[must_use]
    pub fn modified(&self, path: &Path) -> Option<DateTime<Utc>> {
        std::fs::symlink_metadata(path).and_then(|found| found.modified()).ok().map(DateTime::from)
    }

    /// Writes a file whole or not at all, with `mode` on creation; an older file keeps its own mode and owner.
    pub fn write(&self, path: &Path, content: &[u8], mode: u32, permit: &Permit) -> Result<()> {
        atomic::write(path, content, mode, permit)
    }

    /// Puts what is in `source`, an open file, at `path`, whole or not at all; the folder of `path` is made when it is
    /// missing. Returns the size.
    pub(crate) fn install(&self, source: &mut File, path: &Path, permit: &Permit) -> Result<u64> {
        if let Some(folder) = path.parent() {
            self.make_folder(folder, permit)?;
        }
        // A symlink stays one.
        let real = self.real(path);
        let mut install = || -> std::io::Result<u64> {
            let mut unfinished = Unfinished::beside(&real)?;
            let size = std::io::copy(source, unfinished.file())?;
            unfinished.replace(&real, (&real, 0o644))?;
            Ok(size)
        };
        install().with_context(|| format!("cannot write {}", text::path(path)))
    }

    /// Makes an empty file that only this user can read, and that is removed when it is dropped. What killed runs have
    /// left of that kind is removed as well.
    pub(crate) fn temporary(&self, folder: &Path, _permit: &Permit) -> Result<Temporary> {
        let file = Unfinished::beside(&folder.join("temporary"));
        file.map(Temporary).with_context(|| format!("cannot write to {}", text::path(folder)))
    }

    /// Gives a temporary file a name in its folder, with the mode and owner of `model`, when it is complete on the disk.
    pub(crate) fn keep(&self, file: Temporary, path: &Path, model: &Path, _permit: &Permit) -> Result<()> {
        file.0.replace(path, (model, 0o600)).with_context(|| format!("cannot write {}", text::path(path)))
    }

    /// True when nothing is at `path`, or an empty folder.
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    pub(crate) fn is_empty_or_missing(&self, path: &Path) -> bool {
        !self.exists(path) || std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
    }

    /// What a file is like, symlinks followed.
    pub(crate) fn likeness(&self, path: &Path) -> Option<Likeness> {
        let found = rustix::fs::stat(path).ok()?;
        let owner = (found.st_uid, found.st_gid);
        Some(Likeness {
            mode: found.st_mode & 0o7777,
            owner,
            seconds: found.st_mtime,
            nanoseconds: u32::try_from(found.st_mtime_nsec).unwrap_or(0),
        })
    }

    /// Writes a file whole or not at all, like another; its folder is made when it is missing.
    pub(crate) fn write_as(
        &self,
        path: &Path,
        content: &[u8],
        likeness: &Likeness,
        permit: &Permit,
    ) -> Result<()> {
        use std::io::Write as _;
        if let Some(folder) = path.parent() {
            self.make_folder(folder, permit)?;
        }
        let write = || -> std::io::Result<()> {
            let mut unfinished = Unfinished::beside(path)?;
            unfinished.file().write_all(content)?;
            unfinished.replace_as(path, likeness)
        };
        write().with_context(|| format!("cannot write {}", text::path(path)))
    }

    /// True when a folder is at `path`, symlinks followed.
    pub(crate) fn is_folder(&self, path: &Path) -> bool {
        path.is_dir()
    }

    /// Writes what a file held into one with the same name and `ending`, with the file's own mode and owner.
    pub fn keep_beside(&self, path: &Path, ending: &str, content: &[u8], permit: &Permit) -> Result<()> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(ending);
        atomic::write_like(Path::new(&beside), content, (path, 0o600), permit)
    }

    /// Where a file really is, symlinks followed: what replaces it must not take the place of a symlink.
    #[must_use]
    pub fn real(&self, path: &Path) -> PathBuf {
        match rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
            Ok(fd) => real_path(&fd, path),
            Err(_) => path.to_owned(),
        }
    }

    /// Sets when a file or folder was last changed, in seconds since 1970.
    pub fn set_modified(&self, path: &Path, seconds: i64, _permit: &Permit) -> Result<()> {
        let time = rustix::fs::Timespec { tv_sec: seconds, tv_nsec: 0 };
        let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
        rustix::fs::utimensat(CWD, path, &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).map_err(|errno| {
            anyhow::anyhow!("cannot set the time of {}: {}", text::path(path), plain_errno(errno))
        })
    }

    /// Makes a folder and its parents.
    pub fn make_folder(&self, path: &Path, _permit: &Permit) -> Result<()> {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o755).create(path);
        made.with_context(|| format!("cannot make the folder {}", text::path(path)))
    }

    /// Removes one file.
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    pub fn remove_file(&self, path: &Path, _permit: &Permit) -> Result<()> {
        std::fs::remove_file(path).with_context(|| format!("cannot remove {}", text::path(path)))
    }

    /// Opens a folder inside `root` to be cleaned; `path` is relative to it or an absolute path in it.
    pub(crate) fn target_inside(
        &self,
        root: &Path,
        path: &Path,
        rules: Rules,
    ) -> Result<Arc<Target>, NoTarget> {
        let (fd, shown) = open_inside(root, path)?;
        self.target(fd, &shown, rules)
    }

    /// Opens a folder inside `root` only to look at it; `path` is relative to it or an absolute path in it.
    pub(crate) fn folder_inside(&self, root: &Path, path: &Path) -> Result<Arc<Target>, NoTarget> {
        let (fd, shown) = open_inside(root, path)?;
        Ok(Arc::new(Target { fd, shown, rules: Rules { skip_open: false, now: 0 } }))
    }

    /// Opens a folder named on the command line; its last part must not be a symlink.
    pub(crate) fn target_anywhere(&self, path: &Path, rules: Rules) -> Result<Arc<Target>, NoTarget> {
        // A trailing slash would make the kernel follow a symlink.
        let path: PathBuf = path.components().collect();
        let fd = open_folder(&path).map_err(|errno| refusal(&path, errno))?;
        self.target(fd, &path, rules)
    }

    fn target(&self, fd: OwnedFd, shown: &Path, rules: Rules) -> Result<Arc<Target>, NoTarget> {
        let found = folder::look_at(&fd).map_err(|errno| refusal(shown, errno))?;
        let identity = folder::identity_of(&found);
        let real = real_path(&fd, shown);
        forbidden::check(&real, identity, self.site_root.as_deref(), self.state.as_deref())
            .map_err(|why| NoTarget::Refused(Problem::usage(format!("{}: {why}", text::path(shown)))))?;
        Ok(Arc::new(Target { fd, shown: shown.to_owned(), rules }))
    }

    /// The folders that a survey never enters.
    pub(crate) fn spared(&self) -> Vec<Identity> {
        self.state.iter().filter_map(|path| identity_at(path)).collect()
    }

    /// The SHA-256 of each of these files, unless it is no longer what was seen.
    pub(crate) fn checksums(
        &self,
        finds: &[&Find],
        must_stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Vec<Checksum>> {
        checksum::checksums(finds, must_stop)
    }

    /// True when a file still is what was seen; or why that cannot be known.
    pub(crate) fn is_unchanged(&self, find: &Find) -> Result<bool, String> {
        checksum::is_unchanged(find)
    }

    /// Whether a file is at `path`, symlinks followed.
    pub(crate) fn presence(&self, path: &Path) -> Presence {
        let kind = rustix::fs::stat(path).map(|found| FileType::from_raw_mode(found.st_mode));
        match kind {
            Ok(FileType::RegularFile) => Presence::There,
            Ok(_) => Presence::SomethingElse,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG) => Presence::Missing,
            Err(errno) => Presence::Unknown(plain_errno(errno)),
        }
    }

    /// Removes one find, if it still is what was seen.
    pub(crate) fn remove(&self, find: &Find, permit: &Permit) -> Removal {
        removal::remove(find, permit)
    }

    /// Puts a compressed file in the place of one find, if it still is what was seen.
    pub(crate) fn compress(&self, find: &Find, stop: &Stop, permit: &Permit) -> Compression {
        compression::compress(find, stop, permit)
    }

    /// Keeps the last lines of a log, if it still is what was looked at; or why that has failed.
    pub(crate) fn shorten(
        &self,
        log: &Log,
        lines: u64,
        stop: &Stop,
        permit: &Permit,
    ) -> Result<Shortening, String> {
        shortening::shorten(log, lines, stop, permit)
    }
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Opens a folder inside `root`, and says which path it was opened at.
fn open_inside(root: &Path, path: &Path) -> Result<(OwnedFd, PathBuf), NoTarget> {
    let outside = || {
        let (path, root) = (text::path(path), text::path(root));
        NoTarget::Refused(Problem::usage(format!(
            "{path} is not inside site.root {root}; name a folder in it, or give it on the command line"
        )))
    };
    let relative = if path.is_absolute() { path.strip_prefix(root).map_err(|_| outside())? } else { path };
    if relative.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(outside());
    }
    let base = open_folder(root).map_err(|errno| refusal(root, errno))?;
    let relative = if relative.as_os_str().is_empty() { Path::new(".") } else { relative };
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    let fd = rustix::fs::openat2(&base, relative, FOLDER, Mode::empty(), resolve)
        .map_err(|errno| refusal(&root.join(relative), errno))?;
    Ok((fd, root.join(relative.components().as_path())))
}

fn open_folder(path: &Path) -> Result<OwnedFd, Errno> {
    rustix::fs::open(path, FOLDER, Mode::empty())
}

/// Device and inode of what is at `path`, symlinks followed.
pub(crate) fn identity_at(path: &Path) -> Option<Identity> {
    let flags = rustix::fs::AtFlags::empty();
    let found = rustix::fs::statx(CWD, path, flags, rustix::fs::StatxFlags::INO).ok()?;
    Some(folder::identity_of(&found))
}

/// The path of a folder free of symlinks, when it can be opened.
pub(crate) fn real_folder(path: &Path) -> PathBuf {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(fd) => real_path(&fd, path),
        Err(_) => path.to_owned(),
    }
}

/// The path of an open file or folder as the kernel knows it, free of symlinks and `..`.
fn real_path(fd: &OwnedFd, otherwise: &Path) -> PathBuf {
    use std::os::fd::AsRawFd as _;
    let link = format!("/proc/self/fd/{}", fd.as_raw_fd());
    match rustix::fs::readlink(link, Vec::new()) {
        Ok(path) => OsString::from_vec(path.into_bytes()).into(),
        Err(_) => otherwise.to_owned(),
    }
}

/// Says why a folder could not be opened, and what to do.
fn refusal(path: &Path, errno: Errno) -> NoTarget {
    let shown = text::path(path);
    let kind = rustix::fs::lstat(path).map(|found| FileType::from_raw_mode(found.st_mode));
    let why = match (errno, kind) {
        (Errno::NOENT, _) => return NoTarget::Missing,
        (Errno::NOSYS, _) => format!("{shown} cannot be opened safely: this kernel is older than Linux 5.6"),
        (_, Ok(FileType::Symlink)) | (Errno::LOOP, _) => {
            format!("{shown} is a symlink, or leads through one; name the real folder")
        }
        (_, Ok(kind)) if kind != FileType::Directory => {
            format!("{shown} is a file, not a folder; name its folder")
        }
        _ => format!("{shown} cannot be opened: {}", plain_errno(errno)),
    };
    NoTarget::Refused(Problem::usage(why))
}

/// Reads one byte more than `limit` at most; refuses what is not a regular file, so that a pipe cannot block.
#[expect(clippy::disallowed_methods, reason = "this is World")]
fn read_at_most(path: &Path, limit: u64) -> std::io::Result<Vec<u8>> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = options.read(true).custom_flags(nonblocking).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
