//! How far a look at other machines has come, for whoever watches.

use std::fmt;
use std::sync::Arc;

/// Tells whoever watches; nobody, to begin with.
#[derive(Clone, Default)]
pub struct Progress(Option<Arc<dyn Fn(usize, usize) + Send + Sync>>);

impl Progress {
    /// From now on this is told how much of how much is done.
    pub fn told_to(watcher: impl Fn(usize, usize) + Send + Sync + 'static) -> Progress {
        Progress(Some(Arc::new(watcher)))
    }

    /// So much of so much is done.
    pub(crate) fn tell(&self, done: usize, total: usize) {
        if let Some(watcher) = &self.0 {
            watcher(done, total);
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}
