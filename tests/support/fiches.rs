//! A site with job sheets, and a Claude that it may ask.

use crate::support::claude::{Claude, KEY, is_message};
use crate::support::database::Database;
use crate::support::{Run, Site, run};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Where the sheets are.
pub(crate) const FILE: &str = "fiches.db";
/// Columns that an answer replaces.
pub(crate) const CONTENT: [&str; 10] = [
    "description",
    "description_courte",
    "competences",
    "competences_transversales",
    "formations",
    "certifications",
    "conditions_travail",
    "environnements",
    "salaires",
    "perspectives",
];
/// Nobody waits in a test.
const PATIENCE: &str = "[http]\nback_off = \"1ms\"\n";

const TABLES: &str = "
CREATE TABLE fiches_metiers (id INTEGER NOT NULL, code_rome VARCHAR(10) NOT NULL, code_ogr VARCHAR(10),
    nom_masculin VARCHAR(255) NOT NULL, nom_feminin VARCHAR(255) NOT NULL, nom_epicene VARCHAR(255) NOT NULL,
    description TEXT, description_courte VARCHAR(500), competences JSON, competences_transversales JSON,
    formations JSON, certifications JSON, conditions_travail JSON, environnements JSON, metiers_proches JSON,
    secteurs_activite JSON, salaires JSON, perspectives JSON, statut VARCHAR(20), version INTEGER,
    source VARCHAR(50), tags JSON, date_creation DATETIME, date_maj DATETIME, auteur VARCHAR(100), PRIMARY KEY (id));
CREATE UNIQUE INDEX ix_fiches_metiers_code_rome ON fiches_metiers (code_rome);
CREATE INDEX idx_statut ON fiches_metiers (statut);
CREATE TABLE audit_log (id INTEGER NOT NULL, timestamp DATETIME, type_evenement VARCHAR(30) NOT NULL,
    code_rome VARCHAR(10), agent VARCHAR(50) NOT NULL, description TEXT NOT NULL, donnees_avant TEXT,
    donnees_apres TEXT, validateur VARCHAR(100), PRIMARY KEY (id));
CREATE INDEX ix_audit_log_code_rome ON audit_log (code_rome);
CREATE INDEX ix_audit_log_timestamp ON audit_log (timestamp);
CREATE TABLE salaires (id INTEGER NOT NULL, code_rome VARCHAR(10), niveau VARCHAR(20) NOT NULL,
    source VARCHAR(50) NOT NULL, PRIMARY KEY (id), FOREIGN KEY(code_rome) REFERENCES fiches_metiers (code_rome));
";

/// A site, its sheets, and the Claude that it asks.
pub(crate) struct Fiches {
    pub(crate) site: Site,
    pub(crate) claude: Claude,
    database: Database,
}

impl Fiches {
    /// Five published sheets, and one of each other status; `section` follows in `[update-fiches]`, and whatever comes
    /// behind that.
    pub(crate) fn few(section: &str) -> Fiches {
        Fiches::few_in(TABLES, section)
    }

    /// The same in other tables.
    pub(crate) fn few_in(tables: &str, section: &str) -> Fiches {
        let fiches = Fiches::none(tables, section);
        fiches.execute(&FEW.map(|(code, name, status)| insert(code, name, status)).concat());
        fiches
            .execute("INSERT INTO salaires (code_rome, niveau, source) VALUES ('A1101', 'junior', 'INSEE')");
        fiches
    }

    /// So many published sheets.
    pub(crate) fn many(count: usize, section: &str) -> Fiches {
        let fiches = Fiches::none(TABLES, section);
        let sheets: String =
            (0..count).map(|number| insert(&code(number), &format!("Métier {number}"), "publiee")).collect();
        fiches.execute(&format!("BEGIN; {sheets} COMMIT"));
        fiches
    }

    /// Tables without a sheet.
    fn none(tables: &str, section: &str) -> Fiches {
        let site = Site::in_memory(&format!(
            "[databases.app]\nurl = \"sqlite:{FILE}\"\n{PATIENCE}[update-fiches]\nlongest_wait = \"1s\"\n{section}"
        ));
        let database = Database::Sqlite(site.path(FILE));
        database.execute(tables);
        Fiches { site, claude: Claude::start(), database }
    }

    /// A command of `maint` that knows where Claude is, and its key.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.site.command(args);
        command.env("ANTHROPIC_API_KEY", KEY).env("ANTHROPIC_BASE_URL", self.claude.url(""));
        command
    }

    /// `maint update-fiches`, ready to run.
    pub(crate) fn prepared(&self, args: &[&str]) -> Command {
        self.command(&[&["update-fiches"], args].concat())
    }

    /// Runs it to its end.
    pub(crate) fn update(&self, args: &[&str]) -> Run {
        run(&mut self.prepared(args))
    }

    /// The same at another time, in RFC 3339.
    pub(crate) fn update_at(&self, time: &str, args: &[&str]) -> Run {
        run(self.prepared(args).env("MAINT_NOW", time))
    }

    /// Puts something else into `maint.toml`.
    #[track_caller]
    pub(crate) fn configure(&self, before: &str, after: &str) {
        let text = fs::read_to_string(self.site.path("maint.toml")).unwrap();
        assert!(text.contains(before), "{before} in {text}");
        self.site.configure(&text.replace(before, after));
    }

    /// A locked database is hardly waited for.
    pub(crate) fn is_impatient(&self) {
        self.configure("[http]", "busy_timeout = \"300ms\"\n[http]");
    }

    /// Nobody else writes to the database before this is dropped.
    pub(crate) fn lock(&self) -> rusqlite::Connection {
        lock(&self.path())
    }

    /// Locks the database when the `number`-th message from now on comes, until Claude recovers.
    pub(crate) fn locks_at_message(&self, number: u32) {
        let (file, mut count, mut holder) = (self.path(), 0, None);
        self.claude.trouble(move |request| {
            count += u32::from(is_message(request));
            if count == number && holder.is_none() {
                holder = Some(lock(&file));
            }
            None
        });
    }

    /// Somebody writes a description.
    #[track_caller]
    pub(crate) fn edit(&self, code: &str) {
        let by_hand = format!("SET description = '{BY_HAND}' WHERE code_rome = '{code}'");
        self.execute(&format!("UPDATE fiches_metiers {by_hand}"));
    }

    /// Each of the published ones was refreshed once, for one answer each.
    #[track_caller]
    pub(crate) fn all_are_done_and_paid_once(&self) {
        assert_eq!(self.versions()[..5], PUBLISHED.map(|code| format!("{code} 2")));
        for code in PUBLISHED {
            assert_eq!((self.modified(code), self.claude.paid(code)), (1, 1), "{code}");
        }
    }

    /// Carries out statements.
    #[track_caller]
    pub(crate) fn execute(&self, sql: &str) {
        self.database.execute(sql);
    }

    /// The rows of a query, columns joined by "|".
    #[track_caller]
    pub(crate) fn rows(&self, sql: &str) -> Vec<String> {
        self.database.rows(sql)
    }

    /// The only value of a query.
    #[track_caller]
    pub(crate) fn value(&self, sql: &str) -> String {
        let rows = self.rows(sql);
        assert_eq!(rows.len(), 1, "{sql}: {rows:?}");
        rows.concat()
    }

    /// A column of a sheet.
    #[track_caller]
    pub(crate) fn cell(&self, code: &str, column: &str) -> String {
        self.value(&format!("SELECT {column} FROM fiches_metiers WHERE code_rome = '{code}'"))
    }

    /// Codes and versions: "A1101 2".
    #[track_caller]
    pub(crate) fn versions(&self) -> Vec<String> {
        self.rows("SELECT code_rome || ' ' || version FROM fiches_metiers ORDER BY code_rome")
    }

    /// The audit log: "modification|A1101|AgentRedacteurFiche".
    #[track_caller]
    pub(crate) fn audit(&self) -> Vec<String> {
        self.rows("SELECT type_evenement, code_rome, agent FROM audit_log ORDER BY id")
    }

    /// How often a sheet was modified, by the audit log.
    #[track_caller]
    pub(crate) fn modified(&self, code: &str) -> usize {
        let expected = format!("modification|{code}|AgentRedacteurFiche");
        self.audit().iter().filter(|row| **row == expected).count()
    }

    /// Every row of every table, to see that nothing was touched.
    pub(crate) fn content(&self) -> Vec<String> {
        let tables = ["fiches_metiers", "audit_log", "salaires"];
        tables.iter().flat_map(|table| self.rows(&format!("SELECT * FROM {table} ORDER BY id"))).collect()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.site.path(FILE)
    }
}

/// What a description says that somebody has written.
pub(crate) const BY_HAND: &str = "De main humaine";

fn lock(file: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(file).unwrap();
    connection.busy_timeout(Duration::from_secs(5)).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

/// Sheets of every status: code, what it is called, status.
const FEW: [(&str, &str, &str); 8] = [
    ("A1101", "Essayeur de parapluies", "publiee"),
    ("B1302", "Accordeur d'horloges", "publiee"),
    ("C1504", "Gardien de \"phare\"\nde nuit", "publiee"),
    ("D1106", "Goûteur d'été \\ d'automne", "publiee"),
    ("E1205", "Compteur de nuages {code}", "publiee"),
    ("F1106", "Brouillonneur", "brouillon"),
    ("G1201", "Validateur", "en_validation"),
    ("H1102", "Archiviste", "archivee"),
];

/// The codes of the published ones among the few.
pub(crate) const PUBLISHED: [&str; 5] = ["A1101", "B1302", "C1504", "D1106", "E1205"];

/// The code of the `number`-th of many sheets, in order.
pub(crate) fn code(number: usize) -> String {
    let letter = char::from(b'A' + u8::try_from(number / 150).unwrap());
    format!("{letter}{}", 1_101 + number % 150)
}

/// A sheet as the site's import leaves it.
fn insert(code: &str, name: &str, status: &str) -> String {
    let name = name.replace('\'', "''");
    let sectors = r#"["Essais et mesures", "M\u00e9tiers d''art"]"#;
    let salaries = r#"{"junior": {"min": 20000, "max": 24000, "median": 22000}, "confirme": {}, "senior": {}, "regional": {}, "source": "INSEE", "date_maj": null}"#;
    let prospects = r#"{"tension": 0.5, "tendance": "stable", "evolution_5ans": null, "nombre_offres": 12, "taux_insertion": null}"#;
    format!(
        "INSERT INTO fiches_metiers (code_rome, nom_masculin, nom_feminin, nom_epicene, description, competences,
             secteurs_activite, metiers_proches, salaires, perspectives, statut, version, source, tags, date_creation,
             date_maj, auteur)
         VALUES ('{code}', '{name}', '{name} (f)', '{name} (é)', 'Fiche métier ROME {name}',
             '[\"Observer\", \"Noter\"]', '{sectors}', '[]', '{salaries}', '{prospects}', '{status}', 1, 'ROME', '[]',
             '2025-01-02 03:04:05.678901', '2025-01-02 03:04:05.678901', 'import');\n"
    )
}

/// The codes of a report's steps that enrich a sheet and ended in this way.
#[track_caller]
pub(crate) fn codes(report: &Value, outcome: &str) -> Vec<String> {
    let steps = report["steps"].as_array().expect("a report has steps").iter();
    let enriching = steps.filter(|step| step["action"] == "enrich-fiche" && step["outcome"] == outcome);
    enriching.map(|step| step["code"].as_str().unwrap().to_owned()).collect()
}

/// The totals of a report: updated, unchanged, failed.
#[track_caller]
pub(crate) fn totals(report: &Value) -> [u64; 3] {
    ["updated", "unchanged", "failed"]
        .map(|key| report[key].as_u64().unwrap_or_else(|| panic!("{key} in {report}")))
}

/// What a report says that was paid, in picodollars.
#[track_caller]
pub(crate) fn cost(report: &Value) -> u64 {
    picodollars(report["cost_usd"].as_f64().unwrap_or_else(|| panic!("no cost_usd in {report}")))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "nobody pays that much")]
pub(crate) fn picodollars(usd: f64) -> u64 {
    (usd * 1e12).round() as u64
}

/// What JSON is in Python, as the site's database has it.
pub(crate) fn python(value: &Value) -> String {
    let text = |text: &str| {
        let escaped = json!(text).to_string();
        escaped.chars().fold(String::new(), |mut all, letter| {
            if letter.is_ascii() {
                all.push(letter);
            } else {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    let _ = write!(all, "\\u{unit:04x}");
                }
            }
            all
        })
    };
    match value {
        Value::Array(list) => format!("[{}]", list.iter().map(python).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let pairs: Vec<String> =
                map.iter().map(|(key, value)| format!("{}: {}", text(key), python(value))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Value::String(string) => text(string),
        other => other.to_string(),
    }
}
