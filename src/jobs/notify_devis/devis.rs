//! The devis as the site stores them: records of a table that its users made, one row for each field.

use crate::config::notify_devis::Fields;
use crate::config::tables::{DYNAMIC_FIELDS, DYNAMIC_RECORDS, DYNAMIC_TABLES, DYNAMIC_VALUES};
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::clock::parse_day;
use crate::world::database::{Database, Row, Session, Value};
use anyhow::{Result, anyhow};
use chrono::NaiveDate;
use std::collections::BTreeMap;

/// One devis. A field that was never filled in is `None`.
#[derive(Clone, Debug, Default)]
pub(super) struct Devis {
    pub(super) id: i64,
    pub(super) number: Option<String>,
    pub(super) amount: Option<String>,
    pub(super) agent: Option<String>,
    status: Option<String>,
    start: Option<String>,
    end: Option<String>,
    pub(super) start_was_sent: bool,
    pub(super) end_was_sent: bool,
}

impl Devis {
    /// The site stores a yes as "True".
    pub(super) fn is_accepted(&self) -> bool {
        self.status.as_deref().is_some_and(|status| status.eq_ignore_ascii_case("true"))
    }

    /// First and last day of the payment period; `None` when nothing is due from this devis.
    pub(super) fn period(&self) -> Result<Option<(NaiveDate, NaiveDate)>> {
        let (Some(start), Some(end)) = (self.start.as_deref(), self.end.as_deref()) else { return Ok(None) };
        if !self.is_accepted() || start.is_empty() || end.is_empty() {
            return Ok(None);
        }
        Ok(Some((day(start)?, day(end)?)))
    }

    /// True when both say the same, whatever was sent meanwhile.
    pub(super) fn says_the_same_as(&self, other: &Devis) -> bool {
        let words = |devis: &Devis| {
            let Devis {
                number,
                amount,
                agent,
                status,
                start,
                end,
                id: _,
                start_was_sent: _,
                end_was_sent: _,
            } = devis.clone();
            [number, amount, agent, status, start, end]
        };
        words(self) == words(other)
    }

    fn fill_in(&mut self, field: &str, value: &str, fields: &Fields) {
        let Fields { number, amount, status, start, end, agent } = fields;
        let places = [
            (number, &mut self.number),
            (amount, &mut self.amount),
            (status, &mut self.status),
            (start, &mut self.start),
            (end, &mut self.end),
            (agent, &mut self.agent),
        ];
        if let Some((_, place)) = places.into_iter().find(|(slug, _)| *slug == field) {
            *place = Some(value.to_owned());
        }
    }
}

fn day(text: &str) -> Result<NaiveDate> {
    parse_day(text).ok_or_else(|| anyhow!("`{}` is not a date; write it as 2026-11-20", text::escape(text)))
}

/// All devis that are not deleted, or one of them, those that were changed last first.
#[derive(Debug, Default)]
pub(super) struct Register {
    pub(super) devis: Vec<Devis>,
    /// Records that cannot be read, and why.
    pub(super) unreadable: Vec<String>,
}

impl Register {
    pub(super) fn read(database: &Database, world: &World, only: Option<i64>) -> Result<Register> {
        let mut session = database.look(world)?;
        let table = table_of_devis(&mut session, world)?;
        let fields = fields(&mut session, world, table)?;
        let mut register = Register::default();
        let mut last_id = None;
        let mut values = vec![Value::Integer(table)];
        values.extend(only.map(Value::Integer));
        let sql = records(&mut session, only.is_some())?;
        session.rows(&sql, &values, |row| {
            let id = row.integer(0)?;
            if last_id.replace(id) != Some(id) {
                register.begin(id, row);
            }
            let field = row.optional_integer(3)?.and_then(|field| fields.get(&field));
            if let (Some(devis), Some(field)) =
                (register.devis.last_mut().filter(|devis| devis.id == id), field)
            {
                devis.fill_in(field, row.text(4)?, &world.config.notify_devis.fields);
            }
            Ok(())
        })?;
        Ok(register)
    }

    /// A further record, whose flags are in this row.
    fn begin(&mut self, id: i64, row: &Row) {
        match (row.boolean(1), row.boolean(2)) {
            (Ok(start_was_sent), Ok(end_was_sent)) => {
                self.devis.push(Devis { id, start_was_sent, end_was_sent, ..Devis::default() });
            }
            (Err(error), _) | (_, Err(error)) => {
                self.unreadable
                    .push(format!("devis {id}: its notified flag: {error}; correct it in the database"));
            }
        }
    }
}

/// The id of the table of devis.
fn table_of_devis(session: &mut Session<'_>, world: &World) -> Result<i64> {
    let tables = session.table(&DYNAMIC_TABLES)?;
    let [id, slug] = tables.columns(["id", "slug"])?;
    let wanted = &world.config.notify_devis.table;
    let mut found = None;
    let sql = format!("SELECT {id} FROM {} WHERE {slug} = $1", tables.name());
    session.rows(&sql, &[wanted.as_str().into()], |row| {
        found = Some(row.integer(0)?);
        Ok(())
    })?;
    found.ok_or_else(|| {
        let (wanted, tables) =
            (text::escape(wanted), text::escape(tables.name().trim_matches('"')).into_owned());
        Problem::usage(format!("{tables} names no table `{wanted}`; set `table` in [notify-devis]"))
    })
}

/// The slugs of the fields by their ids. One that is missing would mean that nothing is ever due.
fn fields(session: &mut Session<'_>, world: &World, table: i64) -> Result<BTreeMap<i64, String>> {
    let known = session.table(&DYNAMIC_FIELDS)?;
    let [id, slug, table_id] = known.columns(["id", "slug", "table_id"])?;
    let mut fields = BTreeMap::new();
    let sql = format!("SELECT {id}, {slug} FROM {} WHERE {table_id} = $1", known.name());
    session.rows(&sql, &[table.into()], |row: &Row| {
        fields.insert(row.integer(0)?, row.text(1)?.to_owned());
        Ok(())
    })?;
    let Fields { status, start, end, .. } = &world.config.notify_devis.fields;
    let needed = [("status", status), ("start", start), ("end", end)];
    match needed.into_iter().find(|(_, slug)| !fields.values().any(|field| field == *slug)) {
        Some((key, slug)) => {
            let table = text::escape(&world.config.notify_devis.table);
            let slug = text::escape(slug);
            Err(Problem::usage(format!(
                "the table `{table}` has no field `{slug}`; set `{key}` in [notify-devis.fields]"
            )))
        }
        None => Ok(fields),
    }
}

/// The statement that lists records with their values, those of one record together.
fn records(session: &mut Session<'_>, is_one: bool) -> Result<String> {
    let (records, values) = (session.table(&DYNAMIC_RECORDS)?, session.table(&DYNAMIC_VALUES)?);
    let [id, table_id, is_active, updated, start, end] = records.columns([
        "id",
        "table_id",
        "is_active",
        "updated_at",
        "discord_start_notified",
        "discord_end_notified",
    ])?;
    let [record_id, field_id, value] = values.columns(["record_id", "field_id", "value"])?;
    let (records, values) = (records.name(), values.name());
    let one = if is_one { format!(" AND r.{id} = $2") } else { String::new() };
    Ok(format!(
        "SELECT r.{id}, r.{start}, r.{end}, v.{field_id}, v.{value}
         FROM {records} AS r LEFT JOIN {values} AS v ON v.{record_id} = r.{id}
         WHERE r.{table_id} = $1 AND r.{is_active}{one}
         ORDER BY r.{updated} DESC, r.{id} DESC"
    ))
}
