//! `maint` once more, with nothing but what cron gives a job: its bare environment, in the home directory.

use super::accounts;
use super::command::{Said, answer};
use super::environment::CRON_PATH;
use crate::error::{Problem, plain};
use crate::text;
use anyhow::{Context as _, Result};
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// What cron runs every line with.
const SHELL: &str = "/bin/sh";

/// How long the rehearsal of one job may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Replaces this process by its own binary with these arguments, as cron would start it; `variables` are those
/// that the crontab sets. Returns only when that fails.
///
/// Nothing is changed by it: whatever the new process does, it does with its own permit.
pub(crate) fn start_over(arguments: &[OsString], variables: &[(String, String)]) -> anyhow::Error {
    match command(arguments, variables) {
        Ok(mut command) => {
            let error = command.stdin(Stdio::null()).exec();
            anyhow::anyhow!("maint cannot start itself again: {}", plain(&error.to_string()))
        }
        Err(error) => error,
    }
}

/// What the dry run of a job says, and its exit code, when cron would start it.
pub(crate) fn rehearse(config: &Path, job: &str, variables: &[(String, String)]) -> Result<Said> {
    let arguments = ["--config".into(), config.into(), "--dry-run".into(), "run".into(), job.into()];
    answer(command(&arguments, variables)?, b"", PATIENCE)
}

/// This program with nothing but what cron would give it.
fn command(arguments: &[OsString], variables: &[(String, String)]) -> Result<Command> {
    let account = accounts::own();
    let set = |name: &str| variables.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.into());
    let home = set("HOME").unwrap_or(account.home);
    if !home.is_dir() {
        let home = text::path(&home);
        return Err(Problem::usage(format!(
            "cron starts in {home}, which is no folder; make it, or correct HOME"
        )));
    }
    let program = std::env::current_exe().context("cannot tell where maint itself is")?;
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    let mut command = Command::new(program);
    command.args(arguments).current_dir(&home).env_clear().envs([("PATH", CRON_PATH), ("SHELL", SHELL)]);
    command.env("HOME", &home).envs(variables.iter().map(|(name, value)| (name, value)));
    command.env("LOGNAME", &account.name).env("PWD", &home);
    Ok(command)
}
