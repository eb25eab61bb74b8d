//! Anthropic's API: who asks, what it costs, and the free questions.

use super::Setback;
use super::access::Access;
use super::asking::Asking;
use super::message::Message;
use super::prices::Prices;
use super::refusal::{self, Miss};
use crate::world::World;
use crate::world::http::{Answer, Question, ask_once};
use anyhow::Result;
use serde_json::Value;
use std::time::Duration;

/// Anthropic's API.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) access: Access,
    pub(super) prices: Prices,
    pub(super) timeout: Duration,
    /// What is learnt by asking for what is paid.
    pub(super) asking: Asking,
    /// The same for what is free: it has limits of its own, and nobody needs it.
    looking: Asking,
}

impl Api {
    pub(super) fn of(world: &World) -> Result<Api> {
        let section = &world.config.update_fiches;
        Ok(Api {
            access: Access::of(world)?,
            prices: Prices::of(section)?,
            timeout: section.timeout.duration(),
            asking: Asking::of(world),
            looking: Asking::of(world),
        })
    }

    /// A message, which may repeat the key.
    pub(super) fn message(&self, answer: &Value) -> Option<Message> {
        let message = Message::read(answer)?;
        Some(Message { text: self.access.hide(&message.text), ..message })
    }

    /// Fails for an answer that is an error.
    pub(super) fn good(&self, answer: &Answer) -> Result<(), Miss> {
        if answer.status.is_success() { Ok(()) } else { Err(refusal::miss(answer, &self.access)) }
    }

    /// The JSON of an answer that is no error.
    pub(super) fn judged(&self, answer: &Answer) -> Result<Value, Miss> {
        self.good(answer)?;
        answer.json().ok_or_else(Miss::odd)
    }

    /// Asks what is free, and tries again where that may help.
    pub(super) fn look<'q, T>(
        &self,
        world: &World,
        question: &dyn Fn() -> Question<'q>,
        read: &dyn Fn(&Answer) -> Result<T, Miss>,
    ) -> Result<T, Setback> {
        let once = || {
            let asked = ask_once(world, &self.access.sign(question(), Question::header));
            read(&asked.map_err(|lost| Miss::of(lost, &self.access))?)
        };
        self.looking.ask(world, &once).0
    }
}
