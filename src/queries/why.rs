//! `maint why JOB [AT]`: did it run then, and if not, why not.

use super::find_job;
use crate::cron::schedule::Schedule;
use crate::cron::table::Table;
use crate::engine::history::{self, Run};
use crate::engine::installed;
use crate::engine::{Query, due, pause};
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::clock::{parse_day, show_firing};
use crate::world::daemon;
use anyhow::Result;
use chrono::{DateTime, Duration, DurationRound as _, Utc};
use chrono_tz::Tz;
use clap::Args;
use serde::Serialize;
use std::fmt;

/// Tells why a job did, or did not, run at a given time
#[derive(Args, Clone, Debug)]
pub struct Why {
    /// The job's name or a prefix of its hash
    pub job: String,
    /// When: a time of today (02:00), a day (2026-11-20), a time (2026-11-20T02:00) or a length ago (3h)
    /// [default: when it should have run last]
    pub at: Option<String>,
}

/// What can be said of a job at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    Ran,
    Skipped,
    DidNotRun,
    NotYet,
    NotScheduled,
    Unknown,
}

/// The answer, and what it rests on.
#[derive(Debug, Serialize)]
pub struct Answer {
    job: String,
    schedule: Option<String>,
    at: Option<DateTime<Tz>>,
    verdict: Verdict,
    summary: String,
    /// The fields of the schedule that do not match the time.
    mismatch: Vec<&'static str>,
    before: Option<DateTime<Tz>>,
    after: Option<DateTime<Tz>>,
    reasons: Vec<String>,
    run: Option<Run>,
    log: Option<String>,
    #[serde(skip)]
    started: String,
}

impl Query for Why {
    type Answer = Answer;

    fn ask(&self, world: &World) -> Result<Answer> {
        let (name, entry) = find_job(world, &self.job)?;
        let runs = history::runs(world, Some(name), u32::MAX)?;
        let question = Question { world, name, runs };
        let at = self.at.as_deref().map(|text| read(world, text)).transpose()?;
        let Some(schedule) = &entry.schedule else { return Ok(question.without_schedule(at)) };
        match at {
            None if schedule.is_at_boot() => Ok(question.at_boot()),
            Some(_) if schedule.is_at_boot() => {
                Err(Problem::usage(format!("{name} runs when the machine starts; ask for it without a time")))
            }
            None => {
                // What `status` calls overdue is what somebody wonders about.
                let overdue = due::overdue(world)?.get(name).map(|overdue| overdue.since);
                let now = world.firing_now();
                let latest = || schedule.latest_until(&now).unwrap_or(now);
                Ok(question.at_time(schedule, overdue.unwrap_or_else(latest)))
            }
            Some(at) => {
                let first = self.at.as_deref().and_then(|text| run_of_day(&at, schedule, text));
                Ok(question.at_time(schedule, first.unwrap_or(at)))
            }
        }
    }
}

/// A time as it was typed, to the minute.
fn read(world: &World, text: &str) -> Result<DateTime<Tz>> {
    let time = world.clock.parse_firing(text).and_then(|time| time.duration_trunc(Duration::minutes(1)).ok());
    time.ok_or_else(|| {
        let text = text::escape(text);
        Problem::usage(format!(
            "`{text}`: write a time of today (02:00), a day (2026-11-20), a time (2026-11-20T02:00) or a length ago (3h)"
        ))
    })
}

/// The first run of a day, when it was a day that was typed; `midnight` is its beginning.
fn run_of_day(midnight: &DateTime<Tz>, schedule: &Schedule, text: &str) -> Option<DateTime<Tz>> {
    let day = parse_day(text)?;
    schedule.next_after(&(*midnight - Duration::minutes(1))).filter(|first| first.date_naive() == day)
}

/// A job, and what is remembered of it.
struct Question<'a> {
    world: &'a World,
    name: &'a str,
    /// Newest first.
    runs: Vec<Run>,
}

impl Question<'_> {
    /// A job that cron does not start.
    fn without_schedule(&self, at: Option<DateTime<Tz>>) -> Answer {
        let run = match &at {
            Some(at) => self.first_run(at, Some(*at + Duration::minutes(1))),
            None => self.runs.first(),
        };
        let answer = format!("{} has no schedule: it runs by name only", self.name);
        Answer { at, ..self.answer(Verdict::NotScheduled, answer, run) }
    }

    /// A job that cron starts when it is started itself.
    fn at_boot(&self) -> Answer {
        let at = daemon::booted().map(|time| time.with_timezone(&self.world.clock.machine_zone()));
        let answer = match &at {
            Some(at) => self.about(at, "the start of the machine", None),
            None => {
                self.answer(Verdict::Unknown, "nothing tells when the machine was started".to_owned(), None)
            }
        };
        Answer { at, schedule: Some("@reboot".to_owned()), ..answer }
    }

    /// A job with times, at one of them or at another.
    fn at_time(&self, schedule: &Schedule, at: DateTime<Tz>) -> Answer {
        let fires = schedule.latest_until(&at) == Some(at);
        let before = schedule.latest_until(&if fires { at - Duration::minutes(1) } else { at });
        let after = schedule.next_after(&at);
        let answer =
            if fires { self.about(&at, "its time", after) } else { self.off_schedule(&at, schedule) };
        Answer { schedule: Some(schedule.text().to_owned()), at: Some(at), before, after, ..answer }
    }

    /// No run was to be at this time; somebody may have started one.
    fn off_schedule(&self, at: &DateTime<Tz>, schedule: &Schedule) -> Answer {
        let mismatch = schedule.mismatch(at.naive_local());
        let why = match mismatch[..] {
            [] => "the clock was changed then".to_owned(),
            [one] => format!("its {one} is another"),
            _ => format!("its {} are others", mismatch.join(", ")),
        };
        let (name, time) = (self.name, show_firing(at));
        let run = self.first_run(at, Some(*at + Duration::minutes(1)));
        let told = if run.is_some() { "; somebody ran it then" } else { "" };
        let answer = format!("{name} was not to run at {time}: its schedule is `{schedule}`, {why}{told}");
        Answer { mismatch, ..self.answer(Verdict::NotScheduled, answer, run) }
    }

    /// What became of the run that was to begin at `at`, and before `end`; `what` names that time.
    fn about(&self, at: &DateTime<Tz>, what: &str, end: Option<DateTime<Tz>>) -> Answer {
        let (name, time) = (self.name, show_firing(at));
        let now = self.world.clock.machine_now();
        if let Some(run) = self.first_run(at, end) {
            let late = run.started - at.to_utc();
            let when = if late > due::GRACE {
                let late = text::duration(late.to_std().unwrap_or_default());
                format!("{late} after {what}, {time}")
            } else {
                format!("at {what}, {time}")
            };
            let (verdict, answer) = match run.status.as_str() {
                "skipped" => (Verdict::Skipped, format!("{name} was skipped {when}")),
                _ => (Verdict::Ran, format!("{name} ran {when}: {}", run.result())),
            };
            return self.answer(verdict, answer, Some(run));
        }
        if *at > now {
            let wait = text::duration((*at - now).to_std().unwrap_or_default());
            let answer = format!("{name} is not due yet: {what}, {time}, comes in {wait}");
            return self.answer(Verdict::NotYet, answer, None);
        }
        let forgotten = self.forgotten(at);
        let (verdict, answer) = match &forgotten {
            Some(_) => (Verdict::Unknown, format!("nobody remembers whether {name} ran at {what}, {time}")),
            None => (Verdict::DidNotRun, format!("{name} did not run at {what}, {time}")),
        };
        let reasons = forgotten.map_or_else(|| self.reasons(at), |forgotten| vec![forgotten]);
        Answer { reasons, ..self.answer(verdict, answer, None) }
    }

    /// The first run that began at `from` or later, and before `end`.
    fn first_run(&self, from: &DateTime<Tz>, end: Option<DateTime<Tz>>) -> Option<&Run> {
        let is_in_time = |run: &&Run| run.started >= *from && end.is_none_or(|end| run.started < end);
        self.runs.iter().filter(is_in_time).min_by_key(|run| run.started)
    }

    /// Set when a run at this time would have been forgotten since.
    fn forgotten(&self, at: &DateTime<Tz>) -> Option<String> {
        let section = &self.world.config.state;
        let age = (self.world.clock.now() - at.to_utc()).to_std().unwrap_or_default();
        if age > section.keep_age.duration() {
            return Some(format!("runs older than {} are forgotten (keep_age in [state])", section.keep_age));
        }
        let is_full = self.runs.len() >= section.keep_runs as usize;
        let oldest = self.runs.iter().map(|run| run.started).min().filter(|_| is_full)?;
        let oldest = (oldest > *at).then(|| self.world.clock.show(oldest))?;
        Some(format!("the oldest run that is kept began at {oldest} (keep_runs in [state])"))
    }

    /// All that can be known to have kept the run away.
    fn reasons(&self, at: &DateTime<Tz>) -> Vec<String> {
        let at = at.to_utc();
        let mut reasons: Vec<String> =
            [self.too_early(at), self.paused(at), self.machine(at), self.not_installed(at), self.no_line()]
                .into_iter()
                .flatten()
                .collect();
        if reasons.is_empty() {
            reasons.push(
                "nothing that can still be seen kept it away; look for its line in the crontab and at cron's own \
                 log and mail: when maint or its maint.toml cannot be read, no run is remembered"
                    .to_owned(),
            );
        }
        reasons
    }

    fn too_early(&self, at: DateTime<Utc>) -> Option<String> {
        let age = self.world.clock.now() - at;
        let shown = text::duration(age.to_std().ok()?);
        let has_gone_on = self.runs.iter().any(|run| run.started >= at);
        (age <= due::GRACE && !has_gone_on).then(|| format!("that was only {shown} ago: it may still begin"))
    }

    fn paused(&self, at: DateTime<Utc>) -> Option<String> {
        let pause = pause::latest(self.world, self.name)?;
        let was_paused = pause.since <= at && pause.until.is_none_or(|until| at < until);
        was_paused.then(|| format!("it was {}", pause.describe(&self.world.clock)))
    }

    /// The machine or its cron daemon was not there.
    fn machine(&self, at: DateTime<Utc>) -> Option<String> {
        let show = |time| self.world.clock.show(time);
        if let Some(booted) = daemon::booted().filter(|booted| *booted > at) {
            return Some(format!("the machine was started only at {}: it may have been off", show(booted)));
        }
        let Some(daemon) = daemon::cron() else {
            return daemon::sees_everybody().then(|| "no cron daemon is running".to_owned());
        };
        let started = daemon.started.filter(|started| *started > at)?;
        Some(format!("{} (pid {}) was started only at {}", daemon.name, daemon.pid, show(started)))
    }

    /// No line of the crontab could have started it. An earlier run shows that there was one.
    fn not_installed(&self, at: DateTime<Utc>) -> Option<String> {
        if self.runs.iter().any(|run| run.started < at) {
            return None;
        }
        match installed::since(self.world).ok()?.get(self.name).copied() {
            Some(installed) if installed > at => Some(format!(
                "its line in the crontab was written only at {}",
                self.world.clock.show(installed)
            )),
            Some(_) => None,
            None => Some(
                "it never ran before, and as far as maint installed the crontab, it has no line there"
                    .to_owned(),
            ),
        }
    }

    /// Without a line in the crontab nothing starts it, unless another scheduler does.
    fn no_line(&self) -> Option<String> {
        let listing = self.world.crontab().and_then(|crontab| crontab.list()).ok()?;
        let site = self.world.config.site_name();
        let has_line = Table::parse(&listing, site).own().any(|own| own.job == self.name);
        (!has_line).then(|| "it has no line in the crontab now; `maint crontab add` installs one".to_owned())
    }

    fn answer(&self, verdict: Verdict, summary: String, run: Option<&Run>) -> Answer {
        let log = run.map(|run| self.world.state.log(self.name, &run.run));
        let log = log.filter(|log| self.world.files.exists(log));
        Answer {
            job: self.name.to_owned(),
            schedule: None,
            at: None,
            verdict,
            summary,
            mismatch: Vec::new(),
            before: None,
            after: None,
            reasons: Vec::new(),
            log: log.map(|log| text::path(&log).into_owned()),
            started: run.map(|run| self.world.clock.show(run.started)).unwrap_or_default(),
            run: run.cloned(),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.summary)?;
        for reason in &self.reasons {
            writeln!(f, "  {reason}")?;
        }
        if let Some(run) = &self.run {
            let took = run.took().map(|took| format!(", took {}", text::duration(took))).unwrap_or_default();
            writeln!(f, "  run {}, started {}{took}", run.run, self.started)?;
            writeln!(f, "  {}", text::escape(&run.summary))?;
        }
        if let Some(log) = &self.log {
            writeln!(f, "  log: {log}")?;
        }
        if self.verdict == Verdict::NotScheduled {
            let times = [("before", &self.before), ("after", &self.after)];
            let times = times.into_iter().filter_map(|(word, time)| Some((word, time.as_ref()?)));
            for (word, time) in times {
                writeln!(f, "  its run {word} that: {}", show_firing(time))?;
            }
        }
        Ok(())
    }
}
