//! How a backup is made: written where nothing lists it, synced, read back, and only then given its name.

use super::manifest::{FORMAT, MANIFEST, SUMS, id_of};
use super::removing::PARTIAL;
use super::{Backup, Backups, Kind, Manifest, age};
use crate::engine::apply::Permit;
use crate::text;
use crate::world::World;
use crate::world::command::stream;
use anyhow::{Context as _, Result, bail};
use chrono::SubsecRound as _;
use rustix::fs::{CWD, FlockOperation, Mode, OFlags, RenameFlags, flock, fsync, mkdir, open, renameat_with};
use rustix::io::Errno;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use zstd::zstd_safe::CParameter;

/// More threads take more memory than they save time.
const MOST_THREADS: usize = 2;
/// What each of them compresses at once: less than zstd would take by itself, and so is the memory.
const AT_ONCE: u32 = 2 << 20;
/// Backups of one thing that were made in the same second.
const MOST_IN_A_SECOND: u32 = 1_000;
/// Folders in folders of a path.
const MOST_FOLDERS: usize = 1_000;

/// What is to be made.
pub(super) struct Making<'a> {
    pub(super) kind: Kind,
    pub(super) name: &'a str,
    pub(super) reason: Option<&'a str>,
    /// What its content is called before it is compressed: "app.dump".
    pub(super) file: String,
    pub(super) source: Value,
}

/// A sink for the plain content of a backup; and a look at it when it is read back.
pub(super) type Give<'a> = &'a mut dyn FnMut(&mut dyn Write) -> Result<()>;
pub(super) type Look<'a> = &'a mut dyn FnMut(&mut dyn Read) -> Result<()>;

impl Backups {
    /// Makes a backup of what `give` writes, when `look` finds it whole on the disk.
    pub(super) fn make(
        &self,
        world: &World,
        making: Making<'_>,
        (give, look): (Give<'_>, Look<'_>),
        permit: &Permit,
    ) -> Result<Backup> {
        self.prepare(permit)?;
        let (id, sequence) = self.next(world, &making)?;
        let partial = Partial::begin(&self.folder, &id)?;
        let backup = write(&partial, world, (id, sequence), making, give)?;
        backup.verify_with(world, |content| look(content)).context("what was written cannot be read back")?;
        if world.stop.reason().is_some() {
            bail!("the run was ended");
        }
        let folder = self.folder.join(&backup.id);
        partial.finish(&folder)?;
        Ok(Backup { folder, ..backup })
    }

    /// Takes in a backup that `bring` puts somewhere below an empty folder, under its own name.
    pub(super) fn take_in(
        &self,
        id: &str,
        permit: &Permit,
        bring: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<()> {
        self.prepare(permit)?;
        let partial = Partial::begin(&self.folder, id)?;
        bring(&partial.path)?;
        let found =
            below(&partial.path, id).with_context(|| format!("{} was not brought", text::escape(id)))?;
        let renamed = renameat_with(CWD, &found, CWD, self.folder.join(id), RenameFlags::NOREPLACE);
        renamed.map_err(io::Error::from).with_context(|| format!("cannot take in {}", text::escape(id)))
    }

    /// An id that is free, and the next number of its series.
    fn next(&self, world: &World, making: &Making<'_>) -> Result<(String, u64)> {
        let (known, damaged) = self.list()?;
        let own = known.iter().map(|backup| &backup.manifest);
        let own = own.filter(|manifest| manifest.kind == making.kind && manifest.name == making.name);
        let sequence = own.map(|manifest| manifest.sequence).max().unwrap_or(0) + 1;
        let is_free = |id: &String| {
            !known.iter().any(|backup| backup.id == *id) && !damaged.iter().any(|damaged| damaged.id == *id)
        };
        let ids =
            (1..=MOST_IN_A_SECOND).map(|number| id_of(making.kind, making.name, world.clock.now(), number));
        let id = ids.into_iter().find(is_free).context("there are too many backups of this second")?;
        Ok((id, sequence))
    }
}

/// A folder that is gone when it is dropped unfinished. It is locked, so that nobody takes it for a leftover.
struct Partial {
    path: PathBuf,
    folder: rustix::fd::OwnedFd,
    is_finished: bool,
}

impl Partial {
    fn begin(folder: &Path, id: &str) -> Result<Partial> {
        let path = folder.join(format!("{PARTIAL}{id}"));
        let begin = || -> Result<rustix::fd::OwnedFd, Errno> {
            mkdir(&path, Mode::RWXU)?;
            let fd = open(&path, OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
            flock(&fd, FlockOperation::NonBlockingLockExclusive)?;
            Ok(fd)
        };
        let folder = begin().map_err(io::Error::from);
        let folder =
            folder.with_context(|| format!("cannot make a folder in {}", text::path(folder_of(&path))))?;
        Ok(Partial { path, folder, is_finished: false })
    }

    /// Makes a file in it that only this user can read.
    fn file(&self, name: &str) -> Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let made = rustix::fs::openat(&self.folder, name, flags, Mode::RUSR | Mode::WUSR);
        let made = made.map_err(io::Error::from);
        Ok(File::from(made.with_context(|| format!("cannot write {}", text::escape(name)))?))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let mut file = self.file(name)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        written.with_context(|| format!("cannot write {}", text::escape(name)))
    }

    /// Gives it its name, which nothing has yet; from then on it counts.
    fn finish(mut self, name: &Path) -> Result<()> {
        let finish = || -> Result<(), Errno> {
            fsync(&self.folder)?;
            renameat_with(CWD, &self.path, CWD, name, RenameFlags::NOREPLACE)?;
            let folder = open(folder_of(name), OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
            fsync(&folder)
        };
        let finished = finish().map_err(io::Error::from);
        finished.with_context(|| format!("cannot give the backup its name {}", text::path(name)))?;
        self.is_finished = true;
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.is_finished {
            let _ = super::removing::remove_folder(&self.path);
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

/// The folder of this name below another, each with one folder in it.
fn below(folder: &Path, id: &str) -> Option<PathBuf> {
    let mut folder = folder.to_owned();
    for _ in 0..MOST_FOLDERS {
        #[expect(clippy::disallowed_methods, reason = "this is World")]
        let next = std::fs::read_dir(&folder).ok()?.next()?.ok()?;
        folder = next.path();
        if next.file_name().to_str() == Some(id) {
            return Some(folder);
        }
    }
    None
}

/// Writes content, manifest and checksums, and syncs them.
fn write(
    partial: &Partial,
    world: &World,
    (id, sequence): (String, u64),
    making: Making<'_>,
    give: Give<'_>,
) -> Result<Backup> {
    let encryption = age::encryption(world)?;
    let is_encrypted = encryption.is_some();
    let file = format!("{}.zst{}", making.file, if is_encrypted { ".age" } else { "" });
    let mut packed = Summing::of(partial.file(&file)?);
    let level = i32::from(world.config.backup.level);
    let content_bytes = match encryption {
        None => pack(world, level, &mut packed, give)?,
        Some(command) => {
            let mut content = None;
            let give = |out: &mut dyn Write| {
                content = Some(pack(world, level, out, give)?);
                Ok(())
            };
            let (ended, given) = stream::write_through(command, "age", world, &mut packed, give)?;
            age::judge(&ended).and(given)?;
            content.context("age was cut off")?
        }
    };
    packed.inner.sync_all().with_context(|| format!("cannot write {}", text::escape(&file)))?;
    let made = world.clock.now().trunc_subsecs(0);
    let manifest = Manifest {
        format: FORMAT,
        id: id.clone(),
        site: world.config.site_name().to_owned(),
        kind: making.kind,
        name: making.name.to_owned(),
        made,
        sequence,
        reason: making.reason.map(str::to_owned),
        source: making.source,
        file,
        size_bytes: packed.count,
        content_bytes,
        is_encrypted,
        maint: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let bytes = manifest.bytes()?;
    let sums = manifest.sums(&packed.sum.finalize(), &Sha256::digest(&bytes));
    partial.write(MANIFEST, &bytes)?;
    partial.write(SUMS, sums.as_bytes())?;
    fsync(&partial.folder).map_err(io::Error::from).context("cannot write the backup")?;
    Ok(Backup { id, made, manifest, folder: partial.path.clone(), remark: None })
}

/// Compresses what `give` writes; how much that was. zstd adds a checksum of its own, so that reading it back tells whether
/// it is what was written.
fn pack(world: &World, level: i32, out: impl Write, give: Give<'_>) -> Result<u64> {
    let mut encoder = zstd::Encoder::new(out, level)?;
    encoder.include_checksum(true)?;
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get().min(MOST_THREADS));
    encoder.multithread(u32::try_from(threads).unwrap_or(1))?;
    encoder.set_parameter(CParameter::JobSize(AT_ONCE))?;
    let mut content = Counting { inner: encoder, count: 0 };
    give(&mut content)?;
    if world.stop.reason().is_some() {
        bail!("the run was ended");
    }
    let Counting { inner, count } = content;
    inner.finish().context("cannot write the backup")?.flush()?;
    Ok(count)
}

/// A writer that counts what passes.
struct Counting<W> {
    inner: W,
    count: u64,
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(buffer)?;
        self.count += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A writer that counts and sums up what passes.
struct Summing<W> {
    inner: W,
    sum: Sha256,
    count: u64,
}

impl<W: Write> Summing<W> {
    fn of(inner: W) -> Summing<W> {
        Summing { inner, sum: Sha256::new(), count: 0 }
    }
}

impl<W: Write> Write for Summing<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(buffer)?;
        self.sum.update(&buffer[..count]);
        self.count += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
