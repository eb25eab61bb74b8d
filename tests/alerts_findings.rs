//! Alerts of what a job finds: one for each thing that changes from well to not well, and one when it is well again.

use crate::support::Site;
use crate::support::http::{Reply, SLACK, Server, WEBHOOK};
use rusqlite::{Connection, params};
use serde_json::json;
use std::fs;

const HTTP: &str = "[http]\nback_off = \"1ms\"\n";

/// A site with one job that does nothing, whose runs weigh what others have left to be weighed.
fn site(server: &Server, rest: &str) -> Site {
    let site = Site::new(&format!(
        "[jobs.other]\nshell = \"true\"\n{HTTP}[alerts]\nto = [\"discord\"]\nperiod = \"0s\"\n{rest}[alerts.discord]\nwebhook = \"file:hook\"\n"
    ));
    fs::write(site.path("hook"), server.url(WEBHOOK)).unwrap();
    let _ = site.maint(&["run", "other"]).exits(0);
    site
}

/// A run of the job "watch" that ended so and found these (name, whether it is well), and what is told of it.
fn found(site: &Site, status: &str, findings: &[(&str, bool)]) {
    let database = Connection::open(site.state().join("state.db")).unwrap();
    let next: i64 = database.query_row("SELECT max(id) + 1 FROM runs", [], |row| row.get(0)).unwrap();
    let findings: Vec<_> = findings
        .iter()
        .map(|(name, is_well)| json!({ "name": name, "is_well": is_well, "words": format!("{name} in words") }))
        .collect();
    let exit_code = match status {
        "done" => 0,
        "found" => 3,
        _ => 1,
    };
    database
        .execute(
            "INSERT INTO runs (run, job, lock, line, status, exit_code, started, finished, pid, pid_started, summary, report, weighed)
             VALUES (?1, 'watch', 'watch', 'watch', ?2, ?3, 1795186946000, 1795186947000, 1, 1, 'watch: it ended', ?4, 0)",
            params![format!("run-{next}"), status, exit_code, json!({ "findings": findings }).to_string()],
        )
        .unwrap();
    let _ = site.maint(&["run", "other"]).exits(0);
}

fn titles(server: &Server) -> Vec<String> {
    let title = |value: serde_json::Value| value["embeds"][0]["title"].as_str().unwrap().to_owned();
    server.received().iter().map(|request| title(request.json())).collect()
}

#[test]
fn each_finding_is_told_once_and_so_is_its_end_and_the_job_itself_is_well() {
    let server = Server::discord();
    let site = site(&server, "");
    found(&site, "done", &[("disk", true), ("queue", true)]);
    assert_eq!(titles(&server), [""; 0]);
    found(&site, "found", &[("disk", false), ("queue", true)]);
    found(&site, "found", &[("disk", false), ("queue", false)]);
    found(&site, "found", &[("disk", true), ("queue", false)]);
    found(&site, "done", &[("disk", true), ("queue", true)]);
    assert_eq!(
        titles(&server),
        [
            "watch: disk is not well on test",
            "watch: queue is not well on test",
            "watch: disk is well again on test",
            "watch: queue is well again on test"
        ]
    );
    assert!(server.received()[0].text().contains("disk in words"), "{}", server.received()[0].text());
}

#[test]
fn a_finding_that_was_not_looked_at_stays_as_it_was() {
    let server = Server::discord();
    let site = site(&server, "");
    found(&site, "found", &[("disk", false)]);
    found(&site, "done", &[("queue", true)]);
    found(&site, "found", &[("disk", false)]);
    assert_eq!(titles(&server), ["watch: disk is not well on test"]);
}

#[test]
fn a_run_that_was_cut_off_tells_nothing_and_one_that_failed_tells_what_it_found() {
    let server = Server::discord();
    let site = site(&server, "");
    found(&site, "interrupted", &[("disk", false)]);
    assert_eq!(titles(&server), [""; 0]);
    found(&site, "failed", &[("disk", false)]);
    assert_eq!(titles(&server), ["watch failed on test", "watch: disk is not well on test"]);
}

#[test]
fn so_many_times_are_tolerated() {
    let server = Server::discord();
    let site = site(&server, "tolerate = 1\n");
    found(&site, "found", &[("disk", false)]);
    found(&site, "done", &[("disk", true)]);
    assert_eq!(titles(&server), [""; 0]);
    found(&site, "found", &[("disk", false)]);
    found(&site, "found", &[("disk", false)]);
    assert_eq!(titles(&server), ["watch: disk is not well on test"]);
}

#[test]
fn a_french_site_is_told_in_french_and_a_program_gets_the_name() {
    let server = Server::slack();
    let program = Server::always(Reply::new(200, "ok"));
    let site = site(&server, "");
    let text = fs::read_to_string(site.path("maint.toml")).unwrap();
    let text = text
        .replace("[site]\n", "[site]\nlanguage = \"fr\"\n")
        .replace("[\"discord\"]", "[\"slack\", \"webhook\"]");
    site.configure(&format!(
        "{text}[alerts.slack]\nwebhook = \"file:slack\"\n[alerts.webhook]\nurl = \"file:program\"\n"
    ));
    fs::write(site.path("slack"), server.url(SLACK)).unwrap();
    fs::write(site.path("program"), program.url("/alerts")).unwrap();
    found(&site, "found", &[("disk", false)]);
    found(&site, "done", &[("disk", true)]);
    let texts: Vec<String> =
        server.received().iter().map(|it| it.json()["text"].as_str().unwrap().to_owned()).collect();
    assert_eq!(texts, ["watch : disk ne va pas bien sur test", "watch : disk va de nouveau bien sur test"]);
    let told = program.received()[0].json();
    assert_eq!(
        (&told["job"], &told["finding"], &told["status"]),
        (&json!("watch"), &json!("disk"), &json!("fail"))
    );
    assert_eq!(told["summary"], "disk in words");
    assert_eq!(program.received()[1].json()["status"], "ok");
}

#[test]
fn status_and_history_show_a_job_that_found_something() {
    let server = Server::discord();
    let site = site(&server, "");
    let text = fs::read_to_string(site.path("maint.toml")).unwrap();
    site.configure(&text.replace("[http]", "[jobs.watch]\nshell = \"true\"\n[http]"));
    found(&site, "found", &[("disk", false)]);
    let status = site.maint(&["status", "--check"]).exits(3);
    assert!(status.stdout.contains("not well") && status.stdout.contains("found (3)"), "{}", status.stdout);
    let history = site.maint(&["history", "watch"]).exits(0);
    assert!(history.stdout.contains("found (3)"), "{}", history.stdout);
    found(&site, "done", &[("disk", true)]);
    let _ = site.maint(&["status", "--check"]).exits(0);
}

#[test]
fn a_check_that_begins_to_fail_is_told_once_and_so_is_its_end() {
    let web = Server::always(Reply::new(200, "fine"));
    let server = Server::discord();
    let site = site(&server, "");
    let text = fs::read_to_string(site.path("maint.toml")).unwrap();
    let check = format!("[checks.web]\nhttp = \"{}\"\n[jobs.watch]\ncommand = \"check\"\n", web.url("/"));
    let metrics = "[metrics]\ntextfile = \"metrics\"\n";
    site.configure(&format!("{text}{check}{metrics}"));
    site.folder("metrics");
    let _ = site.maint(&["run", "watch"]).exits(0);
    for _ in 0..2 {
        web.next(Reply::new(404, "gone"));
        let _ = site.maint(&["run", "watch"]).exits(3);
        let page = fs::read_to_string(site.path("metrics/maint_test.prom")).unwrap();
        let labels = "{check=\"web\",name=\"web\",site=\"test\",unit=\"seconds\"}";
        assert!(page.contains(&format!("maint_check_ok{labels} 0\n")), "{page}");
        assert!(page.contains("maint_job_last_exit_code{job_name=\"watch\",site=\"test\"} 3\n"), "{page}");
    }
    let _ = site.maint(&["status", "--check"]).exits(3);
    let _ = site.maint(&["run", "watch"]).exits(0);
    assert_eq!(titles(&server), ["watch: web is not well on test", "watch: web is well again on test"]);
    assert!(server.received()[0].text().contains("404"), "{}", server.received()[0].text());
}
