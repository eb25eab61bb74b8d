//! A file that answers instead of Claude: for rehearsals without a network. It costs nothing.

use super::message::{Ending, Message, Usage};
use super::{Prompt, Setback};
use crate::error::{Problem, one_line};
use crate::text;
use crate::world::World;
use anyhow::Result;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::path::Path;

const LARGEST: u64 = 16 << 20;

/// A file that answers instead of Claude.
#[derive(Debug)]
pub(super) struct StandIn {
    answers: Map<String, Value>,
    /// Its name, as messages show it.
    shown: String,
    /// Of the file.
    pub(super) digest: String,
}

impl StandIn {
    /// Reads the file: an object from code to answer.
    pub(super) fn read(world: &World, path: &Path) -> Result<StandIn> {
        let shown = text::path(path);
        let bytes = world.files.read(&world.root.join(path), LARGEST).map_err(|error| {
            Problem::usage(format!("{}; correct `stand_in` of [update-fiches]", one_line(&error)))
        })?;
        let answers = serde_json::from_slice(&bytes).map_err(|error| {
            Problem::usage(format!(
                "{shown}, the `stand_in` of [update-fiches], is no JSON object of answers by code: {error}"
            ))
        })?;
        Ok(StandIn { answers, shown: shown.into_owned(), digest: text::hex(&Sha256::digest(&bytes)) })
    }

    /// Whose answers these are not.
    pub(super) fn note(&self) -> String {
        format!(
            "the answers are canned, not Claude's: they stand in {} (`stand_in` of [update-fiches])",
            self.shown
        )
    }

    /// Its answer: an object, or a text as it is.
    pub(super) fn ask(&self, prompt: &Prompt) -> Result<Message, Setback> {
        let code = &prompt.id;
        let answer = self.answers.get(code).ok_or_else(|| {
            Setback::Request(format!("the stand-in has no answer for {}; add one", text::escape(code)))
        })?;
        let text = answer.as_str().map_or_else(|| answer.to_string(), str::to_owned);
        Ok(Message {
            id: format!("stand-in-{code}"),
            model: "stand-in".to_owned(),
            text,
            ending: Ending::Whole,
            usage: Usage::default(),
        })
    }
}
