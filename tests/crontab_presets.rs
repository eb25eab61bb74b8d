//! The presets: valid, each beside the crontab that is made of it. `make docs` writes the crontabs anew.

use crate::consistency::{is_fresh, project};
use crate::support::Site;
use chrono::{NaiveDate, NaiveTime, TimeDelta};
use maint::cron::schedule::Schedule;
use std::collections::BTreeMap;
use std::fs;

const PRESETS: [&str; 5] = ["cmbagent", "cochin", "f-brain", "fiches", "linkedin-bot"];

/// What `crontab generate` prints for a preset in /srv/NAME, with maint in /usr/local/bin.
fn rendered(preset: &str) -> String {
    let site = Site::bare();
    let _ = site.maint(&["init", "--preset", preset]).exits(0);
    let block = site.maint(&["crontab", "generate"]).exits(0).stdout;
    let program = crate::support::binary();
    let root = fs::canonicalize(site.root()).unwrap();
    block.replace(program, "/usr/local/bin/maint").replace(root.to_str().unwrap(), &format!("/srv/{preset}"))
}

#[test]
fn each_preset_stands_beside_the_crontab_that_is_made_of_it() {
    for preset in PRESETS {
        is_fresh(&format!("crontab/{preset}.crontab"), rendered(preset).as_bytes());
    }
}

#[test]
fn each_preset_is_in_order_and_names_its_own_site() {
    for preset in PRESETS {
        let site = Site::bare();
        let _ = site.maint(&["init", "--preset", preset]).exits(0);
        let checked = site.maint(&["config", "check"]).exits(0).stdout;
        assert!(checked.contains(&format!("site {preset},")), "{checked}");
    }
}

#[test]
fn every_preset_of_the_program_is_a_file_and_the_other_way_round() {
    let listed = PRESETS.iter().chain(&["demo", "plain"]).map(|name| format!("{name}.toml"));
    let mut listed: Vec<String> = listed.chain(PRESETS.map(|name| format!("{name}.crontab"))).collect();
    let names = fs::read_dir(project("crontab")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut found: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    listed.sort();
    found.sort();
    assert_eq!(found, listed);
}

#[test]
fn no_two_jobs_of_the_fiches_that_hold_the_same_lock_are_due_in_the_same_minute() {
    let text = fs::read_to_string(project("crontab/fiches.toml")).unwrap();
    let preset: toml::Table = text.parse().unwrap();
    let mut due = BTreeMap::new();
    let mut count = 0;
    for (name, job) in preset["jobs"].as_table().unwrap() {
        let text = |key: &str| job.get(key).and_then(toml::Value::as_str);
        let Some(schedule) = text("schedule") else { continue };
        let schedule = Schedule::parse(schedule).unwrap();
        let [first, last] = [11, 12]
            .map(|month| NaiveDate::from_ymd_opt(2026, month, 1).unwrap().and_time(NaiveTime::default()));
        let mut now = first - TimeDelta::minutes(1);
        while let Some(next) = schedule.times().unwrap().next_local(now).filter(|next| *next < last) {
            count += 1;
            let other = due.insert((text("lock").unwrap_or(name), next), name);
            assert!(other.is_none(), "{name} and {other:?} are both due at {next}");
            now = next;
        }
    }
    assert!(count > 100, "only {count} times in a month");
}
