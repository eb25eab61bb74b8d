//! `[archive-logs]`: where the logs of the containers are kept.

use super::units::Length;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[archive-logs]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ArchiveLogsSection {
    /// The folder of the archives.
    pub dir: PathBuf,
    /// Services that are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
    /// How far the first archive goes back.
    pub first: Length,
}

impl Default for ArchiveLogsSection {
    fn default() -> ArchiveLogsSection {
        ArchiveLogsSection {
            dir: "logs/archive".into(),
            without: Vec::new(),
            first: Length::from_seconds(7 * 86_400),
        }
    }
}
