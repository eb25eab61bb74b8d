//! The workers of a queue.

use super::{bytes, elements, job_and_execution, lossy, text, time};
use crate::world::redis::Redis;
use anyhow::Result;
use chrono::{DateTime, Utc};
use redis::{Pipeline, Value, cmd, pipe};
use std::time::Duration;

/// An idle worker tells of itself at least every 405 s, and is forgotten after 480.
const SILENT: chrono::TimeDelta = chrono::TimeDelta::seconds(480);
/// Workers that are asked for at once.
const AT_ONCE: usize = 500;
/// The field of each worker's hash that is read.
const FIELDS: [&str; 6] = ["birth", "last_heartbeat", "state", "current_job", "death", "queues"];

/// A worker of RQ that is alive.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) name: String,
    /// Such as "idle" or "busy".
    pub(crate) state: String,
    /// The job that it runs.
    pub(crate) current_job: Option<String>,
    /// How long it has been there, when it tells.
    pub(crate) uptime: Option<Duration>,
    /// The names of the queues that it serves, separated by commas.
    pub(super) queues: String,
}

impl Worker {
    /// Asks for what is known of a worker: three answers.
    pub(super) fn ask(key: &(impl AsRef<[u8]> + ?Sized), commands: &mut Pipeline) {
        let key = key.as_ref();
        commands.cmd("HMGET").arg(key).arg(&FIELDS).cmd("TTL").arg(key);
        commands.cmd("SMEMBERS").arg([key, b":executions"].concat());
    }

    /// One that is alive: RQ knows it, it has not said that it ends, and it has told of itself lately. Redis
    /// forgets those that fall silent, each after the time that the worker itself has set.
    pub(super) fn of(key: &[u8], [hash, ttl, executions]: [Value; 3], now: DateTime<Utc>) -> Option<Worker> {
        let hash = elements(hash);
        let [birth, heartbeat, state, job, death, queues] = hash.as_slice() else { return None };
        let is_known = [birth, heartbeat, state].into_iter().any(|field| bytes(field).is_some());
        let heard = bytes(heartbeat).and_then(time);
        let is_silent = heard.is_none_or(|heard| now.signed_duration_since(heard) > SILENT);
        let will_be_forgotten = matches!(ttl, Value::Int(seconds) if seconds >= 0);
        if !is_known || bytes(death).is_some() || (is_silent && !will_be_forgotten) {
            return None;
        }
        // RQ 3 keeps what a worker runs in a set of its own.
        let of_set = || elements(executions).iter().find_map(bytes).map(|it| lossy(job_and_execution(it).0));
        let birth = bytes(birth).and_then(time);
        Some(Worker {
            name: lossy(key.strip_prefix(b"rq:worker:").unwrap_or(key)),
            state: text(state).unwrap_or_else(|| "unknown".to_owned()),
            current_job: text(job).or_else(of_set),
            uptime: birth.and_then(|birth| now.signed_duration_since(birth).to_std().ok()),
            queues: text(queues).unwrap_or_default(),
        })
    }

    /// True when it says that it runs this job.
    pub(super) fn runs(&self, id: &[u8]) -> bool {
        self.current_job.as_ref().is_some_and(|job| *job == lossy(id))
    }
}

impl Redis {
    /// The workers of a queue that are alive.
    pub(crate) fn workers(&mut self, queue: &str) -> Result<Vec<Worker>> {
        let mut names: Vec<Vec<u8>> = self.ask(cmd("SMEMBERS").arg(format!("rq:workers:{queue}")))?;
        names.sort_unstable();
        let mut workers = Vec::new();
        for some in names.chunks(AT_ONCE) {
            let mut commands = pipe();
            for key in some {
                Worker::ask(key, &mut commands);
            }
            let mut answers = self.ask_all(&commands)?.into_iter();
            for key in some {
                let told = (answers.next(), answers.next(), answers.next());
                if let (Some(hash), Some(ttl), Some(executions)) = told {
                    workers.extend(Worker::of(key, [hash, ttl, executions], self.now()));
                }
            }
        }
        Ok(workers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(fields: [&str; 6], ttl: i64) -> [Value; 3] {
        let text = |text: &str| match text {
            "" => Value::Nil,
            text => Value::BulkString(text.as_bytes().to_vec()),
        };
        [Value::Array(fields.map(text).into()), Value::Int(ttl), Value::Set(Vec::new())]
    }

    fn worker(fields: [&str; 6], ttl: i64) -> Option<Worker> {
        let now = time(b"2026-11-20T15:02:26Z").unwrap();
        Worker::of(b"rq:worker:w", told(fields, ttl), now)
    }

    const BIRTH: &str = "2026-11-20T15:00:26.000000Z";
    const LATELY: &str = "2026-11-20T15:02:00.000000Z";
    const LONG_AGO: &str = "2026-11-20T14:00:00.000000Z";

    #[test]
    fn a_worker_is_alive_while_it_tells_of_itself_and_has_not_said_that_it_ends() {
        let alive = worker([BIRTH, LATELY, "busy", "job", "", "a,b"], -1).unwrap();
        assert_eq!((alive.name.as_str(), alive.state.as_str()), ("w", "busy"));
        assert_eq!(alive.uptime, Some(Duration::from_secs(120)));
        assert!(alive.runs(b"job") && !alive.runs(b"jo"));
        assert!(worker([BIRTH, LATELY, "idle", "", LATELY, "a"], 60).is_none(), "it has ended");
        assert!(worker([BIRTH, LONG_AGO, "idle", "", "", "a"], -1).is_none(), "it fell silent");
        assert!(worker([BIRTH, LONG_AGO, "idle", "", "", "a"], 60).is_some(), "it has set a longer time");
        assert!(worker([""; 6], -2).is_none(), "it is gone");
    }

    #[test]
    fn what_a_worker_of_rq_3_runs_is_found_among_its_executions() {
        let [hash, ttl, _] = told([BIRTH, LATELY, "busy", "", "", "a"], 60);
        let execution = format!("job:{}", "0".repeat(32)).into_bytes();
        let executions = Value::Array(vec![Value::BulkString(execution)]);
        let now = time(b"2026-11-20T15:02:26Z").unwrap();
        assert!(Worker::of(b"rq:worker:w", [hash, ttl, executions], now).unwrap().runs(b"job"));
    }
}
