//! The queries of the command line: the same words, the same JSON.

use super::Shared;
use super::answer::Refusal;
use super::gate::Caller;
use super::{looks, offers};
use crate::cli;
use crate::world::World;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/api/v1/queries/{name}", get(ask))
}

async fn ask(
    State(server): State<Shared>,
    _caller: Caller,
    Path(name): Path<String>,
    Query(options): Query<BTreeMap<String, String>>,
) -> Result<impl IntoResponse, Refusal> {
    let unknown =
        || Refusal::new(StatusCode::NOT_FOUND, "there is no such query; /api/v1/openapi.json lists them");
    let offer = offers::queries().find(|offer| offer.name() == name).ok_or_else(unknown)?;
    let options: Map<String, Value> = options.into_iter().map(|(name, value)| (name, value.into())).collect();
    let words = offer.line(&options).map_err(|why| Refusal::new(StatusCode::BAD_REQUEST, why))?;
    let question = words.join("\0");
    let look = move |world: &World| Ok(cli::answer(world, &words)?.1.into());
    let json = looks::together(&server, &question, look).await?;
    Ok(([(CONTENT_TYPE, "application/json")], json))
}
