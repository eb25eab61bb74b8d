//! What is asked, as Claude reads it.

use super::Prompt;
use crate::config::update_fiches::{Effort, Mode, UpdateFichesSection};
use serde_json::{Map, Value, json};

/// What is the same in every request.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) model: String,
    max_tokens: u32,
    effort: &'static str,
    schema: Value,
}

impl Form {
    pub(super) fn of(section: &UpdateFichesSection, schema: Value) -> Form {
        let effort = match section.effort {
            Effort::Low => "low",
            Effort::Medium => "medium",
            Effort::High => "high",
        };
        Form { model: section.model.clone(), max_tokens: section.max_tokens, effort, schema }
    }

    /// The longest answer, in tokens.
    pub(super) fn max_tokens(&self) -> u64 {
        self.max_tokens.into()
    }

    /// Model, effort and form of the answer, for a fingerprint.
    pub(super) fn parts(&self) -> [String; 3] {
        [self.model.clone(), self.effort.to_owned(), self.schema.to_string()]
    }

    /// One request. In a batch the instructions are kept for an hour, since nobody knows when it is their turn. Sampling
    /// parameters would be refused, even with their usual values.
    pub(super) fn params(&self, prompt: &Prompt, mode: Mode) -> Value {
        let mut params = self.countable(prompt, mode);
        params.insert("max_tokens".to_owned(), self.max_tokens.into());
        Value::Object(params)
    }

    /// The same, as far as its tokens can be counted.
    pub(super) fn countable(&self, prompt: &Prompt, mode: Mode) -> Map<String, Value> {
        let kept = match mode {
            Mode::Direct => json!({"type": "ephemeral"}),
            Mode::Batch => json!({"type": "ephemeral", "ttl": "1h"}),
        };
        let mut params = Map::new();
        params.insert("model".to_owned(), self.model.as_str().into());
        // A block without text is refused.
        if !prompt.instructions.is_empty() {
            let block = json!({"type": "text", "text": prompt.instructions, "cache_control": kept});
            params.insert("system".to_owned(), json!([block]));
        }
        params.insert("messages".to_owned(), json!([{"role": "user", "content": prompt.request}]));
        let format = json!({"type": "json_schema", "schema": self.schema});
        params.insert("output_config".to_owned(), json!({"effort": self.effort, "format": format}));
        params
    }

    /// All requests of a batch: written one after the other, since all of them together are large.
    pub(super) fn batch(&self, prompts: &[Prompt]) -> Vec<u8> {
        let mut body = br#"{"requests":["#.to_vec();
        for (index, prompt) in prompts.iter().enumerate() {
            if index > 0 {
                body.push(b',');
            }
            let params = self.params(prompt, Mode::Batch);
            body.extend(json!({"custom_id": prompt.id, "params": params}).to_string().into_bytes());
        }
        body.extend(b"]}");
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(instructions: &str) -> Prompt {
        let request = "Fiche \"A1101\"\n".to_owned();
        Prompt { id: "A1101".to_owned(), instructions: instructions.to_owned(), request }
    }

    fn form() -> Form {
        Form::of(&UpdateFichesSection::default(), json!({"type": "object"}))
    }

    #[test]
    fn a_request_says_what_claude_wants_to_know_and_nothing_else() {
        let expected = json!({
            "model": "claude-sonnet-5-5",
            "system": [{"type": "text", "text": "Tu rédiges", "cache_control": {"type": "ephemeral"}}],
            "messages": [{"role": "user", "content": "Fiche \"A1101\"\n"}],
            "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}},
            "max_tokens": 4000,
        });
        assert_eq!(form().params(&prompt("Tu rédiges"), Mode::Direct), expected);
        let bare = form().params(&prompt(""), Mode::Direct);
        assert_eq!(bare.get("system"), None, "a block without text is refused");
        let countable = Value::Object(form().countable(&prompt(""), Mode::Direct));
        assert_eq!((countable.get("max_tokens"), &countable["model"]), (None, &expected["model"]));
    }

    #[test]
    fn a_batch_holds_all_requests_and_keeps_the_instructions_for_an_hour() {
        let batch: Value = serde_json::from_slice(&form().batch(&[prompt("x"), prompt("x")])).unwrap();
        let requests = batch["requests"].as_array().unwrap();
        assert_eq!((requests.len(), &requests[1]["custom_id"]), (2, &json!("A1101")));
        let kept = json!({"type": "ephemeral", "ttl": "1h"});
        assert_eq!(requests[0]["params"]["system"][0]["cache_control"], kept);
        assert_eq!(form().batch(&[]), br#"{"requests":[]}"#);
    }
}
