//! How a job is to be carried out, whatever the job is, and who watches.

use crate::exit::Exit;
use std::time::Duration;

/// Whether the plan is printed or applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Print it.
    DryRun,
    /// Apply it.
    Real,
}

/// How a job is to be carried out.
pub struct Order<'a> {
    /// Its name in history, logs and messages.
    pub name: &'a str,
    /// Instead of the job's own lock.
    pub lock: Option<&'a str>,
    /// How long a lock that somebody else holds is waited for.
    pub patience: Duration,
    /// What is run, for the history.
    pub line: &'a str,
    /// Print or apply.
    pub mode: Mode,
    /// A job of `maint.toml`: nobody may be looking, so even a refusal goes into the history.
    pub is_scheduled: bool,
    /// What becomes of it is worth an alert.
    pub is_told: bool,
    /// Set when the job is paused, with the words for it: the run is skipped.
    pub paused: Option<String>,
    /// Questions are answered with yes.
    pub is_forced: bool,
    /// The run is ended after this time.
    pub limit: Option<Duration>,
    /// How the program ends when the run is skipped.
    pub skip_exit: Exit,
    /// The log grows no larger than this many bytes.
    pub log_limit: u64,
    /// Who watches and answers.
    pub front: &'a dyn Front,
}

/// Whoever started the run: a terminal, cron, the server.
pub trait Front: Sync {
    /// Puts a question.
    fn ask(&self, question: &str) -> Answer;
    /// Sees that a run has begun, and its id.
    fn began(&self, job: &str, run: &str);
    /// Sees that so many actions of the total are through.
    fn progress(&self, done: usize, total: usize);
}

/// The answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Go on.
    Yes,
    /// Do nothing.
    No,
    /// There is no terminal to ask on.
    Nobody,
}
