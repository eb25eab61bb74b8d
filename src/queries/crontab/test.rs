//! `maint crontab test [JOB…]`: a dry run of each job in the environment that cron would give it.

use crate::engine::Query;
use crate::exit::Exit;
use crate::queries::doctor::missing;
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
    /// True when nothing would keep it from running.
    ok: bool,
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
        let cron_path = world.cron_path();
        let rehearse = |job: String| {
            let said = world.rehearse_as_cron(&job, &variables)?;
            // The dry run of a shell line does not go as far as looking for its program.
            let missing = missing(world, &job, &world.config.jobs[&job], &cron_path);
            Ok(Rehearsal::of(job, &said, missing.map(|finding| finding.text)))
        };
        jobs.into_iter().map(rehearse).collect::<Result<_>>().map(Rehearsals)
    }

    fn exit(answer: &Rehearsals) -> Exit {
        if answer.0.iter().all(|one| one.ok) { Exit::Done } else { Exit::Failed }
    }
}

impl Rehearsal {
    fn of(job: String, said: &Said, missing: Option<String>) -> Rehearsal {
        let is_well = said.code == Some(0);
        let output = if is_well || said.stderr.is_empty() { &said.stdout } else { &said.stderr };
        let words = String::from_utf8_lossy(output);
        let mut lines = words.lines().filter(|line| !line.is_empty());
        let line = if is_well { lines.next_back() } else { lines.next() };
        let line = line.unwrap_or("it said nothing").trim_start_matches("maint: ").to_owned();
        Rehearsal {
            job,
            ok: is_well && missing.is_none(),
            exit_code: said.code,
            words: missing.unwrap_or(line),
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
                Some(code) if code != 0 => format!("failed ({code})"),
                _ if !one.ok => "failed".to_owned(),
                _ => "ok".to_owned(),
            };
            table.row(&[&one.job, &result, &*text::escape(&one.words)]);
        }
        write!(f, "{table}")
    }
}
