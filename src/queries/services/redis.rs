//! Redis, and the workers of RQ that take jobs from its queue.

use super::row::{Kind, Row, Status};
use crate::config::secret::SecretRef;
use crate::config::site::Language;
use crate::error::{exit_of, one_line};
use crate::exit::Exit;
use crate::text;
use crate::world::World;
use crate::world::redis::Redis;
use anyhow::Result;
use std::time::Duration;

const REDIS: &str = "redis";
const WORKERS: &str = "workers";

/// True when the site has a queue.
pub(in crate::queries) fn is_configured(world: &World) -> bool {
    world.config.redis.is_some() || world.secret(&SecretRef::Env("REDIS_URL".to_owned())).is_some()
}

/// A row for Redis and one for the workers. The error is for a configuration that is wrong.
pub(super) fn rows(world: &World) -> Result<Vec<Row>> {
    let unknown = |kind, service, why: &str| Row::unknown(world, kind, service, why);
    let connected = world.redis().and_then(|mut redis| {
        let server = redis.server()?;
        Ok((redis, server))
    });
    let (mut redis, server) = match connected {
        Ok(connected) => connected,
        Err(error) if exit_of(&error) == Exit::Usage => return Err(error),
        Err(error) => {
            return Ok(vec![
                unknown(Kind::Redis, REDIS, &one_line(&error)),
                unknown(Kind::Workers, WORKERS, "Redis cannot be asked"),
            ]);
        }
    };
    let row = Row::new(world, Kind::Redis, REDIS, Status::Running);
    let row = row.up_for(Some(server.uptime)).using_memory(server.memory_bytes);
    let workers =
        workers(world, &mut redis).unwrap_or_else(|error| unknown(Kind::Workers, WORKERS, &one_line(&error)));
    Ok(vec![row, workers])
}

fn workers(world: &World, redis: &mut Redis) -> Result<Row> {
    let section = world.config.redis.clone().unwrap_or_default();
    let workers = redis.workers(&section.queue)?;
    let oldest = workers.iter().filter_map(|worker| worker.uptime).max();
    Ok(row(world, &section.queue, workers.len(), oldest))
}

/// The bot's own program told how many there are in the place of an uptime.
fn row(world: &World, queue: &str, count: usize, oldest: Option<Duration>) -> Row {
    let status = if count == 0 { Status::Stopped } else { Status::Running };
    let mut row = Row::new(world, Kind::Workers, WORKERS, status).up_for(oldest);
    row.uptime = Some(words(world.config.site.language_of_program(), count));
    let nobody = || format!("no worker listens to the queue {}", text::escape(queue));
    row.detail = (count == 0).then(nobody);
    row
}

fn words(language: Language, count: usize) -> String {
    match (language, count) {
        (Language::Fr, 0) => "Aucun worker actif".to_owned(),
        (Language::Fr, count) => format!("{count} worker(s) actif(s)"),
        (Language::En, 0) => "no active worker".to_owned(),
        (Language::En, count) => text::plural(count, "active worker"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Place;

    #[test]
    fn workers_are_counted_in_the_words_of_the_program() {
        let mut world = World::without_site(&Place::default()).unwrap();
        let told = |world: &World, count: usize| {
            let row = row(world, "bot", count, None);
            (row.status.word(), row.uptime.unwrap(), row.detail)
        };
        let nobody = Some("no worker listens to the queue bot".to_owned());
        assert_eq!(told(&world, 0), ("stopped", "Aucun worker actif".to_owned(), nobody));
        assert_eq!(told(&world, 1), ("running", "1 worker(s) actif(s)".to_owned(), None));
        world.config.site.language = Some(Language::En);
        assert_eq!(told(&world, 1).1, "1 active worker");
        assert_eq!(told(&world, 0).1, "no active worker");
    }
}
