//! The job sheets in the site's database, with the columns that are there.

use super::sheet::COLUMNS;
use crate::config::tables::{AUDIT, FICHES};
use crate::error::Problem;
use crate::text;
use crate::world::database::{Row, Session, Table, Value};
use anyhow::Result;
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// A job sheet as it was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fiche {
    pub(super) id: i64,
    pub(super) code: String,
    /// For a woman, a man, or either: whichever is there.
    pub(super) name: String,
    /// The lines of business, in words; empty when they are not known.
    pub(super) domain: String,
    pub(super) status: String,
    pub(super) version: i64,
    /// What an answer would replace, as it stands there: by the usual name of the column. Missing columns are not here.
    pub(super) content: BTreeMap<&'static str, Option<String>>,
}

/// The two tables, probed.
#[derive(Debug)]
pub(super) struct Register {
    pub(super) fiches: Table,
    pub(super) audit: Table,
}

/// Columns before those of the content, in the order in which they are read.
const HEAD: [&str; 8] = [
    "id",
    "code_rome",
    "nom_epicene",
    "nom_feminin",
    "nom_masculin",
    "secteurs_activite",
    "statut",
    "version",
];

impl Register {
    /// Looks for both tables and the columns that nothing works without.
    pub(super) fn of(session: &mut Session<'_>) -> Result<Register> {
        let fiches = session.table(&FICHES)?;
        fiches.columns(["id", "code_rome", "statut", "version"])?;
        if !COLUMNS.iter().any(|column| fiches.column_if_present(column).is_some()) {
            let (table, first) = (text::escape(fiches.name().trim_matches('"')).into_owned(), COLUMNS[0]);
            return Err(Problem::usage(format!(
                "the table `{table}` has no column to refresh, such as `{first}`; set `columns.{first}` in [tables.fiches]"
            )));
        }
        let audit = session.table(&AUDIT)?;
        audit.columns(["timestamp", "type_evenement", "code_rome", "agent", "description"])?;
        Ok(Register { fiches, audit })
    }

    /// The sheets with one of these statuses, by code.
    pub(super) fn published(&self, session: &mut Session<'_>, statuses: &[String]) -> Result<Vec<Fiche>> {
        let [status] = self.fiches.columns(["statut"])?;
        let places: Vec<_> = (1..=statuses.len()).map(|index| format!("${index}")).collect();
        let values: Vec<Value> = statuses.iter().map(|status| status.as_str().into()).collect();
        self.read(session, &format!("{status} IN ({})", places.join(", ")), &values)
    }

    /// The sheet of this code, whatever its status.
    pub(super) fn find(&self, session: &mut Session<'_>, code: &str) -> Result<Option<Fiche>> {
        let [column] = self.fiches.columns(["code_rome"])?;
        Ok(self.read(session, &format!("{column} = $1"), &[code.into()])?.into_iter().next())
    }

    /// The same sheet once more; `None` when it is not there any more.
    pub(super) fn again(&self, session: &mut Session<'_>, fiche: &Fiche) -> Result<Option<Fiche>> {
        let [id] = self.fiches.columns(["id"])?;
        let found = self.read(session, &format!("{id} = $1"), &[fiche.id.into()])?;
        Ok(found.into_iter().find(|found| found.code == fiche.code))
    }

    /// The sheets of which `condition` is true.
    fn read(&self, session: &mut Session<'_>, condition: &str, values: &[Value]) -> Result<Vec<Fiche>> {
        let [id, code] = self.fiches.columns(["id", "code_rome"])?;
        let present: Vec<_> =
            COLUMNS.into_iter().filter(|column| self.fiches.column_if_present(column).is_some()).collect();
        // As text, whatever it is: odd data must not keep the rest from being read.
        let cells =
            HEAD[1..].iter().chain(&present).map(|column| match self.fiches.column_if_present(column) {
                Some(column) => format!("CAST({column} AS text)"),
                None => "NULL".to_owned(),
            });
        let cells: Vec<_> = cells.collect();
        let sql = format!(
            "SELECT {id}, {} FROM {} WHERE {condition} ORDER BY {code}, {id}",
            cells.join(", "),
            self.fiches.name()
        );
        let mut fiches = Vec::new();
        session.rows(&sql, values, |row| {
            fiches.push(Fiche::of(row, &present)?);
            Ok(())
        })?;
        Ok(fiches)
    }
}

impl Fiche {
    fn of(row: &Row, present: &[&'static str]) -> Result<Fiche> {
        let cell = |index| row.text(index).map(str::to_owned);
        let content = present.iter().enumerate().map(|(index, column)| {
            let value = row.optional_text(HEAD.len() + index)?;
            Ok((*column, value.map(str::to_owned)))
        });
        Ok(Fiche {
            id: row.integer(0)?,
            code: cell(1)?,
            name: name(row.text(2)?.trim(), row.text(3)?.trim(), row.text(4)?.trim()),
            domain: domain(row.text(5)?),
            status: cell(6)?,
            version: row.text(7)?.parse().unwrap_or(0),
            content: content.collect::<Result<_>>()?,
        })
    }

    /// Tells whether a sheet is still the same: of its version, its status and its content.
    pub(super) fn seal(&self) -> String {
        let Fiche { status, version, content, .. } = self;
        text::hex(&Sha256::digest(serde_json::json!([version, status, content]).to_string()))
    }
}

/// One name for all, else those there are.
fn name(for_all: &str, for_a_woman: &str, for_a_man: &str) -> String {
    match (for_all, for_a_woman, for_a_man) {
        ("", "", one) | ("", one, "") => one.to_owned(),
        ("", one, other) if one == other => one.to_owned(),
        ("", one, other) => format!("{one} / {other}"),
        (one, _, _) => one.to_owned(),
    }
}

/// The words of a JSON list, or of a single text.
fn domain(json: &str) -> String {
    match serde_json::from_str(json) {
        Ok(Json::Array(items)) => items.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(", "),
        Ok(Json::String(word)) => word,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_for_all_comes_first_else_those_there_are() {
        assert_eq!(name("Agent / Agente", "Agente", "Agent"), "Agent / Agente");
        assert_eq!(name("", "Agente", "Agent"), "Agente / Agent");
        assert_eq!(name("", "Guide", "Guide"), "Guide");
        assert_eq!(name("", "", "Agent"), "Agent");
        assert_eq!(name("", "Agente", ""), "Agente");
        assert_eq!(name("", "", ""), "");
    }

    #[test]
    fn the_domain_is_read_from_any_json_and_left_out_of_what_is_none() {
        assert_eq!(domain(r#"["Agriculture", "For\u00eat", 3, null]"#), "Agriculture, Forêt");
        assert_eq!(domain(r#""Agriculture""#), "Agriculture");
        for odd in ["", "null", "[]", "{}", "[\"Agri", "12"] {
            assert_eq!(domain(odd), "", "{odd}");
        }
    }

    #[test]
    fn a_seal_changes_with_version_status_and_content_and_nothing_else() {
        let fiche = Fiche { content: BTreeMap::from([("description", None)]), ..Fiche::default() };
        let others = [
            Fiche { version: 1, ..fiche.clone() },
            Fiche { status: "publiee".into(), ..fiche.clone() },
            Fiche { content: BTreeMap::from([("description", Some(String::new()))]), ..fiche.clone() },
            Fiche { content: BTreeMap::from([("competences", None)]), ..fiche.clone() },
        ];
        assert!(others.iter().all(|other| other.seal() != fiche.seal()));
        assert_eq!(Fiche { name: "Agent".into(), id: 9, ..fiche.clone() }.seal(), fiche.seal());
    }
}
