//! `[alerts]`: who hears of failures, recoveries and runs that did not take place.

use super::http;
use super::secret::SecretRef;
use super::units::Length;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// `[alerts]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Alerts {
    /// What is worth an alert.
    pub on: Vec<Event>,
    /// The receivers: names of the sections below.
    pub to: Vec<Receiver>,
    /// So many failures in a row raise no alert; the next one does.
    pub tolerate: u32,
    /// At most one alert of a failure of each job in this time.
    pub period: Length,
    /// A Discord channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discord: Option<Webhook>,
    /// A Slack channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slack: Option<Webhook>,
    /// A program of your own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Program>,
    /// E-mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<Mail>,
    /// Pings for healthchecks.io, or a server like it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthchecks: Option<Healthchecks>,
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

/// Where alerts go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Receiver {
    /// A Discord channel.
    Discord,
    /// A Slack channel.
    Slack,
    /// A program of your own.
    Webhook,
    /// E-mail.
    Mail,
    /// Pings of each run.
    Healthchecks,
}

impl Receiver {
    /// All of them.
    pub const ALL: [Receiver; 5] =
        [Receiver::Discord, Receiver::Slack, Receiver::Webhook, Receiver::Mail, Receiver::Healthchecks];

    /// The name of its section.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Receiver::Discord => "discord",
            Receiver::Slack => "slack",
            Receiver::Webhook => "webhook",
            Receiver::Mail => "mail",
            Receiver::Healthchecks => "healthchecks",
        }
    }
}

impl fmt::Display for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `[alerts.discord]` and `[alerts.slack]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// The address of the webhook, which is a secret.
    pub webhook: SecretRef,
}

/// `[alerts.webhook]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// The address that the alerts are posted to.
    pub url: SecretRef,
    /// What the alerts are signed with, so that the program knows where they come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretRef>,
}

/// `[alerts.mail]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// The sender's address.
    pub from: String,
    /// The addresses of those who read the alerts.
    pub to: Vec<String>,
    /// The server that takes the mail.
    pub host: String,
    /// Its port; default: 587, with `tls = "tls"` 465, with `tls = "none"` 25.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How the connection is kept from others.
    #[serde(default)]
    pub tls: Tls,
    /// Who sends, for servers that ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The password of `user`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretRef>,
}

/// How a connection to a mail server is kept from others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// It begins openly, and must then be encrypted.
    #[default]
    Starttls,
    /// It is encrypted from the start.
    Tls,
    /// It is not, which is for this machine only.
    None,
}

/// `[alerts.healthchecks]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Healthchecks {
    /// The address of the checks, in which `{job}` stands for site and job.
    pub url: SecretRef,
}

impl Default for Alerts {
    fn default() -> Alerts {
        Alerts {
            on: vec![Event::Failure, Event::Recovery, Event::Overdue],
            to: Vec::new(),
            tolerate: 0,
            period: Length::from_hours(1),
            discord: None,
            slack: None,
            webhook: None,
            mail: None,
            healthchecks: None,
        }
    }
}

impl Alerts {
    pub(super) fn check(&self) -> Result<(), String> {
        if let Some(to) = self.to.iter().find(|to| !self.knows(**to)) {
            return Err(format!("alerts go to `{to}`, but there is no section [alerts.{to}]"));
        }
        self.mail.as_ref().map_or(Ok(()), Mail::check)
    }

    /// True when the receiver has its section.
    #[must_use]
    pub fn knows(&self, receiver: Receiver) -> bool {
        match receiver {
            Receiver::Discord => self.discord.is_some(),
            Receiver::Slack => self.slack.is_some(),
            Receiver::Webhook => self.webhook.is_some(),
            Receiver::Mail => self.mail.is_some(),
            Receiver::Healthchecks => self.healthchecks.is_some(),
        }
    }

    /// Those that are told of alerts, each once. Healthchecks hears of every run instead.
    #[must_use]
    pub fn told(&self) -> Vec<Receiver> {
        let mut told: Vec<Receiver> = self.to.clone();
        told.retain(|receiver| *receiver != Receiver::Healthchecks);
        told.sort_unstable();
        told.dedup();
        told
    }

    /// Every secret this section names.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretRef> {
        let webhooks = [&self.discord, &self.slack].into_iter().flatten().map(|section| &section.webhook);
        let program = self.webhook.iter().flat_map(|section| section.secret.iter().chain([&section.url]));
        let password = self.mail.iter().flat_map(|mail| &mail.password);
        let checks = self.healthchecks.iter().map(|section| &section.url);
        webhooks.chain(program).chain(password).chain(checks)
    }
}

impl Mail {
    fn check(&self) -> Result<(), String> {
        if self.to.is_empty() {
            return Err("`to` of [alerts.mail] names nobody".to_owned());
        }
        if self.user.is_some() != self.password.is_some() {
            return Err("`user` and `password` of [alerts.mail] belong together".to_owned());
        }
        if self.tls == Tls::None && !http::is_this_machine(&self.host) {
            let host = crate::text::escape(&self.host);
            return Err(format!(
                "[alerts.mail] would send openly to {host}; `tls = \"none\"` is for this machine only"
            ));
        }
        Ok(())
    }

    /// The port, or the one that goes with `tls`.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            Tls::Starttls => 587,
            Tls::Tls => 465,
            Tls::None => 25,
        })
    }
}
