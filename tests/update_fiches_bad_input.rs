//! `maint update-fiches` with what cannot work: each time a word on what and how to mend it, and nothing touched.

use crate::support::claude::KEY;
use crate::support::fiches::{FILE, Fiches, totals};
use crate::support::{Run, Site, finish, run, wait_until};
use std::fs;
use std::process::{Command, Stdio};

/// Refused with this code and these words, with nothing asked that costs, and nothing touched.
#[track_caller]
fn refused(fiches: &Fiches, what: &str, command: &mut Command, words: &[&str]) -> Run {
    let before = fiches.site.snapshot();
    let refused = run(command);
    assert_eq!(refused.code, 2, "{what}: {} {}", refused.stdout, refused.stderr);
    for word in words {
        assert!(refused.stderr.contains(word), "{what}: no {word:?} in {}", refused.stderr);
    }
    let clean = !refused.stderr.contains("panicked") && !refused.stderr.contains("os error");
    assert!(clean && !refused.stderr.contains(['\u{1b}', '\u{7}']), "{what}: {}", refused.stderr);
    assert!(refused.stderr.lines().all(|line| line.chars().count() < 500), "{what}: {}", refused.stderr);
    assert_eq!(fiches.site.snapshot(), before, "{what}");
    assert_eq!((fiches.claude.asked().len(), fiches.claude.batches().len()), (0, 0), "{what}");
    refused
}

#[test]
fn without_a_key_nothing_begins() {
    for mode in ["direct", "batch"] {
        let fiches = Fiches::few(&format!("mode = \"{mode}\"\n"));
        let mut none = fiches.prepared(&[]);
        let _ = refused(&fiches, "none", none.env_remove("ANTHROPIC_API_KEY"), &["ANTHROPIC_API_KEY"]);
        let mut empty = fiches.prepared(&[]);
        let _ = refused(&fiches, "empty", empty.env("ANTHROPIC_API_KEY", ""), &["ANTHROPIC_API_KEY"]);
    }
}

#[test]
fn a_key_that_no_header_can_carry_is_refused_and_not_repeated() {
    let fiches = Fiches::few("");
    for key in ["sk-ant\n-secret", "sk-ant\r\nx-evil: secret", "sk-ant-é-secret", "sk-ant\u{1b}[31msecret"] {
        let mut command = fiches.prepared(&[]);
        let run =
            refused(&fiches, "a bad key", command.env("ANTHROPIC_API_KEY", key), &["ANTHROPIC_API_KEY"]);
        assert!(!run.stderr.contains("secret"), "{}", run.stderr);
    }
}

#[test]
fn a_key_with_quotes_is_sent_as_it_is() {
    let fiches = Fiches::few("connections = 1\n");
    let key = "sk-\"ant'\\ $(id)";
    let failed = run(fiches.prepared(&[]).env("ANTHROPIC_API_KEY", key)).exits(1);
    assert!(!failed.stderr.contains(key), "{}", failed.stderr);
    assert_eq!(fiches.claude.received("")[0].header("x-api-key"), key);
}

#[test]
fn a_refused_key_is_tried_once_and_no_sheet_is_touched() {
    let fiches = Fiches::many(200, "connections = 1\n");
    let before = fiches.rows("SELECT * FROM fiches_metiers");
    let failed = run(fiches.prepared(&[]).env("ANTHROPIC_API_KEY", "sk-ant-wrong")).exits(1);
    assert_eq!(fiches.claude.received("").len(), 1, "{}", failed.stderr);
    assert!(failed.stderr.contains("key") && !failed.stderr.contains("sk-ant-wrong"), "{}", failed.stderr);
    assert_eq!(fiches.rows("SELECT * FROM fiches_metiers"), before);
    let many = Fiches::many(200, "");
    let _ = run(many.prepared(&[]).env("ANTHROPIC_API_KEY", "sk-ant-wrong")).exits(1);
    assert!(many.claude.received("").len() <= 16, "{} requests", many.claude.received("").len());
    let batch = Fiches::many(200, "mode = \"batch\"\n");
    let _ = run(batch.prepared(&[]).env("ANTHROPIC_API_KEY", "sk-ant-wrong")).exits(1);
    assert!(batch.claude.received("").len() <= 2, "{} requests", batch.claude.received("").len());
}

#[test]
fn a_code_that_does_not_exist_is_named_and_none_of_the_others_is_asked() {
    let fiches = Fiches::few("");
    for (codes, named) in [
        ("Z9999", "Z9999"),
        ("A1101,Z9999", "Z9999"),
        ("A' OR '1'='1", "A' OR '1'='1"),
        ("a1101", "a1101"),
        ("A1101\u{1b}[31m", "A1101\\x1b[31m"),
    ] {
        let _ = refused(&fiches, codes, &mut fiches.prepared(&["--code", codes]), &[named]);
    }
    for codes in ["", ",", "A1101,,B1302"] {
        let run = fiches.update(&["--dry-run", "--code", codes]);
        assert!([0, 2].contains(&run.code), "{codes:?}: {}", run.stderr);
    }
}

#[test]
fn a_database_without_the_tables_or_columns_is_refused_with_the_key_to_set() {
    for (change, words) in [
        ("ALTER TABLE fiches_metiers RENAME TO autre", ["fiches_metiers", "[tables.fiches]"]),
        ("ALTER TABLE audit_log RENAME TO autre", ["audit_log", "[tables.audit]"]),
        ("ALTER TABLE fiches_metiers RENAME COLUMN code_rome TO code", ["code_rome", "[tables.fiches]"]),
        ("ALTER TABLE fiches_metiers RENAME COLUMN statut TO etat", ["statut", "[tables.fiches]"]),
        ("ALTER TABLE audit_log RENAME COLUMN type_evenement TO genre", ["type_evenement", "[tables.audit]"]),
    ] {
        let fiches = Fiches::few("");
        fiches.execute(change);
        let _ = refused(&fiches, change, &mut fiches.prepared(&[]), &words);
    }
}

#[test]
fn a_database_that_is_missing_or_none_is_refused_and_never_made() {
    let fiches = Fiches::few("");
    fs::remove_file(fiches.path()).unwrap();
    let _ = refused(&fiches, "missing", &mut fiches.prepared(&[]), &["app"]);
    fs::write(fiches.path(), "not a database at all, but a text that is long enough to be read as one")
        .unwrap();
    let before = fiches.site.snapshot();
    let failed = fiches.update(&[]);
    assert!([1, 2].contains(&failed.code) && failed.stderr.contains("app"), "{}", failed.stderr);
    assert_eq!(fs::read(fiches.path()).unwrap().len(), 71);
    assert!(failed.code == 1 || fiches.site.snapshot() == before);
    let site = Site::new("");
    let none = run(site.command(&["update-fiches"]).env("ANTHROPIC_API_KEY", KEY)).exits(2);
    assert!(none.stderr.contains("[databases"), "{}", none.stderr);
}

#[test]
fn a_locked_database_is_waited_for_and_then_nothing_is_asked() {
    let fiches = Fiches::few("");
    let text = fs::read_to_string(fiches.site.path("maint.toml")).unwrap();
    fiches.site.configure(&text.replace("[http]", "busy_timeout = \"300ms\"\n[http]"));
    let lock = format!(
        "import sqlite3, sys\nconnection = sqlite3.connect('{FILE}', isolation_level=None)\n\
         connection.execute('BEGIN EXCLUSIVE')\nopen('locked', 'w')\nsys.stdin.read()"
    );
    let mut holder = fiches.site.through("python3", &["-c", &lock]);
    let holder = holder.stdin(Stdio::piped()).spawn().unwrap();
    wait_until("the database is locked", || fiches.site.path("locked").exists());
    for mode in ["direct", "batch"] {
        let failed = fiches.update(&["--mode", mode]).exits(1);
        let who = format!("is locked by python3 (pid {})", holder.id());
        assert!(failed.stderr.contains(&who), "{}", failed.stderr);
    }
    let _ = finish(holder);
    assert_eq!((fiches.claude.asked().len(), fiches.claude.batches().len()), (0, 0));
    let _ = fiches.update(&[]).exits(0);
}

#[test]
fn a_database_that_may_not_be_written_is_known_before_anything_is_paid() {
    let fiches = Fiches::few("");
    for mode in ["direct", "batch"] {
        let mut command = fiches.site.command_as_user(&["update-fiches", "--mode", mode]);
        fs::set_permissions(fiches.path(), std::os::unix::fs::PermissionsExt::from_mode(0o444)).unwrap();
        command.env("ANTHROPIC_API_KEY", KEY).env("ANTHROPIC_BASE_URL", fiches.claude.url(""));
        let failed = run(&mut command).exits(1);
        assert!(failed.stderr.contains("cannot be written"), "{}", failed.stderr);
        assert_eq!((fiches.claude.asked().len(), fiches.claude.batches().len()), (0, 0), "{mode}");
    }
}

#[test]
fn a_prompt_that_lacks_a_placeholder_or_cannot_be_read_is_refused() {
    let fiches = Fiches::few("prompt = \"prompt.txt\"\n");
    let _ = refused(&fiches, "missing", &mut fiches.prepared(&[]), &["prompt.txt"]);
    for text in ["", "Écris une fiche.", "Écris une fiche sur {{code}} {{inconnu}} {inconnu}.", "\u{0}"] {
        fs::write(fiches.site.path("prompt.txt"), text).unwrap();
        let _ = refused(&fiches, text, &mut fiches.prepared(&[]), &["prompt.txt"]);
    }
    fs::write(fiches.site.path("prompt.txt"), b"\xff\xfe").unwrap();
    let _ = refused(&fiches, "no text", &mut fiches.prepared(&[]), &["prompt.txt"]);
    fs::remove_file(fiches.site.path("prompt.txt")).unwrap();
    fs::create_dir(fiches.site.path("prompt.txt")).unwrap();
    let _ = refused(&fiches, "a folder", &mut fiches.prepared(&[]), &["prompt.txt"]);
}

#[test]
fn a_model_without_a_price_is_refused_and_named_with_the_section_to_write() {
    let fiches = Fiches::few("model = \"claude-unheard-of\"\n");
    let words = ["claude-unheard-of", "[update-fiches.prices."];
    let _ = refused(&fiches, "no price", &mut fiches.prepared(&[]), &words);
}

#[test]
fn an_address_that_is_none_or_not_private_is_refused() {
    let fiches = Fiches::few("");
    for url in ["http://example.org", "ftp://127.0.0.1", "claude", "https://"] {
        let mut command = fiches.prepared(&[]);
        let _ = refused(&fiches, url, command.env("ANTHROPIC_BASE_URL", url), &["ANTHROPIC_BASE_URL"]);
    }
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let fiches = Fiches::few("");
    for args in [
        &["--limit", "-1"] as &[&str],
        &["--limit", "many"],
        &["--batch-size", "0"],
        &["--max-cost", "-1"],
        &["--max-cost", "nan"],
        &["--max-cost", "inf"],
        &["--max-cost", "cheap"],
        &["--mode", "slow"],
        &["--unknown"],
    ] {
        let _ = refused(&fiches, &args.join(" "), &mut fiches.prepared(args), &[*args.last().unwrap()]);
    }
}

#[test]
fn a_configuration_that_makes_no_sense_is_refused() {
    for (section, word) in [
        ("max_tokens = 30000\n", "max_tokens"),
        ("connections = 0\n", "connections"),
        ("tries = 0\n", "tries"),
        ("timeout = \"0s\"\n", "timeout"),
        ("statuses = []\n", "statuses"),
        ("after = \"publie\"\n", "after"),
        ("mode = \"both\"\n", "mode"),
        ("max_cost = -1\n", "max_cost"),
        ("max_cost = \"20\"\n", "`max_cost`: write US dollars as a number, such as 25 or 0.5"),
        ("prices = 3\n", "prices"),
        ("[update-fiches.prices]\nx = 3\n", "expected a table with `input` and `output` in US dollars"),
        ("[update-fiches.prices.x]\ninput = \"1\"\noutput = 2\n", "write US dollars as a number"),
        ("api_key = \"sk-ant-literal\"\n", "api_key"),
        ("temperature = 0.5\n", "temperature"),
        ("[update-fiches.prices.x]\ninput = 1\n", "output"),
    ] {
        let fiches = Fiches::few(section);
        let run = refused(&fiches, section, &mut fiches.prepared(&[]), &[word]);
        assert!(!run.stderr.contains("sk-ant-literal"), "{}", run.stderr);
    }
}

#[test]
fn cells_of_any_kind_in_a_sheet_are_read_and_written() {
    let fiches = Fiches::few("");
    fiches.execute(
        "UPDATE fiches_metiers SET competences = 'not json', version = NULL WHERE code_rome = 'A1101';
         UPDATE fiches_metiers SET salaires = '[1', perspectives = X'FFFE', secteurs_activite = '{' WHERE code_rome = 'B1302';
         UPDATE fiches_metiers SET description = char(27) || '[31m' || char(0) || 'x', date_maj = 5 WHERE code_rome = 'C1504';
         UPDATE fiches_metiers SET description = NULL, competences = NULL, secteurs_activite = NULL WHERE code_rome = 'D1106';
         UPDATE fiches_metiers SET version = 'deux' WHERE code_rome = 'E1205'",
    );
    let run = fiches.update(&["--json"]);
    let report = run.json();
    assert!(
        !run.stderr.contains("panicked") && report["updated"].as_u64() >= Some(4),
        "{} {report}",
        run.stderr
    );
    assert_eq!(fiches.claude.asked().len(), fiches.claude.ledger().len());
}

#[test]
fn sheets_that_cannot_be_told_apart_are_named_and_the_others_refreshed() {
    for (code, named) in [("A1101", "2 sheets with the code A1101"), ("", "1 sheet without a code")] {
        let fiches = Fiches::few("");
        fiches.execute(&format!(
            "DROP TABLE salaires; DROP INDEX ix_fiches_metiers_code_rome;
             UPDATE fiches_metiers SET code_rome = '{code}' WHERE code_rome = 'B1302'"
        ));
        let odd = format!("SELECT * FROM fiches_metiers WHERE code_rome = '{code}' ORDER BY id");
        let before = fiches.rows(&odd);
        let report = fiches.update(&["--json"]).exits(1).json();
        assert!(report["failures"].to_string().contains(named), "{report}");
        let others: u64 = if code.is_empty() { 4 } else { 3 };
        assert_eq!(
            (totals(&report), fiches.claude.asked().len() as u64),
            ([others, 0, 0], others),
            "{report}"
        );
        assert_eq!(fiches.rows(&odd), before, "{named}");
    }
}
