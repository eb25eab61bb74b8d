//! Somebody's crontab as bytes, and our block in it. What is foreign is never changed, moved or lost.

use super::entry::{Line, MARKER};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A line of a crontab and what it is.
type Known<'a> = (Kind<'a>, &'a [u8]);

const BEGIN: &str = "# >>> maint";
const END: &str = "# <<< maint";
const EXPLANATION: &str = "made by \"maint crontab add\" from maint.toml; changes here are overwritten";

/// A crontab as one site sees it.
#[derive(Debug)]
pub struct Table<'a> {
    site: &'a str,
    lines: Vec<Known<'a>>,
    damage: Option<String>,
}

/// What a line is to the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind<'a> {
    Foreign,
    Begin,
    End,
    Own(Own<'a>),
}

/// A line of the site that is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own<'a> {
    /// The job that the line says it is for.
    pub job: &'a str,
    /// The hash that the line says.
    pub hash: &'a str,
    /// The line without white space around it.
    pub text: &'a [u8],
    /// The number of the line in the table, from 1.
    pub number: usize,
    /// False for a line that has strayed from between the markers.
    pub is_inside: bool,
}

impl Own<'_> {
    /// The configuration that the line names.
    #[must_use]
    pub fn config(&self) -> Option<PathBuf> {
        let text = std::str::from_utf8(self.text).ok()?;
        let command = text.rsplit_once('#')?.0.replace("\\%", "%");
        let mut words = shlex::split(&command)?.into_iter();
        words.find(|word| word == "--config")?;
        words.next().map(PathBuf::from)
    }
}

/// What is to become of the lines of a site.
#[derive(Clone, Debug)]
pub struct Edit {
    /// The site.
    pub site: String,
    /// The jobs whose lines are replaced; `None`: all of the site, known or not.
    pub jobs: Option<Vec<String>>,
    /// The lines that replace them.
    pub lines: Vec<Line>,
}

impl<'a> Table<'a> {
    /// Reads a crontab. Damage to the markers is kept for [`Edit::apply`] to refuse.
    #[must_use]
    pub fn parse(bytes: &'a [u8], site: &'a str) -> Table<'a> {
        let mut table = Table { site, lines: Vec::new(), damage: None };
        let mut begun: Option<usize> = None;
        for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let (number, is_inside) = (index + 1, begun.is_some());
            let kind = kind_of(line, site, number, is_inside);
            match (kind, begun) {
                (Kind::Begin, Some(first)) => table.unclosed(first),
                (Kind::End, None) => table.damaged(format!(
                    "line {number} (`{END} {site}`) ends lines of maint that no line begins; remove it with `crontab -e`"
                )),
                _ => {}
            }
            begun = match kind {
                Kind::Begin => Some(number),
                Kind::End => None,
                _ => begun,
            };
            table.lines.push((kind, line));
        }
        if let Some(first) = begun {
            table.unclosed(first);
        }
        table
    }

    fn unclosed(&mut self, number: usize) {
        let site = self.site;
        self.damaged(format!(
            "line {number} (`{BEGIN} {site}`) begins lines of maint that no line ends; \
             with `crontab -e` add `{END} {site}` after the last of them, or remove line {number}"
        ));
    }

    fn damaged(&mut self, why: String) {
        self.damage.get_or_insert(why);
    }

    /// Why the markers cannot be trusted, when they cannot.
    #[must_use]
    pub fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    /// What stands before, between and after the markers of the first block; without one all is before.
    fn parts(&self) -> (&[Known<'a>], &[Known<'a>], &[Known<'a>]) {
        let position = |wanted| self.lines.iter().position(|(kind, _)| *kind == wanted);
        match (position(Kind::Begin), position(Kind::End)) {
            (Some(begin), Some(end)) => {
                (&self.lines[..begin], &self.lines[begin + 1..end], &self.lines[end + 1..])
            }
            _ => (&self.lines, &[], &[]),
        }
    }

    /// The lines of the site, in their order.
    pub fn own(&self) -> impl Iterator<Item = Own<'a>> {
        self.lines.iter().filter_map(|(kind, _)| match kind {
            Kind::Own(own) => Some(*own),
            _ => None,
        })
    }
}

fn kind_of<'a>(line: &'a [u8], site: &str, number: usize, is_inside: bool) -> Kind<'a> {
    let text = line.trim_ascii();
    if site_of_marker(text, BEGIN) == Some(site) {
        return Kind::Begin;
    }
    if site_of_marker(text, END) == Some(site) {
        return Kind::End;
    }
    match own(text, site, is_inside) {
        Some((job, hash)) => Kind::Own(Own { job, hash, text, number, is_inside }),
        None => Kind::Foreign,
    }
}

/// The site that a marker line names.
fn site_of_marker<'a>(text: &'a [u8], marker: &str) -> Option<&'a str> {
    word_of_marker(text, marker).map(|word| word.trim_end_matches(':'))
}

fn word_of_marker<'a>(text: &'a [u8], marker: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(marker.as_bytes())?.strip_prefix(b" ")?;
    std::str::from_utf8(rest.split(u8::is_ascii_whitespace).next()?).ok()
}

/// Job and hash of a line of ours: the comment names the site, and the command before it runs the same job.
/// Between the markers the comment alone is enough, because an older version may have written another command.
fn own<'a>(text: &'a [u8], site: &str, is_inside: bool) -> Option<(&'a str, &'a str)> {
    let comment = text.iter().rposition(|byte| *byte == b'#').filter(|at| *at > 0)?;
    if text.starts_with(b"#") {
        return None;
    }
    let words = std::str::from_utf8(&text[comment + 1..]).ok()?;
    let mut words = words.split_ascii_whitespace();
    let marker: Vec<&str> = words.by_ref().take(3).collect();
    let [first, second, named] = marker[..] else { return None };
    if !MARKER.split(' ').eq([first, second]) || named.trim_end_matches(':') != site {
        return None;
    }
    let (job, hash) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let command = text[..comment].split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let tail: Vec<&[u8]> = command.collect();
    let runs_it = tail.ends_with(&[b"run", job.as_bytes()]);
    (is_inside || runs_it).then_some((job, hash))
}

/// The sites that have lines in a crontab.
#[must_use]
pub fn sites(bytes: &[u8]) -> Vec<String> {
    let lines = bytes.split(|byte| *byte == b'\n');
    // A name without its colon may be anybody's comment.
    let name = |line: &[u8]| word_of_marker(line.trim_ascii(), BEGIN)?.strip_suffix(':').map(str::to_owned);
    let mut sites: Vec<String> = lines.filter_map(name).filter(|site| !site.is_empty()).collect();
    sites.sort();
    sites.dedup();
    sites
}

/// The variables that a table sets for the lines of `site`: those that stand before the last of its lines.
#[must_use]
pub fn variables(bytes: &[u8], site: &str) -> Vec<(String, String)> {
    let table = Table::parse(bytes, site);
    let last = table.lines.iter().rposition(|(kind, _)| matches!(kind, Kind::Own(_)));
    let before = &table.lines[..last.unwrap_or(table.lines.len())];
    before.iter().filter_map(|(_, line)| variable(std::str::from_utf8(line).ok()?.trim())).collect()
}

/// `NAME = value`, either of them perhaps in quotes; a line that begins otherwise is a job or a comment.
fn variable(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once('=')?;
    let bare = |text: &str| crate::text::unquoted(text.trim()).to_owned();
    let name = bare(name);
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then(|| (name, bare(value)))
}

impl Edit {
    /// The table after the edit; the same bytes when there is nothing to change. The error says what is wrong
    /// with the table as it is.
    pub fn apply(&self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let table = Table::parse(bytes, &self.site);
        if let Some(why) = table.damage() {
            return Err(why.to_owned());
        }
        let (before, inside, after) = table.parts();
        let inside = self.inside(inside, &[before, after].concat());
        let mut new = Vec::with_capacity(bytes.len() + 256 * self.lines.len());
        let push_foreign = |new: &mut Vec<u8>, lines: &[Known<'_>]| {
            for (_, line) in lines.iter().filter(|(kind, _)| *kind == Kind::Foreign) {
                push_line(new, line);
            }
        };
        push_foreign(&mut new, before);
        let is_needed = inside.iter().any(|(job, _)| job.is_some());
        if is_needed {
            push_line(&mut new, format!("{BEGIN} {}: {EXPLANATION}", self.site).as_bytes());
        }
        for (_, line) in &inside {
            push_line(&mut new, line);
        }
        if is_needed {
            push_line(&mut new, format!("{END} {}", self.site).as_bytes());
        }
        push_foreign(&mut new, after);
        // A line end that is missing at the very end is alone no reason to install anything.
        Ok(if new.strip_suffix(b"\n") == Some(bytes) { bytes.to_vec() } else { new })
    }

    /// What stands between the markers afterwards, each line with the job it is for: replaced lines keep their
    /// place, new ones come before the first of a later name, and foreign ones stay where somebody put them. Lines
    /// of ours that stand elsewhere come home.
    fn inside<'a>(
        &'a self,
        lines: &[Known<'a>],
        elsewhere: &[Known<'a>],
    ) -> Vec<(Option<&'a str>, &'a [u8])> {
        let mut pending: BTreeMap<&str, &[u8]> =
            self.lines.iter().map(|line| (line.job.as_str(), line.bytes.as_slice())).collect();
        let mut inside = Vec::new();
        for (kind, line) in lines {
            match kind {
                Kind::Own(own) if self.replaces(own.job) => {
                    inside.extend(pending.remove(own.job).map(|line| (Some(own.job), line)));
                }
                Kind::Own(own) => inside.push((Some(own.job), *line)),
                Kind::Foreign => inside.push((None, *line)),
                Kind::Begin | Kind::End => {}
            }
        }
        let strays = elsewhere.iter().filter_map(|(kind, line)| match kind {
            Kind::Own(own) if !self.replaces(own.job) => Some((own.job, *line)),
            _ => None,
        });
        for (job, line) in strays.chain(pending) {
            let later = inside.iter().position(|(other, _)| other.is_some_and(|other| other > job));
            inside.insert(later.unwrap_or(inside.len()), (Some(job), line));
        }
        inside
    }

    fn replaces(&self, job: &str) -> bool {
        self.jobs.as_ref().is_none_or(|jobs| jobs.iter().any(|name| name == job))
    }
}

fn push_line(table: &mut Vec<u8>, line: &[u8]) {
    table.extend_from_slice(line);
    if !line.ends_with(b"\n") {
        table.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::Entry;
    use super::*;
    use proptest::prelude::*;
    use std::path::Path;

    const MARK: &str = "# maint-cronjobs for";

    fn line(job: &str, schedule: &str) -> Line {
        let bytes = format!("{schedule} /m --config /c run {job} {MARK} shop: {job} 0123").into_bytes();
        Line { job: job.to_owned(), bytes, ..Line::default() }
    }

    fn all(lines: &[Line]) -> Edit {
        Edit { site: "shop".to_owned(), jobs: None, lines: lines.to_vec() }
    }

    fn only(job: &str, lines: &[Line]) -> Edit {
        Edit { jobs: Some(vec![job.to_owned()]), ..all(lines) }
    }

    fn applied(edit: &Edit, table: &str) -> String {
        String::from_utf8(edit.apply(table.as_bytes()).unwrap()).unwrap()
    }

    fn jobs_of(table: &str) -> Vec<&str> {
        let own: Vec<Own<'_>> = Table::parse(table.as_bytes(), "shop").own().collect();
        own.iter().map(|own| own.job).collect()
    }

    #[test]
    fn the_block_goes_to_the_end_and_leaves_no_trace() {
        let old = "MAILTO=me\n0 1 * * * /backup # nightly\n";
        let new = applied(&all(&[line("b", "@daily"), line("a", "0 2 * * *")]), old);
        assert_eq!(
            new,
            "MAILTO=me\n0 1 * * * /backup # nightly\n\
             # >>> maint shop: made by \"maint crontab add\" from maint.toml; changes here are overwritten\n\
             0 2 * * * /m --config /c run a # maint-cronjobs for shop: a 0123\n\
             @daily /m --config /c run b # maint-cronjobs for shop: b 0123\n\
             # <<< maint shop\n"
        );
        assert_eq!(applied(&all(&[line("b", "@daily"), line("a", "0 2 * * *")]), &new), new);
        assert_eq!(applied(&all(&[]), &new), old);
    }

    #[test]
    fn a_line_tells_its_configuration_however_it_is_quoted() {
        for path in ["/srv/shop/maint.toml", "/srv/my shop/100%/it's\\here\\\\/maint.toml"] {
            let entry = Entry {
                site: "shop",
                job: "a",
                schedule: "@daily",
                hash: "0123",
                program: Path::new("/opt/my apps/maint"),
                config: Path::new(path),
            };
            let mut table = entry.line(None).unwrap().bytes;
            table.push(b'\n');
            let config = Table::parse(&table, "shop").own().next().unwrap().config();
            assert_eq!(config, Some(PathBuf::from(path)));
        }
    }

    #[test]
    fn a_named_job_is_added_or_removed_by_itself() {
        let table = applied(&all(&[line("a", "@daily"), line("c", "@daily")]), "");
        let table = applied(&only("b", &[line("b", "@daily")]), &table);
        assert_eq!(jobs_of(&table), ["a", "b", "c"]);
        let table = applied(&only("a", &[]), &table);
        assert_eq!(jobs_of(&table), ["b", "c"]);
        assert_eq!(applied(&only("x", &[]), &table), table);
    }

    #[test]
    fn foreign_lines_keep_their_place_inside_and_after_the_block() {
        let table = applied(&all(&[line("a", "@daily"), line("b", "@daily")]), "");
        let table = table.replace("shop: a 0123\n", "shop: a 0123\n# mine\n") + "5 5 * * * /after\n";
        let changed =
            applied(&all(&[line("a", "@hourly"), line("b", "@daily"), line("c", "@daily")]), &table);
        let order: Vec<&str> = changed.lines().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(order, ["#", "@hourly", "#", "@daily", "@daily", "#", "5"]);
        assert_eq!(applied(&all(&[]), &changed), "# mine\n5 5 * * * /after\n");
    }

    #[test]
    fn a_line_that_strayed_from_the_block_comes_home_and_doubles_go() {
        let stray = "0 3 * * *   /m  --config /c run a   #  maint-cronjobs for shop: a 99\n";
        let table = format!("{stray}{stray}1 1 * * * /x\n");
        let new = applied(&all(&[line("a", "@daily")]), &table);
        assert!(new.starts_with("1 1 * * * /x\n# >>> maint shop"), "{new}");
        assert_eq!(jobs_of(&new), ["a"]);
        assert_eq!(applied(&all(&[]), &table), "1 1 * * * /x\n");
    }

    #[test]
    fn two_blocks_become_one_and_no_line_of_ours_is_left_without_its_markers() {
        let one = applied(&all(&[line("a", "@daily")]), "");
        let table = format!(
            "{one}# mine\n# >>> maint shop (v0)\n* * * * * /old # maint-cronjobs for shop: z 00\n# <<< maint shop\n"
        );
        let new = applied(&only("a", &[line("a", "@hourly")]), &table);
        assert_eq!(jobs_of(&new), ["a", "z"]);
        assert_eq!(applied(&only("a", &[]), &table).matches("# <<< maint shop").count(), 1);
        assert_eq!(applied(&all(&[]), &new), "# mine\n");
    }

    #[test]
    fn what_only_resembles_a_line_of_ours_is_foreign() {
        for foreign in [
            "0 0 * * * /y # note # maint-cronjobs for shop: a 0123",
            "0 0 * * * /m run a # maint-cronjobs for shop_super: a 0123",
            "0 0 * * * /m run a # maint-cronjobs for shop2: a 0123",
            "# 0 0 * * * /m run a # maint-cronjobs for shop: a 0123",
            "0 0 * * * /m run b # maint-cronjobs for shop: a 0123",
            "# >>> maint shop_super: …",
            "# <<< maint shop2",
            "# maint-cronjobs for shop: a 0123",
        ] {
            let table = format!("{foreign}\n");
            assert_eq!(jobs_of(&table), Vec::<&str>::new(), "{foreign}");
            assert_eq!(applied(&all(&[]), &table), table);
        }
    }

    #[test]
    fn a_block_of_an_older_format_is_replaced() {
        let old =
            "# >>> maint shop (version 0, Tue)\n* * * * * /old # maint-cronjobs for shop\n# <<< maint shop\n";
        let new = applied(&all(&[line("a", "@daily")]), old);
        assert!(!new.contains("/old") && !new.contains("version 0"), "{new}");
        assert_eq!(applied(&all(&[]), old), "");
    }

    #[test]
    fn broken_markers_are_refused_with_their_line() {
        for (table, number) in [
            ("a\n# >>> maint shop: x\nb\n", 2),
            ("# >>> maint shop: x\n# >>> maint shop: x\n# <<< maint shop\n", 1),
            ("a\nb\n# <<< maint shop\n", 3),
        ] {
            let why = all(&[]).apply(table.as_bytes()).unwrap_err();
            assert!(why.starts_with(&format!("line {number} ")), "{why}");
            assert!(Edit { site: "other".to_owned(), ..all(&[]) }.apply(table.as_bytes()).is_ok());
        }
    }

    #[test]
    fn the_sites_of_a_table_are_listed_once() {
        let table = b"# >>> maint b: x\n# <<< maint b\n# >>> maint a: y\n# >>> maint the garden\n# <<< maint a\n# >>> maint b: x\n";
        assert_eq!(sites(table), ["a", "b"]);
    }

    #[test]
    fn the_variables_before_our_lines_are_those_that_count() {
        let table = "PATH=/opt/bin:/bin\n# X=1\nMAILTO = \"\"\n0 1 * * * A=1 /x\n";
        let table = applied(&all(&[line("a", "@daily")]), table) + "PATH=/later\n";
        let set = variables(table.as_bytes(), "shop");
        let set: Vec<(&str, &str)> =
            set.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(set, [("PATH", "/opt/bin:/bin"), ("MAILTO", "")]);
    }

    fn foreign_line() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::collection::vec(any::<u8>().prop_filter("no line end", |byte| *byte != b'\n'), 0..40),
            "[ \t]*(#|# >>> maint other: x|# <<< maint other|[*0-9]+ [*] [*] [*] [*] /x \\\\% # maint-cronjobs for (shopp|sho|other): a 1)\r?"
                .prop_map(String::into_bytes),
            "[A-Z]+ ?= ?\"?[a-z/]*\"?".prop_map(String::into_bytes),
        ]
    }

    proptest! {
        #[test]
        fn foreign_bytes_survive_add_add_remove(lines in prop::collection::vec(foreign_line(), 0..12)) {
            let mut table = lines.join(&b'\n');
            if !table.is_empty() {
                table.push(b'\n');
            }
            let add = all(&[line("a", "@daily"), line("b", "0 2 * * *")]);
            let added = add.apply(&table).unwrap();
            prop_assert_eq!(Table::parse(&added, "shop").own().count(), 2);
            prop_assert_eq!(&add.apply(&added).unwrap(), &added);
            prop_assert_eq!(all(&[]).apply(&added).unwrap(), table);
        }
    }
}
