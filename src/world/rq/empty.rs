//! Empties a queue: what waits is removed with all that RQ keeps of it, and with what could only run after it.

use super::queue::State;
use crate::engine::apply::Permit;
use crate::world::redis::Redis;
use anyhow::Result;
use redis::Script;
use serde::Serialize;

/// Jobs that are removed by one call: some hundredths of a second, in which Redis answers nobody else.
pub(crate) const AT_ONCE: u64 = 5_000;

/// Takes ids from the head of a queue. A job that does not wait any more (it runs, it has ended) loses its place only.
/// What is no hash is no job, and is left.
const SCRIPT: &str = r"
-- KEYS[1]=rq:queue:NAME  ARGV[1]=ids at most
local P='rq:job:'
local function status(id)
  local found=redis.pcall('HGET',P..id,'status')
  if type(found)=='table' then return 'unreadable' end
  return found
end
local function members(key)
  local found=redis.pcall('SMEMBERS',key)
  if found.err then return {} end
  return found
end
local function purge(id)
  for _,parent in ipairs(members(P..':'..id..':dependencies')) do
    redis.pcall('SREM',P..parent..':dependents',id)
  end
  local waiting=members(P..id..':dependents')
  redis.call('DEL',P..id,P..id..':dependents',P..':'..id..':dependencies','rq:results:'..id)
  return waiting
end
local taken,ghosts,stale,dependents=0,0,0,0
while taken<tonumber(ARGV[1]) do
  local id=redis.call('LPOP',KEYS[1])
  if not id then break end
  taken=taken+1
  local now=status(id)
  if now and now~='queued' and now~='created' then
    stale=stale+1
  else
    if not now then ghosts=ghosts+1 end
    local stack=purge(id)
    while #stack>0 do
      local next=table.remove(stack)
      if status(next)=='deferred' then
        local origin=redis.call('HGET',P..next,'origin')
        if origin then redis.pcall('ZREM','rq:deferred:'..origin,next) end
        for _,later in ipairs(purge(next)) do stack[#stack+1]=later end
        dependents=dependents+1
      end
    end
  end
end
return {taken,ghosts,stale,dependents,redis.call('LLEN',KEYS[1])}
";

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Emptied {
    /// Ids that were taken from the queue.
    #[serde(skip)]
    pub(crate) taken: u64,
    /// Of them those whose job was gone already.
    pub(crate) ghosts: u64,
    /// Of them those whose job did not wait any more: it is kept.
    pub(crate) stale: u64,
    /// Jobs that waited for a removed one.
    pub(crate) dependents: u64,
    /// What waits now.
    #[serde(skip)]
    pub(crate) left: u64,
}

impl Emptied {
    /// Ids that stand for nothing in the queue any more, as the original counts them.
    pub(crate) fn removed(&self) -> u64 {
        self.taken - self.stale
    }
}

impl Redis {
    /// Removes so many waiting jobs at most, the next first; in all that is done at once.
    pub(crate) fn empty(&mut self, queue: &str, most: u64, _permit: &Permit) -> Result<Emptied> {
        let script = Script::new(SCRIPT);
        let mut call = script.key(State::Queued.key(queue));
        let (taken, ghosts, stale, dependents, left) = self.run(call.arg(most.min(AT_ONCE)))?;
        Ok(Emptied { taken, ghosts, stale, dependents, left })
    }
}

impl std::ops::AddAssign for Emptied {
    fn add_assign(&mut self, more: Emptied) {
        self.taken += more.taken;
        self.ghosts += more.ghosts;
        self.stale += more.stale;
        self.dependents += more.dependents;
        self.left = more.left;
    }
}
