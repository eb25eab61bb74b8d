//! `maint run JOB`: what a job may expect, and what cron mails.

use crate::support::{Run, Site, run};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

fn shell(name: &str, line: &str) -> String {
    format!("[jobs.{name}]\nshell = {}\n", toml::Value::from(line))
}

/// A site with one job named "job".
fn site(line: &str) -> Site {
    Site::new(&shell("job", line))
}

#[test]
fn a_job_is_found_by_its_name_and_by_six_digits_of_its_hash() {
    let site = site("true");
    let hash = site.maint(&["jobs", "--json"]).json()[0]["hash"].as_str().unwrap().to_owned();
    for name in ["job", &hash, &hash[..6], &hash[..9].to_uppercase()] {
        let _ = site.maint(&["run", name]).exits(0);
    }
    assert_eq!(site.history().len(), 4);
}

#[test]
fn an_unknown_name_and_a_short_hash_are_refused_before_anything_is_made() {
    let site = site("true");
    let hash = site.maint(&["jobs", "--json"]).json()[0]["hash"].as_str().unwrap().to_owned();
    let unknown = site.maint(&["run", "jib"]).exits(2);
    assert_eq!(unknown.complaint(), "there is no job `jib`; did you mean `job`?");
    let short = site.maint(&["run", &hash[..5]]).exits(2);
    assert!(short.complaint().starts_with("there is no job"), "{}", short.stderr);
    assert!(!site.state().exists());
}

#[test]
fn a_hash_that_two_jobs_begin_with_is_refused_with_both_names() {
    // Found by trying some thousand names.
    let site = Site::new(&(shell("job-1742", "true") + &shell("job-6365", "true")));
    let run = site.maint(&["run", "414cfc"]).exits(2);
    assert_eq!(run.complaint(), "414cfc could be the hash of job-1742 or job-6365; give more of it");
}

#[test]
fn a_job_that_ends_well_says_nothing_and_leaves_its_output_in_the_log() {
    let site = site("echo one; echo two >&2");
    let run = site.maint(&["run", "job"]).exits(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    assert!(site.log("job").starts_with("one\ntwo\n"), "{}", site.log("job"));
}

#[test]
fn one_v_adds_one_line_that_sums_the_run_up() {
    let site = site("true");
    let run = run(site.command(&["run", "job", "-v"]).env_remove("MAINT_NOW")).exits(0);
    assert!(run.stdout.starts_with("job: 1 done in "), "{}", run.stdout);
    assert_eq!((run.stdout.lines().count(), run.stderr.as_str()), (1, ""));
}

#[test]
fn a_failure_tells_cron_what_failed_the_last_lines_and_where_the_log_is() {
    let site = site("echo looking; echo no such disk >&2; exit 3");
    let run = site.maint(&["run", "job"]).exits(1);
    assert_eq!(run.stdout, "");
    let lines: Vec<&str> = run.stderr.lines().collect();
    assert!(lines[0].starts_with("maint: job: 1 failed in "), "{}", run.stderr);
    assert_eq!(
        lines[1..5],
        [
            "  failed: run `echo looking; echo no such disk >&2; exit 3`: exit code 3",
            "last lines:",
            "  looking",
            "  no such disk"
        ]
    );
    let log = lines[5].strip_prefix("log: ").unwrap();
    assert!(fs::read_to_string(log).unwrap().starts_with("looking\nno such disk\n"));
    assert_eq!(lines.len(), 6);
}

#[test]
fn a_line_that_a_signal_kills_has_failed() {
    let run = site("kill -9 $$").maint(&["run", "job"]).exits(1);
    assert!(run.stderr.contains(": killed by signal 9\n"), "{}", run.stderr);
}

#[test]
fn the_log_stops_at_its_limit_and_still_ends_with_the_last_lines() {
    let site = Site::new("[jobs.job]\nshell = \"seq -f 'line %.0f' 50000; exit 1\"\nlog_limit = \"4KB\"\n");
    let run = site.maint(&["run", "job"]).exits(1);
    let log = site.log("job");
    assert!(log.len() < 8 << 10, "{} bytes", log.len());
    assert!(log.starts_with("line 1\nline 2\n") && log.contains(" lines left out: "), "{log}");
    for text in [&log, &run.stderr] {
        assert!(text.contains("line 49999\n") && text.contains("line 50000\n"), "{text}");
    }
}

#[test]
fn a_line_runs_in_the_root_of_the_site_without_input_in_a_group_of_its_own() {
    let site = site("cat; pwd; echo $$ $(cut -d' ' -f5 /proc/$$/stat)");
    let input = fs::File::open(site.path("maint.toml")).unwrap();
    let _ = run(site.command(&["run", "job"]).stdin(input)).exits(0);
    let log = site.log("job");
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines[0], site.root().canonicalize().unwrap().to_str().unwrap());
    let (pid, group) = lines[1].split_once(' ').unwrap();
    assert_eq!(pid, group);
}

#[test]
fn a_process_left_in_the_background_neither_delays_nor_ends_with_the_run() {
    let site = site("sleep 300 & echo started");
    let _ = site.maint(&["run", "job"]).exits(0);
    assert_eq!(site.processes().len(), 1);
    assert!(
        site.log("job").contains("warn a process that the line started is still running and was left alone")
    );
}

#[test]
fn a_dry_run_prints_the_line_and_does_not_run_it() {
    let site = site("touch done");
    let run = site.maint(&["run", "job", "--dry-run"]).exits(0);
    assert_eq!(run.stdout, "would run `touch done`\njob: 1 planned\n");
    assert!(!site.path("done").exists() && !site.state().exists());
}

#[test]
fn the_json_report_has_the_steps_the_counts_and_the_log() {
    let site = site("exit 7");
    let report = site.maint(&["run", "job", "--json"]).exits(1).json();
    assert_eq!(report["job"], "job");
    assert_eq!((&report["status"], &report["exit_code"]), (&"failed".into(), &1.into()));
    assert_eq!(report["counts"]["failed"], 1);
    assert_eq!(
        report["steps"][0],
        serde_json::json!({ "action": "run-shell", "line": "exit 7", "outcome": "failed", "detail": "exit code 7" })
    );
    assert!(fs::exists(report["log"].as_str().unwrap()).unwrap());
    for key in ["run", "started", "finished", "notes", "failures"] {
        assert!(!report[key].is_null(), "{key}");
    }
}

#[test]
fn a_command_job_keeps_its_own_name_lock_and_time_limit() {
    let site = Site::new(
        "[jobs.nightly]\ncommand = \"cleanup-temp --auto\"\nlock = \"disk\"\n\
         [jobs.hasty]\ncommand = \"cleanup-temp --auto\"\ntimeout = \"1ms\"\n\
         [cleanup-temp]\npaths = [\"tmp\"]\n",
    );
    site.file("tmp/old", "", 48);
    let _ = site.maint(&["run", "hasty"]).exits(124);
    assert!(site.path("tmp/old").exists());
    let report = site.maint(&["run", "nightly", "--json"]).exits(0).json();
    assert_eq!((&report["job"], &report["counts"]["done"]), (&"nightly".into(), &1.into()));
    assert!(site.state().join("locks/disk.lock").exists());
    assert!(!site.path("tmp/old").exists());
}

#[test]
fn skip_exit_of_the_job_and_of_the_defaults_replaces_75() {
    let site = Site::new(
        "[defaults]\nskip_exit = 0\n[jobs.one]\nshell = \"touch ran\"\n[jobs.two]\nshell = \"touch ran\"\nskip_exit = 7\n",
    );
    for (job, code) in [("one", 0), ("two", 7)] {
        let _ = site.maint(&["pause", job]).exits(0);
        let _ = site.maint(&["run", job]).exits(code);
    }
    assert!(!site.path("ran").exists());
}

/// Sequences that move a cursor, name a window, hide text or fake a line.
const HOSTILE: [&[u8]; 8] = [
    b"\x1b[2J\x1b[31m",
    b"\x1b]0;title\x07",
    b"one\rtwo",
    b"\x08\x08\x7f",
    "\u{9b}2J".as_bytes(),
    "\u{202e}gpj.exe\u{2066}".as_bytes(),
    "\u{2028}\u{85}next".as_bytes(),
    b"\xff\xfe\x9b",
];

#[track_caller]
fn assert_harmless(run: &Run) {
    let is_harmful = |c: char| {
        c != '\n' && (c.is_control() || "\u{200e}\u{200f}\u{2028}\u{2029}\u{202e}\u{2066}".contains(c))
    };
    let all = run.stdout.clone() + &run.stderr;
    assert_eq!(all.matches(is_harmful).collect::<Vec<_>>(), Vec::<&str>::new(), "{all:?}");
}

#[test]
fn control_characters_from_outside_reach_no_output_and_no_log() {
    let site = Site::new(
        "[jobs.job]\nshell = \"cat hostile; : '\\u001b[2J\\u202e'; exit 1\"\ndescription = \"\\u001b[2J\\u009b\"\n\
         [cleanup-temp]\npaths = [\"tmp\"]\n",
    );
    site.folder("tmp");
    for bytes in HOSTILE {
        let name = site.path("tmp").join(std::ffi::OsStr::from_bytes(bytes));
        fs::write(&name, "").unwrap();
        crate::support::age(&name, 48);
    }
    fs::write(site.path("hostile"), HOSTILE.join(&b'\n')).unwrap();
    let reason = "for \u{1b}]0;fun\u{7} \u{202e}and\nprofit";
    for args in [
        &["run", "job"] as &[&str],
        &["run", "job", "-vv"],
        &["run", "job", "--json"],
        &["run", "job", "-n"],
        &["cleanup-temp", "-n"],
        &["cleanup-temp", "-n", "--json"],
        &["cleanup-temp", "--auto", "-vv"],
        &["logs", "job"],
        &["logs", "cleanup-temp", "--json"],
        &["pause", "job", "--until", "2h", "--reason", reason, "-vv"],
        &["run", "job", "-v"],
        &["jobs"],
        &["jobs", "--json"],
        &["history"],
        &["history", "--json"],
        &["run", "\u{1b}[2J"],
        &["\u{1b}[2J\u{9b}"],
    ] {
        assert_harmless(&site.maint(args));
    }
    let log = site.maint(&["logs", "job"]).stdout;
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!((lines[0], lines[7]), ("\\x1b[2J\\x1b[31m", "\\xff\\xfe\\x9b"));
    assert_eq!(site.tree("tmp"), [""; 0]);
}

#[test]
fn a_name_with_a_line_end_stays_one_line() {
    let site = Site::new("[cleanup-temp]\npaths = [\"tmp\"]\n");
    site.file("tmp/one\nfailed: two", "", 48);
    let run = site.maint(&["cleanup-temp", "-n"]).exits(0);
    assert!(run.stdout.contains("/tmp/one\\nfailed: two ("), "{}", run.stdout);
    assert!(!run.stdout.contains("\nfailed: two"), "{}", run.stdout);
}

#[test]
fn a_failure_is_told_on_a_terminal_too_when_only_failures_are_wanted() {
    let site = Site::new("[jobs.bad]\nshell = \"exit 3\"\n[jobs.good]\nshell = \"true\"\n");
    let Some(run) = site.on_terminal(&["-q", "run", "bad"], "", || {}) else { return };
    assert!(run.exits(1).stdout.contains("exit code 3"), "a quiet failure said nothing");
    let Some(run) = site.on_terminal(&["-q", "run", "good"], "", || {}) else { return };
    assert_eq!(run.exits(0).stdout, "");
}
