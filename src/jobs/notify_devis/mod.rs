//! `maint notify-devis`: tells a Discord channel which payment periods begin or end today.
//!
//! A notice counts as sent only when Discord has kept it, and each is marked in a transaction of its own: a
//! crash between the two repeats one notice, and never loses one.

mod devis;
mod notice;
mod words;

use crate::config::secret::SecretRef;
use crate::engine::apply::Permit;
use crate::engine::plan::{Overview, Plan};
use crate::engine::report::Outcome;
use crate::engine::{Action, Job};
use crate::error::{Problem, one_line};
use crate::text;
use crate::world::World;
use crate::world::clock::parse_day;
use crate::world::database::Database;
use crate::world::discord::{self, Message, Webhook};
use anyhow::{Context as _, Result, bail};
use chrono::{Days, NaiveDate};
use clap::Args;
use devis::{Devis, Register};
use notice::{Kind, Notice};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// The variable of the site's own program.
const USUAL_WEBHOOK: &str = "DISCORD_WEBHOOK_URL";
/// A year is more than anybody forgets to start cron.
const LONGEST_CATCH_UP: u32 = 366;

/// Tells a Discord channel which payment periods of devis begin or end today
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NotifyDevis {
    /// Look at this devis only
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(i64).range(1..))]
    pub devis_id: Option<i64>,
    /// Send again what was sent already
    #[arg(long)]
    pub force: bool,
    /// Look at this day instead of today
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub date: Option<NaiveDate>,
    /// Also send what was not sent in as many days before
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(..=i64::from(LONGEST_CATCH_UP)))]
    pub catch_up: Option<u32>,
}

fn day(text: &str) -> Result<NaiveDate, String> {
    parse_day(text).ok_or_else(|| "write a day such as 2026-11-20".to_owned())
}

impl Job for NotifyDevis {
    const NAME: &'static str = "notify-devis";
    type Action = Send;

    fn ready(&self, world: &World) -> Result<()> {
        webhook(world)?;
        let today = NotifyDevis::today(world);
        if let Some(day) = self.date.filter(|day| *day > today) {
            return Err(Problem::usage(format!(
                "{day} is still to come: name today ({today}) or a day before"
            )));
        }
        let database = world.database(world.config.notify_devis.database.as_deref())?;
        // One devis is soon read; of all of them only the tables and fields are looked at.
        let register = Register::read(&database, world, Some(self.devis_id.unwrap_or_default()))?;
        match self.devis_id {
            Some(id) if register.devis.is_empty() && register.unreadable.is_empty() => {
                Err(Problem::usage(format!("there is no devis {id} in the database; look for its id there")))
            }
            _ => Ok(()),
        }
    }

    fn plan(&self, world: &World) -> Result<Plan<Send>> {
        let section = &world.config.notify_devis;
        let route = Arc::new(Route {
            database: world.database(section.database.as_deref())?,
            webhook: webhook(world)?,
            is_forced: self.force,
            trouble: OnceLock::new(),
        });
        let mut plan = Plan::default();
        let register = Register::read(&route.database, world, self.devis_id)?;
        for devis in &register.devis {
            match self.due(devis, world) {
                Ok(due) => {
                    plan.actions.extend(due.into_iter().map(|notice| Send::new(&route, notice, world)));
                }
                Err(error) => plan.failures.push(format!("devis {}: {error:#}", devis.id)),
            }
        }
        plan.failures.extend(register.unreadable.iter().cloned());
        plan.notes = self.notes(&register, world);
        let found = Found { devis: register.devis.len(), due: &plan.actions };
        plan.overview = Some(Overview::of("found", &found)?);
        Ok(plan)
    }
}

impl NotifyDevis {
    fn today(world: &World) -> NaiveDate {
        world.clock.now().with_timezone(&world.clock.zone()).date_naive()
    }

    /// The last day that is looked at, and the first.
    fn days(&self, world: &World) -> (NaiveDate, NaiveDate) {
        let last = self.date.unwrap_or_else(|| NotifyDevis::today(world));
        let back = Days::new(self.catch_up.unwrap_or(0).into());
        (last, last.checked_sub_days(back).unwrap_or(NaiveDate::MIN))
    }

    /// The notices that a devis calls for: of its start, of its end, or of both.
    fn due(&self, devis: &Devis, world: &World) -> Result<Vec<Notice>> {
        let Some((start, end)) = devis.period()? else { return Ok(Vec::new()) };
        let (last, first) = self.days(world);
        let is_due =
            |day: NaiveDate, was_sent: bool| first <= day && day <= last && (self.force || !was_sent);
        let kinds = [(Kind::Start, start, devis.start_was_sent), (Kind::End, end, devis.end_was_sent)];
        let due = kinds.into_iter().filter(|(_, day, was_sent)| is_due(*day, *was_sent));
        Ok(due.map(|(kind, day, _)| Notice { kind, day, start, end, devis: devis.clone() }).collect())
    }

    /// What is not sent although somebody may expect it.
    fn notes(&self, register: &Register, world: &World) -> Vec<String> {
        let mut notes = Vec::new();
        if let (Some(id), Some(devis)) = (self.devis_id, register.devis.first())
            && !devis.is_accepted()
        {
            notes.push(format!("devis {id} is not accepted, so nothing is due"));
        }
        let (_, first) = self.days(world);
        let missed = |devis: &Devis| {
            let (start, end) = devis.period().ok()??;
            let kinds = [(start, devis.start_was_sent), (end, devis.end_was_sent)];
            let lost = kinds.into_iter().filter(|(day, was_sent)| !was_sent && *day < first);
            let day =
                lost.map(|(day, _)| day).filter(|day| (first - *day).num_days() <= WORTH_A_NOTE).max()?;
            Some(format!("devis {}: nothing was sent on {day}; --catch-up sends it", devis.id))
        };
        notes.extend(register.devis.iter().filter_map(missed));
        notes
    }
}

/// Days after which a lost notice is no longer mentioned.
const WORTH_A_NOTE: i64 = 31;

/// The webhook of the section, else that of the alerts, else the one that the site's own program uses.
fn webhook(world: &World) -> Result<Webhook> {
    let own = world.config.notify_devis.webhook.clone();
    let of_alerts = || world.config.alerts.discord.as_ref().map(|discord| discord.webhook.clone());
    let secret = own.or_else(of_alerts).unwrap_or_else(|| SecretRef::Env(USUAL_WEBHOOK.to_owned()));
    Webhook::of(world, &secret)
}

/// From where to where the notices of one run go.
#[derive(Debug)]
struct Route {
    database: Database,
    webhook: Webhook,
    /// Also what was sent already.
    is_forced: bool,
    /// The database has failed: what would be sent now could not be marked, and would be sent again and again.
    trouble: OnceLock<String>,
}

/// Sends one notice, and marks it as sent.
#[derive(Debug)]
pub struct Send {
    route: Arc<Route>,
    notice: Notice,
    message: Message,
}

impl Send {
    fn new(route: &Arc<Route>, notice: Notice, world: &World) -> Send {
        let language = world.config.site.language_of_program();
        let message = notice.message(language, NotifyDevis::today(world), world);
        Send { route: Arc::clone(route), notice, message }
    }
}

impl fmt::Display for Send {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Notice { kind, day, devis, .. } = &self.notice;
        let what = match kind {
            Kind::Start => "begins",
            Kind::End => "ends",
        };
        let number = text::escape(devis.number.as_deref().unwrap_or("without a number"));
        write!(f, "send to Discord that the payment period of devis {} ({number}) {what} on {day}", devis.id)
    }
}

impl Serialize for Send {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap as _;
        let Send { route: _, notice, message } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("action", "send-notice")?;
        map.serialize_entry("id", &notice.devis.id)?;
        map.serialize_entry("notice", notice.kind.word())?;
        map.serialize_entry("date", &notice.day)?;
        map.serialize_entry("message", message)?;
        map.end()
    }
}

impl Action for Send {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        let Send { route, notice, message } = self;
        if let Some(trouble) = route.trouble.get() {
            bail!("not sent: {trouble}");
        }
        let in_trouble = |error: anyhow::Error| {
            route.trouble.get_or_init(|| one_line(&error));
            error
        };
        if !notice.is_still_due(&route.database, world).map_err(in_trouble)? {
            return Ok(Outcome::Skipped("the devis was changed meanwhile".into()));
        }
        let is_unmarked = notice.try_to_mark(route, world, permit).map_err(in_trouble)?;
        if !is_unmarked {
            return Ok(Outcome::Skipped("it was sent meanwhile".into()));
        }
        let posted = discord::post(world, &route.webhook, message, permit)?;
        notice.mark(route, world, permit).context(SENT_BUT).map_err(in_trouble)?;
        Ok(Outcome::Done(posted.id.map_or_else(String::new, |id| format!("message {id}")).into()))
    }
}

const SENT_BUT: &str = "it was sent, but could not be marked as sent, and the next run will repeat it";

/// What was found: the number of devis, and the messages as people will read them.
#[derive(Serialize)]
struct Found<'a> {
    devis: usize,
    #[serde(skip)]
    due: &'a [Send],
}

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} devis, {} due",
            text::thousands(self.devis as u64),
            text::plural(self.due.len(), "notice")
        )?;
        self.due.iter().try_for_each(|send| show(&send.message, f))?;
        if self.due.is_empty() { Ok(()) } else { writeln!(f) }
    }
}

/// A message as plain text, without the marks that Discord turns into bold print.
fn show(message: &Message, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let plain = |text: &str| text::escape_block(&text.replace("**", ""), false).into_owned();
    for embed in &message.embeds {
        writeln!(f, "\n{}", text::escape(&embed.title))?;
        let lines = embed.description.lines().filter(|line| !line.is_empty());
        lines.into_iter().try_for_each(|line| writeln!(f, "  {}", plain(line)))?;
        for field in &embed.fields {
            writeln!(f, "  {}: {}", text::escape(&field.name), text::escape(&plain(&field.value)))?;
        }
        if let Some(footer) = &embed.footer {
            writeln!(f, "  {}", text::escape(&footer.text))?;
        }
    }
    Ok(())
}
