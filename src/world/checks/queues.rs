//! `rabbitmq`: how many messages wait in each queue, as its management API tells, or its own program in its container.

use super::Sight;
use super::row::{Row, Unit};
use crate::config::check::SERVICE;
use crate::config::glob::Glob;
use crate::text;
use crate::world::http::{Address, Question, ask_once};
use anyhow::{Context as _, Result, anyhow, bail};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use std::time::Duration;

/// So many messages may wait, unless something else is asked for.
const USUAL_MOST: u32 = 1_000;
/// The account that RabbitMQ has for its own machine.
const GUEST: &str = "guest";
/// A list of ten thousand queues.
const LONGEST_LIST: u64 = 4 << 20;
const PATIENCE: Duration = Duration::from_secs(10);
/// Queues that are told; of more, the fullest.
const MOST_TOLD: usize = 200;

/// A queue, as both ways tell it.
#[derive(Debug, Deserialize)]
struct Queue {
    name: String,
    #[serde(default)]
    vhost: Option<String>,
    /// None when the node that has it is away.
    #[serde(default)]
    messages: Option<u64>,
    #[serde(default)]
    consumers: Option<u64>,
}

impl Queue {
    /// The name, and where it is when that is not the usual place.
    fn shown(&self) -> String {
        match self.vhost.as_deref() {
            None | Some("/") => self.name.clone(),
            Some(vhost) => format!("{vhost}/{}", self.name),
        }
    }
}

/// Where the management API is.
pub(super) fn address(name: &str, address: &str) -> Result<Address> {
    Address::parse(address, format!("`rabbitmq` of [checks.{name}]"))
}

/// A row for each queue.
pub(super) fn rows(sight: &Sight<'_>, place: &str) -> Result<Vec<Row>> {
    let mut queues = match place.strip_prefix(SERVICE) {
        Some(service) => asked_inside(sight, service)?,
        None => asked(sight, &address(sight.name, place)?)?,
    };
    let wanted = sight.check.queues.as_deref().unwrap_or_default();
    if !wanted.is_empty() {
        let set = Glob::set(wanted).context("`queues` cannot be read")?;
        queues.retain(|queue| set.is_match(&queue.name));
    }
    queues.sort_by(|one, other| {
        other.messages.cmp(&one.messages).then_with(|| one.shown().cmp(&other.shown()))
    });
    let mut rows = missing(sight, wanted, &queues);
    rows.extend(queues.iter().take(MOST_TOLD).map(|queue| row(sight, queue)));
    if rows.is_empty() {
        rows.push(sight.row("", Unit::Count).value(0.0).most(most(sight)).detail("there is no queue"));
    }
    Ok(rows)
}

/// A name must be there; a glob need not match anything.
fn missing(sight: &Sight<'_>, wanted: &[Glob], queues: &[Queue]) -> Vec<Row> {
    let names = wanted.iter().map(|glob| String::from(glob.clone()));
    let is_name = |name: &String| !name.contains(['*', '?', '[', '{']);
    let missing = names.filter(is_name).filter(|name| !queues.iter().any(|queue| queue.name == *name));
    missing.map(|name| sight.row(&name, Unit::Count).bad("there is no such queue")).collect()
}

fn most(sight: &Sight<'_>) -> f64 {
    f64::from(sight.check.max_messages.unwrap_or(USUAL_MOST))
}

#[expect(clippy::cast_precision_loss, reason = "no queue holds so many messages")]
fn row(sight: &Sight<'_>, queue: &Queue) -> Row {
    let row = sight.row(&queue.shown(), Unit::Count);
    let Some(messages) = queue.messages else {
        return row.unknown("RabbitMQ does not tell how many messages it holds");
    };
    let consumers = queue.consumers.unwrap_or(0);
    let words = match consumers {
        0 => "nobody consumes it".to_owned(),
        count => text::plural(usize::try_from(count).unwrap_or(usize::MAX), "consumer"),
    };
    row.value(messages as f64).most(most(sight)).detail(&words)
}

/// The queues that the management API lists.
fn asked(sight: &Sight<'_>, address: &Address) -> Result<Vec<Queue>> {
    let check = sight.check;
    let password = match &check.password {
        None => GUEST.to_owned(),
        Some(secret) => {
            let value = sight.world.secret(secret);
            value
                .ok_or_else(|| anyhow!("the password of RabbitMQ is missing: set {}", secret.place()))?
                .expose_secret()
                .to_owned()
        }
    };
    let user = check.user.as_deref().unwrap_or(GUEST);
    let vhost = check.vhost.iter().map(String::as_str);
    let path = ["api", "queues"].into_iter().chain(vhost);
    let address = path.into_iter().try_fold(address.clone(), |address, part| address.below(part));
    let address = address.and_then(|address| address.as_user(user, &password));
    let address = address.ok_or_else(|| anyhow!("its address cannot have a path"))?;
    let address = address.with_query("columns", "name,vhost,messages,consumers");
    let question = Question::get(&address).within(PATIENCE).limit(LONGEST_LIST);
    let answer = ask_once(sight.world, &question).map_err(|lost| anyhow!("RabbitMQ: {}", lost.why))?;
    match answer.status.as_u16() {
        200 => serde_json::from_slice(&answer.body)
            .map_err(|_| anyhow!("what answers there is not the management API of RabbitMQ")),
        401 | 403 => bail!("RabbitMQ refuses the user {}: correct `user` and `password`", text::escape(user)),
        404 => bail!("RabbitMQ: {}; is the management plugin enabled, and `vhost` right?", answer.words()),
        _ => bail!("RabbitMQ: {}", answer.words()),
    }
}

/// The queues that rabbitmqctl lists in the container of a service.
fn asked_inside(sight: &Sight<'_>, service: &str) -> Result<Vec<Queue>> {
    let container = sight.docker.running(service)?;
    let vhost = sight.check.vhost.as_deref().unwrap_or("/");
    let words = [
        "rabbitmqctl",
        "-q",
        "--formatter",
        "json",
        "-p",
        vhost,
        "list_queues",
        "name",
        "messages",
        "consumers",
    ];
    let said = sight.docker.compose()?.ask_inside(sight.world, container, &words)?;
    let queues: Result<Vec<Queue>, _> = serde_json::from_slice(&said.stdout);
    let mut queues = queues.map_err(|_| anyhow!("rabbitmqctl answers with what is no list of queues"))?;
    for queue in &mut queues {
        queue.vhost = Some(vhost.to_owned());
    }
    Ok(queues)
}
