//! What a backup is put back into: the original, or something new beside it.

use crate::engine::apply::Permit;
use crate::engine::restoring::Begun;
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::backups::{Backup, Kind, Subject, config_files, put_back};
use crate::world::database::Database;
use crate::world::docker::{Compose, State, Unpacked, Volume};
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the content goes.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) kind: Kind,
    /// Which database or volume the backup is of.
    pub(super) name: String,
    /// What it is restored to instead of the original.
    pub(super) to: Option<String>,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Database(Arc<Database>),
    Volume {
        compose: Compose,
        volume: Arc<Volume>,
    },
    /// Below this folder, or where they belong.
    Configs(Option<PathBuf>),
}

/// Services of Compose that have to do with it.
#[derive(Clone, Debug, Default)]
pub(super) struct Services {
    /// Those that run and are to be stopped.
    pub(super) running: Vec<String>,
    /// Those that are to be started when all is done.
    pub(super) to_start: Vec<String>,
}

impl Target {
    pub(super) fn of(
        world: &World,
        compose: Option<Compose>,
        backup: &Backup,
        to: Option<String>,
    ) -> Result<Target> {
        let name = backup.manifest.name.clone();
        let mut to = to;
        let place = match (backup.manifest.kind, compose) {
            (Kind::Db, _) => {
                let database = world.database_to_restore(&name)?;
                to = to.map(|to| database.beside(world, to));
                Place::Database(Arc::new(database))
            }
            (Kind::Configs, _) => Place::Configs(to.as_ref().map(|to| world.here(Path::new(to)))),
            (Kind::Volume, Some(compose)) => {
                let wanted = to.as_deref().unwrap_or(&name);
                let own = compose.volumes(world)?.into_iter().find(|volume| volume.name == wanted);
                let volume = own.map_or_else(|| compose.volume_of_docker(wanted, None), Ok)?;
                Place::Volume { compose, volume: Arc::new(volume) }
            }
            (Kind::Volume, None) => return Err(Problem::usage("there is no Compose project")),
        };
        Ok(Target { kind: backup.manifest.kind, name, to, place })
    }

    /// What a restore of it is remembered by.
    pub(super) fn key(&self) -> String {
        let to = self.to.as_ref().map(|to| format!(" to {to}")).unwrap_or_default();
        format!("{} {}{to}", self.kind.word(), self.name)
    }

    /// Refuses what cannot be replaced, or is there already.
    pub(super) fn refuse(&self, world: &World) -> Result<()> {
        match (&self.place, &self.to) {
            (Place::Database(database), to) => {
                database.refuse_unfit(world)?;
                to.as_ref().map_or(Ok(()), |to| database.refuse_existing(world, to))
            }
            (Place::Volume { compose, volume }, to) => {
                if to.is_some() {
                    match volume.is_empty(world, None)? {
                        Some(true) => {}
                        // Only a container could tell: one that a killed run has begun to fill is filled anew.
                        None if Begun::recall(world, &self.key())?.is_some() => {}
                        _ => return Err(not_empty(&volume.name)),
                    }
                }
                refuse_foreign(world, compose, volume, to.is_some())
            }
            (Place::Configs(Some(folder)), _) => refuse_full(world, folder),
            (Place::Configs(None), _) => Ok(()),
        }
    }

    /// Reads the backup whole; the error says what is damaged, or does not belong here. False without the key to it.
    pub(super) fn verify(&self, world: &World, backup: &Backup) -> Result<bool> {
        backup.verify_with(world, |content| match &self.place {
            Place::Configs(to) => config_files(world, to.as_deref(), content).map(drop),
            _ => std::io::copy(content, &mut std::io::sink()).map(drop).map_err(Into::into),
        })
    }

    /// What is to be stopped, and started at the end; with what a run that was killed has left stopped.
    pub(super) fn services(&self, world: &World, begun: Option<&Begun>) -> Result<Services> {
        let mut services = Services::default();
        if self.to.is_none() {
            services.running = self.running(world)?;
        }
        services.to_start.clone_from(&services.running);
        let left = begun.map(|begun| begun.services.clone()).unwrap_or_default();
        services.to_start.extend(left.into_iter().filter(|name| !services.running.contains(name)));
        Ok(services)
    }

    /// The services that run and are to be stopped.
    fn running(&self, world: &World) -> Result<Vec<String>> {
        let named = world.config.restore.stop.as_deref();
        let own = match &self.place {
            Place::Database(database) => database.service_of_compose(world).map(str::to_owned),
            _ => None,
        };
        let uses_all = own.is_some();
        let other;
        let compose = match &self.place {
            Place::Volume { compose, .. } => compose,
            _ if named.is_none_or(<[String]>::is_empty) && !uses_all => return Ok(Vec::new()),
            Place::Configs(_) if named.is_none() => return Ok(Vec::new()),
            _ => match Compose::of(world)? {
                Some(compose) => {
                    other = compose;
                    &other
                }
                None => return Ok(Vec::new()),
            },
        };
        let users: Vec<String> = match &self.place {
            Place::Volume { volume, .. } => {
                volume.users(world)?.into_iter().filter_map(|user| user.service).collect()
            }
            _ => Vec::new(),
        };
        if let Some(named) = named {
            refuse_unknown(named, &compose.services(world)?)?;
        }
        let mut running: Vec<String> = Vec::new();
        for container in compose.containers(world)? {
            let service = container.service;
            let is_up = matches!(container.state, State::Running | State::Paused | State::Restarting);
            let is_wanted = match named {
                Some(named) => named.contains(&service) || users.contains(&service),
                None => users.contains(&service) || (uses_all && own.as_ref() != Some(&service)),
            };
            // Its own programs put it back.
            if is_up && is_wanted && own.as_ref() != Some(&service) && !running.contains(&service) {
                running.push(service);
            }
        }
        Ok(running)
    }

    /// What is backed up before it is replaced; or why that is not.
    pub(super) fn subject(&self, world: &World) -> Result<Result<Subject, Option<String>>> {
        if self.to.is_some() {
            return Ok(Err(None));
        }
        let none = |why: &str| Ok(Err(Some(format!("no safety backup is made: {why}"))));
        match &self.place {
            Place::Database(database) if !database.is_there(world)? => none("the original is gone"),
            Place::Database(database) if !database.is_sound(world)? => {
                none("the original is no sound database; it is kept beside as *.before-restore")
            }
            Place::Database(database) => Ok(Ok(Subject::Database(Arc::clone(database)))),
            Place::Volume { volume, .. } if !volume.exists(world)? => none("the original is gone"),
            Place::Volume { volume, .. } if volume.is_empty(world, None)? == Some(true) => {
                none("the original is empty")
            }
            Place::Volume { volume, .. } => Ok(Ok(Subject::Volume(Arc::clone(volume)))),
            Place::Configs(_) => {
                let is_there = |path: &&PathBuf| world.files.is_file(&world.root.join(path));
                let there: Vec<PathBuf> =
                    world.config.backup.configs.iter().filter(is_there).cloned().collect();
                if there.is_empty() {
                    none("the originals are gone")
                } else {
                    Ok(Ok(Subject::Configs(there)))
                }
            }
        }
    }

    /// Reads the backup and puts it there: first beside, and in its place when all of it was read. A few words on it.
    pub(super) fn put(&self, world: &World, backup: &Backup, permit: &Permit) -> Result<String> {
        match &self.place {
            Place::Database(database) => {
                let to = self.to.as_deref();
                backup.read(world, |content| database.fill(world, to, content, permit))?.take_place()
            }
            Place::Volume { compose, volume } => self.put_volume(world, (compose, volume), backup, permit),
            Place::Configs(to) => {
                let files = backup.read(world, |content| config_files(world, to.as_deref(), content))?;
                if let Some(folder) = to {
                    refuse_full(world, folder)?;
                }
                let written = put_back(world, &files, permit)?;
                let same = files.len() - written;
                let same = if same == 0 { String::new() } else { format!(", {same} left as they are") };
                Ok(format!("{} written{same}", text::plural(written, "file")))
            }
        }
    }

    fn put_volume(
        &self,
        world: &World,
        (compose, volume): (&Compose, &Volume),
        backup: &Backup,
        permit: &Permit,
    ) -> Result<String> {
        let is_new = !volume.exists(world)?;
        if is_new {
            volume.create(world, &compose.project(world)?, permit)?;
        } else if self.to.is_some() && volume.is_empty(world, Some(permit))? != Some(true) {
            return Err(not_empty(&volume.name));
        }
        let put = backup
            .read(world, |content| volume.unpack(world, content, permit))
            .and_then(Unpacked::take_place);
        if put.is_err() && is_new {
            volume.take_back(world, permit);
        }
        put.map(|()| String::new())
    }
}

/// The project that the services belong to.
pub(super) fn project(world: &World) -> Result<Compose> {
    Compose::of(world)?.ok_or_else(|| Problem::usage("the Compose file is gone meanwhile"))
}

fn not_empty(name: &str) -> anyhow::Error {
    let name = text::escape(name);
    Problem::usage(format!(
        "the volume {name} is not empty: name another with --to, or leave --to out to replace it"
    ))
}

/// A folder to restore files to is new or empty.
fn refuse_full(world: &World, folder: &Path) -> Result<()> {
    if world.files.is_empty_or_missing(folder) {
        return Ok(());
    }
    let shown = text::path(folder);
    Err(Problem::usage(format!("{shown} exists already and is no empty folder: name another with --to")))
}

/// A container that Compose does not manage is not stopped.
fn refuse_foreign(world: &World, compose: &Compose, volume: &Volume, is_new: bool) -> Result<()> {
    let users = volume.users(world)?;
    let up = users.iter().filter(|user| user.is_up());
    let project = compose.project(world)?;
    let mut foreign =
        up.filter(|user| is_new || user.service.is_none() || user.project.as_ref() != Some(&project));
    match foreign.next() {
        Some(user) => {
            let (name, user) = (text::escape(volume.shown()), text::escape(&user.name));
            bail!("the volume {name} is in use by the container {user}; stop it first: `docker stop {user}`")
        }
        None => Ok(()),
    }
}

fn refuse_unknown(named: &[String], known: &[String]) -> Result<()> {
    let Some(name) = named.iter().find(|name| !known.contains(name)) else { return Ok(()) };
    let hint = match text::nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{}`?", text::escape(near)),
        None => format!("known: {}", text::escape(&known.join(", "))),
    };
    Err(Problem::usage(format!("`stop` of [restore] names the service `{}`; {hint}", text::escape(name))))
}
