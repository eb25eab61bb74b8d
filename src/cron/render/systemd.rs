//! systemd: a service and a timer for each job.
//!
//! Where the clock changes, systemd differs from cron: a time in the gap is left out, a repeated one
//! runs once.

use super::{Dates, Document, GRACE, Job, Site, dates, list, numbers, problem, title, words};
use crate::cron::schedule::{Field, Times};
use std::fmt::Write as _;

/// Names for systemd's week, which begins on Monday and ends with Sunday as day 7.
const WEEKDAYS: [&str; 8] = ["", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// `maint-SITE-JOB.service` and `maint-SITE-JOB.timer` for each job. The error names what cannot be said.
pub fn render(site: &Site) -> Result<Vec<Document>, String> {
    let mut documents = Vec::new();
    for job in &site.jobs {
        let unit = format!("maint-{}-{}", site.name, job.name);
        documents.push(Document { name: format!("{unit}.service"), content: service(site, job)? });
        documents.push(Document { name: format!("{unit}.timer"), content: timer(site, job) });
    }
    Ok(documents)
}

fn service(site: &Site, job: &Job) -> Result<String, String> {
    let mut text = format!("[Unit]\nDescription={}\n\n[Service]\nType=oneshot\n", description(site, job));
    if let Some(user) = site.user {
        let _ = writeln!(text, "User={}", specifiers(user));
    }
    let words = words(site, job.name)?;
    if words[0].contains(['"', '\'', '\\']) {
        return Err(problem(job, "systemd takes no quotes or backslashes in a program's path; link to it"));
    }
    let _ = writeln!(text, "ExecStart={}", command(&words));
    let limit = job.timeout.map(|timeout| format!("{}s", (timeout + GRACE).as_secs()));
    let _ = writeln!(text, "TimeoutStartSec={}", limit.as_deref().unwrap_or("infinity"));
    if job.skip_exit != 0 {
        // A run that was skipped, because another one holds the lock, has not failed.
        let _ = writeln!(text, "SuccessExitStatus={}", job.skip_exit);
    }
    Ok(text)
}

fn timer(site: &Site, job: &Job) -> String {
    let mut text = format!("[Unit]\nDescription={}\n\n[Timer]\n", description(site, job));
    match job.schedule.times() {
        None => text.push_str("OnBootSec=1min\n"),
        Some(times) => {
            for calendar in calendars(times, site) {
                let _ = writeln!(text, "OnCalendar={calendar}");
            }
            if job.catches_up {
                text.push_str("Persistent=true\n");
            }
        }
    }
    text.push_str("AccuracySec=1s\n\n[Install]\nWantedBy=timers.target\n");
    text
}

/// The schedule as calendar events; together they fire when it does.
fn calendars(times: &Times, site: &Site) -> Vec<String> {
    let two_digits = |field: &Field| numbers(field, |value| format!("{value:02}"), "..");
    let zone = site.zone.map(|zone| format!(" {zone}")).unwrap_or_default();
    let (months, hours, minutes) =
        (two_digits(&times.months), two_digits(&times.hours), two_digits(&times.minutes));
    let event =
        |weekdays: &str, days: &str| format!("{weekdays}*-{months}-{days} {hours}:{minutes}:00{zone}");
    let (weekdays, days) = (weekdays(&times.weekdays), two_digits(&times.days));
    match dates(times) {
        Dates::Every => vec![event("", "*")],
        Dates::DaysOfMonth => vec![event("", &days)],
        Dates::DaysOfWeek => vec![event(&weekdays, "*")],
        Dates::Either => vec![event("", &days), event(&weekdays, "*")],
        Dates::Both => vec![event(&weekdays, &days)],
    }
}

fn weekdays(field: &Field) -> String {
    let values = (1..=7).filter(|value| field.has(value % 7));
    list(values, |value| WEEKDAYS[value as usize].to_owned(), "..") + " "
}

/// A line of text: a `%` is written twice, and no backslash may join it to the next line.
fn description(site: &Site, job: &Job) -> String {
    specifiers(title(site, job).trim_end_matches('\\'))
}

fn specifiers(text: &str) -> String {
    text.replace('%', "%%")
}

/// A command line in which nothing is expanded. Variables are only expanded in what follows the program.
fn command(words: &[&str]) -> String {
    let word = |(index, word): (usize, &&str)| quote(word, if index == 0 { "$" } else { "$$" });
    words.iter().enumerate().map(word).collect::<Vec<_>>().join(" ")
}

fn quote(word: &str, dollar: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@+=:,./-".contains(c);
    if word.chars().all(is_plain) {
        return word.to_owned();
    }
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"").replace('$', dollar);
    format!("\"{}\"", specifiers(&escaped))
}

#[cfg(test)]
mod tests {
    use super::super::sample::{schedule, site};
    use super::*;
    use std::path::Path;

    #[test]
    fn a_small_site_is_written_like_this() {
        let (nightly, boot) = (schedule("0 2 13 * fri"), schedule("@reboot"));
        let mut site = site(&[("backup", &nightly), ("warm", &boot)]);
        site.user = Some("www-data");
        site.jobs[0].description = "100 % of it";
        site.jobs[0].catches_up = true;
        site.jobs[1].timeout = None;
        let shown = |document: Document| format!("# {}\n{}", document.name, document.content);
        let shown: Vec<String> = render(&site).unwrap().into_iter().map(shown).collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        # maint-demo-backup.service
        [Unit]
        Description=maint demo: backup: 100 %% of it

        [Service]
        Type=oneshot
        User=www-data
        ExecStart=/usr/bin/maint --config /srv/demo/maint.toml run backup
        TimeoutStartSec=3660s
        SuccessExitStatus=75

        # maint-demo-backup.timer
        [Unit]
        Description=maint demo: backup: 100 %% of it

        [Timer]
        OnCalendar=*-*-13 02:00:00 Europe/Paris
        OnCalendar=Fri *-*-* 02:00:00 Europe/Paris
        Persistent=true
        AccuracySec=1s

        [Install]
        WantedBy=timers.target

        # maint-demo-warm.service
        [Unit]
        Description=maint demo: warm

        [Service]
        Type=oneshot
        User=www-data
        ExecStart=/usr/bin/maint --config /srv/demo/maint.toml run warm
        TimeoutStartSec=infinity
        SuccessExitStatus=75

        # maint-demo-warm.timer
        [Unit]
        Description=maint demo: warm

        [Timer]
        OnBootSec=1min
        AccuracySec=1s

        [Install]
        WantedBy=timers.target
        ");
    }

    #[test]
    fn a_program_that_systemd_does_not_take_is_refused() {
        let nightly = schedule("@daily");
        let mut site = site(&[("backup", &nightly)]);
        site.exe = Path::new("/opt/a\"b/maint");
        assert!(render(&site).unwrap_err().contains("quotes"));
    }

    #[test]
    fn arguments_are_neither_split_nor_expanded() {
        assert_eq!(
            command(&["/a$b%c", "/d$e%f", "g h", "i\"j\\k"]),
            r#""/a$b%%c" "/d$$e%%f" "g h" "i\"j\\k""#
        );
    }
}
