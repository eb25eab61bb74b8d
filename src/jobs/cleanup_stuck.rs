//! `maint cleanup-stuck`: marks backups and restores as failed that have been running or pending for too long.
//!
//! What was never started is judged by when it was made. (The original never caught it.)

use crate::config::site::Language;
use crate::config::tables::{BACKUPS, Known, RESTORES};
use crate::config::units::{self, Length};
use crate::engine::apply::Permit;
use crate::engine::plan::{Overview, Plan};
use crate::engine::report::Outcome;
use crate::engine::{Action, Job, Query, Question};
use crate::error::{Problem, one_line};
use crate::text;
use crate::world::World;
use crate::world::database::{Row, Session, Value, values_list};
use anyhow::Result;
use chrono::{DateTime, Utc};
use clap::Args;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::Duration;

/// Rows that are marked by one statement.
const AT_ONCE: usize = 1_000;
/// The columns that marking needs.
const CHANGED: [&str; 5] = ["id", "status", "completed_at", "duration_seconds", "error_message"];
/// Running operations that the statistics list.
const MOST_LISTED: i64 = 50;

/// Marks backups and restores as failed that have been running or pending for too long
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CleanupStuck {
    /// Mark what began more than this many hours ago [default: 6, or the age in maint.toml]
    #[arg(long, value_name = "HOURS", allow_negative_numbers = true, value_parser = hours)]
    pub hours: Option<u32>,
    /// The same in minutes; counts more than --hours
    #[arg(long, value_name = "MINUTES", allow_negative_numbers = true, value_parser = minutes)]
    pub minutes: Option<u32>,
    /// Mark only this restore, whatever its age
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    #[arg(value_parser = clap::value_parser!(i64).range(1..))]
    pub restore_id: Option<i64>,
    /// Only show how many there are in each state, and what runs
    #[arg(long)]
    pub show_stats: bool,
    /// Do not ask, and accept an age of 0
    #[arg(long)]
    pub force: bool,
}

fn hours(text: &str) -> Result<u32, String> {
    units::count(text).ok_or_else(|| "write a whole number of hours, such as 6".to_owned())
}

fn minutes(text: &str) -> Result<u32, String> {
    units::count(text).ok_or_else(|| "write a whole number of minutes, such as 30".to_owned())
}

impl Job for CleanupStuck {
    const NAME: &'static str = "cleanup-stuck";
    type Action = MarkFailed;

    fn check(&self, world: &World) -> Result<()> {
        let is_by_age = self.restore_id.is_none() && !self.show_stats;
        if is_by_age && !self.force && self.limit(world).age().is_zero() {
            return Err(Problem::refused(
                "an age of 0 marks everything that is running or pending; add --force if that is meant",
            ));
        }
        Ok(())
    }

    fn ready(&self, world: &World) -> Result<()> {
        let database = world.database(world.config.cleanup_stuck.database.as_deref())?;
        let mut looking = database.look(world)?;
        for kind in [Kind::Backup, Kind::Restore] {
            let table = looking.table(kind.known())?;
            table.columns(kind.looked_at())?;
            table.columns(CHANGED)?;
        }
        match self.restore_id {
            Some(id) => plan_one(&mut looking, id, world.clock.now()).map(drop),
            None => Ok(()),
        }
    }

    fn plan(&self, world: &World) -> Result<Plan<MarkFailed>> {
        if self.show_stats {
            let overview = Overview::of("operations", &self.ask(world)?)?;
            return Ok(Plan { overview: Some(overview), ..Plan::default() });
        }
        let database = world.database(world.config.cleanup_stuck.database.as_deref())?;
        let mut looking = database.look(world)?;
        let now = world.clock.now();
        let mut plan = match self.restore_id {
            Some(id) => plan_one(&mut looking, id, now)?,
            None => plan_all(&mut looking, self.limit(world), now)?,
        };
        plan.actions.sort_unstable_by_key(|action| (action.kind, action.id));
        Ok(plan)
    }

    fn question(&self, plan: &Plan<MarkFailed>) -> Option<Question> {
        if self.force || self.show_stats {
            return None;
        }
        let backups = plan.actions.iter().filter(|action| action.kind == Kind::Backup).count();
        let restores = plan.actions.len() - backups;
        let parts = [(backups, "backup"), (restores, "restore")];
        let parts = parts.iter().filter(|(count, _)| *count > 0);
        let what: Vec<String> = parts.map(|(count, noun)| text::plural(*count, noun)).collect();
        Some(Question { text: format!("Mark {} as failed?", what.join(" and ")), options: "--force" })
    }
}

impl CleanupStuck {
    fn limit(&self, world: &World) -> Reason {
        match (self.minutes, self.hours) {
            (Some(minutes), _) => Reason::Minutes(minutes),
            (None, Some(hours)) => Reason::Hours(hours),
            (None, None) => Reason::of(world.config.cleanup_stuck.age),
        }
    }
}

/// Everything that is running or pending for longer than the limit, strictly as in the original.
fn plan_all(looking: &mut Session<'_>, limit: Reason, now: DateTime<Utc>) -> Result<Plan<MarkFailed>> {
    let mut plan = Plan::default();
    let age = chrono::Duration::from_std(limit.age().duration()).unwrap_or(chrono::Duration::MAX);
    let Some(cutoff) = now.checked_sub_signed(age) else { return Ok(plan) };
    for kind in [Kind::Backup, Kind::Restore] {
        operations(looking, kind, "{status} IN ('running', 'pending')", &[], |found| {
            match found.since() {
                Err(error) => plan.failures.push(format!("{found}: {}", one_line(&error))),
                Ok(Some(since)) if since < cutoff => plan.actions.extend(found.mark(limit, Some(since), now)),
                Ok(Some(since)) if since > now => {
                    plan.notes.push(format!("{found}: is left alone, because it begins in the future"));
                }
                Ok(_) => {}
            }
            Ok(())
        })?;
    }
    Ok(plan)
}

/// One restore, whatever its age.
fn plan_one(looking: &mut Session<'_>, id: i64, now: DateTime<Utc>) -> Result<Plan<MarkFailed>> {
    let mut restore = None;
    operations(looking, Kind::Restore, "{id} = $1", &[id.into()], |found| {
        restore = Some(found);
        Ok(())
    })?;
    let Some(found) = restore else {
        return Err(Problem::usage(format!(
            "there is no restore {id}; `maint cleanup-stuck --show-stats` lists what runs"
        )));
    };
    let mut plan = Plan::default();
    match found.mark(Reason::ByHand, found.since().ok().flatten(), now) {
        Some(action) => plan.actions.push(action),
        None => plan
            .notes
            .push(format!("{found}: is {}, so there is nothing to mark", text::escape(&found.status))),
    }
    Ok(plan)
}

/// Hands over the operations for which `filter` holds; it names columns as `{id}` and `{status}`.
fn operations(
    looking: &mut Session<'_>,
    kind: Kind,
    filter: &str,
    values: &[Value],
    mut each: impl FnMut(Operation) -> Result<()>,
) -> Result<()> {
    let table = looking.table(kind.known())?;
    let [id, name, status, started, created] = table.columns(kind.looked_at())?;
    let filter = filter.replace("{id}", &id).replace("{status}", &status);
    let sql =
        format!("SELECT {id}, {name}, {status}, {started}, {created} FROM {} WHERE {filter}", table.name());
    looking.rows(&sql, values, |row| each(Operation::read(kind, row)?))
}

/// Backup or restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Backup,
    Restore,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Backup => "backup",
            Kind::Restore => "restore",
        }
    }

    fn known(self) -> &'static Known {
        match self {
            Kind::Backup => &BACKUPS,
            Kind::Restore => &RESTORES,
        }
    }

    fn looked_at(self) -> [&'static str; 5] {
        let name = match self {
            Kind::Backup => "backup_name",
            Kind::Restore => "restore_name",
        };
        ["id", name, "status", "started_at", "created_at"]
    }
}

/// Why something is marked: because of this age, or because somebody says so.
#[derive(Clone, Copy, Debug)]
enum Reason {
    Hours(u32),
    Minutes(u32),
    Seconds(u32),
    ByHand,
}

impl Reason {
    /// An age in the largest unit that gives a whole number.
    fn of(age: Length) -> Reason {
        let seconds = age.duration().as_secs();
        let count = |unit: u64| u32::try_from(seconds / unit).unwrap_or(u32::MAX);
        match (seconds % 3_600, seconds % 60) {
            (0, _) => Reason::Hours(count(3_600)),
            (_, 0) => Reason::Minutes(count(60)),
            _ => Reason::Seconds(count(1)),
        }
    }

    fn age(self) -> Length {
        match self {
            Reason::Hours(hours) => Length::from_hours(hours.into()),
            Reason::Minutes(minutes) => Length::from_minutes(minutes.into()),
            Reason::Seconds(seconds) => Length::from_seconds(seconds.into()),
            Reason::ByHand => Length::from_seconds(0),
        }
    }

    /// What the row says to those who look at the site; in French word for word as the original.
    fn message(self, language: Language) -> String {
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

/// A row of either table.
#[derive(Debug)]
struct Operation {
    kind: Kind,
    id: i64,
    name: Box<str>,
    status: String,
    started: Result<Option<DateTime<Utc>>>,
    created: Result<Option<DateTime<Utc>>>,
}

impl Operation {
    fn read(kind: Kind, row: &Row) -> Result<Operation> {
        Ok(Operation {
            kind,
            id: row.integer(0)?,
            name: row.text(1)?.into(),
            status: row.text(2)?.to_owned(),
            started: row.time(3),
            created: row.time(4),
        })
    }

    /// When it began, else when it was made.
    fn since(&self) -> Result<Option<DateTime<Utc>>> {
        let time = |(what, time): (&str, &Result<Option<DateTime<Utc>>>)| match time {
            Ok(time) => Ok(*time),
            Err(error) => Err(anyhow::anyhow!("{what}: {error}; correct it in the database")),
        };
        match time(("started_at", &self.started))? {
            Some(started) => Ok(Some(started)),
            None => time(("created_at", &self.created)),
        }
    }

    /// What marks it; nothing when it has ended.
    fn mark(&self, reason: Reason, since: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<MarkFailed> {
        let status = match self.status.as_str() {
            "running" => Unfinished::Running,
            "pending" => Unfinished::Pending,
            _ => return None,
        };
        let seconds = |since: DateTime<Utc>| i32::try_from((now - since).num_seconds()).unwrap_or(i32::MAX);
        Some(MarkFailed {
            kind: self.kind,
            id: self.id,
            name: self.name.clone(),
            status,
            reason,
            age_seconds: since.map_or(0, |since| seconds(since).max(0)),
            was_started: matches!(self.started, Ok(Some(_))),
        })
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.kind.word(), self.id, text::escape(&self.name))
    }
}

/// The states from which something is marked.
#[derive(Clone, Copy, Debug)]
enum Unfinished {
    Running,
    Pending,
}

impl Unfinished {
    fn word(self) -> &'static str {
        match self {
            Unfinished::Running => "running",
            Unfinished::Pending => "pending",
        }
    }
}

/// Marks one row as failed, if its status still is what was seen.
#[derive(Debug)]
pub struct MarkFailed {
    kind: Kind,
    id: i64,
    name: Box<str>,
    status: Unfinished,
    reason: Reason,
    /// From its start to now, else from when it was made; as much as the column can hold.
    age_seconds: i32,
    was_started: bool,
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
fn mark(
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
    let said = first.reason.message(world.config.site.language.unwrap_or(Language::Fr));
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
fn present_states(changing: &mut Session<'_>, kind: Kind, ids: &[i64]) -> Result<HashMap<i64, String>> {
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

/// How many operations there are in each state, and those that have not ended.
#[derive(Debug, Default, Serialize)]
pub struct Statistics {
    backups: Counts,
    restores: Counts,
    /// The oldest first.
    unfinished: Vec<Listed>,
}

#[derive(Debug, Default, Serialize)]
struct Counts {
    running: i64,
    pending: i64,
    completed: i64,
    failed: i64,
    /// In any other state.
    other: i64,
}

/// An operation that has not ended.
#[derive(Debug, Serialize)]
struct Listed {
    kind: &'static str,
    id: i64,
    name: Box<str>,
    status: String,
    /// None when its times cannot be read, or are to come.
    age_seconds: Option<u64>,
}

impl Query for CleanupStuck {
    type Answer = Statistics;

    fn ask(&self, world: &World) -> Result<Statistics> {
        let database = world.database(world.config.cleanup_stuck.database.as_deref())?;
        let mut looking = database.look(world)?;
        let mut unfinished = Vec::new();
        let backups = counts(&mut looking, Kind::Backup)?;
        let restores = counts(&mut looking, Kind::Restore)?;
        for kind in [Kind::Backup, Kind::Restore] {
            let filter = "{status} IN ('running', 'pending') ORDER BY {id} DESC LIMIT $1";
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

fn counts(looking: &mut Session<'_>, kind: Kind) -> Result<Counts> {
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
