//! `maint doctor`: everything that would stop a job under cron, and what to do about it.

mod checks;
mod claude;
mod restores;
mod services;
mod tools;

pub(super) use tools::missing;

use crate::config::database::DatabaseUrl;
use crate::config::secret::SecretRef;
use crate::cron::drift::State;
use crate::engine::Query;
use crate::engine::alerts::check;
use crate::error::one_line;
use crate::exit::Exit;
use crate::queries::crontab::show::Show;
use crate::text;
use crate::world::clock::show_firing;
use crate::world::{World, access, accounts, daemon, programs};
use anyhow::Result;
use chrono::Duration;
use clap::Args;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

/// With less room the state database cannot be kept.
const LEAST_ROOM: u64 = 16 << 20;
/// How long a database may take to answer.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);
/// What cron sends its mail with.
const SENDMAIL: &str = "/usr/sbin/sendmail";

/// Looks for everything that would stop a job under cron
#[derive(Args, Clone, Debug)]
pub struct Doctor {
    /// The jobs whose command line is not accepted, each in one line; only the caller can read command lines.
    #[arg(skip)]
    pub refusals: Vec<String>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// All is well.
    Ok,
    /// It stops no job, but is worth knowing.
    Note,
    /// It stops a job.
    Problem,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What was looked at, in a word: "cron", "state".
    pub about: &'static str,
    /// What was found.
    pub text: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cure: String,
}

impl Finding {
    /// All is well.
    pub fn ok(about: &'static str, text: impl Into<String>) -> Finding {
        Finding { level: Level::Ok, about, text: text.into(), cure: String::new() }
    }

    /// Worth knowing; the cure may be empty.
    pub fn note(about: &'static str, text: impl Into<String>, cure: impl Into<String>) -> Finding {
        Finding { level: Level::Note, about, text: text.into(), cure: cure.into() }
    }

    /// It stops a job; the cure may be empty when the text tells it.
    pub fn problem(about: &'static str, text: impl Into<String>, cure: impl Into<String>) -> Finding {
        Finding { level: Level::Problem, about, text: text.into(), cure: cure.into() }
    }
}

/// All findings.
#[derive(Debug, Serialize)]
pub struct Diagnosis {
    problems: usize,
    findings: Vec<Finding>,
}

impl Query for Doctor {
    type Answer = Diagnosis;

    fn ask(&self, world: &World) -> Result<Diagnosis> {
        world.site_file()?;
        let findings = [
            cron(),
            crontab(world),
            clock(world),
            self.commands(world),
            folders(world),
            state(world),
            secrets(world),
            alerts(world),
            tools::tools(world),
            claude::claude(world),
            databases(world),
            checks::checks(world),
            services::services(world),
            restores::restores(world),
        ]
        .concat();
        let problems = findings.iter().filter(|finding| finding.level == Level::Problem).count();
        Ok(Diagnosis { problems, findings })
    }

    fn exit(diagnosis: &Diagnosis) -> Exit {
        if diagnosis.problems > 0 { Exit::Found } else { Exit::Done }
    }
}

impl Doctor {
    fn commands(&self, world: &World) -> Vec<Finding> {
        if self.refusals.is_empty() {
            let jobs = text::plural(world.config.jobs.len(), "job");
            return vec![Finding::ok("jobs", format!("the command lines are accepted ({jobs})"))];
        }
        self.refusals.iter().map(|refusal| Finding::problem("jobs", refusal, "")).collect()
    }
}

/// The lines of the site: installed, as maint.toml wants them, with programs and paths that are there.
fn crontab(world: &World) -> Vec<Finding> {
    match (Show {}).ask(world) {
        Err(error) => vec![Finding::problem("crontab", one_line(&error), "")],
        Ok(shown) if shown.drift.is_empty() => {
            vec![Finding::ok("crontab", format!("{} installed", text::plural(shown.jobs.len(), "line")))]
        }
        Ok(shown) if shown.jobs.len() > 1 && shown.jobs.iter().all(|row| row.state == State::Missing) => {
            let text = format!("none of the {} is installed", text::plural(shown.jobs.len(), "line"));
            vec![Finding::problem("crontab", text, "run `maint crontab add`")]
        }
        Ok(shown) => {
            let cure = if shown.is_mended_by_add { "run `maint crontab add`" } else { "" };
            shown.drift.iter().map(|drift| Finding::problem("crontab", drift, cure)).collect()
        }
    }
}

/// The daemon, and the mail it writes.
fn cron() -> Vec<Finding> {
    let daemon = match daemon::cron() {
        Some(daemon) => Finding::ok("cron", format!("{} runs (pid {})", daemon.name, daemon.pid)),
        None if daemon::sees_everybody() => {
            let is_there = |name: &&&str| programs::find_in("/usr/sbin:/sbin:/usr/bin", name).is_some();
            let cure = match ["cron", "crond"].iter().find(is_there) {
                Some(name) => format!("start it, for example with `service {name} start`"),
                None => "install one, for example with `apt install cron`".to_owned(),
            };
            Finding::problem("cron", "no cron daemon is running", cure)
        }
        None => {
            Finding::note("cron", "this user may not see whether a cron daemon is running", "look as root")
        }
    };
    let has_mail = access::may_run(Path::new(SENDMAIL));
    let mail = (!has_mail).then(|| {
        let cure = "look at `maint status` now and then, or install a mail server";
        Finding::note("mail", format!("cron cannot mail failures: there is no {SENDMAIL}"), cure)
    });
    std::iter::once(daemon).chain(mail).collect()
}

/// The clock and the two time zones.
fn clock(world: &World) -> Vec<Finding> {
    let clock = &world.clock;
    let fixed = clock.is_fixed().then(|| {
        let text = format!("$MAINT_NOW fixes the clock at {}", clock.show(clock.now()));
        Finding::note("clock", text, "unset it: cron does not have it")
    });
    let (site, machine) = (clock.zone(), clock.machine_zone());
    // Two names may mean one zone; half a year apart daylight saving shows.
    let is_same = [0, 182].into_iter().all(|days| {
        let time = clock.now() + Duration::days(days);
        time.with_timezone(&site).naive_local() == time.with_timezone(&machine).naive_local()
    });
    let zones = (!is_same).then(|| {
        let now = clock.machine_now();
        let first = world.config.jobs.values().find_map(|job| job.schedule.as_ref()?.next_after(&now));
        let example = first.map(|time| {
            let here = time.with_timezone(&site).format("%H:%M %Z");
            format!(": {} is {here} on the site", show_firing(&time))
        });
        let text = format!("schedules fire in the machine's zone {machine}{}", example.unwrap_or_default());
        Finding::note("timezone", text, format!("write them for {machine}; `timezone` is {site}"))
    });
    fixed.into_iter().chain(zones).collect()
}

/// The folders in which runs begin and work.
fn folders(world: &World) -> Vec<Finding> {
    let mut findings = Vec::new();
    let root = &world.root;
    if access::may_read(root) {
        findings.push(Finding::ok("root", format!("{} can be read", text::path(root))));
    } else {
        let cure = "make it readable for this user";
        findings.push(Finding::problem("root", format!("{} cannot be read", text::path(root)), cure));
    }
    let home = accounts::own().home;
    if !home.is_dir() {
        let text = format!("the home directory {}, in which cron starts, does not exist", text::path(&home));
        findings.push(Finding::problem("home", text, "make it, or correct it with usermod"));
    }
    findings.extend(cleaned(world).filter(|path| path.is_dir() && !access::may_change_folder(path)).map(
        |path| {
            let text = format!("nothing can be removed from {}", text::path(&path));
            Finding::problem("folders", text, "make it writable for this user")
        },
    ));
    let written = written(world).map(|path| access::nearest_existing(&path).to_owned());
    let written: BTreeSet<PathBuf> = written.filter(|path| !access::may_change_folder(path)).collect();
    findings.extend(written.iter().map(|path| {
        let text = format!("nothing can be written to {}", text::path(path));
        Finding::problem("folders", text, "make it writable for this user")
    }));
    findings
}

/// The folders from which jobs remove something.
fn cleaned(world: &World) -> impl Iterator<Item = PathBuf> {
    let config = &world.config;
    let temporary = config.cleanup_temp.paths.iter().map(|entry| entry.table().path);
    // Their default is `logs`, which many a site has whose logs are none of our business.
    let logs_expire = config.jobs.values().any(|job| job.is_of(&["expire-logs", "cleanup-logs"]));
    let logs = config.expire_logs.paths.iter().filter(move |_| logs_expire).cloned();
    temporary.chain(logs).map(|path| world.root.join(path))
}

/// The folders into which jobs write something.
fn written(world: &World) -> impl Iterator<Item = PathBuf> {
    let section = &world.config.ascl_refresh;
    let has_catalogue = world.config.jobs.values().any(|job| job.is_of(&["ascl-refresh"]));
    let of_domain = |name: &str| {
        let catalogue = section.catalogue.of(name).parent().map(Path::to_owned);
        [catalogue.unwrap_or_default(), section.contexts.of(name), section.clones.clone()]
    };
    let folders = section.names().filter(move |_| has_catalogue).flat_map(of_domain);
    folders.map(|path| world.root.join(path))
}

fn state(world: &World) -> Vec<Finding> {
    let folder = world.state.folder();
    let shown = text::path(folder);
    let usable = match world.state.examine() {
        Ok(()) if folder.is_dir() => Finding::ok("state", format!("{shown} can be written to")),
        Ok(()) => Finding::ok("state", format!("{shown} can be made")),
        Err(error) => Finding::problem("state", one_line(&error), ""),
    };
    let room = access::free_bytes(access::nearest_existing(folder)).filter(|free| *free < LEAST_ROOM);
    let full = room.map(|free| {
        let text = format!("the disk of {shown} is full: {} are left", text::size(free));
        Finding::problem("disk", text, "free some space, or set [state] dir")
    });
    std::iter::once(usable).chain(full).collect()
}

/// Whether cron's runs will find each secret. No value is shown.
fn secrets(world: &World) -> Vec<Finding> {
    let passed =
        world.config.jobs.iter().filter(|(_, job)| job.schedule.is_some() && !job.pass_env.is_empty());
    let passed = passed.map(|(name, job)| {
        let text = format!("{name} is to see {}, which cron does not have", job.pass_env.join(", "));
        Finding::note("secrets", text, "set it in the crontab")
    });
    // Two sections may name the same one.
    let mut secrets: Vec<SecretRef> = Vec::new();
    for secret in world.config.secrets() {
        if !secrets.contains(&secret) {
            secrets.push(secret);
        }
    }
    let named = secrets.into_iter().map(|secret| match secret {
        SecretRef::Env(name) => variable(world, &name),
        SecretRef::File(path) => secret_file(&world.root.join(path)),
    });
    named.chain(passed).collect()
}

fn variable(world: &World, name: &str) -> Finding {
    let file = world.config.site.env_file.as_ref().map(|file| world.root.join(file));
    let cure = match &file {
        Some(file) => format!("put it into {}", text::path(file)),
        None => "name a file as `env_file` in [site], and put it there".to_owned(),
    };
    if world.env_file_has(name) {
        let file = file.as_deref().map(text::path).unwrap_or_default();
        return Finding::ok("secrets", format!("{name} is in {file}"));
    }
    if world.secret(&SecretRef::Env(name.to_owned())).is_some() {
        return Finding::problem("secrets", format!("{name} is set here, but cron will not have it"), cure);
    }
    Finding::problem("secrets", format!("{name} is nowhere to be found"), cure)
}

fn secret_file(path: &Path) -> Finding {
    let shown = text::path(path);
    if !access::may_read(path) {
        let cure = "write the secret into it, and make it readable for this user";
        return Finding::problem("secrets", format!("{shown} cannot be read"), cure);
    }
    if access::is_open_to_others(path) {
        let text = format!("{shown} can be read by every user of this machine");
        return Finding::note("secrets", text, format!("run `chmod o-r {shown}`"));
    }
    Finding::ok("secrets", format!("{shown} can be read"))
}

/// Whether those who are to hear of failures can be told. Nothing is sent.
fn alerts(world: &World) -> Vec<Finding> {
    let mut receivers = world.config.alerts.to.clone();
    receivers.dedup();
    let found = receivers.into_iter().map(|receiver| match check(world, receiver) {
        Ok(()) => {
            Finding::ok("alerts", format!("{receiver} can be told; try `maint alerts test {receiver}`"))
        }
        Err(error) => Finding::problem("alerts", one_line(&error), ""),
    });
    found.collect()
}

/// Whether each database can be read.
fn databases(world: &World) -> Vec<Finding> {
    // That a secret is missing was told with the secrets.
    let is_known = |url: &DatabaseUrl| url.secret().is_none_or(|secret| world.secret(&secret).is_some());
    let known = world.config.databases.iter().filter(|(_, database)| is_known(&database.url));
    let found = known.map(|(name, _)| {
        let database = world.database(Some(name)).map(|database| database.with_patience(PATIENCE));
        match database.and_then(|database| database.look(world).map(drop)) {
            Ok(()) => Finding::ok("databases", format!("{name} can be read")),
            Err(error) => Finding::problem("databases", one_line(&error), ""),
        }
    });
    found.collect()
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { level, about, text, cure } in &self.findings {
            let level = match level {
                Level::Ok => "ok",
                Level::Note => "note",
                Level::Problem => "problem",
            };
            let cure = if cure.is_empty() { String::new() } else { format!("; {cure}") };
            writeln!(f, "{level:<8} {about}: {text}{cure}")?;
        }
        Ok(())
    }
}
