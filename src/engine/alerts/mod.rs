//! Alerts: what a finished run is worth, and how those who want to know hear of it.
//!
//! A run is weighed when it has ended, in one transaction with the alerts that it raises; so a `maint` that is killed
//! loses none. Each alert is sent to each receiver, and remembered as sent, by itself.

mod alert;
mod delivery;
mod latch;
mod ledger;
mod receivers;
mod words;

pub(crate) use alert::Alert;
pub(crate) use receivers::{check, send};

use super::apply::Permit;
use super::due::{self, Overdue};
use super::history::History;
use crate::config::alerts::Event;
use crate::error::one_line;
use crate::world::World;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// The longest that a run waits for its alerts to be sent.
const PATIENCE: Duration = Duration::from_secs(30);

/// The jobs that should have run, looked at before a run begins: it may be the late run of one of them.
pub(super) fn overdue(world: &World) -> BTreeMap<String, Overdue> {
    let alerts = &world.config.alerts;
    if alerts.told().is_empty() || !alerts.on.contains(&Event::Overdue) {
        return BTreeMap::new();
    }
    due::overdue(world).unwrap_or_else(|error| {
        log::warn!("{}", one_line(&error));
        BTreeMap::new()
    })
}

/// Weighs what has ended and what was `overdue`, and sends what waits. Nothing of this changes what became of the run: `log` and stderr
/// tell what could not be sent.
pub(super) fn tell(
    world: &World,
    history: &History<'_>,
    overdue: &BTreeMap<String, Overdue>,
    log: &Path,
    permit: &Permit,
) {
    if world.config.alerts.told().is_empty() {
        return;
    }
    // The run may have taken hours, and its time limit may be reached.
    let world = world.later();
    let mut complaints = Vec::new();
    if let Err(error) = ledger::weigh(&world, history, overdue, permit) {
        complaints.push(format!("alerts: {}", one_line(&error)));
    }
    if world.stop.reason().is_none() {
        world.stop.limit(PATIENCE);
        complaints.extend(delivery::deliver(&world, history, permit));
    }
    super::session::warn(log, &complaints, permit);
}
