//! `maint update-fiches` when Claude fails, is slow, has had enough, or answers nonsense: no sheet is lost, nothing is paid
//! twice, and no limit is passed.

use crate::support::claude::{Fate, KEY, Manner, code_of, is_message, problem};
use crate::support::claude_form::{sheet, text_of};
use crate::support::fiches::{Fiches, code, codes, cost, picodollars, totals};
use crate::support::http::Reply;
use crate::support::{Run, finish, send, wait_until};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Each sheet was refreshed exactly once, or is as it was.
#[track_caller]
fn each_is_refreshed_once_or_untouched(fiches: &Fiches) -> BTreeSet<String> {
    let rows = fiches.rows(
        "SELECT code_rome, version, (SELECT count(*) FROM audit_log a WHERE a.code_rome = f.code_rome
             AND type_evenement = 'modification') FROM fiches_metiers f WHERE statut = 'publiee'",
    );
    let refreshed = rows.iter().filter(|row| !row.ends_with("|1|0"));
    let refreshed =
        refreshed.map(|row| row.strip_suffix("|2|1").unwrap_or_else(|| panic!("{row}")).to_owned());
    refreshed.collect()
}

/// A run that fails in time, says why in short lines, and keeps the key to itself.
#[track_caller]
fn fails(fiches: &Fiches, what: &str, args: &[&str]) -> Run {
    let start = Instant::now();
    let failed = fiches.update(args);
    let words = &failed.stderr;
    assert_eq!(failed.code, 1, "{what}: {words}");
    assert!(start.elapsed() < Duration::from_secs(13), "{what}: {:?}", start.elapsed());
    // A program that reads the report finds it there.
    assert_eq!(words.is_empty(), args.contains(&"--json"), "{what}: {words}");
    assert!(!words.contains("panicked") && !words.contains("os error"), "{what}: {words}");
    assert!(words.lines().all(|line| line.chars().count() < 600), "{what}: {words}");
    assert!(!words.contains(['\u{1b}', '\u{7}']) && !words.contains(KEY), "{what}: {words}");
    failed
}

#[test]
fn a_single_failure_of_any_kind_is_survived_and_costs_nothing() {
    for (what, reply) in [
        ("a limit with a time", problem(429, "rate_limit_error", "slow down").header("retry-after", "0")),
        ("a limit without words", Reply::new(429, "").header("retry-after", "0")),
        ("overloaded", problem(529, "overloaded_error", "Overloaded")),
        ("overloaded without words", Reply::new(529, "")),
        ("a failure", problem(500, "api_error", "Internal server error")),
        ("a page for people", Reply::new(502, "<html>Bad gateway</html>")),
        ("unavailable", Reply::new(503, "")),
        ("a time-out", problem(504, "timeout_error", "Timeout")),
        ("a conflict", problem(409, "conflict_error", "Conflict")),
        ("a cut line", Reply::json(200, &json!({"id": "msg_1"})).cut()),
        ("no answer", Reply::mute()),
    ] {
        let fiches = Fiches::few("");
        let mut left = Some(reply);
        fiches.claude.trouble(move |request| if is_message(request) { left.take() } else { None });
        let run = fiches.update(&["--json"]);
        assert_eq!(run.code, 0, "{what}: {} {}", run.stdout, run.stderr);
        let report = run.json();
        assert_eq!((totals(&report), cost(&report)), ([5, 0, 0], fiches.claude.spent()), "{what}");
        assert_eq!((fiches.claude.asked().len(), fiches.claude.ledger().len()), (6, 5), "{what}");
        assert_eq!(each_is_refreshed_once_or_untouched(&fiches).len(), 5, "{what}");
    }
}

#[test]
fn a_wait_that_is_asked_for_is_waited() {
    let fiches = Fiches::few("");
    let mut left = Some(problem(429, "rate_limit_error", "slow down").header("retry-after", "1"));
    fiches.claude.trouble(move |request| if is_message(request) { left.take() } else { None });
    let start = Instant::now();
    let _ = fiches.update(&["--code", "A1101"]).exits(0);
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(fiches.claude.asked().len(), 2);
}

#[test]
fn a_reason_to_stop_stops_the_run_at_once_and_the_next_one_does_the_rest() {
    let used_up = "You have reached your specified API usage limits. You will regain access on 2026-12-01.";
    let cap = json!({"type": "error", "request_id": "req_1", "error": {"type": "rate_limit_error",
        "message": "Spend limit reached", "details": {"error_code": "enforced_spend_limit_reached"}}});
    for (what, reply) in [
        ("a limit that somebody set", problem(400, "invalid_request_error", used_up)),
        ("no credit", problem(402, "billing_error", "Your credit balance is too low")),
        ("the cap of a contract", Reply::json(429, &cap)),
        ("a cap without words", Reply::new(429, "")),
        ("a key that may not", problem(403, "permission_error", "Your API key does not have permission")),
        ("a revoked key", problem(401, "authentication_error", "invalid x-api-key")),
        ("a model that is gone", problem(404, "not_found_error", "model: claude-sonnet-5-5")),
        ("a long wait", problem(429, "rate_limit_error", "slow down").header("retry-after", "3600")),
    ] {
        let fiches = Fiches::many(120, "connections = 4\n");
        let mut good = 6;
        fiches.claude.trouble(move |request| {
            good -= i32::from(is_message(request));
            (is_message(request) && good < 0).then(|| reply.clone())
        });
        let failed = fails(&fiches, what, &["--json"]);
        let report = failed.json();
        assert!(fiches.claude.asked().len() <= 6 + 4, "{what}: {} were asked", fiches.claude.asked().len());
        assert_eq!((codes(&report, "done").len(), cost(&report)), (6, fiches.claude.spent()), "{what}");
        assert!(
            codes(&report, "failed").len() <= 4 && codes(&report, "skipped").len() >= 110,
            "{what}: {report}"
        );
        assert_eq!(each_is_refreshed_once_or_untouched(&fiches).len(), 6, "{what}");
        fiches.claude.recovers();
        let _ = fiches.update(&[]).exits(0);
        assert_eq!(
            (each_is_refreshed_once_or_untouched(&fiches).len(), fiches.claude.ledger().len()),
            (120, 120)
        );
    }
}

#[test]
fn a_server_that_stays_dead_is_given_up() {
    for (what, reply) in [
        ("overloaded", problem(529, "overloaded_error", "Overloaded")),
        ("failing", Reply::new(500, "\u{1b}]0;title\u{7}")),
        ("no answer", Reply::mute()),
        ("cut", Reply::new(200, "{\"id\"").cut()),
        ("another site", Reply::new(200, "<html>Welcome to \u{1b}[31m</html>")),
        ("nothing", Reply::new(200, "")),
        ("null", Reply::new(200, "null")),
        ("too large", Reply::new(200, "{").padded(100 << 20)),
    ] {
        let fiches = Fiches::many(200, "connections = 4\ntries = 3\n");
        let before = fiches.rows("SELECT * FROM fiches_metiers");
        fiches.claude.always_says(reply);
        let _ = fails(&fiches, what, &[]);
        assert!(fiches.claude.asked().len() <= 40, "{what}: {} were asked", fiches.claude.asked().len());
        assert_eq!(fiches.rows("SELECT * FROM fiches_metiers"), before, "{what}");
    }
}

#[test]
fn nobody_there_is_known_soon() {
    let fiches = Fiches::many(100, "");
    let start = Instant::now();
    let mut command = fiches.prepared(&[]);
    let failed = crate::support::run(command.env("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")).exits(1);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(failed.stderr.contains("Claude at http://127.0.0.1:9: cannot connect"), "{}", failed.stderr);
    assert_eq!(each_is_refreshed_once_or_untouched(&fiches).len(), 0);
}

#[test]
fn an_answer_that_takes_too_long_is_given_up() {
    let fiches = Fiches::few("timeout = \"200ms\"\ntries = 2\n");
    fiches.claude.always_says(Reply::new(200, "{").dripping());
    let start = Instant::now();
    let _ = fails(&fiches, "dripping", &["--code", "A1101"]);
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    fiches.claude.always_says(Reply::new(200, "{}").after(Duration::from_secs(3)));
    let start = Instant::now();
    let _ = fails(&fiches, "slow", &["--code", "A1101"]);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[test]
fn a_limit_of_money_is_never_passed_and_the_next_run_goes_on() {
    // An answer costs about a cent; the longest one that is allowed about four.
    for limit in ["0.0001", "0.05", "0.1", "0.2"] {
        let fiches = Fiches::many(40, "connections = 8\n");
        fiches.claude.takes(Duration::from_millis(5));
        let failed = fails(&fiches, limit, &["--max-cost", limit, "--json"]);
        let (report, spent) = (failed.json(), fiches.claude.spent());
        assert!(spent <= picodollars(limit.parse().unwrap()), "{spent} was paid, {limit} allowed");
        assert_eq!((cost(&report), codes(&report, "done").len()), (spent, fiches.claude.ledger().len()));
        // The one that would pass it has failed as a step, but not as a sheet.
        assert_eq!(report["failed"], 0, "{report}");
        assert!(limit != "0.2" || fiches.claude.ledger().len() >= 8, "only {spent} of $0.20");
        let rest = fiches.update(&["--max-cost", "10", "--json"]).exits(0).json();
        assert_eq!(codes(&rest, "done").len() + codes(&report, "done").len(), 40);
        assert_eq!(
            (each_is_refreshed_once_or_untouched(&fiches).len(), fiches.claude.ledger().len()),
            (40, 40)
        );
    }
}

#[test]
fn the_limit_of_the_configuration_holds_also_when_answers_are_asked_for_again() {
    let fiches = Fiches::many(20, "max_cost = 0.15\nconnections = 2\n");
    for number in 0..20 {
        fiches.claude.always(&code(number), Manner::Says("rien".to_owned()));
    }
    let _ = fails(&fiches, "max_cost", &[]);
    assert!(fiches.claude.spent() <= picodollars(0.15), "{}", fiches.claude.spent());
}

#[test]
fn all_sheets_of_a_site_are_refreshed_exactly_once_or_reported_when_every_fifth_call_fails() {
    let fiches = Fiches::many(1_584, "");
    fiches.claude.fails_at_random(20, 7);
    let run = fiches.update(&["--json"]);
    let report = run.json();
    let (done, failed) = (codes(&report, "done"), codes(&report, "failed"));
    assert_eq!(
        done.len() + failed.len(),
        1_584,
        "{} done, {} failed: {}",
        done.len(),
        failed.len(),
        run.stderr
    );
    assert_eq!((run.code, failed.len() < 20), (i32::from(!failed.is_empty()), true), "{}", run.stderr);
    assert_eq!(each_is_refreshed_once_or_untouched(&fiches), done.into_iter().collect());
    assert_eq!(cost(&report), fiches.claude.spent());
    fiches.claude.recovers();
    let rest = fiches.update(&["--json"]).exits(0).json();
    assert_eq!(each_is_refreshed_once_or_untouched(&fiches).len(), 1_584);
    assert_eq!(fiches.claude.ledger().len(), 1_584, "something was paid twice");
    let sum = cost(&report) + cost(&rest);
    assert_eq!(sum, fiches.claude.spent());
}

#[test]
fn what_fails_again_and_again_is_reported_and_the_rest_goes_on() {
    let fiches = Fiches::many(150, "tries = 3\n");
    // Only these, so that others are answered meanwhile.
    let unlucky: Vec<String> = (7..150).step_by(10).map(code).collect();
    let own = unlucky.clone();
    fiches.claude.trouble(move |request| {
        let fails = is_message(request) && own.contains(&code_of(&request.json()));
        fails.then(|| problem(529, "overloaded_error", "Overloaded"))
    });
    let failed = fails(&fiches, "some fail", &["--json"]);
    let report = failed.json();
    assert_eq!((codes(&report, "failed"), cost(&report)), (unlucky.clone(), fiches.claude.spent()));
    assert_eq!(totals(&report), [150 - unlucky.len() as u64, 0, unlucky.len() as u64]);
    assert_eq!(fiches.claude.asked().len(), 150 + 2 * unlucky.len());
    let audited =
        "SELECT code_rome FROM audit_log WHERE type_evenement = 'veille_metiers' ORDER BY code_rome";
    assert_eq!(fiches.rows(audited), unlucky);
    fiches.claude.recovers();
    let rest = fiches.update(&["--json"]).exits(0).json();
    assert_eq!(codes(&rest, "done"), unlucky);
    assert_eq!(
        (each_is_refreshed_once_or_untouched(&fiches).len(), fiches.claude.ledger().len()),
        (150, 150)
    );
    assert_eq!(cost(&report) + cost(&rest), fiches.claude.spent());
}

#[test]
fn an_answer_that_does_not_validate_is_asked_for_once_more_with_the_reason() {
    let fiches = Fiches::few("");
    for (code, manner) in [
        ("A1101", Manner::Says("Voici la fiche que vous demandez :".to_owned())),
        ("B1302", Manner::Says(json!({"description": "trop peu"}).to_string())),
        ("C1504", Manner::IsCut),
    ] {
        fiches.claude.once(code, manner);
    }
    let report = fiches.update(&["--json"]).exits(0).json();
    assert_eq!((totals(&report), cost(&report)), ([5, 0, 0], fiches.claude.spent()));
    assert_eq!((report["requests"].as_u64(), fiches.claude.ledger().len()), (Some(8), 8));
    for code in ["A1101", "B1302", "C1504"] {
        let bodies = fiches.claude.received("/v1/messages").into_iter().map(|request| request.json());
        let own = |body: &Value| text_of(&body["messages"][0]["content"]).contains(code);
        let own: Vec<String> = bodies.filter(own).map(|body| body["messages"].to_string()).collect();
        assert!(own.len() == 2 && own[1].len() > own[0].len(), "{code}: the reason is not told: {own:?}");
    }
    let costs = fiches.value("SELECT donnees_apres FROM audit_log WHERE code_rome = 'A1101'");
    let both: u64 =
        fiches.claude.ledger().iter().filter(|bill| bill.code == "A1101").map(|bill| bill.picodollars).sum();
    let noted = serde_json::from_str::<Value>(&costs).unwrap();
    assert_eq!(cost(&noted), both, "{costs}");
}

/// Changes one thing in an answer that would be right.
fn with(change: impl Fn(&mut Value)) -> String {
    let mut sheet = sheet("A1101", 1);
    sheet.as_object_mut().unwrap().shift_remove("secteurs_activite");
    change(&mut sheet);
    sheet.to_string()
}

/// Answers that look right, what each is, and a word of the reason.
fn beyond_the_limits() -> Vec<(&'static str, String, &'static str)> {
    let list = |count: usize| json!(vec!["quelque chose"; count]);
    vec![
        ("no description", with(|sheet| sheet["description"] = json!("")), "description"),
        ("a short description", with(|sheet| sheet["description"] = json!("  trop peu    ")), "description"),
        ("a long description", with(|sheet| sheet["description"] = json!("é".repeat(5_001))), "description"),
        (
            "a long short text",
            with(|sheet| sheet["description_courte"] = json!("é".repeat(201))),
            "description_courte",
        ),
        ("few skills", with(|sheet| sheet["competences"] = list(5)), "competences"),
        ("many skills", with(|sheet| sheet["competences"] = list(11)), "competences"),
        (
            "few qualities",
            with(|sheet| sheet["competences_transversales"] = list(2)),
            "competences_transversales",
        ),
        ("many trainings", with(|sheet| sheet["formations"] = list(6)), "formations"),
        ("many certificates", with(|sheet| sheet["certifications"] = list(4)), "certifications"),
        ("few conditions", with(|sheet| sheet["conditions_travail"] = list(2)), "conditions_travail"),
        ("few places", with(|sheet| sheet["environnements"] = list(1)), "environnements"),
        ("an empty item", with(|sheet| sheet["environnements"][0] = json!(" ")), "environnements"),
        ("a long item", with(|sheet| sheet["formations"][0] = json!("x".repeat(301))), "formations"),
        ("an item of another kind", with(|sheet| sheet["formations"][0] = json!(5)), ""),
        ("a poor median", with(|sheet| sheet["salaires"]["junior"]["median"] = json!(5_001)), "salaires"),
        ("a rich minimum", with(|sheet| sheet["salaires"]["senior"]["min"] = json!(900_000)), "salaires"),
        (
            "a monthly wage",
            with(|sheet| sheet["salaires"]["junior"] = json!({"min": 1_800, "max": 2_500, "median": 2_000})),
            "salaires",
        ),
        ("a fortune", with(|sheet| sheet["salaires"]["senior"]["max"] = json!(1_000_001)), "salaires"),
        (
            "a falling wage",
            with(|sheet| sheet["salaires"]["senior"] = sheet["salaires"]["junior"].clone()),
            "salaires",
        ),
        ("no wage", with(|sheet| sheet["salaires"]["senior"] = Value::Null), ""),
        ("much tension", with(|sheet| sheet["perspectives"]["tension"] = json!(1.01)), "tension"),
        ("another trend", with(|sheet| sheet["perspectives"]["tendance"] = json!("hausse")), "tendance"),
        (
            "nothing on five years",
            with(|sheet| sheet["perspectives"]["evolution_5ans"] = json!("")),
            "evolution_5ans",
        ),
        (
            "a missing part",
            with(|sheet| drop(sheet.as_object_mut().unwrap().shift_remove("formations"))),
            "formations",
        ),
        ("a list", "[1, 2]".to_owned(), ""),
        ("two objects", format!("{0}{0}", with(|_| ())), ""),
        ("a huge number", with(|sheet| sheet["perspectives"]["tension"] = json!(1e308)), "tension"),
        ("a deep nest", "[".repeat(50_000), ""),
        ("commands for a terminal", "\u{1b}]0;title\u{7}\u{1b}[31m".to_owned(), ""),
    ]
}

#[test]
fn an_answer_beyond_any_limit_is_an_error_of_its_sheet_and_tried_again_by_the_next_run() {
    let cases = beyond_the_limits();
    // Each has a good one beside it, so that not the prompt is to blame.
    let fiches = Fiches::many(cases.len() * 2, "connections = 4\n");
    for (number, (_, text, _)) in cases.iter().enumerate() {
        fiches.claude.always(&code(number * 2), Manner::Says(text.clone()));
    }
    let before = fiches.rows("SELECT * FROM fiches_metiers ORDER BY id");
    let failed = fails(&fiches, "beyond the limits", &["--json"]);
    let report = failed.json();
    let found = (cost(&report), codes(&report, "done").len());
    assert_eq!(found, (fiches.claude.spent(), cases.len()), "{report}");
    let after = fiches.rows("SELECT * FROM fiches_metiers ORDER BY id");
    for (number, (what, _, word)) in cases.iter().enumerate() {
        let code = code(number * 2);
        let step = report["steps"].as_array().unwrap().iter().find(|step| step["code"] == code).unwrap();
        let reason = step["detail"].as_str().unwrap_or_default();
        assert_eq!(
            (step["outcome"].as_str(), reason.contains(word)),
            (Some("failed"), true),
            "{what}: {step}"
        );
        assert_eq!((fiches.claude.paid(&code), &after[number * 2]), (2, &before[number * 2]), "{what}");
        let audited = format!("SELECT type_evenement FROM audit_log WHERE code_rome = '{code}'");
        assert_eq!(fiches.rows(&audited), ["veille_metiers"], "{what}");
    }
    fiches.claude.forget();
    // Now there are no good ones among them.
    let again = fiches.update(&["--json", "--limit", "5"]).exits(1).json();
    assert_eq!((totals(&again), fiches.claude.asked().len()), ([0, 0, 5], 10));
}

#[test]
fn answers_that_are_all_of_no_use_stop_the_run_before_all_are_paid_for() {
    let fiches = Fiches::many(200, "connections = 4\n");
    for number in 0..200 {
        fiches.claude.always(&code(number), Manner::Says("rien".to_owned()));
    }
    let failed = fails(&fiches, "of no use", &["--json"]);
    assert!(fiches.claude.asked().len() <= 110, "{} were asked", fiches.claude.asked().len());
    assert_eq!(cost(&failed.json()), fiches.claude.spent());
}

#[test]
fn an_answer_within_every_limit_is_taken() {
    let fiches = Fiches::few("trends = [\"emergence\", \"hausse\"]\n");
    let list = |count: usize| json!(vec!["é".repeat(300); count]);
    let text = with(|sheet| {
        sheet["description"] = json!("é".repeat(5_000));
        sheet["description_courte"] = json!("é".repeat(200));
        sheet["competences"] = list(10);
        sheet["certifications"] = json!([]);
        sheet["salaires"]["junior"] = json!({"min": 5_000, "max": 5_000, "median": 5_000});
        sheet["salaires"]["senior"] = json!({"min": 5_000, "max": 1_000_000, "median": 1_000_000});
        sheet["perspectives"] = json!({"tension": 1, "tendance": "hausse", "evolution_5ans": "+4 %"});
    });
    fiches.claude.always("A1101", Manner::Says(text));
    let _ = fiches.update(&["--code", "A1101"]).exits(0);
    assert_eq!(fiches.cell("A1101", "description"), "é".repeat(5_000));
    assert_eq!(fiches.cell("A1101", "certifications"), "[]");
}

#[test]
fn a_refusal_is_an_error_at_once_and_the_rest_goes_on() {
    let fiches = Fiches::few("");
    fiches.claude.always("B1302", Manner::Refuses);
    let failed = fails(&fiches, "a refusal", &["--json"]);
    let report = failed.json();
    assert_eq!((totals(&report), codes(&report, "failed")), ([4, 0, 1], vec!["B1302".to_owned()]));
    assert_eq!((fiches.claude.paid("B1302"), cost(&report)), (1, fiches.claude.spent()));
    let summary = fiches.value("SELECT description, donnees_apres FROM audit_log WHERE code_rome IS NULL");
    assert!(summary.contains(" 4/5 fiches") && summary.ends_with("Erreurs: 1"), "{summary}");
}

#[test]
fn an_answer_that_is_too_long_is_cut_and_an_error() {
    let fiches = Fiches::few("max_tokens = 500\n");
    let failed = fails(&fiches, "cut", &["--json"]);
    assert_eq!(totals(&failed.json()), [0, 0, 5]);
    assert!(failed.stdout.contains("coupée"), "{}", failed.stdout);
    assert_eq!(fiches.claude.ledger().len(), 10);
}

#[test]
fn a_signal_ends_the_run_and_what_was_answered_is_kept() {
    let fiches = Fiches::many(60, "connections = 4\n");
    fiches.claude.takes(Duration::from_millis(100));
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let before = fiches.claude.asked().len();
        let child = fiches.prepared(&[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_until("some were asked", || fiches.claude.asked().len() > before + 8);
        let start = Instant::now();
        send(&child, signal);
        let ended = finish(child);
        assert_eq!(ended.code, code, "{}", ended.stderr);
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        assert!(fiches.claude.asked().len() < before + 30, "it went on asking");
    }
    let written = each_is_refreshed_once_or_untouched(&fiches).len();
    assert!(fiches.claude.ledger().len() <= written + 8, "{written} of {}", fiches.claude.ledger().len());
    let _ = fiches.update(&[]).exits(0);
    assert_eq!(each_is_refreshed_once_or_untouched(&fiches).len(), 60);
    assert!(fiches.claude.ledger().len() <= 68, "{}", fiches.claude.ledger().len());
}

#[test]
fn a_database_that_is_locked_halfway_stops_the_asking_and_no_answer_is_paid_twice() {
    let fiches = Fiches::many(60, "connections = 2\n");
    let text = std::fs::read_to_string(fiches.site.path("maint.toml")).unwrap();
    fiches.site.configure(&text.replace("[http]", "busy_timeout = \"300ms\"\n[http]"));
    let file = fiches.path();
    let mut count = 0;
    let mut holder = None;
    fiches.claude.trouble(move |request| {
        count += i32::from(is_message(request));
        if count == 5 && holder.is_none() {
            let connection = rusqlite::Connection::open(&file).unwrap();
            connection.busy_timeout(Duration::from_secs(5)).unwrap();
            connection.execute_batch("BEGIN EXCLUSIVE").unwrap();
            holder = Some(connection);
        }
        None
    });
    let failed = fails(&fiches, "locked", &[]);
    assert!(failed.stderr.contains("locked"), "{}", failed.stderr);
    assert!(fiches.claude.asked().len() < 40, "{} were asked", fiches.claude.asked().len());
    fiches.claude.recovers();
    let _ = fiches.update(&[]).exits(0);
    assert_eq!((each_is_refreshed_once_or_untouched(&fiches).len(), fiches.claude.ledger().len()), (60, 60));
}

#[test]
fn in_a_batch_the_same_holds_for_every_sheet_of_a_site() {
    let fiches = Fiches::many(1_584, "mode = \"batch\"\n");
    for number in (0..1_584).filter(|number| number % 5 == 0) {
        let fate = [Fate::Expired, Fate::Canceled, Fate::Overloaded][number % 3];
        fiches.claude.ends_as(&code(number), fate);
    }
    let mut costs = 0;
    for _ in 0..4 {
        costs += cost(&fiches.update(&["--json"]).json());
        fiches.claude.end();
    }
    assert_eq!(each_is_refreshed_once_or_untouched(&fiches).len(), 1_584);
    assert_eq!((fiches.claude.ledger().len(), fiches.claude.batches().len()), (1_584, 2));
    assert_eq!(costs, fiches.claude.spent());
}

#[test]
fn answers_that_are_lost_on_the_line_count_for_the_limit_of_money() {
    for (limit, most) in [("0.2", 200_000_000_000), ("0.5", 500_000_000_000)] {
        for one_of in [1, 2, 3] {
            let fiches = Fiches::many(60, "connections = 8\ntries = 20\n");
            fiches.claude.loses_one_of(one_of);
            let failed = fails(&fiches, limit, &["--max-cost", limit, "--json"]);
            let (report, spent) = (failed.json(), fiches.claude.spent());
            assert!(spent <= most, "{spent} was paid, {limit} allowed, one of {one_of} lost");
            assert!(report["lost_requests"].as_u64() > Some(0), "{report}");
        }
    }
}

#[test]
fn answers_that_do_not_say_what_they_cost_count_as_the_dearest() {
    let fiches = Fiches::many(60, "connections = 8\n");
    fiches.claude.hides_what_it_costs();
    let failed = fails(&fiches, "no usage", &["--max-cost", "0.2"]);
    assert!(failed.stderr.contains("the limit of $0.2"), "{}", failed.stderr);
    // The longest answer that is allowed costs four cents.
    assert!((1..=5).contains(&fiches.claude.asked().len()), "{} were asked", fiches.claude.asked().len());
    assert!(fiches.claude.spent() <= 200_000_000_000, "{}", fiches.claude.spent());
}

#[test]
fn a_run_without_money_asks_once_and_fails_once() {
    let fiches = Fiches::many(40, "connections = 16\n");
    fiches.claude.always_says(problem(402, "billing_error", "Your credit balance is too low"));
    let report = fails(&fiches, "no money", &["--json"]).json();
    assert_eq!(fiches.claude.asked().len(), 1);
    let failures = report["failures"].as_array().unwrap();
    assert!(failures.len() == 1 && failures[0].to_string().contains("credit balance"), "{failures:?}");
    assert_eq!((totals(&report), codes(&report, "skipped").len()), ([0, 0, 0], 40), "{report}");
    let steps = report["steps"].as_array().unwrap().iter();
    let reasons: BTreeSet<&str> = steps
        .filter(|step| step["action"] == "enrich-fiche")
        .filter_map(|step| step["detail"].as_str())
        .collect();
    assert_eq!(reasons, BTreeSet::from(["not asked"]));
    assert!(fiches.rows("SELECT id FROM audit_log WHERE code_rome IS NOT NULL").is_empty());
}
