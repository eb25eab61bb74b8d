//! Many repositories at once, by GraphQL.

use super::access::Access;
use super::asking::{Brought, End, Failure, Turn};
use super::limits::{meaning, wait_or_a_while};
use super::{Figure, Known, Standing, date, id, words};
use crate::config::repository::RepositoryName;
use crate::world::http::{Answer, Question};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// An answer has some 300 bytes for each repository.
const LARGEST: u64 = 1 << 20;

const RATE: &str = "rateLimit{cost remaining resetAt}";
const FIELDS: &str = "databaseId nameWithOwner stargazerCount \
                      defaultBranchRef{target{...on Commit{oid committedDate}}}";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Repository {
    #[serde(default)]
    database_id: Value,
    name_with_owner: RepositoryName,
    stargazer_count: u32,
    #[serde(default)]
    default_branch_ref: Value,
}

#[derive(Deserialize)]
struct Error {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    path: Vec<Value>,
    #[serde(default)]
    message: String,
}

/// Asks for these repositories; `put` puts the question.
pub(super) fn ask(
    access: &Access,
    batch: &[&RepositoryName],
    now: DateTime<Utc>,
    put: &dyn Fn(Question<'_>) -> Result<Answer, Turn>,
) -> Brought {
    let body = query(batch);
    let question = Question::with_json(&access.graphql, &body).limit(LARGEST);
    let answer = match put(access.sign(question)) {
        Ok(answer) => answer,
        Err(turn) => return Brought::nothing(turn),
    };
    if answer.status.as_u16() == 200 {
        return read(&answer, batch, now);
    }
    Brought::nothing(match (meaning(&answer).into(), answer.status.as_u16()) {
        // What GitHub refuses is no fault of these repositories.
        (Turn::Failed(Failure::Refused, why), _) => Turn::Over(End::Unusable(why)),
        // It did not get ready in time.
        (Turn::Failed(_, why), 502 | 504) => Turn::Failed(Failure::TooMuch, why),
        (turn, _) => turn,
    })
}

/// The names are variables: whatever they are, they are no part of the query.
fn query(batch: &[&RepositoryName]) -> Value {
    let (mut declared, mut asked, mut variables) = (String::new(), String::new(), Map::new());
    for (index, name) in batch.iter().enumerate() {
        let _ = write!(declared, "$o{index}:String!,$n{index}:String!,");
        let _ =
            write!(asked, "r{index}:repository(owner:$o{index},name:$n{index},followRenames:true){{...F}}");
        variables.insert(format!("o{index}"), name.owner().into());
        variables.insert(format!("n{index}"), name.repo().into());
    }
    let declared = declared.trim_end_matches(',');
    json!({
        "query": format!("query({declared}){{{RATE}{asked}}}fragment F on Repository{{{FIELDS}}}"),
        "variables": variables,
    })
}

fn failed(why: &str) -> Brought {
    Brought::nothing(Turn::Failed(Failure::Passing, why.to_owned()))
}

/// Errors come with the status 200, beside what could be answered.
fn read(answer: &Answer, batch: &[&RepositoryName], now: DateTime<Utc>) -> Brought {
    let Some(mut body) = answer.json() else {
        return failed("its answer is no JSON");
    };
    let errors = body.get_mut("errors").map(Value::take).unwrap_or_default();
    let Ok(errors) = serde_json::from_value::<Option<Vec<Error>>>(errors) else {
        return failed("its answer is no GraphQL");
    };
    let errors = errors.unwrap_or_default();
    let empty = Map::new();
    let data = body.get("data").and_then(Value::as_object).unwrap_or(&empty);
    let mut brought = Brought::nothing(Turn::Fine);
    for (index, name) in batch.iter().enumerate() {
        let alias = format!("r{index}");
        let error = errors.iter().find(|error| error.path.first().is_some_and(|first| *first == *alias));
        let found = data.get(&alias).unwrap_or(&Value::Null);
        match (figure(found), error) {
            (Some(figure), _) => brought.add(name, Standing::There(figure), now),
            (None, Some(error)) if found.is_null() && error.is_fact() => {
                brought.add(name, Standing::Gone(words(&error.message)), now);
            }
            (None, Some(error)) if error.is_refusal() => {
                brought.refused.push((name.key(), words(&error.message)));
            }
            (None, None) if found.is_object() => {
                brought.refused.push((name.key(), "its answer is no repository".to_owned()));
            }
            _ => {}
        }
    }
    if brought.answers.len() + brought.refused.len() < batch.len() {
        let has_nothing = data.keys().all(|key| key == "rateLimit");
        brought.turn = turn(&errors, has_nothing, answer);
    }
    brought
}

/// What comes next when some were not answered.
fn turn(errors: &[Error], has_nothing: bool, answer: &Answer) -> Turn {
    let found = |is: fn(&Error) -> bool| errors.iter().find(|error| is(error));
    if found(Error::is_limit).is_some() {
        return Turn::Wait(wait_or_a_while(answer));
    }
    if let Some(error) = found(Error::is_too_much) {
        let failure = if error.path.is_empty() { Failure::TooMuch } else { Failure::Own };
        return Turn::Failed(failure, words(&error.message));
    }
    match errors.iter().find(|error| error.path.is_empty()) {
        Some(error) if has_nothing => {
            Turn::Over(End::Unusable(format!("it answers: {}", words(&error.message))))
        }
        _ => Turn::Failed(Failure::Passing, "its answer lacks repositories".to_owned()),
    }
}

impl Error {
    fn says(&self, parts: &[&str]) -> bool {
        let message = self.message.to_lowercase();
        parts.iter().any(|part| message.contains(part))
    }

    /// The repository is not there, or not shown to anybody.
    fn is_fact(&self) -> bool {
        self.kind == "NOT_FOUND" || self.says(&["access blocked"])
    }

    fn is_limit(&self) -> bool {
        self.kind == "RATE_LIMITED" || self.says(&["rate limit"])
    }

    /// A smaller question may be answered.
    fn is_too_much(&self) -> bool {
        self.kind == "RESOURCE_LIMITS_EXCEEDED"
            || self.says(&["resource limits", "timeout", "timed out", "something went wrong"])
    }

    /// This repository will be refused again.
    fn is_refusal(&self) -> bool {
        !self.is_limit() && !self.is_too_much() && !self.path.is_empty()
    }
}

/// What is not in GitHub's own form is not believed; its stars count without the rest.
fn figure(found: &Value) -> Option<Figure> {
    let found = Repository::deserialize(found).ok()?;
    let last = |key: &str| found.default_branch_ref.get("target")?.get(key)?.as_str();
    Some(Figure {
        id: id(&found.database_id, &found.name_with_owner),
        changed: last("committedDate").and_then(date),
        commit: last("oid").filter(|commit| is_hash(commit)).map(str::to_owned),
        name: found.name_with_owner,
        stars: found.stargazer_count.into(),
    })
}

fn is_hash(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl Brought {
    fn add(&mut self, name: &RepositoryName, standing: Standing, checked: DateTime<Utc>) {
        self.answers.push((name.key(), Known { standing, checked, etag: None }));
    }
}
