//! The bytes of one connection, and how long the other side may leave them lying.

use std::future::Future as _;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Sleep, sleep};

/// How long somebody may take to fetch [`PART`] of an answer.
const PATIENCE: Duration = Duration::from_secs(15);
const PART: usize = 64 << 10;
/// How long the rest of a request that was refused is thrown away, and how much of it: who is still sending would
/// otherwise not see the answer.
const LINGER: Duration = Duration::from_secs(2);
const MOST_THROWN_AWAY: usize = 16 << 20;

/// A connection of either kind.
#[derive(Debug)]
pub(in crate::server) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A connection with the limits.
#[derive(Debug)]
pub(super) struct Line {
    stream: Stream,
    /// Runs while the other side fetches nothing.
    stall: Option<Pin<Box<Sleep>>>,
    /// What was fetched since then.
    fetched: usize,
    /// Runs when everything is said.
    linger: Option<Pin<Box<Sleep>>>,
    thrown_away: usize,
}

macro_rules! either {
    ($stream:expr, $call:ident($($argument:expr),*)) => {
        match $stream {
            Stream::Tcp(stream) => Pin::new(stream).$call($($argument),*),
            Stream::Unix(stream) => Pin::new(stream).$call($($argument),*),
        }
    };
}

impl Line {
    pub(super) fn new(stream: Stream) -> Line {
        Line { stream, stall: None, fetched: 0, linger: None, thrown_away: 0 }
    }

    /// The same result, or an error when the other side has been idle for too long.
    fn patiently(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Pending => {
                let stall = self.stall.get_or_insert_with(|| Box::pin(sleep(PATIENCE)));
                ready!(stall.as_mut().poll(cx));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            Poll::Ready(written) => {
                self.fetched += written.as_ref().copied().unwrap_or(0);
                // A few bytes now and then are not enough.
                if self.stall.is_none() || self.fetched >= PART {
                    self.stall = None;
                    self.fetched = 0;
                }
                Poll::Ready(written)
            }
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(&mut self.stream, poll_read(cx, buffer))
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = either!(&mut self.stream, poll_write(cx, bytes));
        self.patiently(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = either!(&mut self.stream, poll_write_vectored(cx, parts));
        self.patiently(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Everything was fetched, or lies with the system.
        self.stall = None;
        self.fetched = 0;
        either!(&mut self.stream, poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            ready!(either!(&mut self.stream, poll_shutdown(cx)))?;
            self.linger = Some(Box::pin(sleep(LINGER)));
        }
        let Line { stream, linger, thrown_away, .. } = &mut *self;
        let is_over = linger.as_mut().is_some_and(|linger| linger.as_mut().poll(cx).is_ready());
        let mut rubbish = [0; 4 << 10];
        while !is_over && *thrown_away < MOST_THROWN_AWAY {
            let mut buffer = ReadBuf::new(&mut rubbish);
            let read = ready!(either!(&mut *stream, poll_read(cx, &mut buffer)));
            if read.is_err() || buffer.filled().is_empty() {
                break;
            }
            *thrown_away += buffer.filled().len();
        }
        Poll::Ready(Ok(()))
    }
}
