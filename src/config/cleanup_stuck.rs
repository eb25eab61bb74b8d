//! `[cleanup-stuck]`: how long a backup or a restore may take.

use super::units::Length;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[cleanup-stuck]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CleanupStuckSection {
    /// The database, where the site has several: NAME of `[databases.NAME]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// What has been running or pending for longer than this is stuck.
    pub age: Length,
}

impl Default for CleanupStuckSection {
    fn default() -> CleanupStuckSection {
        CleanupStuckSection { database: None, age: Length::from_hours(6) }
    }
}
