//! `maint crontab check`: what is odd about the schedules, and how the crontab differs from maint.toml.

use super::show::Show;
use crate::cron::django;
use crate::cron::lint::{self, Advice};
use crate::engine::Query;
use crate::exit::Exit;
use crate::text;
use crate::world::World;
use anyhow::Result;
use clap::Args;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;

/// Looks for odd schedules and for drift; exit code 3 when something is found
#[derive(Args, Clone, Debug)]
pub struct Check {}

/// What was found.
#[derive(Debug, Serialize)]
pub struct Checked {
    site: String,
    findings: Vec<String>,
    notes: Vec<String>,
}

impl Query for Check {
    type Answer = Checked;

    fn ask(&self, world: &World) -> Result<Checked> {
        let mut findings = Show {}.ask(world)?.drift;
        let mut notes = Vec::new();
        for (job, entry) in &world.config.jobs {
            let Some(schedule) = &entry.schedule else { continue };
            for Advice { text, is_finding } in
                lint::advice(schedule, world.clock.machine_zone(), world.clock.now())
            {
                let list = if is_finding { &mut findings } else { &mut notes };
                list.push(format!("{job}: {text}"));
            }
        }
        let (left, _) = django::lines(&world.crontab()?.list()?);
        if !left.is_empty() {
            let lines = text::plural(left.len(), "line");
            let projects: BTreeSet<&str> = left.iter().map(|line| line.project.as_str()).collect();
            let projects = projects.into_iter().collect::<Vec<_>>().join(", ");
            notes.push(format!(
                "the crontab has {lines} of django-crontab ({}); `maint crontab adopt --project NAME` takes over \
                 those of a project",
                text::escape(&projects)
            ));
        }
        Ok(Checked { site: world.config.site_name().to_owned(), findings, notes })
    }

    fn exit(answer: &Checked) -> Exit {
        if answer.findings.is_empty() { Exit::Done } else { Exit::Found }
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "found: {finding}")?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        if self.findings.is_empty() {
            writeln!(f, "the crontab of site {} is in order", self.site)
        } else {
            Ok(())
        }
    }
}
