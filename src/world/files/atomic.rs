//! Writes a file so that a reader, a kill or a power cut finds the old content or the new, never half.

use crate::engine::apply::Permit;
use crate::text;
use anyhow::{Context as _, Result};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

/// Temporary file beside it, write, sync, rename, sync the folder.
#[expect(clippy::disallowed_methods, reason = "this is World")]
pub(super) fn write(path: &Path, content: &[u8], mode: u32, _permit: &Permit) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let old = std::fs::metadata(path).ok();
        let mode = old.as_ref().map_or(mode, |found| found.permissions().mode() & 0o7777);
        let mut file = tempfile::Builder::new().prefix(".maint-").tempfile_in(folder)?;
        file.write_all(content)?;
        if let Some(old) = &old {
            // Only root may give a file away; for everybody else the owner is the same anyway, or cannot be kept.
            let _ = std::os::unix::fs::fchown(file.as_file(), Some(old.uid()), Some(old.gid()));
        }
        file.as_file().set_permissions(std::fs::Permissions::from_mode(mode))?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        std::fs::File::open(folder)?.sync_all()
    };
    write().with_context(|| format!("cannot write {}", text::path(path)))
}
