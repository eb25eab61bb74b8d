//! Claude: whether there is a key that is accepted, and a model that stays.

use super::{Finding, variable};
use crate::config::secret::SecretRef;
use crate::text;
use crate::world::World;
use crate::world::claude::{Claude, Setback};

const JOBS: [&str; 1] = ["update-fiches"];

/// What was found, when a job asks Claude. Nothing is asked that costs.
pub(super) fn claude(world: &World) -> Vec<Finding> {
    let section = &world.config.update_fiches;
    let is_asked = world.config.jobs.values().any(|job| job.is_of(&JOBS));
    if !is_asked || section.stand_in.is_some() {
        return Vec::new();
    }
    // A key that the configuration names is told of with the other secrets.
    let key = match section.api_key() {
        SecretRef::Env(name) if section.api_key.is_none() => Some(variable(world, &name)),
        _ => None,
    };
    key.into_iter().chain(model(world)).collect()
}

fn model(world: &World) -> Option<Finding> {
    let section = &world.config.update_fiches;
    // Without a key there is nobody to ask; that was told.
    world.secret(&section.api_key())?;
    let model = text::escape(&section.model);
    // What cannot be asked at all, such as a model without a price, was told of the job.
    let claude = Claude::of(world, section.mode, serde_json::Value::Null).ok()?;
    Some(match claude.lifecycle(world) {
        Ok(None) => Finding::ok("claude", format!("{model} is there")),
        Ok(Some(end)) => {
            let cure = "name another one as `model` in [update-fiches]";
            Finding::note("claude", format!("{model} is {end}"), cure)
        }
        Err(Setback::Request(why) | Setback::Run(why)) => {
            // The line begins with the name.
            let why = why.strip_prefix("Claude").unwrap_or(&why).trim_start_matches([':', ' ']);
            Finding::problem("claude", why, "")
        }
        Err(Setback::Ended) => return None,
    })
}
