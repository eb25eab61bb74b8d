//! `maint archive-logs`: keeps what the containers have logged, compressed.

use crate::config::check::Pattern;
use crate::engine::apply::Permit;
use crate::engine::memory;
use crate::engine::plan::Plan;
use crate::engine::report::{Outcome, Steps};
use crate::engine::{Action, Job};
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::archive::{Archive, Sieve, Sum};
use crate::world::docker::{Compose, Container, Stretch};
use anyhow::{Context as _, Result, bail};
use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use regex::bytes::Regex;
use serde::ser::{SerializeMap as _, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

/// Where it is remembered how far the archives go.
const TOPIC: &str = "archive-logs";
const KEY: &str = "last";
/// What was logged until now is in the engine's hands after this time.
const SETTLING: Duration = Duration::from_secs(1);

/// Keeps what the containers have logged, compressed
#[derive(Args, Clone, Debug, Default)]
pub struct ArchiveLogs {
    /// Since this time or so long ago [default: the last archive]
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Leave out lines that match; may be repeated
    #[arg(long, value_name = "REGEX")]
    pub exclude: Vec<String>,
}

/// How far the archives go.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Last {
    until: Option<DateTime<Utc>>,
    /// An archive that was about to get its name: when it has it, this is the last.
    begun: Option<(DateTime<Utc>, PathBuf)>,
}

/// One archive.
#[derive(Debug)]
pub struct Step {
    compose: Compose,
    containers: Vec<Container>,
    sieve: Sieve,
    folder: PathBuf,
    site: String,
    before: Option<DateTime<Utc>>,
    done: OnceLock<Archived>,
}

/// What is only known afterwards.
#[derive(Debug)]
struct Archived {
    file: Option<PathBuf>,
    sum: Sum,
    size: u64,
}

impl Job for ArchiveLogs {
    const NAME: &'static str = "archive-logs";
    type Action = Step;

    fn check(&self, world: &World) -> Result<()> {
        self.since(world)?;
        self.exclude().map(drop)
    }

    fn plan(&self, world: &World) -> Result<Plan<Step>> {
        let Some(compose) = Compose::of(world)? else {
            return Err(Problem::usage(
                "there is no Compose file in the site; name it as `file` in [compose]",
            ));
        };
        let section = &world.config.archive_logs;
        let mut plan = Plan::default();
        let mut containers = compose.containers(world)?;
        containers.retain(|container| !section.without.contains(&container.service));
        containers.sort_by(|one, other| one.name.cmp(&other.name));
        if containers.is_empty() {
            plan.notes.push("the project has no container whose log is to be kept".to_owned());
            return Ok(plan);
        }
        let until = compose.engine_time(world);
        let first = until - chrono::Duration::from_std(section.first.duration()).unwrap_or_default();
        let before = last(world)?;
        let since = match (self.since(world)?, before) {
            (Some(since), _) => since,
            (None, None) => first,
            (None, Some(before)) if before <= until => before,
            (None, Some(_)) => {
                let note = "the clock was set back since the last archive: lines that are in that one may come again";
                plan.notes.push(note.to_owned());
                first
            }
        };
        plan.actions.push(Step {
            compose,
            containers,
            sieve: Sieve { since, until, exclude: self.exclude()? },
            folder: world.root.join(&section.dir),
            site: world.config.site_name().to_owned(),
            before,
            done: OnceLock::new(),
        });
        Ok(plan)
    }

    fn totals(&self, steps: &Steps<Step>) -> Vec<(&'static str, Value)> {
        let done = steps.iter().filter_map(|step| step.action.done.get());
        let (lines, size) = done.fold((0, 0), |(lines, size), it| (lines + it.sum.lines, size + it.size));
        vec![("lines", lines.into()), ("archive_bytes", size.into())]
    }
}

impl ArchiveLogs {
    fn since(&self, world: &World) -> Result<Option<DateTime<Utc>>> {
        let Some(typed) = &self.since else { return Ok(None) };
        match world.clock.parse_past(typed) {
            Some(since) if since < world.clock.now() => Ok(Some(since)),
            Some(_) => Err(Problem::usage(format!("--since {} is not past", text::escape(typed)))),
            None => Err(Problem::usage(format!(
                "--since: `{}` is no time; write one such as \"24h\", \"2026-11-20\" or \"2026-11-20 15:00\"",
                text::escape(typed)
            ))),
        }
    }

    fn exclude(&self) -> Result<Vec<Regex>> {
        let compile = |text: &String| {
            let pattern = Pattern::try_from(text.clone());
            let pattern =
                pattern.map_err(|why| Problem::usage(format!("--exclude: {}", text::escape(&why))))?;
            Ok(Pattern::compile(pattern.text())?)
        };
        self.exclude.iter().map(compile).collect()
    }
}

/// Where the last archive ended. One that got its name and was killed before that was remembered counts.
fn last(world: &World) -> Result<Option<DateTime<Utc>>> {
    let mut known: BTreeMap<String, Last> = memory::recall(world, TOPIC)?;
    let Last { until, begun } = known.remove(KEY).unwrap_or_default();
    let is_there = |(_, file): &(DateTime<Utc>, PathBuf)| world.files.exists(file);
    Ok(begun.filter(is_there).map(|(until, _)| until).or(until))
}

impl Step {
    /// A name that nothing has yet.
    fn free_name(&self, world: &World) -> PathBuf {
        let stem = format!("{}-{}", self.site, self.sieve.until.format("%Y%m%dT%H%M%SZ"));
        let names = (2..).map(|count| format!("{stem}-{count}.log.gz"));
        let names = std::iter::once(format!("{stem}.log.gz")).chain(names);
        let mut paths = names.map(|name| self.folder.join(name));
        let is_free = |path: &PathBuf| !world.files.exists(path);
        paths.find(is_free).unwrap_or_else(|| self.folder.join(stem))
    }

    fn remember(
        &self,
        world: &World,
        until: Option<DateTime<Utc>>,
        begun: Option<&Path>,
        permit: &Permit,
    ) -> Result<()> {
        let begun = begun.map(|path| (self.sieve.until, path.to_owned()));
        memory::remember(world, TOPIC, [(KEY, &Last { until, begun })], permit)
    }

    /// Everything that is to be kept, in an archive that has no name yet.
    fn gather(&self, world: &World, permit: &Permit) -> Result<Archive> {
        let mut archive = Archive::begin(world, &self.folder, permit)?;
        let Sieve { since, until, .. } = self.sieve;
        let stretch = Stretch { since, until, has_times: true };
        for container in &self.containers {
            let name = text::escape(&container.name).into_owned();
            let mut source = archive.source(&self.sieve, &name);
            let poured = self.compose.pour_log(world, container, &stretch, &mut source);
            // Why the disk takes no more says more than that the pipe broke.
            source.end()?;
            let cure = || {
                format!(
                    "it can be left out by `without = [\"{}\"]` in [archive-logs]",
                    text::escape(&container.service)
                )
            };
            if !poured.with_context(cure)? {
                log::info!("{name} is gone, and its log with it");
            }
        }
        Ok(archive)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let containers = text::plural(self.containers.len(), "container");
        let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
        let (since, until) = (time(self.sieve.since), time(self.sieve.until));
        let folder = text::path(&self.folder);
        write!(f, "archive what {containers} logged from {since} to {until} in {folder}")
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names: Vec<&str> = self.containers.iter().map(|container| container.name.as_str()).collect();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("action", "archive-logs")?;
        map.serialize_entry("path", &self.folder)?;
        map.serialize_entry("containers", &names)?;
        map.serialize_entry("since", &self.sieve.since)?;
        map.serialize_entry("until", &self.sieve.until)?;
        if let Some(Archived { file, sum, size }) = self.done.get() {
            map.serialize_entry("file", file)?;
            map.serialize_entry("lines", &sum.lines)?;
            map.serialize_entry("logged_bytes", &sum.bytes)?;
            map.serialize_entry("archive_bytes", size)?;
        }
        map.end()
    }
}

impl Action for Step {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        if !world.stop.wait(SETTLING) {
            bail!("the run was ended");
        }
        let archive = self.gather(world, permit)?;
        let sum = archive.sum();
        let until = Some(self.sieve.until);
        if sum.lines == 0 {
            drop(archive);
            self.remember(world, until, None, permit)?;
            let _ = self.done.set(Archived { file: None, sum, size: 0 });
            return Ok(Outcome::Done("nothing was logged, so there is no file".into()));
        }
        let path = self.free_name(world);
        // Whoever is killed behind this finds out by the file whether it was kept.
        self.remember(world, self.before, Some(&path), permit)?;
        let size = archive.keep(world, &path, permit)?;
        self.remember(world, until, None, permit)?;
        let words =
            format!("{} lines, {} in {}", text::thousands(sum.lines), text::size(size), text::path(&path));
        let _ = self.done.set(Archived { file: Some(path), sum, size });
        Ok(Outcome::Done(words.into()))
    }
}
