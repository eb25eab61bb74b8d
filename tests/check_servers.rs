//! `maint check` of servers: certificates, RabbitMQ's management API, slow queries of PostgreSQL.

use crate::check::{checked, row};
use crate::support::database::Database;
use crate::support::http::{Received, Reply, Server};
use crate::support::rabbitmq::Broker;
use crate::support::redis::free_port;
use crate::support::tls::Identity;
use crate::support::{Site, run};
use serde_json::{Value, json};
use std::process::Command;
use std::time::{Duration, Instant};

fn detail(row: &Value) -> &str {
    row["detail"].as_str().unwrap()
}

/// A certificate for `localhost` that openssl has made in the site, valid for so many days.
fn certificate(site: &Site, days: &str, name: &str) -> bool {
    let (key, file) = (site.path("key.pem"), site.path(name));
    let mut openssl = Command::new("openssl");
    openssl.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        days,
    ]);
    openssl.args(["-subj", "/CN=localhost", "-keyout"]).arg(key).arg("-out").arg(file);
    openssl.output().is_ok_and(|made| made.status.success())
}

#[test]
fn a_certificate_of_a_server_is_read_though_nobody_has_signed_it() {
    let folder = Site::bare();
    let Some(identity) = Identity::make(folder.around()) else { return };
    let server = Server::start_as(Some(identity), |_| Reply::new(200, "ok"));
    let address = server.url("").replace("https://", "");
    let check = |rest: &str| format!("[checks.tls]\ncertificate = \"{address}\"\n{rest}");
    let ask = |config: &str| {
        let site = Site::new(config);
        run(site.command(&["check", "--json"]).env_remove("MAINT_NOW"))
    };
    let report = ask(&check("")).exits(0).json();
    let tls = row(&report, "tls");
    assert_eq!(
        (&tls["unit"], &tls["limit"], &tls["above"]),
        (&"seconds".into(), &1_209_600.into(), &false.into())
    );
    let days = tls["value"].as_f64().unwrap() / 86_400.0;
    assert!((29.0..=30.0).contains(&days), "{tls}");
    let report = ask(&check("min_left = \"60d\"\n")).exits(3).json();
    assert_eq!(row(&report, "tls")["state"], "bad");
    // The same server by a name that its certificate has not.
    let other =
        check("").replace("127.0.0.1", "[::ffff:127.0.0.1]").replace("localhost", "[::ffff:127.0.0.1]");
    let tls = row(&ask(&other).exits(3).json(), "tls");
    assert_eq!((&tls["state"], detail(&tls)), (&"bad".into(), "it is not for the name ::ffff:127.0.0.1"));
}

#[test]
fn a_certificate_in_a_file_is_told_when_it_has_expired_or_is_not_valid_yet() {
    let site = Site::new("[checks.tls]\ncertificate = \"server.pem\"\n");
    if !certificate(&site, "20", "server.pem") {
        return;
    }
    let at = |time: &str| run(site.command(&["check", "--json"]).env("MAINT_NOW", time)).exits(3).json();
    let expired = row(&at("2099-01-01T00:00:00Z"), "tls");
    assert!(detail(&expired).starts_with("it has expired at "), "{expired}");
    assert!(expired["value"].as_f64().unwrap() < 0.0);
    let early = row(&at("2001-01-01T00:00:00Z"), "tls");
    assert!(detail(&early).starts_with("it is valid only from "), "{early}");
}

#[test]
fn a_server_that_is_away_mute_or_speaks_no_tls_is_told_in_time() {
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let plain = Server::always(Reply::new(200, "ok"));
    let site = Site::new(&format!(
        "[checks.away]\ncertificate = \"127.0.0.1:{}\"\n[checks.mute]\ncertificate = \"{}\"\n\
         [checks.plain]\ncertificate = \"{}\"\n[checks.file]\ncertificate = \"./maint.toml\"\n",
        free_port(),
        mute.local_addr().unwrap(),
        plain.url("").replace("http://", "")
    ));
    let began = Instant::now();
    let report = checked(&site, 3);
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    for name in ["away", "mute", "plain", "file"] {
        let row = row(&report, name);
        assert_eq!(row["state"], "unknown", "{row}");
        assert!(!detail(&row).contains("os error"), "{row}");
    }
    assert!(detail(&row(&report, "away")).ends_with("cannot connect: Connection refused"), "{report:#}");
    assert!(detail(&row(&report, "mute")).ends_with("no answer within 5 s"), "{report:#}");
    assert!(detail(&row(&report, "file")).starts_with("there is no certificate in "), "{report:#}");
}

/// As strict as the management API of RabbitMQ 4.
fn rabbit(request: &Received) -> Reply {
    // guest:s3cret-pass and guest:guest.
    let known = ["Basic Z3Vlc3Q6czNjcmV0LXBhc3M=", "Basic Z3Vlc3Q6Z3Vlc3Q="];
    if !known.contains(&request.header("authorization")) {
        return Reply::json(401, &json!({"error": "not_authorized", "reason": "Not_Authorized"}));
    }
    let queue = |vhost: &str, name: &str, messages: u64| json!({"name": name, "vhost": vhost, "messages": messages, "consumers": 1});
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/api/queues") => Reply::json(
            200,
            &json!([queue("/", "celery", 1_001), queue("/", "mail", 1_000), queue("b", "mail", 3), {"name": "lost", "vhost": "/"}]),
        ),
        ("GET", "/api/queues/%2F" | "/api/queues/%2f") => Reply::json(200, &json!([queue("/", "mail", 1)])),
        _ => Reply::json(404, &json!({"error": "Object Not Found", "reason": "Not Found"})),
    }
}

#[test]
fn the_length_of_each_queue_is_told() {
    let server = Server::start(rabbit);
    let config = format!("[checks.mq]\nrabbitmq = \"{}\"\n", server.url(""));
    let report = checked(&Site::new(&config), 3);
    let celery = row(&report, "mq: celery");
    assert_eq!(
        (&celery["value"], &celery["limit"], &celery["state"]),
        (&1_001.into(), &1_000.into(), &"bad".into())
    );
    assert_eq!(row(&report, "mq: mail")["state"], "ok");
    assert_eq!(row(&report, "mq: b/mail")["value"], 3);
    assert_eq!(row(&report, "mq: lost")["state"], "unknown");
    let some = checked(&Site::new(&format!("{config}queues = [\"mail\", \"x*\"]\n")), 0);
    assert_eq!(some["checks"].as_array().unwrap().len(), 2, "{some:#}");
    let missing = checked(&Site::new(&format!("{config}queues = [\"mial\"]\n")), 3);
    assert_eq!(detail(&row(&missing, "mq: mial")), "there is no such queue");
    let vhost = checked(&Site::new(&format!("{config}vhost = \"/\"\n")), 0);
    assert_eq!(row(&vhost, "mq: mail")["value"], 1);
}

#[test]
fn a_wrong_password_of_rabbitmq_is_told_without_it() {
    let server = Server::start(rabbit);
    let config = format!("[checks.mq]\nrabbitmq = \"{}\"\npassword = \"env:MQ_PASSWORD\"\n", server.url(""));
    let site = Site::new(&config);
    let ask = |password: &str| run(site.command(&["check", "--json"]).env("MQ_PASSWORD", password));
    let _ = ask("s3cret-pass").exits(3);
    let wrong = ask("wr0ng-pass").exits(3);
    let mq = row(&wrong.json(), "mq");
    assert_eq!(detail(&mq), "RabbitMQ refuses the user guest: correct `user` and `password`");
    assert!(!format!("{}{}", wrong.stdout, wrong.stderr).contains("wr0ng-pass"));
    let none = checked(&site, 3);
    assert_eq!(detail(&row(&none, "mq")), "the password of RabbitMQ is missing: set $MQ_PASSWORD");
}

#[test]
fn what_is_no_management_api_is_told() {
    for (reply, words) in [
        (Reply::new(200, "<html>"), "is not the management API"),
        (Reply::new(404, ""), "is the management plugin enabled"),
        (Reply::new(500, "{\"error\":\"no disk\"}"), "no disk"),
        (Reply::mute(), "RabbitMQ: "),
        (Reply::json(200, &json!([])).endless(), "RabbitMQ: "),
    ] {
        let server = Server::always(reply);
        let report = checked(&Site::new(&format!("[checks.mq]\nrabbitmq = \"{}\"\n", server.url("/"))), 3);
        assert!(detail(&row(&report, "mq")).contains(words), "{report:#}");
    }
}

#[test]
fn a_query_that_runs_for_long_is_told_and_one_of_maint_is_not() {
    Database::each("[checks.slow]\nslow_queries = \"app\"\nmax_age = \"300ms\"\n", |site, database| {
        let Database::Postgres(url) = database else {
            let report = checked(site, 3);
            assert!(detail(&row(&report, "slow")).contains("is SQLite"), "{report:#}");
            return;
        };
        assert_eq!(row(&checked(site, 0), "slow")["value"], 0);
        let sleepers: Vec<_> = ["web", "pg_dump", "maint"].map(|name| sleep(url, name)).into();
        std::thread::sleep(Duration::from_secs(1));
        let report = checked(site, 3);
        let slow = row(&report, "slow");
        assert_eq!((&slow["value"], &slow["limit"], &slow["unit"]), (&1.into(), &0.into(), &"count".into()));
        assert!(
            detail(&slow).contains(" of maint (web) for ")
                && detail(&slow).contains("SELECT pg_sleep(4) -- \\x1b[2J"),
            "{slow}"
        );
        for sleeper in sleepers {
            sleeper.join().unwrap();
        }
        assert_eq!(row(&checked(site, 0), "slow")["value"], 0);
    });
}

/// A session of this application that is busy for four seconds.
fn sleep(url: &str, application: &'static str) -> std::thread::JoinHandle<()> {
    let mut config: postgres::Config = url.parse().unwrap();
    config.application_name(application);
    std::thread::spawn(move || {
        let mut client = config.connect(postgres::NoTls).unwrap();
        client.batch_execute("SELECT\n  pg_sleep(4) -- \u{1b}[2J").unwrap();
    })
}

#[test]
fn a_database_that_cannot_be_reached_is_told() {
    let site = Site::new(&format!(
        "[databases.app]\nurl = \"postgres://web@127.0.0.1:{}/site\"\n[checks.slow]\nslow_queries = \"app\"\n",
        free_port()
    ));
    let slow = row(&checked(&site, 3), "slow");
    assert_eq!(slow["state"], "unknown");
    assert!(detail(&slow).starts_with("the database app cannot be reached"), "{slow}");
}

/// A server of PostgreSQL that asks for a password, and refuses it.
fn refusing() -> std::net::SocketAddr {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let message = |kind: u8, body: &[u8]| {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        [&[kind][..], &length, body].concat()
    };
    let question = message(b'R', &3_u32.to_be_bytes());
    let no = message(b'E', b"SFATAL\0C28P01\0Mpassword authentication failed for user \"web\"\0\0");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut buffer = [0; 4096];
            let asked = stream.read(&mut buffer).and_then(|_| stream.write_all(&question));
            let _ = asked.and_then(|()| stream.read(&mut buffer)).and_then(|_| stream.write_all(&no));
        }
    });
    address
}

#[test]
fn a_wrong_password_of_a_database_is_told_without_it() {
    let site = Site::new("[databases.app]\nurl = \"env:APP_URL\"\n[checks.slow]\nslow_queries = \"app\"\n");
    let url = format!("postgres://web:s3cret-pass@{}/site", refusing());
    let run = run(site.command(&["check", "--json"]).env("APP_URL", url)).exits(3);
    let slow = row(&run.json(), "slow");
    assert_eq!(slow["state"], "unknown");
    assert!(detail(&slow).contains("password authentication failed for user"), "{slow}");
    assert!(!format!("{}{}", run.stdout, run.stderr).contains("s3cret-pass"), "{slow}");
}

#[test]
fn a_real_broker_is_asked_in_both_ways() {
    let Some(broker) = Broker::start() else { return };
    let _ = broker.api("PUT", "queues/%2F/mail", r#"{"durable": true}"#).exits(0);
    for _ in 0..3 {
        let message =
            r#"{"properties": {}, "routing_key": "mail", "payload": "x", "payload_encoding": "string"}"#;
        let _ = broker.api("POST", "exchanges/%2F/amq.default/publish", message).exits(0);
    }
    let site = Site::new(&format!("[checks.mq]\nrabbitmq = \"{}\"\nmax_messages = 2\n", broker.url()));
    // It tells its statistics every few seconds.
    crate::support::wait_until("the messages are counted", || {
        row(&site.maint(&["check", "--json"]).json(), "mq: mail")["value"] == 3
    });
    let _ = checked(&site, 3);
    let words = ["-q", "--formatter", "json", "-p", "/", "list_queues", "name", "messages", "consumers"];
    let list: Value = broker.control(&words).exits(0).json();
    assert_eq!(list, json!([{"name": "mail", "messages": 3, "consumers": 0}]));
}
