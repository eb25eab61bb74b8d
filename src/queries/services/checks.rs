//! The addresses of `[checks]`.

use super::row::{Kind, Row, Status};
use crate::config::check::Check;
use crate::world::World;
use crate::world::checks::{Pulse, look};
use anyhow::Result;

/// A row for one address. The error is for one that nobody may ask.
pub(super) fn row(world: &World, name: &str, address: &str, check: &Check) -> Result<Row> {
    let (status, latency, why) = match look(world, name, address, check)? {
        Pulse::Well(latency) => (Status::Running, Some(latency), None),
        Pulse::Slow(latency, why) => (Status::Unhealthy, Some(latency), Some(why)),
        Pulse::Bad(why) => (Status::Error, None, Some(why)),
    };
    let mut row = Row::new(world, Kind::Http, name, status).with_detail(why);
    row.latency_seconds = latency.map(|latency| latency.as_secs_f64());
    Ok(row)
}
