//! `maint backup prune`: removes backups that are kept no longer, and never the last good one of anything.

use super::{Deed, Keep, Step, remove_old};
use crate::engine::Job;
use crate::engine::plan::Plan;
use crate::engine::report::{Outcome, Steps};
use crate::error::one_line;
use crate::text;
use crate::world::World;
use crate::world::backups::restic::Restic;
use crate::world::backups::{Backup, Series};
use anyhow::Result;
use clap::Args;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Removes backups that are kept no longer
#[derive(Args, Clone, Debug, Default)]
pub struct Prune {
    #[command(flatten)]
    pub keep: Keep,
}

impl Job for Prune {
    const NAME: &'static str = "backup-prune";
    const LOCK: &'static str = "backup";
    type Action = Step;

    fn ready(&self, world: &World) -> Result<()> {
        Restic::of(world).map(drop)
    }

    fn plan(&self, world: &World) -> Result<Plan<Step>> {
        let policy = self.keep.policy(world);
        let (known, damaged) = world.backups().list()?;
        let mut plan = Plan::default();
        for damaged in &damaged {
            plan.notes.push(format!("{} stays: {}", text::escape(&damaged.id), damaged.why));
        }
        let mut series: BTreeMap<Series, Vec<Backup>> = BTreeMap::new();
        for backup in known {
            series.entry(backup.series()).or_default().push(backup);
        }
        for own in series.into_values() {
            let before = plan.actions.len();
            let newest = own.iter().max_by_key(|backup| backup.manifest.sequence).cloned();
            remove_old(own, policy, world, None, &mut plan);
            // The one that all others rely on is read whole first.
            if let Some(newest) = newest.filter(|_| plan.actions.len() > before)
                && let Err(error) = newest.verify(world)
            {
                plan.actions.truncate(before);
                let (id, why) = (text::escape(&newest.id), one_line(&error));
                plan.failures.push(format!("{id}: {why}; nothing of its kind is removed"));
            }
        }
        let restic =
            Restic::of(world)?.map(|restic| Deed::Forget { restic: Arc::new(restic), policy }.into());
        plan.actions.extend(restic);
        Ok(plan)
    }

    fn sum_up(&self, steps: &Steps<Step>) -> Option<String> {
        let done = steps.iter().filter(|step| matches!(step.outcome, Outcome::Done(_)));
        let bytes: u64 = done.map(|step| step.action.removed_bytes()).sum();
        (bytes > 0).then(|| format!("{} freed", text::size(bytes)))
    }
}
