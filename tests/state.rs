//! The state folder: where it is, who may use it, and what happens when it cannot be used.

use crate::support::{Run, Site, binary, can_mount, finish, is_root, leave_out, run, snapshot};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;

const NOBODY: u32 = 65534;

/// A site whose job leaves the file "ran" behind.
fn site() -> Site {
    Site::new("[jobs.job]\nshell = \"touch ran\"\n")
}

/// The job has not run, and the one line of complaint names the state folder.
#[track_caller]
fn refuses(site: &Site, run: Run, cure: &str) {
    let run = run.exits(2);
    let complaint = run.complaint();
    assert!(
        complaint.contains(&site.state().display().to_string()) && complaint.contains(cure),
        "{complaint}"
    );
    assert!(!site.path("ran").exists());
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn nobody_else_can_read_the_state_even_with_the_umask_0() {
    let site = site();
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 0; \"$0\" run job; \"$0\" pause job", binary()]);
    shell.current_dir(site.root()).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", site.home());
    let _ = run(&mut shell).exits(0);
    assert!(site.state().join("state.db").exists() && site.state().join("pauses/job.json").exists());
    for path in snapshot(&site.state()).keys() {
        let mode = fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
        let wanted = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(format!("{mode:o}"), format!("{wanted:o}"), "{}", path.display());
    }
}

#[test]
fn with_the_umask_0_a_new_site_cannot_be_written_by_others() {
    let site = Site::bare();
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 0; exec \"$0\" init --preset demo", binary()]).current_dir(site.root());
    let _ = run(&mut shell).exits(0);
    let made = snapshot(&site.root());
    assert!(made.len() > 10);
    for path in made.keys().filter(|path| **path != site.root()) {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o002, 0, "{}", path.display());
    }
}

#[test]
fn state_directory_is_used_before_any_default() {
    let site = site();
    site.configure("[site]\nname = \"test\"\n[jobs.job]\nshell = \"true\"\n");
    let others = format!("{}:/nowhere", site.state().display());
    let _ = run(site.command(&["run", "job"]).env("STATE_DIRECTORY", others)).exits(0);
    assert!(site.state().join("state.db").exists());
}

#[test]
fn an_ordinary_user_keeps_state_at_home() {
    let site = Site::bare();
    site.configure("[site]\nname = \"blog\"\n[jobs.job]\nshell = \"true\"\n");
    let xdg = site.home().join("xdg");
    let _ = run(&mut as_user(&site, &[])).exits(0);
    let _ = run(&mut as_user(&site, &[("XDG_STATE_HOME", &xdg)])).exits(0);
    for folder in [site.home().join(".local/state"), xdg] {
        assert!(folder.join("maint/blog/state.db").exists(), "{}", folder.display());
    }
}

/// `maint run job` as a user who is not root, without `$STATE_DIRECTORY`.
fn as_user(site: &Site, variables: &[(&str, &Path)]) -> Command {
    // The built program may lie in a folder that only root can enter.
    let program = site.around().join("maint");
    fs::copy(binary(), &program).unwrap();
    let mut command = Command::new(&program);
    if is_root() {
        for path in snapshot(site.around()).keys() {
            std::os::unix::fs::lchown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
    }
    command.args(["run", "job"]).current_dir(site.root()).env_clear();
    command.env("PATH", "/usr/bin:/bin").env("HOME", site.home()).envs(variables.iter().copied());
    command
}

#[test]
fn a_state_folder_that_others_can_change_is_refused() {
    let site = site();
    fs::create_dir(site.state()).unwrap();
    set_mode(&site.state(), 0o777);
    refuses(&site, site.maint(&["run", "job"]), &format!("run `chmod go-w {}`", site.state().display()));
}

#[test]
fn a_state_folder_of_another_user_is_refused() {
    if !is_root() {
        return leave_out("a state folder of another user", "only root can give a folder away");
    }
    let site = site();
    fs::create_dir(site.state()).unwrap();
    set_mode(&site.state(), 0o700);
    chown(site.state(), Some(NOBODY), None).unwrap();
    refuses(
        &site,
        site.maint(&["run", "job"]),
        "belongs to another user (uid 65534); run maint as that user",
    );
}

#[test]
fn a_state_folder_that_cannot_be_written_is_refused() {
    let site = site();
    fs::create_dir(site.state()).unwrap();
    set_mode(&site.state(), 0o500);
    refuses(&site, run(&mut as_user(&site, &[])), "Permission denied; make it writable for this user");
}

#[test]
fn a_file_in_the_place_of_the_state_folder_is_refused() {
    let site = site();
    fs::write(site.state(), "").unwrap();
    refuses(&site, site.maint(&["run", "job"]), "or set [state] dir");
}

/// Runs a shell script with `$STATE` on a file system of its own.
fn with_own_file_system(site: &Site, options: &str, script: &str) -> Run {
    fs::create_dir(site.state()).unwrap();
    let mount = format!("mount -t tmpfs -o mode=0700,{options} tmpfs \"$STATE\"; {script}");
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", &mount]).current_dir(site.root()).env_clear();
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("MAINT", binary()).env("STATE", site.state());
    run(&mut command)
}

#[test]
fn a_read_only_file_system_is_named() {
    if !can_mount() {
        return leave_out("state on a read-only file system", "no mount namespaces here");
    }
    let site = site();
    let run = with_own_file_system(&site, "ro", "exec \"$MAINT\" run job");
    refuses(&site, run, "Read-only file system; make it writable for this user");
}

#[test]
fn a_disk_that_is_full_before_the_first_run_stops_it_and_nothing_is_left_once_there_is_space() {
    if !can_mount() {
        return leave_out("state on a full disk", "no mount namespaces here");
    }
    let site = site();
    let run = with_own_file_system(
        &site,
        "size=1m",
        "head -c 2m /dev/zero >\"$STATE/filler\" 2>/dev/null
         \"$MAINT\" run job; echo \"full: $?\"
         ls ran 2>/dev/null
         rm \"$STATE/filler\"
         \"$MAINT\" run job; echo \"free: $?\"
         cd \"$STATE\"; ls -A; ls logs/*",
    );
    assert!(run.stdout.starts_with("full: 2\nfree: 0\n"), "{}{}", run.stdout, run.stderr);
    let complaint = run.complaint();
    assert!(complaint.contains(site.state().to_str().unwrap()), "{complaint}");
    assert!(complaint.contains("No space left on device; free some space"), "{complaint}");
    assert!(!run.stdout.contains("tmp") && !run.stdout.contains("journal"), "{}", run.stdout);
    assert_eq!(run.stdout.matches(".log\n").count(), 1, "{}", run.stdout);
}

#[test]
fn a_disk_that_is_full_later_stops_the_next_run_or_lets_it_run_whole() {
    if !can_mount() {
        return leave_out("state on a disk that fills up", "no mount namespaces here");
    }
    let site = Site::new("[jobs.job]\nshell = \"echo ran >>runs\"\n");
    let run = with_own_file_system(
        &site,
        "size=1m",
        "\"$MAINT\" run job
         for free in 0 4 8 12 16 24 32 48; do
             rm -f \"$STATE/filler\"; head -c 2m /dev/zero >\"$STATE/filler\" 2>/dev/null
             truncate -s \"-${free}k\" \"$STATE/filler\"
             before=$(wc -l <runs); \"$MAINT\" run job 2>>complaints; code=$?; after=$(wc -l <runs)
             echo \"$code $((after - before))\"
             rm \"$STATE/filler\"; \"$MAINT\" run job; echo \"then $?\"
         done
         \"$MAINT\" history --limit 100",
    );
    let lines: Vec<&str> = run.stdout.lines().take(16).collect();
    for pair in lines.chunks(2) {
        // Refused without running, or run; a history that could not be completed makes it 1.
        assert!(["2 0", "1 1", "0 1"].contains(&pair[0]), "{}{}", run.stdout, run.stderr);
        assert_eq!(pair[1], "then 0", "{}{}", run.stdout, run.stderr);
    }
    assert_eq!(run.stderr, "");
    assert!(lines.contains(&"2 0"), "no level of free space stopped the run: {}", run.stdout);
    for complaint in fs::read_to_string(site.path("complaints")).unwrap().lines() {
        assert!(!complaint.contains("panicked") && !complaint.contains("internal error"), "{complaint}");
    }
}

#[test]
fn a_damaged_database_is_named_and_moving_it_away_is_the_cure() {
    let site = site();
    fs::create_dir(site.state()).unwrap();
    set_mode(&site.state(), 0o700);
    let database = site.state().join("state.db");
    fs::write(&database, "garbage ".repeat(1_000)).unwrap();
    let words =
        "state.db is damaged; move it away (the history is lost, and what is remembered from run to run)";
    refuses(&site, site.maint(&["run", "job"]), words);
    let _ = site.maint(&["history"]).exits(2);
    fs::rename(&database, site.state().join("state.db.damaged")).unwrap();
    let _ = site.maint(&["run", "job"]).exits(0);
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_stays_as_it_is() {
    let site = site();
    let _ = site.maint(&["pause", "job"]).exits(0);
    let database = rusqlite::Connection::open(site.state().join("state.db")).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    let run = site.maint(&["run", "job", "--yes"]).exits(2);
    assert!(run.complaint().contains("newer maint (version 99); update this one"), "{}", run.stderr);
    assert!(!site.path("ran").exists());
    let version: u32 = database.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 99);
}

#[test]
fn two_first_runs_at_once_both_work() {
    for _ in 0..10 {
        let site = Site::new("[jobs.one]\nshell = \"true\"\n[jobs.two]\nshell = \"true\"\n");
        let runs = ["one", "two"].map(|job| site.start(&["run", job]));
        for run in runs {
            let _ = finish(run).exits(0);
        }
        assert_eq!(site.history().len(), 2);
    }
}

/// The names of the logs of "job".
fn logs(site: &Site) -> Vec<String> {
    let logs = fs::read_dir(site.state().join("logs/job")).unwrap();
    logs.map(|log| log.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn only_the_latest_runs_and_their_logs_are_kept() {
    let site = site();
    let text = fs::read_to_string(site.path("maint.toml")).unwrap();
    site.configure(&text.replace("[state]\n", "[state]\nkeep_runs = 3\n"));
    let mut reports = (0..5).map(|_| site.maint(&["run", "job", "--json"]).exits(0).json());
    let last = reports.by_ref().last().unwrap();
    assert_eq!((site.history().len(), logs(&site).len()), (3, 3));
    assert_eq!(site.history()[0]["run"], last["run"]);
}

#[test]
fn runs_and_logs_that_are_too_old_are_forgotten() {
    let site = site();
    let text = fs::read_to_string(site.path("maint.toml")).unwrap();
    site.configure(&text.replace("[state]\n", "[state]\nkeep_age = \"7d\"\n"));
    for day in ["2026-11-12", "2026-11-14", "2026-11-20"] {
        let mut command = site.command(&["run", "job"]);
        let _ = run(command.env("MAINT_NOW", format!("{day}T12:00:00Z"))).exits(0);
    }
    assert_eq!((site.history().len(), logs(&site).len()), (2, 2));
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_and_no_death() {
    let site = Site::new("[jobs.job]\nshell = \"touch ran\"\n");
    let line = format!("ulimit -f 1; exec '{}' run job", crate::support::binary());
    let run = crate::support::run(&mut site.through("sh", &["-c", &line])).exits(2);
    assert!(run.complaint().starts_with("cannot use the state folder"), "{}", run.stderr);
    assert!(!site.path("ran").exists());
    let _ = site.maint(&["run", "job"]).exits(0);
}
