//! `maint backup fetch`: brings a backup back that only restic has.

use super::{Deed, Step};
use crate::engine::Job;
use crate::engine::plan::Plan;
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::backups::restic::Restic;
use anyhow::Result;
use clap::Args;
use std::sync::Arc;

/// Brings a backup back that only restic has
#[derive(Args, Clone, Debug, Default)]
pub struct Fetch {
    /// Its id (`maint backup list --restic` shows them)
    #[arg(value_name = "ID")]
    pub id: String,
}

impl Job for Fetch {
    const NAME: &'static str = "backup-fetch";
    const LOCK: &'static str = "backup";
    const ANSWERS: bool = true;
    type Action = Step;

    fn plan(&self, world: &World) -> Result<Plan<Step>> {
        let id = &self.id;
        let shown = text::escape(id);
        let restic = Restic::of(world)?;
        let restic = restic.ok_or_else(|| Problem::usage("there is no [backup.restic] in maint.toml"))?;
        let (known, damaged) = world.backups().list()?;
        if known.iter().any(|backup| backup.id == *id) {
            return Ok(Plan { notes: vec![format!("{shown} is here already")], ..Plan::default() });
        }
        if damaged.iter().any(|damaged| damaged.id == *id) {
            return Err(Problem::usage(format!("{shown} is here and damaged: move it away first")));
        }
        if !restic.ids(world)?.contains(id) {
            return Err(Problem::usage(format!(
                "restic has no backup `{shown}`; `maint backup list --restic` shows them"
            )));
        }
        Ok(Plan::from(vec![Deed::Fetch { restic: Arc::new(restic), id: id.clone() }.into()]))
    }
}
