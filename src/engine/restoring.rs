//! Restores that have begun: what one that is killed leaves for the next one, and for `doctor`, to know.

use super::apply::Permit;
use super::memory::{recall, remember};
use crate::text;
use crate::world::World;
use anyhow::Result;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where it is remembered, by what is restored.
const TOPIC: &str = "restore";

/// What was begun.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Begun {
    at: DateTime<Utc>,
    backup: String,
    /// The services that are to be started again.
    pub services: Vec<String>,
}

impl Begun {
    /// A restore from this backup that begins now.
    #[must_use]
    pub fn now(world: &World, backup: &str, services: Vec<String>) -> Begun {
        Begun { at: world.clock.now(), backup: backup.to_owned(), services }
    }

    /// Those that were cut off, or go on, by what is restored.
    pub fn all(world: &World) -> Result<BTreeMap<String, Begun>> {
        let known = recall::<Option<Begun>>(world, TOPIC)?;
        Ok(known.into_iter().filter_map(|(what, begun)| Some((what, begun?))).collect())
    }

    /// The one of this that was cut off.
    pub fn recall(world: &World, what: &str) -> Result<Option<Begun>> {
        Ok(Begun::all(world)?.remove(what))
    }

    /// From now on it is known.
    pub fn remember(&self, world: &World, what: &str, permit: &Permit) -> Result<()> {
        remember(world, TOPIC, [(what, &Some(self))], permit)
    }

    /// All that it owed is done.
    pub fn forget(world: &World, what: &str, permit: &Permit) -> Result<()> {
        remember(world, TOPIC, [(what, &None::<Begun>)], permit)
    }

    /// "a restore of 2026-11-20 16:02:26 CET from db-app-… was cut off; it had stopped app".
    #[must_use]
    pub fn describe(&self, world: &World) -> String {
        let at = world.clock.show(self.at);
        let services = match self.services.as_slice() {
            [] => String::new(),
            services => format!("; it had stopped {}", text::escape(&services.join(", "))),
        };
        format!("a restore of {at} from {} was cut off{services}", text::escape(&self.backup))
    }
}
