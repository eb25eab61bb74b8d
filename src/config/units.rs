//! Lengths of time ("24h") and sizes ("10MB") as they are written in `maint.toml`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// A length of time: a whole number and `s`, `m`, `h`, `d` or `w`; `ms` for latencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[0-9]+(ms|s|m|h|d|w)$", "examples" = ["30m", "24h", "7d"]))]
pub struct Length(Duration);

/// Milliseconds in each unit; the longer suffix first.
const LENGTHS: [(&str, u64); 6] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];

/// A thousand years: no maintenance waits longer, and sums with it never overflow.
const LONGEST_MS: u64 = 1_000 * 366 * 86_400_000;

impl Length {
    /// `count` whole seconds.
    #[must_use]
    pub fn from_seconds(count: u64) -> Length {
        Length(Duration::from_secs(count.min(LONGEST_MS / 1_000)))
    }

    /// `count` whole hours.
    #[must_use]
    pub fn from_hours(count: u64) -> Length {
        Length(Duration::from_secs(count.saturating_mul(3_600).min(LONGEST_MS / 1_000)))
    }

    /// `count` whole minutes.
    #[must_use]
    pub fn from_minutes(count: u64) -> Length {
        Length(Duration::from_secs(count.saturating_mul(60).min(LONGEST_MS / 1_000)))
    }

    /// Whole hours, rounded down.
    #[must_use]
    pub fn hours(self) -> u64 {
        self.0.as_secs() / 3_600
    }

    /// True for a length of nothing.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// As the standard library's type.
    #[must_use]
    pub fn duration(self) -> Duration {
        self.0
    }
}

/// The largest unit that divides `number`, and how many of it.
fn largest(number: u64, units: &[(&'static str, u64)]) -> (u64, &'static str) {
    let unit = units.iter().rev().find(|(_, size)| number != 0 && number.is_multiple_of(*size));
    unit.map_or((number, units[0].0), |(name, size)| (number / size, *name))
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = u64::try_from(self.0.as_millis()).unwrap_or(LONGEST_MS);
        // 24h stays 24h: that is how people write an age; longer whole days become days.
        let (count, unit) = match largest(milliseconds, &LENGTHS) {
            (1, "d") => (24, "h"),
            (0, _) => (0, "s"),
            other => other,
        };
        write!(f, "{count}{unit}")
    }
}

impl From<Length> for String {
    fn from(length: Length) -> String {
        length.to_string()
    }
}

impl TryFrom<String> for Length {
    type Error = String;
    fn try_from(text: String) -> Result<Length, String> {
        let bad = || {
            format!(
                "bad duration \"{text}\": write a whole number and a unit, such as \"30m\", \"24h\" or \"7d\""
            )
        };
        let (digits, unit) = split(&text);
        let (_, size) = LENGTHS.iter().find(|(name, _)| *name == unit).ok_or_else(bad)?;
        let count: u64 = digits.parse().map_err(|_| bad())?;
        let total = count.checked_mul(*size).filter(|total| *total <= LONGEST_MS).ok_or_else(bad)?;
        Ok(Length(Duration::from_millis(total)))
    }
}

/// A size: a whole number and `B`, `KB`, `MB` or `GB`, in powers of 1024.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[0-9]+(B|KB|MB|GB)$", "examples" = ["10MB"]))]
pub struct Size(u64);

const SIZES: [(&str, u64); 4] = [("B", 1), ("KB", 1 << 10), ("MB", 1 << 20), ("GB", 1 << 30)];

impl Size {
    /// `count` bytes.
    #[must_use]
    pub const fn from_bytes(count: u64) -> Size {
        Size(count)
    }

    /// In bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, unit) = largest(self.0, &SIZES);
        write!(f, "{count}{unit}")
    }
}

impl From<Size> for String {
    fn from(size: Size) -> String {
        size.to_string()
    }
}

impl TryFrom<String> for Size {
    type Error = String;
    fn try_from(text: String) -> Result<Size, String> {
        let bad =
            || format!("bad size \"{text}\": write a whole number and a unit, such as \"512KB\" or \"10MB\"");
        let (digits, unit) = split(&text);
        let (_, size) = SIZES.iter().find(|(name, _)| *name == unit).ok_or_else(bad)?;
        let count: u64 = digits.parse().map_err(|_| bad())?;
        count.checked_mul(*size).map(Size).ok_or_else(bad)
    }
}

/// A share: a whole number and `%`; more than 100% is for what counts each core by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[0-9]+%$", "examples" = ["90%"]))]
pub struct Percent(u32);

impl Percent {
    /// So many hundredths.
    #[must_use]
    pub const fn of(count: u32) -> Percent {
        Percent(count)
    }

    /// How many hundredths.
    #[must_use]
    pub fn count(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

impl From<Percent> for String {
    fn from(percent: Percent) -> String {
        percent.to_string()
    }
}

impl TryFrom<String> for Percent {
    type Error = String;
    fn try_from(text: String) -> Result<Percent, String> {
        let bad = || format!("bad share \"{text}\": write a whole number and `%`, such as \"90%\"");
        match split(&text) {
            (digits, "%") => {
                digits.parse().ok().filter(|count| *count <= 1_000_000).map(Percent).ok_or_else(bad)
            }
            _ => Err(bad()),
        }
    }
}

/// A whole number as an option of the command line gives it. What is anything else never means "everything",
/// and half a million years of hours are enough.
#[must_use]
pub fn count(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|count| is_number && *count <= 4_000_000_000)
}

/// Splits the leading digits from the unit.
fn split(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_and_sizes_print_as_they_are_written() {
        for text in ["24h", "7d", "90s", "30m", "250ms", "0s", "2w"] {
            let printed = Length::try_from(text.to_owned()).unwrap().to_string();
            assert_eq!(Length::try_from(printed).unwrap(), Length::try_from(text.to_owned()).unwrap());
        }
        assert_eq!(Length::try_from("24h".to_owned()).unwrap().to_string(), "24h");
        assert_eq!(Size::try_from("10MB".to_owned()).unwrap().to_string(), "10MB");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in ".{0,30}") {
            let _ = (Length::try_from(text.clone()), Size::try_from(text));
        }

        #[test]
        fn a_printed_length_reads_back(seconds in 0_u64..100_000_000) {
            let length = Length(Duration::from_secs(seconds));
            prop_assert_eq!(Length::try_from(length.to_string()).unwrap(), length);
        }
    }
}
