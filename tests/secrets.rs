//! No secret of the configuration reaches an output, a log, the state, or a child that was not meant to see it.

use crate::support::{Site, run, snapshot};
use std::fs;
use std::process::Command;

/// Nobody answers there, which is soon known.
const SECRET: &str = "http://127.0.0.1:9/api/webhooks/1/tok-3f9a1c";

/// Every way to name a secret in `maint.toml`: the environment, a file, the `env_file`.
const NAMED: [&str; 3] = ["env:DISCORD_WEBHOOK_URL", "file:hook.txt", "env:HOOK"];

/// A site with a secret and these jobs.
fn site(webhook: &str, jobs: &str) -> Site {
    let site = Site::new(&format!(
        "{jobs}\n[http]\nback_off = \"1ms\"\n[alerts]\nto = [\"discord\"]\n[alerts.discord]\nwebhook = \"{webhook}\"\n"
    ));
    let text = fs::read_to_string(site.path("maint.toml")).unwrap();
    site.configure(&text.replace("[site]\n", "[site]\nenv_file = \".env\"\n"));
    fs::write(site.path("hook.txt"), format!("{SECRET}\n")).unwrap();
    fs::write(site.path(".env"), format!("# hooks\nexport HOOK='{SECRET}'\n")).unwrap();
    site
}

/// `maint` with the secret in its environment.
fn with_secret(site: &Site, args: &[&str]) -> Command {
    let mut command = site.command(args);
    command.env("DISCORD_WEBHOOK_URL", SECRET);
    command
}

#[test]
fn a_secret_that_a_job_prints_is_replaced_wherever_it_would_show() {
    for webhook in NAMED {
        let site = site(webhook, "[jobs.leak]\nshell = \"echo to $(cat leaked); touch ran; exit 1\"\n");
        fs::write(site.path("leaked"), SECRET).unwrap();
        let mut told = String::new();
        for args in [
            &["run", "leak"] as &[&str],
            &["run", "leak", "-vv"],
            &["run", "leak", "--json"],
            &["run", "leak", "-n"],
            &["history"],
            &["history", "--json"],
            &["logs", "leak"],
            &["logs", "leak", "--json"],
            &["jobs", "--json"],
            &["config", "show"],
            &["config", "show", "--json"],
            &["config", "check"],
        ] {
            let run = run(&mut with_secret(&site, args));
            told += &run.stdout;
            told += &run.stderr;
        }
        assert!(site.path("ran").exists());
        assert!(!told.contains(SECRET), "{webhook}: {told}");
        // The failure's last lines, the live output, and the log as text and JSON.
        assert!(told.matches("to [secret]").count() >= 4, "{webhook}: {told}");
        for path in snapshot(&site.state()).into_keys().filter(|path| path.is_file()) {
            let content = fs::read(&path).unwrap();
            assert!(!String::from_utf8_lossy(&content).contains(SECRET), "{webhook}: {}", path.display());
        }
    }
}

#[test]
fn a_job_does_not_see_the_secrets_in_its_environment_nor_in_the_arguments_of_any_process() {
    for webhook in NAMED {
        let line = "env >seen; cat /proc/[0-9]*/cmdline >>seen 2>/dev/null; echo end >>seen";
        let site = site(webhook, &format!("[jobs.look]\nshell = \"{line}\"\n"));
        let _ = run(with_secret(&site, &["run", "look"]).env("HOOK", SECRET).env("PLAIN", "shown")).exits(0);
        let seen = String::from_utf8_lossy(&fs::read(site.path("seen")).unwrap()).into_owned();
        assert!(seen.contains("PLAIN=shown\n") && seen.ends_with("end\n"), "{webhook}: {seen}");
        let is_named = webhook == "env:HOOK";
        assert_eq!(seen.contains("HOOK=http"), !is_named, "{webhook}: {seen}");
        assert!(!seen.contains("DISCORD_WEBHOOK_URL"), "{webhook}: {seen}");
    }
}

#[test]
fn pass_env_shows_a_secret_to_the_job_that_names_it() {
    let jobs = "[jobs.post]\nshell = \"printf %s $DISCORD_WEBHOOK_URL >seen; echo $DISCORD_WEBHOOK_URL\"\n\
                pass_env = [\"DISCORD_WEBHOOK_URL\"]\n";
    let site = site("env:DISCORD_WEBHOOK_URL", jobs);
    let _ = run(&mut with_secret(&site, &["run", "post"])).exits(0);
    assert_eq!(fs::read_to_string(site.path("seen")).unwrap(), SECRET);
    assert!(site.log("post").starts_with("[secret]\n"), "{}", site.log("post"));
    let plan = site.maint(&["run", "post", "-n"]).exits(0).stdout;
    assert!(plan.contains("` with DISCORD_WEBHOOK_URL\n"), "{plan}");
}

#[test]
fn the_usual_names_of_secrets_are_hidden_without_any_configuration() {
    let site = Site::new("[jobs.look]\nshell = \"env >seen\"\n");
    let mut command = site.command(&["run", "look"]);
    for name in ["ANTHROPIC_API_KEY", "DISCORD_WEBHOOK_URL", "GITHUB_TOKEN"] {
        command.env(name, SECRET);
    }
    let _ = run(&mut command).exits(0);
    assert!(!fs::read_to_string(site.path("seen")).unwrap().contains(SECRET));
}

#[test]
fn a_literal_secret_is_refused_and_not_repeated() {
    let site = site(SECRET, "");
    let run = site.maint(&["config", "check"]).exits(2);
    assert!(run.complaint().contains("write \"env:NAME\"") && !run.stderr.contains("tok-"), "{}", run.stderr);
}

#[test]
fn a_secret_with_quotes_is_hidden_in_json_and_in_the_history_too() {
    let site = Site::new(
        "[alerts.discord]\nwebhook = \"env:DISCORD_WEBHOOK_URL\"\n\
         [jobs.job]\nshell = ''': 'pa\"ss\\word1'; false'''\n",
    );
    let mut command = site.command(&["run", "job", "--json"]);
    let run = run(command.env("DISCORD_WEBHOOK_URL", "pa\"ss\\word1")).exits(1);
    assert!(run.stdout.contains("[secret]") && !run.stdout.contains("word1"), "{}", run.stdout);
    let database = rusqlite::Connection::open(site.state().join("state.db")).unwrap();
    let row: String = database.query_row("SELECT line || report FROM runs", [], |row| row.get(0)).unwrap();
    assert!(row.contains("[secret]") && !row.contains("word1"), "{row}");
}
