//! Sessions of the page: whoever has shown a key has a cookie instead, which no script can read.

use super::Caller;
use super::keys::{Hash, hash};
use crate::world::token;
use anyhow::Result;
use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A working day.
const LENGTH: Duration = Duration::from_secs(12 * 3_600);
/// So many are kept; the oldest goes first.
const MOST: usize = 1_000;
const NAME: &str = "maint_session";

/// Who is logged in. It is in memory only: after a restart everybody shows the key again.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    open: Mutex<HashMap<Hash, Session>>,
}

#[derive(Debug)]
struct Session {
    caller: Caller,
    until: Instant,
}

impl Sessions {
    fn open(&self) -> MutexGuard<'_, HashMap<Hash, Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a session; returns the cookie.
    pub(super) fn begin(&self, caller: Caller, is_https: bool, now: Instant) -> Result<String> {
        let token = token::new()?;
        let mut open = self.open();
        if open.len() >= MOST {
            open.retain(|_, session| session.until > now);
        }
        if open.len() >= MOST {
            let oldest = open.iter().min_by_key(|(_, session)| session.until).map(|(hash, _)| *hash);
            oldest.and_then(|oldest| open.remove(&oldest));
        }
        open.insert(hash(token.as_bytes()), Session { caller, until: now + LENGTH });
        Ok(cookie(&token, LENGTH, is_https))
    }

    /// Whose session the cookie of a request names.
    pub(super) fn holder(&self, headers: &HeaderMap, now: Instant) -> Option<Caller> {
        let hash = hash(token_in(headers)?);
        let open = self.open();
        open.get(&hash).filter(|session| session.until > now).map(|session| session.caller.clone())
    }

    /// Ends the session of a request; returns the cookie that takes the place of its own.
    pub(super) fn end(&self, headers: &HeaderMap, is_https: bool) -> String {
        if let Some(token) = token_in(headers) {
            self.open().remove(&hash(token));
        }
        cookie("", Duration::ZERO, is_https)
    }
}

fn cookie(token: &str, length: Duration, is_https: bool) -> String {
    let secure = if is_https { "; Secure" } else { "" };
    let length = length.as_secs();
    format!("{NAME}={token}; Max-Age={length}; Path=/; HttpOnly; SameSite=Strict{secure}")
}

fn token_in(headers: &HeaderMap) -> Option<&[u8]> {
    let cookies =
        headers.get_all(COOKIE).into_iter().flat_map(|header| header.as_bytes().split(|b| *b == b';'));
    let mut values =
        cookies.filter_map(|cookie| cookie.trim_ascii().strip_prefix(NAME.as_bytes())?.strip_prefix(b"="));
    values.next().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::serve::Role;

    fn caller(name: &str) -> Caller {
        Caller { name: name.into(), role: Role::Read }
    }

    /// The headers of a browser that was given this cookie.
    fn with(cookie: &str) -> HeaderMap {
        let pair = cookie.split(';').next().unwrap();
        HeaderMap::from_iter([(COOKIE, format!("other=1; {pair}").parse().unwrap())])
    }

    #[test]
    fn a_session_ends_after_twelve_hours_or_when_it_is_ended() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let cookie = sessions.begin(caller("one"), false, now).unwrap();
        let name = |at| sessions.holder(&with(&cookie), at).map(|caller| caller.name);
        assert_eq!(name(now).as_deref(), Some("one"));
        assert_eq!(name(now + LENGTH - Duration::from_secs(1)).as_deref(), Some("one"));
        assert_eq!(name(now + LENGTH), None);
        assert!(sessions.end(&with(&cookie), false).starts_with("maint_session=; Max-Age=0;"));
        assert_eq!(name(now), None);
    }

    #[test]
    fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let cookie = Sessions::default().begin(caller("one"), true, Instant::now()).unwrap();
        let (token, rest) = cookie.strip_prefix("maint_session=").unwrap().split_once("; ").unwrap();
        assert_eq!(token.len(), 43);
        assert_eq!(rest, "Max-Age=43200; Path=/; HttpOnly; SameSite=Strict; Secure");
    }

    #[test]
    fn a_thousand_sessions_are_kept_and_the_oldest_goes_first() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let first = sessions.begin(caller("first"), false, now).unwrap();
        let second = sessions.begin(caller("second"), false, now + Duration::from_secs(1)).unwrap();
        for number in 2..=MOST {
            sessions.begin(caller("more"), false, now + Duration::from_secs(number as u64)).unwrap();
        }
        assert_eq!(sessions.open().len(), MOST);
        assert!(sessions.holder(&with(&first), now).is_none());
        assert!(sessions.holder(&with(&second), now).is_some());
    }
}
