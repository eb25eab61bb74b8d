//! The alerts in the state database: what was raised, who has it, and who waits for it.

use super::alert::{Alert, Kind};
use super::latch::Latch;
use crate::config::alerts::{Event, Receiver};
use crate::engine::apply::Permit;
use crate::engine::due::Overdue;
use crate::engine::history::{History, Run};
use crate::engine::plan::Finding;
use crate::logging;
use crate::world::World;
use anyhow::Result;
use chrono::{DateTime, Duration, Utc};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Alerts that one run sends to each receiver; what is left waits for the next run.
const MOST: u32 = 20;

/// Raises the alerts that the runs call for which have ended and were not weighed yet, whatever job they are of, and
/// those for jobs that should have run.
pub(super) fn weigh(
    world: &World,
    history: &History<'_>,
    overdue: &BTreeMap<String, Overdue>,
    _permit: &Permit,
) -> Result<()> {
    let wanted = &world.config.alerts.on;
    // Two jobs that end at the same time must not both raise an alert.
    let ledger = Transaction::new_unchecked(history.connection(), TransactionBehavior::Immediate)?;
    for Ended { id, run, findings } in ended(&ledger)? {
        ledger.execute("UPDATE runs SET weighed = 1 WHERE id = ?1", [id])?;
        let of_run = weigh_run(world, &ledger, &run)?;
        let of_findings = findings.iter().map(|finding| weigh_finding(world, &ledger, &run, finding));
        let of_findings = of_findings.collect::<Result<Vec<_>>>()?;
        for (event, alert) in of_run.into_iter().chain(of_findings.into_iter().flatten()) {
            if wanted.contains(&event) {
                add(&ledger, &alert)?;
            }
        }
    }
    for (job, overdue) in overdue {
        let since = overdue.since.timestamp_millis();
        if told_overdue(&ledger, job)? != Some(since) {
            let sql = "INSERT INTO alert_states (job, overdue) VALUES (?1, ?2)
                       ON CONFLICT (job) DO UPDATE SET overdue = ?2";
            ledger.execute(sql, params![job, since])?;
            add(&ledger, &Alert::of_overdue(world, job, overdue))?;
        }
    }
    Ok(ledger.commit()?)
}

/// A run that has ended, and what it found.
struct Ended {
    id: i64,
    run: Run,
    findings: Vec<Finding>,
}

/// The runs that have ended, oldest first.
fn ended(ledger: &Connection) -> Result<Vec<Ended>> {
    let mut statement = ledger.prepare("SELECT * FROM runs WHERE weighed = 0 ORDER BY id")?;
    let runs = statement.query_map([], |row| {
        let findings = findings(&row.get::<_, String>("report")?);
        Ok(Ended { id: row.get("id")?, run: Run::from_row(row)?, findings })
    })?;
    let mut runs = runs.collect::<rusqlite::Result<Vec<Ended>>>()?;
    runs.retain(|ended| !ended.run.is_running());
    Ok(runs)
}

/// The findings in the report of a run; one without any tells nothing of them.
fn findings(report: &str) -> Vec<Finding> {
    #[derive(Deserialize)]
    struct Found {
        #[serde(default)]
        findings: Vec<Finding>,
    }
    serde_json::from_str(report).map_or_else(|_| Vec::new(), |found: Found| found.findings)
}

/// What a run means for its job. Skipped and interrupted ones tell nothing of it; one that found something has done its work.
fn weigh_run(world: &World, ledger: &Connection, run: &Run) -> Result<Option<(Event, Alert)>> {
    let is_well = match run.status.as_str() {
        _ if run.is_failure() => false,
        "done" | "found" => true,
        _ => return Ok(None),
    };
    let turn = turn(world, ledger, run, &run.job, is_well)?;
    Ok(turn.map(|(event, kind, Latch { since, failures, .. })| {
        (event, Alert::of_run(world, kind, run, since, failures))
    }))
}

/// What a run means for one thing that it looked at. One that was cut off may have cut off its looks.
fn weigh_finding(
    world: &World,
    ledger: &Connection,
    run: &Run,
    finding: &Finding,
) -> Result<Option<(Event, Alert)>> {
    if !matches!(run.status.as_str(), "done" | "found" | "failed") {
        return Ok(None);
    }
    // No job has a name with a slash in it.
    let subject = format!("{}/{}", run.job, finding.name);
    let turn = turn(world, ledger, run, &subject, finding.is_well)?;
    Ok(turn.map(|(event, kind, Latch { since, failures, .. })| {
        (event, Alert::of_finding(world, kind, run, finding, since, failures))
    }))
}

/// Moves the latch of a job, or of something that it looks at. What is to be told, and the series of failures it is about.
fn turn(
    world: &World,
    ledger: &Connection,
    run: &Run,
    subject: &str,
    is_well: bool,
) -> Result<Option<(Event, Kind, Latch)>> {
    let section = &world.config.alerts;
    let period = Duration::from_std(section.period.duration()).unwrap_or(Duration::MAX);
    let mut latch = latch(ledger, subject)?;
    let told = if is_well {
        latch.succeed().map(|before| (Event::Recovery, Kind::Recovery, before))
    } else {
        let is_told = latch.fail(run.started, world.clock.now(), (section.tolerate, period));
        is_told.then_some((Event::Failure, Kind::Failure, latch))
    };
    let Latch { failures, since, is_told, told: at } = latch;
    ledger.execute(
        "INSERT INTO alert_states (job, failures, since, is_told, told) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (job) DO UPDATE SET failures = ?2, since = ?3, is_told = ?4, told = ?5",
        params![subject, failures, milliseconds(since), is_told, milliseconds(at)],
    )?;
    Ok(told)
}

fn milliseconds(time: Option<DateTime<Utc>>) -> Option<i64> {
    time.map(|time| time.timestamp_millis())
}

fn latch(ledger: &Connection, job: &str) -> Result<Latch> {
    let sql = "SELECT failures, since, is_told, told FROM alert_states WHERE job = ?1";
    let time = |at: Option<i64>| at.and_then(DateTime::from_timestamp_millis);
    let latch = ledger.query_row(sql, [job], |row| {
        Ok(Latch {
            failures: row.get(0)?,
            since: time(row.get(1)?),
            is_told: row.get(2)?,
            told: time(row.get(3)?),
        })
    });
    Ok(latch.optional()?.unwrap_or_default())
}

/// The time of the first missed run that was told of, as it is kept.
fn told_overdue(ledger: &Connection, job: &str) -> Result<Option<i64>> {
    let sql = "SELECT overdue FROM alert_states WHERE job = ?1";
    Ok(ledger.query_row(sql, [job], |row| row.get(0)).optional()?.flatten())
}

fn add(ledger: &Connection, alert: &Alert) -> Result<()> {
    let facts = serde_json::to_string(&alert.redacted())?;
    ledger.execute(
        "INSERT INTO alerts (job, kind, run, created, text, facts) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            alert.job,
            alert.kind.word(),
            alert.run,
            alert.at.timestamp_millis(),
            logging::redacted(&alert.summary),
            facts
        ],
    )?;
    Ok(())
}

/// What a receiver has not got yet, oldest first. What cannot be read (a newer maint wrote it) is left out: it is given
/// up when it is too old.
pub(super) fn waiting(history: &History<'_>, receiver: Receiver) -> Result<Vec<(i64, Alert)>> {
    let mut statement = history.connection().prepare(
        "SELECT id, facts FROM alerts WHERE sent IS NULL AND given_up IS NULL AND NOT EXISTS (
             SELECT 1 FROM deliveries WHERE alert = alerts.id AND receiver = ?1)
         ORDER BY id LIMIT ?2",
    )?;
    let rows = statement.query_map(params![receiver.name(), MOST], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let rows = rows.collect::<rusqlite::Result<Vec<(i64, String)>>>()?;
    Ok(rows.into_iter().filter_map(|(id, facts)| Some((id, serde_json::from_str(&facts).ok()?))).collect())
}

/// A receiver has got an alert.
pub(super) fn note(
    history: &History<'_>,
    id: i64,
    receiver: Receiver,
    now: DateTime<Utc>,
    _permit: &Permit,
) -> Result<()> {
    let sql = "INSERT OR IGNORE INTO deliveries (alert, receiver, sent) VALUES (?1, ?2, ?3)";
    history.connection().execute(sql, params![id, receiver.name(), now.timestamp_millis()])?;
    Ok(())
}

/// Closes the alerts that all these receivers have.
pub(super) fn close(
    history: &History<'_>,
    receivers: &[Receiver],
    now: DateTime<Utc>,
    _permit: &Permit,
) -> Result<()> {
    history.connection().execute(
        "UPDATE alerts SET sent = ?1 WHERE sent IS NULL AND given_up IS NULL AND ?3 = (
             SELECT count(*) FROM deliveries
             WHERE alert = alerts.id AND receiver IN (SELECT value FROM json_each(?2)))",
        params![now.timestamp_millis(), serde_json::to_string(receivers)?, receivers.len()],
    )?;
    Ok(())
}

/// Gives up the alerts that were raised before `limit`, and returns their texts. Those of long ago are forgotten.
pub(super) fn give_up(
    world: &World,
    history: &History<'_>,
    limit: DateTime<Utc>,
    _permit: &Permit,
) -> Result<Vec<String>> {
    let connection = history.connection();
    let now = world.clock.now();
    let keep = Duration::from_std(world.config.state.keep_age.duration()).unwrap_or(Duration::MAX);
    if let Some(oldest) = now.checked_sub_signed(keep) {
        let sql = "DELETE FROM alerts WHERE created < ?1 AND (sent IS NOT NULL OR given_up IS NOT NULL)";
        if connection.execute(sql, [oldest.timestamp_millis()])? > 0 {
            connection.execute("DELETE FROM deliveries WHERE alert NOT IN (SELECT id FROM alerts)", [])?;
        }
    }
    let mut statement = connection.prepare(
        "UPDATE alerts SET given_up = ?1 WHERE created < ?2 AND sent IS NULL AND given_up IS NULL RETURNING text",
    )?;
    let times = [now.timestamp_millis(), limit.timestamp_millis()];
    let texts = statement.query_map(times, |row| row.get(0))?;
    Ok(texts.collect::<rusqlite::Result<Vec<String>>>()?)
}
