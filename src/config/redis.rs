//! `[redis]`: the Redis in which RQ keeps the site's queue.

use super::secret::SecretRef;
use super::units::Length;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[redis]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RedisSection {
    /// Where it is; default: `$REDIS_URL`, else <redis://127.0.0.1:6379/0>.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<RedisUrl>,
    /// Its password, which is a secret, when the address has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretRef>,
    /// The queue of RQ.
    pub queue: String,
    /// An answer is given up after this time.
    pub timeout: Length,
}

impl Default for RedisSection {
    fn default() -> RedisSection {
        RedisSection {
            url: None,
            password: None,
            queue: "default".to_owned(),
            timeout: Length::from_seconds(5),
        }
    }
}

impl RedisSection {
    pub(super) fn secrets(&self) -> impl Iterator<Item = SecretRef> + use<> {
        self.url.as_ref().and_then(RedisUrl::secret).into_iter().chain(self.password.clone())
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.timeout.is_zero() {
            return Err("`timeout` of [redis] is nothing: every answer would come too late".to_owned());
        }
        check_queue(&self.queue).map_err(|why| format!("`queue` of [redis] {why}"))
    }
}

/// The name of a queue: it becomes part of keys, and of messages.
pub fn check_queue(name: &str) -> Result<(), String> {
    let is_plain = !name.is_empty() && name.len() <= 200 && !name.chars().any(char::is_control);
    if is_plain {
        Ok(())
    } else {
        Err("must be 1 to 200 characters, none of them a control character".to_owned())
    }
}

/// The address of a Redis, free of secrets.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("examples" = ["redis://127.0.0.1:6379/0", "unix:///run/redis/redis.sock", "env:REDIS_URL"]))]
pub struct RedisUrl(String);

impl RedisUrl {
    /// Where the address is kept, when it is a secret.
    #[must_use]
    pub fn secret(&self) -> Option<SecretRef> {
        SecretRef::try_from(self.0.clone()).ok()
    }
}

impl TryFrom<String> for RedisUrl {
    type Error = String;
    fn try_from(url: String) -> Result<RedisUrl, String> {
        if url.starts_with("rediss://") {
            return Err("maint does not speak TLS to Redis; use a socket, or a tunnel".to_owned());
        }
        let is_known = ["redis://", "unix://", "redis+unix://", "env:", "file:"];
        if !is_known.iter().any(|scheme| url.starts_with(scheme)) {
            return Err(
                "a Redis is \"redis://HOST:PORT/DB\", \"unix:///PATH\", \"env:NAME\" or \"file:PATH\""
                    .to_owned(),
            );
        }
        let authority =
            url.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or_default());
        let has_password = authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'));
        if has_password || url.contains("pass=") || url.contains("password=") {
            return Err(
                "the address holds a password: put it in the environment and write `password = \"env:NAME\"`"
                    .to_owned(),
            );
        }
        Ok(RedisUrl(url))
    }
}

impl From<RedisUrl> for String {
    fn from(url: RedisUrl) -> String {
        url.0
    }
}
