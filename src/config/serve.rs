//! `[serve]`: where the server listens, under which names, and who may do what.

use super::secret::SecretRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `[serve]`
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ServeSection {
    /// Where it listens: ADDRESS:PORT, or unix:PATH.
    pub listen: Listen,
    /// Names under which the site is reached, beside those of this machine and the address of `listen`.
    pub hosts: Vec<String>,
    /// Whether a proxy on this machine tells who asks, and how (`X-Forwarded-For`, `X-Forwarded-Proto`).
    pub behind_proxy: bool,
    /// Who may do what; the history shows their names.
    pub keys: BTreeMap<String, Key>,
}

/// A key, and what its holder may do.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Where it is kept: 32 characters or more, as `maint serve key` makes them.
    pub key: SecretRef,
    /// What its holder may do.
    #[serde(default)]
    pub role: Role,
}

/// What the holder of a key may do; each role includes those before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Look
    #[default]
    Read,
    /// Plan, run and cancel jobs
    Operate,
    /// Deploy, restore and prune, too
    Deploy,
}

/// Where the server listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("examples" = ["127.0.0.1:8000", "unix:/run/maint/serve.sock"]))]
pub enum Listen {
    /// An address and a port.
    Tcp(std::net::SocketAddr),
    /// A socket in the file system.
    Unix(std::path::PathBuf),
}

impl Default for Listen {
    fn default() -> Listen {
        Listen::Tcp(std::net::SocketAddr::from(([127, 0, 0, 1], 8000)))
    }
}

impl TryFrom<String> for Listen {
    type Error = String;
    fn try_from(text: String) -> Result<Listen, String> {
        text.parse()
    }
}

impl std::str::FromStr for Listen {
    type Err = String;
    fn from_str(text: &str) -> Result<Listen, String> {
        if let Some(path) = text.strip_prefix("unix:").filter(|path| !path.is_empty()) {
            return Ok(Listen::Unix(path.into()));
        }
        let why = || "a place to listen is ADDRESS:PORT, such as 127.0.0.1:8000, or unix:PATH".to_owned();
        text.parse().map(Listen::Tcp).map_err(|_| why())
    }
}

impl From<Listen> for String {
    fn from(listen: Listen) -> String {
        match listen {
            Listen::Tcp(address) => address.to_string(),
            Listen::Unix(path) => format!("unix:{}", path.display()),
        }
    }
}

impl ServeSection {
    /// Names that can be in a header, and names of keys that can be in a history.
    pub(super) fn check(&self) -> Result<(), (String, String)> {
        for name in self.keys.keys() {
            let wrong = |why| (format!("serve.keys.{name}"), format!("the name of the key {why}"));
            super::check_name(name).map_err(wrong)?;
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        let is_name = |host: &str| {
            let is_address = host.parse::<std::net::IpAddr>().is_ok();
            is_address || (!host.is_empty() && host.len() <= 253 && host.chars().all(is_plain))
        };
        match self.hosts.iter().find(|host| !is_name(host)) {
            None => Ok(()),
            Some(host) => {
                let host = crate::text::escape(host);
                let why = format!(
                    "`hosts` of [serve] has `{host}`; a host is a name alone, such as bot.example.org"
                );
                Err(("hosts".to_owned(), why))
            }
        }
    }

    pub(super) fn secrets(&self) -> impl Iterator<Item = SecretRef> {
        self.keys.values().map(|key| key.key.clone())
    }
}
