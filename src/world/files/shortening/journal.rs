//! What a log says of itself while its lines are shifted: a small file beside it, from which a run that was killed
//! is finished by the next.

use crate::text;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, Statx, StatxFlags};
use rustix::fs::{flock, fsync, openat, statx, unlinkat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};

/// The names of these files: `.app.log.maint-trim`.
const ENDING: &[u8] = b".maint-trim";
/// It is written at once and never longer, so that it is never found half.
const LENGTH: usize = 512;

/// Bytes that no log has by itself.
pub(super) type Token = [u8; 8];

/// How far the lines of a log have been shifted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// For whoever opens it.
    pub(super) about: String,
    /// Which log it is: its inode, and when that was made.
    pub(super) inode: u64,
    pub(super) born: (i64, u32),
    /// So many bytes go at the front: what stood behind them moves there.
    pub(super) cut: u64,
    /// So many bytes have moved for certain.
    pub(super) moved: u64,
    /// Where the token stands, which goes when the end is cut off: with it, that is still to be done.
    pub(super) token_at: u64,
    pub(super) token: Token,
    /// What the log begins with to tell its encoding.
    pub(super) signature: Vec<u8>,
}

/// Which file it is, whatever the number of its device is after the next start of the machine.
pub(super) fn identity(found: &Statx) -> (u64, (i64, u32)) {
    (found.stx_ino, (found.stx_btime.tv_sec, found.stx_btime.tv_nsec))
}

/// The file beside the log; it stays until [`Journal::remove`], also when it is dropped.
#[derive(Debug)]
pub(super) struct Journal<'a> {
    folder: &'a OwnedFd,
    name: CString,
    file: File,
    pub(super) entry: Entry,
}

/// True for the name of such a file.
pub(super) fn is_journal(name: &CStr) -> bool {
    name.to_bytes().starts_with(b".") && name.to_bytes().ends_with(ENDING)
}

fn name_for(log: &CStr) -> CString {
    CString::new([b".", log.to_bytes(), ENDING].concat()).unwrap_or_default()
}

/// True when a run may have left one beside this log.
pub(super) fn is_there(folder: &OwnedFd, log: &CStr) -> bool {
    statx(folder, name_for(log), AtFlags::SYMLINK_NOFOLLOW, StatxFlags::INO).is_ok()
}

impl Journal<'_> {
    /// Begins one. When it `lasts`, it is there after a power cut too.
    pub(super) fn begin<'a>(
        folder: &'a OwnedFd,
        log: &CStr,
        entry: Entry,
        lasts: bool,
    ) -> io::Result<Journal<'a>> {
        let name = name_for(log);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(openat(folder, &name, flags, Mode::RUSR | Mode::WUSR)?);
        let mut journal = Journal { folder, name, file, entry };
        let begun = lock(&journal.file).and_then(|()| {
            if lasts { journal.write().and_then(|()| Ok(fsync(folder)?)) } else { journal.put() }
        });
        if begun.is_err() {
            let _ = journal.remove();
        }
        begun.map(|()| journal)
    }

    /// What a run has left beside a log that belongs to `owner`.
    pub(super) fn left<'a>(folder: &'a OwnedFd, log: &CStr, owner: u32) -> io::Result<Option<Journal<'a>>> {
        let name = name_for(log);
        let shown = || text::escape_bytes(name.to_bytes()).into_owned();
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(folder, &name, flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(Errno::NOENT | Errno::NAMETOOLONG) => return Ok(None),
            Err(Errno::LOOP | Errno::ISDIR | Errno::NXIO) => return Err(foreign(&shown())),
            Err(errno) => {
                let why = crate::error::plain_errno(errno);
                return Err(io::Error::other(format!("{} of an earlier run cannot be read: {why}", shown())));
            }
        };
        let found = file.metadata()?;
        // Whoever may write here must not have other people's logs cut.
        let is_trusted = [owner, rustix::process::geteuid().as_raw()].contains(&found.uid());
        if !found.is_file() || !is_trusted || found.nlink() != 1 {
            return Err(foreign(&shown()));
        }
        lock(&file)?;
        if found.len() == 0 {
            // Killed before anything was begun.
            unlinkat(folder, &name, AtFlags::empty())?;
            return Ok(None);
        }
        let mut bytes = [0; LENGTH];
        let is_whole = found.len() == LENGTH as u64 && file.read_exact_at(&mut bytes, 0).is_ok();
        match serde_json::from_slice(&bytes) {
            Ok(entry) if is_whole => Ok(Some(Journal { folder, name, file, entry })),
            _ => Err(foreign(&shown())),
        }
    }

    /// Puts the entry on the disk.
    pub(super) fn write(&mut self) -> io::Result<()> {
        self.put()?;
        self.file.sync_data()
    }

    fn put(&mut self) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(&self.entry)?;
        if bytes.len() >= LENGTH {
            return Err(io::Error::other("what is to be remembered of it is too long"));
        }
        bytes.resize(LENGTH - 1, b' ');
        bytes.push(b'\n');
        self.file.write_all_at(&bytes, 0)
    }

    /// There is nothing left to finish.
    pub(super) fn remove(&self) -> io::Result<()> {
        Ok(unlinkat(self.folder, &self.name, AtFlags::empty())?)
    }
}

fn foreign(shown: &str) -> io::Error {
    io::Error::other(format!("{shown} beside it is not what an earlier run has left; remove it"))
}

/// Locked as long as its run lives.
fn lock(file: &File) -> io::Result<()> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Err(io::Error::other("another run is shortening it")),
        // Where there are no locks, the lock of the job has to do.
        _ => Ok(()),
    }
}
