//! A backup in the site's own table of backups, as `rebuild-paths` knows it.

use super::Backup;
use crate::config::tables;
use crate::engine::apply::Permit;
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::database::{Database, Session, Value};
use anyhow::{Context as _, Result, bail};

/// A record holds a name of at most so many characters.
const LONGEST_NAME: usize = 200;

/// The database with that table; refused when it is not there.
pub(crate) fn check(world: &World) -> Result<()> {
    let database = database(world)?;
    let mut looking = database.look(world)?;
    looking.table(&tables::BACKUPS)?.columns(tables::OF_A_NEW_BACKUP)?;
    owner(&mut looking, world).map(drop)
}

/// Writes a completed backup down; its number there.
pub(crate) fn record(backup: &Backup, world: &World, permit: &Permit) -> Result<i64> {
    let file = backup.folder.join(&backup.manifest.file);
    let base = world.root.join(&world.config.rebuild_paths.base);
    let path = file.strip_prefix(&base).unwrap_or(&file).to_str().context("its path is not text")?;
    let sum = backup.sha256().context("it has no checksum")?;
    let name = text::cut(&backup.id, LONGEST_NAME);
    let size = i64::try_from(backup.manifest.size_bytes).unwrap_or(i64::MAX);
    let database = database(world)?;
    let mut changing = database.change(world, permit)?;
    let owner = owner(&mut changing, world)?;
    let table = changing.table(&tables::BACKUPS)?;
    let (columns, [id]) = (table.columns(tables::OF_A_NEW_BACKUP)?, table.columns(["id"])?);
    let sql = format!(
        "INSERT INTO {} ({}) VALUES ($1, 'full', 'completed', $2, $3, $4, $5, $5, 0, '{{}}', '', $5, $6) RETURNING {id}",
        table.name(),
        columns.join(", ")
    );
    let values = [name.into(), path.into(), size.into(), sum.into(), Value::from(backup.made), owner.into()];
    let mut number = None;
    changing.rows(&sql, &values, |row| {
        number = Some(row.integer(0)?);
        Ok(())
    })?;
    changing.commit()?;
    number.context("the record was not written")
}

fn database(world: &World) -> Result<Database> {
    world.database(world.config.rebuild_paths.database.as_deref())
}

/// To whom new records belong.
fn owner(session: &mut Session<'_>, world: &World) -> Result<i64> {
    let users = session.table(&tables::USERS)?;
    let ([id, is_superuser], name) = (users.columns(["id", "is_superuser"])?, users.name());
    let mut found = None;
    let first = |found: &mut Option<i64>, row: &crate::world::database::Row| {
        *found = Some(row.integer(0)?);
        Ok(())
    };
    let Some(user) = world.config.rebuild_paths.user_id else {
        let sql = format!("SELECT {id} FROM {name} ORDER BY {is_superuser} DESC, {id} LIMIT 1");
        session.rows(&sql, &[], |row| first(&mut found, row))?;
        let Some(found) = found else { bail!("there is no user to whom a record could belong") };
        return Ok(found);
    };
    let sql = format!("SELECT {id} FROM {name} WHERE {id} = $1");
    session.rows(&sql, &[user.into()], |row| first(&mut found, row))?;
    found.ok_or_else(|| {
        Problem::usage(format!("there is no user {user}; correct `user_id` in [rebuild-paths]"))
    })
}
