//! `maint backup`: what is made is whole, what is damaged is found, and no failure leaves anything that is listed.

use crate::support::database::Database;
use crate::support::{Site, WAIT, can_mount, inside, leave_out, run};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

const CONFIGS: &str = "[backup]\nconfigs = [\".env\", \"app.ini\"]\n";

/// A site with two configuration files.
fn site(rest: &str) -> Site {
    let site = Site::new(&format!("{CONFIGS}{rest}"));
    site.file(".env", "SECRET_KEY=hidden\n", 1);
    fs::set_permissions(site.path(".env"), fs::Permissions::from_mode(0o600)).unwrap();
    site.file("app.ini", "[app]\n", 1);
    site
}

fn list(site: &Site) -> Vec<Value> {
    let Value::Array(rows) = site.maint(&["backup", "list", "--json"]).exits(0).json() else {
        panic!("no array")
    };
    rows
}

fn ids(site: &Site) -> Vec<String> {
    list(site).iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

/// Runs on the folder of a backup as its owner would.
fn in_backups(site: &Site, line: &str) -> String {
    let output = Command::new("sh").args(["-c", line]).current_dir(site.path("backups")).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_backup_of_each_database_is_whole_and_can_be_read_without_maint() {
    Database::each("", |site, database| {
        database.execute("INSERT INTO authentication_user VALUES (1, 'anna', true), (2, 'béa', false)");
        let report = site.maint(&["backup", "db", "--json"]).exits(0).json();
        let step = &report["steps"][0];
        assert_eq!(
            (&step["action"], &step["kind"], &step["name"]),
            (&"back-up".into(), &"db".into(), &"app".into())
        );
        let id = step["id"].as_str().unwrap();
        assert_eq!(ids(site), [id]);
        in_backups(site, &format!("cd {id} && sha256sum -c SHA256SUMS"));
        let text = if database.is_sqlite() {
            in_backups(site, &format!("zstd -dqf {id}/app.db.zst -o ../copy.db && sqlite3 ../copy.db .dump"))
        } else {
            in_backups(site, &format!("zstd -dcq {id}/app.dump.zst | pg_restore -f -"))
        };
        assert!(text.contains("anna") && text.contains("béa"), "{text}");
        let _ = site.maint(&["backup", "verify"]).exits(0);
        for name in ["", "manifest.json", "SHA256SUMS"] {
            let mode = fs::metadata(site.path(&format!("backups/{id}/{name}"))).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "others can read {name}");
        }
        assert!(site.tree("backups").iter().all(|name| !name.starts_with('.')), "{:?}", site.tree("backups"));
    });
}

#[test]
fn a_sqlite_database_that_is_being_written_is_copied_as_it_is_at_one_instant() {
    let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n");
    let writer = rusqlite::Connection::open(site.path("db.sqlite3")).unwrap();
    writer.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)").unwrap();
    writer.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (2)").unwrap();
    let _ = site.maint(&["backup", "db"]).exits(0);
    writer.execute_batch("COMMIT").unwrap();
    let id = &ids(&site)[0];
    in_backups(&site, &format!("zstd -dqf {id}/app.db.zst -o ../copy.db"));
    let copy = rusqlite::Connection::open(site.path("copy.db")).unwrap();
    assert_eq!(copy.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
}

#[test]
fn configuration_files_keep_their_modes_and_times() {
    let site = site("");
    let _ = site.maint(&["backup", "configs"]).exits(0);
    let id = &ids(&site)[0];
    let listing = in_backups(&site, &format!("zstd -dcq {id}/configs.tar.zst | tar -tv"));
    assert!(listing.contains("-rw------- ") && listing.contains(".env"), "{listing}");
    in_backups(&site, &format!("mkdir ../out && zstd -dcq {id}/configs.tar.zst | tar -x -C ../out"));
    let times = ["", "out/"]
        .map(|folder| fs::metadata(site.path(&format!("{folder}.env"))).unwrap().modified().unwrap());
    assert!(times[0].duration_since(times[1]).unwrap_or_default().as_secs() == 0);
    assert_eq!(fs::read(site.path("out/.env")).unwrap(), fs::read(site.path(".env")).unwrap());
}

#[test]
fn everything_that_is_configured_is_backed_up_and_a_rehearsal_touches_nothing() {
    let site = site("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n");
    Database::sqlite(&site);
    let before = site.snapshot();
    let planned = site.maint(&["backup", "--dry-run"]).exits(0);
    assert_eq!(
        planned.stdout,
        "would back up the database app\nwould back up 2 configuration files\nbackup: 2 planned\n"
    );
    assert_eq!(site.snapshot(), before);
    let _ = site.maint(&["backup"]).exits(0);
    assert_eq!(ids(&site).len(), 2);
    let missing = Site::new("").maint(&["backup"]).exits(2);
    assert!(missing.complaint().contains("nothing to back up"), "{}", missing.stderr);
}

/// Changes each byte of each file in turn, a sample of the content's.
#[test]
fn a_backup_with_any_one_byte_changed_is_refused() {
    let site = site("");
    let _ = site.maint(&["backup", "configs"]).exits(0);
    let folder = site.path("backups").join(&ids(&site)[0]);
    let mut tried = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let good = fs::read(&path).unwrap();
        let step = if std::env::var_os("MAINT_TEST_EVERY").is_some() { 1 } else { 7 };
        for at in (0..good.len()).step_by(step) {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            fs::write(&path, &bad).unwrap();
            let place = format!("byte {at} of {}", path.display());
            let run = site.maint(&["backup", "verify"]);
            assert_eq!(run.code, 3, "{place}: {}{}", run.stdout, run.stderr);
            tried += 1;
        }
        fs::write(&path, &good).unwrap();
    }
    assert!(tried > 80, "only {tried} bytes were tried");
    let _ = site.maint(&["backup", "verify"]).exits(0);
}

#[test]
fn what_is_cut_off_or_missing_is_found_and_told() {
    let site = site("");
    let _ = site.maint(&["backup", "configs"]).exits(0);
    let id = &ids(&site)[0];
    let folder = site.path("backups").join(id);
    for name in ["configs.tar.zst", "manifest.json", "SHA256SUMS"] {
        let good = fs::read(folder.join(name)).unwrap();
        fs::write(folder.join(name), &good[..good.len() / 2]).unwrap();
        let cut = site.maint(&["backup", "verify", "--json"]).exits(3).json();
        assert_eq!(cut["backups"][0]["is_good"], false, "{name}: {cut}");
        fs::remove_file(folder.join(name)).unwrap();
        let gone = site.maint(&["backup", "verify", id]).exits(3);
        assert!(gone.stdout.contains(id.as_str()) && gone.stdout.contains("damaged"), "{}", gone.stdout);
        fs::write(folder.join(name), good).unwrap();
    }
    let unknown = site.maint(&["backup", "verify", "db-none-20200101T000000Z"]).exits(2);
    assert!(unknown.complaint().contains("there is no backup"), "{}", unknown.stderr);
}

#[test]
fn old_ones_go_when_a_new_one_is_made_and_the_newest_of_each_day_and_month_stay() {
    let site = site("keep_daily = 3\nkeep_weekly = 0\nkeep_monthly = 2\n");
    for day in ["09-30", "10-15", "11-18", "11-19", "11-20", "11-21"] {
        let _ = site.maint_at(&format!("2026-{day}T02:00:00Z"), &["backup", "configs"]).exits(0);
    }
    let _ = site.maint_at("2026-11-21T18:00:00Z", &["backup", "configs"]).exits(0);
    let kept: Vec<String> = ids(&site).iter().map(|id| id[8..16].to_owned()).collect();
    assert_eq!(kept, ["20261121", "20261120", "20261119", "20261015"]);
}

#[test]
fn when_the_new_one_fails_the_old_ones_stay() {
    let site = site("keep_daily = 0\nkeep_weekly = 0\nkeep_monthly = 0\n");
    let _ = site.maint_at("2026-11-20T02:00:00Z", &["backup", "configs"]).exits(0);
    fs::remove_file(site.path("app.ini")).unwrap();
    let failed = site.maint_at("2026-11-21T02:00:00Z", &["backup", "configs", "--json"]).exits(1).json();
    assert_eq!(failed["steps"][1]["outcome"], "skipped", "{failed}");
    assert!(failed.to_string().contains("app.ini"), "{failed}");
    assert_eq!(ids(&site).len(), 1);
    assert_eq!(site.tree("backups").len(), 4, "{:?}", site.tree("backups"));
}

#[test]
fn prune_keeps_all_when_the_newest_is_damaged() {
    let site = site("");
    for day in ["20", "21", "22"] {
        let _ = site.maint_at(&format!("2026-11-{day}T02:00:00Z"), &["backup", "configs"]).exits(0);
    }
    let newest = site.path("backups").join(&ids(&site)[0]).join("configs.tar.zst");
    let good = fs::read(&newest).unwrap();
    fs::write(&newest, b"x").unwrap();
    let args = ["backup", "prune", "--keep-daily=0", "--keep-weekly=0", "--keep-monthly=0"];
    let refused = site.maint_at("2026-11-22T03:00:00Z", &args).exits(1);
    assert!(refused.stderr.contains("nothing of its kind is removed"), "{}", refused.stderr);
    assert_eq!(ids(&site).len(), 3);
    fs::write(&newest, good).unwrap();
    let _ = site.maint_at("2026-11-22T03:00:00Z", &args).exits(0);
    assert_eq!(ids(&site), ["configs-20261122T020000Z"]);
}

#[test]
fn with_a_clock_that_was_set_back_nothing_is_removed_and_the_latest_is_the_one_made_last() {
    let site = site("keep_daily = 0\nkeep_weekly = 0\nkeep_monthly = 0\n");
    let _ = site.maint_at("2026-11-22T02:00:00Z", &["backup", "configs"]).exits(0);
    let run = site.maint_at("2020-01-01T00:00:00Z", &["backup", "configs", "--json"]).exits(0).json();
    assert!(run["notes"].to_string().contains("time to come"), "{run}");
    assert_eq!(ids(&site).len(), 2);
    let _ = site.maint_at("2020-01-02T00:00:00Z", &["backup", "prune"]).exits(0);
    assert_eq!(ids(&site).len(), 2);
    assert_eq!(list(&site)[1]["id"], "configs-20200101T000000Z");
}

#[test]
fn two_of_the_same_second_have_two_names() {
    let site = site("keep_last = 5\n");
    for _ in 0..3 {
        let _ = site.maint(&["backup", "configs"]).exits(0);
    }
    assert_eq!(ids(&site).len(), 3);
    let _ = site.maint(&["backup", "verify"]).exits(0);
}

#[test]
fn two_at_once_are_one() {
    let site = site(&format!("[jobs.slow]\nshell = '{WAIT}'\nlock = \"backup\"\n"));
    let holder = site.hold("slow");
    let second = site.maint(&["backup", "configs"]).exits(75);
    assert!(second.complaint().contains("skipped"), "{}", second.stderr);
    site.release(holder);
    let _ = site.maint(&["backup", "configs"]).exits(0);
}

#[test]
fn a_fifo_in_the_place_of_a_content_is_not_waited_for() {
    let site = site("");
    let _ = site.maint(&["backup", "configs"]).exits(0);
    let id = ids(&site).remove(0);
    let path = site.path(&format!("backups/{id}/configs.tar.zst"));
    fs::remove_file(&path).unwrap();
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let mut command = inside(&["timeout", "20"], &site.command(&["backup", "verify"]));
    assert!(run(&mut command).exits(3).stdout.contains("is no file"));
}

#[test]
fn a_full_disk_leaves_nothing_that_is_listed_and_the_old_ones_stay() {
    if !can_mount() {
        return leave_out("a full disk", "no private mounts can be made here");
    }
    let site = site("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n");
    let database = Database::sqlite(&site);
    site.folder("backups");
    database.execute("CREATE TABLE blobs (b); INSERT INTO blobs SELECT randomblob(100000) FROM (WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i < 80) SELECT i FROM n)");
    let mut codes = [0; 2];
    for step in 1..=40 {
        let kilobytes = step * 512;
        let script = format!(
            "mount -t tmpfs -o size={kilobytes}k none backups && \"$@\" backup configs && {{ \"$@\" backup db; code=$?; \
             \"$@\" backup verify || exit 9; ls -a backups; exit $code; }}"
        );
        let wrapper = ["unshare", "-m", "sh", "-c", &script, "sh"];
        let run = run(inside(&wrapper, &site.command(&[])).current_dir(site.root()));
        let place = format!("{kilobytes} KB: {}{}", run.stdout, run.stderr);
        assert!(run.code <= 1, "{place}");
        codes[usize::try_from(run.code).unwrap()] += 1;
        assert_eq!(run.stdout.matches("db-app-2").count() > 0, run.code == 0, "{place}");
        assert!(run.stdout.contains("configs-") && !run.stdout.contains("partial"), "{place}");
        let is_told = run.stderr.contains("No space left on device") || run.stderr.contains("no room");
        assert!(is_told || run.code == 0, "{place}");
    }
    assert!(codes[0] > 3 && codes[1] > 10, "{codes:?}");
}

#[test]
fn what_cannot_be_backed_up_is_told_in_one_line() {
    let site = Site::new(
        "[databases.app]\nurl = \"sqlite:none.db\"\n[databases.server]\nurl = \"postgres://nobody@127.0.0.1:1/none\"\n",
    );
    for (args, code, words) in [
        (["backup", "db", "app"], 2, "does not exist"),
        (["backup", "db", "other"], 2, "no [databases.other]"),
        (["backup", "db", "server"], 1, "Connection refused"),
        (["backup", "volumes", "data"], 2, "no Compose project"),
    ] {
        let run = site.maint(&args).exits(code);
        assert!(run.stderr.contains(words), "{args:?}: {}", run.stderr);
        assert!(!site.path("backups").exists() || site.tree("backups").is_empty(), "{args:?}");
    }
    site.file("db.sqlite3", "this is no database, but long enough to be taken for one", 1);
    let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n");
    site.file("db.sqlite3", "this is no database, but long enough to be taken for one", 1);
    let run = site.maint(&["backup", "db"]).exits(1);
    assert!(run.stderr.contains("no SQLite database"), "{}", run.stderr);
}

#[test]
fn a_pg_dump_that_is_older_than_the_server_is_named_with_the_cure() {
    let site = Site::new("[databases.app]\nurl = \"postgres://app@127.0.0.1:5432/app\"\n");
    let bin = site.folder("bin");
    let old = "#!/bin/sh\necho 'pg_dump: error: aborting because of server version mismatch' >&2\n\
               echo 'pg_dump: detail: server version: 99.1; pg_dump version: 15.18' >&2\nexit 1\n";
    fs::write(bin.join("pg_dump"), old).unwrap();
    fs::set_permissions(bin.join("pg_dump"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = site.command(&["backup", "db"]);
    let run = run(command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()))).exits(1);
    assert!(
        run.stderr.contains("older than the server (server version: 99.1; pg_dump version: 15.18)"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("postgresql-client"), "{}", run.stderr);
    assert_eq!(site.tree("backups"), [""; 0]);
}

#[test]
fn a_backup_can_have_a_row_in_the_sites_own_table() {
    Database::each(
        "[backup]\ndir = \"backups/storage/maint\"\nrecord = true\n[rebuild-paths]\n",
        |site, database| {
            let none = site.maint(&["backup", "db"]).exits(1);
            assert!(none.stderr.contains("no user"), "{}", none.stderr);
            database.execute("INSERT INTO authentication_user VALUES (1, 'bo', false), (7, 'anna', true)");
            let done = site.maint(&["backup", "db", "--json"]).exits(0).json();
            let id = done["steps"][0]["id"].as_str().unwrap();
            let rows = database.rows("SELECT backup_name, status, file_path, created_by_id, file_size FROM backup_manager_backuphistory");
            let file = if database.is_sqlite() { "app.db.zst" } else { "app.dump.zst" };
            let size = &done["steps"][0]["size_bytes"];
            assert_eq!(rows, [format!("{id}|completed|storage/maint/{id}/{file}|7|{size}")]);
            let same = site.maint(&["rebuild-paths", "--force", "--json"]).exits(0).json();
            assert_eq!(same["steps"], serde_json::json!([]), "{same}");
        },
    );
}

/// A public and a secret key of age.
fn keys(site: &Site) -> Option<String> {
    let made = Command::new("age-keygen").arg("-o").arg(site.path("key.txt")).output().ok()?;
    let said = String::from_utf8(made.stderr).unwrap();
    Some(said.trim().rsplit(' ').next().unwrap().to_owned())
}

#[test]
fn an_encrypted_backup_is_read_with_its_key_only() {
    let site = site("");
    let Some(public) = keys(&site) else { return leave_out("age", "age is missing") };
    let with = |identity: &str| {
        let text = fs::read_to_string(site.path("maint.toml")).unwrap();
        let text = text.split("recipients").next().unwrap().to_owned();
        fs::write(site.path("maint.toml"), format!("{text}recipients = [\"{public}\"]\n{identity}")).unwrap();
    };
    with("identity = \"file:key.txt\"\n");
    let _ = site.maint(&["backup", "configs"]).exits(0);
    let id = ids(&site).remove(0);
    let path = site.path(&format!("backups/{id}/configs.tar.zst.age"));
    let bytes = fs::read(&path).unwrap();
    assert!(bytes.starts_with(b"age-encryption.org/v1"));
    let text = in_backups(
        &site,
        &format!("age -d -i ../key.txt {id}/configs.tar.zst.age | zstd -dcq | tar -xO .env"),
    );
    assert_eq!(text, "SECRET_KEY=hidden\n");
    let _ = site.maint(&["backup", "verify"]).exits(0);
    with("");
    let without = site.maint(&["backup", "verify"]).exits(0);
    assert!(without.stdout.contains("only its checksums were compared"), "{}", without.stdout);
    let mut bad = bytes.clone();
    let end = bad.len() - 3;
    bad[end] ^= 1;
    fs::write(&path, bad).unwrap();
    let _ = site.maint(&["backup", "verify"]).exits(3);
    with("identity = \"env:AGE_KEY\"\n");
    fs::write(&path, bytes).unwrap();
    let key = fs::read_to_string(site.path("key.txt")).unwrap();
    let key = key.lines().last().unwrap().to_owned();
    let run_with = |key: &str| run(site.command(&["backup", "verify", "-v"]).env("AGE_KEY", key));
    assert_eq!(run_with(&key).exits(0).stdout.matches("only its checksums").count(), 0);
    let other = Command::new("age-keygen").output().unwrap().stdout;
    let other = String::from_utf8(other).unwrap().lines().last().unwrap().to_owned();
    let another = run_with(&other).exits(3);
    assert!(another.stdout.contains("encrypted for another key"), "{}", another.stdout);
    assert!(!another.stderr.contains("age:"), "{}", another.stderr);
    let wrong =
        run_with("AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ").exits(3);
    assert!(!wrong.stdout.contains("AGE-SECRET") && !wrong.stderr.contains("AGE-SECRET"), "{}", wrong.stdout);
}

#[test]
fn restic_gets_each_backup_and_gives_it_back() {
    let site = site("keep_last = 9\n[backup.restic]\nrepository = \"vault\"\npassword = \"env:VAULT\"\n");
    let restic = |args: &[&str]| {
        let run = Command::new("restic")
            .args(["-r", "vault"])
            .args(args)
            .env("RESTIC_PASSWORD", "geheim123")
            .current_dir(site.root())
            .output();
        run.ok().filter(|output| output.status.success())
    };
    if Command::new("restic").arg("version").output().is_err() {
        return leave_out("restic", "restic is missing");
    }
    let with = |args: &[&str], password: &str| {
        run(site.command(args).env("VAULT", password).env("HOME", site.home()))
    };
    let none = with(&["backup", "configs"], "geheim123").exits(1);
    assert!(none.stderr.contains("restic init"), "{}", none.stderr);
    restic(&["init"]).unwrap();
    let done = with(&["backup", "configs", "--json"], "geheim123").exits(0);
    assert!(!done.stdout.contains("geheim123"));
    let id = done.json()["steps"][0]["id"].as_str().unwrap().to_owned();
    let snapshots = String::from_utf8(restic(&["snapshots", "--json"]).unwrap().stdout).unwrap();
    assert!(snapshots.contains(&id) && snapshots.contains("configs-configs"), "{snapshots}");
    let wrong = with(&["backup", "configs"], "falsch99").exits(1);
    assert!(
        wrong.stderr.contains("password is wrong") && !wrong.stderr.contains("falsch99"),
        "{}",
        wrong.stderr
    );
    fs::remove_dir_all(site.path("backups").join(&id)).unwrap();
    let away = with(&["backup", "list", "--restic"], "geheim123").exits(0);
    assert!(away.stdout.contains(&id) && away.stdout.contains("in restic only"), "{}", away.stdout);
    let _ = with(&["backup", "fetch", &id], "geheim123").exits(0);
    let _ = site.maint(&["backup", "verify", &id]).exits(0);
    assert!(ids(&site).contains(&id));
    restic(&["check"]).unwrap();
}
