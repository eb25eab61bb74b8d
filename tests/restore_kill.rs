//! `maint restore` killed at any moment: the original is whole or what was restored is, and the next restore succeeds.

use crate::support::database::Database;
use crate::support::{Site, can_trace, inside, run, snapshot};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const CALLS: &str = "openat,write,pwrite64,fsync,fdatasync,mkdir,mkdirat,renameat2,rename,unlink,unlinkat,ftruncate,fchmod,fchown,link";
const ROWS: &str = "SELECT count(*), sum(length(b)), min(a), max(a) FROM blobs";

fn is_thorough() -> bool {
    std::env::var_os("MAINT_TEST_EVERY").is_some()
}

fn with_blobs(database: &Database) {
    let b = if database.is_sqlite() { "hex(randomblob(1500))" } else { "repeat(md5(i::text), 90)" };
    database.execute(&format!(
        "CREATE TABLE blobs (a text, b text); INSERT INTO blobs SELECT 'old', {b} FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) SELECT i FROM n) AS n"
    ));
}

/// Changes what is there, so that a restore has something to do.
fn spoil(site: &Site, database: &Database) {
    database.execute("DROP TABLE IF EXISTS blobs; CREATE TABLE blobs (a text, b text); INSERT INTO blobs VALUES ('new', 'spoilt')");
    fs::write(site.path("a.txt"), "spoilt\n").unwrap();
}

/// Old or new, never half; and the next restore leaves nothing but what was backed up.
fn check(site: &Site, database: &Database, (old, new): (&[String], &[String]), place: &str) {
    let rows = database.rows(ROWS);
    assert!(rows == old || rows == new, "{place}: {rows:?}");
    let text = fs::read_to_string(site.path("a.txt")).unwrap();
    assert!(["a\n", "spoilt\n"].contains(&text.as_str()), "{place}: {text:?}");
    for kind in ["db", "configs"] {
        let again = site.maint(&["restore", kind, "--force"]);
        assert_eq!(again.code, 0, "{place}: {}{}", again.stdout, again.stderr);
    }
    assert_eq!(database.rows(ROWS), old, "{place}");
    assert_eq!(fs::read_to_string(site.path("a.txt")).unwrap(), "a\n", "{place}");
    let odd: Vec<String> = site
        .tree("")
        .into_iter()
        .filter(|name| name.contains(".maint-") || name.contains("-journal"))
        .collect();
    assert_eq!(odd, [] as [String; 0], "{place}");
}

#[test]
fn a_restore_that_is_killed_at_any_time_leaves_the_old_or_the_new() {
    Database::each("[backup]\nconfigs = [\"a.txt\"]\n", |site, database| {
        with_blobs(database);
        site.file("a.txt", "a\n", 1);
        let _ = site.maint(&["backup"]).exits(0);
        let old = database.rows(ROWS);
        spoil(site, database);
        let new = database.rows(ROWS);
        let begin = Instant::now();
        let _ = site.maint(&["restore", "db", "--force"]).exits(0);
        let time = begin.elapsed().max(Duration::from_millis(20));
        let kills = if is_thorough() { 100 } else { 8 };
        for kill in 0..kills {
            spoil(site, database);
            let kind = if kill % 4 == 3 { "configs" } else { "db" };
            let mut command = site.command(&["restore", kind, "--force"]);
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(time * kill / kills);
            child.kill().unwrap();
            child.wait().unwrap();
            if let Database::Postgres(url) = database {
                wait_for_the_name(url);
            }
            check(site, database, (&old, &new), &format!("kill {kill} of {kind}"));
        }
        if let Database::Postgres(url) = database {
            let name = url.rsplit_once('/').unwrap().1;
            let left = database
                .rows(&format!("SELECT datname FROM pg_database WHERE datname LIKE '{name}\\_maint%'"));
            assert_eq!(left, [] as [String; 0]);
        }
    });
}

/// The server may be about to change the names, or to let nobody in.
fn wait_for_the_name(url: &str) {
    crate::support::wait_until("the database is there", || {
        postgres::Client::connect(url, postgres::NoTls).is_ok()
    });
}

#[test]
fn a_restore_leaves_the_old_or_the_new_at_whichever_call_it_is_killed_or_fails() {
    if !can_trace("a kill at each changing call of a restore") {
        return;
    }
    let step = if is_thorough() { 1 } else { 23 };
    for (rule, kind) in
        [("signal=KILL", "db"), ("signal=KILL", "configs"), ("error=ENOSPC", "db"), ("error=EIO", "configs")]
    {
        let site = Site::in_memory(
            "[databases.app]\nurl = \"sqlite:db.sqlite3\"\n[backup]\nconfigs = [\"a.txt\"]\n",
        );
        let database = Database::sqlite(&site);
        with_blobs(&database);
        site.file("a.txt", "a\n", 1);
        let _ = site.maint(&["backup"]).exits(0);
        let old = database.rows(ROWS);
        let mut met = 0;
        for at in (1..2_000).step_by(step) {
            spoil(&site, &database);
            let new = database.rows(ROWS);
            let (trace, inject) = (site.around().join("trace"), format!("inject={CALLS}:{rule}:when={at}"));
            let calls = format!("trace={CALLS}");
            let wrapper = ["strace", "-f", "-qq", "-o", trace.to_str().unwrap(), "-e", &calls, "-e", &inject];
            let run = run(&mut inside(&wrapper, &site.command(&["restore", kind, "--force"])));
            let traced = fs::read_to_string(&trace).unwrap_or_default();
            let sign = if rule.starts_with("signal") { "SIGKILL" } else { "(INJECTED)" };
            if !traced.contains(sign) {
                break;
            }
            met += 1;
            let place = format!("{rule} at call {at} of {kind}: {}", run.stderr);
            assert!(!run.stderr.contains("panicked"), "{place}");
            check(&site, &database, (&old, &new), &place);
        }
        assert!(met >= 2, "{rule}: only {met} calls were met");
    }
}

/// The script that replaces what is in a volume.
const SCRIPT: &str = include_str!("../src/world/docker/volume/replace.sh");

fn script(place: &Path, words: &[&str]) -> Command {
    let mut command = Command::new("setsid");
    command.args(["sh", "-c", SCRIPT, "sh"]).args(words).current_dir(place).stderr(Stdio::null());
    command
}

/// What is in a folder by its names and contents.
fn content(place: &Path) -> BTreeMap<PathBuf, String> {
    snapshot(place).into_iter().filter(|(path, _)| path != place).collect()
}

fn make(place: &Path, text: &str, names: std::ops::Range<u32>) {
    for number in names {
        fs::create_dir_all(place.join(format!("d {number}/.x"))).unwrap();
        fs::write(place.join(format!("d {number}/.x/-f")), text).unwrap();
        fs::write(place.join(format!(".h{number}")), text).unwrap();
        fs::write(place.join(format!("..{number}\n")), text).unwrap();
    }
    std::os::unix::fs::symlink("nowhere", place.join("-dangling")).unwrap();
}

#[test]
fn the_content_of_a_volume_is_the_old_or_the_new_whenever_the_script_is_killed() {
    let kills = if is_thorough() { 200 } else { 40 };
    let (mut olds, mut news) = (0, 0);
    let mut time = Duration::from_millis(60);
    for kill in 0..kills {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("volume");
        fs::create_dir(&place).unwrap();
        make(&place, "old", 0..8);
        crate::support::set_modified(&place, 1_000_000_000);
        let old = content(&place);
        assert!(script(&place, &["prepare"]).status().unwrap().success());
        make(&place.join(".maint-restore/new"), "new", 4..13);
        let new: Vec<PathBuf> = content(&place.join(".maint-restore/new")).into_keys().collect();
        let begun = Instant::now();
        let becomes = "0:0 750 1100000000 2004-11-09 11:33:20.5 +0000";
        let mut child = script(&place, &["switch", becomes]).spawn().unwrap();
        if kill > 0 {
            std::thread::sleep(time * kill / kills);
            let group = rustix::process::Pid::from_child(&child);
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = child.wait().unwrap();
        if kill == 0 {
            time = begun.elapsed();
        }
        assert!(script(&place, &["settle"]).status().unwrap().success(), "kill {kill}");
        let now = content(&place);
        if now == old {
            olds += 1;
            let modified = fs::metadata(&place).unwrap().modified().unwrap();
            assert_eq!(
                modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs(),
                1_000_000_000,
                "kill {kill}"
            );
        } else {
            assert_eq!(now.len(), new.len(), "kill {kill}: {now:?}");
            assert!(now.keys().all(|path| !path.ends_with(".maint-restore")), "kill {kill}");
            assert!(!place.join("d 0").exists() && place.join("d 12").exists(), "kill {kill}");
            news += 1;
        }
    }
    assert!(olds >= 2 && news >= 2, "{olds} old, {news} new");
}
