//! Another content for a volume: unpacked beside the old one inside it, and then put in its place by renaming.

use super::way::{Way, program_in};
use super::{PROJECT, VOLUME, Volume};
use crate::engine::apply::Permit;
use crate::error::{Problem, one_line, plain_errno};
use crate::text;
use crate::world::World;
use crate::world::command::errand::carry_out;
use crate::world::command::stream::{Streamed, feed};
use crate::world::docker::call::Call;
use crate::world::docker::complaint::complaint;
use anyhow::{Context as _, Result, anyhow, bail};
use chrono::DateTime;
use rustix::fs::{Dir, Mode, OFlags};
use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::path::Path;
use std::time::Duration;
use tar::Archive;

/// The steps that lead from one content to the other; see there.
const SCRIPT: &str = include_str!("replace.sh");
/// The folder in the volume that is unpacked into.
const NEW: &str = ".maint-restore/new";
/// What is put back or moved on takes no longer: it is renamed, and what is old is removed.
const LIMIT: Duration = Duration::from_secs(1_800);
/// The first entry of an archive, with its extensions, stands within so many bytes.
const HEAD: u64 = 64 << 10;
const UNPACKS: [&str; 9] = [
    "--extract",
    "--numeric-owner",
    "--same-owner",
    "--preserve-permissions",
    "--acls",
    "--xattrs",
    "--xattrs-include=*",
    "--delay-directory-restore",
    "--file=-",
];
/// A shell that is not there.
const NO_SHELL: [&str; 2] = ["/bin/sh", "executable file not found"];

/// A content that lies beside the one that it is to replace.
pub(crate) struct Unpacked<'a> {
    volume: &'a Volume,
    world: &'a World,
    permit: &'a Permit,
    way: Way,
    /// The owner, mode and times that the volume itself is to have.
    folder: String,
    is_over: bool,
}

impl Unpacked<'_> {
    /// Puts it in the place of the other: from now on a kill is made good by going on.
    pub(crate) fn take_place(mut self) -> Result<()> {
        let Unpacked { volume, world, permit, way, folder, .. } = &self;
        anyhow::ensure!(world.stop.reason().is_none(), "the run was ended");
        volume.refuse_in_use(world)?;
        volume.script(&world.to_the_end(LIMIT), way, &["switch", folder], permit)?;
        self.is_over = true;
        Ok(())
    }
}

impl Drop for Unpacked<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let settled = self.volume.script(&self.world.to_the_end(LIMIT), &self.way, &["settle"], self.permit);
        if let Err(error) = settled {
            log::warn!(
                "what was unpacked is left in the volume, for the next run to settle: {}",
                one_line(&error)
            );
        }
    }
}

impl Volume {
    /// Makes it, as Compose would when it is called so in its file.
    pub(crate) fn create(&self, world: &World, project: &str, _permit: &Permit) -> Result<()> {
        let called = self.name.strip_prefix(project).and_then(|rest| rest.strip_prefix('_'));
        let labels = called.map(|called| [format!("{PROJECT}={project}"), format!("{VOLUME}={called}")]);
        let labels = labels.into_iter().flatten().flat_map(|label| ["--label".to_owned(), label]);
        self.docker.call("volume").word("create").words(labels).words([&self.name]).answer(world).map(drop)
    }

    /// Removes one that was made in vain.
    pub(crate) fn take_back(&self, world: &World, _permit: &Permit) {
        let removed =
            self.docker.call("volume").word("rm").words([&self.name]).answer(&world.to_the_end(LIMIT));
        if let Err(error) = removed {
            log::warn!("the volume {} is left: {}", self.name, one_line(&error));
        }
    }

    /// Unpacks a tar stream beside what is in it; what a kill cut off before is resumed or undone first. Nothing is replaced
    /// until that [takes its place](Unpacked::take_place), and it is gone when it is dropped.
    pub(crate) fn unpack<'a>(
        &'a self,
        world: &'a World,
        content: &mut dyn Read,
        permit: &'a Permit,
    ) -> Result<Unpacked<'a>> {
        let Some(found) = self.inspected(world)? else {
            return Err(Problem::usage(format!("there is no volume {}", text::escape(&self.name))));
        };
        self.refuse_in_use(world)?;
        let way = self.way(world, &found, &self.users(world)?)?;
        self.script(world, &way, &["prepare"], permit)?;
        let mut unpacked =
            Unpacked { volume: self, world, permit, way, folder: String::new(), is_over: false };
        unpacked.folder = self.fill(world, &unpacked.way, content, permit)?;
        Ok(unpacked)
    }

    fn refuse_in_use(&self, world: &World) -> Result<()> {
        match self.users(world)?.iter().find(|user| user.is_up()) {
            Some(user) => {
                let (name, user) = (text::escape(self.shown()), text::escape(&user.name));
                bail!(
                    "the volume {name} is in use by the container {user}; stop it first: `docker stop {user}`"
                )
            }
            None => Ok(()),
        }
    }

    /// Finishes or undoes what a kill has cut off.
    pub(super) fn settle(&self, world: &World, way: &Way, permit: &Permit) -> Result<()> {
        match way {
            Way::Folder { place, .. } if !place.join(".maint-restore").exists() => Ok(()),
            // Seldom a helper: an image without a shell has replaced nothing.
            Way::Helper { image } => {
                let helper = self.helper(world, image, "ro,", permit)?;
                let look = self.docker.call("cp").words([helper.place(".maint-restore/was"), "-".to_owned()]);
                let is_there = look.ask(world)?.code == Some(0);
                drop(helper);
                if is_there { self.script(world, way, &["settle"], permit) } else { Ok(()) }
            }
            Way::Folder { .. } => self.script(world, way, &["settle"], permit),
        }
    }

    /// True when nothing is in it, but for what a restore has left that was cut off; unknown without a container that
    /// looks, which needs a permit.
    pub(crate) fn is_empty(&self, world: &World, permit: Option<&Permit>) -> Result<Option<bool>> {
        let Some(found) = self.inspected(world)? else { return Ok(Some(true)) };
        let is_foreign = |name: &[u8]| !matches!(name, b"" | b"." | b".." | b".maint-restore");
        match (self.way(world, &found, &self.users(world)?)?, permit) {
            (Way::Folder { place, .. }, _) => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
                let folder = rustix::fs::open(&place, flags, Mode::empty()).and_then(Dir::new);
                let names = folder.and_then(Iterator::collect::<Result<Vec<_>, _>>);
                let names = names.map_err(|errno| {
                    anyhow!("cannot look into {}: {}", text::path(&place), plain_errno(errno))
                })?;
                Ok(Some(!names.iter().any(|entry| is_foreign(entry.file_name().to_bytes()))))
            }
            (Way::Helper { image }, Some(permit)) => {
                self.remove_helpers(world, permit)?;
                let said = self.script_inside(world, &image, "ls -A", &[]).answer(world);
                let said = said.map_err(|error| explained(error, &image))?;
                Ok(Some(!said.stdout.split(|byte| *byte == b'\n').any(is_foreign)))
            }
            (Way::Helper { .. }, None) => Ok(None),
        }
    }

    /// Takes one of the fixed steps.
    fn script(&self, world: &World, way: &Way, words: &[&str], permit: &Permit) -> Result<()> {
        let (name, command) = match way {
            Way::Folder { place, .. } => {
                let mut command = program_in(Path::new("/bin/sh"), place, world);
                command.args(["-c", SCRIPT, "sh"]).args(words);
                ("sh".to_owned(), command)
            }
            Way::Helper { image } => {
                // One that a killed run has left may still be at work.
                self.remove_helpers(world, permit)?;
                let Call { name, command, .. } = self.script_inside(world, image, SCRIPT, words);
                (name, command)
            }
        };
        let told = carry_out(command, &name, LIMIT, world, permit)?;
        if told.is_success {
            return Ok(());
        }
        let error = anyhow!(
            "the volume {}: {}",
            text::escape(self.shown()),
            // docker may add that it has waited in vain.
            told.complaint(|line| line.contains(": ") && !line.starts_with("time="))
        );
        Err(match way {
            Way::Helper { image } => explained(error, image),
            Way::Folder { .. } => error,
        })
    }

    /// Unpacks all of it into the folder that was prepared; the owner, mode and times that the volume itself is to have.
    fn fill(&self, world: &World, way: &Way, content: &mut dyn Read, permit: &Permit) -> Result<String> {
        let mut head = Vec::new();
        (&mut *content).take(HEAD).read_to_end(&mut head).context("cannot read the backup")?;
        let folder = folder_of(&head)?;
        let mut content = Cursor::new(head).chain(content);
        let (name, done) = match way {
            Way::Folder { place, tar } => {
                let mut command = program_in(tar, &place.join(NEW), world);
                command.args(UNPACKS);
                ("tar", feed(command, "tar", world, &mut content))
            }
            Way::Helper { image } => {
                let helper = self.helper(world, image, "", permit)?;
                let call = self.docker.call("cp").words(["-".to_owned(), helper.place(NEW)]);
                ("docker cp", feed(call.command, "docker cp", world, &mut content))
            }
        };
        self.judge(name, &done?)?;
        // A program that has had enough leaves the rest unread, and with it what tells that all is well.
        std::io::copy(&mut content, &mut std::io::sink()).context("cannot read the backup")?;
        Ok(folder)
    }

    fn judge(&self, name: &str, done: &Streamed) -> Result<()> {
        let shown = text::escape(self.shown()).into_owned();
        let why = complaint(done.complaints.lines()).filter(|_| !done.status.success());
        match why {
            Some(_) if done.complaints.contains("No space left on device") => {
                bail!(
                    "the volume {shown} has no room for both the old and the new: No space left on device; free some"
                )
            }
            Some(why) if name != "tar" => bail!("{name}: {why}"),
            _ => done.check(name),
        }
    }
}

/// "UID:GID MODE SECONDS TIME" of the folder itself, when the archive begins with it.
fn folder_of(head: &[u8]) -> Result<String> {
    let mut archive = Archive::new(head);
    let first = archive.entries().context("the backup is no archive")?.next();
    let Some(Ok(mut first)) = first else { return Ok(String::new()) };
    if !matches!(&*first.path_bytes(), b"." | b"./") {
        return Ok(String::new());
    }
    // What the header has no room for: a part of the second, and large numbers.
    let beyond: BTreeMap<String, String> = first
        .pax_extensions()?
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|one| Some((one.key().ok()?.to_owned(), one.value().ok()?.to_owned())))
        .collect();
    let header = first.header();
    let number = |name: &str, plain: u64| match beyond.get(name) {
        Some(number) => number.parse().context("the backup has an owner that is no number"),
        None => Ok(plain),
    };
    let (uid, gid) = (number("uid", header.uid()?)?, number("gid", header.gid()?)?);
    let (mode, seconds) = (header.mode()? & 0o7777, header.mtime()?);
    let exact = beyond.get("mtime");
    let fraction = exact.and_then(|exact| exact.split_once('.')).map_or("0", |(_, fraction)| fraction);
    let time = DateTime::from_timestamp(seconds.try_into()?, 0)
        .context("the backup has a time beyond all clocks")?;
    let time = time.format("%Y-%m-%d %H:%M:%S");
    let is_number = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let fraction = if is_number { fraction } else { "0" };
    Ok(format!("{uid}:{gid} {mode:o} {seconds} {time}.{fraction} +0000"))
}

/// An image without a shell can be copied from, but not be worked in.
fn explained(error: anyhow::Error, image: &str) -> anyhow::Error {
    let words = one_line(&error);
    if NO_SHELL.iter().any(|part| words.contains(part)) {
        let image = text::cut(&text::escape(image), 80);
        return anyhow!(
            "the image {image} has no shell to replace the content with; name one that has as `image` in [backup]"
        );
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_itself_is_told_by_the_first_entry() {
        let folder = tempfile::tempdir().unwrap();
        // An owner beyond what a header has room for, where one can be had.
        let own = rustix::process::geteuid().as_raw();
        let owner = if own == 0 { 70_000_000 } else { own };
        std::os::unix::fs::chown(folder.path(), Some(owner), None).unwrap();
        let tar = |format: &str| {
            #[expect(clippy::disallowed_methods, reason = "tests prepare the world themselves")]
            let mut command = std::process::Command::new("tar");
            command.args(["-c", format, "--group=7", "--mode=02751", "--mtime=2020-01-02 03:04:05.250"]);
            command.arg("-C").arg(folder.path()).arg(".").env("TZ", "UTC").output().unwrap().stdout
        };
        let exact = folder_of(&tar("--format=posix")).unwrap();
        assert_eq!(exact, format!("{owner}:7 2751 1577934245 2020-01-02 03:04:05.25 +0000"));
        let plain = folder_of(&tar("--format=gnu")).unwrap();
        assert_eq!(plain, format!("{owner}:7 2751 1577934245 2020-01-02 03:04:05.0 +0000"));
        assert_eq!(folder_of(&[0; 1024]).unwrap(), "");
    }
}
