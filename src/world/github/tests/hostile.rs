//! A GitHub of bad will, or in a bad state: asking ends soon, and one bad repository costs no other its figure.

use super::*;
use crate::config::units::Length;
use serde_json::json;

fn length(text: &str) -> Length {
    Length::try_from(text.to_owned()).unwrap()
}

/// The waits of the usual configuration, ten times as fast.
fn usual(world: &mut World) {
    world.config.http = crate::config::http::Http {
        back_off: length("100ms"),
        longest_wait: length("3s"),
        ..crate::config::http::Http::default()
    };
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test takes the time")]
fn a_github_that_is_dead_is_given_up_after_fifteen_seconds_of_the_usual_waits() {
    let dead: [(&str, u16, &str); 3] = [("500", 500, ""), ("no JSON", 200, "<html>"), ("429", 429, "")];
    std::thread::scope(|scope| {
        for (what, status, body) in dead {
            for has_token in [true, false] {
                scope.spawn(move || {
                    let (mut world, _) = github(move |_| (status, String::new(), body.to_owned()));
                    usual(&mut world);
                    let (world, _file) = if has_token {
                        with_token(world)
                    } else {
                        (world, tempfile::NamedTempFile::new().unwrap())
                    };
                    let began = Instant::now();
                    let census = ask(&world, &names(342), &BTreeMap::new()).unwrap();
                    let took = began.elapsed();
                    assert!(took < Duration::from_millis(2_300), "{what} {has_token}: {took:?}");
                    assert_eq!(census.failures.len(), 1, "{what} {has_token}: {census:?}");
                });
            }
        }
    });
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test takes the time")]
fn a_github_that_is_mute_is_given_up_after_three_requests_of_each_connection() {
    for has_token in [true, false] {
        let (mut world, _) = github(|_| {
            std::thread::sleep(Duration::from_secs(5));
            (200, String::new(), String::new())
        });
        usual(&mut world);
        world.config.http.timeout = length("300ms");
        let (world, _file) =
            if has_token { with_token(world) } else { (world, tempfile::NamedTempFile::new().unwrap()) };
        let began = Instant::now();
        let census = ask(&world, &names(342), &BTreeMap::new()).unwrap();
        assert!(began.elapsed() < Duration::from_millis(1_500), "{has_token}: {:?}", began.elapsed());
        assert!(census.requests <= 12 && census.failures.len() == 1, "{has_token}: {census:?}");
    }
}

#[test]
fn an_odd_value_is_left_out_and_the_stars_stay() {
    let (world, _) = github(|request| {
        let mut body = graphql(request, &[]);
        let oddities = [
            ("/data/r0/defaultBranchRef/target/oid", json!("abc")),
            ("/data/r1/defaultBranchRef/target/oid", json!("A".repeat(40))),
            ("/data/r2/defaultBranchRef/target/oid", json!(5)),
            ("/data/r3/defaultBranchRef/target/committedDate", json!("yesterday")),
            ("/data/r4/defaultBranchRef/target/committedDate", json!("+99999-01-01T00:00:00Z")),
            ("/data/r5/defaultBranchRef/target", json!(null)),
            ("/data/r6/defaultBranchRef", json!("main")),
            ("/data/r7/databaseId", json!(null)),
            ("/data/r8/databaseId", json!(-1)),
        ];
        for (place, odd) in oddities {
            *body.pointer_mut(place).unwrap() = odd;
        }
        body["data"]["r9"].as_object_mut().unwrap().retain(|key, _| !["databaseId"].contains(&&**key));
        (200, String::new(), body.to_string())
    });
    let (world, _file) = with_token(world);
    let census = ask(&world, &names(10), &BTreeMap::new()).unwrap();
    assert_eq!((census.answers.len(), census.requests, census.failures.len()), (10, 1, 0), "{census:?}");
    let all: Vec<Figure> = (0..10).map(|index| figure(&census, &format!("owner/repo-{index}"))).collect();
    assert!(all.iter().all(|figure| figure.stars == 5), "{all:?}");
    let has_commit: Vec<bool> = all.iter().map(|figure| figure.commit.is_some()).collect();
    assert_eq!(has_commit, [false, false, false, true, true, false, false, true, true, true]);
    let has_date: Vec<bool> = all.iter().map(|figure| figure.changed.is_some()).collect();
    assert_eq!(has_date, [true, true, true, false, false, false, false, true, true, true]);
    let numbers: std::collections::BTreeSet<u64> = all.iter().map(|figure| figure.id).collect();
    assert_eq!(numbers.len(), 10);
    for (key, odd) in
        [("id", json!(null)), ("id", json!(-1)), ("pushed_at", json!("soon")), ("pushed_at", json!(5))]
    {
        let (world, _) = github(move |request| {
            let mut body: Value = serde_json::from_str(&repository(path_of(request))).unwrap();
            body[key] = odd.clone();
            (200, left(60, 40), body.to_string())
        });
        let census = ask(&world, &names(1), &BTreeMap::new()).unwrap();
        assert_eq!(figure(&census, "owner/repo-0").stars, 42, "{key}");
    }
}

#[test]
fn one_bad_repository_is_refused_for_itself() {
    for (key, bad) in [
        ("nameWithOwner", json!("../../etc/passwd")),
        ("nameWithOwner", json!("-oProxyCommand=x/y")),
        ("nameWithOwner", json!("a/b\n")),
        ("nameWithOwner", json!(null)),
        ("stargazerCount", json!(-1)),
        ("stargazerCount", json!(1e300)),
        ("stargazerCount", json!("9")),
        ("stargazerCount", json!(null)),
    ] {
        let (world, _) = github(move |request| {
            let mut body = graphql(request, &[]);
            if request.contains("\"o0\":\"Owner\"") && request.contains("repo-0\"") {
                body["data"]["r0"][key] = bad.clone();
            }
            (200, String::new(), body.to_string())
        });
        let (world, _file) = with_token(world);
        let census = ask(&world, &names(250), &BTreeMap::new()).unwrap();
        assert_eq!(
            (census.answers.len(), census.requests, census.notes.len()),
            (249, 3, 0),
            "{key}: {census:?}"
        );
        let expected =
            "GitHub: no answer for 1 of 250 repositories, such as owner/repo-0: its answer is no repository";
        assert_eq!(census.failures, [expected], "{key}");
    }
}

#[test]
fn one_repository_that_github_cannot_answer_for_does_not_make_graphql_unusable() {
    let (world, _) = github(|request| {
        let at = (0..100).find(|index| request.contains(&format!("\"n{index}\":\"repo-7\"")));
        let alias = at.map(|at| format!("r{at}"));
        let nulls: Vec<_> =
            alias.iter().map(|alias| (&**alias, "INTERNAL", "Something went wrong")).collect();
        (200, String::new(), graphql(request, &nulls).to_string())
    });
    let (world, _file) = with_token(world);
    let census = ask(&world, &names(150), &BTreeMap::new()).unwrap();
    assert_eq!((census.answers.len(), census.notes.len()), (149, 0), "{census:?}");
    assert!(census.requests <= 8, "{census:?}");
    let expected = "GitHub: no answer for 1 of 150 repositories, such as owner/repo-7: Something went wrong";
    assert_eq!(census.failures, [expected]);
}

#[test]
fn a_github_that_answers_for_one_of_many_each_time_is_not_asked_for_ever() {
    let (world, asked) = github(|request| {
        let mut body = graphql(request, &[]);
        body["data"].as_object_mut().unwrap().retain(|alias, _| alias == "r0");
        (200, String::new(), body.to_string())
    });
    let (world, _file) = with_token(world);
    let census = ask(&world, &names(250), &BTreeMap::new()).unwrap();
    assert!((30..=40).contains(&asked.lock().unwrap().len()), "{}", asked.lock().unwrap().len());
    assert_eq!((census.answers.len(), census.failures.len(), census.notes.len()), (census.requests, 1, 0));
    assert!(census.failures[0].ends_with("its answer lacks repositories"), "{census:?}");
}

#[test]
fn whoever_always_asks_for_one_more_second_is_waited_for_as_long_as_longest_wait() {
    for (status, wait) in [(429, "0"), (503, "1")] {
        let header = format!("retry-after: {wait}\r\n");
        let (mut world, _) = github(move |_| (status, header.clone(), message("Slow down")));
        world.config.http.longest_wait = length("2s");
        let census = ask(&world, &names(2), &BTreeMap::new()).unwrap();
        let expected = "GitHub asks to wait 1 s even after waiting 2 s: 2 of 2 repositories keep their figures until \
                        a later run";
        assert_eq!(census.failures, [expected]);
    }
}

#[test]
fn with_a_token_a_limit_in_the_middle_is_a_failure() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let (world, _) = github(move |request| match count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
        0 => (200, left(5_000, 0), graphql(request, &[]).to_string()),
        _ => (403, left(5_000, 0), message("API rate limit exceeded")),
    });
    let (mut world, _file) = with_token(world);
    world.config.github.connections = 1;
    let census = ask(&world, &names(150), &BTreeMap::new()).unwrap();
    assert_eq!((census.answers.len(), census.notes.len(), census.failures.len()), (100, 0, 1), "{census:?}");
    assert!(census.failures[0].contains(": 50 of 150 repositories keep their figures"), "{census:?}");
}
