//! restic(1): a repository that gets each backup besides, with its own dedup, encryption and retention.

use super::retention::Policy;
use super::{Backup, Backups, Series};
use crate::config::backup::Restic as Section;
use crate::config::secret::SecretRef;
use crate::engine::apply::Permit;
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::command::hide;
use crate::world::command::stream::{Streamed, pour};
use crate::world::command::whisper::Whisper;
use crate::world::programs;
use anyhow::{Context as _, Result, bail};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use std::path::PathBuf;
use std::process::Command;

/// What every snapshot of `maint` is marked with.
const TAG: &str = "maint";
/// A list of snapshots is not longer than this.
const LONGEST: usize = 16 << 20;

/// The repository, and the program.
#[derive(Clone, Debug)]
pub(crate) struct Restic {
    program: PathBuf,
    section: Section,
    site: String,
}

#[derive(Deserialize)]
struct Snapshot {
    id: String,
    paths: Vec<PathBuf>,
}

impl Restic {
    /// As `[backup.restic]` says; `None` without it.
    pub(crate) fn of(world: &World) -> Result<Option<Restic>> {
        let Some(section) = world.config.backup.restic.clone() else { return Ok(None) };
        let program = programs::find_here("restic");
        let program =
            program.ok_or_else(|| Problem::usage("restic is not installed: install the package restic"))?;
        let restic = Restic { program, section, site: world.config.site_name().to_owned() };
        restic.secrets(world)?;
        Ok(Some(restic))
    }

    /// Gives it a backup, which is verified by then; what restic says of it.
    pub(crate) fn send(&self, backup: &Backup, world: &World, _permit: &Permit) -> Result<String> {
        let series = tag_of(&backup.series());
        let mut words = vec!["backup", "--quiet", "--host", &self.site, "--tag", TAG];
        words.extend(["--tag", &series]);
        let folder = backup.folder.to_string_lossy();
        self.ask(world, &words, &[&folder])?;
        Ok("as a snapshot".to_owned())
    }

    /// Forgets what the policy does not keep, of this site only.
    pub(crate) fn forget(&self, policy: Policy, world: &World, _permit: &Permit) -> Result<String> {
        let Policy { last, daily, weekly, monthly, yearly } = policy;
        let rules = [
            ("--keep-last", last),
            ("--keep-daily", daily),
            ("--keep-weekly", weekly),
            ("--keep-monthly", monthly),
            ("--keep-yearly", yearly),
        ];
        let rules: Vec<String> = rules
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .flat_map(|(rule, count)| [rule.to_owned(), count.to_string()])
            .collect();
        let mut words = vec!["forget", "--prune", "--quiet", "--host", &self.site, "--tag", TAG];
        // Each thing that is backed up has a tag of its own: its snapshots are counted by themselves.
        words.extend(["--group-by", "host,tags"]);
        words.extend(rules.iter().map(String::as_str));
        self.ask(world, &words, &[])?;
        Ok(String::new())
    }

    /// The ids of the backups that it has.
    pub(crate) fn ids(&self, world: &World) -> Result<Vec<String>> {
        let snapshots = self.snapshots(world)?;
        Ok(snapshots.into_iter().filter_map(|snapshot| id_of(&snapshot)).collect())
    }

    fn snapshots(&self, world: &World) -> Result<Vec<Snapshot>> {
        let said = self.ask(world, &["snapshots", "--json", "--host", &self.site, "--tag", TAG], &[])?;
        serde_json::from_slice(&said).context("restic answers with what is no list of snapshots")
    }

    /// Brings a backup back into the folder of the backups, under its own name.
    pub(crate) fn fetch(
        &self,
        id: &str,
        backups: &Backups,
        world: &World,
        permit: &Permit,
    ) -> Result<Backup> {
        let snapshots = self.snapshots(world)?;
        let is_it = |snapshot: &&Snapshot| id_of(snapshot).as_deref() == Some(id);
        let shown = text::escape(id);
        let snapshot =
            snapshots.iter().find(is_it).with_context(|| format!("restic has no backup {shown}"))?;
        backups.take_in(id, permit, |target| {
            let target = target.to_string_lossy();
            self.ask(world, &["restore", &snapshot.id, "--quiet", "--target", &target], &[]).map(drop)
        })?;
        backups.with_id(id)
    }

    /// Starts restic; repository and password are in no argument and no environment.
    fn ask(&self, world: &World, words: &[&str], paths: &[&str]) -> Result<Vec<u8>> {
        let (repository, password) = self.secrets(world)?;
        let (repository, password) = (Whisper::of(&repository)?, Whisper::of(&password)?);
        #[expect(clippy::disallowed_methods, reason = "this is World")]
        let mut command = Command::new(&self.program);
        hide(&mut command, world.secrets().variables(), &[]);
        for name in ["RESTIC_REPOSITORY", "RESTIC_PASSWORD", "RESTIC_PASSWORD_COMMAND"] {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C.UTF-8");
        command.args(["--repository-file", &repository.path(), "--password-file", &password.path()]);
        command.args(words).arg("--").args(paths);
        let mut said = Limited(Vec::new());
        let ended = pour(command, "restic", world, &mut said)?;
        judge(&ended)?;
        Ok(said.0)
    }

    fn secrets(&self, world: &World) -> Result<(String, String)> {
        let value = |secret: &SecretRef, what: &str| {
            let found = world.secret(secret).map(|value| value.expose_secret().to_owned());
            let found = found.filter(|value| !value.is_empty());
            found.ok_or_else(|| Problem::usage(format!("restic's {what} is missing: set {}", secret.place())))
        };
        let written = &self.section.repository;
        let repository = if let Ok(secret) = SecretRef::try_from(written.clone()) {
            value(&secret, "repository")?
        } else if written.contains(':') {
            written.clone()
        } else {
            world.root.join(written).to_string_lossy().into_owned()
        };
        Ok((repository, value(&self.section.password, "password")?))
    }
}

/// restic's exit codes; what is not known is a failure.
fn judge(ended: &Streamed) -> Result<()> {
    let last = ended.last_line();
    // Before restic 0.17 most failures were exit code 1.
    let says = |words: &str| ended.complaints.contains(words);
    match ended.status.code() {
        Some(0) => Ok(()),
        Some(3) => bail!("restic could not read all of it: {last}"),
        Some(10) => bail!("restic's repository does not exist: make it with `restic init`"),
        Some(11) => bail!("restic's repository is locked by another restic; try again, or `restic unlock`"),
        Some(12) => bail!("restic's password is wrong: correct `password` in [backup.restic]"),
        _ if says("wrong password") => {
            bail!("restic's password is wrong: correct `password` in [backup.restic]")
        }
        _ if says("Is there a repository at") || says("unable to open config file") => {
            bail!("restic's repository does not exist: make it with `restic init`")
        }
        _ => bail!("restic: {last}"),
    }
}

/// The tag of a series: "db-app".
fn tag_of(series: &Series) -> String {
    let Series { kind, name, reason } = series;
    let name: String = name.chars().map(|c| if c == ',' { '_' } else { c }).collect();
    let base = format!("{}-{name}", kind.word());
    reason.as_ref().map_or(base.clone(), |reason| format!("{base}-{reason}"))
}

fn id_of(snapshot: &Snapshot) -> Option<String> {
    let name = snapshot.paths.first()?.file_name()?.to_str()?;
    super::manifest::is_id(name).then(|| name.to_owned())
}

/// An answer that is not longer than it may be.
struct Limited(Vec<u8>);

impl std::io::Write for Limited {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + buffer.len() > LONGEST {
            return Err(std::io::Error::other("it answers with too much"));
        }
        self.0.extend_from_slice(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
