//! `maint deploy` by a stand-in for Docker: what is fetched, built and started in which order, and what is refused.

use crate::support::checkout::Checkout;
use crate::support::docker::{Form, StandIn};
use crate::support::{Run, Site, finish, run, wait_until};
use serde_json::Value;
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

const FILE: &str = "services:\n  api:\n    build: api\n  worker:\n    build: worker\n";

/// Fast judgement: nobody waits for a minute here.
const QUICK: &str =
    "[compose]\nproject = \"bot\"\ntimeout = \"5s\"\n[deploy]\nhealth_timeout = \"2s\"\nsettle = \"1s\"\n";

struct Scene {
    site: Site,
    checkout: Checkout,
    docker: StandIn,
}

impl Scene {
    /// A clone with two services in version "v1", which run.
    fn new(form: Form, config: &str) -> Scene {
        let site = Site::new(&format!("{QUICK}{config}"));
        let files = [
            ("docker-compose.yml", FILE),
            ("api/version.txt", "v1\n"),
            ("worker/version.txt", "v1\n"),
            ("README", "old\n"),
        ];
        let checkout = Checkout::of(&site, &files);
        let docker = StandIn::of(&site, form, &["api", "worker"]);
        let scene = Scene { site, checkout, docker };
        let _ = scene.deploy(&["rebuild", "--yes"]).exits(0);
        assert_eq!(scene.serves("api"), "v1");
        scene
    }

    fn command(&self, args: &[&str]) -> std::process::Command {
        self.docker.command(&self.site, &[&["deploy"], args].concat())
    }

    fn deploy(&self, args: &[&str]) -> Run {
        run(&mut self.command(args))
    }

    /// The version that the container of a service holds, when it runs.
    fn serves(&self, service: &str) -> String {
        let engine = self.docker.engine();
        let containers = engine["containers"].as_array().unwrap();
        let Some(one) = containers.iter().find(|one| one["service"] == service) else {
            return "nothing".to_owned();
        };
        if one["state"] != "running" {
            return format!("{} ({})", one["state"].as_str().unwrap(), one["health"].as_str().unwrap());
        }
        engine["contents"][one["image_id"].as_str().unwrap()].as_str().unwrap().trim_end().to_owned()
    }

    /// git, containers and images as they are.
    fn everything(&self) -> (String, Value) {
        let engine = self.docker.engine();
        (self.checkout.everything(), serde_json::json!([engine["containers"], engine["images"]]))
    }

    /// The calls that changed something, since the scene was set.
    fn changes_since(&self, count: usize) -> Vec<String> {
        self.docker.changes().split_off(count)
    }
}

#[test]
fn new_code_is_fetched_built_and_started() {
    for form in Form::ALL {
        let scene = Scene::new(form, "");
        let count = scene.docker.changes().len();
        let new = scene.checkout.publish(&[("api/version.txt", "v2\n")]);
        let report = scene.deploy(&["full", "--yes", "--json"]).exits(0).json();
        assert_eq!(scene.checkout.head(), new, "{form:?}");
        assert_eq!(
            (scene.serves("api"), scene.serves("worker")),
            ("v2".to_owned(), "v1".to_owned()),
            "{form:?}"
        );
        assert_eq!(report["status"], "done");
        let changes = scene.changes_since(count);
        let build = changes.iter().position(|call| call.contains(" build")).expect("it was built");
        let up = changes.iter().position(|call| call.contains(" up ")).expect("it was started");
        assert!(build < up, "{form:?}: {changes:?}");
        assert!(
            changes[..build].iter().all(|call| call.contains(" tag")),
            "stopped before it was built: {changes:?}"
        );
        assert!(changes[up].contains(" -d") || changes[up].contains("--detach"), "{changes:?}");
        assert!(
            !changes.iter().any(|call| call.contains(" restart")),
            "a restart uses the old image: {changes:?}"
        );
    }
}

#[test]
fn full_is_what_happens_when_nothing_is_said() {
    let scene = Scene::new(Form::Lines, "");
    let new = scene.checkout.publish(&[("worker/version.txt", "v2\n")]);
    let _ = scene.deploy(&["--yes"]).exits(0);
    assert_eq!((scene.checkout.head(), scene.serves("worker")), (new, "v2".to_owned()));
}

#[test]
fn pull_only_fetches_and_needs_no_compose_file() {
    let site = Site::new("");
    let checkout = Checkout::of(&site, &[("README", "old\n")]);
    let new = checkout.publish(&[("README", "new\n")]);
    let _ = site.maint(&["deploy", "pull", "--yes"]).exits(0);
    assert_eq!((checkout.head(), checkout.branch()), (new, "main".to_owned()));
    assert_eq!(fs::read_to_string(site.path("README")).unwrap(), "new\n");
    let _ = site.maint(&["deploy", "pull", "--yes"]).exits(0);
}

#[test]
fn rebuild_takes_the_code_as_it_is() {
    let scene = Scene::new(Form::Lines, "");
    let head = scene.checkout.head();
    scene.checkout.publish(&[("api/version.txt", "v2\n")]);
    fs::write(scene.site.path("api/version.txt"), "local\n").unwrap();
    let _ = scene.deploy(&["rebuild", "--yes"]).exits(0);
    assert_eq!((scene.checkout.head(), scene.serves("api")), (head, "local".to_owned()));
    assert_eq!(scene.checkout.stashes(), [""; 0]);
}

#[test]
fn restart_starts_containers_anew_and_builds_nothing() {
    for form in Form::ALL {
        let scene = Scene::new(form, "");
        let count = scene.docker.changes().len();
        let started = |scene: &Scene| {
            scene.docker.engine()["containers"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["started"].as_f64().unwrap())
                .fold(f64::MAX, f64::min)
        };
        let before = started(&scene);
        std::thread::sleep(Duration::from_millis(30));
        let _ = scene.deploy(&["restart", "--yes"]).exits(0);
        assert!(started(&scene) > before, "{form:?}: not started anew");
        let changes = scene.changes_since(count);
        assert!(!changes.iter().any(|call| call.contains(" build")), "{changes:?}");
    }
}

#[test]
fn parts_may_be_left_out() {
    let scene = Scene::new(Form::Lines, "");
    let head = scene.checkout.head();
    scene.checkout.publish(&[("api/version.txt", "v2\n")]);
    let count = scene.docker.changes().len();
    let _ = scene.deploy(&["full", "--no-pull", "--yes"]).exits(0);
    assert_eq!(scene.checkout.head(), head);
    let _ = scene.deploy(&["full", "--no-rebuild", "--yes"]).exits(0);
    assert_ne!(scene.checkout.head(), head);
    let builds = scene.changes_since(count).iter().filter(|call| call.contains(" build")).count();
    assert_eq!(builds, 1, "only the first one built");
}

#[test]
fn one_service_alone() {
    let scene = Scene::new(Form::Lines, "");
    scene.checkout.publish(&[("api/version.txt", "v2\n"), ("worker/version.txt", "v2\n")]);
    let _ = scene.deploy(&["full", "--service", "worker", "--yes"]).exits(0);
    assert_eq!((scene.serves("api"), scene.serves("worker")), ("v1".to_owned(), "v2".to_owned()));
    let before = scene.everything();
    let wrong = scene.deploy(&["restart", "--service", "wroker", "--yes"]).exits(2);
    assert!(wrong.complaint().contains("wroker") && wrong.complaint().contains("worker"), "{}", wrong.stderr);
    assert_eq!(scene.everything(), before);
}

#[test]
fn a_rehearsal_shows_the_plan_and_changes_nothing() {
    for form in Form::ALL {
        let scene = Scene::new(form, "");
        let new = scene.checkout.publish(&[("api/version.txt", "v2\n")]);
        fs::write(scene.site.path("README"), "edited here\n").unwrap();
        let (before, tree) = (scene.everything(), crate::support::snapshot(&scene.site.root().join("api")));
        let count = scene.docker.changes().len();
        let shown = scene.deploy(&["full", "-n"]).exits(0).stdout;
        for word in ["stash", "build", "would "] {
            assert!(shown.contains(word), "{form:?}: no {word} in {shown}");
        }
        assert!(shown.contains(&new[..7]) || shown.contains("origin"), "{shown}");
        assert_eq!(scene.everything(), before, "{form:?}");
        assert_eq!(crate::support::snapshot(&scene.site.root().join("api")), tree);
        assert_eq!(scene.changes_since(count), [""; 0], "{form:?}");
        assert_eq!(fs::read_to_string(scene.site.path("README")).unwrap(), "edited here\n");
    }
}

#[test]
fn without_yes_or_a_terminal_nothing_is_touched() {
    let scene = Scene::new(Form::Lines, "");
    scene.checkout.publish(&[("api/version.txt", "v2\n")]);
    let before = scene.everything();
    for what in [&[][..], &["pull"], &["rebuild"], &["restart"], &["full"], &["--rollback"]] {
        let refused = scene.deploy(what).exits(4);
        assert!(
            refused.stderr.contains("--yes") || refused.stderr.contains("--force"),
            "{what:?}: {}",
            refused.stderr
        );
        assert_eq!(scene.everything(), before, "{what:?}");
    }
}

#[test]
fn a_new_version_that_is_ill_ends_with_the_old_one() {
    for form in Form::ALL {
        for version in ["v2 ill\n", "v2 crash\n"] {
            let scene = Scene::new(form, "");
            let old = scene.checkout.head();
            scene.checkout.publish(&[("api/version.txt", version), ("worker/version.txt", "v2\n")]);
            let begin = Instant::now();
            let failed = scene.deploy(&["full", "--yes", "--json"]).exits(1);
            assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
            let shown = format!("{form:?} {version:?}: {}{}", failed.stdout, failed.stderr);
            assert_eq!(scene.checkout.head(), old, "{shown}");
            assert_eq!(scene.checkout.branch(), "main", "{shown}");
            assert_eq!(
                (scene.serves("api"), scene.serves("worker")),
                ("v1".to_owned(), "v1".to_owned()),
                "{shown}"
            );
            assert!(
                failed.stdout.contains("api is unhealthy") || failed.stdout.contains("api has ended"),
                "{shown}"
            );
            // The log of the new version tells why; it is gone with its container otherwise.
            let told = format!("{}{}", failed.stdout, scene.site.log("deploy"));
            assert!(told.contains("Traceback") || told.contains("serving v2"), "{shown}\n{told}");
        }
    }
}

#[test]
fn a_build_that_fails_stops_nothing() {
    for form in Form::ALL {
        let scene = Scene::new(form, "");
        let old = scene.checkout.head();
        scene.checkout.publish(&[("api/version.txt", "v2\n")]);
        let (_, before) = scene.everything();
        scene.docker.mood("build fails");
        let failed = scene.deploy(&["full", "--yes"]).exits(1);
        assert!(failed.stderr.contains("nosuch"), "{form:?}: {}", failed.stderr);
        scene.docker.mood("");
        assert_eq!(scene.everything().1[0], before[0], "{form:?}: containers were touched");
        assert_eq!(scene.checkout.head(), old, "{form:?}: the code is not that of what runs");
        let _ = scene.deploy(&["full", "--yes"]).exits(0);
        assert_eq!(scene.serves("api"), "v2");
    }
}

#[test]
fn what_was_deployed_last_can_be_taken_back() {
    for form in Form::ALL {
        let scene = Scene::new(form, "");
        let old = scene.checkout.head();
        scene.checkout.publish(&[("api/version.txt", "v2\n")]);
        let _ = scene.deploy(&["full", "--yes"]).exits(0);
        assert_eq!(scene.serves("api"), "v2");
        let shown = scene.deploy(&["--rollback", "-n"]).exits(0).stdout;
        assert!(shown.contains(&old[..7]), "{shown}");
        let _ = scene.deploy(&["--rollback", "--yes"]).exits(0);
        assert_eq!((scene.checkout.head(), scene.serves("api")), (old, "v1".to_owned()), "{form:?}");
        assert_eq!(scene.checkout.branch(), "main", "{form:?}");
    }
}

#[test]
fn with_nothing_to_take_back_it_is_said() {
    let site = Site::new(QUICK);
    let _checkout = Checkout::of(&site, &[("docker-compose.yml", FILE)]);
    let docker = StandIn::of(&site, Form::Lines, &["api"]);
    let nothing = run(&mut docker.command(&site, &["deploy", "--rollback", "--yes"]));
    assert!(matches!(nothing.code, 1 | 2), "{} {}", nothing.code, nothing.stderr);
    assert_eq!(docker.changes(), [""; 0]);
}

#[test]
fn local_changes_are_stashed_named_and_put_back_when_asked() {
    let scene = Scene::new(Form::Lines, "");
    let new = scene.checkout.publish(&[("api/version.txt", "v2\n")]);
    fs::write(scene.site.path("README"), "edited here\n").unwrap();
    fs::write(scene.site.path("untracked.txt"), "mine\n").unwrap();
    fs::write(scene.site.path("staged.txt"), "staged\n").unwrap();
    scene.checkout.git(&["add", "staged.txt"]);
    let report = scene.deploy(&["full", "--yes", "--json"]).exits(0).json();
    assert_eq!((scene.checkout.head(), scene.serves("api")), (new, "v2".to_owned()));
    assert_eq!(scene.checkout.stashes().len(), 1);
    assert!(report.to_string().contains("stash"), "the report does not name it: {report}");
    assert!(report.to_string().contains("README"), "the report does not name the file: {report}");
    assert_eq!(fs::read_to_string(scene.site.path("README")).unwrap(), "old\n");
    assert_eq!(
        fs::read_to_string(scene.site.path("untracked.txt")).unwrap(),
        "mine\n",
        "untracked files stay"
    );
    // It stays until it is asked for.
    let _ = scene.deploy(&["full", "--yes"]).exits(0);
    assert_eq!(scene.checkout.stashes().len(), 1);
    let restored = scene.deploy(&["--unstash", "--yes"]);
    assert_eq!(restored.code, 0, "{}", restored.stderr);
    assert_eq!(fs::read_to_string(scene.site.path("README")).unwrap(), "edited here\n");
    assert_eq!(fs::read_to_string(scene.site.path("staged.txt")).unwrap(), "staged\n");
    assert_eq!(scene.checkout.stashes(), [""; 0]);
}

#[test]
fn changes_that_do_not_fit_any_more_stay_in_the_stash() {
    let scene = Scene::new(Form::Lines, "");
    let new = scene.checkout.publish(&[("README", "new upstream\n")]);
    fs::write(scene.site.path("README"), "edited here\n").unwrap();
    let _ = scene.deploy(&["pull", "--yes"]).exits(0);
    let conflict = scene.deploy(&["--unstash", "--yes"]).exits(1);
    assert!(conflict.stderr.contains("README") || conflict.stderr.contains("stash"), "{}", conflict.stderr);
    assert_eq!(scene.checkout.head(), new);
    let stash = scene.checkout.git(&["stash", "show", "-p"]);
    assert!(stash.contains("edited here"), "the stash is lost: {stash}");
    let text = fs::read_to_string(scene.site.path("README")).unwrap();
    assert!(!text.contains("<<<<<<<"), "markers of a conflict are in the file: {text}");
}

#[test]
fn an_older_stash_of_the_user_is_never_taken() {
    let scene = Scene::new(Form::Lines, "");
    fs::write(scene.site.path("README"), "mine from before\n").unwrap();
    scene.checkout.git(&[
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b",
        "stash",
        "push",
        "--message",
        "my own",
    ]);
    let _ = scene.deploy(&["full", "--yes"]).exits(0);
    let nothing = scene.deploy(&["--unstash", "--yes"]);
    assert!(matches!(nothing.code, 0 | 1), "{}", nothing.stderr);
    assert_eq!(scene.checkout.stashes().len(), 1, "the user's own stash was taken");
    assert_eq!(fs::read_to_string(scene.site.path("README")).unwrap(), "old\n");
}

/// Each is refused before anything is touched, in one line that says what to do.
#[test]
fn a_checkout_that_cannot_be_forwarded_is_refused() {
    type Prepare = fn(&Scene);
    let cases: [(&str, Prepare, &[&str]); 6] = [
        (
            "diverged",
            |scene| drop(scene.checkout.commit_here(&[("README", "mine\n")])),
            &["diverged", "rebase"],
        ),
        (
            "detached",
            |scene| drop(scene.checkout.git(&["checkout", "--quiet", "--detach"])),
            &["branch", "detached"],
        ),
        ("conflict", conflict, &["conflict", "merge", "README"]),
        (
            "no upstream",
            |scene| drop(scene.checkout.git(&["branch", "--unset-upstream"])),
            &["upstream", "track"],
        ),
        (
            "origin gone",
            |scene| fs::remove_dir_all(scene.site.around().join("origin.git")).unwrap(),
            &["origin"],
        ),
        ("no clone", |scene| fs::remove_dir_all(scene.site.path(".git")).unwrap(), &["git"]),
    ];
    for (name, prepare, words) in cases {
        let scene = Scene::new(Form::Lines, "");
        scene.checkout.publish(&[("api/version.txt", "v2\n"), ("README", "theirs\n")]);
        prepare(&scene);
        let before = (name != "no clone").then(|| scene.checkout.everything());
        let containers = scene.docker.engine()["containers"].clone();
        let refused = scene.deploy(&["full", "--yes"]);
        let shown = format!("{name}: {} {}", refused.code, refused.stderr);
        assert!(matches!(refused.code, 1 | 2), "{shown}");
        assert!(words.iter().any(|word| refused.stderr.contains(word)), "{shown}");
        assert!(!refused.stderr.contains("os error"), "{shown}");
        assert_eq!(before, (name != "no clone").then(|| scene.checkout.everything()), "{shown}");
        assert_eq!(scene.docker.engine()["containers"], containers, "{shown}");
        assert_eq!(scene.serves("api"), "v1", "{shown}");
    }
}

/// A merge that was begun and has not ended.
fn conflict(scene: &Scene) {
    scene.checkout.commit_here(&[("README", "mine\n")]);
    let mut merge =
        scene.site.through("git", &["-c", "user.name=a", "-c", "user.email=a@b", "merge", "origin/main"]);
    let _ = run(scene.site.through("git", &["fetch", "--quiet"]).env_remove("MAINT_NOW"));
    assert_ne!(run(&mut merge).code, 0);
    assert!(scene.checkout.status().contains("UU README"), "{}", scene.checkout.status());
}

#[test]
fn what_git_would_run_by_itself_is_not_run() {
    let scene = Scene::new(Form::Lines, "");
    let mark = scene.site.around().join("hooked");
    let hook = format!("#!/bin/sh\ntouch '{}'\n", mark.display());
    for name in ["post-merge", "post-checkout"] {
        let path = scene.site.path(".git/hooks").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &hook).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    scene.checkout.publish(&[("api/version.txt", "v2\n")]);
    // A hook of the user's own is his: it may run, and must not break the deploy. What a stranger sends must not.
    let _ = scene.deploy(&["full", "--yes"]).exits(0);
    assert_eq!(scene.serves("api"), "v2");
}

#[test]
fn without_a_compose_file_it_is_said_which_is_missing() {
    for form in Form::ALL {
        let site = Site::new(QUICK);
        let checkout = Checkout::of(&site, &[("README", "old\n")]);
        let docker = StandIn::of(&site, form, &["api"]);
        let new = checkout.publish(&[("README", "new\n")]);
        for what in ["rebuild", "restart", "full"] {
            let refused = run(&mut docker.command(&site, &["deploy", what, "--yes"]));
            assert!(matches!(refused.code, 1 | 2), "{form:?}: {}", refused.stderr);
            assert!(refused.stderr.to_lowercase().contains("compose"), "{form:?}: {}", refused.stderr);
            assert_ne!(checkout.head(), new, "{form:?} {what}: touched");
        }
        assert_eq!(docker.changes(), [""; 0]);
        let _ = run(&mut docker.command(&site, &["deploy", "pull", "--yes"])).exits(0);
        assert_eq!(checkout.head(), new);
    }
}

#[test]
fn a_daemon_that_is_down_is_told_before_anything_is_touched() {
    for form in Form::ALL {
        let scene = Scene::new(form, "");
        scene.checkout.publish(&[("api/version.txt", "v2\n")]);
        fs::write(scene.site.path("README"), "edited here\n").unwrap();
        let before = scene.everything();
        for mood in ["down", "forbidden", "garbage"] {
            scene.docker.mood(mood);
            for what in ["full", "rebuild", "restart"] {
                let down = scene.deploy(&[what, "--yes"]);
                assert!(matches!(down.code, 1 | 2), "{form:?} {mood} {what}: {} {}", down.code, down.stderr);
                assert!(
                    down.stderr.contains("ocker") && !down.stderr.contains("Traceback"),
                    "{form:?} {mood} {what}: {}",
                    down.stderr
                );
            }
            assert_eq!(scene.everything(), before, "{form:?} {mood}");
        }
    }
}

#[test]
fn one_deploy_at_a_time() {
    let scene = Scene::new(Form::Lines, "");
    scene.checkout.publish(&[("api/version.txt", "v2\n")]);
    scene.docker.mood("hang");
    let mut first = scene.command(&["full", "--yes"]);
    let first = first.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lock = || scene.site.maint(&["locks"]).stdout.contains("deploy");
    wait_until("the first one has the lock", lock);
    for what in [&["full", "--yes"][..], &["pull", "--yes"], &["restart", "--yes"]] {
        let second = scene.deploy(what).exits(75);
        assert!(
            second.stderr.contains("deploy") && second.stderr.contains(&first.id().to_string()),
            "{}",
            second.stderr
        );
    }
    crate::support::send(&first, rustix::process::Signal::TERM);
    let ended = finish(first);
    assert!(matches!(ended.code, 143 | 1), "{} {}", ended.code, ended.stderr);
    assert_eq!(scene.site.processes(), [0_u32; 0], "something outlives it");
    scene.docker.mood("");
    let _ = scene.deploy(&["full", "--yes"]).exits(0);
    assert_eq!(scene.serves("api"), "v2");
}

#[test]
fn ended_by_a_signal_it_leaves_something_that_runs() {
    let scene = Scene::new(Form::Lines, "");
    for round in 0..8_u64 {
        scene.checkout.publish(&[("api/version.txt", &format!("round {round}\n"))]);
        let mut deploy = scene.command(&["full", "--yes"]);
        let child = deploy.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(100 + round * 150));
        crate::support::send(&child, rustix::process::Signal::TERM);
        let ended = finish(child);
        assert!(matches!(ended.code, 0 | 1 | 143), "{} {}", ended.code, ended.stderr);
        assert!(
            ["v1", "round"].iter().any(|begin| scene.serves("api").starts_with(begin)),
            "{}",
            scene.serves("api")
        );
        assert_eq!(scene.checkout.branch(), "main");
    }
    let _ = scene.deploy(&["full", "--yes"]).exits(0);
    assert_eq!(scene.serves("api"), "round 7");
}

#[test]
fn the_recent_log_of_each_service_is_shown() {
    for form in Form::ALL {
        let scene = Scene::new(form, "log_lines = 1\n");
        scene.checkout.publish(&[("api/version.txt", "v2 \u{1b}[2J\n")]);
        let shown = scene.deploy(&["full", "--yes", "--json"]).exits(0);
        let text = format!("{}{}", shown.json(), scene.site.log("deploy"));
        assert!(text.contains("serving v2"), "{form:?}: {text}");
        assert!(!text.contains("listening"), "{form:?}: more than one line: {text}");
        assert!(!text.contains('\u{1b}'), "{form:?}");
    }
}

#[test]
fn no_secret_of_the_site_reaches_git_or_docker() {
    let scene = Scene::new(Form::Lines, "");
    scene.checkout.publish(&[("api/version.txt", "v2\n")]);
    let script = scene.site.around().join("stand-in/docker");
    let text = fs::read_to_string(&script).unwrap();
    let spy = format!(
        "#!/usr/bin/python3\nimport os\nopen(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'environment'), 'a').write(str(dict(os.environ)))\n{text}"
    );
    fs::write(&script, spy).unwrap();
    let _ = run(scene
        .command(&["full", "--yes"])
        .env("DISCORD_WEBHOOK_URL", "https://discord.invalid/secret-5f21")
        .env("ANTHROPIC_API_KEY", "sk-secret-5f21"))
    .exits(0);
    let seen = fs::read_to_string(script.with_file_name("environment")).unwrap();
    assert!(!seen.contains("sk-secret-5f21"), "docker was given a key");
}

/// Its container is gone, and nobody reads JSON at night.
#[test]
fn the_log_of_a_run_tells_why_the_new_version_was_ill() {
    for (version, word) in [("v2 crash\n", "Traceback: no module named app"), ("v2 ill\n", "serving v2 ill")]
    {
        let scene = Scene::new(Form::Lines, "");
        scene.checkout.publish(&[("api/version.txt", version)]);
        let failed = scene.deploy(&["full", "--yes"]).exits(1);
        let told = format!("{}{}", failed.stderr, scene.site.log("deploy"));
        assert!(told.contains(word), "{told}");
    }
}
