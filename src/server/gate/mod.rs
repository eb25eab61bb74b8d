//! Who may come in: keys, sessions, hosts, limits. Nothing behind it is asked before.

mod body;
mod keys;
mod lockout;
mod manners;
mod origin;
mod sessions;
mod weak;

pub(super) use origin::Ends;

use super::answer::Refusal;
use crate::config::serve::Role;
use crate::text;
use crate::world::World;
use anyhow::Result;
use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::header::{ALLOW, AUTHORIZATION, RETRY_AFTER, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use keys::Keys;
use lockout::Lockout;
use origin::{Names, Origin};
use serde::Deserialize;
use sessions::Sessions;
use tokio::time::Instant;
use tower::ServiceExt as _;

const SESSION: &str = "/api/v1/session";
/// What is logged of a path.
const LONGEST_PATH: usize = 100;

/// What the gate knows.
#[derive(Debug)]
pub(super) struct Gate {
    names: Names,
    keys: Keys,
    sessions: Sessions,
    lockout: Lockout,
}

/// The routes behind the gate.
#[derive(Debug)]
pub(super) struct Guarded {
    gate: Gate,
    routes: Router,
}

/// Who asks. The gate has put it into the request.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// The key's name, which the history shows.
    pub(super) name: String,
    pub(super) role: Role,
}

/// What is to be shown at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ground {
    /// Nothing.
    Open,
    /// A key, to begin a session.
    Session,
    /// A key; a refusal is that of system 004.
    Bot,
    /// A key.
    Guarded,
    /// There is nothing there.
    Nowhere,
}

impl Ground {
    fn of(path: &str) -> Ground {
        match path {
            "/" | "/health" | "/api/v1/openapi.json" => Ground::Open,
            SESSION => Ground::Session,
            "/stop" => Ground::Bot,
            "/metrics" => Ground::Guarded,
            _ if path.starts_with("/assets/") => Ground::Open,
            _ if path.starts_with("/deployment/") => Ground::Bot,
            _ if path.starts_with("/api/") => Ground::Guarded,
            _ => Ground::Nowhere,
        }
    }

    fn refusal(self, detail: &str) -> Refusal {
        let status = if self == Ground::Bot { StatusCode::FORBIDDEN } else { StatusCode::UNAUTHORIZED };
        Refusal::new(status, detail)
    }
}

/// What somebody who comes shows.
enum Shown<'a> {
    Key(&'a [u8]),
    Nothing,
}

impl Caller {
    /// Refuses what is beyond the caller's role.
    pub(super) fn may(&self, needed: Role) -> Result<(), Refusal> {
        if self.role >= needed {
            return Ok(());
        }
        let may = match self.role {
            Role::Read => "read only",
            Role::Operate => "operate, not deploy",
            Role::Deploy => "deploy",
        };
        let needed = format!("{needed:?}").to_lowercase();
        let why = format!("the key `{}` may {may}; this needs {needed}", self.name);
        Err(Refusal::new(StatusCode::FORBIDDEN, why))
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Caller, Refusal> {
        let missing = || Refusal::new(StatusCode::UNAUTHORIZED, "Missing API Key");
        parts.extensions.get::<Caller>().cloned().ok_or_else(missing)
    }
}

impl Gate {
    /// The keys of the site; refused without a real one.
    pub(super) fn of(world: &World) -> Result<Gate> {
        Ok(Gate {
            names: Names::of(&world.config.serve),
            keys: Keys::of(world)?,
            sessions: Sessions::default(),
            lockout: Lockout::default(),
        })
    }

    /// Who shows this key. A wrong one is counted, and after too many nobody at that address is heard.
    fn holder(&self, key: &[u8], origin: Origin, parts: &Parts) -> Result<Caller, Refusal> {
        let now = Instant::now();
        if let Some(left) = self.lockout.locked_for(origin.address, now) {
            return Err(too_many(left.as_secs() + 1));
        }
        if let Some(caller) = self.keys.holder(key) {
            return Ok(caller.clone());
        }
        let is_last = self.lockout.wrong(origin.address, now);
        let address = origin.address.map_or_else(|| "the socket".to_owned(), |address| address.to_string());
        let path = text::cut(parts.uri.path(), LONGEST_PATH);
        log::warn!("a wrong key from {address} for {} {path}", parts.method);
        if is_last {
            log::warn!("{address} is not heard for 15 minutes: it has shown too many wrong keys");
        }
        Err(Ground::of(parts.uri.path()).refusal("Invalid API Key"))
    }

    /// Who asks.
    fn caller(&self, ground: Ground, origin: Origin, parts: &Parts) -> Result<Caller, Refusal> {
        if let Shown::Key(key) = shown(&parts.headers) {
            return self.holder(key, origin, parts);
        }
        let missing = || ground.refusal("Missing API Key");
        // Who has come in stays in, whoever tries keys beside.
        let caller = self.sessions.holder(&parts.headers, Instant::now());
        let Some(caller) = caller else {
            let left = self.lockout.locked_for(origin.address, Instant::now());
            return Err(left.map_or_else(missing, |left| too_many(left.as_secs() + 1)));
        };
        refuse_forged(parts)?;
        Ok(caller)
    }

    /// Begins a session with the key in the body, or ends one.
    async fn session(&self, origin: Origin, request: Request<Incoming>) -> Result<Response, Refusal> {
        if request.method() == Method::DELETE {
            let (parts, _) = request.into_parts();
            refuse_forged(&parts)?;
            let cookie = self.sessions.end(&parts.headers, origin.is_https);
            return Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response());
        }
        if request.method() != Method::POST {
            let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
            return Err(refusal.with(ALLOW, "POST, DELETE"));
        }
        let request = body::read(request).await?;
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
        // What the parser would say may hold the key.
        let unclear = || Refusal::new(StatusCode::BAD_REQUEST, r#"the body must be {"key": "…"}"#);
        let LogIn { key } = serde_json::from_slice(&body).map_err(|_| unclear())?;
        let caller = self.holder(key.as_bytes(), origin, &parts)?;
        let cookie = self.sessions.begin(caller, origin.is_https, Instant::now());
        let cookie = cookie.map_err(|error| {
            let why = crate::error::one_line(&error);
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why)
        })?;
        Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogIn {
    key: String,
}

/// The routes behind the gate.
pub(super) fn guard(routes: Router, gate: Gate) -> Guarded {
    Guarded { gate, routes }
}

impl Guarded {
    /// Answers whatever comes in through a connection.
    pub(super) async fn answer(&self, ends: Ends, request: Request<Incoming>) -> Response {
        let answer = self.admit(ends, request).await.unwrap_or_else(Refusal::into_response);
        manners::polite(answer).await
    }

    async fn admit(&self, ends: Ends, request: Request<Incoming>) -> Result<Response, Refusal> {
        let Guarded { gate, routes } = self;
        let (mut parts, body) = request.into_parts();
        let origin = gate.names.origin(ends, &parts.headers);
        refuse_foreign(&gate.names, ends, origin, &parts)?;
        match Ground::of(parts.uri.path()) {
            Ground::Nowhere => return Err(Refusal::new(StatusCode::NOT_FOUND, "Not Found")),
            Ground::Session => return gate.session(origin, Request::from_parts(parts, body)).await,
            Ground::Open => {}
            ground @ (Ground::Bot | Ground::Guarded) => {
                let caller = gate.caller(ground, origin, &parts)?;
                parts.extensions.insert(caller);
            }
        }
        let request = body::read(Request::from_parts(parts, body)).await?;
        routes.clone().oneshot(request).await.map_err(|never| match never {})
    }
}

/// Refuses who calls the server by a foreign name, and pages of other sites.
fn refuse_foreign(names: &Names, ends: Ends, origin: Origin, parts: &Parts) -> Result<(), Refusal> {
    let foreign = |why: &str| Err(Refusal::new(StatusCode::FORBIDDEN, why));
    let Some(own) = names.own_name(ends, parts) else {
        return foreign("the server is not reached by this name; add it to `hosts` of [serve]");
    };
    if !origin::is_own_page(&parts.headers, &own, origin) {
        return foreign("a page of another site asks; only the server's own page may");
    }
    Ok(())
}

/// Refuses a change that a page of another site may have had the browser ask for.
fn refuse_forged(parts: &Parts) -> Result<(), Refusal> {
    if parts.method.is_safe() || origin::is_surely_own_page(&parts.headers) {
        return Ok(());
    }
    let why = "with a session, a change needs the header `Origin` or `Sec-Fetch-Site: same-origin`";
    Err(Refusal::new(StatusCode::FORBIDDEN, why))
}

/// The key of a request; an empty one is none.
fn shown(headers: &HeaderMap) -> Shown<'_> {
    let mut keys = headers.get_all("x-api-key").into_iter();
    let first = keys.next().map(axum::http::HeaderValue::as_bytes).filter(|key| !key.is_empty());
    if let Some(key) = first {
        return Shown::Key(if keys.next().is_none() { key } else { b"" });
    }
    let bearer = headers.get(AUTHORIZATION).map(axum::http::HeaderValue::as_bytes);
    let bearer = bearer.and_then(|value| value.split_at_checked("Bearer ".len()));
    match bearer {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case(b"Bearer ") && !key.trim_ascii().is_empty() => {
            Shown::Key(key.trim_ascii())
        }
        _ => Shown::Nothing,
    }
}

fn too_many(seconds: u64) -> Refusal {
    let why = format!("too many wrong keys from this address; try again in {seconds} seconds");
    Refusal::new(StatusCode::TOO_MANY_REQUESTS, why).with(RETRY_AFTER, seconds.to_string())
}
