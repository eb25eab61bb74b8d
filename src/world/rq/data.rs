//! Plain values as Python has them: what a job has returned, and what the application has noted of it.

use super::pickle;
use crate::text;
use serde_json::Value as Json;
use std::fmt::Write as _;

/// The largest text or pickle that is read.
pub(super) const LARGEST: usize = 64 << 10;

/// A plain value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Data {
    None,
    Boolean(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Data>),
    Tuple(Vec<Data>),
    Set(Vec<Data>),
    FrozenSet(Vec<Data>),
    Dict(Vec<(Data, Data)>),
}

/// How much is still read of one value.
pub(super) struct Budget {
    values: usize,
    bytes: usize,
    depth: usize,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { values: 10_000, bytes: 4 * LARGEST, depth: 32 }
    }
}

impl Budget {
    /// Pays for a single value.
    pub(super) fn spend(&mut self, leaf: &Data) -> Option<()> {
        let length = match leaf {
            Data::Text(text) => text.len(),
            Data::Bytes(bytes) => bytes.len(),
            _ => 0,
        };
        self.values = self.values.checked_sub(1)?;
        self.bytes = self.bytes.checked_sub(length)?;
        Some(())
    }

    /// Pays for what holds other values, and for these.
    pub(super) fn inside<T>(&mut self, look: impl FnOnce(&mut Budget) -> Option<T>) -> Option<T> {
        self.values = self.values.checked_sub(1)?;
        self.depth = self.depth.checked_sub(1)?;
        let found = look(self)?;
        self.depth += 1;
        Some(found)
    }
}

/// What RQ has serialized: a pickle, or JSON where the application has chosen so.
pub(super) fn read(bytes: &[u8]) -> Option<Data> {
    if bytes.len() > LARGEST {
        return None;
    }
    let is_pickle = bytes.first() == Some(&0x80);
    if is_pickle { pickle::read(bytes) } else { of_json(serde_json::from_slice(bytes).ok()?) }
}

/// The parser of JSON has limits of its own.
fn of_json(json: Json) -> Option<Data> {
    Some(match json {
        Json::Null => Data::None,
        Json::Bool(value) => Data::Boolean(value),
        Json::Number(number) => match number.as_i128() {
            Some(integer) => Data::Integer(integer),
            None => Data::Float(number.as_f64()?),
        },
        Json::String(text) => Data::Text(text),
        Json::Array(values) => Data::List(values.into_iter().map(of_json).collect::<Option<_>>()?),
        Json::Object(pairs) => {
            let pairs = pairs.into_iter().map(|(key, value)| Some((Data::Text(key), of_json(value)?)));
            Data::Dict(pairs.collect::<Option<_>>()?)
        }
    })
}

impl Data {
    /// As Python's `str` writes it.
    pub(crate) fn python(&self) -> String {
        if let Data::Text(text) = self {
            return text.clone();
        }
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    /// As Python's `repr` writes it.
    fn write(&self, out: &mut String) {
        match self {
            Data::None => out.push_str("None"),
            Data::Boolean(true) => out.push_str("True"),
            Data::Boolean(false) => out.push_str("False"),
            Data::Integer(value) => drop(write!(out, "{value}")),
            Data::Float(value) => out.push_str(&text::python_number(*value)),
            Data::Text(text) => write_text(text, out),
            Data::Bytes(bytes) => write_bytes(bytes, out),
            Data::List(parts) => write_parts(parts, ["[", "]"], out),
            Data::Tuple(parts) if parts.len() == 1 => write_parts(parts, ["(", ",)"], out),
            Data::Tuple(parts) => write_parts(parts, ["(", ")"], out),
            Data::Set(parts) if parts.is_empty() => out.push_str("set()"),
            Data::Set(parts) => write_parts(parts, ["{", "}"], out),
            Data::FrozenSet(parts) if parts.is_empty() => out.push_str("frozenset()"),
            Data::FrozenSet(parts) => write_parts(parts, ["frozenset({", "})"], out),
            Data::Dict(pairs) => {
                out.push('{');
                for (index, (key, value)) in pairs.iter().enumerate() {
                    out.push_str(if index > 0 { ", " } else { "" });
                    key.write(out);
                    out.push_str(": ");
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// As JSON: what it does not know becomes what is nearest.
    pub(crate) fn json(&self) -> Json {
        match self {
            Data::None => Json::Null,
            Data::Boolean(value) => (*value).into(),
            Data::Integer(value) => serde_json::Number::from_i128(*value)
                .map_or_else(|| Json::String(value.to_string()), Json::Number),
            Data::Float(value) => (*value).into(),
            Data::Text(text) => text.as_str().into(),
            Data::Bytes(bytes) => String::from_utf8_lossy(bytes).into(),
            Data::List(parts) | Data::Tuple(parts) | Data::Set(parts) | Data::FrozenSet(parts) => {
                parts.iter().map(Data::json).collect()
            }
            Data::Dict(pairs) => pairs.iter().map(|(key, value)| (key.as_key(), value.json())).collect(),
        }
    }

    /// As `json.dumps` writes a key.
    fn as_key(&self) -> String {
        match self {
            Data::None => "null".to_owned(),
            Data::Boolean(value) => value.to_string(),
            other => other.python(),
        }
    }
}

fn write_parts(parts: &[Data], [open, close]: [&str; 2], out: &mut String) {
    out.push_str(open);
    for (index, part) in parts.iter().enumerate() {
        out.push_str(if index > 0 { ", " } else { "" });
        part.write(out);
    }
    out.push_str(close);
}

fn quote_for(has_single: bool, has_double: bool) -> char {
    if has_single && !has_double { '"' } else { '\'' }
}

fn write_text(text: &str, out: &mut String) {
    let quote = quote_for(text.contains('\''), text.contains('"'));
    out.push(quote);
    for c in text.chars() {
        let code = u32::from(c);
        let _ = match c {
            '\n' => write!(out, "\\n"),
            '\r' => write!(out, "\\r"),
            '\t' => write!(out, "\\t"),
            '\\' => write!(out, "\\\\"),
            c if c == quote => write!(out, "\\{c}"),
            c if c == ' ' || !(text::is_control(c) || c.is_whitespace()) => write!(out, "{c}"),
            _ if code < 0x100 => write!(out, "\\x{code:02x}"),
            _ => write!(out, "\\u{code:04x}"),
        };
    }
    out.push(quote);
}

fn write_bytes(bytes: &[u8], out: &mut String) {
    let quote = quote_for(bytes.contains(&b'\''), bytes.contains(&b'"'));
    let _ = write!(out, "b{quote}");
    for byte in bytes {
        let c = char::from(*byte);
        let _ = match byte {
            b'\n' => write!(out, "\\n"),
            b'\r' => write!(out, "\\r"),
            b'\t' => write!(out, "\\t"),
            b'\\' => write!(out, "\\\\"),
            b' '..=b'~' if c == quote => write!(out, "\\{c}"),
            b' '..=b'~' => write!(out, "{c}"),
            _ => write!(out, "\\x{byte:02x}"),
        };
    }
    out.push(quote);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Data {
        Data::Text(text.to_owned())
    }

    #[test]
    fn a_result_reads_as_str_writes_it() {
        let result = Data::Dict(vec![
            (text("success"), Data::Boolean(true)),
            (text("messages_sent"), Data::Integer(3)),
            (text("rate"), Data::Float(1e16)),
            (text("who's"), Data::Tuple(vec![Data::None])),
            (text("both ' and \""), Data::List(vec![text("é\n\u{1b}\u{a0}\u{202e}"), Data::Set(Vec::new())])),
            (text("raw"), Data::Bytes(b"it's \xff\\".to_vec())),
        ]);
        assert_eq!(
            result.python(),
            r#"{'success': True, 'messages_sent': 3, 'rate': 1e+16, "who's": (None,), 'both \' and "': ['é\n\x1b\xa0\u202e', set()], 'raw': b"it's \xff\\"}"#
        );
        assert_eq!(text("plain").python(), "plain");
    }

    #[test]
    fn notes_become_json() {
        let notes = Data::Dict(vec![
            (text("n"), Data::Integer(0)),
            (Data::Integer(1), Data::Float(f64::NAN)),
            (Data::Boolean(true), Data::Integer(i128::from(u64::MAX))),
            (Data::None, Data::Integer(i128::MAX)),
        ]);
        let json = notes.json().to_string();
        assert_eq!(json, format!(r#"{{"n":0,"1":null,"true":18446744073709551615,"null":"{}"}}"#, i128::MAX));
    }

    #[test]
    fn json_is_read_where_the_application_writes_it() {
        let data = read(br#"{"a": [1, -2.5, null, "x"]}"#).unwrap();
        assert_eq!(data.python(), "{'a': [1, -2.5, None, 'x']}");
        assert_eq!(read(b"not json"), None);
        assert_eq!(read(&[b'['; 5_000]), None);
        assert_eq!(read(&vec![b' '; LARGEST + 1]), None);
    }
}
