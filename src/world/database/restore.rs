//! A database put back from what it was backed up as: filled beside the original, and only then in its place.

use super::address::Address;
use super::postgresql::{self, Server};
use super::{Database, Purpose, sqlite};
use crate::engine::apply::Permit;
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::files::Temporary;
use anyhow::{Context as _, Result};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// What was restored and is still to take its place; it is gone when it is dropped.
pub(crate) struct Filled<'a>(Inner<'a>);

enum Inner<'a> {
    Sqlite {
        database: &'a Database,
        world: &'a World,
        permit: &'a Permit,
        file: Temporary,
        to: Option<PathBuf>,
    },
    Postgres(postgresql::Filled<'a>),
}

impl World {
    /// A database that is to be restored: its file may be gone.
    pub(crate) fn database_to_restore(&self, name: &str) -> Result<Database> {
        let Some(section) = self.config.databases.get(name) else {
            let named = text::escape(name);
            return Err(Problem::usage(format!(
                "the configuration has no database {named} any more: add [databases.{named}] with its `url`"
            )));
        };
        let url = self.address_of(name, &section.url)?;
        Database::with_address(name, &url, section.busy_timeout.duration(), self)
    }
}

impl Database {
    /// Whether there is something that a restore would replace.
    pub(crate) fn is_there(&self, world: &World) -> Result<bool> {
        match &self.address {
            Address::Sqlite(path) => Ok(world.files.exists(path)),
            Address::Postgres(_) => self.server(world)?.has(self.server(world)?.dbname()),
        }
    }

    /// Whether that can be backed up: not what is no database.
    pub(crate) fn is_sound(&self, world: &World) -> Result<bool> {
        match &self.address {
            Address::Sqlite(path) => {
                let purpose = if world.is_rehearsal() { Purpose::Rehearse } else { Purpose::Look };
                Ok(sqlite::is_sound(path, purpose))
            }
            Address::Postgres(_) => self.is_there(world),
        }
    }

    /// Refuses a server that is away, and a user who may not restore there: before anything is stopped.
    pub(crate) fn refuse_unfit(&self, world: &World) -> Result<()> {
        match &self.address {
            Address::Sqlite(_) => Ok(()),
            Address::Postgres(_) => self.server(world)?.refuse_without_rights(),
        }
    }

    /// Refuses what is there already.
    pub(crate) fn refuse_existing(&self, world: &World, to: &str) -> Result<()> {
        let is_there = match &self.address {
            Address::Sqlite(_) => world.files.exists(&world.here(Path::new(to))),
            Address::Postgres(_) => self.server(world)?.has(to)?,
        };
        if is_there {
            let to = text::escape(to);
            return Err(Problem::usage(format!(
                "{to} exists already: name another with --to, or remove it first"
            )));
        }
        Ok(())
    }

    /// What `to` means for it: another database of the server; or a file, which in a folder is called as the original. What
    /// ends like no file is a folder.
    pub(crate) fn beside(&self, world: &World, to: String) -> String {
        let Address::Sqlite(original) = &self.address else { return to };
        let path = world.here(Path::new(&to));
        let is_folder = world.files.is_folder(&path) || to.ends_with('/') || path.extension().is_none();
        let path = if is_folder { path.join(original.file_name().unwrap_or_default()) } else { path };
        path.to_string_lossy().into_owned()
    }

    /// Restores it beside the original, from what it was backed up as. It is to take the place of the original, or `to`.
    pub(crate) fn fill<'a>(
        &'a self,
        world: &'a World,
        to: Option<&str>,
        content: &mut dyn Read,
        permit: &'a Permit,
    ) -> Result<Filled<'a>> {
        let Address::Sqlite(original) = &self.address else {
            let server = self.server(world)?;
            let target = to.unwrap_or(server.dbname());
            return Ok(Filled(Inner::Postgres(server.fill(target, content)?)));
        };
        let to = to.map(|to| world.here(Path::new(to)));
        let folder = to.as_deref().unwrap_or(original).parent().unwrap_or(Path::new("/"));
        world.files.make_folder(folder, permit)?;
        let file = world.files.temporary(folder, permit)?;
        let written =
            file.create().and_then(|mut new| io::copy(content, &mut new).and_then(|_| new.sync_all()));
        written.with_context(|| format!("cannot write to {}", text::path(folder)))?;
        sqlite::examine(&self.name, file.path()).context("the backup cannot be restored")?;
        Ok(Filled(Inner::Sqlite { database: self, world, permit, file, to }))
    }

    /// The service of Compose that it runs in.
    pub(crate) fn service_of_compose<'w>(&self, world: &'w World) -> Option<&'w str> {
        self.service(world)
    }

    fn server<'a>(&'a self, world: &'a World) -> Result<Server<'a>> {
        match &self.address {
            Address::Postgres(config) => {
                Ok(Server { world, config, service: self.service(world), name: &self.name })
            }
            Address::Sqlite(_) => Err(Problem::usage(format!("the database {} has no server", self.name))),
        }
    }
}

impl Filled<'_> {
    /// Puts it there; a few words on what that is.
    pub(crate) fn take_place(self) -> Result<String> {
        match self.0 {
            Inner::Postgres(filled) => filled.take_place(),
            Inner::Sqlite { database, world, permit, file, to } => {
                let Address::Sqlite(original) = &database.address else { return Ok(String::new()) };
                match to {
                    Some(to) => {
                        database.refuse_existing(world, &to.to_string_lossy())?;
                        world.files.keep(file, &to, original, permit)?;
                    }
                    // Who has it open goes on with it.
                    None if sqlite::is_sound(original, Purpose::Change) => {
                        sqlite::restore(
                            &database.name,
                            file.path(),
                            original,
                            database.patience,
                            &world.stop,
                        )?;
                    }
                    None => {
                        sqlite::set_aside(original)?;
                        world.files.keep(file, original, original, permit)?;
                    }
                }
                Ok(String::new())
            }
        }
    }
}
