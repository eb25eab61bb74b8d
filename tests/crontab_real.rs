//! With Debian's crontab and cron, in a namespace of their own: what they store, refuse and run.

use crate::crontab_cases::ODD_NAMES;
use crate::support::cron::{RealCron, begin, configuration, fire, named_site, program_in, site};
use crate::support::{Run, Site, finish, leave_out, run};
use maint::cron::entry;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const FOREIGN: &[u8] = b"# caf\xe9 \xff\nMAILTO=\"\"\n*/5\t* * * *  echo 'a%b' \\% # other\n\n@reboot true\n";
const TWO: &str = "[jobs.alpha]\nschedule = \"0 2 * * *\"\nshell = \"true\"\n\
    [jobs.beta]\nschedule = \"@weekly\"\nshell = \"true\"\n";
const EACH_MINUTE: &str = "[jobs.job]\nschedule = \"* * * * *\"\nshell = \"echo . >> ran\"\n";

/// A site whose crontab is the machine's.
fn real_site(name: &str, jobs: &str) -> Site {
    named_site(name, Path::new("crontab"), jobs)
}

/// A run that went well and had nothing to complain about.
#[track_caller]
fn well(run: Run) {
    assert_eq!(run.exits(0).stderr, "");
}

/// Starts `maint` inside for each of these and waits for all.
#[track_caller]
fn at_once(cron: &RealCron, runs: &[(&Site, &[&str])]) {
    let start = |(site, args): &(&Site, &[&str])| {
        let mut command = cron.enter(&site.command(args));
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    let running: Vec<_> = runs.iter().map(start).collect();
    for child in running {
        well(finish(child));
    }
}

fn has_block(table: &[u8], name: &str) -> bool {
    String::from_utf8_lossy(table).contains(&begin(name))
}

#[test]
fn a_table_goes_through_debians_crontab_and_comes_back_unchanged() {
    let Some(cron) = RealCron::open("a round trip through crontab(1)") else { return };
    let site = real_site("test", TWO);
    // Debian lists a carriage return as `\r` and a backspace as `\b`: bytes and words must stay apart.
    let odd = b"* * * * * echo a \xe9\r\n# b\r\r\n* * * * * echo '\\rx' \\t --sep=\\r\n# a\rb\x08c \\b\n";
    for foreign in [None, Some(FOREIGN), Some(odd)] {
        if let Some(foreign) = foreign {
            cron.install(foreign);
        }
        well(cron.maint(&site, &["crontab", "add"]));
        let added = cron.stored().unwrap();
        assert!(added.starts_with(foreign.unwrap_or_default()), "{}", String::from_utf8_lossy(&added));
        assert_eq!(
            added.split(|byte| *byte == b'\n').count(),
            foreign.unwrap_or_default().split(|byte| *byte == b'\n').count() + 4
        );
        let unchanged = cron.maint(&site, &["crontab", "add", "-v"]).exits(0);
        assert!(unchanged.stdout.contains("unchanged"), "{}", unchanged.stdout);
        let shown = cron.maint(&site, &["crontab", "show", "--json"]).exits(0).json();
        assert!(shown["jobs"].as_array().unwrap().iter().all(|row| row["state"] == "installed"), "{shown}");
        well(cron.maint(&site, &["crontab", "remove"]));
        assert_eq!(cron.stored().unwrap(), foreign.unwrap_or_default());
    }
}

/// Debian's listing leaves out up to three comments at the top, because it takes them for its own.
#[test]
fn comments_that_somebody_wrote_into_the_spool_file_by_hand_are_not_lost() {
    let Some(cron) = RealCron::open("a table that crontab(1) has not written") else { return };
    let site = real_site("test", TWO);
    let by_hand: &[u8] = b"# one\n# two\n# three\n# four\n* * * * * true\n";
    let write = "cd /var/spool/cron/crontabs && cat >root && chmod 600 root";
    let _ = cron.program("sh", &["-c", write], by_hand).exits(0);
    well(cron.maint(&site, &["crontab", "add"]));
    well(cron.maint(&site, &["crontab", "remove"]));
    assert_eq!(String::from_utf8_lossy(&cron.stored().unwrap()), String::from_utf8_lossy(by_hand));
}

#[test]
fn twenty_sites_that_are_added_at_once_are_all_in_the_real_crontab() {
    let Some(cron) = RealCron::open("twenty real adds at once") else { return };
    cron.install(FOREIGN);
    let sites: Vec<Site> = (0..20).map(|n| real_site(&format!("site-{n}"), TWO)).collect();
    let runs: Vec<(&Site, &[&str])> = sites.iter().map(|site| (site, &["crontab", "add"][..])).collect();
    at_once(&cron, &runs);
    let table = cron.stored().unwrap();
    assert!(table.starts_with(FOREIGN));
    let lost: Vec<usize> = (0..20).filter(|n| !has_block(&table, &format!("site-{n}"))).collect();
    assert_eq!(lost, [0; 0]);
}

#[test]
fn p17_no_update_is_lost_when_adds_and_removes_are_mixed() {
    let Some(cron) = RealCron::open("real adds and removes at once") else { return };
    cron.install(FOREIGN);
    let names: Vec<String> = (0..16).map(|n| format!("site-{n}")).collect();
    let sites: Vec<Site> = names.iter().map(|name| real_site(name, TWO)).collect();
    let many = real_site("many", TWO);
    for round in 0..4 {
        // Half of the sites go in, the other half goes out; the next round the other way round.
        let is_added = |n: usize| n % 2 == round % 2;
        let mut runs: Vec<(&Site, &[&str])> = Vec::new();
        for (n, site) in sites.iter().enumerate() {
            runs.push((site, if is_added(n) { &["crontab", "add"] } else { &["crontab", "remove"] }));
            runs.push((&many, &["crontab", "add"]));
        }
        at_once(&cron, &runs);
        let table = cron.stored().unwrap();
        assert!(table.starts_with(FOREIGN), "round {round}");
        for (n, name) in names.iter().enumerate() {
            assert_eq!(has_block(&table, name), is_added(n), "round {round}, {name}");
        }
        assert_eq!(String::from_utf8_lossy(&table).matches(&begin("many")).count(), 1, "round {round}");
    }
}

#[test]
fn a_user_whom_cron_allow_leaves_out_is_told_so_and_nothing_changes() {
    let Some(cron) = RealCron::open("cron.allow") else { return };
    let site = real_site("test", TWO);
    let as_user = |args: &[&str]| run(&mut cron.enter(&site.command_as_user(args)));
    well(as_user(&["crontab", "add", "alpha"]));
    let before = cron.stored_of("nobody").unwrap();
    assert!(has_block(&before, "test"));
    let allow = "cp -a /etc /run/etc && mount --bind /run/etc /etc && echo root > /etc/cron.allow";
    let _ = cron.program("sh", &["-c", allow], b"").exits(0);
    for args in [&["crontab", "add"][..], &["crontab", "remove"], &["crontab", "show"]] {
        let refused = as_user(args).exits(1);
        assert!(refused.complaint().contains("not allowed"), "{}", refused.stderr);
    }
    assert_eq!(cron.stored_of("nobody").unwrap(), before);
}

/// The presets: name and text.
fn presets() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crontab");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    files.sort();
    let named = |path: PathBuf| {
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap())
    };
    files.into_iter().map(named).collect()
}

#[test]
fn every_shell_line_of_the_presets_is_one_that_sh_can_read() {
    for (name, text) in presets() {
        let preset: toml::Table = text.parse().unwrap();
        let jobs = preset["jobs"].as_table().unwrap();
        for (job, line) in jobs.iter().filter_map(|(job, entry)| Some((job, entry.get("shell")?.as_str()?))) {
            let checked = run(Command::new("/bin/sh").args(["-n", "-c", line])).exits(0);
            assert_eq!(checked.stderr, "", "{name}: {job}");
        }
    }
}

#[test]
fn the_lines_of_every_preset_are_accepted_by_debians_crontab_and_busybox() {
    let Some(cron) = RealCron::open("the syntax of generated lines") else { return };
    let has_busybox = cron.program("busybox", &["--list"], b"").stdout.lines().any(|name| name == "crontab");
    if !has_busybox {
        leave_out(
            "lines for BusyBox",
            "busybox is missing, or was built without crontab (busybox-static has it)",
        );
    }
    for (name, text) in presets() {
        let site = Site::bare();
        site.configure(&text);
        let lines = site.maint(&["crontab", "generate"]).exits(0).stdout;
        let _ = cron.program("crontab", &["-n", "-"], lines.as_bytes()).exits(0);
        cron.install(lines.as_bytes());
        assert_eq!(cron.program("crontab", &["-l"], b"").exits(0).stdout, lines, "{name}");
        if has_busybox {
            let _ = cron.program("busybox", &["crontab", "-"], lines.as_bytes()).exits(0);
            assert_eq!(cron.program("busybox", &["crontab", "-l"], b"").exits(0).stdout, lines, "{name}");
        }
    }
}

/// Arguments that cron or the shell might take for something else.
fn nasty() -> Vec<Vec<u8>> {
    let texts = [
        "plain",
        "",
        " ",
        "two words",
        "  around  ",
        "it's",
        "''",
        "\"",
        "\"both\" 'kinds'",
        "%",
        "%%",
        "\\%",
        "\\\\%",
        "\\\\\\%",
        "100% of 'it'\\%",
        "\\",
        "\\\\",
        "\\\\\\",
        "a\\b",
        "\\'",
        "'\\",
        "\\\"",
        "$HOME",
        "\\$HOME",
        "$(id)",
        "`id`",
        "!!",
        "* ?",
        "~",
        "é €",
        "a\tb",
        "-n",
        "# no comment",
        "a;b&c|d>e<f(g){h}[i]",
    ];
    let mut all: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    all.push((b' '..=b'~').flat_map(|byte| [b'\\', byte]).collect());
    all.push(b"caf\xe9 \xff\x01\x1b[0m".to_vec());
    all.push([&[b'x'; 800][..], b"'%\\"].concat());
    all
}

/// Cron runs what is due when the minute changes; nobody can hurry it.
fn wait_for_the_minute(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(90), "cron has not done it: {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// A site in a folder of an odd name, with a program of its own there, added to the crontab.
fn odd_site(cron: &RealCron, number: usize, name: &str) -> (Site, PathBuf) {
    let site = Site::bare();
    let folder = site.folder(name);
    let text = configuration(&site, &format!("odd-{number}"), Path::new("crontab"), EACH_MINUTE);
    fs::write(folder.join("maint.toml"), text).unwrap();
    well(run(&mut cron.enter(&program_in(&site, &folder, &["crontab", "add"]))));
    (site, folder.join("ran"))
}

#[test]
fn p19_real_cron_runs_the_jobs_and_hands_on_every_argument_as_it_was_meant() {
    let Some(cron) = RealCron::open("lines that the real cron runs") else { return };
    let site = real_site(
        "test",
        "[jobs.alpha]\nschedule = \"* * * * *\"\nshell = \"echo $HOME $PWD > ran\"\n\
         [jobs.beta]\nschedule = \"*/1 * * * *\"\ncommand = \"cleanup-temp --auto\"\n\
         [jobs.never]\nschedule = \"0 0 29 2 *\"\nshell = \"touch never\"\n\
         [cleanup-temp]\npaths = [\"old\"]\n",
    );
    site.file("old/file", "", 48);
    let (writer, arguments) =
        (site.file("write", "#!/bin/sh\nprintf %s \"$2\" >\"$1.new\" && mv \"$1.new\" \"$1\"\n", 0), nasty());
    fs::set_permissions(&writer, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(arguments.len(), 37);
    let out = |number: usize| site.path(&format!("argument-{number}"));
    let line = |(number, argument): (usize, &Vec<u8>)| {
        let start = format!("* * * * * {} {} ", writer.display(), out(number).display());
        [start.as_bytes(), &entry::quote(argument).unwrap(), b"\n"].concat()
    };
    cron.install(&arguments.iter().enumerate().map(line).collect::<Vec<_>>().concat());
    well(cron.maint(&site, &["crontab", "add"]));
    let odd: Vec<_> =
        ODD_NAMES.iter().enumerate().map(|(number, name)| odd_site(&cron, number, name)).collect();
    // A dot in a file's name would make cron overlook it.
    let in_file = real_site("in.a.file", EACH_MINUTE);
    let generate = ["crontab", "generate", "--format", "cron.d", "--output", "/etc/cron.d"];
    let _ = cron.maint(&in_file, &generate).exits(0);

    cron.start_daemon();
    wait_for_the_minute("the jobs of the site", || {
        site.path("ran").exists() && !site.path("old/file").exists()
    });
    wait_for_the_minute("the arguments", || (0..arguments.len()).all(|number| out(number).exists()));
    for (number, argument) in arguments.iter().enumerate() {
        let got = fs::read(out(number)).unwrap();
        assert!(
            got == *argument,
            "{:?} became {:?}",
            String::from_utf8_lossy(argument),
            String::from_utf8_lossy(&got)
        );
    }
    for ((_, ran), name) in odd.iter().zip(ODD_NAMES) {
        wait_for_the_minute(name, || ran.exists());
    }
    wait_for_the_minute("the file in /etc/cron.d", || in_file.path("ran").exists());
    let seen = fs::read_to_string(site.path("ran")).unwrap();
    assert!(seen.ends_with(&format!(" {}\n", site.root().display())), "{seen}");
    assert!(!site.path("never").exists());
    let is_done = |job: &str| site.history().iter().any(|run| run["job"] == job && run["status"] == "done");
    wait_for_the_minute("the history", || is_done("alpha") && is_done("beta"));
}

/// The same without a daemon, for machines where there can be none.
#[test]
fn a_line_of_the_site_runs_under_sh_as_cron_would_call_it() {
    let (site, crontab) = site(EACH_MINUTE);
    well(site.maint(&["crontab", "add"]));
    let line = crontab.text().lines().nth(1).unwrap().to_owned();
    well(fire(&site, line.as_bytes(), true));
    assert!(site.path("ran").exists());
}
