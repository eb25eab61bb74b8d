//! The SHA-256 of files: read in large pieces, several at a time, and only while nobody changes them.

use super::folder::{Find, is_file, look_at, look_at_entry, modified};
use super::lease;
use crate::error::plain_errno;
use crate::text;
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};
use rustix::fd::{AsFd as _, OwnedFd};
use rustix::fs::{Mode, OFlags, Statx, openat};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};
use std::cell::RefCell;
use std::ffi::CStr;

/// Two threads read as fast as one disk can (docs/performance.md).
const THREADS: usize = 2;
/// Read at once.
const PIECE: usize = 256 << 10;

/// What became of one file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Checksum {
    /// The SHA-256 of what was looked at, in hexadecimal digits.
    Sum(String),
    /// It is no longer what was looked at.
    Changed,
    /// A process has it open for writing.
    BeingWritten,
    /// The reading was given up, because the run must end.
    Stopped,
    /// It could not be read, for this reason.
    Failed(String),
}

/// Reads each file whole; the answers are in the order of `finds`.
pub(super) fn checksums(
    finds: &[&Find],
    must_stop: &(dyn Fn() -> bool + Sync),
) -> anyhow::Result<Vec<Checksum>> {
    let of_one = |find: &&Find| {
        let read = read_whole(find, must_stop);
        read.unwrap_or_else(|errno| match errno {
            Errno::NOENT | Errno::LOOP | Errno::NOTDIR | Errno::XDEV | Errno::NXIO => Checksum::Changed,
            // Another program's lease is being given up: it writes.
            Errno::WOULDBLOCK => Checksum::BeingWritten,
            errno => Checksum::Failed(plain_errno(errno)),
        })
    };
    // Threads are worth their start only when there is more than one file.
    if finds.len() < 2 {
        return Ok(finds.iter().map(of_one).collect());
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(THREADS).build()?;
    Ok(pool.install(|| finds.par_iter().map(of_one).collect()))
}

/// True when the file still is what was looked at; or why that cannot be known.
pub(super) fn is_unchanged(find: &Find) -> Result<bool, String> {
    let (folder, name) = find.place();
    match folder.open().and_then(|folder| look_at_entry(&folder, name)) {
        Ok(now) => Ok(is_same(find, &now)),
        Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR | Errno::XDEV) => Ok(false),
        Err(errno) => Err(plain_errno(errno)),
    }
}

fn is_same(find: &Find, now: &Statx) -> bool {
    is_file(now) && (now.stx_ino, now.stx_size, modified(now)) == (find.inode, find.size, find.modified)
}

fn read_whole(find: &Find, must_stop: &(dyn Fn() -> bool + Sync)) -> Result<Checksum, Errno> {
    let (folder, name) = find.place();
    let file = open(&folder.open()?, name)?;
    if lease::is_being_written(file.as_fd()) {
        return Ok(Checksum::BeingWritten);
    }
    if !is_same(find, &look_at(&file)?) {
        return Ok(Checksum::Changed);
    }
    let Some(sum) = digest(&file, must_stop)? else { return Ok(Checksum::Stopped) };
    Ok(if is_same(find, &look_at(&file)?) { Checksum::Sum(sum) } else { Checksum::Changed })
}

/// Opens an entry to read it; a pipe cannot block, a symlink is not followed, the time of access stays.
fn open(folder: &OwnedFd, name: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(folder, name, flags | OFlags::NOATIME, Mode::empty()) {
        // Only the owner may ask for that.
        Err(Errno::PERM) => openat(folder, name, flags, Mode::empty()),
        other => other,
    }
}

thread_local! {
    /// Used again for the next file.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The SHA-256 of the rest of an open file; nothing when the run must end.
fn digest(file: &OwnedFd, must_stop: &(dyn Fn() -> bool + Sync)) -> Result<Option<String>, Errno> {
    BUFFER.with_borrow_mut(|buffer| {
        buffer.resize(PIECE, 0);
        let mut hasher = Sha256::new();
        loop {
            if must_stop() {
                return Ok(None);
            }
            match rustix::io::read(file, &mut buffer[..]) {
                Ok(0) => return Ok(Some(text::hex(&hasher.finalize()))),
                Ok(length) => hasher.update(&buffer[..length]),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    })
}
