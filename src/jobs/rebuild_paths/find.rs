//! One sorted list of files beside one sorted list of records: what stands in only one of them.

use super::records::{Bases, Record, Records, State};
use super::{Orphan, RebuildPaths, Repair, Seen};
use crate::config::rebuild_paths::RebuildPathsSection;
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::database::Database;
use crate::world::files::{Drawer, Inventory, NoTarget, Presence, Target};
use anyhow::Result;
use std::cmp::Ordering;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// A record holds a path of at most so many characters.
const LONGEST_PATH: usize = 500;

/// Where the files and the records are.
pub(super) struct Places {
    pub(super) database: Database,
    /// None when the folder does not exist.
    storage: Option<Arc<Target>>,
    /// The storage relative to the base.
    prefix: String,
    base: PathBuf,
    pub(super) bases: Bases,
}

impl Places {
    /// Opens the storage, which must exist unless `may_be_missing`.
    pub(super) fn of(world: &World, may_be_missing: bool) -> Result<Places> {
        let section = &world.config.rebuild_paths;
        let database = world.database(section.database.as_deref())?;
        let (storage, base) = (plain(&section.storage, &world.root), plain(&section.base, &world.root));
        let prefix = storage.strip_prefix(&base).ok().and_then(Path::to_str).ok_or_else(|| {
            let (storage, base) = (text::path(&section.storage), text::path(&section.base));
            Problem::usage(format!("storage {storage} is not inside base {base}; correct [rebuild-paths]"))
        })?;
        let (prefix, bases) = (prefix.to_owned(), bases(&storage, &base, world));
        let storage = match world.files.folder_inside(&world.root, &storage) {
            Ok(storage) => Some(storage),
            Err(NoTarget::Missing) if may_be_missing => None,
            Err(NoTarget::Missing) => return Err(missing(section)),
            Err(NoTarget::Refused(error)) => return Err(error),
        };
        Ok(Places { database, storage, prefix, base: world.root.join(base), bases })
    }

    /// True when there is at least one backup.
    pub(super) fn hold_any(&self, world: &World) -> Result<bool> {
        let section = &world.config.rebuild_paths;
        let storage = self.storage.as_ref();
        storage.map_or(Ok(false), |storage| Inventory::is_any(storage, &|name| section.stem(name).is_some()))
    }

    fn inventory(&self, world: &World) -> Result<Inventory> {
        let Some(storage) = &self.storage else { return Ok(Inventory::default()) };
        let section = &world.config.rebuild_paths;
        Inventory::of(storage, &|name| section.stem(name).is_some(), &|| world.stop.reason().is_some())
    }

    /// Whether the file of a record is there.
    pub(super) fn presence(&self, world: &World, stored: &str, relative: &str) -> Presence {
        let elsewhere = Path::new(stored);
        match world.files.presence(&self.base.join(relative)) {
            Presence::Missing if elsewhere.is_absolute() => world.files.presence(elsewhere),
            other => other,
        }
    }

    /// How a record writes a folder of the storage.
    fn folder(&self, drawer: &Drawer) -> Vec<u8> {
        let parts = [self.prefix.as_bytes(), drawer.path()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(&b'/')
    }
}

fn bases(storage: &Path, base: &Path, world: &World) -> Bases {
    let roots = [Some(&world.root), world.config.site.root.as_ref()];
    let roots = roots.into_iter().flatten().filter(|root| root.is_absolute());
    let here = roots.filter_map(|root| root.join(base).to_str().map(str::to_owned)).collect();
    let between = |path: &Path| match path.to_str() {
        None | Some("") => "/".to_owned(),
        Some(path) => format!("/{path}/"),
    };
    Bases { here, storage: between(storage), base: between(base).len() }
}

/// A path without the site's root and idle parts.
fn plain(path: &Path, root: &Path) -> PathBuf {
    let path = path.strip_prefix(root).unwrap_or(path);
    path.components().filter(|part| *part != Component::CurDir).collect()
}

fn missing(section: &RebuildPathsSection) -> anyhow::Error {
    Problem::refused(format!(
        "the storage {} does not exist; mount its disk, correct `storage` in [rebuild-paths], or add --allow-empty \
         if no backup is left; nothing was touched",
        text::path(&section.storage)
    ))
}

/// What differs.
#[derive(Default)]
pub(super) struct Found {
    pub(super) files: usize,
    pub(super) records: usize,
    pub(super) orphans: Vec<Orphan>,
    pub(super) lost: Vec<Repair>,
    pub(super) back: Vec<Repair>,
    /// To whom new records will belong.
    pub(super) owner: Option<i64>,
    pub(super) notes: Vec<String>,
    pub(super) failures: Vec<String>,
}

/// Looks at the files, then at the records: whoever finishes a backup in between has recorded its file.
pub(super) fn find(job: &RebuildPaths, world: &World) -> Result<Found> {
    let places = Places::of(world, job.allow_empty)?;
    let inventory = places.inventory(world)?;
    let mut looking = places.database.look(world)?;
    let records = Records::read(&mut looking, &places.bases)?;
    let owner = job.owner(&mut looking, world)?;
    drop(looking);
    let found = Found {
        owner,
        records: records.sorted().len(),
        notes: inventory.left,
        failures: inventory.unreadable,
        ..Found::default()
    };
    let mut comparison = Comparison { world, places: &places, records: &records, next: 0, found };
    for drawer in &inventory.drawers {
        if world.stop.reason().is_some() {
            return Ok(comparison.found);
        }
        comparison.compare_files(drawer);
    }
    while comparison.pass_unlisted(|_| Ordering::Less) {}
    if inventory.drawers.is_empty() && !job.allow_empty {
        comparison.refuse_unmounted()?;
    }
    Ok(comparison.found)
}

struct Comparison<'a> {
    world: &'a World,
    places: &'a Places,
    records: &'a Records,
    /// The first record that has not been passed.
    next: usize,
    found: Found,
}

impl Comparison<'_> {
    /// Compares the files of one folder.
    fn compare_files(&mut self, drawer: &Drawer) {
        let folder = self.places.folder(drawer);
        let mut starts = Vec::new();
        let mut paths = Vec::new();
        for (start, name) in drawer.names() {
            self.found.files += 1;
            let records = self.records;
            while self.pass_unlisted(|record| records.compare(record, &folder, name)) {}
            if self.pass_listed(&folder, name) == 0
                && let Some(path) = self.new_path(&folder, name)
            {
                starts.push(start);
                paths.push(path);
            }
        }
        for (looked, (path, stem)) in drawer.look(&starts).into_iter().zip(paths) {
            match looked {
                Ok(Some(find)) => self.found.orphans.push(Orphan { path, stem, find }),
                Ok(None) => {}
                Err(why) => self.found.failures.push(why),
            }
        }
    }

    /// Passes the next record when it stands before the file in hand: its file is not listed.
    fn pass_unlisted(&mut self, compare: impl Fn(&Record) -> Ordering) -> bool {
        let Some(record) = self.records.sorted().get(self.next).filter(|record| compare(record).is_lt())
        else {
            return false;
        };
        self.next += 1;
        if record.state != State::Other && self.world.stop.reason().is_none() {
            self.judge(record);
        }
        true
    }

    /// Passes the records that name this file, and counts them.
    fn pass_listed(&mut self, folder: &[u8], name: &[u8]) -> usize {
        let records = self.records;
        let rest = records.sorted().get(self.next..).unwrap_or_default();
        let count = rest.iter().take_while(|record| records.compare(record, folder, name).is_eq()).count();
        let marked = rest.iter().take(count).filter(|record| record.state == State::Missing);
        self.found.back.extend(marked.map(|record| Repair::Restore(seen(records, record))));
        self.next += count;
        count
    }

    /// A file that is not listed may be of another kind, elsewhere, or behind a symlink: only what certainly is
    /// not there is lost.
    fn judge(&mut self, record: &Record) {
        let (stored, relative) = (self.records.stored(record), self.records.relative(record));
        match (self.places.presence(self.world, stored, relative), record.state) {
            (Presence::There, State::Missing) => {
                self.found.back.push(Repair::Restore(seen(self.records, record)));
            }
            (Presence::Missing, State::Completed) => {
                self.found.lost.push(Repair::Mark(seen(self.records, record)));
            }
            (Presence::Unknown(why), _) => {
                let (id, path) = (record.id, text::escape(stored));
                self.found
                    .failures
                    .push(format!("backup {id} ({path}): its file cannot be looked at: {why}"));
            }
            _ => {}
        }
    }

    /// The path of a new record and where its stem lies in it; nothing when there cannot be one now.
    fn new_path(&mut self, folder: &[u8], name: &[u8]) -> Option<(Box<str>, std::ops::Range<usize>)> {
        let path = if folder.is_empty() { name.to_vec() } else { [folder, name].join(&b'/') };
        let stem_start = path.len() - name.len();
        let stem = stem_start..stem_start + self.world.config.rebuild_paths.stem(name)?.len();
        let path = match String::from_utf8(path) {
            Ok(path) if path.chars().count() <= LONGEST_PATH => path,
            Ok(path) => {
                let path = text::escape(&path).into_owned();
                self.found
                    .failures
                    .push(format!("{path}: longer than the {LONGEST_PATH} characters of a record"));
                return None;
            }
            Err(error) => {
                let path = text::escape_bytes(error.as_bytes()).into_owned();
                self.found
                    .failures
                    .push(format!("{path}: no UTF-8 text, which no record can hold; rename it"));
                return None;
            }
        };
        if let Some(id) = path.get(stem.clone()).and_then(|stem| self.records.unfinished.get(stem)) {
            let path = text::escape(&path).into_owned();
            self.found.notes.push(format!("{path}: is left to backup {id}, which has not ended"));
            return None;
        }
        Some((path.into(), stem))
    }

    /// A storage without any backup is most likely a disk that is not mounted.
    fn refuse_unmounted(&self) -> Result<()> {
        let prefix = &self.places.prefix;
        let is_stored = |repair: &&Repair| match repair {
            Repair::Mark(seen) => Path::new(seen.relative()).starts_with(prefix),
            _ => false,
        };
        let count = self.found.lost.iter().filter(is_stored).count();
        if count == 0 {
            return Ok(());
        }
        let storage = text::path(&self.world.config.rebuild_paths.storage).into_owned();
        Err(Problem::refused(format!(
            "the storage {storage} holds no backup while {} name{} a file in it; mount its disk, or add --allow-empty \
             if no backup is left; nothing was touched",
            text::plural(count, "record"),
            if count == 1 { "s" } else { "" }
        )))
    }
}

fn seen(records: &Records, record: &Record) -> Seen {
    let (stored, relative) = (records.stored(record), records.relative(record));
    let relative = (stored != relative).then(|| relative.into());
    Seen { id: record.id, path: stored.into(), relative }
}
