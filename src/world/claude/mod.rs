//! Claude, by Anthropic's Messages API: one request for one sheet, or a batch of them at half the price.
//!
//! What costs money asks for a `Permit`; counting tokens and looking at batches is free.

mod access;
mod api;
mod asking;
mod batches;
mod body;
mod message;
mod prices;
mod refusal;
mod stand_in;
#[cfg(test)]
mod tests;

pub(crate) use message::{Ending, Message, Usage};

use super::World;
use super::http::{Question, Request, ask_once, send_once};
use crate::config::update_fiches::Mode;
use crate::engine::apply::Permit;
use crate::error::Problem;
use crate::money::Usd;
use crate::text;
use anyhow::Result;
use api::Api;
use body::Form;
use refusal::Miss;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use stand_in::StandIn;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// An answer is a sheet: a thousandth of that.
const LARGEST_ANSWER: u64 = 4 << 20;

/// Where Claude is, as whom it is asked, and what this run has learnt of it.
#[derive(Debug)]
pub(crate) struct Claude {
    form: Form,
    source: Source,
    /// The tokens of a request that was counted, with what is the same for all; none before.
    counted: AtomicU64,
}

/// Who answers.
#[derive(Debug)]
enum Source {
    Api(Box<Api>),
    StandIn(StandIn),
}

/// One thing that is asked.
#[derive(Debug)]
pub(crate) struct Prompt {
    /// Tells it from others in a batch: letters, digits, `-` and `_`, at most 64.
    pub(crate) id: String,
    /// What is the same for all: kept by Claude between requests, where it is long enough.
    pub(crate) instructions: String,
    /// What is asked for this one.
    pub(crate) request: String,
}

/// What became of one request, its further tries included.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) answer: Result<Message, Setback>,
    /// Requests whose answer was lost on its way, and may have been paid for all the same.
    pub(crate) lost: u32,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Setback {
    /// This request will not be answered; others may.
    Request(String),
    /// No request will be answered any more in this run: the key, the money, the model, the line.
    Run(String),
    /// The run has to end.
    Ended,
}

/// A batch, as it is now.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) id: String,
    /// All of it is answered, or will not be any more.
    pub(crate) is_ended: bool,
    /// Requests in it.
    pub(crate) requests: u64,
    /// Where its answers are.
    results: Option<String>,
}

/// What became of one request of a batch.
#[derive(Debug)]
pub(crate) enum Fate {
    Answered(Message),
    /// It will never be answered as it is, and why.
    Refused(String),
    /// It was not answered, and not paid: expired, cancelled, or an error that passes.
    Unanswered(String),
}

impl Claude {
    /// From `[update-fiches]` and the environment. Refuses a missing key, one that no header can carry, an address that
    /// is none, a model whose price is not known, a stand-in that cannot be read.
    pub(crate) fn of(world: &World, mode: Mode, schema: Value) -> Result<Claude> {
        let section = &world.config.update_fiches;
        let form = Form::of(section, schema);
        let source = match &section.stand_in {
            Some(_) if mode == Mode::Batch => {
                return Err(Problem::usage(
                    "a `stand_in` answers at once, and has no batches; run it with `--mode direct`, or take \
                     `stand_in` out of [update-fiches]",
                ));
            }
            Some(path) => Source::StandIn(StandIn::read(world, path)?),
            None => Source::Api(Box::new(Api::of(world)?)),
        };
        Ok(Claude { form, source, counted: AtomicU64::new(0) })
    }

    /// What is worth knowing: that a file answers instead (`stand_in`).
    pub(crate) fn note(&self) -> Option<String> {
        match &self.source {
            Source::Api(_) => None,
            Source::StandIn(file) => Some(file.note()),
        }
    }

    /// True when a file answers instead.
    pub(crate) fn is_stand_in(&self) -> bool {
        matches!(self.source, Source::StandIn(_))
    }

    /// The model that is asked.
    pub(crate) fn model(&self) -> &str {
        &self.form.model
    }

    fn api(&self) -> Result<&Api, Setback> {
        match &self.source {
            Source::Api(api) => Ok(api),
            Source::StandIn(_) => {
                Err(Setback::Run("the stand-in has no batches; use `--mode direct`".to_owned()))
            }
        }
    }

    /// Tells what is asked, and of whom, from anything else that could be asked: model, effort, schema and prompt.
    pub(crate) fn fingerprint(&self, prompt: &Prompt) -> String {
        let mut whom = match &self.source {
            Source::Api(_) => self.form.parts().to_vec(),
            Source::StandIn(file) => vec!["stand-in".to_owned(), prompt.id.clone(), file.digest.clone()],
        };
        whom.extend([prompt.instructions.clone(), prompt.request.clone()]);
        // As JSON, no two lists look the same.
        text::hex(&Sha256::digest(Value::from(whom).to_string())[..16])
    }

    /// What an answer has cost.
    pub(crate) fn cost(&self, usage: &Usage, mode: Mode) -> Usd {
        self.api().map_or(Usd::ZERO, |api| api.prices.cost(usage, mode))
    }

    /// What it can cost at most: each byte of the request a token, and the longest answer. Once a request was counted,
    /// that holds for the bytes of its own part only.
    pub(crate) fn most(&self, prompt: &Prompt, mode: Mode) -> Usd {
        let Source::Api(api) = &self.source else { return Usd::ZERO };
        let input = match self.counted.load(Relaxed) {
            0 => self.form.params(prompt, mode).to_string().len() as u64,
            counted => counted + prompt.request.len() as u64,
        };
        api.prices.most(input, self.form.max_tokens(), mode)
    }

    /// What so many tokens of requests and answers will cost about.
    pub(crate) fn about(&self, input: u64, output: u64, mode: Mode) -> Usd {
        self.cost(&Usage { input, output, ..Usage::default() }, mode)
    }

    /// Asks, and tries again where that may help; `after_loss` is told of each answer that was lost on its way, and may
    /// refuse another try.
    pub(crate) fn ask(
        &self,
        world: &World,
        prompt: &Prompt,
        after_loss: &dyn Fn() -> Result<(), String>,
        permit: &Permit,
    ) -> Asked {
        let api = match &self.source {
            Source::Api(api) => api,
            Source::StandIn(file) => return Asked { answer: file.ask(prompt), lost: 0 },
        };
        let address = api.access.address("v1/messages");
        let body = self.form.params(prompt, Mode::Direct).to_string();
        let request = Request::post(&address, "application/json", body);
        let request = api.access.sign(request, Request::header).whole(LARGEST_ANSWER).within(api.timeout);
        let once = || {
            let answer = send_once(world, &request, permit).map_err(|lost| Miss::of(lost, &api.access))?;
            api.message(&api.judged(&answer)?).ok_or_else(Miss::odd)
        };
        let (answer, lost) = api.asking.ask_paying(world, &once, after_loss);
        if answer.as_ref().is_ok_and(|message| message.usage == Usage::default()) {
            log::warn!("Claude does not say what its answer for {} has cost", text::escape(&prompt.id));
        }
        Asked { answer, lost }
    }

    /// The tokens of a request. Free.
    pub(crate) fn count(&self, world: &World, prompt: &Prompt) -> Result<u64, Setback> {
        let Source::Api(api) = &self.source else { return Ok(0) };
        let address = api.access.address("v1/messages/count_tokens");
        let body = Value::Object(self.form.countable(prompt, Mode::Direct));
        let question = || Question::with_json(&address, &body);
        let tokens = api.look(world, &question, &|answer| {
            // A machine between here and Claude may not know of this question.
            if answer.status == 404 {
                return Ok(None);
            }
            api.judged(answer)?["input_tokens"].as_u64().map(Some).ok_or_else(Miss::odd)
        })?;
        let tokens = tokens.ok_or_else(|| Setback::Request("Claude: it does not count tokens".to_owned()))?;
        self.counted.store(tokens, Relaxed);
        Ok(tokens)
    }

    /// What becomes of the model, unless it stays: "deprecated, retires 2026-11-30". Free, and asked once only.
    pub(crate) fn lifecycle(&self, world: &World) -> Result<Option<String>, Setback> {
        let Source::Api(api) = &self.source else { return Ok(None) };
        let address = api.access.address(&format!("v1/models/{}", self.form.model));
        let answer = ask_once(world, &api.access.sign(Question::get(&address), Question::header))
            .map_err(|lost| Miss::of(lost, &api.access));
        let model = answer.and_then(|answer| api.judged(&answer)).map_err(|miss| miss.setback)?;
        Ok(message::lifecycle(&model))
    }
}
