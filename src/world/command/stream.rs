//! A program whose output, or input, is a stream of any length.

use super::family::{Family, signal_group};
use super::follow::GRACE;
use crate::text;
use crate::world::World;
use crate::world::stop::Stop;
use anyhow::{Context as _, Result, anyhow, bail};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::Signal;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// Between two looks whether the run must end.
const LOOK: Duration = Duration::from_millis(50);
/// What is handed over at once.
const AT_ONCE: usize = 128 << 10;
/// The end of what a program complains about.
const LONGEST_COMPLAINT: usize = 16 << 10;

/// How a program ended, and what it complained about: the end of its standard error, as it is.
#[derive(Debug)]
pub(in crate::world) struct Streamed {
    pub(in crate::world) status: ExitStatus,
    pub(in crate::world) complaints: String,
}

impl Streamed {
    /// The last line of its complaints, escaped.
    pub(in crate::world) fn last_line(&self) -> String {
        let line = self.complaints.lines().rev().find(|line| !line.trim().is_empty());
        line.map_or_else(|| "it said nothing".to_owned(), |line| text::escape(line.trim()).into_owned())
    }

    /// Whether it ended well; else an error with its own last words.
    pub(in crate::world) fn check(&self, name: &str) -> Result<()> {
        if self.status.success() {
            return Ok(());
        }
        bail!("{name} failed ({}): {}", how(self.status), self.last_line())
    }
}

fn how(status: ExitStatus) -> String {
    status.code().map_or_else(|| "killed".to_owned(), |code| format!("exit code {code}"))
}

/// Runs a program and hands what it writes to `sink`. The error is for one that cannot be started, for a sink that fails, and
/// for the end of the run; it is for the caller to judge how it ended.
pub(in crate::world) fn pour(
    mut command: Command,
    name: &str,
    world: &World,
    sink: &mut dyn Write,
) -> Result<Streamed> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    run(command, name, world, |head| {
        let mut stdout = head.stdout.take().context("it has no output")?;
        copy(&mut stdout, sink).map_err(Broken::into_error)
    })
}

/// The same of both of its outputs, in the order in which they come; its complaints are the end of them.
pub(in crate::world) fn pour_both(
    mut command: Command,
    name: &str,
    world: &World,
    sink: &mut dyn Write,
) -> Result<Streamed> {
    let (mut reader, writer) = io::pipe().context("cannot make a pipe")?;
    command.stdin(Stdio::null());
    command.stdout(writer.try_clone().context("cannot make a pipe")?).stderr(writer);
    let mut sink = Remembering { sink, end: Vec::new() };
    let streamed = run(command, name, world, |_| copy(&mut reader, &mut sink).map_err(Broken::into_error))?;
    let complaints = String::from_utf8_lossy(&sink.end).into_owned();
    Ok(Streamed { complaints, ..streamed })
}

/// A sink, and the end of what went into it.
struct Remembering<'a> {
    sink: &'a mut dyn Write,
    end: Vec<u8>,
}

impl Write for Remembering<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.sink.write(bytes)?;
        keep_end(&mut self.end, &bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// Runs a program that reads `source` to its end. What it writes to standard output goes nowhere.
pub(in crate::world) fn feed(
    mut command: Command,
    name: &str,
    world: &World,
    source: &mut dyn Read,
) -> Result<Streamed> {
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    run(command, name, world, |head| {
        let mut stdin = head.stdin.take().context("it has no input")?;
        match copy(source, &mut stdin) {
            // It has had enough: how it ends says whether that is well.
            Ok(()) | Err(Broken::Write(_)) => Ok(()),
            Err(error) => Err(error.into_error()),
        }
    })
}

/// Runs a filter that reads `source`, and hands what it writes to `take`.
pub(in crate::world) fn read_through<T>(
    mut command: Command,
    name: &str,
    world: &World,
    source: &mut (dyn Read + Send),
    take: impl FnOnce(&mut dyn Read) -> Result<T>,
) -> Result<(Streamed, T)> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut taken = None;
    let streamed = run(command, name, world, |head| {
        let (mut stdin, mut stdout) = both_ends(head)?;
        std::thread::scope(|scope| {
            let copying = move || match copy(source, &mut stdin) {
                Ok(()) | Err(Broken::Write(_)) => Ok(()),
                Err(error) => Err(error.into_error()),
            };
            let copying = std::thread::Builder::new().spawn_scoped(scope, copying)?;
            let result = take(&mut stdout);
            // What is not read would keep it from ending.
            drop(stdout);
            copying.join().unwrap_or_else(|_| bail!("it was cut off"))?;
            taken = Some(result?);
            Ok(())
        })
    })?;
    Ok((streamed, taken.context("it was cut off")?))
}

/// Runs a filter that reads what `give` writes, and hands what it writes to `sink`. What came of `give` is told apart: a
/// filter that ends early makes it fail, too.
pub(in crate::world) fn write_through(
    mut command: Command,
    name: &str,
    world: &World,
    sink: &mut (dyn Write + Send),
    give: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<(Streamed, Result<()>)> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut given = Ok(());
    let streamed = run(command, name, world, |head| {
        let (mut stdin, mut stdout) = both_ends(head)?;
        std::thread::scope(|scope| {
            let copying = move || copy(&mut stdout, sink).map_err(Broken::into_error);
            let copying = std::thread::Builder::new().spawn_scoped(scope, copying)?;
            given = give(&mut stdin);
            drop(stdin);
            // A sink that is full is why nothing could be given any more.
            copying.join().unwrap_or_else(|_| bail!("it was cut off"))
        })
    })?;
    Ok((streamed, given))
}

fn both_ends(head: &mut Child) -> Result<(ChildStdin, ChildStdout)> {
    let ends = head.stdin.take().zip(head.stdout.take());
    ends.context("it has no input and output")
}

/// Which side of a copy has failed.
enum Broken {
    Read(io::Error),
    Write(io::Error),
}

impl Broken {
    fn into_error(self) -> anyhow::Error {
        match self {
            Broken::Read(error) | Broken::Write(error) => error.into(),
        }
    }
}

fn copy(from: &mut dyn Read, to: &mut dyn Write) -> Result<(), Broken> {
    let mut buffer = vec![0; AT_ONCE];
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => return to.flush().map_err(Broken::Write),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Broken::Read(error)),
        };
        to.write_all(&buffer[..count]).map_err(Broken::Write)?;
    }
}

/// Starts it, has `work` done with its input or output, and waits for its end.
fn run(
    mut command: Command,
    name: &str,
    world: &World,
    work: impl FnOnce(&mut Child) -> Result<()>,
) -> Result<Streamed> {
    command.process_group(0);
    let mut family = Family::start(&mut command, None).with_context(|| format!("cannot start {name}"))?;
    drop(command);
    let stderr = family.head.stderr.take();
    let group = family.head.id();
    let is_over = AtomicBool::new(false);
    let (worked, complaints) = std::thread::scope(|scope| {
        let listen = || stderr.map(end_of).unwrap_or_default();
        let listener = std::thread::Builder::new().spawn_scoped(scope, listen);
        let watch = || end_with_the_run(&world.stop, &is_over, group);
        let watcher = std::thread::Builder::new().spawn_scoped(scope, watch);
        let worked = match (&listener, &watcher) {
            (Ok(_), Ok(_)) => work(&mut family.head).and_then(|()| until_it_ends(&family)),
            _ => Err(anyhow!("no thread can be started")),
        };
        // What it has left behind would hold its standard error open for ever.
        let grace = if worked.is_ok() { Duration::ZERO } else { GRACE };
        family.end(grace, &|| world.stop.is_urgent());
        is_over.store(true, Relaxed);
        // Nobody waits for its next look.
        if let Ok(watcher) = watcher {
            watcher.thread().unpark();
        }
        (worked, listener.ok().and_then(|listener| listener.join().ok()).unwrap_or_default())
    });
    let status = family.wait().context("cannot learn how the child ended")?;
    if world.stop.reason().is_some() {
        bail!("{name} was ended with the run");
    }
    worked.with_context(|| name.to_owned())?;
    Ok(Streamed { status, complaints })
}

/// Ends the group when the run must end, so that whoever reads from it, or writes to it, goes on.
fn end_with_the_run(stop: &Stop, is_over: &AtomicBool, group: u32) {
    let mut since: Option<Duration> = None;
    while !is_over.load(Relaxed) {
        if stop.reason().is_some() {
            let waited = since.map_or(Duration::ZERO, |waited| waited + LOOK);
            if since.is_none() {
                stop.begin();
                signal_group(group, Signal::TERM);
            } else if waited >= GRACE || stop.is_urgent() {
                signal_group(group, Signal::KILL);
            }
            since = Some(waited);
        }
        std::thread::park_timeout(LOOK);
    }
}

/// Waits for the end of the program, without forgetting its number yet.
fn until_it_ends(family: &Family) -> Result<()> {
    let pidfd = family.watch()?;
    loop {
        match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], None) {
            Err(Errno::INTR) => {}
            other => return other.map(drop).context("cannot wait for the child"),
        }
    }
}

/// Reads a stream to its end, and keeps the end of it.
fn end_of(mut stream: impl Read) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; 4 << 10];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        keep_end(&mut kept, &buffer[..count]);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// Adds to what is kept of a stream, the end of it.
fn keep_end(kept: &mut Vec<u8>, bytes: &[u8]) {
    kept.extend_from_slice(&bytes[bytes.len().saturating_sub(LONGEST_COMPLAINT)..]);
    if kept.len() > 2 * LONGEST_COMPLAINT {
        kept.drain(..kept.len() - LONGEST_COMPLAINT);
    }
}
