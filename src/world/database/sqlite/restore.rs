//! A copy put back into a SQLite file: page by page in one transaction, so that who uses it sees the old or the new.

use super::{AT_ONCE, File, PAUSE, beside, is_in_wal_mode, open, open_without_a_trace};
use crate::text;
use crate::world::stop::Stop;
use anyhow::{Result, anyhow};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::{Duration, Instant};

/// Puts the content of `source`, which is ours alone, into a database that others may have open.
#[expect(clippy::disallowed_methods, reason = "this is World")]
pub(in crate::world::database) fn restore(
    name: &str,
    source: &Path,
    path: &Path,
    patience: Duration,
    stop: &Stop,
) -> Result<()> {
    let file = File { name, path, is_taken_as_it_is: false };
    let explain = |error: &rusqlite::Error| file.explain(error, patience);
    let mut live = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|error| explain(&error))?;
    if is_in_wal_mode(path) {
        with_pages_of(&live, source).map_err(|error| explain(&error))?;
    }
    // A log beside it would be left when the run is killed.
    let copy = open_without_a_trace(source).map_err(|error| explain(&error))?;
    let copying = Backup::new(&copy, &mut live).map_err(|error| explain(&error))?;
    let mut since = Instant::now();
    while stop.reason().is_none() {
        match copying.step(AT_ONCE).map_err(|error| explain(&error))? {
            StepResult::Done => return Ok(()),
            StepResult::More => since = Instant::now(),
            _ if since.elapsed() < patience => std::thread::sleep(PAUSE),
            _ => {
                let files = ["", "-wal", "-shm", "-journal"].map(|suffix| beside(path, suffix));
                let who = crate::world::files::holder_of_lock(&files)
                    .unwrap_or_else(|| "another program".to_owned());
                let (shown, waited) = (text::path(path), text::duration(patience));
                return Err(anyhow!(
                    "the database {name} ({shown}) is locked by {who}; waited for {waited}; try again when it has ended"
                ));
            }
        }
    }
    Err(anyhow!("the run was ended before the database {name} was restored"))
}

/// A database with a log keeps the size of its pages.
fn with_pages_of(live: &Connection, source: &Path) -> rusqlite::Result<()> {
    let size =
        |connection: &Connection| connection.query_row("PRAGMA page_size", [], |row| row.get::<_, i64>(0));
    let wanted = size(live)?;
    if size(&open_without_a_trace(source)?)? == wanted {
        return Ok(());
    }
    let copy = open(source, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    copy.execute_batch(&format!("PRAGMA journal_mode = DELETE; PRAGMA page_size = {wanted}; VACUUM"))
}

/// A file that is no database is kept beside. What belongs to it would be taken for a part of the next one.
#[expect(clippy::disallowed_methods, reason = "this is World")]
pub(in crate::world::database) fn set_aside(path: &Path) -> Result<()> {
    let kept = beside(path, ".before-restore");
    let _ = std::fs::remove_file(&kept);
    match std::fs::hard_link(path, &kept) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(anyhow!("cannot keep {}: {error}", text::path(path)));
        }
        _ => {}
    }
    for suffix in ["-wal", "-shm", "-journal"] {
        let _ = std::fs::remove_file(beside(path, suffix));
    }
    Ok(())
}
