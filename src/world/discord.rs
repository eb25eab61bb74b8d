//! Discord: messages to a webhook, cut to the limits that Discord sets.

use super::World;
use super::http::{self, Address, Answer, Request, Verdict};
use crate::config::secret::SecretRef;
use crate::engine::apply::Permit;
use crate::text;
use anyhow::Result;
use chrono::{DateTime, SubsecRound as _, Utc};
use reqwest::StatusCode;
use serde::Serialize;
use serde_json::json;
use std::time::Duration;

/// Characters in all embeds of a message together.
const LARGEST_SUM: usize = 6_000;
const MOST_CONTENT: usize = 2_000;
const MOST_EMBEDS: usize = 10;
const MOST_FIELDS: usize = 25;

/// The webhook of a channel.
#[derive(Clone, Debug)]
pub struct Webhook(Address);

impl Webhook {
    /// The webhook whose address a secret holds.
    pub fn of(world: &World, secret: &SecretRef) -> Result<Webhook> {
        Address::of_secret(world, secret).map(Webhook)
    }
}

/// What is posted.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Message {
    /// Plain text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Boxes with a coloured edge.
    pub embeds: Vec<Embed>,
}

/// A box with a coloured edge.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Embed {
    /// Its heading.
    pub title: String,
    /// Text below the heading.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The edge: red, green and blue in one number.
    #[serde(rename = "color")]
    pub colour: u32,
    /// The time beside the footer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<DateTime<Utc>>,
    /// Small tables of one line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// The last line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub footer: Option<Footer>,
}

/// A name and a value.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Field {
    /// Above.
    pub name: String,
    /// Below.
    pub value: String,
    /// Whether the next one may stand beside it.
    pub inline: bool,
}

/// The last line of an embed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Footer {
    /// Its words.
    pub text: String,
}

/// Discord has taken the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The id of the message, when Discord has told it.
    pub id: Option<String>,
}

/// Posts a message. Nobody is mentioned by it, whatever its text says. The error is one line.
pub fn post(world: &World, webhook: &Webhook, message: &Message, permit: &Permit) -> Result<Posted> {
    // Without `wait` Discord answers before it has saved the message, and the same when it then loses it.
    let address = webhook.0.with_query("wait", "true");
    let mut body = serde_json::to_value(message.fitted())?;
    body["allowed_mentions"] = json!({ "parse": [] });
    let judge = |answer: &Answer| judge(world, &address, answer);
    let request = Request::post(&address, "application/json", body.to_string()).judged_by(&judge);
    let answer = http::send(world, &request, permit)?;
    let id = answer.json().and_then(|message| Some(message.get("id")?.as_str()?.to_owned()));
    Ok(Posted { id })
}

/// Discord's own rules. Ten thousand calls of a dead address would have it shut this machine out.
fn judge(world: &World, address: &Address, answer: &Answer) -> Verdict {
    let dead = |why: &str| Verdict::Dead(why.to_owned());
    match answer.status {
        StatusCode::NOT_FOUND => {
            dead("the webhook no longer exists (404): make a new one in Discord and put its address there")
        }
        StatusCode::UNAUTHORIZED => {
            dead("the token of the webhook is not valid (401): copy the address from Discord again")
        }
        StatusCode::TOO_MANY_REQUESTS => match answer.json() {
            Some(json) => Verdict::Again(retry_after(&json).or(answer.seconds("retry-after"))),
            None if answer.header("via").is_some() => answer.verdict(),
            None => dead("Discord has shut this machine out for a while (429)"),
        },
        _ => {
            // When nothing remains of what Discord grants, the next post waits.
            let has_more = answer.header("x-ratelimit-remaining").is_none_or(|left| left.trim() != "0");
            world.asked.pause(address, answer.seconds("x-ratelimit-reset-after").filter(|_| !has_more));
            answer.verdict()
        }
    }
}

fn retry_after(body: &serde_json::Value) -> Option<Duration> {
    http::seconds(body.get("retry_after")?.as_f64()?)
}

impl Message {
    /// The message as Discord accepts it: what is too long is cut, what is too much is left out, and what is empty
    /// has a dash instead.
    fn fitted(&self) -> Message {
        let mut left = LARGEST_SUM;
        Message {
            content: self.content.as_deref().map(|content| text::cut(content, MOST_CONTENT)),
            embeds: self.embeds.iter().take(MOST_EMBEDS).map(|embed| embed.fitted(&mut left)).collect(),
        }
    }
}

impl Embed {
    /// `left` is what all embeds may still hold; the fields, which come last, are the first to go.
    fn fitted(&self, left: &mut usize) -> Embed {
        let mut take = |text: &str, limit: usize| {
            let kept = text::cut(text, limit.min(*left));
            *left -= kept.chars().count();
            kept
        };
        let title = take(&self.title, 256);
        let footer = self.footer.as_ref().map(|footer| Footer { text: take(&footer.text, 2_048) });
        let description = take(&self.description, 4_096);
        let fields = self.fields.iter().take(MOST_FIELDS).map(|field| Field {
            name: take(or_dash(&field.name), 256),
            value: take(or_dash(&field.value), 1_024),
            inline: field.inline,
        });
        let fields = fields.filter(|field| !field.name.is_empty() && !field.value.is_empty()).collect();
        let footer = footer.filter(|footer| !footer.text.is_empty());
        let timestamp = self.timestamp.map(|time| time.trunc_subsecs(3));
        Embed { title, description, fields, footer, colour: self.colour, timestamp }
    }
}

/// Discord takes no empty names and values, and calls white space empty.
fn or_dash(text: &str) -> &str {
    if text.trim().is_empty() { "—" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, value: &str) -> Field {
        Field { name: name.to_owned(), value: value.to_owned(), inline: true }
    }

    fn sum(message: &Message) -> usize {
        let embed = |embed: &Embed| {
            let fields: String =
                embed.fields.iter().flat_map(|field| [&*field.name, &*field.value]).collect();
            let footer = embed.footer.as_ref().map_or("", |footer| &footer.text);
            [&*embed.title, &*embed.description, &*fields, footer].concat().chars().count()
        };
        message.embeds.iter().map(embed).sum()
    }

    #[test]
    fn a_message_is_cut_to_the_limits_in_whole_characters() {
        let long = "é💸".repeat(5_000);
        let embed = Embed {
            title: long.clone(),
            description: "x".repeat(4_096),
            fields: vec![field(&long, &long); 30],
            footer: Some(Footer { text: "host".to_owned() }),
            ..Embed::default()
        };
        let fitted = Message { content: Some(long), embeds: vec![embed; 11] }.fitted();
        assert_eq!(fitted.embeds.len(), 10);
        let first = &fitted.embeds[0];
        assert_eq!(first.title.chars().count(), 256);
        assert!(first.title.ends_with('…'));
        assert_eq!(first.description.len(), 4_096);
        assert_eq!(
            (first.fields[0].name.chars().count(), first.fields[0].value.chars().count()),
            (256, 1_024)
        );
        assert_eq!(first.footer.as_ref().unwrap().text, "host");
        assert!(sum(&fitted) <= 6_000, "{}", sum(&fitted));
        assert_eq!(fitted.content.unwrap().chars().count(), 2_000);
    }

    #[test]
    fn what_fits_is_sent_as_it_is_and_what_is_empty_has_a_dash() {
        let embed = Embed {
            title: "t".repeat(256),
            fields: vec![field("a", ""), field(" \n", "v"), field("b", "w")],
            ..Embed::default()
        };
        let fitted = Message { content: None, embeds: vec![embed.clone()] }.fitted();
        assert_eq!(fitted.embeds[0].title, embed.title);
        assert_eq!(fitted.embeds[0].fields, [field("a", "—"), field("—", "v"), field("b", "w")]);
    }

    #[test]
    fn the_keys_stand_in_the_order_in_which_discord_documents_them() {
        let embed = Embed {
            title: "t".to_owned(),
            description: "d".to_owned(),
            colour: 0x3B_A5_5D,
            timestamp: DateTime::from_timestamp(1_795_186_946, 0),
            fields: vec![field("n", "v")],
            footer: Some(Footer { text: "f".to_owned() }),
        };
        let json = serde_json::to_string(&Message { content: None, embeds: vec![embed] }).unwrap();
        let expected = r#"{"embeds":[{"title":"t","description":"d","color":3908957,"timestamp":"2026-11-20T15:02:26Z","fields":[{"name":"n","value":"v","inline":true}],"footer":{"text":"f"}}]}"#;
        assert_eq!(json, expected);
    }
}
