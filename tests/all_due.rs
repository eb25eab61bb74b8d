//! `maint run --all-due`: what was missed is made up for, once for each job.

use crate::support::{Run, Site, finish, send, wait_until};
use rustix::process::Signal;
use serde_json::json;
use std::fs;

/// A site whose jobs ran ten days ago, after which the machine slept; each leaves a line in "ran".
fn slept(jobs: &[(&str, &str)]) -> Site {
    let sections = jobs.iter().map(|(name, rest)| {
        let line = format!("echo {name} >> ran; . ./{name}.sh");
        format!("[jobs.{name}]\nschedule = \"0 2 * * *\"\nshell = \"{line}\"\n{rest}\n")
    });
    let site = Site::new(&sections.collect::<String>());
    for (name, _) in jobs {
        site.file(&format!("{name}.sh"), "", 0);
        let _ = site.maint_at("2026-11-10T01:00:01Z", &["run", name]).exits(0);
    }
    fs::remove_file(site.path("ran")).unwrap();
    site
}

const ONCE: &str = "missed = \"once\"";

fn make_up(site: &Site, options: &[&str]) -> Run {
    site.maint(&[&["run", "--all-due"], options].concat())
}

fn ran(site: &Site) -> String {
    fs::read_to_string(site.path("ran")).unwrap_or_default()
}

#[test]
fn each_overdue_job_runs_once_in_order_of_name_however_often_it_was_missed() {
    let site = slept(&[("zoo", ONCE), ("ape", ONCE)]);
    let first = make_up(&site, &[]).exits(0);
    assert_eq!((first.stdout.as_str(), first.stderr.as_str()), ("", ""));
    assert_eq!(ran(&site), "ape\nzoo\n");
    assert_eq!((&site.history()[0]["job"], &site.history()[0]["status"]), (&json!("zoo"), &json!("done")));
    assert!(site.log("ape").contains("run `echo ape"), "each has a log of its own");
    let again = make_up(&site, &[]).exits(0);
    assert_eq!((again.stdout.as_str(), again.stderr.as_str(), ran(&site).as_str()), ("", "", "ape\nzoo\n"));
}

#[test]
fn a_job_that_skips_what_it_missed_is_left_out_and_told_to_who_asks() {
    let site = slept(&[("skips", ""), ("makes-up", ONCE)]);
    assert_eq!(make_up(&site, &["-n"]).exits(0).stderr, "");
    let run = make_up(&site, &["-v"]).exits(0);
    let note = "maint: skips: left out: missed = \"skip\"; run it with `maint run skips`\n";
    assert!(run.stderr.contains(note), "{}", run.stderr);
    assert_eq!(ran(&site), "makes-up\n");
}

#[test]
fn the_default_of_the_site_holds_for_jobs_that_do_not_say_otherwise() {
    let site = slept(&[("plain", ""), ("own", "missed = \"skip\"")]);
    let text = fs::read_to_string(site.path("maint.toml")).unwrap();
    site.configure(&format!("{text}[defaults]\n{ONCE}\n"));
    let _ = make_up(&site, &[]).exits(0);
    assert_eq!(ran(&site), "plain\n");
}

#[test]
fn a_rehearsal_prints_each_plan_and_runs_nothing() {
    let site = slept(&[("ape", ONCE), ("zoo", ONCE)]);
    let plans = make_up(&site, &["--dry-run"]).exits(0).stdout;
    assert!(plans.contains("would run `echo ape") && plans.contains("would run `echo zoo"), "{plans}");
    let document = make_up(&site, &["--dry-run", "--json"]).exits(0).json();
    assert_eq!((&document[0]["job"], &document[1]["status"]), (&json!("ape"), &json!("planned")));
    assert_eq!(ran(&site), "");
}

#[test]
fn a_failure_does_not_keep_the_others_away_and_gives_the_exit_code() {
    let site = slept(&[("ape", "missed = \"once\"\ntimeout = \"300ms\""), ("bee", ONCE), ("cow", ONCE)]);
    site.file("ape.sh", "sleep 300", 0);
    site.file("bee.sh", "exit 3", 0);
    let reports = make_up(&site, &["--json"]).exits(124).json();
    let ends: Vec<_> = reports.as_array().unwrap().iter().map(|report| &report["status"]).collect();
    assert_eq!(ends, ["timed-out", "failed", "done"], "the limit of one run is not that of the next");
    let time = |row: usize, key: &str| {
        chrono::DateTime::parse_from_rfc3339(site.history()[row][key].as_str().unwrap()).unwrap()
    };
    assert!(time(1, "started") >= time(2, "finished"), "each run has its own start");
}

#[test]
fn a_refused_job_is_part_of_the_one_document() {
    let site = slept(&[("ape", ONCE), ("bee", ONCE)]);
    let text = fs::read_to_string(site.path("maint.toml")).unwrap();
    site.configure(&text.replace("shell = \"echo ape >> ran; . ./ape.sh\"", "command = \"cleanup-tmp\""));
    let reports = make_up(&site, &["--json"]).exits(2).json();
    assert_eq!((&reports[0]["job"], &reports[0]["exit_code"]), (&json!("ape"), &json!(2)));
    assert_eq!((&reports[1]["job"], &reports[1]["status"]), (&json!("bee"), &json!("done")));
}

#[test]
fn when_all_that_is_due_is_skipped_the_exit_code_says_so() {
    let site = slept(&[("ape", "missed = \"once\"\nlock = \"shared\""), ("bee", "lock = \"shared\"")]);
    site.file("bee.sh", "touch started; while [ ! -e go ]; do sleep 0.02; done", 0);
    let child = site.hold("bee");
    let run = make_up(&site, &[]).exits(75);
    assert!(run.complaint().starts_with("ape: skipped: bee is running (lock shared"), "{}", run.stderr);
    site.release(child);
}

#[test]
fn a_signal_ends_the_whole_series() {
    let site = slept(&[("ape", ONCE), ("bee", ONCE), ("cow", ONCE)]);
    site.file("bee.sh", "touch started; sleep 300", 0);
    let child = site.start(&["run", "--all-due"]);
    wait_until("the second job runs", || site.path("started").exists());
    send(&child, Signal::TERM);
    let run = finish(child).exits(143);
    assert!(run.stderr.ends_with("maint: interrupted; not run: cow\n"), "{}", run.stderr);
    assert_eq!(ran(&site), "ape\nbee\n");
    let last = &site.history()[0];
    assert_eq!((&last["job"], &last["status"]), (&json!("bee"), &json!("interrupted")));
}

#[test]
fn nothing_is_due_before_anything_ran() {
    let site = Site::new(&format!("[jobs.job]\nschedule = \"0 2 * * *\"\nshell = \"touch ran\"\n{ONCE}\n"));
    assert_eq!(make_up(&site, &["--json"]).exits(0).json(), json!([]));
    assert!(!site.state().exists());
}

#[test]
fn run_wants_either_a_job_or_all_that_is_due() {
    let site = slept(&[("ape", ONCE)]);
    let neither = site.maint(&["run"]).exits(2);
    assert!(neither.complaint().contains("<JOB|--all-due>"), "{}", neither.stderr);
    let both = site.maint(&["run", "ape", "--all-due"]).exits(2);
    assert!(both.complaint().contains("cannot be used with"), "{}", both.stderr);
    let bare = Site::bare().maint(&["run", "--all-due"]).exits(2);
    assert!(bare.complaint().starts_with("there is no maint.toml"), "{}", bare.stderr);
}
