//! A job as RQ keeps it. Only what is named is read, and nothing of any size.

use super::data::{self, LARGEST};
use super::queue::State;
use super::{bytes, elements, key, lossy, number, text, time};
use crate::world::redis::Redis;
use anyhow::Result;
use chrono::{DateTime, Utc};
use flate2::read::ZlibDecoder;
use redis::{Value, pipe};
use serde_json::Value as Json;
use std::io::Read as _;

/// Jobs that are read at once.
const AT_ONCE: usize = 200;
/// Bytes that the results of one job may take in Redis.
const LARGEST_RESULTS: u64 = 1 << 20;
const SHORT: [&str; 6] = ["status", "created_at", "enqueued_at", "started_at", "ended_at", "worker_name"];
/// Fields that may be of any size.
const LONG: [&str; 4] = ["description", "meta", "exc_info", "result"];

/// A job.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: Vec<u8>,
    pub(crate) status: String,
    pub(crate) created: Option<DateTime<Utc>>,
    pub(crate) enqueued: Option<DateTime<Utc>>,
    pub(crate) started: Option<DateTime<Utc>>,
    pub(crate) ended: Option<DateTime<Utc>>,
    pub(crate) worker: Option<String>,
    /// The call, such as "tasks.send(1)".
    pub(crate) description: Option<String>,
    /// What the application has noted of it.
    pub(crate) meta: Json,
    /// What it has returned, as Python's `str` writes it.
    pub(crate) result: Option<String>,
    /// Why it failed.
    pub(crate) exc_info: Option<String>,
    /// Of a running job the time by which it must tell of itself, of a scheduled one its time: seconds since 1970.
    pub(crate) score: f64,
}

impl Redis {
    /// Some jobs of a queue in a state, and how many ids lead to no job any more.
    pub(crate) fn jobs(&mut self, queue: &str, state: State, limit: u32) -> Result<(Vec<Job>, u64)> {
        let entries = self.ids(queue, state, limit)?;
        let mut jobs = Vec::new();
        for some in entries.chunks(AT_ONCE) {
            let ids = some.iter().map(|(entry, _)| super::job_and_execution(entry).0);
            let ids: Vec<&[u8]> = match state {
                State::Started => ids.collect(),
                _ => some.iter().map(|(id, _)| id.as_slice()).collect(),
            };
            let read = self.read(&ids)?;
            jobs.extend(
                read.into_iter()
                    .zip(some)
                    .filter_map(|(job, (_, score))| Some(Job { score: *score, ..job? })),
            );
        }
        let ghosts = (entries.len() - jobs.len()) as u64;
        Ok((jobs, ghosts))
    }

    /// The jobs of these ids; none in the place of one that is gone. First it is asked how long everything is.
    fn read(&mut self, ids: &[&[u8]]) -> Result<Vec<Option<Job>>> {
        let mut commands = pipe();
        for id in ids {
            let job = key("rq:job:", id, "");
            commands.cmd("HMGET").arg(&job).arg(&SHORT);
            for field in LONG {
                commands.cmd("HSTRLEN").arg(&job).arg(field);
            }
            commands.cmd("MEMORY").arg("USAGE").arg(key("rq:results:", id, ""));
        }
        let first = self.ask_all(&commands)?;
        let first: Vec<&[Value]> = first.chunks_exact(LONG.len() + 2).collect();
        let mut commands = pipe();
        for (id, sizes) in ids.iter().zip(&first) {
            let is_read = |size: &Value| number(size).unwrap_or(0) <= LARGEST as u64;
            let job = key("rq:job:", id, "");
            // A field that there cannot be stands in the place of one that is too long.
            let fields =
                LONG.iter().zip(&sizes[1..]).map(|(field, size)| if is_read(size) { field } else { "" });
            commands.cmd("HMGET").arg(&job).arg(fields.collect::<Vec<_>>());
            let is_small = sizes.last().and_then(number).unwrap_or(0) <= LARGEST_RESULTS;
            let count = u8::from(is_small);
            let results = key("rq:results:", id, "");
            commands.cmd("XREVRANGE").arg(results).arg("+").arg("-").arg("COUNT").arg(count);
        }
        let second = self.ask_all(&commands)?;
        let of_each = ids.iter().zip(first).zip(second.chunks_exact(2));
        Ok(of_each.map(|((id, first), second)| Job::of(id, first, second)).collect())
    }
}

impl Job {
    fn of(id: &[u8], first: &[Value], second: &[Value]) -> Option<Job> {
        let short = elements(first.first()?.clone());
        let long = elements(second.first()?.clone());
        let [status, created, enqueued, started, ended, worker] = short.as_slice() else { return None };
        let [description, meta, exc_info, result] = long.as_slice() else { return None };
        if short.iter().all(|field| bytes(field).is_none()) {
            return None;
        }
        let newest = Newest::of(second.get(1)?);
        let has_meta = first.get(2).and_then(number).unwrap_or(0) > 0;
        let meta = match meta {
            Value::Nil if !has_meta => Json::Object(serde_json::Map::new()),
            other => bytes(other).and_then(data::read).map_or(Json::Null, |meta| meta.json()),
        };
        let at = |field: &Value| bytes(field).and_then(time);
        Some(Job {
            id: id.to_vec(),
            status: text(status).unwrap_or_else(|| "unknown".to_owned()),
            created: at(created),
            enqueued: at(enqueued),
            started: at(started),
            ended: at(ended),
            worker: text(worker),
            description: text(description),
            meta,
            result: newest.returned.or_else(|| returned(bytes(result)?)),
            exc_info: newest.failure.or_else(|| inflated(bytes(exc_info)?)),
            score: 0.0,
        })
    }
}

/// The newest result of a job: RQ ≥ 1.12 keeps them in a stream.
#[derive(Default)]
struct Newest {
    returned: Option<String>,
    failure: Option<String>,
}

impl Newest {
    fn of(stream: &Value) -> Newest {
        let entry =
            elements(stream.clone()).into_iter().next().map(elements).and_then(|mut entry| entry.pop());
        let fields = entry.map(elements).unwrap_or_default();
        let field = |name: &[u8]| {
            let mut pairs = fields.chunks_exact(2);
            pairs.find(|pair| bytes(&pair[0]) == Some(name)).and_then(|pair| bytes(&pair[1]))
        };
        let decoded = |name: &[u8]| field(name).and_then(base64);
        match field(b"type") {
            Some(b"1") => Newest {
                returned: decoded(b"return_value").and_then(|value| returned(&value)),
                failure: None,
            },
            Some(_) => {
                Newest { returned: None, failure: decoded(b"exc_string").and_then(|value| inflated(&value)) }
            }
            None => Newest::default(),
        }
    }
}

/// What a job has returned; nothing, or what is no plain data, is none.
fn returned(bytes: &[u8]) -> Option<String> {
    data::read(bytes).filter(|data| *data != data::Data::None).map(|data| data.python())
}

/// A text that RQ has compressed, or, long ago, left as it was. Only its beginning is kept when it is very long.
fn inflated(bytes: &[u8]) -> Option<String> {
    let mut out = Vec::new();
    // What is broken is read as far as it goes.
    let _ = ZlibDecoder::new(bytes).take(LARGEST as u64).read_to_end(&mut out);
    match out.is_empty() {
        true if bytes.first() == Some(&0x78) => None,
        true => Some(lossy(&bytes[..bytes.len().min(LARGEST)])),
        false => Some(lossy(&out)),
    }
}

/// The bytes of a text in the usual alphabet; none when it is anything else.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: &u8| match byte {
        b'A'..=b'Z' => Some(u32::from(byte - b'A')),
        b'a'..=b'z' => Some(u32::from(byte - b'a') + 26),
        b'0'..=b'9' => Some(u32::from(byte - b'0') + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let end = text.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    let mut out = Vec::with_capacity(end / 4 * 3 + 3);
    for group in text[..end].chunks(4) {
        let digits = group.iter().map(digit).collect::<Option<Vec<u32>>>()?;
        let bits = digits.iter().fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - digits.len()));
        out.extend_from_slice(&bits.to_be_bytes()[1..digits.len().max(1)]);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::read::ZlibEncoder;

    fn compressed(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        ZlibEncoder::new(text, Compression::default()).read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn base64_is_read_and_anything_else_is_not() {
        for (text, plain) in [("", ""), ("YQ==", "a"), ("YWI=", "ab"), ("YWJj", "abc"), ("YWJjZA", "abcd")] {
            assert_eq!(base64(text.as_bytes()).unwrap(), plain.as_bytes());
        }
        assert_eq!(base64(b"+/8=").unwrap(), [0xfb, 0xff]);
        assert_eq!(base64(b"a b="), None);
    }

    #[test]
    fn a_traceback_is_read_in_every_form_and_never_more_than_its_beginning() {
        assert_eq!(inflated(&compressed(b"Traceback")).unwrap(), "Traceback");
        assert_eq!(inflated(b"Traceback").unwrap(), "Traceback");
        let bomb = compressed(&vec![b'x'; 50 << 20]);
        assert_eq!(inflated(&bomb).unwrap().len(), LARGEST);
        assert_eq!(inflated(b"\x78\x9c\xff\xff"), None);
    }

    #[test]
    fn the_newest_result_tells_what_was_returned_or_why_it_failed() {
        let entry = |fields: &[&[u8]]| {
            let fields = fields.iter().map(|field| Value::BulkString(field.to_vec())).collect();
            Value::Array(vec![Value::Array(vec![Value::BulkString(b"1-0".to_vec()), Value::Array(fields)])])
        };
        let good = Newest::of(&entry(&[b"type", b"1", b"return_value", b"gAVLAy4="]));
        assert_eq!((good.returned.as_deref(), good.failure), (Some("3"), None));
        let bad = Newest::of(&entry(&[b"type", b"2", b"exc_string", b"eJwLKUpMTk1KTM4GABFbA4E="]));
        assert_eq!(bad.returned, None);
        assert_eq!(bad.failure.as_deref(), Some("Traceback"));
        assert!(Newest::of(&Value::Array(Vec::new())).failure.is_none());
        assert!(Newest::of(&entry(&[b"type"])).failure.is_none());
    }
}
