//! A context file: a clone of the library, what contextmaker makes of it, and its place in the catalogue.

use super::catalogue_file::CatalogueFile;
use crate::config::repository::RepositoryName;
use crate::engine::apply::Permit;
use crate::engine::report::Outcome;
use crate::engine::{Action, memory};
use crate::text;
use crate::world::command::tool::Setback;
use crate::world::files::Scratch;
use crate::world::git::{self, Head};
use crate::world::{World, access, contextmaker};
use anyhow::{Result, bail};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// The topic of the memory; keys are `DOMAIN/OWNER/REPO` in lower case.
pub(super) const TOPIC: &str = "contexts";

/// What is remembered of a context file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Remembered {
    /// When it was made last.
    pub(super) made: Option<DateTime<Utc>>,
    /// From which commit.
    pub(super) commit: Option<String>,
    /// Changes up to this time are known to be none of the default branch, or are in the file.
    pub(super) seen: Option<DateTime<Utc>>,
    /// How often in a row it could not be made since.
    pub(super) failures: u32,
    /// When it was last tried in vain.
    pub(super) failed: Option<DateTime<Utc>>,
    /// Why it could not be made.
    pub(super) why: String,
}

/// The longest time after which a library is tried again that has always failed, in days.
const LONGEST_WAIT: u32 = 30;
/// By so much it is tried earlier, so that a daily run need not come a day later.
const EARLIER_HOURS: i64 = 4;

impl Remembered {
    /// From when on it is tried again: a day after the first failure, and twice as long after each further one.
    pub(super) fn next_try(&self) -> Option<DateTime<Utc>> {
        let failed = self.failed.filter(|_| self.failures > 0)?;
        let days = 1_u32.checked_shl(self.failures - 1).filter(|days| *days != 0).unwrap_or(LONGEST_WAIT);
        let days = days.min(LONGEST_WAIT);
        failed.checked_add_signed(TimeDelta::hours(i64::from(days) * 24 - EARLIER_HOURS))
    }
}

/// Makes a context file, or makes it anew.
#[derive(Debug)]
pub struct MakeContext {
    /// The library, by its name of today.
    pub(super) library: RepositoryName,
    /// The key in the memory.
    pub(super) key: String,
    /// The file that is written, from site.root.
    pub(super) file: PathBuf,
    /// The catalogue that tells of it.
    pub(super) catalogue_file: Arc<CatalogueFile>,
    /// contextmaker itself.
    pub(super) program: PathBuf,
    /// True when there is a file already, and the library has changed since.
    pub(super) is_refresh: bool,
    /// When the library changed last, as far as GitHub has said.
    pub(super) changed: Option<DateTime<Utc>>,
    /// True when that is certainly a commit of its default branch, and not a push to whichever.
    pub(super) is_of_branch: bool,
    /// What is remembered of it.
    pub(super) before: Remembered,
    /// The size of what was made.
    pub(super) made_bytes: OnceLock<u64>,
}

impl fmt::Display for MakeContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.is_refresh { "renew" } else { "make" };
        write!(f, "{verb} {} from {}", text::path(&self.file), self.library)
    }
}

impl Serialize for MakeContext {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            action: &'a str,
            library: &'a RepositoryName,
            path: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            size_bytes: Option<u64>,
        }
        let action = if self.is_refresh { "renew-context" } else { "make-context" };
        let (library, path) = (&self.library, &*text::path(&self.file));
        Shown { action, library, path, size_bytes: self.made_bytes.get().copied() }.serialize(serializer)
    }
}

/// What came of an attempt.
enum Made {
    /// A file of so many bytes.
    File(u64, Head),
    /// What was cloned is in the file already.
    Nothing(Head),
}

impl Action for MakeContext {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        if !self.catalogue_file.has(world, &self.library)? {
            return Ok(Outcome::Skipped("it is no longer in the catalogue".into()));
        }
        if let Some(why) = git::given_up(world) {
            return Ok(Outcome::Skipped(format!("nothing more is cloned in this run: {why}").into()));
        }
        self.check_place(world, permit)?;
        match self.make(world, permit) {
            Ok(Made::File(bytes, head)) => {
                let name = self.file.file_name().unwrap_or_default().to_string_lossy();
                self.catalogue_file.mark(world, &self.library, &name, permit)?;
                self.remember(world, &self.after(world, &head), permit)?;
                self.made_bytes.get_or_init(|| bytes);
                Ok(Outcome::Done(text::size(bytes).into()))
            }
            Ok(Made::Nothing(head)) => {
                let made = self.before.made;
                self.remember(world, &Remembered { made, ..self.after(world, &head) }, permit)?;
                Ok(Outcome::Skipped("nothing new on its default branch".into()))
            }
            Err(Setback::Ended) => Ok(Outcome::Failed("ended before it was finished".into())),
            Err(Setback::Machine(error)) => Err(error),
            Err(Setback::Input(why)) => self.failed(world, &why, permit),
        }
    }
}

impl MakeContext {
    /// The size of what was made.
    pub(super) fn bytes(&self) -> u64 {
        self.made_bytes.get().copied().unwrap_or(0)
    }

    /// Nothing is cloned for a file that cannot be written.
    fn check_place(&self, world: &World, permit: &Permit) -> Result<()> {
        let whole = world.root.join(&self.file);
        if world.files.is_folder(&whole) {
            let shown = text::path(&self.file);
            bail!(
                "{shown} is a folder, as contextmaker makes one when it is told a file; remove it: `rm -r {shown}`"
            );
        }
        let real = world.files.real(&whole);
        let folder = real.parent().unwrap_or(&world.root);
        let existing = access::nearest_existing(folder);
        let shown = text::path(existing.strip_prefix(&world.root).unwrap_or(existing));
        if !world.files.is_folder(existing) {
            bail!("{shown} is a file, and no folder for context files; move it away");
        }
        if !access::may_change_folder(existing) {
            bail!(
                "{shown} may not be written by this user; give it the folder: `chown` or `chmod u+w {shown}`"
            );
        }
        world.files.make_folder(folder, permit)
    }

    fn make(&self, world: &World, permit: &Permit) -> Result<Made, Setback> {
        let scratch = world.files.scratch(&world.root, &world.config.ascl_refresh.clones, permit)?;
        self.make_in(&scratch, world, permit).map_err(|setback| setback.judged_by_the_room_in(&scratch))
    }

    fn make_in(&self, scratch: &Scratch, world: &World, permit: &Permit) -> Result<Made, Setback> {
        let source = scratch.place("source");
        let head = git::clone(world, &self.library, scratch, &source, permit)?;
        let is_known = self.before.commit.as_ref() == Some(&head.commit);
        if self.is_refresh && is_known && !self.is_of_branch {
            return Ok(Made::Nothing(head));
        }
        let mut made = contextmaker::make(world, &self.program, &self.library, (scratch, &source), permit)?;
        let bytes = world.files.install(&mut made, &world.root.join(&self.file), permit)?;
        Ok(Made::File(bytes, head))
    }

    /// What is remembered when it has gone well. A commit may claim to come from the future; and one that GitHub tells of
    /// may not have come to where it is cloned from yet.
    fn after(&self, world: &World, head: &Head) -> Remembered {
        let now = world.clock.now();
        let pushed = self.changed.filter(|_| !self.is_of_branch);
        let seen = pushed.into_iter().chain([head.date]).max().map(|seen| seen.min(now));
        Remembered { made: Some(now), commit: Some(head.commit.clone()), seen, ..Remembered::default() }
    }

    fn failed(&self, world: &World, why: &str, permit: &Permit) -> Result<Outcome> {
        let now = world.clock.now();
        let after = Remembered {
            failures: self.before.failures.saturating_add(1),
            failed: Some(now),
            why: why.to_owned(),
            ..self.before.clone()
        };
        self.remember(world, &after, permit)?;
        let wait = after.next_try().and_then(|next| (next - now).to_std().ok()).unwrap_or_default();
        Ok(Outcome::Failed(format!("{why}; it is tried again after {}", text::duration(wait)).into()))
    }

    fn remember(&self, world: &World, after: &Remembered, permit: &Permit) -> Result<()> {
        memory::remember(world, TOPIC, [(self.key.as_str(), after)], permit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_fails_is_tried_again_after_a_day_then_two_and_at_last_every_month() {
        let failed: DateTime<Utc> = "2026-11-20T15:00:00Z".parse().unwrap();
        let hours = |failures| {
            let remembered = Remembered { failures, failed: Some(failed), ..Remembered::default() };
            remembered.next_try().map(|next| (next - failed).num_hours())
        };
        assert_eq!(hours(0), None);
        let waits: Vec<_> = (1..=7).map(|failures| hours(failures).unwrap()).collect();
        assert_eq!(waits, [20, 44, 92, 188, 380, 716, 716]);
        for many in [32, 33, 1_000, u32::MAX] {
            assert_eq!(hours(many), Some(716), "{many}");
        }
    }

    #[test]
    fn a_daily_run_tries_again_on_the_day_that_was_meant() {
        let failed: DateTime<Utc> = "2026-11-20T02:10:00Z".parse().unwrap();
        let remembered = Remembered { failures: 2, failed: Some(failed), ..Remembered::default() };
        let next = remembered.next_try().unwrap();
        let is_due = |day: u32| format!("2026-11-{day}T02:00:00Z").parse::<DateTime<Utc>>().unwrap() >= next;
        assert_eq!([21, 22, 23].map(is_due), [false, true, true]);
    }
}
