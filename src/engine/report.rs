//! What a run did: text, JSON, history row and REST answer come from this one value.

use super::plan::{Finding, Overview};
use crate::exit::Exit;
use crate::text;
use crate::world::files::Removal;
use crate::world::stop::Reason;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt::{self, Display};

/// What became of one action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A dry run: it was only printed.
    Planned,
    /// It was done; details, or nothing to add.
    Done(Cow<'static, str>),
    /// It was left out, and why.
    Skipped(Cow<'static, str>),
    /// It failed, and why.
    Failed(Cow<'static, str>),
}

impl Outcome {
    /// Done, with nothing to add.
    pub const DONE: Outcome = Outcome::Done(Cow::Borrowed(""));

    /// One word: planned, done, skipped or failed.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Planned => "planned",
            Outcome::Done(_) => "done",
            Outcome::Skipped(_) => "skipped",
            Outcome::Failed(_) => "failed",
        }
    }

    /// What there is to add.
    #[must_use]
    pub fn detail(&self) -> &str {
        match self {
            Outcome::Planned => "",
            Outcome::Done(text) | Outcome::Skipped(text) | Outcome::Failed(text) => text,
        }
    }
}

impl From<Removal> for Outcome {
    fn from(removal: Removal) -> Outcome {
        match removal {
            Removal::Removed => Outcome::DONE,
            Removal::Vanished => Outcome::Done("it was gone already".into()),
            Removal::Changed | Removal::NotEmpty => Outcome::Skipped("changed since it was looked at".into()),
            Removal::InUse => Outcome::Skipped("a process holds it open, or has locked its folder".into()),
            Removal::Failed(why) => Outcome::Failed(why.into()),
        }
    }
}

/// An action and what became of it.
#[derive(Debug)]
pub struct Step<'a, A> {
    /// What was to be done.
    pub action: &'a A,
    /// What became of it.
    pub outcome: &'a Outcome,
}

impl<A: Display> Display for Step<'_, A> {
    /// "would remove a.txt", "done: remove a.txt", "failed: remove b.txt: Permission denied".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Step { action, outcome } = self;
        let detail = text::escape(outcome.detail());
        match outcome {
            Outcome::Planned => write!(f, "would {action}"),
            Outcome::Failed(_) => write!(f, "failed: {action}: {detail}"),
            Outcome::Done(_) | Outcome::Skipped(_) if detail.is_empty() => {
                write!(f, "{}: {action}", outcome.word())
            }
            Outcome::Done(_) | Outcome::Skipped(_) => write!(f, "{}: {action} ({detail})", outcome.word()),
        }
    }
}

impl<A: Serialize> Serialize for Step<'_, A> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Flat<'a, A> {
            #[serde(flatten)]
            action: &'a A,
            outcome: &'a str,
            #[serde(skip_serializing_if = "str::is_empty")]
            detail: &'a str,
        }
        let Step { action, outcome } = self;
        Flat { action, outcome: outcome.word(), detail: outcome.detail() }.serialize(serializer)
    }
}

/// The actions of a plan and what became of each. Kept apart, so that a plan of half a million actions is
/// not copied to be reported.
#[derive(Debug)]
pub struct Steps<A> {
    actions: Vec<A>,
    /// As many as actions; none for a dry run.
    outcomes: Vec<Outcome>,
}

impl<A> Steps<A> {
    /// The steps of a dry run.
    pub(super) fn planned(actions: Vec<A>) -> Steps<A> {
        Steps { actions, outcomes: Vec::new() }
    }

    /// The steps of a real run: an outcome for each action.
    pub(super) fn applied(actions: Vec<A>, outcomes: Vec<Outcome>) -> Steps<A> {
        Steps { actions, outcomes }
    }

    /// The steps in order.
    pub fn iter(&self) -> impl Iterator<Item = Step<'_, A>> {
        let outcomes = self.outcomes.iter().chain(std::iter::repeat(&Outcome::Planned));
        self.actions.iter().zip(outcomes).map(|(action, outcome)| Step { action, outcome })
    }
}

impl<A: Serialize> Serialize for Steps<A> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// A dry run.
    Planned,
    /// All was done, or there was nothing to do.
    Done,
    /// All was done, and what was looked at is not well.
    Found,
    /// It failed, or part of it did.
    Failed,
    /// A signal ended it.
    Interrupted(u8),
    /// The time limit ended it.
    TimedOut,
}

impl Status {
    /// The word in reports and the history.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Status::Planned => "planned",
            Status::Done => "done",
            Status::Found => "found",
            Status::Failed => "failed",
            Status::Interrupted(_) => "interrupted",
            Status::TimedOut => "timed-out",
        }
    }

    /// The exit code that goes with it.
    #[must_use]
    pub fn exit(self) -> Exit {
        match self {
            Status::Planned | Status::Done => Exit::Done,
            Status::Found => Exit::Found,
            Status::Failed => Exit::Failed,
            Status::Interrupted(signal) => Exit::Signal(signal),
            Status::TimedOut => Exit::TimedOut,
        }
    }
}

impl From<Reason> for Status {
    fn from(reason: Reason) -> Status {
        match reason {
            Reason::Signal(signal) => Status::Interrupted(signal),
            Reason::TimeLimit => Status::TimedOut,
        }
    }
}

/// What a run did, or a dry run would do.
#[derive(Debug)]
pub struct Report<A> {
    /// The job's name.
    pub job: String,
    /// The run's id; none for a dry run.
    pub run: Option<String>,
    /// How it ended.
    pub status: Status,
    /// How the program ends.
    pub exit: Exit,
    /// When it began.
    pub started: DateTime<Utc>,
    /// When it ended.
    pub finished: DateTime<Utc>,
    /// The state that was found.
    pub overview: Option<Overview>,
    /// A few words on the whole, such as what was freed.
    pub sum: Option<String>,
    /// The same as numbers.
    pub totals: Vec<(&'static str, Value)>,
    /// What was done.
    pub steps: Steps<A>,
    /// What stands below the steps, for people.
    pub appendix: Option<String>,
    /// What was left alone and why.
    pub notes: Vec<String>,
    /// What could not be looked at, and what ended the run early.
    pub failures: Vec<String>,
    /// What a job that checks has found.
    pub findings: Vec<Finding>,
    /// The file with the run's log.
    pub log: Option<String>,
}

/// How many steps ended in each way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Of a dry run.
    pub planned: usize,
    /// Done.
    pub done: usize,
    /// Left out.
    pub skipped: usize,
    /// Failed.
    pub failed: usize,
}

impl<A> Report<A> {
    /// How many steps ended in each way; what failed without being a step counts as well.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let begin = Counts { failed: self.failures.len(), ..Counts::default() };
        self.steps.iter().fold(begin, |mut counts, step| {
            match step.outcome {
                Outcome::Planned => counts.planned += 1,
                Outcome::Done(_) => counts.done += 1,
                Outcome::Skipped(_) => counts.skipped += 1,
                Outcome::Failed(_) => counts.failed += 1,
            }
            counts
        })
    }

    /// One line: "cleanup-temp: 3 done, 1 skipped in 12 ms".
    #[must_use]
    pub fn summary(&self) -> String {
        let counts = self.counts();
        let parts = [
            (counts.planned, "planned"),
            (counts.done, "done"),
            (counts.skipped, "skipped"),
            (counts.failed, "failed"),
        ];
        let mut parts: Vec<String> = parts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{} {word}", text::thousands(count as u64)))
            .collect();
        if !self.findings.is_empty() {
            let well = self.findings.iter().filter(|finding| finding.is_well).count();
            parts.push(format!("{well} of {} well", self.findings.len()));
        }
        if parts.is_empty() {
            parts.push("nothing to do".to_owned());
        }
        parts.extend(self.sum.clone());
        let ending = match self.status {
            Status::Interrupted(_) => "; interrupted",
            Status::TimedOut => "; stopped at the time limit",
            _ => "",
        };
        let took = (self.finished - self.started).to_std().unwrap_or_default();
        let took = if self.status == Status::Planned {
            String::new()
        } else {
            format!(" in {}", text::duration(took))
        };
        format!("{}: {}{took}{ending}", self.job, parts.join(", "))
    }
}

/// RFC 3339 in UTC, to the millisecond.
#[must_use]
pub fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl<A: Serialize> Report<A> {
    /// Everything but the steps, before and behind them.
    fn serialize_around<M: SerializeMap>(
        &self,
        mut map: M,
        steps: impl FnOnce(&mut M) -> Result<(), M::Error>,
    ) -> Result<M::Ok, M::Error> {
        map.serialize_entry("job", &self.job)?;
        map.serialize_entry("run", &self.run)?;
        map.serialize_entry("status", self.status.word())?;
        map.serialize_entry("exit_code", &self.exit.code())?;
        map.serialize_entry("started", &time(self.started))?;
        map.serialize_entry("finished", &time(self.finished))?;
        map.serialize_entry("duration_seconds", &(self.finished - self.started).as_seconds_f64())?;
        map.serialize_entry("summary", &self.summary())?;
        map.serialize_entry("counts", &self.counts())?;
        if let Some(overview) = &self.overview {
            map.serialize_entry(overview.key, &overview.value)?;
        }
        for (key, value) in &self.totals {
            map.serialize_entry(key, value)?;
        }
        steps(&mut map)?;
        map.serialize_entry("notes", &self.notes)?;
        map.serialize_entry("failures", &self.failures)?;
        if !self.findings.is_empty() {
            map.serialize_entry("findings", &self.findings)?;
        }
        if let Some(log) = &self.log {
            map.serialize_entry("log", log)?;
        }
        map.end()
    }
}

impl<A: Serialize> Serialize for Report<A> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let map = serializer.serialize_map(None)?;
        self.serialize_around(map, |map| map.serialize_entry("steps", &self.steps))
    }
}

/// Steps that a page shows.
const MOST_ON_A_PAGE: usize = 1_000;

/// A report for somebody who looks at it from afar: each step also as it reads, and no more of them than a page shows.
struct OnPage<'a, A>(&'a Report<A>);

impl<A: Display> Report<A> {
    /// The same for a page: each step also as it reads, and no more of them than anybody reads.
    pub(crate) fn for_a_page(&self) -> impl Serialize + '_
    where
        A: Serialize,
    {
        OnPage(self)
    }
}

impl<A: Display + Serialize> Serialize for OnPage<'_, A> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Read<'a, A: Serialize> {
            text: String,
            #[serde(flatten)]
            step: Step<'a, A>,
        }
        let OnPage(report) = self;
        let all = report.steps.actions.len();
        let shown: Vec<_> = report.steps.iter().take(MOST_ON_A_PAGE).collect();
        let read: Vec<_> = shown.into_iter().map(|step| Read { text: step.to_string(), step }).collect();
        let map = serializer.serialize_map(None)?;
        report.serialize_around(map, |map| {
            map.serialize_entry("steps", &read)?;
            map.serialize_entry("steps_left_out", &(all - read.len()))
        })
    }
}
