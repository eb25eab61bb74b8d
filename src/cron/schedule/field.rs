//! One field of a schedule: its words as a set of numbers, or the reason why cron would get it wrong.

/// What may stand in a field.
pub(super) struct FieldKind {
    pub(super) name: &'static str,
    low: u32,
    high: u32,
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const FRENCH_WEEKDAYS: [&str; 7] = ["dim", "lun", "mar", "mer", "jeu", "ven", "sam"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

pub(super) const MINUTE: FieldKind = FieldKind { name: "minute", low: 0, high: 59, names: &[] };
pub(super) const HOUR: FieldKind = FieldKind { name: "hour", low: 0, high: 23, names: &[] };
pub(super) const DAY: FieldKind = FieldKind { name: "day of month", low: 1, high: 31, names: &[] };
pub(super) const MONTH: FieldKind = FieldKind { name: "month", low: 1, high: 12, names: &MONTHS };
pub(super) const WEEKDAY: FieldKind = FieldKind { name: "day of week", low: 0, high: 7, names: &WEEKDAYS };

/// The values of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    set: u64,
    /// True when it begins with `*`, as `*/2` does too. For cron that is more than its values: it
    /// decides how the two day fields combine, and what happens when the clock changes.
    pub is_starred: bool,
    /// True when it leaves no value out.
    pub is_full: bool,
    /// The step of a field that is nothing but steps through its whole range, such as `*/7`.
    pub step: Option<u32>,
}

impl Field {
    /// True when the field allows this value; Sunday is 0.
    #[must_use]
    pub fn has(&self, value: u32) -> bool {
        value < 64 && self.set >> value & 1 == 1
    }

    /// The allowed values in ascending order; Sunday is 0.
    #[must_use]
    pub fn values(&self) -> impl DoubleEndedIterator<Item = u32> + use<> {
        let field = *self;
        (0..64).filter(move |value| field.has(*value))
    }
}

impl FieldKind {
    /// Reads the field; the error names it and says why.
    pub(super) fn parse(&self, word: &str) -> Result<Field, String> {
        let mut set = self.set(word).map_err(|why| format!("{} `{word}`: {why}", self.name))?;
        if self.is_weekday() {
            // 7 is Sunday again.
            set = set & 0x7f | set >> 7 & 1;
        }
        let is_full = (self.low..=self.last()).all(|value| set >> value & 1 == 1);
        Ok(Field { set, is_starred: word.starts_with('*'), is_full, step: self.whole_step(word) })
    }

    fn whole_step(&self, word: &str) -> Option<u32> {
        let (range, step) = word.split_once('/')?;
        let is_whole = self.range(range).is_ok_and(|(low, high)| low == self.low && high >= self.last());
        is_whole.then(|| step_width(step).ok()).flatten()
    }

    fn is_weekday(&self) -> bool {
        self.names.len() == WEEKDAYS.len()
    }

    /// The last value that a star stands for.
    fn last(&self) -> u32 {
        if self.is_weekday() { 6 } else { self.high }
    }

    fn set(&self, word: &str) -> Result<u64, String> {
        word.split(',').try_fold(0, |set, part| Ok(set | self.part(part)?))
    }

    fn part(&self, part: &str) -> Result<u64, String> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step_width(step)?)),
            None => (part, None),
        };
        let (low, high) = self.range(range)?;
        if step.is_some() && range != "*" && !range.contains('-') {
            return Err(format!("a step needs a range: `{range}-{}/…` or `*/…`", self.high));
        }
        let step = step.unwrap_or(1);
        if step > high - low && step > 1 {
            return Err(format!("the step {step} is longer than the range, so only {low} would be left"));
        }
        let values = (low..=high).step_by(step as usize);
        Ok(values.fold(0, |set, value| set | 1 << value))
    }

    fn range(&self, range: &str) -> Result<(u32, u32), String> {
        if range == "*" {
            return Ok((self.low, self.last()));
        }
        let Some((low, high)) = range.split_once('-') else {
            let value = self.value(range)?;
            return Ok((value, value));
        };
        let (low, high) = (self.value(low)?, self.value(high)?);
        if low > high {
            return Err(format!("{low} to {high} runs backwards, so cron would never run it"));
        }
        Ok((low, high))
    }

    fn value(&self, text: &str) -> Result<u32, String> {
        let lower = text.to_ascii_lowercase();
        if let Some(index) = self.names.iter().position(|name| **name == *lower) {
            return u32::try_from(index).map(|index| index + self.low).map_err(|e| e.to_string());
        }
        if let Some(name) = self.names.iter().find(|name| lower.starts_with(*name)) {
            return Err(format!("names have three letters: `{name}`"));
        }
        let french = FRENCH_WEEKDAYS.iter().position(|name| lower.starts_with(name));
        if let Some(index) = french.filter(|_| self.names.len() == WEEKDAYS.len()) {
            return Err(format!("cron knows the days by their English names: `{}`", self.names[index]));
        }
        let value = number(text)?;
        if value < self.low || value > self.high {
            return Err(format!("{value} is not between {} and {}", self.low, self.high));
        }
        Ok(value)
    }
}

fn step_width(text: &str) -> Result<u32, String> {
    match number(text)? {
        0 => Err("a step of 0 is no step".to_owned()),
        step => Ok(step),
    }
}

fn number(text: &str) -> Result<u32, String> {
    if text.is_empty() {
        return Err("a number is missing".to_owned());
    }
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("`{text}` is not a number that cron understands"));
    }
    text.parse().map_err(|_| format!("{text} is too large"))
}
