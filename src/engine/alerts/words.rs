//! What people read of an alert, in their language.

use super::alert::{Alert, Kind};
use crate::config::site::Language;
use crate::text;
use crate::world::World;
use crate::world::environment;
use std::time::Duration;

/// An alert in words.
pub(super) struct Words {
    /// One line.
    pub(super) title: String,
    /// One more, which says what the title leaves open.
    pub(super) summary: String,
    /// Names and values; short ones first.
    pub(super) facts: Vec<(&'static str, String)>,
    /// What stands between a name and its value.
    pub(super) colon: &'static str,
    /// The heading of the last lines.
    pub(super) tail_name: &'static str,
    /// The last lines of the log.
    pub(super) tail: Vec<String>,
}

/// An alert in the words of the site.
pub(super) fn of(world: &World, alert: &Alert) -> Words {
    let language = world.config.site.language_of_alerts();
    let pick = |english: &'static str, french: &'static str| match language {
        Language::En => english,
        Language::Fr => french,
    };
    let lines = alert.tail.iter().map(|line| text::escape(line).into_owned());
    Words {
        title: title(language, alert, world.config.site_name()),
        summary: summary(language, alert, world.config.site_name()),
        facts: facts(world, alert, pick),
        colon: pick(": ", " : "),
        tail_name: pick("Last lines of the log", "Dernières lignes du journal"),
        tail: lines.collect(),
    }
}

fn title(language: Language, alert: &Alert, site: &str) -> String {
    let Alert { kind, job, finding, status, exit_code, .. } = alert;
    if let Some(finding) = finding {
        let finding = text::escape(finding);
        return match (language, kind) {
            (Language::En, Kind::Recovery) => format!("{job}: {finding} is well again on {site}"),
            (Language::En, _) => format!("{job}: {finding} is not well on {site}"),
            (Language::Fr, Kind::Recovery) => format!("{job} : {finding} va de nouveau bien sur {site}"),
            (Language::Fr, _) => format!("{job} : {finding} ne va pas bien sur {site}"),
        };
    }
    let could_not_begin = matches!(exit_code, Some(2 | 4)) && alert.log.is_none();
    let (english, french) = match (kind, status.as_str()) {
        (Kind::Test, _) => {
            return match language {
                Language::En => format!("Test message from maint on {site}"),
                Language::Fr => format!("Message d'essai de maint sur {site}"),
            };
        }
        (Kind::Recovery, _) => ("works again", "fonctionne de nouveau"),
        (Kind::Overdue, _) => ("is overdue", "est en retard"),
        (Kind::Failure, "timed-out") => ("reached its time limit", "a atteint sa limite de temps"),
        (Kind::Failure, "lost") => ("ended without a word", "s'est arrêtée sans rien dire"),
        (Kind::Failure, _) if could_not_begin => ("could not begin", "n'a pas pu démarrer"),
        (Kind::Failure, _) => ("failed", "a échoué"),
    };
    match language {
        Language::En => format!("{job} {english} on {site}"),
        Language::Fr => format!("La tâche {job} {french} sur {site}"),
    }
}

fn summary(language: Language, alert: &Alert, site: &str) -> String {
    match (alert.kind, language) {
        (Kind::Test, Language::En) => format!("This is only a test: alerts of {site} arrive here."),
        (Kind::Test, Language::Fr) => format!("Ceci n'est qu'un essai : les alertes de {site} arrivent ici."),
        (Kind::Overdue, Language::En) => "It did not run when it should have.".to_owned(),
        (Kind::Overdue, Language::Fr) => "Elle n'a pas été exécutée à l'heure prévue.".to_owned(),
        _ => text::escape(&alert.summary).into_owned(),
    }
}

fn facts(
    world: &World,
    alert: &Alert,
    pick: impl Fn(&'static str, &'static str) -> &'static str,
) -> Vec<(&'static str, String)> {
    let Alert { kind, run, exit_code, at, started, took, log, since, count, .. } = alert;
    let length = |length: Duration| match world.config.site.language_of_alerts() {
        Language::En => text::duration(length),
        Language::Fr => text::duration(length).replace(" d", " j"),
    };
    let site = world.config.site_name().to_owned();
    let mut facts = vec![("Site", site), ("Machine", environment::host_name())];
    if *kind == Kind::Test {
        return facts;
    }
    let mut add = |english, french, value: Option<String>| {
        facts.extend(value.map(|value| (pick(english, french), value)));
    };
    let is_run = !run.is_empty();
    add("Exit code", "Code de sortie", exit_code.map(|code| code.to_string()));
    add("Duration", "Durée", took.map(length));
    match kind {
        Kind::Failure if *count > 1 => {
            add("Failures in a row", "Échecs consécutifs", Some(count.to_string()));
        }
        Kind::Recovery => {
            let failing = since.and_then(|since| (*at - since).to_std().ok()).map(length);
            add("Was failing for", "Durée de la panne", failing);
            add("Failures", "Échecs", Some(count.to_string()));
        }
        Kind::Overdue => {
            add("Due since", "Attendue depuis", since.map(|since| world.clock.show(since)));
            add("Missed runs", "Exécutions manquées", Some(count.to_string()));
        }
        Kind::Failure | Kind::Test => {}
    }
    add("Began", "Début", is_run.then(|| world.clock.show(*started)));
    add("Run", "Exécution", is_run.then(|| run.clone()));
    add("Log", "Journal", log.as_deref().map(|log| text::escape(log).into_owned()));
    facts
}
