//! `[rebuild-paths]`: where the backups of the site are, and which records speak of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[rebuild-paths]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RebuildPathsSection {
    /// The NAME of `[databases.NAME]`; needed when the site has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// The folder of the backups, relative to `site.root`.
    pub storage: PathBuf,
    /// The folder that the paths of the records are relative to; `storage` is inside it.
    pub base: PathBuf,
    /// How the names of backups end, in any case.
    pub suffixes: Vec<Suffix>,
    /// To whom new records belong [default: the first superuser, else the first user].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<i64>,
}

impl Default for RebuildPathsSection {
    fn default() -> RebuildPathsSection {
        RebuildPathsSection {
            database: None,
            storage: "backups/storage".into(),
            base: "backups".into(),
            suffixes: [".zip", ".enc", ".backup", ".encrypted"].map(|suffix| Suffix(suffix.into())).into(),
            user_id: None,
        }
    }
}

impl RebuildPathsSection {
    /// The name without its suffix, when it is the name of a backup. A suffix alone is no name.
    #[must_use]
    pub fn stem<'n>(&self, name: &'n [u8]) -> Option<&'n [u8]> {
        let stem = |Suffix(suffix): &Suffix| {
            let (stem, end) = name.split_at_checked(name.len().checked_sub(suffix.len())?)?;
            (!stem.is_empty() && end.eq_ignore_ascii_case(suffix.as_bytes())).then_some(stem)
        };
        self.suffixes.iter().filter_map(stem).min_by_key(|stem| stem.len())
    }
}

/// The end of a file name, such as ".zip".
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("examples" = [".zip", ".encrypted"]))]
pub struct Suffix(String);

impl TryFrom<String> for Suffix {
    type Error = String;
    fn try_from(text: String) -> Result<Suffix, String> {
        if text.len() > 1 && text.starts_with('.') && !text.contains(['/', '\0']) {
            return Ok(Suffix(text));
        }
        Err(format!("bad suffix \"{text}\": write a point and what follows it, such as \".zip\""))
    }
}

impl From<Suffix> for String {
    fn from(suffix: Suffix) -> String {
        suffix.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_count_in_any_case_and_a_suffix_alone_is_no_backup() {
        let section = RebuildPathsSection::default();
        let stem =
            |name: &str| section.stem(name.as_bytes()).map(|stem| String::from_utf8_lossy(stem).into_owned());
        for (name, expected) in [
            ("a.zip", Some("a")),
            ("UPPER.ZIP", Some("UPPER")),
            ("a.b.Encrypted", Some("a.b")),
            ("a.enc", Some("a")),
            (".zip", None),
            ("zip", None),
            ("a.zip.part", None),
            ("", None),
        ] {
            assert_eq!(stem(name).as_deref(), expected, "{name}");
        }
    }
}
