//! How RQ keeps queues, jobs and workers in Redis: read in its versions 1.0 to 3.0.
//!
//! The database belongs to the application. Nothing is unpickled into objects, and what is written is written by
//! scripts that look once more at what they change.

mod clean;
mod data;
mod empty;
mod job;
mod pickle;
mod queue;
mod running;
pub(crate) mod workers;

pub(crate) use clean::{Cleaned, Registry};
pub(crate) use empty::Emptied;
pub(crate) use job::Job;
pub(crate) use queue::{Counts, State};
pub(crate) use running::{Found, Running};

use chrono::{DateTime, NaiveDateTime, Utc};
use redis::Value;

/// A time as RQ writes it; an empty text is none.
fn time(bytes: &[u8]) -> Option<DateTime<Utc>> {
    let text = std::str::from_utf8(bytes).ok()?;
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.fZ").ok().map(|time| time.and_utc())
}

/// The elements of an answer; none of an error, or of anything else.
fn elements(answer: Value) -> Vec<Value> {
    match answer {
        Value::Array(values) | Value::Set(values) => values,
        _ => Vec::new(),
    }
}

/// A text that is not empty.
fn bytes(answer: &Value) -> Option<&[u8]> {
    match answer {
        Value::BulkString(bytes) => Some(bytes.as_slice()),
        Value::SimpleString(text) => Some(text.as_bytes()),
        _ => None,
    }
    .filter(|bytes| !bytes.is_empty())
}

fn text(answer: &Value) -> Option<String> {
    bytes(answer).map(lossy)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn number(answer: &Value) -> Option<u64> {
    match answer {
        Value::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}

/// The key of something that belongs to a job.
fn key(before: &str, id: &[u8], after: &str) -> Vec<u8> {
    [before.as_bytes(), id, after.as_bytes()].concat()
}

/// The job of an entry among those that run, and the execution: RQ 1 keeps the job's id, RQ 2 `JOB:EXECUTION`, and an
/// older id may hold colons itself.
fn job_and_execution(entry: &[u8]) -> (&[u8], Option<&[u8]>) {
    let is_execution = |id: &[u8]| id.len() == 32 && id.iter().all(u8::is_ascii_hexdigit);
    match entry.iter().rposition(|byte| *byte == b':') {
        Some(colon) if is_execution(&entry[colon + 1..]) => (&entry[..colon], Some(&entry[colon + 1..])),
        _ => (entry, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_job_is_found_in_either_form() {
        let execution = "0123456789abcdef0123456789abcdef";
        let of_two = format!("a:b:{execution}");
        assert_eq!(job_and_execution(of_two.as_bytes()), (&b"a:b"[..], Some(execution.as_bytes())));
        assert_eq!(job_and_execution(b"a:b"), (&b"a:b"[..], None));
        assert_eq!(job_and_execution(execution.as_bytes()), (execution.as_bytes(), None));
        assert_eq!(job_and_execution(b":"), (&b":"[..], None));
    }

    #[test]
    fn times_of_every_version_are_read() {
        let micro = time(b"2026-11-20T15:05:23.584923Z").unwrap();
        assert_eq!(micro.timestamp_subsec_micros(), 584_923);
        assert_eq!(time(b"2026-11-20T15:05:23Z").unwrap().timestamp_subsec_micros(), 0);
        for bad in [&b""[..], b"N/A", b"2026-11-20", b"\xff"] {
            assert_eq!(time(bad), None);
        }
    }
}
