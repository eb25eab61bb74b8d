//! An archive of logs: lines as they come, sifted by their times, compressed into a file that is there whole or not at all.

use super::World;
use super::files::Temporary;
use crate::engine::apply::Permit;
use crate::error::plain;
use crate::text;
use anyhow::{Context as _, Result, anyhow, bail};
use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use regex::bytes::Regex;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, Write};
use std::path::{Path, PathBuf};

/// A longer line is sifted by its beginning, and passed on in pieces: whatever is logged takes no more memory.
const LONGEST: usize = 256 << 10;
/// What is gathered before it is compressed, and what is read back at once.
const CHUNK: usize = 64 << 10;

/// What of the lines is kept.
#[derive(Debug)]
pub(crate) struct Sieve {
    pub(crate) since: DateTime<Utc>,
    /// Lines of this moment are for the next archive.
    pub(crate) until: DateTime<Utc>,
    pub(crate) exclude: Vec<Regex>,
}

/// How much went into an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) lines: u64,
    /// Before they were compressed.
    pub(crate) bytes: u64,
}

/// An archive that is being written; dropped before it is kept, it leaves nothing behind.
pub(crate) struct Archive {
    folder: PathBuf,
    temporary: Temporary,
    encoder: GzEncoder<BufWriter<File>>,
    sum: Sum,
}

impl Archive {
    /// Begins one in this folder, which is made when it is missing.
    pub(crate) fn begin(world: &World, folder: &Path, permit: &Permit) -> Result<Archive> {
        world.files.make_folder(folder, permit)?;
        let temporary = world.files.temporary(folder, permit)?;
        let file = temporary.copy_of_file().with_context(|| cannot_write(folder))?;
        let encoder = GzEncoder::new(BufWriter::with_capacity(CHUNK, file), Compression::default());
        Ok(Archive { folder: folder.to_owned(), temporary, encoder, sum: Sum::default() })
    }

    /// Where the lines of one source go that `sieve` lets through, with its name.
    pub(crate) fn source<'a>(&'a mut self, sieve: &'a Sieve, name: &'a str) -> Source<'a> {
        Source { archive: self, sieve, name, line: Vec::new(), rest: None, was_kept: false, failed: None }
    }

    /// How much is in it so far.
    pub(crate) fn sum(&self) -> Sum {
        self.sum
    }

    /// Completes it, reads it back, and gives it its name. Returns its size.
    pub(crate) fn keep(self, world: &World, path: &Path, permit: &Permit) -> Result<u64> {
        let Archive { folder, temporary, encoder, sum } = self;
        let write = || -> io::Result<File> {
            let mut file = encoder.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.sync_all()?;
            file.rewind()?;
            Ok(file)
        };
        let file = write().with_context(|| cannot_write(&folder))?;
        let size = file.metadata().with_context(|| cannot_write(&folder))?.len();
        let mut decoder = GzDecoder::new(BufReader::with_capacity(CHUNK, file));
        let mut buffer = vec![0; CHUNK];
        let mut read = 0;
        loop {
            match decoder.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => read += count as u64,
                Err(error) => bail!("the archive cannot be read back: {}", plain(&error.to_string())),
            }
        }
        if read != sum.bytes {
            bail!("the archive cannot be read back: {read} bytes instead of {}", sum.bytes);
        }
        world.files.keep(temporary, path, path, permit)?;
        Ok(size)
    }
}

fn cannot_write(folder: &Path) -> String {
    format!("cannot write to {}", text::path(folder))
}

/// One source of lines on its way into an archive.
pub(crate) struct Source<'a> {
    archive: &'a mut Archive,
    sieve: &'a Sieve,
    name: &'a str,
    /// The line that is not complete yet.
    line: Vec<u8>,
    /// The rest of a line that is too long to be gathered: whether it is kept.
    rest: Option<bool>,
    /// Whether the line before was kept: what has no time of its own belongs to it.
    was_kept: bool,
    failed: Option<io::Error>,
}

impl Source<'_> {
    /// The end of it; the error is for a disk that takes no more.
    pub(crate) fn end(mut self) -> Result<()> {
        if !self.line.is_empty() {
            self.line.push(b'\n');
            let _ = self.sift();
        }
        match self.failed {
            None => Ok(()),
            Some(error) => {
                Err(anyhow!("{}: {}", cannot_write(&self.archive.folder), plain(&error.to_string())))
            }
        }
    }

    /// A whole line, or the beginning of a long one.
    fn sift(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        let (time, message) = split(&line);
        let Sieve { since, until, exclude } = self.sieve;
        let is_kept = match time {
            Some(time) => {
                let is_excluded = || exclude.iter().any(|exclude| exclude.is_match(message.trim_ascii_end()));
                time >= *since && time < *until && !is_excluded()
            }
            None => self.was_kept,
        };
        self.was_kept = is_kept;
        if is_kept {
            let name = self.name;
            match time {
                Some(_) => {
                    let stamp = &line[..line.len() - message.len()];
                    self.put(stamp)?;
                    self.put(name.as_bytes())?;
                    self.put(b" | ")?;
                    self.put(message)?;
                }
                None => self.put(&line)?,
            }
            self.archive.sum.lines += 1;
        }
        // Its room is used again.
        self.line = line;
        self.line.clear();
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.archive.sum.bytes += bytes.len() as u64;
        self.archive.encoder.write_all(bytes)
    }

    fn take(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let end = bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
            let (part, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            bytes = rest;
            if let Some(is_kept) = self.rest {
                if is_kept {
                    self.put(part)?;
                }
                self.rest = Some(is_kept).filter(|_| end.is_none());
                continue;
            }
            self.line.extend_from_slice(part);
            if end.is_some() || self.line.len() > LONGEST {
                self.sift()?;
                self.rest = Some(self.was_kept).filter(|_| end.is_none());
            }
        }
        Ok(())
    }
}

impl Write for Source<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.take(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(error) => {
                let kind = error.kind();
                self.failed = Some(error);
                Err(kind.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The time at the beginning of a line, and what was logged.
fn split(line: &[u8]) -> (Option<DateTime<Utc>>, &[u8]) {
    // "2026-11-20T15:02:26.123456789Z", or with an offset.
    const LONGEST_TIME: usize = 40;
    let beginning = &line[..line.len().min(LONGEST_TIME)];
    let time = beginning.iter().position(|byte| *byte == b' ').and_then(|at| {
        let time = DateTime::parse_from_rfc3339(std::str::from_utf8(&line[..at]).ok()?).ok()?;
        Some((time.to_utc(), &line[at + 1..]))
    });
    time.map_or((None, line), |(time, message)| (Some(time), message))
}
