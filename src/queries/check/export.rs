//! `maint check export`: the checks and jobs of the site as rules for Prometheus and Grafana.

use crate::engine::Query;
use crate::engine::metrics::forms;
use crate::engine::metrics::rules::Rule;
use crate::error::Problem;
use crate::world::World;
use anyhow::Result;
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// For whom the rules are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A rule file of Prometheus
    #[default]
    Prometheus,
    /// A file for Grafana's provisioning of alerts
    Grafana,
}

/// Prints alerting rules for Prometheus or Grafana
#[derive(Args, Clone, Debug, Default)]
pub struct Export {
    /// For whom
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// The data source that Grafana asks, by its uid [default: prometheus]
    #[arg(long, value_name = "UID")]
    pub datasource: Option<String>,
}

/// The file: YAML for people and programs, and the same as JSON.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Rules {
    rules: Value,
    #[serde(skip)]
    text: String,
}

impl Query for Export {
    type Answer = Rules;

    fn ask(&self, world: &World) -> Result<Rules> {
        world.site_file()?;
        let site = world.config.site_name();
        let found = Rule::all(&world.config);
        if found.is_empty() {
            return Err(Problem::usage(
                "there is nothing to export: maint.toml has neither a job with a schedule nor a check",
            ));
        }
        let rules = match (self.format, &self.datasource) {
            (Format::Prometheus, None) => forms::for_prometheus(site, &found),
            (Format::Prometheus, Some(_)) => {
                return Err(Problem::usage("--datasource belongs to --format grafana"));
            }
            (Format::Grafana, uid) => {
                forms::for_grafana(site, &found, uid.as_deref().unwrap_or("prometheus"))
            }
        };
        let text = yaml_serde::to_string(&rules)?;
        Ok(Rules { rules, text })
    }
}

impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
