//! `maint rebuild-paths`: what becomes of files and records, what is said, and what is refused; on SQLite and
//! PostgreSQL alike.

use crate::support::database::Database;
use crate::support::{Run, Site, can_trace, inside, leave_out, run, wait_until};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::Duration;

const FORCE: [&str; 2] = ["rebuild-paths", "--force"];
const STATES: &str = "SELECT id, status, error_message FROM backup_manager_backuphistory ORDER BY id";
const PATHS: &str = "SELECT id, file_path, status FROM backup_manager_backuphistory ORDER BY id";

/// Two users, of whom the second is the superuser.
fn people(database: &Database) {
    database.execute(
        "INSERT INTO authentication_user (id, username, is_superuser) VALUES (5, 'anne', false), (7, 'root', true)",
    );
    continue_from(database, 5_000);
}

/// The next record that the database numbers itself; SQLite goes on after the last.
fn continue_from(database: &Database, id: u32) {
    if !database.is_sqlite() {
        database
            .execute(&format!("ALTER TABLE backup_manager_backuphistory ALTER COLUMN id RESTART WITH {id}"));
    }
}

/// A record of a backup.
fn record(database: &Database, id: u32, status: &str, path: &str) {
    let path = path.replace('\'', "''");
    database.execute(&format!(
        "INSERT INTO backup_manager_backuphistory (id, backup_name, status, backup_type, file_path, checksum,
            started_at, log_data, error_message, created_at, created_by_id)
         VALUES ({id}, 'name{id}', '{status}', 'full', '{path}', '', '2026-11-18 15:02:26.894704+00:00', '{{}}', '',
            '2026-11-20 15:02:26+00:00', 5)"
    ));
}

/// A site in whose storage everything agrees: one file, one record.
fn settled(site: &Site, database: &Database) {
    people(database);
    site.file("backups/storage/2025/backup_ok.zip", "zip", 300 * 24);
    record(database, 1, "completed", "storage/2025/backup_ok.zip");
}

/// Runs it for good and returns the report.
#[track_caller]
fn report(site: &Site) -> serde_json::Value {
    site.maint(&["rebuild-paths", "--force", "--json"]).exits(0).json()
}

#[test]
fn a_file_without_a_record_gets_one_with_all_that_the_original_writes() {
    Database::each("", |site, database| {
        settled(site, database);
        continue_from(database, 2);
        site.file("backups/storage/old.backup", "ab", 1);
        site.file("backups/storage/deep/x/My_Backup 1.enc", "abc", 1);
        let run = site.maint(&["rebuild-paths", "--force", "-v"]).exits(0);
        assert!(run.stdout.contains("rebuild-paths: 2 done, 2 files without a record in "), "{}", run.stdout);
        let rows = database.rows(
            "SELECT id, backup_name, status, backup_type, file_path, file_size, checksum, tables_count, records_count,
                files_count, duration_seconds, log_data, error_message, configuration_id, created_by_id
             FROM backup_manager_backuphistory WHERE id > 1 ORDER BY id",
        );
        assert_eq!(
            rows,
            [
                "2|Sauvegarde_Orpheline_old|completed|full|storage/old.backup|2|fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603|-|-|-|0|{}||-|7",
                "3|Sauvegarde_Récupérée_My_Backup 1|completed|full|storage/deep/x/My_Backup 1.enc|3|ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad|-|-|-|0|{}||-|7",
            ]
        );
        let times = database.rows(
            "SELECT DISTINCT started_at, completed_at, created_at FROM backup_manager_backuphistory WHERE id > 1",
        );
        assert_eq!(times, ["2026-11-20 15:02:26|2026-11-20 15:02:26|2026-11-20 15:02:26"]);
    });
}

#[test]
fn upper_case_and_encrypted_files_are_backups_and_others_are_not() {
    Database::each("", |site, database| {
        settled(site, database);
        for name in ["UPPER.ZIP", "a.encrypted", "b.Enc", "c.BACKUP", "readme.txt", "d.zip.part", ".zip"] {
            site.file(&format!("backups/storage/{name}"), name, 1);
        }
        let report = report(site);
        let paths: Vec<_> = report["steps"].as_array().unwrap().iter().map(|step| &step["path"]).collect();
        assert_eq!(paths, ["storage/UPPER.ZIP", "storage/a.encrypted", "storage/b.Enc", "storage/c.BACKUP"]);
        assert_eq!(report["found"]["files"], 5);
    });
}

#[test]
fn only_a_completed_backup_whose_file_is_missing_is_marked() {
    Database::each("", |site, database| {
        settled(site, database);
        for (id, status) in
            [(2, "completed"), (3, "running"), (4, "pending"), (5, "failed"), (6, "file_missing")]
        {
            record(database, id, status, &format!("storage/gone{id}.zip"));
        }
        record(database, 7, "completed", "/var/elsewhere/x.zip");
        record(database, 8, "failed", "");
        record(database, 9, "completed", "");
        assert_eq!(report(site)["counts"]["done"], 2);
        assert_eq!(
            database.rows(STATES),
            [
                "1|completed|",
                "2|file_missing|Fichier physique non trouvé: storage/gone2.zip",
                "3|running|",
                "4|pending|",
                "5|failed|",
                "6|file_missing|",
                "7|file_missing|Fichier physique non trouvé: /var/elsewhere/x.zip",
                "8|failed|",
                "9|completed|",
            ]
        );
    });
}

#[test]
fn a_marked_backup_whose_file_is_back_is_completed_again() {
    Database::each("", |site, database| {
        settled(site, database);
        record(database, 2, "completed", "storage/a.zip");
        let _ = report(site);
        assert!(
            database.rows(STATES)[1].starts_with("2|file_missing|Fichier"),
            "{:?}",
            database.rows(STATES)
        );
        site.file("backups/storage/a.zip", "back", 1);
        let report = report(site);
        assert_eq!(report["steps"][0]["action"], "restore-record");
        assert_eq!(report["steps"][0]["id"], 2);
        assert_eq!(database.rows(STATES), ["1|completed|", "2|completed|"]);
    });
}

#[test]
fn a_second_run_has_nothing_to_do() {
    Database::each("", |site, database| {
        settled(site, database);
        site.file("backups/storage/b.zip", "b", 1);
        record(database, 2, "completed", "storage/gone.zip");
        assert_eq!(report(site)["counts"]["done"], 2);
        let content = database.content();
        assert_eq!(
            report(site)["summary"].as_str().unwrap().split(" in ").next(),
            Some("rebuild-paths: nothing to do")
        );
        assert_eq!(database.content(), content);
    });
}

#[test]
fn a_scan_and_a_dry_run_name_every_item_and_change_nothing() {
    Database::each("", |site, database| {
        settled(site, database);
        site.file("backups/storage/a b.zip", "bytes", 1);
        record(database, 2, "completed", "storage/gone.zip");
        record(database, 3, "file_missing", "storage/2025/backup_ok.zip");
        let (content, untouched) = (database.content(), site.snapshot());
        let plan = "\
STORAGE          FILES  RECORDS  WITHOUT RECORD  SIZE  WITHOUT FILE  BACK
backups/storage  2      3        1               5 B   1             1
would make a record of storage/a b.zip (5 B)
would mark backup 2 as missing (storage/gone.zip)
would set backup 3 to completed, as its file is back (storage/2025/backup_ok.zip)
rebuild-paths: 3 planned, 1 file without a record, 1 record without a file, 1 file back
";
        for args in [["rebuild-paths", "--scan-only"], ["rebuild-paths", "-n"]] {
            assert_eq!(site.maint(&args).exits(0).stdout, plan);
            let report = site.maint(&[&args[..], &["--json"]].concat()).exits(0).json();
            assert_eq!(report["status"], "planned");
            assert_eq!(report["found"]["orphan_size_bytes"], 5);
            let step = serde_json::json!({
                "action": "make-record", "path": "storage/a b.zip", "size_bytes": 5, "user_id": 7, "outcome": "planned"
            });
            assert_eq!(report["steps"][0], step);
        }
        assert_eq!(database.content(), content);
        assert_eq!(site.snapshot(), untouched);
    });
}

#[test]
fn without_a_yes_and_without_a_terminal_it_is_refused() {
    Database::each("", |site, database| {
        settled(site, database);
        site.file("backups/storage/a.zip", "a", 1);
        record(database, 2, "completed", "storage/gone.zip");
        let (content, untouched) = (database.content(), site.snapshot());
        let refused = site.maint(&["rebuild-paths"]).exits(4);
        assert_eq!(
            refused.complaint(),
            "rebuild-paths: refused, because there is no terminal to ask on: Make 1 record, mark 1 as missing, set 0 \
             to completed? Add --force; nothing was touched"
        );
        assert_eq!((database.content(), site.snapshot()), (content, untouched));
        let _ = site.maint(&["rebuild-paths", "--yes"]).exits(0);
        assert_eq!(database.rows(STATES).len(), 3);
    });
}

#[test]
fn what_changes_while_the_question_is_open_is_left_as_it_is() {
    Database::each("", |site, database| {
        settled(site, database);
        for name in ["recorded", "changed", "gone", "new"] {
            site.file(&format!("backups/storage/{name}.zip"), "a", 1);
        }
        for (id, path) in [(2, "back"), (3, "lost"), (4, "renamed"), (5, "expired")] {
            record(database, id, "completed", &format!("storage/{path}.zip"));
        }
        let run = site.on_terminal(&["rebuild-paths"], "y\n", || {
            record(
                database,
                10,
                "completed",
                &site.path("backups/storage/recorded.zip").display().to_string(),
            );
            fs::write(site.path("backups/storage/changed.zip"), "other").unwrap();
            fs::remove_file(site.path("backups/storage/gone.zip")).unwrap();
            site.file("backups/storage/back.zip", "a", 1);
            database.execute(
                "UPDATE backup_manager_backuphistory SET file_path = 'storage/new.zip' WHERE id = 4",
            );
            database.execute("UPDATE backup_manager_backuphistory SET status = 'failed' WHERE id = 5");
        });
        let Some(run) = run else { return };
        let _ = run.exits(0);
        assert_eq!(
            database.rows(PATHS),
            [
                "1|storage/2025/backup_ok.zip|completed",
                "2|storage/back.zip|completed",
                "3|storage/lost.zip|file_missing",
                "4|storage/new.zip|completed",
                "5|storage/expired.zip|failed",
                &format!("10|{}|completed", site.path("backups/storage/recorded.zip").display()),
            ]
        );
    });
}

#[test]
fn a_file_whose_record_is_about_to_be_committed_gets_no_second_one() {
    Database::each("", |site, database| {
        let Database::Postgres(url) = database else { return };
        settled(site, database);
        site.file("backups/storage/a.zip", "a", 1);
        let mut other = postgres::Client::connect(url, postgres::NoTls).unwrap();
        let mut open = other.transaction().unwrap();
        open.execute("UPDATE backup_manager_backuphistory SET backup_name = 'x'", &[]).unwrap();
        let child = site.start(&FORCE);
        let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'backup_manager_backuphistory'::regclass";
        wait_until("the run waits for the other session", || database.rows(waits) == ["1"]);
        open.execute(
            "INSERT INTO backup_manager_backuphistory (id, backup_name, status, backup_type, file_path, checksum,
                log_data, error_message, created_at, created_by_id)
             VALUES (2, 'a', 'completed', 'full', 'storage/a.zip', '', '{}', '', now(), 5)",
            &[],
        )
        .unwrap();
        open.commit().unwrap();
        let _ = crate::support::finish(child).exits(0);
        assert_eq!(database.rows(PATHS).len(), 2, "{:?}", database.rows(PATHS));
    });
}

#[test]
fn a_path_is_the_same_however_it_is_written() {
    Database::each("", |site, database| {
        settled(site, database);
        for name in ["absolute", "idle", "container", "twice"] {
            site.file(&format!("backups/storage/{name}.zip"), "a", 1);
        }
        record(database, 2, "completed", site.path("backups/storage/absolute.zip").to_str().unwrap());
        record(database, 3, "completed", "./storage//idle.zip");
        record(database, 4, "completed", "/app/backups/storage/container.zip");
        record(database, 5, "completed", "storage/twice.zip");
        record(database, 6, "failed", "storage/twice.zip");
        assert_eq!(report(site)["steps"].as_array().unwrap().len(), 0);
        fs::remove_file(site.path("backups/storage/absolute.zip")).unwrap();
        fs::remove_file(site.path("backups/storage/container.zip")).unwrap();
        let _ = report(site);
        let states = database.rows(STATES);
        assert_eq!(states[1], "2|file_missing|Fichier physique non trouvé: storage/absolute.zip");
        assert_eq!(states[3], "4|file_missing|Fichier physique non trouvé: storage/container.zip");
    });
}

#[test]
fn a_file_that_is_not_listed_but_there_is_not_missing() {
    Database::each("", |site, database| {
        settled(site, database);
        site.file("backups/storage/a.tar.gz", "a", 1);
        site.file("backups/uploads/b.zip", "b", 1);
        site.file("elsewhere/c.zip", "c", 1);
        symlink(site.path("elsewhere/c.zip"), site.path("backups/storage/link.zip")).unwrap();
        symlink(site.path("elsewhere"), site.path("backups/storage/folder")).unwrap();
        let elsewhere = site.path("elsewhere/c.zip");
        let paths = ["storage/a.tar.gz", "uploads/b.zip", "storage/link.zip", "storage/folder/c.zip"];
        for (id, path) in (2..).zip(paths.into_iter().chain([elsewhere.to_str().unwrap()])) {
            record(database, id, "completed", path);
        }
        let report = report(site);
        assert_eq!(report["steps"].as_array().unwrap().len(), 0, "{report}");
        let link = site.path("backups/storage/link.zip").display().to_string();
        assert_eq!(report["notes"][0], format!("{link}: is a symlink, which is not followed"));
    });
}

#[test]
fn an_empty_storage_is_refused_whoever_says_yes_until_it_is_said_to_be_empty() {
    Database::each("", |site, database| {
        people(database);
        site.file("backups/storage/readme.txt", "no backup", 1);
        record(database, 1, "completed", "storage/a.zip");
        record(database, 2, "completed", site.path("backups/storage/b.zip").to_str().unwrap());
        record(database, 3, "completed", "/var/elsewhere/x.zip");
        let (content, untouched) = (database.content(), site.snapshot());
        let all: [&[&str]; 5] = [&["--force"], &["--yes"], &["-n"], &["--scan-only"], &["--force", "--json"]];
        for args in all {
            let refused = site.maint(&[&["rebuild-paths"], args].concat()).exits(4);
            assert_eq!(
                refused.complaint(),
                "the storage backups/storage holds no backup while 2 records name a file in it; mount its disk, or add \
                 --allow-empty if no backup is left; nothing was touched"
            );
        }
        assert_eq!((database.content(), site.snapshot()), (content, untouched));
        let _ = site.maint(&["rebuild-paths", "--force", "--allow-empty"]).exits(0);
        assert!(database.rows(STATES).iter().all(|row| row.contains("file_missing")));
        // Nothing is left that could be marked wrongly.
        let _ = site.maint(&FORCE).exits(0);
    });
}

#[test]
fn a_missing_storage_is_refused_until_it_is_said_to_be_empty() {
    Database::each("", |site, database| {
        people(database);
        record(database, 1, "completed", "storage/a.zip");
        let (content, untouched) = (database.content(), site.snapshot());
        let refused = site.maint(&FORCE).exits(4);
        assert_eq!(
            refused.complaint(),
            "the storage backups/storage does not exist; mount its disk, correct `storage` in [rebuild-paths], or add \
             --allow-empty if no backup is left; nothing was touched"
        );
        assert_eq!((database.content(), site.snapshot()), (content, untouched));
        let _ = site.maint(&["rebuild-paths", "--force", "--allow-empty"]).exits(0);
        assert_eq!(database.rows(STATES), ["1|file_missing|Fichier physique non trouvé: storage/a.zip"]);
    });
}

#[test]
fn what_cannot_be_looked_at_is_told_and_never_marked() {
    Database::each("", |site, database| {
        if !database.is_sqlite() {
            return; // The socket of PostgreSQL belongs to another user.
        }
        settled(site, database);
        site.file("backups/storage/closed/a.zip", "a", 1);
        record(database, 2, "completed", "storage/closed/a.zip");
        record(database, 3, "completed", "storage/closed/gone.zip");
        record(database, 4, "completed", "storage/gone.zip");
        let closed = site.path("backups/storage/closed");
        let mut command = site.command_as_user(&["rebuild-paths", "--force", "--json"]);
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
        let report = run(&mut command).exits(1).json();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(report["counts"]["done"], 1);
        let failures: Vec<_> =
            report["failures"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
        assert_eq!(
            failures,
            [
                format!("{}: Permission denied", closed.display()).as_str(),
                "backup 2 (storage/closed/a.zip): its file cannot be looked at: Permission denied",
                "backup 3 (storage/closed/gone.zip): its file cannot be looked at: Permission denied",
            ]
        );
        let states = database.rows(STATES);
        assert!(states[1..3].iter().all(|row| row.contains("|completed|")), "{states:?}");
        assert!(states[3].contains("|file_missing|"), "{states:?}");
    });
}

#[test]
fn an_unreadable_file_gets_no_record_and_the_others_do() {
    let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n");
    let database = Database::sqlite(&site);
    settled(&site, &database);
    let closed = site.file("backups/storage/a.zip", "a", 1);
    site.file("backups/storage/b.zip", "b", 1);
    let mut command = site.command_as_user(&["rebuild-paths", "--force", "--json"]);
    fs::set_permissions(closed, fs::Permissions::from_mode(0o000)).unwrap();
    let report = run(&mut command).exits(1).json();
    assert_eq!(report["steps"][0]["outcome"], "failed");
    assert_eq!(report["steps"][0]["detail"], "Permission denied");
    assert_eq!(report["steps"][1]["outcome"], "done");
    assert_eq!(database.rows(PATHS).len(), 2);
}

#[test]
fn names_that_no_record_can_hold_are_told_and_odd_ones_are_kept_as_they_are() {
    Database::each("", |site, database| {
        settled(site, database);
        let long = format!("{}/{}", "d".repeat(250), "e".repeat(250));
        site.file(&format!("backups/storage/{long}.zip"), "a", 1);
        // Cut to 200 characters, which are more bytes.
        site.file(&format!("backups/storage/{}.zip", "é".repeat(120)), "a", 1);
        site.file(&format!("backups/storage/{}backup.zip", "n".repeat(230)), "a", 1);
        site.file("backups/storage/new\nline; DROP TABLE 'x'.zip", "a", 1);
        let bytes = std::os::unix::ffi::OsStrExt::from_bytes(b"caf\xe9.zip");
        fs::write(site.path("backups/storage").join::<&std::ffi::OsStr>(bytes), "a").unwrap();
        let report = site.maint(&["rebuild-paths", "--force", "--json"]).exits(1).json();
        assert_eq!(report["counts"]["done"], 3, "{report}");
        assert_eq!(
            report["failures"].as_array().unwrap().as_slice(),
            [
                "storage/caf\\xe9.zip: no UTF-8 text, which no record can hold; rename it".to_owned(),
                format!("storage/{long}.zip: longer than the 500 characters of a record"),
            ]
        );
        let names = database.rows(
            "SELECT backup_name FROM backup_manager_backuphistory WHERE id <> 1 ORDER BY length(backup_name)",
        );
        assert_eq!(names[0], "Sauvegarde_Orpheline_new\nline; DROP TABLE 'x'");
        assert_eq!(names[1], format!("Sauvegarde_Orpheline_{}", "é".repeat(120)));
        assert_eq!(names[2], format!("Sauvegarde_Récupérée_{}", "n".repeat(200 - 21)));
        let told = site.maint(&["rebuild-paths", "-n"]).exits(1);
        assert!(!told.stdout.contains("new\nline") && !told.stderr.contains("new\nline"));
    });
}

#[test]
fn a_file_that_is_being_written_waits_for_the_next_run() {
    Database::each("", |site, database| {
        settled(site, database);
        let path = site.file("backups/storage/a.zip", "half", 1);
        let writer = fs::OpenOptions::new().append(true).open(&path).unwrap();
        let held = report(site);
        assert_eq!(held["steps"][0]["outcome"], "skipped");
        assert_eq!(held["steps"][0]["detail"], "a process is writing it");
        drop(writer);
        let _reader = fs::File::open(&path).unwrap();
        assert_eq!(report(site)["steps"][0]["outcome"], "done");
    });
}

#[test]
fn the_file_of_a_backup_that_still_runs_is_left_to_it() {
    Database::each("", |site, database| {
        settled(site, database);
        site.file("backups/storage/Quotidienne/name2.encrypted", "a", 1);
        record(database, 2, "running", "");
        let left = report(site);
        assert_eq!(left["steps"].as_array().unwrap().len(), 0);
        assert_eq!(
            left["notes"][0],
            "storage/Quotidienne/name2.encrypted: is left to backup 2, which has not ended"
        );
        database.execute("UPDATE backup_manager_backuphistory SET status = 'failed' WHERE id = 2");
        assert_eq!(report(site)["counts"]["done"], 1);
    });
}

#[test]
fn new_records_belong_to_who_is_named_else_the_first_superuser_else_the_first_user() {
    let owner = "SELECT created_by_id FROM backup_manager_backuphistory WHERE id > 1";
    Database::each("", |site, database| {
        settled(site, database);
        site.file("backups/storage/a.zip", "a", 1);
        for (args, expected) in [(&["--user-id=5"][..], "5"), (&[], "7")] {
            let _ = site.maint(&[&FORCE, args].concat()).exits(0);
            assert_eq!(database.rows(owner), [expected]);
            database.execute("DELETE FROM backup_manager_backuphistory WHERE id > 1");
        }
        database.execute("UPDATE authentication_user SET is_superuser = false");
        let _ = report(site);
        assert_eq!(database.rows(owner), ["5"]);
        let refused = site.maint(&["rebuild-paths", "--force", "--user-id=9"]).exits(2);
        assert_eq!(refused.complaint(), "there is no user 9; correct --user-id or `user_id`");
    });
    Database::each("[rebuild-paths]\nuser_id = 5\n", |site, database| {
        settled(site, database);
        site.file("backups/storage/a.zip", "a", 1);
        let _ = report(site);
        assert_eq!(database.rows(owner), ["5"]);
    });
}

#[test]
fn without_any_user_files_get_no_record_but_lost_records_are_marked() {
    let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n");
    let database = Database::sqlite(&site);
    people(&database);
    record(&database, 1, "completed", "storage/gone.zip");
    // SQLite lets a record have an owner that is gone.
    database.execute("PRAGMA foreign_keys = OFF; DELETE FROM authentication_user");
    site.file("backups/storage/a.zip", "a", 1);
    let report = site.maint(&["rebuild-paths", "--force", "--json"]).exits(1).json();
    assert_eq!(
        report["failures"][0],
        "1 file cannot get a record, because the site has no user to own it; make one, or give --user-id"
    );
    assert_eq!(database.rows(STATES), ["1|file_missing|Fichier physique non trouvé: storage/gone.zip"]);
}

#[test]
fn tables_and_columns_may_have_other_names_and_a_missing_one_is_named_with_its_key() {
    let names = "[tables.backups]\ntable = \"sauvegardes\"\ncolumns = { file_path = \"chemin\" }\n";
    Database::each(names, |site, database| {
        settled(site, database);
        site.file("backups/storage/a.zip", "a", 1);
        let untouched = site.snapshot();
        let refused = site.maint(&FORCE).exits(2);
        assert_eq!(
            refused.complaint(),
            "the database app has no table `sauvegardes`; set `table` in [tables.backups]"
        );
        database.execute("ALTER TABLE backup_manager_backuphistory RENAME TO sauvegardes");
        let refused = site.maint(&FORCE).exits(2);
        assert_eq!(
            refused.complaint(),
            "the table `sauvegardes` has no column `chemin`; set `columns.file_path` in [tables.backups]"
        );
        if !database.is_sqlite() {
            assert_eq!(site.snapshot(), untouched);
        }
        database.execute("ALTER TABLE sauvegardes RENAME COLUMN file_path TO chemin");
        record_of_other_names(site, database);
    });
}

fn record_of_other_names(site: &Site, database: &Database) {
    assert_eq!(report(site)["counts"]["done"], 1);
    fs::remove_file(site.path("backups/storage/a.zip")).unwrap();
    assert_eq!(report(site)["counts"]["done"], 1);
    let rows = database.rows("SELECT chemin, status FROM sauvegardes ORDER BY chemin");
    assert_eq!(rows, ["storage/2025/backup_ok.zip|completed", "storage/a.zip|file_missing"]);
}

#[test]
fn a_database_that_stays_locked_fails_with_who_holds_it_and_nothing_is_written() {
    let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\nbusy_timeout = \"200ms\"\n");
    let database = Database::sqlite(&site);
    settled(&site, &database);
    site.file("backups/storage/a.zip", "a", 1);
    let content = database.content();
    let holder = rusqlite::Connection::open(site.path("db.sqlite3")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let failed = site.maint(&FORCE).exits(1);
    let pid = std::process::id();
    assert!(
        failed.stderr.contains("is locked by ") && failed.stderr.contains(&pid.to_string()),
        "{}",
        failed.stderr
    );
    drop(holder);
    assert_eq!(database.content(), content);
    assert_eq!(report(&site)["counts"]["done"], 1);
}

#[test]
fn a_storage_that_is_wrongly_configured_is_refused() {
    for (section, expected) in [
        ("storage = \"other\"", "storage other is not inside base backups; correct [rebuild-paths]"),
        ("storage = \"backups/../..\"", "backups/../.. is not inside site.root"),
        ("base = \"/\"\nstorage = \"/etc\"", "/etc is not inside site.root"),
        ("storage = \"backups/link\"", "is a symlink, or leads through one; name the real folder"),
        ("suffixes = [\"zip\"]", "bad suffix \"zip\": write a point and what follows it, such as \".zip\""),
        ("database = \"other\"", "there is no [databases.other]"),
    ] {
        let site =
            Site::new(&format!("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n[rebuild-paths]\n{section}\n"));
        let database = Database::sqlite(&site);
        settled(&site, &database);
        symlink("storage", site.path("backups/link")).unwrap();
        let untouched = site.snapshot();
        let refused = site.maint(&FORCE).exits(2);
        assert!(refused.complaint().contains(expected), "{section}: {}", refused.complaint());
        assert_eq!(site.snapshot(), untouched);
    }
}

#[test]
fn a_database_file_that_is_missing_is_never_made() {
    let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n");
    site.file("backups/storage/a.zip", "a", 1);
    let untouched = site.snapshot();
    let _ = site.maint(&FORCE).exits(2);
    assert_eq!(site.snapshot(), untouched);
}

#[test]
fn it_runs_as_a_job_when_it_needs_no_answer() {
    let jobs = "[jobs.paths]\nschedule = \"0 3 * * 0\"\ncommand = \"rebuild-paths --force\"\n\
                [jobs.scan]\nschedule = \"@daily\"\ncommand = \"rebuild-paths --scan-only\"\n";
    Database::each(jobs, |site, database| {
        settled(site, database);
        site.file("backups/storage/a.zip", "a", 1);
        let _ = site.maint(&["config", "check"]).exits(0);
        let scan = site.maint(&["run", "scan"]).exits(0);
        assert!(scan.stdout.contains("would make a record of storage/a.zip"), "{}", scan.stdout);
        assert_eq!(database.rows(PATHS).len(), 1);
        let _ = site.maint(&["run", "paths"]).exits(0);
        assert_eq!(database.rows(PATHS).len(), 2);
    });
    let site = Site::new(
        "[databases.app]\nurl = \"sqlite:db.sqlite3\"\n[jobs.paths]\nschedule = \"@daily\"\ncommand = \"rebuild-paths\"\n",
    );
    settled(&site, &Database::sqlite(&site));
    let refused = site.maint(&["config", "check"]).exits(2);
    assert!(refused.complaint().ends_with("it would ask, and cron cannot answer; add --force"));
}

/// Many files without a record, and many records without a file.
fn drifted(site: &Site, database: &Database, count: u32) {
    settled(site, database);
    for number in 0..count {
        site.file(&format!("backups/storage/{}/new{number}.zip", number % 40), &number.to_string(), 1);
    }
    let path = |number| format!("storage/{}/gone{number}.zip", number % 40);
    let rows: Vec<String> = (0..count)
        .map(|number| {
            format!(
                "({}, 'n', 'completed', 'full', '{}', '', '{{}}', '', '2026-11-20 15:02:26+00:00', 5)",
                number + 10,
                path(number)
            )
        })
        .collect();
    database.execute(&format!(
        "INSERT INTO backup_manager_backuphistory (id, backup_name, status, backup_type, file_path, checksum, log_data,
            error_message, created_at, created_by_id) VALUES {}",
        rows.join(", ")
    ));
}

#[test]
fn killed_at_any_moment_it_has_done_all_or_nothing() {
    const MANY: u32 = 1_500;
    Database::each("", |site, database| {
        drifted(site, database, MANY);
        let start = std::time::Instant::now();
        let _ = site.maint(&["rebuild-paths", "-n", "-q"]).exits(0);
        let look = start.elapsed();
        let (mut nothing, mut all) = (0, 0);
        for kill in 0..30_u32 {
            let mut child = site.start(&FORCE);
            // From the end of the planning on, in small steps, until the change is done.
            std::thread::sleep(look * 3 / 4 + Duration::from_millis(u64::from(kill) * 8));
            child.kill().unwrap();
            child.wait().unwrap();
            if let Database::Postgres(_) = database {
                // The server notices only then that nobody is there any more.
                let busy = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'maint' AND datname = current_database()";
                wait_until("the server has given up the transaction", || database.rows(busy) == ["0"]);
            }
            let count = "SELECT count(*) FROM backup_manager_backuphistory";
            let (made, marked) = (
                database.rows(count)[0].parse::<u32>().unwrap() - MANY - 1,
                database.rows(&format!("{count} WHERE status = 'file_missing'"))[0].parse::<u32>().unwrap(),
            );
            match (made, marked) {
                (0, 0) => nothing += 1,
                (MANY, MANY) => all += 1,
                torn => panic!("after a kill {torn:?} of {MANY} are made and marked"),
            }
            if all > 0 {
                database.execute("DELETE FROM backup_manager_backuphistory WHERE file_path LIKE '%new%'");
                database.execute("UPDATE backup_manager_backuphistory SET status = 'completed' WHERE status <> 'completed'");
                if all > 3 {
                    break;
                }
            }
        }
        if nothing == 0 || all == 0 {
            leave_out("kills on both sides of the change", "this machine is too busy to time them");
        }
        assert_eq!(report(site)["counts"]["done"], MANY * 2);
    });
}

/// System calls that change something.
const TOUCHING: [&str; 4] = ["openat", "pwrite64", "fsync,fdatasync", "unlink,unlinkat,ftruncate"];

#[test]
fn killed_at_any_system_call_it_has_done_all_or_nothing_and_the_next_run_does_the_rest() {
    if !can_trace("a kill at each system call") {
        return;
    }
    let (mut nothing, mut all) = (0, 0);
    for calls in TOUCHING {
        for at in 1..200 {
            let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n");
            let database = Database::sqlite(&site);
            drifted(&site, &database, 3);
            let inject = format!("inject={calls}:signal=KILL:when={at}");
            let trace = format!("trace={calls}");
            let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
            let ended = run(&mut inside(&strace, &site.command(&FORCE)));
            // Looked at in a copy: the next run must find what was left.
            let copy = Site::bare();
            for name in ["db.sqlite3", "db.sqlite3-journal"] {
                let _ = fs::copy(site.path(name), copy.path(name));
            }
            let copied = Database::Sqlite(copy.path("db.sqlite3"));
            match (
                copied.rows(PATHS).len(),
                copied.rows(STATES).iter().filter(|row| row.contains("file_missing")).count(),
            ) {
                (4, 0) => nothing += 1,
                (7, 3) => all += 1,
                torn => panic!("after a kill at {calls} {at}: {torn:?}"),
            }
            let _ = site.maint(&FORCE).exits(0);
            assert_eq!(database.rows(PATHS).len(), 7);
            if ended.code == 0 {
                break;
            }
        }
    }
    assert!(
        nothing > 10 && all > 3,
        "{nothing} times nothing and {all} times all: the kills missed the change"
    );
}

#[test]
fn whichever_system_call_fails_nothing_is_marked_wrongly_and_no_failure_passes_for_a_success() {
    if !can_trace("an error of each system call") {
        return;
    }
    let mut failed = 0;
    for (calls, error) in [
        ("openat2", "EIO"),
        ("getdents64", "EIO"),
        ("statx", "EIO"),
        ("newfstatat,stat", "EIO"),
        ("read", "EIO"),
        ("pread64", "EIO"),
        ("pwrite64", "ENOSPC"),
        ("fsync,fdatasync", "EIO"),
        ("openat", "EMFILE"),
        ("unlink", "EIO"),
    ] {
        for at in 1..200 {
            let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n");
            let database = Database::sqlite(&site);
            drifted(&site, &database, 3);
            let inject = format!("inject={calls}:error={error}:when={at}");
            let strace =
                ["strace", "-f", "-qq", "-o", "trace", "-e", &format!("trace={calls}"), "-e", &inject];
            let ended = run(&mut inside(&strace, &site.command(&FORCE)));
            let place = format!("{calls} {at}: {} {}", ended.code, ended.stderr);
            // 127: not even the dynamic loader got through.
            assert!([0, 1, 2, 4, 127].contains(&ended.code) && !ended.stderr.contains("panicked"), "{place}");
            let rows = database.rows(PATHS);
            let marked = rows.iter().filter(|row| row.ends_with("file_missing"));
            assert!(marked.clone().all(|row| row.contains("/gone")), "{place}: {rows:?}");
            if ended.code == 0 {
                assert_eq!((rows.len(), marked.count()), (7, 3), "{place}");
            } else {
                failed += 1;
            }
            if !fs::read_to_string(site.path("trace")).unwrap().contains("(INJECTED)") {
                break;
            }
        }
    }
    assert!(failed > 20, "only {failed} runs failed: the errors missed the work");
}

#[test]
fn ended_by_a_signal_it_has_done_nothing_and_says_so() {
    let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n");
    let database = Database::sqlite(&site);
    settled(&site, &database);
    site.file("backups/storage/a.zip", "a", 1);
    let content = database.content();
    let holder = rusqlite::Connection::open(site.path("db.sqlite3")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let child = site.start(&FORCE);
    wait_until("the run has begun", || site.path("../state/state.db").exists());
    std::thread::sleep(Duration::from_millis(300));
    crate::support::send(&child, rustix::process::Signal::TERM);
    let ended: Run = crate::support::finish(child).exits(143);
    assert!(ended.stderr.contains("interrupted"), "{}", ended.stderr);
    drop(holder);
    assert_eq!(database.content(), content);
}

#[test]
fn with_few_descriptors_nothing_is_missed() {
    let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n");
    let database = Database::sqlite(&site);
    settled(&site, &database);
    for number in 0..300 {
        site.file(&format!("backups/storage/{number}/a/b/new.zip"), "x", 1);
    }
    let few = ["sh", "-c", "ulimit -n 40; exec \"$@\"", "sh"];
    let report =
        run(&mut inside(&few, &site.command(&["rebuild-paths", "--force", "--json"]))).exits(0).json();
    assert_eq!(report["counts"]["done"], 300);
}

#[test]
fn a_folder_in_the_place_of_a_backup_neither_loses_nor_restores_it() {
    Database::each("", |site, database| {
        settled(site, database);
        site.folder("backups/storage/lost.zip");
        record(database, 2, "file_missing", "storage/lost.zip");
        record(database, 3, "completed", "storage/lost.zip");
        let _ = site.maint(&FORCE).exits(0);
        assert_eq!(
            database.rows("SELECT status FROM backup_manager_backuphistory WHERE id > 1 ORDER BY id"),
            ["file_missing", "completed"]
        );
    });
}
