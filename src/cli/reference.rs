//! Help, man pages, completions and the command reference, all made from the clap definitions.

use super::command;
use crate::error::Problem;
use crate::exit::{self, Exit};
use crate::jobs::update_fiches::PROMPT;
use crate::text;
use crate::ui::Ui;
use anyhow::Result;
use std::fmt::Write as _;

/// What there is help about besides the subcommands.
const TOPICS: [(&str, &str); 2] = [("exit-codes", exit::TABLE), ("prompt", PROMPT)];

/// Prints the completions for a shell.
pub(super) fn print_completions(shell: clap_complete::Shell, ui: &Ui) -> Result<Exit> {
    ui.out_raw(&completions(shell))?;
    Ok(Exit::Done)
}

/// The completions for a shell.
#[must_use]
pub fn completions(shell: clap_complete::Shell) -> Vec<u8> {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut command(), "maint", &mut out);
    out
}

/// Prints the man page of `maint` or of one subcommand.
pub(super) fn print_man_page(names: &[String], ui: &Ui) -> Result<Exit> {
    let pages = man_pages()?;
    let wanted = ["maint"].into_iter().chain(names.iter().map(String::as_str)).collect::<Vec<_>>().join("-");
    match pages.iter().find(|(page, _)| *page == wanted) {
        Some((_, content)) => ui.out_raw(content)?,
        None => return Err(unknown(&names.join(" "))),
    }
    Ok(Exit::Done)
}

/// Every man page: its name and its content in roff.
pub fn man_pages() -> Result<Vec<(String, Vec<u8>)>> {
    let mut main = command();
    main.build();
    let mut pages = Vec::new();
    push_pages(&mut pages, &main, "maint")?;
    Ok(pages)
}

/// The page of a command, and of each below it: maint-crontab, maint-crontab-add.
fn push_pages(pages: &mut Vec<(String, Vec<u8>)>, command: &clap::Command, name: &str) -> Result<()> {
    pages.push((name.to_owned(), render(&command.clone().display_name(name.to_owned()))?));
    // clap adds a `help` below the first level; the one on it is our own.
    for inner in command.get_subcommands().filter(|inner| name == "maint" || inner.get_name() != "help") {
        push_pages(pages, inner, &format!("{name}-{}", inner.get_name()))?;
    }
    Ok(())
}

fn render(command: &clap::Command) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    clap_mangen::Man::new(command.clone()).date("").source("maint").render(&mut out)?;
    Ok(out)
}

/// Prints the long help of a subcommand, or a topic.
pub(super) fn print_help(topic: &[String], ui: &Ui) -> Result<Exit> {
    let first = topic.first().map(String::as_str);
    if let Some((_, page)) = TOPICS.iter().find(|(name, _)| first == Some(*name)) {
        ui.out(page)?;
        return Ok(Exit::Done);
    }
    let mut wanted = command();
    wanted.build();
    for name in topic {
        wanted = wanted.find_subcommand(name).cloned().ok_or_else(|| unknown(name))?;
    }
    ui.out(&wanted.render_long_help().to_string())?;
    Ok(Exit::Done)
}

fn unknown(name: &str) -> anyhow::Error {
    let all = command();
    let known = all.get_subcommands().map(clap::Command::get_name).chain(TOPICS.map(|(name, _)| name));
    let hint = text::nearest(name, known)
        .map_or_else(|| "see `maint --help`".to_owned(), |near| format!("did you mean `{near}`?"));
    Problem::usage(format!("there is no help about `{}`; {hint}", text::escape(name)))
}

/// The page docs/commands.md.
#[must_use]
pub fn markdown() -> String {
    let mut main = command();
    main.build();
    let mut page = String::from(
        "# Commands\n\nMade from the definitions in `src/cli` by `make docs`; a test keeps it equal to them.\n",
    );
    push_section(&mut page, &mut main.clone(), 2);
    for sub in main.get_subcommands() {
        push_section(&mut page, &mut sub.clone(), 2);
        for inner in sub.get_subcommands().filter(|inner| inner.get_name() != "help") {
            push_section(&mut page, &mut inner.clone(), 3);
        }
    }
    let _ = write!(page, "\n## Exit codes\n\n```text\n{}```\n", exit::TABLE);
    page
}

fn push_section(page: &mut String, command: &mut clap::Command, level: usize) {
    let name = command.get_bin_name().unwrap_or("maint").to_owned();
    let is_own = |arg: &&clap::Arg| !arg.is_global_set() || name == "maint";
    let hidden: Vec<String> =
        command.get_arguments().filter(|arg| !is_own(arg)).map(|arg| arg.get_id().to_string()).collect();
    let mut shown = command.clone().term_width(100);
    for id in hidden {
        shown = shown.mut_arg(id, |arg| arg.hide(true));
    }
    let help = shown.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    let _ = write!(page, "\n{} {name}\n\n```text\n{}\n```\n", "#".repeat(level), help.join("\n").trim_end());
}
