//! What a user reads when something goes wrong: one line that names the thing and the cure, and an exit code.

use crate::exit::Exit;
use crate::text;
use std::fmt;

/// An error with an exit code of its own; any other error ends with [`Exit::Failed`].
#[derive(Debug)]
pub struct Problem {
    exit: Exit,
    is_expected: bool,
    is_of_site: bool,
    message: String,
}

impl Problem {
    /// Wrong usage or configuration: nothing was touched.
    pub fn usage(message: impl Into<String>) -> anyhow::Error {
        Problem::with_exit(Exit::Usage, message)
    }

    /// An answer or an option is missing: nothing was touched.
    pub fn refused(message: impl Into<String>) -> anyhow::Error {
        Problem::with_exit(Exit::Refused, message)
    }

    /// An error that ends the program with `exit`.
    pub fn with_exit(exit: Exit, message: impl Into<String>) -> anyhow::Error {
        anyhow::Error::new(Problem { exit, is_expected: false, is_of_site: false, message: message.into() })
    }

    /// What nothing of this site can do without cannot be used, such as its state folder: nothing was touched, and no other
    /// words would help.
    #[must_use]
    pub fn unusable(error: &anyhow::Error) -> anyhow::Error {
        let (exit, message) = (exit_of(error), one_line(error));
        anyhow::Error::new(Problem { exit, is_expected: false, is_of_site: true, message })
    }

    /// What somebody asked for, such as the skipped run of a paused job: cron need not write a mail.
    pub fn expected(exit: Exit, message: impl Into<String>) -> anyhow::Error {
        anyhow::Error::new(Problem { exit, is_expected: true, is_of_site: false, message: message.into() })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

/// The exit code of an error.
#[must_use]
pub fn exit_of(error: &anyhow::Error) -> Exit {
    error.downcast_ref::<Problem>().map_or(Exit::Failed, |problem| problem.exit)
}

/// True for what somebody asked for.
#[must_use]
pub fn is_expected(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Problem>().is_some_and(|problem| problem.is_expected)
}

/// True for what no other words would help against: see [`Problem::unusable`].
#[must_use]
pub fn is_of_site(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Problem>().is_some_and(|problem| problem.is_of_site)
}

/// The error as one printable line: causes joined by `: `, control characters escaped, no `(os error N)`.
#[must_use]
pub fn one_line(error: &anyhow::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain() {
        let part = plain(&cause.to_string());
        if parts.last().is_none_or(|last| !last.ends_with(&part)) {
            parts.push(part);
        }
    }
    text::escape(&parts.join(": ")).into_owned()
}

/// The system's words for an I/O error, without the number only a programmer needs.
#[must_use]
pub fn plain(message: &str) -> String {
    match (message.find(" (os error "), message.rfind(')')) {
        (Some(start), Some(end)) if start < end => format!("{}{}", &message[..start], &message[end + 1..]),
        _ => message.to_owned(),
    }
}

/// The system's words for an error number.
#[must_use]
pub fn plain_errno(errno: rustix::io::Errno) -> String {
    plain(&std::io::Error::from(errno).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn an_io_error_loses_its_number_and_keeps_its_words() {
        let error = std::io::Error::from(rustix::io::Errno::ACCESS);
        let line = one_line(&anyhow::Error::new(error).context("cannot read x"));
        assert_eq!(line, "cannot read x: Permission denied");
    }

    #[test]
    fn the_exit_code_survives_added_context() {
        let error = Err::<(), _>(Problem::usage("bad")).context("reading a").unwrap_err();
        assert_eq!(exit_of(&error), Exit::Usage);
    }
}
