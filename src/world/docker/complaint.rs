//! What Docker's programs complain of, in one line that names the cure where there is one.

use crate::world::environment::variable;
use crate::{logging, text};

/// What is shown of a complaint.
const LONGEST: usize = 300;
/// Where the daemon is when nobody says otherwise.
const USUAL: &str = "unix:///var/run/docker.sock";
/// The daemon is away. Compose 1 shows the exception of its library.
const AWAY: [&str; 5] = [
    "Cannot connect to the Docker daemon",
    "Is the docker daemon running",
    "Couldn't connect to Docker daemon",
    "Error while fetching server API version",
    "failed to connect to the docker API",
];
/// The user may not reach it.
const LOCKED: [&str; 2] = ["permission denied while trying to connect", "PermissionError(13,"];
/// The last words of those that have said more before.
const EMPTY: [&str; 2] = ["Encountered errors while bringing up the project", "For more help on how to use"];

/// What is wrong, as a program says whose stderr holds nothing else; `None` when it says nothing. A mistake in a file is
/// told in several lines.
pub(super) fn complaint<'a>(lines: impl Iterator<Item = &'a str>) -> Option<String> {
    let lines = telling(lines);
    let is_exception = lines.first().is_some_and(|line| line.starts_with("Traceback"));
    known(&lines).or_else(|| if is_exception { last_error(&lines) } else { shown(&lines.join(" ")) })
}

/// The same of a program that also tells what it does.
pub(super) fn complaint_at_work<'a>(lines: impl Iterator<Item = &'a str>) -> Option<String> {
    let lines = telling(lines);
    known(&lines).or_else(|| last_error(&lines))
}

fn telling<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let is_telling = |line: &&str| {
        let is_empty = line.is_empty() || EMPTY.iter().any(|words| line.contains(words));
        !is_empty && !is_warning(line)
    };
    lines.map(str::trim).filter(is_telling).collect()
}

/// What has a cure.
fn known(lines: &[&str]) -> Option<String> {
    let has = |words: &[&str]| lines.iter().any(|line| words.iter().any(|words| line.contains(words)));
    // A daemon that refuses is also one that cannot be connected to.
    if has(&LOCKED) {
        let place = place(lines);
        return Some(format!(
            "this user may not reach the Docker daemon ({place}): add it to the group docker, or run maint as root"
        ));
    }
    if !has(&AWAY) {
        return None;
    }
    let place = place(lines);
    let cure = match place.strip_prefix("unix:") {
        Some(path) if path.contains("/run/user/") => "with `systemctl --user start docker`",
        Some(_) => "with `systemctl start docker`",
        None => "on its machine",
    };
    Some(format!("the Docker daemon does not answer ({place}): start it {cure}"))
}

fn last_error(lines: &[&str]) -> Option<String> {
    match lines {
        // Whose image it is, and what went wrong.
        [.., why, last] if last.contains("failed to build") && last.ends_with("Build failed") => {
            shown(&format!("{}: {why}", last.trim_end_matches("Build failed").trim_end_matches([' ', ':'])))
        }
        [.., last] => shown(last),
        [] => None,
    }
}

fn shown(words: &str) -> Option<String> {
    let words = words.strip_prefix("ERROR:").unwrap_or(words).trim();
    // Before it is cut: the beginning of a secret would not be known as one.
    let words = logging::redacted(words);
    Some(text::cut(&text::escape(&words), LONGEST)).filter(|words| !words.is_empty())
}

/// An obsolete key, a variable that is not set.
pub(super) fn is_warning(line: &str) -> bool {
    line.starts_with("WARN") || line.contains("level=warning")
}

/// The address of the daemon, as it was told, or as it is set.
fn place(lines: &[&str]) -> String {
    let told = lines.iter().find_map(|line| {
        let (_, rest) = line.split_once(" at ")?;
        let place = rest.split_whitespace().next()?.trim_end_matches(['.', ':', ';', ',']);
        ["unix:", "tcp:", "ssh:", "npipe:", "http:", "https:"]
            .iter()
            .any(|scheme| place.starts_with(scheme))
            .then(|| place.to_owned())
    });
    let set = || variable("DOCKER_HOST").and_then(|host| host.into_string().ok());
    let place = told.or_else(set).unwrap_or_else(|| USUAL.to_owned());
    text::cut(&text::escape(&place), 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        complaint(text.lines()).unwrap_or_default()
    }

    #[test]
    fn a_daemon_that_is_away_is_told_with_what_starts_it() {
        let away =
            "the Docker daemon does not answer (unix:///x.sock): start it with `systemctl start docker`";
        for words in [
            "Cannot connect to the Docker daemon at unix:///x.sock. Is the docker daemon running?\n",
            "time=\"2026-11-20T15:00:00Z\" level=warning msg=\"x\"\nfailed to connect to the docker API at unix:///x.sock; check if the path is correct and if the daemon is running: dial unix /x.sock: connect: no such file\n",
        ] {
            assert_eq!(told(words), away);
        }
        let remote =
            "Cannot connect to the Docker daemon at tcp://10.0.0.7:2375. Is the docker daemon running?";
        assert_eq!(
            told(remote),
            "the Docker daemon does not answer (tcp://10.0.0.7:2375): start it on its machine"
        );
        let own = "Cannot connect to the Docker daemon at unix:///run/user/1000/docker.sock. Is the docker daemon running?";
        assert!(told(own).ends_with("start it with `systemctl --user start docker`"));
        let first = "Traceback (most recent call last):\n  File \"x\"\ndocker.errors.DockerException: Error while fetching server API version: ('Connection aborted.', FileNotFoundError(2, 'No such file or directory'))\n";
        assert!(told(first).starts_with("the Docker daemon does not answer ("));
    }

    #[test]
    fn a_daemon_that_refuses_a_user_is_told_with_the_group() {
        for words in [
            "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get \"http://%2Fvar\": dial unix /var/run/docker.sock: connect: permission denied",
            "docker.errors.DockerException: Error while fetching server API version: ('Connection aborted.', PermissionError(13, 'Permission denied'))",
        ] {
            assert!(told(words).contains("may not reach"), "{words}");
            assert!(told(words).contains("the group docker"), "{words}");
        }
    }

    #[test]
    fn the_last_error_is_told_in_one_line_and_no_warning() {
        for (words, expected) in [
            ("", ""),
            ("WARNING: The X variable is not set. Defaulting to a blank string.\n", ""),
            (
                "time=\"x\" level=warning msg=\"`version` is obsolete\"\nvalidating /srv/compose.yml: services.x additional properties 'y' not allowed\n",
                "validating /srv/compose.yml: services.x additional properties 'y' not allowed",
            ),
            (
                "The Compose file './docker-compose.yml' is invalid because:\nUnsupported config option for services.a: 'imag'\n",
                "The Compose file './docker-compose.yml' is invalid because: Unsupported config option for services.a: 'imag'",
            ),
            (
                "Traceback (most recent call last):\n  File \"x\", line 1, in <module>\nKeyError: 'x'\n",
                "KeyError: 'x'",
            ),
            (
                "ERROR: yaml.parser.ParserError: while parsing a block mapping\n  in \"./docker-compose.yml\", line 3, column 1\n",
                "yaml.parser.ParserError: while parsing a block mapping in \"./docker-compose.yml\", line 3, column 1",
            ),
            ("a\u{1b}[2J", "a\\x1b[2J"),
        ] {
            assert_eq!(told(words), expected);
        }
        assert!(told(&"x".repeat(5_000)).chars().count() <= LONGEST);
    }

    #[test]
    fn of_one_that_tells_what_it_does_the_last_error_is_told() {
        let told = |text: &str| complaint_at_work(text.lines()).unwrap_or_default();
        for (words, expected) in [
            (
                "Creating bot_api_1 ... error\n\nERROR: for api  Cannot start service api: no such network\nERROR: Encountered errors while bringing up the project.\n",
                "for api  Cannot start service api: no such network",
            ),
            (
                "Step 2/2 : RUN [\"false\"]\nThe command 'false' returned a non-zero code: 1\nService 'api' failed to build : Build failed\n",
                "Service 'api' failed to build: The command 'false' returned a non-zero code: 1",
            ),
            (
                " Container bot-api-1  Starting\nError response from daemon: driver failed\n",
                "Error response from daemon: driver failed",
            ),
            ("", ""),
        ] {
            assert_eq!(told(words), expected);
        }
        let away =
            "Creating\nCannot connect to the Docker daemon at unix:///x. Is the docker daemon running?\n";
        assert!(told(away).contains("does not answer (unix:///x)"));
    }
}
