//! `maint deploy`: new code, new images, new containers; and back to the old ones when they are not well.

mod back;
mod health;
mod step;

use self::back::WayBack;
use self::step::{Deed, Step};
use crate::engine::plan::Plan;
use crate::engine::report::Steps;
use crate::engine::{Job, OnFailure, Question};
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::docker::Compose;
use crate::world::git::{Checkout, Relation, Standing, short};
use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// Brings new code into service, and the old one back when the new one is not well
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent option")]
pub struct Deploy {
    /// What to do [default: full]
    #[arg(value_enum)]
    pub what: Option<What>,
    /// Only this service; may be repeated
    #[arg(long = "service", value_name = "NAME", value_delimiter = ',')]
    pub services: Vec<String>,
    /// Take the code as it is
    #[arg(long)]
    pub no_pull: bool,
    /// Take the images as they are
    #[arg(long)]
    pub no_rebuild: bool,
    /// Go back to what ran before the last deploy
    #[arg(long, conflicts_with_all = ["what", "no_pull", "no_rebuild", "services", "unstash"])]
    pub rollback: bool,
    /// Put the local changes back that a deploy has stashed: alone, or once the new code is here
    #[arg(long)]
    pub unstash: bool,
    /// Ask nothing
    #[arg(long)]
    pub force: bool,
}

/// How much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Only fetch new code
    Pull,
    /// Build new images of the code that is there, and start them
    Rebuild,
    /// Start every container anew
    Restart,
    /// Fetch, build, start
    Full,
}

impl Job for Deploy {
    const NAME: &'static str = "deploy";
    /// Every program that it starts has a limit, and a way back that has begun must not be cut off.
    const CAN_HANG: bool = false;
    const IS_TOLD: bool = true;
    const ON_FAILURE: OnFailure = OnFailure::Stop;
    type Action = Step;

    fn check(&self, _world: &World) -> Result<()> {
        if self.what == Some(What::Pull) && !self.services.is_empty() {
            return Err(Problem::usage(
                "`deploy pull` fetches the code of all services: leave --service out",
            ));
        }
        Ok(())
    }

    fn ready(&self, world: &World) -> Result<()> {
        let compose = if self.starts() { Some(compose(world)?) } else { None };
        if let Some(compose) = &compose {
            compose.check(world)?;
        }
        if let (Some(compose), false) = (compose, self.services.is_empty()) {
            let known = compose.services(world)?;
            let is_unknown = |name: &&String| !known.contains(name);
            if let Some(name) = self.services.iter().find(is_unknown) {
                return Err(unknown(name, &known));
            }
        }
        if self.pulls() || self.unstash {
            world.checkout()?;
        }
        Ok(())
    }

    fn plan(&self, world: &World) -> Result<Plan<Step>> {
        if self.rollback {
            return back::plan(world);
        }
        let mut plan = Plan::default();
        let code = self.code(world, &mut plan)?;
        if self.unstash {
            restore(world, &mut plan)?;
        }
        if self.starts() {
            self.containers(world, &mut plan, code.as_ref())?;
        }
        Ok(plan)
    }

    fn question(&self, plan: &Plan<Step>) -> Option<Question> {
        let steps: Vec<String> = plan.actions.iter().map(ToString::to_string).collect();
        // On one line: where nobody can answer it becomes part of an error.
        let text = format!("{}?", text::sentence(&steps.join(", then ")));
        (!self.force).then_some(Question { text, options: "--yes" })
    }

    fn sum_up(&self, steps: &Steps<Step>) -> Option<String> {
        step::stashed(steps).map(|stash| format!("local changes stashed as \"{stash}\""))
    }

    fn totals(&self, steps: &Steps<Step>) -> Vec<(&'static str, Value)> {
        step::totals(steps)
    }

    fn appendix(&self, steps: &Steps<Step>) -> Option<String> {
        step::logs(steps)
    }
}

/// Where the code was, and where it goes.
struct Code {
    from: String,
    moves: bool,
}

impl Deploy {
    fn what(&self) -> Option<What> {
        let is_alone = self.rollback || (self.unstash && !self.no_pull && !self.no_rebuild);
        self.what.or(if is_alone { None } else { Some(What::Full) })
    }

    fn pulls(&self) -> bool {
        matches!(self.what(), Some(What::Pull | What::Full)) && !self.no_pull
    }

    fn builds(&self) -> bool {
        matches!(self.what(), Some(What::Rebuild | What::Full)) && !self.no_rebuild
    }

    fn starts(&self) -> bool {
        self.rollback || matches!(self.what(), Some(What::Rebuild | What::Restart | What::Full))
    }

    /// What is to be done with the code. None where the site is no checkout, and need not be one.
    fn code(&self, world: &World, plan: &mut Plan<Step>) -> Result<Option<Code>> {
        if !self.pulls() {
            let standing = world.checkout().and_then(|checkout| checkout.standing(world)).ok();
            return Ok(standing.map(|standing| Code { from: standing.commit, moves: false }));
        }
        let checkout = world.checkout()?;
        let standing = checkout.standing(world)?;
        let moves = advance(world, &checkout, &standing, plan)?;
        if !standing.changed.is_empty() && (moves || self.builds()) {
            let place = plan.actions.iter().position(|step| matches!(step.deed, Deed::Advance { .. }));
            let place = place.unwrap_or(plan.actions.len());
            plan.actions.insert(place, Deed::Stash { changed: standing.changed }.into());
        }
        Ok(Some(Code { from: standing.commit, moves }))
    }

    fn containers(&self, world: &World, plan: &mut Plan<Step>, code: Option<&Code>) -> Result<()> {
        let (head, moves) = (code.map(|code| code.from.as_str()), code.is_some_and(|code| code.moves));
        let back = WayBack::of(world, compose(world)?, head, moves, self.services.clone())?;
        plan.notes.extend(back.note(world));
        let back = Arc::new(back);
        let anew = self.what() == Some(What::Restart);
        if !anew && !back.kept().is_empty() {
            // Before anything is touched: a deploy that is killed must find its way back.
            plan.actions.insert(0, Deed::Keep { back: Arc::clone(&back) }.into());
        }
        if self.builds() {
            plan.actions.push(Deed::Build { back: Arc::clone(&back) }.into());
        }
        plan.actions.push(Deed::Start { back: Arc::clone(&back), anew, stays: anew }.into());
        plan.actions.push(Deed::Await { back, stays: anew }.into());
        Ok(())
    }
}

/// The local changes come back: those of this deploy, or of the last one that had any.
fn restore(world: &World, plan: &mut Plan<Step>) -> Result<()> {
    let stashes = world.checkout()?.stashes(world)?;
    let is_stashing = plan.actions.iter().any(|step| matches!(step.deed, Deed::Stash { .. }));
    match stashes.first() {
        _ if is_stashing => plan.actions.push(Deed::Restore { stash: None }.into()),
        Some(stash) => {
            plan.actions.push(Deed::Restore { stash: Some(stash.clone()) }.into());
            if stashes.len() > 1 {
                plan.notes.push(format!("{} of earlier deploys stay stashed", stashes.len() - 1));
            }
        }
        None => plan.notes.push("no deploy has stashed anything".to_owned()),
    }
    Ok(())
}

/// Plans the way to what the branch is at its remote; false when there is none to go.
fn advance(world: &World, checkout: &Checkout, standing: &Standing, plan: &mut Plan<Step>) -> Result<bool> {
    let upstream = checkout.upstream(world, standing, world.config.deploy.pull_timeout.duration())?;
    let Standing { commit, branch, .. } = standing;
    let shown = text::escape(&format!("{}/{}", upstream.remote, upstream.branch)).into_owned();
    let relation = checkout.relation(world, &upstream.commit)?;
    match relation {
        Relation::Same => plan.notes.push(format!("the code is what {shown} is: {}", short(commit))),
        Relation::Ahead => {
            plan.notes.push(format!("the code is newer than {shown}: there is nothing to fetch"));
        }
        Relation::Diverged => bail!(diverged(&shown)),
        Relation::Unknown | Relation::Behind => {
            let branch = branch.clone().unwrap_or_default();
            let (from, to) = (commit.clone(), upstream.commit.clone());
            if relation == Relation::Unknown {
                plan.actions.push(Deed::Fetch { upstream }.into());
            }
            plan.actions.push(Deed::Advance { branch, from, to }.into());
            return Ok(true);
        }
    }
    Ok(false)
}

fn diverged(shown: &str) -> String {
    format!("the branch and {shown} have diverged; bring them together first: `git rebase {shown}`")
}

/// The project, which must be there.
fn compose(world: &World) -> Result<Compose> {
    Compose::of(world)?.ok_or_else(|| {
        let root = text::path(&world.root).into_owned();
        Problem::usage(format!(
            "there is no Compose file in {root}; name it: `file` in [compose] of maint.toml"
        ))
    })
}

fn unknown(name: &str, known: &[String]) -> anyhow::Error {
    let near = text::nearest(name, known.iter().map(String::as_str));
    let hint = match near {
        Some(near) => format!("did you mean `{}`?", text::escape(near)),
        None => format!("known: {}", text::escape(&known.join(", "))),
    };
    Problem::usage(format!("there is no service `{}`; {hint}", text::escape(name)))
}
