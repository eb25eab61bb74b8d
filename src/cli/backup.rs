//! `maint backup …`: the words of the subcommand, and which job or query each starts.

use super::dispatch::{ByHand, Visitor};
use crate::exit::Exit;
use crate::jobs::backup::fetch::Fetch;
use crate::jobs::backup::prune::Prune;
use crate::jobs::backup::verify::Verify;
use crate::jobs::backup::{Backup, Keep, What};
use crate::queries::backup::list::List;
use anyhow::Result;
use clap::{Args, Subcommand};

/// Backs up databases, volumes and configuration files
#[derive(Args, Clone, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_long_help = "\
Examples:
  maint backup                       everything that is configured
  maint backup db                    the databases
  maint backup volumes pgdata        one volume
  maint backup list                  what there is
  maint backup verify                reads it whole: exit code 3 when one is damaged
  maint backup prune --dry-run       what is kept no longer"
)]
pub(super) struct BackupArgs {
    #[command(flatten)]
    keep: Keep,
    /// What to do
    #[command(subcommand)]
    command: Option<BackupCommand>,
}

/// What to do with backups.
#[derive(Subcommand, Clone, Debug)]
enum BackupCommand {
    /// Backs up databases
    Db(Named),
    /// Backs up volumes of Docker
    Volumes(Named),
    /// Backs up configuration files
    Configs(Unnamed),
    /// Backs up everything that is configured
    All(Unnamed),
    List(List),
    Verify(Verify),
    Prune(Prune),
    Fetch(Fetch),
}

/// Which of several, and how long old ones are kept.
#[derive(Args, Clone, Debug)]
struct Named {
    /// Only this one; may be repeated [default: as configured]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    keep: Keep,
}

/// How long old ones are kept.
#[derive(Args, Clone, Debug)]
struct Unnamed {
    #[command(flatten)]
    keep: Keep,
}

impl BackupArgs {
    /// Hands the job to `visitor`; the list is none.
    pub(super) fn as_job(&self, visitor: &impl Visitor) -> Option<Result<Exit>> {
        let make = |what, names: &[String], keep: &Keep| {
            visitor.visit(&Backup { what, names: names.to_vec(), keep: keep.clone() })
        };
        Some(match &self.command {
            Some(BackupCommand::List(_)) => return None,
            None => make(What::All, &[], &self.keep),
            Some(BackupCommand::All(Unnamed { keep })) => make(What::All, &[], keep),
            Some(BackupCommand::Configs(Unnamed { keep })) => make(What::Configs, &[], keep),
            Some(BackupCommand::Db(Named { names, keep })) => make(What::Db, names, keep),
            Some(BackupCommand::Volumes(Named { names, keep })) => make(What::Volumes, names, keep),
            Some(BackupCommand::Verify(job)) => visitor.visit(job),
            Some(BackupCommand::Prune(job)) => visitor.visit(job),
            Some(BackupCommand::Fetch(job)) => visitor.visit(job),
        })
    }
}

/// Starts what was typed after `maint backup`.
pub(super) fn dispatch(by_hand: &ByHand<'_>, args: &BackupArgs) -> Result<Exit> {
    match &args.command {
        Some(BackupCommand::List(query)) => by_hand.ask(query),
        _ => args.as_job(by_hand).unwrap_or(Ok(Exit::Done)),
    }
}
