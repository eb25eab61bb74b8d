//! `GET /deployment/jobs`: the jobs of the queue.

use super::{away, json};
use crate::config::serve::Role;
use crate::queries::queue::list::List;
use crate::server::Shared;
use crate::server::answer::Refusal;
use crate::server::gate::Caller;
use crate::server::looks::ask_together;
use axum::extract::State;
use axum::response::Response;

/// The original lists so many of those that have ended.
const LIMIT: u32 = 10;

pub(super) async fn jobs(State(server): State<Shared>, caller: Caller) -> Result<Response, Refusal> {
    caller.may(Role::Read)?;
    let list = List { queue: None, limit: LIMIT };
    let answer = ask_together(&server, "deployment/jobs", list).await;
    answer.map(json).map_err(|refusal| away("Failed to retrieve jobs", &refusal))
}
