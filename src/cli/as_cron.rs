//! `maint run --as-cron`: the same command line once more, in cron's bare environment.

use super::{Global, Run};
use crate::cron::entry::ALL_DUE;
use crate::exit::Exit;
use crate::queries::{find_job, is_hash_of_all_due};
use crate::ui::Colour;
use crate::world::{World, as_cron};
use anyhow::Result;
use clap::ValueEnum as _;
use std::ffi::OsString;

/// Starts over, with the variables that the crontab sets for the site's lines.
pub(super) fn run_as_cron(global: &Global, run: &Run, world: &World) -> Result<Exit> {
    let mut words = vec!["--config".into(), world.site_file()?.into()];
    words.extend(words_of(global, world));
    words.push("run".into());
    words.push(match &run.job {
        Some(job) if !is_hash_of_all_due(world, job) => find_job(world, job)?.0.into(),
        _ => ALL_DUE.into(),
    });
    Err(as_cron::start_over(&words, &world.crontab_variables()))
}

/// The global options, but for `--config`, as they are typed.
fn words_of(global: &Global, world: &World) -> Vec<OsString> {
    let Global { config: _, root, dry_run, json, verbose, quiet, color, yes, announce: _ } = global;
    let mut words: Vec<OsString> = Vec::new();
    if root.is_some() {
        words.extend(["--root".into(), world.root.clone().into()]);
    }
    let flags = [(*dry_run, "--dry-run"), (*json, "--json"), (*quiet, "--quiet"), (*yes, "--yes")];
    words.extend(flags.into_iter().filter(|(is_set, _)| *is_set).map(|(_, word)| word.into()));
    words.extend((0..*verbose).map(|_| "--verbose".into()));
    if let Some(value) = color.to_possible_value().filter(|_| *color != Colour::Auto) {
        words.extend(["--color".into(), value.get_name().into()]);
    }
    words
}
