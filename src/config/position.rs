//! Turns a TOML error into one line: file, line, column, key, reason, and the nearest known key.

use crate::error::Problem;
use crate::text;
use std::path::Path;

/// The error of `toml` in one line, with its place in `file`.
pub(super) fn explain(error: &toml::de::Error, source: &str, file: &Path) -> anyhow::Error {
    let start = error.span().map_or(0, |span| span.start.min(source.len()));
    let (line, column) = place(source, start);
    let message = reword(error.message(), key_before(source, start));
    Problem::usage(format!("{}:{line}:{column}: {message}", text::path(file)))
}

/// Line and column (in characters), both from 1.
fn place(source: &str, offset: usize) -> (usize, usize) {
    let before = source.get(..offset).unwrap_or("");
    let line_start = before.rfind('\n').map_or(0, |index| index + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The key on the line of `offset`, when the offset is in its value.
fn key_before(source: &str, offset: usize) -> Option<&str> {
    let line_start = source.get(..offset)?.rfind('\n').map_or(0, |index| index + 1);
    let (key, _) = source[line_start..offset].split_once('=')?;
    Some(key.trim()).filter(|key| !key.is_empty())
}

fn reword(message: &str, key: Option<&str>) -> String {
    let message = message.trim().replace('\n', "; ");
    if let Some(rest) = message.strip_prefix("unknown field `") {
        return unknown_key(rest);
    }
    if message.starts_with("duplicate key") {
        return "this name is given twice; remove or rename one of the two".to_owned();
    }
    let message = in_plain_words(&message);
    match key {
        Some(key) => format!("`{key}`: {message}"),
        None => message,
    }
}

/// serde speaks of Rust's types; people write TOML.
fn in_plain_words(message: &str) -> String {
    const WORDS: [(&str, &str); 8] = [
        ("expected u8", "expected a number from 0 to 255"),
        ("expected u32", "expected a number that is not negative"),
        ("expected a sequence", "expected a list"),
        ("expected a map", "expected a table"),
        ("invalid type: map", "invalid type: table"),
        ("unknown variant ", "unknown value "),
        ("missing field ", "missing key "),
        ("expected struct ", "expected a table, as in "),
    ];
    WORDS.iter().fold(message.to_owned(), |text, (serde, plain)| text.replace(serde, plain))
}

/// `rest` is serde's text after "unknown field" and a backquote: the key, then the known ones in backquotes.
fn unknown_key(rest: &str) -> String {
    let mut quoted = rest.split('`').step_by(2);
    let key = quoted.next().unwrap_or_default();
    let known: Vec<&str> = rest.split('`').skip(2).step_by(2).collect();
    match text::nearest(key, known.iter().copied()) {
        Some(name) => format!("unknown key `{key}`; did you mean `{name}`?"),
        None => format!("unknown key `{key}`; known here: `{}`", known.join("`, `")),
    }
}

/// The line, from 1, on which a key or the header `[key]` stands; 1 when it is nowhere.
pub(super) fn line_of_key(source: &str, key: &str) -> usize {
    let is_there = |line: &str| {
        let line = line.trim_start();
        let inner = line.trim_start_matches('[').trim_start();
        let plain = inner.replace('"', "");
        plain.starts_with(key) && !plain[key.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '-')
    };
    source.lines().position(is_there).map_or(1, |index| index + 1)
}
