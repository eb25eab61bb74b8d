//! `maint crontab test [JOB…]`: a dry run of each job in the environment that cron would give it.

use crate::engine::Query;
use crate::exit::Exit;
use crate::text;
use crate::world::World;
use crate::world::command::Said;
use anyhow::Result;
use clap::Args;
use serde::Serialize;
use std::fmt;

/// Rehearses each scheduled job in cron's environment, with --dry-run
#[derive(Args, Clone, Debug)]
pub struct Test {
    /// Only these jobs, scheduled or not
    #[arg(value_name = "JOB")]
    pub jobs: Vec<String>,
}

/// How the rehearsals went.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Rehearsals(Vec<Rehearsal>);

#[derive(Debug, Serialize)]
struct Rehearsal {
    job: String,
    result: &'static str,
    exit_code: Option<i32>,
    /// The summary, or why it failed.
    words: String,
}

impl Query for Test {
    type Answer = Rehearsals;

    fn ask(&self, world: &World) -> Result<Rehearsals> {
        world.site_file()?;
        let scheduled = world.config.jobs.iter().filter(|(_, entry)| entry.schedule.is_some());
        let jobs = match &self.jobs[..] {
            [] => scheduled.map(|(name, _)| name.clone()).collect(),
            named => named.to_vec(),
        };
        let variables = world.crontab_variables();
        let rehearse = |job: String| {
            let said = world.rehearse_as_cron(&job, &variables)?;
            Ok(Rehearsal::of(job, &said))
        };
        jobs.into_iter().map(rehearse).collect::<Result<_>>().map(Rehearsals)
    }

    fn exit(answer: &Rehearsals) -> Exit {
        if answer.0.iter().all(|one| one.exit_code == Some(0)) { Exit::Done } else { Exit::Failed }
    }
}

impl Rehearsal {
    fn of(job: String, said: &Said) -> Rehearsal {
        let is_well = said.code == Some(0);
        let output = if is_well || said.stderr.is_empty() { &said.stdout } else { &said.stderr };
        let words = String::from_utf8_lossy(output);
        let mut lines = words.lines().filter(|line| !line.is_empty());
        let line = if is_well { lines.next_back() } else { lines.next() };
        Rehearsal {
            job,
            result: if is_well { "ok" } else { "failed" },
            exit_code: said.code,
            words: line.unwrap_or("it said nothing").trim_start_matches("maint: ").to_owned(),
        }
    }
}

impl fmt::Display for Rehearsals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return writeln!(f, "no job has a schedule; name one to rehearse it all the same");
        }
        let mut table = text::Table::new(&["JOB", "RESULT", "DRY RUN IN CRON'S ENVIRONMENT"]);
        for one in &self.0 {
            let result = match one.exit_code {
                Some(code) if code != 0 => format!("{} ({code})", one.result),
                _ => one.result.to_owned(),
            };
            table.row(&[&one.job, &result, &*text::escape(&one.words)]);
        }
        write!(f, "{table}")
    }
}
