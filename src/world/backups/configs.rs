//! Configuration files as one tar: regular files by the names that `[backup] configs` gives them, with modes, owners and times.

use crate::text;
use crate::world::World;
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Component, Path, PathBuf};

/// A configuration is a page of text, and never more than this.
const LARGEST: u64 = 64 << 20;

/// Writes the files as a tar. One that is missing is an error: a backup without it would be believed.
pub(super) fn archive(world: &World, paths: &[PathBuf], out: &mut dyn Write) -> Result<()> {
    let mut tar = tar::Builder::new(out);
    for path in paths {
        let shown = text::path(path);
        let name = name_of(path).with_context(|| format!("the configuration {shown} cannot be backed up"))?;
        let mut file = open(&world.root.join(path)).with_context(|| format!("cannot read {shown}"))?;
        let found = file.metadata()?;
        ensure!(found.is_file(), "{shown} is no file; name the files in it as `configs` in [backup]");
        ensure!(found.len() <= LARGEST, "{shown} is larger than {}", text::size(LARGEST));
        let mut header = tar::Header::new_gnu();
        header.set_metadata(&found);
        header.set_entry_type(tar::EntryType::Regular);
        // What is written to it meanwhile is left for the next backup.
        let length = header.size()?;
        let appended = tar.append_data(&mut header, &name, (&mut file).take(length));
        appended.with_context(|| format!("cannot read {shown}"))?;
    }
    tar.into_inner()?.flush().map_err(Into::into)
}

/// Reads such a tar to its end.
pub(super) fn examine(content: &mut dyn Read) -> Result<()> {
    let mut tar = tar::Archive::new(content);
    for entry in tar.entries()? {
        let mut entry = entry?;
        std::io::copy(&mut entry, &mut std::io::sink())?;
    }
    Ok(())
}

/// The name in the tar: relative paths as they are, absolute ones without their root.
pub(super) fn name_of(path: &Path) -> Result<PathBuf> {
    let parts = path.components().filter(|part| !matches!(part, Component::RootDir | Component::CurDir));
    let name: PathBuf = parts.collect();
    if name.components().any(|part| !matches!(part, Component::Normal(_))) || name.as_os_str().is_empty() {
        bail!("its path goes up; write it from site.root or from /");
    }
    Ok(name)
}

/// Opens a file to be read; a FIFO would be waited for.
pub(super) fn open(path: &Path) -> Result<File> {
    let opened = rustix::fs::open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty());
    opened.map(File::from).map_err(|errno| anyhow!("{}", crate::error::plain_errno(errno)))
}
