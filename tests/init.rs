//! `maint init`.

use crate::support::Site;
use std::fs;

#[test]
fn a_new_site_is_named_after_its_folder_and_its_configuration_is_sound() {
    let site = Site::bare();
    let _ = site.maint(&["init"]).exits(0);
    let text = fs::read_to_string(site.path("maint.toml")).unwrap();
    assert!(text.contains("name = \"site\""), "{text}");
    let check = site.maint(&["config", "check"]).exits(0);
    assert!(check.stdout.ends_with("is in order: site site, 1 job\n"), "{}", check.stdout);
    let _ = site.maint(&["run", "hello"]).exits(0);
    assert_eq!(
        site.maint(&["logs", "hello"]).exits(0).stdout.lines().next().unwrap().split(' ').next(),
        Some("hello")
    );
}

#[test]
fn a_folder_whose_name_cannot_name_a_site_gets_a_neutral_one() {
    let site = Site::bare();
    let _ = site.maint(&["init", "-C", "ma vitrine"]).exits(0);
    let text = fs::read_to_string(site.path("ma vitrine/maint.toml")).unwrap();
    assert!(text.contains("name = \"my-site\""), "{text}");
}

#[test]
fn an_existing_configuration_is_replaced_only_by_force() {
    let site = Site::new("");
    let before = site.snapshot();
    let run = site.maint(&["init"]).exits(2);
    assert!(run.complaint().contains("exists already"), "{}", run.stderr);
    assert_eq!(site.snapshot(), before);
    let _ = site.maint(&["init", "--force"]).exits(0);
    assert!(fs::read_to_string(site.path("maint.toml")).unwrap().contains("name = \"site\""));
}

#[test]
fn every_preset_is_a_sound_configuration() {
    let site = Site::bare();
    let help = site.maint(&["help", "init"]).exits(0).stdout;
    assert!(help.contains("- demo:"), "{help}");
    let _ = site.maint(&["init", "--preset", "demo", "-C", "demo"]).exits(0);
    let _ = site.maint(&["config", "check", "-C", "demo"]).exits(0);
}

#[test]
fn an_unknown_preset_is_refused_with_those_that_exist() {
    let site = Site::bare();
    let run = site.maint(&["init", "--preset", "demos"]).exits(2);
    assert!(run.complaint().contains("demo"), "{}", run.stderr);
    assert!(!site.path("maint.toml").exists());
}
