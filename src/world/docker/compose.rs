//! The Compose project of the site: what it declares, what runs of it, and what that uses.

use super::call::{Call, Surroundings};
use super::containers::{listed, objects, text_of};
use super::inspect;
use super::place::Place;
use super::program::Program;
use super::usage::{self, Usages};
use super::{Container, State, Usage, complaint};
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::environment::variable;
use crate::world::programs;
use anyhow::{Result, anyhow};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// What is shown of a line of a log.
const LONGEST_LINE: usize = 1_000;

/// The Compose project of the site, and the program that manages it.
#[derive(Debug)]
pub(crate) struct Compose {
    pub(super) place: Place,
    pub(super) program: Program,
    pub(super) docker: Option<PathBuf>,
    pub(super) surroundings: Surroundings,
}

impl Compose {
    /// The project that `[compose]` names, or whose file is in `site.root`; `None` when the site has none.
    pub(crate) fn of(world: &World) -> Result<Option<Compose>> {
        let Some(place) = Place::find(world)? else { return Ok(None) };
        let section = world.config.compose.clone().unwrap_or_default();
        let surroundings = Surroundings {
            folder: place.folder.clone(),
            patience: section.timeout.duration(),
            hidden: world.secrets().variables().to_vec(),
            shown: section.pass_env,
        };
        let program = Program::find(world, &surroundings)?;
        let docker = programs::find_here("docker");
        Ok(Some(Compose { place, program, docker, surroundings }))
    }

    /// The same project, whose programs are given up after this time at the latest.
    pub(crate) fn with_patience(mut self, patience: Duration) -> Compose {
        self.surroundings.patience = self.surroundings.patience.min(patience);
        self
    }

    /// True when the site has a project, without asking any program.
    pub(crate) fn is_configured(world: &World) -> Result<bool> {
        Ok(Place::find(world)?.is_some())
    }

    /// The services that the file declares, in its order.
    pub(crate) fn services(&self, world: &World) -> Result<Vec<String>> {
        let said = self.compose("config").words(["--services"]).answer(world)?;
        let said = String::from_utf8_lossy(&said.stdout);
        let names = said.lines().map(str::trim).filter(|name| !name.is_empty());
        Ok(names.map(|name| text::escape(name).into_owned()).collect())
    }

    /// Refuses a file that uses what Compose does not get to see: with an empty value in its place every container that
    /// uses it would be made anew.
    pub(crate) fn check(&self, world: &World) -> Result<()> {
        let Surroundings { hidden, shown, .. } = &self.surroundings;
        let is_hidden = |name: &&String| !shown.contains(name) && variable(name).is_some();
        if !hidden.iter().any(|name| is_hidden(&name)) {
            return Ok(());
        }
        let said = self.compose("config").words(["-q"]).answer(world)?;
        let words = String::from_utf8_lossy(&said.stderr);
        let is_used = |name: &&String| {
            let is_named = |line: &str| {
                line.split(|c: char| c != '_' && !c.is_alphanumeric()).any(|word| word == **name)
            };
            let warns =
                |line: &str| complaint::is_warning(line) && line.contains("is not set") && is_named(line);
            is_hidden(name) && words.lines().any(warns)
        };
        match hidden.iter().find(is_used) {
            Some(name) => Err(Problem::usage(format!(
                "the Compose file uses ${name}, a secret of maint.toml that no other program sees; add `pass_env = [\"{name}\"]` to [compose]"
            ))),
            None => Ok(()),
        }
    }

    /// All containers of the project, also those that do not run; not those that were made for one command.
    pub(crate) fn containers(&self, world: &World) -> Result<Vec<Container>> {
        let call = if self.program.is_first {
            let project = self.place.old_project(world);
            let label = format!("label=com.docker.compose.project={project}");
            self.docker("ps")?.words(["-a", "--filter", &label, "--format", "{{json .}}"])
        } else {
            self.compose("ps").words(["-a", "--format", "json"])
        };
        let name = call.name.clone();
        let containers = listed(&objects(&call.answer(world)?.stdout, &name)?);
        Ok(self.completed(world, containers))
    }

    /// Not every engine is asked in vain: one that does not tell more, or whose containers went meanwhile, is no failure.
    fn completed(&self, world: &World, containers: Vec<Container>) -> Vec<Container> {
        let ids: Vec<&str> = ids(containers.iter());
        if ids.is_empty() {
            return containers;
        }
        let said = self.docker("inspect").and_then(|call| call.words(ids).ask(world));
        let found = said.and_then(|said| objects(&said.stdout, "docker inspect")).unwrap_or_default();
        inspect::complete(containers, &found, world.clock.reading())
    }

    /// What the running ones of these use, by the id of the container.
    pub(crate) fn usage(&self, world: &World, containers: &[Container]) -> Result<BTreeMap<String, Usage>> {
        let running = containers.iter().filter(|container| container.state == State::Running);
        let ids = ids(running);
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        // One that has gone meanwhile makes it fail, and says nothing of the others.
        let ask = |format: &str| {
            let call = self.docker("stats")?.words(["--no-stream", "--format", format]).words(&ids);
            objects(&call.ask(world)?.stdout, "docker stats")
        };
        // Every engine knows the first form, and only newer ones the second, which their manual prefers.
        let lines = match ask("{{json .}}") {
            Ok(lines) if !lines.is_empty() => lines,
            _ => ask("json")?,
        };
        Ok(ids.iter().filter_map(|id| Some(((*id).to_owned(), usage::of(id, &lines)?))).collect())
    }

    /// What every running container of the machine uses; nobody has to know them first.
    pub(crate) fn usages(&self, world: &World) -> Result<Usages> {
        let call = self.docker("stats")?.words(["--no-stream", "--format", "{{json .}}"]);
        Ok(Usages::of_lines(objects(&call.answer(world)?.stdout, "docker stats")?))
    }

    /// The last lines of the log of a service, escaped.
    pub(crate) fn log(&self, world: &World, service: &str, lines: u32) -> Result<Vec<String>> {
        let count = lines.to_string();
        let call = self.compose("logs").words(["--no-color", "--tail", &count, service]);
        let said = call.answer(world)?;
        let said = String::from_utf8_lossy(&said.stdout);
        // Compose 1 begins with whose log it is.
        let lines = said.lines().filter(|line| !line.is_empty() && !line.starts_with("Attaching to "));
        Ok(lines.map(|line| text::cut(&text::escape(line), LONGEST_LINE)).collect())
    }

    /// A call of Compose for this project.
    pub(super) fn compose(&self, verb: &str) -> Call {
        self.call(&[], verb)
    }

    /// The same with the services of every profile; the first kind knows no word for all.
    pub(super) fn in_all_profiles(&self, verb: &str) -> Call {
        let all: &[&str] = if self.program.is_first { &[] } else { &["--profile", "*"] };
        self.call(all, verb)
    }

    fn call(&self, options: &[&str], verb: &str) -> Call {
        let Place { file, project, .. } = &self.place;
        let mut chosen: Vec<OsString> = Vec::new();
        if let Some(file) = file {
            chosen.extend(["-f".into(), file.into()]);
        }
        if let Some(project) = project {
            chosen.extend(["-p".into(), project.into()]);
        }
        self.program.call(&self.surroundings).words(chosen).words(options).word(verb)
    }

    /// A call of docker itself.
    pub(super) fn docker(&self, verb: &str) -> Result<Call> {
        Ok(Call::new("docker", &self.docker_program()?, &self.surroundings).word(verb))
    }

    /// Where docker itself is.
    pub(super) fn docker_program(&self) -> Result<PathBuf> {
        self.docker.clone().ok_or_else(|| anyhow!("docker is not installed: install the package docker.io"))
    }

    /// What Compose calls the project.
    pub(crate) fn project(&self, world: &World) -> Result<String> {
        if self.program.is_first {
            return Ok(self.place.old_project(world));
        }
        let said = self.compose("config").words(["--format", "json"]).answer(world)?;
        let found = objects(&said.stdout, "docker compose config")?;
        let name = found.first().map(|found| text_of(found, "name")).filter(|name| !name.is_empty());
        Ok(name.unwrap_or_else(|| self.place.old_project(world)))
    }
}

fn ids<'a>(containers: impl Iterator<Item = &'a Container>) -> Vec<&'a str> {
    let ids = containers.map(|container| container.id.as_str());
    // What begins with a hyphen would be taken for an option.
    ids.filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric())).collect()
}
