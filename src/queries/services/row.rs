//! One service, as it is shown.

use crate::world::World;
use crate::{logging, text};
use serde::Serialize;
use std::time::Duration;

/// How a service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Running,
    /// It has done its work and ended, as it should.
    Done,
    /// It runs, and its health check has not passed yet.
    Starting,
    Paused,
    Unhealthy,
    Restarting,
    Stopped,
    /// How it is cannot be told, or it does not answer.
    Error,
}

impl Status {
    pub(super) fn word(self) -> &'static str {
        match self {
            Status::Running => "running",
            Status::Done => "done",
            Status::Starting => "starting",
            Status::Paused => "paused",
            Status::Unhealthy => "unhealthy",
            Status::Restarting => "restarting",
            Status::Stopped => "stopped",
            Status::Error => "error",
        }
    }

    /// Nobody has to look after it.
    pub(super) fn is_well(self) -> bool {
        matches!(self, Status::Running | Status::Done | Status::Starting)
    }
}

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Container,
    Redis,
    Workers,
    Http,
}

/// One service. The first five keys are those that the bot's own program answered with.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) status: Status,
    pub(super) uptime: Option<String>,
    pub(super) memory_usage: Option<String>,
    pub(super) cpu_usage: Option<String>,
    pub(super) kind: Kind,
    /// Its own name, whatever it is called.
    pub(super) service: String,
    pub(super) health: Option<&'static str>,
    pub(super) state: Option<&'static str>,
    pub(super) uptime_seconds: Option<u64>,
    pub(super) memory_bytes: Option<u64>,
    pub(super) memory_limit_bytes: Option<u64>,
    pub(super) cpu_percent: Option<f64>,
    pub(super) latency_seconds: Option<f64>,
    /// Why it is not well.
    pub(super) detail: Option<String>,
}

impl Row {
    /// A service of which nothing else is known; `[services.names]` says what it is called.
    pub(super) fn new(world: &World, kind: Kind, service: &str, status: Status) -> Row {
        let name = world.config.services.names.get(service).map_or(service, String::as_str);
        Row {
            name: name.to_owned(),
            status,
            uptime: None,
            memory_usage: None,
            cpu_usage: None,
            kind,
            service: service.to_owned(),
            health: None,
            state: None,
            uptime_seconds: None,
            memory_bytes: None,
            memory_limit_bytes: None,
            cpu_percent: None,
            latency_seconds: None,
            detail: None,
        }
    }

    /// One that cannot be asked, and why.
    pub(super) fn unknown(world: &World, kind: Kind, service: &str, why: &str) -> Row {
        Row::new(world, kind, service, Status::Error).with_detail(Some(why.to_owned()))
    }

    pub(super) fn with_detail(self, detail: Option<String>) -> Row {
        Row { detail: detail.map(|detail| logging::redacted(&detail).into_owned()), ..self }
    }

    pub(super) fn up_for(self, uptime: Option<Duration>) -> Row {
        Row {
            uptime: uptime.map(|uptime| text::duration(Duration::from_secs(uptime.as_secs().max(1)))),
            uptime_seconds: uptime.map(|uptime| uptime.as_secs()),
            ..self
        }
    }

    pub(super) fn using_memory(self, bytes: u64) -> Row {
        Row { memory_usage: Some(text::size(bytes)), memory_bytes: Some(bytes), ..self }
    }

    pub(super) fn using_cpu(self, percent: f64) -> Row {
        Row { cpu_usage: Some(format!("{percent:.1}%")), cpu_percent: Some(percent), ..self }
    }

    /// True when it was asked for by this name.
    pub(super) fn is_called(&self, wanted: &str) -> bool {
        self.name == wanted || self.service == wanted
    }
}
