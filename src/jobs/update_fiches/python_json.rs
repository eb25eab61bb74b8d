//! JSON as Python's `json.dumps` writes it, which is how the site's own program stores it.

use crate::text;
use serde::Serialize as _;
use serde_json::Value;
use serde_json::ser::Formatter;
use std::io::{self, Write};

/// `value` in ASCII, with a space after each comma and colon.
pub(super) fn dumps(value: &Value) -> String {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Python);
    // Memory takes all that is written to it.
    let _ = value.serialize(&mut serializer);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A column as people can read it: a list or an object as it is meant, without its escapes; any other text as it stands.
pub(super) fn readable(column: &str) -> Value {
    let is_json = column.starts_with(['{', '[']);
    serde_json::from_str(column).ok().filter(|_| is_json).unwrap_or_else(|| column.into())
}

struct Python;

impl Formatter for Python {
    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        out.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        out.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    /// Quotes, backslashes and C0 are escaped by the serializer, in the same way as in Python.
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, text: &str) -> io::Result<()> {
        for c in text.chars() {
            if matches!(c, ' '..='~') {
                write!(out, "{c}")?;
            } else {
                let mut units = [0; 2];
                c.encode_utf16(&mut units).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}"))?;
            }
        }
        Ok(())
    }

    fn write_f64<W: ?Sized + Write>(&mut self, out: &mut W, number: f64) -> io::Result<()> {
        out.write_all(text::python_number(number).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;
    use std::process::{Command, Stdio};

    #[test]
    fn a_text_is_escaped_to_ascii_as_python_does() {
        let value = json!({"compétence": ["L'œuvre \"x\"\\ \n\t\r\u{8}\u{c}\u{1}\u{7f}\u{a0}\u{2028}", "😀", ""], "vide": [], "o": {}});
        let expected = r#"{"comp\u00e9tence": ["L'\u0153uvre \"x\"\\ \n\t\r\b\f\u0001\u007f\u00a0\u2028", "\ud83d\ude00", ""], "vide": [], "o": {}}"#;
        assert_eq!(dumps(&value), expected);
    }

    #[test]
    fn a_column_is_shown_as_it_is_meant_where_it_is_json() {
        assert_eq!(readable(r#"["for\u00eat", 1]"#), json!(["forêt", 1]));
        for text in ["", "12", "null", "\"a\"", "{broken", "Un métier"] {
            assert_eq!(readable(text), json!(text));
        }
    }

    #[test]
    fn a_number_is_written_as_python_does() {
        let cases = [
            (0.7, "0.7"),
            (1.0, "1.0"),
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (0.0001, "0.0001"),
            (0.000_01, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (5e-324, "5e-324"),
            (1.797_693_134_862_315_7e308, "1.7976931348623157e+308"),
        ];
        for (number, text) in cases {
            assert_eq!(dumps(&json!(number)), text);
        }
        let value = json!({"n": null, "b": true, "i": -12, "u": u64::MAX});
        assert_eq!(dumps(&value), r#"{"n": null, "b": true, "i": -12, "u": 18446744073709551615}"#);
    }

    proptest! {
        #[test]
        fn it_reads_back_as_it_was(text in any::<String>(), number in any::<f64>()) {
            let value = json!({text.clone(): [text, number]});
            let written = dumps(&value);
            prop_assert!(written.is_ascii());
            prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "Python itself is asked")]
    fn python_writes_the_very_same() {
        let numbers =
            (-30..30).flat_map(|power| [1.0, 1.5, 123.456].map(|digits| digits * 10_f64.powi(power)));
        let texts = (1..0x3000).chain(0x1_f600..0x1_f610).filter_map(char::from_u32);
        let value = json!({"n": numbers.collect::<Vec<_>>(), "t": texts.collect::<String>()});
        let line = "import json, sys; print(json.dumps(json.load(sys.stdin)), end='')";
        let python =
            Command::new("python3").args(["-c", line]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let Ok(mut python) = python else {
            // Where there is none, the cases above have to do. Not `eprintln!`, which is shown only when a test fails.
            let left_out = b"LEFT OUT: JSON as Python itself writes it: python3 is missing\n";
            std::io::stderr().write_all(left_out).unwrap();
            return;
        };
        python.stdin.take().unwrap().write_all(value.to_string().as_bytes()).unwrap();
        let said = python.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(said.stdout).unwrap(), dumps(&value));
    }
}
