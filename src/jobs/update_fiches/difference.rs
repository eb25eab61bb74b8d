//! What a simulation shows: each column that would change, before and after.

use super::python_json::readable;
use super::step::Step;
use super::write::Change;
use crate::engine::report::Steps;
use crate::text;
use serde_json::Value;
use std::fmt::Write as _;

/// Characters of a column that are shown.
const MOST: usize = 300;

/// What would be different, sheet by sheet.
pub(super) fn of(steps: &Steps<Step>) -> String {
    let mut out = String::new();
    for step in steps.iter() {
        let Step::Enrich(action) = step.action else { continue };
        let Some(account) = action.account.get().filter(|account| !account.changes.is_empty()) else {
            continue;
        };
        let (code, name) = (text::escape(&action.fiche.code), text::escape(&action.fiche.name));
        let _ = writeln!(out, "{code} ({name})");
        for Change { column, before, after } in &account.changes {
            let _ = writeln!(out, "  {column}");
            if let Some(before) = before.as_deref().map(shown).filter(|before| !before.is_empty()) {
                let _ = writeln!(out, "    - {before}");
            }
            let after = Some(shown(after)).filter(|after| !after.is_empty());
            let _ = writeln!(out, "    + {}", after.as_deref().unwrap_or("(none)"));
        }
    }
    out
}

/// A column on one line.
fn shown(column: &str) -> String {
    let words = match readable(column) {
        Value::Array(items) => {
            let items = items.into_iter().map(|item| match item {
                Value::String(words) => words,
                other => other.to_string(),
            });
            items.collect::<Vec<_>>().join(" | ")
        }
        Value::String(words) => words,
        other => other.to_string(),
    };
    text::escape(&text::cut(&words, MOST)).into_owned()
}
