//! `services`: whether each service of the Compose project runs and is healthy.

use super::Sight;
use super::row::{Row, Unit};
use crate::config::check::Which;
use crate::text;
use crate::world::docker::{Container, Health, State};
use anyhow::{Result, anyhow};

/// A row for each service.
pub(super) fn rows(sight: &Sight<'_>, which: &Which) -> Result<Vec<Row>> {
    let containers = sight.docker.containers()?;
    let wanted = match which.names() {
        // A service of a profile that was started counts too.
        [] => with_others(sight.docker.declared()?, containers),
        names => names.to_vec(),
    };
    if wanted.is_empty() {
        return Err(anyhow!("the Compose file declares no service"));
    }
    Ok(wanted.iter().map(|service| row(sight, service, containers)).collect())
}

/// The declared services, and those of containers that run besides.
pub(super) fn with_others(declared: &[String], containers: &[Container]) -> Vec<String> {
    let mut all = declared.to_vec();
    for container in containers.iter().filter(|container| container.state == State::Running) {
        if !all.contains(&container.service) {
            all.push(container.service.clone());
        }
    }
    all
}

/// A service is as well as the worst of its containers.
fn row(sight: &Sight<'_>, service: &str, containers: &[Container]) -> Row {
    let row = sight.row(service, Unit::Up);
    let mut own = containers.iter().filter(|container| container.service == service).peekable();
    if own.peek().is_none() {
        return row.value(0.0).least(1.0).bad(&nowhere(sight, service));
    }
    let once = sight.world.config.compose.iter().flat_map(|section| &section.once);
    let is_once = once.into_iter().any(|once| once == service);
    match own.find_map(|container| trouble(container, is_once)) {
        Some(why) => row.value(0.0).least(1.0).bad(&why),
        None => row.value(1.0).least(1.0),
    }
}

/// Why a service has no container.
pub(super) fn nowhere(sight: &Sight<'_>, service: &str) -> String {
    match sight.docker.declared() {
        Ok(declared) if !declared.iter().any(|known| known == service) => {
            let hint = match text::nearest(service, declared.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", declared.join(", ")),
            };
            format!("the Compose file declares no such service; {hint}")
        }
        _ => "it has no container".to_owned(),
    }
}

/// Why a container is not well.
fn trouble(container: &Container, is_once: bool) -> Option<String> {
    let code = container.exit_code.map_or_else(String::new, |code| format!(" with code {code}"));
    let why = match (container.state, container.health) {
        (State::Running, Health::Healthy | Health::Unchecked | Health::Starting) => return None,
        (State::Exited, _) if is_once && container.exit_code == Some(0) => return None,
        (State::Running, Health::Unhealthy) => {
            let words = container.complaint.as_ref().map(|words| format!(": {words}"));
            format!("is unhealthy{}", words.unwrap_or_default())
        }
        (State::Paused, _) => "is paused".to_owned(),
        (State::Restarting, _) => format!("is started again and again; it ended{code}"),
        (State::Created | State::Removing, _) => "has not started".to_owned(),
        (State::Exited, _) if container.exit_code == Some(0) => {
            format!("has ended{code}; when that is meant, add {} to `once` in [compose]", container.service)
        }
        (State::Exited | State::Dead, _) => format!("has ended{code}"),
    };
    Some(format!("{} {why}", container.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(state: State, health: Health, exit_code: Option<i64>) -> Container {
        Container {
            id: "aa".to_owned(),
            name: "bot-api-1".to_owned(),
            service: "api".to_owned(),
            image_id: None,
            image: "api".to_owned(),
            state,
            health,
            complaint: None,
            exit_code,
            uptime: None,
            restarts: 0,
        }
    }

    #[test]
    fn what_does_not_run_or_is_unhealthy_is_told_and_what_is_meant_to_end_is_not() {
        let told = |state, health, code, is_once| trouble(&container(state, health, code), is_once);
        assert_eq!(told(State::Running, Health::Starting, None, false), None);
        assert_eq!(told(State::Exited, Health::Unchecked, Some(0), true), None);
        assert_eq!(
            told(State::Exited, Health::Unchecked, Some(3), true).unwrap(),
            "bot-api-1 has ended with code 3"
        );
        assert_eq!(
            told(State::Exited, Health::Unchecked, Some(0), false).unwrap(),
            "bot-api-1 has ended with code 0; when that is meant, add api to `once` in [compose]"
        );
        assert_eq!(told(State::Running, Health::Unhealthy, None, false).unwrap(), "bot-api-1 is unhealthy");
    }
}
