//! Moves the last lines of a log to its front and cuts off its end: for file systems that cannot take out the front.
//!
//! Nothing is written over what has not been moved for certain, so that a run that was killed at any moment can be
//! finished: the journal says how far it has come. A token stands in what goes when the end is cut off. While it is
//! there, that is still to be done; so lines that a program appends after the kill are not lost either.

use super::journal::{Entry, Journal, Token, identity, is_there};
use super::lines::BLOCK;
use crate::error::plain;
use crate::world::files::folder::look_at;
use rustix::fd::OwnedFd;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};

/// Less than this cannot go: the token must have room in it twice.
pub(super) const LEAST: u64 = 2 * TOKEN;
/// How many times as long as what goes the rest may be: each stretch of about that length is put on the disk by itself.
pub(super) const MOST_STRETCHES: u64 = 64;
/// How often a program may fill what is left of the front while it is put on the disk, before that is given up.
const MOST_ROUNDS: u32 = 64 + 16;
pub(super) const TOKEN: u64 = size_of::<Token>() as u64;
const ABOUT: &str = "maint trim-logs was ended while it moved the last lines of this log to its front; \
                     run it again to finish that. No line is missing in the log.";

/// What became of what a killed run has left.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Finished {
    /// Nothing was left.
    Nothing,
    /// The rest is done: so many bytes are gone.
    Now(u64),
    /// The log is no longer the one that it was about.
    Replaced,
}

/// Cuts `cut` bytes off the front. What other programs append meanwhile is moved as well, but for what comes in the
/// instant between a last look and the cut; a lease keeps them out.
pub(super) fn shift(
    (folder, name): (&OwnedFd, &CStr),
    log: &File,
    cut: u64,
    signature: &[u8],
    is_alone: bool,
) -> io::Result<()> {
    let found = look_at(log)?;
    let (inode, born) = identity(&found);
    let mut token = Token::default();
    rustix::rand::getrandom(&mut token[..], rustix::rand::GetRandomFlags::empty())?;
    // The line end before the lines that stay is left, so that who looks now finds them whole.
    let token_at = cut - LEAST;
    // What stays in its old place as well until the end is cut off survives a power cut without the journal.
    let lasts = !is_alone || found.stx_size.saturating_sub(cut) > token_at;
    let entry = Entry {
        about: ABOUT.to_owned(),
        inode,
        born,
        cut,
        moved: 0,
        token_at,
        token,
        signature: signature.to_vec(),
    };
    let journal = match Journal::begin(folder, name, entry.clone(), lasts) {
        Err(error) if Errno::from_io_error(&error) == Some(Errno::NOSPC) => {
            make_room(log, cut, token_at)?;
            Journal::begin(folder, name, entry, lasts)?
        }
        other => other?,
    };
    // Killed before the token stands there, it has not begun.
    log.write_all_at(&token, token_at)?;
    if lasts {
        log.sync_data()?;
    }
    Shift { log, journal, moved: 0, rounds: 0, is_on_disk: false }.go().map_err(cut_off)
}

/// On a full file system: gives back what nothing will be moved to.
fn make_room(log: &File, cut: u64, end: u64) -> io::Result<()> {
    const PAGE: u64 = 4 << 10;
    let begin = log.metadata()?.size().saturating_sub(cut).next_multiple_of(PAGE);
    let hole = (end / PAGE * PAGE).saturating_sub(begin);
    if hole > 0 {
        fallocate(log, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, begin, hole)?;
    }
    Ok(())
}

/// Finishes what a killed run has left.
pub(super) fn finish(folder: &OwnedFd, name: &CStr, log: &File) -> io::Result<Finished> {
    if !is_there(folder, name) {
        return Ok(Finished::Nothing);
    }
    let found = look_at(log)?;
    let Some(journal) = Journal::left(folder, name, found.stx_uid)? else { return Ok(Finished::Nothing) };
    let entry = &journal.entry;
    let is_same = identity(&found) == (entry.inode, entry.born);
    let mut there = Token::default();
    let has_token = log.read_exact_at(&mut there, entry.token_at).is_ok() && there == entry.token;
    if !is_same || !has_token || entry.cut < LEAST || found.stx_size < entry.cut.saturating_add(entry.moved) {
        journal.remove()?;
        return Ok(if is_same { Finished::Nothing } else { Finished::Replaced });
    }
    let (cut, moved) = (entry.cut, entry.moved);
    Shift { log, journal, moved, rounds: 0, is_on_disk: false }.go().map_err(cut_off)?;
    Ok(Finished::Now(cut))
}

/// The journal stays.
fn cut_off(error: io::Error) -> io::Error {
    if error.raw_os_error().is_none() {
        return error;
    }
    let why = plain(&error.to_string());
    io::Error::other(format!("{why}; no line is lost, and the next run goes on where this one was ended"))
}

struct Shift<'a> {
    log: &'a File,
    journal: Journal<'a>,
    /// Bytes that have moved; the journal says how many of them for certain.
    moved: u64,
    /// How often the journal was written.
    rounds: u32,
    /// Everything had moved and was put on the disk; what has come since is not there in its old place either.
    is_on_disk: bool,
}

impl Shift<'_> {
    fn go(mut self) -> io::Result<()> {
        let mut buffer = vec![0; BLOCK];
        loop {
            let source = self.journal.entry.cut + self.moved;
            let Some(behind) = self.log.metadata()?.size().checked_sub(source) else {
                self.journal.remove()?;
                return Err(io::Error::other("another program shortened it meanwhile"));
            };
            match (behind, self.room()) {
                (0, _) if self.is_on_disk => break,
                (0, _) => {
                    self.log.sync_data()?;
                    self.is_on_disk = true;
                }
                (_, 0) => self.remember()?,
                (_, room) => self.move_some(behind.min(room), &mut buffer)?,
            }
        }
        // Nothing may come between the last look at the size and this.
        self.log.set_len(self.moved)?;
        // Before the journal goes, what it tells of is done.
        if self.rounds > 0 {
            self.log.sync_data()?;
        }
        self.journal.remove()
    }

    /// How many bytes may be moved before that has to be remembered: neither the place that they come from nor the token
    /// may be written over.
    fn room(&self) -> u64 {
        if self.rounds >= MOST_ROUNDS {
            // It grows faster than the disk takes it. From here on a kill leaves lines twice, but loses none.
            return u64::MAX;
        }
        self.journal.entry.token_at.saturating_sub(self.moved)
    }

    fn move_some(&mut self, count: u64, buffer: &mut [u8]) -> io::Result<()> {
        let block = &mut buffer[..usize::try_from(count).unwrap_or(BLOCK).min(BLOCK)];
        let entry = &self.journal.entry;
        self.log.read_exact_at(block, entry.cut + self.moved)?;
        if self.moved == 0 {
            // In the place of the line end before the first line.
            let length = entry.signature.len().min(block.len());
            block[..length].copy_from_slice(&entry.signature[..length]);
        }
        self.log.write_all_at(block, self.moved)?;
        self.moved += block.len() as u64;
        Ok(())
    }

    /// From here on a run that is killed goes on behind what has moved so far; so the token may stand there.
    fn remember(&mut self) -> io::Result<()> {
        self.log.sync_data()?;
        self.journal.entry.moved = self.moved;
        self.journal.write()?;
        let token_at = self.journal.entry.cut + self.moved - TOKEN;
        self.log.write_all_at(&self.journal.entry.token, token_at)?;
        self.log.sync_data()?;
        self.journal.entry.token_at = token_at;
        self.rounds += 1;
        self.journal.write()
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests prepare the world themselves")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;
    use tempfile::TempDir;

    struct Scene {
        site: TempDir,
        folder: OwnedFd,
        log: File,
    }

    fn scene(content: &[u8]) -> Scene {
        let site = TempDir::new().unwrap();
        fs::write(site.path().join("a.log"), content).unwrap();
        let folder = File::open(site.path()).unwrap().into();
        let log = fs::OpenOptions::new().read(true).write(true).open(site.path().join("a.log")).unwrap();
        Scene { site, folder, log }
    }

    impl Scene {
        fn content(&self) -> Vec<u8> {
            fs::read(self.site.path().join("a.log")).unwrap()
        }

        fn has_journal(&self) -> bool {
            self.site.path().join(".a.log.maint-trim").exists()
        }

        fn append(&self, bytes: &[u8]) {
            self.log.write_all_at(bytes, self.log.metadata().unwrap().len()).unwrap();
        }

        /// As a run that is killed after some work leaves it: in the state of a real one at that moment.
        fn begin(&self, cut: u64) -> Journal<'_> {
            let (inode, born) = identity(&look_at(&self.log).unwrap());
            let token_at = cut - LEAST;
            let entry = Entry { inode, born, cut, token_at, token: *b"\x01\x02 token", ..Entry::default() };
            let journal = Journal::begin(&self.folder, c"a.log", entry, true).unwrap();
            self.log.write_all_at(&journal.entry.token, token_at).unwrap();
            journal
        }

        fn finish(&self) -> Finished {
            finish(&self.folder, c"a.log", &self.log).unwrap()
        }
    }

    #[test]
    fn the_rest_of_the_log_moves_to_its_front_whatever_the_two_lengths_are() {
        for (cut, kept) in [(16, 1), (16, 500), (17, 200), (1_000, 10), (BLOCK + 3, 3 * BLOCK), (40, 0)] {
            let rest: Vec<u8> = (0..=250).cycle().take(kept).collect();
            let scene = scene(&[vec![b'x'; cut], rest.clone()].concat());
            shift((&scene.folder, c"a.log"), &scene.log, cut as u64, b"", cut % 2 == 0).unwrap();
            assert!(scene.content() == rest, "{cut} {kept}");
            assert!(!scene.has_journal());
        }
    }

    #[test]
    fn what_is_appended_after_a_kill_is_kept_by_the_run_that_finishes() {
        let scene = scene(&[&[b'x'; 99][..], b"\nlast\n"].concat());
        drop(scene.begin(100));
        scene.append(b"new\n");
        assert_eq!(scene.finish(), Finished::Now(100));
        assert_eq!(scene.content(), b"last\nnew\n");
        assert!(!scene.has_journal());
        assert_eq!(scene.finish(), Finished::Nothing);
    }

    #[test]
    fn a_run_killed_after_the_end_was_cut_off_leaves_nothing_to_do() {
        let scene = scene(&[&[b'x'; 99][..], b"\nlast\n"].concat());
        drop(scene.begin(100));
        scene.log.write_all_at(b"last\n", 0).unwrap();
        scene.log.set_len(5).unwrap();
        scene.append(&[b'y'; 200]);
        assert_eq!(scene.finish(), Finished::Nothing);
        assert_eq!(scene.content().len(), 205);
        assert!(!scene.has_journal());
    }

    #[test]
    fn another_log_under_the_same_name_is_not_touched() {
        let scene = scene(&[b'x'; 300]);
        let mut journal = scene.begin(100);
        journal.entry.inode += 1;
        journal.write().unwrap();
        drop(journal);
        let before = scene.content();
        assert_eq!(scene.finish(), Finished::Replaced);
        assert_eq!(scene.content(), before);
    }

    #[test]
    fn what_a_living_run_is_writing_and_what_is_no_journal_is_left_alone() {
        let scene = scene(&[b'x'; 300]);
        let living = scene.begin(100);
        let error = finish(&scene.folder, c"a.log", &scene.log).unwrap_err();
        assert_eq!(error.to_string(), "another run is shortening it");
        drop(living);
        fs::write(scene.site.path().join(".a.log.maint-trim"), "something else").unwrap();
        let before = scene.content();
        let error = finish(&scene.folder, c"a.log", &scene.log).unwrap_err();
        assert!(error.to_string().contains("is not what an earlier run has left; remove it"), "{error}");
        assert_eq!(scene.content(), before);
        fs::write(scene.site.path().join(".a.log.maint-trim"), "").unwrap();
        assert_eq!(scene.finish(), Finished::Nothing);
        assert!(!scene.has_journal());
    }

    proptest! {
        /// A kill between any two steps of the work, which is taken apart here, and lines that come after it.
        #[test]
        fn whatever_a_kill_leaves_is_finished(
            cut in 16_usize..200, kept in 0_usize..900, steps in 0_usize..40, later in 0_usize..50,
        ) {
            let rest: Vec<u8> = (0..=250).cycle().take(kept).collect();
            let scene = scene(&[vec![b'x'; cut], rest.clone()].concat());
            let mut work = Shift {
                log: &scene.log, journal: scene.begin(cut as u64), moved: 0, rounds: 0, is_on_disk: false,
            };
            let mut buffer = vec![0; BLOCK];
            for _ in 0..steps {
                let behind = (kept as u64).saturating_sub(work.moved);
                match (behind, work.room()) {
                    (0, _) => break,
                    (_, 0) => work.remember().unwrap(),
                    (_, room) => work.move_some(behind.min(room).min(7), &mut buffer).unwrap(),
                }
            }
            drop(work);
            let more = vec![b'n'; later];
            scene.append(&more);
            prop_assert_eq!(scene.finish(), Finished::Now(cut as u64));
            prop_assert_eq!(scene.content(), [rest, more].concat());
        }
    }
}
