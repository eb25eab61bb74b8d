//! What is odd about a schedule that cron accepts: one sentence for each thing, with the dates it concerns.

use super::schedule::{Field, Schedule, Times, Turn, turns};
use crate::text;
use chrono::{DateTime, Datelike as _, Duration, DurationRound as _, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;
use std::iter::successors;

/// One thing to know about a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// One sentence.
    pub text: String,
    /// True when the schedule probably means something else than it says; otherwise it is an explanation.
    pub is_finding: bool,
}

/// How far ahead changes of the clock are looked for.
const HORIZON_DAYS: i64 = 366;

/// Everything odd about a schedule, as cron runs it in `zone` from `now` on.
#[must_use]
pub fn advice(schedule: &Schedule, zone: Tz, now: DateTime<Utc>) -> Vec<Advice> {
    let Some(times) = schedule.times() else { return Vec::new() };
    let now = now.with_timezone(&zone);
    let here = now.naive_local();
    let findings = needless_lists(schedule)
        .chain(day_fields(times, here))
        .chain(uneven_steps(times, here))
        .chain(missing_days(times, here));
    let findings = findings.map(|text| Advice { text, is_finding: true });
    let turns = turns(&now, HORIZON_DAYS);
    findings.chain(turns.iter().filter_map(|turn| changed_clock(times, turn))).collect()
}

/// `*,5` is accepted, and the 5 means nothing.
fn needless_lists(schedule: &Schedule) -> impl Iterator<Item = String> {
    let words = schedule.text().split_ascii_whitespace();
    let has_star = |word: &&str| word.contains(',') && word.split(',').any(|part| part == "*");
    words.filter(has_star).map(|word| format!("`{word}` allows every value, as the star in it does alone"))
}

/// Two restricted day fields mean either of them, unless one begins with a star.
fn day_fields(times: &Times, here: NaiveDateTime) -> Option<String> {
    match (times.is_either_day(), times.days.is_full || times.weekdays.is_full) {
        (true, true) => Some(
            "cron runs it every day: no day field begins with a star, so a date needs to match only one of them"
                .to_owned(),
        ),
        (true, false) => Some(format!(
            "cron runs it on the days of the month and on the days of the week, not only where both meet{}",
            examples(times, here.date())
        )),
        (false, false) => Some(format!(
            "cron runs it only where both day fields meet, because one of them begins with a star (next on {})",
            day(times.next_local(here)?.date())
        )),
        (false, true) => None,
    }
}

/// The next date for each day field alone.
fn examples(times: &Times, today: NaiveDate) -> String {
    let next = |is_in_days: bool| {
        let mut dates = today.iter_days().take(Times::HORIZON_DAYS).filter(|date| times.has_date(*date));
        dates.find(|date| times.days.has(date.day()) == is_in_days).map(day)
    };
    match (next(true), next(false)) {
        (Some(by_day), Some(by_weekday)) => format!(" (next on {by_day} and on {by_weekday})"),
        _ => String::new(),
    }
}

/// Steps that do not fill their hour, day, month or week: the last is followed too soon by the first.
fn uneven_steps(times: &Times, here: NaiveDateTime) -> impl Iterator<Item = String> {
    let uneven = |field: &Field, unit: Duration, noun: &str, whole: &str| {
        let step = field.step?;
        let (last, first) = too_near(times, here, unit, i64::from(step))?;
        let distance = first.duration_trunc(unit).ok()? - last.duration_trunc(unit).ok()?;
        let count = distance.num_minutes() / unit.num_minutes();
        let apart = text::plural(usize::try_from(count).ok()?, noun);
        let shown = |time: NaiveDateTime| if noun == "day" { day(time.date()) } else { moment(time) };
        let (last, first) = (shown(last), shown(first));
        Some(format!("steps of {step} {noun}s do not fill {whole}: {last} and {first} are {apart} apart"))
    };
    [
        uneven(&times.minutes, Duration::minutes(1), "minute", "the hour"),
        uneven(&times.hours, Duration::hours(1), "hour", "the day"),
        uneven(&times.days, Duration::days(1), "day", "every month").filter(|_| times.weekdays.is_full),
        uneven(&times.weekdays, Duration::days(1), "day", "the week").filter(|_| times.days.is_full),
    ]
    .into_iter()
    .flatten()
}

/// The first two firings in different minutes (hours, days) that are nearer than a step.
fn too_near(
    times: &Times,
    here: NaiveDateTime,
    unit: Duration,
    step: i64,
) -> Option<(NaiveDateTime, NaiveDateTime)> {
    // Enough to meet the end of every unit: the months of a year, two days at a time.
    const ENOUGH: usize = 400;
    let end = |time: NaiveDateTime| Some(time.duration_trunc(unit).ok()? + unit - Duration::minutes(1));
    let mut firings = successors(times.next_local(here), |time| times.next_local(end(*time)?)).take(ENOUGH);
    let mut last = firings.next()?;
    firings.find_map(|next| {
        let before = std::mem::replace(&mut last, next);
        (end(next)? - end(before)? < unit * i32::try_from(step).ok()?).then_some((before, next))
    })
}

/// Months that have none of the days.
fn missing_days(times: &Times, here: NaiveDateTime) -> Option<String> {
    const LENGTHS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    if times.is_either_day() {
        return None;
    }
    let lacks =
        |month: u32, length: u32| times.months.has(month) && !(1..=length).any(|day| times.days.has(day));
    let months = (1..).zip(LENGTHS).filter(|(month, length)| lacks(*month, *length));
    let lacking: Vec<u32> = months.map(|(month, _)| month).collect();
    if lacking.is_empty() {
        return None;
    }
    let next = || times.next_local(here).map(|next| day(next.date())).unwrap_or_default();
    let in_leap_years = times.days.has(29) && lacking.contains(&2);
    if in_leap_years && times.months.values().eq([2]) {
        return Some(format!("it runs only on the 29th of February, in leap years (next on {})", next()));
    }
    let name = |month: &u32| match month {
        2 if in_leap_years => "February (except in leap years)",
        month => MONTHS[*month as usize - 1],
    };
    let names: Vec<&str> = lacking.iter().map(name).collect();
    Some(format!("it does not run in {}: no such day there", names.join(", ")))
}

/// What Debian's cron does with a schedule where the clock changes.
fn changed_clock(times: &Times, turn: &Turn) -> Option<Advice> {
    let minute = Duration::minutes(1);
    let firings = successors(times.next_local(turn.from - minute), |time| times.next_local(*time));
    let firings: Vec<NaiveDateTime> = firings.take_while(|time| *time < turn.to).collect();
    if firings.is_empty() || times.is_wildcard() && is_frequent(times, turn) {
        return None;
    }
    let several = firings.len() > 1;
    let zone = turn.at.timezone();
    let (does_not_exist, comes_twice) =
        if several { ("do not exist", "come twice") } else { ("does not exist", "comes twice") };
    let what = if turn.is_gap { does_not_exist } else { comes_twice };
    let deed = deed(times.is_wildcard(), several, turn);
    let text = format!(
        "on {} {} {what} in {zone}; Debian's cron {deed}; choose a time before {} or after {}",
        day(turn.from.date()),
        clocks(&firings),
        clock(turn.from),
        clock(turn.to),
    );
    Some(Advice { text, is_finding: times.is_wildcard() })
}

fn deed(is_wildcard: bool, several: bool, turn: &Turn) -> String {
    let new_time = turn.at.format("%H:%M %Z");
    match (turn.is_gap, is_wildcard) {
        (true, false) if several => format!("makes up for each of them at {new_time}"),
        (true, false) => format!("runs the job at {new_time}"),
        (true, true) if several => {
            "leaves these runs out, because minute or hour begins with a star".to_owned()
        }
        (true, true) => "leaves the run out, because minute or hour begins with a star".to_owned(),
        (false, false) => {
            format!("runs the job only the first time, in {}", (turn.at - Duration::seconds(1)).format("%Z"))
        }
        (false, true) => "runs the job both times, because minute or hour begins with a star".to_owned(),
    }
}

/// True when a schedule fires in the hour before a change and in the hour after it too: one hour more
/// or less then hardly matters.
fn is_frequent(times: &Times, turn: &Turn) -> bool {
    let fires_within_an_hour = |start: NaiveDateTime| {
        times.next_local(start - Duration::minutes(1)).is_some_and(|next| next < start + Duration::hours(1))
    };
    fires_within_an_hour(turn.from - Duration::hours(1)) && fires_within_an_hour(turn.to)
}

fn day(date: NaiveDate) -> String {
    date.format("%a %Y-%m-%d").to_string()
}

fn moment(time: NaiveDateTime) -> String {
    time.format("%a %Y-%m-%d %H:%M").to_string()
}

fn clock(time: NaiveDateTime) -> String {
    time.format("%H:%M").to_string()
}

/// "02:00", "02:00 and 02:30", "02:00 to 02:50".
fn clocks(times: &[NaiveDateTime]) -> String {
    match times {
        [only] => clock(*only),
        [first, second] => format!("{} and {}", clock(*first), clock(*second)),
        [first, .., last] => format!("{} to {}", clock(*first), clock(*last)),
        [] => String::new(),
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::Europe::Paris;
    use insta::assert_snapshot;

    fn all(schedule: &str, zone: Tz) -> Vec<Advice> {
        let now = DateTime::parse_from_rfc3339("2026-11-20T10:00:00Z").unwrap().to_utc();
        advice(&Schedule::parse(schedule).unwrap(), zone, now)
    }

    fn told(schedule: &str, zone: Tz) -> String {
        let mark = |advice: Advice| format!("{}{}", if advice.is_finding { "! " } else { "  " }, advice.text);
        all(schedule, zone).into_iter().map(mark).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn plain_schedules_are_quiet() {
        for schedule in [
            "0 4 * * *",
            "*/5 * * * *",
            "*/15 8-18 * * mon-fri",
            "0 */6 * * *",
            "0 0 1 * *",
            "0 4 1,15 * *",
            "@daily",
            "@weekly",
            "@reboot",
            "*/7 4 * * *",
            "0 */5 1 * *",
            "0 0 * * 0-7",
            "0 0 1,31 * *",
            "0 * * * *",
            "@hourly",
        ] {
            assert_eq!(told(schedule, Paris), "", "{schedule}");
        }
        assert_eq!(told("*/30 2 * * *", Tz::UTC), "");
    }

    #[test]
    fn day_fields_are_explained() {
        assert_snapshot!(told("0 4 25 * fri", Paris), @"! cron runs it on the days of the month and on the days of the week, not only where both meet (next on Wed 2026-11-25 and on Fri 2026-11-20)");
        assert_snapshot!(told("0 4 */2 * fri", Paris), @"! cron runs it only where both day fields meet, because one of them begins with a star (next on Fri 2026-11-27)");
        assert_snapshot!(told("0 4 1-31 * fri", Paris), @"! cron runs it every day: no day field begins with a star, so a date needs to match only one of them");
        assert_snapshot!(told("0 4 * * *,5", Paris), @"! `*,5` allows every value, as the star in it does alone");
    }

    #[test]
    fn uneven_steps_are_told_with_the_times() {
        assert_snapshot!(told("*/7 * * * *", Tz::UTC), @"! steps of 7 minutes do not fill the hour: Fri 2026-11-20 10:56 and Fri 2026-11-20 11:00 are 4 minutes apart");
        assert_snapshot!(told("0 */5 * * *", Tz::UTC), @"! steps of 5 hours do not fill the day: Fri 2026-11-20 20:00 and Sat 2026-11-21 00:00 are 4 hours apart");
        assert_snapshot!(told("0 4 */2 * *", Tz::UTC), @"! steps of 2 days do not fill every month: Thu 2026-12-31 and Fri 2027-01-01 are 1 day apart");
        assert_snapshot!(told("0 4 * * */2", Tz::UTC), @"! steps of 2 days do not fill the week: Sat 2026-11-21 and Sun 2026-11-22 are 1 day apart");
        assert_snapshot!(told("0-59/40 * * * *", Tz::UTC), @"! steps of 40 minutes do not fill the hour: Fri 2026-11-20 10:40 and Fri 2026-11-20 11:00 are 20 minutes apart");
    }

    #[test]
    fn months_without_the_day_are_named() {
        assert_snapshot!(told("0 4 31 * *", Paris), @"! it does not run in February, April, June, September, November: no such day there");
        assert_snapshot!(told("0 4 30 * *", Paris), @"! it does not run in February: no such day there");
        assert_snapshot!(told("0 4 29 * *", Paris), @"! it does not run in February (except in leap years): no such day there");
        assert_snapshot!(told("0 4 29 2 *", Paris), @"! it runs only on the 29th of February, in leap years (next on Tue 2028-02-29)");
        assert_snapshot!(told("0 4 31 4-6 *", Paris), @"! it does not run in April, June: no such day there");
    }

    #[test]
    fn changes_of_the_clock_are_explained() {
        assert_snapshot!(told("30 2 * * *", Paris), @r"
        on Sun 2027-03-28 02:30 does not exist in Europe/Paris; Debian's cron runs the job at 03:00 CEST; choose a time before 02:00 or after 03:00
        on Sun 2027-10-31 02:30 comes twice in Europe/Paris; Debian's cron runs the job only the first time, in CEST; choose a time before 02:00 or after 03:00
        ");
        assert_snapshot!(told("0,30 2 * * *", Paris), @r"
        on Sun 2027-03-28 02:00 and 02:30 do not exist in Europe/Paris; Debian's cron makes up for each of them at 03:00 CEST; choose a time before 02:00 or after 03:00
        on Sun 2027-10-31 02:00 and 02:30 come twice in Europe/Paris; Debian's cron runs the job only the first time, in CEST; choose a time before 02:00 or after 03:00
        ");
        assert_snapshot!(told("*/30 2 * * *", Paris), @r"
        ! on Sun 2027-03-28 02:00 and 02:30 do not exist in Europe/Paris; Debian's cron leaves these runs out, because minute or hour begins with a star; choose a time before 02:00 or after 03:00
        ! on Sun 2027-10-31 02:00 and 02:30 come twice in Europe/Paris; Debian's cron runs the job both times, because minute or hour begins with a star; choose a time before 02:00 or after 03:00
        ");
        assert_snapshot!(told("*/10 2 * * *", Paris), @r"
        ! on Sun 2027-03-28 02:00 to 02:50 do not exist in Europe/Paris; Debian's cron leaves these runs out, because minute or hour begins with a star; choose a time before 02:00 or after 03:00
        ! on Sun 2027-10-31 02:00 to 02:50 come twice in Europe/Paris; Debian's cron runs the job both times, because minute or hour begins with a star; choose a time before 02:00 or after 03:00
        ");
        assert_snapshot!(told("0 */2 * * *", Paris), @r"
        ! on Sun 2027-03-28 02:00 does not exist in Europe/Paris; Debian's cron leaves the run out, because minute or hour begins with a star; choose a time before 02:00 or after 03:00
        ! on Sun 2027-10-31 02:00 comes twice in Europe/Paris; Debian's cron runs the job both times, because minute or hour begins with a star; choose a time before 02:00 or after 03:00
        ");
        assert!(told("0 0-23 * * *", Paris).contains("02:00 does not exist"), "not a wildcard for cron");
        assert_snapshot!(told("0 2 * * *", chrono_tz::Australia::Lord_Howe), @"  on Sun 2027-10-03 02:00 does not exist in Australia/Lord_Howe; Debian's cron runs the job at 02:30 +11; choose a time before 02:00 or after 02:30");
        assert_snapshot!(told("0 0 * * *", chrono_tz::America::Havana), @r"
        on Sun 2027-03-14 00:00 does not exist in America/Havana; Debian's cron runs the job at 01:00 CDT; choose a time before 00:00 or after 01:00
        on Sun 2027-11-07 00:00 comes twice in America/Havana; Debian's cron runs the job only the first time, in CDT; choose a time before 00:00 or after 01:00
        ");
        assert_snapshot!(told("30 1 * * *", chrono_tz::America::New_York), @"  on Sun 2027-11-07 01:30 comes twice in America/New_York; Debian's cron runs the job only the first time, in EDT; choose a time before 01:00 or after 02:00");
    }

    /// What Debian's crontab rejects, or accepts and runs never or at other times, as measured.
    const REFUSED: [&str; 33] = [
        "* * * * 5#2",
        "1.5 * * * *",
        "0~10 * * * *",
        "5-1 * * * *",
        "0 0 * * sat-sun",
        "0 0 * * fri-sun",
        "*/61 * * * *",
        "* * 30 2 *",
        "3/5 * * * *",
        "1/2 * * * *",
        "*/0 * * * *",
        "60 * * * *",
        "0 24 * * *",
        "0 0 0 * *",
        "0 0 32 * *",
        "0 0 1 0 *",
        "0 0 1 13 *",
        "0 0 * * 8",
        "0 0 L * *",
        "0 0 15W * *",
        "0 0 ? * *",
        "H 0 * * *",
        "-5 * * * *",
        "+5 * * * *",
        "1,2, * * * *",
        "0 0 * * monday",
        "0 0 1 january *",
        "@Daily",
        "@every_minute",
        "*/5 * * * * *",
        "*/5 * * * * * true",
        "NAME=",
        "- 0 * * *",
    ];
    /// What it runs as it reads.
    const RIGHT: [&str; 17] = [
        "0 0 * * 5-7",
        "0 0 * * 0-7",
        "0 0 * * 7",
        "@reboot",
        "@yearly",
        "@annually",
        "@monthly",
        "@weekly",
        "@daily",
        "@midnight",
        "@hourly",
        "00 08 * * *",
        "0 0 * * mon-5",
        "0 0 * * SUN-MON",
        "0 0 1 FEB *",
        "0 0 * jan,mar-may mon,wed-fri",
        "0 0 * * *\r",
    ];

    #[test]
    fn whatever_cron_does_not_do_as_it_reads_is_refused_or_told() {
        for schedule in REFUSED {
            assert!(Schedule::parse(schedule).is_err(), "{schedule}");
        }
        for schedule in ["* * 25 * fri", "* * */2 * fri", "0 0 * * *,5", "0 0 31 * *", "*/7 * * * *"] {
            assert!(all(schedule, Tz::UTC).iter().any(|advice| advice.is_finding), "{schedule}");
        }
        for schedule in RIGHT {
            assert_eq!(all(schedule, Tz::UTC), [], "{schedule}");
            assert!(!Schedule::parse(schedule).unwrap().text().contains('\r'), "{schedule}");
        }
    }
}
