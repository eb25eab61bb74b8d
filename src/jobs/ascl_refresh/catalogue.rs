//! The catalogue as the site reads it: a JSON file in the form that the original writes, to the byte.

use crate::config::repository::RepositoryName;
use anyhow::{Context as _, Result, anyhow, bail};
use chrono::{NaiveDateTime, Timelike as _};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The keys of the file and of a library, in the original's order; what else stands there follows and is kept.
const FILE_KEYS: [&str; 5] = ["libraries", "domain", "description", "keywords", "last_updated"];
const LIBRARY_KEYS: [&str; 6] = ["name", "github_url", "stars", "rank", "hasContextFile", "contextFileName"];

/// A catalogue that was read, or is to be written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Catalogue(Map<String, Value>);

/// A library of a catalogue.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Library {
    pub(super) name: RepositoryName,
    pub(super) stars: Option<u64>,
    has_context: bool,
    /// As it stands there: a name, or what stands for none.
    file: Value,
    /// What `maint` does not know.
    others: Map<String, Value>,
}

impl Library {
    /// A library that no catalogue has had.
    pub(super) fn new(name: RepositoryName) -> Library {
        Library { name, stars: None, has_context: false, file: "".into(), others: Map::new() }
    }

    /// The same library under another name, or another spelling of it.
    pub(super) fn named(&self, name: &RepositoryName) -> Library {
        Library { name: name.clone(), ..self.clone() }
    }

    /// As it stands in the file; `None` for what has no name of a repository.
    fn read(value: &Value) -> Option<Library> {
        let map = value.as_object()?;
        let name = map.get("name")?.as_str()?.parse().ok()?;
        let stars = map.get("stars").and_then(Value::as_u64);
        let has_context = map.get("hasContextFile").and_then(Value::as_bool).unwrap_or(false);
        let file = map.get("contextFileName").cloned().unwrap_or_else(|| "".into());
        let is_other = |(key, _): &(&String, &Value)| !LIBRARY_KEYS.contains(&key.as_str());
        let others = map.iter().filter(is_other).map(|(key, value)| (key.clone(), value.clone())).collect();
        Some(Library { name, stars, has_context, file, others })
    }

    fn to_json(&self, rank: usize) -> Value {
        let Library { name, stars, has_context, file, others } = self;
        let known: [Value; 6] = [
            name.as_str().into(),
            format!("https://github.com/{name}").into(),
            (*stars).into(),
            rank.into(),
            (*has_context).into(),
            file.clone(),
        ];
        let mut map: Map<String, Value> = LIBRARY_KEYS.map(str::to_owned).into_iter().zip(known).collect();
        map.extend(others.clone());
        map.into()
    }

    /// The name of its context file, when it has one. It becomes part of a path: a name that could leave the folder is none.
    pub(super) fn context(&self) -> Option<&str> {
        let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let is_name = |file: &&str| !file.starts_with(['.', '-']) && file.bytes().all(is_fine);
        self.file.as_str().filter(|file| self.has_context && !file.is_empty()).filter(is_name)
    }
}

impl Catalogue {
    /// Reads the file. The error says what is wrong with it.
    pub(super) fn parse(bytes: &[u8]) -> Result<Catalogue> {
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|error| anyhow!("it is no JSON (line {}, column {})", error.line(), error.column()))?;
        let Value::Object(map) = value else { bail!("it is no JSON object") };
        let rows = map.get("libraries").and_then(Value::as_array).context("it has no list of `libraries`")?;
        match rows.iter().position(|row| Library::read(row).is_none()) {
            // What cannot be understood must not get lost.
            Some(at) => bail!("number {} of its `libraries` has no name of a repository", at + 1),
            None => Ok(Catalogue(map)),
        }
    }

    fn rows(&self) -> &[Value] {
        self.0.get("libraries").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// Its libraries, by the keys of their names; of two with one name the first.
    pub(super) fn libraries(&self) -> BTreeMap<String, Library> {
        let libraries = self.rows().iter().rev().filter_map(Library::read);
        libraries.map(|library| (library.name.key(), library)).collect()
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.rows().len()
    }

    /// The catalogue with other libraries, in the order of their ranks. Description and keywords stay unless others are
    /// given; what a new catalogue has is in `words`.
    pub(super) fn with(&self, domain: &str, libraries: &[&Library], own: Words, new: Words) -> Catalogue {
        let rows = libraries.iter().enumerate().map(|(index, library)| library.to_json(index + 1)).collect();
        let stays = |key: &str| self.0.get(key).cloned();
        let known = [
            Some(Value::Array(rows)),
            Some(domain.into()),
            own.description.or_else(|| stays("description")).or(new.description),
            own.topics.or_else(|| stays("keywords")).or(new.topics),
            stays("last_updated"),
        ];
        let known =
            FILE_KEYS.into_iter().zip(known).filter_map(|(key, value)| Some((key.to_owned(), value?)));
        let mut map: Map<String, Value> = known.collect();
        let is_other = |(key, _): &(&String, &Value)| !FILE_KEYS.contains(&key.as_str());
        map.extend(self.0.iter().filter(is_other).map(|(key, value)| (key.clone(), value.clone())));
        Catalogue(map)
    }

    /// The catalogue in which a library has this context file; itself when it has it already, and `None` without the library.
    pub(super) fn marked(&self, library: &RepositoryName, file: &str) -> Option<Catalogue> {
        let mut catalogue = self.clone();
        let rows = catalogue.0.get_mut("libraries")?.as_array_mut()?;
        let is_it = |row: &&mut Value| Library::read(row).is_some_and(|known| known.name == *library);
        let row = rows.iter_mut().find(is_it)?.as_object_mut()?;
        row.insert("hasContextFile".to_owned(), true.into());
        row.insert("contextFileName".to_owned(), file.into());
        Some(catalogue)
    }

    /// The file's content, as of this time in the site's zone.
    pub(super) fn content(&self, now: NaiveDateTime) -> Result<Vec<u8>> {
        let mut map = self.0.clone();
        let time = Value::from(isoformat(now));
        // A key that is new would stand behind those that nobody knows.
        if map.insert("last_updated".to_owned(), time).is_none() {
            let (known, others): (Vec<_>, Vec<_>) =
                map.into_iter().partition(|(key, _)| FILE_KEYS.contains(&key.as_str()));
            map = known.into_iter().chain(others).collect();
        }
        Ok(serde_json::to_vec_pretty(&map)?)
    }
}

/// `description` and `keywords` of a catalogue.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    pub(super) description: Option<Value>,
    pub(super) topics: Option<Value>,
}

impl Words {
    pub(super) fn of(description: Option<String>, topics: Option<Vec<String>>) -> Words {
        Words { description: description.map(Value::from), topics: topics.map(Value::from) }
    }
}

/// As Python's `datetime.isoformat()`: microseconds only when there are some.
fn isoformat(time: NaiveDateTime) -> String {
    let fraction = if time.nanosecond() / 1_000 == 0 { "" } else { "%.6f" };
    time.format(&format!("%Y-%m-%dT%H:%M:%S{fraction}")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;

    const OLD: &str = r#"{
  "version": 3,
  "libraries": [
    {
      "name": "a/b",
      "license": "MIT",
      "stars": 1,
      "rank": 9,
      "hasContextFile": true,
      "contextFileName": "b-context.txt"
    }
  ],
  "domain": "astronomy",
  "description": "Étoiles",
  "keywords": [
    "x"
  ]
}"#;

    fn time(microseconds: u32) -> NaiveDateTime {
        NaiveDate::from_ymd_opt(2026, 11, 20).unwrap().and_hms_micro_opt(2, 14, 5, microseconds).unwrap()
    }

    #[test]
    fn what_is_known_comes_first_and_what_is_not_is_kept() {
        let old = Catalogue::parse(OLD.as_bytes()).unwrap();
        let mut library = old.libraries().remove("a/b").unwrap();
        library.stars = Some(7);
        let new = old.with("astronomy", &[&library], Words::default(), Words::of(Some("no".into()), None));
        let expected = r#"{
  "libraries": [
    {
      "name": "a/b",
      "github_url": "https://github.com/a/b",
      "stars": 7,
      "rank": 1,
      "hasContextFile": true,
      "contextFileName": "b-context.txt",
      "license": "MIT"
    }
  ],
  "domain": "astronomy",
  "description": "Étoiles",
  "keywords": [
    "x"
  ],
  "last_updated": "2026-11-20T02:14:05.000120",
  "version": 3
}"#;
        assert_eq!(String::from_utf8(new.content(time(120)).unwrap()).unwrap(), expected);
    }

    #[test]
    fn the_time_is_written_as_python_writes_it() {
        assert_eq!(isoformat(time(0)), "2026-11-20T02:14:05");
        assert_eq!(isoformat(time(123_456)), "2026-11-20T02:14:05.123456");
    }

    #[test]
    fn a_library_is_marked_and_the_rest_stays() {
        let old = Catalogue::parse(OLD.as_bytes()).unwrap();
        assert_eq!(old.marked(&"A/B".parse().unwrap(), "b-context.txt"), Some(old.clone()));
        assert_eq!(old.marked(&"a/c".parse().unwrap(), "c-context.txt"), None);
        let marked = old.marked(&"a/b".parse().unwrap(), "a-b-context.txt").unwrap();
        assert_eq!(marked.libraries()["a/b"].context(), Some("a-b-context.txt"));
    }

    #[test]
    fn a_file_name_that_could_leave_the_folder_is_none() {
        for bad in ["../x", ".x", "-x", "a/b", "a\nb", ""] {
            let library =
                Library { file: bad.into(), has_context: true, ..Library::new("a/b".parse().unwrap()) };
            assert_eq!(library.context(), None, "{bad:?}");
        }
    }

    #[test]
    fn what_is_no_catalogue_is_refused_in_words() {
        for (text, why) in [
            ("{", "it is no JSON (line 1, column 1)"),
            ("[]", "it is no JSON object"),
            ("{\"libraries\": {}}", "it has no list of `libraries`"),
            (
                r#"{"libraries": [{"name": "a/b"}, {"name": "a"}]}"#,
                "number 2 of its `libraries` has no name of a repository",
            ),
        ] {
            assert_eq!(Catalogue::parse(text.as_bytes()).unwrap_err().to_string(), why);
        }
    }
}
