//! A temporary site, and the built `maint` run in it: no inherited variables, fixed clock, fixed zone.

pub(crate) mod ascl;
pub(crate) mod browser;
pub(crate) mod catalogue;
pub(crate) mod checkout;
pub(crate) mod claude;
pub(crate) mod claude_form;
pub(crate) mod cron;
pub(crate) mod database;
pub(crate) mod docker;
pub(crate) mod fiches;
pub(crate) mod github;
pub(crate) mod graphql;
pub(crate) mod http;
pub(crate) mod keeper;
pub(crate) mod libraries;
pub(crate) mod rabbitmq;
pub(crate) mod redis;
pub(crate) mod server;
pub(crate) mod smtp;
pub(crate) mod tls;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The clock of every test, unless it sets another.
pub(crate) const NOW: &str = "2026-11-20T15:02:26Z";
/// The same in seconds since 1970.
pub(crate) const NOW_SECONDS: i64 = 1_795_186_946;

/// A site in a folder of its own, with its own state and home.
pub(crate) struct Site {
    folder: TempDir,
}

/// What a run of `maint` gave.
#[must_use = "look at the exit code or the output"]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Site {
    /// A site without a `maint.toml`.
    pub(crate) fn bare() -> Site {
        Site::within(&std::env::temp_dir())
    }

    fn within(folder: &Path) -> Site {
        let site = Site { folder: TempDir::new_in(folder).unwrap() };
        for name in ["site", "home"] {
            fs::create_dir(site.folder.path().join(name)).unwrap();
        }
        site
    }

    /// A site named "test" with its state beside it; `rest` follows in its `maint.toml`.
    pub(crate) fn new(rest: &str) -> Site {
        Site::bare().named(rest)
    }

    /// The same in memory, where there is such a folder: for who writes much. A kill is no power cut.
    pub(crate) fn in_memory(rest: &str) -> Site {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() { Site::within(memory).named(rest) } else { Site::new(rest) }
    }

    fn named(self, rest: &str) -> Site {
        self.configure(&format!(
            "[site]\nname = \"test\"\ntimezone = \"Europe/Paris\"\n[state]\ndir = \"{}\"\n{rest}",
            self.state().display()
        ));
        self
    }

    /// Writes the whole `maint.toml`.
    pub(crate) fn configure(&self, text: &str) {
        fs::write(self.root().join("maint.toml"), text).unwrap();
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("site")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The folder that holds site, state and home.
    pub(crate) fn around(&self) -> &Path {
        self.folder.path()
    }

    /// A path inside the site.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    /// Makes a file of some content, last changed `hours` before the tests' clock.
    pub(crate) fn file(&self, path: &str, content: &str, hours: i64) -> PathBuf {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        age(&path, hours);
        path
    }

    /// Makes a folder; its age is set with [`age`] when everything is in it.
    pub(crate) fn folder(&self, path: &str) -> PathBuf {
        let path = self.path(path);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// `maint` in the site's folder, ready to run.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .args(args)
            .current_dir(self.root())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.home())
            .env("TZ", "Europe/Paris")
            .env("STATE_DIRECTORY", self.state())
            .env("MAINT_NOW", NOW)
            .stdin(Stdio::null());
        command
    }

    /// Runs `maint` to its end.
    pub(crate) fn maint(&self, args: &[&str]) -> Run {
        run(&mut self.command(args))
    }

    /// Starts `maint` and goes on; output is captured.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Everything around the site (site, state, home): kind, mode, size, time and content of each path.
    pub(crate) fn snapshot(&self) -> BTreeMap<PathBuf, String> {
        snapshot(self.around())
    }

    /// The paths inside a folder of the site, relative to it, sorted.
    pub(crate) fn tree(&self, path: &str) -> Vec<String> {
        let base = self.path(path);
        let mut paths: Vec<String> = snapshot(&base)
            .into_keys()
            .filter_map(|path| path.strip_prefix(&base).ok().map(|path| path.display().to_string()))
            .filter(|path| !path.is_empty())
            .collect();
        paths.sort();
        paths
    }
}

/// The program under test.
pub(crate) fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_maint")
}

/// Runs a prepared command to its end.
pub(crate) fn run(command: &mut Command) -> Run {
    let Output { status, stdout, stderr } = command.output().unwrap();
    Run {
        code: exit_code(status),
        stdout: String::from_utf8(stdout).expect("stdout is UTF-8"),
        stderr: String::from_utf8(stderr).expect("stderr is UTF-8"),
    }
}

/// The exit code, or 128 + the signal as a shell reports it.
pub(crate) fn exit_code(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap())
}

impl Run {
    /// Checks the exit code; shows everything when it is another.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Run {
        assert_eq!(self.code, code, "\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    /// The one line on stderr, without "maint: ".
    #[track_caller]
    pub(crate) fn complaint(&self) -> &str {
        let line = self
            .stderr
            .strip_prefix("maint: ")
            .unwrap_or_else(|| panic!("no complaint in {:?}", self.stderr));
        let line = line.strip_suffix('\n').unwrap();
        assert!(!line.contains('\n'), "more than one line: {line:?}");
        line
    }

    /// stdout as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in {:?} {:?}", self.stdout, self.stderr))
    }
}

/// Sets the last change of a file, folder or symlink to `hours` before the tests' clock.
pub(crate) fn age(path: &Path, hours: i64) {
    set_modified(path, NOW_SECONDS - hours * 3_600);
}

/// Sets the last change of a file, folder or symlink, in seconds since 1970.
pub(crate) fn set_modified(path: &Path, seconds: i64) {
    let time = rustix::fs::Timespec { tv_sec: seconds, tv_nsec: 0 };
    let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
    rustix::fs::utimensat(rustix::fs::CWD, path, &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

/// Everything below a folder: kind, mode, size, time and content of each path.
pub(crate) fn snapshot(base: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![base.to_owned()];
    while let Some(path) = waiting.pop() {
        let meta = fs::symlink_metadata(&path).unwrap();
        let mut line =
            format!("{:o} {} {}.{}", meta.permissions().mode(), meta.len(), meta.mtime(), meta.mtime_nsec());
        if meta.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if meta.is_symlink() {
            let _ = write!(line, " -> {}", fs::read_link(&path).unwrap().display());
        } else if meta.is_file() {
            let _ = write!(line, " {:x}", hash(&fs::read(&path).unwrap()));
        }
        found.insert(path, line);
    }
    found
}

/// A number that two texts hardly have in common.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// Waits until `is_so`, at most ten seconds.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(10), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits for a started program and captures the rest of its output.
pub(crate) fn finish(child: Child) -> Run {
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    Run {
        code: exit_code(status),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

/// True for root, who is refused nothing by file modes.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Says on the test's output that a part was left out, and why.
pub(crate) fn leave_out(what: &str, why: &str) {
    // Not `eprintln!`, which the test harness keeps to itself when the test passes.
    let _ =
        std::io::Write::write_all(&mut std::io::stderr(), format!("LEFT OUT: {what}: {why}\n").as_bytes());
}

/// True when `strace` may trace here; otherwise it is said that `what` is left out.
pub(crate) fn can_trace(what: &str) -> bool {
    let tried = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    let can_trace = tried.is_ok_and(|run| run.status.success());
    if !can_trace {
        leave_out(what, "strace is missing, or may not trace here");
    }
    can_trace
}

/// True when `unshare` may make private mount namespaces here.
pub(crate) fn can_mount() -> bool {
    is_root() && Command::new("unshare").args(["-m", "true"]).status().is_ok_and(|status| status.success())
}

/// A shell line that says that it has started, and ends when the file "go" appears.
pub(crate) const WAIT: &str =
    "touch started; for _ in $(seq 1500); do [ -e go ] && exit; sleep 0.02; done; exit 9";

impl Site {
    /// Starts `run JOB`, whose line is [`WAIT`], and returns when it runs.
    pub(crate) fn hold(&self, job: &str) -> Child {
        let child = self.start(&["run", job]);
        wait_until("the job has started", || self.path("started").exists());
        child
    }

    /// Lets a held job end well.
    #[track_caller]
    pub(crate) fn release(&self, child: Child) {
        fs::write(self.path("go"), "").unwrap();
        let _ = finish(child).exits(0);
    }

    /// The runs, newest first.
    #[track_caller]
    pub(crate) fn history(&self) -> Vec<serde_json::Value> {
        let runs = self.maint(&["history", "--json", "--limit", "1000"]).exits(0).json();
        runs.as_array().unwrap().clone()
    }

    /// The log of a job's latest run.
    #[track_caller]
    pub(crate) fn log(&self, job: &str) -> String {
        self.maint(&["logs", job]).exits(0).stdout
    }

    /// The processes with this site's environment: `maint` and whatever it started, however far it fled.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let mark = format!("STATE_DIRECTORY={}\0", self.state().display());
        let has_mark = |pid: &u32| {
            fs::read(format!("/proc/{pid}/environ"))
                .is_ok_and(|environ| String::from_utf8_lossy(&environ).contains(&mark))
        };
        let pids = fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
        pids.filter(has_mark).collect()
    }
}

impl Site {
    /// Another program in the folder and the sealed environment of `maint`, which it will start.
    pub(crate) fn through(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        let maint = self.command(&[]);
        command.args(args).current_dir(self.root()).stdin(Stdio::null());
        command.env_clear().envs(maint.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command
    }
}

/// Nothing outlives its site: a test may have failed halfway, or killed `maint` and left its line running.
impl Drop for Site {
    fn drop(&mut self) {
        for pid in
            self.processes().into_iter().filter_map(|pid| rustix::process::Pid::from_raw(pid.cast_signed()))
        {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

/// Sends a signal to a started program.
pub(crate) fn send(child: &Child, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, signal).unwrap();
}

impl Site {
    /// Runs `maint` on a terminal of its own; when it asks, `meanwhile` happens and then somebody types
    /// `typed`. Nothing when `script` is missing.
    pub(crate) fn on_terminal(&self, args: &[&str], typed: &str, meanwhile: impl FnOnce()) -> Option<Run> {
        use std::io::{Read as _, Write as _};
        let line = format!("'{}' {}", binary(), args.join(" "));
        let script = ["--quiet", "--return", "--command", &line, "/dev/null"];
        let mut command = self.through("script", &script);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let Ok(mut child) = piped.spawn() else {
            leave_out("a question on a terminal", "script (util-linux) is missing");
            return None;
        };
        let (mut shown, mut byte) = (Vec::new(), [0]);
        let output = child.stdout.as_mut().unwrap();
        while !shown.ends_with(b"[y/N] ") && output.read(&mut byte).unwrap() == 1 {
            shown.push(byte[0]);
        }
        meanwhile();
        // A run that asked nothing has ended already.
        let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
        let run = finish(child);
        Some(Run { stdout: String::from_utf8(shown).unwrap() + &run.stdout, ..run })
    }

    /// `maint` as a user whom file modes bind: nobody, as the owner of everything around the site, for root.
    pub(crate) fn command_as_user(&self, args: &[&str]) -> Command {
        if !is_root() {
            return self.command(args);
        }
        let copy = self.around().join("maint");
        if !copy.exists() {
            fs::copy(binary(), &copy).unwrap();
        }
        let mut waiting = vec![self.around().to_owned()];
        while let Some(path) = waiting.pop() {
            std::os::unix::fs::lchown(&path, Some(65_534), Some(65_534)).unwrap();
            if fs::symlink_metadata(&path).unwrap().is_dir() {
                waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            }
        }
        let copy = copy.to_str().unwrap();
        let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", copy];
        let mut command = self.through("setpriv", &nobody);
        command.args(args);
        command
    }
}

/// `command` as another program starts it, such as `strace` or `unshare`: same arguments, variables, folder.
pub(crate) fn inside(wrapper: &[&str], command: &Command) -> Command {
    let mut outer = Command::new(wrapper[0]);
    let variables = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    outer.args(&wrapper[1..]).env_clear().envs(variables).stdin(Stdio::null());
    outer.arg(command.get_program()).args(command.get_args());
    outer.current_dir(command.get_current_dir().unwrap());
    outer
}

/// The paths of a report's steps that ended in this way.
pub(crate) fn paths<'a>(report: &'a serde_json::Value, outcome: &str) -> Vec<&'a str> {
    let steps = report["steps"].as_array().expect("a report has steps").iter();
    steps.filter(|step| step["outcome"] == outcome).map(|step| step["path"].as_str().unwrap()).collect()
}

impl Site {
    /// `maint` at another time than the tests' own, in RFC 3339.
    pub(crate) fn maint_at(&self, time: &str, args: &[&str]) -> Run {
        run(self.command(args).env("MAINT_NOW", time))
    }
}
