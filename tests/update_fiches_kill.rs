//! `maint update-fiches` killed at any moment, or on a disk that fails, in both modes: the next run does the rest, no sheet is
//! written twice for one answer, no batch is submitted twice, and nothing is lost.

use crate::support::fiches::{Fiches, code};
use crate::support::{Run, can_trace, inside, run};
use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// In each mode; half of them in each phase of a batch, and two in each round.
const KILLS: u32 = 200;
const SHEETS: usize = 4;
/// Answers that may be on their way to a process when it is killed.
const CONNECTIONS: usize = 2;

/// A site whose sheets are refreshed once a day, so that each round has something to do.
fn site(mode: &str) -> Fiches {
    let section = format!("mode = \"{mode}\"\nonce_per = \"day\"\nconnections = {CONNECTIONS}\n");
    let fiches = Fiches::many(SHEETS, &section);
    fiches.claude.never_repeats_itself();
    fiches.claude.takes(Duration::from_millis(3));
    fiches
}

/// The time of a round: each is a day later.
fn day(round: u32) -> String {
    let time = chrono::DateTime::from_timestamp(crate::support::NOW_SECONDS + i64::from(round) * 86_400, 0);
    time.unwrap().to_rfc3339()
}

/// A site between two rounds.
struct Rounds {
    fiches: Fiches,
    /// How many have begun.
    count: u32,
    /// What was paid for before the present one.
    paid: usize,
}

impl Rounds {
    fn of(mode: &str) -> Rounds {
        Rounds { fiches: site(mode), count: 0, paid: 0 }
    }

    fn begin(&mut self) {
        self.count += 1;
        self.paid = self.fiches.claude.ledger().len();
    }

    fn command(&self) -> Command {
        let mut command = self.fiches.prepared(&[]);
        command.env("MAINT_NOW", day(self.count)).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    #[track_caller]
    fn finish(&self, place: &str) {
        let next = self.fiches.update_at(&day(self.count), &[]);
        assert_eq!(next.code, 0, "the next run, {place}: {}", next.stderr);
    }

    /// Runs to its end, or is killed after this time.
    fn kill_after(&self, time: Duration) {
        let mut child = self.command().spawn().unwrap();
        std::thread::sleep(time);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// How many sheets were written in this round.
    fn written(&self) -> usize {
        let sql = format!("SELECT count(*) FROM fiches_metiers WHERE version = {}", self.count + 1);
        self.fiches.value(&sql).parse().unwrap()
    }

    /// At any moment: a sheet was written as often as the audit log says, at most once a round, for an answer each.
    #[track_caller]
    fn is_sound(&self, place: &str) {
        let rows = self.fiches.rows(
            "SELECT code_rome, version, (SELECT count(*) FROM audit_log a WHERE a.code_rome = f.code_rome
                 AND type_evenement = 'modification') FROM fiches_metiers f",
        );
        for row in rows {
            let parts: Vec<u32> = row.split('|').skip(1).map(|part| part.parse().unwrap()).collect();
            assert!(
                parts[0] == parts[1] + 1 && parts[1] <= self.count,
                "{place}: {row} in round {}",
                self.count
            );
        }
    }

    /// After the next run: every sheet was written once in every round, and nothing was paid for but what was on its way.
    #[track_caller]
    fn is_complete(&self, place: &str, lost: usize) {
        self.is_sound(place);
        assert_eq!(self.written(), SHEETS, "{place}");
        let paid = self.fiches.claude.ledger().len() - self.paid;
        assert!((SHEETS..=SHEETS + lost).contains(&paid), "{place}: {paid} answers for {SHEETS} sheets");
        let bills = self.fiches.claude.ledger();
        for number in 0..SHEETS {
            let code = code(number);
            let text = self.fiches.cell(&code, "description");
            let bill = bills[self.paid..].iter().filter(|bill| bill.code == code);
            let known =
                bill.clone().any(|bill| text.starts_with(&format!("Révision {} de {code}", bill.revision)));
            assert!(known, "{place}: {text} is not of this round");
        }
    }

    /// The time of a round that nobody disturbs.
    fn whole(&mut self, mut run_it: impl FnMut(&mut Rounds)) -> Duration {
        let times = (0..3).map(|_| {
            self.begin();
            let start = Instant::now();
            run_it(self);
            start.elapsed()
        });
        times.min().unwrap()
    }
}

#[test]
fn in_direct_mode_a_run_may_be_killed_wherever_in_its_time() {
    let sweep = |part: u32| {
        let mut rounds = Rounds::of("direct");
        let whole = rounds.whole(|rounds| rounds.finish("undisturbed"));
        let mut found = BTreeSet::new();
        for kill in (part..KILLS / 2).step_by(2) {
            let place = format!("kill {kill}");
            rounds.begin();
            for place_in_time in [kill, KILLS / 2 - kill] {
                rounds.kill_after(whole * place_in_time / (KILLS / 2));
                rounds.is_sound(&place);
                found.insert(rounds.written());
            }
            rounds.finish(&place);
            rounds.is_complete(&place, 2 * CONNECTIONS);
        }
        found
    };
    let found: BTreeSet<usize> = std::thread::scope(|scope| {
        let sweeps = [0, 1].map(|part| scope.spawn(move || sweep(part)));
        sweeps.map(|sweep| sweep.join().unwrap()).into_iter().flatten().collect()
    });
    assert!(found.len() > 2, "the kills came all before or all after the work: {found:?}");
}

/// One round of a batch: submitted, ended, collected; each may be disturbed.
fn submitted_once(rounds: &Rounds, place: &str) {
    rounds.finish(place);
    let batches = rounds.fiches.claude.batches();
    assert_eq!(batches.len(), rounds.count as usize, "{place}: {} batches", batches.len());
    assert_eq!(batches.last().unwrap().len(), SHEETS, "{place}");
}

#[test]
fn in_batch_mode_a_run_may_be_killed_wherever_in_its_time() {
    let sweep = |is_collecting: bool| {
        let mut rounds = Rounds::of("batch");
        let submit = rounds.whole(|rounds| {
            rounds.finish("submitted");
            rounds.fiches.claude.end();
            rounds.finish("collected");
        });
        // Each of the two runs takes about half of that.
        let whole = submit / 2;
        let mut found = BTreeSet::new();
        let kills =
            |rounds: &Rounds, kill: u32, found: &mut BTreeSet<bool>, is_done: &dyn Fn(&Rounds) -> bool| {
                for place_in_time in [kill, KILLS / 4 - kill] {
                    rounds.kill_after(whole * place_in_time / (KILLS / 4));
                    rounds.is_sound(&format!("kill {kill}"));
                    found.insert(is_done(rounds));
                }
            };
        for kill in 0..KILLS / 4 {
            let place =
                format!("kill {kill} while {}", if is_collecting { "collecting" } else { "submitting" });
            rounds.begin();
            if !is_collecting {
                let is_made = |rounds: &Rounds| rounds.fiches.claude.batches().len() == rounds.count as usize;
                kills(&rounds, kill, &mut found, &is_made);
            }
            submitted_once(&rounds, &place);
            rounds.fiches.claude.end();
            if is_collecting {
                kills(&rounds, kill, &mut found, &|rounds| rounds.written() > 0);
            }
            rounds.finish(&place);
            rounds.is_complete(&place, 0);
            assert_eq!(rounds.fiches.claude.batches().len(), rounds.count as usize, "{place}");
        }
        found
    };
    std::thread::scope(|scope| {
        for found in
            [false, true].map(|phase| scope.spawn(move || sweep(phase))).map(|phase| phase.join().unwrap())
        {
            assert_eq!(found.len(), 2, "the kills came all before or all after the work");
        }
    });
}

/// Calls that change something, or tell another machine of it.
const CHANGING: [&str; 5] =
    ["write", "pwrite64", "fsync,fdatasync", "unlink,unlinkat,ftruncate,rename", "sendto,writev"];

/// Calls without which nothing is read; only those on the site's database are met.
const READING: &str = "openat,pread64,fcntl";

/// True when every single call is met, in every phase: that takes minutes.
fn meets_all() -> bool {
    std::env::var_os("MAINT_TEST_EVERY").is_some()
}

impl Rounds {
    /// A run in which the `at`-th of these calls meets `what`; whether it came so far.
    fn traced(&self, calls: &str, what: &str, at: usize) -> (Run, bool) {
        let (trace, inject) = (format!("trace={calls}"), format!("inject={calls}:{what}:when={at}"));
        let log = self.fiches.site.around().join("trace");
        let log = log.to_str().unwrap();
        let file = self.fiches.path().display().to_string();
        let journal = format!("{file}-journal");
        let only: &[&str] = if calls == READING { &["-P", &file, "-P", &journal] } else { &[] };
        let strace = [&["strace", "-f", "-qq", "-o", log, "-e", &trace, "-e", &inject], only].concat();
        let ended = run(&mut inside(&strace, &self.command()));
        let text = fs::read_to_string(log).unwrap();
        (ended, text.contains("(INJECTED)") || text.contains("killed by SIGKILL"))
    }
}

/// Which runs of a round meet trouble: the one that asks or submits, or the one that collects.
#[derive(Clone, Copy, Debug)]
enum Phase {
    Direct,
    Submitting,
    Collecting,
}

/// Meets each `step`-th of these calls in turn with `what`, or every single one with `MAINT_TEST_EVERY` in the environment.
fn sweep(phase: Phase, calls: &[&str], what: &str, step: usize, mut check: impl FnMut(&Rounds, Run, &str)) {
    let step = if meets_all() { 1 } else { step };
    let mut rounds = Rounds::of(if matches!(phase, Phase::Direct) { "direct" } else { "batch" });
    for calls in calls {
        for at in (1..400).step_by(step) {
            rounds.begin();
            if matches!(phase, Phase::Collecting) {
                rounds.finish("submitted");
                rounds.fiches.claude.end();
            }
            let (ended, came) = rounds.traced(calls, what, at);
            let place = format!("{phase:?}, {what} at {calls} {at}: {} {}", ended.code, ended.stderr);
            rounds.is_sound(&place);
            check(&rounds, ended, &place);
            if matches!(phase, Phase::Submitting) {
                submitted_once(&rounds, &place);
                rounds.fiches.claude.end();
            }
            rounds.finish(&place);
            rounds.is_complete(&place, if matches!(phase, Phase::Direct) { CONNECTIONS } else { 0 });
            if !came {
                break;
            }
        }
    }
}

#[test]
fn a_run_may_be_killed_at_whichever_changing_call() {
    if !can_trace("a kill at each changing call") {
        return;
    }
    let counts = [AtomicU32::new(0), AtomicU32::new(0)];
    let part = |phase: Phase, step: usize| {
        sweep(phase, &CHANGING, "signal=KILL", step, |rounds, _, _| {
            counts[usize::from(rounds.written() > 0)].fetch_add(1, Relaxed);
        });
    };
    std::thread::scope(|scope| {
        scope.spawn(|| part(Phase::Direct, 5));
        part(Phase::Submitting, 3);
        part(Phase::Collecting, 6);
    });
    let [before, after] = counts.map(AtomicU32::into_inner);
    assert!(
        before > 5 && after > 5,
        "{before} before and {after} after the first sheet: the kills missed the work"
    );
}

#[test]
fn whichever_changing_call_fails_nothing_is_lost_and_no_failure_passes_for_a_success() {
    if !can_trace("an error of each changing call") {
        return;
    }
    let failed = AtomicU32::new(0);
    let part = |phase: Phase, error: &str, calls: &[&str], step: usize| {
        sweep(phase, calls, &format!("error={error}"), step, |rounds, ended, place| {
            assert!([0, 1, 2, 4].contains(&ended.code), "{place}");
            assert!(!ended.stderr.contains("panicked") && !ended.stderr.contains("os error"), "{place}");
            let is_done = matches!(phase, Phase::Submitting) || rounds.written() == SHEETS;
            assert!(ended.code != 0 || is_done, "a failure was hidden, {place}");
            assert_eq!(rounds.fiches.value("PRAGMA integrity_check"), "ok", "{place}");
            failed.fetch_add(u32::from(ended.code != 0), Relaxed);
        });
    };
    let reading = [READING];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            part(Phase::Direct, "EIO", &CHANGING[1..4], 6);
            part(Phase::Direct, "EIO", &reading, 17);
        });
        scope.spawn(|| part(Phase::Collecting, "ENOSPC", &CHANGING[..2], 8));
        part(Phase::Direct, "EINTR", &CHANGING[..3], 11);
        part(Phase::Submitting, "EIO", &CHANGING[1..4], 4);
    });
    if meets_all() {
        for phase in [Phase::Direct, Phase::Submitting, Phase::Collecting] {
            for error in ["EIO", "ENOSPC", "EINTR"] {
                part(phase, error, &CHANGING, 1);
                part(phase, error, &reading, 1);
            }
        }
    }
    let failed = failed.into_inner();
    assert!(failed > 10, "only {failed} runs failed: the errors missed the work");
}
