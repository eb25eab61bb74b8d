//! `maint why JOB [AT]`: did it run then, and if not, why not.

use crate::support::{Run, Site, WAIT, cron};
use serde_json::{Value, json};

const NIGHTLY: &str = "[jobs.nightly]\nschedule = \"0 2 * * *\"\nshell = \"test ! -e broken\"\n";

fn why(site: &Site, at: &[&str]) -> Run {
    site.maint(&[&["why", "nightly"], at].concat()).exits(0)
}

fn json(site: &Site, at: &[&str]) -> Value {
    why(site, &[at, &["--json"]].concat()).json()
}

/// The reasons, joined.
fn reasons(site: &Site, at: &str) -> String {
    let answer = json(site, &[at]);
    assert_eq!(answer["verdict"], "did-not-run", "{answer}");
    let reasons = answer["reasons"].as_array().unwrap().clone();
    reasons.iter().map(|reason| reason.as_str().unwrap()).collect::<Vec<_>>().join("; ")
}

#[test]
fn the_last_expected_run_is_told_with_its_result_and_log() {
    let site = Site::new(NIGHTLY);
    let _ = site.maint_at("2026-11-20T01:00:02Z", &["run", "nightly"]).exits(0);
    let told = why(&site, &[]).stdout;
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines[0], "nightly ran at its time, Fri 2026-11-20 02:00 CET: done");
    assert!(lines[1].contains("started 2026-11-20 02:00:02 CET, took "), "{told}");
    assert!(lines[2].contains("nightly: 1 done in ") && lines[3].contains("/logs/nightly/"), "{told}");
    let answer = json(&site, &[]);
    assert_eq!((&answer["verdict"], &answer["at"]), (&json!("ran"), &json!("2026-11-20T02:00:00+01:00")));
    assert_eq!(answer["before"], "2026-11-19T02:00:00+01:00");
    assert_eq!(answer["after"], "2026-11-21T02:00:00+01:00");
    assert_eq!(answer["run"]["status"], "done");
}

#[test]
fn a_time_can_be_a_time_of_today_a_day_a_time_or_a_length_ago() {
    let site = Site::new(NIGHTLY);
    site.file("broken", "", 0);
    let _ = site.maint_at("2026-11-20T01:00:02Z", &["run", "nightly"]).exits(1);
    for at in ["02:00", "2026-11-20", "2026-11-20T02:00", "2026-11-20 02:00", "2026-11-20T01:00:30Z"] {
        let told = why(&site, &[at]).stdout;
        assert!(
            told.starts_with("nightly ran at its time, Fri 2026-11-20 02:00 CET: failed (1)\n"),
            "{told}"
        );
    }
    let ago = site.maint_at("2026-11-20T04:00:59Z", &["why", "nightly", "3h"]).exits(0).stdout;
    assert!(ago.starts_with("nightly ran at its time, "), "{ago}");
}

#[test]
fn a_time_that_the_schedule_does_not_name_is_told_with_its_neighbours() {
    let site = Site::new(NIGHTLY);
    let told = why(&site, &["2026-11-20T03:07"]).stdout;
    let expected = "\
nightly was not to run at Fri 2026-11-20 03:07 CET: its schedule is `0 2 * * *`, its minute, hour are others
  its run before that: Fri 2026-11-20 02:00 CET
  its run after that: Sat 2026-11-21 02:00 CET
";
    assert_eq!(told, expected);
    let answer = json(&site, &["03:00"]);
    assert_eq!((&answer["verdict"], &answer["mismatch"]), (&json!("not-scheduled"), &json!(["hour"])));
    let _ = site.maint_at("2026-11-20T02:07:30Z", &["run", "nightly"]).exits(0);
    let by_hand = json(&site, &["03:07"]);
    assert!(by_hand["summary"].as_str().unwrap().ends_with("; somebody ran it then"), "{by_hand}");
    assert_eq!(by_hand["run"]["status"], "done");
}

#[test]
fn a_run_that_was_skipped_says_why() {
    let site = Site::new(&format!("{NIGHTLY}lock = \"l\"\n[jobs.other]\nlock = \"l\"\nshell = \"{WAIT}\"\n"));
    let child = site.hold("other");
    let _ = site.maint_at("2026-11-21T01:00:02Z", &["run", "nightly"]).exits(75);
    let told = site.maint_at("2026-11-21T12:00:00Z", &["why", "nightly"]).exits(0).stdout;
    site.release(child);
    assert!(told.starts_with("nightly was skipped at its time, Sat 2026-11-21 02:00 CET\n"), "{told}");
    assert!(told.contains("nightly: skipped: other is running (lock l, pid "), "{told}");
}

#[test]
fn a_run_that_was_made_up_for_is_late() {
    let site = Site::new(NIGHTLY);
    let _ = site.maint_at("2026-11-20T08:30:00Z", &["run", "nightly"]).exits(0);
    let told = why(&site, &[]).stdout;
    assert!(
        told.starts_with("nightly ran 7 h 30 min after its time, Fri 2026-11-20 02:00 CET: done\n"),
        "{told}"
    );
}

#[test]
fn a_run_that_is_still_to_come_or_has_only_just_come_is_not_missing() {
    let site = Site::new(NIGHTLY);
    let told = why(&site, &["2026-11-21"]).stdout;
    assert_eq!(told, "nightly is not due yet: its time, Sat 2026-11-21 02:00 CET, comes in 9 h 57 min\n");
    let answer = site.maint_at("2026-11-20T01:00:30Z", &["why", "nightly", "--json"]).exits(0).json();
    assert_eq!(answer["reasons"][0], "that was only 30 s ago: it may still begin");
}

#[test]
fn a_pause_is_a_reason_even_when_it_is_over() {
    let site = Site::new(NIGHTLY);
    let pause = ["pause", "nightly", "--until", "5h", "--reason", "big import"];
    let _ = site.maint_at("2026-11-20T00:00:00Z", &pause).exits(0);
    let told = reasons(&site, "02:00");
    assert!(told.contains("it was paused until 2026-11-20 06:00:00 CET (big import)"), "{told}");
    assert!(!reasons(&site, "2026-11-19").contains("paused"), "the pause began later");
}

#[test]
fn a_machine_that_was_started_later_is_a_reason() {
    let site = Site::new(NIGHTLY);
    // Whatever machine this is, it has been started since 2020.
    let _ = site.maint_at("2020-05-01T00:00:00Z", &["run", "nightly"]).exits(0);
    let answer = site.maint_at("2020-05-03T12:00:00Z", &["why", "nightly", "--json"]).exits(0).json();
    assert_eq!(answer["verdict"], "did-not-run");
    let told = answer["reasons"].to_string();
    assert!(
        told.contains("the machine was started only at 20") && told.contains("may have been off"),
        "{told}"
    );
}

#[test]
fn a_crontab_that_was_written_later_or_never_is_a_reason() {
    let (site, _crontab) = cron::site(NIGHTLY);
    let told = reasons(&site, "02:00");
    assert!(told.contains("it never ran before, and as far as maint installed the crontab"), "{told}");
    let _ = site.maint_at("2026-11-20T12:00:00Z", &["crontab", "add"]).exits(0);
    let told = reasons(&site, "02:00");
    assert!(told.contains("its line in the crontab was written only at 2026-11-20 13:00:00 CET"), "{told}");
    let _ = site.maint_at("2026-11-18T01:00:00Z", &["run", "nightly"]).exits(0);
    assert!(
        !reasons(&site, "02:00").contains("crontab was written only"),
        "an earlier run shows that there was a line"
    );
}

#[test]
fn what_is_forgotten_is_not_said_to_have_failed() {
    let site = Site::new(NIGHTLY);
    let answer = json(&site, &["2026-08-01"]);
    assert_eq!(answer["verdict"], "unknown");
    assert_eq!(answer["reasons"], json!(["runs older than 90d are forgotten (keep_age in [state])"]));
    let text = std::fs::read_to_string(site.path("maint.toml")).unwrap();
    site.configure(&text.replace("[state]\n", "[state]\nkeep_runs = 1\n"));
    let _ = site.maint_at("2026-11-20T01:00:02Z", &["run", "nightly"]).exits(0);
    let answer = json(&site, &["2026-11-19"]);
    assert_eq!(answer["verdict"], "unknown");
    let reason = "the oldest run that is kept began at 2026-11-20 02:00:02 CET (keep_runs in [state])";
    assert_eq!(answer["reasons"], json!([reason]));
}

#[test]
fn a_job_by_name_only_or_at_boot_is_explained() {
    let site = Site::new(
        "[jobs.nightly]\nshell = \"true\"\n[jobs.boot]\nschedule = \"@reboot\"\nshell = \"true\"\n",
    );
    assert_eq!(why(&site, &[]).stdout, "nightly has no schedule: it runs by name only\n");
    // The clock of the tests may be before the start of this machine: the real one is not.
    let boot = site.maint_at("2100-01-01T00:00:00Z", &["run", "boot"]).exits(0);
    drop(boot);
    let told = site.maint_at("2100-01-01T00:00:10Z", &["why", "boot"]).exits(0).stdout;
    assert!(told.starts_with("boot ran ") && told.contains(" after the start of the machine, "), "{told}");
    let refused = site.maint(&["why", "boot", "02:00"]).exits(2);
    assert_eq!(refused.complaint(), "boot runs when the machine starts; ask for it without a time");
}

#[test]
fn the_time_is_read_as_cron_reads_it_in_the_zone_of_the_machine() {
    let site = Site::new(NIGHTLY);
    let mut away = site.command(&["why", "nightly", "02:00", "--json"]);
    let answer = crate::support::run(away.env("TZ", "America/New_York")).exits(0).json();
    assert_eq!((&answer["at"], &answer["mismatch"]), (&json!("2026-11-20T02:00:00-05:00"), &json!([])));
}

#[test]
fn an_unknown_job_or_time_is_refused() {
    let site = Site::new(NIGHTLY);
    assert_eq!(
        site.maint(&["why", "nighty"]).exits(2).complaint(),
        "there is no job `nighty`; did you mean `nightly`?"
    );
    for at in ["yesterday", "25:00", "2026-13-01", "2", ""] {
        let refused = site.maint(&["why", "nightly", at]).exits(2);
        let line = format!("`{at}`: write a time of today (02:00), a day (2026-11-20), ");
        assert!(refused.complaint().starts_with(&line), "{}", refused.stderr);
    }
}

#[test]
fn a_job_without_a_line_in_the_crontab_is_a_reason() {
    let (site, _crontab) = cron::site(NIGHTLY);
    let _ = site.maint_at("2026-11-18T01:00:00Z", &["run", "nightly"]).exits(0);
    assert!(reasons(&site, "02:00").contains("it has no line in the crontab now"));
    let _ = site.maint(&["crontab", "add"]).exits(0);
    assert!(!reasons(&site, "02:00").contains("it has no line in the crontab now"));
}

#[test]
fn a_time_that_the_clock_jumped_over_can_be_asked_for() {
    let site = Site::new(NIGHTLY);
    let _ = site.maint_at("2026-03-29T01:00:01Z", &["run", "nightly"]).exits(0);
    let mut command = site.command(&["why", "nightly", "2026-03-29T02:00"]);
    let told = crate::support::run(command.env("MAINT_NOW", "2026-03-29T12:00:00Z")).exits(0).stdout;
    assert!(told.contains("nightly ran at its time, Sun 2026-03-29 03:00 CEST: done"), "{told}");
}
