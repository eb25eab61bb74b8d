//! `maint crontab generate`: the jobs in the form of a scheduler, printed, or written to a folder; never installed.

use super::LOCK;
use super::add::refuse_unscheduled;
use crate::config::job::JobEntry;
use crate::config::secret::SecretRef;
use crate::cron::render::{self, Document, Site, kubernetes, supercronic, systemd};
use crate::cron::table::Edit;
use crate::engine::apply::Permit;
use crate::engine::plan::Plan;
use crate::engine::report::Outcome;
use crate::engine::{Action, Job, Query};
use crate::error::Problem;
use crate::text;
use crate::world::{World, accounts};
use anyhow::{Result, anyhow};
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is generated is a page of text.
const LARGEST: u64 = 1 << 20;

/// Prints the jobs for cron or another scheduler, and installs nothing
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Generate {
    /// Only these jobs
    #[arg(value_name = "JOB")]
    pub jobs: Vec<String>,
    /// The scheduler
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// The user that the jobs run as, for cron.d and systemd [default for cron.d: the present one]
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// The container image, for kubernetes
    #[arg(long, default_value = kubernetes::DEFAULT_IMAGE)]
    pub image: String,
    /// Write the files into this folder instead of printing them
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

/// A scheduler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A user's crontab, as `crontab add` installs it
    #[default]
    Crontab,
    /// A file for /etc/cron.d, with a user in each line
    #[value(name = "cron.d")]
    #[serde(rename = "cron.d")]
    CronD,
    /// A timer and a service for each job
    Systemd,
    /// A `CronJob` for each job, with its configuration, state and secrets
    Kubernetes,
    /// A crontab for supercronic, in a container
    Supercronic,
}

impl Generate {
    fn documents(&self, world: &World) -> Result<Vec<Document>> {
        self.user.as_deref().map_or(Ok(()), refuse_odd_user)?;
        self.jobs.iter().try_for_each(|job| refuse_unscheduled(world, job))?;
        let (program, config) = world.crontab_paths()?;
        let site = self.site(world, &program, &config);
        let rendered = match self.format {
            Format::Crontab => return self.crontab(world),
            Format::CronD => return self.cron_d(world),
            Format::Systemd => systemd::render(&site),
            Format::Supercronic => supercronic::render(&site),
            Format::Kubernetes => return self.kubernetes(world, &site),
        };
        rendered.map_err(Problem::usage)
    }

    fn kubernetes(&self, world: &World, site: &Site<'_>) -> Result<Vec<Document>> {
        let config = &world.config;
        let secrets: Vec<SecretRef> = config.secrets().collect();
        let files: Vec<PathBuf> = secrets.iter().filter_map(|secret| file_of(world, secret)).collect();
        let default = || Path::new("/var/lib/maint").join(config.site_name());
        let extra = kubernetes::Extra {
            config_text: &world.files.read_text(site.config, LARGEST)?,
            image: &self.image,
            state: &config.state.dir.as_ref().map_or_else(default, |dir| world.root.join(dir)),
            secret_variables: secrets.iter().filter_map(variable_of).collect(),
            secret_files: files.iter().map(PathBuf::as_path).collect(),
        };
        kubernetes::render(site, &extra).map_err(Problem::usage)
    }

    /// The site as the renderers need it.
    fn site<'a>(&'a self, world: &'a World, exe: &'a Path, file: &'a Path) -> Site<'a> {
        let config = &world.config;
        let job = |(name, entry): (&'a String, &'a JobEntry)| {
            Some(render::Job {
                name,
                schedule: entry
                    .schedule
                    .as_ref()
                    .filter(|_| self.jobs.is_empty() || self.jobs.contains(name))?,
                description: &entry.description,
                timeout: Some(entry.timeout.unwrap_or(config.defaults.timeout).duration())
                    .filter(|limit| *limit > Duration::ZERO),
                catches_up: config.is_made_up_for(entry),
                skip_exit: entry.skip_exit.unwrap_or(config.defaults.skip_exit),
            })
        };
        Site {
            name: config.site_name(),
            exe,
            config: file,
            zone: config.site.timezone.map(|zone| zone.0),
            user: self.user.as_deref(),
            jobs: config.jobs.iter().filter_map(job).collect(),
        }
    }

    fn crontab(&self, world: &World) -> Result<Vec<Document>> {
        let site = world.config.site_name().to_owned();
        let (_, lines) = world.crontab_lines_for(&world.config, &self.jobs, None)?;
        let name = format!("{site}.crontab");
        let block = Edit { site, jobs: None, lines }.apply(b"").map_err(anyhow::Error::msg)?;
        Ok(vec![Document { name, content: utf8(block)? }])
    }

    /// cron ignores a file whose name has a dot, whose last line has no end, or that a group can write to.
    fn cron_d(&self, world: &World) -> Result<Vec<Document>> {
        let site = world.config.site_name();
        let own = accounts::own().name;
        let user = self.user.clone().unwrap_or_else(|| own.to_string_lossy().into_owned());
        refuse_odd_user(&user)?;
        let name = format!("maint-{}", site.replace('.', "-"));
        let mut content = format!(
            "# /etc/cron.d/{name}: the jobs of site {site}, made by \"maint crontab generate --format cron.d\".\n"
        );
        for line in world.crontab_lines_for(&world.config, &self.jobs, Some(&user))?.1 {
            content.push_str(&utf8(line.bytes)?);
            content.push('\n');
        }
        Ok(vec![Document { name, content }])
    }
}

/// A name ends up in a file that root's daemon reads.
fn refuse_odd_user(user: &str) -> Result<()> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !user.is_empty() && !user.starts_with('-') && user.chars().all(is_plain) {
        return Ok(());
    }
    let user = text::escape(user);
    Err(Problem::usage(format!("`{user}` is no name of a user; name the user of the jobs with --user")))
}

fn utf8(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let shown = text::escape_bytes(error.as_bytes()).into_owned();
        anyhow!(
            "`{shown}` is not UTF-8 text; move maint or maint.toml to a path that is, or use `crontab add`"
        )
    })
}

fn variable_of(secret: &SecretRef) -> Option<&str> {
    match secret {
        SecretRef::Env(name) => Some(name),
        SecretRef::File(_) => None,
    }
}

fn file_of(world: &World, secret: &SecretRef) -> Option<PathBuf> {
    match secret {
        SecretRef::Env(_) => None,
        SecretRef::File(path) => Some(world.root.join(path)),
    }
}

/// The texts for a scheduler.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Generated(Vec<File>);

#[derive(Debug, Serialize)]
struct File {
    name: String,
    content: String,
}

impl Query for Generate {
    type Answer = Generated;

    fn ask(&self, world: &World) -> Result<Generated> {
        let file = |Document { name, content }| File { name, content };
        Ok(Generated(self.documents(world)?.into_iter().map(file).collect()))
    }
}

impl fmt::Display for Generated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_only = self.0.len() == 1;
        for (index, File { name, content }) in self.0.iter().enumerate() {
            if !is_only {
                writeln!(f, "{}# file {name}", if index == 0 { "" } else { "\n" })?;
            }
            f.write_str(content)?;
        }
        Ok(())
    }
}

impl Job for Generate {
    const NAME: &'static str = "crontab-generate";
    const LOCK: &'static str = LOCK;
    const ANSWERS: bool = true;
    type Action = Write;

    fn plan(&self, world: &World) -> Result<Plan<Write>> {
        let folder = world.here(&self.output.clone().unwrap_or_default());
        let write = |Document { name, content }| Write { path: folder.join(name), content };
        let is_new =
            |write: &Write| world.files.read_text(&write.path, LARGEST).ok().as_ref() != Some(&write.content);
        let writes = self.documents(world)?.into_iter().map(write).filter(is_new);
        Ok(writes.collect::<Vec<_>>().into())
    }
}

/// Writes one file.
#[derive(Debug, Serialize)]
#[serde(tag = "action", rename = "write-file")]
pub struct Write {
    path: PathBuf,
    #[serde(skip)]
    content: String,
}

impl fmt::Display for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Write { path, content } = self;
        write!(f, "write {} ({})", text::path(path), text::size(content.len() as u64))
    }
}

impl Action for Write {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        let Write { path, content } = self;
        if let Some(folder) = path.parent() {
            world.files.make_folder(folder, permit)?;
        }
        world.files.write(path, content.as_bytes(), 0o644, permit)?;
        Ok(Outcome::DONE)
    }
}
