//! A program that works for the site itself, such as git or docker: with the environment of its user, where keys and
//! settings are found, but without the secrets of `maint`.

use super::family::Family;
use super::follow::{Leash, Stopped, follow};
use super::tool::{Heard, Told};
use super::{Said, answer_in_run, hide};
use crate::engine::apply::Permit;
use crate::text;
use crate::world::World;
use anyhow::{Context as _, Result, bail};
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// What is started.
#[derive(Debug)]
pub(in crate::world) struct Errand<'a> {
    /// What it is called.
    pub(in crate::world) name: &'a str,
    pub(in crate::world) program: &'a Path,
    pub(in crate::world) arguments: Vec<OsString>,
    /// Where it runs.
    pub(in crate::world) folder: &'a Path,
    /// Variables that it gets besides.
    pub(in crate::world) variables: &'a [(&'a str, &'a str)],
    /// Variables that it does not get.
    pub(in crate::world) hidden: &'a [&'a str],
    pub(in crate::world) limit: Duration,
}

impl Errand<'_> {
    /// Asks it for something that asking does not change; the error is for one that cannot be started, or does not end.
    pub(in crate::world) fn ask(&self, world: &World) -> Result<Said> {
        answer_in_run(self.command(world), self.limit, &world.stop)
    }

    /// Has it change something; see [`carry_out`].
    pub(in crate::world) fn run(&self, world: &World, permit: &Permit) -> Result<Told> {
        carry_out(self.command(world), self.name, self.limit, world, permit)
    }

    fn command(&self, world: &World) -> Command {
        #[expect(clippy::disallowed_methods, reason = "this is World")]
        let mut command = Command::new(self.program);
        hide(&mut command, world.secrets().variables(), &[]);
        command.args(&self.arguments).current_dir(self.folder).env("LC_ALL", "C.UTF-8");
        for name in self.hidden {
            command.env_remove(name);
        }
        command.envs(self.variables.iter().copied());
        command
    }
}

/// Has a program change something: what it says goes to the log of the run, whatever it has started ends with it and with
/// the run. It is for the caller to judge how it ended.
pub(in crate::world) fn carry_out(
    mut command: Command,
    name: &str,
    limit: Duration,
    world: &World,
    _permit: &Permit,
) -> Result<Told> {
    let (reader, writer) = std::io::pipe().context("cannot make a pipe")?;
    command.process_group(0).stdin(Stdio::null());
    command.stdout(writer.try_clone().context("cannot make a pipe")?).stderr(writer);
    let family = Family::start(&mut command, None);
    let mut family = family.with_context(|| format!("cannot start {name}"))?;
    // The command holds our ends of the pipe: without this the end of the output would never come.
    drop(command);
    let mut heard = Heard::of(name, name);
    let leash = Leash { stop: &world.stop, limit: Some(limit), has_room: &|| true };
    let ended = follow(&mut family, reader, &leash, &mut |line| heard.add(line))?;
    match ended.stopped {
        Some(Stopped::AtItsLimit) => bail!("{name} was ended after {}", text::duration(limit)),
        Some(_) => bail!("{name} was ended with the run"),
        None => Ok(heard.told(&ended)),
    }
}
