//! A clone: the newest commit of a repository, fetched with everything closed that a repository could reach through it.

use crate::config::repository::RepositoryName;
use crate::engine::apply::Permit;
use crate::world::World;
use crate::world::command::tool::{Setback, Told, Tool};
use crate::world::environment::variable;
use crate::world::files::Scratch;
use crate::world::programs;
use anyhow::{Result, anyhow};
use chrono::{DateTime, Utc};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// No protocol but the one of the address, no hook, no further program, nothing in the background; and no symlink, which
/// would lead whoever reads the clone to files of the site.
const CLOSED: [&str; 10] = [
    "protocol.allow=never",
    "core.symlinks=false",
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.askPass=/bin/false",
    "credential.helper=",
    "submodule.recurse=false",
    "init.templateDir=",
    "gc.auto=0",
    "maintenance.auto=false",
];
/// How the network is reached; the other variables of `maint` are no business of git's.
const NETWORK: [&str; 6] =
    ["https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"];
/// The last word of a git that has said more before.
const NO_REASON: &str = "fatal: Could not read from remote repository.";
/// What is learnt of the machine that repositories are cloned from.
const HOST: &str = "git";
/// Looking at what was cloned takes no time.
const LOOK: Duration = Duration::from_secs(60);

/// The commit that was cloned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) commit: String,
    /// When it was committed, as it says itself.
    pub(crate) date: DateTime<Utc>,
}

/// Clones the newest commit of the default branch into a folder of `scratch` that does not exist yet.
pub(crate) fn clone(
    world: &World,
    name: &RepositoryName,
    scratch: &Scratch,
    folder: &Path,
    permit: &Permit,
) -> Result<Head, Setback> {
    let url = &world.config.github.clone_url;
    let url = url.replace("{owner}", name.owner()).replace("{repo}", name.repo());
    let limit = world.config.ascl_refresh.clone_timeout.duration();
    let clone = ["clone", "--depth", "1", "--single-branch", "--no-tags", "--", &url];
    let arguments = clone.into_iter().map(OsString::from).chain([folder.into()]);
    let git = Git { world, name, scratch, permit };
    let told = git.run(arguments, limit).inspect_err(|setback| {
        if let Setback::Input(why) = setback {
            world.asked.miss(HOST, why);
        }
    })?;
    if !told.is_success {
        let is_telling = |line: &str| line.starts_with("fatal: ") && line != NO_REASON;
        let setback = told.setback("git", is_telling);
        let Setback::Input(why) = &setback else { return Err(setback) };
        if !is_away(why) {
            return Err(setback);
        }
        world.asked.miss(HOST, why);
        return Err(Setback::Machine(anyhow!("{why}")));
    }
    world.asked.hit(HOST);
    let look = ["log", "-1", "--format=%H %ct"].map(OsString::from);
    let told = git.run(["-C".into(), folder.into()].into_iter().chain(look), LOOK)?;
    let head = told.lines.iter().find_map(|line| head(line)).filter(|_| told.is_success);
    head.ok_or_else(|| Setback::Input("the repository has no commit".to_owned()))
}

/// Why nothing is cloned any more in this run: the machine has failed several times in a row.
pub(crate) fn given_up(world: &World) -> Option<String> {
    world.asked.given_up(HOST)
}

/// True for words of git that tell of the machine that it asks, and of no single repository.
fn is_away(why: &str) -> bool {
    let is_of_one = ["403", "404", "410", "451"].iter().any(|code| why.ends_with(&format!("error: {code}")));
    why.contains("unable to access") && !is_of_one
}

/// Where git is.
pub(crate) fn locate() -> Result<PathBuf> {
    programs::find_here("git").ok_or_else(|| anyhow!("git is not installed: install the package `git`"))
}

/// "HASH SECONDS".
fn head(line: &str) -> Option<Head> {
    let (commit, seconds) = line.split_once(' ')?;
    let is_hash = commit.len() >= 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    let date = DateTime::from_timestamp(seconds.parse().ok()?, 0)?;
    is_hash.then(|| Head { commit: commit.to_owned(), date })
}

struct Git<'a> {
    world: &'a World,
    name: &'a RepositoryName,
    scratch: &'a Scratch,
    permit: &'a Permit,
}

impl Git<'_> {
    fn run(&self, arguments: impl Iterator<Item = OsString>, limit: Duration) -> Result<Told, Setback> {
        let program = locate()?;
        // The configuration lets nothing pass but these two.
        let is_file = self.world.config.github.clone_url.starts_with("file://");
        let protocol = if is_file { "file" } else { "https" };
        let allow = format!("protocol.{protocol}.allow=always");
        let settings = CLOSED.into_iter().chain([&*allow]);
        let settings = settings.flat_map(|setting| ["-c".into(), setting.into()]);
        let tool = Tool {
            name: "git",
            work: self.name.as_str(),
            program: &program,
            arguments: settings.chain(arguments).collect(),
            scratch: self.scratch,
            variables: variables(protocol),
            limit,
        };
        tool.run(&self.world.stop, self.permit)
    }
}

fn variables(protocol: &str) -> Vec<(&'static str, OsString)> {
    let fixed = [
        ("GIT_ALLOW_PROTOCOL", protocol),
        ("GIT_ASKPASS", "/bin/false"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_LFS_SKIP_SMUDGE", "1"),
        ("GIT_TERMINAL_PROMPT", "0"),
    ];
    let network = NETWORK.into_iter().filter_map(|name| Some((name, variable(name)?)));
    fixed.into_iter().map(|(name, value)| (name, value.into())).chain(network).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_is_away_is_told_from_a_repository_that_is() {
        let of = |words: &str| is_away(&format!("git: fatal: {words}"));
        for away in [
            "unable to access 'https://127.0.0.1:1/a/b.git/': Failed to connect to 127.0.0.1 port 1 after 0 ms",
            "unable to access 'https://x/a/b.git/': Could not resolve host: x",
            "unable to access 'https://x/a/b.git/': Operation timed out after 300000 milliseconds",
            "unable to access 'https://x/a/b.git/': The requested URL returned error: 503",
            "unable to access 'https://x/a/b.git/': server certificate verification failed.",
        ] {
            assert!(of(away), "{away}");
        }
        for one in [
            "repository 'https://x/a/b.git/' not found",
            "unable to access 'https://x/a/b.git/': The requested URL returned error: 403",
            "could not read Username for 'https://x': terminal prompts disabled",
            "'/srv/a/b' does not appear to be a git repository",
        ] {
            assert!(!of(one), "{one}");
        }
    }

    #[test]
    fn the_head_of_a_clone_is_a_commit_and_its_time_and_nothing_else() {
        let hash = "0123456789abcdef0123456789abcdef01234567";
        let found = head(&format!("{hash} 1795186946")).unwrap();
        assert_eq!((found.commit.as_str(), found.date.timestamp()), (hash, 1_795_186_946));
        for bad in ["", "warning: x", "fatal: your current branch", &format!("{hash} "), &format!("{hash} x")]
        {
            assert_eq!(head(bad), None, "{bad:?}");
        }
    }
}
