//! What a request brings with it: JSON, little, and soon.

use super::super::answer::Refusal;
use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, Request, StatusCode};
use hyper::body::{Body as _, Incoming};
use std::time::Duration;
use tokio::time::timeout;
use tokio_stream::StreamExt as _;

/// A job's options are a few lines.
const LARGEST: usize = 64 << 10;
/// Nobody types while it is sent.
const PATIENCE: Duration = Duration::from_secs(7);

/// The request with its whole body.
pub(super) async fn read(request: Request<Incoming>) -> Result<Request<Body>, Refusal> {
    if request.body().is_end_stream() {
        return Ok(request.map(|_| Body::empty()));
    }
    let (parts, body) = request.into_parts();
    if length(&parts.headers).is_some_and(|length| length > LARGEST as u64) {
        return Err(too_large());
    }
    refuse_other_types(&parts.headers)?;
    let late = |_| {
        let limit = PATIENCE.as_secs();
        Refusal::new(StatusCode::REQUEST_TIMEOUT, format!("the body did not arrive within {limit} seconds"))
    };
    let bytes = timeout(PATIENCE, all_of(Body::new(body))).await.map_err(late)??;
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

async fn all_of(body: Body) -> Result<Bytes, Refusal> {
    let mut parts = body.into_data_stream();
    let mut whole = Vec::new();
    while let Some(part) = parts.next().await {
        let broken = |_| Refusal::new(StatusCode::BAD_REQUEST, "the body is broken off");
        whole.extend_from_slice(&part.map_err(broken)?);
        if whole.len() > LARGEST {
            return Err(too_large());
        }
    }
    Ok(whole.into())
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A form of another site can send text and fields, but no JSON.
fn refuse_other_types(headers: &HeaderMap) -> Result<(), Refusal> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let why = "the body must be JSON, with the header `Content-Type: application/json`";
    Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, why))
}

fn too_large() -> Refusal {
    let limit = LARGEST >> 10;
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {limit} KB"))
}
