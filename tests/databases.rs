//! How the site's databases are found, opened, and left as they were.

use crate::support::database::Database;
use crate::support::http::{Server, WEBHOOK};
use crate::support::{Run, Site, run};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

/// A command that looks into the database.
fn look(site: &Site, variables: &[(&str, &str)]) -> Run {
    let mut command = site.command(&["notify-devis", "--dry-run"]);
    command.env("DISCORD_WEBHOOK_URL", "http://127.0.0.1:9/").envs(variables.iter().copied());
    run(&mut command)
}

/// What the tables of the tests lack.
const NO_DEVIS: &str = "database_dynamictable names no table `devis`";

#[test]
fn the_only_database_of_a_site_needs_no_name() {
    let site = Site::new("[databases.main]\nurl = \"sqlite:db.sqlite3\"\n");
    Database::sqlite(&site);
    assert!(look(&site, &[]).exits(2).complaint().contains(NO_DEVIS));
}

#[test]
fn one_of_several_databases_is_named_in_the_section_of_the_command() {
    let several = "[databases.a]\nurl = \"sqlite:a\"\n[databases.b]\nurl = \"sqlite:db.sqlite3\"\n";
    let site = Site::new(several);
    Database::sqlite(&site);
    let refused = look(&site, &[]).exits(2);
    assert!(refused.complaint().contains("the site has several databases (a, b); say which with `database`"));
    let site = Site::new(&format!("{several}[notify-devis]\ndatabase = \"b\"\n"));
    Database::sqlite(&site);
    assert!(look(&site, &[]).exits(2).complaint().contains(NO_DEVIS));
    let site = Site::new(&format!("{several}[notify-devis]\ndatabase = \"c\"\n"));
    assert!(look(&site, &[]).exits(2).complaint().contains("there is no [databases.c]"));
}

#[test]
fn the_address_may_come_from_the_environment_alone() {
    let site = Site::new("");
    Database::sqlite(&site);
    let refused = look(&site, &[]).exits(2);
    assert!(refused.complaint().contains("the site has no database; add a section [databases.app]"));
    let absolute = format!("sqlite:///{}", site.path("db.sqlite3").display());
    for url in ["sqlite:db.sqlite3", "sqlite:///db.sqlite3", "sqlite:./db.sqlite3", &absolute] {
        let refused = look(&site, &[("DATABASE_URL", url)]).exits(2);
        assert!(refused.complaint().contains(NO_DEVIS), "{url}: {}", refused.stderr);
    }
    for url in
        ["mysql://root:hidden@host/x", "hidden", "sqlite:", "sqlite::memory:", "postgres://a:hidden@[b"]
    {
        let refused = look(&site, &[("DATABASE_URL", url)]).exits(2);
        assert!(
            refused.complaint().starts_with("the address of the database $DATABASE_URL "),
            "{}",
            refused.stderr
        );
        assert!(!refused.stderr.contains("hidden"), "{}", refused.stderr);
    }
}

#[test]
fn an_address_in_the_environment_that_is_not_set_is_named() {
    let site = Site::new("[databases.app]\nurl = \"env:NOWHERE\"\n");
    let refused = look(&site, &[]).exits(2);
    assert!(refused.complaint().contains("the address of the database app is missing: set env:NOWHERE"));
}

#[test]
fn what_a_postgresql_address_leaves_out_comes_from_the_environment() {
    Database::each("", |_, database| {
        let Database::Postgres(url) = database else { return };
        let (place, name) = url.trim_start_matches("postgres://maint@").split_once('/').unwrap();
        let folder = place.replace("%2F", "/");
        let site = Site::new("[databases.app]\nurl = \"postgres:///\"\n");
        let variables = [("PGHOST", folder.as_str()), ("PGUSER", "maint"), ("PGDATABASE", name)];
        assert!(look(&site, &variables).exits(2).complaint().contains(NO_DEVIS));
        let nobody = [("PGHOST", folder.as_str()), ("PGUSER", "nobody"), ("PGDATABASE", name)];
        let refused = look(&site, &nobody).exits(1);
        assert!(refused.complaint().contains("role \"nobody\" does not exist"), "{}", refused.stderr);
        let elsewhere = [("PGHOST", "/nowhere"), ("PGUSER", "maint")];
        let refused = look(&site, &elsewhere).exits(1);
        assert!(refused.complaint().contains("the database app cannot be reached: "), "{}", refused.stderr);
    });
}

#[test]
fn looking_into_a_database_in_wal_mode_leaves_nothing_beside_it() {
    let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n");
    let database = Database::sqlite(&site);
    database.execute("PRAGMA journal_mode = WAL");
    let before = site.snapshot();
    assert!(look(&site, &[]).exits(2).complaint().contains(NO_DEVIS));
    assert_eq!(site.snapshot(), before);
    // What another program has written but not yet brought into the file is seen all the same.
    let file = site.path("db.sqlite3");
    let writer = rusqlite::Connection::open(&file).unwrap();
    writer
        .execute_batch("INSERT INTO database_dynamictable (id, name, slug) VALUES (5, 'Devis', 'devis')")
        .unwrap();
    assert!(look(&site, &[]).exits(2).complaint().contains("the table `devis` has no field `statut`"));
}

#[test]
fn a_change_that_was_cut_off_by_a_crash_is_undone_first_or_named_where_that_is_not_allowed() {
    let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n");
    let database = Database::sqlite(&site);
    database.execute("INSERT INTO authentication_user (username, is_superuser) VALUES ('a', true)");
    // A copy of file and journal in the middle of a change is what a power cut leaves.
    let (file, journal) = (site.path("db.sqlite3"), site.path("db.sqlite3-journal"));
    let writer = rusqlite::Connection::open(&file).unwrap();
    writer
        .execute_batch("PRAGMA cache_size = 1; BEGIN; UPDATE authentication_user SET username = 'b'")
        .unwrap();
    writer
        .execute_batch(
            "CREATE TABLE filler AS SELECT randomblob(100000) AS x; INSERT INTO filler SELECT * FROM filler",
        )
        .unwrap();
    let copies = (fs::read(&file).unwrap(), fs::read(&journal).unwrap());
    drop(writer);
    fs::write(&file, copies.0).unwrap();
    fs::write(&journal, copies.1).unwrap();
    let mut as_user = site.command_as_user(&["notify-devis", "--dry-run"]);
    fs::set_permissions(site.path(""), fs::Permissions::from_mode(0o555)).unwrap();
    let refused = run(as_user.env("DISCORD_WEBHOOK_URL", "http://127.0.0.1:9/")).exits(1);
    assert!(refused.complaint().contains("holds a change that was cut off"), "{}", refused.stderr);
    fs::set_permissions(site.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(journal.exists());
    // Not even who may do it: a rehearsal changes nothing.
    assert!(
        look(&site, &[]).exits(1).complaint().contains("a real run of a user who may write it undoes that")
    );
    assert!(journal.exists());
    let mut real = site.command(&["notify-devis"]);
    let _ = run(real.env("DISCORD_WEBHOOK_URL", "http://127.0.0.1:9/")).exits(2);
    assert!(!journal.exists());
    assert_eq!(database.rows("SELECT username FROM authentication_user"), ["a"]);
}

#[test]
fn mistaken_names_of_tables_are_refused_with_the_nearest() {
    for (section, words) in [
        ("[tables.backup]\ntable = \"x\"", "there is no [tables.backup]; did you mean `backups`?"),
        (
            "[tables.backups]\ncolumns.start_at = \"x\"",
            "[tables.backups] has no column `start_at`; did you mean `started_at`?",
        ),
    ] {
        let site = Site::new(section);
        let refused = site.maint(&["config", "check"]).exits(2);
        assert!(refused.complaint().contains(words), "{}", refused.stderr);
    }
}

#[test]
fn a_name_in_the_configuration_is_never_read_as_sql() {
    let odd = "devis\\\"; DROP TABLE database_dynamicrecord; --";
    Database::each(&format!("[tables.dynamic-records]\ntable = \"{odd}\"\n"), |site, database| {
        let server = Server::discord();
        let before = database.content();
        let mut command = site.command(&["notify-devis"]);
        let _ = run(command.env("DISCORD_WEBHOOK_URL", server.url(WEBHOOK))).exits(2);
        assert_eq!(database.content(), before);
    });
}

#[test]
fn a_database_behind_a_symlink_is_read_with_its_log() {
    let site = Site::new("[databases.app]\nurl = \"sqlite:current.sqlite3\"\n");
    let database = Database::sqlite(&site);
    fs::create_dir(site.path("shared")).unwrap();
    fs::rename(site.path("db.sqlite3"), site.path("shared/db.sqlite3")).unwrap();
    std::os::unix::fs::symlink("shared/db.sqlite3", site.path("current.sqlite3")).unwrap();
    drop(database);
    let writer = rusqlite::Connection::open(site.path("shared/db.sqlite3")).unwrap();
    writer.execute_batch("PRAGMA journal_mode = WAL").unwrap();
    writer
        .execute_batch("INSERT INTO database_dynamictable (id, name, slug) VALUES (5, 'Devis', 'devis')")
        .unwrap();
    assert!(look(&site, &[]).exits(2).complaint().contains("the table `devis` has no field `statut`"));
}

#[test]
fn a_pipe_in_the_place_of_a_database_is_no_database() {
    let site = Site::new("[databases.app]\nurl = \"sqlite:pipe\"\n");
    let made = std::process::Command::new("mkfifo").arg(site.path("pipe")).status().unwrap();
    assert!(made.success());
    assert!(look(&site, &[]).exits(2).complaint().contains("is no file; correct its address"));
}

/// A server that lets everybody in and then says nothing more.
fn silent_server() -> u16 {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut start = [0; 1_000];
            let _ = stream.read(&mut start);
            // AuthenticationOk, then ReadyForQuery.
            let _ = stream.write_all(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I");
            std::thread::spawn(move || {
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest);
            });
        }
    });
    port
}

#[test]
fn a_job_whose_database_falls_silent_ends_at_its_time_limit_and_leaves_a_row() {
    let site = Site::new(&format!(
        "[databases.app]\nurl = \"postgres://app@127.0.0.1:{}/app\"\n\
         [jobs.stuck]\ncommand = \"cleanup-stuck --force\"\ntimeout = \"1s\"\n",
        silent_server()
    ));
    let _ = site.maint(&["run", "stuck"]).exits(124);
    assert_eq!(site.history()[0]["status"], "timed-out");
}
