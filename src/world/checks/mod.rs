//! The checks of `[checks.NAME]`: what each kind measures, all of them at once.

mod accounts;
mod backup;
mod certificate;
mod containers;
mod disk;
mod docker;
mod groups;
mod http;
mod logins;
mod logs;
mod queries;
mod queues;
mod row;
mod services;
mod volumes;

pub(crate) use http::{Pulse, look};
pub(crate) use row::{Row, State, Unit};

use crate::config::check::{Check, Kind, SERVICE};
use crate::error::{Problem, one_line};
use crate::text;
use crate::world::World;
use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use docker::Docker;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::channel;
use std::time::Duration;

/// What happened is counted since the last check, the first time since so many hours ago.
const FIRST_HOURS: i64 = 24;
/// What no signal can end, such as a look at a disk that is gone, is left behind after this time.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was found by one check.
#[derive(Debug)]
pub(crate) struct Looked {
    /// NAME of `[checks.NAME]`.
    pub(crate) name: String,
    pub(crate) rows: Vec<Row>,
    /// What the next check has to know.
    pub(crate) learnt: Learnt,
}

/// What a check has to know of the one before it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Learnt {
    /// What happened until then was counted.
    until: Option<DateTime<Utc>>,
    /// Who could log in, or become root.
    #[serde(skip_serializing_if = "Option::is_none")]
    names: Option<BTreeSet<String>>,
    /// How often each container had been started again, by its id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    restarts: BTreeMap<String, u64>,
    /// Since when the logs of services are to be read that could not be.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    unread: BTreeMap<String, DateTime<Utc>>,
}

/// What a kind of check sees.
struct Seen {
    rows: Vec<Row>,
    learnt: Learnt,
}

impl From<Vec<Row>> for Seen {
    fn from(rows: Vec<Row>) -> Seen {
        Seen { rows, learnt: Learnt::default() }
    }
}

/// What a kind of check has before it.
struct Sight<'a> {
    world: &'a World,
    docker: &'a Docker<'a>,
    /// NAME of `[checks.NAME]`.
    name: &'a str,
    check: &'a Check,
    /// What the last check has learnt; nothing the first time.
    last: Option<&'a Learnt>,
}

impl Sight<'_> {
    fn row(&self, item: &str, unit: Unit) -> Row {
        Row::new(self.name, item, unit)
    }

    fn now(&self) -> DateTime<Utc> {
        self.world.clock.now()
    }

    /// Since when what happened is to be counted. When the clock was set back, the last check is no measure.
    fn since(&self) -> DateTime<Utc> {
        let now = self.now();
        let last = self.last.and_then(|last| last.until).filter(|until| *until <= now);
        last.unwrap_or(now - TimeDelta::hours(FIRST_HOURS))
    }

    /// The error is for what could not be measured at all.
    fn look(&self) -> Result<Seen> {
        let Some(kind) = self.check.kind() else { return Ok(Vec::new().into()) };
        match kind {
            Kind::Http(address) => http::row(self, address).map(|row| vec![row].into()),
            Kind::Disk(path) => Ok(disk::rows(self, path).into()),
            Kind::Services(which) => services::rows(self, which).map(Seen::from),
            Kind::Containers(which) => containers::look(self, which),
            Kind::Logs(which) => logs::look(self, which),
            Kind::Rabbitmq(place) => queues::rows(self, place).map(Seen::from),
            Kind::SlowQueries(database) => queries::rows(self, database).map(Seen::from),
            Kind::Backup(which) => backup::rows(self, which).map(Seen::from),
            Kind::Certificate(place) => certificate::row(self, place).map(|row| vec![row].into()),
            Kind::Access => accounts::look(self),
            Kind::Volumes(which) => volumes::rows(self, which).map(Seen::from),
        }
    }
}

/// Refuses what nothing could be measured with, without asking anybody.
pub(crate) fn refuse_wrong(name: &str, check: &Check) -> Result<()> {
    match check.kind() {
        Some(Kind::Http(address)) => http::address(name, address).map(drop),
        Some(Kind::Rabbitmq(place)) if !place.starts_with(SERVICE) => queues::address(name, place).map(drop),
        _ => Ok(()),
    }
}

/// Refuses a check of containers where there is no Compose project yet.
pub(crate) fn refuse_unready(world: &World, name: &str, check: &Check) -> Result<()> {
    match check.kind() {
        Some(kind) if kind.needs_compose() => docker::refuse_without_project(world, name, kind),
        _ => Ok(()),
    }
}

/// Makes these checks, all at the same time: together they take as long as the slowest.
pub(crate) fn look_at_all(
    world: &World,
    wanted: &[(&String, &Check)],
    known: &BTreeMap<String, Learnt>,
) -> Vec<Looked> {
    let docker = Docker::of(world);
    let kinds: Vec<Kind<'_>> = wanted.iter().filter_map(|(_, check)| check.kind()).collect();
    std::thread::scope(|scope| {
        docker.ask_ahead(scope, &kinds);
        let look = |(name, check): &(&String, &Check)| {
            let (docker, name, check) = (&docker, (*name).clone(), (*check).clone());
            let last = known.get(&name).cloned();
            let looking = std::thread::Builder::new().spawn_scoped(scope, move || {
                looked(&Sight { world, docker, name: &name, check: &check, last: last.as_ref() })
            });
            looking.ok()
        };
        let looking: Vec<_> = wanted.iter().map(look).collect();
        let ended = looking.into_iter().zip(wanted).map(|(looking, (name, _))| {
            let looked = looking.and_then(|looking| looking.join().ok());
            looked.unwrap_or_else(|| in_vain(name, "no thread can be started"))
        });
        ended.collect()
    })
}

fn looked(sight: &Sight<'_>) -> Looked {
    match sight.look() {
        Ok(Seen { rows, learnt }) => {
            let learnt = Learnt { until: Some(sight.now()), ..learnt };
            Looked { name: sight.name.to_owned(), rows, learnt }
        }
        Err(error) => Looked {
            // What could not be looked at is looked at the next time.
            learnt: sight.last.cloned().unwrap_or_default(),
            ..in_vain(sight.name, &one_line(&error))
        },
    }
}

fn in_vain(name: &str, why: &str) -> Looked {
    let row = Row::new(name, "", Unit::Count).unknown(why);
    Looked { name: name.to_owned(), rows: vec![row], learnt: Learnt::default() }
}

/// The answer of something that may never give one; it is left behind then, with its thread.
fn within<T: Send + 'static>(limit: Duration, ask: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (sender, receiver) = channel();
    std::thread::Builder::new().spawn(move || sender.send(ask())).ok()?;
    receiver.recv_timeout(limit).ok()
}

/// The checks that are asked for by name; all without one.
pub(crate) fn wanted<'w>(world: &'w World, only: &[String]) -> Result<Vec<(&'w String, &'w Check)>> {
    let all = &world.config.checks;
    if all.is_empty() {
        return Err(Problem::usage(
            "there is nothing to check: add a section [checks.NAME] to maint.toml, such as `disk = \"/\"`",
        ));
    }
    if let Some(unknown) = only.iter().find(|name| !all.contains_key(*name)) {
        let hint = match text::nearest(unknown, all.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", all.keys().cloned().collect::<Vec<_>>().join(", ")),
        };
        return Err(Problem::usage(format!("there is no check `{}`; {hint}", text::escape(unknown))));
    }
    Ok(all.iter().filter(|(name, _)| only.is_empty() || only.contains(name)).collect())
}
