//! `[update-fiches]`: which job sheets are refreshed, and how Claude is asked and paid.

use super::secret::SecretRef;
use super::units::Length;
use crate::money::Usd;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The column `agent` of the audit log holds no more.
const LONGEST_AUTHOR: usize = 50;

/// `[update-fiches]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpdateFichesSection {
    /// The database, when the site has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// The API key, which is a secret; default: `$ANTHROPIC_API_KEY`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<SecretRef>,
    /// Where Claude is; default: `$ANTHROPIC_BASE_URL`, else <https://api.anthropic.com>.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The model.
    pub model: String,
    /// How much it thinks before it answers; more costs more.
    pub effort: Effort,
    /// Whether each sheet is asked for by itself, or all together at half the price.
    pub mode: Mode,
    /// The longest answer, in tokens.
    pub max_tokens: u32,
    /// How many answers are under way at the same time in `direct` mode.
    pub connections: usize,
    /// How often a request is made before it has failed.
    pub tries: u32,
    /// An answer is given up after this time.
    pub timeout: Length,
    /// A wait that is longer than this ends the run.
    pub longest_wait: Length,
    /// What one run may cost at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_cost: Option<Usd>,
    /// A sheet is refreshed once in this time.
    pub once_per: Period,
    /// Sheets with one of these statuses are published.
    pub statuses: Vec<String>,
    /// The status of a refreshed sheet.
    pub after: After,
    /// The prompt; default: the one that `maint` brings along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<PathBuf>,
    /// Who has written a refreshed sheet: in its `auteur`, and in the audit log.
    pub author: String,
    /// What an answer may say about the future of a job.
    pub trends: Vec<String>,
    /// A file that answers instead of Claude, for rehearsals without a network: answers by code, as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stand_in: Option<PathBuf>,
    /// What models cost, where it differs from what `maint` knows.
    pub prices: BTreeMap<String, Price>,
}

/// How sheets are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// One request for each, several at the same time; the answers come at once
    #[default]
    Direct,
    /// All in one batch at half the price; the answers are collected by a later run
    Batch,
}

/// How much the model thinks before it answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Effort {
    /// As little as it can.
    #[default]
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
}

/// In which a sheet is refreshed once: of the calendar, in the zone of the site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Period {
    /// From midnight to midnight.
    Day,
    /// From Monday on.
    Week,
    /// From the first day on.
    #[default]
    Month,
}

impl Period {
    /// Its name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Period::Day => "day",
            Period::Week => "week",
            Period::Month => "month",
        }
    }
}

/// The status of a refreshed sheet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum After {
    /// It keeps its own.
    #[default]
    Keep,
    /// It waits for validation, and is not published any more.
    EnValidation,
}

/// `[update-fiches.prices.MODEL]`: what a million tokens cost, in US dollars.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table with `input` and `output` in US dollars")]
pub struct Price {
    /// Of what is asked.
    pub input: Usd,
    /// Of what is answered, thoughts included.
    pub output: Usd,
    /// Of what is kept for five minutes [default: 1.25 times `input`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<Usd>,
    /// Of what is kept for an hour [default: twice `input`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_hour: Option<Usd>,
    /// Of what was kept, when it is asked again [default: `input`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<Usd>,
}

impl Default for UpdateFichesSection {
    fn default() -> UpdateFichesSection {
        UpdateFichesSection {
            database: None,
            api_key: None,
            base_url: None,
            model: "claude-sonnet-5-5".to_owned(),
            effort: Effort::Low,
            mode: Mode::Direct,
            max_tokens: 4_000,
            connections: 16,
            tries: 5,
            timeout: Length::from_minutes(2),
            longest_wait: Length::from_minutes(2),
            max_cost: None,
            once_per: Period::Month,
            statuses: vec!["publiee".to_owned()],
            after: After::Keep,
            prompt: None,
            author: "AgentRedacteurFiche".to_owned(),
            trends: ["emergence", "stable", "disparition"].map(str::to_owned).to_vec(),
            stand_in: None,
            prices: BTreeMap::new(),
        }
    }
}

impl UpdateFichesSection {
    /// Where the key is kept.
    #[must_use]
    pub fn api_key(&self) -> SecretRef {
        self.api_key.clone().unwrap_or_else(|| SecretRef::Env("ANTHROPIC_API_KEY".to_owned()))
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let between = |key: &str, value: u64, least: u64, most: u64| {
            if (least..=most).contains(&value) {
                Ok(())
            } else {
                Err(format!("`{key}` of [update-fiches] is {value}; write a number from {least} to {most}"))
            }
        };
        // Beyond, an answer takes longer than a request may without streaming, as Anthropic's documentation says.
        between("max_tokens", self.max_tokens.into(), 500, 21_333)?;
        between("connections", self.connections as u64, 1, 64)?;
        between("tries", self.tries.into(), 1, 20)?;
        if self.timeout.is_zero() {
            return Err("`timeout` of [update-fiches] is nothing: every request would fail".to_owned());
        }
        for (key, list) in [("statuses", &self.statuses), ("trends", &self.trends)] {
            if list.is_empty() || list.iter().any(String::is_empty) {
                return Err(format!("`{key}` of [update-fiches] names nothing; write at least one word"));
            }
        }
        if self.author.chars().count() > LONGEST_AUTHOR {
            return Err(format!(
                "`author` of [update-fiches] has more than {LONGEST_AUTHOR} characters, which the audit log cannot hold; shorten it"
            ));
        }
        if self.model.is_empty() || self.author.is_empty() {
            return Err(
                "`model` or `author` of [update-fiches] is empty; leave it out or fill it in".to_owned()
            );
        }
        Ok(())
    }
}
