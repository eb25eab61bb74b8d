//! Puts a new file in the place of one that nobody else has open.
//!
//! Names are exchanged while the kernel's leases on both files keep everybody from opening either. Who has come to the
//! old file all the same is seen, and the names are exchanged back. A kill at any instant leaves the old file or the
//! new one, whole.

use super::atomic::{Unfinished, folder_of, remove_journal_of};
use super::folder::identity_of;
use super::holders::{Holders, Identity};
use super::lease::{self, Lease};
use super::{identity_at, look_at};
use crate::engine::apply::Permit;
use crate::error::{plain, plain_errno};
use rustix::fd::AsFd as _;
use rustix::fs::{CWD, OFlags, RenameFlags, XattrFlags};
use rustix::fs::{fgetxattr, flistxattr, fsetxattr, renameat_with};
use rustix::io::Errno;
use std::ffi::CString;
use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longer than the kernel's clock for the times of files takes from tick to tick, and than anybody takes from the name
/// of a file to its lease.
const SETTLE: Duration = Duration::from_millis(25);
/// The beginning of a file, which programs change when they change anything.
const HEAD: usize = 100;
/// Attributes of a file are short.
const LONGEST_ATTRIBUTE: usize = 64 << 10;

/// A file, and the new one that is to take its place.
#[derive(Debug)]
pub(crate) struct Exchange {
    path: PathBuf,
    old: File,
    seen: Option<Seen>,
    new: Unfinished,
}

/// What a change of a file changes.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    head: Vec<u8>,
}

/// Why the old file stays where it is.
#[derive(Debug)]
pub(crate) struct Kept(pub(crate) String);

impl From<io::Error> for Kept {
    fn from(error: io::Error) -> Kept {
        Kept(plain(&error.to_string()))
    }
}

impl From<Errno> for Kept {
    fn from(errno: Errno) -> Kept {
        Kept(plain_errno(errno))
    }
}

impl Exchange {
    /// Begins when nobody else has the file open: its successor is to be written to [`Exchange::target`]. Until the end
    /// the old file stays open here, because closing it would take the locks of this program from it.
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    pub(crate) fn begin(path: &Path, _permit: &Permit) -> Result<Exchange, Kept> {
        let mut options = std::fs::OpenOptions::new();
        let flags = i32::try_from((OFlags::NONBLOCK | OFlags::NOFOLLOW).bits()).unwrap_or(0);
        let old = options.read(true).custom_flags(flags).open(path)?;
        if old.metadata()?.nlink() > 1 {
            return Err(Kept("it has another name (a hard link)".to_owned()));
        }
        hold(&old)?;
        // Kept, it would make whoever opens the file now wait for us, be it ourselves.
        lease::give_back(old.as_fd());
        Ok(Exchange { path: path.to_owned(), old, seen: None, new: Unfinished::beside(path)? })
    }

    /// Where the new file is written.
    pub(crate) fn target(&self) -> &Path {
        self.new.path()
    }

    /// The new file.
    pub(crate) fn file(&mut self) -> &mut File {
        self.new.file()
    }

    /// Remembers the old file as it is now; what changes it after this is noticed.
    pub(crate) fn look(&mut self) -> io::Result<()> {
        self.seen = Some(Seen::of(&self.old)?);
        // A change within the same tick of the clock would have the same time.
        std::thread::sleep(SETTLE);
        Ok(())
    }

    /// The last step: the new file, complete on the disk, takes the place of the old one, unless somebody has come
    /// to it, or one of the files `beside` it holds anything.
    pub(crate) fn finish(mut self, beside: &[PathBuf]) -> Result<(), Kept> {
        self.make_alike()?;
        hold(&self.old)?;
        hold(self.new.file())?;
        if self.seen.as_ref() != Some(&Seen::of(&self.old)?) || identity_at(&self.path) != self.identity() {
            return Err(Kept("it was changed meanwhile".to_owned()));
        }
        if beside.iter().any(|path| std::fs::metadata(path).is_ok_and(|found| found.len() > 0)) {
            return Err(Kept("another program has used it meanwhile".to_owned()));
        }
        if !lease::is_ours(self.old.as_fd()) {
            return Err(in_use(&self.old));
        }
        self.swap()?;
        if !self.is_settled() {
            self.swap()?;
            // Who has opened the new file in that instant must take it for none, and not write to it.
            self.file().write_all_at(&[0; HEAD], 0)?;
            return Err(in_use(&self.old));
        }
        // The old one goes when `self` is dropped, and only then does everybody else come to the new one.
        File::sync_all(&open_folder(folder_of(&self.path))?)?;
        Ok(())
    }

    /// Mode, owner and attributes of the old file.
    fn make_alike(&mut self) -> Result<(), Kept> {
        let old = self.old.metadata()?;
        let new = self.new.file();
        std::os::unix::fs::fchown(&*new, Some(old.uid()), Some(old.gid()))?;
        new.set_permissions(Permissions::from_mode(old.mode() & 0o7777))?;
        copy_attributes(&self.old, new)?;
        Ok(new.sync_all()?)
    }

    fn swap(&self) -> Result<(), Errno> {
        renameat_with(CWD, self.new.path(), CWD, &self.path, RenameFlags::EXCHANGE)
    }

    /// True when nobody has come to the old file: not even who had found its name before the exchange.
    fn is_settled(&self) -> bool {
        const STEPS: u32 = 25;
        (0..=STEPS).all(|step| {
            if step > 0 {
                std::thread::sleep(SETTLE / STEPS);
            }
            lease::is_ours(self.old.as_fd()) && identity_at(self.new.path()) == self.identity()
        })
    }

    fn identity(&self) -> Option<Identity> {
        identity(&self.old)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        remove_journal_of(self.new.path());
    }
}

impl Seen {
    fn of(file: &File) -> io::Result<Seen> {
        let found = file.metadata()?;
        let mut head = vec![0; HEAD];
        let length = file.read_at(&mut head, 0)?;
        head.truncate(length);
        Ok(Seen {
            size: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
            head,
        })
    }
}

/// From here on nobody else can open the file, until our descriptor is closed.
fn hold(file: &File) -> Result<(), Kept> {
    match lease::take(file.as_fd()) {
        Lease::Ours => Ok(()),
        Lease::HeldOpen => Err(in_use(file)),
        Lease::Unavailable => {
            Err(Kept("the system cannot tell here whether another program has it open".to_owned()))
        }
    }
}

fn in_use(file: &File) -> Kept {
    let who = identity(file).and_then(|identity| Holders::scan().holder(identity));
    Kept(format!("{} has it open", who.unwrap_or_else(|| "another program".to_owned())))
}

fn identity(file: &File) -> Option<Identity> {
    look_at(file).ok().map(|found| identity_of(&found))
}

/// Access lists and labels; what cannot be copied must not be lost.
fn copy_attributes(old: &File, new: &File) -> Result<(), Errno> {
    let mut names = Vec::with_capacity(LONGEST_ATTRIBUTE);
    match flistxattr(old, rustix::buffer::spare_capacity(&mut names)) {
        Err(Errno::OPNOTSUPP) => return Ok(()),
        other => other?,
    };
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let name = CString::new(name).unwrap_or_default();
        let mut value = Vec::with_capacity(LONGEST_ATTRIBUTE);
        fgetxattr(old, &name, rustix::buffer::spare_capacity(&mut value))?;
        fsetxattr(new, &name, &value, XattrFlags::empty())?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "this is World")]
fn open_folder(path: &Path) -> io::Result<File> {
    File::open(path)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests prepare the world themselves")]
mod tests;
