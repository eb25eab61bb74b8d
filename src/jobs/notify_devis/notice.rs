//! One notice: the words of its message, and how it is marked as sent.

use super::devis::Devis;
use super::words::{When, Words};
use crate::config::site::Language;
use crate::config::tables::DYNAMIC_RECORDS;
use crate::world::World;
use crate::world::database::{Database, Value};
use crate::world::discord::{Embed, Field, Footer, Message};
use anyhow::Result;
use chrono::NaiveDate;

/// Which end of the payment period a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Start,
    End,
}

impl Kind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Kind::Start => "start",
            Kind::End => "end",
        }
    }
}

/// A notice that is due.
#[derive(Debug)]
pub(super) struct Notice {
    pub(super) kind: Kind,
    /// The day that it is about.
    pub(super) day: NaiveDate,
    pub(super) start: NaiveDate,
    pub(super) end: NaiveDate,
    pub(super) devis: Devis,
}

/// The statement that marks a notice as sent.
pub(super) struct Mark {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

impl Notice {
    /// Changes one row, or none when the notice was marked meanwhile; `is_forced` marks it all the same.
    pub(super) fn mark(&self, database: &Database, world: &World, is_forced: bool) -> Result<Mark> {
        let records = database.look(world)?.table(&DYNAMIC_RECORDS)?;
        let [id, is_active, start, end] =
            records.columns(["id", "is_active", "discord_start_notified", "discord_end_notified"])?;
        let flag = match self.kind {
            Kind::Start => start,
            Kind::End => end,
        };
        let unless_sent = if is_forced { String::new() } else { format!(" AND NOT {flag}") };
        let table = records.name();
        Ok(Mark {
            sql: format!("UPDATE {table} SET {flag} = $2 WHERE {id} = $1 AND {is_active}{unless_sent}"),
            values: vec![self.devis.id.into(), true.into()],
        })
    }

    /// The message; `today` is the day on which it is read.
    pub(super) fn message(&self, language: Language, today: NaiveDate, world: &World) -> Message {
        let words = Words::of(language);
        let Notice { kind, day, start, end, devis } = self;
        let when = When::of(*day, today);
        let number = devis.number.clone().filter(|number| !number.is_empty());
        let number = number.unwrap_or_else(|| format!("#{}", devis.id));
        let amount = words.amount(devis.amount.as_deref());
        let agent = devis.agent.as_deref().filter(|agent| !agent.is_empty()).unwrap_or(words.unknown);
        let agent = field(words.agent, agent, false);
        let period = words.period_between(*start, *end);
        let (title, colour, description, fields) = match kind {
            Kind::Start => {
                let days = words.days((*end - *start).num_days());
                let fields = vec![
                    field(words.amount_to_receive, &amount, true),
                    field(words.delay, &days, true),
                    agent,
                    field(words.period, &period, false),
                ];
                (words.start_title, GREEN, words.start_text(when), fields)
            }
            Kind::End => {
                let fields = vec![
                    field(words.amount_to_check, &amount, true),
                    field(words.status, words.due, true),
                    agent,
                    field(words.period_over, &period, false),
                    field(words.action, words.what_to_do, false),
                ];
                (words.end_title, RED, words.end_text(when), fields)
            }
        };
        let embed = Embed {
            title: format!("{title}: {number}"),
            description,
            colour,
            timestamp: Some(world.clock.now()),
            fields,
            footer: Some(Footer { text: world.config.notify_devis.footer.clone() }),
        };
        Message { content: None, embeds: vec![embed] }
    }
}

const GREEN: u32 = 0x003B_A55D;
const RED: u32 = 0x00ED_4245;

fn field(name: &str, value: &str, inline: bool) -> Field {
    Field { name: name.to_owned(), value: value.to_owned(), inline }
}
