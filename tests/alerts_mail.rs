//! Alerts by e-mail.

use crate::support::smtp::{Secrecy, Smtp};
use crate::support::tls::Identity;
use crate::support::{Run, Site, run};
use std::fs;
use std::time::{Duration, Instant};

const JOB: &str = "[jobs.job]\nshell = \"cat words; test ! -e bad\"\n";

fn site(server: &Smtp, rest: &str) -> Site {
    let site = Site::new(&format!(
        "{JOB}[alerts]\nto = [\"mail\"]\nperiod = \"0s\"\n[alerts.mail]\nfrom = \"maint <maint@example.org>\"\n\
         to = [\"ops@example.org\", \"Zoé <zoe@example.org>\"]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\n{rest}",
        server.port
    ));
    fs::write(site.path("words"), "").unwrap();
    site
}

fn fail(site: &Site) -> Run {
    fs::write(site.path("bad"), "").unwrap();
    site.maint(&["run", "job"]).exits(1)
}

#[test]
fn a_failure_is_a_letter_to_everybody() {
    let server = Smtp::start();
    let site = site(&server, "");
    let _ = fail(&site);
    let taken = server.taken();
    assert_eq!(taken.len(), 1);
    let letter = &taken[0];
    let said = |start: &str| letter.commands.iter().filter(|command| command.starts_with(start)).count();
    assert_eq!((said("EHLO "), said("MAIL FROM:<maint@example.org>"), said("AUTH")), (1, 1, 0));
    assert_eq!((said("RCPT TO:<ops@example.org>"), said("RCPT TO:<zoe@example.org>")), (1, 1));
    assert_eq!(letter.header("Subject"), "[test] job failed on test");
    assert_eq!(letter.header("Auto-Submitted"), "auto-generated");
    assert_eq!(letter.header("MIME-Version"), "1.0");
    assert!(letter.header("Content-Type").starts_with("text/plain; charset=utf-8"));
    // The clock of the tests, in the form of RFC 5322.
    assert!(letter.header("Date").starts_with("Fri, 20 Nov 2026 15:02:2"), "{}", letter.header("Date"));
    let run = site.history()[0]["run"].as_str().unwrap().to_owned();
    assert_eq!(letter.header("Message-ID"), format!("<test.job.{run}.failure@example.org>"));
    for word in ["Exit code: 1", "Last lines of the log:", &run] {
        assert!(letter.text().contains(word), "no {word} in {}", letter.text());
    }
}

#[test]
fn a_french_letter_and_odd_lines_arrive_as_they_were_written() {
    let server = Smtp::start();
    let site = site(&server, "");
    let text = fs::read_to_string(site.path("maint.toml")).unwrap();
    site.configure(&text.replace("[site]\n", "[site]\nlanguage = \"fr\"\n"));
    let long = "x".repeat(5_000);
    fs::write(site.path("words"), format!(".\n.hidden\nà bientôt\n{long}\n")).unwrap();
    let _ = fail(&site);
    let letter = &server.taken()[0];
    assert_eq!(
        letter.header("Subject"),
        "[test] La =?utf-8?b?dMOiY2hl?= job a =?utf-8?b?w6ljaG91w6k=?= sur test"
    );
    let text = letter.text();
    for word in
        ["La tâche job a échoué sur test", "Code de sortie : 1", "    .\r\n    .hidden\r\n    à bientôt\r\n"]
    {
        assert!(text.contains(word), "no {word:?} in {text}");
    }
}

#[test]
fn a_server_that_asks_who_sends_is_told() {
    let server = Smtp::start();
    let site = site(&server, "user = \"maint\"\npassword = \"file:word\"\n");
    fs::write(site.path("word"), "open-sesame\n").unwrap();
    let _ = fail(&site);
    // base64 of NUL maint NUL open-sesame
    let command = "AUTH PLAIN AG1haW50AG9wZW4tc2VzYW1l";
    assert!(
        server.taken()[0].commands.iter().any(|said| said == command),
        "{:?}",
        server.taken()[0].commands
    );
    server.answer("AUTH", "535 5.7.8 wrong open-sesame");
    let refused = site.maint(&["alerts", "test"]).exits(1);
    assert!(refused.stderr.contains("the server answers 535"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("open-sesame"), "{}", refused.stderr);
}

#[test]
fn a_server_that_does_not_take_a_letter_gets_it_with_the_next_run() {
    let server = Smtp::start();
    let site = site(&server, "");
    for (command, reply, words) in [
        ("RCPT", "450-try again\r\n450 4.2.0 greylisted", "the server answers 450: try again"),
        ("the letter", "552 5.3.4 too big", "the server answers 552: 5.3.4 too big"),
        ("greeting", "421 closing", "421"),
        ("EHLO", "500 what", "500"),
    ] {
        server.answer(command, reply);
        let failed = fail(&site);
        assert!(
            failed.stderr.contains("alerts to mail wait for the next run: 127.0.0.1:"),
            "{}",
            failed.stderr
        );
        assert!(failed.stderr.contains(words), "no {words} in {}", failed.stderr);
        server.recover();
        assert!(server.taken().is_empty());
    }
    let _ = fail(&site);
    assert_eq!(server.taken().len(), 1);
}

#[test]
fn an_address_that_no_longer_exists_keeps_the_letter_from_nobody_else() {
    let server = Smtp::start();
    let site = site(&server, "");
    server.answer("RCPT TO:<zoe@example.org>", "550 5.1.1 no such user");
    let failed = fail(&site);
    assert!(failed.stderr.contains("zoe@example.org: the server answers 550"), "{}", failed.stderr);
    let taken = server.taken();
    assert_eq!(taken.len(), 1);
    assert!(taken[0].commands.iter().any(|command| command == "RCPT TO:<ops@example.org>"));
    let _ = fail(&site);
    assert_eq!(server.taken().len(), 1, "it was told once");
}

#[test]
fn a_slow_server_costs_a_bounded_time() {
    let server = Smtp::start();
    let site = site(&server, "[http]\ntimeout = \"300ms\"\n");
    server.slow_down(Duration::from_secs(120));
    let start = Instant::now();
    let failed = fail(&site);
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    assert!(failed.stderr.contains("no answer in time"), "{}", failed.stderr);
}

#[test]
fn a_wrong_section_is_refused_with_its_key() {
    let server = Smtp::start();
    let site = site(&server, "");
    let text = fs::read_to_string(site.path("maint.toml")).unwrap();
    let refused = |from: &str, to: &str| {
        assert!(text.contains(from));
        site.configure(&text.replace(from, to));
        let before = site.snapshot();
        let run = site.maint(&["alerts", "test"]).exits(2);
        assert_eq!(site.snapshot(), before);
        run.complaint().to_owned()
    };
    let told = refused("\"ops@example.org\"", "\"ops\"");
    assert_eq!(told, "`to` of [alerts.mail]: `ops` is no e-mail address");
    let told = refused("\"127.0.0.1\"", "\"mail.example.org\"");
    assert!(
        told.contains("would send openly to mail.example.org; `tls = \"none\"` is for this machine only"),
        "{told}"
    );
    let told = refused("tls = \"none\"", "tls = \"none\"\nuser = \"me\"");
    assert!(told.contains("`user` and `password` of [alerts.mail] belong together"), "{told}");
    let told = refused("tls = \"none\"", "tls = \"none\"\nuser = \"me\"\npassword = \"file:none\"");
    assert_eq!(told, "the password none cannot be read");
    assert!(server.taken().is_empty());
}

#[test]
fn nothing_is_sent_openly_to_a_server_that_cannot_encrypt() {
    let server = Smtp::start();
    let site = site(&server, "user = \"maint\"\npassword = \"file:word\"\n");
    fs::write(site.path("word"), "open-sesame\n").unwrap();
    let text = fs::read_to_string(site.path("maint.toml")).unwrap();
    for tls in ["starttls", "tls"] {
        site.configure(&text.replace("\"none\"", &format!("\"{tls}\"")));
        let failed = site.maint(&["alerts", "test"]).exits(1);
        assert!(
            failed.stderr.contains("failed: send a test message to mail: 127.0.0.1:"),
            "{}",
            failed.stderr
        );
    }
    assert!(server.taken().is_empty());
    assert!(!server.said().iter().any(|command| command.starts_with("AUTH") || command.starts_with("MAIL")));
}

#[test]
fn a_letter_goes_encrypted_to_a_server_that_is_known_and_to_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let Some(identity) = Identity::make(folder.path()) else { return };
    for (tls, secrecy) in
        [("tls", Secrecy::FromTheStart(identity.clone())), ("starttls", Secrecy::WhenAsked(identity.clone()))]
    {
        let server = Smtp::start_as(secrecy);
        let site = site(&server, "user = \"maint\"\npassword = \"file:word\"\n");
        fs::write(site.path("word"), "open-sesame\n").unwrap();
        let text = fs::read_to_string(site.path("maint.toml")).unwrap();
        site.configure(&text.replace("tls = \"none\"", &format!("tls = \"{tls}\"")));
        let failed = site.maint(&["alerts", "test"]).exits(1);
        assert!(failed.stderr.contains("invalid peer certificate: UnknownIssuer"), "{}", failed.stderr);
        assert!(!server.said().iter().any(|command| command.starts_with("AUTH")), "{:?}", server.said());
        let mut command = site.command(&["alerts", "test"]);
        let _ = run(command.env("SSL_CERT_FILE", &identity.certificate)).exits(0);
        assert_eq!(server.taken().len(), 1, "{tls}");
        assert!(server.taken()[0].commands.iter().any(|said| said.starts_with("AUTH PLAIN")));
    }
}
