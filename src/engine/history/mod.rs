//! The memory of runs: one row each, in the state database.

mod database;

pub(super) use database::{WITH_MEMORY, explain, look, open, version};

use super::apply::Permit;
use super::lock::Holder;
use crate::logging;
use crate::world::World;
use crate::world::process::Identity;
use crate::world::sqlite;
use anyhow::Result;
use chrono::{DateTime, Utc};
use rusqlite::{Connection, Row, params};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// A run as the history shows it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Run {
    /// Its id.
    pub run: String,
    /// The job's name.
    pub job: String,
    /// What it ran.
    pub line: String,
    /// running, done, found, failed, interrupted, timed-out, skipped or lost.
    pub status: String,
    /// The exit code.
    pub exit_code: Option<i64>,
    /// When it began.
    pub started: DateTime<Utc>,
    /// When it ended.
    pub finished: Option<DateTime<Utc>>,
    /// The process that ran it.
    pub pid: u32,
    /// One line.
    pub summary: String,
    /// The name of the key with which it was asked for, when that came from afar.
    pub by: Option<String>,
    #[serde(skip)]
    pid_started: u64,
}

impl Run {
    pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Run> {
        let time = |at: Option<i64>| at.and_then(DateTime::from_timestamp_millis);
        let mut run = Run {
            run: row.get("run")?,
            job: row.get("job")?,
            line: row.get("line")?,
            status: row.get("status")?,
            exit_code: row.get("exit_code")?,
            started: time(Some(row.get("started")?)).unwrap_or_default(),
            finished: time(row.get("finished")?),
            pid: row.get("pid")?,
            summary: row.get("summary")?,
            // A database that only older runs have written to has no such column.
            by: row.get("asked_by").unwrap_or_default(),
            pid_started: row.get("pid_started")?,
        };
        if run.status == RUNNING && !run.process().is_alive() {
            LOST.clone_into(&mut run.status);
            LOST_SUMMARY.clone_into(&mut run.summary);
        }
        Ok(run)
    }

    /// The process that runs it.
    pub(crate) fn process(&self) -> Identity {
        Identity { pid: self.pid, started: self.pid_started }
    }

    /// "done", "failed (3)".
    #[must_use]
    pub fn result(&self) -> String {
        match self.exit_code {
            Some(code) if code != 0 => format!("{} ({code})", self.status),
            _ => self.status.clone(),
        }
    }

    /// How long it took, once it has ended.
    #[must_use]
    pub fn took(&self) -> Option<Duration> {
        (self.finished? - self.started).to_std().ok()
    }

    /// True when it ended otherwise than it should have, and nobody asked for that.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        matches!(self.status.as_str(), "failed" | "timed-out" | LOST)
    }

    /// True when it ended as it should have, and what it looked at is not well.
    #[must_use]
    pub fn has_found(&self) -> bool {
        self.status == "found"
    }

    /// True while it goes on.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.status == RUNNING
    }
}

const RUNNING: &str = "running";
const LOST: &str = "lost";
const LOST_SUMMARY: &str = "ended without a word: killed, or the machine stopped";

/// How a run ended, as it is written down.
#[derive(Debug)]
pub struct Ending<'a> {
    /// The word of [`super::report::Status`], or "skipped".
    pub status: &'a str,
    /// The exit code.
    pub exit_code: u8,
    /// When.
    pub finished: DateTime<Utc>,
    /// One line.
    pub summary: &'a str,
    /// The report as JSON, without the steps that were simply done.
    pub report: &'a str,
}

/// The state database, open for writing.
#[derive(Debug)]
pub struct History<'a> {
    connection: Connection,
    world: &'a World,
    /// Runs are written down to be weighed for alerts when they have ended.
    weighs: bool,
}

impl<'a> History<'a> {
    /// Opens the database, making or migrating it when needed.
    pub fn open(world: &'a World, permit: &Permit) -> Result<History<'a>> {
        let connection = open(world, permit)?;
        Ok(History { connection, world, weighs: false })
    }

    /// The same for the run of a job of `maint.toml`, which may be worth an alert.
    pub(super) fn weighing(self) -> History<'a> {
        let weighs = !self.world.config.alerts.told().is_empty();
        History { weighs, ..self }
    }

    /// The open database.
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Writes down that a run begins. Runs of the same lock that never ended are marked as lost; one
    /// whose process still lives (its lock file was removed) is returned instead.
    pub fn begin(&self, holder: &Holder, lock: &str, line: &str, _permit: &Permit) -> Result<Option<Holder>> {
        let begin = || -> rusqlite::Result<Option<Holder>> {
            let mut statement =
                self.connection.prepare("SELECT * FROM runs WHERE lock = ?1 AND status = 'running'")?;
            let running =
                statement.query_map([lock], |row| Ok((row.get::<_, i64>("id")?, Run::from_row(row)?)))?;
            for (id, run) in running.collect::<rusqlite::Result<Vec<_>>>()? {
                if run.status == RUNNING && run.process() != Identity::own() {
                    let Run { job, run, pid, pid_started, started, .. } = run;
                    return Ok(Some(Holder { job, run, pid, pid_started, started }));
                }
                self.connection.execute(
                    "UPDATE runs SET status = ?2, summary = ?3 WHERE id = ?1",
                    params![id, LOST, LOST_SUMMARY],
                )?;
            }
            self.insert(holder, lock, line, RUNNING)?;
            Ok(None)
        };
        begin().map_err(|error| explain(self.world, &error))
    }

    /// Writes down a run that did not take place: skipped, or refused.
    pub(super) fn note(
        &self,
        holder: &Holder,
        lock: &str,
        line: &str,
        ending: &Ending<'_>,
        permit: &Permit,
    ) -> Result<()> {
        self.insert(holder, lock, line, ending.status).map_err(|error| explain(self.world, &error))?;
        self.end(&holder.run, ending, permit)
    }

    fn insert(&self, holder: &Holder, lock: &str, line: &str, status: &str) -> rusqlite::Result<usize> {
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO runs (run, job, lock, line, status, started, pid, pid_started, weighed, asked_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?;
        let Holder { job, run, pid, pid_started, started } = holder;
        let line = logging::redacted(line);
        let started = started.timestamp_millis();
        let is_weighed = !self.weighs;
        let by = &self.world.asked_by;
        statement.execute(params![run, job, lock, line, status, started, pid, pid_started, is_weighed, by])
    }

    /// Writes down how a run ended.
    pub fn end(&self, run: &str, ending: &Ending<'_>, _permit: &Permit) -> Result<()> {
        let Ending { status, exit_code, finished, summary, report } = ending;
        self.connection
            .execute(
                "UPDATE runs SET status = ?2, exit_code = ?3, finished = ?4, summary = ?5, report = ?6 WHERE run = ?1",
                params![run, status, exit_code, finished.timestamp_millis(), summary, report],
            )
            .map_err(|error| explain(self.world, &error))?;
        Ok(())
    }

    /// Forgets old runs of a job but not its `own`, and returns the log files that go with them. Skipped runs are
    /// counted for themselves: many of them must not crowd out the few that ran.
    pub fn prune(&self, job: &str, own: &str, _permit: &Permit) -> Result<Vec<PathBuf>> {
        let section = &self.world.config.state;
        let age = chrono::Duration::from_std(section.keep_age.duration()).unwrap_or(chrono::Duration::MAX);
        let oldest = self.world.clock.now().checked_sub_signed(age).map_or(0, |time| time.timestamp_millis());
        let gone = sqlite::rows(
            &self.connection,
            "DELETE FROM runs AS old WHERE job = ?1 AND run <> ?4 AND status <> 'running'
                 AND (started < ?2 OR id <= (
                     SELECT id FROM runs WHERE job = ?1 AND (status = 'skipped') = (old.status = 'skipped')
                     ORDER BY id DESC LIMIT 1 OFFSET ?3))
             RETURNING run",
            params![job, oldest, section.keep_runs, own],
            |row| row.get::<_, String>(0),
        )?;
        Ok(gone.iter().map(|run| self.world.state.log(job, run)).collect())
    }
}

/// The latest runs, newest first; of one job or of all. Empty before the first run.
pub fn runs(world: &World, job: Option<&str>, limit: u32) -> Result<Vec<Run>> {
    let Some(connection) = look(world)? else { return Ok(Vec::new()) };
    let sql = "SELECT * FROM runs WHERE ?1 IS NULL OR job = ?1 ORDER BY id DESC LIMIT ?2";
    sqlite::rows(&connection, sql, params![job, limit], Run::from_row)
}

/// The latest runs of each job, newest first, so many of each.
pub(crate) fn recent(world: &World, of_each: u32) -> Result<Vec<Run>> {
    let Some(connection) = look(world)? else { return Ok(Vec::new()) };
    let sql = "SELECT * FROM runs AS this WHERE id > coalesce(
                   (SELECT id FROM runs WHERE job = this.job ORDER BY id DESC LIMIT 1 OFFSET ?1), 0)
               ORDER BY id DESC";
    sqlite::rows(&connection, sql, [of_each], Run::from_row)
}

/// The run of this id, with what the history keeps of its report; `None` when there is none.
pub(crate) fn run(world: &World, run: &str) -> Result<Option<(Run, Value)>> {
    let Some(connection) = look(world)? else { return Ok(None) };
    let rows = sqlite::rows(&connection, "SELECT * FROM runs WHERE run = ?1", [run], |row| {
        let report: String = row.get("report")?;
        Ok((Run::from_row(row)?, serde_json::from_str(&report).unwrap_or_default()))
    })?;
    Ok(rows.into_iter().next())
}

/// The runs that go on at this moment, with their locks.
pub fn running(world: &World) -> Result<Vec<(String, Run)>> {
    let Some(connection) = look(world)? else { return Ok(Vec::new()) };
    let sql = "SELECT * FROM runs WHERE status = 'running' ORDER BY id";
    let rows = sqlite::rows(&connection, sql, [], |row| Ok((row.get("lock")?, Run::from_row(row)?)))?;
    Ok(rows.into_iter().filter(|(_, run)| run.status == RUNNING).collect())
}

/// The latest run of every job that has one; a skipped one tells nothing of the job.
pub fn latest(world: &World) -> Result<Vec<Run>> {
    let Some(connection) = look(world)? else { return Ok(Vec::new()) };
    let sql =
        "SELECT * FROM runs WHERE id IN (SELECT max(id) FROM runs WHERE status <> 'skipped' GROUP BY job)";
    sqlite::rows(&connection, sql, [], Run::from_row)
}

/// When each job began last, runs included that were then skipped.
pub fn latest_starts(world: &World) -> Result<BTreeMap<String, DateTime<Utc>>> {
    let Some(connection) = look(world)? else { return Ok(BTreeMap::new()) };
    let sql = "SELECT job, max(started) FROM runs GROUP BY job";
    let rows = sqlite::rows(&connection, sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.into_iter().filter_map(|(job, at)| Some((job, DateTime::from_timestamp_millis(at)?))).collect())
}
