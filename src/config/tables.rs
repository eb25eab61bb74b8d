//! `[tables.NAME]`: what the site's tables and columns are called, where they differ from the usual names.

use crate::text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A table that commands know, with its usual names: those of the Cochin project manager's migrations.
#[derive(Debug)]
pub struct Known {
    /// The NAME of `[tables.NAME]`.
    pub key: &'static str,
    table: &'static str,
    columns: &'static [&'static str],
}

/// Records of backups.
pub const BACKUPS: Known = Known {
    key: "backups",
    table: "backup_manager_backuphistory",
    columns: &[
        "id",
        "backup_name",
        "status",
        "backup_type",
        "file_path",
        "file_size",
        "checksum",
        "started_at",
        "completed_at",
        "duration_seconds",
        "log_data",
        "error_message",
        "created_at",
        "created_by_id",
    ],
};

/// The columns of a record that `maint` makes itself, in the order in which it fills them.
pub const OF_A_NEW_BACKUP: [&str; 13] = [
    "backup_name",
    "backup_type",
    "status",
    "file_path",
    "file_size",
    "checksum",
    "started_at",
    "completed_at",
    "duration_seconds",
    "log_data",
    "error_message",
    "created_at",
    "created_by_id",
];

/// Records of restores.
pub const RESTORES: Known = Known {
    key: "restores",
    table: "backup_manager_restorehistory",
    columns: &[
        "id",
        "restore_name",
        "status",
        "backup_source_id",
        "started_at",
        "completed_at",
        "duration_seconds",
        "error_message",
        "created_at",
        "created_by_id",
    ],
};

/// The people who use the site.
pub const USERS: Known =
    Known { key: "users", table: "authentication_user", columns: &["id", "username", "is_superuser"] };

/// Tables that the site's users have made; `devis` is one of them.
pub const DYNAMIC_TABLES: Known =
    Known { key: "dynamic-tables", table: "database_dynamictable", columns: &["id", "slug"] };

/// The fields of those tables.
pub const DYNAMIC_FIELDS: Known =
    Known { key: "dynamic-fields", table: "database_dynamicfield", columns: &["id", "slug", "table_id"] };

/// The records in those tables.
pub const DYNAMIC_RECORDS: Known = Known {
    key: "dynamic-records",
    table: "database_dynamicrecord",
    columns: &["id", "table_id", "is_active", "updated_at", "discord_start_notified", "discord_end_notified"],
};

/// The values of those records, one row for each field.
pub const DYNAMIC_VALUES: Known = Known {
    key: "dynamic-values",
    table: "database_dynamicvalue",
    columns: &["record_id", "field_id", "value"],
};

/// Job sheets: those of the fiches métiers.
pub const FICHES: Known = Known {
    key: "fiches",
    table: "fiches_metiers",
    columns: &[
        "id",
        "code_rome",
        "nom_masculin",
        "nom_feminin",
        "nom_epicene",
        "secteurs_activite",
        "description",
        "description_courte",
        "competences",
        "competences_transversales",
        "formations",
        "certifications",
        "conditions_travail",
        "environnements",
        "salaires",
        "perspectives",
        "statut",
        "version",
        "date_maj",
        "auteur",
    ],
};

/// What was done to the job sheets.
pub const AUDIT: Known = Known {
    key: "audit",
    table: "audit_log",
    columns: &[
        "id",
        "timestamp",
        "type_evenement",
        "code_rome",
        "agent",
        "description",
        "donnees_avant",
        "donnees_apres",
        "validateur",
    ],
};

const ALL: [&Known; 9] = [
    &BACKUPS,
    &RESTORES,
    &USERS,
    &DYNAMIC_TABLES,
    &DYNAMIC_FIELDS,
    &DYNAMIC_RECORDS,
    &DYNAMIC_VALUES,
    &FICHES,
    &AUDIT,
];

/// Every `[tables.NAME]`.
#[derive(Debug, Default, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Tables(BTreeMap<String, Names>);

/// `[tables.NAME]`
#[derive(Debug, Default, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Names {
    /// The table, where it is not called as usual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// The columns that are not called as usual: `usual = "here"`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, String>,
}

impl Tables {
    pub(super) fn check(&self) -> Result<(), (String, String)> {
        for (key, names) in &self.0 {
            let header = format!("tables.{key}");
            let Some(known) = ALL.iter().find(|known| known.key == key) else {
                let keys = ALL.iter().map(|known| known.key);
                return Err((
                    header,
                    format!("there is no [tables.{}]{}", text::escape(key), near(key, keys)),
                ));
            };
            let columns = known.columns.iter().copied();
            if let Some(column) = names.columns.keys().find(|name| !known.columns.contains(&name.as_str())) {
                let near = near(column, columns);
                let column = text::escape(column);
                return Err((header.clone(), format!("[{header}] has no column `{column}`{near}")));
            }
        }
        Ok(())
    }

    /// What a table is called here.
    #[must_use]
    pub fn table(&self, known: &Known) -> &str {
        self.0.get(known.key).and_then(|names| names.table.as_deref()).unwrap_or(known.table)
    }

    /// What a column is called here; `column` is its usual name.
    #[must_use]
    pub fn column<'a>(&'a self, known: &Known, column: &'a str) -> &'a str {
        debug_assert!(known.columns.contains(&column), "[tables.{}] does not know {column}", known.key);
        self.0.get(known.key).and_then(|names| names.columns.get(column)).map_or(column, String::as_str)
    }
}

fn near<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    match text::nearest(name, known.clone()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => format!("; there are {}", known.collect::<Vec<_>>().join(", ")),
    }
}
