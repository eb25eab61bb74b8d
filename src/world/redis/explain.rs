//! What went wrong between a Redis and us, in one line with its cure.

use super::address::{Address, Place};
use super::connection::TOO_LARGE;
use crate::error::plain;
use crate::text;
use redis::{ErrorKind, RedisError, ServerErrorKind};
use std::io;
use std::time::Duration;

/// The longest part of what a server says that is repeated.
const LONGEST: usize = 300;

/// The server was not reached, or stopped answering.
pub(super) fn unreached(error: &io::Error, address: &Address, timeout: Duration) -> anyhow::Error {
    let Address { place, source, .. } = address;
    let why = match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => format!("no answer within {}", words(timeout)),
        io::ErrorKind::UnexpectedEof => "it has ended the connection".to_owned(),
        io::ErrorKind::FileTooLarge => return too_large(place),
        _ => lower(&plain(&error.to_string())),
    };
    let cure = match (error.kind(), place) {
        (io::ErrorKind::PermissionDenied, Place::Socket(_)) => {
            "put this user into the group of the socket".to_owned()
        }
        _ if why.contains("lookup") || why.contains("no address") => {
            format!("correct {source} (the names of Compose services are known only inside its containers)")
        }
        _ => format!("start it with `systemctl start redis-server`, or correct {source}"),
    };
    anyhow::anyhow!("Redis does not answer at {place}: {}; {cure}", text::escape(&why))
}

fn too_large(place: &Place) -> anyhow::Error {
    anyhow::anyhow!(
        "the Redis at {place} answers with more than 64 MB; look at what the application keeps in it"
    )
}

/// "5 s", "500 ms".
fn words(timeout: Duration) -> String {
    if timeout.as_secs() == 0 { format!("{} ms", timeout.as_millis()) } else { text::duration(timeout) }
}

fn lower(words: &str) -> String {
    let mut characters = words.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

/// What a Redis answered, or that it did not.
pub(super) fn explain(error: &RedisError, address: &Address, timeout: Duration) -> anyhow::Error {
    let Address { place, source, .. } = address;
    if error.is_io_error() {
        let kind = match error {
            _ if error.is_timeout() => io::ErrorKind::TimedOut,
            _ if error.is_connection_dropped() => io::ErrorKind::UnexpectedEof,
            _ if error.to_string() == TOO_LARGE => io::ErrorKind::FileTooLarge,
            _ => io::ErrorKind::Other,
        };
        return unreached(&io::Error::new(kind, error.to_string()), address, timeout);
    }
    if error.kind() == ErrorKind::Parse {
        return anyhow::anyhow!("what answers at {place} is not Redis; correct {source}");
    }
    let said = match (error.code(), error.detail()) {
        (Some("ERR") | None, Some(detail)) => detail.to_owned(),
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        (Some(code), None) => code.to_owned(),
        (None, None) => error.to_string(),
    };
    let said = text::cut(&text::escape(&said), LONGEST);
    anyhow::anyhow!("the Redis at {place} {}", refusal(error, &said, address))
}

/// Goes on after "the Redis at PLACE".
fn refusal(error: &RedisError, said: &str, address: &Address) -> String {
    use ServerErrorKind::{Ask, BusyLoading, ClusterDown, CrossSlot, Moved, NoPerm, ReadOnly};
    let Address { source, password_source, database, .. } = address;
    let code = error.code().unwrap_or_default();
    match error.kind() {
        _ if code == "NOAUTH" => {
            let how = "put it in the environment and write `password = \"env:REDIS_PASSWORD\"` in [redis]";
            format!("asks for a password: {how}")
        }
        _ if code == "WRONGPASS" || said.contains("invalid password") => {
            format!("refuses the password; correct {password_source}")
        }
        _ if said.contains("without any password configured") || said.contains("no password is set") => {
            format!("has no password, but {password_source} gives one; remove it there")
        }
        _ if said.contains("DB index is out of range") => {
            format!("has no database {database}; correct {source}")
        }
        ErrorKind::Server(BusyLoading) => "is still loading its data; try again in a moment".to_owned(),
        ErrorKind::Server(NoPerm) => format!("does not allow that: {said}; grant it to this user"),
        ErrorKind::Server(ReadOnly) => format!("is a replica, which cannot be written; correct {source}"),
        ErrorKind::Server(Ask | ClusterDown | CrossSlot | Moved) => {
            format!("is part of a cluster, where RQ and maint cannot work: {said}")
        }
        _ if code == "BUSY" => {
            "is busy with a script; try again when it has ended (`redis-cli script kill` ends it)".to_owned()
        }
        _ if code == "MISCONF" => {
            "refuses to be written, because it cannot save its data; is its disk full?".to_owned()
        }
        _ if code == "OOM" => "has no memory left for that; look at its `maxmemory`".to_owned(),
        ErrorKind::UnexpectedReturnType => NOT_RQ.to_owned(),
        _ if code == "WRONGTYPE" => NOT_RQ.to_owned(),
        _ => format!("answers: {said}"),
    }
}

const NOT_RQ: &str = "does not hold what RQ keeps there; is that the right database?";

#[cfg(test)]
mod tests {
    use super::*;
    use redis::make_extension_error;

    fn words(error: &RedisError) -> String {
        let address = Address::parse("redis://:secret@h/7", "$REDIS_URL".to_owned()).unwrap();
        explain(error, &address, Duration::from_secs(5)).to_string()
    }

    #[test]
    fn each_refusal_names_the_place_and_the_cure_and_no_secret() {
        let of =
            |code: &str, said: &str| words(&make_extension_error(code.to_owned(), Some(said.to_owned())));
        for (code, said, expected) in [
            ("NOAUTH", "Authentication required.", "asks for a password"),
            ("WRONGPASS", "invalid username-password pair", "correct $REDIS_URL"),
            ("ERR", "invalid password", "correct $REDIS_URL"),
            ("ERR", "AUTH <password> called without any password configured", "has no password"),
            ("ERR", "DB index is out of range", "has no database 7"),
            ("BUSY", "Redis is busy running a script", "busy with a script"),
            ("MISCONF", "Redis is configured to save RDB snapshots", "disk full"),
            ("OOM", "command not allowed", "maxmemory"),
            ("WRONGTYPE", "Operation against a key", "right database"),
            ("ODD", "line\none\u{1b}", "answers: ODD line\\none\\x1b"),
        ] {
            let words = of(code, said);
            assert!(words.starts_with("the Redis at h:6379 ") && words.contains(expected), "{words}");
            assert!(!words.contains("secret"), "{words}");
        }
    }

    #[test]
    fn a_server_that_is_down_is_told_from_one_that_is_silent() {
        let down = words(&io::Error::from_raw_os_error(111).into());
        assert!(down.starts_with("Redis does not answer at h:6379: "), "{down}");
        assert!(
            down.ends_with("start it with `systemctl start redis-server`, or correct $REDIS_URL"),
            "{down}"
        );
        let silent = words(&io::Error::from(io::ErrorKind::TimedOut).into());
        assert!(silent.contains("no answer within 5 s"), "{silent}");
    }
}
