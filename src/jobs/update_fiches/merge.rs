//! What an answer changes in a sheet: columns that would mean something else, in the form of the site's own program.

use super::fiche::Fiche;
use super::python_json::dumps;
use super::sheet::Sheet;
use super::write::Change;
use anyhow::Result;
use serde_json::{Map, Value, json};

/// Where the salaries of an answer come from, in the fixed words of the site's own program, whoever is the `author`.
const SOURCE: &str = "Estimation AgentRedacteurFiche (Claude API)";

/// The columns of a sheet that an answer changes.
pub(super) fn changes(fiche: &Fiche, sheet: &Sheet) -> Result<Vec<Change>> {
    let Value::Object(answer) = serde_json::to_value(sheet)? else { return Ok(Vec::new()) };
    let changes = fiche.content.iter().filter_map(|(column, before)| {
        let after = changed(column, before.as_deref(), answer.get(*column)?)?;
        Some(Change { column, before: before.clone(), after })
    });
    Ok(changes.collect())
}

/// What a column will hold, when that is not what it says already.
fn changed(column: &str, before: Option<&str>, answer: &Value) -> Option<String> {
    if let Value::String(text) = answer {
        return (before != Some(text)).then(|| text.clone());
    }
    let before = before.and_then(|before| serde_json::from_str::<Value>(before).ok());
    let after = match column {
        "salaires" => salaries(before.as_ref(), answer),
        "perspectives" => outlook(before.as_ref(), answer),
        _ => answer.clone(),
    };
    let is_new = before.is_none_or(|before| !says_the_same(&before, &after));
    is_new.then(|| dumps(&after))
}

/// The answer's salaries, and what else the sheet knows of salaries.
fn salaries(before: Option<&Value>, answer: &Value) -> Value {
    let usual = json!({"junior": null, "confirme": null, "senior": null, "regional": {}, "source": null, "date_maj": null});
    let own = json!({"source": SOURCE, "date_maj": null});
    merged(before.unwrap_or(&usual), &usual, [answer, &own])
}

/// The answer's prospects, and what else the sheet knows of them.
fn outlook(before: Option<&Value>, answer: &Value) -> Value {
    let usual = json!({"tension": null, "tendance": null, "evolution_5ans": null, "nombre_offres": null, "taux_insertion": null});
    merged(before.unwrap_or(&usual), &usual, [answer])
}

/// The keys of `before`, or of `usual` where that is no object, with what each of `parts` says.
fn merged<const N: usize>(before: &Value, usual: &Value, parts: [&Value; N]) -> Value {
    let mut all: Map<String, Value> = before.as_object().or(usual.as_object()).cloned().unwrap_or_default();
    for (key, value) in parts.into_iter().filter_map(Value::as_object).flatten() {
        all.insert(key.clone(), value.clone());
    }
    all.into()
}

/// True when both mean the same: the order of keys, and 1 or 1.0, make no difference.
fn says_the_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| says_the_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let has_it = |(key, value)| other.get(key).is_some_and(|other| says_the_same(value, other));
            one.len() == other.len() && one.iter().all(has_it)
        }
        _ => one == other,
    }
}
