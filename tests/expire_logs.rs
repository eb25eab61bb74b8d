//! `maint expire-logs`: what is compressed, what is removed, what stays, and that no kill loses a line.

use crate::support::{
    NOW_SECONDS, Site, age, can_mount, can_trace, inside, is_root, leave_out, paths, run, snapshot,
    wait_until,
};
use flate2::read::MultiGzDecoder;
use insta::assert_snapshot;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

const DAY: i64 = 24;

/// A site whose `logs` hold one log of each age.
fn site() -> Site {
    site_with("")
}

/// Without the look at what all other processes hold open: then two runs make the same system calls.
const SAME_CALLS: &str = "[expire-logs]\nskip_open = false\n";

fn site_with(config: &str) -> Site {
    let site = Site::new(config);
    site.file("logs/fresh.log", &lines(10), 6 * DAY);
    site.file("logs/week.log", &lines(1_000), 8 * DAY);
    site.file("logs/month.log", &lines(100), 31 * DAY);
    site
}

fn lines(count: u32) -> String {
    use std::fmt::Write as _;
    (0..count).fold(String::new(), |mut text, number| {
        let _ = writeln!(text, "2026-11-01 12:00:00 INFO request {number} answered");
        text
    })
}

/// What a compressed file holds.
#[track_caller]
fn unpacked(path: &Path) -> String {
    let mut text = String::new();
    MultiGzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

/// A log of some megabytes that do not compress well, a week old.
fn large(site: &Site, name: &str, megabytes: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b' ' + u8::try_from(state >> 58).unwrap()
    })
    .take(megabytes << 20)
    .collect();
    let path = site.folder("logs").join(name);
    fs::write(&path, &bytes).unwrap();
    age(&path, 8 * DAY);
    bytes
}

#[test]
fn after_a_week_a_log_is_compressed_and_after_a_month_it_goes() {
    let site = site();
    let report = site.maint(&["expire-logs", "--json"]).exits(0).json();
    assert_eq!(site.tree("logs"), ["fresh.log", "week.log.gz"]);
    assert_eq!(unpacked(&site.path("logs/week.log.gz")), lines(1_000));
    assert_eq!(report["folders"][0]["compress_files"], 1, "{report}");
    let _ = site.maint_at("2026-12-11T15:00:00Z", &["expire-logs"]).exits(0);
    assert_eq!(site.tree("logs"), ["fresh.log.gz", "week.log.gz"]);
    let _ = site.maint_at("2026-12-13T15:00:00Z", &["expire-logs"]).exits(0);
    assert_eq!(site.tree("logs"), ["fresh.log.gz"]);
}

#[test]
fn the_names_of_the_guide_work_without_a_question() {
    let site = site();
    let original = ["cleanup-logs", "--days=30", "--compress-days=7", "--force", "--json"];
    let report = site.maint(&original).exits(0).json();
    assert_eq!(report["job"], "expire-logs");
    assert_eq!(site.tree("logs"), ["fresh.log", "week.log.gz"]);

    let site = Site::new("[jobs.logs]\ncommand = \"cleanup-logs --compress-days=5\"\n");
    site.file("logs/a.log", "content", 6 * DAY);
    let _ = site.maint(&["run", "logs"]).exits(0);
    assert_eq!(site.tree("logs"), ["a.log.gz"]);
}

#[test]
fn a_rehearsal_prints_a_table_and_the_steps_and_changes_nothing() {
    let site = site();
    let before = site.snapshot();
    let run = site.maint(&["expire-logs", "-n"]).exits(0);
    let shown = run.stdout.replace(&format!("{}/", site.root().display()), "");
    assert_snapshot!(shown, @r"
    FOLDER  FILES  SIZE     TO COMPRESS  SIZE     TO REMOVE  SIZE
    logs    3      49.6 KB  1            44.8 KB  1          4.4 KB
    would remove logs/month.log (4.4 KB, 31 d old)
    would compress logs/week.log (44.8 KB, 8 d old)
    expire-logs: 2 planned, 4.4 KB to free, 44.8 KB to compress
    ");
    assert_eq!(site.snapshot(), before);
}

#[test]
fn the_compressed_file_keeps_mode_owner_and_time() {
    let site = site();
    let log = site.path("logs/week.log");
    fs::set_permissions(&log, fs::Permissions::from_mode(0o640)).unwrap();
    if is_root() {
        chown(&log, Some(33), Some(4)).unwrap();
    }
    let old = fs::metadata(&log).unwrap();
    let _ = site.maint(&["expire-logs"]).exits(0);
    let new = fs::metadata(site.path("logs/week.log.gz")).unwrap();
    assert_eq!((new.mode(), new.uid(), new.gid()), (old.mode(), old.uid(), old.gid()));
    assert_eq!((new.mtime(), new.mtime_nsec()), (old.mtime(), old.mtime_nsec()));
}

#[test]
fn the_summary_tells_how_much_was_freed() {
    let site = site();
    let before = folder_size(&site.path("logs"));
    let report = site.maint(&["expire-logs", "--json"]).exits(0).json();
    let freed = maint::text::size(before - folder_size(&site.path("logs")));
    assert!(report["summary"].as_str().unwrap().contains(&format!("2 done, {freed} freed")), "{report}");
}

fn folder_size(folder: &Path) -> u64 {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

#[test]
fn logs_are_known_by_their_names_whatever_rotated_them() {
    let site = Site::new("");
    let logs =
        ["app.log", "app.log.1", "app.log.2026-11-01", "app.log-20261101", "deep/er/x.log", ".hidden.log"];
    let others =
        ["notes.txt", "db.sqlite3", "my.logo.png", "catalog", "deep/keep", "app.log.zst", "app.log.Z"];
    for name in logs.into_iter().chain(others) {
        site.file(&format!("logs/{name}"), "some content, and some more", 8 * DAY);
    }
    site.file("logs/empty.log", "", 8 * DAY);
    let _ = site.maint(&["expire-logs"]).exits(0);
    let files = |site: &Site| -> BTreeSet<String> {
        site.tree("logs").into_iter().filter(|path| site.path("logs").join(path).is_file()).collect()
    };
    let mut expected: BTreeSet<String> = logs.iter().map(|name| format!("{name}.gz")).collect();
    expected.extend(others.iter().map(|&name| name.to_owned()));
    expected.insert("empty.log".to_owned());
    assert_eq!(files(&site), expected);

    // A month later they go, compressed by whatever it was; what is no log and the folders stay.
    let _ = site.maint_at("2027-01-20T15:00:00Z", &["expire-logs"]).exits(0);
    let left: BTreeSet<String> = others[..5].iter().map(|&name| name.to_owned()).collect();
    assert_eq!(files(&site), left);
    assert!(site.path("logs/deep/er").is_dir());
}

#[test]
fn the_configuration_names_folders_ages_and_names() {
    let site = Site::new(
        "[expire-logs]\npaths = [\"logs\", \"logs/web\", \"./logs\"]\nage = \"10d\"\ncompress_age = \"2d\"\n\
         include = [\"*.txt\"]\nexclude = [\"keep.txt\", \"web/kept*\"]\n",
    );
    for name in ["a.txt", "a.log", "keep.txt", "web/b.txt"] {
        site.file(&format!("logs/{name}"), "content", 3 * DAY);
    }
    for name in ["old.txt", "old.txt.gz", "keep.txt.gz"] {
        site.file(&format!("logs/{name}"), "content", 11 * DAY);
    }
    let report = site.maint(&["expire-logs", "--json"]).exits(0).json();
    assert_eq!(site.tree("logs"), ["a.log", "a.txt.gz", "keep.txt", "keep.txt.gz", "web", "web/b.txt.gz"]);
    assert_eq!(paths(&report, "done").len(), 4, "{report}");
}

#[test]
fn a_missing_folder_is_a_note() {
    let report = Site::new("").maint(&["expire-logs", "--json"]).exits(0).json();
    assert_eq!(report["notes"], serde_json::json!(["logs: does not exist, so there are no logs"]));
}

#[test]
fn what_is_old_enough_to_go_is_not_compressed_first() {
    let site = site();
    let report = site.maint(&["expire-logs", "--days=7", "--compress-days=30", "--json"]).exits(0).json();
    assert_eq!(site.tree("logs"), ["fresh.log"]);
    assert!(report["steps"].as_array().unwrap().iter().all(|step| step["action"] == "remove"), "{report}");
}

#[test]
fn bad_numbers_are_refused_and_nothing_is_touched() {
    let site = site();
    let before = site.snapshot();
    for days in ["-1", "nan", "1e400", "", " ", "1.5", "99999999999", "7d"] {
        for option in ["--days", "--compress-days"] {
            let run = site.maint(&["expire-logs", "--force", &format!("{option}={days}")]).exits(2);
            assert!(run.complaint().contains("write a whole number of days"), "{}", run.stderr);
        }
    }
    assert_eq!(site.snapshot(), before);
}

#[test]
fn an_age_of_zero_needs_force() {
    let site = site();
    let before = site.snapshot();
    for (option, verb) in [("--days=0", "removes"), ("--compress-days=0", "compresses")] {
        let run = site.maint(&["expire-logs", option]).exits(4);
        let why = format!("an age of 0 {verb} every log, however young; add --force if that is meant");
        assert_eq!(run.complaint(), why);
    }
    assert_eq!(site.snapshot(), before);
    let _ = site.maint(&["expire-logs", "--compress-days=0", "--force"]).exits(0);
    assert_eq!(site.tree("logs"), ["fresh.log.gz", "week.log.gz"]);
    let _ = site.maint(&["expire-logs", "--days=0", "--yes"]).exits(0);
    assert_eq!(site.tree("logs"), [""; 0]);
}

#[test]
fn a_folder_outside_the_site_is_refused_and_nothing_is_touched() {
    let site = site();
    symlink("/var/log", site.path("link")).unwrap();
    let outside = site.around().join("outside");
    fs::create_dir(&outside).unwrap();
    for (path, why) in [
        ("/var/log", "is not inside site.root"),
        ("../outside", "is not inside site.root"),
        ("link", "is a symlink"),
        (".", "holds the whole site"),
        ("logs/week.log", "is a file, not a folder"),
    ] {
        site.configure(&format!("[site]\nname = \"test\"\n[expire-logs]\npaths = [\"logs\", \"{path}\"]\n"));
        let before = site.snapshot();
        let run = site.maint(&["expire-logs"]).exits(2);
        assert!(run.complaint().contains(why), "{path}: {}", run.stderr);
        assert_eq!(site.snapshot(), before, "{path}");
    }
}

#[test]
fn links_pipes_and_hard_links_stay_and_what_links_lead_to() {
    let site = site();
    let outside = site.file("outside.txt", "content", 40 * DAY);
    symlink(&outside, site.path("logs/link.log")).unwrap();
    age(&site.path("logs/link.log"), 40 * DAY);
    mknodat(CWD, site.path("logs/pipe.log"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    age(&site.path("logs/pipe.log"), 40 * DAY);
    let twin = site.file("logs/twin.log", "content", 8 * DAY);
    fs::hard_link(twin, site.path("other name")).unwrap();
    let report = site.maint(&["expire-logs", "--json"]).exits(0).json();
    assert_eq!(site.tree("logs"), ["fresh.log", "link.log", "pipe.log", "twin.log", "week.log.gz"]);
    assert!(outside.exists());
    let twin = &report["steps"].as_array().unwrap()[1];
    assert_eq!(
        (&twin["outcome"], twin["detail"].as_str().unwrap().contains("hard link")),
        (&"skipped".into(), true)
    );
}

#[test]
fn the_log_that_a_process_holds_open_stays() {
    let site = site();
    let log = site.file("logs/idle.log", "content", 40 * DAY);
    let mut holder = Command::new("sleep").arg("300").stdin(File::open(&log).unwrap()).spawn().unwrap();
    let report = site.maint(&["expire-logs", "--json"]).exits(0).json();
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(site.tree("logs"), ["fresh.log", "idle.log", "week.log.gz"]);
    let note = format!("logs/idle.log: held open by sleep (pid {})", holder.id());
    assert!(report["notes"].to_string().contains(&note), "{report}");
}

/// In a process namespace of its own `maint` cannot see who holds the log; the kernel's lease still tells.
#[test]
fn the_log_that_an_invisible_process_holds_open_stays_too() {
    if !can_mount() {
        return leave_out("a log held by an invisible process", "not root, or no private namespaces here");
    }
    let site = site();
    let _held = File::open(site.path("logs/week.log")).unwrap();
    let hidden = ["unshare", "--mount", "--pid", "--fork", "--mount-proc"];
    let report = run(&mut inside(&hidden, &site.command(&["expire-logs", "--json"]))).exits(0).json();
    assert_eq!(site.tree("logs"), ["fresh.log", "week.log"]);
    assert_eq!(report["steps"][1]["detail"], "a process holds it open, or has locked its folder");
}

#[test]
fn a_compressed_file_that_is_there_already_is_never_overwritten() {
    let site = site();
    site.file("logs/week.log.gz", "not even compressed", DAY);
    let report = site.maint(&["expire-logs", "--json"]).exits(0).json();
    assert_eq!(report["steps"][1]["detail"], "the name with .gz is taken by something else");
    assert_eq!(site.tree("logs"), ["fresh.log", "week.log", "week.log.gz"]);
    assert_eq!(fs::read_to_string(site.path("logs/week.log.gz")).unwrap(), "not even compressed");
}

#[test]
fn half_a_compressed_file_of_another_program_is_not_taken_for_a_whole_one() {
    for kept in [10, 100, 1_000] {
        let site = site();
        let log = fs::read(site.path("logs/week.log")).unwrap();
        let _ = site.maint(&["expire-logs"]).exits(0);
        let packed = fs::read(site.path("logs/week.log.gz")).unwrap();
        fs::write(site.path("logs/week.log.gz"), &packed[..packed.len().min(kept + 50) - 50]).unwrap();
        fs::write(site.path("logs/week.log"), &log).unwrap();
        age(&site.path("logs/week.log"), 8 * DAY);
        let report = site.maint(&["expire-logs", "--json"]).exits(0).json();
        assert_eq!(paths(&report, "skipped").len(), 1, "{report}");
        assert_eq!(fs::read(site.path("logs/week.log")).unwrap(), log);
    }
}

#[test]
fn an_original_that_a_kill_left_beside_its_whole_compressed_file_goes() {
    let site = site();
    let _ = site.maint(&["expire-logs"]).exits(0);
    let packed = snapshot(&site.path("logs/week.log.gz"));
    site.file("logs/week.log", &lines(1_000), 8 * DAY);
    let report = site.maint(&["expire-logs", "--json"]).exits(0).json();
    assert_eq!(paths(&report, "done").len(), 1, "{report}");
    assert_eq!(site.tree("logs"), ["fresh.log", "week.log.gz"]);
    assert_eq!(snapshot(&site.path("logs/week.log.gz")), packed);
}

/// After a kill: the original, or its whole compressed file, or both.
#[track_caller]
fn is_whole(site: &Site, content: &[u8]) -> (bool, bool) {
    let (log, packed) = (site.path("logs/big.log"), site.path("logs/big.log.gz"));
    if packed.exists() {
        assert!(unpacked(&packed).as_bytes() == content, "a torn compressed file");
    }
    if log.exists() {
        assert!(fs::read(&log).unwrap() == content, "a torn original");
    }
    assert!(log.exists() || packed.exists(), "the log is lost");
    (log.exists(), packed.exists())
}

#[test]
fn a_hundred_kills_lose_nothing_and_leave_nothing() {
    const KILLS: u32 = 100;
    let site = Site::new("");
    let content = large(&site, "big.log", 1);
    let start = Instant::now();
    let _ = site.maint(&["expire-logs"]).exits(0);
    let whole = start.elapsed();
    let mut found = BTreeSet::new();
    for kill in 0..KILLS {
        let _ = fs::remove_file(site.path("logs/big.log.gz"));
        fs::write(site.path("logs/big.log"), &content).unwrap();
        age(&site.path("logs/big.log"), 8 * DAY);
        let mut child = site.start(&["expire-logs"]);
        std::thread::sleep(whole * kill / KILLS);
        child.kill().unwrap();
        child.wait().unwrap();
        found.insert(is_whole(&site, &content));
        assert!(site.tree("logs").iter().all(|name| name.starts_with("big.log")), "{:?}", site.tree("logs"));
        if kill % 10 == 0 {
            let _ = site.maint(&["expire-logs"]).exits(0);
            assert_eq!(is_whole(&site, &content), (false, true));
        }
    }
    assert!(found.iter().all(|(log, compressed)| *log || *compressed), "{found:?}: something was lost");
    if found.len() < 2 {
        leave_out("kills on both sides of the change", "this machine is too busy to time them");
    }
}

/// The system calls that change something, one kill at each.
#[test]
fn a_kill_at_any_system_call_loses_nothing() {
    if !can_trace("a kill at each system call") {
        return;
    }
    let mut found = BTreeSet::new();
    for call in ["openat", "write", "fsync", "linkat", "unlinkat", "fchmod", "utimensat", "fcntl"] {
        for at in 1..60 {
            let site = Site::new(if call == "openat" { SAME_CALLS } else { "" });
            site.file("logs/big.log", &lines(2_000), 8 * DAY);
            let inject = format!("inject={call}:signal=KILL:when={at}");
            let trace = format!("trace={call}");
            let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
            let ended = run(&mut inside(&strace, &site.command(&["expire-logs"])));
            found.insert(is_whole(&site, lines(2_000).as_bytes()));
            let _ = site.maint(&["expire-logs"]).exits(0);
            assert_eq!(is_whole(&site, lines(2_000).as_bytes()), (false, true));
            assert_eq!(site.tree("logs"), ["big.log.gz"]);
            if ended.code == 0 {
                break;
            }
        }
    }
    assert_eq!(found.len(), 3, "{found:?}: the kills missed an instant");
}

/// Runs `expire-logs` under `strace`, which also does what `rule` says; returns the calls.
fn traced(site: &Site, call: &str, rule: Option<&str>, code: i32) -> String {
    let trace = site.around().join("trace");
    let calls = format!("trace={call}");
    let mut strace = vec!["strace", "-f", "-y", "-qq", "-o", trace.to_str().unwrap(), "-e", &calls];
    strace.extend(rule.iter().flat_map(|rule| ["-e", rule]));
    let _ = run(&mut inside(&strace, &site.command(&["expire-logs"]))).exits(code);
    fs::read_to_string(trace).unwrap()
}

/// Where in the order of its calls, counted from 1, the first one that says `words` stands.
#[track_caller]
fn place_of(calls: &str, words: &[&str]) -> usize {
    1 + calls.lines().position(|line| words.iter().all(|words| line.contains(words))).expect("such a call")
}

/// A write that says it was done and was not, as `strace` pretends: only reading back can tell.
#[test]
fn what_does_not_read_back_never_takes_the_place_of_the_original() {
    if !can_trace("a write that was lost") {
        return;
    }
    let first = site_with(SAME_CALLS);
    let place = place_of(&traced(&first, "write", None, 0), &["/logs/#"]);
    let second = site_with(SAME_CALLS);
    let lost = traced(&second, "write", Some(&format!("inject=write:retval=1:when={place}")), 1);
    assert!(lost.contains("(INJECTED)"), "{lost}");
    assert_eq!(second.tree("logs"), ["fresh.log", "week.log"]);
    assert_eq!(fs::read_to_string(second.path("logs/week.log")).unwrap(), lines(1_000));
    assert!(second.log("expire-logs").contains("does not read back as it was written"));
}

/// A file system on which every file must have a name, as `strace` pretends.
#[test]
fn where_no_file_can_be_without_a_name_it_has_a_passing_one() {
    if !can_trace("a file system without nameless files") {
        return;
    }
    let first = site_with(SAME_CALLS);
    let calls = traced(&first, "openat", None, 0);
    let place = place_of(&calls, &["O_TMPFILE", first.path("logs").to_str().unwrap()]);
    let second = site_with(SAME_CALLS);
    let calls = traced(&second, "openat", Some(&format!("inject=openat:error=EOPNOTSUPP:when={place}")), 0);
    assert!(calls.lines().any(|line| line.contains(".maint-") && line.contains(".part")), "{calls}");
    assert_eq!(second.tree("logs"), ["fresh.log", "week.log.gz"]);
    assert_eq!(unpacked(&second.path("logs/week.log.gz")), lines(1_000));

    // What a kill leaves there goes with the old logs, and is never taken for one.
    second.file("logs/.maint-0123456789abcdef.part", "half", 8 * DAY);
    let _ = second.maint(&["expire-logs"]).exits(0);
    assert_eq!(second.tree("logs"), ["fresh.log", "week.log.gz"]);
}

#[test]
fn on_a_full_disk_the_original_stays_and_the_message_says_why() {
    if !can_mount() {
        return leave_out("a full disk", "not root, or no private mount namespaces here");
    }
    let site = Site::new("");
    let content = large(&site, "big.log", 3);
    let script = "set -e
        mkdir small && mount -t tmpfs -o size=4m none small
        cp -a logs/big.log small/big.log
        mount --bind small logs
        code=0; \"$@\" || code=$?
        cp -a logs/. ../kept
        exit $code";
    let maint = site.command(&["expire-logs", "--json"]);
    let run = run(&mut inside(&["unshare", "-m", "sh", "-c", script, "sh"], &maint)).exits(1);
    let step = &run.json()["steps"][0];
    assert_eq!((&step["outcome"], &step["detail"]), (&"failed".into(), &"No space left on device".into()));
    let kept = snapshot(&site.around().join("kept"));
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert!(fs::read(site.around().join("kept/big.log")).unwrap() == content);
}

#[test]
fn at_a_limit_of_file_sizes_the_original_stays_and_the_rest_is_done() {
    let site = Site::new("");
    let content = large(&site, "big.log", 2);
    site.file("logs/small.log", &lines(100), 8 * DAY);
    let limited = ["sh", "-c", "ulimit -f 1024; exec \"$@\"", "sh"];
    let report = run(&mut inside(&limited, &site.command(&["expire-logs", "--json"]))).exits(1).json();
    assert_eq!(report["steps"][0]["detail"], "File too large", "{report}");
    assert_eq!(site.tree("logs"), ["big.log", "small.log.gz"]);
    assert!(fs::read(site.path("logs/big.log")).unwrap() == content);
}

#[test]
fn a_log_that_goes_on_while_it_is_compressed_stays_whole() {
    use std::io::Write as _;
    let site = Site::new("");
    let content = large(&site, "big.log", 24);
    let child = site.start(&["expire-logs", "--json"]);
    wait_until("it reads the log", || has_open(child.id(), &site.path("logs/big.log")));
    fs::OpenOptions::new().append(true).open(site.path("logs/big.log")).unwrap().write_all(b"more").unwrap();
    let report = crate::support::finish(child).exits(0).json();
    assert_eq!(report["steps"][0]["detail"], "changed since it was looked at", "{report}");
    assert_eq!(site.tree("logs"), ["big.log"]);
    assert!(fs::read(site.path("logs/big.log")).unwrap() == [&content[..], b"more"].concat());
}

#[test]
fn a_log_that_is_rotated_while_it_is_compressed_stays_under_its_new_name() {
    let site = Site::new("");
    let content = large(&site, "big.log.1", 24);
    let child = site.start(&["expire-logs", "--json"]);
    wait_until("it reads the log", || has_open(child.id(), &site.path("logs/big.log.1")));
    fs::rename(site.path("logs/big.log.1"), site.path("logs/big.log.2")).unwrap();
    site.file("logs/big.log.1", "the next one", 8 * DAY);
    let report = crate::support::finish(child).exits(0).json();
    assert_eq!(report["steps"][0]["detail"], "changed since it was looked at", "{report}");
    assert_eq!(site.tree("logs"), ["big.log.1", "big.log.2"]);
    assert!(fs::read(site.path("logs/big.log.2")).unwrap() == content);
}

/// True when a process has this file open.
fn has_open(process: u32, path: &Path) -> bool {
    let descriptors = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    descriptors.into_iter().any(|entry| fs::read_link(entry.path()).is_ok_and(|to| to == path))
}

#[test]
fn a_signal_ends_it_in_the_middle_of_a_log_and_nothing_is_left_behind() {
    let site = Site::new("");
    let content = large(&site, "big.log", 24);
    let child = site.start(&["expire-logs"]);
    wait_until("it reads the log", || has_open(child.id(), &site.path("logs/big.log")));
    crate::support::send(&child, rustix::process::Signal::TERM);
    let _ = crate::support::finish(child).exits(143);
    assert_eq!(site.tree("logs"), ["big.log"]);
    assert!(fs::read(site.path("logs/big.log")).unwrap() == content);
    assert_eq!(site.history()[0]["status"], "interrupted");
}

#[test]
fn a_log_that_cannot_be_read_is_named_and_the_rest_is_done() {
    let site = site();
    site.file("logs/closed.log", "content", 8 * DAY);
    let mut command = site.command_as_user(&["expire-logs", "--json"]);
    fs::set_permissions(site.path("logs/closed.log"), fs::Permissions::from_mode(0o000)).unwrap();
    let report = run(&mut command).exits(1).json();
    assert_eq!(report["steps"][1]["detail"], "Permission denied", "{report}");
    assert_eq!(site.tree("logs"), ["closed.log", "fresh.log", "week.log.gz"]);
}

#[test]
fn a_large_log_is_compressed_in_little_memory() {
    let site = Site::new("");
    let content = large(&site, "big.log", 48);
    let limited = ["sh", "-c", "ulimit -v 120000; exec \"$@\"", "sh"];
    let _ = run(inside(&limited, &site.command(&["expire-logs"])).stderr(Stdio::inherit())).exits(0);
    assert!(unpacked(&site.path("logs/big.log.gz")).as_bytes() == content);
    let time = fs::metadata(site.path("logs/big.log.gz")).unwrap().mtime();
    assert_eq!(time, NOW_SECONDS - 8 * DAY * 3_600);
}
