//! The batches of earlier runs: what has become of each, and of each sheet in it.

use super::close::{CloseBatch, Useless};
use super::desk::Desk;
use super::enrich::{Bill, Origin};
use super::intent::{self, Entry, Intent};
use super::judge::Fault;
use super::known::{Known, Paid};
use crate::config::update_fiches::Mode;
use crate::text;
use crate::world::World;
use crate::world::claude::{Batch, Fate, Setback};
use anyhow::Result;
use chrono::TimeDelta;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// A batch that was submitted a moment ago, by a run that was killed, may be listed a moment later.
const MOMENT: Duration = Duration::from_secs(5);
/// So long Claude keeps the answers.
const KEPT: TimeDelta = TimeDelta::days(29);

/// What the batches of earlier runs come to.
#[derive(Debug, Default)]
pub(super) struct Collection {
    /// What to do with a sheet, by code.
    pub(super) origins: BTreeMap<String, (Origin, Known)>,
    /// Sheets that are to be asked for again, with the answer that was of no use.
    pub(super) again: BTreeMap<String, Known>,
    /// Sheets whose answers are still to come.
    pub(super) waiting: BTreeSet<String>,
    /// What is remembered before anything else is done, and when everything is.
    pub(super) releases: Vec<CloseBatch>,
    pub(super) closings: Vec<CloseBatch>,
    pub(super) notes: Vec<String>,
    pub(super) failures: Vec<String>,
}

/// Nothing is known of a batch, or not what was asked in it.
fn unknown(id: &str) -> Setback {
    Setback::Request(format!(
        "Claude does not know the batch {}, or its answers are not those of its sheets; is this the key of the \
         workspace where it was submitted? Twenty-nine days after that it is forgotten",
        text::escape(id)
    ))
}

/// Whether a batch was submitted cannot be found out.
fn unlisted() -> Setback {
    let why = "Claude does not list its batches, and the answer to a submission was lost; see `base_url` of [update-fiches]";
    Setback::Request(why.to_owned())
}

/// What is looked at to decide.
struct Look<'a> {
    world: &'a World,
    desk: &'a Arc<Desk>,
    known: &'a BTreeMap<String, Known>,
}

impl Collection {
    /// Looks at every batch that is not dealt with.
    pub(super) fn of(world: &World, desk: &Arc<Desk>, known: &BTreeMap<String, Known>) -> Result<Collection> {
        let mut collection = Collection::default();
        let look = Look { world, desk, known };
        let intents = intent::recall(world)?;
        let claimed: BTreeSet<&str> = intents.iter().filter_map(|it| it.batch.as_deref()).collect();
        for intent in &intents {
            let is_old = world.clock.reading() - intent.submitted > KEPT;
            match look.find(intent, &claimed).and_then(|found| collection.take(&look, intent, found)) {
                Ok(()) => {}
                Err(Setback::Ended) => collection.waiting.extend(intent.codes()),
                Err(_) if is_old => collection.forget(&look, intent),
                Err(Setback::Request(why) | Setback::Run(why)) => collection.fail(intent, &why),
            }
        }
        Ok(collection)
    }

    /// Takes what one of these batches brings: the first that is the one that was submitted.
    fn take(&mut self, look: &Look<'_>, intent: &Intent, found: Vec<Batch>) -> Result<(), Setback> {
        for batch in found {
            if !batch.is_ended {
                self.wait(intent, &batch);
                return Ok(());
            }
            let fates = look.fates(&batch)?;
            // Somebody else may have submitted as many at the same time.
            if intent.entries.keys().any(|id| fates.contains_key(id)) {
                self.read(look, intent, &batch, fates);
                return Ok(());
            }
        }
        match &intent.batch {
            None => self.forget(look, intent),
            Some(id) => {
                return Err(unknown(id));
            }
        }
        Ok(())
    }

    /// Its answers are still to come. An id that is not certain is not remembered.
    fn wait(&mut self, intent: &Intent, batch: &Batch) {
        self.waiting.extend(intent.codes());
        self.notes.push(format!(
            "the batch {} with {} is not answered yet; the next run looks again",
            text::escape(&batch.id),
            text::plural(intent.entries.len(), "sheet")
        ));
    }

    /// Claude does not know it, or no more: what was in it is asked for as if it had never been.
    fn forget(&mut self, look: &Look<'_>, intent: &Intent) {
        if let Some(id) = &intent.batch {
            let id = text::escape(id).into_owned();
            self.notes.push(format!(
                "Claude no longer has the answers of the batch {id}; its sheets are asked for again"
            ));
        }
        let again: BTreeMap<String, Known> = intent
            .codes()
            .map(|code| {
                let known = look.known.get(&code).cloned().unwrap_or_default();
                (code, Known { refreshed: None, ..known })
            })
            .collect();
        self.releases.push(CloseBatch::releasing(look.desk, intent, again.clone(), Useless::default()));
        self.again.extend(again);
    }

    /// It could not be looked at: nothing in it may be asked for, for it may be paid.
    fn fail(&mut self, intent: &Intent, why: &str) {
        self.waiting.extend(intent.codes());
        let sheets = text::plural(intent.entries.len(), "sheet");
        self.failures.push(format!("cannot look at the batch with {sheets}: {why}"));
    }

    /// Each of its requests was answered, or never will be.
    fn read(&mut self, look: &Look<'_>, intent: &Intent, batch: &Batch, mut fates: BTreeMap<String, Fate>) {
        let mut again = BTreeMap::new();
        let mut useless = Useless::default();
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        for (id, entry) in &intent.entries {
            let known = look.known.get(&entry.code).cloned().unwrap_or_default();
            match look.judge(entry, &known, fates.remove(id)) {
                Judged::Again { why, paid } => {
                    *reasons.entry(why).or_default() += 1;
                    useless.add(paid.as_ref(), entry);
                    // A simulation may have asked for one more since.
                    let newest = [paid, known.paid].into_iter().flatten();
                    let newest = newest.max_by_key(|paid| paid.subject.answers);
                    let known = Known { paid: newest, refreshed: None, message: known.message };
                    again.insert(entry.code.clone(), known);
                }
                Judged::Done => look.desk.finish(&entry.code),
                Judged::Origin(origin) => {
                    self.origins.insert(entry.code.clone(), (origin, known));
                }
            }
        }
        self.notes.extend(reasons.into_iter().map(|(why, count)| {
            let (sheets, why) = (text::plural(count, "sheet"), text::escape(&why));
            format!("{sheets} of the batch {} must be asked for again: {why}", text::escape(&batch.id))
        }));
        let intent = Intent { batch: Some(batch.id.clone()), ..intent.clone() };
        self.closings.push(CloseBatch::closing(look.desk, &intent, again.keys().cloned().collect()));
        if !again.is_empty() {
            self.releases.push(CloseBatch::releasing(look.desk, &intent, again.clone(), useless));
        }
        self.again.extend(again);
    }
}

/// What becomes of a sheet in a batch.
enum Judged {
    /// There is nothing to ask for.
    Origin(Origin),
    /// It is dealt with already, by a run that was ended before it could say so.
    Done,
    /// It is asked for again: why, and the answer that was of no use, when there was one.
    Again { why: String, paid: Option<Paid> },
}

impl Look<'_> {
    fn judge(&self, entry: &Entry, known: &Known, fate: Option<Fate>) -> Judged {
        let message = match fate {
            Some(Fate::Answered(message)) => message,
            Some(Fate::Refused(why)) => {
                let fault = Fault::silence(&why);
                return Judged::Origin(Origin::Fail { fault, message: None, news: None });
            }
            Some(Fate::Unanswered(why)) => return Judged::Again { why, paid: None },
            None => return Judged::Again { why: "it is not among the answers".to_owned(), paid: None },
        };
        if known.message.as_ref() == Some(&message.id) {
            return Judged::Done;
        }
        let (cost, usage) = (self.desk.claude.cost(&message.usage, Mode::Batch), message.usage);
        let is_reported = known.paid.as_ref().is_some_and(|paid| paid.message.id == message.id);
        let news = (!is_reported).then_some(Bill { cost, usage });
        let subject = entry.subject.answered(cost);
        let paid = Paid { message, mode: Mode::Batch, subject, received: self.world.clock.reading() };
        match Origin::of(paid.clone(), news, self.world) {
            Origin::Ask(_) => Judged::Again { why: "the answer is of no use".to_owned(), paid: Some(paid) },
            origin => Judged::Origin(origin),
        }
    }

    /// What became of each request of a batch, all of them.
    fn fates(&self, batch: &Batch) -> Result<BTreeMap<String, Fate>, Setback> {
        let fates = self.desk.claude.results(self.world, batch)?.ok_or_else(|| unknown(&batch.id))?;
        let fates: BTreeMap<String, Fate> = fates.into_iter().collect();
        let (count, all) = (fates.len() as u64, batch.requests);
        if count < all {
            return Err(Setback::Request(format!(
                "Claude: only {count} of {all} answers can be read; try again later"
            )));
        }
        Ok(fates)
    }

    /// The batch of an intent. One whose id was lost is among those that were not there before, and has as many requests.
    fn find(&self, intent: &Intent, claimed: &BTreeSet<&str>) -> Result<Vec<Batch>, Setback> {
        let (world, claude) = (self.world, &self.desk.claude);
        if let Some(id) = &intent.batch {
            return Ok(claude.batch(world, id)?.into_iter().collect());
        }
        let others = intent.others.as_ref().ok_or_else(unlisted)?;
        let is_candidate = |batch: &Batch| {
            let is_free = !others.contains(&batch.id) && !claimed.contains(batch.id.as_str());
            // Some count nothing before the end.
            is_free && (batch.requests == intent.size || batch.requests == 0)
        };
        loop {
            let all = claude.batches(world)?.ok_or_else(unlisted)?;
            let found: Vec<Batch> = all.into_iter().filter(is_candidate).collect();
            let age = (world.clock.reading() - intent.submitted).to_std().unwrap_or(MOMENT);
            if !found.is_empty() || age >= MOMENT {
                return Ok(found);
            }
            if !world.stop.wait(Duration::from_secs(1)) {
                return Err(Setback::Ended);
            }
        }
    }
}
