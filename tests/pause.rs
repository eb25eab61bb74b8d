//! `maint pause` and `maint resume`.

use crate::support::{Run, Site, run};

/// A site whose job leaves the file "ran" behind.
fn site() -> Site {
    Site::new("[jobs.job]\nschedule = \"0 2 * * *\"\nshell = \"touch ran\"\n")
}

/// `maint run job` at another time than the tests' own.
fn run_at(site: &Site, time: &str) -> Run {
    run(site.command(&["run", "job"]).env("MAINT_NOW", time))
}

#[test]
fn a_paused_job_is_skipped_without_a_word_to_cron_and_told_to_who_asks() {
    let site = site();
    let _ = site.maint(&["pause", "job", "--until", "2h", "--reason", "big import"]).exits(0);
    let run = site.maint(&["run", "job"]).exits(75);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    let told = site.maint(&["run", "job", "-v"]).exits(75).stderr;
    assert!(
        told.ends_with("maint: job: skipped: paused until 2026-11-20 18:02:26 CET (big import)\n"),
        "{told}"
    );
    let json = site.maint(&["run", "job", "--json"]).exits(75).json();
    assert_eq!((&json["status"], &json["exit_code"]), (&"skipped".into(), &75.into()));
    assert!(!site.path("ran").exists());
    let last = &site.history()[0];
    assert_eq!((&last["status"], &last["exit_code"]), (&"skipped".into(), &75.into()));
}

#[test]
fn a_dry_run_of_a_paused_job_says_that_it_would_be_skipped() {
    let site = site();
    let _ = site.maint(&["pause", "job", "--until", "2h"]).exits(0);
    let run = site.maint(&["run", "job", "-n"]).exits(0);
    assert!(
        run.stdout.contains("the run would be skipped: paused until 2026-11-20 18:02:26 CET"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_pause_ends_at_a_length_from_now_a_day_or_a_time_of_the_site() {
    for (until, shown) in [
        ("90m", "2026-11-20 17:32:26 CET"),
        ("2026-12-24", "2026-12-24 00:00:00 CET"),
        ("2026-12-24T18:00", "2026-12-24 18:00:00 CET"),
        ("2026-12-24 18:00:30", "2026-12-24 18:00:30 CET"),
        ("2026-12-24T18:00:00Z", "2026-12-24 19:00:00 CET"),
        ("2027-07-01", "2027-07-01 00:00:00 CEST"),
    ] {
        let site = site();
        let _ = site.maint(&["pause", "job", "--until", until]).exits(0);
        let jobs = site.maint(&["jobs"]).exits(0).stdout;
        assert!(jobs.contains(&format!("job: paused until {shown}\n")), "{until}: {jobs}");
        assert!(jobs.lines().nth(1).unwrap().contains("paused"), "{jobs}");
    }
}

#[test]
fn without_an_end_a_pause_lasts_until_resume() {
    let site = site();
    let _ = site.maint(&["pause", "job"]).exits(0);
    let jobs = site.maint(&["jobs"]).stdout;
    assert!(jobs.contains("job: paused until `maint resume`\n"), "{jobs}");
    let _ = run_at(&site, "2036-11-20T15:00:00Z").exits(75);
    let _ = site.maint(&["resume", "job"]).exits(0);
    let _ = site.maint(&["run", "job"]).exits(0);
    assert!(site.path("ran").exists());
}

#[test]
fn an_end_that_is_past_or_cannot_be_read_is_refused_and_nothing_is_paused() {
    let site = site();
    for until in ["2026-11-20T16:02", "2026-11-20", "2020-01-01T00:00:00Z", "0s"] {
        let run = site.maint(&["pause", "job", "--until", until]).exits(2);
        assert!(run.complaint().ends_with(" is in the past"), "{}", run.stderr);
    }
    for until in ["", "tomorrow", "-2h", "2026-13-01", "24", "99999999999w", "2026-12-24T25:00"] {
        let until = format!("--until={until}");
        let run = site.maint(&["pause", "job", &until]).exits(2);
        assert!(run.complaint().contains("write a length (2h), a day (2026-12-24)"), "{}", run.stderr);
    }
    assert!(!site.state().exists());
}

#[test]
fn the_same_pause_again_and_a_second_resume_have_nothing_to_do() {
    let site = site();
    for (args, counts) in [
        (&["pause", "job", "--until", "2026-12-24", "--reason", "holidays"] as &[&str], [1, 0]),
        (&["resume", "job"], [1, 0]),
    ] {
        for done in counts {
            let report = site.maint(&[args, &["--json"]].concat()).exits(0).json();
            assert_eq!(report["counts"]["done"], done, "{args:?}");
        }
    }
}

#[test]
fn another_end_or_reason_replaces_the_pause() {
    let site = site();
    let _ = site.maint(&["pause", "job", "--until", "2026-12-24", "--reason", "holidays"]).exits(0);
    let _ = site.maint(&["pause", "job", "--until", "2026-12-26", "--reason", "snow"]).exits(0);
    let jobs = site.maint(&["jobs"]).stdout;
    assert!(jobs.ends_with("job: paused until 2026-12-26 00:00:00 CET (snow)\n"), "{jobs}");
}

#[test]
fn yes_runs_a_paused_job_and_the_pause_stays() {
    let site = site();
    let _ = site.maint(&["pause", "job", "--until", "2h"]).exits(0);
    let _ = site.maint(&["run", "job", "--yes"]).exits(0);
    assert!(site.path("ran").exists());
    let _ = site.maint(&["run", "job"]).exits(75);
}

#[test]
fn a_pause_that_is_over_does_not_count() {
    let site = site();
    let _ = site.maint(&["pause", "job", "--until", "2h"]).exits(0);
    let _ = run_at(&site, "2026-11-20T17:02:25Z").exits(75);
    let _ = run_at(&site, "2026-11-20T17:02:26Z").exits(0);
}

#[test]
fn a_pause_file_that_cannot_be_read_still_pauses() {
    let site = site();
    let _ = site.maint(&["pause", "job", "--until", "2h"]).exits(0);
    std::fs::write(site.state().join("pauses/job.json"), "{").unwrap();
    let run = site.maint(&["run", "job", "-v"]).exits(75);
    assert!(run.stderr.contains("the pause file cannot be read"), "{}", run.stderr);
}

#[test]
fn a_job_that_does_not_exist_cannot_be_paused_or_resumed() {
    let site = site();
    for command in ["pause", "resume"] {
        let run = site.maint(&[command, "jib"]).exits(2);
        assert_eq!(run.complaint(), "there is no job `jib`; did you mean `job`?");
    }
    assert!(!site.state().exists());
}
