//! This user's crontab: read and replaced through crontab(1), which alone may touch it.
//!
//! A table is replaced only by one that was made from what stands there at that moment: one writer at a time,
//! the old table saved, looked at again before and after. The facts about the programs were measured with Debian
//! cron 3.0pl1, cronie 1.7.2 and BusyBox 1.35.

use super::World;
use super::access;
use super::as_cron;
use super::command::{self, Said};
use super::environment::{CRON_PATH, absolute, own_program, variable};
use super::files::identity_at;
use super::programs;
use crate::config::Config;
use crate::cron::entry::{ALL_DUE, ALL_DUE_SCHEDULE, Entry, Line, all_due_hash};
use crate::cron::schedule::Schedule;
use crate::cron::table;
use crate::engine::apply::Permit;
use crate::error::{Problem, one_line, plain_errno};
use crate::text;
use anyhow::{Context as _, Result, anyhow, bail};
use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// crontab(1) answers within milliseconds; one that hangs must not hang us.
const PATIENCE: Duration = Duration::from_secs(30);
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

    /// The lines that the site wants in the crontab: one for each job with a schedule, and one that makes up for
    /// missed runs when a job wants that.
    pub fn crontab_lines(&self) -> Result<Vec<Line>> {
        self.crontab_lines_of(&self.config, None)
    }

    /// The same for a configuration that is to take the place of this one, or with the user of a file in /etc/cron.d.
    pub fn crontab_lines_of(&self, config: &Config, user: Option<&str>) -> Result<Vec<Line>> {
        let (program, file) = self.crontab_paths()?;
        let site = config.site_name();
        let mut lines = Vec::new();
        for (job, entry) in &config.jobs {
            let Some(schedule) = entry.schedule.as_ref().map(Schedule::text) else { continue };
            let hash = entry.hash(site, job);
            let entry = Entry { site, job, schedule, hash: &hash, program: &program, config: &file };
            lines.push(entry.line(user).map_err(Problem::usage)?);
        }
        if config.makes_up_for_missed_runs() {
            let entry = Entry {
                site,
                job: ALL_DUE,
                schedule: ALL_DUE_SCHEDULE,
                hash: &all_due_hash(site),
                program: &program,
                config: &file,
            };
            lines.push(entry.line(user).map_err(Problem::usage)?);
        }
        Ok(lines)
    }

    /// The variables that the crontab sets for the lines of the site; none when it cannot be listed.
    #[must_use]
    pub fn crontab_variables(&self) -> Vec<(String, String)> {
        let listing = self.crontab().and_then(|crontab| crontab.list());
        listing.map(|listing| table::variables(&listing, self.config.site_name())).unwrap_or_default()
    }

    /// Refuses to touch the lines of another site of the same name: a copy, for tests perhaps. A site that was moved
    /// is no other one, because nothing is left at its old place.
    pub fn refuse_namesake(&self, listing: &[u8]) -> Result<()> {
        let own = absolute(self.site_file()?);
        let is_other = |file: &PathBuf| {
            *file != own && self.files.exists(file) && identity_at(file) != identity_at(&own)
        };
        let site = self.config.site_name();
        match table::Table::parse(listing, site).own().filter_map(|line| line.config()).find(is_other) {
            Some(file) => Err(Problem::usage(format!(
                "the crontab has lines of another site with the name {site} ({}); give this one a name of its own \
                 in [site]",
                text::path(&file)
            ))),
            None => Ok(()),
        }
    }

    /// Where cron will look for the programs of the site's jobs.
    #[must_use]
    pub fn cron_path(&self) -> String {
        let set = self.crontab_variables().into_iter().rev().find(|(name, _)| name == "PATH");
        set.map_or_else(|| CRON_PATH.to_owned(), |(_, path)| path)
    }

    /// What the dry run of a job says when cron starts it.
    pub fn rehearse_as_cron(&self, job: &str, variables: &[(String, String)]) -> Result<Said> {
        as_cron::rehearse(&absolute(self.site_file()?), job, variables)
    }

    /// The absolute paths that a crontab line names: this program and the configuration.
    pub fn crontab_paths(&self) -> Result<(PathBuf, PathBuf)> {
        let config = absolute(self.site_file()?);
        let program = own_program().ok_or_else(|| {
            Problem::usage(
                "cannot tell where maint itself is; call it by its whole path, as in /usr/local/bin/maint",
            )
        })?;
        Ok((program, config))
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
        self.look().map_err(|error| anyhow!("{}; nothing was changed", one_line(&error)))
    }

    fn look(&self) -> Result<Vec<u8>> {
        // Debian leaves out up to three comments at the top, its own or not, unless this asks for all of them.
        let whole = [("CRONTAB_NOHEADER", "N")];
        let said = command::ask(&self.program, &["-l"], &whole, b"", PATIENCE)?;
        match said.code {
            Some(0) => Ok(self.unescaped(without_headers(&said.stdout).to_vec())),
            Some(1) if said.stdout.is_empty() && means_no_table(&said.stderr) => Ok(Vec::new()),
            _ => bail!("{}", self.failure("-l", &said)),
        }
    }

    /// Debian lists a carriage return as the two characters `\r`, and a backspace as `\b`. What it hands to an editor
    /// is the table as it is.
    fn unescaped(&self, listing: Vec<u8>) -> Vec<u8> {
        if !has_escapes(&listing) || !self.world.files.contains(&self.program, b"CRONTAB_NOHEADER", LARGEST) {
            return listing;
        }
        let editor = [("VISUAL", "cat"), ("EDITOR", "cat")];
        let said = command::ask(&self.program, &["-e"], &editor, b"", PATIENCE);
        let raw = said.ok().filter(|said| said.code == Some(0)).map(|said| said.stdout);
        raw.filter(|raw| escaped(raw) == listing).unwrap_or(listing)
    }

    /// Replaces the table by what `edit` makes of it. An error leaves the table as it was, or says what it is now.
    pub fn edit(&self, edit: &dyn Fn(&[u8]) -> Result<Vec<u8>>, permit: &Permit) -> Result<Edited> {
        let _held = self.lock()?;
        for _ in 0..ATTEMPTS {
            let old = self.list()?;
            let new = edit(&old)?;
            if new == old {
                return Ok(Edited::Unchanged);
            }
            let saved = self.save(&old, permit)?;
            self.world.clock.let_cron_look();
            // Whoever edits by hand at this moment knows nothing of our lock.
            if self.list()? == old {
                self.replace(&old, &new, permit)?;
                return Ok(Edited::Installed { table: new, saved });
            }
            self.world.files.remove_file(&self.saved_as(&saved), permit)?;
        }
        bail!(
            "the crontab is being changed by somebody else all the time; nothing was changed, try again later"
        )
    }

    /// Installs `new` and looks whether it is there. Lines that somebody has added meanwhile are welcome.
    fn replace(&self, old: &[u8], new: &[u8], permit: &Permit) -> Result<()> {
        let installed = self.install(new, permit);
        let now = self.look().context("cannot look at the crontab after installing it")?;
        let shown = text::path(&self.program);
        let why = match installed {
            Ok(()) if has_every_line(&now, new) => return Ok(()),
            Ok(()) if now == old => {
                bail!("{shown} has not stored the table; the old crontab is still in place")
            }
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
        let said = command::ask(&self.program, &["-"], &[], &table, PATIENCE)?;
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

    /// One writer at a time, whatever its site and its state folder: all of them meet at crontab(1) itself.
    fn lock(&self) -> Result<rustix::fd::OwnedFd> {
        let open = |path: &Path| rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
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
                Err(Errno::WOULDBLOCK | Errno::INTR) if waited < PATIENCE => {
                    std::thread::sleep(step);
                    waited += step;
                }
                Err(Errno::WOULDBLOCK) => bail!(
                    "another program has held its lock on {shown} for {}; nothing was changed, see `fuser -v {shown}`",
                    text::duration(PATIENCE)
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

/// "There is none" as the known programs say it. Anything else may mean that there is one.
fn means_no_table(stderr: &[u8]) -> bool {
    let Ok(words) = std::str::from_utf8(stderr.trim_ascii()) else { return false };
    let words = words.strip_prefix("crontab: ").unwrap_or(words);
    let is_busybox = words.starts_with("can't open '") && words.ends_with("': No such file or directory");
    !words.contains('\n') && (words.starts_with("no crontab for ") || is_busybox)
}

/// Three lines that crontab(1) itself writes and, on some systems, lists. Installed again they pile up.
fn without_headers(mut table: &[u8]) -> &[u8] {
    loop {
        let lines: Vec<&[u8]> = table.splitn(4, |byte| *byte == b'\n').collect();
        let [first, second, third, rest] = lines[..] else { return table };
        let is_header = first.starts_with(b"# DO NOT EDIT THIS FILE")
            && second.starts_with(b"# (")
            && second.windows(9).any(|part| part == b"installed")
            && third.starts_with(b"# (Cron version");
        if !is_header {
            return table;
        }
        table = rest;
    }
}

fn has_escapes(listing: &[u8]) -> bool {
    listing.windows(2).any(|pair| pair == b"\\r" || pair == b"\\b")
}

/// A table as Debian's crontab lists it.
fn escaped(table: &[u8]) -> Vec<u8> {
    let escape = |byte: &u8| match byte {
        b'\r' => b"\\r".to_vec(),
        8 => b"\\b".to_vec(),
        _ => vec![*byte],
    };
    table.iter().flat_map(escape).collect()
}

/// True when every line of `wanted` is in `table`, as often as there.
fn has_every_line(table: &[u8], wanted: &[u8]) -> bool {
    let mut count: BTreeMap<&[u8], usize> = BTreeMap::new();
    for line in table.split(|byte| *byte == b'\n') {
        *count.entry(line).or_default() += 1;
    }
    wanted.split(|byte| *byte == b'\n').all(|line| match count.get_mut(line) {
        Some(left) if *left > 0 => {
            *left -= 1;
            true
        }
        _ => line.is_empty(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_known_words_mean_that_there_is_no_table() {
        for words in [
            "no crontab for root\n",
            "crontab: no crontab for root\n",
            "crontab: can't open 'root': No such file or directory\n",
        ] {
            assert!(means_no_table(words.as_bytes()), "{words}");
        }
        for words in [
            "",
            "Permission denied\n",
            "You (nobody) are not allowed to use this program (crontab)\n",
            "crontab: can't open 'root': Permission denied\n",
            "error: no crontab for root\n",
            "no crontab for root\ncrontabs/root: Input/output error\n",
        ] {
            assert!(!means_no_table(words.as_bytes()), "{words}");
        }
    }

    #[test]
    fn the_header_of_crontab_itself_is_left_out() {
        let header = "# DO NOT EDIT THIS FILE - edit the master and reinstall.\n\
                      # (/tmp/crontab.X installed on Fri Nov 20 15:00:00 2026)\n\
                      # (Cron version -- $Id: crontab.c,v 2.13 1994/01/17 03:20:37 vixie Exp $)\n";
        let table = format!("{header}{header}# mine\n0 1 * * * /x\n");
        assert_eq!(without_headers(table.as_bytes()), b"# mine\n0 1 * * * /x\n");
        let own = b"# DO NOT EDIT THIS FILE\n# says\n# me\nx\n";
        assert_eq!(without_headers(own), own);
    }

    #[test]
    fn what_debian_lists_as_two_characters_is_known() {
        assert!(has_escapes(b"tr -d '\\r'") && has_escapes(b"\\bx") && !has_escapes(b"a\r\\n"));
        assert_eq!(escaped(b"a\r\x08\\r"), b"a\\r\\b\\r");
    }

    #[test]
    fn added_lines_are_welcome_and_missing_ones_are_not() {
        assert!(has_every_line(b"x\na\nb\n", b"a\nb\n"));
        assert!(!has_every_line(b"a\n", b"a\na\n"));
        assert!(!has_every_line(b"a\nb", b"a\nc\n"));
    }
}
