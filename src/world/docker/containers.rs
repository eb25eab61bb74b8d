//! The containers of a project, as Compose 2 lists them (one array, or one object per line) or docker does for Compose 1.

use super::status::Told;
use super::{Container, Health, State};
use crate::text;
use anyhow::{Result, anyhow};
use serde_json::{Deserializer, Value};

/// The labels that Compose gives a container.
pub(super) const SERVICE: &str = "com.docker.compose.service";
pub(super) const ONE_OFF: &str = "com.docker.compose.oneoff";
/// What is kept of a text: labels are the longest.
const LONGEST: usize = 64 << 10;

/// The objects of an answer: nothing, one array, or one after another.
pub(super) fn objects(answer: &[u8], program: &str) -> Result<Vec<Value>> {
    let first = answer.iter().find(|byte| !byte.is_ascii_whitespace());
    let read: serde_json::Result<Vec<Value>> = match first {
        None => Ok(Vec::new()),
        Some(b'[') => serde_json::from_slice(answer),
        Some(_) => Deserializer::from_slice(answer).into_iter().collect(),
    };
    let objects = read.map_err(|error| anyhow!("{program} answers with what is not JSON: {error}"))?;
    Ok(objects.into_iter().filter(Value::is_object).collect())
}

/// The containers among these objects, but for those that were made for one command.
pub(super) fn listed(objects: &[Value]) -> Vec<Container> {
    objects.iter().filter_map(container).collect()
}

fn container(found: &Value) -> Option<Container> {
    let labels = text_of(found, "Labels");
    if label(&labels, ONE_OFF) == Some("True") {
        return None;
    }
    let service = match text_of(found, "Service") {
        service if service.is_empty() => label(&labels, SERVICE)?.to_owned(),
        service => service,
    };
    let names = match text_of(found, "Name") {
        name if name.is_empty() => text_of(found, "Names"),
        name => name,
    };
    let told = Told::of(&text_of(found, "Status"));
    let state = State::of_word(&text_of(found, "State")).or(told.state).unwrap_or(State::Exited);
    let health = match found.get("Health") {
        Some(Value::String(health)) => Health::of_word(health),
        _ => told.health,
    };
    let exit_code = found.get("ExitCode").and_then(Value::as_i64).or(told.exit_code);
    let has_ended = matches!(state, State::Exited | State::Dead | State::Restarting);
    Some(Container {
        id: text_of(found, "ID"),
        name: names.split(',').next().unwrap_or_default().to_owned(),
        service,
        image_id: None,
        image: text_of(found, "Image"),
        state,
        health,
        complaint: None,
        exit_code: exit_code.filter(|_| has_ended),
        uptime: told.uptime,
        restarts: 0,
    })
}

/// A text of an object; empty when it has none.
pub(super) fn text_of(object: &Value, key: &str) -> String {
    text::cut(object.get(key).and_then(Value::as_str).unwrap_or_default(), LONGEST)
}

/// A label among "a=b,c=d".
fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    labels.split(',').find_map(|label| label.strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"Command":"\"redis\"","CreatedAt":"2026-11-18 11:06:40 +0000 UTC","ExitCode":137,"Health":"","ID":"bbbbbbbbbbbb","Image":"redis:7","Labels":"com.docker.compose.project=bot","Name":"bot-worker-1","Names":"bot-worker-1","Project":"bot","Publishers":[],"Service":"worker","State":"exited","Status":"Exited (137) 5 minutes ago"}"#;
    const RUNNING: &str = r#"{"ID":"aaaaaaaaaaaa","Name":"bot-api-1","Service":"api","State":"running","Health":"healthy","ExitCode":0,"Publishers":null}"#;

    fn read(answer: &str) -> Vec<Container> {
        listed(&objects(answer.as_bytes(), "docker compose ps").unwrap())
    }

    #[test]
    fn both_forms_of_compose_2_are_read_and_nothing_is_none() {
        for answer in [
            format!("{RUNNING}\n{LINE}\n"),
            format!("\n[{RUNNING},{LINE}]\n"),
            format!("[\n  {RUNNING},\n  {LINE}\n]"),
        ] {
            let found = read(&answer);
            let services: Vec<&str> = found.iter().map(|it| it.service.as_str()).collect();
            assert_eq!(services, ["api", "worker"], "{answer}");
            assert_eq!((found[0].state, found[0].health), (State::Running, Health::Healthy));
            assert_eq!(found[0].exit_code, None);
            assert_eq!((found[1].state, found[1].exit_code), (State::Exited, Some(137)));
            assert_eq!(found[1].health, Health::Unchecked);
        }
        for answer in ["", "\n", "[]", "[]\n", "null\n"] {
            assert_eq!(read(answer).len(), 0, "{answer:?}");
        }
    }

    #[test]
    fn what_docker_lists_for_compose_1_is_read_by_its_labels() {
        let line = |labels: &str, status: &str| {
            format!(
                r#"{{"ID":"cc","Image":"bb:1","Labels":"{labels}","Names":"x_api_1","State":"running","Status":"{status}"}}"#
            )
        };
        let found = read(&line(
            "com.docker.compose.oneoff=False,com.docker.compose.project=x,com.docker.compose.service=api",
            "Up 2 hours (unhealthy)",
        ));
        assert_eq!(
            (found[0].service.as_str(), found[0].name.as_str(), found[0].health),
            ("api", "x_api_1", Health::Unhealthy)
        );
        assert_eq!(found[0].uptime, Some(std::time::Duration::from_hours(2)));
        let one_off = line("com.docker.compose.oneoff=True,com.docker.compose.service=api", "Up 2 hours");
        assert_eq!(read(&one_off).len(), 0);
        assert_eq!(read(&line("other=api", "Up 2 hours")).len(), 0);
    }

    #[test]
    fn what_is_not_json_is_an_error_and_never_no_container() {
        for answer in ["NAME  STATE\nx  Up\n", "{\"ID\":", "[{\"ID\":\"a\"}", "{} x"] {
            let error = objects(answer.as_bytes(), "docker compose ps").unwrap_err().to_string();
            assert!(error.starts_with("docker compose ps answers with what is not JSON"), "{error}");
        }
    }
}
