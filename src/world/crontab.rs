//! This user's crontab: read and replaced through crontab(1), which alone may touch it.
//!
//! A table is replaced only by one that was made from what stands there at that moment: one writer at a time,
//! the old table saved, looked at again before and after. The facts about the programs were measured with Debian
//! cron 3.0pl1, cronie 1.7.2 and BusyBox 1.35.

use super::command::{self, Said};
use super::environment::{absolute, variable};
use super::{World, access, programs};
use crate::cron::listing;
use crate::engine::apply::Permit;
use crate::error::{Problem, one_line, plain_errno};
use crate::text;
use anyhow::{Context as _, Result, anyhow, bail};
use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use rustix::io::Errno;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// crontab(1) answers within milliseconds; one that hangs must not hang us.
const PATIENCE: Duration = Duration::from_secs(10);
/// Others that change the crontab are waited for.
const LOCK_PATIENCE: Duration = Duration::from_secs(30);
/// How often an edit begins anew when the crontab changes under our hands.
const ATTEMPTS: usize = 5;
/// Saved tables that are kept.
const MOST_SAVED: usize = 50;
/// What a program says on failure is cut after so many bytes.
const MOST_WORDS: usize = 1_000;
/// A saved table is no larger than crontab(1) takes.
const LARGEST: u64 = 16 << 20;

/// The crontab of this user.
#[derive(Debug)]
pub struct Crontab<'a> {
    world: &'a World,
    program: PathBuf,
}

/// What became of an edit.
#[derive(Debug, PartialEq, Eq)]
pub enum Edited {
    /// There was nothing to change, and nothing was written.
    Unchanged,
    /// The new table is installed.
    Installed {
        /// What it holds.
        table: Vec<u8>,
        /// The id under which the old one was saved.
        saved: String,
    },
}

impl World {
    /// The crontab of this user. The error is for a machine without crontab(1).
    pub fn crontab(&self) -> Result<Crontab<'_>> {
        let from_environment = variable("MAINT_CRONTAB").map(PathBuf::from);
        let base = if from_environment.is_some() { Path::new("") } else { &self.root };
        let named = from_environment.unwrap_or_else(|| self.config.crontab.bin.clone());
        let program = match named.components().count() {
            1 => named.to_str().and_then(programs::find_here),
            _ => Some(absolute(&base.join(&named))).filter(|program| access::may_run(program)),
        };
        let program = program.ok_or_else(|| {
            Problem::usage(format!(
                "there is no program `{}` that could be run; install cron (on Debian: `apt install cron`), \
                 or name the program in [crontab] bin",
                text::path(&named)
            ))
        })?;
        Ok(Crontab { world: self, program })
    }
}

impl Crontab<'_> {
    /// The program that lists and installs the table.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The table, without the header that some programs put before it; empty when there is none.
    pub fn list(&self) -> Result<Vec<u8>> {
        let shown = self.look().map_err(|error| anyhow!("{}; nothing was changed", one_line(&error)))?;
        Ok(self.exactly(shown.clone()).unwrap_or(shown))
    }

    /// The table, or an error when it cannot be had byte for byte.
    fn list_exactly(&self) -> Result<Vec<u8>> {
        let shown = self.look().map_err(|error| anyhow!("{}; nothing was changed", one_line(&error)))?;
        self.exactly(shown).context(
            "the crontab holds carriage returns or backspaces, or the words \\r or \\b, and `crontab -e` does not \
             tell which; nothing was changed",
        )
    }

    fn look(&self) -> Result<Vec<u8>> {
        // Debian leaves out up to three comments at the top, its own or not, unless this asks for all of them.
        let whole = [("CRONTAB_NOHEADER", "N")];
        let said = self.ask("-l", &whole, b"")?;
        match said.code {
            Some(0) => Ok(listing::without_headers(&said.stdout).to_vec()),
            Some(1) if said.stdout.is_empty() && listing::means_no_table(&said.stderr) => Ok(Vec::new()),
            _ => bail!("{}", self.failure("-l", &said)),
        }
    }

    /// The table as it is. Debian lists a carriage return as the two characters `\r`, and a backspace as `\b`; what it
    /// hands to an editor is the table itself. None when that cannot be had.
    fn exactly(&self, shown: Vec<u8>) -> Option<Vec<u8>> {
        let is_debian = || self.world.files.contains(&self.program, b"CRONTAB_NOHEADER", LARGEST);
        if !listing::has_escapes(&shown) || !is_debian() {
            return Some(shown);
        }
        let said = self.ask("-e", &[("VISUAL", "cat"), ("EDITOR", "cat")], b"").ok()?;
        Some(said.stdout).filter(|raw| said.code == Some(0) && listing::escaped(raw) == shown)
    }

    fn ask(&self, option: &str, variables: &[(&str, &str)], input: &[u8]) -> Result<Said> {
        let hidden = self.world.secrets().variables();
        command::ask(&self.program, &[option], variables, hidden, input, PATIENCE)
    }

    /// Replaces the table by what `edit` makes of it. An error leaves the table as it was, or says what it is now.
    pub fn edit(&self, edit: &dyn Fn(&[u8]) -> Result<Vec<u8>>, permit: &Permit) -> Result<Edited> {
        let _held = self.lock()?;
        for _ in 0..ATTEMPTS {
            let old = self.list_exactly()?;
            let new = edit(&old)?;
            if new == old {
                return Ok(Edited::Unchanged);
            }
            let saved = self.save(&old, permit)?;
            self.world.clock.let_cron_look();
            // Whoever edits by hand at this moment knows nothing of our lock.
            if self.list_exactly()? == old {
                let is_done = |now: &[u8]| {
                    listing::has_every_line(now, &new) && edit(now).is_ok_and(|again| again == now)
                };
                let replaced = self.replace(&old, &new, &is_done, permit);
                if replaced.is_err() && self.look().is_ok_and(|now| now == old) {
                    self.world.files.remove_file(&self.saved_as(&saved), permit)?;
                }
                replaced?;
                return Ok(Edited::Installed { table: new, saved });
            }
            self.world.files.remove_file(&self.saved_as(&saved), permit)?;
        }
        bail!(
            "the crontab is being changed by somebody else all the time; nothing was changed, try again later"
        )
    }

    /// Installs `new` and looks whether it is there, or a table to which somebody has added lines meanwhile and for
    /// which all `is_done`.
    fn replace(
        &self,
        old: &[u8],
        new: &[u8],
        is_done: &dyn Fn(&[u8]) -> bool,
        permit: &Permit,
    ) -> Result<()> {
        let installed = self.install(new, permit);
        let now = self.look().context("cannot look at the crontab after installing it")?;
        let now = self.exactly(now.clone()).unwrap_or(now);
        let shown = text::path(&self.program);
        let why = match installed {
            Ok(()) if now == old => {
                bail!("{shown} has not stored the table; the old crontab is still in place")
            }
            Ok(()) if now == new || is_done(&now) => return Ok(()),
            Err(error) if now == old => return Err(error.context("the old crontab is still in place")),
            Ok(()) => format!("{shown} stored something else than it was given"),
            Err(error) => one_line(&error),
        };
        let found = self.save(&now, permit)?;
        self.install(old, permit).with_context(|| {
            format!("{why}; and the old crontab cannot be put back, see `maint crontab restore --list`")
        })?;
        bail!("{why}; the old crontab was put back, and what was found is saved as {found}")
    }

    fn install(&self, table: &[u8], _permit: &Permit) -> Result<()> {
        let mut table = table.to_vec();
        if table.last().is_some_and(|last| *last != b'\n') {
            table.push(b'\n');
        }
        let said = self.ask("-", &[], &table)?;
        if said.code == Some(0) {
            return Ok(());
        }
        bail!("{}", self.failure("-", &said))
    }

    /// "crontab -l failed: You (nobody) are not allowed to use this program (crontab); …"
    fn failure(&self, option: &str, said: &Said) -> String {
        let stderr = &said.stderr[..said.stderr.len().min(MOST_WORDS)];
        let lines =
            stderr.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
        let words: Vec<_> = lines.map(text::escape_bytes).collect();
        let how = said.code.map_or_else(|| "killed".to_owned(), |code| format!("exit code {code}"));
        let words = if words.is_empty() { "it did not say why".to_owned() } else { words.join(": ") };
        let cure = if words.contains("not allowed") {
            "; root can allow it in /etc/cron.allow or /etc/cron.deny"
        } else {
            ""
        };
        format!("`{} {option}` failed ({how}): {words}{cure}", text::path(&self.program))
    }

    /// One writer at a time, whatever its site and its state folder: all of them meet at crontab(1) itself. A program
    /// that goes on when `maint` is killed inherits the lock, and holds it until the table is written.
    fn lock(&self) -> Result<rustix::fd::OwnedFd> {
        let open = |path: &Path| rustix::fs::open(path, OFlags::RDONLY, Mode::empty());
        let folder = self.program.parent().unwrap_or(Path::new("/"));
        let shown = text::path(&self.program);
        // A program that may be run but not read leaves its folder.
        let file = open(&self.program).or_else(|_| open(folder));
        let file = file.map_err(|errno| anyhow!("cannot open {shown}: {}", plain_errno(errno)))?;
        let step = Duration::from_millis(10);
        let mut waited = Duration::ZERO;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(file),
                Err(Errno::WOULDBLOCK | Errno::INTR) if self.world.stop.reason().is_some() => {
                    bail!("ended while waiting for the lock on {shown}; nothing was changed")
                }
                Err(Errno::WOULDBLOCK | Errno::INTR) if waited < LOCK_PATIENCE => {
                    std::thread::sleep(step);
                    waited += step;
                }
                Err(Errno::WOULDBLOCK) => bail!(
                    "another program has held its lock on {shown} for {}; nothing was changed, see `fuser -v {shown}`",
                    text::duration(LOCK_PATIENCE)
                ),
                Err(errno) => bail!("cannot lock {shown}: {}", plain_errno(errno)),
            }
        }
    }

    fn saved_as(&self, id: &str) -> PathBuf {
        self.world.state.crontabs().join(format!("{id}.crontab"))
    }

    fn save(&self, table: &[u8], permit: &Permit) -> Result<String> {
        let id = self.world.clock.new_id()?;
        self.world.state.make(&self.world.state.crontabs(), permit)?;
        self.world.files.write(&self.saved_as(&id), table, 0o600, permit)?;
        for (old, _) in self.saved().into_iter().skip(MOST_SAVED) {
            self.world.files.remove_file(&self.saved_as(&old), permit)?;
        }
        Ok(id)
    }

    /// The saved tables and when each was saved, newest first.
    #[must_use]
    pub fn saved(&self) -> Vec<(String, chrono::DateTime<chrono::Utc>)> {
        let folder = self.world.state.crontabs();
        let names = self.world.state.names(&folder);
        let ids = names.iter().filter_map(|name| name.strip_suffix(".crontab").map(str::to_owned));
        let mut saved: Vec<_> = ids
            .filter_map(|id| Some((id.clone(), self.world.files.modified(&self.saved_as(&id))?)))
            .collect();
        saved.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
        saved
    }

    /// A saved table.
    pub fn read_saved(&self, id: &str) -> Result<Vec<u8>> {
        self.world.files.read(&self.saved_as(id), LARGEST)
    }
}
