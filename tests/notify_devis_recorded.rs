//! The messages of the site's own program, recorded, against those of `maint notify-devis`.

use crate::support::http::{Server, WEBHOOK};
use crate::support::{Site, leave_out, run};
use serde_json::Value;
use std::fs;
use std::path::Path;

#[test]
fn the_messages_equal_the_recorded_ones_but_for_the_documented_repairs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/cochin");
    let Ok(recorded) = fs::read_to_string(folder.join("discord-payloads.jsonl")) else {
        return leave_out(
            "the recorded messages",
            "../shared/data/cochin/discord-payloads.jsonl is not here",
        );
    };
    let site = Site::new("[databases.app]\nurl = \"sqlite:db.sqlite3\"\n");
    fs::copy(folder.join("db-before.sqlite3"), site.path("db.sqlite3")).unwrap();
    let server = Server::discord();
    let notify = |args: &[&str]| {
        let mut command = site.command(&[&["notify-devis"], args].concat());
        run(command.env("DISCORD_WEBHOOK_URL", server.url(WEBHOOK)))
    };
    // One devis has a date that is none: told, and a failure.
    let first = notify(&[]).exits(1);
    assert!(first.stderr.contains("devis 6: `01/02/2025` is not a date"), "{}", first.stderr);
    let _ = notify(&["--force", "--devis-id", "2"]).exits(0);
    let repaired = |line: &str| -> Value {
        let mut embed = serde_json::from_str::<Value>(line).unwrap()["embeds"][0].clone();
        for field in embed["fields"].as_array_mut().unwrap() {
            if field["value"].is_null() {
                field["value"] = "Non renseigné".into();
            }
        }
        // The original's time has no offset, so that Discord would show it an hour late.
        embed["timestamp"] = "2026-11-20T15:02:26Z".into();
        embed
    };
    let mut recorded: Vec<Value> = recorded.lines().map(repaired).collect();
    // The original sends the end of devis 3 only with its second run of the day.
    let late = recorded.remove(4);
    recorded.insert(2, late);
    let sent: Vec<Value> =
        server.received().iter().map(|request| request.json()["embeds"][0].clone()).collect();
    assert_eq!(sent, recorded);
}
