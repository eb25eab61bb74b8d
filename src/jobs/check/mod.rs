//! `maint check`: is the site well?

use crate::config::check;
use crate::engine::apply::Permit;
use crate::engine::memory;
use crate::engine::plan::{Finding, Overview, Plan};
use crate::engine::report::{Outcome, Steps};
use crate::engine::{Action, Job};
use crate::text;
use crate::world::World;
use crate::world::checks::{Learnt, Looked, Row, State, look_at_all, refuse_unready, refuse_wrong, wanted};
use anyhow::Result;
use clap::Args;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// What the checks remember, each under its name.
const TOPIC: &str = "checks";
/// What is told of a check that is not well.
const LONGEST_WORDS: usize = 400;
/// What a summary names of those.
const LONGEST_NAMES: usize = 200;

/// Looks whether the site is well
#[derive(Args, Clone, Debug, Default)]
pub struct Check {
    /// Only these checks; may be repeated
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<String>,
}

impl Job for Check {
    const NAME: &'static str = "check";
    const PATIENCE: Duration = Duration::from_secs(10);
    const ANSWERS: bool = true;
    type Action = Remember;

    fn check(&self, world: &World) -> Result<()> {
        self.wanted(world)?.iter().try_for_each(|(name, check)| refuse_wrong(name, check))
    }

    fn ready(&self, world: &World) -> Result<()> {
        self.wanted(world)?.iter().try_for_each(|(name, check)| refuse_unready(world, name, check))
    }

    fn plan(&self, world: &World) -> Result<Plan<Remember>> {
        let wanted = self.wanted(world)?;
        // A memory that cannot be read costs the comparison with the last check, and no more.
        let known = memory::recall(world, TOPIC).unwrap_or_default();
        let looked = look_at_all(world, &wanted, &known);
        let findings: Vec<Finding> = looked.iter().map(finding).collect();
        let not_well = findings.iter().filter(|finding| !finding.is_well);
        let not_well = not_well.map(|finding| finding.name.clone()).collect();
        let (mut rows, mut learnt) = (Vec::new(), BTreeMap::new());
        for looked in looked {
            rows.extend(looked.rows);
            learnt.insert(looked.name, looked.learnt);
        }
        let overview = Some(Overview::of("checks", &Board(rows))?);
        let actions = vec![Remember { not_well, learnt }];
        Ok(Plan { actions, overview, findings, ..Plan::default() })
    }

    fn sum_up(&self, steps: &Steps<Remember>) -> Option<String> {
        let not_well = &steps.iter().next()?.action.not_well;
        let names = || format!("not well: {}", text::cut(&not_well.join(", "), LONGEST_NAMES));
        (!not_well.is_empty()).then(names)
    }
}

impl Check {
    fn wanted<'w>(&self, world: &'w World) -> Result<Vec<(&'w String, &'w check::Check)>> {
        wanted(world, &self.only)
    }
}

/// What a check has found, in a line.
fn finding(looked: &Looked) -> Finding {
    let troubles = looked.rows.iter().filter(|row| row.state != State::Ok);
    let troubles: Vec<String> = troubles.map(|row| trouble(&looked.name, row)).collect();
    let words = match troubles.len() {
        0 => text::plural(looked.rows.len(), "value") + " well",
        _ => text::cut(&troubles.join("; "), LONGEST_WORDS),
    };
    Finding { name: looked.name.clone(), is_well: troubles.is_empty(), words }
}

/// What is wrong with one thing; the name of the check is known already.
fn trouble(check: &str, row: &Row) -> String {
    match row.name.strip_prefix(check).and_then(|item| item.strip_prefix(": ")) {
        Some(item) => format!("{item}: {}", row.trouble()),
        None => row.trouble(),
    }
}

/// Keeps what the next check has to know of this one.
#[derive(Debug, Serialize)]
#[serde(tag = "action", rename = "remember")]
pub struct Remember {
    #[serde(skip)]
    not_well: Vec<String>,
    /// By the name of the check.
    #[serde(skip)]
    learnt: BTreeMap<String, Learnt>,
}

impl fmt::Display for Remember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("remember what was checked")
    }
}

impl Action for Remember {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        let learnt = self.learnt.iter().map(|(name, learnt)| (name.as_str(), learnt));
        memory::remember(world, TOPIC, learnt, permit)?;
        Ok(Outcome::DONE)
    }
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Board(Vec<Row>);

impl fmt::Display for Board {
    /// What has no limit is told beside something that has one, and is for programs alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = text::Table::new(&["CHECK", "STATE", "VALUE", "LIMIT", "DETAILS"]);
        for row in self.0.iter().filter(|row| row.limit.is_some() || row.state != State::Ok) {
            table.row(&[
                row.name.as_str(),
                row.state.word(),
                &row.value_in_words(),
                &row.limit_in_words(),
                &row.detail,
            ]);
        }
        write!(f, "{table}")
    }
}
