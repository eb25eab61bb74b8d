//! Globs: which names or paths below a folder are meant.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A glob such as "*.tmp" (any depth) or "sessions/**" (below the folder).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("examples" = ["*.tmp", "sessions/**"]))]
pub struct Glob(globset::Glob);

impl Glob {
    /// What matches any of these.
    pub fn set<'a>(globs: impl IntoIterator<Item = &'a Glob>) -> Result<globset::GlobSet, globset::Error> {
        let mut builder = globset::GlobSetBuilder::new();
        for glob in globs {
            builder.add(glob.0.clone());
        }
        builder.build()
    }

    /// The same names with `ending` behind them.
    pub fn with_ending(&self, ending: &str) -> Result<Glob, String> {
        Glob::try_from(format!("{}{ending}", self.0.glob()))
    }
}

impl TryFrom<String> for Glob {
    type Error = String;
    fn try_from(text: String) -> Result<Glob, String> {
        // Without a slash a pattern is meant for the name alone, wherever it is.
        let pattern = if text.contains('/') { text.clone() } else { format!("**/{text}") };
        let glob = globset::GlobBuilder::new(&pattern).literal_separator(true).build();
        glob.map(Glob).map_err(|error| format!("bad glob \"{text}\": {}", error.kind()))
    }
}

impl From<Glob> for String {
    fn from(glob: Glob) -> String {
        let pattern = glob.0.glob();
        pattern.strip_prefix("**/").filter(|rest| !rest.contains('/')).unwrap_or(pattern).to_owned()
    }
}
