//! Local times and instants around the changes of a zone's clock.

use chrono::{DateTime, Duration, LocalResult, NaiveDateTime, Offset as _, TimeZone, Timelike as _};
use chrono_tz::Tz;

/// What a local time means in a zone.
pub(super) enum Instants<Zone: TimeZone> {
    Once(DateTime<Zone>),
    /// The clock was put back: both passes.
    Twice(DateTime<Zone>, DateTime<Zone>),
    /// The clock jumped over it: the first instant after the jump.
    Skipped(DateTime<Zone>),
    /// No zone has such a jump.
    Never,
}

/// The meaning of a local time.
pub(super) fn instants_of<Zone: TimeZone>(zone: &Zone, local: NaiveDateTime) -> Instants<Zone> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(instant) => Instants::Once(instant),
        LocalResult::Ambiguous(first, second) => Instants::Twice(first, second),
        LocalResult::None => (1..=24 * 60)
            .map(|minutes| local + Duration::minutes(minutes))
            .find_map(|later| zone.from_local_datetime(&later).earliest())
            .map_or(Instants::Never, Instants::Skipped),
    }
}

/// The instant of a local time: the first of two, or the first after a jump over it.
pub fn instant_of<Zone: TimeZone>(zone: &Zone, local: NaiveDateTime) -> Option<DateTime<Zone>> {
    match instants_of(zone, local) {
        Instants::Once(instant) | Instants::Twice(instant, _) | Instants::Skipped(instant) => Some(instant),
        Instants::Never => None,
    }
}

/// By how much the clock will be put back, when `instant` is in the first pass of repeated time.
pub(super) fn repeat_to_come<Zone: TimeZone>(instant: &DateTime<Zone>) -> Option<Duration> {
    match instants_of(&instant.timezone(), instant.naive_local()) {
        Instants::Twice(first, second) if first == *instant => Some(second - first),
        _ => None,
    }
}

/// By how much the clock was put back, when `instant` is in the second pass of repeated time.
pub(super) fn repeat_gone_by<Zone: TimeZone>(instant: &DateTime<Zone>) -> Option<Duration> {
    match instants_of(&instant.timezone(), instant.naive_local()) {
        Instants::Twice(first, second) if second == *instant => Some(second - first),
        _ => None,
    }
}

/// A change of the clock.
pub(crate) struct Turn {
    /// The first instant of the new time.
    pub(crate) at: DateTime<Tz>,
    /// The local times from here …
    pub(crate) from: NaiveDateTime,
    /// … up to here, exclusive, do not exist or come twice.
    pub(crate) to: NaiveDateTime,
    /// True when they do not exist.
    pub(crate) is_gap: bool,
}

/// The changes of the clock in the `days` after `start`.
pub(crate) fn turns(start: &DateTime<Tz>, days: i64) -> Vec<Turn> {
    // In whole seconds: the search below would otherwise end a fraction after the change.
    let start = start.with_nanosecond(0).unwrap_or(*start);
    let day = |number: i64| start + Duration::days(number);
    (0..days).filter_map(|number| turn_between(day(number), day(number + 1))).collect()
}

fn turn_between(mut before: DateTime<Tz>, mut after: DateTime<Tz>) -> Option<Turn> {
    let (old, new) = (shift(&before), shift(&after));
    if old == new {
        return None;
    }
    while after.timestamp() - before.timestamp() > 1 {
        let middle = before + Duration::seconds((after.timestamp() - before.timestamp()) / 2);
        if shift(&middle) == old { before = middle } else { after = middle }
    }
    let (from, to) = (after.naive_utc() + old.min(new), after.naive_utc() + old.max(new));
    Some(Turn { at: after, from, to, is_gap: new > old })
}

fn shift(instant: &DateTime<Tz>) -> Duration {
    Duration::seconds(i64::from(instant.offset().fix().local_minus_utc()))
}
