//! One connection: requests one after another, each within its time.

use super::super::gate::{Ends, Guarded};
use super::crowd::Place;
use super::line::{Line, Stream};
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::pin;

/// How long the head of a request may take, and how long nothing may be asked.
const PATIENCE: Duration = Duration::from_secs(12);
/// The longest head of a request; what is sent is gathered up to the same length.
const LARGEST_HEAD: usize = 32 << 10;

/// Serves one connection until either side ends it.
pub(super) async fn serve(stream: Stream, ends: Ends, routes: Arc<Guarded>, place: Place) {
    let answer = service_fn(|request| {
        place.is_busy();
        let (routes, place) = (&routes, &place);
        async move {
            let answer = routes.answer(ends, request).await;
            if is_followed(&answer) {
                place.follows();
            } else {
                place.is_answered();
            }
            Ok::<Response, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(LARGEST_HEAD)
        .max_header_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(Line::new(stream)), answer);
    pin!(connection);
    tokio::select! {
        // What goes wrong with a connection concerns its other side only.
        _ = &mut connection => return,
        () = place.is_cut() => return,
        () = place.is_dismissed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// True for an answer that goes on as long as what it tells of.
fn is_followed(answer: &Response) -> bool {
    let kind = answer.headers().get(CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}
