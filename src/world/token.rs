//! What nobody can guess.

use anyhow::{Context as _, Result};

/// As many random bytes as no machine tries out.
const LENGTH: usize = 32;
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// 43 letters, digits, `-` and `_`: random bytes in base64url.
pub(crate) fn new() -> Result<String> {
    let mut random = [0_u8; LENGTH];
    let taken = rustix::rand::getrandom(&mut random[..], rustix::rand::GetRandomFlags::empty());
    taken.context("the system has no random bytes")?;
    Ok(base64url(&random))
}

fn base64url(bytes: &[u8]) -> String {
    let digit = |bits: u32| char::from(DIGITS[(bits & 63) as usize]);
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits =
            group.iter().chain([0; 2].iter()).take(3).fold(0, |bits, byte| bits << 8 | u32::from(*byte));
        text.extend([18, 12, 6, 0].into_iter().take(group.len() + 1).map(|shift| digit(bits >> shift)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_is_that_of_rfc_4648() {
        for (plain, text) in [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64url(plain.as_bytes()), text);
        }
        assert_eq!(base64url(&[0xfb, 0xff, 0xbf]), "-_-_");
    }

    #[test]
    fn no_two_tokens_are_the_same() {
        let (one, other) = (new().unwrap(), new().unwrap());
        assert_eq!((one.len(), other.len()), (43, 43));
        assert_ne!(one, other);
    }
}
