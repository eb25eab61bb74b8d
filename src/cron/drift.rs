//! How a crontab differs from what the configuration wants in it. Drift is a state that is shown, never an error.

use super::entry::{ALL_DUE, Line};
use super::table::{Own, Table};
use serde::Serialize;
use std::collections::BTreeMap;

/// How a job stands in the crontab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Its line is there, exactly.
    Installed,
    /// It has a schedule and no line.
    Missing,
    /// There is a line for it, but another one.
    Changed,
    /// There is a line for a job that has no schedule, or is not configured at all.
    Orphan,
}

impl State {
    /// The word in tables.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            State::Installed => "installed",
            State::Missing => "missing",
            State::Changed => "changed",
            State::Orphan => "orphan",
        }
    }
}

/// One job of the configuration or the crontab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing<'a> {
    /// The job's name.
    pub job: &'a str,
    /// How it stands.
    pub state: State,
    /// Its first line in the crontab.
    pub installed: Option<Own<'a>>,
    /// The line that maint.toml wants.
    pub wanted: Option<&'a Line>,
    /// How many lines it has there.
    pub count: usize,
}

/// Every job that is wanted or installed, in order of name.
#[must_use]
pub fn compare<'a>(table: &Table<'a>, wanted: &'a [Line]) -> Vec<Standing<'a>> {
    let mut jobs: BTreeMap<&str, (Option<&Line>, Vec<Own<'_>>)> = BTreeMap::new();
    for line in wanted {
        jobs.entry(&line.job).or_default().0 = Some(line);
    }
    for own in table.own() {
        jobs.entry(own.job).or_default().1.push(own);
    }
    let standing = |(job, (wanted, lines)): (&'a str, (Option<&'a Line>, Vec<Own<'a>>))| {
        let (installed, count) = (lines.first().copied(), lines.len());
        let state = match (installed, wanted) {
            (None, _) => State::Missing,
            (Some(_), None) => State::Orphan,
            (Some(own), Some(line)) if own.text == line.bytes && own.is_inside && count == 1 => {
                State::Installed
            }
            (Some(_), Some(_)) => State::Changed,
        };
        Standing { job, state, installed, wanted, count }
    };
    jobs.into_iter().map(standing).collect()
}

impl Standing<'_> {
    /// What is wrong, in words; nothing when all is well.
    #[must_use]
    pub fn explain(&self) -> Option<String> {
        let what = match (self.state, self.installed) {
            (State::Installed, _) | (State::Changed, None) => return None,
            (State::Missing, _) if self.job == ALL_DUE => {
                "the line that makes up for missed runs is not in the crontab".to_owned()
            }
            (State::Orphan, _) if self.job == ALL_DUE => {
                "it makes up for missed runs, and no job of maint.toml wants that".to_owned()
            }
            (State::Missing, _) => "has a schedule, but no line in the crontab".to_owned(),
            (State::Orphan, _) => "has a line in the crontab, but no schedule in maint.toml".to_owned(),
            (State::Changed, _) if self.count > 1 => format!("has {} lines in the crontab", self.count),
            (State::Changed, Some(own)) if self.wanted.is_some_and(|line| line.bytes == own.text) => {
                format!("its line (line {}) stands outside the lines of maint", own.number)
            }
            (State::Changed, Some(own)) => {
                format!("its line (line {}) is not what maint.toml says", own.number)
            }
        };
        Some(format!("{}: {what}", self.job))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_drifting_is_told_apart() {
        let line = |job: &str| Line {
            job: job.to_owned(),
            bytes: format!("@daily /m run {job} # maint-cronjobs for s: {job} 00").into_bytes(),
            ..Line::default()
        };
        let table = "# >>> maint s\n\
            @daily /m run same # maint-cronjobs for s: same 00\n\
            @hourly /m run edited # maint-cronjobs for s: edited 00\n\
            @daily /m run twice # maint-cronjobs for s: twice 00\n\
            @daily /m run twice # maint-cronjobs for s: twice 00\n\
            @daily /m run gone # maint-cronjobs for s: gone 00\n\
            # <<< maint s\n\
            @daily /m run stray # maint-cronjobs for s: stray 00\n";
        let wanted = ["edited", "new", "same", "stray", "twice"].map(line);
        let table = Table::parse(table.as_bytes(), "s");
        let states: Vec<(&str, State)> =
            compare(&table, &wanted).iter().map(|standing| (standing.job, standing.state)).collect();
        assert_eq!(
            states,
            [
                ("edited", State::Changed),
                ("gone", State::Orphan),
                ("new", State::Missing),
                ("same", State::Installed),
                ("stray", State::Changed),
                ("twice", State::Changed),
            ]
        );
    }
}
