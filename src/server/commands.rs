//! The jobs of the command line, and those of maint.toml: what they would do, and runs of them.

use super::Shared;
use super::answer::Refusal;
use super::door::{self, Begun};
use super::gate::Caller;
use super::{looks, offers, site};
use crate::engine::Query as _;
use crate::engine::history::{self, Run};
use crate::queries::jobs::Jobs;
use crate::queries::status::Status;
use crate::world::World;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};

/// Runs of each job that the page shows.
const RECENT: u32 = 20;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/v1/commands", get(list_commands))
        .route("/api/v1/commands/{name}/plan", post(plan_command))
        .route("/api/v1/commands/{name}/runs", post(run_command))
        .route("/api/v1/jobs", get(list_jobs))
        .route("/api/v1/jobs/{job}/plan", post(plan_job))
        .route("/api/v1/jobs/{job}/runs", post(run_job))
}

async fn list_commands(_caller: Caller) -> Json<Value> {
    let of = |offer: offers::Offer| {
        let (name, about) = (offer.name(), offer.about());
        json!({ "name": name, "words": offer.words, "about": about, "role": offer.role, "options": offer.schema() })
    };
    Json(offers::jobs().map(of).collect())
}

async fn plan_command(
    State(server): State<Shared>,
    caller: Caller,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    let (_, words) = words_of(&caller, &name, &body)?;
    Ok(Json(door::plan(&server, &caller, &words).await?))
}

async fn run_command(
    State(server): State<Shared>,
    caller: Caller,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let (what, words) = words_of(&caller, &name, &body)?;
    Ok(answer(door::run(&server, &caller, what, &words).await?))
}

/// What is asked for, and its words.
fn words_of(caller: &Caller, name: &str, body: &[u8]) -> Result<(&'static str, Vec<String>), Refusal> {
    let unknown =
        || Refusal::new(StatusCode::NOT_FOUND, "there is no such command; /api/v1/commands lists them");
    let offer = offers::jobs().find(|offer| offer.name() == name).ok_or_else(unknown)?;
    caller.may(offer.role)?;
    let wrong = |why: String| Refusal::new(StatusCode::BAD_REQUEST, why);
    let options = options_of(body).map_err(wrong)?;
    let words = offer.line(&options).map_err(wrong)?;
    Ok((offer.words, words))
}

/// The options in a body; an empty one has none.
fn options_of(body: &[u8]) -> Result<Map<String, Value>, String> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(body).map_err(|error| format!("the body is no JSON object of options: {error}"))
}

async fn list_jobs(State(server): State<Shared>, _caller: Caller) -> Result<Json<Value>, Refusal> {
    Ok(Json(looks::look(&server, jobs_of).await?))
}

/// What `maint jobs` and `maint status` tell of each job, and its last runs.
fn jobs_of(world: &World) -> anyhow::Result<Value> {
    let jobs = serde_json::to_value(Jobs {}.ask(world)?)?;
    let status = serde_json::to_value(Status { check: false }.ask(world)?)?;
    let recent = history::recent(world, RECENT)?;
    let (Value::Array(jobs), Value::Array(status)) = (jobs, status) else { return Ok(Value::Null) };
    let joined = jobs.into_iter().zip(status).map(|(mut job, status)| {
        let name = job["job"].as_str().unwrap_or_default();
        let own: Vec<&Run> = recent.iter().filter(|run| run.job == name).collect();
        let own = json!(own);
        job["role"] = json!(offers::role_of_line(job["runs"].as_str().unwrap_or_default()));
        job["state"] = status["state"].clone();
        job["overdue"] = status["overdue"].clone();
        job["recent"] = own;
        job
    });
    Ok(joined.collect())
}

async fn plan_job(
    State(server): State<Shared>,
    caller: Caller,
    Path(job): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let words = words_of_job(&server, &caller, &job).await?;
    Ok(Json(door::plan(&server, &caller, &words).await?))
}

async fn run_job(
    State(server): State<Shared>,
    caller: Caller,
    Path(job): Path<String>,
) -> Result<Response, Refusal> {
    let words = words_of_job(&server, &caller, &job).await?;
    Ok(answer(door::run(&server, &caller, &format!("the job {job}"), &words).await?))
}

async fn words_of_job(server: &Shared, caller: &Caller, job: &str) -> Result<Vec<String>, Refusal> {
    let world = site::world(server).await;
    let unknown = || Refusal::new(StatusCode::NOT_FOUND, "there is no such job; /api/v1/jobs lists them");
    let entry = world.config.jobs.get(job).ok_or_else(unknown)?;
    caller.may(offers::role_of_line(entry.line()))?;
    Ok(vec!["run".to_owned(), job.to_owned()])
}

/// 202 with the id of the run; 200 with the report of what was over before a run began.
pub(super) fn answer(begun: Begun) -> Response {
    match begun {
        Begun::Run(started) => {
            let place = format!("/api/v1/runs/{}", started.run);
            let told = Json(json!({ "run": started.run, "job": started.job }));
            (StatusCode::ACCEPTED, [(LOCATION, place)], told).into_response()
        }
        Begun::Over(report) => Json(report).into_response(),
    }
}
