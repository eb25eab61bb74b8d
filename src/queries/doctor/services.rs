//! What the site runs on: Docker with its Compose project, and the Redis of its queue.

use super::Finding;
use crate::error::one_line;
use crate::queries::services::redis;
use crate::text;
use crate::world::docker::Compose;
use crate::world::environment::variable;
use crate::world::{World, programs};

/// The jobs that start Compose.
const JOBS: [&str; 6] = ["archive-logs", "backup", "check", "deploy", "docker-prune", "restore"];
/// The programs that it is made of.
const PROGRAMS: [&str; 2] = ["docker", "docker-compose"];
/// Variables that say where the daemon is.
const PLACES: [&str; 2] = ["DOCKER_HOST", "DOCKER_CONTEXT"];

/// What was found of all that is configured. Nothing is changed.
pub(super) fn services(world: &World) -> Vec<Finding> {
    let is_compose = match Compose::is_configured(world) {
        Ok(is_compose) => is_compose,
        Err(error) => return vec![Finding::problem("compose", one_line(&error), "")],
    };
    let (docker, redis) =
        (is_compose.then(|| docker(world)), redis::is_configured(world).then(|| queue(world)));
    docker.into_iter().flatten().chain(redis).collect()
}

fn docker(world: &World) -> Vec<Finding> {
    let asked = Compose::of(world).and_then(|compose| match compose {
        Some(compose) => Ok((compose.services(world)?.len(), compose.containers(world)?.len())),
        None => Ok((0, 0)),
    });
    let daemon = match asked {
        Ok((services, containers)) => {
            let (services, containers) =
                (text::plural(services, "service"), text::plural(containers, "container"));
            Finding::ok("compose", format!("{services} declared, {containers}"))
        }
        // A Compose file may be there for others, on a machine without Docker.
        Err(error) if world.config.compose.is_none() => Finding::note("compose", one_line(&error), ""),
        Err(error) => Finding::problem("compose", one_line(&error), ""),
    };
    let is_scheduled = world.config.jobs.values().any(|job| job.schedule.is_some() && job.is_of(&JOBS));
    let of_cron = [unseen_program(world), unseen_host()].into_iter().flatten().filter(|_| is_scheduled);
    std::iter::once(daemon).chain(of_cron).collect()
}

/// A daemon that is found here, but not by a job under cron.
fn unseen_host() -> Option<Finding> {
    let name = PLACES.into_iter().find(|name| variable(name).is_some())?;
    let text = format!("{name} is set here, but cron will not have it");
    Some(Finding::problem(
        "compose",
        text,
        "set it in the crontab, or choose a context with `docker context use`",
    ))
}

/// A program that is found here, but not by a job under cron.
fn unseen_program(world: &World) -> Option<Finding> {
    let cron_path = world.cron_path();
    if PROGRAMS.iter().any(|name| programs::find_in(&cron_path, name).is_some()) {
        return None;
    }
    let (name, path) = PROGRAMS.iter().find_map(|name| Some((name, programs::find_here(name)?)))?;
    let text = format!("`{name}` is {}, which is not in cron's PATH ({cron_path})", text::path(&path));
    Some(Finding::problem("compose", text, "set PATH in the crontab, or link it to /usr/bin"))
}

fn queue(world: &World) -> Finding {
    match world.redis().and_then(|mut redis| redis.server()) {
        Ok(server) => {
            Finding::ok("redis", format!("it answers, and has been up for {}", text::duration(server.uptime)))
        }
        Err(error) => Finding::problem("redis", one_line(&error), ""),
    }
}
