//! The crontab manager against a crontab program that may misbehave: django-crontab's own test cases (01 to
//! 20), the cases that it and whenever got wrong (21 to 44), and whatever else may be put before it.

use crate::support::cron::{
    ABSENT, FakeCrontab, HEADER, begin, block, configuration, end, fire, hash, line, neighbour, program_in,
    site,
};
use crate::support::{Run, Site, WAIT, binary, finish, run, snapshot};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Two jobs that leave a file when they run.
const TWO: &str = "[jobs.alpha]\nschedule = \"0 2 * * *\"\nshell = \"touch alpha-ran\"\n\
    [jobs.beta]\nschedule = \"*/15 8-18 * * mon-fri\"\nshell = \"touch beta-ran\"\n";
const ONE: &str = "[jobs.alpha]\nschedule = \"0 2 * * *\"\nshell = \"touch alpha-ran\"\n";
const FOREIGN: &str = "# mine\nMAILTO=ops@example.org\n*/5 * * * * /usr/bin/true # other\n";

fn two() -> (Site, FakeCrontab) {
    site(TWO)
}

/// A run that went well and had nothing to complain about.
#[track_caller]
fn well(run: Run) {
    assert_eq!(run.exits(0).stderr, "");
}

/// A run of a job that went well and, as under cron, said nothing.
#[track_caller]
fn silently(run: Run) {
    let run = run.exits(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
}

/// Replaces the jobs of the site "test".
fn reconfigure(site: &Site, crontab: &FakeCrontab, jobs: &str) {
    site.configure(&configuration(site, "test", &crontab.program(), jobs));
}

/// The rows of `crontab show`: job and state.
#[track_caller]
fn states(site: &Site) -> Vec<(String, String)> {
    rows(&site.maint(&SHOW).exits(0))
}

const SHOW: [&str; 3] = ["crontab", "show", "--json"];

fn rows(shown: &Run) -> Vec<(String, String)> {
    let shown = shown.json();
    let text = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap().to_owned();
    shown["jobs"].as_array().unwrap().iter().map(|row| (text(row, "job"), text(row, "state"))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(job, state)| ((*job).to_owned(), (*state).to_owned())).collect()
}

/// `args` are refused with this code, one line that holds `word`, and no call that changes the crontab.
#[track_caller]
fn refuses(site: &Site, crontab: &FakeCrontab, args: &[&str], code: i32, word: &str) {
    let before = (crontab.table(), crontab.installs());
    let run = site.maint(args).exits(code);
    assert!(run.complaint().contains(word), "{:?} is not in {}", word, run.stderr);
    assert_eq!((crontab.table(), crontab.installs()), before, "{args:?} has touched the crontab");
}

#[test]
fn case_01_add_replaces_our_lines_and_runs_no_job() {
    let (site, crontab) = two();
    crontab.set(format!("{FOREIGN}{}", block(&site, &["alpha"])));
    well(site.maint(&["crontab", "add"]));
    assert_eq!(crontab.text(), format!("{FOREIGN}{}", block(&site, &["alpha", "beta"])));
    assert!(!site.path("alpha-ran").exists() && !site.path("beta-ran").exists());
}

#[test]
fn case_02_remove_takes_our_lines_adds_nothing_and_runs_no_job() {
    let (site, crontab) = two();
    crontab.set(format!("{FOREIGN}{}", block(&site, &["alpha", "beta"])));
    well(site.maint(&["crontab", "remove"]));
    assert_eq!(crontab.text(), FOREIGN);
    well(site.maint(&["crontab", "remove"]));
    assert_eq!((crontab.text().as_str(), crontab.installs()), (FOREIGN, 1));
    assert!(!site.path("alpha-ran").exists() && !site.path("beta-ran").exists());
}

#[test]
fn case_03_run_with_a_hash_runs_that_job_once_and_leaves_the_crontab_alone() {
    let (site, crontab) = site("[jobs.a]\nshell = \"echo a >> ran\"\n[jobs.b]\nshell = \"echo b >> ran\"\n");
    silently(site.maint(&["crontab", "run", &hash(&site, "b")]));
    assert_eq!(fs::read_to_string(site.path("ran")).unwrap(), "b\n");
    assert_eq!(crontab.calls(), [""; 0]);
    assert_eq!(site.history().len(), 1);
}

#[test]
fn case_04_show_never_installs_anything() {
    let (site, crontab) = two();
    for table in [None, Some(FOREIGN.to_owned()), Some(block(&site, &["alpha"]))] {
        if let Some(table) = &table {
            crontab.set(table);
        }
        let _ = site.maint(&["crontab", "show"]).exits(0);
        let _ = site.maint(&["crontab", "show", "--json"]).exits(0);
        assert_eq!(crontab.table().map(|bytes| String::from_utf8(bytes).unwrap()), table);
    }
    assert_eq!(crontab.installs(), 0);
    assert!(crontab.calls().len() >= 6, "{:?}", crontab.calls());
}

#[test]
fn case_05_help_is_given_and_a_missing_or_unknown_action_is_refused() {
    let (site, crontab) = two();
    for args in [&["crontab", "--help"][..], &["crontab", "-h"], &["crontab", "add", "--help"]] {
        assert!(site.maint(args).exits(0).stdout.contains("Usage: maint crontab"), "{args:?}");
    }
    for args in [&["crontab"][..], &["crontab", "instal"], &["crontab", "run"]] {
        let _ = site.maint(args).exits(2);
    }
    assert_eq!(crontab.calls(), [""; 0]);
    assert!(!site.state().exists());
}

#[test]
fn case_06_no_crontab_for_this_user_is_an_empty_table_whatever_the_program() {
    for (program, message) in ABSENT {
        let (site, crontab) = two();
        crontab.has_no_table_like(message);
        assert_eq!(states(&site), pairs(&[("alpha", "missing"), ("beta", "missing")]), "{program}");
        well(site.maint(&["crontab", "remove"]));
        assert_eq!((crontab.table(), crontab.installs()), (None, 0), "{program}");
        well(site.maint(&["crontab", "add"]));
        assert_eq!(crontab.text(), block(&site, &["alpha", "beta"]), "{program}");
        well(site.maint(&["crontab", "remove"]));
        assert_eq!(crontab.table(), Some(Vec::new()), "{program}");
    }
}

#[test]
fn case_07_an_existing_reboot_line_is_kept_and_one_install_is_made() {
    let (site, crontab) = two();
    crontab.set("@reboot /usr/local/bin/start\n");
    well(site.maint(&["crontab", "add"]));
    let block = block(&site, &["alpha", "beta"]);
    assert_eq!(crontab.text(), format!("@reboot /usr/local/bin/start\n{block}"));
    assert_eq!((crontab.installs(), crontab.leftovers()), (1, vec![]));
    assert!(!site.root().read_dir().unwrap().any(|entry| entry.unwrap().file_name() != "maint.toml"));
}

#[test]
fn case_08_the_line_of_a_job_is_exact() {
    let (site, crontab) = site(ONE);
    well(site.maint(&["crontab", "add"]));
    let expected = format!(
        "0 2 * * * {} --config {} run alpha # maint-cronjobs for test: alpha {}",
        binary(),
        site.path("maint.toml").display(),
        hash(&site, "alpha"),
    );
    assert_eq!(crontab.text().lines().nth(1).unwrap(), expected);
    let generated = site.maint(&["crontab", "generate"]).exits(0).stdout;
    assert_eq!(generated, crontab.text());
}

#[test]
fn case_09_every_line_names_the_configuration_by_its_absolute_path() {
    let (site, crontab) = two();
    let config = format!(" --config {} run ", site.path("maint.toml").display());
    let named = ["crontab", "add", "--config", "site/maint.toml"];
    for prepare in [
        site.command(&["crontab", "add"]).current_dir(site.folder("deep/inside")),
        site.command(&named).current_dir(site.around()),
        site.command(&["crontab", "add"])
            .current_dir(site.home())
            .env("MAINT_CONFIG", site.path("maint.toml")),
    ] {
        crontab.set("");
        well(run(prepare));
        assert_eq!(crontab.text().matches(&config).count(), 2, "{}", crontab.text());
    }
}

#[test]
fn case_10_four_shapes_of_jobs_give_lines_of_one_shape_in_order_of_name() {
    let (site, crontab) = site(
        "[jobs.d]\nschedule = \"@weekly\"\nshell = \"echo '%' \\\"$HOME\\\" >> out.log 2>&1 # note\"\n\
         [jobs.c]\nschedule = \"0 1 * * 6\"\ncommand = \"cleanup-temp --age-hours=2 --force\"\n\
         [jobs.b]\nschedule = \"10 0 1 * *\"\nshell = \"true >> out.log\"\n\
         [jobs.a]\nschedule = \"@hourly\"\ncommand = \"cleanup-temp --auto\"\n\
         [jobs.e]\nshell = \"only by name\"\n[cleanup-temp]\npaths = [\"old\"]\n",
    );
    well(site.maint(&["crontab", "add"]));
    assert_eq!(crontab.text(), block(&site, &["a", "b", "c", "d"]));
    for word in ["out.log", "age-hours", "note", "HOME", "only"] {
        assert!(!crontab.text().contains(word), "{word} is in the crontab");
    }
}

#[test]
fn case_11_show_lists_each_job_with_schedule_next_run_hash_and_state() {
    let (site, crontab) = two();
    well(site.maint(&["crontab", "add", "alpha"]));
    let shown = site.maint(&["crontab", "show", "--json"]).exits(0).json();
    assert_eq!(shown["site"], "test");
    let [alpha, beta] = shown["jobs"].as_array().unwrap().as_slice() else { panic!("{shown}") };
    assert_eq!((&alpha["job"], &alpha["schedule"]), (&"alpha".into(), &"0 2 * * *".into()));
    assert_eq!((&alpha["state"], &alpha["next"]), (&"installed".into(), &"2026-11-21T02:00:00+01:00".into()));
    assert_eq!(alpha["hash"], hash(&site, "alpha"));
    assert_eq!(alpha["line"].as_str().unwrap().trim_end(), line(&site, "alpha").trim_end());
    assert_eq!((&beta["state"], &beta["line"]), (&"missing".into(), &serde_json::Value::Null));

    let table = site.maint(&["crontab", "show"]).exits(0).stdout;
    let heads = ["JOB", "SCHEDULE", "NEXT RUN", "HASH", "CRONTAB"];
    let rows: Vec<&str> = table.lines().collect();
    assert!(heads.iter().all(|name| rows[0].contains(name)), "{table}");
    assert!(rows[1].starts_with("alpha") && rows[1].trim_end().ends_with("installed"), "{table}");
    assert!(rows[2].starts_with("beta") && rows[2].trim_end().ends_with("missing"), "{table}");
    assert!(table.contains("CET"), "the zone in which cron fires is not named: {table}");
    assert_eq!(crontab.installs(), 1);
}

#[test]
fn case_12_remove_knows_a_line_whose_spaces_somebody_has_changed() {
    let (site, crontab) = site(ONE);
    let line = line(&site, "alpha");
    let wide = format!("  {}", line.replacen(' ', "   ", 5).replace(" # ", "   # "));
    let tabs = line.replacen(' ', "\t", 5);
    crontab.set(format!("{FOREIGN}{wide}{tabs}"));
    well(site.maint(&["crontab", "remove"]));
    assert_eq!(crontab.text(), FOREIGN);
}

#[test]
fn case_13_remove_takes_all_our_lines_though_a_configured_job_is_not_there() {
    let (site, crontab) = two();
    let gone = line(&site, "beta").replace("beta", "gone");
    crontab.set(format!("{}{}{gone}{}{FOREIGN}", begin("test"), line(&site, "beta"), end("test")));
    well(site.maint(&["crontab", "remove"]));
    assert_eq!(crontab.text(), FOREIGN);
}

#[test]
fn case_14_variables_and_foreign_jobs_stay_also_without_a_last_line_end() {
    for foreign in ["MAIL=x@example.org\n0 1 * * * /bin/a # comment", "0 1 * * * /bin/a # comment\nMAIL=x"] {
        let (site, crontab) = two();
        crontab.is_strict();
        crontab.set(foreign);
        well(site.maint(&["crontab", "add"]));
        assert_eq!(crontab.text(), format!("{foreign}\n{}", block(&site, &["alpha", "beta"])));
        well(site.maint(&["crontab", "remove"]));
        assert_eq!(crontab.text(), format!("{foreign}\n"));
    }
    let (site, crontab) = site(ONE);
    crontab.set(format!("{FOREIGN}{}", block(&site, &["alpha"]).trim_end()));
    well(site.maint(&["crontab", "remove"]));
    assert_eq!(crontab.text(), FOREIGN);
}

#[test]
fn case_15_a_job_without_arguments_gets_none() {
    let (site, _) = site("[jobs.job]\nshell = \"echo $# > arguments\"\n");
    silently(site.maint(&["crontab", "run", &hash(&site, "job")]));
    assert_eq!(fs::read_to_string(site.path("arguments")).unwrap(), "0\n");
}

#[test]
fn case_16_what_follows_in_the_crontab_line_does_not_reach_the_job() {
    let (site, crontab) = site("[jobs.job]\nschedule = \"@daily\"\nshell = \"echo $# > arguments\"\n");
    well(site.maint(&["crontab", "add"]));
    let line = crontab.text().lines().nth(1).unwrap().to_owned();
    silently(fire(&site, line.as_bytes(), true));
    assert_eq!(fs::read_to_string(site.path("arguments")).unwrap(), "0\n");
    assert_eq!(site.history()[0]["line"], "echo $# > arguments");
}

#[test]
fn case_17_positional_arguments_reach_the_job() {
    let (site, _) = site(
        "[jobs.builtin]\ncommand = \"cleanup-temp --auto old\"\n\
         [jobs.line]\nshell = \"printf '<%s>' one 'two words' > arguments\"\n",
    );
    site.file("old/a", "", 30);
    silently(site.maint(&["crontab", "run", &hash(&site, "builtin")]));
    assert!(!site.path("old/a").exists());
    silently(site.maint(&["crontab", "run", &hash(&site, "line")]));
    assert_eq!(fs::read_to_string(site.path("arguments")).unwrap(), "<one><two words>");
}

/// cron starts in the home folder, a person in that of the site.
#[test]
fn a_path_of_a_command_is_the_same_one_under_cron_and_by_hand() {
    let jobs = "[jobs.clean]\nschedule = \"@daily\"\ncommand = \"cleanup-temp --auto old\"\n";
    let (site, crontab) = site(jobs);
    site.file("old/a", "", 30);
    well(site.maint(&["crontab", "add"]));
    silently(fire(&site, crontab.text().lines().nth(1).unwrap().as_bytes(), true));
    assert!(!site.path("old/a").exists());
}

#[test]
fn case_18_options_and_positional_arguments_reach_the_job_together() {
    let (site, _) = site("[jobs.builtin]\ncommand = \"cleanup-temp --auto --age-hours=48 old\"\n");
    site.file("old/kept", "", 30);
    site.file("old/gone", "", 50);
    silently(site.maint(&["crontab", "run", &hash(&site, "builtin")]));
    assert_eq!(site.tree("old"), ["kept"]);
}

#[test]
fn case_19_a_second_start_of_a_running_job_does_not_execute_it() {
    let (site, _) = site(&format!("[jobs.wait]\nshell = \"echo . >> count; {WAIT}\"\n"));
    let running = site.hold("wait");
    let second = site.maint(&["crontab", "run", &hash(&site, "wait")]).exits(75);
    assert!(second.complaint().contains("wait is running"), "{}", second.stderr);
    site.release(running);
    assert_eq!(fs::read_to_string(site.path("count")).unwrap(), ".\n");
}

#[test]
fn case_20_an_unknown_hash_is_refused_with_what_to_do() {
    let (site, crontab) = two();
    refuses(
        &site,
        &crontab,
        &["crontab", "run", "deadbeef"],
        2,
        "older than maint.toml: run `maint crontab add`",
    );
    refuses(&site, &crontab, &["crontab", "add", "alhpa"], 2, "did you mean `alpha`?");
    assert_eq!(crontab.calls(), [""; 0]);
    assert!(!site.state().exists());
}

#[test]
fn case_21_after_a_change_of_the_configuration_show_tells_and_one_add_converges() {
    let (site, crontab) = two();
    well(site.maint(&["crontab", "add"]));
    let changed = "[jobs.alpha]\nschedule = \"5 2 * * *\"\nshell = \"touch alpha-ran\"\n\
        [jobs.gamma]\nschedule = \"@daily\"\nshell = \"true\"\n";
    reconfigure(&site, &crontab, changed);
    assert_eq!(states(&site), pairs(&[("alpha", "changed"), ("beta", "orphan"), ("gamma", "missing")]));
    let check = site.maint(&["crontab", "check"]).exits(3);
    for name in ["alpha", "beta", "gamma"] {
        assert!((check.stdout.clone() + &check.stderr).contains(name), "{name} is not in {}", check.stdout);
    }
    let drifted = crontab.text();
    well(site.maint(&["crontab", "remove"]));
    assert_eq!(crontab.table(), Some(Vec::new()));
    crontab.set(drifted);
    well(site.maint(&["crontab", "add"]));
    assert_eq!(crontab.text(), block(&site, &["alpha", "gamma"]));
    assert_eq!(states(&site), pairs(&[("alpha", "installed"), ("gamma", "installed")]));
    let _ = site.maint(&["crontab", "check"]).exits(0);
}

#[test]
fn case_22_a_job_that_fails_has_an_exit_code() {
    let (site, _) = site("[jobs.job]\nshell = \"echo why; exit 5\"\n");
    let run = site.maint(&["crontab", "run", &hash(&site, "job")]).exits(1);
    assert!(run.stderr.contains("why"), "{} {}", run.stdout, run.stderr);
}

#[test]
fn case_23_a_bad_schedule_is_refused_with_line_and_field_and_nothing_is_installed() {
    for (schedule, field) in
        [("61 * * * *", "minute"), ("* * * * funday", "day of week"), ("* * * *", "five fields")]
    {
        let (site, crontab) =
            site(&format!("{ONE}[jobs.bad]\nschedule = \"{schedule}\"\nshell = \"true\"\n"));
        crontab.set(FOREIGN);
        for args in [&["crontab", "add"][..], &["crontab", "add", "alpha"], &["crontab", "generate"]] {
            let run = site.maint(args).exits(2);
            let complaint = run.complaint();
            assert!(complaint.contains("maint.toml:12:") && complaint.contains(field), "{complaint}");
        }
        assert_eq!((crontab.text().as_str(), crontab.calls().len()), (FOREIGN, 0));
    }
}

/// Ways in which `crontab -l` may fail: exit code and stderr.
const FAILURES: [(u8, &str); 9] = [
    (1, "crontabs/ops/: fopen: Permission denied"),
    (1, "You (ops) are not allowed to use this program (crontab)\nSee crontab(1) for more information"),
    (127, "sh: 1: crontab: not found"),
    (1, "crontab: can't open 'ops': Permission denied"),
    (1, "crontab: cannot read the spool: Input/output error"),
    (1, ""),
    (2, "no crontab for ops could be read: Stale file handle"),
    (1, "warning: there is no crontab for ops"),
    (126, "no space left"),
];

#[test]
fn case_24_when_the_crontab_cannot_be_listed_nothing_is_installed() {
    let (site, crontab) = two();
    crontab.set(FOREIGN);
    for (code, message) in FAILURES {
        crontab.fails_to_list(code, message);
        let first = message.lines().next().unwrap_or_default();
        for args in [["crontab", "add"], ["crontab", "remove"], ["crontab", "show"], ["crontab", "check"]] {
            refuses(&site, &crontab, &args, 1, first);
        }
    }
    assert_eq!((crontab.text().as_str(), crontab.installs()), (FOREIGN, 0));
}

#[test]
fn case_25_without_a_crontab_program_the_cure_is_named() {
    let (site, crontab) = two();
    let missing = site.around().join("no-such-crontab");
    site.configure(&configuration(&site, "test", &missing, TWO));
    for args in [["crontab", "add"], ["crontab", "remove"], ["crontab", "show"]] {
        refuses(&site, &crontab, &args, 2, "no-such-crontab");
    }
    let bare = Path::new("crontab");
    site.configure(&configuration(&site, "test", bare, TWO));
    let run = run(site.command(&["crontab", "add"]).env("PATH", site.home())).exits(2);
    assert!(run.complaint().contains("crontab"), "{}", run.stderr);
    let _ = site.maint(&["crontab", "generate"]).exits(0);
}

#[test]
fn case_26_a_job_named_twice_is_a_mistake_of_the_configuration() {
    let (site, crontab) = site(&format!("{ONE}{ONE}"));
    refuses(&site, &crontab, &["crontab", "add"], 2, "maint.toml:11:7: this name is given twice");
    assert_eq!(crontab.calls(), [""; 0]);
}

#[test]
fn case_27_a_number_sign_in_a_path_or_a_line_does_not_hide_our_lines() {
    let (site, crontab) = site("[jobs.a]\nschedule = \"@daily\"\nshell = \"true >> 'a#b.log' # note\"\n");
    let odd = site.folder("c# # maint-cronjobs for");
    fs::rename(site.path("maint.toml"), odd.join("maint.toml")).unwrap();
    for _ in 0..3 {
        well(run(site.command(&["crontab", "add"]).current_dir(&odd)));
    }
    assert_eq!((crontab.text().lines().count(), crontab.installs()), (3, 1), "{}", crontab.text());
    well(run(site.command(&["crontab", "remove"]).current_dir(&odd)));
    assert_eq!(crontab.table(), Some(Vec::new()));
}

#[test]
fn case_28_nicknames_go_in_and_come_out_again() {
    let names = ["@reboot", "@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];
    let jobs = names.map(|name| format!("[jobs.{}]\nschedule = \"{name}\"\nshell = \"true\"\n", &name[1..]));
    let (site, crontab) = site(&jobs.concat());
    crontab.is_strict();
    crontab.set(FOREIGN);
    for _ in 0..2 {
        well(site.maint(&["crontab", "add"]));
    }
    assert!(names.iter().all(|name| crontab.text().contains(&format!("\n{name} /"))), "{}", crontab.text());
    assert!(states(&site).iter().all(|(_, state)| state == "installed"));
    well(site.maint(&["crontab", "remove"]));
    assert_eq!((crontab.text().as_str(), crontab.installs()), (FOREIGN, 2));
}

/// Folder names that a shell or cron reads in a way of its own.
pub(crate) const ODD_NAMES: [&str; 12] = [
    "with space",
    "it's",
    "dou\"ble",
    "100%",
    "back\\slash",
    "$HOME",
    "é à",
    "\\%\\\\%",
    "`id`",
    "a;b&c|d",
    "#tag # x",
    "-*?[a]!~",
];

#[test]
fn case_29_p19_the_line_runs_whatever_the_paths_of_program_and_configuration() {
    for name in ODD_NAMES {
        let (site, crontab) = site("[jobs.job]\nschedule = \"@daily\"\nshell = \"echo . >> ran\"\n");
        let odd = site.folder(name);
        fs::rename(site.path("maint.toml"), odd.join("maint.toml")).unwrap();
        let mut command = program_in(&site, &odd, &["crontab", "add"]);
        for _ in 0..2 {
            well(run(&mut command));
        }
        assert_eq!(crontab.installs(), 1, "{name}: the line was not known again");
        let line = crontab.text().lines().nth(1).unwrap().to_owned();
        silently(fire(&site, line.as_bytes(), true));
        // Only Debian's halves two backslashes; the encoder leaves none for the others to keep.
        silently(fire(&site, line.as_bytes(), false));
        assert_eq!(fs::read_to_string(odd.join("ran")).unwrap(), ".\n.\n", "{name}: {line}");
        let mut show = site.command(&SHOW);
        assert_eq!(rows(&run(show.current_dir(&odd)).exits(0))[0].0, "job", "{name}");
    }
}

#[test]
fn case_30_the_hash_that_show_prints_is_one_that_run_takes() {
    let (site, crontab) = two();
    well(site.maint(&["crontab", "add"]));
    let shown = site.maint(&["crontab", "show"]).exits(0).stdout;
    let row = shown.lines().find(|line| line.starts_with("alpha")).unwrap();
    let is_hash = |word: &&str| word.len() >= 6 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let hash = row.split_whitespace().find(is_hash).expect(row);
    silently(site.maint(&["crontab", "run", hash]));
    assert!(site.path("alpha-ran").exists() && !site.path("beta-ran").exists());
    assert_eq!(crontab.installs(), 1);
}

#[test]
fn case_31_two_schedules_of_one_command_share_a_lock() {
    let (site, _) = site(&format!(
        "[jobs.wait]\nlock = \"cleanup-temp\"\nshell = \"{WAIT}\"\n\
         [jobs.nightly]\nschedule = \"0 2 * * *\"\ncommand = \"cleanup-temp --auto old\"\n\
         [jobs.weekly]\nschedule = \"0 1 * * 6\"\ncommand = \"cleanup-temp --age-hours=2 --force old\"\n"
    ));
    site.folder("old");
    let running = site.hold("wait");
    for job in ["nightly", "weekly"] {
        let _ = site.maint(&["crontab", "run", &hash(&site, job)]).exits(75);
    }
    site.release(running);
}

#[test]
fn case_32_two_sites_do_not_touch_each_other() {
    let (one, crontab) = site(&format!("[jobs.alpha]\nschedule = \"@daily\"\nshell = \"{WAIT}\"\n"));
    let other =
        neighbour(&crontab, "other", &format!("[jobs.alpha]\nschedule = \"@daily\"\nshell = \"{WAIT}\"\n"));
    well(one.maint(&["crontab", "add"]));
    let alone = crontab.text();
    well(other.maint(&["crontab", "add"]));
    assert!(crontab.text().starts_with(&alone));
    assert_eq!(
        (states(&one), states(&other)),
        (pairs(&[("alpha", "installed")]), pairs(&[("alpha", "installed")]))
    );
    well(one.maint(&["crontab", "add"]));
    assert_eq!(crontab.installs(), 2);
    let (running, beside) = (one.hold("alpha"), other.hold("alpha"));
    one.release(running);
    other.release(beside);
    well(other.maint(&["crontab", "remove"]));
    assert_eq!(crontab.text(), alone);
}

#[test]
fn case_33_a_lock_file_that_is_a_symlink_is_refused_and_its_target_stays() {
    let (site, crontab) = two();
    well(site.maint(&["crontab", "add", "alpha"]));
    silently(site.maint(&["crontab", "run", &hash(&site, "alpha")]));
    let victim = site.file("victim", "precious\n", 1);
    let is_lock = |path: &PathBuf| path.extension() == Some(OsStr::new("lock"));
    let locks: Vec<PathBuf> = snapshot(site.around()).into_keys().filter(is_lock).collect();
    assert!(locks.len() >= 2, "the crontab and the job should have one each: {locks:?}");
    for path in locks {
        fs::remove_file(&path).unwrap();
        symlink(&victim, &path).unwrap();
    }
    let before = crontab.table();
    let job = site.maint(&["crontab", "run", &hash(&site, "alpha")]);
    let add = site.maint(&["crontab", "add"]);
    assert!(job.code != 0 && add.code != 0, "{} {}", job.code, add.code);
    assert_eq!((fs::read_to_string(victim).unwrap().as_str(), crontab.table()), ("precious\n", before));
}

#[test]
fn case_34_twenty_sites_that_are_added_at_once_are_all_there() {
    let crontab_folder = tempfile::TempDir::new().unwrap();
    let crontab = FakeCrontab::new(crontab_folder.path());
    crontab.set(FOREIGN);
    let sites: Vec<Site> = (0..20).map(|n| neighbour(&crontab, &format!("site-{n}"), TWO)).collect();
    // They are the sites of one user, with one home.
    let home = sites[0].home();
    let running: Vec<_> = sites
        .iter()
        .map(|site| {
            let mut command = site.command(&["crontab", "add"]);
            command.env("HOME", &home).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in running {
        well(finish(child));
    }
    let text = crontab.text();
    for n in 0..20 {
        assert_eq!(text.matches(&begin(&format!("site-{n}"))).count(), 1, "site-{n} is lost");
    }
    assert!(text.starts_with(FOREIGN) && text.lines().count() == 3 + 20 * 4, "{text}");
}

#[test]
fn case_35_bytes_that_are_not_utf_8_stay_as_they_are() {
    let (site, crontab) = two();
    let foreign = b"# caf\xe9 \xff\xfe\x80\n0 1 * * * echo \xe9t\xe9\r\n\t \n# \xc3\n";
    crontab.set(foreign);
    well(site.maint(&["crontab", "add"]));
    let with = [&foreign[..], block(&site, &["alpha", "beta"]).as_bytes()].concat();
    assert_eq!(crontab.table().unwrap(), with);
    let _ = site.maint(&["crontab", "show"]).exits(0);
    let _ = site.maint(&["crontab", "add", "--dry-run"]).exits(0);
    well(site.maint(&["crontab", "remove"]));
    assert_eq!(crontab.table().unwrap(), foreign);
}

#[test]
fn case_36_p18_a_disk_that_is_full_at_installation_is_an_error_and_the_old_table_stays() {
    let (site, crontab) = two();
    crontab.set(FOREIGN);
    crontab.fails_to_install("crontab: crontabs/tmp.Xy12Za: No space left on device");
    let run = site.maint(&["crontab", "add"]).exits(1);
    assert!(run.stderr.contains("No space left on device") || run.stdout.contains("No space left on device"));
    assert_eq!(crontab.text(), FOREIGN);
    crontab.behaves();
    well(site.maint(&["crontab", "add"]));
}

#[test]
fn case_37_a_second_add_installs_nothing_and_says_so_when_asked() {
    let (site, crontab) = two();
    well(site.maint(&["crontab", "add"]));
    well(site.maint(&["crontab", "add"]));
    let loud = site.maint(&["crontab", "add", "-v"]).exits(0);
    assert!(loud.stdout.contains("unchanged"), "{}", loud.stdout);
    let json = site.maint(&["crontab", "add", "--json"]).exits(0);
    let _ = json.json();
    assert!(json.stdout.contains("unchanged"), "{}", json.stdout);
    assert_eq!(crontab.installs(), 1);
}

#[test]
fn case_38_foreign_lines_before_in_and_after_our_block_keep_their_place() {
    let (site, crontab) = two();
    let (alpha, beta) = (line(&site, "alpha"), line(&site, "beta"));
    crontab.set(format!("# before\n{}{alpha}# between\n{beta}{}# after\n", begin("test"), end("test")));
    reconfigure(&site, &crontab, &TWO.replace("0 2 * * *", "0 3 * * *"));
    well(site.maint(&["crontab", "add"]));
    let text = crontab.text();
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part:?} is not in {text}"));
    assert!(text.starts_with(&format!("# before\n{}", begin("test"))), "{text}");
    assert!(text.ends_with(&format!("{}# after\n", end("test"))), "{text}");
    assert!(at("# between\n") < at(&end("test")) && at(&line(&site, "alpha")) < at(&end("test")));
    assert_eq!(text.lines().count(), 7, "{text}");
    well(site.maint(&["crontab", "remove"]));
    assert_eq!(crontab.text(), "# before\n# between\n# after\n");
}

#[test]
fn case_39_a_block_that_does_not_end_is_refused_with_its_line() {
    let (site, crontab) = two();
    crontab.set(format!("{FOREIGN}{}{}# last\n", begin("test"), line(&site, "alpha")));
    for args in [&["crontab", "add"][..], &["crontab", "add", "alpha"], &["crontab", "remove"]] {
        refuses(&site, &crontab, args, 1, "line 4");
    }
    assert_eq!(crontab.installs(), 0);
}

#[test]
fn case_40_names_that_begin_alike_do_not_match_each_other() {
    let names = ["foo", "foo_super", "foo-bar", "foo.x", "f"];
    let (_first, crontab) = two();
    let sites = names.map(|name| neighbour(&crontab, name, "[jobs.job]\nschedule = \"@daily\"\nshell = \"true\"\n[jobs.job-2]\nschedule = \"@daily\"\nshell = \"true\"\n"));
    for site in &sites {
        well(site.maint(&["crontab", "add"]));
    }
    let all = crontab.text();
    well(sites[0].maint(&["crontab", "remove", "job"]));
    assert_eq!(crontab.text().lines().count(), all.lines().count() - 1);
    assert!(crontab.text().contains(" run job-2 # maint-cronjobs for foo: job-2 "), "{}", crontab.text());
    well(sites[0].maint(&["crontab", "remove"]));
    for (site, name) in sites.iter().zip(names).skip(1) {
        assert!(crontab.text().contains(&begin(name)), "{name} is gone");
        assert!(states(site).iter().all(|(_, state)| state == "installed"));
    }
    assert_eq!(crontab.text().lines().count(), 4 * 4);
}

#[test]
fn case_41_a_block_of_an_older_version_is_replaced_where_it_stands() {
    let (site, crontab) = two();
    let old = "# >>> maint test: written 2025-01-01\n\
        0 2 * * * /opt/maint run alpha # maint-cronjobs for test: alpha\n\
        0 3 * * * /opt/maint run beta --quiet # maint-cronjobs for test: beta 123abc\n# <<< maint test\n";
    crontab.set(format!("# before\n{old}# after\n"));
    well(site.maint(&["crontab", "add"]));
    assert_eq!(crontab.text(), format!("# before\n{}# after\n", block(&site, &["alpha", "beta"])));
    crontab.set(format!("# before\n{old}# after\n"));
    well(site.maint(&["crontab", "remove"]));
    assert_eq!(crontab.text(), "# before\n# after\n");
}

#[test]
fn case_42_backslashes_survive_the_replacement_of_a_block() {
    let (site, crontab) = two();
    let foreign = "0 1 * * * printf 'a\\tb\\\\1\\0 $1 \\%d' \\\n# \\1 \\n &\n";
    let odd = line(&site, "alpha").replace("maint.toml", "back\\\\1slash\\\\0/maint.toml");
    crontab.set(format!("{foreign}{}{odd}{}{foreign}", begin("test"), end("test")));
    well(site.maint(&["crontab", "add"]));
    assert_eq!(crontab.text(), format!("{foreign}{}{foreign}", block(&site, &["alpha", "beta"])));
}

#[test]
fn case_43_remove_works_without_a_configuration() {
    let (site, crontab) = two();
    well(site.maint(&["crontab", "add"]));
    let installed = crontab.text();
    fs::remove_file(site.path("maint.toml")).unwrap();
    let without = |args: &[&str]| run(site.command(args).env("MAINT_CRONTAB", crontab.program()));
    for args in [&["crontab", "remove", "--site", "test"][..], &["crontab", "remove"]] {
        crontab.set(format!("{FOREIGN}{installed}"));
        well(without(args));
        assert_eq!(crontab.text(), FOREIGN);
    }
    let other = installed.replace("maint test", "maint other").replace("for test:", "for other:");
    crontab.set(format!("{installed}{other}"));
    let which = without(&["crontab", "remove"]).exits(2);
    assert!(which.complaint().contains("test") && which.complaint().contains("other"), "{}", which.stderr);
    assert_eq!(crontab.text(), format!("{installed}{other}"));
    well(without(&["crontab", "remove", "--site", "other"]));
    assert_eq!(crontab.text(), installed);
}

#[test]
fn case_44_two_actions_at_once_are_refused() {
    let (site, crontab) = two();
    crontab.set(FOREIGN);
    for args in [
        &["crontab", "add", "remove"][..],
        &["crontab", "show", "remove"],
        &["crontab", "add", "--list"],
        &["crontab", "restore", "--list", "20261120T150226Z"],
    ] {
        let _ = site.maint(args).exits(2);
    }
    assert_eq!((crontab.text().as_str(), crontab.installs()), (FOREIGN, 0));
}

// Beyond the list: what else may be put before it.

#[test]
fn only_named_jobs_are_added_and_the_lines_of_others_stay_as_they_are() {
    let (site, crontab) = two();
    well(site.maint(&["crontab", "add", "beta"]));
    assert_eq!(crontab.text(), block(&site, &["beta"]));
    well(site.maint(&["crontab", "add", "alpha"]));
    assert_eq!(crontab.text(), block(&site, &["alpha", "beta"]));
    well(site.maint(&["crontab", "remove", "beta"]));
    assert_eq!(crontab.text(), block(&site, &["alpha"]));
}

#[test]
fn a_job_without_a_schedule_cannot_be_named_and_is_left_out_otherwise() {
    let (site, crontab) = site(&format!("{ONE}[jobs.by-hand]\nshell = \"true\"\n"));
    refuses(&site, &crontab, &["crontab", "add", "by-hand"], 2, "by-hand");
    well(site.maint(&["crontab", "add"]));
    assert_eq!(crontab.text(), block(&site, &["alpha"]));
}

#[test]
fn a_job_that_is_no_longer_configured_can_be_removed_by_name() {
    let (site, crontab) = two();
    well(site.maint(&["crontab", "add"]));
    reconfigure(&site, &crontab, ONE);
    well(site.maint(&["crontab", "remove", "beta"]));
    assert_eq!(crontab.text(), block(&site, &["alpha"]));
    refuses(&site, &crontab, &["crontab", "remove", "bteta"], 2, "bteta");
}

#[test]
fn our_lines_that_were_moved_out_of_the_block_are_not_doubled() {
    let (site, crontab) = two();
    crontab.set(format!("{}# foreign\n{}", line(&site, "alpha"), line(&site, "beta")));
    well(site.maint(&["crontab", "add"]));
    assert_eq!(crontab.text(), format!("# foreign\n{}", block(&site, &["alpha", "beta"])));
}

#[test]
fn the_environment_names_the_crontab_program_before_the_configuration_does() {
    let (site, crontab) = two();
    let other = FakeCrontab::new(&site.around().join("other"));
    well(run(site.command(&["crontab", "add"]).env("MAINT_CRONTAB", other.program())));
    assert_eq!((crontab.calls().len(), other.installs()), (0, 1));
}

#[test]
fn a_rehearsal_prints_the_difference_and_installs_nothing() {
    let (site, crontab) = two();
    crontab.set(format!("{FOREIGN}{}", block(&site, &["alpha"])));
    let run = site.maint(&["crontab", "add", "--dry-run"]).exits(0);
    let added: Vec<&str> =
        run.stdout.lines().filter(|line| line.starts_with('+') && !line.starts_with("+++")).collect();
    assert_eq!(added, [format!("+{}", line(&site, "beta").trim_end())]);
    let run = site.maint(&["crontab", "remove", "-n"]).exits(0);
    let removed = run.stdout.lines().filter(|line| line.starts_with('-') && !line.starts_with("---"));
    assert_eq!(removed.count(), 3, "{}", run.stdout);
    assert_eq!(crontab.installs(), 0);
    assert!(!site.state().exists());
}

#[test]
fn each_change_saves_the_table_before_it_and_restore_brings_it_back() {
    use std::os::unix::fs::PermissionsExt as _;
    let (site, crontab) = two();
    crontab.set(FOREIGN);
    well(site.maint(&["crontab", "add"]));
    let saved: Vec<_> =
        site.state().join("crontab-backups").read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(saved.len(), 1);
    assert_eq!(fs::read_to_string(&saved[0]).unwrap(), FOREIGN);
    assert_eq!(fs::metadata(&saved[0]).unwrap().permissions().mode() & 0o7777, 0o600);
    let id = saved[0].file_stem().unwrap().to_str().unwrap();
    fs::create_dir(site.state().join("crontab-backups/odd.crontab")).unwrap();
    let list = site.maint(&["crontab", "restore", "--list"]).exits(0).stdout;
    assert!(list.lines().count() == 2 && list.contains(id), "{list}");
    fs::remove_dir(site.state().join("crontab-backups/odd.crontab")).unwrap();
    refuses(&site, &crontab, &["crontab", "restore", ""], 2, "`` is no saved crontab");
    let _ = site.maint(&["crontab", "restore", "--yes"]).exits(0);
    assert_eq!((crontab.text().as_str(), crontab.installs()), (FOREIGN, 2));
    let _ = site.maint(&["crontab", "restore", "no-such"]).exits(2);
    assert_eq!(crontab.installs(), 2);
}

#[test]
fn the_header_that_some_programs_show_is_neither_installed_nor_taken_for_a_change() {
    let (site, crontab) = two();
    crontab.set(FOREIGN);
    crontab.shows_its_header();
    well(site.maint(&["crontab", "add"]));
    assert_eq!(crontab.text(), format!("{FOREIGN}{}", block(&site, &["alpha", "beta"])));
    well(site.maint(&["crontab", "add"]));
    well(site.maint(&["crontab", "remove"]));
    assert_eq!((crontab.text().as_str(), crontab.installs()), (FOREIGN, 2));
    assert!(!crontab.text().contains(HEADER));
}

#[test]
fn p18_a_listing_that_never_ends_is_given_up_and_nothing_is_installed() {
    let (site, crontab) = two();
    crontab.set(FOREIGN);
    crontab.hangs();
    refuses(&site, &crontab, &["crontab", "add"], 1, "crontab");
    assert_eq!(site.processes(), [0; 0]);
}

#[test]
fn p18_a_program_that_stores_something_else_is_found_out_and_the_old_table_put_back() {
    let (site, crontab) = two();
    crontab.set(FOREIGN);
    crontab.stores(b"# something else\n");
    let run = site.maint(&["crontab", "add"]).exits(1);
    assert!(run.stderr.contains("stored something else than it was given; the old crontab was put back"));
    assert_eq!(crontab.text(), FOREIGN);
    let id = run.stderr.rsplit_once("saved as ").unwrap().1.split_whitespace().next().unwrap();
    let found = site.state().join(format!("crontab-backups/{}.crontab", id.trim_end_matches([')', ';'])));
    assert_eq!(fs::read(found).unwrap(), b"# something else\n");
}

#[test]
fn p17_a_change_that_somebody_makes_while_we_look_is_not_lost() {
    let looks_before_install =
        |crontab: &FakeCrontab| crontab.calls().iter().position(|call| call == "install").unwrap();
    let (undisturbed, crontab) = two();
    well(undisturbed.maint(&["crontab", "add"]));
    let looks = looks_before_install(&crontab);
    // After the last look nobody could know.
    for look in 1..looks {
        let (site, crontab) = two();
        crontab.set(FOREIGN);
        crontab.becomes_after_listing(look, b"# quite another table\n");
        well(site.maint(&["crontab", "add"]));
        let expected = format!("# quite another table\n{}", block(&site, &["alpha", "beta"]));
        assert_eq!(crontab.text(), expected, "after look {look}");
        // The last look is there to find out: the edit begins anew.
        assert!(look < looks - 1 || looks_before_install(&crontab) > looks, "{:?}", crontab.calls());
    }
}

#[test]
fn two_adds_at_the_same_moment_wait_for_each_other() {
    let (site, crontab) = two();
    crontab.set(FOREIGN);
    for _ in 0..3 {
        let running: Vec<_> = (0..8).map(|_| site.start(&["crontab", "add"])).collect();
        for child in running {
            well(finish(child));
        }
    }
    assert_eq!(crontab.text(), format!("{FOREIGN}{}", block(&site, &["alpha", "beta"])));
    assert_eq!(crontab.installs(), 1);
}

#[test]
fn a_command_that_is_too_long_for_cron_is_refused_before_anything_is_read() {
    let (site, crontab) = site(ONE);
    crontab.set(FOREIGN);
    let deep = site.folder(&vec!["a".repeat(200); 5].join("/"));
    fs::rename(site.path("maint.toml"), deep.join("maint.toml")).unwrap();
    let run = run(site.command(&["crontab", "add"]).current_dir(&deep)).exits(2);
    assert!(run.complaint().contains("998"), "{}", run.stderr);
    assert_eq!((crontab.text().as_str(), crontab.installs()), (FOREIGN, 0));
}

#[test]
fn p19_no_name_can_bring_in_a_line_of_its_own() {
    let job = |name: &str| {
        format!("[site]\nname = \"test\"\n[jobs.\"{name}\"]\nschedule = \"@daily\"\nshell = \"true\"\n")
    };
    let named = |name: &str| format!("[site]\nname = \"{name}\"\n{ONE}");
    let scheduled =
        |text: &str| format!("[site]\nname = \"test\"\n[jobs.a]\nschedule = \"{text}\"\nshell = \"true\"\n");
    let (site, crontab) = site(ONE);
    crontab.set(FOREIGN);
    let evil = "x\\n* * * * * touch evil";
    let texts = [
        job(evil),
        job("a b"),
        job("a%b"),
        named(evil),
        named("a # b"),
        scheduled(&format!("@daily\\n{evil}")),
    ];
    for text in texts {
        site.configure(&text);
        let run = run(site.command(&["crontab", "add"]).env("MAINT_CRONTAB", crontab.program())).exits(2);
        let _ = run.complaint();
    }
    for name in ["x\n* * * * * touch evil", "x\r"] {
        let folder = site.folder(name);
        fs::write(folder.join("maint.toml"), format!("[site]\nname = \"test\"\n{ONE}")).unwrap();
        let mut command = site.command(&["crontab", "add"]);
        let run = run(command.current_dir(&folder).env("MAINT_CRONTAB", crontab.program())).exits(2);
        let _ = run.complaint();
    }
    assert!(!crontab.text().contains("evil"), "{}", crontab.text());
}
