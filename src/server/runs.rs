//! Runs: which there were, how each went, its log while it goes on, and its end before its time.

use super::Shared;
use super::answer::Refusal;
use super::gate::Caller;
use super::{commands, door, looks, offers};
use crate::engine::history::{self, Run};
use crate::world::World;
use crate::world::runlog::{self, Part};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Bytes at the end of a log that are shown.
const MOST_SHOWN: u64 = 1 << 20;
/// How long a log is left alone before it is looked at again: longer and longer while it says nothing.
const BETWEEN_LOOKS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(1));
/// Looks that may fail one after another, each after a long wait for its turn, before nobody follows any more.
const MOST_FAILURES: u32 = 3;
/// How often a stream says that it is alive.
const ALIVE: Duration = Duration::from_secs(10);
/// Runs in one answer.
const MOST_RUNS: u32 = 1_000;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/v1/runs", get(list))
        .route("/api/v1/runs/{run}", get(show))
        .route("/api/v1/runs/{run}/log", get(log))
        .route("/api/v1/runs/{run}/events", get(events))
        .route("/api/v1/runs/{run}/cancel", post(cancel))
}

#[derive(Debug, Deserialize)]
struct Which {
    job: Option<String>,
    limit: Option<u32>,
}

async fn list(
    State(server): State<Shared>,
    _caller: Caller,
    Query(Which { job, limit }): Query<Which>,
) -> Result<Json<Vec<Run>>, Refusal> {
    let limit = limit.unwrap_or(50).min(MOST_RUNS);
    Ok(Json(looks::look(&server, move |world| history::runs(world, job.as_deref(), limit)).await?))
}

async fn show(
    State(server): State<Shared>,
    _caller: Caller,
    Path(run): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let (run, report) = find(&server, run).await?;
    let mut shown = json!(run);
    shown["report"] = report;
    Ok(Json(shown))
}

async fn find(server: &Shared, id: String) -> Result<(Run, Value), Refusal> {
    let unknown = || Refusal::new(StatusCode::NOT_FOUND, "this site has no such run");
    looks::look(server, move |world| history::run(world, &id)).await?.ok_or_else(unknown)
}

async fn log(
    State(server): State<Shared>,
    _caller: Caller,
    Path(run): Path<String>,
) -> Result<Response, Refusal> {
    let (run, _) = find(&server, run).await?;
    let read = looks::look(&server, move |world| {
        Ok(runlog::end_of(&world.state.log(&run.job, &run.run), MOST_SHOWN).unwrap_or_default())
    });
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], read.await?).into_response())
}

async fn cancel(
    State(server): State<Shared>,
    caller: Caller,
    Path(run): Path<String>,
) -> Result<Response, Refusal> {
    let (run, _) = find(&server, run).await?;
    caller.may(offers::role_of_run(&run.job, &run.line))?;
    if !run.is_running() {
        return Err(Refusal::new(StatusCode::CONFLICT, format!("the run {} has ended already", run.run)));
    }
    let words = ["cancel".to_owned(), "--".to_owned(), run.run.clone()];
    let what = format!("the end of {}", run.run);
    Ok(commands::answer(door::run(&server, &caller, &what, &words).await?))
}

async fn events(
    State(server): State<Shared>,
    _caller: Caller,
    Path(run): Path<String>,
) -> Result<impl IntoResponse, Refusal> {
    let (run, _) = find(&server, run).await?;
    let (sender, receiver) = mpsc::channel(64);
    tokio::spawn(follow(server, run, sender));
    Ok(Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::new().interval(ALIVE).text("ping")))
}

/// Sends each line of the log, and at last how the run has ended.
async fn follow(server: Shared, run: Run, events: mpsc::Sender<Result<Event, Infallible>>) {
    let (shortest, longest) = BETWEEN_LOOKS;
    let (mut place, mut pause, mut failures) = (None, shortest, 0);
    while failures < MOST_FAILURES {
        let (job, id) = (run.job.clone(), run.run.clone());
        let looked = looks::look(&server, move |world| look_on(world, &job, &id, place)).await;
        failures = if looked.is_err() { failures + 1 } else { 0 };
        if let Ok((now, part)) = looked {
            // Its history has forgotten it.
            let Some(now) = now else { return };
            place = Some(part.end);
            pause = if part.lines.is_empty() { longest.min(pause * 2) } else { shortest };
            let has_ended = !now.is_running() && part.lines.is_empty();
            let lines = part.lines.iter().map(|line| event("line", line));
            for event in lines.chain(has_ended.then(|| event("end", &now))) {
                if events.send(Ok(event)).await.is_err() {
                    return;
                }
            }
            if has_ended {
                return;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = events.closed() => return,
        }
    }
}

/// How a run is, and what its log says from a place on.
fn look_on(world: &World, job: &str, id: &str, from: Option<u64>) -> anyhow::Result<(Option<Run>, Part)> {
    // Looked at before the log is read: what is written until the end is then read, too.
    let now = history::run(world, id)?.map(|(run, _)| run);
    Ok((now, runlog::read_on(&world.state.log(job, id), from, MOST_SHOWN)))
}

fn event(name: &str, what: &impl Serialize) -> Event {
    Event::default().event(name).data(json!(what).to_string())
}
