//! Servers of bad will: whatever they do, asking ends in time, in little memory, and with one line that says why.

use super::*;
use crate::config::units::Length;
use crate::text;
use crate::world::Place;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// A run that is in a hurry: 300 ms for a request, two tries.
pub(in crate::world) fn world() -> World {
    let mut world = World::without_site(&Place::default()).unwrap();
    world.config.http.timeout = Length::try_from("300ms".to_owned()).unwrap();
    world.config.http.back_off = Length::try_from("1ms".to_owned()).unwrap();
    world.config.http.tries = 2;
    world
}

/// The address of a server that does this with each request.
pub(in crate::world) fn server(
    act: impl Fn(&str, &mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let act = std::sync::Arc::new(act);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let act = std::sync::Arc::clone(&act);
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream);
                let request = request(&mut reader);
                // Who hangs up early is no concern of the server.
                let _ = act(&request, reader.get_mut());
            });
        }
    });
    format!("http://{address}/secret-path")
}

/// Head and body as they came.
fn request(reader: &mut impl BufRead) -> String {
    let mut text = String::new();
    while reader.read_line(&mut text).is_ok_and(|count| count > 2) {}
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    text + std::str::from_utf8(&body).unwrap()
}

fn said(text: impl Into<Vec<u8>>) -> String {
    let text = text.into();
    server(move |_, stream| stream.write_all(&text))
}

const HEAD: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\n";

/// Why there is no answer of at most 1 MB.
#[expect(clippy::disallowed_methods, reason = "the test takes the time")]
fn why(url: &str) -> String {
    let address = Address::parse(url, "GitHub").unwrap();
    let began = Instant::now();
    let error = fetch(&world(), &Question::get(&address).anywhere().limit(1 << 20)).unwrap_err().to_string();
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}: {error}", began.elapsed());
    assert!(error.starts_with("GitHub: ") && !error.contains("secret"), "{error}");
    error["GitHub: ".len()..].to_owned()
}

/// Writes the same again and again.
fn forever(stream: &mut TcpStream, text: &[u8], pause: Duration) -> std::io::Result<()> {
    loop {
        stream.write_all(text)?;
        std::thread::sleep(pause);
    }
}

#[test]
fn a_server_that_is_slow_is_given_up_in_time() {
    let slow = Duration::from_millis(20);
    let mute = server(|_, _| {
        std::thread::sleep(Duration::from_secs(5));
        Ok(())
    });
    assert_eq!(why(&mute), "no answer within 300 ms (2 tries)");
    let head = server(move |_, stream| forever(stream, b"H", slow));
    assert!(why(&head).contains("(2 tries)"));
    let headers = server(move |_, stream| {
        stream.write_all(HEAD.as_bytes())?;
        forever(stream, b"x: y\r\n", slow)
    });
    assert_eq!(why(&headers), "no answer within 300 ms (2 tries)");
    let body = server(move |_, stream| {
        write!(stream, "{HEAD}content-length: 100000\r\n\r\n")?;
        forever(stream, b"x", slow)
    });
    assert_eq!(why(&body), "no whole answer within 300 ms (2 tries)");
    let chunks = server(move |_, stream| {
        write!(stream, "{HEAD}transfer-encoding: chunked\r\n\r\n")?;
        forever(stream, b"1\r\nx\r\n", slow)
    });
    assert_eq!(why(&chunks), "no whole answer within 300 ms (2 tries)");
    let wait = server(move |_, stream| forever(stream, b"HTTP/1.1 100 Continue\r\n\r\n", Duration::ZERO));
    assert!(why(&wait).contains("(2 tries)"), "a flood of 100 Continue");
}

#[test]
fn an_answer_that_is_too_large_is_an_error_and_is_not_kept() {
    let told = said(format!("{HEAD}content-length: 200000000\r\n\r\n"));
    assert_eq!(why(&told), "the answer is larger than 1.0 MB");
    let endless = server(|_, stream| {
        write!(stream, "{HEAD}\r\n")?;
        forever(stream, &[b' '; 16_384], Duration::ZERO)
    });
    assert_eq!(why(&endless), "the answer is larger than 1.0 MB");
    let headers = server(|_, stream| {
        stream.write_all(HEAD.as_bytes())?;
        forever(stream, b"x: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n", Duration::ZERO)
    });
    assert!(why(&headers).starts_with("the line was cut: "));
    let one_header = server(|_, stream| {
        write!(stream, "{HEAD}x: ")?;
        forever(stream, &[b'y'; 16_384], Duration::ZERO)
    });
    assert!(why(&one_header).starts_with("the line was cut: "));
    let most = said(format!("{HEAD}content-length: 1048576\r\n\r\n{}", " ".repeat(1 << 20)));
    let address = Address::parse(&most, "x").unwrap();
    assert_eq!(fetch(&world(), &Question::get(&address).limit(1 << 20)).unwrap().body.len(), 1 << 20);
}

/// Why there is no large answer when a request has a second, the requests that were made, and the time.
#[expect(clippy::disallowed_methods, reason = "the test takes the time")]
fn large(url: &str) -> (String, usize, Duration) {
    let (address, traffic) = (Address::parse(url, "it").unwrap(), Traffic::default());
    let mut world = world();
    world.config.http.timeout = Length::try_from("1s".to_owned()).unwrap();
    let began = Instant::now();
    let answer = fetch(&world, &Question::get(&address).large().limit(8 << 20).counted_in(&traffic));
    let words = answer.map_or_else(|error| error.to_string(), |answer| text::size(answer.body.len() as u64));
    (words, traffic.requests(), began.elapsed())
}

#[test]
fn a_large_answer_gets_more_time_while_much_of_it_comes() {
    let told = |stream: &mut TcpStream| write!(stream, "{HEAD}content-length: 5000000\r\n\r\n");
    let whole = server(move |_, stream| {
        told(stream)?;
        for _ in 0..20 {
            stream.write_all(&vec![b' '; 250_000])?;
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    });
    let (words, requests, took) = large(&whole);
    assert_eq!((&*words, requests), ("4.8 MB", 1), "{took:?}");
    let stalled = server(move |_, stream| {
        told(stream)?;
        stream.write_all(&vec![b' '; 4_500_000])?;
        std::thread::sleep(Duration::from_secs(20));
        Ok(())
    });
    let (words, requests, took) = large(&stalled);
    assert_eq!((&*words, requests), ("it: no whole answer within 2 s", 1), "{took:?}");
    let drip = server(move |_, stream| {
        told(stream)?;
        forever(stream, &[b' '; 10_000], Duration::from_millis(100))
    });
    let (words, requests, took) = large(&drip);
    assert_eq!((&*words, requests), ("it: no whole answer within 4 s", 1), "{took:?}");
    let trickle = server(move |_, stream| {
        told(stream)?;
        forever(stream, &[b' '; 1_000], Duration::from_millis(100))
    });
    let (words, requests, took) = large(&trickle);
    assert_eq!((&*words, requests), ("it: no whole answer within 2 s", 1), "{took:?}");
}

#[test]
fn nothing_new_is_no_answer_to_who_knows_nothing() {
    let why = why(&said("HTTP/1.1 304 Not Modified\r\nconnection: close\r\n\r\n"));
    assert_eq!(why, "it answers 304 Not Modified, though no earlier answer is known");
}

#[test]
fn half_an_answer_is_none() {
    for (what, text) in [
        ("too short", format!("{HEAD}content-length: 100\r\n\r\n{{}}")),
        ("cut between chunks", format!("{HEAD}transfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n")),
        ("cut in a chunk", format!("{HEAD}transfer-encoding: chunked\r\n\r\n20\r\n{{}}")),
        ("a chunk of no length", format!("{HEAD}transfer-encoding: chunked\r\n\r\nzz\r\n{{}}\r\n0\r\n\r\n")),
        (
            "a chunk longer than all",
            format!("{HEAD}transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n{{}}"),
        ),
        ("two lengths", format!("{HEAD}content-length: 2\r\ncontent-length: 3\r\n\r\n{{}}")),
        ("a length below nothing", format!("{HEAD}content-length: -2\r\n\r\n{{}}")),
        (
            "a length that no machine counts",
            format!("{HEAD}content-length: 99999999999999999999999\r\n\r\n{{}}"),
        ),
        ("no status", "HTTP/1.1\r\n\r\n{}".to_owned()),
        ("a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n{}".to_owned()),
        ("no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n".to_owned()),
        ("an escape in a header", "HTTP/1.1 200 OK\r\n\x1b]0;x: y\r\n\r\n{}".to_owned()),
        ("nothing", String::new()),
    ] {
        let why = why(&said(text));
        assert!(why.starts_with("the line was cut") && why.ends_with("(2 tries)"), "{what}: {why}");
        assert!(!why.contains(|c: char| c.is_control()), "{what}: {why:?}");
    }
}

#[test]
fn what_was_not_asked_for_is_not_unpacked() {
    let bomb = said(format!("{HEAD}content-encoding: gzip\r\ncontent-length: 3\r\n\r\n\x1f\x08\x00"));
    assert_eq!(why(&bomb), "the answer is compressed, which it was not asked to be");
    let plain = said(format!("{HEAD}content-encoding: identity\r\n\r\nx"));
    let address = Address::parse(&plain, "x").unwrap();
    assert_eq!(fetch(&world(), &Question::get(&address)).unwrap().body, b"x");
}

#[test]
fn redirects_end_and_lead_nowhere_else() {
    let to = |location: &str| {
        said(format!("HTTP/1.1 302 Found\r\nconnection: close\r\nlocation: {location}\r\n\r\n"))
    };
    assert_eq!(why(&to("/again")), "it redirects in a loop");
    let elsewhere = "it redirects to another machine, which is not followed";
    assert_eq!(why(&to("file:///etc/passwd")), elsewhere);
    assert_eq!(why(&to("http://host.example/secret")), elsewhere);
    assert_eq!(why(&to("")), "it redirects without saying where to");
    let slow = server(|_, stream| {
        std::thread::sleep(Duration::from_millis(100));
        write!(stream, "HTTP/1.1 302 Found\r\nconnection: close\r\nlocation: /again\r\n\r\n")
    });
    assert!(why(&slow).contains("no answer within "), "all of them within one time");
}

#[test]
fn a_redirect_to_another_machine_does_not_see_the_token() {
    let last = server(|head, stream| write!(stream, "{HEAD}\r\n{}", head.to_lowercase()));
    let first = said(format!("HTTP/1.1 301 Moved\r\nconnection: close\r\nlocation: {last}\r\n\r\n"));
    let address = Address::parse(&first, "x").unwrap();
    let question = || Question::get(&address).header("authorization", "Bearer x").header("x-kept", "1");
    assert!(fetch(&world(), &question()).unwrap_err().to_string().contains("another machine"));
    let seen = String::from_utf8(fetch(&world(), &question().anywhere()).unwrap().body).unwrap();
    assert!(seen.contains("x-kept: 1") && !seen.contains("authorization"), "{seen}");
}

#[test]
fn whoever_is_not_there_is_named_and_is_not_asked_again() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(why(&format!("http://{closed}/")), "cannot connect: Connection refused (2 tries)");
    assert!(why("https://name.invalid/").starts_with("cannot connect: "));
    let plain = said("HTTP/1.1 200 OK\r\n\r\n").replace("http://", "https://");
    assert!(why(&plain).starts_with("cannot connect: "), "no TLS");
    let world = world();
    let traffic = Traffic::default();
    let address = Address::parse(&format!("http://{closed}/"), "x").unwrap();
    for _ in 0..3 {
        assert!(fetch(&world, &Question::get(&address).counted_in(&traffic)).is_err());
    }
    assert_eq!((traffic.requests(), traffic.received_bytes()), (2, 0));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test takes the time")]
fn a_message_has_arrived_when_its_status_came_and_its_answer_ends_in_time() {
    let drip = server(|_, stream| {
        write!(stream, "{HEAD}content-length: 100000\r\n\r\n")?;
        forever(stream, b"x", Duration::from_millis(20))
    });
    let address = Address::parse(&drip, "x").unwrap();
    let began = Instant::now();
    let answer = exchange::send_once(&world(), &Request::post(&address, "text/plain", "x")).unwrap();
    assert_eq!(answer.status, 200);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test takes the time")]
fn nobody_waits_for_an_answer_when_the_run_must_end() {
    let mute = server(|_, _| {
        std::thread::sleep(Duration::from_secs(5));
        Ok(())
    });
    let address = Address::parse(&mute, "x").unwrap();
    let world = world();
    world.stop.limit(Duration::from_millis(100));
    let began = Instant::now();
    let question = Question::get(&address).large();
    assert!(fetch(&world, &question).is_err());
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}
