//! A disk that fails under the site's database: every system call on it fails once, and each time the command says so,
//! has done all or nothing, and the next run does the rest.

use crate::support::database::Database;
use crate::support::http::{Server, WEBHOOK};
use crate::support::{Run, Site, can_trace, inside, run};
use std::fs;
use std::process::Command;

/// A site with something to do for each command: a devis that is due, and a backup that hangs. (`rebuild-paths` is tried
/// so in its own tests, on its files too.)
fn site() -> (Site, Database) {
    let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n[http]\nback_off = \"1ms\"\n");
    let database = Database::sqlite(&site);
    database.execute(
        "INSERT INTO authentication_user (username, is_superuser) VALUES ('a', true);
         INSERT INTO backup_manager_backuphistory
             (backup_name, status, backup_type, file_path, checksum, started_at, log_data, error_message, created_at,
              created_by_id)
         VALUES ('hangs', 'running', 'full', '', '', '2026-11-19 10:00:00', '{}', '', '2026-11-19 10:00:00', 1);
         INSERT INTO database_dynamictable (id, name, slug) VALUES (5, 'Devis', 'devis');
         INSERT INTO database_dynamicrecord
             (id, updated_at, is_active, discord_start_notified, discord_end_notified, table_id)
         VALUES (1, '2026-11-19 10:00:00', true, false, false, 5)",
    );
    let values = [("statut", "True"), ("date_debut", "2026-11-20"), ("date_rendu", "2026-12-20")];
    for (index, (slug, value)) in values.into_iter().enumerate() {
        database.execute(&format!(
            "INSERT INTO database_dynamicfield (id, name, slug, table_id) VALUES ({index}, '{slug}', '{slug}', 5);
             INSERT INTO database_dynamicvalue (record_id, field_id, value) VALUES (1, {index}, '{value}')"
        ));
    }
    (site, database)
}

const CALLS: &str = "openat,pread64,pwrite64,fdatasync,fsync,ftruncate,unlink,fcntl";

/// `command` under `strace`, which sees its calls on the site's database only.
fn traced(site: &Site, command: &Command, rule: &str) -> Run {
    let file = site.path("db.sqlite3").display().to_string();
    let (journal, log) = (format!("{file}-journal"), site.around().join("trace"));
    let log = log.to_str().unwrap();
    run(&mut inside(&["strace", "-f", "-qq", "-o", log, "-P", &file, "-P", &journal, "-e", rule], command))
}

fn command(site: &Site, server: &Server, args: &[&str]) -> Command {
    let mut command = site.command(args);
    command.env("DISCORD_WEBHOOK_URL", server.url(WEBHOOK));
    command
}

/// Fails each call in turn until the command comes through untouched.
fn every_call_fails_once(args: &[&str]) {
    if !can_trace("a failing disk") {
        return;
    }
    let server = Server::discord();
    let (first, all) = site();
    let _ = traced(&first, &command(&first, &server, args), &format!("trace={CALLS}")).exits(0);
    let calls = fs::read_to_string(first.around().join("trace")).unwrap().lines().count();
    let all = all.content();
    let mut failures = 0;
    for count in 1..=calls {
        let error = ["EIO", "ENOSPC", "EINTR"][count % 3];
        for error in [error, "EIO"].into_iter().take(if error == "EIO" { 1 } else { 2 }) {
            let (site, database) = site();
            let nothing = database.content();
            let rule = format!("inject={CALLS}:error={error}:when={count}");
            let failed = traced(&site, &command(&site, &server, args), &rule);
            let shown = format!("{args:?} {error} at call {count}: {} {}", failed.code, failed.stderr);
            assert!(!failed.stderr.contains("panic") && !failed.stderr.contains("os error"), "{shown}");
            assert_eq!(database.rows("PRAGMA integrity_check"), ["ok"], "{shown}");
            let content = database.content();
            assert!(content == nothing || content == all, "half is done: {shown}");
            assert!((0..=2).contains(&failed.code), "{shown}");
            assert!(failed.code != 0 || content == all, "a failure was hidden: {shown}");
            assert!(failed.code == 0 || !failed.stderr.is_empty(), "{shown}");
            failures += usize::from(failed.code != 0);
            let _ = run(&mut command(&site, &server, args)).exits(0);
            assert_eq!(database.content(), all, "the next run: {shown}");
        }
    }
    assert!(failures > 10, "{args:?}: only {failures} of {calls} calls failed");
}

#[test]
fn notify_devis_survives_every_failing_call() {
    every_call_fails_once(&["notify-devis"]);
}

#[test]
fn cleanup_stuck_survives_every_failing_call() {
    every_call_fails_once(&["cleanup-stuck", "--force"]);
}
