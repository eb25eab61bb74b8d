//! `maint docker-prune`: what nobody uses goes, one by one, and nothing else.

use crate::support::docker::Engine;
use crate::support::{Run, Site, run};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The tests here change what the one engine keeps.
static ENGINE: Mutex<()> = Mutex::new(());

/// A real engine in which nothing is but what a test makes, and a site.
struct Real {
    engine: &'static Engine,
    site: Site,
    /// Distinguishes what this test makes.
    prefix: String,
    _alone: MutexGuard<'static, ()>,
}

impl Real {
    fn new(prefix: &str, config: &str) -> Option<Real> {
        let alone = ENGINE.lock().unwrap_or_else(PoisonError::into_inner);
        let engine = Engine::to_be_pruned()?;
        let config = format!("[docker-prune]\nuntil = \"0s\"\n{config}");
        Some(Real { engine, site: Site::new(&config), prefix: format!("prune-{prefix}"), _alone: alone })
    }

    fn name(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    fn docker(&self, args: &[&str]) -> String {
        self.engine.docker(args).exits(0).stdout
    }

    /// An image of its own content, by its id.
    fn image(&self, name: &str) -> String {
        let change = format!("LABEL made={name}");
        let tar = self.site.path("empty.tar");
        fs::write(&tar, [0; 1_024]).unwrap();
        self.docker(&["import", "--change", &change, tar.to_str().unwrap(), name]).trim().to_owned()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.site.command(args);
        command.env_remove("MAINT_NOW").env("DOCKER_HOST", self.engine.host());
        command
    }

    fn maint(&self, args: &[&str]) -> Run {
        run(&mut self.command(args))
    }

    fn has_image(&self, name: &str) -> bool {
        self.engine.docker(&["image", "inspect", name]).code == 0
    }

    fn has_volume(&self, name: &str) -> bool {
        self.engine.docker(&["volume", "inspect", name]).code == 0
    }
}

/// The values of a key of the steps.
fn of_steps(report: &serde_json::Value, key: &str) -> Vec<String> {
    let steps = report["steps"].as_array().unwrap().iter();
    steps.filter_map(|step| step[key].as_str().map(str::to_owned)).collect()
}

#[test]
fn unused_images_go_and_used_kept_and_declared_ones_stay() {
    let Some(real) = Real::new("images", "keep = [\"kept*\", \"base:1\"]\n") else { return };
    let [old, used, kept, declared, way_back] =
        ["old:1", "used:1", "kept:2", "declared", "x"].map(|name| real.name(name));
    let way_back = way_back.replace(&real.prefix, "maint-before-deploy");
    for name in [&old, &used, &kept, &declared, &way_back] {
        real.image(name);
    }
    let container = real.docker(&["create", "--network", "none", &used, "x"]);
    fs::write(
        real.site.path("compose.yml"),
        format!("version: \"2.4\"\nservices:\n  web:\n    image: {declared}\n"),
    )
    .unwrap();
    let planned = real.maint(&["docker-prune", "--images", "--dry-run", "--json"]).exits(0).json();
    let ours = |names: Vec<String>| {
        names
            .into_iter()
            .filter(|name| name.contains("prune-images") || name.contains("maint-before"))
            .collect::<Vec<_>>()
    };
    assert_eq!(ours(of_steps(&planned, "image")), std::slice::from_ref(&old), "{planned}");
    assert!(real.has_image(&old));
    let done = real.maint(&["docker-prune", "--images", "--force", "--json"]).exits(0).json();
    assert_eq!(ours(of_steps(&done, "image")), std::slice::from_ref(&old));
    assert!(done["freed_bytes"].is_number() && !real.has_image(&old), "{done}");
    for name in [&used, &kept, &declared, &way_back] {
        assert!(real.has_image(name), "{name}");
    }
    real.docker(&["rm", container.trim()]);
    real.docker(&["image", "rm", &used, &kept, &declared, &way_back]);
}

#[test]
fn a_young_image_stays_however_long_ago_it_was_built() {
    let Some(real) = Real::new("young", "") else { return };
    let name = real.name("young:1");
    real.image(&name);
    let report =
        real.maint(&["docker-prune", "--images", "--until", "1h", "--dry-run", "--json"]).exits(0).json();
    assert!(!of_steps(&report, "image").contains(&name), "{report}");
    let report =
        real.maint(&["docker-prune", "--images", "--until", "0s", "--dry-run", "--json"]).exits(0).json();
    assert!(of_steps(&report, "image").contains(&name), "{report}");
    real.docker(&["image", "rm", &name]);
}

#[test]
fn an_image_with_two_names_goes_with_both_or_not_at_all() {
    let Some(real) = Real::new("names", "keep = [\"second\", \"base\"]\n") else { return };
    let [first, second] = ["first:1", "second:1"].map(|name| real.name(name));
    real.image(&first);
    real.docker(&["tag", &first, &second]);
    let _ = real.maint(&["docker-prune", "--images", "--force"]).exits(0);
    assert!(real.has_image(&first) && real.has_image(&second));
    real.site
        .configure(&fs::read_to_string(real.site.path("maint.toml")).unwrap().replace("\"second\", ", ""));
    let plan = real.maint(&["docker-prune", "--images", "--dry-run"]).exits(0).stdout;
    assert!(plan.contains(&format!("remove the image {first} = {second} (")), "{plan}");
    let _ = real.maint(&["docker-prune", "--images", "--force"]).exits(0);
    assert!(!real.has_image(&first) && !real.has_image(&second));
}

#[test]
fn anonymous_volumes_go_and_named_ones_only_by_their_name() {
    let Some(real) = Real::new("volumes", "") else { return };
    let anonymous = real.docker(&["volume", "create"]).trim().to_owned();
    let (named, other) = (format!("{}-data", real.prefix), format!("{}-other", real.prefix));
    for name in [&named, &other] {
        real.docker(&["volume", "create", name]);
    }
    let used = real.docker(&["volume", "create"]).trim().to_owned();
    let container = real.docker(&[
        "create",
        "--network",
        "none",
        "-v",
        &format!("{used}:/data"),
        "maint-test/base:1",
        "x",
    ]);
    let report = real.maint(&["docker-prune", "--volumes", "--force", "--json"]).exits(0).json();
    assert_eq!(of_steps(&report, "volume"), std::slice::from_ref(&anonymous), "{report}");
    assert!(report["notes"].to_string().contains(&named), "{report}");
    assert!(!real.has_volume(&anonymous) && real.has_volume(&named) && real.has_volume(&used));
    let report = real.maint(&["docker-prune", "--volume", &named, "--force", "--json"]).exits(0).json();
    assert_eq!(of_steps(&report, "volume"), std::slice::from_ref(&named), "{report}");
    assert!(!real.has_volume(&named) && real.has_volume(&other) && real.has_volume(&used));
    let in_use = real.maint(&["docker-prune", "--volume", &used, "--force"]).exits(1);
    assert!(in_use.stderr.contains("is in use by the container"), "{}", in_use.stderr);
    let absent = real.maint(&["docker-prune", "--volume", "nosuch", "--force"]).exits(2);
    assert!(absent.stderr.contains("there is no volume nosuch"), "{}", absent.stderr);
    real.docker(&["rm", container.trim()]);
    real.docker(&["volume", "rm", &used, &other]);
}

#[test]
fn without_a_yes_nothing_goes() {
    let Some(real) = Real::new("asked", "") else { return };
    let name = real.name("old:1");
    real.image(&name);
    let refused = real.maint(&["docker-prune", "--images"]).exits(4);
    assert!(refused.stderr.contains("Add --force"), "{}", refused.stderr);
    assert!(real.has_image(&name));
    real.docker(&["image", "rm", &name]);
}

/// A site with a `docker` that answers what the function of a shell script says.
fn with_docker(answers: &str) -> (Site, PathBuf) {
    let site = Site::new("[docker-prune]\nuntil = \"0s\"\n");
    let folder = site.around().join("bin");
    fs::create_dir(&folder).unwrap();
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> '{}/calls'\ncase \"$*\" in\n{answers}\n*) exit 0;;\nesac\n",
        folder.display()
    );
    fs::write(folder.join("docker"), script).unwrap();
    fs::set_permissions(folder.join("docker"), fs::Permissions::from_mode(0o755)).unwrap();
    (site, folder)
}

fn maint(site: &Site, folder: &std::path::Path, args: &[&str]) -> Run {
    run(site.command(args).env("PATH", format!("{}:/usr/bin:/bin", folder.display())))
}

#[test]
fn podman_and_an_engine_that_is_away_are_refused() {
    let (site, bin) =
        with_docker("version*) echo '{\"Server\":{\"Components\":[{\"Name\":\"Podman Engine\"}]}}';;");
    let refused = maint(&site, &bin, &["docker-prune", "--force"]).exits(1);
    assert!(refused.stderr.contains("this is Podman"), "{}", refused.stderr);
    let (site, bin) = with_docker(
        "*) echo 'Cannot connect to the Docker daemon at unix:///x.sock. Is the docker daemon running?' >&2; exit 1;;",
    );
    let away = maint(&site, &bin, &["docker-prune", "--force"]).exits(1);
    assert!(away.stderr.contains("the Docker daemon does not answer (unix:///x.sock)"), "{}", away.stderr);
    let none = Site::new("");
    let missing = run(none.command(&["docker-prune", "--force"]).env("PATH", "/nonexistent")).exits(1);
    assert!(missing.stderr.contains("docker is not installed"), "{}", missing.stderr);
}

#[test]
fn an_answer_that_is_no_list_of_ids_removes_nothing() {
    for answers in [
        "version*) echo '{}';;\nps*) echo garbage;;",
        "version*) echo '{}';;\n'image ls'*) echo '-f';;",
        "version*) echo '{}';;\n'ps'*) echo 0123456789abcdef;;\n'container inspect'*) echo '[]'; exit 1;;",
        "version*) echo '{}';;\n'volume ls'*) echo '../x';;",
    ] {
        let (site, bin) = with_docker(answers);
        let _ = maint(&site, &bin, &["docker-prune", "--force"]).exits(1);
        let calls = fs::read_to_string(bin.join("calls")).unwrap();
        assert!(!calls.contains(" rm"), "{calls}");
    }
}

#[test]
fn a_name_that_leads_elsewhere_by_now_stays() {
    let id = format!("sha256:{:064x}", 1);
    let other = format!("sha256:{:064x}", 2);
    let record = |id: &str| {
        format!(
            "[{{\"Id\":\"{id}\",\"RepoTags\":[\"a:1\"],\"Size\":5,\"Created\":\"2026-01-01T00:00:00Z\"}}]"
        )
    };
    let (site, bin) = with_docker(&format!(
        "version*) echo '{{}}';;\n'image ls'*) echo {id};;\n'image inspect sha256'*) echo '{}';;\n'image inspect a:1') echo '{}';;",
        record(&id),
        record(&other)
    ));
    let report = maint(&site, &bin, &["docker-prune", "--images", "--force", "--json"]).exits(0).json();
    assert_eq!(report["steps"][0]["outcome"], "skipped", "{report}");
    assert!(!fs::read_to_string(bin.join("calls")).unwrap().contains("image rm"));
}

#[test]
fn wrong_input_is_refused_before_docker_is_asked() {
    let (site, bin) = with_docker("");
    for (args, why) in [
        (["--until", "1y"], "bad duration"),
        (["--until", "24"], "bad duration"),
        (["--volume", "-f"], ""),
        (["--volume", "../x"], "no name that a volume can have"),
    ] {
        let before = site.snapshot();
        let refused = maint(&site, &bin, &["docker-prune", "--force", args[0], args[1]]).exits(2);
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
        assert_eq!(site.snapshot(), before);
    }
    assert!(!bin.join("calls").exists());
}
