//! A batch: written down before it is submitted, so that a run that is killed there does not submit it twice.

use super::desk::Desk;
use super::enrich::Refused;
use super::fiche::Fiche;
use super::intent::{self, Entry, Intent};
use crate::engine::apply::Permit;
use crate::engine::report::Outcome;
use crate::error::one_line;
use crate::text;
use crate::world::World;
use crate::world::claude::{Prompt, Setback};
use anyhow::{Result, bail};
use serde::Serialize;
use serde::ser::SerializeMap as _;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Sheets in one batch; Claude takes ten times as many, and 256 MB.
pub(super) const MOST: usize = 10_000;

/// Asks for many sheets at once.
#[derive(Debug)]
pub struct SubmitBatch {
    pub(super) desk: Arc<Desk>,
    /// With the first answer, where that was of no use.
    pub(super) sheets: Vec<(Fiche, Option<Refused>)>,
}

/// What is asked for a sheet, with what was wrong with the first answer.
pub(super) fn prompt(desk: &Desk, fiche: &Fiche, refused: Option<&Refused>) -> Prompt {
    desk.template.prompt(fiche, refused.map(|refused| refused.complaint.as_str()))
}

impl SubmitBatch {
    pub(super) fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        let SubmitBatch { desk, sheets } = self;
        if desk.brake.why().is_some() {
            return Ok(Outcome::Skipped("not submitted".into()));
        }
        desk.target.open(world, permit).map_err(anyhow::Error::msg)?;
        let prompts: Vec<Prompt> =
            sheets.iter().map(|(fiche, refused)| prompt(desk, fiche, refused.as_ref())).collect();
        let others = desk.claude.batches(world).map_err(explain)?;
        let mut intent = Intent {
            key: world.clock.new_id()?,
            batch: None,
            submitted: world.clock.reading(),
            others: others.map(|others| others.into_iter().map(|batch| batch.id).collect()),
            size: prompts.len() as u64,
            entries: self.entries(&prompts),
        };
        intent::remember(world, &intent, permit)?;
        let id = match desk.claude.submit(world, &prompts, permit) {
            Ok(id) => id,
            Err(Setback::Request(why)) => {
                intent.entries.clear();
                intent::remember(world, &intent, permit)?;
                bail!(why)
            }
            // The batch may be there all the same: the next run looks.
            Err(setback) => return Err(explain(setback)),
        };
        let shown = text::escape(&id).into_owned();
        desk.await_answers(intent.codes(), &id);
        intent.batch = Some(id);
        if let Err(error) = intent::remember(world, &intent, permit) {
            bail!("the batch {shown} is submitted, but its id is not remembered: {}", one_line(&error));
        }
        Ok(Outcome::Done(shown.into()))
    }

    fn entries(&self, prompts: &[Prompt]) -> BTreeMap<String, Entry> {
        let SubmitBatch { desk, sheets } = self;
        let entries = sheets.iter().zip(prompts).map(|((fiche, refused), prompt)| {
            let before = refused.as_ref().map(|refused| refused.subject.clone());
            let subject = before.unwrap_or_else(|| desk.subject(fiche));
            (prompt.id.clone(), Entry { code: fiche.code.clone(), subject })
        });
        entries.collect()
    }
}

fn explain(setback: Setback) -> anyhow::Error {
    match setback {
        Setback::Request(why) | Setback::Run(why) => anyhow::Error::msg(why),
        Setback::Ended => anyhow::Error::msg("the run was ended"),
    }
}

/// Leaves the answer to one sheet of a batch to a later run.
#[derive(Debug)]
pub struct AwaitAnswer {
    pub(super) desk: Arc<Desk>,
    pub(super) code: String,
    pub(super) name: String,
}

impl AwaitAnswer {
    pub(super) fn apply(&self) -> Outcome {
        let AwaitAnswer { desk, code, name: _ } = self;
        match desk.batch_of(code) {
            Some(_) => Outcome::DONE,
            None => Outcome::Skipped("not submitted".into()),
        }
    }
}

impl fmt::Display for AwaitAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AwaitAnswer { desk: _, code, name } = self;
        let name = text::cut(name, 80);
        write!(f, "leave the answer to {} ({}) to a later run", text::escape(code), text::escape(&name))
    }
}

impl Serialize for AwaitAnswer {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let AwaitAnswer { desk, code, name } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("action", "await-answer")?;
        map.serialize_entry("code", code)?;
        map.serialize_entry("name", name)?;
        map.serialize_entry("batch", &desk.batch_of(code))?;
        map.end()
    }
}

impl fmt::Display for SubmitBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SubmitBatch { desk: _, sheets } = self;
        write!(f, "submit a batch with {}", text::plural(sheets.len(), "sheet"))
    }
}

impl Serialize for SubmitBatch {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let SubmitBatch { desk, sheets } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("action", "submit-batch")?;
        map.serialize_entry("sheets", &sheets.len())?;
        map.serialize_entry("batch", &sheets.first().and_then(|(fiche, _)| desk.batch_of(&fiche.code)))?;
        map.end()
    }
}
