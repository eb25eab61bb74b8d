//! `disk`: how full a file system is, by its space and by its inodes.

use super::row::{Row, Unit};
use super::{PATIENCE, Sight, within};
use crate::config::check::Check;
use crate::config::units::Percent;
use crate::error::plain_errno;
use crate::text;
use rustix::fs::{StatVfs, statvfs};
use rustix::io::Errno;
use std::path::Path;

/// Nine tenths, unless something else is asked for.
const USUAL: Percent = Percent::of(90);

/// Its space and its inodes.
pub(super) fn rows(sight: &Sight<'_>, path: &Path) -> Vec<Row> {
    let path = sight.world.root.join(path);
    match Room::at(&path) {
        Ok(room) => measured(sight, "", &room, &format!("on {}", text::path(&path))),
        Err(lost) => vec![sight.row("", Unit::Percent).unknown(&lost.of(&path))],
    }
}

/// What of a file system could not be learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// The path leads nowhere, or not for us.
    Away(Errno),
    /// Nobody answers.
    Mute,
}

impl Lost {
    /// Why, in words.
    pub(super) fn of(self, path: &Path) -> String {
        let path = text::path(path);
        match self {
            Lost::Away(errno) => format!("{path}: {}", plain_errno(errno)),
            Lost::Mute => format!("{path} does not answer: is its disk away?"),
        }
    }
}

/// What a file system has: bytes and inodes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Room {
    pub(super) used: u64,
    pub(super) free: u64,
    pub(super) used_inodes: u64,
    pub(super) free_inodes: u64,
}

impl Room {
    /// That of the file system on which a path is. A disk that is away would never answer.
    pub(super) fn at(path: &Path) -> Result<Room, Lost> {
        let path = path.to_owned();
        let found = within(PATIENCE, move || statvfs(&path)).ok_or(Lost::Mute)?;
        found.map(|found| Room::of(&found)).map_err(Lost::Away)
    }

    /// As df(1) counts: what is kept for root is neither used nor free.
    fn of(found: &StatVfs) -> Room {
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Room {
            used: bytes(found.f_blocks.saturating_sub(found.f_bfree)),
            free: bytes(found.f_bavail),
            used_inodes: found.f_files.saturating_sub(found.f_ffree),
            free_inodes: found.f_favail,
        }
    }
}

/// The share that is used, in hundredths; none of what is not counted.
#[expect(clippy::cast_precision_loss, reason = "hundredths are shown")]
fn share(used: u64, free: u64) -> Option<f64> {
    let total = used.saturating_add(free);
    (total > 0).then(|| used as f64 * 100.0 / total as f64)
}

pub(super) fn measured(sight: &Sight<'_>, item: &str, room: &Room, place: &str) -> Vec<Row> {
    let Check { max_used, max_inodes, .. } = sight.check;
    let most = |limit: &Option<Percent>| f64::from(limit.unwrap_or(USUAL).count());
    let row = sight.row(item, Unit::Percent);
    let space = match share(room.used, room.free) {
        Some(share) => {
            row.value(share).most(most(max_used)).detail(&format!("{} free {place}", text::size(room.free)))
        }
        None => row.unknown(&format!("its file system has no size ({place})")),
    };
    let inodes = share(room.used_inodes, room.free_inodes).map(|share| {
        let item = if item.is_empty() { "inodes".to_owned() } else { format!("{item} inodes") };
        let free = text::thousands(room.free_inodes);
        sight
            .row(&item, Unit::Percent)
            .value(share)
            .most(most(max_inodes))
            .detail(&format!("{free} free {place}"))
    });
    std::iter::once(space).chain(inodes).collect()
}
