//! `maint check` of who can log in: accounts, sudoers, failed logins since the last check.

use crate::check::{checked, row};
use crate::support::{Run, Site, is_root, run};
use serde_json::Value;
use std::fs;

const CONFIG: &str = "[checks.access]\naccess = true\netc = \"etc\"\nlog = \"log\"\nmax_failed_logins = 2\n";
const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/:/usr/sbin/nologin\nanna:x:1000:1000::/home/anna:/bin/bash\n";
const GROUP: &str = "root:x:0:\nsudo:x:27:anna\nusers:x:100:\n";
const SUDOERS: &str = "Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\n";
const IN: &str = "access: strangers who can log in";
const SUDO: &str = "access: strangers who may become root";

/// A site beside a machine of which only the files of accounts are there.
fn scene(config: &str) -> Site {
    let site = Site::new(&format!("{CONFIG}{config}"));
    for (path, content) in [
        ("etc/passwd", PASSWD),
        ("etc/group", GROUP),
        ("etc/shadow", "root:*:1::::::\nanna:$6$x:1::::::\n"),
        ("etc/sudoers", SUDOERS),
        ("log/auth.log", ""),
    ] {
        let _ = site.file(path, content, 0);
    }
    site
}

fn add(site: &Site, path: &str, line: &str) {
    let text = fs::read_to_string(site.path(path)).unwrap_or_default();
    let _ = site.file(path, &format!("{text}{line}\n"), 0);
}

fn detail(report: &Value, name: &str) -> String {
    row(report, name)["detail"].as_str().unwrap().to_owned()
}

#[test]
fn a_machine_as_it_was_is_well_and_says_who_is_there() {
    let site = scene("");
    for _ in 0..2 {
        let report = checked(&site, 0);
        assert_eq!(detail(&report, IN), "anna, root");
        assert_eq!(detail(&report, SUDO), "anna");
        assert_eq!(row(&report, "access: no password")["value"], 0);
        assert_eq!(row(&report, "access: failed logins")["value"], 0);
    }
}

#[test]
fn a_new_account_and_a_new_sudoer_are_told_once() {
    let site = scene("");
    let _ = checked(&site, 0);
    add(&site, "etc/passwd", "eve:x:1001:1001::/home/eve:/bin/sh");
    add(&site, "etc/sudoers.d/eve", "eve ALL=(ALL) NOPASSWD: ALL");
    add(&site, "etc/sudoers.d/left.bak", "mallory ALL=(ALL) ALL");
    let rehearsal = site.maint(&["check", "--dry-run", "--json"]).exits(3).json();
    let report = checked(&site, 3);
    for report in [&rehearsal, &report] {
        assert_eq!(detail(report, IN), "new since the last check: eve");
        assert_eq!(detail(report, SUDO), "new since the last check: eve");
    }
    let _ = checked(&site, 0);
}

#[test]
fn whoever_is_not_known_is_told_every_time() {
    let site = scene("known = [\"deploy\"]\n");
    for _ in 0..2 {
        let report = checked(&site, 3);
        assert_eq!(detail(&report, IN), "not among the known: anna");
        assert_eq!(row(&report, SUDO)["value"], 1);
    }
    let site = scene("known = [\"anna\"]\n");
    let _ = checked(&site, 0);
}

#[test]
fn a_second_root_and_an_account_without_a_password_are_bad_at_once() {
    let site = scene("");
    add(&site, "etc/passwd", "toor:x:0:0::/root:/bin/sh");
    add(&site, "etc/shadow", "toor::1::::::");
    let report = checked(&site, 3);
    assert_eq!(detail(&report, "access: second root"), "toor have the number of root");
    assert_eq!(detail(&report, "access: no password"), "toor can log in without a password");
}

#[test]
fn failed_logins_are_counted_since_the_last_check_also_in_the_log_before() {
    let site = scene("");
    let line =
        |time: &str| format!("{time} host sshd[7]: Failed password for root from 203.0.113.9 port 5 ssh2");
    add(&site, "log/auth.log.1", &line("Nov 18 16:00:00"));
    add(&site, "log/auth.log.1", &line("Nov 20 15:00:00"));
    add(&site, "log/auth.log", &line("Nov 20 15:30:00"));
    add(&site, "log/auth.log", &line("2026-11-20T15:40:00.5+01:00"));
    let report = checked(&site, 3);
    let logins = row(&report, "access: failed logins");
    assert_eq!((&logins["value"], &logins["detail"]), (&3.into(), &"3 from 203.0.113.9".into()));
    assert_eq!(row(&checked(&site, 0), "access: failed logins")["value"], 0);
}

#[test]
fn bytes_of_strangers_in_a_log_reach_no_terminal() {
    let site = scene("");
    let hostile =
        b"Nov 20 15:30:00 host sshd[7]: Invalid user \x1b[2J\xff from 203.0.113.9\x1b]0;x\x07 port 5\n";
    fs::write(site.path("log/auth.log"), hostile.repeat(5)).unwrap();
    add(&site, "etc/group", "wheel:x:9:\u{1b}[31meve");
    let run = site.maint(&["check"]);
    let shown = format!("{}{}", run.stdout, run.stderr);
    assert!(!shown.contains('\u{1b}') && !shown.contains('\u{7}'), "{shown:?}");
}

#[test]
fn without_a_log_it_is_said_that_nothing_can_be_counted() {
    let site = scene("");
    fs::remove_file(site.path("log/auth.log")).unwrap();
    let report = checked(&site, 3);
    assert_eq!(row(&report, "access: failed logins")["state"], "unknown");
    assert!(detail(&report, "access: failed logins").starts_with("there is neither auth.log nor secure"));
    let site = Site::new(CONFIG);
    assert!(detail(&checked(&site, 3), "access").contains("etc/passwd"));
}

#[test]
fn what_only_root_may_read_is_told_with_the_cure() {
    if !is_root() {
        return;
    }
    let site = scene("");
    let mut command = site.command_as_user(&["check", "--json"]);
    for path in ["etc/sudoers", "etc/shadow", "log/auth.log"] {
        let closed = site.path(path);
        std::os::unix::fs::chown(&closed, Some(0), Some(0)).unwrap();
        fs::set_permissions(&closed, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }
    let ended: Run = run(&mut command);
    let report = ended.exits(3).json();
    assert_eq!(row(&report, SUDO)["state"], "unknown");
    assert!(detail(&report, SUDO).contains("run maint as root"), "{report:#}");
    assert!(detail(&report, "access: failed logins").contains("the group adm"), "{report:#}");
    assert_eq!(row(&report, IN)["state"], "ok");
}
