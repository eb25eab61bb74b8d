//! Room on a file system: when so little is left of it that it counts as full.

use crate::text;
use rustix::fd::AsFd;
use rustix::fs::{StatVfs, fstatvfs};

/// A hundredth of the file system, but no less and no more than this: bytes, and files.
const LEAST_BYTES: (u64, u64) = (2 << 20, 64 << 20);
const LEAST_FILES: (u64, u64) = (100, 10_000);

/// What is left, when it is too little: "only 1.2 MB are free".
pub(super) fn shortage(place: impl AsFd) -> Option<String> {
    fstatvfs(place).ok().and_then(|found| too_little(&found))
}

fn too_little(found: &StatVfs) -> Option<String> {
    let (total, free) = (found.f_blocks, found.f_bavail);
    let [total, free] = [total, free].map(|blocks| blocks.saturating_mul(found.f_frsize));
    let is_too_little = |free: u64, total: u64, (least, most)| free < (total / 100).clamp(least, most);
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
    fn a_hundredth_of_the_disk_is_too_little_within_bounds_and_of_its_inodes() {
        let of = |megabytes: u64, free: u64, (files, left)| {
            let mut found = fstatvfs(std::io::stdin()).unwrap();
            (found.f_frsize, found.f_blocks, found.f_bavail) = (1024, megabytes << 10, free);
            (found.f_files, found.f_favail) = (files, left);
            too_little(&found)
        };
        assert_eq!(of(10, 2 << 10, (0, 0)), None);
        assert_eq!(of(10, 1_536, (0, 0)).unwrap(), "only 1.5 MB are free");
        assert_eq!(of(1_000, 10 << 10, (200, 100)), None);
        assert!(of(1_000, (10 << 10) - 1, (200, 100)).is_some());
        assert_eq!(of(100_000, 64 << 10, (0, 0)), None);
        assert!(of(100_000, (64 << 10) - 1, (0, 0)).is_some());
        assert_eq!(of(10, 5 << 10, (200, 99)).unwrap(), "only 99 inodes are free");
        assert_eq!(of(10, 5 << 10, (1_000_000, 9_999)).unwrap(), "only 9999 inodes are free");
        assert_eq!(of(10, 5 << 10, (u64::MAX, 10_000)), None);
    }
}
