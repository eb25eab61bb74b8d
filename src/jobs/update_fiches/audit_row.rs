//! A row of the audit log, in the columns that are there.

use super::fiche::Register;
use crate::engine::apply::Permit;
use crate::world::World;
use crate::world::database::{Database, Session, Value};
use anyhow::Result;

/// A row of the audit log.
pub(super) struct AuditRow<'a> {
    pub(super) kind: &'static str,
    pub(super) code: Option<&'a str>,
    pub(super) agent: &'a str,
    pub(super) description: String,
    pub(super) before: Option<String>,
    pub(super) after: String,
}

impl AuditRow<'_> {
    /// Adds it, with what else the session changes.
    pub(super) fn add(&self, world: &World, session: &mut Session<'_>, register: &Register) -> Result<()> {
        let AuditRow { kind, code, agent, description, before, after } = self;
        let cells: [(&str, Value); 7] = [
            ("timestamp", this_moment(world)),
            ("type_evenement", (*kind).into()),
            ("code_rome", (*code).into()),
            ("agent", (*agent).into()),
            ("description", description.as_str().into()),
            ("donnees_avant", before.as_deref().into()),
            ("donnees_apres", after.as_str().into()),
        ];
        let table = &register.audit;
        let present =
            cells.into_iter().filter_map(|(name, value)| Some((table.column_if_present(name)?, value)));
        let (columns, values): (Vec<_>, Vec<_>) = present.unzip();
        let places: Vec<_> = (1..=values.len()).map(|index| format!("${index}")).collect();
        let (table, columns, places) = (table.name(), columns.join(", "), places.join(", "));
        session.execute(&format!("INSERT INTO {table} ({columns}) VALUES ({places})"), &values)?;
        Ok(())
    }

    /// Adds it by itself, although the run may be about to end.
    pub(super) fn add_at_last(&self, world: &World, database: &Database, permit: &Permit) -> Result<()> {
        let mut session = database.change_at_last(world, permit)?;
        let register = Register::of(&mut session)?;
        self.add(world, &mut session, &register)?;
        session.commit()
    }
}

/// Now, as the site's own program stores it.
pub(super) fn this_moment(world: &World) -> Value {
    Value::Local(world.clock.reading().with_timezone(&world.clock.zone()).fixed_offset())
}
