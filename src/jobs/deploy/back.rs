//! The way back: what ran before a deploy, kept until it is known that the new version is well.

use super::health;
use super::step::{Deed, Step};
use crate::engine::apply::Permit;
use crate::engine::memory::{recall, remember};
use crate::engine::plan::Plan;
use crate::error::one_line;
use crate::text;
use crate::world::World;
use crate::world::docker::{Compose, Container};
use crate::world::git::{Standing, short};
use anyhow::{Result, anyhow, bail};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Where it is remembered.
const TOPIC: &str = "deploy";
const KEY: &str = "before";
/// What the commands of a way back take together, besides the start of the containers.
const COMMANDS: Duration = Duration::from_secs(120);

/// What ran before, and how to run it again.
#[derive(Debug)]
pub(super) struct WayBack {
    pub(super) compose: Compose,
    /// The services that the deploy is about; none: all.
    pub(super) services: Vec<String>,
    /// The commit to go back to, when the code is, or will be, another one.
    commit: Option<String>,
    before: Before,
    /// What ran before a deploy that was cut off, and not what runs now.
    is_older: bool,
}

/// What is remembered of the time before a deploy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Before {
    at: DateTime<Utc>,
    /// The commit that was checked out.
    commit: Option<String>,
    /// What each service ran.
    images: BTreeMap<String, Image>,
    /// True once the new version was seen to be well.
    is_over: bool,
}

/// What a service ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Image {
    name: String,
    id: String,
}

impl WayBack {
    /// The way back from a deploy that begins now at `head`, the code of which `moves`. What ran before a deploy that was
    /// cut off is a better goal than what that has left.
    pub(super) fn of(
        world: &World,
        compose: Compose,
        head: Option<&str>,
        moves: bool,
        services: Vec<String>,
    ) -> Result<WayBack> {
        let older = remembered(world)?.filter(|before| !before.is_over);
        let is_older = older.is_some();
        let before = match older {
            Some(before) => before,
            None => Before {
                at: world.clock.now(),
                commit: head.map(str::to_owned),
                images: compose.containers(world)?.iter().filter_map(image).collect(),
                is_over: false,
            },
        };
        let commit = before.commit.clone().filter(|commit| moves || Some(commit.as_str()) != head);
        Ok(WayBack { compose, services, commit, before, is_older })
    }

    /// Says so when the last deploy was cut off.
    pub(super) fn note(&self, world: &World) -> Option<String> {
        let at = world.clock.show(self.before.at);
        self.is_older.then(|| {
            format!(
                "the deploy of {at} did not end well; what ran before it is still the way back (--rollback)"
            )
        })
    }

    /// The services in words.
    pub(super) fn shown(&self) -> String {
        if self.services.is_empty() {
            "all services".to_owned()
        } else {
            text::escape(&self.services.join(", ")).into_owned()
        }
    }

    /// Where it leads, in words; nowhere when nothing runs yet.
    pub(super) fn goal(&self) -> Option<String> {
        if self.before.images.is_empty() {
            return None;
        }
        Some(match &self.commit {
            Some(commit) => format!("the images that ran before and {}", short(commit)),
            None => "the images that ran before".to_owned(),
        })
    }

    /// The services whose images are known.
    pub(super) fn kept(&self) -> Vec<&str> {
        self.before.images.keys().map(String::as_str).collect()
    }

    /// Writes down what runs now, and keeps its images from being taken for rubbish.
    pub(super) fn keep(&self, world: &World, permit: &Permit) -> Result<String> {
        for (service, Image { id, .. }) in &self.before.images {
            self.compose.tag(world, id, &kept_as(world.config.site_name(), service), permit)?;
        }
        remember(world, TOPIC, [(KEY, &self.before)], permit)?;
        Ok(text::plural(self.before.images.len(), "image"))
    }

    /// Only the code goes back: nothing of the new version has been started. What is answered is one line.
    pub(super) fn undo_code(&self, world: &World, permit: &Permit) -> String {
        let world = world.to_the_end(COMMANDS);
        let back = self.return_code(&world, permit).and_then(|words| {
            // What was cut off before still is.
            if self.is_older { Ok(words) } else { is_over(&world, permit).map(|()| words) }
        });
        match back {
            Ok(Some(words)) => format!("nothing was stopped, and {words}"),
            Ok(None) => "nothing was stopped".to_owned(),
            Err(error) => format!("nothing was stopped, but {}", one_line(&error)),
        }
    }

    /// Code, images and containers go back, and it is waited until they are well. What is answered is one line, and
    /// whether it has come to that.
    pub(super) fn undo(&self, world: &World, permit: &Permit) -> (String, bool) {
        if self.before.images.is_empty() {
            return ("nothing ran before, so there is nothing to go back to".to_owned(), false);
        }
        let patience = world.config.deploy.health_timeout.duration();
        let world = world.to_the_end(COMMANDS + patience);
        let code = self.return_code(&world, permit);
        let words = match &code {
            Ok(words) => words.clone(),
            Err(error) => Some(one_line(error)),
        };
        let words = words.map_or_else(String::new, |words| format!("; {words}"));
        let is_back = self.return_containers(&world, permit).and_then(|()| is_over(&world, permit));
        match is_back {
            Ok(()) => (format!("the old version runs again{words}"), code.is_ok()),
            Err(error) => {
                (format!("going back failed: {}{words}; look at `maint services`", one_line(&error)), false)
            }
        }
    }

    /// The code goes back, when it is elsewhere. What was changed here meanwhile is stashed where it is in the way.
    fn return_code(&self, world: &World, permit: &Permit) -> Result<Option<String>> {
        let Some(commit) = &self.commit else { return Ok(None) };
        let checkout = world.checkout()?;
        let place = format!("the code is at {}", short(commit));
        let Err(error) = checkout.go_to(world, commit, permit) else { return Ok(Some(place)) };
        let stash = checkout.stash(world, permit)?;
        checkout
            .go_to(world, commit, permit)
            .map_err(|_| anyhow!("the code could not go back to {}: {}", short(commit), one_line(&error)))?;
        Ok(Some(stash.map_or(place.clone(), |stash| {
            format!("{place}, local changes stashed as \"{}\"", stash.message)
        })))
    }

    fn return_containers(&self, world: &World, permit: &Permit) -> Result<()> {
        self.return_images(world, permit)?;
        self.compose.up(world, &self.services, false, COMMANDS, permit)?;
        match health::wait(world, &self.compose, &self.services).why() {
            Some(why) => bail!("the old version is not well either: {why}"),
            None => Ok(()),
        }
    }

    /// The images get the names back by which Compose finds them.
    pub(super) fn return_images(&self, world: &World, permit: &Permit) -> Result<String> {
        for Image { name, id } in self.before.images.values() {
            // An image without a name was always found by its id.
            if !name.starts_with("sha256:") {
                self.compose.tag(world, id, name, permit)?;
            }
        }
        Ok(text::plural(self.before.images.len(), "image"))
    }
}

fn image(container: &Container) -> Option<(String, Image)> {
    let id = container.image_id.clone()?;
    Some((container.service.clone(), Image { name: container.image.clone(), id }))
}

/// The name under which the image of a service is kept: no other site's, and one that Docker allows.
fn kept_as(site: &str, service: &str) -> String {
    let words = site.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let site = words.collect::<Vec<_>>().join("-").to_ascii_lowercase();
    let service = service.replace(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c)), "-");
    format!("maint-before-deploy/{site}:{service}")
}

/// What runs now is well: what was cut off before is past.
pub(super) fn is_over(world: &World, permit: &Permit) -> Result<()> {
    match remembered(world)? {
        Some(before) => remember(world, TOPIC, [(KEY, &Before { is_over: true, ..before })], permit),
        None => Ok(()),
    }
}

/// Nothing has been moved or started: what this run has written down is no way back from anything.
pub(super) fn begun_in_vain(world: &World, permit: &Permit) -> Result<()> {
    match remembered(world)?.filter(|before| before.at == world.clock.now()) {
        Some(_) => is_over(world, permit),
        None => Ok(()),
    }
}

fn remembered(world: &World) -> Result<Option<Before>> {
    Ok(recall(world, TOPIC)?.remove(KEY))
}

/// Plans the way back to what ran before the last deploy.
pub(super) fn plan(world: &World) -> Result<Plan<Step>> {
    let Some(before) = remembered(world)? else {
        bail!("no deploy is remembered, so there is nothing to go back to")
    };
    let compose = super::compose(world)?;
    let mut plan = Plan::default();
    plan.notes.push(format!("what ran before the deploy of {}", world.clock.show(before.at)));
    if let Some(commit) = &before.commit {
        let Standing { commit: from, changed, .. } = world.checkout()?.standing(world)?;
        if from != *commit {
            if !changed.is_empty() {
                plan.actions.push(Deed::Stash { changed }.into());
            }
            plan.actions.push(Deed::Return { from, to: commit.clone() }.into());
        }
    }
    let is_older = false;
    let back = Arc::new(WayBack { compose, services: Vec::new(), commit: None, before, is_older });
    if !back.kept().is_empty() {
        plan.actions.push(Deed::ReturnImages { back: Arc::clone(&back) }.into());
    }
    plan.actions.push(Deed::Start { back: Arc::clone(&back), anew: false, stays: true }.into());
    plan.actions.push(Deed::Await { back, stays: true }.into());
    Ok(plan)
}
