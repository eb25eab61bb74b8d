//! `maint trim-logs`: the last lines stay, the rest goes, and nothing else is touched.

use crate::support::{Run, Site, binary, can_trace, inside, is_root, leave_out, run};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};

/// Where the file system shortens at the front, what begins before the lines that stay is less than this.
const BLOCK: u64 = 4_096;

/// Lines with these numbers.
fn lines(numbers: std::ops::Range<u32>) -> String {
    numbers.fold(String::new(), |mut text, number| {
        use std::fmt::Write as _;
        let _ = writeln!(text, "2026-11-20 12:00:00 INFO request {number:08} answered");
        text
    })
}

/// The last `count` lines of a text that ends in a line end.
fn last(text: &[u8], count: usize) -> &[u8] {
    let ends: Vec<usize> =
        text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect();
    if ends.len() <= count { text } else { &text[ends[ends.len() - count - 1]..] }
}

/// Without the blanks that stand in the place of the line that was cut.
fn without_blanks(log: &[u8]) -> &[u8] {
    let blanks = log.iter().take_while(|byte| **byte == b' ').count();
    if log.get(blanks) == Some(&b'\n') { &log[blanks + 1..] } else { log }
}

/// The log holds these last lines of its old self, and hardly more.
#[track_caller]
fn is_trimmed(path: &Path, old: &[u8], count: usize) {
    let new = fs::read(path).unwrap();
    let kept = last(old, count);
    assert!(new.ends_with(kept), "the last {count} lines are not there: {} bytes", new.len());
    let whole = without_blanks(&new);
    assert!(old.ends_with(whole), "it is not an end of its old self: {} bytes", new.len());
    let is_cut_at_a_line = whole.len() == old.len() || old[old.len() - whole.len() - 1] == b'\n';
    assert!(is_cut_at_a_line, "the first line is a part of one");
    let extra = new.len() - kept.len();
    assert!((extra as u64) < BLOCK, "{extra} bytes more than the last {count} lines");
}

/// The step of a report about this file.
#[track_caller]
fn step<'a>(report: &'a serde_json::Value, name: &str) -> &'a serde_json::Value {
    let steps = report["steps"].as_array().unwrap();
    let of = |step: &&serde_json::Value| step["path"].as_str().unwrap_or_default().ends_with(name);
    steps.iter().find(of).unwrap_or_else(|| panic!("no step about {name} in {report}"))
}

fn bare_with(name: &str, content: &[u8]) -> (Site, PathBuf) {
    let site = Site::bare();
    let path = site.path(name);
    fs::write(&path, content).unwrap();
    (site, path)
}

#[test]
fn the_last_thousand_lines_stay_where_nothing_else_is_said() {
    let old = lines(0..5_000);
    let (site, log) = bare_with("app.log", old.as_bytes());
    let _ = site.maint(&["trim-logs", "app.log"]).exits(0);
    is_trimmed(&log, old.as_bytes(), 1_000);
    assert!(fs::metadata(&log).unwrap().len() < old.len() as u64 / 4);
}

#[test]
fn the_number_of_lines_may_be_said() {
    for count in [1, 2, 10, 999, 4_999] {
        let old = lines(0..5_000);
        let (site, log) = bare_with("app.log", old.as_bytes());
        let _ = site.maint(&["trim-logs", &format!("--lines={count}"), "app.log"]).exits(0);
        is_trimmed(&log, old.as_bytes(), count);
    }
}

#[test]
fn a_number_that_is_none_never_means_to_remove_everything() {
    for number in ["-1", "nan", "inf", "1e400", "", "1.5", "99999999999999999999", "ten", "0x10"] {
        let old = lines(0..5_000);
        let (site, log) = bare_with("app.log", old.as_bytes());
        let _ = site.maint(&["trim-logs", &format!("--lines={number}"), "app.log"]).exits(2);
        assert!(fs::read(&log).unwrap() == old.as_bytes(), "{number:?}");
    }
}

#[test]
fn no_lines_at_all_are_refused_or_leave_an_empty_log_and_nothing_in_between() {
    let old = lines(0..5_000);
    let (site, log) = bare_with("app.log", old.as_bytes());
    let ended = site.maint(&["trim-logs", "--lines=0", "app.log"]);
    let new = fs::read(&log).unwrap();
    match ended.code {
        2 | 4 => assert!(new == old.as_bytes()),
        0 => assert!((new.len() as u64) < BLOCK && old.as_bytes().ends_with(&new), "{} bytes", new.len()),
        other => panic!("{other}: {}", ended.stderr),
    }
}

#[test]
fn the_name_of_the_original_works_and_it_needs_no_configuration() {
    let old = lines(0..5_000);
    let (site, log) = bare_with("app.log", old.as_bytes());
    let report = site.maint(&["clean-logs", "--lines=100", "--json", "app.log"]).exits(0).json();
    assert_eq!(report["job"], "trim-logs");
    is_trimmed(&log, old.as_bytes(), 100);
}

#[test]
fn the_report_tells_sizes_before_and_after() {
    let old = lines(0..5_000);
    let (site, log) = bare_with("app.log", old.as_bytes());
    let report = site.maint(&["trim-logs", "--json", "app.log"]).exits(0).json();
    let step = step(&report, "app.log");
    assert_eq!(step["outcome"], "done", "{report}");
    assert_eq!(step["size_before_bytes"], old.len(), "{report}");
    assert_eq!(step["size_after_bytes"], fs::metadata(&log).unwrap().len(), "{report}");
    let counted = step.as_object().unwrap().iter().find(|(key, _)| key.starts_with("lines"));
    assert!(counted.is_some_and(|(_, count)| count.is_u64()), "no count of lines in {report}");
}

#[test]
fn a_log_that_is_short_is_untouched_and_said_to_be() {
    for count in [0, 1, 10, 999, 1_000] {
        let (site, log) = bare_with("short.log", lines(0..count).as_bytes());
        crate::support::age(&log, 5);
        let before = fs::metadata(&log).unwrap();
        let report = site.maint(&["trim-logs", "--json", "short.log"]).exits(0).json();
        let after = fs::metadata(&log).unwrap();
        assert_eq!(fs::read_to_string(&log).unwrap(), lines(0..count));
        assert_eq!((after.ctime(), after.ctime_nsec()), (before.ctime(), before.ctime_nsec()));
        assert!(report.to_string().contains("short.log"), "{count}: {report}");
        let shown = site.maint(&["trim-logs", "-n", "short.log"]).exits(0);
        assert!(
            format!("{}{}", shown.stdout, shown.stderr).contains("short.log"),
            "{count}: {}",
            shown.stdout
        );
    }
}

#[test]
fn a_rehearsal_changes_nothing_and_names_what_the_run_touches() {
    let site = Site::new("[trim-logs]\npaths = [\"logs/*.log\"]\n");
    site.file("logs/long.log", &lines(0..5_000), 1);
    site.file("logs/short.log", &lines(0..10), 1);
    let before = site.snapshot();
    let shown = site.maint(&["trim-logs", "-n"]).exits(0).stdout;
    assert!(shown.contains("logs/long.log") && shown.contains("would "), "{shown}");
    let planned = site.maint(&["trim-logs", "-n", "--json"]).exits(0).json();
    assert_eq!(site.snapshot(), before);
    let done = site.maint(&["trim-logs", "--json"]).exits(0).json();
    let names = |report: &serde_json::Value, outcome: &str| -> Vec<String> {
        crate::support::paths(report, outcome).into_iter().map(str::to_owned).collect()
    };
    assert_eq!(names(&planned, "planned"), names(&done, "done"));
    assert_eq!(names(&done, "done").len(), 1, "{done}");
}

#[test]
fn many_logs_by_globs_and_some_left_out() {
    let config = "[trim-logs]\npaths = [\"logs/*.log\", \"deep/**/*.txt\", \"one.out\"]\nexclude = [\"keep*\"]\nlines = 50\n";
    let site = Site::new(config);
    let old = lines(0..3_000);
    let trimmed = ["logs/a.log", "logs/b.log", "deep/x/y/c.txt", "one.out"];
    let kept = ["logs/keep.log", "logs/a.txt", "logs/sub/d.log", "deep/c.log", "two.out"];
    for name in trimmed.iter().chain(&kept) {
        site.file(name, &old, 1);
    }
    let report = site.maint(&["trim-logs", "--json"]).exits(0).json();
    for name in trimmed {
        is_trimmed(&site.path(name), old.as_bytes(), 50);
    }
    for name in kept {
        assert!(fs::read(site.path(name)).unwrap() == old.as_bytes(), "{name}");
    }
    assert_eq!(crate::support::paths(&report, "done").len(), trimmed.len(), "{report}");
}

#[test]
fn a_second_run_finds_little_to_do() {
    let site = Site::new("[trim-logs]\npaths = [\"*.log\"]\n");
    let log = site.file("app.log", &lines(0..50_000), 1);
    let _ = site.maint(&["trim-logs"]).exits(0);
    let once = fs::metadata(&log).unwrap().len();
    let _ = site.maint(&["trim-logs"]).exits(0);
    let twice = fs::metadata(&log).unwrap().len();
    assert!(twice <= once && once - twice < BLOCK, "{once} then {twice}");
}

#[test]
fn inode_owner_mode_and_name_stay() {
    let old = lines(0..50_000);
    let (site, log) = bare_with("app.log", old.as_bytes());
    fs::set_permissions(&log, fs::Permissions::from_mode(0o640)).unwrap();
    if is_root() {
        chown(&log, Some(33), Some(4)).unwrap();
    }
    let held = File::open(&log).unwrap();
    let before = fs::metadata(&log).unwrap();
    let _ = site.maint(&["trim-logs", "app.log"]).exits(0);
    let after = fs::metadata(&log).unwrap();
    let kind = |meta: &fs::Metadata| (meta.ino(), meta.uid(), meta.gid(), meta.mode(), meta.nlink());
    assert_eq!(kind(&after), kind(&before));
    assert_eq!(held.metadata().unwrap().len(), after.len());
    assert_eq!(site.tree("."), ["app.log"]);
}

#[test]
fn a_log_in_any_encoding_is_cut_at_a_line_end() {
    let numbered = |form: &dyn Fn(u32) -> Vec<u8>| -> Vec<u8> { (0..5_000).flat_map(form).collect() };
    let invalid = numbered(&|number| [b"bad\xff\xfe\x80 ", number.to_string().as_bytes(), b"\n"].concat());
    let latin = numbered(&|number| [b"caf\xe9 r\xe9ponse ", number.to_string().as_bytes(), b"\n"].concat());
    let zeros = numbered(&|number| [b"a\0b\0\0 ", number.to_string().as_bytes(), b"\n"].concat());
    let windows = numbered(&|number| format!("line {number}\r\n").into_bytes());
    let empty = numbered(&|_| b"\n".to_vec());
    let colours = numbered(&|number| format!("\u{1b}[31m\u{202e}é 日本 {number}\u{1b}[0m\n").into_bytes());
    for (name, old) in [
        ("invalid", invalid),
        ("latin", latin),
        ("zeros", zeros),
        ("windows", windows),
        ("empty", empty),
        ("colours", colours),
    ] {
        let (site, log) = bare_with("app.log", &old);
        let _ = site.maint(&["trim-logs", "app.log"]).exits(0);
        let new = fs::read(&log).unwrap();
        assert!(new.ends_with(last(&old, 1_000)) && old.ends_with(without_blanks(&new)), "{name}");
        assert!((new.len() - last(&old, 1_000).len()) as u64 <= BLOCK, "{name}: {} bytes", new.len());
    }
}

/// What a program leaves that does not append: zeros up to where it went on.
#[test]
fn a_log_with_zeros_in_it_is_trimmed_by_its_real_lines() {
    let end = lines(0..5_000);
    for (name, old) in [
        ("at the front", [&vec![0; 10_000], end.as_bytes()].concat()),
        ("one at the front", [b"\0", end.as_bytes()].concat()),
        ("in the middle", [end.as_bytes(), &[0; 5_000], end.as_bytes()].concat()),
        ("in each line", end.replace("INFO", "\0\0").into_bytes()),
        ("every other byte of the first line", [b"a\0b\0c\0d\0 e\n", end.as_bytes()].concat()),
    ] {
        let (site, log) = bare_with("app.log", &old);
        let ended = site.maint(&["trim-logs", "--lines=10", "--json", "app.log"]).exits(0);
        let new = fs::read(&log).unwrap();
        let kept = last(&old, 10);
        assert!(new.ends_with(kept), "{name}: {}", ended.stdout);
        assert!(((new.len() - kept.len()) as u64) < BLOCK, "{name}: {} bytes: {}", new.len(), ended.stdout);
    }
}

/// Two bytes do not make a log UTF-16.
#[test]
fn a_log_that_only_begins_like_utf_16_is_trimmed_by_its_real_lines() {
    for old in [
        (0..5_000)
            .flat_map(|number| [b"\xff\xfe ", number.to_string().as_bytes(), b"\n"].concat())
            .collect::<Vec<u8>>(),
        [b"\xff\xfe bad bytes\n", lines(0..5_000).as_bytes()].concat(),
    ] {
        let (site, log) = bare_with("app.log", &old);
        let ended = site.maint(&["trim-logs", "--lines=10", "--json", "app.log"]).exits(0);
        let new = fs::read(&log).unwrap();
        assert!(new.ends_with(last(&old, 10)), "{}", ended.stdout);
        assert!(
            new.len() as u64 <= last(&old, 10).len() as u64 + BLOCK,
            "{} bytes: {}",
            new.len(),
            ended.stdout
        );
    }
}

/// Lines whose letters hold the byte of a line end.
fn french(numbers: std::ops::Range<u32>) -> String {
    numbers.map(|number| ["é ligne Ċ ", &number.to_string(), "\r\n"].concat()).collect()
}

#[test]
fn utf_16_is_never_cut_in_the_middle_of_a_character() {
    for (mark, to_bytes) in [
        (0xfeff_u16, (|unit: u16| unit.to_le_bytes()) as fn(u16) -> [u8; 2]),
        (0xfeff, |unit: u16| unit.to_be_bytes()),
    ] {
        let text = french(0..20_000);
        let old: Vec<u8> = std::iter::once(mark).chain(text.encode_utf16()).flat_map(to_bytes).collect();
        let (site, log) = bare_with("app.log", &old);
        let ended = site.maint(&["trim-logs", "--lines=100", "--json", "app.log"]);
        let new = fs::read(&log).unwrap();
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!((old.len() - new.len()) % 2, 0, "cut in the middle of a character");
        // What stands in the place of the line that was cut is text in this encoding, too.
        let order = if to_bytes(1) == [1, 0] { u16::from_le_bytes } else { u16::from_be_bytes };
        let (units, _) = new.as_chunks::<2>();
        let units: Vec<u16> = units.iter().map(|unit| order(*unit)).collect();
        let shown = String::from_utf16(&units).expect("it is UTF-16");
        let mut shown = shown.trim_start_matches('\u{feff}').lines();
        let first = shown.next().unwrap();
        assert!(first.trim().is_empty() || first.starts_with("é ligne Ċ "), "{first:?}");
        assert!(shown.all(|line| line.starts_with("é ligne Ċ ")), "a line is torn");
        let last: Vec<u8> = french(19_900..20_000).encode_utf16().flat_map(to_bytes).collect();
        assert!(new.ends_with(&last), "{} of {} bytes are left", new.len(), old.len());
    }
}

#[test]
fn a_last_line_without_an_end_is_a_line() {
    let mut old = lines(0..5_000).into_bytes();
    old.extend_from_slice(b"and this one goes o");
    let (site, log) = bare_with("app.log", &old);
    let _ = site.maint(&["trim-logs", "--lines=10", "app.log"]).exits(0);
    let new = fs::read(&log).unwrap();
    let kept = [last(&lines(0..5_000).into_bytes(), 9), b"and this one goes o"].concat();
    assert!(new.ends_with(&kept) && old.ends_with(without_blanks(&new)));
    assert!(((new.len() - kept.len()) as u64) < BLOCK + 100, "{} bytes", new.len());
}

#[test]
fn an_empty_log_is_nothing_to_do() {
    let (site, log) = bare_with("app.log", b"");
    let _ = site.maint(&["trim-logs", "app.log"]).exits(0);
    assert_eq!(fs::metadata(&log).unwrap().len(), 0);
}

/// A single line of 500 MB, most of it a hole, before some others.
#[test]
fn a_line_of_half_a_gigabyte_takes_no_memory() {
    for (tail, count) in [(5, 3), (5, 5), (1_500, 1_000), (0, 1)] {
        let site = Site::bare();
        let log = site.path("app.log");
        let file = File::create(&log).unwrap();
        let end = 500 << 20;
        file.write_all_at(b"\n", end).unwrap();
        file.write_all_at(lines(0..tail).as_bytes(), end + 1).unwrap();
        // Who holds it open like this would count as a writer that does not append.
        drop(file);
        let limited = ["sh", "-c", "ulimit -v 300000; exec \"$@\"", "sh"];
        let maint = site.command(&["trim-logs", &format!("--lines={count}"), "app.log"]);
        let _ = run(&mut inside(&limited, &maint)).exits(0);
        let left = fs::metadata(&log).unwrap().len();
        let kept = last(lines(0..tail).as_bytes(), count).len() as u64;
        if u32::try_from(count).unwrap() <= tail {
            assert!(left < kept + 2 * BLOCK, "{left} bytes are left of {tail} lines");
        } else {
            assert_eq!(left, end + 1, "the long line is the last one, and stays");
        }
        let mut end_of_file = vec![0; usize::try_from(kept).unwrap()];
        File::open(&log).unwrap().read_exact_at(&mut end_of_file, left - kept).unwrap();
        assert!(end_of_file == last(lines(0..tail).as_bytes(), count));
    }
}

/// The peak memory of a run as the kernel tells it.
#[test]
fn a_large_log_takes_no_memory() {
    let site = Site::bare();
    let log = site.path("app.log");
    let mut file = File::create(&log).unwrap();
    let chunk = lines(0..100_000);
    for _ in 0..20 {
        file.write_all(chunk.as_bytes()).unwrap();
    }
    drop(file);
    // The program itself is some tens of megabytes in a debug build: what counts is what a large log adds.
    let limited = ["sh", "-c", "ulimit -d 24000; exec \"$@\"", "sh"];
    let _ = run(&mut inside(&limited, &site.command(&["trim-logs", "app.log"]))).exits(0);
    is_trimmed(&log, chunk.as_bytes(), 1_000);
}

#[test]
fn what_is_no_log_is_refused_and_untouched() {
    let site = Site::bare();
    let outside = site.around().join("outside.log");
    fs::write(&outside, lines(0..5_000)).unwrap();
    symlink(&outside, site.path("symlink.log")).unwrap();
    fs::create_dir(site.path("folder.log")).unwrap();
    mknodat(CWD, site.path("fifo.log"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    site.file("first.log", &lines(0..5_000), 1);
    fs::hard_link(site.path("first.log"), site.path("second.log")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(site.path("socket.log")).unwrap();
    for name in
        ["symlink.log", "folder.log", "fifo.log", "second.log", "socket.log", "/dev/null", "/dev/zero"]
    {
        let before = snapshot(&site);
        let ended = refused(&site, name);
        assert!(matches!(ended.code, 1 | 2), "{name}: {} {}", ended.code, ended.stderr);
        let text = format!("{}{}", ended.stdout, ended.stderr);
        assert!(text.contains(name.trim_start_matches('/')) && !text.contains("os error"), "{name}: {text}");
        assert_eq!(snapshot(&site), before, "{name}");
    }
}

/// A FIFO must not be waited for.
fn refused(site: &Site, name: &str) -> Run {
    run(&mut inside(&["timeout", "20"], &site.command(&["trim-logs", name])))
}

fn snapshot(site: &Site) -> BTreeMap<PathBuf, String> {
    let mut all = crate::support::snapshot(&site.root());
    all.extend(crate::support::snapshot(&site.around().join("outside.log")));
    all
}

#[test]
fn a_link_below_a_glob_is_left_alone_and_the_rest_is_done() {
    let site = Site::new("[trim-logs]\npaths = [\"logs/*.log\"]\nlines = 100\n");
    let old = lines(0..5_000);
    let outside = site.around().join("outside.log");
    fs::write(&outside, &old).unwrap();
    site.file("logs/a.log", &old, 1);
    symlink(&outside, site.path("logs/b.log")).unwrap();
    let ended = site.maint(&["trim-logs"]);
    assert!(matches!(ended.code, 0 | 1), "{}", ended.stderr);
    assert!(fs::read(&outside).unwrap() == old.as_bytes());
    is_trimmed(&site.path("logs/a.log"), old.as_bytes(), 100);
}

#[test]
fn a_log_that_is_missing_fails_and_the_others_are_done() {
    let old = lines(0..5_000);
    let (site, log) = bare_with("app.log", old.as_bytes());
    let ended = site.maint(&["trim-logs", "absent.log", "app.log"]).exits(1);
    assert!(format!("{}{}", ended.stdout, ended.stderr).contains("absent.log"), "{}", ended.stderr);
    is_trimmed(&log, old.as_bytes(), 1_000);
    assert!(!site.path("absent.log").exists());
}

#[test]
fn a_single_missing_log_is_named() {
    let site = Site::bare();
    let ended = site.maint(&["trim-logs", "absent.log"]);
    assert!(matches!(ended.code, 1 | 2), "{}", ended.stderr);
    assert!(ended.stderr.contains("absent.log") && !ended.stderr.contains("os error"), "{}", ended.stderr);
}

#[test]
fn a_glob_that_finds_nothing_is_nothing_to_do() {
    let site = Site::new("[trim-logs]\npaths = [\"logs/*.log\"]\n");
    let _ = site.maint(&["trim-logs"]).exits(0);
    site.folder("logs");
    let _ = site.maint(&["trim-logs"]).exits(0);
}

#[test]
fn without_any_log_to_trim_the_cure_is_named() {
    for site in [Site::bare(), Site::new("")] {
        let ended = site.maint(&["trim-logs"]).exits(2);
        assert!(
            ended.complaint().contains("paths") || ended.complaint().contains("FILE"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn a_log_outside_the_site_or_in_a_forbidden_place_is_no_path_of_the_configuration() {
    for path in ["../outside.log", "/etc/*.conf", "/"] {
        let site = Site::new(&format!("[trim-logs]\npaths = [\"{path}\"]\n"));
        fs::write(site.around().join("outside.log"), lines(0..5_000)).unwrap();
        let _ = site.maint(&["trim-logs", "-n"]).exits(2);
        assert_eq!(fs::read_to_string(site.around().join("outside.log")).unwrap(), lines(0..5_000));
    }
}

#[test]
fn a_log_that_may_not_be_written_fails_with_its_name() {
    let old = lines(0..5_000);
    let (site, log) = bare_with("app.log", old.as_bytes());
    fs::set_permissions(&log, fs::Permissions::from_mode(0o444)).unwrap();
    let ended = run(&mut site.command_as_user(&["trim-logs", "app.log"])).exits(1);
    assert!(ended.stderr.contains("app.log") && ended.stderr.contains("ermission"), "{}", ended.stderr);
    assert!(fs::read(&log).unwrap() == old.as_bytes());
}

#[test]
fn odd_names_are_names() {
    let site = Site::bare();
    let old = lines(0..5_000);
    for name in ["a b.log", "-rf.log", "new\nline.log", "[x].log", "*.log", "caf\u{e9}.log", "\u{1b}[2J.log"]
    {
        fs::write(site.path(name), &old).unwrap();
        fs::write(site.path("other.log"), &old).unwrap();
        let ended = site.maint(&["trim-logs", "--lines=10", "--json", "--", name]).exits(0);
        assert!(!ended.stdout.contains('\u{1b}'), "{name:?}");
        is_trimmed(&site.path(name), old.as_bytes(), 10);
        assert!(fs::read(site.path("other.log")).unwrap() == old.as_bytes(), "{name:?} took another");
        fs::remove_file(site.path(name)).unwrap();
    }
}

#[test]
fn twice_the_same_log_is_one() {
    let old = lines(0..5_000);
    let (site, log) = bare_with("app.log", old.as_bytes());
    let _ = site.maint(&["trim-logs", "--lines=10", "app.log", "./app.log", "app.log"]).exits(0);
    is_trimmed(&log, old.as_bytes(), 10);
}

#[test]
fn its_own_run_is_recorded_and_two_at_once_are_one() {
    let site = Site::new(
        "[trim-logs]\npaths = [\"*.log\"]\n[jobs.trim]\nschedule = \"0 3 * * *\"\ncommand = \"trim-logs --lines 10\"\n",
    );
    let old = lines(0..5_000);
    site.file("app.log", &old, 1);
    let _ = site.maint(&["run", "trim"]).exits(0);
    is_trimmed(&site.path("app.log"), old.as_bytes(), 10);
    assert_eq!(site.history()[0]["job"], "trim");
}

#[test]
fn a_program_that_writes_at_a_place_of_its_own_is_told_of() {
    let site = Site::bare();
    let old = lines(0..50_000);
    fs::write(site.path("app.log"), &old).unwrap();
    // It holds the log open for writing, but does not append.
    let line =
        "exec 3<>app.log; dd bs=1 count=0 seek=2500000 >&3 2>/dev/null; touch started; exec sleep 60 >&3";
    let mut writer = site.through("sh", &["-c", line]).spawn().unwrap();
    crate::support::wait_until("it holds the log", || site.path("started").exists());
    let ended = site.maint(&["trim-logs", "--json", "app.log"]);
    let text = format!("{}{}", ended.stdout, ended.stderr);
    assert!(
        text.contains("not at its end") && text.contains(&format!("pid {}", writer.id())),
        "nobody is told: {text}"
    );
    // Refused, or done: never half of it.
    if ended.code == 0 {
        is_trimmed(&site.path("app.log"), old.as_bytes(), 1_000);
    } else {
        assert!(fs::read(site.path("app.log")).unwrap() == old.as_bytes(), "{text}");
    }
    writer.kill().unwrap();
    writer.wait().unwrap();
}

#[test]
fn the_recorded_answers_have_their_counterparts() {
    // 5,000 lines become 1,000, 1,000 and 10 stay, an absent log fails, one that is no UTF-8 is trimmed all the same.
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/linkedin/api");
    if !recorded.is_dir() {
        leave_out("the recorded answers of clean_logs", "../shared/data/linkedin is not here");
    }
    for (lines_before, removed) in [(5_000_u32, 4_000_u32), (1_000, 0), (10, 0)] {
        let (site, log) = bare_with("bot.log", lines(0..lines_before).as_bytes());
        let _ = site.maint(&["clean-logs", "bot.log"]).exits(0);
        let left = fs::read_to_string(&log).unwrap().lines().count();
        let expected = usize::try_from(lines_before - removed).unwrap();
        assert!((expected..expected + 100).contains(&left), "{left} lines of {lines_before}");
        let answer = recorded.join(format!(
            "0{}-clean_logs-{lines_before}.txt",
            match lines_before {
                5_000 => 5,
                1_000 => 6,
                _ => 7,
            }
        ));
        if let Ok(text) = fs::read_to_string(answer) {
            assert!(text.contains(&format!("\"lines_removed\":{removed}")), "{text}");
        }
    }
}

#[test]
fn every_failing_call_is_survived_and_told() {
    if !can_trace("a failing disk") {
        return;
    }
    let calls = "openat,pread64,read,write,pwrite64,ftruncate,fallocate,fsync,fdatasync,fstat,statx,unlink,unlinkat,copy_file_range,sendfile,renameat2";
    let old = lines(0..5_000);
    let every = std::env::var_os("MAINT_TEST_EVERY").is_some();
    let mut failures = 0;
    for at in (1..120).step_by(if every { 1 } else { 2 }) {
        let error = ["EIO", "ENOSPC", "EINTR"][at % 3];
        let (site, log) = bare_with("app.log", old.as_bytes());
        let (name, trace) = (log.display().to_string(), site.around().join("trace"));
        let (rule, seen) = (format!("inject={calls}:error={error}:when={at}"), format!("trace={calls}"));
        let folder = site.root().display().to_string();
        let strace = [
            "strace",
            "-f",
            "-qq",
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
        let failed = run(&mut inside(&strace, &site.command(&["trim-logs", "--lines=100", "app.log"])));
        let shown = format!("{error} at call {at}: {} {}", failed.code, failed.stderr);
        if !fs::read_to_string(&trace).unwrap().contains("(INJECTED)") {
            break;
        }
        assert!(!failed.stderr.contains("panic") && !failed.stderr.contains("os error"), "{shown}");
        let _ = site.maint(&["trim-logs", "--lines=100", "app.log"]).exits(0);
        is_trimmed(&log, old.as_bytes(), 100);
        assert_eq!(site.tree("."), ["app.log"], "{shown}");
        failures += usize::from(failed.code != 0);
    }
    assert!(failures > 0, "no call failed");
    let _ = binary();
}
