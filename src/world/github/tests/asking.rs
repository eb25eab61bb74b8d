//! How GitHub is asked, and what its answers mean.

use super::*;

#[test]
fn with_a_token_a_hundred_repositories_are_one_request() {
    let (world, asked) = github(|request| {
        (200, left(5_000, 4_990), graphql(request, &[("r3", "NOT_FOUND", "Could not resolve")]).to_string())
    });
    let (world, _file) = with_token(world);
    let census = ask(&world, &names(250), &BTreeMap::new()).unwrap();
    assert_eq!((census.answers.len(), census.requests), (250, 3), "{:?}", census.failures);
    assert!(census.notes.is_empty() && census.failures.is_empty() && census.received_bytes > 0, "{census:?}");
    let found = figure(&census, "owner/repo-0");
    assert_eq!((found.id, found.stars, found.commit.unwrap().len()), (100, 5, 40));
    assert_eq!(found.changed.unwrap().to_rfc3339(), "2026-11-19T07:59:00+00:00");
    assert_eq!(census.answers["owner/repo-3"].standing, Standing::Gone("Could not resolve".to_owned()));
    for request in asked.lock().unwrap().iter() {
        assert!(request.starts_with("POST /graphql ") && request.contains("authorization: Bearer ghp_token"));
        assert!(request.contains("user-agent: maint/"), "{request}");
    }
}

#[test]
fn a_question_that_is_too_large_for_github_is_asked_in_parts() {
    let (world, asked) = github(|request| match size(request) {
        0..=30 => (200, String::new(), graphql(request, &[]).to_string()),
        _ => (502, String::new(), "<html>".to_owned()),
    });
    let (world, _file) = with_token(world);
    let census = ask(&world, &names(100), &BTreeMap::new()).unwrap();
    assert_eq!((census.answers.len(), census.failures.len()), (100, 0), "{:?}", census.failures);
    let sizes: Vec<usize> = asked.lock().unwrap().iter().map(|request| size(request)).collect();
    assert_eq!(sizes[..3], [100, 25, 25]);
}

#[test]
fn part_of_an_answer_is_kept_and_the_rest_asked_again() {
    let (world, _) = github(|request| {
        let many: Vec<String> = (20..100).map(|index| format!("r{index}")).collect();
        let many =
            many.iter().map(|alias| (&**alias, "RESOURCE_LIMITS_EXCEEDED", "Resource limits exceeded"));
        let nulls: Vec<_> = many.take(size(request).saturating_sub(20)).collect();
        (200, String::new(), graphql(request, &nulls).to_string())
    });
    let (world, _file) = with_token(world);
    let census = ask(&world, &names(100), &BTreeMap::new()).unwrap();
    assert_eq!((census.answers.len(), census.failures.len()), (100, 0), "{:?}", census.failures);
}

#[test]
fn a_repository_that_github_does_not_answer_for_is_counted_and_gets_no_figure() {
    let nulls = [
        ("r0", "FORBIDDEN", "SAML"),
        ("r1", "FORBIDDEN", "SAML"),
        ("r2", "SERVICE", "Repository access blocked"),
    ];
    let (world, _) = github(move |request| (200, String::new(), graphql(request, &nulls).to_string()));
    let (world, _file) = with_token(world);
    let census = ask(&world, &names(5), &BTreeMap::new()).unwrap();
    assert_eq!((census.answers.len(), census.requests), (3, 1), "{census:?}");
    assert!(matches!(census.answers["owner/repo-2"].standing, Standing::Gone(_)));
    assert_eq!(census.failures, ["GitHub: no answer for 2 of 5 repositories, such as owner/repo-0: SAML"]);
}

#[test]
fn a_token_that_is_refused_is_said_and_done_without() {
    for (status, words) in [(401, "Bad credentials"), (403, "Bad credentials")] {
        let (world, asked) = github(move |request| match path_of(request) {
            "/graphql" => (status, String::new(), message(words)),
            path => (200, left(60, 30), repository(path)),
        });
        let (world, file) = with_token(world);
        let census = ask(&world, &names(3), &BTreeMap::new()).unwrap();
        assert_eq!((census.answers.len(), census.failures.len()), (3, 0), "{census:?}");
        let place = file.path().display();
        let expected = format!("GitHub refuses the token of {place}; going on without it: renew it");
        assert_eq!(census.notes, [expected]);
        let with = asked.lock().unwrap().iter().filter(|request| request.contains("Bearer")).count();
        assert_eq!(with, 1);
    }
}

#[test]
fn without_graphql_a_token_is_good_for_rest() {
    let (world, _) = github(move |request| match path_of(request) {
        "/graphql" => (404, String::new(), message("Not Found")),
        path if request.contains("authorization: Bearer ghp_token") => {
            (200, left(5_000, 9), repository(path))
        }
        _ => (404, String::new(), message("Not Found")),
    });
    let (world, _file) = with_token(world);
    let census = ask(&world, &names(3), &BTreeMap::new()).unwrap();
    assert_eq!((census.answers.len(), census.requests, census.failures.len()), (3, 4, 0), "{census:?}");
    assert_eq!(
        census.notes,
        ["GitHub's GraphQL cannot be used (it answers 404 Not Found: Not Found); asking by REST"]
    );
    assert_eq!(figure(&census, "owner/repo-2").stars, 42);
}

#[test]
fn without_a_token_no_more_is_asked_than_the_hour_allows() {
    let count = AtomicUsize::new(10);
    let (world, asked) = github(move |request| {
        std::thread::sleep(Duration::from_millis(5));
        match count.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)) {
            Ok(before) => (200, left(60, before as u64 - 1), repository(path_of(request))),
            Err(_) => (403, left(60, 0), message("API rate limit exceeded")),
        }
    });
    let census = ask(&world, &names(40), &BTreeMap::new()).unwrap();
    assert_eq!((census.answers.len(), asked.lock().unwrap().len()), (10, 10), "{census:?}");
    assert_eq!(
        census.notes,
        [
            "GitHub answers 60 requests an hour without a token: 30 of 40 repositories keep their figures until a \
          later run; set MAINT_TEST_NO_TOKEN"
        ]
    );
    assert!(census.answers.contains_key("owner/repo-0"), "the most needed first");
    let (world, asked) = github(|_| (403, left(60, 0), message("API rate limit exceeded")));
    let census = ask(&world, &names(40), &BTreeMap::new()).unwrap();
    assert_eq!((census.answers.len(), asked.lock().unwrap().len(), census.notes.len()), (0, 1, 0));
    assert!(census.failures[0].contains("40 of 40 repositories"), "{census:?}");
}

#[test]
fn a_limit_that_is_soon_over_is_waited_for_and_a_longer_one_is_not() {
    let count = Arc::new(AtomicUsize::new(0));
    let own = Arc::clone(&count);
    let (world, _) = github(move |request| match own.fetch_add(1, Relaxed) {
        0 => (403, "retry-after: 1\r\n".to_owned(), message("You have exceeded a secondary rate limit")),
        _ => (200, left(60, 50), repository(path_of(request))),
    });
    let census = ask(&world, &names(2), &BTreeMap::new()).unwrap();
    assert_eq!((census.answers.len(), count.load(Relaxed)), (2, 3), "{census:?}");
    let (world, asked) = github(|_| (429, "retry-after: 3600\r\n".to_owned(), message("Slow down")));
    let census = ask(&world, &names(2), &BTreeMap::new()).unwrap();
    assert_eq!(asked.lock().unwrap().len(), 1);
    let expected = "GitHub asks to wait 1 h, which is longer than `longest_wait` of [http] allows: 2 of 2 repositories \
                    keep their figures until a later run";
    assert_eq!(census.failures, [expected]);
}

#[test]
fn an_etag_is_shown_to_the_api_that_made_it_and_saves_the_answer() {
    let (world, asked) = github(|request| {
        if request.contains("if-none-match: W/\"one\"") {
            return (304, left(60, 40), String::new());
        }
        (200, format!("{}etag: W/\"one\"\r\n", left(60, 40)), repository(path_of(request)))
    });
    let first = ask(&world, &names(3), &BTreeMap::new()).unwrap();
    let mut known = first.answers.clone();
    let second = ask(&world, &names(3), &known).unwrap();
    assert_eq!((first.unchanged, second.unchanged, second.received_bytes), (0, 3, 0));
    assert_eq!(second.answers["owner/repo-1"].standing, first.answers["owner/repo-1"].standing);
    assert!(second.answers["owner/repo-1"].etag.is_some());
    for known in known.values_mut() {
        known.etag.as_mut().unwrap().reader = "another".to_owned();
    }
    assert_eq!(ask(&world, &names(3), &known).unwrap().unchanged, 0);
    assert_eq!(asked.lock().unwrap().len(), 9);
}

#[test]
fn a_repository_that_was_renamed_is_followed_with_its_token() {
    let (world, _) = github(|request| match path_of(request) {
        "/graphql" => (404, String::new(), String::new()),
        "/repositories/7" if request.contains("Bearer ghp_token") => {
            (200, left(5_000, 9), repository("/repos/New/Name"))
        }
        _ => (301, "location: /repositories/7\r\n".to_owned(), message("Moved Permanently")),
    });
    let (world, _file) = with_token(world);
    let census = ask(&world, &names(1), &BTreeMap::new()).unwrap();
    assert_eq!(figure(&census, "owner/repo-0").name.as_str(), "New/Name");
}

#[test]
fn what_github_says_of_a_repository_is_a_fact_and_what_stands_between_says_is_none() {
    let (world, _) = github(|request| match path_of(request) {
        "/repos/Owner/repo-0" => (404, left(60, 40), message("Not Found")),
        "/repos/Owner/repo-1" => (451, left(60, 40), message("Repository access blocked")),
        "/repos/Owner/repo-2" => (404, left(60, 40), "<html>no such page".to_owned()),
        "/repos/Owner/repo-3" => (403, left(60, 40), message("Must have admin rights")),
        path => (200, left(60, 40), repository(path)),
    });
    let census = ask(&world, &names(5), &BTreeMap::new()).unwrap();
    assert_eq!(census.answers["owner/repo-0"].standing, Standing::Gone("Not Found".to_owned()));
    assert!(matches!(census.answers["owner/repo-1"].standing, Standing::Gone(_)));
    assert_eq!((census.answers.len(), census.requests), (3, 5));
    assert!(
        census.failures[0].starts_with("GitHub: no answer for 2 of 5 repositories, such as "),
        "{census:?}"
    );
}

#[test]
fn hostile_values_never_become_a_figure() {
    let fine = json!({"id": 7, "full_name": "a/b", "stargazers_count": 1, "pushed_at": null});
    for (key, bad) in [
        ("full_name", json!("../../etc/passwd")),
        ("full_name", json!("-oProxyCommand=x/y")),
        ("full_name", json!("a/b\n")),
        ("full_name", json!(null)),
        ("stargazers_count", json!(-1)),
        ("stargazers_count", json!(1e300)),
        ("stargazers_count", json!("9")),
        ("stargazers_count", json!(5_000_000_000_u64)),
    ] {
        let mut body = fine.clone();
        body[key] = bad.clone();
        let (world, _) = github(move |_| (200, left(60, 40), body.to_string()));
        let census = ask(&world, &names(1), &BTreeMap::new()).unwrap();
        assert!(census.answers.is_empty() && census.failures.len() == 1, "{key} {bad}: {census:?}");
    }
    let (world, _) = github(move |_| (200, left(60, 40), fine.to_string()));
    assert_eq!(ask(&world, &names(1), &BTreeMap::new()).unwrap().answers.len(), 1);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test takes the time")]
fn when_nothing_is_answered_asking_ends_soon() {
    let after = |wait: u64| {
        move |_: &str| {
            std::thread::sleep(Duration::from_millis(wait));
            (500, String::new(), String::new())
        }
    };
    for (what, wait) in [("it fails", 0), ("it is mute", 2_000)] {
        for is_known in [false, true] {
            let (world, asked) = github(after(wait));
            let (world, _file) =
                if is_known { with_token(world) } else { (world, tempfile::NamedTempFile::new().unwrap()) };
            let began = Instant::now();
            let census = ask(&world, &names(400), &BTreeMap::new()).unwrap();
            assert!(began.elapsed() < Duration::from_secs(3), "{what}: {:?}", began.elapsed());
            assert!(census.answers.is_empty() && census.failures.len() == 1, "{what}: {census:?}");
            assert!(census.failures[0].contains("no answer for 400 of 400 repositories"), "{census:?}");
            assert!(asked.lock().unwrap().len() <= 28, "{what}: {}", asked.lock().unwrap().len());
        }
    }
}

#[test]
fn a_line_that_fails_now_and_then_is_no_obstacle() {
    let count = AtomicUsize::new(0);
    let (world, _) = github(move |request| match count.fetch_add(1, Relaxed) % 5 {
        1 => (429, String::new(), String::new()),
        2 => (500, String::new(), String::new()),
        3 => (200, "transfer-encoding: chunked\r\n".to_owned(), "cut".to_owned()),
        _ => (200, left(5_000, 4_000), repository(path_of(request))),
    });
    let census = ask(&world, &names(100), &BTreeMap::new()).unwrap();
    assert!(census.answers.len() > 70, "{} {:?}", census.answers.len(), census.failures);
}

#[test]
fn a_token_that_no_header_can_hold_is_refused_and_not_shown() {
    let (world, _) = github(|_| (500, String::new(), String::new()));
    let (world, mut file) = with_token(world);
    file.write_all("é".as_bytes()).unwrap();
    let error = ask(&world, &names(1), &BTreeMap::new()).unwrap_err();
    assert_eq!(crate::error::exit_of(&error).code(), 2);
    let error = error.to_string();
    assert!(error.contains(file.path().to_str().unwrap()) && !error.contains("ghp_"), "{error}");
}

#[test]
fn graphql_tells_of_its_limit_in_an_answer_that_looks_fine() {
    let limited =
        json!({"data": null, "errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]});
    let (world, asked) = github(move |_| (200, left(5_000, 0), limited.to_string()));
    let (world, _file) = with_token(world);
    let census = ask(&world, &names(300), &BTreeMap::new()).unwrap();
    assert!(census.answers.is_empty() && asked.lock().unwrap().len() <= 3, "{census:?}");
    assert_eq!(census.failures.len(), 1);
    assert!(
        census.failures[0].starts_with("GitHub answers 5,000 requests an hour, and again in "),
        "{census:?}"
    );
    let secondary =
        json!({"data": null, "errors": [{"message": "You have exceeded a secondary rate limit"}]});
    let (world, asked) = github(move |_| (200, "retry-after: 900\r\n".to_owned(), secondary.to_string()));
    let (world, _file) = with_token(world);
    let census = ask(&world, &names(3), &BTreeMap::new()).unwrap();
    assert_eq!((asked.lock().unwrap().len(), census.failures.len()), (1, 1));
    assert!(census.failures[0].starts_with("GitHub asks to wait 15 min, "), "{census:?}");
}

#[test]
fn an_hour_that_is_soon_over_is_waited_for() {
    let (count, own) = (Arc::new(AtomicUsize::new(0)), Mutex::new(None));
    let seen = Arc::clone(&count);
    let (world, _) = github(move |request| {
        let index = seen.fetch_add(1, Relaxed);
        let reset = own.lock().unwrap().get_or_insert_with(|| now() + 1).to_owned();
        let (left, reset) = if index == 0 { (0, reset) } else { (50, reset + 3_600) };
        let headers = format!(
            "x-ratelimit-limit: 60\r\nx-ratelimit-remaining: {left}\r\nx-ratelimit-reset: {reset}\r\n"
        );
        (200, headers, repository(path_of(request)))
    });
    let census = ask(&world, &names(3), &BTreeMap::new()).unwrap();
    assert_eq!((census.answers.len(), count.load(Relaxed)), (3, 3), "{census:?}");
    assert!(census.notes.is_empty() && census.failures.is_empty(), "{census:?}");
}

#[expect(clippy::disallowed_methods, reason = "the server's own clock")]
fn now() -> i64 {
    Utc::now().timestamp()
}

#[test]
fn a_machine_that_is_away_is_not_asked_in_another_way_nor_for_another_catalogue() {
    let url = server(|_, _| Ok(()));
    let mut world = hurried();
    world.config.github.api_url = Some(url.replace("/secret-path", ""));
    let (world, _file) = with_token(world);
    let census = ask(&world, &names(3), &BTreeMap::new()).unwrap();
    assert_eq!((census.requests, census.notes.len(), census.failures.len()), (3, 0, 1), "{census:?}");
    assert!(census.failures[0].contains("the line was cut"), "{census:?}");
    let census = ask(&world, &names(3), &BTreeMap::new()).unwrap();
    assert_eq!((census.requests, census.failures.len()), (0, 1), "{census:?}");
}

#[test]
fn an_answer_that_is_no_graphql_leads_to_rest_and_one_more_failure_to_the_end() {
    for nonsense in ["<html>", "[]", "{}", "null", "{\"data\":5}", "{\"errors\":7}", "{\"data\":{\"r0\":[]}}"]
    {
        let (world, _) = github(move |request| match path_of(request) {
            "/graphql" => (200, String::new(), nonsense.to_owned()),
            path => (200, left(5_000, 9), repository(path)),
        });
        let (world, _file) = with_token(world);
        let census = ask(&world, &names(3), &BTreeMap::new()).unwrap();
        assert_eq!((census.answers.len(), census.notes.len()), (3, 1), "{nonsense}: {census:?}");
        let (world, asked) = github(move |_| (200, String::new(), nonsense.to_owned()));
        let (world, _file) = with_token(world);
        let census = ask(&world, &names(3), &BTreeMap::new()).unwrap();
        assert_eq!((census.answers.len(), census.failures.len()), (0, 1), "{nonsense}: {census:?}");
        assert!(asked.lock().unwrap().len() <= 9, "{nonsense}");
    }
}

#[test]
fn of_many_graphql_errors_one_line_is_made_and_no_control_character_gets_through() {
    let (world, _) = github(move |request| {
        let nulls: Vec<(String, String)> =
            (0..size(request)).map(|index| (format!("r{index}"), "no\u{1b}]0;\n".repeat(500))).collect();
        let nulls: Vec<_> = nulls.iter().map(|(alias, words)| (&**alias, "FORBIDDEN", &**words)).collect();
        (200, String::new(), graphql(request, &nulls).to_string())
    });
    let (world, _file) = with_token(world);
    let census = ask(&world, &names(300), &BTreeMap::new()).unwrap();
    assert_eq!((census.failures.len(), census.answers.len()), (1, 0));
    assert!(census.failures[0].contains("300 of 300 repositories, such as "), "{census:?}");
    assert!(census.failures[0].len() < 2_000 && !census.failures[0].contains(char::is_control), "{census:?}");
}
