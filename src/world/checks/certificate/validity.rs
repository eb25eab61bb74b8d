//! From when until when an X.509 certificate is valid: the one thing that is read of it (RFC 5280, 4.1).

use chrono::{DateTime, NaiveDateTime, Utc};

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// The version, which the first one leaves out.
const VERSION: u8 = 0xa0;

/// The time in which it is valid.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) from: DateTime<Utc>,
    pub(super) until: DateTime<Utc>,
}

impl Validity {
    /// `Certificate { TBSCertificate { version?, serial, signature, issuer, validity { from, until }, … }, … }`
    pub(super) fn of(certificate: &[u8]) -> Option<Validity> {
        let mut outer = Der(Der(certificate).take(SEQUENCE)?);
        let mut inner = Der(outer.take(SEQUENCE)?);
        let _ = inner.take(VERSION);
        inner.take(INTEGER)?;
        inner.take(SEQUENCE)?;
        inner.take(SEQUENCE)?;
        let mut validity = Der(inner.take(SEQUENCE)?);
        Some(Validity { from: validity.time()?, until: validity.time()? })
    }
}

/// Values in DER, one after another.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The content of the next value, when it is of this kind; else it stays.
    fn take(&mut self, kind: u8) -> Option<&'a [u8]> {
        let (first, rest) = self.0.split_first().filter(|(first, _)| **first == kind)?;
        debug_assert_eq!(*first, kind);
        let (length, rest) = length(rest)?;
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(content)
    }

    fn time(&mut self) -> Option<DateTime<Utc>> {
        if let Some(bytes) = self.take(GENERALIZED_TIME) {
            return read_time(std::str::from_utf8(bytes).ok()?);
        }
        let text = std::str::from_utf8(self.take(UTC_TIME)?).ok()?;
        // Two digits of a year, from 1950 on.
        let century = if text.get(..2)?.parse::<u8>().ok()? >= 50 { "19" } else { "20" };
        read_time(&format!("{century}{text}"))
    }
}

fn read_time(text: &str) -> Option<DateTime<Utc>> {
    NaiveDateTime::parse_from_str(text, "%Y%m%d%H%M%SZ").ok().map(|time| time.and_utc())
}

/// One byte, or how many bytes follow that hold it.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    if *first < 0x80 {
        return Some((usize::from(*first), rest));
    }
    let (digits, rest) =
        rest.split_at_checked(usize::from(first & 0x7f)).filter(|(digits, _)| digits.len() <= 4)?;
    Some((digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A value in DER.
    fn der(kind: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[kind, 0x82][..], &length, content].concat()
    }

    fn certificate(has_version: bool, from: &[u8], until: &[u8]) -> Vec<u8> {
        let version = if has_version { der(VERSION, &der(INTEGER, &[2])) } else { Vec::new() };
        let validity = der(SEQUENCE, &[from, until].concat());
        let inner = [version, der(INTEGER, &[7]), der(SEQUENCE, b""), der(SEQUENCE, b""), validity];
        der(SEQUENCE, &der(SEQUENCE, &inner.concat()))
    }

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn both_forms_of_time_are_read_with_and_without_a_version() {
        let (short, long) = (der(UTC_TIME, b"991231235959Z"), der(GENERALIZED_TIME, b"20510203040506Z"));
        for has_version in [true, false] {
            let expected =
                Validity { from: time("1999-12-31T23:59:59Z"), until: time("2051-02-03T04:05:06Z") };
            assert_eq!(Validity::of(&certificate(has_version, &short, &long)), Some(expected));
        }
        assert_eq!(Validity::of(&certificate(true, &short, &der(UTC_TIME, b"soon"))), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0_u8..4) {
            let inner = [INTEGER, SEQUENCE, VERSION, UTC_TIME][usize::from(kind)];
            let _ = (Validity::of(&bytes), Validity::of(&der(SEQUENCE, &der(inner, &bytes))));
        }
    }
}
