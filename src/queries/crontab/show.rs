//! `maint crontab show`: what is installed, when it runs next, and how it differs from maint.toml.

use crate::cron::drift::{self, State};
use crate::cron::schedule::Schedule;
use crate::cron::table::Table;
use crate::engine::Query;
use crate::error::one_line;
use crate::text;
use crate::world::World;
use crate::world::clock::show_firing;
use anyhow::Result;
use clap::Args;
use serde::Serialize;
use std::fmt;

/// Shows what is installed, the next run of each job, and any drift from maint.toml
#[derive(Args, Clone, Debug)]
pub struct Show {}

/// The lines of the site, installed or wanted.
#[derive(Debug, Serialize)]
pub struct Shown {
    pub(super) site: String,
    pub(in crate::queries) jobs: Vec<Row>,
    /// What differs from maint.toml, in words.
    pub(in crate::queries) drift: Vec<String>,
    #[serde(skip)]
    pub(in crate::queries) is_mended_by_add: bool,
}

#[derive(Debug, Serialize)]
pub(in crate::queries) struct Row {
    job: String,
    pub(in crate::queries) state: State,
    schedule: Option<String>,
    /// What `maint crontab run` takes; none for a job that is no longer configured.
    hash: Option<String>,
    next: Option<String>,
    line: Option<String>,
    #[serde(skip)]
    next_shown: String,
}

impl Query for Show {
    type Answer = Shown;

    fn ask(&self, world: &World) -> Result<Shown> {
        let wanted = world.crontab_lines()?;
        let listing = world.crontab()?.list()?;
        let site = world.config.site_name();
        let table = Table::parse(&listing, site);
        let standings = drift::compare(&table, &wanted);
        let words = standings.iter().filter_map(drift::Standing::explain);
        let namesake = || world.refuse_namesake(&listing).err().map(|error| one_line(&error));
        let problem = table.damage().map(str::to_owned).or_else(namesake);
        let is_mended_by_add = problem.is_none();
        let former = world.former_names(&listing).into_iter();
        let former = former.map(|name| format!("there are lines under the former name of this site, {name}"));
        let drift = problem.into_iter().chain(former).chain(words).collect();
        let jobs = standings.iter().map(|standing| Row::of(world, standing)).collect();
        Ok(Shown { site: site.to_owned(), jobs, drift, is_mended_by_add })
    }
}

impl Row {
    fn of(world: &World, standing: &drift::Standing<'_>) -> Row {
        let schedule = standing.wanted.and_then(|line| Schedule::parse(&line.schedule).ok());
        let next = schedule.as_ref().and_then(|schedule| schedule.next_after(&world.clock.machine_now()));
        let next_shown = match (&next, &schedule) {
            (Some(next), _) => show_firing(next),
            (None, Some(_)) => "at boot".to_owned(),
            (None, None) => "-".to_owned(),
        };
        Row {
            job: standing.job.to_owned(),
            state: standing.state,
            schedule: schedule.map(String::from),
            hash: standing.wanted.map(|line| line.hash.clone()),
            next: next.map(|next| next.to_rfc3339()),
            line: standing.installed.map(|own| text::escape_bytes(own.text).into_owned()),
            next_shown,
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.jobs.is_empty() && self.drift.is_empty() {
            return writeln!(f, "site {} has no line in the crontab, and no job with a schedule", self.site);
        }
        let mut table = text::Table::new(&["JOB", "SCHEDULE", "NEXT RUN", "HASH", "CRONTAB"]);
        for row in &self.jobs {
            let schedule = row.schedule.as_deref().unwrap_or("-");
            let hash = row.hash.as_ref().map_or("-", |hash| &hash[..8]);
            table.row(&[&row.job, schedule, &row.next_shown, hash, row.state.word()]);
        }
        write!(f, "{table}")?;
        for line in &self.drift {
            writeln!(f, "{line}")?;
        }
        if self.drift.is_empty() || !self.is_mended_by_add {
            return Ok(());
        }
        writeln!(f, "`maint crontab add` puts it right")
    }
}
