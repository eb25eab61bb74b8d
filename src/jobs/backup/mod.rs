//! `maint backup`: databases, volumes and configuration files, each read back before it counts; and old ones go.

pub mod fetch;
pub mod prune;
pub mod verify;

use crate::engine::apply::Permit;
use crate::engine::plan::Plan;
use crate::engine::report::{Outcome, Steps};
use crate::engine::{Action, Job};
use crate::error::{Problem, exit_of, one_line};
use crate::exit::Exit;
use crate::text;
use crate::world::World;
use crate::world::backups::record;
use crate::world::backups::restic::Restic;
use crate::world::backups::retention::Policy;
use crate::world::backups::{Backup as Made, Series, Subject};
use crate::world::docker;
use anyhow::{Context as _, Result};
use clap::Args;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// What is backed up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum What {
    /// Everything that is configured.
    #[default]
    All,
    /// Databases.
    Db,
    /// Volumes of Docker.
    Volumes,
    /// Configuration files.
    Configs,
}

/// How many backups of one thing are kept, when not as configured.
#[derive(Args, Clone, Debug, Default)]
pub struct Keep {
    /// Keep so many of the newest
    #[arg(long, value_name = "N")]
    pub keep_last: Option<u32>,
    /// Keep the newest of each of so many days
    #[arg(long, value_name = "N")]
    pub keep_daily: Option<u32>,
    /// Keep the newest of each of so many weeks
    #[arg(long, value_name = "N")]
    pub keep_weekly: Option<u32>,
    /// Keep the newest of each of so many months
    #[arg(long, value_name = "N")]
    pub keep_monthly: Option<u32>,
    /// Keep the newest of each of so many years
    #[arg(long, value_name = "N")]
    pub keep_yearly: Option<u32>,
}

impl Keep {
    fn policy(&self, world: &World) -> Policy {
        let configured = Policy::of(&world.config.backup);
        Policy {
            last: self.keep_last.map_or(configured.last, |last| last.max(1)),
            daily: self.keep_daily.unwrap_or(configured.daily),
            weekly: self.keep_weekly.unwrap_or(configured.weekly),
            monthly: self.keep_monthly.unwrap_or(configured.monthly),
            yearly: self.keep_yearly.unwrap_or(configured.yearly),
        }
    }
}

/// Backs up databases, volumes and configuration files.
#[derive(Clone, Debug, Default)]
pub struct Backup {
    /// What.
    pub what: What,
    /// Only these; all of the kind when empty.
    pub names: Vec<String>,
    /// How long old ones are kept.
    pub keep: Keep,
}

/// Known when the backup is made.
type Making = Arc<OnceLock<Made>>;

/// Makes a backup, copies it away, or removes one.
#[derive(Debug)]
pub struct Step {
    deed: Deed,
}

#[derive(Debug)]
enum Deed {
    Make {
        subject: Subject,
        made: Making,
    },
    /// Lets containers go on that a killed run has paused or stopped.
    GoOn,
    /// Gives it to restic, too.
    Send {
        restic: Arc<Restic>,
        of: String,
        made: Making,
    },
    /// Removes an old one; after another has been made, when that is to take its place.
    Remove {
        backup: Box<Made>,
        after: Option<Making>,
    },
    /// Has restic forget what is kept no longer.
    Forget {
        restic: Arc<Restic>,
        policy: Policy,
    },
    /// Brings one back from restic, and reads it whole.
    Fetch {
        restic: Arc<Restic>,
        id: String,
    },
}

impl Job for Backup {
    const NAME: &'static str = "backup";
    type Action = Step;

    fn ready(&self, world: &World) -> Result<()> {
        let databases = match self.what {
            What::All => Subject::databases(world, &[])?,
            What::Db => Subject::databases(world, &self.names)?,
            What::Volumes | What::Configs => Vec::new(),
        };
        let has_volumes =
            matches!(self.what, What::All | What::Volumes) && Subject::may_be_volumes(world, &self.names)?;
        let has_configs = matches!(self.what, What::All | What::Configs) && Subject::configs(world).is_some();
        if databases.is_empty() && !has_volumes && !has_configs {
            return Err(Problem::usage(NOTHING));
        }
        if world.config.backup.record {
            record::check(world)?;
        }
        Restic::of(world).map(drop)
    }

    fn plan(&self, world: &World) -> Result<Plan<Step>> {
        let mut plan = Plan::default();
        let subjects = self.subjects(world, &mut plan)?;
        if subjects.is_empty() && plan.failures.is_empty() {
            plan.notes.push("there is no volume to back up".to_owned());
        }
        if docker::is_owed(world)? {
            plan.actions.push(Deed::GoOn.into());
        }
        let (known, damaged) = world.backups().list()?;
        plan.notes.extend(damaged.iter().map(ToString::to_string));
        let restic = Restic::of(world)?.map(Arc::new);
        let policy = self.keep.policy(world);
        for subject in subjects {
            let series = Series { kind: subject.kind(), name: subject.name().to_owned(), reason: None };
            let made = Making::default();
            let of = text::escape(subject.name()).into_owned();
            plan.actions.push(Deed::Make { subject, made: Arc::clone(&made) }.into());
            if let Some(restic) = &restic {
                let (restic, made) = (Arc::clone(restic), Arc::clone(&made));
                plan.actions.push(Deed::Send { restic, of, made }.into());
            }
            let own = known.iter().filter(|backup| backup.series() == series).cloned().collect();
            remove_old(own, policy, world, Some(&made), &mut plan);
        }
        plan.actions.extend(restic.map(|restic| Deed::Forget { restic, policy }.into()));
        Ok(plan)
    }

    fn sum_up(&self, steps: &Steps<Step>) -> Option<String> {
        let bytes = written(steps);
        (bytes > 0).then(|| format!("{} written", text::size(bytes)))
    }

    fn totals(&self, steps: &Steps<Step>) -> Vec<(&'static str, Value)> {
        vec![("written_bytes", written(steps).into())]
    }
}

const NOTHING: &str = "there is nothing to back up: name databases as [databases.NAME], and files as `configs` or volumes as `volumes` in [backup]";

fn written(steps: &Steps<Step>) -> u64 {
    steps.iter().filter_map(|step| step.action.made()).map(|made| made.manifest.size_bytes).sum()
}

impl Backup {
    /// What is to be backed up. With everything, what cannot be reached does not keep the rest from being backed up.
    fn subjects(&self, world: &World, plan: &mut Plan<Step>) -> Result<Vec<Subject>> {
        let Backup { what, names, .. } = self;
        let configs = || Ok(Subject::configs(world).into_iter().collect());
        let mut volumes = |names| {
            let (volumes, notes) = Subject::volumes(world, names)?;
            plan.notes.extend(notes);
            Ok(volumes)
        };
        match what {
            What::Db => Subject::databases(world, names),
            What::Volumes => volumes(names),
            What::Configs => configs(),
            What::All => {
                let parts = [Subject::databases(world, &[]), volumes(&[]), configs()];
                let mut all = Vec::new();
                for part in parts {
                    match part {
                        Ok(part) => all.extend(part),
                        Err(error) if exit_of(&error) == Exit::Usage => return Err(error),
                        Err(error) => plan.failures.push(one_line(&error)),
                    }
                }
                Ok(all)
            }
        }
    }
}

/// Plans to remove what the policy does not keep of one series, newest last made first.
fn remove_old(
    mut own: Vec<Made>,
    policy: Policy,
    world: &World,
    after: Option<&Making>,
    plan: &mut Plan<Step>,
) {
    own.sort_by_key(|backup| std::cmp::Reverse(backup.manifest.sequence));
    let now = world.clock.now();
    if let Some(later) = own.iter().find(|backup| backup.made > now) {
        let id = text::escape(&later.id);
        plan.notes.push(format!(
            "{id} is of a time to come: nothing of its kind is removed until the clock is right"
        ));
        return;
    }
    let zone = world.clock.zone();
    let ours = after.map(|_| now);
    let times: Vec<_> = ours
        .into_iter()
        .chain(own.iter().map(|backup| backup.made))
        .map(|time| time.with_timezone(&zone))
        .collect();
    let reasons = policy.reasons(&times);
    let reasons = reasons.iter().skip(times.len() - own.len());
    let old = own.iter().zip(reasons).filter(|(_, reasons)| reasons.is_empty());
    plan.actions.extend(
        old.map(|(backup, _)| {
            Deed::Remove { backup: Box::new(backup.clone()), after: after.cloned() }.into()
        }),
    );
}

impl From<Deed> for Step {
    fn from(deed: Deed) -> Step {
        Step { deed }
    }
}

impl Step {
    /// What it frees when it is done.
    fn removed_bytes(&self) -> u64 {
        match &self.deed {
            Deed::Remove { backup, .. } => backup.manifest.size_bytes,
            _ => 0,
        }
    }

    fn made(&self) -> Option<&Made> {
        match &self.deed {
            Deed::Make { made, .. } => made.get(),
            _ => None,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.deed {
            Deed::Make { subject, made: _ } => match subject {
                Subject::Database(database) => {
                    write!(f, "back up the database {}", text::escape(database.name()))
                }
                Subject::Volume(volume) => write!(f, "back up the volume {}", text::escape(volume.shown())),
                Subject::Configs(paths) => {
                    write!(f, "back up {}", text::plural(paths.len(), "configuration file"))
                }
            },
            Deed::GoOn => {
                write!(f, "let containers go on that a run which was cut off has paused or stopped")
            }
            Deed::Send { of, restic: _, made: _ } => write!(f, "copy the backup of {of} to restic"),
            Deed::Remove { backup, after: _ } => {
                write!(f, "remove {} ({})", text::escape(&backup.id), text::size(backup.manifest.size_bytes))
            }
            Deed::Forget { restic: _, policy: _ } => write!(f, "have restic forget what is kept no longer"),
            Deed::Fetch { restic: _, id } => write!(f, "bring {} back from restic", text::escape(id)),
        }
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match &self.deed {
            Deed::Make { subject, made } => {
                map.serialize_entry("action", "back-up")?;
                map.serialize_entry("kind", subject.kind().word())?;
                map.serialize_entry("name", &text::escape(subject.name()))?;
                if let Some(made) = made.get() {
                    map.serialize_entry("id", &made.id)?;
                    map.serialize_entry("path", &text::path(&made.folder))?;
                    map.serialize_entry("size_bytes", &made.manifest.size_bytes)?;
                    map.serialize_entry("content_bytes", &made.manifest.content_bytes)?;
                }
            }
            Deed::GoOn => map.serialize_entry("action", "go-on")?,
            Deed::Send { of, made, restic: _ } => {
                map.serialize_entry("action", "copy-to-restic")?;
                map.serialize_entry("name", of)?;
                map.serialize_entry("id", &made.get().map(|made| &made.id))?;
            }
            Deed::Remove { backup, after: _ } => {
                map.serialize_entry("action", "remove")?;
                map.serialize_entry("id", &backup.id)?;
                map.serialize_entry("size_bytes", &backup.manifest.size_bytes)?;
            }
            Deed::Forget { .. } => map.serialize_entry("action", "forget")?,
            Deed::Fetch { id, restic: _ } => {
                map.serialize_entry("action", "fetch")?;
                map.serialize_entry("id", id)?;
            }
        }
        map.end()
    }
}

impl Action for Step {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        match &self.deed {
            Deed::Make { subject, made } => {
                let backup = subject.back_up(world, None, permit)?;
                let backup = made.get_or_init(|| backup);
                if world.config.backup.record {
                    let number = record::record(backup, world, permit);
                    number.context("the backup is made, and is not recorded in the site's table")?;
                }
                Ok(Outcome::Done(backup.tidings().into()))
            }
            Deed::GoOn => Ok(Outcome::Done(docker::settle(world, permit)?.join("; ").into())),
            Deed::Send { restic, of: _, made } => match made.get() {
                Some(backup) => Ok(Outcome::Done(restic.send(backup, world, permit)?.into())),
                None => Ok(Outcome::Skipped("it was not made".into())),
            },
            Deed::Remove { backup, after } => {
                if after.as_ref().is_some_and(|after| after.get().is_none()) {
                    return Ok(Outcome::Skipped("stays: the new one was not made".into()));
                }
                world.backups().remove(backup, permit)?;
                Ok(Outcome::DONE)
            }
            Deed::Fetch { restic, id } => {
                let backup = restic.fetch(id, &world.backups(), world, permit)?;
                backup.verify(world)?;
                Ok(Outcome::Done(text::path(&backup.folder).into_owned().into()))
            }
            Deed::Forget { restic, policy } => {
                Ok(Outcome::Done(restic.forget(*policy, world, permit)?.into()))
            }
        }
    }
}
