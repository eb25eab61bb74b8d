//! `maint crontab add` killed at any moment: the crontab is the old or the new one, and the next add works.

use crate::support::cron::{FakeCrontab, block, site};
use crate::support::{Site, can_trace, inside, run};
use std::collections::BTreeSet;
use std::fs;
use std::time::Instant;

const KILLS: u32 = 200;
const FOREIGN: &[u8] = b"# caf\xe9\n*/5 * * * * /usr/bin/true # other\n";
const JOB: &str = "[jobs.alpha]\nschedule = \"0 2 * * *\"\nshell = \"true\"\n";

/// A site and a foreign table, and what the table becomes.
fn prepared() -> (Site, FakeCrontab, Vec<u8>) {
    let (site, crontab) = site(JOB);
    crontab.is_strict();
    crontab.set(FOREIGN);
    let new = [FOREIGN, block(&site, &["alpha"]).as_bytes()].concat();
    (site, crontab, new)
}

/// After a kill: old or new, whole; then add and remove work. The table is the foreign one again.
#[track_caller]
fn is_whole_and_works(site: &Site, crontab: &FakeCrontab, new: &[u8]) -> bool {
    // The crontab program itself was not killed: it may still be about to rename its file.
    crate::support::wait_until("the crontab program has ended", || site.processes().is_empty());
    let table = crontab.table().expect("the table is gone");
    assert!(table == FOREIGN || table == new, "a torn table: {}", String::from_utf8_lossy(&table));
    let _ = site.maint(&["crontab", "add"]).exits(0);
    assert_eq!(crontab.table().unwrap(), new);
    let _ = site.maint(&["crontab", "remove"]).exits(0);
    assert_eq!(crontab.table().unwrap(), FOREIGN);
    table == new
}

#[test]
fn a_crontab_is_old_or_new_wherever_in_its_time_an_add_is_killed() {
    let sweep = |part: u32| {
        let (site, crontab, new) = prepared();
        // The least of three: one may have waited for cron to look, or for a processor.
        let times = (0..3).map(|_| {
            let start = Instant::now();
            let _ = site.maint(&["crontab", "add"]).exits(0);
            let whole = start.elapsed();
            let _ = site.maint(&["crontab", "remove"]).exits(0);
            whole
        });
        let whole = times.min().unwrap();
        let mut found = BTreeSet::new();
        for kill in (part..KILLS).step_by(2) {
            let mut child = site.start(&["crontab", "add"]);
            std::thread::sleep(whole * kill / KILLS);
            child.kill().unwrap();
            child.wait().unwrap();
            found.insert(is_whole_and_works(&site, &crontab, &new));
        }
        found
    };
    let found = std::thread::scope(|scope| {
        let sweeps = [0, 1].map(|part| scope.spawn(move || sweep(part)));
        sweeps.map(|sweep| sweep.join().unwrap()).into_iter().flatten().collect::<BTreeSet<bool>>()
    });
    assert_eq!(found.len(), 2, "the kills came all before or all after the change");
}

/// System calls that change something, or hand something to the crontab program.
const TOUCHING: [&str; 8] =
    ["openat", "write", "fsync", "fdatasync", "rename", "flock", "clone3,clone,vfork,fork", "wait4,waitid"];

#[test]
fn a_crontab_is_old_or_new_at_whichever_system_call_an_add_is_killed() {
    if !can_trace("a kill at each system call") {
        return;
    }
    let (site, crontab, new) = prepared();
    let (mut olds, mut news) = (0, 0);
    for calls in TOUCHING {
        for at in 1..100 {
            let inject = format!("inject={calls}:signal=KILL:when={at}");
            let trace = format!("trace={calls}");
            // Without -f: only maint is killed, not the program that it starts.
            let strace = ["strace", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
            let ended = run(&mut inside(&strace, &site.command(&["crontab", "add"])));
            let is_new = is_whole_and_works(&site, &crontab, &new);
            (olds, news) = if is_new { (olds, news + 1) } else { (olds + 1, news) };
            if ended.code == 0 {
                break;
            }
        }
    }
    assert!(olds > 10 && news > 1, "{olds} old and {news} new tables: the kills missed the change");
    assert_eq!(fs::read_dir(site.root()).unwrap().count(), 1, "something is left in the site's folder");
}
