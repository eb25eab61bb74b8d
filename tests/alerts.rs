//! Alerts: what is worth one, who is told, and what becomes of those that cannot be sent.

use crate::support::http::{Received, Reply, SLACK, Server, WEBHOOK};
use crate::support::tls::Identity;
use crate::support::{Run, Site, finish, run, send, wait_until};
use std::fs;
use std::time::Duration;

/// A job that fails while the file "bad" exists.
const JOB: &str = "[jobs.job]\nshell = \"echo working; test ! -e bad\"\n";

/// Further tries at once: tests need not wait.
const HTTP: &str = "[http]\nback_off = \"1ms\"\n";

/// A site whose alerts go to this Discord; `rest` are keys of `[alerts]`.
fn site(server: &Server, rest: &str) -> Site {
    site_with(server, JOB, rest)
}

/// The same with other jobs.
fn site_with(server: &Server, jobs: &str, rest: &str) -> Site {
    let site = Site::new(&format!(
        "{jobs}{HTTP}[alerts]\nto = [\"discord\"]\n{rest}[alerts.discord]\nwebhook = \"file:hook\"\n"
    ));
    fs::write(site.path("hook"), server.url(WEBHOOK)).unwrap();
    site
}

fn fail(site: &Site) -> Run {
    fs::write(site.path("bad"), "").unwrap();
    site.maint(&["run", "job"]).exits(1)
}

fn succeed(site: &Site) -> Run {
    let _ = fs::remove_file(site.path("bad"));
    site.maint(&["run", "job"]).exits(0)
}

/// The titles of what a Discord got and took.
fn titles(server: &Server) -> Vec<String> {
    server.received().iter().map(title).collect()
}

fn title(request: &Received) -> String {
    request.json()["embeds"][0]["title"].as_str().unwrap().to_owned()
}

#[test]
fn a_failure_is_told_once_and_so_is_its_end() {
    let server = Server::discord();
    let site = site(&server, "period = \"0s\"\n");
    let _ = succeed(&site);
    let quiet = fail(&site);
    assert!(!quiet.stderr.contains("alert"), "{}", quiet.stderr);
    let _ = fail(&site);
    let _ = succeed(&site);
    let _ = succeed(&site);
    let _ = fail(&site);
    assert_eq!(titles(&server), ["job failed on test", "job works again on test", "job failed on test"]);
}

#[test]
fn an_alert_tells_what_happened_where_and_how_it_ended() {
    let server = Server::discord();
    let site = site(&server, "");
    let failed = fail(&site);
    let history = site.history();
    let run = history[0]["run"].as_str().unwrap();
    let request = &server.received()[0];
    assert_eq!((request.method.as_str(), request.query.as_str()), ("POST", "wait=true"));
    assert!(request.header("user-agent").starts_with("maint/"), "{request:?}");
    let embed = &request.json()["embeds"][0];
    let text = embed.to_string();
    for word in
        ["working", "1 failed", run, "Exit code", "Duration", "Machine", "Site", &format!("{run}.log")]
    {
        assert!(text.contains(word), "no {word} in {text}");
    }
    assert_eq!(embed["color"], 15_158_332);
    let value = |name: &str| {
        let fields = embed["fields"].as_array().unwrap();
        fields
            .iter()
            .find(|field| field["name"] == name)
            .map(|field| field["value"].as_str().unwrap().to_owned())
    };
    assert_eq!(value("Exit code").unwrap(), "1");
    assert!(failed.stderr.contains(&value("Log").unwrap()), "{}", failed.stderr);
}

#[test]
fn a_french_site_is_told_in_french() {
    let server = Server::discord();
    let site = site(&server, "");
    let text = fs::read_to_string(site.path("maint.toml")).unwrap();
    site.configure(&text.replace("[site]\n", "[site]\nlanguage = \"fr\"\n"));
    let _ = fail(&site);
    let _ = succeed(&site);
    let received = server.received();
    assert_eq!(
        titles(&server),
        ["La tâche job a échoué sur test", "La tâche job fonctionne de nouveau sur test"]
    );
    let text = String::from_utf8(received[0].body.clone()).unwrap();
    for word in ["Code de sortie", "Durée", "Dernières lignes du journal", "Exécution"] {
        assert!(text.contains(word), "no {word} in {text}");
    }
    assert!(received[1].text().contains("Durée de la panne"), "{}", received[1].text());
}

#[test]
fn so_many_failures_are_tolerated() {
    let server = Server::discord();
    let site = site(&server, "tolerate = 2\nperiod = \"0s\"\n");
    let _ = (fail(&site), fail(&site), succeed(&site));
    assert_eq!(titles(&server), [""; 0]);
    let _ = (fail(&site), fail(&site), fail(&site), succeed(&site));
    assert_eq!(titles(&server), ["job failed on test", "job works again on test"]);
    assert!(server.received()[0].text().contains("Failures in a row"), "{:?}", server.received()[0].text());
}

#[test]
fn a_second_failure_within_the_period_is_told_after_it() {
    let server = Server::discord();
    let site = site(&server, "period = \"1h\"\n");
    let at = |time: &str, is_bad: bool| {
        let _ = if is_bad { fs::write(site.path("bad"), "") } else { fs::remove_file(site.path("bad")) };
        site.maint_at(time, &["run", "job"]).exits(i32::from(is_bad))
    };
    let _ = at("2026-11-20T10:00:00Z", true);
    let _ = at("2026-11-20T10:10:00Z", false);
    let _ = at("2026-11-20T10:20:00Z", true);
    assert_eq!(titles(&server), ["job failed on test", "job works again on test"]);
    let _ = at("2026-11-20T11:10:00Z", true);
    assert_eq!(titles(&server).last().unwrap(), "job failed on test");
    let text = server.received()[2].text();
    assert!(text.contains("Failures in a row"), "{text}");
    let _ = at("2026-11-20T12:20:00Z", false);
    assert!(server.received()[3].text().contains("2 h"), "{}", server.received()[3].text());
}

#[test]
fn only_the_wanted_events_are_told() {
    let server = Server::discord();
    let site = site(&server, "on = [\"recovery\"]\n");
    let _ = (fail(&site), succeed(&site));
    assert_eq!(titles(&server), ["job works again on test"]);
}

#[test]
fn a_run_by_hand_and_a_dry_run_tell_nobody() {
    let server = Server::discord();
    let site = site(&server, "");
    fs::write(site.path("bad"), "").unwrap();
    let _ = site.maint(&["run", "job", "--dry-run"]);
    let _ = site.maint(&["cleanup-temp", "--auto", "no-such-folder"]);
    assert_eq!(server.received().len(), 0);
}

#[test]
fn a_refused_run_and_one_that_reached_its_limit_are_failures() {
    let server = Server::discord();
    let jobs = "[jobs.slow]\nshell = \"sleep 30\"\ntimeout = \"1s\"\n[jobs.refused]\ncommand = \"cleanup-temp --auto no-such\"\n";
    let site = site_with(&server, jobs, "");
    let _ = site.maint(&["run", "slow"]).exits(124);
    let _ = site.maint(&["run", "refused"]).exits(2);
    assert_eq!(titles(&server), ["slow reached its time limit on test", "refused could not begin on test"]);
    assert!(server.received()[1].text().contains("no-such"), "{}", server.received()[1].text());
}

#[test]
fn a_killed_run_is_told_by_the_next_run_of_any_job() {
    let server = Server::discord();
    let jobs = "[jobs.long]\nshell = \"sleep 60\"\n[jobs.other]\nshell = \"true\"\n";
    let site = site_with(&server, jobs, "");
    let mut child = site.start(&["run", "long"]);
    wait_until("it runs", || !site.processes().is_empty() && site.state().join("logs/long").exists());
    child.kill().unwrap();
    child.wait().unwrap();
    let _ = site.maint(&["run", "other"]).exits(0);
    let _ = site.maint(&["run", "other"]).exits(0);
    assert_eq!(titles(&server), ["long ended without a word on test"]);
}

#[test]
fn an_interrupted_run_neither_begins_nor_ends_a_failure() {
    let server = Server::discord();
    let job = JOB.replace("echo working", "touch started; test -e bad || sleep 30");
    let site = site_with(&server, &job, "");
    let child = site.start(&["run", "job"]);
    wait_until("it runs", || site.path("started").exists());
    send(&child, rustix::process::Signal::TERM);
    let _ = finish(child).exits(143);
    let _ = fail(&site);
    assert_eq!(titles(&server), ["job failed on test"]);
}

#[test]
fn an_overdue_job_is_told_once_until_it_has_run() {
    let server = Server::discord();
    let daily = "[jobs.daily]\nschedule = \"0 2 * * *\"\nshell = \"true\"\n";
    let site = site_with(&server, &format!("{JOB}{daily}"), "");
    let at = |time: &str, job: &str| drop(site.maint_at(time, &["run", job]).exits(0));
    at("2026-11-18T02:00:00Z", "daily");
    at("2026-11-18T12:00:00Z", "job");
    assert_eq!(titles(&server), [""; 0]);
    at("2026-11-20T12:00:00Z", "job");
    at("2026-11-20T13:00:00Z", "job");
    at("2026-11-21T13:00:00Z", "job");
    assert_eq!(titles(&server), ["daily is overdue on test"]);
    let text = server.received()[0].text();
    assert!(text.contains("2026-11-19 02:00:00 CET") && text.contains("Missed runs"), "{text}");
    at("2026-11-21T14:00:00Z", "daily");
    at("2026-11-23T14:00:00Z", "job");
    assert_eq!(titles(&server).len(), 2);
}

#[test]
fn a_job_that_is_alone_is_told_overdue_by_its_own_late_run() {
    let server = Server::discord();
    let daily = "[jobs.daily]\nschedule = \"0 2 * * *\"\nshell = \"true\"\n";
    let site = site_with(&server, daily, "");
    let _ = site.maint_at("2026-11-16T01:00:00Z", &["run", "daily"]).exits(0);
    let _ = site.maint_at("2026-11-20T01:00:00Z", &["run", "daily"]).exits(0);
    let _ = site.maint_at("2026-11-21T01:00:00Z", &["run", "daily"]).exits(0);
    assert_eq!(titles(&server), ["daily is overdue on test"]);
}

#[test]
fn a_secret_that_is_a_word_of_the_alert_itself_blocks_nothing() {
    let server = Server::discord();
    let site = site(&server, "");
    let text = fs::read_to_string(site.path("maint.toml")).unwrap();
    site.configure(&format!("{text}[alerts.webhook]\nurl = \"file:hook\"\nsecret = \"file:word\"\n"));
    fs::write(site.path("word"), "failure").unwrap();
    let _ = fail(&site);
    assert_eq!(server.received().len(), 1);
}

#[test]
fn what_cannot_be_sent_changes_nothing_and_is_sent_by_the_next_run() {
    let server = Server::discord();
    let site = site(&server, "");
    for _ in 0..3 {
        server.next(Reply::new(503, ""));
    }
    let failed = fail(&site);
    let warning =
        "warn: alerts to discord wait for the next run: hook: it answers 503 Service Unavailable (3 tries)";
    assert_eq!(failed.stderr.matches(warning).count(), 1, "{}", failed.stderr);
    assert!(site.log("job").contains("alerts to discord wait"), "{}", site.log("job"));
    assert_eq!(site.history()[0]["exit_code"], 1);
    let _ = succeed(&site);
    let sent = &titles(&server)[3..];
    assert_eq!(sent, ["job failed on test", "job works again on test"]);
    let _ = succeed(&site);
    assert_eq!(server.received().len(), 5);
}

#[test]
fn a_dead_receiver_keeps_no_other_from_its_alerts_nor_repeats_them() {
    let (discord, slack) = (Server::discord(), Server::slack());
    let site = site(&discord, "");
    let text = fs::read_to_string(site.path("maint.toml")).unwrap();
    let text = text.replace("[\"discord\"]", "[\"discord\", \"slack\"]");
    site.configure(&format!("{text}[alerts.slack]\nwebhook = \"file:slack\"\n"));
    // Nobody listens there any more.
    fs::write(site.path("slack"), Server::slack().url(SLACK)).unwrap();
    let failed = fail(&site);
    assert!(
        failed.stderr.contains("alerts to slack wait for the next run: slack: cannot connect"),
        "{}",
        failed.stderr
    );
    fs::write(site.path("slack"), slack.url(SLACK)).unwrap();
    let _ = fail(&site);
    assert_eq!((discord.received().len(), slack.received().len()), (1, 1));
    assert_eq!(slack.received()[0].json()["text"], "job failed on test");
}

#[test]
fn what_cannot_be_sent_for_three_days_is_given_up() {
    let server = Server::always(Reply::new(500, ""));
    let site = site(&server, "");
    fs::write(site.path("bad"), "").unwrap();
    let _ = site.maint_at("2026-11-20T10:00:00Z", &["run", "job"]).exits(1);
    let late = site.maint_at("2026-11-23T10:00:01Z", &["run", "job"]).exits(1);
    assert!(late.stderr.contains("alerts: given up after three days: job: 1 failed"), "{}", late.stderr);
    let after = site.maint_at("2026-11-23T10:10:00Z", &["run", "job"]).exits(1);
    assert!(!after.stderr.contains("alerts"), "{}", after.stderr);
}

#[test]
fn an_alert_that_is_refused_for_good_keeps_no_other_waiting() {
    let server = Server::discord();
    let site = site(&server, "");
    server.next(Reply::new(403, "forbidden"));
    fs::write(site.path("bad"), "").unwrap();
    let refused = site.maint(&["run", "job"]).exits(1);
    assert!(
        refused.stderr.contains("an alert to discord is given up: hook: it answers 403"),
        "{}",
        refused.stderr
    );
    fs::remove_file(site.path("bad")).unwrap();
    let _ = site.maint(&["run", "job"]).exits(0);
    assert_eq!(server.received().len(), 2, "the recovery, and not the failure once more");
}

#[test]
fn a_server_that_names_a_wait_that_no_clock_holds_does_no_harm() {
    let server = Server::discord();
    let site = site(&server, "");
    let odd = Reply::json(200, &serde_json::json!({"id": "1"}))
        .header("x-ratelimit-remaining", "0")
        .header("x-ratelimit-reset-after", "10000000000000000000");
    server.next(odd);
    fs::write(site.path("bad"), "").unwrap();
    let failed = site.maint(&["run", "job"]).exits(1);
    assert!(!failed.stderr.contains("internal error"), "{}", failed.stderr);
    server.next(Reply::json(429, &serde_json::json!({"retry_after": 1e300})));
    fs::remove_file(site.path("bad")).unwrap();
    let _ = site.maint(&["run", "job"]).exits(0);
    assert_eq!(server.received().len(), 2);
}

#[test]
fn a_slow_receiver_costs_a_run_a_bounded_time() {
    let server = Server::discord();
    let site = site(&server, "");
    let text = fs::read_to_string(site.path("maint.toml")).unwrap();
    site.configure(&text.replace("back_off = \"1ms\"", "timeout = \"500ms\""));
    // Far longer than any machine takes for the rest.
    server.next(Reply::new(200, "{}").after(Duration::from_secs(120)));
    let start = std::time::Instant::now();
    let failed = fail(&site);
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    assert!(failed.stderr.contains("no answer within 500 ms"), "{}", failed.stderr);
}

#[test]
fn a_kill_while_alerts_are_sent_loses_none_and_doubles_at_most_one() {
    let server = Server::discord();
    let site = site(&server, "period = \"0s\"\n");
    fs::write(site.path("bad"), "").unwrap();
    server.next(Reply::json(200, &serde_json::json!({"id": "1"})).after(Duration::from_secs(2)));
    let mut child = site.start(&["run", "job"]);
    wait_until("it is being sent", || server.received().len() == 1);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(site.history()[0]["status"], "failed");
    let _ = succeed(&site);
    assert_eq!(titles(&server), ["job failed on test", "job failed on test", "job works again on test"]);
}

#[test]
fn two_runs_that_end_together_send_each_alert_once() {
    let server = Server::discord();
    let others = "[jobs.two]\nshell = \"false\"\n[jobs.three]\nshell = \"false\"\n";
    let site = site_with(&server, &format!("{JOB}{others}"), "");
    fs::write(site.path("bad"), "").unwrap();
    server.next(Reply::json(200, &serde_json::json!({"id": "1"})).after(Duration::from_millis(700)));
    let children: Vec<_> = ["job", "two", "three"].map(|job| site.start(&["run", job])).into_iter().collect();
    for child in children {
        let _ = finish(child).exits(1);
    }
    let mut titles = titles(&server);
    titles.sort();
    assert_eq!(titles, ["job failed on test", "three failed on test", "two failed on test"]);
}

#[test]
fn a_site_without_receivers_keeps_no_alerts() {
    let site = Site::new(JOB);
    let _ = fail(&site);
    let database = rusqlite::Connection::open(site.state().join("state.db")).unwrap();
    let alerts: i64 = database.query_row("SELECT count(*) FROM alerts", [], |row| row.get(0)).unwrap();
    assert_eq!(alerts, 0);
    let waiting: i64 =
        database.query_row("SELECT count(*) FROM runs WHERE weighed = 0", [], |row| row.get(0)).unwrap();
    assert_eq!(waiting, 0);
}

#[test]
fn no_secret_reaches_a_receiver_or_a_complaint() {
    let server = Server::always(Reply::new(400, format!("bad path {WEBHOOK}")));
    let site = site_with(&server, &JOB.replace("echo working", "cat hook"), "");
    let failed = fail(&site);
    let log = site.log("job");
    let sent = server.received()[0].text();
    for told in [&failed.stderr, &failed.stdout, &log, &sent] {
        assert!(!told.contains("token-3f9a1c"), "{told}");
    }
    assert!(sent.contains("[secret]"), "{sent}");
    assert!(failed.stderr.contains("it answers 400 Bad Request"), "{}", failed.stderr);
}

#[test]
fn a_test_message_goes_to_each_receiver_or_to_one() {
    let (discord, slack) = (Server::discord(), Server::slack());
    let site = site(&discord, "");
    let text = fs::read_to_string(site.path("maint.toml")).unwrap();
    site.configure(&format!("{text}[alerts.slack]\nwebhook = \"file:slack\"\n"));
    fs::write(site.path("slack"), slack.url(SLACK)).unwrap();
    let rehearsal = site.maint(&["alerts", "test", "--dry-run"]).exits(0);
    assert!(rehearsal.stdout.contains("would send a test message to discord\n"), "{}", rehearsal.stdout);
    assert_eq!(discord.received().len(), 0);
    let told = site.maint(&["alerts", "test"]).exits(0);
    assert!(told.stdout.contains("done: send a test message to discord\n"), "{}", told.stdout);
    assert_eq!(
        (titles(&discord), slack.received().len()),
        (vec!["Test message from maint on test".to_owned()], 0)
    );
    let _ = site.maint(&["alerts", "test", "slack"]).exits(0);
    assert_eq!((discord.received().len(), slack.received().len()), (1, 1));
    slack.next(Reply::new(410, "channel_is_archived"));
    site.configure(
        &fs::read_to_string(site.path("maint.toml")).unwrap().replace("to = [", "to = [\"slack\", "),
    );
    let one = site.maint(&["alerts", "test"]).exits(1);
    assert!(one.stdout.contains("done: send a test message to discord\n"), "{}", one.stdout);
    let failed = "failed: send a test message to slack: slack: it answers 410 Gone: channel_is_archived\n";
    assert!(one.stdout.contains(failed) && one.stderr.contains(failed), "{} {}", one.stdout, one.stderr);
}

#[test]
fn a_wrong_receiver_is_refused_and_nothing_is_touched() {
    let server = Server::discord();
    let site = site(&server, "");
    let refused = |args: &[&str]| {
        let before = site.snapshot();
        let run = site.maint(args).exits(2);
        assert_eq!(site.snapshot(), before);
        run.complaint().to_owned()
    };
    assert_eq!(refused(&["alerts", "test", "pager"]), "there is no receiver `pager`; known here: discord");
    fs::write(site.path("hook"), "discord.example/hook").unwrap();
    assert_eq!(refused(&["alerts", "test"]), "hook is no URL; write one that begins with https://");
    fs::write(site.path("hook"), "http://discord.example/hook").unwrap();
    assert_eq!(
        refused(&["alerts", "test"]),
        "hook is plain http, which is for this machine only; write https://"
    );
    fs::remove_file(site.path("hook")).unwrap();
    assert_eq!(refused(&["alerts", "test"]), "hook cannot be read; write the address into it");
    site.configure("[site]\nname = \"test\"\n");
    assert_eq!(refused(&["alerts", "test"]), "alerts go to nobody: name a receiver as `to` in [alerts]");
    assert_eq!(server.received().len(), 0);
}

#[test]
fn discord_is_asked_again_where_that_helps_and_never_where_it_does_not() {
    let server = Server::discord();
    let site = site(&server, "");
    let text = fs::read_to_string(site.path("maint.toml")).unwrap();
    site.configure(&text.replace("back_off = \"1ms\"", "back_off = \"1ms\"\nlongest_wait = \"2s\""));
    let try_it = |code: i32| {
        let before = server.received().len();
        let run = site.maint(&["alerts", "test", "discord"]).exits(code);
        (server.received().len() - before, run.stderr)
    };
    let limited = |seconds: f64| {
        let body = serde_json::json!({"message": "You are being rate limited.", "retry_after": seconds, "global": false});
        Reply::json(429, &body)
    };
    server.next(limited(0.05));
    server.next(Reply::new(502, "<html>"));
    assert_eq!(try_it(0).0, 3);
    // Who hangs up may have taken the message.
    server.next(Reply::mute());
    let (count, words) = try_it(1);
    assert!(count == 1 && words.contains("the line was cut"), "{count}: {words}");
    server.next(limited(64.57));
    let (count, told) = try_it(1);
    assert!(
        count == 1 && told.contains("asks to wait 1 min 4 s, longer than `longest_wait`"),
        "{count} {told}"
    );
    server.next(Reply::new(429, "error code: 1015"));
    let (count, told) = try_it(1);
    assert!(count == 1 && told.contains("Discord has shut this machine out"), "{count} {told}");
    server.next(Reply::new(429, "slow down").header("via", "1.1 google").header("retry-after", "0"));
    assert_eq!(try_it(0).0, 2);
    server.next(Reply::new(302, "").header("location", &server.url("/elsewhere")));
    let (count, told) = try_it(1);
    assert!(count == 1 && told.contains("redirects are not followed"), "{count} {told}");
    // The message has arrived, whatever becomes of the rest of the answer.
    server.next(Reply::new(200, "{\"id\": \"1").cut());
    assert_eq!(try_it(0).0, 1);
    server.next(Reply::new(200, "{\"id\": \"1").endless());
    assert_eq!(try_it(0).0, 1);
    fs::write(site.path("hook"), server.url("/api/webhooks/1/gone")).unwrap();
    let (count, told) = try_it(1);
    assert!(count == 1 && told.contains("(401): copy the address from Discord again"), "{count} {told}");
    fs::write(site.path("hook"), server.url("/api/webhooks/2/x")).unwrap();
    let (count, told) = try_it(1);
    assert!(count == 1 && told.contains("(404): make a new one in Discord"), "{count} {told}");
}

#[test]
fn a_program_gets_signed_json() {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let server = Server::always(Reply::new(202, ""));
    let site = Site::new(&format!(
        "{JOB}{HTTP}[alerts]\nto = [\"webhook\"]\n[alerts.webhook]\nurl = \"file:hook\"\nsecret = \"file:key\"\n"
    ));
    fs::write(site.path("hook"), server.url("/in?team=1")).unwrap();
    fs::write(site.path("key"), "signing-key-77\n").unwrap();
    let _ = fail(&site);
    let _ = succeed(&site);
    let received = server.received();
    let request = &received[0];
    assert_eq!(
        (&*request.path, &*request.query, request.header("content-type")),
        ("/in", "team=1", "application/json")
    );
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"signing-key-77").unwrap();
    mac.update(&request.body);
    let signature = request.header("x-maint-signature").strip_prefix("sha256=").unwrap();
    let digits = signature.as_bytes().chunks(2).map(|two| std::str::from_utf8(two).unwrap());
    let bytes: Vec<u8> = digits.map(|two| u8::from_str_radix(two, 16).unwrap()).collect();
    assert!(mac.verify_slice(&bytes).is_ok(), "{signature}");
    let body = request.json();
    assert_eq!(body["version"], 1);
    assert_eq!(
        (&body["job"], &body["status"], &body["site"]),
        (&"job".into(), &"fail".into(), &"test".into())
    );
    assert_eq!(body["run_id"], site.history()[1]["run"]);
    assert!(body["duration_s"].is_number() && body["started_at"].as_str().unwrap().ends_with('Z'), "{body}");
    assert_eq!(received[1].json()["status"], "ok");
    assert!(received[1].json()["metrics"]["failing_seconds"].is_number(), "{}", received[1].text());
}

#[test]
fn doctor_finds_a_receiver_that_cannot_be_told() {
    let server = Server::discord();
    let site = site(&server, "");
    fs::write(site.path("hook"), "not a url").unwrap();
    let told = run(&mut site.command(&["doctor"])).exits(3);
    assert!(
        told.stdout.contains("problem  alerts: hook is no URL; write one that begins with https://"),
        "{}",
        told.stdout
    );
    fs::write(site.path("hook"), server.url(WEBHOOK)).unwrap();
    let told = site.maint(&["doctor"]);
    assert!(told.stdout.contains("ok       alerts: discord can be told"), "{}", told.stdout);
    assert_eq!(server.received().len(), 0);
}

#[test]
fn an_alert_never_overtakes_an_older_one_of_its_job() {
    let server = Server::discord();
    let site = site(&server, "");
    for _ in 0..3 {
        server.next(Reply::new(500, ""));
    }
    let _ = fail(&site);
    for _ in 0..3 {
        server.next(Reply::new(500, ""));
    }
    let _ = succeed(&site);
    let _ = succeed(&site);
    let titles = titles(&server);
    assert_eq!(titles[6..], ["job failed on test", "job works again on test"]);
    assert!(titles[..6].iter().all(|title| title == "job failed on test"), "{titles:?}");
}

/// A receiver is told at least once of everything, and once too often for each kill at most.
#[test]
fn kills_at_any_moment_lose_no_alert() {
    let server = Server::discord();
    let site = site(&server, "period = \"0s\"\n");
    let kills = 24;
    for kill in 0..kills {
        let _ =
            if kill % 2 == 0 { fs::write(site.path("bad"), "") } else { fs::remove_file(site.path("bad")) };
        let mut child = site.start(&["run", "job"]);
        std::thread::sleep(Duration::from_millis(kill * 4));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let _ = fail(&site);
    let _ = succeed(&site);
    let database = rusqlite::Connection::open(site.state().join("state.db")).unwrap();
    let mut rows = database.prepare("SELECT kind, sent IS NOT NULL FROM alerts ORDER BY id").unwrap();
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let rows: Vec<(String, bool)> = rows.collect::<Result<_, _>>().unwrap();
    assert!(rows.iter().all(|(_, sent)| *sent), "{rows:?}");
    let titles = titles(&server);
    for (kind, words) in [("failure", "works"), ("recovery", "failed")] {
        let raised = rows.iter().filter(|(found, _)| found == kind).count();
        let told = titles.iter().filter(|title| !title.contains(words)).count();
        assert!(told >= raised && raised > 0, "{kind}: {raised} raised, {told} told: {titles:?}");
    }
    assert!(titles.len() <= rows.len() + usize::try_from(kills).unwrap(), "{titles:?}");
    let unweighed = "SELECT count(*) FROM runs WHERE weighed = 0";
    assert_eq!(database.query_row(unweighed, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

#[test]
fn what_was_raised_before_alerts_were_sent_is_not_sent_by_a_newer_maint() {
    let server = Server::discord();
    let site = site(&server, "");
    let _ = succeed(&site);
    let database = rusqlite::Connection::open(site.state().join("state.db")).unwrap();
    let older = "ALTER TABLE runs DROP COLUMN asked_by; DROP INDEX runs_to_weigh; ALTER TABLE runs DROP COLUMN weighed; DROP INDEX alerts_waiting;
         ALTER TABLE alerts DROP COLUMN facts; ALTER TABLE alerts DROP COLUMN given_up;
         DROP TABLE deliveries; DROP TABLE alert_states; DROP TABLE memory;
         INSERT INTO alerts (job, kind, run, created, text) VALUES ('job', 'failure', 'r', 1795186946000, 'old');
         PRAGMA user_version = 2";
    database.execute_batch(older).unwrap();
    drop(database);
    let _ = fail(&site);
    assert_eq!(titles(&server), ["job failed on test"]);
}

#[test]
fn https_is_spoken_with_a_server_that_is_known_and_with_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let Some(identity) = Identity::make(folder.path()) else { return };
    let certificate = identity.certificate.clone();
    let server = Server::start_as(Some(identity), |_| Reply::new(200, ""));
    let site = site(&server, "");
    assert!(fs::read_to_string(site.path("hook")).unwrap().starts_with("https://"));
    let failed = site.maint(&["alerts", "test"]).exits(1);
    let words = "hook: cannot connect: invalid peer certificate: UnknownIssuer";
    assert!(failed.stderr.contains(words) && !failed.stderr.contains("error:"), "{}", failed.stderr);
    assert_eq!(server.received().len(), 0);
    let _ = run(site.command(&["alerts", "test"]).env("SSL_CERT_FILE", certificate)).exits(0);
    assert_eq!(server.received().len(), 1);
}

/// A site with three alerts that wait for `server`, and a job `fine` that ends well.
fn three_wait(server: &Server) -> Site {
    let failing = |name: &str| format!("[jobs.{name}]\nshell = \"false\"\n");
    let jobs = ["one", "two", "three"].map(failing).concat() + "[jobs.fine]\nshell = \"true\"\n";
    let site = site_with(server, &jobs, "");
    // Nobody listens there any more.
    fs::write(site.path("hook"), Server::discord().url(WEBHOOK)).unwrap();
    for job in ["one", "two", "three"] {
        let failed = site.maint(&["run", job]).exits(1);
        assert!(failed.stderr.contains("cannot connect"), "{}", failed.stderr);
    }
    fs::write(site.path("hook"), server.url(WEBHOOK)).unwrap();
    site
}

#[test]
fn discord_sets_the_pace() {
    let server = Server::discord();
    let site = three_wait(&server);
    let taken = |remaining: &str| {
        let reply = Reply::json(200, &serde_json::json!({"id": "1"}));
        reply.header("x-ratelimit-remaining", remaining).header("x-ratelimit-reset-after", "0.6")
    };
    server.next(taken("0"));
    server.next(taken("4"));
    let _ = site.maint(&["run", "fine"]).exits(0);
    let times: Vec<_> = server.received().iter().map(|request| request.at).collect();
    assert_eq!(times.len(), 3);
    assert!(times[1] - times[0] >= Duration::from_millis(590), "{times:?}");
}

#[test]
fn a_dead_address_is_not_used_again() {
    let body = serde_json::json!({"code": 10_015, "message": "Unknown Webhook"});
    let server = Server::always(Reply::json(404, &body));
    let site = three_wait(&server);
    let run = site.maint(&["run", "fine"]).exits(0);
    assert!(run.stderr.contains("the webhook no longer exists (404)"), "{}", run.stderr);
    assert_eq!(server.received().len(), 1);
}

#[test]
fn what_a_log_says_calls_nobody_and_fits_everywhere() {
    let (discord, slack) = (Server::discord(), Server::slack());
    let site = site_with(&discord, &JOB.replace("echo working", "cat words"), "");
    let long = "<&>".repeat(4_000);
    fs::write(site.path("words"), format!("@everyone <!channel> ``` & \u{1b}[31mred \u{202e}back\n{long}\n"))
        .unwrap();
    fs::write(site.path("slack"), slack.url(SLACK)).unwrap();
    let text = fs::read_to_string(site.path("maint.toml")).unwrap();
    let text = text.replace("[\"discord\"]", "[\"discord\", \"slack\"]");
    site.configure(&format!("{text}[alerts.slack]\nwebhook = \"file:slack\"\n"));
    let failed = fail(&site);
    assert!(!failed.stderr.contains("alerts"), "{}", failed.stderr);
    let text = discord.received()[0].json()["embeds"][0]["description"].as_str().unwrap().to_owned();
    assert!(text.contains("@everyone <!channel> ''' & \\x1b[31mred \\u{202e}back"), "{text}");
    let text = slack.received()[0].text();
    assert!(text.contains("@everyone &lt;!channel&gt; ''' &amp;"), "{text}");
}

#[test]
fn a_signal_ends_the_wait_for_a_further_try() {
    let server = Server::discord();
    let site = site(&server, "");
    server.next(Reply::json(
        429,
        &serde_json::json!({"message": "slow down", "retry_after": 25.0, "global": false}),
    ));
    let child = site.start(&["alerts", "test"]);
    wait_until("Discord has answered", || server.received().len() == 1);
    std::thread::sleep(Duration::from_millis(200));
    let start = std::time::Instant::now();
    send(&child, rustix::process::Signal::TERM);
    let ended = finish(child).exits(143);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert!(ended.stderr.contains("there is no time for more"), "{}", ended.stderr);
}

#[test]
fn this_machine_is_asked_without_a_proxy() {
    let server = Server::discord();
    let site = site(&server, "");
    let mut command = site.command(&["alerts", "test"]);
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"] {
        command.env(name, "http://127.0.0.1:1");
    }
    let _ = run(&mut command).exits(0);
    assert_eq!(server.received().len(), 1);
}
