//! What is remembered of runs: `history`, `logs`, `jobs`, `locks`.

use crate::support::{Site, WAIT, finish, send};
use rustix::process::Signal;
use serde_json::json;
use std::fs;

/// A site whose job fails while there is a file "broken".
fn site() -> Site {
    Site::new("[jobs.job]\nshell = \"echo looking; test ! -e broken\"\n")
}

#[test]
fn a_run_is_remembered_with_its_result_exit_code_and_duration() {
    let site = Site::new("[jobs.job]\nshell = \"sleep 0.2; exit 3\"\n");
    assert_eq!(site.maint(&["history"]).exits(0).stdout, "nothing has run yet\n");
    let report = site.maint(&["run", "job", "--json"]).exits(1).json();
    let row = &site.history()[0];
    for (key, value) in [
        ("job", json!("job")),
        ("line", json!("sleep 0.2; exit 3")),
        ("status", json!("failed")),
        ("exit_code", json!(1)),
        ("run", report["run"].clone()),
    ] {
        assert_eq!(row[key], value, "{key}");
    }
    let time = |key: &str| chrono::DateTime::parse_from_rfc3339(row[key].as_str().unwrap()).unwrap();
    assert!((time("finished") - time("started")).num_milliseconds() >= 200);
    let table = site.maint(&["history"]).exits(0).stdout;
    assert!(table.contains("2026-11-20 16:02:26 CET") && table.contains("failed (1)"), "{table}");
}

#[test]
fn the_history_is_newest_first_of_one_job_or_all_and_as_long_as_wanted() {
    let site = Site::new("[jobs.one]\nshell = \"true\"\n[jobs.two]\nshell = \"true\"\n");
    for job in ["one", "two", "one"] {
        let _ = site.maint(&["run", job]).exits(0);
    }
    let jobs = |args: &[&str]| -> Vec<String> {
        let runs = site.maint(&[&["history", "--json"], args].concat()).exits(0).json();
        runs.as_array().unwrap().iter().map(|run| run["job"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(jobs(&[]), ["one", "two", "one"]);
    assert_eq!(jobs(&["two"]), ["two"]);
    assert_eq!(jobs(&["--limit", "2"]), ["one", "two"]);
}

#[test]
fn a_removed_job_keeps_its_history_and_logs() {
    let site = site();
    let _ = site.maint(&["run", "job"]).exits(0);
    let text = fs::read_to_string(site.path("maint.toml")).unwrap();
    site.configure(&text.replace("[jobs.job]", "[jobs.renamed]"));
    assert_eq!(site.maint(&["history", "job", "--json"]).exits(0).json()[0]["job"], "job");
    assert!(site.log("job").starts_with("looking\n"));
    let never = site.maint(&["history", "jub"]).exits(2);
    assert!(never.complaint().starts_with("there is no job `jub`"), "{}", never.stderr);
}

#[test]
fn logs_prints_the_latest_run_or_the_one_that_is_named() {
    let site = Site::new("[jobs.job]\nshell = \"cat greeting\"\n");
    let mut runs = Vec::new();
    for greeting in ["first\n", "second\n"] {
        site.file("greeting", greeting, 0);
        let report = site.maint(&["run", "job", "--json"]).exits(0).json();
        runs.push(report["run"].as_str().unwrap().to_owned());
    }
    assert!(site.log("job").starts_with("second\n"));
    let end = runs[0].rsplit('-').next().unwrap();
    for name in [&runs[0], end] {
        let log = site.maint(&["logs", "job", name, "--json"]).exits(0).json();
        assert_eq!((&log["run"], &log["lines"][0]), (&json!(runs[0]), &json!("first")));
    }
    let unknown = site.maint(&["logs", "job", "yesterday"]).exits(2);
    assert!(unknown.complaint().contains("`maint history job` lists its runs"), "{}", unknown.stderr);
}

#[test]
fn jobs_lists_the_next_run_with_its_zone_and_the_last_result() {
    let site = Site::new(
        "[jobs.nightly]\nschedule = \"0 2 * * *\"\nshell = \"false\"\n[jobs.manual]\nshell = \"true\"\n",
    );
    let _ = site.maint(&["run", "nightly"]).exits(1);
    let table = site.maint(&["jobs"]).exits(0).stdout;
    let line = |job: &str| table.lines().find(|line| line.starts_with(job)).unwrap();
    assert!(line("nightly").contains("Sat 2026-11-21 02:00 CET"), "{table}");
    assert!(line("nightly").contains("failed, 2026-11-20 16:02:26 CET"), "{table}");
    assert!(line("manual").contains("by name only") && line("manual").contains("never ran"), "{table}");
    let rows = site.maint(&["jobs", "--json"]).exits(0).json();
    assert_eq!(rows[1]["next"], "2026-11-21T02:00:00+01:00");
    assert_eq!((&rows[1]["last"]["status"], &rows[0]["last"]), (&json!("failed"), &json!(null)));
}

#[test]
fn locks_shows_what_runs_and_where_its_log_is() {
    let site = Site::new(&format!("[jobs.wait]\nshell = \"echo hello; {WAIT}\"\nlock = \"database\"\n"));
    assert_eq!(site.maint(&["locks"]).exits(0).stdout, "nothing is running\n");
    let child = site.hold("wait");
    let held = site.maint(&["locks", "--json"]).exits(0).json();
    assert_eq!(held.as_array().unwrap().len(), 1);
    assert_eq!((&held[0]["lock"], &held[0]["job"]), (&json!("database"), &json!("wait")));
    assert_eq!(held[0]["pid"], child.id());
    assert!(fs::exists(held[0]["log"].as_str().unwrap()).unwrap());
    assert_eq!(site.history()[0]["status"], "running");
    site.release(child);
    assert_eq!(site.maint(&["locks"]).exits(0).stdout, "nothing is running\n");
}

#[test]
fn a_run_that_was_killed_is_lost_in_the_history() {
    let site = Site::new(&format!("[jobs.wait]\nshell = \"{WAIT}\"\n"));
    let child = site.hold("wait");
    send(&child, Signal::KILL);
    let _ = finish(child);
    assert_eq!(
        (&site.history()[0]["status"], &site.history()[0]["exit_code"]),
        (&json!("lost"), &json!(null))
    );
    fs::write(site.path("go"), "").unwrap();
    let _ = site.maint(&["run", "wait"]).exits(0);
    assert_eq!(
        (&site.history()[0]["status"], &site.history()[1]["status"]),
        (&json!("done"), &json!("lost"))
    );
}

#[test]
fn many_skipped_runs_do_not_crowd_out_those_that_ran() {
    let site = Site::bare();
    site.configure(&format!(
        "[site]\nname = \"test\"\n[state]\ndir = \"{}\"\nkeep_runs = 2\n[jobs.job]\nshell = \"true\"\n",
        site.state().display()
    ));
    let _ = site.maint(&["run", "job"]).exits(0);
    let _ = site.maint(&["pause", "job"]).exits(0);
    for _ in 0..5 {
        let _ = site.maint(&["run", "job"]).exits(75);
    }
    let _ = site.maint(&["resume", "job"]).exits(0);
    let _ = site.maint(&["run", "job"]).exits(0);
    let runs = site.maint(&["history", "job", "--json"]).exits(0).json();
    let statuses: Vec<_> =
        runs.as_array().unwrap().iter().map(|run| run["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["done", "skipped", "skipped", "done"]);
}

#[test]
fn a_run_whose_log_cannot_be_opened_has_failed_and_is_not_lost() {
    let site = Site::new("[jobs.job]\nshell = \"touch ran\"\n");
    let _ = site.maint(&["pause", "job", "--until", "1s"]).exits(0);
    std::fs::write(site.state().join("logs/job"), "in the way").unwrap();
    let _ = site.maint(&["run", "job", "--yes"]).exits(2);
    assert!(!site.path("ran").exists());
    assert_eq!(site.history()[0]["status"], "failed");
}

#[test]
fn the_log_can_be_followed_while_the_run_goes_on() {
    let site = Site::new(&format!("[jobs.wait]\nshell = '''echo first; {}'''\n", crate::support::WAIT));
    let child = site.hold("wait");
    crate::support::wait_until("the line is in the log", || site.log("wait").contains("first"));
    site.release(child);
}
