//! What is no key although it is long enough: what others know, or guess.

use crate::text;
use std::collections::BTreeSet;

/// As short as a key may be.
pub(super) const SHORTEST: usize = 32;
/// As long as a header should be.
const LONGEST: usize = 512;
/// A real key has more different characters than this; one of only hexadecimal digits has sixteen.
const FEWEST_CHARACTERS: usize = 8;

/// Words that defaults and placeholders are made of, such as `internal_secret_key`, `default-dev-key` and
/// `your_secure_random_key_here_min_32_chars`: they do not count.
const WORDS: [&str; 60] = [
    "32",
    "64",
    "a",
    "admin",
    "and",
    "api",
    "apikey",
    "at",
    "auth",
    "be",
    "bot",
    "change",
    "changeit",
    "changeme",
    "char",
    "character",
    "characters",
    "chars",
    "dashboard",
    "default",
    "demo",
    "dev",
    "development",
    "example",
    "for",
    "here",
    "in",
    "insert",
    "internal",
    "it",
    "jwt",
    "key",
    "least",
    "linkedin",
    "long",
    "maint",
    "me",
    "min",
    "minimum",
    "must",
    "my",
    "of",
    "password",
    "please",
    "prod",
    "production",
    "random",
    "replace",
    "replaceme",
    "secret",
    "secure",
    "string",
    "super",
    "test",
    "the",
    "this",
    "to",
    "token",
    "with",
    "your",
];

/// Why this is no key; nothing when it is one. The words do not repeat it.
pub(super) fn fault(key: &str) -> Option<String> {
    let length = key.chars().count();
    if length < SHORTEST {
        return Some(format!("has {length} characters, and needs {SHORTEST} or more"));
    }
    if length > LONGEST || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some(format!("must be at most {LONGEST} letters, digits and signs without spaces"));
    }
    let unit = unit(key.as_bytes());
    if unit < SHORTEST {
        return Some(format!("is {} again and again", text::plural(unit, "character")));
    }
    if is_made_of_words(key) {
        return Some("is a known default, or made of the words of one".to_owned());
    }
    let is_real = variety(key.as_bytes()) > FEWEST_CHARACTERS && !is_sequence(key.as_bytes());
    (!is_real).then(|| "can be guessed".to_owned())
}

/// The length of what is repeated to the end; the whole length when nothing is.
fn unit(key: &[u8]) -> usize {
    let repeats = |unit: &usize| key.iter().zip(&key[*unit..]).all(|(one, other)| one == other);
    (1..key.len()).find(repeats).unwrap_or(key.len())
}

/// True when a good part of it are known words, and the rest alone would be too short.
fn is_made_of_words(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let words = key.split(|c: char| !c.is_ascii_alphanumeric());
    let (known, others): (Vec<&str>, Vec<&str>) = words.partition(|word| WORDS.contains(word));
    let length = |words: &[&str]| words.iter().map(|word| word.len()).sum::<usize>();
    length(&known) * 4 >= key.len() && length(&others) < SHORTEST
}

fn variety(key: &[u8]) -> usize {
    key.iter().collect::<BTreeSet<_>>().len()
}

/// Most characters follow the one before, as in an alphabet.
fn is_sequence(key: &[u8]) -> bool {
    let steps = key.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) <= 1).count();
    steps * 2 > key.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_generators_make_is_a_key() {
        for key in [
            "9dAZ6rm6fCVoZy1VXvYxq_3aMsXo8v-7QdJt0uWf5hE",
            "4f1b9a7c0d3e8f5a6b2c1d0e9f8a7b6c4f1b9a7c0d3e8f5a6b2c1d0e9f8a7b6d",
            "0f6e1a52-8c1d-4b7a-9a53-5e2f7c9d1b40",
            "9dAZ-rm6fCVoZy1VXvYxq_3aMsXo8v-7",
            "correct-horse-battery-staple-orbit-lantern",
            "h7$Kq!9zR@2m#Xv5^Lp8&Wd3*Tn6(Yb1)Jc4",
        ] {
            assert_eq!(fault(key), None, "{key}");
        }
    }

    #[test]
    fn what_is_known_repeated_padded_or_counted_is_none() {
        for (key, why) in [
            ("short", "has 5 characters"),
            ("internal_secret_key", "has 19 characters"),
            ("internal_secret_keyinternal_secret_key", "again and again"),
            ("internal_secret_key_internal_secret_key_2", "known default"),
            ("internal_secret_key_0000000000000", "known default"),
            ("INTERNAL_SECRET_KEY_padded_to_be_long", "known default"),
            ("internal_secret_key1234567890123456", "known default"),
            ("default-dev-keydefault-dev-keydefault", "again and again"),
            ("default-dev-key-default-dev-key-change", "known default"),
            ("your_secure_random_key_here_min_32_chars", "known default"),
            ("your-secret-key-change-in-production", "known default"),
            ("your_jwt_secret_minimum_32_characters_here", "known default"),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "again and again"),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "can be guessed"),
            ("1234567890123456789012345678901234567890", "again and again"),
            ("abcdefghijklmnopqrstuvwxyz0123456789", "can be guessed"),
            ("a key with spaces in it is not a key at all", "without spaces"),
            ("clé-clé-clé-clé-9dAZ6rm6fCVoZy1VXvYxq", "letters, digits and signs"),
        ] {
            let fault = fault(key).unwrap_or_else(|| panic!("{key} is taken"));
            assert!(fault.contains(why), "{key}: {fault}");
        }
    }
}
