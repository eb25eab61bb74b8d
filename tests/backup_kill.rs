//! `maint backup` killed at any moment: every backup that is listed is whole, and nothing is left over.

use crate::support::database::Database;
use crate::support::{Site, can_trace, inside, run};
use std::fs;
use std::time::{Duration, Instant};

const CALLS: &str =
    "openat,write,pwrite64,fsync,fdatasync,mkdir,mkdirat,renameat2,rename,unlink,unlinkat,ftruncate,flock";

fn site() -> Site {
    let site = Site::new(
        "[databases.app]\nurl = \"sqlite:db.sqlite3\"\n[backup]\nconfigs = [\"a.txt\"]\nkeep_daily = 0\nkeep_weekly = 0\nkeep_monthly = 0\n",
    );
    let database = Database::sqlite(&site);
    database.execute("CREATE TABLE blobs (b); INSERT INTO blobs SELECT randomblob(3000) FROM (WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i < 300) SELECT i FROM n)");
    site.file("a.txt", "a\n", 1);
    site
}

/// Every listed backup verifies, there is one of each, and the next run leaves nothing but backups.
fn check(site: &Site, place: &str) -> usize {
    let verified = site.maint(&["backup", "verify"]);
    assert_eq!(verified.code, 0, "{place}: {}{}", verified.stdout, verified.stderr);
    let list = site.maint(&["backup", "list", "--json"]).exits(0).json();
    let count = list.as_array().unwrap().len();
    for kind in ["db", "configs"] {
        assert!(list.as_array().unwrap().iter().any(|row| row["kind"] == kind), "{place}: no {kind} is left");
    }
    let _ = site.maint(&["backup"]).exits(0);
    let left: Vec<String> = fs::read_dir(site.path("backups"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(left.len() == 2 && left.iter().all(|name| !name.starts_with('.')), "{place}: {left:?}");
    count
}

#[test]
fn every_listed_backup_is_whole_whenever_a_run_is_killed() {
    let site = site();
    let _ = site.maint(&["backup"]).exits(0);
    let begin = Instant::now();
    let _ = site.maint(&["backup"]).exits(0);
    let time = begin.elapsed().max(Duration::from_millis(20));
    let kills = if std::env::var_os("MAINT_TEST_EVERY").is_some() { 200 } else { 30 };
    let mut counts = [0; 5];
    for kill in 0..kills {
        let mut child = site.command(&["backup"]).spawn().unwrap();
        std::thread::sleep(time * kill / kills);
        child.kill().unwrap();
        child.wait().unwrap();
        counts[check(&site, &format!("kill {kill}")).min(4)] += 1;
    }
    assert_eq!(counts[0] + counts[1], 0, "{counts:?}");
}

#[test]
fn every_listed_backup_is_whole_at_whichever_call_a_run_is_killed_or_fails() {
    if !can_trace("a kill at each changing call") {
        return;
    }
    let step = if std::env::var_os("MAINT_TEST_EVERY").is_some() { 1 } else { 9 };
    for rule in ["signal=KILL", "error=EIO", "error=ENOSPC"] {
        let site = site();
        let _ = site.maint(&["backup"]).exits(0);
        let mut met = 0;
        for at in (1..2_000).step_by(step) {
            let inject = format!("inject={CALLS}:{rule}:when={at}");
            let trace = site.around().join("trace");
            let wrapper = [
                "strace",
                "-f",
                "-qq",
                "-o",
                trace.to_str().unwrap(),
                "-e",
                &format!("trace={CALLS}"),
                "-e",
                &inject,
            ];
            let run = run(&mut inside(&wrapper, &site.command(&["backup"])));
            let traced = fs::read_to_string(&trace).unwrap_or_default();
            let is_met = if rule.starts_with("signal") {
                traced.contains("SIGKILL")
            } else {
                traced.contains("(INJECTED)")
            };
            if !is_met {
                break;
            }
            met += 1;
            let place = format!("{rule} at call {at}: {}", run.stderr);
            assert!(!run.stderr.contains("panicked"), "{place}");
            check(&site, &place);
        }
        assert!(met >= 5, "{rule}: only {met} calls were met");
    }
}

#[test]
fn a_prune_that_is_killed_leaves_whole_backups_and_the_newest() {
    let site = Site::new("[backup]\nconfigs = [\"a.txt\"]\nkeep_last = 100\n");
    site.file("a.txt", "a\n", 1);
    let args = ["backup", "prune", "--keep-last=1", "--keep-daily=0", "--keep-weekly=0", "--keep-monthly=0"];
    let kills = if std::env::var_os("MAINT_TEST_EVERY").is_some() { 200 } else { 20 };
    let mut removed = 0;
    for kill in 0..kills {
        for _ in 0..6 {
            let _ = site.maint(&["backup", "configs"]).exits(0);
        }
        let newest = fs::read_dir(site.path("backups")).unwrap().count();
        let mut child = site.command(&args).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(25) * kill / kills);
        child.kill().unwrap();
        child.wait().unwrap();
        let place = format!("kill {kill}");
        let verified = site.maint(&["backup", "verify"]);
        assert_eq!(verified.code, 0, "{place}: {}{}", verified.stdout, verified.stderr);
        let list = site.maint(&["backup", "list", "--json"]).exits(0).json();
        let left = list.as_array().unwrap().len();
        removed += usize::from(left < newest);
        assert!(left >= 1, "{place}: nothing is left");
        let _ = site.maint(&args).exits(0);
        // What the killed run had begun to remove goes with the next backup.
        let _ = site.maint(&["backup", "configs"]).exits(0);
        let names = site.tree("backups");
        assert!(names.iter().all(|name| !name.starts_with('.')), "{place}: {names:?}");
        let _ = site.maint(&args).exits(0);
    }
    assert!(removed > 0, "no kill came late enough to remove anything");
}
