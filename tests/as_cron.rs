//! `maint run --as-cron`: a job in cron's bare environment.

use crate::support::{Site, run};
use std::fs;

/// Name and home of the user who runs the tests, from /etc/passwd.
fn account() -> (String, String) {
    let uid = rustix::process::geteuid().as_raw().to_string();
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let lines = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let own = lines.into_iter().find(|fields| fields[2] == uid).unwrap();
    (own[0].to_owned(), own[5].to_owned())
}

#[test]
fn the_job_sees_what_cron_gives_and_nothing_else() {
    // $PPID is maint itself, whose environment no shell has added to.
    let site = Site::new("[jobs.job]\nshell = 'cat /proc/$PPID/environ > seen'\n");
    let _ = run(site.command(&["run", "job", "--as-cron"]).env("FROM_MY_SHELL", "1")).exits(0);
    let seen = fs::read_to_string(site.path("seen")).unwrap();
    let mut seen: Vec<&str> = seen.split_terminator('\0').collect();
    seen.sort_unstable();
    let (name, home) = account();
    let (home, name, folder) = (format!("HOME={home}"), format!("LOGNAME={name}"), format!("PWD={home}"));
    assert_eq!(seen, [&home, &name, "PATH=/usr/bin:/bin", &folder, "SHELL=/bin/sh"]);
}

#[test]
fn it_starts_in_the_home_directory_without_input() {
    let site = Site::new("[jobs.job]\nshell = 'readlink /proc/$PPID/cwd /proc/$PPID/fd/0 > seen'\n");
    let _ = run(site.command(&["run", "job", "--as-cron"]).stdin(std::process::Stdio::piped())).exits(0);
    assert_eq!(fs::read_to_string(site.path("seen")).unwrap(), format!("{}\n/dev/null\n", account().1));
}

#[test]
fn the_global_options_are_kept_and_paths_stay_what_they_were() {
    let site = Site::new("[jobs.job]\nshell = \"pwd\"\n");
    fs::create_dir(site.path("other")).unwrap();
    let hash = site.maint(&["jobs", "--json"]).exits(0).json()[0]["hash"].as_str().unwrap()[..8].to_owned();
    let args =
        ["run", &hash, "--as-cron", "--config", "maint.toml", "--root", "other", "--json", "--dry-run"];
    let report = site.maint(&args).exits(0).json();
    assert_eq!((&report["job"], &report["status"]), (&"job".into(), &"planned".into()));
    let run = site.maint(&["run", "job", "--as-cron", "-C", "other", "-vv", "--color", "never"]).exits(0);
    let other = site.path("other").canonicalize().unwrap();
    assert!(run.stderr.contains(&format!("{}\n", other.display())), "{}", run.stderr);
    assert!(run.stdout.starts_with("job: 1 done in "), "{}", run.stdout);
}

#[test]
fn the_exit_code_is_that_of_the_run_and_yes_is_kept() {
    let site = Site::new("[jobs.job]\nshell = \"exit 3\"\n");
    let failed = site.maint(&["run", "job", "--as-cron"]).exits(1);
    assert!(failed.stderr.contains("exit code 3"), "{}", failed.stderr);
    let _ = site.maint_at("2030-01-01T00:00:00Z", &["pause", "job"]).exits(0);
    let _ = site.maint(&["run", "job", "--as-cron"]).exits(75);
    let _ = site.maint(&["run", "job", "--as-cron", "--yes", "-q"]).exits(1);
}

#[test]
fn all_that_is_due_runs_as_cron_too() {
    let site = Site::new(
        "[jobs.job]\nschedule = \"0 2 * * *\"\nmissed = \"once\"\nshell = \"readlink /proc/$PPID/cwd >> seen\"\n",
    );
    let _ = site.maint_at("2020-01-01T00:00:00Z", &["run", "job"]).exits(0);
    // Cron's environment has no MAINT_NOW: the clock is the real one, and it is later than 2020.
    let _ = site.maint(&["run", "--all-due", "--as-cron"]).exits(0);
    assert!(fs::read_to_string(site.path("seen")).unwrap().ends_with(&format!("\n{}\n", account().1)));
}

#[test]
fn an_unknown_job_and_a_missing_configuration_are_refused_before_anything_starts() {
    let site = Site::new("[jobs.job]\nshell = \"true\"\n");
    let run = site.maint(&["run", "jib", "--as-cron"]).exits(2);
    assert_eq!(run.complaint(), "there is no job `jib`; did you mean `job`?");
    let bare = Site::bare().maint(&["run", "job", "--as-cron"]).exits(2);
    assert!(bare.complaint().starts_with("there is no maint.toml"), "{}", bare.stderr);
}
