//! `maint restore` onto a real disk that gets full half-way: what was there stays as it was.

use crate::support::database::Database;
use crate::support::{Run, Site, can_mount, inside, leave_out, run};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Runs `maint` where the folder "small" lies on a disk of this size, and copies to "after" what is in it then.
fn on_small_disk(site: &Site, kilobytes: usize, args: &[&str]) -> Run {
    let script = format!(
        "cp -a small kept && mount -t tmpfs -o size={kilobytes}k none small && cp -a kept/. small || exit 99
         \"$@\"; code=$?; rm -rf kept after; cp -a small after; exit $code"
    );
    let wrapper = ["unshare", "-m", "sh", "-c", &script, "sh"];
    run(inside(&wrapper, &site.command(args)).current_dir(site.root()))
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let files =
        entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()));
    // What SQLite itself keeps beside a database that is open.
    files.filter(|(name, _)| !name.ends_with("-shm") && !name.ends_with("-wal")).collect()
}

/// With each size of the disk it is done, or nothing has happened; and both are met.
fn try_sizes(site: &Site, sizes: impl Iterator<Item = usize>, args: &[&str], is_new: impl Fn(&Path) -> bool) {
    let before = files(&site.path("small"));
    let mut codes = [0; 2];
    for kilobytes in sizes {
        let run = on_small_disk(site, kilobytes, args);
        let place = format!("{kilobytes} KB: {}{}", run.stdout, run.stderr);
        assert!(run.code <= 1, "{place}");
        codes[usize::try_from(run.code).unwrap()] += 1;
        if run.code == 0 {
            assert!(is_new(&site.path("after")), "{place}");
        } else {
            assert!(files(&site.path("after")) == before, "{place}");
            assert!(run.stderr.contains("No space left on device"), "{place}");
        }
    }
    assert!(codes[0] > 0 && codes[1] > 2, "{codes:?}");
}

#[test]
fn a_sqlite_database_without_room_for_its_restore_stays_as_it_was() {
    if !can_mount() {
        return leave_out("a full disk", "no private mounts can be made here");
    }
    for mode in ["delete", "wal"] {
        let site = Site::new("[databases.app]\nurl = \"sqlite:small/app.db\"\n");
        site.folder("small");
        let database = Database::Sqlite(site.path("small/app.db"));
        database.execute(&format!("PRAGMA journal_mode = {mode}; CREATE TABLE t (a, b); INSERT INTO t SELECT 'old', randomblob(1000) FROM (WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i < 400) SELECT i FROM n)"));
        let _ = site.maint(&["backup", "db"]).exits(0);
        database.execute("UPDATE t SET a = 'new', b = randomblob(1000)");
        let is_new =
            |after: &Path| Database::Sqlite(after.join("app.db")).rows("SELECT DISTINCT a FROM t") == ["old"];
        try_sizes(&site, (500..2_900).step_by(300), &["restore", "db", "--force"], is_new);
    }
}

#[test]
fn configuration_files_without_room_for_all_stay_as_they_were() {
    if !can_mount() {
        return leave_out("a full disk", "no private mounts can be made here");
    }
    let site = Site::new("[backup]\nconfigs = [\"small/a\", \"small/b\", \"small/c\"]\n");
    for (name, length) in [("a", 10_000), ("b", 100_000), ("c", 400_000)] {
        site.file(&format!("small/{name}"), &"old".repeat(length), 1);
    }
    let _ = site.maint(&["backup", "configs"]).exits(0);
    for name in ["a", "b", "c"] {
        site.file(&format!("small/{name}"), "new", 1);
    }
    let is_new = |after: &Path| files(after).values().all(|content| content.starts_with(b"oldold"));
    try_sizes(&site, (100..2_000).step_by(200), &["restore", "configs", "--force"], is_new);
}
