//! The site's own databases: SQLite and PostgreSQL behind one small interface.
//!
//! A [`Session`] is one transaction: for looking (the database itself refuses every change) or for changing
//! (it waits for its turn, and is undone unless committed). The SQL is the same text for both: parameters
//! are `$1`, `$2`, …

mod activity;
mod address;
mod copy;
mod dump;
mod password_file;
mod postgresql;
mod restore;
mod sqlite;
mod vacuum;
mod value;

pub(crate) use activity::{Activity, Running};
pub(crate) use copy::Copied;
pub(crate) use vacuum::{DeadRows, Filling, Pages, TablesToVacuum, Vacuumed, Wishes};
pub(crate) use value::{Row, Value};

use super::World;
use super::stop::Stop;
use crate::config::database::usual_patience;
use crate::config::tables::{Known, Tables};
use crate::engine::apply::Permit;
use crate::error::Problem;
use crate::text;
use address::Address;
use anyhow::Result;
use std::collections::BTreeSet;
use std::time::Duration;

/// A database of the site, not yet opened.
#[derive(Debug)]
pub(crate) struct Database {
    /// NAME of `[databases.NAME]`.
    name: String,
    address: Address,
    /// How long a lock that somebody else holds is waited for.
    patience: Duration,
}

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// To look, and to leave no trace of it, not even the files that SQLite keeps beside a database.
    Rehearse,
    /// To look, and then perhaps to change.
    Look,
    /// To change.
    Change,
}

/// One transaction.
pub(crate) struct Session<'w> {
    engine: Box<dyn Engine + 'w>,
    tables: &'w Tables,
    database: &'w str,
}

/// What both kinds of database can do.
trait Engine {
    fn rows(&mut self, sql: &str, values: &[Value], each: &mut dyn FnMut(&Row) -> Result<()>) -> Result<()>;
    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64>;
    fn commit(&mut self) -> Result<()>;
    /// Keeps everybody else from writing to a table, whose name is quoted.
    fn lock(&mut self, table: &str) -> Result<()>;
    /// The columns of a table or view; none when there is no such table.
    fn columns(&mut self, table: &str) -> Result<BTreeSet<String>>;
}

impl World {
    /// The database that a section names with `database`, else the only one of the site, else `$DATABASE_URL`.
    pub(crate) fn database(&self, named: Option<&str>) -> Result<Database> {
        let known = &self.config.databases;
        let hint = "add a section [databases.app] with `url = \"sqlite:db.sqlite3\"`";
        let (name, section) = match (named, known.len()) {
            (Some(named), _) => {
                let found = known.get_key_value(named);
                found.ok_or_else(|| {
                    let named = text::escape(named);
                    Problem::usage(format!("there is no [databases.{named}]; correct `database`, or {hint}"))
                })?
            }
            (None, 0) => match self.variable_or_env_file("DATABASE_URL") {
                Some(url) => return Database::of("$DATABASE_URL", &url, usual_patience().duration(), self),
                None => return Err(Problem::usage(format!("the site has no database; {hint}"))),
            },
            (None, 1) => known.iter().next().ok_or_else(|| Problem::usage(hint))?,
            (None, _) => {
                let all = known.keys().cloned().collect::<Vec<_>>().join(", ");
                let message = format!(
                    "the site has several databases ({all}); say which with `database` in the section of the command"
                );
                return Err(Problem::usage(message));
            }
        };
        let url = self.address_of(name, &section.url)?;
        Database::of(name, &url, section.busy_timeout.duration(), self)
    }
}

impl Database {
    fn of(name: &str, url: &str, patience: Duration, world: &World) -> Result<Database> {
        let database = Database::with_address(name, url, patience, world)?;
        if let Address::Sqlite(path) = &database.address
            && !world.files.is_file(path)
        {
            let shown = text::path(path);
            return Err(Problem::usage(format!(
                "the database {name} does not exist: {shown} is no file; correct its address (maint never makes one)"
            )));
        }
        Ok(database)
    }

    /// The same, of which nothing need be there.
    fn with_address(name: &str, url: &str, patience: Duration, world: &World) -> Result<Database> {
        let address = Address::parse(url, &world.root)
            .map_err(|why| Problem::usage(format!("the address of the database {name} {why}")))?;
        let address = match address {
            // SQLite keeps its log beside the file itself, not beside a symlink to it.
            Address::Sqlite(path) => Address::Sqlite(world.files.real(&path)),
            Address::Postgres(config) => Address::Postgres(config),
        };
        Ok(Database { name: name.to_owned(), address, patience })
    }

    /// What the configuration calls it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The same database, whose locks are waited for as long as this at most.
    pub(crate) fn with_patience(mut self, patience: Duration) -> Database {
        self.patience = self.patience.min(patience);
        self
    }

    /// Begins to look: one snapshot, in which nothing can be written.
    pub(crate) fn look<'w>(&'w self, world: &'w World) -> Result<Session<'w>> {
        self.begin(world, &world.stop, if world.is_rehearsal() { Purpose::Rehearse } else { Purpose::Look })
    }

    /// Begins to change: waits for its turn, then changes what nobody else is changing.
    pub(crate) fn change<'w>(&'w self, world: &'w World, _permit: &Permit) -> Result<Session<'w>> {
        self.begin(world, &world.stop, Purpose::Change)
    }

    /// The same for what must be written down although the run is being ended: a signal does not shorten the wait.
    pub(crate) fn change_at_last<'w>(&'w self, world: &'w World, _permit: &Permit) -> Result<Session<'w>> {
        self.begin(world, &Stop::default(), Purpose::Change)
    }

    fn begin<'w>(&'w self, world: &'w World, stop: &Stop, purpose: Purpose) -> Result<Session<'w>> {
        let engine: Box<dyn Engine + 'w> = match &self.address {
            Address::Sqlite(path) => {
                Box::new(sqlite::Sqlite::begin(&self.name, path, self.patience, stop, purpose)?)
            }
            Address::Postgres(config) => {
                Box::new(postgresql::Postgresql::begin(&self.name, config, self.patience, purpose)?)
            }
        };
        Ok(Session { engine, tables: &world.config.tables, database: &self.name })
    }
}

impl Session<'_> {
    /// Hands each row to `each` as it comes.
    pub(crate) fn rows(
        &mut self,
        sql: &str,
        values: &[Value],
        mut each: impl FnMut(&Row) -> Result<()>,
    ) -> Result<()> {
        self.engine.rows(sql, values, &mut each)
    }

    /// Carries out a statement; the number of rows it changed.
    pub(crate) fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64> {
        self.engine.execute(sql, values)
    }

    /// Waits until nobody else writes to a table, and lets nobody else write until the session ends.
    pub(crate) fn lock(&mut self, table: &Table) -> Result<()> {
        self.engine.lock(&table.name())
    }

    /// Makes the changes last. Without it they are undone.
    pub(crate) fn commit(mut self) -> Result<()> {
        self.engine.commit()
    }

    /// A table by the names it has here; the error of one that does not exist says which key to set.
    pub(crate) fn table(&mut self, known: &'static Known) -> Result<Table> {
        let name = self.tables.table(known);
        let present = self.engine.columns(name)?;
        if present.is_empty() {
            let (name, database, key) = (text::escape(name), self.database, known.key);
            return Err(Problem::usage(format!(
                "the database {database} has no table `{name}`; set `table` in [tables.{key}]"
            )));
        }
        Ok(Table { known, name: name.to_owned(), names: self.tables.clone(), present })
    }
}

/// A table that exists.
#[derive(Debug)]
pub(crate) struct Table {
    known: &'static Known,
    name: String,
    names: Tables,
    present: BTreeSet<String>,
}

impl Table {
    /// The table's name, quoted for SQL.
    pub(crate) fn name(&self) -> String {
        quoted(&self.name)
    }

    /// Columns by their usual names, quoted for SQL as they are called here.
    pub(crate) fn columns<const N: usize>(&self, usual: [&str; N]) -> Result<[String; N]> {
        let known = self.known;
        let missing = usual.iter().find(|column| !self.present.contains(self.names.column(known, column)));
        match missing {
            Some(column) => {
                let (here, table) =
                    (text::escape(self.names.column(known, column)), text::escape(&self.name));
                let key = known.key;
                Err(Problem::usage(format!(
                    "the table `{table}` has no column `{here}`; set `columns.{column}` in [tables.{key}]"
                )))
            }
            None => Ok(usual.map(|column| quoted(self.names.column(known, column)))),
        }
    }

    /// The same for a column that the table may lack.
    pub(crate) fn column_if_present(&self, usual: &str) -> Option<String> {
        let here = self.names.column(self.known, usual);
        self.present.contains(here).then(|| quoted(here))
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The rows of a `VALUES` list: "(CAST($1 AS bigint), CAST($2 AS text)), (CAST($3 AS …", from parameter `first` on.
/// The casts tell PostgreSQL what the parameters are.
pub(crate) fn values_list(types: &[&str], count: usize, first: usize) -> String {
    let mut next = first;
    let mut row = || {
        let cells: Vec<String> = types
            .iter()
            .map(|kind| {
                next += 1;
                format!("CAST(${} AS {kind})", next - 1)
            })
            .collect();
        format!("({})", cells.join(", "))
    };
    (0..count).map(|_| row()).collect::<Vec<_>>().join(", ")
}
