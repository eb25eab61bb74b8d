//! What Docker keeps on its disk: images and volumes, and which containers use them.
//!
//! Nothing is left to the `prune` of an engine, which means other things by age and by "unused" from version to version:
//! what goes is listed, looked at and removed one by one, and never by force.

use super::call::{Call, Surroundings};
use super::compose::Compose;
use super::containers::{objects, text_of};
use super::usage;
use crate::engine::apply::Permit;
use crate::text;
use crate::world::World;
use crate::world::programs;
use anyhow::{Result, anyhow, bail};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// So many are looked at by one call.
const AT_ONCE: usize = 200;
/// How often a list is made again because something of it went meanwhile.
const TRIES: usize = 3;
/// The label of a volume that was made without a name, since docker 23.
const ANONYMOUS: &str = "com.docker.volume.anonymous";
/// Characters of the name that Docker gives such a volume.
const DIGITS: usize = 64;

/// The images and volumes of the engine.
#[derive(Debug)]
pub(crate) struct Store {
    docker: PathBuf,
    surroundings: Surroundings,
}

/// An image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    /// "sha256:…"
    pub(crate) id: String,
    /// Its names, such as "redis:7".
    pub(crate) names: Vec<String>,
    /// The names by which a registry knows it, such as "redis@sha256:…".
    pub(crate) digests: Vec<String>,
    /// With all its layers, also those that others share.
    pub(crate) bytes: u64,
    /// When it was built, or got its latest name here, whichever came later; none when neither is known.
    pub(crate) since: Option<DateTime<Utc>>,
}

/// A volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredVolume {
    pub(crate) name: String,
    /// Docker has named it, and nobody else.
    pub(crate) is_anonymous: bool,
    /// None when the engine cannot tell.
    pub(crate) bytes: Option<u64>,
}

/// What containers, running or not, use: who uses it, by what is used.
#[derive(Debug, Default)]
pub(crate) struct Used {
    /// By the id of the image.
    pub(crate) images: BTreeMap<String, String>,
    /// By the name of the volume.
    pub(crate) volumes: BTreeMap<String, String>,
}

impl Image {
    /// How long ago it was built or named; `None` when that is not known, or in the future.
    pub(crate) fn age(&self, now: DateTime<Utc>) -> Option<Duration> {
        (now - self.since?).to_std().ok()
    }
}

impl Store {
    /// The engine that answers here. Podman, which means other things by the same words, is refused.
    pub(crate) fn of(world: &World) -> Result<Store> {
        let section = world.config.compose.clone().unwrap_or_default();
        let surroundings = Surroundings {
            folder: world.root.clone(),
            patience: section.timeout.duration(),
            hidden: world.secrets().variables().to_vec(),
            shown: section.pass_env,
        };
        let docker = programs::find_here("docker");
        let docker =
            docker.ok_or_else(|| anyhow!("docker is not installed: install the package docker.io"))?;
        let store = Store { docker, surroundings };
        let said = store.call("version").words(["--format", "{{json .}}"]).answer(world)?;
        if String::from_utf8_lossy(&said.stdout).to_lowercase().contains("podman") {
            bail!("this is Podman, which keeps images and volumes by other rules; use `podman system prune`");
        }
        Ok(store)
    }

    /// The names of the images that the site's Compose file declares, as Docker writes them; none without such a file.
    pub(crate) fn declared(world: &World) -> Result<BTreeSet<String>> {
        let Some(compose) = Compose::of(world)? else { return Ok(BTreeSet::new()) };
        Ok(compose.images(world)?.iter().map(|name| normal(name)).collect())
    }

    /// All images that have a name, or that no other is built on.
    pub(crate) fn images(&self, world: &World) -> Result<Vec<Image>> {
        let ids =
            || Store::list(world, self.call("image").word("ls").words(["--quiet", "--no-trunc"]), is_digest);
        let found = Store::look_at(world, &ids, |ids| self.call("image").word("inspect").words(ids), "Id")?;
        Ok(found.iter().map(image).collect())
    }

    /// The images of this id or with this name; none when there is none any more.
    pub(crate) fn image(&self, world: &World, name: &str) -> Result<Option<Image>> {
        let said = self.call("image").word("inspect").words([name]).ask(world)?;
        Ok(objects(&said.stdout, "docker image inspect")?.first().map(image))
    }

    /// The volumes that no container uses, as the engine sees it.
    pub(crate) fn unused_volumes(&self, world: &World) -> Result<Vec<StoredVolume>> {
        let unused = || {
            let call = self.call("volume").word("ls").words(["--quiet", "--filter", "dangling=true"]);
            Store::list(world, call, is_volume)
        };
        let found =
            Store::look_at(world, &unused, |names| self.call("volume").word("inspect").words(names), "Name")?;
        // Whatever is kept elsewhere is not ours to judge.
        let local = found.iter().filter(|found| text_of(found, "Driver") == "local");
        let volume = |found: &Value| StoredVolume {
            name: text_of(found, "Name"),
            is_anonymous: is_anonymous(found),
            bytes: None,
        };
        let volumes: Vec<StoredVolume> = local.map(volume).collect();
        Ok(volumes)
    }

    /// A volume by its name; none when there is none.
    pub(crate) fn volume(&self, world: &World, name: &str) -> Result<Option<StoredVolume>> {
        let said = self.call("volume").word("ls").words(["--quiet"]).answer(world)?;
        let said = String::from_utf8_lossy(&said.stdout);
        let is_there = said.lines().any(|line| line.trim() == name);
        Ok(is_there.then(|| StoredVolume { name: name.to_owned(), is_anonymous: false, bytes: None }))
    }

    /// How large volumes are, by their names; empty when the engine cannot tell.
    pub(crate) fn sizes(&self, world: &World) -> BTreeMap<String, u64> {
        let call = self.call("system").word("df").words(["--verbose", "--format", "{{json .}}"]);
        let said = call.answer(world).and_then(|said| objects(&said.stdout, "docker system df"));
        let volumes = said.unwrap_or_default().into_iter().flat_map(|mut found| {
            found.get_mut("Volumes").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default()
        });
        volumes.filter_map(|it| Some((text_of(&it, "Name"), usage::bytes(&text_of(&it, "Size"))?))).collect()
    }

    /// What all containers of the engine use, also those that do not run.
    pub(crate) fn used(&self, world: &World) -> Result<Used> {
        let ids = || Store::list(world, self.call("ps").words(["-a", "--quiet", "--no-trunc"]), is_id);
        let found =
            Store::look_at(world, &ids, |ids| self.call("container").word("inspect").words(ids), "Id")?;
        let mut used = Used::default();
        for container in &found {
            let name = text::escape(text_of(container, "Name").trim_start_matches('/')).into_owned();
            used.images.insert(text_of(container, "Image"), name.clone());
            let mounts = container.get("Mounts").and_then(Value::as_array);
            for mount in mounts.into_iter().flatten().filter(|mount| text_of(mount, "Type") == "volume") {
                used.volumes.insert(text_of(mount, "Name"), name.clone());
            }
        }
        Ok(used)
    }

    /// Takes these names from an image; with the last one the image goes.
    pub(crate) fn remove_image(&self, world: &World, names: &[String], _permit: &Permit) -> Result<()> {
        self.call("image").word("rm").words(names).answer(world).map(drop)
    }

    /// Removes a volume.
    pub(crate) fn remove_volume(&self, world: &World, name: &str, _permit: &Permit) -> Result<()> {
        self.call("volume").word("rm").words([name]).answer(world).map(drop)
    }

    fn call(&self, verb: &str) -> Call {
        Call::new("docker", &self.docker, &self.surroundings).word(verb)
    }

    /// The lines of an answer, each once. One that is not what it should be is an error, and never nothing.
    fn list(world: &World, call: Call, is_one: fn(&str) -> bool) -> Result<Vec<String>> {
        let name = call.name.clone();
        let said = call.answer(world)?;
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let lines: BTreeSet<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        match lines.iter().find(|line| !is_one(line)) {
            Some(line) => {
                bail!("{name} answers with what is no id: {}", text::cut(&text::escape(line), 100))
            }
            None => Ok(lines.into_iter().map(str::to_owned).collect()),
        }
    }

    /// What there is to know of all that are listed. What goes meanwhile makes the call fail: then it is listed anew.
    fn look_at(
        world: &World,
        list: &dyn Fn() -> Result<Vec<String>>,
        inspect: impl Fn(&[String]) -> Call,
        key: &str,
    ) -> Result<Vec<Value>> {
        for _ in 0..TRIES {
            let wanted = list()?;
            let mut found = Vec::new();
            for some in wanted.chunks(AT_ONCE) {
                let call = inspect(some);
                let name = call.name.clone();
                found.extend(objects(&call.ask(world)?.stdout, &name)?);
            }
            let is_found = |id: &String| found.iter().any(|found| text_of(found, key) == *id);
            if wanted.iter().all(is_found) {
                return Ok(found);
            }
        }
        bail!("what Docker has changes while it is looked at; try again")
    }
}

impl Compose {
    /// The images that the file declares, of services in profiles too; those that it builds by the name they get.
    fn images(&self, world: &World) -> Result<Vec<String>> {
        let said = self.in_all_profiles("config").answer(world)?;
        let read: Value = yaml_serde::from_slice(&said.stdout)
            .map_err(|_| anyhow!("what Compose makes of its file is no YAML that can be read"))?;
        let project = match text_of(&read, "name") {
            name if name.is_empty() => self.place.old_project(world),
            name => name,
        };
        let services = read.get("services").and_then(Value::as_object);
        let names = services.into_iter().flatten().flat_map(|(service, found)| {
            match text_of(found, "image") {
                // Each kind of Compose has its own sign between the two.
                name if name.is_empty() => {
                    vec![format!("{project}-{service}"), format!("{project}_{service}")]
                }
                name => vec![name],
            }
        });
        Ok(names.collect())
    }
}

fn image(found: &Value) -> Image {
    let names = |key: &str| {
        let names = found.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let names = names.filter(|name| !name.starts_with('-') && !name.contains("<none>"));
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    let time = |text: Option<&Value>| {
        let time = DateTime::parse_from_rfc3339(text?.as_str()?).ok()?.to_utc();
        // The year 1 is Docker's word for "never", and 1970 the time of builds that have none.
        (time.timestamp() > 86_400).then_some(time)
    };
    Image {
        id: text_of(found, "Id"),
        names: names("RepoTags"),
        digests: names("RepoDigests"),
        bytes: found.get("Size").and_then(Value::as_u64).unwrap_or(0),
        since: time(found.get("Created")).max(time(found.pointer("/Metadata/LastTagTime"))),
    }
}

/// The label says so, or, on engines that give none, a name that only Docker gives. What Compose has made has a name.
fn is_anonymous(found: &Value) -> bool {
    let label = |name: &str| found.get("Labels").and_then(|labels| labels.get(name)).is_some();
    let name = text_of(found, "Name");
    let is_number = name.len() == DIGITS && name.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
    (label(ANONYMOUS) || is_number) && !label("com.docker.compose.volume")
}

fn is_id(line: &str) -> bool {
    line.len() >= 12 && line.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_digest(line: &str) -> bool {
    line.strip_prefix("sha256:").is_some_and(is_id)
}

/// True for what Docker takes for the name of a volume.
pub(crate) fn is_volume(line: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    line.starts_with(|c: char| c.is_ascii_alphanumeric()) && line.chars().all(is_plain)
}

/// "redis:latest" for "redis" and "docker.io/library/redis".
pub(crate) fn normal(name: &str) -> String {
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    let name = name.strip_prefix("library/").unwrap_or(name);
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.contains([':', '@']) { name.to_owned() } else { format!("{name}:latest") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_image_is_as_young_as_its_latest_name() {
        let of = |created: &str, tagged: &str| {
            image(
                &json!({"Id": "sha256:1", "RepoTags": ["a:1", "<none>:<none>"], "RepoDigests": [], "Size": 7,
                          "Created": created, "Metadata": {"LastTagTime": tagged}}),
            )
        };
        let time = |text: &str| Some(text.parse::<DateTime<Utc>>().unwrap());
        let (old, young) = ("2026-01-01T00:00:00Z", "2026-11-20T15:00:00.123456789+01:00");
        assert_eq!(of(old, young).since, time(young));
        assert_eq!(of(old, "0001-01-01T00:00:00Z").since, time(old));
        assert_eq!(of("1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z").since, None);
        assert_eq!(of("", "x").since, None);
        assert_eq!(of(old, young).names, ["a:1"]);
    }

    #[test]
    fn only_what_docker_has_named_is_anonymous() {
        let number = "0123456789abcdef".repeat(4);
        let is = |name: &str, labels: Value| is_anonymous(&json!({"Name": name, "Labels": labels}));
        assert!(is(&number, json!(null)) && is("x", json!({ANONYMOUS: ""})));
        for name in ["pgdata", "bot_data", &number[1..], &number.to_uppercase()] {
            assert!(!is(name, json!({})), "{name}");
        }
        assert!(!is(&number, json!({"com.docker.compose.volume": "data"})));
    }

    #[test]
    fn one_image_has_one_name() {
        for (name, expected) in [
            ("redis", "redis:latest"),
            ("docker.io/library/redis:7", "redis:7"),
            ("docker.io/bitnami/redis", "bitnami/redis:latest"),
            ("localhost:5000/a", "localhost:5000/a:latest"),
            ("a@sha256:ff", "a@sha256:ff"),
        ] {
            assert_eq!(normal(name), expected);
        }
    }
}
