//! How the jobs fared and what their checks measured, for Prometheus: written after each run, the whole site on one page.

mod fared;
pub(crate) mod forms;
pub(crate) mod rules;
mod text;

use super::apply::Permit;
use super::history::{self, History};
use crate::error::one_line;
use crate::text::duration;
use crate::world::{World, pushgateway};
use anyhow::{Result, bail};
use fared::Fared;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

/// No job can have locks of these names: two runs that end at the same time write, and push, one after the other.
const WRITING: &str = ".metrics";
const PUSHING: &str = ".pushgateway";
/// A run that has ended waits no longer for others, and looks so often whether it must.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(5);
/// A page is far smaller.
const LARGEST: u64 = 4 << 20;
/// Everybody may read it: the exporter is another user.
const MODE: u32 = 0o644;

/// Writes the page, and pushes it, where `[metrics]` says so. None of this changes what became of the run: `log` and
/// stderr tell what went wrong.
pub(super) fn tell(world: &World, history: &History<'_>, log: &Path, permit: &Permit) {
    let section = &world.config.metrics;
    if section.textfile.is_none() && section.pushgateway.is_none() {
        return;
    }
    let complaints = publish(world, history, permit).into_iter().filter_map(Result::err);
    let complaints: Vec<String> = complaints.map(|error| format!("metrics: {}", one_line(&error))).collect();
    super::session::warn(log, &complaints, permit);
}

/// The page as it would be written now; empty before the first run.
pub(crate) fn page(world: &World) -> Result<String> {
    let Some(connection) = history::look(world)? else { return Ok(String::new()) };
    Ok(Fared::of(world, &connection)?.page(world.config.site_name(), ""))
}

/// What could not be done of it. Each has its own lock, so that a gateway that hangs holds up no page.
fn publish(world: &World, history: &History<'_>, permit: &Permit) -> [Result<()>; 2] {
    let section = &world.config.metrics;
    let site = world.config.site_name();
    let file =
        section.textfile.as_ref().map(|folder| world.root.join(folder).join(format!("maint_{site}.prom")));
    let page = || {
        let before = file.as_ref().and_then(|file| world.files.read_text(file, LARGEST).ok());
        Ok::<_, anyhow::Error>(
            Fared::of(world, history.connection())?.page(site, &before.unwrap_or_default()),
        )
    };
    let write = |file| {
        let _guard = alone(world, WRITING, permit)?;
        world.files.write(file, page()?.as_bytes(), MODE, permit)
    };
    let push = |address| {
        let _guard = alone(world, PUSHING, permit)?;
        pushgateway::put(world, address, &page()?, permit)
    };
    [file.as_deref().map_or(Ok(()), write), section.pushgateway.as_deref().map_or(Ok(()), push)]
}

/// Waits until no other run does the same: the page of the one that ends last is the last.
fn alone(world: &World, name: &str, permit: &Permit) -> Result<File> {
    let guard = world.state.open_lock(name, permit)?;
    let patient = world.to_the_end(PATIENCE);
    while guard.try_lock().is_err() {
        if !patient.stop.wait(LOOK) {
            bail!("other runs have been at it for {}", duration(PATIENCE));
        }
    }
    Ok(guard)
}
