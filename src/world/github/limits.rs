//! What an answer of GitHub means, whatever was asked; and what is left of the hour's limit.

use crate::world::http::Answer;
use chrono::{DateTime, Utc};
use std::time::{Duration, Instant};

/// GitHub's own advice for a limit of which it says no more.
const A_WHILE: Duration = Duration::from_secs(60);
const AN_HOUR: Duration = Duration::from_secs(3_600);
/// However short a wait it asks for: its clock counts whole seconds.
const A_MOMENT: Duration = Duration::from_secs(1);

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It is what was asked for.
    Good,
    /// The token is not accepted.
    BadToken,
    /// A limit is reached; nothing is answered for so long.
    Wait(Duration),
    /// It may be another one next time.
    Passing(String),
    /// It will be the same next time.
    Refused(String),
}

/// GitHub's rules. A 403 is a limit that is reached, a token that is not accepted, or a refusal: never a fact about a
/// repository.
pub(super) fn meaning(answer: &Answer) -> Meaning {
    match answer.status.as_u16() {
        200..=299 => Meaning::Good,
        401 => Meaning::BadToken,
        403 | 429 => limited(answer),
        408 | 500..=599 => match answer.retry_after() {
            Some(wait) => Meaning::Wait(wait.max(A_MOMENT)),
            None => Meaning::Passing(answer.words()),
        },
        _ => Meaning::Refused(answer.words()),
    }
}

fn limited(answer: &Answer) -> Meaning {
    let words = answer.words();
    let has = |part: &str| words.to_lowercase().contains(part);
    if has("bad credentials") {
        return Meaning::BadToken;
    }
    match wait(answer) {
        Some(wait) => Meaning::Wait(wait),
        None if has("secondary rate limit") || has("abuse") => Meaning::Wait(A_WHILE),
        None if answer.status.as_u16() == 429 => Meaning::Passing(words),
        None => Meaning::Refused(words),
    }
}

/// How long an answer asks to wait.
pub(super) fn wait(answer: &Answer) -> Option<Duration> {
    let quota = Quota::of(answer);
    let of_quota = || (quota.left == Some(0)).then(|| quota.wait());
    answer.retry_after().map(|wait| wait.max(A_MOMENT)).or_else(of_quota)
}

/// The wait for a limit that GraphQL tells of in its own words.
pub(super) fn wait_or_a_while(answer: &Answer) -> Duration {
    wait(answer).unwrap_or(A_WHILE)
}

/// What is left of the hour's limit, as far as GitHub says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Quota {
    pub(super) limit: Option<u64>,
    pub(super) left: Option<u64>,
    /// When it is full again.
    pub(super) resets: Option<Instant>,
}

impl Quota {
    /// What the headers of an answer say; else what GraphQL was asked to say.
    pub(super) fn of(answer: &Answer) -> Quota {
        let number = |name: &str| answer.header(name)?.trim().parse::<u64>().ok();
        let seconds = number("x-ratelimit-reset").and_then(|seconds| i64::try_from(seconds).ok());
        let resets = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        match number("x-ratelimit-remaining") {
            Some(left) => Quota {
                limit: number("x-ratelimit-limit"),
                left: Some(left),
                resets: resets.and_then(|resets| instant(answer, resets)),
            },
            None => Quota::in_body(answer).unwrap_or_default(),
        }
    }

    fn in_body(answer: &Answer) -> Option<Quota> {
        let body = answer.json()?;
        let told = body.get("data")?.get("rateLimit")?;
        let resets = DateTime::parse_from_rfc3339(told.get("resetAt")?.as_str()?).ok();
        Some(Quota {
            limit: None,
            left: told.get("remaining")?.as_u64(),
            resets: resets.and_then(|resets| instant(answer, resets.to_utc())),
        })
    }

    /// How long until it is full again.
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    pub(super) fn wait(self) -> Duration {
        let now = Instant::now();
        self.resets.map_or(AN_HOUR, |resets| resets.saturating_duration_since(now) + A_MOMENT)
    }
}

/// A time of GitHub's clock, which the answer shows; without that the machine's own must do.
#[expect(clippy::disallowed_methods, reason = "this is World")]
fn instant(answer: &Answer, time: DateTime<Utc>) -> Option<Instant> {
    let now = answer.date().unwrap_or_else(Utc::now);
    Instant::now().checked_add((time - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: (&str, &str) = ("date", "Fri, 20 Nov 2026 15:02:26 GMT");

    fn of(status: u16, headers: &[(&'static str, &str)], body: &str) -> Meaning {
        meaning(&Answer::made(status, headers, body))
    }

    /// The wait in seconds, to the nearest one.
    fn seconds(meaning: &Meaning) -> u64 {
        match meaning {
            Meaning::Wait(wait) => (*wait + Duration::from_millis(500)).as_secs(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_limit_says_how_long_it_lasts() {
        let wait = |status, headers: &[_], body: &str| seconds(&of(status, headers, body));
        assert_eq!(wait(403, &[("retry-after", "7"), ("x-ratelimit-remaining", "0")], ""), 7);
        let reset = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795187046"), DATE];
        assert_eq!(wait(403, &reset, "{}"), 101, "by GitHub's own clock");
        assert_eq!(wait(429, &reset, "{}"), 101);
        let past = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "5")];
        assert_eq!(wait(403, &past, ""), 1);
        let never = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "99999999999999999999")];
        assert_eq!(wait(403, &never, ""), 3_600);
        let secondary = r#"{"message":"You have exceeded a secondary rate limit. Please wait."}"#;
        assert_eq!(wait(403, &[], secondary), 60);
        assert_eq!(wait(503, &[("retry-after", "0")], ""), 1);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a clock that is right")]
    fn without_a_date_the_machines_clock_tells_how_long_a_limit_lasts() {
        let reset = (Utc::now().timestamp() + 100).to_string();
        let wait = seconds(&of(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &reset)], ""));
        assert!((99..=101).contains(&wait), "{wait}");
    }

    #[test]
    fn what_graphql_says_of_its_limit_counts_when_no_header_does() {
        let body = r#"{"data":{"rateLimit":{"cost":1,"remaining":0,"resetAt":"2026-11-20T15:02:36Z"}}}"#;
        let quota = Quota::of(&Answer::made(200, &[DATE], body));
        assert_eq!((quota.left, seconds(&Meaning::Wait(quota.wait()))), (Some(0), 11));
        let header = ("x-ratelimit-remaining", "9");
        assert_eq!(Quota::of(&Answer::made(200, &[DATE, header], body)).left, Some(9));
        assert_eq!(Quota::of(&Answer::made(200, &[], r#"{"data":{"rateLimit":null}}"#)), Quota::default());
    }

    #[test]
    fn what_is_no_limit_passes_or_stays() {
        let bad = r#"{"message":"Bad credentials"}"#;
        assert_eq!(of(401, &[], bad), Meaning::BadToken);
        assert_eq!(of(403, &[], bad), Meaning::BadToken);
        assert!(matches!(of(429, &[], ""), Meaning::Passing(_)));
        assert!(matches!(of(502, &[], "<html>"), Meaning::Passing(_)));
        let blocked = of(403, &[("x-ratelimit-remaining", "59")], r#"{"message":"Resource not accessible"}"#);
        assert_eq!(blocked, Meaning::Refused("it answers 403 Forbidden: Resource not accessible".to_owned()));
        assert!(matches!(of(301, &[], ""), Meaning::Refused(_)));
        assert_eq!(of(200, &[("x-ratelimit-remaining", "0")], ""), Meaning::Good);
    }
}
