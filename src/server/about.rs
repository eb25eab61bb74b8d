//! What the page asks first: which site this is, who asks, and which of its parts there are; and the page for Prometheus.

use super::Shared;
use super::answer::Refusal;
use super::gate::Caller;
use super::{looks, site};
use crate::config::Config;
use crate::config::serve::Role;
use crate::config::site::Language;
use crate::engine::metrics;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use schemars::JsonSchema;
use serde::Serialize;

/// What Prometheus calls its text format.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/api/v1/site", get(about)).route("/metrics", get(page_of_metrics))
}

/// The site, and who asks.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct About {
    /// Its name.
    site: String,
    /// Of `maint`.
    version: String,
    /// Of the site's notifications.
    language: Language,
    /// The name of the caller's key.
    key: String,
    role: Role,
    parts: Parts,
}

/// What maint.toml configures.
#[derive(Debug, Serialize, JsonSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is a part of its own")]
struct Parts {
    queue: bool,
    services: bool,
    deploy: bool,
    fiches: bool,
    database: bool,
    logs: bool,
}

impl Parts {
    fn of(config: &Config) -> Parts {
        let has_checks = config.checks.values().any(|check| check.http.is_some());
        let has_job = |words: &str| config.jobs.values().any(|job| job.line().starts_with(words));
        Parts {
            queue: config.redis.is_some(),
            services: config.compose.is_some() || config.redis.is_some() || has_checks,
            deploy: config.compose.is_some(),
            fiches: config.update_fiches.api_key.is_some() || has_job("update-fiches"),
            database: !config.databases.is_empty(),
            logs: !config.trim_logs.paths.is_empty(),
        }
    }
}

async fn about(State(server): State<Shared>, caller: Caller) -> Json<About> {
    let world = site::world(&server).await;
    let Caller { name: key, role } = caller;
    Json(About {
        site: world.config.site_name().to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        language: world.config.site.language_of_alerts(),
        key,
        role,
        parts: Parts::of(&world.config),
    })
}

async fn page_of_metrics(
    State(server): State<Shared>,
    _caller: Caller,
) -> Result<impl IntoResponse, Refusal> {
    Ok(([(CONTENT_TYPE, PROMETHEUS)], looks::look(&server, metrics::page).await?))
}
