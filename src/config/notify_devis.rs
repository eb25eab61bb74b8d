//! `[notify-devis]`: where the devis are, and where their notices go.

use super::secret::SecretRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[notify-devis]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NotifyDevisSection {
    /// The database, when the site has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// The Discord webhook, which is a secret; default: that of `[alerts.discord]`, else `$DISCORD_WEBHOOK_URL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<SecretRef>,
    /// The slug of the table of devis.
    pub table: String,
    /// The last line of every notice.
    pub footer: String,
    /// The slugs of the fields.
    pub fields: Fields,
}

/// `[notify-devis.fields]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Fields {
    /// The number of the devis.
    pub number: String,
    /// What is to be paid, in euros.
    pub amount: String,
    /// True when the devis is accepted.
    pub status: String,
    /// The first day of the payment period.
    pub start: String,
    /// Its last day.
    pub end: String,
    /// Who looks after the payment.
    pub agent: String,
}

impl Default for NotifyDevisSection {
    fn default() -> NotifyDevisSection {
        NotifyDevisSection {
            database: None,
            webhook: None,
            table: "devis".to_owned(),
            footer: "Système de suivi des paiements | Cochin Project Manager".to_owned(),
            fields: Fields::default(),
        }
    }
}

impl Default for Fields {
    fn default() -> Fields {
        Fields {
            number: "numero_devis".to_owned(),
            amount: "montant".to_owned(),
            status: "statut".to_owned(),
            start: "date_debut".to_owned(),
            end: "date_rendu".to_owned(),
            agent: "agent_plateforme".to_owned(),
        }
    }
}
