//! The user who runs `maint`, as the machine knows them: cron takes name and home from there.

use super::environment::variable;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The login name.
    pub name: OsString,
    /// The home directory.
    pub home: PathBuf,
}

/// The user of this process by /etc/passwd, else by `$LOGNAME` and `$HOME`.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is World")]
pub fn own() -> Account {
    let passwd = std::fs::read("/etc/passwd").unwrap_or_default();
    find(&passwd, rustix::process::geteuid().as_raw()).unwrap_or_else(|| Account {
        name: variable("LOGNAME").or_else(|| variable("USER")).unwrap_or_default(),
        home: variable("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from),
    })
}

/// The account with this number: `NAME:PASSWORD:UID:GID:WORDS:HOME:SHELL`.
fn find(passwd: &[u8], uid: u32) -> Option<Account> {
    passwd.split(|byte| *byte == b'\n').find_map(|line| {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b':').collect();
        let [name, _, number, _, _, home, ..] = fields[..] else { return None };
        let is_wanted = std::str::from_utf8(number).ok()?.parse() == Ok(uid);
        let os = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        is_wanted.then(|| Account { name: os(name), home: os(home).into() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_number_among_odd_lines() {
        let passwd = b"# users\n\nroot:x:0:0:root:/root:/bin/sh\n\xff\nwww:x:33:33::/var/www:/bin/false\n";
        let www = Account { name: "www".into(), home: "/var/www".into() };
        assert_eq!(find(passwd, 33), Some(www));
        assert_eq!(find(passwd, 3), None);
    }
}
