//! What surrounds a real run: its id, its lock, its log, its row in the history.

use super::apply::{Finished, Permit};
use super::due::Overdue;
use super::history::{Ending, History};
use super::lock::{self, Holder, Lock, Taken};
use super::order::Order;
use super::report::{Outcome, Status};
use super::{Action, alerts, metrics};
use crate::error::{Problem, exit_of, one_line};
use crate::exit::Exit;
use crate::logging;
use crate::world::World;
use crate::world::healthchecks::{Check, Ping};
use crate::world::runlog::{self, RunLog};
use crate::world::stop::Stop;
use anyhow::Result;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Steps, notes and failures that the history keeps of one run.
const MOST_KEPT: usize = 1_000;
/// The longest that a run waits for its check, when it begins and when it has ended.
const START: Duration = Duration::from_secs(5);
const END: Duration = Duration::from_secs(10);
/// Bytes at the end of the log that a check may get; it takes less when its server says so.
const MOST_PINGED: u64 = 100_000;
/// Bytes of complaints that a log gets after its end.
const MOST_COMPLAINTS: u64 = 64 << 10;

/// A run that is about to begin, or has begun.
pub(super) struct Session<'a> {
    order: &'a Order<'a>,
    world: &'a World,
    permit: &'a Permit,
    history: History<'a>,
    holder: Holder,
    lock: &'a str,
    /// What is pinged when the run begins and ends.
    check: Option<Result<Check>>,
    /// The jobs that should have run before this one begins.
    overdue: BTreeMap<String, Overdue>,
}

impl<'a> Session<'a> {
    /// Opens the state; from here on the run has an id. `lock` is the job's own.
    pub(super) fn open(
        order: &'a Order<'a>,
        lock: &'static str,
        world: &'a World,
        permit: &'a Permit,
    ) -> Result<Session<'a>> {
        world.state.prepare(permit)?;
        let history = History::open(world, permit)?;
        let history = if order.is_told { history.weighing() } else { history };
        let holder = Holder::own(order.name, &world.clock.new_id()?, world.clock.now());
        let check = order.is_scheduled.then(|| Check::of(world, order.name, &holder.run)).flatten();
        let lock = order.lock.unwrap_or(lock);
        let overdue = if order.is_scheduled { alerts::overdue(world) } else { BTreeMap::new() };
        Ok(Session { order, world, permit, history, holder, lock, check, overdue })
    }

    /// Opens the state and begins.
    pub(super) fn open_and_begin(
        order: &'a Order<'a>,
        lock: &'static str,
        world: &'a World,
        permit: &'a Permit,
    ) -> Result<(Session<'a>, Lock, String)> {
        let session = Session::open(order, lock, world, permit)?;
        let (held, log) = session.begin()?;
        Ok((session, held, log))
    }

    /// The run's id.
    pub(super) fn run(&self) -> &str {
        &self.holder.run
    }

    /// Takes the lock, writes down that the run begins, and opens its log, whose path is returned.
    fn begin(&self) -> Result<(Lock, String)> {
        let Session { order, world, permit, holder, lock, .. } = self;
        if let Some(pause) = &order.paused {
            return Err(self.skip(pause));
        }
        let held = match lock::take_patiently(world, lock, holder, order.patience, permit)? {
            Taken::Ours(held) => held,
            Taken::Held(other) => return Err(self.skip(&lock::describe(world, lock, other.as_ref()))),
        };
        if let Some(other) = self.history.begin(holder, lock, order.line, permit)? {
            return Err(self.skip(&lock::describe(world, lock, Some(&other))));
        }
        let log = world.state.log(order.name, &holder.run);
        let file = match world.state.open_log(&log, permit) {
            Ok(file) => file,
            Err(error) => {
                drop(held);
                self.could_not_begin(&error);
                return Err(error);
            }
        };
        logging::attach(RunLog::new(file, order.log_limit));
        self.ping(Ping::Start, "", START);
        Ok((held, log.display().to_string()))
    }

    /// The row that says "running" must not stay behind.
    fn could_not_begin(&self, error: &anyhow::Error) {
        let summary = format!("{}: {}", self.order.name, one_line(error));
        let ending = Ending {
            status: Status::Failed.word(),
            exit_code: exit_of(error).code(),
            finished: self.world.clock.reading(),
            summary: &summary,
            report: "{}",
        };
        if let Err(error) = self.history.end(self.run(), &ending, self.permit) {
            log::warn!("{}", one_line(&error));
        }
        self.tell(exit_of(error), &summary);
    }

    /// The run does not take place: another one does, or the job is paused.
    fn skip(&self, why: &str) -> anyhow::Error {
        let summary = format!("{}: skipped: {why}", self.order.name);
        let exit = self.order.skip_exit;
        self.note("skipped", exit, &summary);
        self.ping(Ping::Log, &summary, END);
        // A pause was asked for, and so was an exit code of 0.
        if self.order.paused.is_some() || exit.code() == 0 {
            return Problem::expected(exit, summary);
        }
        Problem::with_exit(exit, summary)
    }

    /// The run was refused before it began. Under cron only the history tells of it.
    pub(super) fn refused(&self, error: &anyhow::Error) {
        let summary = format!("{}: {}", self.order.name, one_line(error));
        let summary = logging::redacted(&summary);
        self.note(Status::Failed.word(), exit_of(error), &summary);
        self.tell(exit_of(error), &summary);
    }

    /// Everything is written down and the lock is free: those who want to know hear of it.
    pub(super) fn tell(&self, exit: Exit, summary: &str) {
        let Session { order, world, permit, history, overdue, .. } = self;
        let log = world.state.log(order.name, self.run());
        metrics::tell(world, history, &log, permit);
        if !order.is_told {
            return;
        }
        let end = runlog::end_of(&log, MOST_PINGED).unwrap_or_else(|| summary.to_owned());
        self.ping(Ping::Exit(exit.code()), &end, END);
        alerts::tell(world, history, overdue, &log, permit);
    }

    /// Tells the check of the job. It is only told: whether it hears changes nothing.
    fn ping(&self, ping: Ping, text: &str, patience: Duration) {
        let Some(check) = &self.check else { return };
        let mut world = self.world.later();
        if matches!(ping, Ping::Exit(_)) {
            // The end is told of a run that a signal has ended, too.
            world.stop = Stop::default();
        }
        world.stop.limit(patience);
        let pinged = match check {
            Ok(check) => check.ping(&world, ping, text, self.permit).map_err(|error| one_line(&error)),
            Err(error) => Err(one_line(error)),
        };
        if let Err(why) = pinged {
            let log = world.state.log(self.order.name, self.run());
            warn(&log, &[format!("the check was not pinged: {why}")], self.permit);
        }
    }

    /// Writes down a run that did not take place. The message to the user matters more than the row: a busy
    /// database must not hide it.
    fn note(&self, status: &str, exit: Exit, summary: &str) {
        let Session { order, world, permit, history, holder, lock, .. } = self;
        let finished = world.clock.reading();
        let ending = Ending { status, exit_code: exit.code(), finished, summary, report: "{}" };
        if let Err(error) = history.note(holder, lock, order.line, &ending, permit) {
            log::warn!("{}", one_line(&error));
        }
    }

    /// Writes the run down; when that fails, the report says so, because the work itself is done.
    pub(super) fn end<A: Action>(&self, finished: &mut Finished<A>) {
        let not_well = finished.report.findings.iter().filter(|finding| !finding.is_well);
        for finding in not_well.take(MOST_KEPT) {
            log::info!(target: logging::STEP, "not well: {}: {}", finding.name, finding.words);
        }
        log::info!(target: logging::STEP, "{}", finished.report.summary());
        finished.tail = logging::detach();
        if let Err(error) = self.write_down(finished) {
            finished.report.failures.push(format!("the history is incomplete: {}", one_line(&error)));
            if finished.report.exit == Exit::Done {
                finished.report.exit = Exit::Failed;
            }
        }
    }

    fn write_down<A: Action>(&self, finished: &Finished<A>) -> Result<()> {
        let Session { world, permit, history, .. } = self;
        let report = &finished.report;
        let summary = report.summary();
        let summary = logging::redacted(&summary);
        let not_done = report.steps.iter().filter(|step| !matches!(step.outcome, Outcome::Done(_)));
        let row = json!({
            "counts": report.counts(),
            "overview": report.overview.as_ref().map(|overview| json!({ overview.key: overview.value })),
            "not_done": not_done.take(MOST_KEPT).collect::<Vec<_>>(),
            "notes": report.notes.iter().take(MOST_KEPT).collect::<Vec<_>>(),
            "failures": report.failures.iter().take(MOST_KEPT).collect::<Vec<_>>(),
            "findings": report.findings.iter().take(MOST_KEPT).collect::<Vec<_>>(),
        });
        let row = row.to_string();
        let ending = Ending {
            status: report.status.word(),
            exit_code: report.exit.code(),
            finished: report.finished,
            summary: &summary,
            report: &logging::redacted(&row),
        };
        history.end(self.run(), &ending, permit)?;
        for log in history.prune(&report.job, self.run(), permit)? {
            if world.files.exists(&log) {
                world.files.remove_file(&log, permit)?;
            }
        }
        Ok(())
    }
}

/// Tells of what went wrong beside the run: on stderr, and in its log when there is one.
pub(super) fn warn(log: &Path, complaints: &[String], permit: &Permit) {
    if complaints.is_empty() {
        return;
    }
    let is_open = logging::is_attached();
    if let Some(file) = runlog::reopen(log, permit).filter(|_| !is_open) {
        logging::attach(RunLog::new(file, MOST_COMPLAINTS));
    }
    for complaint in complaints {
        log::warn!("{complaint}");
    }
    if !is_open {
        let _ = logging::detach();
    }
}
