//! `[alerts]`: who hears of failures and recoveries.

use super::secret::SecretRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[alerts]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Alerts {
    /// What is worth an alert.
    pub on: Vec<Event>,
    /// The receivers: names of the sections below.
    pub to: Vec<String>,
    /// A Discord channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discord: Option<Discord>,
}

/// What is worth an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// A job failed that had not failed before.
    Failure,
    /// A job that had failed ended well.
    Recovery,
    /// A job did not run when it should have.
    Overdue,
}

/// `[alerts.discord]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Discord {
    /// The address of the webhook, which is a secret.
    pub webhook: SecretRef,
}

impl Default for Alerts {
    fn default() -> Alerts {
        Alerts { on: vec![Event::Failure, Event::Recovery, Event::Overdue], to: Vec::new(), discord: None }
    }
}

impl Alerts {
    pub(super) fn check(&self) -> Result<(), String> {
        let known: Vec<&str> = self.discord.iter().map(|_| "discord").collect();
        match self.to.iter().find(|to| !known.contains(&to.as_str())) {
            Some(to) => {
                let to = crate::text::escape(to);
                Err(format!("alerts go to `{to}`, but there is no section [alerts.{to}]"))
            }
            None => Ok(()),
        }
    }

    /// Every secret this section names.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretRef> {
        self.discord.iter().map(|discord| &discord.webhook)
    }
}
