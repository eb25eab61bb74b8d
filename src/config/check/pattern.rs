//! A regular expression, as `[checks.NAME]` has them.

use regex::bytes::RegexBuilder;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A larger one would take more memory than the checks are worth.
const LARGEST: usize = 1 << 20;

/// A regular expression; classes, case and word boundaries are those of ASCII.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("examples" = ["(?i)timed out"]))]
pub struct Pattern(String);

impl Pattern {
    /// As it is written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// What matches `pattern`.
    pub fn compile(pattern: &str) -> Result<regex::bytes::Regex, regex::Error> {
        RegexBuilder::new(pattern).unicode(false).size_limit(LARGEST).build()
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;
    fn try_from(text: String) -> Result<Pattern, String> {
        match Pattern::compile(&text) {
            // It would match every line.
            Ok(pattern) if pattern.is_match(b"") => {
                Err(format!("the regular expression \"{text}\" matches everything; name what is meant"))
            }
            Ok(_) => Ok(Pattern(text)),
            Err(error) => Err(format!("\"{text}\" is no regular expression: {}", why(&error))),
        }
    }
}

/// The last line says what is wrong; those before it draw where.
fn why(error: &regex::Error) -> String {
    let words = error.to_string();
    let last = words.lines().last().unwrap_or_default().trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> String {
        pattern.0
    }
}
