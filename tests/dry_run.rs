//! A dry run changes nothing anywhere, and the real run does exactly what it printed.

use crate::support::database::Database;
use crate::support::{Site, WAIT};
use serde_json::Value;

/// What a second real run has left to do.
enum Second {
    Nothing,
    TheSame,
    /// It is refused: what it made is there already.
    Refused,
}

/// Every command that changes something, and what is run before it.
const COMMANDS: [(&[&str], &[&str], Second); 11] = [
    (&[], &["cleanup-temp", "--auto"], Second::Nothing),
    (&[], &["rebuild-paths", "--force"], Second::Nothing),
    (&[], &["run", "clean"], Second::Nothing),
    (&[], &["expire-logs"], Second::Nothing),
    (&[], &["cleanup-stuck", "--force"], Second::Nothing),
    (&[], &["run", "line"], Second::TheSame),
    (&[], &["pause", "line", "--until", "2h", "--reason", "import"], Second::Nothing),
    (&["pause", "line"], &["resume", "line"], Second::Nothing),
    (&[], &["init", "-C", "new"], Second::Refused),
    (&[], &["init", "-C", "new", "--preset", "demo"], Second::Refused),
    (&[], &["init", "--force"], Second::TheSame),
];

fn site() -> Site {
    let site = Site::new(
        "[jobs.clean]\ncommand = \"cleanup-temp --auto\"\n[jobs.line]\nshell = \"touch ran\"\n\
         [cleanup-temp]\npaths = [\"tmp\"]\n[databases.app]\nurl = \"sqlite:db.sqlite3\"\n",
    );
    crate::cleanup_stuck::fill(&Database::sqlite(&site));
    site.file("backups/storage/new.zip", "", 1);
    site.file("tmp/young", "", 1);
    site.file("tmp/old", "content", 48);
    site.file("tmp/folder/old", "", 48);
    crate::support::age(&site.path("tmp/folder"), 48);
    site.file("logs/week.log", "content", 10 * 24);
    site.file("logs/month.log", "content", 40 * 24);
    site.folder("new");
    site
}

/// The actions of a report that ends with 0; each has had this outcome.
#[track_caller]
fn actions(site: &Site, args: &[&str], outcome: &str) -> Vec<Value> {
    let report = site.maint(&[args, &["--json"]].concat()).exits(0).json();
    let mut steps = report["steps"].as_array().unwrap().clone();
    for step in &mut steps {
        let step = step.as_object_mut().unwrap();
        assert_eq!(step.remove("outcome").unwrap(), outcome, "{args:?}: {step:?}");
        step.remove("detail");
    }
    steps
}

#[test]
fn a_dry_run_changes_nothing_and_the_real_run_does_what_it_printed() {
    for (before, args, second) in COMMANDS {
        let site = site();
        if !before.is_empty() {
            let _ = site.maint(before).exits(0);
        }
        let rehearsal = [args, &["--dry-run"]].concat();
        let untouched = site.snapshot();
        let printed = site.maint(&rehearsal).exits(0).stdout;
        let planned = actions(&site, &rehearsal, "planned");
        assert_eq!(site.snapshot(), untouched, "{args:?}");
        assert_eq!(site.state().exists(), !before.is_empty(), "{args:?}");
        assert!(!planned.is_empty(), "{args:?}");
        assert_eq!(
            printed.matches("\nwould ").count() + usize::from(printed.starts_with("would ")),
            planned.len()
        );

        assert_eq!(actions(&site, args, "done"), planned, "{args:?}");
        assert_ne!(site.snapshot(), untouched, "{args:?}");
        match second {
            Second::Nothing => assert_eq!(actions(&site, args, "done"), [Value::Null; 0], "{args:?}"),
            Second::TheSame => assert_eq!(actions(&site, args, "done"), planned, "{args:?}"),
            Second::Refused => drop(site.maint(args).exits(2)),
        }
    }
}

#[test]
fn a_dry_run_works_while_a_real_run_holds_the_lock() {
    let site = Site::new(&format!("[jobs.wait]\nshell = \"{WAIT}\"\n"));
    let child = site.hold("wait");
    let _ = site.maint(&["run", "wait"]).exits(75);
    let rehearsal = site.maint(&["run", "wait", "--dry-run"]).exits(0);
    assert!(rehearsal.stdout.starts_with("would run `touch started; "), "{}", rehearsal.stdout);
    site.release(child);
}
