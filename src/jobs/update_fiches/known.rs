//! What is remembered of each sheet from run to run: when it was refreshed, and an answer that is paid but not written.

use crate::config::update_fiches::{Mode, Period};
use crate::engine::apply::Permit;
use crate::engine::memory;
use crate::money::Usd;
use crate::world::World;
use crate::world::claude::Message;
use anyhow::Result;
use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const TOPIC: &str = "fiches";
/// An answer that is older is of no use: it need not be newer than the run of the month before.
const LONGEST: TimeDelta = TimeDelta::days(40);

/// What is remembered of a sheet.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Known {
    /// The day on which it was last refreshed, in the zone of the site.
    pub(super) refreshed: Option<NaiveDate>,
    /// The answer that was last dealt with: a batch may be read twice.
    pub(super) message: Option<String>,
    /// An answer that is still to be written, or that was of no use so that another is asked for.
    pub(super) paid: Option<Paid>,
}

/// What an answer is about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Subject {
    /// The sheet that Claude is told of.
    pub(super) seal: String,
    /// What is asked, and of whom.
    pub(super) fingerprint: String,
    /// What all answers so far have cost, and how many there were.
    pub(super) cost: Usd,
    pub(super) answers: u32,
}

/// An answer that was paid for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Paid {
    pub(super) message: Message,
    pub(super) mode: Mode,
    /// With this answer counted.
    pub(super) subject: Subject,
    pub(super) received: DateTime<Utc>,
}

impl Known {
    /// True when it was refreshed in the period in which `today` is.
    pub(super) fn is_fresh(&self, period: Period, today: NaiveDate) -> bool {
        self.refreshed.is_some_and(|day| match period {
            Period::Day => day == today,
            Period::Week => day.iso_week() == today.iso_week(),
            Period::Month => (day.year(), day.month()) == (today.year(), today.month()),
        })
    }
}

impl Subject {
    /// The same when one more answer has come.
    pub(super) fn answered(&self, cost: Usd) -> Subject {
        Subject { cost: self.cost + cost, answers: self.answers + 1, ..self.clone() }
    }
}

impl Paid {
    /// True when it is an answer to what would be asked now, and not a stale one.
    pub(super) fn is_answer_to(&self, fingerprint: &str, now: DateTime<Utc>) -> bool {
        self.subject.fingerprint == fingerprint && now - self.received < LONGEST
    }
}

/// What is remembered of all sheets, by code.
pub(super) fn recall(world: &World) -> Result<BTreeMap<String, Known>> {
    memory::recall(world, TOPIC)
}

/// Remembers sheets, by code.
pub(super) fn remember<'a>(
    world: &World,
    sheets: impl IntoIterator<Item = (&'a str, &'a Known)>,
    permit: &Permit,
) -> Result<()> {
    memory::remember(world, TOPIC, sheets, permit)
}

/// Today, in the zone of the site.
pub(super) fn today(world: &World) -> NaiveDate {
    world.clock.now().with_timezone(&world.clock.zone()).date_naive()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_is_fresh_until_its_period_of_the_calendar_ends() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let known = Known { refreshed: Some(day("2026-11-30")), ..Known::default() };
        let is_fresh = |period, today: &str| known.is_fresh(period, day(today));
        assert!(is_fresh(Period::Month, "2026-11-01"));
        assert!(!is_fresh(Period::Month, "2026-12-01"));
        assert!(!is_fresh(Period::Month, "2027-11-30"));
        // The 30th is a Monday.
        assert!(is_fresh(Period::Week, "2026-12-06"));
        assert!(!is_fresh(Period::Week, "2026-12-07"));
        assert!(is_fresh(Period::Day, "2026-11-30"));
        assert!(!is_fresh(Period::Day, "2026-12-01"));
        assert!(!Known::default().is_fresh(Period::Month, day("2026-11-30")));
    }
}
