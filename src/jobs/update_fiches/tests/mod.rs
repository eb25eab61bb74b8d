//! Writing into a database with the tables of the site's own program.

mod reading;
mod writing;

use super::fiche::{Fiche, Register};
use super::sheet::Sheet;
use super::sheet::tests::{answer, trends};
use crate::config::database::Database as Section;
use crate::config::units::Length;
use crate::world::database::Database;
use crate::world::{Place, World};
use serde_json::Value;
use std::path::PathBuf;
use tempfile::TempDir;

/// Some of the columns of the site's own program; `nombre` is one that `maint` does not know.
const TABLES: &str = "
CREATE TABLE fiches_metiers (id INTEGER NOT NULL PRIMARY KEY, code_rome VARCHAR(10) NOT NULL,
    nom_masculin VARCHAR(255) NOT NULL, nom_feminin VARCHAR(255) NOT NULL, nom_epicene VARCHAR(255) NOT NULL,
    description TEXT, description_courte VARCHAR(500), competences JSON, competences_transversales JSON,
    formations JSON, certifications JSON, conditions_travail JSON, environnements JSON, secteurs_activite JSON,
    salaires JSON, perspectives JSON, nombre INTEGER, statut VARCHAR(20), version INTEGER, date_maj DATETIME,
    auteur VARCHAR(100));
CREATE TABLE audit_log (id INTEGER NOT NULL PRIMARY KEY, timestamp DATETIME, type_evenement VARCHAR(30) NOT NULL,
    code_rome VARCHAR(10), agent VARCHAR(50) NOT NULL, description TEXT NOT NULL, donnees_avant TEXT,
    donnees_apres TEXT, validateur VARCHAR(100));";

/// A site of its own.
struct Site {
    folder: TempDir,
    world: World,
    database: Database,
}

impl Site {
    fn new() -> Site {
        Site::with(TABLES)
    }

    /// A site whose database was made like that.
    fn with(tables: &str) -> Site {
        let folder = TempDir::new().unwrap();
        connection(&folder).execute_batch(tables).unwrap();
        let place = Place { config: None, root: Some(folder.path().to_owned()) };
        let mut world = World::without_site(&place).unwrap();
        let url = String::from("sqlite:db.sqlite3").try_into().unwrap();
        let section = Section { url, service: None, busy_timeout: Length::from_seconds(1) };
        world.config.databases.insert("app".to_owned(), section);
        let database = world.database(None).unwrap();
        Site { folder, world, database }
    }

    fn execute(&self, sql: &str) {
        connection(&self.folder).execute_batch(sql).unwrap();
    }

    /// A published sheet.
    fn add(&self, code: &str, version: &str) {
        self.execute(&format!(
            "INSERT INTO fiches_metiers (code_rome, nom_masculin, nom_feminin, nom_epicene, secteurs_activite, statut, version)
             VALUES ('{code}', 'Agent', 'Agente', 'Agent / Agente', '[\"Agriculture\"]', 'publiee', {version})"
        ));
    }

    /// The first row: its columns as text, NULL as "-".
    fn row(&self, sql: &str) -> Vec<String> {
        let connection = connection(&self.folder);
        let mut statement = connection.prepare(sql).unwrap();
        let columns = statement.column_count();
        let cell = |row: &rusqlite::Row<'_>, index| -> String {
            match row.get::<_, rusqlite::types::Value>(index).unwrap() {
                rusqlite::types::Value::Null => "-".to_owned(),
                rusqlite::types::Value::Integer(value) => value.to_string(),
                rusqlite::types::Value::Real(value) => value.to_string(),
                rusqlite::types::Value::Text(value) => value,
                rusqlite::types::Value::Blob(value) => format!("{value:?}"),
            }
        };
        statement.query_row([], |row| Ok((0..columns).map(|index| cell(row, index)).collect())).unwrap()
    }

    fn cell(&self, sql: &str) -> String {
        self.row(sql).remove(0)
    }

    fn json(&self, sql: &str) -> Value {
        serde_json::from_str(&self.cell(sql)).unwrap()
    }

    fn register<T>(&self, ask: impl FnOnce(&Register, &mut crate::world::database::Session<'_>) -> T) -> T {
        let mut session = self.database.look(&self.world).unwrap();
        let register = Register::of(&mut session).unwrap();
        ask(&register, &mut session)
    }

    fn published(&self) -> Vec<Fiche> {
        let statuses = ["publiee".to_owned()];
        self.register(|register, session| register.published(session, &statuses).unwrap())
    }

    fn find(&self, code: &str) -> Option<Fiche> {
        self.register(|register, session| register.find(session, code).unwrap())
    }
}

fn connection(folder: &TempDir) -> rusqlite::Connection {
    let path: PathBuf = folder.path().join("db.sqlite3");
    rusqlite::Connection::open(path).unwrap()
}

fn sheet_of(answer: &Value) -> Sheet {
    Sheet::read(&answer.to_string(), &trends()).unwrap()
}

fn sheet() -> Sheet {
    sheet_of(&answer())
}
