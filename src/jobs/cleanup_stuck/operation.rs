//! Backups and restores as their tables tell of them.

use super::mark::{MarkFailed, Reason};
use crate::config::tables::{BACKUPS, Known, RESTORES};
use crate::text;
use crate::world::database::{Row, Session, Value};
use anyhow::Result;
use chrono::{DateTime, Utc};
use std::fmt;

/// Hands over the operations for which `filter` holds; it names columns as `{id}` and `{status}`.
pub(super) fn operations(
    looking: &mut Session<'_>,
    kind: Kind,
    filter: &str,
    values: &[Value],
    mut each: impl FnMut(Operation) -> Result<()>,
) -> Result<()> {
    let table = looking.table(kind.known())?;
    let [id, name, status, started, created] = table.columns(kind.looked_at())?;
    let names = [("{id}", &id), ("{status}", &status), ("{started}", &started), ("{created}", &created)];
    let filter = names.iter().fold(filter.to_owned(), |filter, (usual, name)| filter.replace(usual, name));
    let sql =
        format!("SELECT {id}, {name}, {status}, {started}, {created} FROM {} WHERE {filter}", table.name());
    looking.rows(&sql, values, |row| each(Operation::read(kind, row)?))
}

/// Backup or restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Backup,
    Restore,
}

impl Kind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Kind::Backup => "backup",
            Kind::Restore => "restore",
        }
    }

    pub(super) fn known(self) -> &'static Known {
        match self {
            Kind::Backup => &BACKUPS,
            Kind::Restore => &RESTORES,
        }
    }

    pub(super) fn looked_at(self) -> [&'static str; 5] {
        let name = match self {
            Kind::Backup => "backup_name",
            Kind::Restore => "restore_name",
        };
        ["id", name, "status", "started_at", "created_at"]
    }
}

/// A row of either table.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) kind: Kind,
    pub(super) id: i64,
    pub(super) name: Box<str>,
    pub(super) status: String,
    pub(super) started: Result<Option<DateTime<Utc>>>,
    pub(super) created: Result<Option<DateTime<Utc>>>,
}

impl Operation {
    pub(super) fn read(kind: Kind, row: &Row) -> Result<Operation> {
        Ok(Operation {
            kind,
            id: row.integer(0)?,
            name: row.text(1)?.into(),
            status: row.text(2)?.to_owned(),
            started: row.time(3),
            created: row.time(4),
        })
    }

    /// When it began, else when it was made.
    pub(super) fn since(&self) -> Result<Option<DateTime<Utc>>> {
        let time = |(what, time): (&str, &Result<Option<DateTime<Utc>>>)| match time {
            Ok(time) => Ok(*time),
            Err(error) => Err(anyhow::anyhow!("{what}: {error}; correct it in the database")),
        };
        match time(("started_at", &self.started))? {
            Some(started) => Ok(Some(started)),
            None => time(("created_at", &self.created)),
        }
    }

    /// What marks it; nothing when it has ended.
    pub(super) fn mark(
        &self,
        reason: Reason,
        since: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Option<MarkFailed> {
        let status = match self.status.as_str() {
            "running" => Unfinished::Running,
            "pending" => Unfinished::Pending,
            _ => return None,
        };
        let seconds = |since: DateTime<Utc>| i32::try_from((now - since).num_seconds()).unwrap_or(i32::MAX);
        Some(MarkFailed {
            kind: self.kind,
            id: self.id,
            name: self.name.clone(),
            status,
            reason,
            age_seconds: since.map_or(0, |since| seconds(since).max(0)),
            was_started: matches!(self.started, Ok(Some(_))),
        })
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.kind.word(), self.id, text::escape(&self.name))
    }
}

/// The states from which something is marked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unfinished {
    Running,
    Pending,
}

impl Unfinished {
    pub(super) fn word(self) -> &'static str {
        match self {
            Unfinished::Running => "running",
            Unfinished::Pending => "pending",
        }
    }
}
