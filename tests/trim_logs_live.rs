//! `maint trim-logs` on logs that are being written, on full disks, in memory, and killed at any moment.

use crate::support::{Site, can_mount, can_trace, finish, inside, leave_out, run};
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// True when every round is taken: that takes minutes.
fn takes_all() -> bool {
    std::env::var_os("MAINT_TEST_EVERY").is_some()
}

/// How fast a program writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speed {
    Slow,
    Bursts,
    Full,
}

/// True where a file can be shortened at its front.
fn collapses(folder: &Path) -> bool {
    let path = folder.join("probe");
    let file = File::create(&path).unwrap();
    file.set_len(1 << 16).unwrap();
    let flags = rustix::fs::FallocateFlags::COLLAPSE_RANGE;
    let can = rustix::fs::fallocate(&file, flags, 0, 4_096).is_ok();
    fs::remove_file(path).unwrap();
    can
}

/// A line of the writer: its number is in it twice, so that a torn one is seen.
fn line(number: u64) -> String {
    format!("{number:010} a line of a program that goes on writing {number:010}\n")
}

/// The numbers of the whole lines of a log; the first may be a part of one.
#[track_caller]
fn numbers(bytes: &[u8], place: &str) -> Vec<u64> {
    let text = std::str::from_utf8(bytes).unwrap_or_else(|error| panic!("{place}: {error}"));
    assert!(!text.contains('\0'), "zeros in the log, {place}");
    let is_whole = |part: &&str| part.len() + 1 == line(0).len();
    let mut parts: Vec<&str> = text.split('\n').collect();
    assert_eq!(parts.pop(), Some(""), "the last line has no end, {place}");
    let mut numbers = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        if index == 0 && !is_whole(part) {
            continue;
        }
        let number: u64 = part[..10].parse().unwrap_or_else(|_| panic!("a torn line {part:?}, {place}"));
        assert_eq!(format!("{part}\n"), line(number), "a torn line, {place}");
        numbers.push(number);
    }
    numbers
}

/// What was counted while a program wrote.
#[derive(Debug, Default)]
struct Count {
    written: u64,
    lost: u64,
    seen: u64,
}

/// Trims a log again and again while a program appends to it, and counts after each time what is missing.
fn trim_while_written(site: &Site, speed: Speed, rounds: u32) -> Count {
    let log = site.path("app.log");
    let mut file = OpenOptions::new().create(true).append(true).open(&log).unwrap();
    let inode = file.metadata().unwrap().ino();
    for number in 0..3_000 {
        file.write_all(line(number).as_bytes()).unwrap();
    }
    let (next, has_ended) = (AtomicU64::new(3_000), AtomicBool::new(false));
    let mut count = Count::default();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !has_ended.load(SeqCst) {
                let burst = if speed == Speed::Bursts { 50 } else { 1 };
                for _ in 0..burst {
                    file.write_all(line(next.load(SeqCst)).as_bytes()).unwrap();
                    next.fetch_add(1, SeqCst);
                }
                match speed {
                    Speed::Slow => std::thread::sleep(Duration::from_millis(1)),
                    Speed::Bursts => std::thread::sleep(Duration::from_millis(5)),
                    Speed::Full => {}
                }
            }
        });
        for round in 0..rounds {
            let _ = site.maint(&["trim-logs", "app.log"]).exits(0);
            // What was written before this look must be in it.
            let written = next.load(SeqCst);
            let mut look = File::open(&log).unwrap();
            let length = look.seek(std::io::SeekFrom::End(0)).unwrap();
            look.rewind().unwrap();
            let mut bytes = Vec::new();
            look.take(length).read_to_end(&mut bytes).unwrap();
            // The very last line may be half written at this moment.
            let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let found = numbers(&bytes[..end], &format!("round {round}"));
            let last = *found.last().expect("some lines stay");
            assert!(last + 1 >= written, "round {round}: {written} were written, {last} is the last");
            let (first, there) = (found[0], found.len() as u64);
            count.seen += there;
            count.lost += (last - first + 1) - there;
            assert!(there >= 1_000 - count.lost.min(1_000), "round {round}: only {there} lines are left");
        }
        has_ended.store(true, SeqCst);
    });
    count.written = next.load(SeqCst);
    assert_eq!(file.metadata().unwrap().ino(), inode);
    assert_eq!(fs::metadata(&log).unwrap().ino(), inode, "the writer's file is another one now");
    // The writer's own descriptor still reaches the log.
    file.write_all(b"the end\n").unwrap();
    assert!(fs::read(&log).unwrap().ends_with(b"the end\n"));
    count
}

fn report(what: &str, count: &Count) {
    let text = format!("MEASURED: {what}: {} lines lost of {} written\n", count.lost, count.written);
    let _ = std::io::stderr().write_all(text.as_bytes());
}

#[test]
fn no_line_is_lost_of_a_program_that_appends_at_full_speed() {
    let site = Site::bare();
    if !collapses(&site.root()) {
        return leave_out("a live log at full speed", "this file system cannot shorten a file at its front");
    }
    let count = trim_while_written(&site, Speed::Full, if takes_all() { 1_000 } else { 100 });
    report("trim-logs beside a writer at full speed", &count);
    assert_eq!(count.lost, 0, "{count:?}");
    assert!(count.written > 100_000, "{count:?}");
    assert_eq!(site.tree("."), ["app.log"]);
}

#[test]
fn no_line_is_lost_of_programs_that_append_slowly_or_in_bursts() {
    let site = [Site::bare(), Site::bare()];
    if !collapses(&site[0].root()) {
        return leave_out("a live log", "this file system cannot shorten a file at its front");
    }
    let rounds = if takes_all() { 200 } else { 40 };
    for (site, speed) in site.iter().zip([Speed::Slow, Speed::Bursts]) {
        let count = trim_while_written(site, speed, rounds);
        report(&format!("trim-logs beside a writer, {speed:?}"), &count);
        assert_eq!(count.lost, 0, "{speed:?}: {count:?}");
    }
}

/// In memory a file cannot be shortened at its front: what was appended meanwhile is caught up with.
#[test]
fn hardly_a_line_is_lost_where_a_log_cannot_be_shortened_at_its_front() {
    let site = Site::in_memory("");
    if collapses(&site.root()) {
        return leave_out(
            "the way over a side file",
            "every file system here can shorten a file at its front",
        );
    }
    for speed in [Speed::Slow, Speed::Bursts, Speed::Full] {
        let rounds = if takes_all() { 200 } else { 30 };
        // A busy machine may put the program to sleep in the one instant that matters: not each time, though.
        let is_close = (0..3).any(|_| {
            let _ = fs::remove_file(site.path("app.log"));
            let count = trim_while_written(&site, speed, rounds);
            report(&format!("trim-logs over a side file, {speed:?}"), &count);
            count.lost <= count.written / 100
        });
        assert!(is_close, "{speed:?}: more than 1 line of 100 was lost, three times");
    }
    assert_eq!(site.tree("."), ["app.log", "maint.toml"]);
}

/// The first kill hits after nothing, the last after everything.
fn killed(site: &Site, kills: u32, place: &str) {
    let log = site.path("app.log");
    let whole = (0..50_000).map(line).collect::<String>();
    let kept = (49_000..50_000).map(line).collect::<String>();
    let begin = Instant::now();
    fs::write(&log, &whole).unwrap();
    let written = begin.elapsed();
    let run_once = || {
        let begin = Instant::now();
        let _ = site.maint(&["trim-logs", "app.log"]).exits(0);
        begin.elapsed()
    };
    let time = run_once().max(Duration::from_millis(2)) + written / 100;
    let must_recover = !collapses(&site.root());
    let mut shortened = 0;
    for kill in 0..kills {
        fs::write(&log, &whole).unwrap();
        let mut maint = site.command(&["trim-logs", "app.log"]);
        let mut child = maint.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(time * kill / kills);
        child.kill().unwrap();
        child.wait().unwrap();
        let place = format!("{place}, kill {kill}");
        let after = fs::read(&log).unwrap();
        shortened += u32::from(after.len() < whole.len());
        if !must_recover {
            assert!(after.ends_with(kept.as_bytes()), "{place}: {} bytes are left", after.len());
        }
        let _ = run_once();
        let after = fs::read(&log).unwrap();
        assert!(after.ends_with(kept.as_bytes()), "{place}: {} bytes after the next run", after.len());
        let _ = numbers(&after, &place);
        assert!(after.len() < kept.len() + 4_096 + 100, "{place}: {} bytes", after.len());
        let left: Vec<String> = site.tree(".").into_iter().filter(|name| name != "maint.toml").collect();
        assert_eq!(left, ["app.log"], "{place}");
    }
    assert!(shortened > 0 && shortened < kills, "{place}: {shortened} of {kills} came to the end");
}

#[test]
fn the_last_lines_are_there_whenever_it_is_killed() {
    let site = Site::bare();
    killed(&site, if takes_all() { 300 } else { 60 }, "on disk");
}

#[test]
fn the_last_lines_are_there_after_the_next_run_whenever_it_is_killed_in_memory() {
    let site = Site::in_memory("");
    killed(&site, if takes_all() { 300 } else { 60 }, "in memory");
}

/// Random kills are a weak test: this one kills at each system call that changes something.
#[test]
fn the_last_lines_are_there_whichever_call_it_is_killed_at() {
    if !can_trace("a kill at each changing call") {
        return;
    }
    let calls = "openat,write,pwrite64,ftruncate,fallocate,fsync,fdatasync,unlink,unlinkat,rename,renameat,renameat2,linkat,copy_file_range,sendfile";
    for site in [Site::bare(), Site::in_memory("")] {
        let must_recover = !collapses(&site.root());
        let log = site.path("app.log");
        // Large enough for several steps of the shift.
        let whole = (0..60_000).map(line).collect::<String>();
        let kept = (30_000..60_000).map(line).collect::<String>();
        let mut killed = 0;
        for at in 1..400 {
            fs::write(&log, &whole).unwrap();
            let (name, folder) = (log.display().to_string(), site.root().display().to_string());
            let trace = site.around().join("trace");
            let (seen, rule) = (format!("trace={calls}"), format!("inject={calls}:signal=KILL:when={at}"));
            let strace = [
                "strace",
                "-f",
                "-qq",
                "-y",
                "-o",
                trace.to_str().unwrap(),
                "-P",
                &name,
                "-P",
                &folder,
                "-e",
                &seen,
                "-e",
                &rule,
            ];
            let trim = ["trim-logs", "--lines=30000", "app.log"];
            let ended = run(&mut inside(&strace, &site.command(&trim)));
            let place = format!("killed at call {at}, must recover: {must_recover}: {}", ended.code);
            let after = fs::read(&log).unwrap();
            if !must_recover {
                assert!(after.ends_with(kept.as_bytes()), "{place}: {} bytes are left", after.len());
            }
            let _ = site.maint(&trim).exits(0);
            let after = fs::read(&log).unwrap();
            assert!(after.ends_with(kept.as_bytes()), "{place}: {} bytes after the next run", after.len());
            let _ = numbers(&after, &place);
            let left: Vec<String> = site.tree(".").into_iter().filter(|name| name != "maint.toml").collect();
            assert_eq!(left, ["app.log"], "{place}");
            if !fs::read_to_string(&trace).unwrap().contains("killed by SIGKILL") {
                break;
            }
            killed += 1;
        }
        assert!(killed > 1, "only {killed} calls were met");
    }
}

/// A disk image of some megabytes, mounted at `logs` in a namespace of its own; `script` runs there.
fn on_a_small_disk(site: &Site, kind: &str, script: &str, args: &[&str]) -> crate::support::Run {
    let script = format!(
        "set -e
        truncate -s 24M ../disk && mkfs.{kind} -q ../disk && mkdir -p logs
        mount -o loop ../disk logs && rm -rf logs/lost+found
        trap 'cd /; umount -l '\"$PWD\"'/logs' EXIT
        {script}"
    );
    let wrapper = ["unshare", "-m", "--propagation", "private", "sh", "-c", &script, "sh"];
    let mut command = inside(&wrapper, &site.command(args));
    run(command.env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin"))
}

#[test]
fn a_full_disk_is_freed() {
    let site = Site::bare();
    if !can_mount() || !Path::new("/sbin/mkfs.ext4").exists() {
        return leave_out("a full ext4", "not root, no private mount namespaces, or no mkfs.ext4 here");
    }
    let script = r#"
        seq -f '%010.0f a line of a program that goes on writing' 1 60000 >logs/app.log
        cat logs/app.log | tail -n 1000 >../kept
        dd if=/dev/zero of=logs/filling bs=4k status=none || true
        sync
        df --output=avail -B1 logs | tail -n 1 >../before
        code=0; "$@" || code=$?
        sync
        df --output=avail -B1 logs | tail -n 1 >../after
        cp logs/app.log ../found; ls -A logs >../left
        exit $code"#;
    let probe = on_a_small_disk(&site, "ext4", "true", &["--version"]);
    if probe.code != 0 {
        return leave_out("a full ext4", &format!("no loop device here: {}", probe.stderr.trim()));
    }
    let site = Site::bare();
    let _ = on_a_small_disk(&site, "ext4", script, &["trim-logs", "logs/app.log"]).exits(0);
    let read = |name: &str| fs::read_to_string(site.around().join(name)).unwrap();
    let number = |name: &str| read(name).trim().parse::<u64>().unwrap();
    assert!(number("before") < 8_192, "the disk was not full: {}", number("before"));
    assert!(number("after") > 1 << 20, "{} bytes are free", number("after"));
    assert!(read("found").ends_with(&read("kept")));
    assert!(read("found").len() < read("kept").len() + 4_096);
    assert_eq!(read("left"), "app.log\nfilling\n");
}

/// There a log cannot be shortened without room for its last lines; it stays whole.
#[test]
fn on_a_full_disk_in_memory_the_log_stays_whole_or_is_trimmed() {
    if !can_mount() {
        return leave_out("a full tmpfs", "not root, or no private mount namespaces here");
    }
    for free in [0, 4, 16, 64, 256] {
        let site = Site::bare();
        fs::write(site.path("app.log"), (0..40_000).map(line).collect::<String>()).unwrap();
        let script = format!(
            "set -e
            mkdir logs && mount -t tmpfs -o size=6m none logs
            mv app.log logs/app.log
            dd if=/dev/zero of=logs/reserve bs=1k count={free} status=none
            dd if=/dev/zero of=logs/filling bs=4k status=none || true
            rm logs/reserve
            code=0; \"$@\" || code=$?
            cp logs/app.log ../found; ls -A logs >../left
            rm logs/filling; \"$@\"; cp logs/app.log ../next
            exit $code"
        );
        let trim = site.command(&["trim-logs", "logs/app.log"]);
        let ended = run(&mut inside(&["unshare", "-m", "sh", "-c", &script, "sh"], &trim));
        let place = format!("{free} KB free: {} {}", ended.code, ended.stderr);
        let kept = (39_000..40_000).map(line).collect::<String>();
        let found = fs::read_to_string(site.around().join("found")).unwrap();
        assert!(found.ends_with(&kept), "{place}: {} bytes", found.len());
        assert!(ended.code == 0 || found.len() == line(0).len() * 40_000, "{place}");
        assert!(ended.code == 0 || ended.stderr.contains("No space left on device"), "{place}");
        assert_eq!(fs::read_to_string(site.around().join("left")).unwrap(), "app.log\nfilling\n", "{place}");
        assert!(
            fs::read_to_string(site.around().join("next")).unwrap().len() < kept.len() + 4_096,
            "{place}"
        );
    }
}

#[test]
fn a_log_that_is_deleted_meanwhile_is_none() {
    let site = Site::in_memory("");
    for round in 0..20 {
        let log = site.path("app.log");
        fs::write(&log, (0..50_000).map(line).collect::<String>()).unwrap();
        let child = site.start(&["trim-logs", "app.log"]);
        std::thread::sleep(Duration::from_millis(round));
        fs::remove_file(&log).unwrap();
        let ended = finish(child);
        assert!(matches!(ended.code, 0..=2), "round {round}: {} {}", ended.code, ended.stderr);
        assert!(!ended.stderr.contains("panicked") && !ended.stderr.contains("os error"), "{}", ended.stderr);
        assert!(!log.exists(), "round {round}: a deleted log came back");
        assert_eq!(site.tree("."), ["maint.toml"], "round {round}");
    }
}

#[test]
fn a_log_that_is_rotated_meanwhile_loses_nothing_under_either_name() {
    let site = Site::bare();
    for round in 0..20 {
        let (log, rotated) = (site.path("app.log"), site.path("app.log.1"));
        fs::write(&log, (0..50_000).map(line).collect::<String>()).unwrap();
        let child = site.start(&["trim-logs", "app.log"]);
        std::thread::sleep(Duration::from_millis(round));
        fs::rename(&log, &rotated).unwrap();
        fs::write(&log, "a new one\n").unwrap();
        let ended = finish(child);
        assert!(matches!(ended.code, 0 | 1), "round {round}: {} {}", ended.code, ended.stderr);
        assert_eq!(fs::read_to_string(&log).unwrap(), "a new one\n", "round {round}");
        let kept = (49_000..50_000).map(line).collect::<String>();
        assert!(fs::read_to_string(&rotated).unwrap().ends_with(&kept), "round {round}");
        fs::remove_file(&rotated).unwrap();
    }
}

#[test]
fn an_end_that_is_asked_for_leaves_the_log_whole() {
    for site in [Site::bare(), Site::in_memory("")] {
        for round in 0..15_u32 {
            fs::write(site.path("app.log"), (0..50_000).map(line).collect::<String>()).unwrap();
            let child = site.start(&["trim-logs", "app.log"]);
            std::thread::sleep(Duration::from_millis(u64::from(round)));
            crate::support::send(&child, rustix::process::Signal::TERM);
            let ended = finish(child);
            assert!(matches!(ended.code, 0 | 143), "round {round}: {} {}", ended.code, ended.stderr);
            let kept = (49_000..50_000).map(line).collect::<String>();
            let text = fs::read_to_string(site.path("app.log")).unwrap();
            assert!(text.ends_with(&kept), "round {round}: {} bytes", text.len());
            let left: Vec<String> = site.tree(".").into_iter().filter(|name| name != "maint.toml").collect();
            assert_eq!(left, ["app.log"], "round {round}");
        }
    }
}
