//! `[databases.NAME]`: the databases of the site.

use super::secret::SecretRef;
use super::units::Length;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[databases.NAME]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `sqlite:PATH`, `postgres://…` without a password, or `env:NAME` or `file:PATH` for a whole address.
    pub url: DatabaseUrl,
    /// The service of Compose that it runs in: its own programs dump and restore it there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// How long a database is waited for that another program has locked.
    #[serde(default = "usual_patience")]
    pub busy_timeout: Length,
}

/// How long a locked database is waited for, unless `busy_timeout` says otherwise.
#[must_use]
pub fn usual_patience() -> Length {
    Length::from_seconds(30)
}

/// The address of a database, free of secrets.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("examples" = ["sqlite:db.sqlite3", "env:DATABASE_URL"]))]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// Where the address is kept, when it is a secret.
    #[must_use]
    pub fn secret(&self) -> Option<SecretRef> {
        SecretRef::try_from(self.0.clone()).ok()
    }

    /// True when it is written here and leads to PostgreSQL.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        self.0.starts_with("postgres")
    }
}

impl TryFrom<String> for DatabaseUrl {
    type Error = String;
    fn try_from(url: String) -> Result<DatabaseUrl, String> {
        let is_known = ["sqlite:", "postgres:", "postgresql:", "env:", "file:"]
            .iter()
            .any(|scheme| url.starts_with(scheme));
        if !is_known {
            return Err(
                "a database is \"sqlite:PATH\", \"postgres://HOST/NAME\", \"env:NAME\" or \"file:PATH\""
                    .to_owned(),
            );
        }
        let authority =
            url.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or_default());
        let has_password = authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'));
        if has_password || url.contains("password=") {
            return Err("the address holds a password: put the whole address in the environment and write \"env:NAME\"".to_owned());
        }
        Ok(DatabaseUrl(url))
    }
}

impl From<DatabaseUrl> for String {
    fn from(url: DatabaseUrl) -> String {
        url.0
    }
}
