//! The kinds of things that a run does.

use super::answers::RememberAnswers;
use super::catalogue_file::WriteCatalogue;
use super::context::MakeContext;
use super::remove_clone::RemoveClone;
use crate::engine::Action;
use crate::engine::apply::Permit;
use crate::engine::report::Outcome;
use crate::world::World;
use anyhow::Result;
use serde::Serialize;
use std::fmt;

/// One thing that a run does.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Step {
    /// What a killed run has left.
    Remove(RemoveClone),
    /// For the next run.
    Remember(RememberAnswers),
    /// The catalogue.
    Write(WriteCatalogue),
    /// A context file; several at the same time.
    Make(MakeContext),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Remove(step) => step.fmt(f),
            Step::Remember(step) => step.fmt(f),
            Step::Write(step) => step.fmt(f),
            Step::Make(step) => step.fmt(f),
        }
    }
}

impl Action for Step {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        match self {
            Step::Remove(step) => step.apply(world, permit),
            Step::Remember(step) => step.apply(world, permit),
            Step::Write(step) => step.apply(world, permit),
            Step::Make(step) => step.apply(world, permit),
        }
    }

    fn is_barrier(&self) -> bool {
        !matches!(self, Step::Make(_))
    }
}
