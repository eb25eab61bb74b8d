//! Processes: who is alive, and the ends of those that `maint` started.

use rustix::process::{Pid, Signal};
use std::path::Path;
use std::time::Duration;

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
}

/// The start of a process, in clock ticks since boot.
pub(super) fn started(pid: u32) -> Option<u64> {
    stat(pid).map(|stat| stat.started)
}

struct Stat {
    state: char,
    parent: u32,
    started: u64,
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

/// From now on orphans of our children become our own children, so that none can escape its end.
pub(super) fn adopt_orphans() {
    // On a kernel that refuses, the process group alone has to do.
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Ends a process group: SIGTERM, and SIGKILL for what still lives after `grace` or when it `is_urgent`, then
/// every descendant.
pub(super) fn end_group(child: &mut std::process::Child, grace: Duration, is_urgent: &dyn Fn() -> bool) {
    let step = Duration::from_millis(20);
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        let _ = rustix::process::kill_process_group(group, Signal::TERM);
        let mut waited = Duration::ZERO;
        while waited < grace && !is_urgent() && is_group_alive(child, group) {
            std::thread::sleep(step);
            waited += step;
        }
        // A group that has ended must not be looked for by its number, which may be another's by now.
        if is_group_alive(child, group) {
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
    }
    // What has left the group is ours by adoption; killing it may set free further orphans.
    for _ in 0..50 {
        let all = descendants();
        if all.is_empty() {
            break;
        }
        for pid in all.into_iter().filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?)) {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
        reap(child);
        std::thread::sleep(step);
    }
    let _ = child.try_wait();
}

fn is_group_alive(child: &mut std::process::Child, group: Pid) -> bool {
    reap(child);
    rustix::process::test_kill_process_group(group).is_ok()
}

/// Collects the adopted dead; the child itself is left to std, which remembers its status.
fn reap(child: &mut std::process::Child) {
    let _ = child.try_wait();
    for pid in descendants_in(&['Z']) {
        if pid != child.id() {
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
            let _ = rustix::process::waitpid(pid, rustix::process::WaitOptions::NOHANG);
        }
    }
}

fn descendants() -> Vec<u32> {
    descendants_in(&['R', 'S', 'D', 'T', 't', 'I', 'P'])
}

/// Every process below this one in one of these states.
#[expect(clippy::disallowed_methods, reason = "this is World")]
fn descendants_in(states: &[char]) -> Vec<u32> {
    let entries = std::fs::read_dir(Path::new("/proc")).into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let all: Vec<(u32, Stat)> = pids.filter_map(|pid| Some((pid, stat(pid)?))).collect();
    let mut family = vec![std::process::id()];
    let mut known = 0;
    while known < family.len() {
        let parent = family[known];
        family.extend(all.iter().filter(|(_, stat)| stat.parent == parent).map(|(pid, _)| *pid));
        known += 1;
    }
    let is_wanted = |pid: &u32| all.iter().any(|(other, stat)| other == pid && states.contains(&stat.state));
    family.into_iter().skip(1).filter(is_wanted).collect()
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
