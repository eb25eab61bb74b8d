//! What ends a run before all is asked for: whatever would make every further answer paid for in vain.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// So many answers in a row that could not be written: the database is at fault.
const MOST_UNWRITTEN: u32 = 3;
/// So many sheets in a row whose answers were of no use: the prompt is at fault, or the model.
const MOST_USELESS: u32 = 50;

/// What ends a run before all is asked for.
#[derive(Debug, Default)]
pub(super) struct Brake {
    why: OnceLock<String>,
    unwritten: AtomicU32,
    useless: AtomicU32,
}

impl Brake {
    /// Why nothing more is asked.
    pub(super) fn why(&self) -> Option<&str> {
        self.why.get().map(String::as_str)
    }

    /// True when nothing can be written either.
    pub(super) fn is_database_down(&self) -> bool {
        self.unwritten.load(Relaxed) >= MOST_UNWRITTEN
    }

    /// Nothing more is asked in this run.
    pub(super) fn pull(&self, why: &str) {
        // The first reason is the one that counts.
        let _ = self.why.set(why.to_owned());
    }

    /// An answer was written.
    pub(super) fn written(&self) {
        self.unwritten.store(0, Relaxed);
    }

    /// An answer could not be written, and why.
    pub(super) fn unwritten(&self, why: &str) {
        if self.unwritten.fetch_add(1, Relaxed) + 1 >= MOST_UNWRITTEN {
            self.pull(why);
        }
    }

    /// An answer was of use.
    pub(super) fn useful(&self) {
        self.useless.store(0, Relaxed);
    }

    /// The answers to a sheet were of no use, and why.
    pub(super) fn useless(&self, why: &str) {
        if self.useless.fetch_add(1, Relaxed) + 1 >= MOST_USELESS {
            self.pull(&format!(
                "{MOST_USELESS} sheets in a row got no answer of any use, the last one: {why}"
            ));
        }
    }
}
