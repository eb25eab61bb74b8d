//! What a vacuum promises, on databases of a few pages.

use super::*;

/// A database of which most pages are free.
fn database(folder: &Path, mode: &str) -> PathBuf {
    let path = folder.join("app.db");
    let connection = Connection::open(&path).unwrap();
    let sql = format!(
        "PRAGMA journal_mode = {mode}; PRAGMA user_version = 7; PRAGMA application_id = 9;
         CREATE TABLE a (i INTEGER PRIMARY KEY, t TEXT); CREATE INDEX b ON a (t);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
         INSERT INTO a SELECT i, printf('%0200d', i) FROM n; DELETE FROM a WHERE i > 400;"
    );
    connection.execute_batch(&sql).unwrap();
    path
}

fn vacuum(path: &Path, wishes: Wishes, stop: &Stop) -> Result<Vacuumed> {
    let of = ToVacuum::of("app", path, Duration::ZERO, stop);
    let pages = Pages { path: path.to_owned(), page_size: 4096, count: 100, free: 0, beyond: 0, bytes: 0 };
    of.vacuum(&pages, wishes, &Files::default(), &Permit::of_a_test())
}

/// Everything that must be the same afterwards.
fn content(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let ask =
        |sql: &str| connection.query_row(sql, [], |row| row.get::<_, rusqlite::types::Value>(0)).unwrap();
    let asked = [
        "SELECT group_concat(i || t) FROM a",
        "SELECT group_concat(sql) FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'",
        "PRAGMA user_version",
        "PRAGMA application_id",
        "PRAGMA journal_mode",
        "PRAGMA integrity_check",
    ];
    asked.map(|sql| format!("{:?}", ask(sql))).into()
}

#[test]
fn a_vacuum_frees_the_free_pages_and_changes_nothing_else_in_either_way() {
    for mode in ["DELETE", "WAL"] {
        for exclusive in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let path = database(folder.path(), mode);
            let before = content(&path);
            let wishes = Wishes { exclusive, analyze: true, backup: true, check: true };
            let vacuumed = vacuum(&path, wishes, &Stop::default()).unwrap();
            assert_eq!(vacuumed.remarks, Vec::<String>::new());
            assert!(vacuumed.after < vacuumed.before / 4, "{mode}: {vacuumed:?}");
            assert_eq!(content(&path), before);
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        }
    }
}

#[test]
fn a_run_that_must_end_leaves_the_database_as_it_was() {
    let stop = Stop::default();
    stop.limit(Duration::ZERO);
    for exclusive in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = database(folder.path(), "DELETE");
        let before = std::fs::read(&path).unwrap();
        let work = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
        let connection = Connection::open(&path).unwrap();
        let of = ToVacuum::of("app", &path, Duration::ZERO, &stop);
        let error = of.turn(&connection, || connection.execute_batch(work)).unwrap_err();
        assert!(error.is::<Untouched>() && error.to_string().contains("as it was"), "{error}");
        drop(connection);
        if vacuum(&path, Wishes { exclusive, ..Wishes::default() }, &stop).is_err() {
            assert_eq!(std::fs::read(&path).unwrap(), before);
        }
    }
}

#[test]
fn a_locked_database_is_told_from_a_failure_and_its_copy_goes() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path(), "DELETE");
    let reader = Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM a LIMIT 1").unwrap();
    let wishes = Wishes { backup: true, ..Wishes::default() };
    let error = vacuum(&path, wishes, &Stop::default()).unwrap_err().to_string();
    assert!(error.contains("is locked by"), "{error}");
    assert!(!copy_of(&path).exists());
}

#[test]
fn a_damaged_database_is_left_alone_and_its_first_fault_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path(), "DELETE");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[4096 * 2..4096 * 2 + 100].fill(0xff);
    std::fs::write(&path, &bytes).unwrap();
    for wishes in [Wishes { check: true, ..Wishes::default() }, Wishes { backup: true, ..Wishes::default() }]
    {
        let error = vacuum(&path, wishes, &Stop::default()).unwrap_err().to_string();
        assert!(error.contains("is damaged") && error.contains("restore it from a backup"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
