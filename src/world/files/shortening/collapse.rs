//! Takes out the front of a log in whole blocks (`FALLOC_FL_COLLAPSE_RANGE`), which moves no byte and needs no room:
//! who appends meanwhile loses nothing.

use super::lines::Encoding;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::{Errno, retry_on_intr};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// What is taken out, and what then stands before the lines that are wanted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Front {
    /// So many bytes go: whole blocks.
    pub(super) cut: u64,
    /// Written over the rest of the line that was cut through.
    blanks: Vec<u8>,
    /// Whole lines that stay although they are not wanted.
    pub(super) lines: u64,
}

impl Front {
    /// What can go before `at`, where a line begins; nothing when that is less than a block.
    pub(super) fn of(log: &File, at: u64, encoding: &Encoding) -> io::Result<Option<Front>> {
        let block = rustix::fs::fstatvfs(log)?.f_bsize.max(512);
        let mut cut = at / block * block;
        while cut > 0 {
            let from = cut - encoding.unit as u64;
            let mut bytes = vec![0; usize::try_from(at - from).map_err(io::Error::other)?];
            log.read_exact_at(&mut bytes, from)?;
            let (before, head) = bytes.split_at(encoding.unit);
            if encoding.signature.is_empty() && encoding.is_line_end(before) {
                return Ok(Some(Front { cut, blanks: Vec::new(), lines: encoding.line_ends(head) }));
            }
            if let Some(end) = encoding.first_line_end(head, encoding.signature.len()) {
                let lines = encoding.line_ends(&head[end + encoding.unit..]);
                return Ok(Some(Front { cut, blanks: encoding.blanks(end), lines }));
            }
            // There is no room for the signature.
            cut -= block;
        }
        Ok(None)
    }

    /// Takes it out; false when this file system cannot.
    pub(super) fn take_out(&self, log: &File, encoding: &Encoding) -> io::Result<bool> {
        // Without its signature the log could not be told from one in another encoding, not even by the next run: that
        // stands there before. A half line in the front does no such harm, and not every file system can go on.
        let is_signed = !encoding.signature.is_empty();
        if is_signed {
            log.write_all_at(&self.blanks, self.cut)?;
        }
        match retry_on_intr(|| fallocate(log, FallocateFlags::COLLAPSE_RANGE, 0, self.cut)) {
            Ok(()) => {}
            // PERM, NOSYS: a container's filter. INVAL: larger blocks than it tells.
            Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS | Errno::PERM | Errno::TXTBSY) => {
                return Ok(false);
            }
            Err(errno) => return Err(errno.into()),
        }
        if !is_signed {
            log.write_all_at(&self.blanks, 0).map_err(|error| {
                let why = crate::error::plain(&error.to_string());
                io::Error::other(format!("its front is cut off, but half a line was left there: {why}"))
            })?;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek as _, Write as _};

    /// What would go from a file with these lines, and what the block in which the last of them begins looks like then.
    fn front(lines: &[&str], kept: usize) -> (Option<Front>, File, u64) {
        let mut file = tempfile::tempfile().unwrap();
        let text = lines.concat();
        file.write_all(text.as_bytes()).unwrap();
        let at = (text.len() - lines[lines.len() - kept..].concat().len()) as u64;
        let encoding = Encoding::of(&text.as_bytes()[..4]);
        (Front::of(&file, at, encoding).unwrap(), file, at)
    }

    fn block() -> usize {
        usize::try_from(rustix::fs::fstatvfs(tempfile::tempfile().unwrap()).unwrap().f_bsize).unwrap()
    }

    #[test]
    fn whole_blocks_go_and_the_line_that_is_cut_through_becomes_blank() {
        let long = format!("{}\n", "x".repeat(block() + 9));
        let (front, ..) = front(&[&long, "two\n", "three\n", "four\n"], 1);
        let expected = Front { cut: block() as u64, blanks: b" ".repeat(9), lines: 2 };
        assert_eq!(front, Some(expected));
    }

    #[test]
    fn nothing_becomes_blank_when_a_line_begins_with_a_block() {
        let long = format!("{}\n", "x".repeat(block() - 1));
        let (found, ..) = front(&[&long, "two\n", "three\n"], 1);
        assert_eq!(found, Some(Front { cut: block() as u64, blanks: Vec::new(), lines: 1 }));
        assert_eq!(front(&["one\n", "two\n"], 1).0, None, "less than a block");
    }

    #[test]
    fn the_signature_of_an_encoding_takes_the_place_of_a_line_or_a_block_more_stays() {
        let signed = format!("\u{feff}{}\n", "x".repeat(block() - 4));
        let (found, ..) = front(&[&signed, "two\n", "three\n"], 1);
        assert_eq!(found, Some(Front { cut: block() as u64, blanks: "\u{feff}".into(), lines: 0 }));
        let (found, ..) = front(&[&signed, &signed, "three\n"], 1);
        let found = found.unwrap();
        assert_eq!((found.cut, found.blanks.len(), found.lines), (block() as u64, block() - 1, 0));
        assert_eq!(front(&[&signed, "three\n"], 1).0, None);
    }

    #[test]
    fn where_the_file_system_can_the_front_goes_and_the_file_stays_the_same() {
        let long = format!("{}\n", "x".repeat(block() + 9));
        let (found, mut file, at) = front(&[&long, "two\n", "three\n"], 1);
        file.rewind().unwrap();
        let before = file.metadata().unwrap().len();
        if found.unwrap().take_out(&file, Encoding::of(b"xxxx")).unwrap() {
            let rest = std::io::read_to_string(&file).unwrap();
            assert_eq!(rest, "         \ntwo\nthree\n");
        } else {
            assert_eq!((file.metadata().unwrap().len(), at), (before, block() as u64 + 14));
        }
    }
}
