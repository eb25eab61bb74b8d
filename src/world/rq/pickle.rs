//! What Python has pickled, read as data: nothing in it is ever called, imported or made an object.
//!
//! Plain values only, in the protocols 2 to 5; anything else is not understood. What is referred to many times, or
//! refers to itself, is counted as often as it would be written out.

use super::data::{Budget, Data};
use std::collections::HashMap;

/// The value of a pickle; none when it is anything but plain data of a reasonable size.
pub(super) fn read(bytes: &[u8]) -> Option<Data> {
    let mut machine = Machine { bytes, ..Machine::default() };
    let root = machine.run()?;
    machine.written_out(root, &mut Budget::default())
}

/// A value. Its parts are the numbers of other values: what is filled later is seen by all that refer to it.
enum Node {
    Leaf(Data),
    Parts(Kind, Vec<usize>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    List,
    Tuple,
    Set,
    FrozenSet,
    /// A key, its value, a key, …
    Dict,
}

/// The machine for which a pickle is a program.
#[derive(Default)]
struct Machine<'a> {
    bytes: &'a [u8],
    nodes: Vec<Node>,
    stack: Vec<usize>,
    /// How high the stack was at each mark.
    marks: Vec<usize>,
    memo: HashMap<u64, usize>,
}

impl<'a> Machine<'a> {
    fn run(&mut self) -> Option<usize> {
        loop {
            match self.number(1)? {
                0x2e => return self.stack.pop(),
                code => self.step(code)?,
            }
        }
    }

    /// One instruction, with the letter or number that it has in Python's `pickletools`.
    fn step(&mut self, code: u64) -> Option<()> {
        let leaf = match u8::try_from(code).ok()? {
            b'N' => Data::None,
            0x88 => Data::Boolean(true),
            0x89 => Data::Boolean(false),
            b'K' => Data::Integer(self.number(1)?.into()),
            b'M' => Data::Integer(self.number(2)?.into()),
            b'J' => Data::Integer(self.integer(4)?),
            0x8a => self.long(1)?,
            0x8b => self.long(4)?,
            b'G' => Data::Float(f64::from_be_bytes(self.take(8)?.try_into().ok()?)),
            0x8c => self.text(1)?,
            b'X' => self.text(4)?,
            0x8d => self.text(8)?,
            b'C' => Data::Bytes(self.counted(1)?.to_vec()),
            b'B' => Data::Bytes(self.counted(4)?.to_vec()),
            0x8e => Data::Bytes(self.counted(8)?.to_vec()),
            other => return self.arrange(other),
        };
        self.push(Node::Leaf(leaf));
        Some(())
    }

    /// The instructions that put values together, or remember them.
    fn arrange(&mut self, code: u8) -> Option<()> {
        match code {
            0x80 => self.take(1).map(drop),
            0x95 => self.take(8).map(drop),
            b'(' => {
                self.marks.push(self.stack.len());
                Some(())
            }
            b'0' => self.stack.pop().map(drop),
            b'1' => self.since_mark().map(drop),
            b'2' => {
                self.stack.push(*self.stack.last()?);
                Some(())
            }
            b'h' => self.recall(1),
            b'j' => self.recall(4),
            b'q' => self.number(1).and_then(|key| self.remember(key)),
            b'r' => self.number(4).and_then(|key| self.remember(key)),
            0x94 => self.remember(self.memo.len() as u64),
            b']' => self.collect(Kind::List, 0),
            b')' => self.collect(Kind::Tuple, 0),
            0x85..=0x87 => self.collect(Kind::Tuple, usize::from(code - 0x84)),
            b'}' => self.collect(Kind::Dict, 0),
            0x8f => self.collect(Kind::Set, 0),
            b'l' => self.collect_since_mark(Kind::List),
            b't' => self.collect_since_mark(Kind::Tuple),
            b'd' => self.collect_since_mark(Kind::Dict),
            0x91 => self.collect_since_mark(Kind::FrozenSet),
            b'a' => self.top(1).and_then(|parts| self.fill(Kind::List, parts)),
            b's' => self.top(2).and_then(|parts| self.fill(Kind::Dict, parts)),
            b'e' => self.since_mark().and_then(|parts| self.fill(Kind::List, parts)),
            b'u' => self.since_mark().and_then(|parts| self.fill(Kind::Dict, parts)),
            0x90 => self.since_mark().and_then(|parts| self.fill(Kind::Set, parts)),
            _ => None,
        }
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(taken)
    }

    fn number(&mut self, length: usize) -> Option<u64> {
        let mut bytes = [0; 8];
        bytes[..length].copy_from_slice(self.take(length)?);
        Some(u64::from_le_bytes(bytes))
    }

    /// A number with a sign, in as few bytes as it needs; one of more than 16 is not understood.
    fn integer(&mut self, length: usize) -> Option<i128> {
        let taken = self.take(length)?;
        let sign = if taken.last().is_some_and(|last| *last >= 0x80) { 0xff } else { 0 };
        let mut bytes = [sign; 16];
        bytes.get_mut(..length)?.copy_from_slice(taken);
        Some(i128::from_le_bytes(bytes))
    }

    fn long(&mut self, length: usize) -> Option<Data> {
        let length = usize::try_from(self.number(length)?).ok()?;
        self.integer(length).map(Data::Integer)
    }

    fn counted(&mut self, length: usize) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number(length)?).ok()?;
        self.take(length)
    }

    fn text(&mut self, length: usize) -> Option<Data> {
        let text = std::str::from_utf8(self.counted(length)?).ok()?;
        Some(Data::Text(text.to_owned()))
    }

    fn push(&mut self, node: Node) {
        self.nodes.push(node);
        self.stack.push(self.nodes.len() - 1);
    }

    fn remember(&mut self, key: u64) -> Option<()> {
        self.memo.insert(key, *self.stack.last()?);
        Some(())
    }

    fn recall(&mut self, length: usize) -> Option<()> {
        let key = self.number(length)?;
        self.stack.push(*self.memo.get(&key)?);
        Some(())
    }

    fn top(&mut self, count: usize) -> Option<Vec<usize>> {
        let start = self.stack.len().checked_sub(count)?;
        Some(self.stack.split_off(start))
    }

    fn since_mark(&mut self) -> Option<Vec<usize>> {
        let start = self.marks.pop().filter(|start| *start <= self.stack.len())?;
        Some(self.stack.split_off(start))
    }

    fn collect(&mut self, kind: Kind, count: usize) -> Option<()> {
        let parts = self.top(count)?;
        self.push(Node::Parts(kind, parts));
        Some(())
    }

    fn collect_since_mark(&mut self, kind: Kind) -> Option<()> {
        let parts = self.since_mark()?;
        self.push(Node::Parts(kind, parts));
        Some(())
    }

    fn fill(&mut self, kind: Kind, more: Vec<usize>) -> Option<()> {
        match self.nodes.get_mut(*self.stack.last()?)? {
            Node::Parts(of, parts) if *of == kind => {
                parts.extend(more);
                Some(())
            }
            _ => None,
        }
    }

    fn written_out(&self, number: usize, budget: &mut Budget) -> Option<Data> {
        let (kind, parts) = match self.nodes.get(number)? {
            Node::Leaf(leaf) => {
                budget.spend(leaf)?;
                return Some(leaf.clone());
            }
            Node::Parts(kind, parts) => (*kind, parts),
        };
        let inside = |budget: &mut Budget| {
            let parts = parts.iter().map(|part| self.written_out(*part, budget));
            parts.collect::<Option<Vec<Data>>>()
        };
        let parts = budget.inside(inside)?;
        Some(match kind {
            Kind::List => Data::List(parts),
            Kind::Tuple => Data::Tuple(parts),
            Kind::Set => Data::Set(parts),
            Kind::FrozenSet => Data::FrozenSet(parts),
            Kind::Dict if parts.len() % 2 == 1 => return None,
            Kind::Dict => {
                let mut parts = parts.into_iter();
                Data::Dict(std::iter::from_fn(|| parts.next().zip(parts.next())).collect())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(pickle: &[u8]) -> Option<String> {
        read(pickle).map(|data| data.python())
    }

    // Made by Python 3.11: pickle.dumps(VALUE, PROTOCOL).
    #[test]
    fn plain_data_of_every_protocol_is_read() {
        let five = b"\x80\x05\x95\x2c\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01n\x94K\x00\x8c\x01l\x94]\x94(K\x01J\xff\xff\xff\xffe\x8c\x01t\x94G?\xf8\x00\x00\x00\x00\x00\x00N\x86\x94u.";
        assert_eq!(shown(five).unwrap(), "{'n': 0, 'l': [1, -1], 't': (1.5, None)}");
        let two = b"\x80\x02}q\x00(X\x01\x00\x00\x00nq\x01K\x00X\x01\x00\x00\x00bq\x02\x88u.";
        assert_eq!(shown(two).unwrap(), "{'n': 0, 'b': True}");
        let long = b"\x80\x05\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x00.";
        assert_eq!(shown(long).unwrap(), u64::MAX.to_string());
        let set = b"\x80\x04\x8f\x94(K\x01K\x02\x90.";
        assert_eq!(shown(set).unwrap(), "{1, 2}");
        assert_eq!(shown(b"\x80\x04(K\x01\x91.").unwrap(), "frozenset({1})");
        assert_eq!(shown(b"\x80\x04C\x02a\xff.").unwrap(), "b'a\\xff'");
    }

    #[test]
    fn what_is_filled_after_it_was_remembered_is_seen_everywhere() {
        // a = []; b = (a, a); a.append(1)
        assert_eq!(shown(b"\x80\x04]\x94h\x00\x86h\x00K\x01a0.").unwrap(), "([1], [1])");
    }

    #[test]
    fn nothing_is_called_and_nothing_is_imported() {
        assert_eq!(shown(b"cos\nsystem\n(S'touch /tmp/x'\ntR."), None);
        assert_eq!(shown(b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R."), None);
    }

    #[test]
    fn what_is_endless_or_swells_is_left() {
        // a = []; a.append(a)
        assert_eq!(shown(b"\x80\x04]\x94h\x00a."), None);
        // Each of thirty lists holds the one before twice: a thousand million values.
        let swelling: Vec<u8> = (0..30).fold(b"\x80\x04K\x01\x94".to_vec(), |mut pickle, level| {
            pickle.extend([b'(', b'h', level, b'h', level, b'l', 0x94]);
            pickle
        });
        assert_eq!(shown(&[swelling, b".".to_vec()].concat()), None);
        // One long text, a thousand times.
        let mut heavy = b"\x80\x04X\x00\x80\x00\x00".to_vec();
        heavy.extend(vec![b'x'; 0x8000]);
        heavy.extend(b"\x94(".iter().chain(&b"h\x00".repeat(1_000)).chain(b"l."));
        assert_eq!(shown(&heavy), None);
        let deep = [b"]".repeat(40), b"a".repeat(39), b".".to_vec()].concat();
        assert_eq!(shown(&deep), None);
        assert_eq!(shown(&[b"]".repeat(30), b"a".repeat(29), b".".to_vec()].concat()).unwrap(), {
            "[".repeat(30) + &"]".repeat(30)
        });
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_left_without_a_panic(bytes in any::<Vec<u8>>(), codes in "[(Kh]{0,40}") {
            let _ = (read(&bytes), read(codes.as_bytes()));
            let _ = read(&[b"\x80\x04", bytes.as_slice(), b"."].concat());
        }

        #[test]
        fn instructions_in_any_order_do_no_harm(codes in proptest::collection::vec(0_usize..24, 0..60)) {
            const CODES: [&[u8]; 24] = [
                b"N", b"\x88", b"K\x01", b"]", b"}", b")", b"\x8f", b"(", b"(", b"0", b"1", b"2", b"a", b"e", b"u", b"s",
                b"l", b"t", b"d", b"\x90", b"\x91", b"\x86", b"\x94", b"h\x00",
            ];
            let pickle: Vec<u8> = codes.into_iter().flat_map(|code| CODES[code]).chain(b".").copied().collect();
            let _ = read(&pickle).map(|data| (data.python(), data.json()));
        }
    }
}
