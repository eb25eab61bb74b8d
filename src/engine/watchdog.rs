//! Ends a run that must end and does not: a step that hangs in the kernel (a dead disk, say).

use super::apply::Permit;
use super::history::{Ending, History};
use super::report::Status;
use crate::error::one_line;
use crate::logging;
use crate::world::World;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// Seconds that a run gets to end by itself after it was told to.
const PATIENCE: u32 = 8;

/// Watches until the sender of `done` is gone.
pub(super) fn watch(world: &World, done: &Receiver<()>, run: &str, permit: &Permit) {
    let mut late = 0;
    while done.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
        let Some(reason) = world.stop.reason() else { continue };
        late += 1;
        if late > PATIENCE {
            give_up(world, reason.into(), run, permit);
        }
    }
}

#[expect(clippy::exit, reason = "the main thread hangs in the kernel: there is no other way out")]
fn give_up(world: &World, status: Status, run: &str, permit: &Permit) -> ! {
    let summary = format!("{}: ended although a step still hung", status.word());
    log::error!("{summary}");
    let ending = Ending {
        status: status.word(),
        exit_code: status.exit().code(),
        finished: world.clock.reading(),
        summary: &summary,
        report: "{}",
    };
    if let Err(error) = History::open(world, permit).and_then(|history| history.end(run, &ending, permit)) {
        log::error!("{}", one_line(&error));
    }
    let _ = logging::detach();
    std::process::exit(status.exit().code().into())
}
