//! What changes a project: building, starting, naming images. What the programs say goes to the log of the run.

use super::call::Call;
use super::complaint::complaint_at_work;
use super::compose::Compose;
use crate::engine::apply::Permit;
use crate::world::World;
use crate::world::command::errand::carry_out;
use anyhow::{Result, bail};
use std::time::Duration;

impl Compose {
    /// Builds the images of these services (of all, when none is named); nothing is stopped. Its output goes to the log.
    pub(crate) fn build(
        &self,
        world: &World,
        services: &[String],
        limit: Duration,
        permit: &Permit,
    ) -> Result<()> {
        change(world, self.compose("build").words(services), limit, permit)
    }

    /// Starts these services (all, when none is named); containers whose image or configuration has changed are made
    /// anew, and with `anew` all of them.
    pub(crate) fn up(
        &self,
        world: &World,
        services: &[String],
        anew: bool,
        limit: Duration,
        permit: &Permit,
    ) -> Result<()> {
        let mut call = self.compose("up").words(["-d"]);
        if services.is_empty() {
            call = call.words(["--remove-orphans"]);
        } else if anew {
            // What they need goes on as it is.
            call = call.words(["--no-deps"]);
        }
        if anew {
            call = call.words(["--force-recreate"]);
        }
        change(world, call.words(services), limit, permit)
    }

    /// Stops the containers of these services.
    pub(crate) fn stop(
        &self,
        world: &World,
        services: &[String],
        limit: Duration,
        permit: &Permit,
    ) -> Result<()> {
        change(world, self.compose("stop").words(services), limit, permit)
    }

    /// Starts the containers of these services again, as they are.
    pub(crate) fn start(
        &self,
        world: &World,
        services: &[String],
        limit: Duration,
        permit: &Permit,
    ) -> Result<()> {
        change(world, self.compose("start").words(services), limit, permit)
    }

    /// Gives an image, by its id, a name.
    pub(crate) fn tag(&self, world: &World, image: &str, name: &str, _permit: &Permit) -> Result<()> {
        self.docker("tag")?.words([image, name]).answer(world).map(drop)
    }
}

/// Follows a call to its end.
pub(super) fn change(world: &World, call: Call, limit: Duration, permit: &Permit) -> Result<()> {
    let Call { name, command, .. } = call;
    let told = carry_out(command, &name, limit, world, permit)?;
    if told.is_success {
        return Ok(());
    }
    match complaint_at_work(told.lines.iter().map(String::as_str)) {
        Some(why) => bail!("{name}: {why}"),
        None => bail!("{name}: {}", told.complaint(|_| false)),
    }
}
