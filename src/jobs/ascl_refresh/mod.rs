//! `maint ascl-refresh`: the catalogue of libraries, from ASCL and GitHub, and their context files.

mod answers;
mod catalogue;
mod catalogue_file;
mod context;
mod domain;
mod due;
mod overview;
mod remove_clone;
mod selection;
mod step;

use crate::config::repository::RepositoryName;
use crate::engine::plan::{Overview, Plan};
use crate::engine::report::Steps;
use crate::engine::{Action as _, Job};
use crate::error::{Problem, one_line};
use crate::text;
use crate::world::World;
use crate::world::ascl::{self, Source};
use crate::world::github;
use answers::{Answers, RememberAnswers};
use anyhow::Result;
use clap::Args;
use domain::OpenDomain;
use overview::{Contexts, Table};
use remove_clone::RemoveClone;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use step::Step;

/// Renews the catalogue of libraries and their context files
#[derive(Args, Clone, Debug, Default)]
pub struct AsclRefresh {
    /// The catalogue of this domain [default: astronomy, or the site's only one]
    #[arg(long, value_name = "NAME", conflicts_with = "all")]
    pub domain: Option<String>,
    /// The catalogues of all domains of the site
    #[arg(long)]
    pub all: bool,
    /// How many libraries the catalogue has at most [default: 100, or `top` of maint.toml]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub top: Option<u32>,
    /// Where the document is: an address, or a file [default: `source` of maint.toml, or ASCL's]
    #[arg(long, value_name = "URL|FILE")]
    pub source: Option<String>,
    /// Write the catalogue only
    #[arg(long, conflicts_with = "only")]
    pub no_contexts: bool,
    /// Of the context files make the one of this library only, however new it is
    // Whatever begins with a hyphen is refused as a name, not read as an option.
    #[arg(long, value_name = "OWNER/REPO", conflicts_with = "all", allow_hyphen_values = true)]
    pub only: Option<RepositoryName>,
    /// How many context files are made at the same time [default: 2, or `jobs`]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=16))]
    pub jobs: Option<u8>,
    /// Replace a catalogue even by one that is empty or much smaller
    #[arg(long)]
    pub force: bool,
}

impl Job for AsclRefresh {
    const NAME: &'static str = "ascl-refresh";
    type Action = Step;

    fn check(&self, world: &World) -> Result<()> {
        for domain in self.domains(world)? {
            Source::of(world, self.source(world, domain))?;
        }
        self.check_clones(world)?;
        github::check(world)
    }

    fn ready(&self, world: &World) -> Result<()> {
        let ready = |domain| Source::of(world, self.source(world, domain))?.ready(world);
        self.domains(world)?.into_iter().try_for_each(ready)
    }

    fn workers(&self, world: &World, _actions: usize) -> usize {
        self.jobs.map_or(world.config.ascl_refresh.jobs, usize::from)
    }

    fn plan(&self, world: &World) -> Result<Plan<Step>> {
        let removals = RemoveClone::all(world)?.into_iter().map(Step::Remove).collect();
        let mut plan = Plan { actions: removals, ..Plan::default() };
        let mut enquiry = Enquiry { remembered: Answers::recall(world)?, ..Enquiry::default() };
        let documents = self.read_documents(world, &mut enquiry, &mut plan)?;
        let opened = self.open_domains(world, &documents, &mut plan)?;
        let wanted = wanted(&opened, &enquiry.remembered);
        let has_answers = enquiry.ask(world, &wanted, &mut plan)?;
        let Enquiry { remembered, heard, mut table } = enquiry;
        let mut known = remembered.repositories.clone();
        known.extend(heard.repositories.clone());
        let is_partial = heard.repositories.len() < wanted.len();
        let news = heard.news(&remembered, is_partial);
        if !news.is_empty() {
            plan.actions.push(Step::Remember(RememberAnswers(news)));
        }
        // Without any answer nothing is known that could be better than the catalogue that there is.
        for domain in opened.iter().filter(|_| has_answers) {
            match domain.plan(self, world, &known, &mut plan) {
                Ok(row) => table.domains.push(row),
                Err(error) if error.is::<Problem>() => return Err(error),
                Err(error) => plan.failures.push(one_line(&error)),
            }
        }
        // Context files are made last, several at a time, when everything else is on the disk.
        plan.actions.sort_by_key(|action| !action.is_barrier());
        if !documents.is_empty() {
            plan.overview = Some(Overview::of("catalogue", &table)?);
        }
        Ok(plan)
    }

    fn sum_up(&self, steps: &Steps<Step>) -> Option<String> {
        Contexts::of(steps).in_words()
    }

    fn totals(&self, steps: &Steps<Step>) -> Vec<(&'static str, Value)> {
        Contexts::of(steps).totals()
    }
}

impl AsclRefresh {
    /// The domains whose catalogues are renewed.
    fn domains<'a>(&'a self, world: &'a World) -> Result<Vec<&'a str>> {
        let section = &world.config.ascl_refresh;
        let own: Vec<&str> = section.names().collect();
        if self.all {
            return Ok(own);
        }
        let Some(wanted) = &self.domain else {
            return match own[..] {
                [only] => Ok(vec![only]),
                _ if own.contains(&"astronomy") => Ok(vec!["astronomy"]),
                _ => Err(Problem::usage(format!(
                    "which catalogue? Add --all, or --domain {}",
                    own.join(", --domain ")
                ))),
            };
        };
        if !section.known_names().any(|name| name == wanted) {
            let near = text::nearest(wanted, section.known_names());
            let near = near.map_or(String::new(), |near| format!("did you mean `{near}`? Else "));
            let wanted = text::escape(wanted);
            return Err(Problem::usage(format!(
                "there is no domain `{wanted}`; {near}describe it in [ascl-refresh.domains.{wanted}]"
            )));
        }
        if section.is_for_one() && !own.contains(&wanted.as_str()) {
            return Err(Problem::usage(
                "a second domain would write to the same place: put {domain} into `catalogue` and `contexts` of [ascl-refresh]",
            ));
        }
        Ok(vec![wanted])
    }

    /// Refuses a folder of clones that is none, or where the site shows its files.
    fn check_clones(&self, world: &World) -> Result<()> {
        RemoveClone::all(world)?;
        let section = &world.config.ascl_refresh;
        let clones = world.root.join(&section.clones);
        for domain in self.domains(world)? {
            let contexts = world.root.join(section.contexts.of(domain));
            let catalogue = world.root.join(section.catalogue.of(domain));
            if contexts.starts_with(&clones)
                || clones.starts_with(&contexts)
                || catalogue.starts_with(&clones)
            {
                let shown = text::path(&section.clones);
                return Err(Problem::usage(format!(
                    "`clones` of [ascl-refresh] is {shown}, where the site's own files are; name a folder of its own"
                )));
            }
        }
        Ok(())
    }

    /// Where the document of a domain is.
    fn source<'a>(&'a self, world: &'a World, domain: &str) -> &'a str {
        let section = &world.config.ascl_refresh;
        let own = section.domains.get(domain).and_then(|domain| domain.source.as_deref());
        self.source.as_deref().or(own).unwrap_or(&section.source)
    }

    /// The repositories that each document links to; one that cannot be read is a failure.
    fn read_documents<'a>(
        &'a self,
        world: &'a World,
        enquiry: &mut Enquiry,
        plan: &mut Plan<Step>,
    ) -> Result<BTreeMap<&'a str, Vec<RepositoryName>>> {
        let mut documents = BTreeMap::new();
        let domains = self.domains(world)?;
        let sources: BTreeSet<&str> = domains.iter().map(|domain| self.source(world, domain)).collect();
        for text in sources {
            let source = Source::of(world, text)?;
            let key = source.key();
            let known = key.as_ref().and_then(|key| enquiry.remembered.documents.get(key));
            match ascl::read(world, &source, known) {
                Ok(reading) => {
                    enquiry.table.add(&reading);
                    documents.insert(text, reading.document.repositories.clone());
                    enquiry.heard.documents.extend(key.map(|key| (key, reading.document)));
                }
                Err(error) => plan.failures.push(one_line(&error)),
            }
        }
        Ok(documents)
    }

    /// The catalogues of the domains whose documents could be read; one that cannot be used is a failure.
    fn open_domains<'a>(
        &'a self,
        world: &'a World,
        documents: &BTreeMap<&str, Vec<RepositoryName>>,
        plan: &mut Plan<Step>,
    ) -> Result<Vec<OpenDomain<'a>>> {
        let mut opened = Vec::new();
        for name in self.domains(world)? {
            let Some(linked) = documents.get(self.source(world, name)) else { continue };
            match OpenDomain::open(world, name, linked, self.force) {
                Ok(domain) => opened.push(domain),
                Err(error) => plan.failures.push(one_line(&error)),
            }
        }
        Ok(opened)
    }
}

/// What one run knows from earlier ones, what it hears, and what it counts.
#[derive(Default)]
struct Enquiry {
    remembered: Answers,
    heard: Answers,
    table: Table,
}

impl Enquiry {
    /// Asks GitHub; false when it has not answered anything.
    fn ask(&mut self, world: &World, wanted: &[RepositoryName], plan: &mut Plan<Step>) -> Result<bool> {
        if wanted.is_empty() {
            return Ok(true);
        }
        let census = github::ask(world, wanted, &self.remembered.repositories)?;
        self.table.count(wanted.len(), &census);
        plan.notes.extend(census.notes);
        plan.failures.extend(census.failures);
        self.heard.repositories = census.answers;
        Ok(!self.heard.repositories.is_empty())
    }
}

/// The repositories to ask for, each once: those of which nothing is known first, then those that were asked longest ago, so
/// that what an hour's limit leaves out comes next.
fn wanted(opened: &[OpenDomain<'_>], remembered: &Answers) -> Vec<RepositoryName> {
    let mut known = HashSet::new();
    let all = opened.iter().flat_map(OpenDomain::wanted).filter(|name| known.insert(name.key()));
    let mut all: Vec<RepositoryName> = all.cloned().collect();
    all.sort_by_cached_key(|name| remembered.repositories.get(&name.key()).map(|known| known.checked));
    all
}

/// Libraries that a line names.
const MOST_NAMED: usize = 10;

/// "a/b, c/d and 3 more"
fn listed(names: &[String]) -> String {
    let more = names.len().saturating_sub(MOST_NAMED);
    let shown = names[..names.len() - more].join(", ");
    if more == 0 { shown } else { format!("{shown} and {} more", text::thousands(more as u64)) }
}
