//! A site whose folder is a clone: an origin beside it, to which somebody else pushes.

use super::Site;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The branch of everything here.
pub(crate) const BRANCH: &str = "main";

/// The clone in the site's folder, its origin, and the clone of somebody else.
pub(crate) struct Checkout {
    root: PathBuf,
    elsewhere: PathBuf,
}

impl Checkout {
    /// Makes the site's folder a clone of an origin that has these files.
    pub(crate) fn of(site: &Site, files: &[(&str, &str)]) -> Checkout {
        let (origin, elsewhere) = (site.around().join("origin.git"), site.around().join("elsewhere"));
        let checkout = Checkout { root: site.root(), elsewhere };
        git_in(site.around(), &["init", "--quiet", "--bare", "--initial-branch", BRANCH, "origin.git"]);
        let url = format!("file://{}", origin.display());
        git_in(site.around(), &["clone", "--quiet", &url, "elsewhere"]);
        checkout.publish(files);
        git_in(&checkout.root, &["init", "--quiet", "--initial-branch", BRANCH]);
        git_in(&checkout.root, &["remote", "add", "origin", &url]);
        git_in(&checkout.root, &["fetch", "--quiet", "origin"]);
        // The site's own file is no part of the project.
        fs::write(checkout.root.join(".git/info/exclude"), "/maint.toml\n").unwrap();
        git_in(&checkout.root, &["checkout", "--quiet", "-B", BRANCH, "--track", "origin/main"]);
        checkout
    }

    /// Somebody else pushes these files; the new commit.
    pub(crate) fn publish(&self, files: &[(&str, &str)]) -> String {
        commit_in(&self.elsewhere, files);
        git_in(&self.elsewhere, &["push", "--quiet", "origin", &format!("HEAD:{BRANCH}")]);
        git_in(&self.elsewhere, &["rev-parse", "HEAD"])
    }

    /// A commit in the site's folder that nobody else has.
    pub(crate) fn commit_here(&self, files: &[(&str, &str)]) -> String {
        commit_in(&self.root, files);
        self.head()
    }

    /// The commit that is checked out.
    pub(crate) fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// The branch that is checked out; empty when there is none.
    pub(crate) fn branch(&self) -> String {
        self.git(&["branch", "--show-current"])
    }

    /// What git has in its stash, a line each.
    pub(crate) fn stashes(&self) -> Vec<String> {
        self.git(&["stash", "list"]).lines().map(str::to_owned).collect()
    }

    /// What git calls changed here.
    pub(crate) fn status(&self) -> String {
        self.git(&["status", "--porcelain"])
    }

    /// Everything of the site in git: its branches, tags, stash, HEAD and the state of the files. What is known of the
    /// origin is no part of it.
    pub(crate) fn everything(&self) -> String {
        let refs = self.git(&["for-each-ref", "refs/heads", "refs/tags", "refs/stash"]);
        format!("{}\n{}\n{refs}\n{:?}\n{}", self.head(), self.branch(), self.stashes(), self.status())
    }

    /// git in the site's folder.
    #[track_caller]
    pub(crate) fn git(&self, args: &[&str]) -> String {
        git_in(&self.root, args)
    }
}

fn commit_in(folder: &Path, files: &[(&str, &str)]) {
    for (name, content) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        git_in(folder, &["add", "--", name]);
    }
    let who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"];
    git_in(folder, &[&who[..], &["commit", "--quiet", "--message", "change"]].concat());
}

/// git as the tests use it, free of what this machine has configured; its output.
#[track_caller]
fn git_in(folder: &Path, args: &[&str]) -> String {
    let mut git = Command::new("git");
    git.args(args).current_dir(folder).env_clear().env("PATH", "/usr/bin:/bin");
    git.env("HOME", folder).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    let done = git.output().unwrap();
    assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim_end().to_owned()
}
