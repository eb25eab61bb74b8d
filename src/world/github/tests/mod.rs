//! Asking small servers that answer as they are told.

mod asking;
mod hostile;

use super::*;
use crate::world::http::hostile::{server, world as hurried};
use serde_json::json;
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What a server answers: status, headers, body.
pub(super) type Told = (u16, String, String);

/// A world in which GitHub answers this to the path (or the body) of a request; and what was asked.
pub(super) fn github(
    answer: impl Fn(&str) -> Told + Send + Sync + 'static,
) -> (World, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let url = server(move |request, stream| {
        seen.lock().unwrap().push(request.to_owned());
        let (status, headers, body) = answer(request);
        let length = body.len();
        let head = format!("HTTP/1.1 {status} Told\r\nconnection: close\r\ncontent-length: {length}\r\n");
        write!(stream, "{head}{headers}\r\n{body}")
    });
    let mut world = hurried();
    world.config.http.tries = 3;
    world.config.github.api_url = Some(url.replace("/secret-path", ""));
    world.config.github.token = Some(crate::config::secret::SecretRef::Env("MAINT_TEST_NO_TOKEN".to_owned()));
    (world, asked)
}

/// The same with a token.
pub(super) fn with_token(mut world: World) -> (World, tempfile::NamedTempFile) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"ghp_token").unwrap();
    world.config.github.token = Some(crate::config::secret::SecretRef::File(file.path().to_owned()));
    (world, file)
}

pub(super) fn names(count: usize) -> Vec<RepositoryName> {
    (0..count).map(|index| format!("Owner/repo-{index}").parse().unwrap()).collect()
}

pub(super) fn path_of(request: &str) -> &str {
    request.split(' ').nth(1).unwrap_or_default()
}

pub(super) fn repository(path: &str) -> String {
    json!({"id": 7, "full_name": path.trim_start_matches("/repos/"), "stargazers_count": 42,
           "pushed_at": "2026-11-19T08:00:00Z"})
    .to_string()
}

pub(super) fn left(limit: u64, left: u64) -> String {
    format!(
        "x-ratelimit-limit: {limit}\r\nx-ratelimit-remaining: {left}\r\nx-ratelimit-reset: 9999999999\r\n"
    )
}

pub(super) fn message(text: &str) -> String {
    json!({"message": text}).to_string()
}

/// What GraphQL answers to a request: the repositories, but not those whose alias is in `nulls`.
pub(super) fn graphql(request: &str, nulls: &[(&str, &str, &str)]) -> Value {
    let body: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
    let variables = body["variables"].as_object().unwrap();
    let mut data = serde_json::Map::new();
    for index in 0..variables.len() / 2 {
        let (owner, name) = (&variables[&format!("o{index}")], &variables[&format!("n{index}")]);
        let full = format!("{}/{}", owner.as_str().unwrap(), name.as_str().unwrap());
        data.insert(
            format!("r{index}"),
            json!({"databaseId": 100 + index, "nameWithOwner": full, "stargazerCount": 5,
                   "defaultBranchRef": {"target": {"oid": "a".repeat(40), "committedDate": "2026-11-19T07:59:00Z"}}}),
        );
    }
    let mut errors = Vec::new();
    for (alias, kind, message) in nulls {
        data.insert((*alias).to_owned(), Value::Null);
        errors.push(json!({"type": kind, "path": [alias], "message": message}));
    }
    if errors.is_empty() { json!({"data": data}) } else { json!({"data": data, "errors": errors}) }
}

fn size(request: &str) -> usize {
    request.matches(":repository(").count()
}

pub(super) fn figure(census: &Census, key: &str) -> Figure {
    match &census.answers[key].standing {
        Standing::There(figure) => figure.clone(),
        Standing::Gone(why) => panic!("{key}: {why}"),
    }
}
