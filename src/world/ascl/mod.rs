//! The document whose links are the candidates of a catalogue: ASCL's, or any other JSON with links to GitHub.

mod links;

use super::World;
use super::http::{self, Address, Answer, Question, Traffic, Verdict};
use crate::config::repository::RepositoryName;
use crate::error::Problem;
use crate::text;
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// Counts the ways in which links have been looked for: what another one found is not remembered.
const READER: u8 = 1;
/// A longer name of a version is not worth remembering.
const LONGEST_TAG: usize = 500;

/// Where the document is.
#[derive(Debug)]
pub(crate) enum Source {
    /// An address.
    Web(Address),
    /// A file.
    File(PathBuf),
}

/// A document that was read, as it is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Document {
    /// What the server calls this version of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modified: Option<String>,
    /// The repositories that it links to.
    pub(crate) repositories: Vec<RepositoryName>,
}

/// What reading came to.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) document: Document,
    /// It was not sent again, because it has not changed.
    pub(crate) is_unchanged: bool,
    pub(crate) received_bytes: u64,
}

impl Source {
    /// An address, or a path relative to `site.root`; nothing is opened.
    pub(crate) fn of(world: &World, text: &str) -> Result<Source> {
        if let Some(path) = text.strip_prefix("file:///") {
            return Ok(Source::File(Path::new("/").join(path)));
        }
        if !text.contains("://") {
            return Ok(Source::File(world.root.join(text)));
        }
        // What follows the path may be a secret.
        let address = Address::parse(text, "the source")?;
        let shown = address.without_secrets();
        Ok(Source::Web(address.called(&shown)))
    }

    /// Refuses a file that is not there.
    pub(crate) fn ready(&self, world: &World) -> Result<()> {
        match self {
            Source::File(path) if !world.files.is_file(path) => Err(Problem::usage(format!(
                "there is no document at {}; correct --source, or `source` of [ascl-refresh]",
                text::path(path)
            ))),
            _ => Ok(()),
        }
    }

    /// What the document is remembered under.
    pub(crate) fn key(&self) -> Option<String> {
        match self {
            // The address may hold a secret, which is not to be written down.
            Source::Web(address) => {
                let reader = format!("{READER} {}", address.whole());
                Some(text::hex(&Sha256::digest(reader)))
            }
            Source::File(_) => None,
        }
    }

    /// How messages call it.
    pub(crate) fn name(&self) -> std::borrow::Cow<'_, str> {
        match self {
            Source::Web(address) => address.name().into(),
            Source::File(path) => text::path(path),
        }
    }
}

/// Reads the document; what is `known` of an earlier one saves sending it again.
pub(crate) fn read(world: &World, source: &Source, known: Option<&Document>) -> Result<Reading> {
    match source {
        Source::Web(address) => fetch(world, address, known),
        Source::File(path) => {
            let bytes = world.files.read(path, world.config.ascl_refresh.max_document.bytes())?;
            let document = Document { repositories: links_in(&bytes, source)?, ..Document::default() };
            Ok(Reading { document, is_unchanged: false, received_bytes: bytes.len() as u64 })
        }
    }
}

fn fetch(world: &World, address: &Address, known: Option<&Document>) -> Result<Reading> {
    let traffic = Traffic::default();
    let verdict = |answer: &Answer| match answer.status.as_u16() {
        304 if known.is_some() => Verdict::Good,
        _ => answer.verdict(),
    };
    let mut question = Question::get(address).anywhere().large().judged_by(&verdict);
    question = question.limit(world.config.ascl_refresh.max_document.bytes()).counted_in(&traffic);
    question = question.header("accept", "application/json");
    if let Some(etag) = known.and_then(|known| known.etag.as_ref()) {
        question = question.header("if-none-match", etag);
    } else if let Some(time) = known.and_then(|known| known.last_modified.as_ref()) {
        question = question.header("if-modified-since", time);
    }
    let answer = http::fetch(world, &question)?;
    let received_bytes = traffic.received_bytes();
    if let Some(known) = known.filter(|_| answer.status.as_u16() == 304) {
        return Ok(Reading { document: known.clone(), is_unchanged: true, received_bytes });
    }
    let header =
        |name: &str| answer.header(name).filter(|value| value.len() <= LONGEST_TAG).map(str::to_owned);
    let document = Document {
        etag: header("etag"),
        last_modified: header("last-modified"),
        repositories: links_in(&answer.body, &Source::Web(address.clone()))?,
    };
    Ok(Reading { document, is_unchanged: false, received_bytes })
}

fn links_in(bytes: &[u8], source: &Source) -> Result<Vec<RepositoryName>> {
    links::read(bytes).with_context(|| format!("the document at {} cannot be used", source.name()))
}
