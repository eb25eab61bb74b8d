//! Which volumes the containers of a project use, and where they are.

use super::containers::{objects, text_of};
use super::{Compose, Container};
use crate::world::World;
use anyhow::Result;
use serde_json::Value;
use std::path::PathBuf;

/// A volume as a container uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// As Docker calls it.
    pub(crate) volume: String,
    /// Where it is on the machine of the engine.
    pub(crate) source: PathBuf,
    /// The id of the container, and where it finds it.
    pub(crate) container: String,
    pub(crate) destination: String,
}

impl Compose {
    /// The volumes of these containers, one entry for each use.
    pub(crate) fn mounts(&self, world: &World, containers: &[Container]) -> Result<Vec<Mount>> {
        let ids: Vec<&str> = containers.iter().map(|container| container.id.as_str()).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        // One that went meanwhile makes it fail, and says nothing of the others.
        let said = self.docker("inspect")?.words(ids).ask(world)?;
        Ok(objects(&said.stdout, "docker inspect")?.iter().flat_map(of).collect())
    }
}

fn of(found: &Value) -> Vec<Mount> {
    let container = text_of(found, "Id");
    let mounts = found.get("Mounts").and_then(Value::as_array).into_iter().flatten();
    let volumes = mounts.filter(|mount| text_of(mount, "Type") == "volume");
    let mount = |mount: &Value| Mount {
        volume: text_of(mount, "Name"),
        source: text_of(mount, "Source").into(),
        container: container.clone(),
        destination: text_of(mount, "Destination"),
    };
    volumes.map(mount).collect()
}
