//! A database as a stream of bytes: a dump of PostgreSQL, or a SQLite file as it is at one instant.

use super::address::Address;
use super::postgresql::Tool;
use super::{Database, sqlite};
use crate::engine::apply::Permit;
use crate::text;
use crate::world::World;
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::io::{self, Read, Write};

impl Database {
    /// What its backup is called: "app.dump" for `pg_restore`, "app.db" for SQLite.
    pub(in crate::world) fn dump_name(&self) -> &'static str {
        match self.address {
            Address::Sqlite(_) => "db",
            Address::Postgres(_) => "dump",
        }
    }

    /// What a backup says it was made of.
    pub(in crate::world) fn description(&self) -> Value {
        match &self.address {
            Address::Sqlite(path) => json!({ "engine": "sqlite", "path": text::path(path) }),
            Address::Postgres(config) => {
                json!({ "engine": "postgresql", "database": config.get_dbname(), "form": "pg_dump custom" })
            }
        }
    }

    /// Writes all of it. Whoever uses it meanwhile is not kept away.
    pub(in crate::world) fn dump(&self, world: &World, out: &mut dyn Write, permit: &Permit) -> Result<()> {
        match &self.address {
            Address::Sqlite(path) => {
                let copy = world.files.temporary(&world.backups().folder, permit)?;
                sqlite::copy(&self.name, path, copy.path(), self.patience, &world.stop)?;
                sqlite::examine(&self.name, copy.path())?;
                io::copy(&mut copy.open()?, out)
                    .map(drop)
                    .with_context(|| format!("cannot copy the database {}", self.name))
            }
            Address::Postgres(config) => {
                let dbname = config.get_dbname().or(config.get_user()).unwrap_or("postgres");
                let tool = Tool::of(world, "pg_dump", (config, dbname), self.service(world))?;
                // We compress it ourselves, in less time.
                tool.words(["-Fc", "-Z0", "--lock-wait-timeout=60s"]).pour(world, out)
            }
        }
    }

    /// Reads a dump of it to its end, as a restore would.
    pub(in crate::world) fn examine_dump(&self, world: &World, content: &mut dyn Read) -> Result<()> {
        let Address::Postgres(_) = &self.address else {
            return io::copy(content, &mut io::sink()).map(drop).map_err(Into::into);
        };
        let reader = Tool::without_server(world, "pg_restore", self.service(world))?;
        reader.words(["-f", "/dev/null"]).feed(world, content)
    }

    /// The service of Compose that it runs in.
    pub(in crate::world) fn service<'w>(&self, world: &'w World) -> Option<&'w str> {
        world.config.databases.get(&self.name)?.service.as_deref()
    }
}
