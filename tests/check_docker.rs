//! `maint check` of a Compose project: services, what containers use, the errors in their logs, their volumes.

use crate::check::row;
use crate::support::docker::{Form, Project, Service, StandIn};
use crate::support::{Run, Site, run};
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const FILE: &str = "services:\n  api:\n    image: bot-api\n  worker:\n    image: bot-worker\n";
const LOGS: &str = "[checks.logs]\nlogs = true\nmax_errors = 1\n";

/// A site with a Compose file and a stand-in whose services all run.
fn scene(form: Form, config: &str) -> (Site, StandIn) {
    let site = Site::new(&format!("[compose]\nproject = \"bot\"\ntimeout = \"3s\"\n{config}"));
    fs::write(site.path("docker-compose.yml"), FILE).unwrap();
    let stand_in = StandIn::of(&site, form, &["api", "worker"]);
    (site, stand_in)
}

fn ask(site: &Site, stand_in: &StandIn) -> Run {
    run(&mut stand_in.command(site, &["check", "--json"]))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A line that was written so many seconds ago.
fn line(ago: u64, text: &str) -> Value {
    json!([now() - ago, text, 1])
}

fn detail(row: &Value) -> &str {
    row["detail"].as_str().unwrap()
}

#[test]
fn services_are_well_when_they_run_and_are_healthy() {
    for form in Form::ALL {
        let (site, stand_in) = scene(form, "[checks.up]\nservices = true\n");
        let report = ask(&site, &stand_in).exits(0).json();
        for service in ["api", "worker"] {
            let row = row(&report, &format!("up: {service}"));
            assert_eq!(
                (&row["value"], &row["unit"], &row["above"]),
                (&1.into(), &"up".into(), &false.into())
            );
        }
        stand_in.container("worker", "health", "unhealthy");
        let report = ask(&site, &stand_in).exits(3).json();
        let worker = row(&report, "up: worker");
        assert_eq!((&worker["state"], &worker["value"]), (&"bad".into(), &0.into()), "{form:?}");
        assert!(detail(&worker).contains("unhealthy"), "{worker}");
        assert_eq!(row(&report, "up: api")["state"], "ok");
        stand_in.container("worker", "health", "");
        stand_in.container("worker", "state", "exited");
        stand_in.container("worker", "exit_code", 137);
        let report = ask(&site, &stand_in).exits(3).json();
        assert!(detail(&row(&report, "up: worker")).ends_with("has ended with code 137"), "{report}");
    }
}

#[test]
fn a_service_without_a_container_or_that_nobody_declares_is_found() {
    let (site, stand_in) = scene(Form::Lines, "[checks.up]\nservices = [\"api\", \"wroker\"]\n");
    let report = ask(&site, &stand_in).exits(3).json();
    assert_eq!(
        detail(&row(&report, "up: wroker")),
        "the Compose file declares no such service; did you mean `worker`?"
    );
    let (site, stand_in) = scene(Form::Lines, "[checks.up]\nservices = true\n");
    stand_in.change(|engine| {
        engine["containers"].as_array_mut().unwrap().retain(|one| one["service"] != "worker");
    });
    let report = ask(&site, &stand_in).exits(3).json();
    assert_eq!(detail(&row(&report, "up: worker")), "it has no container");
}

#[test]
fn a_service_that_does_its_work_and_ends_is_well() {
    let (site, stand_in) = scene(Form::Lines, "once = [\"worker\"]\n[checks.up]\nservices = true\n");
    stand_in.container("worker", "state", "exited");
    stand_in.container("worker", "health", "");
    let _ = ask(&site, &stand_in).exits(0);
    stand_in.container("worker", "exit_code", 1);
    let _ = ask(&site, &stand_in).exits(3);
}

#[test]
fn what_containers_use_is_compared_with_what_they_may_use() {
    for form in Form::ALL {
        let (site, stand_in) = scene(form, "[checks.use]\ncontainers = true\nmax_cpu = \"80%\"\n");
        stand_in.container("api", "network", "1.5kB / 2MB");
        let report = ask(&site, &stand_in).exits(0).json();
        assert_eq!(row(&report, "use: bot-api-1 cpu")["value"], 20);
        assert_eq!(row(&report, "use: bot-api-1 received")["value"], 1_500);
        assert_eq!(row(&report, "use: bot-api-1 sent")["value"], 2_000_000);
        stand_in.container("api", "cpu", "80.25%");
        stand_in.container("worker", "memory", "1.9GiB / 2GiB");
        let report = ask(&site, &stand_in).exits(3).json();
        assert_eq!(row(&report, "use: bot-api-1 cpu")["state"], "bad", "{form:?}");
        let memory = row(&report, "use: bot-worker-1 memory");
        assert_eq!((&memory["value"], &memory["state"]), (&95.into(), &"bad".into()), "{form:?}");
        assert_eq!(row(&report, "use: bot-worker-1 cpu")["state"], "ok");
    }
}

#[test]
fn restarts_are_counted_since_the_last_check() {
    let (site, stand_in) = scene(Form::Lines, "[checks.use]\ncontainers = [\"api\"]\nmax_restarts = 2\n");
    let name = "use: bot-api-1 restarts";
    for (restarts, code, value) in [(2, 0, 2), (4, 0, 2), (9, 3, 5), (9, 0, 0)] {
        stand_in.container("api", "restarts", restarts);
        let report = ask(&site, &stand_in).exits(code).json();
        assert_eq!(row(&report, name)["value"], value, "{restarts}");
    }
}

#[test]
fn errors_in_logs_are_counted_grouped_and_shown() {
    let (site, stand_in) = scene(Form::Lines, LOGS);
    let lines = [
        line(100_000, "ERROR of the day before yesterday"),
        line(60, "2026-11-20 ERROR request 1 of 10.0.0.7 failed"),
        line(50, "all is well, 0 errors"),
        line(40, "2026-11-20 ERROR request 27 of 10.0.0.9 failed"),
        json!([now() - 30, "panic: \u{1b}[31mno \u{202e}memory", 2]),
    ];
    stand_in.container("api", "log", json!(lines));
    let report = ask(&site, &stand_in).exits(3).json();
    let api = row(&report, "logs: api");
    assert_eq!((&api["value"], &api["limit"], &api["state"]), (&3.into(), &1.into(), &"bad".into()));
    assert_eq!(
        api["excerpts"][0],
        json!({"count": 2, "text": "2026-11-20 ERROR request 1 of 10.0.0.7 failed"})
    );
    assert_eq!(api["excerpts"][1]["text"], "panic: no \\u{202e}memory");
    assert!(detail(&api).starts_with("2× 2026-11-20 ERROR request 1"), "{api}");
    assert_eq!(row(&report, "logs: worker")["value"], 0);
}

#[test]
fn an_error_is_counted_by_one_check_alone_and_not_by_a_rehearsal() {
    let (site, stand_in) = scene(Form::Lines, LOGS);
    stand_in.container("api", "log", json!([line(9, "ERROR a"), line(8, "ERROR b")]));
    let rehearsal = run(&mut stand_in.command(&site, &["check", "--dry-run"]));
    let _ = rehearsal.exits(3);
    let _ = ask(&site, &stand_in).exits(3);
    assert_eq!(row(&ask(&site, &stand_in).exits(0).json(), "logs: api")["value"], 0);
}

#[test]
fn what_counts_as_an_error_may_be_said() {
    let config = "[checks.logs]\nlogs = \"api\"\npattern = '(?i)\\bslow\\b'\nignore = ['^slow: known', \"healthz\"]\nmax_errors = 0\n";
    let (site, stand_in) = scene(Form::Lines, config);
    stand_in.container(
        "api",
        "log",
        json!([line(9, "slow: known"), line(8, "ERROR b"), line(7, "Slow /healthz")]),
    );
    assert_eq!(row(&ask(&site, &stand_in).exits(0).json(), "logs: api")["value"], 0);
    std::thread::sleep(Duration::from_millis(1_100));
    stand_in.container("api", "log", json!([line(0, "SLOW query")]));
    assert_eq!(row(&ask(&site, &stand_in).exits(3).json(), "logs: api")["value"], 1);
}

#[test]
fn when_the_clock_was_set_back_the_last_check_is_no_measure() {
    let (site, stand_in) = scene(Form::Lines, LOGS);
    let mut ahead = stand_in.command(&site, &["check", "--json"]);
    let _ = run(ahead.env("MAINT_NOW", "2096-11-20T15:02:26Z")).exits(0);
    stand_in.container("api", "log", json!([line(9, "ERROR a"), line(8, "ERROR b")]));
    assert_eq!(row(&ask(&site, &stand_in).exits(3).json(), "logs: api")["value"], 2);
}

#[test]
fn a_log_of_many_megabytes_is_read_in_little_memory() {
    let (site, stand_in) = scene(Form::Lines, LOGS);
    stand_in.container("api", "flood", json!([60_000, format!("ERROR {}", "x y ".repeat(40))]));
    let began = Instant::now();
    let limited = ["sh", "-c", "ulimit -d 200000; exec \"$@\"", "sh"];
    let command = stand_in.command(&site, &["check", "--json"]);
    let report = run(&mut crate::support::inside(&limited, &command)).exits(3).json();
    let api = row(&report, "logs: api");
    assert_eq!((&api["value"], &api["excerpts"][0]["count"]), (&60_000.into(), &60_000.into()));
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[test]
fn a_log_that_cannot_be_read_is_told() {
    let (site, stand_in) = scene(Form::Lines, LOGS);
    stand_in.container("api", "log driver", "none");
    let report = ask(&site, &stand_in).exits(3).json();
    let api = row(&report, "logs: api");
    assert_eq!(api["state"], "unknown");
    assert!(detail(&api).contains("does not support reading"), "{api}");
    assert_eq!(row(&report, "logs: worker")["state"], "ok");
    // What it has logged meanwhile is counted when it can be read again, and of others nothing twice.
    stand_in.container("api", "log", json!([line(1, "ERROR a"), line(1, "ERROR b")]));
    stand_in.container("worker", "log", json!([line(1, "ERROR a")]));
    let _ = ask(&site, &stand_in).exits(3);
    std::thread::sleep(Duration::from_millis(1_100));
    stand_in.container("api", "log driver", Value::Null);
    let report = ask(&site, &stand_in).exits(3).json();
    let counts = ["logs: api", "logs: worker"].map(|name| row(&report, name)["value"].clone());
    assert_eq!(counts, [2, 0]);
    assert_eq!(row(&ask(&site, &stand_in).exits(0).json(), "logs: api")["value"], 0);
}

#[test]
fn a_line_is_one_error_however_long_and_colourful_it_is() {
    let (site, stand_in) = scene(Form::Lines, LOGS);
    let lines = [
        line(9, "\u{1b}[31mERROR\u{1b}[0m a"),
        line(8, &"ERROR x ".repeat(20_000)),
        line(7, &format!("{} ERROR", "x ".repeat(20_000))),
    ];
    stand_in.container("api", "log", json!(lines));
    let api = row(&ask(&site, &stand_in).exits(3).json(), "logs: api");
    assert_eq!(api["value"], 2, "{api}");
    assert_eq!(api["excerpts"][0]["text"], "ERROR a", "{api}");
}

const ALL: &str = "[checks.up]\nservices = true\n[checks.use]\ncontainers = true\n[checks.logs]\nlogs = true\n\
    [checks.room]\nvolumes = true\n[checks.mq]\nrabbitmq = \"service:api\"\n[checks.root]\ndisk = \".\"\nmax_used = \"100%\"\nmax_inodes = \"100%\"\n";

#[test]
fn a_docker_that_is_down_hangs_or_babbles_costs_only_the_checks_that_need_it() {
    for (form, mood) in [
        (Form::Lines, "down"),
        (Form::One, "down"),
        (Form::Array, "forbidden"),
        (Form::Lines, "hang"),
        (Form::Lines, "garbage"),
        (Form::Lines, "huge"),
    ] {
        let (site, stand_in) = scene(form, ALL);
        stand_in.mood(mood);
        let began = Instant::now();
        let ended = ask(&site, &stand_in).exits(3);
        assert!(began.elapsed() < Duration::from_secs(20), "{mood}: {:?}", began.elapsed());
        let report = ended.json();
        for name in ["up", "use", "logs", "room", "mq"] {
            assert_eq!(row(&report, name)["state"], "unknown", "{mood}: {report:#}");
        }
        assert_eq!(row(&report, "root")["state"], "ok");
        assert!(!ended.stderr.contains('\u{1b}') && !ended.stderr.contains("Traceback"), "{}", ended.stderr);
        assert_eq!(site.processes(), [0_u32; 0], "{mood}");
    }
}

#[test]
fn docker_is_asked_once_for_all_checks() {
    let (site, stand_in) = scene(Form::Lines, ALL);
    let _ = ask(&site, &stand_in);
    for verb in [" ps ", " stats ", "config --services"] {
        let calls: Vec<String> = stand_in.calls().into_iter().filter(|call| call.contains(verb)).collect();
        assert_eq!(calls.len(), 1, "{calls:?}");
    }
    assert_eq!(stand_in.changes(), [""; 0]);
}

#[test]
fn queues_are_listed_by_rabbitmqs_own_program_in_its_container() {
    let config = "[checks.mq]\nrabbitmq = \"service:worker\"\nmax_messages = 5\n";
    let (site, stand_in) = scene(Form::One, config);
    let list = json!([{"name": "celery", "messages": 6, "consumers": 1}, {"name": "mail\u{1b}[2J", "messages": 0, "consumers": 0}]);
    let programs = json!({"rabbitmqctl": {"stdout": list.to_string()}});
    stand_in.container("worker", "programs", programs);
    let report = ask(&site, &stand_in).exits(3).json();
    let celery = row(&report, "mq: celery");
    assert_eq!((&celery["value"], &celery["limit"], &celery["state"]), (&6.into(), &5.into(), &"bad".into()));
    assert_eq!(row(&report, "mq: mail\\x1b[2J")["detail"], "nobody consumes it");
    stand_in.container("worker", "programs", json!({}));
    let report = ask(&site, &stand_in).exits(3).json();
    assert!(detail(&row(&report, "mq")).contains("executable file not found"), "{report}");
    stand_in.container("worker", "state", "exited");
    let report = ask(&site, &stand_in).exits(3).json();
    assert_eq!(detail(&row(&report, "mq")), "no container of the service worker runs");
}

#[test]
fn slow_queries_are_asked_of_psql_where_the_database_has_a_service() {
    let config = "[databases.app]\nurl = \"postgres://web@10.255.255.1/site\"\nservice = \"worker\"\n[checks.slow]\nslow_queries = \"app\"\n";
    let (site, stand_in) = scene(Form::Lines, config);
    let answer = json!({"hidden": 0, "slow": 1, "queries": [{"pid": 7, "user": "web", "application": "", "seconds": 61.5, "query": "SELECT\n 1"}]});
    stand_in.container("worker", "programs", json!({"psql": {"stdout": format!("{answer}\n")}}));
    let report = ask(&site, &stand_in).exits(3).json();
    let slow = row(&report, "slow");
    assert_eq!((&slow["value"], detail(&slow)), (&1.into(), "session 7 of web for 1 min 1 s: SELECT 1"));
    let call = stand_in.calls().into_iter().find(|call| call.contains("psql")).unwrap();
    assert!(call.contains(" -U web -d site -c "), "{call}");
}

#[test]
fn volumes_are_measured_where_they_are_or_in_a_container() {
    let config = "[checks.room]\nvolumes = true\nmax_used = \"100%\"\nmax_inodes = \"100%\"\n";
    let (site, stand_in) = scene(Form::Lines, config);
    let mount = |name: &str, source: &str| json!({"Type": "volume", "Name": name, "Source": source, "Destination": "/data"});
    let here = site.root().display().to_string();
    let mounts =
        json!([mount("bot_data", &here), mount("bot_far", "/no/such/place"), mount(&"ab".repeat(32), &here)]);
    stand_in.container("api", "mounts", mounts);
    let df = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda1 1000 250 750 25% /data\n";
    stand_in.container("api", "programs", json!({"df": {"stdout": df}}));
    let report = ask(&site, &stand_in).exits(0).json();
    assert_eq!(row(&report, "room: bot_data")["state"], "ok");
    let far = row(&report, "room: bot_far");
    assert_eq!((&far["value"], detail(&far)), (&25.into(), "750.0 KB free in bot-api-1"));
    assert_eq!(report["checks"].as_array().unwrap().len(), 4, "{report:#}");
    stand_in.container("api", "programs", json!({}));
    let report = ask(&site, &stand_in).exits(3).json();
    assert_eq!(row(&report, "room: bot_far")["state"], "unknown");
}

#[test]
fn twenty_services_take_no_longer_than_docker_does() {
    let names: Vec<String> = (0..20).map(|number| format!("s{number}")).collect();
    let site = Site::new(&format!("[compose]\nproject = \"bot\"\n{ALL}"));
    let file =
        names.iter().fold("services:\n".to_owned(), |file, name| file + "  " + name + ":\n    image: x\n");
    fs::write(site.path("docker-compose.yml"), file).unwrap();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let stand_in = StandIn::of(&site, Form::Lines, &names);
    let began = Instant::now();
    let report = ask(&site, &stand_in).json();
    assert!(report["checks"].as_array().unwrap().len() > 100);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn a_real_engine_is_checked() {
    let Some(project) = Project::new(&["web"]) else { return };
    let config = "[checks.up]\nservices = true\n[checks.use]\ncontainers = true\n[checks.logs]\nlogs = true\npattern = \"serving\"\nmax_errors = 0\n";
    let site = Site::new(&format!("{}{config}", project.config()));
    fs::write(site.path("docker-compose.yml"), project.compose_file()).unwrap();
    for (path, content) in Project::files(&Service { name: "web", version: "one" }) {
        let _ = site.file(&path, &content, 0);
    }
    let _ = project.compose(&site, &["up", "-d"]);
    crate::support::wait_until("the service answers", || project.serves("web").is_some());
    let check = |code| run(&mut project.command(&site, &["check", "--json"])).exits(code).json();
    let report = check(3);
    assert_eq!(row(&report, "up: web")["state"], "ok", "{report:#}");
    let logs = row(&report, "logs: web");
    assert_eq!(
        (&logs["value"], &logs["excerpts"][0]["text"]),
        (&1.into(), &"serving one".into()),
        "{report:#}"
    );
    let rows = report["checks"].as_array().unwrap();
    assert!(rows.iter().any(|row| row["name"].as_str().unwrap().ends_with(" memory")), "{report:#}");
    assert_eq!(row(&check(0), "logs: web")["value"], 0);
    let _ = project.compose(&site, &["stop", "-t", "1"]);
    assert_eq!(row(&check(3), "up: web")["state"], "bad");
}
