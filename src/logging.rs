//! Messages about what is going on: to stderr by level, and all of them to the log of the run.

use crate::text;
use crate::world::environment::Secrets;
use crate::world::runlog::RunLog;
use chrono::SecondsFormat;
use log::{Level, LevelFilter, Log, Metadata, Record};
use std::borrow::Cow;
use std::fmt::Display;
use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

/// The target of a child's output lines, which carry no level and no time on a terminal.
pub const OUTPUT: &str = "output";
/// The target of what the tools of a job say: much of it, and seldom of interest. In the log it has its time, since
/// several may be speaking.
pub(crate) const TOOL: &str = "tool";
/// The target of the lines that tell what became of each action; the report prints them.
pub const STEP: &str = "step";

static LOGGER: OnceLock<Logger> = OnceLock::new();

struct Logger {
    stderr: env_logger::Logger,
    run: Mutex<Option<RunLog>>,
    /// Those of the start, and those of a configuration that was read anew.
    secrets: RwLock<Vec<Secrets>>,
}

/// Starts logging to stderr: warnings, and more with `-v`; `live` shows the output of programs as it comes.
pub fn start(verbosity: i8, live: bool) {
    let level = match verbosity {
        i8::MIN..0 => LevelFilter::Error,
        0 => LevelFilter::Warn,
        1 => LevelFilter::Info,
        2.. => LevelFilter::Debug,
    };
    let stderr = env_logger::Builder::new()
        .filter_level(level)
        .filter_module(OUTPUT, if live { LevelFilter::Info } else { LevelFilter::Off })
        .filter_module(TOOL, if verbosity > 1 { LevelFilter::Info } else { LevelFilter::Off })
        .filter_module(STEP, LevelFilter::Off)
        .format(|out, record| {
            let message = record.args().to_string();
            let message = redacted(&message);
            let message = text::escape(&message);
            if [OUTPUT, TOOL].contains(&record.target()) {
                return writeln!(out, "{message}");
            }
            writeln!(out, "{}: {message}", word(record.level()))
        })
        .build();
    let filter = stderr.filter().max(LevelFilter::Warn);
    let logger = LOGGER.get_or_init(|| Logger { stderr, run: Mutex::default(), secrets: RwLock::default() });
    if log::set_logger(logger).is_ok() {
        log::set_max_level(filter);
    }
}

/// Text without any known secret.
#[must_use]
pub fn redacted(text: &str) -> Cow<'_, str> {
    let Some(logger) = LOGGER.get() else { return Cow::Borrowed(text) };
    let known = logger.secrets.read().unwrap_or_else(PoisonError::into_inner);
    known.iter().fold(Cow::Borrowed(text), |text, secrets| Cow::Owned(secrets.redact(&text)))
}

/// From now on no output, log or row of the history shows one of these.
pub(crate) fn hide(secrets: &Secrets) {
    if let Some(logger) = LOGGER.get().filter(|_| !secrets.is_empty()) {
        let mut known = logger.secrets.write().unwrap_or_else(PoisonError::into_inner);
        // The first ones may be in use still.
        known.truncate(1);
        known.push(secrets.clone());
    }
}

/// From now on everything is also written to the log of a run, without secrets.
pub(crate) fn attach(run: RunLog) {
    if let Some(logger) = LOGGER.get() {
        *run_of(logger) = Some(run);
        log::set_max_level(LevelFilter::Debug.max(log::max_level()));
    }
}

/// True while a run has its log.
pub(crate) fn is_attached() -> bool {
    LOGGER.get().is_some_and(|logger| run_of(logger).is_some())
}

/// Writes what became of several actions to the log of the run: one look at the clock and one lock for all
/// of them. A full log only counts what was done; half a million lines need not be formatted for that.
pub(crate) fn steps<S: Display>(steps: impl Iterator<Item = (Level, S)>) {
    let Some(logger) = LOGGER.get() else { return };
    let is_full = run_of(logger).as_ref().is_some_and(RunLog::is_full);
    let now = now();
    let mut left_out = 0;
    let mut lines = Vec::new();
    for (level, step) in steps {
        if is_full && level == Level::Info {
            left_out += 1;
            continue;
        }
        let step = step.to_string();
        let step = redacted(&step);
        lines.push(format!("{now} {} {}", word(level), text::escape(&step)));
    }
    if let Some(run) = run_of(logger).as_mut() {
        run.leave_out(left_out);
        for line in &lines {
            run.line(line);
        }
    }
}

/// Ends the log of the run and returns its last lines.
pub(crate) fn detach() -> Vec<String> {
    let run = LOGGER.get().and_then(|logger| run_of(logger).take());
    run.map(RunLog::close).unwrap_or_default()
}

fn run_of(logger: &Logger) -> MutexGuard<'_, Option<RunLog>> {
    logger.run.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Debug
    }

    fn log(&self, record: &Record<'_>) {
        if !is_own(record.target()) {
            return;
        }
        if self.stderr.matches(record) {
            self.stderr.log(record);
        }
        if record.level() <= Level::Info && run_of(self).is_some() {
            let message = record.args().to_string();
            let line = line(record, &text::escape(&redacted(&message)));
            if let Some(run) = run_of(self).as_mut() {
                run.line(&line);
                // Whoever follows the log, or reads it after a kill, sees every line.
                run.flush();
            }
        }
    }

    fn flush(&self) {}
}

/// What the crates in use have to say is not for people: an error of theirs comes back to its caller.
fn is_own(target: &str) -> bool {
    [OUTPUT, TOOL, STEP].contains(&target) || target.split("::").next() == Some(env!("CARGO_PKG_NAME"))
}

fn line(record: &Record<'_>, message: &str) -> String {
    if record.target() == OUTPUT {
        return message.to_owned();
    }
    format!("{} {} {message}", now(), word(record.level()))
}

#[expect(clippy::disallowed_methods, reason = "a log line carries the real time")]
fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    }
}
