//! `maint notify-devis`, on SQLite and PostgreSQL, against a Discord as strict as the real one.

use crate::support::database::Database;
use crate::support::http::{Reply, Server, WEBHOOK};
use crate::support::{Run, Site, finish, run, wait_until};
use serde_json::{Value, json};
use std::process::Command;
use std::time::Duration;

const TODAY: &str = "2026-11-20";
const QUICK: &str = "[http]\nback_off = \"10ms\"\n";

/// A devis as the site stores it: its values in the order number, amount, status, start, end, agent.
fn add(database: &Database, id: i64, values: [&str; 6]) {
    if id == 1 {
        let fields = ["numero_devis", "montant", "statut", "date_debut", "date_rendu", "agent_plateforme"];
        database.execute("INSERT INTO database_dynamictable (id, name, slug) VALUES (5, 'Devis', 'devis')");
        for (index, slug) in fields.iter().enumerate() {
            database.execute(&format!(
                "INSERT INTO database_dynamicfield (id, name, slug, table_id) VALUES ({}, '{slug}', '{slug}', 5)",
                20 + index
            ));
        }
    }
    database.execute(&format!(
        "INSERT INTO database_dynamicrecord
             (id, updated_at, is_active, discord_start_notified, discord_end_notified, table_id)
         VALUES ({id}, '2026-11-19 10:00:0{}', true, false, false, 5)",
        id % 10
    ));
    for (index, value) in values.iter().enumerate().filter(|(_, value)| **value != "-") {
        let value = value.replace('\'', "''");
        database.execute(&format!(
            "INSERT INTO database_dynamicvalue (record_id, field_id, value) VALUES ({id}, {}, '{value}')",
            20 + index
        ));
    }
}

/// Which notices of a devis are marked as sent.
fn flags(database: &Database, id: i64) -> String {
    let sql = format!(
        "SELECT CASE WHEN discord_start_notified THEN 'start' ELSE '' END,
                CASE WHEN discord_end_notified THEN 'end' ELSE '' END
         FROM database_dynamicrecord WHERE id = {id}"
    );
    database.rows(&sql).concat()
}

fn command(site: &Site, server: &Server, args: &[&str]) -> Command {
    let mut command = site.command(&[&["notify-devis"], args].concat());
    command.env("DISCORD_WEBHOOK_URL", server.url(WEBHOOK));
    command
}

fn notify(site: &Site, server: &Server, args: &[&str]) -> Run {
    run(&mut command(site, server, args))
}

/// The titles of the messages that Discord got.
fn titles(server: &Server) -> Vec<String> {
    let title = |body: Value| body["embeds"][0]["title"].as_str().unwrap().to_owned();
    server.received().iter().map(|request| title(request.json())).collect()
}

const ONE_DAY: [&str; 6] = ["D-7", "98765.4", "True", TODAY, TODAY, "Chloé"];

#[test]
fn both_notices_of_one_day_go_out_in_one_run_and_none_twice() {
    Database::each(QUICK, |site, database| {
        let server = Server::discord();
        add(database, 1, ONE_DAY);
        let report = notify(site, &server, &["--json"]).exits(0).json();
        assert_eq!(titles(&server), ["💸 DÉBUT DÉLAI PAIEMENT: D-7", "🚨 FIN DÉLAI PAIEMENT: D-7"]);
        assert_eq!(flags(database, 1), "start|end");
        let steps = report["steps"].as_array().unwrap();
        assert_eq!((&steps[1]["id"], &steps[1]["notice"]), (&json!(1), &json!("end")));
        assert_eq!((&steps[1]["action"], &steps[1]["outcome"]), (&json!("send-notice"), &json!("done")));
        let again = notify(site, &server, &["--json"]).exits(0).json();
        assert_eq!((again["steps"].as_array().unwrap().len(), server.received().len()), (0, 2));
    });
}

#[test]
fn a_message_has_the_form_of_the_sites_own_program_and_mentions_nobody() {
    Database::each(QUICK, |site, database| {
        let server = Server::discord();
        add(database, 1, ["D-1 @everyone", "1234.56", "True", TODAY, "2026-12-20", "Alice Martin"]);
        let _ = notify(site, &server, &[]).exits(0);
        let expected = json!({
            "embeds": [{
                "title": "💸 DÉBUT DÉLAI PAIEMENT: D-1 @everyone",
                "description": "📢 **La période de paiement d'un devis commence aujourd'hui**\n\nMettez en place les suivis \
                    nécessaires pour assurer le règlement dans les délais impartis.",
                "color": 3_908_957,
                "timestamp": "2026-11-20T15:02:26Z",
                "fields": [
                    { "name": "💰 Montant à recevoir", "value": "1 234,56€", "inline": true },
                    { "name": "⏱️ Délai de paiement", "value": "30 jours", "inline": true },
                    { "name": "👤 Agent responsable", "value": "Alice Martin", "inline": false },
                    { "name": "📅 Période de paiement", "value": "Du **2026-11-20** au **2026-12-20**", "inline": false },
                ],
                "footer": { "text": "Système de suivi des paiements | Cochin Project Manager" },
            }],
            "allowed_mentions": { "parse": [] },
        });
        assert_eq!(server.received()[0].json(), expected);
    });
}

#[test]
fn only_accepted_devis_with_both_dates_whose_day_it_is_are_due() {
    Database::each(QUICK, |site, database| {
        let server = Server::discord();
        let cases = [
            ["accepted", "1", "tRUE", TODAY, "2026-12-20", "a"],
            ["refused", "1", "False", TODAY, "2026-12-20", "a"],
            ["no end", "1", "True", TODAY, "", "a"],
            ["no start", "1", "True", "-", TODAY, "a"],
            ["yesterday", "1", "True", "2026-11-19", "2026-12-20", "a"],
            ["tomorrow", "1", "True", "2026-11-21", "2026-12-20", "a"],
            ["deleted", "1", "True", TODAY, "2026-12-20", "a"],
        ];
        for (index, values) in cases.into_iter().enumerate() {
            add(database, i64::try_from(index).unwrap() + 1, values);
        }
        database.execute("UPDATE database_dynamicrecord SET is_active = false WHERE id = 7");
        let _ = notify(site, &server, &[]).exits(0);
        assert_eq!(titles(&server), ["💸 DÉBUT DÉLAI PAIEMENT: accepted"]);
    });
}

#[test]
fn today_is_the_day_of_the_sites_time_zone() {
    Database::each(QUICK, |site, database| {
        let server = Server::discord();
        add(database, 1, ONE_DAY);
        // Half past eleven in the evening of the day before in UTC, half past midnight in Paris.
        let mut early = command(site, &server, &[]);
        let _ = run(early.env("MAINT_NOW", "2026-11-19T23:30:00Z")).exits(0);
        assert_eq!(server.received().len(), 2);
    });
}

#[test]
fn what_a_missed_day_lost_is_mentioned_and_then_caught_up() {
    Database::each(QUICK, |site, database| {
        let server = Server::discord();
        add(database, 1, ["D-9", "12", "True", "2026-11-18", "2026-12-20", "-"]);
        let plan = notify(site, &server, &["--dry-run"]).exits(0).stdout;
        assert!(
            plan.contains("note: devis 1: nothing was sent on 2026-11-18; --catch-up sends it\n"),
            "{plan}"
        );
        let _ = notify(site, &server, &["--catch-up", "1"]).exits(0);
        assert_eq!(server.received().len(), 0);
        let _ = notify(site, &server, &["--catch-up", "2"]).exits(0);
        let embed = server.received()[0].json()["embeds"][0].clone();
        let description = embed["description"].as_str().unwrap();
        assert!(description.starts_with("📢 **La période de paiement d'un devis a commencé le 2026-11-18**"));
        assert_eq!(embed["fields"][2]["value"], "Non renseigné");
        assert_eq!(flags(database, 1), "start|");
    });
}

#[test]
fn another_day_can_be_looked_at() {
    Database::each(QUICK, |site, database| {
        let server = Server::discord();
        add(database, 1, ["D-1", "12", "True", "2026-11-02", TODAY, "a"]);
        let _ = notify(site, &server, &["--date", "2026-11-02"]).exits(0);
        assert_eq!((titles(&server).len(), flags(database, 1)), (1, "start|".to_owned()));
        for bad in ["01/02/2025", "2026-02-30", ""] {
            let before = site.snapshot();
            let refused = notify(site, &server, &["--date", bad]).exits(2);
            assert!(refused.stderr.contains("write a day such as 2026-11-20"), "{}", refused.stderr);
            assert_eq!(site.snapshot(), before);
        }
    });
}

#[test]
fn what_discord_did_not_take_is_a_failure_and_goes_out_next_time() {
    Database::each(QUICK, |site, database| {
        let server = Server::discord();
        add(database, 1, ONE_DAY);
        for _ in 0..3 {
            server.next(Reply::new(500, "oops"));
        }
        let failed = notify(site, &server, &[]).exits(1);
        assert!(failed.stderr.contains("it answers 500"), "{}", failed.stderr);
        assert!(!failed.stderr.contains("token-3f9a1c"), "{}", failed.stderr);
        // Who has failed three times is not asked for the second notice.
        assert_eq!((server.received().len(), flags(database, 1)), (3, "|".to_owned()));
        let _ = notify(site, &server, &[]).exits(0);
        assert_eq!((server.received().len(), flags(database, 1)), (5, "start|end".to_owned()));
    });
}

#[test]
fn a_server_that_asks_to_wait_or_stumbles_once_is_survived() {
    Database::each(QUICK, |site, database| {
        let server = Server::discord();
        add(database, 1, ONE_DAY);
        let limited = json!({"message": "You are being rate limited.", "retry_after": 0.05, "global": false});
        server.next(Reply::json(429, &limited).header("via", "1.1 google"));
        server.next(Reply::new(502, "<html>"));
        let _ = notify(site, &server, &[]).exits(0);
        assert_eq!((server.received().len(), flags(database, 1)), (4, "start|end".to_owned()));
    });
}

#[test]
fn a_webhook_that_is_gone_or_refuses_its_token_is_asked_once() {
    for (path, status) in [("/api/webhooks/2/x", "404"), ("/api/webhooks/1/wrong", "401")] {
        Database::each(QUICK, |site, database| {
            let server = Server::discord();
            add(database, 1, ONE_DAY);
            let mut gone = command(site, &server, &[]);
            let failed = run(gone.env("DISCORD_WEBHOOK_URL", server.url(path))).exits(1);
            assert!(failed.stderr.contains(status), "{}", failed.stderr);
            assert_eq!((server.received().len(), flags(database, 1)), (1, "|".to_owned()));
        });
    }
}

#[test]
fn a_dry_run_shows_each_message_and_does_nothing() {
    Database::each(QUICK, |site, database| {
        let server = Server::discord();
        add(database, 1, ["D-3", "500", "True", TODAY, "2026-12-01", "Chloé\u{1b}[31m"]);
        let before = (site.snapshot(), database.content());
        let plan = notify(site, &server, &["--dry-run"]).exits(0).stdout;
        for part in [
            "1 devis, 1 notice due\n",
            "💸 DÉBUT DÉLAI PAIEMENT: D-3\n  📢 La période de paiement d'un devis commence aujourd'hui\n",
            "  💰 Montant à recevoir: 500,00€\n",
            "  👤 Agent responsable: Chloé\\x1b[31m\n",
            "would send to Discord that the payment period of devis 1 (D-3) begins on 2026-11-20\n",
        ] {
            assert!(plan.contains(part), "{part:?} is missing in {plan}");
        }
        let json = notify(site, &server, &["--dry-run", "--json"]).exits(0).json();
        assert_eq!(json["steps"][0]["message"]["embeds"][0]["fields"][0]["value"], "500,00€");
        assert_eq!((site.snapshot(), database.content()), before);
        assert_eq!(server.received().len(), 0);
    });
}

#[test]
fn texts_of_any_length_stay_within_discords_limits() {
    Database::each(QUICK, |site, database| {
        let server = Server::discord();
        let long = "é".repeat(9_000);
        add(database, 1, [&long, &long, "True", TODAY, "2026-12-01", &long]);
        let _ = notify(site, &server, &[]).exits(0);
        assert_eq!(flags(database, 1), "start|");
    });
}

#[test]
fn a_value_that_is_no_date_is_named_and_the_others_are_sent() {
    Database::each(QUICK, |site, database| {
        let server = Server::discord();
        add(database, 1, ONE_DAY);
        add(database, 2, ["D-8", "500", "True", "01/02/2025", TODAY, "a"]);
        let run = notify(site, &server, &[]).exits(1);
        assert!(run.stderr.contains("failed: devis 2: `01/02/2025` is not a date"), "{}", run.stderr);
        assert_eq!((flags(database, 1), flags(database, 2)), ("start|end".to_owned(), "|".to_owned()));
    });
}

#[test]
fn one_devis_can_be_sent_once_more() {
    Database::each(QUICK, |site, database| {
        let server = Server::discord();
        add(database, 1, ONE_DAY);
        add(database, 2, ["D-8", "5", "False", TODAY, TODAY, "a"]);
        let _ = notify(site, &server, &[]).exits(0);
        let _ = notify(site, &server, &["--force", "--devis-id", "1"]).exits(0);
        assert_eq!((server.received().len(), flags(database, 1)), (4, "start|end".to_owned()));
        // --yes answers questions, and there is none.
        let _ = notify(site, &server, &["--yes"]).exits(0);
        let plan = notify(site, &server, &["--devis-id", "2", "--dry-run"]).exits(0).stdout;
        assert!(plan.contains("note: devis 2 is not accepted, so nothing is due"), "{plan}");
        let unknown = notify(site, &server, &["--devis-id", "99"]).exits(2);
        assert!(unknown.stderr.contains("there is no devis 99"), "{}", unknown.stderr);
        assert_eq!(server.received().len(), 4);
    });
}

#[test]
fn a_forced_notice_that_fails_stays_marked() {
    Database::each(QUICK, |site, database| {
        let server = Server::discord();
        add(database, 1, ONE_DAY);
        let _ = notify(site, &server, &[]).exits(0);
        for _ in 0..3 {
            server.next(Reply::new(500, ""));
        }
        let _ = notify(site, &server, &["--force"]).exits(1);
        assert_eq!(flags(database, 1), "start|end");
    });
}

#[test]
fn a_notice_that_was_marked_meanwhile_is_not_sent() {
    let site = Site::new(&format!("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n{QUICK}"));
    let database = Database::sqlite(&site);
    add(&database, 1, ONE_DAY);
    let file = site.path("db.sqlite3");
    // While the first notice is on its way, somebody marks the second.
    let server = Server::start(move |_| {
        Database::Sqlite(file.clone())
            .execute("UPDATE database_dynamicrecord SET discord_end_notified = true");
        Reply::json(200, &json!({"id": "1"}))
    });
    let report = notify(&site, &server, &["--json"]).exits(0).json();
    assert_eq!(report["steps"][1]["outcome"], "skipped");
    assert_eq!(server.received().len(), 1);
}

#[test]
fn the_messages_can_be_english() {
    let site = Site::bare();
    site.configure(&format!(
        "[site]\nname = \"test\"\nlanguage = \"en\"\n[state]\ndir = \"{}\"\n[databases.app]\nurl = \"sqlite:db.sqlite3\"\n",
        site.state().display()
    ));
    let database = Database::sqlite(&site);
    add(&database, 1, ONE_DAY);
    let server = Server::discord();
    let _ = notify(&site, &server, &[]).exits(0);
    assert_eq!(titles(&server), ["💸 PAYMENT PERIOD BEGINS: D-7", "🚨 PAYMENT PERIOD ENDS: D-7"]);
}

#[test]
fn a_table_column_or_field_that_is_missing_is_named_with_the_key_to_set() {
    Database::each(QUICK, |site, database| {
        let server = Server::discord();
        add(database, 1, ONE_DAY);
        let cases = [
            (
                "UPDATE database_dynamicfield SET slug = 'debut' WHERE slug = 'date_debut'",
                "the table `devis` has no field `date_debut`; set `start` in [notify-devis.fields]",
            ),
            (
                "UPDATE database_dynamictable SET slug = 'quotes'",
                "database_dynamictable names no table `devis`; set `table` in [notify-devis]",
            ),
            (
                "ALTER TABLE database_dynamicrecord RENAME COLUMN is_active TO active",
                "the table `database_dynamicrecord` has no column `is_active`; set `columns.is_active` in \
                 [tables.dynamic-records]",
            ),
            (
                "ALTER TABLE database_dynamicfield RENAME TO felder",
                "the database app has no table `database_dynamicfield`; set `table` in [tables.dynamic-fields]",
            ),
        ];
        for (change, expected) in cases.into_iter().rev() {
            let rows = database.content();
            database.execute(change);
            let refused = notify(site, &server, &[]).exits(2);
            assert!(refused.stderr.contains(expected), "{}", refused.stderr);
            assert_eq!(database.content(), rows);
            database.execute(match change {
                text if text.contains("RENAME TO") => "ALTER TABLE felder RENAME TO database_dynamicfield",
                text if text.contains("COLUMN") => {
                    "ALTER TABLE database_dynamicrecord RENAME COLUMN active TO is_active"
                }
                text if text.contains("quotes") => "UPDATE database_dynamictable SET slug = 'devis'",
                _ => "SELECT 1",
            });
        }
        assert_eq!(server.received().len(), 0);
    });
}

#[test]
fn tables_columns_and_fields_may_have_other_names() {
    let names = "[notify-devis]\ntable = \"quotes\"\n[notify-devis.fields]\nstart = \"debut\"\n\
        [tables.dynamic-records]\ntable = \"records\"\ncolumns.is_active = \"active\"\n";
    Database::each(names, |site, database| {
        let server = Server::discord();
        add(database, 1, ONE_DAY);
        database.execute(
            "UPDATE database_dynamictable SET slug = 'quotes';
             UPDATE database_dynamicfield SET slug = 'debut' WHERE slug = 'date_debut';
             ALTER TABLE database_dynamicrecord RENAME COLUMN is_active TO active;
             ALTER TABLE database_dynamicrecord RENAME TO records",
        );
        let _ = notify(site, &server, &[]).exits(0);
        assert_eq!(server.received().len(), 2);
    });
}

#[test]
fn without_a_usable_webhook_nothing_begins() {
    let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n");
    let database = Database::sqlite(&site);
    add(&database, 1, ONE_DAY);
    let before = site.snapshot();
    for (url, words) in [
        ("", "$DISCORD_WEBHOOK_URL is not set"),
        ("hook", "$DISCORD_WEBHOOK_URL is no URL"),
        ("http://example.org/hook", "plain http, which is for this machine only"),
    ] {
        let refused = run(site.command(&["notify-devis"]).env("DISCORD_WEBHOOK_URL", url)).exits(2);
        assert!(refused.complaint().contains(words), "{}", refused.stderr);
        assert!(url.is_empty() || !refused.stderr.contains(url));
    }
    assert_eq!(site.snapshot(), before);
}

#[test]
fn a_database_that_is_missing_is_never_made() {
    let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n");
    let server = Server::discord();
    let before = site.snapshot();
    let refused = notify(&site, &server, &[]).exits(2);
    assert!(refused.complaint().contains("the database app does not exist:"), "{}", refused.stderr);
    assert_eq!(site.snapshot(), before);
}

#[test]
fn a_locked_database_is_waited_for_and_then_its_holder_is_named() {
    let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\nbusy_timeout = \"300ms\"\n");
    let database = Database::sqlite(&site);
    add(&database, 1, ONE_DAY);
    let server = Server::discord();
    let lock = "import sqlite3, sys\nconnection = sqlite3.connect('db.sqlite3', isolation_level=None)\n\
        connection.execute('BEGIN EXCLUSIVE')\nopen('locked', 'w')\nsys.stdin.read()";
    let mut holder = site.through("python3", &["-c", lock]);
    let holder = holder.stdin(std::process::Stdio::piped()).spawn().unwrap();
    wait_until("the database is locked", || site.path("locked").exists());
    let failed = notify(&site, &server, &[]).exits(1);
    let who = format!("is locked by python3 (pid {})", holder.id());
    assert!(failed.stderr.contains(&who), "{}", failed.stderr);
    let _ = finish(holder);
    assert_eq!((server.received().len(), flags(&database, 1)), (0, "|".to_owned()));
}

#[test]
fn a_postgresql_row_that_somebody_holds_is_waited_for_and_its_holder_named() {
    Database::each(QUICK, |site, database| {
        let Database::Postgres(url) = database else { return };
        site.configure(&format!(
            "[site]\nname = \"test\"\n[state]\ndir = \"{}\"\n[databases.app]\nurl = \"{url}\"\nbusy_timeout = \"300ms\"\n",
            site.state().display()
        ));
        add(database, 1, ONE_DAY);
        let server = Server::discord();
        let mut holder = postgres::Client::connect(url, postgres::NoTls).unwrap();
        holder
            .batch_execute(
                "SET application_name = 'pgadmin'; BEGIN; SELECT * FROM database_dynamicrecord FOR UPDATE",
            )
            .unwrap();
        let failed = notify(site, &server, &[]).exits(1);
        assert!(
            failed.stderr.contains("the database app is locked by pgadmin (session "),
            "{}",
            failed.stderr
        );
        drop(holder);
        assert_eq!((server.received().len(), flags(database, 1)), (0, "|".to_owned()));
    });
}

#[test]
fn a_database_that_cannot_be_written_keeps_every_notice_back() {
    let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n");
    let database = Database::sqlite(&site);
    add(&database, 1, ONE_DAY);
    let mut as_user = site.command_as_user(&["notify-devis"]);
    std::fs::set_permissions(site.path("db.sqlite3"), std::os::unix::fs::PermissionsExt::from_mode(0o444))
        .unwrap();
    let server = Server::discord();
    let failed = run(as_user.env("DISCORD_WEBHOOK_URL", server.url(WEBHOOK))).exits(1);
    assert!(failed.stderr.contains("the database app cannot be written: make "), "{}", failed.stderr);
    assert_eq!(server.received().len(), 0);
}

#[test]
fn a_kill_between_sending_and_marking_repeats_one_notice_and_loses_none() {
    let site = Site::new(&format!("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n{QUICK}"));
    let database = Database::sqlite(&site);
    add(&database, 1, ["done", "1", "True", "2020-01-01", "2020-01-02", "a"]);
    let server = Server::discord();
    for round in 0..30_u64 {
        let id = i64::try_from(round).unwrap() + 2;
        add(&database, id, ["D", "1", "True", TODAY, "2027-01-01", "a"]);
        let before = server.received().len();
        // Every third time Discord is slow, so that the kill comes while maint waits for the answer.
        let is_slow = round % 3 == 0;
        if is_slow {
            server.next(Reply::json(200, &json!({"id": "1"})).after(Duration::from_millis(200)));
        }
        let mut child = command(&site, &server, &[]).spawn().unwrap();
        if is_slow {
            wait_until("the notice has been sent", || server.received().len() > before);
        } else {
            std::thread::sleep(Duration::from_millis(10 + round));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let _ = notify(&site, &server, &[]).exits(0);
        let sent = server.received().len() - before;
        assert!((1..=2).contains(&sent), "round {round}: sent {sent} times");
        assert_eq!(flags(&database, id), "start|");
    }
}

#[test]
fn a_day_that_is_still_to_come_is_refused() {
    Database::each(QUICK, |site, database| {
        let server = Server::discord();
        add(database, 1, ["D-1", "1", "True", "2026-12-01", "2026-12-20", "a"]);
        let refused = notify(site, &server, &["--date", "2026-12-01"]).exits(2);
        assert!(refused.complaint().starts_with("2026-12-01 is still to come"), "{}", refused.stderr);
        assert_eq!((server.received().len(), flags(database, 1)), (0, "|".to_owned()));
    });
}

#[test]
fn a_reader_that_keeps_the_mark_from_the_disk_keeps_every_notice_back() {
    let site = Site::new(&format!(
        "[databases.app]\nurl = \"sqlite:db.sqlite3\"\nbusy_timeout = \"200ms\"\n{QUICK}"
    ));
    let database = Database::sqlite(&site);
    add(&database, 1, ONE_DAY);
    add(&database, 2, ONE_DAY);
    let server = Server::discord();
    let reader = rusqlite::Connection::open(site.path("db.sqlite3")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM database_dynamicrecord").unwrap();
    let failed = notify(&site, &server, &[]).exits(1);
    assert!(failed.stderr.contains("is locked by "), "{}", failed.stderr);
    assert!(failed.stderr.contains("not sent: the database app"), "only the first waits: {}", failed.stderr);
    drop(reader);
    assert_eq!(server.received().len(), 0);
    let _ = notify(&site, &server, &[]).exits(0);
    assert_eq!(server.received().len(), 4);
}

#[test]
fn a_devis_that_is_changed_while_others_are_sent_is_looked_at_again() {
    let site = Site::new(&format!("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n{QUICK}"));
    let database = Database::sqlite(&site);
    add(&database, 1, ONE_DAY);
    add(&database, 2, ONE_DAY);
    let file = site.path("db.sqlite3");
    // While the notices of devis 2 are on their way, somebody moves devis 1 to another year.
    let server = Server::start(move |_| {
        let move_it = "UPDATE database_dynamicvalue SET value = '2027-01-01' WHERE record_id = 1 AND field_id IN (23, 24)";
        Database::Sqlite(file.clone()).execute(move_it);
        Reply::json(200, &json!({"id": "1"}))
    });
    let report = notify(&site, &server, &["--json"]).exits(0).json();
    let outcomes: Vec<&Value> =
        report["steps"].as_array().unwrap().iter().map(|step| &step["outcome"]).collect();
    assert_eq!(outcomes, ["done", "done", "skipped", "skipped"]);
    assert_eq!((server.received().len(), flags(&database, 1)), (2, "|".to_owned()));
}

#[test]
fn a_flag_that_is_none_is_a_failure_of_its_own_devis() {
    let site = Site::new(&format!("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n{QUICK}"));
    let database = Database::sqlite(&site);
    add(&database, 1, ONE_DAY);
    add(&database, 2, ONE_DAY);
    database.execute("UPDATE database_dynamicrecord SET discord_end_notified = 'peut-être' WHERE id = 2");
    let server = Server::discord();
    let failed = notify(&site, &server, &[]).exits(1);
    assert!(
        failed.stderr.contains("devis 2: its notified flag: `peut-être` is neither true nor false"),
        "{}",
        failed.stderr
    );
    assert_eq!((server.received().len(), flags(&database, 1)), (2, "start|end".to_owned()));
}

#[test]
fn a_dead_machine_is_asked_about_the_first_notice_only() {
    Database::each(QUICK, |site, database| {
        for id in 1..=5 {
            add(database, id, ONE_DAY);
        }
        let server = Server::start(|_| Reply::mute());
        let failed = notify(site, &server, &[]).exits(1);
        assert_eq!(failed.stderr.matches("the line was cut").count(), 10, "{}", failed.stderr);
        assert_eq!(server.received().len(), 1);
    });
}
