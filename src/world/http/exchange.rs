//! One request and its answer, within a time that nobody can stretch.

use super::Answer;
use super::client::client;
use super::redirect;
use super::request::{Call, Question, Request};
use crate::error::plain;
use crate::text;
use crate::world::World;
use reqwest::Method;
use reqwest::blocking::Response;
use reqwest::header::CONTENT_ENCODING;
use std::io::{self, Read as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How often a wait looks whether the run must end.
const STEP: Duration = Duration::from_millis(20);
/// What a request gets beyond its time to end by itself.
const GRACE: Duration = Duration::from_millis(250);
/// A large answer is worth waiting for while so much of it comes in every two seconds.
const BUSY: (u64, Duration) = (128 << 10, Duration::from_secs(2));
/// So many times as long as any other a large answer may take, further tries included.
const PATIENCE: u32 = 4;
/// The least time that a request gets, however close the end of the run is.
const LEAST: Duration = Duration::from_millis(100);
/// When the run must end, an answer that is paid for is still waited for this long; it is less than the grace a run gets.
const FAREWELL: Duration = Duration::from_secs(6);

/// No answer came that can be judged.
#[derive(Debug)]
pub(in crate::world) struct Lost {
    pub(in crate::world) why: String,
    pub(in crate::world) loss: Loss,
}

/// What a lost answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::world) enum Loss {
    /// The request did not arrive.
    Unsent,
    /// The request may have had its effect all the same: to repeat it could double that.
    Cut,
    /// It took more time than a request has: another try would too.
    Slow,
    /// Another try would bring the same.
    Useless,
    /// The run has to end.
    Ended,
}

impl Loss {
    fn because(self, why: impl Into<String>) -> Lost {
        Lost { why: why.into(), loss: self }
    }
}

/// Sends a message once. Of its answer the status counts, and as much of the body as came, unless it must be whole.
pub(super) fn send_once(world: &World, request: &Request<'_>) -> Result<Answer, Lost> {
    let time = match request.within {
        // What is paid for keeps its time when the end of the run is close: the farewell ends it soon enough.
        Some(within) if request.is_whole => within,
        within => time(world, within),
    };
    let farewell = if request.is_whole { FAREWELL } else { Duration::MAX };
    let Request { largest, is_whole, .. } = *request;
    exchange(world, &request.call, Manner { farewell, ..Manner::of(time, largest, is_whole) })
}

/// Asks once, and follows redirects as far as the question allows.
pub(in crate::world) fn ask_once(world: &World, question: &Question<'_>) -> Result<Answer, Lost> {
    let mut manner = Manner::of(time(world, question.within), question.largest, true);
    manner.is_sample = question.is_sample;
    manner.late = Loss::Cut;
    if question.is_large {
        let patience = question.within.unwrap_or(world.config.http.timeout.duration()) * PATIENCE;
        manner.patience = patience.saturating_sub(question.made.elapsed()).max(manner.time);
    }
    let mut call = question.call.clone();
    for _ in 0..=redirect::MOST {
        question.traffic.inspect(|traffic| traffic.asked());
        let answer = exchange(world, &call, manner)?;
        question.traffic.inspect(|traffic| traffic.received(&answer));
        match question.redirects.next(&call, &answer) {
            None => return Ok(answer),
            Some(next) => call = next.map_err(|why| Loss::Useless.because(why))?,
        }
    }
    Err(Loss::Useless.because("it redirects in a loop"))
}

fn time(world: &World, within: Option<Duration>) -> Duration {
    let limit = within.unwrap_or(world.config.http.timeout.duration());
    world.stop.left().map_or(limit, |left| limit.min(left.max(LEAST)))
}

/// How an exchange is made.
#[derive(Clone, Copy)]
struct Manner {
    /// When it began, with what led to it.
    began: Instant,
    /// For all of it, from the look-up of the name to the last byte.
    time: Duration,
    /// For an answer of which much comes every second.
    patience: Duration,
    largest: u64,
    /// Half an answer is none; else as much of it counts as came.
    is_whole: bool,
    /// Its beginning is one too.
    is_sample: bool,
    /// So long it is waited for when the run must end.
    farewell: Duration,
    /// What it means when the time is over.
    late: Loss,
}

impl Manner {
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    fn of(time: Duration, largest: u64, is_whole: bool) -> Manner {
        let (began, patience, farewell) = (Instant::now(), time, Duration::ZERO);
        Manner { began, time, patience, largest, is_whole, is_sample: false, farewell, late: Loss::Slow }
    }

    /// The limit of the call itself: for a large answer beyond all patience, so that its pace decides.
    fn limit(self) -> Duration {
        let time = if self.patience > self.time { self.patience + 2 * GRACE } else { self.time };
        time.saturating_sub(self.began.elapsed()).max(LEAST)
    }

    fn late(self, what: &str) -> Lost {
        self.late.because(late(what, self.time))
    }
}

/// How fast an answer comes.
#[derive(Default)]
struct Pace {
    received: u64,
    since: Duration,
}

impl Pace {
    /// True while it comes fast enough to be waited for.
    fn is_busy(&mut self, received: u64, passed: Duration) -> bool {
        let (most, time) = BUSY;
        if (self.received == 0 && received > 0) || received - self.received >= most {
            *self = Pace { received, since: passed };
        }
        self.received > 0 && passed.saturating_sub(self.since) < time
    }
}

/// The call is made in a thread of its own, so that the wait ends in time whatever the other side does.
fn exchange(world: &World, call: &Call, manner: Manner) -> Result<Answer, Lost> {
    let (sender, receiver) = channel();
    let call = call.clone();
    let so_far = Arc::new(AtomicU64::new(0));
    let own = Arc::clone(&so_far);
    let work = move || {
        // Nobody listens any more when it comes too late.
        let _ = sender.send(make(call, manner, &own));
    };
    if std::thread::Builder::new().name("http".to_owned()).spawn(work).is_err() {
        return Err(Loss::Unsent.because("no thread can be started"));
    }
    let (mut pace, mut is_slow, mut told) = (Pace::default(), false, None);
    loop {
        let passed = manner.began.elapsed();
        let is_busy = pace.is_busy(so_far.load(Relaxed), passed);
        let time = if is_busy { manner.patience } else { manner.time };
        let left = (time + GRACE).saturating_sub(passed);
        told = told.or_else(|| world.stop.reason().map(|_| passed));
        is_slow |= !left.is_zero() && passed > manner.time + GRACE;
        match receiver.recv_timeout(left.min(STEP)) {
            Ok(Err(Lost { why, loss: Loss::Cut })) if is_slow => return Err(Loss::Slow.because(why)),
            Ok(answer) => return answer,
            Err(RecvTimeoutError::Timeout)
                if told.is_some_and(|told| passed.saturating_sub(told) >= manner.farewell) =>
            {
                return Err(Loss::Ended.because("the run was ended"));
            }
            Err(RecvTimeoutError::Timeout) if !left.is_zero() => {}
            Err(_) => {
                let what = if pace.received > 0 { "whole answer" } else { "answer" };
                return Err(if is_slow { Loss::Slow.because(late(what, passed)) } else { manner.late(what) });
            }
        }
    }
}

fn make(call: Call, manner: Manner, received: &AtomicU64) -> Result<Answer, Lost> {
    let lost = |error: reqwest::Error| {
        let is_unsent = error.is_connect() || error.is_builder();
        let lost = if error.is_timeout() { manner.late("answer") } else { Loss::Cut.because(words(&error)) };
        if is_unsent { Loss::Unsent.because(lost.why) } else { lost }
    };
    let Call { method, url, headers, body } = call;
    let client = client(&url).map_err(lost)?;
    let has_body = method != Method::GET;
    let mut builder = client.request(method, url).timeout(manner.limit());
    if has_body {
        builder = builder.body(body);
    }
    for (name, value) in headers {
        builder = builder.header(name, value);
    }
    read(builder.send().map_err(lost)?, manner, received)
}

fn read(mut response: Response, manner: Manner, received: &AtomicU64) -> Result<Answer, Lost> {
    let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
    let mut body = Vec::new();
    if !manner.is_whole {
        let _ = response.take(manner.largest).read_to_end(&mut body);
        return Ok(Answer { status, headers, body });
    }
    if manner.is_sample {
        response.take(manner.largest).read_to_end(&mut body).map_err(|error| cut(&error, manner))?;
        return Ok(Answer { status, headers, body });
    }
    let encoding = headers.get(CONTENT_ENCODING).map(|encoding| encoding.to_str().unwrap_or_default());
    if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err(Loss::Useless.because("the answer is compressed, which it was not asked to be"));
    }
    let is_too_large = response.content_length().is_some_and(|length| length > manner.largest);
    if !is_too_large {
        let most = manner.largest.saturating_add(1);
        let mut reader = Counted { reader: response, received };
        (&mut reader).take(most).read_to_end(&mut body).map_err(|error| cut(&error, manner))?;
    }
    if is_too_large || body.len() as u64 > manner.largest {
        let most = text::size(manner.largest);
        return Err(Loss::Useless.because(format!("the answer is larger than {most}")));
    }
    Ok(Answer { status, headers, body })
}

/// Tells how much has come while it is being read.
struct Counted<'a, R> {
    reader: R,
    received: &'a AtomicU64,
}

impl<R: io::Read> io::Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.received.fetch_add(count as u64, Relaxed);
        Ok(count)
    }
}

/// A body that ends too early, or comes too slowly.
fn cut(error: &io::Error, manner: Manner) -> Lost {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<reqwest::Error>());
    match inner {
        Some(inner) if inner.is_timeout() => manner.late("whole answer"),
        Some(inner) => Loss::Cut.because(words(inner)),
        None => Loss::Cut.because("the line was cut"),
    }
}

fn late(what: &str, within: Duration) -> String {
    format!("no {what} within {}", text::duration(within))
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
