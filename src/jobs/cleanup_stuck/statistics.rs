//! How many operations there are in each state, and which have not ended.

use super::operation::{Kind, operations};
use crate::text;
use crate::world::World;
use crate::world::database::Session;
use anyhow::Result;
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// Operations of each kind that are listed.
const MOST_LISTED: i64 = 50;

/// How many operations there are in each state, and those that have not ended.
#[derive(Debug, Default, Serialize)]
pub(super) struct Statistics {
    pub(super) backups: Counts,
    pub(super) restores: Counts,
    /// The oldest first.
    pub(super) unfinished: Vec<Listed>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Counts {
    pub(super) running: i64,
    pub(super) pending: i64,
    pub(super) completed: i64,
    pub(super) failed: i64,
    /// In any other state.
    pub(super) other: i64,
}

/// An operation that has not ended.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    pub(super) kind: &'static str,
    pub(super) id: i64,
    pub(super) name: Box<str>,
    pub(super) status: String,
    /// None when its times cannot be read, or are to come.
    pub(super) age_seconds: Option<u64>,
}

impl Statistics {
    /// Looks at both tables.
    pub(super) fn read(world: &World) -> Result<Statistics> {
        let database = world.database(world.config.cleanup_stuck.database.as_deref())?;
        let mut looking = database.look(world)?;
        let mut unfinished = Vec::new();
        let backups = counts(&mut looking, Kind::Backup)?;
        let restores = counts(&mut looking, Kind::Restore)?;
        for kind in [Kind::Backup, Kind::Restore] {
            let filter =
                "{status} IN ('running', 'pending') ORDER BY coalesce({started}, {created}), {id} LIMIT $1";
            operations(&mut looking, kind, filter, &[MOST_LISTED.into()], |found| {
                let age =
                    found.since().ok().flatten().and_then(|since| (world.clock.now() - since).to_std().ok());
                unfinished.push(Listed {
                    kind: kind.word(),
                    id: found.id,
                    name: found.name,
                    status: found.status,
                    age_seconds: age.map(|age| age.as_secs()),
                });
                Ok(())
            })?;
        }
        unfinished.sort_by_key(|listed| std::cmp::Reverse(listed.age_seconds));
        Ok(Statistics { backups, restores, unfinished })
    }
}

pub(super) fn counts(looking: &mut Session<'_>, kind: Kind) -> Result<Counts> {
    let table = looking.table(kind.known())?;
    let [status] = table.columns(["status"])?;
    let mut counts = Counts::default();
    let sql = format!("SELECT {status}, count(*) FROM {} GROUP BY {status}", table.name());
    looking.rows(&sql, &[], |row| {
        let count = match row.text(0)? {
            "running" => &mut counts.running,
            "pending" => &mut counts.pending,
            "completed" => &mut counts.completed,
            "failed" => &mut counts.failed,
            _ => &mut counts.other,
        };
        *count += row.integer(1)?;
        Ok(())
    })?;
    Ok(counts)
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = text::Table::new(&["", "RUNNING", "PENDING", "COMPLETED", "FAILED", "OTHER"]);
        for (name, counts) in [("backups", &self.backups), ("restores", &self.restores)] {
            let Counts { running, pending, completed, failed, other } = counts;
            let [running, pending, completed, failed, other] =
                [running, pending, completed, failed, other].map(i64::to_string);
            table.row(&[name.to_owned(), running, pending, completed, failed, other]);
        }
        write!(f, "{table}")?;
        if self.unfinished.is_empty() {
            return Ok(());
        }
        let mut table = text::Table::new(&["KIND", "ID", "NAME", "STATUS", "FOR"]);
        for listed in &self.unfinished {
            let age = listed.age_seconds.map(|seconds| text::duration(Duration::from_secs(seconds)));
            table.row(&[
                listed.kind.to_owned(),
                listed.id.to_string(),
                listed.name.to_string(),
                listed.status.clone(),
                age.unwrap_or_else(|| "unknown".to_owned()),
            ]);
        }
        write!(f, "\n{table}")
    }
}
