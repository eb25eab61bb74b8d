//! HTTP: requests with a time limit, tried again where that may help. No error shows an address: it may be a secret.

mod address;
mod asked;
mod client;

pub use address::Address;
pub(crate) use asked::Asked;
pub(super) use client::install_tls;

use super::World;
use crate::engine::apply::Permit;
use crate::error::plain;
use crate::logging;
use crate::text;
use anyhow::{Result, anyhow};
use client::client;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use std::fmt;
use std::io::Read as _;
use std::time::Duration;

/// Answers to messages are short.
const LARGEST: u64 = 64 << 10;
/// What is shown of a server's own words.
const MOST_WORDS: usize = 200;

/// What is asked of an address.
pub(crate) struct Request<'a> {
    address: &'a Address,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    judge: &'a dyn Fn(&Answer) -> Verdict,
}

impl<'a> Request<'a> {
    /// Sends `body`, which is of this type.
    pub(crate) fn post(address: &'a Address, content_type: &str, body: impl Into<Vec<u8>>) -> Request<'a> {
        Request {
            address,
            headers: vec![("content-type", content_type.to_owned())],
            body: body.into(),
            judge: &Answer::verdict,
        }
    }

    /// Adds a header.
    #[must_use]
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Answers are judged by other rules than HTTP's own.
    #[must_use]
    pub(crate) fn judged_by(mut self, judge: &'a dyn Fn(&Answer) -> Verdict) -> Self {
        self.judge = judge;
        self
    }
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    /// At most 64 KB, and less when the line was cut: the status alone tells whether a message has arrived.
    pub(crate) body: Vec<u8>,
}

/// A wait that a server asks for; one that no clock can hold is a very long one.
pub(super) fn seconds(seconds: f64) -> Option<Duration> {
    (seconds >= 0.0).then(|| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

/// What an answer means for the request.
pub(crate) enum Verdict {
    /// It is what was asked for.
    Good,
    /// The same, and the address must not be used again.
    Dead(String),
    /// Another try may help, after the time that the server asks for.
    Again(Option<Duration>),
    /// No further try will help.
    Never(String),
}

impl Answer {
    /// The rules of HTTP: 2xx is good, 408, 429 and 5xx may pass, and nothing else will. A redirect is not
    /// followed: what is sent is not meant for others.
    pub(crate) fn verdict(&self) -> Verdict {
        match self.status.as_u16() {
            200..=299 => Verdict::Good,
            408 | 429 | 500..=599 => Verdict::Again(self.seconds(RETRY_AFTER.as_str())),
            300..=399 => {
                Verdict::Never(format!("it answers {}, and redirects are not followed", self.status))
            }
            _ => Verdict::Never(self.words()),
        }
    }

    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A header that is a number of seconds.
    pub(crate) fn seconds(&self, name: &str) -> Option<Duration> {
        seconds(self.header(name)?.trim().parse().ok()?)
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// "it answers 400 Bad Request: Invalid Form Body"
    pub(crate) fn words(&self) -> String {
        let json = self.json();
        let message = json.as_ref().and_then(|json| json.get("message").or(json.get("error"))?.as_str());
        let own = String::from_utf8_lossy(&self.body);
        // A page for people says nothing that is worth a line.
        let own =
            message.unwrap_or(if own.trim_start().starts_with(['<', '{', '[']) { "" } else { own.trim() });
        // Before it is cut: the beginning of a secret would not be known as one.
        let own: String = logging::redacted(own).chars().take(MOST_WORDS).collect();
        let colon = if own.is_empty() { "" } else { ": " };
        format!("it answers {}{colon}{}", self.status, text::escape(&own))
    }
}

/// Sends a request that changes something elsewhere, and tries again as `[http]` says. The error is one line. Who has
/// failed for good is not asked again in this run: twenty messages to a dead machine must not take twenty times as long.
pub(crate) fn send(world: &World, request: &Request<'_>, _permit: &Permit) -> Result<Answer> {
    let address = request.address;
    world.asked.await_turn(world, address).and_then(|()| try_all(world, request)).map_err(|failure| {
        let Failure { why, given_up, is_final } = failure;
        match given_up {
            Some(GivenUp::Address) => world.asked.give_up(address.whole(), &why),
            Some(GivenUp::Machine) => world.asked.give_up(&address.machine(), &why),
            None => {}
        }
        let words = format!("{}: {why}", address.name());
        if is_final { anyhow::Error::new(Refusal(words)) } else { anyhow!(words) }
    })
}

/// The error of a request that will never be answered otherwise.
#[derive(Debug)]
pub(crate) struct Refusal(pub(super) String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

/// Why there is no answer that is any good.
pub(super) struct Failure {
    why: String,
    /// What is not asked again in this run.
    given_up: Option<GivenUp>,
    /// It will be the same in any other run.
    is_final: bool,
}

impl Failure {
    fn passing(why: String, given_up: Option<GivenUp>) -> Failure {
        Failure { why, given_up, is_final: false }
    }

    fn last(why: String, given_up: Option<GivenUp>) -> Failure {
        Failure { why, given_up, is_final: true }
    }
}

enum GivenUp {
    Address,
    Machine,
}

fn try_all(world: &World, request: &Request<'_>) -> Result<Answer, Failure> {
    let section = &world.config.http;
    let longest = section.longest_wait.duration();
    let mut back_off = section.back_off.duration().min(longest);
    let mut attempt = 0;
    loop {
        attempt += 1;
        let (why, asked, given_up) = match exchange(world, request) {
            Ok(answer) => match (request.judge)(&answer) {
                Verdict::Good => return Ok(answer),
                Verdict::Never(why) => return Err(Failure::last(why, None)),
                Verdict::Dead(why) => return Err(Failure::last(why, Some(GivenUp::Address))),
                Verdict::Again(asked) => (answer.words(), asked, GivenUp::Address),
            },
            Err(Lost { why, may_have_arrived: true }) => {
                return Err(Failure::passing(why, Some(GivenUp::Address)));
            }
            Err(Lost { why, may_have_arrived: false }) => (why, None, GivenUp::Machine),
        };
        let wait = asked.unwrap_or(back_off);
        let why = if wait > longest {
            let wait = text::duration(wait);
            format!("{why}; it asks to wait {wait}, longer than `longest_wait` of [http]")
        } else if attempt >= section.tries {
            format!("{why} ({})", tries(attempt))
        } else if world.stop.left().is_some_and(|left| left < wait) || !world.stop.wait(wait) {
            format!("{why} ({}; there is no time for more)", tries(attempt))
        } else {
            back_off = (back_off * 2).min(longest);
            continue;
        };
        return Err(Failure::passing(why, Some(given_up)));
    }
}

fn tries(count: u32) -> String {
    if count == 1 { "1 try".to_owned() } else { format!("{count} tries") }
}

/// No answer came.
struct Lost {
    why: String,
    /// The request may have had its effect all the same: to repeat it could double that.
    may_have_arrived: bool,
}

fn exchange(world: &World, request: &Request<'_>) -> Result<Answer, Lost> {
    let Request { address, headers, body, judge: _ } = request;
    let limit = world.config.http.timeout.duration();
    let limit = world.stop.left().map_or(limit, |left| limit.min(left.max(Duration::from_millis(100))));
    let lost = |error: reqwest::Error| {
        let is_slow = error.is_timeout();
        let why = if is_slow { format!("no answer within {}", text::duration(limit)) } else { words(&error) };
        Lost { why, may_have_arrived: !error.is_connect() && !error.is_builder() }
    };
    let client = client(&address.url).map_err(lost)?;
    let mut builder = client.post(address.url.clone()).timeout(limit).body(body.clone());
    for (name, value) in headers {
        builder = builder.header(*name, value);
    }
    let mut response = builder.send().map_err(lost)?;
    let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
    let mut body = Vec::new();
    let _ = response.take(LARGEST).read_to_end(&mut body);
    Ok(Answer { status, headers, body })
}

/// The last cause in the system's words; those before it name the address, or only say that something failed.
fn words(error: &reqwest::Error) -> String {
    use std::error::Error as _;
    let what = if error.is_connect() { "cannot connect" } else { "the line was cut" };
    match std::iter::successors(error.source(), |&cause| cause.source()).last() {
        Some(cause) => format!("{what}: {}", text::escape(&plain(&cause.to_string()))),
        None => what.to_owned(),
    }
}
