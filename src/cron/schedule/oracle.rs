//! Schedules against a second, simpler reading of crontab(5): every minute of two years, word by word.

use super::Schedule;
use chrono::{DateTime, Datelike as _, Duration, NaiveDate, NaiveDateTime, TimeZone, Timelike as _, Utc};
use chrono_tz::Australia::Lord_Howe;
use chrono_tz::Europe::Paris;
use chrono_tz::Tz;
use rayon::prelude::*;

/// Odd and plain schedules that vixie and we both accept.
pub(crate) const SCHEDULES: [&str; 63] = [
    "* * * * *",
    "*/5 * * * *",
    "*/7 * * * *",
    "0 * * * *",
    "59 23 * * *",
    "0 0 * * *",
    "00 08 * * *",
    "0 */5 * * *",
    "0 2,14 * * *",
    "15,45 8-18 * * *",
    "0-10/3,50 9-17/2 * * *",
    "5-5 3-3 * * *",
    "*,5 0 * * *",
    "*/30 2 * * *",
    "30 2 * * *",
    "0 0 1 * *",
    "0 0 31 * *",
    "0 0 30 * *",
    "0 0 29 2 *",
    "0 0 28-31 2 *",
    "0 0 29 * *",
    "0 0 */2 * *",
    "0 0 1-31/2 * *",
    "0 0 1-31 * *",
    "0 0 1,15 * *",
    "0 0 */10,31 * *",
    "0 0 31 4,6,8 *",
    "0 0 1 1 *",
    "0 0 1 jan *",
    "0 0 1 JAN,Jul *",
    "0 0 1 jan-mar *",
    "0 0 1 */3 *",
    "0 0 1 2-12/5 *",
    "0 0 * feb *",
    "0 0 * * 0",
    "0 0 * * 7",
    "0 0 * * 0,7",
    "0 0 * * 0-7",
    "0 0 * * 5-7",
    "0 0 * * 6-7",
    "0 0 * * 1-5",
    "0 0 * * mon-fri",
    "0 0 * * SUN",
    "0 0 * * sun-mon",
    "0 0 * * mon,wed,FRI",
    "0 0 * * mon-5",
    "0 0 * * */2",
    "0 0 * * 1-7/2",
    "0 0 * * *,5",
    "0 0 25 * fri",
    "0 0 13 * 5",
    "0 0 1,15 * 1",
    "0 0 31 2 1",
    "0 0 */2 * fri",
    "0 0 */2 * */2",
    "0 0 1-7 * */4,1",
    "0 0 1-7 * *",
    "0 0 1-31 * mon",
    "0 0 1 * 0-7",
    "0 0 29 2 mon",
    "*/20 */6 */5 */2 */3",
    "0-59 0-23 1 1 *",
    "7 3 24-31 12 1-5",
];

const MONTHS: &str = "jan feb mar apr may jun jul aug sep oct nov dec";
const WEEKDAYS: &str = "sun mon tue wed thu fri sat";

/// True when `word` of crontab(5) allows `value`; `low` and `high` bound a star.
fn allows(word: &str, value: u32, low: u32, high: u32, names: &str) -> bool {
    let number = |text: &str| -> u32 {
        let name = names.split(' ').position(|name| name == text.to_lowercase());
        name.map_or_else(|| text.parse().unwrap(), |index| u32::try_from(index).unwrap() + low)
    };
    word.split(',').any(|part| {
        let (range, step) = part.split_once('/').unwrap_or((part, "1"));
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (low, high),
            Some((first, last)) => (number(first), number(last)),
            None => (number(range), number(range)),
        };
        first <= value && value <= last && (value - first).is_multiple_of(step.parse().unwrap())
    })
}

/// The days and the minutes of a day on which vixie fires, as two tables.
struct Vixie<'a> {
    words: Vec<&'a str>,
    minutes: Vec<bool>,
}

impl<'a> Vixie<'a> {
    fn new(schedule: &'a str) -> Vixie<'a> {
        let words: Vec<&str> = schedule.split(' ').collect();
        let fires = |minute: u32| {
            allows(words[0], minute % 60, 0, 59, "") && allows(words[1], minute / 60, 0, 23, "")
        };
        let minutes = (0..24 * 60).map(fires).collect();
        Vixie { words, minutes }
    }

    fn has_date(&self, date: NaiveDate) -> bool {
        let [_, _, day, month, weekday] = self.words[..] else { panic!("five words") };
        let number = date.weekday().num_days_from_sunday();
        let in_day = allows(day, date.day(), 1, 31, "");
        let in_weekday = allows(weekday, number, 0, 6, WEEKDAYS)
            || number == 0 && !weekday.starts_with('*') && allows(weekday, 7, 0, 7, WEEKDAYS);
        let is_both = day.starts_with('*') || weekday.starts_with('*');
        let in_days = if is_both { in_day && in_weekday } else { in_day || in_weekday };
        in_days && allows(month, date.month(), 1, 12, MONTHS)
    }

    fn fires(&self, local: NaiveDateTime) -> bool {
        self.minutes[(local.hour() * 60 + local.minute()) as usize] && self.has_date(local.date())
    }

    /// Every firing in the days before `end`.
    fn firings(&self, start: NaiveDate, end: NaiveDate) -> Vec<NaiveDateTime> {
        let dates = start.iter_days().take_while(|date| *date < end).filter(|date| self.has_date(*date));
        let minutes = || (0..24 * 60).filter(|minute| self.minutes[*minute as usize]);
        dates.flat_map(|date| minutes().map(move |m| date.and_hms_opt(m / 60, m % 60, 0).unwrap())).collect()
    }
}

fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn midnight(date: NaiveDate) -> DateTime<Utc> {
    date.and_hms_opt(0, 0, 0).unwrap().and_utc()
}

/// Follows `next_after` from `start` to `end`, both exclusive.
fn walk<Z: TimeZone>(schedule: &Schedule, start: &DateTime<Z>, end: &DateTime<Z>) -> Vec<DateTime<Z>> {
    let next = |at: &DateTime<Z>| schedule.next_after(at).filter(|next| next < end);
    std::iter::successors(next(start), next).collect()
}

#[test]
fn every_minute_of_two_years_is_as_vixie_has_it() {
    SCHEDULES.into_par_iter().for_each(|text| {
        let (schedule, vixie) = (Schedule::parse(text).unwrap(), Vixie::new(text));
        let (start, end) = (date(2026, 1, 1), date(2028, 1, 1));
        let theirs = vixie.firings(start, end);
        let ours = walk(&schedule, &(midnight(start) - Duration::minutes(1)), &midnight(end));
        assert!(ours.iter().map(DateTime::naive_utc).eq(theirs.iter().copied()), "{text}");
    });
}

#[test]
fn the_leap_day_of_2028_is_as_vixie_has_it() {
    for text in SCHEDULES {
        let (schedule, vixie) = (Schedule::parse(text).unwrap(), Vixie::new(text));
        let (start, end) = (date(2028, 2, 27), date(2028, 3, 2));
        let ours = walk(&schedule, &(midnight(start) - Duration::minutes(1)), &midnight(end));
        assert!(ours.iter().map(DateTime::naive_utc).eq(vixie.firings(start, end)), "{text}");
    }
}

#[test]
fn looking_back_finds_the_firing_before() {
    for text in SCHEDULES {
        let (schedule, vixie) = (Schedule::parse(text).unwrap(), Vixie::new(text));
        let firings = vixie.firings(date(2026, 1, 1), date(2028, 1, 1));
        for pair in firings.windows(2).step_by(firings.len() / 50 + 1) {
            let [before, firing] = [pair[0].and_utc(), pair[1].and_utc()];
            assert_eq!(schedule.latest_until(&firing), Some(firing), "{text}");
            assert_eq!(schedule.latest_until(&(firing - Duration::seconds(1))), Some(before), "{text}");
        }
    }
}

#[test]
fn a_minute_has_no_mismatch_exactly_when_vixie_fires() {
    for text in SCHEDULES {
        let (schedule, vixie) = (Schedule::parse(text).unwrap(), Vixie::new(text));
        // Steps that are coprime to hours and days meet every minute of the day and every weekday.
        for step in 0..20_000 {
            let local = midnight(date(2026, 1, 1)).naive_utc() + Duration::minutes(step * 53);
            assert_eq!(schedule.mismatch(local).is_empty(), vixie.fires(local), "{text} {local}");
        }
    }
}

/// What Debian's cron (case "medium" and "negative" of its main loop) runs in the minutes of `zone`:
/// wildcards by the clock on the wall; fixed times by a clock that catches up after a jump and waits
/// after it was put back.
fn debian(text: &str, zone: Tz, start: DateTime<Utc>, hours: i64) -> Vec<DateTime<Tz>> {
    let vixie = Vixie::new(text);
    let is_wildcard = text.starts_with('*') || text.split(' ').nth(1).unwrap().starts_with('*');
    let mut virtual_time = start.with_timezone(&zone).naive_local();
    let mut firings = Vec::new();
    for minute in 1..=hours * 60 {
        let now = (start + Duration::minutes(minute)).with_timezone(&zone);
        let wall = now.naive_local();
        let mut fires = is_wildcard && vixie.fires(wall);
        while virtual_time < wall {
            virtual_time += Duration::minutes(1);
            fires |= !is_wildcard && vixie.fires(virtual_time);
        }
        firings.extend(fires.then_some(now));
    }
    firings
}

#[test]
fn around_a_change_of_the_clock_firings_are_those_of_debians_cron() {
    let often = ["0 0 * * *", "0 1 * * *", "15 1 * * *", "30 1 * * *", "45 1 * * *", "0 2 * * *"];
    let more = ["15 2 * * *", "30 2 * * *", "59 2 * * *", "0 3 * * *", "0,30 1,2,3 * * *", "0 0-23 * * *"];
    let wild = ["*/30 2 * * *", "* 2 * * *", "*/20 1 * * *", "0 */2 * * *", "15 * * * *", "30 2 * * sun"];
    let changes = [
        (Paris, date(2026, 3, 29)),
        (Paris, date(2026, 10, 25)),
        (Lord_Howe, date(2026, 4, 5)),
        (Lord_Howe, date(2026, 10, 4)),
        (chrono_tz::America::Havana, date(2026, 3, 8)),
        (chrono_tz::America::Havana, date(2026, 11, 1)),
    ];
    for text in SCHEDULES.into_iter().chain(often).chain(more).chain(wild) {
        let schedule = Schedule::parse(text).unwrap();
        for (zone, date) in changes {
            let start = midnight(date) - Duration::hours(20);
            let theirs = debian(text, zone, start, 44);
            let from = start.with_timezone(&zone);
            let end = from + Duration::hours(44) + Duration::minutes(1);
            assert_eq!(walk(&schedule, &from, &end), theirs, "{text} in {zone}");
            for pair in theirs.windows(2) {
                assert_eq!(schedule.latest_until(&pair[1]), Some(pair[1]), "{text} in {zone}");
                let just_before = pair[1] - Duration::seconds(1);
                assert_eq!(schedule.latest_until(&just_before), Some(pair[0]), "{text} in {zone}");
            }
        }
    }
}

#[test]
fn the_hours_of_paris_that_change_are_told_as_they_are() {
    let next = |schedule: &str, after: &str| {
        let after = DateTime::parse_from_rfc3339(after).unwrap().with_timezone(&Paris);
        Schedule::parse(schedule).unwrap().next_after(&after).unwrap().to_rfc3339()
    };
    assert_eq!(next("30 2 * * *", "2026-03-28T12:00:00+01:00"), "2026-03-29T03:00:00+02:00");
    assert_eq!(next("*/30 2 * * *", "2026-03-28T12:00:00+01:00"), "2026-03-30T02:00:00+02:00");
    assert_eq!(next("30 2 * * *", "2026-10-24T12:00:00+02:00"), "2026-10-25T02:30:00+02:00");
    assert_eq!(next("30 2 * * *", "2026-10-25T02:30:00+02:00"), "2026-10-26T02:30:00+01:00");
    assert_eq!(next("*/30 2 * * *", "2026-10-25T02:30:00+02:00"), "2026-10-25T02:00:00+01:00");
}
