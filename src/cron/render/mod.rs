//! A site's schedules for other schedulers than cron.

pub mod kubernetes;
pub mod supercronic;
pub mod systemd;

use super::schedule::{Field, Schedule, Times};
use crate::text;
use chrono_tz::Tz;
use std::path::Path;
use std::time::Duration;

/// What a rendering needs to know of a site.
#[derive(Debug, Clone)]
pub struct Site<'a> {
    /// The site's name.
    pub name: &'a str,
    /// The absolute path of `maint`.
    pub exe: &'a Path,
    /// The absolute path of `maint.toml`.
    pub config: &'a Path,
    /// The zone the schedules are meant in, when the site names one.
    pub zone: Option<Tz>,
    /// The user that the jobs run as, when it is not the scheduler's own choice.
    pub user: Option<&'a str>,
    /// The jobs with a schedule.
    pub jobs: Vec<Job<'a>>,
}

/// One job with a schedule.
#[derive(Debug, Clone)]
pub struct Job<'a> {
    /// The job's name.
    pub name: &'a str,
    /// When it runs.
    pub schedule: &'a Schedule,
    /// A few words, or nothing.
    pub description: &'a str,
    /// How long `maint` lets it run; `None` for ever.
    pub timeout: Option<Duration>,
    /// True when a run that was missed is made up for once.
    pub catches_up: bool,
    /// The exit code of a run that was skipped.
    pub skip_exit: u8,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The name of the file, without a folder.
    pub name: String,
    /// Its text.
    pub content: String,
}

/// `maint` ends a run at its time limit; a scheduler that watches it too waits this much longer.
const GRACE: Duration = Duration::from_secs(60);

/// On which dates a schedule fires: vixie's rule of stars, written out.
enum Dates {
    Every,
    DaysOfMonth,
    DaysOfWeek,
    Either,
    Both,
}

fn dates(times: &Times) -> Dates {
    match (times.days.is_full, times.weekdays.is_full) {
        (true, true) => Dates::Every,
        (true, false) | (false, true) if times.is_either_day() => Dates::Every,
        (true, false) => Dates::DaysOfWeek,
        (false, true) => Dates::DaysOfMonth,
        (false, false) if times.is_either_day() => Dates::Either,
        (false, false) => Dates::Both,
    }
}

/// Five numeric fields for a scheduler that has two restricted day fields mean either of them, and in
/// which only a bare `*` leaves a day field unrestricted. The error is for those it cannot say.
fn numeric_fields(job: &Job, scheduler: &str) -> Result<String, String> {
    let Some(times) = job.schedule.times() else {
        return Err(problem(job, &format!("{scheduler} has no @reboot; give the job a time")));
    };
    let list = |field: &Field| numbers(field, |value| value.to_string(), "-");
    let star = || "*".to_owned();
    let (days, weekdays) = match dates(times) {
        Dates::Every => (star(), star()),
        Dates::DaysOfMonth => (list(&times.days), star()),
        Dates::DaysOfWeek => (star(), list(&times.weekdays)),
        Dates::Either => (list(&times.days), list(&times.weekdays)),
        Dates::Both => {
            let why = "runs it when either day field matches, not both; use only one of them";
            return Err(problem(job, &format!("{scheduler} {why}")));
        }
    };
    let (minutes, hours, months) = (list(&times.minutes), list(&times.hours), list(&times.months));
    Ok(format!("{minutes} {hours} {days} {months} {weekdays}"))
}

fn problem(job: &Job, why: &str) -> String {
    format!("job {} (`{}`): {why}", job.name, job.schedule)
}

/// The values of a field as a list of values and ranges, or `*` when it is full.
fn numbers(field: &Field, show: impl Fn(u32) -> String, range_mark: &str) -> String {
    if field.is_full { "*".to_owned() } else { list(field.values(), show, range_mark) }
}

/// Ascending values as a list of values and ranges.
fn list(values: impl Iterator<Item = u32>, show: impl Fn(u32) -> String, range_mark: &str) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for value in values {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == value => *last = value,
            _ => ranges.push((value, value)),
        }
    }
    let shown = ranges.iter().map(|(first, last)| match last - first {
        0 => show(*first),
        1 => format!("{},{}", show(*first), show(*last)),
        _ => format!("{}{range_mark}{}", show(*first), show(*last)),
    });
    shown.collect::<Vec<_>>().join(",")
}

/// A path that can be written on one line of a text file.
fn one_line(path: &Path) -> Result<&str, String> {
    let shown = text::path(path);
    match path.to_str() {
        None => Err(format!("the path {shown} is not UTF-8; move the file, or link to it")),
        Some(text) if text.chars().any(char::is_control) => {
            Err(format!("the path {shown} has a control character; move the file, or link to it"))
        }
        Some(_) if !path.is_absolute() => Err(format!("the path {shown} is not absolute")),
        Some(text) => Ok(text),
    }
}

/// The words that run a job.
fn words<'a>(site: &'a Site, job: &'a str) -> Result<[&'a str; 5], String> {
    Ok([one_line(site.exe)?, "--config", one_line(site.config)?, "run", job])
}

/// What a job is called where people read it.
fn title(site: &Site, job: &Job) -> String {
    let title = format!("maint {}: {}", site.name, job.name);
    match job.description {
        "" => title,
        description => format!("{title}: {}", text::escape(description)),
    }
}

#[cfg(test)]
pub(crate) mod sample {
    use super::{Job, Schedule, Site};
    use std::path::Path;
    use std::time::Duration;

    /// A site with these jobs and schedules.
    pub(crate) fn site<'a>(jobs: &[(&'a str, &'a Schedule)]) -> Site<'a> {
        let job = |&(name, schedule): &(&'a str, &'a Schedule)| Job {
            name,
            schedule,
            description: "",
            timeout: Some(Duration::from_secs(3600)),
            catches_up: false,
            skip_exit: 75,
        };
        Site {
            name: "demo",
            exe: Path::new("/usr/bin/maint"),
            config: Path::new("/srv/demo/maint.toml"),
            zone: Some(chrono_tz::Europe::Paris),
            user: None,
            jobs: jobs.iter().map(job).collect(),
        }
    }

    pub(crate) fn schedule(text: &str) -> Schedule {
        Schedule::parse(text).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::sample::{schedule, site};
    use super::*;

    fn fields(text: &str) -> Result<String, String> {
        let schedule = schedule(text);
        numeric_fields(&site(&[("backup", &schedule)]).jobs[0], "Kubernetes")
    }

    #[test]
    fn fields_are_numbers_and_only_what_restricts_is_not_a_star() {
        for (schedule, expected) in [
            ("*/20 8-10,12 * jan,feb mon-fri", "0,20,40 8-10,12 * 1,2 1-5"),
            ("@weekly", "0 0 * * 0"),
            ("0 0 * * 5-7", "0 0 * * 0,5,6"),
            ("0 0 * * sun,7", "0 0 * * 0"),
            ("0 0 25 * fri", "0 0 25 * 5"),
            ("0 0 1-31 * fri", "0 0 * * *"),
            ("0 0 1 * 0-7", "0 0 * * *"),
            ("0 0 1 * *,5", "0 0 1 * *"),
            ("*/1 0 */2 * *", "* 0 1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31 * *"),
        ] {
            assert_eq!(fields(schedule).unwrap(), expected, "{schedule}");
        }
    }

    #[test]
    fn what_cannot_be_said_is_refused_with_the_reason() {
        insta::assert_snapshot!(fields("@reboot").unwrap_err(), @"job backup (`@reboot`): Kubernetes has no @reboot; give the job a time");
        insta::assert_snapshot!(fields("0 0 */2 * fri").unwrap_err(), @"job backup (`0 0 */2 * fri`): Kubernetes runs it when either day field matches, not both; use only one of them");
    }

    #[test]
    fn numeric_fields_mean_the_same_schedule() {
        for text in crate::cron::schedule::oracle::SCHEDULES {
            let Ok(rendered) = fields(text) else { continue };
            let (ours, theirs) = (schedule(text), schedule(&rendered));
            let mut at = chrono::DateTime::from_timestamp(1_780_000_000, 0).unwrap();
            for _ in 0..500 {
                let next = ours.next_after(&at).unwrap();
                assert_eq!(theirs.next_after(&at), Some(next), "{text} as {rendered}");
                at = next;
            }
        }
    }

    #[test]
    fn paths_that_do_not_fit_on_a_line_are_refused() {
        use std::os::unix::ffi::OsStrExt as _;
        for path in [&b"/a\nb"[..], b"/a\x1b[2J", b"/caf\xe9", b"maint", b"/a\xc2\x85b"] {
            let path = Path::new(std::ffi::OsStr::from_bytes(path));
            let why = one_line(path).unwrap_err();
            assert!(!why.chars().any(char::is_control), "{why:?}");
        }
        assert_eq!(one_line(Path::new("/srv/a b/é.toml")), Ok("/srv/a b/é.toml"));
    }
}
