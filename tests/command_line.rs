//! The command line itself: mistakes, help, colour, and outputs that cannot be written to.

use crate::support::fiches::Fiches;
use crate::support::{Site, binary, finish, leave_out, run};
use std::fs::{self, File};
use std::process::{Command, Stdio};

fn site() -> Site {
    Site::new("[jobs.job]\nshell = \"true\"\n[jobs.bad]\nshell = \"echo why; false\"\n")
}

#[test]
fn wrong_usage_is_one_line_that_says_where_to_read_on() {
    let site = site();
    for args in [
        &["--frobnicate"] as &[&str],
        &["nonsense"],
        &["run"],
        &["run", "job", "bad"],
        &["history", "--limit", "many"],
        &["jobs", "--color", "sometimes"],
        &["jobs", "-q", "-v"],
        &["cleanup-temp", "--age-hours", "-1"],
        &["completions", "cmd.exe"],
    ] {
        let run = site.maint(args).exits(2);
        assert!(run.complaint().ends_with("; see `maint --help`"), "{args:?}: {}", run.stderr);
        assert_eq!(run.stdout, "");
    }
    assert!(!site.state().exists());
}

#[test]
fn without_a_subcommand_the_help_is_shown_as_a_mistake() {
    let run = site().maint(&[]).exits(2);
    assert!(run.stdout.is_empty() && run.stderr.contains("Usage: maint"), "{}", run.stderr);
}

#[test]
fn options_may_stand_before_or_after_the_subcommand() {
    let site = site();
    for args in [
        ["--dry-run", "--json", "run", "job"],
        ["run", "--dry-run", "job", "--json"],
        ["run", "job", "-n", "--json"],
    ] {
        assert_eq!(site.maint(&args).exits(0).json()["status"], "planned", "{args:?}");
    }
    assert!(!site.state().exists());
}

#[test]
fn quiet_says_only_what_went_wrong() {
    let site = site();
    let run = site.maint(&["-q", "pause", "job"]).exits(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    let run = site.maint(&["run", "bad", "-q"]).exits(1);
    assert!(run.stderr.contains("last lines:\n  why\n"), "{}", run.stderr);
}

#[test]
fn two_vs_show_the_output_of_a_job_as_it_comes() {
    let run = site().maint(&["run", "bad", "-vv"]).exits(1);
    assert!(
        run.stderr.starts_with("info: $MAINT_NOW fixes the clock at 2026-11-20 16:02:26 CET\nwhy\n"),
        "{}",
        run.stderr
    );
}

#[test]
fn colour_is_used_always_never_or_on_a_terminal_without_no_color() {
    let site = site();
    let is_coloured =
        |command: &mut Command| run(command).exits(0).stdout.contains("\u{1b}[36mwould\u{1b}[0m run");
    let dry = ["run", "job", "-n"];
    assert!(!is_coloured(&mut site.command(&dry)));
    assert!(is_coloured(site.command(&["run", "job", "-n", "--color", "always"]).env("NO_COLOR", "1")));
    if !std::path::Path::new("/usr/bin/script").exists() {
        return leave_out("colour on a terminal", "there is no script(1) to make one");
    }
    let on_terminal = |options: &str| {
        site.through("script", &["-qec", &format!("{} run job -n {options}", binary()), "/dev/null"])
    };
    assert!(is_coloured(&mut on_terminal("")));
    assert!(!is_coloured(&mut on_terminal("--color never")));
    assert!(!is_coloured(on_terminal("").env("NO_COLOR", "1")));
}

#[test]
fn version_and_both_lengths_of_help_go_to_stdout() {
    let site = Site::bare();
    let version = site.maint(&["--version"]).exits(0).stdout;
    assert_eq!(version, concat!("maint ", env!("CARGO_PKG_VERSION"), "\n"));
    for command in [&[] as &[&str], &["run"], &["cleanup-temp"], &["config", "check"]] {
        let short = site.maint(&[command, &["-h"]].concat()).exits(0).stdout;
        let long = site.maint(&[command, &["--help"]].concat()).exits(0).stdout;
        let help = site.maint(&[&["help"], command].concat()).exits(0).stdout;
        assert!(short.contains("Usage: maint") && short.len() < long.len(), "{command:?}");
        assert_eq!(help.trim_end(), long.trim_end(), "{command:?}");
    }
    for command in ["run", "cleanup-temp", "pause", "init"] {
        assert!(site.maint(&[command, "--help"]).stdout.contains("Examples:"), "{command}");
    }
}

#[test]
fn help_lists_the_exit_codes_and_refuses_what_it_does_not_know() {
    let site = Site::bare();
    let table = site.maint(&["help", "exit-codes"]).exits(0).stdout;
    for code in ["0", "1", "2", "3", "4", "75", "124", "129, 130, 143"] {
        assert!(table.lines().any(|line| line.trim_start().starts_with(code)), "no {code} in {table}");
    }
    let run = site.maint(&["help", "exit-code"]).exits(2);
    assert_eq!(run.complaint(), "there is no help about `exit-code`; did you mean `exit-codes`?");
}

#[test]
fn help_prints_the_prompt_to_begin_ones_own_with() {
    let fiches = Fiches::few("prompt = \"prompt.txt\"\n");
    let prompt = fiches.site.maint(&["help", "prompt"]).exits(0).stdout;
    assert_eq!(prompt, include_str!("../src/jobs/update_fiches/prompt.txt"));
    fs::write(fiches.site.path("prompt.txt"), &prompt).unwrap();
    let _ = fiches.update(&["--code", "A1101"]).exits(0);
    assert_eq!(fiches.claude.asked().len(), 1);
}

#[test]
fn an_output_that_cannot_be_written_is_a_failure_and_no_panic() {
    let site = site();
    for args in [
        &["jobs"] as &[&str],
        &["jobs", "--json"],
        &["run", "job", "-n"],
        &["config", "show"],
        &["help", "exit-codes"],
        &["man"],
        &["completions", "bash"],
        &["--help"],
        &["--version"],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = site.command(args).stdout(full).stderr(Stdio::piped()).spawn().unwrap();
        let run = finish(output).exits(1);
        assert_eq!(run.complaint(), "cannot write the output: No space left on device", "{args:?}");
    }
}

#[test]
fn a_reader_that_has_gone_and_closed_outputs_change_nothing() {
    let site = site();
    for (args, code) in [("jobs", 0), ("--help", 0), ("run job -v", 0), ("run bad", 1), ("run nowhere", 2)] {
        for redirection in [">&-", "2>&-", ">&- 2>&-", "2>/dev/full", "| true"] {
            let script = format!("set -o pipefail; \"$0\" {args} {redirection}");
            let run = run(&mut site.through("bash", &["-c", &script, binary()])).exits(code);
            assert!(
                !run.stderr.contains("panicked") && !run.stderr.contains("internal error"),
                "{}",
                run.stderr
            );
        }
    }
}

#[test]
fn with_json_every_refusal_is_one_document_with_its_exit_code() {
    let site = site();
    site.folder("tmp");
    for (args, code, status) in [
        (&["run", "jib", "--json"] as &[&str], 2, "error"),
        (&["--json", "run"], 2, "error"),
        (&["jobs", "--json", "--frobnicate"], 2, "error"),
        (&["cleanup-temp", "--json", "--age-hours=0", "tmp"], 4, "refused"),
    ] {
        let run = site.maint(args).exits(code);
        let json = run.json();
        assert_eq!((&json["exit_code"], &json["status"]), (&code.into(), &status.into()), "{args:?}");
        assert_eq!(json["error"], run.complaint());
    }
}

#[test]
fn a_clock_that_is_fixed_is_mentioned_and_a_bad_one_refused() {
    let site = site();
    let told = site.maint(&["jobs", "-v"]).exits(0).stderr;
    assert_eq!(told, "info: $MAINT_NOW fixes the clock at 2026-11-20 16:02:26 CET\n");
    let real = run(site.command(&["jobs", "-v"]).env_remove("MAINT_NOW")).exits(0);
    assert_eq!(real.stderr, "");
    for now in ["yesterday", "2026-11-20", "2026-11-20T15:00:00", "1795186946"] {
        let run = run(site.command(&["run", "job"]).env("MAINT_NOW", now)).exits(2);
        assert!(
            run.complaint().starts_with(&format!("$MAINT_NOW is `{now}`; write a time such as ")),
            "{}",
            run.stderr
        );
    }
    assert!(!site.state().exists());
}
