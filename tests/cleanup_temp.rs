//! `maint cleanup-temp`: what goes, what stays, what is said, and what is refused.

use crate::support::{Site, age, paths};
use insta::assert_snapshot;
use std::fs;
use std::os::unix::fs::symlink;

const DAY: i64 = 24;

/// A site whose `temp` is cleaned after 24 hours, with one old and one fresh file in it.
fn site() -> Site {
    let site = Site::new("[cleanup-temp]\npaths = [\"temp\"]\n");
    site.file("temp/old.tmp", "old", 2 * DAY);
    site.file("temp/fresh.tmp", "fresh", 1);
    site
}

#[test]
fn an_old_file_goes_and_a_fresh_one_stays() {
    let site = site();
    let _ = site.maint(&["cleanup-temp", "--auto"]).exits(0);
    assert_eq!(site.tree("temp"), ["fresh.tmp"]);
}

#[test]
fn a_file_goes_only_when_it_is_older_than_the_age_not_as_old() {
    let site = site();
    site.file("temp/a_day_old", "", DAY);
    site.file("temp/older", "", DAY + 1);
    let _ = site.maint(&["cleanup-temp", "--auto"]).exits(0);
    assert_eq!(site.tree("temp"), ["a_day_old", "fresh.tmp"]);
}

#[test]
fn a_folder_goes_only_when_it_and_everything_in_it_is_old() {
    let site = site();
    for (folder, content_age, own_age) in
        [("all_old", 3 * DAY, 2 * DAY), ("fresh_itself", 3 * DAY, 1), ("fresh_within", 1, 3 * DAY)]
    {
        site.file(&format!("temp/{folder}/deep/file"), "x", content_age);
        age(&site.path(&format!("temp/{folder}/deep")), 3 * DAY);
        age(&site.path(&format!("temp/{folder}")), own_age);
    }
    let report = site.maint(&["cleanup-temp", "--auto", "--json"]).exits(0).json();
    let left = site.tree("temp");
    assert_eq!(
        left,
        ["fresh.tmp", "fresh_itself", "fresh_within", "fresh_within/deep", "fresh_within/deep/file"]
    );
    // What stays was never meant to go: it is not only that the folder was not empty.
    assert_eq!(report["counts"]["skipped"], 0, "{report}");
}

#[test]
fn the_cleaned_folder_itself_stays_even_when_it_is_old_and_becomes_empty() {
    let site = Site::bare();
    site.file("temp/old", "x", 2 * DAY);
    age(&site.path("temp"), 2 * DAY);
    let _ = site.maint(&["cleanup-temp", "--auto", "temp"]).exits(0);
    assert_eq!(site.tree(""), ["temp"]);
}

#[test]
fn an_old_symlink_goes_and_what_it_leads_to_stays() {
    let site = site();
    let target = site.file("precious/file", "x", 9 * DAY);
    for (name, to) in [("to_file", target.as_path()), ("to_folder", target.parent().unwrap())] {
        symlink(to, site.path(&format!("temp/{name}"))).unwrap();
        age(&site.path(&format!("temp/{name}")), 2 * DAY);
    }
    let _ = site.maint(&["cleanup-temp", "--auto"]).exits(0);
    assert_eq!(site.tree("temp"), ["fresh.tmp"]);
    assert_eq!(site.tree("precious"), ["file"]);
}

#[test]
fn a_folder_may_have_an_age_of_its_own_and_age_hours_overrides_every_age() {
    let site =
        Site::new("[cleanup-temp]\nage = \"3d\"\npaths = [\"temp\", { path = \"uploads\", age = \"2h\" }]\n");
    for folder in ["temp", "uploads"] {
        for hours in [1, 3, 5, 80] {
            site.file(&format!("{folder}/{hours}h"), "x", hours);
        }
    }
    let old = |args: &[&str]| {
        let report = site.maint(&[&["cleanup-temp", "-n", "--json"], args].concat()).exits(0).json();
        let base = format!("{}/", site.root().display());
        paths(&report, "planned").iter().map(|path| path.replace(&base, "")).collect::<Vec<_>>()
    };
    assert_eq!(old(&[]), ["temp/80h", "uploads/3h", "uploads/5h", "uploads/80h"]);
    assert_eq!(old(&["--age-hours=4"]), ["temp/5h", "temp/80h", "uploads/5h", "uploads/80h"]);
}

#[test]
fn only_what_a_glob_includes_goes() {
    let site = Site::new("[cleanup-temp]\npaths = [\"temp\"]\ninclude = [\"*.tmp\", \"cache/*.bin\"]\n");
    for name in ["a.tmp", "b.txt", "c.bin", "cache/d.bin", "cache/deep/e.bin", "cache/deep/f.tmp"] {
        site.file(&format!("temp/{name}"), "x", 2 * DAY);
    }
    age(&site.path("temp/cache/deep"), 2 * DAY);
    age(&site.path("temp/cache"), 2 * DAY);
    let _ = site.maint(&["cleanup-temp", "--auto"]).exits(0);
    assert_eq!(site.tree("temp"), ["b.txt", "c.bin", "cache", "cache/deep", "cache/deep/e.bin"]);
}

#[test]
fn what_a_glob_excludes_stays_and_a_folder_with_all_that_is_in_it() {
    let site = Site::new("[cleanup-temp]\npaths = [\"temp\"]\nexclude = [\"*.keep\", \"sessions/live\"]\n");
    for name in ["a.keep", "job/b.keep", "job/c", "live/d", "sessions/live/e", "sessions/live/deep/f"] {
        site.file(&format!("temp/{name}"), "x", 2 * DAY);
    }
    for folder in ["job", "live", "sessions/live/deep", "sessions/live", "sessions"] {
        age(&site.path(&format!("temp/{folder}")), 2 * DAY);
    }
    let _ = site.maint(&["cleanup-temp", "--auto"]).exits(0);
    let left = site.tree("temp");
    let (top, live) = (["a.keep", "job", "job/b.keep", "sessions"], ["", "/deep", "/deep/f", "/e"]);
    let live = live.map(|rest| format!("sessions/live{rest}"));
    assert_eq!(left, [&top.map(String::from)[..], &live[..]].concat());
}

#[test]
fn the_globs_of_a_folder_replace_those_of_the_section() {
    let site = Site::new(
        "[cleanup-temp]\ninclude = [\"*.tmp\"]\nexclude = [\"*.keep\"]\n\
         paths = [{ path = \"temp\", include = [\"*.log\"], exclude = [\"live.*\"] }]\n",
    );
    for name in ["a.tmp", "b.log", "live.log"] {
        site.file(&format!("temp/{name}"), "x", 2 * DAY);
    }
    let _ = site.maint(&["cleanup-temp", "--auto"]).exits(0);
    assert_eq!(site.tree("temp"), ["a.tmp", "live.log"]);
}

#[test]
fn a_second_run_has_nothing_to_do() {
    let site = site();
    let _ = site.maint(&["cleanup-temp", "--auto"]).exits(0);
    let before = site.tree("temp");
    let report = site.maint(&["cleanup-temp", "--auto", "--json"]).exits(0).json();
    assert_eq!(report["steps"], serde_json::json!([]));
    assert_eq!(site.tree("temp"), before);
}

#[test]
fn a_missing_folder_of_the_configuration_is_a_note() {
    let site = Site::new("[cleanup-temp]\npaths = [\"gone\", \"temp\"]\n");
    site.file("temp/old", "x", 2 * DAY);
    let report = site.maint(&["cleanup-temp", "--auto", "--json"]).exits(0).json();
    assert_eq!(report["notes"][0], "gone: does not exist, so there is nothing to clean");
    assert_eq!(site.tree("temp"), [""; 0]);
}

#[test]
fn a_missing_folder_of_the_command_line_is_a_mistake_and_nothing_is_touched() {
    let site = site();
    let before = site.snapshot();
    let run = site.maint(&["cleanup-temp", "--auto", "temp", "gone"]).exits(2);
    assert_eq!(run.complaint(), "gone does not exist; name a folder");
    assert_eq!(site.snapshot(), before);
}

#[test]
fn without_any_folder_there_is_nothing_to_clean() {
    let run = Site::new("").maint(&["cleanup-temp", "--auto"]).exits(2);
    assert_eq!(run.complaint(), "no folder to clean: name one, or list them in [cleanup-temp] paths");
}

#[test]
fn it_works_without_a_configuration() {
    let site = Site::bare();
    site.file("temp/old.tmp", "x", 49);
    site.file("temp/young.tmp", "x", 47);
    let absolute = site.path("temp");
    let _ = site.maint(&["cleanup-temp", "--age-hours=48", "--auto", absolute.to_str().unwrap()]).exits(0);
    assert_eq!(site.tree("temp"), ["young.tmp"]);
}

#[test]
fn a_rehearsal_prints_a_table_the_steps_and_a_summary_and_changes_nothing() {
    let site = site();
    site.file("temp/job/part 1", &"x".repeat(1_500), 26);
    site.file("temp/job/part 2", "x", 30);
    age(&site.path("temp/job"), 50);
    let before = site.snapshot();
    let run = site.maint(&["cleanup-temp", "--dry-run", "temp"]).exits(0);
    assert_snapshot!(run.stdout, @r"
    FOLDER  FILES  SIZE    OLDER THAN  OLD FILES  OLD SIZE
    temp    4      1.5 KB  24h         3          1.5 KB
    would remove temp/old.tmp (3 B, 2 d old)
    would remove temp/job/ and all in it (2 files, 1.5 KB, 1 d 2 h old)
    cleanup-temp: 2 planned, 1.5 KB to free
    ");
    assert_eq!(run.stderr, "");
    assert_eq!(site.snapshot(), before);
}

#[test]
fn under_cron_success_is_silent_and_verbose_adds_one_line() {
    let run = site().maint(&["cleanup-temp", "--auto"]).exits(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    let run = site().maint(&["cleanup-temp", "--auto", "--verbose"]).exits(0);
    assert!(run.stdout.starts_with("cleanup-temp: 1 done, 3 B freed in "), "{}", run.stdout);
    assert_eq!(run.stdout.lines().count(), 1);
}

#[test]
fn a_plan_of_more_than_a_thousand_steps_is_counted_and_verbose_lists_it_all() {
    let site = Site::bare();
    for number in 0..1_003 {
        site.file(&format!("temp/{number}"), "", 2 * DAY);
    }
    let listed = |text: &str| text.matches("would remove temp/").count();
    let short = site.maint(&["cleanup-temp", "-n", "temp"]).exits(0).stdout;
    assert_eq!(listed(&short), 1_000);
    assert!(short.contains("\n… and 3 more (--verbose lists them all)\n"), "{short}");
    assert_eq!(listed(&site.maint(&["cleanup-temp", "-n", "-v", "temp"]).exits(0).stdout), 1_003);
}

#[test]
fn the_json_report_names_every_item_before_and_after() {
    let site = site();
    site.file("temp/job/part", "four", 30);
    age(&site.path("temp/job"), 50);
    let mut plan = site.maint(&["cleanup-temp", "temp", "--json", "--dry-run"]).exits(0).json();
    assert_eq!(plan["started"], "2026-11-20T15:02:26.000Z");
    plan["finished"] = plan["started"].clone();
    plan["duration_seconds"] = 0.into();
    assert_snapshot!(serde_json::to_string_pretty(&plan).unwrap(), @r#"
    {
      "job": "cleanup-temp",
      "run": null,
      "status": "planned",
      "exit_code": 0,
      "started": "2026-11-20T15:02:26.000Z",
      "finished": "2026-11-20T15:02:26.000Z",
      "duration_seconds": 0,
      "summary": "cleanup-temp: 2 planned, 7 B to free",
      "counts": {
        "planned": 2,
        "done": 0,
        "skipped": 0,
        "failed": 0
      },
      "folders": [
        {
          "path": "temp",
          "age_seconds": 86400,
          "files": 3,
          "size_bytes": 12,
          "old_files": 2,
          "old_size_bytes": 7
        }
      ],
      "steps": [
        {
          "action": "remove-file",
          "path": "temp/old.tmp",
          "size_bytes": 3,
          "age_seconds": 172800,
          "outcome": "planned"
        },
        {
          "action": "remove-tree",
          "path": "temp/job",
          "size_bytes": 4,
          "age_seconds": 108000,
          "contents": [
            "temp/job/part"
          ],
          "outcome": "planned"
        }
      ],
      "notes": [],
      "failures": []
    }
    "#);

    let done = site.maint(&["cleanup-temp", "temp", "--json", "--auto"]).exits(0).json();
    assert_eq!((&done["job"], &done["status"]), (&"cleanup-temp".into(), &"done".into()));
    assert_eq!(done["exit_code"], 0);
    assert_eq!(paths(&done, "done"), paths(&plan, "planned"));
}

#[test]
fn without_a_terminal_auto_or_force_it_refuses_and_touches_nothing() {
    let site = site();
    let before = site.snapshot();
    let run = site.maint(&["cleanup-temp"]).exits(4);
    assert_eq!(
        run.complaint(),
        "cleanup-temp: refused, because there is no terminal to ask on: Remove 1 old file (3 B)? \
         Add --auto or --force; nothing was touched"
    );
    let report = site.maint(&["cleanup-temp", "--json"]).exits(4).json();
    assert_eq!((&report["status"], &report["exit_code"]), (&"refused".into(), &4.into()));
    assert_eq!(site.snapshot(), before);
}

#[test]
fn with_nothing_to_do_nobody_has_to_be_asked() {
    let site = Site::bare();
    site.file("temp/fresh", "x", 1);
    let _ = site.maint(&["cleanup-temp", "temp"]).exits(0);
    assert_eq!(site.tree("temp"), ["fresh"]);
}

#[test]
fn auto_force_and_yes_each_stand_for_the_answer() {
    for option in ["--auto", "--force", "--yes"] {
        let site = site();
        let _ = site.maint(&["cleanup-temp", option]).exits(0);
        assert_eq!(site.tree("temp"), ["fresh.tmp"], "{option}");
    }
}

#[test]
fn y_yes_o_and_oui_on_a_terminal_remove_and_the_steps_are_shown() {
    for answer in ["y\n", "yes\n", "o\n", "OUI\n"] {
        let site = site();
        let Some(run) = site.on_terminal(&["cleanup-temp", "temp"], answer, || ()) else { return };
        let run = run.exits(0);
        assert!(run.stdout.contains("Remove 1 old file (3 B)? [y/N] "), "{}", run.stdout);
        assert!(run.stdout.contains(" remove temp/old.tmp (3 B, 2 d old)"), "{}", run.stdout);
        assert_eq!(site.tree("temp"), ["fresh.tmp"], "{answer:?}");
    }
}

#[test]
fn any_other_answer_on_a_terminal_touches_nothing() {
    for answer in ["n\n", "\n", "yess\n", "ou\n", "\u{4}"] {
        let site = site();
        let before = site.snapshot();
        let Some(run) = site.on_terminal(&["cleanup-temp"], answer, || ()) else { return };
        let run = run.exits(4);
        assert!(run.stdout.contains("not confirmed; nothing was touched"), "{}", run.stdout);
        assert_eq!(site.snapshot(), before, "{answer:?}");
    }
}

#[test]
fn an_age_of_zero_needs_force() {
    let site = site();
    let before = site.snapshot();
    let run = site.maint(&["cleanup-temp", "--auto", "--age-hours=0"]).exits(4);
    let complaint = "temp: an age of 0 removes everything, however young; add --force if that is meant";
    assert_eq!(run.complaint(), complaint);
    assert_eq!(site.snapshot(), before);

    let _ = site.maint(&["cleanup-temp", "--force", "--age-hours=0"]).exits(0);
    assert_eq!(site.tree("temp"), [""; 0]);
}

#[test]
fn an_age_of_zero_in_the_configuration_needs_force_too() {
    let site = Site::new("[cleanup-temp]\nage = \"0s\"\npaths = [\"temp\"]\n");
    site.file("temp/fresh", "x", 1);
    let before = site.snapshot();
    let _ = site.maint(&["cleanup-temp", "--auto"]).exits(4);
    assert_eq!(site.snapshot(), before);
}

#[test]
fn a_bad_number_of_hours_never_means_everything() {
    let site = site();
    let before = site.snapshot();
    let huge = "9".repeat(400);
    for hours in ["-1", "-0", "+1", "nan", "inf", "1e400", "", " ", "1.5", "0x1", "4000000001", "24h", &huge]
    {
        for args in [vec!["--age-hours", hours], vec![&format!("--age-hours={hours}")]] {
            let args = [&["cleanup-temp", "--force"][..], &args].concat();
            let run = site.maint(&args).exits(2);
            assert!(run.complaint().contains("write a whole number of hours"), "{}", run.stderr);
        }
    }
    assert_eq!(site.snapshot(), before);
}

#[test]
fn a_bad_age_in_the_configuration_never_means_everything() {
    for value in [
        "\"-1h\"",
        "\"nan\"",
        "\"infh\"",
        "\"1e400h\"",
        "\"\"",
        "\"1.5h\"",
        "\"9999999w\"",
        "24",
        "nan",
        "-1",
    ] {
        let site = Site::new(&format!("[cleanup-temp]\nage = {value}\npaths = [\"temp\"]\n"));
        site.file("temp/fresh", "x", 1);
        site.file("temp/old", "x", 2 * DAY);
        let before = site.snapshot();
        let run = site.maint(&["cleanup-temp", "--force"]).exits(2);
        assert!(run.complaint().contains("maint.toml:7"), "{value}: {}", run.stderr);
        assert_eq!(site.snapshot(), before, "{value}");
    }
}

#[test]
fn with_the_longest_age_everything_stays() {
    let site = site();
    let before = site.tree("temp");
    let _ = site.maint(&["cleanup-temp", "--force", "--age-hours=4000000000"]).exits(0);
    assert_eq!(site.tree("temp"), before);
}

/// Rehearsed with an age that nothing has, so that a broken guard harms nobody's machine.
#[test]
fn system_folders_are_never_a_target() {
    let site = Site::bare();
    symlink("/etc", site.path("link")).unwrap();
    let folders = ["/", "/etc", "/etc/ssl", "/usr", "/usr/lib", "/home", "/root", "/var", "/var/tmp", "/tmp"];
    let disguised = ["/tmp/", "//etc", "/usr/../etc", "../site/link/ssl", "/proc/1"];
    for path in folders.into_iter().chain(disguised).filter(|path| fs::read_dir(site.path(path)).is_ok()) {
        let run = site.maint(&["cleanup-temp", "--dry-run", "--age-hours=4000000000", path]).exits(2);
        assert!(run.complaint().contains("is a system folder"), "{path}: {}", run.stderr);
    }
}

#[test]
fn the_site_what_holds_it_and_the_home_directory_are_never_a_target() {
    let site = Site::new("");
    site.configure("[site]\nname = \"test\"\nroot = \"app/backend\"\n");
    site.file("app/backend/temp/old", "x", 2 * DAY);
    let inner = site.home().join("inner");
    fs::create_dir(&inner).unwrap();
    let before = site.snapshot();
    let (root, home) = (site.path("app/backend"), site.home());
    for (path, why) in [
        ("app/backend", "app/backend: holds the whole site"),
        ("app/backend/temp/..", "app/backend/temp/..: holds the whole site"),
        (root.to_str().unwrap(), "holds the whole site"),
        ("app", "app: holds the whole site"),
        (".", ".: holds the whole site"),
        (home.to_str().unwrap(), "is a home directory"),
        ("../home/inner/..", "is a home directory"),
        ("..", "is a home directory"),
        ("", "a value is required"),
    ] {
        let run = site.maint(&["cleanup-temp", "--auto", path]).exits(2);
        assert!(run.complaint().contains(why), "{path:?}: {}", run.stderr);
    }
    assert_eq!(site.snapshot(), before);
}

#[test]
fn the_configuration_cannot_lead_out_of_the_site() {
    let site = site();
    symlink(site.path("temp"), site.path("link")).unwrap();
    symlink(site.around(), site.path("up")).unwrap();
    let outside = site.around().join("outside");
    fs::create_dir(&outside).unwrap();
    for (path, why) in [
        ("../outside", "is not inside site.root"),
        ("temp/../../outside", "is not inside site.root"),
        ("temp/..", "is not inside site.root"),
        (outside.to_str().unwrap(), "is not inside site.root"),
        ("/etc", "is not inside site.root"),
        (".", "holds the whole site"),
        ("", "holds the whole site"),
        ("link", "is a symlink"),
        ("link/", "is a symlink"),
        ("up/outside", "leads through one"),
        ("temp/old.tmp", "is a file, not a folder"),
    ] {
        site.configure(&format!("[site]\nname = \"test\"\n[cleanup-temp]\npaths = [\"temp\", \"{path}\"]\n"));
        let before = site.snapshot();
        let run = site.maint(&["cleanup-temp", "--auto"]).exits(2);
        assert!(run.complaint().contains(why), "{path:?}: {}", run.stderr);
        assert_eq!(site.snapshot(), before, "{path:?}");
    }
}

#[test]
fn a_symlink_or_a_file_on_the_command_line_is_refused() {
    let site = site();
    symlink(site.path("temp"), site.path("link")).unwrap();
    let before = site.snapshot();
    for (path, why) in [
        ("link", "link is a symlink, or leads through one; name the real folder"),
        ("link/", "link is a symlink, or leads through one; name the real folder"),
        ("temp/old.tmp", "temp/old.tmp is a file, not a folder; name its folder"),
    ] {
        let run = site.maint(&["cleanup-temp", "--auto", path]).exits(2);
        assert_eq!(run.complaint(), why);
    }
    assert_eq!(site.snapshot(), before);
}

#[test]
fn an_absolute_path_inside_the_site_may_be_configured() {
    let site = site();
    let temp = site.path("temp");
    site.configure(&format!("[site]\nname = \"test\"\n[cleanup-temp]\npaths = [{temp:?}]\n"));
    let _ = site.maint(&["cleanup-temp", "--auto"]).exits(0);
    assert_eq!(site.tree("temp"), ["fresh.tmp"]);
}

#[test]
fn a_folder_named_twice_is_cleaned_once_and_nothing_fails() {
    let site = site();
    let _ = site.maint(&["cleanup-temp", "--auto", "temp", "temp"]).exits(0);
    assert_eq!(site.tree("temp"), ["fresh.tmp"]);
}

#[test]
fn verbose_says_that_the_clock_is_fixed() {
    let run = site().maint(&["cleanup-temp", "-n", "-v"]).exits(0);
    assert_eq!(run.stderr, "info: $MAINT_NOW fixes the clock at 2026-11-20 16:02:26 CET\n");
}

#[test]
fn a_folder_inside_another_follows_its_own_age() {
    let site = Site::new("[cleanup-temp]\npaths = [\"temp\", { path = \"temp/keep\", age = \"7d\" }]\n");
    site.file("temp/old", "x", 2 * DAY);
    site.file("temp/keep/young", "x", 2 * DAY);
    site.file("temp/keep/old", "x", 8 * DAY);
    let _ = site.maint(&["cleanup-temp", "--auto"]).exits(0);
    assert_eq!(site.tree("temp"), ["keep", "keep/young"]);
}

#[test]
fn a_folder_named_twice_is_refused() {
    let site = Site::new("[cleanup-temp]\npaths = [\"temp\", { path = \"./temp\", age = \"2h\" }]\n");
    site.file("temp/old", "x", 2 * DAY);
    let run = site.maint(&["cleanup-temp", "--auto"]).exits(2);
    assert_eq!(run.complaint(), "temp and ./temp are the same folder; name it once");
    assert!(site.path("temp/old").exists());
}
