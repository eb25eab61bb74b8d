//! `maint docker-prune`: removes images and volumes of Docker that nobody uses.

use crate::config::glob::Glob;
use crate::config::units::Length;
use crate::engine::apply::Permit;
use crate::engine::plan::Plan;
use crate::engine::report::{Outcome, Steps};
use crate::engine::{Action, Job, Question};
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::docker::{Image, Store, StoredVolume, Used, is_volume, normal};
use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};
use serde_json::Value;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The names by which a deploy finds its way back.
const WAY_BACK: &str = "maint-before-deploy/";
/// Characters of an id that tell it from others.
const SHORT: usize = 19;
/// What is shown of the names of an image.
const LONGEST: usize = 200;

/// Removes images and volumes of Docker that nobody uses
#[derive(Args, Clone, Debug, Default)]
pub struct DockerPrune {
    /// Only images
    #[arg(long)]
    pub images: bool,
    /// Only anonymous volumes
    #[arg(long)]
    pub volumes: bool,
    /// This named volume, which no container uses; may be repeated
    #[arg(long = "volume", value_name = "NAME")]
    pub named: Vec<String>,
    /// Images older than this [default: as configured, 24h]
    #[arg(long, value_name = "AGE")]
    pub until: Option<String>,
    /// Do not ask
    #[arg(long)]
    pub force: bool,
}

/// What goes.
#[derive(Debug)]
enum Deed {
    /// An image, and for how long it has been here.
    Image(Image, Duration),
    /// A volume, and whether it was asked for by its name.
    Volume(StoredVolume),
}

/// One thing that goes.
#[derive(Debug)]
pub struct Step {
    deed: Deed,
    store: Arc<Store>,
}

impl Job for DockerPrune {
    const NAME: &'static str = "docker-prune";
    const MAKES_ROOM: bool = true;
    type Action = Step;

    fn check(&self, world: &World) -> Result<()> {
        self.until(world)?;
        match self.named.iter().find(|name| !is_volume(name)) {
            Some(name) => {
                Err(Problem::usage(format!("`{}` is no name that a volume can have", text::escape(name))))
            }
            None => Ok(()),
        }
    }

    fn plan(&self, world: &World) -> Result<Plan<Step>> {
        let store = Arc::new(Store::of(world)?);
        let used = store.used(world)?;
        let mut plan = Plan::default();
        // What was asked for by name is all that is asked for.
        let is_all = !self.images && !self.volumes && self.named.is_empty();
        if self.images || is_all {
            self.plan_images(&store, &used, world, &mut plan)?;
        }
        let mut volumes = self.named_volumes(&store, &used, world)?;
        if self.volumes || is_all {
            volumes.extend(anonymous_volumes(&store, &used, world, &mut plan)?);
        }
        if !volumes.is_empty() {
            let sizes = store.sizes(world);
            for volume in &mut volumes {
                volume.bytes = sizes.get(&volume.name).copied();
            }
        }
        let step = |volume| Step { deed: Deed::Volume(volume), store: Arc::clone(&store) };
        plan.actions.extend(volumes.into_iter().map(step));
        Ok(plan)
    }

    fn question(&self, plan: &Plan<Step>) -> Option<Question> {
        let images = plan.actions.iter().filter(|step| matches!(step.deed, Deed::Image(..))).count();
        let volumes = plan.actions.len() - images;
        let parts = [
            (images, text::plural(images, "image")),
            (volumes, format!("{} with what is in them", text::plural(volumes, "volume"))),
        ];
        let parts: Vec<String> =
            parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, words)| words).collect();
        let size = text::size(plan.actions.iter().map(Step::bytes).sum());
        let text = format!("Remove {} ({size})?", parts.join(" and "));
        (!self.force).then_some(Question { text, options: "--force" })
    }

    fn sum_up(&self, steps: &Steps<Step>) -> Option<String> {
        let sum = |outcome: fn(&Outcome) -> bool| -> u64 {
            steps.iter().filter(|step| outcome(step.outcome)).map(|step| step.action.bytes()).sum()
        };
        let freed = sum(|outcome| matches!(outcome, Outcome::Done(_)));
        let to_free = sum(|outcome| *outcome == Outcome::Planned);
        let parts = [(freed, "removed"), (to_free, "to remove")];
        let part = parts.iter().find(|(bytes, _)| *bytes > 0);
        part.map(|(bytes, words)| format!("{} {words}", text::size(*bytes)))
    }

    fn totals(&self, steps: &Steps<Step>) -> Vec<(&'static str, Value)> {
        let done = steps.iter().filter(|step| matches!(step.outcome, Outcome::Done(_)));
        let freed: u64 = done.map(|step| step.action.bytes()).sum();
        vec![("freed_bytes", freed.into())]
    }
}

impl DockerPrune {
    fn until(&self, world: &World) -> Result<Length> {
        match &self.until {
            Some(age) => Length::try_from(age.clone())
                .map_err(|why| Problem::usage(format!("--until: {}", text::escape(&why)))),
            None => Ok(world.config.docker_prune.until),
        }
    }

    fn plan_images(
        &self,
        store: &Arc<Store>,
        used: &Used,
        world: &World,
        plan: &mut Plan<Step>,
    ) -> Result<()> {
        let until = self.until(world)?.duration();
        let declared = Store::declared(world)?;
        let keep = Glob::set(&world.config.docker_prune.keep)?;
        let mut kept = Kept::default();
        let mut images = store.images(world)?;
        images.sort_by(|one, other| (one.since, &one.names).cmp(&(other.since, &other.names)));
        for image in images {
            let all = || image.names.iter().chain(&image.digests);
            let is_way_back = |name: &String| name.starts_with(WAY_BACK);
            let is_kept = |name: &String| keep.is_match(name) || keep.is_match(name_of(name));
            if used.images.contains_key(&image.id) {
                kept.used += 1;
            } else if all().any(|name| declared.contains(&normal(name))) {
                kept.declared += 1;
            } else if all().any(|name| is_way_back(name) || is_kept(name)) {
                kept.named += 1;
            } else if let Some(age) = image.age(world.clock.now()).filter(|age| *age >= until) {
                let deed = Deed::Image(image, age);
                plan.actions.push(Step { deed, store: Arc::clone(store) });
            } else {
                kept.young += 1;
            }
        }
        plan.notes.extend(kept.notes());
        if plan.actions.len() > 1 {
            plan.notes.push("images may share layers, so that less is freed than their sizes say".to_owned());
        }
        Ok(())
    }

    /// Those that were asked for, each of which must be there and unused.
    fn named_volumes(&self, store: &Store, used: &Used, world: &World) -> Result<Vec<StoredVolume>> {
        let mut volumes: Vec<StoredVolume> = Vec::new();
        for name in &self.named {
            if let Some(container) = used.volumes.get(name) {
                bail!("the volume {name} is in use by the container {container}; remove that first");
            }
            match store.volume(world, name)? {
                Some(volume) if !volumes.contains(&volume) => volumes.push(volume),
                Some(_) => {}
                None => {
                    return Err(Problem::usage(format!(
                        "there is no volume {name}; `docker volume ls` lists them"
                    )));
                }
            }
        }
        Ok(volumes)
    }
}

/// Those that Docker has named itself.
fn anonymous_volumes(
    store: &Store,
    used: &Used,
    world: &World,
    plan: &mut Plan<Step>,
) -> Result<Vec<StoredVolume>> {
    let unused = store.unused_volumes(world)?.into_iter();
    let unused = unused.filter(|volume| !used.volumes.contains_key(&volume.name));
    let (anonymous, named): (Vec<_>, Vec<_>) = unused.partition(|volume| volume.is_anonymous);
    if !named.is_empty() {
        let list: Vec<&str> = named.iter().map(|volume| volume.name.as_str()).collect();
        let list = text::cut(&list.join(", "), 300);
        plan.notes.push(format!("no container uses {list}; they go by name only, with --volume NAME"));
    }
    Ok(anonymous)
}

/// "redis" of "redis:7".
fn name_of(name: &str) -> &str {
    let at = name.find('@').unwrap_or(name.len());
    let name = &name[..at];
    match name.rsplit_once(':') {
        Some((before, tag)) if !tag.contains('/') => before,
        _ => name,
    }
}

/// Images that stay, by why.
#[derive(Default)]
struct Kept {
    used: usize,
    declared: usize,
    named: usize,
    young: usize,
}

impl Kept {
    fn notes(&self) -> Vec<String> {
        let reasons = [
            (self.used, "used by containers"),
            (self.declared, "declared in the Compose file"),
            (self.named, "kept by name, or for the way back of a deploy"),
            (self.young, "too young, or of unknown age"),
        ];
        let told = reasons.into_iter().filter(|(count, _)| *count > 0);
        told.map(|(count, why)| format!("{} left alone: {why}", text::plural(count, "image"))).collect()
    }
}

impl Step {
    fn bytes(&self) -> u64 {
        match &self.deed {
            Deed::Image(image, _) => image.bytes,
            Deed::Volume(volume) => volume.bytes.unwrap_or(0),
        }
    }
}

/// What an image is called.
fn shown(image: &Image) -> String {
    match image.names.first().or(image.digests.first()) {
        Some(name) => text::escape(name).into_owned(),
        None => image.id.chars().take(SHORT).collect(),
    }
}

/// What is removed so that nothing else can go: each name by itself, and an image without any by its id.
fn references(image: &Image) -> Vec<String> {
    let names = image.names.iter();
    // With the last name of a repository go its digests.
    let is_left = |digest: &&String| !image.names.iter().any(|name| name_of(name) == name_of(digest));
    let all: Vec<String> = names.chain(image.digests.iter().filter(is_left)).cloned().collect();
    if all.is_empty() { vec![image.id.clone()] } else { all }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.deed {
            Deed::Image(image, age) => {
                let age = text::duration(*age);
                let size = text::size(image.bytes);
                // They all go: it may be known by another than the first.
                let more = image.names.iter().skip(1).map(|name| format!(" = {}", text::escape(name)));
                let names =
                    text::cut(&std::iter::once(shown(image)).chain(more).collect::<String>(), LONGEST);
                write!(f, "remove the image {names} ({size}, {age} old, used by no container)")
            }
            Deed::Volume(StoredVolume { name, is_anonymous, bytes }) => {
                let kind = if *is_anonymous { "anonymous volume" } else { "volume" };
                let size = bytes.map_or_else(|| "of unknown size".to_owned(), text::size);
                write!(f, "remove the {kind} {name} ({size}, used by no container)")
            }
        }
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match &self.deed {
            Deed::Image(image, age) => {
                map.serialize_entry("action", "remove-image")?;
                map.serialize_entry("image", &shown(image))?;
                map.serialize_entry("id", &image.id)?;
                map.serialize_entry("names", &image.names)?;
                map.serialize_entry("size_bytes", &image.bytes)?;
                map.serialize_entry("age_seconds", &age.as_secs())?;
            }
            Deed::Volume(volume) => {
                map.serialize_entry("action", "remove-volume")?;
                map.serialize_entry("volume", &volume.name)?;
                map.serialize_entry("is_anonymous", &volume.is_anonymous)?;
                map.serialize_entry("size_bytes", &volume.bytes)?;
            }
        }
        map.end()
    }
}

impl Action for Step {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        let used = self.store.used(world)?;
        match &self.deed {
            Deed::Image(image, _) => {
                if let Some(container) = used.images.get(&image.id) {
                    return Ok(Outcome::Skipped(format!("the container {container} uses it by now").into()));
                }
                let references = references(image);
                for reference in &references {
                    // A name may lead elsewhere by now.
                    if self.store.image(world, reference)?.as_ref() != Some(image) {
                        return Ok(Outcome::Skipped("changed since it was looked at".into()));
                    }
                }
                self.store.remove_image(world, &references, permit)?;
            }
            Deed::Volume(volume) => {
                if let Some(container) = used.volumes.get(&volume.name) {
                    return Ok(Outcome::Skipped(format!("the container {container} uses it by now").into()));
                }
                if self.store.volume(world, &volume.name)?.is_none() {
                    return Ok(Outcome::Done("it was gone already".into()));
                }
                self.store.remove_volume(world, &volume.name, permit)?;
            }
        }
        Ok(Outcome::DONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_goes_by_its_names_and_one_without_any_by_its_id() {
        let image = |names: &[&str], digests: &[&str]| {
            let all = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            let (names, digests) = (all(names), all(digests));
            references(&Image { id: "sha256:1".to_owned(), names, digests, bytes: 0, since: None })
        };
        assert_eq!(
            image(&["redis:7", "x:5000/r:1"], &["redis@sha256:a", "y@sha256:b"]),
            ["redis:7", "x:5000/r:1", "y@sha256:b"]
        );
        assert_eq!(image(&[], &[]), ["sha256:1"]);
        assert_eq!(image(&[], &["redis@sha256:a"]), ["redis@sha256:a"]);
    }

    #[test]
    fn the_name_of_an_image_is_without_its_tag() {
        for (name, expected) in
            [("redis:7", "redis"), ("a:5000/b", "a:5000/b"), ("a:5000/b:1", "a:5000/b"), ("a@sha256:ff", "a")]
        {
            assert_eq!(name_of(name), expected);
        }
    }
}
