//! The key of `maint update-fiches` reaches Claude and nobody else: no output, log, state, database, argument or child.

use crate::support::claude::{KEY, problem};
use crate::support::fiches::Fiches;
use crate::support::http::Reply;
use crate::support::{inside, run, snapshot};
use serde_json::json;
use std::fs;
use std::process::Command;

/// What Claude is like: well, refusing with the key in its words, failing, gone.
const STATES: [&str; 4] = ["well", "refusing", "failing", "gone"];

fn site(state: &str, section: &str) -> Fiches {
    let fiches = Fiches::few(&format!("tries = 2\n{section}"));
    match state {
        "refusing" => {
            fiches.claude.always_says(problem(
                401,
                "authentication_error",
                &format!("the key {KEY} is not known"),
            ));
        }
        "failing" => fiches.claude.trouble(|_| Some(Reply::new(500, KEY).header("x-key", KEY))),
        _ => {}
    }
    fiches
}

fn command(fiches: &Fiches, state: &str, args: &[&str]) -> Command {
    let mut command = fiches.prepared(args);
    if state == "gone" {
        command.env("ANTHROPIC_BASE_URL", "http://127.0.0.1:9");
    }
    command
}

/// Wherever a key could be left behind.
#[track_caller]
fn is_nowhere(fiches: &Fiches, told: &str, what: &str) {
    assert!(!told.contains("5ecre7Key"), "{what}: {told}");
    let files = snapshot(fiches.site.around()).into_keys();
    for path in files.filter(|path| path.is_file() && !path.ends_with(".env") && !path.ends_with("key.txt")) {
        let content = fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&content);
        assert!(!text.contains("5ecre7Key"), "{what}: {}", path.display());
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o002, 0, "{what}: everybody may write {}", path.display());
    }
}

#[test]
fn the_key_is_shown_nowhere_whatever_claude_is_like_and_however_much_is_told() {
    for state in STATES {
        for mode in ["direct", "batch"] {
            let fiches = site(state, &format!("mode = \"{mode}\"\n"));
            let mut told = String::new();
            for args in [&["-n"] as &[&str], &[], &["-vv"], &["--json", "--again"], &["--simulate"]] {
                // Whatever a careless shell allows everybody to do.
                let careless = ["sh", "-c", "umask 0; exec \"$@\"", "sh"];
                let run = run(&mut inside(&careless, &command(&fiches, state, args)));
                assert!((0..=2).contains(&run.code) && !run.stderr.contains("panicked"), "{}", run.stderr);
                told += &run.stdout;
                told += &run.stderr;
            }
            for args in [
                &["history", "--json"] as &[&str],
                &["logs", "update-fiches"],
                &["config", "show"],
                &["audit", "--json"],
            ] {
                let run = run(&mut fiches.command(args));
                told += &run.stdout;
                told += &run.stderr;
            }
            is_nowhere(&fiches, &told, &format!("{state} {mode}"));
        }
    }
}

#[test]
fn the_key_may_be_in_a_file_or_the_env_file_and_is_hidden_all_the_same() {
    for api_key in ["file:key.txt", "env:OTHER", "env:ANTHROPIC_API_KEY"] {
        let fiches = site("well", &format!("api_key = \"{api_key}\"\n"));
        let text = fs::read_to_string(fiches.site.path("maint.toml")).unwrap();
        fiches.site.configure(&text.replace("[site]\n", "[site]\nenv_file = \".env\"\n"));
        fs::write(fiches.site.path("key.txt"), format!("{KEY}\n")).unwrap();
        fs::write(fiches.site.path(".env"), format!("OTHER='{KEY}'\nANTHROPIC_API_KEY={KEY}\n")).unwrap();
        let run = run(fiches.prepared(&["-vv"]).env_remove("ANTHROPIC_API_KEY")).exits(0);
        assert_eq!(fiches.claude.received("/v1/messages")[0].header("x-api-key"), KEY);
        is_nowhere(&fiches, &(run.stdout + &run.stderr), api_key);
    }
}

#[test]
fn an_answer_that_repeats_the_key_does_not_show_it() {
    let fiches = site("well", "");
    let words = json!({"description": KEY}).to_string();
    fiches.claude.always("A1101", crate::support::claude::Manner::Says(words));
    let run = fiches.update(&["-vv", "--json"]).exits(1);
    let logs = run.stdout + &run.stderr + &fiches.site.log("update-fiches");
    assert!(!logs.contains("5ecre7Key"), "{logs}");
}

#[test]
fn the_key_is_in_no_argument_while_claude_is_asked() {
    let fiches = site("well", "connections = 1\n");
    let (send, seen) = std::sync::mpsc::channel();
    fiches.claude.trouble(move |_| {
        let pids =
            fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
        let pids = pids.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
        let lines: Vec<u8> =
            pids.flat_map(|pid| fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()).collect();
        send.send(String::from_utf8_lossy(&lines).into_owned()).unwrap();
        None
    });
    let _ = fiches.update(&["--code", "A1101"]).exits(0);
    let seen: Vec<String> = seen.try_iter().collect();
    assert!(seen.iter().any(|lines| lines.contains("update-fiches")), "{seen:?}");
    assert!(seen.iter().all(|lines| !lines.contains("5ecre7Key")), "{seen:?}");
}
