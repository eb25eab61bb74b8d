//! `maint crontab status`: is cron alive, are the lines installed, can the folders be used, what ran last.

use super::show::{Show, Shown};
use crate::cron::drift::State;
use crate::engine::Query;
use crate::engine::history;
use crate::error::one_line;
use crate::text;
use crate::world::daemon::{self, Daemon};
use crate::world::{World, access};
use anyhow::Result;
use clap::Args;
use serde::Serialize;
use std::fmt;
use std::path::Path;

/// Shows whether cron runs, the lines are installed, the folders can be written, and what ran last
#[derive(Args, Clone, Debug)]
pub struct Status {}

/// The state of everything that a job needs to be started.
#[derive(Debug, Serialize)]
pub struct Answer {
    site: String,
    /// The cron daemon; none when it does not run, or cannot be seen.
    daemon: Option<Running>,
    /// How many lines are wanted and installed, exactly.
    installed: usize,
    /// How many lines are wanted or installed.
    lines: usize,
    drift: Vec<String>,
    folders: Vec<Folder>,
    last: Option<history::Run>,
    #[serde(skip)]
    last_shown: String,
    #[serde(skip)]
    is_daemon_visible: bool,
}

#[derive(Debug, Serialize)]
struct Running {
    name: String,
    pid: u32,
}

#[derive(Debug, Serialize)]
struct Folder {
    name: &'static str,
    path: String,
    #[serde(rename = "writable")]
    is_writable: bool,
}

impl Query for Status {
    type Answer = Answer;

    fn ask(&self, world: &World) -> Result<Answer> {
        let site = world.config.site_name().to_owned();
        let wanted = world.crontab_lines()?.len();
        let (installed, lines, drift) = match (Show {}).ask(world) {
            Ok(Shown { jobs, drift, .. }) => {
                let installed = jobs.iter().filter(|row| row.state == State::Installed).count();
                (installed, jobs.len(), drift)
            }
            // The rest is worth knowing all the same.
            Err(error) => (0, wanted, vec![one_line(&error)]),
        };
        let folder = |name, path: &Path| Folder {
            name,
            path: text::path(path).into_owned(),
            is_writable: access::may_change_folder(access::nearest_existing(path)),
        };
        let last = history::runs(world, None, 1)?.into_iter().next();
        Ok(Answer {
            daemon: daemon::cron().map(|Daemon { name, pid, .. }| Running { name, pid }),
            is_daemon_visible: daemon::sees_everybody(),
            installed,
            lines,
            folders: vec![folder("site.root", &world.root), folder("state", world.state.folder())],
            last_shown: last.as_ref().map(|run| world.clock.show(run.started)).unwrap_or_default(),
            last,
            site,
            drift,
        })
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cron = match &self.daemon {
            Some(Running { name, pid }) => format!("{name} is running (pid {pid})"),
            None if self.is_daemon_visible => "not running: start it with `service cron start`".to_owned(),
            None => "cannot be seen by this user".to_owned(),
        };
        writeln!(f, "cron: {cron}")?;
        writeln!(f, "lines of site {}: {} of {} installed", self.site, self.installed, self.lines)?;
        for line in &self.drift {
            writeln!(f, "  {line}")?;
        }
        for Folder { name, path, is_writable } in &self.folders {
            writeln!(f, "{name}: {path}, {}", if *is_writable { "writable" } else { "not writable" })?;
        }
        match &self.last {
            Some(run) => writeln!(f, "last run: {}, {}, {}", run.job, run.status, self.last_shown),
            None => writeln!(f, "last run: none yet"),
        }
    }
}
