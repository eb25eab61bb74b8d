//! A SQLite file of the site. It is never made, and waited for while another program has locked it.

mod exchange;
mod restore;
mod room;
mod vacuum;

pub(super) use restore::{restore, set_aside};
pub(crate) use vacuum::{Pages, ToVacuum, copy_of};

use super::value::{Row, Value, django_time, local_time};
use super::{Engine, Purpose};
use crate::text;
use crate::world::files::{free_bytes, holder_of_lock};
use crate::world::stop::Stop;
use anyhow::{Result, anyhow};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Error, ErrorCode, OpenFlags, Statement, ToSql};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A locked database is tried again after this time.
const PAUSE: Duration = Duration::from_millis(50);
/// One snapshot from here on.
const LOOK: &str = "BEGIN; SELECT count(*) FROM sqlite_schema WHERE false";
const FOR_NOBODY_ELSE: &str = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF";
/// Pages that are copied before a signal is looked for.
const AT_ONCE: i32 = 1_000;
/// SQLite makes the index of a log of this size, in bytes.
const LEAST_ROOM: u64 = 32 << 10;
const MAGIC: &[u8] = b"SQLite format 3\0";

/// One transaction.
pub(super) struct Sqlite<'w> {
    connection: Connection,
    file: File<'w>,
    patience: Duration,
}

/// A database file, as messages speak of it.
#[derive(Clone, Copy)]
struct File<'w> {
    name: &'w str,
    path: &'w Path,
    /// Read as a file that does not change; see [`open_without_a_trace`].
    is_taken_as_it_is: bool,
}

impl Sqlite<'_> {
    pub(super) fn begin<'w>(
        name: &'w str,
        path: &'w Path,
        patience: Duration,
        stop: &Stop,
        purpose: Purpose,
    ) -> Result<Sqlite<'w>> {
        let mut file = File { name, path, is_taken_as_it_is: false };
        let opened = match purpose {
            Purpose::Rehearse if is_without_log(path) => {
                file.is_taken_as_it_is = true;
                open_without_a_trace(path)
            }
            Purpose::Rehearse | Purpose::Look => open(path, OpenFlags::SQLITE_OPEN_READ_ONLY),
            Purpose::Change => open(path, OpenFlags::SQLITE_OPEN_READ_WRITE),
        };
        let connection = opened.map_err(|error| file.explain(&error, Duration::ZERO))?;
        // The first statement takes the lock; BEGIN alone takes none for looking.
        let begin = match purpose {
            Purpose::Change => "PRAGMA foreign_keys = ON; BEGIN IMMEDIATE",
            Purpose::Rehearse | Purpose::Look => LOOK,
        };
        let (mut answer, waited) = wait_for_turn(patience, stop, || begin_anew(&connection, begin));
        let is_cut_off = purpose == Purpose::Look && answer.as_ref().is_err_and(is_hot);
        if is_cut_off && undo_cut_off_change(path, patience).is_ok() {
            answer = begin_anew(&connection, begin);
        }
        answer.map_err(|error| file.explain(&error, waited.min(patience)))?;
        connection.busy_timeout(patience).map_err(|error| file.explain(&error, waited))?;
        Ok(Sqlite { connection, file, patience })
    }

    fn explain(&self, error: &Error) -> anyhow::Error {
        self.file.explain(error, self.patience)
    }
}

/// Copies a database into an empty file, as it is at one instant.
pub(super) fn copy(name: &str, path: &Path, target: &Path, patience: Duration, stop: &Stop) -> Result<()> {
    let file = File { name, path, is_taken_as_it_is: false };
    let explain = |error: &Error| file.explain(error, Duration::ZERO);
    let source = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(|error| explain(&error))?;
    let mut copied = open(target, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|error| explain(&error))?;
    // Nobody else knows the copy: it needs no journal, which a failure would leave behind.
    copied.execute_batch(FOR_NOBODY_ELSE).map_err(|error| explain(&error))?;
    let (answer, waited) = wait_for_turn(patience, stop, || begin_anew(&source, LOOK));
    answer.map_err(|error| file.explain(&error, waited.min(patience)))?;
    let copying = Backup::new(&source, &mut copied).map_err(|error| explain(&error))?;
    while stop.reason().is_none() {
        match copying.step(AT_ONCE).map_err(|error| explain(&error))? {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            _ => return Err(anyhow!("the database {name} cannot be copied: the copy is locked")),
        }
    }
    Err(anyhow!("the run was ended before the database {name} was copied"))
}

/// Refuses a copy that is damaged, as its original then is. It is ours alone: nothing may be left beside it.
pub(super) fn examine(name: &str, path: &Path) -> Result<()> {
    let file = File { name, path, is_taken_as_it_is: false };
    match fault_of(open_without_a_trace(path)).map_err(|error| file.explain(&error, Duration::ZERO))? {
        Some(fault) => Err(anyhow!("the database {name} is damaged: {}", text::escape(&fault))),
        None => Ok(()),
    }
}

/// True when a file that others may have open is a database that is whole.
pub(super) fn is_sound(path: &Path, purpose: Purpose) -> bool {
    let opened = || match purpose {
        Purpose::Rehearse if is_without_log(path) => open_without_a_trace(path),
        _ => open(path, OpenFlags::SQLITE_OPEN_READ_ONLY),
    };
    begins_as_one(path).unwrap_or(false) && fault_of(opened()).is_ok_and(|fault| fault.is_none())
}

fn fault_of(opened: rusqlite::Result<Connection>) -> rusqlite::Result<Option<String>> {
    opened.and_then(|connection| vacuum::first_fault(&connection, "integrity_check"))
}

/// Begins, or leaves nothing begun.
fn begin_anew(connection: &Connection, begin: &str) -> rusqlite::Result<()> {
    connection.execute_batch(begin).inspect_err(|_| {
        if !connection.is_autocommit() {
            let _ = connection.execute_batch("ROLLBACK");
        }
    })
}

/// Opens an existing file.
fn open(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    prepared(Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?)
}

/// SQLite makes the log of a database in WAL mode where it is missing, even to read. Without a log nobody has the
/// database open: it can be read as a file that does not change. (Who opens it meanwhile may make the reading fail.)
fn open_without_a_trace(path: &Path) -> rusqlite::Result<Connection> {
    let name = path.as_os_str().as_encoded_bytes().iter().fold(String::new(), |mut name, byte| {
        let _ = write!(name, "%{byte:02x}");
        name
    });
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    prepared(Connection::open_with_flags(format!("file:{name}?immutable=1"), flags)?)
}

fn prepared(connection: Connection) -> rusqlite::Result<Connection> {
    // The turn to begin is waited for by [`wait_for_turn`], which a signal can end.
    connection.busy_timeout(Duration::ZERO)?;
    // What double quotes hold is a name and never a text.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// Byte 18 of the file says so; it can be read without taking any lock.
#[expect(clippy::disallowed_methods, reason = "this is World")]
fn is_in_wal_mode(path: &Path) -> bool {
    use std::os::unix::fs::FileExt as _;
    let mut version = [0];
    let read = std::fs::File::open(path).and_then(|file| file.read_exact_at(&mut version, 18));
    read.is_ok() && version == [2]
}

/// True when reading it would make a log.
fn is_without_log(path: &Path) -> bool {
    is_in_wal_mode(path) && !beside(path, "-wal").exists()
}

/// True when a file begins as a database does, or is one that nobody has begun yet.
#[expect(clippy::disallowed_methods, reason = "this is World")]
pub(super) fn begins_as_one(path: &Path) -> std::io::Result<bool> {
    use std::io::Read as _;
    let mut head = Vec::new();
    std::fs::File::open(path)?.take(MAGIC.len() as u64).read_to_end(&mut head)?;
    Ok(head.is_empty() || head == MAGIC)
}

/// True when a change is under way, or was cut off.
pub(super) fn has_journal(path: &Path) -> bool {
    std::fs::metadata(beside(path, "-journal")).is_ok_and(|found| found.len() > 0)
}

/// A file that SQLite keeps beside the database.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Tries until it succeeds, time is up, or the run has to end; and how long that took.
#[expect(clippy::disallowed_methods, reason = "this is World")]
fn wait_for_turn<T>(
    patience: Duration,
    stop: &Stop,
    mut begin: impl FnMut() -> rusqlite::Result<T>,
) -> (rusqlite::Result<T>, Duration) {
    let start = Instant::now();
    loop {
        match begin() {
            Err(error) if is_locked(&error) && start.elapsed() < patience && stop.reason().is_none() => {
                std::thread::sleep(PAUSE);
            }
            other => return (other, start.elapsed()),
        }
    }
}

fn is_locked(error: &Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

impl Engine for Sqlite<'_> {
    fn rows(&mut self, sql: &str, values: &[Value], each: &mut dyn FnMut(&Row) -> Result<()>) -> Result<()> {
        let explain = |error: &Error| self.explain(error);
        let mut statement =
            self.connection.prepare_cached(&numbered(sql)).map_err(|error| explain(&error))?;
        bind(&mut statement, values).map_err(|error| explain(&error))?;
        let columns = statement.column_count();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(|error| explain(&error))? {
            let cells = (0..columns).map(|index| row.get_ref(index).map(from_sqlite));
            let cells = cells.collect::<rusqlite::Result<Vec<_>>>().map_err(|error| explain(&error))?;
            each(&Row(cells))?;
        }
        Ok(())
    }

    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64> {
        let execute = || {
            let mut statement = self.connection.prepare_cached(&numbered(sql))?;
            bind(&mut statement, values)?;
            statement.raw_execute()
        };
        execute().map(|changed| changed as u64).map_err(|error| self.explain(&error))
    }

    fn commit(&mut self) -> Result<()> {
        self.connection.execute_batch("COMMIT").map_err(|error| self.explain(&error))
    }

    /// `BEGIN IMMEDIATE` has done so for the whole file.
    fn lock(&mut self, _table: &str) -> Result<()> {
        Ok(())
    }

    fn columns(&mut self, table: &str) -> Result<BTreeSet<String>> {
        let mut columns = BTreeSet::new();
        self.rows("SELECT name FROM pragma_table_info($1)", &[table.into()], &mut |row| {
            columns.insert(row.text(0)?.to_owned());
            Ok(())
        })?;
        Ok(columns)
    }
}

/// `$1` as `?1`: SQLite looks up a name among all the names of a statement, which is felt when there are thousands,
/// but takes a number as it is.
fn numbered(sql: &str) -> String {
    let mut parts = sql.split('$');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push(if part.starts_with(|c: char| c.is_ascii_digit()) { '?' } else { '$' });
        out.push_str(part);
    }
    out
}

fn bind(statement: &mut Statement<'_>, values: &[Value]) -> rusqlite::Result<()> {
    // Values that the statement does not use are for the other kind of database.
    let used = statement.parameter_count();
    for (index, value) in values.iter().take(used).enumerate() {
        statement.raw_bind_parameter(index + 1, value)?;
    }
    Ok(())
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Value::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Value::Boolean(value) => i64::from(*value).into(),
            Value::Integer(value) => (*value).into(),
            Value::Real(value) => (*value).into(),
            Value::Text(value) => ToSqlOutput::Borrowed(ValueRef::Text(value.as_bytes())),
            Value::Time(value) => django_time(*value).into(),
            Value::Local(value) => local_time(*value).into(),
        })
    }
}

fn from_sqlite(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Integer(value),
        ValueRef::Real(value) => Value::Real(value),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            Value::Text(String::from_utf8_lossy(bytes).into_owned())
        }
    }
}

impl File<'_> {
    /// What went wrong, and the cure.
    fn explain(self, error: &Error, waited: Duration) -> anyhow::Error {
        let File { name, path, is_taken_as_it_is } = self;
        let shown = text::path(path);
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                let files = ["", "-wal", "-shm", "-journal"].map(|suffix| beside(path, suffix));
                let who = holder_of_lock(&files).unwrap_or_else(|| "another program".to_owned());
                let waited = text::duration(waited);
                anyhow!(
                    "the database {name} ({shown}) is locked by {who}; waited for {waited}; try again when it has ended"
                )
            }
            Some(ErrorCode::ReadOnly) if is_hot(error) => anyhow!(
                "the database {name} ({shown}) holds a change that was cut off; a real run of a user who may write it undoes that"
            ),
            Some(ErrorCode::ReadOnly) => anyhow!(
                "the database {name} cannot be written: make {shown} and its folder writable for this user"
            ),
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => anyhow!(
                "the database {name} cannot be opened: make {shown} and its folder readable and writable for this user"
            ),
            Some(ErrorCode::DatabaseCorrupt) if is_taken_as_it_is => {
                anyhow!("the database {name} ({shown}) was changed while it was read; try again")
            }
            Some(ErrorCode::NotADatabase) => {
                anyhow!("the database {name}: {shown} is no SQLite database; correct its address")
            }
            Some(ErrorCode::DatabaseCorrupt) => {
                anyhow!("the database {name} ({shown}) is damaged; restore it from a backup")
            }
            // On a full disk the files beside the database cannot be made, which SQLite does not tell from a dead disk.
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) if is_for_want_of_room(error, path) => {
                anyhow!(
                    "the database {name} cannot be written: No space left on device; free some and run it again"
                )
            }
            _ => anyhow!("the database {name} ({shown}): {}", text::escape(&words(error))),
        }
    }
}

/// True when it failed for want of room.
fn is_for_want_of_room(error: &Error, path: &Path) -> bool {
    let is_full = || free_bytes(path.parent().unwrap_or(path)).is_some_and(|free| free < LEAST_ROOM);
    error.sqlite_error_code() == Some(ErrorCode::DiskFull) || is_full()
}

/// Whoever opens a database to write undoes first what a crash has cut off, be it our own. Nothing that was
/// ever committed changes by that.
fn undo_cut_off_change(path: &Path, patience: Duration) -> rusqlite::Result<()> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(patience)?;
    connection.execute_batch("SELECT count(*) FROM sqlite_schema")
}

/// True when a change was cut off by a crash, which only somebody who may write can undo.
fn is_hot(error: &Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_READONLY_ROLLBACK)
}

/// SQLite's own words.
fn words(error: &Error) -> String {
    match error {
        Error::SqliteFailure(_, Some(words)) => words.clone(),
        Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}
