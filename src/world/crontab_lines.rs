//! What the site has to do with the crontab: the lines it wants there, and what they will find under cron.

use super::World;
use super::as_cron;
use super::command::Said;
use super::environment::{CRON_PATH, absolute, own_program};
use super::files::identity_at;
use crate::config::Config;
use crate::cron::entry::{ALL_DUE, ALL_DUE_SCHEDULE, Entry, Line, all_due_hash};
use crate::cron::schedule::Schedule;
use crate::cron::table;
use crate::error::Problem;
use crate::text;
use anyhow::Result;
use std::path::PathBuf;

impl World {
    /// The lines that the site wants in the crontab: one for each job with a schedule, and one that makes up for
    /// missed runs when a job wants that.
    pub fn crontab_lines(&self) -> Result<Vec<Line>> {
        self.crontab_lines_of(&self.config, None)
    }

    /// The same for a configuration that is to take the place of this one, or with the user of a file in /etc/cron.d.
    pub fn crontab_lines_of(&self, config: &Config, user: Option<&str>) -> Result<Vec<Line>> {
        let (program, file) = self.crontab_paths()?;
        let site = config.site_name();
        let mut lines = Vec::new();
        for (job, entry) in &config.jobs {
            let Some(schedule) = entry.schedule.as_ref().map(Schedule::text) else { continue };
            let hash = entry.hash(site, job);
            let entry = Entry { site, job, schedule, hash: &hash, program: &program, config: &file };
            lines.push(entry.line(user).map_err(Problem::usage)?);
        }
        if config.makes_up_for_missed_runs() {
            let entry = Entry {
                site,
                job: ALL_DUE,
                schedule: ALL_DUE_SCHEDULE,
                hash: &all_due_hash(site),
                program: &program,
                config: &file,
            };
            lines.push(entry.line(user).map_err(Problem::usage)?);
        }
        Ok(lines)
    }

    /// The variables that the crontab sets for the lines of the site; none when it cannot be listed.
    #[must_use]
    pub fn crontab_variables(&self) -> Vec<(String, String)> {
        let listing = self.crontab().and_then(|crontab| crontab.list());
        listing.map(|listing| table::variables(&listing, self.config.site_name())).unwrap_or_default()
    }

    /// Refuses to touch the lines of another site of the same name: a copy, for tests perhaps. A site that was moved
    /// is no other one, because nothing is left at its old place.
    pub fn refuse_namesake(&self, listing: &[u8]) -> Result<()> {
        let own = absolute(self.site_file()?);
        let is_other = |file: &PathBuf| {
            *file != own && self.files.exists(file) && identity_at(file) != identity_at(&own)
        };
        let site = self.config.site_name();
        match table::Table::parse(listing, site).own().filter_map(|line| line.config()).find(is_other) {
            Some(file) => Err(Problem::usage(format!(
                "the crontab has lines of another site with the name {site} ({}); give this one a name of its own \
                 in [site]",
                text::path(&file)
            ))),
            None => Ok(()),
        }
    }

    /// Where cron will look for the programs of the site's jobs.
    #[must_use]
    pub fn cron_path(&self) -> String {
        let set = self.crontab_variables().into_iter().rev().find(|(name, _)| name == "PATH");
        set.map_or_else(|| CRON_PATH.to_owned(), |(_, path)| path)
    }

    /// What the dry run of a job says when cron starts it.
    pub fn rehearse_as_cron(&self, job: &str, variables: &[(String, String)]) -> Result<Said> {
        as_cron::rehearse(&absolute(self.site_file()?), job, variables)
    }

    /// The absolute paths that a crontab line names: this program and the configuration.
    pub fn crontab_paths(&self) -> Result<(PathBuf, PathBuf)> {
        let config = absolute(self.site_file()?);
        let program = own_program().ok_or_else(|| {
            Problem::usage(
                "cannot tell where maint itself is; call it by its whole path, as in /usr/local/bin/maint",
            )
        })?;
        Ok((program, config))
    }
}
