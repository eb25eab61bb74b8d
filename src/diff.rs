//! The difference between two texts, as `diff -u` shows it.

use crate::text;
use serde::Serialize;
use similar::TextDiff;
use std::fmt;

/// A unified diff; empty when there is no difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Diff(String);

/// What changes from `old` to `new`, which need not be UTF-8.
#[must_use]
pub fn between(old: &[u8], new: &[u8], name: &str) -> Diff {
    let shown = |bytes: &[u8]| {
        let lines = bytes.split_inclusive(|byte| *byte == b'\n');
        lines.fold(String::new(), |mut shown, line| {
            shown.push_str(&text::escape_bytes(line.strip_suffix(b"\n").unwrap_or(line)));
            shown.push('\n');
            shown
        })
    };
    let (old, new) = (shown(old), shown(new));
    let diff = TextDiff::from_lines(&old, &new);
    Diff(diff.unified_diff().header(name, &format!("{name} (new)")).to_string())
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_shows_what_changes_and_three_lines_around_it() {
        let diff = between(b"a\nb\nc\nd\ne\xe9\n", b"a\nb\nc\nd\nf\n", "crontab");
        assert_eq!(
            diff.to_string(),
            "--- crontab\n+++ crontab (new)\n@@ -2,4 +2,4 @@\n b\n c\n d\n-e\\xe9\n+f\n"
        );
        assert_eq!(between(b"a\n", b"a\n", "crontab").to_string(), "");
    }
}
