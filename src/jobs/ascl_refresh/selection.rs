//! Which repositories make the catalogue: pure.

use super::catalogue::Library;
use crate::config::repository::RepositoryName;
use crate::world::github::{Figure, Known, Standing};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The repositories that a domain asks for: those with a keyword in their names, and its own, each once.
pub(super) fn candidates(
    linked: &[RepositoryName],
    keywords: &[String],
    extra: &[RepositoryName],
) -> Vec<RepositoryName> {
    let keywords: Vec<String> = keywords.iter().map(|keyword| keyword.to_ascii_lowercase()).collect();
    let matches = |name: &&RepositoryName| {
        let key = name.key();
        keywords.iter().any(|keyword| key.contains(keyword.as_str()))
    };
    let mut known = HashSet::new();
    let all = linked.iter().filter(matches).chain(extra);
    all.filter(|name| known.insert(name.key())).cloned().collect()
}

/// A library of the new catalogue, and what GitHub says of it, if it has been asked.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) library: Library,
    pub(super) figure: Option<Figure>,
    /// What it was called in the catalogue that was, when that was another name.
    pub(super) former: Option<RepositoryName>,
}

/// The libraries of the new catalogue: the most stars first, then by name. A candidate of which nothing is known is
/// left out, save one whose stars stand in the catalogue that was.
pub(super) fn select(
    candidates: &[RepositoryName],
    known: &BTreeMap<String, Known>,
    before: &BTreeMap<String, Library>,
    top: usize,
) -> Vec<Chosen> {
    let former = former_names(known, before);
    let choose = |name: &RepositoryName| {
        let own = before.get(&name.key());
        let figure = match known.get(&name.key()).map(|known| &known.standing) {
            Some(Standing::There(figure)) => figure,
            Some(Standing::Gone(_)) => return None,
            None => {
                let library = own.filter(|library| library.stars.is_some())?;
                return Some(Chosen { library: library.named(name), figure: None, former: None });
            }
        };
        // Only a name that is another one is GitHub's; the spelling is that of the document.
        let name = if figure.name == *name { name } else { &figure.name };
        let old = before.get(&name.key()).or(own).or_else(|| before.get(*former.get(&figure.id)?));
        let former = old.map(|old| &old.name).filter(|former| *former != name).cloned();
        let mut library = old.map_or_else(|| Library::new(name.clone()), |old| old.named(name));
        library.stars = Some(figure.stars);
        Some(Chosen { library, figure: Some(figure.clone()), former })
    };
    let mut chosen: Vec<Chosen> = newest_of_each(candidates, known).into_iter().filter_map(choose).collect();
    chosen.sort_by(|Chosen { library: one, .. }, Chosen { library: other, .. }| {
        other.stars.cmp(&one.stars).then_with(|| one.name.cmp(&other.name))
    });
    let mut names = HashSet::new();
    chosen.retain(|chosen| names.insert(chosen.library.name.key()));
    chosen.truncate(top);
    chosen
}

/// The libraries of the catalogue that was, by the numbers of their repositories.
fn former_names<'a>(
    known: &BTreeMap<String, Known>,
    before: &'a BTreeMap<String, Library>,
) -> HashMap<u64, &'a str> {
    let mut names = HashMap::new();
    for key in before.keys() {
        if let Some(Standing::There(figure)) = known.get(key).map(|known| &known.standing) {
            names.insert(figure.id, key.as_str());
        }
    }
    names
}

/// The candidates without those that are the same repository under an older name.
fn newest_of_each<'a>(
    candidates: &'a [RepositoryName],
    known: &BTreeMap<String, Known>,
) -> Vec<&'a RepositoryName> {
    let figure = |name: &RepositoryName| {
        let known = known.get(&name.key())?;
        match &known.standing {
            Standing::There(figure) => Some((figure, known.checked)),
            Standing::Gone(_) => None,
        }
    };
    let mut newest: Vec<&RepositoryName> = candidates.iter().collect();
    newest.sort_by_cached_key(|name| {
        Reverse(figure(name).map(|(figure, checked)| (checked, figure.name == **name)))
    });
    let mut ids = HashSet::new();
    newest.retain(|name| figure(name).is_none_or(|(figure, _)| ids.insert(figure.id)));
    newest
}

/// The name of the context file of each library, in the order of the libraries. A name is kept while no other library claims
/// it; of two libraries that would have the same, both get their owner's name too.
pub(super) fn file_names(chosen: &[Chosen]) -> Vec<String> {
    let libraries = || chosen.iter().map(|chosen| &chosen.library);
    let count = |wanted: &dyn Fn(&Library) -> Option<String>| {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for name in libraries().filter_map(wanted) {
            *counts.entry(name).or_default() += 1;
        }
        counts
    };
    let plain = |library: &Library| format!("{}-context.txt", library.name.repo());
    let kept = count(&|library| library.context().map(str::to_ascii_lowercase));
    let repos = count(&|library| Some(plain(library).to_ascii_lowercase()));
    let mut taken: HashSet<String> = kept.keys().cloned().collect();
    let name_of = |library: &Library| {
        if let Some(file) = library.context().filter(|file| kept.get(&file.to_ascii_lowercase()) == Some(&1))
        {
            return file.to_owned();
        }
        let (owner, repo) = (library.name.owner(), library.name.repo());
        let own = Some(plain(library)).filter(|plain| repos.get(&plain.to_ascii_lowercase()) == Some(&1));
        let with_owner = ["-", "--", "---"].map(|dash| format!("{owner}{dash}{repo}-context.txt"));
        let mut names = own.into_iter().chain(with_owner);
        let last = format!("{owner}----{repo}-context.txt");
        let name = names.find(|name| !taken.contains(&name.to_ascii_lowercase())).unwrap_or(last);
        taken.insert(name.to_ascii_lowercase());
        name
    };
    libraries().map(name_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn name(text: &str) -> RepositoryName {
        text.parse().unwrap()
    }

    /// GitHub calls `asked` by this name and number.
    fn there(asked: &str, id: u64, today: &str, stars: u64) -> (String, Known) {
        let figure = Figure { id, name: name(today), stars, changed: None, commit: None };
        let known = Known { standing: Standing::There(figure), checked: DateTime::UNIX_EPOCH, etag: None };
        (name(asked).key(), known)
    }

    fn gone(asked: &str) -> (String, Known) {
        let standing = Standing::Gone("404".to_owned());
        (name(asked).key(), Known { standing, checked: DateTime::UNIX_EPOCH, etag: None })
    }

    fn before(text: &str) -> BTreeMap<String, Library> {
        let catalogue = format!("{{\"libraries\": [{text}]}}");
        super::super::catalogue::Catalogue::parse(catalogue.as_bytes()).unwrap().libraries()
    }

    fn chosen(names: &[&str], known: impl IntoIterator<Item = (String, Known)>, old: &str) -> Vec<String> {
        let names: Vec<RepositoryName> = names.iter().map(|text| name(text)).collect();
        let chosen = select(&names, &known.into_iter().collect(), &before(old), 100);
        let shown = |Chosen { library, .. }: Chosen| {
            let context = library.context().map_or(String::new(), |file| format!(" {file}"));
            format!("{} {}{context}", library.name, library.stars.unwrap())
        };
        chosen.into_iter().map(shown).collect()
    }

    #[test]
    fn a_keyword_is_a_part_of_the_name_whatever_the_case_and_own_repositories_need_none() {
        let linked = ["A/AstroThing", "cosmo/x", "b/plain", "a/astrothing", "c/sky"].map(name);
        let found =
            candidates(&linked, &["ASTRO".into(), "cosmo/".into()], &[name("d/extra"), name("c/sky")]);
        assert_eq!(
            found.iter().map(RepositoryName::as_str).collect::<Vec<_>>(),
            ["A/AstroThing", "cosmo/x", "d/extra", "c/sky"]
        );
    }

    #[test]
    fn the_most_stars_come_first_then_the_name_and_what_is_gone_or_unknown_is_left_out() {
        let known = [
            there("b/x", 1, "b/x", 5),
            there("A/y", 2, "a/y", 5),
            there("c/z", 3, "c/z", 9),
            gone("d/w"),
            there("f/0", 4, "f/0", 0),
        ];
        assert_eq!(
            chosen(&["b/x", "A/y", "c/z", "d/w", "e/v", "f/0"], known, ""),
            ["c/z 9", "A/y 5", "b/x 5", "f/0 0"]
        );
    }

    #[test]
    fn a_library_that_could_not_be_asked_for_keeps_the_stars_of_the_catalogue() {
        let old =
            r#"{"name": "a/x", "stars": 7, "hasContextFile": true, "contextFileName": "x-context.txt"}"#;
        assert_eq!(
            chosen(&["a/x", "a/y"], [there("a/y", 1, "a/y", 8)], old),
            ["a/y 8", "a/x 7 x-context.txt"]
        );
    }

    #[test]
    fn a_renamed_library_has_its_new_name_and_keeps_its_status_however_it_is_linked() {
        let old =
            r#"{"name": "old/x", "stars": 7, "hasContextFile": true, "contextFileName": "x-context.txt"}"#;
        let renamed = || there("old/x", 1, "new/x", 8);
        let expected = ["new/x 8 x-context.txt"];
        assert_eq!(chosen(&["old/x"], [renamed()], old), expected, "under its old name");
        let both = [renamed(), there("new/x", 1, "new/x", 8)];
        assert_eq!(chosen(&["old/x", "new/x"], both.clone(), old), expected, "under both names");
        assert_eq!(chosen(&["new/x"], both, old), expected, "under its new name");
        let now = old.replace("old/x", "new/x");
        assert_eq!(chosen(&["old/x"], [renamed()], &now), expected, "when the catalogue has the new name");
    }

    fn files(libraries: &[(&str, &str)]) -> Vec<String> {
        let row = |(name, file): &(&str, &str)| {
            let has = !file.is_empty();
            format!(
                r#"{{"name": "{name}", "stars": 1, "hasContextFile": {has}, "contextFileName": "{file}"}}"#
            )
        };
        let old = before(&libraries.iter().map(row).collect::<Vec<_>>().join(","));
        let chosen: Vec<Chosen> = libraries
            .iter()
            .map(|(text, _)| Chosen { library: old[&name(text).key()].clone(), figure: None, former: None })
            .collect();
        file_names(&chosen)
    }

    #[test]
    fn libraries_of_one_name_get_the_names_of_their_owners_too() {
        assert_eq!(
            files(&[("a/poppy", ""), ("b/Poppy", "")]),
            ["a-poppy-context.txt", "b-Poppy-context.txt"]
        );
        let shared = "poppy-context.txt";
        assert_eq!(
            files(&[("a/poppy", shared), ("b/poppy", shared)]),
            ["a-poppy-context.txt", "b-poppy-context.txt"]
        );
        assert_eq!(files(&[("a/poppy", shared), ("b/poppy", "")]), [shared, "b-poppy-context.txt"]);
        assert_eq!(files(&[("a/x", ""), ("new/y", "x-context.txt")]), ["a-x-context.txt", "x-context.txt"]);
        let close = [("a-b/c", ""), ("a/b-c", ""), ("x/c", ""), ("y/b-c", "")];
        assert_eq!(
            files(&close),
            ["a-b-c-context.txt", "a--b-c-context.txt", "x-c-context.txt", "y-b-c-context.txt"]
        );
    }
}
