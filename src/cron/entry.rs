//! What identifies a job in a crontab line: a hash that changes when the job's meaning changes.

use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// The shortest prefix of a hash that may stand for a job.
pub const SHORTEST_PREFIX: usize = 6;

/// 32 hexadecimal digits over the site, the job's name, its schedule and what it runs.
#[must_use]
pub fn hash(site: &str, job: &str, schedule: Option<&str>, runs: &str) -> String {
    let identity = serde_json::json!([site, job, schedule, runs]).to_string();
    Sha256::digest(identity).iter().take(16).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_depends_on_every_part() {
        let base = hash("a", "b", Some("* * * * *"), "c");
        assert_eq!(base.len(), 32);
        for other in [
            hash("x", "b", Some("* * * * *"), "c"),
            hash("a", "x", Some("* * * * *"), "c"),
            hash("a", "b", None, "c"),
            hash("a", "b", Some("* * * * *"), "x"),
        ] {
            assert_ne!(base, other);
        }
    }
}
