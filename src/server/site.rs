//! The site as its maint.toml describes it now.

use super::Shared;
use crate::error::one_line;
use crate::logging;
use crate::world::World;
use crate::world::files::version::{Version, version_at};
use chrono::DateTime;
use chrono_tz::Tz;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::time::Instant;

/// `maint.toml` is looked at no more often than this.
const OFTEN: Duration = Duration::from_secs(1);

/// The world of the site, opened anew when maint.toml has changed.
#[derive(Debug)]
pub(super) struct Site {
    world: RwLock<Arc<World>>,
    file: Mutex<Seen>,
    /// False while maint.toml cannot be read; then the site stays as it was before.
    is_well: AtomicBool,
}

/// What was last seen of maint.toml, and of the `env_file` that it names.
#[derive(Debug)]
struct Seen {
    at: Instant,
    versions: [Option<Version>; 2],
}

impl Site {
    pub(super) fn new(world: World) -> Site {
        let file = Mutex::new(Seen::now(&world));
        Site { world: RwLock::new(Arc::new(world)), file, is_well: AtomicBool::new(true) }
    }

    /// The world as it is now: each look has its own clock. It may read a file, and is for threads that may wait.
    pub(super) fn world(&self) -> World {
        self.look_again();
        self.latest().anew()
    }

    /// The time at this moment, where the site is.
    pub(super) fn time(&self) -> DateTime<Tz> {
        let world = self.latest();
        world.clock.reading().with_timezone(&world.clock.zone())
    }

    /// False while maint.toml cannot be read.
    pub(super) fn is_well(&self) -> bool {
        self.is_well.load(Relaxed)
    }

    /// True when it is time to [look again](Site::look_again), and nobody does.
    fn is_due(&self) -> bool {
        self.file.try_lock().is_ok_and(|file| file.is_due())
    }

    /// Looks whether maint.toml or its `env_file` has changed, when that was not done just now.
    fn look_again(&self) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if !file.is_due() {
            return;
        }
        let world = self.latest();
        let before = std::mem::replace(&mut *file, Seen::now(&world));
        let has_changed = file.versions != before.versions;
        // What is wrong may come right without a change: a folder that was not mounted yet.
        if has_changed || !self.is_well() {
            self.reopen(&world, has_changed);
        }
    }

    fn reopen(&self, world: &World, has_changed: bool) {
        match world.reopened() {
            Ok(world) => {
                logging::hide(world.secrets());
                *self.world.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(world);
                self.is_well.store(true, Relaxed);
                log::info!("maint.toml has changed, and is read anew");
            }
            Err(error) => {
                let was_well = self.is_well.swap(false, Relaxed);
                if has_changed || was_well {
                    let why = one_line(&error);
                    log::error!("maint.toml has changed; the site is served as it was before: {why}");
                }
            }
        }
    }

    fn latest(&self) -> Arc<World> {
        Arc::clone(&self.world.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The world as it is now, for whoever must not wait for a file: that is read in another thread.
pub(super) async fn world(server: &Shared) -> World {
    look_again(server).await;
    server.site.latest().anew()
}

/// Has another thread look whether maint.toml has changed, when it is time to; it can be left to itself.
pub(super) fn look_again(server: &Shared) -> impl Future<Output = ()> + use<> {
    let look = server.site.is_due().then(|| {
        let server = Arc::clone(server);
        tokio::task::spawn_blocking(move || server.site.look_again())
    });
    async move {
        if let Some(look) = look {
            // It was broken off when it fails: the site stays as it was.
            let _ = look.await;
        }
    }
}

impl Seen {
    fn now(world: &World) -> Seen {
        let env_file = world.config.site.env_file.as_ref().map(|path| world.root.join(path));
        let paths = [world.config.file.as_deref(), env_file.as_deref()];
        Seen { at: Instant::now(), versions: paths.map(|path| path.and_then(version_at)) }
    }

    fn is_due(&self) -> bool {
        self.at.elapsed() >= OFTEN
    }
}
