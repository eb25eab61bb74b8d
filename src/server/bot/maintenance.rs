//! `POST /deployment/maintenance`: the buttons of the bot's dashboard.

use super::body::{Faults, Fields};
use super::wait::{self, Waited, count, entries, is_done, why};
use crate::config::serve::Role;
use crate::server::Shared;
use crate::server::answer::Refusal;
use crate::server::gate::Caller;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// What a button does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Button {
    CleanLogs,
    CleanQueue,
    CleanFinished,
    VacuumDb,
}

/// What became of it.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct Maintained {
    action: String,
    /// `success`, `error`, or `running` with the status 202.
    status: &'static str,
    message: String,
    details: Option<Value>,
    /// Where it can be looked up while it goes on: /api/v1/runs/ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
}

pub(super) async fn maintenance(
    State(server): State<Shared>,
    caller: Caller,
    body: Bytes,
) -> Result<Response, Refusal> {
    caller.may(Role::Operate)?;
    let action = match read(&body) {
        Ok(action) => action,
        Err(faults) => return Ok(faults.into_response()),
    };
    let button = Button::named(&action).ok_or_else(|| unknown(&action))?;
    let (what, options) = button.words();
    let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
    let told = match wait::run(&server, &caller, what, &options).await {
        Ok(Waited::Ended(report)) => button.told(action, &report),
        Ok(Waited::Running(run)) => {
            let message = format!("Maintenance en cours (run {run})");
            let told = Maintained { action, status: "running", message, details: None, run: Some(run) };
            return Ok((StatusCode::ACCEPTED, Json(told)).into_response());
        }
        Err(refusal) if refusal.status == StatusCode::CONFLICT => return Err(refusal),
        Err(refusal) => Maintained::error(action, &refusal.detail),
    };
    Ok(Json(told).into_response())
}

fn read(body: &[u8]) -> Result<String, Faults> {
    let mut fields = Fields::read(body, &["action"])?;
    let action = fields.text("action");
    fields.end().map(|()| action)
}

/// The longest name that is told again.
const LONGEST_NAME: usize = 100;

/// The original's words for an action that there is not.
pub(super) fn unknown(action: &str) -> Refusal {
    let action = crate::text::cut(&crate::text::escape(action), LONGEST_NAME);
    Refusal::new(StatusCode::BAD_REQUEST, format!("Action inconnue: {action}"))
}

impl Button {
    fn named(action: &str) -> Option<Button> {
        Some(match action {
            "clean_logs" => Button::CleanLogs,
            "clean_queue" => Button::CleanQueue,
            "clean_finished_jobs" => Button::CleanFinished,
            "vacuum_db" => Button::VacuumDb,
            _ => return None,
        })
    }

    /// The same on the command line: the command, and its options.
    fn words(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Button::CleanLogs => ("trim-logs", &["--count"]),
            Button::CleanQueue => ("queue clear", &[]),
            Button::CleanFinished => ("queue clean-finished", &[]),
            Button::VacuumDb => ("vacuum-db", &[]),
        }
    }

    /// What the original would have said of this report.
    fn told(self, action: String, report: &Value) -> Maintained {
        if !is_done(report) {
            return Maintained::error(action, &why(report));
        }
        let (message, details) = match self {
            Button::CleanLogs => match trimmed(report) {
                Some(told) => told,
                None => return Maintained::failed(action, "Fichier de logs introuvable"),
            },
            Button::CleanQueue => {
                let removed = count(report, "jobs_removed");
                (format!("Queue vidée ({removed} jobs supprimés)"), json!({ "jobs_removed": removed }))
            }
            Button::CleanFinished => cleaned(report),
            Button::VacuumDb => vacuumed(report),
        };
        Maintained { action, status: "success", message, details: Some(details), run: None }
    }
}

impl Maintained {
    fn error(action: String, why: &str) -> Maintained {
        Maintained::failed(action, &format!("Erreur lors de la maintenance: {why}"))
    }

    fn failed(action: String, message: &str) -> Maintained {
        let message = crate::logging::redacted(message).into_owned();
        Maintained { action, status: "error", message, details: None, run: None }
    }
}

/// All logs together; nothing where there is none.
fn trimmed(report: &Value) -> Option<(String, Value)> {
    let (mut lines_before, mut lines_after, mut before, mut after, mut logs) = (0, 0, 0, 0, 0);
    for log in entries(report, "logs") {
        let (lines, size) = (count(log, "lines"), count(log, "size_bytes"));
        let is_it = |step: &&Value| step["path"] == log["path"] && step["outcome"] == "done";
        let step = entries(report, "steps").find(is_it);
        lines_before += lines;
        before += size;
        lines_after += step.map_or(lines, |step| count(step, "lines_kept").min(lines));
        after += step.map_or(size, |step| count(step, "size_after_bytes"));
        logs += 1;
    }
    let details = json!({
        "size_before_mb": megabytes(before),
        "size_after_mb": megabytes(after),
        "lines_removed": lines_before - lines_after,
    });
    (logs > 0).then(|| (format!("Logs nettoyés ({lines_before} -> {lines_after} lignes)"), details))
}

fn cleaned(report: &Value) -> (String, Value) {
    let [total, finished, failed] =
        ["total_removed", "finished_removed", "failed_removed"].map(|key| count(report, key));
    let message = format!("{total} jobs nettoyés (terminés: {finished}, échoués: {failed})");
    (message, json!({ "finished_removed": finished, "failed_removed": failed, "total_removed": total }))
}

/// The keys are those of the original's database, whose vacuum told them to nobody.
fn vacuumed(report: &Value) -> (String, Value) {
    let sum = |key| entries(report, "steps").map(|step| count(step, key)).sum::<u64>();
    let (before, after) = (sum("size_before_bytes"), sum("size_after_bytes"));
    let saved = before.saturating_sub(after);
    let seconds = entries(report, "steps").filter_map(|step| step["duration_seconds"].as_f64()).sum::<f64>();
    let details = json!({
        "success": true,
        "duration_seconds": (seconds * 1_000.0).round() / 1_000.0,
        "size_before_bytes": before,
        "size_after_bytes": after,
        "space_saved_bytes": saved,
        "space_saved_mb": megabytes(saved),
        "timestamp": report["finished"],
    });
    ("Base de données optimisée (VACUUM exécuté)".to_owned(), details)
}

/// With two decimals, as the original tells sizes.
#[expect(clippy::cast_precision_loss, reason = "two decimals of a size")]
fn megabytes(bytes: u64) -> f64 {
    (bytes as f64 / f64::from(1 << 20) * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(button: Button, report: &Value) -> String {
        serde_json::to_string(&button.told("x".to_owned(), report)).unwrap()
    }

    #[test]
    fn logs_are_counted_whether_they_were_trimmed_or_not() {
        let step = json!({ "path": "a", "outcome": "done", "lines_kept": 1000, "size_after_bytes": 20_971 });
        let logs = json!([{ "path": "a", "lines": 5000, "size_bytes": 104_857 }, { "path": "b", "lines": 10, "size_bytes": 90 }]);
        let report = json!({ "status": "done", "logs": logs, "steps": [step] });
        let expected = r#"{"action":"x","status":"success","message":"Logs nettoyés (5010 -> 1010 lignes)","details":{"size_before_mb":0.1,"size_after_mb":0.02,"lines_removed":4000}}"#;
        assert_eq!(told(Button::CleanLogs, &report), expected);
    }

    #[test]
    fn without_a_log_there_is_none() {
        let expected =
            r#"{"action":"x","status":"error","message":"Fichier de logs introuvable","details":null}"#;
        assert_eq!(told(Button::CleanLogs, &json!({ "status": "done", "logs": [], "steps": [] })), expected);
    }

    #[test]
    fn what_has_failed_says_why_and_has_no_details() {
        let report = json!({ "status": "failed", "failures": ["Redis does not answer"], "jobs_removed": 0 });
        let expected = r#"{"action":"x","status":"error","message":"Erreur lors de la maintenance: Redis does not answer","details":null}"#;
        assert_eq!(told(Button::CleanQueue, &report), expected);
    }

    #[test]
    fn jobs_are_counted_as_recorded() {
        let report =
            json!({ "status": "done", "finished_removed": 12, "failed_removed": 3, "total_removed": 15 });
        let expected = r#"{"action":"x","status":"success","message":"15 jobs nettoyés (terminés: 12, échoués: 3)","details":{"finished_removed":12,"failed_removed":3,"total_removed":15}}"#;
        assert_eq!(told(Button::CleanFinished, &report), expected);
    }
}
