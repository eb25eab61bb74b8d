//! A secret for one program: a file in memory that only who inherits it can read, so that the secret is in no argument, no
//! environment and on no disk.

use anyhow::{Context as _, Result};
use rustix::fd::{AsRawFd as _, OwnedFd};
use rustix::fs::{MemfdFlags, Mode, fchmod, memfd_create};
use rustix::io::{FdFlags, fcntl_setfd, write};

/// Lives as long as the program that is to read it needs to start.
#[derive(Debug)]
pub(in crate::world) struct Whisper(OwnedFd);

impl Whisper {
    /// A file with this content.
    pub(in crate::world) fn of(secret: &str) -> Result<Whisper> {
        let make = || -> Result<OwnedFd, rustix::io::Errno> {
            let fd = memfd_create("maint", MemfdFlags::CLOEXEC)?;
            fchmod(&fd, Mode::RUSR | Mode::WUSR)?;
            let mut rest = secret.as_bytes();
            while !rest.is_empty() {
                rest = &rest[write(&fd, rest)?..];
            }
            // Programs that are started from here on inherit it.
            fcntl_setfd(&fd, FdFlags::empty())?;
            Ok(fd)
        };
        make().map(Whisper).context("cannot make a file in memory")
    }

    /// What the program opens. Each opening begins at its start.
    pub(in crate::world) fn path(&self) -> String {
        format!("/proc/self/fd/{}", self.0.as_raw_fd())
    }
}
