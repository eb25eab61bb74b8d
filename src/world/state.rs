//! The folder where `maint` remembers: database, locks, logs, pauses. Losing it loses history, never a site's data.

use super::access;
use super::accounts;
use super::environment::variable;
use crate::config::Config;
use crate::engine::apply::Permit;
use crate::error::{Problem, plain};
use crate::text;
use anyhow::Result;
use rustix::fs::OFlags;
use std::fs::File;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The cure for a full disk.
pub(super) const FREE_SPACE: &str = "free some space";
/// The cure for most other refusals of the system.
pub(super) const MAKE_WRITABLE: &str = "make it writable for this user";

/// A run takes less: its row, its log, and what SQLite keeps beside the database.
const LEAST_ROOM: u64 = 512 << 10;

/// Where state is kept; nothing is made before [`State::prepare`].
#[derive(Clone, Debug)]
pub struct State {
    folder: PathBuf,
}

impl State {
    /// `state.dir`, else `$STATE_DIRECTORY`, else /var/lib/maint/SITE for root, else the user's state folder.
    pub(super) fn locate(config: &Config, root: &Path) -> State {
        if let Some(dir) = &config.state.dir {
            return State { folder: root.join(dir) };
        }
        // systemd joins several folders with colons; the first is ours.
        if let Some(dirs) = variable("STATE_DIRECTORY").and_then(|dirs| dirs.into_string().ok()) {
            return State { folder: dirs.split(':').next().unwrap_or_default().into() };
        }
        let base = if rustix::process::geteuid().is_root() {
            PathBuf::from("/var/lib")
        } else if let Some(base) = variable("XDG_STATE_HOME") {
            base.into()
        } else {
            let home = variable("HOME").map_or_else(|| accounts::own().home, PathBuf::from);
            home.join(".local/state")
        };
        State { folder: base.join("maint").join(config.site_name()) }
    }

    /// The folder itself.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The database of runs.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.folder.join("state.db")
    }

    /// The folder of lock files.
    #[must_use]
    pub fn locks(&self) -> PathBuf {
        self.folder.join("locks")
    }

    /// The lock file of this name.
    #[must_use]
    pub fn lock(&self, name: &str) -> PathBuf {
        self.locks().join(format!("{name}.lock"))
    }

    /// The log of a run.
    #[must_use]
    pub fn log(&self, job: &str, run: &str) -> PathBuf {
        self.folder.join("logs").join(job).join(format!("{run}.log"))
    }

    /// The file that pauses a job.
    #[must_use]
    pub fn pause(&self, job: &str) -> PathBuf {
        self.folder.join("pauses").join(format!("{job}.json"))
    }

    /// The folder of crontabs that were replaced.
    #[must_use]
    pub fn crontabs(&self) -> PathBuf {
        self.folder.join("crontab-backups")
    }

    /// Makes the folder and checks that nobody else can change what is in it.
    pub fn prepare(&self, permit: &Permit) -> Result<()> {
        self.make(&self.folder, permit)?;
        self.check_owner()?;
        self.make(&self.locks(), permit)
    }

    /// Tells, without making anything, whether [`State::prepare`] would succeed.
    pub fn examine(&self) -> Result<()> {
        if self.folder.is_dir() {
            self.check_owner()?;
        }
        let existing = access::nearest_existing(&self.folder);
        if access::may_change_folder(existing) {
            return Ok(());
        }
        Err(self.problem_in_words(&format!("{} cannot be written to", text::path(existing)), MAKE_WRITABLE))
    }

    /// True when there is no room left to write a run down.
    pub(crate) fn is_full(&self) -> bool {
        rustix::fs::statvfs(access::nearest_existing(&self.folder))
            .is_ok_and(|found| found.f_bavail * found.f_frsize < LEAST_ROOM)
    }

    fn check_owner(&self) -> Result<()> {
        let found = std::fs::metadata(&self.folder).map_err(|error| self.problem(&error))?;
        let shown = text::path(&self.folder);
        if found.uid() != rustix::process::geteuid().as_raw() {
            return Err(Problem::usage(format!(
                "the state folder {shown} belongs to another user (uid {}); run maint as that user, or set [state] dir",
                found.uid()
            )));
        }
        if found.mode() & 0o022 != 0 {
            return Err(Problem::usage(format!(
                "the state folder {shown} can be changed by other users; run `chmod go-w {shown}`, or set [state] dir"
            )));
        }
        Ok(())
    }

    /// Makes a folder of the state, with mode 0700.
    pub fn make(&self, folder: &Path, _permit: &Permit) -> Result<()> {
        if folder.is_dir() {
            return Ok(());
        }
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| self.problem(&error))
    }

    /// Opens a lock file without ever emptying it or following a symlink.
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    pub(crate) fn open_lock(&self, name: &str, _permit: &Permit) -> Result<File> {
        let path = self.lock(name);
        let mut options = std::fs::OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(nofollow());
        let file = options.open(&path).map_err(|error| match error.raw_os_error() {
            Some(code) if code == rustix::io::Errno::LOOP.raw_os_error() => not_plain(&path),
            _ => self.problem(&error),
        })?;
        let found = file.metadata().map_err(|error| self.problem(&error))?;
        if !found.is_file() || found.nlink() > 1 || found.uid() != rustix::process::geteuid().as_raw() {
            return Err(not_plain(&path));
        }
        Ok(file)
    }

    /// True while `file` is still the one that its name leads to.
    pub(crate) fn is_current(&self, name: &str, file: &File) -> bool {
        let inode =
            |found: std::io::Result<std::fs::Metadata>| found.ok().map(|found| (found.dev(), found.ino()));
        inode(file.metadata())
            .is_some_and(|own| inode(std::fs::symlink_metadata(self.lock(name))) == Some(own))
    }

    /// Opens a new log file.
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    pub(crate) fn open_log(&self, path: &Path, permit: &Permit) -> Result<File> {
        if let Some(folder) = path.parent() {
            self.make(folder, permit)?;
        }
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600).custom_flags(nofollow());
        options.open(path).map_err(|error| self.problem(&error))
    }

    /// The names in a folder of the state; empty when there is no such folder.
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    #[must_use]
    pub fn names(&self, folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    /// An unusable state folder stops a job before it has touched anything.
    pub(crate) fn problem(&self, error: &std::io::Error) -> anyhow::Error {
        let is_full = error.kind() == std::io::ErrorKind::StorageFull;
        self.problem_in_words(&plain(&error.to_string()), if is_full { FREE_SPACE } else { MAKE_WRITABLE })
    }

    /// The same for an error that is only words.
    pub(crate) fn problem_in_words(&self, words: &str, cure: &str) -> anyhow::Error {
        let shown = text::path(&self.folder);
        let why = format!("cannot use the state folder {shown}: {words}; {cure}, or set [state] dir");
        Problem::unusable(&Problem::usage(why))
    }
}

fn nofollow() -> i32 {
    i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0)
}

fn not_plain(path: &Path) -> anyhow::Error {
    let shown = text::path(path);
    Problem::usage(format!("the lock {shown} is not a plain file of this user; look at it, then remove it"))
}
