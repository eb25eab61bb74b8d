//! The bot's own API (system 004) of `maint serve`: what its routes do, for whom, and what they refuse.

use crate::support::checkout::Checkout;
use crate::support::docker::{Form, StandIn};
use crate::support::http::{Reply, Server as Page};
use crate::support::redis::{Farm, Redis, Version};
use crate::support::server::{Answer, KEYS, Server, site};
use crate::support::{Site, WAIT, wait_until};
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant};

const SERVICES: &str = "/deployment/services/status";
const MAINTENANCE: &str = "/deployment/maintenance";
const DEPLOY: &str = "/deployment/deploy";

/// Asks so often at the same time.
fn at_once(count: usize, ask: impl Fn() -> Answer + Sync) -> Vec<Answer> {
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..count).map(|_| scope.spawn(&ask)).collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

fn press(server: &Server, action: &str) -> Answer {
    server.post(MAINTENANCE, &json!({ "action": action }))
}

/// A site with a small database and a log of 20 lines, of which 5 stay.
fn site_with_log_and_database(rest: &str) -> Site {
    let site = site(&format!(
        "[trim-logs]\npaths = [\"app.log\"]\nlines = 5\n[databases.app]\nurl = \"sqlite:app.db\"\n{rest}"
    ));
    fs::write(site.path("app.log"), "a line of the log\n".repeat(20)).unwrap();
    let database = rusqlite::Connection::open(site.path("app.db")).unwrap();
    database.execute_batch("CREATE TABLE t (x TEXT); INSERT INTO t VALUES ('x')").unwrap();
    site
}

#[test]
fn of_fifty_who_ask_for_a_vacuum_at_once_one_gets_it_and_the_rest_are_told_whose_it_is() {
    let site = site_with_log_and_database("");
    let server = Server::start(&site);
    let answers = at_once(50, || press(&server, "vacuum_db"));
    let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(done.len(), 1, "{answers:?}");
    assert_eq!(done[0].json()["status"], "success");
    for answer in refused {
        assert_eq!(answer.status, 409, "{answer:?}");
        assert!(answer.detail().contains("vacuum-db is running (asked for by deployer"), "{answer:?}");
    }
    let runs = site.history();
    assert_eq!(runs.len(), 1, "{runs:?}");
    assert_eq!((&runs[0]["job"], &runs[0]["by"]), (&json!("vacuum-db"), &json!("deployer")));
}

#[test]
fn what_cron_runs_is_not_run_beside_it() {
    let site =
        site_with_log_and_database(&format!("[jobs.night]\nshell = '''{WAIT}'''\nlock = \"trim-logs\"\n"));
    let server = Server::start(&site);
    let night = site.hold("night");
    let before = fs::read(site.path("app.log")).unwrap();
    let refused = press(&server, "clean_logs").is(409).detail();
    assert!(refused.contains("night") && refused.contains(&format!("pid {}", night.id())), "{refused}");
    assert_eq!(fs::read(site.path("app.log")).unwrap(), before);
    site.release(night);
    let told = press(&server, "clean_logs").is(200).json();
    assert_eq!(told["message"], "Logs nettoyés (20 -> 5 lignes)");
}

#[test]
fn many_who_look_at_once_are_told_by_one_look_and_a_change_is_seen_at_once() {
    let page = Page::always(Reply::new(200, "").after(Duration::from_millis(400)));
    let site = site_with_log_and_database(&format!("[checks.page]\nhttp = \"{}\"\n", page.url("")));
    let server = Server::start(&site);
    for answer in at_once(20, || server.get(SERVICES)) {
        assert_eq!(answer.is(200).json()["services"][0]["status"], "running");
    }
    assert_eq!(page.received().len(), 1, "each has looked by itself");
    let _ = server.get(SERVICES).is(200);
    assert_eq!(page.received().len(), 1, "it was forgotten within 400 ms");
    let _ = press(&server, "clean_logs").is(200);
    let _ = server.get(SERVICES).is(200);
    assert_eq!(page.received().len(), 2, "what was seen before the change was told after it");
}

#[test]
fn the_server_says_that_it_is_well_while_its_looks_hang() {
    let page = Page::always(Reply::mute().after(Duration::from_secs(3)));
    let site = site(&format!("[checks.page]\nhttp = \"{}\"\n", page.url("")));
    let server = Server::start(&site);
    std::thread::scope(|scope| {
        for number in 0..12 {
            // Each is another question.
            let path = format!("/api/v1/queries/services?service={}page", "page,".repeat(number));
            let server = &server;
            scope.spawn(move || server.get(&path).status);
        }
        wait_until("somebody looks", || !page.received().is_empty());
        let begun = Instant::now();
        assert_eq!(server.anonymous().get("/health").is(200).json()["status"], "healthy");
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    });
}

#[test]
fn a_changed_configuration_is_read_anew_and_a_broken_one_leaves_the_site_as_it_was() {
    let page = Page::always(Reply::new(200, ""));
    let site = site(&format!("[checks.page]\nhttp = \"{}\"\n", page.url("")));
    let server = Server::start(&site);
    let name = || server.get(SERVICES).is(200).json()["services"][0]["name"].clone();
    let health = || server.anonymous().get("/health").is(200).json()["status"].clone();
    assert_eq!(name(), "page");
    let old = fs::read_to_string(site.path("maint.toml")).unwrap();
    site.configure(&format!("{old}[services.names]\npage = \"The Page\"\n"));
    wait_until("the new name is shown", || name() == "The Page");
    site.configure(&format!("{old}[nonsense]\n"));
    wait_until("it is told that something is wrong", || health() == "degraded");
    assert_eq!(name(), "The Page");
    let log = server.log();
    assert!(log.contains("the site is served as it was before") && log.contains("nonsense"), "{log}");
    site.configure(&old);
    wait_until("all is well again", || health() == "healthy");
    wait_until("the old name is shown", || name() == "page");
}

#[test]
fn a_role_may_do_what_it_may_and_nothing_else() {
    let site = site_with_log_and_database("[checks.page]\nhttp = \"http://127.0.0.1:9/\"\n");
    let server = Server::start(&site);
    let (trim, pull) = (json!({ "action": "clean_logs" }), json!({ "action": "pull" }));
    let _ = server.key("read").get(SERVICES).is(200);
    for (role, path, body) in
        [("read", MAINTENANCE, &trim), ("read", DEPLOY, &pull), ("operate", DEPLOY, &pull)]
    {
        let refused = server.key(role).post(path, body).is(403).detail();
        assert!(refused.contains(role), "{refused}");
    }
    let _ = server.key("read").post("/stop", &json!({})).is(403);
    assert_eq!(site.history(), [] as [Value; 0]);
    let _ = server.key("operate").post(MAINTENANCE, &trim).is(200);
    assert_eq!(site.history()[0]["by"], "operator");
}

/// A clone with two services of a stand-in for Docker, and its server.
fn deployed(site: &Site) -> (Checkout, StandIn, Server) {
    let file = "services:\n  api:\n    build: api\n  worker:\n    build: worker\n";
    let files = [("docker-compose.yml", file), ("api/version.txt", "v1\n"), ("worker/version.txt", "v1\n")];
    let checkout = Checkout::of(site, &files);
    let docker = StandIn::of(site, Form::Lines, &["api", "worker"]);
    let server = Server::with(site, docker.command(site, &["serve", "--listen", "127.0.0.1:0"]));
    (checkout, docker, server)
}

const QUICK: &str = "[compose]\nproject = \"bot\"\n[deploy]\nhealth_timeout = \"2s\"\nsettle = \"1s\"\n";

#[test]
fn a_deploy_does_what_the_original_left_to_the_host() {
    let site = site(QUICK);
    let (checkout, docker, server) = deployed(&site);
    let new = checkout.publish(&[("api/version.txt", "v2\n")]);
    let told = server.post(DEPLOY, &json!({ "action": "pull" })).is(200).json();
    assert_eq!(
        (&told["status"], &told["message"]),
        (&json!("success"), &json!("Code mis à jour depuis Git"))
    );
    assert!(told["output"].as_str().unwrap().contains(&new[..7]), "{told}");
    assert_eq!(checkout.head(), new);
    let told = server.post(DEPLOY, &json!({ "action": "restart", "service": "worker" })).is(200).json();
    assert_eq!(
        (&told["status"], &told["message"]),
        (&json!("success"), &json!("Service worker redémarré")),
        "{told}"
    );
    assert!(docker.changes().iter().any(|call| call.contains("worker")), "{:?}", docker.changes());
    let told = server.post(DEPLOY, &json!({ "action": "rebuild" })).is(200).json();
    assert_eq!(told["status"], "success", "{told}");
    assert_eq!(
        told.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["action", "status", "message", "output"]
    );
}

#[test]
fn odd_services_and_bodies_are_refused_and_nothing_is_touched() {
    let site = site(QUICK);
    let (checkout, docker, server) = deployed(&site);
    let before = (checkout.everything(), docker.changes());
    let long = "x".repeat(10_000);
    let services =
        ["; rm -rf /", "--help", "-x", "../x", "/etc/passwd", "a b", "a,b", "", "é", "a\u{0}b", &long];
    for service in services {
        let asked = json!({ "action": "restart", "service": service });
        let refused = server.post(DEPLOY, &asked).is(400).detail();
        assert!(refused.len() < 300 && !refused.contains('\u{0}'), "{refused}");
    }
    let wrong = [
        "",
        "null",
        "[]",
        "5",
        "{",
        "{}",
        "\u{0}",
        r#"{"action":5}"#,
        r#"{"action":null}"#,
        r#"{"action":["pull"]}"#,
    ];
    for path in [MAINTENANCE, DEPLOY] {
        for body in wrong {
            let asker = server.key("deploy").header("Content-Type", "application/json");
            let answer = asker.send("POST", path, Some(body)).is(422);
            assert!(answer.json()["detail"][0]["type"].is_string(), "{body}: {answer:?}");
        }
        let unknown = server.post(path, &json!({ "action": "rm\n-rf" })).is(400).detail();
        assert_eq!(unknown, "Action inconnue: rm\\n-rf");
        let _ = server.get(path).is(405);
    }
    let told = server.post(DEPLOY, &json!({ "action": "restart", "service": "nowhere" })).is(200).json();
    let message = told["message"].as_str().unwrap();
    assert!(told["status"] == "error" && message.contains("there is no service `nowhere`"), "{told}");
    let typing_error = json!({ "action": "restart", "servce": "api" });
    let _ = server.post(DEPLOY, &typing_error).is(422);
    assert_eq!((checkout.everything(), docker.changes()), before);
    assert_eq!(site.history(), [] as [Value; 0]);
}

#[test]
fn the_emergency_stop_ends_what_runs_and_removes_what_waits() {
    let Some(farm) = Farm::of(Version::Two, KEYS, Redis::start()) else { return };
    let server = Server::with(&farm.site, farm.command(&["serve", "--listen", "127.0.0.1:0"]));
    let _worker = farm.worker("one");
    farm.napping("nap");
    farm.enqueue(&json!([{"id": "wait-0", "func": "ok"}, {"id": "wait-1", "func": "ok"}]));
    let told = server.key("operate").post("/stop", &json!({})).is(200).json();
    let expected = json!({
        "status": "success",
        "message": "Arrêt d'urgence effectué avec succès (3 jobs arrêtés)",
        "cancelled_jobs": 1, "emptied_queue": 2, "total_stopped": 3,
    });
    assert_eq!(told, expected);
    assert!(!farm.still_naps("nap"), "it goes on");
    assert_eq!(server.get("/deployment/jobs").json()["queued"], json!([]));
}
