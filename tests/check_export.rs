//! `maint check export`: rules that Prometheus and Grafana take.

use crate::support::{Site, leave_out, run};
use serde_json::Value;
use std::fs;
use std::process::Command;

const JOBS: &str = "[jobs.db-backup]\ncommand = \"vacuum-db\"\nschedule = \"0 2 * * *\"\n[jobs.often]\nshell = \"true\"\nschedule = \"*/5 8-18 * * mon-fri\"\ntimeout = \"10m\"\n[jobs.boot]\nshell = \"true\"\nschedule = \"@reboot\"\n[jobs.by-hand]\nshell = \"true\"\n";

fn yaml(text: &str) -> Value {
    yaml_serde::from_str(text).unwrap()
}

/// The rules of Prometheus with this name.
fn rules<'a>(file: &'a Value, name: &str) -> Vec<&'a Value> {
    file["groups"][0]["rules"].as_array().unwrap().iter().filter(|rule| rule["alert"] == name).collect()
}

#[test]
fn a_job_must_succeed_within_its_longest_wait_and_its_limit() {
    let site = Site::new(JOBS);
    let file = yaml(&site.maint(&["check", "export"]).exits(0).stdout);
    let stale = rules(&file, "MaintJobStale");
    let expressions: Vec<&str> = stale.iter().map(|rule| rule["expr"].as_str().unwrap()).collect();
    assert_eq!(
        expressions,
        [
            "time() - maint_job_last_success_timestamp_seconds{job_name=\"db-backup\",site=\"test\"} > 93600",
            // From Friday evening to Monday morning, an hour more for the clock, and its own ten minutes.
            "time() - maint_job_last_success_timestamp_seconds{job_name=\"often\",site=\"test\"} > 224100",
        ]
    );
    assert_eq!(rules(&file, "MaintJobAbsent").len(), 2);
    let failed = rules(&file, "MaintJobFailed");
    assert_eq!(failed.len(), 3, "{file}");
    assert_eq!(failed[0]["expr"], "maint_job_last_exit_code{job_name=\"boot\",site=\"test\"} != 0");
    assert!(!file.to_string().contains("by-hand"));
}

#[test]
fn the_words_are_those_of_the_site() {
    let site = Site::new(JOBS);
    let words = |site: &Site| site.maint(&["check", "export"]).exits(0).stdout;
    assert!(words(&site).contains("db-backup has not succeeded for 1 d 2 h on test"), "{}", words(&site));
    let text = fs::read_to_string(site.path("maint.toml")).unwrap();
    site.configure(&text.replace("[site]\n", "[site]\nlanguage = \"fr\"\n"));
    assert!(words(&site).contains("n'a pas réussi depuis 1 j 2 h sur test"), "{}", words(&site));
}

#[test]
fn grafana_gets_the_same_rules_with_uids_that_stay() {
    let site = Site::new(JOBS);
    let export = ["check", "export", "--format", "grafana", "--datasource", "PROM"];
    let text = site.maint(&export).exits(0).stdout;
    assert_eq!(site.maint(&export).exits(0).stdout, text);
    let file = yaml(&text);
    assert_eq!(file["apiVersion"], 1);
    let group = &file["groups"][0];
    assert_eq!((group["orgId"].as_i64(), group["interval"].as_str()), (Some(1), Some("1m")));
    let rules = group["rules"].as_array().unwrap();
    let mut uids: Vec<&str> = rules.iter().map(|rule| rule["uid"].as_str().unwrap()).collect();
    let is_plain =
        |uid: &&str| uid.len() <= 40 && uid.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    assert!(uids.iter().all(is_plain), "{uids:?}");
    uids.sort_unstable();
    uids.dedup();
    assert_eq!(uids.len(), rules.len());
    let stale = rules.iter().find(|rule| rule["title"] == "MaintJobStale db-backup test").unwrap();
    let data = stale["data"].as_array().unwrap();
    assert_eq!((stale["condition"].as_str(), data.len()), (Some("C"), 2));
    assert_eq!((&data[0]["refId"], &data[0]["datasourceUid"]), (&"A".into(), &"PROM".into()));
    assert_eq!(data[1]["datasourceUid"], "__expr__");
    let evaluator = &data[1]["model"]["conditions"][0]["evaluator"];
    assert_eq!((evaluator["type"].as_str(), evaluator["params"][0].as_f64()), (Some("gt"), Some(93_600.0)));
}

#[test]
fn what_cannot_be_exported_is_refused() {
    let nothing = Site::new("[jobs.by-hand]\nshell = \"true\"\n");
    assert!(nothing.maint(&["check", "export"]).exits(2).complaint().contains("nothing to export"));
    let site = Site::new(JOBS);
    let wrong = site.maint(&["check", "export", "--datasource", "x"]).exits(2);
    assert!(wrong.complaint().contains("--format grafana"), "{}", wrong.stderr);
    let _ = Site::bare().maint(&["check", "export"]).exits(2);
}

/// A check of each kind that has a limit, and what its alert is called.
const CHECKS: &str = "[compose]\n[checks.disk]\ndisk = \"/\"\n[checks.containers]\ncontainers = true\n[checks.site]\nhttp = \"http://127.0.0.1:8000/\"\n[checks.logs]\nlogs = true\n[checks.queues]\nrabbitmq = \"service:rabbitmq\"\n[checks.certificate]\ncertificate = \"example.org:443\"\n[checks.services]\nservices = true\n";

#[test]
fn each_check_has_a_rule_for_its_state_and_the_five_of_the_guide_for_their_limits() {
    let site = Site::new(CHECKS);
    let file = yaml(&site.maint(&["check", "export"]).exits(0).stdout);
    assert_eq!(rules(&file, "MaintCheckNotWell").len(), 7, "{file}");
    for name in [
        "MaintDiskFull",
        "MaintCpuHigh",
        "MaintMemoryHigh",
        "MaintAnswerSlow",
        "MaintErrorsMany",
        "MaintQueueLong",
    ] {
        assert_eq!(rules(&file, name).len(), 1, "{name}");
    }
    let certificate = rules(&file, "MaintCertificateExpires")[0]["expr"].as_str().unwrap();
    let labels = "{check=\"certificate\",site=\"test\"}";
    assert_eq!(certificate, format!("maint_check_value{labels} < maint_check_limit{labels}"));
    let grafana = site.maint(&["check", "export", "--format", "grafana"]).exits(0).stdout;
    assert!(grafana.contains("< bool maint_check_limit"), "{grafana}");
}

#[test]
fn promtool_takes_the_rules_and_they_fire() {
    let site = Site::new(&format!("{JOBS}{CHECKS}"));
    let text = site.maint(&["check", "export"]).exits(0).stdout;
    fs::write(site.path("rules.yml"), text).unwrap();
    if Command::new("promtool").arg("--version").output().is_err() {
        return leave_out("promtool check rules", "promtool (package prometheus) is missing");
    }
    let promtool = |args: &[&str]| run(Command::new("promtool").args(args).current_dir(site.root()));
    let checked = promtool(&["check", "rules", "rules.yml"]).exits(0);
    assert!(!checked.stdout.contains("uplicate"), "{}", checked.stdout);
    let labels = "job_name=\"db-backup\",site=\"test\"";
    let cases = format!(
        "rule_files: [rules.yml]
evaluation_interval: 10m
tests:
  - interval: 10m
    input_series:
      - series: 'maint_job_last_success_timestamp_seconds{{{labels},instance=\"a\"}}'
        values: '0x400'
      - series: 'maint_job_last_exit_code{{{labels},instance=\"a\"}}'
        values: '0x200 1x200'
      - series: 'maint_check_value{{check=\"containers\",name=\"containers: web cpu\",site=\"test\",unit=\"percent\"}}'
        values: '95x400'
      - series: 'maint_check_limit{{check=\"containers\",name=\"containers: web cpu\",site=\"test\",unit=\"percent\"}}'
        values: '90x400'
      - series: 'maint_check_ok{{check=\"disk\",name=\"disk\",site=\"test\",unit=\"percent\"}}'
        values: '1x200 0x200'
    alert_rule_test:
      - {{eval_time: 25h, alertname: MaintJobStale, exp_alerts: []}}
      - {{eval_time: 25h, alertname: MaintJobFailed, exp_alerts: []}}
      - eval_time: 27h
        alertname: MaintJobStale
        exp_alerts: [{{exp_labels: {{severity: critical, site: test, job_name: db-backup, instance: a}}, exp_annotations: {{summary: db-backup has not succeeded for 1 d 2 h on test}}}}]
      - eval_time: 35h
        alertname: MaintJobFailed
        exp_alerts: [{{exp_labels: {{severity: warning, site: test, job_name: db-backup, instance: a}}, exp_annotations: {{summary: the last run of db-backup on test did not end well}}}}]
      - {{eval_time: 25h, alertname: MaintCheckNotWell, exp_alerts: []}}
      - {{eval_time: 25h, alertname: MaintMemoryHigh, exp_alerts: []}}
      - eval_time: 35h
        alertname: MaintCheckNotWell
        exp_alerts: [{{exp_labels: {{severity: critical, site: test, check: disk, name: disk, unit: percent}}, exp_annotations: {{summary: disk is not well on test}}}}]
      - eval_time: 25h
        alertname: MaintCpuHigh
        exp_alerts: [{{exp_labels: {{severity: warning, site: test, check: containers, name: 'containers: web cpu', unit: percent}}, exp_annotations: {{summary: 'containers: web cpu is too high on test'}}}}]
      - eval_time: 65h
        alertname: MaintJobAbsent
        exp_alerts: [{{exp_labels: {{severity: warning, site: test, job_name: often}}, exp_annotations: {{summary: 'often has never succeeded on test, or its metrics are gone'}}}}]
"
    );
    fs::write(site.path("test.yml"), cases).unwrap();
    let _ = promtool(&["test", "rules", "test.yml"]).exits(0);
}
