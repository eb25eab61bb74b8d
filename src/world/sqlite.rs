//! SQLite databases: opened for looking (nothing can be written) or for changing.

use super::state;
use crate::engine::apply::Permit;
use anyhow::Result;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

/// How long a locked database is waited for.
const BUSY: Duration = Duration::from_secs(30);

/// Opens an existing database; SQLite itself refuses every change.
pub(crate) fn open_to_look(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

/// Opens maint's own database, made when missing, for this user alone.
///
/// The write-ahead log is kept on closing: a checkpoint costs two syncs, which every cron run would pay.
#[expect(clippy::disallowed_methods, reason = "this is World")]
pub(crate) fn open_own(path: &Path, _permit: &Permit) -> rusqlite::Result<Connection> {
    // SQLite lets everybody read what it makes, and gives its other files the mode of the first. Where
    // this fails (most often because there is one already) SQLite says why.
    let _ = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // The log is read whole at every opening: an early checkpoint and small pages (see `history`) keep it short.
    connection.pragma_update(None, "wal_autocheckpoint", 128)?;
    Ok(connection)
}

/// Makes a new database from a script, whole or not at all.
pub(crate) fn create(path: &Path, sql: &str, _permit: &Permit) -> Result<()> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(sql)?;
    Ok(transaction.commit()?)
}

/// The words for an error of maint's own database, and the cure.
pub(crate) fn describe(error: &rusqlite::Error) -> (String, &'static str) {
    use rusqlite::ErrorCode;
    let (words, cure) = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => ("No space left on device", state::FREE_SPACE),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => (
            "state.db is damaged",
            "move it away (the history is lost, and what is remembered from run to run)",
        ),
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
            ("state.db cannot be opened for writing", state::MAKE_WRITABLE)
        }
        Some(ErrorCode::DatabaseBusy) => ("another program has locked state.db for 30 s", "end that program"),
        _ => return (error.to_string(), state::MAKE_WRITABLE),
    };
    (words.to_owned(), cure)
}

/// Runs a query and collects its rows.
pub(crate) fn rows<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
    row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map(parameters, row)?;
    Ok(rows.collect::<rusqlite::Result<Vec<T>>>()?)
}
