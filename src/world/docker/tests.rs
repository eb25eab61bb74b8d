//! Programs in the place of docker, which tell how they were called and answer as real ones did.

use super::call::Surroundings;
use super::place::Place;
use super::program::Program;
use super::*;
use crate::engine::apply::Permit;
use crate::world::{Place as Where, World};
use std::fs::{read_to_string, write};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Instant;
use tempfile::TempDir;

/// A site with a docker that runs this script; `$HERE` is its folder.
struct Site {
    folder: TempDir,
    world: World,
    compose: Compose,
}

#[expect(clippy::disallowed_methods, reason = "the test makes what it needs")]
fn site(script: &str, is_first: bool) -> Site {
    let folder = tempfile::tempdir().unwrap();
    let docker = folder.path().join("docker");
    let here = folder.path().display();
    let script = format!("#!/bin/sh\nHERE='{here}'\necho \"$*\" >>\"$HERE/calls\"\n{script}\n");
    write(&docker, script).unwrap();
    std::fs::set_permissions(&docker, std::fs::Permissions::from_mode(0o755)).unwrap();
    let root = Some(folder.path().to_owned());
    let world = World::without_site(&Where { root, ..Where::default() }).unwrap();
    let place = Place { folder: folder.path().to_owned(), file: None, project: Some("Bot".to_owned()) };
    let surroundings = Surroundings {
        folder: folder.path().to_owned(),
        patience: Duration::from_secs(10),
        hidden: vec!["HOME".to_owned(), "PATH".to_owned()],
        shown: vec!["PATH".to_owned()],
    };
    let program = Program { path: docker.clone(), is_plugin: !is_first, is_first };
    let compose = Compose { place, program, docker: Some(docker), surroundings };
    Site { folder, world, compose }
}

impl Site {
    #[expect(clippy::disallowed_methods, reason = "the test reads what it made")]
    fn calls(&self) -> Vec<String> {
        read_to_string(self.folder.path().join("calls")).unwrap().lines().map(str::to_owned).collect()
    }

    fn containers(&self) -> anyhow::Result<Vec<Container>> {
        self.compose.containers(&self.world)
    }
}

const ONE: &str = r#"{"ID":"aaaa","Name":"bot-api-1","Service":"api","State":"running","Health":"","ExitCode":0,"Status":"Up 2 hours"}"#;

#[test]
fn compose_2_is_asked_for_json_and_docker_for_what_it_leaves_out() {
    let site = site(
        &format!(
            r#"case "$*" in
            *" ps "*) echo 'time="x" level=warning msg="obsolete"' >&2; echo '{ONE}' ;;
            inspect*) echo '[{{"Id":"aaaabbbb","RestartCount":2,"State":{{"Status":"running"}}}}]' ;;
            stats*) echo '{{"ID":"aaaa","CPUPerc":"1.50%","MemUsage":"1MiB / 2MiB"}}' ;;
            *) exit 9 ;;
            esac"#
        ),
        false,
    );
    let found = site.containers().unwrap();
    assert_eq!((found[0].id.as_str(), found[0].restarts), ("aaaabbbb", 2));
    let usage = site.compose.usage(&site.world, &found).unwrap();
    assert_eq!(usage["aaaabbbb"].memory_bytes, 1 << 20);
    assert_eq!(
        site.calls(),
        [
            "compose -p Bot ps -a --format json",
            "inspect aaaa",
            "stats --no-stream --format {{json .}} aaaabbbb",
        ]
    );
}

#[test]
fn docker_is_asked_for_the_containers_of_compose_1_by_their_label() {
    let site = site("", true);
    assert_eq!(site.containers().unwrap().len(), 0);
    assert_eq!(site.calls(), ["ps -a --filter label=com.docker.compose.project=bot --format {{json .}}"]);
}

#[test]
fn a_docker_that_cannot_inspect_or_measure_leaves_what_is_known() {
    let site = site(&format!("case \"$*\" in *' ps '*) echo '{ONE}' ;; *) exit 1 ;; esac"), false);
    let found = site.containers().unwrap();
    assert_eq!(found[0].uptime, Some(Duration::from_hours(2)));
    assert_eq!(site.compose.usage(&site.world, &found).unwrap().len(), 0);
}

#[test]
fn a_docker_that_fails_or_answers_nonsense_or_never_is_an_error_of_one_line() {
    for (script, expected) in [
        ("echo 'no such thing' >&2; exit 1", "no such thing"),
        ("exit 3", "docker compose ps ended with exit code 3 and said nothing"),
        (
            "echo NAME STATE",
            "docker compose ps answers with what is not JSON: expected value at line 1 column 1",
        ),
        ("kill -9 $$", "docker compose ps was killed"),
    ] {
        assert_eq!(site(script, false).containers().unwrap_err().to_string(), expected);
    }
    let mut mute = site("sleep 60", false);
    mute.compose.surroundings.patience = Duration::from_millis(200);
    let error = crate::error::one_line(&mute.containers().unwrap_err());
    assert!(
        error.starts_with("docker compose ps: ") && error.ends_with("did not end within 200 ms"),
        "{error}"
    );
}

#[test]
fn changes_are_called_for_by_their_words_and_by_nothing_more() {
    let site = site("", false);
    let (world, compose, permit) = (&site.world, &site.compose, &Permit::of_a_test());
    let (limit, api) = (Duration::from_secs(10), ["api".to_owned()]);
    compose.build(world, &[], limit, permit).unwrap();
    compose.build(world, &api, limit, permit).unwrap();
    compose.up(world, &[], false, limit, permit).unwrap();
    compose.up(world, &[], true, limit, permit).unwrap();
    compose.up(world, &api, false, limit, permit).unwrap();
    compose.up(world, &api, true, limit, permit).unwrap();
    compose.tag(world, "sha256:ff", "bot-api", permit).unwrap();
    assert_eq!(
        site.calls(),
        [
            "compose -p Bot build",
            "compose -p Bot build api",
            "compose -p Bot up -d --remove-orphans",
            "compose -p Bot up -d --remove-orphans --force-recreate",
            "compose -p Bot up -d api",
            "compose -p Bot up -d --no-deps --force-recreate api",
            "tag sha256:ff bot-api",
        ]
    );
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test takes the time")]
fn a_change_that_fails_or_takes_too_long_is_told_and_leaves_nothing_running() {
    let permit = &Permit::of_a_test();
    let failing = site("echo step 1; echo 'ERROR: for api  no such network' >&2; exit 1", false);
    let build =
        |site: &Site, limit| site.compose.build(&site.world, &[], limit, permit).unwrap_err().to_string();
    assert_eq!(build(&failing, Duration::from_secs(10)), "docker compose build: for api  no such network");
    let slow = site("(sleep 1; echo late >\"$HERE/late\") & sleep 60", false);
    let began = Instant::now();
    assert_eq!(build(&slow, Duration::from_millis(300)), "docker compose build was ended after 300 ms");
    assert!(began.elapsed() < Duration::from_secs(10));
    std::thread::sleep(Duration::from_millis(1_200));
    assert!(!slow.folder.path().join("late").exists());
}

#[test]
fn docker_does_not_see_what_is_hidden_but_for_what_it_is_to_see() {
    let site = site("echo \"HOME=$HOME PATH=${PATH:+set}\"", false);
    assert_eq!(site.compose.services(&site.world).unwrap(), ["HOME= PATH=set"]);
}

#[test]
fn a_file_that_uses_a_secret_that_nobody_passes_on_is_refused() {
    let warning = "time=\"x\" level=warning msg=\"The \\\"HOME\\\" variable is not set.\"";
    let mut site = site(&format!("echo '{warning}' >&2"), false);
    let error = site.compose.check(&site.world).unwrap_err().to_string();
    assert!(error.starts_with("the Compose file uses $HOME, a secret"), "{error}");
    site.compose.surroundings.shown.push("HOME".to_owned());
    site.compose.check(&site.world).unwrap();
}

#[test]
fn the_lines_of_a_log_are_escaped_and_cut() {
    let site = site(
        "echo 'Attaching to x'; printf 'api-1 | a\\033[2Jb\\n'; head -c 5000 /dev/zero | tr '\\0' x",
        false,
    );
    let lines = site.compose.log(&site.world, "api", 10).unwrap();
    assert_eq!(lines[0], "api-1 | a\\x1b[2Jb");
    assert_eq!((lines.len(), lines[1].chars().count()), (2, 1_000));
    assert_eq!(site.calls(), ["compose -p Bot logs --no-color --tail 10 api"]);
}
