//! The end of a batch: what is left of it is remembered, and what must be asked for again.

use super::account::Account;
use super::desk::Desk;
use super::enrich::{Bill, Origin};
use super::intent::{self, Entry, Intent};
use super::known::{self, Known, Paid};
use crate::engine::apply::Permit;
use crate::engine::report::Outcome;
use crate::money::Usd;
use crate::text;
use crate::world::World;
use crate::world::claude::Usage;
use anyhow::Result;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// Remembers what is left of a batch.
#[derive(Debug, Serialize)]
#[serde(tag = "action", rename = "close-batch")]
pub struct CloseBatch {
    #[serde(skip)]
    desk: Arc<Desk>,
    #[serde(skip)]
    intent: Intent,
    /// Its id, when it is known.
    batch: Option<String>,
    #[serde(skip)]
    end: End,
    /// Answers that were paid for and are of no use.
    #[serde(flatten)]
    useless: Useless,
}

#[derive(Debug)]
enum End {
    /// Before anything else: these are asked for again, and are no matter of the batch any more.
    Released(BTreeMap<String, Known>),
    /// After everything else: what is dealt with is forgotten. These were released.
    Read { released: BTreeSet<String>, is_whole: bool },
}

/// Answers of a batch that were paid for and are of no use.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Useless {
    #[serde(rename = "cost_usd")]
    cost: Usd,
    #[serde(rename = "useless_answers")]
    answers: u32,
    #[serde(skip)]
    usage: Usage,
}

impl Useless {
    pub(super) fn add(&mut self, paid: Option<&Paid>, entry: &Entry) {
        if let Some(paid) = paid {
            self.waste(Bill {
                cost: paid.subject.cost.without(entry.subject.cost),
                usage: paid.message.usage,
            });
        }
    }

    fn waste(&mut self, bill: Bill) {
        self.cost += bill.cost;
        self.usage += bill.usage;
        self.answers += 1;
    }
}

impl CloseBatch {
    /// Takes these out of the batch: they are asked for again.
    pub(super) fn releasing(
        desk: &Arc<Desk>,
        intent: &Intent,
        again: BTreeMap<String, Known>,
        useless: Useless,
    ) -> CloseBatch {
        CloseBatch { useless, ..CloseBatch::of(desk, intent, End::Released(again)) }
    }

    /// Forgets what is dealt with when this is applied.
    pub(super) fn closing(desk: &Arc<Desk>, intent: &Intent, released: BTreeSet<String>) -> CloseBatch {
        CloseBatch::of(desk, intent, End::Read { released, is_whole: true })
    }

    fn of(desk: &Arc<Desk>, intent: &Intent, end: End) -> CloseBatch {
        let (desk, batch) = (Arc::clone(desk), intent.batch.clone());
        CloseBatch { desk, batch, intent: intent.clone(), end, useless: Useless::default() }
    }

    /// Only these sheets are looked at in this run.
    pub(super) fn expect(&mut self, codes: &BTreeSet<&str>) {
        let CloseBatch { desk, intent, end, .. } = self;
        if let End::Read { released, is_whole } = end {
            let is_through = |code: String| {
                codes.contains(code.as_str()) || released.contains(&code) || desk.is_finished(&code)
            };
            *is_whole = intent.codes().all(is_through);
        }
    }

    /// Counts the answer to a sheet that is gone, when it is one of this batch.
    pub(super) fn waste(&mut self, code: &str, origin: &Origin) {
        let is_ours = self.intent.entries.values().any(|entry| entry.code == code);
        if let Origin::Write { news: Some(bill), .. } | Origin::Fail { news: Some(bill), .. } = origin
            && is_ours
        {
            self.useless.waste(*bill);
        }
    }

    pub(super) fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        let CloseBatch { desk, intent, batch: _, end, useless: _ } = self;
        let mut left = intent.clone();
        match end {
            End::Released(again) => {
                known::remember(world, again.iter().map(|(code, known)| (code.as_str(), known)), permit)?;
                left.entries.retain(|_, entry| !again.contains_key(&entry.code));
            }
            End::Read { released, is_whole: _ } => {
                left.entries
                    .retain(|_, entry| !released.contains(&entry.code) && !desk.is_finished(&entry.code));
            }
        }
        intent::remember(world, &left, permit)?;
        Ok(match left.entries.len() {
            0 => Outcome::DONE,
            _ if matches!(end, End::Released(_)) => Outcome::DONE,
            count => Outcome::Done(format!("{} still to come", text::plural(count, "sheet")).into()),
        })
    }

    /// What answers of no use have cost.
    pub(super) fn account(&self) -> Account {
        let Useless { cost, answers, usage } = self.useless;
        Account { cost, usage, answers, ..Account::default() }
    }
}

impl fmt::Display for CloseBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CloseBatch { desk: _, intent: _, batch, end, useless: _ } = self;
        let batch = batch.as_deref().map_or_else(|| "that was never submitted".into(), text::escape);
        match end {
            End::Released(again) => {
                write!(f, "take {} out of the batch {batch}", text::plural(again.len(), "sheet"))
            }
            End::Read { released: _, is_whole: true } => write!(f, "close the batch {batch}"),
            End::Read { released: _, is_whole: false } => {
                write!(f, "remember what is left of the batch {batch}")
            }
        }
    }
}
