//! The names of all files of a kind below a folder, sorted. Nothing is asked about a file but its name.

use super::folder::{Find, Folder, Kind, Target, is_file, look_at_entry};
use super::gather::locked;
use super::listing;
use super::walk::{Visitor, walk};
use crate::error::plain_errno;
use crate::text;
use rustix::fd::OwnedFd;
use rustix::fs::FileType;
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// Which names belong to the kind that is looked for.
pub(crate) type IsWanted<'a> = &'a (dyn Fn(&[u8]) -> bool + Sync);

/// What was found below one folder.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    /// The folders that hold such files, in the order of their paths.
    pub(crate) drawers: Vec<Drawer>,
    /// What is not counted although its name fits, and why.
    pub(crate) left: Vec<String>,
    /// What could not be looked at, and why.
    pub(crate) unreadable: Vec<String>,
}

/// One folder and the wanted files in it.
#[derive(Debug)]
pub(crate) struct Drawer {
    folder: Arc<Folder>,
    path: PathBuf,
}

impl Inventory {
    /// Looks at everything below `target`; cut short when `must_stop` says so.
    pub(crate) fn of(
        target: &Arc<Target>,
        is_wanted: IsWanted<'_>,
        must_stop: &(dyn Fn() -> bool + Sync),
    ) -> anyhow::Result<Inventory> {
        let clerk = Clerk { is_wanted, must_stop, found: Mutex::default() };
        walk(&clerk, &Arc::new(Folder::root(target)))?;
        let mut found = clerk.found.into_inner().unwrap_or_else(PoisonError::into_inner);
        found.drawers.sort_unstable_by(|a, b| a.path().cmp(b.path()));
        found.left.sort_unstable();
        found.unreadable.sort_unstable();
        Ok(found)
    }

    /// True when there is at least one such file; the walk ends at the first.
    pub(crate) fn is_any(target: &Arc<Target>, is_wanted: IsWanted<'_>) -> anyhow::Result<bool> {
        let is_found = AtomicBool::new(false);
        let note = |name: &[u8]| {
            let is_one = is_wanted(name);
            is_found.fetch_or(is_one, Relaxed);
            is_one
        };
        let found = Inventory::of(target, &note, &|| is_found.load(Relaxed))?;
        Ok(!found.drawers.is_empty())
    }
}

impl Drawer {
    /// The folder's path, relative to the target.
    pub(crate) fn path(&self) -> &[u8] {
        self.path.as_os_str().as_bytes()
    }

    /// The names of the files, sorted, each with where it begins.
    pub(crate) fn names(&self) -> impl Iterator<Item = (usize, &[u8])> {
        self.folder.names().map(|(start, name)| (start, name.to_bytes()))
    }

    /// Looks at some of the files; `starts` are where their names begin. Nothing where there is no file any more.
    pub(crate) fn look(&self, starts: &[usize]) -> Vec<Result<Option<Find>, String>> {
        let open = self.folder.open();
        let look = |start: &usize| {
            let name = self.folder.name_at(*start);
            let looked = open.as_ref().map_err(|errno| *errno).and_then(|fd| look_at_entry(fd, name));
            match looked {
                Ok(found) if is_file(&found) => {
                    Ok(Some(Find::entry(&self.folder, *start, Kind::File, &found)))
                }
                Ok(_) | Err(Errno::NOENT) => Ok(None),
                Err(errno) => Err(complaint(&self.folder.path_of(name), errno)),
            }
        };
        starts.iter().map(look).collect()
    }
}

/// Writes the inventory while the walk goes on.
struct Clerk<'a> {
    is_wanted: IsWanted<'a>,
    must_stop: &'a (dyn Fn() -> bool + Sync),
    found: Mutex<Inventory>,
}

impl Visitor for Clerk<'_> {
    type Stop = Arc<Folder>;

    fn folder<'s>(&self, folder: &'s Arc<Folder>) -> &'s Arc<Folder> {
        folder
    }

    fn look(&self, fd: &OwnedFd, folder: &Arc<Folder>) -> Vec<Arc<Folder>> {
        let mut further = Vec::new();
        let mut names = Vec::new();
        let listed = listing::list(fd, |name, file_type| match self.kind_of(fd, folder, name, file_type) {
            FileType::Directory => further.push(Arc::new(folder.child(name.to_owned()))),
            FileType::RegularFile if (self.is_wanted)(name.to_bytes()) => names.push(name.to_owned()),
            FileType::Symlink if (self.is_wanted)(name.to_bytes()) => {
                let line =
                    format!("{}: is a symlink, which is not followed", text::path(&folder.path_of(name)));
                locked(&self.found).left.push(line);
            }
            _ => {}
        });
        if let Err(errno) = listed {
            self.fail(&folder.path(), errno);
        }
        if !names.is_empty() {
            folder.keep_names(sorted(names));
            let drawer = Drawer { path: folder.relative_path(), folder: Arc::clone(folder) };
            locked(&self.found).drawers.push(drawer);
        }
        further
    }

    fn miss(&self, folder: &Arc<Folder>, why: Option<Errno>) {
        match why {
            // It has vanished meanwhile, or became something else; or the walk ends.
            None | Some(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => {}
            Some(Errno::XDEV) => {
                let line = format!("{}: another file system is mounted there", text::path(&folder.path()));
                locked(&self.found).left.push(line);
            }
            Some(errno) => self.fail(&folder.path(), errno),
        }
    }

    fn must_end(&self) -> bool {
        (self.must_stop)()
    }
}

impl Clerk<'_> {
    /// The kind of an entry; some file systems do not tell it with the name.
    fn kind_of(&self, fd: &OwnedFd, folder: &Folder, name: &CStr, file_type: FileType) -> FileType {
        if file_type != FileType::Unknown {
            return file_type;
        }
        match look_at_entry(fd, name) {
            Ok(found) => FileType::from_raw_mode(found.stx_mode.into()),
            Err(Errno::NOENT) => FileType::Unknown,
            Err(errno) => {
                self.fail(&folder.path_of(name), errno);
                FileType::Unknown
            }
        }
    }

    fn fail(&self, path: &Path, errno: Errno) {
        locked(&self.found).unreadable.push(complaint(path, errno));
    }
}

fn complaint(path: &Path, errno: Errno) -> String {
    format!("{}: {}", text::path(path), plain_errno(errno))
}

/// The names one after the other, each with its final NUL.
fn sorted(mut names: Vec<CString>) -> Vec<u8> {
    names.sort_unstable();
    let mut bytes = Vec::with_capacity(names.iter().map(|name| name.count_bytes() + 1).sum());
    for name in &names {
        bytes.extend_from_slice(name.to_bytes_with_nul());
    }
    bytes
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests prepare the world themselves")]
mod tests {
    use super::*;
    use crate::world::files::{Checksum, Files};
    use std::fs;
    use std::os::unix::fs::symlink;
    use tempfile::TempDir;

    fn is_zip(name: &[u8]) -> bool {
        name.ends_with(b".zip")
    }

    fn site(files: &[(&str, &str)]) -> (TempDir, Arc<Target>) {
        let site = TempDir::new().unwrap();
        for (path, content) in files {
            let path = site.path().join("storage").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let target = Files::default().folder_inside(site.path(), Path::new("storage")).unwrap();
        (site, target)
    }

    fn look(target: &Arc<Target>) -> Inventory {
        Inventory::of(target, &is_zip, &|| false).unwrap()
    }

    fn paths(inventory: &Inventory) -> Vec<String> {
        let of_drawer = |drawer: &Drawer| {
            let names = drawer.names().map(|(_, name)| String::from_utf8_lossy(name).into_owned());
            names.map(|name| drawer.path.join(name).display().to_string()).collect::<Vec<_>>()
        };
        inventory.drawers.iter().flat_map(of_drawer).collect()
    }

    fn finds(inventory: &Inventory) -> Vec<Find> {
        let of_drawer = |drawer: &Drawer| {
            let starts: Vec<usize> = drawer.names().map(|(start, _)| start).collect();
            drawer.look(&starts).into_iter().filter_map(Result::unwrap).collect::<Vec<_>>()
        };
        inventory.drawers.iter().flat_map(of_drawer).collect()
    }

    #[test]
    fn every_file_of_the_kind_is_listed_in_order_however_deep() {
        let files = ["b.zip", "a.zip", "a.txt", "z/deep/er/c.zip", "a-b/x.zip", "a/x.zip", "empty/no.txt"];
        let (_site, target) = site(&files.map(|path| (path, "")));
        assert_eq!(paths(&look(&target)), ["a.zip", "b.zip", "a/x.zip", "a-b/x.zip", "z/deep/er/c.zip"]);
    }

    #[test]
    fn symlinks_are_told_and_neither_they_nor_pipes_and_folders_are_files() {
        let (site, target) = site(&[("a.zip", ""), ("folder.zip/b.txt", "")]);
        let storage = site.path().join("storage");
        symlink(storage.join("a.zip"), storage.join("link.zip")).unwrap();
        symlink(&storage, storage.join("loop")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, storage.join("pipe.zip"), 0o600.into()).unwrap();
        let inventory = look(&target);
        assert_eq!(paths(&inventory), ["a.zip"]);
        assert_eq!(inventory.left.len(), 1);
        assert!(inventory.left[0].ends_with("/storage/link.zip: is a symlink, which is not followed"));
    }

    #[test]
    fn one_file_of_the_kind_is_enough_to_say_that_there_is_any() {
        let (_site, with) = site(&[("a.txt", ""), ("deep/b.zip", "")]);
        assert!(Inventory::is_any(&with, &is_zip).unwrap());
        let (_site, without) = site(&[("a.txt", ""), ("deep/b.txt", "")]);
        assert!(!Inventory::is_any(&without, &is_zip).unwrap());
    }

    #[test]
    fn the_inventory_ends_when_it_must() {
        let (_site, target) = site(&[("a.zip", "")]);
        assert!(Inventory::of(&target, &is_zip, &|| true).unwrap().drawers.is_empty());
    }

    #[test]
    fn a_file_that_vanishes_after_the_listing_is_left_out() {
        let (site, target) = site(&[("a.zip", ""), ("b.zip", "")]);
        let inventory = look(&target);
        fs::remove_file(site.path().join("storage/a.zip")).unwrap();
        assert_eq!(finds(&inventory).len(), 1);
    }

    #[test]
    fn checksums_are_those_of_sha256_in_the_order_of_the_files() {
        let large = "0123456789abcdef".repeat(100_000);
        let (_site, target) = site(&[("a.zip", "abc"), ("b.zip", ""), ("c.zip", &large)]);
        let finds = finds(&look(&target));
        let finds: Vec<&Find> = finds.iter().collect();
        let sums = Files::default().checksums(&finds, &|| false).unwrap();
        let expected = [
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "39ec05ee6a2d25b6c775d195d1ce3e75aa64dd11c76506827bc414d90b6a6184",
        ];
        assert_eq!(sums, expected.map(|sum| Checksum::Sum(sum.to_owned())));
    }

    #[test]
    fn a_file_that_changed_or_is_being_written_has_no_checksum() {
        let (site, target) = site(&[("a.zip", "abc"), ("b.zip", "abc"), ("c.zip", "abc")]);
        let finds = finds(&look(&target));
        let storage = site.path().join("storage");
        fs::write(storage.join("a.zip"), "abcd").unwrap();
        fs::remove_file(storage.join("b.zip")).unwrap();
        let _writer = fs::OpenOptions::new().append(true).open(storage.join("c.zip")).unwrap();
        let files = Files::default();
        let sum = |find: &Find| files.checksums(&[find], &|| false).unwrap().remove(0);
        assert_eq!(
            finds.iter().map(sum).collect::<Vec<_>>(),
            [Checksum::Changed, Checksum::Changed, Checksum::BeingWritten]
        );
        assert_eq!(
            finds.iter().map(|find| files.is_unchanged(find).unwrap()).collect::<Vec<_>>(),
            [false, false, true]
        );
    }

    #[test]
    fn reading_stops_when_the_run_must_end() {
        let (_site, target) = site(&[("a.zip", "abc")]);
        let finds = finds(&look(&target));
        assert_eq!(Files::default().checksums(&[&finds[0]], &|| true).unwrap(), [Checksum::Stopped]);
    }
}
