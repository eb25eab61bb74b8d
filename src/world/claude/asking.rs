//! Further tries where they may help: all who ask wait together, and end together when nobody is answered any more.

use super::Setback;
use super::refusal::{Again, Miss};
use crate::config::update_fiches::UpdateFichesSection;
use crate::text;
use crate::world::World;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often those who wait look whether all has ended.
const STEP: Duration = Duration::from_millis(20);
/// Nobody backs off for longer.
const LONGEST: Duration = Duration::from_secs(60);
/// When so many are refused one after the other, it is not their own fault.
const MOST_REFUSED: u32 = 20;
/// As many tries in a row that brought nothing are no chance: the server is not there.
const MOST_MISSED: u32 = 5;
/// One that took all of its time, or was paid for in vain, counts for so many.
const DEAR: u32 = 3;

/// What all who ask have learnt.
#[derive(Debug)]
pub(super) struct Asking {
    tries: u32,
    back_off: Duration,
    longest_wait: Duration,
    learnt: Mutex<Learnt>,
}

#[derive(Debug, Default)]
struct Learnt {
    /// Answers, and refusals that only one request deserves.
    answered: u64,
    /// Such refusals in a row.
    refused: u32,
    /// Tries that brought nothing, in a row.
    missed: u32,
    /// Nothing is asked before this time.
    next: Option<Instant>,
    /// Why nothing is asked any more.
    over: Option<String>,
}

/// The tries of one request.
struct Course {
    /// What was answered to all before its first try, and before the last one that counts.
    began: u64,
    counted: u64,
    tries: u32,
    /// Tries that took all of their time, or brought nonsense.
    slow: u32,
    ready: Instant,
}

impl Asking {
    pub(super) fn of(world: &World) -> Asking {
        let UpdateFichesSection { tries, longest_wait, .. } = &world.config.update_fiches;
        let longest_wait = longest_wait.duration();
        let back_off = world.config.http.back_off.duration();
        Asking { tries: *tries, back_off, longest_wait, learnt: Mutex::default() }
    }

    fn learnt(&self) -> MutexGuard<'_, Learnt> {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tries `once` until it succeeds or there is no use in it; and how many answers may have been paid for in vain.
    pub(super) fn ask<T>(
        &self,
        world: &World,
        once: &dyn Fn() -> Result<T, Miss>,
    ) -> (Result<T, Setback>, u32) {
        self.ask_paying(world, once, &|| Ok(()))
    }

    /// The same; `after_loss` is told of each answer that may have been paid for in vain, and may refuse another try.
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    pub(super) fn ask_paying<T>(
        &self,
        world: &World,
        once: &dyn Fn() -> Result<T, Miss>,
        after_loss: &dyn Fn() -> Result<(), String>,
    ) -> (Result<T, Setback>, u32) {
        let began = self.learnt().answered;
        let mut course = Course { began, counted: began, tries: 0, slow: 0, ready: Instant::now() };
        let mut lost = 0;
        loop {
            if let Err(setback) = self.await_turn(world, course.ready) {
                return (Err(setback), lost);
            }
            let miss = match once() {
                Ok(answer) => {
                    self.hit();
                    return (Ok(answer), lost);
                }
                Err(miss) => miss,
            };
            let is_lost = miss.may_be_paid;
            lost += u32::from(is_lost);
            let goes_on = if is_lost { after_loss().map_err(Setback::Run) } else { Ok(()) };
            if let Err(setback) = self.go_on(&mut course, miss).and(goes_on) {
                return (Err(setback), lost);
            }
        }
    }

    fn hit(&self) {
        let mut learnt = self.learnt();
        learnt.answered += 1;
        (learnt.refused, learnt.missed) = (0, 0);
    }

    /// Waits until this try may begin.
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    fn await_turn(&self, world: &World, ready: Instant) -> Result<(), Setback> {
        loop {
            let until = {
                let learnt = self.learnt();
                if let Some(why) = &learnt.over {
                    return Err(Setback::Run(why.clone()));
                }
                learnt.next.map_or(ready, |next| next.max(ready))
            };
            let left = until.saturating_duration_since(Instant::now());
            if !world.stop.wait(left.min(STEP)) {
                return Err(Setback::Ended);
            }
            if left.is_zero() {
                return Ok(());
            }
        }
    }

    /// After a try that brought nothing: says when the next one begins, or what it comes to.
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    fn go_on(&self, course: &mut Course, miss: Miss) -> Result<(), Setback> {
        let Miss { setback, again, wait, may_be_paid, is_harmless: _ } = miss;
        let mut learnt = self.learnt();
        let why = match setback {
            Setback::Ended => return Err(Setback::Ended),
            Setback::Run(why) if again == Again::Never => return Err(learnt.end(why)),
            Setback::Request(why) if again == Again::Never && !may_be_paid => return Err(learnt.refuse(why)),
            Setback::Request(why) | Setback::Run(why) => why,
        };
        learnt.missed += if again == Again::Often { 1 } else { DEAR };
        if let Some(wait) = wait.filter(|wait| *wait > self.longest_wait) {
            let wait = text::duration(wait);
            let why = format!("{why}; it asks to wait {wait}, longer than `longest_wait` of [update-fiches]");
            return Err(learnt.end(why));
        }
        // A limit of requests that lets others through will let this one through as well.
        if wait.is_none() || learnt.answered == course.counted {
            course.tries += 1;
        }
        course.counted = learnt.answered;
        course.slow += u32::from(again == Again::Once);
        if course.tries >= self.tries || course.slow > 1 || again == Again::Never {
            let count = if course.tries == 1 { "1 try" } else { &format!("{} tries", course.tries) };
            let is_dead = learnt.answered == course.began && learnt.missed >= MOST_MISSED;
            return Err(if is_dead {
                learnt.end(format!("{why} ({count}, and nothing else was answered meanwhile)"))
            } else {
                Setback::Request(format!("{why} ({count})"))
            });
        }
        let now = Instant::now();
        let pause = wait.unwrap_or_else(|| self.back_off(course.tries));
        if let Some(wait) = wait {
            learnt.next = learnt.next.max(Some(now + wait));
        }
        course.ready = now + pause;
        log::info!("{why}; another try in {}", text::duration(pause));
        Ok(())
    }

    /// Twice as long after each try, and a little less by chance: not all who failed together come back together.
    fn back_off(&self, tries: u32) -> Duration {
        let doubled = self.back_off.saturating_mul(1 << tries.saturating_sub(1).min(16));
        doubled.min(LONGEST).min(self.longest_wait).mul_f64(1.0 - chance() / 4.0)
    }
}

impl Learnt {
    /// Nothing is asked any more.
    fn end(&mut self, why: String) -> Setback {
        let why = self.over.get_or_insert(why);
        Setback::Run(why.clone())
    }

    /// Only this request is not answered, unless that has been said of many.
    fn refuse(&mut self, why: String) -> Setback {
        self.answered += 1;
        self.refused += 1;
        self.missed = 0;
        if self.refused < MOST_REFUSED {
            return Setback::Request(why);
        }
        self.end(format!("{why} ({MOST_REFUSED} requests were refused one after the other)"))
    }
}

/// A number from 0 to 1.
fn chance() -> f64 {
    let mut random = [0; 4];
    // Without chance all come back together.
    let _ = rustix::rand::getrandom(&mut random[..], rustix::rand::GetRandomFlags::empty());
    f64::from(u32::from_ne_bytes(random)) / f64::from(u32::MAX)
}
