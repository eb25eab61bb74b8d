//! `[site]`, `[state]` and `[crontab]`: who this is, and where `maint` keeps its own things.

use super::units::Length;
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[site]`
#[derive(Debug, Default, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Site {
    /// The name that tells two sites on one machine apart.
    pub name: String,
    /// The folder that all other paths are relative to; default: the folder of this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<PathBuf>,
    /// What "today" means, such as "Europe/Paris"; default: the machine's time zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<Zone>,
    /// A file of NAME=VALUE lines in which secrets are looked up too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env_file: Option<PathBuf>,
    /// The language of notifications and reports; default: English, and French in what a French program also writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
}

impl Site {
    /// The language of alerts.
    #[must_use]
    pub fn language_of_alerts(&self) -> Language {
        self.language.unwrap_or_default()
    }

    /// The language of what the site's own program wrote until now; those known are French.
    #[must_use]
    pub fn language_of_program(&self) -> Language {
        self.language.unwrap_or(Language::Fr)
    }
}

/// The language of notifications and reports.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English
    #[default]
    En,
    /// French
    Fr,
}

/// A time zone of the IANA database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("examples" = ["Europe/Paris"]))]
pub struct Zone(pub Tz);

impl TryFrom<String> for Zone {
    type Error = String;
    fn try_from(name: String) -> Result<Zone, String> {
        name.parse().map(Zone).map_err(|_| {
            let known = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
            match crate::text::nearest(&name, known) {
                Some(near) => format!("unknown time zone `{name}`; did you mean `{near}`?"),
                None => format!("unknown time zone `{name}`; write one such as \"Europe/Paris\""),
            }
        })
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> String {
        zone.0.name().to_owned()
    }
}

/// `[state]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StateSection {
    /// The folder of the state database, locks and logs; default: `$STATE_DIRECTORY`, else
    /// /var/lib/maint/SITE for root, else `$XDG_STATE_HOME/maint/SITE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
    /// Runs and logs older than this are forgotten.
    pub keep_age: Length,
    /// At most this many runs are remembered for each job.
    pub keep_runs: u32,
}

impl Default for StateSection {
    fn default() -> StateSection {
        StateSection { dir: None, keep_age: Length::from_hours(24 * 90), keep_runs: 500 }
    }
}

/// `[crontab]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CrontabSection {
    /// The program that lists and installs a crontab.
    pub bin: PathBuf,
}

impl Default for CrontabSection {
    fn default() -> CrontabSection {
        CrontabSection { bin: "crontab".into() }
    }
}
