//! From what was typed to the job or query, and back to an exit code. The same way for `run JOB`.

use super::{Cli, Command, Global, reference, usage};
use crate::config::job::{JobEntry, Runs};
use crate::engine::apply::carry_out;
use crate::engine::order::{Mode, Order};
use crate::engine::{Job, Query, pause};
use crate::error::Problem;
use crate::exit::Exit;
use crate::jobs::pause::Pause;
use crate::jobs::resume::Resume;
use crate::jobs::shell::Shell;
use crate::queries::config::ConfigCommand;
use crate::queries::find_job;
use crate::ui::Ui;
use crate::world::{Place, World};
use crate::{logging, text};
use anyhow::Result;
use clap::Parser as _;
use std::time::Duration;

/// Starts what was typed.
pub(super) fn dispatch(cli: &Cli, ui: &Ui) -> Result<Exit> {
    let Cli { global, command } = cli;
    match command {
        Command::Completions(args) => return reference::print_completions(args.shell, ui),
        Command::Man(args) => return reference::print_man_page(args.command.as_deref(), ui),
        Command::Help(args) => return reference::print_help(&args.topic, ui),
        _ => {}
    }
    let world = open(global, command)?;
    logging::hide(world.secrets());
    if world.clock.is_fixed() {
        log::info!("$MAINT_NOW fixes the clock at {}", world.clock.show(world.clock.now()));
    }
    let by_hand = ByHand { global, world: &world, ui };
    match command {
        Command::CleanupTemp(job) => {
            let mut job = job.clone();
            job.force |= global.yes;
            by_hand.run(&job)
        }
        Command::Run(args) => run_job(&by_hand, &args.job),
        Command::Pause(job) => {
            let (name, _) = find_job(&world, &job.job)?;
            by_hand.run(&Pause { job: name.to_owned(), ..job.clone() })
        }
        Command::Resume(job) => {
            let (name, _) = find_job(&world, &job.job)?;
            by_hand.run(&Resume { job: name.to_owned() })
        }
        Command::Init(job) => {
            let mut job = job.clone();
            job.force |= global.yes;
            by_hand.run(&job)
        }
        Command::Jobs(query) => by_hand.ask(query),
        Command::History(query) => by_hand.ask(query),
        Command::Logs(query) => by_hand.ask(query),
        Command::Locks(query) => by_hand.ask(query),
        Command::Config(args) => match &args.command {
            ConfigCommand::Check(query) => {
                check_commands(&world)?;
                by_hand.ask(query)
            }
            ConfigCommand::Show(query) => by_hand.ask(query),
            ConfigCommand::Schema(query) => by_hand.ask(query),
        },
        Command::Completions(_) | Command::Man(_) | Command::Help(_) => Ok(Exit::Done),
    }
}

fn open(global: &Global, command: &Command) -> Result<World> {
    let place = Place { config: global.config.clone(), root: global.root.clone() };
    match command {
        Command::Init(init) => World::of_new_site(&place, |root| init.text(root)),
        _ => World::open(&place),
    }
}

/// What a command typed by hand is carried out with.
struct ByHand<'a> {
    global: &'a Global,
    world: &'a World,
    ui: &'a Ui,
}

impl ByHand<'_> {
    fn mode(&self) -> Mode {
        if self.global.dry_run { Mode::DryRun } else { Mode::Real }
    }

    fn run<J: Job>(&self, job: &J) -> Result<Exit> {
        let defaults = &self.world.config.defaults;
        let line = std::env::args_os()
            .skip(1)
            .map(|arg| text::path(&arg).into_owned())
            .collect::<Vec<_>>()
            .join(" ");
        let order = Order {
            name: J::NAME,
            lock: None,
            line: &line,
            mode: self.mode(),
            is_scheduled: false,
            paused: None,
            is_forced: self.global.yes,
            limit: None,
            skip_exit: skip_exit(defaults.skip_exit),
            log_limit: defaults.log_limit.bytes(),
            front: self.ui,
        };
        self.carry_out(job, &order)
    }

    fn carry_out<J: Job>(&self, job: &J, order: &Order<'_>) -> Result<Exit> {
        let finished = carry_out(job, order, self.world)?;
        self.ui.finished(&finished)?;
        Ok(finished.exit)
    }

    fn ask<Q: Query>(&self, query: &Q) -> Result<Exit> {
        self.ui.answer(&query.ask(self.world)?)?;
        Ok(Exit::Done)
    }
}

fn skip_exit(code: u8) -> Exit {
    if code == Exit::Skipped.code() { Exit::Skipped } else { Exit::SkippedAs(code) }
}

/// `maint run JOB`: the job of `maint.toml` with its own lock and limits.
fn run_job(by_hand: &ByHand<'_>, wanted: &str) -> Result<Exit> {
    let world = by_hand.world;
    let (name, entry) = find_job(world, wanted)?;
    let defaults = &world.config.defaults;
    let pause = pause::in_force(world, name).filter(|_| !by_hand.global.yes);
    let order = Order {
        name,
        lock: entry.lock.as_deref(),
        line: entry.line(),
        mode: by_hand.mode(),
        is_scheduled: true,
        paused: pause.map(|pause| pause.describe(&world.clock)),
        is_forced: by_hand.global.yes,
        limit: Some(entry.timeout.unwrap_or(defaults.timeout).duration())
            .filter(|limit| *limit > Duration::ZERO),
        skip_exit: skip_exit(entry.skip_exit.unwrap_or(defaults.skip_exit)),
        log_limit: entry.log_limit.unwrap_or(defaults.log_limit).bytes(),
        front: by_hand.ui,
    };
    match entry.runs() {
        Runs::Shell(line) => {
            let job = Shell { line: line.to_owned(), pass_env: entry.pass_env.clone() };
            let lock = Some(order.lock.unwrap_or(name));
            by_hand.carry_out(&job, &Order { lock, ..order })
        }
        Runs::Command(line) => match parse(name, line)? {
            Command::CleanupTemp(mut job) => {
                job.force |= by_hand.global.yes;
                by_hand.carry_out(&job, &order)
            }
            _ => Err(not_a_job(name, line)),
        },
    }
}

/// The `command` of a job, read as if it had been typed after `maint`.
fn parse(name: &str, line: &str) -> Result<Command> {
    let words = shlex::split(line).ok_or_else(|| {
        Problem::usage(format!("job `{name}`: `{}` has a quote that is not closed", text::escape(line)))
    })?;
    let parsed = Cli::try_parse_from(std::iter::once("maint".to_owned()).chain(words));
    let cli = parsed.map_err(|error| Problem::usage(format!("job `{name}`: {}", usage::one_line(&error))))?;
    match cli.command {
        command @ Command::CleanupTemp(_) => Ok(command),
        _ => Err(not_a_job(name, line)),
    }
}

fn not_a_job(name: &str, line: &str) -> anyhow::Error {
    Problem::usage(format!(
        "job `{name}`: `{}` is not a command that a job can run; try cleanup-temp",
        text::escape(line)
    ))
}

/// Every `command` of the configuration can be read.
fn check_commands(world: &World) -> Result<()> {
    let commands =
        world.config.jobs.iter().filter_map(|(name, entry): (&String, &JobEntry)| match entry.runs() {
            Runs::Command(line) => Some((name, line)),
            Runs::Shell(_) => None,
        });
    for (name, line) in commands {
        parse(name, line)?;
    }
    Ok(())
}
