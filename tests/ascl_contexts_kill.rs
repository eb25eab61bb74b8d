//! `maint ascl-refresh` killed, or on a disk that fails, while it makes a context file: the file is the old or the new
//! one, whole, and the next run leaves nothing behind.

use crate::support::libraries::Libraries;
use crate::support::{Run, can_trace, inside, run};
use std::collections::BTreeSet;
use std::fs;
use std::time::Instant;

const KILLS: u32 = 30;
const ONLY: &str = "--only=x/astro";

/// A library whose context file is made anew in each round.
struct Rounds {
    libraries: Libraries,
    round: u32,
}

impl Rounds {
    fn begin() -> Rounds {
        let libraries = Libraries::new("");
        let rounds = Rounds { libraries, round: 0 };
        rounds.commit();
        let _ = rounds.libraries.refresh(&[]).exits(0);
        rounds
    }

    fn commit(&self) {
        let text = format!("Round {}.\n{}", self.round, "Stars.\n".repeat(20_000));
        self.libraries.commit("x/astro", &[("README.md", &text)], "2026-11-19T12:00:00Z");
    }

    fn next(&mut self) {
        self.round += 1;
        self.commit();
    }

    fn text(round: u32) -> String {
        let stars = "Stars.\n".repeat(20_000);
        format!("# - astro | Complete Documentation -\nRound {round}.\n{stars}")
    }

    /// True when the context file is the one of this round, false for the one before.
    #[track_caller]
    fn is_new(&self, place: &str) -> bool {
        let text = self.libraries.context("astro-context.txt");
        let is_new = text == Rounds::text(self.round);
        let before = Rounds::text(self.round.saturating_sub(1));
        assert!(is_new || text == before, "a torn file, {place}: {} bytes", text.len());
        is_new
    }

    #[track_caller]
    fn the_next_run_does_the_rest(&self, place: &str) {
        let next = self.libraries.refresh(&[ONLY]);
        assert_eq!(next.code, 0, "the next run, {place}: {}", next.stderr);
        assert!(self.is_new(place), "{place}");
        assert_eq!(self.libraries.clones(), [""; 0], "{place}");
        assert_eq!(self.libraries.contexts(), ["astro-context.txt"], "{place}");
        assert_eq!(self.libraries.processes(), [0; 0], "{place}");
    }
}

#[test]
fn a_context_file_is_old_or_new_wherever_in_its_time_a_run_is_killed() {
    let mut rounds = Rounds::begin();
    let start = Instant::now();
    let _ = rounds.libraries.refresh(&[ONLY]).exits(0);
    let whole = start.elapsed();
    let mut found = BTreeSet::new();
    for kill in 0..KILLS {
        rounds.next();
        let mut child = rounds.libraries.start(&[ONLY]);
        std::thread::sleep(whole * kill / KILLS);
        child.kill().unwrap();
        child.wait().unwrap();
        let place = format!("kill {kill}");
        found.insert(rounds.is_new(&place));
        rounds.the_next_run_does_the_rest(&place);
    }
    // On a busy machine a run may take longer than the one that was measured.
    assert!(found.contains(&false), "no kill came before the change");
}

/// `maint` under `strace`, which bends one of its own system calls; what it starts is left alone. False when there was
/// no such call any more.
fn bent(libraries: &Libraries, calls: &str, rule: &str) -> (Run, bool) {
    let log = libraries.around("trace");
    let (trace, inject) = (format!("trace={calls}"), format!("inject={calls}:{rule}"));
    let strace = ["strace", "-qq", "-o", log.to_str().unwrap(), "-e", &trace, "-e", &inject];
    let run = run(&mut inside(&strace, &libraries.command(&["ascl-refresh", ONLY])));
    let log = fs::read_to_string(log).unwrap();
    let is_bent = run.code == 137 || log.contains("(INJECTED)");
    (run, is_bent)
}

/// System calls that change something, or start something; each so many-th of their calls is tried.
const TOUCHING: [(&str, usize); 8] = [
    ("copy_file_range,sendfile", 1),
    ("mkdir,mkdirat", 1),
    ("flock", 1),
    ("rename,renameat,renameat2", 1),
    ("fsync,fdatasync", 5),
    ("fchmod,fchmodat,chmod", 1),
    ("clone3,clone,vfork", 1),
    ("unlink,unlinkat,rmdir", 15),
];

/// Bends each of these calls in turn, until a run comes through untouched.
fn every_call(rule: &str, mut ended: impl FnMut(&Rounds, &Run, &str)) {
    let mut rounds = Rounds::begin();
    for (calls, step) in TOUCHING {
        for at in (1..200).step_by(step) {
            rounds.next();
            let (run, is_bent) = bent(&rounds.libraries, calls, &format!("{rule}:when={at}"));
            let place = format!("{rule} at call {at} of {calls}");
            assert!(!run.stderr.contains("panicked"), "{place}: {}", run.stderr);
            ended(&rounds, &run, &place);
            rounds.the_next_run_does_the_rest(&place);
            if !is_bent {
                break;
            }
        }
    }
}

#[test]
fn a_context_file_is_old_or_new_at_whichever_system_call_a_run_is_killed() {
    if !can_trace("a fault at each system call") {
        return;
    }
    let mut found = BTreeSet::new();
    every_call("signal=KILL", |rounds, _, place| {
        found.insert(rounds.is_new(place));
    });
    assert_eq!(found.len(), 2, "the kills came all before or all after the change");
}

#[test]
fn a_system_call_that_fails_is_told_or_made_good() {
    if !can_trace("a fault at each system call") {
        return;
    }
    every_call("error=ENOSPC", |rounds, run, place| {
        let is_new = rounds.is_new(place);
        assert!(is_new || run.code != 0, "{place}: an old file, and no word of it: {}", run.stderr);
        assert!([0, 1, 2, 75].contains(&run.code), "{place}: {} {}", run.code, run.stderr);
    });
}
