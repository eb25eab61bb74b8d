//! What is remembered of batches: that one is about to be submitted, then its id, until each of its answers is dealt with.

use super::known::Subject;
use crate::engine::apply::Permit;
use crate::engine::memory;
use crate::world::World;
use anyhow::Result;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const TOPIC: &str = "fiches-batches";

/// A batch that is about to be submitted, or was. It is written down before: an id that is lost on the line would be
/// paid for twice.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Intent {
    /// What it is remembered by.
    #[serde(skip)]
    pub(super) key: String,
    /// Its id, once Claude has told it.
    pub(super) batch: Option<String>,
    pub(super) submitted: DateTime<Utc>,
    /// The batches that there were before, where Claude lists them.
    pub(super) others: Option<Vec<String>>,
    /// How many requests it has.
    pub(super) size: u64,
    /// Those that are not dealt with, by their id in the batch.
    pub(super) entries: BTreeMap<String, Entry>,
}

/// A sheet in a batch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) code: String,
    pub(super) subject: Subject,
}

impl Intent {
    /// The codes of its sheets.
    pub(super) fn codes(&self) -> impl Iterator<Item = String> {
        self.entries.values().map(|entry| entry.code.clone())
    }

    /// True when nothing of it is left.
    pub(super) fn is_over(&self) -> bool {
        self.entries.is_empty()
    }
}

/// The batches that are not dealt with.
pub(super) fn recall(world: &World) -> Result<Vec<Intent>> {
    let all: BTreeMap<String, Intent> = memory::recall(world, TOPIC)?;
    let all = all.into_iter().map(|(key, intent)| Intent { key, ..intent });
    Ok(all.filter(|intent| !intent.is_over()).collect())
}

/// Remembers a batch.
pub(super) fn remember(world: &World, intent: &Intent, permit: &Permit) -> Result<()> {
    memory::remember(world, TOPIC, [(intent.key.as_str(), intent)], permit)
}
