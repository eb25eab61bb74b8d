//! Where plans and runs begin: `maint` itself is started once more, as whoever types it would.

use super::Shared;
use super::answer::Refusal;
use super::gate::Caller;
use super::site;
use crate::cli;
use crate::error::one_line;
use crate::exit::Exit;
use crate::world::itself;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};
use tokio::time::timeout;

/// Plans and runs that go on at once.
const MOST_AT_ONCE: usize = 16;
/// How long a plan may take to be made.
const PLAN: Duration = Duration::from_secs(300);
/// Bytes of a report: a thousand steps take less.
const LARGEST_REPORT: u64 = 8 << 20;
/// The longest line that announces a run.
const LONGEST_LINE: u64 = 4_096;

/// Of many who ask for a vacuum at once one gets it, however soon it is over: the next one begins so much later.
const VACUUM: &str = "vacuum-db";
const REST: Duration = Duration::from_secs(1);

/// What the server itself has begun.
#[derive(Debug)]
pub(super) struct Door {
    places: Semaphore,
    /// By what is run: who has asked for it, and its run as soon as that is known.
    in_flight: Mutex<BTreeMap<String, Flight>>,
}

#[derive(Debug, Clone)]
struct Flight {
    by: String,
    run: Option<String>,
}

impl Default for Door {
    fn default() -> Door {
        Door { places: Semaphore::new(MOST_AT_ONCE), in_flight: Mutex::default() }
    }
}

/// What became of a wish to run something.
#[derive(Debug)]
pub(super) enum Begun {
    /// It runs.
    Run(Started),
    /// It was over before a run began: it only looked.
    Over(Value),
}

/// A run that goes on.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) run: String,
    pub(super) job: String,
    ended: oneshot::Receiver<Ended>,
}

/// A run that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) exit: i32,
    pub(super) report: Value,
}

impl Started {
    /// Waits for the end of the run.
    pub(super) async fn finished(self) -> Result<Ended, Refusal> {
        self.ended.await.map_err(|_| broken_off())
    }
}

/// What a run says as soon as it has begun.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Announcement {
    run: String,
    job: String,
}

/// What these words would do: the report of a dry run. It ends with whoever asked.
pub(super) async fn plan(server: &Shared, caller: &Caller, words: &[String]) -> Result<Value, Refusal> {
    judge(words)?;
    let _place = place(server)?;
    let mut child = start(server, caller, &["--announce", "--dry-run"], words).await?;
    let planned = timeout(PLAN, async {
        let report = report_of(child.stdout.take(), Vec::new()).await;
        (exit_of(&mut child).await, report)
    });
    let Ok((exit, report)) = planned.await else {
        let why = format!("the plan was not made within {} seconds", PLAN.as_secs());
        return Err(Refusal::new(StatusCode::GATEWAY_TIMEOUT, why));
    };
    // A check that finds something has made its plan.
    if report.get("steps").is_some() { Ok(report) } else { Err(refusal(exit, &report)) }
}

/// Runs what these words say. `what` is what may go on only once at a time.
pub(super) async fn run(
    server: &Shared,
    caller: &Caller,
    what: &str,
    words: &[String],
) -> Result<Begun, Refusal> {
    judge(words)?;
    let claim = Claim::on(server, what, words, caller)?;
    let child = start(server, caller, &["--announce", "--yes"], words).await?;
    let (announce, announced) = oneshot::channel();
    let (end, ended) = oneshot::channel();
    // The run goes on when whoever asked for it has gone.
    tokio::spawn(follow(child, claim, announce, end));
    if let Ok(Announcement { run, job }) = announced.await {
        return Ok(Begun::Run(Started { run, job, ended }));
    }
    let Ended { exit, report } = ended.await.map_err(|_| broken_off())?;
    if report.get("steps").is_some() { Ok(Begun::Over(report)) } else { Err(refusal(exit, &report)) }
}

/// True for what ends other things: it must not wait for them.
fn is_urgent(words: &[String]) -> bool {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    words.starts_with(&["queue", "stop"]) || words.starts_with(&["cancel"])
}

/// The right to run something that goes on only once at a time; given back when the run has ended.
struct Claim {
    server: Shared,
    what: String,
}

impl Claim {
    fn on(server: &Shared, what: &str, words: &[String], caller: &Caller) -> Result<Claim, Refusal> {
        let mut in_flight = in_flight(server);
        if let Some(Flight { by, run }) = in_flight.get(what) {
            let run = run.as_ref().map(|run| format!(", run {run}")).unwrap_or_default();
            let why = format!("{what} is running (asked for by {by}{run}); try again when it has ended");
            return Err(Refusal::new(StatusCode::CONFLICT, why));
        }
        if in_flight.len() >= MOST_AT_ONCE && !is_urgent(words) {
            return Err(too_many());
        }
        in_flight.insert(what.to_owned(), Flight { by: caller.name.clone(), run: None });
        drop(in_flight);
        Ok(Claim { server: Arc::clone(server), what: what.to_owned() })
    }

    fn has_begun(&self, run: &str) {
        if let Some(flight) = in_flight(&self.server).get_mut(&self.what) {
            flight.run = Some(run.to_owned());
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        in_flight(&self.server).remove(&self.what);
    }
}

fn in_flight(server: &Shared) -> MutexGuard<'_, BTreeMap<String, Flight>> {
    server.door.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
}

fn place(server: &Shared) -> Result<SemaphorePermit<'_>, Refusal> {
    server.door.places.try_acquire().map_err(|_| too_many())
}

fn too_many() -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "too much is being planned or run at once; try again later")
}

fn broken_off() -> Refusal {
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the run was broken off; the history tells more")
}

/// Words that the command line refuses are refused before anything is started.
fn judge(words: &[String]) -> Result<(), Refusal> {
    cli::judge(words).map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, one_line(&error)))
}

async fn start(
    server: &Shared,
    caller: &Caller,
    options: &[&str],
    words: &[String],
) -> Result<Child, Refusal> {
    let world = site::world(server).await;
    let all: Vec<&str> = options.iter().copied().chain(words.iter().map(String::as_str)).collect();
    let started = itself::again(&world, &caller.name, &all).and_then(|command| {
        // A plan that nobody waits for any more is not made; a run is never dropped.
        Ok(Command::from(command).kill_on_drop(options.contains(&"--dry-run")).spawn()?)
    });
    started.map_err(|error| {
        let why = format!("maint cannot be started: {}", one_line(&error));
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why)
    })
}

/// Reads what a run says until it has ended.
async fn follow(
    mut child: Child,
    claim: Claim,
    announce: oneshot::Sender<Announcement>,
    end: oneshot::Sender<Ended>,
) {
    let mut stdout = child.stdout.take().map(BufReader::new);
    let mut line = Vec::new();
    if let Some(stdout) = &mut stdout {
        let _ = stdout.take(LONGEST_LINE).read_until(b'\n', &mut line).await;
    }
    if let Ok(announcement) = serde_json::from_slice::<Announcement>(&line) {
        claim.has_begun(&announcement.run);
        let _ = announce.send(announcement);
        line.clear();
    } else {
        drop(announce);
    }
    let report = report_of(stdout, line).await;
    let exit = exit_of(&mut child).await;
    // Before anybody hears of the end: whoever does may look at once, or begin the next one.
    claim.server.looks.forget();
    let resting = Some(claim).filter(|claim| claim.what == VACUUM);
    let _ = end.send(Ended { exit, report });
    if resting.is_some() {
        tokio::time::sleep(REST).await;
    }
}

/// The report behind what has been read already; nothing when it is none, or far too large.
async fn report_of(stdout: Option<impl tokio::io::AsyncRead + Unpin>, begun: Vec<u8>) -> Value {
    let mut text = begun;
    if let Some(mut stdout) = stdout {
        let _ = (&mut stdout).take(LARGEST_REPORT).read_to_end(&mut text).await;
        // Whoever writes to a pipe that nobody reads would wait for ever.
        let _ = tokio::io::copy(&mut stdout, &mut tokio::io::sink()).await;
    }
    serde_json::from_slice(&text).unwrap_or_default()
}

async fn exit_of(child: &mut Child) -> i32 {
    child.wait().await.ok().and_then(|status| status.code()).unwrap_or(-1)
}

/// Why nothing was run, as the exit code says.
fn refusal(exit: i32, document: &Value) -> Refusal {
    let is = |code: Exit| i32::from(code.code()) == exit;
    let status = match document.get("status").and_then(Value::as_str) {
        Some("skipped") => StatusCode::CONFLICT,
        _ if document["of_site"] == true => StatusCode::SERVICE_UNAVAILABLE,
        _ if is(Exit::Usage) => StatusCode::BAD_REQUEST,
        _ if is(Exit::Refused) => StatusCode::CONFLICT,
        Some(_) => StatusCode::SERVICE_UNAVAILABLE,
        None => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let why = document.get("error").and_then(Value::as_str);
    Refusal::new(status, why.unwrap_or("maint ended without a word; its own messages tell more"))
}
