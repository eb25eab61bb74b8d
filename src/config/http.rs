//! `[http]`: how patiently other machines are asked.

use super::units::Length;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// `[http]`
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// A request is given up after this time.
    pub timeout: Length,
    /// How often a request is made before it has failed.
    pub tries: u32,
    /// The wait before the second try; each further one is twice as long.
    pub back_off: Length,
    /// A server that asks for a longer wait than this is not waited for.
    pub longest_wait: Length,
}

impl Default for Http {
    fn default() -> Http {
        Http {
            timeout: Length::from_seconds(10),
            tries: 3,
            back_off: Length::from_seconds(1),
            longest_wait: Length::from_seconds(30),
        }
    }
}

impl Http {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.timeout.is_zero() {
            return Err("`timeout` of [http] is nothing: every request would fail".to_owned());
        }
        match self.tries {
            1..=10 => Ok(()),
            tries => Err(format!("`tries` of [http] is {tries}; write a number from 1 to 10")),
        }
    }
}

/// True for a name or address of this machine, to which nothing need be encrypted.
#[must_use]
pub fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}
