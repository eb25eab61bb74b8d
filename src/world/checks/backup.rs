//! `backup`: the age of the last good backup of each thing that is backed up.

use super::Sight;
use super::row::{Row, Unit};
use crate::config::check::Which;
use crate::config::units::Length;
use crate::text;
use crate::world::World;
use crate::world::backups::{Backup, Kind};
use anyhow::Result;
use chrono::TimeDelta;
use std::time::Duration;

/// An older one is too old, unless something else is asked for: a day, and time to make the next.
const USUAL_HOURS: u64 = 26;
/// A clock may be a little ahead of another.
const SKEW: TimeDelta = TimeDelta::minutes(5);

/// A row for each thing of which there must be a backup.
pub(super) fn rows(sight: &Sight<'_>, which: &Which) -> Result<Vec<Row>> {
    let (backups, damaged) = sight.world.backups().list()?;
    // What was made before a restore is of what was to be replaced.
    let backups: Vec<Backup> =
        backups.into_iter().filter(|backup| backup.manifest.reason.is_none()).collect();
    let wanted = wanted(sight.world, which, &backups);
    let mut rows: Vec<Row> = wanted.iter().map(|(kind, name)| row(sight, *kind, name, &backups)).collect();
    if rows.is_empty() {
        rows.push(sight.row("", Unit::Seconds).bad("there is no backup at all"));
    }
    if let Some(first) = damaged.first() {
        let words = format!("{} cannot be read: {first}", text::plural(damaged.len(), "backup"));
        rows.push(sight.row("damaged", Unit::Count).bad(&words));
    }
    Ok(rows)
}

/// What is configured to be backed up, and volumes of which there are backups.
fn wanted(world: &World, which: &Which, backups: &[Backup]) -> Vec<(Kind, String)> {
    let section = &world.config.backup;
    let databases =
        || section.databases.clone().unwrap_or_else(|| world.config.databases.keys().cloned().collect());
    let volumes = || section.volumes.clone().unwrap_or_else(|| known(Kind::Volume, backups));
    let all = |kind: Kind, names: Vec<String>| names.into_iter().map(move |name| (kind, name));
    let configs = || vec!["configs".to_owned()];
    let of_name = |name: &String| -> Vec<(Kind, String)> {
        match name.split_once(':') {
            Some(("db", name)) => vec![(Kind::Db, name.to_owned())],
            Some((_, name)) => vec![(Kind::Volume, name.to_owned())],
            None if name == "db" => all(Kind::Db, databases()).collect(),
            None if name == "volume" => all(Kind::Volume, volumes()).collect(),
            None => all(Kind::Configs, configs()).collect(),
        }
    };
    match which.names() {
        [] => {
            let configs = if section.configs.is_empty() { Vec::new() } else { configs() };
            let databases = all(Kind::Db, databases());
            databases.chain(all(Kind::Volume, volumes())).chain(all(Kind::Configs, configs)).collect()
        }
        names => names.iter().flat_map(of_name).collect(),
    }
}

fn known(kind: Kind, backups: &[Backup]) -> Vec<String> {
    let own = backups.iter().filter(|backup| backup.manifest.kind == kind);
    let mut names: Vec<String> = own.map(|backup| backup.manifest.name.clone()).collect();
    names.sort();
    names.dedup();
    names
}

fn row(sight: &Sight<'_>, kind: Kind, name: &str, backups: &[Backup]) -> Row {
    let item = if kind == Kind::Configs { kind.word().to_owned() } else { format!("{} {name}", kind.word()) };
    let most = sight.check.max_age.unwrap_or_else(|| Length::from_hours(USUAL_HOURS)).duration();
    let row = sight.row(&item, Unit::Seconds).most(most.as_secs_f64());
    // A volume may be named as the Compose file does: Docker puts the project before it.
    let is_named =
        |known: &str| known == name || (kind == Kind::Volume && known.ends_with(&format!("_{name}")));
    let own = |backup: &&Backup| backup.manifest.kind == kind && is_named(&backup.manifest.name);
    let Some(last) = backups.iter().find(own) else { return row.bad("there is no backup of it") };
    let age = sight.now() - last.made;
    if age < -SKEW {
        let made = sight.world.clock.show(last.made);
        return row
            .bad(&format!("{} was made at {made}, which is yet to come: was the clock set back?", last.id));
    }
    let age = age.to_std().unwrap_or(Duration::ZERO);
    row.value(age.as_secs_f64()).most(most.as_secs_f64()).detail(&last.id)
}
