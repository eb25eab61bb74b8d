//! `[cleanup-temp]`: the folders of temporary files and how old a file may grow in them.

use super::glob::Glob;
use super::units::Length;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[cleanup-temp]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CleanupTempSection {
    /// A file goes when it has not been changed for this long.
    pub age: Length,
    /// The folders to clean, each a path or a table with its own age and globs.
    pub paths: Vec<PathEntry>,
    /// Only names or paths that match one of these globs go; empty: all.
    pub include: Vec<Glob>,
    /// Names or paths that match one of these globs stay.
    pub exclude: Vec<Glob>,
    /// Leave what a process holds open.
    pub skip_open: bool,
}

impl Default for CleanupTempSection {
    fn default() -> CleanupTempSection {
        CleanupTempSection {
            age: Length::from_hours(24),
            paths: Vec::new(),
            include: Vec::new(),
            exclude: Vec::new(),
            skip_open: true,
        }
    }
}

/// One folder to clean.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum PathEntry {
    /// A path, with the age and globs of the section.
    Plain(PathBuf),
    /// A path with its own.
    Table(PathTable),
}

impl PathEntry {
    /// The folder with what it sets for itself.
    #[must_use]
    pub fn table(&self) -> PathTable {
        match self {
            PathEntry::Plain(path) => PathTable { path: path.clone(), ..PathTable::default() },
            PathEntry::Table(table) => table.clone(),
        }
    }
}

/// A folder with its own age and globs.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PathTable {
    /// The folder, relative to `site.root`.
    pub path: PathBuf,
    /// Instead of the section's age.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age: Option<Length>,
    /// Instead of the section's globs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include: Option<Vec<Glob>>,
    /// Instead of the section's globs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude: Option<Vec<Glob>>,
}

/// By hand, because serde's `untagged` would answer "did not match any variant" to a mistyped key.
impl<'de> Deserialize<'de> for PathEntry {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<PathEntry, D::Error> {
        struct Either;
        impl<'de> serde::de::Visitor<'de> for Either {
            type Value = PathEntry;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a path or a table `{ path = \"…\", age = \"2h\" }`")
            }
            fn visit_str<E: serde::de::Error>(self, path: &str) -> Result<PathEntry, E> {
                Ok(PathEntry::Plain(path.into()))
            }
            fn visit_map<M: serde::de::MapAccess<'de>>(self, map: M) -> Result<PathEntry, M::Error> {
                let table = PathTable::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(PathEntry::Table(table))
            }
        }
        deserializer.deserialize_any(Either)
    }
}
