//! What an answer is when it is no: a status, and one line.

use axum::Json;
use axum::http::{HeaderName, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde_json::json;

/// A refusal or a failure.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) detail: String,
    /// What else the other side has to know.
    pub(super) header: Option<(HeaderName, String)>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Refusal {
        Refusal { status, detail: detail.into(), header: None }
    }

    /// The same with a header, such as when to come again.
    pub(super) fn with(self, name: HeaderName, value: impl Into<String>) -> Refusal {
        Refusal { header: Some((name, value.into())), ..self }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let detail = crate::logging::redacted(&self.detail);
        let header = self.header.map(|header| [header]);
        (self.status, header.map(AppendHeaders), Json(json!({ "detail": detail }))).into_response()
    }
}
