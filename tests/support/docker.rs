//! Docker: an engine of this test program alone with Debian's Compose, and a strict stand-in where none can run.

use super::keeper::Keeper;
use super::{Run, Site, is_root, leave_out, run};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The image that everything here is built from.
const BASE: &str = "maint-test/base:1";

/// An engine on a socket of its own, with nothing in it but [`BASE`].
pub(crate) struct Engine {
    folder: PathBuf,
    /// Ends it with this program.
    keeper: Option<Keeper>,
}

impl Engine {
    /// The engine of this program; none where it cannot run, which is said once.
    pub(crate) fn shared() -> Option<&'static Engine> {
        static ENGINE: OnceLock<Option<Engine>> = OnceLock::new();
        Engine::once(&ENGINE)
    }

    /// Another engine, for those tests that remove whatever nobody uses.
    pub(crate) fn to_be_pruned() -> Option<&'static Engine> {
        static ENGINE: OnceLock<Option<Engine>> = OnceLock::new();
        Engine::once(&ENGINE)
    }

    fn once(engine: &'static OnceLock<Option<Engine>>) -> Option<&'static Engine> {
        let start = || {
            Engine::start()
                .map_err(|why| leave_out("tests on a real Docker; the stand-in is used", &why))
                .ok()
        };
        engine.get_or_init(start).as_ref()
    }

    fn start() -> Result<Engine, String> {
        if !is_root() {
            return Err("dockerd needs root".to_owned());
        }
        for (program, argument) in [
            ("dockerd", "--version"),
            ("/usr/bin/docker", "--version"),
            ("/usr/bin/docker-compose", "--version"),
        ] {
            if !Command::new(program).arg(argument).output().is_ok_and(|run| run.status.success()) {
                return Err(format!("{program} is missing (packages docker.io and docker-compose)"));
            }
        }
        // Sockets have short names only: not below `target`.
        let folder = TempDir::with_prefix("maint-docker-").unwrap().keep();
        let mut server = Command::new("dockerd");
        server.arg("--host").arg(format!("unix://{}", folder.join("d.sock").display()));
        for (option, name) in [("--data-root", "data"), ("--exec-root", "exec"), ("--pidfile", "pid")] {
            server.arg(option).arg(folder.join(name));
        }
        server.args(["--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs"]);
        let farewell = r#"export DOCKER_HOST="unix://$folder/d.sock" HOME="$folder"
            docker ps --all --quiet | xargs -r docker rm --force >/dev/null 2>&1
            docker network prune --force >/dev/null 2>&1
            trap 'for _ in 1 2 3; do awk -v at="$folder" "index(\$2, at) == 1 {print \$2}" /proc/mounts | xargs -r umount -l; rm -rf "$folder"; done' EXIT"#;
        let keeper = Keeper::start(&server, &folder, farewell);
        let begun = Instant::now();
        let mut engine = Engine { folder, keeper: None };
        while engine.docker(&["version"]).code != 0 {
            if begun.elapsed() > Duration::from_secs(20) || Keeper::has_failed(&engine.folder) {
                let log = fs::read_to_string(engine.folder.join("log")).unwrap_or_default();
                return Err(format!("dockerd does not come up: {}", log.lines().last().unwrap_or_default()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        engine.keeper = Some(keeper);
        engine.import()?;
        Ok(engine)
    }

    /// An image of nothing but a static busybox.
    fn import(&self) -> Result<(), String> {
        let script = r#"set -e
            mkdir -p "$1/root/bin" "$1/root/www" "$1/root/tmp"
            cp "$(command -v busybox)" "$1/root/bin/busybox"
            for name in sh cat grep httpd sleep wget; do ln -s busybox "$1/root/bin/$name"; done
            tar -C "$1/root" -c . | docker import - "$2""#;
        let mut import = self.command("sh");
        let done = run(import.args(["-c", script, "sh"]).arg(&self.folder).arg(BASE));
        if done.code == 0 { Ok(()) } else { Err(format!("no image can be made: {}", done.stderr)) }
    }

    /// A program that talks to this engine.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin").env("HOME", &self.folder);
        command.env("DOCKER_HOST", self.host());
        command
    }

    /// What is given to `DOCKER_HOST`.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.folder.join("d.sock").display())
    }

    /// Runs the `docker` of this machine.
    pub(crate) fn docker(&self, args: &[&str]) -> Run {
        run(self.command("docker").args(args))
    }
}

/// What a service is made of, in the files of a project.
pub(crate) struct Service<'a> {
    pub(crate) name: &'a str,
    /// What it serves at `/version.txt`; with the word `ill` it never gets healthy, with `crash` it ends at once.
    pub(crate) version: &'a str,
}

/// A Compose project in the folder of a site, which a real engine runs.
pub(crate) struct Project {
    engine: &'static Engine,
    pub(crate) name: String,
    ports: Vec<(String, u16)>,
}

impl Project {
    /// A project without containers so far; none where no engine can run.
    pub(crate) fn new(services: &[&str]) -> Option<Project> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let engine = Engine::shared()?;
        let name = format!("project{}", COUNT.fetch_add(1, Relaxed));
        let ports = services.iter().map(|name| ((*name).to_owned(), super::redis::free_port())).collect();
        Some(Project { engine, name, ports })
    }

    /// The lines of `maint.toml` about it.
    pub(crate) fn config(&self) -> String {
        format!("[compose]\nproject = \"{}\"\n", self.name)
    }

    /// The Compose file: each service is built from its folder, and serves on a port of this machine.
    pub(crate) fn compose_file(&self) -> String {
        let service = |(name, port): &(String, u16)| {
            format!(
                "  {name}:
    build: {name}
    network_mode: host
    stop_signal: SIGKILL
    environment: {{PORT: \"{port}\"}}
    healthcheck: {{test: [\"CMD\", \"/bin/grep\", \"-qvw\", \"ill\", \"/www/version.txt\"], interval: 1s, timeout: 2s, retries: 2}}\n"
            )
        };
        format!("version: \"2.4\"\nservices:\n{}", self.ports.iter().map(service).collect::<String>())
    }

    /// The files of a service in this version.
    pub(crate) fn files(service: &Service<'_>) -> Vec<(String, String)> {
        let Service { name, version } = service;
        let begin = r#"echo "serving $(cat /www/version.txt)"; grep -qw crash /www/version.txt && exit 3; exec httpd -f -p "127.0.0.1:$PORT" -h /www"#;
        let dockerfile = format!(
            "FROM {BASE}\nCOPY version.txt /www/version.txt\nCMD [\"/bin/sh\", \"-c\", {}]\n",
            Value::from(begin)
        );
        vec![
            (format!("{name}/Dockerfile"), dockerfile),
            (format!("{name}/version.txt"), format!("{version}\n")),
        ]
    }

    /// What a service says that it is, asked from outside; none when nobody answers.
    pub(crate) fn serves(&self, service: &str) -> Option<String> {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port(service))).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        stream.write_all(b"GET /version.txt HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.contains(" 200 ").then(|| body.trim_end().to_owned())
    }

    pub(crate) fn port(&self, service: &str) -> u16 {
        self.ports.iter().find(|(name, _)| name == service).unwrap().1
    }

    /// `maint` with this engine.
    pub(crate) fn command(&self, site: &Site, args: &[&str]) -> Command {
        let mut command = site.command(args);
        command.env_remove("MAINT_NOW").env("DOCKER_HOST", self.engine.host());
        command
    }

    /// Debian's Compose in the folder of the site.
    #[track_caller]
    pub(crate) fn compose(&self, site: &Site, args: &[&str]) -> Run {
        let mut compose = self.engine.command("/usr/bin/docker-compose");
        run(compose.args(["-p", &self.name]).args(args).current_dir(site.root())).exits(0)
    }

    /// Containers of a service: id, image id, state.
    pub(crate) fn containers(&self, service: &str) -> Vec<String> {
        let project = format!("label=com.docker.compose.project={}", self.name);
        let service = format!("label=com.docker.compose.service={service}");
        let list = ["ps", "--all", "--quiet", "--no-trunc", "--filter", &project, "--filter", &service];
        let ids = self.engine.docker(&list).exits(0).stdout;
        let of = |id: &str| {
            let form = "{{.Id}} {{.Image}} {{.State.Status}}";
            self.engine.docker(&["inspect", "--format", form, id]).exits(0).stdout.trim_end().to_owned()
        };
        ids.lines().map(of).collect()
    }

    /// Runs `docker` on it.
    pub(crate) fn docker(&self, args: &[&str]) -> Run {
        self.engine.docker(args)
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let project = format!("label=com.docker.compose.project={}", self.name);
        let ids = self.engine.docker(&["ps", "--all", "--quiet", "--filter", &project]).stdout;
        let remove = ["rm", "--force"].into_iter().chain(ids.lines()).collect::<Vec<_>>();
        if remove.len() > 2 {
            let _ = self.engine.docker(&remove);
        }
    }
}

/// Which programs the stand-in plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Compose 2.40.3 with docker 28: an object a line.
    Lines,
    /// Compose 2.17 with docker 20.10: one array.
    Array,
    /// Compose 1.29.2 with docker 20.10: no JSON at all.
    One,
}

impl Form {
    pub(crate) const ALL: [Form; 3] = [Form::Lines, Form::Array, Form::One];
}

/// A `docker` and a `docker-compose` that come first in PATH.
pub(crate) struct StandIn {
    folder: PathBuf,
}

impl StandIn {
    /// The stand-in beside a site, with these services: all run, and are healthy.
    pub(crate) fn of(site: &Site, form: Form, services: &[&str]) -> StandIn {
        let stand_in = StandIn { folder: site.around().join("stand-in") };
        fs::create_dir(&stand_in.folder).unwrap();
        let script = stand_in.folder.join("docker");
        fs::write(&script, include_str!("docker_stand_in.py")).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let (generation, cli, version) = match form {
            Form::Lines => (2, 28, "2.40.3"),
            Form::Array => (2, 20, "2.17.2"),
            Form::One => (1, 20, "1.29.2"),
        };
        if form == Form::One {
            symlink("docker", stand_in.folder.join("docker-compose")).unwrap();
        }
        let engine = json!({
            "generation": generation, "cli": cli, "compose_version": version, "project": "bot", "mood": "",
            "form": if form == Form::Array { "array" } else { "lines" },
            "services": services, "containers": [], "images": {}, "contents": {}, "image_names": {},
            "folder": site.root(),
        });
        stand_in.write(&engine);
        for (index, service) in services.iter().enumerate() {
            stand_in.change(|engine| {
                let digest = format!("sha256:{:064x}", index + 1);
                engine["images"][format!("bot-{service}")] = digest.clone().into();
                engine["contents"][&digest] = "v0".into();
                let container = json!({
                    "service": service, "name": format!("bot-{service}-1"), "id": format!("{:04x}{index:060x}", 0xabc0 + index),
                    "image": format!("bot-{service}"), "image_id": digest, "state": "running", "health": "healthy",
                    "exit_code": 0, "started": 1_795_000_000, "restarts": 0, "log": ["listening"],
                });
                engine["containers"].as_array_mut().unwrap().push(container);
            });
        }
        stand_in
    }

    fn write(&self, engine: &Value) {
        fs::write(self.folder.join("engine.json"), engine.to_string()).unwrap();
    }

    /// What is there: containers, images.
    pub(crate) fn engine(&self) -> Value {
        serde_json::from_slice(&fs::read(self.folder.join("engine.json")).unwrap()).unwrap()
    }

    /// Changes what is there.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Value)) {
        let mut engine = self.engine();
        change(&mut engine);
        self.write(&engine);
    }

    /// Changes the container of a service.
    pub(crate) fn container(&self, service: &str, key: &str, value: impl Into<Value>) {
        self.change(|engine| {
            let all = engine["containers"].as_array_mut().unwrap();
            all.iter_mut().find(|one| one["service"] == service).unwrap()[key] = value.into();
        });
    }

    /// The engine is "down", "forbidden", "hang"s, tells "garbage" or "huge" things, or its "build fails".
    pub(crate) fn mood(&self, mood: &str) {
        self.change(|engine| engine["mood"] = mood.into());
    }

    /// `maint` with the stand-in.
    pub(crate) fn command(&self, site: &Site, args: &[&str]) -> Command {
        let mut command = site.command(args);
        command.env_remove("MAINT_NOW").env("PATH", format!("{}:/usr/bin:/bin", self.folder.display()));
        command
    }

    /// Each call so far, its words joined by spaces.
    pub(crate) fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.join("calls")).unwrap_or_default();
        let words = |line: &str| serde_json::from_str::<Vec<String>>(line).unwrap().join(" ");
        text.lines().map(words).collect()
    }

    /// The calls that change something.
    pub(crate) fn changes(&self) -> Vec<String> {
        let is_change = |call: &String| {
            let verbs =
                [" build", " up ", " tag ", " restart", " stop", " start", " pull", " rm", " down", " rmi"];
            verbs.iter().any(|verb| format!("{call} ").contains(verb))
        };
        self.calls().into_iter().filter(is_change).collect()
    }
}
