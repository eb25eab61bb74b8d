//! One run at a time: a kernel lock on a file that says who holds it.
//!
//! The kernel frees the lock when its holder dies, however it dies, so no lock is ever stale. The text in
//! the file is only for the message. An error while locking stops the job; it never means "not locked".

use super::apply::Permit;
use crate::text;
use crate::world::World;
use crate::world::process::Identity;
use anyhow::Result;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::time::Duration;

/// Who holds a lock.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Holder {
    /// The job.
    pub job: String,
    /// Its run.
    pub run: String,
    /// The process.
    pub pid: u32,
    /// Its start, in clock ticks since boot: a later process may have the same number.
    pub pid_started: u64,
    /// When the run began.
    pub started: DateTime<Utc>,
}

impl Holder {
    /// This process, for a run of `job`.
    #[must_use]
    pub fn own(job: &str, run: &str, started: DateTime<Utc>) -> Holder {
        let own = Identity::own();
        Holder { job: job.to_owned(), run: run.to_owned(), pid: own.pid, pid_started: own.started, started }
    }

    /// True while the process that took the lock runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        Identity { pid: self.pid, started: self.pid_started }.is_alive()
    }
}

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

/// The answer to a wish for a lock.
#[derive(Debug)]
pub enum Taken {
    /// It is ours.
    Ours(Lock),
    /// Somebody else has it, and who, if the file tells.
    Held(Option<Holder>),
}

/// Takes the lock `name` for `own`; while somebody else has it, it is asked for again until `patience` ends.
pub fn take_patiently(
    world: &World,
    name: &str,
    own: &Holder,
    patience: Duration,
    permit: &Permit,
) -> Result<Taken> {
    let step = Duration::from_millis(20);
    let mut waited = Duration::ZERO;
    loop {
        match take(world, name, own, permit)? {
            Taken::Held(_) if waited < patience && world.stop.reason().is_none() => {
                std::thread::sleep(step);
                waited += step;
            }
            taken => return Ok(taken),
        }
    }
}

/// Takes the lock `name` for `own`, or says who has it.
///
/// It tries again for a second while the lock is held by nobody who lives: the winner of a race may not
/// have signed yet, and of a killed holder a child may be left that shares the lock until its own program
/// starts. It also tries again when the file was removed between opening and locking, and protects nothing.
pub fn take(world: &World, name: &str, own: &Holder, permit: &Permit) -> Result<Taken> {
    for _ in 0..100 {
        let mut file = world.state.open_lock(name, permit)?;
        match file.try_lock() {
            Ok(()) if world.state.is_current(name, &file) => {
                match sign(&mut file, own) {
                    // On a full disk nobody learns who holds the lock; it is held all the same.
                    Err(error) if error.kind() != ErrorKind::StorageFull => {
                        return Err(world.state.problem(&error));
                    }
                    _ => {}
                }
                return Ok(Taken::Ours(Lock { file }));
            }
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => match holder(world, name) {
                Some(other) => return Ok(Taken::Held(Some(other))),
                None => std::thread::sleep(Duration::from_millis(10)),
            },
            Err(TryLockError::Error(error)) => return Err(world.state.problem(&error)),
        }
    }
    Ok(Taken::Held(None))
}

/// The holder of a lock as its file tells it, when that process is alive.
fn holder(world: &World, name: &str) -> Option<Holder> {
    let content = world.files.read_text(&world.state.lock(name), 4_096).ok()?;
    serde_json::from_str::<Holder>(&content).ok().filter(Holder::is_alive)
}

fn sign(file: &mut File, holder: &Holder) -> std::io::Result<()> {
    // What an earlier, killed holder left must not shine through.
    file.set_len(0)?;
    file.write_all(serde_json::to_string(holder)?.as_bytes())
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The text goes first; the kernel frees the lock when the file is closed.
        let _ = self.file.set_len(0);
    }
}

/// The sentence for a run that found its lock taken.
#[must_use]
pub fn describe(world: &World, lock: &str, holder: Option<&Holder>) -> String {
    match holder {
        Some(holder) => format!(
            "{} is running (lock {lock}, pid {}, since {})",
            text::escape(&holder.job),
            holder.pid,
            world.clock.show(holder.started)
        ),
        None => format!("another run holds the lock {lock}"),
    }
}
