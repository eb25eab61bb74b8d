//! A run on a full disk, of a job that makes room: it comes first, and is written down once there is room for that.

use super::Job;
use super::apply::{Finished, Permit, work};
use super::lock::{self, Holder, Taken};
use super::order::Order;
use super::plan::Plan;
use super::session::Session;
use crate::error::{Problem, one_line};
use crate::world::World;
use anyhow::Result;

/// Does the job, then writes it down. Its log has only what came after.
pub(super) fn perform<J: Job>(
    job: &J,
    approved: Option<Plan<J::Action>>,
    order: &Order<'_>,
    world: &World,
    permit: &Permit,
) -> Result<Finished<J::Action>> {
    if let Some(pause) = &order.paused {
        return Err(Problem::expected(order.skip_exit, format!("{}: skipped: {pause}", order.name)));
    }
    // Whatever else is wrong with the state folder still stops the job.
    world.state.examine()?;
    let name = order.lock.unwrap_or(J::LOCK);
    let holder = Holder::own(order.name, &world.clock.new_id()?, world.clock.now());
    let held = match lock::take(world, name, &holder, permit) {
        Ok(Taken::Ours(held)) => Some(held),
        Ok(Taken::Held(other)) => {
            let why = lock::describe(world, name, other.as_ref());
            return Err(Problem::with_exit(order.skip_exit, format!("{}: skipped: {why}", order.name)));
        }
        Err(error) if world.files.exists(&world.state.lock(name)) => return Err(error),
        // Without room for its file nobody else has the lock either.
        Err(_) => None,
    };
    if let Some(limit) = order.limit {
        world.stop.limit(limit);
    }
    let mut finished = work(job, approved, order, world, permit);
    drop(held);
    let notes = &mut finished.report.notes;
    let was_full = "the disk of the state folder was full";
    match Session::open_and_begin(order, J::LOCK, world, permit) {
        Ok((session, held, log)) => {
            notes.push(format!("{was_full}: the run could be written down only afterwards"));
            finished.report.run = Some(session.run().to_owned());
            finished.report.log = Some(log);
            session.end(&mut finished);
            drop(held);
            session.tell(finished.report.exit, &finished.report.summary());
        }
        Err(error) => {
            notes.push(format!("{was_full}, and the run is not in the history: {}", one_line(&error)));
        }
    }
    Ok(finished)
}
