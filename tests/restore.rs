//! `maint restore`: what was backed up comes back as it was, and whatever goes wrong leaves the original whole.

use crate::support::database::Database;
use crate::support::{Run, Site};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

const PEOPLE: &str = "SELECT * FROM authentication_user ORDER BY id";

fn backups(site: &Site) -> Vec<Value> {
    let Value::Array(rows) = site.maint(&["backup", "list", "--json"]).exits(0).json() else {
        panic!("no array")
    };
    rows
}

fn latest(site: &Site) -> String {
    backups(site)[0]["id"].as_str().unwrap().to_owned()
}

/// The file of a backup that holds its content.
fn content_of(site: &Site, id: &str) -> PathBuf {
    let is_content = |path: &Path| path.extension().is_some_and(|ending| ending == "zst");
    let entries = fs::read_dir(site.path("backups").join(id)).unwrap();
    entries.map(|entry| entry.unwrap().path()).find(|path| is_content(path)).unwrap()
}

/// Changes one byte in the middle of it.
fn damage(site: &Site, id: &str) {
    let path = content_of(site, id);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&path, bytes).unwrap();
}

fn with_people(test: impl Fn(&Site, &Database)) {
    Database::each("", |site, database| {
        database.execute("INSERT INTO authentication_user VALUES (1, 'anna', true), (2, 'béa', false)");
        let _ = site.maint(&["backup", "db"]).exits(0);
        test(site, database);
    });
}

fn step<'a>(report: &'a Value, action: &str) -> &'a Value {
    report["steps"].as_array().unwrap().iter().find(|step| step["action"] == action).unwrap()
}

#[test]
fn a_database_comes_back_as_it_was_and_what_it_was_meanwhile_is_kept() {
    with_people(|site, database| {
        let before = database.rows(PEOPLE);
        database.execute(
            "DELETE FROM authentication_user; INSERT INTO authentication_user VALUES (9, 'eve', false)",
        );
        database.execute("CREATE TABLE later (id integer)");
        let report = site.maint(&["restore", "db", "--force", "--json"]).exits(0).json();
        assert_eq!(database.rows(PEOPLE), before, "{report}");
        let table =
            if database.is_sqlite() { "sqlite_master WHERE name" } else { "pg_tables WHERE tablename" };
        assert_eq!(database.rows(&format!("SELECT 1 FROM {table} = 'later'")).len(), 0);
        let safety = step(&report, "back-up")["id"].as_str().unwrap();
        let _ = site.maint(&["restore", "db", "--from", safety, "--force"]).exits(0);
        assert_eq!(database.rows("SELECT username FROM authentication_user"), ["eve"]);
        let _ = site.maint(&["backup", "verify"]).exits(0);
    });
}

#[test]
fn a_restore_asks_and_without_a_terminal_it_refuses() {
    with_people(|site, database| {
        database.execute("DELETE FROM authentication_user");
        let refused = site.maint(&["restore", "db"]).exits(4);
        assert!(refused.complaint().contains("--force"), "{}", refused.stderr);
        assert_eq!(database.rows(PEOPLE).len(), 0);
        let planned = site.maint(&["restore", "db", "--dry-run"]).exits(0).stdout;
        assert!(planned.contains("would replace the database app by the backup db-app-"), "{planned}");
        assert_eq!(database.rows(PEOPLE).len(), 0);
        assert_eq!(backups(site).len(), 1);
    });
}

#[test]
fn a_damaged_backup_is_refused_and_nothing_is_touched() {
    with_people(|site, database| {
        database.execute("DELETE FROM authentication_user WHERE id = 1");
        damage(site, &latest(site));
        let before = database.rows(PEOPLE);
        let files = site.snapshot();
        let refused = site.maint(&["restore", "db"]).exits(1);
        assert!(refused.complaint().contains("damaged"), "{}", refused.stderr);
        assert_eq!(site.snapshot(), files);
        let refused = site.maint(&["restore", "db", "--force"]).exits(1);
        assert!(refused.stderr.contains("damaged"), "{}", refused.stderr);
        assert_eq!(database.rows(PEOPLE), before);
        assert_eq!(backups(site).len(), 1, "a safety backup was made in vain");
    });
}

#[test]
fn a_database_can_be_restored_beside_the_original() {
    with_people(|site, database| {
        let before = database.rows(PEOPLE);
        database.execute("DELETE FROM authentication_user");
        let (to, beside) = match database {
            Database::Sqlite(path) => {
                let to = path.with_file_name("beside.db");
                (to.display().to_string(), Database::Sqlite(to))
            }
            Database::Postgres(url) => {
                let (server, name) = url.rsplit_once('/').unwrap();
                let to = format!("{name}_beside");
                (to.clone(), Database::Postgres(format!("{server}/{to}")))
            }
        };
        let _ = site.maint(&["restore", "db", "--to", &to]).exits(0);
        assert_eq!(beside.rows(PEOPLE), before);
        assert_eq!(database.rows(PEOPLE).len(), 0, "the original was touched");
        assert_eq!(backups(site).len(), 1);
        let refused = site.maint(&["restore", "db", "--to", &to]).exits(2);
        assert!(refused.complaint().contains("exists already"), "{}", refused.stderr);
    });
}

#[test]
fn a_database_that_is_gone_comes_back() {
    with_people(|site, database| {
        let before = database.rows(PEOPLE);
        match database {
            Database::Sqlite(path) => fs::remove_file(path).unwrap(),
            Database::Postgres(url) => {
                let (server, name) = url.rsplit_once('/').unwrap();
                Database::Postgres(format!("{server}/postgres")).execute(&format!("DROP DATABASE {name}"));
            }
        }
        let report = site.maint(&["restore", "db", "--force", "--json"]).exits(0).json();
        assert_eq!(database.rows(PEOPLE), before, "{report}");
        assert!(report["notes"].to_string().contains("the original is gone"), "{report}");
    });
}

#[test]
fn who_has_a_sqlite_database_open_goes_on_with_the_restored_one() {
    for mode in ["DELETE", "WAL"] {
        let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n");
        let user = rusqlite::Connection::open(site.path("db.sqlite3")).unwrap();
        user.execute_batch(&format!(
            "PRAGMA journal_mode = {mode}; CREATE TABLE t (a); INSERT INTO t VALUES (1)"
        ))
        .unwrap();
        let _ = site.maint(&["backup", "db"]).exits(0);
        user.execute_batch("INSERT INTO t VALUES (2)").unwrap();
        let _ = site.maint(&["restore", "db", "--force"]).exits(0);
        let count = || user.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(count(), 1, "{mode}");
        user.execute_batch("INSERT INTO t VALUES (3)").unwrap();
        assert_eq!(count(), 2);
        assert_eq!(
            user.query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0)).unwrap(),
            mode.to_lowercase()
        );
        assert_eq!(
            user.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).unwrap(),
            "ok"
        );
    }
}

#[test]
fn a_sqlite_database_that_somebody_writes_is_waited_for_and_then_named() {
    let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\nbusy_timeout = \"1s\"\n");
    let user = rusqlite::Connection::open(site.path("db.sqlite3")).unwrap();
    user.execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (1)").unwrap();
    let _ = site.maint(&["backup", "db"]).exits(0);
    user.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (2)").unwrap();
    let failed = site.maint(&["restore", "db", "--force"]).exits(1);
    assert!(failed.stderr.contains("is locked by"), "{}", failed.stderr);
    user.execute_batch("COMMIT").unwrap();
    assert_eq!(user.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0)).unwrap(), 2);
}

#[test]
fn a_sqlite_file_that_is_no_database_any_more_is_replaced_and_kept_beside() {
    let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n");
    let database = Database::sqlite(&site);
    let _ = site.maint(&["backup", "db"]).exits(0);
    fs::write(site.path("db.sqlite3"), "no database at all, but long enough to look like a file of one")
        .unwrap();
    fs::write(site.path("db.sqlite3-wal"), "stale").unwrap();
    let _ = site.maint(&["restore", "db", "--force"]).exits(0);
    assert_eq!(database.rows(PEOPLE).len(), 0);
    assert!(fs::read_to_string(site.path("db.sqlite3.before-restore")).unwrap().starts_with("no database"));
}

#[test]
fn a_sqlite_database_that_is_looked_at_gets_no_files_beside_it_and_neither_do_the_backups() {
    let site = Site::new("[databases.app]\nurl = \"sqlite:live/db.sqlite3\"\n");
    site.folder("live");
    let database = Database::Sqlite(site.path("live/db.sqlite3"));
    database.execute("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)");
    let _ = site.maint(&["backup", "db"]).exits(0);
    let _ = fs::remove_file(site.path("live/db.sqlite3-shm"));
    let _ = fs::remove_file(site.path("live/db.sqlite3-wal"));
    assert_eq!(site.tree("backups").iter().filter(|name| name.contains(".maint-")).count(), 0);
    let _ = site.maint(&["restore", "db", "--dry-run"]).exits(0);
    assert_eq!(site.tree("live"), ["db.sqlite3"]);
    let _ = site.maint(&["restore", "db", "--to", "live/beside.db"]).exits(0);
    assert_eq!(site.tree("live"), ["beside.db", "db.sqlite3"]);
}

#[test]
fn a_damaged_backup_of_another_database_does_not_keep_the_latest_from_being_restored() {
    let site = Site::new("[databases.a]\nurl = \"sqlite:a.db\"\n[databases.a-b]\nurl = \"sqlite:b.db\"\n");
    for name in ["a.db", "b.db"] {
        Database::Sqlite(site.path(name)).execute("CREATE TABLE t (a)");
    }
    let _ = site.maint(&["backup", "db", "a"]).exits(0);
    let id = latest(&site);
    let _ = site.maint(&["backup", "db", "a-b"]).exits(0);
    let other = backups(&site).iter().map(|row| row["id"].as_str().unwrap().to_owned()).find(|it| *it != id);
    fs::rename(site.path("backups").join(other.unwrap()), site.path("backups/db-a-b-20991122T021000Z"))
        .unwrap();
    let _ = site.maint(&["restore", "db", "a", "--to", "beside.db"]).exits(0);
    let _ = site.maint(&["restore", "db", "a-b", "--to", "beside-b.db"]).exits(1);
}

/// A PostgreSQL database keeps what is set of it, and who may connect.
#[test]
fn the_settings_of_a_postgresql_database_outlive_its_restore() {
    with_people(|site, database| {
        let Database::Postgres(url) = database else { return };
        let name = url.rsplit_once('/').unwrap().1;
        database.execute(&format!(
            "ALTER DATABASE {name} SET search_path TO \"$user\", public, other; ALTER DATABASE {name} SET work_mem TO '5MB';
             REVOKE CONNECT ON DATABASE {name} FROM PUBLIC; ALTER DATABASE {name} CONNECTION LIMIT 33"
        ));
        let settings = "SELECT (SELECT string_agg(one::text, ',' ORDER BY one::text) FROM unnest(datacl) AS one), datconnlimit, pg_encoding_to_char(encoding), datcollate,
            (SELECT setconfig FROM pg_db_role_setting WHERE setdatabase = oid) FROM pg_database WHERE datname = current_database()";
        let before = database.rows(settings);
        let _ = site.maint(&["restore", "db", "--force"]).exits(0);
        assert_eq!(database.rows(settings), before);
        let left = "SELECT datname FROM pg_database WHERE datname LIKE '%maint%'";
        assert_eq!(database.rows(left).iter().filter(|left| left.starts_with(name)).count(), 0);
    });
}

const CONFIGS: &str = "[backup]\nconfigs = [\".env\", \"compose.yml\", \"deep/nginx.conf\"]\n";

fn configs() -> Site {
    let site = Site::new(CONFIGS);
    site.file(".env", "SECRET_KEY=hidden\n", 1);
    fs::set_permissions(site.path(".env"), fs::Permissions::from_mode(0o600)).unwrap();
    site.file("compose.yml", "services: {}\n", 2);
    site.file("deep/nginx.conf", "server {}\n", 3);
    let _ = site.maint(&["backup", "configs"]).exits(0);
    site
}

fn files(site: &Site) -> Vec<String> {
    let all = site.snapshot().into_iter();
    all.filter(|(path, line)| {
        path.starts_with(site.root()) && !path.starts_with(site.path("backups")) && line.starts_with("100")
    })
    .map(|(path, line)| format!("{} {line}", path.display()))
    .collect()
}

#[test]
fn configuration_files_come_back_with_their_modes_and_times() {
    let site = configs();
    let before = files(&site);
    fs::remove_dir_all(site.path("deep")).unwrap();
    fs::write(site.path(".env"), "SECRET_KEY=lost\n").unwrap();
    fs::set_permissions(site.path(".env"), fs::Permissions::from_mode(0o644)).unwrap();
    let report = site.maint(&["restore", "configs", "--force", "--json"]).exits(0).json();
    assert_eq!(files(&site), before);
    assert_eq!(step(&report, "restore")["detail"], "2 files written, 1 left as they are");
    let _ = site.maint(&["restore", "configs", "--to", "beside"]).exits(0);
    assert_eq!(fs::read(site.path("beside/deep/nginx.conf")).unwrap(), b"server {}\n");
    let refused = site.maint(&["restore", "configs", "--to", "beside"]).exits(2);
    assert!(refused.complaint().contains("no empty folder"), "{}", refused.stderr);
}

#[test]
fn configuration_files_come_back_together_or_not_at_all() {
    let site = configs();
    for name in [".env", "compose.yml"] {
        fs::write(site.path(name), "changed\n").unwrap();
    }
    fs::remove_dir_all(site.path("deep")).unwrap();
    fs::write(site.path("deep"), "a file in the way").unwrap();
    let before = files(&site);
    let failed = site.maint(&["restore", "configs", "--force"]).exits(1);
    assert!(failed.stderr.contains("all files are as they were"), "{}", failed.stderr);
    assert_eq!(files(&site), before);
}

#[test]
fn a_symlink_to_a_configuration_file_stays_one() {
    let site = configs();
    fs::rename(site.path("compose.yml"), site.path("real.yml")).unwrap();
    symlink("real.yml", site.path("compose.yml")).unwrap();
    fs::write(site.path("real.yml"), "changed\n").unwrap();
    let _ = site.maint(&["restore", "configs", "--force"]).exits(0);
    assert!(fs::symlink_metadata(site.path("compose.yml")).unwrap().is_symlink());
    assert_eq!(fs::read(site.path("real.yml")).unwrap(), b"services: {}\n");
}

#[track_caller]
fn refused(run: Run, words: &str) {
    let run = run.exits(2);
    assert!(run.complaint().contains(words), "{}", run.stderr);
}

#[test]
fn what_cannot_be_meant_is_refused_in_one_line() {
    let site = configs();
    refused(site.maint(&["restore", "db"]), "there is no backup");
    refused(site.maint(&["restore", "configs", "--from", "nosuch"]), "there is no backup `nosuch`");
    refused(site.maint(&["restore", "configs", "--from", "../../etc"]), "there is no backup");
    refused(site.maint(&["restore", "configs", "x"]), "leave `x` out");
    refused(site.maint(&["restore", "configs", "--to", " "]), "--to is empty");
    refused(site.maint(&["restore", "db", "--from", &latest(&site)]), "is a backup of configs");
    refused(Site::new("").maint(&["restore", "volume"]), "no Compose project");
    let before = files(&site);
    site.configure(
        &fs::read_to_string(site.path("maint.toml")).unwrap().replace(", \"deep/nginx.conf\"", ""),
    );
    refused(site.maint(&["restore", "configs"]), "does not name any more");
    assert_eq!(files(&site).len(), before.len());
}

#[test]
fn a_database_that_is_not_configured_any_more_is_told() {
    let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n");
    Database::sqlite(&site);
    let _ = site.maint(&["backup", "db"]).exits(0);
    site.configure(
        &fs::read_to_string(site.path("maint.toml")).unwrap().replace("databases.app", "databases.other"),
    );
    refused(site.maint(&["restore", "db", "app"]), "[databases.app]");
}

#[test]
fn everything_is_backed_up_where_a_project_has_no_volume() {
    for form in crate::support::docker::Form::ALL {
        let site = configs();
        let stand_in = crate::support::docker::StandIn::of(&site, form, &["api"]);
        let backed_up = crate::support::run(&mut stand_in.command(&site, &["backup", "all"]));
        assert_eq!(backed_up.code, 0, "{form:?}: {}", backed_up.stderr);
        let unknown = crate::support::run(&mut stand_in.command(&site, &["backup", "volumes", "nosuch"]));
        assert!(
            unknown.code == 2 && unknown.stderr.contains("no volume `nosuch`"),
            "{form:?}: {}",
            unknown.stderr
        );
    }
}

#[test]
fn a_sqlite_database_is_restored_into_a_folder_under_its_own_name() {
    let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n");
    let database = Database::sqlite(&site);
    let _ = site.maint(&["backup", "db"]).exits(0);
    let before = std::fs::read(site.path("db.sqlite3")).unwrap();
    for to in ["rehearsal", "deeper/folder/", "other.db"] {
        let _ = site.maint(&["restore", "db", "--to", to]).exits(0);
    }
    for path in ["rehearsal/db.sqlite3", "deeper/folder/db.sqlite3", "other.db"] {
        let beside = Database::Sqlite(site.path(path));
        assert_eq!(beside.content(), database.content(), "{path}");
    }
    assert_eq!(std::fs::read(site.path("db.sqlite3")).unwrap(), before);
    let _ = site.maint(&["restore", "db", "--to", "rehearsal"]).exits(2);
}

#[test]
fn doctor_names_a_restore_that_was_cut_off_until_it_is_made_good() {
    let site = Site::new("[backup]\nconfigs = [\"a.txt\"]\n");
    site.file("a.txt", "a\n", 1);
    let _ = site.maint(&["backup"]).exits(0);
    let restores = || -> Vec<serde_json::Value> {
        let findings = site.maint(&["doctor", "--json"]).json()["findings"].as_array().unwrap().clone();
        findings.into_iter().filter(|finding| finding["about"] == "restore").collect()
    };
    assert_eq!(restores(), [] as [serde_json::Value; 0]);
    // What a restore that is killed leaves behind.
    let begun = r#"{"at":"2026-11-20T14:00:00Z","backup":"configs-x","services":["app"]}"#;
    let state = rusqlite::Connection::open(site.state().join("state.db")).unwrap();
    let sql = "INSERT INTO memory VALUES ('restore', 'configs test', ?1, 0)";
    let _ = state.execute(sql, [begun]).unwrap();
    drop(state);
    let [finding] = &restores()[..] else { panic!("it is not named once") };
    assert_eq!(finding["level"], "problem");
    assert_eq!(
        finding["text"],
        "a restore of 2026-11-20 15:00:00 CET from configs-x was cut off; it had stopped app"
    );
    assert_eq!(finding["cure"], "`maint restore configs` makes it good");
}
