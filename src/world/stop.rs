//! What may end a run early: a signal, or the time limit.

use super::process;
use anyhow::{Context as _, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGIO, SIGTERM, SIGXFSZ};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Why a run must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// This signal came.
    Signal(u8),
    /// The time limit is reached.
    TimeLimit,
}

/// Looked at between actions and while waiting for a program.
#[derive(Debug, Default)]
pub struct Stop {
    signal: Arc<AtomicUsize>,
    is_urgent: Arc<AtomicBool>,
    deadline: OnceLock<Instant>,
}

/// From now on two signals that would end the program only fail the call that they belong to: SIGIO comes
/// when somebody opens a file that we hold a lease on, SIGXFSZ when a file grows beyond the limit.
pub(crate) fn survive() -> Result<()> {
    for signal in [SIGIO, SIGXFSZ] {
        signal_hook::flag::register(signal, Arc::default()).context("cannot listen for signals")?;
    }
    Ok(())
}

impl Stop {
    /// For a further run of this program: a signal ends that one too, the time limit of this one does not.
    pub(super) fn without_limit(&self) -> Stop {
        let Stop { signal, is_urgent, deadline: _ } = self;
        Stop { signal: Arc::clone(signal), is_urgent: Arc::clone(is_urgent), deadline: OnceLock::new() }
    }

    /// The same stop, which comes after this time at the latest.
    pub(super) fn within(&self, limit: Duration) -> Stop {
        let stop = self.without_limit();
        stop.limit(self.left().map_or(limit, |left| left.min(limit)));
        stop
    }

    /// The same stop for another who looks at it: signals and the time limit as it is set by now.
    pub(super) fn shared(&self) -> Stop {
        let Stop { signal, is_urgent, deadline } = self;
        Stop {
            signal: Arc::clone(signal),
            is_urgent: Arc::clone(is_urgent),
            deadline: deadline.get().copied().map(OnceLock::from).unwrap_or_default(),
        }
    }

    /// From now on SIGINT, SIGTERM and SIGHUP ask for a clean stop; under nohup SIGHUP stays ignored.
    pub(crate) fn listen(&self) -> Result<()> {
        let is_ignored = process::ignored();
        for signal in [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| !is_ignored(*signal)) {
            let number = signal.unsigned_abs() as usize;
            signal_hook::flag::register_usize(signal, Arc::clone(&self.signal), number)
                .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&self.is_urgent)))
                .context("cannot listen for signals")?;
        }
        Ok(())
    }

    /// Sets the time limit, counted from now.
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    pub(crate) fn limit(&self, limit: Duration) {
        self.deadline.get_or_init(|| Instant::now() + limit);
    }

    /// The stop has begun; a further signal makes it urgent.
    pub(super) fn begin(&self) {
        self.is_urgent.store(false, Relaxed);
    }

    /// True when nothing is to be waited for any more.
    pub(super) fn is_urgent(&self) -> bool {
        self.is_urgent.load(Relaxed)
    }

    /// What is left until the time limit; `None` without one.
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    pub(crate) fn left(&self) -> Option<Duration> {
        self.deadline.get().map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Waits; false when the run must end before the time is over.
    pub(crate) fn wait(&self, length: Duration) -> bool {
        const STEP: Duration = Duration::from_millis(20);
        let mut left = length;
        while self.reason().is_none() {
            if left.is_zero() {
                return true;
            }
            let step = left.min(STEP);
            std::thread::sleep(step);
            left -= step;
        }
        false
    }

    /// Why the run must end now, if it must.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    pub fn reason(&self) -> Option<Reason> {
        match self.signal.load(Relaxed) {
            0 => {}
            signal => return Some(Reason::Signal(u8::try_from(signal).unwrap_or(15))),
        }
        let is_late = self.deadline.get().is_some_and(|deadline| Instant::now() >= *deadline);
        is_late.then_some(Reason::TimeLimit)
    }
}
