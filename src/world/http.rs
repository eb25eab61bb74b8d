//! HTTP: requests with a time limit, tried again where that may help. No error shows an address: it may be a secret.

use super::World;
use crate::config::secret::SecretRef;
use crate::engine::apply::Permit;
use crate::error::{Problem, plain};
use crate::text;
use anyhow::{Result, anyhow};
use reqwest::blocking::Client;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Method, StatusCode, Url};
use secrecy::ExposeSecret as _;
use std::fmt;
use std::io::Read as _;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

const AGENT: &str = concat!("maint/", env!("CARGO_PKG_VERSION"));
/// The longest that a connection may take; a machine that is away is known sooner than one that is slow.
const CONNECT: Duration = Duration::from_secs(5);
/// Answers to messages are short.
const LARGEST: u64 = 64 << 10;
/// What is shown of a server's own words.
const MOST_WORDS: usize = 200;

/// An address that requests go to, and the words for it in messages.
#[derive(Clone)]
pub struct Address {
    url: Url,
    name: String,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Address {
    /// Reads an address; messages call it `name`. Plain `http` is for this machine only.
    pub fn parse(text: &str, name: impl Into<String>) -> Result<Address> {
        let name = name.into();
        let Some(url) = Url::parse(text.trim()).ok().filter(Url::has_host) else {
            return Err(Problem::usage(format!("{name} is no URL; write one that begins with https://")));
        };
        match url.scheme() {
            "https" => Ok(Address { url, name }),
            "http" if is_loopback(&url) => Ok(Address { url, name }),
            "http" => Err(Problem::usage(format!(
                "{name} is plain http, which is for this machine only; write https://"
            ))),
            _ => Err(Problem::usage(format!("{name} is neither https:// nor http://; correct it"))),
        }
    }

    /// The address that a secret holds.
    pub fn of_secret(world: &World, secret: &SecretRef) -> Result<Address> {
        let place = secret.place();
        match world.secret(secret) {
            Some(value) => Address::parse(value.expose_secret(), place),
            None => Err(Problem::usage(match secret {
                SecretRef::Env(_) => format!("{place} is not set; put the address there, or into `env_file`"),
                SecretRef::File(_) => format!("{place} cannot be read; write the address into it"),
            })),
        }
    }

    /// The words for it in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same address with `key=value` in its query, once; the other parameters stay.
    #[must_use]
    pub(crate) fn with_query(&self, key: &str, value: &str) -> Address {
        let others: Vec<(String, String)> =
            self.url.query_pairs().into_owned().filter(|(name, _)| name != key).collect();
        let mut address = self.clone();
        address.url.query_pairs_mut().clear().extend_pairs(others).append_pair(key, value);
        address
    }

    /// The address of something below this one; the query stays. `None` for one that has no path.
    pub(crate) fn below(&self, name: &str) -> Option<Address> {
        let mut address = self.clone();
        address.url.path_segments_mut().ok()?.pop_if_empty().push(name);
        Some(address)
    }

    /// Tells two addresses apart, and is as secret as the address itself.
    pub(super) fn whole(&self) -> &str {
        self.url.as_str()
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// What is asked of an address.
pub(crate) struct Request<'a> {
    address: &'a Address,
    method: Method,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    judge: &'a dyn Fn(&Answer) -> Verdict,
}

impl<'a> Request<'a> {
    /// Sends `body`, which is of this type.
    pub(crate) fn post(address: &'a Address, content_type: &str, body: impl Into<Vec<u8>>) -> Request<'a> {
        Request {
            address,
            method: Method::POST,
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

/// What an answer means for the request.
pub(crate) enum Verdict {
    /// It is what was asked for.
    Good,
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
        Duration::try_from_secs_f64(self.header(name)?.trim().parse().ok()?).ok()
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
        let own: String = own.chars().take(MOST_WORDS).collect();
        let colon = if own.is_empty() { "" } else { ": " };
        format!("it answers {}{colon}{}", self.status, text::escape(&own))
    }
}

/// Sends a request that changes something elsewhere, and tries again as `[http]` says. The error is one line.
pub(crate) fn send(world: &World, request: &Request<'_>, _permit: &Permit) -> Result<Answer> {
    let problem = |why: String| anyhow!("{}: {why}", request.address.name);
    let section = &world.config.http;
    let longest = section.longest_wait.duration();
    let mut back_off = section.back_off.duration().min(longest);
    for attempt in 1.. {
        let (why, asked) = match exchange(world, request) {
            Ok(answer) => match (request.judge)(&answer) {
                Verdict::Good => return Ok(answer),
                Verdict::Never(why) => return Err(problem(why)),
                Verdict::Again(asked) => (answer.words(), asked),
            },
            Err(Lost { why, may_have_arrived: true }) => return Err(problem(why)),
            Err(Lost { why, may_have_arrived: false }) => (why, None),
        };
        let wait = asked.unwrap_or(back_off);
        if wait > longest {
            let wait = text::duration(wait);
            return Err(problem(format!(
                "{why}; it asks to wait {wait}, longer than `longest_wait` of [http]"
            )));
        }
        if attempt >= section.tries {
            return Err(problem(format!("{why} ({})", tries(attempt))));
        }
        if world.stop.left().is_some_and(|left| left < wait) || !world.stop.wait(wait) {
            return Err(problem(format!("{why} ({}; there is no time for more)", tries(attempt))));
        }
        back_off = (back_off * 2).min(longest);
    }
    Err(problem("no try was made".to_owned()))
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
    let Request { address, method, headers, body, judge: _ } = request;
    let limit = world.config.http.timeout.duration();
    let limit = world.stop.left().map_or(limit, |left| limit.min(left.max(Duration::from_millis(100))));
    let lost = |error: reqwest::Error| {
        let is_slow = error.is_timeout();
        let why = if is_slow { format!("no answer within {}", text::duration(limit)) } else { words(&error) };
        Lost { why, may_have_arrived: is_slow && !error.is_connect() && *method != Method::GET }
    };
    let client = client(&address.url).map_err(lost)?;
    let mut builder = client.request(method.clone(), address.url.clone()).timeout(limit).body(body.clone());
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

/// What TLS is made of, for the whole program; the second of two that install it finds it there.
pub(super) fn install_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The client for an address, made when it is first needed: that takes milliseconds, which most runs can spare.
/// None is ever dropped: at the end of the program that would wait for a name server that is silent.
fn client(url: &Url) -> reqwest::Result<&'static Client> {
    static CLIENTS: [OnceLock<Client>; 3] = [const { OnceLock::new() }; 3];
    let (kind, is_plain) = match (url.scheme(), is_loopback(url)) {
        ("http", _) => (0, true),
        (_, true) => (1, false),
        _ => (2, false),
    };
    if let Some(client) = CLIENTS[kind].get() {
        return Ok(client);
    }
    install_tls();
    let mut builder = Client::builder()
        .user_agent(AGENT)
        .connect_timeout(CONNECT)
        .redirect(reqwest::redirect::Policy::none());
    if is_loopback(url) {
        builder = builder.no_proxy();
    }
    if is_plain {
        // Without TLS the certificates of the system need not be read, nor be there.
        builder = builder.tls_certs_only([]);
    }
    let made = builder.build()?;
    Ok(CLIENTS[kind].get_or_init(|| made))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Address::parse(text, "$HOOK").unwrap_err().to_string()
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for fine in ["http://127.0.0.1:8000/x", "http://127.9.9.9/", "http://[::1]:80/", "http://localhost/a"]
        {
            assert!(Address::parse(fine, "x").is_ok(), "{fine}");
        }
        for bad in ["http://example.org/token", "http://128.0.0.1/", "http://localhost.example.org/"] {
            assert_eq!(refused(bad), "$HOOK is plain http, which is for this machine only; write https://");
        }
    }

    #[test]
    fn a_text_that_is_no_address_is_refused_without_being_shown() {
        for bad in ["", "hook", "https://", "discord.example/api", "data:token"] {
            assert_eq!(refused(bad), "$HOOK is no URL; write one that begins with https://");
        }
        assert_eq!(refused("ftp://host/token"), "$HOOK is neither https:// nor http://; correct it");
        let address = Address::parse("https://host/token", "$HOOK").unwrap();
        assert_eq!(format!("{address:?}"), "$HOOK");
    }

    #[test]
    fn a_parameter_is_set_once_and_the_others_stay() {
        let address = Address::parse("https://host/a?thread_id=5&wait=false", "x").unwrap();
        assert_eq!(address.with_query("wait", "true").whole(), "https://host/a?thread_id=5&wait=true");
        let plain = Address::parse("https://host/a", "x").unwrap();
        assert_eq!(plain.with_query("wait", "true").whole(), "https://host/a?wait=true");
    }
}
