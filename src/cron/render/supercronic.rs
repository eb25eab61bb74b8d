//! supercronic: one crontab. Unlike cron it leaves `%` and `\` to the shell, knows `CRON_TZ`, and has
//! only numbers and lists in common with vixie.

use super::super::entry::{ALL_DUE, ALL_DUE_SCHEDULE};
use super::{Document, Site, numeric_fields, title, words};
use std::fmt::Write as _;

/// `maint-SITE.crontab`. The error names a job that cannot be said.
pub fn render(site: &Site) -> Result<Vec<Document>, String> {
    let mut content = String::new();
    if let Some(zone) = site.zone {
        // The first for supercronic, the second for maint, which asks in which zone it is started.
        let _ = writeln!(content, "CRON_TZ={zone}\nTZ={zone}");
    }
    for job in &site.jobs {
        let fields = numeric_fields(job, "supercronic")?;
        let command = shlex::try_join(words(site, job.name)?).map_err(|error| error.to_string())?;
        let _ = writeln!(content, "\n# {}\n{fields} {command}", title(site, job));
    }
    if site.jobs.iter().any(|job| job.catches_up) {
        let command = shlex::try_join(words(site, ALL_DUE)?).map_err(|error| error.to_string())?;
        let _ = writeln!(content, "\n# what was missed\n{ALL_DUE_SCHEDULE} {command}");
    }
    let content = content.trim_start().to_owned();
    Ok(vec![Document { name: format!("maint-{}.crontab", site.name), content }])
}

#[cfg(test)]
mod tests {
    use super::super::sample::{schedule, site};
    use super::*;
    use std::path::Path;

    #[test]
    fn a_small_site_is_written_like_this() {
        let (nightly, weekly) = (schedule("30 2 * * *"), schedule("@weekly"));
        let mut site = site(&[("backup", &nightly), ("vacuum", &weekly)]);
        site.config = Path::new("/srv/100% \\o/maint.toml");
        site.jobs[1].description = "two\nlines";
        insta::assert_snapshot!(render(&site).unwrap()[0].content, @r#"
        CRON_TZ=Europe/Paris
        TZ=Europe/Paris

        # maint demo: backup
        30 2 * * * /usr/bin/maint --config "/srv/100% \\o/maint.toml" run backup

        # maint demo: vacuum: two\nlines
        0 0 * * 0 /usr/bin/maint --config "/srv/100% \\o/maint.toml" run vacuum
        "#);
    }

    #[test]
    fn what_it_cannot_say_is_refused() {
        let boot = schedule("@reboot");
        assert!(render(&site(&[("warm", &boot)])).unwrap_err().contains("warm"));
    }
}
