//! `maint services`: containers, Redis, workers and addresses in one table, exit 3 when one is down.

use crate::support::docker::{Form, Project, Service, StandIn};
use crate::support::http::{Reply, Server};
use crate::support::redis::{Farm, Redis, free_port};
use crate::support::{Run, Site, inside, leave_out, run};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const FILE: &str = "services:\n  api:\n    image: bot-api\n  worker:\n    image: bot-worker\n";

/// A site with a Compose file and a stand-in whose services all run.
fn scene(form: Form, config: &str) -> (Site, StandIn) {
    let site = Site::new(&format!("[compose]\nproject = \"bot\"\ntimeout = \"3s\"\n{config}"));
    fs::write(site.path("docker-compose.yml"), FILE).unwrap();
    let stand_in = StandIn::of(&site, form, &["api", "worker"]);
    (site, stand_in)
}

fn ask(site: &Site, stand_in: &StandIn, args: &[&str]) -> Run {
    run(&mut stand_in.command(site, &[&["services"], args].concat()))
}

/// The service of this name.
#[track_caller]
fn service<'a>(board: &'a Value, name: &str) -> &'a Value {
    let all = board["services"].as_array().unwrap();
    all.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("no {name} in {board}"))
}

fn names(board: &Value) -> Vec<&str> {
    board["services"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
}

#[test]
fn services_that_run_have_the_recorded_form() {
    for form in Form::ALL {
        let (site, stand_in) = scene(form, "");
        stand_in.container("api", "memory", "123.5MiB / 2GiB");
        stand_in.container("api", "cpu", "150.25%");
        let board = ask(&site, &stand_in, &["--json"]).exits(0).json();
        assert_eq!(names(&board), ["api", "worker"], "{form:?}: {board}");
        for one in board["services"].as_array().unwrap() {
            for key in ["name", "status", "uptime", "memory_usage", "cpu_usage"] {
                assert!(one.get(key).is_some(), "{form:?}: no {key} in {one}");
            }
            assert_eq!(one["status"], "running", "{form:?}: {board}");
            assert!(!one["uptime"].is_null() && !one["memory_usage"].is_null(), "{form:?}: {one}");
        }
        assert!(service(&board, "api")["cpu_usage"].to_string().contains("150"), "{form:?}: {board}");
        assert!(board["timestamp"].is_string(), "{board}");
        assert_eq!(stand_in.changes(), [""; 0], "{form:?}: looking changed something");
    }
}

#[test]
fn the_form_is_that_of_the_recorded_answer() {
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/linkedin/api/03-services.txt");
    let Ok(text) = fs::read_to_string(recorded) else {
        return leave_out("the recorded services", "../shared/data/linkedin is not here");
    };
    let recorded: Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
    let (site, stand_in) = scene(Form::Lines, "");
    let board = ask(&site, &stand_in, &["--json"]).exits(0).json();
    for key in recorded.as_object().unwrap().keys() {
        assert!(board.get(key).is_some(), "no {key} in {board}");
    }
    for key in recorded["services"][0].as_object().unwrap().keys() {
        assert!(board["services"][0].get(key).is_some(), "no {key} in {board}");
    }
}

#[test]
fn a_service_that_is_down_is_found_whatever_way_it_is_down() {
    for form in Form::ALL {
        for (key, value) in [
            ("state", json!("exited")),
            ("state", json!("paused")),
            ("state", json!("restarting")),
            ("state", json!("dead")),
            ("state", json!("created")),
            ("health", json!("unhealthy")),
        ] {
            let (site, stand_in) = scene(form, "");
            stand_in.container("worker", key, value.clone());
            if value == "exited" {
                stand_in.container("worker", "exit_code", 137);
                stand_in.container("worker", "health", "");
            }
            let found = ask(&site, &stand_in, &["--json"]).exits(3);
            let board = found.json();
            assert_eq!(service(&board, "api")["status"], "running", "{form:?} {value}: {board}");
            assert_ne!(service(&board, "worker")["status"], "running", "{form:?} {value}: {board}");
            let shown = ask(&site, &stand_in, &[]).exits(3).stdout;
            let line = shown.lines().find(|line| line.contains("worker")).expect("the worker has a line");
            assert!(
                line.contains(value.as_str().unwrap()) || line.contains("stopped"),
                "{form:?} {value}: {shown}"
            );
        }
    }
}

#[test]
fn a_service_without_a_container_is_down() {
    for form in Form::ALL {
        let (site, stand_in) = scene(form, "");
        stand_in.change(|engine| {
            engine["containers"].as_array_mut().unwrap().retain(|one| one["service"] != "worker");
        });
        let board = ask(&site, &stand_in, &["--json"]).exits(3).json();
        assert_ne!(service(&board, "worker")["status"], "running", "{form:?}: {board}");
        assert_eq!(service(&board, "api")["status"], "running", "{form:?}: {board}");
    }
}

#[test]
fn a_service_that_is_starting_or_has_no_check_is_not_down() {
    for form in Form::ALL {
        for health in ["starting", ""] {
            let (site, stand_in) = scene(form, "");
            stand_in.container("worker", "health", health);
            let _ = ask(&site, &stand_in, &[]).exits(0);
        }
    }
}

#[test]
fn one_service_may_be_asked_for() {
    let (site, stand_in) = scene(Form::Lines, "");
    stand_in.container("worker", "health", "unhealthy");
    let board = ask(&site, &stand_in, &["--service", "api", "--json"]).exits(0).json();
    assert_eq!(names(&board), ["api"]);
    let _ = ask(&site, &stand_in, &["--service", "worker"]).exits(3);
    let wrong = ask(&site, &stand_in, &["--service", "wroker"]).exits(2);
    assert!(wrong.complaint().contains("wroker"), "{}", wrong.stderr);
}

#[test]
fn a_daemon_that_is_down_is_told_in_a_line_with_its_cure() {
    for form in Form::ALL {
        for mood in ["down", "forbidden"] {
            let (site, stand_in) = scene(form, "");
            stand_in.mood(mood);
            let down = ask(&site, &stand_in, &[]);
            let shown = format!("{form:?} {mood}: {} {}{}", down.code, down.stdout, down.stderr);
            assert!(matches!(down.code, 1 | 3), "{shown}");
            assert!(down.stderr.lines().count() <= 1, "{shown}");
            let text = format!("{}{}", down.stdout, down.stderr);
            assert!(text.contains("Docker"), "{shown}");
            let cure = if mood == "down" { "systemctl start docker" } else { "docker" };
            assert!(text.contains(cure), "no cure: {shown}");
            assert!(!text.contains("Traceback") && !text.contains("urllib3"), "{shown}");
        }
    }
}

#[test]
fn without_docker_it_is_said_what_to_install() {
    let site = Site::new("[compose]\nproject = \"bot\"\n");
    fs::write(site.path("docker-compose.yml"), FILE).unwrap();
    let empty = site.around().join("empty");
    fs::create_dir(&empty).unwrap();
    let missing = run(site.command(&["services"]).env("PATH", &empty));
    assert!(matches!(missing.code, 1 | 3), "{}", missing.stderr);
    let text = format!("{}{}", missing.stdout, missing.stderr);
    assert!(text.contains("docker") && text.contains("install"), "{text}");
}

#[test]
fn a_docker_that_hangs_babbles_or_floods_is_given_up() {
    for (form, mood) in
        Form::ALL.into_iter().flat_map(|form| ["hang", "garbage", "huge"].map(|mood| (form, mood)))
    {
        let (site, stand_in) = scene(form, "");
        stand_in.mood(mood);
        let begin = Instant::now();
        let limited = ["sh", "-c", "ulimit -d 300000; exec \"$@\"", "sh"];
        let ended = run(&mut inside(&limited, &stand_in.command(&site, &["services"])));
        let shown = format!("{form:?} {mood}: {} {}", ended.code, ended.stderr);
        assert!(matches!(ended.code, 1 | 3), "{shown}");
        assert!(begin.elapsed() < Duration::from_secs(20), "{shown} after {:?}", begin.elapsed());
        assert!(!ended.stdout.contains('\u{1b}') && !ended.stderr.contains('\u{1b}'), "{shown}");
        assert!(ended.stderr.len() < 4_000 && !ended.stderr.contains("panicked"), "{shown}");
        assert_eq!(site.processes(), [0_u32; 0], "{shown}");
    }
}

#[test]
fn a_compose_file_that_is_missing_or_broken_is_named() {
    for form in Form::ALL {
        let (site, stand_in) = scene(form, "file = \"deploy/compose.pi4.yml\"\n");
        let missing = ask(&site, &stand_in, &[]);
        assert!(matches!(missing.code, 1..=3), "{}", missing.stderr);
        let text = format!("{}{}", missing.stdout, missing.stderr);
        assert!(text.contains("compose.pi4.yml"), "{form:?}: {text}");
        let (site, stand_in) = scene(form, "");
        fs::write(site.path("docker-compose.yml"), "{ not: [yaml").unwrap();
        let broken = ask(&site, &stand_in, &[]);
        assert!(
            matches!(broken.code, 1..=3) && !broken.stderr.contains("Traceback"),
            "{form:?}: {}",
            broken.stderr
        );
    }
}

#[test]
fn a_site_without_anything_to_show_says_so() {
    let site = Site::new("");
    let nothing = site.maint(&["services"]);
    assert!(matches!(nothing.code, 0 | 2), "{} {}", nothing.code, nothing.stderr);
    let text = format!("{}{}", nothing.stdout, nothing.stderr);
    assert!(text.contains("compose") || text.contains("checks"), "{text}");
}

#[test]
fn redis_and_its_workers_are_services() {
    Farm::each("", |farm| {
        let board = farm.maint(&["services", "--json"]);
        assert_eq!(board.code, 3, "without a worker: {}", board.stdout);
        let one = farm.worker("one");
        let board = farm.maint(&["services", "--json"]).exits(0).json();
        assert_eq!(service(&board, "redis")["status"], "running");
        assert_eq!(service(&board, "workers")["status"], "running", "{board}");
        assert!(service(&board, "workers")["uptime"].to_string().contains('1'), "{board}");
        drop(one);
        let shown = farm.maint(&["services"]).stdout;
        assert!(shown.contains("redis") && shown.contains("workers"), "{shown}");
    });
}

#[test]
fn a_redis_that_is_down_is_one_line_of_the_table_and_the_rest_is_shown() {
    let server = Server::always(Reply::new(200, "ok"));
    let config = format!(
        "[redis]\nurl = \"redis://127.0.0.1:{}/0\"\nqueue = \"bot\"\n[checks.site]\nhttp = \"{}\"\n",
        free_port(),
        server.url("/health")
    );
    let (site, stand_in) = scene(Form::Lines, &config);
    let board = ask(&site, &stand_in, &["--json"]).exits(3).json();
    for (name, is_up) in [("api", true), ("worker", true), ("redis", false), ("site", true)] {
        assert_eq!(service(&board, name)["status"] == "running", is_up, "{name}: {board}");
    }
    if let Some(mut redis) = Redis::start() {
        redis.stop();
        let site = Site::new(&format!("[redis]\nurl = \"{}\"\nqueue = \"bot\"\n", redis.url()));
        assert_eq!(service(&site.maint(&["services", "--json"]).exits(3).json(), "redis")["status"], "error");
    }
}

#[test]
fn an_address_that_is_down_slow_or_wrong_is_found() {
    let config = |url: &str| format!("[checks.site]\nhttp = \"{url}\"\nmax_latency = \"300ms\"\n");
    let site = Site::new(&config(&format!("http://127.0.0.1:{}/health", free_port())));
    let board = site.maint(&["services", "--json"]).exits(3).json();
    assert_ne!(service(&board, "site")["status"], "running");
    for reply in [
        Reply::new(500, "broken"),
        Reply::new(404, "no"),
        Reply::new(200, "late").after(Duration::from_secs(2)),
        Reply::mute(),
    ] {
        let server = Server::always(reply.clone());
        let site = Site::new(&config(&server.url("/health")));
        let begin = Instant::now();
        let ended = site.maint(&["services", "--json"]);
        assert_eq!(ended.code, 3, "{reply:?}: {}", ended.stdout);
        assert_ne!(service(&ended.json(), "site")["status"], "running", "{reply:?}");
        assert!(begin.elapsed() < Duration::from_secs(8), "{reply:?}");
    }
    for status in [200, 204, 302] {
        let server = Server::always(Reply::new(status, ""));
        let site = Site::new(&config(&server.url("/health")));
        assert_eq!(
            service(&site.maint(&["services", "--json"]).exits(0).json(), "site")["status"],
            "running",
            "{status}"
        );
    }
}

#[test]
fn services_may_have_the_names_of_the_original() {
    let config = "[services.names]\napi = \"API\"\nworker = \"Bot Worker\"\n";
    let (site, stand_in) = scene(Form::Lines, config);
    let board = ask(&site, &stand_in, &["--json"]).exits(0).json();
    assert_eq!(names(&board), ["API", "Bot Worker"]);
}

#[test]
fn watching_goes_on_until_it_is_ended() {
    let (site, stand_in) = scene(Form::Lines, "");
    let mut watch = stand_in.command(&site, &["services", "--watch"]);
    let child =
        watch.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    crate::support::wait_until("it looks twice", || {
        stand_in.calls().iter().filter(|call| call.contains("stats")).count() >= 3
    });
    crate::support::send(&child, rustix::process::Signal::INT);
    let ended = crate::support::finish(child);
    assert!(matches!(ended.code, 0 | 130), "{} {}", ended.code, ended.stderr);
    assert!(ended.stdout.matches("worker").count() >= 2, "{}", ended.stdout);
}

#[test]
fn words_of_a_container_cannot_reach_the_terminal() {
    let (site, stand_in) = scene(Form::Lines, "");
    stand_in.container("worker", "name", "evil\u{1b}]0;title\u{7}");
    stand_in.container("worker", "state", "\u{1b}[2Jexited");
    let shown = ask(&site, &stand_in, &[]);
    assert!(!format!("{}{}", shown.stdout, shown.stderr).contains(['\u{1b}', '\u{7}']), "{:?}", shown.stdout);
    assert!(!shown.stderr.contains("panicked"));
}

#[test]
fn real_containers_are_seen_as_they_are() {
    let Some(project) = Project::new(&["api", "worker"]) else { return };
    let site = Site::new(&project.config());
    fs::write(site.path("docker-compose.yml"), project.compose_file()).unwrap();
    for (name, version) in [("api", "one"), ("worker", "one ill")] {
        for (file, content) in Project::files(&Service { name, version }) {
            site.file(&file, &content, 0);
        }
    }
    let services = |args: &[&str]| run(&mut project.command(&site, &[&["services"], args].concat()));
    let nothing = services(&["--json"]).exits(3).json();
    assert_ne!(service(&nothing, "api")["status"], "running", "{nothing}");
    let _ = project.compose(&site, &["up", "-d", "--build"]);
    crate::support::wait_until("the worker is ill", || {
        let containers = project.containers("worker");
        let id = containers[0].split(' ').next().unwrap();
        project
            .docker(&["inspect", "--format", "{{.State.Health.Status}}", id])
            .stdout
            .starts_with("unhealthy")
    });
    let board = services(&["--json"]).exits(3).json();
    assert_eq!(service(&board, "api")["status"], "running", "{board}");
    assert_ne!(service(&board, "worker")["status"], "running", "{board}");
    assert!(!service(&board, "api")["memory_usage"].is_null(), "{board}");
    let _ = services(&["--service=api"]).exits(0);
    let _ = project.compose(&site, &["stop", "-t", "0", "api"]);
    let board = services(&["--service=api", "--json"]).exits(3).json();
    assert_ne!(service(&board, "api")["status"], "running", "{board}");
}

#[test]
fn a_real_client_without_a_daemon_is_told_in_a_line() {
    if !Path::new("/usr/bin/docker").exists() {
        return leave_out("the real docker without a daemon", "docker (package docker.io) is missing");
    }
    let site = Site::new("[compose]\nproject = \"bot\"\n");
    fs::write(site.path("docker-compose.yml"), FILE).unwrap();
    let down = run(site.command(&["services"]).env("DOCKER_HOST", "unix:///nowhere/docker.sock"));
    assert!(matches!(down.code, 1 | 3), "{} {}", down.code, down.stderr);
    let text = format!("{}{}", down.stdout, down.stderr);
    assert!(
        text.contains("Docker") && !text.contains("Traceback") && down.stderr.lines().count() <= 1,
        "{text}"
    );
}
