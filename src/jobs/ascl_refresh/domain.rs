//! One domain: what its catalogue was, what it will be, and which context files that calls for.

use super::catalogue::{Catalogue, Library, Words};
use super::catalogue_file::{CatalogueFile, WriteCatalogue};
use super::due::Look;
use super::selection::{self, Chosen};
use super::{AsclRefresh, Step, listed};
use crate::config::ascl_refresh::{AsclRefreshSection, Domain};
use crate::config::repository::RepositoryName;
use crate::engine::plan::Plan;
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::github::{Known, Standing};
use anyhow::{Context as _, Result, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// In a smaller catalogue a few that go are many of it.
const MANY: usize = 20;

/// One domain of the site before anybody is asked.
#[derive(Debug)]
pub(super) struct OpenDomain<'a> {
    pub(super) name: &'a str,
    config: Domain,
    file: Arc<CatalogueFile>,
    /// What was in the file.
    seen: Option<Vec<u8>>,
    old: Catalogue,
    before: BTreeMap<String, Library>,
    pub(super) candidates: Vec<RepositoryName>,
}

/// A line of the table of domains.
#[derive(Debug, Default, serde::Serialize)]
pub(super) struct Row {
    pub(super) domain: String,
    pub(super) candidates: usize,
    pub(super) libraries: usize,
    pub(super) new: Vec<String>,
    pub(super) removed: Vec<String>,
    pub(super) renamed: Vec<String>,
    pub(super) contexts_to_make: usize,
    pub(super) contexts_to_renew: usize,
}

impl<'a> OpenDomain<'a> {
    /// Reads the catalogue that there is. One that cannot be read is replaced only by force.
    pub(super) fn open(
        world: &World,
        name: &'a str,
        linked: &[RepositoryName],
        is_forced: bool,
    ) -> Result<OpenDomain<'a>> {
        let section = &world.config.ascl_refresh;
        let config = section.domain(name).unwrap_or_default();
        let file = CatalogueFile::at(world, section.catalogue.of(name));
        let seen = file.bytes(world)?;
        let old = match seen.as_deref().map(Catalogue::parse) {
            None => Catalogue::default(),
            Some(Err(_)) if is_forced => Catalogue::default(),
            Some(old) => old.with_context(|| {
                let shown = text::path(file.shown());
                format!("{name}: {shown} is no catalogue; mend it, or replace it with --force")
            })?,
        };
        let before = old.libraries();
        let candidates = selection::candidates(linked, &config.keywords, &config.extra_repos);
        Ok(OpenDomain { name, config, file: Arc::new(file), seen, old, before, candidates })
    }

    /// The repositories to ask for: the candidates, and libraries with a context file that no link leads to: they may
    /// have another name by now.
    pub(super) fn wanted(&self) -> impl Iterator<Item = &RepositoryName> {
        let linked: BTreeSet<String> = self.candidates.iter().map(RepositoryName::key).collect();
        let lost = self
            .before
            .values()
            .filter(move |library| library.context().is_some() && !linked.contains(&library.name.key()));
        self.candidates.iter().chain(lost.map(|library| &library.name))
    }

    /// Adds to the plan what is to be done for this domain.
    pub(super) fn plan(
        &self,
        job: &AsclRefresh,
        world: &World,
        known: &BTreeMap<String, Known>,
        plan: &mut Plan<Step>,
    ) -> Result<Row> {
        let top = job.top.map_or(world.config.ascl_refresh.top, |top| top as usize);
        let libraries = selection::select(&self.candidates, known, &self.before, top);
        if !job.force {
            self.guard(world, &libraries, top)?;
            self.guard_against_loss(world, known)?;
        }
        // It may be called by a name that it has no more.
        let only = job.only.as_ref().map(|only| match known.get(&only.key()).map(|known| &known.standing) {
            Some(Standing::There(figure)) => &figure.name,
            _ => only,
        });
        if let Some(only) = only {
            self.check_only(only, &libraries)?;
        }
        let mut row = self.compare(&libraries, plan);
        self.write(&libraries, &row, plan);
        if !job.no_contexts {
            self.contexts(world, only, &libraries, &mut row, plan)?;
        }
        Ok(row)
    }

    /// Refuses a result that could only be a mistake.
    fn guard(&self, world: &World, libraries: &[Chosen], top: usize) -> Result<()> {
        let (name, share) = (self.name, world.config.ascl_refresh.min_keep);
        let refuse = |why: String| {
            Err(anyhow::anyhow!("{name}: {why}; nothing was overwritten (--force overwrites it)"))
        };
        let old = self.before.len().min(top);
        let (new, instead) = (text::plural(libraries.len(), "library"), format!("instead of {old}"));
        if libraries.is_empty() {
            let before = if old == 0 { String::new() } else { format!(" ({new} {instead})") };
            return refuse(format!("the new catalogue would be empty{before}"));
        }
        if libraries.len() < share.least_of(old) {
            let percent = share.percent();
            return refuse(format!(
                "the new catalogue would have {new} {instead}, less than {percent} % (`min_keep`)"
            ));
        }
        Ok(())
    }

    /// Refuses to believe that many libraries are gone at the same time: others would take their places, and nobody would
    /// notice.
    fn guard_against_loss(&self, world: &World, known: &BTreeMap<String, Known>) -> Result<()> {
        let (name, share) = (self.name, world.config.ascl_refresh.min_keep);
        let is_gone =
            |key: &&String| matches!(known.get(*key).map(|it| &it.standing), Some(Standing::Gone(_)));
        let (old, gone) = (self.before.len(), self.before.keys().filter(is_gone).count());
        ensure!(
            old < MANY || old - gone >= share.least_of(old),
            "{name}: of its {old} libraries GitHub shows {gone} no more; nothing was overwritten (--force overwrites it)"
        );
        Ok(())
    }

    fn check_only(&self, only: &RepositoryName, libraries: &[Chosen]) -> Result<()> {
        let mut names = libraries.iter().map(|chosen| chosen.library.name.as_str());
        if names.any(|name| name.eq_ignore_ascii_case(only.as_str())) {
            return Ok(());
        }
        let names = libraries.iter().map(|chosen| chosen.library.name.as_str());
        let near = text::nearest(only.as_str(), names)
            .map_or(String::new(), |near| format!("; did you mean {near}?"));
        let (count, name) = (libraries.len(), self.name);
        Err(Problem::usage(format!("--only {only}: it is none of the {count} libraries of {name}{near}")))
    }

    /// What is new, what is not there any more, and what has another name.
    fn compare(&self, libraries: &[Chosen], plan: &mut Plan<Step>) -> Row {
        let mut row = Row { domain: self.name.to_owned(), ..Row::default() };
        row.candidates = self.candidates.len();
        row.libraries = libraries.len();
        let mut gone: BTreeMap<&str, &Library> =
            self.before.iter().map(|(key, library)| (key.as_str(), library)).collect();
        for Chosen { library, former, .. } in libraries {
            let name = &library.name;
            match former {
                _ if gone.remove(name.key().as_str()).is_some() => {}
                Some(former) if gone.remove(former.key().as_str()).is_some() => {
                    row.renamed.push(format!("{former} to {name}"));
                }
                _ => row.new.push(name.to_string()),
            }
        }
        row.removed = gone.values().map(|library| library.name.to_string()).collect();
        for (what, list) in [("new", &row.new), ("removed", &row.removed), ("renamed", &row.renamed)] {
            // A first catalogue is all new.
            if !list.is_empty() && !self.before.is_empty() {
                plan.notes.push(format!("{}: {what}: {}", self.name, listed(list)));
            }
        }
        row
    }

    fn write(&self, libraries: &[Chosen], row: &Row, plan: &mut Plan<Step>) {
        let own = Words::of(self.config.description.clone(), self.config.topics.clone());
        let (description, topics) = AsclRefreshSection::words(self.name);
        let new = Words::of(Some(description), Some(topics));
        let libraries: Vec<&Library> = libraries.iter().map(|chosen| &chosen.library).collect();
        let catalogue = self.old.with(self.name, &libraries, own, new);
        if catalogue == self.old && self.seen.is_some() {
            return;
        }
        plan.actions.push(Step::Write(WriteCatalogue {
            file: Arc::clone(&self.file),
            catalogue,
            seen: self.seen.clone(),
            new: row.new.len(),
            removed: row.removed.len(),
        }));
    }

    fn contexts(
        &self,
        world: &World,
        only: Option<&RepositoryName>,
        libraries: &[Chosen],
        row: &mut Row,
        plan: &mut Plan<Step>,
    ) -> Result<()> {
        let question = Look { world, domain: self.name, catalogue_file: &self.file, only };
        let due = question.answer(libraries, &selection::file_names(libraries))?;
        row.contexts_to_renew = due.contexts.iter().filter(|context| context.is_refresh).count();
        row.contexts_to_make = due.contexts.len() - row.contexts_to_renew;
        plan.notes.extend(due.notes);
        plan.failures.extend(due.failures);
        plan.actions.extend(due.contexts.into_iter().map(Step::Make));
        Ok(())
    }
}
