//! What the connections share: the queue, what was answered, and how GitHub is to be treated.

use super::Known;
use super::asking::{Brought, End, Failure, Limit, Turn};
use super::limits::Quota;
use crate::config::http::Http;
use crate::config::repository::RepositoryName;
use crate::world::World;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

/// What is still worth a question of its own when GitHub is slow.
const LEAST: usize = 10;
/// A try of one repository counts as so many of a question for many, in which nobody knows which of them is at fault.
const WEIGHT: u32 = 4;
/// So many refusals in a row, and it is not about single repositories.
const MOST_REFUSALS: u32 = 10;
/// GitHub shuts out who asks more than 900 times a minute.
const MOST_A_MINUTE: u32 = 840;
const MINUTE: Duration = Duration::from_secs(60);

/// A repository that is still to be asked for.
#[derive(Clone, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) name: &'a RepositoryName,
    attempts: u32,
}

#[derive(Default)]
pub(super) struct State<'a> {
    pub(super) queue: VecDeque<Wanted<'a>>,
    under_way: usize,
    /// Repositories in one question; fewer when GitHub finds so many too much.
    size: usize,
    /// Each is asked for by itself.
    is_single: bool,
    /// How often something was answered.
    successes: u64,
    /// What it is known to be; `None` before the first answer.
    pub(super) quota: Option<Quota>,
    /// Nobody asks before.
    paused: Option<Instant>,
    /// All that was waited for limits.
    waited: Duration,
    /// The beginning of a minute, and the questions in it.
    minute: Option<(Instant, u32)>,
    pub(super) end: Option<End>,
    pub(super) answers: BTreeMap<String, Known>,
    pub(super) unchanged: usize,
    /// What was asked in vain, and why.
    pub(super) unanswered: Vec<(String, String)>,
}

/// The failures of one connection since anything was answered, to it or to another.
pub(super) struct Row {
    failures: u32,
    successes: u64,
    since: Option<Instant>,
}

impl<'a> State<'a> {
    pub(super) fn of(names: impl Iterator<Item = &'a RepositoryName>) -> State<'a> {
        State { queue: names.map(|name| Wanted { name, attempts: 0 }).collect(), ..State::default() }
    }

    /// Begins anew with what is left, `most` in one question; gives the number of questions.
    pub(super) fn begin(&mut self, most: usize) -> usize {
        (self.size, self.is_single, self.quota, self.end) = (most, most == 1, None, None);
        self.queue.iter_mut().for_each(|wanted| wanted.attempts = 0);
        self.queue.len().div_ceil(most)
    }

    /// For a connection that has failed so often already.
    pub(super) fn row(&self, failures: u32) -> Row {
        Row { failures, successes: self.successes, since: None }
    }

    /// How many need not be asked for any more.
    pub(super) fn through(&self) -> usize {
        self.answers.len() + self.unanswered.len()
    }

    /// True when nothing is left to be asked, or it is of no use.
    pub(super) fn is_over(&self) -> bool {
        self.end.is_some() || (self.queue.is_empty() && self.under_way == 0)
    }

    /// The next repositories to ask for; `None` when they have to wait.
    pub(super) fn take(&mut self, world: &World, may_begin: bool, now: Instant) -> Option<Vec<Wanted<'a>>> {
        if self.queue.is_empty() || self.paused.is_some_and(|until| until > now) || self.is_full_minute(now) {
            return None;
        }
        let has_quota = match self.quota {
            None => may_begin,
            Some(quota) => quota.left.is_none_or(|left| left > self.under_way as u64),
        };
        if !has_quota {
            if let Some(quota) = self.quota.filter(|_| self.under_way == 0) {
                self.pause(world, quota.wait(), now);
                self.quota = None;
            }
            return None;
        }
        self.under_way += 1;
        if let Some((_, count)) = &mut self.minute {
            *count += 1;
        }
        let count = self.size.min(self.queue.len());
        Some(self.queue.drain(..count).collect())
    }

    fn is_full_minute(&mut self, now: Instant) -> bool {
        let is_over = |began: Instant| now.saturating_duration_since(began) >= MINUTE;
        if self.minute.is_none_or(|(began, _)| is_over(began)) {
            self.minute = Some((now, 0));
        }
        self.minute.is_some_and(|(_, count)| count >= MOST_A_MINUTE)
    }

    /// All wait, but in one run no longer than `longest_wait`.
    fn pause(&mut self, world: &World, wait: Duration, now: Instant) {
        let longest = world.config.http.longest_wait.duration();
        let before = self.paused.map_or(now, |until| until.max(now));
        let more = (now + wait.min(longest)).saturating_duration_since(before);
        let is_too_long = wait > longest || self.waited + more > longest;
        if is_too_long || world.stop.left().is_some_and(|left| left < wait) {
            let used_up = self.quota.filter(|quota| quota.left == Some(0));
            return self.end(End::Limit(Limit {
                wait,
                waited: self.waited,
                quota: used_up.and_then(|quota| quota.limit),
            }));
        }
        self.waited += more;
        self.paused = Some(before + more);
    }

    fn end(&mut self, end: End) {
        self.end.get_or_insert(end);
    }

    /// What the answers say is left. They may overtake each other: in one hour it only grows less.
    pub(super) fn count(&mut self, new: Quota) {
        let Some(old) = self.quota else {
            self.quota = Some(new);
            return;
        };
        let Some(left) = new.left else { return };
        let is_new_hour = match (old.resets, new.resets) {
            (Some(old), Some(new)) => new.saturating_duration_since(old) > MINUTE,
            _ => false,
        };
        let left = if is_new_hour { left } else { old.left.map_or(left, |old| old.min(left)) };
        self.quota = Some(Quota { left: Some(left), ..new });
    }

    /// Takes over what was brought; gives the time to wait before the next question.
    pub(super) fn settle(
        &mut self,
        world: &World,
        batch: Vec<Wanted<'a>>,
        brought: Brought,
        row: &mut Row,
        now: Instant,
    ) -> Duration {
        let size = batch.len();
        self.under_way -= 1;
        self.unchanged += brought.unchanged;
        self.successes += u64::from(!brought.answers.is_empty());
        let done =
            brought.answers.iter().map(|(key, _)| key).chain(brought.refused.iter().map(|(key, _)| key));
        let done: BTreeSet<&String> = done.collect();
        let left: Vec<_> = batch.into_iter().filter(|wanted| !done.contains(&wanted.name.key())).collect();
        self.answers.extend(brought.answers);
        self.unanswered.extend(brought.refused);
        match brought.turn {
            Turn::Fine => {}
            Turn::Failed(failure, why) => {
                if matches!(failure, Failure::Lost | Failure::TooMuch | Failure::Own) {
                    // A quarter, and then again: within three tries GitHub is asked for little.
                    self.size = (size / 4).max(LEAST).min(self.size);
                }
                return self.fail(&world.config.http, left, (failure, why), row, now);
            }
            Turn::Wait(wait) => {
                self.put_back(left);
                self.pause(world, wait, now);
            }
            Turn::Over(end) => {
                self.put_back(left);
                self.end(end);
            }
        }
        Duration::ZERO
    }

    fn put_back(&mut self, wanted: Vec<Wanted<'a>>) {
        wanted.into_iter().rev().for_each(|wanted| self.queue.push_front(wanted));
    }

    fn fail(
        &mut self,
        section: &Http,
        left: Vec<Wanted<'a>>,
        (failure, why): (Failure, String),
        row: &mut Row,
        now: Instant,
    ) -> Duration {
        let is_final = failure == Failure::Refused;
        let is_own = self.is_single || (failure == Failure::Own && left.len() <= LEAST);
        for mut wanted in left {
            wanted.attempts += if is_own { WEIGHT } else { 1 };
            if is_final || wanted.attempts >= section.tries * WEIGHT {
                self.unanswered.push((wanted.name.key(), why.clone()));
            } else {
                self.queue.push_back(wanted);
            }
        }
        let failures = row.fail(self.successes, now);
        let is_hopeless = if is_final { failures >= MOST_REFUSALS } else { row.is_hopeless(section, now) };
        if is_hopeless {
            self.end(End::Away { why, is_lost: failure == Failure::Lost });
        }
        if is_final {
            return Duration::ZERO;
        }
        let back_off = section.back_off.duration() * (1 << (failures - 1).min(10));
        back_off.min(section.longest_wait.duration())
    }
}

/// The failures in a row after which nothing is hoped for.
pub(super) fn most_failures(section: &Http) -> u32 {
    section.tries * 2 - 1
}

impl Row {
    /// One more; whoever had luck meanwhile shows that GitHub is there.
    fn fail(&mut self, successes: u64, now: Instant) -> u32 {
        if successes != self.successes {
            *self = Row { failures: 0, successes, since: None };
        }
        self.since.get_or_insert(now);
        self.failures += 1;
        self.failures
    }

    /// Failures that come at once may be chance for longer than those for which one has to wait.
    fn is_hopeless(&self, section: &Http, now: Instant) -> bool {
        let is_slow = |since| now.saturating_duration_since(since) >= section.timeout.duration();
        self.failures >= most_failures(section)
            || (self.failures >= section.tries && self.since.is_some_and(is_slow))
    }
}
