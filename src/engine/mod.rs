//! The one way that every command goes: a plan is made, then printed or applied, then reported and remembered.

pub mod alerts;
pub mod apply;
pub mod due;
mod full_disk;
pub mod history;
pub mod installed;
pub mod lock;
pub mod memory;
pub(crate) mod metrics;
pub mod order;
pub mod pause;
pub mod plan;
pub mod report;
pub mod restoring;
mod session;
mod watchdog;

use crate::exit::Exit;
use crate::world::World;
use anyhow::Result;
use apply::Permit;
use plan::Plan;
use report::{Outcome, Steps};
use serde::Serialize;
use serde_json::Value;
use std::fmt::Display;
use std::time::Duration;

/// A subcommand that changes something. It only plans; the engine applies.
pub trait Job: Sync {
    /// The subcommand's name, which is also its name in the history.
    const NAME: &'static str;
    /// The lock that keeps two runs apart.
    const LOCK: &'static str = Self::NAME;
    /// How long a lock that somebody else holds is waited for, before the run is skipped.
    const PATIENCE: Duration = Duration::ZERO;
    /// True when its report is the answer to whoever typed it. Then it is printed without a terminal too, and
    /// what makes the plan fail is refused before anything is touched.
    const ANSWERS: bool = false;
    /// False when the job itself sees to it that it ends in time; then nothing needs to watch it.
    const CAN_HANG: bool = true;
    /// True when it matters as much when it was typed by hand: then its report is printed without a terminal too, and
    /// those who want to know hear of a failure.
    const IS_TOLD: bool = false;
    /// True when it makes room on a full disk without needing any: then it is done even where `maint` itself has no room
    /// left to write it down first.
    const MAKES_ROOM: bool = false;
    /// What a failed action means for those after it.
    const ON_FAILURE: OnFailure = OnFailure::Continue;
    /// What the job does, one at a time.
    type Action: Action;

    /// True when it was asked only to look: then every run is a dry run.
    fn only_looks(&self) -> bool {
        false
    }

    /// Refuses wrong input before anything is touched, the state folder included.
    fn check(&self, _world: &World) -> Result<()> {
        Ok(())
    }

    /// Refuses to begin without what the run needs: a database, the address of a webhook. Unlike wrong input this may
    /// come right by itself, so that `config check` leaves it to `doctor`.
    fn ready(&self, _world: &World) -> Result<()> {
        Ok(())
    }

    /// How many of so many actions may be applied at the same time; more than one only when none depends on another,
    /// save for those that are a [barrier](Action::is_barrier).
    fn workers(&self, _world: &World, _actions: usize) -> usize {
        1
    }

    /// Looks at the world and says what is to be done. It writes nothing, not even a cache.
    fn plan(&self, world: &World) -> Result<Plan<Self::Action>>;

    /// A few words on the whole for the summary, such as what was freed.
    fn sum_up(&self, _steps: &Steps<Self::Action>) -> Option<String> {
        None
    }

    /// What a program that reads the report need not count itself, such as bytes that were made: keys of the report.
    fn totals(&self, _steps: &Steps<Self::Action>) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    /// True when whoever has typed it wants to read the report, also without a terminal.
    fn is_answer(&self) -> bool {
        Self::ANSWERS || self.only_looks()
    }

    /// What went wrong with the run as a whole and is no fault of a single step.
    fn failures(&self, _steps: &Steps<Self::Action>) -> Vec<String> {
        Vec::new()
    }

    /// What stands below the steps, for people: what was found out by doing them. Programs find it in the steps.
    fn appendix(&self, _steps: &Steps<Self::Action>) -> Option<String> {
        None
    }

    /// What to ask before the plan is applied; `None` when the user has already said yes.
    fn question(&self, _plan: &Plan<Self::Action>) -> Option<Question> {
        None
    }
}

/// One thing that can fail and be reported by itself. `Display` is a lower-case infinitive ("remove a.txt").
pub trait Action: Display + Serialize + Send + Sync {
    /// Does it, after looking again: what has changed since it was planned is skipped.
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome>;

    /// True when what stands before it in the plan must have ended, and what stands behind it must not have begun.
    fn is_barrier(&self) -> bool {
        false
    }

    /// True when it is done also when the run is being ended, or an earlier step has failed: it gives back what one of those
    /// has taken.
    fn is_owed(&self) -> bool {
        false
    }

    /// True when the whole plan is applied at once, all of it or nothing: one transaction for all.
    const TOGETHER: bool = false;

    /// Does all of it, with an outcome for each, or nothing.
    fn apply_together(actions: &[Self], world: &World, permit: &Permit) -> Result<Vec<Outcome>>
    where
        Self: Sized,
    {
        actions.iter().map(|action| action.apply(world, permit)).collect()
    }
}

/// A subcommand that only looks.
pub trait Query {
    /// What it answers, for people and as JSON.
    type Answer: Display + Serialize;
    /// Looks.
    fn ask(&self, world: &World) -> Result<Self::Answer>;
    /// How the program ends after this answer: a query that checks says so with another exit code.
    fn exit(_answer: &Self::Answer) -> Exit {
        Exit::Done
    }
}

/// What a failed action means for those after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// They are applied all the same.
    Continue,
    /// They are left out.
    Stop,
}

/// A question that a plan raises, and the options that answer it beforehand.
#[derive(Debug)]
pub struct Question {
    /// Ends with a question mark.
    pub text: String,
    /// Such as "--auto or --force".
    pub options: &'static str,
}
