//! `[checks.NAME]`: what is looked at to see whether the site is well.

use super::units::Length;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[checks.NAME]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// An address that must answer with a status of 200 to 399.
    pub http: String,
    /// An answer that takes longer is too slow.
    #[serde(default = "usual_latency")]
    pub max_latency: Length,
}

impl Check {
    pub(super) fn check(&self) -> Result<(), String> {
        let is_address = ["http://", "https://"].iter().any(|scheme| self.http.starts_with(scheme));
        if !is_address {
            return Err("needs an address, such as `http = \"http://127.0.0.1:8000/health\"`".to_owned());
        }
        if self.max_latency.is_zero() {
            return Err("has a `max_latency` of nothing, which no answer could keep".to_owned());
        }
        Ok(())
    }
}

fn usual_latency() -> Length {
    Length::from_seconds(5)
}
