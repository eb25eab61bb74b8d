//! `maint ascl-refresh` killed at any moment, on a disk that fails or is full: the catalogue is the old or the new one.

use crate::support::ascl::universe;
use crate::support::catalogue::{CATALOGUE, Scene, best, catalogue};
use crate::support::github::Repository;
use crate::support::{Run, can_mount, can_trace, inside, leave_out, run};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::Instant;

const KILLS: u32 = 200;

/// A site whose catalogue is old.
struct Prepared {
    scene: Scene,
    /// The texts of the old and of the new catalogue.
    old: String,
    new: String,
    /// The library that comes last.
    last: String,
}

/// What GitHub says is remembered already; but one library has got more stars than all others since.
fn prepared() -> Prepared {
    let mut repositories = universe(120, 60);
    let libraries = best(&repositories, 100);
    let last = libraries.last().unwrap()["name"].as_str().unwrap().to_owned();
    let scene = Scene::of(repositories.clone());
    let old = scene.keep(&catalogue(&libraries, "2026-11-19T02:00:00"));
    let _ = scene.refresh(&[]).exits(0);
    let riser = repositories.iter_mut().find(|one| one.name == libraries[5]["name"]).unwrap();
    riser.stars = 5_000;
    scene.github.replace(repositories);
    let _ = scene.refresh(&[]).exits(0);
    let new = scene.text();
    assert_ne!(old, new);
    let prepared = Prepared { scene, old, new, last };
    prepared.once_more(0);
    prepared
}

impl Prepared {
    /// The old catalogue again, and something new to remember.
    fn once_more(&self, round: u32) {
        fs::write(self.scene.path(), &self.old).unwrap();
        let time = format!("2026-10-{:02}T08:00:00Z", round % 28 + 1);
        self.scene.github.change(&self.last, |one| one.changed(&time));
    }

    /// The old or the new catalogue, whole; true for the new one.
    #[track_caller]
    fn is_new(&self, place: &str) -> bool {
        let text = self.scene.text();
        assert!(text == self.old || text == self.new, "a torn catalogue, {place}: {text}");
        if let Ok(backup) = fs::read_to_string(self.scene.site.path(&format!("{CATALOGUE}.bak"))) {
            assert!(backup == self.old || backup == self.new, "a torn copy, {place}: {backup}");
        }
        text == self.new
    }

    /// The next run does the rest, and nothing is left over.
    #[track_caller]
    fn the_next_run_does_the_rest(&self, place: &str) {
        let next = self.scene.refresh(&[]);
        assert_eq!(next.code, 0, "the next run, {place}: {}", next.stderr);
        assert_eq!(self.scene.text(), self.new, "{place}");
        let files = self.scene.site.tree("app/data");
        let is_known = |file: &String| file.starts_with("astronomy-");
        assert!(files.len() <= 2 && files.iter().all(is_known), "{place}: {files:?}");
        let clones = fs::read_dir(self.scene.site.path("temp/repos")).map_or(0, Iterator::count);
        assert_eq!(clones, 0, "{place}");
    }
}

#[test]
fn a_catalogue_is_old_or_new_wherever_in_its_time_a_run_is_killed() {
    let sweep = |part: u32| {
        let prepared = prepared();
        let times = (0..3).map(|round| {
            prepared.once_more(round);
            let start = Instant::now();
            let _ = prepared.scene.refresh(&[]).exits(0);
            start.elapsed()
        });
        let whole = times.min().unwrap();
        let mut found = BTreeSet::new();
        for kill in (part..KILLS).step_by(2) {
            prepared.once_more(kill);
            let quiet = prepared.scene.command(&[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
            let mut child = quiet.unwrap();
            // The last part of the time is where things are written.
            std::thread::sleep(whole / 2 + whole * kill / (KILLS * 2));
            child.kill().unwrap();
            child.wait().unwrap();
            found.insert(prepared.is_new(&format!("kill {kill}")));
            if kill % 10 == part {
                prepared.the_next_run_does_the_rest(&format!("kill {kill}"));
            }
        }
        prepared.the_next_run_does_the_rest("after all kills");
        found
    };
    let found = std::thread::scope(|scope| {
        let sweeps = [0, 1].map(|part| scope.spawn(move || sweep(part)));
        sweeps.map(|sweep| sweep.join().unwrap()).into_iter().flatten().collect::<BTreeSet<bool>>()
    });
    assert_eq!(found.len(), 2, "the kills came all before or all after the change");
}

#[test]
fn a_reader_never_sees_half_a_catalogue() {
    let prepared = prepared();
    let (has_ended, reads) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !has_ended.load(Relaxed) {
                let text = fs::read_to_string(prepared.scene.path()).expect("there is always one");
                let catalogue: Value = serde_json::from_str(&text).expect("it is always whole");
                assert!(catalogue["libraries"].as_array().is_some_and(|all| all.len() > 50));
                reads.fetch_add(1, Relaxed);
            }
        });
        for round in 0..100 {
            prepared.scene.github.change(&prepared.last, |one| Repository { stars: 6_000 + round, ..one });
            let _ = prepared.scene.refresh(&[]).exits(0);
        }
        has_ended.store(true, Relaxed);
    });
    assert!(reads.load(Relaxed) > 100, "{reads:?}");
}

/// Calls that change something.
const CHANGING: [&str; 9] = [
    "write",
    "pwrite64",
    "fsync,fdatasync",
    "rename,renameat,renameat2",
    "link,linkat",
    "unlink,unlinkat",
    "ftruncate",
    "fchmod,chmod,fchown",
    "mkdir,mkdirat",
];

/// A run in which the `at`-th of these calls meets `what`; whether it came so far.
fn traced(scene: &Scene, calls: &str, what: &str, at: u32) -> (Run, bool) {
    let (trace, inject) = (format!("trace={calls}"), format!("inject={calls}:{what}:when={at}"));
    let log = scene.site.around().join("trace");
    let log = log.to_str().unwrap();
    let strace = ["strace", "-f", "-qq", "-o", log, "-e", &trace, "-e", &inject];
    let ended = run(&mut inside(&strace, &scene.command(&[])));
    let text = fs::read_to_string(log).unwrap();
    (ended, text.contains("(INJECTED)") || text.contains("killed by SIGKILL"))
}

/// Meets each of these calls in turn with `what`.
fn sweep(all: &[&str], what: &str, mut check: impl FnMut(&Prepared, Run, &str)) {
    let prepared = prepared();
    for calls in all {
        for at in 1..200 {
            prepared.once_more(at);
            let (ended, came) = traced(&prepared.scene, calls, what, at);
            let place = format!("{what} at {calls} {at}: {} {}", ended.code, ended.stderr);
            if !came {
                break;
            }
            check(&prepared, ended, &place);
        }
    }
}

#[test]
fn a_catalogue_is_old_or_new_at_whichever_changing_call_a_run_is_killed() {
    if !can_trace("a kill at each changing call") {
        return;
    }
    let counts = [AtomicU32::new(0), AtomicU32::new(0)];
    let part = |calls: &[&str]| {
        sweep(calls, "signal=KILL", |prepared, _, place| {
            counts[usize::from(prepared.is_new(place))].fetch_add(1, Relaxed);
            prepared.the_next_run_does_the_rest(place);
        });
    };
    std::thread::scope(|scope| {
        scope.spawn(|| part(&CHANGING[..2]));
        part(&CHANGING[2..]);
    });
    let [olds, news] = counts.map(AtomicU32::into_inner);
    assert!(olds > 10 && news > 1, "{olds} old and {news} new catalogues: the kills missed the change");
}

#[test]
fn whichever_changing_call_fails_the_catalogue_is_whole_and_no_failure_passes_for_a_success() {
    if !can_trace("an error of each changing call") {
        return;
    }
    let failed = AtomicU32::new(0);
    let part = |calls: &[&str], error: &str| {
        sweep(calls, &format!("error={error}"), |prepared, ended, place| {
            assert!([0, 1, 2, 4].contains(&ended.code), "{place}");
            assert!(!ended.stderr.contains("panicked") && !ended.stderr.contains("os error"), "{place}");
            let is_new = prepared.is_new(place);
            assert!(ended.code != 0 || is_new, "a failure was hidden, {place}");
            assert!(ended.code == 0 || !ended.stderr.is_empty(), "{place}");
            failed.fetch_add(u32::from(ended.code != 0), Relaxed);
            prepared.the_next_run_does_the_rest(place);
        });
    };
    std::thread::scope(|scope| {
        scope.spawn(|| part(&["write", "pwrite64"], "ENOSPC"));
        part(&CHANGING[2..], "EIO");
    });
    let failed = failed.into_inner();
    assert!(failed > 10, "only {failed} runs failed: the errors missed the work");
}

#[test]
fn what_is_written_is_on_the_disk_before_it_takes_its_place() {
    if !can_trace("the order of system calls") {
        return;
    }
    let prepared = prepared();
    let log = prepared.scene.site.around().join("trace");
    let trace = [
        "strace",
        "-f",
        "-qq",
        "-y",
        "-o",
        log.to_str().unwrap(),
        "-e",
        "trace=fsync,fdatasync,rename,renameat,renameat2",
    ];
    let _ = run(&mut inside(&trace, &prepared.scene.command(&[]))).exits(0);
    let text = fs::read_to_string(&log).unwrap();
    let calls: Vec<&str> = text.lines().filter(|line| line.contains("app/data")).collect();
    let at = calls.iter().position(|line| line.contains("rename") && line.contains("libraries.json\""));
    let at = at.unwrap_or_else(|| panic!("no rename in {text}"));
    let name = calls[at].split('"').nth(1).unwrap();
    assert!(calls[at - 1].contains("sync(") && calls[at - 1].contains(&format!("{name}>")), "{calls:?}");
    assert!(calls[at + 1].contains("sync(") && calls[at + 1].contains("app/data>"), "{calls:?}");
}

#[test]
fn on_a_full_disk_the_old_catalogue_stays_and_the_next_run_does_the_rest() {
    if !can_mount() {
        return leave_out("a full disk", "not root, or no private mount namespaces here");
    }
    let mut codes = BTreeSet::new();
    for kilobytes in (4..=64).step_by(4) {
        let prepared = prepared();
        let script = format!(
            "set -e
            mkdir small && mount -t tmpfs -o size={}k none small
            cp -a app/data/. small/ && mount --bind small app/data
            dd if=/dev/zero of=app/data/filling bs=1k count={} status=none || true
            code=0; \"$@\" || code=$?
            ls -A app/data > ../left; cp app/data/astronomy-libraries.json ../found
            rm app/data/filling; \"$@\"
            cp app/data/astronomy-libraries.json ../after
            exit $code",
            80,
            80 - kilobytes
        );
        let ended =
            run(&mut inside(&["unshare", "-m", "sh", "-c", &script, "sh"], &prepared.scene.command(&[])));
        let read = |name: &str| fs::read_to_string(prepared.scene.site.around().join(name)).unwrap();
        let found = read("found");
        let place = format!("{kilobytes} KB: {} {}", ended.code, ended.stderr);
        assert!(found == prepared.old || found == prepared.new, "{place}");
        assert_eq!(ended.code == 0, found == prepared.new, "{place}");
        assert!(ended.code == 0 || ended.stderr.contains("No space left on device"), "{place}");
        assert!(!read("left").contains(".maint"), "{place}: {}", read("left"));
        assert_eq!(read("after"), prepared.new, "{place}");
        codes.insert(ended.code);
    }
    assert_eq!(codes, BTreeSet::from([0, 1]), "the disk was always full, or never");
}

#[test]
fn a_state_folder_that_is_full_leaves_the_catalogue_whole() {
    if !can_mount() {
        return leave_out("a full disk", "not root, or no private mount namespaces here");
    }
    let prepared = prepared();
    let script = "set -e
        mkdir small && mount -t tmpfs -o size=1m,mode=0700 none small
        cp -a ../state/. small/ && mount --bind small ../state
        dd if=/dev/zero of=../state/filling bs=1k count=2000 status=none || true
        code=0; \"$@\" || code=$?
        rm ../state/filling; \"$@\"
        exit $code";
    let ended = run(&mut inside(&["unshare", "-m", "sh", "-c", script, "sh"], &prepared.scene.command(&[])));
    assert!(
        (0..=2).contains(&ended.code) && !ended.stderr.contains("panicked"),
        "{} {}",
        ended.code,
        ended.stderr
    );
    assert!(prepared.is_new("full state"), "{}", ended.stderr);
}

#[test]
fn a_folder_that_may_not_be_written_is_named() {
    let prepared = prepared();
    let mut command = prepared.scene.site.command_as_user(&["ascl-refresh", "--no-contexts"]);
    std::os::unix::fs::chown(prepared.scene.site.path("app/data"), Some(0), Some(0)).ok();
    fs::set_permissions(
        prepared.scene.site.path("app/data"),
        std::os::unix::fs::PermissionsExt::from_mode(0o555),
    )
    .unwrap();
    let failed = run(command.env("GITHUB_TOKEN", crate::support::github::TOKEN)).exits(1);
    assert!(failed.stderr.contains("app/data") && failed.stderr.contains("ermission"), "{}", failed.stderr);
    assert!(!prepared.is_new("read-only"));
}

#[test]
fn a_limit_on_the_size_of_files_leaves_the_catalogue_whole() {
    let prepared = prepared();
    let mut codes = BTreeSet::new();
    // In blocks of 512 bytes; the catalogue has some 20 of them, the state more.
    for (round, blocks) in (0..).zip([1, 8, 16, 64, 4_096]) {
        prepared.once_more(round);
        let script = format!("ulimit -f {blocks}; exec \"$@\"");
        let ended = run(&mut inside(&["sh", "-c", &script, "sh"], &prepared.scene.command(&[])));
        let place = format!("{blocks} blocks: {} {}", ended.code, ended.stderr);
        assert!((0..=2).contains(&ended.code) && !ended.stderr.contains("panicked"), "{place}");
        assert!(prepared.is_new(&place) || ended.code != 0, "{place}");
        prepared.the_next_run_does_the_rest(&place);
        codes.insert(ended.code == 0);
    }
    assert_eq!(codes.len(), 2, "the limit was never met, or always");
}
