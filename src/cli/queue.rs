//! `maint queue …`: the words of the subcommand, and which job or query each starts.

use super::dispatch::{ByHand, Visitor};
use crate::exit::Exit;
use crate::jobs::queue::{clean_finished::CleanFinished, clear::Clear, stop::Stop};
use crate::queries::queue::list::List;
use anyhow::Result;
use clap::{Args, Subcommand};

/// Shows, clears and stops the queue of RQ
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  maint queue list                    what waits, runs, has ended, and the workers
  maint queue clear --force           what waits is removed; what runs goes on
  maint queue clean-finished          finished and failed jobs are removed, with their results
  maint queue stop --force            the emergency stop: what runs is ended, too")]
pub(super) struct QueueArgs {
    /// What to do
    #[command(subcommand)]
    command: QueueCommand,
}

/// What to do with the queue.
#[derive(Subcommand, Clone, Debug)]
enum QueueCommand {
    List(List),
    Clear(Clear),
    CleanFinished(CleanFinished),
    Stop(Stop),
}

impl QueueArgs {
    /// Hands the job to `visitor`; the list is none.
    pub(super) fn as_job(&self, is_forced: bool, visitor: &impl Visitor) -> Option<Result<Exit>> {
        match &self.command {
            QueueCommand::List(_) => None,
            QueueCommand::Clear(job) => {
                Some(visitor.visit(&Clear { force: job.force || is_forced, ..job.clone() }))
            }
            QueueCommand::CleanFinished(job) => {
                Some(visitor.visit(&CleanFinished { force: job.force || is_forced, ..job.clone() }))
            }
            QueueCommand::Stop(job) => {
                Some(visitor.visit(&Stop { force: job.force || is_forced, ..job.clone() }))
            }
        }
    }
}

/// Starts what was typed after `maint queue`.
pub(super) fn dispatch(by_hand: &ByHand<'_>, args: &QueueArgs) -> Result<Exit> {
    match &args.command {
        QueueCommand::List(query) => by_hand.ask(query),
        _ => args.as_job(by_hand.global.yes, by_hand).unwrap_or(Ok(Exit::Done)),
    }
}
