//! Whatever stands in somebody's crontab comes through add, add, remove byte for byte.

use crate::support::Site;
use crate::support::cron::{block, site};
use maint::cron::entry::Line;
use maint::cron::table::{Edit, Table};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

/// A line without its end, which no site named "shop" has written.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let text = |pattern: &'static str| pattern.prop_map(String::into_bytes);
    prop_oneof![
        4 => prop::collection::vec(any::<u8>().prop_filter("no line end", |byte| *byte != b'\n'), 0..60)
            .prop_filter("not by chance ours", |bytes| !is_ours(bytes)),
        2 => prop::collection::vec(prop_oneof![Just(0xe9), Just(0xa0), 0x20_u8..0x7f], 0..30)
            .prop_map(|rest| [b"# ", &rest[..]].concat()),
        1 => text("[ \t]{0,4}\r?"),
        2 => text("[A-Z_]{1,8} ?= ?(\"[ -!#-~]{0,20}\"|[a-z/:@.]{0,20})"),
        4 => text("[ \t]?([*0-9,/-]{1,6}[ \t]){4}(mon|[0-7*])[ \t]+/[a-z/]{1,9}[ -~]{0,30}\r?")
            .prop_filter("not by chance ours", |bytes| !is_ours(bytes)),
        1 => text("@(reboot|daily|hourly) /[a-z]{1,9} '[a-z%\\\\ ]{0,9}' # [a-z ]{0,9}"),
        4 => near_miss(),
    ]
}

/// True for what would rightly be taken for ours.
fn is_ours(bytes: &[u8]) -> bool {
    String::from_utf8_lossy(bytes).contains("maint")
}

/// What looks nearly like a line or a marker of the site "shop".
fn near_miss() -> impl Strategy<Value = Vec<u8>> {
    let other = "(sho|shopp|shop_2|shop-2|shop\\.2|Shop|my-shop)";
    let job = "(a|b|clean)";
    let patterns = vec![
        format!("0 2 [*] [*] [*] /m --config /c run {job} # maint-cronjobs for {other}: {job} 0123"),
        format!("# ?0 2 [*] [*] [*] /m run {job} # maint-cronjobs for shop: {job} 0123"),
        format!("0 2 [*] [*] [*] /x # note # maint-cronjobs for shop: {job} 0123"),
        format!("0 2 [*] [*] [*] /m run {job} # (maint|django)-cronjobs (of|to) shop: {job}"),
        "0 2 [*] [*] [*] /m run x # maint-cronjobs for shop: a 0123".to_owned(),
        "0 2 [*] [*] [*] /x # django-cronjobs for shop".to_owned(),
        format!("# (>>>|<<<) maint {other}(: .{{0,20}})?"),
        "#(>>>|<<<) maint shop|# (>>|<<) maint shop|# (>>>|<<<) maintshop|x # >>> maint shop".to_owned(),
        "# maint-cronjobs for shop: a 0123".to_owned(),
    ];
    prop::sample::select(patterns)
        .prop_flat_map(|pattern| prop::string::string_regex(&pattern).unwrap())
        .prop_map(String::into_bytes)
}

/// Some lines, or the block of another site.
fn part() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let lines = |text: String| text.lines().map(|line| line.as_bytes().to_vec()).collect();
    prop_oneof![
        6 => line().prop_map(|line| vec![line]),
        1 => "[a-z]{1,4}[0-9_.-]".prop_map(move |name| lines(format!(
            "# >>> maint {name}: made by \"maint crontab add\" from maint.toml; changes here are overwritten\n\
             0 2 * * * /m --config /c run a # maint-cronjobs for {name}: a 0123\n# <<< maint {name}\n"
        ))),
    ]
}

/// Between our markers the comment alone makes a line ours, because an older version may have written the rest.
fn has_our_comment(table: &[u8]) -> bool {
    String::from_utf8_lossy(table).contains("maint-cronjobs for shop: ")
}

/// A whole table; now and then without its last line end.
fn table(most: usize) -> impl Strategy<Value = Vec<u8>> {
    (prop::collection::vec(part(), 0..most), prop::bool::weighted(0.8)).prop_map(|(parts, is_ended)| {
        let mut table = parts.concat().join(&b'\n');
        if is_ended && !table.is_empty() {
            table.push(b'\n');
        }
        table
    })
}

/// The table with a line end after its last line.
fn ended(table: &[u8]) -> Vec<u8> {
    let end: &[u8] = if table.is_empty() || table.ends_with(b"\n") { b"" } else { b"\n" };
    [table, end].concat()
}

fn edit(jobs: &[&str]) -> Edit {
    let line = |job: &&str| Line {
        job: (*job).to_owned(),
        schedule: "@daily".to_owned(),
        hash: "0123".to_owned(),
        bytes: format!("@daily /m --config /c run {job} # maint-cronjobs for shop: {job} 0123").into_bytes(),
    };
    Edit { site: "shop".to_owned(), jobs: None, lines: jobs.iter().map(line).collect() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn ten_thousand_foreign_tables_survive_add_add_remove(table in table(12)) {
        let add = edit(&["a", "b", "c"]);
        let added = add.apply(&table).unwrap();
        prop_assert!(added.starts_with(&ended(&table)));
        prop_assert_eq!(Table::parse(&added, "shop").own().count(), 3);
        prop_assert_eq!(&add.apply(&added).unwrap(), &added);
        let fewer = edit(&["b"]).apply(&added).unwrap();
        prop_assert_eq!(&add.apply(&fewer).unwrap(), &added);
        prop_assert_eq!(edit(&[]).apply(&added).unwrap(), ended(&table));
        prop_assert_eq!(edit(&[]).apply(&table).unwrap(), table);
    }

    #[test]
    fn what_somebody_writes_around_and_into_our_block_stays_where_it_is(
        before in table(4), inside in table(4).prop_filter("no comment of ours", |table| !has_our_comment(table)),
        after in table(4)
    ) {
        let (before, inside) = (ended(&before), ended(&inside));
        let added = edit(&["a", "b"]).apply(b"").unwrap();
        let lines: Vec<&[u8]> = added.split_inclusive(|byte| *byte == b'\n').collect();
        let [begin, a, b, end] = lines[..] else { panic!("four lines") };
        let mixed = [&before, begin, a, &inside, b, end, &after].concat();
        let without = edit(&[]).apply(&mixed).unwrap();
        prop_assert_eq!(without, ended(&[&before[..], &inside, &after].concat()));
        let again = edit(&["a", "b"]).apply(&mixed).unwrap();
        prop_assert!(again == mixed || again == ended(&mixed));
    }
}

/// Twenty tables of about two hundred odd lines, through the program itself.
#[test]
fn p16_twenty_tables_of_odd_lines_survive_add_add_remove_with_one_installation_for_each_change() {
    let (site, crontab) = site("[jobs.a]\nschedule = \"@daily\"\nshell = \"true\"\n");
    let block = block(&site, &["a"]);
    let mut runner = TestRunner::deterministic();
    let strategy = prop::collection::vec(part(), 150..200);
    for _ in 0..20 {
        let mut table = strategy.new_tree(&mut runner).unwrap().current().concat().join(&b'\n');
        table.push(b'\n');
        crontab.set(&table);
        let before = crontab.installs();
        add(&site);
        let added = crontab.table().unwrap();
        assert!(added.strip_suffix(block.as_bytes()) == Some(&table), "{}", String::from_utf8_lossy(&added));
        add(&site);
        assert_eq!(crontab.installs(), before + 1, "add twice is more than add once");
        let _ = site.maint(&["crontab", "remove"]).exits(0);
        assert!(crontab.table().unwrap() == table, "{}", String::from_utf8_lossy(&table));
        assert_eq!(crontab.installs(), before + 2);
    }
}

fn add(site: &Site) {
    let _ = site.maint(&["crontab", "add"]).exits(0);
}
