//! `maint services`: whether the services of the site run and are well.

mod checks;
mod containers;
pub(super) mod redis;
mod row;

use crate::engine::Query;
use crate::error::Problem;
use crate::exit::Exit;
use crate::text;
use crate::world::World;
use crate::world::docker::Compose;
use anyhow::{Result, anyhow};
use clap::Args;
use row::{Kind, Row};
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// Shows whether the services of the site run and are well
#[derive(Args, Clone, Debug)]
pub struct Services {
    /// Show them again every few seconds, until Ctrl-C
    #[arg(long)]
    pub watch: bool,
    /// Only this one; may be repeated
    #[arg(long = "service", value_name = "NAME", value_delimiter = ',')]
    pub services: Vec<String>,
}

/// All services.
#[derive(Debug, Serialize)]
pub struct Board {
    services: Vec<Row>,
    timestamp: String,
}

/// What is asked by itself, beside the others.
type Part<'a> = Box<dyn Fn() -> Result<Vec<Row>> + Send + Sync + 'a>;

impl Query for Services {
    type Answer = Board;

    fn ask(&self, world: &World) -> Result<Board> {
        let parts = parts(world)?;
        if parts.is_empty() {
            return Err(Problem::usage(
                "there are no services to look at: name them in [compose], [redis] or [checks.NAME] of maint.toml",
            ));
        }
        let rows = all_at_once(&parts)?;
        let now = world.clock.reading().with_timezone(&world.clock.zone());
        let timestamp = now.format("%Y-%m-%dT%H:%M:%S%.6f").to_string();
        Ok(Board { services: self.wanted(rows)?, timestamp })
    }

    fn exit(board: &Board) -> Exit {
        if board.services.iter().all(|row| row.status.is_well()) { Exit::Done } else { Exit::Found }
    }
}

impl Services {
    /// The rows that were asked for.
    fn wanted(&self, rows: Vec<Row>) -> Result<Vec<Row>> {
        if self.services.is_empty() {
            return Ok(rows);
        }
        let is_all = |row: &Row| row.kind == Kind::Container && row.service == containers::ALL;
        // One of the Compose project, perhaps, of which nothing can be learnt.
        let is_missing = |wanted: &String| !rows.iter().any(|row| row.is_called(wanted));
        let missing = self.services.iter().find(|wanted| is_missing(wanted));
        if let Some(missing) = missing.filter(|_| !rows.iter().any(is_all)) {
            return Err(unknown(missing, &rows));
        }
        let has_missing = missing.is_some();
        let is_wanted = |row: &Row| {
            (has_missing && is_all(row)) || self.services.iter().any(|wanted| row.is_called(wanted))
        };
        Ok(rows.into_iter().filter(is_wanted).collect())
    }
}

/// What is configured, in the order in which it is shown.
fn parts(world: &World) -> Result<Vec<Part<'_>>> {
    let mut parts: Vec<Part<'_>> = Vec::new();
    if Compose::is_configured(world)? {
        parts.push(Box::new(|| containers::rows(world)));
    }
    if redis::is_configured(world) {
        parts.push(Box::new(|| redis::rows(world)));
    }
    for (name, check) in &world.config.checks {
        if let Some(address) = &check.http {
            parts.push(Box::new(move || Ok(vec![checks::row(world, name, address, check)?])));
        }
    }
    Ok(parts)
}

fn unknown(wanted: &str, rows: &[Row]) -> anyhow::Error {
    let names = rows.iter().flat_map(|row| [row.name.as_str(), row.service.as_str()]);
    let hint = match text::nearest(wanted, names) {
        Some(near) => format!("did you mean `{}`?", text::escape(near)),
        None => "`maint services` lists them".to_owned(),
    };
    Problem::usage(format!("there is no service `{}`; {hint}", text::escape(wanted)))
}

/// Asks all parts at the same time: together they take as long as the slowest.
fn all_at_once(parts: &[Part<'_>]) -> Result<Vec<Row>> {
    let rows: Result<Vec<Vec<Row>>> = std::thread::scope(|scope| {
        let ask = |part| std::thread::Builder::new().spawn_scoped(scope, part);
        let asked: Vec<_> = parts.iter().map(ask).collect();
        let failed = || anyhow!("a service cannot be asked: no thread can be started");
        asked
            .into_iter()
            .map(|part| part.ok().and_then(|part| part.join().ok()).ok_or_else(failed)?)
            .collect()
    });
    Ok(rows?.concat())
}

impl fmt::Display for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.services.is_empty() {
            return writeln!(f, "the Compose file declares no services");
        }
        let mut table = text::Table::new(&["NAME", "STATE", "UPTIME", "CPU", "MEMORY", "DETAILS"]);
        for row in &self.services {
            let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
            let details = row.detail.clone().or_else(|| row.latency_in_words()).unwrap_or_default();
            table.row(&[
                row.name.as_str(),
                row.status.word(),
                &or_none(&row.uptime),
                &or_none(&row.cpu_usage),
                &or_none(&row.memory_usage),
                &details,
            ]);
        }
        write!(f, "{table}")
    }
}

impl Row {
    fn latency_in_words(&self) -> Option<String> {
        let latency = Duration::try_from_secs_f64(self.latency_seconds?).ok()?;
        Some(format!("answers in {}", text::duration(latency)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::exit_of;
    use crate::world::Place;
    use row::Status;

    fn world() -> World {
        let mut world = World::without_site(&Place::default()).unwrap();
        world.config.services.names.insert("redis".to_owned(), "Redis Bot".to_owned());
        world
    }

    fn wanted(names: &[&str], rows: &[Row]) -> Result<Vec<String>> {
        let services = names.iter().map(|name| (*name).to_owned()).collect();
        let rows = Services { watch: false, services }.wanted(rows.to_vec())?;
        Ok(rows.into_iter().map(|row| row.name).collect())
    }

    #[test]
    fn services_are_chosen_by_either_name_and_an_unknown_one_is_refused() {
        let world = world();
        let row = |kind, service| Row::new(&world, kind, service, Status::Running);
        let rows = [row(Kind::Container, "api"), row(Kind::Redis, "redis"), row(Kind::Http, "page")];
        assert_eq!(wanted(&[], &rows).unwrap(), ["api", "Redis Bot", "page"]);
        assert_eq!(wanted(&["page", "redis"], &rows).unwrap(), ["Redis Bot", "page"]);
        assert_eq!(wanted(&["Redis Bot"], &rows).unwrap(), ["Redis Bot"]);
        let error = wanted(&["apj"], &rows).unwrap_err();
        assert_eq!(error.to_string(), "there is no service `apj`; did you mean `api`?");
        assert_eq!(exit_of(&error), Exit::Usage);
    }

    #[test]
    fn a_service_of_a_project_that_cannot_be_asked_is_not_taken_for_unknown() {
        let world = world();
        let rows = [
            Row::unknown(&world, Kind::Container, containers::ALL, "not installed"),
            Row::new(&world, Kind::Redis, "redis", Status::Running),
        ];
        assert_eq!(wanted(&["api"], &rows).unwrap(), ["compose"]);
        assert_eq!(wanted(&["redis"], &rows).unwrap(), ["Redis Bot"]);
    }

    #[test]
    fn the_answer_has_the_form_of_the_bots_own_program() {
        let world = world();
        let services = vec![Row::new(&world, Kind::Redis, "redis", Status::Running)];
        let board = Board { services, timestamp: "2026-11-20T15:05:53.539849".to_owned() };
        let json = serde_json::to_string(&board).unwrap();
        let recorded = r#"{"services":[{"name":"Redis Bot","status":"running","uptime":null,"memory_usage":null,"cpu_usage":null,"#;
        assert!(json.starts_with(recorded), "{json}");
        assert!(json.ends_with(r#"],"timestamp":"2026-11-20T15:05:53.539849"}"#), "{json}");
    }

    #[test]
    fn one_that_is_not_well_is_found() {
        let world = world();
        let exit = |status| {
            let services = vec![
                Row::new(&world, Kind::Http, "a", Status::Running),
                Row::new(&world, Kind::Http, "b", status),
            ];
            Services::exit(&Board { services, timestamp: String::new() })
        };
        for well in [Status::Running, Status::Starting, Status::Done] {
            assert_eq!(exit(well), Exit::Done, "{well:?}");
        }
        for bad in [Status::Stopped, Status::Unhealthy, Status::Restarting, Status::Paused, Status::Error] {
            assert_eq!(exit(bad), Exit::Found, "{bad:?}");
        }
    }
}
