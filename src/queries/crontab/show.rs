//! `maint crontab show`: what is installed, when it runs next, and how it differs from maint.toml.

use crate::cron::drift::{self, State};
use crate::cron::table::Table;
use crate::engine::Query;
use crate::queries::next_run;
use crate::text;
use crate::world::World;
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
    site: String,
    jobs: Vec<Row>,
    /// What differs from maint.toml, in words.
    pub(super) drift: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    job: String,
    state: State,
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
        let words = standings.iter().filter_map(|standing| standing.explain(&wanted));
        let drift = table.damage().map(str::to_owned).into_iter().chain(words).collect();
        let jobs = standings.iter().map(|standing| Row::of(world, standing)).collect();
        Ok(Shown { site: site.to_owned(), jobs, drift })
    }
}

impl Row {
    fn of(world: &World, standing: &drift::Standing<'_>) -> Row {
        let job = standing.job;
        let entry = world.config.jobs.get(job).filter(|entry| entry.schedule.is_some());
        let schedule = entry.and_then(|entry| entry.schedule.as_ref());
        let (next, next_shown) = entry.map_or((None, "-".to_owned()), |entry| next_run(world, entry, false));
        Row {
            job: job.to_owned(),
            state: standing.state,
            schedule: schedule.map(|schedule| schedule.text().to_owned()),
            hash: entry.map(|entry| entry.hash(world.config.site_name(), job)),
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
        if self.drift.is_empty() { Ok(()) } else { writeln!(f, "`maint crontab add` puts it right") }
    }
}
