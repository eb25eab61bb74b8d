//! One sheet: asked for, judged, written. What is paid for is remembered before anything else can go wrong.

use super::account::{Account, Kind};
use super::desk::Desk;
use super::fiche::Fiche;
use super::judge::{Fault, Verdict, judge};
use super::known::{self, Known, Paid, Subject};
use super::sheet::Sheet;
use super::write::{self, Answer, Written};
use crate::engine::apply::Permit;
use crate::engine::report::Outcome;
use crate::error::one_line;
use crate::money::Usd;
use crate::text;
use crate::world::World;
use crate::world::claude::{Asked, Message, Setback, Usage};
use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use serde::ser::SerializeMap as _;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// Refreshes one sheet.
#[derive(Debug)]
pub struct EnrichFiche {
    pub(super) desk: Arc<Desk>,
    pub(super) fiche: Fiche,
    /// What is remembered of it.
    pub(super) known: Known,
    pub(super) origin: Origin,
    /// Its place among those of the run.
    pub(super) place: usize,
    /// It is asked for before all others: a key that is refused is refused once, and the instructions are kept when the
    /// others come.
    pub(super) leads: bool,
    pub(super) account: OnceLock<Account>,
}

/// Where the answer comes from.
#[derive(Debug)]
pub(super) enum Origin {
    /// It is asked for; perhaps once more.
    Ask(Option<Refused>),
    /// It was paid for by an earlier run.
    Write { sheet: Box<Sheet>, paid: Box<Paid>, news: Option<Bill> },
    /// There will be none. `message` is the answer that was of no use, if there was one.
    Fail { fault: Fault, message: Option<String>, news: Option<Bill> },
}

/// An answer that was of no use, and what was wrong with it.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) subject: Subject,
    pub(super) complaint: String,
}

/// What an answer has cost that no run has reported yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bill {
    pub(super) cost: Usd,
    pub(super) usage: Usage,
}

/// Why a sheet has no answer.
enum Missed {
    /// It is not asked for in this run: that is no failure of its own.
    NotAsked,
    Failed(Fault),
}

impl Origin {
    /// What is done with an answer that was paid for.
    pub(super) fn of(paid: Paid, news: Option<Bill>, world: &World) -> Origin {
        match judge(&paid, world) {
            Verdict::Fit(sheet) => Origin::Write { sheet, paid: Box::new(paid), news },
            Verdict::Again(complaint) => Origin::Ask(Some(Refused { subject: paid.subject, complaint })),
            Verdict::Failed(fault) => Origin::Fail { fault, message: Some(paid.message.id), news },
        }
    }

    fn news(&self) -> Option<Bill> {
        match self {
            Origin::Ask(_) => None,
            Origin::Write { news, .. } | Origin::Fail { news, .. } => *news,
        }
    }
}

impl EnrichFiche {
    pub(super) fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        let mut account = Account::default();
        // What a simulation reads is left for a real run, which reports it.
        let news = self.origin.news().filter(|_| !self.desk.target.is_simulation());
        if let Some(Bill { cost, usage }) = news {
            account.pay(cost, usage);
        }
        let outcome = self.refresh(&mut account, world, permit);
        self.desk.count(self.place, matches!(outcome, Ok(Outcome::Done(_))), &account);
        // An action is applied once.
        let _ = self.account.set(account);
        outcome
    }

    fn refresh(&self, account: &mut Account, world: &World, permit: &Permit) -> Result<Outcome> {
        let answer = match &self.origin {
            Origin::Write { sheet, paid, news } => {
                if news.is_some() {
                    // From here on its cost is known, and told once.
                    self.remember(
                        &Known { paid: Some((**paid).clone()), ..self.known.clone() },
                        world,
                        permit,
                    )?;
                }
                return self.write(sheet, paid, account, world, permit);
            }
            Origin::Fail { fault, .. } => Err(Missed::Failed(fault.clone())),
            Origin::Ask(refused) => self.ask_for_it(refused.as_ref(), account, world, permit),
        };
        match answer {
            Ok((sheet, paid)) => self.write(&sheet, &paid, account, world, permit),
            Err(Missed::NotAsked) => Ok(Outcome::Skipped("not asked".into())),
            Err(Missed::Failed(fault)) => {
                account.result = Some(Kind::Failed);
                self.fail(&fault, account.cost, world, permit);
                bail!(fault.report)
            }
        }
    }

    /// An answer that can be written.
    fn ask_for_it(
        &self,
        refused: Option<&Refused>,
        account: &mut Account,
        world: &World,
        permit: &Permit,
    ) -> Result<(Box<Sheet>, Paid), Missed> {
        let desk = &self.desk;
        let mut complaint = refused.map(|refused| refused.complaint.clone());
        let mut subject =
            refused.map_or_else(|| desk.subject(&self.fiche), |refused| refused.subject.clone());
        loop {
            let message = self.ask(complaint.as_deref(), account, world, permit)?;
            let cost = desk.claude.cost(&message.usage, desk.mode);
            account.pay(cost, message.usage);
            subject = subject.answered(cost);
            let received = world.clock.reading();
            let paid = Paid { message, mode: desk.mode, subject: subject.clone(), received };
            let remembered =
                self.remember(&Known { paid: Some(paid.clone()), ..self.known.clone() }, world, permit);
            if let Err(error) = remembered {
                // It is still written, if it can be; but what is not remembered may be paid for twice.
                desk.brake.pull(&one_line(&error));
            }
            match judge(&paid, world) {
                Verdict::Fit(sheet) => {
                    desk.brake.useful();
                    return Ok((sheet, paid));
                }
                Verdict::Again(wrong) => complaint = Some(wrong),
                Verdict::Failed(fault) => {
                    desk.brake.useless(&fault.report);
                    return Err(Missed::Failed(fault));
                }
            }
        }
    }

    /// Asks once, within the budget.
    fn ask(
        &self,
        complaint: Option<&str>,
        account: &mut Account,
        world: &World,
        permit: &Permit,
    ) -> Result<Message, Missed> {
        let desk = &self.desk;
        self.may_ask(world, permit)?;
        let prompt = desk.template.prompt(&self.fiche, complaint);
        let most = desk.claude.most(&prompt, desk.mode);
        desk.budget.set_aside(most, &world.stop).map_err(|why| self.stop(&why))?;
        // Waiting for the others may have taken its time.
        if let Err(missed) = self.may_ask(world, permit) {
            desk.budget.settle(most, Usd::ZERO);
            return Err(missed);
        }
        // Nobody knows what an answer that was lost has cost: at most this.
        let after_loss = || desk.budget.lose(most);
        let Asked { answer, lost } = desk.claude.ask(world, &prompt, &after_loss, permit);
        account.lost += lost;
        let cost = |message: &Message| {
            // One that does not say what it has cost counts as the dearest.
            let is_silent = message.usage == Usage::default();
            if is_silent { most } else { desk.claude.cost(&message.usage, desk.mode) }
        };
        desk.budget.settle(most, answer.as_ref().map_or(Usd::ZERO, cost));
        answer.map_err(|setback| match setback {
            Setback::Request(why) => Missed::Failed(Fault::silence(&why)),
            Setback::Run(why) => self.stop(&why),
            Setback::Ended => Missed::NotAsked,
        })
    }

    /// Whether anything may be asked for now.
    fn may_ask(&self, world: &World, permit: &Permit) -> Result<(), Missed> {
        let desk = &self.desk;
        if desk.brake.why().is_some() || world.stop.reason().is_some() {
            return Err(Missed::NotAsked);
        }
        desk.target.open(world, permit).map_err(|why| self.stop(&why))
    }

    /// Nothing more is asked in this run.
    fn stop(&self, why: &str) -> Missed {
        self.desk.brake.pull(why);
        Missed::NotAsked
    }

    fn write(
        &self,
        sheet: &Sheet,
        paid: &Paid,
        account: &mut Account,
        world: &World,
        permit: &Permit,
    ) -> Result<Outcome> {
        let written = self.put_down(sheet, paid, world, permit).inspect_err(|_| {
            account.result = Some(Kind::Failed);
        })?;
        let Some(written) = written else { return Ok(Outcome::Skipped("not written".into())) };
        let spent = account.spent();
        let (kind, outcome) = match written {
            Written::Updated { changes, version } => {
                let done = format!("{}, version {version}{spent}", text::plural(changes.len(), "column"));
                account.version = Some(version);
                account.columns = changes.iter().map(|change| change.column).collect();
                if self.desk.target.is_simulation() {
                    account.changes = changes;
                }
                (Kind::Updated, Outcome::Done(done.into()))
            }
            Written::Unchanged => (Kind::Unchanged, Outcome::Done(format!("unchanged{spent}").into())),
            Written::Edited => {
                let why = format!("it was changed meanwhile, and stays as it is{spent}");
                (Kind::Edited, Outcome::Skipped(why.into()))
            }
            Written::Gone => (Kind::Edited, Outcome::Skipped(format!("it is gone{spent}").into())),
        };
        account.result = Some(kind);
        self.remember_end(paid, world, permit)?;
        Ok(outcome)
    }

    /// Writes it to the database, unless that was tried in vain too often: others may have waited for the pen.
    fn put_down(
        &self,
        sheet: &Sheet,
        paid: &Paid,
        world: &World,
        permit: &Permit,
    ) -> Result<Option<Written>> {
        let desk = &self.desk;
        let Paid { message, mode, subject: Subject { seal, cost, .. }, .. } = paid;
        let answer = Answer { sheet, message, mode: *mode, cost: *cost, seal };
        let _pen = desk.target.pen();
        if desk.brake.is_database_down() {
            return Ok(None);
        }
        let database = desk.target.database().map_err(anyhow::Error::msg)?;
        let written = write::write(world, database, &self.fiche, &answer, permit);
        match &written {
            Ok(_) => desk.brake.written(),
            Err(error) => desk.brake.unwritten(&one_line(error)),
        }
        written.map(Some)
    }

    /// The answer is dealt with. A simulation leaves it for a real run, which then need not pay for it.
    fn remember_end(&self, paid: &Paid, world: &World, permit: &Permit) -> Result<()> {
        let desk = &self.desk;
        if desk.target.is_simulation() {
            return Ok(());
        }
        // A sheet that somebody has changed meanwhile is as fresh; what a stand-in has said is no refreshment.
        let refreshed = Some(known::today(world)).filter(|_| !desk.claude.is_stand_in());
        let known = Known {
            refreshed: refreshed.or(self.known.refreshed),
            message: Some(paid.message.id.clone()),
            paid: None,
        };
        // What is not remembered is paid for again: then nothing more is asked.
        let remembered = self.remember(&known, world, permit).inspect_err(|error| {
            desk.brake.pull(&one_line(error));
        });
        remembered.context("it is written, but that is not remembered")?;
        desk.finish(&self.fiche.code);
        Ok(())
    }

    /// It has failed: the audit log says so, and the next run asks anew.
    fn fail(&self, fault: &Fault, cost: Usd, world: &World, permit: &Permit) {
        let desk = &self.desk;
        let is_real = !desk.target.is_simulation();
        let message = match &self.origin {
            Origin::Fail { message, .. } if is_real => message.clone(),
            _ => self.known.message.clone(),
        };
        // When that fails, the same is asked for again all the same.
        let refreshed = self.known.refreshed.filter(|_| !is_real);
        let _ = self.remember(&Known { refreshed, message, paid: None }, world, permit);
        if is_real {
            desk.finish(&self.fiche.code);
            let (_pen, database) = (desk.target.pen(), desk.target.original());
            let code = &self.fiche.code;
            if let Err(error) = write::record_failure(world, database, code, &fault.audit, cost, permit) {
                let code = text::escape(code);
                log::warn!("the audit log does not say that {code} has failed: {}", one_line(&error));
            }
        }
    }

    fn remember(&self, known: &Known, world: &World, permit: &Permit) -> Result<()> {
        let _pen = self.desk.target.notebook();
        known::remember(world, [(self.fiche.code.as_str(), known)], permit)
    }
}

impl Desk {
    /// What is asked of a sheet for the first time.
    pub(super) fn subject(&self, fiche: &Fiche) -> Subject {
        let fingerprint = self.claude.fingerprint(&self.template.prompt(fiche, None));
        Subject { seal: fiche.seal(), fingerprint, cost: Usd::ZERO, answers: 0 }
    }
}

impl fmt::Display for EnrichFiche {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EnrichFiche { desk: _, fiche, known: _, origin, place: _, leads: _, account: _ } = self;
        let name = text::cut(&fiche.name, 80);
        let sheet = format!("{} ({})", text::escape(&fiche.code), text::escape(&name));
        match origin {
            Origin::Ask(None) => write!(f, "refresh {sheet}"),
            Origin::Ask(Some(_)) => write!(f, "refresh {sheet}, asking once more"),
            Origin::Write { .. } => write!(f, "refresh {sheet} with the answer that has come"),
            Origin::Fail { .. } => write!(f, "record what became of {sheet}"),
        }
    }
}

impl Serialize for EnrichFiche {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let EnrichFiche { desk: _, fiche, known: _, origin, place: _, leads: _, account } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("action", "enrich-fiche")?;
        map.serialize_entry("code", &fiche.code)?;
        map.serialize_entry("name", &fiche.name)?;
        map.serialize_entry("is_asked", &matches!(origin, Origin::Ask(_)))?;
        if let Some(account) = account.get() {
            let Account { result, cost, usage, answers, lost, version, columns, changes } = account;
            map.serialize_entry("result", result)?;
            map.serialize_entry("cost_usd", cost)?;
            map.serialize_entry("requests", answers)?;
            map.serialize_entry("lost_requests", lost)?;
            map.serialize_entry("input_tokens", &usage.whole_input())?;
            map.serialize_entry("output_tokens", &usage.output)?;
            map.serialize_entry("version", version)?;
            map.serialize_entry("columns", columns)?;
            if !changes.is_empty() {
                map.serialize_entry("changes", changes)?;
            }
        }
        map.end()
    }
}
