//! Walks a plan: a dry run prints it, a real run applies it under a lock and remembers what happened.
//!
//! The only place that knows the mode, and the only one that can make a [`Permit`].

use super::order::{Answer, Front, Mode, Order};
use super::plan::Plan;
use super::report::{Outcome, Report, Status, Step, Steps};
use super::session::Session;
use super::{Action, Job, OnFailure, Question, full_disk, watchdog};
use crate::error::{Problem, exit_of, one_line};
use crate::exit::Exit;
use crate::logging;
use crate::world::{World, stop};
use anyhow::Result;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::channel;

/// The right to change something outside the program. Only this file can make one.
#[derive(Debug)]
pub struct Permit(());

#[cfg(test)]
impl Permit {
    /// For a unit test of what is applied.
    pub(crate) fn of_a_test() -> Permit {
        Permit(())
    }
}

/// A finished run or rehearsal.
#[derive(Debug)]
pub struct Finished<A> {
    /// What happened.
    pub report: Report<A>,
    /// The last lines of the run's log.
    pub tail: Vec<String>,
}

/// Carries a job out.
pub fn carry_out<J: Job>(job: &J, order: &Order<'_>, world: &World) -> Result<Finished<J::Action>> {
    match order.mode {
        Mode::DryRun => rehearse(job, order, world),
        // Typed by hand, it is a question; as a job it is a run that the history remembers.
        Mode::Real if job.only_looks() && !order.is_scheduled => rehearse(job, order, world),
        Mode::Real => perform(job, order, world, &Permit(())),
    }
}

fn rehearse<J: Job>(job: &J, order: &Order<'_>, world: &World) -> Result<Finished<J::Action>> {
    job.check(world)?;
    job.ready(world)?;
    let mut plan = match &order.paused {
        Some(pause) => Plan { notes: vec![format!("the run would be skipped: {pause}")], ..Plan::default() },
        None => job.plan(world)?,
    };
    let steps = Steps::planned(std::mem::take(&mut plan.actions));
    let exit = if plan.failures.is_empty() { found(&plan).exit() } else { Exit::Failed };
    Ok(finished(job, order, world, plan, steps, (Status::Planned, exit)))
}

/// How a run ends in which nothing has failed.
fn found<A>(plan: &Plan<A>) -> Status {
    if plan.findings.iter().all(|finding| finding.is_well) { Status::Done } else { Status::Found }
}

/// Everything that is known when the last step is through; `plan` has given its actions to `steps`.
fn finished<J: Job>(
    job: &J,
    order: &Order<'_>,
    world: &World,
    plan: Plan<J::Action>,
    steps: Steps<J::Action>,
    (status, exit): (Status, Exit),
) -> Finished<J::Action> {
    let Plan { actions: _, notes, failures, overview, findings } = plan;
    let report = Report {
        job: order.name.to_owned(),
        run: None,
        status,
        exit,
        started: world.clock.now(),
        finished: world.clock.reading(),
        overview,
        sum: job.sum_up(&steps),
        totals: job.totals(&steps),
        appendix: job.appendix(&steps),
        steps,
        notes,
        failures,
        findings,
        log: None,
    };
    Finished { report, tail: Vec::new() }
}

fn perform<J: Job>(
    job: &J,
    order: &Order<'_>,
    world: &World,
    permit: &Permit,
) -> Result<Finished<J::Action>> {
    stop::survive()?;
    world.is_for_real(permit);
    let begin = || {
        job.check(world)?;
        // What a job needs is looked for when its time limit counts: a machine that is silent must not hold it for ever.
        if !order.is_scheduled {
            job.ready(world)?;
        }
        approve(job, order, world)
    };
    let approved = match begin() {
        Err(error) if order.is_scheduled => {
            if let Ok(session) = Session::open(order, J::LOCK, world, permit) {
                session.refused(&error);
            }
            return Err(error);
        }
        other => other?,
    };
    // Until here a signal may simply end the program: nothing has begun.
    world.stop.listen()?;
    let (session, held, log) = match Session::open_and_begin(order, J::LOCK, world, permit) {
        Err(error) if J::MAKES_ROOM && exit_of(&error) == Exit::Usage && world.state.is_full() => {
            return full_disk::perform(job, approved, order, world, permit);
        }
        other => other?,
    };
    order.front.began(order.name, session.run());
    // Only now, so that a slow check, which was told that the run begins, takes none of its time.
    if let Some(limit) = order.limit {
        world.stop.limit(limit);
    }
    let mut finished = if J::CAN_HANG {
        std::thread::scope(|scope| {
            let (_done, watched) = channel();
            let run = session.run();
            let watch = move || watchdog::watch(world, &watched, run, permit);
            if std::thread::Builder::new().spawn_scoped(scope, watch).is_err() {
                log::warn!("the run is not watched: no thread can be started");
            }
            work(job, approved, order, world, permit)
        })
    } else {
        work(job, approved, order, world, permit)
    };
    finished.report.run = Some(session.run().to_owned());
    finished.report.log = Some(log);
    session.end(&mut finished);
    drop(held);
    session.tell(finished.report.exit, &finished.report.summary());
    Ok(finished)
}

/// Without a yes there is nothing to do; asking happens before the lock is taken, so that a question
/// left open does not keep cron's run away.
fn approve<J: Job>(job: &J, order: &Order<'_>, world: &World) -> Result<Option<Plan<J::Action>>> {
    // What cron runs has a time limit, which counts from the lock on.
    if J::ANSWERS && !order.is_scheduled {
        return job.plan(world).map(Some);
    }
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

/// Plans, unless it is done already, and applies.
pub(super) fn work<J: Job>(
    job: &J,
    approved: Option<Plan<J::Action>>,
    order: &Order<'_>,
    world: &World,
    permit: &Permit,
) -> Finished<J::Action> {
    let mut error_exit = None;
    let ready = if order.is_scheduled { job.ready(world) } else { Ok(()) };
    let plan = ready.and_then(|()| approved.map_or_else(|| job.plan(world), Ok));
    let mut plan = plan.unwrap_or_else(|error| {
        // What fails because the run has to end is no failure of its own.
        error_exit = Some(exit_of(&error)).filter(|_| world.stop.reason().is_none());
        Plan { failures: vec![one_line(&error)], ..Plan::default() }
    });
    for note in &plan.notes {
        log::info!(target: logging::STEP, "note: {note}");
    }
    for failure in &plan.failures {
        log::error!(target: logging::STEP, "failed: {failure}");
    }
    let was_cut_in_planning = world.stop.reason().is_some();
    let actions = std::mem::take(&mut plan.actions);
    let Applied { steps, was_cut, failure } = if job.only_looks() {
        log_steps(&actions, &vec![Outcome::Planned; actions.len()]);
        Applied { steps: Steps::planned(actions), was_cut: false, failure: None }
    } else if J::Action::TOGETHER && !actions.is_empty() {
        apply_together(actions, world, permit)
    } else {
        apply_each(job, actions, order.front, world, permit)
    };
    plan.failures.extend(failure);
    for failure in job.failures(&steps) {
        log::error!(target: logging::STEP, "failed: {failure}");
        plan.failures.push(failure);
    }
    let has_failed =
        !plan.failures.is_empty() || steps.iter().any(|step| matches!(step.outcome, Outcome::Failed(_)));
    // A signal that comes when everything is done changes nothing.
    let status = match world.stop.reason().filter(|_| was_cut || was_cut_in_planning) {
        Some(reason) => reason.into(),
        None if has_failed => Status::Failed,
        None => found(&plan),
    };
    let exit = error_exit.unwrap_or(status.exit());
    finished(job, order, world, plan, steps, (status, exit))
}

/// What applying a plan came to.
struct Applied<A> {
    steps: Steps<A>,
    /// The end of the run left some of the plan undone.
    was_cut: bool,
    /// Why nothing of it was done.
    failure: Option<String>,
}

/// All of it or nothing.
fn apply_together<A: Action>(actions: Vec<A>, world: &World, permit: &Permit) -> Applied<A> {
    let nothing = |why: &'static str| vec![Outcome::Skipped(why.into()); actions.len()];
    let (outcomes, failure) = if world.stop.reason().is_some() {
        (nothing(ENDED), None)
    } else {
        match A::apply_together(&actions, world, permit) {
            Ok(outcomes) => {
                debug_assert_eq!(outcomes.len(), actions.len(), "an outcome for each");
                (outcomes, None)
            }
            Err(error) => (nothing("nothing was written"), Some(one_line(&error))),
        }
    };
    // Some at a time: the lines of half a million steps would fill the memory.
    for (some, their) in actions.chunks(MOST_TOGETHER).zip(outcomes.chunks(MOST_TOGETHER)) {
        log_steps(some, their);
    }
    // A signal that comes when everything is written changes nothing.
    let was_any_done = outcomes.iter().any(|outcome| matches!(outcome, Outcome::Done(_)));
    let was_cut = !was_any_done && world.stop.reason().is_some();
    if let Some(why) = &failure {
        log::error!(target: logging::STEP, "failed: {why}");
    }
    Applied { steps: Steps::applied(actions, outcomes), was_cut, failure }
}

/// One after the other, or several at a time.
fn apply_each<J: Job>(
    job: &J,
    actions: Vec<J::Action>,
    front: &dyn Front,
    world: &World,
    permit: &Permit,
) -> Applied<J::Action> {
    let total = actions.len();
    let done = AtomicUsize::new(0);
    let has_failed = AtomicBool::new(false);
    let was_cut = AtomicBool::new(false);
    let apply = |action: &J::Action| {
        let must_stop = J::ON_FAILURE == OnFailure::Stop && has_failed.load(Relaxed);
        let outcome = if action.is_owed() {
            apply_one(action, world, permit)
        } else if must_stop {
            Outcome::Skipped("left out because an earlier step failed".into())
        } else if world.stop.reason().is_some() {
            was_cut.store(true, Relaxed);
            Outcome::Skipped(ENDED.into())
        } else {
            apply_one(action, world, permit)
        };
        has_failed.fetch_or(matches!(outcome, Outcome::Failed(_)), Relaxed);
        // Whatever is not done when the run has to end may be so because of that.
        was_cut.fetch_or(!matches!(outcome, Outcome::Done(_)) && world.stop.reason().is_some(), Relaxed);
        front.progress(done.fetch_add(1, Relaxed) + 1, total);
        outcome
    };
    front.progress(0, total);
    let workers = job.workers(world, total);
    let stretches = actions.chunk_by(|one, next| !one.is_barrier() && !next.is_barrier());
    let outcomes = stretches.flat_map(|stretch| in_parallel(stretch, workers, &apply)).collect();
    Applied { steps: Steps::applied(actions, outcomes), was_cut: was_cut.into_inner(), failure: None }
}

fn apply_one<A: Action>(action: &A, world: &World, permit: &Permit) -> Outcome {
    action.apply(world, permit).unwrap_or_else(|error| Outcome::Failed(one_line(&error).into()))
}

/// Writes what became of some actions to the log of the run.
fn log_steps<A: Action>(actions: &[A], outcomes: &[Outcome]) {
    logging::steps(actions.iter().zip(outcomes).map(|(action, outcome)| {
        let level = if matches!(outcome, Outcome::Failed(_)) { log::Level::Error } else { log::Level::Info };
        (level, Step { action, outcome })
    }));
}

const ENDED: &str = "not done: the run was ended";

/// Steps that a worker takes, or that are written to the log, at once.
const MOST_TOGETHER: usize = 512;

/// Neighbouring actions often share a folder: a worker takes several at once, but leaves some for the others.
fn chunk_size(total: usize, workers: usize) -> usize {
    (total / (workers * 64)).clamp(1, MOST_TOGETHER)
}

fn in_parallel<A: Action>(
    actions: &[A],
    workers: usize,
    apply: &(impl Fn(&A) -> Outcome + Sync),
) -> Vec<Outcome> {
    let chunks: Vec<&[A]> = actions.chunks(chunk_size(actions.len(), workers)).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut mine = Vec::new();
        loop {
            let index = next.fetch_add(1, Relaxed);
            let Some(chunk) = chunks.get(index) else { return mine };
            let outcomes: Vec<_> = chunk.iter().map(apply).collect();
            log_steps(chunk, &outcomes);
            mine.push((index, outcomes));
        }
    };
    let mut results = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..workers.min(chunks.len()))
            .map_while(|_| std::thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        let mut results = work();
        for thread in threads {
            // A panic ends the whole program (cli::usage), so every thread that ended has a result.
            results.extend(thread.join().unwrap_or_default());
        }
        results
    });
    results.sort_unstable_by_key(|(index, _)| *index);
    results.into_iter().flat_map(|(_, outcomes)| outcomes).collect()
}
