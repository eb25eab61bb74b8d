//! Waits for a program and passes its output on line by line, or ends it in time.

use super::family::Family;
use crate::text;
use crate::world::stop::Stop;
use anyhow::{Context as _, Result};
use rustix::event::{PollFd, PollFlags, poll};
use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

/// Between SIGTERM and SIGKILL.
pub(in crate::world) const GRACE: Duration = Duration::from_secs(3);
/// How long output is awaited from processes that a finished program left behind.
const AFTERMATH: Duration = Duration::from_millis(500);
/// A longer line of output is cut into several.
const LONGEST_LINE: usize = 16 << 10;

/// Between two looks at the room that a program has left.
const LOOK: Duration = Duration::from_secs(1);

/// What ends a program early.
pub(in crate::world) struct Leash<'a> {
    /// The end of the run.
    pub(in crate::world) stop: &'a Stop,
    /// A limit of its own. Whoever has one leaves nothing running behind.
    pub(in crate::world) limit: Option<Duration>,
    /// False when there is no room left for what it writes.
    pub(in crate::world) has_room: &'a dyn Fn() -> bool,
}

/// Who ended a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The run had to end.
    WithTheRun,
    /// Its own limit was reached.
    AtItsLimit,
    /// There was no room left for what it writes.
    WithoutRoom,
}

impl Leash<'_> {
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    fn pulled(&self, began: Instant, looked: &mut Instant) -> Option<Stopped> {
        if self.stop.reason().is_some() {
            return Some(Stopped::WithTheRun);
        }
        let now = Instant::now();
        if self.limit.is_some_and(|limit| now.duration_since(began) >= limit) {
            return Some(Stopped::AtItsLimit);
        }
        if now.duration_since(*looked) < LOOK {
            return None;
        }
        *looked = now;
        (!(self.has_room)()).then_some(Stopped::WithoutRoom)
    }
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// None when it could not be ended.
    status: Option<ExitStatus>,
    /// Set when `maint` ended it.
    pub stopped: Option<Stopped>,
    /// It left a process behind that still holds its output open.
    pub left_running: bool,
}

impl Ended {
    /// True when it ended by itself with exit code 0.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.stopped.is_none() && self.status.is_some_and(|status| status.success())
    }

    /// Its exit code; none when a signal ended it.
    pub(in crate::world) fn code(&self) -> Option<i32> {
        self.status.and_then(|status| status.code())
    }

    /// "exit code 3", or "killed by signal 9".
    #[must_use]
    pub fn describe(&self) -> String {
        let Some(status) = self.status else { return "could not be ended and is still running".to_owned() };
        match (status.code(), status.signal()) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("killed by signal {signal}"),
            (None, None) => "ended in an unknown way".to_owned(),
        }
    }
}

/// Waits for the end, or ends it. Whatever goes wrong here, no program goes on without us.
pub(in crate::world) fn follow(
    family: &mut Family,
    reader: std::io::PipeReader,
    leash: &Leash<'_>,
    output: &mut dyn FnMut(&str),
) -> Result<Ended> {
    watch(family, reader, leash, output).inspect_err(|_| family.end(GRACE, &|| leash.stop.is_urgent()))
}

/// One loop over the program and its output, woken by signals.
#[expect(clippy::disallowed_methods, reason = "this is World")]
fn watch(
    family: &mut Family,
    mut reader: std::io::PipeReader,
    leash: &Leash<'_>,
    output: &mut dyn FnMut(&str),
) -> Result<Ended> {
    let began = Instant::now();
    let mut looked = began;
    let pidfd = family.watch()?;
    let leaves_nothing = leash.limit.is_some();
    let mut lines = Lines::default();
    let mut is_open = true;
    let stopped = loop {
        if let Some(stopped) = leash.pulled(began, &mut looked) {
            if stopped == Stopped::WithTheRun {
                leash.stop.begin();
            }
            family.end(GRACE, &|| leash.stop.is_urgent());
            break Some(stopped);
        }
        let (has_output, has_ended) = wait(&reader, &pidfd, is_open)?;
        // What it left behind may write for ever.
        if has_ended && leaves_nothing {
            family.end(Duration::ZERO, &|| true);
            break None;
        } else if has_output {
            is_open = lines.take(&mut reader, output);
        } else if has_ended {
            break None;
        }
    };
    // What could not be killed (another user's process, a dead disk) must not hold us for ever.
    let status = match stopped {
        Some(_) => family.head.try_wait(),
        None => family.wait().map(Some),
    };
    let status = status.context("cannot learn how the child ended")?;
    let left_running = is_open && !lines.drain(&mut reader, output);
    lines.finish(output);
    Ok(Ended { status, stopped, left_running: left_running && stopped.is_none() })
}

/// Blocks until there is output, the program has ended, a signal came or a tenth of a second is over.
fn wait(reader: &std::io::PipeReader, pidfd: &rustix::fd::OwnedFd, is_open: bool) -> Result<(bool, bool)> {
    let mut fds = [PollFd::new(pidfd, PollFlags::IN), PollFd::new(reader, PollFlags::IN)];
    let count = if is_open { 2 } else { 1 };
    let timeout = rustix::time::Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    match poll(&mut fds[..count], Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(errno) => return Err(errno).context("cannot wait for the child"),
    }
    Ok((is_open && !fds[1].revents().is_empty(), !fds[0].revents().is_empty()))
}

/// Cuts a stream of bytes into escaped lines.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    /// Reads once; false at the end of the stream.
    fn take(&mut self, reader: &mut std::io::PipeReader, output: &mut dyn FnMut(&str)) -> bool {
        let mut buffer = [0; 16 << 10];
        let count = match reader.read(&mut buffer) {
            Ok(0) => return false,
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => 0,
            Err(_) => return false,
        };
        for part in buffer[..count].split_inclusive(|byte| *byte == b'\n') {
            self.0.extend_from_slice(part);
            if part.ends_with(b"\n") || self.0.len() >= LONGEST_LINE {
                self.finish(output);
            }
        }
        true
    }

    /// Reads what is left without waiting for ever; true when the end of the stream came.
    fn drain(&mut self, reader: &mut std::io::PipeReader, output: &mut dyn FnMut(&str)) -> bool {
        let timeout = rustix::time::Timespec { tv_sec: 0, tv_nsec: i64::from(AFTERMATH.subsec_nanos()) };
        // A process left behind may write for ever: a thousand reads are enough for what was in the pipe.
        for _ in 0..1_000 {
            let mut fds = [PollFd::new(reader, PollFlags::IN)];
            if poll(&mut fds, Some(&timeout)).unwrap_or(0) == 0 {
                return false;
            }
            if !self.take(reader, output) {
                return true;
            }
        }
        false
    }

    fn finish(&mut self, output: &mut dyn FnMut(&str)) {
        if !self.0.is_empty() {
            let line = self.0.strip_suffix(b"\n").unwrap_or(&self.0);
            output(&text::output_line(line.strip_suffix(b"\r").unwrap_or(line)));
            self.0.clear();
        }
    }
}
