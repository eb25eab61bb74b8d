//! Plans and runs from afar: begun, followed, ended, and written down with the name of the key.

use crate::support::server::{Answer, Server, site};
use crate::support::{Site, WAIT, wait_until};
use serde_json::{Value, json};
use std::fs;
use std::io::BufRead as _;
use std::os::unix::fs::PermissionsExt as _;

const JOBS: &str = r#"
[jobs.greet]
schedule = "0 2 * * *"
shell = "echo one; echo 'two <b>&'; exit 0"
description = "says two lines"
[jobs.fail]
shell = "echo no; exit 7"
[jobs.spaced]
command = " --yes  'deploy' pull"
[jobs.clean]
command = "cleanup-temp --auto"
[jobs.ship]
command = "deploy pull --force"
[cleanup-temp]
paths = ["temp"]
age = "1h"
"#;

fn started() -> (Site, Server) {
    let site = site(&format!("[jobs.wait]\nshell = \"{WAIT}\"\n{JOBS}"));
    let server = Server::start(&site);
    (site, server)
}

/// The run as the API tells of it, once it has ended.
fn ended(server: &Server, run: &str) -> Value {
    let path = format!("/api/v1/runs/{run}");
    wait_until("the run ends", || server.get(&path).is(200).json()["status"] != "running");
    server.get(&path).json()
}

#[test]
fn a_job_is_planned_run_and_followed_and_the_history_names_the_key() {
    let (site, server) = started();
    let old = site.file("temp/old", "x", 5);
    let plan = server.key("operate").post("/api/v1/jobs/clean/plan", &json!({})).is(200).json();
    assert_eq!(plan["steps"][0]["text"], format!("would remove {} (1 B, 5 h old)", old.display()));
    assert_eq!((&plan["status"], &plan["run"]), (&"planned".into(), &Value::Null));
    assert!(old.exists(), "a plan changes nothing");
    assert_eq!(site.history(), Vec::<Value>::new(), "nor does the history know of it");
    let begun = server.key("operate").post("/api/v1/jobs/clean/runs", &json!({})).is(202);
    let run = begun.json()["run"].as_str().unwrap().to_owned();
    assert_eq!(begun.header("location"), format!("/api/v1/runs/{run}"));
    let ended = ended(&server, &run);
    assert!(!old.exists());
    assert_eq!((&ended["status"], &ended["by"]), (&"done".into(), &"operator".into()));
    assert_eq!(ended["report"]["counts"]["done"], 1);
    assert_eq!(site.history()[0]["by"], "operator", "on the command line, too");
    let table = site.maint(&["history"]).exits(0).stdout;
    assert!(table.contains("asked for by operator"), "{table}");
}

#[test]
fn the_events_of_a_run_are_its_log_and_its_end() {
    let (_site, server) = started();
    let begun = server.post("/api/v1/jobs/greet/runs", &json!({})).is(202).json();
    let run = begun["run"].as_str().unwrap();
    for _ in 0..2 {
        // While it runs, and once more when it has ended: the same.
        let (head, reader) = server.key("read").open(&format!("/api/v1/runs/{run}/events"));
        assert_eq!((head.status, head.header("content-type")), (200, "text/event-stream"));
        let lines: Vec<String> = reader.lines().map_while(Result::ok).collect();
        let said: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("data: ")).collect();
        let has = |text: &str| {
            said.iter().any(|line| serde_json::from_str::<String>(line).is_ok_and(|line| line == text))
        };
        assert!(has("one") && has("two <b>&"), "{lines:?}");
        let end: Value = serde_json::from_str(said.last().unwrap()).unwrap();
        assert_eq!((&end["run"], &end["status"]), (&run.into(), &"done".into()), "{lines:?}");
        assert!(lines.contains(&"event: end".to_owned()));
    }
    let log = server.key("read").get(&format!("/api/v1/runs/{run}/log")).is(200);
    assert!(log.body.contains("\ntwo <b>&\n") || log.body.starts_with("one\n"), "{log:?}");
    assert_eq!(log.header("content-type"), "text/plain; charset=utf-8");
}

#[test]
fn a_run_that_goes_on_is_not_begun_twice_and_can_be_ended() {
    let (site, server) = started();
    let begun = server.key("operate").post("/api/v1/jobs/wait/runs", &json!({})).is(202).json();
    let run = begun["run"].as_str().unwrap().to_owned();
    let again = server.post("/api/v1/jobs/wait/runs", &json!({})).is(409);
    assert_eq!(
        again.detail(),
        format!("the job wait is running (asked for by operator, run {run}); try again when it has ended")
    );
    let refused = server.key("read").post(&format!("/api/v1/runs/{run}/cancel"), &json!({})).is(403);
    assert!(refused.detail().contains("operate"), "{refused:?}");
    let cancel = server.key("operate").post(&format!("/api/v1/runs/{run}/cancel"), &json!({})).is(202).json();
    assert_eq!(ended(&server, &run)["status"], "interrupted");
    let by = ended(&server, cancel["run"].as_str().unwrap());
    assert_eq!(
        (&by["job"], &by["status"], &by["by"]),
        (&"cancel".into(), &"done".into(), &"operator".into())
    );
    assert_eq!(by["line"], format!("cancel -- {run}"), "as it would be typed");
    let late = server.post(&format!("/api/v1/runs/{run}/cancel"), &json!({})).is(409);
    assert_eq!(late.detail(), format!("the run {run} has ended already"));
    assert_eq!(site.processes(), vec![server.pid()], "no process is left but the server");
}

#[test]
fn a_run_of_cron_is_named_as_the_holder_and_can_be_followed_and_ended() {
    let (site, server) = started();
    let held = site.hold("wait");
    let refused = server.post("/api/v1/jobs/wait/runs", &json!({})).is(409);
    let holder = format!("wait is running (lock wait, pid {}, since", held.id());
    assert!(refused.detail().contains(&holder), "{refused:?}");
    let jobs = server.key("read").get("/api/v1/jobs").is(200).json();
    let wait = jobs.as_array().unwrap().iter().find(|job| job["job"] == "wait").unwrap();
    assert_eq!((&wait["state"], &wait["recent"][1]["by"]), (&"running".into(), &Value::Null), "{wait:#}");
    let run = wait["recent"].as_array().unwrap().iter().find(|run| run["status"] == "running").unwrap();
    let path = format!("/api/v1/runs/{}/cancel", run["run"].as_str().unwrap());
    let _ = server.post(&path, &json!({})).is(202);
    let _ = crate::support::finish(held).exits(143);
}

#[test]
fn a_failure_is_a_run_that_failed_and_not_an_error_of_the_server() {
    let (_site, server) = started();
    let begun = server.post("/api/v1/jobs/fail/runs", &json!({})).is(202).json();
    let failed = ended(&server, begun["run"].as_str().unwrap());
    assert_eq!((&failed["status"], &failed["exit_code"]), (&"failed".into(), &1.into()), "{failed:#}");
}

#[test]
fn what_is_wrong_is_refused_before_anything_begins() {
    let (site, server) = started();
    let post = |path: &str, body: Value| server.post(&format!("/api/v1/{path}"), &body);
    for (path, body, status, words) in [
        ("jobs/nope/runs", json!({}), 404, "no such job"),
        ("jobs/..%2F..%2Fx/runs", json!({}), 404, "no such job"),
        ("jobs/--help/runs", json!({}), 404, "no such job"),
        ("commands/nope/runs", json!({}), 404, "no such command"),
        ("commands/run/runs", json!({}), 404, "no such command"),
        ("commands/init/runs", json!({}), 404, "no such command"),
        ("commands/serve/plan", json!({}), 404, "no such command"),
        ("commands/cleanup-stuck/plan", json!({ "hours": "x" }), 400, "--hours"),
        ("commands/cleanup-stuck/plan", json!({ "wibble": 1 }), 400, "no option `wibble`"),
        ("commands/cleanup-stuck/plan", json!(["hours"]), 400, "no JSON object"),
        ("commands/cleanup-temp/runs", json!({ "path": ["/etc"] }), 400, "no option `path`"),
        ("commands/cleanup-temp/runs", json!({ "paths": ["/etc"] }), 400, "no option `paths`"),
        ("commands/cleanup-temp/runs", json!({ "config": "/etc/x" }), 400, "no option `config`"),
        ("commands/trim-logs/runs", json!({ "files": ["/etc/passwd"] }), 400, "no option `files`"),
        ("commands/pause/runs", json!({ "job": "a\u{0}b" }), 400, "NUL"),
        ("commands/pause/runs", json!({ "job": "x".repeat(2_000) }), 400, "longer than 1000"),
        ("commands/cancel/runs", json!({ "run": "x" }), 404, "no such command"),
        ("commands/resume/runs", json!({ "job": "--config=/etc/x" }), 400, "no job `--config=/etc/x`"),
        ("runs/20261120T150226Z-000000/cancel", json!({}), 404, "no such run"),
        ("runs/..%2F..%2Fstate.db/cancel", json!({}), 404, "no such run"),
    ] {
        let refused = post(path, body.clone()).is(status);
        assert!(refused.detail().contains(words), "{path} {body}: {refused:?}");
    }
    for path in ["runs/x/log", "runs/x/events", "runs/x", "queries/nope", "queries/run"] {
        let refused = server.get(&format!("/api/v1/{path}")).is(404);
        assert!(refused.detail().contains("no such"), "{path}: {refused:?}");
    }
    assert_eq!(site.history(), Vec::<Value>::new(), "nothing has begun");
}

#[test]
fn a_role_that_is_too_low_may_look_and_no_more() {
    let (site, server) = started();
    for (role, path) in [
        ("read", "jobs/greet/plan"),
        ("read", "jobs/greet/runs"),
        ("read", "commands/cleanup-temp/plan"),
        ("read", "commands/cleanup-temp/runs"),
        ("operate", "jobs/ship/runs"),
        ("operate", "jobs/spaced/plan"),
        ("operate", "commands/deploy/runs"),
        ("operate", "commands/restore/runs"),
    ] {
        let refused = server.key(role).post(&format!("/api/v1/{path}"), &json!({})).is(403);
        assert!(refused.detail().contains("needs"), "{role} {path}: {refused:?}");
    }
    assert_eq!(site.history(), Vec::<Value>::new());
    for path in
        ["site", "jobs", "commands", "runs", "queries/status", "queries/history", "queries/config-check"]
    {
        let _ = server.key("read").get(&format!("/api/v1/{path}")).is(200);
    }
    let _ = server.key("read").get("/metrics").is(200);
}

#[test]
fn a_query_answers_as_on_the_command_line() {
    let (site, server) = started();
    let _ = site.maint(&["run", "greet"]).exits(0);
    for (query, words) in [
        ("history?limit=1", vec!["history", "--limit", "1"]),
        ("history?job=greet", vec!["history", "greet"]),
        ("logs?job=greet", vec!["logs", "greet"]),
        ("config-show", vec!["config", "show"]),
        ("locks", vec!["locks"]),
    ] {
        let from_afar = server.get(&format!("/api/v1/queries/{query}")).is(200).json();
        let typed = site.maint(&[&words[..], &["--json"]].concat()).exits(0).json();
        assert_eq!(from_afar, typed, "{query}");
    }
    let wrong = server.get("/api/v1/queries/history?limit=x").is(400);
    assert!(wrong.detail().contains("--limit"), "{wrong:?}");
    let missing = server.get("/api/v1/queries/why").is(400);
    assert!(missing.detail().contains("<JOB>"), "{missing:?}");
}

#[test]
fn the_options_of_a_command_are_those_of_the_command_line() {
    let (_site, server) = started();
    let all = server.key("read").get("/api/v1/commands").is(200).json();
    let stuck = all.as_array().unwrap().iter().find(|it| it["name"] == "cleanup-stuck").unwrap();
    assert!(stuck["options"]["properties"]["restore_id"]["description"].is_string(), "{stuck:#}");
    assert_eq!(
        stuck["options"]["properties"].get("force"),
        None,
        "who asks from afar has been asked already"
    );
    let document = server.anonymous().get("/api/v1/openapi.json").is(200).json();
    let plan = &document["paths"]["/api/v1/commands/cleanup-stuck/plan"]["post"];
    assert_eq!(plan["requestBody"]["content"]["application/json"]["schema"], stuck["options"]);
    assert_eq!(document["openapi"], "3.1.0");
}

#[test]
fn a_server_outlives_a_broken_maint_toml_and_a_run_says_what_is_wrong() {
    let (site, server) = started();
    let file = site.path("maint.toml");
    let before = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{before}\n[wibble]\n")).unwrap();
    let refused = server.post("/api/v1/jobs/greet/runs", &json!({})).is(503);
    assert!(refused.detail().contains("unknown key `wibble`"), "{refused:?}");
    assert_eq!(server.key("read").get("/api/v1/site").is(200).json()["site"], "test");
    fs::write(&file, before).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let begun = server.post("/api/v1/jobs/greet/runs", &json!({})).is(202).json();
    assert_eq!(ended(&server, begun["run"].as_str().unwrap())["status"], "done");
}

#[test]
fn a_state_folder_that_cannot_be_used_is_no_mistake_of_whoever_asks() {
    let (site, server) = started();
    let begun = server.post("/api/v1/jobs/greet/runs", &json!({})).is(202).json();
    ended(&server, begun["run"].as_str().unwrap());
    let database = site.state().join("state.db");
    for log in ["state.db-wal", "state.db-shm"] {
        let _ = fs::remove_file(site.state().join(log));
    }
    fs::write(&database, "this was a database\n".repeat(300)).unwrap();
    let is_told = |refused: Answer| {
        assert!(refused.detail().contains("state.db is damaged; move it away"), "{refused:?}");
    };
    for path in ["jobs", "runs", "queries/status"] {
        is_told(server.get(&format!("/api/v1/{path}")).is(503));
    }
    is_told(server.post("/api/v1/jobs/greet/runs", &json!({})).is(503));
    fs::remove_file(database).unwrap();
    let _ = server.post("/api/v1/jobs/greet/runs", &json!({})).is(202);
}

#[test]
fn a_run_goes_on_when_the_server_ends() {
    let (site, server) = started();
    let begun = server.post("/api/v1/jobs/wait/runs", &json!({})).is(202).json();
    let _ = server.stop();
    let locks = site.maint(&["locks", "--json"]).exits(0).json();
    assert_eq!(locks[0]["run"], begun["run"], "it still runs");
    let _ = site.maint(&["cancel", begun["run"].as_str().unwrap()]).exits(0);
}
