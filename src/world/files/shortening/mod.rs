//! Logs that lose their front while programs go on writing to them: the file stays the same file.

mod collapse;
mod journal;
mod lines;
mod pattern;
mod search;
mod shift;

pub(crate) use pattern::Pattern;
pub(crate) use search::Search;

use super::folder::{Folder, identity_of, look_at};
use super::holders::{Identity, Writers};
use super::lease::{self, Lease};
use crate::engine::apply::Permit;
use crate::error::{plain, plain_errno};
use crate::text;
use crate::world::stop::Stop;
use collapse::Front;
use lines::{Encoding, Place, last_lines};
use rustix::fd::{AsFd as _, OwnedFd};
use rustix::fs::{Access, AtFlags, FlockOperation, Mode, OFlags, accessat, flock, openat};
use rustix::io::Errno;
use shift::Finished;
use std::cell::OnceCell;
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::Duration;

/// What somebody else has open is moved only for so many bytes: a line that comes in that instant may be lost.
const LEAST_IN_USE: u64 = 4 << 10;

/// More than this is not moved where the front can be taken out.
const MOST_MOVED: u64 = 1 << 20;

/// A log that may be shortened.
#[derive(Debug)]
pub(crate) struct Log {
    folder: Arc<Folder>,
    name: CString,
    /// Its path, to be printed.
    pub(crate) shown: String,
    identity: Identity,
    /// Bytes, when it was looked at.
    pub(crate) size: u64,
}

/// What a look at a log has found.
#[derive(Debug)]
pub(crate) enum Look {
    /// It has more lines than are wanted.
    Long {
        /// Bytes of the wanted lines.
        kept: u64,
        /// Who writes to it, but not at its end.
        writer: Option<String>,
    },
    /// It has only so many lines.
    Short(u64),
    /// An earlier run was ended before it was done with it.
    Unfinished,
    /// It is no text, but this.
    Foreign(&'static str),
}

/// What became of a log.
#[derive(Debug)]
pub(crate) enum Shortening {
    /// It is shorter.
    Done(Shortened),
    /// It stays as it is, and why.
    Left(String),
}

/// What has gone, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shortened {
    /// Bytes before.
    pub(crate) size: u64,
    /// Bytes that are gone.
    pub(crate) freed: u64,
    /// Lines that are left.
    pub(crate) lines: u64,
    pub(crate) way: Way,
}

/// How a log was shortened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Its front was taken out in whole blocks.
    TakenOut,
    /// Its last lines were moved to its front, while nobody else had it open.
    Moved,
    /// The same, while somebody had it open.
    MovedInUse,
    /// All of it is gone.
    Emptied,
}

/// Who writes to files in a way that a shortened log does not bear; looked up when it is first asked.
#[derive(Debug, Default)]
pub(crate) struct KnownWriters(OnceCell<Writers>);

impl Log {
    /// Reads it from its end, as far as needed.
    pub(crate) fn look(&self, lines: u64, known: &KnownWriters, stop: &Stop) -> Result<Look, String> {
        self.try_look(lines, known, stop).map_err(|error| words(&error))
    }

    /// How many lines it has, which takes reading all of it; a last one without a line end counts.
    pub(crate) fn count(&self, stop: &Stop) -> Result<u64, String> {
        let count = || {
            let file = self.open(&self.folder.open()?, OFlags::RDONLY)?;
            let encoding = Encoding::of(&start_of(&file)?);
            last_lines(&file, look_at(&file)?.stx_size, u64::MAX >> 1, encoding, stop)
        };
        match count() {
            Ok(Place::Whole(lines)) => Ok(lines),
            Ok(Place::At(_)) => Err("has more lines than can be counted".to_owned()),
            Err(error) => Err(words(&error)),
        }
    }

    fn try_look(&self, lines: u64, known: &KnownWriters, stop: &Stop) -> io::Result<Look> {
        let folder = self.folder.open()?;
        let file = self.open(&folder, OFlags::RDONLY)?;
        accessat(&folder, &self.name, Access::WRITE_OK, AtFlags::EACCESS)?;
        let found = look_at(&file)?;
        if identity_of(&found) != self.identity {
            return Err(io::Error::other("is replaced just now; run it again"));
        }
        if journal::is_there(&folder, &self.name) {
            return Ok(Look::Unfinished);
        }
        let start = start_of(&file)?;
        if let Some(what) = foreign(&start) {
            return Ok(Look::Foreign(what));
        }
        Ok(match last_lines(&file, found.stx_size, lines, Encoding::of(&start), stop)? {
            Place::Whole(lines) => Look::Short(lines),
            Place::At(at) => {
                let is_at_rest = lease::is_surely_at_rest(file.as_fd());
                let writer = || known.0.get_or_init(Writers::scan).writer(self.identity);
                Look::Long { kept: found.stx_size - at, writer: if is_at_rest { None } else { writer() } }
            }
        })
    }

    fn open(&self, folder: &OwnedFd, access: OFlags) -> Result<File, Errno> {
        let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        openat(folder, &self.name, flags, Mode::empty()).map(File::from)
    }
}

/// Keeps the last lines of a log, if it still is what was looked at.
pub(super) fn shorten(log: &Log, lines: u64, stop: &Stop, _permit: &Permit) -> Result<Shortening, String> {
    let left = |why: &str| Ok(Shortening::Left(why.to_owned()));
    try_to_shorten(log, lines, stop).or_else(|error| match Errno::from_io_error(&error) {
        Some(Errno::NOENT) => left("it is gone"),
        Some(Errno::STALE | Errno::LOOP | Errno::NXIO | Errno::NOTDIR) => left(CHANGED),
        Some(Errno::WOULDBLOCK) => left("another process has locked it, or its folder"),
        _ => Err(words(&error)),
    })
}

const CHANGED: &str = "changed since it was looked at";

fn try_to_shorten(log: &Log, lines: u64, stop: &Stop) -> io::Result<Shortening> {
    let left = |why: String| Ok(Shortening::Left(why));
    let folder = log.folder.open_to_change()?;
    let file = log.open(&folder, OFlags::RDWR)?;
    if identity_of(&look_at(&file)?) != log.identity {
        return left(CHANGED.to_owned());
    }
    lock(&file, stop)?;
    let finished = shift::finish(&folder, &log.name, &file)?;
    let found = look_at(&file)?;
    let gone = if let Finished::Now(bytes) = finished { bytes } else { 0 };
    if gone == 0 && found.stx_size < log.size {
        return left("it was shortened meanwhile".to_owned());
    }
    let encoding = Encoding::of(&start_of(&file)?);
    let place = last_lines(&file, found.stx_size, lines, encoding, stop)?;
    let cut = Cut { folder: &folder, log, file: &file, encoding, size: found.stx_size };
    let shortening = match place {
        Place::Whole(lines) => Shortening::Left(format!(
            "has only {} by now",
            text::plural(usize::try_from(lines).unwrap_or(usize::MAX), "line")
        )),
        Place::At(_) if lines == 0 => {
            let kept = encoding.signature.len() as u64;
            file.set_len(kept)?;
            cut.is_done(Way::Emptied, found.stx_size.saturating_sub(kept), 0)
        }
        Place::At(at) => cut.before(at, lines)?,
    };
    Ok(match (shortening, gone) {
        (shortening, 0) => shortening,
        (Shortening::Done(done), _) => {
            Shortening::Done(Shortened { size: done.size + gone, freed: done.freed + gone, ..done })
        }
        // What an earlier run had begun is done; the rest is not worth it.
        (Shortening::Left(_), _) => {
            let lines = if let Place::Whole(lines) = place { lines } else { lines };
            Shortening::Done(Shortened { size: cut.size + gone, freed: gone, lines, way: Way::Moved })
        }
    })
}

/// A log that is open to be cut.
struct Cut<'a> {
    folder: &'a OwnedFd,
    log: &'a Log,
    file: &'a File,
    encoding: &'static Encoding,
    size: u64,
}

impl Cut<'_> {
    /// Removes what stands before `at`, where the last `lines` lines begin.
    fn before(&self, at: u64, lines: u64) -> io::Result<Shortening> {
        let is_alone = lease::take(self.file.as_fd()) == Lease::Ours;
        // A few lines are soon moved, so that exactly they stay. Into the room of what goes: until the end is cut off they
        // stand in their old place, too.
        let kept = self.size - at;
        if is_alone && kept <= MOST_MOVED && kept <= self.cut(at) && self.can_move(at, shift::LEAST) {
            match self.shift(at, true) {
                Err(error) if error.kind() == io::ErrorKind::StorageFull => {}
                moved => return moved.map(|cut| self.is_done(Way::Moved, cut, lines)),
            }
        }
        if let Some(front) = Front::of(self.file, at, self.encoding)?
            && front.take_out(self.file, self.encoding)?
        {
            return Ok(self.is_done(Way::TakenOut, front.cut, lines + front.lines));
        }
        // Where the file system cannot do that, or the front is less than a block.
        if !self.can_move(at, if is_alone { shift::LEAST } else { LEAST_IN_USE }) {
            let more = text::size(at);
            return Ok(Shortening::Left(format!(
                "only {more} stand before the last lines, too little to be cut"
            )));
        }
        let way = if is_alone { Way::Moved } else { Way::MovedInUse };
        self.shift(at, is_alone).map(|cut| self.is_done(way, cut, lines))
    }

    /// So many bytes go when what begins at `at` moves to the front.
    fn cut(&self, at: u64) -> u64 {
        at - (self.encoding.signature.len() as u64).min(at)
    }

    fn can_move(&self, at: u64, least: u64) -> bool {
        let cut = self.cut(at);
        cut >= least && (self.size - at) / shift::MOST_STRETCHES <= cut - shift::TOKEN
    }

    fn shift(&self, at: u64, is_alone: bool) -> io::Result<u64> {
        let cut = self.cut(at);
        shift::shift((self.folder, &self.log.name), self.file, cut, self.encoding.signature, is_alone)?;
        Ok(cut)
    }

    fn is_done(&self, way: Way, freed: u64, lines: u64) -> Shortening {
        Shortening::Done(Shortened { size: self.size, freed, lines, way })
    }
}

/// Two runs that take out the same front would take out two; and who locks a log to write a line is waited for.
fn lock(file: &File, stop: &Stop) -> io::Result<()> {
    const STEP: Duration = Duration::from_millis(20);
    for _ in 0..100 {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) if stop.wait(STEP) => {}
            Err(Errno::WOULDBLOCK) => break,
            // Where there are no locks, the lock of the job has to do.
            _ => return Ok(()),
        }
    }
    Err(Errno::WOULDBLOCK.into())
}

/// The first bytes of a file.
fn start_of(file: &File) -> io::Result<Vec<u8>> {
    let mut start = vec![0; 4096];
    let length = file.read_at(&mut start, 0)?;
    start.truncate(length);
    Ok(start)
}

/// What a file is that has no lines, by its first bytes.
fn foreign(start: &[u8]) -> Option<&'static str> {
    const KNOWN: [(&[u8], &str); 8] = [
        (b"\x1f\x8b", "compressed"),
        (b"\x28\xb5\x2f\xfd", "compressed"),
        (b"\xfd7zXZ\0", "compressed"),
        (b"BZh", "compressed"),
        (b"PK\x03\x04", "an archive"),
        (b"SQLite format 3\0", "a database"),
        (b"LPKSHHRH", "a journal of systemd"),
        (b"\x7fELF", "a program"),
    ];
    KNOWN.iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, what)| *what)
}

/// An error while the run may go on with other logs.
fn ended(stop: &Stop) -> io::Result<()> {
    match stop.reason() {
        Some(_) => Err(io::Error::other("the run was ended first")),
        None => Ok(()),
    }
}

/// Why a log could not be looked at or shortened, and what helps.
fn words(error: &io::Error) -> String {
    match (error.kind(), Errno::from_io_error(error)) {
        (io::ErrorKind::UnexpectedEof, _) => "another program shortened it meanwhile".to_owned(),
        (_, Some(errno @ (Errno::ACCESS | Errno::PERM))) => {
            format!("{}; run this as a user who may write to it", plain_errno(errno))
        }
        _ => plain(&error.to_string()),
    }
}
