//! What runs of a queue, and how it is ended: a worker is told, and what becomes of the job is looked at.

use super::queue::{SUSPENDED, State};
use super::workers::Worker;
use super::{bytes, elements, job_and_execution, key, lossy, number, text, time};
use crate::engine::apply::Permit;
use crate::world::redis::Redis;
use anyhow::Result;
use redis::{Script, Value, cmd, pipe};
use std::time::Duration;

/// The most entries of running jobs that are looked at.
const MOST: u32 = 10_000;

/// A job that RQ lists as running, or that a worker says it runs.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) id: Vec<u8>,
    /// Who runs it, as far as it is known.
    pub(crate) worker: Option<String>,
    pub(crate) description: Option<String>,
    /// For how long it has been running.
    pub(crate) age: Option<Duration>,
    /// A worker that is alive says that it runs this job.
    pub(crate) is_run: bool,
}

/// A job, looked at once more.
#[derive(Debug)]
pub(crate) struct Found {
    /// None when the job is gone.
    pub(crate) status: Option<String>,
    /// The worker says that it runs this job.
    pub(crate) is_run: bool,
    /// There is such a worker.
    pub(crate) has_worker: bool,
    /// Something listens to what the worker is told. The process of a job does, too, when its worker was killed.
    pub(crate) is_heard: bool,
}

impl Redis {
    /// What runs of a queue: what RQ lists, and what the workers say. A job that was only marked as canceled is in
    /// no list and runs on.
    pub(crate) fn running(&mut self, queue: &str) -> Result<Vec<Running>> {
        let workers = self.workers(queue)?;
        let mut entries: Vec<(Vec<u8>, Option<Vec<u8>>)> = Vec::new();
        for (entry, _) in self.ids(queue, State::Started, MOST)? {
            let (id, execution) = job_and_execution(&entry);
            entries.push((id.to_vec(), execution.map(<[u8]>::to_vec)));
        }
        let listed = entries.len();
        for worker in &workers {
            let job = worker.current_job.as_ref().map(|job| job.as_bytes().to_vec());
            entries.extend(job.map(|job| (job, None)));
        }
        let mut commands = pipe();
        for (id, execution) in &entries {
            let fields = ["status", "worker_name", "description", "started_at", "origin"];
            commands.cmd("HMGET").arg(key("rq:job:", id, "")).arg(&fields);
            let execution = key(":", execution.as_deref().unwrap_or_default(), "");
            let execution = [b"rq:execution:", id.as_slice(), &execution].concat();
            commands.cmd("HMGET").arg(execution).arg(&["worker_name", "created_at"]);
        }
        let answers = self.ask_all(&commands)?;
        let mut running: Vec<Running> = Vec::new();
        for (index, ((id, _), answers)) in entries.iter().zip(answers.chunks_exact(2)).enumerate() {
            let job = elements(answers[0].clone());
            let execution = elements(answers[1].clone());
            let runner = workers.iter().find(|worker| worker.runs(id));
            let origin = job.get(4).and_then(bytes);
            let is_ours = match origin {
                _ if index < listed => true,
                Some(origin) => origin == queue.as_bytes(),
                // The job is gone; a worker that serves nothing else can have it from this queue only.
                None => runner.is_some_and(|worker| worker.queues == queue),
            };
            if !is_ours || running.iter().any(|known| known.id == *id) {
                continue;
            }
            let at = |value: Option<&Value>| value.and_then(bytes).and_then(time);
            let since = at(job.get(3)).or_else(|| at(execution.get(1)));
            let named = || execution.first().and_then(text).or_else(|| job.get(1).and_then(text));
            running.push(Running {
                id: id.clone(),
                worker: runner.map(|worker| worker.name.clone()).or_else(named),
                description: job.get(2).and_then(text),
                age: since.and_then(|since| self.now().signed_duration_since(since).to_std().ok()),
                is_run: runner.is_some(),
            });
        }
        Ok(running)
    }

    /// Tells a worker to end a job; how many have heard it.
    pub(crate) fn tell_to_stop(&mut self, job: &Running, worker: &str, _permit: &Permit) -> Result<u64> {
        let command = serde_json::json!({ "command": "stop-job", "job_id": lossy(&job.id) });
        self.ask(cmd("PUBLISH").arg(format!("rq:pubsub:{worker}")).arg(command.to_string()))
    }

    /// Looks at a job once more, and at its worker.
    pub(crate) fn look_at(&mut self, job: &Running) -> Result<Found> {
        let mut commands = pipe();
        commands.cmd("HGET").arg(key("rq:job:", &job.id, "")).arg("status");
        if let Some(worker) = &job.worker {
            Worker::ask(&format!("rq:worker:{worker}"), &mut commands);
            commands.cmd("PUBSUB").arg("NUMSUB").arg(format!("rq:pubsub:{worker}"));
        }
        let mut answers = self.ask_all(&commands)?.into_iter();
        let status = answers.next().as_ref().and_then(text);
        let worker = job.worker.as_ref().and_then(|worker| {
            let told = [answers.next()?, answers.next()?, answers.next()?];
            Worker::of(format!("rq:worker:{worker}").as_bytes(), told, self.now())
        });
        let is_run = worker.as_ref().is_some_and(|worker| worker.runs(&job.id));
        let heard = answers.next().map(elements).unwrap_or_default();
        let is_heard = heard.get(1).and_then(number).unwrap_or(0) > 0;
        Ok(Found { status, is_run, has_worker: worker.is_some(), is_heard })
    }

    /// From now on no worker begins another job, of whichever queue, for so long at most. False when somebody else
    /// has seen to that already.
    pub(crate) fn suspend(&mut self, mark: &str, length: Duration, _permit: &Permit) -> Result<bool> {
        let seconds = length.as_secs().max(1);
        let mut command = cmd("SET");
        command.arg(SUSPENDED).arg(mark).arg("NX").arg("EX").arg(seconds);
        self.ask::<Option<String>>(&command).map(|answer| answer.is_some())
    }

    /// Lets the workers go on, now or after a while, when it was us who held them. False when it was not.
    pub(crate) fn resume(&mut self, mark: &str, after: Option<Duration>, _permit: &Permit) -> Result<bool> {
        let script = Script::new(
            r"
            if redis.pcall('GET',KEYS[1])~=ARGV[1] then return 0 end
            if ARGV[2]=='0' then return redis.call('DEL',KEYS[1]) end
            return redis.call('EXPIRE',KEYS[1],ARGV[2])
            ",
        );
        let seconds = after.map_or(0, |after| after.as_secs().max(1));
        self.run(script.key(SUSPENDED).arg(mark).arg(seconds))
    }
}
