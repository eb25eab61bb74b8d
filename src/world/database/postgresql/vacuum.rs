//! Vacuums tables of a PostgreSQL database, one by one.

use super::{connect, explain, explain_lock};
use crate::text;
use crate::world::database::Session;
use crate::world::database::vacuum::Vacuumed;
use crate::world::stop::Stop;
use anyhow::{Result, anyhow};
use postgres::error::{DbError, SqlState};
use postgres::{CancelToken, Client, Config, Error, NoTls};
use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// How often a run that has to end is looked for.
const WATCH: Duration = Duration::from_millis(100);

/// A table, and how many of its rows are dead.
#[derive(Clone, Debug)]
pub(crate) struct DeadRows {
    /// Schema and name, as people write them.
    pub(crate) table: String,
    /// The same, quoted for SQL.
    quoted: String,
    pub(crate) dead: u64,
    /// The dead ones as well.
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

impl DeadRows {
    /// The dead part of its rows, from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a share is compared with one of two digits")]
    pub(crate) fn share(&self) -> f64 {
        if self.rows == 0 { 0.0 } else { self.dead as f64 / self.rows as f64 }
    }
}

/// The tables of a database.
#[derive(Debug, Default)]
pub(crate) struct TablesToVacuum {
    /// Those that this user may vacuum.
    pub(crate) own: Vec<DeadRows>,
    /// The names of the others.
    pub(crate) foreign: Vec<String>,
}

/// A partitioned table has no rows itself; its partitions are in the list. Since PostgreSQL 17 the right can be granted.
const TABLES: &str = "
SELECT CASE spaces.nspname WHEN 'public' THEN '' ELSE spaces.nspname || '.' END || classes.relname,
    quote_ident(spaces.nspname) || '.' || quote_ident(classes.relname),
    statistics.n_dead_tup, statistics.n_live_tup, pg_total_relation_size(classes.oid),
    pg_has_role(classes.relowner, 'USAGE')
        OR pg_has_role((SELECT datdba FROM pg_database WHERE datname = current_database()), 'USAGE')
        OR CASE WHEN current_setting('server_version_num')::int >= 170000
            THEN has_table_privilege(classes.oid, 'MAINTAIN') ELSE false END
FROM pg_stat_user_tables AS statistics
    JOIN pg_class AS classes ON classes.oid = statistics.relid
    JOIN pg_namespace AS spaces ON spaces.oid = classes.relnamespace
WHERE classes.relkind IN ('r', 'm') AND classes.relpersistence <> 't'
ORDER BY 1";

impl TablesToVacuum {
    pub(crate) fn read(session: &mut Session<'_>) -> Result<TablesToVacuum> {
        let mut tables = TablesToVacuum::default();
        session.rows(TABLES, &[], |row| {
            let count = |index| row.integer(index).map(|count| u64::try_from(count).unwrap_or(0));
            let (dead, live) = (count(2)?, count(3)?);
            let table = row.text(0)?.to_owned();
            if row.boolean(5)? {
                let (quoted, bytes) = (row.text(1)?.to_owned(), count(4)?);
                tables.own.push(DeadRows { table, quoted, dead, rows: dead + live, bytes });
            } else {
                tables.foreign.push(table);
            }
            Ok(())
        })?;
        Ok(tables)
    }
}

/// The table is not there any more.
#[derive(Debug)]
pub(crate) struct Gone;

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the table is gone")
    }
}

impl std::error::Error for Gone {}

/// Vacuums one table. What the server only warns of is an error: it has left the table alone.
pub(crate) fn vacuum(
    name: &str,
    config: &Config,
    patience: Duration,
    table: &DeadRows,
    stop: &Stop,
) -> Result<Vacuumed> {
    let (sender, warnings) = channel();
    let mut client = call(name, config, patience, sender)?;
    let mut explain = |error: Error| match error.code() {
        Some(&SqlState::UNDEFINED_TABLE) => anyhow!(Gone),
        Some(&SqlState::QUERY_CANCELED) if stop.reason().is_some() => {
            anyhow!("the run was ended before the table was vacuumed")
        }
        Some(&SqlState::LOCK_NOT_AVAILABLE) => explain_lock(name, config, patience),
        _ => explain(&error, name),
    };
    let lock = patience.as_millis().max(1);
    // Nobody is left to cancel it when this program is killed.
    let longest = stop.left().map_or(0, |left| left.as_millis().max(1));
    let settings = format!("SET lock_timeout = {lock}; SET statement_timeout = {longest}");
    client.batch_execute(&settings).map_err(&mut explain)?;
    let before = size(&mut client, table).map_err(&mut explain)?;
    let sql = format!("VACUUM (ANALYZE) {}", table.quoted);
    let token = client.cancel_token();
    cancelled(&token, stop, || client.batch_execute(&sql)).map_err(&mut explain)?;
    let after = size(&mut client, table).map_err(&mut explain)?;
    drop(client);
    match warnings.into_iter().find(|notice: &DbError| notice.severity() == "WARNING") {
        Some(warning) => Err(anyhow!("the database {name}: {}", text::escape(warning.message()))),
        None => Ok(Vacuumed { before, after, took: Duration::ZERO, remarks: Vec::new() }),
    }
}

fn call(name: &str, config: &Config, patience: Duration, warnings: Sender<DbError>) -> Result<Client> {
    let mut config = config.clone();
    config.notice_callback(move |notice| drop(warnings.send(notice)));
    connect(&config, patience).map_err(|refusal| refusal.explain(name))
}

fn size(client: &mut Client, table: &DeadRows) -> Result<u64, Error> {
    let row = client.query_one("SELECT pg_total_relation_size($1::text::regclass)", &[&table.quoted])?;
    let bytes: i64 = row.try_get(0)?;
    Ok(u64::try_from(bytes).unwrap_or(0))
}

/// Works, and is cancelled when the run has to end.
fn cancelled<T>(token: &CancelToken, stop: &Stop, work: impl FnOnce() -> T) -> T {
    std::thread::scope(|scope| {
        let (done, watched): (Sender<()>, Receiver<()>) = channel();
        let watch = move || {
            while watched.recv_timeout(WATCH) == Err(RecvTimeoutError::Timeout) {
                if stop.reason().is_some() {
                    // It has ended by itself, or the server is gone: both are seen by who waits for it.
                    let _ = token.cancel_query(NoTls);
                }
            }
        };
        if std::thread::Builder::new().spawn_scoped(scope, watch).is_err() {
            log::warn!("a signal will not cancel this: no thread can be started");
        }
        let result = work();
        drop(done);
        result
    })
}
