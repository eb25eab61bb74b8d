//! Processes: who is alive, and since when.

use crate::engine::apply::Permit;
use crate::error::plain_errno;
use anyhow::Result;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// A process, told apart from a later one with the same number by its start (in clock ticks since boot).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its number.
    pub pid: u32,
    /// Field 22 of /proc/PID/stat.
    pub started: u64,
}

impl Identity {
    /// This process.
    #[must_use]
    pub fn own() -> Identity {
        let pid = std::process::id();
        Identity { pid, started: stat(pid).map_or(0, |stat| stat.started) }
    }

    /// True while this very process runs.
    #[must_use]
    pub fn is_alive(self) -> bool {
        stat(self.pid).is_some_and(|stat| stat.started == self.started && stat.state != 'Z')
    }

    /// Sends SIGTERM to this very process, and to none that has its number by now; false when it has ended. A process of
    /// somebody else is an error.
    pub(crate) fn ask_to_end(self, _permit: &Permit) -> Result<bool> {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else { return Ok(false) };
        let handle = match pidfd_open(pid, PidfdFlags::empty()) {
            Err(Errno::SRCH) => return Ok(false),
            other => other.map_err(|errno| refused(self.pid, errno))?,
        };
        // Only now: what the handle holds is what is looked at.
        if !self.is_alive() {
            return Ok(false);
        }
        match pidfd_send_signal(handle, Signal::TERM) {
            Err(Errno::SRCH) => Ok(false),
            other => other.map(|()| true).map_err(|errno| refused(self.pid, errno)),
        }
    }
}

fn refused(pid: u32, errno: Errno) -> anyhow::Error {
    let why = plain_errno(errno);
    anyhow::anyhow!("cannot end the process {pid}: {why}; run this as the user who runs the job")
}

/// The start of a process, in clock ticks since boot.
pub(super) fn started(pid: u32) -> Option<u64> {
    stat(pid).map(|stat| stat.started)
}

/// What the kernel tells of a process.
pub(super) struct Stat {
    pub(super) state: char,
    pub(super) parent: u32,
    pub(super) group: u32,
    /// It belongs to somebody's terminal.
    pub(super) has_terminal: bool,
    pub(super) started: u64,
}

/// Every process of this machine.
#[expect(clippy::disallowed_methods, reason = "this is World")]
pub(super) fn all() -> Vec<(u32, Stat)> {
    let entries = std::fs::read_dir(Path::new("/proc")).into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| Some((pid, stat(pid)?))).collect()
}

/// True when its current folder is this one, or is in it.
pub(super) fn is_in(pid: u32, folder: &Path) -> bool {
    let place = rustix::fs::readlink(format!("/proc/{pid}/cwd"), Vec::new());
    place.is_ok_and(|place| Path::new(OsStr::from_bytes(place.as_bytes())).starts_with(folder))
}

/// /proc/PID/stat; the name in parentheses may hold anything, so the fields are counted after the last `)`.
#[expect(clippy::disallowed_methods, reason = "this is World")]
fn stat(pid: u32) -> Option<Stat> {
    let bytes = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let fields: Vec<&str> = text[text.rfind(')')? + 1..].split_ascii_whitespace().collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        has_terminal: *fields.get(4)? != "0",
        started: fields.get(19)?.parse().ok()?,
    })
}

/// The signals that whoever started this process had it ignore, as nohup does.
#[expect(clippy::disallowed_methods, reason = "this is World")]
pub(super) fn ignored() -> impl Fn(i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    move |signal| mask >> (signal - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_a_namesake_with_another_start_is_not() {
        let own = Identity::own();
        assert!(own.is_alive());
        assert!(!Identity { started: own.started + 1, ..own }.is_alive());
    }
}
