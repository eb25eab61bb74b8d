//! Failed logins since the last check: in auth.log or secure, the one before it included, else in the journal.

use super::Sight;
use super::row::{Excerpt, Row, Unit};
use crate::error::one_line;
use crate::text;
use crate::world::{command, programs};
use anyhow::{Context as _, Result, bail};
use chrono::{DateTime, Datelike as _, NaiveDateTime, TimeZone as _, Utc};
use chrono_tz::Tz;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// So many are not worth a word, unless something else is asked for: the whole world knocks at an open door.
const USUAL_MOST: u32 = 20;
/// Debian's name, and that of Fedora; each has the log before it beside it.
const NAMES: [&str; 2] = ["auth.log", "secure"];
/// Of a longer log the end is read.
const LARGEST: u64 = 64 << 20;
const LONGEST_LINE: u64 = 4 << 10;
/// Beyond so many nobody tells them apart.
const MOST: usize = 10_000;
const MOST_TOLD: usize = 3;
const PATIENCE: Duration = Duration::from_secs(10);
/// Who writes of logins.
const PROGRAMS: [&str; 6] = ["sshd", "sshd-session", "sudo", "su", "login", "dropbear"];

/// How many there were.
#[expect(clippy::cast_precision_loss, reason = "no log has so many lines")]
pub(super) fn row(sight: &Sight<'_>) -> Row {
    let row = sight.row("failed logins", Unit::Count);
    let mut failures = Failures::of(sight);
    if let Err(error) = read(sight, &mut failures) {
        return row.unknown(&one_line(&error));
    }
    let most = f64::from(sight.check.max_failed_logins.unwrap_or(USUAL_MOST));
    let mut row = row.value(failures.count() as f64).most(most);
    row.excerpts = failures.places();
    let told = row.excerpts.iter().take(MOST_TOLD).map(|it| format!("{} from {}", it.count, it.text));
    let words = told.collect::<Vec<_>>().join(", ");
    row.detail(&words)
}

/// The logs, the older one first; without one, the journal.
fn read(sight: &Sight<'_>, failures: &mut Failures) -> Result<()> {
    let folder = sight.world.root.join(sight.check.log.as_deref().unwrap_or(Path::new("/var/log")));
    let own = NAMES.iter().map(|name| folder.join(name)).find(|log| sight.world.files.exists(log));
    let Some(log) = own else {
        if sight.check.log.is_some() {
            bail!("there is neither auth.log nor secure in {}", text::path(&folder));
        }
        return read_journal(sight, failures);
    };
    let mut older = log.clone().into_os_string();
    older.push(".1");
    let older = PathBuf::from(older);
    if sight.world.files.exists(&older) {
        read_file(&older, failures)?;
    }
    read_file(&log, failures)
}

#[expect(clippy::disallowed_methods, reason = "this is World")]
fn read_file(path: &Path, failures: &mut Failures) -> Result<()> {
    let shown = text::path(path).into_owned();
    let cannot = || format!("cannot read {shown} (run maint as root, or add its user to the group adm)");
    let mut file = File::open(path).with_context(cannot)?;
    let length = file.metadata().with_context(cannot)?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LARGEST))).with_context(cannot)?;
    let mut reader = BufReader::new(file.take(LARGEST));
    let mut line = Vec::new();
    while reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).with_context(cannot)? > 0 {
        failures.add(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
    Ok(())
}

/// What the journal has of the facilities `auth` and `authpriv`.
fn read_journal(sight: &Sight<'_>, failures: &mut Failures) -> Result<()> {
    let Some(program) = programs::find_here("journalctl") else {
        bail!("there is no auth.log, no secure and no journal in which failed logins could be counted");
    };
    let since = format!("--since=@{}", failures.since.timestamp());
    let words = ["--no-pager", "-o", "short-iso", &since, "SYSLOG_FACILITY=4", "+", "SYSLOG_FACILITY=10"];
    let said = command::ask(&program, &words, &[], sight.world.secrets().variables(), b"", PATIENCE)?;
    let complaint = String::from_utf8_lossy(&said.stderr).into_owned();
    if said.code != Some(0) || complaint.contains("not seeing messages") {
        let first = complaint.lines().next().unwrap_or("it said nothing");
        bail!("journalctl cannot tell of failed logins: {}", text::escape(first));
    }
    String::from_utf8_lossy(&said.stdout).lines().for_each(|line| failures.add(line));
    Ok(())
}

/// Failed logins, by where they came from.
struct Failures {
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    zone: Tz,
    places: HashMap<String, u64>,
    /// Logins of users who are not there, of which it is not known yet whether a password was tried: "from … port …".
    knocks: HashSet<String>,
    count: u64,
}

impl Failures {
    fn of(sight: &Sight<'_>) -> Failures {
        Failures {
            since: sight.since(),
            until: sight.now(),
            zone: sight.world.clock.machine_zone(),
            places: HashMap::new(),
            knocks: HashSet::new(),
            count: 0,
        }
    }

    /// Counts a line, when it is one and of this time: `Nov 20 15:02:26 host sshd[7]: Failed password for …`.
    fn add(&mut self, line: &str) {
        let Some((time, rest)) = time_of(line, self.until, self.zone) else { return };
        if time < self.since || time >= self.until {
            return;
        }
        let Some((_, rest)) = rest.trim_start().split_once(' ') else { return };
        let Some((program, words)) = rest.split_once(": ") else { return };
        let program = program.split('[').next().unwrap_or_default();
        if !PROGRAMS.contains(&program) {
            return;
        }
        let (times, words) = repeated(words);
        let place = from(words);
        if let Some(rest) = words.strip_prefix("Invalid user ") {
            if self.knocks.len() < MOST {
                self.knocks.insert(knock(rest).to_owned());
            }
        } else if words.starts_with("Failed password for") || words.starts_with("Failed keyboard-interactive")
        {
            self.knocks.remove(knock(words));
            self.fail(place, times);
        } else if let Some(count) = attempts(words) {
            self.fail(program, times * count);
        } else if words.starts_with("FAILED") || words.starts_with("Bad password attempt") {
            self.fail(if place.is_empty() { program } else { place }, times);
        }
    }

    fn fail(&mut self, place: &str, times: u64) {
        self.count = self.count.saturating_add(times);
        if self.places.len() < MOST || self.places.contains_key(place) {
            *self.places.entry(text::cut(place, 64)).or_default() += times;
        }
    }

    fn count(&self) -> u64 {
        self.count.saturating_add(self.knocks.len() as u64)
    }

    /// Where most came from.
    fn places(&self) -> Vec<Excerpt> {
        let mut places = self.places.clone();
        for knock in &self.knocks {
            *places.entry(from(knock).to_owned()).or_default() += 1;
        }
        let mut places: Vec<Excerpt> = places
            .into_iter()
            .map(|(place, count)| Excerpt { count, text: text::escape(&place).into_owned() })
            .collect();
        places.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.text.cmp(&other.text)));
        places.truncate(10);
        places
    }
}

/// "message repeated 3 times: [ Failed password … ]"
fn repeated(words: &str) -> (u64, &str) {
    let parts = || {
        let (count, rest) = words.strip_prefix("message repeated ")?.split_once(" times: [ ")?;
        Some((count.parse::<u64>().ok()?.min(1_000), rest.trim_end_matches(']')))
    };
    parts().unwrap_or((1, words))
}

/// "anna : 3 incorrect password attempts ; TTY=…"
fn attempts(words: &str) -> Option<u64> {
    let (before, _) = words.split_once(" incorrect password attempt")?;
    before.rsplit(' ').next()?.parse::<u64>().ok().map(|count| count.min(1_000))
}

/// What follows the last "from": a user may be called anything.
fn knock(words: &str) -> &str {
    words.rfind(" from ").map_or(words, |place| &words[place..]).trim_end_matches(" ssh2").trim_end()
}

/// The address after the last "from".
fn from(words: &str) -> &str {
    let place = words.rfind("from ").map(|place| &words[place + 5..]);
    place.and_then(|place| place.split_whitespace().next()).unwrap_or_default()
}

/// When a line was written, and the rest of it: RFC 3339, the journal's form of it, or the old form without a year.
fn time_of(line: &str, now: DateTime<Utc>, zone: Tz) -> Option<(DateTime<Utc>, &str)> {
    if line.starts_with(|c: char| c.is_ascii_digit()) {
        let (time, rest) = line.split_once(' ')?;
        let read = DateTime::parse_from_rfc3339(time)
            .or_else(|_| DateTime::parse_from_str(time, "%Y-%m-%dT%H:%M:%S%z"));
        return Some((read.ok()?.to_utc(), rest));
    }
    let (time, rest) = line.split_at_checked(15)?;
    let this_year = now.with_timezone(&zone).year();
    // At the turn of the year the log still has lines of the old one.
    let read = |year: i32| {
        let local = NaiveDateTime::parse_from_str(&format!("{year} {time}"), "%Y %b %e %H:%M:%S").ok()?;
        let time = zone.from_local_datetime(&local).earliest()?.to_utc();
        (time <= now + chrono::TimeDelta::days(1)).then_some(time)
    };
    Some((read(this_year).or_else(|| read(this_year - 1))?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn counted(lines: &[&str]) -> Failures {
        let mut failures = Failures {
            since: time("2026-01-01T00:00:00Z"),
            until: time("2026-01-02T12:00:00Z"),
            zone: Tz::Europe__Paris,
            places: HashMap::new(),
            knocks: HashSet::new(),
            count: 0,
        };
        for line in lines {
            failures.add(line);
        }
        failures
    }

    #[test]
    fn a_failure_is_counted_once_however_many_lines_tell_of_it() {
        let failures = counted(&[
            "Jan  2 10:00:00 host sshd[7]: Invalid user eve from 203.0.113.9 port 4711",
            "Jan  2 10:00:01 host sshd[7]: pam_unix(sshd:auth): authentication failure; logname= uid=0",
            "Jan  2 10:00:02 host sshd[7]: Failed password for invalid user eve from 203.0.113.9 port 4711 ssh2",
            "Jan  2 10:00:03 host sshd[8]: Invalid user a from b from 198.51.100.3 port 4712",
            "Jan  2 10:00:04 host sshd[9]: message repeated 3 times: [ Failed password for root from 203.0.113.9 port 5 ssh2]",
            "2026-01-02T10:00:05.123456+01:00 host sudo: anna : 2 incorrect password attempts ; TTY=pts/0 ; COMMAND=/bin/sh",
            "2026-01-02T10:00:05+0100 host sshd-session[7]: Failed password for root from 203.0.113.9 port 6 ssh2",
            "Jan  2 10:00:06 host CRON[7]: Failed password for root from 203.0.113.9 port 6 ssh2",
            "Jan  2 10:00:06 host sshd[7]: Accepted password for root from 203.0.113.9 port 6 ssh2",
            "\u{1b}[2J nonsense",
        ]);
        assert_eq!(failures.count(), 8);
        let places = failures.places();
        assert_eq!((places[0].count, places[0].text.as_str()), (5, "203.0.113.9"));
        assert!(places.iter().any(|place| place.text == "198.51.100.3" && place.count == 1), "{places:?}");
    }

    #[test]
    fn what_is_older_than_the_last_check_is_not_counted_again_nor_what_is_yet_to_come() {
        let line =
            |time: &str| format!("{time} host sshd[7]: Failed password for root from 10.0.0.1 port 6 ssh2");
        let lines =
            ["Dec 31 23:59:59", "Jan  1 00:59:59", "Jan  1 01:00:00", "Jan  2 12:59:59", "Jan  2 13:00:00"];
        let lines: Vec<String> = lines.iter().map(|time| line(time)).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(counted(&lines).count(), 2);
    }

    #[test]
    fn a_line_of_last_year_is_not_of_this_one() {
        let now = time("2026-01-02T12:00:00Z");
        let (read, rest) = time_of("Dec 31 23:00:00 host x", now, Tz::UTC).unwrap();
        assert_eq!((read, rest), (time("2025-12-31T23:00:00Z"), " host x"));
        assert!(time_of("Feb 30 23:00:00 host x", now, Tz::UTC).is_none());
        assert!(time_of("Dec 31 23:00:0é host x", now, Tz::UTC).is_none());
    }
}
