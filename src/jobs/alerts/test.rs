//! `maint alerts test [TO]`: shows whether alerts arrive.

use crate::config::alerts::Receiver;
use crate::engine::alerts::{Alert, check, send};
use crate::engine::apply::Permit;
use crate::engine::plan::Plan;
use crate::engine::report::Outcome;
use crate::engine::{Action, Job};
use crate::error::Problem;
use crate::text;
use crate::world::World;
use anyhow::Result;
use clap::Args;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Sends a marked test message to each receiver
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[command(after_long_help = "\
Examples:
  maint alerts test              to everybody whom `to` of [alerts] names
  maint alerts test discord      to one, which `to` need not name yet
  maint alerts test --dry-run    who would get it")]
pub struct Test {
    /// The receiver, by the name of its section: discord, slack, webhook, mail or healthchecks
    pub to: Option<String>,
}

impl Job for Test {
    const NAME: &'static str = "alerts-test";
    const ANSWERS: bool = true;
    type Action = SendTest;

    fn check(&self, world: &World) -> Result<()> {
        world.site_file()?;
        self.receivers(world)?.into_iter().try_for_each(|receiver| check(world, receiver))
    }

    fn plan(&self, world: &World) -> Result<Plan<SendTest>> {
        let actions: Vec<SendTest> = self.receivers(world)?.into_iter().map(|to| SendTest { to }).collect();
        Ok(actions.into())
    }
}

impl Test {
    fn receivers(&self, world: &World) -> Result<Vec<Receiver>> {
        let alerts = &world.config.alerts;
        let Some(wanted) = &self.to else {
            let mut to = alerts.to.clone();
            to.sort_unstable();
            to.dedup();
            if to.is_empty() {
                return Err(Problem::usage("alerts go to nobody: name a receiver as `to` in [alerts]"));
            }
            return Ok(to);
        };
        let known: Vec<Receiver> =
            Receiver::ALL.into_iter().filter(|receiver| alerts.knows(*receiver)).collect();
        if let Some(receiver) = known.iter().find(|receiver| receiver.name() == wanted) {
            return Ok(vec![*receiver]);
        }
        let wanted = text::escape(wanted);
        let names: Vec<&str> = known.iter().map(|receiver| receiver.name()).collect();
        let hint = match names.as_slice() {
            [] => format!("write a section [alerts.{wanted}]"),
            names => format!("known here: {}", names.join(", ")),
        };
        Err(Problem::usage(format!("there is no receiver `{wanted}`; {hint}")))
    }
}

/// Sends a test message to one receiver.
#[derive(Debug, Serialize)]
#[serde(tag = "action", rename = "send-test-message")]
pub struct SendTest {
    to: Receiver,
}

impl fmt::Display for SendTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "send a test message to {}", self.to)
    }
}

impl Action for SendTest {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        send(world, self.to, &Alert::test(world), permit)?;
        Ok(Outcome::DONE)
    }
}
