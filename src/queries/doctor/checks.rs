//! The checks, and where the numbers of the site go: whether they have what they need.

use super::Finding;
use crate::config::check::Kind;
use crate::error::one_line;
use crate::text;
use crate::world::checks::refuse_unready;
use crate::world::{World, access};
use std::path::Path;

/// What was found of `[checks]` and `[metrics]`. Nothing is measured, and nothing written.
pub(super) fn checks(world: &World) -> Vec<Finding> {
    let checks = world.config.checks.iter();
    let unready = checks.clone().filter_map(|(name, check)| refuse_unready(world, name, check).err());
    let unready = unready.map(|error| Finding::problem("checks", one_line(&error), ""));
    let access = checks.filter(|(_, check)| matches!(check.kind(), Some(Kind::Access)));
    let blind = access.filter_map(|(name, check)| {
        let sudoers = world.root.join(check.etc.as_deref().unwrap_or(Path::new("/etc"))).join("sudoers");
        let is_closed = world.files.exists(&sudoers) && !access::may_read(&sudoers);
        let text = format!("[checks.{name}] cannot tell who may become root: {}", text::path(&sudoers));
        is_closed.then(|| Finding::problem("checks", format!("{text} cannot be read"), "run maint as root"))
    });
    unready.chain(blind).chain(metrics(world)).collect()
}

/// The folder of the exporter.
fn metrics(world: &World) -> Option<Finding> {
    let folder = world.root.join(world.config.metrics.textfile.as_ref()?);
    let shown = text::path(&folder);
    Some(if !world.files.is_folder(&folder) {
        let cure = "make it, or correct `textfile` in [metrics]";
        Finding::problem("metrics", format!("there is no folder {shown}"), cure)
    } else if access::may_change_folder(&folder) {
        Finding::ok("metrics", format!("{shown} can be written to"))
    } else {
        Finding::problem(
            "metrics",
            format!("nothing can be written to {shown}"),
            "make it writable for this user",
        )
    })
}
