//! The site's own checkout: what it stands at, and how it moves on to newer code and back.
//!
//! git is asked with its user's own settings, since keys and remotes are theirs; it never asks back.

use crate::engine::apply::Permit;
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::command::Said;
use crate::world::command::errand::Errand;
use anyhow::{Result, anyhow, bail};
use std::path::PathBuf;
use std::time::Duration;

/// Looking at what is here takes no time.
const LOOK: Duration = Duration::from_secs(60);
/// The beginning of the message of each stash that `maint` makes.
const STASH: &str = "maint: before the deploy of ";
/// Nobody is there to be asked; and the one who stashes needs a name, although nobody will read it.
const VARIABLES: [(&str, &str); 6] = [
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_EDITOR", "true"),
    ("GIT_AUTHOR_NAME", "maint"),
    ("GIT_AUTHOR_EMAIL", "maint@localhost"),
    ("GIT_COMMITTER_NAME", "maint"),
    ("GIT_COMMITTER_EMAIL", "maint@localhost"),
];
/// What points git to another repository than the one it is in, as it does in a hook of that.
const FOREIGN: [&str; 9] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
];
/// The last word of a git that has said more before.
const NO_REASON: &str = "fatal: Could not read from remote repository.";
/// What git leaves in its folder while something is under way, and how that is ended.
const UNFINISHED: [(&str, &str, &str); 5] = [
    ("MERGE_HEAD", "a merge", "`git merge --abort`, or commit it"),
    ("rebase-merge", "a rebase", "`git rebase --abort`, or continue it"),
    ("rebase-apply", "a rebase", "`git rebase --abort`, or continue it"),
    ("CHERRY_PICK_HEAD", "a cherry-pick", "`git cherry-pick --abort`, or continue it"),
    ("REVERT_HEAD", "a revert", "`git revert --abort`, or continue it"),
];

/// The checkout.
#[derive(Debug)]
pub(crate) struct Checkout {
    program: PathBuf,
    folder: PathBuf,
}

/// Where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// The commit that is checked out.
    pub(crate) commit: String,
    /// The branch; none when a commit is checked out by itself.
    pub(crate) branch: Option<String>,
    /// Files that git knows and that were changed here.
    pub(crate) changed: Vec<String>,
}

/// The branch that new code comes from.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    /// Such as "origin".
    pub(crate) remote: String,
    /// Its name there, such as "main".
    pub(crate) branch: String,
    /// Its newest commit.
    pub(crate) commit: String,
}

/// Local changes that were put away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stash {
    pub(crate) commit: String,
    pub(crate) message: String,
}

/// How two commits stand to one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Same,
    /// The other one is newer, and holds all of this one.
    Behind,
    /// This one is newer.
    Ahead,
    /// Each has something that the other lacks.
    Diverged,
    /// The other one is not here yet.
    Unknown,
}

impl World {
    /// The checkout that `site.root` is in.
    pub(crate) fn checkout(&self) -> Result<Checkout> {
        let checkout = Checkout { program: super::locate()?, folder: self.root.clone() };
        let said = checkout.ask(self, &["rev-parse", "--is-inside-work-tree"])?;
        if said.code == Some(0) && said.stdout.trim_ascii() == b"true" {
            return Ok(checkout);
        }
        let folder = text::path(&self.root);
        let why = telling(&said);
        if why.contains("dubious ownership") {
            bail!(
                "{folder} belongs to another user, so git does not trust it: run maint as that user, or \
                 `git config --global --add safe.directory {folder}`"
            );
        }
        Err(Problem::usage(format!("{folder} is no git checkout; clone the site there, or use --no-pull")))
    }
}

impl Checkout {
    /// Where it stands. The error is for a state that no deploy should begin with.
    pub(crate) fn standing(&self, world: &World) -> Result<Standing> {
        for (file, what, cure) in UNFINISHED {
            let path = self.line(world, &["rev-parse", "--git-path", file])?;
            if world.files.exists(&self.folder.join(path)) {
                bail!("{what} is under way in {}; end it: {cure}", text::path(&self.folder));
            }
        }
        let head = self.ask(world, &["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])?;
        if head.code != Some(0) {
            bail!("{} has no commit yet", text::path(&self.folder));
        }
        let branch = self.ask(world, &["symbolic-ref", "--quiet", "--short", "HEAD"])?;
        let status =
            self.bytes(world, &["status", "--porcelain", "-z", "--no-renames", "--untracked-files=no"])?;
        let entries = status.split(|byte| *byte == 0).filter(|entry| entry.len() > 3);
        let entries: Vec<String> = entries.map(|entry| text::escape_bytes(entry).into_owned()).collect();
        if let Some(entry) = entries.iter().find(|entry| is_unmerged(entry)) {
            bail!(
                "{} has a conflict that is not solved; solve it and commit, or `git checkout HEAD -- {}`",
                &entry[3..],
                &entry[3..]
            );
        }
        Ok(Standing {
            commit: one_line(&head.stdout),
            branch: (branch.code == Some(0)).then(|| one_line(&branch.stdout)),
            changed: entries.iter().map(|entry| entry[3..].to_owned()).collect(),
        })
    }

    /// The branch that this one follows, as its remote has it now. Nothing is fetched.
    pub(crate) fn upstream(&self, world: &World, standing: &Standing, limit: Duration) -> Result<Upstream> {
        let Some(branch) = &standing.branch else {
            let commit = short(&standing.commit);
            bail!(
                "no branch is checked out, only the commit {commit}; choose one, such as `git switch main`"
            );
        };
        let of = |key: &str| {
            let key = format!("branch.{branch}.{key}");
            let said = self.ask(world, &["config", "--get", &key])?;
            Ok::<_, anyhow::Error>(
                Some(one_line(&said.stdout)).filter(|value| said.code == Some(0) && !value.is_empty()),
            )
        };
        let (Some(remote), Some(merge)) = (of("remote")?, of("merge")?) else {
            let branch = text::escape(branch);
            bail!(
                "the branch {branch} follows none; name one: `git branch --set-upstream-to=origin/{branch}`"
            );
        };
        let said = self.errand(&["ls-remote", "--exit-code", "--", &remote, &merge], limit).ask(world)?;
        let answer = String::from_utf8_lossy(&said.stdout);
        let line = answer.lines().find(|line| line.split('\t').nth(1) == Some(merge.as_str()));
        let commit = line.and_then(|line| line.split('\t').next()).filter(|commit| is_commit(commit));
        let (shown, name) = (text::escape(&remote), merge.strip_prefix("refs/heads/").unwrap_or(&merge));
        match (said.code, commit) {
            (Some(0), Some(commit)) => {
                Ok(Upstream { remote: remote.clone(), branch: name.to_owned(), commit: commit.to_owned() })
            }
            (Some(0 | 2), _) => bail!("the remote {shown} has no branch {}", text::escape(name)),
            _ => bail!("the remote {shown} cannot be read: {}", telling(&said)),
        }
    }

    /// How the checked out commit stands to another one.
    pub(crate) fn relation(&self, world: &World, other: &str) -> Result<Relation> {
        let head = self.line(world, &["rev-parse", "HEAD"])?;
        if head == other {
            return Ok(Relation::Same);
        }
        if self.ask(world, &["cat-file", "-e", &format!("{other}^{{commit}}")])?.code != Some(0) {
            return Ok(Relation::Unknown);
        }
        let is_within = |old: &str, new: &str| {
            let said = self.ask(world, &["merge-base", "--is-ancestor", old, new])?;
            Ok::<_, anyhow::Error>(said.code == Some(0))
        };
        Ok(match (is_within(&head, other)?, is_within(other, &head)?) {
            (true, _) => Relation::Behind,
            (_, true) => Relation::Ahead,
            _ => Relation::Diverged,
        })
    }

    /// Brings a branch of a remote here; the files stay as they are.
    pub(crate) fn fetch(
        &self,
        world: &World,
        upstream: &Upstream,
        limit: Duration,
        permit: &Permit,
    ) -> Result<()> {
        let told = self
            .errand(&["fetch", "--no-recurse-submodules", "--", &upstream.remote, &upstream.branch], limit);
        let told = told.run(world, permit)?;
        if told.is_success {
            return Ok(());
        }
        bail!("git fetch: {}", reason(told.lines.iter().map(String::as_str)))
    }

    /// Moves branch and files on to a newer commit, which holds all of the present one.
    pub(crate) fn advance(&self, world: &World, commit: &str, permit: &Permit) -> Result<()> {
        self.change(world, &["merge", "--ff-only", "--no-stat", commit], permit)
    }

    /// Moves branch and files to another commit, wherever that is. Changes that were made here stay, or it is refused.
    pub(crate) fn go_to(&self, world: &World, commit: &str, permit: &Permit) -> Result<()> {
        self.change(world, &["reset", "--keep", "--quiet", commit], permit)
    }

    /// Puts local changes away; none when there is nothing to put away.
    pub(crate) fn stash(&self, world: &World, permit: &Permit) -> Result<Option<Stash>> {
        let before = self.stashes(world)?;
        let message = message_of_this_run(world);
        self.change(world, &["stash", "push", "--quiet", "--message", &message], permit)?;
        let after = self.stashes(world)?;
        Ok(after.into_iter().find(|stash| !before.contains(stash)))
    }

    /// The local changes that deploys have put away, newest first.
    pub(crate) fn stashes(&self, world: &World) -> Result<Vec<Stash>> {
        let list = self.bytes(world, &["stash", "list", "--format=%H %gs"])?;
        let list = String::from_utf8_lossy(&list).into_owned();
        let stash = |line: &str| {
            let (commit, subject) = line.split_once(' ')?;
            // "On main: maint: before …"
            let message = &subject[subject.find(STASH)?..];
            Some(Stash { commit: commit.to_owned(), message: text::escape(message).into_owned() })
        };
        Ok(list.lines().filter_map(stash).collect())
    }

    /// The local changes that this very run has put away.
    pub(crate) fn stash_of_this_run(&self, world: &World) -> Result<Option<Stash>> {
        let message = message_of_this_run(world);
        Ok(self.stashes(world)?.into_iter().find(|stash| stash.message == message))
    }

    /// Puts local changes back, all of them or none: where they do not fit, they stay away.
    pub(crate) fn unstash(&self, world: &World, stash: &Stash, permit: &Permit) -> Result<()> {
        let standing = self.standing(world)?;
        if let Some(file) = standing.changed.first() {
            bail!("{file} was changed here meanwhile; commit that first, or undo it");
        }
        if let Err(error) =
            self.change(world, &["stash", "apply", "--index", "--quiet", &stash.commit], permit)
        {
            // Nothing but the stash itself can be in the way now; half of it must not stay, even when the run is being ended.
            self.change(&world.to_the_end(LOOK), &["reset", "--hard", "--quiet", "HEAD"], permit)?;
            return Err(anyhow!(
                "they do not fit the new code and stay stashed; `git stash apply {}` and solve it: {error:#}",
                short(&stash.commit)
            ));
        }
        let list = self.bytes(world, &["stash", "list", "--format=%H"])?;
        let list = String::from_utf8_lossy(&list).into_owned();
        match list.lines().position(|commit| commit == stash.commit) {
            Some(place) => {
                self.change(world, &["stash", "drop", "--quiet", &format!("stash@{{{place}}}")], permit)
            }
            None => Ok(()),
        }
    }

    /// The first line of a commit's message, escaped.
    pub(crate) fn subject(&self, world: &World, commit: &str) -> String {
        let said = self.bytes(world, &["log", "-1", "--format=%s", commit]).unwrap_or_default();
        text::cut(&text::escape(&one_line(&said)), 72)
    }

    /// How many commits lie between two of them, the second included.
    pub(crate) fn count(&self, world: &World, old: &str, new: &str) -> Result<usize> {
        let count = self.line(world, &["rev-list", "--count", &format!("{old}..{new}")])?;
        count.parse().map_err(|_| anyhow!("git rev-list answers with `{}`", text::escape(&count)))
    }

    fn change(&self, world: &World, arguments: &[&str], permit: &Permit) -> Result<()> {
        let told = self.errand(arguments, LOOK).run(world, permit)?;
        if told.is_success {
            return Ok(());
        }
        let name = arguments.first().unwrap_or(&"");
        bail!("git {name}: {}", reason(told.lines.iter().map(String::as_str)))
    }

    /// One line of an answer, which must come.
    fn line(&self, world: &World, arguments: &[&str]) -> Result<String> {
        self.bytes(world, arguments).map(|bytes| one_line(&bytes))
    }

    fn bytes(&self, world: &World, arguments: &[&str]) -> Result<Vec<u8>> {
        let said = self.ask(world, arguments)?;
        if said.code == Some(0) {
            return Ok(said.stdout);
        }
        bail!("git {}: {}", arguments.first().unwrap_or(&""), telling(&said))
    }

    fn ask(&self, world: &World, arguments: &[&str]) -> Result<Said> {
        self.errand(arguments, LOOK).ask(world)
    }

    fn errand<'a>(&'a self, arguments: &[&str], limit: Duration) -> Errand<'a> {
        // Even a look at what has changed would write to the index otherwise.
        let arguments = std::iter::once("--no-optional-locks").chain(arguments.iter().copied());
        Errand {
            name: "git",
            program: &self.program,
            arguments: arguments.map(Into::into).collect(),
            folder: &self.folder,
            variables: &VARIABLES,
            hidden: &FOREIGN,
            limit,
        }
    }
}

/// What tells the stash of this run from others.
fn message_of_this_run(world: &World) -> String {
    format!("{STASH}{}", world.clock.show(world.clock.now()))
}

/// The beginning of a commit's hash, as people write it.
pub(crate) fn short(commit: &str) -> &str {
    commit.get(..8).unwrap_or(commit)
}

fn is_commit(text: &str) -> bool {
    text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// "UU path": both sides have changed it.
fn is_unmerged(entry: &str) -> bool {
    matches!(entry.get(..2), Some("DD" | "AU" | "UD" | "UA" | "DU" | "AA" | "UU"))
}

fn one_line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().trim().to_owned()
}

/// What went wrong, of an answer.
fn telling(said: &Said) -> String {
    reason(String::from_utf8_lossy(&said.stderr).lines())
}

/// What went wrong, in one line of what git said: the last complaint, with the files that it lists; and what stands before
/// it where it says nothing by itself.
fn reason<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let lines: Vec<&str> = lines.map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let is_complaint = |line: &&str| line.starts_with("fatal: ") || line.starts_with("error: ");
    let at = lines.iter().rposition(is_complaint).unwrap_or(lines.len().saturating_sub(1));
    let Some(line) = lines.get(at) else { return "it says nothing".to_owned() };
    let before = at.checked_sub(1).and_then(|before| lines.get(before)).filter(|_| *line == NO_REASON);
    // A line of the log has its tab escaped.
    let is_file = |line: &&&str| line.starts_with(['\t', ' ']) || line.starts_with("\\t");
    let files = lines[at + 1..].iter().take_while(is_file);
    let files: Vec<&str> = files.map(|line| line.trim_start_matches("\\t").trim()).take(3).collect();
    let line = [&[*before.unwrap_or(line)][..], &files].concat().join(" ");
    text::cut(&text::escape(line.trim()), 200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_the_last_complaint_with_its_files_or_what_stands_before_it() {
        let of = |said: &str| reason(said.lines());
        assert_eq!(of(""), "it says nothing");
        assert_eq!(of("hint: a\nfatal: bad\nhint: b"), "fatal: bad");
        let files =
            "error: these untracked files would be overwritten by merge:\n\ta.txt\n\\tb.txt\nPlease move";
        assert_eq!(of(files), "error: these untracked files would be overwritten by merge: a.txt b.txt");
        let general = format!("git@x: Permission denied (publickey).\n{NO_REASON}\n\nPlease make sure");
        assert_eq!(of(&general), "git@x: Permission denied (publickey).");
    }
}
