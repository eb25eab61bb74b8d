//! One thing to do: vacuum a file or a table, or only check a file.

use super::percent;
use crate::engine::Action;
use crate::engine::apply::Permit;
use crate::engine::report::Outcome;
use crate::text;
use crate::world::World;
use crate::world::database::{Database, DeadRows, Pages, Vacuumed, Wishes};
use anyhow::Result;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// Vacuums one database, or one table of it.
#[derive(Debug)]
pub struct Step {
    database: Arc<Database>,
    deed: Deed,
    /// Known when it is done.
    vacuumed: OnceLock<Vacuumed>,
}

#[derive(Debug)]
pub(super) enum Deed {
    /// A SQLite file.
    Vacuum(Pages, Wishes),
    /// A SQLite file that needs no vacuum.
    Check(Pages),
    /// A table in PostgreSQL.
    Table(DeadRows),
}

impl Step {
    pub(super) fn of(database: Arc<Database>, deed: Deed) -> Step {
        Step { database, deed, vacuumed: OnceLock::new() }
    }

    /// Bytes that it has freed, now that it is done.
    pub(super) fn freed(&self) -> u64 {
        self.vacuumed.get().map_or(0, |vacuumed| vacuumed.before.saturating_sub(vacuumed.after))
    }

    /// Bytes that it will free about.
    pub(super) fn to_free(&self) -> u64 {
        match &self.deed {
            Deed::Vacuum(pages, _) => pages.free_bytes(),
            Deed::Check(_) | Deed::Table(_) => 0,
        }
    }

    fn done(&self, vacuumed: Vacuumed) -> Outcome {
        let vacuumed = self.vacuumed.get_or_init(|| vacuumed);
        let now = format!("now {}", text::size(vacuumed.after));
        let words: Vec<String> = std::iter::once(now).chain(vacuumed.remarks.iter().cloned()).collect();
        Outcome::Done(words.join("; ").into())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = text::escape(self.database.name());
        match &self.deed {
            Deed::Vacuum(pages, wishes) => {
                let (size, share) = (text::size(pages.bytes), percent(pages.free_share()));
                write!(f, "{} {name} ({size}, {share} % free)", verbs(*wishes))
            }
            Deed::Check(pages) => write!(f, "check {name} ({})", text::size(pages.bytes)),
            Deed::Table(table) => {
                let (dead, rows) = (text::thousands(table.dead), text::thousands(table.rows));
                write!(f, "vacuum {name}.{} ({dead} dead rows of {rows})", text::escape(&table.table))
            }
        }
    }
}

/// "check, copy, vacuum".
fn verbs(Wishes { check, analyze, backup, exclusive }: Wishes) -> String {
    let vacuum = if exclusive { "vacuum by a compact copy" } else { "vacuum" };
    let all = [(check, "check"), (backup, "copy"), (true, vacuum), (analyze, "analyse")];
    let verbs: Vec<&str> =
        all.into_iter().filter(|(is_wished, _)| *is_wished).map(|(_, verb)| verb).collect();
    verbs.join(", ")
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let verb = if matches!(self.deed, Deed::Check(_)) { "check" } else { "vacuum" };
        map.serialize_entry("action", verb)?;
        map.serialize_entry("database", &text::escape(self.database.name()))?;
        let before = self.vacuumed.get().map(|vacuumed| vacuumed.before);
        match &self.deed {
            Deed::Vacuum(pages, _) | Deed::Check(pages) => {
                map.serialize_entry("path", &text::path(&pages.path))?;
                map.serialize_entry("size_before_bytes", &before.unwrap_or(pages.bytes))?;
                map.serialize_entry("free_bytes", &pages.free_bytes())?;
                if let Deed::Vacuum(_, Wishes { check, analyze, backup, exclusive }) = &self.deed {
                    map.serialize_entry("check", check)?;
                    map.serialize_entry("analyze", analyze)?;
                    map.serialize_entry("backup", backup)?;
                    map.serialize_entry("exclusive", exclusive)?;
                }
            }
            Deed::Table(table) => {
                map.serialize_entry("table", &text::escape(&table.table))?;
                map.serialize_entry("rows", &table.rows)?;
                map.serialize_entry("dead_rows", &table.dead)?;
                map.serialize_entry("size_before_bytes", &before.unwrap_or(table.bytes))?;
            }
        }
        if let Some(vacuumed) = self.vacuumed.get() {
            map.serialize_entry("size_after_bytes", &vacuumed.after)?;
            map.serialize_entry("freed_bytes", &self.freed())?;
            map.serialize_entry("duration_seconds", &vacuumed.took.as_secs_f64())?;
        }
        map.end()
    }
}

impl Action for Step {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        Ok(match &self.deed {
            Deed::Vacuum(pages, wishes) => self.done(self.database.vacuum(pages, *wishes, world, permit)?),
            Deed::Check(_) => {
                self.database.check(world, permit)?;
                Outcome::Done("it is whole".into())
            }
            Deed::Table(table) => match self.database.vacuum_table(table, world, permit)? {
                Some(vacuumed) => self.done(vacuumed),
                None => Outcome::Skipped("the table is gone".into()),
            },
        })
    }
}
