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
use crate::engine::installed;
use crate::engine::plan::{Overview, Plan};
use crate::engine::report::Outcome;
use crate::error::one_line;
use crate::world::World;
use crate::world::crontab::Edited;
use anyhow::{Result, anyhow, bail};
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
    /// Lines of the site are replaced, and perhaps those of a name that it had.
    Lines(Vec<Edit>),
    /// Lines of the site are replaced, and these foreign lines go.
    Adopt(Edit, Vec<Vec<u8>>),
    /// The whole table is replaced, if it still is what was seen.
    Whole {
        /// What was seen.
        seen: Vec<u8>,
        /// What takes its place.
        new: Vec<u8>,
    },
}

impl Change {
    /// The table after the change.
    fn apply(&self, table: &[u8]) -> Result<Vec<u8>> {
        match self {
            Change::Lines(edits) => {
                edits.iter().try_fold(table.to_vec(), |table, edit| replace_lines(edit, &table))
            }
            Change::Adopt(edit, adopted) => {
                let adopted: BTreeSet<&[u8]> = adopted.iter().map(Vec::as_slice).collect();
                let is_adopted = |line: &[u8]| adopted.contains(line.strip_suffix(b"\n").unwrap_or(line));
                let lines = table.split_inclusive(|byte| *byte == b'\n');
                replace_lines(edit, &lines.filter(|line| !is_adopted(line)).collect::<Vec<_>>().concat())
            }
            Change::Whole { seen, new } if table == seen || table == new => Ok(new.clone()),
            Change::Whole { .. } => bail!("the crontab was changed meanwhile; look at it, and try again"),
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
    /// False when the table is already so, and only the state has to learn of it.
    #[serde(rename = "installs")]
    is_installation: bool,
    /// True when lines of another site of the same name must not be touched.
    #[serde(skip)]
    spares_namesakes: bool,
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
            is_installation: true,
            spares_namesakes: !matches!(change, Change::Whole { .. }),
            change,
        }
    }

    /// Nothing is installed; the state learns which lines are, because it was lost or a run was ended early.
    fn remembering(site: &str, change: Change) -> Install {
        Install { is_installation: false, ..Install::between(b"", b"", site, change) }
    }

    /// From now on these lines of the site are installed.
    fn remember(&self, world: &World, table: &[u8], permit: &Permit) -> Result<()> {
        // Another site, removed by its name, has a state of its own.
        if world.config.file.is_none() || self.site != world.config.site_name() {
            return Ok(());
        }
        installed::remember(world, &lines_in(table, &self.site), permit)
    }
}

/// Job and hash of each line of a site.
fn lines_in(table: &[u8], site: &str) -> BTreeMap<String, String> {
    Table::parse(table, site).own().map(|own| (own.job.to_owned(), own.hash.to_owned())).collect()
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
        let Install { added, changed, removed, is_installation, site: _, spares_namesakes: _, change: _ } =
            self;
        if !is_installation {
            return f.write_str("remember which lines are installed");
        }
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
        let crontab = world.crontab()?;
        let edit = |table: &[u8]| {
            if self.spares_namesakes && world.config.file.is_some() {
                world.refuse_namesake(table)?;
            }
            self.change.apply(table)
        };
        match crontab.edit(&edit, permit)? {
            Edited::Unchanged => {
                self.remember(world, &crontab.list()?, permit)?;
                Ok(if self.is_installation {
                    Outcome::Skipped("it is already so".into())
                } else {
                    Outcome::DONE
                })
            }
            Edited::Installed { table, saved } => {
                if let Err(error) = self.remember(world, &table, permit) {
                    log::warn!("cannot remember which lines are installed: {}", one_line(&error));
                }
                Ok(Outcome::Done(format!("the old one is saved as {saved}").into()))
            }
        }
    }
}
