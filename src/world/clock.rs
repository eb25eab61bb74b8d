//! The clock, read once, the time zone that "today" is meant in, and the one that cron fires in.

use crate::config::site::Zone;
use crate::config::units::Length;
use crate::cron::schedule;
use crate::error::Problem;
use anyhow::Result;
use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use std::path::Path;
use std::time::Instant;

/// When the program started, real or as `$MAINT_NOW` fixes it, and what passes from there.
#[derive(Debug)]
pub struct Clock {
    started: DateTime<Utc>,
    instant: Instant,
    is_fixed: bool,
    zone: Tz,
    machine_zone: Tz,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    pub(super) fn read(zone: Option<Zone>) -> Result<Clock> {
        let fixed = std::env::var("MAINT_NOW").ok().filter(|text| !text.is_empty());
        let started = match &fixed {
            Some(text) => parse_fixed(text)?,
            None => Utc::now(),
        };
        let machine_zone = machine_zone();
        let zone = zone.map_or(machine_zone, |zone| zone.0);
        Ok(Clock { started, instant: Instant::now(), is_fixed: fixed.is_some(), zone, machine_zone })
    }

    /// The same clock for a run that begins at this moment.
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    pub(super) fn restarted(&self) -> Clock {
        Clock { started: self.reading(), instant: Instant::now(), ..*self }
    }

    /// The time at which the program started: what ages and "today" are counted from.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.started
    }

    /// What was last changed before this is older than `age`: nanoseconds since 1970.
    #[must_use]
    pub fn before(&self, age: Length) -> i64 {
        let age = i64::try_from(age.duration().as_nanos()).unwrap_or(i64::MAX);
        self.started.timestamp_nanos_opt().unwrap_or(0).saturating_sub(age)
    }

    /// The time at this moment.
    #[must_use]
    pub fn reading(&self) -> DateTime<Utc> {
        self.started + chrono::Duration::from_std(self.instant.elapsed()).unwrap_or_default()
    }

    /// True when `$MAINT_NOW` fixed the clock.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.is_fixed
    }

    /// The site's time zone.
    #[must_use]
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// "20261120T150226Z-3f9a1c": sortable, and different for two in one second.
    pub(crate) fn new_id(&self) -> Result<String> {
        let mut random = [0_u8; 3];
        rustix::rand::getrandom(&mut random[..], rustix::rand::GetRandomFlags::empty())?;
        let [one, two, three] = random;
        Ok(format!("{}-{one:02x}{two:02x}{three:02x}", self.started.format("%Y%m%dT%H%M%SZ")))
    }

    /// Waits for the end of the first second of a minute, when cron looks for changes: of two changes in one
    /// second it would take the time, see the first, and never notice the other (cronie e91b6eb).
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    #[expect(clippy::unused_self, reason = "the time is asked of the clock")]
    pub(super) fn let_cron_look(&self) {
        while Utc::now().timestamp() % 60 == 0 {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    /// The zone in which cron fires: `$TZ`, else the machine's.
    #[must_use]
    pub fn machine_zone(&self) -> Tz {
        self.machine_zone
    }

    /// Now, in the zone in which cron fires.
    #[must_use]
    pub fn machine_now(&self) -> DateTime<Tz> {
        self.started.with_timezone(&self.machine_zone)
    }

    /// A time to come: a length from now, an RFC 3339 time, or a day or time in the site's zone.
    #[must_use]
    pub fn parse(&self, text: &str) -> Option<DateTime<Utc>> {
        match length(text) {
            Some(length) => self.started.checked_add_signed(length),
            None => time_in(self.zone, text),
        }
    }

    /// A time that is past: a length ago, an RFC 3339 time, or a day or time in the site's zone.
    #[must_use]
    pub fn parse_past(&self, text: &str) -> Option<DateTime<Utc>> {
        match length(text) {
            Some(length) => self.started.checked_sub_signed(length),
            None => time_in(self.zone, text),
        }
    }

    /// A time at which cron may have fired: a length ago, an RFC 3339 time, or a day, time of today or day and
    /// time in the machine's zone.
    #[must_use]
    pub fn parse_firing(&self, text: &str) -> Option<DateTime<Tz>> {
        let zone = self.machine_zone;
        let of_today = NaiveTime::parse_from_str(text, "%H:%M").ok();
        let of_today = of_today.map(|time| self.machine_now().date_naive().and_time(time));
        let time = match (length(text), of_today) {
            (Some(length), _) => self.started.checked_sub_signed(length),
            (None, Some(local)) => instant(zone, local),
            (None, None) => time_in(zone, text),
        };
        Some(time?.with_timezone(&zone))
    }

    /// A time as people read it: in the site's zone, which is named.
    #[must_use]
    pub fn show(&self, time: DateTime<Utc>) -> String {
        time.with_timezone(&self.zone).format("%Y-%m-%d %H:%M:%S %Z").to_string()
    }
}

/// A time at which cron fires as people read it: with its day of the week and its zone.
#[must_use]
pub fn show_firing(time: &DateTime<Tz>) -> String {
    time.format("%a %Y-%m-%d %H:%M %Z").to_string()
}

fn length(text: &str) -> Option<Duration> {
    let length = Length::try_from(text.to_owned()).ok()?;
    Duration::from_std(length.duration()).ok()
}

/// An RFC 3339 time, or a day or time in `zone`.
fn time_in(zone: Tz, text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.with_timezone(&Utc));
    }
    let formats = ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"];
    let mut times = formats.iter().filter_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    instant(zone, parse_day(text).map(|day| day.and_time(NaiveTime::MIN)).or_else(|| times.next())?)
}

fn instant(zone: Tz, local: NaiveDateTime) -> Option<DateTime<Utc>> {
    Some(schedule::instant_of(&zone, local)?.with_timezone(&Utc))
}

/// A day such as 2026-12-24.
#[must_use]
pub fn parse_day(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
}

fn parse_fixed(text: &str) -> Result<DateTime<Utc>> {
    let parsed = DateTime::parse_from_rfc3339(text);
    parsed.map(|time| time.with_timezone(&Utc)).map_err(|_| {
        let text = crate::text::escape(text);
        Problem::usage(format!("$MAINT_NOW is `{text}`; write a time such as 2026-11-20T15:00:00+01:00"))
    })
}

/// `$TZ`, else the zone that /etc/localtime points to, else UTC.
#[expect(clippy::disallowed_methods, reason = "this is World")]
fn machine_zone() -> Tz {
    if let Some(zone) = std::env::var("TZ").ok().and_then(|name| name.trim_start_matches(':').parse().ok()) {
        return zone;
    }
    zone_of_machine()
}

/// The zone that /etc/localtime points to, else UTC.
pub(super) fn zone_of_machine() -> Tz {
    let link = rustix::fs::readlink(Path::new("/etc/localtime"), Vec::new()).ok();
    let link = link.and_then(|link| link.into_string().ok()).unwrap_or_default();
    link.split_once("zoneinfo/").and_then(|(_, name)| name.parse().ok()).unwrap_or(Tz::UTC)
}
