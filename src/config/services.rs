//! `[services]`: how `services` calls what it shows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `[services]`
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ServicesSection {
    /// What a service is called, by its Compose name, the name of its check, `redis` or `workers`.
    pub names: BTreeMap<String, String>,
}
