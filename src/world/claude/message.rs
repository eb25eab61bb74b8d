//! An answer, and what it took.

use crate::{logging, text};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::ops::AddAssign;

/// What is kept of a word or a name that Claude tells.
const MOST_NAME: usize = 100;
/// What is kept of a reason.
const MOST_WORDS: usize = 200;
/// More tokens than any answer has: no sum of a run overflows, whatever a server tells.
const MOST_TOKENS: u64 = 1 << 40;

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Message {
    /// Its own id, such as `msg_01AbC`.
    pub(crate) id: String,
    /// The model that has answered.
    pub(crate) model: String,
    /// The text; empty when there is none.
    pub(crate) text: String,
    pub(crate) ending: Ending,
    pub(crate) usage: Usage,
}

/// Why the answer ends where it ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ending {
    /// It is whole.
    Whole,
    /// It became too long.
    Cut,
    /// Claude does not want to answer, and why, when it says so.
    Refused(Option<String>),
    /// Something that `maint` does not know.
    Other(String),
}

/// Tokens that are paid for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Usage {
    pub(crate) input: u64,
    pub(crate) cache_write: u64,
    pub(crate) cache_write_hour: u64,
    pub(crate) cache_read: u64,
    pub(crate) output: u64,
}

impl Usage {
    /// Everything that was asked, however it was paid.
    pub(crate) fn whole_input(&self) -> u64 {
        let Usage { input, cache_write, cache_write_hour, cache_read, output: _ } = *self;
        [input, cache_write, cache_write_hour, cache_read].into_iter().fold(0, u64::saturating_add)
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Usage) {
        let add = |one: &mut u64, other: u64| *one = one.saturating_add(other);
        add(&mut self.input, other.input);
        add(&mut self.cache_write, other.cache_write);
        add(&mut self.cache_write_hour, other.cache_write_hour);
        add(&mut self.cache_read, other.cache_read);
        add(&mut self.output, other.output);
    }
}

impl Message {
    /// Reads an answer; `None` for what is none, such as an error or a page for people.
    pub(super) fn read(answer: &Value) -> Option<Message> {
        let content = answer.get("content")?.as_array()?;
        let stop_reason = answer.get("stop_reason")?.as_str()?;
        Some(Message {
            id: name(&answer["id"]),
            model: name(&answer["model"]),
            text: text(content),
            ending: Ending::read(stop_reason, &answer["stop_details"]),
            usage: Usage::read(&answer["usage"]),
        })
    }
}

/// The first text and what follows on it at once: thoughts may come before it.
fn text(content: &[Value]) -> String {
    let is_text = |block: &&Value| block["type"] == "text";
    let texts = content.iter().skip_while(|block| !is_text(block)).take_while(is_text);
    let text: String = texts.filter_map(|block| block["text"].as_str()).collect();
    // It is written to a database that others read: not even an answer brings a secret there.
    logging::redacted(&text).into_owned()
}

/// A word that Claude tells, as it may be printed and kept.
pub(super) fn name(value: &Value) -> String {
    shown(value.as_str().unwrap_or_default(), MOST_NAME)
}

/// What becomes of a model, unless it is active.
pub(super) fn lifecycle(model: &Value) -> Option<String> {
    let state = name(&model["lifecycle"]);
    let day: String = name(&model["retires_at"]).chars().take("2026-11-30".len()).collect();
    match state.as_str() {
        "" | "active" => None,
        _ if day.is_empty() => Some(state),
        _ => Some(format!("{state}, retires {day}")),
    }
}

fn shown(words: &str, most: usize) -> String {
    // Not even here may a server bring a secret back.
    text::escape(&text::cut(&logging::redacted(words.trim()), most)).into_owned()
}

impl Ending {
    fn read(stop_reason: &str, details: &Value) -> Ending {
        match stop_reason {
            "end_turn" => Ending::Whole,
            "max_tokens" | "model_context_window_exceeded" => Ending::Cut,
            "refusal" => Ending::Refused(why_refused(details)),
            other => Ending::Other(shown(other, MOST_NAME)),
        }
    }
}

/// "cyber: Such a text could …"
fn why_refused(details: &Value) -> Option<String> {
    let words = ["category", "explanation"].iter().filter_map(|key| details[*key].as_str());
    let words: Vec<&str> = words.filter(|words| !words.trim().is_empty()).collect();
    (!words.is_empty()).then(|| shown(&words.join(": "), MOST_WORDS))
}

impl Usage {
    fn read(usage: &Value) -> Usage {
        let count = |value: &Value| value.as_u64().unwrap_or(0).min(MOST_TOKENS);
        let kept = &usage["cache_creation"];
        let cache_write_hour = count(&kept["ephemeral_1h_input_tokens"]);
        // The sum of both is older than the two.
        let rest = count(&usage["cache_creation_input_tokens"]).saturating_sub(cache_write_hour);
        Usage {
            input: count(&usage["input_tokens"]),
            cache_write: count(&kept["ephemeral_5m_input_tokens"]).max(rest),
            cache_write_hour,
            cache_read: count(&usage["cache_read_input_tokens"]),
            output: count(&usage["output_tokens"]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn with(key: &str, value: &Value) -> Option<Message> {
        let mut answer = json!({"content": [], "stop_reason": "end_turn"});
        answer[key] = value.clone();
        Message::read(&answer)
    }

    fn ending(stop_reason: &str) -> Ending {
        with("stop_reason", &json!(stop_reason)).unwrap().ending
    }

    #[test]
    fn thoughts_are_skipped_and_text_goes_on_until_something_else_comes() {
        let read = |content: Value| with("content", &content).map(|message| message.text);
        let text = |text: &str| json!({"type": "text", "text": text});
        let thought = json!({"type": "thinking", "thinking": "{\"no\":1}"});
        let tool = json!({"type": "tool_use", "input": {}});
        let wrong = json!({"type": "text", "text": 5});
        assert_eq!(read(json!([thought, text("{}")])).as_deref(), Some("{}"));
        assert_eq!(read(json!([text("{"), text("}"), tool, text("x")])).as_deref(), Some("{}"));
        for nothing in [json!([]), json!([thought]), json!([wrong]), json!([null, 7, []])] {
            assert_eq!(read(nothing.clone()).as_deref(), Some(""), "{nothing}");
        }
        assert_eq!(read(json!("text")), None);
        for none in [json!(null), json!([]), json!({"type": "error", "error": {}}), json!({"content": []})] {
            assert_eq!(Message::read(&none), None, "{none}");
        }
        assert_eq!(with("stop_reason", &json!(5)), None);
    }

    #[test]
    fn every_stop_reason_is_understood_or_kept() {
        assert_eq!(ending("end_turn"), Ending::Whole);
        assert_eq!(ending("max_tokens"), Ending::Cut);
        assert_eq!(ending("model_context_window_exceeded"), Ending::Cut);
        assert_eq!(ending("refusal"), Ending::Refused(None));
        assert_eq!(ending("pause\u{1b}"), Ending::Other("pause\\x1b".to_owned()));
        let refused = json!({"content": [], "stop_reason": "refusal",
            "stop_details": {"category": "cyber", "explanation": "no\nmore"}});
        let why = Ending::Refused(Some("cyber: no\\nmore".to_owned()));
        assert_eq!(Message::read(&refused).unwrap().ending, why);
    }

    #[test]
    fn tokens_are_counted_by_their_price_and_nonsense_counts_nothing() {
        let read = |usage: Value| with("usage", &usage).unwrap().usage;
        let known = json!({"input_tokens": 1, "cache_creation_input_tokens": 10, "cache_read_input_tokens": 4,
            "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 8}, "output_tokens": 5});
        let usage = Usage { input: 1, cache_write: 2, cache_write_hour: 8, cache_read: 4, output: 5 };
        assert_eq!(read(known), usage);
        assert_eq!(usage.whole_input(), 15);
        assert_eq!(read(json!({"cache_creation_input_tokens": 10})).cache_write, 10);
        for nonsense in [json!(null), json!([]), json!({"input_tokens": -5, "output_tokens": "7"})] {
            assert_eq!(read(nonsense.clone()), Usage::default(), "{nonsense}");
        }
        let huge = read(json!({"input_tokens": u64::MAX, "output_tokens": 1e300, "cache_creation": 7}));
        assert_eq!(huge, Usage { input: MOST_TOKENS, ..Usage::default() });
    }
}
