//! Marks operations as failed, all in one transaction, where they still are what was seen.

use super::operation::{Kind, Unfinished};
use crate::config::site::Language;
use crate::config::units::Length;
use crate::engine::Action;
use crate::engine::apply::Permit;
use crate::engine::report::Outcome;
use crate::text;
use crate::world::World;
use crate::world::database::{Session, Value, values_list};
use anyhow::Result;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::Duration;

/// Rows that are marked by one statement.
const AT_ONCE: usize = 1_000;
/// The columns that marking needs.
pub(super) const CHANGED: [&str; 5] = ["id", "status", "completed_at", "duration_seconds", "error_message"];

/// Why something is marked: because of this age, or because somebody says so.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reason {
    Hours(u32),
    Minutes(u32),
    Seconds(u32),
    ByHand,
}

impl Reason {
    /// An age in the largest unit that gives a whole number.
    pub(super) fn of(age: Length) -> Reason {
        let seconds = age.duration().as_secs();
        let count = |unit: u64| u32::try_from(seconds / unit).unwrap_or(u32::MAX);
        match (seconds % 3_600, seconds % 60) {
            (0, _) => Reason::Hours(count(3_600)),
            (_, 0) => Reason::Minutes(count(60)),
            _ => Reason::Seconds(count(1)),
        }
    }

    pub(super) fn age(self) -> Length {
        match self {
            Reason::Hours(hours) => Length::from_hours(hours.into()),
            Reason::Minutes(minutes) => Length::from_minutes(minutes.into()),
            Reason::Seconds(seconds) => Length::from_seconds(seconds.into()),
            Reason::ByHand => Length::from_seconds(0),
        }
    }

    /// What the row says to those who look at the site; in French word for word as the original.
    pub(super) fn message(self, language: Language) -> String {
        let (count, fr, en) = match self {
            Reason::Hours(count) => (count, "heure(s)", "hour"),
            Reason::Minutes(count) => (count, "minute(s)", "minute"),
            Reason::Seconds(count) => (count, "seconde(s)", "second"),
            Reason::ByHand => {
                return match language {
                    Language::Fr => {
                        "Opération manuellement marquée comme échouée via commande cleanup_stuck_operations"
                    }
                    Language::En => "Marked as failed by hand with the command cleanup-stuck",
                }
                .to_owned();
            }
        };
        match language {
            Language::Fr => format!("Opération automatiquement marquée comme échouée après {count} {fr}"),
            Language::En => {
                format!("Automatically marked as failed after {}", text::plural(count as usize, en))
            }
        }
    }
}

/// Marks one row as failed, if its status still is what was seen.
#[derive(Debug)]
pub struct MarkFailed {
    pub(super) kind: Kind,
    pub(super) id: i64,
    pub(super) name: Box<str>,
    pub(super) status: Unfinished,
    pub(super) reason: Reason,
    /// From its start to now, else from when it was made; as much as the column can hold.
    pub(super) age_seconds: i32,
    pub(super) was_started: bool,
}

impl fmt::Display for MarkFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MarkFailed { kind, id, name, status, reason: _, age_seconds, was_started } = self;
        let (kind, name, status) = (kind.word(), text::escape(name), status.word());
        let age = text::duration(Duration::from_secs(age_seconds.unsigned_abs().into()));
        let never = if *was_started { "" } else { ", never started" };
        write!(f, "mark {kind} {id} as failed ({name}, {status} for {age}{never})")
    }
}

impl Serialize for MarkFailed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("action", "mark-failed")?;
        map.serialize_entry("kind", self.kind.word())?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("old_status", self.status.word())?;
        map.serialize_entry("age_seconds", &self.age_seconds)?;
        map.end()
    }
}

impl Action for MarkFailed {
    const TOGETHER: bool = true;

    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        let mut outcomes = MarkFailed::apply_together(std::slice::from_ref(self), world, permit)?;
        outcomes.pop().ok_or_else(|| anyhow::anyhow!("nothing became of it"))
    }

    fn apply_together(actions: &[Self], world: &World, permit: &Permit) -> Result<Vec<Outcome>> {
        let database = world.database(world.config.cleanup_stuck.database.as_deref())?;
        let mut changing = database.change(world, permit)?;
        let mut outcomes = Vec::with_capacity(actions.len());
        for of_one_kind in actions.chunk_by(|one, other| one.kind == other.kind) {
            for some in of_one_kind.chunks(AT_ONCE) {
                if world.stop.reason().is_some() {
                    return Err(anyhow::anyhow!("the run was ended before everything was marked"));
                }
                mark(&mut changing, some, world, &mut outcomes)?;
            }
        }
        changing.commit()?;
        Ok(outcomes)
    }
}

/// Marks rows of one table by one statement.
pub(super) fn mark(
    changing: &mut Session<'_>,
    rows: &[MarkFailed],
    world: &World,
    outcomes: &mut Vec<Outcome>,
) -> Result<()> {
    let Some(first) = rows.first() else { return Ok(()) };
    let table = changing.table(first.kind.known())?;
    let [id, status, completed, took, message] = table.columns(CHANGED)?;
    // The second look at the ids tells SQLite to go from them to the rows: it would read the whole table else.
    let sql = format!(
        "WITH stuck (stuck_id, stuck_status, stuck_seconds) AS (VALUES {list})
        UPDATE {table} SET {status} = 'failed', {completed} = $1, {message} = $2,
            {took} = coalesce(nullif({took}, 0), stuck_seconds, {took})
        FROM stuck WHERE {id} = stuck_id AND {status} = stuck_status AND {id} IN (SELECT stuck_id FROM stuck)
        RETURNING {id}",
        table = table.name(),
        list = values_list(&["bigint", "text", "integer"], rows.len(), 3),
    );
    let said = first.reason.message(world.config.site.language_of_program());
    let mut values: Vec<Value> = vec![world.clock.now().into(), said.into()];
    for row in rows {
        let took_seconds = row.was_started.then_some(i64::from(row.age_seconds));
        values.extend([row.id.into(), row.status.word().into(), took_seconds.into()]);
    }
    let mut marked = HashSet::with_capacity(rows.len());
    changing.rows(&sql, &values, |row| {
        marked.insert(row.integer(0)?);
        Ok(())
    })?;
    let others = rows.iter().filter(|row| !marked.contains(&row.id)).map(|row| row.id);
    let now = present_states(changing, first.kind, &others.collect::<Vec<_>>())?;
    outcomes.extend(rows.iter().map(|row| match now.get(&row.id) {
        _ if marked.contains(&row.id) => Outcome::DONE,
        Some(status) => Outcome::Skipped(format!("its status is now {status}").into()),
        None => Outcome::Skipped("it is gone".into()),
    }));
    Ok(())
}

/// The states of rows that somebody else has changed meanwhile.
pub(super) fn present_states(
    changing: &mut Session<'_>,
    kind: Kind,
    ids: &[i64],
) -> Result<HashMap<i64, String>> {
    let mut present = HashMap::new();
    if ids.is_empty() {
        return Ok(present);
    }
    let table = changing.table(kind.known())?;
    let [id, status] = table.columns(["id", "status"])?;
    let sql = format!(
        "WITH stuck (stuck_id) AS (VALUES {}) SELECT {id}, {status} FROM {}, stuck WHERE {id} = stuck_id",
        values_list(&["bigint"], ids.len(), 1),
        table.name()
    );
    let values: Vec<Value> = ids.iter().map(|id| Value::from(*id)).collect();
    changing.rows(&sql, &values, |row| {
        present.insert(row.integer(0)?, row.text(1)?.to_owned());
        Ok(())
    })?;
    Ok(present)
}
