//! `[deploy]`: how new code is fetched, built, started and judged.

use super::units::Length;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[deploy]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeploySection {
    /// Fetching new code is given up after this time.
    pub pull_timeout: Length,
    /// Building images is given up after this time.
    pub build_timeout: Length,
    /// A new version that is not healthy after this time is taken back.
    pub health_timeout: Length,
    /// A service without a health check must run for this long.
    pub settle: Length,
    /// The checks, names of `[checks.NAME]`, that a new version must pass; default: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checks: Option<Vec<String>>,
    /// So many lines of the log of each service are shown at the end.
    pub log_lines: u32,
}

impl Default for DeploySection {
    fn default() -> DeploySection {
        DeploySection {
            pull_timeout: Length::from_minutes(2),
            build_timeout: Length::from_minutes(30),
            health_timeout: Length::from_minutes(1),
            settle: Length::from_seconds(5),
            checks: None,
            log_lines: 10,
        }
    }
}
