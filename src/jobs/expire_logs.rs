//! `maint expire-logs`: compresses logs that have not been changed for a given time, and removes older ones.
//!
//! Both ages are counted from the last change of the log: its compressed file keeps that time.

use crate::config::glob::Glob;
use crate::config::units::{self, Length};
use crate::engine::apply::Permit;
use crate::engine::plan::{Overview, Plan};
use crate::engine::report::{Outcome, Steps};
use crate::engine::{Action, Job};
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::files::{Compression, Find, NoTarget, Old, Rules, Survey, Target, UNFINISHED, Wanted};
use anyhow::Result;
use clap::Args;
use globset::GlobSet;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// Compresses old logs, and removes still older ones
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExpireLogs {
    /// Remove what has not been changed for this many days [default: 30, or the age in maint.toml]
    #[arg(long, value_name = "DAYS", allow_negative_numbers = true, value_parser = days)]
    pub days: Option<u32>,
    /// Compress what has not been changed for this many days [default: 7, or the `compress_age` in maint.toml]
    #[arg(long, value_name = "DAYS", allow_negative_numbers = true, value_parser = days)]
    pub compress_days: Option<u32>,
    /// Accept an age of 0
    #[arg(long)]
    pub force: bool,
}

fn days(text: &str) -> Result<u32, String> {
    units::count(text).ok_or_else(|| "write a whole number of days, such as 30".to_owned())
}

/// How old a log may grow.
#[derive(Clone, Copy)]
struct Ages {
    remove: Length,
    compress: Length,
}

/// A folder of logs.
type Place = (PathBuf, Arc<Target>);

impl Job for ExpireLogs {
    const NAME: &'static str = "expire-logs";
    type Action = Expire;

    fn check(&self, world: &World) -> Result<()> {
        let Ages { remove, compress } = self.ages(world);
        for (age, what) in [(remove, "removes"), (compress, "compresses")] {
            if age.is_zero() && !self.force {
                return Err(Problem::refused(format!(
                    "an age of 0 {what} every log, however young; add --force if that is meant"
                )));
            }
        }
        places(world).map(drop)
    }

    fn plan(&self, world: &World) -> Result<Plan<Expire>> {
        let mut plan = Plan::default();
        let mut table = Table::default();
        let mut compressions = Vec::new();
        let (places, missing) = places(world)?;
        for path in missing {
            plan.notes.push(format!("{}: does not exist, so there are no logs", text::path(&path)));
        }
        let others: Vec<_> = places.iter().filter_map(|(_, target)| target.identity()).collect();
        let Ages { remove, compress } = self.ages(world);
        let (remove, compress) = (world.clock.before(remove), world.clock.before(compress));
        for (shown, target) in places {
            let section = &world.config.expire_logs;
            let wanted = Wanted {
                before: remove.max(compress),
                include: match section.include.as_slice() {
                    [] => None,
                    globs => Some(logs(globs, &[UNFINISHED])?),
                },
                exclude: logs(&section.exclude, &[])?,
                spared: world.files.spared(),
                others: others.clone(),
                only_files: true,
            };
            let survey = Survey::of(&target, &wanted, &|| world.stop.reason().is_some())?;
            plan.notes.extend(survey.left);
            plan.failures.extend(survey.unreadable);
            let mut row = Row::of(&shown, survey.seen_files, survey.seen_bytes);
            for action in survey.old.into_iter().filter_map(|old| Expire::of(old, remove, compress)) {
                row.count(&action);
                match action.deed {
                    Deed::Remove => plan.actions.push(action),
                    Deed::Compress(_) => compressions.push(action),
                }
            }
            table.0.push(row);
        }
        // What goes makes room for what is compressed.
        plan.actions.append(&mut compressions);
        plan.overview = Some(Overview::of("folders", &table)?);
        Ok(plan)
    }

    fn sum_up(&self, steps: &Steps<Expire>) -> Option<String> {
        let (mut freed, mut to_free, mut to_compress) = (0, 0, 0);
        for step in steps.iter() {
            match (step.outcome, &step.action.deed) {
                (Outcome::Planned, Deed::Remove) => to_free += step.action.find.size,
                (Outcome::Planned, Deed::Compress(_)) => to_compress += step.action.find.size,
                (Outcome::Done(_), _) => freed += step.action.freed(),
                (Outcome::Skipped(_) | Outcome::Failed(_), _) => {}
            }
        }
        let parts = [(freed, "freed"), (to_free, "to free"), (to_compress, "to compress")];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(bytes, _)| *bytes > 0)
            .map(|(bytes, words)| format!("{} {words}", text::size(*bytes)))
            .collect();
        Some(parts.join(", ")).filter(|sum| !sum.is_empty())
    }
}

impl ExpireLogs {
    fn ages(&self, world: &World) -> Ages {
        let section = &world.config.expire_logs;
        let age = |days: Option<u32>, otherwise| {
            days.map_or(otherwise, |days| Length::from_hours(u64::from(days) * 24))
        };
        Ages { remove: age(self.days, section.age), compress: age(self.compress_days, section.compress_age) }
    }
}

/// The folders of logs, each once, and those that do not exist.
fn places(world: &World) -> Result<(Vec<Place>, Vec<PathBuf>)> {
    let section = &world.config.expire_logs;
    let rules = Rules { skip_open: section.skip_open, now: world.clock.now().timestamp() };
    let (mut places, mut missing): (Vec<Place>, _) = (Vec::new(), Vec::new());
    for path in &section.paths {
        match world.files.target_inside(&world.root, path, rules) {
            Ok(target) if places.iter().any(|(_, known)| known.identity() == target.identity()) => {}
            Ok(target) => places.push((path.clone(), target)),
            Err(NoTarget::Missing) => missing.push(path.clone()),
            Err(NoTarget::Refused(error)) => return Err(error),
        }
    }
    Ok((places, missing))
}

/// What matches one of these names, or the name of its compressed file, or one of `further`.
fn logs(globs: &[Glob], further: &[&str]) -> Result<GlobSet> {
    let compressed = globs.iter().map(|glob| glob.with_ending(".gz"));
    let further = further.iter().map(|glob| Glob::try_from((*glob).to_owned()));
    let all: Vec<Glob> = compressed.chain(further).collect::<Result<_, _>>().map_err(anyhow::Error::msg)?;
    Ok(Glob::set(globs.iter().chain(&all))?)
}

/// Endings of files that are compressed already.
const COMPRESSED: [&[u8]; 8] = [b".gz", b".bz2", b".xz", b".zst", b".lz4", b".zip", b".7z", b".z"];

/// Removes a log, or puts a compressed file in its place.
#[derive(Debug)]
pub struct Expire {
    find: Find,
    deed: Deed,
}

#[derive(Debug)]
enum Deed {
    Remove,
    /// With the bytes of the compressed file, once there is one.
    Compress(OnceLock<u64>),
}

impl Expire {
    /// What is to be done with an old log; nothing with one that is compressed already, or empty.
    fn of(old: Old, remove: i64, compress: i64) -> Option<Expire> {
        let Old::File(find) = old else { return None };
        let name = find.name().to_ascii_lowercase();
        let is_unfinished = name.starts_with(b".maint-") && name.ends_with(b".part");
        if find.is_older(remove) || is_unfinished {
            return Some(Expire { find, deed: Deed::Remove });
        }
        let is_compressed = COMPRESSED.iter().any(|ending| name.ends_with(ending));
        let is_wanted = find.is_older(compress) && !is_compressed && find.size > 0;
        is_wanted.then(|| Expire { find, deed: Deed::Compress(OnceLock::new()) })
    }

    fn verb(&self) -> &'static str {
        match self.deed {
            Deed::Remove => "remove",
            Deed::Compress(_) => "compress",
        }
    }

    /// Bytes that it has freed, now that it is done.
    fn freed(&self) -> u64 {
        match &self.deed {
            Deed::Remove => self.find.size,
            Deed::Compress(size) => size.get().map_or(0, |size| self.find.size.saturating_sub(*size)),
        }
    }
}

impl fmt::Display for Expire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let find = &self.find;
        let (size, age) = (text::size(find.size), text::duration(find.age()));
        write!(f, "{} {} ({size}, {age} old)", self.verb(), find.shown_path())
    }
}

impl Serialize for Expire {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let find = &self.find;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("action", self.verb())?;
        map.serialize_entry("path", &find.shown_path())?;
        map.serialize_entry("size_bytes", &find.size)?;
        map.serialize_entry("age_seconds", &find.age().as_secs())?;
        map.end()
    }
}

impl Action for Expire {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        let Expire { find, deed } = self;
        let compressed = match deed {
            Deed::Remove => return Ok(world.files.remove(find, permit).into()),
            Deed::Compress(size) => size,
        };
        Ok(match world.files.compress(find, &world.stop, permit) {
            Compression::Done(size) => {
                let size = compressed.get_or_init(|| size);
                Outcome::Done(format!("now {}", text::size(*size)).into())
            }
            Compression::Kept(why) => Outcome::Skipped(why.into()),
            Compression::Left(removal) => removal.into(),
        })
    }
}

/// One line of the table: a folder and what is old in it.
#[derive(Debug, Serialize)]
struct Row {
    path: String,
    files: u64,
    size_bytes: u64,
    compress_files: u64,
    compress_size_bytes: u64,
    remove_files: u64,
    remove_size_bytes: u64,
}

impl Row {
    fn of(path: &PathBuf, files: u64, size_bytes: u64) -> Row {
        let path = text::path(path).into_owned();
        Row {
            path,
            files,
            size_bytes,
            compress_files: 0,
            compress_size_bytes: 0,
            remove_files: 0,
            remove_size_bytes: 0,
        }
    }

    fn count(&mut self, action: &Expire) {
        let (files, bytes) = match action.deed {
            Deed::Remove => (&mut self.remove_files, &mut self.remove_size_bytes),
            Deed::Compress(_) => (&mut self.compress_files, &mut self.compress_size_bytes),
        };
        *files += 1;
        *bytes += action.find.size;
    }
}

#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
struct Table(Vec<Row>);

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        let headers = ["FOLDER", "FILES", "SIZE", "TO COMPRESS", "SIZE", "TO REMOVE", "SIZE"];
        let mut table = text::Table::new(&headers);
        for row in &self.0 {
            table.row(&[
                row.path.clone(),
                text::thousands(row.files),
                text::size(row.size_bytes),
                text::thousands(row.compress_files),
                text::size(row.compress_size_bytes),
                text::thousands(row.remove_files),
                text::size(row.remove_size_bytes),
            ]);
        }
        write!(f, "{table}")
    }
}
