//! Where the site's Redis is: `redis://HOST:PORT/DB` or `unix:///PATH?db=N`, as redis-py writes them.

use crate::config::redis::RedisSection;
use crate::config::secret::SecretRef;
use crate::error::Problem;
use crate::text;
use crate::world::World;
use anyhow::Result;
use secrecy::{ExposeSecret as _, SecretString};
use std::fmt;
use std::path::PathBuf;

/// The port of Redis.
const PORT: u16 = 6379;

/// Where a Redis is, and as whom it is asked.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) place: Place,
    pub(super) user: Option<String>,
    pub(super) password: Option<SecretString>,
    pub(super) database: u32,
    /// Who names the address, such as "`url` of [redis]".
    pub(super) source: String,
    /// Who names the password.
    pub(super) password_source: String,
}

/// What can be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Tcp { host: String, port: u16 },
    Socket(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Tcp { host, port } if host.contains(':') => write!(f, "[{}]:{port}", text::escape(host)),
            Place::Tcp { host, port } => write!(f, "{}:{port}", text::escape(host)),
            Place::Socket(path) => f.write_str(&text::path(path)),
        }
    }
}

impl World {
    /// `url` of `[redis]`, else `$REDIS_URL`, else the usual place.
    pub(super) fn redis_address(&self, section: &RedisSection) -> Result<Address> {
        let (url, source) = match (&section.url, self.variable_or_env_file("REDIS_URL")) {
            (Some(url), _) => {
                let value = url.secret().map(|secret| self.needed(&secret, "the address of Redis"));
                let value = value.unwrap_or_else(|| Ok(url.clone().into()))?;
                let source = url.secret().map_or("`url` of [redis]".to_owned(), |secret| secret.place());
                (value, source)
            }
            (None, Some(url)) => (url, "$REDIS_URL".to_owned()),
            (None, None) => (format!("redis://127.0.0.1:{PORT}/0"), "`url` of [redis]".to_owned()),
        };
        let mut address = Address::parse(&url, source.clone())
            .map_err(|why| Problem::usage(format!("the address of Redis ({source}) {why}")))?;
        if let (None, Some(secret)) = (&address.password, &section.password) {
            address.password = Some(self.needed(secret, "the password of Redis")?.into());
            address.password_source = secret.place();
        }
        Ok(address)
    }

    fn needed(&self, secret: &SecretRef, what: &str) -> Result<String> {
        let value = self.secret(secret).map(|value| value.expose_secret().to_owned());
        value
            .filter(|value| !value.is_empty())
            .ok_or_else(|| Problem::usage(format!("{what} is missing: set {}", secret.place())))
    }
}

impl Address {
    /// Reads an address; the error goes on after "the address of Redis". It may hold a password: it is not repeated.
    pub(super) fn parse(url: &str, source: String) -> Result<Address, String> {
        const HOW: &str = "write redis://HOST:PORT/DB or unix:///PATH?db=N";
        let (scheme, rest) =
            url.trim().split_once("://").ok_or_else(|| format!("is not understood; {HOW}"))?;
        let rest = rest.split('#').next().unwrap_or_default();
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (login, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = login.split_once(':').map_or((login, None), |(user, it)| (user, Some(it)));
        let decode = |part: &str| decoded(part).ok_or_else(|| "holds a bad %-escape".to_owned());
        let asked = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let (place, database) = match scheme {
            "redis" | "valkey" => (tcp(host)?, path.trim_matches('/')),
            "unix" | "redis+unix" | "valkey+unix" if path.len() > 1 => {
                (Place::Socket(decode(path)?.into()), "")
            }
            "unix" | "redis+unix" | "valkey+unix" => return Err(format!("names no socket; {HOW}")),
            "rediss" | "valkeys" => {
                return Err(
                    "asks for TLS, which maint does not speak to Redis; use a socket, or a tunnel".into()
                );
            }
            _ => return Err(format!("is not understood; {HOW}")),
        };
        let database = Some(database).filter(|database| !database.is_empty()).or(asked("db")).unwrap_or("0");
        let database = database.parse().map_err(|_| format!("names no number of a database; {HOW}"))?;
        let user = Some(user).filter(|user| !user.is_empty()).or(asked("username")).or(asked("user"));
        let password = password.or(asked("password")).or(asked("pass")).filter(|it| !it.is_empty());
        let user = user.map(decode).transpose()?;
        let password = password.map(decode).transpose()?.map(SecretString::from);
        Ok(Address { place, user, password, database, password_source: source.clone(), source })
    }
}

fn tcp(host: &str) -> Result<Place, String> {
    let is_whole = host.starts_with('[') && host.ends_with(']');
    let (host, port) = match host.rsplit_once(':').filter(|_| !is_whole) {
        Some((host, port)) => (host, port.parse().map_err(|_| "has a port that is no number".to_owned())?),
        None => (host, PORT),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if host.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("has a host with a blank in it".to_owned());
    }
    let host = if host.is_empty() { "127.0.0.1" } else { host };
    Ok(Place::Tcp { host: host.to_owned(), port })
}

/// Text without its %-escapes.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(others.get(..2)?).ok()?;
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        bytes.push(u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)?);
        rest = &others[2..];
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<(String, Option<String>, Option<String>, u32), String> {
        let Address { place, user, password, database, .. } = Address::parse(url, String::new())?;
        let password = password.map(|password| password.expose_secret().to_owned());
        Ok((place.to_string(), user, password, database))
    }

    #[test]
    fn addresses_are_read_as_redis_py_reads_them() {
        let plain = |place: &str, database| Ok((place.to_owned(), None, None, database));
        assert_eq!(read("redis://"), plain("127.0.0.1:6379", 0));
        assert_eq!(read("redis://redis-bot"), plain("redis-bot:6379", 0));
        assert_eq!(read("redis://h:6380/2"), plain("h:6380", 2));
        assert_eq!(read("redis://h:6380?db=3"), plain("h:6380", 3));
        assert_eq!(read("redis://[::1]/1"), plain("[::1]:6379", 1));
        assert_eq!(read("redis://[::1]:7/1"), plain("[::1]:7", 1));
        assert_eq!(read("unix:///run/redis.sock?db=4"), plain("/run/redis.sock", 4));
        assert_eq!(read("redis+unix:///a%20b"), plain("/a b", 0));
        let secret =
            |user: Option<&str>| Ok(("h:6379".into(), user.map(str::to_owned), Some("p@:s".into()), 0));
        assert_eq!(read("redis://:p%40%3as@h"), secret(None));
        assert_eq!(read("redis://me:p@:s@h/"), secret(Some("me")));
        assert_eq!(read("redis://h?password=p%40:s&username=me"), secret(Some("me")));
    }

    #[test]
    fn a_bad_address_is_refused_in_words_that_do_not_repeat_it() {
        for (url, words) in [
            ("secret", "is not understood"),
            ("http://secret", "is not understood"),
            ("rediss://secret@h", "TLS"),
            ("unix://", "names no socket"),
            ("unix:///?db=1", "names no socket"),
            ("redis://h:secret", "port"),
            ("redis://h/secret", "database"),
            ("redis://h/-1", "database"),
            ("redis://h?db=secret", "database"),
            ("redis://:%zzsecret@h", "%-escape"),
            ("redis://:%+1secret@h", "%-escape"),
            ("redis://sec ret", "blank"),
        ] {
            let why = read(url).unwrap_err();
            assert!(why.contains(words) && !why.contains("secret"), "{url}: {why}");
        }
    }
}
