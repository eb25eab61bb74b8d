//! `[compose]`: the Compose project of the site.

use super::secret::is_variable_name;
use super::units::Length;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[compose]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ComposeSection {
    /// The file; default: the one that Compose finds in `site.root`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// The project's name; default: what Compose makes of the folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// A question to Docker is given up after this time.
    pub timeout: Length,
    /// Names of secret environment variables that Compose may see, for a file that uses them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pass_env: Vec<String>,
    /// Services that do their work and end, such as migrations: they are well when they have ended without an error.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub once: Vec<String>,
}

impl Default for ComposeSection {
    fn default() -> ComposeSection {
        ComposeSection {
            file: None,
            project: None,
            timeout: Length::from_seconds(30),
            pass_env: Vec::new(),
            once: Vec::new(),
        }
    }
}

impl ComposeSection {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.timeout.is_zero() {
            return Err("`timeout` of [compose] is nothing: every answer would come too late".to_owned());
        }
        if self.file.as_ref().is_some_and(|file| file.as_os_str().is_empty()) {
            return Err("`file` of [compose] is empty; name a file, or leave the key out".to_owned());
        }
        match self.pass_env.iter().find(|name| !is_variable_name(name)) {
            Some(name) => {
                let name = crate::text::escape(name);
                Err(format!("[compose] passes `{name}`, which no environment can hold"))
            }
            None => Ok(()),
        }
    }
}
