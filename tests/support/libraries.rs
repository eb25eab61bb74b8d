//! Libraries to make context files of: real repositories on this disk, a file that answers for GitHub, and a
//! contextmaker with the recorded behaviour of 1.8.8, which runs what a repository brings along.

use super::{NOW, Run, Site, run};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What a repository wants run stands in its file `Makefile`, as shell code that knows `$name`, `$input`, `$output`.
const CONTEXTMAKER: &str = r#"#!/bin/sh
log() { printf '2026-11-20 15:08:18,222 [%s] %s\n' "$1" "$2"; }
usage() {
    printf 'usage: contextmaker [-h] [--output OUTPUT] [--input_path INPUT_PATH]\n' >&2
    printf '                    [--extension {txt,md}] [--rough]\n                    [library_name]\n' >&2
    printf 'contextmaker: error: %s\n' "$1" >&2
    exit 2
}
name='' input='' output=output
while [ $# -gt 0 ]; do
    case $1 in
    --output | -o) output=$2; shift 2 ;;
    --input_path | -i) input=$2; shift 2 ;;
    --extension | -e) case $2 in txt | md) shift 2 ;; *) usage "argument --extension/-e: invalid choice: '$2'" ;; esac ;;
    --rough | -r) shift ;;
    -*) usage "unrecognized arguments: $*" ;;
    *) [ -z "$name" ] || usage "unrecognized arguments: $1"; name=$1; shift ;;
    esac
done
if [ -z "$name$input" ]; then
    log ERROR 'Either library_name or --input_path must be provided'
    exit 1
fi
log INFO "Input path: $input"
log INFO "Output path: $output"
if [ ! -d "$input" ]; then
    log ERROR "Input path '$input' does not exist."
    log ERROR 'Conversion failed'
    exit 1
fi
if [ -z "$(ls -A "$input")" ]; then
    log ERROR "Input path '$input' is empty."
    log ERROR 'Conversion failed'
    exit 1
fi
# A name with an ending becomes a folder, too.
mkdir -p "$output"
[ ! -f "$input/Makefile" ] || . "$input/Makefile"
{
    printf '# - %s | Complete Documentation -\n' "$name"
    # It follows symlinks.
    find -L "$input" -name .git -prune -o -type f \( -name '*.md' -o -name '*.py' \) -print 2>/dev/null | sort |
        while read -r file; do cat "$file"; done
} >"$output/$name.txt"
log INFO "Conversion completed successfully. Output: $output/$name.md"
log INFO "✅ Markdown converted to text: $output/$name.txt"
log INFO "✅ Conversion successful! Mode: Non-Sphinx, Output: $output/$name.txt, Size: 112 B"
log INFO "Conversion completed successfully. Output: $output/$name.txt"
"#;

/// A site with libraries.
pub(crate) struct Libraries {
    pub(crate) site: Site,
    /// When each was changed last.
    changed: std::cell::RefCell<BTreeMap<String, String>>,
}

impl Libraries {
    /// None so far; `rest` follows in the section of `ascl-refresh`.
    pub(crate) fn new(rest: &str) -> Libraries {
        Libraries::with(rest, "")
    }

    /// The same with further sections.
    pub(crate) fn with(rest: &str, sections: &str) -> Libraries {
        let site = Site::bare();
        let (around, state) = (site.around().display(), site.state());
        site.configure(&format!(
            "[site]\nname = \"test\"\ntimezone = \"Europe/Paris\"\n[state]\ndir = \"{}\"\n\
             [github]\nclone_url = \"file://{around}/git/{{owner}}/{{repo}}\"\nstand_in = \"../github.json\"\n\
             [ascl-refresh]\nsource = \"../ascl.json\"\ncontextmaker = \"../bin/contextmaker\"\n{rest}\n{sections}",
            state.display()
        ));
        let libraries = Libraries { site, changed: std::cell::RefCell::default() };
        fs::create_dir(libraries.around("bin")).unwrap();
        libraries.program("contextmaker", CONTEXTMAKER);
        symlink(real_git(), libraries.around("bin/git")).unwrap();
        libraries.publish();
        libraries
    }

    /// A path beside the site.
    pub(crate) fn around(&self, path: &str) -> PathBuf {
        self.site.around().join(path)
    }

    /// Puts a program first in `PATH`.
    pub(crate) fn program(&self, name: &str, text: &str) {
        let path = self.around("bin").join(name);
        let _ = fs::remove_file(&path);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Lets every call of git do something first; `$*` are its arguments.
    pub(crate) fn before_git(&self, line: &str) {
        self.program("git", &format!("#!/bin/sh\n{line}\nexec '{}' \"$@\"\n", real_git().display()));
    }

    /// A library with these files, committed on the day before the tests' clock.
    pub(crate) fn library(&self, name: &str, files: &[(&str, &str)]) {
        self.commit(name, files, "2026-11-19T12:00:00Z");
    }

    /// A library that answers for all that it is asked.
    pub(crate) fn plain(&self, name: &str) {
        self.library(name, &[("README.md", &format!("This is {name}.\n"))]);
    }

    /// A library whose Makefile does this.
    pub(crate) fn makes(&self, name: &str, makefile: &str) {
        self.library(name, &[("README.md", &format!("This is {name}.\n")), ("Makefile", makefile)]);
    }

    /// Commits files to a library, which is made when it is missing.
    pub(crate) fn commit(&self, name: &str, files: &[(&str, &str)], time: &str) {
        let folder = self.repository(name);
        for (path, content) in files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        self.commit_all(name, time);
    }

    /// The folder of a library's repository, which is made when it is missing.
    pub(crate) fn repository(&self, name: &str) -> PathBuf {
        let folder = self.around("git").join(name);
        if !folder.exists() {
            fs::create_dir_all(&folder).unwrap();
            self.git(&folder, &["init", "--quiet", "--initial-branch=main"], NOW);
        }
        folder
    }

    /// Commits whatever is in the folder of a library.
    pub(crate) fn commit_all(&self, name: &str, time: &str) {
        let folder = self.repository(name);
        self.git(&folder, &["add", "--all"], time);
        self.git(&folder, &["commit", "--quiet", "--allow-empty", "--message=work"], time);
        self.changed(name, time);
    }

    /// GitHub says that a library was changed then.
    pub(crate) fn changed(&self, name: &str, time: &str) {
        self.changed.borrow_mut().insert(name.to_owned(), time.to_owned());
        self.publish();
    }

    /// Runs git on a repository of a library.
    pub(crate) fn git(&self, folder: &Path, args: &[&str], time: &str) {
        let mut command = Command::new(real_git());
        command
            .args(args)
            .current_dir(folder)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.site.home());
        for role in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{role}_NAME"), "Nobody")
                .env(format!("GIT_{role}_EMAIL"), "nobody@example.org");
            command.env(format!("GIT_{role}_DATE"), time);
        }
        let done = command.output().unwrap();
        assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// Writes the document with the links, and what GitHub would answer.
    fn publish(&self) {
        let (mut links, mut answers) = (String::new(), String::new());
        for (name, time) in self.changed.borrow().iter() {
            let comma = if links.is_empty() { "" } else { ", " };
            let _ = write!(links, "{comma}\"https://github.com/{name}\"");
            let _ = write!(answers, "{comma}\"{name}\": {{\"stars\": 10, \"changed\": \"{time}\"}}");
        }
        self.document(&format!("{{\"1\": {{\"ascl_id\": \"2611.001\", \"site_list\": [{links}]}}}}"));
        fs::write(self.around("github.json"), format!("{{{answers}}}")).unwrap();
    }

    /// Replaces the document with the links.
    pub(crate) fn document(&self, text: &str) {
        fs::write(self.around("ascl.json"), text).unwrap();
    }

    /// `maint` with the programs of these libraries.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.site.command(args);
        command.env("PATH", self.path());
        command
    }

    /// Where its programs are.
    pub(crate) fn path(&self) -> String {
        format!("{}:/usr/bin:/bin", self.around("bin").display())
    }

    /// Runs `maint ascl-refresh` to its end.
    pub(crate) fn refresh(&self, args: &[&str]) -> Run {
        self.refresh_at(NOW, args)
    }

    /// The same at another time.
    pub(crate) fn refresh_at(&self, time: &str, args: &[&str]) -> Run {
        run(self.command(&[&["ascl-refresh"], args].concat()).env("MAINT_NOW", time))
    }

    /// Starts `maint ascl-refresh` and goes on.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        let mut command = self.command(&[&["ascl-refresh"], args].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The names of the context files.
    pub(crate) fn contexts(&self) -> Vec<String> {
        if self.site.path("public/context/astronomy").exists() {
            self.site.tree("public/context/astronomy")
        } else {
            Vec::new()
        }
    }

    /// The content of a context file.
    #[track_caller]
    pub(crate) fn context(&self, name: &str) -> String {
        fs::read_to_string(self.site.path("public/context/astronomy").join(name)).unwrap()
    }

    /// What is in the folder of the clones, which may be changing.
    pub(crate) fn clones(&self) -> Vec<String> {
        let base = self.site.path("temp/repos");
        let (mut found, mut waiting) = (Vec::new(), vec![base.clone()]);
        while let Some(folder) = waiting.pop() {
            for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
                found.push(path.strip_prefix(&base).unwrap().display().to_string());
                if !path.is_symlink() && path.is_dir() {
                    waiting.push(path);
                }
            }
        }
        found
    }

    /// The processes of these libraries: those that have a path beside the site in their environment or command line,
    /// or are there.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let mark = self.site.around().to_str().unwrap().to_owned();
        let is_marked = |pid: &u32| {
            let read = |name: &str| fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
            let is_in = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).contains(&mark);
            let place = fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
            is_in(read("environ")) || is_in(read("cmdline")) || place.starts_with(&mark)
        };
        let pids = fs::read_dir("/proc").unwrap();
        pids.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok()).filter(is_marked).collect()
    }
}

impl Drop for Libraries {
    fn drop(&mut self) {
        for pid in self.processes() {
            if let Some(pid) = rustix::process::Pid::from_raw(pid.cast_signed()) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }
}

fn real_git() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("git")).find(|path| path.is_file());
    found.expect("git is needed for these tests")
}
