//! `POST /stop`: the emergency stop.

use super::away;
use super::wait::{self, Waited, count, is_done, why};
use crate::config::serve::Role;
use crate::server::Shared;
use crate::server::answer::Refusal;
use crate::server::gate::Caller;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// What was stopped.
#[derive(Debug, Serialize, JsonSchema)]
#[expect(clippy::struct_field_names, reason = "the original's keys")]
pub(in crate::server) struct Stopped {
    status: &'static str,
    message: String,
    cancelled_jobs: u64,
    emptied_queue: u64,
    total_stopped: u64,
}

const FAILED: &str = "Erreur lors de l'arrêt d'urgence";

/// A body means nothing, as in the original.
pub(super) async fn stop(State(server): State<Shared>, caller: Caller) -> Result<Response, Refusal> {
    caller.may(Role::Operate)?;
    match wait::run(&server, &caller, "queue stop", &[]).await {
        Ok(Waited::Ended(report)) if is_done(&report) => Ok(Json(Stopped::of(&report)).into_response()),
        Ok(Waited::Ended(report)) => {
            Err(away(FAILED, &Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why(&report))))
        }
        Ok(Waited::Running(run)) => {
            let message = format!("Arrêt d'urgence en cours (run {run})");
            let told = json!({ "status": "running", "message": message, "run": run });
            Ok((StatusCode::ACCEPTED, Json(told)).into_response())
        }
        Err(refusal) if refusal.status == StatusCode::CONFLICT => Err(refusal),
        Err(refusal) => Err(away(FAILED, &refusal)),
    }
}

impl Stopped {
    fn of(report: &Value) -> Stopped {
        // What only seemed to run is not listed as running any more: the original counts it, too.
        let cancelled = count(report, "cancelled_jobs") + count(report, "abandoned");
        // Ids that led to no job were none that could be stopped.
        let emptied = count(report, "emptied_queue").saturating_sub(count(report, "ghosts_removed"));
        let total = cancelled + emptied;
        Stopped {
            status: "success",
            message: format!("Arrêt d'urgence effectué avec succès ({total} jobs arrêtés)"),
            cancelled_jobs: cancelled,
            emptied_queue: emptied,
            total_stopped: total,
        }
    }
}
