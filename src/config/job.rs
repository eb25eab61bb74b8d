//! `[jobs.NAME]` and `[defaults]`: what runs, when, and under which limits.

use super::secret::{SecretRef, is_variable_name};
use super::units::{Length, Size};
use crate::cron::entry;
use crate::cron::schedule::Schedule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[defaults]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Defaults {
    /// A run is ended after this time.
    pub timeout: Length,
    /// What becomes of a run that the machine slept through.
    pub missed: Missed,
    /// The log of one run grows no larger than this.
    pub log_limit: Size,
    /// The exit code of a run that was skipped.
    pub skip_exit: u8,
}

impl Default for Defaults {
    fn default() -> Defaults {
        Defaults {
            timeout: Length::from_hours(1),
            missed: Missed::Skip,
            log_limit: Size::from_bytes(10 << 20),
            skip_exit: 75,
        }
    }
}

/// What becomes of a run that the machine slept through.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Missed {
    /// It is left out.
    #[default]
    Skip,
    /// It is made up for once.
    Once,
}

/// `[jobs.NAME]`
#[derive(Debug, Default, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JobEntry {
    /// Five cron fields or a nickname; without it the job runs only by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// A subcommand of maint with its options, such as "cleanup-temp --auto".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// A line for /bin/sh, run in `site.root`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
    /// The name of the lock; default: the subcommand's name, or the job's for a shell line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<String>,
    /// The run is ended after this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Length>,
    /// What becomes of a run that the machine slept through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missed: Option<Missed>,
    /// The exit code of a run that was skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip_exit: Option<u8>,
    /// The log of one run grows no larger than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_limit: Option<Size>,
    /// Names of secret environment variables that the shell line may see.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pass_env: Vec<String>,
    /// The address of the job's own check at healthchecks.io or a server like it, which is a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ping: Option<SecretRef>,
    /// A few words for the table of jobs.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The line of the section's header in the file.
    #[serde(skip)]
    pub header_line: usize,
}

/// What a job runs.
#[derive(Clone, Copy, Debug)]
pub enum Runs<'a> {
    /// A subcommand of maint.
    Command(&'a str),
    /// A line for /bin/sh.
    Shell(&'a str),
}

impl JobEntry {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.command.is_some() == self.shell.is_some() {
            return Err("needs either `command` or `shell`, and not both".to_owned());
        }
        if let Some(lock) = &self.lock {
            super::check_name(lock).map_err(|why| format!("has a `lock` whose name {why}"))?;
        }
        if let Runs::Command(line) | Runs::Shell(line) = self.runs()
            && (line.trim().is_empty() || line.contains('\0'))
        {
            return Err("has nothing to run: its line is empty or holds a NUL".to_owned());
        }
        match self.pass_env.iter().find(|name| !is_variable_name(name)) {
            Some(name) => {
                Err(format!("passes `{}`, which no environment can hold", crate::text::escape(name)))
            }
            None => Ok(()),
        }
    }

    /// True when its `command` begins with one of these words.
    #[must_use]
    pub fn is_of(&self, commands: &[&str]) -> bool {
        let first = |line: &str| line.split_whitespace().next().is_some_and(|word| commands.contains(&word));
        matches!(self.runs(), Runs::Command(line) if first(line))
    }

    /// What the job runs; `check` has made sure that it is exactly one thing.
    #[must_use]
    pub fn runs(&self) -> Runs<'_> {
        match (&self.command, &self.shell) {
            (Some(command), _) => Runs::Command(command),
            (None, shell) => Runs::Shell(shell.as_deref().unwrap_or_default()),
        }
    }

    /// The text of what the job runs, as history and tables show it.
    #[must_use]
    pub fn line(&self) -> &str {
        match self.runs() {
            Runs::Command(line) | Runs::Shell(line) => line,
        }
    }

    /// The hash that stands for this job in a crontab line.
    #[must_use]
    pub fn hash(&self, site: &str, name: &str) -> String {
        let kind = match self.runs() {
            Runs::Command(_) => "command",
            Runs::Shell(_) => "shell",
        };
        entry::hash(
            site,
            name,
            self.schedule.as_ref().map(Schedule::text),
            &format!("{kind}:{}", self.line()),
        )
    }
}
