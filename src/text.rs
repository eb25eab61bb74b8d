//! Pure text: sizes, ages, plurals, and the escaping of everything that came from outside.

use serde::Serialize;
use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::{self, Write as _};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

/// True for characters that can move a cursor, rename a window or reorder text: C0, DEL, C1, line
/// separators and bidirectional controls.
#[must_use]
pub fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200E}' | '\u{200F}' | '\u{061C}')
        || ('\u{202A}'..='\u{202E}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c => {
            let code = c as u32;
            let _ = if code < 0x100 { write!(out, "\\x{code:02x}") } else { write!(out, "\\u{{{code:x}}}") };
        }
    }
}

/// `text` on one line, with every control character written out.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    // Nearly every text is plain, and half a million of them may be looked at.
    let is_plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if is_plain || !text.chars().any(is_control) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_control(c) { push_escaped(&mut out, c) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// Bytes on one line: valid UTF-8 as it is, other bytes as `\xNN`, control characters escaped.
#[must_use]
pub fn escape_bytes(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return escape(text);
    }
    let mut out = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        out.push_str(&escape(chunk.valid()));
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    Cow::Owned(out)
}

/// A line of a program's output: as [`escape_bytes`], but a tab becomes spaces, which are readable.
#[must_use]
pub fn output_line(bytes: &[u8]) -> String {
    let parts: Vec<_> = bytes.split(|byte| *byte == b'\t').map(escape_bytes).collect();
    parts.join("    ")
}

/// A file name or path as it may be printed.
pub fn path(path: &(impl AsRef<OsStr> + ?Sized)) -> Cow<'_, str> {
    escape_bytes(path.as_ref().as_bytes())
}

/// Text without its colour codes, which would hide where a word begins.
pub(crate) fn without_colour(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        let code = colour_code(&rest[at..]);
        let kept = if code == 0 { at + 1 } else { at };
        plain.push_str(&rest[..kept]);
        rest = &rest[at + code.max(1)..];
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// A block of text that may keep its line ends, tabs and, when `keep_colour`, its colour codes.
#[must_use]
pub fn escape_block(text: &str, keep_colour: bool) -> Cow<'_, str> {
    if !text.chars().any(|c| is_control(c) && c != '\n' && c != '\t') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let colour = if keep_colour { colour_code(rest) } else { 0 };
        if colour > 0 {
            out.push_str(&rest[..colour]);
            rest = &rest[colour..];
            continue;
        }
        if is_control(c) && c != '\n' && c != '\t' {
            push_escaped(&mut out, c);
        } else {
            out.push(c);
        }
        rest = &rest[c.len_utf8()..];
    }
    Cow::Owned(out)
}

/// At most `limit` characters, the last of which tells that there were more.
#[must_use]
pub fn cut(text: &str, limit: usize) -> String {
    if text.chars().nth(limit).is_none() {
        return text.to_owned();
    }
    let kept = text.chars().take(limit.saturating_sub(1));
    kept.chain(std::iter::once('…').take(limit)).collect()
}

/// Length of the SGR sequence (`ESC [ digits m`) that `text` starts with, else 0.
fn colour_code(text: &str) -> usize {
    let Some(body) = text.strip_prefix("\u{1b}[") else { return 0 };
    let digits = body.bytes().take_while(|b| b.is_ascii_digit() || *b == b';').count();
    if body.as_bytes().get(digits) == Some(&b'm') { digits + 3 } else { 0 }
}

/// "7 B", "1.5 KB", "3.0 MB": powers of 1024, as the original's reports print them.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "one decimal is printed")]
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A length of time in its two largest units: "45 ms", "12 s", "3 min 5 s", "2 h", "5 d 3 h".
#[must_use]
pub fn duration(duration: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let seconds = duration.as_secs();
    if seconds == 0 {
        return format!("{} ms", duration.subsec_millis());
    }
    let first = UNITS.iter().position(|(length, _)| seconds >= *length).unwrap_or(3);
    let (length, unit) = UNITS[first];
    let (count, rest) = (seconds / length, seconds % length);
    match UNITS.get(first + 1) {
        Some((next, next_unit)) if rest >= *next => format!("{count} {unit} {} {next_unit}", rest / next),
        _ => format!("{count} {unit}"),
    }
}

/// Two lower-case digits for each byte.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// "1 file", "2 files", "250,000 files"; `noun` in the singular.
#[must_use]
pub fn plural(count: usize, noun: &str) -> String {
    let count_in_words = thousands(count as u64);
    match noun.strip_suffix("ry") {
        _ if count == 1 => format!("{count_in_words} {noun}"),
        // Library, repository.
        Some(stem) => format!("{count_in_words} {stem}ries"),
        None => format!("{count_in_words} {noun}s"),
    }
}

/// The text with a capital at its beginning.
#[must_use]
pub fn sentence(text: &str) -> String {
    let (first, rest) = text.split_at(text.chars().next().map_or(0, char::len_utf8));
    format!("{}{rest}", first.to_uppercase())
}

/// 1234567 as "1,234,567".
#[must_use]
pub fn thousands(number: u64) -> String {
    grouped(&number.to_string(), ",")
}

/// Digits in groups of three.
#[must_use]
pub fn grouped(digits: &str, separator: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push_str(separator);
        }
        out.push(digit);
    }
    out
}

/// A number as Python's `repr` writes it: "0.7", "1.0", "1e-05", "1.5e+16", "inf".
#[must_use]
pub fn python_number(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 || !size.is_finite() || (1e-4..1e16).contains(&size) {
        return format!("{number:?}").to_ascii_lowercase();
    }
    let shortest = format!("{number:e}");
    let (digits, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}e{sign}{exponent:0>2}")
}

/// The known name nearest to a mistyped one, when it is near enough to be worth a hint.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(typed, name), name))
        .filter(|(distance, name)| *distance <= name.len().max(typed.len()) / 3 + 1)
        .min()
        .map(|(_, name)| name)
}

/// A table without lines, two spaces between its columns.
pub struct Table(comfy_table::Table);

impl Table {
    /// An empty table with these headers.
    #[must_use]
    pub fn new(headers: &[&str]) -> Table {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING).set_header(headers.iter().copied());
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        Table(table)
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: &[impl AsRef<str>; N]) {
        self.0.add_row(cells.iter().map(|cell| escape(cell.as_ref()).into_owned()));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.lines().try_for_each(|line| writeln!(f, "{}", line.trim_end()))
    }
}

/// `value` as indented JSON in which no control character stands unescaped, C1 and bidi ones included.
pub fn json(value: &impl Serialize) -> serde_json::Result<String> {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, SafePretty::default());
    value.serialize(&mut serializer)?;
    bytes.push(b'\n');
    // serde_json and the formatter write only UTF-8.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The pretty form of `serde_json` form, with the control characters it lets through escaped too.
#[derive(Default)]
struct SafePretty<'a>(serde_json::ser::PrettyFormatter<'a>);

impl serde_json::ser::Formatter for SafePretty<'_> {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, out: &mut W, text: &str) -> io::Result<()> {
        let mut start = 0;
        for (index, c) in text.char_indices().filter(|(_, c)| is_control(*c)) {
            out.write_all(&text.as_bytes()[start..index])?;
            write!(out, "\\u{:04x}", c as u32)?;
            start = index + c.len_utf8();
        }
        out.write_all(&text.as_bytes()[start..])
    }
    fn begin_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }
    fn end_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }
    fn end_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }
    fn begin_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }
    fn end_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }
    fn begin_object_key<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }
    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }
    fn end_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}

/// A value without the pair of quotes around it, as in `NAME="value"`.
#[must_use]
pub fn unquoted(value: &str) -> &str {
    let inner = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    inner.unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_read_like_the_original() {
        let texts: Vec<String> = [7, 1500, 3_145_728, u64::MAX].map(size).into();
        assert_eq!(texts, ["7 B", "1.5 KB", "3.0 MB", "16.0 EB"]);
    }

    #[test]
    fn durations_keep_two_units() {
        let texts = [0, 59, 61, 3600, 90_061].map(|s| duration(Duration::from_secs(s)));
        assert_eq!(texts, ["0 ms", "59 s", "1 min 1 s", "1 h", "1 d 1 h"]);
    }

    #[test]
    fn plurals_group_their_thousands() {
        assert_eq!(plural(1, "file"), "1 file");
        assert_eq!(plural(250_000, "file"), "250,000 files");
    }

    #[test]
    fn bytes_that_are_not_utf8_stay_visible() {
        assert_eq!(escape_bytes(b"caf\xe9\x1b[2J"), "caf\\xe9\\x1b[2J");
    }

    #[test]
    fn a_block_keeps_colour_codes_only_when_asked() {
        assert_eq!(
            escape_block("\u{1b}[31mred\u{1b}[0m\u{1b}]0;t\u{7}", true),
            "\u{1b}[31mred\u{1b}[0m\\x1b]0;t\\x07"
        );
        assert_eq!(escape_block("\u{1b}[31m", false), "\\x1b[31m");
    }

    #[test]
    fn the_nearest_name_is_offered_only_when_near() {
        assert_eq!(nearest("shedule", ["schedule", "shell"]), Some("schedule"));
        assert_eq!(nearest("zzzzzz", ["schedule", "shell"]), None);
    }

    proptest! {
        #[test]
        fn no_control_character_survives_escaping(text in any::<String>(), bytes in any::<Vec<u8>>()) {
            prop_assert!(!escape(&text).chars().any(is_control));
            prop_assert!(!escape_bytes(&bytes).chars().any(is_control));
        }

        #[test]
        fn json_reads_back_and_holds_no_control_character(text in any::<String>()) {
            let json = json(&[&text]).unwrap();
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), vec![text]);
            prop_assert!(!json.chars().any(|c| is_control(c) && c != '\n'));
        }
    }
}
