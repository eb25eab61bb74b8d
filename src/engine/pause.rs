//! Pauses: a file for each paused job, so that looking for one never opens the database.

use crate::text;
use crate::world::World;
use crate::world::clock::Clock;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The content of a pause file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Paused {
    /// The end; none: until `resume`.
    pub until: Option<DateTime<Utc>>,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

impl Paused {
    /// "paused until 2026-12-24 00:00:00 CET (holidays)".
    #[must_use]
    pub fn describe(&self, clock: &Clock) -> String {
        let until = self.until.map_or_else(|| "`maint resume`".to_owned(), |time| clock.show(time));
        let reason =
            if self.reason.is_empty() { String::new() } else { format!(" ({})", text::escape(&self.reason)) };
        format!("paused until {until}{reason}")
    }
}

/// The pause of a job that is in force now.
#[must_use]
pub fn in_force(world: &World, job: &str) -> Option<Paused> {
    latest(world, job).filter(|paused| paused.until.is_none_or(|until| until > world.clock.now()))
}

/// The latest pause of a job, until `resume` forgets it; it may be over. A file that cannot be read counts: who
/// paused meant it.
#[must_use]
pub fn latest(world: &World, job: &str) -> Option<Paused> {
    let path = world.state.pause(job);
    if !world.files.exists(&path) {
        return None;
    }
    let content =
        world.files.read_text(&path, 16 << 10).ok().and_then(|text| serde_json::from_str(&text).ok());
    let unreadable =
        Paused { until: None, reason: "the pause file cannot be read".to_owned(), since: world.clock.now() };
    Some(content.unwrap_or(unreadable))
}
