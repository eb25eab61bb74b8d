//! When somebody should be woken by these metrics: rules from the configuration, whoever watches by them.

use crate::config::Config;
use crate::config::check::{Check, Kind};
use crate::config::job::JobEntry;
use crate::config::site::Language;
use crate::exit::Exit;
use crate::text;
use std::time::Duration;

/// A page that was not read once is no alert.
const GRACE: Duration = Duration::from_secs(5 * 60);
/// What a job gets beyond its time limit: clocks change by an hour.
const SLACK: Duration = Duration::from_secs(3_600);

/// How a value is compared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum When {
    /// It is above this.
    Above(f64),
    /// It is not zero.
    NotZero,
    /// It is zero.
    Zero,
    /// It exceeds another series with the same labels…
    Exceeds(String),
    /// …or falls below it.
    Below(String),
}

/// How urgent it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    Warning,
    Critical,
}

impl Severity {
    /// One word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }
}

/// A rule.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// What it is called, such as "`MaintJobStale`".
    pub(crate) name: &'static str,
    /// What it is about: the label with which it is told, and the name of the job or check.
    pub(crate) subject: (&'static str, String),
    /// The series, in Prometheus' language.
    pub(crate) series: String,
    pub(crate) when: When,
    /// For how long it must be so.
    pub(crate) lasting: Duration,
    pub(crate) severity: Severity,
    /// One sentence in the language of the site.
    pub(crate) summary: String,
}

impl Rule {
    /// The rules of a site: for each job with a schedule, and for each check.
    pub(crate) fn all(config: &Config) -> Vec<Rule> {
        let language = config.site.language_of_alerts();
        let site = config.site_name();
        let scheduled = config.jobs.iter().filter(|(_, job)| job.schedule.is_some());
        let jobs = scheduled.flat_map(|(name, job)| of_job(config, site, name, job, language));
        let checks = config.checks.iter().flat_map(|(name, check)| of_check(site, name, check, language));
        jobs.chain(checks).collect()
    }
}

fn of_job(config: &Config, site: &str, name: &str, job: &JobEntry, language: Language) -> Vec<Rule> {
    let labels = format!("{{job_name=\"{name}\",site=\"{site}\"}}");
    let rule = |rule, metric: &str, when, lasting, severity, summary| Rule {
        name: rule,
        subject: ("job_name", name.to_owned()),
        series: format!("{metric}{labels}"),
        when,
        lasting,
        severity,
        summary,
    };
    let success = "maint_job_last_success_timestamp_seconds";
    let mut rules = Vec::new();
    if let Some(longest) = longest_wait(config, job) {
        let (stale, absent) = words_of_age(site, name, longest, language);
        let age = Rule {
            series: format!("time() - {success}{labels}"),
            ..rule(
                "MaintJobStale",
                success,
                When::Above(longest.as_secs_f64()),
                GRACE,
                Severity::Critical,
                stale,
            )
        };
        rules.push(age);
        rules.push(Rule {
            series: format!("absent({success}{labels})"),
            ..rule("MaintJobAbsent", success, When::NotZero, longest, Severity::Warning, absent)
        });
    }
    let failed = match language {
        Language::En => format!("the last run of {name} on {site} did not end well"),
        Language::Fr => format!("la dernière exécution de {name} sur {site} s'est mal terminée"),
    };
    let exit_code = "maint_job_last_exit_code";
    let mut has_failed =
        rule("MaintJobFailed", exit_code, When::NotZero, Duration::ZERO, Severity::Warning, failed);
    if job.is_of(&["check"]) {
        // What it finds has rules of its own.
        has_failed.series = format!("({exit_code}{labels} != {})", Exit::Found.code());
    }
    rules.push(has_failed);
    rules
}

/// That a job has not succeeded for so long, and that nothing is known of any success.
fn words_of_age(site: &str, name: &str, longest: Duration, language: Language) -> (String, String) {
    let shown = text::duration(longest);
    match language {
        Language::En => (
            format!("{name} has not succeeded for {shown} on {site}"),
            format!("{name} has never succeeded on {site}, or its metrics are gone"),
        ),
        Language::Fr => (
            format!("{name} n'a pas réussi depuis {} sur {site}", shown.replace(" d", " j")),
            format!("{name} n'a jamais réussi sur {site}, ou ses mesures ont disparu"),
        ),
    }
}

/// How long after a success the next one must have come; `None` for a job at boot or once in many years.
fn longest_wait(config: &Config, job: &JobEntry) -> Option<Duration> {
    let gap = job.schedule.as_ref()?.times()?.longest_gap()?.to_std().ok()?;
    let limit = job.timeout.unwrap_or(config.defaults.timeout).duration();
    Some(gap + limit + SLACK)
}

/// That something is not well, whatever it is, and that a value is beyond its limit.
fn of_check(site: &str, name: &str, check: &Check, language: Language) -> Vec<Rule> {
    let rule = |rule, series, when, severity, words: (&str, &str)| Rule {
        name: rule,
        subject: ("check", name.to_owned()),
        series,
        when,
        lasting: Duration::ZERO,
        severity,
        summary: match language {
            Language::En => format!("{{{{ $labels.name }}}} {} on {site}", words.0),
            Language::Fr => format!("{{{{ $labels.name }}}} {} sur {site}", words.1),
        },
    };
    let labels = |more: &str| format!("{{check=\"{name}\",site=\"{site}\"{more}}}");
    let not_well = ("is not well", "ne va pas bien");
    let ok = format!("maint_check_ok{}", labels(""));
    let beyond = thresholds(check).into_iter().map(|Threshold { name, more, above, words }| {
        let limit = format!("maint_check_limit{}", labels(more));
        let when = if above { When::Exceeds(limit) } else { When::Below(limit) };
        rule(name, format!("maint_check_value{}", labels(more)), when, Severity::Warning, words)
    });
    let not_well = rule("MaintCheckNotWell", ok, When::Zero, Severity::Critical, not_well);
    std::iter::once(not_well).chain(beyond).collect()
}

/// A value of a check that has a limit.
struct Threshold {
    name: &'static str,
    /// What tells it from other values of the same check.
    more: &'static str,
    /// More than the limit is bad; otherwise less is.
    above: bool,
    words: (&'static str, &'static str),
}

/// The limits of a check; whether a service runs has none.
fn thresholds(check: &Check) -> Vec<Threshold> {
    let above = |name, more, words| Threshold { name, more, above: true, words };
    let Some(kind) = check.kind() else { return Vec::new() };
    match kind {
        Kind::Disk(_) | Kind::Volumes(_) => {
            vec![above("MaintDiskFull", "", ("is almost full", "est presque plein"))]
        }
        Kind::Containers(_) => vec![
            above("MaintCpuHigh", ",name=~\".* cpu\"", ("is too high", "est trop élevé")),
            above("MaintMemoryHigh", ",name=~\".* memory\"", ("is too high", "est trop élevé")),
        ],
        Kind::Http(_) => vec![above("MaintAnswerSlow", "", ("answers slowly", "répond lentement"))],
        Kind::Logs(_) => {
            vec![above("MaintErrorsMany", "", ("logs many errors", "journalise beaucoup d'erreurs"))]
        }
        Kind::Rabbitmq(_) => {
            vec![above(
                "MaintQueueLong",
                "",
                ("has too many messages waiting", "a trop de messages en attente"),
            )]
        }
        Kind::SlowQueries(_) => {
            vec![above("MaintQueriesSlow", "", ("has slow queries", "a des requêtes lentes"))]
        }
        Kind::Backup(_) => vec![above("MaintBackupOld", "", ("is too old", "est trop ancienne"))],
        Kind::Certificate(_) => vec![Threshold {
            above: false,
            ..above("MaintCertificateExpires", "", ("expires soon", "expire bientôt"))
        }],
        Kind::Services(_) | Kind::Access => Vec::new(),
    }
}
