//! `maint locks`: what runs now, and which lock it holds.

use crate::engine::Query;
use crate::engine::lock::{self, Holder};
use crate::text;
use crate::world::World;
use anyhow::Result;
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
    #[serde(flatten)]
    holder: Holder,
    log: String,
    #[serde(skip)]
    since: String,
}

impl Query for Locks {
    type Answer = Held;

    fn ask(&self, world: &World) -> Result<Held> {
        let names = world.state.names(&world.state.locks());
        let locks = names.iter().filter_map(|name| {
            let lock = name.strip_suffix(".lock")?.to_owned();
            let holder = lock::holder(world, &lock)?;
            let log = text::path(&world.state.log(&holder.job, &holder.run)).into_owned();
            let since = world.clock.show(holder.started);
            Some(Row { lock, holder, log, since })
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
            table.row(&[&row.lock, &row.holder.job, &row.holder.pid.to_string(), &row.since, &row.log]);
        }
        write!(f, "{table}")
    }
}
