//! Asks the kernel whether anybody else has a file open: the one place with `unsafe`.
//!
//! A write lease is granted only to the sole opener (fcntl(2), "Leases"). No peer protects an open file;
//! the lease does for about a tenth more time (docs/performance.md), and no safe wrapper of
//! `F_SETLEASE` exists in rustix or nix.
#![expect(unsafe_code, reason = "fcntl(F_SETLEASE) has no safe wrapper; both arguments are plain integers")]

use std::os::fd::{AsRawFd as _, BorrowedFd};

/// What the kernel says of an open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lease {
    /// Nobody else has it open, and nobody can open it for writing before our descriptor is closed.
    Ours,
    /// Somebody has it open.
    HeldOpen,
    /// Not to be had here: another owner's file, or a file system without leases.
    Unavailable,
}

/// Takes a write lease on `file`; closing the descriptor gives it back.
pub(crate) fn take(file: BorrowedFd<'_>) -> Lease {
    set(file, libc::F_WRLCK)
}

/// Gives a lease back before its descriptor is closed.
pub(crate) fn give_back(file: BorrowedFd<'_>) {
    set(file, libc::F_UNLCK);
}

/// True while nobody has tried to open the file since the write lease on it was taken.
pub(crate) fn is_ours(file: BorrowedFd<'_>) -> bool {
    // SAFETY: F_GETLEASE takes an open descriptor, which `BorrowedFd` is, and nothing else; it touches no memory.
    let answer = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETLEASE) };
    answer == libc::F_WRLCK
}

/// True when somebody has `file` open for writing, as far as the kernel tells.
pub(crate) fn is_being_written(file: BorrowedFd<'_>) -> bool {
    match set(file, libc::F_RDLCK) {
        Lease::HeldOpen => true,
        Lease::Unavailable => false,
        Lease::Ours => {
            // Kept, it would make whoever opens the file now wait for us.
            give_back(file);
            false
        }
    }
}

/// True when the kernel knows that nobody has `file`, which is open only to be read, open for writing.
pub(crate) fn is_surely_at_rest(file: BorrowedFd<'_>) -> bool {
    let is_at_rest = set(file, libc::F_RDLCK) == Lease::Ours;
    if is_at_rest {
        set(file, libc::F_UNLCK);
    }
    is_at_rest
}

fn set(file: BorrowedFd<'_>, kind: libc::c_int) -> Lease {
    // SAFETY: F_SETLEASE takes an open descriptor, which `BorrowedFd` is, and an integer; it touches no memory.
    let answer = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, kind) };
    if answer == 0 {
        return Lease::Ours;
    }
    match std::io::Error::last_os_error().raw_os_error() {
        Some(libc::EAGAIN) => Lease::HeldOpen,
        _ => Lease::Unavailable,
    }
}
