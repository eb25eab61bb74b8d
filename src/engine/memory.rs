//! What jobs remember from one run to the next: answers of other machines, what was tried and when. Losing it costs
//! time, never data.

use super::apply::Permit;
use super::history;
use crate::world::{World, sqlite};
use anyhow::Result;
use rusqlite::{Connection, TransactionBehavior, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// What has not been written for so long, in seconds, is forgotten: a year.
const LONGEST: i64 = 365 * 86_400;

/// All that is remembered under a topic, by key. What another version of `maint` wrote in another form is forgotten.
pub fn recall<T: DeserializeOwned>(world: &World, topic: &str) -> Result<BTreeMap<String, T>> {
    let has_memory = |known: &Connection| history::version(known).is_ok_and(|it| it >= history::WITH_MEMORY);
    let Some(connection) = history::look(world)?.filter(has_memory) else { return Ok(BTreeMap::new()) };
    let sql = "SELECT key, value FROM memory WHERE topic = ?1";
    let rows = sqlite::rows(&connection, sql, [topic], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    })?;
    let known = rows.into_iter().filter_map(|(key, value)| Some((key, serde_json::from_str(&value).ok()?)));
    Ok(known.collect())
}

/// Remembers these, instead of what was remembered under the same keys.
pub fn remember<'a, T: Serialize + 'a>(
    world: &World,
    topic: &str,
    entries: impl IntoIterator<Item = (&'a str, &'a T)>,
    permit: &Permit,
) -> Result<()> {
    let as_text = |(key, value)| Ok((key, serde_json::to_string(value)?));
    let entries: Vec<(&str, String)> = entries.into_iter().map(as_text).collect::<Result<_>>()?;
    let now = world.clock.now().timestamp();
    let mut connection = history::open(world, permit)?;
    let mut write = || -> rusqlite::Result<()> {
        // What was paid for must still be known after a power cut.
        connection.pragma_update(None, "synchronous", "FULL")?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "INSERT INTO memory (topic, key, value, written) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT DO UPDATE SET value = excluded.value, written = excluded.written";
        for (key, value) in &entries {
            transaction.prepare_cached(sql)?.execute(params![topic, key, value, now])?;
        }
        transaction.execute("DELETE FROM memory WHERE written < ?1", [now - LONGEST])?;
        transaction.commit()
    };
    write().map_err(|error| history::explain(world, &error))
}
