//! Redis and the real python rq: a server for each test, both layouts of rq, real workers that run real jobs.

use super::keeper::Keeper;
use super::{Run, Site, leave_out, run, wait_until};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// The password of a server that has one.
pub(crate) const PASSWORD: &str = "hunter2-0b9c41";

/// A Redis of one test, on a socket in a folder of its own.
pub(crate) struct Redis {
    folder: PathBuf,
    port: Option<u16>,
    password: Option<&'static str>,
    keeper: Option<Keeper>,
}

impl Redis {
    /// A server on a socket; none where the program is missing.
    pub(crate) fn start() -> Option<Redis> {
        Redis::with(None, None)
    }

    /// A server that wants [`PASSWORD`].
    pub(crate) fn with_password() -> Option<Redis> {
        Redis::with(None, Some(PASSWORD))
    }

    /// A server that listens on a port of this machine, too.
    pub(crate) fn on_a_port() -> Option<Redis> {
        Redis::with(Some(free_port()), None)
    }

    fn with(port: Option<u16>, password: Option<&'static str>) -> Option<Redis> {
        if !Command::new("redis-server").arg("--version").output().is_ok_and(|run| run.status.success()) {
            leave_out("a test on Redis", "redis-server (package redis-server) is missing");
            return None;
        }
        let folder = TempDir::with_prefix("maint-redis-").unwrap().keep();
        let mut redis = Redis { folder, port, password, keeper: None };
        redis.begin();
        Some(redis)
    }

    fn begin(&mut self) {
        let mut server = Command::new("redis-server");
        server.args(["--port", &self.port.unwrap_or(0).to_string(), "--bind", "127.0.0.1"]);
        server.arg("--unixsocket").arg(self.socket()).arg("--dir").arg(&self.folder);
        server.args(["--save", "", "--appendonly", "no", "--daemonize", "no"]);
        if let Some(password) = self.password {
            server.args(["--requirepass", password]);
        }
        fs::create_dir_all(&self.folder).unwrap();
        self.keeper = Some(Keeper::start(&server, &self.folder, ""));
        wait_until("Redis answers", || self.connect().is_some());
    }

    /// Ends the server; its data is gone.
    pub(crate) fn stop(&mut self) {
        drop(self.keeper.take());
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("redis.sock")
    }

    /// The address on the socket, without a password.
    pub(crate) fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// The address on the port.
    pub(crate) fn port_url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port.unwrap())
    }

    /// The address that python is given, with the password.
    fn python_url(&self) -> String {
        let password = self.password.map_or(String::new(), |password| format!(":{password}@"));
        format!("unix://{password}{}", self.socket().display())
    }

    fn connect(&self) -> Option<redis::Connection> {
        let password = self.password.map_or(String::new(), |password| format!("?pass={password}"));
        let url = format!("unix://{}{password}", self.socket().display());
        let mut connection = redis::Client::open(url).ok()?.get_connection().ok()?;
        redis::cmd("PING").query::<String>(&mut connection).ok()?;
        Some(connection)
    }

    /// Asks the server itself.
    #[track_caller]
    pub(crate) fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let (command, arguments) = words.split_first().unwrap();
        redis::cmd(command).arg(arguments).query(&mut self.connect().unwrap()).unwrap()
    }

    /// The names of all keys, sorted.
    pub(crate) fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.ask(&["KEYS", "*"]);
        keys.sort();
        keys
    }

    /// Everything that is in it, as it would be dumped, and which keys have an end.
    pub(crate) fn snapshot(&self) -> BTreeMap<String, (Vec<u8>, bool)> {
        let mut connection = self.connect().unwrap();
        let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut connection).unwrap();
        let mut found = BTreeMap::new();
        for key in keys {
            let dump: Option<Vec<u8>> = redis::cmd("DUMP").arg(&key).query(&mut connection).unwrap();
            let end: i64 = redis::cmd("TTL").arg(&key).query(&mut connection).unwrap();
            // What has run out between the two is gone by itself.
            if let Some(dump) = dump {
                found.insert(key, (dump, end >= 0));
            }
        }
        found
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Which rq.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// 1.16.2: a running job is in its registry by its id.
    One,
    /// 2.12 and later: by its id and that of the execution.
    Two,
}

impl Version {
    /// Its python, with rq installed below `target/tmp`; none where that cannot be.
    fn python(self) -> Option<PathBuf> {
        let (name, package) = match self {
            Version::One => ("rq-1.16.2", "rq==1.16.2"),
            Version::Two => ("rq-2", "rq>=2.12,<3"),
        };
        let base = Path::new(env!("CARGO_TARGET_TMPDIR"));
        fs::create_dir_all(base).unwrap();
        // Another test program may be making it right now.
        let lock = File::create(base.join(format!("{name}.lock"))).unwrap();
        lock.lock().unwrap();
        let folder = base.join(name);
        let python = folder.join("bin/python");
        if !folder.join("complete").exists() {
            let _ = fs::remove_dir_all(&folder);
            let make = |program: &Path, args: &[&str]| {
                let made = Command::new(program).args(args).current_dir(base).output();
                made.is_ok_and(|made| made.status.success())
            };
            let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", package];
            if !make(Path::new("python3"), &["-m", "venv", name]) || !make(&python, &pip) {
                leave_out(&format!("a test with {package}"), "python3 -m venv or pip cannot make it here");
                return None;
            }
            File::create(folder.join("complete")).unwrap();
        }
        Some(python)
    }
}

/// A site with a Redis, and the python that fills it.
pub(crate) struct Farm {
    pub(crate) site: Site,
    pub(crate) redis: Redis,
    version: Version,
    python: PathBuf,
}

/// A worker of rq.
pub(crate) struct Worker(Child);

impl Farm {
    /// Runs a test with each rq; `rest` follows in its `maint.toml`.
    pub(crate) fn each(rest: &str, test: impl Fn(&Farm) + Sync) {
        for version in [Version::One, Version::Two] {
            if let Some(farm) = Farm::of(version, rest, Redis::start()) {
                test(&farm);
            }
        }
    }

    /// A site with this rq and Redis, whose queue is "bot".
    pub(crate) fn of(version: Version, rest: &str, redis: Option<Redis>) -> Option<Farm> {
        let (redis, python) = (redis?, version.python()?);
        let config = format!("[redis]\nurl = \"{}\"\nqueue = \"bot\"\n{rest}", redis.url());
        let site = Site::new(&config);
        fs::create_dir(site.around().join("python")).unwrap();
        for (name, text) in
            [("driver.py", include_str!("rq_driver.py")), ("tasks.py", include_str!("rq_tasks.py"))]
        {
            fs::write(site.around().join("python").join(name), text).unwrap();
        }
        Some(Farm { site, redis, version, python })
    }

    fn python(&self, program: &Path) -> Command {
        let mut command = self.site.through(program.to_str().unwrap(), &[]);
        command.env("PYTHONPATH", self.site.around().join("python")).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env_remove("MAINT_NOW").env("TZ", "UTC");
        command
    }

    /// Has the driver do something; its output.
    #[track_caller]
    pub(crate) fn drive(&self, args: &[&str]) -> String {
        let driver = self.site.around().join("python/driver.py");
        let mut command = self.python(&self.python);
        let done = run(command.arg(driver).arg(self.redis.python_url()).args(args)).exits(0);
        done.stdout
    }

    /// Enqueues jobs: an array of objects with `id`, `func`, and what else the driver knows.
    #[track_caller]
    pub(crate) fn enqueue(&self, jobs: &Value) {
        let _ = self.drive(&["enqueue", &jobs.to_string()]);
    }

    /// What rq itself sees.
    #[track_caller]
    pub(crate) fn view(&self) -> Value {
        serde_json::from_str(&self.drive(&["view"])).unwrap()
    }

    /// A worker of some name on the queue "bot", when rq knows of it.
    pub(crate) fn worker(&self, name: &str) -> Worker {
        let worker = self.start_worker(&["--name", name, "bot"]);
        let key = format!("rq:worker:{name}");
        wait_until("the worker is there", || self.redis.ask::<i64>(&["EXISTS", &key]) == 1);
        worker
    }

    /// Runs what waits in the queue "bot" by a real worker.
    pub(crate) fn work_off(&self) {
        let mut worker = self.start_worker(&["--burst", "bot"]);
        assert!(worker.0.wait().unwrap().success(), "a worker failed");
    }

    fn start_worker(&self, args: &[&str]) -> Worker {
        let mut command = self.python(&self.python.with_file_name("rq"));
        command.args(["worker", "--url", &self.redis.python_url(), "--quiet"]).args(args);
        let log = File::create(self.site.around().join("worker.log")).unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log).stdin(Stdio::null()).process_group(0);
        Worker(command.spawn().unwrap())
    }

    /// `maint` at the time that workers have, too.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.site.command(args);
        command.env_remove("MAINT_NOW");
        command
    }

    /// Runs it to its end.
    pub(crate) fn maint(&self, args: &[&str]) -> Run {
        run(&mut self.command(args))
    }

    /// A nap of a minute that has begun, in the hands of a worker.
    pub(crate) fn napping(&self, id: &str) {
        let marks = self.marks(id);
        self.enqueue(&serde_json::json!([{"id": id, "func": "nap", "args": [marks, 60]}]));
        wait_until("the nap has begun", || self.mark(id, "begun").exists());
    }

    fn marks(&self, id: &str) -> String {
        self.site.around().join(id).display().to_string()
    }

    fn mark(&self, id: &str, what: &str) -> PathBuf {
        PathBuf::from(format!("{}.{what}", self.marks(id)))
    }

    /// True when the nap still goes on, whatever rq says of it.
    pub(crate) fn still_naps(&self, id: &str) -> bool {
        let alive = self.mark(id, "alive");
        let before = fs::read(&alive).ok();
        // It marks every 20 ms; a busy machine may let it wait for much longer.
        (0..100).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            fs::read(&alive).ok() != before
        })
    }
}

/// A test that has failed tells with which rq.
impl Drop for Farm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let text = format!("it was with rq {:?}\n", self.version);
            let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
        }
    }
}

impl Worker {
    /// Ends it as a power cut would, and what it runs with it.
    pub(crate) fn kill(&mut self, farm: &Farm) {
        let _ = self.0.kill();
        let _ = self.0.wait();
        // What it runs has a process group of its own, and is known by the site's mark.
        for pid in farm.site.processes() {
            let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }

    /// Only the worker itself dies; what it runs goes on.
    pub(crate) fn behead(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
