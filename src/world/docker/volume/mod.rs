//! A volume: what is in it as a tar stream, and back.

mod archive;
mod quiet;
mod replace;
mod way;

pub(crate) use quiet::{is_owed, settle};
pub(crate) use replace::Unpacked;

use super::call::{Call, Surroundings};
use super::compose::Compose;
use super::containers::{objects, text_of};
use super::inspect::is_same;
use super::{SERVICE_LABEL, State};
use crate::error::Problem;
use crate::text;
use crate::world::World;
use anyhow::{Result, bail};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;

/// What Compose calls the project and the volume that something belongs to.
const PROJECT: &str = "com.docker.compose.project";
const VOLUME: &str = "com.docker.compose.volume";
/// The file that tells a data directory of PostgreSQL.
const OF_POSTGRESQL: &str = "PG_VERSION";

/// A volume of Docker.
#[derive(Clone, Debug)]
pub(crate) struct Volume {
    /// As Docker calls it, such as `f_brain_pgdata`.
    pub(crate) name: String,
    /// As the Compose file calls it.
    called: Option<String>,
    docker: Docker,
}

/// The `docker` that knows it.
#[derive(Clone, Debug)]
pub(super) struct Docker {
    program: PathBuf,
    surroundings: Arc<Surroundings>,
}

/// A container that mounts a volume.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) name: String,
    /// What Compose calls it; none for a container that no Compose has made.
    pub(crate) service: Option<String>,
    /// The Compose project that it belongs to.
    pub(crate) project: Option<String>,
    image: String,
    /// Where the volume is in it.
    place: String,
    state: Option<State>,
}

impl User {
    /// True when it can write to the volume, now or when it goes on.
    pub(crate) fn is_up(&self) -> bool {
        matches!(self.state, Some(State::Running | State::Paused | State::Restarting))
    }
}

impl Docker {
    fn call(&self, verb: &str) -> Call {
        Call::new("docker", &self.program, &self.surroundings).word(verb)
    }
}

impl Compose {
    /// The volume that is called so by the Compose file or by Docker.
    pub(crate) fn volume(&self, world: &World, name: &str) -> Result<Volume> {
        let own = self.volumes(world)?;
        let found = own.iter().find(|volume| volume.is_called(name));
        if let Some(found) = found {
            return Ok(found.clone());
        }
        let volume = self.volume_of_docker(name, None)?;
        if volume.exists(world)? {
            return Ok(volume);
        }
        let known: Vec<&str> = own.iter().map(Volume::shown).collect();
        let hint = match text::nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{}`?", text::escape(near)),
            None if known.is_empty() => "the Compose project has none".to_owned(),
            None => format!("the Compose project has {}", text::escape(&known.join(", "))),
        };
        Err(Problem::usage(format!("there is no volume `{}`; {hint}", text::escape(name))))
    }

    /// The named volumes of the project, in the order of their names.
    pub(crate) fn volumes(&self, world: &World) -> Result<Vec<Volume>> {
        let label = format!("label={PROJECT}={}", self.project(world)?);
        let call = self.docker("volume")?.word("ls").words(["--filter", &label, "--format", "{{json .}}"]);
        let listed = objects(&call.answer(world)?.stdout, "docker volume ls")?;
        let mut volumes = Vec::new();
        for one in listed {
            let labels = text_of(&one, "Labels");
            let called = labels.split(',').find_map(|label| label.strip_prefix(VOLUME)?.strip_prefix('='));
            if let Some(called) = called {
                volumes.push(self.volume_of_docker(&text_of(&one, "Name"), Some(called.to_owned()))?);
            }
        }
        volumes.sort_by(|one: &Volume, other| one.name.cmp(&other.name));
        Ok(volumes)
    }

    /// A volume of this name, which need not exist.
    pub(crate) fn volume_of_docker(&self, name: &str, called: Option<String>) -> Result<Volume> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        // What begins with another sign could be an option, or a path.
        if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || !name.chars().all(is_plain) {
            return Err(Problem::usage(format!(
                "`{}` cannot be a volume: its name has letters, digits, `_`, `.` and `-` only",
                text::escape(name)
            )));
        }
        let program = self.docker_program()?;
        let docker = Docker { program, surroundings: Arc::new(self.surroundings.clone()) };
        Ok(Volume { name: name.to_owned(), called, docker })
    }
}

impl Volume {
    /// As the Compose file calls it, else as Docker does.
    pub(crate) fn shown(&self) -> &str {
        self.called.as_deref().unwrap_or(&self.name)
    }

    /// True for both of its names.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.name == name || self.called.as_deref() == Some(name)
    }

    /// Whether Docker has it.
    pub(crate) fn exists(&self, world: &World) -> Result<bool> {
        Ok(self.inspected(world)?.is_some())
    }

    /// What Docker tells of it; nothing when there is none.
    fn inspected(&self, world: &World) -> Result<Option<Value>> {
        let call = self.docker.call("volume").word("ls");
        let filter = format!("name={}", self.name);
        let said = call.words(["--filter", &filter, "--format", "{{.Name}}"]).answer(world)?;
        // The filter is for a part of the name.
        if !String::from_utf8_lossy(&said.stdout).lines().any(|name| name.trim() == self.name) {
            return Ok(None);
        }
        let said = self.docker.call("volume").word("inspect").words([&self.name]).answer(world)?;
        Ok(objects(&said.stdout, "docker volume inspect")?.into_iter().next())
    }

    /// The containers that mount it.
    pub(crate) fn users(&self, world: &World) -> Result<Vec<User>> {
        let filter = format!("volume={}", self.name);
        let list = self.docker.call("ps").words(["-a", "-q", "--no-trunc", "--filter", &filter]);
        let said = list.answer(world)?;
        let said = String::from_utf8_lossy(&said.stdout);
        let is_id = |id: &&str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let ids: Vec<&str> = said.lines().map(str::trim).filter(is_id).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        // One that went meanwhile makes it fail, and says nothing of the others.
        let found = self.docker.call("inspect").words(&ids).ask(world)?;
        let found = objects(&found.stdout, "docker inspect")?;
        if let Some(id) = ids.iter().find(|id| !found.iter().any(|one| is_same(&text_of(one, "Id"), id))) {
            bail!("the container {id} went while it was looked at; try again");
        }
        Ok(found.iter().filter_map(|one| self.user(one)).collect())
    }

    fn user(&self, found: &Value) -> Option<User> {
        let mounts = found.get("Mounts").and_then(Value::as_array)?;
        let mount = mounts.iter().find(|mount| text_of(mount, "Name") == self.name)?;
        let label = |name: &str| {
            let label = found.pointer("/Config/Labels")?.get(name)?.as_str()?;
            Some(label.to_owned())
        };
        if label(way::LABEL).is_some() {
            return None;
        }
        Some(User {
            id: text_of(found, "Id"),
            name: text_of(found, "Name").trim_start_matches('/').to_owned(),
            service: label(SERVICE_LABEL),
            project: label(PROJECT),
            image: text_of(found, "Image"),
            place: text_of(mount, "Destination"),
            state: State::of_word(found.pointer("/State/Status").and_then(Value::as_str).unwrap_or_default()),
        })
    }

    /// Set when it holds a database that a running container works on, and that is neither paused nor stopped for a copy:
    /// such a copy is no backup.
    pub(crate) fn live_database(&self, world: &World) -> Result<Option<String>> {
        if quiet::how(self, world).is_some() {
            return Ok(None);
        }
        let users = self.users(world)?;
        let works_on_one = |user: &&User| {
            let file = format!("{}:{}/{OF_POSTGRESQL}", user.id, user.place.trim_end_matches('/'));
            let copied = self.docker.call("cp").words([file.as_str(), "-"]).ask(world);
            user.is_up() && copied.is_ok_and(|said| said.code == Some(0))
        };
        let user = users.iter().find(works_on_one);
        Ok(user.map(|user| {
            let (name, user) = (text::escape(self.shown()), text::escape(&user.name));
            format!(
                "the volume {name} holds a PostgreSQL database that {user} works on: a copy of it would be no backup; \
                 back the database up with [databases.NAME], or name the volume in `stop` of [backup]"
            )
        }))
    }
}
