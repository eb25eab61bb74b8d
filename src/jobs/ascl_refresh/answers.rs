//! What ASCL and GitHub answered, remembered for the next run: it makes the same questions cheaper, and keeps figures that
//! cannot be asked for this time.

use crate::engine::Action;
use crate::engine::apply::Permit;
use crate::engine::memory;
use crate::engine::report::Outcome;
use crate::text;
use crate::world::World;
use crate::world::ascl::Document;
use crate::world::github::{self, Known};
use anyhow::Result;
use serde::Serialize;
use serde::ser::SerializeMap as _;
use std::collections::BTreeMap;
use std::fmt;

/// The topic of the memory; keys are hashes of addresses.
const DOCUMENTS: &str = "documents";

/// The topic of the figures, whose keys are names of repositories in lower case: those of one GitHub, or of the file that
/// stands for it, mean nothing to another.
fn repositories(world: &World) -> Result<String> {
    Ok(format!("repositories of {}", github::identity(world)?))
}

/// Answers by their keys in the memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers {
    pub(super) documents: BTreeMap<String, Document>,
    pub(super) repositories: BTreeMap<String, Known>,
}

impl Answers {
    /// All that is remembered.
    pub(super) fn recall(world: &World) -> Result<Answers> {
        let documents = memory::recall(world, DOCUMENTS)?;
        Ok(Answers { documents, repositories: memory::recall(world, &repositories(world)?)? })
    }

    /// What of these is news to somebody who knows `old`. That an answer is still the same is none, unless there
    /// were not enough for all: then it tells whose turn is next.
    pub(super) fn news(mut self, old: &Answers, is_partial: bool) -> Answers {
        self.documents.retain(|key, document| old.documents.get(key) != Some(document));
        let is_same = |old: &Known, new: &Known| old.standing == new.standing && old.etag == new.etag;
        self.repositories
            .retain(|key, new| is_partial || !old.repositories.get(key).is_some_and(|old| is_same(old, new)));
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.documents.is_empty() && self.repositories.is_empty()
    }
}

/// Remembers answers.
#[derive(Debug)]
pub struct RememberAnswers(pub(super) Answers);

impl fmt::Display for RememberAnswers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Answers { documents, repositories } = &self.0;
        let document = if documents.is_empty() { "" } else { "the document" };
        let figures = match repositories.len() {
            0 => String::new(),
            count => format!("the figures of {}", text::plural(count, "repository")),
        };
        let and = if document.is_empty() || figures.is_empty() { "" } else { " and " };
        write!(f, "remember {document}{and}{figures}")
    }
}

impl Serialize for RememberAnswers {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Answers { documents, repositories } = &self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("action", "remember-answers")?;
        map.serialize_entry("documents", &documents.len())?;
        map.serialize_entry("repositories", &repositories.len())?;
        map.end()
    }
}

impl Action for RememberAnswers {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        let Answers { documents, repositories } = &self.0;
        let documents = documents.iter().map(|(key, value)| (key.as_str(), value));
        memory::remember(world, DOCUMENTS, documents, permit)?;
        let figures = repositories.iter().map(|(key, value)| (key.as_str(), value));
        memory::remember(world, &self::repositories(world)?, figures, permit)?;
        Ok(Outcome::DONE)
    }
}
