//! `maint run --all-due`: what was missed is made up for, once for each job.

use super::dispatch::{ByHand, run_job};
use super::{complain, error_document};
use crate::engine::due;
use crate::exit::Exit;
use crate::logging;
use crate::text;
use crate::ui::Ui;
use crate::world::stop::Reason;
use anyhow::Result;
use std::cell::RefCell;

/// Runs every overdue job whose `missed` is "once", in order of name.
pub(super) fn run_all_due(by_hand: &ByHand<'_>) -> Result<Exit> {
    let ByHand { world, ui, .. } = *by_hand;
    world.site_file()?;
    let overdue = due::overdue(world)?;
    let (wanted, left_out): (Vec<&str>, Vec<&str>) = overdue
        .keys()
        .map(String::as_str)
        .partition(|name| world.config.is_made_up_for(&world.config.jobs[*name]));
    for name in left_out.iter().filter(|_| ui.verbosity > 0 || (ui.is_terminal() && ui.verbosity == 0)) {
        ui.error(&format!("{name}: left out: missed = \"skip\"; run it with `maint run {name}`"));
    }
    if wanted.is_empty() && ui.is_terminal() && ui.verbosity >= 0 && !ui.is_json() {
        ui.out("nothing is due\n")?;
    }
    let reports = RefCell::default();
    let mut exits = Vec::new();
    for (index, name) in wanted.iter().enumerate() {
        exits.push(run_one(by_hand, name, &reports));
        if let Some(Reason::Signal(signal)) = world.stop.reason() {
            exits.push(Exit::Signal(signal));
            let rest = &wanted[index + 1..];
            if !rest.is_empty() {
                ui.error(&format!("interrupted; not run: {}", rest.join(", ")));
            }
            break;
        }
    }
    if ui.is_json() {
        ui.out(&logging::redacted(&text::json(&reports)?))?;
    }
    Ok(worst(&exits))
}

/// An ordinary run, with a clock, a time limit and a progress bar of its own.
fn run_one(by_hand: &ByHand<'_>, name: &str, reports: &RefCell<Vec<serde_json::Value>>) -> Exit {
    let world = by_hand.world.later();
    // Cron, or another series, may have run it while the one before took its time.
    if due::overdue(&world).is_ok_and(|overdue| !overdue.contains_key(name)) {
        return Exit::Done;
    }
    let ui = Ui::new(by_hand.ui.form, by_hand.ui.verbosity, by_hand.global.color);
    let one = ByHand { world: &world, ui: &ui, reports: Some(reports), ..*by_hand };
    run_job(&one, name).unwrap_or_else(|error| {
        let mut document = error_document(&error);
        document["job"] = name.into();
        reports.borrow_mut().push(document);
        complain(&error, &ui)
    })
}

/// The exit code of the whole: a signal's, else that of the first failure, else that of the first skipped run.
fn worst(exits: &[Exit]) -> Exit {
    let first = |is_wanted: fn(&Exit) -> bool| exits.iter().copied().find(is_wanted);
    first(|exit| matches!(exit, Exit::Signal(_)))
        .or_else(|| first(|exit| !matches!(exit, Exit::Done | Exit::Skipped | Exit::SkippedAs(_))))
        .or_else(|| first(|exit| exit.code() != 0))
        .unwrap_or(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_outweighs_a_failure_and_a_failure_a_skipped_run() {
        assert_eq!(worst(&[]), Exit::Done);
        assert_eq!(worst(&[Exit::Done, Exit::SkippedAs(0)]), Exit::Done);
        assert_eq!(worst(&[Exit::SkippedAs(0), Exit::Skipped, Exit::Done]), Exit::Skipped);
        assert_eq!(worst(&[Exit::Skipped, Exit::TimedOut, Exit::Failed]), Exit::TimedOut);
        assert_eq!(worst(&[Exit::Failed, Exit::Signal(15)]), Exit::Signal(15));
    }
}
