//! Prometheus' text format: families of samples, each with what it means and what it counts.

use crate::text;
use std::fmt::Write as _;

/// What is kept of the value of a label.
const LONGEST: usize = 200;

/// A page of samples. It has no times: with them the exporter would leave out the whole file.
#[derive(Debug, Default)]
pub(super) struct Page(String);

/// A sample: its labels, and its value.
pub(super) type Sample<'a> = (Vec<(&'a str, &'a str)>, f64);

impl Page {
    /// Adds a family of gauges; nothing when it has no sample.
    pub(super) fn gauges<'a>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = Sample<'a>>,
    ) {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} gauge\n");
        for (labels, value) in samples {
            let _ = writeln!(self.0, "{} {value}", series(name, &labels));
        }
    }

    /// The whole page; it ends with a line feed.
    pub(super) fn into_text(self) -> String {
        self.0
    }
}

/// `name{a="b",c="d"}`
pub(super) fn series(name: &str, labels: &[(&str, &str)]) -> String {
    let label = |(name, value): &(&str, &str)| format!("{name}=\"{}\"", escape(value));
    let labels: Vec<String> = labels.iter().map(label).collect();
    format!("{name}{{{}}}", labels.join(","))
}

fn escape(value: &str) -> String {
    let plain = text::escape(value);
    text::cut(&plain, LONGEST).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// The value of a series on a page that was written before.
pub(super) fn value_of(page: &str, series: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_what_each_family_means_and_nothing_of_an_empty_one() {
        let mut page = Page::default();
        page.gauges("a_seconds", "How long.", [(vec![("job_name", "x"), ("site", "y")], 1.5), (vec![], 2.0)]);
        page.gauges("b", "Nothing.", []);
        assert_eq!(
            page.into_text(),
            "# HELP a_seconds How long.\n# TYPE a_seconds gauge\na_seconds{job_name=\"x\",site=\"y\"} 1.5\na_seconds{} 2\n"
        );
    }

    #[test]
    fn no_value_of_a_label_leaves_its_quotes() {
        for (value, expected) in
            [("a\"b", "a\\\"b"), ("a\\", "a\\\\"), ("a\nb\u{1b}", "a\\\\nb\\\\x1b"), ("é} 1", "é} 1")]
        {
            assert_eq!(escape(value), expected);
        }
    }

    #[test]
    fn a_value_is_found_again_on_a_page() {
        let page = "# HELP a x\na{job_name=\"x y\"} 17\na{job_name=\"x y z\"} 18\n";
        assert_eq!(value_of(page, &series("a", &[("job_name", "x y")])), Some(17.0));
        assert_eq!(value_of(page, &series("a", &[("job_name", "x")])), None);
    }
}
