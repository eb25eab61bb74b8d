//! `maint` once more, with nothing but what cron gives a job: its bare environment, in the home directory.

use super::accounts;
use crate::error::{Problem, plain};
use crate::text;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

/// What cron gives every job as `$PATH`, measured on Debian.
pub const PATH: &str = "/usr/bin:/bin";
/// What cron runs every line with.
const SHELL: &str = "/bin/sh";

/// Replaces this process by its own binary with these arguments, as cron would start it; `variables` are those
/// that the crontab sets. Returns only when that fails.
///
/// Nothing is changed by it: whatever the new process does, it does with its own permit.
pub(crate) fn start_over(arguments: &[OsString], variables: &[(String, String)]) -> anyhow::Error {
    let account = accounts::own();
    let set = |name: &str| variables.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.into());
    let home = set("HOME").unwrap_or(account.home);
    if !home.is_dir() {
        let home = text::path(&home);
        return Problem::usage(format!(
            "cron starts in {home}, which is no folder; make it, or correct HOME"
        ));
    }
    let error = match std::env::current_exe() {
        #[expect(clippy::disallowed_methods, reason = "this is World")]
        Ok(program) => Command::new(program)
            .args(arguments)
            .env_clear()
            .envs([("PATH", PATH), ("SHELL", SHELL)])
            .env("HOME", &home)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .env("LOGNAME", &account.name)
            .env("PWD", &home)
            .current_dir(&home)
            .stdin(Stdio::null())
            .exec(),
        Err(error) => error,
    };
    anyhow::anyhow!("maint cannot start itself again: {}", plain(&error.to_string()))
}
