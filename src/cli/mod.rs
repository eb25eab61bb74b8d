//! The command line: what can be typed, and which job or query it starts.

mod all_due;
mod as_cron;
mod backup;
mod check;
mod commands;
mod crontab;
mod dispatch;
mod queue;
pub mod reference;
mod serve;
mod usage;

use self::commands::{AlertsArgs, AlertsCommand, Command, Run};
pub(crate) use self::dispatch::{answer, judge, subcommand_of};
use crate::error::{exit_of, is_expected, is_of_site, one_line};
use crate::exit::Exit;
use crate::ui::{Colour, Form, Ui};
use crate::{logging, text};
use clap::{ArgAction, Args, CommandFactory as _, Parser};
use std::path::PathBuf;
use std::process::ExitCode;

/// Keeps small self-hosted sites healthy from plain system cron
///
/// One `maint.toml` describes a site: its jobs, each a schedule and something to run. Every job can be
/// rehearsed with `--dry-run`, holds a lock while it runs, ends at a time limit, and leaves a log and a
/// line in the history.
#[derive(Parser, Debug)]
#[command(name = "maint", version, disable_help_subcommand = true, max_term_width = 100, after_long_help = EXAMPLES)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  maint init                            write a commented maint.toml here
  maint jobs                            what runs when, and how it went last
  maint run cleanup-temp --dry-run      what a job would do
  maint run cleanup-temp                run it as cron would
  maint history                         what ran, and how it ended
  maint logs cleanup-temp               the log of its last run

Exit codes: `maint help exit-codes`";

/// Options that every subcommand takes, before or after its name.
#[derive(Args, Debug)]
#[command(next_help_heading = "Global options")]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent option")]
struct Global {
    /// The configuration [default: `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml]
    #[arg(short, long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder that paths are relative to, instead of `site.root`
    #[arg(short = 'C', long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Print what would be done, and change nothing
    #[arg(short = 'n', long, global = true)]
    dry_run: bool,
    /// Print one JSON document
    #[arg(long, global = true)]
    json: bool,
    /// Say more; twice for even more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// Say only what went wrong
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Use colour
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    color: Colour,
    /// Answer every question with yes; the same as a command's --force
    #[arg(short, long, global = true)]
    yes: bool,
    /// For `serve`: JSON as with --json, but first a line with the id of the run, and of the steps only so many as a page shows
    #[arg(long, global = true, hide = true)]
    announce: bool,
}

impl Global {
    /// How results are given.
    fn form(&self) -> Form {
        match self {
            Global { announce: true, .. } => Form::Announced,
            Global { json: true, .. } => Form::Json,
            _ => Form::Text,
        }
    }

    /// True when none was given.
    fn is_default(&self) -> bool {
        let Global { config, root, dry_run, json, verbose, quiet, color, yes, announce } = self;
        let is_plain = config.is_none() && root.is_none() && *verbose == 0 && *color == Colour::Auto;
        is_plain && !(*dry_run || *json || *quiet || *yes || *announce)
    }
}

/// The definition of the command line.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    std::panic::set_hook(Box::new(usage::report_panic));
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage::explain(&error).into(),
    };
    let verbosity = if cli.global.quiet { -1 } else { i8::try_from(cli.global.verbose).unwrap_or(i8::MAX) };
    let form = cli.global.form();
    let ui = Ui::new(form, verbosity, cli.global.color);
    let is_live = !ui.is_json() && (verbosity > 1 || (ui.is_terminal() && verbosity >= 0));
    logging::start(verbosity, is_live);
    let exit = dispatch::dispatch(&cli, &ui).unwrap_or_else(|error| fail(&error, &ui));
    exit.into()
}

/// Tells why, on stderr and, when JSON was asked for, there too.
fn fail(error: &anyhow::Error, ui: &Ui) -> Exit {
    let exit = complain(error, ui);
    if ui.is_json() {
        // Without stdout there is still the line on stderr.
        let _ = text::json(&error_document(error)).map(|json| ui.out(&json));
    }
    exit
}

/// Tells why on stderr.
fn complain(error: &anyhow::Error, ui: &Ui) -> Exit {
    // A job that somebody paused must not make cron write a mail each time.
    if !is_expected(error) || ui.is_terminal() || ui.verbosity > 0 {
        ui.error(&one_line(error));
    }
    exit_of(error)
}

/// An error as JSON.
fn error_document(error: &anyhow::Error) -> serde_json::Value {
    let exit = exit_of(error);
    let status = match exit {
        Exit::Refused => "refused",
        Exit::Skipped | Exit::SkippedAs(_) => "skipped",
        _ => "error",
    };
    let line = one_line(error);
    let mut document =
        serde_json::json!({ "status": status, "exit_code": exit.code(), "error": logging::redacted(&line) });
    if is_of_site(error) {
        document["of_site"] = true.into();
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn no_line_of_help_is_torn_apart() {
        let mut waiting = vec![command()];
        while let Some(command) = waiting.pop() {
            let text = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            let long = text.lines().find(|line| line.chars().count() > 100);
            assert_eq!(long, None, "{}", command.get_name());
            waiting.extend(command.get_subcommands().cloned());
        }
    }
}
