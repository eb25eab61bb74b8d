//! `maint vacuum-db`: gives the free pages of a database back, and lets it learn anew how its tables are filled.

mod step;

use crate::config::vacuum_db::VacuumDbSection;
use crate::engine::Job;
use crate::engine::plan::Plan;
use crate::engine::report::{Outcome, Steps};
use crate::error::one_line;
use crate::text;
use crate::world::World;
use crate::world::database::{Database, Filling, Pages, TablesToVacuum, Wishes};
use anyhow::Result;
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;
use step::{Deed, Step};

/// Gives the free space in a database back to the disk
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VacuumDb {
    /// Only where enough of it is free
    #[arg(long)]
    pub if_needed: bool,
    /// Also let it learn anew how its tables are filled (ANALYZE)
    #[arg(long)]
    pub analyze: bool,
    /// First check that it is whole; a damaged one is left alone
    #[arg(long)]
    pub check: bool,
    /// Names of [databases.NAME], or SQLite files [default: the site's]
    #[arg(value_name = "DB")]
    pub databases: Vec<PathBuf>,
    /// The folder that files are relative to; empty for the current one.
    #[arg(skip)]
    #[serde(skip)]
    pub base: PathBuf,
}

impl Job for VacuumDb {
    const NAME: &'static str = "vacuum-db";
    type Action = Step;

    fn ready(&self, world: &World) -> Result<()> {
        self.databases(world)?.iter().try_for_each(|database| database.refuse_other_files())
    }

    fn plan(&self, world: &World) -> Result<Plan<Step>> {
        let mut plan = Plan::default();
        for database in self.databases(world)? {
            database.refuse_other_files()?;
            let name = text::escape(database.name()).into_owned();
            match database.filling(world) {
                Err(error) => plan.failures.push(one_line(&error)),
                Ok(Filling::Empty) => plan.notes.push(format!("{name}: is empty, so there is nothing to do")),
                Ok(Filling::Sqlite(pages)) => self.plan_file(database, pages, world, &mut plan),
                Ok(Filling::Postgres(tables)) => self.plan_tables(&database, tables, world, &mut plan),
            }
        }
        Ok(plan)
    }

    fn sum_up(&self, steps: &Steps<Step>) -> Option<String> {
        let freed = freed(steps);
        let to_free = steps.iter().filter(|step| *step.outcome == Outcome::Planned);
        let to_free: u64 = to_free.map(|step| step.action.to_free()).sum();
        let parts = [(freed, "freed"), (to_free, "to free")];
        let part = parts.iter().find(|(bytes, _)| *bytes > 0);
        part.map(|(bytes, words)| format!("{} {words}", text::size(*bytes)))
    }

    fn totals(&self, steps: &Steps<Step>) -> Vec<(&'static str, Value)> {
        vec![("freed_bytes", freed(steps).into())]
    }
}

fn freed(steps: &Steps<Step>) -> u64 {
    steps.iter().map(|step| step.action.freed()).sum()
}

impl VacuumDb {
    /// Each database once, however often it was named.
    fn databases(&self, world: &World) -> Result<Vec<Arc<Database>>> {
        if self.databases.is_empty() {
            let database = world.database(world.config.vacuum_db.database.as_deref())?;
            return Ok(vec![Arc::new(database)]);
        }
        let mut databases: Vec<Arc<Database>> = Vec::new();
        for typed in &self.databases {
            let database = world.database_or_file(typed, &self.base)?;
            let is_known = databases.iter().any(|known| known.is_same(&database));
            if !is_known {
                databases.push(Arc::new(database));
            }
        }
        Ok(databases)
    }

    fn plan_file(&self, database: Arc<Database>, pages: Pages, world: &World, plan: &mut Plan<Step>) {
        let section = &world.config.vacuum_db;
        let name = text::escape(database.name()).into_owned();
        let is_needed = !self.if_needed
            || pages.free_share() >= section.free_share
            || pages.free_bytes() >= section.free_size.bytes();
        if !is_needed {
            let (size, share) = (text::size(pages.bytes), percent(pages.free_share()));
            plan.notes.push(format!("{name}: {size}, of which {share} % is free: not needed"));
        }
        if let Some(copy) = database.left_copy() {
            let fate =
                if is_needed && section.backup { "is replaced" } else { "can be removed when all is well" };
            let shown = text::path(&copy);
            plan.notes.push(format!("{name}: {shown} is left of a run that was cut off, and {fate}"));
        }
        let deed = match (is_needed, self.check) {
            (true, _) => Deed::Vacuum(pages, self.wishes(section)),
            (false, true) => Deed::Check(pages),
            (false, false) => return,
        };
        plan.actions.push(Step::of(database, deed));
    }

    fn wishes(&self, section: &VacuumDbSection) -> Wishes {
        let VacuumDb { check, analyze, .. } = *self;
        Wishes { check, analyze, backup: section.backup, exclusive: section.exclusive }
    }

    fn plan_tables(
        &self,
        database: &Arc<Database>,
        tables: TablesToVacuum,
        world: &World,
        plan: &mut Plan<Step>,
    ) {
        let section = &world.config.vacuum_db;
        let name = text::escape(database.name());
        if self.check {
            plan.notes.push(format!("{name}: --check is for SQLite; PostgreSQL is not checked"));
        }
        if !tables.foreign.is_empty() {
            let (count, names) = (
                text::plural(tables.foreign.len(), "table"),
                text::escape(&tables.foreign.join(", ")).into_owned(),
            );
            let names = text::cut(&names, LONGEST_LIST);
            plan.notes.push(format!("{name}: {count} of other users left alone: {names}"));
        }
        let all = tables.own.len();
        let mut wanted = tables.own;
        if self.if_needed {
            wanted.retain(|table| table.dead >= section.dead_rows && table.share() >= section.dead_share);
            if wanted.len() < all {
                let count = text::plural(all - wanted.len(), "table");
                plan.notes.push(format!("{name}: {count} with few dead rows: not needed"));
            }
        }
        plan.actions
            .extend(wanted.into_iter().map(|table| Step::of(Arc::clone(database), Deed::Table(table))));
    }
}

/// Characters of a list of names that nobody reads to its end.
const LONGEST_LIST: usize = 200;

/// A share as whole per cents.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share is from 0 to 1")]
fn percent(share: f64) -> u8 {
    (share.clamp(0.0, 1.0) * 100.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_shown_as_a_whole_per_cent() {
        assert_eq!([0.0, 0.004, 0.872, 1.0, 7.0].map(percent), [0, 0, 87, 100, 100]);
    }
}
