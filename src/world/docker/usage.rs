//! What containers use, as `docker stats` tells it: "20.00%", "40MiB / 2GiB".

use super::Usage;
use super::containers::text_of;
use super::inspect::is_same;
use serde_json::Value;

/// What `docker stats` tells of the containers that run.
#[derive(Debug)]
pub(crate) struct Usages(Vec<Value>);

impl Usages {
    pub(super) fn of_lines(lines: Vec<Value>) -> Usages {
        Usages(lines)
    }

    /// What this container uses.
    pub(crate) fn of(&self, id: &str) -> Option<Usage> {
        of(id, &self.0)
    }
}

/// What this container uses, among the lines of `docker stats`.
pub(super) fn of(id: &str, lines: &[Value]) -> Option<Usage> {
    let own =
        lines.iter().find(|line| ["ID", "Container"].iter().any(|key| is_same(&text_of(line, key), id)));
    let own = own?;
    let memory = text_of(own, "MemUsage");
    let (used, limit) = memory.split_once('/')?;
    let network = text_of(own, "NetIO");
    // One on the network of its machine has none of its own.
    let network = network.split_once('/').and_then(|(received, sent)| Some((bytes(received)?, bytes(sent)?)));
    let cpu_percent: f64 = text_of(own, "CPUPerc").trim().strip_suffix('%')?.trim().parse().ok()?;
    Some(Usage {
        cpu_percent: Some(cpu_percent).filter(|percent| percent.is_finite() && *percent >= 0.0)?,
        memory_bytes: bytes(used)?,
        memory_limit_bytes: bytes(limit)?,
        network,
    })
}

/// "40MiB", "1.5kB": memory is told in powers of 1024, everything else in powers of 1000.
pub(super) fn bytes(size: &str) -> Option<u64> {
    const UNITS: [(&str, f64); 12] = [
        ("B", 1.0),
        ("kB", 1e3),
        ("KB", 1e3),
        ("MB", 1e6),
        ("GB", 1e9),
        ("TB", 1e12),
        ("PB", 1e15),
        ("KiB", 1024.0),
        ("MiB", 1_048_576.0),
        ("GiB", 1_073_741_824.0),
        ("TiB", 1_099_511_627_776.0),
        ("PiB", 1_125_899_906_842_624.0),
    ];
    let size = size.trim();
    let (number, unit) = size.split_at(size.find(|c: char| c.is_ascii_alphabetic())?);
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let number: f64 = number.trim().parse().ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is rounded and not negative, and what is too large becomes the largest"
    )]
    (number.is_finite() && number >= 0.0).then(|| (number * factor).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_docker_are_read_in_both_kinds_of_units() {
        for (size, expected) in [
            ("40MiB", Some(41_943_040)),
            ("23.54GiB ", Some(25_275_882_537)),
            (" 872KiB", Some(892_928)),
            ("1.5kB", Some(1_500)),
            ("0B", Some(0)),
            ("2.048 MB", Some(2_048_000)),
            ("--", None),
            ("", None),
            ("1XiB", None),
            ("-1B", None),
            ("MiB", None),
        ] {
            assert_eq!(bytes(size), expected, "{size}");
        }
    }

    #[test]
    fn a_line_belongs_to_the_container_whose_id_it_begins() {
        let line = |id: &str, cpu: &str, memory: &str| serde_json::json!({"ID": id, "Container": id, "CPUPerc": cpu, "MemUsage": memory, "PIDs": "6"});
        let lines = [line("bbbb", "1.00%", "1MiB / 2MiB"), line("aaaa", "180.25%", "40MiB / 2GiB")];
        let usage = of("aaaacccc", &lines).unwrap();
        assert!((usage.cpu_percent - 180.25).abs() < 1e-9);
        assert_eq!((usage.memory_bytes, usage.memory_limit_bytes), (40 << 20, 2 << 30));
        assert!(of("cccc", &lines).is_none());
        assert!(of("aaaa", &[line("aaaa", "--", "-- / --")]).is_none());
    }
}
