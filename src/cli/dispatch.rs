//! From what was typed to the job or query, and back to an exit code. The same way for `run JOB`.

use super::all_due::run_all_due;
use super::as_cron::run_as_cron;
use super::{
    AlertsArgs, AlertsCommand, Cli, Command, Global, Run, backup, check, crontab, queue, reference, serve,
    usage,
};
use crate::config::job::{JobEntry, Runs};
use crate::engine::apply::carry_out;
use crate::engine::order::{Mode, Order};
use crate::engine::plan::Plan;
use crate::engine::{Job, Query, Question, pause};
use crate::error::{Problem, one_line};
use crate::exit::Exit;
use crate::jobs::pause::Pause;
use crate::jobs::resume::Resume;
use crate::jobs::shell::Shell;
use crate::queries::config::ConfigCommand;
use crate::queries::doctor::Doctor;
use crate::queries::{self, find_job, is_hash_of_all_due};
use crate::ui::Ui;
use crate::world::progress::Progress;
use crate::world::stop::Reason;
use crate::world::{Place, World};
use crate::{logging, text};
use anyhow::Result;
use clap::Parser as _;
use signal_hook::consts::SIGINT;
use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

/// How long an answer stands that is watched.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

/// Starts what was typed.
pub(super) fn dispatch(cli: &Cli, ui: &Ui) -> Result<Exit> {
    let Cli { global, command } = cli;
    match command {
        Command::Completions(args) => return reference::print_completions(args.shell, ui),
        Command::Man(args) => return reference::print_man_page(&args.command, ui),
        Command::Help(args) => return reference::print_help(&args.topic, ui),
        Command::Serve(args) if args.makes_key() => return serve::print_key(ui),
        Command::Config(args) if matches!(args.command, ConfigCommand::Schema(_)) => {
            // A mistake in maint.toml must not keep an editor from learning how to write it.
            ui.answer(&queries::config::describe())?;
            return Ok(Exit::Done);
        }
        _ => {}
    }
    let mut world = open(global, command)?;
    world.progress = Progress::told_to(ui.watcher());
    logging::hide(world.secrets());
    if world.clock.is_fixed() {
        log::info!("$MAINT_NOW fixes the clock at {}", world.clock.show(world.clock.now()));
    }
    if let Command::Serve(args) = command {
        if global.dry_run {
            return Err(Problem::usage("serve has no dry run; `maint config check` checks its section"));
        }
        return serve::dispatch(world, args, ui);
    }
    start(&ByHand { global, world: &world, ui, reports: None }, command)
}

/// Starts what was typed, now that there is a site.
fn start(by_hand: &ByHand<'_>, command: &Command) -> Result<Exit> {
    let ByHand { global, world, .. } = *by_hand;
    match command {
        Command::Run(args) => run(by_hand, args),
        Command::Crontab(args) => crontab::dispatch(by_hand, &args.command),
        Command::Queue(args) => queue::dispatch(by_hand, args),
        Command::Check(args) => check::dispatch(by_hand, args),
        Command::Backup(args) => backup::dispatch(by_hand, args),
        Command::Alerts(AlertsArgs { command: AlertsCommand::Test(job) }) => by_hand.run(job),
        Command::Pause(job) => {
            let (name, _) = find_job(world, &job.job)?;
            by_hand.run(&Pause { job: name.to_owned(), ..job.clone() })
        }
        Command::Resume(job) => {
            let (name, _) = find_job(world, &job.job)?;
            by_hand.run(&Resume { job: name.to_owned() })
        }
        Command::Cancel(job) => by_hand.run(job),
        Command::Init(job) => {
            let mut job = job.clone();
            job.force |= global.yes;
            by_hand.run(&job)
        }
        Command::Jobs(query) => by_hand.ask(query),
        Command::Status(query) => by_hand.ask(query),
        Command::Services(query) if query.watch => by_hand.watch(query),
        Command::Services(query) => by_hand.ask(query),
        Command::Why(query) => by_hand.ask(query),
        Command::Doctor(_) => {
            by_hand.ask(&Doctor { refusals: refusals(world, true).iter().map(one_line).collect() })
        }
        Command::History(query) => by_hand.ask(query),
        Command::Audit(query) => by_hand.ask(query),
        Command::Logs(query) => by_hand.ask(query),
        Command::Locks(query) => by_hand.ask(query),
        Command::Config(args) => match &args.command {
            ConfigCommand::Check(query) => {
                refuse_first(world)?;
                by_hand.ask(query)
            }
            ConfigCommand::Show(query) => by_hand.ask(query),
            // From afar; by hand it has been answered above.
            ConfigCommand::Schema(_) => by_hand.ui.answer(&queries::config::describe()).map(|()| Exit::Done),
        },
        // A job; or what has been answered above, without any configuration.
        _ => command.as_job(Path::new(""), global.yes, by_hand).unwrap_or(Ok(Exit::Done)),
    }
}

fn open(global: &Global, command: &Command) -> Result<World> {
    let place = Place { config: global.config.clone(), root: global.root.clone() };
    match command {
        Command::Init(init) => World::of_new_site(&place, |root| init.text(root)),
        // A site whose maint.toml is gone or broken can still be removed.
        Command::Crontab(args) if args.site().is_some() => {
            World::open(&place).or_else(|_| World::without_site(&place))
        }
        _ => World::open(&place).map_err(|error| Problem::unusable(&error)),
    }
}

/// What a command typed by hand is carried out with.
#[derive(Clone, Copy)]
pub(super) struct ByHand<'a> {
    pub(super) global: &'a Global,
    pub(super) world: &'a World,
    pub(super) ui: &'a Ui,
    /// Where the JSON reports of several runs are gathered, to be printed as one document.
    pub(super) reports: Option<&'a RefCell<Vec<serde_json::Value>>>,
}

impl Visitor for ByHand<'_> {
    fn visit<J: Job>(&self, job: &J) -> Result<Exit> {
        self.run(job)
    }
}

impl ByHand<'_> {
    fn mode(&self) -> Mode {
        if self.global.dry_run { Mode::DryRun } else { Mode::Real }
    }

    /// Carries a job out as it was typed.
    pub(super) fn run<J: Job>(&self, job: &J) -> Result<Exit> {
        let defaults = &self.world.config.defaults;
        let line = typed(self.global.announce);
        let order = Order {
            name: J::NAME,
            lock: None,
            patience: J::PATIENCE,
            line: &line,
            mode: self.mode(),
            is_scheduled: false,
            is_told: J::IS_TOLD,
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
        if let Some(reports) = self.reports.filter(|_| self.ui.is_json()) {
            reports.borrow_mut().push(serde_json::to_value(&finished.report)?);
            return Ok(finished.report.exit);
        }
        // What went wrong is told in any case. Nobody has typed what cron runs.
        let is_typed = !order.is_scheduled;
        let matters = J::IS_TOLD && is_typed && finished.report.exit == Exit::Done;
        self.ui.finished(&finished, (job.is_answer() && (is_typed || !J::ANSWERS)) || matters)?;
        Ok(finished.report.exit)
    }

    /// Answers a query.
    pub(super) fn ask<Q: Query>(&self, query: &Q) -> Result<Exit> {
        let answer = query.ask(self.world)?;
        self.ui.answer(&answer)?;
        Ok(Q::exit(&answer))
    }

    /// Answers a query again and again, until somebody has seen enough.
    fn watch<Q: Query>(&self, query: &Q) -> Result<Exit> {
        let ByHand { world, ui, .. } = self;
        if ui.is_json() {
            return Err(Problem::usage("--watch is for people: leave out --json, or ask again and again"));
        }
        world.stop.listen()?;
        loop {
            let answer = query.ask(world)?;
            match world.stop.reason() {
                None => {}
                Some(Reason::Signal(signal)) if i32::from(signal) != SIGINT => {
                    return Ok(Exit::Signal(signal));
                }
                // What was asked meanwhile was interrupted too.
                Some(_) => return Ok(Exit::Done),
            }
            if !ui.show_again(&answer.to_string())? {
                return Ok(Exit::Done);
            }
            world.stop.wait(BETWEEN_LOOKS);
        }
    }
}

/// The words of this program, for the history: of those that the server has put together, what it was asked for.
fn typed(is_announced: bool) -> String {
    let all: Vec<String> = std::env::args_os().skip(1).map(|word| text::path(&word).into_owned()).collect();
    let own =
        all.iter().position(|word| word == "--yes").filter(|_| is_announced).map_or(0, |place| place + 1);
    all[own..].join(" ")
}

fn skip_exit(code: u8) -> Exit {
    if code == Exit::Skipped.code() { Exit::Skipped } else { Exit::SkippedAs(code) }
}

/// `maint run …`.
pub(super) fn run(by_hand: &ByHand<'_>, args: &Run) -> Result<Exit> {
    match &args.job {
        _ if args.as_cron => run_as_cron(by_hand.global, args, by_hand.world),
        // The hash of the line that makes up for missed runs names no job.
        Some(job) if !is_hash_of_all_due(by_hand.world, job) => run_job(by_hand, job),
        _ => run_all_due(by_hand),
    }
}

/// `maint run JOB`: the job of `maint.toml` with its own lock and limits.
pub(super) fn run_job(by_hand: &ByHand<'_>, wanted: &str) -> Result<Exit> {
    let ByHand { global, world, ui, .. } = *by_hand;
    let (name, entry) = find_job(world, wanted)?;
    let defaults = &world.config.defaults;
    let pause = pause::in_force(world, name).filter(|_| !global.yes);
    let limit = entry.timeout.unwrap_or(defaults.timeout).duration();
    let order = Order {
        name,
        lock: entry.lock.as_deref(),
        patience: Duration::ZERO,
        line: entry.line(),
        mode: by_hand.mode(),
        is_scheduled: true,
        is_told: true,
        paused: pause.map(|pause| pause.describe(&world.clock)),
        is_forced: global.yes,
        limit: Some(limit).filter(|limit| *limit > Duration::ZERO),
        skip_exit: skip_exit(entry.skip_exit.unwrap_or(defaults.skip_exit)),
        log_limit: entry.log_limit.unwrap_or(defaults.log_limit).bytes(),
        front: ui,
    };
    match entry.runs() {
        Runs::Shell(line) => {
            let job = Shell { line: line.to_owned(), pass_env: entry.pass_env.clone() };
            let lock = Some(order.lock.unwrap_or(name));
            by_hand.carry_out(&job, &Order { lock, ..order })
        }
        Runs::Command(line) => {
            let (command, yes) = parse(world, name, entry, line)?;
            let visitor = Scheduled { by_hand, order: &order };
            // cron starts in the home directory: what maint.toml names is relative to the site.
            let job = command.as_job(&world.root, global.yes || yes, &visitor);
            job.unwrap_or_else(|| Err(not_a_job(world, name, entry, line)))
        }
    }
}

/// The answer to the query that these words are, as JSON, and how the program would end after it. What is no query is
/// refused by whoever chose the words: nothing here keeps a job from running.
pub(crate) fn answer(world: &World, words: &[String]) -> Result<(Exit, String)> {
    let cli = read(words)?;
    let ui = Ui::to_gather();
    let exit = start(&ByHand { global: &cli.global, world, ui: &ui, reports: None }, &cli.command)?;
    Ok((exit, ui.gathered()))
}

/// The words of the subcommand that a line runs, "backup prune", whatever else may be wrong with it.
pub(crate) fn subcommand_of(line: &str) -> Option<String> {
    let words = std::iter::once("maint".to_owned()).chain(shlex::split(line)?);
    let matches = super::command().ignore_errors(true).try_get_matches_from(words).ok()?;
    let below = std::iter::successors(matches.subcommand(), |(_, matches)| matches.subcommand());
    Some(below.map(|(word, _)| word).collect::<Vec<&str>>().join(" "))
}

/// Refuses words that the command line would refuse.
pub(crate) fn judge(words: &[String]) -> Result<()> {
    read(words).map(drop)
}

fn read(words: &[String]) -> Result<Cli> {
    let words = std::iter::once("maint").chain(words.iter().map(String::as_str));
    Cli::try_parse_from(words).map_err(|error| Problem::usage(usage::one_line(&error)))
}

/// Something that can be done with any job that a `command` of `maint.toml` can name.
pub(super) trait Visitor {
    /// Does it.
    fn visit<J: Job>(&self, job: &J) -> Result<Exit>;
}

/// Carries the job out with the lock and limits of its section.
struct Scheduled<'a> {
    by_hand: &'a ByHand<'a>,
    order: &'a Order<'a>,
}

impl Visitor for Scheduled<'_> {
    fn visit<J: Job>(&self, job: &J) -> Result<Exit> {
        self.by_hand.carry_out(job, self.order)
    }
}

/// Checks that the job would begin, and that cron could run it.
struct Checked<'a> {
    world: &'a World,
    name: &'a str,
    entry: &'a JobEntry,
    now: bool,
}

impl Visitor for Checked<'_> {
    fn visit<J: Job>(&self, job: &J) -> Result<Exit> {
        let Checked { world, name, entry, now } = *self;
        let checked = job.check(world).and_then(|()| if now { job.ready(world) } else { Ok(()) });
        checked.map_err(|error| in_section(world, name, entry, &one_line(&error)))?;
        match job.question(&Plan::default()).filter(|_| entry.schedule.is_some()) {
            Some(Question { options, .. }) => Err(in_section(
                world,
                name,
                entry,
                &format!("it would ask, and cron cannot answer; add {options}"),
            )),
            None => Ok(Exit::Done),
        }
    }
}

/// The `command` of a job, read as if it had been typed after `maint`; and whether it answers every question with yes.
fn parse(world: &World, name: &str, entry: &JobEntry, line: &str) -> Result<(Command, bool)> {
    let words = shlex::split(line)
        .ok_or_else(|| in_section(world, name, entry, "a quote in its command is not closed"))?;
    let parsed = Cli::try_parse_from(std::iter::once("maint".to_owned()).chain(words));
    let cli = parsed.map_err(|error| in_section(world, name, entry, &usage::one_line(&error)))?;
    let yes = cli.global.yes;
    if !(Global { yes: false, ..cli.global }).is_default() {
        let why = "options of maint itself, such as --dry-run or --config, belong to `maint run`";
        return Err(in_section(world, name, entry, why));
    }
    Ok((cli.command, yes))
}

fn not_a_job(world: &World, name: &str, entry: &JobEntry, line: &str) -> anyhow::Error {
    let line = text::escape(line);
    in_section(world, name, entry, &format!("`{line}` is not a command that a job can run; try cleanup-temp"))
}

/// A mistake in the section of a job: file, line, job, reason.
fn in_section(world: &World, name: &str, entry: &JobEntry, why: &str) -> anyhow::Error {
    let file = world.config.file.as_deref().map(text::path).unwrap_or_default();
    Problem::usage(format!("{file}:{}: job `{name}`: {why}", entry.header_line))
}

/// The first job that could not begin is the error.
pub(super) fn refuse_first(world: &World) -> Result<()> {
    refusals(world, false).into_iter().next().map_or(Ok(()), Err)
}

/// Why jobs could not begin: the reason of each that could not. `now` asks for what may come right by itself too, such as
/// a database that is away.
fn refusals(world: &World, now: bool) -> Vec<anyhow::Error> {
    let check = |(name, entry): (&String, &JobEntry)| match entry.runs() {
        Runs::Shell(_) => Ok(()),
        Runs::Command(line) => {
            let (command, yes) = parse(world, name, entry, line)?;
            let visitor = Checked { world, name, entry, now };
            let checked = command.as_job(&world.root, yes, &visitor);
            checked.unwrap_or_else(|| Err(not_a_job(world, name, entry, line))).map(drop)
        }
    };
    world.config.jobs.iter().filter_map(|job| check(job).err()).collect()
}
