//! The same rules for Prometheus and for Grafana's provisioning.

use super::rules::{Rule, When};
use crate::text;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::time::Duration;

/// The longest uid that Grafana takes.
const LONGEST_UID: usize = 40;

/// A rule file of Prometheus.
pub(crate) fn for_prometheus(site: &str, rules: &[Rule]) -> Value {
    let rules: Vec<Value> = rules.iter().map(|rule| alert(site, rule)).collect();
    json!({ "groups": [{ "name": format!("maint-{site}"), "rules": rules }] })
}

fn alert(site: &str, rule: &Rule) -> Value {
    let series = &rule.series;
    let expression = match &rule.when {
        When::Above(limit) => format!("{series} > {limit}"),
        When::NotZero => format!("{series} != 0"),
        When::Zero => format!("{series} == 0"),
        When::Exceeds(other) => format!("{series} > {other}"),
        When::Below(other) => format!("{series} < {other}"),
    };
    json!({
        "alert": rule.name,
        "expr": expression,
        "for": length(rule.lasting),
        "labels": labels(site, rule),
        "annotations": { "summary": rule.summary },
    })
}

/// A file of `/etc/grafana/provisioning/alerting`.
pub(crate) fn for_grafana(site: &str, rules: &[Rule], datasource: &str) -> Value {
    let rules: Vec<Value> = rules.iter().map(|rule| provisioned(site, rule, datasource)).collect();
    let group = json!({
        "orgId": 1,
        "name": format!("maint-{site}"),
        "folder": "maint",
        "interval": "1m",
        "rules": rules,
    });
    json!({ "apiVersion": 1, "groups": [group] })
}

fn provisioned(site: &str, rule: &Rule, datasource: &str) -> Value {
    let series = &rule.series;
    // Grafana compares with a number: what is compared otherwise becomes a number of that kind.
    let (expression, limit) = match &rule.when {
        When::Above(limit) => (series.clone(), *limit),
        When::NotZero => (format!("{series} != bool 0"), 0.0),
        When::Zero => (format!("{series} == bool 0"), 0.0),
        When::Exceeds(other) => (format!("{series} > bool {other}"), 0.0),
        When::Below(other) => (format!("{series} < bool {other}"), 0.0),
    };
    let condition = json!({ "evaluator": { "type": "gt", "params": [limit] } });
    let title = format!("{} {} {site}", rule.name, rule.subject.1);
    json!({
        "uid": uid(&title),
        "title": title,
        "condition": "C",
        "for": length(rule.lasting),
        // What is gone has a rule of its own.
        "noDataState": "OK",
        "execErrState": "Error",
        "labels": labels(site, rule),
        "annotations": { "summary": rule.summary },
        "data": [
            {
                "refId": "A",
                "relativeTimeRange": { "from": 600, "to": 0 },
                "datasourceUid": datasource,
                "model": { "refId": "A", "instant": true, "expr": expression },
            },
            {
                "refId": "C",
                "relativeTimeRange": { "from": 0, "to": 0 },
                "datasourceUid": "__expr__",
                "model": { "refId": "C", "type": "threshold", "expression": "A", "conditions": [condition] },
            },
        ],
    })
}

fn labels(site: &str, rule: &Rule) -> Value {
    let (label, name) = &rule.subject;
    json!({ "severity": rule.severity.word(), "site": site, *label: name })
}

/// The same in each export, and another for each rule.
fn uid(title: &str) -> String {
    let digest = text::hex(&Sha256::digest(title.as_bytes())[..6]);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let name: String = title.chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
    let name: String = name.to_lowercase().chars().take(LONGEST_UID - digest.len() - 1).collect();
    format!("{}-{digest}", name.trim_end_matches('-'))
}

/// In the form of Prometheus: "26h", "5m", "90s".
fn length(length: Duration) -> String {
    match length.as_secs() {
        0 => "0s".to_owned(),
        seconds if seconds % 3_600 == 0 => format!("{}h", seconds / 3_600),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_is_short_and_plain_and_another_for_each_title() {
        let long = "MaintJobStale the-longest-name-that-a-job-of-this-site-has site.example";
        assert!(uid(long).len() <= LONGEST_UID, "{}", uid(long));
        assert_ne!(uid(long), uid(&format!("{long}2")));
        assert_eq!(uid("MaintJobStale db a.b").split('-').count(), 5);
    }

    #[test]
    fn a_length_is_told_in_the_largest_whole_unit() {
        let told = |seconds| length(Duration::from_secs(seconds));
        assert_eq!([told(0), told(93_600), told(300), told(90)], ["0s", "26h", "5m", "90s"]);
    }
}
