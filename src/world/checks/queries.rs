//! `slow_queries`: queries that have been running for too long, as `pg_stat_activity` tells.

use super::Sight;
use super::row::{Excerpt, Row, Unit};
use crate::config::check::Pattern;
use crate::config::units::Length;
use crate::text;
use crate::world::database::{Activity, Database, Running};
use anyhow::{Context as _, Result, anyhow, bail};
use std::time::Duration;

/// A query that runs longer is slow, unless something else is asked for.
const USUAL: u64 = 30;
/// What a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Queries that are told in a line, and what is shown of each.
const MOST_TOLD: usize = 3;
const LONGEST: usize = 200;

/// How many are slow, and how long the slowest has been running.
pub(super) fn rows(sight: &Sight<'_>, name: &str) -> Result<Vec<Row>> {
    let age = sight.check.max_age.unwrap_or_else(|| Length::from_seconds(USUAL)).duration();
    let database = sight.world.database(Some(name))?.with_patience(PATIENCE);
    if !database.is_postgres() {
        bail!(
            "the database {name} is SQLite, which has no queries of others; `slow_queries` is for PostgreSQL"
        );
    }
    let service = sight.world.config.databases.get(name).and_then(|section| section.service.as_deref());
    let activity = match service {
        Some(service) => asked_inside(sight, &database, service, age)?,
        None => database.activity(sight.world, age)?,
    };
    Ok(vec![row(sight, activity, age)?])
}

fn asked_inside(sight: &Sight<'_>, database: &Database, service: &str, age: Duration) -> Result<Activity> {
    let container = sight.docker.running(service)?;
    let call = database.psql_of_activity(age).ok_or_else(|| anyhow!("it is not PostgreSQL"))?;
    let words: Vec<&str> = call.iter().map(String::as_str).collect();
    let said = sight.docker.compose()?.ask_inside(sight.world, container, &words)?;
    Database::activity_of(&said.stdout)
}

#[expect(clippy::cast_precision_loss, reason = "no server has so many sessions")]
fn row(sight: &Sight<'_>, activity: Activity, age: Duration) -> Result<Row> {
    let ignored = sight.check.ignore.iter().flatten().map(|pattern| Pattern::compile(pattern.text()));
    let ignored: Vec<_> = ignored.collect::<Result<_, _>>().context("`ignore` is wrong")?;
    let Activity { hidden, slow, queries } = activity;
    let known = queries.len() as u64;
    let counts = |query: &Running| !ignored.iter().any(|ignored| ignored.is_match(query.query.as_bytes()));
    let queries: Vec<Running> = queries.into_iter().filter(counts).collect();
    let slow = slow - known.min(slow) + queries.len() as u64;
    let most = f64::from(sight.check.max_queries.unwrap_or(0));
    let mut row = sight.row("", Unit::Count).value(slow as f64).most(most);
    row.excerpts = queries.iter().map(|query| Excerpt { count: 1, text: told(query) }).collect();
    let mut words: Vec<String> =
        row.excerpts.iter().take(MOST_TOLD).map(|excerpt| excerpt.text.clone()).collect();
    if words.is_empty() {
        words.push(format!("none runs for more than {}", text::duration(age)));
    }
    if hidden > 0 {
        let count = text::plural(usize::try_from(hidden).unwrap_or(usize::MAX), "session");
        words.push(format!("{count} of others cannot be seen; grant pg_monitor to this user"));
    }
    Ok(row.detail(&words.join("; ")))
}

/// "session 4711 of web (gunicorn) for 2 min: SELECT …"
fn told(query: &Running) -> String {
    let Running { pid, user, application, seconds, query } = query;
    let application = if application.is_empty() { String::new() } else { format!(" ({application})") };
    let time = text::duration(Duration::try_from_secs_f64(*seconds).unwrap_or_default());
    let words: Vec<&str> = query.split_whitespace().collect();
    let words = crate::logging::redacted(&words.join(" ")).into_owned();
    let told = format!("session {pid} of {user}{application} for {time}: {}", text::cut(&words, LONGEST));
    text::escape(&told).into_owned()
}
