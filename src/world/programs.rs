//! Programs: which one a shell line starts with, and where it is.

use super::access;
use super::environment::{CRON_PATH, absolute, variable};
use std::path::{Path, PathBuf};

/// What the shell does itself; the program may come after the next `;` or `&&`.
const BUILTINS: [&str; 20] = [
    ":", "[", "alias", "echo", "export", "false", "kill", "local", "printf", "read", "readonly", "set",
    "shift", "test", "times", "trap", "true", "ulimit", "umask", "unset",
];
/// Words before a program that change nothing about which one it is.
const PREFIXES: [&str; 3] = ["!", "command", "exec"];
/// Words after which it takes a shell to say what runs, or nothing does.
const KEYWORDS: [&str; 13] =
    [".", "case", "eval", "exit", "for", "function", "if", "return", "source", "until", "wait", "while", "{"];

/// The program that a line for /bin/sh starts with.
#[derive(Debug, PartialEq, Eq)]
pub struct Start {
    /// As it is written.
    pub program: String,
    /// The folder in which the line is by then, when it changes it.
    pub folder: PathBuf,
}

/// The first program of a line, when that can be told without a shell: after variables, `cd FOLDER &&`, `exec` and
/// what the shell does itself. `None` also for a line that sets its own `PATH`.
#[must_use]
pub fn start_of(line: &str) -> Option<Start> {
    let spaced = line.replace("&&", " && ").replace('|', " | ").replace([';', '\n'], " ; ");
    let mut words = shlex::split(&spaced)?.into_iter();
    let mut folder = PathBuf::new();
    loop {
        let word = words.next()?;
        let is_variable =
            word.split_once('=').is_some_and(|(name, _)| crate::config::secret::is_variable_name(name));
        // Its value may be a command, of which the words were torn apart.
        let is_torn = is_variable && word.contains(['$', '`']);
        if word.starts_with("PATH=") || is_torn || KEYWORDS.contains(&&*word) {
            return None;
        } else if word == "cd" {
            folder.push(words.next().filter(|folder| is_plain(folder))?);
            words.next().filter(|word| is_separator(word))?;
        } else if BUILTINS.contains(&&*word) {
            let mut rest = words.by_ref().take_while(|word| !is_separator(word));
            if rest.any(|word| word.starts_with("PATH=")) {
                return None;
            }
        } else if !is_variable && !PREFIXES.contains(&&*word) && !is_separator(&word) {
            return is_plain(&word).then_some(Start { program: word, folder });
        }
    }
}

fn is_separator(word: &str) -> bool {
    matches!(word, "&&" | ";")
}

/// True when the shell would take the word as it is.
fn is_plain(word: &str) -> bool {
    !word.is_empty()
        && !word.starts_with('-')
        && !word.contains(['$', '`', '*', '?', '(', ')', '{', '<', '>', '~', '&', '|'])
}

/// Where the shell would find a program in these folders, which are separated by colons.
#[must_use]
pub fn find_in(path: &str, program: &str) -> Option<PathBuf> {
    path.split(':').map(|folder| Path::new(folder).join(program)).find(|path| access::may_run(path))
}

/// Where the shell would find a program in `$PATH`, or without one, where cron would.
#[must_use]
pub fn find_here(program: &str) -> Option<PathBuf> {
    let path = variable("PATH").map_or_else(|| Some(CRON_PATH.to_owned()), |path| path.into_string().ok())?;
    find_in(&path, program).map(|found| absolute(&found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_program_of_a_line_is_found_behind_what_the_shell_does_itself() {
        for (line, program, folder) in [
            ("docker compose exec -T web true", "docker", ""),
            ("A=1 B='x;y' docker ps", "docker", ""),
            ("cd backend && ./manage.py migrate", "./manage.py", "backend"),
            ("cd backend&&exec python3 manage.py", "python3", "backend"),
            ("cd a; cd b; git pull", "git", "a/b"),
            ("set -e; umask 077\nrestic backup", "restic", ""),
            ("test -e x && rsync a b", "rsync", ""),
            ("'/opt/my tools/run' --now", "/opt/my tools/run", ""),
        ] {
            let start = Start { program: program.to_owned(), folder: folder.into() };
            assert_eq!(start_of(line), Some(start), "{line}");
        }
    }

    #[test]
    fn what_only_a_shell_could_tell_is_left_alone() {
        for line in [
            "$TOOL run",
            "if true; then docker ps; fi",
            "for x in a; do git pull; done",
            "true",
            "echo hi | docker load",
            "PATH=/opt/bin docker ps",
            "export PATH=/opt/bin; docker ps",
            "~/bin/tool",
            "(git pull)",
            "",
            "\"open",
            "cd $HOME && git pull",
            "exit 7",
            "eval ls",
            "x=$(docker compose ps) || exit 1",
            "x=`printf %s a b`; echo $x",
            ". ./venv/bin/activate && python manage.py x",
            "{ git pull; }",
        ] {
            assert_eq!(start_of(line), None, "{line}");
        }
    }
}
