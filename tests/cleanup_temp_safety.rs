//! `maint cleanup-temp`: what must never be lost, whatever else happens in the folder meanwhile.

use crate::support::{
    NOW_SECONDS, Site, age, can_mount, can_trace, inside, leave_out, paths, run, set_modified, snapshot,
};
use rustix::fs::{
    AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, RenameFlags, Timespec, Timestamps, flock, futimens,
    mkdirat, mknodat, openat, renameat_with, unlinkat,
};
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, TryRecvError, channel};

const DAY: i64 = 24;

/// A site without a configuration, whose `temp` holds one old file.
fn site() -> Site {
    let site = Site::bare();
    site.file("temp/old", "x", 2 * DAY);
    site
}

const CLEAN: [&str; 3] = ["cleanup-temp", "--auto", "temp"];
const CLEAN_JSON: [&str; 4] = ["cleanup-temp", "--auto", "--json", "temp"];

/// The notes of a report as one text.
fn notes(report: &serde_json::Value) -> String {
    report["notes"].to_string()
}

// Nothing outside the folder.

/// Folders that hold old folders with old files, all with the same names.
fn fill(base: &Path) {
    for parent in 0..8 {
        let parent = base.join(format!("parent{parent}"));
        for leaf in 0..4 {
            let leaf = parent.join(format!("leaf{leaf}"));
            fs::create_dir_all(&leaf).unwrap();
            for file in ["a", "b"] {
                fs::write(leaf.join(file), "x").unwrap();
                age(&leaf.join(file), 3 * DAY);
            }
            age(&leaf, 3 * DAY);
        }
        age(&parent, 3 * DAY);
    }
}

/// Beside each folder of `fill` a fresh symlink to its double, and the pairs to be exchanged.
fn traps(base: &Path, double: &Path) -> Vec<(PathBuf, PathBuf)> {
    let folders = snapshot(base).into_keys().filter(|path| path.is_dir() && path != base);
    let trap = |folder: PathBuf| {
        let link = folder.with_extension("link");
        symlink(double.join(folder.strip_prefix(base).unwrap()), &link).unwrap();
        age(&link, 0);
        (folder, link)
    };
    folders.map(trap).collect()
}

#[test]
fn folders_swapped_for_symlinks_while_it_cleans_never_lead_it_outside() {
    const SWAPS: usize = 10_000;
    let site = Site::bare();
    let canary = site.around().join("canary");
    fill(&canary);
    let before = snapshot(&canary);
    let (swaps, mut cleanings, mut removed) = (AtomicUsize::new(0), 0, 0);
    while swaps.load(Relaxed) < SWAPS || cleanings < 20 {
        let temp = site.folder("temp");
        fill(&temp);
        let pairs = traps(&temp, &canary);
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for half in pairs.chunks(pairs.len() / 2) {
                let (swaps, is_over) = (&swaps, &is_over);
                scope.spawn(move || {
                    while !is_over.load(Relaxed) {
                        for (one, other) in half {
                            let swap = renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE);
                            swaps.fetch_add(usize::from(swap.is_ok()), Relaxed);
                        }
                    }
                });
            }
            let run = site.maint(&CLEAN_JSON);
            is_over.store(true, Relaxed);
            assert!(run.code <= 1, "{}", run.stderr);
            removed += paths(&run.json(), "done").len();
        });
        cleanings += 1;
        fs::remove_dir_all(&temp).unwrap();
    }
    assert_eq!(snapshot(&canary), before);
    assert!(removed > 0, "the swapping kept it from cleaning at all");
}

#[test]
fn mounts_are_never_entered_or_removed() {
    if !can_mount() {
        return leave_out("mounts in a cleaned folder", "not root, or no private mount namespaces here");
    }
    let site = site();
    let elsewhere = site.around().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    for folder in ["temp/bind", "temp/tmpfs", "temp/deep/bind"] {
        site.folder(folder);
    }
    site.file("temp/mounted_file", "x", 2 * DAY);
    for file in [elsewhere.join("folder/file"), elsewhere.join("file")] {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "x").unwrap();
        age(&file, 2 * DAY);
    }
    for folder in ["temp/bind", "temp/tmpfs", "temp/deep/bind", "temp/deep", "../elsewhere/folder"] {
        age(&site.path(folder), 2 * DAY);
    }
    let script = "set -e
        mount --bind ../elsewhere temp/bind
        mount --bind ../elsewhere temp/deep/bind
        mount --bind ../elsewhere/file temp/mounted_file
        mount -t tmpfs none temp/tmpfs
        touch -d '2001-01-01' temp/tmpfs/old temp/tmpfs
        \"$@\"
        test -e temp/tmpfs/old";
    let before = snapshot(&elsewhere);
    let maint = site.command(&CLEAN_JSON);
    let report = run(&mut inside(&["unshare", "-m", "sh", "-c", script, "sh"], &maint)).exits(0).json();
    assert_eq!(paths(&report, "done"), ["temp/old"]);
    assert_eq!(snapshot(&elsewhere), before);
    assert_eq!(site.tree("temp"), ["bind", "deep", "deep/bind", "mounted_file", "tmpfs"]);
    let notes = notes(&report);
    for note in
        ["temp/bind: another file system is mounted there", "temp/mounted_file: another file is mounted"]
    {
        assert!(notes.contains(note), "{notes}");
    }
}

#[test]
fn sockets_pipes_and_devices_stay_and_never_block() {
    let site = site();
    let folder = site.folder("temp/special");
    let _socket = UnixListener::bind(folder.join("socket")).unwrap();
    mknodat(CWD, folder.join("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    let device = mknodat(CWD, folder.join("device"), FileType::CharacterDevice, Mode::RUSR, 0x103);
    if let Err(errno) = device {
        leave_out("a device in a cleaned folder", &errno.to_string());
    }
    for path in snapshot(&folder).into_keys() {
        age(&path, 2 * DAY);
    }
    let before = snapshot(&folder);
    let report = site.maint(&CLEAN_JSON).exits(0).json();
    assert_eq!(paths(&report, "done"), ["temp/old"]);
    assert_eq!(snapshot(&folder), before);
    assert!(notes(&report).contains("temp/special: holds "), "{}", notes(&report));
}

#[test]
fn the_state_folder_inside_a_cleaned_folder_is_never_entered() {
    let site = Site::bare();
    let config =
        "[site]\nname = \"test\"\n[state]\ndir = \"temp/inner/state\"\n[cleanup-temp]\npaths = [\"temp\"]\n";
    site.configure(config);
    let in_2100 = || {
        site.file("temp/inner/old", "x", 0);
        let mut command = site.command(&["cleanup-temp", "--auto", "--json"]);
        run(command.env("MAINT_NOW", "2100-01-01T00:00:00Z")).exits(0).json()
    };
    in_2100();
    let report = in_2100();
    assert!(notes(&report).contains("temp/inner/state: maint keeps its state there"), "{}", notes(&report));
    assert_eq!(paths(&report, "done").len(), 1, "{report}");
    let _ = site.maint(&["cleanup-temp", "--auto", "temp/inner/state"]).exits(2);
    let history = site.maint(&["history"]).exits(0).stdout;
    assert_eq!(history.matches("cleanup-temp").count(), 2, "{history}");
}

// Nothing fresh.

#[test]
fn what_comes_from_the_future_stays() {
    let site = site();
    let future = site.file("temp/future", "x", 0);
    set_modified(&future, NOW_SECONDS + 10 * 365 * 86_400);
    let _ = site.maint(&CLEAN).exits(0);
    assert_eq!(site.tree("temp"), ["future"]);
}

#[test]
fn with_a_clock_that_is_24_years_slow_nothing_goes() {
    let site = site();
    let before = site.tree("temp");
    let _ = run(site.command(&CLEAN).env("MAINT_NOW", "2002-11-20T15:02:26Z")).exits(0);
    assert_eq!(site.tree("temp"), before);
}

/// Writes fresh files among what is old, every third into a fresh folder, and takes each away itself a
/// little later; returns how many it wrote, and those that were gone before it came.
fn write_fresh(temp: &Path, cleaning: &Receiver<()>) -> (usize, Vec<PathBuf>) {
    let (mut count, mut lost, mut written) = (0, Vec::new(), VecDeque::new());
    for number in 0.. {
        let job = temp.join(format!("job{}", number % JOBS));
        let folder = match number % 3 {
            0 => job,
            1 => job.join("deep"),
            _ => job.join(format!("fresh{number}")),
        };
        let file = folder.join(format!("fresh{number}"));
        // The old folder may go in between: then there was no fresh file to lose.
        if fs::create_dir_all(&folder).and_then(|()| fs::write(&file, "fresh")).is_ok() {
            written.push_back(file);
            count += 1;
        }
        let is_last = cleaning.try_recv() == Err(TryRecvError::Disconnected);
        while written.len() > if is_last { 0 } else { 300 } {
            let file = written.pop_front().unwrap();
            lost.extend(fs::remove_file(&file).is_err().then(|| file.clone()));
            // The folder as well, when it is empty: else they grow without end.
            let _ = fs::remove_dir(file.parent().unwrap());
        }
        if is_last {
            break;
        }
    }
    (count, lost)
}

const JOBS: usize = 50;

#[test]
fn beside_a_writer_no_fresh_file_is_lost_over_sixty_cleanings() {
    let site = Site::bare();
    let temp = site.folder("temp");
    let (cleaning, told) = channel();
    let (mut removed, mut results) = (0, Vec::new());
    let (count, lost) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| write_fresh(&temp, &{ told }));
        let until_the_end = cleaning;
        for round in 0..60 {
            for job in (0..10).map(|job| temp.join(format!("job{}", (round * 10 + job) % JOBS))) {
                for path in ["old1", "old2", "deep/old3"].map(|name| job.join(name)) {
                    fs::create_dir_all(path.parent().unwrap()).unwrap();
                    fs::write(&path, "old").unwrap();
                    set_modified(&path, 1_000_000_000);
                }
                set_modified(&job.join("deep"), 1_000_000_000);
                set_modified(&job, 1_000_000_000);
            }
            results.push(run(site.command(&CLEAN_JSON).env_remove("MAINT_NOW")));
        }
        drop(until_the_end);
        writer.join().unwrap()
    });
    for result in results {
        removed += paths(&result.exits(0).json(), "done").len();
    }
    assert!(lost.is_empty(), "{} of {count} fresh files: {lost:?}", lost.len());
    assert!(removed >= 60 && count >= 1_000, "{removed} removed beside {count} fresh files");
}

/// The plan is made before the question, so that the answer finds another world.
#[test]
fn what_changes_while_the_question_is_open_stays() {
    let site = site();
    for path in ["rewritten", "replaced", "opened", "grown/a", "exchanged/a", "linked/a", "gone"] {
        site.file(&format!("temp/{path}"), "x", 3 * DAY);
    }
    for (path, place) in [("exchanged/a", "new"), ("linked/a", "elsewhere"), ("replaced", "new")] {
        site.file(&format!("{place}/{path}"), "x", 3 * DAY);
    }
    for folder in ["grown", "exchanged", "linked"] {
        age(&site.path(&format!("temp/{folder}")), 3 * DAY);
    }
    let mut held = None;
    let meanwhile = || {
        site.file("temp/rewritten", "y", 0);
        site.file("temp/grown/b", "fresh", 0);
        fs::rename(site.path("new/replaced"), site.path("temp/replaced")).unwrap();
        fs::rename(site.path("temp/exchanged"), site.path("away")).unwrap();
        fs::rename(site.path("new/exchanged"), site.path("temp/exchanged")).unwrap();
        fs::remove_dir_all(site.path("temp/linked")).unwrap();
        symlink(site.path("elsewhere/linked"), site.path("temp/linked")).unwrap();
        fs::remove_file(site.path("temp/gone")).unwrap();
        held = Some(File::open(site.path("temp/opened")).unwrap());
    };
    let Some(run) = site.on_terminal(&["cleanup-temp", "temp"], "yes\n", meanwhile) else { return };
    let run = run.exits(0);
    let left = ["exchanged", "exchanged/a", "grown", "grown/b", "linked", "opened", "replaced", "rewritten"];
    assert_eq!(site.tree("temp"), left, "{}", run.stdout);
    assert_eq!(site.tree("elsewhere"), ["linked", "linked/a"]);
    for (file, why) in
        [("rewritten", "changed since"), ("opened", "a process holds it open"), ("gone", "gone already")]
    {
        let line = run.stdout.lines().find(|line| line.contains(&format!("temp/{file} "))).unwrap();
        assert!(line.contains(why), "{line}");
    }
}

// Nothing in a rehearsal.

/// The system calls of a run that change a file: all but the opening of a device and of what is in /proc.
fn changing_calls(site: &Site, args: &[&str]) -> Vec<String> {
    let calls = "?rename,?renameat,renameat2,?unlink,unlinkat,?rmdir,?mkdir,mkdirat,?mknod,mknodat,?link,linkat,\
        ?symlink,symlinkat,?chmod,fchmod,fchmodat,?chown,fchown,?lchown,fchownat,?utime,?utimes,?futimesat,utimensat,\
        truncate,ftruncate,fallocate,setxattr,lsetxattr,fsetxattr,?creat,?open,openat,openat2";
    let trace = site.around().join("trace");
    let trace_option = format!("trace={calls}");
    let strace = ["strace", "-f", "-y", "-e", &trace_option, "-o", trace.to_str().unwrap()];
    let _ = run(&mut inside(&strace, &site.command(args))).exits(0);
    let is_change = |line: &&str| {
        let opens = line.contains(" open");
        let writes = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"].iter().any(|flag| line.contains(flag));
        // A thread that ends with the program may do so before strace has seen what it wanted.
        let is_unknown = line.contains(" ???(");
        line.contains('(') && !is_unknown && (!opens || writes) && !line.contains("\"/dev/")
    };
    let text = fs::read_to_string(&trace).unwrap();
    fs::remove_file(trace).unwrap();
    text.lines().filter(is_change).map(str::to_owned).collect()
}

#[test]
fn a_rehearsal_makes_no_system_call_that_changes_anything() {
    if !can_trace("the system calls of a rehearsal") {
        return;
    }
    let site = site();
    site.file("temp/job/part", "x", 2 * DAY);
    age(&site.path("temp/job"), 2 * DAY);
    assert_eq!(changing_calls(&site, &["cleanup-temp", "--dry-run", "temp"]), [""; 0]);
    // The same eyes see what a real run does.
    let real = changing_calls(&site, &CLEAN).join("\n");
    for call in ["unlinkat", "AT_REMOVEDIR", "mkdir", "O_CREAT"] {
        assert!(real.contains(call), "no {call} in {real}");
    }
}

// Nothing that is in use.

#[test]
fn what_a_process_holds_open_stays_and_the_process_is_named() {
    let site = site();
    let path = site.file("temp/job/held", "x", 2 * DAY);
    site.file("temp/job/free", "x", 2 * DAY);
    age(&site.path("temp/job"), 2 * DAY);
    // Not this process: what other tests start shares its files for a moment, and would be named instead.
    let mut holder = Command::new("sleep").arg("300").stdin(File::open(path).unwrap()).spawn().unwrap();
    let report = site.maint(&CLEAN_JSON).exits(0).json();
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(site.tree("temp"), ["job", "job/held"]);
    let notes = notes(&report);
    let held = format!("temp/job/held: held open by sleep (pid {})", holder.id());
    assert!(notes.contains(&held), "{notes}");
}

#[test]
fn a_folder_that_a_process_works_in_stays() {
    let site = site();
    let folder = site.folder("temp/job");
    age(&folder, 2 * DAY);
    let mut cat = Command::new("cat").current_dir(&folder).stdin(Stdio::piped()).spawn().unwrap();
    let _ = site.maint(&CLEAN).exits(0);
    drop(cat.stdin.take());
    cat.wait().unwrap();
    assert_eq!(site.tree("temp"), ["job"]);
}

/// In a process namespace of its own `maint` cannot see who holds the file; the kernel's lease still tells.
#[test]
fn a_file_that_an_invisible_process_holds_open_stays_too() {
    if !can_mount() {
        return leave_out("a file held by an invisible process", "not root, or no private namespaces here");
    }
    let site = site();
    let _held = File::open(site.file("temp/held", "x", 2 * DAY)).unwrap();
    let hidden = ["unshare", "--mount", "--pid", "--fork", "--mount-proc"];
    let report = run(&mut inside(&hidden, &site.command(&CLEAN_JSON))).exits(0).json();
    assert_eq!(site.tree("temp"), ["held"]);
    assert_eq!(paths(&report, "skipped"), ["temp/held"]);
}

#[test]
fn skip_open_false_removes_a_file_that_is_held_open() {
    let site = Site::new("[cleanup-temp]\nskip_open = false\npaths = [\"temp\"]\n");
    let _held = File::open(site.file("temp/job/held", "x", 2 * DAY)).unwrap();
    age(&site.path("temp/job"), 2 * DAY);
    let _ = site.maint(&["cleanup-temp", "--auto"]).exits(0);
    assert_eq!(site.tree("temp"), [""; 0]);
}

#[test]
fn a_folder_that_a_program_has_locked_stays_as_it_is() {
    let site = site();
    site.file("temp/locked/file", "x", 2 * DAY);
    age(&site.path("temp/locked"), 2 * DAY);
    let folder = File::open(site.path("temp/locked")).unwrap();
    flock(&folder, FlockOperation::NonBlockingLockExclusive).unwrap();
    let _ = site.maint(&CLEAN).exits(0);
    assert_eq!(site.tree("temp"), ["locked", "locked/file"]);
    drop(folder);
    let _ = site.maint(&CLEAN).exits(0);
    assert_eq!(site.tree("temp"), [""; 0]);
}

/// As with systemd-tmpfiles, whose rule this is (tmpfiles.d(5)).
#[test]
fn everything_below_a_locked_folder_stays() {
    let site = site();
    site.file("temp/locked/deep/deeper/file", "x", 2 * DAY);
    for folder in ["temp/locked/deep/deeper", "temp/locked/deep", "temp/locked"] {
        age(&site.path(folder), 2 * DAY);
    }
    let folder = File::open(site.path("temp/locked")).unwrap();
    flock(&folder, FlockOperation::NonBlockingLockExclusive).unwrap();
    let _ = site.maint(&CLEAN).exits(0);
    assert_eq!(site.tree("temp"), ["locked", "locked/deep", "locked/deep/deeper", "locked/deep/deeper/file"]);
}

// Odd trees: no crash, and the rest goes on.

#[test]
fn a_tree_three_thousand_folders_deep_goes() {
    let site = site();
    let mut folder = rustix::fs::open(site.path("temp"), OFlags::DIRECTORY, Mode::empty()).unwrap();
    let time = Timespec { tv_sec: NOW_SECONDS - 3 * 86_400, tv_nsec: 0 };
    for _ in 0..3_000 {
        mkdirat(&folder, "deep", Mode::RWXU).unwrap();
        let inner = openat(&folder, "deep", OFlags::DIRECTORY, Mode::empty()).unwrap();
        futimens(&folder, &Timestamps { last_access: time, last_modification: time }).unwrap();
        folder = inner;
    }
    openat(&folder, "file", OFlags::CREATE | OFlags::WRONLY, Mode::RUSR).map(drop).unwrap();
    // Fresh at the very bottom: all of it stays.
    let _ = run(site.command(&CLEAN).env("MAINT_NOW", "2002-01-01T00:00:00Z")).exits(0);
    assert!(site.path("temp/deep/deep/deep").exists());
    unlinkat(&folder, "file", AtFlags::empty()).unwrap();
    futimens(&folder, &Timestamps { last_access: time, last_modification: time }).unwrap();
    let _ = site.maint(&CLEAN).exits(0);
    assert_eq!(site.tree("temp"), [""; 0]);
}

#[test]
fn odd_names_are_removed_and_shown_escaped() {
    let site = site();
    let names: [&[u8]; 7] =
        [b"-rf", b"--", b"*", b" ", b"new\nline", b"\x1b]0;title\x07\x1b[31mred", b"not \xff utf-8 \xc3"];
    for name in names {
        let path = site.path("temp").join(OsStr::from_bytes(name));
        fs::write(&path, "x").unwrap();
        age(&path, 2 * DAY);
    }
    let plan = site.maint(&["cleanup-temp", "-n", "temp"]).exits(0).stdout;
    for shown in
        ["temp/-rf (", r"temp/new\nline (", r"\x1b]0;title\x07\x1b[31mred (", r"not \xff utf-8 \xc3 ("]
    {
        assert!(plan.contains(shown), "{shown} is not in {plan}");
    }
    assert!(!plan.contains(|c: char| c.is_control() && c != '\n'), "{plan:?}");
    assert_eq!(plan.lines().count(), 2 + names.len() + 2, "{plan}");

    let report = site.maint(&CLEAN_JSON).exits(0);
    assert!(!report.stdout.contains(|c: char| c.is_control() && c != '\n'), "{:?}", report.stdout);
    assert_eq!(paths(&report.json(), "done").len(), names.len() + 1);
    assert_eq!(site.tree("temp"), [""; 0]);
}

#[test]
fn a_file_that_cannot_be_removed_is_named_and_the_rest_goes() {
    let site = site();
    site.file("temp/closed/stuck", "x", 2 * DAY);
    site.file("temp/open/free", "x", 2 * DAY);
    for (folder, mode) in [("temp/closed", 0o555), ("temp/open", 0o755)] {
        fs::set_permissions(site.path(folder), fs::Permissions::from_mode(mode)).unwrap();
        age(&site.path(folder), 2 * DAY);
    }
    let text = run(&mut site.command_as_user(&CLEAN)).exits(1);
    assert!(
        text.stderr.starts_with("maint: cleanup-temp: 2 done, 1 failed, 2 B freed in "),
        "{}",
        text.stderr
    );
    assert!(text.stderr.contains("temp/closed/stuck: Permission denied"), "{}", text.stderr);
    assert_eq!(site.tree("temp"), ["closed", "closed/stuck"]);

    let report = run(&mut site.command_as_user(&CLEAN_JSON)).exits(1).json();
    assert_eq!((&report["status"], &report["exit_code"]), (&"failed".into(), &1.into()));
    assert_eq!(paths(&report, "failed"), ["temp/closed"]);
    fs::set_permissions(site.path("temp/closed"), fs::Permissions::from_mode(0o755)).unwrap();
}

/// Makes a file deletable again, also when the test fails.
struct Immutable<'a>(&'a Path);

impl Drop for Immutable<'_> {
    fn drop(&mut self) {
        let _ = Command::new("chattr").arg("-i").arg(self.0).status();
    }
}

#[test]
fn an_immutable_file_is_named_even_to_root_and_the_rest_goes() {
    let site = site();
    let stuck = site.file("temp/stuck", "x", 2 * DAY);
    let chattr = Command::new("chattr").arg("+i").arg(&stuck).output();
    if !chattr.is_ok_and(|output| output.status.success()) {
        return leave_out("an immutable file", "chattr +i is not possible here");
    }
    let _guard = Immutable(&stuck);
    let report = site.maint(&CLEAN_JSON).exits(1).json();
    assert_eq!((paths(&report, "done"), paths(&report, "failed")), (vec!["temp/old"], vec!["temp/stuck"]));
    assert_eq!(report["steps"][1]["detail"], "Operation not permitted");
}

#[test]
fn a_folder_that_cannot_be_read_is_a_failure_and_the_rest_goes() {
    let site = site();
    site.file("temp/secret/old", "x", 2 * DAY);
    age(&site.path("temp/secret"), 2 * DAY);
    let close =
        |mode| fs::set_permissions(site.path("temp/secret"), fs::Permissions::from_mode(mode)).unwrap();
    close(0);
    for (args, outcome) in [(&["cleanup-temp", "-n", "--json", "temp"], "planned"), (&CLEAN_JSON, "done")] {
        let report = run(&mut site.command_as_user(args)).exits(1).json();
        assert_eq!(report["failures"], serde_json::json!(["temp/secret: Permission denied"]));
        assert_eq!(report["exit_code"], 1, "{outcome}");
        assert_eq!(paths(&report, outcome), ["temp/old"]);
    }
    close(0o755);
    assert_eq!(site.tree("temp"), ["secret", "secret/old"]);
}

#[test]
fn with_few_descriptors_nothing_is_missed() {
    let site = Site::bare();
    for number in 0..500 {
        // Some deep, and some in a chain that keeps a folder open for each of its links.
        let deep = if number % 10 == 0 { "/a/b/c" } else { "" };
        let chain = if number < 300 { "link/".repeat(number) } else { String::new() };
        site.file(&format!("temp/{chain}{number}{deep}/old"), "x", 2 * DAY);
    }
    let few = ["sh", "-c", "ulimit -n 256; exec \"$@\"", "sh"];
    let report = run(&mut inside(&few, &site.command(&CLEAN_JSON))).exits(0).json();
    assert_eq!(report["folders"][0]["files"], 500);
    let files = snapshot(&site.path("temp")).into_keys().filter(|path| path.is_file()).count();
    assert_eq!(files, 0);
}

#[test]
fn what_holds_a_home_that_a_symlink_leads_to_is_never_a_target() {
    let site = Site::bare();
    site.file("data/alice/letter", "x", 48);
    symlink(site.path("data/alice"), site.path("alice")).unwrap();
    let mut command = site.command(&["cleanup-temp", "--auto", site.path("data").to_str().unwrap()]);
    let refused = run(command.env("HOME", site.path("alice"))).exits(2);
    assert!(refused.complaint().contains("is a home directory"), "{}", refused.stderr);
    assert!(site.path("data/alice/letter").exists());
}
