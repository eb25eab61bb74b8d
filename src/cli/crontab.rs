//! `maint crontab …`: the words of the subcommand, and which job or query each starts.

use super::Run;
use super::dispatch::{ByHand, refuse_first, run};
use crate::exit::Exit;
use crate::jobs::crontab::{add::Add, adopt::Adopt, generate::Generate, remove::Remove, restore::Restore};
use crate::queries::crontab::{check::Check, saved::Saved, show::Show, status::Status, test::Test};
use crate::queries::find_job;
use anyhow::Result;
use clap::{Args, Subcommand};

/// Installs the scheduled jobs in this user's crontab, and shows how they stand there
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
The lines of a site stand between two markers. Everything else in the crontab is left as it is, byte
for byte. Each change saves the old crontab first, and looks afterwards whether the new one is in
place.

Examples:
  maint crontab add --dry-run       what would change, as a diff
  maint crontab add                 install or update all jobs with a schedule
  maint crontab show                what is installed, and how it differs from maint.toml
  maint crontab remove              remove the lines of this site
  maint crontab restore             put the crontab back as it was before the last change")]
pub(super) struct CrontabArgs {
    /// What to do
    #[command(subcommand)]
    pub(super) command: CrontabCommand,
}

/// What to do with the crontab.
#[derive(Subcommand, Clone, Debug)]
pub(super) enum CrontabCommand {
    Generate(Generate),
    Add(Add),
    Show(Show),
    Remove(Remove),
    Run(Run),
    Check(Check),
    Status(Status),
    Test(Test),
    Restore(Restore),
    Adopt(Adopt),
}

impl CrontabArgs {
    /// The site whose lines are meant although its maint.toml may be gone.
    pub(super) fn site(&self) -> Option<&str> {
        match &self.command {
            CrontabCommand::Remove(remove) => remove.site.as_deref(),
            _ => None,
        }
    }
}

/// Starts what was typed after `maint crontab`.
pub(super) fn dispatch(by_hand: &ByHand<'_>, command: &CrontabCommand) -> Result<Exit> {
    match command {
        CrontabCommand::Test(query) => by_hand.ask(&Test { jobs: names(by_hand, &query.jobs)? }),
        CrontabCommand::Add(job) => {
            refuse_first(by_hand.world)?;
            by_hand.run(&Add { jobs: names(by_hand, &job.jobs)? })
        }
        CrontabCommand::Remove(job) => by_hand.run(job),
        CrontabCommand::Restore(job) if job.list => by_hand.ask(&Saved {}),
        CrontabCommand::Restore(job) => by_hand.run(job),
        CrontabCommand::Adopt(job) => by_hand.run(job),
        CrontabCommand::Run(args) => run(by_hand, args),
        CrontabCommand::Generate(args) => {
            let generate = Generate { jobs: names(by_hand, &args.jobs)?, ..args.clone() };
            if generate.output.is_some() { by_hand.run(&generate) } else { by_hand.ask(&generate) }
        }
        CrontabCommand::Show(query) => by_hand.ask(query),
        CrontabCommand::Status(query) => by_hand.ask(query),
        CrontabCommand::Check(query) => by_hand.ask(query),
    }
}

/// The names of jobs that were typed as names or hashes.
fn names(by_hand: &ByHand<'_>, jobs: &[String]) -> Result<Vec<String>> {
    jobs.iter().map(|job| Ok(find_job(by_hand.world, job)?.0.to_owned())).collect()
}
