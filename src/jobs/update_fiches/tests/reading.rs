//! Reading sheets, odd ones too.

use super::*;
use crate::error::{exit_of, one_line};
use crate::exit::Exit;

#[test]
fn published_sheets_come_by_code_and_others_only_when_named() {
    let site = Site::new();
    for code in ["M1805", "A1101", "B0001"] {
        site.add(code, "1");
    }
    site.execute("UPDATE fiches_metiers SET statut = 'brouillon' WHERE code_rome = 'B0001'");
    let codes: Vec<_> = site.published().into_iter().map(|fiche| fiche.code).collect();
    assert_eq!(codes, ["A1101", "M1805"]);
    assert_eq!(site.find("B0001").unwrap().status, "brouillon");
    assert_eq!(site.find("Z9999"), None);
}

#[test]
fn odd_sheets_are_read_all_the_same() {
    let site = Site::new();
    site.add("A''1\"; --", "NULL");
    site.execute(
        "UPDATE fiches_metiers SET statut = NULL, competences = '{broken', salaires = x'ff00', version = 'deux',
             secteurs_activite = '[\"Agri', description = printf('%.*c', 3000000, 'x')",
    );
    let fiche = site.find("A'1\"; --").unwrap();
    assert_eq!((fiche.version, fiche.status.as_str(), fiche.domain.as_str()), (0, "", ""));
    assert_eq!(fiche.content["competences"].as_deref(), Some("{broken"));
    assert_eq!(fiche.content["description"].as_ref().map(String::len), Some(3_000_000));
    assert_eq!(fiche.content["perspectives"], None);
    assert_eq!(fiche.content.len(), 10);
}

#[test]
fn columns_that_are_not_there_are_not_missed() {
    let site = Site::with(
        "CREATE TABLE fiches_metiers (id INTEGER PRIMARY KEY, code_rome TEXT, statut TEXT, version TEXT, description TEXT);
         CREATE TABLE audit_log (timestamp TEXT, type_evenement TEXT, code_rome TEXT, agent TEXT, description TEXT);
         INSERT INTO fiches_metiers VALUES (7, 'A1101', 'publiee', '', 'Avant');",
    );
    let fiche = site.find("A1101").unwrap();
    assert_eq!((fiche.id, fiche.version, fiche.name.as_str()), (7, 0, ""));
    assert_eq!(fiche.content.keys().collect::<Vec<_>>(), [&"description"]);
}

#[test]
fn a_database_without_a_table_or_a_needed_column_is_wrong_usage() {
    let cases = [
        ("CREATE TABLE other (id INTEGER)", "has no table `fiches_metiers`; set `table` in [tables.fiches]"),
        ("CREATE TABLE fiches_metiers (id INTEGER, code_rome TEXT, description TEXT)", "no column `statut`"),
        (
            "CREATE TABLE fiches_metiers (id INTEGER, code_rome TEXT, statut TEXT, description TEXT)",
            "no column `version`; set `columns.version` in [tables.fiches]",
        ),
        (
            "CREATE TABLE fiches_metiers (id INTEGER, code_rome TEXT, statut TEXT, version INTEGER)",
            "the table `fiches_metiers` has no column to refresh, such as `description`; set `columns.description`",
        ),
        (
            "CREATE TABLE fiches_metiers (id INTEGER, code_rome TEXT, statut TEXT, version INTEGER, description TEXT)",
            "has no table `audit_log`; set `table` in [tables.audit]",
        ),
    ];
    for (tables, expected) in cases {
        let site = Site::with(tables);
        let mut session = site.database.look(&site.world).unwrap();
        let error = Register::of(&mut session).unwrap_err();
        assert!(one_line(&error).contains(expected), "{error:#}");
        assert_eq!(exit_of(&error), Exit::Usage);
    }
}
