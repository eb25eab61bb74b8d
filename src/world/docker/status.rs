//! The words in which Docker tells how a container is: "Up 2 hours (healthy)", "Exited (137) 5 minutes ago".

use super::{Health, State};
use std::time::Duration;

impl State {
    /// "running", "exited"; the words of Podman too.
    pub(super) fn of_word(word: &str) -> Option<State> {
        Some(match word.to_ascii_lowercase().as_str() {
            "created" | "configured" | "initialized" => State::Created,
            "running" | "up" => State::Running,
            "paused" => State::Paused,
            "restarting" => State::Restarting,
            "removing" | "stopping" | "removal" => State::Removing,
            "exited" | "exit" | "stopped" => State::Exited,
            "dead" => State::Dead,
            _ => return None,
        })
    }
}

impl Health {
    /// "healthy", "" for none, or the word in parentheses of a status.
    pub(super) fn of_word(word: &str) -> Health {
        match word.trim_start_matches("health: ") {
            "healthy" => Health::Healthy,
            "unhealthy" => Health::Unhealthy,
            "starting" => Health::Starting,
            _ => Health::Unchecked,
        }
    }
}

/// What a status tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) state: Option<State>,
    pub(super) health: Health,
    pub(super) exit_code: Option<i64>,
    /// About.
    pub(super) uptime: Option<Duration>,
}

impl Told {
    pub(super) fn of(status: &str) -> Told {
        let (first, rest) = status.trim().split_once(' ').unwrap_or((status.trim(), ""));
        let in_parentheses =
            rest.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(word, _)| word);
        let state = match (first, in_parentheses) {
            ("Up", Some("Paused")) => Some(State::Paused),
            _ => State::of_word(first),
        };
        let is_up = first == "Up";
        let age = rest.split_once('(').map_or(rest, |(age, _)| age);
        Told {
            state,
            health: in_parentheses.map_or(Health::Unchecked, Health::of_word),
            exit_code: in_parentheses.filter(|_| !is_up).and_then(|code| code.parse().ok()),
            uptime: is_up.then(|| length(age.trim())).flatten(),
        }
    }
}

/// "3 seconds", "About an hour", "Less than a second".
fn length(words: &str) -> Option<Duration> {
    const UNITS: [(&str, u64); 7] = [
        ("second", 1),
        ("minute", 60),
        ("hour", 3_600),
        ("day", 86_400),
        ("week", 604_800),
        ("month", 2_592_000),
        ("year", 31_536_000),
    ];
    if words == "Less than a second" {
        return Some(Duration::ZERO);
    }
    let (count, unit) = words.rsplit_once(' ')?;
    let (_, seconds) = UNITS.iter().find(|(name, _)| unit.trim_end_matches('s') == *name)?;
    let count = match count {
        "About a" | "About an" => 1,
        count => count.parse::<u64>().ok()?,
    };
    Some(Duration::from_secs(count.checked_mul(*seconds)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: &str) -> (Option<State>, Health, Option<i64>, Option<u64>) {
        let Told { state, health, exit_code, uptime } = Told::of(status);
        (state, health, exit_code, uptime.map(|uptime| uptime.as_secs()))
    }

    #[test]
    fn a_status_tells_the_state_the_health_and_how_long() {
        use Health::{Healthy, Starting, Unchecked, Unhealthy};
        use State::{Created, Dead, Exited, Paused, Removing, Restarting, Running};
        for (status, expected) in [
            ("Up 3 seconds", (Some(Running), Unchecked, None, Some(3))),
            ("Up Less than a second (health: starting)", (Some(Running), Starting, None, Some(0))),
            ("Up About a minute (healthy)", (Some(Running), Healthy, None, Some(60))),
            ("Up About an hour (unhealthy)", (Some(Running), Unhealthy, None, Some(3_600))),
            ("Up 2 weeks (Paused)", (Some(Paused), Unchecked, None, Some(1_209_600))),
            ("Exited (137) 5 minutes ago", (Some(Exited), Unchecked, Some(137), None)),
            ("Restarting (1) 5 seconds ago", (Some(Restarting), Unchecked, Some(1), None)),
            ("Created", (Some(Created), Unchecked, None, None)),
            ("Removal In Progress", (Some(Removing), Unchecked, None, None)),
            ("Dead", (Some(Dead), Unchecked, None, None)),
            ("", (None, Unchecked, None, None)),
            ("Up 99999999999999999999 years", (Some(Running), Unchecked, None, None)),
        ] {
            assert_eq!(told(status), expected, "{status}");
        }
    }
}
