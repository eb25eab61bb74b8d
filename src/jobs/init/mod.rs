//! `maint init`: writes a commented `maint.toml`, perhaps that of a known system; `demo` brings a sample site along.

use crate::config::check_name;
use crate::engine::apply::Permit;
use crate::engine::plan::Plan;
use crate::engine::report::Outcome;
use crate::engine::{Action, Job};
use crate::error::Problem;
use crate::text;
use crate::world::{World, sqlite};
use anyhow::Result;
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};

/// Writes a commented maint.toml
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Init {
    /// Start from a ready-made site
    #[arg(long, value_enum)]
    pub preset: Option<Preset>,
    /// Replace an existing maint.toml
    #[arg(long)]
    pub force: bool,
}

/// A ready-made site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// A sample site with stale files, to try maint on
    Demo,
    /// A Django project that kept its jobs with django-crontab
    Cochin,
    /// A catalogue of astronomy libraries, renewed every night
    Cmbagent,
    /// A site of Docker Compose services
    FBrain,
    /// Job sheets that are refreshed every month
    Fiches,
    /// A bot with a queue of jobs, a database and services
    LinkedinBot,
}

impl Preset {
    /// The configuration; each stands beside the crontab that `crontab generate` makes of it.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Preset::Demo => include_str!("../../../crontab/demo.toml"),
            Preset::Cochin => include_str!("../../../crontab/cochin.toml"),
            Preset::Cmbagent => include_str!("../../../crontab/cmbagent.toml"),
            Preset::FBrain => include_str!("../../../crontab/f-brain.toml"),
            Preset::Fiches => include_str!("../../../crontab/fiches.toml"),
            Preset::LinkedinBot => include_str!("../../../crontab/linkedin-bot.toml"),
        }
    }
}

const PLAIN: &str = include_str!("../../../crontab/plain.toml");
const HOUR: i64 = 3_600;

/// The sample site: path, size in bytes, age in hours.
const DEMO_FILES: [(&str, usize, i64); 14] = [
    ("backups/restore_temp/restore-0412.zip", 48_000, 50),
    ("backups/restore_temp/restore-0415.zip", 52_000, 1),
    ("backups/storage/lundi.zip", 84_000, 29),
    ("backups/storage/backup_2026.encrypted", 91_000, 50),
    ("backups/temp/export/table-1.csv", 1_200, 72),
    ("backups/temp/export/table-2.csv", 3_400, 71),
    ("backups/temp/import/old-part.csv", 900, 90),
    ("backups/temp/import/still-writing.csv", 2_100, 0),
    ("backups/uploads/photo-1.jpg", 310_000, 5),
    ("backups/uploads/photo-2.jpg", 290_000, 1),
    ("logs/app.log", 20_000, 0),
    ("logs/app.log.1", 65_000, 30),
    ("logs/app.log.2", 70_000, 10 * 24),
    ("logs/app.log.3", 68_000, 40 * 24),
];
const DEMO_FOLDERS: [(&str, i64); 2] = [("backups/temp/export", 71), ("backups/temp/import", 0)];
const DEMO_TEXTS: [(&str, &str); 5] = [
    // Nobody answers there.
    ("demo.env", "DISCORD_WEBHOOK_URL=http://127.0.0.1:9/api/webhooks/1/sample\n"),
    ("sample/ascl.json", include_str!("catalogue/ascl.json")),
    ("sample/github.json", include_str!("catalogue/github.json")),
    ("app/data/astronomy-libraries.json", include_str!("catalogue/astronomy-libraries.json")),
    ("sample/answers.json", include_str!("fiches/answers.json")),
];

/// The sample database as of now.
fn demo_database(world: &World) -> String {
    let now = world.clock.now();
    let today = now.with_timezone(&world.clock.zone()).date_naive();
    let sql = concat!(include_str!("demo.sql"), include_str!("fiches/fiches.sql"))
        .replace("{today}", &today.to_string());
    let sql = sql.replace("{in 30 days}", &(today + chrono::Days::new(30)).to_string());
    [1, 2, 3, 9, 12, 19, 20, 29, 30].into_iter().fold(sql, |sql, hours| {
        let time = now - chrono::Duration::hours(hours);
        sql.replace(&format!("{{{hours} h ago}}"), &time.format("%Y-%m-%d %H:%M:%S").to_string())
    })
}

impl Job for Init {
    const NAME: &'static str = "init";
    type Action = Make;

    fn check(&self, world: &World) -> Result<()> {
        let file = world.root.join("maint.toml");
        if world.files.exists(&file) && !self.force {
            let shown = text::path(&file);
            return Err(Problem::usage(format!(
                "{shown} exists already; edit it, or replace it with --force"
            )));
        }
        Ok(())
    }

    fn plan(&self, world: &World) -> Result<Plan<Make>> {
        let now = world.clock.now().timestamp();
        let file = world.root.join("maint.toml");
        let text = self.text(&world.root);
        let mut actions = vec![Make::Text { path: file, text }];
        if self.preset == Some(Preset::Demo) {
            let at = |path: &str| world.root.join(path);
            actions.extend(DEMO_FILES.map(|(path, size, age)| Make::Sample {
                path: at(path),
                size,
                modified: now - age * HOUR,
            }));
            actions.extend(
                DEMO_FOLDERS.map(|(path, age)| Make::Aged { path: at(path), modified: now - age * HOUR }),
            );
            actions
                .extend(DEMO_TEXTS.map(|(path, text)| Make::Text { path: at(path), text: text.to_owned() }));
            actions.push(Make::Database { path: at("app.db"), sql: demo_database(world) });
        }
        let notes = vec!["next: `maint jobs`, then `maint run JOB --dry-run`".to_owned()];
        Ok(Plan { actions, notes, ..Plan::default() })
    }
}

impl Init {
    /// The configuration for a site in `root`; without a preset the site is named after its folder.
    #[must_use]
    pub fn text(&self, root: &Path) -> String {
        if let Some(preset) = self.preset {
            return preset.text().to_owned();
        }
        let name = root.file_name().and_then(|name| name.to_str()).filter(|name| check_name(name).is_ok());
        PLAIN.replacen("my-site", name.unwrap_or("my-site"), 1)
    }
}

/// Makes one thing of a new site.
#[derive(Debug, Serialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Make {
    /// The configuration.
    #[serde(rename = "write-config")]
    Text {
        /// Where.
        path: PathBuf,
        /// What.
        #[serde(skip)]
        text: String,
    },
    /// A file of some size and age.
    #[serde(rename = "write-sample")]
    Sample {
        /// Where.
        path: PathBuf,
        /// How large.
        #[serde(rename = "size_bytes")]
        size: usize,
        /// When it was last changed, in seconds since 1970.
        modified: i64,
    },
    /// A folder that has not been touched for a while.
    #[serde(rename = "age-folder")]
    Aged {
        /// Where.
        path: PathBuf,
        /// When it was last changed, in seconds since 1970.
        modified: i64,
    },
    /// A small database.
    #[serde(rename = "make-database")]
    Database {
        /// Where.
        path: PathBuf,
        /// Its content.
        #[serde(skip)]
        sql: String,
    },
}

impl fmt::Display for Make {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Make::Text { path, text: _ } => write!(f, "write {}", text::path(path)),
            Make::Sample { path, size, modified: _ } => {
                write!(f, "write {} ({})", text::path(path), text::size(*size as u64))
            }
            Make::Aged { path, modified: _ } => write!(f, "set the age of {}", text::path(path)),
            Make::Database { path, sql: _ } => write!(f, "make the database {}", text::path(path)),
        }
    }
}

impl Action for Make {
    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        let (Make::Text { path, .. }
        | Make::Sample { path, .. }
        | Make::Aged { path, .. }
        | Make::Database { path, .. }) = self;
        if let Some(folder) = path.parent() {
            world.files.make_folder(folder, permit)?;
        }
        match self {
            Make::Text { path, text } => world.files.write(path, text.as_bytes(), 0o644, permit)?,
            Make::Sample { path, size, modified } => {
                let line = b"2026-11-20 12:00:00 a line of the sample site\n";
                let content: Vec<u8> = line.iter().copied().cycle().take(*size).collect();
                world.files.write(path, &content, 0o644, permit)?;
                world.files.set_modified(path, *modified, permit)?;
            }
            Make::Aged { path, modified } => world.files.set_modified(path, *modified, permit)?,
            Make::Database { path, .. } if world.files.exists(path) => {
                return Ok(Outcome::Skipped("it exists already".into()));
            }
            Make::Database { path, sql } => sqlite::create(path, sql, permit)?,
        }
        Ok(Outcome::DONE)
    }
}
