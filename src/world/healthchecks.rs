//! healthchecks.io and servers like it: a ping when a run begins, and one that tells how it ended.

use super::World;
use super::http::{self, Address, Request};
use crate::config::alerts::Receiver;
use crate::engine::apply::Permit;
use crate::error::Problem;
use anyhow::Result;
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use std::sync::OnceLock;

/// What a server takes that does not say how much it takes.
const BODY: usize = 10_000;

/// The check of a job, and the run that it is told of.
#[derive(Debug)]
pub(crate) struct Check {
    address: Address,
    /// The longest body, once the server has told it.
    limit: OnceLock<usize>,
}

/// What a check is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ping {
    /// A run begins.
    Start,
    /// It ended with this exit code.
    Exit(u8),
    /// Something is worth writing down that is no result.
    Log,
}

impl Check {
    /// The check of a job: that of its own `ping`, else, when it has a schedule, the one that
    /// `[alerts.healthchecks]` makes for it. A job that runs by name only would soon be missed.
    pub(crate) fn of(world: &World, job: &str, run: &str) -> Option<Result<Check>> {
        let alerts = &world.config.alerts;
        let entry = world.config.jobs.get(job)?;
        let is_common = entry.schedule.is_some() && alerts.to.contains(&Receiver::Healthchecks);
        let common = alerts.healthchecks.as_ref().filter(|_| is_common);
        let secret = entry.ping.as_ref().or(common.map(|section| &section.url))?;
        let address = || {
            let Some(value) = world.secret(secret) else { return Address::of_secret(world, secret) };
            let slug = slug(world.config.site_name(), job);
            Address::parse(&value.expose_secret().replace("{job}", &slug), secret.place())
        };
        let check = address()
            .map(|address| Check { address: address.with_query("rid", &uuid(run)), limit: OnceLock::new() });
        Some(check)
    }

    /// Pings, with the end of `text` as body. The error is one line.
    pub(crate) fn ping(&self, world: &World, ping: Ping, text: &str, permit: &Permit) -> Result<()> {
        let address = match ping {
            Ping::Start => self.address.below("start"),
            Ping::Exit(code) => self.address.below(&code.to_string()),
            Ping::Log => self.address.below("log"),
        };
        let address = address.ok_or_else(|| Problem::usage("the address of the check has no path"))?;
        let limit = self.limit.get().copied().unwrap_or(BODY);
        let request = Request::post(&address, "text/plain; charset=utf-8", end_of(text, limit));
        let answer = http::send(world, &request, permit)?;
        if let Some(limit) = answer.header("ping-body-limit").and_then(|limit| limit.parse().ok()) {
            self.limit.get_or_init(|| limit);
        }
        Ok(())
    }
}

/// The last bytes of a text that are whole characters.
fn end_of(text: &str, limit: usize) -> &str {
    let start = text.len().saturating_sub(limit);
    let start = (start..=text.len()).find(|index| text.is_char_boundary(*index));
    &text[start.unwrap_or(text.len())..]
}

/// "cochin-cleanup-temp": small letters, digits, `-` and `_` are all that a slug may hold.
fn slug(site: &str, job: &str) -> String {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    let name = format!("{site}-{job}").to_ascii_lowercase();
    name.chars().map(|c| if is_plain(c) { c } else { '-' }).collect()
}

/// A run's id in the form of a UUID (version 8: whatever one likes), the same at its start and its end.
fn uuid(run: &str) -> String {
    let digest = Sha256::digest(run.as_bytes());
    let mut bytes: [u8; 16] = std::array::from_fn(|index| digest[index]);
    bytes[6] = (bytes[6] & 0x0F) | 0x80;
    bytes[8] = (bytes[8] & 0x3F) | 0x80;
    let digits = format!("{:032x}", u128::from_be_bytes(bytes));
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_text_is_whole_characters() {
        assert_eq!(end_of("aéb", 10), "aéb");
        assert_eq!(end_of("aéb", 3), "éb");
        assert_eq!(end_of("aéb", 2), "b");
        assert_eq!(end_of("aéb", 0), "");
    }

    #[test]
    fn a_run_has_one_uuid_and_a_job_a_plain_slug() {
        let uuid = uuid("20261120T150226Z-3f9a1c");
        assert_eq!(uuid.len(), 36);
        assert_eq!((&uuid[14..15], uuid.matches('-').count()), ("8", 4));
        assert_eq!(slug("Cochin.fr", "cleanup_temp"), "cochin-fr-cleanup_temp");
    }
}
