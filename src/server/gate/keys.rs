//! The keys of the site, and whose each is.

use super::{Caller, weak};
use crate::config::serve::Key;
use crate::error::Problem;
use crate::world::World;
use anyhow::Result;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// What is kept of a secret: enough to know it again.
pub(super) type Hash = [u8; 32];

pub(super) fn hash(secret: &[u8]) -> Hash {
    Sha256::digest(secret).into()
}

/// The keys of `[serve.keys]`, as they were when the server started.
#[derive(Debug)]
pub(super) struct Keys(Vec<(Hash, Caller)>);

impl Keys {
    /// Refuses a site without keys, and every key that is none.
    pub(super) fn of(world: &World) -> Result<Keys> {
        let named = &world.config.serve.keys;
        if named.is_empty() {
            return Err(Problem::usage(
                "there is no key, and nobody may come in without one: make one with `maint serve key`, keep it in a \
                 file or the environment, and name it in maint.toml: [serve.keys.dashboard] key = \"env:MAINT_API_KEY\"",
            ));
        }
        let mut keys: Vec<(Hash, Caller)> = Vec::new();
        for (name, key) in named {
            let hash = hash(real(world, name, key)?.expose_secret().as_bytes());
            if let Some((_, other)) = keys.iter().find(|(known, _)| *known == hash) {
                let other = &other.name;
                return Err(Problem::usage(format!(
                    "the keys `{other}` and `{name}` of [serve.keys] are the same; make another with `maint serve key`"
                )));
            }
            keys.push((hash, Caller { name: name.clone(), role: key.role }));
        }
        Ok(Keys(keys))
    }

    /// Whose key this is. It is compared with every key, in a time that tells nothing of them.
    pub(super) fn holder(&self, given: &[u8]) -> Option<&Caller> {
        let given = hash(given);
        let mut holder = None;
        for (hash, caller) in &self.0 {
            if hash.ct_eq(&given).into() {
                holder = Some(caller);
            }
        }
        holder
    }
}

/// The key itself.
fn real(world: &World, name: &str, key: &Key) -> Result<SecretString> {
    let place = key.key.place();
    let Some(secret) = world.secret(&key.key).filter(|secret| !secret.expose_secret().is_empty()) else {
        return Err(Problem::usage(format!(
            "the key `{name}` of [serve.keys] is not there: put it into {place}; `maint serve key` makes one"
        )));
    };
    match weak::fault(secret.expose_secret()) {
        None => Ok(secret),
        Some(fault) => Err(Problem::usage(format!(
            "the key `{name}` of [serve.keys], from {place}, {fault}; make one with `maint serve key`"
        ))),
    }
}
