//! `maint cleanup-temp`: removes temporary files that have not been changed for a given time.
//!
//! A file goes when it is old itself; a folder goes only when it and everything in it is old. (The
//! original judged a folder by its own time alone, and lost fresh files in it.)

use crate::config::cleanup_temp::{PathEntry, PathTable};
use crate::config::glob::Glob;
use crate::config::units::{self, Length};
use crate::engine::apply::Permit;
use crate::engine::plan::{Overview, Plan};
use crate::engine::report::{Outcome, Steps};
use crate::engine::{Action, Job, Question};
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::files::{Find, NoTarget, Old, Removal, Rules, Survey, Target, Wanted};
use anyhow::Result;
use clap::Args;
use globset::GlobSet;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Removes temporary files that have not been changed for a given time
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CleanupTemp {
    /// Do not ask: for cron
    #[arg(long)]
    pub auto: bool,
    /// Do not ask, and accept an age of 0
    #[arg(long)]
    pub force: bool,
    /// Remove what has not been changed for this many hours [default: 24, or the age in maint.toml]
    #[arg(long, value_name = "HOURS", allow_negative_numbers = true, value_parser = hours)]
    pub age_hours: Option<u32>,
    /// The folders to clean, instead of those in maint.toml
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

fn hours(text: &str) -> Result<u32, String> {
    units::count(text).ok_or_else(|| "write a whole number of hours, such as 24".to_owned())
}

/// A folder to clean, with its rules.
struct Place {
    target: Arc<Target>,
    shown: PathBuf,
    age: Length,
    include: Option<GlobSet>,
    exclude: GlobSet,
}

impl Job for CleanupTemp {
    const NAME: &'static str = "cleanup-temp";
    type Action = Remove;

    /// Removing waits for the disk: more workers than processors (docs/performance.md). A few are removed in order:
    /// their log reads better, and threads would gain nothing.
    fn workers(&self, _world: &World, actions: usize) -> usize {
        if actions < 64 { 1 } else { 16 }
    }

    fn check(&self, world: &World) -> Result<()> {
        let (places, _) = self.places(world)?;
        match places.iter().find(|place| place.age.is_zero() && !self.force) {
            Some(place) => Err(Problem::refused(format!(
                "{}: an age of 0 removes everything, however young; add --force if that is meant",
                text::path(&place.shown)
            ))),
            None => Ok(()),
        }
    }

    fn plan(&self, world: &World) -> Result<Plan<Remove>> {
        let mut plan = Plan::default();
        let mut table = Table::default();
        let (places, missing) = self.places(world)?;
        for path in missing {
            plan.notes.push(format!("{}: does not exist, so there is nothing to clean", text::path(&path)));
        }
        let all: Vec<_> = places.iter().filter_map(|place| place.target.identity()).collect();
        for place in places {
            let wanted = Wanted {
                before: world.clock.before(place.age),
                include: place.include,
                exclude: place.exclude,
                spared: world.files.spared(),
                others: all.clone(),
                only_files: false,
            };
            let survey = Survey::of(&place.target, &wanted, &|| world.stop.reason().is_some())?;
            table.0.push(Row::of(&place.shown, place.age, &survey));
            plan.notes.extend(survey.left);
            plan.failures.extend(survey.unreadable);
            let mut actions: Vec<Remove> = survey.old.into_iter().map(Remove).collect();
            if plan.actions.is_empty() {
                plan.actions = actions;
            } else {
                plan.actions.append(&mut actions);
            }
        }
        plan.overview = Some(Overview::of("folders", &table)?);
        Ok(plan)
    }

    fn sum_up(&self, steps: &Steps<Remove>) -> Option<String> {
        let (mut freed, mut to_free) = (0, 0);
        for step in steps.iter() {
            match step.outcome {
                Outcome::Done(_) => freed += step.action.bytes(),
                Outcome::Planned => to_free += step.action.bytes(),
                Outcome::Skipped(_) | Outcome::Failed(_) => {}
            }
        }
        match (freed, to_free) {
            (0, 0) => None,
            (0, bytes) => Some(format!("{} to free", text::size(bytes))),
            (bytes, _) => Some(format!("{} freed", text::size(bytes))),
        }
    }

    fn question(&self, plan: &Plan<Remove>) -> Option<Question> {
        if self.force || self.auto {
            return None;
        }
        let files: usize = plan.actions.iter().map(Remove::files).sum();
        let bytes: u64 = plan.actions.iter().map(Remove::bytes).sum();
        let text = format!("Remove {} ({})?", text::plural(files, "old file"), text::size(bytes));
        Some(Question { text, options: "--auto or --force" })
    }
}

impl CleanupTemp {
    /// The folders to clean, and those that do not exist.
    fn places(&self, world: &World) -> Result<(Vec<Place>, Vec<PathBuf>)> {
        let section = &world.config.cleanup_temp;
        let entries: Vec<PathEntry> = match self.paths.as_slice() {
            [] => section.paths.clone(),
            paths => paths.iter().cloned().map(PathEntry::Plain).collect(),
        };
        if entries.is_empty() {
            return Err(Problem::usage("no folder to clean: name one, or list them in [cleanup-temp] paths"));
        }
        let given = self.age_hours.map(|hours| Length::from_hours(hours.into()));
        let (mut places, mut missing) = (Vec::new(), Vec::new());
        for entry in &entries {
            let PathTable { path, age, include, exclude } = entry.table();
            let Some(target) = self.target(world, &path)? else {
                missing.push(path);
                continue;
            };
            let twin = places.iter().find(|place: &&Place| place.target.identity() == target.identity());
            match twin {
                Some(twin) if self.paths.is_empty() => return Err(refuse_twin(twin, &path)),
                Some(_) => continue,
                None => {}
            }
            let include = include.as_ref().unwrap_or(&section.include);
            places.push(Place {
                target,
                shown: path,
                age: given.or(age).unwrap_or(section.age),
                include: if include.is_empty() { None } else { Some(Glob::set(include)?) },
                exclude: Glob::set(exclude.as_ref().unwrap_or(&section.exclude))?,
            });
        }
        Ok((places, missing))
    }

    /// Opens a folder; `None` when a configured one does not exist yet.
    fn target(&self, world: &World, path: &Path) -> Result<Option<Arc<Target>>> {
        let skip_open = world.config.cleanup_temp.skip_open;
        let rules = Rules { skip_open, now: world.clock.now().timestamp() };
        let is_configured = self.paths.is_empty();
        let target = if is_configured {
            world.files.target_inside(&world.root, path, rules)
        } else {
            world.files.target_anywhere(path, rules)
        };
        match target {
            Ok(target) => Ok(Some(target)),
            Err(NoTarget::Refused(error)) => Err(error),
            Err(NoTarget::Missing) if is_configured => Ok(None),
            Err(NoTarget::Missing) => {
                Err(Problem::usage(format!("{} does not exist; name a folder", text::path(path))))
            }
        }
    }
}

/// A folder that is configured twice would follow the stricter age, which may not be the one that is meant.
fn refuse_twin(twin: &Place, path: &Path) -> anyhow::Error {
    let (one, other) = (text::path(&twin.shown), text::path(path));
    Problem::usage(format!("{one} and {other} are the same folder; name it once"))
}

/// Removes a file, or a folder in which everything is old.
#[derive(Debug)]
pub struct Remove(Old);

impl Remove {
    fn finds(&self) -> &[Find] {
        self.0.finds()
    }

    /// The last find to go names the whole.
    fn whole(&self) -> Option<&Find> {
        self.finds().last()
    }

    fn bytes(&self) -> u64 {
        self.finds().iter().map(|find| find.size).sum()
    }

    fn files(&self) -> usize {
        self.finds().iter().filter(|find| !find.is_folder()).count()
    }

    /// Time since the last change of anything in it.
    fn age(&self) -> Duration {
        self.finds().iter().map(Find::age).min().unwrap_or_default()
    }
}

impl fmt::Display for Remove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.whole().map(Find::shown_path).unwrap_or_default();
        let (size, age) = (text::size(self.bytes()), text::duration(self.age()));
        match &self.0 {
            Old::File(_) => write!(f, "remove {path} ({size}, {age} old)"),
            Old::Tree(_) => {
                let files = text::plural(self.files(), "file");
                write!(f, "remove {path}/ and all in it ({files}, {size}, {age} old)")
            }
        }
    }
}

impl Serialize for Remove {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(
            "action",
            if matches!(self.0, Old::Tree(_)) { "remove-tree" } else { "remove-file" },
        )?;
        map.serialize_entry("path", &self.whole().map(Find::shown_path).unwrap_or_default())?;
        map.serialize_entry("size_bytes", &self.bytes())?;
        map.serialize_entry("age_seconds", &self.age().as_secs())?;
        if let Old::Tree(finds) = &self.0 {
            let contents: Vec<String> =
                finds[..finds.len().saturating_sub(1)].iter().map(Find::shown_path).collect();
            map.serialize_entry("contents", &contents)?;
        }
        map.end()
    }
}

impl Action for Remove {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        if let Old::File(find) = &self.0 {
            return Ok(world.files.remove(find, permit).into());
        }
        let mut tally = Tally::default();
        for find in self.finds() {
            if world.stop.reason().is_some() {
                tally.failed.push("ended before everything was gone".to_owned());
                break;
            }
            tally.count(find, world.files.remove(find, permit));
        }
        Ok(tally.outcome())
    }
}

/// What became of the parts of a tree.
#[derive(Default)]
struct Tally {
    removed: usize,
    kept: Vec<String>,
    failed: Vec<String>,
}

impl Tally {
    fn count(&mut self, find: &Find, removal: Removal) {
        let say = |why: &str| format!("{}: {why}", find.shown_path());
        match removal {
            Removal::Removed | Removal::Vanished => self.removed += 1,
            // Said already by what is still in it.
            Removal::NotEmpty if !(self.kept.is_empty() && self.failed.is_empty()) => {}
            Removal::NotEmpty => self.kept.push(say("something new is in it")),
            Removal::Changed => self.kept.push(say("changed since it was looked at")),
            Removal::InUse => self.kept.push(say("a process holds it open, or has locked its folder")),
            Removal::Failed(why) => self.failed.push(say(&why)),
        }
    }

    fn outcome(self) -> Outcome {
        const MOST: usize = 5;
        let say = |parts: &[String], removed: usize| {
            let more =
                if parts.len() > MOST { format!(" and {} more", parts.len() - MOST) } else { String::new() };
            let shown = parts[..parts.len().min(MOST)].join("; ");
            format!("{shown}{more}; {} removed", text::thousands(removed as u64))
        };
        match (self.failed.as_slice(), self.kept.as_slice()) {
            ([], []) => Outcome::DONE,
            ([], kept) => Outcome::Skipped(say(kept, self.removed).into()),
            (failed, _) => Outcome::Failed(say(failed, self.removed).into()),
        }
    }
}

/// One line of the table: a folder and what is old in it.
#[derive(Debug, Serialize)]
struct Row {
    path: String,
    age_seconds: u64,
    files: u64,
    size_bytes: u64,
    old_files: usize,
    old_size_bytes: u64,
    #[serde(skip)]
    age: Length,
}

impl Row {
    fn of(path: &PathBuf, age: Length, survey: &Survey) -> Row {
        let finds = survey.old.iter().flat_map(Old::finds);
        let (old_files, old_size_bytes) = finds
            .fold((0, 0), |(files, bytes), find| (files + usize::from(!find.is_folder()), bytes + find.size));
        Row {
            path: text::path(path).into_owned(),
            age_seconds: age.duration().as_secs(),
            files: survey.seen_files,
            size_bytes: survey.seen_bytes,
            old_files,
            old_size_bytes,
            age,
        }
    }
}

#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
struct Table(Vec<Row>);

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = text::Table::new(&["FOLDER", "FILES", "SIZE", "OLDER THAN", "OLD FILES", "OLD SIZE"]);
        for row in &self.0 {
            table.row(&[
                row.path.clone(),
                text::thousands(row.files),
                text::size(row.size_bytes),
                row.age.to_string(),
                text::thousands(row.old_files as u64),
                text::size(row.old_size_bytes),
            ]);
        }
        write!(f, "{table}")
    }
}
