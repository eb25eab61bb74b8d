//! The name of a repository on GitHub: `OWNER/REPO`, as it was written, and compared without regard to case.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// Longer ones are refused by GitHub.
const LONGEST_PART: usize = 100;

/// `OWNER/REPO`. Whatever it came from, it is safe in a path, in a URL and as an argument: letters, digits, `-`, `_`
/// and `.`, and neither part begins with `-` or `.`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("examples" = ["astropy/astropy"]))]
pub struct RepositoryName(String);

impl RepositoryName {
    /// As it was written: "AstroPy/astropy".
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What two spellings of one name have in common.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// The part before the slash.
    #[must_use]
    pub fn owner(&self) -> &str {
        self.parts().0
    }

    /// The part behind the slash.
    #[must_use]
    pub fn repo(&self) -> &str {
        self.parts().1
    }

    fn parts(&self) -> (&str, &str) {
        self.0.split_once('/').unwrap_or((&self.0, ""))
    }
}

fn is_part(part: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    part.len() <= LONGEST_PART
        && part.bytes().all(is_fine)
        && !part.is_empty()
        && !part.starts_with(['-', '.'])
}

impl FromStr for RepositoryName {
    type Err = String;
    fn from_str(text: &str) -> Result<RepositoryName, String> {
        let is_fine = text.split_once('/').is_some_and(|(owner, repo)| is_part(owner) && is_part(repo));
        if is_fine {
            return Ok(RepositoryName(text.to_owned()));
        }
        let shown: String = text.chars().take(200).collect();
        Err(format!("`{}` is no repository of GitHub; write OWNER/REPO", crate::text::escape(&shown)))
    }
}

impl TryFrom<String> for RepositoryName {
    type Error = String;
    fn try_from(text: String) -> Result<RepositoryName, String> {
        text.parse()
    }
}

impl From<RepositoryName> for String {
    fn from(name: RepositoryName) -> String {
        name.0
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq for RepositoryName {
    fn eq(&self, other: &RepositoryName) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for RepositoryName {}

impl Hash for RepositoryName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl PartialOrd for RepositoryName {
    fn partial_cmp(&self, other: &RepositoryName) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RepositoryName {
    fn cmp(&self, other: &RepositoryName) -> Ordering {
        let lower = u8::to_ascii_lowercase;
        self.0.as_bytes().iter().map(lower).cmp(other.0.as_bytes().iter().map(lower))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_regard_to_case_and_kept_as_written() {
        let (one, other): (RepositoryName, RepositoryName) =
            ("AstroPy/Astropy".parse().unwrap(), "astropy/astropy".parse().unwrap());
        assert_eq!(one, other);
        assert_eq!(one.cmp(&other), Ordering::Equal);
        assert_eq!((one.as_str(), one.owner(), one.repo()), ("AstroPy/Astropy", "AstroPy", "Astropy"));
    }

    #[test]
    fn what_could_be_an_option_a_path_or_a_line_is_no_name() {
        let long = format!("a/{}", "x".repeat(101));
        for bad in [
            "",
            "a",
            "a/",
            "/a",
            "a/b/c",
            "../etc",
            "../../etc",
            "a/..",
            "a/.",
            "./b",
            "-oProxyCommand/x",
            "a/-x",
            "a b/c",
            "a/b\n",
            "a/b\0",
            "é/b",
            "ext::sh/x",
            "https://x/y",
            "a/b;c",
            "$(x)/y",
            &long,
        ] {
            assert!(bad.parse::<RepositoryName>().is_err(), "{bad:?}");
        }
        for fine in ["a/b", "awmann/m_-m_k-", "_x/_y", "1313e/prism", "dstndstn/astrometry.net"] {
            assert!(fine.parse::<RepositoryName>().is_ok(), "{fine:?}");
        }
    }
}
