//! Sends what waits: to all receivers at the same time, so that a dead one keeps nobody else waiting.

use super::alert::Alert;
use super::{ledger, receivers};
use crate::config::alerts::Receiver;
use crate::engine::apply::Permit;
use crate::engine::history::History;
use crate::error::one_line;
use crate::world::World;
use crate::world::http::Refusal;
use anyhow::Result;
use chrono::Duration;
use std::fs::File;
use std::sync::mpsc::{Sender, channel};

/// No job can have a lock of this name: names begin with a letter or digit.
const LOCK: &str = ".alerts";
/// What could not be sent for so long is of no use any more.
const OLDEST: Duration = Duration::days(3);
/// When alerts of so many jobs could not be sent, the receiver is left alone until the next run.
const MOST_FAILURES: usize = 2;

/// What became of sending one alert to one receiver.
type Sent = (Receiver, i64, Result<()>);

/// Sends what waits, and returns what there is to complain of.
pub(super) fn deliver(world: &World, history: &History<'_>, permit: &Permit) -> Vec<String> {
    let receivers = world.config.alerts.told();
    let mut complaints = Vec::new();
    let delivered = queues(world, history, &receivers, permit).and_then(|(_turn, queues, given_up)| {
        complaints
            .extend(given_up.into_iter().map(|text| format!("alerts: given up after three days: {text}")));
        let waiting: usize = queues.iter().map(|(_, queue)| queue.len()).sum();
        if waiting > 0 {
            send_all(world, history, queues, &mut complaints, permit)?;
            ledger::close(history, &receivers, world.clock.reading(), permit)?;
        }
        Ok(())
    });
    complaints.extend(delivered.err().map(|error| format!("alerts: {}", one_line(&error))));
    complaints
}

type Queue = (Receiver, Vec<(i64, Alert)>);

/// What waits for each receiver, once it is this run's turn to send; and what was given up.
fn queues(
    world: &World,
    history: &History<'_>,
    receivers: &[Receiver],
    permit: &Permit,
) -> Result<(Option<File>, Vec<Queue>, Vec<String>)> {
    let queues = || -> Result<Vec<Queue>> {
        receivers.iter().map(|receiver| Ok((*receiver, ledger::waiting(history, *receiver)?))).collect()
    };
    if queues()?.iter().all(|(_, queue)| queue.is_empty()) {
        return Ok((None, Vec::new(), Vec::new()));
    }
    let turn = turn(world, permit)?;
    let now = world.clock.now();
    ledger::close(history, receivers, now, permit)?;
    let given_up = ledger::give_up(world, history, now - OLDEST, permit)?;
    Ok((Some(turn), queues()?, given_up))
}

/// Waits until no other run sends: two of them would send everything twice.
fn turn(world: &World, permit: &Permit) -> Result<File> {
    let file = world.state.open_lock(LOCK, permit)?;
    while file.try_lock().is_err() {
        if !world.stop.wait(std::time::Duration::from_millis(50)) {
            anyhow::bail!("another run was still sending; what waits is sent by the next run");
        }
    }
    Ok(file)
}

fn send_all(
    world: &World,
    history: &History<'_>,
    queues: Vec<Queue>,
    complaints: &mut Vec<String>,
    permit: &Permit,
) -> Result<()> {
    let (sender, results) = channel::<Sent>();
    std::thread::scope(|scope| {
        for (receiver, queue) in queues {
            let sender = sender.clone();
            let work = move || send_queue(world, receiver, &queue, &sender, permit);
            if std::thread::Builder::new().spawn_scoped(scope, work).is_err() {
                complaints.push(format!("alerts to {receiver} wait: no thread can be started"));
            }
        }
        drop(sender);
        let mut failed: Vec<Receiver> = Vec::new();
        for (receiver, id, result) in results {
            match result {
                Ok(()) => ledger::note(history, id, receiver, world.clock.reading(), permit)?,
                // It would be refused again and keep others waiting.
                Err(error) if error.is::<Refusal>() => {
                    ledger::note(history, id, receiver, world.clock.reading(), permit)?;
                    complaints.push(format!("an alert to {receiver} is given up: {}", one_line(&error)));
                }
                Err(_) if failed.contains(&receiver) => {}
                Err(error) => {
                    failed.push(receiver);
                    let why = one_line(&error);
                    complaints.push(format!("alerts to {receiver} wait for the next run: {why}"));
                }
            }
        }
        Ok(())
    })
}

/// Sends one after another, in the order in which they were raised: nobody is to read that a job has failed after
/// reading that it works again.
fn send_queue(
    world: &World,
    receiver: Receiver,
    queue: &[(i64, Alert)],
    results: &Sender<Sent>,
    permit: &Permit,
) {
    let mut held: Vec<&str> = Vec::new();
    for (id, alert) in queue {
        if held.len() == MOST_FAILURES || world.stop.reason().is_some() {
            return;
        }
        if held.contains(&alert.job.as_str()) {
            continue;
        }
        let result = receivers::send(world, receiver, alert, permit);
        if result.as_ref().is_err_and(|error| !error.is::<Refusal>()) {
            held.push(&alert.job);
        }
        // Nobody listens any more when the state cannot be written.
        if results.send((receiver, *id, result)).is_err() {
            return;
        }
    }
}
