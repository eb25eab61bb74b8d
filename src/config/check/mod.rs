//! `[checks.NAME]`: what is looked at to see whether the site is well.

mod pattern;

pub use pattern::Pattern;

use super::glob::Glob;
use super::secret::SecretRef;
use super::units::{Length, Percent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// `[checks.NAME]`: one key says what is looked at, the others how it must be.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Check {
    /// An address that must answer with a status of 200 to 399.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<String>,
    /// A path on a file system that must not be full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<PathBuf>,
    /// Volumes of the Compose project, whose file systems must not be full: `true` or names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volumes: Option<Which>,
    /// Services of Compose that must run and be healthy: `true` or names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services: Option<Which>,
    /// Services of Compose whose containers must not use too much: `true` or names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub containers: Option<Which>,
    /// Services of Compose in whose logs errors are counted: `true` or names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logs: Option<Which>,
    /// RabbitMQ: the address of its management API, or `service:NAME` to ask it in its container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rabbitmq: Option<String>,
    /// A PostgreSQL database, the NAME of `[databases.NAME]`, whose queries must not run for long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow_queries: Option<String>,
    /// Backups that must not be old: `true`, or some of "db", "volume", "configs", "db:NAME" and "volume:NAME".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<Which>,
    /// A certificate that must not expire soon: `HOST:PORT`, or the path of a PEM file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// Who can log in to this machine, who may become root, and how often somebody failed to log in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<bool>,

    /// Of `http`: an answer that takes longer is too slow [default: 5s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_latency: Option<Length>,
    /// Of `disk` and `volumes`: the share of the space that may be used [default: 90%].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_used: Option<Percent>,
    /// Of `disk` and `volumes`: the share of the inodes that may be used [default: 90%].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_inodes: Option<Percent>,
    /// Of `containers`: as `docker stats` counts, 100% is one core [default: nine tenths of the cores here].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_cpu: Option<Percent>,
    /// Of `containers`: the share of what a container may have [default: 90%].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_memory: Option<Percent>,
    /// Of `containers`: how often Docker may have started one again since the last check [default: 3].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_restarts: Option<u32>,
    /// Of `logs`: a line that matches this regular expression is an error [default: error, exception, fatal, …].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Pattern>,
    /// Of `logs` and `slow_queries`: what matches one of these is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore: Option<Vec<Pattern>>,
    /// Of `logs`: so many errors of a service since the last check are not worth a word [default: 10].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_errors: Option<u32>,
    /// Of `rabbitmq`: who asks the management API [default: guest].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Of `rabbitmq`: that user's password [default: guest].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretRef>,
    /// Of `rabbitmq`: only the queues of this virtual host [default: all; with `service:NAME`, "/"].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vhost: Option<String>,
    /// Of `rabbitmq`: names or globs of queues; a name must be there [default: all].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queues: Option<Vec<Glob>>,
    /// Of `rabbitmq`: so many messages may wait in a queue [default: 1000].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_messages: Option<u32>,
    /// Of `slow_queries`: a query that runs longer is slow [default: 30s]. Of `backup`: an older one is too old
    /// [default: 26h].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Length>,
    /// Of `slow_queries`: so many slow queries are not worth a word [default: 0].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_queries: Option<u32>,
    /// Of `certificate`: what must be left until it expires [default: 14d].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_left: Option<Length>,
    /// Of `access`: those who may log in or become root; with it, anybody else is told of in every check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known: Option<Vec<String>>,
    /// Of `access`: so many failed logins since the last check are not worth a word [default: 20].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_failed_logins: Option<u32>,
    /// Of `access`: the folder with passwd, group, shadow and sudoers [default: /etc].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etc: Option<PathBuf>,
    /// Of `access`: the folder with auth.log or secure [default: /var/log].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<PathBuf>,
}

/// All, or those with these names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected `true`, a name or a list of names")]
pub enum Which {
    /// `true`
    All(bool),
    /// One.
    One(String),
    /// Some.
    Some(Vec<String>),
}

impl Which {
    /// The names; none for all.
    #[must_use]
    pub fn names(&self) -> &[String] {
        match self {
            Which::All(_) => &[],
            Which::One(name) => std::slice::from_ref(name),
            Which::Some(names) => names,
        }
    }

    fn is_nothing(&self) -> bool {
        match self {
            Which::All(is_all) => !is_all,
            Which::One(name) => name.is_empty(),
            Which::Some(names) => names.is_empty(),
        }
    }
}

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub enum Kind<'a> {
    /// `http`
    Http(&'a str),
    /// `disk`
    Disk(&'a Path),
    /// `volumes`
    Volumes(&'a Which),
    /// `services`
    Services(&'a Which),
    /// `containers`
    Containers(&'a Which),
    /// `logs`
    Logs(&'a Which),
    /// `rabbitmq`
    Rabbitmq(&'a str),
    /// `slow_queries`
    SlowQueries(&'a str),
    /// `backup`
    Backup(&'a Which),
    /// `certificate`
    Certificate(&'a str),
    /// `access`
    Access,
}

impl Check {
    /// What is looked at: the first of the keys that say so.
    #[must_use]
    pub fn kind(&self) -> Option<Kind<'_>> {
        self.kinds().into_iter().flatten().next()
    }

    fn kinds(&self) -> [Option<Kind<'_>>; 11] {
        [
            self.http.as_deref().map(Kind::Http),
            self.disk.as_deref().map(Kind::Disk),
            self.volumes.as_ref().map(Kind::Volumes),
            self.services.as_ref().map(Kind::Services),
            self.containers.as_ref().map(Kind::Containers),
            self.logs.as_ref().map(Kind::Logs),
            self.rabbitmq.as_deref().map(Kind::Rabbitmq),
            self.slow_queries.as_deref().map(Kind::SlowQueries),
            self.backup.as_ref().map(Kind::Backup),
            self.certificate.as_deref().map(Kind::Certificate),
            self.access.map(|_| Kind::Access),
        ]
    }

    /// The address of a check of that kind.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        self.http.as_deref()
    }

    /// Every other key, and whether it is set.
    fn keys(&self) -> [(&'static str, bool); 21] {
        [
            ("max_latency", self.max_latency.is_some()),
            ("max_used", self.max_used.is_some()),
            ("max_inodes", self.max_inodes.is_some()),
            ("max_cpu", self.max_cpu.is_some()),
            ("max_memory", self.max_memory.is_some()),
            ("max_restarts", self.max_restarts.is_some()),
            ("pattern", self.pattern.is_some()),
            ("ignore", self.ignore.is_some()),
            ("max_errors", self.max_errors.is_some()),
            ("user", self.user.is_some()),
            ("password", self.password.is_some()),
            ("vhost", self.vhost.is_some()),
            ("queues", self.queues.is_some()),
            ("max_messages", self.max_messages.is_some()),
            ("max_age", self.max_age.is_some()),
            ("max_queries", self.max_queries.is_some()),
            ("min_left", self.min_left.is_some()),
            ("known", self.known.is_some()),
            ("max_failed_logins", self.max_failed_logins.is_some()),
            ("etc", self.etc.is_some()),
            ("log", self.log.is_some()),
        ]
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let mut kinds = self.kinds().into_iter().flatten();
        let Some(kind) = kinds.next() else {
            return Err(format!("says not what it looks at; give it one of `{}`", NAMES.join("`, `")));
        };
        if let Some(other) = kinds.next() {
            return Err(format!("has both `{}` and `{}`; make two sections of it", kind.key(), other.key()));
        }
        kind.check()?;
        if self.access == Some(false) {
            return Err("looks at nothing; write `access = true`, or leave the section out".to_owned());
        }
        if self.max_latency.is_some_and(Length::is_zero) {
            return Err("has a `max_latency` of nothing, which no answer could keep".to_owned());
        }
        let (key, own) = kind.keys();
        let is_foreign = |(name, is_set): &&(&str, bool)| *is_set && !own.contains(name);
        match (self.keys().iter().find(is_foreign), own) {
            (None, _) => Ok(()),
            (Some((name, _)), []) => Err(format!("has `{name}`, which is not for `{key}`")),
            (Some((name, _)), own) => {
                let own = own.join("`, `");
                Err(format!("has `{name}`, which is not for `{key}`; that takes `{own}`"))
            }
        }
    }
}

/// The keys of which a check has one.
const NAMES: [&str; 11] = [
    "http",
    "disk",
    "volumes",
    "services",
    "containers",
    "logs",
    "rabbitmq",
    "slow_queries",
    "backup",
    "certificate",
    "access",
];

impl Kind<'_> {
    /// True for what only Docker can tell.
    #[must_use]
    pub fn needs_compose(self) -> bool {
        match self {
            Kind::Volumes(_) | Kind::Services(_) | Kind::Containers(_) | Kind::Logs(_) => true,
            Kind::Rabbitmq(place) => place.starts_with(SERVICE),
            _ => false,
        }
    }

    /// The key that says so.
    #[must_use]
    pub fn key(self) -> &'static str {
        self.keys().0
    }

    /// Its own key, and those that go with it.
    fn keys(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Kind::Http(_) => ("http", &["max_latency"]),
            Kind::Disk(_) => ("disk", &["max_used", "max_inodes"]),
            Kind::Volumes(_) => ("volumes", &["max_used", "max_inodes"]),
            Kind::Services(_) => ("services", &[]),
            Kind::Containers(_) => ("containers", &["max_cpu", "max_memory", "max_restarts"]),
            Kind::Logs(_) => ("logs", &["pattern", "ignore", "max_errors"]),
            Kind::Rabbitmq(_) => ("rabbitmq", &["user", "password", "vhost", "queues", "max_messages"]),
            Kind::SlowQueries(_) => ("slow_queries", &["max_age", "max_queries", "ignore"]),
            Kind::Backup(_) => ("backup", &["max_age"]),
            Kind::Certificate(_) => ("certificate", &["min_left"]),
            Kind::Access => ("access", &["known", "max_failed_logins", "etc", "log"]),
        }
    }

    fn check(self) -> Result<(), String> {
        match self {
            Kind::Http(address) if !is_web(address) => {
                Err("needs an address, such as `http = \"http://127.0.0.1:8000/health\"`".to_owned())
            }
            Kind::Rabbitmq(place) if !is_web(place) && place.strip_prefix(SERVICE).is_none_or(str::is_empty) => {
                Err("needs an address or a service: `rabbitmq = \"http://127.0.0.1:15672\"`, or \"service:NAME\""
                    .to_owned())
            }
            Kind::Disk(path) if path.as_os_str().is_empty() => {
                Err("needs a path, such as `disk = \"/\"`".to_owned())
            }
            Kind::Certificate("") => {
                Err("needs a machine or a file, such as `certificate = \"example.org:443\"`".to_owned())
            }
            Kind::Backup(which) if !which.names().iter().all(|name| is_backup(name)) => {
                Err("takes `backup = true`, or some of \"db\", \"volume\", \"configs\", \"db:NAME\" and \"volume:NAME\""
                    .to_owned())
            }
            Kind::Volumes(which)
            | Kind::Services(which)
            | Kind::Containers(which)
            | Kind::Logs(which)
            | Kind::Backup(which)
                if which.is_nothing() =>
            {
                let key = self.key();
                Err(format!("looks at nothing; write `{key} = true` or names, or leave the section out"))
            }
            _ => Ok(()),
        }
    }
}

/// What stands before the name of a service.
pub const SERVICE: &str = "service:";

fn is_web(address: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| address.starts_with(scheme))
}

fn is_backup(name: &str) -> bool {
    match name.split_once(':') {
        Some(("db" | "volume", name)) => !name.is_empty(),
        Some(_) => false,
        None => matches!(name, "db" | "volume" | "configs"),
    }
}
