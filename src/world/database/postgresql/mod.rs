//! A PostgreSQL database of the site.

mod restore;
mod tools;
mod vacuum;

pub(in crate::world::database) use restore::{Filled, Server};
pub(in crate::world) use tools::Tool;
pub(crate) use vacuum::{DeadRows, Gone, TablesToVacuum, vacuum};

use super::value::{Row, Value, local_time};
use super::{Engine, Purpose};
use crate::error::plain;
use crate::text;
use anyhow::{Result, anyhow};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use postgres::error::SqlState;
use postgres::fallible_iterator::FallibleIterator as _;
use postgres::types::private::BytesMut;
use postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use postgres::{Client, Config, Error, NoTls, Statement};
use std::collections::{BTreeSet, HashMap};
use std::sync::mpsc::channel;
use std::time::Duration;

/// How long a server may take to answer the call.
const CONNECT: Duration = Duration::from_secs(10);
/// A server that is gone is noticed after this time.
const DEAD: Duration = Duration::from_secs(30);
/// No statement of ours takes that long; the server ends it even when we are gone.
const LONGEST_STATEMENT: Duration = Duration::from_secs(600);

/// One transaction.
pub(super) struct Postgresql<'w> {
    client: Client,
    statements: HashMap<String, Statement>,
    name: &'w str,
    config: &'w Config,
    patience: Duration,
}

impl Postgresql<'_> {
    pub(super) fn begin<'w>(
        name: &'w str,
        config: &'w Config,
        patience: Duration,
        purpose: Purpose,
    ) -> Result<Postgresql<'w>> {
        let client = connect(config, patience).map_err(|refusal| refusal.explain(name))?;
        let mut session = Postgresql { client, statements: HashMap::new(), name, config, patience };
        let how = match purpose {
            Purpose::Change => "READ COMMITTED",
            Purpose::Rehearse | Purpose::Look => "REPEATABLE READ READ ONLY",
        };
        let (lock, statement) = (patience.as_millis().max(1), LONGEST_STATEMENT.as_millis());
        let begin = format!(
            "BEGIN ISOLATION LEVEL {how}; SET LOCAL lock_timeout = {lock}; SET LOCAL statement_timeout = {statement};
             SET LOCAL timezone = 'UTC'; SET LOCAL standard_conforming_strings = on"
        );
        session.client.batch_execute(&begin).map_err(|error| explain(&error, name))?;
        Ok(session)
    }

    fn statement(&mut self, sql: &str) -> Result<Statement, Error> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql)?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    fn explain(&self, error: &Error) -> anyhow::Error {
        if error.code() != Some(&SqlState::LOCK_NOT_AVAILABLE) {
            return explain(error, self.name);
        }
        explain_lock(self.name, self.config, self.patience)
    }
}

/// Who has what was waited for in vain.
fn explain_lock(name: &str, config: &Config, patience: Duration) -> anyhow::Error {
    let who = holder(config).unwrap_or_else(|| "another session".to_owned());
    let waited = text::duration(patience);
    anyhow!("the database {name} is locked by {who}; waited for {waited}; try again when it has ended")
}

/// Why there is no connection.
enum Refusal {
    Error(Error),
    Silence,
}

impl Refusal {
    fn explain(&self, name: &str) -> anyhow::Error {
        match self {
            Refusal::Error(error) => explain(error, name),
            Refusal::Silence => {
                anyhow!("the database {name} cannot be reached: no answer; is PostgreSQL running there?")
            }
        }
    }
}

/// Calls the server. One that takes the call and then says nothing can only be left behind, with the thread that waits
/// for it: the client's own limit holds for the call alone.
fn connect(config: &Config, patience: Duration) -> Result<Client, Refusal> {
    let limit = patience.min(CONNECT).max(Duration::from_secs(1));
    let mut config = config.clone();
    config.connect_timeout(limit).keepalives_idle(DEAD).tcp_user_timeout(DEAD);
    if config.get_application_name().is_none() {
        config.application_name("maint");
    }
    let (sender, receiver) = channel();
    let call = move || drop(sender.send(config.connect(NoTls)));
    if std::thread::Builder::new().spawn(call).is_err() {
        return Err(Refusal::Silence);
    }
    match receiver.recv_timeout(limit) {
        Ok(answer) => answer.map_err(Refusal::Error),
        Err(_) => Err(Refusal::Silence),
    }
}

/// The session that has held a lock of this database for the longest time, asked on a connection of its own.
fn holder(config: &Config) -> Option<String> {
    let sql =
        "SELECT activity.pid::text, coalesce(nullif(activity.application_name, ''), activity.usename, '?')
        FROM pg_locks AS locks JOIN pg_stat_activity AS activity USING (pid)
        WHERE locks.granted AND locks.locktype <> 'virtualxid' AND activity.datname = current_database() AND activity.pid <> pg_backend_pid()
            AND activity.application_name <> 'maint' AND locks.mode <> 'AccessShareLock'
        ORDER BY activity.xact_start LIMIT 1";
    let row = connect(config, CONNECT).ok()?.query_opt(sql, &[]).ok()??;
    let (pid, application): (String, String) = (row.get(0), row.get(1));
    Some(format!("{} (session {pid})", text::escape(&application)))
}

impl Engine for Postgresql<'_> {
    fn rows(&mut self, sql: &str, values: &[Value], each: &mut dyn FnMut(&Row) -> Result<()>) -> Result<()> {
        let statement = self.statement(sql).map_err(|error| self.explain(&error))?;
        stream(&mut self.client, &statement, values, each).map_err(|error| match error.downcast::<Error>() {
            Ok(error) => self.explain(&error),
            Err(other) => other,
        })
    }

    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64> {
        let statement = self.statement(sql).map_err(|error| self.explain(&error))?;
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        self.client.execute(&statement, &values).map_err(|error| self.explain(&error))
    }

    fn commit(&mut self) -> Result<()> {
        self.client.batch_execute("COMMIT").map_err(|error| self.explain(&error))
    }

    fn lock(&mut self, table: &str) -> Result<()> {
        let sql = format!("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE");
        self.client.batch_execute(&sql).map_err(|error| self.explain(&error))
    }

    fn columns(&mut self, table: &str) -> Result<BTreeSet<String>> {
        let sql = "SELECT attname::text FROM pg_attribute
            WHERE attrelid = to_regclass(quote_ident($1)) AND attnum > 0 AND NOT attisdropped";
        let mut columns = BTreeSet::new();
        self.rows(sql, &[table.into()], &mut |row| {
            columns.insert(row.text(0)?.to_owned());
            Ok(())
        })?;
        Ok(columns)
    }
}

/// Hands over the rows as they come from the server.
fn stream(
    client: &mut Client,
    statement: &Statement,
    values: &[Value],
    each: &mut dyn FnMut(&Row) -> Result<()>,
) -> Result<()> {
    let mut rows = client.query_raw(statement, values)?;
    while let Some(row) = rows.next()? {
        let cells = (0..row.len()).map(|index| row.try_get::<_, Value>(index));
        each(&Row(cells.collect::<Result<_, _>>()?))?;
    }
    Ok(())
}

type Conversion<T> = Result<T, Box<dyn std::error::Error + Sync + Send>>;

/// A value takes the form that the server expects at its place.
impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Conversion<IsNull> {
        match self {
            Value::Null => Ok(IsNull::Yes),
            Value::Boolean(value) => value.to_sql(kind, out),
            Value::Integer(value) => match *kind {
                Type::INT2 => i16::try_from(*value)?.to_sql(kind, out),
                Type::INT4 => i32::try_from(*value)?.to_sql(kind, out),
                Type::FLOAT8 => value.to_string().parse::<f64>()?.to_sql(kind, out),
                _ => value.to_sql(kind, out),
            },
            Value::Real(value) => value.to_sql(kind, out),
            Value::Text(value) => {
                // Binary JSON begins with its version.
                if *kind == Type::JSONB {
                    out.extend_from_slice(&[1]);
                }
                value.to_sql(kind, out)
            }
            Value::Time(value) if *kind == Type::TIMESTAMP => value.naive_utc().to_sql(kind, out),
            Value::Time(value) => value.to_sql(kind, out),
            Value::Local(value) => match *kind {
                Type::TIMESTAMPTZ => value.to_sql(kind, out),
                Type::TIMESTAMP => value.naive_local().to_sql(kind, out),
                _ => local_time(*value).to_sql(kind, out),
            },
        }
    }

    fn accepts(_kind: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Conversion<Value> {
        Ok(match *kind {
            Type::BOOL => Value::Boolean(bool::from_sql(kind, raw)?),
            Type::INT2 => Value::Integer(i16::from_sql(kind, raw)?.into()),
            Type::INT4 => Value::Integer(i32::from_sql(kind, raw)?.into()),
            Type::INT8 => Value::Integer(i64::from_sql(kind, raw)?),
            Type::FLOAT4 => Value::Real(f32::from_sql(kind, raw)?.into()),
            Type::FLOAT8 => Value::Real(f64::from_sql(kind, raw)?),
            // An infinite time is none that can be counted with: it is named, and not taken for one.
            Type::TIMESTAMPTZ => DateTime::<Utc>::from_sql(kind, raw).map_or_else(|_| beyond(), Value::Time),
            Type::TIMESTAMP => NaiveDateTime::from_sql(kind, raw)
                .map_or_else(|_| beyond(), |time| Value::Time(time.and_utc())),
            Type::DATE => Value::Text(NaiveDate::from_sql(kind, raw)?.to_string()),
            Type::BPCHAR => Value::Text(String::from_utf8(raw.to_vec())?.trim_end_matches(' ').to_owned()),
            Type::TEXT | Type::VARCHAR | Type::NAME | Type::UNKNOWN | Type::JSON => {
                Value::Text(String::from_utf8(raw.to_vec())?)
            }
            _ => return Err(format!("maint does not read values of the type {kind}").into()),
        })
    }

    fn from_sql_null(_kind: &Type) -> Conversion<Value> {
        Ok(Value::Null)
    }

    fn accepts(_kind: &Type) -> bool {
        true
    }
}

fn beyond() -> Value {
    Value::Text("infinity".to_owned())
}

/// What went wrong, and the cure.
fn explain(error: &Error, name: &str) -> anyhow::Error {
    let Some(server) = error.as_db_error() else {
        let words = text::escape(&words(error)).into_owned();
        // What the client itself does not understand is no matter of the line.
        let cause = std::error::Error::source(error);
        let is_lost = error.is_closed() || cause.is_some_and(<dyn std::error::Error>::is::<std::io::Error>);
        if is_lost {
            return anyhow!("the database {name} cannot be reached: {words}; is PostgreSQL running there?");
        }
        if words == "password missing" {
            return anyhow!(
                "the database {name} asks for a password: put it into $PGPASSWORD, ~/.pgpass or the address"
            );
        }
        return anyhow!("the database {name}: {words}");
    };
    let words = text::escape(server.message()).into_owned();
    match *server.code() {
        SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            anyhow!("the database {name} refuses this user: {words}; correct its address or its password")
        }
        SqlState::INSUFFICIENT_PRIVILEGE => {
            anyhow!("the database {name} does not allow that: {words}; grant it to this user")
        }
        SqlState::READ_ONLY_SQL_TRANSACTION => {
            anyhow!("the database {name} cannot be written: {words}; is it a replica?")
        }
        _ => anyhow!("the database {name}: {words}"),
    }
}

/// The causes in the system's words, without the client's own "error connecting to server".
fn words(error: &Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |&cause| cause.source());
    let causes: Vec<String> = causes.map(|cause| plain(&cause.to_string())).collect();
    if causes.is_empty() { error.to_string() } else { causes.join(": ") }
}
