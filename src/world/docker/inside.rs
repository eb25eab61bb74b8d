//! Programs in a container that runs: asked for a short answer, or started with its input.

use super::{Compose, Container, State};
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::command::Said;
use anyhow::{Result, bail};
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

/// The containers that this run has entered, by service: Compose, which takes a second for each answer, is asked once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entered(Arc<Mutex<BTreeMap<String, Place>>>);

#[derive(Clone, Debug)]
struct Place {
    compose: Arc<Compose>,
    container: String,
}

/// What runs a program in the running container of a service, with its input and without a terminal: its name and arguments
/// are still to be added.
pub(in crate::world) fn enter(world: &World, service: &str) -> Result<Command> {
    let known = world.entered.0.lock().unwrap_or_else(PoisonError::into_inner).get(service).cloned();
    let Place { compose, container } = match known {
        Some(place) => place,
        None => find(world, service)?,
    };
    Ok(compose.docker("exec")?.words(["-i", &container]).command)
}

fn find(world: &World, service: &str) -> Result<Place> {
    let shown = text::escape(service);
    let compose = Compose::of(world)?;
    let compose = compose.ok_or_else(|| {
        Problem::usage(format!(
            "there is no Compose project of which `{shown}` could be a service; see [compose]"
        ))
    })?;
    let container = compose.running(world, service)?;
    let place = Place { compose: Arc::new(compose), container };
    world.entered.0.lock().unwrap_or_else(PoisonError::into_inner).insert(service.to_owned(), place.clone());
    Ok(place)
}

impl Compose {
    /// The id of the running container of a service.
    fn running(&self, world: &World, service: &str) -> Result<String> {
        let containers = self.containers(world)?;
        let own = containers.iter().filter(|container| container.service == service);
        let shown = text::escape(service);
        let Some(running) = own.clone().find(|container| container.state == State::Running) else {
            let is_known = own.count() > 0 || self.services(world)?.iter().any(|known| known == service);
            if is_known {
                bail!("the service {shown} does not run: start it with `docker compose up -d {shown}`");
            }
            return Err(Problem::usage(format!(
                "there is no service `{shown}` in the Compose file; correct `service`"
            )));
        };
        Ok(running.id.clone())
    }

    /// What a program of a container answers; nothing is typed into it. The error is one line.
    pub(crate) fn ask_inside(&self, world: &World, container: &Container, words: &[&str]) -> Result<Said> {
        self.docker("exec")?.words([container.id.as_str()]).words(words).answer(world)
    }
}
