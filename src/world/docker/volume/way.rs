//! The way to what is in a volume: its folder, where this user may read and write it on this machine; else a container
//! that mounts it and never runs, through which Docker itself copies.

use super::{User, Volume};
use crate::engine::apply::Permit;
use crate::text;
use crate::world::World;
use crate::world::docker::call::Call;
use crate::world::docker::containers::text_of;
use crate::world::programs;
use anyhow::{Result, anyhow, bail};
use rustix::fs::Access;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Marks the containers that `maint` makes for itself; its value is whose they are.
pub(super) const LABEL: &str = "maint.helper";
/// Where a volume is in such a container.
const PLACE: &str = "/volume";

/// How the content of a volume is reached.
#[derive(Debug)]
pub(super) enum Way {
    /// Its folder on this machine, with GNU tar.
    Folder { place: PathBuf, tar: PathBuf },
    /// A container of this image.
    Helper { image: String },
}

/// A container that is removed when it is dropped.
pub(super) struct Helper<'a> {
    volume: &'a Volume,
    world: &'a World,
    id: String,
}

impl Helper<'_> {
    /// What `docker cp` calls a folder of the volume.
    pub(super) fn place(&self, folder: &str) -> String {
        format!("{}:{PLACE}/{folder}", self.id)
    }
}

/// With it goes what Docker made for the volumes that its image declares.
impl Drop for Helper<'_> {
    fn drop(&mut self) {
        let world = self.world.to_the_end(super::quiet::LIMIT);
        let removed = self.volume.docker.call("rm").words(["--force", "--volumes", &self.id]).answer(&world);
        if let Err(error) = removed {
            log::warn!("a container of maint is left, which the next run removes: {error:#}");
        }
    }
}

impl Volume {
    /// The way to what is in it. `found` is what Docker tells of it.
    pub(super) fn way(&self, world: &World, found: &Value, users: &[User]) -> Result<Way> {
        match self.folder(world, found).zip(gnu_tar()) {
            Some((place, tar)) => Ok(Way::Folder { place, tar }),
            None => Ok(Way::Helper { image: self.image(world, users)? }),
        }
    }

    /// Its folder: a plain one of an engine on this machine, which root alone may enter.
    fn folder(&self, world: &World, found: &Value) -> Option<PathBuf> {
        // One with options is mounted only while a container uses it.
        let is_plain = found.get("Options").is_none_or(|options| match options {
            Value::Object(options) => options.is_empty(),
            other => other.is_null(),
        });
        let is_own = text_of(found, "Driver") == "local" && rustix::process::geteuid().is_root();
        let place = PathBuf::from(text_of(found, "Mountpoint"));
        let may =
            place.is_absolute() && rustix::fs::access(&place, Access::READ_OK | Access::WRITE_OK).is_ok();
        (is_plain && is_own && may && self.is_local(world)).then_some(place)
    }

    /// True when the engine runs on this machine, and not behind an address.
    fn is_local(&self, world: &World) -> bool {
        let call = self.docker.call("context").word("inspect");
        let said = call.words(["--format", "{{.Endpoints.docker.Host}}"]).ask(world);
        said.is_ok_and(|said| said.code == Some(0) && said.stdout.trim_ascii().starts_with(b"unix://"))
    }

    /// An image that is there: the one that is named, or of a container that uses the volume, or any.
    fn image(&self, world: &World, users: &[User]) -> Result<String> {
        if let Some(image) = &world.config.backup.image {
            let said =
                self.docker.call("image").word("inspect").words(["--format", "{{.Id}}", image]).ask(world)?;
            if said.code != Some(0) {
                let image = text::escape(image);
                bail!(
                    "the image {image} is not there, which `image` in [backup] names; fetch it: `docker pull {image}`"
                );
            }
            return Ok(image.clone());
        }
        if let Some(user) = users.iter().find(|user| !user.image.is_empty()) {
            return Ok(user.image.clone());
        }
        let said = self.docker.call("images").words(["--quiet", "--no-trunc"]).answer(world)?;
        let said = String::from_utf8_lossy(&said.stdout);
        let image = said.lines().map(str::trim).find(|image| !image.is_empty()).map(str::to_owned);
        image.ok_or_else(|| {
            anyhow!(
                "the engine has no image to reach the volume {} with; name one as `image` in [backup]",
                self.name
            )
        })
    }

    /// Makes a container that mounts the volume and never runs; those that killed runs have left go first.
    pub(super) fn helper<'a>(
        &'a self,
        world: &'a World,
        image: &str,
        mode: &str,
        permit: &Permit,
    ) -> Result<Helper<'a>> {
        self.remove_helpers(world, permit)?;
        let create = self.for_oneself("create", world, mode).words([image, "none"]);
        let said = create.answer(world)?;
        let id = String::from_utf8_lossy(said.stdout.trim_ascii()).into_owned();
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            bail!("docker create answers with what is no id");
        }
        Ok(Helper { volume: self, world, id })
    }

    /// Runs a fixed script with the shell of an image, in the volume.
    pub(super) fn script_inside(&self, world: &World, image: &str, script: &str, words: &[&str]) -> Call {
        let call =
            self.for_oneself("run", world, "").words(["--rm", "--log-driver", "none", "--user", "0:0"]);
        let call = call.words(["--workdir", PLACE, "--entrypoint", "/bin/sh", image, "-c", script, "sh"]);
        call.words(words)
    }

    fn for_oneself(&self, verb: &str, world: &World, mode: &str) -> Call {
        let label = format!("{LABEL}={}", whose(world));
        // Docker would fill an empty volume with what the image has at its place.
        let mount = format!("{}:{PLACE}:{mode}nocopy", self.name);
        self.docker.call(verb).words(["--network", "none", "--label", &label, "--volume", &mount])
    }

    /// Removes the containers that killed runs of this site have left.
    pub(super) fn remove_helpers(&self, world: &World, _permit: &Permit) -> Result<()> {
        let filter = format!("label={LABEL}={}", whose(world));
        let list = self.docker.call("ps").words([
            "-a",
            "-q",
            "--no-trunc",
            "--filter",
            &filter,
            "--format",
            "{{json .ID}}",
        ]);
        let said = list.answer(world)?;
        let said = String::from_utf8_lossy(&said.stdout);
        let ids: Vec<&str> =
            said.lines().map(|id| text::unquoted(id.trim())).filter(|id| !id.is_empty()).collect();
        if ids.is_empty() {
            return Ok(());
        }
        self.docker.call("rm").words(["--force", "--volumes"]).words(ids).answer(world).map(drop)
    }
}

/// Whose the containers are: this site's, wherever its state is.
fn whose(world: &World) -> String {
    world.root.to_string_lossy().replace(',', "_")
}

/// The tar of this machine, when it is GNU's: no other keeps all that a volume has.
fn gnu_tar() -> Option<PathBuf> {
    let tar = programs::find_here("tar")?;
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    let said = Command::new(&tar).arg("--version").output().ok()?;
    said.stdout.starts_with(b"tar (GNU tar)").then_some(tar)
}

/// A program that works in a folder of this machine.
pub(super) fn program_in(program: &Path, folder: &Path, world: &World) -> Command {
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    let mut command = Command::new(program);
    crate::world::command::hide(&mut command, world.secrets().variables(), &[]);
    command.current_dir(folder).env("LC_ALL", "C.UTF-8");
    // It would change what tar does.
    command.env_remove("TAR_OPTIONS").env_remove("POSIXLY_CORRECT");
    command
}
