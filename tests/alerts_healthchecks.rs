//! Pings: what a server such as healthchecks.io hears of each run.

use crate::support::http::{Received, Reply, Server};
use crate::support::{Site, WAIT};
use std::fs;

/// healthchecks.io with checks below `/ping/key-3f9a1c`.
fn server() -> Server {
    Server::start(|request| {
        let Some(rest) = request.path.strip_prefix("/ping/key-3f9a1c/") else {
            return Reply::new(400, "invalid url format");
        };
        let mut parts = rest.split('/');
        let slug = parts.next().unwrap();
        let is_slug = slug
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte));
        let action = parts.next().unwrap_or_default();
        let is_action = matches!(action, "" | "start" | "fail" | "log") || action.parse::<u8>().is_ok();
        if !is_slug || !is_action || parts.next().is_some() {
            return Reply::new(404, "not found");
        }
        Reply::new(200, "OK").header("ping-body-limit", "200")
    })
}

fn site(server: &Server, jobs: &str) -> Site {
    let jobs = jobs.replace("]\n", "]\nschedule = \"@daily\"\n");
    let site = Site::new(&format!(
        "{jobs}[http]\nback_off = \"1ms\"\n[alerts]\nto = [\"healthchecks\"]\n[alerts.healthchecks]\nurl = \"file:hook\"\n"
    ));
    fs::write(site.path("hook"), server.url("/ping/key-3f9a1c/{job}?create=1")).unwrap();
    site
}

fn paths(received: &[Received]) -> Vec<&str> {
    received
        .iter()
        .map(|request| request.path.strip_prefix("/ping/key-3f9a1c").unwrap_or(&request.path))
        .collect()
}

#[test]
fn a_run_is_pinged_when_it_begins_and_when_it_has_ended() {
    let server = server();
    let site = site(&server, "[jobs.Job]\nshell = \"for n in $(seq 300); do echo line $n; done; exit 3\"\n");
    let _ = site.maint(&["run", "Job"]).exits(1);
    let received = server.received();
    assert_eq!(paths(&received), ["/test-job/start", "/test-job/1"]);
    let [start, end] = received.as_slice() else { panic!() };
    assert_eq!(start.query, end.query);
    let rid = start.query.strip_prefix("create=1&rid=").unwrap();
    assert_eq!(rid.len(), 36);
    assert_eq!((start.method.as_str(), start.text().as_str()), ("POST", ""));
    // The end of the log, as much as the server takes.
    let text = end.text();
    assert!(text.len() <= 200 && text.contains("line 300"), "{text}");
    assert!(end.header("content-type").starts_with("text/plain"), "{end:?}");
}

#[test]
fn a_good_run_a_refused_one_and_one_that_reached_its_limit_tell_their_exit_codes() {
    let server = server();
    let jobs = "[jobs.good]\nshell = \"true\"\n[jobs.slow]\nshell = \"sleep 30\"\ntimeout = \"1s\"\n\
                [jobs.refused]\ncommand = \"cleanup-temp --auto no-such\"\n";
    let site = site(&server, jobs);
    let _ = site.maint(&["run", "good"]).exits(0);
    let _ = site.maint(&["run", "slow"]).exits(124);
    let _ = site.maint(&["run", "refused"]).exits(2);
    let _ = site.maint(&["run", "good", "--dry-run"]).exits(0);
    let expected =
        ["/test-good/start", "/test-good/0", "/test-slow/start", "/test-slow/124", "/test-refused/2"];
    assert_eq!(paths(&server.received()), expected);
}

#[test]
fn a_skipped_run_is_a_line_in_the_log_of_the_check() {
    let server = server();
    let site = site(&server, &format!("[jobs.wait]\nshell = '''{WAIT}'''\n"));
    let child = site.hold("wait");
    let _ = site.maint(&["run", "wait"]).exits(75);
    site.release(child);
    let received = server.received();
    assert_eq!(paths(&received), ["/test-wait/start", "/test-wait/log", "/test-wait/0"]);
    assert!(received[1].text().contains("skipped: wait is running"), "{}", received[1].text());
    assert_ne!(received[1].query, received[0].query);
}

#[test]
fn a_job_may_have_a_check_of_its_own() {
    let server = server();
    let site =
        Site::new("[jobs.job]\nshell = \"true\"\nping = \"file:own\"\n[jobs.other]\nshell = \"true\"\n");
    fs::write(site.path("own"), server.url("/ping/key-3f9a1c/nightly")).unwrap();
    let _ = site.maint(&["run", "job"]).exits(0);
    let _ = site.maint(&["run", "other"]).exits(0);
    assert_eq!(paths(&server.received()), ["/nightly/start", "/nightly/0"]);
}

#[test]
fn a_server_that_does_not_hear_changes_nothing() {
    let server = server();
    let site = site(&server, "[jobs.job]\nshell = \"echo token $(cat hook); touch ran\"\n");
    server.next(Reply::new(404, "not found"));
    for _ in 0..3 {
        server.next(Reply::new(500, ""));
    }
    let run = site.maint(&["run", "job"]).exits(0);
    assert!(site.path("ran").exists());
    assert!(run.stderr.contains("the check was not pinged: hook: it answers 404"), "{}", run.stderr);
    assert!(run.stderr.contains("the check was not pinged: hook: it answers 500"), "{}", run.stderr);
    assert!(
        site.log("job").contains("warn the check was not pinged: hook: it answers 500"),
        "{}",
        site.log("job")
    );
    assert!(!run.stderr.contains("key-3f9a1c") && !site.log("job").contains("key-3f9a1c"));
    assert_eq!(server.received().len(), 4);
    fs::write(site.path("hook"), "nothing").unwrap();
    let run = site.maint(&["run", "job"]).exits(0);
    assert!(run.stderr.contains("the check was not pinged: hook is no URL"), "{}", run.stderr);
}

#[test]
fn a_job_that_runs_by_name_only_has_no_check() {
    let server = server();
    let site = site(&server, "");
    let text = fs::read_to_string(site.path("maint.toml")).unwrap();
    site.configure(&format!("{text}[jobs.migrate]\nshell = \"true\"\n"));
    let _ = site.maint(&["run", "migrate"]).exits(0);
    assert_eq!(server.received().len(), 0);
}

#[test]
fn a_test_message_is_a_line_in_the_log_of_each_check() {
    let server = server();
    let site = site(&server, "[jobs.job]\nshell = \"true\"\n");
    let _ = site.maint(&["alerts", "test"]).exits(0);
    assert_eq!(paths(&server.received()), ["/test-job/log"]);
    assert!(server.received()[0].text().contains("This is only a test"), "{}", server.received()[0].text());
}

#[test]
fn a_slow_check_takes_none_of_a_runs_time() {
    let server = Server::start(|_| Reply::new(200, "OK").after(std::time::Duration::from_millis(1_500)));
    let site = site(&server, "[jobs.job]\ntimeout = \"1s\"\nshell = \"touch ran\"\n");
    let _ = site.maint(&["run", "job"]).exits(0);
    assert!(site.path("ran").exists());
}

#[test]
fn a_run_that_a_signal_ends_tells_its_check_so() {
    let server = server();
    let site = site(&server, &format!("[jobs.wait]\nshell = '''{WAIT}'''\n"));
    let child = site.hold("wait");
    crate::support::send(&child, rustix::process::Signal::TERM);
    let _ = crate::support::finish(child).exits(143);
    assert_eq!(paths(&server.received()), ["/test-wait/start", "/test-wait/143"]);
}

#[test]
fn a_test_of_checks_that_no_job_has_is_refused() {
    let server = server();
    let site = site(&server, "");
    let refused = site.maint(&["alerts", "test", "healthchecks"]).exits(2);
    assert!(refused.stderr.contains("no job has a check"), "{}", refused.stderr);
    assert_eq!(server.received().len(), 0);
}
