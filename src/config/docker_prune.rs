//! `[docker-prune]`: what of Docker's may go.

use super::glob::Glob;
use super::units::Length;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[docker-prune]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DockerPruneSection {
    /// Images that no container uses go when they were built, and pulled, so long ago.
    pub until: Length,
    /// Images that stay: globs for their names, with or without the tag.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<Glob>,
}

impl Default for DockerPruneSection {
    fn default() -> DockerPruneSection {
        DockerPruneSection { until: Length::from_seconds(86_400), keep: Vec::new() }
    }
}
