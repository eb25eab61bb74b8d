//! Volumes of a real Docker engine: copied, destroyed, put back; by their folder, and through a container.

use crate::support::docker::{Engine, Project};
use crate::support::{Run, Site, run, wait_until};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a container of these tests needs to be worked in.
const TOOLS: &str = "maint-test/tools:1";

struct Scene {
    site: Site,
    project: Project,
}

/// How `maint` reaches a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Folder,
    Helper,
}

impl Scene {
    /// Services "app", which mounts the volume "data", and "other", which does not; none where no engine can run.
    fn new(config: &str) -> Option<Scene> {
        let project = Project::new(&[])?;
        let engine = Engine::shared()?;
        make_tools(engine);
        let site = Site::new(&format!("{}{config}", project.config()));
        let file = format!(
            "version: \"2.4\"
services:
  app: {{image: \"{TOOLS}\", network_mode: none, stop_signal: SIGKILL, command: [\"/bin/sleep\", \"3600\"], volumes: [\"data:/data\"]}}
  other: {{image: \"{TOOLS}\", network_mode: none, stop_signal: SIGKILL, command: [\"/bin/sleep\", \"3600\"]}}
volumes:
  data: {{}}
"
        );
        fs::write(site.path("docker-compose.yml"), file).unwrap();
        let scene = Scene { site, project };
        let _ = scene.project.compose(&scene.site, &["up", "-d"]);
        Some(scene)
    }

    fn volume(&self) -> String {
        format!("{}_data", self.project.name)
    }

    fn place(&self, volume: &str) -> PathBuf {
        let found =
            self.project.docker(&["volume", "inspect", "--format", "{{.Mountpoint}}", volume]).exits(0);
        found.stdout.trim_end().into()
    }

    fn command(&self, way: Way, args: &[&str]) -> Command {
        let mut command = self.project.command(&self.site, args);
        if way == Way::Helper {
            // A tar that is not GNU's is not used.
            let folder = self.site.around().join("bin");
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("tar"), "#!/bin/sh\necho busybox\n").unwrap();
            fs::set_permissions(folder.join("tar"), fs::Permissions::from_mode(0o755)).unwrap();
            command.env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
        }
        command
    }

    fn maint(&self, way: Way, args: &[&str]) -> Run {
        run(&mut self.command(way, args))
    }

    fn state(&self, service: &str) -> String {
        self.project.containers(service)[0].split(' ').nth(2).unwrap().to_owned()
    }

    /// Containers that `maint` has made for itself; other tests work on the same engine.
    fn helpers(&self) -> usize {
        let root = fs::canonicalize(self.site.path(".")).unwrap();
        let own = format!("label=maint.helper={}", root.display());
        self.project.docker(&["ps", "-aq", "--filter", &own]).exits(0).stdout.lines().count()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = self.project.compose(&self.site, &["down", "--volumes"]);
    }
}

fn make_tools(engine: &Engine) {
    use std::sync::Once;
    static MADE: Once = Once::new();
    MADE.call_once(|| {
        let script = r#"set -e
            root=$(mktemp -d); trap 'rm -rf "$root"' EXIT; mkdir "$root/bin" "$root/data"; echo image >"$root/data/from-the-image"
            cp "$(command -v busybox)" "$root/bin/busybox"
            for name in sh sleep mkdir mv rm rmdir touch stat chown chmod sync ls cat flock; do ln -s busybox "$root/bin/$name"; done
            tar -C "$root" -c . | docker import --change "VOLUME /other" - "$1""#;
        let mut import = Command::new("sh");
        import.args(["-c", script, "sh", TOOLS]).env("DOCKER_HOST", engine.host());
        let _ = run(&mut import).exits(0);
    });
}

/// A bit of everything that a volume may hold.
fn fill(place: &Path) {
    let _ = fs::remove_file(place.join("from-the-image"));
    let at = |name: &str| place.join(name);
    fs::create_dir_all(at("deep/er")).unwrap();
    fs::write(at("deep/er/file"), "content\n").unwrap();
    fs::write(at("large"), vec![b'x'; 3_000_000]).unwrap();
    fs::write(at("empty"), "").unwrap();
    fs::write(at("name with\nnewline and é"), "odd").unwrap();
    fs::write(at("-rf"), "option").unwrap();
    fs::write(at(".hidden"), "").unwrap();
    fs::write(at("..two"), "").unwrap();
    fs::write(place.join(std::ffi::OsStr::from_bytes(b"latin\xe9")), "").unwrap();
    fs::write(at(&"n".repeat(200)), "long").unwrap();
    fs::hard_link(at("deep/er/file"), at("second name")).unwrap();
    symlink("deep/er/file", at("link")).unwrap();
    symlink("/etc/passwd", at("absolute")).unwrap();
    fs::File::create(at("sparse")).unwrap().set_len(20_000_000).unwrap();
    let _ = Command::new("mkfifo").arg(at("fifo")).status().unwrap();
    let own = |name: &str, uid: u32, gid: u32, mode: u32| {
        std::os::unix::fs::lchown(at(name), Some(uid), Some(gid)).unwrap();
        fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    own("deep", 1000, 1001, 0o2750);
    own("deep/er", 70, 70, 0o700);
    own("large", 65_534, 65_534, 0o4755);
    own("empty", 0, 5, 0o000);
    own("", 70, 71, 0o1770);
    for (name, seconds) in [
        ("deep/er/file", 1_500_000_000),
        ("link", 1_400_000_000),
        ("deep/er", 1_300_000_000),
        ("deep", 1_200_000_000),
    ] {
        crate::support::set_modified(&at(name), seconds);
    }
    crate::support::set_modified(place, 1_100_000_000);
}

/// Kind, mode, owner, time, links and content of everything.
fn tree(place: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut links: BTreeMap<u64, Vec<PathBuf>> = BTreeMap::new();
    let mut waiting = vec![place.to_owned()];
    while let Some(path) = waiting.pop() {
        let meta = fs::symlink_metadata(&path).unwrap();
        let mut line = format!("{:o} {}:{} {} ", meta.mode(), meta.uid(), meta.gid(), meta.mtime());
        if meta.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if meta.is_symlink() {
            let _ = write!(line, "-> {}", fs::read_link(&path).unwrap().display());
        } else if !meta.file_type().is_fifo() {
            let _ = write!(line, "{} {:x}", meta.len(), crate::support::hash(&fs::read(&path).unwrap()));
        }
        let relative = path.strip_prefix(place).unwrap().to_owned();
        if meta.nlink() > 1 && !meta.is_dir() {
            links.entry(meta.ino()).or_default().push(relative.clone());
        }
        found.insert(relative, line);
    }
    for mut names in links.into_values() {
        names.sort();
        for name in &names {
            let _ = write!(found.get_mut(name).unwrap(), " {names:?}");
        }
    }
    found
}

fn empty(place: &Path) {
    for entry in fs::read_dir(place).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn a_volume_comes_back_as_it_was_whichever_way_it_is_reached() {
    for (out, back) in [
        (Way::Folder, Way::Folder),
        (Way::Folder, Way::Helper),
        (Way::Helper, Way::Folder),
        (Way::Helper, Way::Helper),
    ] {
        let Some(scene) = Scene::new("") else { return };
        let place = scene.place(&scene.volume());
        fill(&place);
        let before = tree(&place);
        let _ = scene.maint(out, &["backup", "volumes", "data"]).exits(0);
        assert_eq!(tree(&place), before, "{out:?} touches what it copies");
        empty(&place);
        fs::write(place.join("later"), "").unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
        let report = scene.maint(back, &["restore", "volume", "data", "--force", "--json"]).exits(0).json();
        assert_eq!(tree(&place), before, "{out:?} {back:?} {report}");
        if (out, back) == (Way::Folder, Way::Folder) {
            let blocks = fs::metadata(place.join("sparse")).unwrap().blocks();
            assert!(blocks < 1_000, "the holes were filled: {blocks}");
        }
        assert_eq!(scene.state("app"), "running");
        assert_eq!(scene.helpers(), 0);
    }
}

#[test]
fn only_who_uses_the_volume_is_stopped_and_a_damaged_backup_stops_nobody() {
    let Some(scene) = Scene::new("") else { return };
    let place = scene.place(&scene.volume());
    fs::write(place.join("a"), "one").unwrap();
    let _ = scene.maint(Way::Folder, &["backup", "volumes"]).exits(0);
    let started = |service: &str| {
        let id = scene.project.containers(service)[0].split(' ').next().unwrap().to_owned();
        scene.project.docker(&["inspect", "--format", "{{.State.StartedAt}}", &id]).exits(0).stdout
    };
    let before = (started("app"), started("other"));
    fs::write(place.join("a"), "two").unwrap();
    let id = fs::read_dir(scene.site.path("backups")).unwrap().next().unwrap().unwrap().path();
    let content = fs::read_dir(&id)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|it| it == "zst"))
        .unwrap();
    let good = fs::read(&content).unwrap();
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 1;
    fs::write(&content, &bad).unwrap();
    let refused = scene.maint(Way::Folder, &["restore", "volume", "--force"]).exits(1);
    assert!(refused.stderr.contains("damaged"), "{}", refused.stderr);
    assert_eq!((started("app"), started("other")), before);
    fs::write(&content, &good).unwrap();
    let _ = scene.maint(Way::Folder, &["restore", "volume", "--force"]).exits(0);
    assert_eq!(fs::read(place.join("a")).unwrap(), b"one");
    assert!(started("app") != before.0 && started("other") == before.1);
}

#[test]
fn who_is_named_is_stopped_too() {
    let Some(scene) = Scene::new("[restore]\nstop = [\"other\"]\n[backup]\nconfigs = [\"a.txt\"]\n") else {
        return;
    };
    fs::write(scene.site.path("a.txt"), "one").unwrap();
    fs::write(scene.place(&scene.volume()).join("a"), "one").unwrap();
    let _ = scene.maint(Way::Folder, &["backup"]).exits(0);
    for (kind, services) in [("configs", &["other"][..]), ("volume", &["app", "other"])] {
        let plan = scene.maint(Way::Folder, &["restore", kind, "--dry-run"]).exits(0).stdout;
        for verb in ["would stop ", "would start "] {
            let named = plan.lines().find_map(|line| line.strip_prefix(verb)).unwrap_or_default();
            let mut named: Vec<&str> = named.split(", ").collect();
            named.sort_unstable();
            assert_eq!(named, services, "{plan}");
        }
    }
    let _ = scene.maint(Way::Folder, &["restore", "configs", "--force"]).exits(0);
    assert_eq!(scene.state("other"), "running");
    let text = fs::read_to_string(scene.site.path("maint.toml")).unwrap();
    scene.site.configure(&text.replace("\"other\"", "\"othr\""));
    let refused = scene.maint(Way::Folder, &["restore", "configs", "--force"]).exits(2);
    assert!(refused.stderr.contains("did you mean `other`?"), "{}", refused.stderr);
}

#[test]
fn an_image_without_a_shell_replaces_nothing_and_who_was_stopped_goes_on() {
    let image = "maint-test/bare:1";
    let Some(scene) = Scene::new(&format!("[backup]\nimage = \"{image}\"\n")) else { return };
    let script = r#"root=$(mktemp -d); trap 'rm -rf "$root"' EXIT; cp "$(command -v busybox)" "$root/sleep"
        tar -C "$root" -c . | docker import - "$1""#;
    let mut import = Command::new("sh");
    import.args(["-c", script, "sh", image]).env("DOCKER_HOST", Engine::shared().unwrap().host());
    let _ = run(&mut import).exits(0);
    let place = scene.place(&scene.volume());
    fs::write(place.join("a"), "one").unwrap();
    let _ = scene.maint(Way::Helper, &["backup", "volumes", "data"]).exits(0);
    fs::write(place.join("a"), "two").unwrap();
    let before = tree(&place);
    let failed = scene.maint(Way::Helper, &["restore", "volume", "data", "--force"]).exits(1);
    assert!(failed.stderr.contains("maint-test/bare:1 has no shell"), "{}", failed.stderr);
    assert_eq!(tree(&place), before);
    assert_eq!((scene.state("app").as_str(), scene.helpers()), ("running", 0));
}

#[test]
fn a_volume_that_a_container_of_nobody_uses_is_refused() {
    let Some(scene) = Scene::new("") else { return };
    let volume = scene.volume();
    fs::write(scene.place(&volume).join("a"), "one").unwrap();
    let _ = scene.maint(Way::Folder, &["backup", "volumes", "data"]).exits(0);
    let name = format!("{}-stranger", scene.project.name);
    let mount = format!("{volume}:/x");
    let _ = scene
        .project
        .docker(&["run", "-d", "--network", "none", "--name", &name, "-v", &mount, TOOLS, "sleep", "3600"])
        .exits(0);
    let refused = scene.maint(Way::Folder, &["restore", "volume", "data", "--force"]).exits(1);
    let _ = scene.project.docker(&["rm", "-f", &name]);
    assert!(refused.complaint().contains(&name), "{}", refused.stderr);
    assert_eq!(scene.state("app"), "running");
}

#[test]
fn who_is_paused_or_stopped_for_a_copy_goes_on() {
    for (key, way) in [("pause", Way::Folder), ("stop", Way::Folder), ("pause", Way::Helper)] {
        let Some(scene) = Scene::new(&format!("[backup]\n{key} = [\"data\"]\n")) else { return };
        fs::write(scene.place(&scene.volume()).join("a"), "one").unwrap();
        let _ = scene.maint(way, &["backup", "volumes"]).exits(0);
        assert_eq!(scene.state("app"), "running", "{key}");
        // One that cannot be copied, too.
        fs::remove_dir_all(scene.site.path("backups")).unwrap();
        fs::write(scene.site.path("backups"), "").unwrap();
        let _ = scene.maint(way, &["backup", "volumes"]).exits(1);
        assert_eq!(scene.state("app"), "running", "{key}");
    }
}

#[test]
fn who_a_killed_run_has_paused_goes_on_with_the_next() {
    let Some(scene) = Scene::new("[backup]\npause = [\"data\"]\n") else { return };
    let place = scene.place(&scene.volume());
    let _ = Command::new("mkfifo").arg(place.join("x")).status().unwrap();
    let large = fs::File::create(place.join("large")).unwrap();
    std::io::copy(
        &mut std::io::Read::take(fs::File::open("/dev/urandom").unwrap(), 300_000_000),
        &mut &large,
    )
    .unwrap();
    let mut child = scene.command(Way::Folder, &["backup", "volumes"]).spawn().unwrap();
    wait_until("it is paused", || scene.state("app") == "paused");
    child.kill().unwrap();
    let _ = child.wait();
    assert_eq!(scene.state("app"), "paused");
    large.set_len(10).unwrap();
    let _ = scene.maint(Way::Folder, &["backup", "volumes"]).exits(0);
    assert_eq!(scene.state("app"), "running");
}

#[test]
fn a_volume_can_be_restored_to_another_and_one_that_is_gone_is_made_again() {
    for way in [Way::Folder, Way::Helper] {
        let Some(scene) = Scene::new("") else { return };
        let place = scene.place(&scene.volume());
        fill(&place);
        let before = tree(&place);
        let _ = scene.maint(way, &["backup", "volumes", "data"]).exits(0);
        let beside = format!("{}_beside", scene.project.name);
        let _ = scene.maint(way, &["restore", "volume", "data", "--to", &beside]).exits(0);
        assert_eq!(tree(&scene.place(&beside)), before, "{way:?}");
        let refused = scene.maint(way, &["restore", "volume", "data", "--to", &beside]);
        assert_eq!(refused.code, 2, "{}", refused.stderr);
        assert!(refused.stderr.contains("is not empty"), "{}", refused.stderr);
        let _ = scene.project.docker(&["volume", "rm", &beside]).exits(0);
        let _ = scene.project.compose(&scene.site, &["down", "--volumes"]);
        let _ = scene.maint(way, &["restore", "volume", "data", "--force"]).exits(0);
        assert_eq!(tree(&scene.place(&scene.volume())), before, "{way:?}");
        let _ = scene.project.compose(&scene.site, &["up", "-d"]);
    }
}

/// Replaces what is in it by two files.
fn spoil(place: &Path) {
    empty(place);
    fs::write(place.join("spoilt"), "spoilt").unwrap();
    fs::create_dir(place.join("deep")).unwrap();
}

#[test]
fn a_restore_of_a_volume_that_is_ended_or_killed_is_made_good_by_the_next() {
    let Some(scene) = Scene::new("") else { return };
    let place = scene.place(&scene.volume());
    fill(&place);
    let before = tree(&place);
    let _ = scene.maint(Way::Folder, &["backup", "volumes", "data"]).exits(0);
    let id = fs::read_dir(scene.site.path("backups")).unwrap().next().unwrap().unwrap().file_name();
    let args = ["restore", "volume", "data", "--force", "--from", id.to_str().unwrap()];
    spoil(&place);
    let begun = std::time::Instant::now();
    let _ = scene.maint(Way::Folder, &args).exits(0);
    let time = begun.elapsed();
    let (kills, signals) = if std::env::var_os("MAINT_TEST_EVERY").is_some() { (40, 4) } else { (4, 2) };
    for kill in 1..=kills {
        spoil(&place);
        let way = if kill % 4 == 3 { Way::Helper } else { Way::Folder };
        let child = scene.command(way, &args).stderr(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(time * kill / (kills + 1));
        let is_signal = kill % signals == 0;
        let signal = if is_signal { rustix::process::Signal::TERM } else { rustix::process::Signal::KILL };
        crate::support::send(&child, signal);
        let mut child = child;
        let _ = child.wait();
        if is_signal {
            assert_eq!(scene.state("app"), "running", "{kill}: who was stopped stays so");
            assert!(!place.join(".maint-restore").exists(), "{kill}");
            assert!(place.join("spoilt").exists() || tree(&place) == before, "{kill}");
        }
        let _ = scene.maint(way, &args).exits(0);
        assert_eq!(tree(&place), before, "{kill}");
        assert_eq!(scene.state("app"), "running", "{kill}");
    }
    assert_eq!(scene.helpers(), 0);
}

#[test]
fn a_container_of_maint_leaves_no_volume_behind() {
    let Some(scene) = Scene::new("") else { return };
    fs::write(scene.place(&scene.volume()).join("a"), "one").unwrap();
    let anonymous = || {
        let list = ["volume", "ls", "-q", "--filter", "dangling=true"];
        let listed = scene.project.docker(&list).exits(0).stdout;
        listed.lines().filter(|name| name.len() == 64).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = anonymous();
    let _ = scene.maint(Way::Helper, &["backup", "volumes", "data"]).exits(0);
    let others: Vec<String> = anonymous().into_iter().filter(|name| !before.contains(name)).collect();
    // Other tests work on the same engine: theirs are gone in a moment.
    crate::support::wait_until("no volume is left", || others.iter().all(|name| !anonymous().contains(name)));
}
