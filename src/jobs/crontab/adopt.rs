//! `maint crontab adopt`: the lines of django-crontab become jobs of maint.toml, with lines of maint.

use super::{Change, Install, LOCK, PATIENCE};
use crate::config::Config;
use crate::config::job::{JobEntry, Runs};
use crate::cron::django::{self, DjangoLine};
use crate::cron::table::Edit;
use crate::diff;
use crate::engine::apply::Permit;
use crate::engine::plan::{Overview, Plan};
use crate::engine::report::Outcome;
use crate::engine::{Action, Job, OnFailure};
use crate::error::Problem;
use crate::text;
use crate::world::World;
use anyhow::{Result, bail};
use clap::Args;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

/// A configuration is a page of text.
const LARGEST_CONFIG: u64 = 1 << 20;

/// Takes over the lines of django-crontab: as jobs of maint.toml, with lines of maint
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Adopt {
    /// The project whose lines are meant, as the end of each line names it
    #[arg(long, value_name = "NAME")]
    pub project: Option<String>,
}

impl Job for Adopt {
    const NAME: &'static str = "crontab-adopt";
    const LOCK: &'static str = LOCK;
    const PATIENCE: Duration = PATIENCE;
    const ANSWERS: bool = true;
    /// Without its entries in maint.toml no line may be replaced.
    const ON_FAILURE: OnFailure = OnFailure::Stop;
    type Action = Step;

    fn plan(&self, world: &World) -> Result<Plan<Step>> {
        let file = world.files.real(world.site_file()?);
        let table = world.crontab()?.list()?;
        world.refuse_namesake(&table)?;
        let (lines, mut notes) = django::lines(&table);
        let lines = self.of_project(lines)?;
        if lines.is_empty() {
            let mut plan = Plan { notes, ..Plan::default() };
            plan.notes.push("unchanged: the crontab has no line of django-crontab to take over".to_owned());
            return Ok(plan);
        }
        let old = world.files.read_text(&file, LARGEST_CONFIG)?;
        let entries = Entries::of(world, &lines);
        notes.extend(entries.note());
        let new = format!("{}{}", old, entries.text);
        let config = Config::parse(&new, &file)?;
        let site = config.site_name();
        let names: Vec<String> = entries.jobs.iter().cloned().collect();
        let (jobs, wanted) = world.crontab_lines_for(&config, &names, None)?;
        let edit = Edit { site: site.to_owned(), jobs, lines: wanted };
        let adopted: Vec<Vec<u8>> = lines.into_iter().map(|line| line.bytes).collect();
        let count = adopted.len();
        let install = Change::Adopt(edit, adopted).plan(&table, site)?;
        let diffs = format!(
            "{}{}",
            diff::between(old.as_bytes(), new.as_bytes(), &text::path(&file)),
            install.overview.map(|overview| overview.text).unwrap_or_default()
        );
        let mut actions = Vec::new();
        if !entries.text.is_empty() {
            actions.push(Step::Write { file, jobs: entries.added, old, new });
        }
        actions.extend(install.actions.into_iter().map(|install| Step::Install { count, install }));
        Ok(Plan { actions, notes, overview: Some(Overview::of("diff", &diffs)?), ..Plan::default() })
    }
}

impl Adopt {
    /// The lines of `--project`, or of the only project there is.
    fn of_project(&self, lines: Vec<DjangoLine>) -> Result<Vec<DjangoLine>> {
        let mut projects: Vec<String> = lines.iter().map(|line| line.project.clone()).collect();
        projects.sort();
        projects.dedup();
        let known = text::escape(&projects.join(", ")).into_owned();
        match (&self.project, &projects[..]) {
            (Some(wanted), _) if !projects.contains(wanted) => Err(Problem::usage(format!(
                "the crontab has no line of django-crontab for project `{}`; it has some for: {known}",
                text::escape(wanted)
            ))),
            (Some(wanted), _) => Ok(lines.into_iter().filter(|line| line.project == *wanted).collect()),
            (None, [] | [_]) => Ok(lines),
            (None, _) => Err(Problem::usage(format!(
                "the crontab has lines of several Django projects; add --project NAME with one of: {known}"
            ))),
        }
    }
}

/// The jobs that the lines become.
#[derive(Default)]
struct Entries {
    /// Their names, those that maint.toml has already included.
    jobs: BTreeSet<String>,
    /// The names that are new to maint.toml.
    added: Vec<String>,
    /// What is appended to maint.toml.
    text: String,
    /// How many lines go on calling django-crontab.
    unknown: usize,
}

impl Entries {
    fn of(world: &World, lines: &[DjangoLine]) -> Entries {
        let known = lines.first().map(|line| world.django_jobs(line)).unwrap_or_default();
        let existing = &world.config.jobs;
        let mut entries = Entries::default();
        let mut seen = BTreeSet::new();
        for line in lines {
            // django-crontab is known for adding the same line again and again.
            if !seen.insert(&line.bytes) {
                continue;
            }
            let shell = line.shell(&known);
            entries.unknown += usize::from(line.is_unknown(&known));
            let is_same = |entry: &JobEntry| {
                entry.schedule.as_ref() == Some(&line.schedule)
                    && matches!(entry.runs(), Runs::Shell(own) if own == shell)
            };
            // A run that was ended between the two steps has left its entries.
            let same = existing.iter().find(|(name, entry)| is_same(entry) && !entries.jobs.contains(*name));
            if let Some((name, _)) = same {
                entries.jobs.insert(name.clone());
                continue;
            }
            let is_taken = |name: &String| existing.contains_key(name) || entries.jobs.contains(name);
            let name = free_name(&line.name(&known), is_taken);
            entries.text.push_str(&entry(&name, line, &shell));
            entries.jobs.insert(name.clone());
            entries.added.push(name);
        }
        entries
    }

    /// What is worth saying about lines that were taken over as they are.
    fn note(&self) -> Option<String> {
        (self.unknown > 0).then(|| {
            format!(
                "{} still {} `manage.py crontab run`, which ends well even when the job fails; write down what to \
                 run instead in maint.toml",
                text::plural(self.unknown, "job"),
                if self.unknown == 1 { "calls" } else { "call" }
            )
        })
    }
}

/// `wanted`, or `wanted-2` when it is taken, and so on.
fn free_name(wanted: &str, is_taken: impl Fn(&String) -> bool) -> String {
    let numbered = (2..).map(|number| format!("{wanted}-{number}"));
    std::iter::once(wanted.to_owned()).chain(numbered).find(|name| !is_taken(name)).unwrap_or_default()
}

/// The section of a job in maint.toml.
fn entry(name: &str, line: &DjangoLine, shell: &str) -> String {
    let value = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut entry = format!("\n[jobs.{name}]\n");
    let _ = writeln!(entry, "schedule = {}", value(line.schedule.text()));
    let _ = writeln!(entry, "shell = {}", value(shell));
    let _ = writeln!(entry, "description = {}", value(&format!("was django-crontab {}", line.hash)));
    entry
}

/// One of the two things that adopting does.
#[derive(Debug, Serialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Step {
    /// Appends the jobs to maint.toml.
    #[serde(rename = "write-config")]
    Write {
        /// maint.toml.
        file: PathBuf,
        /// The new jobs.
        jobs: Vec<String>,
        /// What it held when it was looked at.
        #[serde(skip)]
        old: String,
        /// What it is to hold.
        #[serde(skip)]
        new: String,
    },
    /// Replaces the lines.
    #[serde(rename = "install-crontab")]
    Install {
        /// How many lines of django-crontab go.
        #[serde(rename = "replaced")]
        count: usize,
        /// What comes.
        #[serde(flatten)]
        install: Install,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Write { file, jobs, old: _, new: _ } => {
                write!(
                    f,
                    "add {} to {}: {}",
                    text::plural(jobs.len(), "job"),
                    text::path(file),
                    jobs.join(", ")
                )
            }
            Step::Install { count, install } => {
                write!(f, "{install}; replace {} of django-crontab", text::plural(*count, "line"))
            }
        }
    }
}

impl Action for Step {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        match self {
            Step::Write { file, jobs: _, old, new } => {
                if world.files.read_text(file, LARGEST_CONFIG)? != *old {
                    bail!("{} was changed meanwhile; try again", text::path(file));
                }
                world.files.write(file, new.as_bytes(), 0o644, permit)?;
                Ok(Outcome::DONE)
            }
            Step::Install { count: _, install } => install.apply(world, permit),
        }
    }
}
