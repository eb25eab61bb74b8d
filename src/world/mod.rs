//! Everything outside the program. Reading it is free; every function that changes it asks for a `Permit`.

pub mod access;
pub mod accounts;
pub(crate) mod archive;
pub mod as_cron;
pub(crate) mod ascl;
pub(crate) mod backups;
pub(crate) mod checks;
pub(crate) mod claude;
pub mod clock;
pub mod command;
pub(crate) mod contextmaker;
pub mod crontab;
mod crontab_lines;
pub mod daemon;
pub(crate) mod database;
pub mod discord;
mod django;
pub(crate) mod docker;
pub(crate) mod environment;
pub mod files;
pub(crate) mod git;
pub(crate) mod github;
pub(crate) mod healthchecks;
pub mod http;
pub(crate) mod itself;
pub(crate) mod mail;
pub mod process;
pub mod programs;
pub mod progress;
pub(crate) mod pushgateway;
pub(crate) mod redis;
pub(crate) mod rq;
pub mod runlog;
pub(crate) mod slack;
pub(crate) mod sockets;
pub mod sqlite;
pub mod state;
pub mod stop;
pub(crate) mod token;
pub(crate) mod webhook;

use crate::config::Config;
use crate::config::secret::SecretRef;
use crate::engine::apply::Permit;
use crate::error::Problem;
use crate::text;
use anyhow::Result;
use clock::Clock;
use environment::{Secrets, current_folder, variable};
use files::Files;
use progress::Progress;
use secrecy::{ExposeSecret as _, SecretString};
use state::State;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use stop::Stop;

/// A configuration is a page of text.
const LARGEST_CONFIG: u64 = 1 << 20;

/// The configuration, and whatever it leads to; opened on first use.
#[derive(Debug)]
pub struct World {
    /// The site.
    pub config: Config,
    /// The folder that paths are relative to.
    pub root: PathBuf,
    /// The time.
    pub clock: Clock,
    /// The file system.
    pub files: Files,
    /// Where runs are remembered.
    pub state: State,
    /// What may end a run early.
    pub stop: Stop,
    /// Who watches a look at other machines.
    pub progress: Progress,
    /// What this run has learnt of the machines that it has asked.
    pub(crate) asked: http::Asked,
    /// The containers that it has entered.
    pub(crate) entered: docker::Entered,
    /// Whose key has asked for this run from afar (`$MAINT_BY`).
    pub(crate) asked_by: Option<String>,
    /// Set when a real run begins.
    is_real: OnceLock<()>,
    secrets: OnceLock<Secrets>,
}

/// Where the configuration comes from.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// `--config`, which must exist.
    pub config: Option<PathBuf>,
    /// `--root`, instead of `site.root`.
    pub root: Option<PathBuf>,
}

impl World {
    /// Finds and reads the configuration, when there is one, and reads the clock.
    pub fn open(place: &Place) -> Result<World> {
        let here = current_folder();
        let files = Files::default();
        let config = match find_config(place, &here, &files)? {
            Some(file) => read_config(&file, &files)?,
            None => Config::default(),
        };
        let root = root_of(&config, place, &here);
        if config.file.is_some() {
            check_root(&root)?;
        }
        World::of(config, &root)
    }

    /// The world of a site that is about to be made in `--root` or here; `text` makes its configuration.
    pub fn of_new_site(place: &Place, text: impl Fn(&Path) -> String) -> Result<World> {
        let root = root_of(&Config::default(), place, &current_folder());
        let file = root.join("maint.toml");
        let config = Config::parse(&text(&root), &file)?;
        World::of(config, &root)
    }

    /// The world of a command that needs no configuration, whatever there is.
    pub fn without_site(place: &Place) -> Result<World> {
        World::of(Config::default(), &root_of(&Config::default(), place, &current_folder()))
    }

    fn of(config: Config, root: &Path) -> Result<World> {
        // A deploy often points a symlink at the current release: it is followed once, here.
        let root = files::real_folder(root);
        let state = State::locate(&config, &root);
        let clock = Clock::read(config.site.timezone)?;
        let site_root = config.file.is_some().then(|| root.clone());
        let files = Files { site_root, state: Some(state.folder().to_owned()) };
        Ok(World {
            config,
            root,
            clock,
            files,
            state,
            stop: Stop::default(),
            progress: Progress::default(),
            asked: http::Asked::default(),
            entered: docker::Entered::default(),
            asked_by: asked_by(),
            is_real: OnceLock::new(),
            secrets: OnceLock::new(),
        })
    }

    /// The same world for another run of this program: it begins now, and without a time limit.
    #[must_use]
    pub fn later(&self) -> World {
        World {
            config: self.config.clone(),
            root: self.root.clone(),
            clock: self.clock.restarted(),
            files: self.files.clone(),
            state: self.state.clone(),
            stop: self.stop.without_limit(),
            progress: self.progress.clone(),
            asked: self.asked.clone(),
            entered: docker::Entered::default(),
            asked_by: self.asked_by.clone(),
            is_real: self.is_real.clone(),
            secrets: self.secrets.clone(),
        }
    }

    /// The same site for another question of whoever runs long: who did not answer the last one may answer this one.
    pub(crate) fn anew(&self) -> World {
        World { asked: http::Asked::default(), ..self.later() }
    }

    /// The same site as its configuration describes it now, for whoever runs long.
    pub(crate) fn reopened(&self) -> Result<World> {
        let config = self.site_file()?.to_owned();
        let here = current_folder();
        let place = Place { config: Some(config), root: None };
        let own = files::real_folder(&root_of(&self.config, &place, &here));
        // Another root was given by `--root`.
        let root = (own != self.root).then(|| self.root.clone());
        Ok(World { stop: self.stop.without_limit(), ..World::open(&Place { root, ..place })? })
    }

    /// The same world for a part of the run that may take no longer than this.
    pub(crate) fn within(&self, limit: std::time::Duration) -> World {
        let mut world = self.later();
        world.stop = self.stop.within(limit);
        world
    }

    /// The same world for what must be brought to its end although the run is being ended; it may take so long.
    #[must_use]
    pub(crate) fn to_the_end(&self, limit: std::time::Duration) -> World {
        let mut world = self.later();
        world.entered = self.entered.clone();
        world.stop = Stop::default();
        world.stop.limit(limit);
        world
    }

    /// A real run begins: what has to be mended before it can be read may be mended.
    pub(crate) fn is_for_real(&self, _permit: &Permit) {
        self.is_real.get_or_init(|| ());
    }

    /// True until a real run begins: then looking must leave no trace.
    fn is_rehearsal(&self) -> bool {
        self.is_real.get().is_none()
    }

    /// A path that was typed, from the folder in which the program was started.
    #[must_use]
    pub fn here(&self, path: &Path) -> PathBuf {
        environment::absolute(path)
    }

    /// The configuration's file, for commands that need a site.
    pub fn site_file(&self) -> Result<&Path> {
        self.config.file.as_deref().ok_or_else(|| {
            Problem::usage("there is no maint.toml here or above; write one with `maint init`, or name it with --config FILE")
        })
    }

    /// The secrets that the configuration names.
    pub fn secrets(&self) -> &Secrets {
        self.secrets.get_or_init(|| Secrets::named_in(&self.config, &self.root, &self.files))
    }

    /// The value of a secret.
    pub(crate) fn secret(&self, secret: &SecretRef) -> Option<SecretString> {
        environment::Keeper::of(&self.config, &self.root, &self.files).value(secret).map(SecretString::from)
    }

    /// A variable of the environment or of the site's `env_file`.
    fn variable_or_env_file(&self, name: &str) -> Option<String> {
        let value = self.secret(&SecretRef::Env(name.to_owned()))?;
        Some(value.expose_secret().to_owned()).filter(|value| !value.is_empty())
    }

    /// True when the site's `env_file` has this variable: then cron's runs have it too.
    pub(crate) fn env_file_has(&self, name: &str) -> bool {
        environment::Keeper::of(&self.config, &self.root, &self.files).in_env_file(name).is_some()
    }
}

/// The name of a key of `[serve]`, as the server gives it to the runs that it starts.
fn asked_by() -> Option<String> {
    let name = variable(itself::BY)?.into_string().ok()?;
    crate::config::check_name(&name).is_ok().then_some(name)
}

/// `--config`, `$MAINT_CONFIG`, maint.toml here or above, /etc/maint/maint.toml.
fn find_config(place: &Place, here: &Path, files: &Files) -> Result<Option<PathBuf>> {
    let named = place.config.clone().map(|path| (path, "--config"));
    let named = named.or_else(|| variable("MAINT_CONFIG").map(|path| (path.into(), "$MAINT_CONFIG")));
    if let Some((path, by)) = named {
        let path = here.join(path);
        if files.exists(&path) {
            return Ok(Some(path));
        }
        return Err(Problem::usage(format!(
            "there is no configuration at {} (named by {by}); write one with `maint init`",
            text::path(&path)
        )));
    }
    let start = place.root.as_ref().map_or_else(|| here.to_owned(), |root| here.join(root));
    let mut candidates = start.ancestors().map(|folder| folder.join("maint.toml"));
    let above = candidates.find(|path| files.exists(path));
    Ok(above.or_else(|| Some(PathBuf::from("/etc/maint/maint.toml")).filter(|path| files.exists(path))))
}

fn read_config(file: &Path, files: &Files) -> Result<Config> {
    let text = files.read_text(file, LARGEST_CONFIG).map_err(|error| {
        let hint = if error.to_string().contains("UTF-8") { "" } else { "; make it readable for this user" };
        Problem::usage(format!("{}{hint}", crate::error::one_line(&error)))
    })?;
    if text.trim().is_empty() {
        let shown = text::path(file);
        return Err(Problem::usage(format!(
            "{shown} is empty; write a configuration with `maint init --force`"
        )));
    }
    refuse_foreign(file)?;
    Config::parse(&text, file)
}

/// A configuration names commands: whoever can change it can run them as this user.
fn refuse_foreign(file: &Path) -> Result<()> {
    let Ok(found) = rustix::fs::stat(file) else { return Ok(()) };
    if found.st_mode & 0o002 == 0 {
        return Ok(());
    }
    let shown = text::path(file);
    Err(Problem::usage(format!(
        "{shown} can be changed by every user of this machine; run `chmod o-w {shown}`"
    )))
}

fn root_of(config: &Config, place: &Place, here: &Path) -> PathBuf {
    let own = config.file.as_deref().and_then(Path::parent).unwrap_or(here);
    let root = match (&place.root, &config.site.root) {
        (Some(root), _) => here.join(root),
        (None, Some(root)) => own.join(root),
        (None, None) => own.to_owned(),
    };
    root.components().collect()
}

fn check_root(root: &Path) -> Result<()> {
    let shown = text::path(root);
    match rustix::fs::stat(root) {
        Err(_) => {
            Err(Problem::usage(format!("site.root {shown} does not exist; correct [site] root or --root")))
        }
        Ok(found)
            if rustix::fs::FileType::from_raw_mode(found.st_mode) != rustix::fs::FileType::Directory =>
        {
            Err(Problem::usage(format!("site.root {shown} is not a folder; correct [site] root or --root")))
        }
        Ok(_) if files::identity_at(root) == files::identity_at(Path::new("/")) => Err(Problem::usage(
            "site.root is /, the whole machine; name the folder of the site in [site] root",
        )),
        Ok(_) => Ok(()),
    }
}
