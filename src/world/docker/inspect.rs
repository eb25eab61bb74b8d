//! What only `docker inspect` tells exactly: since when a container runs, its health, and its image.

use super::containers::{ONE_OFF, text_of};
use super::{Container, Health, State};
use crate::{logging, text};
use chrono::{DateTime, Utc};
use serde_json::Value;

/// What is shown of the words of a health check.
const LONGEST_WORDS: usize = 200;

/// Adds to each container what was found of it; whoever was not found, because it went meanwhile, stays as it is. Those that
/// were made for one command are left out: Compose 2 lists them too.
pub(super) fn complete(containers: Vec<Container>, found: &[Value], now: DateTime<Utc>) -> Vec<Container> {
    let completed = containers.into_iter().filter_map(|mut container| {
        let is_own = |found: &&Value| {
            let name = text_of(found, "Name");
            let is_called = name.is_empty() || name.trim_start_matches('/') == container.name;
            is_called && is_same(&text_of(found, "Id"), &container.id)
        };
        if let Some(found) = found.iter().find(is_own) {
            let labels = found.pointer("/Config/Labels");
            if labels.is_some_and(|labels| text_of(labels, ONE_OFF) == "True") {
                return None;
            }
            add(&mut container, found, now);
        }
        Some(container)
    });
    completed.collect()
}

/// True for an id and the beginning of it, whichever comes first.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    !one.is_empty() && !other.is_empty() && (one.starts_with(other) || other.starts_with(one))
}

fn add(container: &mut Container, found: &Value, now: DateTime<Utc>) {
    container.id = text_of(found, "Id");
    container.image_id = Some(text_of(found, "Image")).filter(|image| !image.is_empty());
    container.restarts = found.get("RestartCount").and_then(Value::as_u64).unwrap_or(0);
    if let Some(image) = found.pointer("/Config/Image").and_then(Value::as_str) {
        image.clone_into(&mut container.image);
    }
    let Some(state) = found.get("State") else { return };
    container.state = State::of_word(&text_of(state, "Status")).unwrap_or(container.state);
    container.health = match state.get("Health") {
        Some(health) => Health::of_word(&text_of(health, "Status")),
        None => Health::Unchecked,
    };
    container.complaint = last_words(state).filter(|_| container.health != Health::Healthy);
    let has_ended = matches!(container.state, State::Exited | State::Dead | State::Restarting);
    let exit_code = state.get("ExitCode").and_then(Value::as_i64).or(container.exit_code);
    container.exit_code = exit_code.filter(|_| has_ended);
    let is_up = matches!(container.state, State::Running | State::Paused);
    let started = DateTime::parse_from_rfc3339(&text_of(state, "StartedAt")).ok().filter(|_| is_up);
    // The clock of the engine's machine may be a little ahead.
    container.uptime = started.map(|started| (now - started.to_utc()).to_std().unwrap_or_default());
}

/// What the health check said last.
fn last_words(state: &Value) -> Option<String> {
    let last = state.pointer("/Health/Log")?.as_array()?.last()?;
    let words = text_of(last, "Output");
    let words = logging::redacted(words.trim());
    Some(text::cut(&text::escape(&words), LONGEST_WORDS)).filter(|words| !words.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::containers::{listed, objects};
    use super::*;
    use std::time::Duration;

    const ID: &str = "bbbbbbbbbbbbcccc";

    fn completed(inspected: &str) -> Vec<Container> {
        let listed = listed(
            &objects(
                br#"{"ID":"bbbbbbbbbbbb","Name":"x-api-1","Service":"api","Image":"sha256:1","State":"running","Status":"Up 2 hours"}"#,
                "x",
            )
            .unwrap(),
        );
        let now = "2026-11-20T15:00:00Z".parse().unwrap();
        complete(listed, &objects(inspected.as_bytes(), "x").unwrap(), now)
    }

    #[test]
    fn what_inspect_tells_is_exact_and_what_it_does_not_tell_stays() {
        let found = completed(&format!(
            r#"[{{"Id":"{ID}","Image":"sha256:ff","RestartCount":4,"Config":{{"Image":"x-api","Labels":{{"com.docker.compose.oneoff":"False"}}}},"State":{{"Status":"running","ExitCode":0,"StartedAt":"2026-11-20T14:58:30.5Z","Health":{{"Status":"unhealthy","Log":[{{"Output":"old"}},{{"Output":"no\n"}}]}}}}}}]"#
        ));
        let api = &found[0];
        assert_eq!((api.id.as_str(), api.image.as_str(), api.restarts), (ID, "x-api", 4));
        assert_eq!((api.image_id.as_deref(), api.health), (Some("sha256:ff"), Health::Unhealthy));
        assert_eq!(api.complaint.as_deref(), Some("no"));
        assert_eq!((api.uptime, api.exit_code), (Some(Duration::from_millis(89_500)), None));
        let unknown = completed("[]");
        assert_eq!(unknown[0].uptime, Some(Duration::from_hours(2)));
    }

    #[test]
    fn a_container_that_has_ended_has_an_exit_code_and_no_uptime() {
        let found = completed(&format!(
            r#"[{{"Id":"{ID}","State":{{"Status":"exited","ExitCode":137,"StartedAt":"2026-11-20T14:58:30Z"}}}}]"#
        ));
        assert_eq!((found[0].state, found[0].exit_code), (State::Exited, Some(137)));
        assert_eq!(found[0].uptime, None);
    }

    #[test]
    fn a_container_that_was_made_for_one_command_is_left_out() {
        let one_off =
            format!(r#"[{{"Id":"{ID}","Config":{{"Labels":{{"com.docker.compose.oneoff":"True"}}}}}}]"#);
        assert_eq!(completed(&one_off).len(), 0);
    }
}
