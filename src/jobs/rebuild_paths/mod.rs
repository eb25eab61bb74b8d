//! `maint rebuild-paths`: brings the records of backups and the files in their storage together again.
//!
//! A file without a record gets one, a record without its file is marked, and a marked one whose file is back
//! counts again. All of it is one transaction.

mod apply;
mod find;
mod records;

use crate::config::tables;
use crate::engine::apply::Permit;
use crate::engine::plan::{Overview, Plan};
use crate::engine::report::{Outcome, Step, Steps};
use crate::engine::{Action, Job, Question};
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::database::{Row, Session};
use crate::world::files::Find;
use anyhow::Result;
use clap::Args;
use find::Places;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;

/// Makes records of backups that have none, and marks records whose backup is missing
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RebuildPaths {
    /// Only look, and print what differs
    #[arg(long)]
    pub scan_only: bool,
    /// Do not ask
    #[arg(long)]
    pub force: bool,
    /// To whom new records belong [default: the first superuser, else the first user]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    pub user_id: Option<i64>,
    /// Accept that no backup is left: mark every record that names one
    #[arg(long)]
    pub allow_empty: bool,
}

impl Job for RebuildPaths {
    const NAME: &'static str = "rebuild-paths";
    type Action = Repair;

    fn only_looks(&self) -> bool {
        self.scan_only
    }

    fn ready(&self, world: &World) -> Result<()> {
        let places = Places::of(world, self.allow_empty)?;
        let mut looking = places.database.look(world)?;
        records::check(&mut looking)?;
        self.owner(&mut looking, world)?;
        drop(looking);
        // Where there is any backup no disk is missing, and the whole comparison can wait.
        if places.hold_any(world)? || self.allow_empty { Ok(()) } else { find::find(self, world).map(drop) }
    }

    fn plan(&self, world: &World) -> Result<Plan<Repair>> {
        let mut found = find::find(self, world)?;
        let overview = Some(Overview::of("found", &Table::of(&found, world))?);
        let mut actions = found.lost;
        actions.append(&mut found.back);
        match found.owner {
            Some(user) => {
                let records = found.orphans.into_iter().map(|orphan| Repair::Record { orphan, user });
                actions.splice(0..0, records);
            }
            None if found.orphans.is_empty() => {}
            None => found.failures.push(format!(
                "{} cannot get a record, because the site has no user to own it; make one, or give --user-id",
                text::plural(found.orphans.len(), "file")
            )),
        }
        Ok(Plan { actions, notes: found.notes, failures: found.failures, overview, ..Plan::default() })
    }

    fn sum_up(&self, steps: &Steps<Repair>) -> Option<String> {
        let is_ours = |step: &Step<'_, Repair>| matches!(step.outcome, Outcome::Done(_) | Outcome::Planned);
        let counts = Counts::of(steps.iter().filter(is_ours).map(|step| step.action));
        let parts = [
            (counts.made, "file", "without a record"),
            (counts.lost, "record", "without a file"),
            (counts.back, "file", "back"),
        ];
        let parts = parts.into_iter().filter(|(count, ..)| *count > 0);
        let parts: Vec<String> =
            parts.map(|(count, noun, what)| format!("{} {what}", text::plural(count, noun))).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    fn question(&self, plan: &Plan<Repair>) -> Option<Question> {
        if self.force || self.scan_only {
            return None;
        }
        let Counts { made, lost, back } = Counts::of(plan.actions.iter());
        let made = text::plural(made, "record");
        let (lost, back) = (text::thousands(lost as u64), text::thousands(back as u64));
        let text = format!("Make {made}, mark {lost} as missing, set {back} to completed?");
        Some(Question { text, options: "--force" })
    }
}

impl RebuildPaths {
    /// To whom new records will belong; nobody when the site has no users.
    fn owner(&self, looking: &mut Session<'_>, world: &World) -> Result<Option<i64>> {
        let users = looking.table(&tables::USERS)?;
        let ([id], name) = (users.columns(["id"])?, users.name());
        let wanted = self.user_id.or(world.config.rebuild_paths.user_id);
        let mut found = None;
        let mut first = |row: &Row| {
            found = Some(row.integer(0)?);
            Ok(())
        };
        if let Some(user) = wanted {
            looking.rows(&format!("SELECT {id} FROM {name} WHERE {id} = $1"), &[user.into()], &mut first)?;
            let missing =
                || Problem::usage(format!("there is no user {user}; correct --user-id or `user_id`"));
            return found.ok_or_else(missing).map(Some);
        }
        let [is_superuser] = users.columns(["is_superuser"])?;
        let sql = format!("SELECT {id} FROM {name} ORDER BY {is_superuser} DESC, {id} LIMIT 1");
        looking.rows(&sql, &[], &mut first)?;
        Ok(found)
    }
}

/// How many repairs there are of each kind.
#[derive(Default)]
struct Counts {
    made: usize,
    lost: usize,
    back: usize,
}

impl Counts {
    fn of<'r>(repairs: impl Iterator<Item = &'r Repair>) -> Counts {
        repairs.fold(Counts::default(), |mut counts, repair| {
            match repair {
                Repair::Record { .. } => counts.made += 1,
                Repair::Mark(_) => counts.lost += 1,
                Repair::Restore(_) => counts.back += 1,
            }
            counts
        })
    }
}

/// A file in the storage that no record names.
#[derive(Debug)]
pub struct Orphan {
    /// As a record names it: relative to `base`.
    path: Box<str>,
    /// Where the path's last part, without its suffix, lies in it.
    stem: std::ops::Range<usize>,
    find: Find,
}

/// A record that is to be changed, as it was seen.
#[derive(Debug)]
pub struct Seen {
    id: i64,
    /// As it stands in the record.
    path: Box<str>,
    /// The same relative to `base`, where it differs.
    relative: Option<Box<str>>,
}

impl Seen {
    fn relative(&self) -> &str {
        self.relative.as_deref().unwrap_or(&self.path)
    }
}

/// One repair of the records.
#[derive(Debug)]
pub enum Repair {
    /// Makes a record of a file.
    Record {
        /// The file.
        orphan: Orphan,
        /// The owner of the record.
        user: i64,
    },
    /// Marks a record whose file is missing.
    Mark(Seen),
    /// Sets a marked record to completed, because its file is back.
    Restore(Seen),
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Repair::Record { orphan: Orphan { path, stem: _, find }, user: _ } => {
                write!(f, "make a record of {} ({})", text::escape(path), text::size(find.size))
            }
            Repair::Mark(Seen { id, path, relative: _ }) => {
                write!(f, "mark backup {id} as missing ({})", text::escape(path))
            }
            Repair::Restore(Seen { id, path, relative: _ }) => {
                write!(f, "set backup {id} to completed, as its file is back ({})", text::escape(path))
            }
        }
    }
}

impl Serialize for Repair {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Repair::Record { orphan: Orphan { path, stem: _, find }, user } => {
                map.serialize_entry("action", "make-record")?;
                map.serialize_entry("path", path)?;
                map.serialize_entry("size_bytes", &find.size)?;
                map.serialize_entry("user_id", user)?;
            }
            Repair::Mark(Seen { id, path, relative: _ }) => {
                map.serialize_entry("action", "mark-missing")?;
                map.serialize_entry("id", id)?;
                map.serialize_entry("path", path)?;
            }
            Repair::Restore(Seen { id, path, relative: _ }) => {
                map.serialize_entry("action", "restore-record")?;
                map.serialize_entry("id", id)?;
                map.serialize_entry("path", path)?;
            }
        }
        map.end()
    }
}

impl Action for Repair {
    const TOGETHER: bool = true;

    fn apply(&self, world: &World, permit: &Permit) -> Result<Outcome> {
        let outcomes = apply::apply(std::slice::from_ref(self), world, permit)?;
        Ok(outcomes.into_iter().next().unwrap_or(Outcome::DONE))
    }

    fn apply_together(repairs: &[Repair], world: &World, permit: &Permit) -> Result<Vec<Outcome>> {
        apply::apply(repairs, world, permit)
    }
}

/// What was found, counted.
#[derive(Debug, Serialize)]
struct Table {
    path: String,
    files: usize,
    records: usize,
    orphans: usize,
    orphan_size_bytes: u64,
    lost: usize,
    back: usize,
}

impl Table {
    fn of(found: &find::Found, world: &World) -> Table {
        Table {
            path: text::path(&world.config.rebuild_paths.storage).into_owned(),
            files: found.files,
            records: found.records,
            orphans: found.orphans.len(),
            orphan_size_bytes: found.orphans.iter().map(|orphan| orphan.find.size).sum(),
            lost: found.lost.len(),
            back: found.back.len(),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers = ["STORAGE", "FILES", "RECORDS", "WITHOUT RECORD", "SIZE", "WITHOUT FILE", "BACK"];
        let mut table = text::Table::new(&headers);
        let count = |number: usize| text::thousands(number as u64);
        table.row(&[
            self.path.clone(),
            count(self.files),
            count(self.records),
            count(self.orphans),
            text::size(self.orphan_size_bytes),
            count(self.lost),
            count(self.back),
        ]);
        write!(f, "{table}")
    }
}
