//! `maint serve`: who may come in.

use crate::support::Site;
use crate::support::server::{Answer, Asker, KEYS, Server, key_of, refused, site};
use serde_json::json;
use std::fs;

/// Every path that wants a key, as system 004 answers and as the rest does.
const BOT: [(&str, &str); 5] = [
    ("GET", "/deployment/services/status"),
    ("GET", "/deployment/jobs"),
    ("POST", "/deployment/maintenance"),
    ("POST", "/deployment/deploy"),
    ("POST", "/stop"),
];
const REST: [(&str, &str); 9] = [
    ("GET", "/api/v1/site"),
    ("GET", "/api/v1/jobs"),
    ("GET", "/api/v1/commands"),
    ("GET", "/api/v1/runs"),
    ("GET", "/api/v1/queries/status"),
    ("GET", "/api/v1/there-is-no-such-path"),
    ("POST", "/api/v1/jobs/a/runs"),
    ("POST", "/api/v1/commands/queue-clear/runs"),
    ("GET", "/metrics"),
];

#[test]
fn what_shows_no_secrets_is_open_and_the_rest_wants_a_key() {
    let site = site("[jobs.a]\nshell = \"touch ran\"\n");
    let server = Server::start(&site);
    let nobody = server.anonymous();
    assert_eq!(nobody.get("/health").is(200).json()["status"], "healthy");
    let _ = nobody.get("/").is(200);
    let _ = nobody.get("/api/v1/openapi.json").is(200);
    for (all, status) in [(&BOT[..], 403), (&REST[..], 401)] {
        for (method, path) in all {
            let missing = nobody.send(method, path, None).is(status);
            assert_eq!(missing.json(), json!({ "detail": "Missing API Key" }), "{path}");
            assert_eq!(
                nobody.clone().header("X-API-Key", "").send(method, path, None).detail(),
                "Missing API Key"
            );
        }
    }
    for path in ["/nothing", "/health/", "/stop/", "//stop", "/.env", "/deployment", "/api/v2", "/%73top"] {
        let answer = nobody.get(path);
        assert!(
            [401, 403, 404].contains(&answer.status) && !answer.detail().is_empty(),
            "{path}: {answer:?}"
        );
    }
}

#[test]
fn a_wrong_key_is_refused_like_that_of_the_original() {
    let (short, padded) = (&key_of("read")[1..], key_of("read") + "x");
    // Each server hears ten wrong keys from one address.
    let site = site("");
    let server = Server::start(&site);
    for (method, path) in BOT {
        let wrong = server.anonymous().header("X-API-Key", "nope").send(method, path, None).is(403);
        assert_eq!(wrong.json(), json!({ "detail": "Invalid API Key" }), "{path}");
    }
    for key in [short, &padded, "internal_secret_key", "\u{e9}\u{e9}"] {
        let wrong = server.anonymous().header("X-API-Key", key).get("/api/v1/jobs").is(401);
        assert_eq!(wrong.json(), json!({ "detail": "Invalid API Key" }), "{key}");
    }
    let log = server.log();
    assert!(log.contains("warn: a wrong key from 127.0.0.1 for POST /stop\n"), "{log}");
    assert!(!log.contains("nope") && !log.contains(short), "{log}");
}

#[test]
fn each_way_to_show_a_key_is_taken_and_two_at_once_are_not() {
    let site = site("");
    let server = Server::start(&site);
    let (nobody, key) = (server.anonymous(), key_of("read"));
    for (name, value) in [
        ("X-API-Key", key.clone()),
        ("x-api-key", key.clone()),
        ("Authorization", format!("Bearer {key}")),
        ("authorization", format!("bearer {key}")),
    ] {
        let _ = nobody.clone().header(name, &value).get("/api/v1/jobs").is(200);
    }
    let basic = nobody.clone().header("Authorization", "Basic dTpw");
    assert_eq!(basic.get("/api/v1/jobs").is(401).detail(), "Missing API Key");
    let twice = nobody.header("X-API-Key", &key).header("X-API-Key", &key);
    assert_eq!(twice.get("/api/v1/jobs").is(401).detail(), "Invalid API Key");
}

#[test]
fn after_ten_wrong_keys_an_address_is_refused_even_with_the_right_one() {
    let site = site("");
    let server = Server::start(&site);
    let _ = log_in(&server, "read").is(204);
    let cookie = cookie(&log_in(&server, "read"));
    for number in 0..10 {
        let wrong = format!("{number}-wrong");
        let _ = if number % 2 == 0 {
            server.anonymous().header("X-API-Key", &wrong).get("/api/v1/jobs").is(401)
        } else {
            server.anonymous().post("/api/v1/session", &json!({ "key": wrong })).is(401)
        };
    }
    for answer in [
        server.get("/api/v1/jobs"),
        server.get("/deployment/jobs"),
        server.anonymous().get("/api/v1/jobs"),
        server.anonymous().header("X-API-Key", "wrong").get("/api/v1/jobs"),
        log_in(&server, "read"),
    ] {
        let answer = answer.is(429);
        let seconds: u64 = answer.header("retry-after").parse().unwrap();
        assert!((890..=900).contains(&seconds), "{answer:?}");
        assert!(answer.detail().starts_with("too many wrong keys from this address; try again in "));
    }
    let _ = server.anonymous().get("/health").is(200);
    // Who is in stays in.
    let _ = server.anonymous().header("Cookie", &cookie).get("/api/v1/jobs").is(200);
    let log = server.log();
    assert_eq!(log.matches("a wrong key from 127.0.0.1").count(), 10, "{log}");
    assert_eq!(log.matches("127.0.0.1 is not heard for 15 minutes").count(), 1, "{log}");
}

#[test]
fn the_server_answers_to_its_own_names_only() {
    let site = site("[serve]\nhosts = [\"bot.example.org\", \"192.0.2.9\"]\n");
    let server = Server::start(&site);
    let called = |host: &str| server.key("read").header("Host", host).get("/api/v1/jobs");
    for host in [
        "localhost",
        "localhost:1",
        "127.0.0.1",
        "[::1]:9",
        "BOT.example.org",
        "bot.example.org:8443",
        "192.0.2.9",
    ] {
        let _ = called(host).is(200);
    }
    for host in [
        "evil.example",
        "127.0.0.1.evil.example",
        "192.0.2.1",
        "bot.example.org.evil.example",
        "",
        "x@localhost",
    ] {
        let refused = called(host).is(403);
        assert!(refused.detail().contains("`hosts` of [serve]"), "{refused:?}");
        // Even what is open is not shown under a foreign name.
        let _ = server.anonymous().header("Host", host).get("/").is(403);
    }
    let two = server.key("read").header("Host", "localhost").header("Host", "evil.example");
    let _ = two.get("/api/v1/jobs").is(403);
    let head = |host: &str| {
        format!(
            "GET {} HTTP/1.1\r\n{host}X-API-Key: {}\r\nConnection: close\r\n\r\n",
            "/api/v1/jobs",
            key_of("read")
        )
    };
    let _ = server.say(head("").as_bytes()).is(403);
    let absolute = head("Host: localhost\r\n").replace("GET /", "GET http://evil.example/");
    let _ = server.say(absolute.as_bytes()).is(403);
}

#[test]
fn pages_of_other_sites_are_refused_and_get_no_leave_to_read() {
    let site = site("");
    let server = Server::start(&site);
    let own = server.url();
    let from = |page: &str| server.key("operate").header("Origin", page);
    let answer = from(&own).get("/api/v1/jobs").is(200);
    assert_eq!(answer.header("access-control-allow-origin"), "");
    for page in [
        "https://evil.example",
        "null",
        "http://localhost:1",
        "http://127.0.0.1",
        "x",
        "http://evil.example/127.0.0.1",
    ] {
        let refused = from(page).get("/api/v1/jobs").is(403);
        assert!(refused.detail().contains("another site"), "{refused:?}");
        let _ = from(page).post("/stop", &json!({})).is(403);
        let _ = server
            .anonymous()
            .header("Origin", page)
            .post("/api/v1/session", &json!({ "key": key_of("read") }))
            .is(403);
    }
    let asked = from("https://evil.example").header("Access-Control-Request-Method", "POST");
    let answer = asked.send("OPTIONS", "/stop", None).is(403);
    assert!(answer.headers.keys().all(|name| !name.starts_with("access-control")), "{answer:?}");
}

fn log_in(server: &Server, role: &str) -> Answer {
    server.anonymous().post("/api/v1/session", &json!({ "key": key_of(role) }))
}

/// The pair that a browser sends back.
fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

#[test]
fn a_session_takes_the_place_of_the_key_until_it_is_ended() {
    let site = site("");
    let server = Server::start(&site);
    let answer = log_in(&server, "operate").is(204);
    let rest = answer.header("set-cookie").split_once("; ").unwrap().1;
    assert_eq!(rest, "Max-Age=43200; Path=/; HttpOnly; SameSite=Strict");
    let cookie = cookie(&answer);
    let page = || server.anonymous().header("Cookie", &format!("theme=dark; {cookie}"));
    let _ = page().get("/api/v1/jobs").is(200);
    // Another site cannot send it, and if it could it would have to say who it is.
    let change = |asker: &Asker<'_>| asker.post("/api/v1/jobs/none/runs", &json!({}));
    assert!(change(&page()).is(403).detail().contains("Sec-Fetch-Site"));
    let _ = change(&page().header("Sec-Fetch-Site", "same-site")).is(403);
    let _ = change(&page().header("Sec-Fetch-Site", "same-origin")).is(404);
    let _ = change(&page().header("Origin", &server.url())).is(404);
    let own = || page().header("Origin", &server.url());
    let _ = page().send("DELETE", "/api/v1/session", None).is(403);
    let ended = own().send("DELETE", "/api/v1/session", None).is(204);
    assert!(ended.header("set-cookie").starts_with("maint_session=; Max-Age=0; Path=/;"));
    assert_eq!(page().get("/api/v1/jobs").is(401).detail(), "Missing API Key");
    assert!(!server.log().contains(&cookie) && !server.log().contains("wrong key"), "{}", server.log());
}

#[test]
fn a_session_begins_with_a_key_in_json_and_with_nothing_else() {
    let site = site("");
    let server = Server::start(&site);
    let say = |body: &str| {
        server.anonymous().header("Content-Type", "application/json").send(
            "POST",
            "/api/v1/session",
            Some(body),
        )
    };
    for body in [
        "",
        "{}",
        "[]",
        "\"x\"",
        "{\"key\": 1}",
        "{\"key\": \"secret-to-keep\", \"key\"",
        "\u{0}",
        "{\"key\":null}",
    ] {
        let answer = say(body).is(400);
        assert_eq!(answer.detail(), "the body must be {\"key\": \"…\"}", "{body}");
    }
    let form = server.anonymous().header("Content-Type", "application/x-www-form-urlencoded");
    let _ = form.send("POST", "/api/v1/session", Some("key=x")).is(415);
    assert_eq!(server.anonymous().get("/api/v1/session").is(405).header("allow"), "POST, DELETE");
}

#[test]
fn every_answer_tells_browsers_to_be_careful() {
    let site = site("");
    let server = Server::start(&site);
    let answers = [
        server.anonymous().get("/"),
        server.anonymous().get("/health"),
        server.get("/api/v1/jobs"),
        server.anonymous().get("/api/v1/jobs").is(401),
        server.get("/api/v1/nothing").is(404),
        server.anonymous().get("/nothing").is(404),
        server.get("/stop").is(405),
        server.anonymous().header("Host", "evil.example").get("/").is(403),
        server.key("deploy").header("Content-Type", "text/plain").send("POST", "/stop", Some("x")).is(415),
    ];
    for answer in answers {
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), value, "{answer:?}");
        }
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{answer:?}");
        assert!(!policy.contains("unsafe"), "{answer:?}");
        if answer.status >= 400 {
            assert_eq!(answer.header("content-type"), "application/json");
            assert!(!answer.detail().is_empty());
        }
    }
}

#[test]
fn an_action_is_never_a_get_and_its_body_is_json() {
    let site = site("[jobs.a]\nshell = \"touch ran\"\n");
    let server = Server::start(&site);
    let before = site.snapshot();
    for (path, allow) in [
        ("/stop", "POST"),
        ("/deployment/maintenance", "POST"),
        ("/deployment/deploy", "POST"),
        ("/api/v1/jobs/a/runs", "POST"),
    ] {
        let answer = server.get(path).is(405);
        assert_eq!(
            (answer.header("allow"), answer.detail().as_str()),
            (allow, "Method Not Allowed"),
            "{path}"
        );
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/jsonx",
            "",
        ] {
            let asker = server.key("deploy").header("Content-Type", kind);
            let refused = asker.send("POST", path, Some("{\"action\": \"clean_logs\"}")).is(415);
            assert!(refused.detail().contains("application/json"), "{refused:?}");
        }
    }
    for method in ["PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "FOO"] {
        let status = server.key("deploy").send(method, "/stop", None).status;
        assert!([400, 403, 404, 405].contains(&status), "{method}: {status}");
    }
    assert_eq!(site.snapshot().len(), before.len());
    assert!(!site.path("ran").exists());
}

#[test]
fn a_role_may_what_those_before_it_may() {
    let site = site("[jobs.a]\nshell = \"true\"\n");
    let server = Server::start(&site);
    let plan = |role: &str, path: &str| server.key(role).post(path, &json!({}));
    assert_eq!(
        plan("read", "/api/v1/jobs/a/plan").is(403).detail(),
        "the key `reader` may read only; this needs operate"
    );
    let _ = plan("operate", "/api/v1/jobs/a/plan").is(200);
    let _ = plan("deploy", "/api/v1/jobs/a/plan").is(200);
    assert_eq!(
        plan("operate", "/api/v1/commands/deploy/plan").is(403).detail(),
        "the key `operator` may operate, not deploy; this needs deploy"
    );
    for (path, body) in [("/stop", json!({})), ("/deployment/maintenance", json!({ "action": "clean_logs" }))]
    {
        let _ = server.key("read").post(path, &body).is(403);
    }
    let _ = server.key("operate").post("/deployment/deploy", &json!({ "action": "pull" })).is(403);
}

/// A site whose key `dashboard` is `key`.
fn with_key(key: &str) -> Site {
    let site = Site::new("[serve.keys.dashboard]\nkey = \"file:../home/key\"\n");
    fs::write(site.home().join("key"), key).unwrap();
    site
}

#[test]
fn without_a_real_key_the_server_does_not_start() {
    for (key, why) in [
        ("", "is not there: put it into ../home/key; `maint serve key` makes one"),
        ("\n", "is not there"),
        (
            "0123456789012345678901234567890",
            "has 31 characters, and needs 32 or more; make one with `maint serve key`",
        ),
        ("internal_secret_key", "has 19 characters"),
        ("default-dev-key", "has 15 characters"),
        ("your_secure_random_key_here_min_32_chars", "is a known default"),
        ("your-secret-key-change-in-production", "is a known default"),
        ("internal_secret_key_internal_secret_key_", "again and again"),
        ("internal_secret_key_0000000000000000", "is a known default"),
        ("default-dev-key-default-dev-key-please", "is a known default"),
        ("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "is 1 character again and again"),
    ] {
        let site = with_key(key);
        let before = site.snapshot();
        let run = refused(&site, &["serve", "--listen", "127.0.0.1:0"]);
        let complaint = run.complaint();
        assert!(
            complaint.starts_with("the key `dashboard` of [serve.keys]") && complaint.contains(why),
            "{complaint}"
        );
        assert!(key.len() < 8 || !complaint.contains(key), "{complaint}");
        assert_eq!(site.snapshot(), before);
    }
}

#[test]
fn keys_that_are_missing_or_twice_there_are_told_with_the_cure() {
    let none = refused(&Site::new(""), &["serve"]);
    assert!(
        none.complaint().starts_with("there is no key, ") && none.complaint().contains("`maint serve key`")
    );
    let variable =
        Site::new("[serve.keys.dashboard]\nkey = \"env:MAINT_API_KEY\"\n").maint(&["serve"]).exits(2);
    assert!(variable.complaint().contains("put it into $MAINT_API_KEY"), "{}", variable.complaint());
    let twice = refused(&site("[serve.keys.second]\nkey = \"file:../home/read.key\"\n"), &["serve"]);
    assert_eq!(
        twice.complaint(),
        "the keys `reader` and `second` of [serve.keys] are the same; make another with `maint serve key`"
    );
    let nowhere = refused(&Site::bare(), &["serve"]);
    assert!(nowhere.complaint().contains("there is no maint.toml"));
    let literal = refused(
        &Site::new("[serve.keys.a]\nkey = \"9dAZ6rm6fCVoZy1VXvYxq3aMsXo8v7QdJt0uWf5hE\"\n"),
        &["serve"],
    );
    assert!(literal.complaint().contains("env:NAME") && !literal.complaint().contains("9dAZ6"));
}

#[test]
fn what_is_wrong_in_the_section_is_told_with_its_place() {
    for (text, why) in [
        ("[serve]\nlisten = \"8000\"\n", "a place to listen is ADDRESS:PORT"),
        ("[serve]\nlisten = \"localhost:8000\"\n", "a place to listen is ADDRESS:PORT"),
        ("[serve]\nlisten = \"unix:\"\n", "a place to listen is ADDRESS:PORT"),
        (
            "[serve]\nhosts = [\"https://bot.example.org\"]\n",
            "`hosts` of [serve] has `https://bot.example.org`; a host is a name alone",
        ),
        ("[serve]\nhosts = [\"bot.example.org:8443\"]\n", "a host is a name alone"),
        ("[serve]\nhosts = [\"\"]\n", "a host is a name alone"),
        ("[serve.keys.\"a b\"]\nkey = \"env:A\"\n", "the name of the key `a b` must be"),
        ("[serve.keys.a]\nkey = \"env:A\"\nrole = \"root\"\n", "unknown"),
        ("[serve.keys.a]\nrole = \"read\"\n", "key"),
        ("[serve]\nport = 1\n", "unknown key `port`"),
    ] {
        for command in [&["serve"][..], &["config", "check"]] {
            let run = refused(&Site::new(text), command);
            assert!(
                run.complaint().contains("maint.toml:") && run.complaint().contains(why),
                "{}",
                run.complaint()
            );
        }
    }
}

#[test]
fn a_key_is_made_anywhere_and_another_each_time() {
    let broken = Site::bare();
    broken.configure("[site\n");
    let mut keys = Vec::new();
    for site in [Site::bare(), broken, site("")] {
        let run = site.maint(&["serve", "key"]).exits(0);
        let key = run.stdout.strip_suffix('\n').unwrap().to_owned();
        assert!(
            key.len() == 43 && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)),
            "{key}"
        );
        assert_eq!(run.stderr, "");
        keys.push(key);
    }
    assert!(keys[0] != keys[1] && keys[1] != keys[2]);
    let json = Site::bare().maint(&["serve", "key", "--json"]).exits(0).json();
    assert_eq!(json["key"].as_str().unwrap().len(), 43);
    if let Some(run) = Site::bare().on_terminal(&["serve", "key"], "", || ()) {
        assert!(run.stdout.contains("[serve.keys.dashboard]"), "{}", run.stdout);
    }
    let made = with_key(&keys[0]);
    let server = Server::start(&made);
    let _ = server.anonymous().header("X-API-Key", &keys[0]).get("/api/v1/jobs").is(200);
}

#[test]
fn no_key_is_in_a_log_an_answer_or_an_argument() {
    let site = site("[jobs.a]\nshell = \"env; cat ../home/*.key\"\n");
    let server = Server::start(&site);
    let key = key_of("deploy");
    let argument = fs::read(format!("/proc/{}/cmdline", server.pid())).unwrap();
    assert!(!String::from_utf8_lossy(&argument).contains(&key));
    for answer in [
        server.get(&format!("/api/v1/runs/{key}")),
        server.get(&format!("/api/v1/queries/{key}")),
        server.get("/api/v1/queries/config-show"),
        server.post(&format!("/api/v1/jobs/{key}/plan"), &json!({})),
        server.post("/api/v1/commands/queue-clear/plan", &json!({ "queue": key })),
    ] {
        assert!(!answer.body.contains(&key), "{answer:?}");
    }
    let log = server.stop().stderr;
    assert!(!log.contains(&key), "{log}");
    let shown = site.maint(&["config", "show"]).exits(0).stdout;
    assert!(shown.contains("file:../home/deploy.key") && !shown.contains(&key), "{shown}");
}

#[test]
fn the_file_of_a_key_may_be_named_in_the_environment_of_the_site() {
    let site = Site::bare();
    site.configure(&format!(
        "[site]\nname = \"test\"\nenv_file = \".env\"\n{}",
        KEYS.replace("file:../home/read.key", "env:BOT_API_KEY")
    ));
    fs::write(site.path(".env"), format!("BOT_API_KEY='{}'\n", key_of("read"))).unwrap();
    let server = Server::start(&site);
    let _ = server.key("read").get("/api/v1/jobs").is(200);
}

#[test]
fn odd_names_lead_nowhere() {
    let site = site("[jobs.a]\nshell = \"touch ran\"\n");
    fs::write(site.path("secret"), "do not show").unwrap();
    let server = Server::start(&site);
    let (root, long) = (site.root().display().to_string(), "x".repeat(300));
    let before = site.tree(".");
    for name in [
        "..",
        "../secret",
        "..%2fsecret",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "-rf",
        "--help",
        "a;touch%20ran",
        "$(touch%20ran)",
        "a%00b",
        "%0d%0aX-Odd:%201",
        "%ff%fe",
        "%C3%A9",
        "*",
        &root,
        &long,
        "%25s%25n",
    ] {
        for path in [
            format!("/api/v1/runs/{name}"),
            format!("/api/v1/runs/{name}/log"),
            format!("/api/v1/runs/{name}/events"),
            format!("/api/v1/queries/{name}"),
            format!("/assets/{name}"),
        ] {
            let answer = server.get(&path);
            assert!([400, 403, 404].contains(&answer.status), "{path}: {answer:?}");
            assert!(!answer.body.contains("do not show") && answer.header("x-odd").is_empty(), "{answer:?}");
            assert!(answer.body.len() < 1_000 && !answer.detail().contains('\n'), "{answer:?}");
        }
        for path in [
            format!("/api/v1/jobs/{name}/runs"),
            format!("/api/v1/commands/{name}/runs"),
            format!("/api/v1/runs/{name}/cancel"),
        ] {
            let answer = server.post(&path, &json!({}));
            assert!([400, 403, 404].contains(&answer.status), "{path}: {answer:?}");
        }
    }
    for service in
        ["-rf", "--project-directory=/", "../x", "a b", "$(touch ran)", ";", "", "\u{e9}", "a\u{0}b", &long]
    {
        let answer = server.post("/deployment/deploy", &json!({ "action": "restart", "service": service }));
        assert!([400, 422].contains(&answer.status), "{service}: {answer:?}");
    }
    assert_eq!(site.tree("."), before);
}
