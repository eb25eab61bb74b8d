//! Where a secret is kept: never the secret itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `"env:NAME"` or `"file:PATH"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^(env|file):.+$", "examples" = ["env:DISCORD_WEBHOOK_URL"]))]
pub enum SecretRef {
    /// The environment variable of this name, or the same name in `site.env_file`.
    Env(String),
    /// The first line of this file.
    File(PathBuf),
}

impl TryFrom<String> for SecretRef {
    type Error = String;
    fn try_from(text: String) -> Result<SecretRef, String> {
        match text.split_once(':') {
            Some(("env", name)) if is_variable_name(name) => Ok(SecretRef::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(SecretRef::File(path.into())),
            // The text may be the secret: it is not repeated.
            _ => Err("a secret is not written here: put it in the environment and write \"env:NAME\", \
                      or in a file and write \"file:PATH\""
                .to_owned()),
        }
    }
}

impl SecretRef {
    /// Where it is kept, as messages name it: `$NAME`, or the path.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            SecretRef::Env(name) => format!("${name}"),
            SecretRef::File(path) => crate::text::path(path).into_owned(),
        }
    }
}

/// True for a name that the environment can hold.
#[must_use]
pub fn is_variable_name(name: &str) -> bool {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(is_first) && name.chars().all(|c| is_first(c) || c.is_ascii_digit())
}

impl From<SecretRef> for String {
    fn from(secret: SecretRef) -> String {
        match secret {
            SecretRef::Env(name) => format!("env:{name}"),
            SecretRef::File(path) => format!("file:{}", path.display()),
        }
    }
}
