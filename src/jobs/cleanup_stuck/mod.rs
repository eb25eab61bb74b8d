//! `maint cleanup-stuck`: marks backups and restores as failed that have been running or pending for too long.
//!
//! What was never started is judged by when it was made. (The original never caught it.)

mod mark;
mod operation;
mod statistics;

use crate::config::units;
use crate::engine::plan::{Overview, Plan};
use crate::engine::{Job, Question};
use crate::error::{Problem, one_line};
use crate::text;
use crate::world::World;
use crate::world::database::Session;
use anyhow::Result;
use chrono::{DateTime, Utc};
use clap::Args;
use mark::{CHANGED, MarkFailed, Reason};
use operation::{Kind, operations};
use serde::{Deserialize, Serialize};
use statistics::Statistics;

/// Marks backups and restores as failed that have been running or pending for too long
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CleanupStuck {
    /// Mark what began more than this many hours ago [default: 6, or the age in maint.toml]
    #[arg(long, value_name = "HOURS", allow_negative_numbers = true, value_parser = hours)]
    pub hours: Option<u32>,
    /// The same in minutes; counts more than --hours
    #[arg(long, value_name = "MINUTES", allow_negative_numbers = true, value_parser = minutes)]
    pub minutes: Option<u32>,
    /// Mark only this restore, whatever its age
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    #[arg(value_parser = clap::value_parser!(i64).range(1..))]
    pub restore_id: Option<i64>,
    /// Only show how many there are in each state, and what runs
    #[arg(long)]
    pub show_stats: bool,
    /// Do not ask, and accept an age of 0
    #[arg(long)]
    pub force: bool,
}

fn hours(text: &str) -> Result<u32, String> {
    units::count(text).ok_or_else(|| "write a whole number of hours, such as 6".to_owned())
}

fn minutes(text: &str) -> Result<u32, String> {
    units::count(text).ok_or_else(|| "write a whole number of minutes, such as 30".to_owned())
}

impl Job for CleanupStuck {
    const NAME: &'static str = "cleanup-stuck";
    type Action = MarkFailed;

    fn only_looks(&self) -> bool {
        self.show_stats
    }

    fn check(&self, world: &World) -> Result<()> {
        let is_by_age = self.restore_id.is_none() && !self.show_stats;
        if is_by_age && !self.force && self.limit(world).age().is_zero() {
            return Err(Problem::refused(
                "an age of 0 marks everything that is running or pending; add --force if that is meant",
            ));
        }
        Ok(())
    }

    fn ready(&self, world: &World) -> Result<()> {
        let database = world.database(world.config.cleanup_stuck.database.as_deref())?;
        let mut looking = database.look(world)?;
        for kind in [Kind::Backup, Kind::Restore] {
            let table = looking.table(kind.known())?;
            table.columns(kind.looked_at())?;
            table.columns(CHANGED)?;
        }
        match self.restore_id {
            Some(id) => plan_one(&mut looking, id, world.clock.now()).map(drop),
            None => Ok(()),
        }
    }

    fn plan(&self, world: &World) -> Result<Plan<MarkFailed>> {
        if self.show_stats {
            let overview = Overview::of("operations", &Statistics::read(world)?)?;
            return Ok(Plan { overview: Some(overview), ..Plan::default() });
        }
        let database = world.database(world.config.cleanup_stuck.database.as_deref())?;
        let mut looking = database.look(world)?;
        let now = world.clock.now();
        let mut plan = match self.restore_id {
            Some(id) => plan_one(&mut looking, id, now)?,
            None => plan_all(&mut looking, self.limit(world), now)?,
        };
        plan.actions.sort_unstable_by_key(|action| (action.kind, action.id));
        Ok(plan)
    }

    fn question(&self, plan: &Plan<MarkFailed>) -> Option<Question> {
        if self.force {
            return None;
        }
        let backups = plan.actions.iter().filter(|action| action.kind == Kind::Backup).count();
        let restores = plan.actions.len() - backups;
        let parts = [(backups, "backup"), (restores, "restore")];
        let parts = parts.iter().filter(|(count, _)| *count > 0);
        let what: Vec<String> = parts.map(|(count, noun)| text::plural(*count, noun)).collect();
        Some(Question { text: format!("Mark {} as failed?", what.join(" and ")), options: "--force" })
    }
}

impl CleanupStuck {
    fn limit(&self, world: &World) -> Reason {
        match (self.minutes, self.hours) {
            (Some(minutes), _) => Reason::Minutes(minutes),
            (None, Some(hours)) => Reason::Hours(hours),
            (None, None) => Reason::of(world.config.cleanup_stuck.age),
        }
    }
}

/// Everything that is running or pending for longer than the limit, strictly as in the original.
fn plan_all(looking: &mut Session<'_>, limit: Reason, now: DateTime<Utc>) -> Result<Plan<MarkFailed>> {
    let mut plan = Plan::default();
    let age = chrono::Duration::from_std(limit.age().duration()).unwrap_or(chrono::Duration::MAX);
    let Some(cutoff) = now.checked_sub_signed(age) else { return Ok(plan) };
    for kind in [Kind::Backup, Kind::Restore] {
        operations(looking, kind, "{status} IN ('running', 'pending')", &[], |found| {
            match found.since() {
                Err(error) => plan.failures.push(format!("{found}: {}", one_line(&error))),
                Ok(Some(since)) if since < cutoff => plan.actions.extend(found.mark(limit, Some(since), now)),
                Ok(Some(since)) if since > now => {
                    plan.notes.push(format!("{found}: is left alone, because it begins in the future"));
                }
                Ok(_) => {}
            }
            Ok(())
        })?;
    }
    Ok(plan)
}

/// One restore, whatever its age.
fn plan_one(looking: &mut Session<'_>, id: i64, now: DateTime<Utc>) -> Result<Plan<MarkFailed>> {
    let mut restore = None;
    operations(looking, Kind::Restore, "{id} = $1", &[id.into()], |found| {
        restore = Some(found);
        Ok(())
    })?;
    let Some(found) = restore else {
        return Err(Problem::usage(format!(
            "there is no restore {id}; `maint cleanup-stuck --show-stats` lists what runs"
        )));
    };
    let mut plan = Plan::default();
    match found.mark(Reason::ByHand, found.since().ok().flatten(), now) {
        Some(action) => plan.actions.push(action),
        None => plan
            .notes
            .push(format!("{found}: is {}, so there is nothing to mark", text::escape(&found.status))),
    }
    Ok(plan)
}
