//! Which context files are to be made: those that are missing, and those of libraries that have changed since.

use super::MOST_NAMED;
use super::catalogue::Library;
use super::catalogue_file::CatalogueFile;
use super::context::{MakeContext, Remembered, TOPIC};
use super::selection::Chosen;
use crate::config::repository::RepositoryName;
use crate::engine::memory;
use crate::error::one_line;
use crate::text;
use crate::world::github::Figure;
use crate::world::{World, contextmaker, git};
use anyhow::Result;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// What is to be made, and what is left alone.
#[derive(Debug, Default)]
pub(super) struct Due {
    pub(super) contexts: Vec<MakeContext>,
    pub(super) notes: Vec<String>,
    pub(super) failures: Vec<String>,
}

/// What the decision is made from.
#[derive(Debug)]
pub(super) struct Look<'a> {
    pub(super) world: &'a World,
    pub(super) domain: &'a str,
    pub(super) catalogue_file: &'a Arc<CatalogueFile>,
    /// Only this one, whatever its age.
    pub(super) only: Option<&'a RepositoryName>,
}

impl Look<'_> {
    /// Looks at each library, with the name of its context file.
    pub(super) fn answer(&self, libraries: &[Chosen], files: &[String]) -> Result<Due> {
        let Look { world, only, .. } = self;
        let mut tried: BTreeMap<String, Remembered> = memory::recall(world, TOPIC)?;
        let mut due = Due::default();
        let mut waiting = Vec::new();
        for (Chosen { library, figure, .. }, file) in libraries.iter().zip(files) {
            let is_asked_for = only.is_some_and(|only| *only == library.name);
            if only.is_some() && !is_asked_for {
                continue;
            }
            let key = format!("{}/{}", self.domain, library.name.key());
            let before = tried.remove(&key).unwrap_or_default();
            let Some(context) = self.context((library, figure.as_ref()), file, key, before, is_asked_for)
            else {
                continue;
            };
            match context.before.next_try().filter(|next| !is_asked_for && *next > world.clock.now()) {
                Some(next) => waiting.push((context, next)),
                None => due.contexts.push(context),
            }
        }
        due.notes = self.left_alone(&waiting);
        if !due.contexts.is_empty() {
            self.find_program(&mut due);
        }
        Ok(due)
    }

    /// Without its tools no context file can be made, but the catalogue is written all the same.
    fn find_program(&self, due: &mut Due) {
        match git::locate().and_then(|_| contextmaker::locate(self.world)) {
            Ok(program) => due.contexts.iter_mut().for_each(|context| context.program.clone_from(&program)),
            Err(error) => {
                let count = text::plural(due.contexts.len(), "context file");
                let libraries: Vec<String> =
                    due.contexts.drain(..).map(|context| context.library.to_string()).collect();
                let (domain, libraries) = (self.domain, super::listed(&libraries));
                due.failures.push(format!("{domain}: {count} not made ({libraries}): {}", one_line(&error)));
            }
        }
    }

    /// The context file of a library, when it is to be made.
    fn context(
        &self,
        (library, figure): (&Library, Option<&Figure>),
        file: &str,
        key: String,
        before: Remembered,
        is_asked_for: bool,
    ) -> Option<MakeContext> {
        let Look { world, domain, catalogue_file, .. } = self;
        let path = world.config.ascl_refresh.contexts.of(domain).join(file);
        let whole = world.root.join(&path);
        // A folder in its place is none, though the original takes it for one.
        let is_there = world.files.is_file(&whole) && library.context() == Some(file);
        let modified = || world.files.modified(&whole);
        let made = before.seen.or(before.made).or_else(modified).filter(|_| is_there);
        let is_due = match made {
            _ if is_asked_for => true,
            None => true,
            Some(made) => figure.is_some_and(|figure| self.has_changed(figure, &before, made)),
        };
        is_due.then(|| MakeContext {
            library: library.name.clone(),
            key,
            file: path,
            catalogue_file: Arc::clone(catalogue_file),
            program: PathBuf::new(),
            is_refresh: is_there,
            made_bytes: OnceLock::new(),
            changed: figure.and_then(|figure| figure.changed),
            is_of_branch: figure.is_some_and(|figure| figure.commit.is_some()),
            // Who asks for it wants it, though nothing is new.
            before: if is_asked_for { Remembered { commit: None, ..before } } else { before },
        })
    }

    /// True for commits of the last days that the file cannot have.
    fn has_changed(&self, figure: &Figure, before: &Remembered, made: DateTime<Utc>) -> bool {
        let clock = &self.world.clock;
        let oldest = clock.before(self.world.config.ascl_refresh.refresh_age);
        let is_recent = |changed: DateTime<Utc>| changed.timestamp_nanos_opt().is_some_and(|at| at > oldest);
        let is_other = figure.commit.is_none() || figure.commit != before.commit;
        is_other && figure.changed.is_some_and(|changed| is_recent(changed) && changed > made)
    }

    fn left_alone(&self, waiting: &[(MakeContext, DateTime<Utc>)]) -> Vec<String> {
        let note = |(context, next): &(MakeContext, DateTime<Utc>)| {
            let Remembered { failures, why, .. } = &context.before;
            let times = if *failures == 1 { "once".to_owned() } else { format!("{failures} times") };
            let (library, next) = (&context.library, self.world.clock.show(*next));
            format!(
                "{library}: no context file, it failed {times}; next try from {next} on ({})",
                text::escape(why)
            )
        };
        let mut notes: Vec<String> = waiting.iter().take(MOST_NAMED).map(note).collect();
        if waiting.len() > MOST_NAMED {
            notes.push(format!("… and {} more that wait for their next try", waiting.len() - MOST_NAMED));
        }
        notes
    }
}
