//! `maint serve`: how much, how long and how many; and how it begins and ends.

use crate::support::server::{Answer, Line, Server, chunk, key_of, refused, site};
use crate::support::{binary, finish, inside, leave_out, send, wait_until};
use rustix::process::Signal;
use serde_json::json;
use std::fs;
use std::io::{BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The head of a request that changes something, as far as its last line.
fn head(server: &Server, rest: &str) -> String {
    format!(
        "POST /deployment/maintenance HTTP/1.1\r\nHost: {}\r\nX-API-Key: {}\r\nContent-Type: application/json\r\n{rest}",
        server.host(),
        key_of("operate")
    )
}

/// The memory of the server in bytes.
fn memory(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[test]
fn a_body_beyond_64_kb_is_refused_before_it_is_sent() {
    let site = site("");
    let server = Server::start(&site);
    let start = Instant::now();
    let answer = server.say(head(&server, "Content-Length: 10737418240\r\n\r\n").as_bytes()).is(413);
    assert_eq!(answer.detail(), "the body is larger than 64 KB");
    assert_eq!(answer.header("connection"), "close");
    // curl waits for leave to send so much, and gets none.
    let expecting = head(&server, "Expect: 100-continue\r\nContent-Length: 10737418240\r\n\r\n");
    let _ = server.say(expecting.as_bytes()).is(413);
    assert!(start.elapsed() < Duration::from_secs(3));
    let longest = format!("{{\"action\": \"{}\"}}", "x".repeat((64 << 10) - 14));
    let answer = server.key("operate").header("Content-Type", "application/json");
    let answer = answer.send("POST", "/deployment/maintenance", Some(&longest)).is(400);
    assert!(answer.body.len() < 1_000, "what is refused is not told at length");
}

#[test]
fn ten_gigabytes_in_chunks_are_cut_off_without_being_kept() {
    let site = site("");
    let server = Server::start(&site);
    let before = memory(&server);
    for key in [key_of("operate"), "wrong".to_owned()] {
        let mut line = server.connect();
        let head = head(&server, "Transfer-Encoding: chunked\r\n\r\n").replace(&key_of("operate"), &key);
        line.write_all(head.as_bytes()).unwrap();
        let piece = format!("10000\r\n{}\r\n", "x".repeat(64 << 10));
        let start = Instant::now();
        let sent = (0..163_840).take_while(|_| line.write_all(piece.as_bytes()).is_ok()).count();
        assert!(sent < 2_000, "{sent} pieces were taken");
        assert!(start.elapsed() < Duration::from_secs(10));
    }
    let mut line = server.connect();
    line.write_all(head(&server, "Transfer-Encoding: chunked\r\n\r\n").as_bytes()).unwrap();
    line.write_all(format!("10001\r\n{}\r\n", "x".repeat((64 << 10) + 1)).as_bytes()).unwrap();
    let _ = Answer::read(&mut BufReader::new(line)).is(413);
    assert!(memory(&server) < before + (4 << 20));
}

#[test]
fn a_head_that_is_too_long_or_no_http_is_refused() {
    let site = site("");
    let server = Server::start(&site);
    let long = format!("GET /health HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(40_000));
    let _ = server.say(long.as_bytes()).is(431);
    let many = format!("GET /health HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: y\r\n".repeat(200));
    let _ = server.say(many.as_bytes()).is(431);
    let path = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(70_000));
    assert!([414, 431].contains(&server.say(path.as_bytes()).status));
    for rubbish in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"GET\r\n\r\n",
    ] {
        assert!([400, 0].contains(&server.say(rubbish).status));
    }
    for wrong in [
        "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "Content-Length: -1\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /stop HTTP/1.1\r\n\r\n",
    ] {
        let answer = server.say(head(&server, wrong).as_bytes());
        assert!([400, 422].contains(&answer.status), "{wrong}: {answer:?}");
    }
    let _ = server.anonymous().get("/health").is(200);
}

/// Two hundred who say something and then no more, while others are answered; returns when all of them are cut off.
fn hold_up(server: &Server, said: &str) {
    let before = memory(server);
    let start = Instant::now();
    let slow: Vec<Line> = (0..200)
        .map(|_| {
            let mut line = server.connect();
            line.patience(Duration::from_secs(25));
            line.write_all(said.as_bytes()).unwrap();
            line
        })
        .collect();
    for _ in 0..10 {
        let asked = Instant::now();
        let _ = server.key("read").get("/api/v1/jobs").is(200);
        assert!(asked.elapsed() < Duration::from_secs(3));
    }
    assert!(memory(server) < before + (64 << 20));
    for mut line in slow {
        // Either an answer that it took too long, or nothing; then the end.
        let _ = line.read_to_end(&mut Vec::new());
    }
    let held = start.elapsed();
    assert!(held < Duration::from_secs(20), "{held:?}");
    assert!(held > Duration::from_secs(5), "an honest phone needs a moment: {held:?}");
}

#[test]
fn two_hundred_who_never_end_their_request_keep_nobody_out() {
    let site = site("");
    let server = Server::start(&site);
    let body = head(&server, "Content-Length: 30\r\n\r\n{\"action\":");
    thread::scope(|scope| {
        scope.spawn(|| hold_up(&server, "GET /health HTTP/1.1\r\nHost: local"));
        // Together these are four hundred.
        scope.spawn(|| hold_up(&server, &body));
    });
    let late = server.connect();
    drop(late);
    assert_eq!(server.stop().code, 0);
}

#[test]
fn whoever_drips_a_request_is_cut_off_like_who_says_nothing() {
    let site = site("");
    let server = Server::start(&site);
    let start = Instant::now();
    let mut line = server.connect();
    let body = head(&server, "Content-Length: 1000\r\n\r\n");
    line.write_all(body.as_bytes()).unwrap();
    while line.write_all(b" ").is_ok() && start.elapsed() < Duration::from_secs(30) {
        thread::sleep(Duration::from_millis(200));
    }
    assert!(start.elapsed() < Duration::from_secs(20));
    let answer = Answer::read(&mut BufReader::new(line));
    assert!([408, 0].contains(&answer.status), "{answer:?}");
}

#[test]
fn two_hundred_who_do_not_fetch_their_answers_keep_nobody_out() {
    let site = site("");
    let server = Server::start(&site);
    let before = memory(&server);
    let one = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", server.host());
    // More answers than the system takes in for somebody who does not read.
    let many = one.repeat(400);
    let slow: Vec<Line> = (0..200)
        .map(|_| {
            let mut line = server.connect();
            line.patience(Duration::from_millis(50));
            let _ = line.write_all(many.as_bytes());
            line
        })
        .collect();
    for _ in 0..10 {
        let asked = Instant::now();
        let _ = server.key("read").get("/api/v1/jobs").is(200);
        assert!(asked.elapsed() < Duration::from_secs(3));
    }
    assert!(memory(&server) < before + (64 << 20));
    let connections = || fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count();
    assert!(connections() > 200);
    let start = Instant::now();
    while connections() > 100 && start.elapsed() < Duration::from_secs(30) {
        thread::sleep(Duration::from_millis(100));
    }
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    drop(slow);
}

#[test]
fn when_all_places_are_taken_the_one_who_waits_longest_makes_room() {
    let site = site("");
    let server = Server::start(&site);
    let idle: Vec<Line> = (0..600).map(|_| server.connect()).collect();
    let _ = server.anonymous().get("/health").is(200);
    let mut oldest = idle.into_iter();
    assert_eq!(oldest.next().unwrap().read(&mut [0]).unwrap_or(0), 0, "the first has been cut");
    let newest = oldest.next_back().unwrap();
    newest.patience(Duration::from_millis(50));
    let mut newest = newest;
    assert!(newest.read(&mut [0]).is_err(), "the last is still there");
}

#[test]
fn without_a_descriptor_left_it_goes_on_and_says_so_once() {
    let site = site("");
    let mut command =
        site.through("sh", &["-c", "ulimit -n 60; exec \"$0\" serve --listen 127.0.0.1:0", binary()]);
    command.stdin(Stdio::null());
    let server = Server::with(&site, command);
    let idle: Vec<Line> = (0..100).map(|_| server.connect()).collect();
    let asked = Instant::now();
    let _ = server.anonymous().get("/health").is(200);
    assert!(asked.elapsed() < Duration::from_secs(10));
    drop(idle);
    let _ = server.anonymous().get("/health").is(200);
    assert_eq!(
        server.log().matches("no connection can be taken in: Too many open files").count(),
        1,
        "{}",
        server.log()
    );
}

#[test]
fn one_connection_serves_one_request_after_another() {
    let site = site("");
    let server = Server::start(&site);
    let mut line = BufReader::new(server.connect());
    let request = format!("GET /health HTTP/1.1\r\nHost: {}\r\n\r\n", server.host());
    for _ in 0..50 {
        line.get_mut().write_all(request.as_bytes()).unwrap();
        assert_eq!(Answer::read(&mut line).status, 200);
    }
    line.get_mut().write_all(request.repeat(50).as_bytes()).unwrap();
    for _ in 0..50 {
        assert_eq!(Answer::read(&mut line).status, 200);
    }
}

#[test]
fn what_is_being_answered_comes_to_its_end_and_streams_do_not_delay_it() {
    let site = site("[jobs.a]\nshell = \"touch started; sleep 30\"\n");
    let server = Server::start(&site);
    let started = server.post("/api/v1/jobs/a/runs", &json!({})).is(202).json();
    let run = started["run"].as_str().unwrap().to_owned();
    wait_until("the job runs", || site.path("started").exists());
    let (answer, mut events) = server.key("read").open(&format!("/api/v1/runs/{run}/events"));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "text/event-stream");
    // An idle browser, and one in the middle of its request.
    let idle = server.connect();
    let mut half = server.connect();
    half.write_all(head(&server, "Content-Length: 18\r\n\r\n{\"action\":").as_bytes()).unwrap();
    thread::sleep(Duration::from_millis(100));
    let pid = server.pid();
    let stopping = Instant::now();
    let stopper = thread::spawn(move || server.stop());
    wait_until("it no longer listens", || {
        let sockets = Command::new("ls").args(["-l", &format!("/proc/{pid}/fd")]).output().unwrap();
        String::from_utf8_lossy(&sockets.stdout).matches("socket:").count() < 6
    });
    half.write_all(b" \"nope\"}").unwrap();
    let answer = Answer::read(&mut BufReader::new(half));
    assert_eq!(answer.status, 400, "{answer:?}");
    while chunk(&mut events).is_some() {}
    let run = stopper.join().unwrap();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(stopping.elapsed() < Duration::from_secs(5), "{:?}", stopping.elapsed());
    drop(idle);
    // The run goes on without the server.
    assert_eq!(site.history()[0]["status"], "running");
}

#[test]
fn a_ctrl_c_ends_it_as_well() {
    let site = site("");
    let child = site.start(&["serve", "--listen", "127.0.0.1:0"]);
    wait_until("it runs", || fs::read_to_string(format!("/proc/{}/task/{0}/children", child.id())).is_ok());
    thread::sleep(Duration::from_millis(300));
    send(&child, Signal::INT);
    let run = finish(child).exits(0);
    assert!(run.stderr.starts_with("maint: listening on http://127.0.0.1:"), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
}

#[test]
fn an_address_that_cannot_be_had_is_told_with_the_cure() {
    let site = site("");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    fs::write(site.path("file"), "").unwrap();
    let _living = UnixListener::bind(site.path("living")).unwrap();
    let long = format!("unix:/{}", "x".repeat(200));
    for (listen, why) in [
        (
            address.as_str(),
            "Address already in use; another program listens there; end it, or choose another with --listen",
        ),
        ("192.0.2.1:8000", "this machine has no such address; correct `listen` of [serve]"),
        ("unix:file", "file is there and is no socket; name another path in `listen`"),
        ("unix:living", "another program listens on unix:"),
        ("unix:nowhere/serve.sock", "No such file or directory; correct `listen` of [serve]"),
        (&long, "correct `listen` of [serve]"),
        ("8000", "a place to listen is ADDRESS:PORT, such as 127.0.0.1:8000, or unix:PATH"),
    ] {
        let before = site.snapshot();
        let run = refused(&site, &["serve", "--listen", listen]);
        assert!(run.stderr.contains(why) && run.stderr.trim_end().lines().count() < 4, "{}", run.stderr);
        assert_eq!(site.snapshot(), before);
    }
}

#[test]
fn beyond_this_machine_it_warns_that_keys_can_be_read() {
    let site = site("[serve]\nlisten = \"0.0.0.0:0\"\n");
    let server = Server::with(&site, site.command(&["serve"]));
    let log = server.log();
    assert!(log.contains("warn: keys travel over http://0.0.0.0:"), "{log}");
    assert_eq!(log.lines().count(), 2, "{log}");
    drop(server);
    let quiet = Server::start(&site);
    assert_eq!(quiet.log().lines().count(), 1, "{}", quiet.log());
}

#[test]
fn a_socket_in_the_file_system_is_for_its_user_and_group() {
    let site = site("");
    let path = site.around().join("serve.sock");
    // What a server has left that was killed.
    drop(UnixListener::bind(&path).unwrap());
    let server = Server::start_on_socket(&site);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    let _ = server.get("/api/v1/jobs").is(200);
    let _ = server.key("read").header("Host", "evil.example").get("/api/v1/jobs").is(403);
    let listen = format!("unix:{}", path.display());
    let second = refused(&site, &["serve", "--listen", &listen]);
    assert!(second.complaint().contains("another program listens on unix:"), "{}", second.complaint());
    let _ = server.get("/api/v1/jobs").is(200);
    assert_eq!(server.stop().code, 0);
    assert!(!path.exists());
}

#[test]
fn a_socket_in_maint_toml_is_relative_to_the_site() {
    let site = site("[serve]\nlisten = \"unix:serve.sock\"\n");
    let mut command = site.command(&["--config", "maint.toml", "serve"]);
    command.current_dir(site.root());
    let server = Server::with(&site, command);
    assert!(UnixStream::connect(site.path("serve.sock")).is_ok());
    drop(server);
}

#[test]
fn the_sockets_that_systemd_hands_over_are_served_instead() {
    if Command::new("systemd-socket-activate").arg("--version").output().is_err() {
        return leave_out("sockets that systemd hands over", "systemd-socket-activate is not here");
    }
    let site = site("");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let path = site.around().join("activated.sock");
    let serve = site.command(&["serve", "--listen", "unix:unused.sock"]);
    let sockets = format!("--listen={port}\n--listen={}", path.display());
    let names = serve.get_envs().map(|(name, _)| format!("--setenv={}", name.to_str().unwrap()));
    let words: Vec<String> = sockets.lines().map(str::to_owned).chain(names).collect();
    let wrapper: Vec<&str> =
        ["systemd-socket-activate"].into_iter().chain(words.iter().map(String::as_str)).collect();
    let command = inside(&wrapper, &serve);
    // systemd starts the server when somebody comes, and that one is served too.
    let first = thread::spawn(move || {
        let mut stream = loop {
            match TcpStream::connect(port) {
                Ok(stream) => break stream,
                Err(_) => thread::sleep(Duration::from_millis(10)),
            }
        };
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        Answer::read(&mut BufReader::new(stream))
    });
    let server = Server::with(&site, command);
    assert_eq!(first.join().unwrap().status, 200);
    assert_eq!(server.host(), port.to_string());
    let mut other = UnixStream::connect(&path).unwrap();
    other.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    assert_eq!(Answer::read(&mut BufReader::new(other)).status, 200);
    assert!(!site.path("unused.sock").exists());
    assert_eq!(server.stop().code, 0);
}
