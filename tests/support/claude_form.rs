//! What a request to Claude must be, and what an answer looks like: the rules of the version of 2026-10-21.

use crate::support::hash;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Beyond that many tokens an answer must be streamed, which `maint` does not.
const MOST_TOKENS: u64 = 21_333;
/// Formats of a text that a schema may ask for.
const FORMATS: [&str; 9] =
    ["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6"];
const TYPES: [&str; 7] = ["object", "array", "string", "integer", "number", "boolean", "null"];

/// Refuses a message's parameters as Anthropic does; `counts` when only its tokens are to be counted.
pub(crate) fn check(params: &Value, counts: bool) -> Result<(), String> {
    let map = params.as_object().ok_or("the body is not an object")?;
    for sampling in ["temperature", "top_p", "top_k"] {
        if map.contains_key(sampling) {
            return Err(format!("{sampling}: sampling parameters are not supported in this version"));
        }
    }
    let own: &[&str] =
        if counts { &[] } else { &["max_tokens", "metadata", "service_tier", "stop_sequences"] };
    only(map, "", &[&["model", "messages", "system", "output_config", "thinking"], own].concat())?;
    if map.get("model").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err("model: Field required".to_owned());
    }
    let tokens = map.get("max_tokens").and_then(Value::as_u64).unwrap_or_default();
    if !counts && !(1..=MOST_TOKENS).contains(&tokens) {
        return Err(format!("max_tokens: {tokens} is not between 1 and {MOST_TOKENS}"));
    }
    check_messages(&params["messages"])?;
    check_system(&params["system"])?;
    if params.get("thinking").is_some_and(|thinking| *thinking != json!({"type": "adaptive"})) {
        return Err("thinking: only adaptive is known".to_owned());
    }
    check_output(&params["output_config"])
}

/// The user begins and has the last word, and the two take turns.
fn check_messages(messages: &Value) -> Result<(), String> {
    let messages = messages.as_array().filter(|all| !all.is_empty()).ok_or("messages: Field required")?;
    for (at, message) in messages.iter().enumerate() {
        only(message.as_object().ok_or("messages: not an object")?, "messages.", &["role", "content"])?;
        let expected = if at % 2 == 0 { "user" } else { "assistant" };
        if message["role"] != expected {
            return Err(format!("messages.{at}.role: it should be {expected}"));
        }
        check_content(&message["content"], &format!("messages.{at}.content"))?;
    }
    if messages.len() % 2 == 0 {
        return Err("This model does not support assistant message prefill.".to_owned());
    }
    Ok(())
}

fn check_system(system: &Value) -> Result<(), String> {
    if system.is_null() { Ok(()) } else { check_content(system, "system") }
}

/// A text, or blocks of text.
fn check_content(content: &Value, place: &str) -> Result<(), String> {
    if content.as_str().is_some_and(|text| !text.is_empty()) {
        return Ok(());
    }
    let blocks = content.as_array().filter(|all| !all.is_empty()).ok_or(format!("{place}: it is empty"))?;
    for block in blocks {
        let map = block.as_object().ok_or(format!("{place}: not an object"))?;
        only(map, place, &["type", "text", "cache_control"])?;
        if block["type"] != "text" || block["text"].as_str().is_none_or(str::is_empty) {
            return Err(format!("{place}: text content blocks must be non-empty"));
        }
        let Some(cache) = map.get("cache_control") else { continue };
        only(cache.as_object().ok_or("cache_control")?, "cache_control.", &["type", "ttl"])?;
        let ttl = cache["ttl"].as_str().unwrap_or("5m");
        if cache["type"] != "ephemeral" || !["5m", "1h"].contains(&ttl) {
            return Err(format!("{place}.cache_control: {cache}"));
        }
    }
    Ok(())
}

fn check_output(output: &Value) -> Result<(), String> {
    let map = output.as_object().ok_or("output_config: the test wants structured output")?;
    only(map, "output_config.", &["effort", "format"])?;
    if let Some(effort) = map.get("effort")
        && !["low", "medium", "high", "max"].iter().any(|known| effort == known)
    {
        return Err(format!("output_config.effort: {effort}"));
    }
    let format =
        map.get("format").and_then(Value::as_object).ok_or("output_config.format: Field required")?;
    only(format, "output_config.format.", &["type", "schema"])?;
    if format.get("type") != Some(&json!("json_schema")) {
        return Err("output_config.format.type: it should be json_schema".to_owned());
    }
    check_schema(format.get("schema").unwrap_or(&Value::Null))
}

/// Only what structured output knows: limits of lengths and values are not among it.
fn check_schema(schema: &Value) -> Result<(), String> {
    let map = schema.as_object().ok_or("output_config.format.schema: not an object")?;
    let known = [
        "type",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "enum",
        "const",
        "anyOf",
        "allOf",
        "$defs",
        "$ref",
        "title",
        "description",
        "format",
        "minItems",
    ];
    only(map, "schema: ", &known)?;
    let mut kinds = listed(&schema["type"]);
    if let Some(kind) = kinds.find(|kind| !TYPES.iter().any(|known| kind == known)) {
        return Err(format!("schema: the type {kind} is not known"));
    }
    let is_object = listed(&schema["type"]).any(|kind| kind == "object") || map.contains_key("properties");
    if is_object && schema["additionalProperties"] != json!(false) {
        return Err(
            "schema: For 'object' type, 'additionalProperties' must be explicitly set to false".into()
        );
    }
    if map.get("minItems").is_some_and(|least| *least != json!(0) && *least != json!(1)) {
        return Err("schema: For 'array' type, 'minItems' values other than 0 or 1 are not supported".into());
    }
    if map.get("format").is_some_and(|format| !FORMATS.iter().any(|known| format == known)) {
        return Err(format!("schema: the format {} is not known", schema["format"]));
    }
    for name in listed(&schema["required"]) {
        if schema["properties"][name.as_str().unwrap_or_default()].is_null() {
            return Err(format!("schema: {name} is required and not described"));
        }
    }
    let named = ["properties", "$defs"].into_iter().filter_map(|key| schema[key].as_object());
    let several = ["anyOf", "allOf"].into_iter().filter_map(|key| schema[key].as_array());
    let below = named.flat_map(Map::values).chain(several.flatten()).chain(map.get("items"));
    below.into_iter().try_for_each(check_schema)
}

/// A list, or the one thing that stands where a list could be.
fn listed(value: &Value) -> impl Iterator<Item = &Value> {
    let (list, one) = match value {
        Value::Array(list) => (Some(list), None),
        Value::Null => (None, None),
        one => (None, Some(one)),
    };
    list.into_iter().flatten().chain(one)
}

fn only(map: &Map<String, Value>, place: &str, known: &[&str]) -> Result<(), String> {
    match map.iter().find(|(key, value)| !known.contains(&key.as_str()) || value.is_null()) {
        Some((key, _)) => Err(format!("{place}{key}: Extra inputs are not permitted")),
        None => Ok(()),
    }
}

/// The texts of a message's content, one after another.
pub(crate) fn text_of(content: &Value) -> String {
    let text = |block: &Value| block["text"].as_str().unwrap_or_default().to_owned();
    content
        .as_str()
        .map_or_else(|| content.as_array().into_iter().flatten().map(text).collect(), str::to_owned)
}

/// Whether an answer keeps to the schema that was asked for.
pub(crate) fn conforms(value: &Value, schema: &Value, whole: &Value) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.trim_start_matches("#/$defs/");
        return conforms(value, &whole["$defs"][name], whole);
    }
    let fits_one = |all: &Vec<Value>| all.iter().any(|one| conforms(value, one, whole).is_ok());
    let is_allowed = schema["anyOf"].as_array().is_none_or(fits_one)
        && schema["enum"].as_array().is_none_or(|all| all.contains(value))
        && schema.get("const").is_none_or(|one| one == value);
    let is_kind = |kind: &Value| match kind.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        _ => value.is_null(),
    };
    let has_kind = schema["type"].is_null() || listed(&schema["type"]).any(is_kind);
    if !is_allowed || !has_kind {
        return Err(format!("{value} is not {schema}"));
    }
    if let (Some(map), Some(known)) = (value.as_object(), schema["properties"].as_object()) {
        let names: BTreeSet<&str> = listed(&schema["required"]).filter_map(Value::as_str).collect();
        if let Some(name) = names.iter().find(|name| !map.contains_key(**name)) {
            return Err(format!("{name} is missing"));
        }
        for (name, value) in map {
            conforms(value, known.get(name).ok_or(format!("{name} is not asked for"))?, whole)?;
        }
    }
    let items = value.as_array().filter(|_| !schema["items"].is_null());
    items.into_iter().flatten().try_for_each(|item| conforms(item, &schema["items"], whole))
}

/// What Claude writes about a job the `revision`-th time: whole, within all limits, with accents, quotes and new lines.
pub(crate) fn sheet(code: &str, revision: u64) -> Value {
    let chance = hash(format!("{code} {revision}").as_bytes());
    let base = 22_000 + chance % 5_000;
    let list = |what: &str, count: u64| -> Vec<String> {
        (1..=count)
            .map(|number| format!("{what} n° {number} du métier {code} (révision {revision})"))
            .collect()
    };
    let trend = ["emergence", "stable", "disparition"][usize::try_from(chance % 3).unwrap()];
    let salary = |low: u64| json!({"min": low, "max": low + 9_000, "median": low + 4_000});
    json!({
        "description": format!(
            "Révision {revision} de {code} : « l'essentiel » d'un métier.\nIl demande de la rigueur, et un \"bon\" œil."
        ),
        "description_courte": format!("Le métier {code} en une phrase, révision {revision}."),
        "competences": list("Compétence", 6 + chance % 5),
        "competences_transversales": list("Qualité", 3 + chance % 3),
        "formations": list("Formation", 3 + chance / 7 % 3),
        "certifications": list("Certificat", chance / 11 % 4),
        "conditions_travail": list("Condition", 3 + chance / 13 % 3),
        "environnements": list("Lieu", 2 + chance / 17 % 3),
        "secteurs_activite": list("Secteur", 2),
        "salaires": {"junior": salary(base), "confirme": salary(base + 6_000), "senior": salary(base + 14_000)},
        "perspectives": {
            "tension": 0.25, "tendance": trend,
            "evolution_5ans": "Les effectifs devraient croître de 4 % d'ici à cinq ans.",
        },
    })
}
