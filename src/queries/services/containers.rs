//! The services of the Compose project: what the file declares, and what runs of it.

use super::row::{Kind, Row, Status};
use crate::error::{exit_of, one_line};
use crate::exit::Exit;
use crate::text;
use crate::world::World;
use crate::world::docker::{Compose, Container, Health, State, Usage};
use anyhow::Result;
use std::collections::BTreeMap;
use std::time::Duration;

/// What stands for all services when not even their names can be learnt.
pub(super) const ALL: &str = "compose";

/// A row for each service. The error is for a configuration that is wrong.
pub(super) fn rows(world: &World) -> Result<Vec<Row>> {
    let compose = match Compose::of(world) {
        Ok(Some(compose)) => compose,
        Ok(None) => return Ok(Vec::new()),
        Err(error) if exit_of(&error) == Exit::Usage => return Err(error),
        Err(error) => return Ok(vec![unknown(world, ALL, &error)]),
    };
    let (declared, found) = std::thread::scope(|scope| {
        let declared = scope.spawn(|| compose.services(world));
        let found = compose.containers(world).map(|containers| {
            // What cannot be measured is left out.
            let usage = compose.usage(world, &containers).unwrap_or_default();
            (containers, usage)
        });
        let declared =
            declared.join().unwrap_or_else(|_| Err(anyhow::anyhow!("the services cannot be learnt")));
        (declared, found)
    });
    Ok(match (declared, found) {
        (Ok(declared), Ok((containers, usage))) => board(world, &declared, &containers, &usage),
        (Ok(declared), Err(error)) => {
            declared.iter().map(|service| unknown(world, service, &error)).collect()
        }
        // What runs goes on, and yet the next deploy will fail.
        (Err(error), Ok((containers, usage))) => {
            let found = board(world, &[], &containers, &usage);
            found.into_iter().chain([unknown(world, ALL, &error)]).collect()
        }
        (Err(error), Err(_)) => vec![unknown(world, ALL, &error)],
    })
}

fn unknown(world: &World, service: &str, why: &anyhow::Error) -> Row {
    Row::unknown(world, Kind::Container, service, &one_line(why))
}

/// The declared services, and then what runs besides: a service of a profile, or one that is not declared any more.
fn board(
    world: &World,
    declared: &[String],
    containers: &[Container],
    usage: &BTreeMap<String, Usage>,
) -> Vec<Row> {
    let mut services: Vec<&str> = declared.iter().map(String::as_str).collect();
    for container in containers {
        let counts = declared.is_empty() || container.state == State::Running;
        if counts && !services.contains(&container.service.as_str()) {
            services.push(&container.service);
        }
    }
    let of = |service: &&str| -> Vec<&Container> {
        containers.iter().filter(|container| container.service == *service).collect()
    };
    services.iter().map(|service| row(world, service, &of(service), usage)).collect()
}

/// A service is as well as the worst of its containers.
fn row(world: &World, service: &str, containers: &[&Container], usage: &BTreeMap<String, Usage>) -> Row {
    let is_once = world.config.compose.iter().any(|section| section.once.iter().any(|once| once == service));
    let status = |container: &Container| status(container, is_once);
    let Some(worst) = containers.iter().max_by_key(|container| status(container)) else {
        let why = Some("it has no container".to_owned());
        return Row::new(world, Kind::Container, service, Status::Stopped).with_detail(why);
    };
    let up: Vec<Duration> = containers.iter().filter_map(|container| container.uptime).collect();
    let mut row = Row::new(world, Kind::Container, service, status(worst)).up_for(up.into_iter().min());
    row.state = Some(state_word(worst.state));
    row.health = health_word(worst.health);
    row.detail = detail(worst, row.status, containers);
    let used: Vec<&Usage> = containers.iter().filter_map(|container| usage.get(&container.id)).collect();
    if used.is_empty() {
        return row;
    }
    row.memory_limit_bytes = used.iter().map(|usage| usage.memory_limit_bytes).max();
    row.using_memory(used.iter().map(|usage| usage.memory_bytes).sum())
        .using_cpu(used.iter().map(|usage| usage.cpu_percent).sum())
}

fn status(container: &Container, is_once: bool) -> Status {
    match (container.state, container.health) {
        (State::Running, Health::Unhealthy) => Status::Unhealthy,
        (State::Running, Health::Starting) => Status::Starting,
        (State::Running, Health::Unchecked | Health::Healthy) => Status::Running,
        (State::Paused, _) => Status::Paused,
        (State::Restarting, _) => Status::Restarting,
        (State::Exited, _) if is_once && container.exit_code == Some(0) => Status::Done,
        (State::Created | State::Removing | State::Exited | State::Dead, _) => Status::Stopped,
    }
}

/// Why it is not well; of several, how many run, and which one is meant.
fn detail(worst: &Container, status: Status, containers: &[&Container]) -> Option<String> {
    let why = why(worst, status);
    if containers.len() == 1 {
        return why;
    }
    let running = containers.iter().filter(|container| container.state == State::Running).count();
    let running = format!("{running} of {} running", containers.len());
    Some(why.map_or_else(|| running.clone(), |why| format!("{running}; {}: {why}", worst.name)))
}

fn why(container: &Container, status: Status) -> Option<String> {
    let mut parts = Vec::new();
    match status {
        Status::Running | Status::Done => {}
        Status::Unhealthy | Status::Starting => match &container.complaint {
            Some(words) => parts.push(format!("its health check says: {words}")),
            None if status == Status::Unhealthy => parts.push("its health check fails".to_owned()),
            None => {}
        },
        _ if container.state == State::Created => parts.push("it was never started".to_owned()),
        _ => parts.extend(container.exit_code.map(|code| format!("exit code {code}"))),
    }
    if !status.is_well() && container.restarts > 0 {
        let times = match container.restarts {
            1 => "once".to_owned(),
            restarts => format!("{} times", text::thousands(restarts)),
        };
        parts.push(format!("restarted {times}"));
    }
    Some(parts.join("; ")).filter(|why| !why.is_empty())
}

fn state_word(state: State) -> &'static str {
    match state {
        State::Created => "created",
        State::Running => "running",
        State::Paused => "paused",
        State::Restarting => "restarting",
        State::Removing => "removing",
        State::Exited => "exited",
        State::Dead => "dead",
    }
}

fn health_word(health: Health) -> Option<&'static str> {
    match health {
        Health::Unchecked => None,
        Health::Starting => Some("starting"),
        Health::Healthy => Some("healthy"),
        Health::Unhealthy => Some("unhealthy"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::compose::ComposeSection;
    use crate::world::Place;

    fn container(service: &str, state: State, health: Health) -> Container {
        Container {
            id: format!("{service}{state:?}"),
            name: format!("x-{service}-1"),
            service: service.to_owned(),
            image_id: None,
            image: "x".to_owned(),
            state,
            health,
            complaint: None,
            exit_code: (state == State::Exited).then_some(0),
            uptime: (state == State::Running).then_some(Duration::from_secs(90)),
            restarts: 0,
        }
    }

    fn world() -> World {
        World::without_site(&Place::default()).unwrap()
    }

    #[test]
    fn the_declared_services_come_first_and_one_without_a_container_is_stopped() {
        let declared = ["worker".to_owned(), "api".to_owned(), "idle".to_owned()];
        let found = [
            container("api", State::Running, Health::Healthy),
            container("gone", State::Exited, Health::Unchecked),
            container("extra", State::Running, Health::Unchecked),
            container("worker", State::Running, Health::Unhealthy),
        ];
        let rows = board(&world(), &declared, &found, &BTreeMap::new());
        let told: Vec<(&str, &str)> = rows.iter().map(|row| (&*row.name, row.status.word())).collect();
        assert_eq!(
            told,
            [("worker", "unhealthy"), ("api", "running"), ("idle", "stopped"), ("extra", "running")]
        );
        assert_eq!(rows[2].detail.as_deref(), Some("it has no container"));
        assert_eq!((rows[1].health, rows[1].uptime.as_deref()), (Some("healthy"), Some("1 min 30 s")));
    }

    #[test]
    fn a_service_of_several_containers_is_as_well_as_the_worst_of_them() {
        let mut two = container("api", State::Running, Health::Healthy);
        two.id = "two".to_owned();
        let mut three = container("api", State::Restarting, Health::Unchecked);
        (three.exit_code, three.restarts) = (Some(137), 4);
        let found = [container("api", State::Running, Health::Healthy), two, three];
        let usage =
            Usage { cpu_percent: 20.5, memory_bytes: 40 << 20, memory_limit_bytes: 2 << 30, network: None };
        let usage = found[..2].iter().map(|container| (container.id.clone(), usage.clone())).collect();
        let rows = board(&world(), &[], &found, &usage);
        assert_eq!(rows.len(), 1);
        let row = &rows[0];
        assert_eq!((row.status, row.state), (Status::Restarting, Some("restarting")));
        assert_eq!(row.detail.as_deref(), Some("2 of 3 running; x-api-1: exit code 137; restarted 4 times"));
        assert_eq!((row.memory_bytes, row.memory_usage.as_deref()), (Some(80 << 20), Some("80.0 MB")));
        assert_eq!((row.memory_limit_bytes, row.cpu_usage.as_deref()), (Some(2 << 30), Some("41.0%")));
    }

    #[test]
    fn a_service_that_is_to_end_is_well_when_it_has_ended_without_an_error() {
        let mut world = world();
        let once = vec!["migrate".to_owned()];
        world.config.compose = Some(ComposeSection { once, ..ComposeSection::default() });
        let mut found = container("migrate", State::Exited, Health::Unchecked);
        let told = |found: &Container| row(&world, &found.service, &[found], &BTreeMap::new()).status;
        assert_eq!(told(&found), Status::Done);
        found.exit_code = Some(1);
        assert_eq!(told(&found), Status::Stopped);
        assert_eq!(told(&container("api", State::Exited, Health::Unchecked)), Status::Stopped);
    }
}
