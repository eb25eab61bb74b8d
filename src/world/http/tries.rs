//! Further tries where they may help, and what is not asked again.

use super::exchange::{Loss, Lost};
use super::{Address, Answer, Verdict};
use crate::text;
use crate::world::World;
use anyhow::{Result, anyhow};
use std::fmt;

/// The error of a request that will never be answered otherwise.
#[derive(Debug)]
pub(crate) struct Refusal(String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

/// Why there is no answer that is any good.
pub(super) struct Failure {
    why: String,
    /// What is not asked again in this run.
    given_up: Option<GivenUp>,
    /// It will be the same in any other run.
    is_final: bool,
}

impl Failure {
    pub(super) fn passing(why: String, given_up: Option<GivenUp>) -> Failure {
        Failure { why, given_up, is_final: false }
    }

    fn last(why: String, given_up: Option<GivenUp>) -> Failure {
        Failure { why, given_up, is_final: true }
    }
}

pub(super) enum GivenUp {
    Address,
    Machine,
}

/// Tries `once` as often as `[http]` says, and when the line was cut only if it `may_repeat`; who has failed for good is
/// not asked again in this run: twenty requests to a dead machine must not take twenty times as long.
pub(super) fn try_for(
    world: &World,
    address: &Address,
    judge: &dyn Fn(&Answer) -> Verdict,
    may_repeat: bool,
    once: &dyn Fn() -> Result<Answer, Lost>,
) -> Result<Answer> {
    let answer =
        world.asked.await_turn(world, address).and_then(|()| try_all(world, judge, may_repeat, once));
    answer.map_err(|failure| {
        let Failure { why, given_up, is_final } = failure;
        match given_up {
            Some(GivenUp::Address) => world.asked.give_up(address.whole(), &why),
            Some(GivenUp::Machine) => world.asked.give_up(&address.machine(), &why),
            None => {}
        }
        let words = format!("{}: {why}", address.name());
        if is_final { anyhow::Error::new(Refusal(words)) } else { anyhow!(words) }
    })
}

fn try_all(
    world: &World,
    judge: &dyn Fn(&Answer) -> Verdict,
    may_repeat: bool,
    once: &dyn Fn() -> Result<Answer, Lost>,
) -> Result<Answer, Failure> {
    let section = &world.config.http;
    let longest = section.longest_wait.duration();
    let mut back_off = section.back_off.duration().min(longest);
    let mut attempt = 0;
    loop {
        attempt += 1;
        let (why, asked, given_up) = match once() {
            Ok(answer) => match judge(&answer) {
                Verdict::Good => return Ok(answer),
                Verdict::Never(why) => return Err(Failure::last(why, None)),
                Verdict::Dead(why) => return Err(Failure::last(why, Some(GivenUp::Address))),
                Verdict::Again(asked) => (answer.words(), asked, GivenUp::Address),
            },
            Err(Lost { why, loss: Loss::Unsent }) => (why, None, GivenUp::Machine),
            Err(Lost { why, loss: Loss::Cut }) if may_repeat => (why, None, GivenUp::Address),
            Err(Lost { why, loss: Loss::Cut | Loss::Slow }) => {
                return Err(Failure::passing(why, Some(GivenUp::Address)));
            }
            Err(Lost { why, loss: Loss::Useless }) => return Err(Failure::last(why, None)),
            Err(Lost { why, loss: Loss::Ended }) => return Err(Failure::passing(why, None)),
        };
        let wait = asked.unwrap_or(back_off);
        let why = if wait > longest {
            let wait = text::duration(wait);
            format!("{why}; it asks to wait {wait}, longer than `longest_wait` of [http]")
        } else if attempt >= section.tries {
            format!("{why} ({})", tries(attempt))
        } else if world.stop.left().is_some_and(|left| left < wait) || !world.stop.wait(wait) {
            format!("{why} ({}; there is no time for more)", tries(attempt))
        } else {
            back_off = (back_off * 2).min(longest);
            continue;
        };
        return Err(Failure::passing(why, Some(given_up)));
    }
}

fn tries(count: u32) -> String {
    if count == 1 { "1 try".to_owned() } else { format!("{count} tries") }
}
