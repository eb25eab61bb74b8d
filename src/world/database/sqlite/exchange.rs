//! A compact copy in the place of a SQLite file that nothing else uses: less than half the work of a vacuum in place.

use super::vacuum::{ANALYZE, ToVacuum, checkpoint, has_log};
use super::{FOR_NOBODY_ELSE, beside, is_locked, open};
use crate::engine::apply::Permit;
use crate::world::files::{Exchange, Kept, holder_of_lock};
use anyhow::{Context as _, Result};
use rusqlite::{Connection, OpenFlags};
use std::os::unix::fs::FileExt as _;

/// Bytes 18 and 19 of a database that has a log are 2; a fresh copy has none.
const WITH_LOG: (&[u8], u64) = (&[2, 2], 18);
/// From here on nobody else can read or write, until the connection is closed.
const TAKE: &str = "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT";

impl ToVacuum<'_> {
    /// Puts a compact copy in the place of the file; or tells why it has to be vacuumed in place.
    pub(super) fn exchange(self, analyze: bool, permit: &Permit) -> Result<Result<(), Kept>> {
        let path = self.file.path;
        let mut exchange = match Exchange::begin(path, permit) {
            Ok(exchange) => exchange,
            Err(kept) => return Ok(Err(kept)),
        };
        let Some(target) = exchange.target().to_str().map(str::to_owned) else {
            return Ok(Err(Kept("its path is not UTF-8".to_owned())));
        };
        let connection = self.open()?;
        match connection.execute_batch(TAKE) {
            Err(error) if is_locked(&error) => return Ok(Err(self.locked())),
            other => other.map_err(|error| self.explain(&error))?,
        }
        let has_log = has_log(&connection).map_err(|error| self.explain(&error))?;
        if has_log && !checkpoint(&connection, "TRUNCATE").map_err(|error| self.explain(&error))? {
            return Ok(Err(self.locked()));
        }
        exchange.look().context("cannot look at the database")?;
        // The copy is synced as a whole before it takes its place.
        connection.execute_batch("PRAGMA synchronous = OFF").map_err(|error| self.explain(&error))?;
        self.turn(&connection, || connection.execute("VACUUM INTO ?1", [&target]))?;
        connection.close().map_err(|(_, error)| self.explain(&error))?;
        if analyze {
            let copy = open(exchange.target(), OpenFlags::SQLITE_OPEN_READ_WRITE);
            self.analyze_copy(&copy.map_err(|error| self.explain(&error))?)?;
        }
        if has_log {
            exchange.file().write_all_at(WITH_LOG.0, WITH_LOG.1).context("cannot write the compact copy")?;
        }
        Ok(exchange.finish(&["-wal", "-journal"].map(|suffix| beside(path, suffix))))
    }

    fn analyze_copy(self, copy: &Connection) -> Result<()> {
        let sql = format!("{FOR_NOBODY_ELSE}; {ANALYZE}");
        self.turn(copy, || copy.execute_batch(&sql))
    }

    fn locked(self) -> Kept {
        let files = ["", "-shm"].map(|suffix| beside(self.file.path, suffix));
        let who = holder_of_lock(&files).unwrap_or_else(|| "another program".to_owned());
        Kept(format!("{who} has it open"))
    }
}
