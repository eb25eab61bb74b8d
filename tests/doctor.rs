//! `maint doctor`: what would stop a job under cron.

use crate::support::claude::KEY;
use crate::support::database::Database;
use crate::support::fiches::Fiches;
use crate::support::{Run, Site, can_mount, cron, inside, leave_out, run, snapshot};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Child;

/// A process with the name of a cron daemon, until it is dropped.
struct Cron(Child);

impl Drop for Cron {
    fn drop(&mut self) {
        let _ = (self.0.kill(), self.0.wait());
    }
}

fn start_cron(site: &Site) -> Cron {
    let daemon = site.around().join("crond");
    symlink("/bin/sleep", &daemon).unwrap();
    let mut sleep = site.through(daemon.to_str().unwrap(), &["300"]);
    Cron(sleep.arg0("sleep").spawn().unwrap())
}

/// The lines of a diagnosis with problems.
#[track_caller]
fn ill(site: &Site) -> String {
    site.maint(&["doctor"]).exits(3).stdout
}

#[track_caller]
fn says(diagnosis: &str, line: &str) {
    assert!(diagnosis.lines().any(|known| known == line), "{line}\n--- is not in\n{diagnosis}");
}

fn program(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "#!/bin/sh\n").unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_healthy_site_has_no_problem_and_nothing_is_changed() {
    let (site, _crontab) = cron::site(
        "[jobs.job]\nschedule = \"0 8 * * *\"\nshell = \"cat db.sqlite3\"\n[databases.app]\nurl = \"sqlite:db.sqlite3\"\n",
    );
    site.file("db.sqlite3", "", 0);
    let _ = site.maint(&["crontab", "add"]).exits(0);
    let _cron = start_cron(&site);
    let own = || (snapshot(&site.root()), snapshot(&site.state()));
    let before = own();
    let diagnosis = site.maint(&["doctor"]).exits(0).stdout;
    assert_eq!(own(), before);
    assert!(
        diagnosis.lines().all(|line| line.starts_with("ok ") || line.starts_with("note ")),
        "{diagnosis}"
    );
    for line in [
        "ok       jobs: the command lines are accepted (1 job)".to_owned(),
        "ok       crontab: 1 line installed".to_owned(),
        format!("ok       state: {} can be written to", site.state().display()),
        "ok       tools: cat: found as cron will look for them".to_owned(),
        "ok       databases: app can be read".to_owned(),
    ] {
        says(&diagnosis, &line);
    }
    let json = site.maint(&["doctor", "--json"]).exits(0).json();
    assert_eq!((&json["problems"], &json["findings"][0]["level"]), (&0.into(), &"ok".into()));
}

#[test]
fn a_machine_without_cron_has_a_problem() {
    if !can_mount() {
        return leave_out("a machine without cron", "no private namespace of processes can be made");
    }
    let site = Site::new("");
    let command = site.command(&["doctor"]);
    let alone: Run = run(&mut inside(&["unshare", "-m", "-p", "-f", "--mount-proc"], &command)).exits(3);
    let cure = if Path::new("/usr/sbin/cron").exists() {
        "start it, for example with `service cron start`"
    } else {
        "install one, for example with `apt install cron`"
    };
    says(&alone.stdout, &format!("problem  cron: no cron daemon is running; {cure}"));
}

#[test]
fn every_command_line_that_is_not_accepted_is_a_problem() {
    let site = Site::new(
        "[cleanup-temp]\npaths = [\"tmp\"]\n[jobs.asks]\nschedule = \"0 2 * * *\"\ncommand = \"cleanup-temp\"\n[jobs.typo]\ncommand = \"cleanup-tmp\"\n",
    );
    let diagnosis = ill(&site);
    let file = site.path("maint.toml");
    let asks = format!(
        "problem  jobs: {}:8: job `asks`: it would ask, and cron cannot answer; add ",
        file.display()
    );
    assert!(diagnosis.contains(&asks), "{diagnosis}");
    assert!(
        diagnosis.contains(&format!("problem  jobs: {}:11: job `typo`: ", file.display())),
        "{diagnosis}"
    );
}

#[test]
fn a_state_folder_that_cannot_be_used_is_a_problem() {
    let site = Site::new("");
    fs::create_dir(site.state()).unwrap();
    fs::set_permissions(site.state(), fs::Permissions::from_mode(0o777)).unwrap();
    let diagnosis = ill(&site);
    let shown = site.state().display().to_string();
    let cure = format!("run `chmod go-w {shown}`, or set [state] dir");
    says(
        &diagnosis,
        &format!("problem  state: the state folder {shown} can be changed by other users; {cure}"),
    );
    let blocked = Site::bare();
    blocked.configure("[site]\nname = \"test\"\n[state]\ndir = \"maint.toml/state\"\n");
    assert!(
        ill(&blocked).contains("maint.toml cannot be written to; make it writable for this user, or set")
    );
}

#[test]
fn a_temporary_folder_that_is_not_writable_is_a_problem() {
    let site = Site::new("[cleanup-temp]\npaths = [\"tmp\"]\n");
    let folder = site.folder("tmp");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    let diagnosis = run(&mut site.command_as_user(&["doctor"])).exits(3).stdout;
    let line =
        format!("problem  folders: nothing can be removed from {}; make it writable", folder.display());
    assert!(diagnosis.contains(&line), "{diagnosis}");
}

#[test]
fn a_folder_of_logs_that_is_not_writable_is_a_problem_for_a_site_whose_logs_expire() {
    for (jobs, is_told) in [("", false), ("[jobs.logs]\ncommand = \"expire-logs\"\n", true)] {
        let site = Site::new(jobs);
        let folder = site.folder("logs");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
        let diagnosis = run(&mut site.command_as_user(&["doctor"])).stdout;
        let line = format!("problem  folders: nothing can be removed from {};", folder.display());
        assert_eq!(diagnosis.contains(&line), is_told, "{diagnosis}");
    }
}

#[test]
fn what_the_catalogue_needs_is_looked_for_where_cron_will_look() {
    let site = Site::new(
        "[jobs.night]\nschedule = \"0 2 * * *\"\ncommand = \"ascl-refresh\"\n\
         [ascl-refresh]\ncontextmaker = \"venv/bin/contextmaker\"\n",
    );
    let folder = site.folder("app/data");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    let diagnosis = run(&mut site.command_as_user(&["doctor"])).exits(3).stdout;
    let tool = site.path("venv/bin/contextmaker");
    for line in [
        format!("problem  folders: nothing can be written to {};", folder.display()),
        format!("problem  tools: {} of job night does not exist;", tool.display()),
        "ok       tools: git: found as cron will look for them".to_owned(),
    ] {
        assert!(diagnosis.contains(&line), "{line}: {diagnosis}");
    }
    program(&tool);
    let diagnosis = run(&mut site.command(&["doctor"])).stdout;
    assert!(diagnosis.contains("tools: git, venv/bin/contextmaker: found"), "{diagnosis}");
}

#[test]
fn a_secret_that_cron_will_not_have_is_a_problem_and_none_is_shown() {
    let site = Site::bare();
    site.configure(&format!(
        "[site]\nname = \"test\"\nenv_file = \".env\"\n[state]\ndir = \"{}\"\n\
         [alerts.discord]\nwebhook = \"file:webhook\"\n[databases.a]\nurl = \"env:IN_FILE\"\n\
         [databases.b]\nurl = \"env:ONLY_HERE\"\n[databases.c]\nurl = \"env:NOWHERE\"\n\
         [jobs.upload]\nschedule = \"0 2 * * *\"\nshell = \"true\"\npass_env = [\"RCLONE_PASS\"]\n",
        site.state().display()
    ));
    site.file(".env", "IN_FILE=sqlite:hidden-one\n", 0);
    site.file("hidden-one", "", 0);
    let doctor = || run(site.command(&["doctor"]).env("ONLY_HERE", "mysql://hidden-two")).exits(3).stdout;
    let diagnosis = doctor();
    let env_file = site.path(".env").display().to_string();
    let webhook = site.path("webhook").display().to_string();
    for line in [
        format!("ok       secrets: IN_FILE is in {env_file}"),
        format!("problem  secrets: ONLY_HERE is set here, but cron will not have it; put it into {env_file}"),
        format!("problem  secrets: NOWHERE is nowhere to be found; put it into {env_file}"),
        format!(
            "problem  secrets: {webhook} cannot be read; write the secret into it, and make it readable for this user"
        ),
        "note     secrets: upload is to see RCLONE_PASS, which cron does not have; set it in the crontab"
            .to_owned(),
        "problem  databases: the address of the database b is neither sqlite:PATH nor postgres://HOST/NAME"
            .to_owned(),
    ] {
        says(&diagnosis, &line);
    }
    assert!(!diagnosis.contains("hidden"), "{diagnosis}");
    let file = site.file("webhook", "https://hidden-three\n", 0);
    for (mode, line) in [
        (
            0o644,
            format!(
                "note     secrets: {webhook} can be read by every user of this machine; run `chmod o-r {webhook}`"
            ),
        ),
        (0o600, format!("ok       secrets: {webhook} can be read")),
    ] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        says(&doctor(), &line);
    }
}

#[test]
fn a_secret_that_two_sections_name_is_told_once() {
    let twice = "[notify-devis]\nwebhook = \"env:HOOK\"\n[alerts.discord]\nwebhook = \"env:HOOK\"\n";
    let diagnosis = ill(&Site::new(twice));
    assert_eq!(diagnosis.matches("secrets: HOOK").count(), 1, "{diagnosis}");
}

#[test]
fn a_program_that_cron_will_not_find_is_a_problem_with_its_whole_path_as_the_cure() {
    let site = Site::new(
        "[jobs.a]\nschedule = \"0 2 * * *\"\nshell = \"X=1 deploy-site --now\"\n\
         [jobs.b]\nschedule = \"0 2 * * *\"\nshell = \"no-such-program\"\n\
         [jobs.c]\nschedule = \"0 2 * * *\"\nshell = \"cd app && ./manage check\"\n\
         [jobs.d]\nschedule = \"0 2 * * *\"\nshell = \"./missing\"\n\
         [jobs.e]\nshell = \"deploy-site --by-hand\"\n",
    );
    let tool = site.around().join("bin/deploy-site");
    program(&tool);
    program(&site.path("app/manage"));
    let path = format!("/usr/bin:/bin:{}", tool.parent().unwrap().display());
    let diagnosis = run(site.command(&["doctor"]).env("PATH", path)).exits(3).stdout;
    for line in [
        format!(
            "problem  tools: `deploy-site` of job a is not in cron's PATH (/usr/bin:/bin); write {}",
            tool.display()
        ),
        "problem  tools: `no-such-program` of job b is nowhere in PATH; install it, or write its whole path"
            .to_owned(),
        "ok       tools: ./manage: found as cron will look for them".to_owned(),
    ] {
        says(&diagnosis, &line);
    }
    assert!(
        diagnosis.contains("missing of job d does not exist; correct the line, or install it"),
        "{diagnosis}"
    );
    assert!(!diagnosis.contains("job e"), "{diagnosis}");
}

#[test]
fn what_keeps_claude_from_answering_is_told_once() {
    let job = "[jobs.fiches]\ncommand = \"update-fiches\"\n";
    let fiches = Fiches::few(job);
    let told = |fiches: &Fiches, key: &str| {
        let diagnosis = run(fiches.command(&["doctor"]).env("ANTHROPIC_API_KEY", key)).exits(3).stdout;
        let lines: Vec<_> = diagnosis.lines().filter(|line| line.starts_with("problem")).collect();
        lines.into_iter().filter(|line| !line.contains("cron")).map(str::to_owned).collect::<Vec<_>>()
    };
    let refused = told(&fiches, "sk-ant-wrong");
    assert!(
        matches!(&*refused, [line] if line.starts_with("problem  claude: it answers 401 ")),
        "{refused:?}"
    );
    let unknown = told(&Fiches::few(&format!("model = \"claude-next\"\n{job}")), KEY);
    assert!(
        matches!(&*unknown, [line] if line.contains("it is not known what claude-next costs")),
        "{unknown:?}"
    );
}

#[test]
fn a_database_that_is_missing_or_does_not_answer_is_a_problem() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_port = silent.local_addr().unwrap().port();
    // Port 1 of this machine is nobody's.
    let site = Site::new(&format!(
        "[databases.closed]\nurl = \"postgres://app@127.0.0.1:1/app\"\n\
         [databases.silent]\nurl = \"postgresql://app@127.0.0.1:{silent_port}/app?sslmode=disable\"\n\
         [databases.tls]\nurl = \"postgresql://app@127.0.0.1:1/app?sslmode=require\"\n\
         [databases.file]\nurl = \"sqlite:///db.sqlite3\"\n\
         [databases.text]\nurl = \"sqlite:maint.toml\"\n"
    ));
    let diagnosis = ill(&site);
    let (file, text) = (site.path("db.sqlite3"), site.path("maint.toml"));
    for line in [
        "problem  databases: the database closed cannot be reached: Connection refused; is \
         PostgreSQL running there?"
            .to_owned(),
        "problem  databases: the database silent cannot be reached: no answer; is PostgreSQL running there?".to_owned(),
        "problem  databases: the address of the database tls asks for TLS, which maint does not speak to PostgreSQL; \
         use a socket, or a tunnel"
            .to_owned(),
        format!(
            "problem  databases: the database file does not exist: {} is no file; correct its address (maint never makes one)",
            file.display()
        ),
        format!(
            "problem  databases: the database text: {} is no SQLite database; correct its address",
            text.display()
        ),
    ] {
        says(&diagnosis, &line);
    }
}

#[test]
fn a_database_that_can_be_read_is_in_order() {
    Database::each("", |site, _| {
        let diagnosis = site.maint(&["doctor"]).stdout;
        says(&diagnosis, "ok       databases: app can be read");
    });
}

#[test]
fn two_time_zones_and_a_fixed_clock_are_worth_a_note() {
    let site = Site::new("[jobs.job]\nschedule = \"0 2 * * *\"\nshell = \"true\"\n");
    let utc = run(site.command(&["doctor"]).env("TZ", "UTC")).stdout;
    let example =
        "schedules fire in the machine's zone UTC: Sat 2026-11-21 02:00 UTC is 03:00 CET on the site";
    assert!(utc.contains(&format!("note     timezone: {example}; ")), "{utc}");
    assert!(utc.contains("note     clock: $MAINT_NOW fixes the clock at 2026-11-20 16:02:26 CET; "), "{utc}");
    let same = run(site.command(&["doctor"]).env("TZ", "Europe/Berlin").env_remove("MAINT_NOW")).stdout;
    assert!(!same.contains(" timezone: ") && !same.contains(" clock: "), "{same}");
}

#[test]
fn without_a_configuration_there_is_nothing_to_look_at() {
    let refused = Site::bare().maint(&["doctor"]).exits(2);
    assert!(refused.complaint().starts_with("there is no maint.toml here or above"), "{}", refused.stderr);
}

#[test]
fn the_programs_that_make_backups_are_looked_for_where_cron_will_look() {
    let site = Site::new(
        "[jobs.backup]\nschedule = \"@daily\"\ncommand = \"backup\"\n\
         [databases.app]\nurl = \"postgres://app@127.0.0.1:1/app\"\n\
         [backup]\nconfigs = [\"maint.toml\"]\nrecipients = [\"age1xyz\"]\n\
         [backup.restic]\nrepository = \"vault\"\npassword = \"env:VAULT\"\n",
    );
    let mut command = site.command(&["doctor"]);
    let found = run(command.env("PATH", site.folder("none"))).exits(3).stdout;
    // What cron will find is not what is found here.
    for program in ["pg_dump", "age", "restic"] {
        let is_there = ["/usr/bin", "/bin"].iter().any(|folder| Path::new(folder).join(program).exists());
        let named = found.lines().filter(|line| line.contains("tools") && line.contains(program)).count();
        assert!(named == 1, "{program}, which is {}here: {found}", if is_there { "" } else { "not " });
    }
}

#[test]
fn what_checks_and_metrics_need_is_told() {
    let (site, _crontab) = cron::site(
        "[checks.up]\nservices = true\n[metrics]\ntextfile = \"numbers\"\n[jobs.job]\nshell = \"true\"\n",
    );
    let numbers = site.path("numbers");
    let found = ill(&site);
    says(
        &found,
        &format!(
            "problem  metrics: there is no folder {}; make it, or correct `textfile` in [metrics]",
            numbers.display()
        ),
    );
    assert!(found.contains("problem  checks: `services` of [checks.up] needs a Compose file"), "{found}");
    fs::create_dir(&numbers).unwrap();
    says(&ill(&site), &format!("ok       metrics: {} can be written to", numbers.display()));
}
