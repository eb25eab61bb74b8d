//! `maint vacuum-db`: what is free goes back to the disk, and the content stays the same whatever happens.

use crate::support::{Site, can_mount, can_trace, finish, inside, is_root, leave_out, run, send, wait_until};
use rusqlite::Connection;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// True when every round is taken: that takes minutes.
fn takes_all() -> bool {
    std::env::var_os("MAINT_TEST_EVERY").is_some()
}

/// A bot's database, of which most is free: 36,000 visits were removed from it.
fn fill(path: &Path, journal: &str) {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch(&format!("PRAGMA journal_mode = {journal}; PRAGMA synchronous = OFF; PRAGMA user_version = 7; PRAGMA application_id = 99")).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE visits (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, visited_at TEXT NOT NULL);
             CREATE INDEX by_time ON visits (visited_at);
             CREATE TABLE contacts (name TEXT PRIMARY KEY) WITHOUT ROWID;
             CREATE VIEW recent AS SELECT * FROM visits WHERE visited_at > '2026';
             CREATE TRIGGER t AFTER INSERT ON contacts BEGIN SELECT 1; END;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)
             INSERT INTO visits (name, visited_at) SELECT 'visitor number ' || i || hex(randomblob(20)), '2026-01-01' FROM n;
             INSERT INTO contacts SELECT 'contact ' || id FROM visits WHERE id <= 500;
             DELETE FROM visits WHERE id % 10 > 0;",
        )
        .unwrap();
}

/// Everything that is in it, the schema and the counter of rows too.
fn content(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let rows = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let mut all = rows("PRAGMA integrity_check");
    all.extend(rows("SELECT type || name || tbl_name || coalesce(sql, '') FROM sqlite_schema ORDER BY name"));
    all.extend(rows("SELECT id || name || visited_at FROM visits ORDER BY id"));
    all.extend(rows("SELECT name FROM contacts ORDER BY name"));
    all.extend(rows("SELECT name || seq FROM sqlite_sequence"));
    all.extend(rows("SELECT cast(user_version AS TEXT) FROM pragma_user_version"));
    all.extend(rows("SELECT cast(application_id AS TEXT) FROM pragma_application_id"));
    all.extend(rows("PRAGMA journal_mode"));
    all
}

fn free_share(path: &Path) -> f64 {
    let connection = Connection::open(path).unwrap();
    let count = |name: &str| -> f64 {
        f64::from(connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i32>(0)).unwrap())
    };
    count("freelist_count") / count("page_count")
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}

/// A site whose only database is this one.
fn site_with(journal: &str, config: &str) -> (Site, PathBuf) {
    let site = Site::new(&format!("[databases.app]\nurl = \"sqlite:app.db\"\n{config}"));
    let path = site.path("app.db");
    fill(&path, journal);
    (site, path)
}

/// The only step of a report.
#[track_caller]
fn step(report: &Value) -> &Value {
    let steps = report["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 1, "{report}");
    &steps[0]
}

/// The files of the site's folder that begin so.
fn files(site: &Site, begin: &str) -> Vec<String> {
    site.tree(".").into_iter().filter(|name| name.starts_with(begin)).collect()
}

#[test]
fn what_is_free_goes_back_to_the_disk() {
    for journal in ["DELETE", "WAL"] {
        let (site, path) = site_with(journal, "");
        let (before, content_before) = (size(&path), content(&path));
        assert!(free_share(&path) > 0.8);
        let report = site.maint(&["vacuum-db", "--json"]).exits(0).json();
        assert_eq!(content(&path), content_before, "{journal}");
        let after = size(&path);
        assert!(after < before / 4, "{journal}: {before} then {after}");
        let step = step(&report);
        assert_eq!(step["outcome"], "done", "{report}");
        assert_eq!(step["size_before_bytes"], before, "{journal}: {report}");
        assert_eq!(step["size_after_bytes"], after, "{journal}: {report}");
        assert_eq!(size_or_none(&site.path("app.db-wal")), 0, "{journal}");
    }
}

fn size_or_none(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |meta| meta.len())
}

#[test]
fn a_file_alone_needs_no_configuration() {
    let site = Site::bare();
    fill(&site.path("app.db"), "DELETE");
    let content_before = content(&site.path("app.db"));
    let before = size(&site.path("app.db"));
    let _ = site.maint(&["vacuum-db", "app.db"]).exits(0);
    assert!(size(&site.path("app.db")) < before / 4);
    assert_eq!(content(&site.path("app.db")), content_before);
    assert_eq!(site.tree("."), ["app.db"]);
}

#[test]
fn several_databases_by_name_and_by_file() {
    let site = Site::new("[databases.a]\nurl = \"sqlite:a.db\"\n[databases.b]\nurl = \"sqlite:b.db\"\n");
    for name in ["a.db", "b.db", "c.db"] {
        fill(&site.path(name), "DELETE");
    }
    let before = size(&site.path("a.db"));
    let _ = site.maint(&["vacuum-db", "b", "c.db"]).exits(0);
    assert_eq!(size(&site.path("a.db")), before);
    assert!(size(&site.path("b.db")) < before / 4 && size(&site.path("c.db")) < before / 4);
    // Without a name it is not guessed which is meant.
    let ended = site.maint(&["vacuum-db"]).exits(2);
    assert!(ended.complaint().contains("database"), "{}", ended.stderr);
    assert_eq!(size(&site.path("a.db")), before);
}

#[test]
fn a_rehearsal_changes_nothing_and_names_the_database() {
    for journal in ["DELETE", "WAL"] {
        let (site, path) = site_with(journal, "");
        let (bytes, tree) = (fs::read(&path).unwrap(), site.tree("."));
        let shown = site.maint(&["vacuum-db", "-n"]).exits(0).stdout;
        assert!(shown.contains("app") && shown.contains("would "), "{shown}");
        let planned = site.maint(&["vacuum-db", "-n", "--json"]).exits(0).json();
        assert_eq!(step(&planned)["outcome"], "planned");
        assert!(fs::read(&path).unwrap() == bytes, "{journal}");
        assert_eq!(site.tree("."), tree, "{journal}");
    }
}

#[test]
fn if_needed_it_is_done_and_else_it_is_left_alone() {
    let (site, path) = site_with("DELETE", "");
    let before = size(&path);
    let _ = site.maint(&["vacuum-db", "--if-needed"]).exits(0);
    assert!(size(&path) < before / 4, "it was needed");
    let again = fs::read(&path).unwrap();
    let report = site.maint(&["vacuum-db", "--if-needed", "--json"]).exits(0).json();
    assert!(fs::read(&path).unwrap() == again, "it was not needed");
    assert!(report.to_string().contains("free"), "it does not say why: {report}");
}

#[test]
fn how_much_must_be_free_may_be_said() {
    let config = "[vacuum-db]\nfree_share = 0.95\nfree_size = \"1GB\"\n";
    let (site, path) = site_with("DELETE", config);
    let before = fs::read(&path).unwrap();
    let _ = site.maint(&["vacuum-db", "--if-needed"]).exits(0);
    assert!(fs::read(&path).unwrap() == before, "less than 95 % is free");
    let (site, path) = site_with("DELETE", &config.replace("1GB", "1MB"));
    let _ = site.maint(&["vacuum-db", "--if-needed"]).exits(0);
    assert!(free_share(&path) < 0.01, "more than 1 MB is free");
    for wrong in [
        "free_share = 1.5",
        "free_share = -0.1",
        "dead_share = 2.0",
        "free_share = nan",
        "free_size = \"-1MB\"",
    ] {
        let (site, path) = site_with("DELETE", &format!("[vacuum-db]\n{wrong}\n"));
        let before = fs::read(&path).unwrap();
        let _ = site.maint(&["vacuum-db"]).exits(2);
        assert!(fs::read(&path).unwrap() == before, "{wrong}");
    }
}

#[test]
fn statistics_are_learnt_when_asked_for() {
    let (site, path) = site_with("DELETE", "");
    let learnt = |path: &Path| {
        let connection = Connection::open(path).unwrap();
        connection
            .query_row("SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'visits'", [], |row| {
                row.get::<_, i64>(0)
            })
            .unwrap_or(0)
    };
    let _ = site.maint(&["vacuum-db", "--analyze"]).exits(0);
    assert!(learnt(&path) > 0);
}

/// In WAL mode a reader keeps the old pages; what is told is what is on the disk after the checkpoint.
#[test]
fn with_a_reader_the_sizes_are_those_after_the_checkpoint() {
    let (site, path) = site_with("WAL", "[defaults]\n");
    let before = size(&path);
    let content_before = content(&path);
    let reader = Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM visits").unwrap();
    let rows: i64 = reader.query_row("SELECT count(*) FROM visits", [], |row| row.get(0)).unwrap();
    let begin = Instant::now();
    let ended = site.maint(&["vacuum-db", "--json"]);
    assert!(begin.elapsed() < Duration::from_secs(45), "it waited {:?}", begin.elapsed());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let report = ended.json();
    let (told, there) =
        (step(&report)["size_after_bytes"].clone(), size(&path) + size_or_none(&site.path("app.db-wal")));
    assert!(told == size(&path) || told == there, "{told} is told, {there} is there: {report}");
    // The reader is not disturbed.
    assert_eq!(
        reader.query_row("SELECT count(*) FROM visits", [], |row| row.get::<_, i64>(0)).unwrap(),
        rows
    );
    reader.execute_batch("COMMIT").unwrap();
    drop(reader);
    assert_eq!(content(&path), content_before);
    let _ = site.maint(&["vacuum-db"]).exits(0);
    assert!(size(&path) < before / 4);
}

/// A reader who stays while nobody writes does not keep the file from getting small once it has gone.
#[test]
fn an_idle_connection_does_not_hinder_it() {
    for journal in ["DELETE", "WAL"] {
        let (site, path) = site_with(journal, "");
        let before = size(&path);
        let idle = Connection::open(&path).unwrap();
        let _: i64 = idle.query_row("SELECT count(*) FROM visits", [], |row| row.get(0)).unwrap();
        let _ = site.maint(&["vacuum-db"]).exits(0);
        assert!(size(&path) < before / 4, "{journal}");
        assert_eq!(
            idle.query_row("SELECT count(*) FROM visits", [], |row| row.get::<_, i64>(0)).unwrap(),
            4_000
        );
    }
}

/// A python that writes and does not end: `maint` can name it.
fn writer(site: &Site) -> std::process::Child {
    let script = "import sqlite3, time\nc = sqlite3.connect('app.db')\nc.execute('BEGIN IMMEDIATE')\n\
         c.execute(\"INSERT INTO contacts VALUES ('new')\")\nopen('started', 'w').close()\ntime.sleep(120)";
    let child = site.through("python3", &["-c", script]).stdout(Stdio::null()).spawn().unwrap();
    wait_until("the writer holds the lock", || site.path("started").exists());
    child
}

#[test]
fn a_database_that_is_being_written_is_waited_for_and_its_holder_named() {
    for journal in ["DELETE", "WAL"] {
        let site = Site::new("[databases.app]\nurl = \"sqlite:app.db\"\nbusy_timeout = \"2s\"\n");
        let path = site.path("app.db");
        fill(&path, journal);
        let content_before = content(&path);
        let mut writer = writer(&site);
        let begin = Instant::now();
        let ended = site.maint(&["vacuum-db"]).exits(1);
        let waited = begin.elapsed();
        assert!(
            (Duration::from_millis(1_800)..Duration::from_secs(8)).contains(&waited),
            "{journal}: {waited:?}"
        );
        let text = &ended.stderr;
        assert!(
            text.contains("locked") || text.contains("busy") || text.contains("holds"),
            "{journal}: {text}"
        );
        assert!(text.contains("python") && text.contains(&writer.id().to_string()), "{journal}: who? {text}");
        writer.kill().unwrap();
        writer.wait().unwrap();
        assert_eq!(content(&path), content_before, "{journal}");
        let _ = site.maint(&["vacuum-db"]).exits(0);
    }
}

#[test]
fn a_writer_who_ends_in_time_is_waited_for() {
    let (site, path) = site_with("DELETE", "");
    let before = size(&path);
    let mut writer = writer(&site);
    let child = site.start(&["vacuum-db"]);
    std::thread::sleep(Duration::from_millis(700));
    writer.kill().unwrap();
    writer.wait().unwrap();
    let _ = finish(child).exits(0);
    assert!(size(&path) < before / 4);
}

#[test]
fn what_is_no_database_is_refused_and_untouched() {
    let texts: [(&str, Vec<u8>); 6] = [
        ("text.db", b"not a database at all\n".repeat(400)),
        ("short.db", b"SQLite format 3".to_vec()),
        ("header.db", [b"SQLite format 3\0".as_slice(), &[0xff; 4_080]].concat()),
        ("zeros.db", vec![0; 8_192]),
        ("gzip.db", [&[0x1f, 0x8b, 8, 0][..], &[7; 5_000]].concat()),
        ("empty.db", Vec::new()),
    ];
    for (name, bytes) in texts {
        let site = Site::bare();
        fs::write(site.path(name), &bytes).unwrap();
        let ended = site.maint(&["vacuum-db", name]);
        let shown = format!("{name}: {} {}", ended.code, ended.stderr);
        if name == "empty.db" {
            // SQLite takes an empty file for an empty database.
            assert!(ended.code <= 2, "{shown}");
        } else {
            assert!(matches!(ended.code, 1 | 2), "{shown}");
            assert!(ended.stderr.contains(name) && !ended.stderr.contains("os error"), "{shown}");
        }
        assert!(fs::read(site.path(name)).unwrap() == bytes, "{shown}");
        assert_eq!(site.tree("."), [name], "{shown}");
    }
}

#[test]
fn a_database_that_is_absent_is_never_made() {
    let site = Site::new("[databases.app]\nurl = \"sqlite:app.db\"\n");
    for args in [&["vacuum-db"][..], &["vacuum-db", "other.db"], &["vacuum-db", "nosuch"]] {
        let ended = site.maint(args);
        assert!(matches!(ended.code, 1 | 2), "{args:?}: {} {}", ended.code, ended.stderr);
        assert_eq!(site.tree("."), ["maint.toml"], "{args:?}");
    }
    let folder = Site::bare();
    folder.folder("a.db");
    assert!(matches!(folder.maint(&["vacuum-db", "a.db"]).code, 1 | 2));
}

/// Page 3 is overwritten.
fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes[4_096 * 2..4_096 * 3].fill(0x5a);
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_damaged_database_is_left_alone_when_it_is_checked() {
    for journal in ["DELETE", "WAL"] {
        let (site, path) = site_with(journal, "");
        let _ = site.maint(&["vacuum-db", "--check"]).exits(0);
        let (site, path) = {
            drop(path);
            let (site, path) = site_with(journal, "");
            (site, path)
        };
        let _ = content(&path);
        damage(&path);
        let before = fs::read(&path).unwrap();
        let ended = site.maint(&["vacuum-db", "--check"]).exits(1);
        assert!(ended.stderr.contains("app"), "{}", ended.stderr);
        assert!(fs::read(&path).unwrap() == before, "{journal}: a damaged database was written");
    }
}

#[test]
fn a_copy_is_kept_until_it_has_succeeded() {
    let (site, path) = site_with("WAL", "[vacuum-db]\nbackup = true\n");
    let content_before = content(&path);
    let _ = site.maint(&["vacuum-db"]).exits(0);
    assert_eq!(content(&path), content_before);
    let extra: Vec<String> = files(&site, "app.db")
        .into_iter()
        .filter(|name| !name.ends_with("-wal") && !name.ends_with("-shm"))
        .collect();
    assert_eq!(extra, ["app.db"], "the copy is still there");
}

/// Killed in the middle, it leaves the copy, or nothing happened; the next run does the rest.
#[test]
fn a_copy_is_there_whenever_it_is_killed_in_the_middle() {
    let (site, path) = site_with("DELETE", "[vacuum-db]\nbackup = true\n");
    let content_before = content(&path);
    for kill in 0..10_u32 {
        let mut child =
            site.command(&["vacuum-db"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(u64::from(kill * 8)));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(content(&path), content_before, "kill {kill}");
    }
    let _ = site.maint(&["vacuum-db"]).exits(0);
    assert_eq!(content(&path), content_before);
    let left =
        files(&site, "app.db").into_iter().filter(|name| !name.ends_with("-journal")).collect::<Vec<_>>();
    assert_eq!(left, ["app.db"], "copies pile up");
}

#[test]
fn with_the_file_to_itself_a_compact_copy_takes_its_place() {
    for journal in ["DELETE", "WAL"] {
        let (site, path) = site_with(journal, "[vacuum-db]\nexclusive = true\n");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        if is_root() {
            chown(&path, Some(33), Some(4)).unwrap();
        }
        let (content_before, before, meta) = (content(&path), size(&path), fs::metadata(&path).unwrap());
        let _ = site.maint(&["vacuum-db"]).exits(0);
        let after = fs::metadata(&path).unwrap();
        assert!(after.len() < before / 4, "{journal}: {before} then {}", after.len());
        assert_eq!(
            (after.mode(), after.uid(), after.gid()),
            (meta.mode(), meta.uid(), meta.gid()),
            "{journal}"
        );
        assert_eq!(content(&path), content_before, "{journal}");
        let extra = files(&site, "app.db");
        assert!(
            extra.iter().all(|name| ["app.db", "app.db-wal", "app.db-shm"].contains(&name.as_str())),
            "{extra:?}"
        );
    }
}

#[test]
fn a_database_that_somebody_holds_is_not_exchanged_under_his_hands() {
    for journal in ["DELETE", "WAL"] {
        let (site, path) = site_with(journal, "[vacuum-db]\nexclusive = true\n");
        let (inode, content_before) = (fs::metadata(&path).unwrap().ino(), content(&path));
        let script = "import sqlite3, sys, time\nc = sqlite3.connect('app.db', isolation_level=None)\n\
             c.execute('SELECT count(*) FROM visits').fetchall()\nopen('started', 'w').close()\n\
             while not __import__('os').path.exists('go'): time.sleep(0.01)\n\
             c.execute(\"INSERT INTO contacts VALUES ('after')\")";
        let mut holder = site.through("python3", &["-c", script]).spawn().unwrap();
        wait_until("it holds the database", || site.path("started").exists());
        let ended = site.maint(&["vacuum-db", "--json"]);
        assert_eq!(ended.code, 0, "{journal}: {}", ended.stderr);
        assert_eq!(fs::metadata(&path).unwrap().ino(), inode, "{journal}: it was exchanged");
        assert!(free_share(&path) < 0.05, "{journal}: it was not vacuumed in place");
        fs::write(site.path("go"), "").unwrap();
        assert!(holder.wait().unwrap().success());
        let after = content(&path);
        assert!(after.contains(&"after".to_owned()), "{journal}: what he wrote afterwards is lost");
        assert_eq!(after.len(), content_before.len() + 1, "{journal}");
    }
}

/// Writers who come and go all the time lose nothing, whichever way is taken.
#[test]
fn writers_who_come_and_go_lose_nothing() {
    for (journal, config) in
        [("WAL", ""), ("DELETE", ""), ("WAL", "exclusive = true\n"), ("DELETE", "exclusive = true\n")]
    {
        let (site, path) = site_with(journal, &format!("[vacuum-db]\n{config}"));
        let script = "import sqlite3, os\nn = 0\nwhile not os.path.exists('go'):\n\
             \x20   c = sqlite3.connect('app.db', timeout=60)\n    c.execute('INSERT INTO contacts VALUES (?)', (f'w{n}',))\n\
             \x20   c.commit()\n    c.close()\n    n += 1\nprint(n)";
        let writer = site
            .through("python3", &["-c", script])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        for _ in 0..8 {
            let ended = site.maint(&["vacuum-db"]);
            assert!(matches!(ended.code, 0 | 1), "{}", ended.stderr);
        }
        fs::write(site.path("go"), "").unwrap();
        let written = finish(writer).exits(0).stdout.trim().parse::<usize>().unwrap();
        let there = content(&path)
            .iter()
            .filter(|row| row.strip_prefix('w').is_some_and(|rest| rest.parse::<u32>().is_ok()))
            .count();
        assert_eq!(there, written, "{journal} {config}: rows were lost");
        assert_eq!(content(&path)[0], "ok");
    }
}

/// Kills it at moments over its whole time; the content is the same each time.
fn killed(journal: &str, config: &str, kills: u32) {
    let (site, path) = site_with(journal, config);
    let original = site.around().join("original.db");
    let _ = content(&path);
    fs::copy(&path, &original).unwrap();
    let expected = content(&original);
    let restore = || {
        for end in ["-wal", "-shm", "-journal"] {
            let _ = fs::remove_file(site.path(&format!("app.db{end}")));
        }
        fs::copy(&original, &path).unwrap();
    };
    restore();
    let begin = Instant::now();
    let _ = site.maint(&["vacuum-db"]).exits(0);
    let time = begin.elapsed();
    for kill in 0..kills {
        restore();
        let mut child =
            site.command(&["vacuum-db"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(time * kill / kills);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(content(&path) == expected, "{journal} {config}, kill {kill}: the content has changed");
        let _ = site.maint(&["vacuum-db"]).exits(0);
        assert!(content(&path) == expected && free_share(&path) < 0.05, "{journal}, after kill {kill}");
    }
    let left: Vec<String> = files(&site, "")
        .into_iter()
        .filter(|name| !name.starts_with("app.db") && name != "maint.toml")
        .collect();
    assert_eq!(left, [""; 0], "left over");
}

#[test]
fn the_content_is_the_same_whenever_it_is_killed() {
    let kills = if takes_all() { 150 } else { 15 };
    for journal in ["DELETE", "WAL"] {
        killed(journal, "", kills);
        killed(journal, "[vacuum-db]\nexclusive = true\n", kills);
    }
}

#[test]
fn an_end_that_is_asked_for_leaves_the_database_whole() {
    let (site, path) = site_with("DELETE", "");
    let expected = content(&path);
    for round in 0..8 {
        let child = site.start(&["vacuum-db"]);
        std::thread::sleep(Duration::from_millis(round * 6));
        send(&child, rustix::process::Signal::TERM);
        let ended = finish(child);
        assert!(matches!(ended.code, 0 | 143), "round {round}: {} {}", ended.code, ended.stderr);
        assert!(content(&path) == expected, "round {round}");
    }
}

#[test]
fn every_failing_call_is_survived() {
    if !can_trace("a failing disk") {
        return;
    }
    let calls = "openat,pread64,pwrite64,fdatasync,fsync,ftruncate,unlink,fcntl,fallocate,renameat2,rename";
    let (step, last) = if takes_all() { (1, 2_000) } else { (23, 600) };
    for config in ["", "[vacuum-db]\nexclusive = true\n"] {
        let (site, path) = site_with("DELETE", config);
        let original = fs::read(&path).unwrap();
        let expected = content(&path);
        let mut failures = 0;
        for at in (1..last).step_by(step) {
            let error = ["EIO", "ENOSPC", "EIO"][at % 3];
            fs::write(&path, &original).unwrap();
            let (name, trace) = (path.display().to_string(), site.around().join("trace"));
            let (journal, folder) = (format!("{name}-journal"), site.root().display().to_string());
            let (seen, rule) = (format!("trace={calls}"), format!("inject={calls}:error={error}:when={at}"));
            let strace = [
                "strace",
                "-f",
                "-qq",
                "-o",
                trace.to_str().unwrap(),
                "-P",
                &name,
                "-P",
                &journal,
                "-P",
                &folder,
                "-e",
                &seen,
                "-e",
                &rule,
            ];
            let failed = run(&mut inside(&strace, &site.command(&["vacuum-db"])));
            let shown = format!("{config}{error} at call {at}: {} {}", failed.code, failed.stderr);
            if !fs::read_to_string(&trace).unwrap().contains("(INJECTED)") {
                break;
            }
            assert!(!failed.stderr.contains("panic") && !failed.stderr.contains("os error"), "{shown}");
            assert!(content(&path) == expected, "{shown}");
            assert!(
                (0..=2).contains(&failed.code) && (failed.code == 0 || !failed.stderr.is_empty()),
                "{shown}"
            );
            let _ = site.maint(&["vacuum-db"]).exits(0);
            assert!(content(&path) == expected, "the next run: {shown}");
            failures += usize::from(failed.code != 0);
        }
        assert!(failures > 0, "no call failed");
        let left: Vec<String> =
            files(&site, "").into_iter().filter(|name| name != "app.db" && name != "maint.toml").collect();
        assert_eq!(left, [""; 0]);
    }
}

#[test]
fn without_room_the_database_stays_and_the_message_says_how_much_is_needed() {
    if !can_mount() {
        return leave_out("a full disk", "not root, or no private mount namespaces here");
    }
    for (config, free) in [
        ("", 0),
        ("", 64),
        ("", 200),
        ("[vacuum-db]\nbackup = true\n", 0),
        ("[vacuum-db]\nexclusive = true\n", 0),
    ] {
        let (site, path) = site_with("DELETE", config);
        let expected = content(&path);
        let script = format!(
            "set -e
            mkdir ../small && mount -t tmpfs -o size=12m none ../small
            cp -a . ../small/ && mount --bind ../small .
            cd .; cd \"$PWD\"
            dd if=/dev/zero of=reserve bs=1k count={free} status=none
            dd if=/dev/zero of=filling bs=1k status=none || true
            rm reserve
            export TMPDIR=\"$PWD\"
            code=0; \"$@\" || code=$?
            cp app.db ../found.db; ls -A >../left; rm filling; \"$@\"; cp app.db ../next.db
            exit $code"
        );
        let vacuum = site.command(&["vacuum-db"]);
        let ended = run(&mut inside(&["unshare", "-m", "sh", "-c", &script, "sh"], &vacuum));
        let shown = format!("{config}{free} KB: {} {}", ended.code, ended.stderr);
        assert!(content(&site.around().join("found.db")) == expected, "{shown}");
        assert!(content(&site.around().join("next.db")) == expected, "{shown}");
        assert!(free_share(&site.around().join("next.db")) < 0.05, "{shown}");
        if free == 0 {
            assert_eq!(ended.code, 1, "{shown}");
            assert!(
                ended.stderr.contains("space")
                    || ended.stderr.contains("room")
                    || ended.stderr.contains("free"),
                "{shown}"
            );
        }
        let left = fs::read_to_string(site.around().join("left")).unwrap();
        assert_eq!(left, "app.db\nfilling\nmaint.toml\n", "{shown}");
    }
}

#[test]
fn at_a_limit_of_file_sizes_the_database_stays() {
    for limit in [8, 64, 256, 1_024, 4_096] {
        let (site, path) = site_with("DELETE", "");
        let expected = content(&path);
        let script = format!("ulimit -f {limit}; exec \"$@\"");
        let limited = ["sh", "-c", &script, "sh"];
        let ended = run(&mut inside(&limited, &site.command(&["vacuum-db"])));
        assert!((0..=2).contains(&ended.code), "{limit}: {} {}", ended.code, ended.stderr);
        assert!(content(&path) == expected, "{limit}: {}", ended.stderr);
        let _ = site.maint(&["vacuum-db"]).exits(0);
        assert!(content(&path) == expected);
    }
}

#[test]
fn two_at_once_are_one() {
    let (site, _) = site_with("DELETE", "");
    let children: Vec<_> = (0..8).map(|_| site.start(&["vacuum-db"])).collect();
    let codes: Vec<i32> = children.into_iter().map(|child| finish(child).code).collect();
    assert!(codes.contains(&0) && codes.iter().all(|code| [0, 75].contains(code)), "{codes:?}");
}

/// A table of which most rows are dead, one that is fresh.
#[test]
fn postgresql_tables_with_dead_rows_are_vacuumed() {
    crate::support::database::Database::each(
        "[vacuum-db]\ndead_rows = 500\ndead_share = 0.2\n",
        |site, database| {
            if database.is_sqlite() {
                return;
            }
            let tables = ["busy", "fresh"]
                .map(|name| format!("CREATE TABLE {name} (id int) WITH (autovacuum_enabled = false);"));
            database.execute(&tables.concat());
            database.execute("INSERT INTO busy SELECT generate_series(1, 5000); INSERT INTO fresh SELECT generate_series(1, 5000);");
            database.execute("DELETE FROM busy WHERE id > 1000; DELETE FROM fresh WHERE id < 10;");
            let dead = |table: &str| -> i64 {
                database.rows("SELECT pg_stat_clear_snapshot()");
                database
                    .rows(&format!("SELECT n_dead_tup FROM pg_stat_user_tables WHERE relname = '{table}'"))[0]
                    .parse()
                    .unwrap()
            };
            wait_until("PostgreSQL has counted", || dead("busy") == 4_000 && dead("fresh") == 9);
            let report = site.maint(&["vacuum-db", "--if-needed", "-n", "--json"]).exits(0).json();
            assert_eq!(dead("busy"), 4_000, "a rehearsal vacuums nothing");
            let planned = report["steps"].to_string();
            assert!(planned.contains("busy") && !planned.contains("fresh"), "{report}");
            let report = site.maint(&["vacuum-db", "--if-needed", "--json"]).exits(0).json();
            assert!(report["steps"].to_string().contains("busy"), "{report}");
            wait_until("the dead rows are gone", || dead("busy") == 0);
            assert_eq!(dead("fresh"), 9, "a fresh table was vacuumed");
            let analyzed = database.rows(
                "SELECT count(*) FROM pg_stat_user_tables WHERE relname = 'busy' AND last_vacuum IS NOT NULL",
            );
            assert_eq!(analyzed, ["1"]);
            let report = site.maint(&["vacuum-db", "--json"]).exits(0).json();
            assert!(
                report["steps"].to_string().contains("fresh"),
                "without --if-needed all tables: {report}"
            );
        },
    );
}
