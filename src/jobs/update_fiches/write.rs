//! One answer into the site's database: the columns, the version and the audit row in one transaction, or nothing.

use super::audit_row::{AuditRow, this_moment};
use super::fiche::{Fiche, Register};
use super::merge::changes;
use super::python_json::readable;
use super::sheet::Sheet;
use crate::config::update_fiches::{After, Mode};
use crate::engine::apply::Permit;
use crate::money::Usd;
use crate::text;
use crate::world::World;
use crate::world::claude::Message;
use crate::world::database::{Database, Session, Value};
use anyhow::{Result, ensure};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};
use std::time::Duration;

/// An answer that is whole and within its limits.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) sheet: &'a Sheet,
    pub(super) message: &'a Message,
    pub(super) mode: Mode,
    /// What all answers for this sheet have cost.
    pub(super) cost: Usd,
    /// The sheet that Claude was told of.
    pub(super) seal: &'a str,
}

/// What became of it.
#[derive(Debug)]
pub(super) enum Written {
    /// Columns that have changed, and the version that it has now.
    Updated { changes: Vec<Change>, version: i64 },
    /// The sheet says the same already.
    Unchanged,
    /// The sheet is not the one that Claude was told of: somebody has changed it, and it stays as it is.
    Edited,
    /// The sheet is not there any more.
    Gone,
}

/// A column before and after.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Change {
    pub(super) column: &'static str,
    pub(super) before: Option<String>,
    pub(super) after: String,
}

/// The status of [`After::EnValidation`].
const TO_BE_VALIDATED: &str = "en_validation";
/// Who writes the summary of a run: the name that the site's own program uses.
const SCHEDULER: &str = "MonthlyUpdateScheduler";
/// Characters of a reason in the audit log.
const LONGEST_REASON: usize = 1_000;

/// Changes a sheet and undoes that: whether answers can be written must be known before one is paid for.
pub(super) fn rehearse(world: &World, database: &Database, permit: &Permit) -> Result<()> {
    let mut session = database.change(world, permit)?;
    let register = Register::of(&mut session)?;
    let ([id], table) = (register.fiches.columns(["id"])?, register.fiches.name());
    session.execute(
        &format!("UPDATE {table} SET {id} = {id} WHERE {id} = (SELECT min({id}) FROM {table})"),
        &[],
    )?;
    let author = &world.config.update_fiches.author;
    let (description, after) = (String::new(), String::new());
    let row = AuditRow { kind: "modification", code: None, agent: author, description, before: None, after };
    row.add(world, &mut session, &register)
}

/// Writes it, unless the sheet has changed since it was read as `fiche`.
pub(super) fn write(
    world: &World,
    database: &Database,
    fiche: &Fiche,
    answer: &Answer<'_>,
    permit: &Permit,
) -> Result<Written> {
    let mut session = database.change(world, permit)?;
    let register = Register::of(&mut session)?;
    session.lock(&register.fiches)?;
    let Some(now) = register.again(&mut session, fiche)? else {
        return Ok(Written::Gone);
    };
    let changes = changes(&now, answer.sheet)?;
    // Also what a run that was killed has written, but not remembered.
    if changes.is_empty() {
        return Ok(Written::Unchanged);
    }
    if answer.seal != now.seal() {
        return Ok(Written::Edited);
    }
    let version = now.version.saturating_add(1);
    let revision = Revision { now: &now, changes: &changes, version, status: status_after(world, &now) };
    revision.update(world, &mut session, &register)?;
    revision.row(world, answer).add(world, &mut session, &register)?;
    session.commit()?;
    Ok(Written::Updated { changes, version })
}

/// The status that the sheet gets, when it gets another one.
fn status_after(world: &World, now: &Fiche) -> Option<&'static str> {
    let wanted = match world.config.update_fiches.after {
        After::Keep => None,
        After::EnValidation => Some(TO_BE_VALIDATED),
    };
    wanted.filter(|wanted| now.status != *wanted)
}

/// What becomes of a sheet.
struct Revision<'a> {
    now: &'a Fiche,
    changes: &'a [Change],
    version: i64,
    /// Its new status, when it gets another one.
    status: Option<&'static str>,
}

impl Revision<'_> {
    /// Writes what has changed, and the version, time, author and status where there are columns for them.
    fn update(&self, world: &World, session: &mut Session<'_>, register: &Register) -> Result<()> {
        let Revision { now, changes, version, status } = self;
        let content = changes.iter().map(|change| (change.column, change.after.as_str().into()));
        let around = [
            ("version", Some((*version).into())),
            ("date_maj", Some(this_moment(world))),
            ("auteur", Some(world.config.update_fiches.author.as_str().into())),
            ("statut", status.map(Value::from)),
        ];
        let wanted = content.chain(around.into_iter().filter_map(|(column, value)| Some((column, value?))));
        let (mut places, mut values) = (Vec::new(), Vec::new());
        for (column, value) in wanted {
            if let Some(column) = register.fiches.column_if_present(column) {
                values.push(value);
                places.push(format!("{column} = ${}", values.len()));
            }
        }
        values.push(now.id.into());
        let ([id], table) = (register.fiches.columns(["id"])?, register.fiches.name());
        let sql = format!("UPDATE {table} SET {} WHERE {id} = ${}", places.join(", "), values.len());
        let written = session.execute(&sql, &values)?;
        ensure!(written == 1, "{written} rows of {table} have the id {}; correct the table", now.id);
        Ok(())
    }

    /// The row that tells of it.
    fn row<'a>(&'a self, world: &'a World, answer: &Answer<'_>) -> AuditRow<'a> {
        let Revision { now, changes, version, status } = self;
        let (mut before, mut after) = (Map::new(), Map::new());
        before.insert("version".to_owned(), now.version.into());
        after.insert("version".to_owned(), (*version).into());
        if let Some(status) = *status {
            before.insert("statut".to_owned(), now.status.as_str().into());
            after.insert("statut".to_owned(), status.into());
        }
        for Change { column, before: was, after: is } in *changes {
            before.insert((*column).to_owned(), was.as_deref().map_or(Json::Null, readable));
            after.insert((*column).to_owned(), readable(is));
        }
        let Answer { message, mode, cost, sheet: _, seal: _ } = answer;
        let model = text::cut(&text::escape(&message.model), 80);
        after.insert("cost_usd".to_owned(), json!(cost));
        after.insert("model".to_owned(), model.as_str().into());
        after.insert("message_id".to_owned(), message.id.as_str().into());
        let (author, amount) = (&world.config.update_fiches.author, in_french(*cost));
        let mode = match mode {
            Mode::Direct => "direct",
            Mode::Batch => "batch",
        };
        AuditRow {
            kind: "modification",
            code: Some(&now.code),
            agent: author,
            description: format!("Fiche enrichie par {author} ({model}, {mode}, {amount})"),
            before: Some(Json::from(before).to_string()),
            after: Json::from(after).to_string(),
        }
    }
}

/// "0,0123 $".
fn in_french(amount: Usd) -> String {
    format!("{} $", amount.to_string().trim_start_matches('$').replace('.', ","))
}

/// Writes to the audit log that a sheet could not be refreshed, and why.
pub(super) fn record_failure(
    world: &World,
    database: &Database,
    code: &str,
    why: &str,
    cost: Usd,
    permit: &Permit,
) -> Result<()> {
    let why = text::cut(&text::escape(why), LONGEST_REASON);
    let row = AuditRow {
        kind: "veille_metiers",
        code: Some(code),
        agent: &world.config.update_fiches.author,
        description: format!("Fiche non mise à jour : {why}"),
        before: None,
        after: json!({"erreur": why, "cost_usd": cost}).to_string(),
    };
    row.add_at_last(world, database, permit)
}

/// Writes the summary row of a run to the audit log: of all sheets that it was to refresh.
pub(super) fn record_run(
    world: &World,
    database: &Database,
    updated: usize,
    planned: usize,
    failed: usize,
    took: Duration,
    permit: &Permit,
) -> Result<()> {
    let seconds = took.as_secs_f64();
    let row = AuditRow {
        kind: "modification",
        code: None,
        agent: SCHEDULER,
        description: format!(
            "Mise à jour mensuelle : {updated}/{planned} fiches mises à jour en {seconds:.0}s"
        ),
        before: None,
        after: format!("Erreurs: {failed}"),
    };
    row.add_at_last(world, database, permit)
}
