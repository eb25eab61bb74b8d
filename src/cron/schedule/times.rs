//! When the five fields fire: on which dates, at which local times, at which instants.

use super::clock;
use super::field::{DAY, Field, HOUR, MINUTE, MONTH, WEEKDAY};
use chrono::{DateTime, Datelike as _, Duration, NaiveDate, NaiveDateTime, TimeZone, Timelike as _};
use std::ops::Range;

/// The five fields of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Times {
    /// 0 to 59.
    pub minutes: Field,
    /// 0 to 23.
    pub hours: Field,
    /// Days of the month, 1 to 31.
    pub days: Field,
    /// 1 to 12.
    pub months: Field,
    /// Days of the week, 0 (Sunday) to 6.
    pub weekdays: Field,
}

impl Times {
    /// The Gregorian calendar repeats after 400 years, but weekday and leap day meet at the latest after 40.
    pub(crate) const HORIZON_DAYS: usize = 40 * 366;

    pub(super) fn parse(text: &str) -> Result<Times, String> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minute, hour, day, month, weekday] = words[..] else {
            let count = words.len();
            return Err(format!(
                "a schedule has five fields (minute hour day month weekday), this one has {count}"
            ));
        };
        let times = Times {
            minutes: MINUTE.parse(minute)?,
            hours: HOUR.parse(hour)?,
            days: DAY.parse(day)?,
            months: MONTH.parse(month)?,
            weekdays: WEEKDAY.parse(weekday)?,
        };
        times.refuse_never()?;
        Ok(times)
    }

    /// "30 February" is accepted by cron and never runs.
    fn refuse_never(&self) -> Result<(), String> {
        const LONGEST: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let exists = (1..=12)
            .zip(LONGEST)
            .any(|(month, length)| self.months.has(month) && (1..=length).any(|day| self.days.has(day)));
        if exists || self.is_either_day() {
            return Ok(());
        }
        Err("no month has such a day: this would never run".to_owned())
    }

    /// True when a date needs to match only one of the two day fields: vixie's rule when neither
    /// begins with a star.
    #[must_use]
    pub fn is_either_day(&self) -> bool {
        !self.days.is_starred && !self.weekdays.is_starred
    }

    pub(crate) fn is_wildcard(&self) -> bool {
        self.minutes.is_starred || self.hours.is_starred
    }

    pub(super) fn mismatch(&self, local: NaiveDateTime) -> Vec<&'static str> {
        let day = self.days.has(local.day());
        let weekday = self.has_weekday(local.date());
        let is_enough = self.is_either_day() && (day || weekday);
        let fields = [
            (MINUTE.name, self.minutes.has(local.minute())),
            (HOUR.name, self.hours.has(local.hour())),
            (DAY.name, day || is_enough),
            (MONTH.name, self.months.has(local.month())),
            (WEEKDAY.name, weekday || is_enough),
        ];
        fields.into_iter().filter(|(_, matches)| !matches).map(|(name, _)| name).collect()
    }

    /// True when the schedule fires on this date.
    #[must_use]
    pub fn has_date(&self, date: NaiveDate) -> bool {
        let (day, weekday) = (self.days.has(date.day()), self.has_weekday(date));
        let has_day = if self.is_either_day() { day || weekday } else { day && weekday };
        has_day && self.months.has(date.month())
    }

    fn has_weekday(&self, date: NaiveDate) -> bool {
        self.weekdays.has(date.weekday().num_days_from_sunday())
    }

    /// The first local time strictly after `after`, on a calendar whose clock is never changed.
    #[must_use]
    pub fn next_local(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let start = whole_minute(after) + Duration::minutes(1);
        let dates = start.date().iter_days().take(Self::HORIZON_DAYS);
        dates.filter(|date| self.has_date(*date)).find_map(|date| {
            let from = if date == start.date() { minute_of_day(start) } else { 0 };
            let minute = self.minutes_of_day(from / 60..24).find(|minute| *minute >= from)?;
            date.and_hms_opt(minute / 60, minute % 60, 0)
        })
    }

    /// The last local time at or before `until`, on a calendar whose clock is never changed.
    fn latest_local(&self, until: NaiveDateTime) -> Option<NaiveDateTime> {
        let dates = until.date().iter_days().rev().take(Self::HORIZON_DAYS);
        dates.filter(|date| self.has_date(*date)).find_map(|date| {
            let last = if date == until.date() { minute_of_day(until) } else { 24 * 60 - 1 };
            let minute = self.minutes_of_day(0..last / 60 + 1).rfind(|minute| *minute <= last)?;
            date.and_hms_opt(minute / 60, minute % 60, 0)
        })
    }

    fn minutes_of_day(&self, hours: Range<u32>) -> impl DoubleEndedIterator<Item = u32> + use<> {
        let minutes = self.minutes;
        let hours = self.hours.values().filter(move |hour| hours.contains(hour));
        hours.flat_map(move |hour| minutes.values().map(move |minute| hour * 60 + minute))
    }

    /// The longest time between two firings, on a calendar whose clock is never changed; `None` when it fires at most once in
    /// nine years.
    #[must_use]
    pub fn longest_gap(&self) -> Option<Duration> {
        // From a leap year to beyond the one after the next.
        const BEGIN: NaiveDate = NaiveDate::from_ymd_opt(2024, 1, 1).unwrap();
        const DAYS: usize = 9 * 366;
        let minutes: Vec<u32> = self.minutes_of_day(0..24).collect();
        let (first, last) = (minutes.first()?, minutes.last()?);
        let dates: Vec<NaiveDate> =
            BEGIN.iter_days().take(DAYS).filter(|date| self.has_date(*date)).collect();
        let night = i64::from(*first) - i64::from(*last);
        let across = dates.windows(2).map(|pair| (pair[1] - pair[0]).num_minutes() + night);
        let within = minutes.windows(2).map(|pair| i64::from(pair[1] - pair[0]));
        across.max().map(|across| Duration::minutes(within.chain([across]).max().unwrap_or(across)))
    }

    pub(super) fn next_after<Tz: TimeZone>(&self, after: &DateTime<Tz>) -> Option<DateTime<Tz>> {
        let later = |local| self.instants(&after.timezone(), local).find(|instant| instant > after);
        let walk = |mut local: NaiveDateTime| loop {
            local = self.next_local(local)?;
            if let Some(instant) = later(local) {
                return Some(instant);
            }
        };
        // In the first pass of a repeated hour the second one begins at an earlier local time.
        let repeated = clock::repeat_to_come(after).map(|length| after.naive_local() - length);
        [after.naive_local()].into_iter().chain(repeated).filter_map(walk).min()
    }

    pub(super) fn latest_until<Tz: TimeZone>(&self, at: &DateTime<Tz>) -> Option<DateTime<Tz>> {
        let earlier = |local| self.instants(&at.timezone(), local).filter(|instant| instant <= at).max();
        let walk = |mut local: NaiveDateTime| loop {
            let found = self.latest_local(local)?;
            if let Some(instant) = earlier(found) {
                return Some(instant);
            }
            local = found - Duration::minutes(1);
        };
        // In the second pass of a repeated hour the first one has reached a later local time.
        let repeated = clock::repeat_gone_by(at).map(|length| at.naive_local() + length);
        [at.naive_local()].into_iter().chain(repeated).filter_map(walk).max()
    }

    /// The instants, in order, at which cron runs a schedule for this local time.
    fn instants<Tz: TimeZone>(
        &self,
        zone: &Tz,
        local: NaiveDateTime,
    ) -> impl Iterator<Item = DateTime<Tz>> + use<Tz> {
        let instants = clock::instants_of(zone, local);
        let [first, second] = match instants {
            clock::Instants::Once(instant) => [Some(instant), None],
            clock::Instants::Skipped(next) => [Some(next).filter(|_| !self.is_wildcard()), None],
            clock::Instants::Twice(first, second) => {
                [Some(first), Some(second).filter(|_| self.is_wildcard())]
            }
            clock::Instants::Never => [None, None],
        };
        first.into_iter().chain(second)
    }
}

fn whole_minute(time: NaiveDateTime) -> NaiveDateTime {
    time - Duration::seconds(i64::from(time.second())) - Duration::nanoseconds(i64::from(time.nanosecond()))
}

fn minute_of_day(time: NaiveDateTime) -> u32 {
    time.hour() * 60 + time.minute()
}
