//! `[checks.NAME]`: an address is asked once, and judged by its status and by the time that it takes.

use super::Sight;
use super::row::{Row, Unit};
use crate::config::check::Check;
use crate::config::units::Length;
use crate::text;
use crate::world::World;
use crate::world::http::{Address, Question, ask_once};
use anyhow::Result;
use std::time::{Duration, Instant};

/// An answer that is too slow is still waited for, to tell how slow it is; but no longer than this.
const MOST_BEYOND: Duration = Duration::from_secs(10);

/// How an address is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pulse {
    /// It answers as it should.
    Well(Duration),
    /// It answers as it should, but this takes too long.
    Slow(Duration, String),
    /// It does not answer, or not as it should.
    Bad(String),
}

/// The address of a check; the error is for one that cannot be asked at all.
pub(super) fn address(name: &str, address: &str) -> Result<Address> {
    Address::parse(address, format!("`http` of [checks.{name}]"))
}

/// How long an answer may take.
fn allowed(check: &Check) -> Duration {
    check.max_latency.unwrap_or_else(|| Length::from_seconds(5)).duration()
}

/// Asks the address of a check; the error is for one that cannot be asked at all.
pub(crate) fn look(world: &World, name: &str, url: &str, check: &Check) -> Result<Pulse> {
    let address = address(name, url)?;
    let allowed = allowed(check);
    let within = allowed + allowed.min(MOST_BEYOND);
    let question = Question::get(&address).for_its_status().within(within);
    #[expect(clippy::disallowed_methods, reason = "this is World")]
    let began = Instant::now();
    let answer = match ask_once(world, &question) {
        Ok(answer) => answer,
        Err(lost) => return Ok(Pulse::Bad(lost.why)),
    };
    let latency = began.elapsed();
    if !matches!(answer.status.as_u16(), 200..=399) {
        let words = answer.words();
        return Ok(Pulse::Bad(words.strip_prefix("it ").unwrap_or(&words).to_owned()));
    }
    if latency <= allowed {
        return Ok(Pulse::Well(latency));
    }
    let why = format!("answers in {}, allowed are {}", shown(latency), text::duration(allowed));
    Ok(Pulse::Slow(latency, why))
}

/// The check as a row.
pub(super) fn row(sight: &Sight<'_>, url: &str) -> Result<Row> {
    let row = sight.row("", Unit::Seconds);
    let limit = allowed(sight.check).as_secs_f64();
    Ok(match look(sight.world, sight.name, url, sight.check)? {
        Pulse::Well(latency) => row.value(latency.as_secs_f64()).most(limit),
        Pulse::Slow(latency, why) => row.value(latency.as_secs_f64()).most(limit).detail(&why),
        Pulse::Bad(why) => row.most(limit).bad(&why),
    })
}

/// "312 ms", "6.1 s": rounded up, so that what is too long is never shown as if it were not.
fn shown(latency: Duration) -> String {
    let tenths = latency.as_millis().div_ceil(100);
    if tenths < 10 { text::duration(latency) } else { format!("{}.{} s", tenths / 10, tenths % 10) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::http::hostile::{server, world};
    use std::io::Write as _;

    fn pulse(address: &str, allowed: &str) -> Pulse {
        let max_latency = Some(Length::try_from(allowed.to_owned()).unwrap());
        look(&world(), "api", address, &Check { max_latency, ..Check::default() }).unwrap()
    }

    fn answering(head: &'static str, after: Duration) -> String {
        server(move |_, stream| {
            std::thread::sleep(after);
            stream.write_all(format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\n\r\n").as_bytes())
        })
    }

    #[test]
    fn an_address_is_well_with_any_status_from_200_to_399() {
        for head in [
            "200 OK",
            "204 No Content",
            "302 Found\r\nlocation: http://127.0.0.1:1/elsewhere",
            "301 Moved Permanently\r\nlocation: /secret-path",
            "399 Odd",
        ] {
            assert!(matches!(pulse(&answering(head, Duration::ZERO), "5s"), Pulse::Well(_)), "{head}");
        }
        for (head, why) in [
            ("404 Not Found", "answers 404 Not Found"),
            ("503 Service Unavailable", "answers 503 Service Unavailable"),
        ] {
            assert_eq!(pulse(&answering(head, Duration::ZERO), "5s"), Pulse::Bad(why.to_owned()));
        }
    }

    #[test]
    fn a_page_of_any_length_is_an_answer() {
        let endless = server(|_, stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
            loop {
                stream.write_all(&[b'x'; 4096])?;
            }
        });
        assert!(matches!(pulse(&endless, "5s"), Pulse::Well(_)));
    }

    #[test]
    fn half_an_answer_is_none_and_the_words_of_a_failure_are_told() {
        let half = server(|_, stream| stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"));
        assert!(matches!(pulse(&half, "5s"), Pulse::Bad(why) if why.starts_with("the line was cut")));
        let failing =
            server(|_, stream| stream.write_all(b"HTTP/1.1 500 Oh\r\ncontent-length: 7\r\n\r\nno disk"));
        let why = "answers 500 Internal Server Error: no disk".to_owned();
        assert_eq!(pulse(&failing, "5s"), Pulse::Bad(why));
    }

    #[test]
    fn what_answers_too_late_or_never_is_told_apart() {
        let late = pulse(&answering("200 OK", Duration::from_millis(300)), "200ms");
        let Pulse::Slow(_, why) = late else { panic!("{late:?}") };
        assert!(why.starts_with("answers in 3") && why.ends_with(" ms, allowed are 200 ms"), "{why}");
        let mute = server(|_, _| {
            std::thread::sleep(Duration::from_secs(30));
            Ok(())
        });
        assert_eq!(pulse(&mute, "100ms"), Pulse::Bad("no answer within 200 ms".to_owned()));
        let refused = pulse("http://127.0.0.1:1/", "1s");
        assert_eq!(refused, Pulse::Bad("cannot connect: Connection refused".to_owned()));
    }

    #[test]
    fn a_latency_is_rounded_up() {
        for (milliseconds, expected) in [(312, "312 ms"), (5_040, "5.1 s"), (6_100, "6.1 s"), (950, "1.0 s")]
        {
            assert_eq!(shown(Duration::from_millis(milliseconds)), expected);
        }
    }
}
