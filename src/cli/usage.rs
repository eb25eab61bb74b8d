//! Help, wrong usage in one line, and what to print when `maint` itself is broken.

use crate::error::Problem;
use crate::exit::Exit;
use crate::text;
use crate::ui::{Colour, Form, Ui};
use clap::error::ErrorKind;
use std::io::{self, Write as _};
use std::panic::PanicHookInfo;

/// Prints help and version to stdout, and any mistake like every other error.
pub(super) fn explain(error: &clap::Error) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => match error.print() {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                fail(&anyhow::Error::new(error).context("cannot write the output"))
            }
            _ => Exit::Done,
        },
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            Exit::Usage
        }
        _ => fail(&Problem::usage(one_line(error))),
    }
}

/// The options could not be read: `--json` is looked for among the words that were typed.
fn fail(error: &anyhow::Error) -> Exit {
    let is_json = std::env::args_os().any(|arg| arg == "--json" || arg == "--announce");
    let form = if is_json { Form::Json } else { Form::Text };
    super::fail(error, &Ui::new(form, 0, Colour::Auto))
}

/// clap's message without its decoration: the mistake, the tips, where to read on.
pub(super) fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let message = text.split("Usage:").next().unwrap_or_default();
    let message = message.split("For more information").next().unwrap_or_default();
    let mut line = String::new();
    for part in message.lines().map(str::trim).filter(|part| !part.is_empty()) {
        let part = part.strip_prefix("error: ").or_else(|| part.strip_prefix("tip: ")).unwrap_or(part);
        if !line.is_empty() {
            line.push_str(if line.ends_with(':') { " " } else { "; " });
        }
        line.push_str(part);
    }
    format!("{}; see `maint --help`", text::escape(&line))
}

/// A defect of `maint`: one line, no backtrace, exit code 1; kernel locks are freed by the exit.
#[expect(clippy::exit, reason = "after a panic nothing else is safe")]
pub(super) fn report_panic(info: &PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let payload = info.payload();
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let message = message.unwrap_or("no message");
    let message = text::escape(message);
    let _ = writeln!(io::stderr(), "maint: internal error at {place}: {message}; please report it");
    std::process::exit(Exit::Failed.code().into())
}
