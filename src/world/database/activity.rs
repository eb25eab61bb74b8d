//! What a PostgreSQL server is doing at this moment.

use super::address::Address;
use super::{Database, Value};
use crate::world::World;
use anyhow::{Result, anyhow};
use serde::Deserialize;
use std::time::Duration;

/// The client sessions of this database: the slow ones, and how many may not be looked at. `SECONDS` is no input of anybody.
/// `pg_dump` takes its time, and so does `maint` itself.
const SQL: &str = "SELECT CAST(json_build_object(
    'hidden', (SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND state IS NULL AND query = '<insufficient privilege>'),
    'slow', (SELECT count(*) FROM slow),
    'queries', (SELECT coalesce(json_agg(slowest), '[]') FROM (SELECT * FROM slow ORDER BY seconds DESC LIMIT 20) AS slowest)
) AS text)";
const SLOW: &str = "WITH slow AS (SELECT pid, coalesce(usename, '') AS user, coalesce(application_name, '') AS application,
    CAST(extract(epoch FROM clock_timestamp() - query_start) AS double precision) AS seconds, left(query, 1000) AS query
    FROM pg_stat_activity
    WHERE datname = current_database() AND state = 'active' AND backend_type = 'client backend' AND pid <> pg_backend_pid()
    AND application_name NOT IN ('maint', 'pg_dump') AND clock_timestamp() - query_start > SECONDS * interval '1 second')";

/// What a server does.
#[derive(Debug, Deserialize)]
pub(crate) struct Activity {
    /// Sessions of others, which this user may not look at.
    pub(crate) hidden: u64,
    /// How many queries run for longer than was asked.
    pub(crate) slow: u64,
    /// The slowest of them.
    pub(crate) queries: Vec<Running>,
}

/// A query that runs.
#[derive(Debug, Deserialize)]
pub(crate) struct Running {
    pub(crate) pid: i64,
    pub(crate) user: String,
    pub(crate) application: String,
    pub(crate) seconds: f64,
    pub(crate) query: String,
}

impl Activity {
    /// The statement that asks for it.
    fn statement(longer_than: Duration) -> String {
        let seconds = format!("{:.3}", longer_than.as_secs_f64());
        format!("{} {SQL}", SLOW.replace("SECONDS", &seconds))
    }

    fn read(answer: &str) -> Result<Activity> {
        serde_json::from_str(answer.trim()).map_err(|_| anyhow!("PostgreSQL does not tell what it is doing"))
    }
}

impl Database {
    /// Which queries of this database have been running for longer than this.
    pub(crate) fn activity(&self, world: &World, longer_than: Duration) -> Result<Activity> {
        let mut session = self.look(world)?;
        let mut answer = String::new();
        session.rows(&Activity::statement(longer_than), &[] as &[Value], |row| {
            row.text(0)?.clone_into(&mut answer);
            Ok(())
        })?;
        Activity::read(&answer)
    }

    /// The call of psql that asks for the same where the database is; and what its answer means.
    pub(crate) fn psql_of_activity(&self, longer_than: Duration) -> Option<Vec<String>> {
        let Address::Postgres(config) = &self.address else { return None };
        let mut call: Vec<String> = ["psql", "-X", "-q", "-A", "-t", "-w"].map(str::to_owned).into();
        for (option, value) in [("-U", config.get_user()), ("-d", config.get_dbname())] {
            call.extend(value.into_iter().flat_map(|value| [option.to_owned(), value.to_owned()]));
        }
        call.extend(["-c".to_owned(), Activity::statement(longer_than)]);
        Some(call)
    }

    /// What psql has answered.
    pub(crate) fn activity_of(answer: &[u8]) -> Result<Activity> {
        Activity::read(&String::from_utf8_lossy(answer))
    }

    /// True for PostgreSQL.
    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.address, Address::Postgres(_))
    }
}
