//! `access`: who can log in to this machine, who may become root, and how often somebody failed to.

use super::logins;
use super::row::{Row, Unit};
use super::{Learnt, Seen, Sight};
use crate::text;
use crate::world::World;
use anyhow::{Context as _, Result};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Files of accounts are pages of text.
const LARGEST: u64 = 16 << 20;
/// With these nobody logs in.
const NO_SHELLS: [&str; 6] = ["nologin", "false", "sync", "halt", "shutdown", "git-shell"];
/// Whose members may become root on usual machines.
const ADMINS: [&str; 3] = ["sudo", "wheel", "admin"];
const MOST_TOLD: usize = 20;
/// What stands before those who may become root, among what is remembered.
const SUDO: &str = "sudo ";

/// The rows, and who was there.
pub(super) fn look(sight: &Sight<'_>) -> Result<Seen> {
    let etc = sight.world.root.join(sight.check.etc.as_deref().unwrap_or(Path::new("/etc")));
    let files = Files { world: sight.world, etc };
    let accounts = accounts(&files.read("passwd")?);
    let logins: BTreeSet<String> =
        accounts.iter().filter(|account| account.can_log_in()).map(|account| account.name.clone()).collect();
    let roots: Vec<&str> =
        accounts.iter().filter(|it| it.number == 0 && it.name != "root").map(|it| it.name.as_str()).collect();
    let mut rows = vec![
        people(sight, "strangers who can log in", &logins, ""),
        none(sight, "second root", &roots, "have the number of root"),
    ];
    rows.extend(without_password(sight, &files, &accounts));
    let known_before = || sight.last.and_then(|last| last.names.clone()).unwrap_or_default();
    let sudoers = match sudoers(&files, &accounts) {
        Ok(sudoers) => {
            rows.push(people(sight, "strangers who may become root", &sudoers, SUDO));
            sudoers.iter().map(|name| format!("{SUDO}{name}")).collect()
        }
        Err(error) => {
            let why = format!("{}; run maint as root", crate::error::one_line(&error));
            rows.push(sight.row("strangers who may become root", Unit::Count).unknown(&why));
            known_before().into_iter().filter(|name| name.starts_with(SUDO)).collect::<BTreeSet<_>>()
        }
    };
    rows.push(logins::row(sight));
    let names = Some(logins.into_iter().chain(sudoers).collect());
    Ok(Seen { rows, learnt: Learnt { names, ..Learnt::default() } })
}

/// The folder with the files of accounts.
struct Files<'a> {
    world: &'a World,
    etc: PathBuf,
}

impl Files<'_> {
    fn read(&self, name: &str) -> Result<String> {
        Ok(String::from_utf8_lossy(&self.world.files.read(&self.etc.join(name), LARGEST)?).into_owned())
    }
}

/// A line of passwd(5).
#[derive(Debug, PartialEq, Eq)]
struct Account {
    name: String,
    /// Whether the place of the password is empty.
    is_open: bool,
    number: u32,
    group: String,
    shell: String,
}

impl Account {
    fn can_log_in(&self) -> bool {
        let shell = self.shell.rsplit('/').next().unwrap_or_default();
        !NO_SHELLS.contains(&shell)
    }
}

fn accounts(passwd: &str) -> Vec<Account> {
    let account = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, password, number, group, _, _, shell] = fields[..] else { return None };
        let is_name = !name.is_empty() && !name.starts_with(['#', '+', '-']);
        is_name.then_some(Account {
            name: name.to_owned(),
            is_open: password.is_empty(),
            number: number.parse().ok()?,
            group: group.to_owned(),
            shell: shell.trim().to_owned(),
        })
    };
    passwd.lines().filter_map(account).collect()
}

/// Those who can log in, or become root: the strangers among them are counted, who are unknown or new. `mark` stands before
/// them in what is remembered.
#[expect(clippy::cast_precision_loss, reason = "no machine has so many accounts")]
fn people(sight: &Sight<'_>, item: &str, names: &BTreeSet<String>, mark: &str) -> Row {
    let known = sight.check.known.as_ref();
    let is_unknown =
        |name: &str| known.is_some_and(|known| name != "root" && !known.iter().any(|it| it == name));
    let before = sight.last.and_then(|last| last.names.as_ref());
    let is_new = |name: &str| before.is_some_and(|before| !before.contains(&format!("{mark}{name}")));
    let of = |is_one: &dyn Fn(&str) -> bool| -> Vec<&str> {
        names.iter().map(String::as_str).filter(|name| is_one(name)).collect()
    };
    let (unknown, new) = (of(&is_unknown), of(&is_new));
    let strangers = of(&|name| is_unknown(name) || is_new(name));
    let mut words = Vec::new();
    if !new.is_empty() {
        words.push(format!("new since the last check: {}", listed(&new)));
    }
    if !unknown.is_empty() {
        words.push(format!("not among the known: {}", listed(&unknown)));
    }
    if words.is_empty() {
        words.push(listed(&of(&|_| true)));
    }
    let row = sight.row(item, Unit::Count).value(strangers.len() as f64);
    row.most(0.0).detail(&words.join("; "))
}

fn listed(names: &[&str]) -> String {
    let told = names.iter().take(MOST_TOLD).copied().collect::<Vec<_>>().join(", ");
    if names.len() > MOST_TOLD { format!("{told} and {} more", names.len() - MOST_TOLD) } else { told }
}

/// There must be none of these.
#[expect(clippy::cast_precision_loss, reason = "no machine has so many accounts")]
fn none(sight: &Sight<'_>, item: &str, names: &[&str], what: &str) -> Row {
    let row = sight.row(item, Unit::Count).value(names.len() as f64).most(0.0);
    if names.is_empty() { row } else { row.detail(&format!("{} {what}", listed(names))) }
}

/// Accounts that need no password, as far as that may be looked at.
fn without_password(sight: &Sight<'_>, files: &Files<'_>, accounts: &[Account]) -> Option<Row> {
    let mut open: BTreeSet<&str> =
        accounts.iter().filter(|it| it.is_open).map(|it| it.name.as_str()).collect();
    let shadow = files.read("shadow");
    let has_none = |line: &'_ str| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        (fields.next()?.is_empty() && !name.is_empty()).then_some(name)
    };
    let in_shadow: Vec<String> = shadow.iter().flat_map(|text| text.lines()).filter_map(has_none).collect();
    open.extend(in_shadow.iter().map(String::as_str));
    open.retain(|name| accounts.iter().any(|account| account.name == *name && account.can_log_in()));
    let open: Vec<&str> = open.into_iter().collect();
    (shadow.is_ok() || !open.is_empty())
        .then(|| none(sight, "no password", &open, "can log in without a password"))
}

/// Those who may become root: by sudoers(5), or as members of the usual groups.
fn sudoers(files: &Files<'_>, accounts: &[Account]) -> Result<BTreeSet<String>> {
    let groups = groups(&files.read("group").unwrap_or_default(), accounts);
    let mut subjects: BTreeSet<String> = ADMINS.iter().map(|group| format!("%{group}")).collect();
    for text in sudoers_files(files)? {
        subjects.extend(subjects_of(&text));
    }
    let mut names = BTreeSet::new();
    for subject in subjects {
        match subject.strip_prefix('%') {
            Some(group) => {
                let own = groups.iter().filter(|(name, _)| name == group);
                names.extend(own.flat_map(|(_, members)| members.iter().cloned()));
            }
            None => drop(names.insert(subject)),
        }
    }
    names.remove("root");
    Ok(names)
}

/// sudoers, and the files of its folder that sudo reads. A machine without sudo has none.
fn sudoers_files(files: &Files<'_>) -> Result<Vec<String>> {
    if !files.world.files.exists(&files.etc.join("sudoers")) {
        return Ok(Vec::new());
    }
    let mut texts = vec![files.read("sudoers")?];
    let folder = files.etc.join("sudoers.d");
    if files.world.files.is_folder(&folder) {
        for name in names(&folder)? {
            let is_read = !name.contains('.') && !name.ends_with('~');
            if is_read && files.world.files.is_file(&folder.join(&name)) {
                texts.push(files.read(&format!("sudoers.d/{name}"))?);
            }
        }
    }
    Ok(texts)
}

/// What is in a folder.
#[expect(clippy::disallowed_methods, reason = "this is World")]
fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", text::path(folder)))?;
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

/// Who is meant by the rules of a file; an alias stands for itself.
fn subjects_of(text: &str) -> BTreeSet<String> {
    const NO_RULES: [&str; 8] = [
        "User_Alias",
        "Runas_Alias",
        "Host_Alias",
        "Cmnd_Alias",
        "Cmd_Alias",
        "@include",
        "@includedir",
        "Defaults",
    ];
    let joined = text.replace("\\\n", " ");
    let mut subjects = BTreeSet::new();
    for line in joined.lines().map(str::trim).filter(|line| !line.starts_with('#') && line.contains('=')) {
        let head = line.split('=').next().unwrap_or_default();
        let Some(first) = head.split_whitespace().next() else { continue };
        if let Some(rest) = line.strip_prefix("User_Alias") {
            // `User_Alias ADMINS = anna, bert`: they may be granted something.
            let members = rest.split(':').filter_map(|one| Some(one.split_once('=')?.1));
            subjects.extend(members.flat_map(names_in));
        } else if !NO_RULES.iter().any(|word| first.starts_with(word)) {
            // "anna, bert ALL": the host is the last word before the sign.
            let mut words: Vec<&str> = head.split_whitespace().collect();
            words.pop();
            subjects.extend(names_in(&words.join(" ")).filter(|name| !is_alias(name)));
        }
    }
    subjects
}

fn names_in(list: &str) -> impl Iterator<Item = String> {
    let names = list.split([',', ' ', '\t']).map(|name| name.trim().trim_matches('"'));
    names.filter(|name| !name.is_empty() && !name.starts_with(['!', '#'])).map(str::to_owned)
}

fn is_alias(name: &str) -> bool {
    name != "ALL" && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// Each group and its members, those of whom it is the first group included.
fn groups(text: &str, accounts: &[Account]) -> Vec<(String, BTreeSet<String>)> {
    let group = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, number, members] = fields[..] else { return None };
        let listed = members.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
        let first =
            accounts.iter().filter(|account| account.group == number).map(|account| account.name.clone());
        Some((name.to_owned(), listed.chain(first).collect()))
    };
    text.lines().filter_map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_can_log_in_is_told_by_the_shell() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/:/usr/sbin/nologin\n# x\n\
            toor::0:0::/root:\n+nis::::::\nbroken\nweb:x:33:33:\u{1b}[2J:/var/www:/bin/false\n";
        let found = accounts(passwd);
        let logins: Vec<&str> =
            found.iter().filter(|it| it.can_log_in()).map(|it| it.name.as_str()).collect();
        assert_eq!(logins, ["root", "toor"]);
        assert!(found[2].is_open && !found[0].is_open);
    }

    #[test]
    fn sudoers_are_named_by_rules_groups_and_aliases() {
        let text = "Defaults env_reset\nDefaults:anna !lecture\n#includedir /etc/sudoers.d\n@includedir /etc/sudoers.d\n\
            User_Alias ADMINS = carl, \\\n  dora\nCmnd_Alias X = /bin/a\n\
            root ALL=(ALL:ALL) ALL\n%sudo\tALL=(ALL:ALL) ALL\nanna, bert ALL = NOPASSWD: /bin/ls\nADMINS ALL=ALL\n# eve ALL=ALL\n";
        let found: Vec<String> = subjects_of(text).into_iter().collect();
        assert_eq!(found, ["%sudo", "anna", "bert", "carl", "dora", "root"]);
    }

    #[test]
    fn members_of_a_group_are_those_listed_and_those_whose_first_group_it_is() {
        let accounts = accounts("eva:x:7:27::/home/eva:/bin/sh\n");
        let found = groups("sudo:x:27:anna,bert\nempty:x:9:\nbroken\n", &accounts);
        assert_eq!(found[0].1.iter().map(String::as_str).collect::<Vec<_>>(), ["anna", "bert", "eva"]);
        assert!(found[1].1.is_empty());
    }
}
