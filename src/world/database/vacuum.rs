//! Vacuum: the free pages of a SQLite file go back to the disk, the dead rows of a PostgreSQL table make room.

use super::address::Address;
use super::{Database, Purpose, postgresql, sqlite};
use crate::config::database::usual_patience;
use crate::engine::apply::Permit;
use crate::error::Problem;
use crate::text;
use crate::world::World;
use anyhow::{Result, anyhow};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub(crate) use postgresql::{DeadRows, TablesToVacuum};
pub(crate) use sqlite::Pages;

/// How a database is filled.
#[derive(Debug)]
pub(crate) enum Filling {
    /// A file of nothing: a database that nobody has begun yet.
    Empty,
    Sqlite(Pages),
    Postgres(TablesToVacuum),
}

/// How a SQLite file is vacuumed.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent wish")]
pub(crate) struct Wishes {
    /// It is checked first.
    pub(crate) check: bool,
    /// The planner learns anew how its tables are filled.
    pub(crate) analyze: bool,
    /// A copy is kept until it has succeeded.
    pub(crate) backup: bool,
    /// A compact copy may take its place, when nothing else uses it.
    pub(crate) exclusive: bool,
}

/// What a vacuum came to.
#[derive(Debug)]
pub(crate) struct Vacuumed {
    /// Bytes before, when it was its turn, and after.
    pub(crate) before: u64,
    pub(crate) after: u64,
    pub(crate) took: Duration,
    /// What is worth saying about it.
    pub(crate) remarks: Vec<String>,
}

impl World {
    /// A database by its name; or a SQLite file by its path, which counts from `base`.
    pub(crate) fn database_or_file(&self, typed: &Path, base: &Path) -> Result<Database> {
        match typed.to_str().filter(|name| self.config.databases.contains_key(*name)) {
            Some(name) => self.database(Some(name)),
            None => Database::of_file(typed, &self.here(&base.join(typed)), self),
        }
    }
}

impl Database {
    fn of_file(typed: &Path, path: &Path, world: &World) -> Result<Database> {
        let name = text::path(typed).into_owned();
        let path = world.files.real(path);
        if world.files.is_folder(&path) {
            return Err(Problem::usage(format!("{name} is a folder; name the database file in it")));
        }
        if !world.files.is_file(&path) {
            let shown = text::path(&path);
            let is_path = typed.components().count() > 1 || typed.extension().is_some();
            let section =
                if is_path { String::new() } else { format!("there is no [databases.{name}], and ") };
            return Err(Problem::usage(format!(
                "the database {name} does not exist: {section}{shown} is no file; correct it (maint never makes one)"
            )));
        }
        Ok(Database { name, address: Address::Sqlite(path), patience: usual_patience().duration() })
    }

    /// The SQLite file, free of symlinks.
    pub(crate) fn file(&self) -> Option<&Path> {
        match &self.address {
            Address::Sqlite(path) => Some(path),
            Address::Postgres(_) => None,
        }
    }

    /// True for the same file, or the same name.
    pub(crate) fn is_same(&self, other: &Database) -> bool {
        match (self.file(), other.file()) {
            (Some(one), Some(other)) => one == other,
            _ => self.name == other.name,
        }
    }

    /// Refuses a file that is no database.
    pub(crate) fn refuse_other_files(&self) -> Result<()> {
        let Some(path) = self.file() else { return Ok(()) };
        match sqlite::begins_as_one(path) {
            Ok(true) => Ok(()),
            Ok(false) => {
                let (name, shown) = (&self.name, text::path(path));
                Err(Problem::usage(format!(
                    "the database {name}: {shown} is no SQLite database; name another file"
                )))
            }
            Err(error) => Err(anyhow!(error).context(format!("cannot read {}", text::path(path)))),
        }
    }

    /// How it is filled, as far as a vacuum is concerned.
    pub(crate) fn filling(&self, world: &World) -> Result<Filling> {
        match &self.address {
            Address::Sqlite(path) if std::fs::metadata(path).is_ok_and(|found| found.len() == 0) => {
                Ok(Filling::Empty)
            }
            Address::Sqlite(path) => {
                // A change that was cut off must be undone before it can be read; else nothing is left beside it.
                let mut session = if sqlite::has_journal(path) {
                    self.look(world)?
                } else {
                    self.begin(world, &world.stop, Purpose::Rehearse)?
                };
                Ok(Filling::Sqlite(Pages::read(path, &mut session)?))
            }
            Address::Postgres(_) => Ok(Filling::Postgres(TablesToVacuum::read(&mut self.look(world)?)?)),
        }
    }

    /// Checks a SQLite file from end to end: the error says what is wrong with it.
    pub(crate) fn check(&self, world: &World, _permit: &Permit) -> Result<()> {
        self.file().map_or(Ok(()), |path| self.sqlite(path, world).check())
    }

    /// What was left of a copy that a vacuum had kept when it was killed.
    pub(crate) fn left_copy(&self) -> Option<PathBuf> {
        self.file().map(sqlite::copy_of).filter(|path| path.exists())
    }

    /// Vacuums a SQLite file.
    pub(crate) fn vacuum(
        &self,
        pages: &Pages,
        wishes: Wishes,
        world: &World,
        permit: &Permit,
    ) -> Result<Vacuumed> {
        measured(|| self.sqlite(&pages.path, world).vacuum(pages, wishes, &world.files, permit))
    }

    /// Vacuums a table of a PostgreSQL database; `None` when it is gone.
    pub(crate) fn vacuum_table(
        &self,
        table: &DeadRows,
        world: &World,
        _permit: &Permit,
    ) -> Result<Option<Vacuumed>> {
        let Address::Postgres(config) = &self.address else { return Ok(None) };
        let vacuum = || postgresql::vacuum(&self.name, config, self.patience, table, &world.stop);
        match measured(vacuum) {
            Err(error) if error.is::<postgresql::Gone>() => Ok(None),
            other => other.map(Some),
        }
    }

    fn sqlite<'w>(&'w self, path: &'w Path, world: &'w World) -> sqlite::ToVacuum<'w> {
        sqlite::ToVacuum::of(&self.name, path, self.patience, &world.stop)
    }
}

#[expect(clippy::disallowed_methods, reason = "this is World")]
fn measured(vacuum: impl FnOnce() -> Result<Vacuumed>) -> Result<Vacuumed> {
    let start = Instant::now();
    let vacuumed = vacuum()?;
    Ok(Vacuumed { took: start.elapsed(), ..vacuumed })
}
