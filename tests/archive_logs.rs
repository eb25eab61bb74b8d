//! `maint archive-logs`: what the containers have logged, each line once, in files that are whole.

use crate::support::docker::{Project, Service};
use crate::support::{Run, Site, can_mount, inside, is_root, leave_out, run};
use flate2::read::GzDecoder;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// All that is in the archives, in order.
fn lines(site: &Site) -> Vec<String> {
    let mut all = Vec::new();
    for name in site.tree("logs/archive") {
        let mut text = String::new();
        GzDecoder::new(fs::File::open(site.path("logs/archive").join(&name)).unwrap())
            .read_to_string(&mut text)
            .unwrap();
        all.extend(text.lines().map(str::to_owned));
    }
    all
}

/// What was logged, without time and container.
fn messages(site: &Site) -> Vec<String> {
    let message = |line: String| line.split_once(" | ").unwrap().1.to_owned();
    lines(site).into_iter().map(message).collect()
}

/// A script that plays docker: `logs` says what is in the file of that name beside it, as an engine would that ignores
/// the time; the containers are "aaaaaaaaaaaa", called "bot-api-1", and one called "bot-web-1".
fn with_docker(site: &Site, more: &str) -> PathBuf {
    let bin = site.around().join("bin");
    fs::create_dir_all(&bin).unwrap();
    let line = |id: &str, name: &str, service: &str| {
        format!(
            r#"{{"ID":"{id}","Name":"{name}","Service":"{service}","Image":"x","State":"running","Status":"Up 2 hours"}}"#
        )
    };
    let containers =
        format!("{}\n{}", line("aaaaaaaaaaaa", "bot-api-1", "api"), line("bbbbbbbbbbbb", "bot-web-1", "web"));
    let script = format!(
        "#!/bin/sh
cd '{}'; echo \"$@\" >> calls
for last; do :; done
case \"$*\" in
{more}
'compose version'*) echo 2.40.3;;
'compose'*'config'*) printf 'api\\nweb\\n';;
'compose'*' ps '*) printf '%s\\n' '{containers}';;
'info'*) cat now 2>/dev/null || echo 2026-11-20T15:02:26Z;;
'logs'*) cat \"$last.out\" 2>/dev/null; cat \"$last.err\" >&2 2>/dev/null; exit 0;;
*) exit 0;;
esac\n",
        bin.display()
    );
    fs::write(bin.join("docker"), script).unwrap();
    fs::set_permissions(bin.join("docker"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(site.path("compose.yml"), "services: {}\n").unwrap();
    bin
}

fn maint(site: &Site, bin: &Path, args: &[&str]) -> Run {
    run(site.command(args).env("PATH", format!("{}:/usr/bin:/bin", bin.display())))
}

fn now(bin: &Path, time: &str) {
    fs::write(bin.join("now"), format!("{time}\n")).unwrap();
}

#[test]
fn both_outputs_of_each_container_are_kept_with_their_times() {
    let site = Site::new("");
    let bin = with_docker(&site, "");
    fs::write(
        bin.join("aaaaaaaaaaaa.out"),
        "2026-11-20T10:00:00.5Z one\n2026-11-20T10:00:01Z two \u{1b}[31m\n",
    )
    .unwrap();
    fs::write(bin.join("aaaaaaaaaaaa.err"), "2026-11-20T10:00:02Z three\n").unwrap();
    fs::write(bin.join("bbbbbbbbbbbb.out"), "2026-11-20T10:00:03+01:00 four\n2026-11-20T10:00:04Z").unwrap();
    let report = maint(&site, &bin, &["archive-logs", "--json"]).exits(0).json();
    assert_eq!((&report["lines"], report["steps"].as_array().unwrap().len()), (&5.into(), 1), "{report}");
    let name = "test-20261120T150226Z.log.gz";
    assert_eq!(site.tree("logs/archive"), [name]);
    assert_eq!(
        fs::metadata(site.path("logs/archive").join(name)).unwrap().permissions().mode() & 0o7777,
        0o600
    );
    assert_eq!(
        lines(&site),
        [
            "2026-11-20T10:00:00.5Z bot-api-1 | one",
            "2026-11-20T10:00:01Z bot-api-1 | two \u{1b}[31m",
            "2026-11-20T10:00:02Z bot-api-1 | three",
            "2026-11-20T10:00:03+01:00 bot-web-1 | four",
            "2026-11-20T10:00:04Z",
        ]
    );
    let calls = fs::read_to_string(bin.join("calls")).unwrap();
    let call = "logs --timestamps --since 2026-11-13T15:02:26.000000000Z --until 2026-11-20T15:02:26.000000000Z aaaaaaaaaaaa";
    assert!(calls.contains(call), "{calls}");
}

#[test]
fn the_next_archive_begins_where_the_last_one_ended() {
    let site = Site::new("");
    let bin = with_docker(&site, "");
    let all: Vec<String> =
        (0..10).map(|second| format!("2026-11-20T10:00:0{second}Z line {second}\n")).collect();
    fs::write(bin.join("aaaaaaaaaaaa.out"), all.concat()).unwrap();
    for time in
        ["2026-11-20T10:00:03Z", "2026-11-20T10:00:04Z", "2026-11-20T10:00:04Z", "2026-11-20T10:00:10Z"]
    {
        now(&bin, time);
        let _ = maint(&site, &bin, &["archive-logs"]).exits(0);
    }
    let expected: Vec<String> = (0..10).map(|second| format!("line {second}")).collect();
    assert_eq!(messages(&site), expected);
    assert_eq!(site.tree("logs/archive").len(), 3);
}

#[test]
fn when_nothing_was_logged_there_is_no_file_and_the_run_says_so() {
    let site = Site::new("[archive-logs]\nwithout = [\"web\"]\n");
    let bin = with_docker(&site, "");
    fs::write(bin.join("aaaaaaaaaaaa.out"), "2026-11-20T10:00:00Z noise\n2026-11-20T10:00:01Z NOISE\n")
        .unwrap();
    fs::write(bin.join("bbbbbbbbbbbb.out"), "2026-11-20T10:00:00Z of another service\n").unwrap();
    let report = maint(&site, &bin, &["archive-logs", "--exclude", "(?i)noise", "--json"]).exits(0).json();
    assert!(report["steps"][0]["detail"].as_str().unwrap().contains("nothing was logged"), "{report}");
    assert_eq!(site.tree("logs/archive"), [""; 0]);
    let report = maint(&site, &bin, &["archive-logs", "--since", "1d", "--exclude", "^noise$", "--json"])
        .exits(0)
        .json();
    assert_eq!((&report["lines"], messages(&site)), (&1.into(), vec!["NOISE".to_owned()]));
}

#[test]
fn a_log_that_cannot_be_read_keeps_the_whole_span_for_the_next_run() {
    let site = Site::new("");
    let bin = with_docker(
        &site,
        "'logs'*bbbbbbbbbbbb) test -e fine || { echo 'Error response from daemon: configured logging driver does not support reading' >&2; exit 1; };;",
    );
    fs::write(bin.join("aaaaaaaaaaaa.out"), "2026-11-20T10:00:00Z one\n").unwrap();
    let failed = maint(&site, &bin, &["archive-logs"]).exits(1);
    assert!(
        failed.stderr.contains("the log of bot-web-1 cannot be read: Error response from daemon: configured"),
        "{}",
        failed.stderr
    );
    assert!(failed.stderr.contains("`without = [\"web\"]` in [archive-logs]"), "{}", failed.stderr);
    assert_eq!(site.tree("logs/archive"), [""; 0]);
    fs::write(bin.join("fine"), "").unwrap();
    let _ = maint(&site, &bin, &["archive-logs"]).exits(0);
    assert_eq!(messages(&site), ["one"]);
}

#[test]
fn after_a_clock_that_was_set_back_nothing_is_lost() {
    let site = Site::new("");
    let bin = with_docker(&site, "");
    now(&bin, "2026-11-20T12:00:00Z");
    fs::write(bin.join("aaaaaaaaaaaa.out"), "2026-11-20T11:00:00Z before\n").unwrap();
    let _ = maint(&site, &bin, &["archive-logs"]).exits(0);
    now(&bin, "2026-11-20T11:30:00Z");
    fs::write(bin.join("aaaaaaaaaaaa.out"), "2026-11-20T11:20:00Z after\n").unwrap();
    let report = maint(&site, &bin, &["archive-logs", "--json"]).exits(0).json();
    assert!(report["notes"][0].as_str().unwrap().contains("the clock was set back"), "{report}");
    let mut found = messages(&site);
    found.sort();
    assert_eq!(found, ["after", "before"]);
}

#[test]
fn wrong_input_is_refused_and_nothing_is_made() {
    let site = Site::new("");
    let bin = with_docker(&site, "");
    for (args, why) in [
        (["--since", "tomorrow"], "is no time"),
        (["--since", "2027-01-01"], "is not past"),
        (["--exclude", "("], "no regular expression"),
        (["--exclude", ""], "matches everything"),
    ] {
        let before = site.snapshot();
        let refused = maint(&site, &bin, &["archive-logs", args[0], args[1]]).exits(2);
        assert!(refused.complaint().contains(why), "{}", refused.stderr);
        assert_eq!(site.snapshot(), before);
    }
    fs::remove_file(site.path("compose.yml")).unwrap();
    let none = maint(&site, &bin, &["archive-logs"]).exits(2);
    assert!(none.stderr.contains("there is no Compose file"), "{}", none.stderr);
}

/// A container that says a lot: so many lines of a hundred bytes.
fn loud(lines: u32) -> String {
    format!("'logs'*aaaaaaaaaaaa) yes '2026-11-20T10:00:00Z {}' | head -n {lines}; exit 0;;", "x".repeat(78))
}

#[test]
fn a_full_disk_leaves_no_half_archive_and_the_next_run_takes_the_same_span() {
    if !is_root() || !can_mount() {
        return leave_out("archive-logs on a full disk", "not root, or no private mount namespaces here");
    }
    let site = Site::new("");
    // Random digits: nothing that could be compressed away.
    let random = "'logs'*aaaaaaaaaaaa) test -e small && { echo '2026-11-20T10:00:00Z one'; exit 0; }; head -c 3000000 /dev/urandom | od -An -tx8 -v | sed 's/^/2026-11-20T10:00:00Z/'; exit 0;;";
    let bin = with_docker(&site, random);
    site.folder("logs/archive");
    let script = "mount -t tmpfs -o size=1m none logs/archive
        \"$0\" archive-logs; echo \"ended $?\"; ls -A logs/archive; touch ../bin/small
        \"$0\" archive-logs; echo \"ended $?\"; ls -A logs/archive; zcat logs/archive/*";
    let mut command = site.command(&[]);
    command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    let ran = run(&mut inside(&["unshare", "--mount", "sh", "-c", script], &command)).exits(0);
    assert!(ran.stderr.contains("logs/archive: No space left on device"), "{}", ran.stderr);
    let expected = "ended 1\nended 0\ntest-20261120T150226Z.log.gz\n2026-11-20T10:00:00Z bot-api-1 | one\n";
    assert_eq!(ran.stdout, expected, "{}", ran.stderr);
}

#[test]
fn a_kill_at_any_moment_leaves_no_half_archive_and_loses_or_repeats_no_line() {
    let site = Site::new("");
    let bin = with_docker(&site, &loud(3_000));
    for after in (900..1_500).step_by(30) {
        let mut command = site.command(&["archive-logs"]);
        let mut child = command.env("PATH", format!("{}:/usr/bin:/bin", bin.display())).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(after));
        let _ = child.kill();
        let _ = child.wait();
    }
    let _ = maint(&site, &bin, &["archive-logs"]).exits(0);
    assert_eq!(lines(&site).len(), 3_000);
    assert_eq!(site.tree("logs/archive").len(), 1);
}

#[test]
fn a_log_of_any_length_takes_little_memory() {
    let site = Site::new("");
    // One line of 300 MB, and a million of a hundred bytes.
    let long = format!(
        "'logs'*bbbbbbbbbbbb) printf '2026-11-20T10:00:00Z '; head -c 300000000 /dev/zero | tr '\\0' y; echo; exit 0;;\n{}",
        loud(1_000_000)
    );
    let bin = with_docker(&site, &long);
    let mut command = site.command(&["archive-logs", "--json"]);
    command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    let limited = ["sh", "-c", "ulimit -v 400000; exec \"$@\"", "sh"];
    let report = run(&mut inside(&limited, &command)).exits(0).json();
    assert_eq!(report["lines"], 1_000_001, "{report}");
    assert!(report["steps"][0]["logged_bytes"].as_u64().unwrap() > 400_000_000, "{report}");
}

#[test]
fn a_real_engine_tells_each_line_once() {
    let Some(project) = Project::new(&["api"]) else { return };
    let site = Site::new(&project.config());
    fs::write(site.path("docker-compose.yml"), project.compose_file()).unwrap();
    for (path, content) in Project::files(&Service { name: "api", version: "v1" }) {
        site.file(&path, &content, 0);
    }
    let dockerfile = fs::read_to_string(site.path("api/Dockerfile")).unwrap();
    let chatter = r#"CMD ["/bin/sh", "-c", "n=0; while true; do echo line $n; echo error $n >&2; n=$((n+1)); done | while read line; do echo $line; sleep 0.01; done"]"#;
    let from = dockerfile.lines().next().unwrap();
    fs::write(site.path("api/Dockerfile"), format!("{from}\n{chatter}\n")).unwrap();
    let _ = project.compose(&site, &["up", "-d"]);
    for _ in 0..4 {
        let _ = run(&mut project.command(&site, &["archive-logs"])).exits(0);
    }
    let found = messages(&site);
    let numbers: Vec<u32> =
        found.iter().filter_map(|line| line.strip_prefix("line ")?.parse().ok()).collect();
    assert!(numbers.len() > 100, "{}", numbers.len());
    assert!(numbers.iter().enumerate().all(|(index, number)| index == *number as usize), "{numbers:?}");
    assert!(found.iter().any(|line| line.starts_with("error ")), "standard error is kept too");
}
