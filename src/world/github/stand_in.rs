//! A file that answers instead of GitHub: for rehearsals without a network.

use super::{Census, Figure, Known, Standing, id};
use crate::config::repository::RepositoryName;
use crate::world::World;
use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

const LARGEST: u64 = 16 << 20;

/// What the file says of a repository.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    stars: u64,
    changed: Option<DateTime<Utc>>,
}

/// Answers from the file; what is not in it is gone.
pub(super) fn ask(world: &World, path: &Path, wanted: &[RepositoryName]) -> Result<Census> {
    let shown = crate::text::path(path);
    let bytes = world.files.read(&world.root.join(path), LARGEST)?;
    let entries: BTreeMap<RepositoryName, Entry> = serde_json::from_slice(&bytes)
        .with_context(|| format!("{shown}, the `stand_in` of [github], is no list of repositories"))?;
    let checked = world.clock.now();
    let standing = |name: &RepositoryName| {
        let Some((own, entry)) = entries.get_key_value(name) else {
            return Standing::Gone("it is not in the stand-in".to_owned());
        };
        let Entry { stars, changed } = *entry;
        let id = id(&Value::Null, own);
        Standing::There(Figure { id, name: own.clone(), stars, changed, commit: None })
    };
    let known = |name: &RepositoryName| Known { standing: standing(name), checked, etag: None };
    let answers = wanted.iter().map(|name| (name.key(), known(name))).collect();
    let notes = vec![format!("the figures are not GitHub's: they stand in {shown} (`stand_in` of [github])")];
    Ok(Census { answers, notes, ..Census::default() })
}
