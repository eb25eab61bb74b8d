//! Other programs: started without a shell of ours, and with a bounded end. What runs a line of the user has a
//! process group of its own.

use super::process;
use super::stop::{Reason, Stop};
use crate::engine::apply::Permit;
use crate::text;
use anyhow::{Context as _, Result};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::MemfdFlags;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(3);
/// How long output is awaited from processes that a finished program left behind.
const AFTERMATH: Duration = Duration::from_millis(500);
/// A crontab has at most 10,000 lines of 1,000 bytes; a longer answer is refused.
const LONGEST_ANSWER: u64 = 16 << 20;
/// A longer line of output is cut into several.
const LONGEST_LINE: usize = 16 << 10;

/// Variables that hold secrets of `maint` by their usual names; no child sees them unasked.
const SECRET_VARIABLES: [&str; 3] = ["ANTHROPIC_API_KEY", "DISCORD_WEBHOOK_URL", "GITHUB_TOKEN"];

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// None when it could not be ended.
    status: Option<ExitStatus>,
    /// Set when `maint` ended it.
    pub stopped: Option<Reason>,
    /// It left a process behind that still holds its output open.
    pub left_running: bool,
}

impl Ended {
    /// True when it ended by itself with exit code 0.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.stopped.is_none() && self.status.is_some_and(|status| status.success())
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

/// What is started, and what it may see.
#[derive(Debug)]
pub struct Program<'a> {
    /// A line for /bin/sh.
    pub line: &'a str,
    /// Where it runs.
    pub folder: &'a Path,
    /// Variables that it may not see, besides those that hold secrets by their usual names…
    pub hidden: &'a [String],
    /// …unless they are listed here.
    pub shown: &'a [String],
}

/// What a program said before it ended by itself.
#[derive(Debug)]
pub struct Said {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

/// Asks a program for a short answer, in the plain C locale with these variables and without those that are `hidden`; see
/// [`answer`].
pub(super) fn ask(
    program: &Path,
    args: &[&str],
    variables: &[(&str, &str)],
    hidden: &[String],
    input: &[u8],
    patience: Duration,
) -> Result<Said> {
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    let mut command = Command::new(program);
    for name in hidden.iter().map(String::as_str).chain(SECRET_VARIABLES) {
        command.env_remove(name);
    }
    command.args(args).env("LC_ALL", "C").envs(variables.iter().copied());
    answer(command, input, patience)
}

/// What a program answers. The error is for one that cannot be started, or does not end within `patience`.
///
/// Input and output are files in memory: the program finds its whole input there even when `maint` is killed
/// meanwhile, and can never be blocked by a full pipe.
pub(super) fn answer(mut command: Command, input: &[u8], patience: Duration) -> Result<Said> {
    let memory = |content: &[u8]| -> std::io::Result<File> {
        let mut file = File::from(rustix::fs::memfd_create("maint", MemfdFlags::CLOEXEC)?);
        file.write_all(content)?;
        file.rewind()?;
        Ok(file)
    };
    let shown = text::path(command.get_program()).into_owned();
    let files = || Ok::<_, std::io::Error>((memory(input)?, memory(b"")?, memory(b"")?));
    let (input, mut stdout, mut stderr) = files().context("cannot make a file in memory")?;
    command.stdin(input).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);
    let mut child = command.spawn().with_context(|| format!("cannot start {shown}"))?;
    let talks_too_much = || {
        let written = |file: &File| file.metadata().map_or(0, |found| found.len());
        written(&stdout) + written(&stderr) > LONGEST_ANSWER
    };
    let Some(status) = wait_at_most(&mut child, patience, &talks_too_much)? else {
        let is_long = talks_too_much();
        process::end_group(&mut child, GRACE, &|| false);
        anyhow::ensure!(!is_long, "{shown} answers with more than {}", text::size(LONGEST_ANSWER));
        anyhow::bail!("{shown} did not end within {}", text::duration(patience));
    };
    Ok(Said { code: status.code(), stdout: content(&mut stdout)?, stderr: content(&mut stderr)? })
}

/// What was written to a file in memory.
fn content(file: &mut File) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.rewind()
        .and_then(|()| file.take(LONGEST_ANSWER + 1).read_to_end(&mut bytes))
        .context("cannot read an answer")?;
    // Half an answer is none: what is left out here could be lost for good.
    anyhow::ensure!(
        bytes.len() as u64 <= LONGEST_ANSWER,
        "an answer is larger than {}",
        text::size(LONGEST_ANSWER)
    );
    Ok(bytes)
}

/// The end of a child; `None` when it does not come in time, or something `is_wrong` before it.
#[expect(clippy::disallowed_methods, reason = "this is World")]
fn wait_at_most(
    child: &mut Child,
    patience: Duration,
    is_wrong: &dyn Fn() -> bool,
) -> Result<Option<ExitStatus>> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("the child has no pid")?;
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).context("cannot watch the child")?;
    let started = Instant::now();
    let timeout = rustix::time::Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
    while started.elapsed() < patience && !is_wrong() {
        match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&timeout)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return child.wait().map(Some).context("cannot learn how the child ended"),
            Err(errno) => return Err(errno).context("cannot wait for the child"),
        }
    }
    Ok(None)
}

/// Runs a line with /bin/sh; every line of its output goes to `output`, escaped.
pub fn shell(
    program: &Program<'_>,
    stop: &Stop,
    output: &mut dyn FnMut(&str),
    _permit: &Permit,
) -> Result<Ended> {
    let Program { line, folder, hidden, shown } = program;
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(line).current_dir(folder).process_group(0).stdin(Stdio::null());
    let hidden = hidden.iter().map(String::as_str).chain(SECRET_VARIABLES);
    for name in hidden.filter(|name| !shown.iter().any(|shown| shown == name)) {
        command.env_remove(name);
    }
    let (reader, writer) = std::io::pipe().context("cannot make a pipe")?;
    command.stdout(writer.try_clone().context("cannot make a pipe")?).stderr(writer);
    process::adopt_orphans();
    let mut child =
        command.spawn().with_context(|| format!("cannot start /bin/sh in {}", text::path(folder)))?;
    // The command holds our ends of the pipe: without this the end of the output would never come.
    drop(command);
    // Whatever goes wrong here, no program goes on without us.
    follow(&mut child, reader, stop, output)
        .inspect_err(|_| process::end_group(&mut child, GRACE, &|| stop.is_urgent()))
}

/// Waits for the end, or ends it: one loop over the program and its output, woken by signals.
fn follow(
    child: &mut Child,
    mut reader: std::io::PipeReader,
    stop: &Stop,
    output: &mut dyn FnMut(&str),
) -> Result<Ended> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("the child has no pid")?;
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).context("cannot watch the child")?;
    let mut lines = Lines::default();
    let mut stopped = None;
    let mut is_open = true;
    loop {
        stopped = stopped.or_else(|| stop.reason());
        if stopped.is_some() {
            stop.begin();
            process::end_group(child, GRACE, &|| stop.is_urgent());
            break;
        }
        let (has_output, has_ended) = wait(&reader, &pidfd, is_open)?;
        if has_output {
            is_open = lines.take(&mut reader, output);
        } else if has_ended {
            break;
        }
    }
    // What could not be killed (another user's process, a dead disk) must not hold us for ever.
    let status = match stopped {
        Some(_) => child.try_wait(),
        None => child.wait().map(Some),
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
