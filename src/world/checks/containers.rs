//! `containers`: what each container of the Compose project uses, and how often it was started again.

use super::row::{Row, Unit};
use super::services::nowhere;
use super::{Learnt, Seen, Sight};
use crate::config::check::Which;
use crate::config::units::Percent;
use crate::text;
use crate::world::docker::{Container, State, Usage};
use anyhow::Result;

/// So often Docker may have started a container again, unless something else is asked for.
const USUAL_RESTARTS: u32 = 3;

/// The rows of each container, and how often it had been started again by now.
pub(super) fn look(sight: &Sight<'_>, which: &Which) -> Result<Seen> {
    let all = sight.docker.containers()?;
    let names = which.names();
    let is_wanted = |container: &&Container| names.is_empty() || names.contains(&container.service);
    let wanted: Vec<&Container> = all.iter().filter(is_wanted).collect();
    let missing = names.iter().filter(|name| !all.iter().any(|container| container.service == **name));
    let mut rows: Vec<Row> =
        missing.map(|name| sight.row(name, Unit::Count).bad(&nowhere(sight, name))).collect();
    for container in &wanted {
        rows.push(restarts(sight, container));
        if container.state == State::Running {
            rows.extend(used(sight, container));
        }
    }
    if rows.is_empty() {
        rows.push(sight.row("", Unit::Count).bad("the project has no container"));
    }
    let restarts = wanted.iter().map(|container| (container.id.clone(), container.restarts)).collect();
    Ok(Seen { rows, learnt: Learnt { restarts, ..Learnt::default() } })
}

/// How often it was started again since the last check; the first time, since it was made.
#[expect(clippy::cast_precision_loss, reason = "nothing is started again so often")]
fn restarts(sight: &Sight<'_>, container: &Container) -> Row {
    let before = sight.last.and_then(|last| last.restarts.get(&container.id)).copied();
    let since = container.restarts.saturating_sub(before.unwrap_or(0));
    let most = sight.check.max_restarts.unwrap_or(USUAL_RESTARTS);
    let when = if before.is_some() { "since the last check" } else { "since it was made" };
    sight
        .row(&format!("{} restarts", container.name), Unit::Count)
        .value(since as f64)
        .most(f64::from(most))
        .detail(&format!("started again {when}"))
}

/// What it uses.
fn used(sight: &Sight<'_>, container: &Container) -> Vec<Row> {
    let row = |what: &str, unit| sight.row(&format!("{} {what}", container.name), unit);
    let usage = match sight.docker.usages() {
        Ok(usages) => usages.of(&container.id),
        Err(error) => return vec![row("cpu", Unit::Percent).unknown(&crate::error::one_line(&error))],
    };
    match usage {
        Some(usage) => measured(sight, &usage, row),
        // It has ended since it was listed.
        None => vec![row("cpu", Unit::Percent).unknown("docker stats does not tell what it uses")],
    }
}

#[expect(clippy::cast_precision_loss, reason = "hundredths are shown, and bytes of a network")]
fn measured(sight: &Sight<'_>, usage: &Usage, row: impl Fn(&str, Unit) -> Row) -> Vec<Row> {
    let check = sight.check;
    let (memory, limit) = (usage.memory_bytes, usage.memory_limit_bytes);
    let mut rows = vec![row("cpu", Unit::Percent).value(usage.cpu_percent).most(most_cpu(check.max_cpu))];
    if limit > 0 {
        let most = check.max_memory.map_or(90, Percent::count);
        let words = format!("{} of {}", text::size(memory), text::size(limit));
        let share = memory as f64 * 100.0 / limit as f64;
        rows.push(row("memory", Unit::Percent).value(share).most(f64::from(most)).detail(&words));
    }
    if let Some((received, sent)) = usage.network {
        let words = format!("network: {} received, {} sent", text::size(received), text::size(sent));
        rows[0] = rows[0].clone().detail(&words);
        rows.push(row("received", Unit::Bytes).value(received as f64));
        rows.push(row("sent", Unit::Bytes).value(sent as f64));
    }
    rows
}

/// 100% is one core.
fn most_cpu(asked: Option<Percent>) -> f64 {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let all = || u32::try_from(cores()).unwrap_or(u32::MAX).saturating_mul(90);
    f64::from(asked.map_or_else(all, Percent::count))
}
