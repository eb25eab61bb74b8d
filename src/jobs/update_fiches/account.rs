//! What became of one sheet, and what it took; and of all together.

use super::write::Change;
use crate::money::Usd;
use crate::text;
use crate::world::claude::Usage;
use serde::Serialize;
use serde_json::{Value, json};

/// What became of a sheet, and what it took.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) result: Option<Kind>,
    /// What this run has paid.
    pub(super) cost: Usd,
    pub(super) usage: Usage,
    /// Answers that this run has paid for.
    pub(super) answers: u32,
    /// Requests whose answer was lost, and may have been paid for.
    pub(super) lost: u32,
    pub(super) version: Option<i64>,
    pub(super) columns: Vec<&'static str>,
    /// Before and after, for a simulation.
    pub(super) changes: Vec<Change>,
}

/// What became of a sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    Updated,
    Unchanged,
    /// Somebody has changed it meanwhile: it is left as it is.
    Edited,
    Failed,
}

impl Account {
    /// An answer was paid for.
    pub(super) fn pay(&mut self, cost: Usd, usage: Usage) {
        self.cost += cost;
        self.usage += usage;
        self.answers += 1;
    }

    /// ", $0.0123", when this run has paid anything.
    pub(super) fn spent(&self) -> String {
        if self.cost.is_zero() { String::new() } else { format!(", {}", self.cost) }
    }
}

/// What the sheets of a run came to together.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) sheets: usize,
    pub(super) updated: usize,
    pub(super) unchanged: usize,
    pub(super) edited: usize,
    pub(super) failed: usize,
    pub(super) submitted: usize,
    pub(super) cost: Usd,
    pub(super) usage: Usage,
    pub(super) answers: u32,
    lost: u32,
}

impl Tally {
    /// Adds a sheet, or answers that were of no use.
    pub(super) fn add(&mut self, account: &Account) {
        match account.result {
            Some(Kind::Updated) => self.updated += 1,
            Some(Kind::Unchanged) => self.unchanged += 1,
            Some(Kind::Edited) => self.edited += 1,
            Some(Kind::Failed) => self.failed += 1,
            None => {}
        }
        self.cost += account.cost;
        self.usage += account.usage;
        self.answers += account.answers;
        self.lost += account.lost;
    }

    /// Sheets that were dealt with.
    pub(super) fn through(&self) -> usize {
        self.updated + self.unchanged + self.edited + self.failed
    }

    /// "of 16 sheets 12 updated, 3 unchanged, 1 failed; $0.21 for 17 answers"
    pub(super) fn in_words(&self) -> Option<String> {
        let counts = [
            (self.updated, "updated"),
            (self.unchanged, "unchanged"),
            (self.edited, "changed by others"),
            (self.failed, "failed"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        let counts: Vec<_> =
            counts.map(|(count, word)| format!("{} {word}", text::thousands(count as u64))).collect();
        let mut parts = Vec::new();
        if !counts.is_empty() {
            parts.push(format!("of {} {}", text::plural(self.sheets, "sheet"), counts.join(", ")));
        }
        if self.submitted > 0 {
            parts.push(format!("{} submitted", text::plural(self.submitted, "sheet")));
        }
        if self.answers > 0 {
            parts.push(format!("{} for {}", self.cost, text::plural(self.answers as usize, "answer")));
        }
        if self.lost > 0 {
            parts.push(format!("{} lost on the line", text::plural(self.lost as usize, "answer")));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    pub(super) fn totals(&self) -> Vec<(&'static str, Value)> {
        let Tally { sheets, updated, unchanged, edited, failed, submitted, cost, usage, answers, lost } =
            self;
        vec![
            ("sheets", json!(sheets)),
            ("updated", json!(updated)),
            ("unchanged", json!(unchanged)),
            ("edited", json!(edited)),
            ("failed", json!(failed)),
            ("submitted", json!(submitted)),
            ("cost_usd", json!(cost)),
            ("input_tokens", json!(usage.whole_input())),
            ("output_tokens", json!(usage.output)),
            ("requests", json!(answers)),
            ("lost_requests", json!(lost)),
        ]
    }
}
