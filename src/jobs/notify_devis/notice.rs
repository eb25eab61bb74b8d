//! One notice: the words of its message, and how it is marked as sent.

use super::Route;
use super::devis::{Devis, Register};
use super::words::{When, Words};
use crate::config::site::Language;
use crate::config::tables::DYNAMIC_RECORDS;
use crate::engine::apply::Permit;
use crate::world::World;
use crate::world::database::{Database, Session, Value};
use crate::world::discord::{Embed, Field, Footer, Message};
use anyhow::{Result, ensure};
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

impl Notice {
    /// True when the devis still says what it said.
    pub(super) fn is_still_due(&self, database: &Database, world: &World) -> Result<bool> {
        let register = Register::read(database, world, Some(self.devis.id))?;
        Ok(register.devis.first().is_some_and(|devis| devis.says_the_same_as(&self.devis)))
    }

    /// Writes the flag as it is, all the way to the disk: what could not be marked must not be sent. False when the
    /// notice was marked meanwhile.
    pub(super) fn try_to_mark(&self, route: &Route, world: &World, permit: &Permit) -> Result<bool> {
        let mut session = route.database.change(world, permit)?;
        let (sql, values) = self.statement(&mut session, route.is_forced, None)?;
        let changed = session.execute(&sql, &values)?;
        session.commit()?;
        Ok(changed > 0)
    }

    /// Marks the notice as sent.
    pub(super) fn mark(&self, route: &Route, world: &World, permit: &Permit) -> Result<()> {
        let mut session = route.database.change_at_last(world, permit)?;
        let (sql, values) = self.statement(&mut session, route.is_forced, Some(true))?;
        ensure!(session.execute(&sql, &values)? > 0, "the devis was changed meanwhile");
        session.commit()
    }

    /// Sets the flag, or leaves it as it is, of the record that is not deleted and, unless `is_forced`, not marked.
    fn statement(
        &self,
        session: &mut Session<'_>,
        is_forced: bool,
        value: Option<bool>,
    ) -> Result<(String, Vec<Value>)> {
        let records = session.table(&DYNAMIC_RECORDS)?;
        let [id, is_active, start, end] =
            records.columns(["id", "is_active", "discord_start_notified", "discord_end_notified"])?;
        let flag = match self.kind {
            Kind::Start => start,
            Kind::End => end,
        };
        let unless_sent = if is_forced { String::new() } else { format!(" AND NOT {flag}") };
        let new = if value.is_some() { "$2" } else { &flag };
        let sql = format!(
            "UPDATE {} SET {flag} = {new} WHERE {id} = $1 AND {is_active}{unless_sent}",
            records.name()
        );
        let mut values = vec![Value::from(self.devis.id)];
        values.extend(value.map(Value::from));
        Ok((sql, values))
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
        let period = words.between(*start, *end);
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
