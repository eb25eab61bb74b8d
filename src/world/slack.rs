//! Slack: messages to an incoming webhook.

use super::World;
use super::http::{self, Address, Answer, Request, Verdict};
use crate::engine::apply::Permit;
use anyhow::Result;
use reqwest::StatusCode;
use serde_json::Value;
use std::borrow::Cow;

/// Posts a message. The error is one line.
pub(crate) fn post(world: &World, webhook: &Address, message: &Value, permit: &Permit) -> Result<()> {
    let request = Request::post(webhook, "application/json", message.to_string()).judged_by(&judge);
    http::send(world, &request, permit).map(drop)
}

/// Slack answers 200 to what it has taken, and nothing else.
fn judge(answer: &Answer) -> Verdict {
    match answer.verdict() {
        Verdict::Good if answer.status != StatusCode::OK => Verdict::Never(answer.words()),
        verdict => verdict,
    }
}

/// `text` without Slack's own signs: none of them can name or call anybody.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>']) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"))
}
