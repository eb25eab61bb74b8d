//! Where `maint.toml` is found, and what becomes of a bad one: exit 2, one line, nothing touched.

use crate::support::{Site, run};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

const JOB: &str = "[jobs.job]\nshell = \"touch ran\"\n";

/// The command is refused in one line that has all these words, and nothing was made or changed.
#[track_caller]
fn refuses(site: &Site, args: &[&str], words: &[&str]) {
    let before = site.snapshot();
    let run = site.maint(args).exits(2);
    for word in words {
        assert!(run.complaint().contains(word), "no {word:?} in {}", run.stderr);
    }
    assert_eq!(run.stdout, "");
    assert_eq!(site.snapshot(), before);
    assert!(!site.state().exists());
}

fn site() -> Site {
    Site::new(JOB)
}

#[test]
fn a_configuration_that_is_named_but_missing_is_refused() {
    let site = site();
    refuses(
        &site,
        &["run", "job", "--config", "no.toml"],
        &["site/no.toml (named by --config)", "`maint init`"],
    );
    let run = run(site.command(&["run", "job"]).env("MAINT_CONFIG", "no.toml")).exits(2);
    assert!(run.complaint().contains("site/no.toml (named by $MAINT_CONFIG)"), "{}", run.stderr);
}

#[test]
fn without_any_configuration_a_job_is_refused() {
    refuses(&Site::bare(), &["run", "job"], &["there is no maint.toml here or above", "`maint init`"]);
}

#[test]
fn a_configuration_that_is_not_utf_8_is_refused() {
    let site = site();
    fs::write(site.path("maint.toml"), b"[site]\nname = \"caf\xe9\"\n").unwrap();
    refuses(&site, &["run", "job"], &["site/maint.toml", "UTF-8"]);
}

#[test]
fn an_empty_configuration_is_refused() {
    let site = site();
    site.configure(" \n");
    refuses(&site, &["run", "job"], &["site/maint.toml is empty", "`maint init --force`"]);
}

#[test]
fn a_job_that_is_given_twice_is_refused_with_its_line() {
    let site = Site::new(&(JOB.to_owned() + JOB));
    refuses(&site, &["run", "job"], &["site/maint.toml:8:", "given twice; remove or rename one"]);
}

#[test]
fn a_mistyped_key_is_refused_with_the_nearest_one() {
    let site = Site::new("[jobs.job]\nshel = \"touch ran\"\n");
    refuses(&site, &["run", "job"], &["maint.toml:7:1: unknown key `shel`; did you mean `shell`?"]);
}

#[test]
fn a_path_outside_the_root_is_refused() {
    for path in ["../home", "/var/tmp", "tmp/../../home"] {
        let site = Site::new(&format!("[cleanup-temp]\nage = \"0s\"\npaths = [\"{path}\"]\n"));
        site.folder("tmp");
        fs::write(site.home().join("precious"), "").unwrap();
        refuses(&site, &["cleanup-temp", "--force"], &[path, "is not inside site.root"]);
    }
}

#[test]
fn the_whole_machine_is_no_site() {
    for root in ["/", "/tmp/..", "//"] {
        let site = site();
        site.configure(&format!("[site]\nname = \"test\"\nroot = \"{root}\"\n{JOB}"));
        refuses(&site, &["run", "job"], &["site.root is /", "name the folder of the site"]);
    }
}

#[test]
fn a_root_that_is_missing_or_no_folder_is_refused() {
    for (root, words) in
        [("gone", "site/gone does not exist"), ("maint.toml", "site/maint.toml is not a folder")]
    {
        let site = site();
        site.configure(&format!("[site]\nname = \"test\"\nroot = \"{root}\"\n{JOB}"));
        refuses(&site, &["run", "job"], &[words, "correct [site] root or --root"]);
        site.configure(&format!("[site]\nname = \"test\"\n{JOB}"));
        refuses(&site, &["run", "job", "-C", "gone", "-c", "maint.toml"], &["site/gone does not exist"]);
    }
}

#[test]
fn a_configuration_that_everybody_can_change_is_refused() {
    let site = site();
    fs::set_permissions(site.path("maint.toml"), Permissions::from_mode(0o666)).unwrap();
    refuses(&site, &["run", "job"], &["site/maint.toml can be changed by every user", "run `chmod o-w "]);
}

/// The site that `config check` finds.
#[track_caller]
fn found(command: &mut std::process::Command) -> String {
    run(command).exits(0).json()["site"].as_str().unwrap().to_owned()
}

#[test]
fn the_configuration_is_named_by_option_then_by_variable_then_found_here_or_above() {
    let site = Site::bare();
    for name in ["here", "option", "variable"] {
        fs::write(site.path(&format!("{name}.toml")), format!("[site]\nname = \"{name}\"\n")).unwrap();
    }
    fs::rename(site.path("here.toml"), site.path("maint.toml")).unwrap();
    let deeper = site.folder("some/where");
    let check = ["config", "check", "--json"];
    let named = ["config", "check", "--json", "-c", "option.toml"];
    let outside = |args: &[&str]| {
        let mut command = site.command(args);
        command.current_dir(site.home());
        command
    };
    assert_eq!(found(&mut site.command(&check)), "here");
    assert_eq!(found(site.command(&check).current_dir(deeper)), "here");
    assert_eq!(found(site.command(&check).env("MAINT_CONFIG", "variable.toml")), "variable");
    assert_eq!(found(site.command(&named).env("MAINT_CONFIG", "variable.toml")), "option");
    assert_eq!(found(&mut outside(&["-C", "../site", "config", "check", "--json"])), "here");
    assert_eq!(found(&mut outside(&["-C", "../site/some", "config", "check", "--json"])), "here");
    let _ = run(&mut outside(&check)).exits(2);
}

#[test]
fn root_replaces_the_folder_that_paths_are_relative_to() {
    let site = Site::new("[jobs.job]\nshell = \"touch ran\"\n[cleanup-temp]\npaths = [\"tmp\"]\n");
    site.file("tmp/stays", "", 48);
    let gone = site.file("copy/tmp/goes", "", 48);
    for args in [&["run", "job"] as &[&str], &["cleanup-temp", "--auto"]] {
        let _ = site.maint(&[args, &["-C", "copy"]].concat()).exits(0);
    }
    assert!(site.path("copy/ran").exists() && !gone.exists() && site.path("tmp/stays").exists());
}

#[test]
fn config_check_counts_the_jobs_and_refuses_a_command_that_no_job_can_run() {
    assert!(site().maint(&["config", "check"]).exits(0).stdout.ends_with(" is in order: site test, 1 job\n"));
    for (command, words) in [
        ("cleanup-tmp --auto", "'cleanup-temp'"),
        ("cleanup-temp --age=2", "--age"),
        ("cleanup-temp --age-hours=soon", "write a whole number of hours"),
        ("cleanup-temp 'tmp", "a quote in its command is not closed"),
        ("history", "is not a command that a job can run; try cleanup-temp"),
        ("run bad", "is not a command that a job can run"),
    ] {
        let site = Site::new(&format!("[jobs.bad]\ncommand = \"{command}\"\n"));
        for args in [["config", "check"], ["run", "bad"]] {
            refuses(&site, &args, &["job `bad`: ", words]);
        }
    }
}

/// The sections and keys of this version, as a real site has them.
const REAL: &str = r#"
[site]
name = "shop"
timezone = "Europe/Lisbon"
env_file = ".env"
language = "fr"

[defaults]
timeout = "45m"
missed = "once"
log_limit = "2MB"
skip_exit = 0

[state]
dir = "var/state"
keep_age = "30d"
keep_runs = 50

[jobs.nightly]
schedule = "15 3 * * *"
command = "cleanup-temp --auto"
description = "yesterday's exports"

[jobs.weekend]
schedule = "@weekly"
command = "cleanup-temp --age-hours=6 --force"
missed = "skip"

[jobs.migrate]
shell = "docker compose exec -T web python manage.py migrate --noinput"
lock = "database"
timeout = "10m"
skip_exit = 75
log_limit = "512KB"
pass_env = ["DATABASE_URL"]

[databases.main]
url = "sqlite:shop.sqlite3"

[databases.stats]
url = "env:STATS_URL"

[cleanup-temp]
age = "36h"
paths = ["exports", { path = "uploads", age = "2h", include = ["*.part"] }]
exclude = ["keep/**"]
skip_open = false

[alerts]
on = ["failure", "recovery"]
to = ["discord"]

[alerts.discord]
webhook = "env:DISCORD_WEBHOOK_URL"
"#;

#[test]
fn a_configuration_with_every_section_is_in_order() {
    let site = Site::bare();
    site.configure(REAL);
    let check = site.maint(&["config", "check"]).exits(0);
    assert!(check.stdout.ends_with(" is in order: site shop, 3 jobs\n"), "{}", check.stdout);
}

#[test]
fn what_config_show_prints_is_the_same_configuration() {
    let site = Site::bare();
    site.configure(REAL);
    let shown = site.maint(&["config", "show"]).exits(0).stdout;
    for key in [
        "timeout = \"45m\"",
        "skip_open = false",
        "webhook = \"env:DISCORD_WEBHOOK_URL\"",
        "bin = \"crontab\"",
    ] {
        assert!(shown.contains(key), "no {key} in {shown}");
    }
    fs::write(site.home().join("shown.toml"), &shown).unwrap();
    let again = site.maint(&["config", "show", "-c", "../home/shown.toml"]).exits(0).stdout;
    assert_eq!(again, shown);
    let json = site.maint(&["config", "show", "--json"]).exits(0).json();
    assert_eq!(json["jobs"]["migrate"]["lock"], "database");
}

#[test]
fn the_schema_describes_every_section() {
    let schema = site().maint(&["config", "schema"]).exits(0).json();
    for section in REAL.parse::<toml::Table>().unwrap().keys() {
        assert!(schema["properties"][section].is_object(), "{section}");
    }
}
