//! Which program manages the project: the plugin of docker, or one of its own, of which the first kind is old.

use super::call::{Call, Surroundings};
use crate::text;
use crate::world::World;
use crate::world::programs;
use anyhow::{Result, bail};
use std::path::PathBuf;

const NOT_INSTALLED: &str =
    "Docker Compose is not installed: install the package docker-compose-plugin or docker-compose";

/// The program that manages the project.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    /// It is called as `docker compose`.
    pub(super) is_plugin: bool,
    /// It is of the first kind, written in Python, which knows no JSON.
    pub(super) is_first: bool,
}

impl Program {
    /// Asks those that are there for their versions.
    pub(super) fn find(world: &World, surroundings: &Surroundings) -> Result<Program> {
        let plugin = programs::find_here("docker").map(|path| (path, true));
        let own = programs::find_here("docker-compose").map(|path| (path, false));
        let mut why = None;
        for (path, is_plugin) in plugin.into_iter().chain(own) {
            let mut program = Program { path, is_plugin, is_first: false };
            let said = program.call(surroundings).words(["version", "--short"]).ask(world)?;
            match major(&String::from_utf8_lossy(&said.stdout)).filter(|_| said.code == Some(0)) {
                Some(major) => {
                    program.is_first = major < 2;
                    return Ok(program);
                }
                // A docker without the plugin takes it for a word that it does not know.
                None if is_plugin => {}
                None => why = Some(format!("{} cannot tell its version", text::path(&program.path))),
            }
        }
        match why {
            Some(why) => bail!("{why}; install the package docker-compose-plugin or docker-compose anew"),
            None => bail!(NOT_INSTALLED),
        }
    }

    /// A call of it, without what is to be done.
    pub(super) fn call(&self, surroundings: &Surroundings) -> Call {
        if self.is_plugin {
            Call::new("docker", &self.path, surroundings).word("compose")
        } else {
            Call::new("docker-compose", &self.path, surroundings)
        }
    }
}

/// 2 of "v2.40.3".
fn major(said: &str) -> Option<u32> {
    let version = said.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    let (major, _) = version.trim_start_matches('v').split_once('.')?;
    major.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_tells_the_first_kind_from_the_later_ones() {
        for (said, expected) in [
            ("2.40.3\n", Some(2)),
            ("v2.3.3\n", Some(2)),
            ("1.29.2\n", Some(1)),
            ("5.0.1", Some(5)),
            ("2.26.1-4\n\n", Some(2)),
            ("", None),
            ("Usage:  docker [OPTIONS] COMMAND", None),
        ] {
            assert_eq!(major(said), expected, "{said}");
        }
    }
}
