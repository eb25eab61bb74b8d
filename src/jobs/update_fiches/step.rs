//! The kinds of things that a run does.

use super::close::CloseBatch;
use super::copy::CopyDatabase;
use super::enrich::EnrichFiche;
use super::submit::{AwaitAnswer, SubmitBatch};
use super::summary::WriteSummary;
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
    /// For a simulation.
    Copy(CopyDatabase),
    /// A sheet; several at the same time.
    Enrich(Box<EnrichFiche>),
    /// What is left of an earlier batch.
    Close(Box<CloseBatch>),
    /// Many sheets.
    Submit(SubmitBatch),
    /// A sheet of it.
    Await(AwaitAnswer),
    /// The last row of the audit log.
    Summary(WriteSummary),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Copy(step) => step.fmt(f),
            Step::Enrich(step) => step.fmt(f),
            Step::Close(step) => step.fmt(f),
            Step::Submit(step) => step.fmt(f),
            Step::Await(step) => step.fmt(f),
            Step::Summary(step) => step.fmt(f),
        }
    }
}

impl Action for Step {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        match self {
            Step::Copy(step) => step.apply(world, permit),
            Step::Enrich(step) => step.apply(world, permit),
            Step::Close(step) => step.apply(world, permit),
            Step::Submit(step) => step.apply(world, permit),
            Step::Await(step) => Ok(step.apply()),
            Step::Summary(step) => step.apply(world, permit),
        }
    }

    fn is_barrier(&self) -> bool {
        match self {
            Step::Enrich(action) => action.leads,
            Step::Await(_) => false,
            _ => true,
        }
    }
}
