//! `maint check …`: the checks, and their export for other programs.

use super::dispatch::{ByHand, Visitor};
use crate::exit::Exit;
use crate::jobs::check::Check;
use crate::queries::check::export::Export;
use anyhow::Result;
use clap::{Args, Subcommand};

/// Looks whether the site is well
#[derive(Args, Clone, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_long_help = "\
Each [checks.NAME] of maint.toml is looked at and compared with its threshold. Ends with exit code 3
when one is not well; who is told of alerts hears when one changes, and when it is well again.

Examples:
  maint check                         a table
  maint check --only disk,queues      two of them
  maint check --json                  for programs
  maint check export                  alerting rules for Prometheus
  maint check export --format grafana"
)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    check: Check,
    /// What else to do
    #[command(subcommand)]
    command: Option<CheckCommand>,
}

/// What else to do with checks.
#[derive(Subcommand, Clone, Debug)]
enum CheckCommand {
    Export(Export),
}

impl CheckArgs {
    /// Hands the job to `visitor`; the export is none.
    pub(super) fn as_job(&self, visitor: &impl Visitor) -> Option<Result<Exit>> {
        if self.command.is_some() { None } else { Some(visitor.visit(&self.check)) }
    }
}

/// Starts what was typed after `maint check`.
pub(super) fn dispatch(by_hand: &ByHand<'_>, args: &CheckArgs) -> Result<Exit> {
    match &args.command {
        Some(CheckCommand::Export(query)) => by_hand.ask(query),
        None => args.as_job(by_hand).unwrap_or(Ok(Exit::Done)),
    }
}
