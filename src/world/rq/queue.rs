//! A queue: how many jobs are in each state, and which they are.

use super::{lossy, number};
use crate::config::redis::check_queue;
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::redis::Redis;
use anyhow::Result;
use redis::{Cmd, Value, cmd, pipe};
use serde::Serialize;

/// Queues that are named when another is not found.
const MOST_NAMED: usize = 10;
const LONGEST: usize = 300;

/// Where RQ keeps a job of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Queued,
    Started,
    Finished,
    Failed,
    Scheduled,
    Deferred,
    Canceled,
}

impl State {
    pub(crate) const ALL: [State; 7] = [
        State::Queued,
        State::Started,
        State::Finished,
        State::Failed,
        State::Scheduled,
        State::Deferred,
        State::Canceled,
    ];

    pub(crate) fn word(self) -> &'static str {
        match self {
            State::Queued => "queued",
            State::Started => "started",
            State::Finished => "finished",
            State::Failed => "failed",
            State::Scheduled => "scheduled",
            State::Deferred => "deferred",
            State::Canceled => "canceled",
        }
    }

    pub(super) fn key(self, queue: &str) -> String {
        match self {
            State::Queued => format!("rq:queue:{queue}"),
            State::Started => format!("rq:wip:{queue}"),
            other => format!("rq:{}:{queue}", other.word()),
        }
    }

    fn length(self, queue: &str) -> Cmd {
        let mut command = cmd(if self == State::Queued { "LLEN" } else { "ZCARD" });
        command.arg(self.key(queue));
        command
    }

    /// Of what has ended the newest, else those whose turn is next.
    fn some(self, queue: &str, limit: u32) -> Cmd {
        let mut command = cmd(if self == State::Queued { "LRANGE" } else { "ZRANGE" });
        let limit = i64::from(limit);
        match self {
            State::Finished | State::Failed | State::Canceled => {
                command.arg(self.key(queue)).arg(-limit).arg(-1)
            }
            _ => command.arg(self.key(queue)).arg(0).arg(limit - 1),
        };
        if self != State::Queued {
            command.arg("WITHSCORES");
        }
        command
    }
}

/// Jobs that a plan names.
const MOST_IDS: u32 = 1_000;

/// How many jobs of a queue are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub(crate) queued: u64,
    pub(crate) started: u64,
    pub(crate) finished: u64,
    pub(crate) failed: u64,
    pub(crate) scheduled: u64,
    pub(crate) deferred: u64,
    pub(crate) canceled: u64,
    /// A worker has taken them, and not yet begun.
    #[serde(skip)]
    pub(crate) taken: u64,
}

impl Counts {
    pub(crate) fn of(&self, state: State) -> u64 {
        match state {
            State::Queued => self.queued,
            State::Started => self.started,
            State::Finished => self.finished,
            State::Failed => self.failed,
            State::Scheduled => self.scheduled,
            State::Deferred => self.deferred,
            State::Canceled => self.canceled,
        }
    }
}

impl World {
    /// The queue that was named, else that of `[redis]`.
    pub(crate) fn queue_name(&self, named: Option<&str>) -> Result<String> {
        match (named, &self.config.redis) {
            (Some(name), _) => {
                check_queue(name).map_err(|why| Problem::usage(format!("--queue {why}")))?;
                Ok(name.to_owned())
            }
            (None, Some(section)) => Ok(section.queue.clone()),
            (None, None) => Ok("default".to_owned()),
        }
    }
}

impl Redis {
    /// How many jobs of a queue are in each state. A queue that RQ does not know is a mistake, unless RQ has not
    /// been used at all yet.
    pub(crate) fn queue(&mut self, queue: &str) -> Result<Counts> {
        let counts = self.counts(queue)?;
        if counts == Counts::default() {
            self.refuse_unknown(queue)?;
        }
        Ok(counts)
    }

    /// How many jobs of a queue are in each state.
    pub(crate) fn counts(&mut self, queue: &str) -> Result<Counts> {
        let mut commands = pipe();
        for state in State::ALL {
            commands.add_command(state.length(queue));
        }
        commands.cmd("LLEN").arg(intermediate(queue));
        let answers = self.ask_all(&commands)?;
        let is_odd = |(_, answer): &(&State, &Value)| matches!(answer, Value::ServerError(_));
        if let Some((state, _)) = State::ALL.iter().zip(&answers).find(is_odd) {
            let (key, place) = (state.key(queue), self.place());
            return Err(anyhow::anyhow!(
                "the key {} in the Redis at {place} is not what RQ keeps there; is that the right database?",
                text::escape(&key)
            ));
        }
        let numbers: Vec<u64> = answers.iter().map(|answer| number(answer).unwrap_or(0)).collect();
        let [queued, started, finished, failed, scheduled, deferred, canceled, taken] = numbers[..] else {
            return Ok(Counts::default());
        };
        Ok(Counts { queued, started, finished, failed, scheduled, deferred, canceled, taken })
    }

    fn refuse_unknown(&mut self, queue: &str) -> Result<()> {
        let is_known = |redis: &mut Redis| -> Result<bool> {
            let key = State::Queued.key(queue);
            Ok(redis.ask(cmd("SISMEMBER").arg("rq:queues").arg(key))?
                || redis.ask(cmd("EXISTS").arg(format!("rq:workers:{queue}")))?)
        };
        if is_known(self)? {
            return Ok(());
        }
        let keys: Vec<Vec<u8>> = self.ask(cmd("SMEMBERS").arg("rq:queues"))?;
        let name = |key: &Vec<u8>| lossy(key.strip_prefix(b"rq:queue:").unwrap_or(key));
        let mut names: Vec<String> = keys.iter().map(name).collect();
        if names.is_empty() {
            return Ok(());
        }
        names.sort_unstable();
        let nearest = text::nearest(queue, names.iter().map(String::as_str));
        let hint = nearest.map(|name| format!("did you mean `{}`?", text::escape(name)));
        let hint = hint.unwrap_or_else(|| {
            let more = if names.len() > MOST_NAMED { ", …" } else { "" };
            let some = names[..names.len().min(MOST_NAMED)].join(", ");
            format!("known: {}{more}", text::cut(&text::escape(&some), LONGEST))
        });
        let (queue, place) = (text::escape(queue), self.place());
        Err(Problem::usage(format!("there is no queue `{queue}` in the Redis at {place}; {hint}")))
    }

    /// The ids of some jobs in a state, each with its score.
    pub(super) fn ids(&mut self, queue: &str, state: State, limit: u32) -> Result<Vec<(Vec<u8>, f64)>> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        if state == State::Queued {
            let ids: Vec<Vec<u8>> = self.ask(&state.some(queue, limit))?;
            return Ok(ids.into_iter().map(|id| (id, 0.0)).collect());
        }
        self.ask(&state.some(queue, limit))
    }

    /// The ids of jobs in a state, as they are printed; not more than anybody would read.
    pub(crate) fn names(&mut self, queue: &str, state: State) -> Result<Vec<String>> {
        let ids = self.ids(queue, state, MOST_IDS)?;
        Ok(ids.iter().map(|(id, _)| text::escape_bytes(id).into_owned()).collect())
    }

    /// True when no worker begins another job.
    pub(crate) fn is_suspended(&mut self) -> Result<bool> {
        self.ask(cmd("EXISTS").arg(SUSPENDED))
    }

    /// How many jobs that have ended still have a list of those that wait for them.
    pub(crate) fn awaited(&mut self, queue: &str, state: State) -> Result<u64> {
        const AT_ONCE: isize = 5_000;
        let (mut awaited, mut start) = (0, 0);
        loop {
            let some: Vec<Vec<u8>> =
                self.ask(cmd("ZRANGE").arg(state.key(queue)).arg(start).arg(start + AT_ONCE - 1))?;
            if some.is_empty() {
                return Ok(awaited);
            }
            let keys: Vec<_> = some.iter().map(|id| super::key("rq:job:", id, ":dependents")).collect();
            awaited += self.ask::<u64>(cmd("EXISTS").arg(keys))?;
            start += AT_ONCE;
        }
    }
}

/// Where RQ ≥ 1.15 puts what a worker has taken until it begins.
pub(super) fn intermediate(queue: &str) -> String {
    format!("rq:queue:{queue}:intermediate")
}

/// Present when no worker is to begin another job.
pub(super) const SUSPENDED: &str = "rq:suspended";
