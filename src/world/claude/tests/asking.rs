//! One request at a time, and many.

use super::super::asking::Asking;
use super::super::refusal::Again;
use super::*;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::sync::atomic::AtomicUsize;

#[test]
fn a_request_says_who_asks_and_an_answer_is_read_whole() {
    let site = Site::told(|_, _| fine());
    let asked = site.ask();
    let message = asked.answer.unwrap();
    assert_eq!((&*message.id, &*message.model, &*message.text), ("msg_01", "claude-sonnet-5-5", "{}"));
    assert_eq!((message.ending, asked.lost), (Ending::Whole, 0));
    assert_eq!(message.usage, Usage { input: 800, output: 1_400, ..Usage::default() });
    let request = site.asked.lock().unwrap()[0].to_lowercase();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("post /v1/messages http/1.1"), "{head}");
    for header in [
        format!("x-api-key: {}", KEY.to_lowercase()),
        "anthropic-version: 2026-10-21".to_owned(),
        "content-type: application/json".to_owned(),
    ] {
        assert!(head.lines().any(|line| line == header), "{header}: {head}");
    }
    for refused in ["temperature", "top_p", "top_k", "stream"] {
        assert!(!body.contains(refused), "{body}");
    }
}

#[test]
fn what_ends_the_run_is_asked_once_and_nobody_asks_again() {
    for (told, words) in [
        (
            error(401, "", "authentication_error", &format!("invalid x-api-key {KEY}")),
            "Claude: it answers 401 Unauthorized: invalid x-api-key [secret]; put a valid key into FILE",
        ),
        (
            error(403, "", "permission_error", "no\u{1b}[2J"),
            "Claude: it answers 403 Forbidden: no\\x1b[2J; put a key that may do this into FILE",
        ),
        (
            error(402, "", "billing_error", "unpaid"),
            "Claude: it answers 402 Payment Required: unpaid; raise the limit, or pay, in Anthropic's console",
        ),
        (
            error(404, "", "not_found_error", "model: claude-x"),
            "Claude: it answers 404 Not Found: model: claude-x; correct `model` or `base_url` of [update-fiches]",
        ),
        (
            error(400, "", "invalid_request_error", "You have reached your specified API usage limits."),
            "Claude: it answers 400 Bad Request: You have reached your specified API usage limits.; raise the limit, or pay, in Anthropic's console",
        ),
        (
            error(429, "", "rate_limit_error", "slow down"),
            "Claude: it answers 429 Too Many Requests: slow down; it does not say until when, as for a spend limit: see Anthropic's console",
        ),
        (
            error(429, "retry-after: 1\r\n", "rate_limit_error", "monthly spend cap"),
            "Claude: it answers 429 Too Many Requests: monthly spend cap; raise the limit, or pay, in Anthropic's console",
        ),
        (
            error(429, "retry-after: 600\r\n", "rate_limit_error", "slow down"),
            "Claude: it answers 429 Too Many Requests: slow down (req_7); it asks to wait 10 min, longer than `longest_wait` of [update-fiches]",
        ),
        (
            (302, "location: https://elsewhere.example/\r\n".to_owned(), String::new()),
            "Claude: it answers 302 Found, and redirects are not followed; correct `base_url` of [update-fiches]",
        ),
    ] {
        let site = Site::told(move |_, _| told.clone());
        let place = site.world.config.update_fiches.api_key().place();
        assert_eq!(run(site.ask().answer).replace(&place, "FILE"), words);
        assert!(matches!(site.ask().answer, Err(Setback::Run(_))));
        assert_eq!(site.requests(), 1, "{words}");
    }
}

#[test]
fn a_spend_limit_is_known_by_its_code() {
    for status in [400, 429] {
        let site = Site::told(move |_, _| {
            let details = json!({"error_code": "enforced_spend_limit_reached"});
            let error = json!({"type": "invalid_request_error", "message": "no", "details": details});
            let headers = "retry-after: 1\r\nx-should-retry: true\r\n".to_owned();
            (status, headers, json!({"type": "error", "error": error}).to_string())
        });
        assert!(run(site.ask().answer).contains("raise the limit"));
        assert_eq!(site.requests(), 1);
    }
}

#[test]
fn what_one_request_deserves_does_not_end_the_others() {
    for (status, headers) in [(400, ""), (413, ""), (422, ""), (529, "x-should-retry: false\r\n")] {
        let site = Site::told(move |_, count| match count {
            0 => error(status, headers, "some_error", "no"),
            _ => fine(),
        });
        let why = request(site.ask().answer);
        assert!(
            why.starts_with(&format!("Claude: it answers {status}")) && why.ends_with(": no (req_7)"),
            "{why}"
        );
        assert!(site.ask().answer.is_ok());
        assert_eq!(site.requests(), 2, "{status}");
    }
}

#[test]
fn a_request_that_every_sheet_shares_is_not_refused_a_thousand_times() {
    let site = Site::told(|_, _| error(400, "", "invalid_request_error", "output_config: no"));
    let answers: Vec<_> = (0..100).map(|_| site.ask().answer).collect();
    assert_eq!(site.requests(), 20);
    assert!(run(answers.into_iter().next_back().unwrap()).contains("20 requests were refused"));
}

#[test]
fn what_may_pass_is_tried_again() {
    for (status, headers) in [
        (500, ""),
        (504, ""),
        (529, "retry-after: 0\r\n"),
        (408, ""),
        (409, ""),
        (429, "retry-after: 0\r\n"),
        (400, "x-should-retry: true\r\n"),
    ] {
        let site = Site::told(move |_, count| match count {
            0..=1 => error(status, headers, "some_error", "no"),
            _ => fine(),
        });
        let asked = site.ask();
        assert!(asked.answer.is_ok(), "{status}");
        assert_eq!((site.requests(), asked.lost), (3, 0), "{status}");
    }
}

#[test]
fn an_answer_that_is_cut_is_asked_for_again_and_counted_as_lost() {
    let site = Site::acting(|_, count, stream| match count {
        0 => Ok(()),
        1 => write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{{\"content\":[]"),
        _ => {
            let body = answer().to_string();
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
        }
    });
    let asked = site.ask();
    assert_eq!((asked.answer.unwrap().text.as_str(), asked.lost, site.requests()), ("{}", 2, 3));
}

#[test]
fn an_answer_that_does_not_come_is_asked_for_once_more_and_then_ends_the_run() {
    let site = Site::acting(|_, _, _| {
        std::thread::sleep(Duration::from_secs(5));
        Ok(())
    });
    let asked = site.ask();
    let why = "Claude: no answer within 500 ms (2 tries, and nothing else was answered meanwhile)";
    assert_eq!((&*run(asked.answer), asked.lost, site.requests()), (why, 2, 2));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test takes the time")]
fn a_server_that_is_not_there_ends_the_run() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let site = Site::at(&format!("http://{closed}"), Arc::default());
    let began = Instant::now();
    let asked = site.ask();
    let why = format!(
        "Claude at http://{closed}: cannot connect: Connection refused (5 tries, and nothing else was answered meanwhile)"
    );
    assert_eq!((run(asked.answer), asked.lost), (why, 0));
    for _ in 0..100 {
        assert!(matches!(site.ask().answer, Err(Setback::Run(_))));
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

/// So many at the same time until all is asked; how often each was asked, and what came of it.
fn crowd(site: &Site, count: usize, at_once: usize) -> Vec<Asked> {
    let next = AtomicUsize::new(0);
    let all = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while next.fetch_add(1, Relaxed) < count {
                    let asked = site.ask();
                    all.lock().unwrap().push(asked);
                }
            });
        }
    });
    all.into_inner().unwrap()
}

#[test]
fn a_fifth_of_failures_gives_nobody_up() {
    let mut site = Site::acting(|_, count, stream| {
        let body = answer().to_string();
        // Neither chance nor in turn: each request has its own luck.
        match count.wrapping_mul(0x9e37_79b9) >> 7 & 1023 {
            0..70 => Ok(()),
            70..140 => write!(stream, "HTTP/1.1 529 Over\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"),
            140..205 => write!(
                stream,
                "HTTP/1.1 429 Wait\r\nretry-after: 0\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            ),
            _ => write!(
                stream,
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            ),
        }
    });
    site.world.config.update_fiches.tries = 8;
    site.claude = Claude::of(&site.world, Mode::Direct, json!({})).unwrap();
    let all = crowd(&site, 400, 16);
    let failed: Vec<_> = all.iter().filter_map(|asked| asked.answer.as_ref().err()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    let lost: u32 = all.iter().map(|asked| asked.lost).sum();
    assert!(site.requests() > 450 && lost > 10, "{} {lost}", site.requests());
}

/// A server that keeps its connections; how many there were.
fn keeping(pause: Duration) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            count.fetch_add(1, Relaxed);
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream);
                loop {
                    let mut head = String::new();
                    while reader.read_line(&mut head).unwrap() > 2 {}
                    let Some(length) = head.lines().find_map(|line| line.strip_prefix("content-length: "))
                    else {
                        return;
                    };
                    let mut body = vec![0; length.parse().unwrap()];
                    reader.read_exact(&mut body).unwrap();
                    std::thread::sleep(pause);
                    let body = answer().to_string();
                    let length = body.len();
                    write!(reader.get_mut(), "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}")
                        .unwrap();
                }
            });
        }
    });
    (format!("http://{address}"), connections)
}

#[test]
fn many_requests_share_as_many_connections_as_are_under_way() {
    let (url, connections) = keeping(Duration::from_millis(5));
    let site = Site::at(&url, Arc::default());
    let all = crowd(&site, 320, 16);
    assert!(all.iter().all(|asked| asked.answer.is_ok() && asked.lost == 0));
    assert!((1..=20).contains(&connections.load(Relaxed)), "{connections:?}");
}

#[test]
fn an_answer_under_way_is_waited_for_when_the_run_must_end() {
    let site = Site::acting(|_, _, stream| {
        std::thread::sleep(Duration::from_millis(300));
        let body = answer().to_string();
        write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    });
    site.world.stop.limit(Duration::from_millis(50));
    assert!(site.ask().answer.is_ok(), "it is paid for");
    let asked = site.ask();
    assert!(matches!(asked.answer, Err(Setback::Ended)));
    assert_eq!((asked.lost, site.requests()), (0, 1), "nothing new is asked");
}

#[test]
fn few_tries_that_fail_by_chance_end_no_run() {
    let mut world = hurried();
    world.config.update_fiches.tries = 2;
    let asking = Asking::of(&world);
    let fail = || asking.ask(&world, &|| Err::<(), Miss>(miss(None))).0;
    assert_eq!(fail(), Err(Setback::Request("no (2 tries)".to_owned())));
    assert!(asking.ask(&world, &|| Ok(())).0.is_ok());
    assert!(matches!(fail(), Err(Setback::Request(_))) && matches!(fail(), Err(Setback::Request(_))));
    assert!(matches!(fail(), Err(Setback::Run(_))), "six in a row are no chance");
}

fn miss(wait: Option<Duration>) -> Miss {
    let setback = Setback::Request("no".to_owned());
    Miss { setback, again: Again::Often, wait, may_be_paid: false, is_harmless: true }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test takes the time")]
fn a_wait_that_the_server_asks_for_holds_for_all() {
    let world = hurried();
    let asking = Asking::of(&world);
    let is_first = AtomicUsize::new(0);
    let wait = Duration::from_millis(300);
    let began = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let once = || if is_first.fetch_add(1, Relaxed) == 0 { Err(miss(Some(wait))) } else { Ok(()) };
            assert!(asking.ask(&world, &once).0.is_ok());
        });
        while is_first.load(Relaxed) == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(20));
        assert!(asking.ask(&world, &|| Ok(())).0.is_ok());
        assert!(began.elapsed() >= wait, "{:?}", began.elapsed());
    });
}

#[test]
fn a_limit_that_lets_others_through_does_not_count_as_a_try() {
    let world = hurried();
    let asking = Asking::of(&world);
    let tries = AtomicUsize::new(0);
    let limited = || {
        assert!(asking.ask(&world, &|| Ok(())).0.is_ok(), "another one gets through");
        if tries.fetch_add(1, Relaxed) < 50 { Err(miss(Some(Duration::ZERO))) } else { Ok(()) }
    };
    assert!(asking.ask(&world, &limited).0.is_ok());
    let (answer, _) = asking.ask(&world, &|| Err::<(), Miss>(miss(Some(Duration::ZERO))));
    let why = "no (5 tries, and nothing else was answered meanwhile)";
    assert_eq!(answer, Err(Setback::Run(why.to_owned())));
}

#[test]
fn who_fails_while_others_are_answered_fails_alone() {
    let world = hurried();
    let asking = Asking::of(&world);
    let alone = || {
        assert!(asking.ask(&world, &|| Ok(())).0.is_ok());
        Err::<(), Miss>(miss(None))
    };
    assert_eq!(asking.ask(&world, &alone).0, Err(Setback::Request("no (5 tries)".to_owned())));
    assert!(asking.ask(&world, &|| Ok(())).0.is_ok());
}

#[test]
fn tokens_are_counted_without_a_limit_of_the_answer() {
    let site = Site::told(|_, count| match count {
        0 => error(529, "", "overloaded_error", "Overloaded"),
        _ => (200, String::new(), json!({"input_tokens": 2095}).to_string()),
    });
    assert_eq!(site.claude.count(&site.world, &prompt("A1101")), Ok(2_095));
    let asked = site.asked.lock().unwrap();
    assert!(asked[1].starts_with("POST /v1/messages/count_tokens ") && !asked[1].contains("max_tokens"));
}

#[test]
fn the_end_of_a_model_is_told() {
    let told = |model: Value| {
        let site = Site::told(move |_, _| (200, String::new(), model.to_string()));
        let lifecycle = site.claude.lifecycle(&site.world).unwrap();
        assert!(site.asked.lock().unwrap()[0].starts_with("GET /v1/models/claude-sonnet-5-5 "));
        lifecycle
    };
    let retires = "2026-11-30T00:00:00Z";
    let deprecated = told(json!({"lifecycle": "deprecated", "retires_at": retires}));
    assert_eq!(deprecated.as_deref(), Some("deprecated, retires 2026-11-30"));
    assert_eq!(told(json!({"lifecycle": "active", "retires_at": retires})), None);
    assert_eq!(told(json!({"id": "x"})), None);
    assert_eq!(told(json!({"lifecycle": "retired"})).as_deref(), Some("retired"));
    let gone = Site::told(|_, _| error(404, "", "not_found_error", "model: x"));
    assert!(matches!(gone.claude.lifecycle(&gone.world), Err(Setback::Run(why)) if why.contains("`model`")));
}
