//! `maint audit`: what was done to the job sheets, newest first.

use crate::support::Run;
use crate::support::claude::Manner;
use crate::support::fiches::Fiches;
use crate::support::run;
use serde_json::Value;

/// Sheets that were refreshed in November and in December, one of which failed in December.
fn refreshed() -> Fiches {
    let fiches = Fiches::few("");
    fiches.claude.never_repeats_itself();
    let _ = fiches.update(&[]).exits(0);
    fiches.claude.always("C1504", Manner::Says("non".to_owned()));
    let _ = fiches.update_at("2026-12-01T01:00:00Z", &[]).exits(1);
    fiches
}

fn audit(fiches: &Fiches, args: &[&str]) -> Run {
    run(fiches.site.command(&[&["audit"], args].concat()).env("MAINT_NOW", "2026-12-01T02:00:00Z"))
}

#[track_caller]
fn entries(fiches: &Fiches, args: &[&str]) -> Vec<Value> {
    let json = audit(fiches, &[args, &["--json"]].concat()).exits(0).json();
    json.as_array().expect("a list").clone()
}

#[test]
fn entries_come_newest_first_with_all_that_is_known_of_them() {
    let fiches = refreshed();
    let entries = entries(&fiches, &[]);
    assert_eq!(entries.len(), 12);
    let times: Vec<&str> = entries.iter().map(|entry| entry["timestamp"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
    let summary = &entries[0];
    assert_eq!((&summary["type"], &summary["code"]), (&Value::from("modification"), &Value::Null));
    assert_eq!(summary["agent"], "MonthlyUpdateScheduler");
    assert!(summary["description"].as_str().unwrap().contains(" 4/5 fiches"), "{summary}");
    assert_eq!(summary["after"], "Erreurs: 1");
    let first = entries.iter().rfind(|entry| entry["code"] == "A1101").unwrap();
    assert!(first["before"].to_string().contains("Fiche métier ROME"), "{first}");
    assert!(first["after"].to_string().contains("Révision 1 de A1101"), "{first}");
}

#[test]
fn entries_can_be_filtered() {
    let fiches = refreshed();
    let count = |args: &[&str]| entries(&fiches, args).len();
    assert_eq!(count(&["--code", "A1101"]), 2);
    assert_eq!(count(&["--code", "A1101,B1302", "--code", "Z9999"]), 4);
    assert_eq!(count(&["--type", "veille_metiers"]), 1);
    assert_eq!(count(&["--type", "modification", "--code", "C1504"]), 1);
    assert_eq!((count(&["--limit", "3"]), count(&["--limit", "1000"])), (3, 12));
    assert_eq!(entries(&fiches, &["--limit", "1"])[0]["agent"], "MonthlyUpdateScheduler");
    assert_eq!((count(&["--since", "2026-12-01"]), count(&["--since", "2026-11-20"])), (6, 12));
    // Times are those of the site: 02:00 in Paris.
    assert_eq!((count(&["--since", "2026-12-01 02:00"]), count(&["--since", "2026-12-01 02:01"])), (6, 0));
    assert_eq!(
        (count(&["--since", "2h"]), count(&["--since", "30m"]), count(&["--since", "30d"])),
        (6, 0, 12)
    );
    let none = audit(&fiches, &["--code", "Z9999"]).exits(0).stdout;
    assert_eq!(none, "no entry matches; the audit log has 12\n");
    let none = audit(&fiches, &["--type", "update"]).exits(0).stdout;
    assert_eq!(none, "no entry matches; the audit log has 12, of type modification, veille_metiers\n");
    let injected = audit(&fiches, &["--code", "A' OR '1'='1", "--json"]).exits(0);
    assert_eq!(injected.json().as_array().unwrap().len(), 0);
}

#[test]
fn the_table_is_for_people_and_safe_for_their_terminals() {
    let fiches = refreshed();
    fiches.execute(
        "INSERT INTO audit_log (timestamp, type_evenement, code_rome, agent, description)
         VALUES ('2026-12-01 02:30:00', 'creation', 'A1101', 'evil' || char(27) || '[31m', 'two' || char(10) || 'lines')",
    );
    let before = fiches.site.snapshot();
    let table = audit(&fiches, &["--limit", "2"]).exits(0).stdout;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(lines[1].contains("evil\\x1b[31m") && lines[1].contains("two\\nlines"), "{table}");
    assert!(lines[2].contains("Mise à jour mensuelle"), "{table}");
    assert_eq!(fiches.site.snapshot(), before);
}

#[test]
fn an_odd_entry_does_not_hide_the_others() {
    let fiches = refreshed();
    fiches.execute(
        "INSERT INTO audit_log (id, timestamp, type_evenement, code_rome, agent, description, donnees_avant, donnees_apres)
         VALUES (9000, NULL, 'creation', 5, X'FFFE', 'x', '{\"a\": ', X'00')",
    );
    let all = entries(&fiches, &[]);
    assert_eq!(all.len(), 13);
    let _ = audit(&fiches, &[]).exits(0);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let fiches = Fiches::few("");
    let before = fiches.site.snapshot();
    for args in [
        &["--since", "soon"] as &[&str],
        &["--since", ""],
        &["--since", "2026-13-01"],
        &["--limit", "0"],
        &["--limit", "x"],
        &["--code", ""],
        &["--unknown"],
    ] {
        let refused = audit(&fiches, args).exits(2);
        assert!(refused.stderr.contains(args[0]), "{args:?}: {}", refused.stderr);
    }
    fiches.execute("ALTER TABLE audit_log RENAME TO trail");
    let refused = audit(&fiches, &[]).exits(2);
    assert!(
        refused.stderr.contains("audit_log") && refused.stderr.contains("[tables.audit]"),
        "{}",
        refused.stderr
    );
    fiches.execute("ALTER TABLE trail RENAME TO audit_log");
    assert!(audit(&fiches, &[]).exits(0).stdout.contains("empty"));
    assert_eq!(fiches.site.snapshot().len(), before.len());
}
