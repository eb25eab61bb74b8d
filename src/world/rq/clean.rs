//! Removes jobs that have ended, and what RQ leaves behind of them: results, executions, ids that lead nowhere.

use super::key;
use super::queue::State;
use crate::engine::apply::Permit;
use crate::world::redis::Redis;
use anyhow::Result;
use redis::{Script, cmd};
use serde::Serialize;
use std::collections::BTreeSet;

/// Jobs that are removed by one call.
const AT_ONCE: u64 = 5_000;
/// Keys that are looked through by one call.
const SCANNED: u64 = 5_000;
const RESULTS: &str = "rq:results:";

/// Goes through the ids of a registry from the oldest on. Each leaves it; its job is removed when it still is in
/// a state that belongs there: one that was put in a queue again lives on. Several keys are removed by one command:
/// most of the time goes into commands, not into keys.
const SCRIPT: &str = r"
-- KEYS[1]=rq:finished:NAME, rq:failed:NAME or rq:canceled:NAME  ARGV[1]=ids at most  ARGV[2..]=states
local P,AT_ONCE='rq:job:',500
local ended={}
for i=2,#ARGV do ended[ARGV[i]]=true end
local removed,ghosts,stale,results,waiting=0,0,0,0,0
local ids=redis.call('ZRANGE',KEYS[1],0,tonumber(ARGV[1])-1)
redis.call('ZREMRANGEBYRANK',KEYS[1],0,tonumber(ARGV[1])-1)
local function look_behind(id)
  for _,next in ipairs(redis.pcall('SMEMBERS',P..id..':dependents')) do
    if redis.pcall('HGET',P..next,'status')=='deferred' then waiting=waiting+1 end
  end
  for _,execution in ipairs(redis.pcall('ZRANGE','rq:executions:'..id,0,-1)) do
    redis.call('DEL','rq:execution:'..id..':'..execution)
  end
end
for first=1,#ids,AT_ONCE do
  local gone,keys,streams,rare={},{},{},{}
  for i=first,math.min(first+AT_ONCE-1,#ids) do
    local id=ids[i]
    local status=redis.pcall('HGET',P..id,'status')
    if type(status)=='table' or (status and not ended[status]) then
      stale=stale+1
    else
      if status then removed=removed+1 else ghosts=ghosts+1 end
      gone[#gone+1]=id
      keys[#keys+1]=P..id
      keys[#keys+1]=P..':'..id..':dependencies'
      streams[#streams+1]='rq:results:'..id
      rare[#rare+1]=P..id..':dependents'
      rare[#rare+1]='rq:executions:'..id
    end
  end
  if #gone>0 then
    if redis.call('EXISTS',unpack(rare))>0 then
      for _,id in ipairs(gone) do look_behind(id) end
      redis.call('DEL',unpack(rare))
    end
    results=results+redis.call('DEL',unpack(streams))
    redis.call('DEL',unpack(keys))
  end
end
return {removed,ghosts,stale,results,waiting,redis.call('ZCARD',KEYS[1])}
";

/// Removes the results of these jobs that are gone.
const ORPHANS: &str = r"
local removed=0
for _,id in ipairs(ARGV) do
  if redis.call('EXISTS','rq:job:'..id)==0 then removed=removed+redis.call('DEL','rq:results:'..id) end
end
return removed
";

/// Where RQ keeps the ids of jobs that have ended in a certain way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Registry {
    pub(crate) state: State,
    statuses: &'static [&'static str],
}

impl Registry {
    pub(crate) const ALL: [Registry; 3] = [
        Registry { state: State::Finished, statuses: &["finished"] },
        Registry { state: State::Failed, statuses: &["failed", "stopped"] },
        Registry { state: State::Canceled, statuses: &["canceled"] },
    ];
}

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Cleaned {
    pub(crate) removed: u64,
    /// Ids whose job was gone already.
    pub(crate) ghosts: u64,
    /// Ids whose job is in another state by now: it is kept.
    pub(crate) stale: u64,
    /// Streams of results.
    pub(crate) results: u64,
    /// Jobs that wait for a removed one.
    pub(crate) waiting: u64,
    /// What is left in the registry.
    #[serde(skip)]
    pub(crate) left: u64,
}

impl Cleaned {
    /// Ids that have left the registry.
    pub(crate) fn taken(&self) -> u64 {
        self.removed + self.ghosts + self.stale
    }
}

impl std::ops::AddAssign for Cleaned {
    fn add_assign(&mut self, more: Cleaned) {
        self.removed += more.removed;
        self.ghosts += more.ghosts;
        self.stale += more.stale;
        self.results += more.results;
        self.waiting += more.waiting;
        self.left = more.left;
    }
}

impl Redis {
    /// Removes so many jobs of a registry at most, the oldest first; in all that is done at once.
    pub(crate) fn clean(
        &mut self,
        queue: &str,
        registry: Registry,
        most: u64,
        _permit: &Permit,
    ) -> Result<Cleaned> {
        let script = Script::new(SCRIPT);
        let mut call = script.key(registry.state.key(queue));
        call.arg(most.min(AT_ONCE)).arg(registry.statuses);
        let (removed, ghosts, stale, results, waiting, left) = self.run(&call)?;
        Ok(Cleaned { removed, ghosts, stale, results, waiting, left })
    }

    /// Hands over the jobs that have results in Redis, some at a time; each perhaps twice. False from `look` ends it.
    fn with_results(&mut self, mut look: impl FnMut(&mut Redis, &[Vec<u8>]) -> Result<bool>) -> Result<()> {
        let mut cursor = 0_u64;
        loop {
            let mut scan = cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg("rq:results:*").arg("COUNT").arg(SCANNED);
            let (next, keys): (u64, BTreeSet<Vec<u8>>) = self.ask(&scan)?;
            let ids = keys.iter().filter_map(|key| key.strip_prefix(RESULTS.as_bytes()));
            let ids: Vec<Vec<u8>> = ids.map(<[u8]>::to_vec).collect();
            let goes_on = ids.is_empty() || look(self, &ids)?;
            if next == 0 || !goes_on {
                return Ok(());
            }
            cursor = next;
        }
    }

    /// How many streams of results belong to jobs that are gone, of whichever queue.
    pub(crate) fn orphans(&mut self, mut goes_on: impl FnMut() -> bool) -> Result<u64> {
        let mut orphans = 0;
        self.with_results(|redis, ids| {
            let jobs: Vec<_> = ids.iter().map(|id| key("rq:job:", id, "")).collect();
            let there: u64 = redis.ask(cmd("EXISTS").arg(jobs))?;
            orphans += (ids.len() as u64).saturating_sub(there);
            Ok(goes_on())
        })?;
        Ok(orphans)
    }

    /// Removes them; `removed` counts on. It is looked once more whether the job is gone.
    pub(crate) fn remove_orphans(
        &mut self,
        removed: &mut u64,
        mut goes_on: impl FnMut() -> bool,
        _permit: &Permit,
    ) -> Result<()> {
        let script = Script::new(ORPHANS);
        self.with_results(|redis, ids| {
            *removed += redis.run::<u64>(script.prepare_invoke().arg(ids))?;
            Ok(goes_on())
        })
    }
}
