//! `maint update-fiches`: which sheets are refreshed, what is written, and what it costs, against a strict Claude.

use crate::support::claude::{Claude, MODEL};
use crate::support::claude_form::{sheet, text_of};
use crate::support::database::Database;
use crate::support::fiches::{
    CONTENT, FILE, Fiches, PUBLISHED, code, codes, cost, picodollars, python, totals,
};
use crate::support::{Run, finish, leave_out, run};
use serde_json::{Value, json};
use std::fs;
use std::process::Stdio;
use std::time::Duration;

/// The first of the month after the tests' own.
const NEXT_MONTH: &str = "2026-12-01T02:00:00+01:00";

/// The codes of the messages that came, sorted: several are under way at the same time.
fn asked(claude: &Claude) -> Vec<String> {
    let mut asked = claude.asked();
    asked.sort();
    asked
}

#[test]
fn every_published_sheet_is_refreshed_once_and_drafts_are_left_alone() {
    let fiches = Fiches::few("");
    let report = fiches.update(&["--json"]).exits(0).json();
    assert_eq!(asked(&fiches.claude), PUBLISHED);
    assert_eq!((codes(&report, "done"), totals(&report)), (PUBLISHED.map(str::to_owned).to_vec(), [5, 0, 0]));
    let drafts = ["F1106 1", "G1201 1", "H1102 1"].map(str::to_owned);
    let refreshed = PUBLISHED.map(|code| format!("{code} 2"));
    assert_eq!(fiches.versions(), [&refreshed[..], &drafts[..]].concat());
    let statuses = fiches.rows("SELECT statut FROM fiches_metiers ORDER BY code_rome");
    assert_eq!(statuses[..5], ["publiee"; 5]);
    let again = fiches.update(&["--json"]).exits(0).json();
    assert_eq!((totals(&again), cost(&again), fiches.claude.asked().len()), ([0, 0, 0], 0, 5));
}

#[test]
fn an_answer_is_written_in_the_form_of_the_original() {
    let fiches = Fiches::few("");
    let others = "SELECT code_ogr, nom_masculin, nom_feminin, nom_epicene, metiers_proches, secteurs_activite, source, tags,
                  date_creation FROM fiches_metiers ORDER BY id";
    let before = fiches.rows(others);
    let _ = fiches.update(&[]).exits(0);
    for code in PUBLISHED {
        let sheet = sheet(code, 1);
        for column in CONTENT {
            let cell = fiches.cell(code, column);
            match (&sheet[column], serde_json::from_str::<Value>(&cell)) {
                (Value::String(text), _) => assert_eq!(cell, *text),
                (Value::Array(list), _) => assert_eq!(cell, python(&json!(list)), "{column}"),
                (answer, Ok(stored)) => {
                    assert_eq!(cell, python(&stored), "{column} is not as Python writes it");
                    for (key, value) in answer.as_object().unwrap() {
                        assert_eq!(stored[key], *value, "{column} {key}");
                    }
                }
                (_, Err(error)) => panic!("{column}: {error} in {cell}"),
            }
        }
        let salaries: Value = serde_json::from_str(&fiches.cell(code, "salaires")).unwrap();
        let keys: Vec<&String> = salaries.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["junior", "confirme", "senior", "regional", "source", "date_maj"]);
        assert_eq!(salaries["source"], "Estimation AgentRedacteurFiche (Claude API)");
        let prospects: Value = serde_json::from_str(&fiches.cell(code, "perspectives")).unwrap();
        let keys: Vec<&String> = prospects.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["tension", "tendance", "evolution_5ans", "nombre_offres", "taux_insertion"]);
        assert_eq!(fiches.cell(code, "auteur"), "AgentRedacteurFiche");
        let written = fiches.cell(code, "date_maj");
        assert!(written.starts_with("2026-11-20 16:02:26.") && written.len() == 26, "{written}");
    }
    assert_eq!(fiches.rows(others), before);
}

#[test]
fn each_refreshed_sheet_has_one_row_in_the_audit_log_with_before_after_and_cost() {
    let fiches = Fiches::few("");
    let before: Vec<String> = PUBLISHED.map(|code| fiches.cell(code, "description")).to_vec();
    let _ = fiches.update(&[]).exits(0);
    let mut expected: Vec<String> =
        PUBLISHED.map(|code| format!("modification|{code}|AgentRedacteurFiche")).to_vec();
    expected.push("modification|-|MonthlyUpdateScheduler".to_owned());
    let mut audit = fiches.audit();
    audit[..5].sort();
    assert_eq!(audit, expected);
    for (code, before) in PUBLISHED.iter().zip(before) {
        let column =
            |name: &str| fiches.value(&format!("SELECT {name} FROM audit_log WHERE code_rome = '{code}'"));
        let [was, is] = ["donnees_avant", "donnees_apres"].map(|name| {
            let text = column(name);
            serde_json::from_str::<Value>(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
        });
        assert!(was.to_string().contains(&json!(before).to_string()), "{was}");
        assert!(is.to_string().contains(&json!(sheet(code, 1)["description"]).to_string()), "{is}");
        assert!(is.to_string().contains("cost_usd"), "{is}");
        assert!(column("description").starts_with("Fiche enrichie par AgentRedacteurFiche"));
        assert!(column("timestamp").starts_with("2026-11-20 16:02:26."), "{}", column("timestamp"));
    }
    let summary = fiches.value("SELECT description, donnees_apres FROM audit_log WHERE code_rome IS NULL");
    let (words, errors) = summary.split_once('|').unwrap();
    assert!(words.starts_with("Mise à jour mensuelle : 5/5 fiches mises à jour en "), "{words}");
    assert!(words.ends_with('s') && errors == "Erreurs: 0", "{summary}");
}

#[test]
fn the_report_says_what_was_done_and_what_it_cost() {
    let fiches = Fiches::few("");
    let run = fiches.update(&["--json"]).exits(0);
    let report = run.json();
    for key in ["job", "status", "started", "finished", "steps", "notes", "estimate_usd"] {
        assert!(!report[key].is_null(), "{key} is missing in {report}");
    }
    assert_eq!((&report["job"], &report["status"]), (&json!("update-fiches"), &json!("done")));
    assert_eq!(cost(&report), fiches.claude.spent());
    let ledger = fiches.claude.ledger();
    let sum = |keys: &[&str]| -> u64 {
        ledger.iter().flat_map(|bill| keys.iter().map(|key| bill.usage[*key].as_u64().unwrap())).sum()
    };
    let input = sum(&["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"]);
    assert_eq!(report["input_tokens"], input);
    assert_eq!(report["output_tokens"], sum(&["output_tokens"]));
    assert_eq!(report["requests"], 5);
    let steps = report["steps"].as_array().unwrap().iter().filter_map(|step| step["cost_usd"].as_f64());
    assert_eq!(steps.map(picodollars).sum::<u64>(), cost(&report), "{report}");
    let history = fiches.site.history();
    assert!(history[0].to_string().contains('$'), "the history does not tell the cost: {}", history[0]);
}

#[test]
fn single_sheets_are_refreshed_by_their_code_whatever_their_status_and_however_often() {
    let fiches = Fiches::few("");
    let _ = fiches.update(&["--code", "B1302"]).exits(0);
    assert_eq!(fiches.claude.asked(), ["B1302"]);
    fiches.claude.revision(2);
    let report = fiches.update(&["--code", "B1302,F1106", "--code", "A1101", "--json"]).exits(0).json();
    assert_eq!(asked(&fiches.claude), ["A1101", "B1302", "B1302", "F1106"]);
    assert_eq!(totals(&report), [3, 0, 0]);
    assert_eq!(fiches.versions()[..2], ["A1101 2", "B1302 3"]);
    assert_eq!(
        (fiches.cell("F1106", "version"), fiches.cell("F1106", "statut")),
        ("2".into(), "brouillon".into())
    );
    // What was refreshed by hand is not refreshed again in its month.
    fiches.claude.forget();
    let _ = fiches.update(&[]).exits(0);
    assert_eq!(asked(&fiches.claude), ["C1504", "D1106", "E1205"]);
}

#[test]
fn a_limit_takes_the_first_ones_that_are_due() {
    let fiches = Fiches::few("");
    for (expected, count) in [(&["A1101", "B1302"] as &[&str], 2), (&["C1504", "D1106"], 2), (&["E1205"], 1)]
    {
        fiches.claude.forget();
        let report = fiches.update(&["--limit", "2", "--json"]).exits(0).json();
        assert_eq!(
            (asked(&fiches.claude), totals(&report)),
            (expected.iter().map(ToString::to_string).collect(), [count, 0, 0])
        );
    }
}

#[test]
fn which_statuses_are_published_and_what_they_become_is_configured() {
    let fiches = Fiches::few("statuses = [\"publiee\", \"archivee\"]\nafter = \"en_validation\"\n");
    let report = fiches.update(&["--json"]).exits(0).json();
    assert_eq!(totals(&report), [6, 0, 0]);
    for code in PUBLISHED.iter().chain(&["H1102"]) {
        assert_eq!(fiches.cell(code, "statut"), "en_validation", "{code}");
    }
    assert_eq!(fiches.cell("F1106", "statut"), "brouillon");
}

#[test]
fn a_sheet_that_says_the_same_already_is_not_written() {
    let fiches = Fiches::few("");
    let _ = fiches.update(&[]).exits(0);
    let sheets = "SELECT * FROM fiches_metiers ORDER BY id";
    let before = fiches.rows(sheets);
    fiches.claude.forget();
    let report = fiches.update_at(NEXT_MONTH, &["--json"]).exits(0).json();
    assert_eq!((totals(&report), fiches.rows(sheets)), ([0, 5, 0], before));
    assert_eq!(cost(&report), fiches.claude.spent());
    assert!(PUBLISHED.iter().all(|code| fiches.modified(code) == 1), "{:?}", fiches.audit());
    // It was refreshed all the same: nothing is paid for it again in this month.
    let _ = fiches.update_at(NEXT_MONTH, &[]).exits(0);
    assert_eq!(fiches.claude.asked().len(), 5);
}

#[test]
fn the_next_month_refreshes_all_again_and_so_does_who_asks_for_it() {
    let fiches = Fiches::few("");
    fiches.claude.never_repeats_itself();
    let _ = fiches.update(&[]).exits(0);
    let _ = fiches.update_at("2026-11-30T22:59:59Z", &[]).exits(0);
    assert_eq!(fiches.claude.asked().len(), 5);
    // An hour earlier in UTC it is still November there, but not in Paris.
    let _ = fiches.update_at("2026-11-30T23:00:00Z", &[]).exits(0);
    assert_eq!(fiches.claude.asked().len(), 10);
    let report = fiches.update_at(NEXT_MONTH, &["--again", "--json"]).exits(0).json();
    assert_eq!((totals(&report), fiches.claude.asked().len()), ([5, 0, 0], 15));
    assert_eq!(fiches.versions()[..5], PUBLISHED.map(|code| format!("{code} 4")));
}

#[test]
fn a_site_may_refresh_its_sheets_each_day_or_week() {
    for (period, same, next) in [
        ("day", "2026-11-20T22:59:59Z", "2026-11-20T23:00:00Z"),
        ("week", "2026-11-22T12:00:00Z", "2026-11-23T06:00:00Z"),
    ] {
        let fiches = Fiches::few(&format!("once_per = \"{period}\"\n"));
        for (time, count) in [("2026-11-20T15:02:26Z", 5), (same, 5), (next, 10)] {
            let _ = fiches.update_at(time, &[]).exits(0);
            assert_eq!(fiches.claude.asked().len(), count, "{period} {time}");
        }
    }
}

#[test]
fn a_column_that_nobody_knows_is_left_and_one_that_is_missing_is_not_written() {
    let fiches = Fiches::few("");
    fiches.execute(
        "ALTER TABLE fiches_metiers ADD COLUMN missions_principales JSON DEFAULT '[\"x\"]';
         ALTER TABLE fiches_metiers DROP COLUMN environnements;
         ALTER TABLE fiches_metiers DROP COLUMN secteurs_activite",
    );
    let report = fiches.update(&["--json"]).exits(0).json();
    assert_eq!(totals(&report), [5, 0, 0]);
    assert_eq!(fiches.cell("A1101", "missions_principales"), "[\"x\"]");
    assert_eq!(fiches.cell("A1101", "description"), sheet("A1101", 1)["description"].as_str().unwrap());
}

#[test]
fn tables_and_columns_may_have_other_names() {
    let names = "[tables.fiches]\ntable = \"jobs\"\ncolumns.description = \"text\"\n[tables.audit]\ntable = \"trail\"\n";
    let fiches = Fiches::few(names);
    fiches.execute(
        "ALTER TABLE fiches_metiers RENAME COLUMN description TO text; ALTER TABLE fiches_metiers RENAME TO jobs;
         ALTER TABLE audit_log RENAME TO trail",
    );
    let _ = fiches.update(&["--code", "A1101"]).exits(0);
    let text = fiches.value("SELECT text FROM jobs WHERE code_rome = 'A1101'");
    assert_eq!(text, sheet("A1101", 1)["description"].as_str().unwrap());
    assert_eq!(fiches.value("SELECT count(*) FROM trail WHERE code_rome = 'A1101'"), "1");
}

#[test]
fn a_dry_run_names_every_sheet_and_an_estimate_and_calls_nothing_that_costs() {
    for mode in ["direct", "batch"] {
        let fiches = Fiches::few("");
        let before = fiches.site.snapshot();
        let report = fiches.update(&["--dry-run", "--json", "--mode", mode]).exits(0).json();
        let named = report["steps"].to_string();
        assert!(PUBLISHED.iter().all(|code| named.contains(code)), "{named}");
        let estimate = picodollars(report["estimate_usd"].as_f64().unwrap());
        let text = fiches.update(&["--dry-run", "--mode", mode]).exits(0).stdout;
        assert!(text.contains('$') && PUBLISHED.iter().all(|code| text.contains(code)), "{text}");
        assert_eq!((fiches.claude.asked().len(), fiches.claude.batches().len()), (0, 0));
        assert_eq!(fiches.site.snapshot(), before);
        // The estimate is of the right size.
        let _ = fiches.update(&["--mode", "direct"]).exits(0);
        let paid = fiches.claude.spent() / if mode == "batch" { 2 } else { 1 };
        assert!((paid / 3..paid * 5).contains(&estimate), "{mode}: {estimate} for {paid}");
    }
}

#[test]
fn a_simulation_shows_the_difference_and_touches_nothing_but_what_it_paid_for_is_used() {
    let fiches = Fiches::few("");
    let before = fs::read(fiches.path()).unwrap();
    let shown = fiches.update(&["--simulate"]).exits(0).stdout;
    assert!(shown.contains("Révision 1 de A1101") && shown.contains("Fiche métier ROME"), "{shown}");
    assert_eq!(fs::read(fiches.path()).unwrap(), before);
    let left = fiches.site.tree("");
    assert_eq!(left, [FILE, "maint.toml"], "something is left beside the database");
    assert_eq!(asked(&fiches.claude), PUBLISHED);
    let report = fiches.update(&["--json"]).exits(0).json();
    assert_eq!((totals(&report), fiches.claude.asked().len()), ([5, 0, 0], 5));
    assert_eq!(fiches.versions()[0], "A1101 2");
}

#[test]
fn a_second_simulation_pays_nothing_again() {
    let fiches = Fiches::few("");
    let first = fiches.update(&["--simulate", "--json"]).exits(0).json();
    let second = fiches.update(&["--simulate", "--json"]).exits(0).json();
    assert_eq!((fiches.claude.asked().len(), cost(&first)), (5, fiches.claude.spent()));
    assert_eq!(codes(&second, "done"), codes(&first, "done"));
}

#[test]
fn a_request_tells_claude_of_its_own_sheet_only_and_shares_the_rest() {
    let fiches = Fiches::few("connections = 1\n");
    let _ = fiches.update(&[]).exits(0);
    let requests = fiches.claude.received("/v1/messages");
    let bodies: Vec<Value> = requests.iter().map(crate::support::http::Received::json).collect();
    for (body, code) in bodies.iter().zip(PUBLISHED) {
        assert_eq!(
            (&body["system"], &body["output_config"]),
            (&bodies[0]["system"], &bodies[0]["output_config"])
        );
        assert_eq!((&body["model"], &body["output_config"]["effort"]), (&json!(MODEL), &json!("low")));
        let user = text_of(&body["messages"][0]["content"]);
        assert!(user.contains(code) && user.contains("Métiers d'art"), "{user}");
        assert!(!user.contains("Fiche métier ROME"), "a filling for a missing description was sent: {user}");
        assert!(PUBLISHED.iter().all(|other| *other == code || !user.contains(other)), "{user}");
    }
    let system = text_of(&bodies[0]["system"]);
    assert!(!system.is_empty() && PUBLISHED.iter().all(|code| !system.contains(code)), "{system}");
    assert!(bodies[0]["system"].to_string().contains("cache_control"), "{}", bodies[0]["system"]);
    let names = text_of(&bodies[2]["messages"][0]["content"]);
    assert!(names.contains("Gardien de \"phare\"") && names.contains("de nuit"), "{names}");
}

#[test]
fn a_placeholder_in_the_text_of_a_sheet_is_only_text() {
    let fiches = Fiches::few("");
    let _ = fiches.update(&["--code", "E1205"]).exits(0);
    let user = text_of(&fiches.claude.received("/v1/messages")[0].json()["messages"][0]["content"]);
    assert!(user.contains("Compteur de nuages {code}"), "{user}");
}

#[test]
fn no_more_answers_than_allowed_are_under_way_at_the_same_time() {
    let fiches = Fiches::many(24, "connections = 3\n");
    fiches.claude.takes(Duration::from_millis(60));
    let report = fiches.update(&["--json"]).exits(0).json();
    assert_eq!((totals(&report), fiches.claude.peak()), ([24, 0, 0], 3));
}

#[test]
fn another_model_and_another_price_cost_what_they_cost() {
    let fiches = Fiches::few("model = \"claude-haiku-5-5\"\neffort = \"high\"\n");
    let report = fiches.update(&["--json"]).exits(0).json();
    assert_eq!(cost(&report), fiches.claude.spent());
    assert_eq!(fiches.claude.received("/v1/messages")[0].json()["output_config"]["effort"], "high");
    let dear = Fiches::few(&format!(
        "[update-fiches.prices.{MODEL}]\ninput = 200\noutput = 1000\ncache_write = 250\ncache_write_hour = 400\ncache_read = 10\n"
    ));
    let report = dear.update(&["--json"]).exits(0).json();
    assert_eq!(cost(&report), 100 * dear.claude.spent());
}

#[test]
fn eight_runs_at_the_same_time_pay_for_each_sheet_once() {
    for mode in ["direct", "batch"] {
        let fiches = Fiches::few(&format!("mode = \"{mode}\"\n"));
        fiches.claude.takes(Duration::from_millis(30));
        let start = |_| fiches.prepared(&[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let children: Vec<_> = (0..8).map(start).collect();
        let codes: Vec<i32> = children.into_iter().map(|child| finish(child).code).collect();
        assert!(codes.contains(&0) && codes.iter().all(|code| [0, 75].contains(code)), "{codes:?}");
        if mode == "batch" {
            assert_eq!(fiches.claude.batches().len(), 1);
            fiches.claude.end();
            let _ = fiches.update(&[]).exits(0);
        }
        assert_eq!(fiches.claude.ledger().len(), 5, "{mode}");
        assert_eq!(fiches.versions()[..5], PUBLISHED.map(|code| format!("{code} 2")));
        assert!(PUBLISHED.iter().all(|code| fiches.modified(code) == 1));
    }
}

#[test]
fn a_sheet_that_is_edited_while_claude_writes_is_not_overwritten() {
    let fiches = Fiches::few("");
    let file = fiches.path();
    fiches.claude.trouble(move |_| {
        let edit = "UPDATE fiches_metiers SET description = 'De main humaine', version = 7 WHERE code_rome = 'C1504'";
        Database::Sqlite(file.clone()).execute(edit);
        None
    });
    let report = fiches.update(&["--json"]).json();
    assert_eq!(fiches.cell("C1504", "description"), "De main humaine");
    assert_eq!((fiches.cell("C1504", "version"), fiches.modified("C1504")), ("7".to_owned(), 0));
    assert_eq!(report["updated"], 4, "{report}");
    assert_eq!(cost(&report), fiches.claude.spent());
}

#[test]
fn without_a_published_sheet_there_is_nothing_to_do() {
    let fiches = Fiches::few("");
    fiches.execute("UPDATE fiches_metiers SET statut = 'brouillon'");
    let before = fiches.content();
    for mode in ["direct", "batch"] {
        let report = fiches.update(&["--json", "--mode", mode]).exits(0).json();
        assert_eq!((totals(&report), fiches.content()), ([0, 0, 0], before.clone()));
    }
    assert_eq!((fiches.claude.asked().len(), fiches.claude.batches().len()), (0, 0));
}

#[test]
fn as_many_sheets_as_a_site_has_are_refreshed_in_one_run() {
    let fiches = Fiches::many(300, "");
    let report = fiches.update(&["--json", "--batch-size", "7"]).exits(0).json();
    assert_eq!((totals(&report), cost(&report)), ([300, 0, 0], fiches.claude.spent()));
    assert_eq!(codes(&report, "done"), (0..300).map(code).collect::<Vec<_>>());
    let written =
        fiches.value("SELECT count(*) FROM fiches_metiers WHERE version = 2 AND statut = 'publiee'");
    assert_eq!(written, "300");
    let log = fiches.site.log("update-fiches");
    assert!(log.contains("lot 1 of 43: 7 sheets, $") && log.contains("lot 43 of 43: 6 sheets, $"), "{log}");
}

#[test]
fn a_quiet_run_says_nothing_and_a_failed_one_says_why() {
    let fiches = Fiches::few("");
    let Run { stdout, stderr, .. } = run(&mut fiches.prepared(&["-q"])).exits(0);
    assert_eq!((stdout.as_str(), stderr.as_str()), ("", ""));
}

#[test]
fn the_tables_of_the_real_site_are_served_as_they_are() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/fiches/schema.sql");
    let Ok(tables) = fs::read_to_string(file) else {
        return leave_out("the real schema", "../shared/data/fiches is not there");
    };
    let fiches = Fiches::few_in(&tables, "");
    let schema = "SELECT sql FROM sqlite_master ORDER BY name";
    let before = fiches.rows(schema);
    let report = fiches.update(&["--json"]).exits(0).json();
    assert_eq!((totals(&report), fiches.rows(schema)), ([5, 0, 0], before));
    assert_eq!((fiches.modified("A1101"), fiches.versions()[0].as_str()), (1, "A1101 2"));
}

#[test]
fn a_file_may_answer_instead_of_claude_and_says_so_and_costs_nothing() {
    let fiches = Fiches::few("stand_in = \"answers.json\"\n");
    let answer = |code: &str| {
        let mut sheet = sheet(code, 1);
        sheet.as_object_mut().unwrap().shift_remove("secteurs_activite");
        sheet
    };
    let answers = json!({"A1101": answer("A1101"), "B1302": answer("B1302").to_string(), "C1504": {"description": "x"}});
    fs::write(fiches.site.path("answers.json"), answers.to_string()).unwrap();
    let mut without_key = fiches.prepared(&["--json"]);
    let run =
        run(without_key.env_remove("ANTHROPIC_API_KEY").env("ANTHROPIC_BASE_URL", "http://127.0.0.1:9"))
            .exits(1);
    let report = run.json();
    assert_eq!((codes(&report, "done"), cost(&report)), (vec!["A1101".to_owned(), "B1302".to_owned()], 0));
    assert!(report["notes"].to_string().contains("answers.json"), "{report}");
    assert_eq!(fiches.cell("B1302", "description"), sheet("B1302", 1)["description"].as_str().unwrap());
    assert_eq!(fiches.claude.received("").len(), 0);
}
