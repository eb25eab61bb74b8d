//! GitHub: what it knows of repositories. By GraphQL, a hundred a request, when there is a token; else by REST, with
//! what the hour's limit leaves.

mod access;
mod asking;
mod graphql;
mod limits;
mod rest;
mod stand_in;
mod state;
mod summary;
#[cfg(test)]
mod tests;

use super::World;
use crate::config::repository::RepositoryName;
use crate::logging;
use crate::text;
use access::Access;
use anyhow::Result;
use asking::{Asking, End, Way};
use chrono::{DateTime, Datelike as _, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use state::most_failures;
use std::collections::BTreeMap;

/// What is shown of a server's own words.
const MOST_WORDS: usize = 200;

/// What GitHub says of a repository that it shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Figure {
    /// Its number, which a rename does not change, if GitHub tells it.
    pub(crate) id: u64,
    /// Its name today.
    pub(crate) name: RepositoryName,
    pub(crate) stars: u64,
    /// The last commit of its default branch; by REST the last push, which may be another branch's. None when it is empty, or no time was told.
    pub(crate) changed: Option<DateTime<Utc>>,
    /// The commit that its default branch is at; not known by REST.
    pub(crate) commit: Option<String>,
}

/// Whether a repository is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Standing {
    There(Figure),
    /// It is not, or is not shown to anybody; and GitHub's words for that.
    Gone(String),
}

/// What is known of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) standing: Standing,
    /// When GitHub last said so.
    pub(crate) checked: DateTime<Utc>,
    /// What makes the next question cheaper: the ETag of the answer, and whom it was given to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) etag: Option<Etag>,
}

/// The ETag of an answer, which holds for one reader only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Etag {
    pub(crate) value: String,
    /// A hash of the address of the API and of the token.
    pub(crate) reader: String,
}

/// What GitHub said in one run.
#[derive(Debug, Default)]
pub(crate) struct Census {
    /// What was answered, under the key of the name that was asked.
    pub(crate) answers: BTreeMap<String, Known>,
    /// Requests made, further tries included.
    pub(crate) requests: usize,
    /// Answers of "not changed".
    pub(crate) unchanged: usize,
    /// Bytes of answers.
    pub(crate) received_bytes: u64,
    /// What is worth knowing: a token that is refused, repositories that must wait for the next hour.
    pub(crate) notes: Vec<String>,
    /// Why some were not answered, though they should have been.
    pub(crate) failures: Vec<String>,
}

/// Asks for these repositories, the most needed first. What is `known` makes asking cheaper. Errors are for what is wrong
/// with the configuration; what GitHub does wrong is in the census.
pub(crate) fn ask(
    world: &World,
    wanted: &[RepositoryName],
    known: &BTreeMap<String, Known>,
) -> Result<Census> {
    if let Some(path) = &world.config.github.stand_in {
        return stand_in::ask(world, path, wanted);
    }
    let mut access = Access::of(world)?;
    let asking = Asking::of(world, wanted, known);
    let mut notes = Vec::new();
    let machine = access.rest.machine();
    let end = match world.asked.given_up(&machine) {
        Some(why) => Some(End::Away { why, is_lost: true }),
        None => run(world, &mut access, &asking, &mut notes),
    };
    if let Some(End::Away { why, is_lost: true }) = &end {
        world.asked.give_up(&machine, why);
    }
    let mut census = summary::census(&access, &asking, end);
    census.notes.splice(0..0, notes);
    Ok(census)
}

/// Asks in the best way there is, and in the next when that fails.
fn run(world: &World, access: &mut Access, asking: &Asking<'_>, notes: &mut Vec<String>) -> Option<End> {
    let mut way = if access.has_token() { Way::Graphql } else { Way::Rest };
    let mut failures = 0;
    loop {
        let note = match asking.run(access, way, failures) {
            Some(End::BadToken) => {
                access.refuse_token();
                format!("GitHub refuses the token of {}; going on without it: renew it", access.place)
            }
            Some(End::Unusable(why) | End::Away { why, is_lost: false }) if way == Way::Graphql => {
                // GitHub has had its chances: this is the last one.
                failures = most_failures(&world.config.http) - 1;
                format!("GitHub's GraphQL cannot be used ({why}); asking by REST")
            }
            end => return end,
        };
        way = Way::Rest;
        log::warn!("{note}");
        notes.push(note);
    }
}

/// A server's own words, as they may be printed and kept.
fn words(text: &str) -> String {
    text::escape(&text::cut(&logging::redacted(text.trim()), MOST_WORDS)).into_owned()
}

/// A time that a repository may have been changed at.
fn date(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    (1970..=9999).contains(&time.year()).then_some(time)
}

/// The number of a repository; for one without any a number that is the same in every run.
fn id(told: &Value, name: &RepositoryName) -> u64 {
    let own = || Sha256::digest(name.key()).iter().take(8).fold(0, |id, byte| id << 8 | u64::from(*byte));
    told.as_u64().unwrap_or_else(own)
}

/// Tells one GitHub from another, and from a file that stands for it.
pub(crate) fn identity(world: &World) -> Result<String> {
    match &world.config.github.stand_in {
        Some(path) => Ok(format!("the stand-in {}", text::path(path))),
        None => Ok(Access::of(world)?.identity()),
    }
}

/// Refuses addresses and a token that cannot be used.
pub(crate) fn check(world: &World) -> Result<()> {
    Access::of(world).map(drop)
}
