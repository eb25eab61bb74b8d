//! `maint crontab restore [ID]`: puts a saved crontab back, as a whole.

use super::{Change, Install, LOCK, PATIENCE};
use crate::cron::table::{self, Table};
use crate::engine::Job;
use crate::engine::plan::Plan;
use crate::error::Problem;
use crate::text;
use crate::world::World;
use anyhow::Result;
use chrono::{DateTime, Utc};
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

    fn plan(&self, world: &World) -> Result<Plan<Install>> {
        let crontab = world.crontab()?;
        let saved = crontab.saved();
        let id = match &self.id {
            Some(wanted) => named(&saved, wanted)?,
            None => match saved.first() {
                Some((latest, _)) => latest,
                None => {
                    return Err(Problem::usage(
                        "no crontab has been saved yet; each change by maint saves one",
                    ));
                }
            },
        };
        let mut new = crontab.read_saved(id)?;
        // Some programs store a table without its last line end, and others refuse one.
        if new.last().is_some_and(|last| *last != b'\n') {
            new.push(b'\n');
        }
        let seen = crontab.list()?;
        let notes = other_sites(&seen, &new, world.config.site_name());
        let change = Change::Whole { seen: seen.clone(), new };
        let mut plan = change.plan(&seen, world.config.site_name())?;
        plan.notes.extend(notes);
        Ok(plan)
    }
}

/// The whole table is put back: what that means for the lines of other sites.
fn other_sites(seen: &[u8], new: &[u8], own: &str) -> Vec<String> {
    let mut sites = [table::sites(seen), table::sites(new)].concat();
    sites.sort();
    sites.dedup();
    let differs = |site: &String| {
        let (seen, new) = (Table::parse(seen, site), Table::parse(new, site));
        !seen.own().map(|own| own.text).eq(new.own().map(|own| own.text))
    };
    let changed = sites.into_iter().filter(|site| site != own && differs(site));
    changed.map(|site| format!("the lines of site {} change too", text::escape(&site))).collect()
}

/// The saved table with this id, or the only one whose id begins so.
fn named<'a>(saved: &'a [(String, DateTime<Utc>)], wanted: &str) -> Result<&'a String> {
    let mut found = saved.iter().map(|(id, _)| id).filter(|id| !wanted.is_empty() && id.starts_with(wanted));
    let what = match (found.next(), found.next()) {
        (Some(id), None) => return Ok(id),
        (Some(_), Some(_)) => "could be several saved crontabs",
        (None, _) => "is no saved crontab",
    };
    Err(Problem::usage(format!(
        "`{}` {what}; `maint crontab restore --list` shows them",
        text::escape(wanted)
    )))
}
