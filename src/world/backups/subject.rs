//! What can be backed up, and how each becomes a stream of bytes.

use super::making::Making;
use super::manifest::plain;
use super::{Backup, Kind, configs};
use crate::engine::apply::Permit;
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::database::Database;
use crate::world::docker::{Compose, Volume};
use anyhow::Result;
use serde_json::json;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

/// What can be backed up.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    Database(Arc<Database>),
    Volume(Arc<Volume>),
    /// As `[backup] configs` names them.
    Configs(Vec<PathBuf>),
}

impl Subject {
    /// Databases: those that are named, else those of `[backup]`, else all of the site.
    pub(crate) fn databases(world: &World, names: &[String]) -> Result<Vec<Subject>> {
        let known = world.config.databases.keys().cloned();
        let wanted = match (names, &world.config.backup.databases) {
            ([], Some(configured)) => configured.clone(),
            ([], None) => known.collect(),
            (names, _) => names.to_vec(),
        };
        let of = |name: &String| Ok(Subject::Database(Arc::new(world.database(Some(name))?)));
        wanted.iter().map(of).collect()
    }

    /// Volumes likewise, and what is to be said of them; "all" are the named ones of the Compose project, but for those that
    /// hold a database at work.
    pub(crate) fn volumes(world: &World, names: &[String]) -> Result<(Vec<Subject>, Vec<String>)> {
        if !Subject::may_be_volumes(world, names)? {
            return Ok(Default::default());
        }
        let Some(compose) = Compose::of(world)? else { return Ok(Default::default()) };
        let wanted = volumes_wanted(world, names);
        let found = match wanted {
            None => compose.volumes(world)?,
            Some(names) => names.iter().map(|name| compose.volume(world, name)).collect::<Result<_>>()?,
        };
        let (mut subjects, mut notes) = (Vec::new(), Vec::new());
        for volume in found {
            let at_work = volume.live_database(world)?;
            if at_work.is_none() || wanted.is_some() {
                subjects.push(Subject::Volume(Arc::new(volume)));
            }
            notes.extend(at_work);
        }
        Ok((subjects, notes))
    }

    /// False when there can be no volume to back up, as far as that is known without asking Docker. The error is for volumes
    /// that are named where there is no Compose project.
    pub(crate) fn may_be_volumes(world: &World, names: &[String]) -> Result<bool> {
        let has_project = Compose::is_configured(world)?;
        match volumes_wanted(world, names) {
            Some([]) => Ok(false),
            Some(_) if !has_project => Err(Problem::usage(
                "there is no Compose project whose volumes could be backed up; name its file in [compose]",
            )),
            _ => Ok(has_project),
        }
    }

    /// The configuration files, when there are any.
    pub(crate) fn configs(world: &World) -> Option<Subject> {
        let paths = &world.config.backup.configs;
        (!paths.is_empty()).then(|| Subject::Configs(paths.clone()))
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Subject::Database(_) => Kind::Db,
            Subject::Volume(_) => Kind::Volume,
            Subject::Configs(_) => Kind::Configs,
        }
    }

    /// Which database or volume.
    pub(crate) fn name(&self) -> &str {
        match self {
            Subject::Database(database) => database.name(),
            Subject::Volume(volume) => &volume.name,
            Subject::Configs(_) => "configs",
        }
    }

    /// Makes a verified backup of it. `reason` is why, when it is not simply time for one.
    pub(crate) fn back_up(&self, world: &World, reason: Option<&str>, permit: &Permit) -> Result<Backup> {
        let (file, source) = match self {
            Subject::Database(database) => {
                (format!("{}.{}", plain(database.name()), database.dump_name()), database.description())
            }
            Subject::Volume(volume) => {
                (format!("{}.tar", plain(&volume.name)), json!({ "engine": "docker", "volume": volume.name }))
            }
            Subject::Configs(paths) => {
                let files: Vec<String> = paths.iter().map(|path| text::path(path).into_owned()).collect();
                ("configs.tar".to_owned(), json!({ "engine": "files", "files": files }))
            }
        };
        let making = Making { kind: self.kind(), name: self.name(), reason, file, source };
        let mut remark = None;
        let mut give = |out: &mut dyn Write| match self {
            Subject::Database(database) => database.dump(world, out, permit),
            Subject::Volume(volume) => volume.archive(world, out, permit).map(|said| remark = said),
            Subject::Configs(paths) => configs::archive(world, paths, out),
        };
        let mut look = |content: &mut dyn Read| match self {
            Subject::Database(database) => database.examine_dump(world, content),
            Subject::Volume(_) | Subject::Configs(_) => configs::examine(content),
        };
        let made = world.backups().make(world, making, (&mut give, &mut look), permit)?;
        Ok(Backup { remark, ..made })
    }
}

/// None for all that the project has.
fn volumes_wanted<'a>(world: &'a World, names: &'a [String]) -> Option<&'a [String]> {
    if names.is_empty() { world.config.backup.volumes.as_deref() } else { Some(names) }
}
