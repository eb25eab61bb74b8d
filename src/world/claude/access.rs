//! Where Claude is, and as whom it is asked.

use crate::config::secret::SecretRef;
use crate::error::Problem;
use crate::logging;
use crate::world::World;
use crate::world::http::Address;
use anyhow::Result;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

const USUAL: &str = "https://api.anthropic.com";
/// Since this one sampling parameters are refused, as Anthropic's documentation of versions says.
const VERSION: &str = "2026-10-21";
/// Shorter ones are no keys, and would blank out ordinary words.
const SHORTEST: usize = 6;
const HIDDEN: &str = "[secret]";

/// Where Claude is, and as whom it is asked.
#[derive(Debug)]
pub(super) struct Access {
    base: Address,
    key: SecretString,
    /// Where the key is kept, as messages name it.
    pub(super) place: String,
}

impl Access {
    /// From `[update-fiches]` and the environment.
    pub(super) fn of(world: &World) -> Result<Access> {
        let section = &world.config.update_fiches;
        let place = section.api_key().place();
        let key = key(world, &section.api_key(), &place)?;
        Ok(Access { base: base(world)?, key, place })
    }

    /// The address of something below the base, such as `v1/messages`.
    pub(super) fn address(&self, path: &str) -> Address {
        path.split('/').fold(self.base.clone(), |address, part| address.below(part).unwrap_or(address))
    }

    /// The address that the server itself has named, if it is on its own machine: the key is shown to nobody else.
    pub(super) fn own_address(&self, url: &str) -> Option<Address> {
        let address = Address::parse(url, "Claude").ok()?;
        (address.machine() == self.base.machine()).then_some(address)
    }

    /// Adds, by the `header` of a question or of a message, what Claude wants of both.
    pub(super) fn sign<T>(&self, asked: T, header: fn(T, &'static str, String) -> T) -> T {
        let asked = header(asked, "x-api-key", self.key.expose_secret().to_owned());
        header(asked, "anthropic-version", VERSION.to_owned())
    }

    /// The machine that is asked.
    pub(super) fn machine(&self) -> String {
        self.base.machine()
    }

    /// Text of a server without the key, which it may repeat, as it is or within JSON.
    pub(super) fn hide(&self, text: &str) -> String {
        let key = self.key.expose_secret();
        let text = logging::redacted(text);
        if key.len() < SHORTEST {
            return text.into_owned();
        }
        let quoted = Value::from(key).to_string();
        text.replace(key, HIDDEN).replace(quoted.trim_matches('"'), HIDDEN)
    }
}

fn base(world: &World) -> Result<Address> {
    let own = world.config.update_fiches.base_url.clone();
    let own = own.map(|address| (address, "`base_url` of [update-fiches]"));
    let (address, named) = own
        .or_else(|| {
            let address = world.secret(&SecretRef::Env("ANTHROPIC_BASE_URL".to_owned()))?;
            Some((address.expose_secret().to_owned(), "$ANTHROPIC_BASE_URL"))
        })
        .unwrap_or_else(|| (USUAL.to_owned(), ""));
    let address = address.trim().trim_end_matches('/');
    // Some write it with the version that belongs to each path.
    Ok(Address::parse(address.strip_suffix("/v1").unwrap_or(address), named)?.called("Claude"))
}

fn key(world: &World, secret: &SecretRef, place: &str) -> Result<SecretString> {
    let key = world.secret(secret).filter(|key| !key.expose_secret().trim().is_empty());
    let Some(key) = key else {
        return Err(Problem::usage(match secret {
            SecretRef::Env(_) => {
                format!("{place} is not set; put Claude's API key there, or into `env_file`")
            }
            SecretRef::File(_) => {
                format!("{place} holds no key, or cannot be read; write Claude's API key into it")
            }
        }));
    };
    if !key.expose_secret().bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return Err(Problem::usage(format!(
            "the key in {place} holds a character that no key has, such as a line break; copy it again"
        )));
    }
    Ok(key)
}
