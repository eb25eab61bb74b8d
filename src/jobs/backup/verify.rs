//! `maint backup verify`: reads backups whole and tells which are damaged.

use super::Step;
use crate::engine::Job;
use crate::engine::plan::{Finding, Overview, Plan};
use crate::error::one_line;
use crate::text;
use crate::world::World;
use crate::world::backups::Backup;
use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;
use std::fmt;

/// Reads backups whole and tells which are damaged
#[derive(Args, Clone, Debug, Default)]
pub struct Verify {
    /// Only this backup; may be repeated [default: all]
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// Only the latest of each database, volume and of the configuration files
    #[arg(long, conflicts_with = "ids")]
    pub latest: bool,
}

/// What was read, and what was found.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Table(Vec<Row>);

#[derive(Debug, Serialize)]
struct Row {
    id: String,
    size_bytes: u64,
    is_good: bool,
    detail: String,
}

impl Job for Verify {
    const NAME: &'static str = "backup-verify";
    const ANSWERS: bool = true;
    type Action = Step;

    fn only_looks(&self) -> bool {
        true
    }

    fn plan(&self, world: &World) -> Result<Plan<Step>> {
        let mut rows = Vec::new();
        let backups = self.wanted(world, &mut rows)?;
        let mut plan = Plan::default();
        let total = backups.len();
        for (done, backup) in backups.iter().enumerate() {
            world.progress.tell(done, total);
            rows.push(examine(backup, world));
            if world.stop.reason().is_some() {
                bail!("the run was ended before all backups were read");
            }
        }
        world.progress.tell(total, total);
        if rows.is_empty() {
            plan.notes.push("there is no backup yet".to_owned());
        }
        let finding = |row: &Row| {
            let words = if row.is_good { "whole".to_owned() } else { row.detail.clone() };
            Finding { name: row.id.clone(), is_well: row.is_good, words }
        };
        plan.findings = rows.iter().map(finding).collect();
        plan.overview = Some(Overview::of("backups", &Table(rows))?);
        Ok(plan)
    }
}

impl Verify {
    /// Those that were asked for; what cannot even be opened becomes a row at once.
    fn wanted(&self, world: &World, rows: &mut Vec<Row>) -> Result<Vec<Backup>> {
        let (mut backups, damaged) = world.backups().list()?;
        if !self.ids.is_empty() {
            let is_damaged = |id: &&String| damaged.iter().any(|damaged| damaged.id == **id);
            let good = self.ids.iter().filter(|id| !is_damaged(id));
            backups = good.map(|id| world.backups().with_id(id)).collect::<Result<_>>()?;
        }
        let is_wanted = |id: &String| self.ids.is_empty() || self.ids.contains(id);
        rows.extend(damaged.into_iter().filter(|damaged| is_wanted(&damaged.id)).map(|damaged| Row {
            id: damaged.id,
            size_bytes: 0,
            is_good: false,
            detail: damaged.why,
        }));
        if self.latest {
            let all = backups.clone();
            backups.retain(|one| {
                let newer = |other: &Backup| other.manifest.sequence > one.manifest.sequence;
                !all.iter().any(|other| other.series() == one.series() && newer(other))
            });
        }
        Ok(backups)
    }
}

fn examine(backup: &Backup, world: &World) -> Row {
    let (is_good, detail) = match backup.verify(world) {
        Ok(true) => (true, String::new()),
        Ok(false) => (true, "encrypted: only its checksums were compared".to_owned()),
        Err(error) => (false, one_line(&error)),
    };
    Row { id: backup.id.clone(), size_bytes: backup.manifest.size_bytes, is_good, detail }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = text::Table::new(&["BACKUP", "SIZE", "STATE", "DETAILS"]);
        for row in &self.0 {
            let state = if row.is_good { "good" } else { "damaged" };
            table.row(&[text::escape(&row.id).as_ref(), &text::size(row.size_bytes), state, &row.detail]);
        }
        if self.0.is_empty() { Ok(()) } else { write!(f, "{table}") }
    }
}
