//! Where GitHub is, and as whom it is asked.

use crate::config::secret::SecretRef;
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::http::{Address, Question};
use anyhow::Result;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

const USUAL: &str = "https://api.github.com";

/// Where GitHub is, and as whom it is asked.
pub(super) struct Access {
    pub(super) rest: Address,
    pub(super) graphql: Address,
    token: Option<SecretString>,
    /// Where the token is kept, as messages name it.
    pub(super) place: String,
    /// GitHub has not accepted it.
    pub(super) is_refused: bool,
}

impl Access {
    /// From `[github]` and the environment.
    pub(super) fn of(world: &World) -> Result<Access> {
        let section = &world.config.github;
        let (rest, named) = found(world, section.api_url.as_ref(), "api_url", "GITHUB_API_URL")
            .unwrap_or_else(|| (USUAL.to_owned(), String::new()));
        let rest = rest.trim().trim_end_matches('/').to_owned();
        let graphql = found(world, section.graphql_url.as_ref(), "graphql_url", "GITHUB_GRAPHQL_URL");
        let (graphql, graphql_named) = graphql.unwrap_or_else(|| (beside(&rest), named.clone()));
        Ok(Access {
            rest: Address::parse(&rest, named)?.called("GitHub"),
            graphql: Address::parse(&graphql, graphql_named)?.called("GitHub"),
            token: token(world, &section.token())?,
            place: section.token().place(),
            is_refused: false,
        })
    }

    pub(super) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// From now on it asks as nobody.
    pub(super) fn refuse_token(&mut self) {
        (self.token, self.is_refused) = (None, true);
    }

    /// Adds what GitHub wants of every question: its form, and who asks.
    pub(super) fn sign<'a>(&self, question: Question<'a>) -> Question<'a> {
        let question = question
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28");
        match &self.token {
            Some(token) => question.header("authorization", format!("Bearer {}", token.expose_secret())),
            None => question,
        }
    }

    /// Tells one GitHub from another; the address may hold a secret.
    pub(super) fn identity(&self) -> String {
        text::hex(&Sha256::digest(self.rest.whole())[..8])
    }

    /// Tells readers apart without telling who they are: an ETag holds for one of them.
    pub(super) fn reader(&self) -> String {
        let token = self.token.as_ref().map_or("", |token| token.expose_secret());
        let digest = Sha256::digest(format!("{}\n{token}", self.rest.whole()).as_bytes());
        text::hex(&digest[..8])
    }
}

/// An address of the configuration, else of the environment, and the words for its place.
fn found(world: &World, own: Option<&String>, key: &str, variable: &str) -> Option<(String, String)> {
    let own = own.map(|address| (address.clone(), format!("`{key}` of [github]")));
    own.or_else(|| {
        let address = world.secret(&SecretRef::Env(variable.to_owned()))?;
        Some((address.expose_secret().to_owned(), format!("${variable}")))
    })
}

/// GitHub Enterprise has its GraphQL at `/api/graphql`, and its REST at `/api/v3`.
fn beside(rest: &str) -> String {
    format!("{}/graphql", rest.strip_suffix("/v3").filter(|base| base.ends_with("/api")).unwrap_or(rest))
}

fn token(world: &World, secret: &SecretRef) -> Result<Option<SecretString>> {
    let place = secret.place();
    let token = world.secret(secret).filter(|token| !token.expose_secret().is_empty());
    match (&token, secret) {
        (None, SecretRef::File(_)) => Err(Problem::usage(format!(
            "{place} holds no token, or cannot be read; write GitHub's token into it"
        ))),
        (Some(token), _) if !token.expose_secret().bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err(Problem::usage(format!(
                "the token in {place} holds a character that no token has, such as a space or a line break; copy it again"
            )))
        }
        _ => Ok(token),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graphql_is_beside_rest() {
        assert_eq!(beside("https://api.github.com"), "https://api.github.com/graphql");
        assert_eq!(beside("https://git.example.org/api/v3"), "https://git.example.org/api/graphql");
        assert_eq!(beside("http://127.0.0.1:8000"), "http://127.0.0.1:8000/graphql");
    }
}
