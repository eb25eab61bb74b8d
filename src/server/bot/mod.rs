//! The routes of the bot's own API (system 004), with its words and forms.

mod body;
mod deploy;
mod describe;
mod health;
mod jobs;
mod maintenance;
mod services;
mod stop;
mod wait;

pub(super) use describe::describe;
pub(super) use health::Pulse;

use super::Shared;
use super::answer::Refusal;
use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use bytes::Bytes;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/health", get(health::health))
        .route("/deployment/services/status", get(services::status))
        .route("/deployment/jobs", get(jobs::jobs))
        .route("/deployment/maintenance", post(maintenance::maintenance))
        .route("/deployment/deploy", post(deploy::deploy))
        .route("/stop", post(stop::stop))
}

/// JSON that has been written already.
fn json(body: Bytes) -> Response {
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

/// What the original said when something was away, with the status that says so.
fn away(what: &str, refusal: &Refusal) -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, format!("{what}: {}", refusal.detail))
}
