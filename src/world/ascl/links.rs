//! The repositories that a JSON document links to, wherever in it the links stand. Read value by value: a document of
//! twenty megabytes is never held as a tree.

use crate::config::repository::RepositoryName;
use anyhow::{Context as _, Result, ensure};
use regex::Regex;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::collections::HashSet;
use std::fmt;

/// Pages of GitHub itself that look like a repository.
const NO_OWNERS: [&str; 8] =
    ["about", "features", "marketplace", "orgs", "settings", "sponsors", "topics", "users"];

/// A link to a repository. What stands before the host must not make it another one, such as gist.github.com.
const LINK: &str = r"(?:^|[^A-Za-z0-9.-])(?i-u:(?:www\.)?github\.com/([a-z0-9_.-]+)/([a-z0-9_.-]+))";
/// ASCL links to 2,532.
const MOST: usize = 50_000;

/// The repositories that a document links to, each once, in the order and spelling of the first link to each.
pub(super) fn read(document: &[u8]) -> Result<Vec<RepositoryName>> {
    let start = document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document).trim_ascii_start();
    ensure!(!start.starts_with(b"<"), "it is a page of HTML, not JSON");
    ensure!(start.starts_with(b"{") || start.starts_with(b"["), "it is neither a JSON object nor a list");
    let pattern = Regex::new(LINK).context("the pattern of links is wrong")?;
    let read = read_values(start, &pattern).or_else(|error| match mended(start) {
        // Other readers of JSON are less strict: one odd byte must not cost the whole document.
        Some(mended) => read_values(&mended, &pattern),
        None => Err(error),
    });
    let found = read.map_err(|error| {
        let what = if error.is_eof() { "it is cut off" } else { "it is no JSON" };
        anyhow::anyhow!("{what} (line {}, column {})", error.line(), error.column())
    })?;
    ensure!(found.len() < MOST, "it links to {MOST} repositories or more, which no catalogue is chosen from");
    Ok(found)
}

fn read_values(document: &[u8], pattern: &Regex) -> serde_json::Result<Vec<RepositoryName>> {
    let mut links = Links { pattern, known: HashSet::new(), found: Vec::new() };
    let mut reader = serde_json::Deserializer::from_slice(document);
    Values(&mut links).read(&mut reader)?;
    reader.end()?;
    Ok(links.found)
}

/// The document with U+FFFD for bytes that are no UTF-8, and for half a character of UTF-16; `None` when it has neither.
fn mended(document: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(document);
    let half = Regex::new(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}").ok()?;
    let whole = half.replace_all(&text, "\\ufffd");
    (whole.as_bytes() != document).then(|| whole.into_owned().into_bytes())
}

struct Links<'a> {
    pattern: &'a Regex,
    known: HashSet<String>,
    found: Vec<RepositoryName>,
}

impl Links<'_> {
    fn look_through(&mut self, text: &str) {
        for parts in self.pattern.captures_iter(text) {
            let (_, [owner, repo]) = parts.extract();
            if NO_OWNERS.iter().any(|page| owner.eq_ignore_ascii_case(page)) {
                continue;
            }
            let Ok(name) = format!("{owner}/{}", cleaned(repo)).parse::<RepositoryName>() else { continue };
            if self.found.len() < MOST && self.known.insert(name.key()) {
                self.found.push(name);
            }
        }
    }
}

/// Without what belongs to the address of the clone, or to the sentence around the link.
fn cleaned(repo: &str) -> &str {
    let repo = repo.trim_end_matches('.');
    let is_clone = repo.len() > 4 && repo.to_ascii_lowercase().ends_with(".git");
    if is_clone { repo[..repo.len() - 4].trim_end_matches('.') } else { repo }
}

/// Every text among the values of a document, at any depth.
struct Values<'a, 'p>(&'a mut Links<'p>);

impl Values<'_, '_> {
    fn read<'de, D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(Values(self.0))
    }
}

impl<'de> serde::de::DeserializeSeed<'de> for Values<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Values<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.look_through(text);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Values(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_key::<Ignored>()?.is_some() {
            map.next_value_seed(Values(self.0))?;
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A key, which holds no link.
struct Ignored;

impl<'de> Deserialize<'de> for Ignored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Ignored, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Ignored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(document: &str) -> Vec<String> {
        read(document.as_bytes()).unwrap().into_iter().map(String::from).collect()
    }

    #[test]
    fn links_are_found_in_every_value_at_any_depth_and_once() {
        let document = r#"{"1": {"site_list": ["https:\/\/github.com\/AstroPy\/Astropy"], "used_in": false,
            "abstract": "see <a href=\"http://www.github.com/a/b\">b</a> and \u0068ttps://github.com/c/d.", "views": 3},
            "2": {"site_list": false, "n": null, "deep": [[{"x": "https://GitHub.com/astropy/astropy/issues?q=1"}]]}}"#;
        assert_eq!(names(document), ["AstroPy/Astropy", "a/b", "c/d"]);
        assert_eq!(names(r#"[{"s": "github.com/x/y"}]"#), ["x/y"]);
    }

    #[test]
    fn names_lose_what_is_not_theirs() {
        for (link, name) in [
            ("https://github.com/a/b.git", "a/b"),
            ("https://github.com/a/b.GIT.", "a/b"),
            ("github.com/a/b...", "a/b"),
            ("(https://github.com/a/b),", "a/b"),
            ("https://github.com/a/b#readme", "a/b"),
            ("https://github.com/a/astrometry.net/", "a/astrometry.net"),
            ("git@x https://github.com/a/git", "a/git"),
        ] {
            assert_eq!(names(&format!("[{link:?}]")), [name], "{link}");
        }
    }

    #[test]
    fn other_hosts_pages_of_github_and_odd_names_are_no_repositories() {
        for link in [
            "https://gist.github.com/a/b",
            "https://notgithub.com/a/b",
            "https://github.com.example.org/a/b",
            "https://github.com/orgs/b",
            "https://github.com/Topics/b",
            "https://github.com/a",
            "https://github.com/../../etc",
            "https://github.com/-oProxyCommand/x",
            "https://github.com/a/..",
            "https://a.github.io/b",
        ] {
            assert_eq!(names(&format!("[{link:?}]")), [""; 0], "{link}");
        }
        assert_eq!(names(r#"{"https://github.com/a/b": 1}"#), [""; 0], "a key is no link");
    }

    #[test]
    fn one_odd_byte_does_not_cost_the_document() {
        for odd in [&b"\xff"[..], b"\\ud800", b"\\uDFFFx", b"\\ud83d\\ude00", b"\xf0\x9f\x98\x80"] {
            let document = [b"\xef\xbb\xbf[\"", odd, b"\", \"https://github.com/a/b\"]"].concat();
            assert_eq!(read(&document).unwrap().len(), 1, "{odd:?}");
        }
    }

    #[test]
    fn a_document_of_all_the_repositories_there_are_is_refused() {
        let names: Vec<String> = (0..MOST).map(|at| format!("https://github.com/a/r{at}")).collect();
        assert!(read(&serde_json::to_vec(&names).unwrap()).unwrap_err().to_string().contains("50000"));
    }

    #[test]
    fn what_is_no_document_is_refused_in_words() {
        for (document, why) in [
            ("<!DOCTYPE html><html>", "it is a page of HTML, not JSON"),
            ("\"x\"", "it is neither a JSON object nor a list"),
            ("", "it is neither a JSON object nor a list"),
            (r#"{"1": {"a": "#, "it is cut off (line 1, column 12)"),
            (r#"{"1": oops}"#, "it is no JSON (line 1, column 7)"),
            (r#"{"1": 2} x"#, "it is no JSON (line 1, column 10)"),
        ] {
            assert_eq!(read(document.as_bytes()).unwrap_err().to_string(), why);
        }
        assert!(read("[".repeat(100_000).as_bytes()).is_err(), "however deep");
    }
}
