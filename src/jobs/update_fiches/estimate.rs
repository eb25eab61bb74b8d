//! What a run will cost about: a sample of its requests is counted, and answers are as long as the last ones.

use super::account::Tally;
use super::desk::Desk;
use super::fiche::Fiche;
use crate::config::update_fiches::Mode;
use crate::engine::apply::Permit;
use crate::engine::memory;
use crate::money::Usd;
use crate::text;
use crate::world::World;
use crate::world::claude::Setback;
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const TOPIC: &str = "fiches-answers";
/// Requests that are counted; all have nearly the same length.
const SAMPLE: usize = 3;
/// Bytes of French text in a token, where they cannot be counted.
const BYTES_IN_A_TOKEN: u64 = 3;
/// Tokens of an answer, thoughts included, before the first one is known.
const USUAL_ANSWER: u64 = 1_500;

/// How long the answers of a model were.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Length {
    answers: u64,
    output_tokens: u64,
}

/// What a run will cost about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Estimate {
    pub(super) cost: Usd,
    sheets: usize,
    input: u64,
    output: u64,
    /// The tokens were counted by Claude.
    is_counted: bool,
    mode: Mode,
    /// In the other mode.
    otherwise: Usd,
}

impl Estimate {
    /// What it will cost to ask for these.
    pub(super) fn of(world: &World, desk: &Desk, sheets: &[&Fiche]) -> Result<Estimate, Setback> {
        let step = sheets.len().div_ceil(SAMPLE).max(1);
        let (mut tokens, mut is_counted) = (0, true);
        for fiche in sheets.iter().step_by(step) {
            let prompt = desk.template.prompt(fiche, None);
            let length = (prompt.instructions.len() + prompt.request.len()) as u64;
            tokens += match desk.claude.count(world, &prompt) {
                Ok(tokens) => tokens,
                Err(Setback::Request(_)) => {
                    is_counted = false;
                    length / BYTES_IN_A_TOKEN
                }
                Err(setback) => return Err(setback),
            };
        }
        let sample = sheets.iter().step_by(step).count().max(1) as u64;
        let (input, output) = (tokens / sample, usual_answer(world, desk));
        let cost = |mode| desk.claude.about(input, output, mode).times(sheets.len() as u64);
        let other = if desk.mode == Mode::Direct { Mode::Batch } else { Mode::Direct };
        Ok(Estimate {
            cost: cost(desk.mode),
            sheets: sheets.len(),
            input,
            output,
            is_counted,
            mode: desk.mode,
            otherwise: cost(other),
        })
    }

    /// "about $26.93 for 1,584 sheets …"
    pub(super) fn in_words(&self, model: &str) -> String {
        let Estimate { cost, sheets, input, output, is_counted, mode, otherwise } = self;
        let [own, other] = if *mode == Mode::Direct { ["direct", "batch"] } else { ["batch", "direct"] };
        let counted = if *is_counted { "counted" } else { "guessed" };
        format!(
            "about {cost} for {} by {} in mode {own} ({otherwise} in mode {other}): each {} tokens in, {counted}, and about {} out",
            text::plural(*sheets, "sheet"),
            text::escape(model),
            text::thousands(*input),
            text::thousands(*output),
        )
    }
}

fn usual_answer(world: &World, desk: &Desk) -> u64 {
    let known: BTreeMap<String, Length> = memory::recall(world, TOPIC).unwrap_or_default();
    let known = known.get(desk.claude.model()).filter(|known| known.answers > 0);
    known.map_or(USUAL_ANSWER, |known| known.output_tokens / known.answers)
}

/// Remembers how long answers were.
pub(super) fn remember(world: &World, desk: &Desk, tally: &Tally, permit: &Permit) -> Result<()> {
    if tally.answers == 0 {
        return Ok(());
    }
    let length = Length { answers: tally.answers.into(), output_tokens: tally.usage.output };
    memory::remember(world, TOPIC, [(desk.claude.model(), &length)], permit)
}
