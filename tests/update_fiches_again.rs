//! update-fiches, run again: nothing is paid twice, whatever was left by the run before.

use crate::support::claude::{Fate, Manner};
use crate::support::claude_form::sheet;
use crate::support::fiches::{BY_HAND, Fiches, PUBLISHED, code, codes, totals};
use crate::support::{Run, finish, run, send, wait_until};
use rustix::process::Signal;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Stdio};
use std::time::Duration;

/// Starts `maint update-fiches` and goes on.
fn start(fiches: &Fiches, args: &[&str]) -> Child {
    fiches.prepared(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Ends it as a power cut would.
fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[track_caller]
fn cost(report: &Value) -> f64 {
    report["cost_usd"].as_f64().unwrap_or_else(|| panic!("no cost_usd in {report}"))
}

/// How many answers are remembered that are not written.
fn remembered(fiches: &Fiches) -> usize {
    let (file, flags) = (fiches.site.state().join("state.db"), rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY);
    let Ok(state) = rusqlite::Connection::open_with_flags(file, flags) else { return 0 };
    let sql = "SELECT count(*) FROM memory WHERE topic = 'fiches' AND value ->> '$.paid' IS NOT NULL";
    // Not yet there, or being written.
    state.query_row(sql, [], |row| row.get(0)).unwrap_or_default()
}

/// Nothing is asked, submitted or written by this run.
#[track_caller]
fn does_nothing(fiches: &Fiches, args: &[&str]) {
    let count = || (fiches.claude.asked().len(), fiches.claude.batches().len(), fiches.claude.ledger().len());
    let before = (count(), fiches.versions());
    let report = fiches.update(&[args, &["--json"]].concat()).exits(0).json();
    assert_eq!((totals(&report), cost(&report)), ([0, 0, 0], 0.0), "{args:?}");
    assert_eq!((count(), fiches.versions()), before, "{args:?}");
}

#[test]
fn what_a_batch_left_and_was_asked_for_directly_is_not_asked_for_by_any_run_after_that() {
    let fiches = Fiches::few("mode = \"batch\"\n");
    let _ = fiches.update(&[]).exits(0);
    fiches.claude.ends_as("A1101", Fate::Expired);
    fiches.claude.once("B1302", Manner::Says("rien".to_owned()));
    fiches.claude.end();
    let report = fiches.update(&["--mode", "direct", "--json"]).exits(0).json();
    assert_eq!(totals(&report), [5, 0, 0], "{report}");
    let mut asked = fiches.claude.asked();
    asked.sort();
    assert_eq!((asked, fiches.claude.paid("B1302")), (vec!["A1101".to_owned(), "B1302".to_owned()], 2));
    for args in [&[] as &[&str], &["--mode", "direct"], &["--collect"]] {
        does_nothing(&fiches, args);
    }
}

#[test]
fn a_run_that_is_ended_while_it_asks_for_what_a_batch_left_is_continued_by_the_next() {
    let fiches = Fiches::many(16, "mode = \"batch\"\nconnections = 2\n");
    let _ = fiches.update(&[]).exits(0);
    for number in (0..16).step_by(2) {
        fiches.claude.ends_as(&code(number), Fate::Expired);
    }
    fiches.claude.end();
    fiches.claude.takes(Duration::from_millis(150));
    let child = start(&fiches, &["--mode", "direct"]);
    wait_until("some were asked", || fiches.claude.asked().len() >= 3);
    send(&child, Signal::TERM);
    let _ = finish(child).exits(143);
    let first: BTreeSet<String> = fiches.claude.asked().into_iter().collect();
    assert!(first.len() < 8, "all were asked before it was ended");
    fiches.claude.forget();
    let _ = fiches.update(&["--mode", "direct"]).exits(0);
    let second: BTreeSet<String> = fiches.claude.asked().into_iter().collect();
    // What was on its way was waited for.
    assert!(first.is_disjoint(&second), "{first:?} and then {second:?}");
    assert_eq!(first.len() + second.len(), 8);
    assert!((0..16).all(|number| fiches.modified(&code(number)) == 1), "{:?}", fiches.audit());
    does_nothing(&fiches, &[]);
}

#[test]
fn what_a_simulation_paid_for_in_the_place_of_a_batch_is_written_by_the_real_run() {
    for mode in ["batch", "direct"] {
        let fiches = Fiches::few("mode = \"batch\"\n");
        let _ = fiches.update(&[]).exits(0);
        fiches.claude.ends_as("C1504", Fate::Expired);
        fiches.claude.end();
        let _ = fiches.update(&["--simulate"]).exits(0);
        assert_eq!(
            (fiches.claude.asked(), fiches.versions()[2].as_str()),
            (vec!["C1504".to_owned()], "C1504 1")
        );
        let report = fiches.update(&["--mode", mode, "--json"]).exits(0).json();
        assert_eq!(totals(&report), [5, 0, 0], "{mode}: {report}");
        assert_eq!((fiches.claude.asked().len(), fiches.claude.batches().len()), (1, 1), "{mode}");
        fiches.all_are_done_and_paid_once();
        does_nothing(&fiches, &[]);
    }
}

#[test]
fn answers_that_wait_for_a_locked_database_are_remembered_when_the_run_is_killed() {
    let fiches = Fiches::many(9, "connections = 8\n");
    fiches.locks_at_message(2);
    let child = start(&fiches, &[]);
    // The first one is written before the others are asked for.
    wait_until("eight answers are remembered", || remembered(&fiches) == 8);
    kill(child);
    fiches.claude.recovers();
    let _ = fiches.update(&[]).exits(0);
    assert_eq!((fiches.claude.asked().len(), fiches.claude.ledger().len()), (9, 9));
    assert!((0..9).all(|number| fiches.modified(&code(number)) == 1), "{:?}", fiches.audit());
}

#[test]
fn a_sheet_that_was_edited_while_its_batch_was_answered_stays_as_it_is_for_the_rest_of_the_month() {
    let fiches = Fiches::few("mode = \"batch\"\n");
    let _ = fiches.update(&[]).exits(0);
    fiches.edit("A1101");
    fiches.claude.end();
    let report = fiches.update(&["--json"]).exits(0).json();
    assert_eq!((&report["updated"], &report["edited"]), (&4.into(), &1.into()), "{report}");
    for args in [&[] as &[&str], &["--mode", "direct"], &["--collect"]] {
        does_nothing(&fiches, args);
    }
    assert_eq!((fiches.cell("A1101", "description"), fiches.modified("A1101")), (BY_HAND.to_owned(), 0));
}

#[test]
fn an_answer_that_was_asked_for_by_its_code_and_could_not_be_written_is_written_by_the_next_plain_run() {
    let fiches = Fiches::few("");
    fiches.is_impatient();
    let _ = fiches.update(&[]).exits(0);
    fiches.claude.revision(2);
    fiches.locks_at_message(1);
    let _ = fiches.update(&["--code", "A1101"]).exits(1);
    assert_eq!((fiches.claude.paid("A1101"), fiches.cell("A1101", "version")), (2, "2".to_owned()));
    fiches.claude.recovers();
    let report = fiches.update(&["--json"]).exits(0).json();
    assert_eq!((totals(&report), fiches.claude.asked().len()), ([1, 0, 0], 6), "{report}");
    assert_eq!(fiches.cell("A1101", "version"), "3");
    assert_eq!(fiches.cell("A1101", "description"), sheet("A1101", 2)["description"].as_str().unwrap());
}

/// A site where a file answers, with a sheet for each.
fn with_stand_in() -> Fiches {
    let fiches = Fiches::few("stand_in = \"answers.json\"\n");
    let answer = |code: &str| {
        let mut sheet = sheet(code, 7);
        sheet.as_object_mut().unwrap().shift_remove("secteurs_activite");
        (code.to_owned(), sheet)
    };
    let answers: Map<String, Value> = PUBLISHED.iter().map(|code| answer(code)).collect();
    fs::write(fiches.site.path("answers.json"), Value::from(answers).to_string()).unwrap();
    fiches
}

#[test]
fn what_a_stand_in_said_is_no_refreshment_and_no_answer_of_claudes() {
    for (args, version) in [(&[] as &[&str], 3), (&["--simulate"], 2)] {
        let fiches = with_stand_in();
        let _ = fiches.update(args).exits(0);
        assert_eq!(
            (fiches.claude.asked().len(), fiches.cell("A1101", "version")),
            (0, (version - 1).to_string())
        );
        fiches.configure("stand_in = \"answers.json\"\n", "");
        let report = fiches.update(&["--json"]).exits(0).json();
        assert_eq!((totals(&report), fiches.claude.asked().len()), ([5, 0, 0], 5), "{args:?}: {report}");
        for code in PUBLISHED {
            assert_eq!(fiches.cell(code, "version"), version.to_string(), "{args:?}");
            assert_eq!(fiches.cell(code, "description"), sheet(code, 1)["description"].as_str().unwrap());
        }
    }
}

#[test]
fn a_sheet_that_was_edited_after_a_simulation_is_asked_for_anew() {
    let fiches = Fiches::few("");
    let _ = fiches.update(&["--simulate"]).exits(0);
    fiches.edit("A1101");
    // Claude is told nothing of it.
    fiches.execute("UPDATE fiches_metiers SET version = 5 WHERE code_rome = 'B1302'");
    let report = fiches.update(&["--json"]).exits(0).json();
    assert_eq!(totals(&report), [5, 0, 0], "{report}");
    assert_eq!(["A1101", "B1302", "C1504"].map(|code| fiches.claude.paid(code)), [2, 2, 1]);
    assert_eq!(fiches.cell("A1101", "description"), sheet("A1101", 1)["description"].as_str().unwrap());
    assert_eq!(fiches.cell("B1302", "version"), "6");
    does_nothing(&fiches, &[]);
}

#[test]
fn the_copy_of_a_simulation_that_was_killed_is_gone_after_the_next_one() {
    let fiches = Fiches::few("");
    let copies = || {
        let names = fs::read_dir(fiches.site.state()).into_iter().flatten();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with(".maint-")).collect::<Vec<_>>()
    };
    fiches.claude.takes(Duration::from_secs(20));
    let child = start(&fiches, &["--simulate"]);
    wait_until("one was asked", || !fiches.claude.asked().is_empty());
    kill(child);
    assert_eq!(copies().len(), 1, "it is killed too early: {:?}", copies());
    fiches.claude.takes(Duration::ZERO);
    let _ = fiches.update(&["--simulate"]).exits(0);
    assert!(copies().is_empty(), "{:?}", copies());
}

/// What came of a run that was told to end while its only answer was on its way.
fn ended_while_waiting(args: &[&str]) -> Run {
    let fiches = Fiches::few("");
    fiches.claude.takes(Duration::from_secs(30));
    let child = start(&fiches, args);
    wait_until("one was asked", || !fiches.claude.asked().is_empty());
    send(&child, Signal::TERM);
    finish(child)
}

#[test]
fn a_run_that_is_ended_while_its_only_answer_is_on_its_way_says_so() {
    std::thread::scope(|scope| {
        for args in [&["--code", "A1101"] as &[&str], &["--simulate", "--limit", "1"]] {
            scope.spawn(move || ended_while_waiting(args).exits(143));
        }
        let fiches =
            Fiches::few("[jobs.refresh]\ncommand = \"update-fiches --code A1101\"\ntimeout = \"2s\"\n");
        fiches.claude.takes(Duration::from_secs(30));
        let _ = run(&mut fiches.command(&["run", "refresh"])).exits(124);
        assert_eq!(fiches.claude.asked(), ["A1101"]);
        assert_eq!(codes(&fiches.update(&["--dry-run", "--json"]).exits(0).json(), "planned").len(), 5);
    });
}
