//! Goes through a target and all folders below it, by descriptors, without recursion on depth.
//!
//! One task per folder on a small pool. Open descriptors are bounded: a task reopens its folder from the
//! target when too many are open.

use super::folder::{Folder, open_beneath};
use rayon::Scope;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// Threads that look: waiting for the disk dominates (docs/performance.md).
const THREADS: usize = 8;
/// How often a folder is tried again while all descriptors are in use, a millisecond apart.
const PATIENCE: u32 = 10_000;

/// Who looks at the folders of a walk.
pub(super) trait Visitor: Sync {
    /// A folder on the way, with what the visitor keeps about it.
    type Stop: Send + Sync;
    /// The folder itself.
    fn folder<'s>(&self, stop: &'s Self::Stop) -> &'s Arc<Folder>;
    /// Looks at an open folder, and returns the folders in it that are to be visited.
    fn look(&self, fd: &OwnedFd, stop: &Self::Stop) -> Vec<Self::Stop>;
    /// Hears that a folder is not entered; without an error, because the walk must end.
    fn miss(&self, stop: &Self::Stop, why: Option<Errno>);
    /// True when the walk must end.
    fn must_end(&self) -> bool;
}

/// Visits `root` and all below it.
pub(super) fn walk<V: Visitor>(visitor: &V, root: &V::Stop) -> anyhow::Result<()> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(1 << 20);
    let limit = usize::try_from(limit / 4).unwrap_or(usize::MAX).min(1_024);
    let walk = Walk { visitor, shared: AtomicUsize::new(0), limit };
    let mut first = Vec::new();
    walk.visit(root, None, &mut |task| first.push(task));
    // Threads are worth their start only when there is more than one folder.
    if !first.is_empty() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(THREADS).build()?;
        pool.scope(|scope| first.into_iter().for_each(|task| walk.start(scope, task)));
    }
    Ok(())
}

struct Walk<'a, V> {
    visitor: &'a V,
    /// Descriptors that are shared now, and how many may be.
    shared: AtomicUsize,
    limit: usize,
}

/// A descriptor shared by the tasks of a folder's subfolders.
struct Shared<'w> {
    fd: OwnedFd,
    open: &'w AtomicUsize,
}

impl Drop for Shared<'_> {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Relaxed);
    }
}

/// A folder that waits to be visited, and the descriptor of its parent while few are open.
type Task<'w, S> = (S, Option<Arc<Shared<'w>>>);

impl<V: Visitor> Walk<'_, V> {
    /// Lets some thread visit a folder and all below it.
    fn start<'s>(&'s self, scope: &Scope<'s>, (stop, parent): Task<'s, V::Stop>)
    where
        V::Stop: 's,
    {
        scope.spawn(move |scope| self.visit(&stop, parent, &mut |task| self.start(scope, task)));
    }

    /// Visits one folder, and hands each folder in it to `later`.
    fn visit<'s>(
        &'s self,
        stop: &V::Stop,
        parent: Option<Arc<Shared<'s>>>,
        later: &mut dyn FnMut(Task<'s, V::Stop>),
    ) {
        if self.visitor.must_end() {
            return self.visitor.miss(stop, None);
        }
        match self.open(stop, parent.as_deref()) {
            Ok(fd) => {
                drop(parent);
                let further = self.visitor.look(&fd, stop);
                self.descend(fd, further, later);
            }
            Err(errno) => self.visitor.miss(stop, Some(errno)),
        }
    }

    fn open(&self, stop: &V::Stop, parent: Option<&Shared<'_>>) -> Result<OwnedFd, Errno> {
        let folder = self.visitor.folder(stop);
        let mut tries = 0;
        loop {
            let result = match parent {
                Some(parent) => open_beneath(&parent.fd, folder.name()),
                None => folder.open(),
            };
            match result {
                Err(Errno::MFILE | Errno::NFILE) if tries < PATIENCE => {
                    tries += 1;
                    std::thread::sleep(Duration::from_millis(1));
                }
                other => return other,
            }
        }
    }

    /// Makes a task of each subfolder; they share this folder's descriptor while few are open.
    fn descend<'s>(&'s self, fd: OwnedFd, further: Vec<V::Stop>, later: &mut dyn FnMut(Task<'s, V::Stop>)) {
        if further.is_empty() {
            return;
        }
        let shared = (self.shared.fetch_add(1, Relaxed) < self.limit)
            .then(|| Arc::new(Shared { fd, open: &self.shared }));
        if shared.is_none() {
            self.shared.fetch_sub(1, Relaxed);
        }
        for stop in further {
            later((stop, shared.clone()));
        }
    }
}
