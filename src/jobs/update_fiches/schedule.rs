//! Which sheets are due, and what is done with each: what is paid is written, the rest is asked for.

use super::collect::Collection;
use super::copy::CopyDatabase;
use super::desk::Desk;
use super::enrich::{EnrichFiche, Origin, Refused};
use super::estimate::Estimate;
use super::fiche::Fiche;
use super::known::{self, Known};
use super::lots::Lots;
use super::merge::changes;
use super::step::Step;
use super::submit::{self, AwaitAnswer, SubmitBatch};
use super::summary::WriteSummary;
use super::{UpdateFiches, find};
use crate::config::update_fiches::Mode;
use crate::engine::plan::{Overview, Plan};
use crate::money::Usd;
use crate::text;
use crate::world::World;
use crate::world::claude::Setback;
use anyhow::Result;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

/// Sheets in a lot, unless `--batch-size` says otherwise.
const USUAL_LOT: usize = 10;

/// What a run is decided from, and what is decided so far.
pub(super) struct Schedule<'a> {
    job: &'a UpdateFiches,
    world: &'a World,
    desk: Arc<Desk>,
    known: BTreeMap<String, Known>,
    collection: Collection,
    due: Vec<Due>,
    plan: Plan<Step>,
}

/// A sheet, what is remembered of it, and where its answer comes from.
struct Due {
    fiche: Fiche,
    known: Known,
    origin: Origin,
}

impl Due {
    /// True when something is to be paid for it.
    fn costs(&self) -> bool {
        matches!(self.origin, Origin::Ask(_))
    }
}

impl<'a> Schedule<'a> {
    pub(super) fn of(job: &'a UpdateFiches, world: &'a World, desk: Desk) -> Result<Schedule<'a>> {
        let (desk, known) = (Arc::new(desk), known::recall(world)?);
        let collection = Collection::of(world, &desk, &known)?;
        Ok(Schedule { job, world, desk, known, collection, due: Vec::new(), plan: Plan::default() })
    }

    /// What is done with these sheets.
    pub(super) fn plan(mut self, sheets: Vec<Fiche>) -> Result<Plan<Step>> {
        self.plan.notes.extend(self.desk.claude.note());
        if sheets.is_empty() {
            let statuses = self.world.config.update_fiches.statuses.join(", ");
            self.plan
                .notes
                .push(format!("no sheet is published: none has the status {}", text::escape(&statuses)));
        }
        let sheets = self.without_odd(sheets);
        self.choose(sheets);
        if self.job.code.is_empty() {
            self.take_up_others()?;
        }
        self.plan.notes.append(&mut self.collection.notes);
        self.plan.failures.append(&mut self.collection.failures);
        self.estimate();
        if self.job.simulate {
            let name = text::escape(self.desk.target.original().name()).into_owned();
            self.plan.notes.push(format!("this is a simulation: the database {name} stays as it is"));
        }
        Ok(self.into_steps())
    }

    /// A sheet without a code, or with that of another one, cannot be told from others.
    fn without_odd(&mut self, sheets: Vec<Fiche>) -> Vec<Fiche> {
        let mut count: BTreeMap<String, usize> = BTreeMap::new();
        for fiche in &sheets {
            *count.entry(fiche.code.clone()).or_default() += 1;
        }
        for (code, count) in count.iter().filter(|(code, count)| code.is_empty() || **count > 1) {
            let sheets = text::plural(*count, "sheet");
            self.plan.failures.push(if code.is_empty() {
                format!("{sheets} without a code; give each its own")
            } else {
                format!("{sheets} with the code {}; give each its own", text::escape(code))
            });
        }
        sheets.into_iter().filter(|fiche| !fiche.code.is_empty() && count[&fiche.code] == 1).collect()
    }

    /// The sheets that are due, in order.
    fn choose(&mut self, sheets: Vec<Fiche>) {
        let (mut fresh, mut begun) = (0, 0);
        let most = self.job.limit.map_or(usize::MAX, |limit| limit as usize);
        for fiche in sheets {
            if self.collection.waiting.contains(&fiche.code) {
                continue;
            }
            if let Some((origin, known)) = self.collection.origins.remove(&fiche.code) {
                self.due.push(Due { fiche, known, origin });
                continue;
            }
            let again = self.collection.again.remove(&fiche.code);
            let is_released = again.is_some();
            let known = again.or_else(|| self.known.remove(&fiche.code)).unwrap_or_default();
            let is_fresh = self.is_fresh(&known);
            let due = self.due(fiche, known);
            let is_begun = is_released || due.known.paid.is_some();
            if is_fresh && !is_begun && !self.is_wanted_anyway() {
                fresh += 1;
            } else if begun < most && (is_begun || !self.job.collect) {
                begun += 1;
                self.due.push(due);
            }
        }
        if fresh > 0 {
            let period = self.world.config.update_fiches.once_per.word();
            let (sheets, were) = (text::plural(fresh, "sheet"), if fresh == 1 { "was" } else { "were" });
            self.plan
                .notes
                .push(format!("{sheets} {were} refreshed this {period} already; --again asks for all"));
        }
    }

    fn is_wanted_anyway(&self) -> bool {
        self.job.again || !self.job.code.is_empty()
    }

    fn is_fresh(&self, known: &Known) -> bool {
        known.is_fresh(self.world.config.update_fiches.once_per, known::today(self.world))
    }

    /// An answer that an earlier run has paid for is used, when it still is one to what would be asked.
    fn due(&self, fiche: Fiche, mut known: Known) -> Due {
        let world = self.world;
        let Some(paid) = known.paid.take() else {
            return Due { fiche, known, origin: Origin::Ask(None) };
        };
        let origin = Origin::of(paid.clone(), None, world);
        let is_usable = if paid.subject.seal == fiche.seal() {
            paid.is_answer_to(&self.desk.subject(&fiche).fingerprint, world.clock.now())
        } else {
            // Written by a run that was killed before it could remember that; else somebody has changed the sheet.
            let says_so = |sheet| changes(&fiche, sheet).is_ok_and(|changes| changes.is_empty());
            matches!(&origin, Origin::Write { sheet, .. } if says_so(sheet))
        };
        if !is_usable {
            return Due { fiche, known, origin: Origin::Ask(None) };
        }
        known.paid = Some(paid);
        Due { fiche, known, origin }
    }

    /// Answers of batches to sheets that are not published any more.
    fn take_up_others(&mut self) -> Result<()> {
        for (code, (origin, known)) in std::mem::take(&mut self.collection.origins) {
            if let Some(fiche) = find(self.world, &code)? {
                self.due.push(Due { fiche, known, origin });
                continue;
            }
            self.desk.finish(&code);
            self.collection.closings.iter_mut().for_each(|closing| closing.waste(&code, &origin));
            let code = text::escape(&code);
            self.plan.notes.push(format!("the sheet {code} is gone; its answer is not used"));
        }
        Ok(())
    }

    /// What will be paid; when Claude does not even say how long a request is, nothing is asked.
    fn estimate(&mut self) {
        let sheets: Vec<&Fiche> = self.due.iter().filter(|due| due.costs()).map(|due| &due.fiche).collect();
        // A stand-in costs nothing, and says so in its note.
        if sheets.is_empty() || self.desk.claude.is_stand_in() {
            return;
        }
        let why = match Estimate::of(self.world, &self.desk, &sheets) {
            Ok(estimate) => {
                let words = estimate.in_words(self.desk.claude.model());
                log::info!("{words}");
                let (value, text) = (json!(estimate.cost), format!("{words}\n"));
                if let Some(limit) = self.limit().filter(|limit| estimate.cost > *limit) {
                    self.plan
                        .notes
                        .push(format!("the limit of {limit} will end the run before all is asked for"));
                }
                self.plan.overview = Some(Overview { key: "estimate_usd", value, text });
                return;
            }
            Err(Setback::Request(why) | Setback::Run(why)) => Some(why),
            Err(Setback::Ended) => None,
        };
        self.plan.failures.extend(why);
        self.due.retain(|due| !due.costs());
    }

    fn into_steps(mut self) -> Plan<Step> {
        let is_batch = self.desk.mode == Mode::Batch;
        let (submitted, enriched): (Vec<Due>, Vec<Due>) =
            std::mem::take(&mut self.due).into_iter().partition(|due| is_batch && due.costs());
        let mut plan = std::mem::take(&mut self.plan);
        let desk = &self.desk;
        let Collection { releases, mut closings, .. } = std::mem::take(&mut self.collection);
        if self.job.simulate {
            if !enriched.is_empty() {
                let database = desk.target.original().name().to_owned();
                plan.actions.push(Step::Copy(CopyDatabase { desk: Arc::clone(desk), database }));
            }
        } else {
            plan.actions.extend(releases.into_iter().map(|release| Step::Close(Box::new(release))));
        }
        let lot = self.job.batch_size.map_or(USUAL_LOT, |size| size as usize);
        let lots = desk.lots.set(Lots::of(lot, enriched.len()));
        debug_assert!(lots.is_ok(), "a plan is made once");
        let codes: BTreeSet<&str> = enriched.iter().map(|due| due.fiche.code.as_str()).collect();
        for closing in &mut closings {
            closing.expect(&codes);
        }
        let planned = enriched.len();
        let first = enriched.iter().position(Due::costs);
        plan.actions.extend(enriched.into_iter().enumerate().map(|(place, due)| {
            let Due { fiche, known, origin } = due;
            let (desk, account, leads) = (Arc::clone(desk), OnceLock::new(), first == Some(place));
            Step::Enrich(Box::new(EnrichFiche { desk, fiche, known, origin, place, leads, account }))
        }));
        // A simulation leaves everything for a real run.
        if !self.job.simulate {
            plan.actions.extend(closings.into_iter().map(|closing| Step::Close(Box::new(closing))));
        }
        self.submit(submitted, &mut plan);
        if planned > 0 && self.job.code.is_empty() && !self.job.simulate {
            plan.actions.push(Step::Summary(WriteSummary { desk: Arc::clone(&self.desk), planned }));
        }
        plan
    }

    /// What the run may cost.
    fn limit(&self) -> Option<Usd> {
        self.job.max_cost.or(self.world.config.update_fiches.max_cost)
    }

    /// Batches, as far as the money goes.
    fn submit(&self, due: Vec<Due>, plan: &mut Plan<Step>) {
        let limit = self.limit();
        let (mut most, total) = (Usd::ZERO, due.len());
        let affordable: Vec<(Fiche, Option<Refused>)> = due
            .into_iter()
            .map(|due| match due.origin {
                Origin::Ask(refused) => (due.fiche, refused),
                _ => (due.fiche, None),
            })
            .take_while(|(fiche, refused)| {
                let prompt = submit::prompt(&self.desk, fiche, refused.as_ref());
                most += self.desk.claude.most(&prompt, Mode::Batch);
                limit.is_none_or(|limit| most <= limit)
            })
            .collect();
        let (count, limit) = (affordable.len(), limit.unwrap_or_default());
        if count < total {
            plan.failures.push(format!(
                "the limit of {limit} is enough for {} of {} in the worst case; the rest is left for later runs, or raise --max-cost",
                text::thousands(count as u64),
                text::plural(total, "sheet")
            ));
        }
        let mut rest = affordable.into_iter().peekable();
        while rest.peek().is_some() {
            let sheets: Vec<_> = rest.by_ref().take(submit::MOST).collect();
            let awaited = sheets.iter().map(|(fiche, _)| AwaitAnswer {
                desk: Arc::clone(&self.desk),
                code: fiche.code.clone(),
                name: fiche.name.clone(),
            });
            let awaited: Vec<_> = awaited.map(Step::Await).collect();
            plan.actions.push(Step::Submit(SubmitBatch { desk: Arc::clone(&self.desk), sheets }));
            plan.actions.extend(awaited);
        }
    }
}
