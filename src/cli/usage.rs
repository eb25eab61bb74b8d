//! Wrong usage in one line, and what to print when `maint` itself is broken.

use crate::exit::Exit;
use crate::text;
use clap::error::ErrorKind;
use std::io::Write as _;
use std::panic::PanicHookInfo;

/// Prints help and version to stdout, and any mistake as one line to stderr.
pub(super) fn explain(error: &clap::Error) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = error.print();
            Exit::Done
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            Exit::Usage
        }
        _ => {
            let _ = writeln!(std::io::stderr(), "maint: {}", one_line(error));
            Exit::Usage
        }
    }
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
    let _ = writeln!(std::io::stderr(), "maint: internal error at {place}: {message}; please report it");
    std::process::exit(Exit::Failed.code().into())
}
