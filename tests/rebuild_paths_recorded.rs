//! `maint rebuild-paths` on the database and the tree that the original was recorded on (system 001).
//!
//! It makes and marks what the original made and marked, and finds the files that the original overlooked.

use crate::support::{Site, leave_out, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The recording itself is no part of the project; it lies beside it where the project is developed.
fn recording() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/cochin");
    if folder.join("db-before.sqlite3").exists() {
        return Some(folder);
    }
    leave_out("the recorded database", "../shared/data/cochin/db-before.sqlite3 is not here");
    None
}

/// A site with the recorded tree and database.
fn recorded_site(recording: &Path) -> Site {
    let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n");
    let mut tar = Command::new("tar");
    let _ =
        run(tar.arg("-xzf").arg(recording.join("backups-tree.tar.gz")).arg("-C").arg(site.root())).exits(0);
    let database = site.path("db.sqlite3");
    fs::write(&database, fs::read(recording.join("db-before.sqlite3")).unwrap()).unwrap();
    site
}

fn rows(site: &Site, sql: &str) -> Vec<String> {
    let connection = rusqlite::Connection::open(site.path("db.sqlite3")).unwrap();
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// The items that a recorded output lists: paths with their sizes, and ids with their paths.
fn listed(recording: &Path, output: &str) -> Vec<String> {
    let text = fs::read_to_string(recording.join(output)).unwrap();
    let mut items: Vec<String> =
        text.lines().filter_map(|line| line.trim().strip_prefix("• ")).map(str::to_owned).collect();
    items.sort();
    items
}

/// The plan in the words of the original.
fn planned(site: &Site) -> Vec<String> {
    let report = site.maint(&["rebuild-paths", "--scan-only", "--json"]).exits(0).json();
    let item = |step: &serde_json::Value| match step["action"].as_str().unwrap() {
        "make-record" => format!("{} ({} B)", step["path"].as_str().unwrap(), step["size_bytes"]),
        _ => format!("ID {}: {}", step["id"], step["path"].as_str().unwrap()),
    };
    let mut items: Vec<String> = report["steps"].as_array().unwrap().iter().map(item).collect();
    items.sort();
    items
}

#[test]
fn it_finds_what_the_original_found_and_the_file_with_an_upper_case_suffix() {
    let Some(recording) = recording() else { return };
    let site = recorded_site(&recording);
    let mut expected = listed(&recording, "12-rebuild-scan.txt");
    expected.push("storage/UPPER.ZIP (2 B)".to_owned());
    expected.sort();
    assert_eq!(planned(&site), expected);
}

#[test]
fn it_leaves_alone_what_is_marked_already_where_the_original_marked_it_again() {
    let Some(recording) = recording() else { return };
    let site = recorded_site(&recording);
    let _ = site.maint(&["rebuild-paths", "--force"]).exits(0);
    assert_eq!(
        listed(&recording, "15-rebuild-again.txt"),
        ["ID 3: storage/backup_perdu.zip", "ID 4: /var/elsewhere/x.zip"]
    );
    assert_eq!(planned(&site), [""; 0]);
}

#[test]
fn it_writes_the_rows_that_the_original_wrote() {
    let Some(recording) = recording() else { return };
    let site = recorded_site(&recording);
    let before = rows(
        &site,
        "SELECT id || '|' || backup_name || '|' || file_path FROM backup_manager_backuphistory ORDER BY id",
    );
    let _ = site.maint(&["rebuild-paths", "--force"]).exits(0);
    let text = fs::read_to_string(recording.join("14-rebuild-force.txt")).unwrap();
    // "✅ Créé: ID 9 - Sauvegarde_Récupérée_backup_20250101": in any order, so without the id.
    let mut made: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_once("Créé: ID ")?.1.split_once(" - ").map(|(_, name)| name))
        .collect();
    made.push("Sauvegarde_Orpheline_UPPER");
    made.sort_unstable();
    assert_eq!(
        rows(&site, "SELECT backup_name FROM backup_manager_backuphistory WHERE id > 8 ORDER BY 1"),
        made
    );
    let marked = rows(
        &site,
        "SELECT id || ' ' || error_message FROM backup_manager_backuphistory WHERE status = 'file_missing' ORDER BY id",
    );
    assert_eq!(
        marked,
        [
            "3 Fichier physique non trouvé: storage/backup_perdu.zip",
            "4 Fichier physique non trouvé: /var/elsewhere/x.zip"
        ]
    );
    let after = rows(
        &site,
        "SELECT id || '|' || backup_name || '|' || file_path FROM backup_manager_backuphistory ORDER BY id",
    );
    assert_eq!(after[..8], before);
}

#[test]
fn an_encrypted_backup_without_a_record_is_found_where_the_original_overlooked_it() {
    let Some(recording) = recording() else { return };
    let site = recorded_site(&recording);
    let _ = site.maint(&["rebuild-paths", "--force"]).exits(0);
    assert!(
        !listed(&recording, "19-rebuild-scan-encrypted.txt").iter().any(|item| item.contains(".encrypted"))
    );
    site.file("backups/storage/Quotidienne/Quotidienne_auto_201126_1512.encrypted", "secret", 0);
    assert_eq!(planned(&site), ["storage/Quotidienne/Quotidienne_auto_201126_1512.encrypted (6 B)"]);
}
