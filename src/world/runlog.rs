//! The log of one run: a file that stops growing at a limit and still ends with the last lines.

use crate::engine::apply::Permit;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// Lines kept for the end of a cut log and for the failure message.
const TAIL: usize = 20;
/// The longest that a line waits in memory.
const FLUSH_EVERY: Duration = Duration::from_millis(250);

/// A log file with a limit.
#[derive(Debug)]
pub struct RunLog {
    file: BufWriter<File>,
    left: u64,
    cut: u64,
    tail: VecDeque<String>,
    flushed: Instant,
}

impl RunLog {
    /// Writes to `file`, at most about `limit` bytes.
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    pub(crate) fn new(file: File, limit: u64) -> RunLog {
        let file = BufWriter::with_capacity(32 << 10, file);
        RunLog { file, left: limit, cut: 0, tail: VecDeque::new(), flushed: Instant::now() }
    }

    /// Adds a line. A full disk must not end the run: what cannot be written is lost.
    pub(crate) fn line(&mut self, line: &str) {
        let mut last =
            if self.tail.len() == TAIL { self.tail.pop_front().unwrap_or_default() } else { String::new() };
        last.clear();
        last.push_str(line);
        self.tail.push_back(last);
        let length = line.len() as u64 + 1;
        if self.cut > 0 || length > self.left {
            self.cut += 1;
            return;
        }
        self.left -= length;
        let _ = writeln!(self.file, "{line}");
        if self.flushed.elapsed() >= FLUSH_EVERY {
            self.flush();
        }
    }

    /// True when the limit is reached.
    pub(crate) fn is_full(&self) -> bool {
        self.cut > 0
    }

    /// Counts lines that were not even formatted, because the log is full.
    pub(crate) fn leave_out(&mut self, count: u64) {
        self.cut += count;
    }

    #[expect(clippy::disallowed_methods, reason = "this is World")]
    pub(crate) fn flush(&mut self) {
        let _ = self.file.flush();
        self.flushed = Instant::now();
    }

    /// The last lines.
    pub(crate) fn tail(&self) -> impl Iterator<Item = &str> {
        self.tail.iter().map(String::as_str)
    }

    /// Ends the log; what the limit cut off is counted, and the last lines follow.
    pub(crate) fn close(mut self) -> Vec<String> {
        if self.cut > 0 {
            let kept = self.tail.len().min(usize::try_from(self.cut).unwrap_or(TAIL));
            let left_out = self.cut - kept as u64;
            if left_out > 0 {
                let _ =
                    writeln!(self.file, "… {left_out} lines left out: the limit of this log is reached …");
            }
            for line in self.tail.iter().skip(self.tail.len() - kept) {
                let _ = writeln!(self.file, "{line}");
            }
        }
        self.flush();
        self.tail().map(str::to_owned).collect()
    }
}

/// Opens the log of a run that has ended, to add to it; `None` when there is none.
#[expect(clippy::disallowed_methods, reason = "this is World")]
pub(crate) fn reopen(path: &Path, _permit: &Permit) -> Option<File> {
    OpenOptions::new().append(true).open(path).ok()
}

/// The last lines of a log, in so many bytes or less; `None` when there is none.
#[expect(clippy::disallowed_methods, reason = "this is World")]
pub(crate) fn end_of(path: &Path, limit: u64) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let start = file.metadata().ok()?.len().saturating_sub(limit);
    file.seek(SeekFrom::Start(start)).ok()?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    // The first line may be a part only.
    let whole = if start == 0 { &text } else { text.split_once('\n').map_or("", |(_, whole)| whole) };
    Some(whole.to_owned())
}

/// What a log says from a place on.
#[derive(Debug, Default)]
pub(crate) struct Part {
    /// Whole lines.
    pub(crate) lines: Vec<String>,
    /// The byte behind the last of them.
    pub(crate) end: u64,
}

/// The whole lines of a log from this byte on, or its last ones, in so many bytes or less.
#[expect(clippy::disallowed_methods, reason = "this is World")]
pub(crate) fn read_on(path: &Path, from: Option<u64>, limit: u64) -> Part {
    let read = || -> std::io::Result<(u64, Vec<u8>)> {
        let mut file = File::open(path)?;
        let start = from.unwrap_or(file.metadata()?.len().saturating_sub(limit));
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes)?;
        Ok((start, bytes))
    };
    let Ok((start, bytes)) = read() else { return Part { end: from.unwrap_or(0), ..Part::default() } };
    // The rest of a line comes with the next look; one that never ends is cut.
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
    let whole = if whole == 0 && bytes.len() as u64 == limit { bytes.len() } else { whole };
    let text = String::from_utf8_lossy(&bytes[..whole]);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if from.is_none() && start > 0 && !lines.is_empty() {
        // The first may be a part only.
        lines.remove(0);
    }
    Part { lines, end: start + whole as u64 }
}
