//! Lines counted from the end of a file, in any encoding: nothing is decoded, only line ends are looked for.

use super::ended;
use crate::world::stop::Stop;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// Bytes that are read at once; a multiple of every [`Encoding::unit`].
pub(super) const BLOCK: usize = 128 << 10;

/// How the lines of a file are told apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Encoding {
    /// Bytes of a character at least: line ends are looked for at multiples of it.
    pub(super) unit: usize,
    /// What ends a line.
    newline: &'static [u8],
    /// What stands for nothing.
    blank: &'static [u8],
    /// What the file begins with to tell its encoding (a byte order mark).
    pub(super) signature: &'static [u8],
}

const fn encoding(newline: &'static [u8], blank: &'static [u8], signature: &'static [u8]) -> Encoding {
    Encoding { unit: newline.len(), newline, blank, signature }
}

static PLAIN: Encoding = encoding(b"\n", b" ", b"");
static UTF_16_LE: Encoding = encoding(b"\n\0", b" \0", b"");
static UTF_16_BE: Encoding = encoding(b"\0\n", b"\0 ", b"");
/// The longer of two signatures that begin alike comes first.
static SIGNED: [Encoding; 5] = [
    encoding(b"\n\0\0\0", b" \0\0\0", b"\xff\xfe\0\0"),
    encoding(b"\0\0\0\n", b"\0\0\0 ", b"\0\0\xfe\xff"),
    encoding(b"\n\0", b" \0", b"\xff\xfe"),
    encoding(b"\0\n", b"\0 ", b"\xfe\xff"),
    encoding(b"\n", b" ", b"\xef\xbb\xbf"),
];

impl Encoding {
    /// What a file that begins like this is written in. What only looks like a wide encoding, but ends its lines as plain
    /// text does, is plain.
    pub(super) fn of(start: &[u8]) -> &'static Encoding {
        let signed = SIGNED.iter().find(|encoding| start.starts_with(encoding.signature));
        let guess = signed.unwrap_or(match start {
            [one, 0, two, 0, ..] if [one, two].into_iter().all(|byte| *byte > 0) => &UTF_16_LE,
            [0, one, 0, two, ..] if [one, two].into_iter().all(|byte| *byte > 0) => &UTF_16_BE,
            _ => &PLAIN,
        });
        let is_refuted = guess.unit > 1 && guess.line_ends(start) == 0 && start.contains(&b'\n');
        if is_refuted { &PLAIN } else { guess }
    }

    /// How many lines end in here.
    #[expect(clippy::naive_bytecount, reason = "the compiler makes it as fast as reading is")]
    pub(super) fn line_ends(&self, bytes: &[u8]) -> u64 {
        if let [newline] = self.newline {
            return bytes.iter().filter(|byte| *byte == newline).count() as u64;
        }
        bytes.chunks_exact(self.unit).filter(|unit| *unit == self.newline).count() as u64
    }

    /// Where the first line end at or behind `from` begins.
    pub(super) fn first_line_end(&self, bytes: &[u8], from: usize) -> Option<usize> {
        let units = bytes.get(from..)?.chunks_exact(self.unit);
        units.into_iter().position(|unit| unit == self.newline).map(|index| from + index * self.unit)
    }

    /// What begins behind the `number`-th line end, counted from the end.
    fn behind_line_end(&self, bytes: &[u8], number: u64) -> Option<usize> {
        let whole = &bytes[..bytes.len() - bytes.len() % self.unit];
        let mut ends = whole.rchunks_exact(self.unit).enumerate().filter(|(_, unit)| *unit == self.newline);
        let (index, _) = ends.nth(usize::try_from(number.checked_sub(1)?).ok()?)?;
        Some(whole.len() - index * self.unit)
    }

    /// True when `unit` ends a line.
    pub(super) fn is_line_end(&self, unit: &[u8]) -> bool {
        unit == self.newline
    }

    /// So many bytes of nothing, with the signature in front.
    pub(super) fn blanks(&self, length: usize) -> Vec<u8> {
        let blanks = self.blank.iter().copied().cycle();
        self.signature.iter().copied().chain(blanks).take(length).collect()
    }
}

/// Where the last lines of a file begin.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// There is more before them: so many bytes.
    At(u64),
    /// They are all that there is: so many lines.
    Whole(u64),
}

/// Reads a file of `size` bytes from its end, as far as needed. A last line without a line end counts.
pub(super) fn last_lines(
    file: &File,
    size: u64,
    lines: u64,
    encoding: &Encoding,
    stop: &Stop,
) -> io::Result<Place> {
    let size = size - size % encoding.unit as u64;
    let mut buffer = vec![0; usize::try_from(size).unwrap_or(BLOCK).min(BLOCK)];
    let (mut end, mut passed, mut wanted) = (size, 0, lines);
    while end > 0 {
        ended(stop)?;
        let begin = (end - 1) / BLOCK as u64 * BLOCK as u64;
        let block = &mut buffer[..usize::try_from(end - begin).unwrap_or(BLOCK)];
        file.read_exact_at(block, begin)?;
        if end == size && encoding.is_line_end(&block[block.len() - encoding.unit..]) {
            // It ends the last line, and begins none.
            wanted += 1;
        }
        let here = encoding.line_ends(block);
        if passed + here >= wanted {
            let place = encoding.behind_line_end(block, wanted - passed).unwrap_or(block.len());
            return Ok(Place::At(begin + place as u64));
        }
        (end, passed) = (begin, passed + here);
    }
    let is_last_open = size > 0 && wanted == lines;
    Ok(Place::Whole(passed + u64::from(is_last_open)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write as _;

    fn look(content: &[u8], lines: u64) -> Place {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        let encoding = Encoding::of(&content[..content.len().min(4)]);
        last_lines(&file, content.len() as u64, lines, encoding, &Stop::default()).unwrap()
    }

    fn wide(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn the_last_lines_begin_behind_the_line_before_them_whether_the_last_one_ends_or_not() {
        assert_eq!(look(b"a\nb\nc\n", 2), Place::At(2));
        assert_eq!(look(b"a\nb\nc", 2), Place::At(2));
        assert_eq!(look(b"a\n\n\n", 2), Place::At(2));
        assert_eq!(look(b"a\nb\n", 2), Place::Whole(2));
        assert_eq!(look(b"a\nb", 3), Place::Whole(2));
        assert_eq!(look(b"\n", 1), Place::Whole(1));
        assert_eq!(look(b"", 1), Place::Whole(0));
    }

    #[test]
    fn what_only_begins_like_a_wide_encoding_is_plain() {
        for start in [&b"\xff\xfe bad\n1\n"[..], b"a\0b\0c\0d\0 e\n", b"\0a\0b c\n"] {
            assert_eq!(Encoding::of(start), &PLAIN, "{start:?}");
        }
        assert_eq!(Encoding::of(b"\xff\xfea\0\n\0").unit, 2);
        assert_eq!(Encoding::of(b"a\0b\0\n\0c\0").unit, 2);
        assert_eq!(Encoding::of(b"\xff\xfea\0b\0").unit, 2, "a long first line");
    }

    #[test]
    fn a_line_longer_than_what_is_read_at_once_is_one_line() {
        let long = [vec![b'x'; BLOCK * 3 + 5], b"\nlast\n".to_vec()].concat();
        assert_eq!(look(&long, 1), Place::At(BLOCK as u64 * 3 + 6));
        assert_eq!(look(&long, 2), Place::Whole(2));
    }

    #[test]
    fn an_encoding_of_two_bytes_or_four_is_told_by_its_start_and_its_lines_by_whole_characters() {
        // ਊ and Ċ hold the byte of a line end.
        let text = "\u{feff}one\nਊĊ\nthree\n";
        let start = "\u{feff}one\n".encode_utf16().count() as u64;
        assert_eq!(look(&wide(text), 2), Place::At(start * 2));
        assert_eq!(look(&wide(&text[3..]), 2), Place::At(start * 2 - 2));
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(look(&big, 2), Place::At(start * 2));
        assert_eq!(look(&big[2..], 2), Place::At(start * 2 - 2));
        let four: Vec<u8> = text.chars().flat_map(|char| u32::from(char).to_le_bytes()).collect();
        assert_eq!(look(&four, 2), Place::At(start * 4));
        assert_eq!(Encoding::of(b"\xef\xbb\xbfa").signature, b"\xef\xbb\xbf");
        assert_eq!(Encoding::of(b"\0\0\0\0"), &PLAIN);
    }

    proptest! {
        #[test]
        fn the_last_lines_are_those_that_a_plain_count_finds(
            parts in prop::collection::vec("[a\n]{0,9}|a{3000}", 0..80), lines in 1_usize..40,
        ) {
            let text = parts.concat();
            let all: Vec<&str> = text.split_inclusive('\n').collect();
            let expected = match all.len().checked_sub(lines) {
                Some(before @ 1..) => Place::At(all[..before].concat().len() as u64),
                _ => Place::Whole(all.len() as u64),
            };
            prop_assert_eq!(look(text.as_bytes(), lines as u64), expected);
        }
    }
}
