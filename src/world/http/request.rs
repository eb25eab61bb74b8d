//! What is asked of an address: a message, which changes something there, or a question, which does not.

use super::{Address, Answer, Verdict};
use bytes::Bytes;
use reqwest::{Method, Url};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Answers to messages are short; of a longer one the rest is not read.
pub(super) const LARGEST: u64 = 64 << 10;

/// What goes over the line.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(&'static str, String)>,
    /// Each try has its own, and all of them are this one.
    pub(super) body: Bytes,
}

/// A message: only [`send`](super::send) takes it, once its effect is permitted.
pub(crate) struct Request<'a> {
    pub(super) address: &'a Address,
    pub(super) call: Call,
    pub(super) judge: &'a dyn Fn(&Answer) -> Verdict,
    /// Of the answer nothing beyond is read.
    pub(super) largest: u64,
    /// The answer is worth as much as the effect: only all of it is one.
    pub(super) is_whole: bool,
    pub(super) within: Option<Duration>,
}

impl<'a> Request<'a> {
    /// Sends `body`, which is of this type.
    pub(crate) fn post(address: &'a Address, content_type: &str, body: impl Into<Vec<u8>>) -> Request<'a> {
        let headers = vec![("content-type", content_type.to_owned())];
        let body = Bytes::from(body.into());
        let call = Call { method: Method::POST, url: address.url.clone(), headers, body };
        Request { address, call, judge: &Answer::verdict, largest: LARGEST, is_whole: false, within: None }
    }

    /// The same, instead of what is there.
    pub(crate) fn put(address: &'a Address, content_type: &str, body: impl Into<Vec<u8>>) -> Request<'a> {
        let mut request = Request::post(address, content_type, body);
        request.call.method = Method::PUT;
        request
    }

    /// The answer is what is paid for: it must be whole, of at most so many bytes, and when the run must end it is still
    /// waited for a few seconds.
    #[must_use]
    pub(crate) fn whole(mut self, bytes: u64) -> Self {
        (self.largest, self.is_whole) = (bytes, true);
        self
    }

    /// It is given up after this time instead of that of `[http]`.
    #[must_use]
    pub(crate) fn within(mut self, time: Duration) -> Self {
        self.within = Some(time);
        self
    }

    /// Adds a header.
    #[must_use]
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.call.headers.push((name, value.into()));
        self
    }

    /// Answers are judged by other rules than HTTP's own.
    #[must_use]
    pub(crate) fn judged_by(mut self, judge: &'a dyn Fn(&Answer) -> Verdict) -> Self {
        self.judge = judge;
        self
    }
}

/// A question: it changes nothing, so it may be asked again when the line was cut, and needs no permit.
pub(crate) struct Question<'a> {
    pub(super) address: &'a Address,
    pub(super) call: Call,
    pub(super) judge: &'a dyn Fn(&Answer) -> Verdict,
    /// A larger answer is an error: half of it would be a lie.
    pub(super) largest: u64,
    /// A large answer gets more time, as long as much of it comes every second.
    pub(super) is_large: bool,
    /// The beginning of an answer is enough.
    pub(super) is_sample: bool,
    pub(super) within: Option<Duration>,
    pub(super) made: Instant,
    pub(super) redirects: Redirects,
    pub(super) traffic: Option<&'a Traffic>,
}

/// How far redirects are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Redirects {
    /// On the same machine, where a token may be shown again.
    SameOrigin,
    /// Not at all: they are an answer.
    Nowhere,
    /// To any machine that an address may name, without the token.
    Anywhere,
}

impl<'a> Question<'a> {
    /// Asks for what is there.
    pub(crate) fn get(address: &'a Address) -> Question<'a> {
        Question::of(address, Method::GET, Vec::new(), Vec::new())
    }

    /// Asks with a body of JSON, as GraphQL does.
    pub(crate) fn with_json(address: &'a Address, body: &serde_json::Value) -> Question<'a> {
        let headers = vec![("content-type", "application/json".to_owned())];
        Question::of(address, Method::POST, headers, body.to_string().into_bytes())
    }

    #[expect(clippy::disallowed_methods, reason = "this is World")]
    fn of(
        address: &'a Address,
        method: Method,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    ) -> Question<'a> {
        let call = Call { method, url: address.url.clone(), headers, body: body.into() };
        Question {
            address,
            call,
            judge: &Answer::verdict,
            largest: LARGEST,
            is_large: false,
            is_sample: false,
            within: None,
            made: Instant::now(),
            redirects: Redirects::SameOrigin,
            traffic: None,
        }
    }

    /// Adds a header.
    #[must_use]
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.call.headers.push((name, value.into()));
        self
    }

    /// Answers are judged by other rules than HTTP's own.
    #[must_use]
    pub(crate) fn judged_by(mut self, judge: &'a dyn Fn(&Answer) -> Verdict) -> Self {
        self.judge = judge;
        self
    }

    /// Answers may have so many bytes.
    #[must_use]
    pub(crate) fn limit(mut self, bytes: u64) -> Self {
        self.largest = bytes;
        self
    }

    /// The answer is a large one: it gets more time, as long as much of it comes every second.
    #[must_use]
    pub(crate) fn large(mut self) -> Self {
        self.is_large = true;
        self
    }

    /// It is given up after this time instead of that of `[http]`.
    #[must_use]
    pub(crate) fn within(mut self, time: Duration) -> Self {
        self.within = Some(time);
        self
    }

    /// Only the status of the answer counts, also that of a redirect; of a large one only the beginning need come.
    #[must_use]
    pub(crate) fn for_its_status(mut self) -> Self {
        (self.is_sample, self.redirects) = (true, Redirects::Nowhere);
        self
    }

    /// Redirects to other machines are followed too.
    #[must_use]
    pub(crate) fn anywhere(mut self) -> Self {
        self.redirects = Redirects::Anywhere;
        self
    }

    /// What goes over the line is counted here.
    #[must_use]
    pub(crate) fn counted_in(mut self, traffic: &'a Traffic) -> Self {
        self.traffic = Some(traffic);
        self
    }
}

/// What went over the line: each try and each redirect is a request.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    requests: AtomicUsize,
    received_bytes: AtomicU64,
}

impl Traffic {
    pub(super) fn asked(&self) {
        self.requests.fetch_add(1, Relaxed);
    }

    pub(super) fn received(&self, answer: &Answer) {
        self.received_bytes.fetch_add(answer.body.len() as u64, Relaxed);
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Relaxed)
    }

    /// Bytes of answers so far.
    pub(crate) fn received_bytes(&self) -> u64 {
        self.received_bytes.load(Relaxed)
    }
}
