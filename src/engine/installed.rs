//! The memory of the crontab: which lines `maint` installed, and since when.

use super::apply::Permit;
use super::history::{explain, look, open, version};
use crate::world::{World, sqlite};
use anyhow::Result;
use chrono::{DateTime, Utc};
use rusqlite::types::FromSql;
use rusqlite::{Connection, TransactionBehavior, params};
use std::collections::BTreeMap;

/// The version of the state database from which on it remembers lines.
const FIRST_VERSION: u32 = 2;

/// Since when each job has had its present line in the crontab.
pub fn since(world: &World) -> Result<BTreeMap<String, DateTime<Utc>>> {
    let since: BTreeMap<String, i64> = column(world, "since")?;
    let time = |(job, at)| Some((job, DateTime::from_timestamp_millis(at)?));
    Ok(since.into_iter().filter_map(time).collect())
}

/// The hash of each job's line.
pub fn hashes(world: &World) -> Result<BTreeMap<String, String>> {
    column(world, "hash")
}

fn column<T: FromSql>(world: &World, name: &str) -> Result<BTreeMap<String, T>> {
    // Before its first migration a database of an older version has no such table.
    let connection =
        look(world)?.filter(|connection| version(connection).is_ok_and(|found| found >= FIRST_VERSION));
    let Some(connection) = connection else { return Ok(BTreeMap::new()) };
    let sql = format!("SELECT job, {name} FROM crontab_lines");
    Ok(sqlite::rows(&connection, &sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?.into_iter().collect())
}

/// Remembers the lines that are in the crontab from now on: job and hash of each.
pub fn remember(world: &World, lines: &BTreeMap<String, String>, permit: &Permit) -> Result<()> {
    let mut connection = open(world, permit)?;
    let now = world.clock.now().timestamp_millis();
    let lines = serde_json::to_string(lines)?;
    let remember = |connection: &mut Connection| -> rusqlite::Result<()> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute(
            "DELETE FROM crontab_lines WHERE (job, hash) NOT IN (SELECT key, value FROM json_each(?1))",
            [&lines],
        )?;
        transaction.execute(
            "INSERT OR IGNORE INTO crontab_lines (job, hash, since)
                 SELECT key, value, ?2 FROM json_each(?1)",
            params![lines, now],
        )?;
        transaction.commit()
    };
    remember(&mut connection).map_err(|error| explain(world, &error))
}
