//! What an alert tells, as it is kept until everybody has heard of it.

use crate::engine::due::Overdue;
use crate::engine::history::Run;
use crate::engine::plan::Finding;
use crate::engine::report;
use crate::logging;
use crate::text;
use crate::world::World;
use crate::world::runlog::end_of;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Lines of the log that an alert shows.
const LINES: usize = 20;
/// They stand in so many bytes at its end.
const BYTES: u64 = 128 << 10;
/// What an alert keeps of a line.
const LONGEST_LINE: usize = 300;
/// What it tells of a finding.
const LONGEST_WORDS: usize = 1_000;

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// A job has failed.
    Failure,
    /// It works again.
    Recovery,
    /// It did not run.
    Overdue,
    /// Somebody wants to know whether alerts arrive.
    Test,
}

impl Kind {
    /// One word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Kind::Failure => "failure",
            Kind::Recovery => "recovery",
            Kind::Overdue => "overdue",
            Kind::Test => "test",
        }
    }
}

/// What an alert tells.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Alert {
    pub(crate) kind: Kind,
    pub(crate) job: String,
    /// What the job has found well or not well; `None` when this is about the job itself.
    #[serde(default)]
    pub(crate) finding: Option<String>,
    /// The run's id; empty when there was none.
    pub(crate) run: String,
    /// The word of the history for how the run ended.
    pub(crate) status: String,
    pub(crate) exit_code: Option<i64>,
    /// When this was noticed.
    pub(crate) at: DateTime<Utc>,
    pub(crate) started: DateTime<Utc>,
    pub(crate) took: Option<Duration>,
    pub(crate) summary: String,
    /// The path of the log, when there is one.
    pub(crate) log: Option<String>,
    /// The last lines of the log.
    pub(crate) tail: Vec<String>,
    /// Since when it has failed, or was to run.
    pub(crate) since: Option<DateTime<Utc>>,
    /// Failures in a row, or runs that were missed.
    pub(crate) count: u32,
}

impl Alert {
    /// An alert of a run that has ended.
    pub(super) fn of_run(
        world: &World,
        kind: Kind,
        run: &Run,
        since: Option<DateTime<Utc>>,
        count: u32,
    ) -> Alert {
        let log = world.state.log(&run.job, &run.run);
        let end = end_of(&log, BYTES);
        let lines = end.as_deref().filter(|_| kind == Kind::Failure).unwrap_or_default().lines();
        let mut lines: Vec<&str> = lines.collect();
        // The log ends with the summary, which the alert tells anyway.
        lines.pop_if(|line| line.ends_with(&run.summary));
        Alert {
            kind,
            job: run.job.clone(),
            finding: None,
            run: run.run.clone(),
            status: run.status.clone(),
            exit_code: run.exit_code,
            at: world.clock.now(),
            started: run.started,
            took: run.took(),
            summary: run.summary.clone(),
            log: end.is_some().then(|| log.display().to_string()),
            tail: lines[lines.len().saturating_sub(LINES)..]
                .iter()
                .map(|line| text::cut(line, LONGEST_LINE))
                .collect(),
            since,
            count,
        }
    }

    /// An alert of what a run has found.
    pub(super) fn of_finding(
        world: &World,
        kind: Kind,
        run: &Run,
        finding: &Finding,
        since: Option<DateTime<Utc>>,
        count: u32,
    ) -> Alert {
        Alert {
            finding: Some(text::cut(&finding.name, LONGEST_LINE)),
            summary: text::cut(&finding.words, LONGEST_WORDS),
            // The log tells of everything that was looked at.
            tail: Vec::new(),
            ..Alert::of_run(world, kind, run, since, count)
        }
    }

    /// An alert of runs that did not take place.
    pub(super) fn of_overdue(world: &World, job: &str, overdue: &Overdue) -> Alert {
        let since = overdue.since.to_utc();
        Alert {
            kind: Kind::Overdue,
            job: job.to_owned(),
            status: "overdue".to_owned(),
            summary: format!("{job}: overdue since {}", report::time(since)),
            since: Some(since),
            started: since,
            count: u32::try_from(overdue.missed).unwrap_or(u32::MAX),
            ..Alert::test(world)
        }
    }

    /// The same without any secret. Done here and not on the JSON, whose own words a secret may equal.
    pub(super) fn redacted(&self) -> Alert {
        let clean = |text: &String| logging::redacted(text).into_owned();
        Alert {
            finding: self.finding.as_ref().map(clean),
            summary: clean(&self.summary),
            log: self.log.as_ref().map(clean),
            tail: self.tail.iter().map(clean).collect(),
            ..self.clone()
        }
    }

    /// A message that only shows whether messages arrive.
    pub(crate) fn test(world: &World) -> Alert {
        Alert {
            kind: Kind::Test,
            job: "test".to_owned(),
            finding: None,
            run: String::new(),
            status: "test".to_owned(),
            exit_code: None,
            at: world.clock.now(),
            started: world.clock.now(),
            took: None,
            summary: String::new(),
            log: None,
            tail: Vec::new(),
            since: None,
            count: 0,
        }
    }
}
