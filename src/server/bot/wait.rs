//! A run that a request waits for; when it takes long, the request is told where it can be looked up.

use crate::server::Shared;
use crate::server::answer::Refusal;
use crate::server::door::{self, Begun, Ended};
use crate::server::gate::Caller;
use serde_json::Value;
use std::time::Duration;
use tokio::time::timeout;

/// How long a request waits; proxies give up after a minute.
const PATIENCE: Duration = Duration::from_secs(30);
/// Reasons that are told, and characters of all of them.
const MOST_REASONS: usize = 3;
const LONGEST_REASON: usize = 500;

/// What became of a run while a request waited.
#[derive(Debug)]
pub(super) enum Waited {
    /// It has ended, with this report.
    Ended(Value),
    /// It goes on: its id.
    Running(String),
}

/// Runs a command, whose words are also what may go on only once at a time.
pub(super) async fn run(
    server: &Shared,
    caller: &Caller,
    what: &str,
    options: &[String],
) -> Result<Waited, Refusal> {
    let words: Vec<String> = what.split(' ').map(str::to_owned).chain(options.iter().cloned()).collect();
    match door::run(server, caller, what, &words).await? {
        Begun::Over(report) => Ok(Waited::Ended(report)),
        Begun::Run(started) => {
            let run = started.run.clone();
            match timeout(PATIENCE, started.finished()).await {
                Ok(ended) => ended.map(|Ended { report, .. }| Waited::Ended(report)),
                Err(_) => Ok(Waited::Running(run)),
            }
        }
    }
}

/// True when everything was done.
pub(super) fn is_done(report: &Value) -> bool {
    report["status"] == "done"
}

/// A number of a report.
pub(super) fn count(report: &Value, key: &str) -> u64 {
    report[key].as_u64().unwrap_or_default()
}

/// The entries of a list of a report.
pub(super) fn entries<'a>(report: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    report[key].as_array().into_iter().flatten()
}

/// Why a run has failed, in a line.
pub(super) fn why(report: &Value) -> String {
    let steps = entries(report, "steps").filter(|step| step["outcome"] == "failed");
    let reasons = entries(report, "failures").chain(steps.map(|step| &step["detail"]));
    let reasons: Vec<&str> = reasons.filter_map(Value::as_str).take(MOST_REASONS).collect();
    let why = match (reasons.is_empty(), report["summary"].as_str()) {
        (false, _) => reasons.join("; "),
        (true, Some(summary)) => summary.to_owned(),
        (true, None) => "the run was broken off; the history tells more".to_owned(),
    };
    crate::text::cut(&why, LONGEST_REASON)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_reasons_of_a_failed_run_are_those_of_the_whole_and_of_its_steps() {
        let steps =
            json!([{ "outcome": "done", "detail": "well" }, { "outcome": "failed", "detail": "no room" }]);
        let report = json!({ "status": "failed", "summary": "x: 2 failed", "steps": steps, "failures": ["a.log: gone"] });
        assert_eq!(why(&report), "a.log: gone; no room");
        assert_eq!(why(&json!({ "status": "timed-out", "summary": "x: stopped" })), "x: stopped");
        assert_eq!(why(&Value::Null), "the run was broken off; the history tells more");
        assert_eq!(why(&json!({ "failures": ["y".repeat(9_999)] })).chars().count(), LONGEST_REASON);
    }
}
