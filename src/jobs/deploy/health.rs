//! Whether what was started is well: its containers, and the checks of the site.

use crate::config::check::Check;
use crate::error::one_line;
use crate::text;
use crate::world::World;
use crate::world::checks::{Pulse, look};
use crate::world::docker::{Compose, Container, Health, State};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// A container that Docker has started again so often will not settle.
const MOST_RESTARTS: u64 = 3;

/// How it was found at last.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// What is not well, and why; empty when all is well.
    faults: BTreeMap<String, String>,
}

impl Verdict {
    fn of(name: &str, why: String) -> Verdict {
        Verdict { faults: BTreeMap::from([(name.to_owned(), why)]) }
    }

    /// What is not well, in one line.
    pub(super) fn why(&self) -> Option<String> {
        let faults = self.faults.iter().map(|(name, why)| format!("{} {why}", text::escape(name)));
        let faults: Vec<String> = faults.collect();
        (!faults.is_empty()).then(|| faults.join("; "))
    }
}

/// How one container stands.
enum Found {
    Well,
    /// It may still come.
    NotYet(String),
    /// It will not.
    Lost(String),
}

/// Waits until these services (none: all) and the checks are well, or will not be, or the time is over.
pub(super) fn wait(world: &World, compose: &Compose, services: &[String]) -> Verdict {
    let limit = world.config.deploy.health_timeout.duration();
    let mut watch = Watch::of(world);
    let began = world.clock.reading();
    loop {
        let elapsed = (world.clock.reading() - began).to_std().unwrap_or_default();
        let (mut verdict, is_lost) = match compose.containers(world) {
            Ok(containers) => watch.look(services, &containers, elapsed),
            // Docker may answer at the next look.
            Err(error) => (Verdict::of("docker", format!("cannot tell: {}", one_line(&error))), false),
        };
        if verdict.faults.is_empty() {
            verdict.faults = checks(world);
        }
        if verdict.faults.is_empty() || is_lost || elapsed >= limit {
            return verdict;
        }
        if !world.stop.wait(PAUSE) {
            verdict.faults.values_mut().for_each(|why| why.push_str(" when the run was ended"));
            return verdict;
        }
    }
}

/// The services that are named; else those that have a container. (Not every one that is declared is meant to run: some
/// belong to a profile.)
fn wanted(named: &[String], containers: &[Container]) -> BTreeSet<String> {
    if named.is_empty() {
        return containers.iter().map(|container| container.service.clone()).collect();
    }
    named.iter().cloned().collect()
}

/// What was seen of the containers so far.
#[derive(Default)]
struct Watch {
    /// How long it must be as it is before that counts.
    settle: Duration,
    /// Services that do their work and end.
    once: Vec<String>,
    /// Since when each has been as it is.
    since: BTreeMap<String, ((State, Health, u64), Duration)>,
    /// How often each had been restarted when it was first seen.
    restarts: BTreeMap<String, u64>,
}

impl Watch {
    fn of(world: &World) -> Watch {
        let once = world.config.compose.iter().flat_map(|section| section.once.clone()).collect();
        Watch { settle: world.config.deploy.settle.duration(), once, ..Watch::default() }
    }

    /// What is not well, and whether something of that never will be.
    fn look(&mut self, named: &[String], containers: &[Container], elapsed: Duration) -> (Verdict, bool) {
        let wanted = wanted(named, containers);
        if wanted.is_empty() {
            return (Verdict::of("the project", "has no container".to_owned()), false);
        }
        let mut verdict = Verdict::default();
        let mut is_lost = false;
        for service in wanted {
            match self.judge(&service, containers, elapsed) {
                Found::Well => {}
                Found::NotYet(why) => drop(verdict.faults.insert(service, why)),
                Found::Lost(why) => {
                    is_lost = true;
                    verdict.faults.insert(service, why);
                }
            }
        }
        (verdict, is_lost)
    }

    fn judge(&mut self, service: &str, all: &[Container], elapsed: Duration) -> Found {
        let mut own = all.iter().filter(|container| container.service == service).peekable();
        if own.peek().is_none() {
            return Found::NotYet("has no container".to_owned());
        }
        own.map(|container| self.judge_one(container, elapsed)).fold(Found::Well, Found::worse)
    }

    fn judge_one(&mut self, container: &Container, elapsed: Duration) -> Found {
        let again = self.restarts_of(container);
        if again >= MOST_RESTARTS {
            return Found::Lost(format!("was started again {again} times"));
        }
        let has_settled = self.lasted(container, elapsed) >= self.settle;
        let final_when_settled =
            |why: String| if has_settled { Found::Lost(why) } else { Found::NotYet(why) };
        match (container.state, container.health) {
            (State::Running, Health::Healthy) => Found::Well,
            (State::Running, Health::Starting) => Found::NotYet("is still starting".to_owned()),
            (State::Running, Health::Unhealthy) => final_when_settled("is unhealthy".to_owned()),
            (State::Running, Health::Unchecked) if has_settled => Found::Well,
            (State::Running, Health::Unchecked) => Found::NotYet("has just started".to_owned()),
            (State::Exited, _)
                if container.exit_code == Some(0) && self.once.contains(&container.service) =>
            {
                Found::Well
            }
            (State::Exited, _) if container.exit_code == Some(0) => {
                final_when_settled("has ended (if it is meant to, name it in `once` of [compose])".to_owned())
            }
            (State::Exited | State::Dead, _) => {
                let code = container.exit_code.map_or_else(String::new, |code| format!(" with code {code}"));
                final_when_settled(format!("has ended{code}"))
            }
            (State::Restarting, _) => Found::NotYet("is started again and again".to_owned()),
            (State::Paused, _) => Found::Lost("is paused".to_owned()),
            (State::Created | State::Removing, _) => Found::NotYet("has not started".to_owned()),
        }
    }

    /// How often it was started again since it was first seen.
    fn restarts_of(&mut self, container: &Container) -> u64 {
        let first = self.restarts.entry(container.id.clone()).or_insert(container.restarts);
        container.restarts.saturating_sub(*first)
    }

    /// How long it has been as it is.
    fn lasted(&mut self, container: &Container, elapsed: Duration) -> Duration {
        let now = (container.state, container.health, container.restarts);
        let (state, since) = self.since.entry(container.id.clone()).or_insert((now, elapsed));
        if *state != now {
            (*state, *since) = (now, elapsed);
        }
        elapsed.saturating_sub(*since)
    }
}

impl Found {
    fn worse(self, other: Found) -> Found {
        match (&self, &other) {
            (Found::Lost(_), _) | (_, Found::Well) | (Found::NotYet(_), Found::NotYet(_)) => self,
            (_, Found::Lost(_)) | (Found::Well, _) => other,
        }
    }
}

/// The checks that are not passed.
fn checks(world: &World) -> BTreeMap<String, String> {
    let named = world.config.deploy.checks.as_ref();
    let wanted = |name: &&String| named.is_none_or(|named| named.contains(name));
    let checks = world.config.checks.iter().filter(|(name, _)| wanted(name));
    checks.filter_map(|(name, check)| Some((name.clone(), failed(world, name, check)?))).collect()
}

/// Why a check is not passed.
fn failed(world: &World, name: &str, check: &Check) -> Option<String> {
    match look(world, name, check.http.as_deref()?, check) {
        Ok(Pulse::Well(_)) => None,
        Ok(Pulse::Slow(_, why) | Pulse::Bad(why)) => Some(why),
        Err(error) => Some(one_line(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTLE: Duration = Duration::from_secs(5);

    fn container(state: State, health: Health) -> Container {
        Container {
            id: "0123".to_owned(),
            name: "bot-api-1".to_owned(),
            service: "api".to_owned(),
            image_id: None,
            image: "bot-api".to_owned(),
            state,
            health,
            complaint: None,
            exit_code: None,
            uptime: None,
            restarts: 0,
        }
    }

    /// What is said of a container that was seen like this at these seconds.
    fn judged(seen: &[(u64, Container)]) -> String {
        let mut watch = Watch { settle: SETTLE, once: vec!["api".to_owned()], ..Watch::default() };
        let mut last = String::new();
        for (second, container) in seen {
            let found = watch.judge("api", std::slice::from_ref(container), Duration::from_secs(*second));
            last = match found {
                Found::Well => "well".to_owned(),
                Found::NotYet(why) => format!("not yet: {why}"),
                Found::Lost(why) => format!("lost: {why}"),
            };
        }
        last
    }

    #[test]
    fn a_service_with_a_health_check_is_well_when_its_check_says_so() {
        assert_eq!(judged(&[(0, container(State::Running, Health::Healthy))]), "well");
        assert_eq!(
            judged(&[(50, container(State::Running, Health::Starting))]),
            "not yet: is still starting"
        );
    }

    #[test]
    fn one_without_must_have_run_for_a_while() {
        let up = || container(State::Running, Health::Unchecked);
        assert_eq!(judged(&[(1, up())]), "not yet: has just started");
        assert_eq!(judged(&[(1, up()), (6, up())]), "well");
        let again = || Container { restarts: 1, ..up() };
        assert_eq!(judged(&[(1, up()), (6, again())]), "not yet: has just started");
        assert_eq!(judged(&[(1, up()), (6, again()), (11, again())]), "well");
    }

    #[test]
    fn an_unhealthy_one_gets_a_moment_to_recover() {
        let bad = || container(State::Running, Health::Unhealthy);
        assert_eq!(judged(&[(9, bad())]), "not yet: is unhealthy");
        assert_eq!(judged(&[(9, bad()), (14, bad())]), "lost: is unhealthy");
        let well = container(State::Running, Health::Healthy);
        assert_eq!(judged(&[(9, bad()), (12, well), (14, bad())]), "not yet: is unhealthy");
    }

    #[test]
    fn one_that_has_ended_is_lost_unless_it_is_meant_to_end() {
        let ended = |code| Container { exit_code: Some(code), ..container(State::Exited, Health::Unchecked) };
        assert_eq!(judged(&[(0, ended(0))]), "well");
        let other = || Container { service: "api".to_owned(), ..ended(0) };
        let mut watch = Watch::default();
        assert!(matches!(watch.judge("api", &[other()], SETTLE), Found::Lost(why) if why.contains("`once`")));
        assert_eq!(judged(&[(0, ended(3)), (5, ended(3))]), "lost: has ended with code 3");
        let looping = Container { restarts: 4, ..container(State::Restarting, Health::Unchecked) };
        let first = container(State::Running, Health::Unchecked);
        assert_eq!(judged(&[(0, first), (2, looping)]), "lost: was started again 4 times");
    }

    #[test]
    fn the_worst_container_of_a_service_counts() {
        let mut watch = Watch::default();
        let all = [container(State::Running, Health::Healthy), container(State::Paused, Health::Healthy)];
        let found = watch.judge("api", &all, Duration::ZERO);
        assert!(matches!(found, Found::Lost(why) if why == "is paused"));
        assert!(matches!(watch.judge("db", &all, Duration::ZERO), Found::NotYet(_)));
    }
}
