//! Writing answers, once each.

use super::*;
use crate::config::update_fiches::{After, Mode};
use crate::engine::apply::Permit;
use crate::error::one_line;
use crate::jobs::update_fiches::write::{Answer, Change, Written, record_failure, record_run, write};
use crate::money::Usd;
use crate::world::claude::{Ending, Message, Usage};
use serde_json::json;
use std::time::Duration;

fn dollars(amount: f64) -> Usd {
    amount.try_into().unwrap()
}

fn try_to_write(site: &Site, fiche: &Fiche, sheet: &Sheet) -> anyhow::Result<Written> {
    let (id, model) = ("msg_01".to_owned(), "claude-sonnet-5-5".to_owned());
    let message = Message { id, model, text: String::new(), ending: Ending::Whole, usage: Usage::default() };
    let seal = fiche.seal();
    let answer = Answer { sheet, message: &message, mode: Mode::Direct, cost: dollars(0.0123), seal: &seal };
    write(&site.world, &site.database, fiche, &answer, &Permit::of_a_test())
}

fn written(site: &Site, fiche: &Fiche, sheet: &Sheet) -> Written {
    try_to_write(site, fiche, sheet).unwrap()
}

/// What it changed; it must have been written.
#[track_caller]
fn updated(written: Written) -> (Vec<Change>, i64) {
    match written {
        Written::Updated { changes, version } => (changes, version),
        other => panic!("{other:?}"),
    }
}

fn content(site: &Site) -> Vec<String> {
    let all = "SELECT group_concat(quote(description) || quote(salaires) || quote(version) || quote(date_maj)
        || quote(auteur) || quote(statut), '|') FROM fiches_metiers";
    vec![site.cell(all), site.cell("SELECT count(*) FROM audit_log")]
}

#[test]
fn an_answer_becomes_columns_a_version_and_one_audit_row() {
    let site = Site::new();
    site.add("A1101", "4");
    site.execute("UPDATE fiches_metiers SET description = 'Avant « ça »', nombre = 3, auteur = 'Anne'");
    let (changes, version) = updated(written(&site, &site.find("A1101").unwrap(), &sheet()));
    assert_eq!((changes.len(), version), (10, 5));
    let row = site.row("SELECT version, auteur, statut, nombre, competences, certifications, salaires, perspectives FROM fiches_metiers");
    assert_eq!(row[..4], ["5", "AgentRedacteurFiche", "publiee", "3"]);
    assert_eq!(
        row[4],
        r#"["R\u00e9gler un semoir 1", "R\u00e9gler un semoir 2", "R\u00e9gler un semoir 3", "R\u00e9gler un semoir 4", "R\u00e9gler un semoir 5", "R\u00e9gler un semoir 6"]"#
    );
    assert_eq!(row[5], "[]");
    assert_eq!(
        row[6],
        r#"{"junior": {"min": 20000, "max": 26000, "median": 23000}, "confirme": {"min": 23000, "max": 29000, "median": 26000}, "senior": {"min": 27000, "max": 33000, "median": 30000}, "regional": {}, "source": "Estimation AgentRedacteurFiche (Claude API)", "date_maj": null}"#
    );
    assert_eq!(
        row[7],
        r#"{"tension": 0.7, "tendance": "stable", "evolution_5ans": "Une hausse mod\u00e9r\u00e9e.", "nombre_offres": null, "taux_insertion": null}"#
    );

    let audit = site.row(
        "SELECT type_evenement, code_rome, agent, description, validateur, donnees_avant FROM audit_log",
    );
    let description = "Fiche enrichie par AgentRedacteurFiche (claude-sonnet-5-5, direct, 0,0123 $)";
    assert_eq!(audit[..5], ["modification", "A1101", "AgentRedacteurFiche", description, "-"]);
    assert!(audit[5].contains(r#""description":"Avant « ça »""#), "{}", audit[5]);
    let after = site.json("SELECT donnees_apres FROM audit_log");
    assert_eq!(after["description"], answer()["description"]);
    assert_eq!(after["competences"], answer()["competences"]);
    assert_eq!((&after["version"], &after["cost_usd"]), (&json!(5), &json!(0.0123)));
    assert_eq!((&after["model"], &after["message_id"]), (&json!("claude-sonnet-5-5"), &json!("msg_01")));
    assert_eq!(site.cell("SELECT count(*) FROM audit_log"), "1");
    assert_eq!(
        site.cell("SELECT description FROM fiches_metiers"),
        answer()["description"].as_str().unwrap()
    );
}

#[test]
fn times_are_those_of_the_sites_clock_on_the_wall_with_microseconds() {
    let site = Site::new();
    site.add("A1101", "1");
    updated(written(&site, &site.find("A1101").unwrap(), &sheet()));
    let times = site.row("SELECT date_maj, timestamp FROM fiches_metiers, audit_log");
    let zone = site.world.clock.zone();
    for time in times {
        let parsed = chrono::NaiveDateTime::parse_from_str(&time, "%Y-%m-%d %H:%M:%S%.6f").unwrap();
        assert_eq!(time.len(), 26, "{time}");
        let now = site.world.clock.reading().with_timezone(&zone).naive_local();
        assert!((now - parsed).num_seconds().abs() < 60, "{time}");
    }
}

#[test]
fn the_same_answer_changes_nothing_a_second_time_whatever_was_read() {
    let site = Site::new();
    site.add("A1101", "NULL");
    let first = site.find("A1101").unwrap();
    assert_eq!(updated(written(&site, &first, &sheet())).1, 1);
    let before = content(&site);
    // As a run does that was killed before it could remember.
    assert!(matches!(written(&site, &first, &sheet()), Written::Unchanged));
    assert!(matches!(written(&site, &site.find("A1101").unwrap(), &sheet()), Written::Unchanged));
    assert_eq!(content(&site), before);
    // The same meaning in another form.
    site.execute(
        r#"UPDATE fiches_metiers SET version = 7, certifications = '[ ]',
        salaires = replace(salaires, '20000', '20000.0'), perspectives =
        '{"taux_insertion":null,"tendance":"stable","tension":0.70,"evolution_5ans":"Une hausse modérée.","nombre_offres":null}'"#,
    );
    let before = content(&site);
    assert!(matches!(written(&site, &first, &sheet()), Written::Unchanged));
    assert_eq!(content(&site), before);
}

#[test]
fn only_what_changes_is_written_and_told_of() {
    let site = Site::new();
    site.add("A1101", "1");
    updated(written(&site, &site.find("A1101").unwrap(), &sheet()));
    let mut other = answer();
    other["environnements"] = json!(["Serre", "Verger"]);
    let (changes, version) = updated(written(&site, &site.find("A1101").unwrap(), &sheet_of(&other)));
    assert_eq!(version, 3);
    let expected = Change {
        column: "environnements",
        before: Some(r#"["Exploitation 1", "Exploitation 2"]"#.to_owned()),
        after: r#"["Serre", "Verger"]"#.to_owned(),
    };
    assert_eq!(changes, [expected]);
    let row = site.row("SELECT donnees_avant, donnees_apres FROM audit_log ORDER BY id DESC LIMIT 1");
    assert_eq!(row[0], r#"{"version":2,"environnements":["Exploitation 1","Exploitation 2"]}"#);
    assert!(
        row[1].starts_with(r#"{"version":3,"environnements":["Serre","Verger"],"cost_usd":"#),
        "{}",
        row[1]
    );
}

#[test]
fn what_the_sheet_knows_besides_stays_in_its_salaries_and_prospects() {
    let site = Site::new();
    site.add("A1101", "1");
    site.execute(
        r#"UPDATE fiches_metiers SET
        salaires = '{"source": "INSEE", "regional": {"IDF": {"min": 1}}, "junior": null, "date_maj": "2025"}',
        perspectives = '{"nombre_offres": 1200, "taux_insertion": 0.85, "tension": null}'"#,
    );
    updated(written(&site, &site.find("A1101").unwrap(), &sheet()));
    let salaries = site.json("SELECT salaires FROM fiches_metiers");
    assert_eq!(salaries["regional"], json!({"IDF": {"min": 1}}));
    assert_eq!(salaries["source"], "Estimation AgentRedacteurFiche (Claude API)");
    assert_eq!(salaries["date_maj"], Value::Null);
    let outlook = site.json("SELECT perspectives FROM fiches_metiers");
    assert_eq!((&outlook["nombre_offres"], &outlook["taux_insertion"]), (&json!(1200), &json!(0.85)));
    assert_eq!(outlook["tendance"], "stable");
}

#[test]
fn broken_content_is_replaced_and_kept_in_the_audit_log() {
    let site = Site::new();
    site.add("A1101", "1");
    site.execute(
        "UPDATE fiches_metiers SET salaires = '{broken', perspectives = '[1]', competences = 'null'",
    );
    updated(written(&site, &site.find("A1101").unwrap(), &sheet()));
    let before = site.json("SELECT donnees_avant FROM audit_log");
    assert_eq!((&before["salaires"], &before["perspectives"]), (&json!("{broken"), &json!([1])));
    assert_eq!(before["competences"], "null");
    assert_eq!(site.json("SELECT salaires FROM fiches_metiers")["junior"]["median"], 23_000);
}

#[test]
fn a_sheet_that_was_edited_withdrawn_or_removed_meanwhile_is_left_alone() {
    let cases = [
        ("UPDATE fiches_metiers SET version = 3", false),
        ("UPDATE fiches_metiers SET description = 'Corrigée à la main'", false),
        ("UPDATE fiches_metiers SET statut = 'archivee'", false),
        ("UPDATE fiches_metiers SET code_rome = 'Z1'", true),
        ("DELETE FROM fiches_metiers", true),
    ];
    for (edit, is_gone) in cases {
        let site = Site::new();
        site.add("A1101", "1");
        let fiche = site.find("A1101").unwrap();
        site.execute(edit);
        let before = content(&site);
        match written(&site, &fiche, &sheet()) {
            Written::Edited => assert!(!is_gone, "{edit}"),
            Written::Gone => assert!(is_gone, "{edit}"),
            other => panic!("{edit}: {other:?}"),
        }
        assert_eq!(content(&site), before, "{edit}");
    }
}

#[test]
fn the_status_changes_only_where_it_is_told_to() {
    let mut site = Site::new();
    site.world.config.update_fiches.after = After::EnValidation;
    site.add("A1101", "1");
    updated(written(&site, &site.find("A1101").unwrap(), &sheet()));
    assert_eq!(site.cell("SELECT statut FROM fiches_metiers"), "en_validation");
    let row = site.row("SELECT donnees_avant, donnees_apres FROM audit_log");
    assert!(row[0].starts_with(r#"{"version":1,"statut":"publiee","#), "{}", row[0]);
    assert!(row[1].starts_with(r#"{"version":2,"statut":"en_validation","#), "{}", row[1]);
}

#[test]
fn columns_that_are_not_there_are_not_written() {
    let site = Site::with(
        "CREATE TABLE fiches_metiers (id INTEGER PRIMARY KEY, code_rome TEXT, statut TEXT, version INTEGER,
             description TEXT, autre TEXT);
         CREATE TABLE audit_log (timestamp TEXT, type_evenement TEXT, code_rome TEXT, agent TEXT, description TEXT);
         INSERT INTO fiches_metiers VALUES (7, 'A1101', 'publiee', NULL, 'Avant', 'reste');",
    );
    let (changes, version) = updated(written(&site, &site.find("A1101").unwrap(), &sheet()));
    assert_eq!((changes.len(), version), (1, 1));
    assert_eq!(site.row("SELECT description, autre FROM fiches_metiers")[1], "reste");
    assert_eq!(site.cell("SELECT count(*) FROM audit_log"), "1");
}

#[test]
fn when_the_audit_row_cannot_be_written_the_sheet_stays_as_it_was() {
    let site = Site::new();
    site.add("A1101", "1");
    site.execute(
        "CREATE TRIGGER full BEFORE INSERT ON audit_log BEGIN SELECT raise(ABORT, 'no more rows'); END",
    );
    let before = content(&site);
    let error = try_to_write(&site, &site.find("A1101").unwrap(), &sheet()).unwrap_err();
    let line = one_line(&error);
    assert!(line.starts_with("the database app (") && line.ends_with("no more rows"), "{line}");
    assert_eq!(content(&site), before);
}

#[test]
fn a_failure_is_told_in_the_audit_log_on_one_line() {
    let site = Site::new();
    let why = format!("réponse\u{1b}[31m\n{}", "x".repeat(2_000));
    record_failure(&site.world, &site.database, "A1101", &why, dollars(0.02), &Permit::of_a_test()).unwrap();
    let row = site.row("SELECT type_evenement, code_rome, agent, description, donnees_avant FROM audit_log");
    assert_eq!((row[0].as_str(), row[1].as_str(), row[4].as_str()), ("veille_metiers", "A1101", "-"));
    assert!(row[3].starts_with("Fiche non mise à jour : réponse\\x1b[31m\\nxxx"), "{}", row[3]);
    assert!(row[3].chars().count() < 1_100);
    assert_eq!(site.json("SELECT donnees_apres FROM audit_log")["cost_usd"], 0.02);
}

#[test]
fn a_run_is_summed_up_in_the_words_of_the_sites_own_program() {
    let site = Site::new();
    let record = |updated, planned, failed| {
        let took = Duration::from_millis(2_100);
        record_run(&site.world, &site.database, updated, planned, failed, took, &Permit::of_a_test())
            .unwrap();
    };
    record(4, 4, 0);
    let row = site.row("SELECT type_evenement, code_rome, agent, description, donnees_apres FROM audit_log");
    let description = "Mise à jour mensuelle : 4/4 fiches mises à jour en 2s";
    assert_eq!(row, ["modification", "-", "MonthlyUpdateScheduler", description, "Erreurs: 0"]);
    record(1, 6, 3);
    let row = site.row("SELECT description, donnees_apres FROM audit_log ORDER BY id DESC");
    assert_eq!(row, ["Mise à jour mensuelle : 1/6 fiches mises à jour en 2s", "Erreurs: 3"]);
}

#[test]
fn a_locked_database_is_named_and_nothing_is_written() {
    let site = Site::new();
    site.add("A1101", "1");
    let fiche = site.find("A1101").unwrap();
    let other = connection(&site.folder);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = try_to_write(&site, &fiche, &sheet()).unwrap_err();
    assert!(one_line(&error).contains("is locked by"), "{error:#}");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(content(&site)[1], "0");
}
