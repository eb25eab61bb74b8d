//! Puts a compressed file in the place of a file.
//!
//! It has no name until it is complete, on the disk and read back, so that a kill leaves no half file; only then
//! does the original go.

use super::folder::{Find, look_at};
use super::lease::{self, Lease};
use super::removal::{Removal, is_same, unlink_if_same};
use crate::engine::apply::Permit;
use crate::error::plain;
use crate::world::stop::Stop;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use rustix::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, Statx, StatxFlags, Timespec, Timestamps};
use rustix::fs::{fsync, linkat, openat, statx, unlinkat};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::fs::{File, Permissions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;

/// The names of what a kill may leave on a file system where no file can be without a name.
pub(crate) const UNFINISHED: &str = ".maint-*.part";
/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;
const TAKEN: Compression = Compression::Kept("the name with .gz is taken by something else");

/// What became of a file that was to be compressed.
#[derive(Debug)]
pub(crate) enum Compression {
    /// A compressed file of so many bytes stands in its place.
    Done(u64),
    /// It stays as it is, and why.
    Kept(&'static str),
    /// The same, for what would keep it from being removed as well.
    Left(Removal),
}

/// Compresses one find, if it still is what was seen.
pub(super) fn compress(find: &Find, stop: &Stop, _permit: &Permit) -> Compression {
    replace(find, stop).unwrap_or_else(|error| {
        let errno = Errno::from_io_error(&error);
        let failed = || Removal::Failed(plain(&error.to_string()));
        Compression::Left(errno.map_or_else(failed, Removal::from))
    })
}

fn replace(find: &Find, stop: &Stop) -> io::Result<Compression> {
    let (folder, name) = find.place();
    let folder = folder.open_to_change()?;
    let source = open_to_read(&folder, name)?;
    let seen = look_at(&source)?;
    if !is_same(find, &seen) {
        return Ok(Compression::Left(Removal::Changed));
    }
    if seen.stx_nlink > 1 {
        return Ok(Compression::Kept("it has another name (a hard link), so nothing would be freed"));
    }
    let target = CString::new([name.to_bytes(), b".gz"].concat())?;
    let (compressed, unfinished) = match open_to_read(&folder, &target) {
        // A run that was killed left it: only the last step is missing.
        Ok(known) if is_copy(&known, &source, stop)? => {
            known.sync_all()?;
            (known, None)
        }
        Ok(_) | Err(Errno::LOOP | Errno::NXIO) => return Ok(TAKEN),
        Err(Errno::NOENT) => {
            let unfinished = Unfinished::begin(&folder)?;
            fill(&unfinished.file, &source, &seen, stop)?;
            (unfinished.file.try_clone()?, Some(unfinished))
        }
        Err(errno) => return Err(errno.into()),
    };
    match exchange(find, &folder, &source, &target, unfinished.as_ref()) {
        Ok(Removal::Removed) => Ok(Compression::Done(compressed.metadata()?.len())),
        Err(Errno::EXIST) => Ok(TAKEN),
        other => Ok(Compression::Left(other?)),
    }
}

/// The last step: the compressed file, unless it has it already, gets its name, and the original loses its own.
fn exchange(
    find: &Find,
    folder: &OwnedFd,
    source: &File,
    target: &CStr,
    unfinished: Option<&Unfinished<'_>>,
) -> Result<Removal, Errno> {
    // From here on nobody can open the original to write, until `source` is closed.
    if find.rules().skip_open && lease::take(source.as_fd()) == Lease::HeldOpen {
        return Ok(Removal::InUse);
    }
    let name = find.place().1;
    let now = || statx(folder, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS);
    if !is_same(find, &now()?) {
        return Ok(Removal::Changed);
    }
    unfinished.map_or(Ok(()), |unfinished| unfinished.name_it(target))?;
    let removal = fsync(folder).and_then(|()| unlink_if_same(folder, name, find, &now()?));
    if unfinished.is_some() && removal != Ok(Removal::Removed) {
        unlinkat(folder, target, AtFlags::empty())?;
    }
    removal
}

fn open_to_read(folder: &OwnedFd, name: &CStr) -> Result<File, Errno> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(folder, name, flags, Mode::empty()).map(File::from)
}

/// Compresses `source` into `file`, gives it mode, owner and times of the original, and reads it back.
fn fill(file: &File, source: &File, seen: &Statx, stop: &Stop) -> io::Result<()> {
    let mut encoder = GzEncoder::new(file, flate2::Compression::default());
    let mut reader = source;
    let mut chunk = vec![0; CHUNK];
    loop {
        go_on(stop)?;
        match reader.read(&mut chunk)? {
            0 => break,
            count => encoder.write_all(&chunk[..count])?,
        }
    }
    encoder.finish()?;
    // Only root may give a file away; for everybody else the owner is the same anyway, or cannot be kept.
    let _ = std::os::unix::fs::fchown(file, Some(seen.stx_uid), Some(seen.stx_gid));
    file.set_permissions(Permissions::from_mode(u32::from(seen.stx_mode) & 0o7777))?;
    let time =
        |time: rustix::fs::StatxTimestamp| Timespec { tv_sec: time.tv_sec, tv_nsec: time.tv_nsec.into() };
    let times = Timestamps { last_access: time(seen.stx_atime), last_modification: time(seen.stx_mtime) };
    rustix::fs::futimens(file, &times)?;
    file.sync_all()?;
    // What is read back shall come from the disk.
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
    if is_copy(file, source, stop)? {
        return Ok(());
    }
    Err(io::Error::other("what was compressed does not read back as it was written, so the original stays"))
}

/// True when `compressed` is complete and holds what `source` holds.
fn is_copy(compressed: &File, source: &File, stop: &Stop) -> io::Result<bool> {
    let (mut packed, mut plain) = (compressed, source);
    packed.rewind()?;
    plain.rewind()?;
    let mut packed = MultiGzDecoder::new(packed);
    let (mut ours, mut theirs) = (Vec::with_capacity(CHUNK), Vec::with_capacity(CHUNK));
    loop {
        go_on(stop)?;
        ours.clear();
        theirs.clear();
        plain.take(CHUNK as u64).read_to_end(&mut ours)?;
        let is_read = (&mut packed).take(CHUNK as u64).read_to_end(&mut theirs).is_ok();
        if !is_read || ours != theirs {
            return Ok(false);
        }
        if ours.is_empty() {
            return Ok(true);
        }
    }
}

fn go_on(stop: &Stop) -> io::Result<()> {
    match stop.reason() {
        Some(_) => Err(io::Error::other("the run was ended before it was compressed")),
        None => Ok(()),
    }
}

/// A file that is still to get its name; dropped, it leaves nothing behind.
struct Unfinished<'a> {
    folder: &'a OwnedFd,
    file: File,
    /// Where a file cannot be without one (NFS, overlayfs of older kernels): matches [`UNFINISHED`].
    passing_name: Option<CString>,
}

impl Unfinished<'_> {
    fn begin(folder: &OwnedFd) -> io::Result<Unfinished<'_>> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        match openat(folder, c".", flags | OFlags::TMPFILE, mode) {
            Ok(fd) => Ok(Unfinished { folder, file: fd.into(), passing_name: None }),
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {
                let mut random = [0; 8];
                rustix::rand::getrandom(&mut random[..], rustix::rand::GetRandomFlags::empty())?;
                let name = CString::new(format!(".maint-{:016x}.part", u64::from_ne_bytes(random)))?;
                let fd = openat(folder, &name, flags | OFlags::CREATE | OFlags::EXCL, mode)?;
                Ok(Unfinished { folder, file: fd.into(), passing_name: Some(name) })
            }
            Err(errno) => Err(errno.into()),
        }
    }

    /// Gives it its name; `Errno::EXIST` when something has that name already.
    fn name_it(&self, name: &CStr) -> Result<(), Errno> {
        if let Some(passing) = &self.passing_name {
            return linkat(self.folder, passing, self.folder, name, AtFlags::empty());
        }
        let link = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        linkat(CWD, link, self.folder, name, AtFlags::SYMLINK_FOLLOW)
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(name) = &self.passing_name {
            let _ = unlinkat(self.folder, name, AtFlags::empty());
        }
    }
}
