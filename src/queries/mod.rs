//! One file per subcommand that only looks, under the same name.

pub mod audit;
pub mod backup;
pub mod check;
pub mod config;
pub mod crontab;
pub mod doctor;
pub mod history;
pub mod jobs;
pub mod locks;
pub mod logs;
pub mod queue;
pub mod services;
pub mod status;
pub mod why;

use crate::config::job::JobEntry;
use crate::cron::entry::{SHORTEST_PREFIX, all_due_hash};
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::clock::show_firing;
use anyhow::Result;
use chrono::DateTime;
use chrono_tz::Tz;

/// The job of this name, or the only one whose hash begins so.
pub fn find_job<'a>(world: &'a World, wanted: &str) -> Result<(&'a str, &'a JobEntry)> {
    world.site_file()?;
    let jobs = &world.config.jobs;
    if let Some((name, entry)) = jobs.get_key_value(wanted) {
        return Ok((name, entry));
    }
    let site = world.config.site_name();
    let is_hex = wanted.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_hash = is_hex && wanted.len() >= SHORTEST_PREFIX;
    let wanted_hash = wanted.to_ascii_lowercase();
    let mut found =
        jobs.iter().filter(|(name, entry)| is_hash && entry.hash(site, name).starts_with(&wanted_hash));
    match (found.next(), found.next()) {
        (Some((name, entry)), None) => Ok((name, entry)),
        (Some((one, _)), Some((other, _))) => {
            Err(Problem::usage(format!("{wanted} could be the hash of {one} or {other}; give more of it")))
        }
        (None, _) => {
            let hint = match text::nearest(wanted, jobs.keys().map(String::as_str)) {
                Some(name) => format!("did you mean `{name}`?"),
                None if is_hex && wanted.len() < SHORTEST_PREFIX => {
                    format!("the beginning of a hash needs {SHORTEST_PREFIX} digits or more")
                }
                None if is_hash => {
                    "if it is the hash of a crontab line, that line is older than maint.toml: run `maint crontab add`"
                        .to_owned()
                }
                None => "`maint jobs` lists them".to_owned(),
            };
            Err(Problem::usage(format!("there is no job `{}`; {hint}", text::escape(wanted))))
        }
    }
}

/// True for the beginning of the hash of the line that makes up for missed runs.
#[must_use]
pub fn is_hash_of_all_due(world: &World, wanted: &str) -> bool {
    let hash = all_due_hash(world.config.site_name());
    wanted.len() >= SHORTEST_PREFIX
        && hash.starts_with(&wanted.to_ascii_lowercase())
        && world.config.makes_up_for_missed_runs()
}

/// When cron fires next for a job, and the words for it.
fn next_run(world: &World, entry: &JobEntry, is_paused: bool) -> (Option<DateTime<Tz>>, String) {
    let next = entry.schedule.as_ref().and_then(|schedule| schedule.next_after(&world.clock.machine_now()));
    let shown = match (&next, &entry.schedule) {
        _ if is_paused => "paused".to_owned(),
        (Some(next), _) => show_firing(next),
        (None, Some(_)) => "at boot".to_owned(),
        (None, None) => "by name only".to_owned(),
    };
    (next, shown)
}
