//! What the history knows of the jobs, and what their latest checks measured.

use super::text::{Page, Sample, series, value_of};
use crate::engine::history::Run;
use crate::engine::report::Counts;
use crate::world::World;
use crate::world::sqlite;
use anyhow::Result;
use chrono::{DateTime, Duration, Utc};
use rusqlite::Connection;
use serde::Deserialize;
use std::collections::BTreeMap;

const SUCCESS: &str = "maint_job_last_success_timestamp_seconds";
/// The exit code of a run that was killed, or whose machine stopped.
const KILLED: f64 = -1.0;
/// Runs among which the latest look of each check is found: `--only` looks at some.
const RUNS_WITH_CHECKS: u32 = 100;

/// How the jobs fared, and what was measured.
pub(super) struct Fared {
    jobs: Vec<Job>,
    measurements: Vec<Measurement>,
}

/// The last run of a job that took place, and when it last succeeded.
struct Job {
    name: String,
    run: Run,
    counts: Counts,
    success: Option<DateTime<Utc>>,
}

/// What one check measured.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Measurement {
    check: String,
    name: String,
    unit: Option<String>,
    value: Option<f64>,
    limit: Option<f64>,
    state: String,
}

impl Fared {
    /// Looks at the history. A job that neither ran for long nor is configured any more is left out.
    pub(super) fn of(world: &World, connection: &Connection) -> Result<Fared> {
        let succeeded = successes(connection)?;
        let keep = Duration::from_std(world.config.state.keep_age.duration()).unwrap_or(Duration::MAX);
        let oldest = world.clock.now().checked_sub_signed(keep);
        let is_known = |run: &Run| {
            world.config.jobs.contains_key(&run.job) || oldest.is_none_or(|oldest| run.started >= oldest)
        };
        let sql = "SELECT * FROM runs WHERE id IN (
                       SELECT max(id) FROM runs WHERE status NOT IN ('skipped', 'running') GROUP BY job)
                   ORDER BY job";
        let runs = sqlite::rows(connection, sql, [], |row| {
            Ok((Run::from_row(row)?, counts(&row.get::<_, String>("report")?)))
        })?;
        let jobs = runs.into_iter().filter(|(run, _)| is_known(run)).map(|(run, counts)| {
            let success = succeeded.get(&run.job).copied();
            Job { name: run.job.clone(), run, counts, success }
        });
        let measurements =
            if world.config.checks.is_empty() { Vec::new() } else { latest(world, connection)? };
        Ok(Fared { jobs: jobs.collect(), measurements })
    }

    /// The page. What the history has forgotten of a job that has failed for long stands on the page `before`.
    pub(super) fn page(&self, site: &str, before: &str) -> String {
        let mut page = Page::default();
        let labels = |job| vec![("job_name", job), ("site", site)];
        let each = |value: fn(&Job) -> Option<f64>| {
            self.jobs.iter().filter_map(move |job| Some((labels(job.name.as_str()), value(job)?)))
        };
        page.gauges(
            "maint_job_last_run_timestamp_seconds",
            "Unix time the last run ended.",
            each(|job| Some(seconds(job.run.finished.unwrap_or(job.run.started)))),
        );
        let success = self.jobs.iter().filter_map(|job| {
            let labels = labels(job.name.as_str());
            let known = || value_of(before, &series(SUCCESS, &labels));
            Some((labels.clone(), job.success.map(seconds).or_else(known)?))
        });
        page.gauges(SUCCESS, "Unix time of the last successful run.", success);
        page.gauges(
            "maint_job_last_duration_seconds",
            "Duration of the last run.",
            each(|job| Some(job.run.took()?.as_secs_f64())),
        );
        #[expect(clippy::cast_precision_loss, reason = "exit codes are small")]
        page.gauges(
            "maint_job_last_exit_code",
            "Exit code of the last run.",
            each(|job| Some(job.run.exit_code.map_or(KILLED, |code| code as f64))),
        );
        let steps = self.jobs.iter().flat_map(|job| steps(job, site));
        page.gauges("maint_job_last_steps", "Steps of the last run, by what became of them.", steps);
        self.add_measurements(&mut page, site);
        page.into_text()
    }

    fn add_measurements(&self, page: &mut Page, site: &str) {
        let each = |value: fn(&Measurement) -> Option<f64>| {
            self.measurements.iter().filter_map(move |it| Some((it.labels(site), value(it)?)))
        };
        page.gauges("maint_check_value", "What the check measured last, in its unit.", each(|it| it.value));
        page.gauges(
            "maint_check_limit",
            "The threshold of the check, in the same unit.",
            each(|it| it.limit),
        );
        page.gauges(
            "maint_check_ok",
            "Whether what the check looked at is well (1) or not (0).",
            each(|it| Some(f64::from(u8::from(it.state == "ok")))),
        );
    }
}

impl Measurement {
    fn labels<'a>(&'a self, site: &'a str) -> Vec<(&'a str, &'a str)> {
        let unit = self.unit.as_deref().unwrap_or_default();
        vec![("check", &self.check), ("name", &self.name), ("site", site), ("unit", unit)]
    }
}

fn steps<'a>(job: &'a Job, site: &'a str) -> impl Iterator<Item = Sample<'a>> {
    let Counts { done, skipped, failed, .. } = job.counts;
    let outcomes = [("done", done), ("skipped", skipped), ("failed", failed)];
    #[expect(clippy::cast_precision_loss, reason = "no plan has so many steps")]
    outcomes.into_iter().map(move |(outcome, count)| {
        (vec![("job_name", job.name.as_str()), ("outcome", outcome), ("site", site)], count as f64)
    })
}

#[expect(clippy::cast_precision_loss, reason = "seconds of our time")]
fn seconds(time: DateTime<Utc>) -> f64 {
    time.timestamp() as f64
}

/// The end of the last successful run of each job; one that found something has done its work.
fn successes(connection: &Connection) -> Result<BTreeMap<String, DateTime<Utc>>> {
    let sql = "SELECT job, finished FROM runs WHERE id IN (
                   SELECT max(id) FROM runs WHERE status IN ('done', 'found') GROUP BY job)";
    let rows = sqlite::rows(connection, sql, [], |row| Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?)))?;
    let time = |(job, at): (String, Option<i64>)| Some((job, DateTime::from_timestamp_millis(at?)?));
    Ok(rows.into_iter().filter_map(time).collect())
}

fn counts(report: &str) -> Counts {
    #[derive(Deserialize)]
    struct Counted {
        counts: Counts,
    }
    serde_json::from_str(report).map_or_else(|_| Counts::default(), |counted: Counted| counted.counts)
}

/// What the latest run that looked at a check measured, for each check that is still configured.
fn latest(world: &World, connection: &Connection) -> Result<Vec<Measurement>> {
    let sql =
        "SELECT report FROM runs WHERE status IN ('done', 'found', 'failed') AND report LIKE '%\"checks\":%'
               ORDER BY id DESC LIMIT ?1";
    let reports = sqlite::rows(connection, sql, [RUNS_WITH_CHECKS], |row| row.get::<_, String>(0))?;
    let mut known: BTreeMap<String, Vec<Measurement>> = BTreeMap::new();
    for report in reports {
        let mut looked: BTreeMap<String, Vec<Measurement>> = BTreeMap::new();
        for measurement in measured(&report) {
            looked.entry(measurement.check.clone()).or_default().push(measurement);
        }
        looked.retain(|check, _| world.config.checks.contains_key(check));
        looked.append(&mut known);
        known = looked;
    }
    // The same series twice would cost the whole file.
    let mut seen = std::collections::BTreeSet::new();
    let is_new = |it: &Measurement| seen.insert((it.check.clone(), it.name.clone(), it.unit.clone()));
    Ok(known.into_values().flatten().filter(is_new).collect())
}

fn measured(report: &str) -> Vec<Measurement> {
    #[derive(Deserialize)]
    struct Found {
        overview: Option<Overview>,
    }
    #[derive(Deserialize)]
    struct Overview {
        #[serde(default)]
        checks: Vec<Measurement>,
    }
    let found = serde_json::from_str::<Found>(report).ok().and_then(|found| found.overview);
    found.map(|overview| overview.checks).unwrap_or_default()
}
