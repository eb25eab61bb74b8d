//! Room on a file system: when so little is left of it that it counts as full.

use crate::text;
use rustix::fd::AsFd;
use rustix::fs::{StatVfs, fstatvfs, statvfs};
use std::path::Path;

/// A hundredth of the file system, but no less and no more than this: bytes, and files.
const LEAST_BYTES: (u64, u64) = (2 << 20, 64 << 20);
const LEAST_FILES: (u64, u64) = (100, 10_000);

/// When a file system counts as full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// Nothing may be begun there; of a tiny one a tenth is enough for that.
    Already,
    /// What has failed there may have failed for want of room, though it has given some back.
    Perhaps,
}

/// What is left, when it is too little: "only 1.2 MB are free".
pub(super) fn shortage(place: impl AsFd, full: Full) -> Option<String> {
    fstatvfs(place).ok().and_then(|found| too_little(&found, full))
}

/// What this user may still write there.
pub(crate) fn free_bytes(folder: &Path) -> Option<u64> {
    statvfs(folder).ok().map(|found| found.f_bavail.saturating_mul(found.f_frsize))
}

fn too_little(found: &StatVfs, full: Full) -> Option<String> {
    let is_too_little = |free: u64, total: u64, (least, most): (u64, u64)| {
        let least = if full == Full::Already { least.min(total / 10) } else { least };
        free < (total / 100).clamp(least, most)
    };
    let (total, free) = (found.f_blocks, found.f_bavail);
    let [total, free] = [total, free].map(|blocks| blocks.saturating_mul(found.f_frsize));
    if is_too_little(free, total, LEAST_BYTES) {
        return Some(format!("only {} are free", text::size(free)));
    }
    let (total, free) = (found.f_files, found.f_favail);
    // Many file systems do not count them.
    let is_short = total > 0 && is_too_little(free, total, LEAST_FILES);
    is_short.then(|| format!("only {free} inodes are free"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_on_a_tiny_disk_may_be_for_want_of_room_sooner_than_nothing_is_begun_there() {
        let mut found = fstatvfs(std::io::stdin()).unwrap();
        (found.f_frsize, found.f_blocks, found.f_bavail) = (1024, 8 << 10, 1_500);
        (found.f_files, found.f_favail) = (0, 0);
        assert_eq!(too_little(&found, Full::Already), None);
        assert_eq!(too_little(&found, Full::Perhaps).unwrap(), "only 1.5 MB are free");
    }

    #[test]
    fn a_hundredth_of_the_disk_is_too_little_within_bounds_and_of_its_inodes() {
        let of = |megabytes: u64, free: u64, (files, left)| {
            let mut found = fstatvfs(std::io::stdin()).unwrap();
            (found.f_frsize, found.f_blocks, found.f_bavail) = (1024, megabytes << 10, free);
            (found.f_files, found.f_favail) = (files, left);
            too_little(&found, Full::Already)
        };
        assert_eq!(of(100, 2 << 10, (0, 0)), None);
        assert_eq!(of(100, 1_536, (0, 0)).unwrap(), "only 1.5 MB are free");
        assert_eq!(of(1, 103, (0, 0)), None);
        assert!(of(1, 102, (0, 0)).is_some());
        assert_eq!(of(1_000, 10 << 10, (2_000, 100)), None);
        assert!(of(1_000, (10 << 10) - 1, (2_000, 100)).is_some());
        assert_eq!(of(100_000, 64 << 10, (0, 0)), None);
        assert!(of(100_000, (64 << 10) - 1, (0, 0)).is_some());
        assert_eq!(of(10, 5 << 10, (2_000, 99)).unwrap(), "only 99 inodes are free");
        assert_eq!(of(10, 5 << 10, (1_000_000, 9_999)).unwrap(), "only 9999 inodes are free");
        assert_eq!(of(10, 5 << 10, (u64::MAX, 10_000)), None);
    }
}
