//! `maint update-fiches --mode batch`: submitted by one run, collected by a later one, paid once.

use crate::support::claude::{Fate, Manner, problem};
use crate::support::claude_form::sheet;
use crate::support::fiches::{Fiches, PUBLISHED, codes, cost, totals};
use crate::support::http::Reply;
use crate::support::wait_until;
use std::path::PathBuf;
use std::time::Duration;

fn batch() -> Fiches {
    Fiches::few("mode = \"batch\"\n")
}

/// Every published sheet was refreshed once, for one answer each.
#[track_caller]
fn all_is_done_and_paid_once(fiches: &Fiches) {
    assert_eq!(fiches.versions()[..5], PUBLISHED.map(|code| format!("{code} 2")));
    for code in PUBLISHED {
        assert_eq!((fiches.modified(code), fiches.claude.paid(code)), (1, 1), "{code}");
        assert_eq!(fiches.cell(code, "description"), sheet(code, 1)["description"].as_str().unwrap());
    }
}

/// Posts to the batches: those that the server has seen.
fn posts(fiches: &Fiches) -> usize {
    fiches.claude.received("/batches").iter().filter(|request| request.method == "POST").count()
}

#[test]
fn one_run_submits_and_a_later_one_writes_at_half_the_price() {
    let fiches = batch();
    let before = fiches.content();
    let submitted = fiches.update(&["--json"]).exits(0).json();
    assert_eq!((totals(&submitted), cost(&submitted)), ([0, 0, 0], 0));
    assert_eq!(fiches.claude.batches()[0].len(), 5);
    for _ in 0..2 {
        let waiting = fiches.update(&["--json"]).exits(0).json();
        assert_eq!((totals(&waiting), posts(&fiches)), ([0, 0, 0], 1));
        assert_eq!(fiches.content(), before);
    }
    fiches.claude.end();
    let collected = fiches.update(&["--json"]).exits(0).json();
    assert_eq!(
        (totals(&collected), codes(&collected, "done")),
        ([5, 0, 0], PUBLISHED.map(str::to_owned).to_vec())
    );
    assert_eq!(cost(&collected), fiches.claude.spent());
    all_is_done_and_paid_once(&fiches);
    let again = fiches.update(&["--json"]).exits(0).json();
    assert_eq!((totals(&again), posts(&fiches), cost(&again)), ([0, 0, 0], 1, 0));
    all_is_done_and_paid_once(&fiches);
    assert_eq!(fiches.claude.asked().len(), 0);
}

#[test]
fn a_batch_that_ends_in_the_next_month_is_collected_then() {
    let fiches = batch();
    let _ = fiches.update_at("2026-11-30T22:30:00Z", &[]).exits(0);
    fiches.claude.end();
    let report = fiches.update_at("2026-12-01T01:00:00Z", &["--collect", "--json"]).exits(0).json();
    assert_eq!(totals(&report), [5, 0, 0]);
    all_is_done_and_paid_once(&fiches);
}

#[test]
fn collecting_begins_nothing_new() {
    let fiches = batch();
    let nothing = fiches.update(&["--collect", "--json"]).exits(0).json();
    assert_eq!((totals(&nothing), posts(&fiches)), ([0, 0, 0], 0));
    let _ = fiches.update(&[]).exits(0);
    fiches.claude.ends_as("B1302", Fate::Expired);
    fiches.claude.end();
    fiches.execute("UPDATE fiches_metiers SET statut = 'publiee' WHERE code_rome = 'F1106'");
    let report = fiches.update(&["--collect", "--json"]).json();
    assert_eq!(report["updated"], 4, "{report}");
    // What expired was begun already.
    fiches.claude.end();
    let _ = fiches.update(&["--collect"]).exits(0);
    all_is_done_and_paid_once(&fiches);
    assert_eq!((fiches.cell("F1106", "version"), fiches.claude.paid("F1106")), ("1".to_owned(), 0));
}

#[test]
fn what_expired_or_failed_for_no_fault_of_its_own_is_submitted_again() {
    let fiches = batch();
    let _ = fiches.update(&[]).exits(0);
    for (code, fate) in [("A1101", Fate::Expired), ("C1504", Fate::Canceled), ("E1205", Fate::Overloaded)] {
        fiches.claude.ends_as(code, fate);
    }
    fiches.claude.end();
    let report = fiches.update(&["--json"]).json();
    assert_eq!((report["updated"].as_u64(), cost(&report)), (Some(2), fiches.claude.spent()), "{report}");
    let batches = fiches.claude.batches();
    assert_eq!((batches.len(), batches[1].len()), (2, 3), "{batches:?}");
    fiches.claude.end();
    let _ = fiches.update(&[]).exits(0);
    all_is_done_and_paid_once(&fiches);
}

/// A machine between here and Claude that does not know the list of batches.
fn lists_nothing(fiches: &Fiches) {
    fiches.claude.trouble(|request| {
        let is_list = request.method == "GET" && request.path == "/v1/messages/batches";
        is_list.then(|| problem(404, "not_found_error", "Not Found"))
    });
}

#[test]
fn where_batches_are_not_listed_they_are_submitted_and_collected_all_the_same() {
    let fiches = batch();
    lists_nothing(&fiches);
    let _ = fiches.update(&[]).exits(0);
    fiches.claude.end();
    let _ = fiches.update(&[]).exits(0);
    all_is_done_and_paid_once(&fiches);
}

#[test]
fn a_batch_whose_answer_was_lost_is_not_submitted_again_where_batches_are_not_listed() {
    let fiches = batch();
    lists_nothing(&fiches);
    fiches.claude.makes_a_batch_but_says(Reply::mute());
    let _ = fiches.update(&[]).exits(1);
    let again = fiches.update(&[]).exits(1);
    assert!(again.stderr.contains("does not list its batches"), "{}", again.stderr);
    assert_eq!(fiches.claude.batches().len(), 1);
}

#[test]
fn an_answer_that_does_not_validate_is_asked_for_once_more_and_then_is_an_error() {
    let fiches = batch();
    fiches.claude.once("A1101", Manner::Says("{\"description\": \"court\"}".to_owned()));
    fiches.claude.once("B1302", Manner::IsCut);
    fiches.claude.always("D1106", Manner::Says("Voici la fiche : {".to_owned()));
    let _ = fiches.update(&[]).exits(0);
    fiches.claude.end();
    let report = fiches.update(&["--json"]).json();
    assert_eq!((report["updated"].as_u64(), fiches.claude.batches()[1].len()), (Some(2), 3), "{report}");
    fiches.claude.end();
    let mut costs = cost(&report);
    let report = fiches.update(&["--json"]).exits(1).json();
    assert_eq!((totals(&report), codes(&report, "failed")), ([2, 0, 1], vec!["D1106".to_owned()]));
    costs += cost(&report);
    assert_eq!(costs, fiches.claude.spent());
    assert_eq!((fiches.cell("D1106", "version"), fiches.claude.paid("D1106")), ("1".to_owned(), 2));
    assert!(
        fiches.audit().contains(&"veille_metiers|D1106|AgentRedacteurFiche".to_owned()),
        "{:?}",
        fiches.audit()
    );
}

#[test]
fn a_refusal_and_a_request_at_fault_are_errors_at_once() {
    let fiches = batch();
    fiches.claude.always("A1101", Manner::Refuses);
    fiches.claude.ends_as("B1302", Fate::Refused);
    let _ = fiches.update(&[]).exits(0);
    fiches.claude.end();
    let run = fiches.update(&["--json"]).exits(1);
    let report = run.json();
    assert_eq!(
        (totals(&report), codes(&report, "failed")),
        ([3, 0, 2], vec!["A1101".into(), "B1302".into()])
    );
    assert_eq!((posts(&fiches), cost(&report)), (1, fiches.claude.spent()));
}

#[test]
fn a_sheet_that_was_edited_withdrawn_or_removed_meanwhile_is_not_overwritten() {
    let fiches = batch();
    let _ = fiches.update(&[]).exits(0);
    fiches.execute(
        "UPDATE fiches_metiers SET description = 'De main humaine', version = 2 WHERE code_rome = 'A1101';
         UPDATE fiches_metiers SET competences = '[\"Autre\"]' WHERE code_rome = 'B1302';
         UPDATE fiches_metiers SET statut = 'archivee' WHERE code_rome = 'C1504';
         DELETE FROM salaires;
         DELETE FROM fiches_metiers WHERE code_rome = 'D1106'",
    );
    fiches.claude.end();
    let before = fiches.rows("SELECT * FROM fiches_metiers WHERE code_rome < 'E' ORDER BY code_rome");
    let report = fiches.update(&["--collect", "--json"]).json();
    assert_eq!((report["updated"].as_u64(), cost(&report)), (Some(1), fiches.claude.spent()), "{report}");
    assert_eq!(fiches.rows("SELECT * FROM fiches_metiers WHERE code_rome < 'E' ORDER BY code_rome"), before);
    assert!(["A1101", "B1302", "C1504", "D1106"].iter().all(|code| fiches.modified(code) == 0));
    assert_eq!(fiches.cell("E1205", "version"), "2");
}

#[test]
fn a_batch_whose_answer_was_lost_is_found_again_and_not_paid_twice() {
    let made = r#"{"id":"msgbatch_00000003","type":"message_batch""#;
    for (what, reply) in [
        ("the line was cut at once", Reply::mute()),
        ("the answer was cut", Reply::new(200, made).cut()),
        ("half of the answer", Reply::new(200, made)),
        ("a failure after it was made", problem(500, "api_error", "Internal server error")),
        ("a proxy that was tired", Reply::new(504, "<html>")),
    ] {
        let fiches = batch();
        // Somebody else's, of as many requests, and there before.
        fiches.claude.foreign_batch(5);
        fiches.claude.foreign_batch(7);
        fiches.claude.makes_a_batch_but_says(reply);
        let first = fiches.update(&[]);
        assert!([0, 1].contains(&first.code), "{what}: {}", first.stderr);
        // Somebody else's again, of another size, and there after it.
        fiches.claude.foreign_batch(9);
        let _ = fiches.update(&[]).exits(0);
        assert_eq!(posts(&fiches), 1, "{what}");
        fiches.claude.end();
        let report = fiches.update(&["--json"]).exits(0).json();
        assert_eq!((totals(&report), posts(&fiches)), ([5, 0, 0], 1), "{what}");
        all_is_done_and_paid_once(&fiches);
    }
}

#[test]
fn a_lost_batch_is_found_again_also_where_nothing_is_counted_before_its_end() {
    for is_killed in [false, true] {
        let fiches = batch();
        fiches.claude.counts_late();
        fiches.claude.foreign_batch(5);
        if is_killed {
            fiches.claude.makes_a_batch_but_says(Reply::new(200, "{}").after(Duration::from_secs(20)));
            let mut child = fiches.prepared(&[]).spawn().unwrap();
            wait_until("it is submitted", || posts(&fiches) == 1);
            child.kill().unwrap();
            child.wait().unwrap();
        } else {
            fiches.claude.makes_a_batch_but_says(Reply::mute());
            let _ = fiches.update(&[]);
        }
        for _ in 0..2 {
            let _ = fiches.update(&[]).exits(0);
            assert_eq!(posts(&fiches), 1, "killed: {is_killed}");
        }
        fiches.claude.end();
        let report = fiches.update(&["--json"]).exits(0).json();
        assert_eq!((totals(&report), posts(&fiches)), ([5, 0, 0], 1), "killed: {is_killed}");
        all_is_done_and_paid_once(&fiches);
    }
}

#[test]
fn results_that_are_not_whole_are_looked_at_again_before_anything_is_asked_for() {
    let fiches = batch();
    let _ = fiches.update(&[]).exits(0);
    fiches.claude.end();
    let lines = fiches.claude.results();
    for (what, text) in [
        ("two of five", lines[..2].join("\n")),
        ("a line that is cut", lines.join("\n")[..lines.join("\n").len() - 9].to_owned()),
        ("a page", "<html>\n<body>Sign in</body>\n</html>".to_owned()),
        ("nothing", String::new()),
    ] {
        fiches.claude.trouble(move |request| {
            request.path.ends_with("/results").then(|| Reply::new(200, text.as_bytes()))
        });
        let before = fiches.content();
        for mode in ["batch", "direct"] {
            let failed = fiches.update(&["--mode", mode]);
            assert_eq!((failed.code, fiches.content()), (1, before.clone()), "{what}: {}", failed.stderr);
            assert_eq!((posts(&fiches), fiches.claude.asked().len()), (1, 0), "{what}, {mode}");
        }
    }
    fiches.claude.recovers();
    let report = fiches.update(&["--json"]).exits(0).json();
    assert_eq!((totals(&report), cost(&report)), ([5, 0, 0], fiches.claude.spent()));
    all_is_done_and_paid_once(&fiches);
}

#[test]
fn a_batch_that_claude_does_not_know_is_asked_for_again_only_when_its_answers_are_no_longer_kept() {
    for part in ["", "/results"] {
        let fiches = batch();
        let _ = fiches.update(&[]).exits(0);
        fiches.claude.end();
        let path = format!("/v1/messages/batches/msgbatch_00000001{part}");
        fiches.claude.trouble(move |request| {
            (request.path == path).then(|| problem(404, "not_found_error", "Not Found"))
        });
        let before = fiches.content();
        for (time, mode) in [("2026-11-20T16:00:00Z", "batch"), ("2026-12-18T16:00:00Z", "direct")] {
            let failed = fiches.update_at(time, &["--mode", mode]).exits(1);
            assert_eq!(fiches.content(), before, "{part} {time}");
            assert_eq!((posts(&fiches), fiches.claude.asked().len()), (1, 0), "{part} {time}");
            assert!(failed.stderr.contains("workspace"), "{part}: {}", failed.stderr);
        }
        let run = fiches.update_at("2026-12-20T16:00:00Z", &["--json"]);
        let report = run.json();
        assert_eq!(run.code, 0, "{part}: {report}");
        assert!(report["notes"].to_string().contains("no longer has the answers"), "{part}: {report}");
        assert_eq!(fiches.claude.batches()[1].len(), 5, "{part}");
        fiches.claude.end();
        let _ = fiches.update_at("2026-12-20T17:00:00Z", &[]).exits(0);
        assert_eq!(fiches.versions()[..5], PUBLISHED.map(|code| format!("{code} 2")), "{part}");
    }
}

#[test]
fn a_batch_whose_answers_cannot_be_written_is_given_up_soon_and_its_cost_told_once() {
    let fiches = Fiches::many(8, "mode = \"batch\"\n");
    fiches.is_impatient();
    let _ = fiches.update(&[]).exits(0);
    fiches.claude.end();
    let lock = fiches.lock();
    let failed = fiches.update(&["--json"]).exits(1).json();
    drop(lock);
    assert_eq!((codes(&failed, "failed").len(), codes(&failed, "skipped").len()), (3, 5), "{failed}");
    assert!(failed["failures"].to_string().contains("locked"), "{failed}");
    let report = fiches.update(&["--json"]).exits(0).json();
    assert_eq!((totals(&report), fiches.claude.ledger().len()), ([8, 0, 0], 8), "{report}");
    let sum = cost(&failed) + cost(&report);
    assert_eq!(sum, fiches.claude.spent());
}

#[test]
fn a_batch_that_was_never_made_is_submitted_by_the_next_run() {
    for (what, reply) in [
        ("a failure", problem(500, "api_error", "Internal server error")),
        ("overloaded", problem(529, "overloaded_error", "Overloaded")),
        ("no answer", Reply::mute()),
        ("no more money", problem(402, "billing_error", "Your credit balance is too low")),
    ] {
        let fiches = batch();
        fiches.claude.foreign_batch(5);
        fiches.claude.trouble(move |request| (request.method == "POST").then(|| reply.clone()));
        let before = fiches.content();
        let failed = fiches.update(&[]);
        assert_eq!((failed.code, fiches.content()), (1, before), "{what}: {}", failed.stderr);
        assert!(!failed.stderr.is_empty(), "{what}");
        fiches.claude.recovers();
        let _ = fiches.update(&[]).exits(0);
        assert_eq!(fiches.claude.batches().len(), 2, "{what}");
        fiches.claude.end();
        let _ = fiches.update(&[]).exits(0);
        all_is_done_and_paid_once(&fiches);
    }
}

#[test]
fn a_look_that_fails_leaves_the_batch_for_the_next_run() {
    let fiches = batch();
    let _ = fiches.update(&[]).exits(0);
    fiches.claude.end();
    for path in ["/v1/messages/batches/msgbatch_00000001", "/v1/messages/batches/msgbatch_00000001/results"] {
        for reply in [Reply::new(500, ""), Reply::new(200, "{\"custom_id\": ").cut(), Reply::mute()] {
            fiches.claude.trouble(move |request| (request.path == path).then(|| reply.clone()));
            let before = fiches.content();
            let failed = fiches.update(&[]);
            assert_eq!((failed.code, fiches.content()), (1, before), "{path}: {}", failed.stderr);
        }
    }
    fiches.claude.recovers();
    let _ = fiches.update(&[]).exits(0);
    all_is_done_and_paid_once(&fiches);
    assert_eq!(posts(&fiches), 1);
}

#[test]
fn a_sheet_published_meanwhile_gets_a_batch_of_its_own() {
    let fiches = batch();
    let _ = fiches.update(&[]).exits(0);
    fiches.execute("UPDATE fiches_metiers SET statut = 'publiee' WHERE code_rome = 'F1106'");
    let _ = fiches.update(&[]).exits(0);
    fiches.claude.end();
    let _ = fiches.update(&[]).exits(0);
    fiches.claude.end();
    let _ = fiches.update(&[]).exits(0);
    all_is_done_and_paid_once(&fiches);
    assert_eq!((fiches.cell("F1106", "version"), fiches.claude.paid("F1106")), ("2".to_owned(), 1));
}

#[test]
fn what_is_in_a_batch_is_not_asked_for_directly_as_well() {
    let fiches = batch();
    let _ = fiches.update(&["--limit", "3"]).exits(0);
    let _ = fiches.update(&["--mode", "direct"]).exits(0);
    let mut asked = fiches.claude.asked();
    asked.sort();
    assert_eq!(asked, ["D1106", "E1205"]);
    fiches.claude.end();
    let _ = fiches.update(&["--mode", "direct"]).exits(0);
    all_is_done_and_paid_once(&fiches);
}

/// Everything around the site but SQLite's shared memory, which readers use too.
fn without_memory(fiches: &Fiches) -> Vec<(PathBuf, String)> {
    let all = fiches.site.snapshot().into_iter();
    all.filter(|(path, _)| !path.to_string_lossy().ends_with("-shm")).collect()
}

#[test]
fn a_dry_run_looks_at_a_batch_and_touches_nothing() {
    let fiches = batch();
    let _ = fiches.update(&[]).exits(0);
    for has_ended in [false, true] {
        if has_ended {
            fiches.claude.end();
        }
        let before = without_memory(&fiches);
        let run = fiches.update(&["--dry-run", "--json"]).exits(0);
        assert!(run.stdout.contains("A1101") || !has_ended, "{}", run.stdout);
        assert_eq!((without_memory(&fiches), posts(&fiches)), (before, 1));
    }
    let _ = fiches.update(&[]).exits(0);
    all_is_done_and_paid_once(&fiches);
}

#[test]
fn a_batch_that_would_cost_too_much_is_not_submitted() {
    let fiches = batch();
    let before = fiches.content();
    let refused = fiches.update(&["--max-cost", "0.0001"]).exits(1);
    assert!(refused.stderr.contains("max"), "{}", refused.stderr);
    assert_eq!((posts(&fiches), fiches.content()), (0, before));
    let _ = fiches.update(&["--max-cost", "50"]).exits(0);
    assert_eq!(posts(&fiches), 1);
}

#[test]
fn many_sheets_come_back_in_any_order_and_in_parts() {
    let fiches = Fiches::many(400, "mode = \"batch\"\n");
    let _ = fiches.update(&["--limit", "250"]).exits(0);
    fiches.claude.end();
    let first = fiches.update(&["--json"]).exits(0).json();
    assert_eq!(first["updated"], 250, "{first}");
    fiches.claude.end();
    let second = fiches.update(&["--json"]).exits(0).json();
    assert_eq!(cost(&first) + cost(&second), fiches.claude.spent());
    assert_eq!(fiches.value("SELECT count(*) FROM fiches_metiers WHERE version = 2"), "400");
    assert_eq!(fiches.claude.ledger().len(), 400);
    assert_eq!(fiches.value("SELECT count(*) FROM audit_log WHERE code_rome IS NOT NULL"), "400");
}
