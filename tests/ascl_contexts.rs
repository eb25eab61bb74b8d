//! `ascl-refresh`: context files, from real repositories by a contextmaker of the recorded behaviour.

use crate::support::libraries::Libraries;
use crate::support::{Run, age, finish, leave_out, run, send, wait_until};
use rustix::process::Signal;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The library as it stands in the catalogue.
#[track_caller]
fn entry(libraries: &Libraries, name: &str) -> Value {
    let text = fs::read(libraries.site.path("app/data/astronomy-libraries.json")).unwrap();
    let catalogue: Value = serde_json::from_slice(&text).unwrap();
    let mut all = catalogue["libraries"].as_array().unwrap().iter();
    all.find(|library| library["name"] == name).unwrap().clone()
}

/// Why the context file of a library was not made.
#[track_caller]
pub(crate) fn failure(run: &Run, library: &str) -> String {
    let report = run.json();
    let mut steps = report["steps"].as_array().unwrap().iter();
    let step = steps.find(|step| step["library"] == library).unwrap();
    assert_eq!(step["outcome"], "failed", "{step}");
    step["detail"].as_str().unwrap().to_owned()
}

/// A library whose Makefile does this gets no context file, for this reason; nothing of it is left, and the others
/// get theirs.
#[track_caller]
fn is_refused(makefile: &str, why: &str) {
    let libraries = Libraries::new("");
    libraries.makes("x/astro-bad", makefile);
    libraries.plain("x/astro-good");
    let run = libraries.refresh(&["--json"]).exits(1);
    let detail = failure(&run, "x/astro-bad");
    assert!(detail.starts_with(why), "{detail}");
    assert_eq!(libraries.contexts(), ["astro-good-context.txt"]);
    assert_eq!(entry(&libraries, "x/astro-bad")["hasContextFile"], false);
    assert_eq!(libraries.clones(), [""; 0]);
    assert_eq!(libraries.processes(), [0; 0]);
}

#[test]
fn a_context_file_is_made_of_a_clone_and_the_catalogue_tells_of_it() {
    let libraries = Libraries::new("");
    libraries.library("x/Astro.one", &[("README.md", "Stars.\n"), ("one.py", "def star(): pass\n")]);
    let report = libraries.refresh(&["--json"]).exits(0).json();
    assert_eq!(report["summary"].as_str().unwrap().split(':').next(), Some("ascl-refresh"));
    let step = report["steps"].as_array().unwrap().last().unwrap();
    assert_eq!((&step["action"], &step["library"]), (&"make-context".into(), &"x/Astro.one".into()));
    assert_eq!(step["path"], "public/context/astronomy/Astro.one-context.txt");
    let text = libraries.context("Astro.one-context.txt");
    assert_eq!(step["size_bytes"], text.len());
    assert_eq!(text, "# - Astro.one | Complete Documentation -\nStars.\ndef star(): pass\n");
    let found = fs::metadata(libraries.site.path("public/context/astronomy/Astro.one-context.txt")).unwrap();
    assert_eq!(found.permissions().mode() & 0o7777, 0o644);
    let entry = entry(&libraries, "x/Astro.one");
    assert_eq!(entry["hasContextFile"], true);
    assert_eq!(entry["contextFileName"], "Astro.one-context.txt");
    assert_eq!(libraries.clones(), [""; 0]);
    let again = libraries.refresh(&["--json"]).exits(0).json();
    assert_eq!(again["steps"], Value::Array(Vec::new()));
}

#[test]
fn a_dry_run_clones_nothing_and_makes_no_folder() {
    let libraries = Libraries::new("");
    libraries.plain("x/astro");
    let before = libraries.site.snapshot();
    let run = libraries.refresh(&["--dry-run"]).exits(0);
    assert!(
        run.stdout.contains("would make public/context/astronomy/astro-context.txt from x/astro\n"),
        "{}",
        run.stdout
    );
    assert_eq!(libraries.site.snapshot(), before);
}

#[test]
fn names_that_collide_get_the_owner_in_front_and_several_are_made_at_once() {
    let libraries = Libraries::new("jobs = 4");
    let names = ["mperrin/poppy", "spacetelescope/poppy", "a/astro-1", "a/astro-2", "a/astro-3"];
    for name in names {
        libraries.makes(name, "sleep 1");
    }
    let start = Instant::now();
    let _ = libraries.refresh(&[]).exits(0);
    // Five seconds one after the other.
    assert!(start.elapsed() < Duration::from_millis(4_500), "{:?}", start.elapsed());
    assert!(libraries.context("mperrin-poppy-context.txt").contains("This is mperrin/poppy."));
    assert!(libraries.context("spacetelescope-poppy-context.txt").contains("This is spacetelescope/poppy."));
    assert_eq!(libraries.contexts().len(), 5);
}

/// The names of the variables that `env` has printed, but for those that a shell sets itself.
fn variables(text: &str) -> Vec<&str> {
    let names = text.lines().filter_map(|line| line.split_once('=').map(|(name, _)| name));
    let is_own = |name: &&str| ["PWD", "OLDPWD", "SHLVL", "_"].contains(name);
    let mut names: Vec<&str> = names.filter(|name| !name.starts_with('-') && !is_own(name)).collect();
    names.sort_unstable();
    names
}

#[test]
fn git_is_called_with_everything_closed_and_no_secret() {
    let libraries = Libraries::new("");
    libraries.plain("x/astro");
    let log = libraries.around("git.log");
    libraries.before_git(&format!("{{ echo \"$*\"; env; }} >>'{}'", log.display()));
    let mut command = libraries.command(&["ascl-refresh"]);
    command
        .env("GITHUB_TOKEN", "ghp_0123456789")
        .env("DISCORD_WEBHOOK_URL", "https://example.org/hook1234567890");
    let _ = run(command.env("GIT_SSH_COMMAND", "false").env("LD_PRELOAD", "")).exits(0);
    let log = fs::read_to_string(log).unwrap();
    let first = log.lines().next().unwrap();
    let url = format!("file://{}/git/x/astro", libraries.site.around().display());
    for part in [
        "-c protocol.allow=never -c ",
        "-c core.hooksPath=/dev/null ",
        "-c protocol.file.allow=always ",
        &format!(" clone --depth 1 --single-branch --no-tags -- {url} "),
    ] {
        assert!(first.contains(part), "{part:?} in {first:?}");
    }
    assert!(!first.contains("protocol.https.allow"), "{first}");
    let mut variables = variables(&log);
    variables.dedup();
    let expected = [
        "GIT_ALLOW_PROTOCOL",
        "GIT_ASKPASS",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_NOSYSTEM",
        "GIT_LFS_SKIP_SMUDGE",
        "GIT_TERMINAL_PROMPT",
        "HOME",
        "LC_ALL",
        "PATH",
        "TMPDIR",
    ];
    assert_eq!(variables, expected);
}

#[test]
fn contextmaker_sees_no_variable_of_maint() {
    let libraries = Libraries::new("");
    libraries.makes("x/astro", "env >\"$input/z.md\"");
    let mut command = libraries.command(&["ascl-refresh"]);
    command.env("GITHUB_TOKEN", "ghp_0123456789").env("ANTHROPIC_API_KEY", "sk-0123456789");
    let _ = run(&mut command).exits(0);
    let text = libraries.context("astro-context.txt");
    let expected = [
        "HOME",
        "LC_ALL",
        "PATH",
        "PIP_DISABLE_PIP_VERSION_CHECK",
        "PIP_NO_INDEX",
        "PYTHONUNBUFFERED",
        "TMPDIR",
    ];
    assert_eq!(variables(&text), expected);
    assert!(text.contains("/temp/repos/.maint-"), "{text}");
}

#[test]
fn a_library_that_fails_waits_longer_each_time_and_only_overrides_it() {
    let libraries = Libraries::new("");
    libraries.makes("x/astro-bad", "log ERROR 'No docs found.'; log ERROR 'Conversion failed'; exit 1");
    libraries.plain("x/astro-good");
    let at = |day: u32, args: &[&str]| libraries.refresh_at(&format!("2026-11-{day}T02:00:00Z"), args);
    let first = failure(&at(20, &["--json"]).exits(1), "x/astro-bad");
    assert_eq!(
        first,
        "contextmaker: 2026-11-20 15:08:18,222 [ERROR] No docs found.; it is tried again after 20 h"
    );
    let steps = |run: Run| {
        let steps = run.json()["steps"].clone();
        steps.as_array().unwrap().iter().filter(|step| step["library"].is_string()).count()
    };
    // An hour later it is left alone, and the run says so.
    let waiting = libraries.refresh_at("2026-11-20T03:00:00Z", &["--json"]).exits(0);
    assert!(waiting.stdout.contains("x/astro-bad: no context file, it failed once"), "{}", waiting.stdout);
    assert_eq!(steps(waiting), 0);
    let second = failure(&at(21, &["--json"]).exits(1), "x/astro-bad");
    assert!(second.ends_with("; it is tried again after 1 d 20 h"), "{second}");
    assert_eq!(steps(at(22, &["--json"]).exits(0)), 0);
    let asked = failure(&at(22, &["--json", "--only", "x/astro-bad"]).exits(1), "x/astro-bad");
    assert!(asked.ends_with("; it is tried again after 3 d 20 h"), "{asked}");
    libraries.commit("x/astro-bad", &[("Makefile", "")], "2026-11-24T12:00:00Z");
    assert_eq!(steps(at(25, &["--json"]).exits(0)), 0);
    let _ = at(26, &[]).exits(0);
    assert_eq!(libraries.contexts(), ["astro-bad-context.txt", "astro-good-context.txt"]);
    assert_eq!(entry(&libraries, "x/astro-bad")["hasContextFile"], true);
}

#[test]
fn a_library_with_new_commits_is_renewed_and_one_without_is_left_alone() {
    let libraries = Libraries::new("");
    libraries.plain("x/astro-new");
    libraries.plain("x/astro-pushed");
    let _ = libraries.refresh(&[]).exits(0);
    libraries.commit("x/astro-new", &[("README.md", "More.\n")], "2026-11-21T12:00:00Z");
    // A push to another branch.
    libraries.changed("x/astro-pushed", "2026-11-21T12:00:00Z");
    let file = libraries.site.path("public/context/astronomy/astro-pushed-context.txt");
    let inode = fs::metadata(&file).unwrap().ino();
    let report = libraries.refresh_at("2026-11-22T02:00:00Z", &["--json"]).exits(0).json();
    let steps: Vec<&Value> =
        report["steps"].as_array().unwrap().iter().filter(|step| step["library"].is_string()).collect();
    assert_eq!(steps.len(), 2, "{steps:?}");
    assert_eq!((&steps[0]["action"], &steps[0]["outcome"]), (&"renew-context".into(), &"done".into()));
    assert_eq!(
        (&steps[1]["outcome"], &steps[1]["detail"]),
        (&"skipped".into(), &"nothing new on its default branch".into())
    );
    assert!(libraries.context("astro-new-context.txt").contains("More."));
    assert_eq!(fs::metadata(&file).unwrap().ino(), inode);
    let again = libraries.refresh_at("2026-11-23T02:00:00Z", &["--json"]).exits(0).json();
    assert_eq!(again["counts"]["skipped"], 0);
}

#[test]
fn what_is_no_text_file_is_no_context_file() {
    is_refused(
        "ln -s /etc/passwd \"$output/$name.txt\"; exit 0",
        "contextmaker made a astro-bad.txt that is no",
    );
    is_refused(
        "mkdir \"$output/$name.txt\"; exit 0",
        "contextmaker made a astro-bad.txt that is no regular file",
    );
    is_refused(
        "mkfifo \"$output/$name.txt\"; exit 0",
        "contextmaker made a astro-bad.txt that is no regular file",
    );
    is_refused(": >\"$output/$name.txt\"; exit 0", "contextmaker made a astro-bad.txt that is empty");
    is_refused(
        "echo x >\"$output/a\"; ln \"$output/a\" \"$output/$name.txt\"; exit 0",
        "contextmaker made a astro-bad.txt that is another file as well (a hard link)",
    );
    is_refused(
        "truncate -s 300M \"$output/$name.txt\"; exit 0",
        "contextmaker made a astro-bad.txt that is larger",
    );
    is_refused("echo x >\"$output/$name.md\"; exit 0", "contextmaker ended well, but made no astro-bad.txt");
    is_refused("rm -r \"$output\"; exit 0", "contextmaker removed or closed its folder");
}

#[test]
fn how_contextmaker_ends_is_told_in_its_own_words() {
    is_refused("exit 7", "contextmaker: 2026-11-20 15:08:18,222 [INFO] Output path: ");
    is_refused(
        "usage 'unrecognized arguments: x'",
        "contextmaker: contextmaker: error: unrecognized arguments: x;",
    );
    is_refused(
        "log ERROR \"$(printf 'bad\\033[2J\\r\\n')$(head -c 3000 /dev/zero | tr '\\0' x)\"; exit 1",
        "contextmaker: 2026-11-20 15:08:18,222 [ERROR] bad\\x1b[2J",
    );
    is_refused("dd if=/dev/zero of=big bs=1 count=1 seek=3G 2>&1 || exit 1", "contextmaker: ");
}

#[test]
fn a_text_of_another_name_is_found() {
    let libraries = Libraries::new("");
    libraries.makes("x/astro-only", "echo only >\"$output/other.txt\"; exit 0");
    libraries.makes(
        "x/astro-named",
        "echo one >\"$output/one.txt\"; echo two >\"$output/two.txt\"
         log INFO \"Conversion completed successfully. Output: $output/two.txt\"; exit 0",
    );
    let _ = libraries.refresh(&[]).exits(0);
    assert_eq!(libraries.context("astro-only-context.txt"), "only\n");
    assert_eq!(libraries.context("astro-named-context.txt"), "two\n");
}

/// What flees: sessions of its own, no variables, no ear for SIGTERM.
const FLIGHT: &str = "(setsid sh -c 'trap \"\" TERM; while :; do sleep 1; done' &)
(setsid -f setsid -f sleep 300)
(HOME=/ env -i setsid -f sleep 300)
trap '' TERM
";

#[test]
fn a_time_limit_ends_all_of_one_library_and_nothing_of_its_neighbours() {
    let libraries = Libraries::new("clone_timeout = \"1s\"\njobs = 2");
    let beat = libraries.around("beat");
    libraries.plain("x/astro-bad");
    // What fled from the other is gone while this one is still at work.
    let makefile = format!(
        "sleep 8 & setsid -f sh -c 'sleep 7.8; echo fled >\"$0\"' \"$input/z.md\"
         sleep 7; rm -f '{0}'; sleep 0.5; [ ! -e '{0}' ] || exit 1; wait $!",
        beat.display()
    );
    libraries.makes("x/astro-good", &makefile);
    let flight = format!(
        "(setsid sh -c 'trap \"\" TERM; while :; do echo >\"$0\"; sleep 0.1; done' '{}' &)\n{FLIGHT}",
        beat.display()
    );
    libraries.before_git(&format!("case $* in *astro-bad*) {flight}\nsleep 300; sleep 300;; esac"));
    let start = Instant::now();
    let run = libraries.refresh(&["--json"]).exits(1);
    assert!(start.elapsed() < Duration::from_secs(18), "{:?}", start.elapsed());
    assert_eq!(failure(&run, "x/astro-bad"), "git was ended after 1 s; it is tried again after 20 h");
    assert!(libraries.context("astro-good-context.txt").contains("fled"));
    assert_eq!(libraries.processes(), [0; 0]);
    assert_eq!(libraries.clones(), [""; 0]);
}

#[test]
fn what_a_library_leaves_running_is_ended_though_it_went_well() {
    let libraries = Libraries::new("");
    libraries.makes("x/astro", FLIGHT);
    let start = Instant::now();
    let _ = libraries.refresh(&[]).exits(0);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert_eq!(libraries.processes(), [0; 0]);
    assert_eq!(libraries.contexts(), ["astro-context.txt"]);
}

#[test]
fn output_without_end_is_bounded() {
    let libraries = Libraries::new("context_timeout = \"2s\"");
    libraries.makes("x/astro-loud", "yes 'a line of some length'");
    libraries.makes("x/astro-long", "cat /dev/zero");
    let run = libraries.refresh(&["--json"]).exits(1);
    assert!(failure(&run, "x/astro-loud").starts_with("contextmaker was ended after 2 s"));
    let log = libraries.site.log("ascl-refresh");
    assert!(log.contains("x/astro-loud: what contextmaker says further is left out"), "{}", log.len());
    assert!(log.len() < 128 << 20, "{}", log.len());
}

/// A run that is ended while two libraries hang: nothing of it is left, and it is nobody's failure.
#[track_caller]
fn leaves_nothing(end: impl FnOnce(&Libraries) -> Run, code: i32) {
    let libraries =
        Libraries::with("jobs = 2", "[jobs.night]\ncommand = \"ascl-refresh\"\ntimeout = \"3s\"\n");
    let hang = format!("{FLIGHT}\nmkdir -m 0 closed; touch \"$output/started\"; sleep 300; sleep 300");
    libraries.makes("x/astro-1", &hang);
    libraries.makes("x/astro-2", &hang);
    libraries.plain("x/astro-3");
    let start = Instant::now();
    let run = end(&libraries).exits(code);
    assert!(start.elapsed() < Duration::from_secs(14), "{:?}", start.elapsed());
    assert_eq!(libraries.processes(), [0; 0], "{}", run.stderr);
    assert_eq!(libraries.clones(), [""; 0]);
    assert_eq!(libraries.contexts(), [""; 0]);
    // The next run need not wait.
    libraries.commit("x/astro-1", &[("Makefile", "")], "2026-11-20T12:00:00Z");
    libraries.commit("x/astro-2", &[("Makefile", "")], "2026-11-20T12:00:00Z");
    let _ = libraries.refresh(&[]).exits(0);
    assert_eq!(libraries.contexts().len(), 3);
}

fn wait_for_two(libraries: &Libraries) {
    let count = || libraries.clones().iter().filter(|path| path.ends_with("output/started")).count();
    wait_until("two libraries are worked on", || count() == 2);
}

#[test]
fn sigterm_ends_the_run_and_all_it_has_started() {
    leaves_nothing(
        |libraries| {
            let child = libraries.start(&[]);
            wait_for_two(libraries);
            send(&child, Signal::TERM);
            finish(child)
        },
        143,
    );
}

#[test]
fn the_time_limit_of_the_run_ends_all_it_has_started() {
    leaves_nothing(|libraries| run(&mut libraries.command(&["run", "night"])), 124);
}

#[test]
fn what_a_killed_run_left_is_removed_by_the_next_and_nothing_else_is() {
    let libraries = Libraries::new("jobs = 2");
    libraries.makes("x/astro-1", "mkdir -p a/b; chmod 0 a; touch \"$output/started\"; sleep 300");
    libraries
        .makes("x/astro-2", &format!("{FLIGHT}\nsetsid -f sleep 300; touch \"$output/started\"; sleep 300"));
    let foreign =
        ["temp/repos/mine/file", "temp/repos/.maint-notes", "temp/repos/.maint-0123456789abcdeg/file"];
    for path in foreign {
        libraries.site.file(path, "kept", 48);
    }
    let mut child = libraries.start(&[]);
    wait_for_two(&libraries);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!libraries.processes().is_empty());
    for name in ["x/astro-1", "x/astro-2"] {
        libraries.commit(name, &[("Makefile", "")], "2026-11-20T12:00:00Z");
    }
    let planned = libraries.refresh(&["--dry-run"]).exits(0);
    assert_eq!(planned.stdout.matches("(left by a run that was killed)\n").count(), 2, "{}", planned.stdout);
    let _ = libraries.refresh(&[]).exits(0);
    assert_eq!(libraries.processes(), [0; 0]);
    let mut left = libraries.clones();
    left.retain(|path| path.contains('/'));
    assert_eq!(left.len() + 1, foreign.len(), "{left:?}");
    assert!(foreign.iter().all(|path| libraries.site.path(path).exists()));
    assert_eq!(libraries.contexts().len(), 2);
}

#[test]
fn a_run_leaves_the_folders_of_another_that_is_running() {
    let libraries = Libraries::new("");
    libraries.makes("x/astro", "touch \"$output/started\"; until [ -e \"$input/go\" ]; do sleep 0.05; done");
    let child = libraries.start(&[]);
    let started = || libraries.clones().into_iter().find(|path| path.ends_with("output/started"));
    wait_until("the library is worked on", || started().is_some());
    let planned = libraries.refresh(&["--dry-run"]).exits(0);
    assert!(!planned.stdout.contains("killed"), "{}", planned.stdout);
    let go = started().unwrap().replace("output/started", "source/go");
    fs::write(libraries.site.path("temp/repos").join(go), "").unwrap();
    let _ = finish(child).exits(0);
}

#[test]
fn a_hostile_repository_runs_nothing_and_reaches_nothing_while_it_is_cloned() {
    let libraries = Libraries::new("");
    let touched = libraries.around("touched");
    let touch = format!("touch '{}'", touched.display());
    let folder = libraries.repository("x/astro");
    fs::create_dir_all(folder.join("hooks")).unwrap();
    fs::write(folder.join("hooks/post-checkout"), format!("#!/bin/sh\n{touch}\n")).unwrap();
    let modules =
        format!("[submodule \"evil\"]\n\tpath = evil\n\turl = ext::sh -c {touch}\n\tupdate = !{touch}\n");
    fs::write(folder.join(".gitmodules"), modules).unwrap();
    fs::write(folder.join(".gitattributes"), "* filter=lfs diff=lfs merge=lfs\n").unwrap();
    symlink("/etc/passwd", folder.join("a.md")).unwrap();
    symlink("../../../../../maint.toml", folder.join("b.txt")).unwrap();
    fs::write(folder.join("README.md"), "Stars.\n").unwrap();
    libraries.commit_all("x/astro", "2026-11-19T12:00:00Z");
    // The repository that is cloned from would run these.
    for hook in ["post-checkout", "post-merge", "reference-transaction"] {
        fs::write(folder.join(".git/hooks").join(hook), format!("#!/bin/sh\n{touch}\n")).unwrap();
    }
    let home = libraries.site.home().join(".gitconfig");
    fs::write(home, format!("[filter \"lfs\"]\n\tsmudge = {touch}\n\trequired = true\n")).unwrap();
    let _ = libraries.refresh(&[]).exits(0);
    assert!(!touched.exists());
    assert!(libraries.context("astro-context.txt").contains("Stars."));
}

#[test]
fn whatever_a_library_makes_in_its_folder_is_removed() {
    let libraries = Libraries::new("");
    let outside = libraries.around("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("kept"), "kept").unwrap();
    let makefile = format!(
        "cd \"$input\"; mkdir -p a/b/c && mkfifo a/b/pipe && ln -s '{}' a/b/c/link && touch a/b/c/file
         chmod 0 a/b/c a/b a; chmod 0 \"$HOME/..\"; cd /",
        outside.display()
    );
    libraries.makes("x/astro", &makefile);
    // Whom modes bind.
    let mut command = libraries.site.command_as_user(&["ascl-refresh", "--json"]);
    let run = run(command.env("PATH", libraries.path())).exits(1);
    assert!(failure(&run, "x/astro").starts_with("contextmaker removed or closed its folder;"));
    assert_eq!(libraries.clones(), [""; 0]);
    assert_eq!(fs::read_to_string(outside.join("kept")).unwrap(), "kept");
}

#[test]
fn what_is_no_name_of_a_repository_never_reaches_git() {
    let libraries = Libraries::new("");
    libraries.plain("x/astro");
    let log = libraries.around("git.log");
    libraries.before_git(&format!("echo \"$*\" >>'{}'", log.display()));
    let bad = [
        "https://github.com/../../astro",
        "https://github.com/-oProxyCommand=astro/x",
        "https://github.com/x/-uastro",
        "ext::sh -c 'touch astro' github.com/a/b",
        "https://github.com/x/..%2fastro",
        "https://github.com/x/$(touch astro)",
        "https://github.com/x/`astro`",
        "https://github.com/./astro",
    ];
    libraries
        .document(&serde_json::json!([{ "site_list": bad, "x": "https://github.com/x/astro" }]).to_string());
    let _ = libraries.refresh(&[]).exits(0);
    let log = fs::read_to_string(log).unwrap();
    let url = format!("file://{}/git/x/astro", libraries.site.around().display());
    for line in log.lines().filter(|line| line.contains(" clone ")) {
        assert!(line.contains(&format!(" -- {url} /")), "{line}");
    }
    for only in ["../../etc", "-oProxyCommand=x/y", "ext::sh -c x/y", "a/b/c", "a/b\n"] {
        let before = libraries.site.snapshot();
        let _ = libraries.refresh(&[&format!("--only={only}")]).exits(2);
        assert_eq!(libraries.site.snapshot(), before);
    }
}

#[test]
fn without_contextmaker_the_catalogue_is_written_and_the_cure_is_told() {
    let libraries = Libraries::new("");
    libraries.plain("x/astro");
    fs::remove_file(libraries.around("bin/contextmaker")).unwrap();
    let run = libraries.refresh(&[]).exits(1);
    assert!(run.stderr.contains("run `pip install contextmaker`"), "{}", run.stderr);
    assert_eq!(entry(&libraries, "x/astro")["hasContextFile"], false);
    assert!(!libraries.site.path("temp/repos").exists());
}

#[test]
fn without_git_the_cure_is_told_and_no_library_has_to_wait_for_it() {
    let libraries = Libraries::new("");
    libraries.plain("x/astro");
    let path = libraries.around("empty");
    let run = run(libraries.command(&["ascl-refresh"]).env("PATH", &path)).exits(1);
    assert!(run.stderr.contains("git is not installed: install the package `git`"), "{}", run.stderr);
    let _ = libraries.refresh(&[]).exits(0);
    assert_eq!(libraries.contexts(), ["astro-context.txt"]);
}

#[test]
fn a_full_disk_or_a_missing_network_is_no_librarys_fault() {
    for words in
        ["fatal: write error: No space left on device", "fatal: unable to access: Could not resolve host: x"]
    {
        let libraries = Libraries::new("");
        libraries.plain("x/astro");
        libraries.before_git(&format!("echo '{words}' >&2; exit 128"));
        let run = libraries.refresh(&["--json"]).exits(1);
        assert_eq!(failure(&run, "x/astro"), format!("git: {words}"));
        libraries.before_git("");
        let _ = libraries.refresh(&[]).exits(0);
        assert_eq!(libraries.contexts(), ["astro-context.txt"]);
    }
}

#[test]
fn a_contextmaker_whose_python_is_gone_is_no_librarys_fault() {
    let libraries = Libraries::new("");
    libraries.plain("x/astro");
    libraries.program("contextmaker", "#!/venv/that/is/gone/bin/python\n");
    let run = libraries.refresh(&["--json"]).exits(1);
    let why = failure(&run, "x/astro");
    assert!(why.starts_with("cannot start contextmaker: ") && !why.contains("tried again"), "{why}");
    assert!(why.contains("bin/contextmaker"), "{why}");
}

#[test]
fn a_repository_that_is_missing_or_empty_is_told_apart() {
    let libraries = Libraries::new("");
    libraries.changed("x/astro-missing", "2026-11-19T12:00:00Z");
    libraries.repository("x/astro-empty");
    libraries.changed("x/astro-empty", "2026-11-19T12:00:00Z");
    let run = libraries.refresh(&["--json"]).exits(1);
    let missing = failure(&run, "x/astro-missing");
    assert!(
        missing.starts_with("git: fatal: '/") && missing.contains("does not appear to be a git"),
        "{missing}"
    );
    assert!(failure(&run, "x/astro-empty").starts_with("the repository has no commit;"));
}

#[test]
fn a_folder_in_the_place_of_a_context_file_is_told_and_not_touched() {
    let libraries = Libraries::new("");
    libraries.plain("x/astro");
    libraries.site.file("public/context/astronomy/astro-context.txt/astro.txt", "old", 48);
    let run = libraries.refresh(&["--json"]).exits(1);
    assert_eq!(
        failure(&run, "x/astro"),
        "public/context/astronomy/astro-context.txt is a folder, as contextmaker makes one when it is told a file; \
         remove it: `rm -r public/context/astronomy/astro-context.txt`"
    );
    assert_eq!(libraries.context("astro-context.txt/astro.txt"), "old");
    fs::remove_dir_all(libraries.site.path("public/context/astronomy/astro-context.txt")).unwrap();
    let _ = libraries.refresh(&[]).exits(0);
}

#[test]
fn a_folder_that_the_original_has_taken_for_a_context_file_is_told() {
    let libraries = Libraries::new("");
    libraries.plain("x/astro");
    let _ = libraries.refresh(&[]).exits(0);
    let file = libraries.site.path("public/context/astronomy/astro-context.txt");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let run = libraries.refresh(&["--json"]).exits(1);
    assert!(failure(&run, "x/astro").contains("is a folder"), "{}", run.stdout);
}

#[test]
fn a_machine_that_is_away_is_no_librarys_fault_and_is_left_alone_after_three_times() {
    let libraries = Libraries::new("jobs = 1");
    for name in ["x/astro-1", "x/astro-2", "x/astro-3", "x/astro-4", "x/astro-5"] {
        libraries.plain(name);
    }
    libraries.before_git(
        "echo clone >> \"$0.calls\"; echo 'fatal: unable to access x: Failed to connect' >&2; exit 128",
    );
    let run = libraries.refresh(&["--json"]).exits(1);
    let calls = fs::read_to_string(libraries.around("bin/git.calls")).unwrap();
    assert_eq!(calls.lines().count(), 3, "{}", run.stdout);
    let counts = &run.json()["counts"];
    assert_eq!((&counts["failed"], &counts["skipped"]), (&3.into(), &2.into()), "{}", run.stdout);
    assert!(
        run.stdout.contains("nothing more is cloned in this run: git: fatal: unable to access"),
        "{}",
        run.stdout
    );
    libraries.before_git("");
    let _ = libraries.refresh(&[]).exits(0);
    assert_eq!(libraries.contexts().len(), 5);
}

#[test]
fn what_an_earlier_job_left_running_goes_on_when_a_tool_ends() {
    let libraries = Libraries::with(
        "",
        "[jobs.a]\nschedule = \"0 2 * * *\"\nmissed = \"once\"\nshell = \"\"\"setsid sh -c 'while :; do \
         sleep 0.2; echo $? >> daemon.log; done' > /dev/null 2>&1 &\"\"\"\n\
         [jobs.b]\nschedule = \"0 3 * * *\"\nmissed = \"once\"\ncommand = \"ascl-refresh --only x/astro\"\n",
    );
    libraries.makes("x/astro", "sleep 1\n");
    let at = |time: &str, args: &[&str]| run(libraries.command(args).env("MAINT_NOW", time));
    let _ = at("2026-11-18T12:00:00Z", &["run", "a"]).exits(0);
    let _ = at("2026-11-18T12:00:00Z", &["run", "b"]).exits(0);
    fs::remove_file(libraries.site.path("daemon.log")).unwrap();
    let _ = at("2026-11-20T12:00:00Z", &["run", "--all-due"]).exits(0);
    let log = fs::read_to_string(libraries.site.path("daemon.log")).unwrap();
    assert!(log.lines().count() > 1 && log.lines().all(|status| status == "0"), "{log}");
}

#[test]
fn what_the_run_found_is_kept_beside_though_only_context_files_have_changed_the_catalogue() {
    let libraries = Libraries::new("");
    libraries.plain("x/astro-1");
    libraries.plain("x/astro-2");
    let _ = libraries.refresh(&["--no-contexts"]).exits(0);
    let catalogue = libraries.site.path("app/data/astronomy-libraries.json");
    let found = fs::read_to_string(&catalogue).unwrap();
    let report = libraries.refresh(&["--json"]).exits(0).json();
    assert_ne!(fs::read_to_string(&catalogue).unwrap(), found);
    assert_eq!(fs::read_to_string(catalogue.with_extension("json.bak")).unwrap(), found);
    let bytes: usize = libraries.contexts().iter().map(|name| libraries.context(name).len()).sum();
    assert_eq!((&report["contexts_made"], &report["contexts_bytes"]), (&2.into(), &bytes.into()));
    assert_eq!((&report["contexts_renewed"], &report["contexts_failed"]), (&0.into(), &0.into()));
    assert!(report["duration_seconds"].as_f64().unwrap() > 0.0);
}

#[test]
fn an_older_file_keeps_its_mode_and_a_symlink_stays_one() {
    let libraries = Libraries::new("");
    libraries.plain("x/astro-1");
    libraries.plain("x/astro-2");
    let old = libraries.site.file("public/context/astronomy/astro-1-context.txt", "old", 48);
    fs::set_permissions(&old, fs::Permissions::from_mode(0o640)).unwrap();
    let shared = libraries.site.file("shared/two.txt", "old", 48);
    symlink(&shared, libraries.site.path("public/context/astronomy/astro-2-context.txt")).unwrap();
    let _ = libraries.refresh(&[]).exits(0);
    assert_eq!(fs::metadata(&old).unwrap().permissions().mode() & 0o7777, 0o640);
    assert!(libraries.site.path("public/context/astronomy/astro-2-context.txt").is_symlink());
    assert!(fs::read_to_string(shared).unwrap().contains("x/astro-2"));
}

#[test]
fn a_folder_for_clones_that_is_a_symlink_or_no_place_for_them_is_refused() {
    for (clones, why) in [
        ("link", "is a symlink, or leads through one; name the real folder"),
        ("link/x", "is a symlink, or leads through one; name the real folder"),
        (".", "holds the whole site"),
        ("/tmp", "is a system folder"),
        ("../outside", "is not inside site.root"),
        ("maint.toml", "is a file, not a folder"),
    ] {
        let libraries = Libraries::new(&format!("clones = \"{clones}\""));
        libraries.plain("x/astro");
        fs::create_dir(libraries.around("outside")).unwrap();
        symlink("../outside", libraries.site.path("link")).unwrap();
        age(&libraries.site.path("link"), 1);
        let before = libraries.site.snapshot();
        let run = libraries.refresh(&[]).exits(2);
        assert!(run.complaint().starts_with("`clones` of [ascl-refresh]: "), "{}", run.stderr);
        assert!(run.complaint().contains(why), "{clones}: {}", run.stderr);
        assert_eq!(libraries.site.snapshot(), before, "{clones}");
    }
}

/// The real contextmaker: the one that `$MAINT_TEST_CONTEXTMAKER` names, or from `PyPI` when it says "pypi" (400 MB).
fn real_contextmaker(folder: &Path) -> Option<PathBuf> {
    let named = std::env::var_os("MAINT_TEST_CONTEXTMAKER")?;
    if named != "pypi" {
        return Some(named.into());
    }
    let venv = folder.join("venv");
    let done = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    let is_installed = done(Command::new("python3").args(["-m", "venv"]).arg(&venv))
        && done(Command::new(venv.join("bin/pip")).args(["install", "--quiet", "contextmaker==1.8.8"]));
    is_installed.then(|| venv.join("bin/contextmaker"))
}

#[test]
fn the_real_contextmaker_makes_a_text_of_docstrings_and_one_of_sphinx_pages() {
    let folder = TempDir::new().unwrap();
    let Some(program) = real_contextmaker(folder.path()) else {
        return leave_out("the real contextmaker", "MAINT_TEST_CONTEXTMAKER is neither a path nor \"pypi\"");
    };
    let libraries = Libraries::new("jobs = 2");
    let real = format!("\"{}\"", program.display());
    let config = fs::read_to_string(libraries.site.path("maint.toml")).unwrap();
    libraries.site.configure(&config.replace("\"../bin/contextmaker\"", &real));
    let module = ("galaxy/__init__.py", "\"\"\"Spirals.\"\"\"\n\ndef arm():\n    \"\"\"One arm.\"\"\"\n");
    libraries.library("x/galaxy", &[module]);
    libraries.library(
        "x/astro-pages",
        &[
            ("docs/Makefile", "clean:\n\trm -rf build\nhtml:\n\tsphinx-build -b html source build/html\n"),
            ("docs/source/conf.py", "project = 'pages'\n"),
            ("docs/source/index.rst", "Pages\n=====\n\nA guide to the sky.\n"),
        ],
    );
    let _ = libraries.refresh(&[]).exits(0);
    assert!(libraries.context("galaxy-context.txt").contains("One arm."));
    assert!(libraries.context("astro-pages-context.txt").contains("A guide to the sky."));
    assert_eq!(libraries.clones(), [""; 0]);
    assert_eq!(libraries.processes(), [0; 0]);
}
