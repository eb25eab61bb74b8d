//! What the user sees: results on stdout, everything else on stderr, nothing unescaped, never a panic.

use crate::engine::Action;
use crate::engine::apply::Finished;
use crate::engine::order::{Answer, Front};
use crate::engine::report::{Outcome, Report, Status, Step};
use crate::exit::Exit;
use crate::logging;
use crate::text;
use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::json;
use std::fmt::{Display, Write as _};
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Steps that are listed without `--verbose`; a longer plan is counted.
const MOST_LISTED: usize = 1_000;

/// When colour is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How results are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As text, for people.
    Text,
    /// One JSON document on stdout, nothing else there.
    Json,
    /// For the server: a line with the id of the run as soon as there is one, then what a page shows of the report.
    Announced,
}

/// How much is said, and in which form.
#[derive(Debug)]
pub struct Ui {
    /// How results are given.
    pub form: Form,
    /// -1 quiet, 0 normal, 1 and more verbose.
    pub verbosity: i8,
    is_terminal: bool,
    colour: bool,
    bar: Bar,
    /// What was printed, when nobody but the program itself reads it.
    gathered: Option<Mutex<String>>,
}

/// The progress bar: drawn on a terminal, for what takes more than a second.
#[derive(Clone, Debug)]
struct Bar {
    is_watched: bool,
    started: Instant,
    drawn: Arc<OnceLock<ProgressBar>>,
}

impl Bar {
    fn show(&self, done: usize, total: usize) {
        // A look at the clock for every file of half a million would be felt.
        let is_due = total < 10_000 || done.is_multiple_of(64);
        if !self.is_watched || !is_due || self.started.elapsed() < Duration::from_secs(1) {
            return;
        }
        let bar = self.drawn.get_or_init(|| {
            let style = ProgressStyle::with_template("{bar:40} {pos}/{len} ({elapsed}, {eta} left)");
            let bar = ProgressBar::new(total as u64);
            bar.enable_steady_tick(Duration::from_millis(500));
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        // What is looked at and what is then done have lengths of their own.
        if bar.length() != Some(total as u64) {
            bar.set_length(total as u64);
            bar.reset_eta();
        }
        bar.set_position(done as u64);
    }

    fn clear(&self) {
        if let Some(bar) = self.drawn.get() {
            bar.finish_and_clear();
        }
    }
}

impl Ui {
    /// Looks at what stdout is.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "NO_COLOR and the age of the progress bar concern only the terminal"
    )]
    pub fn new(form: Form, verbosity: i8, colour: Colour) -> Ui {
        let json = form != Form::Text;
        let is_terminal = io::stdout().is_terminal();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = match colour {
            Colour::Auto => is_terminal && !no_color && !json,
            Colour::Always => !json,
            Colour::Never => false,
        };
        let is_watched = is_terminal && verbosity >= 0 && !json;
        let bar = Bar { is_watched, started: Instant::now(), drawn: Arc::default() };
        Ui { form, verbosity, is_terminal, colour, bar, gathered: None }
    }

    /// For this very program: JSON, to be [taken](Ui::gathered).
    pub(crate) fn to_gather() -> Ui {
        Ui { gathered: Some(Mutex::default()), is_terminal: false, ..Ui::new(Form::Json, 0, Colour::Never) }
    }

    /// What has been gathered.
    pub(crate) fn gathered(self) -> String {
        let gathered = self.gathered.map(Mutex::into_inner);
        gathered.map(|text| text.unwrap_or_else(PoisonError::into_inner)).unwrap_or_default()
    }

    /// True when a program reads the results.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.form != Form::Text
    }

    /// Shows how far something has come, wherever it is done.
    pub fn watcher(&self) -> impl Fn(usize, usize) + Send + Sync + 'static {
        let bar = self.bar.clone();
        move |done, total| bar.show(done, total)
    }

    /// True when somebody is looking.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Prints a result. A reader that has gone away is no error; a full disk is.
    pub fn out(&self, text: &str) -> Result<()> {
        let text = text::escape_block(text, self.colour);
        if let Some(gathered) = &self.gathered {
            gathered.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
            return Ok(());
        }
        self.out_raw(text.as_bytes())
    }

    /// Shows a text in the place of the one before: on a terminal over it, else below it. False when nobody reads any more.
    pub fn show_again(&self, text: &str) -> Result<bool> {
        const HOME: &str = "\u{1b}[H";
        const REST_OF_LINE: &str = "\u{1b}[K\n";
        const REST_OF_SCREEN: &str = "\u{1b}[J";
        let text = text::escape_block(text, self.colour);
        let shown = if self.is_terminal {
            format!("{HOME}{}{REST_OF_SCREEN}", text.replace('\n', REST_OF_LINE))
        } else {
            format!("{text}\n")
        };
        let mut stdout = io::stdout().lock();
        match stdout.write_all(shown.as_bytes()).and_then(|()| stdout.flush()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(error).context("cannot write the output"),
        }
    }

    /// Prints bytes that a program will read, such as a man page, as they are.
    pub fn out_raw(&self, bytes: &[u8]) -> Result<()> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(error).context("cannot write the output")
            }
            _ => Ok(()),
        }
    }

    /// Prints an error; when even stderr is gone there is nobody to tell.
    pub fn error(&self, line: &str) {
        self.bar.clear();
        let prefix =
            if self.colour && io::stderr().is_terminal() { "\u{1b}[1;31mmaint:\u{1b}[0m" } else { "maint:" };
        let line = logging::redacted(line);
        let _ = writeln!(io::stderr(), "{prefix} {}", text::escape(&line));
    }

    /// Tells on stderr what somebody who starts a program wants to know, and no program.
    pub fn note(&self, line: &str) {
        if !self.is_json() && self.verbosity >= 0 {
            self.lines_to_stderr(&format!("maint: {line}\n"));
        }
    }

    fn lines_to_stderr(&self, lines: &str) {
        let _ = io::stderr().write_all(text::escape_block(&logging::redacted(lines), self.colour).as_bytes());
    }

    /// Prints an answer as text or JSON.
    pub fn answer(&self, answer: &(impl Display + Serialize)) -> Result<()> {
        if self.is_json() { self.out(&text::json(answer)?) } else { self.out(&answer.to_string()) }
    }

    /// Prints a finished run: without a terminal, as under cron, only what went wrong, unless the report `is_answer`
    /// to whoever asked for the run.
    pub fn finished<A: Action>(&self, finished: &Finished<A>, is_answer: bool) -> Result<()> {
        self.bar.clear();
        let Finished { report, tail } = finished;
        match self.form {
            Form::Json => return self.out(&logging::redacted(&text::json(report)?)),
            Form::Announced => return self.out(&logging::redacted(&text::json(&report.for_a_page())?)),
            Form::Text => {}
        }
        let is_rehearsal = report.status == Status::Planned;
        let is_asked_for = self.is_terminal || is_answer;
        if is_rehearsal || (is_asked_for && self.verbosity >= 0) {
            self.out(&self.whole(report))?;
        } else if self.verbosity > 0 {
            self.out(&format!("{}\n", report.summary()))?;
        }
        if report.exit != Exit::Done && !is_rehearsal && (!self.is_terminal || self.verbosity < 0) {
            self.lines_to_stderr(&complaint(report, tail));
        }
        Ok(())
    }

    /// Overview, steps, notes, summary.
    fn whole<A: Action>(&self, report: &Report<A>) -> String {
        let mut text = String::new();
        if let Some(overview) = &report.overview {
            push_block(&mut text, &overview.text);
        }
        let limit = if self.verbosity > 0 { usize::MAX } else { MOST_LISTED };
        // A failure must not hide behind a thousand other steps.
        let is_quiet = |step: &Step<'_, A>| !matches!(step.outcome, Outcome::Failed(_));
        let mut left_out = 0;
        for (index, step) in report.steps.iter().enumerate() {
            if index >= limit && is_quiet(&step) {
                left_out += 1;
                continue;
            }
            let _ = writeln!(text, "{}", self.coloured(step.outcome, &step.to_string()));
        }
        if left_out > 0 {
            let _ = writeln!(text, "… and {} more (--verbose lists them all)", text::thousands(left_out));
        }
        if let Some(appendix) = &report.appendix {
            push_block(&mut text, appendix);
        }
        push_notes(&mut text, &report.notes, limit);
        for failure in &report.failures {
            let _ = writeln!(
                text,
                "{}",
                self.coloured(&Outcome::Failed("".into()), &format!("failed: {failure}"))
            );
        }
        let _ = writeln!(text, "{}", report.summary());
        if let Some(log) = report.log.as_ref().filter(|_| report.status != Status::Done) {
            let _ = writeln!(text, "log: {}", text::escape(log));
        }
        text
    }

    fn coloured(&self, outcome: &Outcome, line: &str) -> String {
        let colour = match outcome {
            Outcome::Failed(_) => "31",
            Outcome::Skipped(_) => "33",
            Outcome::Done(_) => "32",
            Outcome::Planned => "36",
        };
        match line.split_once(' ').filter(|_| self.colour) {
            Some((word, rest)) => format!("\u{1b}[{colour}m{word}\u{1b}[0m {rest}"),
            None => line.to_owned(),
        }
    }
}

fn push_block(text: &mut String, block: &str) {
    text.push_str(block);
    if !block.ends_with('\n') {
        text.push('\n');
    }
}

fn push_notes(text: &mut String, notes: &[String], limit: usize) {
    for note in notes.iter().take(limit) {
        let _ = writeln!(text, "note: {note}");
    }
    if notes.len() > limit {
        let _ = writeln!(text, "… and {} more notes (--verbose lists them all)", notes.len() - limit);
    }
}

/// What cron mails: the failed items, why, what is not well, the last lines, and where the log is.
fn complaint<A: Action>(report: &Report<A>, tail: &[String]) -> String {
    const MOST: usize = 20;
    let mut text = format!("maint: {}\n", report.summary());
    let found = report.findings.iter().filter(|finding| !finding.is_well);
    let failed: Vec<String> = report
        .steps
        .iter()
        .filter(|step| matches!(step.outcome, Outcome::Failed(_)))
        .map(|step| step.to_string())
        .chain(report.failures.iter().map(|failure| format!("failed: {failure}")))
        .chain(found.map(|finding| format!("{}: {}", finding.name, finding.words)))
        .collect();
    for line in failed.iter().take(MOST) {
        let _ = writeln!(text, "  {line}");
    }
    if failed.len() > MOST {
        let _ = writeln!(text, "  … and {} more", failed.len() - MOST);
    }
    // The log's last lines are the child's own words; lines of ours would only repeat the above.
    let words: Vec<&String> = tail.iter().filter(|line| !is_own(line)).collect();
    if !words.is_empty() {
        let _ = writeln!(text, "last lines:");
    }
    for line in words {
        let _ = writeln!(text, "  {line}");
    }
    if let Some(appendix) = &report.appendix {
        push_block(&mut text, appendix);
    }
    if let Some(log) = &report.log {
        let _ = writeln!(text, "log: {}", text::escape(log));
    }
    text
}

/// Lines that maint itself wrote start with a time and a level.
fn is_own(line: &str) -> bool {
    let mut words = line.splitn(3, ' ');
    let time = words.next().is_some_and(|word| chrono::DateTime::parse_from_rfc3339(word).is_ok());
    time && words.next().is_some_and(|word| matches!(word, "error" | "warn" | "info"))
}

impl Front for Ui {
    fn ask(&self, question: &str) -> Answer {
        if !self.is_terminal || !io::stdin().is_terminal() || self.is_json() {
            return Answer::Nobody;
        }
        let _ = write!(io::stderr(), "{} [y/N] ", text::escape(question));
        let mut line = String::new();
        if io::stdin().lock().read_line(&mut line).is_err() {
            return Answer::No;
        }
        match line.trim().to_lowercase().as_str() {
            "y" | "yes" | "o" | "oui" => Answer::Yes,
            _ => Answer::No,
        }
    }

    fn began(&self, job: &str, run: &str) {
        if self.form == Form::Announced {
            // Whoever does not hear of it still finds the run in the history.
            let _ = self.out_raw(format!("{}\n", json!({ "run": run, "job": job })).as_bytes());
        }
    }

    fn progress(&self, done: usize, total: usize) {
        self.bar.show(done, total);
    }
}
