//! `maint crontab adopt|generate|test|status|check`, and the line that makes up for missed runs.

use crate::support::cron::{self, FakeCrontab};
use crate::support::{Site, leave_out};
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

const JOB: &str = "[jobs.job]\nschedule = \"0 8 * * *\"\nshell = \"echo PATH=$PATH\"\n";

const SETTINGS: &str = "import os\n\
    BASE = os.getcwd()\n\
    CRONJOBS = [\n\
    ('0 8 * * *', 'django.core.management.call_command', ['send_mails', '--to=all people']),\n\
    ('*/5 * * * *', 'shop.cron.look', [], {}, '>> ' + BASE),\n\
    ]\n";
/// A line as django-crontab installs it for a project in the site's folder.
fn django_line(site: &Site, schedule: &str, hash: &str, project: &str) -> String {
    let root = site.root();
    let root = root.display();
    format!(
        "{schedule} cd {root} &&  /usr/bin/python3 {root}/manage.py crontab run {hash} --settings=shop.settings \
         # django-cronjobs for {project}"
    )
}

/// A site whose crontab has two lines of django-crontab between foreign ones.
fn django(hash: &str) -> (Site, FakeCrontab, String) {
    let (site, crontab) = cron::site("");
    let [one, two] = [("0 8 * * *", hash), ("@daily", "0123abcd")]
        .map(|(when, hash)| django_line(&site, when, hash, "shop"));
    let table = format!("MAILTO=me\n{one}\n# mine\n{two}\n5 5 * * * /last\n");
    crontab.set(&table);
    (site, crontab, table)
}

#[test]
fn adopt_turns_the_lines_of_django_crontab_into_jobs_and_lines_of_maint() {
    let (site, crontab, _) = django("feedbeef");
    let config = site.path("maint.toml");
    let before = fs::read_to_string(&config).unwrap();
    let shown = site.maint(&["crontab", "adopt"]).exits(0).stdout;
    assert!(
        shown.contains("done: add 2 jobs to ") && shown.contains("replace 2 lines of django-crontab"),
        "{shown}"
    );
    let root = site.root();
    let added = fs::read_to_string(&config).unwrap();
    let added = added.strip_prefix(&before).expect("what was there stays");
    assert!(
        added.contains(&format!(
            "\n[jobs.django-feedbeef]\nschedule = \"0 8 * * *\"\nshell = \"cd {0} &&  /usr/bin/python3 {0}/manage.py \
             crontab run feedbeef --settings=shop.settings\"\n",
            root.display()
        )),
        "{added}"
    );
    let block = cron::block(&site, &["django-0123abcd", "django-feedbeef"]);
    assert_eq!(crontab.text(), format!("MAILTO=me\n# mine\n5 5 * * * /last\n{block}"));
    assert_eq!(crontab.installs(), 1);
    let again = site.maint(&["crontab", "adopt"]).exits(0).stdout;
    assert!(again.contains("unchanged"), "{again}");
    assert_eq!(crontab.installs(), 1);
}

#[test]
fn adopt_calls_a_management_command_by_its_name_when_the_settings_tell_it() {
    if !Command::new("/usr/bin/python3").arg("--version").output().is_ok_and(|output| output.status.success())
    {
        return leave_out("settings of a Django project", "there is no /usr/bin/python3");
    }
    let hash = Command::new("/usr/bin/python3")
        .args(["-c", "import hashlib, json; print(hashlib.md5(json.dumps(['0 8 * * *', \
            'django.core.management.call_command', ['send_mails', '--to=all people']]).encode()).hexdigest())"])
        .output()
        .unwrap();
    let hash = String::from_utf8(hash.stdout).unwrap();
    let (site, _crontab, _) = django(hash.trim());
    site.file("shop/settings.py", SETTINGS, 0);
    let _ = site.maint(&["crontab", "adopt"]).exits(0);
    let config = fs::read_to_string(site.path("maint.toml")).unwrap();
    assert!(
        config.contains("[jobs.send-mails]")
            && config.contains("/manage.py send_mails '--to=all people' --settings=shop.settings"),
        "{config}"
    );
    assert!(
        config.contains("[jobs.django-0123abcd]"),
        "a job that the settings do not spell out stays a hash: {config}"
    );
}

#[test]
fn a_rehearsal_of_adopt_shows_both_changes_and_makes_none() {
    let (site, crontab, table) = django("feedbeef");
    let before = site.snapshot();
    let shown = site.maint(&["crontab", "adopt", "--dry-run"]).exits(0).stdout;
    for part in [
        "+[jobs.django-feedbeef]\n",
        "-0 8 * * * cd ",
        "would add 2 jobs to ",
        "would install the crontab: add ",
    ] {
        assert!(shown.contains(part), "{part}\n--- is not in\n{shown}");
    }
    assert_eq!(crontab.text(), table);
    let changed: Vec<_> =
        site.snapshot().into_iter().filter(|(path, seen)| before.get(path) != Some(seen)).collect();
    let is_log_of_calls = |path: &std::path::Path| path.starts_with(site.around().join("cron"));
    assert!(changed.iter().all(|(path, _)| is_log_of_calls(path)), "{changed:?}");
}

#[test]
fn adopt_asks_which_of_several_projects_and_leaves_the_other_alone() {
    let (site, crontab, _) = django("feedbeef");
    let other = django_line(&site, "0 9 * * *", "cafe0001", "blog");
    crontab.set(format!("{}{other}\n", crontab.text()));
    let run = site.maint(&["crontab", "adopt"]).exits(2);
    assert!(run.complaint().contains("--project NAME with one of: blog, shop"), "{}", run.stderr);
    let run = site.maint(&["crontab", "adopt", "--project", "shpo"]).exits(2);
    assert!(run.complaint().contains("no line of django-crontab for project `shpo`"), "{}", run.stderr);
    assert_eq!(crontab.installs(), 0);
    let _ = site.maint(&["crontab", "adopt", "--project", "shop"]).exits(0);
    assert!(crontab.text().contains(&other), "{}", crontab.text());
}

#[test]
fn adopt_leaves_a_line_that_it_cannot_take_over_and_says_why() {
    let (site, crontab, table) = django("feedbeef");
    let bad = django_line(&site, "5-1 * * * *", "cafe0001", "shop");
    crontab.set(format!("{table}{bad}\n"));
    let shown = site.maint(&["crontab", "adopt"]).exits(0).stdout;
    assert!(shown.contains("note: line 6 of the crontab stays as it is: minute `5-1`"), "{shown}");
    assert!(crontab.text().contains(&bad));
}

#[test]
fn adopt_writes_through_a_symlink_and_leaves_it_one() {
    let (site, _crontab, _) = django("feedbeef");
    let (link, real) = (site.path("maint.toml"), site.path("real.toml"));
    fs::rename(&link, &real).unwrap();
    symlink("real.toml", &link).unwrap();
    let _ = site.maint(&["crontab", "adopt"]).exits(0);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read_to_string(real).unwrap().contains("[jobs.django-feedbeef]"));
}

#[test]
fn an_adopted_crontab_goes_back_with_restore() {
    let (site, crontab, table) = django("feedbeef");
    let _ = site.maint(&["crontab", "adopt"]).exits(0);
    let _ = site.maint(&["crontab", "restore"]).exits(0);
    assert_eq!(crontab.text(), table);
}

#[test]
fn generate_writes_files_that_another_scheduler_takes_and_a_second_time_nothing() {
    let (site, crontab) =
        cron::site(&format!("{JOB}[jobs.weekly]\nschedule = \"0 3 * * sun\"\nshell = \"true\"\n"));
    for (format, names) in [
        ("crontab", &["test.crontab"][..]),
        ("cron.d", &["maint-test"]),
        ("kubernetes", &["maint-test.yaml"]),
        ("supercronic", &["maint-test.crontab"]),
        (
            "systemd",
            &[
                "maint-test-job.service",
                "maint-test-job.timer",
                "maint-test-weekly.service",
                "maint-test-weekly.timer",
            ],
        ),
    ] {
        let write = ["crontab", "generate", "--format", format, "--output", format];
        let _ = site.maint(&[&write[..], &["--dry-run"]].concat()).exits(0);
        assert!(!site.path(format).exists(), "a rehearsal of {format} wrote something");
        let _ = site.maint(&write).exits(0);
        assert_eq!(site.tree(format), names);
        assert!(site.maint(&write).exits(0).stdout.contains("nothing to do"));
        let printed = site.maint(&write[..4]).exits(0).stdout;
        for name in names {
            let written = fs::read_to_string(site.path(format).join(name)).unwrap();
            assert!(printed.contains(&written) && written.ends_with('\n'), "{name}");
        }
    }
    assert_eq!(crontab.calls(), Vec::<String>::new(), "no other scheduler needs the crontab");
}

#[test]
fn a_file_for_cron_d_has_a_user_in_each_line_and_a_name_that_cron_reads() {
    let (site, _crontab) = cron::site(JOB);
    let text =
        site.maint(&["crontab", "generate", "--format", "cron.d", "--user", "www-data"]).exits(0).stdout;
    assert!(text.contains("\n0 8 * * * www-data /"), "{text}");
    let run = site
        .maint(&["crontab", "generate", "--format", "cron.d", "--user", "a b\n* * * * * root x"])
        .exits(2);
    assert!(run.complaint().contains("name the user of the jobs with --user"), "{}", run.stderr);
    let dotted = Site::bare();
    dotted.configure(&format!("[site]\nname = \"shop.example\"\n{JOB}"));
    let _ = dotted.maint(&["crontab", "generate", "--format", "cron.d", "--output", "out"]).exits(0);
    assert_eq!(dotted.tree("out"), ["maint-shop-example"]);
}

#[test]
fn what_another_scheduler_cannot_say_is_refused_with_the_job() {
    let (site, _crontab) = cron::site("[jobs.boot]\nschedule = \"@reboot\"\nshell = \"true\"\n");
    for format in ["kubernetes", "supercronic"] {
        let run = site.maint(&["crontab", "generate", "--format", format]).exits(2);
        assert!(
            run.complaint().contains("job boot") && run.complaint().contains("@reboot"),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn the_secrets_of_a_site_are_references_in_kubernetes_and_never_values() {
    let (site, _crontab) = cron::site(&format!("{JOB}[alerts.discord]\nwebhook = \"env:HOOK\"\n"));
    let mut command = site.command(&["crontab", "generate", "--format", "kubernetes"]);
    let text =
        crate::support::run(command.env("HOOK", "https://discord.test/api/webhooks/1/token")).exits(0).stdout;
    assert!(
        text.contains("secretKeyRef") && text.contains("key: HOOK") && !text.contains("discord.test"),
        "{text}"
    );
}

#[test]
fn a_job_that_cron_could_not_start_fails_its_test_and_nothing_runs() {
    let (site, crontab) = cron::site(&format!(
        "{JOB}[jobs.lost]\nschedule = \"0 9 * * *\"\nshell = \"no-such-tool --now\"\n\
         [jobs.hand]\nshell = \"touch ran\"\n"
    ));
    let run = site.maint(&["crontab", "test"]).exits(1);
    let rows: Vec<Vec<&str>> =
        run.stdout.lines().map(|line| line.split_whitespace().take(2).collect()).collect();
    assert_eq!(rows[1..], [["job", "ok"], ["lost", "failed"]]);
    assert!(run.stdout.contains("`no-such-tool` of job lost is nowhere in PATH"), "{}", run.stdout);
    let json = site.maint(&["crontab", "test", "hand", "--json"]).exits(0).json();
    assert_eq!((&json[0]["job"], &json[0]["ok"]), (&"hand".into(), &true.into()));
    let _ = site.maint(&["crontab", "test", "nobody"]).exits(2);
    assert!(!site.path("ran").exists());
    assert_eq!(crontab.installs(), 0);
    assert_eq!(site.history().len(), 0);
}

#[test]
fn the_variables_of_the_crontab_reach_a_run_as_cron() {
    let (site, crontab) = cron::site(JOB);
    crontab.set("PATH = \"/opt/tools:/usr/bin:/bin\"\n");
    let _ = site.maint(&["crontab", "add"]).exits(0);
    crontab.set(format!("{}PATH=/later\n", crontab.text()));
    let _ = site.maint(&["run", "job", "--as-cron"]).exits(0);
    assert!(site.log("job").contains("PATH=/opt/tools:/usr/bin:/bin\n"), "{}", site.log("job"));
}

#[test]
fn status_tells_of_the_lines_the_folders_and_the_last_run() {
    let (site, crontab) = cron::site(JOB);
    let told = site.maint(&["crontab", "status"]).exits(0).stdout;
    assert!(
        told.contains("lines of site test: 0 of 1 installed\n") && told.contains("last run: none yet\n"),
        "{told}"
    );
    let _ = site.maint(&["crontab", "add"]).exits(0);
    let _ = site.maint(&["run", "job"]).exits(0);
    let told = site.maint(&["crontab", "status"]).exits(0).stdout;
    assert!(told.contains("lines of site test: 1 of 1 installed\n"), "{told}");
    assert!(told.contains(&format!("state: {}, writable\n", site.state().display())), "{told}");
    assert!(told.contains("last run: job, done, 2026-11-20"), "{told}");
    let json = site.maint(&["crontab", "status", "--json"]).exits(0).json();
    assert_eq!((&json["installed"], &json["lines"]), (&1.into(), &1.into()));
    crontab.fails_to_list(1, "Permission denied");
    let told = site.maint(&["crontab", "status"]).exits(0).stdout;
    assert!(told.contains("0 of 1 installed\n") && told.contains("Permission denied"), "{told}");
    assert!(told.contains("last run: job, done"), "{told}");
}

#[test]
fn check_explains_changed_clocks_and_finds_odd_schedules() {
    let (site, _crontab) = cron::site("[jobs.job]\nschedule = \"30 2 * * *\"\nshell = \"true\"\n");
    let _ = site.maint(&["crontab", "add"]).exits(0);
    let told = site.maint(&["crontab", "check"]).exits(0).stdout;
    assert!(
        told.contains("note: job: on Sun 2027-03-28 02:30 does not exist in Europe/Paris; Debian's cron runs the job at 03:00 CEST"),
        "{told}"
    );
    let text = fs::read_to_string(site.path("maint.toml")).unwrap();
    site.configure(&text.replace("30 2 * * *", "*/7 * * * *"));
    let told = site.maint(&["crontab", "check"]).exits(3).stdout;
    assert!(told.contains("found: job: its line") && told.contains("minute"), "{told}");
    let json = site.maint(&["crontab", "check", "--json"]).exits(3).json();
    assert!(json["findings"].as_array().unwrap().len() >= 2, "{json}");
}

#[test]
fn a_site_that_makes_up_for_missed_runs_has_one_line_more_and_its_hash_is_accepted() {
    let (site, crontab) = cron::site(&format!("{JOB}missed = \"once\"\n"));
    let _ = site.maint_at("2026-11-17T12:00:00Z", &["crontab", "add"]).exits(0);
    let table = crontab.text();
    let line = table.lines().find(|line| line.starts_with("11 * * * * ")).unwrap();
    assert!(line.contains(" run --all-due # maint-cronjobs for test: --all-due "), "{line}");
    let hash = line.rsplit(' ').next().unwrap();
    let shown = site.maint(&["crontab", "show", "--json"]).exits(0).json();
    assert_eq!((&shown["jobs"][0]["hash"], &shown["jobs"][0]["state"]), (&hash.into(), &"installed".into()));
    let _ = site.maint(&["crontab", "run", &hash[..8]]).exits(0);
    assert_eq!(site.history()[0]["job"], "job");
    let text = fs::read_to_string(site.path("maint.toml")).unwrap();
    site.configure(&text.replace("missed = \"once\"\n", ""));
    let _ = site.maint(&["crontab", "add"]).exits(0);
    assert!(!crontab.text().contains("--all-due"), "{}", crontab.text());
}

#[test]
fn a_copy_of_a_site_does_not_touch_the_lines_of_the_original_but_a_moved_site_does() {
    let (site, crontab) = cron::site(JOB);
    let _ = site.maint(&["crontab", "add"]).exits(0);
    let table = crontab.text();
    let copy = cron::neighbour(&crontab, "test", JOB);
    for action in ["add", "remove"] {
        let run = copy.maint(&["crontab", action]).exits(2);
        let original = site.path("maint.toml");
        assert!(
            run.complaint().contains(&format!("another site with the name test ({})", original.display())),
            "{}",
            run.stderr
        );
    }
    assert!(copy.maint(&["crontab", "show"]).exits(0).stdout.contains("another site with the name test"));
    assert_eq!((crontab.text(), crontab.installs()), (table, 1));
    fs::remove_file(site.path("maint.toml")).unwrap();
    let _ = copy.maint(&["crontab", "add"]).exits(0);
    assert_eq!(crontab.text(), cron::block(&copy, &["job"]));
}

#[test]
fn check_tells_of_lines_of_django_crontab_that_are_left() {
    let (site, _crontab, _) = django("feedbeef");
    let told = site.maint(&["crontab", "check"]).exits(0).stdout;
    assert!(
        told.contains("note: the crontab has 2 lines of django-crontab (shop); `maint crontab adopt"),
        "{told}"
    );
}

#[test]
fn the_line_for_missed_runs_comes_with_a_named_job_and_goes_with_the_last() {
    let (site, crontab) = cron::site(&format!(
        "{JOB}missed = \"once\"\n[jobs.other]\nschedule = \"@daily\"\nshell = \"true\"\n"
    ));
    let _ = site.maint(&["crontab", "add", "other"]).exits(0);
    assert!(!crontab.text().contains("--all-due"), "{}", crontab.text());
    let _ = site.maint(&["crontab", "add", "job"]).exits(0);
    assert!(crontab.text().contains(" run --all-due "), "{}", crontab.text());
    assert_eq!(site.maint(&["crontab", "check"]).exits(0).stdout, "the crontab of site test is in order\n");
    let named = site.maint(&["crontab", "generate", "--format", "supercronic", "job"]).exits(0).stdout;
    assert!(named.contains(" run --all-due\n"), "{named}");
    let _ = site.maint(&["crontab", "remove", "job", "other"]).exits(0);
    assert_eq!(crontab.text(), "");
}

#[test]
fn removing_a_site_that_is_not_there_names_those_that_are() {
    let (site, crontab) = cron::site(JOB);
    let _ = site.maint(&["crontab", "add"]).exits(0);
    let told = site.maint(&["crontab", "remove", "--site", "tset"]).exits(0).stdout;
    assert!(told.contains("unchanged") && told.contains("sites with lines in the crontab: test"), "{told}");
    let run = site.maint(&["crontab", "remove", "--site", "a b"]).exits(2);
    assert!(run.complaint().contains("--site `a b` must be 1 to 64 letters"), "{}", run.stderr);
    assert_eq!(crontab.installs(), 1);
}

#[test]
fn the_time_of_day_has_no_part_in_the_explanation_of_a_changed_clock() {
    let (site, _crontab) = cron::site("[jobs.job]\nschedule = \"0 3 * * *\"\nshell = \"true\"\n");
    let _ = site.maint(&["crontab", "add"]).exits(0);
    let told = site.maint_at("2026-11-20T10:00:00.4Z", &["crontab", "check"]).exits(0).stdout;
    assert_eq!(told, "the crontab of site test is in order\n");
}

#[test]
fn broken_markers_are_shown_without_the_advice_to_add() {
    let (site, crontab) = cron::site(JOB);
    let _ = site.maint(&["crontab", "add"]).exits(0);
    crontab.set(crontab.text().replace("# <<< maint test\n", ""));
    let told = site.maint(&["crontab", "show"]).exits(0).stdout;
    assert!(told.contains("line 1 (`# >>> maint test`) begins lines of maint that no line ends"), "{told}");
    assert!(!told.contains("puts it right"), "{told}");
}

#[test]
fn a_site_that_was_renamed_does_not_run_twice() {
    let (site, crontab) = cron::site(JOB);
    let _ = site.maint(&["crontab", "add"]).exits(0);
    let text = fs::read_to_string(site.path("maint.toml")).unwrap();
    site.configure(&text.replace("name = \"test\"", "name = \"alpha\""));
    let told = site.maint(&["crontab", "check"]).exits(3).stdout;
    assert!(told.contains("found: there are lines under the former name of this site, test"), "{told}");
    let _ = site.maint(&["crontab", "add"]).exits(0);
    let table = crontab.text();
    assert!(!table.contains("maint test") && table.matches(" run job # ").count() == 1, "{table}");
    let _ = site.maint(&["crontab", "check"]).exits(0);
}

#[test]
fn restore_tells_which_other_sites_it_concerns() {
    let (site, crontab) = cron::site(JOB);
    let _ = site.maint(&["crontab", "add"]).exits(0);
    let other = cron::neighbour(&crontab, "other", JOB);
    let _ = other.maint(&["crontab", "add"]).exits(0);
    let told = site.maint(&["crontab", "restore", "--dry-run"]).exits(0).stdout;
    assert!(told.contains("note: the lines of site other change too"), "{told}");
}

#[test]
fn a_lost_state_learns_again_which_lines_are_installed() {
    let (site, crontab) = cron::site(JOB);
    let _ = site.maint_at("2026-11-20T12:00:00Z", &["crontab", "add"]).exits(0);
    fs::remove_dir_all(site.state()).unwrap();
    let told = site.maint_at("2026-11-20T12:00:00Z", &["crontab", "add"]).exits(0).stdout;
    assert!(told.contains("done: remember which lines are installed"), "{told}");
    assert_eq!(crontab.installs(), 1);
    assert!(site.maint(&["crontab", "add"]).exits(0).stdout.contains("unchanged"));
    let status = site.maint_at("2026-11-21T12:00:00Z", &["status", "--json"]).exits(0).json();
    assert_eq!(status[0]["state"], "overdue");
}

#[test]
fn a_job_that_was_removed_from_the_crontab_is_not_made_up_for() {
    let jobs = format!(
        "{JOB}missed = \"once\"\n[jobs.other]\nschedule = \"0 8 * * *\"\nshell = \"true\"\nmissed = \"once\"\n"
    );
    let (site, _crontab) = cron::site(&jobs);
    let _ = site.maint_at("2026-11-18T06:00:00Z", &["crontab", "add"]).exits(0);
    let _ = site.maint_at("2026-11-18T07:00:00Z", &["run", "job"]).exits(0);
    let _ = site.maint_at("2026-11-18T08:00:00Z", &["crontab", "remove", "job"]).exits(0);
    let _ = site.maint(&["run", "--all-due"]).exits(0);
    let ran: Vec<String> = site.history().iter().map(|run| run["job"].to_string()).collect();
    assert_eq!(ran[..2], ["\"other\"", "\"crontab-remove\""]);
}

#[test]
fn removing_another_site_by_name_leaves_the_memory_of_this_one_alone() {
    let (site, crontab) = cron::site(JOB);
    let _ = site.maint_at("2026-11-18T06:00:00Z", &["crontab", "add"]).exits(0);
    let other = cron::neighbour(&crontab, "other", JOB);
    let _ = other.maint(&["crontab", "add"]).exits(0);
    let _ = site.maint(&["crontab", "remove", "--site", "other"]).exits(0);
    assert_eq!(crontab.text(), block_of(&site));
    assert_eq!(site.maint(&["status", "--json"]).exits(0).json()[0]["state"], "overdue");
}

fn block_of(site: &Site) -> String {
    cron::block(site, &["job"])
}

#[test]
fn a_time_zone_that_only_the_crontab_sets_does_not_move_what_is_due() {
    if fs::read_link("/etc/localtime").is_ok_and(|link| !link.ends_with("Etc/UTC") && !link.ends_with("UTC"))
    {
        return leave_out("TZ in the crontab", "this machine is not on UTC");
    }
    let (site, crontab) = cron::site(JOB);
    crontab.set("TZ=America/New_York\n");
    let _ = site.maint_at("2026-11-18T06:00:00Z", &["crontab", "add"]).exits(0);
    let status = |time: &str| {
        let mut command = site.command(&["status", "--json"]);
        command.env("TZ", "America/New_York").env("MAINT_NOW", time);
        crate::support::run(&mut command).exits(0).json()[0]["state"].clone()
    };
    // cron fires at 08:00 UTC, whatever the jobs are told.
    assert_eq!(status("2026-11-18T08:06:00Z"), "overdue");
    let _ = site.maint_at("2026-11-18T08:00:01Z", &["run", "job"]).exits(0);
    assert_eq!(status("2026-11-18T14:00:00Z"), "ok");
}
