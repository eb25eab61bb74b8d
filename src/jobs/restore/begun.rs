//! A restore that has begun: what a run that is killed leaves for the next one to know.

use super::target::{Services, Target};
use crate::engine::apply::Permit;
use crate::engine::memory::{recall, remember};
use crate::text;
use crate::world::World;
use crate::world::backups::Backup;
use anyhow::Result;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Where it is remembered, by what is restored.
const TOPIC: &str = "restore";

/// What was begun.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Begun {
    at: DateTime<Utc>,
    backup: String,
    /// The services that are to be started again.
    pub(super) services: Vec<String>,
}

impl Begun {
    pub(super) fn of(world: &World, backup: &Backup, services: Services) -> Begun {
        Begun { at: world.clock.now(), backup: backup.id.clone(), services: services.to_start }
    }

    /// The one that was cut off.
    pub(super) fn recall(world: &World, target: &Target) -> Result<Option<Begun>> {
        Ok(recall::<Option<Begun>>(world, TOPIC)?.remove(&target.key()).flatten())
    }

    pub(super) fn remember(&self, world: &World, target: &Target, permit: &Permit) -> Result<()> {
        remember(world, TOPIC, [(target.key().as_str(), &Some(self))], permit)
    }

    /// All that it owed is done.
    pub(super) fn forget(world: &World, target: &Target, permit: &Permit) -> Result<()> {
        remember(world, TOPIC, [(target.key().as_str(), &None::<Begun>)], permit)
    }

    pub(super) fn note(&self, world: &World) -> String {
        let at = world.clock.show(self.at);
        let services = match self.services.as_slice() {
            [] => String::new(),
            services => format!("; it had stopped {}", text::escape(&services.join(", "))),
        };
        format!(
            "a restore of {at} from {} was cut off, and is made good{services}",
            text::escape(&self.backup)
        )
    }
}
