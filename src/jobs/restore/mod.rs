//! `maint restore`: puts a backup back.

mod step;
mod target;

use self::step::{Deed, Step};
use self::target::Target;
use crate::engine::plan::Plan;
use crate::engine::restoring::Begun;
use crate::engine::{Job, OnFailure, Question};
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::backups::{Backup, Kind};
use crate::world::docker::Compose;
use anyhow::{Context as _, Result};
use clap::Args;
use std::sync::Arc;

/// Puts a backup back
#[derive(Args, Clone, Debug)]
pub struct Restore {
    /// What to restore: db, volume or configs
    #[arg(value_name = "KIND", value_enum)]
    pub kind: Kind,
    /// Which database or volume [default: the only one]
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// The backup: its id, or the latest
    #[arg(long, value_name = "ID", default_value = "latest")]
    pub from: String,
    /// Restore beside the original: into this folder, or a database or volume of this name
    #[arg(long, value_name = "TO")]
    pub to: Option<String>,
    /// Replace the original without asking
    #[arg(long)]
    pub force: bool,
}

impl Job for Restore {
    const NAME: &'static str = "restore";
    /// Nothing is replaced while it is copied.
    const LOCK: &'static str = "backup";
    /// What is stopped must be started again.
    const CAN_HANG: bool = false;
    const IS_TOLD: bool = true;
    const ON_FAILURE: OnFailure = OnFailure::Stop;
    type Action = Step;

    fn check(&self, _world: &World) -> Result<()> {
        if self.to.as_ref().is_some_and(|to| to.trim().is_empty()) {
            return Err(Problem::usage("--to is empty: name what to restore to, or leave it out"));
        }
        match &self.name {
            Some(name) if self.kind == Kind::Configs && name != "configs" => {
                let name = text::escape(name);
                Err(Problem::usage(format!(
                    "configuration files are restored together: leave `{name}` out; --to DIR shows them all"
                )))
            }
            _ => Ok(()),
        }
    }

    /// What cannot be is refused before anything is touched, however it was asked for.
    fn ready(&self, world: &World) -> Result<()> {
        self.what(world).map(drop)
    }

    fn plan(&self, world: &World) -> Result<Plan<Step>> {
        let (backup, target) = self.what(world)?;
        // Before anything is stopped, let alone replaced.
        let is_readable = target.verify(world, &backup);
        let is_readable =
            is_readable.with_context(|| format!("the backup {} cannot be restored", backup.id))?;
        if !is_readable {
            return Err(Problem::usage(format!(
                "the backup {} is encrypted: set `identity` of [backup] to the key that reads it",
                backup.id
            )));
        }
        let target = Arc::new(target);
        let mut plan = Plan::default();
        let begun = Begun::recall(world, &target.key())?;
        if let Some(begun) = &begun {
            plan.notes.push(format!("{}; this makes it good", begun.describe(world)));
        }
        let services = target.services(world, begun.as_ref())?;
        let begun = Arc::new(Begun::now(world, &backup.id, services.to_start.clone()));
        if !services.running.is_empty() {
            let (target, begun) = (Arc::clone(&target), Arc::clone(&begun));
            plan.actions.push(Deed::Stop { target, begun, services: services.running.clone() }.into());
        }
        match target.subject(world)? {
            Ok(subject) => plan.actions.push(Deed::Keep { subject }.into()),
            Err(why) => plan.notes.extend(why),
        }
        let (of, again) = (Arc::clone(&target), Arc::clone(&begun));
        plan.actions.push(Deed::Put { target: of, backup: Arc::new(backup), begun: again }.into());
        if !services.to_start.is_empty() {
            plan.actions.push(Deed::Start { target, services: services.to_start }.into());
        }
        Ok(plan)
    }

    fn question(&self, plan: &Plan<Step>) -> Option<Question> {
        if self.force || self.to.is_some() {
            return None;
        }
        let steps: Vec<String> = plan.actions.iter().map(ToString::to_string).collect();
        let text = format!("{}?", text::sentence(&steps.join(", then ")));
        Some(Question { text, options: "--force" })
    }
}

impl Restore {
    /// The backup that is meant, and where it goes.
    fn what(&self, world: &World) -> Result<(Backup, Target)> {
        let compose = if self.kind == Kind::Volume { Some(compose(world)?) } else { None };
        let backup = self.backup(world, compose.as_ref())?;
        let target = Target::of(world, compose, &backup, self.to.clone())?;
        target.refuse(world)?;
        Ok((backup, target))
    }

    /// The backup that is meant: a volume may be called as the Compose file calls it.
    fn backup(&self, world: &World, compose: Option<&Compose>) -> Result<Backup> {
        let backups = world.backups();
        let (Some(compose), Some(name)) = (compose, &self.name) else {
            return backups.find(self.kind, self.name.as_deref(), &self.from);
        };
        let (known, _) = backups.list()?;
        let is_known =
            |name: &String| known.iter().any(|it| it.manifest.kind == self.kind && it.manifest.name == *name);
        let by_compose = || Some(format!("{}_{name}", compose.project(world).ok()?));
        let by_docker = || compose.volume(world, name).ok().map(|volume| volume.name);
        let called = Some(name.clone()).filter(is_known).or_else(|| by_docker().filter(is_known));
        let called = called.or_else(|| by_compose().filter(is_known)).unwrap_or_else(|| name.clone());
        backups.find(self.kind, Some(&called), &self.from)
    }
}

fn compose(world: &World) -> Result<Compose> {
    Compose::of(world)?.ok_or_else(|| {
        Problem::usage(
            "there is no Compose project whose volume could be restored; name its file in [compose]",
        )
    })
}
