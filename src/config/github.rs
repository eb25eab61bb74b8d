//! `[github]`: where GitHub is, and as whom it is asked. Each key may come from the environment alone.

use super::secret::SecretRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[github]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Github {
    /// The REST API; default: `$GITHUB_API_URL`, else <https://api.github.com>.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_url: Option<String>,
    /// The GraphQL API; default: `$GITHUB_GRAPHQL_URL`, else `graphql` beside the REST API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graphql_url: Option<String>,
    /// The token, which is a secret; default: `$GITHUB_TOKEN`. Without one GitHub answers 60 requests an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<SecretRef>,
    /// Where repositories are cloned from, with `{owner}` and `{repo}`: an address that begins with `https://`, or
    /// with `file://` for one's own.
    pub clone_url: String,
    /// A file that answers instead of GitHub, for rehearsals without a network: stars by `OWNER/REPO`, as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stand_in: Option<PathBuf>,
    /// How many requests are under way at the same time.
    pub connections: usize,
}

impl Default for Github {
    fn default() -> Github {
        Github {
            api_url: None,
            graphql_url: None,
            token: None,
            clone_url: "https://github.com/{owner}/{repo}.git".to_owned(),
            stand_in: None,
            connections: 4,
        }
    }
}

impl Github {
    /// Where the token is kept, if there is one.
    #[must_use]
    pub fn token(&self) -> SecretRef {
        self.token.clone().unwrap_or_else(|| SecretRef::Env("GITHUB_TOKEN".to_owned()))
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let url = &self.clone_url;
        if !url.starts_with("https://") && !url.starts_with("file:///") {
            return Err(
                "`clone_url` of [github] begins with neither https:// nor file:///; correct it".to_owned()
            );
        }
        // git shows its address in errors and to whoever lists processes.
        if url.contains('@') {
            return Err(
                "`clone_url` of [github] names an account, which others would see; leave it out".to_owned()
            );
        }
        if !url.contains("{owner}") || !url.contains("{repo}") {
            return Err("`clone_url` of [github] needs both {owner} and {repo}".to_owned());
        }
        // GitHub refuses clients with more than a hundred at the same time.
        match self.connections {
            1..=20 => Ok(()),
            count => Err(format!("`connections` of [github] is {count}; write a number from 1 to 20")),
        }
    }
}
