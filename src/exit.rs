//! The exit codes: the only place that says what each number means.

use std::process::ExitCode;

/// How `maint` ends. Scripts rely on these numbers (`maint help exit-codes`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Done,
    /// The job failed, or part of it failed.
    Failed,
    /// Wrong usage or wrong configuration: nothing was touched.
    Usage,
    /// A check found something to report.
    Found,
    /// It needs `--auto`, `--force` or an answer: nothing was touched.
    Refused,
    /// Another run holds the lock, or the job is paused.
    Skipped,
    /// The code that `skip_exit` asks for instead of 75.
    SkippedAs(u8),
    /// The time limit was reached.
    TimedOut,
    /// Ended by this signal, after a clean stop.
    Signal(u8),
}

impl Exit {
    /// The number the parent process sees.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Found => 3,
            Exit::Refused => 4,
            Exit::Skipped => 75,
            Exit::SkippedAs(code) => code,
            Exit::TimedOut => 124,
            Exit::Signal(signal) => 128 + signal,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// The page `maint help exit-codes`, also part of `docs/commands.md`.
pub const TABLE: &str = "\
Exit codes of maint

    0  done, or nothing to do
    1  the job failed, or part of it failed (the report says which items)
    2  wrong usage or wrong configuration: nothing was touched
    3  a check command found something to report
    4  refused: it needs --auto, --force or an answer, and there is no terminal
       to ask on, or the answer was no; nothing was touched
   75  skipped: another run holds the lock (the message names its job, pid and
       start time), or the job is paused; the key `skip_exit` changes it
  124  the time limit was reached; the whole process group was ended
  129, 130, 143
       ended by SIGHUP, SIGINT, SIGTERM, after a clean stop: no half-written
       file, and the history says \"interrupted\"
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_enum_is_in_the_table() {
        let all = [Exit::Done, Exit::Failed, Exit::Usage, Exit::Found, Exit::Refused, Exit::Skipped];
        for exit in
            all.into_iter().chain([Exit::TimedOut, Exit::Signal(1), Exit::Signal(2), Exit::Signal(15)])
        {
            let code = exit.code().to_string();
            let is_listed = TABLE.lines().any(|line| line.split([' ', ',']).any(|word| word == code));
            assert!(is_listed, "{code} is not in `maint help exit-codes`");
        }
    }
}
