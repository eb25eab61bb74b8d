//! Finds logs: one by its path, or all that match a pattern below the site.

use super::Log;
use super::journal::is_journal;
use super::pattern::Pattern;
use crate::error::plain_errno;
use crate::text;
use crate::world::files::folder::{Folder, Rules, Target, identity_of, look_at, look_at_entry};
use crate::world::files::{Files, Identity, NoTarget, listing, open_folder, open_inside, real_folder};
use crate::world::stop::Stop;
use anyhow::Result;
use globset::GlobSet;
use rustix::fd::OwnedFd;
use rustix::fs::{FileType, StatxAttributes};
use rustix::io::Errno;
use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Nothing is opened longer than it is looked at, but for the folders themselves.
const RULES: Rules = Rules { skip_open: false, now: 0 };

/// The logs that were found so far, each once.
#[derive(Debug, Default)]
pub(crate) struct Search {
    pub(crate) logs: Vec<Log>,
    /// What is left alone, and why.
    pub(crate) notes: Vec<String>,
    /// What was asked for and is not to be had, and why.
    pub(crate) failures: Vec<String>,
    /// How many names a glob has matched.
    matched: usize,
    folders: HashMap<PathBuf, Arc<Folder>>,
    seen: HashSet<Identity>,
}

/// Why something is no log that can be shortened.
enum NoLog {
    Missing,
    Folder,
    Other(String),
}

impl Search {
    /// The file at a path that somebody has typed.
    pub(crate) fn file(&mut self, path: &Path, shown: &Path) {
        let shown = text::path(shown).into_owned();
        let found = match (path.parent(), path.file_name()) {
            (Some(folder), Some(name)) => self.in_folder(folder, name.as_bytes(), &shown),
            _ => Err(NoLog::Folder),
        };
        match found {
            Ok(()) => {}
            Err(NoLog::Missing) => self.failures.push(format!("{shown}: does not exist")),
            Err(NoLog::Folder) => self.failures.push(format!("{shown}: is a folder; name the logs in it")),
            Err(NoLog::Other(why)) => self.failures.push(format!("{shown}: {why}")),
        }
    }

    fn in_folder(&mut self, path: &Path, name: &[u8], shown: &str) -> Result<(), NoLog> {
        let folder = if let Some(folder) = self.folders.get(path) {
            Arc::clone(folder)
        } else {
            let fd = open_folder(&real_folder(path)).map_err(|errno| match errno {
                Errno::NOENT | Errno::NOTDIR => NoLog::Missing,
                errno => NoLog::Other(plain_errno(errno)),
            })?;
            let folder = folder_of(fd, path);
            self.folders.insert(path.to_owned(), Arc::clone(&folder));
            folder
        };
        let name = CString::new(name).map_err(|_| NoLog::Missing)?;
        let fd = open(&folder)?;
        self.add(&folder, &fd, &name, shown.to_owned())
    }

    /// All that is meant by a pattern, in the order of their paths.
    pub(crate) fn pattern(
        &mut self,
        pattern: &Pattern,
        root: &Path,
        exclude: &GlobSet,
        (files, stop): (&Files, &Stop),
    ) -> Result<()> {
        let Some(glob) = pattern.glob() else { return self.configured(pattern, root, exclude) };
        let before = self.matched;
        let base = match open_inside(root, &pattern.base) {
            Ok((fd, shown)) => folder_of(fd, &shown),
            Err(NoTarget::Missing) => {
                let shown = text::path(&root.join(&pattern.base)).into_owned();
                self.notes.push(format!("{shown}: does not exist, so there are no logs"));
                return Ok(());
            }
            Err(NoTarget::Refused(error)) => return Err(error),
        };
        let mut waiting = vec![(base, 0)];
        while let Some((folder, depth)) = waiting.pop() {
            if stop.reason().is_some() {
                break;
            }
            let path = pattern.base.join(folder.relative_path());
            if exclude.is_match(&path) {
                continue;
            }
            match self.look_into(&folder, &path, pattern, exclude, files, depth) {
                Ok(further) => waiting.extend(further.into_iter().rev().map(|folder| (folder, depth + 1))),
                // It has vanished meanwhile, or became something else.
                Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => {}
                Err(Errno::XDEV) => self.say(&folder.path(), "another file system is mounted there"),
                Err(errno) => {
                    self.failures.push(format!("{}: {}", text::path(&folder.path()), plain_errno(errno)));
                }
            }
        }
        if self.matched == before {
            self.notes.push(format!("{}: no log matches", text::escape(glob)));
        }
        Ok(())
    }

    fn configured(&mut self, pattern: &Pattern, root: &Path, exclude: &GlobSet) -> Result<()> {
        let shown = root.join(&pattern.base);
        let (folder, name) = (pattern.base.parent().unwrap_or(Path::new("")), shown.file_name());
        let name = name.and_then(|name| CString::new(name.as_bytes()).ok()).unwrap_or_default();
        if exclude.is_match(&pattern.base) {
            return Ok(());
        }
        let words = text::path(&shown).into_owned();
        let found = match open_inside(root, folder) {
            Ok((fd, path)) => {
                let folder = folder_of(fd, &path);
                open(&folder).and_then(|fd| self.add(&folder, &fd, &name, words.clone()))
            }
            Err(NoTarget::Missing) => Err(NoLog::Missing),
            Err(NoTarget::Refused(error)) => return Err(error),
        };
        match found {
            Ok(()) => {}
            Err(NoLog::Missing) => self.notes.push(format!("{words}: does not exist, so it is left out")),
            Err(NoLog::Folder) => {
                self.failures.push(format!("{words}: is a folder; write a glob, such as \"logs/*.log\""));
            }
            Err(NoLog::Other(why)) => self.failures.push(format!("{words}: {why}")),
        }
        Ok(())
    }

    /// Adds the logs in a folder, and returns the folders in it that may hold more.
    fn look_into(
        &mut self,
        folder: &Arc<Folder>,
        path: &Path,
        pattern: &Pattern,
        exclude: &GlobSet,
        files: &Files,
        depth: usize,
    ) -> Result<Vec<Arc<Folder>>, Errno> {
        let fd = folder.open()?;
        let itself = look_at(&fd)?;
        folder.saw(&itself);
        if files.spared().contains(&identity_of(&itself)) {
            return Ok(Vec::new());
        }
        let mut names: Vec<(CString, FileType)> = Vec::new();
        listing::list(&fd, |name, file_type| names.push((name.to_owned(), file_type)))?;
        names.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        let mut further = Vec::new();
        for (name, file_type) in names {
            let path = path.join(std::ffi::OsStr::from_bytes(name.to_bytes()));
            let is_folder = match file_type {
                FileType::Unknown => look_at_entry(&fd, &name)
                    .is_ok_and(|found| FileType::from_raw_mode(found.stx_mode.into()) == FileType::Directory),
                known => known == FileType::Directory,
            };
            if is_folder {
                if pattern.leads_through(&path, depth) {
                    further.push(Arc::new(folder.child(name)));
                }
                continue;
            }
            if !pattern.is_match(&path) || exclude.is_match(&path) || is_journal(&name) {
                continue;
            }
            self.matched += 1;
            let shown = folder.path_of(&name);
            if let Err(NoLog::Other(why)) = self.add(folder, &fd, &name, text::path(&shown).into_owned()) {
                self.say(&shown, &why);
            }
        }
        Ok(further)
    }

    fn add(&mut self, folder: &Arc<Folder>, fd: &OwnedFd, name: &CStr, shown: String) -> Result<(), NoLog> {
        let found = match look_at_entry(fd, name) {
            Ok(found) => found,
            Err(Errno::NOENT | Errno::NAMETOOLONG) => return Err(NoLog::Missing),
            Err(errno) => return Err(NoLog::Other(plain_errno(errno))),
        };
        let why = match FileType::from_raw_mode(found.stx_mode.into()) {
            FileType::Directory => return Err(NoLog::Folder),
            FileType::Symlink => "is a symlink, which is not followed; name the file that it leads to",
            FileType::RegularFile if found.stx_nlink > 1 => {
                "has a second name (a hard link), under which it would be shortened too; remove that name first"
            }
            FileType::RegularFile if found.stx_attributes.contains(StatxAttributes::APPEND) => {
                "may only be appended to (an attribute); run `chattr -a` on it first"
            }
            FileType::RegularFile if found.stx_attributes.contains(StatxAttributes::IMMUTABLE) => {
                "must not be changed (an attribute); run `chattr -i` on it first"
            }
            FileType::RegularFile => {
                let (identity, size) = (identity_of(&found), found.stx_size);
                if self.seen.insert(identity) {
                    let (folder, name) = (Arc::clone(folder), name.to_owned());
                    self.logs.push(Log { folder, name, shown, identity, size });
                }
                return Ok(());
            }
            _ => "is a pipe, a socket or a device; name a regular file",
        };
        Err(NoLog::Other(why.to_owned()))
    }

    fn say(&mut self, path: &Path, why: &str) {
        self.notes.push(format!("{}: {why}", text::path(path)));
    }
}

fn folder_of(fd: OwnedFd, shown: &Path) -> Arc<Folder> {
    Arc::new(Folder::root(&Arc::new(Target { fd, shown: shown.components().collect(), rules: RULES })))
}

/// Opens a folder, and remembers which one it is.
fn open(folder: &Folder) -> Result<OwnedFd, NoLog> {
    let open = || -> Result<OwnedFd, Errno> {
        let fd = folder.open()?;
        folder.saw(&look_at(&fd)?);
        Ok(fd)
    };
    open().map_err(|errno| NoLog::Other(plain_errno(errno)))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests prepare the world themselves")]
mod tests {
    use super::*;
    use crate::config::glob::Glob;
    use std::fs;
    use std::os::unix::fs::symlink;
    use tempfile::TempDir;

    fn site(files: &[&str]) -> TempDir {
        let site = TempDir::new().unwrap();
        for path in files {
            let path = site.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x\n").unwrap();
        }
        site
    }

    fn find(site: &TempDir, pattern: &str, exclude: &[&str]) -> (Vec<String>, Search) {
        let exclude: Vec<Glob> =
            exclude.iter().map(|glob| Glob::try_from((*glob).to_owned()).unwrap()).collect();
        let mut search = Search::default();
        let pattern = Pattern::of(pattern, site.path()).unwrap();
        let context = (&Files::default(), &Stop::default());
        search.pattern(&pattern, site.path(), &Glob::set(&exclude).unwrap(), context).unwrap();
        let root = format!("{}/", site.path().display());
        (search.logs.iter().map(|log| log.shown.replace(&root, "")).collect(), search)
    }

    #[test]
    fn a_glob_stays_in_its_folder_unless_it_says_otherwise() {
        let site = site(&["a.log", "logs/b.log", "logs/c.txt", "logs/old/d.log", "logs/old/er/e.log"]);
        assert_eq!(find(&site, "*.log", &[]).0, ["a.log"]);
        assert_eq!(find(&site, "./logs/*.log", &[]).0, ["logs/b.log"]);
        assert_eq!(find(&site, "l*/*/*.log", &[]).0, ["logs/old/d.log"]);
        assert_eq!(
            find(&site, "logs/**/*.log", &[]).0,
            ["logs/b.log", "logs/old/d.log", "logs/old/er/e.log"]
        );
        assert_eq!(find(&site, "logs/{b.log,c.txt}", &[]).0, ["logs/b.log", "logs/c.txt"]);
        assert_eq!(find(&site, "logs/**/*.log", &["b.*", "logs/old/er"]).0, ["logs/old/d.log"]);
        let absolute = site.path().join("logs/c.txt");
        assert_eq!(find(&site, absolute.to_str().unwrap(), &[]).0, ["logs/c.txt"]);
    }

    #[test]
    fn a_link_is_not_followed_and_what_a_killed_run_has_left_is_no_log() {
        let site = site(&["logs/b.log", "logs/.b.log.maint-trim", "elsewhere/c.log", "logs/sub/x"]);
        symlink("../elsewhere/c.log", site.path().join("logs/c.log")).unwrap();
        symlink("../elsewhere", site.path().join("logs/folder.log")).unwrap();
        let (logs, search) = find(&site, "logs/*", &[]);
        assert_eq!(logs, ["logs/b.log"]);
        assert_eq!(search.notes.len(), 2, "{:?}", search.notes);
        assert!(search.notes.iter().all(|note| note.contains("is a symlink")));
        assert!(search.failures.is_empty());
    }

    #[test]
    fn what_is_not_there_is_a_note_when_configured_and_a_failure_when_typed() {
        let site = site(&["logs/b.log"]);
        for pattern in ["logs/gone.log", "gone/*.log", "logs/*.txt"] {
            let (logs, search) = find(&site, pattern, &[]);
            assert_eq!((logs.len(), search.notes.len(), search.failures.len()), (0, 1, 0), "{pattern}");
        }
        let mut search = Search::default();
        search.file(&site.path().join("logs/gone.log"), Path::new("gone.log"));
        search.file(&site.path().join("gone/b.log"), Path::new("gone/b.log"));
        search.file(&site.path().join("logs"), Path::new("logs"));
        let [first, second, third] = search.failures.as_slice() else { panic!("{:?}", search.failures) };
        assert_eq!(
            (first.as_str(), second.as_str()),
            ("gone.log: does not exist", "gone/b.log: does not exist")
        );
        assert_eq!(third, "logs: is a folder; name the logs in it");
    }

    #[test]
    fn a_log_with_two_names_is_refused_and_one_that_is_named_twice_comes_once() {
        let site = site(&["a.log", "b.log"]);
        fs::hard_link(site.path().join("b.log"), site.path().join("c.log")).unwrap();
        let mut search = Search::default();
        for name in ["a.log", "a.log", "b.log"] {
            search.file(&site.path().join(name), Path::new(name));
        }
        assert_eq!(search.logs.len(), 1);
        assert!(search.failures[0].starts_with("b.log: has a second name (a hard link)"));
    }

    #[test]
    fn a_pattern_outside_the_site_is_refused() {
        for pattern in ["../x.log", "logs/../../x", "/etc/*.conf", ".", "", "logs/["] {
            let error = Pattern::of(pattern, Path::new("/srv/site")).unwrap_err();
            assert_eq!(crate::error::exit_of(&error), crate::exit::Exit::Usage, "{pattern}");
        }
    }
}
