//! One thing that was measured: its value, its threshold, and whether it is well.

use crate::{logging, text};
use serde::{Serialize, Serializer};
use std::time::Duration;

/// What is shown of what a thing is called, and of what is wrong with it.
const LONGEST_NAME: usize = 100;
const LONGEST_DETAIL: usize = 500;
/// Whole numbers up to this one are written without a point.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Ok,
    Bad,
    /// It could not be measured.
    Unknown,
}

impl State {
    pub(crate) fn word(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Bad => "bad",
            State::Unknown => "unknown",
        }
    }
}

/// What a value is a number of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Unit {
    Percent,
    Seconds,
    Bytes,
    Count,
    /// 1 for what is up, 0 for what is not.
    Up,
}

impl Unit {
    /// A value for people: rounded up, so that what is too much is never shown as if it were not.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "no value is negative but what has expired, which is shown as 0"
    )]
    fn shown(self, value: f64) -> String {
        match self {
            Unit::Percent => format!("{}%", value.ceil()),
            Unit::Seconds => text::duration(Duration::try_from_secs_f64(value).unwrap_or_default()),
            Unit::Bytes => text::size(value as u64),
            Unit::Count => text::thousands(value as u64),
            Unit::Up => (if value > 0.0 { "up" } else { "down" }).to_owned(),
        }
    }
}

/// Something that was often seen, and an example of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Excerpt {
    pub(crate) count: u64,
    pub(crate) text: String,
}

/// One thing that was measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    /// NAME of `[checks.NAME]`.
    pub(crate) check: String,
    /// The same, and which of the things that it looks at.
    pub(crate) name: String,
    #[serde(serialize_with = "number")]
    pub(crate) value: Option<f64>,
    pub(crate) unit: Unit,
    /// None for what is only told.
    #[serde(serialize_with = "number")]
    pub(crate) limit: Option<f64>,
    /// Whether more than the limit is bad, or less.
    pub(crate) above: bool,
    pub(crate) state: State,
    /// What there is to add, escaped.
    pub(crate) detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) excerpts: Vec<Excerpt>,
}

#[expect(clippy::ref_option, reason = "serde hands it over like this")]
fn number<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole, and not too large")]
        Some(value) if value.fract() == 0.0 && value.abs() < WHOLE => serializer.serialize_i64(*value as i64),
        Some(value) => serializer.serialize_f64(*value),
        None => serializer.serialize_none(),
    }
}

impl Row {
    /// Something of which nothing is known yet; `item` is which of the things that the check looks at.
    pub(super) fn new(check: &str, item: &str, unit: Unit) -> Row {
        let item = text::cut(&text::escape(item), LONGEST_NAME);
        Row {
            check: check.to_owned(),
            name: if item.is_empty() { check.to_owned() } else { format!("{check}: {item}") },
            value: None,
            unit,
            limit: None,
            above: true,
            state: State::Ok,
            detail: String::new(),
            excerpts: Vec::new(),
        }
    }

    /// It is so much; of hundredths, two digits are enough.
    pub(super) fn value(self, value: f64) -> Row {
        let value = if self.unit == Unit::Percent { (value * 100.0).round() / 100.0 } else { value };
        Row { value: Some(value), ..self }
    }

    /// More than this is bad.
    pub(super) fn most(self, limit: f64) -> Row {
        let state = if self.value.is_some_and(|value| value > limit) { State::Bad } else { self.state };
        Row { limit: Some(limit), above: true, state, ..self }
    }

    /// Less than this is bad.
    pub(super) fn least(self, limit: f64) -> Row {
        let state = if self.value.is_some_and(|value| value < limit) { State::Bad } else { self.state };
        Row { limit: Some(limit), above: false, state, ..self }
    }

    /// What there is to add.
    pub(super) fn detail(self, words: &str) -> Row {
        // Before it is cut: the beginning of a secret would not be known as one.
        let words = logging::redacted(words);
        Row { detail: text::cut(&text::escape(&words), LONGEST_DETAIL), ..self }
    }

    /// It is not well, and why.
    pub(super) fn bad(self, why: &str) -> Row {
        Row { state: State::Bad, ..self.detail(why) }
    }

    /// It cannot be measured, and why.
    pub(super) fn unknown(self, why: &str) -> Row {
        Row { state: State::Unknown, ..self.detail(why) }
    }

    /// The value in words.
    pub(crate) fn value_in_words(&self) -> String {
        self.value.map_or_else(|| "-".to_owned(), |value| self.unit.shown(value))
    }

    /// The limit in words.
    pub(crate) fn limit_in_words(&self) -> String {
        let side = if self.above { "at most" } else { "at least" };
        match (self.limit, self.unit) {
            (None, _) => "-".to_owned(),
            (Some(_), Unit::Up) => "up".to_owned(),
            (Some(limit), unit) => format!("{side} {}", unit.shown(limit)),
        }
    }

    /// What is wrong, in a line: "95% (at most 90%): 1.2 GB are free".
    pub(crate) fn trouble(&self) -> String {
        let numbers = match (self.value, self.limit, self.unit) {
            (Some(_), Some(_), Unit::Up) | (None, ..) | (_, None, _) => String::new(),
            _ => format!("{} ({})", self.value_in_words(), self.limit_in_words()),
        };
        let parts = [numbers, self.detail.clone()];
        let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        parts.join(": ")
    }
}
