//! The clock, read once, and the time zone that "today" is meant in.

use crate::config::site::Zone;
use crate::error::Problem;
use anyhow::Result;
use chrono::{DateTime, Utc};
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
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    pub(super) fn read(zone: Option<Zone>) -> Result<Clock> {
        let fixed = std::env::var("MAINT_NOW").ok().filter(|text| !text.is_empty());
        let started = match &fixed {
            Some(text) => parse_fixed(text)?,
            None => Utc::now(),
        };
        let zone = zone.map_or_else(machine_zone, |zone| zone.0);
        Ok(Clock { started, instant: Instant::now(), is_fixed: fixed.is_some(), zone })
    }

    /// The time at which the program started: what ages and "today" are counted from.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.started
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

    /// A time as people read it: in the site's zone, which is named.
    #[must_use]
    pub fn show(&self, time: DateTime<Utc>) -> String {
        time.with_timezone(&self.zone).format("%Y-%m-%d %H:%M:%S %Z").to_string()
    }
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
    let link = rustix::fs::readlink(Path::new("/etc/localtime"), Vec::new()).ok();
    let link = link.and_then(|link| link.into_string().ok()).unwrap_or_default();
    link.split_once("zoneinfo/").and_then(|(_, name)| name.parse().ok()).unwrap_or(Tz::UTC)
}
