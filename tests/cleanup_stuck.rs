//! `maint cleanup-stuck`: what is marked as failed and how, on SQLite and PostgreSQL.

use crate::support::database::Database;
use crate::support::{Site, is_root, leave_out, run, wait_until};
use insta::assert_snapshot;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

const MARK: [&str; 2] = ["cleanup-stuck", "--force"];
const MARK_JSON: [&str; 3] = ["cleanup-stuck", "--force", "--json"];

/// A time so many minutes before the tests' clock, as SQL.
fn ago(minutes: i64) -> String {
    let now: chrono::DateTime<chrono::Utc> = crate::support::NOW.parse().unwrap();
    (now - chrono::Duration::minutes(minutes)).format("'%Y-%m-%d %H:%M:%S'").to_string()
}

/// Adds a backup; `started` and `created` are SQL.
fn backup(database: &Database, id: i64, status: &str, started: &str, created: &str) {
    database.execute(&format!(
        "INSERT INTO backup_manager_backuphistory (id, backup_name, status, backup_type, file_path, checksum,
            started_at, log_data, error_message, created_at, created_by_id)
         VALUES ({id}, 'b{id}', '{status}', 'full', '', '', {started}, '{{}}', '', {created}, 1)"
    ));
}

/// Adds a restore of backup 1.
fn restore(database: &Database, id: i64, status: &str, started: &str, created: &str) {
    database.execute(&format!(
        "INSERT INTO backup_manager_restorehistory (id, restore_name, restore_type, status, restore_options,
            started_at, log_data, error_message, created_at, backup_source_id, created_by_id)
         VALUES ({id}, 'r{id}', 'full', '{status}', '{{}}', {started}, '{{}}', '', {created}, 1, 1)"
    ));
}

/// Backups and restores of every state: 2 and 4, 11 and 13 are stuck, and so is 6, which never began.
pub(crate) fn fill(database: &Database) {
    database
        .execute("INSERT INTO authentication_user (id, username, is_superuser) VALUES (1, 'admin', true)");
    backup(database, 1, "completed", &ago(3_000), &ago(3_000));
    backup(database, 2, "running", &ago(420), &ago(0));
    backup(database, 3, "running", &ago(60), &ago(3_000));
    backup(database, 4, "pending", &ago(540), &ago(540));
    backup(database, 5, "pending", "NULL", &ago(60));
    backup(database, 6, "pending", "NULL", &ago(600));
    backup(database, 7, "file_missing", &ago(3_000), &ago(3_000));
    restore(database, 11, "running", &ago(600), &ago(600));
    restore(database, 12, "running", &ago(120), &ago(120));
    restore(database, 13, "pending", &ago(390), &ago(390));
    restore(database, 14, "cancelled", &ago(3_000), &ago(3_000));
}

/// What was written to the rows, in both tables.
fn marked(database: &Database) -> Vec<String> {
    let columns = "id, status, completed_at, duration_seconds, error_message";
    let of = |table: &str| {
        database.rows(&format!(
            "SELECT {columns} FROM backup_manager_{table}history WHERE error_message <> '' ORDER BY id"
        ))
    };
    [of("backup"), of("restore")].concat()
}

/// The ids of a report's steps that ended in this way.
fn ids(report: &Value, outcome: &str) -> Vec<i64> {
    let steps = report["steps"].as_array().unwrap().iter();
    steps.filter(|step| step["outcome"] == outcome).map(|step| step["id"].as_i64().unwrap()).collect()
}

/// Sets the language of a site.
fn speak(site: &Site, language: &str) {
    let text = fs::read_to_string(site.path("maint.toml")).unwrap();
    site.configure(&text.replace("[state]", &format!("language = \"{language}\"\n[state]")));
}

#[test]
fn what_runs_or_waits_for_more_than_six_hours_is_marked_in_both_tables() {
    Database::each("", |site, database| {
        speak(site, "en");
        fill(database);
        let report = site.maint(&MARK_JSON).exits(0).json();
        assert_eq!(ids(&report, "done"), [2, 4, 6, 11, 13]);
        let end = "failed|2026-11-20 15:02:26";
        let said = "Automatically marked as failed after 6 hours";
        assert_eq!(
            marked(database),
            [
                format!("2|{end}|25200|{said}"),
                format!("4|{end}|32400|{said}"),
                format!("6|{end}|-|{said}"),
                format!("11|{end}|36000|{said}"),
                format!("13|{end}|23400|{said}"),
            ]
        );
        let before = database.content();
        assert_eq!(ids(&site.maint(&MARK_JSON).exits(0).json(), "done"), [0; 0]);
        assert_eq!(database.content(), before);
    });
}

#[test]
fn a_rehearsal_lists_each_row_and_changes_nothing() {
    Database::each("", |site, database| {
        fill(database);
        let before = database.content();
        let run = site.maint(&["cleanup-stuck", "-n"]).exits(0);
        insta::allow_duplicates! { assert_snapshot!(run.stdout, @r"
        would mark backup 2 as failed (b2, running for 7 h)
        would mark backup 4 as failed (b4, pending for 9 h)
        would mark backup 6 as failed (b6, pending for 10 h, never started)
        would mark restore 11 as failed (r11, running for 10 h)
        would mark restore 13 as failed (r13, pending for 6 h 30 min)
        cleanup-stuck: 5 planned
        "); }
        assert_eq!(database.content(), before);
        assert!(!site.state().exists());
        let steps = site.maint(&["cleanup-stuck", "-n", "--json"]).exits(0).json()["steps"].clone();
        assert_eq!(
            steps[2],
            json!({"action": "mark-failed", "kind": "backup", "id": 6, "name": "b6", "old_status": "pending",
                "age_seconds": 36_000, "outcome": "planned"})
        );
    });
}

#[test]
fn in_french_the_rows_say_what_the_original_said() {
    for (option, said) in [
        ("--hours=6", "Opération automatiquement marquée comme échouée après 6 heure(s)"),
        ("--minutes=400", "Opération automatiquement marquée comme échouée après 400 minute(s)"),
        (
            "--restore-id=11",
            "Opération manuellement marquée comme échouée via commande cleanup_stuck_operations",
        ),
    ] {
        Database::each("", |site, database| {
            speak(site, "fr");
            fill(database);
            let _ = site.maint(&["cleanup-stuck", "--force", option]).exits(0);
            assert!(marked(database).last().unwrap().starts_with("11|") || option == "--hours=6");
            assert!(marked(database).iter().all(|row| row.ends_with(said)), "{:?}", marked(database));
        });
    }
}

#[test]
fn the_limit_comes_from_the_options_else_from_the_configuration() {
    Database::each("[cleanup-stuck]\nage = \"90m\"\n", |site, database| {
        speak(site, "en");
        fill(database);
        let planned = |args: &[&str]| {
            ids(&site.maint(&[&["cleanup-stuck", "-n", "--json"], args].concat()).exits(0).json(), "planned")
        };
        assert_eq!(planned(&["--hours=7"]), [4, 6, 11], "strictly older than the limit");
        assert_eq!(planned(&["--hours=7", "--minutes=419"]), [2, 4, 6, 11]);
        assert_eq!(planned(&["--hours=4000000000"]), [0; 0]);
        assert_eq!(planned(&[]), [2, 4, 6, 11, 12, 13]);
        let _ = site.maint(&MARK).exits(0);
        assert!(marked(database)[0].ends_with("after 90 minutes"), "{:?}", marked(database));
    });
}

#[test]
fn a_duration_that_is_known_stays_and_an_impossible_one_is_no_failure() {
    Database::each("", |site, database| {
        fill(database);
        let table = "backup_manager_backuphistory";
        database.execute(&format!("UPDATE {table} SET duration_seconds = 77 WHERE id = 2"));
        database.execute(&format!("UPDATE {table} SET duration_seconds = 0 WHERE id IN (4, 6)"));
        database.execute(&format!("UPDATE {table} SET started_at = '1801-01-01 00:00:00' WHERE id = 3"));
        let _ = site.maint(&MARK).exits(0);
        let durations = database
            .rows(&format!("SELECT duration_seconds FROM {table} WHERE id IN (2, 3, 4, 6) ORDER BY id"));
        assert_eq!(durations, ["77", "2147483647", "32400", "0"]);
    });
}

#[test]
fn what_begins_in_the_future_is_left_alone_and_noted() {
    Database::each("", |site, database| {
        fill(database);
        database.execute(
            "UPDATE backup_manager_backuphistory SET started_at = '2027-01-01 00:00:00' WHERE id = 2",
        );
        let report = site.maint(&["cleanup-stuck", "--force", "--hours=0", "--json"]).exits(0).json();
        assert_eq!(ids(&report, "done"), [3, 4, 5, 6, 11, 12, 13]);
        assert_eq!(report["notes"], json!(["backup 2 (b2): is left alone, because it begins in the future"]));
        // A clock that is years slow marks nothing.
        let _ = site.maint_at("2002-11-20T15:02:26Z", &MARK).exits(0);
        assert_eq!(
            database.rows("SELECT status FROM backup_manager_backuphistory WHERE id = 2"),
            ["running"]
        );
    });
}

#[test]
fn one_restore_is_marked_whatever_its_age_and_nothing_else() {
    Database::each("", |site, database| {
        speak(site, "en");
        fill(database);
        let _ = site.maint(&["cleanup-stuck", "--restore-id=12", "--hours=1", "--force"]).exits(0);
        let said = "Marked as failed by hand with the command cleanup-stuck";
        assert_eq!(marked(database), [format!("12|failed|2026-11-20 15:02:26|7200|{said}")]);
    });
}

#[test]
fn a_restore_that_has_ended_or_does_not_exist_is_told_apart_and_nothing_is_touched() {
    Database::each("", |site, database| {
        fill(database);
        let before = database.content();
        let report = site.maint(&["cleanup-stuck", "--restore-id=14", "--force", "--json"]).exits(0).json();
        assert_eq!(report["notes"], json!(["restore 14 (r14): is cancelled, so there is nothing to mark"]));
        // 2 is a backup.
        for id in ["2", "99", "9223372036854775807"] {
            let run = site.maint(&["cleanup-stuck", "--force", "--restore-id", id]).exits(2);
            let why = format!("there is no restore {id}; `maint cleanup-stuck --show-stats` lists what runs");
            assert_eq!(run.complaint(), why);
        }
        for id in ["0", "-1", "x", "", "1.5", "9223372036854775808"] {
            let _ = site.maint(&["cleanup-stuck", "--force", &format!("--restore-id={id}")]).exits(2);
        }
        // As in the original, the statistics count more than the id, and the id more than the ages.
        let _ = site.maint(&["cleanup-stuck", "--force", "--restore-id=12", "--show-stats"]).exits(0);
        assert_eq!(database.content(), before);
    });
}

#[test]
fn the_statistics_only_look_and_need_no_terminal() {
    Database::each("", |site, database| {
        fill(database);
        let before = database.content();
        let run = site.maint(&["cleanup-stuck", "--show-stats"]).exits(0);
        insta::allow_duplicates! { assert_snapshot!(run.stdout, @r"
                  RUNNING  PENDING  COMPLETED  FAILED  OTHER
        backups   2        3        1          0       1
        restores  2        1        0          0       1

        KIND     ID  NAME  STATUS   FOR
        backup   6   b6    pending  10 h
        restore  11  r11   running  10 h
        backup   4   b4    pending  9 h
        backup   2   b2    running  7 h
        restore  13  r13   pending  6 h 30 min
        restore  12  r12   running  2 h
        backup   3   b3    running  1 h
        backup   5   b5    pending  1 h
        cleanup-stuck: nothing to do
        "); }
        let answer =
            site.maint(&["cleanup-stuck", "--show-stats", "--json"]).exits(0).json()["operations"].clone();
        assert_eq!((&answer["backups"]["pending"], &answer["restores"]["other"]), (&json!(3), &json!(1)));
        assert_eq!(answer["unfinished"][0]["age_seconds"], 36_000);
        assert_eq!(database.content(), before);
        assert!(!site.state().exists());
    });
}

#[test]
fn a_job_of_the_configuration_marks_or_counts() {
    let jobs = "[jobs.stuck]\ncommand = \"cleanup-stuck --hours=6 --force\"\n\
                [jobs.stats]\ncommand = \"cleanup-stuck --show-stats\"\n\
                [jobs.asks]\nschedule = \"@daily\"\ncommand = \"cleanup-stuck\"\n";
    Database::each(jobs, |site, database| {
        fill(database);
        let report = site.maint(&["run", "stats", "--json"]).exits(0).json();
        assert_eq!((&report["operations"]["backups"]["running"], &report["steps"]), (&json!(2), &json!([])));
        assert_eq!(marked(database), [""; 0]);
        assert!(site.maint(&["config", "check"]).exits(2).stderr.contains("job `asks`: it would ask"));
        let _ = site.maint(&["run", "stuck"]).exits(0);
        assert_eq!(marked(database).len(), 5);
    });
}

#[test]
fn without_a_terminal_it_refuses_and_touches_nothing() {
    Database::each("", |site, database| {
        fill(database);
        let before = database.content();
        let run = site.maint(&["cleanup-stuck"]).exits(4);
        assert_eq!(
            run.complaint(),
            "cleanup-stuck: refused, because there is no terminal to ask on: Mark 3 backups and 2 restores as \
             failed? Add --force; nothing was touched"
        );
        assert_eq!(database.content(), before);
        let _ = site.maint(&["cleanup-stuck", "--yes"]).exits(0);
        // With nothing to do nobody has to be asked.
        let _ = site.maint(&["cleanup-stuck"]).exits(0);
    });
}

#[test]
fn an_age_of_zero_needs_force() {
    for rest in ["", "[cleanup-stuck]\nage = \"0s\"\n"] {
        Database::each(rest, |site, database| {
            fill(database);
            let before = database.content();
            let args: &[&str] =
                if rest.is_empty() { &["cleanup-stuck", "--hours=0"] } else { &["cleanup-stuck"] };
            let why = "an age of 0 marks everything that is running or pending; add --force if that is meant";
            assert_eq!(site.maint(args).exits(4).complaint(), why);
            assert_eq!(database.content(), before);
            let _ = site.maint(&[args, &["--force"]].concat()).exits(0);
            assert_eq!(marked(database).len(), 8);
        });
    }
}

#[test]
fn bad_numbers_are_refused_and_nothing_is_touched() {
    let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n");
    fill(&Database::sqlite(&site));
    let before = site.snapshot();
    for number in ["-1", "nan", "1e400", "", " ", "1.5", "0x6", "99999999999", "6h"] {
        for unit in ["hours", "minutes"] {
            let run = site.maint(&["cleanup-stuck", "--force", &format!("--{unit}={number}")]).exits(2);
            assert!(run.complaint().contains(&format!("write a whole number of {unit}")), "{}", run.stderr);
        }
    }
    assert_eq!(site.snapshot(), before);
}

/// PostgreSQL takes nothing but times.
#[test]
fn a_time_that_is_none_is_a_failure_of_its_own_and_the_rest_is_done() {
    let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n");
    let database = Database::sqlite(&site);
    fill(&database);
    let table = "backup_manager_backuphistory";
    database.execute(&format!("UPDATE {table} SET started_at = '01/02/2025' WHERE id = 2"));
    database.execute(&format!("UPDATE {table} SET started_at = 20250201 WHERE id = 4"));
    database
        .execute(&format!("UPDATE {table} SET created_at = '', backup_name = char(27) || 'x' WHERE id = 6"));
    let report = site.maint(&MARK_JSON).exits(1).json();
    assert_eq!(ids(&report, "done"), [11, 13]);
    let mut failures: Vec<&str> =
        report["failures"].as_array().unwrap().iter().map(|failure| failure.as_str().unwrap()).collect();
    failures.sort_unstable();
    assert_eq!(
        failures,
        [
            "backup 2 (b2): started_at: `01/02/2025` is not a time; correct it in the database",
            "backup 4 (b4): started_at: `20250201` is not a time; correct it in the database",
            "backup 6 (\\x1bx): created_at: `` is not a time; correct it in the database",
        ]
    );
    let untouched =
        database.rows(&format!("SELECT id FROM {table} WHERE error_message = '' AND id IN (2, 4, 6)"));
    assert_eq!(untouched.len(), 3);
    // Whatever its time, one restore can be marked by hand.
    database.execute("UPDATE backup_manager_restorehistory SET started_at = 'hier' WHERE id = 12");
    let _ = site.maint(&["cleanup-stuck", "--restore-id=12", "--force"]).exits(0);
    assert!(marked(&database).iter().any(|row| row.starts_with("12|failed|2026-11-20 15:02:26|-|")));
}

/// The plan is made before the question, so that the answer finds other rows.
#[test]
fn what_ends_while_the_question_is_open_keeps_its_end() {
    Database::each("", |site, database| {
        fill(database);
        let meanwhile = || {
            database.execute("UPDATE backup_manager_backuphistory SET status = 'completed' WHERE id = 2");
            database.execute("UPDATE backup_manager_backuphistory SET status = 'running' WHERE id = 4");
            database.execute("DELETE FROM backup_manager_restorehistory WHERE id = 13");
        };
        let Some(run) = site.on_terminal(&["cleanup-stuck"], "oui\n", meanwhile) else { return };
        let run = run.exits(0);
        let ends = |id: i64, why: &str| {
            run.stdout
                .lines()
                .any(|line| line.contains(&format!(" {id} as failed")) && line.trim_end().ends_with(why))
        };
        assert!(ends(2, "(its status is now completed)"), "{}", run.stdout);
        assert!(ends(4, "(its status is now running)"), "{}", run.stdout);
        assert!(ends(13, "(it is gone)"), "{}", run.stdout);
        let ids: Vec<String> =
            marked(database).iter().map(|row| row.split('|').next().unwrap().to_owned()).collect();
        assert_eq!(ids, ["6", "11"]);
    });
}

/// Adds so many backups that have been running for a week.
fn fill_with(database: &Database, count: usize) {
    fill(database);
    let mut rows = String::new();
    for id in 1_000..1_000 + count {
        let _ = write!(
            rows,
            ", ({id}, 'b{id}', 'running', 'full', '', '', {0}, '{{}}', '', {0}, 1)",
            ago(10_080)
        );
    }
    database.execute(&format!(
        "INSERT INTO backup_manager_backuphistory (id, backup_name, status, backup_type, file_path, checksum,
            started_at, log_data, error_message, created_at, created_by_id) VALUES {}",
        &rows[2..]
    ));
}

fn failed(database: &Database) -> usize {
    let count = |table: &str| {
        let count = database
            .rows(&format!("SELECT count(*) FROM backup_manager_{table}history WHERE status = 'failed'"));
        count[0].parse::<usize>().unwrap()
    };
    count("backup") + count("restore")
}

#[test]
fn thousands_of_rows_are_all_marked_and_each_is_reported() {
    Database::each("", |site, database| {
        fill_with(database, 4_321);
        let report = site.maint(&MARK_JSON).exits(0).json();
        assert_eq!(ids(&report, "done").len(), 4_326);
        assert_eq!(failed(database), 4_326);
    });
}

#[test]
fn a_kill_at_any_time_marks_all_or_nothing() {
    const KILLS: u32 = 40;
    const ROWS: usize = 3_000;
    Database::each("", |site, database| {
        fill_with(database, ROWS);
        let again = || {
            for table in ["backup", "restore"] {
                let table = format!("backup_manager_{table}history");
                database.execute(&format!(
                    "UPDATE {table} SET status = 'running', error_message = '' WHERE status = 'failed'"
                ));
            }
        };
        let start = std::time::Instant::now();
        let _ = site.maint(&MARK).exits(0);
        let whole = start.elapsed();
        let mut found = BTreeSet::new();
        for kill in 0..KILLS {
            again();
            let mut child = site.start(&MARK);
            std::thread::sleep(whole * kill / (KILLS - 8));
            child.kill().unwrap();
            child.wait().unwrap();
            // The server may still be about to carry out a COMMIT that it has got.
            wait_until("the transaction has ended", || [0, ROWS + 5].contains(&failed(database)));
            found.insert(failed(database));
        }
        again();
        let _ = site.maint(&MARK).exits(0);
        assert_eq!(failed(database), ROWS + 5);
        if found.len() < 2 {
            leave_out("kills on both sides of the change", "this machine is too busy to time them");
        }
    });
}

#[test]
fn a_database_that_somebody_has_locked_is_waited_for_and_named() {
    let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\nbusy_timeout = \"300ms\"\n");
    let database = Database::sqlite(&site);
    fill(&database);
    let other = rusqlite::Connection::open(site.path("db.sqlite3")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let run = site.maint(&MARK).exits(1);
    assert!(
        run.stderr.contains("is locked by ") && run.stderr.contains("waited for 300 ms"),
        "{}",
        run.stderr
    );
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(marked(&database), [""; 0]);
    let _ = site.maint(&MARK).exits(0);
}

#[test]
fn a_table_or_column_of_another_name_is_found_by_its_key() {
    Database::each("", |site, database| {
        fill(database);
        database.execute("ALTER TABLE backup_manager_backuphistory RENAME TO backups");
        let run = site.maint(&MARK).exits(2);
        let why =
            "the database app has no table `backup_manager_backuphistory`; set `table` in [tables.backups]";
        assert!(run.complaint().contains(why), "{}", run.stderr);
        database.execute("ALTER TABLE backup_manager_restorehistory RENAME COLUMN started_at TO began");
        let text = fs::read_to_string(site.path("maint.toml")).unwrap();
        let text = text + "[tables.backups]\ntable = \"backups\"\n";
        site.configure(&text);
        let run = site.maint(&MARK).exits(2);
        let why = "has no column `started_at`; set `columns.started_at` in [tables.restores]";
        assert!(run.complaint().contains(why), "{}", run.stderr);
        assert_eq!(database.rows("SELECT count(*) FROM backups WHERE status = 'failed'"), ["0"]);
        site.configure(&(text + "[tables.restores]\ncolumns = { started_at = \"began\" }\n"));
        let report = site.maint(&MARK_JSON).exits(0).json();
        assert_eq!(ids(&report, "done"), [2, 4, 6, 11, 13]);
    });
}

#[test]
fn a_missing_or_ambiguous_database_is_refused_and_never_made() {
    for (config, why) in [
        ("", "the site has no database"),
        ("[databases.app]\nurl = \"sqlite:gone.sqlite3\"\n", "does not exist"),
        (
            "[databases.app]\nurl = \"sqlite:a\"\n[databases.b]\nurl = \"sqlite:b\"\n",
            "the site has several databases",
        ),
        (
            "[cleanup-stuck]\ndatabase = \"x\"\n[databases.app]\nurl = \"sqlite:a\"\n",
            "there is no [databases.x]",
        ),
    ] {
        let site = Site::new(config);
        let before = site.snapshot();
        let run = site.maint(&MARK).exits(2);
        assert!(run.complaint().contains(why), "{}", run.stderr);
        assert_eq!(site.snapshot(), before);
    }
}

#[test]
fn a_file_that_may_not_be_written_is_a_failure_and_names_the_cure() {
    if is_root() && std::process::Command::new("setpriv").arg("--version").output().is_err() {
        return leave_out("a read-only database", "setpriv (util-linux) is missing");
    }
    let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n");
    let database = Database::sqlite(&site);
    fill(&database);
    let mut command = site.command_as_user(&MARK);
    fs::set_permissions(site.path("db.sqlite3"), fs::Permissions::from_mode(0o444)).unwrap();
    let run = run(&mut command).exits(1);
    assert!(run.stderr.contains("cannot be"), "{}", run.stderr);
    assert!(run.stderr.contains("writable for this user"), "{}", run.stderr);
    assert_eq!(marked(&database), [""; 0]);
}

#[test]
fn an_infinite_time_is_a_failure_of_its_own_row() {
    Database::each("", |site, database| {
        if database.is_sqlite() {
            return;
        }
        fill(database);
        database.execute("UPDATE backup_manager_backuphistory SET started_at = '-infinity' WHERE id = 2");
        let failed = site.maint(&["cleanup-stuck", "--force"]).exits(1);
        assert!(
            failed.stderr.contains("backup 2") && failed.stderr.contains("`infinity` is not a time"),
            "{}",
            failed.stderr
        );
        assert_eq!(marked(database).len(), 4);
    });
}
