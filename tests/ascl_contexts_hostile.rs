//! `ascl-refresh`: what a hostile library, or a disk that is full, does to a context file and to the site.

use crate::ascl_contexts::failure;
use crate::support::github::{GitHub, Repository, TOKEN};
use crate::support::libraries::Libraries;
use crate::support::{Run, can_mount, inside, leave_out, run};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

#[test]
fn a_symlink_of_a_repository_leads_to_nothing_of_the_site() {
    let libraries = Libraries::new("");
    let secret = "SECRET_KEY=0123456789";
    for path in [".env", "app/settings.py", "app/notes.md"] {
        libraries.site.file(path, secret, 48);
    }
    let folder = libraries.repository("x/astro");
    for inner in ["docs", "x"] {
        fs::create_dir(folder.join(inner)).unwrap();
    }
    symlink("../../../../.env", folder.join("README.md")).unwrap();
    symlink("../../../../../.env", folder.join("docs/notes.md")).unwrap();
    symlink("../../../../../app/settings.py", folder.join("x/secret.py")).unwrap();
    symlink(libraries.site.path(".env"), folder.join("whole.md")).unwrap();
    symlink("../../../../app", folder.join("linked")).unwrap();
    libraries.commit_all("x/astro", "2026-11-19T12:00:00Z");
    let _ = libraries.refresh(&[]).exits(0);
    let text = libraries.context("astro-context.txt");
    assert!(!text.contains(secret), "{text}");
    // They are files that say where they would have led.
    assert!(text.contains("../../../../.env"), "{text}");
}

#[test]
fn a_library_cannot_read_the_variables_of_maint() {
    let libraries = Libraries::new("");
    libraries.makes(
        "x/astro",
        "cat /proc/$PPID/environ >\"$input/a.md\" 2>&1
         cat /proc/[0-9]*/environ >\"$input/b.md\" 2>/dev/null
         tr '\\0' '\\n' <\"$input/b.md\" >\"$input/c.md\"",
    );
    // Root may read everything.
    let mut command = libraries.site.command_as_user(&["ascl-refresh"]);
    command.env("PATH", libraries.path()).env("GITHUB_TOKEN", "ghp_0nlyInTheVariables");
    let _ = run(&mut command).exits(0);
    let text = libraries.context("astro-context.txt");
    assert!(!text.contains("ghp_0nlyInTheVariables"), "{text}");
    assert!(text.contains("Permission denied") && text.contains("PIP_NO_INDEX=1"), "{text}");
}

#[test]
fn a_tool_leaves_no_core_file_and_is_the_first_to_go_when_memory_runs_out() {
    let libraries = Libraries::new("");
    libraries.makes("x/astro", "{ cat /proc/$$/oom_score_adj; ulimit -c; ulimit -f; } >\"$input/z.md\"");
    let open = ["sh", "-c", "ulimit -c unlimited 2>/dev/null; exec \"$@\"", "sh"];
    let _ = run(&mut inside(&open, &libraries.command(&["ascl-refresh"]))).exits(0);
    let text = libraries.context("astro-context.txt");
    assert!(text.ends_with("\n1000\n0\n4194304\n"), "{text}");
}

#[test]
fn a_text_in_a_folder_of_the_output_is_found_by_its_name_and_nothing_outside_is() {
    let libraries = Libraries::new("");
    let says = |path: &str| format!("log INFO \"Conversion completed successfully. Output: {path}\"; exit 0");
    libraries.makes(
        "x/astro-deep",
        &format!("mkdir -p \"$output/a/b\"; echo deep >\"$output/a/b/c.txt\"\n{}", says("$output/a/b/c.txt")),
    );
    libraries.site.file("app/secret.txt", "secret", 48);
    let app = libraries.site.path("app");
    libraries.makes(
        "x/astro-link",
        &format!("ln -s '{}' \"$output/a\"\n{}", app.display(), says("$output/a/secret.txt")),
    );
    libraries.makes("x/astro-up", &says("$output/../../../../app/secret.txt"));
    let run = libraries.refresh(&["--json"]).exits(1);
    assert_eq!(libraries.context("astro-deep-context.txt"), "deep\n");
    assert_eq!(libraries.contexts(), ["astro-deep-context.txt"]);
    for name in ["astro-link", "astro-up"] {
        let why = failure(&run, &format!("x/{name}"));
        assert!(why.starts_with(&format!("contextmaker ended well, but made no {name}.txt")), "{why}");
    }
}

/// What a Makefile begins with that moves the folder it runs in.
const HERE: &str = "here=$(cd \"$HOME/..\" && pwd); cd /\n";

#[test]
fn a_folder_that_a_library_has_moved_is_removed_where_it_is_now() {
    let libraries = Libraries::new("jobs = 1");
    let outside = libraries.around("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("kept"), "kept").unwrap();
    libraries.site.file("temp/repos/mine/kept", "kept", 48);
    for (at, (to, instead)) in [
        ("\"$here.x\"", format!("ln -s '{}' \"$here\"", outside.display())),
        ("\"$here/../mine/moved\"", "echo x >\"$here\"".to_owned()),
        ("\"$here.y\"", "mkdir \"$here\"; echo x >\"$here/x\"; chmod 0 \"$here\" \"$here.y\"".to_owned()),
        ("\"$here.z\"", String::new()),
    ]
    .into_iter()
    .enumerate()
    {
        libraries.makes(&format!("x/astro-{at}"), &format!("{HERE}mv \"$here\" {to}; {instead}\nexit 1"));
    }
    let mut command = libraries.site.command_as_user(&["ascl-refresh"]);
    let _ = run(command.env("PATH", libraries.path())).exits(1);
    let mut left = libraries.clones();
    left.sort();
    assert_eq!(left, ["mine", "mine/kept"]);
    assert_eq!(fs::read_to_string(outside.join("kept")).unwrap(), "kept");
}

#[test]
fn what_a_library_has_put_in_the_place_of_its_folder_is_removed_by_the_next_run() {
    let libraries = Libraries::new("");
    libraries.plain("x/astro");
    let outside = libraries.around("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("kept"), "kept").unwrap();
    libraries.site.file("temp/repos/.maint-0123456789abcdef", "x", 48);
    symlink(&outside, libraries.site.path("temp/repos/.maint-0123456789abcde0")).unwrap();
    let planned = libraries.refresh(&["--dry-run"]).exits(0);
    assert_eq!(planned.stdout.matches("(left by a run that was killed)\n").count(), 2, "{}", planned.stdout);
    let _ = libraries.refresh(&[]).exits(0);
    assert_eq!(libraries.clones(), [""; 0]);
    assert_eq!(fs::read_to_string(outside.join("kept")).unwrap(), "kept");
}

/// Nothing is cloned when its context file could not be written.
#[track_caller]
fn is_found_out_before_anything_is_cloned(libraries: &Libraries, why: &str) {
    libraries.plain("x/astro");
    let log = libraries.around("git.log");
    libraries.before_git(&format!("echo \"$*\" >>'{}'", log.display()));
    let mut command = libraries.site.command_as_user(&["ascl-refresh", "--json"]);
    let run = run(command.env("PATH", libraries.path())).exits(1);
    assert_eq!(failure(&run, "x/astro"), why);
    assert!(!log.exists(), "{}", fs::read_to_string(&log).unwrap());
}

#[test]
fn a_folder_of_context_files_that_cannot_be_written_is_found_out_before_anything_is_cloned() {
    let libraries = Libraries::new("");
    libraries.site.file("public/context", "a file", 48);
    is_found_out_before_anything_is_cloned(
        &libraries,
        "public/context is a file, and no folder for context files; move it away",
    );
    let libraries = Libraries::new("");
    let folder = libraries.site.folder("public/context/astronomy");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    is_found_out_before_anything_is_cloned(
        &libraries,
        "public/context/astronomy may not be written by this user; give it the folder: `chown` or `chmod u+w \
         public/context/astronomy`",
    );
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = libraries.site.command_as_user(&["ascl-refresh"]);
    let _ = run(command.env("PATH", libraries.path())).exits(0);
}

#[test]
fn a_commit_that_github_tells_of_is_made_though_the_clone_is_behind() {
    let libraries = Libraries::new("");
    libraries.plain("x/astro");
    let github = GitHub::with(vec![Repository::new(1, "x/astro", 10).changed("2026-11-19T12:00:00Z")]);
    let config = fs::read_to_string(libraries.site.path("maint.toml")).unwrap();
    let urls = format!("api_url = \"{}\"\ngraphql_url = \"{}\"", github.url(""), github.url("/graphql"));
    libraries.site.configure(&config.replace("stand_in = \"../github.json\"", &urls));
    let at = |day: u32| {
        let mut command = libraries.command(&["ascl-refresh", "--json"]);
        command.env("MAINT_NOW", format!("2026-11-{day}T02:00:00Z")).env("GITHUB_TOKEN", TOKEN);
        let report = run(&mut command).exits(0).json();
        let steps = report["steps"].as_array().unwrap().iter();
        let actions = steps.filter(|step| step["library"].is_string() && step["outcome"] == "done");
        actions.map(|step| step["action"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(at(20), ["make-context"]);
    github.change("x/astro", |one| one.changed("2026-11-20T12:00:00Z"));
    assert_eq!(at(21), ["renew-context"]);
    // It comes a day later.
    libraries.commit("x/astro", &[("README.md", "More.\n")], "2026-11-20T12:00:00Z");
    assert_eq!(at(22), ["renew-context"]);
    assert!(libraries.context("astro-context.txt").contains("More."));
}

/// Text that hardly becomes smaller.
fn noise(length: usize) -> String {
    let mut state: u64 = 42;
    let mut letter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'0' + u8::try_from(state >> 58).unwrap())
    };
    (0..length).map(|at| if at % 80 == 79 { '\n' } else { letter() }).collect()
}

/// Runs `ascl-refresh --json` with a small file system for the clones, of which `left` KB are free; and once more when
/// there is room again, which must go well.
#[track_caller]
fn on_a_small_disk(libraries: &Libraries, options: &str, left: u32) -> Run {
    let script = format!(
        "mkdir -p temp/repos && mount -t tmpfs -o {options} none temp/repos || exit 99
        dd if=/dev/zero of=temp/repos/filling bs=1k count=\"$(($(df -k --output=avail temp/repos | tail -n 1) - {left}))\" \
            status=none || exit 98
        code=0; \"$@\" || code=$?
        rm temp/repos/filling; umount temp/repos
        [ \"$code\" = 0 ] || \"$@\" >../again 2>&1 || {{ cat ../again >&2; exit 97; }}
        exit $code"
    );
    run(&mut inside(
        &["unshare", "-m", "sh", "-c", &script, "sh"],
        &libraries.command(&["ascl-refresh", "--json"]),
    ))
}

#[test]
fn a_disk_that_is_full_is_no_librarys_fault() {
    if !can_mount() {
        return leave_out("a full disk", "not root, or no private mount namespaces here");
    }
    let text = noise(2 << 20);
    let mut codes = BTreeSet::new();
    for left in [1_500, 2_100, 2_400, 3_000, 3_500, 4_000, 4_400, 4_800, 5_500, 6_500, 12_000] {
        let libraries = Libraries::new("");
        libraries.library("x/astro", &[("README.md", &text), ("one.py", "def star(): pass\n")]);
        let run = on_a_small_disk(&libraries, "size=16m", left);
        let place = format!("{left} KB: {} {} {}", run.code, run.stdout, run.stderr);
        assert!(run.code <= 1, "{place}");
        if run.code == 1 {
            let why = failure(&run, "x/astro");
            assert!(why.contains("No space left on device") || why.contains("free in temp/repos"), "{place}");
            assert!(!why.contains("tried again"), "{place}");
        }
        assert!(libraries.context("astro-context.txt").ends_with("def star(): pass\n"), "{place}");
        codes.insert(run.code);
    }
    assert_eq!(codes, BTreeSet::from([0, 1]), "the disk was always full, or never");
}

#[test]
fn a_disk_without_inodes_is_no_librarys_fault() {
    if !can_mount() {
        return leave_out("a disk without inodes", "not root, or no private mount namespaces here");
    }
    let libraries = Libraries::new("");
    libraries.plain("x/astro");
    for inodes in [3, 6, 24] {
        let run = on_a_small_disk(&libraries, &format!("size=16m,nr_inodes={inodes}"), 8_000);
        assert_eq!(run.code, 1, "{}", run.stderr);
        let why = failure(&run, "x/astro");
        assert!(
            why.contains("No space left on device") || why.contains(" inodes are free in temp/repos"),
            "{why}"
        );
        fs::remove_file(libraries.site.path("public/context/astronomy/astro-context.txt")).unwrap();
    }
}

#[test]
fn a_tool_that_fills_the_disk_is_ended_while_something_is_left() {
    if !can_mount() {
        return leave_out("a disk that is filled", "not root, or no private mount namespaces here");
    }
    let libraries = Libraries::new("context_timeout = \"20s\"");
    let fills =
        "[ ! -e \"$HOME/../../filling\" ] || while :; do head -c 64k /dev/zero >>big; sleep 0.02; done";
    libraries.makes("x/astro", fills);
    let run = on_a_small_disk(&libraries, "size=16m", 12_000);
    assert_eq!(run.code, 1, "{} {}", run.stdout, run.stderr);
    let why = failure(&run, "x/astro");
    assert!(why.starts_with("contextmaker was ended: only "), "{why}");
    assert!(why.ends_with(" are free in temp/repos"), "{why}");
}
