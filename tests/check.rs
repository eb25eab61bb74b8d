//! `maint check`: what is configured is measured and nothing else, exit 3 when something is not well.

use crate::support::http::{Reply, Server};
use crate::support::{Run, Site, is_root, run};
use serde_json::Value;
use std::fs;
use std::time::{Duration, Instant};

/// The row with this name.
#[track_caller]
pub(crate) fn row(report: &Value, name: &str) -> Value {
    let rows = report["checks"].as_array().unwrap_or_else(|| panic!("no checks in {report}"));
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name} in {report:#}")).clone()
}

/// `check --json` of a site, with this exit code.
#[track_caller]
pub(crate) fn checked(site: &Site, code: i32) -> Value {
    site.maint(&["check", "--json"]).exits(code).json()
}

/// What is shown of `config check` for this section of a check.
fn refused(section: &str) -> String {
    let site = Site::new(&format!("[checks.odd]\n{section}\n"));
    let run = site.maint(&["config", "check"]).exits(2);
    run.complaint().to_owned()
}

const DISK: &str = "[checks.root]\ndisk = \".\"\nmax_used = \"100%\"\nmax_inodes = \"100%\"\n";

#[test]
fn a_disk_is_measured_by_its_space_and_its_inodes() {
    let site = Site::new(DISK);
    let report = checked(&site, 0);
    let space = row(&report, "root");
    assert_eq!(
        (&space["unit"], &space["limit"], &space["state"]),
        (&"percent".into(), &100.into(), &"ok".into())
    );
    assert_eq!((&space["check"], &space["above"]), (&"root".into(), &true.into()));
    let value = space["value"].as_f64().unwrap();
    assert!((0.0..=100.0).contains(&value), "{space}");
    assert!(space["detail"].as_str().unwrap().contains("free"), "{space}");
    assert_eq!(report["findings"][0]["is_well"], true);
    let full = Site::new(&DISK.replace("\"100%\"", "\"0%\""));
    let run = full.maint(&["check"]).exits(3);
    assert!(run.stdout.contains("root") && run.stdout.contains("bad"), "{}", run.stdout);
    assert!(run.stderr.contains("root: ") && run.stderr.contains("at most 0%"), "{}", run.stderr);
}

#[test]
fn a_disk_that_is_not_there_cannot_be_measured_and_that_is_found() {
    let site = Site::new("[checks.data]\ndisk = \"/no/such/place\"\n");
    let report = checked(&site, 3);
    let data = row(&report, "data");
    assert_eq!(data["state"], "unknown");
    assert_eq!(data["value"], Value::Null);
    assert_eq!(data["detail"], "/no/such/place: No such file or directory");
    assert_eq!(report["status"], "found");
}

#[test]
fn a_site_without_checks_is_told_what_to_add_and_nothing_is_touched() {
    let site = Site::new("");
    let before = site.snapshot();
    let run = site.maint(&["check"]).exits(2);
    assert!(run.complaint().contains("[checks.NAME]"), "{}", run.stderr);
    assert_eq!(site.snapshot(), before);
}

#[test]
fn only_some_checks_may_be_made_and_an_unknown_one_is_refused() {
    let site = Site::new(&format!("{DISK}[checks.gone]\ndisk = \"/no/such/place\"\n"));
    let run = site.maint(&["check", "--only", "root", "--json"]).exits(0);
    assert_eq!(run.json()["findings"].as_array().unwrap().len(), 1);
    let _ = site.maint(&["check", "--only", "root,gone"]).exits(3);
    let before = site.snapshot();
    let wrong = site.maint(&["check", "--only", "rot"]).exits(2);
    assert_eq!(wrong.complaint(), "there is no check `rot`; did you mean `root`?");
    assert_eq!(site.snapshot(), before);
}

#[test]
fn a_check_that_says_not_what_it_looks_at_or_too_much_is_refused() {
    for (section, words) in [
        ("", "give it one of `http`, `disk`, `volumes`"),
        ("max_used = \"90%\"", "says not what it looks at"),
        ("disk = \"/\"\nhttp = \"http://127.0.0.1/\"", "has both `http` and `disk`"),
        (
            "disk = \"/\"\nmax_latency = \"1s\"",
            "has `max_latency`, which is not for `disk`; that takes `max_used`, `max_inodes`",
        ),
        ("services = true\nmax_cpu = \"90%\"", "has `max_cpu`, which is not for `services`"),
        ("disk = \"/\"\nmax_usd = \"90%\"", "unknown key `max_usd`; did you mean `max_used`?"),
        ("disk = \"/\"\nmax_used = \"90\"", "`max_used`: bad share \"90\""),
        ("disk = \"/\"\nmax_used = 90", "`max_used`: invalid type"),
        ("logs = true\npattern = \"(\"", "is no regular expression"),
        ("logs = true\npattern = \"x*\"", "matches everything"),
        ("logs = true\nignore = [\"[\"]", "is no regular expression"),
        ("services = 1", "expected `true`, a name or a list of names"),
        ("services = false", "looks at nothing"),
        ("access = false", "looks at nothing"),
        ("backup = \"database\"", "takes `backup = true`"),
        ("rabbitmq = \"localhost\"", "\"service:NAME\""),
        ("rabbitmq = \"http://127.0.0.1\"\npassword = \"guest\"", "env:NAME"),
        ("slow_queries = \"app\"", "there is no [databases.app]"),
        ("http = \"ftp://x\"", "needs an address"),
    ] {
        let told = refused(section);
        assert!(told.contains(words), "{section:?}: {told}");
        assert!(told.starts_with('/') && !told.contains('\n'), "{told}");
    }
}

#[test]
fn what_can_never_be_asked_is_refused_before_anything_is_touched() {
    for (section, words) in [
        ("http = \"http://example.org/\"", "plain http"),
        ("rabbitmq = \"http://example.org:15672\"", "plain http"),
    ] {
        let site = Site::new(&format!(
            "[checks.odd]\n{section}\n[jobs.check]\ncommand = \"check\"\nschedule = \"@daily\"\n"
        ));
        let before = site.snapshot();
        let run = site.maint(&["check"]).exits(2);
        assert!(run.complaint().contains(words), "{section}: {}", run.stderr);
        // A Compose file may come later than maint.toml.
        let code = if words == "plain http" { 2 } else { 0 };
        let _ = site.maint(&["config", "check"]).exits(code);
        assert_eq!(site.snapshot(), before);
    }
}

/// The file may come with the next checkout: `config check` accepts it, as `deploy`.
#[test]
fn containers_are_not_looked_at_where_there_is_no_compose_file() {
    for section in ["services = true", "rabbitmq = \"service:mq\""] {
        let site = Site::new(&format!("[checks.odd]\n{section}\n[jobs.check]\ncommand = \"check\"\n"));
        let before = site.snapshot();
        let refused = site.maint(&["check"]).exits(2);
        assert!(refused.complaint().contains("needs a Compose file"), "{section}: {}", refused.stderr);
        let _ = site.maint(&["config", "check"]).exits(0);
        assert_eq!(site.snapshot(), before);
    }
}

#[test]
fn an_address_that_answers_badly_or_slowly_is_found_with_its_latency() {
    let server = Server::start(|received| match received.path.as_str() {
        "/slow" => Reply::new(200, "late").after(Duration::from_millis(400)),
        "/bad" => Reply::new(503, "no disk"),
        _ => Reply::new(200, "ok"),
    });
    let check = |name: &str| {
        format!("[checks.{name}]\nhttp = \"{}\"\nmax_latency = \"300ms\"\n", server.url(&format!("/{name}")))
    };
    let site = Site::new(&["good", "slow", "bad"].map(check).concat());
    let report = checked(&site, 3);
    let (good, slow, bad) = (row(&report, "good"), row(&report, "slow"), row(&report, "bad"));
    assert_eq!((&good["state"], &good["unit"]), (&"ok".into(), &"seconds".into()));
    assert!((0.4..3.0).contains(&slow["value"].as_f64().unwrap()) && slow["state"] == "bad", "{slow}");
    assert_eq!((&bad["state"], &bad["value"]), (&"bad".into(), &Value::Null));
    assert!(bad["detail"].as_str().unwrap().contains("503"), "{bad}");
}

#[test]
fn all_checks_are_made_at_the_same_time() {
    let server = Server::always(Reply::new(200, "ok").after(Duration::from_millis(500)));
    let check = |number: u32| format!("[checks.page{number}]\nhttp = \"{}\"\n", server.url("/"));
    let site = Site::new(&(0..20).map(check).collect::<String>());
    let began = Instant::now();
    assert_eq!(checked(&site, 0)["checks"].as_array().unwrap().len(), 20);
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[test]
fn cron_hears_nothing_of_what_is_well_and_a_line_for_what_is_not() {
    let job = "[jobs.daily]\ncommand = \"check\"\nschedule = \"@daily\"\n";
    let site = Site::new(&format!("{DISK}{job}"));
    let run = site.maint(&["run", "daily"]).exits(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    assert_eq!(site.history()[0]["job"], "daily");
    let site = Site::new(&format!("{DISK}{job}[checks.gone]\ndisk = \"/no/such/place\"\n"));
    let run = site.maint(&["run", "daily"]).exits(3);
    assert_eq!(run.stdout, "");
    let lines: Vec<&str> = run.stderr.lines().collect();
    assert!(lines[0].contains("not well: gone"), "{}", run.stderr);
    assert_eq!(lines[1], "  gone: /no/such/place: No such file or directory");
    assert!(!run.stderr.contains("root"), "{}", run.stderr);
    assert_eq!(site.history()[0]["exit_code"], 3);
    let log = site.maint(&["logs", "daily"]).exits(0).stdout;
    assert!(log.contains("not well: gone: /no/such/place: No such file or directory"), "{log}");
}

#[test]
fn a_rehearsal_finds_the_same_and_leaves_nothing() {
    let site = Site::new("[checks.gone]\ndisk = \"/no/such/place\"\n");
    let before = site.snapshot();
    let run = site.maint(&["check", "--dry-run"]).exits(3);
    assert!(run.stdout.contains("would remember what was checked"), "{}", run.stdout);
    assert_eq!(site.snapshot(), before);
}

#[test]
fn the_age_of_the_last_backup_is_told_and_that_there_is_none() {
    let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n[checks.saved]\nbackup = true\n");
    let report = checked(&site, 3);
    let found = row(&report, "saved: db app");
    assert_eq!((&found["state"], &found["limit"]), (&"bad".into(), &93_600.into()));
    assert_eq!(found["detail"], "there is no backup of it");
}

#[test]
fn whoever_may_not_look_is_told_so() {
    if !is_root() {
        return;
    }
    let site = Site::new("[checks.data]\ndisk = \"closed/data\"\n");
    site.folder("closed/data");
    let mut command = site.command_as_user(&["check", "--json"]);
    fs::set_permissions(site.path("closed"), std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
    let report: Run = run(&mut command);
    assert!(report.exits(3).json()["checks"][0]["detail"].as_str().unwrap().contains("Permission denied"));
}

#[test]
fn a_check_that_cron_runs_ends_at_its_time_limit() {
    let server = Server::always(Reply::new(200, "ok").after(Duration::from_secs(8)));
    let site = Site::new(&format!(
        "[jobs.daily]\ncommand = \"check\"\nschedule = \"@daily\"\ntimeout = \"1s\"\n[checks.page]\nhttp = \"{}\"\nmax_latency = \"20s\"\n",
        server.url("/")
    ));
    let began = Instant::now();
    let run = site.maint(&["run", "daily"]).exits(124);
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    assert!(run.stderr.contains("time limit"), "{}", run.stderr);
    assert_eq!(site.history()[0]["status"], "timed-out");
}
