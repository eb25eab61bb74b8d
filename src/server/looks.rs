//! Queries: asked once for all who ask meanwhile, and remembered for a moment.

use super::Shared;
use super::answer::Refusal;
use crate::engine::Query;
use crate::error::{exit_of, is_of_site, one_line};
use crate::exit::Exit;
use crate::world::World;
use anyhow::{Context as _, Result};
use axum::http::StatusCode;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// Looks at the same time; each may take seconds.
pub(super) const AT_ONCE: usize = 6;
/// A look is given up after this time…
const LIMIT: Duration = Duration::from_secs(30);
/// …and whoever waits for it a little later, since some programs end only when they are killed.
const LONGEST_WAIT: Duration = Duration::from_secs(35);
/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// An answer is told again for as long as it took to find, but no shorter or longer than this.
const REMEMBERED: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));
/// Answers that are remembered.
const MOST: usize = 64;

/// An answer as it is sent.
pub(super) type Answer = Result<Bytes, Refusal>;

/// An answer, and until when it is told; locked while it is being looked for.
type Seen = Arc<tokio::sync::Mutex<Option<(Instant, Answer)>>>;

/// What has been looked at of late.
#[derive(Debug)]
pub(super) struct Looks {
    seats: Arc<Semaphore>,
    seen: Mutex<HashMap<String, Seen>>,
}

impl Default for Looks {
    fn default() -> Looks {
        Looks { seats: Arc::new(Semaphore::new(AT_ONCE)), seen: Mutex::default() }
    }
}

impl Looks {
    /// Something has been changed: what was seen before, and what is being looked for now, is not told to whoever asks
    /// from now on.
    pub(super) fn forget(&self) {
        self.seen().clear();
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<String, Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the answer to this question is, or will be.
    fn place(&self, question: &str) -> Seen {
        let mut seen = self.seen();
        if let Some(place) = seen.get(question) {
            return Arc::clone(place);
        }
        let now = Instant::now();
        let is_looked_for = |place: &Seen| Arc::strong_count(place) > 1;
        let is_told = |place: &Seen| {
            place.try_lock().is_ok_and(|seen| matches!(&*seen, Some((until, _)) if *until > now))
        };
        seen.retain(|_, place| is_looked_for(place) || is_told(place));
        let place = Seen::default();
        if seen.len() < MOST {
            seen.insert(question.to_owned(), Arc::clone(&place));
        }
        place
    }

    async fn seat(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let seat = timeout(PATIENCE, Arc::clone(&self.seats).acquire_owned()).await;
        seat.ok().and_then(Result::ok).ok_or_else(|| {
            let why =
                format!("{AT_ONCE} looks are under way, and none has ended in {PATIENCE:?}; try again later");
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why)
        })
    }
}

/// Asks a query, as JSON. Whoever asks the same meanwhile, or a moment later, gets the same answer.
pub(super) async fn ask_together<Q>(server: &Shared, question: &str, query: Q) -> Answer
where
    Q: Query + Send + 'static,
{
    together(server, question, move |world| {
        let answer = query.ask(world)?;
        Ok(serde_json::to_vec(&answer).context("the answer is no JSON")?.into())
    })
    .await
}

/// Looks, and tells everybody who asks this question meanwhile, or a moment later.
pub(super) async fn together(
    server: &Shared,
    question: &str,
    look: impl FnOnce(&World) -> Result<Bytes> + Send + 'static,
) -> Answer {
    let arrived = Instant::now();
    let waited = timeout(LONGEST_WAIT, async {
        let mut place = server.looks.place(question).lock_owned().await;
        if let Some((until, answer)) = place.as_ref()
            && *until > arrived
        {
            return answer.clone();
        }
        let seat = server.looks.seat().await?;
        let now = Arc::clone(server);
        // The answer is put into its place even when whoever has asked is gone.
        let looked = tokio::task::spawn_blocking(move || {
            let begun = Instant::now();
            let answer = at(&now, look);
            let (shortest, longest) = REMEMBERED;
            *place = Some((Instant::now() + begun.elapsed().clamp(shortest, longest), answer.clone()));
            drop(seat);
            answer
        });
        looked.await.unwrap_or_else(|_| Err(broken_off()))
    });
    waited.await.unwrap_or_else(|_| Err(too_slow()))
}

/// Looks, in a thread of its own, at the site as it is now.
pub(super) async fn look<T: Send + 'static>(
    server: &Shared,
    look: impl FnOnce(&World) -> Result<T> + Send + 'static,
) -> Result<T, Refusal> {
    let seat = server.looks.seat().await?;
    let now = Arc::clone(server);
    let looked = tokio::task::spawn_blocking(move || {
        let answer = at(&now, look);
        drop(seat);
        answer
    });
    match timeout(LONGEST_WAIT, looked).await {
        Ok(looked) => looked.unwrap_or_else(|_| Err(broken_off())),
        Err(_) => Err(too_slow()),
    }
}

/// Looks at the site as it is now, for a limited time.
fn at<T>(server: &Shared, look: impl FnOnce(&World) -> Result<T>) -> Result<T, Refusal> {
    look(&server.site.world().within(LIMIT)).map_err(|error| {
        let status = match exit_of(&error) {
            Exit::Usage if !is_of_site(&error) => StatusCode::BAD_REQUEST,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        Refusal::new(status, one_line(&error))
    })
}

fn broken_off() -> Refusal {
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the look was broken off")
}

fn too_slow() -> Refusal {
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        format!("no answer within {LONGEST_WAIT:?}; try again later"),
    )
}
