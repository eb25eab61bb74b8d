//! `logs`: the errors in the logs of containers since the last check, counted and grouped.

use super::row::{Excerpt, Row, State, Unit};
use super::services::{nowhere, with_others};
use super::{Learnt, Seen, Sight, groups::Groups};
use crate::config::check::{Pattern, Which};
use crate::error::one_line;
use crate::text;
use crate::world::docker::{Container, Stretch};
use anyhow::{Context as _, Result, anyhow, bail};
use chrono::{DateTime, Utc};
use regex::bytes::Regex;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

/// What an error looks like, unless something else is asked for.
const USUAL: &str = r"(?i)\b(error|exception|traceback|fatal|critical|panic|panicked)\b";
/// So many errors of a service are not worth a word, unless something else is asked for.
const USUAL_MOST: u32 = 10;
/// A log that takes longer to read is too long.
const LONGEST: Duration = Duration::from_secs(20);
/// Of a longer line the beginning is looked at.
const LONGEST_LINE: usize = 16 << 10;
/// Groups that are told in a line.
const MOST_TOLD: usize = 3;

/// What counts as an error.
struct Errors {
    pattern: Regex,
    ignored: Vec<Regex>,
}

impl Errors {
    fn of(sight: &Sight<'_>) -> Result<Errors> {
        let compile = |pattern: &str| Pattern::compile(pattern).context("a regular expression is wrong");
        let pattern = compile(sight.check.pattern.as_ref().map_or(USUAL, Pattern::text))?;
        let ignored = sight.check.ignore.iter().flatten().map(|pattern| compile(pattern.text()));
        Ok(Errors { pattern, ignored: ignored.collect::<Result<_>>()? })
    }

    fn is_one(&self, line: &str) -> bool {
        let line = line.as_bytes();
        self.pattern.is_match(line) && !self.ignored.iter().any(|ignored| ignored.is_match(line))
    }

    /// Counts a line, when it is one.
    fn count(&self, line: &[u8], groups: &mut Groups) {
        let line = String::from_utf8_lossy(line);
        let line = text::without_colour(line.trim_end());
        if self.is_one(&line) {
            groups.add(&text::escape(&line.replace('\t', "    ")));
        }
    }
}

/// A row for each service, and since when the logs are to be read that could not be.
pub(super) fn look(sight: &Sight<'_>, which: &Which) -> Result<Seen> {
    let errors = Errors::of(sight)?;
    let containers = sight.docker.containers()?;
    let services = match which.names() {
        [] => with_others(sight.docker.declared().unwrap_or_default(), containers),
        names => names.to_vec(),
    };
    if services.is_empty() {
        return Err(anyhow!("the Compose file declares no service"));
    }
    let logs: Vec<Log<'_>> = services.iter().map(|service| Log::of(sight, service)).collect();
    let looked: Vec<Option<Result<Row>>> = std::thread::scope(|scope| {
        let (errors, start) = (&errors, std::thread::Builder::new);
        let look = |log| start().spawn_scoped(scope, move || Log::row(log, containers, errors)).ok();
        let looking: Vec<_> = logs.iter().map(look).collect();
        looking.into_iter().map(|looking| looking.and_then(|looking| looking.join().ok())).collect()
    });
    let (mut rows, mut unread) = (Vec::new(), BTreeMap::new());
    for (log, row) in logs.iter().zip(looked) {
        let row = row.unwrap_or_else(|| Err(anyhow!("no thread can be started")));
        rows.push(row.unwrap_or_else(|error| {
            unread.insert(log.service.to_owned(), log.since);
            sight.row(log.service, Unit::Count).unknown(&one_line(&error))
        }));
    }
    Ok(Seen { rows, learnt: Learnt { unread, ..Learnt::default() } })
}

/// What the containers of a service have logged since it was last read.
struct Log<'a> {
    sight: &'a Sight<'a>,
    service: &'a str,
    since: DateTime<Utc>,
}

impl<'a> Log<'a> {
    fn of(sight: &'a Sight<'a>, service: &'a str) -> Log<'a> {
        let unread = sight.last.and_then(|last| last.unread.get(service)).copied();
        let since = sight.since();
        Log { sight, service, since: unread.map_or(since, |unread| unread.min(since)) }
    }

    /// The errors in it.
    fn row(&self, containers: &[Container], errors: &Errors) -> Result<Row> {
        let Log { sight, service, .. } = self;
        let row = sight.row(service, Unit::Count);
        let mut own = containers.iter().filter(|container| container.service == *service).peekable();
        if own.peek().is_none() {
            let why = nowhere(sight, service);
            // Whether it must have one is for `services` to say.
            let is_unknown = why.contains("no such service");
            return Ok(if is_unknown {
                row.bad(&why)
            } else {
                row.value(0.0).most(most(sight)).detail(&why)
            });
        }
        let mut groups = Groups::default();
        for container in own {
            if !self.read(container, errors, &mut groups)? {
                return Ok(judged(sight, row, &groups, true));
            }
        }
        Ok(judged(sight, row, &groups, false))
    }

    /// False when it is too long to be read.
    fn read(&self, container: &Container, errors: &Errors, groups: &mut Groups) -> Result<bool> {
        let Log { sight, since, .. } = self;
        let world = sight.world.within(LONGEST);
        let stretch = Stretch { since: *since, until: sight.now(), has_times: false };
        let mut lines = Lines { each: |line| errors.count(line, groups), line: Vec::new() };
        match sight.docker.compose()?.pour_log(&world, container, &stretch, &mut lines) {
            Ok(true) => Ok(true),
            Ok(false) => bail!("{} is gone", container.name),
            Err(_) if world.stop.reason().is_some() && sight.world.stop.reason().is_none() => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Hands over each line. However long one is, it is one line.
struct Lines<F: FnMut(&[u8])> {
    each: F,
    line: Vec<u8>,
}

impl<F: FnMut(&[u8])> Write for Lines<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = LONGEST_LINE.saturating_sub(self.line.len());
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") {
                (self.each)(&self.line);
                self.line.clear();
            }
        }
        Ok(bytes.len())
    }

    /// At the end: the last line may have no end.
    fn flush(&mut self) -> io::Result<()> {
        if !self.line.is_empty() {
            (self.each)(&self.line);
            self.line.clear();
        }
        Ok(())
    }
}

fn most(sight: &Sight<'_>) -> f64 {
    f64::from(sight.check.max_errors.unwrap_or(USUAL_MOST))
}

#[expect(clippy::cast_precision_loss, reason = "no log has so many lines")]
fn judged(sight: &Sight<'_>, row: Row, groups: &Groups, is_cut: bool) -> Row {
    let mut row = row.value(groups.count() as f64).most(most(sight));
    row.excerpts = groups.largest();
    let mut words: Vec<String> = Vec::new();
    if is_cut {
        words.push(format!("only what could be read in {} was counted", text::duration(LONGEST)));
    }
    let told = |Excerpt { count, text }: &Excerpt| format!("{count}× {text}");
    words.extend(row.excerpts.iter().take(MOST_TOLD).map(told));
    let words = words.join("; ");
    if is_cut && row.state == State::Ok { row.unknown(&words) } else { row.detail(&words) }
}
