//! `[expire-logs]`: the folders of logs, and how old a log may grow in them.

use super::glob::Glob;
use super::units::Length;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[expire-logs]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExpireLogsSection {
    /// The folders with logs.
    pub paths: Vec<PathBuf>,
    /// A log is removed when it has not been changed for this long.
    pub age: Length,
    /// A log is compressed when it has not been changed for this long.
    pub compress_age: Length,
    /// Names or paths that match one of these globs are logs, and so are their compressed files.
    pub include: Vec<Glob>,
    /// Names or paths that match one of these globs stay as they are.
    pub exclude: Vec<Glob>,
    /// Leave what a process holds open.
    pub skip_open: bool,
}

impl Default for ExpireLogsSection {
    fn default() -> ExpireLogsSection {
        // What Python's handlers and logrotate make of app.log: app.log.1, app.log.2026-11-01, app.log-20261101.
        let names = ["*.log", "*.log.*", "*.log-*"];
        ExpireLogsSection {
            paths: vec!["logs".into()],
            age: Length::from_hours(30 * 24),
            compress_age: Length::from_hours(7 * 24),
            include: names.into_iter().filter_map(|name| Glob::try_from(name.to_owned()).ok()).collect(),
            exclude: Vec::new(),
            skip_open: true,
        }
    }
}
