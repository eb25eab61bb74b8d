//! Docker and Compose, by their command lines: every engine, context and version that the user's own commands reach.

mod call;
mod change;
mod complaint;
mod compose;
mod containers;
mod inside;
mod inspect;
mod log;
mod mounts;
mod place;
mod program;
mod status;
mod store;
#[cfg(test)]
mod tests;
mod usage;
mod volume;

pub(crate) use compose::Compose;
pub(crate) use inside::Entered;
pub(in crate::world) use inside::enter;
pub(crate) use log::Stretch;
pub(crate) use mounts::Mount;
pub(crate) use store::{Image, Store, StoredVolume, Used, is_volume, normal};
pub(crate) use usage::Usages;
pub(crate) use volume::{Unpacked, Volume, is_owed, settle};

use containers::SERVICE as SERVICE_LABEL;
use std::time::Duration;

/// A container of the project, as it is now.
#[derive(Clone, Debug)]
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) service: String,
    /// The image that it runs, by its id ("sha256:…").
    pub(crate) image_id: Option<String>,
    /// The name by which its image was found, such as "bot-api" or "redis:7".
    pub(crate) image: String,
    pub(crate) state: State,
    pub(crate) health: Health,
    /// What its health check said last, escaped, when it is not well.
    pub(crate) complaint: Option<String>,
    /// None when it runs.
    pub(crate) exit_code: Option<i64>,
    /// How long it has been running.
    pub(crate) uptime: Option<Duration>,
    /// How often Docker has started it again by itself.
    pub(crate) restarts: u64,
}

/// Whether it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Created,
    Running,
    Paused,
    Restarting,
    Removing,
    Exited,
    Dead,
}

/// Whether it is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// It has no health check.
    Unchecked,
    Starting,
    Healthy,
    Unhealthy,
}

/// What a container uses.
#[derive(Clone, Debug)]
pub(crate) struct Usage {
    pub(crate) cpu_percent: f64,
    pub(crate) memory_bytes: u64,
    pub(crate) memory_limit_bytes: u64,
    /// Bytes that it has received and sent since it was started.
    pub(crate) network: Option<(u64, u64)>,
}
