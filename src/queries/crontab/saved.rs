//! `maint crontab restore --list`: the tables that were saved before each change.

use crate::engine::Query;
use crate::text;
use crate::world::World;
use anyhow::Result;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::fmt;

/// `maint crontab restore --list`
#[derive(Clone, Debug)]
pub struct Saved {}

/// The saved tables, newest first.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Tables(Vec<Row>);

#[derive(Debug, Serialize)]
struct Row {
    id: String,
    saved: DateTime<Utc>,
    size_bytes: usize,
    #[serde(skip)]
    shown: String,
}

impl Query for Saved {
    type Answer = Tables;

    fn ask(&self, world: &World) -> Result<Tables> {
        let crontab = world.crontab()?;
        let row = |(id, saved): (String, DateTime<Utc>)| {
            let size_bytes = crontab.read_saved(&id).ok()?.len();
            Some(Row { id, saved, size_bytes, shown: world.clock.show(saved) })
        };
        Ok(Tables(crontab.saved().into_iter().filter_map(row).collect()))
    }
}

impl fmt::Display for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return writeln!(f, "no crontab has been saved yet; each change by maint saves one");
        }
        let mut table = text::Table::new(&["ID", "SAVED", "SIZE"]);
        for row in &self.0 {
            table.row(&[&row.id, &row.shown, &text::size(row.size_bytes as u64)]);
        }
        write!(f, "{table}")
    }
}
