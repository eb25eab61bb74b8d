//! A Pushgateway of Prometheus: it keeps what was put there last for those who ask it.

use super::World;
use super::environment::host_name;
use super::http::{self, Address, Request};
use crate::engine::apply::Permit;
use anyhow::Result;
use std::time::Duration;

/// All tries together take no longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Puts the page of the site in the place of the one before.
pub(crate) fn put(world: &World, address: &str, page: &str, permit: &Permit) -> Result<()> {
    let address = Address::parse(address, "`pushgateway` of [metrics]")?;
    let site = world.config.site_name();
    let address = address.within(&["metrics", "job", "maint", "instance", &host_name(), "site", site]);
    let request = Request::put(&address, "text/plain; version=0.0.4; charset=utf-8", page);
    // The run may have been ended, and what became of it is told all the same.
    http::send(&world.to_the_end(PATIENCE), &request, permit).map(drop)
}
