//! The first thing a newcomer runs: the sample site of `make demo`.

use crate::support::{Site, binary};
use std::process::Command;

#[test]
fn the_demo_runs_through_and_shows_plan_run_failure_and_history() {
    let site = Site::bare();
    let mut command = Command::new("bash");
    command
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/demo.sh"))
        .arg(binary())
        .arg(site.path("demo"))
        .env("HOME", site.home())
        .env_remove("MAINT_CONFIG")
        .env_remove("MAINT_NOW");
    let run = crate::support::run(&mut command).exits(0);
    for part in [
        "would remove",
        "backups/temp/export/ and all in it (2 files",
        "cleanup-temp: 4 done, 355.0 KB freed",
        "🚨 FIN DÉLAI PAIEMENT: D-038",
        "would mark backup 3 as failed",
        "cleanup-stuck: 2 done",
        "would make a record of storage/backup_2026.encrypted (88.9 KB)",
        "rebuild-paths: 2 done, 1 file without a record, 1 record without a file",
        "expire-logs: 2 done",
        "would write app/data/astronomy-libraries.json (4 libraries, 1 new, 1 removed)",
        "note: astronomy: removed: sample-lab/planck-maps",
        "ascl-refresh: 2 done",
        "A job that fails",
        "is-not-here",
        "failed (1)",
    ] {
        assert!(run.stdout.contains(part), "{part:?} is missing in:\n{}", run.stdout);
    }
    assert_eq!(site.tree("demo/backups/temp"), ["import", "import/still-writing.csv"]);
    assert_eq!(std::fs::read_dir(site.home()).unwrap().count(), 0, "the demo leaves nothing elsewhere");
}
