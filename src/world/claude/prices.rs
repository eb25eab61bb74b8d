//! What models cost by Anthropic's list of prices, unless `[update-fiches.prices]` says otherwise.

use super::message::Usage;
use crate::config::update_fiches::{Mode, Price, UpdateFichesSection};
use crate::error::Problem;
use crate::money::Usd;
use anyhow::Result;

/// US dollars for a million tokens: input, output, kept for five minutes, kept for an hour, kept before.
const KNOWN: [(&str, [f64; 5]); 7] = [
    ("claude-opus-5-5", [4.0, 20.0, 5.0, 8.0, 0.2]),
    ("claude-sonnet-5-5", [2.0, 10.0, 2.5, 4.0, 0.1]),
    ("claude-haiku-5-5", [0.1, 0.5, 0.125, 0.2, 0.01]),
    // What it costs to keep something is not told: the usual, and nothing is saved.
    ("claude-fable-5-2", [8.0, 40.0, 10.0, 16.0, 8.0]),
    ("claude-opus-5", [5.0, 25.0, 6.25, 10.0, 0.5]),
    ("claude-sonnet-5", [2.0, 10.0, 2.5, 4.0, 0.2]),
    ("claude-haiku-4-5", [1.0, 5.0, 1.25, 2.0, 0.1]),
];

/// A request of this model that is longer than so many tokens costs so many percent.
const LONG: (&str, u64, u32) = ("claude-haiku-5-5", 100_000, 500);

/// A batch costs half of everything.
const BATCH: u32 = 50;

/// What a model costs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prices {
    input: Usd,
    output: Usd,
    cache_write: Usd,
    cache_write_hour: Usd,
    cache_read: Usd,
    /// Beyond so many tokens a request costs so many percent.
    long: Option<(u64, u32)>,
}

impl Prices {
    /// Of the model of `[update-fiches]`.
    pub(super) fn of(section: &UpdateFichesSection) -> Result<Prices> {
        let model = section.model.as_str();
        if let Some(price) = section.prices.get(model) {
            return Ok(Prices::own(price));
        }
        known(model).ok_or_else(|| {
            Problem::usage(format!(
                "it is not known what {} costs; write its `input` and `output` for a million tokens into \
                 [update-fiches.prices.\"{}\"], or correct `model`",
                crate::text::escape(model),
                crate::text::escape(model)
            ))
        })
    }

    fn own(price: &Price) -> Prices {
        let Price { input, output, cache_write, cache_write_hour, cache_read } = *price;
        Prices {
            input,
            output,
            cache_write: cache_write.unwrap_or(input.percent(125)),
            cache_write_hour: cache_write_hour.unwrap_or(input.times(2)),
            cache_read: cache_read.unwrap_or(input),
            long: None,
        }
    }

    /// What these tokens cost.
    pub(super) fn cost(&self, usage: &Usage, mode: Mode) -> Usd {
        let sum = self.input.for_tokens(usage.input)
            + self.cache_write.for_tokens(usage.cache_write)
            + self.cache_write_hour.for_tokens(usage.cache_write_hour)
            + self.cache_read.for_tokens(usage.cache_read)
            + self.output.for_tokens(usage.output);
        self.as_long(sum, usage.whole_input(), mode)
    }

    /// What so many tokens cost at most, wherever they are kept.
    pub(super) fn most(&self, input: u64, output: u64, mode: Mode) -> Usd {
        let kept = if mode == Mode::Batch { self.cache_write_hour } else { self.cache_write };
        let dearest = self.input.max(kept).max(self.cache_read);
        self.as_long(dearest.for_tokens(input) + self.output.for_tokens(output), input, mode)
    }

    fn as_long(&self, sum: Usd, input: u64, mode: Mode) -> Usd {
        let sum = match self.long {
            Some((most, percent)) if input > most => sum.percent(percent),
            _ => sum,
        };
        if mode == Mode::Batch { sum.percent(BATCH) } else { sum }
    }
}

/// A model by its name, or by its name and the day it was made on.
fn known(model: &str) -> Option<Prices> {
    let is_day = |day: &str| day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit());
    let name = model.rsplit_once('-').filter(|(_, day)| is_day(day)).map_or(model, |(name, _)| name);
    let (_, prices) = KNOWN.iter().find(|(known, _)| *known == name)?;
    // Each of them is an amount.
    let [input, output, cache_write, cache_write_hour, cache_read] =
        prices.map(|price| Usd::try_from(price).unwrap_or_default());
    let long = (name == LONG.0).then_some((LONG.1, LONG.2));
    Some(Prices { input, output, cache_write, cache_write_hour, cache_read, long })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(amount: f64) -> Usd {
        Usd::try_from(amount).unwrap()
    }

    const USAGE: Usage =
        Usage { input: 1_000, cache_write: 100, cache_write_hour: 10, cache_read: 2_000, output: 500 };

    #[test]
    fn each_kind_of_token_has_its_price_and_a_batch_costs_half() {
        let prices = known("claude-sonnet-5-5").unwrap();
        assert_eq!(prices.cost(&USAGE, Mode::Direct), usd(0.002 + 0.000_25 + 0.000_04 + 0.000_2 + 0.005));
        assert_eq!(prices.cost(&USAGE, Mode::Batch), usd(0.003_745));
        assert_eq!(prices.most(1_000, 4_000, Mode::Direct), usd(0.002_5 + 0.04));
        assert_eq!(prices.most(1_000, 4_000, Mode::Batch), usd(0.022));
    }

    #[test]
    fn a_model_may_carry_its_day_and_another_one_wants_its_price() {
        assert!(known("claude-haiku-4-5-20251001").is_some());
        assert!(known("claude-haiku-4-5-fast").is_none() && known("claude-sonnet-4-20250514").is_none());
        let mut section =
            UpdateFichesSection { model: "claude-next".to_owned(), ..UpdateFichesSection::default() };
        let why = Prices::of(&section).unwrap_err().to_string();
        assert!(why.contains("[update-fiches.prices.\"claude-next\"]"), "{why}");
        let price = Price {
            input: usd(1.0),
            output: usd(2.0),
            cache_write: None,
            cache_write_hour: None,
            cache_read: None,
        };
        section.prices.insert("claude-next".to_owned(), price);
        let own = Prices::of(&section).unwrap();
        assert_eq!(
            own.cost(&USAGE, Mode::Direct),
            usd(0.001 + 0.000_125 + 0.000_02 + 0.002 + 0.001),
            "kept for 1.25 and 2 times the price, and nothing is saved"
        );
    }

    #[test]
    fn a_long_request_to_haiku_costs_five_times_as_much() {
        let prices = known("claude-haiku-5-5").unwrap();
        let usage = |input| Usage { input, ..Usage::default() };
        assert_eq!(prices.cost(&usage(100_000), Mode::Direct), usd(0.01));
        assert_eq!(prices.cost(&usage(200_000), Mode::Direct), usd(0.1));
        assert_eq!(prices.most(200_000, 0, Mode::Direct), usd(0.125));
    }
}
