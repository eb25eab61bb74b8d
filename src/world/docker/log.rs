//! What a container has written to its log.

use super::{Compose, Container};
use crate::text;
use crate::world::World;
use crate::world::command::stream;
use anyhow::{Result, bail};
use chrono::{DateTime, SecondsFormat, Utc};
use std::io::Write;

/// A stretch of a log; its first and its last moment are part of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    pub(crate) since: DateTime<Utc>,
    pub(crate) until: DateTime<Utc>,
    /// Each line comes after its time.
    pub(crate) has_times: bool,
}

impl Compose {
    /// What the clock of the engine's machine shows: the times in its logs are by that one.
    pub(crate) fn engine_time(&self, world: &World) -> DateTime<Utc> {
        let call = self.docker("info").map(|call| call.words(["--format", "{{.SystemTime}}"]));
        let said = call.and_then(|call| call.answer(world)).ok();
        let time = said
            .and_then(|said| DateTime::parse_from_rfc3339(String::from_utf8_lossy(&said.stdout).trim()).ok());
        time.map_or_else(|| world.clock.reading(), |time| time.to_utc())
    }

    /// Pours what a container has written, to both of its outputs, into `sink`. False for a container that is gone.
    pub(crate) fn pour_log(
        &self,
        world: &World,
        container: &Container,
        stretch: &Stretch,
        sink: &mut dyn Write,
    ) -> Result<bool> {
        let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Nanos, true);
        let Stretch { since, until, has_times } = *stretch;
        let call = self.docker("logs")?.words(has_times.then_some("--timestamps"));
        let call = call.words(["--since", &time(since), "--until", &time(until), &container.id]);
        let ended = stream::pour_both(call.command, &call.name, world, sink)?;
        if ended.status.success() {
            return Ok(true);
        }
        // What docker itself says has no time before it, and comes last.
        let why = ended.last_line();
        if why.contains("No such container") {
            return Ok(false);
        }
        bail!("the log of {} cannot be read: {}", container.name, text::cut(&why, 200))
    }
}
