//! `[backup]`: what is backed up, where to, and how long it is kept; and `[restore]`.

use super::secret::SecretRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[backup]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BackupSection {
    /// The folder of the backups.
    pub dir: PathBuf,
    /// Names of `[databases.NAME]` [default: all].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub databases: Option<Vec<String>>,
    /// Volumes, as the Compose file or Docker calls them [default: the named ones of the Compose project].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volumes: Option<Vec<String>>,
    /// Volumes whose containers are paused while they are copied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pause: Vec<String>,
    /// Volumes whose containers are stopped while they are copied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// Files that make this installation what it is.
    pub configs: Vec<PathBuf>,
    /// An image that is there, for volumes that `maint` cannot read itself [default: one that uses the volume].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Each backup also gets a row in the site's own table of backups, which `rebuild-paths` keeps.
    pub record: bool,
    /// How hard zstd compresses: 1 to 19.
    pub level: u8,
    /// Public keys of age, "age1…": with any, backups are encrypted for them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<String>,
    /// The secret key of age that reads them again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<SecretRef>,
    /// So many of the newest are kept in any case; at least one is.
    pub keep_last: u32,
    /// The newest of each of so many days is kept.
    pub keep_daily: u32,
    /// The newest of each of so many weeks.
    pub keep_weekly: u32,
    /// The newest of each of so many months.
    pub keep_monthly: u32,
    /// The newest of each of so many years.
    pub keep_yearly: u32,
    /// A repository of restic that gets each backup, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restic: Option<Restic>,
}

/// `[backup.restic]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Restic {
    /// As for `restic -r`; `env:NAME` or `file:PATH` when it holds a password.
    pub repository: String,
    /// Its password.
    pub password: SecretRef,
}

/// `[restore]`
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RestoreSection {
    /// Services of Compose that are stopped meanwhile [default: all that run, but for the database's own].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<Vec<String>>,
}

impl Default for BackupSection {
    fn default() -> BackupSection {
        BackupSection {
            dir: "backups".into(),
            databases: None,
            volumes: None,
            pause: Vec::new(),
            stop: Vec::new(),
            configs: Vec::new(),
            image: None,
            record: false,
            level: 3,
            recipients: Vec::new(),
            identity: None,
            keep_last: 1,
            keep_daily: 7,
            keep_weekly: 4,
            keep_monthly: 6,
            keep_yearly: 0,
            restic: None,
        }
    }
}

impl BackupSection {
    pub(super) fn secrets(&self) -> impl Iterator<Item = SecretRef> {
        let of_restic = |restic: &Restic| {
            let repository = SecretRef::try_from(restic.repository.clone()).ok();
            repository.into_iter().chain([restic.password.clone()])
        };
        self.identity.clone().into_iter().chain(self.restic.iter().flat_map(of_restic))
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.dir.as_os_str().is_empty() {
            return Err("`dir` of [backup] is empty; name a folder, or leave the key out".to_owned());
        }
        if !(1..=19).contains(&self.level) {
            return Err(format!("`level` of [backup] is {}; zstd has 1 to 19", self.level));
        }
        match self.recipients.iter().find(|key| !key.starts_with("age1") && !key.starts_with("ssh-")) {
            Some(key) => {
                let key = crate::text::escape(key);
                Err(format!("`recipients` of [backup] has `{key}`; a public key of age begins with age1"))
            }
            None => Ok(()),
        }
    }
}
