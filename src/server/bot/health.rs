//! `GET /health`: whether the server is well. Whoever watches asks often, so the words are kept for a moment.

use crate::server::Shared;
use crate::server::site;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long the same words are said again.
const FRESH: Duration = Duration::from_millis(100);

/// What was said last, and when.
#[derive(Debug, Default)]
pub(in crate::server) struct Pulse(Mutex<Option<(Instant, Bytes)>>);

/// Whether the server is well.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::server) struct Health {
    /// `degraded` while maint.toml cannot be read: then the site is served as it was before.
    status: &'static str,
    timestamp: String,
    version: &'static str,
}

/// Answers however long a look takes.
pub(super) async fn health(State(server): State<Shared>) -> Response {
    drop(site::look_again(&server));
    let mut last = server.pulse.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, words)) = last.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
        return super::json(words.clone());
    }
    let words: Bytes = serde_json::to_vec(&Health::of(&server)).unwrap_or_default().into();
    *last = Some((Instant::now(), words.clone()));
    super::json(words)
}

impl Health {
    fn of(server: &Shared) -> Health {
        Health {
            status: if server.site.is_well() { "healthy" } else { "degraded" },
            timestamp: server.site.time().format("%Y-%m-%dT%H:%M:%S%.6f").to_string(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}
