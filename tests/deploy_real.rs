//! `maint deploy` with a real Docker engine and Debian's Compose: what is served before, meanwhile and after.

use crate::support::checkout::Checkout;
use crate::support::docker::{Project, Service};
use crate::support::http::{Server, WEBHOOK};
use crate::support::{Run, Site, run, wait_until};
use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

const QUICK: &str = "[deploy]\nhealth_timeout = \"8s\"\nsettle = \"1s\"\n[http]\nback_off = \"1ms\"\n";

struct Scene {
    site: Site,
    project: Project,
    checkout: Checkout,
}

impl Scene {
    /// A clone whose services "api" and "worker" run in version one; none where no engine can run.
    fn new(config: &str) -> Option<Scene> {
        let project = Project::new(&["api", "worker"])?;
        let site = Site::new(&format!("{}{QUICK}{config}", project.config()));
        let mut files = vec![("docker-compose.yml".to_owned(), project.compose_file())];
        for name in ["api", "worker"] {
            files.extend(Project::files(&Service { name, version: "one" }));
        }
        let files: Vec<(&str, &str)> =
            files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let checkout = Checkout::of(&site, &files);
        let scene = Scene { site, project, checkout };
        let _ = scene.deploy(&["full", "--yes"]).exits(0);
        scene.wait_for("api", "one");
        scene.wait_for("worker", "one");
        Some(scene)
    }

    fn command(&self, args: &[&str]) -> Command {
        self.project.command(&self.site, &[&["deploy"], args].concat())
    }

    fn deploy(&self, args: &[&str]) -> Run {
        run(&mut self.command(args))
    }

    #[track_caller]
    fn wait_for(&self, service: &str, version: &str) {
        wait_until(&format!("{service} serves {version}"), || {
            self.project.serves(service).as_deref() == Some(version)
        });
    }

    fn publish(&self, service: &str, version: &str) -> String {
        self.checkout.publish(&[(&format!("{service}/version.txt"), &format!("{version}\n"))])
    }
}

#[test]
fn a_new_version_is_really_served() {
    let Some(scene) = Scene::new("") else { return };
    let (before, worker) = (scene.project.containers("api"), scene.project.containers("worker"));
    let new = scene.publish("api", "two");
    let _ = scene.deploy(&["full", "--yes"]).exits(0);
    scene.wait_for("api", "two");
    assert_eq!(scene.checkout.head(), new);
    assert_ne!(scene.project.containers("api"), before);
    assert_eq!(scene.project.containers("worker"), worker, "what has not changed goes on");
    let _ = scene.deploy(&["full", "--yes"]).exits(0);
    assert_eq!(scene.project.serves("api").as_deref(), Some("two"));
}

#[test]
fn rebuild_and_restart() {
    let Some(scene) = Scene::new("") else { return };
    fs::write(scene.site.path("worker/version.txt"), "local\n").unwrap();
    let _ = scene.deploy(&["rebuild", "--service", "worker", "--yes"]).exits(0);
    scene.wait_for("worker", "local");
    let started = |scene: &Scene| {
        let id = scene.project.containers("api")[0].split(' ').next().unwrap().to_owned();
        scene.project.docker(&["inspect", "--format", "{{.State.StartedAt}}", &id]).exits(0).stdout
    };
    let before = started(&scene);
    let _ = scene.deploy(&["restart", "--service", "api", "--yes"]).exits(0);
    assert_ne!(started(&scene), before);
    scene.wait_for("api", "one");
    scene.wait_for("worker", "local");
}

#[test]
fn a_version_that_is_ill_ends_with_the_old_one_serving_and_an_alert() {
    for version in ["two ill", "two crash"] {
        let discord = Server::discord();
        let config = "[alerts]\nto = [\"discord\"]\n[alerts.discord]\nwebhook = \"file:hook\"\n[jobs.deploy]\ncommand = \"deploy full --force\"\n";
        let Some(scene) = Scene::new(config) else { return };
        fs::write(scene.site.path("hook"), discord.url(WEBHOOK)).unwrap();
        fs::write(scene.site.path(".git/info/exclude"), "/maint.toml\n/hook\n").unwrap();
        let old = scene.checkout.head();
        let images = scene.project.containers("api")[0].split(' ').nth(1).unwrap().to_owned();
        scene.publish("api", version);
        let failed = run(&mut scene.project.command(&scene.site, &["run", "deploy"])).exits(1);
        scene.wait_for("api", "one");
        scene.wait_for("worker", "one");
        assert_eq!(scene.checkout.head(), old, "{version}: {}", failed.stderr);
        assert_eq!(scene.checkout.branch(), "main");
        let now = scene.project.containers("api");
        assert!(now.len() == 1 && now[0].contains(&images), "{version}: another image serves: {now:?}");
        let told = discord.received();
        assert_eq!(told.len(), 1, "{version}: {}", failed.stderr);
        assert!(told[0].text().contains("deploy") && told[0].text().contains("api"), "{}", told[0].text());
        // The name of the image is the old one's again: who starts it by hand gets the old version.
        let _ = scene.project.compose(&scene.site, &["up", "-d"]);
        scene.wait_for("api", "one");
        // A cured version comes through.
        scene.publish("api", "three");
        let _ = scene.deploy(&["full", "--yes"]).exits(0);
        scene.wait_for("api", "three");
    }
}

#[test]
fn an_address_that_must_answer_decides_too() {
    let healthy = Arc::new(AtomicBool::new(true));
    let seen = Arc::clone(&healthy);
    let server = Server::start(move |_| {
        crate::support::http::Reply::new(if seen.load(SeqCst) { 200 } else { 503 }, "")
    });
    let config = format!("[checks.outside]\nhttp = \"{}\"\n", server.url("/health"));
    let Some(scene) = Scene::new(&config) else { return };
    let old = scene.checkout.head();
    scene.publish("api", "two");
    healthy.store(false, SeqCst);
    let failed = scene.deploy(&["full", "--yes"]).exits(1);
    assert!(failed.stderr.contains("outside"), "{}", failed.stderr);
    scene.wait_for("api", "one");
    assert_eq!(scene.checkout.head(), old);
}

#[test]
fn the_old_version_serves_until_the_new_one_is_built() {
    let Some(scene) = Scene::new("") else { return };
    // The build fails at its last line: nobody must have noticed.
    scene.checkout.publish(&[(
        "api/Dockerfile",
        "FROM maint-test/base:1\nCOPY version.txt /www/\nCOPY nosuch /nosuch\n",
    )]);
    let before = (scene.project.containers("api"), scene.project.containers("worker"));
    let (has_ended, gaps) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !has_ended.load(SeqCst) {
                gaps.fetch_add(u32::from(scene.project.serves("api").is_none()), SeqCst);
            }
        });
        let failed = scene.deploy(&["full", "--yes"]);
        has_ended.store(true, SeqCst);
        assert_eq!(failed.code, 1, "{}", failed.stderr);
        assert!(failed.stderr.contains("nosuch"), "{}", failed.stderr);
    });
    assert_eq!(gaps.load(SeqCst), 0, "nobody served meanwhile");
    assert_eq!((scene.project.containers("api"), scene.project.containers("worker")), before);
}

#[test]
fn the_last_deploy_can_be_taken_back() {
    let Some(scene) = Scene::new("") else { return };
    let old = scene.checkout.head();
    scene.publish("api", "two");
    let _ = scene.deploy(&["full", "--yes"]).exits(0);
    scene.wait_for("api", "two");
    let _ = scene.deploy(&["--rollback", "--yes"]).exits(0);
    scene.wait_for("api", "one");
    assert_eq!((scene.checkout.head(), scene.checkout.branch()), (old, "main".to_owned()));
    let _ = scene.deploy(&["full", "--yes"]).exits(0);
    scene.wait_for("api", "two");
}

#[test]
fn a_rehearsal_touches_no_container_and_no_image() {
    let Some(scene) = Scene::new("") else { return };
    scene.publish("api", "two");
    let everything = |scene: &Scene| {
        let images = scene
            .project
            .docker(&["images", "--no-trunc", "--format", "{{.Repository}} {{.ID}}"])
            .exits(0)
            .stdout;
        let mut own: Vec<String> =
            images.lines().filter(|line| line.contains(&scene.project.name)).map(str::to_owned).collect();
        own.sort();
        (scene.project.containers("api"), own, scene.checkout.everything())
    };
    let before = everything(&scene);
    let shown = scene.deploy(&["full", "-n"]).exits(0).stdout;
    assert!(shown.contains("build"), "{shown}");
    assert_eq!(everything(&scene), before);
}
