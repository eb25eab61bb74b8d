//! The bodies of requests, refused in the original's form when they are wrong.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// What is wrong is told again when it is no longer than this.
const LONGEST_INPUT: usize = 200;

/// What is wrong with a body: a list, as the original makes it.
#[derive(Debug)]
pub(super) struct Faults(Vec<Value>);

impl IntoResponse for Faults {
    fn into_response(self) -> Response {
        (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "detail": self.0 }))).into_response()
    }
}

/// The fields of a body: texts, each under its name.
#[derive(Debug)]
pub(super) struct Fields {
    object: Map<String, Value>,
    faults: Vec<Value>,
}

impl Fields {
    /// Reads an object with fields of these names and no others.
    pub(super) fn read(bytes: &[u8], known: &[&str]) -> Result<Fields, Faults> {
        let whole =
            |kind: &str, message: &str, input: &Value| Faults(vec![fault(kind, &["body"], message, input)]);
        if bytes.is_empty() {
            return Err(whole("missing", "Field required", &Value::Null));
        }
        let object = match serde_json::from_slice(bytes) {
            Ok(Value::Object(object)) => object,
            Ok(other) => {
                let message = "Input should be a valid dictionary or object to extract fields from";
                return Err(whole("model_attributes_type", message, &other));
            }
            Err(error) => return Err(Faults(vec![no_json(&error)])),
        };
        let unknown = object.iter().filter(|(name, _)| !known.contains(&name.as_str()));
        let unknown = unknown.map(|(name, value)| {
            fault("extra_forbidden", &["body", name], "Extra inputs are not permitted", value)
        });
        let faults = unknown.collect();
        Ok(Fields { object, faults })
    }

    /// A text that must be there.
    pub(super) fn text(&mut self, name: &str) -> String {
        if !self.object.contains_key(name) {
            let input = Value::Object(self.object.clone());
            self.faults.push(fault("missing", &["body", name], "Field required", &input));
            return String::new();
        }
        let value = &self.object[name];
        if let Some(text) = value.as_str() {
            return text.to_owned();
        }
        self.faults.push(no_text(name, value));
        String::new()
    }

    /// A text that may be missing, or `null`.
    pub(super) fn text_if_any(&mut self, name: &str) -> Option<String> {
        match self.object.get(name) {
            None | Some(Value::Null) => None,
            Some(_) => Some(self.text(name)),
        }
    }

    /// Everything has been read: what was wrong, if anything was.
    pub(super) fn end(self) -> Result<(), Faults> {
        if self.faults.is_empty() { Ok(()) } else { Err(Faults(self.faults)) }
    }
}

fn no_text(name: &str, value: &Value) -> Value {
    fault("string_type", &["body", name], "Input should be a valid string", value)
}

fn no_json(error: &serde_json::Error) -> Value {
    let place = json!(["body", error.column()]);
    let why = crate::text::escape(&error.to_string()).into_owned();
    json!({ "type": "json_invalid", "loc": place, "msg": "JSON decode error", "input": {}, "ctx": { "error": why } })
}

fn fault(kind: &str, place: &[&str], message: &str, input: &Value) -> Value {
    let place: Vec<String> = place.iter().map(|part| crate::text::cut(part, LONGEST_INPUT)).collect();
    let is_short = input.to_string().len() <= LONGEST_INPUT;
    json!({ "type": kind, "loc": place, "msg": message, "input": if is_short { input } else { &Value::Null } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(body: &str) -> String {
        let read = || {
            let mut fields = Fields::read(body.as_bytes(), &["action", "service"])?;
            let _ = (fields.text("action"), fields.text_if_any("service"));
            fields.end()
        };
        read().map_or_else(|Faults(faults)| Value::Array(faults).to_string(), |()| String::new())
    }

    #[test]
    fn a_wrong_body_is_refused_in_the_recorded_form() {
        assert_eq!(faults(r#"{"action":"pull"}"#), "");
        assert_eq!(faults(r#"{"action":"pull","service":null}"#), "");
        let recorded = r#"[{"type":"missing","loc":["body","action"],"msg":"Field required","input":{}}]"#;
        assert_eq!(faults("{}"), recorded);
        assert_eq!(faults(""), r#"[{"type":"missing","loc":["body"],"msg":"Field required","input":null}]"#);
        let number = r#"[{"type":"string_type","loc":["body","action"],"msg":"Input should be a valid string","input":5}]"#;
        assert_eq!(faults(r#"{"action":5}"#), number);
        assert!(faults("[1]").starts_with(r#"[{"type":"model_attributes_type","loc":["body"],"#));
        assert!(
            faults("{").starts_with(r#"[{"type":"json_invalid","loc":["body",1],"msg":"JSON decode error","#)
        );
        assert!(faults(r#"{"action":"restart","servce":"api"}"#).contains(r#""loc":["body","servce"]"#));
        assert!(faults(r#"{"action":"restart","service":["api"]}"#).contains("string_type"));
    }

    #[test]
    fn what_is_told_again_is_short() {
        let long = "x".repeat(10_000);
        assert!(faults(&format!(r#"{{"action":["{long}"],"{long}":1}}"#)).len() < 1_000);
    }
}
