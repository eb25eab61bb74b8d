//! Quiet in a volume while it is copied: its containers are paused or stopped, and go on in every case.

use super::{User, Volume};
use crate::engine::apply::Permit;
use crate::engine::memory::{recall, remember};
use crate::error::one_line;
use crate::text;
use crate::world::World;
use crate::world::docker::change::change;
use crate::world::docker::compose::Compose;
use anyhow::{Context as _, Result, anyhow};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Where it is remembered who is to go on, by the id of the container.
const TOPIC: &str = "volume-quiet";
/// A container stops, or goes on, within this time.
pub(super) const LIMIT: Duration = Duration::from_secs(120);

/// How containers are kept from writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum How {
    Pause,
    Stop,
}

impl How {
    fn begin(self) -> &'static str {
        match self {
            How::Pause => "pause",
            How::Stop => "stop",
        }
    }

    fn end(self) -> &'static str {
        match self {
            How::Pause => "unpause",
            How::Stop => "start",
        }
    }
}

/// What `[backup]` says of a volume.
pub(super) fn how(volume: &Volume, world: &World) -> Option<How> {
    let section = &world.config.backup;
    let is_in = |names: &[String]| names.iter().any(|name| volume.is_called(name));
    if is_in(&section.stop) { Some(How::Stop) } else { is_in(&section.pause).then_some(How::Pause) }
}

impl Volume {
    /// Does some work while nobody writes to the volume, as far as `[backup]` says so.
    pub(super) fn in_quiet<T>(
        &self,
        world: &World,
        users: &[User],
        permit: &Permit,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let Some(how) = how(self, world) else { return work() };
        let running: Vec<&str> =
            users.iter().filter(|user| user.is_running()).map(|user| user.id.as_str()).collect();
        if running.is_empty() {
            return work();
        }
        // A run that is killed must know whom it owes to go on.
        let owed = Some(how);
        remember(world, TOPIC, running.iter().map(|id| (*id, &owed)), permit)?;
        let begun = change(world, self.docker.call(how.begin()).words(&running), LIMIT, permit);
        let worked = begun
            .with_context(|| format!("cannot {} who uses {}", how.begin(), self.name))
            .and_then(|()| work());
        let ended = self.go_on(world, how, &running, permit);
        match (worked, ended) {
            (Err(error), Err(other)) => Err(anyhow!("{}; and {}", one_line(&error), one_line(&other))),
            (worked, ended) => ended.and(worked),
        }
    }

    /// Lets them go on, also when the run is being ended.
    fn go_on(&self, world: &World, how: How, ids: &[&str], permit: &Permit) -> Result<()> {
        let world = world.to_the_end(LIMIT);
        go_on(&world, |verb| Ok(self.docker.call(verb)), how, ids, permit)
    }
}

impl User {
    fn is_running(&self) -> bool {
        self.state == Some(crate::world::docker::State::Running)
    }
}

/// True when a killed run may have left containers paused or stopped.
pub(crate) fn is_owed(world: &World) -> Result<bool> {
    Ok(recall::<Option<How>>(world, TOPIC)?.values().any(Option::is_some))
}

/// Lets those go on whom a killed run has paused or stopped; says whom.
pub(crate) fn settle(world: &World, permit: &Permit) -> Result<Vec<String>> {
    let owed: Vec<(String, How)> =
        recall::<Option<How>>(world, TOPIC)?.into_iter().filter_map(|(id, how)| Some((id, how?))).collect();
    if owed.is_empty() {
        return Ok(Vec::new());
    }
    let compose =
        Compose::of(world)?.context("containers are still to go on, but the site has no Compose file")?;
    let mut words = Vec::new();
    for (id, how) in owed {
        let state = compose.docker("inspect")?.words(["--format", "{{.State.Status}}", &id]).ask(world)?;
        let state = String::from_utf8_lossy(state.stdout.trim_ascii()).into_owned();
        let is_held = match how {
            How::Pause => state == "paused",
            How::Stop => state == "exited",
        };
        if is_held {
            go_on(world, |verb| compose.docker(verb), how, &[&id], permit)?;
            words.push(format!(
                "the container {} goes on, which a run that was cut off had {}",
                text::cut(&id, 12),
                match how {
                    How::Pause => "paused",
                    How::Stop => "stopped",
                }
            ));
        } else {
            remember(world, TOPIC, [(id.as_str(), &None::<How>)], permit)?;
        }
    }
    Ok(words)
}

fn go_on(
    world: &World,
    docker: impl Fn(&str) -> Result<crate::world::docker::call::Call>,
    how: How,
    ids: &[&str],
    permit: &Permit,
) -> Result<()> {
    let went_on = change(world, docker(how.end())?.words(ids), LIMIT, permit);
    // One that another has let go on already makes the call fail.
    let states = docker("inspect")?.words(["--format", "{{.State.Status}}"]).words(ids).ask(world)?;
    let states = String::from_utf8_lossy(&states.stdout).into_owned();
    let are_up = states.lines().count() > 0 && states.lines().all(|state| state.trim() == "running");
    if !are_up {
        went_on.with_context(|| format!("cannot {} {}", how.end(), ids.join(" ")))?;
    }
    remember(world, TOPIC, ids.iter().map(|id| (*id, &None::<How>)), permit)
}
