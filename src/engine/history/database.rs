//! The state database: its schema, and how it is opened.

use crate::engine::apply::Permit;
use crate::error::Problem;
use crate::world::World;
use crate::world::sqlite;
use anyhow::Result;
use rusqlite::{Connection, TransactionBehavior};

/// No job can have a lock of this name: names begin with a letter or digit.
const MIGRATION_LOCK: &str = ".migration";

/// What each version of the schema adds to the one before; never changed once released.
const MIGRATIONS: [&str; 5] = [
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
    "
    ALTER TABLE runs ADD COLUMN asked_by TEXT;
",
];

/// The first version with the table `memory`.
pub(in crate::engine) const WITH_MEMORY: u32 = 4;

#[expect(clippy::cast_possible_truncation, reason = "a handful of migrations")]
const LATEST: u32 = MIGRATIONS.len() as u32;

/// The database for looking; `None` before the first run.
pub(in crate::engine) fn look(world: &World) -> Result<Option<Connection>> {
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

pub(in crate::engine) fn open(world: &World, permit: &Permit) -> Result<Connection> {
    let path = world.state.database();
    let open = || sqlite::open_own(&path, permit).map_err(|error| explain(world, &error));
    let mut connection = open()?;
    match version(&connection).map_err(|error| explain(world, &error))? {
        LATEST => return Ok(connection),
        newer if newer > LATEST => {
            return Err(Problem::unusable(&Problem::usage(format!(
                "state.db was written by a newer maint (version {newer}); update this one"
            ))));
        }
        _ => {}
    }
    // Two first runs at once: the kernel lock lets one of them make the schema, the other finds it made.
    let guard = world.state.open_lock(MIGRATION_LOCK, permit)?;
    guard.lock().map_err(|error| world.state.problem(&error))?;
    migrate(&mut connection).map_err(|error| explain(world, &error))?;
    Ok(connection)
}

pub(in crate::engine) fn version(connection: &Connection) -> rusqlite::Result<u32> {
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

pub(in crate::engine) fn explain(world: &World, error: &rusqlite::Error) -> anyhow::Error {
    let (words, cure) = sqlite::describe(error);
    world.state.problem_in_words(&words, cure)
}
