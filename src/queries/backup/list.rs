//! `maint backup list`: the backups that there are, newest first.

use crate::engine::Query;
use crate::error::Problem;
use crate::text;
use crate::world::World;
use crate::world::backups::restic::Restic;
use crate::world::backups::{Backup, Damaged, Kind};
use anyhow::Result;
use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;
use std::fmt;

/// Lists the backups
#[derive(Args, Clone, Debug, Default)]
pub struct List {
    /// Only of this kind
    #[arg(long, value_enum, value_name = "KIND")]
    pub kind: Option<Kind>,
    /// Also those that only restic has
    #[arg(long)]
    pub restic: bool,
}

/// All backups, newest first.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Listing(Vec<Row>);

#[derive(Debug, Serialize)]
struct Row {
    id: String,
    kind: Option<Kind>,
    name: Option<String>,
    made: Option<DateTime<Utc>>,
    #[serde(skip)]
    shown: String,
    size_bytes: u64,
    content_bytes: u64,
    is_encrypted: bool,
    /// Only restic has it: `backup fetch` brings it back.
    is_in_restic: bool,
    reason: Option<String>,
    path: String,
    sha256: Option<String>,
    /// What is wrong with it, as far as its name and manifest tell; `backup verify` reads all of it.
    damage: Option<String>,
}

impl Query for List {
    type Answer = Listing;

    fn ask(&self, world: &World) -> Result<Listing> {
        let (backups, damaged) = world.backups().list()?;
        let good = backups.iter().map(|backup| Row::of(backup, world));
        let mut rows: Vec<Row> = good.chain(damaged.into_iter().map(Row::of_damaged)).collect();
        if self.restic {
            let restic = Restic::of(world)?;
            let restic = restic.ok_or_else(|| Problem::usage("there is no [backup.restic] in maint.toml"))?;
            let mut away = restic.ids(world)?;
            away.retain(|id| !rows.iter().any(|row| row.id == *id));
            rows.extend(away.into_iter().map(|id| Row { is_in_restic: true, ..Row::unknown(id) }));
        }
        rows.retain(|row| self.kind.is_none_or(|kind| row.id.starts_with(kind.word())));
        Ok(Listing(rows))
    }
}

impl Row {
    fn of(backup: &Backup, world: &World) -> Row {
        let manifest = &backup.manifest;
        Row {
            id: backup.id.clone(),
            kind: Some(manifest.kind),
            name: Some(manifest.name.clone()),
            made: Some(backup.made),
            shown: world.clock.show(backup.made),
            size_bytes: manifest.size_bytes,
            content_bytes: manifest.content_bytes,
            is_encrypted: manifest.is_encrypted,
            is_in_restic: false,
            reason: manifest.reason.clone(),
            path: text::path(&backup.folder).into_owned(),
            sha256: backup.sha256(),
            damage: None,
        }
    }

    fn of_damaged(damaged: Damaged) -> Row {
        Row { damage: Some(damaged.why), ..Row::unknown(damaged.id) }
    }

    /// One of which only its name is known.
    fn unknown(id: String) -> Row {
        Row {
            id,
            kind: None,
            name: None,
            made: None,
            shown: "-".to_owned(),
            size_bytes: 0,
            content_bytes: 0,
            is_encrypted: false,
            is_in_restic: false,
            reason: None,
            path: String::new(),
            sha256: None,
            damage: None,
        }
    }

    fn detail(&self) -> String {
        let encrypted = self.is_encrypted.then_some("encrypted");
        let away = self.is_in_restic.then_some("in restic only");
        let words = [self.reason.as_deref(), encrypted, away, self.damage.as_deref()];
        let words: Vec<&str> = words.into_iter().flatten().collect();
        text::escape(&words.join("; ")).into_owned()
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return writeln!(f, "there is no backup yet");
        }
        let mut table = text::Table::new(&["BACKUP", "MADE", "SIZE", "UNPACKED", "DETAILS"]);
        for row in &self.0 {
            let sizes = [row.size_bytes, row.content_bytes].map(text::size);
            table.row(&[text::escape(&row.id).as_ref(), &row.shown, &sizes[0], &sizes[1], &row.detail()]);
        }
        write!(f, "{table}")
    }
}
