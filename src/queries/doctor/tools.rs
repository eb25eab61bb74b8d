//! The programs that jobs start: whether they are where cron will look for them.

use super::Finding;
use crate::config::database::Database;
use crate::config::job::{JobEntry, Runs};
use crate::text;
use crate::world::programs::Start;
use crate::world::{World, access, programs};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// What was found of the programs of all jobs.
pub(super) fn tools(world: &World) -> Vec<Finding> {
    let cron_path = world.cron_path();
    let mut found = BTreeSet::new();
    let mut findings = Vec::new();
    for (name, job) in &world.config.jobs {
        for start in started(world, job) {
            match absent(world, name, job, &start, &cron_path) {
                Some(finding) => findings.push(finding),
                None if job.schedule.is_some() => {
                    found.insert(text::escape(&start.program).into_owned());
                }
                None => {}
            }
        }
    }
    if !found.is_empty() {
        let found = found.into_iter().collect::<Vec<_>>().join(", ");
        findings.insert(0, Finding::ok("tools", format!("{found}: found as cron will look for them")));
    }
    findings
}

/// Why a program that a job starts would not be found under cron.
pub(in crate::queries) fn missing(
    world: &World,
    name: &str,
    job: &JobEntry,
    cron_path: &str,
) -> Option<Finding> {
    started(world, job).iter().find_map(|start| absent(world, name, job, start, cron_path))
}

/// The programs that a job starts, as far as that can be told.
fn started(world: &World, job: &JobEntry) -> Vec<Start> {
    let section = &world.config.ascl_refresh;
    match job.runs() {
        Runs::Shell(line) => programs::start_of(line).into_iter().collect(),
        Runs::Command(line) if job.is_of(&["ascl-refresh"]) && !line.contains("--no-contexts") => {
            let named = ["git".to_owned(), section.contextmaker.to_string_lossy().into_owned()];
            named.map(|program| Start { program, folder: PathBuf::new() }).into()
        }
        Runs::Command(line) if job.is_of(&["backup"]) => {
            // The databases may be named in the line: whoever backs up anything else needs no pg_dump.
            let has_databases = !line.contains("volumes") && !line.contains("configs");
            let programs = of_backups(world, has_databases).into_iter();
            programs.map(|program| Start { program: program.to_owned(), folder: PathBuf::new() }).collect()
        }
        Runs::Command(_) => Vec::new(),
    }
}

/// The programs that make backups, as far as the configuration tells.
fn of_backups(world: &World, has_databases: bool) -> Vec<&'static str> {
    let section = &world.config.backup;
    let is_dumped_here = |database: &Database| database.url.is_postgres() && database.service.is_none();
    let dumps = has_databases && world.config.databases.values().any(is_dumped_here);
    let all =
        [(dumps, "pg_dump"), (!section.recipients.is_empty(), "age"), (section.restic.is_some(), "restic")];
    all.into_iter().filter(|(is_used, _)| *is_used).map(|(_, program)| program).collect()
}

fn absent(world: &World, name: &str, job: &JobEntry, start: &Start, cron_path: &str) -> Option<Finding> {
    let program = text::escape(&start.program);
    if start.program.contains('/') {
        let path = world.root.join(&start.folder).join(&start.program);
        let (what, cure) = if world.files.exists(&path) {
            ("is not a program that can be run", "correct the line, or make it executable")
        } else {
            ("does not exist", "correct the line, or install it")
        };
        let text = format!("{} of job {name} {what}", text::path(&path));
        return (!access::may_run(&path)).then(|| Finding::problem("tools", text, cure));
    }
    if programs::find_in(cron_path, &start.program).is_some() {
        return None;
    }
    match programs::find_here(&start.program) {
        Some(_) if job.schedule.is_none() => None,
        Some(path) => {
            let text = format!("`{program}` of job {name} is not in cron's PATH ({cron_path})");
            Some(Finding::problem("tools", text, format!("write {}", text::path(&path))))
        }
        None => {
            let text = format!("`{program}` of job {name} is nowhere in PATH");
            Some(Finding::problem("tools", text, "install it, or write its whole path"))
        }
    }
}
