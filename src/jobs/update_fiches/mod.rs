//! `maint update-fiches`: job sheets kept fresh by Claude, each written once for each answer that was paid for.
//!
//! What is paid is remembered before it is written, and a batch before it is submitted: a run that is killed anywhere
//! is continued by the next one, which pays for nothing twice.

mod account;
mod audit_row;
mod brake;
mod budget;
mod close;
mod collect;
mod copy;
mod desk;
mod difference;
mod enrich;
mod estimate;
mod faults;
mod fiche;
mod intent;
mod judge;
mod known;
mod lots;
mod merge;
mod python_json;
mod schedule;
mod sheet;
mod step;
mod submit;
mod summary;
mod target;
mod template;
#[cfg(test)]
mod tests;
mod write;

use crate::config::update_fiches::Mode;
use crate::engine::Job;
use crate::engine::plan::Plan;
use crate::engine::report::{Outcome, Steps};
use crate::error::Problem;
use crate::money::Usd;
use crate::text;
use crate::world::World;
use crate::world::claude::Claude;
use crate::world::database::{Database, Session};
use account::Tally;
use anyhow::Result;
use brake::Brake;
use budget::Budget;
use clap::Args;
use desk::Desk;
use fiche::{Fiche, Register};
use schedule::Schedule;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock};
use step::Step;
use target::Target;
use template::Template;
pub(crate) use template::USUAL as PROMPT;

/// Has Claude write the published job sheets anew, each once a month
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UpdateFiches {
    /// Only these sheets, whatever their status and however new they are
    #[arg(long, value_name = "CODE", value_delimiter = ',', num_args = 1.., conflicts_with_all = ["again", "collect"])]
    pub code: Vec<String>,
    /// In mode direct, write a line to the log after every N sheets [default: 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub batch_size: Option<u32>,
    /// At most this many sheets, in the order of their codes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: Option<u32>,
    /// Stop before more than this is spent, in US dollars [default: `max_cost`]
    #[arg(long, value_name = "USD")]
    pub max_cost: Option<Usd>,
    /// How sheets are asked for [default: `mode` of the configuration, else direct]
    #[arg(long, value_name = "MODE", value_enum)]
    pub mode: Option<Mode>,
    /// Write to a copy of the database and show the difference; answers are paid for, and kept for the next real run
    #[arg(long, conflicts_with = "collect")]
    pub simulate: bool,
    /// Also sheets that were refreshed this month (see `once_per`)
    #[arg(long, conflicts_with = "collect")]
    pub again: bool,
    /// Only what was asked for by earlier runs: begin nothing new
    #[arg(long)]
    pub collect: bool,
}

impl Job for UpdateFiches {
    const NAME: &'static str = "update-fiches";
    type Action = Step;

    fn check(&self, world: &World) -> Result<()> {
        if let Some(code) = self.code.iter().find(|code| code.trim().is_empty()) {
            let code = text::escape(code);
            return Err(Problem::usage(format!(
                "`{code}` is no code of a sheet; write one such as --code A1101"
            )));
        }
        if self.simulate && self.mode == Some(Mode::Batch) {
            return Err(Problem::usage(
                "a simulation shows what Claude answers at once: leave --mode batch out",
            ));
        }
        Template::of(world).map(drop)
    }

    fn ready(&self, world: &World) -> Result<()> {
        self.claude(world)?;
        look(world, |register, session| self.named(register, session).map(drop))
    }

    fn workers(&self, world: &World, _actions: usize) -> usize {
        world.config.update_fiches.connections
    }

    fn plan(&self, world: &World) -> Result<Plan<Step>> {
        let sheets = look(world, |register, session| {
            if self.code.is_empty() {
                register.published(session, &world.config.update_fiches.statuses)
            } else {
                self.named(register, session)
            }
        })?;
        let desk = Desk {
            claude: self.claude(world)?,
            template: Template::of(world)?,
            mode: self.mode(world),
            budget: Budget::of(self.max_cost.or(world.config.update_fiches.max_cost)),
            target: Target::of(database(world)?, self.simulate),
            brake: Brake::default(),
            lots: OnceLock::new(),
            done: Mutex::default(),
            batches: Mutex::default(),
            tally: Mutex::default(),
        };
        Schedule::of(self, world, desk)?.plan(sheets)
    }

    fn is_answer(&self) -> bool {
        self.simulate
    }

    fn appendix(&self, steps: &Steps<Step>) -> Option<String> {
        Some(difference::of(steps)).filter(|text| self.simulate && !text.is_empty())
    }

    fn failures(&self, steps: &Steps<Step>) -> Vec<String> {
        let enriched = |step: &Step| match step {
            Step::Enrich(action) => Some(Arc::clone(&action.desk)),
            _ => None,
        };
        let desk = steps.iter().find_map(|step| enriched(step.action));
        desk.and_then(|desk| desk.brake.why().map(str::to_owned)).into_iter().collect()
    }

    fn sum_up(&self, steps: &Steps<Step>) -> Option<String> {
        tally(steps).in_words()
    }

    fn totals(&self, steps: &Steps<Step>) -> Vec<(&'static str, Value)> {
        tally(steps).totals()
    }
}

/// What the sheets of a run came to together.
fn tally(steps: &Steps<Step>) -> Tally {
    let mut tally = Tally::default();
    for step in steps.iter() {
        let is_done = matches!(step.outcome, Outcome::Done(_));
        match step.action {
            Step::Enrich(action) => {
                tally.sheets += 1;
                action.account.get().into_iter().for_each(|account| tally.add(account));
            }
            Step::Close(action) if is_done => tally.add(&action.account()),
            Step::Submit(action) if is_done => tally.submitted += action.sheets.len(),
            _ => {}
        }
    }
    tally
}

impl UpdateFiches {
    /// A simulation shows the difference at once, which no batch can; and what only a batch has left is a batch's.
    fn mode(&self, world: &World) -> Mode {
        let section = &world.config.update_fiches;
        match self.mode {
            Some(mode) => mode,
            None if self.simulate || section.stand_in.is_some() => Mode::Direct,
            None if self.collect => Mode::Batch,
            None => section.mode,
        }
    }

    fn claude(&self, world: &World) -> Result<Claude> {
        Claude::of(world, self.mode(world), sheet::schema(&world.config.update_fiches.trends))
    }

    /// The sheets of `--code`, each once, in order; refuses a code that there is not.
    fn named(&self, register: &Register, session: &mut Session<'_>) -> Result<Vec<Fiche>> {
        let codes: BTreeSet<&str> = self.code.iter().map(|code| code.trim()).collect();
        let mut named = Vec::new();
        for code in codes {
            let Some(fiche) = register.find(session, code)? else {
                let near = register.find(session, &code.to_uppercase())?;
                let hint = near.map_or_else(
                    || "look for its code there".to_owned(),
                    |fiche| format!("did you mean {}?", text::escape(&fiche.code)),
                );
                let code = text::escape(code);
                return Err(Problem::usage(format!("there is no sheet `{code}` in the database; {hint}")));
            };
            named.push(fiche);
        }
        Ok(named)
    }
}

fn database(world: &World) -> Result<Database> {
    world.database(world.config.update_fiches.database.as_deref())
}

/// Looks at the sheets as they are at one instant.
fn look<T>(world: &World, read: impl FnOnce(&Register, &mut Session<'_>) -> Result<T>) -> Result<T> {
    let database = database(world)?;
    let mut session = database.look(world)?;
    let register = Register::of(&mut session)?;
    read(&register, &mut session)
}

/// The sheet of this code, whatever its status.
fn find(world: &World, code: &str) -> Result<Option<Fiche>> {
    look(world, |register, session| register.find(session, code))
}
