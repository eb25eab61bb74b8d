//! What was found, as a table and as JSON, and what came of it.

use super::domain::Row;
use super::step::Step;
use crate::engine::report::{Outcome, Steps};
use crate::text;
use crate::world::ascl::Reading;
use crate::world::github::Census;
use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// What was read, asked and chosen.
#[derive(Debug, Default, Serialize)]
pub(super) struct Table {
    /// Repositories that the documents link to.
    repositories: usize,
    /// Those that GitHub was to be asked for, and those that it has answered.
    wanted: usize,
    fetched: usize,
    /// Requests to GitHub, further tries included.
    requests: usize,
    /// Answers that were "not changed": documents, and repositories.
    cache_hits: usize,
    received_bytes: u64,
    pub(super) domains: Vec<Row>,
}

impl Table {
    /// Counts a document.
    pub(super) fn add(&mut self, reading: &Reading) {
        self.repositories += reading.document.repositories.len();
        self.cache_hits += usize::from(reading.is_unchanged);
        self.received_bytes += reading.received_bytes;
    }

    /// Counts what GitHub has answered.
    pub(super) fn count(&mut self, wanted: usize, census: &Census) {
        self.wanted = wanted;
        self.fetched = census.answers.len();
        self.requests = census.requests;
        self.cache_hits += census.unchanged;
        self.received_bytes += census.received_bytes;
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Table { repositories, wanted, fetched, requests, cache_hits, received_bytes, domains } = self;
        let number = |count: usize| text::thousands(count as u64);
        if !domains.is_empty() {
            let headers =
                ["DOMAIN", "CANDIDATES", "LIBRARIES", "NEW", "REMOVED", "CONTEXTS TO MAKE", "TO RENEW"];
            let mut table = text::Table::new(&headers);
            for row in domains {
                table.row(&[
                    row.domain.clone(),
                    number(row.candidates),
                    number(row.libraries),
                    number(row.new.len()),
                    number(row.removed.len()),
                    number(row.contexts_to_make),
                    number(row.contexts_to_renew),
                ]);
            }
            write!(f, "{table}")?;
        }
        writeln!(
            f,
            "{} linked; {} of {} answered in {}, {} unchanged, {} received",
            text::plural(*repositories, "repository"),
            number(*fetched),
            number(*wanted),
            text::plural(*requests, "request"),
            number(*cache_hits),
            text::size(*received_bytes)
        )
    }
}

/// What became of the context files.
#[derive(Default)]
pub(super) struct Contexts {
    made: usize,
    renewed: usize,
    failed: usize,
    bytes: u64,
}

impl Contexts {
    pub(super) fn of(steps: &Steps<Step>) -> Contexts {
        let mut contexts = Contexts::default();
        for step in steps.iter() {
            let Step::Make(context) = step.action else { continue };
            match step.outcome {
                Outcome::Done(_) if context.is_refresh => contexts.renewed += 1,
                Outcome::Done(_) => contexts.made += 1,
                Outcome::Failed(_) => contexts.failed += 1,
                Outcome::Planned | Outcome::Skipped(_) => {}
            }
            contexts.bytes += context.bytes();
        }
        contexts
    }

    /// "3 contexts made, 1 context renewed (1.2 MB)"
    pub(super) fn in_words(&self) -> Option<String> {
        let counts = [(self.made, "made"), (self.renewed, "renewed")];
        let counts: Vec<String> = counts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{} {word}", text::plural(count, "context")))
            .collect();
        (!counts.is_empty()).then(|| format!("{} ({})", counts.join(", "), text::size(self.bytes)))
    }

    pub(super) fn totals(&self) -> Vec<(&'static str, Value)> {
        let Contexts { made, renewed, failed, bytes } = *self;
        vec![
            ("contexts_made", (made as u64).into()),
            ("contexts_renewed", (renewed as u64).into()),
            ("contexts_failed", (failed as u64).into()),
            ("contexts_bytes", bytes.into()),
        ]
    }
}
