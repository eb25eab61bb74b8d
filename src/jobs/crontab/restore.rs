//! `maint crontab restore [ID]`: puts a saved crontab back, as a whole.

use super::{Change, Install, LOCK, PATIENCE};
use crate::engine::Job;
use crate::engine::plan::Plan;
use crate::error::Problem;
use crate::text;
use crate::world::World;
use anyhow::Result;
use clap::Args;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Puts a saved crontab back, foreign lines included; each change saves the table it replaces
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Restore {
    /// The saved table, or the beginning of its id [default: the latest]
    pub id: Option<String>,
    /// List the saved tables instead
    #[arg(long, conflicts_with = "id")]
    #[serde(skip)]
    pub list: bool,
}

impl Job for Restore {
    const NAME: &'static str = "crontab-restore";
    const LOCK: &'static str = LOCK;
    const PATIENCE: Duration = PATIENCE;
    const ANSWERS: bool = true;
    type Action = Install;

    fn check(&self, world: &World) -> Result<()> {
        self.plan(world).map(drop)
    }

    fn plan(&self, world: &World) -> Result<Plan<Install>> {
        let crontab = world.crontab()?;
        let saved = crontab.saved();
        let wanted = self.id.as_deref().unwrap_or_default();
        let mut found = saved.iter().filter(|(id, _)| id.starts_with(wanted));
        let id = match (found.next(), found.next()) {
            (Some((id, _)), None) => id,
            (Some((id, _)), Some(_)) if wanted.is_empty() || id == wanted => id,
            (Some(_), Some(_)) => return Err(unknown(wanted, "could be several saved crontabs")),
            (None, _) if wanted.is_empty() => {
                return Err(Problem::usage("no crontab has been saved yet; each change by maint saves one"));
            }
            (None, _) => return Err(unknown(wanted, "is no saved crontab")),
        };
        Change::Whole(crontab.read_saved(id)?).plan(world, world.config.site_name())
    }
}

fn unknown(id: &str, what: &str) -> anyhow::Error {
    Problem::usage(format!("`{}` {what}; `maint crontab restore --list` shows them", text::escape(id)))
}
