//! Folders that nobody means when asking for a clean-up.

use super::{Identity, identity_at, real_folder};
use std::path::{Path, PathBuf};

/// Never a target, but folders inside them may be.
const ITSELF: [&str; 21] = [
    "/",
    "/home",
    "/root",
    "/opt",
    "/srv",
    "/var",
    "/var/cache",
    "/var/lib",
    "/var/local",
    "/var/log",
    "/var/mail",
    "/var/opt",
    "/var/spool",
    "/var/tmp",
    "/var/www",
    "/tmp",
    "/mnt",
    "/media",
    "/run",
    "/usr/local",
    "/dev/shm",
];
/// Never a target, nor is anything in them.
const WHOLE: [&str; 11] =
    ["/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/sbin", "/sys"];
/// Distribution files, but for what the administrator put into /usr/local.
const USR: &str = "/usr";

/// Refuses a system folder, a home directory, the site itself, and whatever contains one of them.
pub(super) fn check(
    real: &Path,
    identity: Identity,
    site: Option<&Path>,
    state: Option<&Path>,
) -> Result<(), String> {
    let is_whole = |path: &Path| real.starts_with(path) && !real.starts_with("/dev/shm");
    let in_usr = real.starts_with(USR) && !real.starts_with("/usr/local");
    let is_system = in_usr
        || WHOLE.iter().any(|path| is_whole(Path::new(path)))
        || ITSELF.iter().any(|path| is_same(Path::new(path), real, identity));
    if is_system {
        return Err("is a system folder, which is never cleaned; name a folder of your own in it".to_owned());
    }
    if homes().iter().any(|home| {
        home.starts_with(real) || real_folder(home).starts_with(real) || is_same(home, real, identity)
    }) {
        return Err("is a home directory, which is never cleaned; name a folder in it".to_owned());
    }
    if site.is_some_and(|root| real_folder(root).starts_with(real) || is_same(root, real, identity)) {
        return Err("holds the whole site; name a folder of temporary files in it".to_owned());
    }
    if state.is_some_and(|state| real.starts_with(real_folder(state)) || is_same(state, real, identity)) {
        return Err("is where maint keeps its state; `[state] keep_age` says for how long".to_owned());
    }
    Ok(())
}

/// The same path, or the same folder under another path (a bind mount).
fn is_same(path: &Path, real: &Path, identity: Identity) -> bool {
    path == real || identity_at(path) == Some(identity)
}

/// Home directories of people: of every account in /etc/passwd that is not a system folder, and $HOME.
#[expect(clippy::disallowed_methods, reason = "this is World")]
fn homes() -> Vec<PathBuf> {
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let listed = accounts.lines().filter_map(|line| line.split(':').nth(5)).map(PathBuf::from);
    let own = std::env::var_os("HOME").map(PathBuf::from);
    let is_personal = |home: &PathBuf| home.is_absolute() && home.components().count() > 1;
    // Service accounts live in places such as /var/lib/postgresql or /nonexistent: those count too.
    listed.chain(own).filter(is_personal).collect()
}
