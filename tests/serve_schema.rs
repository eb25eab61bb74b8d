//! schemathesis against the description that the server gives of itself: no answer is an error of the server, and each is
//! what the description says.

use crate::support::redis::Redis;
use crate::support::server::{Server, key_of, site};
use crate::support::{Site, leave_out, run};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

const PACKAGE: &str = "schemathesis>=4,<5";

/// What is away may be 503, with the reason: here there is no Docker. Headers of any length are refused before anybody reads them.
const CONFIG: &str =
    "[checks.not_a_server_error]\nexpected-statuses = [\"2xx\", \"3xx\", \"4xx\", \"503\"]\n";

/// schemathesis, installed below `target/tmp`; none where that cannot be.
fn schemathesis() -> Option<PathBuf> {
    let base = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(base).unwrap();
    let lock = File::create(base.join("schemathesis.lock")).unwrap();
    lock.lock().unwrap();
    let folder = base.join("schemathesis");
    if !folder.join("complete").exists() {
        let _ = fs::remove_dir_all(&folder);
        let make = |program: &Path, args: &[&str]| {
            let made = Command::new(program).args(args).current_dir(base).output();
            made.is_ok_and(|made| made.status.success())
        };
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE];
        let is_made = make(Path::new("python3"), &["-m", "venv", "schemathesis"]);
        if !is_made || !make(&folder.join("bin/python"), &pip) {
            leave_out(&format!("a test with {PACKAGE}"), "python3 -m venv or pip cannot make it here");
            return None;
        }
        File::create(folder.join("complete")).unwrap();
    }
    Some(folder.join("bin/st"))
}

/// A site on which everything may be done: its jobs do nothing, and nothing beside it can be reached.
fn harmless(redis: &Redis) -> Site {
    let site = site(&format!(
        "[jobs.one]\nshell = \"true\"\nschedule = \"0 3 * * *\"\n[jobs.two]\ncommand = \"trim-logs\"\n\
         [redis]\nurl = \"{}\"\nqueue = \"bot\"\n[trim-logs]\npaths = [\"app.log\"]\n[databases.app]\nurl = \"sqlite:app.db\"\n",
        redis.url()
    ));
    fs::write(site.path("app.log"), "a line\n").unwrap();
    fs::write(site.path("app.db"), "").unwrap();
    fs::write(site.around().join("schemathesis.toml"), CONFIG).unwrap();
    site
}

#[test]
fn nothing_that_the_description_allows_or_forbids_makes_the_server_fail() {
    let (Some(redis), Some(schemathesis)) = (Redis::start(), schemathesis()) else { return };
    let site = harmless(&redis);
    let mut serve = site.command(&["serve", "--listen", "127.0.0.1:0"]);
    serve.env_remove("MAINT_NOW").env("DOCKER_HOST", "unix:///nowhere");
    let server = Server::with(&site, serve);
    // About 10,000 cases, or a few hundred.
    let is_long = std::env::var_os("MAINT_TEST_EVERY").is_some();
    let (cases, phases) = if is_long { ("120", "fuzzing") } else { ("2", "fuzzing") };
    let config = site.around().join("schemathesis.toml");
    let (url, key) =
        (format!("{}/api/v1/openapi.json", server.url()), format!("X-API-Key: {}", key_of("deploy")));
    let checks =
        "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
    let args = [
        "--config-file",
        config.to_str().unwrap(),
        "run",
        &url,
        "--header",
        &key,
        "--max-examples",
        cases,
        "--phases",
        phases,
        "--checks",
        checks,
        "--continue-on-failure",
        "--no-shrink",
        "--no-color",
        "--seed",
        "9",
        "--suppress-health-check",
        "all",
        "--request-timeout",
        "60",
        // What does not end, and what counts wrong keys.
        "--exclude-path-regex",
        "events$",
        "--exclude-path",
        "/api/v1/session",
    ];
    let told = run(site.through(schemathesis.to_str().unwrap(), &args).env("PYTHONUTF8", "1"));
    assert_eq!(told.code, 0, "{}\n{}\n{}", told.stdout, told.stderr, server.log());
    assert_eq!(server.anonymous().get("/health").is(200).json()["status"], "healthy");
}
