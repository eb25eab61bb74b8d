//! A tool that works on what strangers have written: in an environment of its own, with a limit on its time and on the
//! size of its files, and nothing of it is left when it ends.

use super::family::Family;
use super::follow::{Ended, Leash, Stopped, follow};
use crate::engine::apply::Permit;
use crate::logging;
use crate::text;
use crate::world::environment::{CRON_PATH, variable};
use crate::world::files::Scratch;
use crate::world::stop::Stop;
use anyhow::{Context as _, Result, anyhow};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use std::cell::OnceCell;
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// No file that a tool writes grows beyond 2 GB: what counts here are halves of a KB. It leaves no core file; and when
/// memory runs out, the kernel takes the tool and not the site. Limits that are set from outside could come too late.
const LIMITED: &str = "{ ulimit -f 4194304; ulimit -c 0; echo 1000 >/proc/self/oom_score_adj; } 2>/dev/null
exec \"$@\"";
/// What the shell says when the tool cannot be started.
const NOT_STARTED: [Option<i32>; 2] = [Some(126), Some(127)];
/// Lines that go to the log of the run; the rest is only looked at.
const MOST_LOGGED: usize = 1_000;
/// Lines that are kept for whoever asks why it failed, and how much of each.
const KEPT: usize = 100;
const LONGEST_KEPT: usize = 1_000;
/// What an error message tells of a line of a tool.
const LONGEST_SHOWN: usize = 200;

/// Why a tool did not do what it was to do.
#[derive(Debug)]
pub(crate) enum Setback {
    /// The run had to end.
    Ended,
    /// It is this machine: any other work would have failed as well.
    Machine(anyhow::Error),
    /// It is what the tool was given, as far as one can tell.
    Input(String),
}

impl Setback {
    /// On a full disk nobody is to blame for what goes wrong, whatever the words.
    pub(crate) fn judged_by_the_room_in(self, scratch: &Scratch) -> Setback {
        match (self, scratch.tightness()) {
            (Setback::Input(why), Some(tightness)) => Setback::Machine(anyhow!("{why}; {tightness}")),
            (setback, _) => setback,
        }
    }
}

/// What tools say when it is not their work that is at fault.
const MACHINE: [&str; 4] =
    ["No space left on device", "Disk quota exceeded", "Cannot allocate memory", "Too many open files"];

impl From<anyhow::Error> for Setback {
    fn from(error: anyhow::Error) -> Setback {
        Setback::Machine(error)
    }
}

/// What is started.
#[derive(Debug)]
pub(in crate::world) struct Tool<'a> {
    /// What it is called.
    pub(in crate::world) name: &'a str,
    /// For whom it works: stands in front of its lines in the log.
    pub(in crate::world) work: &'a str,
    pub(in crate::world) program: &'a Path,
    pub(in crate::world) arguments: Vec<OsString>,
    /// Where it runs; nobody else does.
    pub(in crate::world) scratch: &'a Scratch,
    /// Its whole environment, besides `PATH`, `HOME`, `TMPDIR` and the locale.
    pub(in crate::world) variables: Vec<(&'a str, OsString)>,
    pub(in crate::world) limit: Duration,
}

/// What a tool said that ended by itself.
#[derive(Debug)]
pub(in crate::world) struct Told {
    pub(in crate::world) is_success: bool,
    /// "exit code 3", or "killed by signal 9".
    ending: String,
    /// Its last lines, escaped; none of them is empty.
    pub(in crate::world) lines: VecDeque<String>,
}

impl Told {
    /// Whose fault it is, in one line of the tool: one about the machine, which may stand above its last words; else
    /// the last one that `is_telling`.
    pub(in crate::world) fn setback(&self, name: &str, is_telling: impl Fn(&str) -> bool) -> Setback {
        let is_of_machine = |line: &str| MACHINE.iter().any(|words| line.contains(words));
        if self.lines.iter().any(|line| is_of_machine(line)) {
            return Setback::Machine(anyhow!("{name}: {}", self.complaint(is_of_machine)));
        }
        Setback::Input(format!("{name}: {}", self.complaint(is_telling)))
    }

    /// One line: the last one that `is_telling`, else the last of all, and how it ended when it said nothing.
    pub(in crate::world) fn complaint(&self, is_telling: impl Fn(&str) -> bool) -> String {
        let telling = self.lines.iter().rev().find(|line| is_telling(line)).or(self.lines.back());
        telling.map_or_else(|| self.ending.clone(), |line| text::cut(line.trim(), LONGEST_SHOWN))
    }
}

impl Tool<'_> {
    /// Runs it to its end; an exit code other than 0 is for the caller to judge.
    pub(in crate::world) fn run(&self, stop: &Stop, _permit: &Permit) -> Result<Told, Setback> {
        let Tool { name, work, scratch, limit, .. } = self;
        let too_little = |what: &str, shortage| Setback::Machine(anyhow!("{name} {what}: {shortage}"));
        if let Some(shortage) = scratch.shortage() {
            return Err(too_little("was not started", shortage));
        }
        keep_to_oneself()?;
        let (reader, writer) = std::io::pipe().context("cannot make a pipe")?;
        let mut command = self.command();
        command.stdout(writer.try_clone().context("cannot make a pipe")?).stderr(writer);
        let mut family = Family::start(&mut command, Some(&scratch.home()))
            .with_context(|| format!("cannot start {name}"))?;
        // The command holds our ends of the pipe: without this the end of the output would never come.
        drop(command);
        let mut heard = Heard::of(name, work);
        let short = OnceCell::new();
        let has_room = || scratch.shortage().is_none_or(|shortage| short.set(shortage).is_err());
        let leash = Leash { stop, limit: Some(*limit), has_room: &has_room };
        let ended = follow(&mut family, reader, &leash, &mut |line| heard.add(line))?;
        match ended.stopped {
            Some(Stopped::WithTheRun) => Err(Setback::Ended),
            Some(Stopped::AtItsLimit) => {
                Err(Setback::Input(format!("{name} was ended after {}", text::duration(*limit))))
            }
            Some(Stopped::WithoutRoom) => {
                Err(too_little("was ended", short.into_inner().unwrap_or_default()))
            }
            None => {
                // Not every tool notices that what it wrote was cut short.
                if let Some(shortage) = scratch.shortage().filter(|_| ended.is_success()) {
                    return Err(too_little("ended on a full disk", shortage));
                }
                let told = heard.told(&ended);
                if NOT_STARTED.contains(&ended.code()) {
                    return Err(Setback::Machine(anyhow!(
                        "cannot start {name}: {}",
                        told.complaint(|_| false)
                    )));
                }
                Ok(told)
            }
        }
    }

    fn command(&self) -> Command {
        #[expect(clippy::disallowed_methods, reason = "this is World")]
        let mut command = Command::new("/bin/sh");
        command.args(["-c", LIMITED, "sh"]).arg(self.program).args(&self.arguments);
        let home = self.scratch.home();
        command.current_dir(&home).process_group(0).stdin(Stdio::null());
        command.env_clear().env("PATH", self.path()).env("TMPDIR", home).env("LC_ALL", "C.UTF-8");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Its own folder comes first: what it was installed with is there.
    fn path(&self) -> OsString {
        let path = variable("PATH").unwrap_or_else(|| CRON_PATH.into());
        let own = self.program.parent().map(Path::as_os_str).filter(|own| !own.is_empty());
        own.map_or(path.clone(), |own| [own, OsStr::new(":"), &path].into_iter().collect())
    }
}

/// Closes what the kernel tells of `maint` (its variables, its memory) to other programs of the same user, as tools are.
/// It does not stop root, to whom everything is open.
fn keep_to_oneself() -> Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .context("cannot hide the variables of maint from its tools")
}

/// What a tool says: to the log of the run, and its last lines kept.
pub(super) struct Heard<'a> {
    name: &'a str,
    work: &'a str,
    lines: VecDeque<String>,
    count: usize,
}

impl<'a> Heard<'a> {
    pub(super) fn of(name: &'a str, work: &'a str) -> Heard<'a> {
        Heard { name, work, lines: VecDeque::new(), count: 0 }
    }

    /// All that it said, now that it has ended.
    pub(super) fn told(self, ended: &Ended) -> Told {
        Told { is_success: ended.is_success(), ending: ended.describe(), lines: self.lines }
    }

    pub(super) fn add(&mut self, line: &str) {
        let Heard { name, work, lines, count } = self;
        if line.trim().is_empty() {
            return;
        }
        *count += 1;
        if *count <= MOST_LOGGED {
            log::info!(target: logging::TOOL, "{work}: {line}");
        } else if *count == MOST_LOGGED + 1 {
            log::info!(target: logging::TOOL, "{work}: what {name} says further is left out");
        }
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(text::cut(line, LONGEST_KEPT));
    }
}

/// Where a program is: a bare name in `PATH`, a path from `root`.
pub(in crate::world) fn locate(program: &Path, root: &Path) -> Option<PathBuf> {
    if program.components().count() == 1 {
        return crate::world::programs::find_here(program.to_str()?);
    }
    Some(root.join(program)).filter(|path| crate::world::access::may_run(path))
}
