//! `[metrics]`: how the jobs fared, for Prometheus, in a file and at a Pushgateway.

use crate::support::http::{Reply, Server};
use crate::support::{Site, can_mount, finish, inside, is_root, leave_out, run, wait_until};
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A job that fails while the file "bad" exists.
const JOB: &str = "[jobs.job]\nshell = \"test ! -e bad\"\n";

fn site(rest: &str) -> Site {
    let site = Site::new(&format!("{JOB}[metrics]\ntextfile = \"metrics\"\n{rest}"));
    site.folder("metrics");
    site
}

fn page(site: &Site) -> String {
    fs::read_to_string(site.path("metrics/maint_test.prom")).unwrap()
}

/// The value of a series.
#[track_caller]
fn value(page: &str, series: &str) -> String {
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in\n{page}")).to_owned()
}

/// What promtool finds wrong; none when it is not there.
fn lint(page: &str) -> Option<String> {
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = promtool else {
        leave_out("promtool check metrics", "promtool (package prometheus) is missing");
        return None;
    };
    promtool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    Some(if output.status.success() { said } else { format!("{}: {said}", output.status) })
}

#[test]
fn a_failed_run_is_on_the_page_with_the_success_before() {
    let site = site("");
    let _ = site.maint(&["run", "job"]).exits(0);
    let labels = "{job_name=\"job\",site=\"test\"}";
    let first = page(&site);
    assert_eq!(value(&first, &format!("maint_job_last_exit_code{labels}")), "0");
    let success = value(&first, &format!("maint_job_last_success_timestamp_seconds{labels}"));
    assert!(success.parse::<f64>().unwrap() >= 1_795_186_946.0, "{success}");
    fs::write(site.path("bad"), "").unwrap();
    let _ = site.maint_at("2026-11-20T16:02:26Z", &["run", "job"]).exits(1);
    let page = page(&site);
    assert_eq!(value(&page, &format!("maint_job_last_exit_code{labels}")), "1");
    assert_eq!(value(&page, &format!("maint_job_last_success_timestamp_seconds{labels}")), success);
    let last: f64 = value(&page, &format!("maint_job_last_run_timestamp_seconds{labels}")).parse().unwrap();
    assert!(last >= success.parse::<f64>().unwrap() + 3_600.0);
    assert_eq!(value(&page, "maint_job_last_steps{job_name=\"job\",outcome=\"failed\",site=\"test\"}"), "1");
    assert!(page.ends_with('\n') && !page.contains('\r'), "{page}");
    assert_eq!(lint(&page).unwrap_or_default(), "");
    assert_eq!(site.tree("metrics"), ["maint_test.prom"]);
    let mode = fs::metadata(site.path("metrics/maint_test.prom")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o644);
}

#[test]
fn a_success_that_the_history_has_forgotten_stays_on_the_page() {
    let site = site("");
    let text = fs::read_to_string(site.path("maint.toml")).unwrap();
    site.configure(&text.replace("[state]\n", "[state]\nkeep_runs = 2\n"));
    let _ = site.maint(&["run", "job"]).exits(0);
    let series = "maint_job_last_success_timestamp_seconds{job_name=\"job\",site=\"test\"}";
    let success = value(&page(&site), series);
    fs::write(site.path("bad"), "").unwrap();
    for _ in 0..4 {
        let _ = site.maint_at("2026-11-20T16:02:26Z", &["run", "job"]).exits(1);
    }
    assert!(site.history().iter().all(|run| run["status"] == "failed"));
    assert_eq!(value(&page(&site), series), success);
}

#[test]
fn runs_that_end_together_are_all_on_the_page() {
    let names: Vec<String> = (0..8).map(|index| format!("job{index}")).collect();
    let lines = names.iter().map(|name| format!("[jobs.{name}]\nshell = \"sleep 0.2\"\n"));
    let jobs = lines.collect::<Vec<String>>().concat();
    let site = site(&jobs);
    for _ in 0..2 {
        let _ = fs::remove_file(site.path("metrics/maint_test.prom"));
        let children: Vec<_> = names.iter().map(|name| site.start(&["run", name])).collect();
        for child in children {
            let _ = finish(child).exits(0);
        }
        let page = page(&site);
        for name in &names {
            let series = format!("maint_job_last_exit_code{{job_name=\"{name}\",site=\"test\"}}");
            assert_eq!(value(&page, &series), "0");
        }
    }
}

#[test]
fn a_folder_that_is_not_there_is_a_warning_and_no_failure() {
    let site = site("");
    fs::remove_dir(site.path("metrics")).unwrap();
    let ran = site.maint(&["run", "job"]).exits(0);
    assert!(ran.stderr.contains("metrics: cannot write"), "{}", ran.stderr);
    assert!(site.log("job").contains("metrics: cannot write"), "{}", site.log("job"));
    assert_eq!(site.history()[0]["status"], "done");
}

#[test]
fn a_full_disk_leaves_the_old_page() {
    if !is_root() || !can_mount() {
        return leave_out("metrics on a full disk", "not root, or no private mount namespaces here");
    }
    let site = site("");
    let script =
        "mount -t tmpfs -o size=64k none metrics && \"$0\" run job && cp metrics/maint_test.prom before
        cat /dev/zero > metrics/filler 2>/dev/null; touch bad
        \"$0\" run job; echo \"ended $?\"; cmp before metrics/maint_test.prom && ls -A metrics";
    let wrapper = ["unshare", "--mount", "sh", "-c", script];
    let ran = run(&mut inside(&wrapper, &site.command(&[]))).exits(0);
    assert!(ran.stdout.ends_with("ended 1\nfiller\nmaint_test.prom\n"), "{} {}", ran.stdout, ran.stderr);
    assert!(
        ran.stderr.contains("metrics: cannot write") && ran.stderr.contains("No space left"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_kill_at_any_moment_leaves_a_whole_page() {
    let site = site("");
    let _ = site.maint(&["run", "job"]).exits(0);
    let lines = page(&site).lines().count();
    for after in 0..30 {
        let mut child = site.start(&["run", "job"]);
        std::thread::sleep(Duration::from_millis(after));
        let _ = child.kill();
        let _ = child.wait();
        assert_eq!(page(&site).lines().count(), lines, "after {after} ms");
    }
    let _ = site.maint(&["run", "job"]).exits(0);
    assert_eq!(site.tree("metrics"), ["maint_test.prom"]);
}

/// A run of "check" that ended so and measured this.
fn measured(site: &Site, checks: &Value) {
    let database = Connection::open(site.state().join("state.db")).unwrap();
    let next: i64 = database.query_row("SELECT max(id) + 1 FROM runs", [], |row| row.get(0)).unwrap();
    database
        .execute(
            "INSERT INTO runs (run, job, lock, line, status, exit_code, started, finished, pid, pid_started, report)
             VALUES (?1, 'check', 'check', 'check', 'found', 3, 1795186946000, 1795186947000, 1, 1, ?2)",
            params![format!("run-{next}"), json!({ "overview": { "checks": checks } }).to_string()],
        )
        .unwrap();
}

#[test]
fn what_checks_measured_last_is_on_the_page_also_when_only_some_were_looked_at() {
    let site = site(
        "[checks.disk]\nhttp = \"http://127.0.0.1:1/\"\n[checks.site]\nhttp = \"http://127.0.0.1:1/\"\n",
    );
    let _ = site.maint(&["run", "job"]).exits(0);
    let disk = |name: &str, value: f64, state: &str| json!({"check": "disk", "name": name, "value": value, "unit": "%", "limit": 90, "above": true, "state": state, "detail": "x"});
    measured(
        &site,
        &json!([disk("/var \"x\"\\\n", 50.5, "ok"), disk("/", 95.0, "bad"), {"check": "site", "name": "site", "value": 0.1, "unit": "s", "limit": 5.0, "state": "ok"}, {"check": "gone", "name": "x", "value": 1, "state": "ok"}]),
    );
    measured(&site, &json!([disk("/", 96.0, "bad"), disk("/", 97.0, "bad")]));
    let _ = site.maint(&["run", "job"]).exits(0);
    let page = page(&site);
    let labels = "{check=\"disk\",name=\"/\",site=\"test\",unit=\"%\"}";
    assert_eq!(value(&page, &format!("maint_check_value{labels}")), "96");
    assert_eq!(value(&page, &format!("maint_check_limit{labels}")), "90");
    assert_eq!(value(&page, &format!("maint_check_ok{labels}")), "0");
    assert_eq!(value(&page, "maint_check_ok{check=\"site\",name=\"site\",site=\"test\",unit=\"s\"}"), "1");
    assert!(!page.contains("/var") && !page.contains("gone"), "{page}");
    assert_eq!(lint(&page).unwrap_or_default(), "");
}

#[test]
fn odd_names_stay_in_their_labels() {
    let site = site("[checks.disk]\nhttp = \"http://127.0.0.1:1/\"\n");
    let _ = site.maint(&["run", "job"]).exits(0);
    let names = ["a\"b", "c\\", "d\ne", "f} 7", "\u{1b}[2J", "é"];
    let rows: Vec<Value> =
        names.iter().map(|name| json!({"check": "disk", "name": name, "value": 1, "state": "ok"})).collect();
    measured(&site, &json!(rows));
    let _ = site.maint(&["run", "job"]).exits(0);
    let page = page(&site);
    assert_eq!(page.matches("maint_check_value{").count(), names.len(), "{page}");
    assert!(!page.contains('\u{1b}'), "{page}");
    assert_eq!(lint(&page).unwrap_or_default(), "");
}

#[test]
fn a_pushgateway_gets_the_page_of_the_site() {
    let server = Server::always(Reply::new(200, ""));
    let site = Site::new(&format!("{JOB}[metrics]\npushgateway = \"{}\"\n", server.url("/")));
    let _ = site.maint(&["run", "job"]).exits(0);
    let received = &server.received()[0];
    assert_eq!(received.method, "PUT");
    let path = &received.path;
    assert!(path.starts_with("/metrics/job/maint/instance/") && path.ends_with("/site/test"), "{path}");
    assert!(
        received.text().contains("maint_job_last_exit_code{job_name=\"job\",site=\"test\"} 0\n"),
        "{received:?}"
    );
}

#[test]
fn a_pushgateway_that_is_away_or_silent_is_a_warning_within_seconds() {
    let silent = Server::always(Reply::new(200, "").after(Duration::from_mins(1)));
    for url in
        ["http://127.0.0.1:9/".to_owned(), silent.url("/"), Server::always(Reply::new(400, "bad")).url("/")]
    {
        let site = Site::new(&format!("{JOB}[metrics]\npushgateway = \"{url}\"\n"));
        let begin = Instant::now();
        let ran = site.maint(&["run", "job"]).exits(0);
        assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
        assert!(ran.stderr.contains("metrics: `pushgateway` of [metrics]"), "{}", ran.stderr);
    }
}

#[test]
fn a_pushgateway_that_is_silent_holds_up_the_page_of_nobody_else() {
    let silent = Server::always(Reply::new(200, "").after(Duration::from_mins(1)));
    let site = site(&format!("pushgateway = \"{}\"\n[jobs.other]\nshell = \"true\"\n", silent.url("/")));
    let mut first = site.start(&["run", "job"]);
    wait_until("it is asked", || !silent.received().is_empty());
    let other = site.start(&["run", "other"]);
    wait_until("the other is on the page", || page(&site).contains("last_exit_code{job_name=\"other\""));
    assert!(first.try_wait().unwrap().is_none(), "the first has given up by now");
    for child in [first, other] {
        assert!(finish(child).exits(0).stderr.contains("warn: metrics: "));
    }
}

#[test]
fn an_address_that_is_open_to_others_is_refused() {
    for (url, why) in [
        ("http://gateway.example:9091", "plain http"),
        ("gateway:9091", "no address"),
        ("https://user:word@gateway.example", "names an account"),
        ("http://127.0.0.1.example.org/", "plain http"),
    ] {
        let site = Site::new(&format!("{JOB}[metrics]\npushgateway = \"{url}\"\n"));
        let before = site.snapshot();
        let refused = site.maint(&["run", "job"]).exits(2);
        assert!(refused.complaint().contains(why), "{}", refused.stderr);
        assert_eq!(site.snapshot(), before);
    }
}

#[test]
fn a_real_pushgateway_takes_the_page() {
    let port = crate::support::redis::free_port();
    let listen = format!("--web.listen-address=127.0.0.1:{port}");
    let gateway = Command::new("prometheus-pushgateway")
        .arg(listen)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut gateway) = gateway else {
        return leave_out("a real Pushgateway", "prometheus-pushgateway is missing");
    };
    wait_until("the Pushgateway listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    let site = Site::new(&format!("{JOB}[metrics]\npushgateway = \"http://127.0.0.1:{port}\"\n"));
    let ran = site.maint(&["run", "job"]);
    fs::write(site.path("bad"), "").unwrap();
    let failed = site.maint(&["run", "job"]);
    let page = run(Command::new("curl").args(["--silent", &format!("http://127.0.0.1:{port}/metrics")]));
    gateway.kill().unwrap();
    gateway.wait().unwrap();
    assert_eq!((ran.exits(0).stderr, failed.exits(1).stderr.contains("metrics:")), (String::new(), false));
    let line = page.stdout.lines().find(|line| line.starts_with("maint_job_last_exit_code{")).unwrap();
    assert!(
        line.contains("job=\"maint\"") && line.contains("job_name=\"job\"") && line.ends_with(" 1"),
        "{line}"
    );
}
