//! The steps of a deploy, as they are shown and done.

use super::back::{self, WayBack};
use super::{diverged, health};
use crate::engine::Action;
use crate::engine::apply::Permit;
use crate::engine::report::{Outcome, Steps};
use crate::error::one_line;
use crate::text;
use crate::world::World;
use crate::world::git::{Relation, Stash, Upstream, short};
use anyhow::{Result, bail};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The last lines of logs are read within this time, also when the run is being ended.
const LOOK: Duration = Duration::from_secs(10);
/// Files that are named of those that were changed.
const NAMED: usize = 3;

/// One step.
#[derive(Debug)]
pub struct Step {
    pub(super) deed: Deed,
    /// What was found out by doing it: keys of the report.
    found: OnceLock<Vec<(&'static str, Value)>>,
    /// The last lines of each service's log.
    log: OnceLock<Value>,
}

/// What is done.
#[derive(Debug)]
pub(super) enum Deed {
    Fetch {
        upstream: Upstream,
    },
    Stash {
        changed: Vec<String>,
    },
    Advance {
        branch: String,
        from: String,
        to: String,
    },
    /// The stash of this very deploy, when none is named.
    Restore {
        stash: Option<Stash>,
    },
    Keep {
        back: Arc<WayBack>,
    },
    Build {
        back: Arc<WayBack>,
    },
    /// Where it `stays` there is no other version to go back to.
    Start {
        back: Arc<WayBack>,
        anew: bool,
        stays: bool,
    },
    Await {
        back: Arc<WayBack>,
        stays: bool,
    },
    Return {
        from: String,
        to: String,
    },
    ReturnImages {
        back: Arc<WayBack>,
    },
}

impl From<Deed> for Step {
    fn from(deed: Deed) -> Step {
        Step { deed, found: OnceLock::new(), log: OnceLock::new() }
    }
}

impl Step {
    fn word(&self) -> &'static str {
        match self.deed {
            Deed::Fetch { .. } => "fetch-code",
            Deed::Stash { .. } => "stash-changes",
            Deed::Advance { .. } => "advance-code",
            Deed::Restore { .. } => "restore-changes",
            Deed::Keep { .. } => "keep-images",
            Deed::Build { .. } => "build-images",
            Deed::Start { .. } => "start-services",
            Deed::Await { .. } => "await-health",
            Deed::Return { .. } => "return-code",
            Deed::ReturnImages { .. } => "return-images",
        }
    }

    fn find(&self, found: Vec<(&'static str, Value)>) {
        self.found.get_or_init(|| found);
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.deed {
            Deed::Fetch { upstream: Upstream { remote, branch, commit } } => {
                write!(f, "fetch {}/{} ({})", text::escape(remote), text::escape(branch), short(commit))
            }
            Deed::Stash { changed } => {
                let named = changed.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
                let more = if changed.len() > NAMED { ", …" } else { "" };
                write!(
                    f,
                    "stash the local changes of {} ({named}{more})",
                    text::plural(changed.len(), "file")
                )
            }
            Deed::Advance { branch, from, to } => {
                write!(f, "move {} from {} to {}", text::escape(branch), short(from), short(to))
            }
            Deed::Restore { stash: Some(stash) } => {
                write!(f, "put the local changes back ({})", stash.message)
            }
            Deed::Restore { stash: None } => f.write_str("put the local changes back"),
            Deed::Keep { back } => {
                write!(f, "keep the images of {} as the way back", text::escape(&back.kept().join(", ")))
            }
            Deed::Build { back } => write!(f, "build the images of {}", back.shown()),
            Deed::Start { back, anew: true, .. } => write!(f, "start {} anew", back.shown()),
            Deed::Start { back, .. } => write!(f, "start {} where something has changed", back.shown()),
            Deed::Await { back, stays } => match back.goal().filter(|_| !stays) {
                Some(goal) => write!(f, "see whether {} run well, else go back to {goal}", back.shown()),
                None => write!(f, "see whether {} run well", back.shown()),
            },
            Deed::Return { from, to } => {
                write!(f, "move the code back from {} to {}", short(from), short(to))
            }
            Deed::ReturnImages { back } => {
                write!(f, "give {} the images back that ran before", text::escape(&back.kept().join(", ")))
            }
        }
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("action", self.word())?;
        match &self.deed {
            Deed::Fetch { upstream: Upstream { remote, branch, commit } } => {
                map.serialize_entry("remote", remote)?;
                map.serialize_entry("branch", branch)?;
                map.serialize_entry("commit", commit)?;
            }
            Deed::Stash { changed } => map.serialize_entry("files", changed)?,
            Deed::Advance { branch, from, to } => {
                map.serialize_entry("branch", branch)?;
                map.serialize_entry("from", from)?;
                map.serialize_entry("to", to)?;
            }
            Deed::Restore { stash } => {
                map.serialize_entry("stash", &stash.as_ref().map(|stash| &stash.message))?;
            }
            Deed::Keep { back } | Deed::ReturnImages { back } => {
                map.serialize_entry("services", &back.kept())?;
            }
            Deed::Build { back } => map.serialize_entry("services", &back.services)?,
            Deed::Start { back, anew, stays: _ } => {
                map.serialize_entry("services", &back.services)?;
                map.serialize_entry("anew", anew)?;
            }
            Deed::Await { back, stays } => {
                map.serialize_entry("services", &back.services)?;
                map.serialize_entry("goes_back", &(back.goal().is_some() && !stays))?;
            }
            Deed::Return { from, to } => {
                map.serialize_entry("from", from)?;
                map.serialize_entry("to", to)?;
            }
        }
        for (key, value) in self.found.get().into_iter().flatten() {
            map.serialize_entry(key, value)?;
        }
        if let Some(log) = self.log.get() {
            map.serialize_entry("logs", log)?;
        }
        map.end()
    }
}

impl Action for Step {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        let section = &world.config.deploy;
        let detail = match &self.deed {
            Deed::Fetch { upstream } => in_vain(fetch(world, upstream, permit), world, permit)?,
            Deed::Stash { .. } => match in_vain(world.checkout()?.stash(world, permit), world, permit)? {
                Some(stash) => {
                    self.find(vec![("stash", json!(stash.message)), ("stash_commit", json!(stash.commit))]);
                    format!("as \"{}\"; `maint deploy --unstash` puts them back", stash.message)
                }
                None => return Ok(Outcome::Skipped("nothing is changed any more".into())),
            },
            Deed::Advance { from, to, .. } => in_vain(self.advance(world, from, to, permit), world, permit)?,
            Deed::Restore { stash } => {
                let checkout = world.checkout()?;
                match stash
                    .clone()
                    .map_or_else(|| checkout.stash_of_this_run(world), |stash| Ok(Some(stash)))?
                {
                    Some(stash) => checkout.unstash(world, &stash, permit)?,
                    None => return Ok(Outcome::Skipped("nothing was stashed".into())),
                }
                String::new()
            }
            Deed::Keep { back } => back.keep(world, permit)?,
            Deed::Build { back } => {
                let limit = section.build_timeout.duration();
                if let Err(error) = back.compose.build(world, &back.services, limit, permit) {
                    let undone = back.undo_code(world, permit);
                    return Ok(Outcome::Failed(format!("{}; {undone}", one_line(&error)).into()));
                }
                String::new()
            }
            Deed::Start { back, anew, stays } => {
                let limit = section.build_timeout.duration();
                match back.compose.up(world, &back.services, *anew, limit, permit) {
                    Err(error) if !stays => {
                        return Ok(self.take_back(world, back, &one_line(&error), permit));
                    }
                    started => started.map(|()| String::new())?,
                }
            }
            Deed::Await { back, stays } => return self.judge(world, back, *stays, permit),
            Deed::Return { to, .. } => {
                world.checkout()?.go_to(world, to, permit)?;
                String::new()
            }
            Deed::ReturnImages { back } => back.return_images(world, permit)?,
        };
        Ok(Outcome::Done(detail.into()))
    }
}

impl Step {
    /// The code moves on, or stays as it was found.
    fn advance(&self, world: &World, from: &str, to: &str, permit: &Permit) -> Result<String> {
        let checkout = world.checkout()?;
        if checkout.standing(world)?.commit != from {
            bail!("the code was moved since it was looked at; try again");
        }
        if let Err(error) = checkout.advance(world, to, permit) {
            let stash = checkout.stash_of_this_run(world)?;
            let restored = stash.map(|stash| checkout.unstash(world, &stash, permit)).transpose();
            let words = if matches!(restored, Ok(Some(()))) { "; the local changes are back" } else { "" };
            bail!("{}{words}", one_line(&error));
        }
        let (count, subject) = (checkout.count(world, from, to)?, checkout.subject(world, to));
        self.find(vec![("commits", json!(count)), ("subject", json!(subject))]);
        Ok(format!("{}, the last one: {subject}", text::plural(count, "commit")))
    }

    fn judge(&self, world: &World, back: &WayBack, stays: bool, permit: &Permit) -> Result<Outcome> {
        let why = health::wait(world, &back.compose, &back.services).why();
        self.log.get_or_init(|| logs_of(&world.to_the_end(LOOK), back));
        match why {
            None => back::is_over(world, permit).map(|()| Outcome::DONE),
            Some(why) if stays => Ok(Outcome::Failed(why.into())),
            Some(why) => Ok(self.take_back(world, back, &why, permit)),
        }
    }

    fn take_back(&self, world: &World, back: &WayBack, why: &str, permit: &Permit) -> Outcome {
        let (words, is_back) = back.undo(world, permit);
        self.find(vec![("rolled_back", json!(is_back))]);
        Outcome::Failed(format!("{why}; {words}").into())
    }
}

/// What fails before the code has moved leaves nothing to come back from.
fn in_vain<T>(done: Result<T>, world: &World, permit: &Permit) -> Result<T> {
    done.or_else(|error| back::begun_in_vain(world, permit).and(Err(error)))
}

fn fetch(world: &World, upstream: &Upstream, permit: &Permit) -> Result<String> {
    let checkout = world.checkout()?;
    checkout.fetch(world, upstream, world.config.deploy.pull_timeout.duration(), permit)?;
    let shown = text::escape(&format!("{}/{}", upstream.remote, upstream.branch)).into_owned();
    match checkout.relation(world, &upstream.commit)? {
        Relation::Behind => Ok(String::new()),
        Relation::Diverged => bail!(diverged(&shown)),
        _ => bail!("{shown} has moved while it was fetched; try again"),
    }
}

/// The last lines of each service's log.
fn logs_of(world: &World, back: &WayBack) -> Value {
    let lines = world.config.deploy.log_lines;
    let services = if back.services.is_empty() {
        back.compose.services(world).unwrap_or_default()
    } else {
        back.services.clone()
    };
    let log = |service: String| {
        let log = back.compose.log(world, &service, lines).unwrap_or_else(|error| vec![one_line(&error)]);
        (service, json!(log))
    };
    Value::Object(services.into_iter().filter(|_| lines > 0).map(log).collect())
}

/// What the steps have found under a key, at last.
fn found(steps: &Steps<Step>, key: &str) -> Option<Value> {
    let all = steps.iter().flat_map(|step| step.action.found.get().into_iter().flatten());
    all.filter(|(name, _)| *name == key).map(|(_, value)| value.clone()).last()
}

/// What local changes were stashed as.
pub(super) fn stashed(steps: &Steps<Step>) -> Option<String> {
    let is_back =
        |deed: &Deed, outcome: &Outcome| matches!((deed, outcome), (Deed::Restore { .. }, Outcome::Done(_)));
    if steps.iter().any(|step| is_back(&step.action.deed, step.outcome)) {
        return None;
    }
    found(steps, "stash").and_then(|stash| stash.as_str().map(str::to_owned))
}

/// Keys of the report.
pub(super) fn totals(steps: &Steps<Step>) -> Vec<(&'static str, Value)> {
    let is_back = found(steps, "rolled_back") == Some(json!(true));
    vec![("rolled_back", json!(is_back)), ("stash", json!(stashed(steps)))]
}

/// The logs, for people.
pub(super) fn logs(steps: &Steps<Step>) -> Option<String> {
    let logs = steps.iter().find_map(|step| step.action.log.get())?;
    let log = |(service, lines): (&String, &Value)| {
        let lines: Vec<&str> = lines.as_array()?.iter().filter_map(Value::as_str).collect();
        (!lines.is_empty()).then(|| format!("{}, at last:\n  {}", text::escape(service), lines.join("\n  ")))
    };
    let logs: Vec<String> = logs.as_object()?.iter().filter_map(log).collect();
    (!logs.is_empty()).then(|| logs.join("\n"))
}
