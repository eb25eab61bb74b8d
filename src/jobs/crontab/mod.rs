//! `maint crontab add|remove|restore|adopt`: what changes the crontab, always through one installation;
//! and `generate`, which can write files.

pub mod add;
pub mod adopt;
pub mod generate;
pub mod remove;
pub mod restore;

use crate::cron::table::{Edit, Table};
use crate::diff;
use crate::engine::Action;
use crate::engine::apply::Permit;
use crate::engine::history;
use crate::engine::plan::{Overview, Plan};
use crate::engine::report::Outcome;
use crate::error::one_line;
use crate::world::World;
use crate::world::crontab::Edited;
use anyhow::{Result, anyhow};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// The lock of everything that changes the crontab of a site.
const LOCK: &str = "crontab";
/// Several installations at once wait for each other: each takes some 30 ms.
const PATIENCE: Duration = Duration::from_secs(30);

/// How the table is to change.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// Lines of the site are replaced.
    Lines(Edit),
    /// The same, and these foreign lines go.
    Adopt(Edit, Vec<Vec<u8>>),
    /// The whole table is replaced.
    Whole(Vec<u8>),
}

impl Change {
    /// The table after the change.
    fn apply(&self, table: &[u8]) -> Result<Vec<u8>> {
        match self {
            Change::Lines(edit) => replace_lines(edit, table),
            Change::Adopt(edit, adopted) => {
                let adopted: BTreeSet<&[u8]> = adopted.iter().map(Vec::as_slice).collect();
                let is_adopted = |line: &[u8]| adopted.contains(line.strip_suffix(b"\n").unwrap_or(line));
                let lines = table.split_inclusive(|byte| *byte == b'\n');
                replace_lines(edit, &lines.filter(|line| !is_adopted(line)).collect::<Vec<_>>().concat())
            }
            Change::Whole(whole) => Ok(whole.clone()),
        }
    }

    /// One installation, or none when the table is already so.
    fn plan(self, old: &[u8], site: &str) -> Result<Plan<Install>> {
        let new = self.apply(old)?;
        if new == old {
            let notes = vec!["unchanged: the crontab is already so".to_owned()];
            return Ok(Plan { notes, ..Plan::default() });
        }
        let overview = Overview::of("diff", &diff::between(old, &new, "crontab"))?;
        let install = Install::between(old, &new, site, self);
        Ok(Plan { actions: vec![install], overview: Some(overview), ..Plan::default() })
    }
}

fn replace_lines(edit: &Edit, table: &[u8]) -> Result<Vec<u8>> {
    edit.apply(table).map_err(|why| {
        anyhow!("the crontab has broken lines of site {}: {why}; nothing was changed", edit.site)
    })
}

/// Installs the changed table.
#[derive(Debug, Serialize)]
#[serde(tag = "action", rename = "install-crontab")]
pub struct Install {
    added: Vec<String>,
    changed: Vec<String>,
    removed: Vec<String>,
    #[serde(skip)]
    site: String,
    #[serde(skip)]
    change: Change,
}

impl Install {
    /// The jobs of the site whose lines differ between two tables.
    fn between(old: &[u8], new: &[u8], site: &str, change: Change) -> Install {
        let (old, new) = (Table::parse(old, site), Table::parse(new, site));
        let (old, new) = (by_job(&old), by_job(&new));
        let names = |jobs: &mut dyn Iterator<Item = &&str>| jobs.map(|job| (*job).to_owned()).collect();
        let is_other =
            |(job, lines): &(&&str, &Vec<_>)| old.get(**job).is_some_and(|before| before != *lines);
        Install {
            added: names(&mut new.keys().filter(|job| !old.contains_key(**job))),
            changed: names(&mut new.iter().filter(is_other).map(|(job, _)| job)),
            removed: names(&mut old.keys().filter(|job| !new.contains_key(**job))),
            site: site.to_owned(),
            change,
        }
    }
}

/// The lines of each job, and whether they stand where they belong.
fn by_job<'a>(table: &Table<'a>) -> BTreeMap<&'a str, Vec<(&'a [u8], bool)>> {
    let mut jobs: BTreeMap<&str, Vec<(&[u8], bool)>> = BTreeMap::new();
    for own in table.own() {
        // A line of an older format may name no job.
        let job = if own.job.is_empty() { "an old line" } else { own.job };
        jobs.entry(job).or_default().push((own.text, own.is_inside));
    }
    jobs
}

impl fmt::Display for Install {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Install { added, changed, removed, site: _, change: _ } = self;
        f.write_str("install the crontab")?;
        let parts = [("add", added), ("change", changed), ("remove", removed)];
        let mut separator = ": ";
        for (verb, jobs) in parts.into_iter().filter(|(_, jobs)| !jobs.is_empty()) {
            write!(f, "{separator}{verb} {}", jobs.join(", "))?;
            separator = "; ";
        }
        Ok(())
    }
}

impl Action for Install {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        match world.crontab()?.edit(&|table| self.change.apply(table), permit)? {
            Edited::Unchanged => Ok(Outcome::Skipped("it is already so".into())),
            Edited::Installed { table, saved } => {
                let table = Table::parse(&table, &self.site);
                let lines: Vec<(String, String)> =
                    table.own().map(|own| (own.job.to_owned(), own.hash.to_owned())).collect();
                if let Err(error) = history::remember_lines(world, &lines, permit) {
                    log::warn!("cannot remember since when the lines are installed: {}", one_line(&error));
                }
                Ok(Outcome::Done(format!("the old one is saved as {saved}").into()))
            }
        }
    }
}
