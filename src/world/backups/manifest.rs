//! What a backup says of itself, and the checksums of both its files.

use super::Kind;
use crate::text;
use anyhow::{Context as _, Result, ensure};
use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The files beside the content.
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const SUMS: &str = "SHA256SUMS";
/// The form that this version of `maint` writes, and the newest that it reads.
pub(super) const FORMAT: u32 = 1;
/// How a time is written in an id.
const TIME: &str = "%Y%m%dT%H%M%SZ";

/// `manifest.json`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// The version of this form.
    pub(crate) format: u32,
    pub(crate) id: String,
    pub(crate) site: String,
    pub(crate) kind: Kind,
    /// Which database or volume; "configs".
    pub(crate) name: String,
    pub(crate) made: DateTime<Utc>,
    /// Grows with each backup of the same kind and name, whatever the clock says.
    pub(crate) sequence: u64,
    /// Why it was made, when that was not simply its time: "before-restore".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// What it was made of: engine, versions, the files.
    pub(crate) source: Value,
    /// The file beside the manifest.
    pub(crate) file: String,
    pub(crate) size_bytes: u64,
    /// Before it was compressed and encrypted.
    pub(crate) content_bytes: u64,
    pub(crate) is_encrypted: bool,
    /// The version of maint that made it.
    pub(crate) maint: String,
}

impl Manifest {
    /// Reads the manifest of the backup `id`; the error says what is wrong with it.
    pub(super) fn parse(text: &[u8], id: &str) -> Result<Manifest> {
        #[derive(Deserialize)]
        struct Form {
            format: u32,
        }
        let form: Form = serde_json::from_slice(text).context("its manifest is damaged")?;
        ensure!(form.format <= FORMAT, "a newer maint has made it (form {}): use that one", form.format);
        let manifest: Manifest = serde_json::from_slice(text).context("its manifest is damaged")?;
        ensure!(manifest.id == id, "its manifest is that of {}", text::escape(&manifest.id));
        let is_plain = !manifest.file.is_empty() && !manifest.file.contains('/') && manifest.file != MANIFEST;
        ensure!(is_plain && !manifest.file.starts_with('.'), "its manifest is damaged");
        Ok(manifest)
    }

    /// The manifest as it is written.
    pub(super) fn bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The checksums in the form of sha256sum(1): each byte of it follows from the two files.
    pub(super) fn sums(&self, of_content: &[u8], of_manifest: &[u8]) -> String {
        let (content, manifest) = (text::hex(of_content), text::hex(of_manifest));
        format!("{content}  {}\n{manifest}  {MANIFEST}\n", self.file)
    }
}

/// "db-app-20261122T021000Z"; with a number behind it when there is one of that second already.
pub(super) fn id_of(kind: Kind, name: &str, made: DateTime<Utc>, number: u32) -> String {
    let base = format!("{}{}", series_of(kind, name), made.format(TIME));
    if number < 2 { base } else { format!("{base}-{number}") }
}

/// True for the id of a backup of this thing; that of `a-b` begins like that of `a`.
pub(super) fn is_of(id: &str, kind: Kind, name: &str) -> bool {
    let rest = id.strip_prefix(&series_of(kind, name)).unwrap_or_default();
    let time = rest.split('-').next().unwrap_or_default();
    NaiveDateTime::parse_from_str(time, TIME).is_ok()
}

/// What the ids of all backups of one thing begin with.
fn series_of(kind: Kind, name: &str) -> String {
    match kind {
        Kind::Configs => format!("{}-", kind.word()),
        Kind::Db | Kind::Volume => format!("{}-{}-", kind.word(), plain(name)),
    }
}

/// A name as it can stand in the name of a file.
pub(super) fn plain(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).take(100).collect();
    name.trim_start_matches('.').to_owned()
}

/// True for what could be the id of a backup.
pub(super) fn is_id(name: &str) -> bool {
    let is_kind = ["db-", "volume-", "configs-"].iter().any(|word| name.starts_with(word));
    is_kind && time_of(name).is_some()
}

/// When the backup of this id was made.
pub(super) fn time_of(id: &str) -> Option<NaiveDateTime> {
    id.rsplit('-').take(2).find_map(|part| NaiveDateTime::parse_from_str(part, TIME).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_known_again_and_nothing_else_is() {
        let made = DateTime::from_timestamp(1_795_313_400, 0).unwrap();
        for (kind, name, number) in [
            (Kind::Db, "app", 1),
            (Kind::Db, "a-b 2/x", 2),
            (Kind::Volume, "f_brain_pgdata", 1),
            (Kind::Configs, "configs", 3),
        ] {
            let id = id_of(kind, name, made, number);
            assert!(is_id(&id) && !id.contains('/'), "{id}");
        }
        assert_eq!(id_of(Kind::Db, "app", made, 1), "db-app-20261122T021000Z");
        assert_eq!(id_of(Kind::Configs, "configs", made, 2), "configs-20261122T021000Z-2");
        assert!(is_of("db-a-20261122T021000Z-2", Kind::Db, "a"));
        assert!(!is_of("db-a-b-20261122T021000Z", Kind::Db, "a"));
        for other in
            ["db-app", "db-app-2026", ".partial-db-app-20261122T021000Z", "notes", "app-20261122T021000Z"]
        {
            assert!(!is_id(other), "{other}");
        }
    }
}
