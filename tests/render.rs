//! What is written for other schedulers, read by their own programs where those are at hand.

use crate::support::leave_out;
use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;
use maint::cron::render::{Document, Job, Site, supercronic, systemd};
use maint::cron::schedule::Schedule;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

const SCHEDULES: [&str; 36] = [
    "* * * * *",
    "*/5 * * * *",
    "*/7 * * * *",
    "0 * * * *",
    "00 08 * * *",
    "0 */5 * * *",
    "15,45 8-18 * * *",
    "0-10/3,50 9-17/2 * * *",
    "*,5 0 * * *",
    "0 0 31 * *",
    "0 0 30 * *",
    "0 0 29 2 *",
    "0 0 28-31 2 *",
    "0 0 */2 * *",
    "0 0 1-31 * *",
    "0 0 1,15 * *",
    "0 0 31 4,6,8 *",
    "0 0 1 JAN,Jul *",
    "0 0 1 */3 *",
    "0 0 * feb *",
    "0 0 * * 0",
    "0 0 * * 7",
    "0 0 * * 0-7",
    "0 0 * * 5-7",
    "0 0 * * SUN-mon",
    "0 0 * * mon,wed,FRI",
    "0 0 * * mon-5",
    "0 0 * * */2",
    "0 0 * * *,5",
    "0 0 25 * fri",
    "0 0 31 2 1",
    "0 0 */2 * fri",
    "0 0 */2 * */2",
    "0 0 1-31 * mon",
    "@weekly",
    "@yearly",
];

fn schedule(text: &str) -> Schedule {
    Schedule::parse(text).unwrap()
}

fn job<'a>(name: &'a str, schedule: &'a Schedule) -> Job<'a> {
    Job { name, schedule, description: "", timeout: None, catches_up: false, skip_exit: 75 }
}

fn site<'a>(exe: &'a Path, config: &'a Path, jobs: Vec<Job<'a>>) -> Site<'a> {
    Site { name: "demo", exe, config, zone: None, user: None, jobs }
}

/// systemd's own program, or a word that it is missing.
fn analyze(what: &str) -> Option<Command> {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        leave_out(what, "systemd-analyze is not here");
        return None;
    }
    let mut command = Command::new("systemd-analyze");
    command.env("TZ", "UTC").env("SYSTEMD_PAGER", "").env("SYSTEMD_COLORS", "0");
    Some(command)
}

/// The first `count` times that systemd reads out of the events of a timer.
fn elapses(mut analyze: Command, timer: &Document, base: DateTime<Utc>, count: usize) -> Vec<NaiveDateTime> {
    let base = base.format("--base-time=%Y-%m-%d %H:%M:%S UTC").to_string();
    let events = timer.content.lines().filter_map(|line| line.strip_prefix("OnCalendar="));
    let output =
        analyze.args(["calendar", &base, &format!("--iterations={count}")]).args(events).output().unwrap();
    assert!(output.status.success(), "{timer:?}: {}", String::from_utf8_lossy(&output.stderr));
    // The 31st of February of `31 2 mon` never comes: the event beside it does.
    let is_time = |line: &&str| {
        (line.contains("Next elapse:") || line.contains("Iter. #")) && !line.ends_with(" never")
    };
    let time = |line: &str| {
        let (_, time) = line.split_once(": ").unwrap();
        NaiveDateTime::parse_from_str(time, "%a %Y-%m-%d %H:%M:%S UTC").expect(line)
    };
    let text = String::from_utf8(output.stdout).unwrap();
    let found: BTreeSet<NaiveDateTime> = text.lines().filter(is_time).map(time).collect();
    found.into_iter().take(count).collect()
}

#[test]
fn systemd_fires_when_the_schedule_does() {
    let base = DateTime::parse_from_rfc3339("2026-11-20T10:00:30Z").unwrap().to_utc();
    for (zone, count) in [(Tz::UTC, 25), (chrono_tz::Asia::Kolkata, 10)] {
        for text in SCHEDULES {
            let Some(analyze) = analyze("the times of systemd's timers") else { return };
            let schedule = schedule(text);
            let mut site =
                site(Path::new("/bin/true"), Path::new("/srv/maint.toml"), vec![job("a", &schedule)]);
            site.zone = Some(zone);
            let timer = &systemd::render(&site).unwrap()[1];
            let next = |at: &DateTime<Tz>| schedule.next_after(at);
            let ours = std::iter::successors(next(&base.with_timezone(&zone)), next).take(count);
            let ours: Vec<NaiveDateTime> = ours.map(|at| at.naive_utc()).collect();
            assert_eq!(elapses(analyze, timer, base, count), ours, "{text} as {timer:?}");
        }
    }
}

#[test]
fn systemd_accepts_the_units_whatever_is_in_the_paths() {
    let Some(mut analyze) = analyze("the check of systemd's units") else { return };
    let folder = tempfile::tempdir().unwrap();
    // systemd finds the program only when every character is escaped as systemd reads it.
    let exe = folder.path().join("a b$HOME%n;é");
    symlink("/bin/true", &exe).unwrap();
    let [nightly, boot, often] = ["0 2 13 * fri", "@reboot", "*/7 1-5 * feb *"].map(schedule);
    let jobs = vec![job("a", &nightly), job("b", &boot), job("c.d_e", &often)];
    let mut site = site(&exe, Path::new("/srv/$HOME %h \"x\" \\n.toml"), jobs);
    site.user = Some("root");
    site.jobs[0].description = "ends in \\";
    site.jobs[1].description = "two\nlines";
    let mut paths = Vec::new();
    for document in systemd::render(&site).unwrap() {
        let path = folder.path().join(document.name);
        fs::write(&path, document.content).unwrap();
        paths.push(path);
    }
    let output = analyze.args(["verify", "--man=no"]).args(&paths).output().unwrap();
    let complaints = String::from_utf8(output.stderr).unwrap();
    let is_ours = |line: &str| line.contains("maint-demo");
    assert!(output.status.success() && !complaints.lines().any(is_ours), "{complaints}");
}

#[test]
fn the_shell_of_supercronic_gets_the_path_as_it_is() {
    let nightly = schedule("30 2 * * *");
    let config = Path::new("/a b/%c/\\d/$HOME/'e\"/`f`/é.toml");
    let site = site(Path::new("/bin/echo"), config, vec![job("backup", &nightly)]);
    let content = supercronic::render(&site).unwrap().remove(0).content;
    let command = content.lines().last().unwrap().strip_prefix("30 2 * * * ").unwrap();
    let output = Command::new("/bin/sh").args(["-c", command]).output().unwrap();
    let words = format!("--config {} run backup\n", config.display());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), words);
}
