//! `maint.toml` as structs, one file per family of sections. Pure: text in, values or a [`Problem`] out.

pub mod alerts;
pub mod archive_logs;
pub mod ascl_refresh;
pub mod backup;
pub mod check;
pub mod cleanup_stuck;
pub mod cleanup_temp;
pub mod compose;
pub mod database;
pub mod deploy;
pub mod docker_prune;
pub mod expire_logs;
pub mod github;
pub mod glob;
pub mod http;
pub mod job;
pub mod metrics;
pub mod notify_devis;
mod position;
pub mod rebuild_paths;
pub mod redis;
pub mod repository;
pub mod secret;
pub mod serve;
pub mod services;
pub mod site;
pub mod tables;
pub mod trim_logs;
pub mod units;
pub mod update_fiches;
pub mod vacuum_db;

use crate::error::Problem;
use anyhow::Result;
use job::{JobEntry, Missed};
use schemars::JsonSchema;
use secret::SecretRef;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One site: the whole of a `maint.toml`.
#[derive(Debug, Default, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[schemars(title = "maint.toml")]
pub struct Config {
    /// What the site is called and where it lives.
    pub site: site::Site,
    /// Values for every job that does not set its own.
    pub defaults: job::Defaults,
    /// What can be run by name or on a schedule.
    pub jobs: BTreeMap<String, JobEntry>,
    /// Where runs, locks and logs are remembered.
    pub state: site::StateSection,
    /// The crontab that `maint crontab` writes to.
    pub crontab: site::CrontabSection,
    /// The databases of the site.
    pub databases: BTreeMap<String, database::Database>,
    /// What the tables of the databases are called.
    pub tables: tables::Tables,
    /// How patiently other machines are asked.
    pub http: http::Http,
    /// Who hears of failures and recoveries.
    pub alerts: alerts::Alerts,
    /// Where GitHub is, and as whom it is asked.
    pub github: github::Github,
    /// The catalogue of libraries that `ascl-refresh` writes.
    pub ascl_refresh: ascl_refresh::AsclRefreshSection,
    /// The folders that `cleanup-temp` cleans.
    pub cleanup_temp: cleanup_temp::CleanupTempSection,
    /// The backups that `rebuild-paths` compares with their records.
    pub rebuild_paths: rebuild_paths::RebuildPathsSection,
    /// Where the devis are, and where their notices go.
    pub notify_devis: notify_devis::NotifyDevisSection,
    /// How long a backup or a restore may take before `cleanup-stuck` marks it as failed.
    pub cleanup_stuck: cleanup_stuck::CleanupStuckSection,
    /// The folders whose logs `expire-logs` compresses and removes.
    pub expire_logs: expire_logs::ExpireLogsSection,
    /// Which job sheets `update-fiches` refreshes, and how Claude is asked and paid.
    pub update_fiches: update_fiches::UpdateFichesSection,
    /// The logs that `trim-logs` shortens.
    pub trim_logs: trim_logs::TrimLogsSection,
    /// When `vacuum-db` is worth its time, and how it is done.
    pub vacuum_db: vacuum_db::VacuumDbSection,
    /// The Redis of the site's queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis: Option<redis::RedisSection>,
    /// The Compose project of the site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compose: Option<compose::ComposeSection>,
    /// What is looked at to see whether the site is well.
    pub checks: BTreeMap<String, check::Check>,
    /// What `backup` backs up, where to, and how long it is kept.
    pub backup: backup::BackupSection,
    /// What `restore` stops meanwhile.
    pub restore: backup::RestoreSection,
    /// What of Docker's `docker-prune` removes.
    pub docker_prune: docker_prune::DockerPruneSection,
    /// Where `archive-logs` keeps the logs of the containers.
    pub archive_logs: archive_logs::ArchiveLogsSection,
    /// Where Prometheus finds how the jobs fared.
    pub metrics: metrics::MetricsSection,
    /// How `services` calls what it shows.
    pub services: services::ServicesSection,
    /// Where `serve` listens, and who may do what.
    pub serve: serve::ServeSection,
    /// How `deploy` fetches, builds, starts and judges new code.
    pub deploy: deploy::DeploySection,
    /// The file this was read from; none when a command works without one.
    #[serde(skip)]
    pub file: Option<PathBuf>,
}

impl Config {
    /// Reads the text of `file`; every error names file, line, column and key, and ends with exit code 2.
    pub fn parse(text: &str, file: &Path) -> Result<Config> {
        let mut config: Config =
            toml::from_str(text).map_err(|error| position::explain(&error, text, file))?;
        config.check().map_err(|why| {
            let line = position::line_of_key(text, &why.key);
            Problem::usage(format!("{}:{line}: {}", crate::text::path(file), why.message))
        })?;
        for (name, job) in &mut config.jobs {
            job.header_line = position::line_of_key(text, &format!("jobs.{name}"));
        }
        config.file = Some(file.to_owned());
        Ok(config)
    }

    /// Rules that concern more than one key.
    fn check(&self) -> Result<(), Wrong> {
        if self.site.name.is_empty() {
            return Err(Wrong::new("site", "[site] needs a name, for example `name = \"my-site\"`"));
        }
        check_name(&self.site.name).map_err(|why| Wrong::new("name", format!("site name {why}")))?;
        for (name, job) in &self.jobs {
            let header = format!("jobs.{name}");
            check_name(name).map_err(|why| Wrong::new(&header, format!("job name {why}")))?;
            job.check().map_err(|why| Wrong::new(&header, format!("job `{name}` {why}")))?;
        }
        if self.crontab.bin.as_os_str().is_empty() {
            return Err(Wrong::new(
                "bin",
                "`bin` of [crontab] is empty; name a program, or leave the key out",
            ));
        }
        self.check_databases()?;
        self.tables.check().map_err(|(key, message)| Wrong { key, message })?;
        self.http.check().map_err(|why| Wrong::new("http", why))?;
        self.github.check().map_err(|why| Wrong::new("github", why))?;
        self.ascl_refresh.check().map_err(|(key, message)| Wrong { key, message })?;
        self.update_fiches.check().map_err(|why| Wrong::new("update-fiches", why))?;
        self.vacuum_db.check().map_err(|why| Wrong::new("vacuum-db", why))?;
        if let Some(redis) = &self.redis {
            redis.check().map_err(|why| Wrong::new("redis", why))?;
        }
        if let Some(compose) = &self.compose {
            compose.check().map_err(|why| Wrong::new("compose", why))?;
        }
        self.check_checks()?;
        self.backup.check().map_err(|why| Wrong::new("backup", why))?;
        self.serve.check().map_err(|(key, message)| Wrong { key, message })?;
        self.metrics.check().map_err(|why| Wrong::new("metrics", why))?;
        self.alerts.check().map_err(|why| Wrong::new("alerts", why))
    }

    /// A section names a database that there is.
    fn check_databases(&self) -> Result<(), Wrong> {
        let named = [
            ("cleanup-stuck", &self.cleanup_stuck.database),
            ("notify-devis", &self.notify_devis.database),
            ("rebuild-paths", &self.rebuild_paths.database),
            ("update-fiches", &self.update_fiches.database),
            ("vacuum-db", &self.vacuum_db.database),
        ];
        let missing = named.into_iter().find_map(|(section, name)| {
            let name = name.as_ref().filter(|name| !self.databases.contains_key(*name))?;
            Some((section, name))
        });
        match missing {
            Some((section, name)) => {
                let name = crate::text::escape(name);
                Err(Wrong::new(
                    section,
                    format!("`database` of [{section}] is `{name}`, but there is no [databases.{name}]"),
                ))
            }
            None => Ok(()),
        }
    }

    /// Checks have names that can be typed, and `[deploy]` names those that there are.
    fn check_checks(&self) -> Result<(), Wrong> {
        for (name, check) in &self.checks {
            let header = format!("checks.{name}");
            check_name(name).map_err(|why| Wrong::new(&header, format!("check name {why}")))?;
            check.check().map_err(|why| Wrong::new(&header, format!("check `{name}` {why}")))?;
            let database = check.slow_queries.as_ref().filter(|name| !self.databases.contains_key(*name));
            if let Some(database) = database {
                let database = crate::text::escape(database);
                let why = format!("check `{name}` asks `{database}`, but there is no [databases.{database}]");
                return Err(Wrong::new(&header, why));
            }
        }
        self.deploy.checks.iter().flatten().try_for_each(|name| self.check_check_of_deploy(name))
    }

    fn check_check_of_deploy(&self, name: &str) -> Result<(), Wrong> {
        let shown = crate::text::escape(name);
        let why = match self.checks.get(name) {
            Some(check) if check.http.is_some() => return Ok(()),
            Some(_) => "which is not of the kind `http`, the only one that a deploy waits for".to_owned(),
            None => format!("but there is no [checks.{shown}]"),
        };
        Err(Wrong::new("deploy", format!("`checks` of [deploy] has `{shown}`, {why}")))
    }

    /// Every secret that the configuration names.
    pub fn secrets(&self) -> impl Iterator<Item = SecretRef> {
        let of_databases = self.databases.values().filter_map(|database| database.url.secret());
        let of_devis = self.notify_devis.webhook.clone();
        let pings = self.jobs.values().filter_map(|job| job.ping.clone());
        self.alerts
            .secrets()
            .cloned()
            .chain(pings)
            .chain(of_databases)
            .chain(of_devis)
            .chain(self.github.token.clone())
            .chain(self.update_fiches.api_key.clone())
            .chain(self.redis.iter().flat_map(redis::RedisSection::secrets))
            .chain(self.backup.secrets())
            .chain(self.serve.secrets())
            .chain(self.checks.values().filter_map(|check| check.password.clone()))
    }

    /// True when a run of the job that was missed is made up for.
    #[must_use]
    pub fn is_made_up_for(&self, job: &JobEntry) -> bool {
        job.missed.unwrap_or(self.defaults.missed) == Missed::Once
    }

    /// True when that is so for any job with a schedule.
    #[must_use]
    pub fn makes_up_for_missed_runs(&self) -> bool {
        self.jobs.values().any(|job| job.schedule.is_some() && self.is_made_up_for(job))
    }

    /// The site's name, which also names its state folder.
    #[must_use]
    pub fn site_name(&self) -> &str {
        if self.site.name.is_empty() { "standalone" } else { &self.site.name }
    }
}

/// A rule that was broken and the key near which to look.
struct Wrong {
    key: String,
    message: String,
}

impl Wrong {
    fn new(key: &str, message: impl Into<String>) -> Wrong {
        Wrong { key: key.to_owned(), message: message.into() }
    }
}

/// Names become file names, lock names and parts of a crontab line: no other characters are needed.
pub fn check_name(name: &str) -> Result<(), String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let starts_plain = name.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    if starts_plain && name.len() <= 64 && name.chars().all(is_plain) {
        return Ok(());
    }
    let shown = crate::text::escape(name);
    Err(format!(
        "`{shown}` must be 1 to 64 letters, digits, `-`, `_` or `.`, beginning with a letter or digit"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{exit_of, one_line};
    use crate::exit::Exit;

    fn refused(text: &str) -> String {
        let error = Config::parse(text, Path::new("maint.toml")).unwrap_err();
        assert_eq!(exit_of(&error), Exit::Usage, "{error}");
        one_line(&error)
    }

    const SITE: &str = "[site]\nname = \"demo\"\n";

    #[test]
    fn an_unknown_key_is_named_with_its_place_and_the_nearest_known_key() {
        let message = refused(&format!("{SITE}[jobs.a]\nshedule = \"@daily\"\nshell = \"true\"\n"));
        assert_eq!(message, "maint.toml:4:1: unknown key `shedule`; did you mean `schedule`?");
    }

    #[test]
    fn an_unknown_section_lists_what_is_known_when_nothing_is_near() {
        let message = refused(&format!("{SITE}[wibble]\n"));
        assert!(message.starts_with("maint.toml:3:2: unknown key `wibble`; known here: `site`"), "{message}");
    }

    #[test]
    fn a_wrong_type_names_line_column_and_key() {
        let message = refused(&format!("{SITE}[cleanup-temp]\nskip_open = \"yes\"\n"));
        assert_eq!(message, "maint.toml:4:13: `skip_open`: invalid type: string \"yes\", expected a boolean");
    }

    #[test]
    fn a_bad_duration_says_how_durations_are_written() {
        for bad in ["24", "-1h", "1.5h", "h", "1y", "99999999999999999999d", ""] {
            let message = refused(&format!("{SITE}[cleanup-temp]\nage = \"{bad}\"\n"));
            assert!(message.starts_with("maint.toml:4:7: `age`: bad duration"), "{message}");
            assert!(message.contains("\"24h\""), "{message}");
        }
    }

    #[test]
    fn a_duplicate_job_is_refused_at_its_second_header() {
        let message = refused(&format!("{SITE}[jobs.a]\nshell = \"true\"\n[jobs.a]\nshell = \"false\"\n"));
        assert!(message.starts_with("maint.toml:5:"), "{message}");
        assert!(message.contains("given twice"), "{message}");
    }

    #[test]
    fn a_job_runs_exactly_one_thing() {
        for body in ["", "shell = \"a\"\ncommand = \"b\"\n"] {
            let message = refused(&format!("{SITE}[jobs.a]\n{body}"));
            assert_eq!(message, "maint.toml:3: job `a` needs either `command` or `shell`, and not both");
        }
    }

    #[test]
    fn a_bad_schedule_names_the_field() {
        let message = refused(&format!("{SITE}[jobs.a]\nshell = \"true\"\nschedule = \"61 * * * *\"\n"));
        assert_eq!(
            message,
            "maint.toml:5:12: `schedule`: bad schedule: minute `61`: 61 is not between 0 and 59"
        );
    }

    #[test]
    fn a_literal_secret_is_refused_and_not_repeated() {
        let message = refused(&format!(
            "{SITE}[alerts.discord]\nwebhook = \"https://discord.com/api/webhooks/1/tok\"\n"
        ));
        assert!(message.contains("env:NAME") && !message.contains("tok\""), "{message}");
        assert!(!message.contains("webhooks/1"), "{message}");
    }

    #[test]
    fn names_that_could_leave_their_folder_are_refused() {
        for bad in ["../x", "", "a b", ".hidden", "a/b", "é"] {
            let message = refused(&format!("{SITE}[jobs.\"{bad}\"]\nshell = \"true\"\n"));
            assert!(message.contains("job name"), "{message}");
        }
    }

    #[test]
    fn a_site_without_a_name_is_refused() {
        assert!(refused("").contains("[site] needs a name"));
    }

    #[test]
    fn an_unknown_time_zone_is_refused_with_the_nearest() {
        let message = refused("[site]\nname = \"a\"\ntimezone = \"Europe/Pari\"\n");
        assert!(
            message.ends_with("unknown time zone `Europe/Pari`; did you mean `Europe/Paris`?"),
            "{message}"
        );
    }

    #[test]
    fn defaults_hold_without_any_section() {
        let config = Config::parse(SITE, Path::new("maint.toml")).unwrap();
        assert!(config.cleanup_temp.skip_open);
        assert_eq!(config.cleanup_temp.age.hours(), 24);
    }
}
