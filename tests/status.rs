//! `maint status`: how each job is, and which did not run when it should have.

use crate::support::{Site, WAIT, finish, send};
use rustix::process::Signal;
use serde_json::json;
use std::fs;

const NIGHTLY: &str = "[jobs.nightly]\nschedule = \"0 2 * * *\"\nshell = \"test ! -e broken\"\n";

/// The state of a job.
#[track_caller]
fn state(site: &Site, job: &str) -> String {
    let rows = site.maint(&["status", "--json"]).exits(0).json();
    let row = rows.as_array().unwrap().iter().find(|row| row["job"] == job).unwrap().clone();
    row["state"].as_str().unwrap().to_owned()
}

#[test]
fn every_job_has_its_state_its_last_run_and_its_next() {
    let site = Site::new(&format!("{NIGHTLY}[jobs.manual]\nshell = \"true\"\n"));
    let _ = site.maint_at("2026-11-20T01:00:01Z", &["run", "nightly"]).exits(0);
    let table = site.maint(&["status"]).exits(0).stdout;
    let line = |job: &str| table.lines().find(|line| line.starts_with(job)).unwrap();
    let nightly = line("nightly");
    for part in [" ok ", "2026-11-20 02:00:01 CET", " done ", "Sat 2026-11-21 02:00 CET"] {
        assert!(nightly.contains(part), "{part}: {table}");
    }
    assert!(line("manual").contains("never ran") && line("manual").contains("by name only"), "{table}");
    let rows = site.maint(&["status", "--json"]).exits(0).json();
    assert_eq!((&rows[1]["state"], &rows[1]["overdue"]), (&json!("ok"), &json!(null)));
    assert_eq!(rows[1]["next"], "2026-11-21T02:00:00+01:00");
}

#[test]
fn a_job_that_did_not_run_is_overdue_since_its_first_missed_time() {
    let site = Site::new(NIGHTLY);
    let _ = site.maint_at("2026-11-17T01:00:01Z", &["run", "nightly"]).exits(0);
    let found = site.maint(&["status", "--check"]).exits(3).stdout;
    let said = "nightly: overdue since Wed 2026-11-18 02:00 CET, 3 runs missed; `maint why nightly`\n";
    assert!(found.ends_with(said) && found.contains(" overdue "), "{found}");
    let rows = site.maint(&["status", "--check", "--json"]).exits(3).json();
    assert_eq!(rows[0]["overdue"], json!({ "since": "2026-11-18T02:00:00+01:00", "missed": 3 }));
    let _ = site.maint(&["status"]).exits(0);
}

#[test]
fn check_is_silent_when_all_is_well_and_lists_nothing_else_when_it_is_not() {
    let site = Site::new(&format!("{NIGHTLY}[jobs.other]\nschedule = \"0 3 * * *\"\nshell = \"true\"\n"));
    for job in ["nightly", "other"] {
        let _ = site.maint(&["run", job]).exits(0);
    }
    let well = site.maint(&["status", "--check"]).exits(0);
    assert_eq!((well.stdout.as_str(), well.stderr.as_str()), ("", ""));
    site.file("broken", "", 0);
    let _ = site.maint(&["run", "nightly"]).exits(1);
    let found = site.maint(&["status", "--check"]).exits(3).stdout;
    assert!(found.contains("failing") && found.contains("failed (1)") && !found.contains("other"), "{found}");
    assert!(
        found.contains("nightly: 1 failed in ") && found.ends_with("; `maint logs nightly`\n"),
        "{found}"
    );
    fs::remove_file(site.path("broken")).unwrap();
    let _ = site.maint(&["run", "nightly"]).exits(0);
    let _ = site.maint(&["status", "--check"]).exits(0);
}

#[test]
fn a_job_that_never_ran_is_overdue_only_when_its_crontab_was_installed_before() {
    let site = Site::new(NIGHTLY);
    assert_eq!(state(&site, "nightly"), "never-ran");
    site.remember_install("2026-11-19T12:00:00Z", 0);
    assert_eq!(state(&site, "nightly"), "never-ran", "nothing was changed then");
    site.remember_install("2026-11-20T12:00:00Z", 1);
    assert_eq!(state(&site, "nightly"), "never-ran", "its time has not come since");
    let tomorrow = site.maint_at("2026-11-21T01:06:00Z", &["status", "--check", "--json"]).exits(3).json();
    assert_eq!(tomorrow[0]["overdue"]["since"], "2026-11-21T02:00:00+01:00");
}

#[test]
fn a_run_that_was_skipped_has_begun_and_is_not_missing() {
    let site = Site::new(NIGHTLY);
    let _ = site.maint_at("2026-11-10T01:00:01Z", &["run", "nightly"]).exits(0);
    let _ = site.maint_at("2026-11-20T00:30:00Z", &["pause", "nightly", "--until", "1h"]).exits(0);
    let _ = site.maint_at("2026-11-20T01:00:01Z", &["run", "nightly"]).exits(75);
    assert_eq!(state(&site, "nightly"), "ok");
}

#[test]
fn a_paused_or_running_job_is_not_overdue() {
    let site = Site::new(&format!("[jobs.job]\nschedule = \"* * * * *\"\nshell = \"{WAIT}\"\n"));
    let child = site.hold("job");
    let later = || site.maint_at("2026-11-20T18:00:00Z", &["status", "--json"]).exits(0).json()[0].clone();
    assert_eq!((&later()["state"], &later()["overdue"]), (&json!("running"), &json!(null)));
    site.release(child);
    assert_eq!(later()["state"], "overdue");
    let _ = site.maint(&["pause", "job"]).exits(0);
    assert_eq!(later()["overdue"], json!(null));
    assert_eq!(
        (&later()["state"], &later()["next"]),
        (&json!("paused"), &json!("2026-11-20T19:01:00+01:00"))
    );
    let _ = site.maint_at("2026-11-20T18:00:00Z", &["status", "--check"]).exits(0);
}

#[test]
fn a_lost_run_is_failing_and_an_interrupted_one_is_not() {
    let site = Site::new(&format!("[jobs.wait]\nshell = \"{WAIT}\"\n"));
    for (signal, expected) in [(Signal::KILL, "failing"), (Signal::TERM, "ok")] {
        let child = site.hold("wait");
        send(&child, signal);
        let _ = finish(child);
        fs::remove_file(site.path("started")).unwrap();
        assert_eq!(state(&site, "wait"), expected);
    }
}

#[test]
fn next_runs_are_in_the_zone_that_cron_fires_in_and_not_in_that_of_the_site() {
    let site = Site::new(NIGHTLY);
    for command in ["status", "jobs"] {
        let mut away = site.command(&[command]);
        let table = crate::support::run(away.env("TZ", "America/New_York")).exits(0).stdout;
        assert!(table.contains("Sat 2026-11-21 02:00 EST"), "{table}");
    }
}

#[test]
fn without_a_configuration_or_jobs_status_says_so() {
    let bare = Site::bare();
    let refused = bare.maint(&["status"]).exits(2);
    assert!(refused.complaint().starts_with("there is no maint.toml here or above"), "{}", refused.stderr);
    let empty = Site::new("");
    assert_eq!(
        empty.maint(&["status"]).exits(0).stdout,
        "no jobs yet: add a section [jobs.NAME] to maint.toml\n"
    );
    assert_eq!(empty.maint(&["status", "--check"]).exits(0).stdout, "");
}
