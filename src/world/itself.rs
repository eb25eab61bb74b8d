//! This very program, started once more: how the server plans and runs.

use super::World;
use anyhow::Result;
use std::ffi::OsStr;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

/// The variable that says whose key has asked for a run.
pub(crate) const BY: &str = "MAINT_BY";

/// What systemd tells the server is not for its runs.
const OF_THE_SERVER: [&str; 5] =
    ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC"];

/// The same program for the same site with these words, on behalf of the key of this name. It has a process group of its
/// own: what ends the server does not end its runs.
///
/// Nothing is changed by it: whatever the new process does, it does with its own permit.
pub(crate) fn again(world: &World, by: &str, words: &[impl AsRef<OsStr>]) -> Result<Command> {
    // The program that runs, also when its file has been replaced meanwhile.
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    let mut command = Command::new("/proc/self/exe");
    command.arg0("maint").arg("--config").arg(world.site_file()?).arg("--root").arg(&world.root);
    command.args(words).current_dir(&world.root).env(BY, by).process_group(0);
    for name in OF_THE_SERVER {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    Ok(command)
}
