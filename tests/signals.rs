//! The ends that come from outside: the time limit, SIGINT, SIGTERM and SIGHUP.

use crate::support::{Site, WAIT, binary, finish, send, wait_until};
use rustix::process::Signal;
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A line that hangs is ended at its limit, and nothing of it is left.
#[track_caller]
fn ends_at_its_limit(line: &str) {
    let site = Site::new(&format!("[jobs.hangs]\nshell = '''{line}'''\ntimeout = \"300ms\"\n"));
    let start = Instant::now();
    let run = site.maint(&["run", "hangs"]).exits(124);
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    assert!(run.stderr.contains("stopped at the time limit"), "{}", run.stderr);
    assert_eq!(site.processes(), [0; 0]);
    let last = &site.history()[0];
    assert_eq!((&last["status"], &last["exit_code"]), (&"timed-out".into(), &124.into()));
}

#[test]
fn a_line_that_only_sleeps_is_ended_at_its_limit() {
    ends_at_its_limit("sleep 300");
}

#[test]
fn a_line_and_a_child_that_ignore_sigterm_are_ended_at_the_limit() {
    ends_at_its_limit("trap '' TERM; sh -c 'sleep 300; sleep 300'; sleep 300");
}

#[test]
fn a_child_in_a_session_of_its_own_is_ended_at_the_limit() {
    ends_at_its_limit("setsid sh -c 'trap \"\" TERM; sleep 300; sleep 300' & wait");
}

#[test]
fn children_that_fled_into_the_background_are_ended_at_the_limit() {
    ends_at_its_limit("(nohup sleep 300 >/dev/null 2>&1 &); (setsid -f setsid -f sleep 300); sleep 300");
}

/// A signal to `maint` ends the line, all it started, and the run.
#[track_caller]
fn ends_with_its_line(signal: Signal, code: i32) {
    let site = Site::new("[jobs.job]\nshell = \"sleep 300 & setsid -f sleep 300; touch started; wait\"\n");
    let child = site.start(&["run", "job"]);
    wait_until("the line runs", || site.path("started").exists());
    send(&child, signal);
    let run = finish(child).exits(code);
    assert!(run.stderr.contains("; interrupted\n"), "{}", run.stderr);
    assert_eq!(site.processes(), [0; 0]);
    let last = &site.history()[0];
    assert_eq!((&last["status"], &last["exit_code"]), (&"interrupted".into(), &code.into()));
}

#[test]
fn sigint_ends_the_run_with_130_and_leaves_no_orphan() {
    ends_with_its_line(Signal::INT, 130);
}

#[test]
fn sigterm_ends_the_run_with_143_and_leaves_no_orphan() {
    ends_with_its_line(Signal::TERM, 143);
}

#[test]
fn sighup_ends_the_run_with_129_and_leaves_no_orphan() {
    ends_with_its_line(Signal::HUP, 129);
}

#[test]
fn under_nohup_a_run_outlives_its_terminal() {
    let site = Site::new(&format!("[jobs.job]\nshell = \"{WAIT}\"\n"));
    let mut nohup = site.through("nohup", &[binary(), "run", "job"]);
    let child = nohup.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the line runs", || site.path("started").exists());
    send(&child, Signal::HUP);
    site.release(child);
    assert_eq!(site.history()[0]["status"], "done");
}

#[test]
fn a_second_signal_ends_a_line_that_ignores_the_first_and_leaves_no_orphan() {
    let line = "trap 'touch ignored' TERM; touch started; while :; do sleep 0.05; done";
    let site = Site::new(&format!("[jobs.job]\nshell = \"{line}\"\n"));
    let child = site.hold("job");
    let start = Instant::now();
    send(&child, Signal::TERM);
    wait_until("the line has ignored the signal", || site.path("ignored").exists());
    send(&child, Signal::TERM);
    let _ = finish(child).exits(143);
    assert!(start.elapsed() < Duration::from_millis(2_500), "{:?}", start.elapsed());
    assert_eq!(site.processes(), [0; 0]);
    assert_eq!(site.history()[0]["status"], "interrupted");
}

#[test]
fn a_cleanup_that_is_interrupted_says_what_it_has_not_done_and_the_next_one_does_it() {
    const FILES: usize = 20_000;
    let site = Site::new("[cleanup-temp]\npaths = [\"tmp\"]\n");
    for number in 0..FILES {
        site.file(&format!("tmp/{number}"), "", 48);
    }
    let left = || fs::read_dir(site.path("tmp")).unwrap().count();
    let child = site.start(&["cleanup-temp", "--auto", "--json"]);
    wait_until("some files are gone", || left() < FILES);
    send(&child, Signal::TERM);
    let report = finish(child).exits(143).json();
    assert_eq!(report["status"], "interrupted");
    assert_eq!(report["counts"]["skipped"], left());
    assert_eq!(report["counts"]["done"], FILES - left());
    assert_eq!(site.history()[0]["status"], "interrupted");
    let _ = site.maint(&["cleanup-temp", "--auto"]).exits(0);
    assert_eq!(left(), 0);
}
