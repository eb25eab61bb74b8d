//! `[vacuum-db]`: when a database is worth a vacuum, and how it is made.

use super::units::Size;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[vacuum-db]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct VacuumDbSection {
    /// The database, when the site has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// SQLite: with `--if-needed` it is vacuumed when this share of it is free, from 0 to 1…
    pub free_share: f64,
    /// …or so much of it.
    pub free_size: Size,
    /// PostgreSQL: a table is vacuumed when it has so many dead rows…
    pub dead_rows: u64,
    /// …and they are this share of its rows, from 0 to 1. (Both count only with `--if-needed`.)
    pub dead_share: f64,
    /// SQLite: a copy is kept beside the database until the vacuum has succeeded.
    pub backup: bool,
    /// SQLite: nothing else uses the database meanwhile, so that a compact copy can take its place, which is faster.
    /// It is checked; where something does use it, it is vacuumed in place.
    pub exclusive: bool,
}

impl Default for VacuumDbSection {
    fn default() -> VacuumDbSection {
        VacuumDbSection {
            database: None,
            free_share: 0.2,
            free_size: Size::from_bytes(10 << 20),
            dead_rows: 1_000,
            dead_share: 0.1,
            backup: false,
            exclusive: false,
        }
    }
}

impl VacuumDbSection {
    pub(super) fn check(&self) -> Result<(), String> {
        let shares = [("free_share", self.free_share), ("dead_share", self.dead_share)];
        match shares.into_iter().find(|(_, share)| !(0.0..=1.0).contains(share)) {
            Some((key, share)) => {
                Err(format!("`{key}` of [vacuum-db] is {share}; write a share from 0 to 1, such as 0.2"))
            }
            None => Ok(()),
        }
    }
}
