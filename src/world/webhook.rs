//! A program of the user's own that takes alerts as JSON, signed when there is a secret for it.

use super::World;
use super::http::{self, Address, Request};
use crate::engine::apply::Permit;
use crate::text;
use anyhow::{Result, anyhow};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use sha2::Sha256;

/// Posts `message`. The error is one line.
pub(crate) fn post(
    world: &World,
    (address, secret): (&Address, Option<&SecretString>),
    message: &Value,
    permit: &Permit,
) -> Result<()> {
    let body = message.to_string();
    let mut request = Request::post(address, "application/json", body.clone());
    if let Some(secret) = secret {
        request = request.header("x-maint-signature", sign(secret, body.as_bytes())?);
    }
    http::send(world, &request, permit).map(drop)
}

/// `sha256=` and the HMAC-SHA256 of the body in hexadecimal digits, as GitHub signs its webhooks.
fn sign(secret: &SecretString, body: &[u8]) -> Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .map_err(|_| anyhow!("the secret of [alerts.webhook] cannot sign"))?;
    mac.update(body);
    Ok(format!("sha256={}", text::hex(&mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second test case of RFC 4231.
    #[test]
    fn a_signature_is_the_hmac_of_the_body() {
        let signature =
            sign(&SecretString::from("Jefe".to_owned()), b"what do ya want for nothing?").unwrap();
        assert_eq!(signature, "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
