//! The environment: variables, and the secrets that the configuration only names.

use crate::config::Config;
use crate::config::secret::SecretRef;
use crate::world::files::{Files, identity_at, real_folder};
use crate::world::programs;
use secrecy::{ExposeSecret as _, SecretString};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// A file of secrets is small.
const LARGEST: u64 = 64 << 10;

/// Where cron looks for programs.
pub(crate) const CRON_PATH: &str = "/usr/bin:/bin";

/// A variable of the environment, when it is set and not empty.
#[expect(clippy::disallowed_methods, reason = "this is World")]
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The name of this machine.
#[expect(clippy::disallowed_methods, reason = "this is World")]
pub(crate) fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}

/// The folder the program was started in.
#[expect(clippy::disallowed_methods, reason = "this is World")]
pub(crate) fn current_folder() -> PathBuf {
    std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."))
}

/// The path of this program as it was called, symlinks kept: a link that leads to the current release must stay
/// in a crontab when the release changes.
pub(crate) fn own_program() -> Option<PathBuf> {
    let is_own = |path: &PathBuf| identity_at(path) == identity_at(Path::new("/proc/self/exe"));
    let called = PathBuf::from(std::env::args_os().next().unwrap_or_default());
    let called = match called.components().count() {
        0 => None,
        1 => called.to_str().and_then(programs::find_here),
        _ => Some(absolute(&called)),
    };
    called.filter(is_own).or_else(|| std::env::current_exe().ok().filter(is_own))
}

/// `path` from the root, without `.`; with `..` resolved as the kernel would, where its folder exists.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    let path: PathBuf = current_folder().join(path).components().collect();
    let goes_up = path.components().any(|part| part == Component::ParentDir);
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) if goes_up => real_folder(folder).join(name),
        _ => path,
    }
}

/// Where secrets are looked up: the environment, then the site's `env_file`; and files of their own.
pub(super) struct Keeper<'a> {
    env_file: Vec<(String, String)>,
    root: &'a Path,
    files: &'a Files,
}

impl Keeper<'_> {
    pub(super) fn of<'a>(config: &Config, root: &'a Path, files: &'a Files) -> Keeper<'a> {
        let path = config.site.env_file.as_ref();
        let env_file = path.map(|path| env_file(&root.join(path), files)).unwrap_or_default();
        Keeper { env_file, root, files }
    }

    pub(super) fn value(&self, secret: &SecretRef) -> Option<String> {
        match secret {
            SecretRef::Env(name) => {
                let own = variable(name).and_then(|value| value.into_string().ok());
                own.or_else(|| self.in_env_file(name).map(str::to_owned))
            }
            SecretRef::File(path) => first_line(&self.root.join(path), self.files),
        }
    }

    /// The value of a variable in the `env_file`.
    pub(super) fn in_env_file(&self, name: &str) -> Option<&str> {
        self.env_file.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Variables in which a command looks for a secret that the configuration does not name.
const USUAL: [&str; 5] =
    ["ANTHROPIC_API_KEY", "DATABASE_URL", "DISCORD_WEBHOOK_URL", "GITHUB_TOKEN", "REDIS_URL"];

/// The secrets that the configuration names.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    /// Names of variables that hold secrets: no child sees them unasked.
    variables: Vec<String>,
    values: Vec<SecretString>,
}

impl Secrets {
    /// Looks every named secret up, so that none of them can reach an output or a log.
    pub(super) fn named_in(config: &Config, root: &Path, files: &Files) -> Secrets {
        let mut secrets = Secrets::default();
        let mut values: Vec<String> = Vec::new();
        let keeper = Keeper::of(config, root, files);
        for secret in config.secrets() {
            if let SecretRef::Env(name) = &secret {
                secrets.variables.push(name.clone());
            }
            // A value of a few characters would blank out ordinary words.
            values.extend(keeper.value(&secret).filter(|value| value.len() >= 6));
        }
        // What is looked up without being named is as secret. Children may see it: the configuration does not hide it.
        let usual = USUAL.iter().filter(|name| !secrets.variables.iter().any(|known| known == *name));
        let usual = usual.filter_map(|name| keeper.value(&SecretRef::Env((*name).to_owned())));
        values.extend(usual.filter(|value| value.len() >= 6));
        let parts: Vec<String> = values.iter().flat_map(|value| secret_parts(value)).collect();
        values.extend(parts);
        // A report may already be JSON, in which quotes are escaped; the longer of two secrets goes first.
        let escaped: Vec<String> = values.iter().map(|value| json_form(value)).collect();
        values.extend(escaped);
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        values.dedup();
        secrets.values = values.into_iter().map(SecretString::from).collect();
        secrets
    }

    /// Names of the variables that hold secrets.
    pub(crate) fn variables(&self) -> &[String] {
        &self.variables
    }

    /// True when nothing has to be kept out of outputs.
    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// `text` without any known secret.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for value in &self.values {
            if text.contains(value.expose_secret()) {
                text = text.replace(value.expose_secret(), "[secret]");
            }
        }
        text
    }
}

/// The parts of an address that are secret by themselves: a server may answer with its path, and a database driver
/// may tell a password.
fn secret_parts(address: &str) -> Vec<String> {
    /// Ordinary words are shorter than tokens, or have no digits.
    const TOKEN: usize = 12;
    let Some((scheme, rest)) = address.split_once("://") else { return Vec::new() };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let password =
        host.rsplit_once('@').and_then(|(user, _)| user.split_once(':')).map(|(_, password)| password);
    let is_token = |part: &&str| part.len() >= TOKEN && part.contains(|c: char| c.is_ascii_digit());
    let tokens = path.split(['/', '?', '&', '=']).filter(|part| scheme.starts_with("http") && is_token(part));
    password.into_iter().filter(|password| password.len() >= 6).chain(tokens).map(str::to_owned).collect()
}

/// A value as it stands inside a JSON string.
fn json_form(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn first_line(path: &Path, files: &Files) -> Option<String> {
    let text = files.read_text(path, LARGEST).ok()?;
    text.lines().next().map(|line| line.trim().to_owned())
}

/// NAME=VALUE lines, with `export`, quotes, blank lines and comments as docker and django-environ read them.
pub(super) fn env_file(path: &Path, files: &Files) -> Vec<(String, String)> {
    let text = files.read_text(path, LARGEST).unwrap_or_default();
    let pairs = text.lines().filter_map(|line| {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
        Some((name.trim().to_owned(), crate::text::unquoted(value.trim()).to_owned()))
    });
    pairs.collect()
}
