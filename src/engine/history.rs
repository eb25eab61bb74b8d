//! The memory of runs: one row each, in the state database.

use super::apply::Permit;
use super::lock::Holder;
use crate::error::Problem;
use crate::logging;
use crate::world::World;
use crate::world::process::Identity;
use crate::world::sqlite;
use anyhow::Result;
use chrono::{DateTime, Utc};
use rusqlite::{Connection, Row, TransactionBehavior, params};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// No job can have a lock of this name: names begin with a letter or digit.
const MIGRATION_LOCK: &str = ".migration";

/// What each version of the schema adds to the one before; never changed once released.
const MIGRATIONS: [&str; 4] = [
    "
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY,
        run TEXT NOT NULL UNIQUE,
        job TEXT NOT NULL,
        lock TEXT NOT NULL,
        line TEXT NOT NULL,
        status TEXT NOT NULL,
        exit_code INTEGER,
        started INTEGER NOT NULL,
        finished INTEGER,
        pid INTEGER NOT NULL,
        pid_started INTEGER NOT NULL,
        summary TEXT NOT NULL DEFAULT '',
        report TEXT NOT NULL DEFAULT '{}'
    ) STRICT;
    CREATE INDEX runs_of_job ON runs (job, id);
    CREATE INDEX runs_running ON runs (lock) WHERE status = 'running';
    CREATE TABLE alerts (
        id INTEGER PRIMARY KEY,
        job TEXT NOT NULL,
        kind TEXT NOT NULL,
        run TEXT NOT NULL,
        created INTEGER NOT NULL,
        sent INTEGER,
        text TEXT NOT NULL
    ) STRICT;
    CREATE INDEX alerts_of_job ON alerts (job, id);
",
    "
    CREATE TABLE crontab_lines (
        job TEXT PRIMARY KEY,
        hash TEXT NOT NULL,
        since INTEGER NOT NULL
    ) STRICT;
",
    // What was raised before anything could send it is of no use any more.
    "
    ALTER TABLE runs ADD COLUMN weighed INTEGER NOT NULL DEFAULT 1;
    CREATE INDEX runs_to_weigh ON runs (id) WHERE weighed = 0;
    ALTER TABLE alerts ADD COLUMN facts TEXT NOT NULL DEFAULT '{}';
    ALTER TABLE alerts ADD COLUMN given_up INTEGER;
    UPDATE alerts SET sent = created WHERE sent IS NULL;
    CREATE INDEX alerts_waiting ON alerts (id) WHERE sent IS NULL AND given_up IS NULL;
    CREATE TABLE deliveries (
        alert INTEGER NOT NULL,
        receiver TEXT NOT NULL,
        sent INTEGER NOT NULL,
        PRIMARY KEY (alert, receiver)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE alert_states (
        job TEXT PRIMARY KEY,
        failures INTEGER NOT NULL DEFAULT 0,
        since INTEGER,
        is_told INTEGER NOT NULL DEFAULT 0,
        told INTEGER,
        overdue INTEGER
    ) STRICT;
",
    "
    CREATE TABLE memory (
        topic TEXT NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        written INTEGER NOT NULL,
        PRIMARY KEY (topic, key)
    ) STRICT, WITHOUT ROWID;
",
];

/// The first version with the table `memory`.
pub(super) const WITH_MEMORY: u32 = 4;

#[expect(clippy::cast_possible_truncation, reason = "a handful of migrations")]
const LATEST: u32 = MIGRATIONS.len() as u32;

/// A run as the history shows it.
#[derive(Clone, Debug, Serialize)]
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
            pid_started: row.get("pid_started")?,
        };
        if run.status == RUNNING && !run.process().is_alive() {
            LOST.clone_into(&mut run.status);
            LOST_SUMMARY.clone_into(&mut run.summary);
        }
        Ok(run)
    }

    fn process(&self) -> Identity {
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
            "INSERT INTO runs (run, job, lock, line, status, started, pid, pid_started, weighed)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        let Holder { job, run, pid, pid_started, started } = holder;
        let line = logging::redacted(line);
        let started = started.timestamp_millis();
        let is_weighed = !self.weighs;
        statement.execute(params![run, job, lock, line, status, started, pid, pid_started, is_weighed])
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

pub(super) fn open(world: &World, permit: &Permit) -> Result<Connection> {
    let path = world.state.database();
    let open = || sqlite::open_own(&path, permit).map_err(|error| explain(world, &error));
    let mut connection = open()?;
    match version(&connection).map_err(|error| explain(world, &error))? {
        LATEST => return Ok(connection),
        newer if newer > LATEST => {
            return Err(Problem::usage(format!(
                "state.db was written by a newer maint (version {newer}); update this one"
            )));
        }
        _ => {}
    }
    // Two first runs at once: the kernel lock lets one of them make the schema, the other finds it made.
    let guard = world.state.open_lock(MIGRATION_LOCK, permit)?;
    guard.lock().map_err(|error| world.state.problem(&error))?;
    migrate(&mut connection).map_err(|error| explain(world, &error))?;
    Ok(connection)
}

pub(super) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    // Takes effect only while the file is still empty.
    connection.pragma_update(None, "page_size", 1_024)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let from = version(&transaction)?;
    for sql in MIGRATIONS.iter().skip(from as usize) {
        transaction.execute_batch(sql)?;
    }
    transaction.pragma_update(None, "user_version", LATEST)?;
    transaction.commit()
}

pub(super) fn explain(world: &World, error: &rusqlite::Error) -> anyhow::Error {
    let (words, cure) = sqlite::describe(error);
    world.state.problem_in_words(&words, cure)
}

/// The latest runs, newest first; of one job or of all. Empty before the first run.
pub fn runs(world: &World, job: Option<&str>, limit: u32) -> Result<Vec<Run>> {
    let Some(connection) = look(world)? else { return Ok(Vec::new()) };
    let sql = "SELECT * FROM runs WHERE ?1 IS NULL OR job = ?1 ORDER BY id DESC LIMIT ?2";
    sqlite::rows(&connection, sql, params![job, limit], Run::from_row)
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

/// The database for looking; `None` before the first run.
pub(super) fn look(world: &World) -> Result<Option<Connection>> {
    let path = world.state.database();
    if !world.files.exists(&path) {
        return Ok(None);
    }
    let connection = sqlite::open_to_look(&path).map_err(|error| explain(world, &error))?;
    match version(&connection).map_err(|error| explain(world, &error))? {
        0 => Ok(None),
        _ => Ok(Some(connection)),
    }
}
