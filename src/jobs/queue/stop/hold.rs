//! Holds the workers back, and lets them go on: only what we hold is let go.

use crate::engine::apply::Permit;
use crate::engine::report::Outcome;
use crate::text;
use crate::world::World;
use anyhow::Result;
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// Longer than the stop takes: the workers go on by themselves when we are killed.
const MARGIN: Duration = Duration::from_secs(60);

/// Letting them go on takes no longer, also when the run is being ended.
const LAST: Duration = Duration::from_secs(5);

/// Keeps every worker from beginning another job.
#[derive(Debug, Serialize)]
#[serde(tag = "action", rename = "hold-workers")]
pub struct Hold {
    #[serde(skip)]
    mark: String,
    #[serde(rename = "length_seconds", serialize_with = "seconds")]
    length: Duration,
}

/// Lets the workers go on, now or after a while.
#[derive(Debug, Serialize)]
#[serde(tag = "action", rename = "release-workers")]
pub struct Release {
    #[serde(skip)]
    mark: String,
    #[serde(rename = "after_seconds", serialize_with = "seconds")]
    after: Duration,
}

fn seconds<S: serde::Serializer>(length: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(length.as_secs())
}

impl Hold {
    /// For a stop that waits so long for what runs, and then for what has come meanwhile.
    pub(super) fn of(mark: &str, wait: Duration) -> Hold {
        Hold { mark: mark.to_owned(), length: wait.saturating_mul(2).saturating_add(MARGIN) }
    }

    pub(super) fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        Ok(if world.redis()?.suspend(&self.mark, self.length, permit)? {
            Outcome::DONE
        } else {
            Outcome::Skipped("they are suspended already".into())
        })
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hold the workers of every queue back for {} at most", text::duration(self.length))
    }
}

impl Release {
    pub(super) fn of(mark: &str, after: Option<Duration>) -> Release {
        Release { mark: mark.to_owned(), after: after.unwrap_or_default() }
    }

    pub(super) fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        let after = Some(self.after).filter(|after| !after.is_zero());
        let world = world.to_the_end(LAST);
        Ok(if world.redis()?.resume(&self.mark, after, permit)? {
            Outcome::DONE
        } else {
            Outcome::Skipped("somebody else has suspended or resumed them".into())
        })
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.after.is_zero() {
            f.write_str("let the workers go on")
        } else {
            write!(f, "let the workers go on in {}", text::duration(self.after))
        }
    }
}
