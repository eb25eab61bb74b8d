//! What the pages show is tried: configurations are checked, commands parsed, blocks compared.

use crate::consistency::project;
use crate::support::Site;
use crate::support::cron::FakeCrontab;
use clap::error::ErrorKind;
use maint::cron::schedule::Schedule;
use std::fs;
use std::path::Path;

/// The pages that people write; those that `make docs` writes are compared elsewhere.
const PAGES: [&str; 10] = [
    "README.md",
    "docs/architecture.md",
    "docs/changelog.md",
    "docs/configuration.md",
    "docs/index.md",
    "docs/migration.md",
    "docs/operations.md",
    "docs/performance.md",
    "docs/server.md",
    "docs/systems.md",
];

/// A fenced block of a page.
struct Block {
    page: &'static str,
    /// Of the line that opens it, from 1.
    line: usize,
    language: String,
    text: String,
}

impl Block {
    fn place(&self) -> String {
        format!("{}:{}", self.page, self.line)
    }

    /// A whole configuration, and not only a part of one.
    fn is_whole(&self) -> bool {
        self.text.lines().any(|line| line == "[site]")
    }
}

fn page(name: &str) -> String {
    fs::read_to_string(project(name)).unwrap()
}

fn blocks(name: &'static str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in page(name).lines().enumerate() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(language), None) => {
                let language = language.to_owned();
                open = Some(Block { page: name, line: index + 1, language, text: String::new() });
            }
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some(block)) => open = Some(Block { text: block.text + line + "\n", ..block }),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{name} ends inside a block");
    blocks
}

fn blocks_in(languages: &[&str]) -> Vec<Block> {
    let all = PAGES.iter().flat_map(|name| blocks(name));
    all.filter(|block| languages.contains(&block.language.as_str())).collect()
}

/// The block of this language that first says `part`, and the one before it.
#[track_caller]
fn block_with_its_predecessor(name: &'static str, language: &str, part: &str) -> (Block, Block) {
    let mut last = None;
    for block in blocks(name) {
        if block.language == language && block.text.contains(part) {
            return (block, last.expect("something stands before it"));
        }
        last = Some(block);
    }
    panic!("{name} has no such block")
}

/// A site of its own with this configuration. Its root is not the one on the page, which is not here.
fn site_with(configuration: &str) -> Site {
    let site = Site::bare();
    let lines = configuration.lines().filter(|line| !line.starts_with("root = "));
    site.configure(&lines.collect::<Vec<_>>().join("\n"));
    site
}

#[test]
fn every_configuration_that_a_page_shows_is_accepted() {
    let blocks = blocks_in(&["toml"]);
    assert!(blocks.iter().filter(|block| block.is_whole()).count() >= 5, "few are whole");
    for block in blocks {
        let site = if block.is_whole() { site_with(&block.text) } else { site_with(&completed(&block.text)) };
        let run = site.maint(&["config", "check"]);
        assert_eq!(run.code, 0, "{}: {}", block.place(), run.stderr);
    }
}

/// A part of a configuration with the least that makes it a whole one.
fn completed(part: &str) -> String {
    let folders = if part.contains("[cleanup-temp]") { "" } else { "[cleanup-temp]\npaths = [\"tmp\"]\n" };
    format!("[site]\nname = \"part\"\n{part}\n{folders}")
}

/// The words after each `maint` of a line for a shell, as far as `maint` would get them.
fn calls(line: &str) -> Vec<Vec<String>> {
    let line = line.strip_prefix("$ ").unwrap_or(line).replace(';', " ; ");
    let words = shlex::split(&line).unwrap_or_default();
    let is_border = |word: &String| matches!(word.as_str(), "|" | "||" | "&&" | ";");
    let after_maint = |words: &[String]| {
        let program = words.iter().position(|word| word == "maint" || word.ends_with("/bin/maint"))?;
        Some(words[program + 1..].to_vec())
    };
    words.split(is_border).filter_map(after_maint).collect()
}

/// Why `maint` would not take these words.
fn refusal(words: &[String], is_mention: bool) -> Option<String> {
    let words = std::iter::once("maint").chain(words.iter().map(String::as_str));
    let error = maint::cli::command().try_get_matches_from(words).err()?;
    let is_unfinished =
        matches!(error.kind(), ErrorKind::MissingRequiredArgument | ErrorKind::MissingSubcommand);
    let is_help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    (!(is_help || is_mention && is_unfinished)).then(|| error.to_string())
}

#[test]
fn every_command_that_a_page_tells_to_type_is_one_of_the_program() {
    let mut count = 0;
    for block in blocks_in(&["sh", "console", "crontab"]) {
        let is_typed = |line: &&str| block.language != "console" || line.starts_with("$ ");
        for words in block.text.lines().filter(is_typed).flat_map(calls) {
            count += 1;
            let refusal = refusal(&words, false);
            assert!(refusal.is_none(), "{}: {words:?}\n{}", block.place(), refusal.unwrap());
        }
    }
    assert!(count > 40, "only {count} were found");
}

#[test]
fn every_command_that_a_page_mentions_is_one_of_the_program() {
    let mut count = 0;
    for name in PAGES {
        let text = page(name);
        // Outside fenced blocks every other part is inside backquotes.
        let prose: String = text.split("```").step_by(2).collect();
        for mention in prose.split('`').skip(1).step_by(2) {
            let Some(rest) = mention.strip_prefix("maint ") else { continue };
            let plain = rest.replace(['[', ']', '…'], " ");
            let words: Vec<String> = plain.split_whitespace().map(str::to_owned).collect();
            count += 1;
            let refusal = refusal(&words, true);
            assert!(refusal.is_none(), "{name}: `{mention}`\n{}", refusal.unwrap());
        }
    }
    assert!(count > 80, "only {count} were found");
}

#[test]
fn the_crontab_block_on_the_page_is_what_generate_prints_for_the_configuration_above_it() {
    let (block, configuration) = block_with_its_predecessor("docs/operations.md", "crontab", "# >>> maint");
    assert_eq!(configuration.language, "toml");
    let site = site_with(&configuration.text);
    let printed = site.maint(&["crontab", "generate"]).exits(0).stdout;
    let root = fs::canonicalize(site.root()).unwrap();
    let printed = printed.replace(crate::support::binary(), "/usr/local/bin/maint");
    assert_eq!(printed.replace(root.to_str().unwrap(), "/srv/site"), block.text, "{}", block.place());
}

#[test]
fn adopting_the_project_on_the_page_writes_the_jobs_on_the_page() {
    let (jobs, _) = block_with_its_predecessor("docs/migration.md", "toml", "was django-crontab");
    let settings = blocks("docs/migration.md").into_iter().find(|block| block.language == "python").unwrap();
    let site = Site::bare();
    site.configure("[site]\nname = \"shop\"\n");
    let here = |text: &str| text.replace("/srv/shop", site.root().to_str().unwrap());
    let _ = site.file("shop/settings.py", &settings.text, 0);
    let crontab = FakeCrontab::new(&site.around().join("cron"));
    crontab.set(here(&lines_of_django_crontab(&jobs.text)));
    let mut adopt = site.command(&["crontab", "adopt"]);
    let _ = crate::support::run(adopt.env("MAINT_CRONTAB", crontab.program())).exits(0);
    let written = fs::read_to_string(site.path("maint.toml")).unwrap();
    assert_eq!(written, format!("[site]\nname = \"shop\"\n\n{}", here(&jobs.text)), "{}", jobs.place());
}

/// The lines of which the jobs on the page were made.
fn lines_of_django_crontab(jobs: &str) -> String {
    // One after the other: a table of all would be in order of name.
    let lines = jobs.split("\n\n").map(|job| {
        let job: toml::Table = job.parse().unwrap();
        let job = job["jobs"].as_table().unwrap().values().next().unwrap();
        let text = |key: &str| job[key].as_str().unwrap();
        let hash = text("description").strip_prefix("was django-crontab ").unwrap();
        let (_, suffix) = text("shell").split_once(">>").unwrap_or_default();
        let suffix = if suffix.is_empty() { String::new() } else { format!(" >>{suffix}") };
        format!(
            "{} cd /srv/shop &&  /srv/shop/venv/bin/python /srv/shop/manage.py crontab run {hash} \
             --settings=shop.settings{suffix} # django-cronjobs for shop\n",
            text("schedule")
        )
    });
    lines.collect()
}

#[test]
fn every_schedule_that_the_page_calls_refused_is_and_what_it_offers_instead_is_not() {
    let page = page("docs/configuration.md");
    let rows: Vec<&str> = page.lines().skip_while(|line| !line.starts_with("| refused |")).skip(2).collect();
    let rows = rows.iter().take_while(|line| line.starts_with('|'));
    let mut count = 0;
    for row in rows {
        let cells: Vec<&str> = row.split('|').collect();
        let schedules = |cell: usize| cells[cell].split('`').skip(1).step_by(2);
        for schedule in schedules(1) {
            count += 1;
            assert!(Schedule::parse(schedule).is_err(), "{schedule} is accepted");
        }
        for schedule in schedules(3) {
            assert!(Schedule::parse(schedule).is_ok(), "{schedule} is refused");
        }
    }
    assert!(count >= 15, "only {count} were found");
}

#[test]
fn every_preset_has_a_row_in_the_page_of_systems() {
    let init = maint::cli::command();
    let init = init.find_subcommand("init").unwrap();
    let preset = init.get_arguments().find(|argument| argument.get_id() == "preset").unwrap();
    let page = page("docs/systems.md");
    for value in preset.get_possible_values() {
        let row = format!("| `{}` |", value.get_name());
        assert!(page.contains(&row), "docs/systems.md has no row {row}");
    }
}

#[test]
fn every_page_is_in_the_index_and_is_tried_here() {
    let index = page("docs/index.md");
    for entry in fs::read_dir(project("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if Path::new(&name).extension().is_some_and(|ending| ending == "md") && name != "index.md" {
            assert!(index.contains(&format!("]({name})")), "docs/index.md does not link to {name}");
            let is_tried = PAGES.contains(&format!("docs/{name}").as_str());
            assert!(is_tried || name == "commands.md", "docs/{name} is not tried");
        }
    }
}

/// What a link to a heading is called: its letters in lower case, its spaces as hyphens.
fn anchor(heading: &str) -> String {
    let plain = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    plain.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
}

#[test]
fn every_link_to_a_heading_finds_it() {
    let mut count = 0;
    for name in PAGES {
        let text = page(name);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let Some((path, wanted)) = target.split_once('#').filter(|_| !target.contains("://")) else {
                continue;
            };
            let linked = if path.is_empty() { project(name) } else { project(name).with_file_name(path) };
            let linked = fs::read_to_string(linked).unwrap();
            count += 1;
            let is_there = linked.lines().any(|line| line.starts_with('#') && anchor(line) == wanted);
            assert!(is_there, "{name} links to {target}, where no heading is called so");
        }
    }
    assert!(count >= 8, "only {count} were found");
}
