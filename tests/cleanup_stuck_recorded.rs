//! `maint cleanup-stuck` on the database that the original was recorded on (system 001): the same rows get the
//! same values.

use crate::support::database::Database;
use crate::support::{Site, leave_out};
use std::fs;
use std::path::PathBuf;

/// The folder of the recordings, when it is there.
fn recordings() -> Option<PathBuf> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/cochin"));
    if folder.join("db-before.sqlite3").exists() {
        return Some(folder);
    }
    leave_out("the recorded database", "../shared/data/cochin is not there");
    None
}

/// A site like the recorded one, with a copy of its database.
fn site(recordings: &std::path::Path) -> (Site, Database) {
    let site = Site::bare();
    site.configure(
        "[site]\nname = \"cochin\"\nlanguage = \"fr\"\n[databases.app]\nurl = \"sqlite:db.sqlite3\"\n",
    );
    let content = fs::read(recordings.join("db-before.sqlite3")).unwrap();
    fs::write(site.path("db.sqlite3"), content).unwrap();
    let database = Database::Sqlite(site.path("db.sqlite3"));
    (site, database)
}

/// The ids that a recorded output lists, backups before restores, in order.
fn recorded_ids(text: &str) -> Vec<(&'static str, i64)> {
    let mut kind = "backup";
    let mut found = Vec::new();
    for line in text.lines() {
        kind = if line.contains("Restaurations") { "restore" } else { kind };
        if let Some(rest) = line.trim().strip_prefix("- ID: ") {
            found.push((kind, rest.split(',').next().unwrap().parse().unwrap()));
        }
    }
    found.sort_unstable();
    found
}

#[test]
fn it_marks_the_recorded_rows_with_the_recorded_words() {
    let Some(recordings) = recordings() else { return };
    let (site, database) = site(&recordings);
    let others = "SELECT * FROM backup_manager_backuphistory WHERE id NOT IN (5, 6) ORDER BY id";
    let before = database.rows(others);
    for recording in ["08-stuck-dry.txt", "10-stuck-force.txt"] {
        let recorded = recorded_ids(&fs::read_to_string(recordings.join(recording)).unwrap());
        let report = site.maint(&["cleanup-stuck", "--hours=6", "--dry-run", "--json"]).exits(0).json();
        let steps = report["steps"].as_array().unwrap().iter();
        let ours: Vec<(&str, i64)> =
            steps.map(|step| (step["kind"].as_str().unwrap(), step["id"].as_i64().unwrap())).collect();
        assert_eq!(ours, recorded, "{recording}");
    }
    let _ = site.maint_at("2026-11-20T15:02:27.5Z", &["cleanup-stuck", "--hours=6", "--force"]).exits(0);
    let columns = "id, status, completed_at, duration_seconds, error_message";
    let marked = |table: &str| {
        database.rows(&format!(
            "SELECT {columns} FROM backup_manager_{table}history WHERE error_message <> '' ORDER BY id"
        ))
    };
    let end = "failed|2026-11-20 15:02:27.500000";
    let said = "Opération automatiquement marquée comme échouée après 6 heure(s)";
    assert_eq!(marked("backup"), [format!("5|{end}|25200|{said}"), format!("6|{end}|32400|{said}")]);
    assert_eq!(marked("restore"), [format!("1|{end}|36000|{said}"), format!("3|{end}|23400|{said}")]);
    assert_eq!(database.rows(others), before);
    // As recorded in 11: nothing is left to do.
    let again = site.maint(&["cleanup-stuck", "--hours=6", "--force", "--json"]).exits(0).json();
    assert_eq!(again["steps"], serde_json::json!([]));
}

#[test]
fn the_statistics_count_what_was_recorded() {
    let Some(recordings) = recordings() else { return };
    let (site, _) = site(&recordings);
    let text = fs::read_to_string(recordings.join("09-stuck-stats.txt")).unwrap();
    let counts: Vec<i64> = text
        .lines()
        .filter(|line| line.starts_with("  - ") && !line.contains("ID"))
        .map(|line| line.rsplit(' ').next().unwrap().parse().unwrap())
        .collect();
    let answer =
        site.maint(&["cleanup-stuck", "--show-stats", "--json"]).exits(0).json()["operations"].clone();
    let states = ["running", "pending", "completed", "failed"];
    let ours = ["backups", "restores"].map(|kind| states.map(|state| answer[kind][state].as_i64().unwrap()));
    assert_eq!(ours.concat(), counts);
}

/// The repair: the original never catches what was never started.
#[test]
fn what_never_began_is_caught_when_it_was_made_long_ago() {
    let Some(recordings) = recordings() else { return };
    let (site, database) = site(&recordings);
    let _ = site.maint_at("2026-11-20T21:03:00Z", &["cleanup-stuck", "--hours=6", "--force"]).exits(0);
    assert_eq!(
        database.rows("SELECT status, duration_seconds FROM backup_manager_backuphistory WHERE id = 8"),
        ["failed|-"]
    );
}
