//! Lines that say the same of different things, counted together.

use super::row::Excerpt;
use crate::{logging, text};
use std::collections::HashMap;

/// Beyond so many kinds of errors nobody tells them apart.
const MOST: usize = 1_000;
/// Groups that are kept of them.
const MOST_KEPT: usize = 10;
/// Characters by which lines are told apart, and that are shown of one.
const LONGEST: usize = 200;

/// Lines by what they have in common.
#[derive(Default)]
pub(super) struct Groups {
    count: u64,
    groups: HashMap<String, Group>,
}

struct Group {
    count: u64,
    example: String,
    /// Which came first: of two that are as large, that one is shown first.
    order: usize,
}

impl Groups {
    /// Counts a line.
    pub(super) fn add(&mut self, line: &str) {
        self.count += 1;
        let order = self.groups.len();
        let key = likeness(line);
        if let Some(group) = self.groups.get_mut(&key) {
            group.count += 1;
        } else if order < MOST {
            // Before it is cut: the beginning of a secret would not be known as one.
            let example = text::cut(&logging::redacted(line), LONGEST);
            self.groups.insert(key, Group { count: 1, example, order });
        }
    }

    /// How many lines there were.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The largest groups, each with its first line.
    pub(super) fn largest(&self) -> Vec<Excerpt> {
        let mut groups: Vec<&Group> = self.groups.values().collect();
        groups.sort_by_key(|group| (std::cmp::Reverse(group.count), group.order));
        let excerpt = |group: &&Group| Excerpt { count: group.count, text: group.example.clone() };
        groups.iter().take(MOST_KEPT).map(excerpt).collect()
    }
}

/// A line without what differs from one time to the next: each word with a digit in it, such as a time, a number or an
/// id, becomes `#`.
fn likeness(line: &str) -> String {
    let mut kind = String::with_capacity(LONGEST);
    for word in line.split_whitespace() {
        if kind.len() >= LONGEST {
            break;
        }
        for part in word.split_inclusive(|c: char| !c.is_alphanumeric()) {
            push(&mut kind, part);
        }
        kind.push(' ');
    }
    kind
}

/// Adds a part of a word, which may end with a sign; "#-#-#" and "#:#" are one `#`.
fn push(like: &mut String, part: &str) {
    let (name, sign) = match part.chars().next_back() {
        Some(sign) if !sign.is_alphanumeric() => (&part[..part.len() - sign.len_utf8()], Some(sign)),
        _ => (part, None),
    };
    if !name.contains(|c: char| c.is_ascii_digit()) {
        like.push_str(name);
    } else if like.ends_with(['-', ':', '.', ',', '+', '/']) && like[..like.len() - 1].ends_with('#') {
        like.pop();
    } else if !like.ends_with('#') {
        like.push('#');
    }
    like.extend(sign);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_differ_by_times_numbers_and_ids_alone_are_one_group() {
        let mut groups = Groups::default();
        for line in [
            "2026-11-20T15:02:26.123Z ERROR user 42 of 10.0.0.7: no such table a1b2c3d4-e5f6",
            "2026-11-20T15:03:01.999Z ERROR user 7 of 192.168.1.20: no such table 99ffee00-1234",
            "2026-11-20T15:03:01.999Z ERROR another thing",
        ] {
            groups.add(line);
        }
        assert_eq!(groups.count(), 3);
        let largest = groups.largest();
        assert_eq!((largest[0].count, largest[1].count), (2, 1));
        assert!(largest[0].text.contains("user 42"), "{largest:?}");
    }

    #[test]
    fn what_has_nothing_in_common_takes_no_more_memory_than_a_thousand_lines() {
        let mut groups = Groups::default();
        let letters = |number: u32| -> String {
            number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect()
        };
        for number in 0..5_000 {
            groups.add(&format!("error {}", letters(number)));
        }
        assert_eq!((groups.count(), groups.groups.len(), groups.largest().len()), (5_000, MOST, MOST_KEPT));
    }
}
