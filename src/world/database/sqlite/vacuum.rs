//! Gives the free pages of a SQLite file back to the disk.

use super::room::{Need, refuse_shortage};
use super::{File, beside, copy, is_locked, open, open_without_a_trace, wait_for_turn};
use crate::engine::apply::Permit;
use crate::error::one_line;
use crate::text;
use crate::world::database::Session;
use crate::world::database::vacuum::{Vacuumed, Wishes};
use crate::world::files::{Files, Kept, reader_of_log};
use crate::world::stop::Stop;
use anyhow::{Result, anyhow};
use rusqlite::{Connection, Error, ErrorCode, OpenFlags};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// A program that reads is waited for that long at once, while no other can begin to: else readers that come one after
/// the other would never leave a gap.
const MOMENT: Duration = Duration::from_millis(200);
/// How often a run that has to end is looked for.
const WATCH: Duration = Duration::from_millis(50);
/// How often the log is tried to be emptied.
const TRIES: u32 = 5;
const LONGEST_FAULT: usize = 200;

/// How a file is filled.
#[derive(Clone, Debug)]
pub(crate) struct Pages {
    /// The file, free of symlinks.
    pub(crate) path: PathBuf,
    page_size: u64,
    count: u64,
    free: u64,
    /// Bytes of the file that lie beyond its pages: a vacuum has given them up, but who reads keeps them still.
    beyond: u64,
    /// Bytes of the file and its log.
    pub(crate) bytes: u64,
}

impl Pages {
    pub(crate) fn read(path: &Path, session: &mut Session<'_>) -> Result<Pages> {
        let mut pages = Pages {
            path: path.to_owned(),
            page_size: 0,
            count: 0,
            free: 0,
            beyond: 0,
            bytes: bytes_of(path),
        };
        let sql = "SELECT page_size, page_count, freelist_count
            FROM pragma_page_size, pragma_page_count, pragma_freelist_count";
        session.rows(sql, &[], |row| {
            let number = |index| row.integer(index).map(|number| u64::try_from(number).unwrap_or(0));
            (pages.page_size, pages.count, pages.free) = (number(0)?, number(1)?, number(2)?);
            Ok(())
        })?;
        pages.beyond = size_of(path).saturating_sub(pages.page_size * pages.count);
        Ok(pages)
    }

    /// The free part of it in bytes.
    pub(crate) fn free_bytes(&self) -> u64 {
        self.page_size * self.free + self.beyond
    }

    /// What is left without it.
    fn live_bytes(&self) -> u64 {
        self.page_size * self.count.saturating_sub(self.free)
    }

    /// The free part of it, from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a share is printed with two digits")]
    pub(crate) fn free_share(&self) -> f64 {
        let all = self.page_size * self.count + self.beyond;
        if all == 0 { 0.0 } else { self.free_bytes() as f64 / all as f64 }
    }
}

/// A database file, and who waits for it.
#[derive(Clone, Copy)]
pub(crate) struct ToVacuum<'w> {
    pub(super) file: File<'w>,
    pub(super) patience: Duration,
    pub(super) stop: &'w Stop,
}

impl<'w> ToVacuum<'w> {
    pub(crate) fn of(name: &'w str, path: &'w Path, patience: Duration, stop: &'w Stop) -> ToVacuum<'w> {
        ToVacuum { file: File { name, path, is_taken_as_it_is: false }, patience, stop }
    }

    /// Checks it from end to end.
    pub(crate) fn check(self) -> Result<()> {
        let connection = self.open()?;
        match self.turn(&connection, || first_fault(&connection, "integrity_check"))? {
            None => Ok(()),
            Some(fault) => Err(self.damaged(&fault)),
        }
    }

    /// Vacuums it in the way that is wished and possible.
    pub(crate) fn vacuum(
        self,
        pages: &Pages,
        wishes: Wishes,
        files: &Files,
        permit: &Permit,
    ) -> Result<Vacuumed> {
        if wishes.check {
            self.check()?;
        }
        let (before, live) = (bytes_of(self.file.path), pages.live_bytes());
        let need = if wishes.exclusive { Need::Copy } else { Need::InPlace };
        refuse_shortage(self.file, need, live, if wishes.backup { before } else { 0 })?;
        let copy = if wishes.backup { Some(self.keep_copy(files, permit)?) } else { None };
        let result = self.vacuum_somehow(wishes, live, permit);
        let remarks = self.give_up_copy(copy, result, files, permit)?;
        Ok(Vacuumed { before, after: bytes_of(self.file.path), took: Duration::ZERO, remarks })
    }

    /// A compact copy in its place, else in place.
    fn vacuum_somehow(self, wishes: Wishes, live: u64, permit: &Permit) -> Result<Vec<String>> {
        let mut remarks = Vec::new();
        if wishes.exclusive {
            match self.exchange(wishes.analyze, permit)? {
                Ok(()) => return Ok(remarks),
                Err(Kept(why)) => remarks.push(format!("in place, because {why}")),
            }
            refuse_shortage(self.file, Need::InPlace, live, 0)
                .map_err(|error| Untouched(error.to_string()))?;
        }
        remarks.extend(self.vacuum_in_place(wishes.analyze)?);
        Ok(remarks)
    }

    /// As SQLite does it: other programs may go on reading where the database has a log.
    fn vacuum_in_place(self, analyze: bool) -> Result<Option<String>> {
        let connection = self.open()?;
        connection.busy_timeout(MOMENT.min(self.patience)).map_err(|error| self.explain(&error))?;
        let has_log = self.turn(&connection, || has_log(&connection))?;
        self.turn(&connection, || connection.execute_batch("VACUUM"))?;
        if analyze {
            let analyzed = self.turn(&connection, || connection.execute_batch(ANALYZE));
            analyzed.map_err(|error| anyhow!("it was vacuumed, but not analysed: {}", one_line(&error)))?;
        }
        if has_log { self.empty_log(&connection).map_err(|error| self.explain(&error)) } else { Ok(None) }
    }

    /// Brings the log into the file, which only then shrinks. A program that still reads what was keeps both as they
    /// are: it is named.
    fn empty_log(self, connection: &Connection) -> rusqlite::Result<Option<String>> {
        for attempt in 1..=TRIES {
            // What can be brought over without keeping anybody waiting, first.
            checkpoint(connection, "PASSIVE")?;
            if checkpoint(connection, "TRUNCATE")? {
                return Ok(None);
            }
            if attempt < TRIES && !self.stop.wait(MOMENT) {
                break;
            }
        }
        let who = reader_of_log(&beside(self.file.path, "-shm"));
        let who = who.unwrap_or_else(|| "another program".to_owned());
        Ok(Some(format!("the file shrinks when {who} has ended its reading")))
    }

    /// A copy beside it, complete on the disk and without a fault.
    fn keep_copy(self, files: &Files, permit: &Permit) -> Result<PathBuf> {
        let File { name, path, .. } = self.file;
        let copied = files.temporary(path.parent().unwrap_or(path), permit)?;
        copy(name, path, copied.path(), self.patience, self.stop)?;
        let connection = open_without_a_trace(copied.path()).map_err(|error| self.explain(&error))?;
        if let Some(fault) = self.turn(&connection, || first_fault(&connection, "quick_check"))? {
            return Err(self.damaged(&fault));
        }
        drop(connection);
        let place = copy_of(path);
        files.keep(copied, &place, path, permit)?;
        Ok(place)
    }

    /// The copy goes when the vacuum has succeeded, or has not even begun.
    fn give_up_copy(
        self,
        copy: Option<PathBuf>,
        result: Result<Vec<String>>,
        files: &Files,
        permit: &Permit,
    ) -> Result<Vec<String>> {
        let Some(copy) = copy else { return result };
        match result.and_then(|remarks| self.check_result().map(|()| remarks)) {
            Ok(remarks) => files.remove_file(&copy, permit).map(|()| remarks),
            Err(error) if error.is::<Untouched>() => {
                files.remove_file(&copy, permit)?;
                Err(error)
            }
            Err(error) => Err(anyhow!("{}; {} is a copy from before", one_line(&error), text::path(&copy))),
        }
    }

    fn check_result(self) -> Result<()> {
        let connection = self.open()?;
        match self.turn(&connection, || first_fault(&connection, "quick_check"))? {
            None => Ok(()),
            Some(fault) => Err(anyhow!("the database {} is damaged now: {fault}", self.file.name)),
        }
    }

    fn damaged(self, fault: &str) -> anyhow::Error {
        let File { name, path, .. } = self.file;
        let shown = text::path(path);
        anyhow!(
            "the database {name} ({shown}) is damaged, and was left alone: {fault}; restore it from a backup"
        )
    }

    pub(super) fn open(self) -> Result<Connection> {
        open(self.file.path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|error| self.explain(&error))
    }

    /// Does what has to wait for its turn and may take long. When the run has to end it is interrupted: SQLite then
    /// undoes what it has begun.
    pub(super) fn turn<T>(
        self,
        connection: &Connection,
        mut work: impl FnMut() -> rusqlite::Result<T>,
    ) -> Result<T> {
        let ToVacuum { file, patience, stop } = self;
        let (answer, waited) = watched(connection, stop, || wait_for_turn(patience, stop, &mut work));
        answer.map_err(|error| {
            if is_locked(&error) {
                return Untouched(file.explain(&error, waited.min(patience)).to_string()).into();
            }
            self.explain(&error)
        })
    }

    pub(super) fn explain(self, error: &Error) -> anyhow::Error {
        let name = self.file.name;
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => {
                Untouched(format!("the run was ended; the database {name} is as it was")).into()
            }
            _ => self.file.explain(error, Duration::ZERO),
        }
    }
}

/// An error after which the database certainly is as it was: it was not our turn, or we were to end.
#[derive(Debug)]
struct Untouched(String);

impl fmt::Display for Untouched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Untouched {}

/// Works, and is interrupted when the run has to end.
fn watched<T>(connection: &Connection, stop: &Stop, work: impl FnOnce() -> T) -> T {
    let handle = connection.get_interrupt_handle();
    std::thread::scope(|scope| {
        let (done, watched) = channel::<()>();
        let watch = move || {
            while watched.recv_timeout(WATCH) == Err(RecvTimeoutError::Timeout) {
                if stop.reason().is_some() {
                    handle.interrupt();
                }
            }
        };
        if std::thread::Builder::new().spawn_scoped(scope, watch).is_err() {
            log::warn!("a signal will not interrupt this: no thread can be started");
        }
        let result = work();
        drop(done);
        result
    })
}

/// The planner learns how every table is filled; `optimize` looks at a part of them only.
pub(super) const ANALYZE: &str = "ANALYZE; PRAGMA analysis_limit = 1000; PRAGMA optimize";

/// The first thing that is wrong with it.
pub(super) fn first_fault(connection: &Connection, check: &str) -> rusqlite::Result<Option<String>> {
    let answer: String = connection.query_row(&format!("PRAGMA {check}(1)"), [], |row| row.get(0))?;
    // "*** in database main ***\nTree 3 page 3 cell 0: …"
    let fault = answer.lines().rfind(|line| !line.is_empty()).unwrap_or(&answer);
    Ok((answer != "ok").then(|| text::cut(&text::escape(fault), LONGEST_FAULT)))
}

pub(super) fn has_log(connection: &Connection) -> rusqlite::Result<bool> {
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    Ok(mode == "wal")
}

/// True when all of the log is in the file.
pub(super) fn checkpoint(connection: &Connection, how: &str) -> rusqlite::Result<bool> {
    let is_busy: i64 =
        connection.query_row(&format!("PRAGMA wal_checkpoint({how})"), [], |row| row.get(0))?;
    Ok(is_busy == 0)
}

/// Bytes of a file and its log.
fn bytes_of(path: &Path) -> u64 {
    size_of(path) + size_of(&beside(path, "-wal"))
}

fn size_of(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |found| found.len())
}

/// Where a copy is kept until the vacuum has succeeded.
pub(crate) fn copy_of(path: &Path) -> PathBuf {
    beside(path, ".before-vacuum")
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests prepare the world themselves")]
mod tests;
