//! Documentation, generated files and names agree with the program. `make docs` writes the generated ones.

use clap_complete::Shell;
use maint::cli::reference;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Compares a committed file with what the program generates, or writes it when `UPDATE` is set.
pub(crate) fn is_fresh(path: &str, generated: &[u8]) {
    let path = project(path);
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, generated).unwrap();
    }
    let committed = fs::read(&path).unwrap_or_default();
    assert!(committed == generated, "{} is out of date: run `make docs`", path.display());
}

fn files_below(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![project(folder)];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Every subcommand, and every subcommand of one: "crontab", "crontab add".
fn subcommands() -> Vec<String> {
    let command = maint::cli::command();
    let names = command.get_subcommands().flat_map(|outer| {
        let inner = outer.get_subcommands().map(|inner| format!("{} {}", outer.get_name(), inner.get_name()));
        std::iter::once(outer.get_name().to_owned()).chain(inner.collect::<Vec<_>>())
    });
    names.collect()
}

#[test]
fn the_command_reference_is_fresh() {
    is_fresh("docs/commands.md", reference::markdown().as_bytes());
}

#[test]
fn the_man_pages_are_fresh_and_none_is_left_over() {
    let pages = reference::man_pages().unwrap();
    for (name, content) in &pages {
        is_fresh(&format!("docs/man/{name}.1"), content);
    }
    assert_eq!(files_below("docs/man", ".1").len(), pages.len(), "a page of a removed command is left over");
}

#[test]
fn the_completions_are_fresh() {
    is_fresh("docs/completions/maint.bash", &reference::completions(Shell::Bash));
    is_fresh("docs/completions/_maint", &reference::completions(Shell::Zsh));
    is_fresh("docs/completions/maint.fish", &reference::completions(Shell::Fish));
}

#[test]
fn every_key_of_the_configuration_is_documented() {
    let page = fs::read_to_string(project("docs/configuration.md")).unwrap();
    let schema = serde_json::to_value(schemars::schema_for!(maint::config::Config)).unwrap();
    let mut waiting = vec![&schema];
    let mut count = 0;
    while let Some(value) = waiting.pop() {
        if let Some(properties) = value.get("properties").and_then(|value| value.as_object()) {
            for key in properties.keys() {
                count += 1;
                assert!(page.contains(&format!("`{key}`")), "docs/configuration.md does not mention `{key}`");
            }
        }
        match value {
            serde_json::Value::Object(map) => waiting.extend(map.values()),
            serde_json::Value::Array(list) => waiting.extend(list),
            _ => {}
        }
    }
    assert!(count > 30, "only {count} keys were found in the schema");
}

#[test]
fn every_option_is_documented() {
    let page = reference::markdown();
    for command in maint::cli::command().get_subcommands() {
        for option in command.get_arguments().filter_map(|argument| argument.get_long()) {
            assert!(
                page.contains(&format!("--{option}")),
                "--{option} of {} is not documented",
                command.get_name()
            );
        }
    }
}

/// What a source file of a room is for: `crontab/add.rs` is "crontab add", `crontab/mod.rs` is "crontab".
fn subcommand_of(room: &str, path: &Path) -> String {
    let inner = path.strip_prefix(project(room)).unwrap().with_extension("");
    inner.to_str().unwrap().trim_end_matches("mod").trim_end_matches('/').replace('/', " ").replace('_', "-")
}

/// `cleanup-temp` = `src/jobs/cleanup_temp.rs` = `tests/cleanup_temp.rs`; what is in a folder has tests with its
/// name in front.
#[test]
fn a_subcommand_its_source_and_its_tests_have_one_name() {
    // A shell line is a job of maint.toml, and `crontab restore --list` only looks.
    const NO_SUBCOMMANDS: [&str; 3] = ["", "shell", "crontab saved"];
    let known = subcommands();
    let tests: Vec<String> = files_below("tests", ".rs")
        .iter()
        .map(|path| path.file_stem().unwrap().to_str().unwrap().replace('_', "-"))
        .collect();
    for room in ["src/jobs", "src/queries"] {
        for path in files_below(room, ".rs") {
            let name = subcommand_of(room, &path);
            if NO_SUBCOMMANDS.contains(&name.as_str()) {
                continue;
            }
            let first = name.split(' ').next().unwrap();
            // A subcommand without subcommands of its own may take several files.
            let is_part_of = |outer: &String| {
                let beginning = format!("{outer} ");
                name.starts_with(&beginning) && !known.iter().any(|known| known.starts_with(&beginning))
            };
            let has_parts = known.iter().any(is_part_of);
            assert!(known.contains(&name) || has_parts, "{} is no subcommand", path.display());
            let is_tested = tests.iter().any(|test| test == first || test.starts_with(&format!("{first}-")));
            assert!(is_tested || room == "src/queries" || first == "resume", "{name} has no tests");
        }
    }
}

#[test]
fn every_source_file_opens_with_what_it_is_for() {
    for path in files_below("src", ".rs") {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{} has no opening sentence", path.display());
    }
}

/// A source file without its tests, which make files of their own.
fn program(path: &Path) -> String {
    if path.components().any(|part| part.as_os_str() == "tests") {
        return String::new();
    }
    let text = fs::read_to_string(path).unwrap();
    text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned()
}

#[test]
fn jobs_and_queries_reach_the_outside_only_through_the_world() {
    for path in files_below("src/jobs", ".rs").into_iter().chain(files_below("src/queries", ".rs")) {
        let text = program(&path);
        for forbidden in
            ["crate::ui", "crate::cli", "std::fs", "std::env", "std::process", "rusqlite", "rustix"]
        {
            assert!(!text.contains(forbidden), "{} uses {forbidden}", path.display());
        }
    }
}

#[test]
fn pure_rooms_know_nothing_of_the_world() {
    for path in files_below("src/cron", ".rs").into_iter().chain(files_below("src/config", ".rs")) {
        let text = fs::read_to_string(&path).unwrap();
        for forbidden in
            ["crate::world", "crate::engine", "crate::jobs", "crate::ui", "std::fs", "std::env::"]
        {
            assert!(!text.contains(forbidden), "{} uses {forbidden}", path.display());
        }
    }
}

#[test]
fn every_link_between_the_pages_leads_somewhere() {
    let mut pages = files_below("docs", ".md");
    pages.push(project("README.md"));
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap();
            if !path.is_empty() && !path.contains("://") {
                let there = page.parent().unwrap().join(path);
                assert!(there.exists(), "{} links to {target}, which does not exist", page.display());
            }
        }
    }
}
