//! When a run is worth an alert: the first failure after success, and the first success after failure.
//!
//! An alert is remembered in the state database until it is sent. Nothing sends yet: the receivers of
//! `[alerts]` come with a later version, and find here what they have to send.

use super::apply::Permit;
use super::history::History;
use super::report::Status;
use crate::config::alerts::Event;
use crate::world::World;
use anyhow::Result;

/// What a finished run means, compared with the one before.
#[must_use]
fn event(previous: Option<&str>, status: Status) -> Option<Event> {
    let had_failed = matches!(previous, Some("failed" | "timed-out"));
    match status {
        Status::Failed | Status::TimedOut if !had_failed => Some(Event::Failure),
        Status::Done if had_failed => Some(Event::Recovery),
        _ => None,
    }
}

/// Remembers the alert that a finished run calls for, if any.
pub(super) fn consider(
    world: &World,
    history: &History<'_>,
    (job, run, status): (&str, &str, Status),
    summary: &str,
    permit: &Permit,
) -> Result<()> {
    let previous = history.previous_status(job, run)?;
    let Some(event) = event(previous.as_deref(), status) else { return Ok(()) };
    if !world.config.alerts.on.contains(&event) {
        return Ok(());
    }
    let kind = match event {
        Event::Failure => "failure",
        Event::Recovery => "recovery",
        Event::Overdue => "overdue",
    };
    history.add_alert(job, run, kind, summary, permit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_change_between_failure_and_success_is_worth_an_alert() {
        assert_eq!(event(None, Status::Failed), Some(Event::Failure));
        assert_eq!(event(Some("done"), Status::TimedOut), Some(Event::Failure));
        assert_eq!(event(Some("failed"), Status::Failed), None);
        assert_eq!(event(Some("timed-out"), Status::Done), Some(Event::Recovery));
        assert_eq!(event(Some("done"), Status::Done), None);
        assert_eq!(event(Some("failed"), Status::Interrupted(15)), None);
    }
}
