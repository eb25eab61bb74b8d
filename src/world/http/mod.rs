//! HTTP: requests with a time limit, tried again where that may help. No error shows an address: it may be a secret.

mod address;
mod answer;
mod asked;
mod client;
mod exchange;
#[cfg(test)]
pub(super) mod hostile;
mod redirect;
mod request;
mod tries;

pub use address::Address;
pub(in crate::world) use answer::seconds;
pub(crate) use answer::{Answer, Verdict};
pub(crate) use asked::Asked;
pub(super) use client::install_tls;
pub(super) use exchange::{Loss, Lost, ask_once};
pub(crate) use request::{Question, Request, Traffic};
pub(crate) use tries::Refusal;

use super::World;
use crate::engine::apply::Permit;
use anyhow::Result;

/// Sends a request that changes something elsewhere, and tries again as `[http]` says. The error is one line.
pub(crate) fn send(world: &World, request: &Request<'_>, _permit: &Permit) -> Result<Answer> {
    tries::try_for(world, request.address, request.judge, false, &|| exchange::send_once(world, request))
}

/// Sends a request once, for those who judge by themselves whether it may be sent again.
pub(super) fn send_once(world: &World, request: &Request<'_>, _permit: &Permit) -> Result<Answer, Lost> {
    exchange::send_once(world, request)
}

/// Asks for something that asking does not change, and tries again as `[http]` says. The error is one line.
pub(crate) fn fetch(world: &World, question: &Question<'_>) -> Result<Answer> {
    tries::try_for(world, question.address, question.judge, true, &|| exchange::ask_once(world, question))
}
