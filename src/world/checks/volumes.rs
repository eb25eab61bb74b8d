//! `volumes`: how full the file system of each volume of the Compose project is.

use super::row::{Row, Unit};
use super::{Sight, disk};
use crate::config::check::Which;
use crate::text;
use crate::world::docker::{Container, Mount, State};
use anyhow::{Result, anyhow};
use std::collections::BTreeMap;

/// A name that Docker made up, of a volume that nobody named.
const ANONYMOUS: usize = 64;

/// The rows of each volume.
pub(super) fn rows(sight: &Sight<'_>, which: &Which) -> Result<Vec<Row>> {
    let containers = sight.docker.containers()?;
    let mounts = sight.docker.compose()?.mounts(sight.world, containers)?;
    let mut volumes: BTreeMap<&str, Vec<&Mount>> = BTreeMap::new();
    for mount in &mounts {
        volumes.entry(&mount.volume).or_default().push(mount);
    }
    // A volume may be named as the Compose file does: Docker puts the project before it.
    let is_named = |volume: &str, name: &str| volume == name || volume.ends_with(&format!("_{name}"));
    let names = which.names();
    let missing = names.iter().filter(|name| !volumes.keys().any(|volume| is_named(volume, name)));
    let mut rows: Vec<Row> = missing
        .map(|name| sight.row(name, Unit::Percent).bad("no container of the project uses such a volume"))
        .collect();
    for (volume, mounts) in &volumes {
        let is_wanted = if names.is_empty() {
            !(volume.len() == ANONYMOUS && volume.bytes().all(|byte| byte.is_ascii_hexdigit()))
        } else {
            names.iter().any(|name| is_named(volume, name))
        };
        if is_wanted {
            rows.extend(of(sight, volume, mounts, containers));
        }
    }
    if rows.is_empty() {
        rows.push(sight.row("", Unit::Percent).detail("the project has no named volume"));
    }
    Ok(rows)
}

/// Looked at where it is; else, on another machine or without the right to, in a container that runs.
fn of(sight: &Sight<'_>, volume: &str, mounts: &[&Mount], containers: &[Container]) -> Vec<Row> {
    let row = sight.row(volume, Unit::Percent);
    if let Some(source) = mounts.first().map(|mount| &mount.source) {
        match disk::Room::at(source) {
            Ok(room) => return disk::measured(sight, volume, &room, &format!("on {}", text::path(source))),
            Err(disk::Lost::Away(_)) => {}
            Err(lost) => return vec![row.unknown(&lost.of(source))],
        }
    }
    let runs = |mount: &&&Mount| {
        containers
            .iter()
            .find(|container| container.id == mount.container && container.state == State::Running)
    };
    let Some((mount, container)) = mounts.iter().find_map(|mount| Some((mount, runs(&mount)?))) else {
        return vec![row.unknown("it cannot be looked at: no container that uses it runs")];
    };
    match inside(sight, container, &mount.destination) {
        Ok(room) => disk::measured(sight, volume, &room, &format!("in {}", container.name)),
        Err(error) => vec![row.unknown(&crate::error::one_line(&error))],
    }
}

/// What df(1) of a container tells, in the form that POSIX has for it: of bytes, and where it can, of inodes.
fn inside(sight: &Sight<'_>, container: &Container, place: &str) -> Result<disk::Room> {
    let df = |options: &[&str]| -> Result<(u64, u64)> {
        let words: Vec<&str> = ["df"].into_iter().chain(options.iter().copied()).chain([place]).collect();
        let said = sight.docker.compose()?.ask_inside(sight.world, container, &words)?;
        used_and_free(&String::from_utf8_lossy(&said.stdout))
            .ok_or_else(|| anyhow!("df of {} tells nothing of {}", container.name, text::escape(place)))
    };
    let (used, free) = df(&["-P", "-k"])?;
    let (used_inodes, free_inodes) = df(&["-P", "-i"]).unwrap_or_default();
    let bytes = |kilobytes: u64| kilobytes.saturating_mul(1024);
    Ok(disk::Room { used: bytes(used), free: bytes(free), used_inodes, free_inodes })
}

/// "Filesystem 1024-blocks Used Available Capacity Mounted on"
fn used_and_free(table: &str) -> Option<(u64, u64)> {
    let fields: Vec<&str> = table.lines().nth(1)?.split_whitespace().collect();
    let [.., _, used, free, _, _] = fields[..] else { return None };
    Some((used.parse().ok()?, free.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_df_is_read_whatever_the_disk_is_called() {
        let table = "Filesystem     1024-blocks    Used Available Capacity Mounted on\n/dev/mapper/a b 1000 250 700 27% /data\n";
        assert_eq!(used_and_free(table), Some((250, 700)));
        for odd in ["", "Filesystem\n", "x\n- - - - -\n"] {
            assert_eq!(used_and_free(odd), None, "{odd}");
        }
    }
}
