//! What all sheets of one run share.

use super::account::{Account, Tally};
use super::brake::Brake;
use super::budget::Budget;
use super::lots::Lots;
use super::target::Target;
use super::template::Template;
use crate::config::update_fiches::Mode;
use crate::world::claude::Claude;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, OnceLock, PoisonError};

/// What all sheets of one run share.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) claude: Claude,
    pub(super) template: Template,
    pub(super) mode: Mode,
    pub(super) budget: Budget,
    pub(super) target: Target,
    pub(super) brake: Brake,
    /// Set when the plan is made.
    pub(super) lots: OnceLock<Lots>,
    /// Sheets of batches whose answers are dealt with, by code.
    pub(super) done: Mutex<BTreeSet<String>>,
    /// The batches that were submitted in this run, by the codes of their sheets.
    pub(super) batches: Mutex<BTreeMap<String, String>>,
    pub(super) tally: Mutex<Tally>,
}

impl Desk {
    /// Nothing more is to be done with the answer to this sheet.
    pub(super) fn finish(&self, code: &str) {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).insert(code.to_owned());
    }

    /// True when nothing more is to be done with the answer to this sheet.
    pub(super) fn is_finished(&self, code: &str) -> bool {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).contains(code)
    }

    /// The answers to these sheets will come with a batch.
    pub(super) fn await_answers(&self, codes: impl Iterator<Item = String>, batch: &str) {
        let awaited = codes.map(|code| (code, batch.to_owned()));
        self.batches.lock().unwrap_or_else(PoisonError::into_inner).extend(awaited);
    }

    /// The batch in which this sheet was submitted.
    pub(super) fn batch_of(&self, code: &str) -> Option<String> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner).get(code).cloned()
    }

    /// The sheet at this place of the plan is through.
    pub(super) fn count(&self, place: usize, is_well: bool, account: &Account) {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).add(account);
        if let Some(lots) = self.lots.get() {
            lots.count(place, is_well, account);
        }
    }

    /// What the sheets have come to so far.
    pub(super) fn tally(&self) -> Tally {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
