//! Other programs: started without a shell of ours, and with a bounded end. What runs a line of the user has a
//! process group of its own.

pub(in crate::world) mod errand;
pub(in crate::world) mod family;
pub(in crate::world) mod follow;
pub(in crate::world) mod stream;
pub(crate) mod tool;
pub(in crate::world) mod whisper;

use crate::engine::apply::Permit;
use crate::text;
use crate::world::stop::Stop;
use anyhow::{Context as _, Result};
use family::Family;
use follow::{Ended, GRACE, Leash, follow};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::MemfdFlags;
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A crontab has at most 10,000 lines of 1,000 bytes; a longer answer is refused.
const LONGEST_ANSWER: u64 = 16 << 20;

/// Variables that hold secrets of `maint` by their usual names; no child sees them unasked.
const SECRET_VARIABLES: [&str; 3] = ["ANTHROPIC_API_KEY", "DISCORD_WEBHOOK_URL", "GITHUB_TOKEN"];

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
pub(in crate::world) fn ask(
    program: &Path,
    args: &[&str],
    variables: &[(&str, &str)],
    hidden: &[String],
    input: &[u8],
    patience: Duration,
) -> Result<Said> {
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    let mut command = Command::new(program);
    hide(&mut command, hidden, &[]);
    command.args(args).env("LC_ALL", "C").envs(variables.iter().copied());
    answer(command, input, patience)
}

/// Keeps from a program what holds secrets by its usual name, and what is `hidden`, but for what is to be `shown`.
pub(in crate::world) fn hide(command: &mut Command, hidden: &[String], shown: &[String]) {
    let hidden = hidden.iter().map(String::as_str).chain(SECRET_VARIABLES);
    for name in hidden.filter(|name| !shown.iter().any(|shown| shown == name)) {
        command.env_remove(name);
    }
}

/// What a program answers, when the run does not have to end before it does; see [`answer`].
pub(in crate::world) fn answer_in_run(command: Command, patience: Duration, stop: &Stop) -> Result<Said> {
    answer_unless(command, b"", patience, &|| stop.reason().is_some())
}

/// What a program answers. The error is for one that cannot be started, or does not end within `patience`.
///
/// Input and output are files in memory: the program finds its whole input there even when `maint` is killed
/// meanwhile, and can never be blocked by a full pipe.
pub(in crate::world) fn answer(command: Command, input: &[u8], patience: Duration) -> Result<Said> {
    answer_unless(command, input, patience, &|| false)
}

fn answer_unless(
    mut command: Command,
    input: &[u8],
    patience: Duration,
    must_end: &dyn Fn() -> bool,
) -> Result<Said> {
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
    let mut family = Family::start(&mut command, None).with_context(|| format!("cannot start {shown}"))?;
    let talks_too_much = || {
        let written = |file: &File| file.metadata().map_or(0, |found| found.len());
        written(&stdout) + written(&stderr) > LONGEST_ANSWER
    };
    let is_over = || talks_too_much() || must_end();
    let Some(status) = wait_at_most(&mut family, patience, &is_over)? else {
        let is_long = talks_too_much();
        family.end(GRACE, must_end);
        anyhow::ensure!(!must_end(), "the run was ended");
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
    family: &mut Family,
    patience: Duration,
    is_wrong: &dyn Fn() -> bool,
) -> Result<Option<ExitStatus>> {
    let pidfd = family.watch()?;
    let started = Instant::now();
    let timeout = rustix::time::Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
    while started.elapsed() < patience && !is_wrong() {
        match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&timeout)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return family.wait().map(Some).context("cannot learn how the child ended"),
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
    hide(&mut command, hidden, shown);
    let (reader, writer) = std::io::pipe().context("cannot make a pipe")?;
    command.stdout(writer.try_clone().context("cannot make a pipe")?).stderr(writer);
    let mut family = Family::start(&mut command, None)
        .with_context(|| format!("cannot start /bin/sh in {}", text::path(folder)))?;
    // The command holds our ends of the pipe: without this the end of the output would never come.
    drop(command);
    follow(&mut family, reader, &Leash { stop, limit: None, has_room: &|| true }, output)
}
