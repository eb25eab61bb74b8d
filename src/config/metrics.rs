//! `[metrics]`: where Prometheus finds how the jobs fared.

use super::http;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[metrics]`
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsSection {
    /// The folder of `node_exporter`'s textfile collector, such as `/var/lib/prometheus/node-exporter`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub textfile: Option<PathBuf>,
    /// The address of a Pushgateway, such as `http://127.0.0.1:9091`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pushgateway: Option<String>,
}

impl MetricsSection {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.textfile.as_ref().is_some_and(|folder| folder.as_os_str().is_empty()) {
            return Err("`textfile` of [metrics] is empty; name a folder, or leave the key out".to_owned());
        }
        let Some(address) = &self.pushgateway else { return Ok(()) };
        let is_address = ["http://", "https://"].iter().any(|scheme| address.starts_with(scheme));
        if !is_address {
            return Err(
                "`pushgateway` of [metrics] is no address; write one such as \"http://127.0.0.1:9091\""
                    .to_owned(),
            );
        }
        if let Some(rest) = address.strip_prefix("http://")
            && !http::is_this_machine(host_of(rest))
        {
            return Err(
                "`pushgateway` of [metrics] is plain http, which is for this machine only; write https://"
                    .to_owned(),
            );
        }
        // Whoever reads the configuration would read it too.
        if address.contains('@') {
            return Err("`pushgateway` of [metrics] names an account; leave it out".to_owned());
        }
        Ok(())
    }
}

/// The host of what stands behind the scheme of an address.
fn host_of(rest: &str) -> &str {
    let place = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match place.strip_prefix('[') {
        Some(place) => place.split(']').next().unwrap_or_default(),
        None => place.split(':').next().unwrap_or_default(),
    }
}
