//! `maint ascl-refresh` when ASCL or GitHub fails, is slow, lies, or has had enough: the catalogue stays what it was.

use crate::support::ascl::{self, universe};
use crate::support::catalogue::{PATIENCE, Scene, WRITTEN, as_python, best, catalogue, catalogue_of};
use crate::support::github::{GitHub, Kind, Random, Repository, TOKEN, problem, secondary_limit};
use crate::support::http::{Reply, Server};
use crate::support::tls::Identity;
use crate::support::{Run, Site, finish, run, send, snapshot, wait_until};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

fn three() -> Vec<Repository> {
    let stars = [("Lab/astro-one", 30), ("Lab/astro-two", 20), ("Lab/astro-three", 10)];
    (1..).zip(stars).map(|(id, (name, stars))| Repository::new(id, name, stars)).collect()
}

/// Three libraries, and a catalogue with two of them.
fn scene() -> Scene {
    let scene = Scene::of(three());
    let _ = scene.keep(&catalogue_of(&["Lab/astro-one", "Lab/astro-two"]));
    scene
}

/// A run that fails in time and says why in a line, and leaves the catalogue alone.
#[track_caller]
fn fails(scene: &Scene, what: &str, run_it: impl FnOnce() -> Run) -> Run {
    let before = snapshot(&scene.site.path("app"));
    let start = Instant::now();
    let failed = run_it();
    let words = &failed.stderr;
    assert_eq!(failed.code, 1, "{what}: {words}");
    assert!(start.elapsed() < Duration::from_secs(13), "{what}: {:?}", start.elapsed());
    assert_eq!(snapshot(&scene.site.path("app")), before, "{what}: {words}");
    assert!(
        !words.is_empty() && !words.contains("panicked") && !words.contains("os error"),
        "{what}: {words}"
    );
    assert!(words.lines().all(|line| line.chars().count() < 600), "{what}: {words}");
    assert!(!words.contains(['\u{1b}', '\u{7}']) && !words.contains(TOKEN), "{what}: {words}");
    failed
}

#[test]
fn an_ascl_that_fails_or_says_something_else_leaves_the_catalogue_alone() {
    let scene = scene();
    let deep = "[".repeat(100_000);
    let whole = ascl::document(&["Lab/astro-one", "Lab/astro-two", "Lab/astro-three"]);
    for (what, reply) in [
        ("a page for people", Reply::new(200, "<html><title>Maintenance \x1b[31m</title>")),
        ("cut in the middle", Reply::new(200, &whole.as_bytes()[..whole.len() / 2])),
        ("the line is cut", Reply::new(200, &whole.as_bytes()[..whole.len() / 2]).cut()),
        ("no answer", Reply::mute()),
        ("nothing", Reply::new(200, "")),
        ("null", Reply::new(200, "null")),
        ("false", Reply::new(200, "false")),
        ("a text", Reply::new(200, "\"https://github.com/Lab/astro-one\"")),
        ("a number", Reply::new(200, "1e400")),
        ("no entries", Reply::new(200, "{}")),
        ("no entry in a list", Reply::new(200, "[]")),
        ("entries of another kind", Reply::new(200, "{\"1\": 5, \"2\": [], \"3\": null}")),
        ("too deep", Reply::new(200, deep)),
        ("no UTF-8", Reply::new(200, b"{\"1\": {\"title\": \"\xff\xfe\"}}".to_vec())),
        ("not found", Reply::new(404, "<html>")),
        ("forbidden", Reply::new(403, "")),
        ("a failure", Reply::new(500, "\x1b]0;title\x07")),
        ("too many requests", Reply::new(429, "").header("retry-after", "86400")),
        ("not modified, though nothing was known", Reply::new(304, "")),
        ("no content", Reply::new(204, "")),
        (
            "packed, though nobody asked for that",
            Reply::new(200, whole.clone()).header("content-encoding", "gzip"),
        ),
        ("200 MB", Reply::new(200, "{\"1\": ").padded(200 << 20)),
        ("endless", Reply::new(200, "{\"1\": ").endless()),
        ("to a file", Reply::new(302, "").header("location", "file:///etc/passwd")),
        ("to nowhere", Reply::new(302, "")),
        ("to the same place", Reply::new(302, "").header("location", ascl::PATH)),
    ] {
        scene.ascl.always(reply);
        let _ = fails(&scene, what, || scene.refresh(&[]));
    }
    assert!(scene.github.received().is_empty(), "GitHub was asked for nothing");
    scene.ascl.recovers();
    let _ = scene.refresh(&[]).exits(0);
    assert_eq!(scene.libraries().len(), 3);
}

#[test]
fn an_endless_answer_costs_neither_much_time_nor_memory() {
    let scene = scene();
    for reply in [
        Reply::new(200, "{\"1\": \"").endless(),
        Reply::new(200, "{\"1\": \"").padded(1 << 30),
        Reply::new(200, "[".repeat(1 << 20)).endless(),
    ] {
        scene.ascl.always(reply);
        let limited =
            crate::support::inside(&["sh", "-c", "ulimit -v 524288; exec \"$@\"", "sh"], &scene.command(&[]));
        let failed = fails(&scene, "endless", || run(&mut { limited }));
        assert!(failed.stderr.contains("20 MB") || failed.stderr.contains("larger"), "{}", failed.stderr);
    }
}

#[test]
fn an_answer_that_comes_byte_by_byte_for_ever_is_given_up() {
    let scene = scene();
    let config = fs::read_to_string(scene.site.path("maint.toml")).unwrap();
    scene.site.configure(&config.replace("timeout = \"3s\"", "timeout = \"300ms\""));
    let drips = |what: &str| {
        let start = Instant::now();
        let _ = fails(&scene, what, || scene.refresh(&[]));
        assert!(start.elapsed() < Duration::from_secs(5), "{what}: {:?}", start.elapsed());
    };
    scene.ascl.always(Reply::new(200, "{\"1\": ").dripping());
    drips("ASCL");
    scene.ascl.recovers();
    scene.github.always(Reply::new(200, "{\"data\": ").dripping());
    drips("GitHub");
}

#[test]
fn a_source_that_cannot_be_reached_is_named() {
    let scene = scene();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for source in [format!("http://{closed}/code/json"), "https://ascl.invalid/code/json".to_owned()] {
        let failed = fails(&scene, &source, || scene.refresh(&["--source", &source]));
        assert!(failed.stderr.contains("cannot connect"), "{}", failed.stderr);
    }
    if let Some(identity) = Identity::make(scene.site.around()) {
        let server = Server::start_as(Some(identity), |_| Reply::new(200, "{}"));
        let failed = fails(&scene, "TLS", || scene.refresh(&["--source", &server.url("/code/json")]));
        assert!(failed.stderr.contains("certificate"), "{}", failed.stderr);
    }
}

#[test]
fn ascl_may_redirect_and_not_in_a_circle() {
    let scene = scene();
    let other = Server::always(Reply::new(200, ascl::document(&["Lab/astro-one", "Lab/astro-two"])));
    scene.ascl.always(Reply::new(301, "").header("location", &other.url("/moved")));
    let _ = scene.refresh(&[]).exits(0);
    assert_eq!((scene.libraries().len(), other.received()[0].path.as_str()), (2, "/moved"));
    scene.ascl.always(Reply::new(302, "").header("location", &scene.ascl.url()));
    let failed = fails(&scene, "a circle", || scene.refresh(&[]));
    assert!(failed.stderr.contains("redirect"), "{}", failed.stderr);
    assert!(scene.ascl.received().len() < 30, "{}", scene.ascl.received().len());
}

#[test]
fn odd_names_are_neither_asked_nor_listed() {
    let odd = [
        "https://github.com/../../etc/astro",
        "https://github.com/-oProxyCommand=astro/x",
        "https://github.com/astro/..",
        "https://github.com/astro/.git",
        "https://github.com/astro/$(touch astro)",
        "https://github.com/orgs/astropy",
        "https://github.com/topics/astronomy",
        "https://github.com/sponsors/astropy",
        "https://github.com/features/astro",
        "https://github.com/astropy",
        "https://github.com/astro%2Fpath/%2e%2e",
        "https://astro.github.io/tool",
        "https://gitlab.com/github.com.example/astro",
        "https://notgithub.com/Lab/astro-seven",
        "https://gist.github.com/astro/0123456789abcdef",
        "https://github.com/\u{1b}[31mastro/x",
        "ext::sh -c astro/x",
    ];
    let long = format!("https://github.com/{}/astro", "a".repeat(200));
    let sites: Vec<&str> =
        odd.into_iter().chain([long.as_str(), "https://github.com/Lab/astro-one"]).collect();
    let entry = json!({"ascl_id": "1001.001", "site_list": sites, "used_in": false, "keywords": "none"});
    let scene = Scene::with(ascl::as_php(&json!({"x": entry})), three(), "");
    let _ = scene.refresh(&[]).exits(0);
    assert_eq!(scene.github.asked(), ["lab/astro-one"]);
    assert_eq!(scene.libraries(), ["Lab/astro-one 30"]);
}

/// A GitHub that fails as a whole, in seven ways.
#[test]
fn a_github_that_fails_as_a_whole_leaves_the_catalogue_alone() {
    let later = |status| problem(status, "later").header("retry-after", "3600");
    let limit = problem(403, "API rate limit exceeded for 203.0.113.9.").header("x-ratelimit-remaining", "0");
    let limited = json!({"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]});
    for (what, reply) in [
        ("429", later(429)),
        ("403, wait", later(403)),
        ("403, hour", limit.header("x-ratelimit-reset", "1795190000")),
        ("403, secondary", secondary_limit()),
        ("403, no reason", problem(403, "Forbidden")),
        ("500", Reply::new(500, "<html>Unicorn!</html>")),
        ("502", Reply::new(502, "")),
        ("no answer", Reply::mute()),
        ("cut", Reply::new(200, "{\"data\": {").cut()),
        ("a page for people", Reply::new(200, "<html>Sign in</html>")),
        ("nothing in it", Reply::new(200, "{}")),
        ("all null", Reply::new(200, "{\"data\": null}")),
        ("limited in words only", Reply::json(200, &limited)),
        ("elsewhere", Reply::new(302, "").header("location", "https://example.invalid/")),
    ] {
        let repositories = universe(300, 150);
        let scene = Scene::of(repositories.clone());
        let _ = scene.keep(&catalogue(&best(&repositories, 100), "2026-11-19T02:00:00"));
        scene.github.always(reply);
        let _ = fails(&scene, what, || scene.refresh(&[]));
        let _ = fails(&scene, what, || run(&mut scene.without_token(&[])));
        let counts = scene.github.counts();
        assert!(counts.graphql + counts.rest < 80, "{what}: asked in vain too often: {counts:?}");
    }
}

#[test]
fn all_repositories_gone_at_once_are_a_failure_of_github() {
    let scene = scene();
    for one in three() {
        scene.github.change(&one.name, |one| one.of_kind(Kind::Gone));
    }
    let failed = fails(&scene, "all gone", || scene.refresh(&[]));
    assert!(failed.stderr.contains("--force"), "{}", failed.stderr);
}

#[test]
fn a_repository_that_github_cannot_tell_of_keeps_its_figure() {
    for token in [Some(TOKEN), None] {
        let scene = scene();
        let go = || {
            let mut command = scene.without_token(&[]);
            run(command.envs(token.map(|token| ("GITHUB_TOKEN", token))))
        };
        let _ = go().exits(0);
        scene.github.change("Lab/astro-one", |one| Repository { stars: 1, ..one }.of_kind(Kind::Broken));
        scene.github.change("Lab/astro-three", |one| Repository { stars: 25, ..one });
        let failed = go();
        assert_eq!(
            scene.libraries(),
            ["Lab/astro-one 30", "Lab/astro-three 25", "Lab/astro-two 20"],
            "{}",
            failed.stderr
        );
        scene.github.change("Lab/astro-one", |one| one.of_kind(Kind::Usual));
        let _ = go().exits(0);
        assert_eq!(scene.libraries(), ["Lab/astro-three 25", "Lab/astro-two 20", "Lab/astro-one 1"]);
    }
}

#[test]
fn without_a_token_the_catalogue_becomes_the_same_over_the_hours() {
    let repositories = universe(300, 150);
    let scene = Scene::of(repositories.clone());
    let expected = catalogue(&best(&repositories, 100), "2026-11-20T18:02:26");
    let mut time = "2026-11-20T15:02:26Z".to_owned();
    let mut asked = BTreeSet::new();
    for hour in 1..=3 {
        scene.github.forget();
        let ran = run(scene.without_token(&[]).env("MAINT_NOW", &time));
        assert!([0, 1].contains(&ran.code), "{}", ran.stderr);
        let counts = scene.github.counts();
        assert!(counts.rest <= 61 && counts.graphql == 0, "{counts:?}");
        asked.extend(scene.github.asked());
        assert_eq!(asked.len(), [60, 120, 150][hour - 1], "hour {hour}");
        time = scene.github.an_hour_later();
    }
    assert_eq!(scene.text(), as_python(&expected));
    // And from then on it is renewed bit by bit, and nothing is lost.
    scene.github.change(expected["libraries"][50]["name"].as_str().unwrap(), |one| Repository {
        stars: 9_999,
        ..one
    });
    for _ in 0..3 {
        let _ = run(scene.without_token(&[]).env("MAINT_NOW", &time));
        time = scene.github.an_hour_later();
    }
    assert_eq!((scene.libraries().len(), scene.json()["libraries"][0]["stars"].clone()), (100, json!(9_999)));
}

#[test]
fn a_known_catalogue_does_not_shrink_because_the_hours_limit_is_small() {
    let repositories = universe(300, 150);
    let scene = Scene::of(repositories.clone());
    let best = best(&repositories, 100);
    let _ = scene.keep(&catalogue(&best, "2026-11-19T02:00:00"));
    scene.github.limits([10, 5_000, 5_000]);
    let ran = run(&mut scene.without_token(&[]));
    assert!(ran.code <= 1, "{}", ran.stderr);
    assert_eq!(scene.json()["libraries"].as_array().unwrap().len(), 100);
}

#[test]
fn how_long_a_limit_lasts_is_told_by_githubs_clock_and_with_a_token_it_is_a_failure() {
    let repositories = universe(300, 150);
    for now in ["2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z"] {
        let scene = Scene::of(repositories.clone());
        let _ = scene.keep(&catalogue(&best(&repositories, 100), "2026-11-19T02:00:00"));
        scene.github.limits([60, 5_000, 1]);
        let failed = run(scene.command(&[]).env("MAINT_NOW", now)).exits(1);
        assert!(failed.stderr.contains(" requests an hour, and again in 45 min"), "{}", failed.stderr);
        assert_eq!(scene.json()["libraries"].as_array().unwrap().len(), 100);
    }
}

#[test]
fn what_has_not_changed_is_asked_for_by_its_etag() {
    let scene = scene();
    let down = |request: &crate::support::http::Received| {
        (request.path == "/graphql").then(|| Reply::new(502, "<html>"))
    };
    scene.github.trouble(down);
    let _ = scene.refresh(&[]).exits(0);
    assert_eq!(scene.libraries().len(), 3);
    scene.github.forget();
    let _ = scene.refresh(&[]).exits(0);
    assert_eq!((scene.github.counts().rest, scene.github.counts().unchanged), (3, 3));
    // Another reader gets whole answers.
    scene.github.forget();
    let _ = run(&mut scene.without_token(&[])).exits(0);
    assert_eq!((scene.github.counts().rest, scene.github.counts().unchanged), (3, 0));
    assert_eq!(scene.libraries(), ["Lab/astro-one 30", "Lab/astro-two 20", "Lab/astro-three 10"]);
}

#[test]
fn without_graphql_the_catalogue_is_the_same() {
    let repositories = universe(300, 150);
    let expected = as_python(&catalogue(&best(&repositories, 100), WRITTEN));
    let errors = json!({"errors": [{"message": "Something went wrong while executing your query."}]});
    for reply in
        [Reply::new(502, ""), Reply::new(200, "<html>"), problem(404, "Not Found"), Reply::json(200, &errors)]
    {
        let scene = Scene::of(repositories.clone());
        scene.github.trouble(move |request| (request.path == "/graphql").then(|| reply.clone()));
        let ran = scene.refresh(&[]);
        assert_eq!(scene.text(), expected, "{}", ran.stderr);
        assert_eq!(scene.github.counts().rest, 150);
    }
}

#[test]
fn a_token_that_is_refused_is_named_and_the_run_goes_on_without_it() {
    let scene = scene();
    let mut command = scene.without_token(&["--json"]);
    let ran = run(command.env("GITHUB_TOKEN", "ghp_another"));
    assert!(ran.code <= 1, "{}", ran.stderr);
    let words = format!("{}{}", ran.stdout, ran.stderr);
    assert!(words.contains("GITHUB_TOKEN") && words.contains("refuse"), "{words}");
    assert!(!words.contains("ghp_another"), "{words}");
    assert_eq!(scene.libraries().len(), 3);
    assert!(scene.github.counts().graphql <= 4, "{:?}", scene.github.counts());
}

#[test]
fn a_token_that_no_header_can_hold_is_refused_before_anything_is_asked() {
    for token in ["two\nlines", "caf\u{e9}\u{7}"] {
        let scene = scene();
        let mut command = scene.without_token(&[]);
        let refused = run(command.env("GITHUB_TOKEN", token)).exits(2);
        assert!(
            refused.stderr.contains("GITHUB_TOKEN") && !refused.stderr.contains(token),
            "{}",
            refused.stderr
        );
        assert!(scene.github.received().is_empty());
    }
}

#[test]
fn a_pause_that_github_asks_for_is_kept() {
    for reply in
        [problem(429, "slow down").header("retry-after", "1"), secondary_limit().header("retry-after", "1")]
    {
        let scene = scene();
        let mut first = Some(reply);
        scene.github.trouble(move |_| first.take());
        let start = Instant::now();
        let _ = scene.refresh(&[]).exits(0);
        assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
        assert_eq!((scene.libraries().len(), scene.github.counts().rest), (3, 0));
    }
}

#[test]
fn the_token_follows_no_redirect_to_another_place() {
    let thief = Server::always(Reply::json(200, &json!({"data": {}, "full_name": "Lab/astro-one", "id": 1})));
    for status in [301, 302, 307, 308] {
        let scene = scene();
        scene.github.always(Reply::new(status, "{}").header("location", &thief.url("/graphql")));
        let _ = fails(&scene, "redirected", || scene.refresh(&[]));
    }
    assert!(thief.received().is_empty(), "{:?}", thief.received());
}

#[test]
fn figures_that_cannot_be_are_not_believed() {
    let row = |name: Value, stars: Value| {
        let target = json!({"oid": "../../x", "committedDate": "never"});
        let branch = json!({"name": "main", "target": target});
        json!({"databaseId": 1, "nameWithOwner": name, "stargazerCount": stars, "isArchived": false, "isDisabled": false,
               "pushedAt": "never", "defaultBranchRef": branch})
    };
    for (name, stars) in [
        (json!("../../etc/passwd"), json!(5)),
        (json!("-oProxy/x"), json!(5)),
        (json!("Lab/astro\u{1b}[31m"), json!(5)),
        (json!(5), json!(5)),
        (json!("Lab/astro-one"), json!(-1)),
        (json!("Lab/astro-one"), json!("5")),
        (json!("Lab/astro-one"), json!(null)),
        (json!("Lab/astro-one"), json!(1e300)),
    ] {
        let scene = scene();
        let row = row(name.clone(), stars.clone());
        let data = json!({"data": {"rateLimit": null, "r0": row, "r1": row, "r2": row}});
        scene.github.trouble(move |request| (request.path == "/graphql").then(|| Reply::json(200, &data)));
        let ran = scene.refresh(&[]);
        let shown = format!("{name} {stars}: {} {}", ran.stdout, ran.stderr);
        assert!(ran.code <= 1 && !shown.contains('\u{1b}'), "{shown}");
        let text = scene.text();
        assert!(!text.contains("etc") && !text.contains("Proxy") && !text.contains("[31m"), "{shown}");
        let stars = scene.json()["libraries"][0]["stars"].as_u64();
        assert!(stars.is_some_and(|stars| stars <= 30), "{shown}");
    }
}

#[test]
fn twenty_runs_against_servers_that_fail_at_random_end_like_one_clean_run() {
    let repositories = universe(240, 120);
    let scene = Scene::of(repositories.clone());
    let mut random = Random::new(7);
    let mut codes = BTreeSet::new();
    for day in 1..=20 {
        scene.github.fails_at_random(day);
        scene.ascl.fails_at_random(day + 100);
        let mut command = if random.below(4) == 0 { scene.without_token(&[]) } else { scene.command(&[]) };
        let ran = run(command.env("MAINT_NOW", format!("2026-11-{day:02}T15:02:26Z")));
        assert!([0, 1].contains(&ran.code) && !ran.stderr.contains("panicked"), "{}", ran.stderr);
        codes.insert(ran.code);
        if scene.path().exists() {
            let all = repositories
                .iter()
                .map(|one| (one.name.as_str(), one.stars))
                .collect::<std::collections::BTreeMap<_, _>>();
            for library in scene.json()["libraries"].as_array().unwrap() {
                assert_eq!(
                    Some(library["stars"].as_u64().unwrap()),
                    all.get(library["name"].as_str().unwrap()).copied()
                );
            }
        }
        let _ = scene.github.an_hour_later();
    }
    assert_eq!(codes.len(), 2, "the servers never failed, or always");
    let mut found = scene.json();
    found["last_updated"] = json!(WRITTEN);
    assert_eq!(as_python(&found), as_python(&catalogue(&best(&repositories, 100), WRITTEN)));
}

#[test]
fn a_machine_without_github_says_so_soon() {
    let site = Site::new(&format!(
        "{PATIENCE}[github]\napi_url = \"https://api.github.invalid\"\n[ascl-refresh]\nsource = \"ascl.json\"\n"
    ));
    fs::write(site.path("ascl.json"), ascl::document(&["Lab/astro-one"])).unwrap();
    let start = Instant::now();
    let mut command = site.command(&["ascl-refresh", "--no-contexts"]);
    let failed = run(command.env("GITHUB_TOKEN", TOKEN)).exits(1);
    assert!(failed.stderr.contains("cannot connect"), "{}", failed.stderr);
    assert!(start.elapsed() < Duration::from_secs(12), "{:?}", start.elapsed());
    assert!(!site.path("app").exists());
}

#[test]
fn a_server_that_is_not_github_changes_nothing() {
    let scene = scene();
    let other = GitHub::with(Vec::new());
    let mut command = scene.command(&[]);
    let config = fs::read_to_string(scene.site.path("maint.toml")).unwrap();
    scene.site.configure(&config.replace(&scene.github.url(""), &other.url("")));
    let _ = fails(&scene, "knows nobody", || run(&mut command));
}

#[test]
fn a_signal_and_a_time_limit_end_a_run_that_waits_for_an_answer() {
    let jobs = "[jobs.catalogue]\ncommand = \"ascl-refresh --no-contexts\"\ntimeout = \"1s\"\n";
    for (who, reply) in
        [("drips", Reply::new(200, "{").dripping()), ("waits", Reply::mute().after(Duration::from_secs(9)))]
    {
        let scene = scene();
        let config = fs::read_to_string(scene.site.path("maint.toml")).unwrap();
        scene.site.configure(&format!("{}{jobs}", config.replace("timeout = \"3s\"", "timeout = \"20s\"")));
        scene.github.always(reply);
        let before = snapshot(&scene.site.path("app"));
        let mut command = scene.command(&[]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_until("GitHub is asked", || scene.github.counts().graphql > 0);
        let start = Instant::now();
        send(&child, rustix::process::Signal::TERM);
        let ended = finish(child).exits(143);
        assert!(start.elapsed() < Duration::from_secs(4), "{who}: {:?}", start.elapsed());
        assert!(ended.stderr.contains("interrupted"), "{who}: {}", ended.stderr);
        let start = Instant::now();
        let mut command = scene.site.command(&["run", "catalogue"]);
        let _ = run(command.env("GITHUB_TOKEN", TOKEN)).exits(124);
        assert!(start.elapsed() < Duration::from_secs(6), "{who}: {:?}", start.elapsed());
        assert_eq!(snapshot(&scene.site.path("app")), before, "{who}");
        assert!(!scene.site.log("catalogue").contains(TOKEN));
    }
}

#[test]
fn a_document_that_is_always_cut_leaves_the_others_of_its_machine_alone() {
    let server = crate::support::http::Server::start(|request| {
        let document = Reply::new(200, ascl::document(&["Lab/astro-one"]));
        if request.path == "/cut" { document.cut() } else { document }
    });
    let (cut, whole) = (server.url("/cut"), server.url("/whole"));
    let domains = format!(
        "[ascl-refresh.domains.aaa]\nkeywords = [\"astro\"]\nsource = \"{cut}\"\n\
         [ascl-refresh.domains.bbb]\nkeywords = [\"astro\"]\nsource = \"{whole}\"\n"
    );
    let scene = Scene::with(ascl::document(&["Lab/astro-one"]), three(), &domains);
    let ran = scene.refresh(&["--all"]).exits(1);
    assert!(ran.stderr.contains("/cut: ") && !ran.stderr.contains("/whole"), "{}", ran.stderr);
    assert!(scene.site.path("app/data/bbb-libraries.json").exists());
    assert!(!scene.site.path("app/data/aaa-libraries.json").exists());
}

#[test]
fn a_document_without_an_etag_is_asked_for_by_its_time() {
    const TIME: &str = "Thu, 19 Nov 2026 03:00:00 GMT";
    let server = crate::support::http::Server::start(|request| match request.header("if-modified-since") {
        TIME => Reply::new(304, ""),
        _ => Reply::new(200, ascl::document(&["Lab/astro-one"])).header("last-modified", TIME),
    });
    let scene = Scene::of(three());
    let source = server.url("/code/json");
    let first = scene.refresh(&["--source", &source, "--json"]).exits(0).json();
    let second = scene.refresh(&["--source", &source, "--json"]).exits(0).json();
    let counts = |report: &Value| {
        (report["catalogue"]["cache_hits"].clone(), report["catalogue"]["repositories"].clone())
    };
    assert_eq!((counts(&first), counts(&second)), ((json!(0), json!(1)), (json!(1), json!(1))));
    assert_eq!(server.received().len(), 2);
    assert_eq!(scene.libraries(), ["Lab/astro-one 30"]);
}

#[test]
fn somebody_who_watches_sees_how_far_github_has_answered() {
    let scene = Scene::of(universe(20, 20));
    scene.github.takes(Duration::from_millis(400));
    let line = format!("'{}' ascl-refresh --no-contexts", crate::support::binary());
    let mut command = scene.site.through("script", &["--quiet", "--return", "--command", &line, "/dev/null"]);
    let run = run(command.env("TERM", "xterm")).exits(0);
    assert!(run.stdout.contains("/20 ("), "{:?}", run.stdout);
    assert!(run.stdout.contains("20 of 20 answered"), "{:?}", run.stdout);
}
