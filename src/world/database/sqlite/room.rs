//! The room that a vacuum needs, looked for before it begins.

use super::File;
use crate::text;
use crate::world::environment::variable;
use crate::world::files::{free_bytes, identity_at};
use anyhow::{Result, anyhow};
use rustix::fs::Access;
use std::path::{Path, PathBuf};

/// How much room a vacuum takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// A compact copy beside the file.
    Copy,
    /// The same among the temporary files, and once more beside it: what it overwrites, or its log.
    InPlace,
}

/// Refuses to begin what would not have room; `live` is what will be left, `further` is to be kept beside the file.
pub(super) fn refuse_shortage(file: File<'_>, need: Need, live: u64, further: u64) -> Result<()> {
    let folder = file.path.parent().unwrap_or(file.path);
    let live = with_slack(live);
    let temporary = temporary_folder();
    let mut needs = vec![(folder, live + further)];
    if need == Need::InPlace {
        if device(&temporary) == device(folder) {
            needs[0].1 += live;
        } else {
            needs.push((&temporary, live));
        }
    }
    for (folder, need) in needs {
        let Some(free) = free_bytes(folder).filter(|free| *free < need) else { continue };
        let (name, shown) = (file.name, text::path(folder));
        let (need, free) = (text::size(need), text::size(free));
        let cure = if folder == temporary { "set TMPDIR to another folder" } else { "free some" };
        return Err(anyhow!(
            "to vacuum the database {name} needs {need} free in {shown}, {free} are there; {cure}; nothing was touched"
        ));
    }
    Ok(())
}

/// A journal has some bytes more for each page.
fn with_slack(bytes: u64) -> u64 {
    bytes + bytes / 64 + (64 << 10)
}

fn device(folder: &Path) -> Option<(u32, u32)> {
    identity_at(folder).map(|(major, minor, _)| (major, minor))
}

/// The folder in which SQLite makes its temporary files: the first of these that it may write to.
fn temporary_folder() -> PathBuf {
    let named = ["SQLITE_TMPDIR", "TMPDIR"].into_iter().filter_map(variable).map(PathBuf::from);
    let usual = ["/var/tmp", "/usr/tmp", "/tmp"].into_iter().map(PathBuf::from);
    let may_write = |folder: &PathBuf| {
        folder.is_dir() && rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
    };
    named.chain(usual).find(may_write).unwrap_or_else(|| PathBuf::from("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_disk_has_is_refused_with_both_numbers_and_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        let file = File { name: "app", path: &path, is_taken_as_it_is: false };
        refuse_shortage(file, Need::InPlace, 4096, 0).unwrap();
        for (live, further) in [(1 << 59, 0), (4096, 1 << 59)] {
            let error = refuse_shortage(file, Need::Copy, live, further).unwrap_err().to_string();
            let shown = folder.path().display().to_string();
            assert!(
                error.contains("needs 5") && error.contains(&shown) && error.contains("are there"),
                "{error}"
            );
        }
    }
}
