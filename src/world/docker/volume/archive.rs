//! What is in a volume, as a tar stream: owners as numbers, modes, times, links.

use super::Volume;
use super::way::{Way, program_in};
use crate::engine::apply::Permit;
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::command::stream::pour;
use crate::world::docker::complaint::complaint;
use anyhow::{Result, bail};
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// GNU tar found a file that changed while it was read.
const CHANGED: i32 = 1;
/// What it keeps, and in which form: that of POSIX, with whole times of change and none of reading.
const KEEPS: [&str; 12] = [
    "--create",
    "--format=posix",
    "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
    "--numeric-owner",
    "--acls",
    "--xattrs",
    "--sparse",
    "--sort=name",
    "--one-file-system",
    "--exclude=./.maint-restore",
    "--anchored",
    "--file=-",
];

impl Volume {
    /// Writes what is in it as a tar stream: owners as numbers, modes, times. The containers that use it are paused or
    /// stopped meanwhile when `[backup]` says so. What is to be said of the copy, when it was changed meanwhile.
    pub(crate) fn archive(
        &self,
        world: &World,
        out: &mut dyn Write,
        permit: &Permit,
    ) -> Result<Option<String>> {
        let Some(found) = self.inspected(world)? else {
            return Err(Problem::usage(format!("there is no volume {} any more", text::escape(&self.name))));
        };
        for words in super::quiet::settle(world, permit)? {
            log::warn!("{words}");
        }
        let users = self.users(world)?;
        let way = self.way(world, &found, &users)?;
        self.settle(world, &way, permit)?;
        self.in_quiet(world, &users, permit, || match &way {
            Way::Folder { place, tar } => pour_folder(world, place, tar, out),
            Way::Helper { image } => {
                let helper = self.helper(world, image, "ro,", permit)?;
                let call = self.docker.call("cp").words([helper.place("."), "-".to_owned()]);
                let done = pour(call.command, &call.name, world, out)?;
                match complaint(done.complaints.lines()).filter(|_| !done.status.success()) {
                    Some(why) => bail!("docker cp: {why}"),
                    None => done.check("docker cp").map(|()| None),
                }
            }
        })
    }
}

fn pour_folder(world: &World, place: &Path, tar: &Path, out: &mut dyn Write) -> Result<Option<String>> {
    let mut command: Command = program_in(tar, place, world);
    command.args(KEEPS).arg(".");
    let done = pour(command, "tar", world, out)?;
    if done.status.code() == Some(CHANGED) {
        return Ok(Some(format!("it was changed while it was copied: {}", done.last_line())));
    }
    done.check("tar").map(|()| None)
}
