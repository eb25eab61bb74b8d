//! contextmaker: makes one text of a library, by its real command line. It runs what the library brings along (a
//! Makefile, a conf.py), so that it is trusted with nothing.

use super::World;
use super::command::tool::{self, Setback, Told, Tool};
use super::files::Scratch;
use crate::config::repository::RepositoryName;
use crate::engine::apply::Permit;
use crate::text;
use anyhow::{Result, anyhow};
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use rustix::io::Errno;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// A larger context file is of no use to anybody.
const LARGEST: u64 = 256 << 20;
/// What stands in front of the path of the output.
const DONE: &str = "Conversion completed successfully. Output: ";
/// Its last word, which tells nothing.
const NO_REASON: &str = "Conversion failed";
/// It would try to install packages at every run.
const VARIABLES: [(&str, &str); 3] =
    [("PIP_DISABLE_PIP_VERSION_CHECK", "1"), ("PIP_NO_INDEX", "1"), ("PYTHONUNBUFFERED", "1")];

/// Where contextmaker is.
pub(crate) fn locate(world: &World) -> Result<PathBuf> {
    let named = &world.config.ascl_refresh.contextmaker;
    tool::locate(named, &world.root).ok_or_else(|| {
        let shown = text::path(named);
        anyhow!(
            "{shown} is not installed: run `pip install contextmaker`, or set `contextmaker` of [ascl-refresh]"
        )
    })
}

/// Makes the text of the library in `source`, and opens it.
pub(crate) fn make(
    world: &World,
    program: &Path,
    name: &RepositoryName,
    (scratch, source): (&Scratch, &Path),
    permit: &Permit,
) -> Result<File, Setback> {
    let output = scratch.folder("output", permit)?;
    let tool = Tool {
        name: "contextmaker",
        work: name.as_str(),
        program,
        arguments: vec![
            name.repo().into(),
            "--output".into(),
            output.clone().into(),
            "--input_path".into(),
            source.into(),
            "--extension".into(),
            "txt".into(),
        ],
        scratch,
        variables: VARIABLES.map(|(name, value)| (name, value.into())).into(),
        limit: world.config.ascl_refresh.context_timeout.duration(),
    };
    let told = tool.run(&world.stop, permit)?;
    if !told.is_success {
        let is_telling = |line: &str| line.contains("[ERROR]") && !line.ends_with(NO_REASON);
        return Err(told.setback("contextmaker", is_telling));
    }
    find(&output, name.repo(), &told).map_err(|why| Setback::Input(format!("contextmaker {why}")))
}

/// The text that it made: `PKG.txt`, else the one that it names, which may lie deeper, else the only one there.
fn find(output: &Path, package: &str, told: &Told) -> Result<File, String> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder =
        openat(CWD, output, flags, Mode::empty()).map_err(|_| "removed or closed its folder".to_owned())?;
    let texts = texts(&folder);
    let usual = format!("{package}.txt");
    let named = told.lines.iter().rev().find_map(|line| line.split_once(DONE));
    let named = named.and_then(|(_, path)| Path::new(path.trim()).strip_prefix(output).ok());
    let named = named.map(|path| path.as_os_str().as_bytes()).filter(|path| path.ends_with(b".txt"));
    let name = match (named, texts.as_slice()) {
        _ if texts.iter().any(|name| name == usual.as_bytes()) => usual.as_bytes(),
        (Some(named), _) if open_inside(&folder, named).is_ok() => named,
        (_, [only]) => only.as_slice(),
        _ => return Err(format!("ended well, but made no {usual}")),
    };
    open(&folder, name).map_err(|why| format!("made a {} that {why}", text::escape_bytes(name)))
}

/// The names in a folder that end with ".txt".
fn texts(folder: &OwnedFd) -> Vec<Vec<u8>> {
    let entries = Dir::read_from(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_bytes().to_vec());
    names.filter(|name| name.ends_with(b".txt")).collect()
}

/// Opens what was made, when it is a file and nothing but a file.
fn open(folder: &OwnedFd, name: &[u8]) -> Result<File, String> {
    let fd = open_inside(folder, name).map_err(|_| "is no regular file".to_owned())?;
    let found = fstat(&fd).map_err(|_| "cannot be looked at".to_owned())?;
    let size = u64::try_from(found.st_size).unwrap_or(0);
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return Err("is no regular file".to_owned());
    }
    match (found.st_nlink, size) {
        (2.., _) => Err("is another file as well (a hard link)".to_owned()),
        (_, 0) => Err("is empty".to_owned()),
        (_, size) if size > LARGEST => Err(format!("is larger than {}", text::size(LARGEST))),
        _ => Ok(fd.into()),
    }
}

/// Opens what is inside a folder: no symlink on the way, and no way up.
fn open_inside(folder: &OwnedFd, path: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    openat2(folder, path, flags, Mode::empty(), resolve)
}
