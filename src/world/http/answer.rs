//! What came back, and what it means.

use crate::logging;
use crate::text;
use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use std::time::Duration;

/// What is shown of a server's own words.
const MOST_WORDS: usize = 200;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Whole for a question. For a message at most 64 KB, and less when the line was cut: the status alone tells
    /// whether it has arrived.
    pub(crate) body: Vec<u8>,
}

/// A wait that a server asks for; one that no clock can hold is a very long one.
pub(in crate::world) fn seconds(seconds: f64) -> Option<Duration> {
    (seconds >= 0.0).then(|| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

/// What an answer means for the request.
#[derive(Debug)]
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
    /// The rules of HTTP: 2xx is good, 408, 429 and 5xx may pass, and nothing else will. A redirect that comes to be
    /// judged is one that is not followed: what is sent is not meant for others.
    pub(crate) fn verdict(&self) -> Verdict {
        match self.status.as_u16() {
            200..=299 => Verdict::Good,
            408 | 429 | 500..=599 => Verdict::Again(self.retry_after()),
            304 => Verdict::Never(format!("it answers {}, though no earlier answer is known", self.told())),
            300..=399 => {
                Verdict::Never(format!("it answers {}, and redirects are not followed", self.told()))
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

    /// The wait that the server asks for: seconds, or a time, which is counted from the server's own.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let until = || (self.time(RETRY_AFTER.as_str())? - self.date()?).to_std().ok();
        self.seconds(RETRY_AFTER.as_str()).or_else(until)
    }

    /// What the server's clock showed.
    pub(crate) fn date(&self) -> Option<DateTime<Utc>> {
        self.time(DATE.as_str())
    }

    /// A header that is a time.
    fn time(&self, name: &str) -> Option<DateTime<Utc>> {
        DateTime::parse_from_rfc2822(self.header(name)?.trim()).ok().map(|time| time.to_utc())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// "it answers 400 Bad Request: Invalid Form Body"
    pub(crate) fn words(&self) -> String {
        self.status_with(&self.own_words())
    }

    /// The server's own words, just as they came.
    pub(in crate::world) fn own_words(&self) -> String {
        let json = self.json();
        let told = json.as_ref().and_then(|json| json.get("message").or(json.get("error")));
        let message = told.map(|told| told.get("message").unwrap_or(told));
        let own = String::from_utf8_lossy(&self.body);
        match message.and_then(serde_json::Value::as_str) {
            Some(message) => message.to_owned(),
            // A page for people says nothing that is worth a line.
            None if own.trim_start().starts_with(['<', '{', '[']) => String::new(),
            None => own.trim().to_owned(),
        }
    }

    /// "it answers 400 Bad Request: " and these words of the server.
    pub(in crate::world) fn status_with(&self, own: &str) -> String {
        // Before it is cut: the beginning of a secret would not be known as one.
        let own: String = logging::redacted(own).chars().take(MOST_WORDS).collect();
        let colon = if own.is_empty() { "" } else { ": " };
        format!("it answers {}{colon}{}", self.told(), text::escape(&own))
    }

    /// "400 Bad Request"; the number alone where nobody has named it, such as 529.
    fn told(&self) -> String {
        let name = self.status.canonical_reason().map(|name| format!(" {name}")).unwrap_or_default();
        format!("{}{name}", self.status.as_u16())
    }
}

#[cfg(test)]
impl Answer {
    /// An answer that came from nowhere.
    pub(in crate::world) fn made(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
        let headers = headers
            .iter()
            .map(|(name, value)| {
                (reqwest::header::HeaderName::from_static(name), value.parse().expect("a header"))
            })
            .collect();
        Answer { status: StatusCode::from_u16(status).expect("a status"), headers, body: body.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_read_from_seconds_and_from_a_time_of_the_servers_own_clock() {
        let wait = |headers: &[(&'static str, &str)]| {
            Answer::made(503, headers, "").retry_after().map(|it| it.as_secs())
        };
        assert_eq!(wait(&[("retry-after", "7")]), Some(7));
        let (then, date) = ("Fri, 20 Nov 2026 15:04:26 GMT", "Fri, 20 Nov 2026 15:02:26 GMT");
        assert_eq!(wait(&[("retry-after", then), ("date", date)]), Some(120));
        assert_eq!(wait(&[("retry-after", date), ("date", then)]), None);
        assert_eq!(wait(&[("retry-after", then)]), None);
        assert_eq!(wait(&[("retry-after", "-5")]), None);
        assert_eq!(wait(&[("retry-after", "soon")]), None);
    }
}
