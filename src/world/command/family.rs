//! A program that `maint` started, with everything that it starts in turn, however far it flees.
//!
//! Several may run at the same time, and the end of one must not touch the others. What is below a program belongs
//! to it, and so does its process group. An orphan is told by the variable `HOME` that only its family has; and one
//! that has thrown its variables away goes when the last of the programs has ended.

use crate::world::process::{self, Stat};
use anyhow::{Context as _, Result};
use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};
use rustix::process::{kill_process, kill_process_group, pidfd_open, waitpid};
use std::collections::HashSet;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Between two looks at what still lives.
const STEP: Duration = Duration::from_millis(20);
/// Looks that a family gets to disappear in after it was killed.
const LOOKS: usize = 50;
/// No more of the variables of a process is read.
const LONGEST_ENVIRONMENT: u64 = 1 << 20;

/// The families that there are now.
static FAMILIES: Mutex<Families> = Mutex::new(Families { heads: Vec::new(), living: 0, since: 0 });

struct Families {
    /// Those who started them wait for their ends, and nobody else may.
    heads: Vec<u32>,
    /// How many have not been ended.
    living: usize,
    /// When the first of them began, in clock ticks since boot.
    since: u64,
}

fn families() -> MutexGuard<'static, Families> {
    FAMILIES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A program and what it started.
#[derive(Debug)]
pub(in crate::world) struct Family {
    pub(in crate::world) head: Child,
    /// "HOME=…" as it stands in the environment of each of them, when they have one of their own.
    mark: Option<Vec<u8>>,
    is_ended: bool,
}

impl Family {
    /// Starts a program; `home` is given only to a family that has it for itself.
    pub(in crate::world) fn start(command: &mut Command, home: Option<&Path>) -> io::Result<Family> {
        // Orphans of our children become our own children, so that none can escape its end. On a kernel that
        // refuses, the process group alone has to do.
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
        if let Some(home) = home {
            command.env("HOME", home);
        }
        let mut families = families();
        let head = command.spawn()?;
        if families.living == 0 {
            families.since = process::started(head.id()).unwrap_or(u64::MAX);
        }
        families.living += 1;
        families.heads.push(head.id());
        Ok(Family { head, mark: home.map(mark), is_ended: false })
    }

    /// Ends all of it: SIGTERM to the process group, and SIGKILL for whatever lives after `grace`, or at once when
    /// it `is_urgent`. The last of the families takes everything with it that began in their time.
    pub(in crate::world) fn end(&mut self, grace: Duration, is_urgent: &dyn Fn() -> bool) {
        if std::mem::replace(&mut self.is_ended, true) {
            return;
        }
        // The head is waited for only afterwards: until then its number, and its group's, is nobody else's.
        if !grace.is_zero() {
            signal_group(self.head.id(), Signal::TERM);
            let mut waited = Duration::ZERO;
            while waited < grace && !is_urgent() && self.has_group() {
                std::thread::sleep(STEP);
                waited += STEP;
            }
        }
        signal_group(self.head.id(), Signal::KILL);
        let mut families = families();
        families.living -= 1;
        if families.living == 0 {
            // No new family can begin meanwhile.
            kill_all(|| families.heads.clone(), |all| began_since(all, families.since));
        } else {
            drop(families);
            kill_all(|| self::families().heads.clone(), |all| self.members(all));
        }
        let _ = self.head.try_wait();
    }

    /// Becomes readable when the program has ended.
    pub(in crate::world) fn watch(&self) -> Result<OwnedFd> {
        let pid = number(self.head.id()).context("the child has no pid")?;
        pidfd_open(pid, PidfdFlags::empty()).context("cannot watch the child")
    }

    /// How the program ended; waits for it.
    pub(in crate::world) fn wait(&mut self) -> io::Result<ExitStatus> {
        self.head.wait()
    }

    fn has_group(&self) -> bool {
        process::all().iter().any(|(_, stat)| stat.group == self.head.id() && is_alive(stat))
    }

    fn members(&self, all: &[(u32, Stat)]) -> Vec<u32> {
        let ours = below(all, &[std::process::id()]);
        let is_own = |pid: u32, stat: &Stat| {
            let is_near = pid == self.head.id() || stat.group == self.head.id();
            is_near || self.mark.as_ref().is_some_and(|mark| has(pid, mark))
        };
        let near = all.iter().filter(|(pid, stat)| ours.contains(pid) && is_own(*pid, stat));
        let near: Vec<u32> = near.map(|(pid, _)| *pid).collect();
        let mut family = below(all, &near);
        family.extend(near);
        living(all, |pid, _| family.contains(&pid))
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        let mut families = families();
        families.heads.retain(|head| *head != self.head.id());
        if !self.is_ended {
            families.living -= 1;
        }
    }
}

/// Kills what a run that was killed itself has left behind: processes whose `HOME` is this, and those that are in
/// `folder`, but for whoever has gone there to look around.
pub(in crate::world) fn end_orphans(home: &Path, folder: &Path) {
    let mark = mark(home);
    let is_orphan =
        |pid: u32, stat: &Stat| has(pid, &mark) || (!stat.has_terminal && process::is_in(pid, folder));
    kill_all(
        || families().heads.clone(),
        |all| living(all, |pid, stat| pid != std::process::id() && is_orphan(pid, stat)),
    );
}

/// Whatever is below `maint` and began since then; but not what an orphan has started that was ours before.
fn began_since(all: &[(u32, Stat)], since: u64) -> Vec<u32> {
    let own = std::process::id();
    let older = all.iter().filter(|(_, stat)| stat.parent == own && stat.started < since);
    let older: Vec<u32> = older.map(|(pid, _)| *pid).collect();
    let (ours, others) = (below(all, &[own]), below(all, &older));
    living(all, |pid, stat| ours.contains(&pid) && !others.contains(&pid) && stat.started >= since)
}

/// Kills until nobody is left; killing one may set free further orphans. The dead are collected, but for the `heads`.
fn kill_all(heads: impl Fn() -> Vec<u32>, who: impl Fn(&[(u32, Stat)]) -> Vec<u32>) {
    for _ in 0..LOOKS {
        // What has begun after this look is none of the dead.
        let all = process::all();
        reap(&all, &heads());
        let left = who(&all);
        if left.is_empty() {
            break;
        }
        kill(left);
        std::thread::sleep(STEP);
    }
}

fn kill(all: Vec<u32>) {
    for pid in all.into_iter().filter_map(number) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// Collects the adopted dead.
fn reap(all: &[(u32, Stat)], heads: &[u32]) {
    let own = std::process::id();
    let dead = all.iter().filter(|(_, stat)| stat.parent == own && stat.state == 'Z');
    for (pid, _) in dead.filter(|(pid, _)| !heads.contains(pid)) {
        let _ = waitpid(number(*pid), WaitOptions::NOHANG);
    }
}

fn number(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// Sends a signal to the group of a program that was not waited for yet.
pub(super) fn signal_group(head: u32, signal: Signal) {
    if let Some(group) = number(head) {
        let _ = kill_process_group(group, signal);
    }
}

fn is_alive(stat: &Stat) -> bool {
    !matches!(stat.state, 'Z' | 'X')
}

fn living(all: &[(u32, Stat)], is_wanted: impl Fn(u32, &Stat) -> bool) -> Vec<u32> {
    let wanted = all.iter().filter(|(pid, stat)| is_alive(stat) && is_wanted(*pid, stat));
    wanted.map(|(pid, _)| *pid).collect()
}

/// Every process below one of these.
fn below(all: &[(u32, Stat)], roots: &[u32]) -> HashSet<u32> {
    let mut found = HashSet::new();
    let mut waiting = roots.to_vec();
    while let Some(parent) = waiting.pop() {
        let children = all.iter().filter(|(_, stat)| stat.parent == parent).map(|(pid, _)| *pid);
        waiting.extend(children.filter(|pid| found.insert(*pid)));
    }
    found
}

fn mark(home: &Path) -> Vec<u8> {
    [b"HOME=", home.as_os_str().as_bytes()].concat()
}

/// True when a process was started with this variable.
#[expect(clippy::disallowed_methods, reason = "this is World")]
fn has(pid: u32, mark: &[u8]) -> bool {
    use std::io::Read as _;
    let mut environment = Vec::new();
    let file = std::fs::File::open(format!("/proc/{pid}/environ"));
    let read = file.and_then(|file| file.take(LONGEST_ENVIRONMENT).read_to_end(&mut environment));
    read.is_ok() && environment.split(|byte| *byte == 0).any(|variable| variable == mark)
}
