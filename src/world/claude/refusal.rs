//! What it means that Claude does not answer, by Anthropic's documentation of errors.

use super::Setback;
use super::access::Access;
use crate::text;
use crate::world::http::{Answer, Loss, Lost};
use std::time::Duration;

/// Words of a limit of money, in codes and in messages.
const MONEY: [&str; 4] = ["spend", "billing", "credit balance", "usage limit"];
/// What is shown of the id of a request.
const MOST_ID: usize = 64;

/// A try that brought nothing.
#[derive(Debug)]
pub(super) struct Miss {
    /// What it comes to when no other try follows.
    pub(super) setback: Setback,
    pub(super) again: Again,
    /// The time that the server asks for.
    pub(super) wait: Option<Duration>,
    /// An answer may have been written, and is paid for all the same.
    pub(super) may_be_paid: bool,
    /// The request has surely had no effect.
    pub(super) is_harmless: bool,
}

/// How often another try may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    Never,
    Once,
    Often,
}

impl Miss {
    /// An answer that is none.
    pub(super) fn odd() -> Miss {
        let why = "Claude: its answer is not what was asked for; see `base_url` of [update-fiches]";
        Miss {
            setback: Setback::Request(why.to_owned()),
            again: Again::Once,
            wait: None,
            may_be_paid: true,
            is_harmless: false,
        }
    }

    /// No answer came, or none that can be judged.
    pub(super) fn of(Lost { why, loss }: Lost, access: &Access) -> Miss {
        let again = match loss {
            Loss::Unsent | Loss::Cut => Again::Often,
            Loss::Slow => Again::Once,
            Loss::Useless | Loss::Ended => Again::Never,
        };
        let setback = match loss {
            Loss::Ended => Setback::Ended,
            // The address may be the cause.
            Loss::Unsent => Setback::Request(format!("Claude at {}: {why}", access.machine())),
            _ => Setback::Request(format!("Claude: {why}")),
        };
        let is_harmless = loss == Loss::Unsent;
        Miss { setback, again, wait: None, may_be_paid: !is_harmless, is_harmless }
    }
}

/// What an answer means that is none.
pub(super) fn miss(answer: &Answer, access: &Access) -> Miss {
    let status = answer.status.as_u16();
    let is_money = matches!(status, 400 | 402 | 403 | 429) && is_of_money(answer);
    let wait = answer.retry_after();
    let ends_run = match status {
        300..=399 | 401..=404 => true,
        400 => is_money,
        // A limit of requests says how long it lasts; one of money does not.
        429 => is_money || wait.is_none(),
        _ => false,
    };
    let may_pass = match answer.header("x-should-retry") {
        Some("true") => !is_money,
        Some("false") => false,
        _ => matches!(status, 408 | 409 | 429 | 500..=599) && !ends_run,
    };
    let why = words(answer, access, is_money);
    let is_for_all = ends_run || (status == 429 && !may_pass);
    let setback = if is_for_all { Setback::Run(why) } else { Setback::Request(why) };
    let again = if may_pass { Again::Often } else { Again::Never };
    let is_harmless = status == 529 || (status < 500 && status != 408);
    Miss { setback, again, wait, may_be_paid: false, is_harmless }
}

/// True for an error that says that there is no more money, or that no more may be spent.
fn is_of_money(answer: &Answer) -> bool {
    let json = answer.json().unwrap_or_default();
    let error = &json["error"];
    let code = error["details"]["error_code"].as_str().unwrap_or_default();
    let message = error["message"].as_str().unwrap_or_default();
    let has = |text: &str| MONEY.iter().any(|word| text.to_lowercase().contains(word));
    error["type"] == "billing_error" || has(code) || has(message)
}

/// "Claude: it answers 401 Unauthorized: invalid x-api-key; put a valid key into `$ANTHROPIC_API_KEY`"
fn words(answer: &Answer, access: &Access, is_money: bool) -> String {
    let said = answer.status_with(&access.hide(&answer.own_words()));
    let cure = match answer.status.as_u16() {
        _ if is_money => "; raise the limit, or pay, in Anthropic's console".to_owned(),
        300..=399 => ", and redirects are not followed; correct `base_url` of [update-fiches]".to_owned(),
        401 => format!("; put a valid key into {}", access.place),
        402 => "; pay in Anthropic's console".to_owned(),
        403 => format!("; put a key that may do this into {}", access.place),
        404 => "; correct `model` or `base_url` of [update-fiches]".to_owned(),
        429 if answer.retry_after().is_none() => {
            "; it does not say until when, as for a spend limit: see Anthropic's console".to_owned()
        }
        _ => request_id(answer).map(|id| format!(" ({id})")).unwrap_or_default(),
    };
    format!("Claude: {said}{cure}")
}

/// What Anthropic knows the request by.
fn request_id(answer: &Answer) -> Option<String> {
    let told = answer.json().and_then(|json| json.get("request_id")?.as_str().map(str::to_owned));
    let id = answer.header("request-id").map(str::to_owned).or(told)?;
    Some(text::escape(&text::cut(&id, MOST_ID)).into_owned())
}

/// The reason why a request of a batch has failed; true when it will never be answered as it is.
pub(super) fn of_batch(error: &serde_json::Value) -> (String, bool) {
    // An error within an error, as in any other answer.
    let own = if error["error"].is_object() { &error["error"] } else { error };
    let (kind, message) = (super::message::name(&own["type"]), own["message"].as_str().unwrap_or_default());
    let is_money = MONEY.iter().any(|word| message.to_lowercase().contains(word));
    let stays = ["invalid_request_error", "request_too_large", "not_found_error"].contains(&kind.as_str());
    let message = text::cut(message.trim(), 200);
    (format!("Claude: {kind}: {}", text::escape(&message)), stays && !is_money)
}
