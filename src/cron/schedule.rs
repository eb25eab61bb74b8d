//! A cron schedule with vixie's meaning: five bit sets, two star flags, names and nicknames.
//!
//! Strict where cron is silently wrong: what Debian's cron accepts and then never runs, or runs at
//! another time than it reads, is refused with the reason.

use chrono::{
    DateTime, Datelike as _, Duration, LocalResult, NaiveDate, NaiveDateTime, TimeZone, Timelike as _,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A parsed schedule and the text it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("examples" = ["0 2 * * *", "*/15 * * * mon-fri", "@daily"]))]
pub struct Schedule {
    text: String,
    times: Option<Times>,
}

/// The minutes at which a schedule fires; `@reboot` has none.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Times {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    days_star: bool,
    weekdays_star: bool,
}

struct Field {
    name: &'static str,
    low: u32,
    high: u32,
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const FIELDS: [Field; 5] = [
    Field { name: "minute", low: 0, high: 59, names: &[] },
    Field { name: "hour", low: 0, high: 23, names: &[] },
    Field { name: "day of month", low: 1, high: 31, names: &[] },
    Field { name: "month", low: 1, high: 12, names: &MONTHS },
    Field { name: "day of week", low: 0, high: 7, names: &WEEKDAYS },
];
const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];
/// The Gregorian calendar repeats after 400 years, but weekday and leap day meet at the latest after 40.
const HORIZON_DAYS: i64 = 40 * 366;

impl Schedule {
    /// Reads five fields or a nickname. The error says which field is wrong and why.
    pub fn parse(text: &str) -> Result<Schedule, String> {
        let text = text.trim();
        if text.chars().any(char::is_control) {
            return Err("a schedule is one line of five fields".to_owned());
        }
        if text == "@reboot" {
            return Ok(Schedule { text: text.to_owned(), times: None });
        }
        let fields = match NICKNAMES.iter().find(|(name, _)| *name == text) {
            Some((_, fields)) => fields,
            None if text.starts_with('@') => return Err(unknown_nickname(text)),
            None => text,
        };
        let times = Times::parse(fields)?;
        times.refuse_never()?;
        Ok(Schedule { text: text.to_owned(), times: Some(times) })
    }

    /// The text as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first firing strictly after `after`; `None` for `@reboot`.
    ///
    /// A time that the clock jumps over counts as the first minute after the jump, a repeated hour
    /// counts once, as Debian's cron treats fixed times.
    pub fn next_after<Tz: TimeZone>(&self, after: &DateTime<Tz>) -> Option<DateTime<Tz>> {
        let times = self.times.as_ref()?;
        let zone = after.timezone();
        let mut from = after.naive_local();
        for _ in 0..4 {
            let found = times.next_local(from)?;
            let instant = instant_of(&zone, found)?;
            if instant > *after {
                return Some(instant);
            }
            from = found;
        }
        None
    }
}

fn unknown_nickname(text: &str) -> String {
    let known = NICKNAMES.iter().map(|(name, _)| *name).chain(["@reboot"]);
    match crate::text::nearest(&text.to_lowercase(), known) {
        Some(name) => format!("cron does not know `{text}`; did you mean `{name}`?"),
        None => format!("cron does not know `{text}`; use five fields or a name such as @daily"),
    }
}

/// The instant of a local time: after the gap when the clock jumps over it, the first of two otherwise.
fn instant_of<Tz: TimeZone>(zone: &Tz, local: NaiveDateTime) -> Option<DateTime<Tz>> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => Some(instant),
        LocalResult::None => (1..=24 * 60)
            .map(|minutes| local + Duration::minutes(minutes))
            .find_map(|later| zone.from_local_datetime(&later).earliest()),
    }
}

impl Times {
    fn parse(text: &str) -> Result<Times, String> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        if words.len() != FIELDS.len() {
            return Err(format!(
                "a schedule has five fields (minute hour day month weekday), this one has {}",
                words.len()
            ));
        }
        let mut sets = [0_u64; 5];
        for ((set, field), word) in sets.iter_mut().zip(&FIELDS).zip(&words) {
            *set = field.parse(word).map_err(|why| format!("{} `{word}`: {why}", field.name))?;
        }
        let [minutes, hours, days, months, weekdays] = sets;
        let sunday = weekdays & 1 | weekdays >> 7 & 1;
        Ok(Times {
            minutes,
            hours,
            days,
            months,
            weekdays: weekdays & 0x7e | sunday,
            days_star: words[2].starts_with('*'),
            weekdays_star: words[4].starts_with('*'),
        })
    }

    /// "30 February" is accepted by cron and never runs.
    fn refuse_never(&self) -> Result<(), String> {
        const LONGEST: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let by_weekday = !self.days_star && !self.weekdays_star;
        let exists = (1..=12)
            .zip(LONGEST)
            .any(|(month, length)| has(self.months, month) && (1..=length).any(|day| has(self.days, day)));
        if exists || by_weekday {
            return Ok(());
        }
        Err("no month has such a day: this would never run".to_owned())
    }

    fn matches_day(&self, date: NaiveDate) -> bool {
        let day = has(self.days, date.day());
        let weekday = has(self.weekdays, date.weekday().num_days_from_sunday());
        // vixie: both days restricted means either; a star in one of them means both.
        let wanted = if self.days_star || self.weekdays_star { day && weekday } else { day || weekday };
        has(self.months, date.month()) && wanted
    }

    fn next_local(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let start = after.with_second(0)?.with_nanosecond(0)? + Duration::minutes(1);
        for offset in 0..HORIZON_DAYS {
            let date = start.date() + Duration::days(offset);
            if !self.matches_day(date) {
                continue;
            }
            let from = if offset == 0 { (start.hour(), start.minute()) } else { (0, 0) };
            if let Some((hour, minute)) = self.next_time(from) {
                return date.and_hms_opt(hour, minute, 0);
            }
        }
        None
    }

    fn next_time(&self, (from_hour, from_minute): (u32, u32)) -> Option<(u32, u32)> {
        let hours = (from_hour..24).filter(|hour| has(self.hours, *hour));
        hours.into_iter().find_map(|hour| {
            let first = if hour == from_hour { from_minute } else { 0 };
            (first..60).find(|minute| has(self.minutes, *minute)).map(|minute| (hour, minute))
        })
    }
}

fn has(set: u64, bit: u32) -> bool {
    set >> bit & 1 == 1
}

impl Field {
    fn parse(&self, word: &str) -> Result<u64, String> {
        word.split(',').try_fold(0, |set, part| Ok(set | self.part(part)?))
    }

    fn part(&self, part: &str) -> Result<u64, String> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step_width(step)?)),
            None => (part, None),
        };
        let (low, high) = self.range(range)?;
        if step.is_some() && range != "*" && !range.contains('-') {
            return Err(format!("a step needs a range: `{range}-{}/…` or `*/…`", self.high));
        }
        let step = step.unwrap_or(1);
        if step > high - low && step > 1 {
            return Err(format!("the step {step} is longer than the range, so only {low} would be left"));
        }
        let values = (low..=high).step_by(step as usize);
        Ok(values.fold(0, |set, value| set | 1 << value))
    }

    fn range(&self, range: &str) -> Result<(u32, u32), String> {
        if range == "*" {
            // Day of week 7 is Sunday again: the star stands for 0 to 6.
            return Ok((self.low, if self.names.len() == 7 { 6 } else { self.high }));
        }
        let Some((low, high)) = range.split_once('-') else {
            let value = self.value(range)?;
            return Ok((value, value));
        };
        let (low, high) = (self.value(low)?, self.value(high)?);
        if low > high {
            return Err(format!("{low} to {high} runs backwards, so cron would never run it"));
        }
        Ok((low, high))
    }

    fn value(&self, text: &str) -> Result<u32, String> {
        let lower = text.to_ascii_lowercase();
        if let Some(index) = self.names.iter().position(|name| **name == *lower) {
            return u32::try_from(index).map(|index| index + self.low).map_err(|e| e.to_string());
        }
        if let Some(name) = self.names.iter().find(|name| lower.starts_with(*name)) {
            return Err(format!("names have three letters: `{name}`"));
        }
        let value = number(text)?;
        if value < self.low || value > self.high {
            return Err(format!("{value} is not between {} and {}", self.low, self.high));
        }
        Ok(value)
    }
}

fn step_width(text: &str) -> Result<u32, String> {
    match number(text)? {
        0 => Err("a step of 0 is no step".to_owned()),
        step => Ok(step),
    }
}

fn number(text: &str) -> Result<u32, String> {
    if text.is_empty() {
        return Err("a number is missing".to_owned());
    }
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("`{text}` is not a number that cron understands"));
    }
    text.parse().map_err(|_| format!("{text} is too large"))
}

impl TryFrom<String> for Schedule {
    type Error = String;
    fn try_from(text: String) -> Result<Schedule, String> {
        Schedule::parse(&text).map_err(|why| format!("bad schedule: {why}"))
    }
}

impl From<Schedule> for String {
    fn from(schedule: Schedule) -> String {
        schedule.text
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Utc;
    use chrono_tz::Europe::Paris;
    use proptest::prelude::*;

    fn next(schedule: &str, after: &str) -> String {
        let after = DateTime::parse_from_rfc3339(after).unwrap().with_timezone(&Paris);
        Schedule::parse(schedule).unwrap().next_after(&after).unwrap().to_rfc3339()
    }

    fn why(schedule: &str) -> String {
        Schedule::parse(schedule).unwrap_err()
    }

    #[test]
    fn the_next_run_is_strictly_later() {
        assert_eq!(next("0 2 * * *", "2026-11-20T02:00:00+01:00"), "2026-11-21T02:00:00+01:00");
        assert_eq!(next("*/15 * * * *", "2026-11-20T02:14:59+01:00"), "2026-11-20T02:15:00+01:00");
    }

    #[test]
    fn two_restricted_day_fields_mean_either_and_a_star_means_both() {
        // 20 November 2026 is a Friday.
        assert_eq!(next("0 0 25 * fri", "2026-11-19T12:00:00+01:00"), "2026-11-20T00:00:00+01:00");
        assert_eq!(next("0 0 */2 * fri", "2026-11-19T12:00:00+01:00"), "2026-11-27T00:00:00+01:00");
    }

    #[test]
    fn a_time_inside_the_spring_gap_runs_right_after_it() {
        assert_eq!(next("30 2 * * *", "2026-03-28T12:00:00+01:00"), "2026-03-29T03:00:00+02:00");
    }

    #[test]
    fn a_time_in_the_repeated_hour_runs_once() {
        assert_eq!(next("30 2 * * *", "2026-10-24T12:00:00+02:00"), "2026-10-25T02:30:00+02:00");
        assert_eq!(next("30 2 * * *", "2026-10-25T02:30:00+02:00"), "2026-10-26T02:30:00+01:00");
    }

    #[test]
    fn the_leap_day_is_found_years_ahead() {
        assert_eq!(next("0 0 29 2 *", "2026-11-20T00:00:00+01:00"), "2028-02-29T00:00:00+01:00");
    }

    #[test]
    fn what_cron_silently_gets_wrong_is_refused_with_the_reason() {
        for (schedule, reason) in [
            ("* * * * 5#2", "not a number"),
            ("1.5 * * * *", "not a number"),
            ("0~10 * * * *", "not a number"),
            ("5-1 * * * *", "backwards"),
            ("0 0 * * sat-sun", "backwards"),
            ("*/61 * * * *", "longer than the range"),
            ("0 0 30 2 *", "never run"),
            ("3/5 * * * *", "needs a range"),
            ("*/0 * * * *", "no step"),
            ("60 * * * *", "not between 0 and 59"),
            ("0 0 0 * *", "not between 1 and 31"),
            ("0 0 * * 8", "not between 0 and 7"),
            ("0 0 L * *", "not a number"),
            ("1,2, * * * *", "missing"),
            ("0 0 * * monday", "three letters"),
            ("0 0 * * * *", "this one has 6"),
            ("@Daily", "@daily"),
            ("", "this one has 0"),
        ] {
            assert!(why(schedule).contains(reason), "{schedule:?}: {}", why(schedule));
        }
    }

    #[test]
    fn odd_but_right_schedules_are_accepted() {
        for schedule in
            ["00 08 * * *", "0 0 * * *,5", "0 0 * * mon-5", "0 0 * feb SUN-MON", "0 0 * * 5-7", "@reboot"]
        {
            assert!(Schedule::parse(schedule).is_ok(), "{schedule}");
        }
    }

    proptest! {
        #[test]
        fn croner_agrees_on_the_common_subset(
            minute in "(\\*|\\*/[1-9]|[0-9]|[1-5][0-9]|0-29/7)", hour in "(\\*|[0-9]|1[0-9]|8-18)",
            day in "(\\*|[1-9]|1-15)", month in "(\\*|[1-9]|1[0-2])", weekday in "(\\*|[0-6]|1-5)",
            start in 1_700_000_000_i64..1_900_000_000,
        ) {
            use std::str::FromStr as _;
            let text = format!("{minute} {hour} {day} {month} {weekday}");
            let after = DateTime::from_timestamp(start, 0).unwrap().with_timezone(&Utc);
            let theirs = croner::Cron::from_str(&text).unwrap().find_next_occurrence(&after, false).ok();
            let ours = Schedule::parse(&text).unwrap().next_after(&after);
            prop_assert_eq!(ours, theirs, "{}", text);
        }

        #[test]
        fn any_text_is_parsed_or_refused_without_a_panic(text in ".{0,40}") {
            let _ = Schedule::parse(&text);
        }
    }
}
