//! A run that goes on is ended by its id.

use crate::support::{Site, WAIT, finish};

fn site() -> Site {
    Site::new(&format!("[jobs.wait]\nshell = \"{WAIT}\"\n"))
}

fn id_of(site: &Site) -> String {
    site.maint(&["locks", "--json"]).exits(0).json()[0]["run"].as_str().unwrap().to_owned()
}

#[test]
fn a_run_is_ended_cleanly_and_the_history_says_so() {
    let site = site();
    let held = site.hold("wait");
    let id = id_of(&site);
    let rehearsed = site.maint(&["cancel", &id, "--dry-run"]).exits(0);
    assert!(rehearsed.stdout.contains(&format!("would end the run {id} of wait")), "{}", rehearsed.stdout);
    assert_eq!(site.maint(&["locks", "--json"]).exits(0).json()[0]["run"], id, "a rehearsal ends nothing");
    let report = site.maint(&["cancel", &id[id.len() - 6..], "--json"]).exits(0).json();
    let step = &report["steps"][0];
    assert_eq!((step["run"].as_str(), step["outcome"].as_str()), (Some(&*id), Some("done")), "{report}");
    assert_eq!(step["detail"], "interrupted");
    assert_eq!(finish(held).exits(143).code, 143);
    let ended = site.history().into_iter().find(|run| run["job"] == "wait").unwrap();
    assert_eq!((&ended["status"], &ended["exit_code"]), (&"interrupted".into(), &143.into()));
}

#[test]
fn an_unknown_an_ended_and_a_short_id_are_refused_and_nothing_is_ended() {
    let site = Site::new(&format!("[jobs.a]\nshell = \"{WAIT}\"\n[jobs.b]\nshell = \"true\"\n"));
    let _ = site.maint(&["run", "b"]).exits(0);
    let ended = site.history()[0]["run"].as_str().unwrap().to_owned();
    let held = site.hold("a");
    for id in ["wibble", &ended, "", "\u{1b}[31m"] {
        let refused = site.maint(&["cancel", "--", id]).exits(2);
        let shown = if id.starts_with('\u{1b}') { "\\x1b[31m" } else { id };
        let message = format!("no run {shown} goes on here; `maint locks` lists those that do");
        assert_eq!(refused.complaint(), message);
    }
    assert_eq!(site.maint(&["locks", "--json"]).exits(0).json().as_array().unwrap().len(), 1);
    site.release(held);
}
