//! Local times and instants around the changes of a zone's clock.

use chrono::{DateTime, Duration, LocalResult, NaiveDateTime, TimeZone};

/// What a local time means in a zone.
pub(super) enum Instants<Tz: TimeZone> {
    Once(DateTime<Tz>),
    /// The clock was put back: both passes.
    Twice(DateTime<Tz>, DateTime<Tz>),
    /// The clock jumped over it: the first instant after the jump.
    Skipped(DateTime<Tz>),
    /// No zone has such a jump.
    Never,
}

/// The meaning of a local time.
pub(super) fn instants_of<Tz: TimeZone>(zone: &Tz, local: NaiveDateTime) -> Instants<Tz> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(instant) => Instants::Once(instant),
        LocalResult::Ambiguous(first, second) => Instants::Twice(first, second),
        LocalResult::None => (1..=24 * 60)
            .map(|minutes| local + Duration::minutes(minutes))
            .find_map(|later| zone.from_local_datetime(&later).earliest())
            .map_or(Instants::Never, Instants::Skipped),
    }
}

/// By how much the clock will be put back, when `instant` is in the first pass of repeated time.
pub(super) fn repeat_to_come<Tz: TimeZone>(instant: &DateTime<Tz>) -> Option<Duration> {
    match instants_of(&instant.timezone(), instant.naive_local()) {
        Instants::Twice(first, second) if first == *instant => Some(second - first),
        _ => None,
    }
}

/// By how much the clock was put back, when `instant` is in the second pass of repeated time.
pub(super) fn repeat_gone_by<Tz: TimeZone>(instant: &DateTime<Tz>) -> Option<Duration> {
    match instants_of(&instant.timezone(), instant.naive_local()) {
        Instants::Twice(first, second) if second == *instant => Some(second - first),
        _ => None,
    }
}
