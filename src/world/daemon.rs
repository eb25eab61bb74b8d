//! The cron daemon, and since when the machine is up: what /proc tells.

use super::process;
use chrono::{DateTime, Duration, Utc};
use std::path::Path;

/// Names under which the daemons of cron, cronie, dcron and fcron run.
const NAMES: [&str; 3] = ["cron", "crond", "fcron"];

/// A running cron daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daemon {
    /// The name of its program.
    pub name: String,
    /// Its number.
    pub pid: u32,
    /// When it was started.
    pub started: Option<DateTime<Utc>>,
}

/// The cron daemon, when one is running and may be seen. While it starts a job it has children of the same
/// name, which are younger.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is World")]
pub fn cron() -> Option<Daemon> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    // One that has ended may stay in the list when its parent does not look after it.
    let is_alive = |pid: u32, started: u64| process::Identity { pid, started }.is_alive();
    let daemons = pids
        .filter_map(|pid| Some((process::started(pid)?, pid, daemon_name(pid)?)))
        .filter(|(started, pid, _)| is_alive(*pid, *started));
    let (ticks, pid, name) = daemons.min()?;
    Some(Daemon { name, pid, started: time_of(ticks) })
}

/// The name of a process that is a cron daemon.
fn daemon_name(pid: u32) -> Option<String> {
    let name = read(pid, "comm")?;
    match name.trim_end() {
        name if NAMES.contains(&name) => Some(name.to_owned()),
        "busybox" if read(pid, "cmdline")?.split('\0').nth(1) == Some("crond") => Some("crond".to_owned()),
        _ => None,
    }
}

/// True when the processes of other users may be seen, so that a daemon that is not seen does not run.
#[must_use]
pub fn sees_everybody() -> bool {
    Path::new("/proc/1/stat").exists()
}

/// When the machine was started, or the container that this is.
#[must_use]
pub fn booted() -> Option<DateTime<Utc>> {
    time_of(process::started(1).unwrap_or(0))
}

/// The time of so many clock ticks after the boot of the kernel.
#[expect(clippy::disallowed_methods, reason = "this is World")]
fn time_of(ticks: u64) -> Option<DateTime<Utc>> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let boot = stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    let seconds = ticks / rustix::param::clock_ticks_per_second().max(1);
    let since_boot = Duration::try_seconds(i64::try_from(seconds).ok()?)?;
    DateTime::from_timestamp(boot, 0)?.checked_add_signed(since_boot)
}

#[expect(clippy::disallowed_methods, reason = "this is World")]
fn read(pid: u32, file: &str) -> Option<String> {
    let bytes = std::fs::read(format!("/proc/{pid}/{file}")).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_began_after_the_machine_and_a_moment_ago() {
        let own = time_of(process::started(std::process::id()).unwrap()).unwrap();
        assert!(booted().unwrap() <= own);
        #[expect(clippy::disallowed_methods, reason = "compared with the real clock")]
        let age = Utc::now() - own;
        assert!(age.num_seconds() >= -2 && age.num_hours() < 1, "{age}");
    }
}
