//! What Docker tells of the project, asked once for all checks that need it.

use crate::config::check::Kind;
use crate::error::{Problem, one_line};
use crate::text;
use crate::world::World;
use crate::world::docker::{Compose, Container, Usages};
use anyhow::{Result, anyhow};
use std::sync::OnceLock;
use std::thread::{Builder, Scope};
use std::time::Duration;

/// A docker that says nothing for so long is given up, however patient `[compose]` is.
const PATIENCE: Duration = Duration::from_secs(10);

/// An answer that several may need, or why there is none.
type Answer<T> = OnceLock<Result<T, String>>;

/// The project, and what has been learnt of it.
pub(super) struct Docker<'w> {
    world: &'w World,
    compose: Answer<Compose>,
    declared: Answer<Vec<String>>,
    containers: Answer<Vec<Container>>,
    usages: Answer<Usages>,
}

/// Whoever comes first asks; the others wait for the answer.
fn once<T>(answer: &Answer<T>, ask: impl FnOnce() -> Result<T>) -> Result<&T> {
    let known = answer.get_or_init(|| ask().map_err(|error| one_line(&error)));
    known.as_ref().map_err(|why| anyhow!("{why}"))
}

impl<'w> Docker<'w> {
    pub(super) fn of(world: &'w World) -> Docker<'w> {
        Docker {
            world,
            compose: OnceLock::new(),
            declared: OnceLock::new(),
            containers: OnceLock::new(),
            usages: OnceLock::new(),
        }
    }

    pub(super) fn compose(&self) -> Result<&Compose> {
        once(&self.compose, || {
            let compose = Compose::of(self.world)?.ok_or_else(|| anyhow!("the site has no Compose file"))?;
            Ok(compose.with_patience(PATIENCE))
        })
    }

    /// The services that the Compose file declares.
    pub(super) fn declared(&self) -> Result<&[String]> {
        once(&self.declared, || self.compose()?.services(self.world)).map(Vec::as_slice)
    }

    pub(super) fn containers(&self) -> Result<&[Container]> {
        once(&self.containers, || self.compose()?.containers(self.world)).map(Vec::as_slice)
    }

    /// What the containers use.
    pub(super) fn usages(&self) -> Result<&Usages> {
        once(&self.usages, || self.compose()?.usages(self.world))
    }

    /// Asks everything that these kinds will need, at the same time.
    pub(super) fn ask_ahead<'s>(&'s self, scope: &'s Scope<'s, '_>, kinds: &[Kind<'_>]) {
        let needs = |is_one: fn(&Kind<'_>) -> bool| kinds.iter().any(is_one);
        let ask = |ask: fn(&Docker<'_>)| drop(Builder::new().spawn_scoped(scope, move || ask(self)));
        if needs(|kind| kind.needs_compose()) {
            ask(|docker| drop(docker.containers()));
        }
        if needs(|kind| matches!(kind, Kind::Services(_) | Kind::Logs(_) | Kind::Containers(_))) {
            ask(|docker| drop(docker.declared()));
        }
        if needs(|kind| matches!(kind, Kind::Containers(_))) {
            ask(|docker| drop(docker.usages()));
        }
    }

    /// The container of a service in which something can be asked.
    pub(super) fn running(&self, service: &str) -> Result<&Container> {
        use crate::world::docker::State;
        let mut own = self.containers()?.iter().filter(|container| container.service == service).peekable();
        let shown = text::escape(service);
        if own.peek().is_none() {
            return Err(anyhow!("the service {shown} has no container"));
        }
        own.find(|container| container.state == State::Running)
            .ok_or_else(|| anyhow!("no container of the service {shown} runs"))
    }
}

/// Refuses a check of containers where there can be none.
pub(super) fn refuse_without_project(world: &World, name: &str, kind: Kind<'_>) -> Result<()> {
    if Compose::is_configured(world)? {
        return Ok(());
    }
    let key = kind.key();
    Err(Problem::usage(format!(
        "`{key}` of [checks.{name}] needs a Compose file; there is none in {}, name it as `file` in [compose]",
        text::path(&world.root)
    )))
}
