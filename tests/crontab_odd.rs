//! Crontab programs and tables as nobody would wish for them.

use crate::support::cron::{self, block, named_site};
use crate::support::{Site, finish};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use tempfile::TempDir;

const JOB: &str = "[jobs.job]\nschedule = \"0 8 * * *\"\nshell = \"true\"\n";
const FOREIGN: &str = "# mine\n5 5 * * * /x\n";

/// A site whose crontab program is this line of shell, in a folder with the file "table".
fn with_program(script: &str) -> (Site, TempDir) {
    let temporary = TempDir::new().unwrap();
    let folder = temporary.path();
    let program = folder.join("crontab");
    let text = format!("#!/bin/sh\ncd '{}' || exit 9\n{script}\n", folder.display());
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(folder.join("table"), FOREIGN).unwrap();
    (named_site("test", &program, JOB), temporary)
}

fn table(folder: &std::path::Path) -> String {
    fs::read_to_string(folder.join("table")).unwrap()
}

#[test]
fn a_line_that_somebody_adds_right_after_our_installation_stays() {
    let script = "case $1 in -l) cat table ;; -) cat >table; echo '7 7 * * * /new' >>table ;; esac";
    let (site, folder) = with_program(script);
    let _ = site.maint(&["crontab", "add"]).exits(0);
    assert_eq!(table(folder.path()), format!("{FOREIGN}{}7 7 * * * /new\n", block(&site, &["job"])));
}

#[test]
fn a_program_that_stores_nothing_is_told_and_not_asked_again() {
    let (site, folder) = with_program("case $1 in -l) cat table ;; -) echo x >>installs ;; esac");
    let run = site.maint(&["crontab", "add"]).exits(1);
    assert!(
        run.stderr.contains("has not stored the table; the old crontab is still in place"),
        "{}",
        run.stderr
    );
    assert_eq!(fs::read_to_string(folder.path().join("installs")).unwrap(), "x\n");
    let with_block = format!("{FOREIGN}{}", block(&site, &["job"]));
    fs::write(folder.path().join("table"), &with_block).unwrap();
    let run = site.maint(&["crontab", "remove"]).exits(1);
    assert!(run.stderr.contains("has not stored the table"), "{}", run.stderr);
    assert_eq!(table(folder.path()), with_block);
}

#[test]
fn a_listing_that_fails_after_the_installation_is_not_said_to_have_changed_nothing() {
    let script = "case $1 in -l) test -e done && { echo broken >&2; exit 1; }; cat table ;; \
                  -) cat >table; touch done ;; esac";
    let (site, _folder) = with_program(script);
    let run = site.maint(&["crontab", "add"]).exits(1);
    assert!(run.stderr.contains("cannot look at the crontab after installing it"), "{}", run.stderr);
    assert!(!run.stderr.contains("nothing was changed"), "{}", run.stderr);
}

#[test]
fn a_table_that_is_too_large_to_be_a_crontab_is_left_alone() {
    let (site, folder) = with_program("case $1 in -l) cat table ;; -) echo installed >table ;; esac");
    let large = format!("# {}\n", "x".repeat(99_000)).repeat(180);
    fs::write(folder.path().join("table"), &large).unwrap();
    let run = site.maint(&["crontab", "add"]).exits(1);
    assert!(
        run.complaint().contains("an answer is larger than 16.0 MB; nothing was changed"),
        "{}",
        run.stderr
    );
    assert!(table(folder.path()) == large);
}

#[test]
fn a_long_complaint_of_the_program_is_cut_and_its_words_are_kept() {
    let script = "case $1 in -l) printf 'C:\\\\new is odd\\nsecond line\\n' >&2; \
                  head -c 3000000 /dev/zero | tr '\\0' x >&2; exit 1 ;; esac";
    let (site, _folder) = with_program(script);
    let run = site.maint(&["crontab", "add"]).exits(1);
    let line = run.complaint();
    assert!(
        line.contains("(exit code 1): C:\\new is odd: second line: xxx") && line.len() < 1_500,
        "{}",
        line.len()
    );
}

#[test]
fn headers_that_have_piled_up_are_left_out_all_at_once() {
    let (site, folder) = with_program("case $1 in -l) cat table ;; -) cat >table ;; esac");
    fs::write(folder.path().join("table"), format!("{0}{0}{FOREIGN}", cron::HEADER)).unwrap();
    let _ = site.maint(&["crontab", "add"]).exits(0);
    assert_eq!(table(folder.path()), format!("{FOREIGN}{}", block(&site, &["job"])));
}

#[test]
fn a_table_without_a_last_line_end_is_installed_with_one() {
    let script = "case $1 in -l) cat table ;; -) cat >new; test -z \"$(tail -c 1 new)\" || exit 1; mv new table ;; esac";
    let (site, folder) = with_program(script);
    fs::write(folder.path().join("table"), "5 5 * * * /x").unwrap();
    let _ = site.maint(&["crontab", "add"]).exits(0);
    let _ = site.maint(&["crontab", "restore"]).exits(0);
    assert_eq!(table(folder.path()), "5 5 * * * /x\n");
}

#[test]
fn what_cannot_be_run_is_no_crontab_program() {
    let site = Site::bare();
    for (bin, word) in
        [("", "is empty; name a program"), ("/tmp", "no program `/tmp`"), ("maint.toml", "no program")]
    {
        let config = cron::configuration(&site, "test", std::path::Path::new(bin), JOB);
        site.configure(&config);
        let run = site.maint(&["crontab", "add"]).exits(2);
        assert!(run.complaint().contains(word), "{}", run.stderr);
    }
}

#[test]
fn a_hanging_program_ends_with_whoever_interrupts_us() {
    let (site, folder) = with_program("case $1 in -l) touch asked; exec sleep 300 ;; esac");
    let script = [
        "-c",
        "setsid \"$@\" & pid=$!; while ! test -e \"$0/asked\"; do sleep 0.02; done; kill -TERM -$pid; wait",
    ];
    let mut command = Command::new("sh");
    command.args(script).arg(folder.path()).arg(crate::support::binary()).args(["crontab", "show"]);
    let maint = site.command(&[]);
    command.envs(maint.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(site.root());
    let _ = finish(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    crate::support::wait_until("the program has ended too", || site.processes().is_empty());
}

#[test]
fn ten_thousand_lines_of_ours_are_replaced_as_well_as_one() {
    let (site, crontab) = cron::site(JOB);
    let mut table = cron::begin("test");
    for number in 0..10_000 {
        let _ = writeln!(table, "* * * * * /m run job{number} # maint-cronjobs for test: job{number} 00");
    }
    crontab.set(table + &cron::end("test"));
    let report = site.maint(&["crontab", "add", "--json"]).exits(0).json();
    let removed = report["steps"][0]["removed"].as_array().unwrap();
    assert_eq!((removed.len(), crontab.text()), (10_000, block(&site, &["job"])));
}

#[test]
fn a_user_who_is_none_cannot_bring_a_line_into_a_unit() {
    let (site, _crontab) = cron::site(JOB);
    for format in ["systemd", "cron.d"] {
        let user = "root\nExecStart=/bin/evil";
        let run = site.maint(&["crontab", "generate", "--format", format, "--user", user]).exits(2);
        assert!(
            run.complaint().contains("`root\\nExecStart=/bin/evil` is no name of a user"),
            "{}",
            run.stderr
        );
        assert_eq!(run.stdout, "");
    }
}

#[test]
fn doubles_of_django_crontab_become_one_job_and_settings_that_are_no_file_are_not_waited_for() {
    let (site, crontab) = cron::site("");
    let root = site.root();
    let line = format!(
        "0 8 * * * cd {0} && python3 {0}/manage.py crontab run feedbeef --settings=shop.settings # django-cronjobs for shop\n",
        root.display()
    );
    crontab.set(line.repeat(3));
    fs::create_dir(site.path("shop")).unwrap();
    let fifo = site.path("shop/settings.py");
    assert!(Command::new("mkfifo").arg(fifo).status().unwrap().success());
    let shown = site.maint(&["crontab", "adopt"]).exits(0).stdout;
    assert!(shown.contains("add 1 job to ") && shown.contains("replace 3 lines"), "{shown}");
    assert!(shown.contains("note: 1 job still calls `manage.py crontab run`"), "{shown}");
    assert_eq!(crontab.text(), block(&site, &["django-feedbeef"]));
}

#[test]
fn no_secret_of_the_site_reaches_the_crontab_program() {
    let script = "case $1 in -l) env >>seen; cat table ;; -) cat >table ;; esac";
    let (site, folder) = with_program(script);
    let config = fs::read_to_string(site.path("maint.toml")).unwrap();
    site.configure(&format!("{config}[databases.app]\nurl = \"env:APP_URL\"\n"));
    let mut command = site.command(&["crontab", "add"]);
    let _ = crate::support::run(
        command.env("APP_URL", "postgres://u:hush-hush@h/d").env("GITHUB_TOKEN", "ghp_hush"),
    )
    .exits(0);
    let seen = fs::read_to_string(folder.path().join("seen")).unwrap();
    assert!(seen.contains("LC_ALL=C") && !seen.contains("hush"), "{seen}");
}

#[test]
fn a_program_that_talks_without_end_is_ended_early() {
    let (site, _folder) = with_program("case $1 in -l) exec yes 'a line without end' ;; esac");
    let run = site.maint(&["crontab", "show"]).exits(1);
    assert!(run.complaint().contains("answers with more than 16.0 MB"), "{}", run.stderr);
}

#[test]
fn a_table_that_changed_after_the_plan_is_not_replaced_as_a_whole() {
    // The third look comes after the plan of `restore`, and finds a line more.
    let script = "case $1 in -l) test -e watch && { echo x >>looks; test $(wc -l <looks) = 2 && echo '9 9 * * * /new' >>table; }; \
                  cat table ;; -) cat >table ;; esac";
    let (site, folder) = with_program(script);
    let _ = site.maint(&["crontab", "add"]).exits(0);
    fs::write(folder.path().join("watch"), "").unwrap();
    let run = site.maint(&["crontab", "restore"]).exits(1);
    assert!(run.stderr.contains("was changed meanwhile"), "{}", run.stderr);
    assert!(table(folder.path()).ends_with("9 9 * * * /new\n"), "{}", table(folder.path()));
}
