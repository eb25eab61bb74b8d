//! Walks a plan: a dry run prints it, a real run applies it under a lock and remembers what happened.
//!
//! The only place that knows the mode, and the only one that can make a [`Permit`].

use super::history::{Ending, History};
use super::lock::{self, Holder, Taken};
use super::plan::Plan;
use super::report::{Outcome, Report, Status, Step};
use super::{Action, Job, OnFailure, Question, alerts};
use crate::error::{Problem, exit_of, one_line};
use crate::exit::Exit;
use crate::logging;
use crate::text;
use crate::world::World;
use crate::world::runlog::RunLog;
use crate::world::stop::Reason;
use anyhow::Result;
use chrono::{DateTime, Utc};
use serde_json::json;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// The right to change something outside the program. Only this file can make one.
#[derive(Debug)]
pub struct Permit(());

/// Whether the plan is printed or applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Print it.
    DryRun,
    /// Apply it.
    Real,
}

/// How a job is to be carried out, whatever the job is.
pub struct Order<'a> {
    /// Its name in history, logs and messages.
    pub name: &'a str,
    /// Instead of the job's own lock.
    pub lock: Option<&'a str>,
    /// What is run, for the history.
    pub line: &'a str,
    /// Print or apply.
    pub mode: Mode,
    /// Set when the job is paused, with the words for it: the run is skipped.
    pub paused: Option<String>,
    /// Questions are answered with yes.
    pub is_forced: bool,
    /// The run is ended after this time.
    pub limit: Option<Duration>,
    /// How the program ends when the run is skipped.
    pub skip_exit: Exit,
    /// The log grows no larger than this many bytes.
    pub log_limit: u64,
    /// Who watches and answers.
    pub front: &'a dyn Front,
}

/// Whoever started the run: a terminal, cron, the server.
pub trait Front: Sync {
    /// Puts a question.
    fn ask(&self, question: &str) -> Answer;
    /// Sees that so many actions of the total are through.
    fn progress(&self, done: usize, total: usize);
}

/// The answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Go on.
    Yes,
    /// Do nothing.
    No,
    /// There is no terminal to ask on.
    Nobody,
}

/// A finished run or rehearsal.
#[derive(Debug)]
pub struct Finished<A> {
    /// What happened.
    pub report: Report<A>,
    /// How the program ends.
    pub exit: Exit,
    /// The last lines of the run's log.
    pub tail: Vec<String>,
}

/// Carries a job out.
pub fn carry_out<J: Job>(job: &J, order: &Order<'_>, world: &World) -> Result<Finished<J::Action>> {
    job.check(world)?;
    match order.mode {
        Mode::DryRun => rehearse(job, order, world),
        Mode::Real => perform(job, order, world, &Permit(())),
    }
}

fn rehearse<J: Job>(job: &J, order: &Order<'_>, world: &World) -> Result<Finished<J::Action>> {
    let plan = match &order.paused {
        Some(pause) => Plan { notes: vec![format!("the run would be skipped: {pause}")], ..Plan::default() },
        None => job.plan(world)?,
    };
    let Plan { actions, notes, failures, overview } = plan;
    let steps = actions.into_iter().map(|action| Step { action, outcome: Outcome::Planned }).collect();
    let exit = if failures.is_empty() { Exit::Done } else { Exit::Failed };
    let report = Report {
        job: order.name.to_owned(),
        run: None,
        status: Status::Planned,
        started: world.clock.now(),
        finished: world.clock.reading(),
        overview,
        steps,
        notes,
        failures,
        log: None,
    };
    Ok(Finished { report, exit, tail: Vec::new() })
}

fn perform<J: Job>(
    job: &J,
    order: &Order<'_>,
    world: &World,
    permit: &Permit,
) -> Result<Finished<J::Action>> {
    let approved = approve(job, order, world)?;
    if let Some(limit) = order.limit {
        world.stop.limit(limit);
    }
    world.state.prepare(permit)?;
    let history = History::open(world, permit)?;
    // Until here a signal may simply end the program: nothing has begun.
    world.stop.listen()?;
    let run = run_id(world.clock.now())?;
    let holder = Holder::own(order.name, &run, world.clock.now());
    let lock = order.lock.unwrap_or(J::LOCK);
    if let Some(pause) = &order.paused {
        return Err(skip(&history, &holder, lock, &format!("skipped: {pause}"), order, permit));
    }
    let held = match lock::take(world, lock, &holder, permit)? {
        Taken::Ours(held) => held,
        Taken::Held(other) => {
            let why = lock::describe(world, lock, other.as_ref());
            return Err(skip(&history, &holder, lock, &why, order, permit));
        }
    };
    if let Some(other) = history.begin(&holder, lock, order.line, permit)? {
        let why = lock::describe(world, lock, Some(&other));
        return Err(skip(&history, &holder, lock, &why, order, permit));
    }
    let log = world.state.log(order.name, &run);
    let file = world.state.open_log(&log, permit)?;
    let secrets = world.secrets().clone();
    logging::attach(RunLog::new(file, order.log_limit), Box::new(move |text| secrets.redact(text)));
    let (report, exit) = std::thread::scope(|scope| {
        let (done, watched) = channel();
        scope.spawn(move || watch(world, &watched, &run, permit));
        let mut result = work(job, approved, order, world, permit, &holder.run);
        result.0.log = Some(log.display().to_string());
        drop(done);
        result
    });
    let mut finished = Finished { report, exit, tail: Vec::new() };
    log::info!(target: logging::STEP, "{}", finished.report.summary());
    finished.tail = logging::detach();
    remember(&mut finished, &history, world, permit);
    drop(held);
    Ok(finished)
}

/// Without a yes there is nothing to do; asking happens before the lock is taken, so that a question
/// left open does not keep cron's run away.
fn approve<J: Job>(job: &J, order: &Order<'_>, world: &World) -> Result<Option<Plan<J::Action>>> {
    if order.is_forced || job.question(&Plan::default()).is_none() {
        return Ok(None);
    }
    let plan = job.plan(world)?;
    let Some(Question { text, options }) = job.question(&plan).filter(|_| !plan.actions.is_empty()) else {
        return Ok(Some(plan));
    };
    match order.front.ask(&text) {
        Answer::Yes => Ok(Some(plan)),
        Answer::No => Err(Problem::refused(format!("{}: not confirmed; nothing was touched", order.name))),
        Answer::Nobody => Err(Problem::refused(format!(
            "{}: refused, because there is no terminal to ask on: {text} Add {options}; nothing was touched",
            order.name
        ))),
    }
}

fn skip(
    history: &History<'_>,
    holder: &Holder,
    lock: &str,
    why: &str,
    order: &Order<'_>,
    permit: &Permit,
) -> anyhow::Error {
    let summary = format!("{}: {why}", order.name);
    let exit = order.skip_exit;
    let ending = Ending {
        status: "skipped",
        exit_code: exit.code(),
        finished: history.world().clock.reading(),
        summary: &summary,
        report: "{}",
    };
    // The message matters more than the row: a busy database must not hide it.
    if let Err(error) = history.skipped(holder, lock, order.line, &ending, permit) {
        log::warn!("{}", one_line(&error));
    }
    Problem::with_exit(exit, summary)
}

/// Plans, unless it is done already, and applies.
fn work<J: Job>(
    job: &J,
    approved: Option<Plan<J::Action>>,
    order: &Order<'_>,
    world: &World,
    permit: &Permit,
    run: &str,
) -> (Report<J::Action>, Exit) {
    let mut error_exit = None;
    let plan = approved.map_or_else(|| job.plan(world), Ok).unwrap_or_else(|error| {
        error_exit = Some(exit_of(&error));
        Plan { failures: vec![one_line(&error)], ..Plan::default() }
    });
    let Plan { actions, notes, failures, overview } = plan;
    for note in &notes {
        log::info!(target: logging::STEP, "note: {note}");
    }
    for failure in &failures {
        log::error!(target: logging::STEP, "failed: {failure}");
    }
    let was_cut_in_planning = world.stop.reason().is_some();
    let (steps, was_cut) = apply_all::<J>(actions, order.front, world, permit);
    let has_failed =
        !failures.is_empty() || steps.iter().any(|step| matches!(step.outcome, Outcome::Failed(_)));
    // A signal that comes when everything is done changes nothing.
    let status = match world.stop.reason().filter(|_| was_cut || was_cut_in_planning) {
        Some(Reason::Signal(signal)) => Status::Interrupted(signal),
        Some(Reason::TimeLimit) => Status::TimedOut,
        None if has_failed => Status::Failed,
        None => Status::Done,
    };
    let (started, finished) = (world.clock.now(), world.clock.reading());
    let (job, run) = (order.name.to_owned(), Some(run.to_owned()));
    let report = Report { job, run, status, started, finished, overview, steps, notes, failures, log: None };
    (report, error_exit.unwrap_or(status.exit()))
}

/// The steps, and whether the end of the run left some of them undone.
fn apply_all<J: Job>(
    actions: Vec<J::Action>,
    front: &dyn Front,
    world: &World,
    permit: &Permit,
) -> (Vec<Step<J::Action>>, bool) {
    let total = actions.len();
    let done = AtomicUsize::new(0);
    let has_failed = AtomicBool::new(false);
    let was_cut = AtomicBool::new(false);
    let apply = |action: &J::Action| {
        let must_stop = J::ON_FAILURE == OnFailure::Stop && has_failed.load(Relaxed);
        let outcome = if must_stop {
            Outcome::Skipped("left out because an earlier step failed".into())
        } else if world.stop.reason().is_some() {
            was_cut.store(true, Relaxed);
            Outcome::Skipped("not done: the run was ended".into())
        } else {
            apply_one(action, world, permit)
        };
        if matches!(outcome, Outcome::Failed(_)) {
            has_failed.store(true, Relaxed);
            was_cut.fetch_or(world.stop.reason().is_some(), Relaxed);
        }
        front.progress(done.fetch_add(1, Relaxed) + 1, total);
        outcome
    };
    let outcomes = match J::WORKERS {
        workers if workers > 1 && total > CHUNK => in_parallel(&actions, workers, &apply),
        _ => actions.iter().map(apply).collect(),
    };
    let steps = actions.into_iter().zip(outcomes).map(|(action, outcome)| Step { action, outcome });
    (steps.collect(), was_cut.into_inner())
}

fn apply_one<A: Action>(action: &A, world: &World, permit: &Permit) -> Outcome {
    let outcome =
        action.apply(world, permit).unwrap_or_else(|error| Outcome::Failed(one_line(&error).into()));
    match &outcome {
        Outcome::Failed(why) => log::error!(target: logging::STEP, "failed: {action}: {why}"),
        Outcome::Done(detail) | Outcome::Skipped(detail) if !detail.is_empty() => {
            log::info!(target: logging::STEP, "{}: {action} ({detail})", outcome.word());
        }
        _ => log::info!(target: logging::STEP, "{}: {action}", outcome.word()),
    }
    outcome
}

/// Neighbouring actions often share a folder: a worker takes this many of them at once.
const CHUNK: usize = 128;

fn in_parallel<A: Sync>(
    actions: &[A],
    workers: usize,
    apply: &(impl Fn(&A) -> Outcome + Sync),
) -> Vec<Outcome> {
    let chunks: Vec<&[A]> = actions.chunks(CHUNK).collect();
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, Vec<Outcome>)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..workers.min(chunks.len()) {
            scope.spawn(|| {
                while let Some((index, chunk)) =
                    Some(next.fetch_add(1, Relaxed)).and_then(|i| Some((i, chunks.get(i)?)))
                {
                    let outcomes = chunk.iter().map(apply).collect();
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((index, outcomes));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_unstable_by_key(|(index, _)| *index);
    results.into_iter().flat_map(|(_, outcomes)| outcomes).collect()
}

/// A run that does not end although it must (a dead disk, say) is ended from here.
fn watch(world: &World, done: &Receiver<()>, run: &str, permit: &Permit) {
    const PATIENCE: u32 = 8;
    let mut late = 0;
    while done.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
        let Some(reason) = world.stop.reason() else { continue };
        late += 1;
        if late > PATIENCE {
            give_up(world, reason, run, permit);
        }
    }
}

#[expect(clippy::exit, reason = "the main thread hangs in the kernel: there is no other way out")]
fn give_up(world: &World, reason: Reason, run: &str, permit: &Permit) -> ! {
    let status = match reason {
        Reason::Signal(signal) => Status::Interrupted(signal),
        Reason::TimeLimit => Status::TimedOut,
    };
    let summary = format!("{}: ended although a step still hung", status.word());
    log::error!("{summary}");
    let ending = Ending {
        status: status.word(),
        exit_code: status.exit().code(),
        finished: world.clock.reading(),
        summary: &summary,
        report: "{}",
    };
    if let Err(error) = History::open(world, permit).and_then(|history| history.end(run, &ending, permit)) {
        log::error!("{}", one_line(&error));
    }
    std::process::exit(status.exit().code().into())
}

/// Writes the run down; when that fails, the report says so, because the work itself is done.
fn remember<A: Action>(finished: &mut Finished<A>, history: &History<'_>, world: &World, permit: &Permit) {
    if let Err(error) = write_down(finished, history, world, permit) {
        finished.report.failures.push(format!("the history is incomplete: {}", one_line(&error)));
        if finished.exit == Exit::Done {
            finished.exit = Exit::Failed;
        }
    }
}

fn write_down<A: Action>(
    finished: &Finished<A>,
    history: &History<'_>,
    world: &World,
    permit: &Permit,
) -> Result<()> {
    const MOST: usize = 1_000;
    let Finished { report, exit, .. } = finished;
    let run = report.run.as_deref().unwrap_or_default();
    let summary = logging::redacted(&report.summary());
    let not_done: Vec<_> =
        report.steps.iter().filter(|step| !matches!(step.outcome, Outcome::Done(_))).take(MOST).collect();
    let notes: Vec<_> = report.notes.iter().take(MOST).collect();
    let failures: Vec<_> = report.failures.iter().take(MOST).collect();
    let overview = report.overview.as_ref().map(|overview| json!({ overview.key: overview.value }));
    let row = json!({
        "counts": report.counts(), "overview": overview, "not_done": not_done, "notes": notes, "failures": failures,
    });
    let ending = Ending {
        status: report.status.word(),
        exit_code: exit.code(),
        finished: report.finished,
        summary: &summary,
        report: &logging::redacted(&row.to_string()),
    };
    history.end(run, &ending, permit)?;
    alerts::consider(world, history, (&report.job, run, report.status), &summary, permit)?;
    for log in history.prune(&report.job, permit)? {
        if world.files.exists(&log) {
            world.files.remove_file(&log, permit)?;
        }
    }
    Ok(())
}

/// "20261120T150226Z-3f9a1c": sortable, and different for two runs in one second.
fn run_id(now: DateTime<Utc>) -> Result<String> {
    let mut random = [0_u8; 3];
    rustix::rand::getrandom(&mut random[..], rustix::rand::GetRandomFlags::empty())?;
    Ok(format!("{}-{:02x}{:02x}{:02x}", now.format("%Y%m%dT%H%M%SZ"), random[0], random[1], random[2]))
}

/// The line of a step, for people: "done: remove a.txt", "failed: remove b.txt: Permission denied".
#[must_use]
pub fn describe<A: Action>(step: &Step<A>) -> String {
    let Step { action, outcome } = step;
    match outcome {
        Outcome::Planned => format!("would {action}"),
        Outcome::Failed(why) => format!("failed: {action}: {}", text::escape(why)),
        Outcome::Done(detail) | Outcome::Skipped(detail) if detail.is_empty() => {
            format!("{}: {action}", outcome.word())
        }
        Outcome::Done(detail) | Outcome::Skipped(detail) => {
            format!("{}: {action} ({})", outcome.word(), text::escape(detail))
        }
    }
}
