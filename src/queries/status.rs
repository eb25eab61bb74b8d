//! `maint status [--check]`: which jobs are well, which failed, and which did not run at all.

use super::next_run;
use crate::engine::due::{self, Overdue};
use crate::engine::history::{self, Run};
use crate::engine::{Query, pause};
use crate::exit::Exit;
use crate::text;
use crate::world::World;
use crate::world::clock::show_firing;
use anyhow::Result;
use clap::Args;
use serde::Serialize;
use std::fmt;

/// Shows how each job is: ok, failing, not well, overdue, running, paused
#[derive(Args, Clone, Debug)]
pub struct Status {
    /// Print only what is overdue, failing or not well, and end with exit code 3 when there is such a job
    #[arg(long)]
    pub check: bool,
}

/// How a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Running,
    Paused,
    Overdue,
    Failing,
    Found,
    NeverRan,
    Ok,
}

impl State {
    fn words(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Paused => "paused",
            State::Overdue => "overdue",
            State::Failing => "failing",
            State::Found => "not well",
            State::NeverRan => "never ran",
            State::Ok => "ok",
        }
    }

    fn is_trouble(self) -> bool {
        matches!(self, State::Overdue | State::Failing | State::Found)
    }
}

/// One line for each job.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Table {
    rows: Vec<Row>,
    #[serde(skip)]
    is_check: bool,
}

#[derive(Debug, Serialize)]
struct Row {
    job: String,
    state: State,
    last: Option<Run>,
    next: Option<String>,
    overdue: Option<Overdue>,
    paused: Option<String>,
    #[serde(skip)]
    last_shown: String,
    #[serde(skip)]
    next_shown: String,
}

impl Query for Status {
    type Answer = Table;

    fn ask(&self, world: &World) -> Result<Table> {
        world.site_file()?;
        let latest = history::latest(world)?;
        let mut overdue = due::overdue(world)?;
        let rows = world.config.jobs.iter().map(|(name, entry)| {
            let last = latest.iter().find(|run| run.job == *name).cloned();
            let paused = pause::in_force(world, name).map(|paused| paused.describe(&world.clock));
            let (next, next_shown) = next_run(world, entry, paused.is_some());
            let overdue = overdue.remove(name);
            let last_shown = last.as_ref().map_or("-".to_owned(), |run| world.clock.show(run.started));
            Row {
                job: name.clone(),
                state: state(last.as_ref(), paused.is_some(), overdue.is_some()),
                last,
                next: next.map(|next| next.to_rfc3339()),
                overdue,
                paused,
                last_shown,
                next_shown,
            }
        });
        let rows = rows.filter(|row| !self.check || row.state.is_trouble()).collect();
        Ok(Table { rows, is_check: self.check })
    }

    fn exit(table: &Table) -> Exit {
        if table.is_check && !table.rows.is_empty() { Exit::Found } else { Exit::Done }
    }
}

fn state(last: Option<&Run>, is_paused: bool, is_overdue: bool) -> State {
    match last {
        Some(run) if run.is_running() => State::Running,
        _ if is_paused => State::Paused,
        _ if is_overdue => State::Overdue,
        Some(run) if run.is_failure() => State::Failing,
        Some(run) if run.has_found() => State::Found,
        Some(_) => State::Ok,
        None => State::NeverRan,
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.rows.is_empty(), self.is_check) {
            (true, true) => return Ok(()),
            (true, false) => return writeln!(f, "no jobs yet: add a section [jobs.NAME] to maint.toml"),
            (false, _) => {}
        }
        let mut table = text::Table::new(&["JOB", "STATE", "LAST RUN", "RESULT", "NEXT RUN"]);
        for row in &self.rows {
            let result = row.last.as_ref().map_or("-".to_owned(), Run::result);
            table.row(&[&row.job, row.state.words(), &row.last_shown, &result, &row.next_shown]);
        }
        write!(f, "{table}")?;
        self.rows.iter().try_for_each(|row| row.explain(f))
    }
}

impl Row {
    /// The lines below the table: what there is to know beyond the state.
    fn explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { job, last, overdue, paused, .. } = self;
        if let Some(Overdue { since, missed }) = overdue {
            let missed = text::plural(*missed, "run");
            writeln!(f, "{job}: overdue since {}, {missed} missed; `maint why {job}`", show_firing(since))?;
        }
        if let Some(run) = last.as_ref().filter(|run| run.is_failure() || run.has_found()) {
            let summary = text::escape(&run.summary);
            let summary = summary.strip_prefix(&format!("{job}: ")).unwrap_or(&summary);
            writeln!(f, "{job}: {summary}; `maint logs {job}`")?;
        }
        paused.iter().try_for_each(|paused| writeln!(f, "{job}: {paused}"))
    }
}
