//! Which files and folders are held open, and by whom: one scan of `/proc/*/fd` and `/proc/*/cwd`.

use super::identity_at;
use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Device and inode of a file.
pub(crate) type Identity = (u32, u32, u64);

/// Files that some process holds open, as far as this user may see.
#[derive(Debug, Default)]
pub(crate) struct Holders(HashMap<Identity, u32>);

impl Holders {
    /// Looks at every process once.
    pub(crate) fn scan() -> Holders {
        let mut holders = Holders::default();
        for pid in numbers(Path::new("/proc")) {
            if pid == std::process::id() {
                continue;
            }
            let process = Path::new("/proc").join(pid.to_string());
            for descriptor in numbers(&process.join("fd")) {
                holders.add(&process.join("fd").join(descriptor.to_string()), pid);
            }
            holders.add(&process.join("cwd"), pid);
        }
        holders
    }

    /// "python3 (pid 123)", when somebody holds the file.
    pub(crate) fn holder(&self, identity: Identity) -> Option<String> {
        self.0.get(&identity).map(|pid| describe(*pid))
    }

    fn add(&mut self, link: &Path, pid: u32) {
        // Pipes and sockets have no path, and asking a dead network mount may hang: neither is looked at.
        let is_file = rustix::fs::readlink(link, Vec::new()).is_ok_and(|to| to.as_bytes().starts_with(b"/"));
        if !is_file {
            return;
        }
        if let Ok(found) = statx(CWD, link, AtFlags::STATX_DONT_SYNC, StatxFlags::INO) {
            self.0.insert((found.stx_dev_major, found.stx_dev_minor, found.stx_ino), pid);
        }
    }
}

/// Who has locked one of these files, or at least holds one open.
#[expect(clippy::disallowed_methods, reason = "this is World")]
pub(crate) fn holder_of_lock(paths: &[PathBuf]) -> Option<String> {
    let identities: Vec<Identity> = paths.iter().filter_map(|path| identity_at(path)).collect();
    let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    // "1: POSIX  ADVISORY  WRITE 3491 fe:00:5324806 0 EOF"
    let mut locks: Vec<(bool, u32)> = locks
        .lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [_, _, _, kind, pid, file, ..] = words.as_slice() else { return None };
            let inode: u64 = file.rsplit(':').next()?.parse().ok()?;
            let is_ours = identities.iter().any(|identity| identity.2 == inode);
            let pid = pid.parse().ok().filter(|pid| is_ours && *pid != 0 && *pid != std::process::id())?;
            Some((*kind != "WRITE", pid))
        })
        .collect();
    // Who writes comes before who reads.
    locks.sort_unstable();
    if let Some((_, pid)) = locks.first() {
        return Some(describe(*pid));
    }
    let holders = Holders::scan();
    identities.into_iter().find_map(|identity| holders.holder(identity))
}

/// "python3 (pid 123)".
fn describe(pid: u32) -> String {
    format!("{} (pid {pid})", name_of(pid))
}

/// The entries of a folder whose names are numbers.
#[expect(clippy::disallowed_methods, reason = "this is World")]
fn numbers(folder: &Path) -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The name of a process, escaped.
#[expect(clippy::disallowed_methods, reason = "this is World")]
fn name_of(pid: u32) -> String {
    let name = std::fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
    let name = crate::text::escape_bytes(name.trim_ascii_end()).into_owned();
    if name.is_empty() { "a process".to_owned() } else { name }
}
