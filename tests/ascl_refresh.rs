//! `maint ascl-refresh`: which libraries are in the catalogue, its form, and when it is left alone.

use crate::support::ascl::{self, universe};
use crate::support::catalogue::{
    CATALOGUE, PATIENCE, Scene, WRITTEN, actions, as_python, best, catalogue, catalogue_of,
};
use crate::support::github::{Kind, Repository, TOKEN};
use crate::support::http::Reply;
use crate::support::{finish, run, snapshot, wait_until};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::Stdio;
use std::time::Duration;

/// Repositories with this many stars, in a lab that no keyword knows.
fn some(stars: &[(&str, u64)]) -> Vec<Repository> {
    (1..).zip(stars).map(|(id, (name, stars))| Repository::new(id, name, *stars)).collect()
}

fn three() -> Vec<Repository> {
    some(&[("Lab/astro-one", 30), ("Lab/astro-two", 20), ("Lab/astro-three", 10)])
}

#[test]
fn the_catalogue_is_the_hundred_with_the_most_stars_in_the_originals_form_to_the_byte() {
    let repositories = universe(2_532, 342);
    let scene = Scene::of(repositories.clone());
    let _ = scene.refresh(&[]).exits(0);
    let hundred = best(&repositories, 100);
    assert_eq!(hundred.len(), 100);
    assert_eq!(scene.text(), as_python(&catalogue(&hundred, WRITTEN)));
    assert_eq!(fs::metadata(scene.path()).unwrap().permissions().mode() & 0o7777, 0o644);
    // A hundred names a question, and only of those whose name has a keyword.
    let counts = scene.github.counts();
    assert_eq!((counts.graphql, counts.rest, scene.github.asked().len()), (4, 0, 342));
}

#[test]
fn equal_stars_are_in_the_order_of_the_alphabet_whatever_the_case_and_the_order_of_the_document() {
    let mut repositories =
        some(&[("b/astro", 5), ("A/astro", 5), ("c/astro", 9), ("B/astro-x", 5), ("a/Astro-B", 5)]);
    let expected = ["c/astro 9", "A/astro 5", "a/Astro-B 5", "b/astro 5", "B/astro-x 5"];
    for _ in 0..2 {
        let scene = Scene::of(repositories.clone());
        let _ = scene.refresh(&[]).exits(0);
        assert_eq!(scene.libraries(), expected);
        repositories.reverse();
    }
}

#[test]
fn an_object_a_list_and_plain_slashes_give_the_same_catalogue() {
    let repositories = universe(60, 30);
    let names: Vec<&str> = repositories.iter().map(|one| one.name.as_str()).collect();
    let plain = ascl::document(&names).replace("\\/", "/");
    let spaced = serde_json::to_string_pretty(&serde_json::from_str::<Value>(&plain).unwrap()).unwrap();
    let expected = as_python(&catalogue(&best(&repositories, 100), WRITTEN));
    for document in [ascl::document(&names), plain, spaced, ascl::list(&names)] {
        let scene = Scene::with(document, repositories.clone(), "");
        let _ = scene.refresh(&[]).exits(0);
        assert_eq!(scene.text(), expected);
    }
}

#[test]
fn the_spellings_of_one_repository_are_one_library() {
    let spellings = [
        "https://github.com/Lab/Astro.Tool",
        "http://www.github.com/lab/astro.tool/",
        "https://github.com/LAB/ASTRO.TOOL.git",
        "see https://github.com/Lab/Astro.Tool.",
        "(https://github.com/Lab/Astro.Tool), and",
        "https://github.com/Lab/Astro.Tool/releases/tag/v1#readme",
    ];
    let entry =
        json!({"ascl_id": "1001.001", "site_list": spellings[..3], "abstract": spellings[3..].join(" ")});
    let scene = Scene::with(ascl::as_php(&json!({"1": entry})), some(&[("Lab/Astro.Tool", 4)]), "");
    let _ = scene.refresh(&[]).exits(0);
    assert_eq!(scene.libraries(), ["Lab/Astro.Tool 4"]);
    assert_eq!(scene.github.asked(), ["lab/astro.tool"]);
}

#[test]
fn a_name_is_shown_as_the_document_writes_it() {
    let scene = Scene::with(ascl::document(&["lab/astroTool"]), some(&[("Lab/AstroTool", 4)]), "");
    let _ = scene.refresh(&[]).exits(0);
    assert_eq!(scene.libraries(), ["lab/astroTool 4"]);
}

#[test]
fn what_is_gone_or_blocked_is_left_out_and_what_is_empty_or_has_no_star_is_not() {
    let mut repositories = three();
    repositories.extend([
        Repository::new(11, "Lab/astro-gone", 99).of_kind(Kind::Gone),
        Repository::new(12, "Lab/astro-blocked", 98).of_kind(Kind::Blocked),
        Repository::new(13, "Lab/astro-empty", 1).of_kind(Kind::Empty),
        Repository::new(14, "Lab/astro-zero", 0),
    ]);
    let expected = [
        "Lab/astro-one 30",
        "Lab/astro-two 20",
        "Lab/astro-three 10",
        "Lab/astro-empty 1",
        "Lab/astro-zero 0",
    ];
    let scene = Scene::of(repositories.clone());
    let _ = scene.refresh(&[]).exits(0);
    assert_eq!(scene.libraries(), expected);
    // The same by REST.
    let scene = Scene::of(repositories);
    let _ = run(&mut scene.without_token(&[])).exits(0);
    assert_eq!(scene.libraries(), expected);
    assert_eq!(scene.github.counts().graphql, 0);
}

/// A catalogue with contexts, and keys that are not the program's.
fn kept() -> Value {
    let mut kept = catalogue_of(&["Lab/astro-one", "Lab/astro-two", "Lab/astro-three"]);
    kept["libraries"][1]["hasContextFile"] = json!(true);
    kept["libraries"][1]["contextFileName"] = json!("astro-two-context.txt");
    kept["libraries"][1]["note"] = json!({"by": "Zoë", "n": [1, 2.5, null]});
    kept["libraries"][2].as_object_mut().unwrap().remove("contextFileName");
    kept["description"] = json!("Des mots à nous / our own words");
    kept["keywords"] = json!(["ours"]);
    kept["licence"] = json!("CC-BY");
    kept
}

#[test]
fn what_the_site_has_written_into_its_catalogue_is_kept() {
    for (name, changed) in [("as it was", false), ("with other stars", true)] {
        let mut repositories = three();
        repositories[1].stars = if changed { 77 } else { 20 };
        let scene = Scene::of(repositories);
        let _ = scene.keep(&kept());
        let _ = scene.refresh(&[]).exits(0);
        let catalogue = scene.json();
        let two = &catalogue["libraries"][usize::from(!changed)];
        let expected = ("Lab/astro-two", true, "astro-two-context.txt", "Zoë");
        let found = (&two["name"], &two["hasContextFile"], &two["contextFileName"], &two["note"]["by"]);
        assert_eq!(json!(found), json!(expected), "{name}");
        assert_eq!(two["note"], json!({"by": "Zoë", "n": [1, 2.5, null]}));
        for key in ["description", "keywords", "licence"] {
            assert_eq!(catalogue[key], kept()[key], "{name}");
        }
        assert_eq!(catalogue["libraries"][2]["hasContextFile"], json!(false));
    }
}

#[test]
fn a_renamed_library_takes_its_status_along_and_is_there_once() {
    let mut repositories = three();
    repositories[1] = Repository::new(2, "NewLab/AstroTwo", 20).formerly("Lab/astro-two");
    for token in [Some(TOKEN), None] {
        // The document leads to both names of it.
        let names = ["Lab/astro-one", "Lab/astro-two", "newlab/astrotwo", "Lab/astro-three"];
        let scene = Scene::with(ascl::document(&names), repositories.clone(), "");
        let _ = scene.keep(&kept());
        let mut command = scene.without_token(&[]);
        let _ = run(command.envs(token.map(|token| ("GITHUB_TOKEN", token)))).exits(0);
        let catalogue = scene.json();
        let names: Vec<String> = scene.libraries().iter().map(|name| name.to_lowercase()).collect();
        assert_eq!(names, ["lab/astro-one 30", "newlab/astrotwo 20", "lab/astro-three 10"]);
        let two = &catalogue["libraries"][1];
        assert_eq!(two["github_url"], json!(format!("https://github.com/{}", two["name"].as_str().unwrap())));
        assert_eq!((&two["hasContextFile"], &two["note"]["by"]), (&json!(true), &json!("Zoë")));
        assert_eq!(two["contextFileName"], "astro-two-context.txt");
    }
}

#[test]
fn a_library_that_was_renamed_out_of_all_keywords_stays() {
    let repository = Repository::new(1, "NewLab/tool", 20).formerly("Lab/astro-tool");
    let scene = Scene::of(vec![repository]);
    let _ = scene.refresh(&[]).exits(0);
    assert_eq!(scene.libraries(), ["NewLab/tool 20"]);
}

#[test]
fn the_previous_catalogue_is_kept_beside_the_new_one() {
    let scene = Scene::of(three());
    let old = scene.keep(&catalogue_of(&["Lab/astro-one", "Lab/astro-two"]));
    let _ = scene.refresh(&[]).exits(0);
    let backup = scene.site.path(&format!("{CATALOGUE}.bak"));
    assert_eq!(fs::read_to_string(&backup).unwrap(), old);
    assert_eq!(scene.site.tree("app/data"), ["astronomy-libraries.json", "astronomy-libraries.json.bak"]);
    // And no first one is made up.
    let scene = Scene::of(three());
    let _ = scene.refresh(&[]).exits(0);
    assert_eq!(scene.site.tree("app/data"), ["astronomy-libraries.json"]);
}

#[test]
fn a_second_run_with_nothing_new_writes_nothing() {
    let scene = Scene::of(universe(200, 60));
    let _ = scene.keep(&catalogue_of(&["Lab/astro-one"]));
    let _ = scene.refresh(&["--force"]).exits(0);
    let before = snapshot(&scene.site.path("app"));
    let report = scene.refresh(&["--json"]).exits(0).json();
    assert_eq!(report["steps"], json!([]));
    assert!(report["summary"].as_str().unwrap().contains("nothing to do"), "{report}");
    let mut tomorrow = scene.command(&["--json"]);
    let report = run(tomorrow.env("MAINT_NOW", "2026-11-21T15:02:26Z")).exits(0).json();
    assert!(actions(&report).iter().all(|(action, _)| action != "write-catalogue"), "{report}");
    assert_eq!(snapshot(&scene.site.path("app")), before);
}

#[test]
fn the_time_of_the_catalogue_is_that_of_the_site_as_python_writes_it() {
    for (now, written) in [
        ("2026-11-20T23:30:00.25Z", "2026-11-21T00:30:00.250000"),
        ("2026-07-01T12:00:00.000001Z", "2026-07-01T14:00:00.000001"),
    ] {
        let scene = Scene::of(three());
        let _ = run(scene.command(&[]).env("MAINT_NOW", now)).exits(0);
        assert_eq!(scene.json()["last_updated"], written);
    }
}

#[test]
fn a_catalogue_that_would_be_empty_or_much_smaller_is_refused_and_nothing_is_overwritten() {
    let ten: Vec<String> = (0..10).map(|at| format!("Lab/astro-{at}")).collect();
    let ten: Vec<&str> = ten.iter().map(String::as_str).collect();
    let all: Vec<(&str, u64)> = ten.iter().map(|name| (*name, 5)).collect();
    for left in [0, 1, 7] {
        let mut repositories = some(&all);
        for one in &mut repositories[left..] {
            one.kind = Kind::Gone;
        }
        let scene = Scene::of(repositories);
        let old = scene.keep(&catalogue_of(&ten));
        let before = snapshot(&scene.site.path("app"));
        let refused = scene.refresh(&[]).exits(1);
        let words = &refused.stderr;
        let has = |part: &str| words.contains(part);
        assert!(has(&format!("{left} librar")) && has(" 10") && has("--force"), "{words}");
        assert_eq!(snapshot(&scene.site.path("app")), before, "{left}");
        let rehearsal = scene.refresh(&["--dry-run", "--json"]);
        assert!(!rehearsal.stdout.contains("write-catalogue"), "{}", rehearsal.stdout);
        let _ = scene.refresh(&["--force"]).exits(0);
        assert_eq!(scene.libraries().len(), left);
        assert_eq!(fs::read_to_string(scene.site.path(&format!("{CATALOGUE}.bak"))).unwrap(), old);
    }
    let mut repositories = some(&all);
    repositories[8].kind = Kind::Gone;
    repositories[9].kind = Kind::Gone;
    let scene = Scene::of(repositories);
    let _ = scene.keep(&catalogue_of(&ten));
    let _ = scene.refresh(&[]).exits(0);
    assert_eq!(scene.libraries().len(), 8);
}

#[test]
fn min_keep_says_how_much_smaller_a_catalogue_may_get() {
    let scene = Scene::with(ascl::document(&["Lab/astro-one"]), three()[..1].to_vec(), "min_keep = 0.3\n");
    let mut repositories = three();
    repositories[1].kind = Kind::Gone;
    repositories[2].kind = Kind::Gone;
    scene.github.replace(repositories);
    let _ = scene.keep(&catalogue_of(&["Lab/astro-one", "Lab/astro-two", "Lab/astro-three"]));
    let _ = scene.refresh(&[]).exits(0);
    assert_eq!(scene.libraries(), ["Lab/astro-one 30"]);
}

#[test]
fn a_rehearsal_changes_nothing_and_says_what_the_run_then_does() {
    let repositories = universe(200, 60);
    let scene = Scene::of(repositories.clone());
    let _ = scene.keep(&catalogue(&best(&repositories, 3), "2026-11-19T02:00:00"));
    let before = scene.site.snapshot();
    let planned = scene.refresh(&["--dry-run", "--json"]).exits(0).json();
    assert_eq!(scene.site.snapshot(), before);
    let report = scene.refresh(&["--json"]).exits(0).json();
    let (planned, done) = (actions(&planned), actions(&report));
    let names =
        |steps: &[(String, String)]| steps.iter().map(|(action, _)| action.clone()).collect::<Vec<_>>();
    assert_eq!(names(&planned), names(&done));
    assert!(names(&done).contains(&"write-catalogue".to_owned()), "{done:?}");
    assert!(planned.iter().all(|(_, outcome)| outcome == "planned"), "{planned:?}");
    assert!(done.iter().all(|(_, outcome)| outcome == "done"), "{done:?}");
}

#[test]
fn new_and_removed_libraries_are_reported() {
    let scene = Scene::of(three());
    let _ = scene.keep(&catalogue_of(&["Lab/astro-one", "Lab/astro-two", "Lab/astro-old"]));
    let report = scene.refresh(&["--json", "--force"]).exits(0).json().to_string();
    for name in ["Lab/astro-three", "Lab/astro-old"] {
        assert!(report.contains(name), "{name}: {report}");
    }
    assert!(!report.contains("Lab/astro-two"), "{report}");
}

#[test]
fn a_document_that_has_not_changed_is_not_sent_again_and_new_stars_are_noticed_all_the_same() {
    let scene = Scene::of(three());
    let _ = scene.refresh(&[]).exits(0);
    scene.github.change("Lab/astro-three", |one| Repository { stars: 50, ..one });
    let _ = scene.refresh(&[]).exits(0);
    let received = scene.ascl.received();
    assert_eq!(
        received.iter().map(|request| request.header("if-none-match").is_empty()).collect::<Vec<_>>(),
        [true, false]
    );
    assert_eq!(scene.libraries()[0], "Lab/astro-three 50");
    assert!(received.iter().all(|request| request.header("user-agent").starts_with("maint/")));
    assert!(received.iter().all(|request| request.header("authorization").is_empty()));
    // Another document is read.
    scene.ascl.replace(ascl::document(&[
        "Lab/astro-one",
        "Lab/astro-two",
        "Lab/astro-three",
        "Lab/astro-four",
    ]));
    let mut four = three();
    four.push(Repository::new(4, "Lab/astro-four", 100));
    scene.github.replace(four);
    let _ = scene.refresh(&[]).exits(0);
    assert_eq!(scene.libraries()[0], "Lab/astro-four 100");
}

#[test]
fn top_says_how_many_libraries_there_are() {
    let scene = Scene::with(
        ascl::document(&["Lab/astro-one", "Lab/astro-two", "Lab/astro-three"]),
        three(),
        "top = 2\n",
    );
    let _ = scene.refresh(&[]).exits(0);
    assert_eq!(scene.libraries(), ["Lab/astro-one 30", "Lab/astro-two 20"]);
    let _ = scene.refresh(&["--top", "3"]).exits(0);
    assert_eq!(scene.libraries().len(), 3);
    // Who asks for fewer gets fewer: that is no mass failure.
    let _ = scene.refresh(&["--top=1"]).exits(0);
    assert_eq!(scene.libraries(), ["Lab/astro-one 30"]);
}

#[test]
fn the_document_may_be_a_file() {
    let scene = Scene::of(three());
    fs::write(scene.site.path("ascl.json"), ascl::document(&["Lab/astro-two"])).unwrap();
    let _ = scene.refresh(&["--source", "ascl.json"]).exits(0);
    assert_eq!((scene.libraries(), scene.ascl.received().len()), (vec!["Lab/astro-two 20".to_owned()], 0));
    let missing = scene.refresh(&["--source", "nothing.json"]);
    assert!([1, 2].contains(&missing.code), "{}", missing.stderr);
    assert!(missing.stderr.contains("nothing.json"), "{}", missing.stderr);
    assert!(!missing.stderr.contains("os error"), "{}", missing.stderr);
}

const TWO: &str = "[ascl-refresh.domains.astronomy]\n[ascl-refresh.domains.finance]\n";

#[test]
fn each_domain_has_its_keywords_and_its_catalogue() {
    let repositories =
        some(&[("Lab/astro-one", 3), ("Lab/Quant.py", 2), ("Lab/backtest", 1), ("Lab/other", 9)]);
    let names = ["Lab/astro-one", "Lab/Quant.py", "Lab/backtest", "Lab/other"];
    let scene = Scene::with(ascl::document(&names), repositories, TWO);
    let finance = || fs::read_to_string(scene.site.path("app/data/finance-libraries.json"));
    let _ = scene.refresh(&["--domain", "finance"]).exits(0);
    assert!(!scene.path().exists());
    let catalogue: Value = serde_json::from_str(&finance().unwrap()).unwrap();
    assert_eq!(crate::support::catalogue::libraries(&catalogue), ["Lab/Quant.py 2", "Lab/backtest 1"]);
    assert_eq!((&catalogue["domain"], &catalogue["keywords"][0]), (&json!("finance"), &json!("finance")));
    fs::remove_file(scene.site.path("app/data/finance-libraries.json")).unwrap();
    let _ = scene.refresh(&[]).exits(0);
    assert!(finance().is_err());
    assert_eq!(scene.libraries(), ["Lab/astro-one 3"]);
    fs::remove_file(scene.path()).unwrap();
    let _ = scene.refresh(&["--all"]).exits(0);
    assert_eq!((scene.libraries().len(), finance().is_ok()), (1, true));
}

#[test]
fn keywords_and_further_repositories_are_the_sites_own() {
    let repositories = some(&[("Lab/fish", 3), ("Lab/astro", 2), ("Sea/whale", 1)]);
    let section = "[ascl-refresh.domains.sea]\nkeywords = [\"FISH\"]\nextra_repos = [\"Sea/Whale\"]\n\
                   description = \"La mer\"\ntopics = [\"water\"]\n";
    let scene = Scene::with(ascl::document(&["Lab/fish", "Lab/astro"]), repositories, section);
    let _ = scene.refresh(&[]).exits(0);
    let text = fs::read_to_string(scene.site.path("app/data/sea-libraries.json")).unwrap();
    let catalogue: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(crate::support::catalogue::libraries(&catalogue), ["Lab/fish 3", "Sea/Whale 1"]);
    assert_eq!((&catalogue["description"], &catalogue["keywords"]), (&json!("La mer"), &json!(["water"])));
    assert_eq!(catalogue["domain"], "sea");
}

#[test]
fn wrong_usage_is_refused_and_nothing_is_touched_or_asked() {
    let scene = Scene::of(three());
    let _ = scene.keep(&kept());
    let before = scene.site.snapshot();
    for (args, words) in [
        (vec!["--top", "0"], "0"),
        (vec!["--top", "-1"], "-1"),
        (vec!["--top", "many"], "many"),
        (vec!["--jobs", "0"], "0"),
        (vec!["--jobs", "17"], "17"),
        (vec!["--domain", "astronmy"], "astronomy"),
        (vec!["--domain", "../x"], "../x"),
        (vec!["--domain", "astronomy", "--all"], "--all"),
        (vec!["--source", ""], "source"),
        (vec!["--source", "http://example.org/code/json"], "https"),
        (vec!["--source", "ftp://example.org/code/json"], "https"),
        (vec!["--only", "../../etc"], "OWNER/REPO"),
        (vec!["--only", "-oProxyCommand=x/y"], "OWNER/REPO"),
        (vec!["--only", "astro"], "OWNER/REPO"),
    ] {
        let refused = run(&mut scene.site.command(&[&["ascl-refresh"], &args[..]].concat())).exits(2);
        assert!(refused.stderr.contains(words), "{args:?}: {}", refused.stderr);
        assert!(refused.stdout.is_empty(), "{}", refused.stdout);
    }
    assert_eq!(scene.site.snapshot(), before);
    assert!(scene.ascl.received().is_empty() && scene.github.received().is_empty());
}

#[test]
fn a_library_that_is_not_in_the_catalogue_cannot_be_the_only_one() {
    let scene = Scene::of(three());
    let _ = scene.keep(&kept());
    let before = snapshot(&scene.site.path("app"));
    let mut command = scene.site.command(&["ascl-refresh", "--only", "Lab/nothing"]);
    let refused = run(command.env("GITHUB_TOKEN", TOKEN)).exits(2);
    assert!(refused.stderr.contains("Lab/nothing"), "{}", refused.stderr);
    assert_eq!(snapshot(&scene.site.path("app")), before);
}

#[test]
fn a_catalogue_that_is_no_catalogue_is_left_alone() {
    for text in ["", "{", "[]", "null", "{\"libraries\": {}}", "{\"libraries\": null}"] {
        let scene = Scene::of(three());
        fs::create_dir_all(scene.path().parent().unwrap()).unwrap();
        fs::write(scene.path(), text).unwrap();
        let failed = scene.refresh(&[]).exits(1);
        assert!(failed.stderr.contains("astronomy-libraries.json"), "{text}: {}", failed.stderr);
        assert_eq!(scene.text(), text);
        assert_eq!(scene.site.tree("app/data"), ["astronomy-libraries.json"]);
    }
}

#[test]
fn a_catalogue_that_others_wrote_keeps_what_maint_does_not_know() {
    let scene = Scene::of(three());
    let mut kept = kept();
    kept["libraries"][0]["contextFileName"] = Value::Null;
    kept["libraries"][0]["stars"] = json!("30");
    kept["last_updated"] = Value::Null;
    let _ = scene.keep(&kept);
    let _ = scene.refresh(&[]).exits(0);
    assert_eq!(scene.libraries(), ["Lab/astro-one 30", "Lab/astro-two 20", "Lab/astro-three 10"]);
    assert_eq!(scene.json()["licence"], "CC-BY");
}

#[test]
fn the_addresses_may_come_from_the_environment_alone() {
    let scene = Scene::of(three());
    let config = format!(
        "[site]\nname = \"test\"\ntimezone = \"Europe/Paris\"\n{PATIENCE}[ascl-refresh]\nsource = \"{}\"\n",
        scene.ascl.url()
    );
    for (api, graphql) in [("", Some("/graphql")), ("/", None), ("", None)] {
        scene.site.configure(&config);
        let mut command = scene.command(&[]);
        command.env("GITHUB_API_URL", scene.github.url(api));
        let _ =
            run(command.envs(graphql.map(|path| ("GITHUB_GRAPHQL_URL", scene.github.url(path))))).exits(0);
        assert_eq!(scene.libraries().len(), 3);
        fs::remove_file(scene.path()).unwrap();
    }
    assert_eq!(scene.github.counts().graphql, 3);
    // And from the site's own file.
    scene.site.configure(&config.replace("[http]", "env_file = \".env\"\n[http]"));
    fs::write(
        scene.site.path(".env"),
        format!("GITHUB_API_URL={}\nGITHUB_TOKEN={TOKEN}\n", scene.github.url("")),
    )
    .unwrap();
    let _ = run(&mut scene.without_token(&[])).exits(0);
    assert_eq!((scene.libraries().len(), scene.github.counts().graphql), (3, 4));
}

#[test]
fn the_token_is_nowhere_but_in_the_requests_to_github() {
    let scene = Scene::of(three());
    let check = |run: crate::support::Run| {
        assert!(!run.stdout.contains(TOKEN) && !run.stderr.contains(TOKEN), "{} {}", run.stdout, run.stderr);
    };
    check(scene.refresh(&["-vv"]).exits(0));
    scene.github.always(Reply::new(500, format!("Bearer {TOKEN} is wrong")));
    check(scene.refresh(&["-vv", "--json"]));
    scene.github.always(Reply::json(401, &json!({"message": format!("Bad credentials {TOKEN}")})));
    check(scene.refresh(&["-vv"]));
    for path in scene.site.snapshot().into_keys().filter(|path| path.is_file()) {
        let content = fs::read(&path).unwrap();
        assert!(!String::from_utf8_lossy(&content).contains(TOKEN), "{}", path.display());
    }
}

#[test]
fn a_second_run_at_the_same_time_is_skipped() {
    let scene = Scene::of(three());
    let document = ascl::document(&["Lab/astro-one"]);
    scene.ascl.always(Reply::new(200, document).after(Duration::from_millis(700)));
    let first = scene.command(&[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the first asks", || !scene.ascl.received().is_empty());
    let second = scene.refresh(&[]).exits(75);
    assert!(second.stderr.contains("ascl-refresh"), "{}", second.stderr);
    let _ = finish(first).exits(0);
    assert_eq!(scene.libraries().len(), 1);
}

#[test]
fn the_owner_and_the_mode_of_the_catalogue_stay() {
    let scene = Scene::of(three());
    let _ = scene.keep(&kept());
    fs::set_permissions(scene.path(), fs::Permissions::from_mode(0o664)).unwrap();
    let is_root = crate::support::is_root();
    if is_root {
        std::os::unix::fs::chown(scene.path(), Some(65_534), Some(65_534)).unwrap();
    }
    let _ =
        run(&mut crate::support::inside(&["sh", "-c", "umask 0; exec \"$@\"", "sh"], &scene.command(&[])))
            .exits(0);
    let meta = fs::metadata(scene.path()).unwrap();
    assert_eq!(meta.permissions().mode() & 0o7777, 0o664);
    assert!(!is_root || (meta.uid(), meta.gid()) == (65_534, 65_534));
    let beside = fs::metadata(scene.site.path(&format!("{CATALOGUE}.bak"))).unwrap();
    assert_eq!((beside.permissions().mode(), beside.uid()), (meta.permissions().mode(), meta.uid()));
    let others = snapshot(scene.site.around()).into_iter();
    let open = others.filter(|(_, line)| {
        !line.contains("->") && u32::from_str_radix(line.split(' ').next().unwrap(), 8).unwrap() & 2 != 0
    });
    assert_eq!(open.map(|(path, _)| path).collect::<Vec<_>>(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn foreign_keys_are_written_as_python_writes_them() {
    let scene = Scene::of(three());
    let mut kept = catalogue_of(&["Lab/astro-one", "Lab/astro-two", "Lab/astro-three"]);
    let odd = json!({
        "empty": [[], {}, ""], "text": "\u{0}\u{8}\t\n\r\u{1f}\u{7f}\u{2028}é𝄞/\\\"",
        "numbers": [0, -1, 1.5, 100_000.0, true, null], "é": {"b": 1, "a": 2},
    });
    kept["libraries"][1]["odd"] = odd.clone();
    kept["odd"] = odd;
    kept["libraries"][0]["stars"] = json!(5);
    let _ = scene.keep(&kept);
    let _ = scene.refresh(&[]).exits(0);
    kept["last_updated"] = json!(WRITTEN);
    for (at, stars) in [30, 20, 10].into_iter().enumerate() {
        kept["libraries"][at]["stars"] = json!(stars);
    }
    assert_eq!(scene.text(), as_python(&kept));
}

#[test]
fn a_library_that_only_the_document_calls_by_its_new_name_keeps_its_status() {
    let mut repositories = three();
    repositories[1] = Repository::new(2, "NewLab/AstroTwo", 20).formerly("Lab/astro-two");
    let names = ["Lab/astro-one", "NewLab/AstroTwo", "Lab/astro-three"];
    let scene = Scene::with(ascl::document(&names), repositories, "");
    let _ = scene.keep(&kept());
    let _ = scene.refresh(&[]).exits(0);
    let two = &scene.json()["libraries"][1];
    assert_eq!(
        (&two["name"], &two["contextFileName"]),
        (&json!("NewLab/AstroTwo"), &json!("astro-two-context.txt"))
    );
    assert_eq!(two["hasContextFile"], true);
}

#[test]
fn a_catalogue_that_somebody_changes_meanwhile_is_not_overwritten() {
    let scene = Scene::of(three());
    let _ = scene.keep(&kept());
    scene.github.takes(Duration::from_millis(400));
    let mut command = scene.command(&[]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("GitHub is asked", || scene.github.counts().graphql > 0);
    let own = "{\"libraries\": []}";
    fs::write(scene.path(), own).unwrap();
    let ended = finish(child);
    assert_eq!(scene.text(), own, "{} {}", ended.stdout, ended.stderr);
    scene.github.takes(Duration::ZERO);
    let _ = scene.refresh(&[]).exits(0);
    assert_eq!(scene.libraries().len(), 3);
}

#[test]
fn a_catalogue_behind_a_symlink_is_replaced_where_it_really_is() {
    let scene = Scene::of(three());
    let text = scene.keep(&kept());
    let real = scene.site.path("shared/real.json");
    fs::create_dir_all(real.parent().unwrap()).unwrap();
    fs::rename(scene.path(), &real).unwrap();
    std::os::unix::fs::symlink("../../shared/real.json", scene.path()).unwrap();
    scene.github.change("Lab/astro-three", |one| Repository { stars: 99, ..one });
    let _ = scene.refresh(&[]).exits(0);
    assert!(fs::symlink_metadata(scene.path()).unwrap().is_symlink());
    assert_eq!(scene.libraries()[0], "Lab/astro-three 99");
    assert_eq!(fs::read_to_string(scene.site.path("shared/real.json.bak")).unwrap(), text);
}

#[test]
fn the_report_counts_what_was_read_asked_and_received() {
    let repositories = universe(2_532, 342);
    let scene = Scene::of(repositories.clone());
    let libraries = best(&repositories, 100);
    let _ = scene.keep(&catalogue(&libraries[1..], "2026-11-19T02:00:00"));
    let report = scene.refresh(&["--json"]).exits(0).json();
    let counts = &report["catalogue"];
    let of = |key: &str| counts[key].as_u64().unwrap_or_else(|| panic!("no {key} in {report}"));
    assert_eq!((of("repositories"), of("wanted"), of("fetched"), of("requests")), (2_532, 342, 342, 4));
    assert!(of("received_bytes") > 500_000, "{counts}");
    assert_eq!(counts["domains"][0]["new"], json!([libraries[0]["name"]]));
    let again = scene.refresh(&["--json"]).exits(0).json();
    assert_eq!(again["catalogue"]["cache_hits"], 1);
    let words = scene.refresh(&["-v"]).exits(0);
    assert!(format!("{}{}", words.stdout, words.stderr).contains("nothing to do"), "{}", words.stdout);
    // Under cron a run that went well says nothing.
    let quiet = scene.refresh(&[]).exits(0);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
}

#[test]
fn with_several_catalogues_and_none_of_astronomy_one_has_to_be_named() {
    let domains = "[ascl-refresh.domains.finance]\n[ascl-refresh.domains.sea]\nkeywords = [\"sea\"]\n";
    let scene = Scene::with(ascl::document(&["Lab/astro-one"]), three(), domains);
    let refused = scene.refresh(&[]).exits(2);
    assert_eq!(refused.complaint(), "which catalogue? Add --all, or --domain finance, --domain sea");
    assert!(scene.ascl.received().is_empty());
    let one = Scene::with(
        ascl::document(&["Lab/quant"]),
        some(&[("Lab/quant", 1)]),
        "[ascl-refresh.domains.finance]\n",
    );
    let _ = one.refresh(&[]).exits(0);
    assert!(one.site.path("app/data/finance-libraries.json").exists());
}

#[test]
fn two_catalogues_are_never_written_to_one_place() {
    for paths in ["catalogue = \"app/x.json\"\n", "contexts = \"ctx\"\n"] {
        let two = format!("{paths}{TWO}");
        let scene = Scene::with(ascl::document(&["Lab/astro-one"]), three(), &two);
        assert!(scene.refresh(&[]).exits(2).complaint().contains("{domain}"));
        let scene = Scene::with(ascl::document(&["Lab/astro-one"]), three(), paths);
        assert!(scene.refresh(&["--domain", "finance"]).exits(2).complaint().contains("{domain}"));
        let _ = scene.refresh(&[]).exits(0);
    }
}

#[test]
fn what_a_stand_in_says_is_no_figure_of_github() {
    let scene = Scene::of(three());
    let _ = scene.refresh(&[]).exits(0);
    let real = scene.text();
    let config = fs::read_to_string(scene.site.path("maint.toml")).unwrap();
    scene.site.configure(&config.replace("[github]\n", "[github]\nstand_in = \"figures.json\"\n"));
    scene.site.file(
        "figures.json",
        r#"{"lab/astro-one": {"stars": 5000}, "Lab/astro-two": {"stars": 4000}}"#,
        0,
    );
    let rehearsed = scene.refresh(&["--force", "--json"]).exits(0);
    assert!(rehearsed.stdout.contains("the figures are not GitHub's"), "{}", rehearsed.stdout);
    assert_eq!(scene.libraries(), ["Lab/astro-one 5000", "Lab/astro-two 4000"]);
    scene.site.configure(&config);
    fs::write(scene.path(), &real).unwrap();
    // GitHub answers for one only: the others have the figures that it gave them, not those of the stand-in.
    scene.github.limits([1, 5_000, 5_000]);
    let _ = run(&mut scene.without_token(&["--force"]));
    assert_eq!(scene.libraries(), ["Lab/astro-one 30", "Lab/astro-two 20", "Lab/astro-three 10"]);
    scene.site.configure(&config.replace("[github]\n", "[github]\nstand_in = \"figures.json\"\n"));
    scene.site.file(
        "figures.json",
        r#"{"lab/astro-one": {"stars": 1, "chnged": "2026-11-18T09:30:00Z"}}"#,
        0,
    );
    let wrong = scene.refresh(&[]).exits(1);
    assert!(wrong.stderr.contains("figures.json, the `stand_in` of [github]"), "{}", wrong.stderr);
}

#[test]
fn many_libraries_that_are_gone_at_the_same_time_are_a_failure_of_github() {
    let repositories = universe(300, 150);
    let scene = Scene::of(repositories.clone());
    let best = best(&repositories, 100);
    let old = scene.keep(&catalogue(&best, "2026-11-19T02:00:00"));
    for library in &best[..21] {
        scene.github.change(library["name"].as_str().unwrap(), |one| one.of_kind(Kind::Gone));
    }
    let refused = scene.refresh(&[]).exits(1);
    assert!(
        refused
            .stderr
            .contains("of its 100 libraries GitHub shows 21 no more; nothing was overwritten (--force"),
        "{}",
        refused.stderr
    );
    assert_eq!(scene.text(), old);
    let _ = scene.refresh(&["--force"]).exits(0);
    assert_eq!(scene.libraries().len(), 100);
}

#[test]
fn a_file_that_is_typed_is_looked_for_in_the_current_folder() {
    let scene = Scene::of(three());
    scene.site.file("docs/here.json", &ascl::document(&["Lab/astro-two"]), 0);
    let mut command = scene.command(&["--source", "here.json"]);
    let _ = run(command.current_dir(scene.site.path("docs"))).exits(0);
    assert_eq!(scene.libraries(), ["Lab/astro-two 20"]);
}

#[test]
fn clones_are_never_where_the_site_shows_its_files() {
    for clones in ["public", "public/context/astronomy", "public/context/astronomy/x", "app/data", "app"] {
        let section = format!("clones = \"{clones}\"\n");
        let scene = Scene::with(ascl::document(&["Lab/astro-one"]), three(), &section);
        let refused = scene.refresh(&[]).exits(2);
        assert!(
            refused.complaint().contains(&format!("`clones` of [ascl-refresh] is {clones},")),
            "{clones}"
        );
        assert!(scene.ascl.received().is_empty());
    }
}

#[test]
fn a_configuration_that_cannot_be_meant_is_refused() {
    for (sections, words) in [
        ("[ascl-refresh]\ntop = 0\n", "`top` of [ascl-refresh] is 0"),
        ("[ascl-refresh]\njobs = 17\n", "a number from 1 to 16"),
        ("[ascl-refresh]\nmin_keep = 1.5\n", "write a number from 0 to 1, such as 0.8"),
        ("[ascl-refresh]\ncontextmaker = \"\"\n", "`contextmaker` of [ascl-refresh] is empty"),
        ("[ascl-refresh.domains.sea]\n", "[ascl-refresh.domains.sea] needs `keywords`"),
        ("[ascl-refresh.domains.sea]\nkeywords = [\" \"]\n", "it would match everything"),
        ("[ascl-refresh.domains.\"../x\"]\nkeywords = [\"x\"]\n", "domain name"),
        (
            "[ascl-refresh.domains.sea]\nextra_repos = [\"../../etc\"]\n",
            "is no repository of GitHub; write OWNER/REPO",
        ),
        ("[github]\nclone_url = \"ext::sh -c x {owner} {repo}\"\n", "neither https:// nor file:///"),
        ("[github]\nclone_url = \"https://me:s3same@x/{owner}/{repo}\"\n", "names an account"),
        ("[github]\nclone_url = \"https://x/{repo}\"\n", "needs both {owner} and {repo}"),
        ("[github]\nconnections = 0\n", "a number from 1 to 20"),
        ("[github]\ntoken = \"ghp_literal\"\n", "env:NAME"),
    ] {
        let site = crate::support::Site::new(sections);
        let before = site.snapshot();
        let refused = site.maint(&["ascl-refresh"]).exits(2);
        assert!(refused.complaint().contains(words), "{sections}: {}", refused.stderr);
        assert!(!refused.stderr.contains("ghp_literal") && !refused.stderr.contains("s3same"));
        assert_eq!(site.snapshot(), before);
    }
}
