//! A call of one of Docker's programs: what it may see, and what its failures mean.

use super::complaint::complaint;
use crate::world::World;
use crate::world::command::{self, Said};
use anyhow::{Context as _, Result, bail};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Where Docker's programs run, and for how long one may take to answer.
#[derive(Clone, Debug)]
pub(super) struct Surroundings {
    pub(super) folder: PathBuf,
    pub(super) patience: Duration,
    /// Variables that they may not see…
    pub(super) hidden: Vec<String>,
    /// …unless they are listed here.
    pub(super) shown: Vec<String>,
}

/// A call of one of Docker's programs. They have the environment of `maint`, which says where the daemon is, but not
/// its secrets.
pub(super) struct Call {
    /// Such as "docker compose ps".
    pub(super) name: String,
    pub(super) command: Command,
    patience: Duration,
}

impl Call {
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    pub(super) fn new(name: &str, program: &Path, surroundings: &Surroundings) -> Call {
        let Surroundings { folder, patience, hidden, shown } = surroundings;
        let mut command = Command::new(program);
        command::hide(&mut command, hidden, shown);
        command.current_dir(folder).env("LC_ALL", "C.UTF-8");
        Call { name: name.to_owned(), command, patience: *patience }
    }

    /// Adds a word that also belongs to what the call is called.
    pub(super) fn word(mut self, word: &str) -> Call {
        self.name = format!("{} {word}", self.name);
        self.words([word])
    }

    /// Adds arguments.
    pub(super) fn words(mut self, words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Call {
        self.command.args(words);
        self
    }

    /// What it says, however it ends.
    pub(super) fn ask(self, world: &World) -> Result<Said> {
        let name = self.name;
        command::answer_in_run(self.command, self.patience, &world.stop).context(name)
    }

    /// What it says when it succeeds; warnings beside that are nobody's business. The error is one line.
    pub(super) fn answer(self, world: &World) -> Result<Said> {
        let name = self.name.clone();
        let said = self.ask(world)?;
        if said.code == Some(0) {
            return Ok(said);
        }
        let words = String::from_utf8_lossy(&said.stderr);
        match complaint(words.lines()) {
            Some(why) => bail!("{why}"),
            None => match said.code {
                Some(code) => bail!("{name} ended with exit code {code} and said nothing"),
                None => bail!("{name} was killed"),
            },
        }
    }
}
