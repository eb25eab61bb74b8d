//! Which files and folders are held open, and by whom: one scan of `/proc/*/fd` and `/proc/*/cwd`.

use super::identity_at;
use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
use std::collections::HashMap;
use std::ops::RangeInclusive;
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
        scan(&mut |identity, pid, _| {
            holders.0.insert(identity, pid);
        });
        holders
    }

    /// "python3 (pid 123)", when somebody holds the file.
    pub(crate) fn holder(&self, identity: Identity) -> Option<String> {
        self.0.get(&identity).map(|pid| describe(*pid))
    }
}

/// Files that some process writes to at a place of its own instead of at their end (it has not opened them to append).
#[derive(Debug, Default)]
pub(crate) struct Writers(HashMap<Identity, u32>);

impl Writers {
    /// Looks at every process once.
    pub(crate) fn scan() -> Writers {
        let mut writers = Writers::default();
        scan(&mut |identity, pid, descriptor| {
            if descriptor.is_some_and(|descriptor| writes_elsewhere(pid, descriptor)) {
                writers.0.insert(identity, pid);
            }
        });
        writers
    }

    /// "python3 (pid 123)", when somebody writes to the file.
    pub(crate) fn writer(&self, identity: Identity) -> Option<String> {
        self.0.get(&identity).map(|pid| describe(*pid))
    }
}

/// Calls `visit` for each file that another process holds open, with its descriptor, and for each current folder.
fn scan(visit: &mut dyn FnMut(Identity, u32, Option<u32>)) {
    for pid in numbers(Path::new("/proc")) {
        if pid == std::process::id() {
            continue;
        }
        let process = Path::new("/proc").join(pid.to_string());
        for descriptor in numbers(&process.join("fd")) {
            if let Some(identity) = behind(&process.join("fd").join(descriptor.to_string())) {
                visit(identity, pid, Some(descriptor));
            }
        }
        if let Some(identity) = behind(&process.join("cwd")) {
            visit(identity, pid, None);
        }
    }
}

/// Which file or folder a link of `/proc` leads to.
fn behind(link: &Path) -> Option<Identity> {
    // Pipes and sockets have no path, and asking a dead network mount may hang: neither is looked at.
    let is_file = rustix::fs::readlink(link, Vec::new()).is_ok_and(|to| to.as_bytes().starts_with(b"/"));
    if !is_file {
        return None;
    }
    let found = statx(CWD, link, AtFlags::STATX_DONT_SYNC, StatxFlags::INO).ok()?;
    Some((found.stx_dev_major, found.stx_dev_minor, found.stx_ino))
}

/// True when a descriptor writes, but does not append ("flags: 0102001" in /proc/PID/fdinfo/N).
#[expect(clippy::disallowed_methods, reason = "this is World")]
fn writes_elsewhere(pid: u32, descriptor: u32) -> bool {
    const WRITES: u32 = 0o3;
    const APPENDS: u32 = 0o2000;
    let text = std::fs::read_to_string(format!("/proc/{pid}/fdinfo/{descriptor}")).unwrap_or_default();
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok()).unwrap_or(0);
    flags & WRITES != 0 && flags & APPENDS == 0
}

/// Who has locked one of these files, or at least holds one open.
pub(crate) fn holder_of_lock(paths: &[PathBuf]) -> Option<String> {
    let identities: Vec<Identity> = paths.iter().filter_map(|path| identity_at(path)).collect();
    // Who writes comes before who reads.
    if let Some(lock) = locks_on(&identities).min_by_key(|lock| (!lock.is_to_write, lock.pid)) {
        return Some(describe(lock.pid));
    }
    let holders = Holders::scan();
    identities.into_iter().find_map(|identity| holders.holder(identity))
}

/// Who reads a SQLite database by its log just now; `index` is the file that SQLite keeps locks in (`-shm`).
pub(crate) fn reader_of_log(index: &Path) -> Option<String> {
    // "File Locking Implementation" in SQLite's WAL-mode file format: one byte for each kind of reader.
    const READERS: RangeInclusive<u64> = 123..=127;
    let identities: Vec<Identity> = identity_at(index).into_iter().collect();
    let reader = locks_on(&identities).find(|lock| READERS.contains(&lock.start));
    reader.map(|lock| describe(lock.pid))
}

/// A lock on some bytes of a file.
struct Lock {
    is_to_write: bool,
    pid: u32,
    start: u64,
}

/// The locks that others have on one of these files.
#[expect(clippy::disallowed_methods, reason = "this is World")]
fn locks_on(identities: &[Identity]) -> impl Iterator<Item = Lock> {
    let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    // "1: POSIX  ADVISORY  WRITE 3491 fe:00:5324806 0 EOF"
    let parse = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, _, _, kind, pid, file, start, ..] = words.as_slice() else { return None };
        let inode: u64 = file.rsplit(':').next()?.parse().ok()?;
        let is_wanted = identities.iter().any(|identity| identity.2 == inode);
        let pid = pid.parse().ok().filter(|pid| is_wanted && *pid != 0 && *pid != std::process::id())?;
        Some(Lock { is_to_write: *kind == "WRITE", pid, start: start.parse().ok()? })
    };
    locks.lines().filter_map(parse).collect::<Vec<Lock>>().into_iter()
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

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests prepare the world themselves")]
mod tests {
    use super::*;
    use std::fs::OpenOptions;
    use std::process::{Command, Stdio};

    #[test]
    fn who_writes_without_appending_is_named_and_who_appends_or_reads_is_not() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let identity = identity_at(file.path()).unwrap();
        let writer_of = |options: &OpenOptions| {
            let output = options.open(file.path()).unwrap();
            let mut program =
                Command::new("sleep").arg("60").stdout(output).stdin(Stdio::null()).spawn().unwrap();
            let writer = Writers::scan().writer(identity);
            program.kill().unwrap();
            program.wait().unwrap();
            (writer, program.id())
        };
        let (writer, pid) = writer_of(OpenOptions::new().write(true));
        assert_eq!(writer.unwrap(), format!("sleep (pid {pid})"));
        assert_eq!(writer_of(OpenOptions::new().append(true)).0, None);
        assert_eq!(writer_of(OpenOptions::new().read(true)).0, None);
    }
}
