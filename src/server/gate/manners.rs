//! What every answer has in common, whoever gave it.

use super::super::answer::Refusal;
use axum::body::{Body, to_bytes};
use axum::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};

/// The page loads nothing from elsewhere, runs nothing that stands in it, and is shown in no other.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// The longest reason that is passed on.
const LONGEST: usize = 4 << 10;

/// The same answer as everybody may get it.
pub(super) async fn polite(answer: Response) -> Response {
    let mut answer = if is_plain_refusal(&answer) { in_json(answer).await } else { answer };
    // What is not heard to its end cannot be followed by anything else.
    if [StatusCode::PAYLOAD_TOO_LARGE, StatusCode::REQUEST_TIMEOUT].contains(&answer.status()) {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer.headers_mut().extend(HEADERS);
    answer
}

/// True for a refusal of axum's own, in plain text or without a word.
fn is_plain_refusal(answer: &Response) -> bool {
    let is_refusal = answer.status().is_client_error() || answer.status().is_server_error();
    let kind = answer.headers().get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    is_refusal && !kind.starts_with(b"application/json")
}

async fn in_json(answer: Response) -> Response {
    let (parts, body) = answer.into_parts();
    let text = to_bytes(body, LONGEST).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let usual = parts.status.canonical_reason().unwrap_or("refused");
    let detail = text.lines().next().filter(|line| !line.is_empty()).unwrap_or(usual);
    let mut polite = Refusal::new(parts.status, detail).into_response();
    for (name, value) in &parts.headers {
        if ![CONTENT_TYPE, axum::http::header::CONTENT_LENGTH].contains(name) {
            polite.headers_mut().append(name, value.clone());
        }
    }
    polite.map(Body::new)
}
