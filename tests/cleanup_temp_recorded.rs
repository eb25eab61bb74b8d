//! `maint cleanup-temp` on the tree that the original was recorded on (system 001).
//!
//! It selects what the original selected, but for one safer rule: a folder with something fresh in it stays.

use crate::support::{Site, age, leave_out, paths, run};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

const CONFIG: &str =
    "[cleanup-temp]\npaths = [\"backups/restore_temp\", \"backups/temp\", \"backups/uploads\"]\n";

/// A tree of the recorded shape.
fn site() -> Site {
    let site = Site::new(CONFIG);
    site.file("backups/restore_temp/a.zip", &"z".repeat(1_500), 30);
    site.file("backups/restore_temp/fresh.zip", "0123456789", 0);
    site.file("backups/temp/sub/big.bin", &"\0".repeat(3 << 20), 3);
    age(&site.path("backups/temp/sub"), 26);
    site.file("backups/temp/three_h.tmp", &"t".repeat(100), 3);
    site.file("backups/uploads/.hidden", "hidden\n", 5 * 24);
    site.file("backups/uploads/empty", "", 2 * 24);
    symlink("/nonexistent", site.path("backups/uploads/dangling")).unwrap();
    age(&site.path("backups/uploads/dangling"), 0);
    site.file("backups/storage/2025/backup_ok.zip", "zip", 300 * 24);
    site
}

/// What `maint` would remove, relative to `backups`, and how much.
fn selection(site: &Site, args: &[&str]) -> (Vec<String>, u64) {
    let report = site.maint(&[&["cleanup-temp", "--dry-run", "--json"], args].concat()).exits(0).json();
    let backups = site.path("backups");
    let relative = |path: &&str| Path::new(path).strip_prefix(&backups).unwrap().display().to_string();
    let bytes = report["steps"].as_array().unwrap().iter().map(|step| step["size_bytes"].as_u64().unwrap());
    (paths(&report, "planned").iter().map(relative).collect(), bytes.sum())
}

#[test]
fn after_24_hours_it_selects_what_the_original_did_but_for_the_folder_with_a_fresh_file() {
    let expected = ["restore_temp/a.zip", "uploads/.hidden", "uploads/empty"].map(String::from);
    assert_eq!(selection(&site(), &["--force"]), (expected.to_vec(), 1_507));
}

#[test]
fn after_2_hours_it_selects_exactly_what_the_original_did() {
    let five = ["restore_temp/a.zip", "temp/three_h.tmp", "temp/sub", "uploads/.hidden", "uploads/empty"];
    let bytes = 1_500 + 100 + (3 << 20) + 7;
    assert_eq!(selection(&site(), &["--age-hours=2", "--force"]), (five.map(String::from).to_vec(), bytes));
}

#[test]
fn the_table_counts_what_the_original_counted() {
    let report = site().maint(&["cleanup-temp", "-n", "--json"]).exits(0).json();
    let of_each = |key: &str| {
        report["folders"].as_array().unwrap().iter().map(|row| row[key].clone()).collect::<Vec<_>>()
    };
    assert_eq!(of_each("path"), ["backups/restore_temp", "backups/temp", "backups/uploads"]);
    assert_eq!(of_each("old_files"), [1, 0, 2]);
    assert_eq!(of_each("old_size_bytes"), [1_500, 0, 7]);
    assert_eq!(of_each("size_bytes")[0], 1_510);
}

#[test]
fn the_real_run_leaves_the_recorded_tree_and_the_folder_with_a_fresh_file() {
    let site = site();
    let _ = site.maint(&["cleanup-temp", "--auto"]).exits(0);
    let left = [
        "restore_temp",
        "restore_temp/fresh.zip",
        "storage",
        "storage/2025",
        "storage/2025/backup_ok.zip",
        "temp",
        "temp/sub",
        "temp/sub/big.bin",
        "temp/three_h.tmp",
        "uploads",
        "uploads/dangling",
    ];
    assert_eq!(site.tree("backups"), left);
}

/// The recording itself is no part of the project; it lies beside it where the project is developed.
fn recording() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/cochin");
    if folder.join("backups-tree.tar.gz").exists() {
        return Some(folder);
    }
    leave_out("the recorded tree", "../shared/data/cochin/backups-tree.tar.gz is not here");
    None
}

/// A site with the recorded tree.
fn recorded_site(recording: &Path) -> Site {
    let site = Site::new(CONFIG);
    let mut tar = Command::new("tar");
    let _ =
        run(tar.arg("-xzf").arg(recording.join("backups-tree.tar.gz")).arg("-C").arg(site.root())).exits(0);
    site
}

#[test]
fn the_recorded_tree_ends_as_recorded_but_for_the_folder_with_a_fresh_file() {
    let Some(recording) = recording() else { return };
    let site = recorded_site(&recording);
    let _ = site.maint(&["cleanup-temp", "--auto"]).exits(0);
    let recorded = fs::read_to_string(recording.join("07-tree-after.txt")).unwrap();
    let mut expected: Vec<&str> = recorded.lines().filter_map(|line| line.strip_prefix("backups/")).collect();
    expected.extend(["temp/sub", "temp/sub/big.bin"]);
    expected.sort_unstable();
    assert_eq!(site.tree("backups"), expected);
}

#[test]
fn after_2_hours_as_many_items_of_the_recorded_tree_are_old_as_recorded() {
    let Some(recording) = recording() else { return };
    let recorded = fs::read_to_string(recording.join("06-temp-agg-dry.txt")).unwrap();
    let total = recorded.lines().find(|line| line.contains("Nettoyables")).unwrap();
    let (items, _) = selection(&recorded_site(&recording), &["--age-hours=2", "--force"]);
    assert!(total.ends_with(&format!("({} éléments)", items.len())), "{total}: {items:?}");
}
