//! An address that requests go to: a URL, and the words for it in messages, which are no secret.

use crate::config::http::is_this_machine;
use crate::config::secret::SecretRef;
use crate::error::Problem;
use crate::world::World;
use anyhow::Result;
use reqwest::Url;
use secrecy::ExposeSecret as _;
use std::fmt;

/// An address that requests go to, and the words for it in messages.
#[derive(Clone)]
pub struct Address {
    pub(super) url: Url,
    name: String,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Address {
    /// Reads an address; messages call it `name`. Plain `http` is for this machine only.
    pub fn parse(text: &str, name: impl Into<String>) -> Result<Address> {
        let name = name.into();
        let Some(url) = Url::parse(text.trim()).ok().filter(Url::has_host) else {
            return Err(Problem::usage(format!("{name} is no URL; write one that begins with https://")));
        };
        match url.scheme() {
            "https" => Ok(Address { url, name }),
            "http" if is_loopback(&url) => Ok(Address { url, name }),
            "http" => Err(Problem::usage(format!(
                "{name} is plain http, which is for this machine only; write https://"
            ))),
            _ => Err(Problem::usage(format!("{name} is neither https:// nor http://; correct it"))),
        }
    }

    /// The address that a secret holds.
    pub fn of_secret(world: &World, secret: &SecretRef) -> Result<Address> {
        let place = secret.place();
        match world.secret(secret) {
            Some(value) => Address::parse(value.expose_secret(), place),
            None => Err(Problem::usage(match secret {
                SecretRef::Env(_) => format!("{place} is not set; put the address there, or into `env_file`"),
                SecretRef::File(_) => format!("{place} cannot be read; write the address into it"),
            })),
        }
    }

    /// The words for it in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same address under another name.
    #[must_use]
    pub(in crate::world) fn called(self, name: &str) -> Address {
        Address { name: name.to_owned(), ..self }
    }

    /// What may be shown of it: no account, and nothing behind its path.
    pub(in crate::world) fn without_secrets(&self) -> String {
        format!("{}{}", self.machine(), self.url.path())
    }

    /// The same address with `key=value` in its query, once; the other parameters stay.
    #[must_use]
    pub(crate) fn with_query(&self, key: &str, value: &str) -> Address {
        let others: Vec<(String, String)> =
            self.url.query_pairs().into_owned().filter(|(name, _)| name != key).collect();
        let mut address = self.clone();
        address.url.query_pairs_mut().clear().extend_pairs(others).append_pair(key, value);
        address
    }

    /// The address of what these names lead to from here, one below the other.
    pub(in crate::world) fn within(&self, names: &[&str]) -> Address {
        names.iter().fold(self.clone(), |address, name| address.below(name).unwrap_or(address))
    }

    /// The address of something below this one; the query stays. `None` for one that has no path.
    pub(crate) fn below(&self, name: &str) -> Option<Address> {
        let mut address = self.clone();
        address.url.path_segments_mut().ok()?.pop_if_empty().push(name);
        Some(address)
    }

    /// The same address, asked by this user. `None` for one that cannot have users.
    pub(in crate::world) fn as_user(&self, name: &str, password: &str) -> Option<Address> {
        let mut address = self.clone();
        address.url.set_username(name).ok()?;
        address.url.set_password(Some(password)).ok()?;
        Some(address)
    }

    /// The machine that it leads to: scheme, host and port.
    pub(in crate::world) fn machine(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Tells two addresses apart, and is as secret as the address itself.
    pub(in crate::world) fn whole(&self) -> &str {
        self.url.as_str()
    }
}

/// True for an address of this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    is_this_machine(url.host_str().unwrap_or_default().trim_matches(['[', ']']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Address::parse(text, "$HOOK").unwrap_err().to_string()
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for fine in ["http://127.0.0.1:8000/x", "http://127.9.9.9/", "http://[::1]:80/", "http://localhost/a"]
        {
            assert!(Address::parse(fine, "x").is_ok(), "{fine}");
        }
        for bad in ["http://example.org/token", "http://128.0.0.1/", "http://localhost.example.org/"] {
            assert_eq!(refused(bad), "$HOOK is plain http, which is for this machine only; write https://");
        }
    }

    #[test]
    fn a_text_that_is_no_address_is_refused_without_being_shown() {
        for bad in ["", "hook", "https://", "discord.example/api", "data:token"] {
            assert_eq!(refused(bad), "$HOOK is no URL; write one that begins with https://");
        }
        assert_eq!(refused("ftp://host/token"), "$HOOK is neither https:// nor http://; correct it");
        let address = Address::parse("https://host/token", "$HOOK").unwrap();
        assert_eq!(format!("{address:?}"), "$HOOK");
    }

    #[test]
    fn a_parameter_is_set_once_and_the_others_stay() {
        let address = Address::parse("https://host/a?thread_id=5&wait=false", "x").unwrap();
        assert_eq!(address.with_query("wait", "true").whole(), "https://host/a?thread_id=5&wait=true");
        let plain = Address::parse("https://host/a", "x").unwrap();
        assert_eq!(plain.with_query("wait", "true").whole(), "https://host/a?wait=true");
    }
}
