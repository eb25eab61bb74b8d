//! The steps of a restore, as they are shown and done.

use super::target::{Target, project};
use crate::engine::Action;
use crate::engine::apply::Permit;
use crate::engine::report::Outcome;
use crate::engine::restoring::Begun;
use crate::text;
use crate::world::World;
use crate::world::backups::{Backup, Kind, Subject};
use crate::world::docker::settle;
use anyhow::{Context as _, Result};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Services stop, or start, within this time.
const LIMIT: Duration = Duration::from_secs(300);
/// Why a safety backup is made.
const REASON: &str = "before-restore";

/// One step.
#[derive(Debug)]
pub struct Step {
    deed: Deed,
    /// The id of the safety backup, when it is made.
    kept: OnceLock<String>,
}

/// What is done.
#[derive(Debug)]
pub(super) enum Deed {
    Stop {
        target: Arc<Target>,
        begun: Arc<Begun>,
        services: Vec<String>,
    },
    /// Backs up what is to be replaced.
    Keep {
        subject: Subject,
    },
    Put {
        target: Arc<Target>,
        backup: Arc<Backup>,
        begun: Arc<Begun>,
    },
    Start {
        target: Arc<Target>,
        services: Vec<String>,
    },
}

impl From<Deed> for Step {
    fn from(deed: Deed) -> Step {
        Step { deed, kept: OnceLock::new() }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.deed {
            Deed::Stop { services, .. } => write!(f, "stop {}", text::escape(&services.join(", "))),
            Deed::Keep { subject } => {
                write!(f, "make a safety backup of {}", shown(subject.kind(), subject.name()))
            }
            Deed::Put { target, backup, .. } => {
                let (of, id) = (shown(target.kind, &target.name), text::escape(&backup.id));
                match &target.to {
                    Some(to) => write!(f, "restore {of} from {id} to {}", text::escape(to)),
                    None => write!(f, "replace {of} by the backup {id}"),
                }
            }
            Deed::Start { services, .. } => write!(f, "start {}", text::escape(&services.join(", "))),
        }
    }
}

/// "the database app".
fn shown(kind: Kind, name: &str) -> String {
    match kind {
        Kind::Db => format!("the database {}", text::escape(name)),
        Kind::Volume => format!("the volume {}", text::escape(name)),
        Kind::Configs => "the configuration files".to_owned(),
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match &self.deed {
            Deed::Stop { services, .. } => {
                map.serialize_entry("action", "stop-services")?;
                map.serialize_entry("services", services)?;
            }
            Deed::Keep { subject } => {
                map.serialize_entry("action", "back-up")?;
                map.serialize_entry("kind", &subject.kind())?;
                map.serialize_entry("name", &text::escape(subject.name()))?;
                map.serialize_entry("reason", REASON)?;
                map.serialize_entry("id", &self.kept.get())?;
            }
            Deed::Put { target, backup, .. } => {
                map.serialize_entry("action", "restore")?;
                map.serialize_entry("kind", &target.kind)?;
                map.serialize_entry("name", &text::escape(&target.name))?;
                map.serialize_entry("backup", &backup.id)?;
                map.serialize_entry("to", &target.to)?;
            }
            Deed::Start { services, .. } => {
                map.serialize_entry("action", "start-services")?;
                map.serialize_entry("services", services)?;
            }
        }
        map.end()
    }
}

impl Action for Step {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        match &self.deed {
            Deed::Stop { target, begun, services } => {
                begun.remember(world, &target.key(), permit)?;
                // A paused container would not stop.
                settle(world, permit)?;
                project(world)?.stop(world, services, LIMIT, permit)?;
            }
            Deed::Keep { subject } => {
                let made = subject.back_up(world, Some(REASON), permit);
                let made = made.context(
                    "without a safety backup nothing is replaced; remove or rename the original to restore all the same",
                )?;
                self.kept.get_or_init(|| made.id.clone());
                return Ok(Outcome::Done(made.tidings().into()));
            }
            Deed::Put { target, backup, begun } => {
                begun.remember(world, &target.key(), permit)?;
                let put = target.put(world, backup, permit);
                if begun.services.is_empty() {
                    Begun::forget(world, &target.key(), permit)?;
                }
                return Ok(Outcome::Done(put?.into()));
            }
            Deed::Start { target, services } => {
                // Also when the run is being ended: who was stopped must go on.
                let world = world.to_the_end(LIMIT);
                project(&world)?.start(&world, services, LIMIT, permit)?;
                Begun::forget(&world, &target.key(), permit)?;
            }
        }
        Ok(Outcome::DONE)
    }

    fn is_owed(&self) -> bool {
        matches!(self.deed, Deed::Start { .. })
    }
}
