//! `maint locks`: what runs now, and which lock it holds.

use crate::engine::Query;
use crate::engine::history::{self, Run};
use crate::text;
use crate::world::World;
use anyhow::Result;
use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;
use std::fmt;

/// Shows the locks that are held, and by whom
#[derive(Args, Clone, Debug)]
pub struct Locks {}

/// The locks that are held.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Held {
    locks: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    lock: String,
    job: String,
    run: String,
    pid: u32,
    started: DateTime<Utc>,
    log: String,
    #[serde(skip)]
    since: String,
}

impl Query for Locks {
    type Answer = Held;

    fn ask(&self, world: &World) -> Result<Held> {
        let locks = history::running(world)?.into_iter().map(|(lock, Run { job, run, pid, started, .. })| {
            let log = text::path(&world.state.log(&job, &run)).into_owned();
            Row { lock, job, run, pid, started, log, since: world.clock.show(started) }
        });
        Ok(Held { locks: locks.collect() })
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.locks.is_empty() {
            return writeln!(f, "nothing is running");
        }
        let mut table = text::Table::new(&["LOCK", "JOB", "PID", "SINCE", "LOG"]);
        for row in &self.locks {
            table.row(&[&row.lock, &row.job, &row.pid.to_string(), &row.since, &row.log]);
        }
        write!(f, "{table}")
    }
}
