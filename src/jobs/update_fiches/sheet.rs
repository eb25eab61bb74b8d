//! What Claude writes for a job: its form, and whether an answer has it.

use super::faults::{Faults, from_to};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value, json};
use std::ops::RangeInclusive;

/// What an answer says, whole and within its limits. The keys are those of the answer, and the columns of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Sheet {
    description: String,
    description_courte: String,
    competences: Vec<String>,
    competences_transversales: Vec<String>,
    formations: Vec<String>,
    certifications: Vec<String>,
    conditions_travail: Vec<String>,
    environnements: Vec<String>,
    salaires: Salaries,
    perspectives: Outlook,
}

/// Gross salaries in euros per year.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Salaries {
    junior: Range,
    confirme: Range,
    senior: Range,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Range {
    #[serde(deserialize_with = "amount")]
    min: i64,
    #[serde(deserialize_with = "amount")]
    max: i64,
    #[serde(deserialize_with = "amount")]
    median: i64,
}

/// What becomes of the job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Outlook {
    tension: f64,
    tendance: String,
    evolution_5ans: Evolution,
}

/// Words, or the rate that the site's own program also knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Evolution {
    Words(String),
    Rate(Number),
}

/// The keys of an answer, which are columns too.
pub(super) const COLUMNS: [&str; 10] = [
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

pub(super) const DESCRIPTION: RangeInclusive<usize> = 10..=5_000;
pub(super) const SHORT: RangeInclusive<usize> = 1..=200;
pub(super) const ITEM: RangeInclusive<usize> = 1..=300;
/// How many items each list has, and what they are.
const LISTS: [(&str, RangeInclusive<usize>, &str); 6] = [
    ("competences", 6..=10, "savoir-faire techniques"),
    ("competences_transversales", 3..=5, "savoir-être et compétences transversales"),
    ("formations", 3..=5, "diplômes et formations d'accès"),
    ("certifications", 0..=3, "certifications ou habilitations réelles, liste vide s'il n'y en a pas"),
    ("conditions_travail", 3..=5, "conditions d'exercice"),
    ("environnements", 2..=4, "lieux et types d'employeurs"),
];
pub(super) const LEVELS: [&str; 3] = ["junior", "confirme", "senior"];
pub(super) const SALARY: RangeInclusive<i64> = 5_000..=1_000_000;

/// The form as a JSON schema, as far as Claude keeps to it: limits it does not know are checked by [`Sheet::read`].
pub(super) fn schema(trends: &[String]) -> Value {
    let mut properties = Map::new();
    let text = |limits: &RangeInclusive<usize>, what: &str| json!({"type": "string", "description": format!("{what} ({} caractères)", from_to(limits))});
    properties.insert("description".to_owned(), text(&DESCRIPTION, "le métier en 3 à 5 phrases"));
    properties.insert("description_courte".to_owned(), text(&SHORT, "le métier en une phrase"));
    for (key, limits, what) in &LISTS {
        let what = format!("{} éléments : {what}", from_to(limits));
        let list = json!({"type": "array", "description": what, "items": {"type": "string"}});
        properties.insert((*key).to_owned(), list);
    }
    let amount =
        |what: &str| json!({"type": "integer", "description": format!("{what}, en euros bruts par an")});
    let salary = object([
        ("min", amount("salaire bas")),
        ("max", amount("salaire haut")),
        ("median", amount("salaire médian")),
    ]);
    properties.insert("salaires".to_owned(), object(LEVELS.map(|level| (level, salary.clone()))));
    let tension =
        json!({"type": "number", "description": "de 0 (peu d'offres) à 1 (forte pénurie de candidats)"});
    let outlook = object([
        ("tension", tension),
        ("tendance", json!({"type": "string", "enum": trends})),
        ("evolution_5ans", text(&ITEM, "une phrase sur l'évolution du métier d'ici cinq ans")),
    ]);
    properties.insert("perspectives".to_owned(), outlook);
    object(properties)
}

/// An object with these keys and no others.
fn object(properties: impl IntoIterator<Item = (impl Into<String>, Value)>) -> Value {
    let properties: Map<_, _> = properties.into_iter().map(|(key, value)| (key.into(), value)).collect();
    let required: Vec<_> = properties.keys().cloned().collect();
    json!({"type": "object", "additionalProperties": false, "required": required, "properties": properties})
}

impl Sheet {
    /// Reads an answer; the error says in French what is wrong with it, for the one who is asked again and for the log.
    pub(super) fn read(text: &str, trends: &[String]) -> Result<Sheet, String> {
        let mut answer = match serde_json::from_str(text.trim()) {
            Ok(Value::Object(answer)) => answer,
            Ok(_) => return Err("La réponse n'est pas un objet JSON.".to_owned()),
            Err(error) => return Err(unreadable(&error)),
        };
        let mut faults = Faults::default();
        faults.texts(&mut answer);
        for (key, limits, _) in &LISTS {
            faults.list(&mut answer, key, limits);
        }
        faults.salaries(&answer);
        faults.outlook(&mut answer, trends);
        if !faults.is_empty() {
            return Err(faults.sentence());
        }
        // Its form has just been looked at.
        serde_json::from_value(answer.into()).map_err(|_| "La réponse n'a pas la forme demandée.".to_owned())
    }
}

fn unreadable(error: &serde_json::Error) -> String {
    let what = if error.is_eof() { "est un JSON incomplet" } else { "n'est pas un JSON valide" };
    format!("La réponse {what} (ligne {}, colonne {}).", error.line(), error.column())
}

/// A salary.
fn amount<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    whole(&Value::deserialize(deserializer)?).ok_or_else(|| serde::de::Error::custom("no whole number"))
}

/// A whole number, also one that is written as 25000.0.
#[expect(clippy::cast_possible_truncation, reason = "a salary is far below")]
pub(super) fn whole(value: &Value) -> Option<i64> {
    let float = || value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 1e9);
    value.as_i64().or_else(|| float().map(|number| number as i64))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn trends() -> Vec<String> {
        ["emergence", "stable", "disparition"].map(str::to_owned).into()
    }

    /// An answer as it should be.
    pub(in super::super) fn answer() -> Value {
        let list = |what: &str, count: usize| (1..=count).map(|n| format!("{what} {n}")).collect::<Vec<_>>();
        let range = |median: i64| json!({"min": median - 3_000, "max": median + 3_000, "median": median});
        json!({
            "description": "Le métier consiste à conduire des engins agricoles.\nIl s'exerce à l'extérieur.",
            "description_courte": "Conduite d'engins agricoles.",
            "competences": list("Régler un semoir", 6),
            "competences_transversales": list("Rigueur", 3),
            "formations": list("CAP", 3),
            "certifications": [],
            "conditions_travail": list("Horaires décalés", 3),
            "environnements": list("Exploitation", 2),
            "salaires": {"junior": range(23_000), "confirme": range(26_000), "senior": range(30_000)},
            "perspectives": {"tension": 0.7, "tendance": "stable", "evolution_5ans": "Une hausse modérée."},
        })
    }

    fn read(answer: &Value) -> Result<Sheet, String> {
        Sheet::read(&answer.to_string(), &trends())
    }

    /// What is said to an answer of which `place` (a JSON pointer) is something else.
    fn complaint(place: &str, value: Value) -> String {
        let mut answer = answer();
        *answer.pointer_mut(place).unwrap() = value;
        read(&answer).unwrap_err()
    }

    #[test]
    fn a_whole_number_with_a_point_and_a_line_separator_are_read_as_they_are_meant() {
        let mut odd = answer();
        odd["salaires"]["junior"]["median"] = json!(23_000.0);
        odd["competences"][0] = json!("Régler\u{2028}un semoir 1");
        assert_eq!(read(&odd).unwrap(), read(&answer()).unwrap());
        odd["salaires"]["junior"]["median"] = json!(23_000.5);
        assert!(read(&odd).is_err());
    }

    #[test]
    fn an_answer_is_read_as_it_is_whatever_else_it_holds() {
        let mut more = answer();
        more["secteurs_activite"] = json!(["Agriculture"]);
        more["salaires"]["regional"] = json!({});
        let sheet = Sheet::read(&format!("\n  {more}\n"), &trends()).unwrap();
        assert_eq!(serde_json::to_value(&sheet).unwrap(), answer());
        let mut rate = answer();
        rate["perspectives"]["evolution_5ans"] = json!(0.05);
        rate["perspectives"]["tension"] = json!(1);
        assert!(read(&rate).is_ok());
    }

    #[test]
    fn every_limit_is_kept() {
        let text = |length: usize| json!("é".repeat(length));
        let list = |count: usize| json!(vec!["x"; count]);
        let range = |min: i64, median: i64, max: i64| json!({"min": min, "median": median, "max": max});
        let wrong = [
            ("/description", text(9), "compte 9 caractères (10 à 5 000 attendus)"),
            ("/description", text(5_001), "compte 5 001 caractères"),
            ("/description", json!(["x"]), "n'est pas un texte"),
            ("/description", json!("Un métier \u{1b}[31m rouge"), "contient un caractère de contrôle"),
            ("/description_courte", text(201), "compte 201 caractères (1 à 200 attendus)"),
            ("/description_courte", json!(" \n "), "compte 0 caractère (1 à 200 attendus)"),
            ("/competences", list(5), "a 5 éléments (6 à 10 attendus)"),
            ("/competences", list(11), "a 11"),
            ("/competences", Value::Null, "`competences` manque ou n'est pas une liste"),
            ("/competences_transversales", list(6), "a 6 éléments (3 à 5 attendus)"),
            ("/formations", list(2), "a 2 éléments (3 à 5 attendus)"),
            ("/certifications", list(4), "a 4 éléments (0 à 3 attendus)"),
            ("/conditions_travail", list(1), "a 1 élément (3 à 5 attendus)"),
            ("/environnements", list(5), "a 5 éléments (2 à 4 attendus)"),
            ("/environnements/1", text(301), "`environnements[1]` compte 301"),
            ("/environnements/0", json!("  "), "`environnements[0]` compte 0"),
            ("/environnements/0", json!(3), "`environnements[0]` manque ou n'est pas un texte"),
            ("/salaires", json!([]), "`salaires.junior` manque"),
            ("/salaires/junior/min", json!("20000"), "trois nombres entiers"),
            ("/salaires/junior/min", json!(20_000.5), "trois nombres entiers"),
            ("/salaires/junior", range(4_999, 20_000, 30_000), "(5 000 à 1 000 000 euros bruts par an)"),
            ("/salaires/senior", range(30_000, 40_000, 1_000_001), "sort des limites"),
            ("/salaires/senior", range(30_000, 29_999, 40_000), "min ≤ median ≤ max"),
            ("/salaires/senior", range(40_000, 35_000, 30_000), "min ≤ median ≤ max"),
            ("/salaires/senior", range(20_000, 25_999, 40_000), "médian qui baisse"),
            ("/perspectives", json!("bonnes"), "`perspectives` manque ou n'est pas un objet"),
            ("/perspectives/tension", json!(1.01), "`perspectives.tension` n'est pas un nombre de 0 à 1"),
            ("/perspectives/tension", json!(-0.1), "n'est pas un nombre de 0 à 1"),
            ("/perspectives/tension", json!("0.5"), "n'est pas un nombre de 0 à 1"),
            ("/perspectives/tendance", json!("hausse"), "permises (emergence, stable, disparition)"),
            ("/perspectives/evolution_5ans", json!(""), "`perspectives.evolution_5ans` compte 0"),
            ("/perspectives/evolution_5ans", json!(null), "n'est pas un texte"),
        ];
        for (place, value, expected) in wrong {
            let said = complaint(place, value.clone());
            assert!(said.contains(expected), "{place}: {said}");
        }
        let right = [
            ("/description", text(10)),
            ("/description", text(5_000)),
            ("/description_courte", text(200)),
            ("/competences", list(10)),
            ("/certifications", list(3)),
            ("/salaires/junior", range(5_000, 5_000, 5_000)),
            ("/salaires/senior", range(26_000, 26_000, 1_000_000)),
            ("/perspectives/tension", json!(0)),
        ];
        for (place, value) in right {
            let mut answer = answer();
            *answer.pointer_mut(place).unwrap() = value;
            assert!(read(&answer).is_ok(), "{place}");
        }
    }

    #[test]
    fn a_key_that_is_missing_is_named() {
        for key in COLUMNS {
            let mut answer = answer();
            answer.as_object_mut().unwrap().remove(key);
            assert!(read(&answer).unwrap_err().contains(key), "{key}");
        }
    }

    #[test]
    fn a_complaint_is_one_sentence_that_names_the_first_few_faults() {
        let said = read(&json!({})).unwrap_err();
        assert!(said.starts_with(
            "La réponse ne respecte pas les consignes : `description` manque ou n'est pas un texte ; "
        ));
        assert!(said.ends_with(" ; et 7 autres erreurs."), "{said}");
        assert!(!said.contains('\n'));
    }

    #[test]
    fn what_is_no_json_object_is_refused_with_its_place() {
        let whole = answer().to_string();
        let half: String = whole.chars().take(300).collect();
        let cases = [
            (half.as_str(), "La réponse est un JSON incomplet (ligne 1, colonne "),
            ("", "La réponse est un JSON incomplet"),
            ("Voici la fiche : {}", "La réponse n'est pas un JSON valide (ligne 1, colonne 1)."),
            ("{\"a\": \"\\ud800\"}", "La réponse n'est pas un JSON valide"),
            ("[]", "La réponse n'est pas un objet JSON."),
            ("null", "La réponse n'est pas un objet JSON."),
        ];
        for (text, expected) in cases {
            let said = Sheet::read(text, &trends()).unwrap_err();
            assert!(said.starts_with(expected), "{text}: {said}");
        }
        let deep = "[".repeat(100_000);
        assert!(Sheet::read(&deep, &trends()).is_err());
    }

    #[test]
    fn white_space_is_tidied_and_the_lines_of_a_description_stay() {
        let mut untidy = answer();
        untidy["description"] = json!("  Un métier\tde la terre. \r\n\r\n  Il\u{a0}s'exerce dehors.  \n");
        untidy["environnements"][0] = json!(" Ferme \n isolée ");
        untidy["perspectives"]["tendance"] = json!(" stable ");
        let sheet = read(&untidy).unwrap();
        assert_eq!(sheet.description, "Un métier de la terre.\n\nIl\u{a0}s'exerce dehors.");
        assert_eq!(sheet.environnements[0], "Ferme isolée");
        assert_eq!(sheet.perspectives.tendance, "stable");
    }

    /// Every object of a schema, with what is in it.
    fn objects(schema: &Value) -> Vec<&Value> {
        let below = match schema {
            Value::Object(map) => map.values().flat_map(objects).collect(),
            Value::Array(items) => items.iter().flat_map(objects).collect(),
            _ => Vec::new(),
        };
        std::iter::once(schema).filter(|schema| schema["type"] == "object").chain(below).collect()
    }

    #[test]
    fn the_schema_keeps_to_what_claude_enforces_and_asks_for_all_that_is_read() {
        let schema = schema(&trends());
        let found = objects(&schema);
        assert_eq!(found.len(), 6);
        for object in found {
            assert_eq!(object["additionalProperties"], false);
            let keys: Vec<_> = object["properties"].as_object().unwrap().keys().collect();
            assert_eq!(object["required"], json!(keys));
        }
        assert_eq!(schema["required"], json!(COLUMNS));
        assert_eq!(schema["properties"]["perspectives"]["properties"]["tendance"]["enum"], json!(trends()));
        let text = schema.to_string();
        for keyword in ["minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength", "pattern"] {
            assert!(!text.contains(&format!("\"{keyword}\"")), "{keyword}");
        }
    }
}
