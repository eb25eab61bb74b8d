//! One repository, by REST.

use super::access::Access;
use super::asking::{Brought, End, Failure, Turn};
use super::limits::meaning;
use super::{Etag, Figure, Known, Standing, date, id, words};
use crate::config::repository::RepositoryName;
use crate::world::http::{Answer, Question};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

/// An answer has some 10 KB.
const LARGEST: u64 = 1 << 20;
/// A longer ETag is none that GitHub makes.
const LONGEST_ETAG: usize = 200;

#[derive(Deserialize)]
struct Repository {
    #[serde(default)]
    id: Value,
    full_name: RepositoryName,
    stargazers_count: u32,
    #[serde(default)]
    pushed_at: Value,
}

/// Asks for a repository; `put` puts the question.
pub(super) fn ask(
    access: &Access,
    name: &RepositoryName,
    known: Option<&Known>,
    now: DateTime<Utc>,
    put: &dyn Fn(Question<'_>) -> Result<Answer, Turn>,
) -> Brought {
    let below = ["repos", name.owner(), name.repo()];
    let address = below.iter().try_fold(access.rest.clone(), |address, part| address.below(part));
    let Some(address) = address else {
        return Brought::nothing(Turn::Over(End::Unusable("its address has no path".to_owned())));
    };
    let reader = access.reader();
    let known = known.filter(|known| known.etag.as_ref().is_some_and(|etag| is_fine(etag, &reader)));
    let mut question = access.sign(Question::get(&address).limit(LARGEST));
    if let Some(etag) = known.and_then(|known| known.etag.as_ref()) {
        question = question.header("if-none-match", &*etag.value);
    }
    match put(question) {
        Err(turn) => Brought::nothing(turn),
        Ok(answer) => match read(&answer, known, &reader, now) {
            Ok(found) => Brought {
                unchanged: usize::from(answer.status.as_u16() == 304),
                answers: vec![(name.key(), found)],
                ..Brought::nothing(Turn::Fine)
            },
            Err(turn) => Brought::nothing(turn),
        },
    }
}

fn is_fine(etag: &Etag, reader: &str) -> bool {
    let value = &etag.value;
    etag.reader == reader && value.len() <= LONGEST_ETAG && value.bytes().all(|byte| byte.is_ascii_graphic())
}

fn read(answer: &Answer, known: Option<&Known>, reader: &str, now: DateTime<Utc>) -> Result<Known, Turn> {
    let known_as = |standing, etag| Known { standing, checked: now, etag };
    match (answer.status.as_u16(), known) {
        (200, _) => {
            let figure = figure(answer)
                .ok_or_else(|| Turn::Failed(Failure::Passing, "its answer is no repository".to_owned()))?;
            let etag = answer
                .header("etag")
                .map(|value| Etag { value: value.to_owned(), reader: reader.to_owned() });
            Ok(known_as(Standing::There(figure), etag.filter(|etag| is_fine(etag, reader))))
        }
        (304, Some(known)) => Ok(known_as(known.standing.clone(), known.etag.clone())),
        // It is missing, empty, or blocked; in GitHub's own words, not in those of something between.
        (404 | 409 | 451, _) => match answer.json().as_ref().and_then(|json| json.get("message")?.as_str()) {
            Some(message) => Ok(known_as(Standing::Gone(words(message)), None)),
            None => Err(Turn::Failed(Failure::Refused, answer.words())),
        },
        _ => Err(meaning(answer).into()),
    }
}

fn figure(answer: &Answer) -> Option<Figure> {
    let found: Repository = serde_json::from_slice(&answer.body).ok()?;
    Some(Figure {
        id: id(&found.id, &found.full_name),
        name: found.full_name,
        stars: found.stargazers_count.into(),
        changed: found.pushed_at.as_str().and_then(date),
        commit: None,
    })
}
