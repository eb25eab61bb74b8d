//! Restores that were killed: what they have stopped is down until the next one.

use super::Finding;
use crate::engine::history::{self, Run};
use crate::engine::restoring::Begun;
use crate::error::one_line;
use crate::text;
use crate::world::World;
use anyhow::Result;

/// What was cut off, and is not going on.
pub(super) fn restores(world: &World) -> Vec<Finding> {
    // Without backups nothing was restored, and the history need not be opened.
    if !world.files.exists(&world.root.join(&world.config.backup.dir)) {
        return Vec::new();
    }
    cut_off(world).unwrap_or_else(|error| vec![Finding::problem("restore", one_line(&error), "")])
}

fn cut_off(world: &World) -> Result<Vec<Finding>> {
    let begun = Begun::all(world)?;
    // A restore holds the lock of backups, unless maint.toml gives its job another one.
    let goes_on = |lock: &str, run: &Run| lock == "backup" || run.line.starts_with("restore");
    if begun.is_empty() || history::running(world)?.iter().any(|(lock, run)| goes_on(lock, run)) {
        return Ok(Vec::new());
    }
    let finding = |(what, begun): (String, Begun)| {
        let cure = format!("`maint restore {}` makes it good", text::escape(&words(&what)));
        Finding::problem("restore", begun.describe(world), cure)
    };
    Ok(begun.into_iter().map(finding).collect())
}

/// "db app to rehearsal", by which it is remembered, as it is typed; configuration files are all restored together.
fn words(what: &str) -> String {
    let (original, to) = what.split_once(" to ").map_or((what, None), |(original, to)| (original, Some(to)));
    let original = if original.starts_with("configs ") { "configs" } else { original };
    to.map_or_else(|| original.to_owned(), |to| format!("{original} --to {to}"))
}
