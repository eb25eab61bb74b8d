//! Several connections that take from one queue, wait together, and end together when GitHub answers no more.

use super::access::Access;
use super::limits::{Meaning, Quota};
use super::state::{State, Wanted};
use super::{Known, graphql, rest};
use crate::config::repository::RepositoryName;
use crate::world::World;
use crate::world::http::{Answer, Loss, Question, Traffic, ask_once};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Repositories in one question; GitHub answers hundreds, but not always in time.
const MOST: usize = 100;
/// How often a connection that has nothing to do looks whether the run must end.
const STEP: Duration = Duration::from_millis(20);

/// How GitHub is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Graphql,
    Rest,
}

/// What one question has brought.
#[derive(Debug)]
pub(super) struct Brought {
    pub(super) answers: Vec<(String, Known)>,
    /// Those for which another question would bring the same, and why.
    pub(super) refused: Vec<(String, String)>,
    pub(super) unchanged: usize,
    /// What comes next for those that are in neither.
    pub(super) turn: Turn,
}

impl Brought {
    pub(super) fn nothing(turn: Turn) -> Brought {
        Brought { answers: Vec::new(), refused: Vec::new(), unchanged: 0, turn }
    }
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Fine,
    /// Nothing is answered for so long.
    Wait(Duration),
    /// The question failed, and why.
    Failed(Failure, String),
    /// There is no use in asking any further.
    Over(End),
}

/// What a failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Another try may be answered.
    Passing,
    /// A smaller question may be answered.
    TooMuch,
    /// The answer names those that it could not be given for, among others or not.
    Own,
    /// No answer came at all; another time one may.
    Lost,
    /// This question will never be answered.
    Refused,
}

impl From<Meaning> for Turn {
    fn from(meaning: Meaning) -> Turn {
        match meaning {
            Meaning::Good => {
                Turn::Failed(Failure::Passing, "its answer is not what was asked for".to_owned())
            }
            Meaning::BadToken => Turn::Over(End::BadToken),
            Meaning::Wait(wait) => Turn::Wait(wait),
            Meaning::Passing(why) => Turn::Failed(Failure::Passing, why),
            Meaning::Refused(why) => Turn::Failed(Failure::Refused, why),
        }
    }
}

/// Why asking ended before all was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    Limit(Limit),
    BadToken,
    /// Nothing was answered several times in a row; when `is_lost`, not even the line held.
    Away {
        why: String,
        is_lost: bool,
    },
    Unusable(String),
    /// The run has to end.
    Ended,
}

/// A limit of GitHub's that is too long to be waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) wait: Duration,
    /// What was waited before.
    pub(super) waited: Duration,
    /// It is of so many requests an hour.
    pub(super) quota: Option<u64>,
}

/// All that is asked in one run.
pub(super) struct Asking<'a> {
    world: &'a World,
    known: &'a BTreeMap<String, Known>,
    /// Repositories that are asked for.
    total: usize,
    pub(super) traffic: Traffic,
    state: Mutex<State<'a>>,
    /// Something has come that others may wait for.
    news: Condvar,
}

impl<'a> Asking<'a> {
    pub(super) fn of(
        world: &'a World,
        wanted: &'a [RepositoryName],
        known: &'a BTreeMap<String, Known>,
    ) -> Asking<'a> {
        let mut seen = BTreeSet::new();
        let wanted: Vec<_> = wanted.iter().filter(|name| seen.insert(*name)).collect();
        let (total, state) = (wanted.len(), State::of(wanted.into_iter()));
        Asking {
            world,
            known,
            total,
            traffic: Traffic::default(),
            state: Mutex::new(state),
            news: Condvar::new(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks until all is answered, or there is a reason to end; after so many failures in a row before.
    pub(super) fn run(&self, access: &Access, way: Way, failures: u32) -> Option<End> {
        let questions = self.state().begin(if way == Way::Graphql { MOST } else { 1 });
        let work = |is_first| self.work(access, way, failures, is_first);
        std::thread::scope(|scope| {
            for _ in 1..questions.min(self.world.config.github.connections) {
                // With fewer connections it takes longer, no more.
                let _ = std::thread::Builder::new().spawn_scoped(scope, || work(false));
            }
            work(true);
        });
        self.state().end.clone()
    }

    #[expect(clippy::disallowed_methods, reason = "this is World")]
    fn work(&self, access: &Access, way: Way, failures: u32, is_first: bool) {
        let mut row = self.state().row(failures);
        let mut ready = Instant::now();
        // Without a token little may be left: the first answer, to one of them, tells.
        let may_begin = is_first || access.has_token();
        while let Some(batch) = self.take(may_begin, ready) {
            let began = Instant::now();
            let brought = self.ask(access, way, &batch);
            let wait = self.state().settle(self.world, batch, brought, &mut row, Instant::now());
            self.world.progress.tell(self.state().through(), self.total);
            self.news.notify_all();
            // A failure that took its time was a wait already.
            ready = began + wait;
        }
    }

    /// The next repositories to ask for, from this time on; `None` when there is no more to do.
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    fn take(&self, may_begin: bool, ready: Instant) -> Option<Vec<Wanted<'a>>> {
        let mut state = self.state();
        loop {
            if self.world.stop.reason().is_some() {
                state.end.get_or_insert(End::Ended);
            }
            if state.is_over() {
                return None;
            }
            let now = Instant::now();
            let mut step = STEP;
            if now < ready {
                step = step.min(ready - now);
            } else if let Some(batch) = state.take(self.world, may_begin, now) {
                return Some(batch);
            }
            state = self.news.wait_timeout(state, step).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn ask(&self, access: &Access, way: Way, batch: &[Wanted<'a>]) -> Brought {
        let now = self.world.clock.reading();
        let put = |question: Question<'_>| self.put(&question.counted_in(&self.traffic));
        let names: Vec<&RepositoryName> = batch.iter().map(|wanted| wanted.name).collect();
        let mut brought = match way {
            Way::Graphql => graphql::ask(access, &names, now, &put),
            Way::Rest => rest::ask(access, names[0], self.known.get(&names[0].key()), now, &put),
        };
        if brought.turn == Turn::Over(End::BadToken) && !access.has_token() {
            let why = "it wants a token even for what is public".to_owned();
            brought.turn = Turn::Failed(Failure::Refused, why);
        }
        brought
    }

    fn put(&self, question: &Question<'_>) -> Result<Answer, Turn> {
        match ask_once(self.world, question) {
            Ok(answer) => {
                self.state().count(Quota::of(&answer));
                Ok(answer)
            }
            Err(lost) => Err(match lost.loss {
                Loss::Unsent | Loss::Cut | Loss::Slow => Turn::Failed(Failure::Lost, lost.why),
                Loss::Useless => Turn::Failed(Failure::Refused, lost.why),
                Loss::Ended => Turn::Over(End::Ended),
            }),
        }
    }
}
