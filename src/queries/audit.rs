//! `maint audit`: what was done to the job sheets, as the site's audit log tells it.

use crate::config::tables::AUDIT;
use crate::engine::Query;
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::database::{Row, Session, Table, Value};
use anyhow::Result;
use chrono::TimeDelta;
use clap::Args;
use serde::Serialize;
use serde_json::Value as Json;
use std::fmt;

/// Characters of a description in the table; the JSON has all of them.
const LONGEST: usize = 160;
/// Types that are named when there is none like the one that was asked for.
const MOST_TYPES: usize = 20;

/// Shows the audit log of the job sheets, newest first
#[derive(Args, Clone, Debug)]
pub struct Audit {
    /// Only entries of these sheets
    #[arg(long, value_name = "CODE", value_delimiter = ',', value_parser = word)]
    pub code: Vec<String>,
    /// Only entries since then: an age (7d), a day (2026-11-01) or a time ("2026-11-01 02:00")
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
    /// Only entries of this type, such as modification, creation or publication
    #[arg(long = "type", value_name = "TYPE", value_parser = word)]
    pub kind: Option<String>,
    /// At most this many entries
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
}

fn word(text: &str) -> Result<String, String> {
    let word = text.trim();
    if word.is_empty() { Err("it is empty".to_owned()) } else { Ok(word.to_owned()) }
}

/// The entries.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Entries {
    entries: Vec<Entry>,
    /// Why there is none.
    #[serde(skip)]
    nothing: String,
}

/// One entry.
#[derive(Debug, Serialize)]
struct Entry {
    id: Json,
    /// As it is stored: the local time of the site.
    timestamp: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    code: Option<String>,
    agent: String,
    description: String,
    before: Json,
    after: Json,
    validator: Option<String>,
}

impl Query for Audit {
    type Answer = Entries;

    fn ask(&self, world: &World) -> Result<Entries> {
        let since = self.since(world)?;
        let database = world.database(world.config.update_fiches.database.as_deref())?;
        let mut session = database.look(world)?;
        let table = session.table(&AUDIT)?;
        let mut filter = Filter::default();
        let [time, kind, code] = table.columns(["timestamp", "type_evenement", "code_rome"])?;
        filter.add(&time, ">", since.into_iter());
        filter.add(&kind, "=", self.kind.iter().map(|kind| kind.as_str().into()));
        filter.add(&code, "=", self.code.iter().map(|code| code.as_str().into()));
        let entries = entries(&mut session, &table, &filter, self.limit)?;
        let nothing = if entries.is_empty() { self.nothing(&mut session, &table)? } else { String::new() };
        Ok(Entries { entries, nothing })
    }
}

impl Audit {
    /// What is older than any entry that is wanted. The log's times may lack the fraction of a second: of two texts for
    /// one moment the shorter one comes first.
    fn since(&self, world: &World) -> Result<Option<Value>> {
        let Some(text) = &self.since else { return Ok(None) };
        let before =
            world.clock.parse_past(text).and_then(|time| time.checked_sub_signed(TimeDelta::microseconds(1)));
        let Some(before) = before else {
            let text = text::escape(text);
            return Err(Problem::usage(format!(
                "--since `{text}` is no time; write an age such as 7d, a day such as 2026-11-01, or \"2026-11-01 02:00\""
            )));
        };
        Ok(Some(Value::Local(before.with_timezone(&world.clock.zone()).fixed_offset())))
    }
}

impl Audit {
    /// Why no entry was found; with the types that there are, where one was asked for.
    fn nothing(&self, session: &mut Session<'_>, table: &Table) -> Result<String> {
        let [kind] = table.columns(["type_evenement"])?;
        let (mut total, mut types) = (0, Vec::new());
        let sql = format!(
            "SELECT CAST({kind} AS text), count(*) FROM {} GROUP BY {kind} ORDER BY {kind}",
            table.name()
        );
        session.rows(&sql, &[], |row| {
            total += row.integer(1)?;
            types.push(text::cut(row.text(0)?, 40));
            Ok(())
        })?;
        types.truncate(MOST_TYPES);
        let total = text::thousands(u64::try_from(total).unwrap_or_default());
        Ok(match &self.kind {
            _ if types.is_empty() => "the audit log is empty".to_owned(),
            Some(_) => format!("no entry matches; the audit log has {total}, of type {}", types.join(", ")),
            None => format!("no entry matches; the audit log has {total}"),
        })
    }
}

/// What an entry has to be.
#[derive(Default)]
struct Filter {
    conditions: Vec<String>,
    values: Vec<Value>,
}

impl Filter {
    /// One of these values; no value asks for nothing.
    fn add(&mut self, column: &str, operator: &str, values: impl Iterator<Item = Value>) {
        let mut any = Vec::new();
        for value in values {
            self.values.push(value);
            any.push(format!("{column} {operator} ${}", self.values.len()));
        }
        if !any.is_empty() {
            self.conditions.push(format!("({})", any.join(" OR ")));
        }
    }

    fn sql(&self) -> String {
        if self.conditions.is_empty() {
            return String::new();
        }
        format!(" WHERE {}", self.conditions.join(" AND "))
    }
}

fn entries(session: &mut Session<'_>, table: &Table, filter: &Filter, limit: u32) -> Result<Vec<Entry>> {
    let [id, time, kind, code, agent, description] =
        table.columns(["id", "timestamp", "type_evenement", "code_rome", "agent", "description"])?;
    let rest = ["donnees_avant", "donnees_apres", "validateur"];
    let rest = rest.map(|column| table.column_if_present(column).unwrap_or_else(|| "NULL".to_owned()));
    // As text, whatever it is: an odd entry must not keep the rest from being read.
    let cells = [&id, &time, &kind, &code, &agent, &description].into_iter().chain(&rest);
    let cells: Vec<_> = cells.map(|column| format!("CAST({column} AS text)")).collect();
    let (cells, table, filtered) = (cells.join(", "), table.name(), filter.sql());
    let sql = format!(
        "SELECT {cells} FROM {table}{filtered} ORDER BY {time} DESC NULLS LAST, {id} DESC LIMIT {limit}"
    );
    let mut entries = Vec::new();
    session.rows(&sql, &filter.values, |row| {
        entries.push(Entry::of(row)?);
        Ok(())
    })?;
    Ok(entries)
}

impl Entry {
    fn of(row: &Row) -> Result<Entry> {
        let words = |index| row.text(index).map(str::to_owned);
        let optional = |index| row.optional_text(index).map(|text| text.map(str::to_owned));
        let json = |index| row.optional_text(index).map(|text| text.map_or(Json::Null, json_or_text));
        Ok(Entry {
            id: json(0)?,
            timestamp: optional(1)?,
            kind: words(2)?,
            code: optional(3)?,
            agent: words(4)?,
            description: words(5)?,
            before: json(6)?,
            after: json(7)?,
            validator: optional(8)?,
        })
    }
}

/// JSON as it is meant; any other text as it stands.
fn json_or_text(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

impl fmt::Display for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.entries.is_empty() {
            return writeln!(f, "{}", self.nothing);
        }
        let mut table = text::Table::new(&["TIME", "TYPE", "CODE", "AGENT", "DESCRIPTION"]);
        for Entry { timestamp, kind, code, agent, description, .. } in &self.entries {
            let time = timestamp.as_deref().map_or("-", |time| time.split('.').next().unwrap_or(time));
            let code = code.as_deref().unwrap_or("-");
            table.row(&[time, kind, code, agent, &text::cut(description, LONGEST)]);
        }
        write!(f, "{table}")
    }
}
