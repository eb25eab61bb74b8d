//! Puts together what a walk finds: whole trees where everything is old, single files elsewhere.

use super::folder::{Find, Folder};
use super::survey::Old;
use std::ffi::CStr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A folder while it is being looked at.
pub(super) struct Open {
    pub(super) folder: Arc<Folder>,
    pub(super) parent: Option<Arc<Open>>,
    pub(super) gathered: Mutex<Gathered>,
}

#[derive(Default)]
pub(super) struct Gathered {
    /// This folder's own scan and its subfolders that are not finished.
    pub(super) pending: usize,
    /// The folder itself is old, wanted and not held.
    pub(super) may_go: bool,
    /// Something in it stays.
    pub(super) keeps: bool,
    pub(super) modified: i64,
    pub(super) files: Vec<Find>,
    pub(super) trees: Vec<Vec<Find>>,
}

impl Old {
    /// What goes, in the order in which it goes.
    pub(crate) fn finds(&self) -> &[Find] {
        match self {
            Old::File(find) => std::slice::from_ref(find),
            Old::Tree(finds) => finds,
        }
    }
}

impl Open {
    /// A folder whose own scan is still to come.
    pub(super) fn new(folder: Folder, parent: Option<Arc<Open>>) -> Open {
        let gathered = Mutex::new(Gathered { pending: 1, ..Gathered::default() });
        Open { folder: Arc::new(folder), parent, gathered }
    }
}

/// As with [`Folder`], the chain of parents is taken apart in a loop.
impl Drop for Open {
    fn drop(&mut self) {
        let mut next = self.parent.take();
        while let Some(mut open) = next.and_then(Arc::into_inner) {
            next = open.parent.take();
        }
    }
}

/// Nothing that holds these locks can panic half-way through a change.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is old in folders that are finished: the path of each, and what was gathered in it.
#[derive(Default)]
pub(super) struct Harvest(Mutex<Vec<(PathBuf, Gathered)>>);

impl Harvest {
    /// Hands a finished folder to its parent as one old tree, or its old files to the result; and so on up.
    pub(super) fn finish_one(&self, open: &Arc<Open>) {
        let mut current = Arc::clone(open);
        loop {
            let done = {
                let mut gathered = locked(&current.gathered);
                gathered.pending -= 1;
                if gathered.pending > 0 {
                    return;
                }
                std::mem::take(&mut *gathered)
            };
            let Some(parent) = current.parent.clone() else {
                self.emit(&current, done);
                return;
            };
            if done.may_go && !done.keeps {
                let tree = into_tree(&current.folder, done);
                locked(&parent.gathered).trees.push(tree);
            } else {
                locked(&parent.gathered).keeps = true;
                self.emit(&current, done);
            }
            current = parent;
        }
    }

    fn emit(&self, open: &Open, mut done: Gathered) {
        if done.files.is_empty() && done.trees.is_empty() {
            return;
        }
        open.folder.sort_by_name(&mut done.files);
        done.trees.sort_unstable_by(|a, b| own_name(a).cmp(&own_name(b)));
        locked(&self.0).push((open.folder.relative_path(), done));
    }

    /// Everything that is old, folder by folder in order of their paths.
    pub(super) fn into_old(self) -> Vec<Old> {
        let mut found = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        found.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let count = found.iter().map(|(_, done)| done.files.len() + done.trees.len()).sum();
        let mut old = Vec::with_capacity(count);
        for (_, done) in found {
            old.extend(done.files.into_iter().map(Old::File));
            old.extend(done.trees.into_iter().map(Old::Tree));
        }
        old
    }
}

/// The name of the folder that a tree ends with.
fn own_name(tree: &[Find]) -> Option<&CStr> {
    tree.last().map(|find| find.place().1)
}

/// Content before its folder, grown from the largest part so that a deep chain costs no copying.
fn into_tree(folder: &Arc<Folder>, mut done: Gathered) -> Vec<Find> {
    done.trees.sort_unstable_by_key(|tree| std::cmp::Reverse(tree.len()));
    let mut trees = done.trees.into_iter();
    let mut tree = trees.next().unwrap_or_default();
    trees.for_each(|mut other| tree.append(&mut other));
    folder.sort_by_name(&mut done.files);
    tree.append(&mut done.files);
    tree.push(Find::folder(folder, done.modified));
    tree
}
