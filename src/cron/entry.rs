//! A job's line in a crontab: its hash, its quoting, its marker.

use sha2::{Digest as _, Sha256};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// The shortest prefix of a hash that may stand for a job.
pub const SHORTEST_PREFIX: usize = 6;
/// Debian's cron takes a command of at most this many bytes, its comment included; with more it refuses the
/// whole table.
pub const LONGEST_COMMAND: usize = 998;
/// What the comment at the end of our lines begins with; `crontab -l | grep -c` counts the jobs by it.
pub const MARKER: &str = "maint-cronjobs for";

/// What stands in the place of a job's name in the line that makes up for missed runs; no job can be called so.
pub const ALL_DUE: &str = "--all-due";
/// Every hour, away from the full hour at which most jobs run.
pub const ALL_DUE_SCHEDULE: &str = "11 * * * *";

/// The hash of the line that makes up for missed runs.
#[must_use]
pub fn all_due_hash(site: &str) -> String {
    hash(site, ALL_DUE, Some(ALL_DUE_SCHEDULE), "")
}

/// 32 hexadecimal digits over the site, the job's name, its schedule and what it runs.
#[must_use]
pub fn hash(site: &str, job: &str, schedule: Option<&str>, runs: &str) -> String {
    let identity = serde_json::json!([site, job, schedule, runs]).to_string();
    crate::text::hex(&Sha256::digest(identity)[..16])
}

/// A job as a crontab line needs it.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The site's name.
    pub site: &'a str,
    /// The job's name.
    pub job: &'a str,
    /// Five fields or a nickname.
    pub schedule: &'a str,
    /// The job's hash.
    pub hash: &'a str,
    /// The program, as an absolute path.
    pub program: &'a Path,
    /// The configuration, as an absolute path.
    pub config: &'a Path,
}

/// A line of our block, without its line end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// The job's name.
    pub job: String,
    /// When it runs.
    pub schedule: String,
    /// The job's hash.
    pub hash: String,
    /// What stands in the crontab.
    pub bytes: Vec<u8>,
}

impl Entry<'_> {
    /// The line for a user's crontab, or with a `user` that for a file in /etc/cron.d, whose sixth field it is.
    /// Nothing of the user's text is in it but the two paths. The error says why no such line can work.
    pub fn line(&self, user: Option<&str>) -> Result<Line, String> {
        let Entry { site, job, schedule, hash, program, config } = *self;
        let mut command = word(program.as_os_str().as_bytes())?;
        command.extend_from_slice(b" --config ");
        command.extend_from_slice(&word(config.as_os_str().as_bytes())?);
        command.extend_from_slice(format!(" run {job} # {MARKER} {site}: {job} {hash}").as_bytes());
        if command.len() > LONGEST_COMMAND {
            return Err(format!(
                "the crontab line of job `{job}` would have a command of {} bytes, and cron takes {LONGEST_COMMAND}; \
                 move maint or maint.toml to a shorter path",
                command.len()
            ));
        }
        let fields: Vec<&str> = schedule.split_ascii_whitespace().chain(user).collect();
        let mut bytes = fields.join(" ").into_bytes();
        bytes.push(b' ');
        bytes.extend_from_slice(&command);
        Ok(Line { job: job.to_owned(), schedule: schedule.to_owned(), hash: hash.to_owned(), bytes })
    }
}

/// A word of a command: as it is when cron, sh and people read it the same way, quoted otherwise.
fn word(argument: &[u8]) -> Result<Vec<u8>, String> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_@+=:,./-".contains(byte);
    if !argument.is_empty() && argument.iter().all(is_plain) {
        return Ok(argument.to_vec());
    }
    quote(argument)
}

/// Quotes an argument so that it passes cron (which takes `\%` for `%` everywhere and, on Debian, `\\` for `\`)
/// and sh unchanged. The error is for bytes that no crontab line can hold.
pub fn quote(argument: &[u8]) -> Result<Vec<u8>, String> {
    if argument.iter().any(|byte| matches!(byte, 0 | b'\n' | b'\r')) {
        let shown = crate::text::escape_bytes(argument);
        return Err(format!("`{shown}` holds a line break, which no crontab line can"));
    }
    let mut quoted = vec![b'\''];
    for (index, byte) in argument.iter().enumerate() {
        match byte {
            // Closed, quoted by the other kind, opened again: no backslash that cron could take.
            b'\'' => quoted.extend_from_slice(b"'\"'\"'"),
            b'%' => quoted.extend_from_slice(b"\\%"),
            b'\\' => {
                quoted.push(b'\\');
                // Closed and opened again, so that cron sees no pair to take for one.
                if matches!(argument.get(index + 1), Some(b'\\' | b'%')) {
                    quoted.extend_from_slice(b"''");
                }
            }
            _ => quoted.push(*byte),
        }
    }
    quoted.push(b'\'');
    Ok(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry<'a>(program: &'a str, config: &'a str) -> Entry<'a> {
        Entry {
            site: "shop",
            job: "clean",
            schedule: "0  2 * *\t*",
            hash: "0123456789abcdef0123456789abcdef",
            program: Path::new(program),
            config: Path::new(config),
        }
    }

    fn text(line: &Line) -> &str {
        std::str::from_utf8(&line.bytes).unwrap()
    }

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

    #[test]
    fn a_line_holds_schedule_program_config_job_and_marker() {
        let line = entry("/usr/local/bin/maint", "/srv/shop/maint.toml").line(None).unwrap();
        assert_eq!(
            text(&line),
            "0 2 * * * /usr/local/bin/maint --config /srv/shop/maint.toml run clean \
             # maint-cronjobs for shop: clean 0123456789abcdef0123456789abcdef"
        );
        let line = entry("/m", "/c").line(Some("www-data")).unwrap();
        assert!(text(&line).starts_with("0 2 * * * www-data /m --config /c run clean # "), "{line:?}");
    }

    #[test]
    fn odd_paths_are_quoted_for_cron_and_sh() {
        let line = entry("/opt/my apps/maint", "/srv/100%/it's \\%/maint.toml").line(None).unwrap();
        assert!(
            text(&line)
                .contains(" '/opt/my apps/maint' --config '/srv/100\\%/it'\"'\"'s \\''\\%/maint.toml' run"),
            "{line:?}"
        );
    }

    #[test]
    fn a_command_may_have_998_bytes_and_no_more() {
        let rest = entry("/m", "/").line(None).unwrap().bytes.len() - "0 2 * * * ".len() - 1;
        let longest = format!("/{}", "x".repeat(LONGEST_COMMAND - rest - 1));
        assert!(entry("/m", &longest).line(None).is_ok());
        let why = entry("/m", &format!("{longest}x")).line(None).unwrap_err();
        assert!(why.contains("`clean`") && why.contains("999 bytes"), "{why}");
    }

    #[test]
    fn a_path_with_a_line_break_has_no_line() {
        let why = entry("/m", "/srv/a\nb/maint.toml").line(None).unwrap_err();
        assert!(why.contains("/srv/a\\nb/maint.toml"), "{why}");
    }

    /// What Debian's cron hands to sh: `\%` and `\\` lose their backslash, a bare `%` would end the command.
    fn through_cron(command: &[u8]) -> Vec<u8> {
        let mut passed = Vec::new();
        let mut bytes = command.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            match (byte, bytes.peek()) {
                (b'\\', Some(next @ (b'%' | b'\\'))) => {
                    passed.push(*next);
                    bytes.next();
                }
                (b'%', _) => panic!("a bare % in {}", String::from_utf8_lossy(command)),
                _ => passed.push(byte),
            }
        }
        passed
    }

    proptest! {
        #[test]
        fn a_quoted_argument_passes_cron_and_sh_unchanged(argument in "[^\\x00\\r\\n]{0,30}|['\"\\\\%$ ]{0,12}") {
            let passed = through_cron(&quote(argument.as_bytes()).unwrap());
            let words = shlex::split(std::str::from_utf8(&passed).unwrap()).unwrap();
            prop_assert_eq!(words, vec![argument]);
        }
    }
}
