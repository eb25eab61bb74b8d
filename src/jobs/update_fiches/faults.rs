//! What is wrong with an answer, in French: for the one who is asked again, and for the log.

use super::sheet::{DESCRIPTION, ITEM, LEVELS, SALARY, SHORT, whole};
use crate::text;
use serde_json::{Map, Value};
use std::fmt::Display;
use std::ops::RangeInclusive;

/// A complaint names so many faults at most.
const NAMED: usize = 5;

/// What is wrong with an answer; texts are tidied on the way.
#[derive(Default)]
pub(super) struct Faults(Vec<String>);

impl Faults {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, key: impl Display, what: impl Display) {
        self.0.push(format!("`{key}` {what}"));
    }

    pub(super) fn texts(&mut self, answer: &mut Map<String, Value>) {
        let mut text =
            |key, limits, tidy| self.text(key, answer.entry(key).or_insert(Value::Null), limits, tidy);
        text("description", &DESCRIPTION, tidy_lines);
        text("description_courte", &SHORT, tidy);
    }

    fn text(
        &mut self,
        key: &str,
        value: &mut Value,
        limits: &RangeInclusive<usize>,
        tidy: fn(&str) -> String,
    ) {
        let Value::String(text) = value else { return self.add(key, "manque ou n'est pas un texte") };
        *text = tidy(text);
        let length = text.chars().count();
        if !limits.contains(&length) {
            let length = counted(length, "caractère");
            self.add(key, format_args!("compte {length} ({} attendus)", from_to(limits)));
        }
        // Line ends are all that a tidy text may have of what cannot be seen.
        let plain = text.replace('\n', " ");
        if text::escape(&plain) != plain {
            self.add(key, "contient un caractère de contrôle");
        }
    }

    pub(super) fn list(
        &mut self,
        answer: &mut Map<String, Value>,
        key: &str,
        limits: &RangeInclusive<usize>,
    ) {
        let Some(Value::Array(items)) = answer.get_mut(key) else {
            return self.add(key, "manque ou n'est pas une liste");
        };
        if !limits.contains(&items.len()) {
            let count = counted(items.len(), "élément");
            self.add(key, format_args!("a {count} ({} attendus)", from_to(limits)));
        }
        for (index, item) in items.iter_mut().enumerate() {
            self.text(&format!("{key}[{index}]"), item, &ITEM, tidy);
        }
    }

    pub(super) fn salaries(&mut self, answer: &Map<String, Value>) {
        let medians = LEVELS.map(|level| {
            let Some(range) = answer.get("salaires").and_then(|salaries| salaries.get(level)) else {
                self.add(format_args!("salaires.{level}"), "manque");
                return None;
            };
            self.range(level, range)
        });
        let medians: Vec<i64> = medians.into_iter().flatten().collect();
        if !medians.is_sorted() {
            self.add("salaires", "a un salaire médian qui baisse quand l'expérience augmente");
        }
    }

    /// The median of a range that is as it should be.
    fn range(&mut self, level: &str, range: &Value) -> Option<i64> {
        let [min, median, max] = ["min", "median", "max"].map(|key| range.get(key).and_then(whole));
        let key = format!("salaires.{level}");
        let (Some(min), Some(median), Some(max)) = (min, median, max) else {
            self.add(key, "n'a pas ses trois nombres entiers min, median et max");
            return None;
        };
        if !(SALARY.contains(&min) && SALARY.contains(&max)) {
            self.add(key, format_args!("sort des limites ({} euros bruts par an)", from_to(&SALARY)));
        } else if !(min..=max).contains(&median) {
            self.add(key, format_args!("n'est pas dans l'ordre min ≤ median ≤ max ({min}, {median}, {max})"));
        }
        Some(median)
    }

    pub(super) fn outlook(&mut self, answer: &mut Map<String, Value>, trends: &[String]) {
        let Some(Value::Object(outlook)) = answer.get_mut("perspectives") else {
            return self.add("perspectives", "manque ou n'est pas un objet");
        };
        match outlook.get("tension").and_then(Value::as_f64) {
            Some(tension) if (0.0..=1.0).contains(&tension) => {}
            _ => self.add("perspectives.tension", "n'est pas un nombre de 0 à 1"),
        }
        if let Some(Value::String(trend)) = outlook.get_mut("tendance") {
            *trend = tidy(trend);
        }
        let trend = outlook.get("tendance").and_then(Value::as_str);
        if !trend.is_some_and(|trend| trends.iter().any(|known| known == trend)) {
            let known = trends.join(", ");
            self.add("perspectives.tendance", format_args!("n'est pas l'une des valeurs permises ({known})"));
        }
        let evolution = outlook.entry("evolution_5ans").or_insert(Value::Null);
        if !evolution.is_number() {
            self.text("perspectives.evolution_5ans", evolution, &ITEM, tidy);
        }
    }

    /// The first of them as one sentence.
    pub(super) fn sentence(&self) -> String {
        let named: Vec<_> = self.0.iter().take(NAMED).map(String::as_str).collect();
        let more = match self.0.len().saturating_sub(NAMED) {
            0 => String::new(),
            1 => " ; et 1 autre erreur".to_owned(),
            more => format!(" ; et {more} autres erreurs"),
        };
        format!("La réponse ne respecte pas les consignes : {}{more}.", named.join(" ; "))
    }
}

/// "5 000 à 1 000 000"
pub(super) fn from_to(limits: &RangeInclusive<impl Display>) -> String {
    let [least, most] = [limits.start(), limits.end()].map(|limit| text::grouped(&limit.to_string(), " "));
    format!("{least} à {most}")
}

/// "1 élément", "1 200 éléments"
fn counted(count: usize, noun: &str) -> String {
    let plural = if count < 2 { "" } else { "s" };
    format!("{} {noun}{plural}", text::grouped(&count.to_string(), " "))
}

/// A text on one line: white space of any kind is one space.
fn tidy(text: &str) -> String {
    let is_space = |c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}');
    text.split(is_space).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The same for a text that may have paragraphs.
fn tidy_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(tidy).collect();
    lines.join("\n").trim().to_owned()
}
