//! A cron schedule with vixie's meaning: five fields, their stars, names and nicknames.
//!
//! Strict where cron is silently wrong: what Debian's cron accepts and then never runs, or runs at
//! another time than it reads, is refused with the reason.

mod clock;
mod field;
#[cfg(test)]
pub(crate) mod oracle;
mod times;

use chrono::{DateTime, NaiveDateTime, TimeZone};
pub use clock::instant_of;
pub(crate) use clock::{Turn, turns};
pub use field::Field;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
pub use times::Times;

/// A parsed schedule and the text it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("examples" = ["0 2 * * *", "*/15 * * * mon-fri", "@daily"]))]
pub struct Schedule {
    text: String,
    times: Option<Times>,
}

const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

impl Schedule {
    /// Reads five fields or a nickname. The error says which field is wrong and why.
    pub fn parse(text: &str) -> Result<Schedule, String> {
        let text = text.trim();
        if text.chars().any(|c| c.is_control() && c != '\t') {
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
        Ok(Schedule { text: text.to_owned(), times: Some(Times::parse(fields)?) })
    }

    /// The text as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// True for `@reboot`, which has no times.
    #[must_use]
    pub fn is_at_boot(&self) -> bool {
        self.times.is_none()
    }

    /// The five fields; `None` for `@reboot`.
    #[must_use]
    pub fn times(&self) -> Option<&Times> {
        self.times.as_ref()
    }

    /// The first firing strictly after `after`; `None` for `@reboot`.
    ///
    /// As in Debian's cron (for changes of the clock of less than three hours): a fixed time that the
    /// clock jumps over counts as the first minute after the jump, and a repeated one counts once. A
    /// schedule with a star in minute or hour follows the new clock: what is jumped over is left out,
    /// what is repeated runs again.
    pub fn next_after<Tz: TimeZone>(&self, after: &DateTime<Tz>) -> Option<DateTime<Tz>> {
        self.times.as_ref()?.next_after(after)
    }

    /// The last firing at or before `at`, by the rules of [`Schedule::next_after`]; `None` for `@reboot`.
    pub fn latest_until<Tz: TimeZone>(&self, at: &DateTime<Tz>) -> Option<DateTime<Tz>> {
        self.times.as_ref()?.latest_until(at)
    }

    /// The names of the fields that keep the schedule from firing in this minute; none when it fires,
    /// and none for `@reboot`, which has no fields.
    #[must_use]
    pub fn mismatch(&self, local: NaiveDateTime) -> Vec<&'static str> {
        self.times.as_ref().map(|times| times.mismatch(local)).unwrap_or_default()
    }
}

fn unknown_nickname(text: &str) -> String {
    let known = NICKNAMES.iter().map(|(name, _)| *name).chain(["@reboot"]);
    match crate::text::nearest(&text.to_lowercase(), known) {
        Some(name) => format!("cron does not know `{text}`; did you mean `{name}`?"),
        None => format!("cron does not know `{text}`; use five fields or a name such as @daily"),
    }
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
    use chrono::{NaiveDate, Utc};
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

    #[test]
    fn what_keeps_a_schedule_from_firing_is_named() {
        let friday_noon = NaiveDate::from_ymd_opt(2026, 11, 20).unwrap().and_hms_opt(12, 0, 30).unwrap();
        for (schedule, fields) in [
            ("0 12 * * *", &[][..]),
            ("@reboot", &[]),
            ("30 2 * * *", &["minute", "hour"]),
            ("0 12 25 * fri", &[]),
            ("0 12 20 * mon", &[]),
            ("0 12 25 * mon", &["day of month", "day of week"]),
            ("0 12 * * mon", &["day of week"]),
            ("0 12 */2 * fri", &["day of month"]),
            ("0 12 25 1 fri", &["month"]),
        ] {
            assert_eq!(Schedule::parse(schedule).unwrap().mismatch(friday_noon), fields, "{schedule}");
        }
    }

    #[test]
    fn a_star_in_minute_or_hour_is_known_by_its_text() {
        for (schedule, is_wildcard) in [
            ("0 2 * * *", false),
            ("0-59 2 */2 * *", false),
            ("*/30 2 * * *", true),
            ("0 *,2 * * *", true),
            ("@hourly", true),
            ("@daily", false),
            ("@reboot", false),
        ] {
            assert_eq!(
                Schedule::parse(schedule).unwrap().times().is_some_and(Times::is_wildcard),
                is_wildcard,
                "{schedule}"
            );
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
