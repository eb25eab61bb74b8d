//! Which logs of a site are meant: a path, or a glob, read folder by folder so that no other is entered.

use crate::error::Problem;
use crate::text;
use anyhow::Result;
use globset::{GlobBuilder, GlobMatcher};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

/// A path in the site, or a glob for several.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// The path, or what of it has no wildcard.
    pub(super) base: PathBuf,
    /// What the names below must match, folder by folder; nothing for a path.
    levels: Vec<GlobMatcher>,
}

impl Pattern {
    /// `text` is relative to `root`, or an absolute path in it.
    pub(crate) fn of(text: &str, root: &Path) -> Result<Pattern> {
        let bad = |why: &str| Problem::usage(format!("[trim-logs] paths: \"{}\" {why}", text::escape(text)));
        let path = Path::new(text);
        let outside =
            || bad(&format!("is not inside site.root {}; name it on the command line", text::path(root)));
        let path = if path.is_absolute() { path.strip_prefix(root).map_err(|_| outside())? } else { path };
        let parts: Vec<Component<'_>> = path.components().filter(|part| *part != Component::CurDir).collect();
        if parts.iter().any(|part| !matches!(part, Component::Normal(_))) {
            return Err(outside());
        }
        if parts.is_empty() {
            return Err(bad("names no log; write a path or a glob, such as \"logs/*.log\""));
        }
        let is_glob =
            |part: &Component<'_>| part.as_os_str().as_bytes().iter().any(|byte| b"*?[{".contains(byte));
        let plain = parts.iter().position(is_glob).unwrap_or(parts.len());
        let base: PathBuf = parts[..plain].iter().collect();
        let mut levels = Vec::new();
        for end in plain..parts.len() {
            let glob: PathBuf = parts[..=end].iter().collect();
            let glob = GlobBuilder::new(&glob.to_string_lossy()).literal_separator(true).build();
            levels
                .push(glob.map_err(|error| bad(&format!("is no glob: {}", error.kind())))?.compile_matcher());
        }
        Ok(Pattern { base, levels })
    }

    /// True when a folder at this path, so many below the base, may hold what is meant.
    pub(super) fn leads_through(&self, path: &Path, depth: usize) -> bool {
        let is_deep = |level: &GlobMatcher| level.glob().glob().contains("**");
        let Some((_, folders)) = self.levels.split_last() else { return false };
        self.levels.iter().take(depth + 1).any(is_deep)
            || folders.get(depth).is_some_and(|level| level.is_match(path))
    }

    /// True for the path of a log that is meant.
    pub(super) fn is_match(&self, path: &Path) -> bool {
        self.levels.last().is_some_and(|level| level.is_match(path))
    }

    /// The glob; nothing for a path.
    pub(super) fn glob(&self) -> Option<&str> {
        self.levels.last().map(|level| level.glob().glob())
    }
}
