//! `maint config check|show|schema`: the configuration, judged, spelled out, and described for editors.

use crate::config::Config;
use crate::engine::Query;
use crate::text;
use crate::world::World;
use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use serde::Serialize;
use std::fmt;

/// Checks, shows or describes maint.toml
#[derive(Args, Clone, Debug)]
pub struct ConfigArgs {
    /// What to do
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What to do with the configuration.
#[derive(Subcommand, Clone, Debug)]
pub enum ConfigCommand {
    /// Reports any mistake with file, line and key
    Check(Check),
    /// Prints the configuration with every default filled in
    Show(Show),
    /// Prints a JSON Schema, for completion and hints in editors
    Schema(Schema),
}

/// `maint config check`
#[derive(Args, Clone, Debug)]
pub struct Check {}

/// `maint config show`
#[derive(Args, Clone, Debug)]
pub struct Show {}

/// `maint config schema`
#[derive(Args, Clone, Debug)]
pub struct Schema {}

/// The configuration is well.
#[derive(Debug, Serialize)]
pub struct Sound {
    file: String,
    site: String,
    jobs: usize,
}

impl Query for Check {
    type Answer = Sound;

    /// Reading it was the check; the command lines of the jobs are checked by the caller, who knows them.
    fn ask(&self, world: &World) -> Result<Sound> {
        let file = text::path(world.site_file()?).into_owned();
        Ok(Sound { file, site: world.config.site_name().to_owned(), jobs: world.config.jobs.len() })
    }
}

impl fmt::Display for Sound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} is in order: site {}, {}", self.file, self.site, text::plural(self.jobs, "job"))
    }
}

/// The whole configuration. A secret shows only where it is kept.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Shown {
    config: Config,
    #[serde(skip)]
    toml: String,
}

impl Query for Show {
    type Answer = Shown;

    fn ask(&self, world: &World) -> Result<Shown> {
        world.site_file()?;
        let mut config = world.config.clone();
        config.site.root = Some(world.root.clone());
        config.state.dir = Some(world.state.folder().to_owned());
        let toml = toml::to_string(&config).context("the configuration cannot be written as TOML")?;
        Ok(Shown { config, toml })
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.toml)
    }
}

/// A JSON Schema of `maint.toml`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Described {
    schema: schemars::Schema,
}

/// The schema, which is the same for every site.
#[must_use]
pub fn describe() -> Described {
    Described { schema: schemars::schema_for!(Config) }
}

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::json(&self.schema).map_err(|_| fmt::Error)?)
    }
}
