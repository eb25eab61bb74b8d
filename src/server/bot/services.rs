//! `GET /deployment/services/status`: how the services are.

use super::{away, json};
use crate::config::serve::Role;
use crate::queries::services::Services;
use crate::server::Shared;
use crate::server::answer::Refusal;
use crate::server::gate::Caller;
use crate::server::looks::ask_together;
use axum::extract::State;
use axum::response::Response;

pub(super) async fn status(State(server): State<Shared>, caller: Caller) -> Result<Response, Refusal> {
    caller.may(Role::Read)?;
    let all = Services { watch: false, services: Vec::new() };
    let answer = ask_together(&server, "deployment/services/status", all).await;
    answer.map(json).map_err(|refusal| away("Failed to retrieve services status", &refusal))
}
