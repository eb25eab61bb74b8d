//! One run at a time, whatever happens to the run before.

use crate::support::{Site, WAIT, finish, send};
use rusqlite::Connection;
use rustix::process::Signal;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Child;
use std::time::{Duration, Instant};

/// A site whose job "wait" is to be held; `rest` follows.
fn site(rest: &str) -> Site {
    Site::new(&format!("[jobs.wait]\nshell = \"{WAIT}\"\n{rest}"))
}

#[test]
fn of_a_hundred_starts_at_once_one_runs_and_the_others_name_it() {
    for _ in 0..3 {
        let site = site("");
        let start = Instant::now();
        let mut running: Vec<Child> = (0..100).map(|_| site.start(&["run", "wait"])).collect();
        let mut skipped = Vec::new();
        while running.len() > 1 {
            assert!(start.elapsed() < Duration::from_secs(20), "{} still run", running.len());
            let ended;
            (ended, running) = running.into_iter().partition(has_ended);
            skipped.extend(ended);
        }
        let holder = running.remove(0);
        let message = format!(
            "maint: wait: skipped: wait is running (lock wait, pid {}, since 2026-11-20 16:02:26 CET)\n",
            holder.id()
        );
        for child in skipped {
            assert_eq!(finish(child).exits(75).stderr, message);
        }
        site.release(holder);
        let done = site.history().iter().filter(|run| run["status"] == "done").count();
        assert_eq!(done, 1);
    }
}

fn has_ended(child: &Child) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    stat[stat.rfind(')').unwrap()..].starts_with(") Z")
}

#[test]
fn a_run_killed_at_any_moment_leaves_the_next_one_free_and_the_database_whole() {
    const KILLS: u32 = 100;
    let sweep = || {
        let site = Site::new("[jobs.quick]\nshell = \"true\"\n");
        let start = Instant::now();
        let _ = site.maint(&["run", "quick"]).exits(0);
        let whole = start.elapsed();
        for kill in 0..KILLS {
            let mut child = site.start(&["run", "quick"]);
            std::thread::sleep(whole * kill / KILLS);
            child.kill().unwrap();
            child.wait().unwrap();
            let _ = site.maint(&["run", "quick"]).exits(0);
            if kill % 10 == 9 {
                assert_eq!(site.maint(&["locks"]).exits(0).stdout, "nothing is running\n");
                assert!(site.history().iter().all(|run| run["status"] != "running"));
                let database = Connection::open(site.state().join("state.db")).unwrap();
                let check: String =
                    database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
                assert_eq!(check, "ok");
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(sweep);
        scope.spawn(sweep);
    });
}

#[test]
fn a_living_process_that_only_has_the_number_of_a_dead_holder_does_not_block() {
    let site = site("");
    let child = site.hold("wait");
    send(&child, Signal::KILL);
    let _ = finish(child);
    // The dead run gets the number of process 1, in the lock and in the history.
    let lock = site.state().join("locks/wait.lock");
    let mut holder: serde_json::Value = serde_json::from_slice(&fs::read(&lock).unwrap()).unwrap();
    holder["pid"] = 1.into();
    fs::write(&lock, holder.to_string()).unwrap();
    let database = Connection::open(site.state().join("state.db")).unwrap();
    assert_eq!(database.execute("UPDATE runs SET pid = 1 WHERE status = 'running'", []).unwrap(), 1);
    assert_eq!(site.maint(&["locks"]).exits(0).stdout, "nothing is running\n");
    fs::write(site.path("go"), "").unwrap();
    let _ = site.maint(&["run", "wait"]).exits(0);
}

#[test]
fn a_lock_that_nobody_has_signed_is_waited_for_a_moment_and_then_skipped() {
    let site = Site::new("[jobs.job]\nshell = \"true\"\n");
    let _ = site.maint(&["run", "job"]).exits(0);
    let lock = fs::File::open(site.state().join("locks/job.lock")).unwrap();
    lock.lock().unwrap();
    let run = site.maint(&["run", "job"]).exits(75);
    assert_eq!(run.complaint(), "job: skipped: another run holds the lock job");
    let run = site.start(&["run", "job"]);
    std::thread::sleep(Duration::from_millis(200));
    lock.unlock().unwrap();
    let _ = finish(run).exits(0);
}

#[test]
fn a_lock_that_leads_elsewhere_is_refused_and_its_target_stays_as_it_is() {
    let site = Site::new("[jobs.job]\nshell = \"touch ran\"\n");
    let target = site.file("precious", "as it was", 0);
    let lock = site.state().join("locks/job.lock");
    let _ = site.maint(&["pause", "job", "--until", "1s"]).exits(0);
    for make in [|target, lock| symlink(target, lock), |target, lock| fs::hard_link(target, lock)] {
        let _: std::io::Result<()> = fs::remove_file(&lock);
        make(&target, &lock).unwrap();
        let run = site.maint(&["run", "job", "--yes"]).exits(2);
        assert!(run.complaint().starts_with(&format!("the lock {} is not a plain file", lock.display())));
        assert_eq!(fs::read_to_string(&target).unwrap(), "as it was");
    }
    assert!(!site.path("ran").exists());
}

#[test]
fn jobs_with_the_same_lock_exclude_each_other_and_others_do_not() {
    let site = Site::new(&format!(
        "[jobs.wait]\nshell = \"{WAIT}\"\nlock = \"database\"\n\
         [jobs.same]\nshell = \"touch same\"\nlock = \"database\"\n[jobs.other]\nshell = \"touch other\"\n"
    ));
    let child = site.hold("wait");
    let run = site.maint(&["run", "same"]).exits(75);
    assert!(
        run.complaint().starts_with("same: skipped: wait is running (lock database, pid "),
        "{}",
        run.stderr
    );
    let _ = site.maint(&["run", "other"]).exits(0);
    assert!(!site.path("same").exists());
    site.release(child);
    let _ = site.maint(&["run", "same"]).exits(0);
}

#[test]
fn jobs_with_the_same_command_and_the_command_itself_exclude_each_other() {
    let site = Site::new(&format!(
        "[jobs.wait]\nshell = \"{WAIT}\"\nlock = \"cleanup-temp\"\n[cleanup-temp]\npaths = [\"tmp\"]\n\
         [jobs.one]\ncommand = \"cleanup-temp --auto\"\n[jobs.two]\ncommand = \"cleanup-temp --age-hours=2 --auto\"\n"
    ));
    let child = site.hold("wait");
    for args in [&["run", "one"] as &[&str], &["run", "two"], &["cleanup-temp", "--auto"]] {
        let run = site.maint(args).exits(75);
        assert!(run.complaint().contains("(lock cleanup-temp, pid "), "{}", run.stderr);
    }
    site.release(child);
}

#[test]
fn without_its_lock_file_a_run_is_still_the_only_one() {
    let site = site("");
    let child = site.hold("wait");
    fs::remove_file(site.state().join("locks/wait.lock")).unwrap();
    let run = site.maint(&["run", "wait"]).exits(75);
    assert!(run.complaint().contains(&format!("pid {}", child.id())), "{}", run.stderr);
    site.release(child);
    let _ = site.maint(&["run", "wait"]).exits(0);
}

#[test]
fn where_no_lock_can_be_taken_nothing_runs() {
    let site = Site::new("[jobs.job]\nshell = \"touch ran\"\n");
    let _ = site.maint(&["run", "job", "-n"]).exits(0);
    fs::create_dir(site.state()).unwrap();
    fs::write(site.state().join("locks"), "").unwrap();
    let run = site.maint(&["run", "job"]).exits(2);
    assert!(run.complaint().contains(site.state().to_str().unwrap()), "{}", run.stderr);
    assert!(!site.path("ran").exists());
}
