//! `maint trim-logs`: keeps the last lines of logs that programs go on writing to.
//!
//! The file stays the same file, so that whoever has it open goes on writing to it.

use crate::config::glob::Glob;
use crate::config::units;
use crate::engine::apply::Permit;
use crate::engine::plan::{Overview, Plan};
use crate::engine::report::{Outcome, Steps};
use crate::engine::{Action, Job};
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::files::{KnownWriters, Log, Look, Pattern, Search, Shortened, Shortening, Way};
use crate::world::stop::Stop;
use anyhow::Result;
use clap::Args;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Keeps the last lines of logs, also of those that a program is writing
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrimLogs {
    /// Keep so many lines at the end of each log [default: 1000, or the `lines` in maint.toml]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = lines)]
    pub lines: Option<u32>,
    /// Accept 0 lines, which empties a log
    #[arg(long)]
    pub force: bool,
    /// Also count the lines of each log, which means reading all of it
    #[arg(long)]
    pub count: bool,
    /// The logs, instead of the `paths` in maint.toml
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

fn lines(text: &str) -> Result<u32, String> {
    units::count(text).ok_or_else(|| "write a whole number of lines, such as 1000".to_owned())
}

impl Job for TrimLogs {
    const NAME: &'static str = "trim-logs";
    const MAKES_ROOM: bool = true;
    type Action = Trim;

    fn check(&self, world: &World) -> Result<()> {
        let patterns = self.patterns(world)?;
        if self.files.is_empty() && patterns.is_empty() {
            return Err(Problem::usage(
                "no log to trim: name one, or list them in [trim-logs] paths of maint.toml, such as \"logs/*.log\"",
            ));
        }
        if self.lines(world) == 0 && !self.force {
            return Err(Problem::refused("0 lines empty every log; add --force if that is meant"));
        }
        Ok(())
    }

    fn plan(&self, world: &World) -> Result<Plan<Trim>> {
        let Search { logs, notes, failures, .. } = self.search(world)?;
        let mut plan = Plan { notes, failures, ..Plan::default() };
        let known = KnownWriters::default();
        if self.count {
            plan.overview = Some(Overview::of("logs", &Counted::of(&logs, &world.stop))?);
        }
        for log in logs {
            if world.stop.reason().is_some() {
                break;
            }
            self.judge(log, &known, world, &mut plan);
        }
        Ok(plan)
    }

    fn sum_up(&self, steps: &Steps<Trim>) -> Option<String> {
        let to_free: u64 = steps.iter().filter(is_planned).map(|step| step.action.to_free()).sum();
        match (freed(steps), to_free) {
            (0, 0) => None,
            (0, bytes) => Some(format!("{} to free", text::size(bytes))),
            (bytes, _) => Some(format!("{} freed", text::size(bytes))),
        }
    }

    fn totals(&self, steps: &Steps<Trim>) -> Vec<(&'static str, Value)> {
        vec![("freed_bytes", freed(steps).into())]
    }
}

fn is_planned(step: &crate::engine::report::Step<'_, Trim>) -> bool {
    *step.outcome == Outcome::Planned
}

fn freed(steps: &Steps<Trim>) -> u64 {
    steps.iter().filter_map(|step| step.action.done.get()).map(|done| done.freed).sum()
}

impl TrimLogs {
    fn lines(&self, world: &World) -> u64 {
        self.lines.unwrap_or(world.config.trim_logs.lines).into()
    }

    /// The configured logs, unless some were named.
    fn patterns(&self, world: &World) -> Result<Vec<Pattern>> {
        let configured = if self.files.is_empty() { world.config.trim_logs.paths.as_slice() } else { &[] };
        configured.iter().map(|text| Pattern::of(text, &world.root)).collect()
    }

    fn search(&self, world: &World) -> Result<Search> {
        let mut search = Search::default();
        let exclude = Glob::set(&world.config.trim_logs.exclude)?;
        for file in &self.files {
            let path = world.here(file);
            // In a job's command there is no shell that would do this.
            let glob = path.strip_prefix(&world.root).ok().and_then(Path::to_str);
            match glob.filter(|text| text.contains(['*', '?', '[']) && !world.files.exists(&path)) {
                Some(text) => {
                    let before = search.logs.len();
                    let pattern = Pattern::of(text, &world.root)?;
                    search.pattern(&pattern, &world.root, &exclude, (&world.files, &world.stop))?;
                    if search.logs.len() == before {
                        search.failures.push(format!("{}: no log matches", text::path(file)));
                    }
                }
                None => search.file(&path, file),
            }
        }
        for pattern in self.patterns(world)? {
            search.pattern(&pattern, &world.root, &exclude, (&world.files, &world.stop))?;
        }
        Ok(search)
    }

    /// Decides what is to be done with one log.
    fn judge(&self, log: Log, known: &KnownWriters, world: &World, plan: &mut Plan<Trim>) {
        let lines = self.lines(world);
        let kept = match log.look(lines, known, &world.stop) {
            Err(why) => return plan.failures.push(format!("{}: {why}", log.shown)),
            Ok(Look::Foreign(what)) => {
                let say = format!("{}: is {what}, no text with lines, and stays as it is", log.shown);
                return if self.files.is_empty() { plan.notes.push(say) } else { plan.failures.push(say) };
            }
            Ok(Look::Short(count)) => {
                return plan.notes.push(format!("{}: {}: left as it is", log.shown, few(count, lines)));
            }
            Ok(Look::Long { kept, writer }) => {
                if let Some(writer) = writer {
                    let shown = &log.shown;
                    plan.notes.push(format!(
                        "{shown}: {writer} writes to it, but not at its end, and will leave zeros in the place of what \
                         goes; have that program append (>> instead of >)"
                    ));
                }
                Some(kept)
            }
            Ok(Look::Unfinished) => None,
        };
        plan.actions.push(Trim { log, lines, kept, done: OnceLock::new() });
    }
}

/// The logs as they were found.
#[derive(Serialize)]
#[serde(transparent)]
struct Counted(Vec<Found>);

#[derive(Serialize)]
struct Found {
    path: String,
    size_bytes: u64,
    /// None where they cannot be counted: the log itself is complained about.
    lines: Option<u64>,
}

impl Counted {
    fn of(logs: &[Log], stop: &Stop) -> Counted {
        let found = |log: &Log| {
            let lines = log.count(stop).ok();
            Found { path: log.shown.clone(), size_bytes: log.size, lines }
        };
        Counted(logs.iter().map(found).collect())
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = text::Table::new(&["LOG", "SIZE", "LINES"]);
        for Found { path, size_bytes, lines } in &self.0 {
            let lines = lines.map_or_else(|| "-".to_owned(), text::thousands);
            table.row(&[path, &text::size(*size_bytes), &lines]);
        }
        if self.0.is_empty() { Ok(()) } else { write!(f, "{table}") }
    }
}

/// "has 10 lines, fewer than 1,000".
fn few(count: u64, lines: u64) -> String {
    match count {
        0 => "is empty".to_owned(),
        _ if count == lines => format!("has {} already", counted(count)),
        _ => format!("has {}, fewer than {}", counted(count), text::thousands(lines)),
    }
}

fn counted(lines: u64) -> String {
    text::plural(usize::try_from(lines).unwrap_or(usize::MAX), "line")
}

/// Shortens one log.
#[derive(Debug)]
pub struct Trim {
    log: Log,
    /// So many lines are to stay.
    lines: u64,
    /// Their bytes; nothing for a log that an earlier run has not finished.
    kept: Option<u64>,
    /// What was done.
    done: OnceLock<Shortened>,
}

impl Trim {
    fn to_free(&self) -> u64 {
        self.kept.map_or(0, |kept| self.log.size.saturating_sub(kept))
    }
}

impl fmt::Display for Trim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, size) = (&self.log.shown, text::size(self.log.size));
        if self.kept.is_none() {
            return write!(f, "finish trimming {path}, where an earlier run was ended ({size})");
        }
        let (lines, frees) = (counted(self.lines), text::size(self.to_free()));
        write!(f, "trim {path} ({size}, keeps {lines}, frees {frees})")
    }
}

impl Serialize for Trim {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("action", "trim-log")?;
        map.serialize_entry("path", &self.log.shown)?;
        let done = self.done.get();
        map.serialize_entry("size_before_bytes", &done.map_or(self.log.size, |done| done.size))?;
        if let Some(Shortened { size, freed, lines, way }) = done {
            map.serialize_entry("size_after_bytes", &size.saturating_sub(*freed))?;
            map.serialize_entry("freed_bytes", freed)?;
            map.serialize_entry("lines_kept", lines)?;
            map.serialize_entry("method", word(*way))?;
        } else {
            map.serialize_entry("to_free_bytes", &self.to_free())?;
            map.serialize_entry("lines", &self.lines)?;
        }
        map.end()
    }
}

fn word(way: Way) -> &'static str {
    match way {
        Way::TakenOut => "collapse",
        Way::Moved | Way::MovedInUse => "shift",
        Way::Emptied => "empty",
    }
}

impl Action for Trim {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        let shortening = world.files.shorten(&self.log, self.lines, &world.stop, permit);
        let done = match shortening.map_err(anyhow::Error::msg)? {
            Shortening::Left(why) => return Ok(Outcome::Skipped(why.into())),
            Shortening::Done(done) => self.done.get_or_init(|| done),
        };
        let mut detail =
            format!("now {}, {}", text::size(done.size.saturating_sub(done.freed)), counted(done.lines));
        if done.way == Way::MovedInUse {
            detail.push_str("; a program had it open: a line that it wrote in that very instant may be lost");
        }
        Ok(Outcome::Done(detail.into()))
    }
}
