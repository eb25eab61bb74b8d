//! What goes into a statement and comes out of a row, the same for SQLite and PostgreSQL.

use crate::text;
use anyhow::{Result, anyhow, bail};
use chrono::{DateTime, FixedOffset, NaiveDateTime, Timelike as _, Utc};

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    Real(f64),
    Text(String),
    /// SQLite has no type for times: there it is text as Django writes it, in UTC.
    Time(DateTime<Utc>),
    /// The same in the site's own zone, which is not stored with it: text as `SQLAlchemy` writes it.
    Local(DateTime<FixedOffset>),
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Boolean(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Integer(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::Text(value)
    }
}

impl From<DateTime<Utc>> for Value {
    fn from(value: DateTime<Utc>) -> Value {
        Value::Time(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

/// The values of one row, by their place in the `SELECT` list.
#[derive(Debug)]
pub(crate) struct Row(pub(super) Vec<Value>);

impl Row {
    fn value(&self, index: usize) -> &Value {
        self.0.get(index).unwrap_or(&Value::Null)
    }

    /// A whole number.
    pub(crate) fn integer(&self, index: usize) -> Result<i64> {
        self.optional_integer(index)?.ok_or_else(|| anyhow!("a number is missing"))
    }

    /// A whole number, when there is one.
    pub(crate) fn optional_integer(&self, index: usize) -> Result<Option<i64>> {
        match self.value(index) {
            Value::Null => Ok(None),
            Value::Integer(number) => Ok(Some(*number)),
            other => bail!("{} is not a whole number", other.shown()),
        }
    }

    /// A text; NULL is an empty one, as Django reads it.
    pub(crate) fn text(&self, index: usize) -> Result<&str> {
        match self.value(index) {
            Value::Null => Ok(""),
            Value::Text(text) => Ok(text),
            other => bail!("{} is not a text", other.shown()),
        }
    }

    /// A text, when there is one.
    pub(crate) fn optional_text(&self, index: usize) -> Result<Option<&str>> {
        match self.value(index) {
            Value::Null => Ok(None),
            _ => self.text(index).map(Some),
        }
    }

    /// Yes or no; SQLite has 1 and 0 for them.
    pub(crate) fn boolean(&self, index: usize) -> Result<bool> {
        match self.value(index) {
            Value::Boolean(value) => Ok(*value),
            Value::Integer(0) => Ok(false),
            Value::Integer(1) => Ok(true),
            other => bail!("{} is neither true nor false", other.shown()),
        }
    }

    /// A time, when there is one.
    pub(crate) fn time(&self, index: usize) -> Result<Option<DateTime<Utc>>> {
        match self.value(index) {
            Value::Null => Ok(None),
            Value::Time(time) => Ok(Some(*time)),
            Value::Text(text) => {
                let time = parse_time(text).ok_or_else(|| anyhow!("`{}` is not a time", text::escape(text)));
                time.map(Some)
            }
            other => bail!("{} is not a time", other.shown()),
        }
    }
}

impl Value {
    /// As an error names it.
    fn shown(&self) -> String {
        match self {
            Value::Null => "nothing".to_owned(),
            Value::Boolean(value) => format!("`{value}`"),
            Value::Integer(value) => format!("`{value}`"),
            Value::Real(value) => format!("`{value}`"),
            Value::Text(value) => format!("`{}`", text::escape(value)),
            Value::Time(value) => format!("`{value}`"),
            Value::Local(value) => format!("`{value}`"),
        }
    }
}

/// "2026-11-20 15:16:27.931923", as Django stores a time in SQLite: UTC, and no fraction when it is zero.
pub(super) fn django_time(time: DateTime<Utc>) -> String {
    let format = if time.nanosecond() / 1_000 == 0 { "%Y-%m-%d %H:%M:%S" } else { "%Y-%m-%d %H:%M:%S%.6f" };
    time.format(format).to_string()
}

/// "2026-11-20 15:16:27.000000", as `SQLAlchemy` stores a time: as the clock on the wall shows it.
pub(super) fn local_time(time: DateTime<FixedOffset>) -> String {
    time.format("%Y-%m-%d %H:%M:%S%.6f").to_string()
}

/// A time that Django stored, or one with an offset.
fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    let naive = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M"];
    let naive = naive.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let with_offset = || DateTime::parse_from_rfc3339(text).ok().map(|time| time.with_timezone(&Utc));
    naive.map(|naive| naive.and_utc()).or_else(with_offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_comes_back_as_django_wrote_it() {
        for text in ["2026-11-20 15:16:27.931923", "2026-11-20 10:00:00", "2026-11-20 10:00:00.000001"] {
            assert_eq!(parse_time(text).map(django_time).as_deref(), Some(text));
        }
        assert_eq!(
            parse_time("2026-11-20 10:00:00+01:00").map(django_time).as_deref(),
            Some("2026-11-20 09:00:00")
        );
        for text in ["", "hier", "01/02/2025", "2026-11-20", "2026-13-20 10:00:00"] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_not_of_the_kind_asked_for_is_named_escaped() {
        let row = Row(vec![Value::Text("a\u{1b}[31m".into()), Value::Integer(2), Value::Null]);
        assert_eq!(row.integer(0).unwrap_err().to_string(), "`a\\x1b[31m` is not a whole number");
        assert_eq!(row.boolean(1).unwrap_err().to_string(), "`2` is neither true nor false");
        assert_eq!(row.time(1).unwrap_err().to_string(), "`2` is not a time");
        assert_eq!(row.time(2).unwrap(), None);
        assert_eq!(row.text(2).unwrap(), "");
    }
}
