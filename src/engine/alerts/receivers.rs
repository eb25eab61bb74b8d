//! How each receiver is told: the same words in the form that it takes.

use super::alert::{Alert, Kind};
use super::words::{self, Words};
use crate::config::alerts::Receiver;
use crate::engine::apply::Permit;
use crate::engine::report;
use crate::error::Problem;
use crate::logging;
use crate::text;
use crate::world::discord::{self, Embed, Field, Footer, Message, Webhook};
use crate::world::healthchecks::{Check, Ping};
use crate::world::http::Address;
use crate::world::mail::{Letter, Post};
use crate::world::slack::{self, escape};
use crate::world::{World, environment, webhook};
use anyhow::Result;
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// Characters of the log that a chat message shows: a phone shows no more, and no limit of theirs is near.
const MOST_TAIL: usize = 1_800;

/// A receiver that can be told.
enum Ready<'a> {
    Discord(Webhook),
    Slack(Address),
    Webhook(Address, Option<SecretString>),
    Mail(Post<'a>),
    Healthchecks(Vec<Check>),
}

/// Looks whether the section of a receiver is complete: its secrets are there, and its addresses are addresses.
pub(crate) fn check(world: &World, receiver: Receiver) -> Result<()> {
    ready(world, receiver).map(drop)
}

fn ready(world: &World, receiver: Receiver) -> Result<Ready<'_>> {
    let alerts = &world.config.alerts;
    let missing = || Problem::usage(format!("there is no section [alerts.{receiver}]"));
    Ok(match receiver {
        Receiver::Discord => {
            let section = alerts.discord.as_ref().ok_or_else(missing)?;
            Ready::Discord(Webhook::of(world, &section.webhook)?)
        }
        Receiver::Slack => {
            let section = alerts.slack.as_ref().ok_or_else(missing)?;
            Ready::Slack(Address::of_secret(world, &section.webhook)?)
        }
        Receiver::Webhook => {
            let section = alerts.webhook.as_ref().ok_or_else(missing)?;
            let secret = section.secret.as_ref().map(|secret| {
                let place = secret.place();
                world
                    .secret(secret)
                    .ok_or_else(|| Problem::usage(format!("the secret {place} cannot be read")))
            });
            Ready::Webhook(Address::of_secret(world, &section.url)?, secret.transpose()?)
        }
        Receiver::Mail => Ready::Mail(Post::of(world, alerts.mail.as_ref().ok_or_else(missing)?)?),
        Receiver::Healthchecks => {
            let checks = world.config.jobs.keys().filter_map(|name| Check::of(world, name, "test"));
            let checks = checks.collect::<Result<Vec<_>>>()?;
            if checks.is_empty() {
                return Err(Problem::usage(
                    "no job has a check: name healthchecks in `to` of [alerts] and give a job a schedule, or a job its own `ping`",
                ));
            }
            Ready::Healthchecks(checks)
        }
    })
}

/// Sends an alert to one receiver. The error is one line.
pub(crate) fn send(world: &World, receiver: Receiver, alert: &Alert, permit: &Permit) -> Result<()> {
    let words = words::of(world, alert);
    match ready(world, receiver)? {
        Ready::Discord(webhook) => {
            discord::post(world, &webhook, &for_discord(alert, words), permit).map(drop)
        }
        Ready::Slack(address) => slack::post(world, &address, &for_slack(&words), permit),
        Ready::Webhook(address, secret) => {
            let message = for_program(world, alert, words);
            webhook::post(world, (&address, secret.as_ref()), &message, permit)
        }
        Ready::Mail(post) => post.send(world, &for_mail(world, alert, &words), permit),
        Ready::Healthchecks(checks) => {
            checks.iter().try_for_each(|check| check.ping(world, Ping::Log, &words.summary, permit))
        }
    }
}

/// The last of these lines that fit together, oldest first.
fn last(lines: &[String], limit: usize) -> String {
    let mut left = limit;
    let fits = |line: &&String| {
        let length = line.chars().count() + 1;
        let fits = length <= left;
        left = left.saturating_sub(length);
        fits
    };
    let mut kept: Vec<&str> = lines.iter().rev().take_while(fits).map(String::as_str).collect();
    kept.reverse();
    kept.join("\n")
}

fn for_discord(alert: &Alert, words: Words) -> Message {
    let Words { title, summary, facts, colon: _, tail_name, tail } = words;
    // Three backquotes would end the block that keeps Discord from reading signs in it.
    let plain = |text: &str| text.replace("```", "'''");
    let mut description = plain(&summary);
    let tail = last(&tail, MOST_TAIL);
    if !tail.is_empty() {
        let _ = write!(description, "\n\n**{tail_name}**\n```\n{}\n```", plain(&tail));
    }
    let field = |(name, value): (&str, String)| {
        let inline = value.chars().count() < 40;
        Field { name: name.to_owned(), value, inline }
    };
    let embed = Embed {
        title,
        description,
        colour: colour(alert.kind),
        timestamp: Some(alert.at),
        fields: facts.into_iter().map(field).collect(),
        footer: Some(Footer { text: "maint".to_owned() }),
    };
    Message { content: None, embeds: vec![embed] }
}

fn colour(kind: Kind) -> u32 {
    match kind {
        Kind::Failure => 15_158_332,
        Kind::Recovery => 3_066_993,
        Kind::Overdue => 15_844_367,
        Kind::Test => 3_447_003,
    }
}

fn for_slack(words: &Words) -> Value {
    let Words { title, summary, facts, colon, tail_name, tail } = words;
    let section = |text: String| {
        // Verbatim: names and mentions in what a log says are not looked for.
        json!({ "type": "section", "text": { "type": "mrkdwn", "text": text, "verbatim": true } })
    };
    let facts: Vec<String> =
        facts.iter().map(|(name, value)| format!("*{name}*{colon}{}", escape(value))).collect();
    let mut blocks = vec![section(format!("*{}*", escape(title)))];
    if !summary.is_empty() {
        blocks.push(section(text::cut(&escape(summary), 2_900)));
    }
    blocks.push(section(text::cut(&facts.join("\n"), 2_900)));
    let lines: Vec<String> = tail.iter().map(|line| escape(line).replace("```", "'''")).collect();
    let tail = last(&lines, MOST_TAIL);
    if !tail.is_empty() {
        blocks.push(section(format!("*{tail_name}*\n```{tail}```")));
    }
    // The text is what a notification shows; the blocks are what the channel shows.
    json!({ "text": escape(title), "blocks": blocks })
}

fn for_program(world: &World, alert: &Alert, words: Words) -> Value {
    let status = match alert.kind {
        Kind::Failure => "fail",
        Kind::Overdue => "warn",
        Kind::Recovery | Kind::Test => "ok",
    };
    let failing =
        alert.since.filter(|_| alert.kind == Kind::Recovery).map(|since| (alert.at - since).num_seconds());
    let metrics = json!({ "exit_code": alert.exit_code, "count": alert.count, "failing_seconds": failing });
    json!({
        "version": 1,
        "event": alert.kind,
        "site": world.config.site_name(),
        "job": alert.job,
        "finding": alert.finding,
        "run_id": alert.run,
        "status": status,
        "started_at": report::time(alert.started),
        "duration_s": alert.took.map(|took| took.as_secs_f64()),
        "host": environment::host_name(),
        "summary": if alert.summary.is_empty() { words.summary } else { alert.summary.clone() },
        "metrics": metrics,
        "log": alert.log,
        "last_lines": words.tail,
    })
}

/// What an alert is about, in the characters that the name of a message may have: a run may find several things.
fn subject_of(alert: &Alert) -> String {
    match &alert.finding {
        Some(finding) => {
            let digest = Sha256::digest(finding.as_bytes());
            format!("{}.{}", alert.job, text::hex(&digest[..6]))
        }
        None => alert.job.clone(),
    }
}

fn for_mail(world: &World, alert: &Alert, words: &Words) -> Letter {
    let Words { title, summary, facts, colon, tail_name, tail } = words;
    let mut body = format!("{title}\n\n{summary}\n\n");
    for (name, value) in facts {
        let _ = writeln!(body, "{name}{colon}{value}");
    }
    if !tail.is_empty() {
        let _ = write!(body, "\n{tail_name}{}\n", colon.trim_end());
        for line in tail {
            let _ = writeln!(body, "    {line}");
        }
    }
    let run =
        if alert.run.is_empty() { alert.at.format("%Y%m%dT%H%M%S").to_string() } else { alert.run.clone() };
    let site = world.config.site_name();
    Letter {
        subject: logging::redacted(&format!("[{site}] {title}")).into_owned(),
        body: logging::redacted(&body).into_owned(),
        id: format!("{site}.{}.{run}.{}", subject_of(alert), alert.kind.word()),
        date: alert.at,
    }
}
