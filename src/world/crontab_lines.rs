//! What the site has to do with the crontab: the lines it wants there, and what they will find under cron.

use super::World;
use super::as_cron;
use super::clock;
use super::command::Said;
use super::environment::{CRON_PATH, absolute, own_program, variable};
use super::files::identity_at;
use crate::config::Config;
use crate::cron::entry::{ALL_DUE, ALL_DUE_SCHEDULE, Entry, Line, all_due_hash};
use crate::cron::table;
use crate::error::Problem;
use crate::text;
use anyhow::Result;
use chrono::DateTime;
use chrono_tz::Tz;
use std::path::PathBuf;

impl World {
    /// The lines that the site wants in the crontab: one for each job with a schedule, and one that makes up for
    /// missed runs when a job wants that.
    pub fn crontab_lines(&self) -> Result<Vec<Line>> {
        Ok(self.crontab_lines_for(&self.config, &[], None)?.1)
    }

    /// The lines of some jobs, or with none of all, of this configuration or one that is to take its place, perhaps
    /// with the user of a file in /etc/cron.d; and the names whose lines they replace (`None`: all). The line that
    /// makes up for missed runs comes with the first job that wants it.
    pub fn crontab_lines_for(
        &self,
        config: &Config,
        jobs: &[String],
        user: Option<&str>,
    ) -> Result<(Option<Vec<String>>, Vec<Line>)> {
        let (program, file) = self.crontab_paths()?;
        let site = config.site_name();
        let line = |job: &str, schedule: &str, hash: &str| {
            let entry = Entry { site, job, schedule, hash, program: &program, config: &file };
            entry.line(user).map_err(Problem::usage)
        };
        let is_wanted = |name: &String| jobs.is_empty() || jobs.contains(name);
        let wanted = config.jobs.iter().filter(|(name, _)| is_wanted(name));
        let mut lines = Vec::new();
        let mut names = jobs.to_vec();
        let mut makes_up = false;
        for (name, entry) in wanted {
            let Some(schedule) = &entry.schedule else { continue };
            lines.push(line(name, schedule.text(), &entry.hash(site, name))?);
            makes_up |= config.is_made_up_for(entry);
        }
        if makes_up {
            lines.push(line(ALL_DUE, ALL_DUE_SCHEDULE, &all_due_hash(site))?);
            names.push(ALL_DUE.to_owned());
        }
        Ok((Some(names).filter(|_| !jobs.is_empty()), lines))
    }

    /// Now, in the zone in which cron fires. That is the zone of the machine, as `$TZ` may tell, but not a `TZ` that
    /// the crontab itself sets: it changes the clock of the jobs, and not when cron starts them.
    #[must_use]
    pub fn firing_now(&self) -> DateTime<Tz> {
        let is_from_crontab =
            variable("TZ").is_some() && self.crontab_variables().iter().any(|(name, _)| name == "TZ");
        let zone = if is_from_crontab { clock::zone_of_machine() } else { self.clock.machine_zone() };
        self.clock.now().with_timezone(&zone)
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

    /// Names under which lines of this very maint.toml stand in the crontab, besides its own: it was renamed.
    #[must_use]
    pub fn former_names(&self, listing: &[u8]) -> Vec<String> {
        let Some(file) = self.config.file.as_deref().map(absolute) else { return Vec::new() };
        let is_ours = |site: &String| {
            table::Table::parse(listing, site).own().any(|line| line.config().as_ref() == Some(&file))
        };
        let others = table::sites(listing).into_iter().filter(|site| site != self.config.site_name());
        others.filter(is_ours).collect()
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
