//! `[trim-logs]`: the logs that `trim-logs` shortens, and to how many lines.

use super::glob::Glob;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[trim-logs]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrimLogsSection {
    /// The logs: paths or globs, relative to `site.root`, such as "logs/*.log".
    pub paths: Vec<String>,
    /// Names or paths that match one of these globs stay as they are.
    pub exclude: Vec<Glob>,
    /// So many lines at the end of each log stay.
    pub lines: u32,
}

impl Default for TrimLogsSection {
    fn default() -> TrimLogsSection {
        TrimLogsSection { paths: Vec::new(), exclude: Vec::new(), lines: 1_000 }
    }
}
